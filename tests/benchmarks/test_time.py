"""Plans over time, as ratios within one run: against one start of SLSQP with exact gradients.

`make bench TESTS="tests/benchmarks/test_time.py"` prints it. Nothing here fails for being slow.
"""

import time

import pytest

from optimizer.compiling import compile_plan
from optimizer.solvers import solve
from optimizer.solvers.solution import Options

from . import peers
from .families import over_time
from .test_speed import quiet, told

__all__ = ["quiet"]


def timed(work):
    start = time.perf_counter()
    return work(), time.perf_counter() - start


@pytest.mark.parametrize(
    ("lines", "periods", "every"),
    [(12, 24, "month"), (8, 52, "week")],
    ids=["12 lines, 24 months", "8 lines, 52 weeks"],
)
def test_concave_plans_over_time(lines, periods, every):
    """Proven to 1e-4 in 3 s, faster than one start of SLSQP and at least as good."""
    slowest, share, found = (0.0, 0.0), 2.0, 0.0
    for seed in range(3):
        plan = over_time(lines, periods, seed, every=every)
        best, ours = timed(lambda plan=plan: solve(compile_plan(plan), Options(gap=1e-4)))
        problem = compile_plan(plan)
        other, theirs = timed(lambda problem=problem: peers.slsqp_over_time(problem))
        slowest = max(slowest, (ours, theirs))
        share, found = min(share, theirs / ours), max(found, other / best.value)
        assert best.gap <= 1e-4
        assert other <= best.bound * (1 + 1e-6)
    reached = slowest[0] <= 3.0 and share > 1.0 and found <= 1.0 + 1e-4
    goal = f"faster, as good, ≤ 3 s: {share:.2g} ×, {found:.6f}"
    told(f"{lines} × {periods} {every}s concave, proven", *slowest, goal, reached)


def test_weeks_of_s_curves_at_any_time():
    """What is proven after 30 s at most; the peer's plan may be no better than our bound."""
    for seed in range(1, 9):
        plan = over_time(8, 52, seed, s_shaped=True)
        options = Options(gap=3e-3, time_limit=30.0)
        best, ours = timed(lambda plan=plan, o=options: solve(compile_plan(plan), o))
        problem = compile_plan(plan)
        other, theirs = timed(lambda problem=problem: peers.slsqp_over_time(problem, 30.0))
        assert other <= best.bound * (1 + 1e-6)
        goal = f"≤ 0.3 % in 30 s: {best.gap:.2%}, peer at {other / best.value:.4f}"
        told(f"8 × 52 weeks of S-curves, seed {seed}", ours, theirs, goal, best.gap <= 3e-3)


def test_many_lines_over_weeks():
    """Not a mark: how long a hundred lines over a year of weeks take."""
    best, ours = timed(lambda: solve(compile_plan(over_time(100, 52)), Options(gap=1e-4)))
    assert best.gap <= 1e-4
    print(f"\n100 × 52 weeks concave, proven to {best.gap:.1e}: {ours:.1f} s")
