"""Public packages on the same S-curves, value, time and gap in one run: `make bench-peers`.

Seconds are the processor's; a peer may take two minutes.
"""

import time

import numpy as np
import pytest

from optimizer.compiling import compile_plan
from optimizer.solvers import solve
from optimizer.solvers.solution import Options, relative_gap

from .families import s_curves

pytest.importorskip("nlopt", reason="make bench-peers installs it")
pytest.importorskip("pyscipopt", reason="make bench-peers installs it")

from . import public_peers

LIMIT = 120.0


@pytest.mark.parametrize("n", [8, 40, 200])
def test_public_packages_on_s_curves(n):
    """Fails only where a peer finds more than our bound allows."""
    problem = compile_plan(s_curves(n))
    solve(problem, Options())  # the first call loads the backend
    start = time.process_time()
    ours = solve(problem, Options())
    answers = {
        "adsplit": public_peers.Answer(ours.value, ours.bound, time.process_time() - start),
        "nlopt, as Robyn calls it": public_peers.robyn(problem, LIMIT),
        "SCIP": public_peers.scip(problem, 1e-4, LIMIT),
    }
    print()
    for name, answer in answers.items():
        gap = relative_gap(answer.value, answer.bound)
        proof = f"gap {gap:.1e}" if np.isfinite(answer.bound) else "no proof"
        share = "no plan" if answer.value == -np.inf else f"{answer.value / ours.bound:.4%}"
        print(
            f"{n:4} S-curves  {name:<26} {share:>9} of our bound {answer.seconds:9.4f} s  {proof}"
        )
        assert answer.value <= ours.bound * (1 + 1e-6)
