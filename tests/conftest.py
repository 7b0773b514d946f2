"""What every test shares: properties are tried on the same examples in every run."""

import os

from hypothesis import settings

# Deterministic, so that a red run is red for a reason in the change; and without a deadline, since
# a solver's first call loads its library. HYPOTHESIS_PROFILE=explore looks for new examples.
settings.register_profile("steady", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("explore", max_examples=1000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
