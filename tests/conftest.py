"""What every test shares: properties are tried on the same examples in every run."""

import os

from hypothesis import Phase, settings
from hypothesis.internal.conjecture import providers

# Deterministic, so that a red run is red for a reason in the change; and without a deadline, since
# a solver's first call loads its library; nor with a trace of what only failing examples run, which
# takes minutes. HYPOTHESIS_PROFILE=explore looks for new examples.
PHASES = [phase for phase in Phase if phase is not Phase.explain]
settings.register_profile("steady", derandomize=True, deadline=None, print_blob=True, phases=PHASES)
settings.register_profile("explore", max_examples=1000, deadline=None, print_blob=True)
settings.register_profile(
    "fuzz", max_examples=int(os.environ.get("EXAMPLES", "2000")), deadline=None, print_blob=True
)
settings.register_profile(
    "raw", settings.get_profile("steady"), phases=[Phase.explicit, Phase.generate]
)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "steady")
settings.load_profile(PROFILE)
if PROFILE != "explore":
    # Constants found in whatever modules are loaded would make examples differ from run to run.
    providers.is_local_module_file = lambda _: False
