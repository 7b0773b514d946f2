"""How fast, as ratios within one run: `make bench` prints them. Nothing here fails for being slow.

A line that misses its mark says so. Plans are seeded and never tuned; peers are SciPy's own solvers
on the same problem, and a mixed-integer model on HiGHS. Public packages: test_public_peers.py.
"""

import statistics
import subprocess
import sys
import time
import tracemalloc
import warnings

import numpy as np
import pytest

from optimizer.analysis.sweep import sweep2
from optimizer.compiling import compile_plan
from optimizer.solvers import solve
from optimizer.solvers.prices import Prices, usable_cores
from optimizer.solvers.settle import sharpened
from optimizer.solvers.smoothing import Boxes, SmoothDual
from optimizer.solvers.solution import Options, Status
from tests.solvers.milp import refined

from . import peers
from .families import concave, input_bytes, line_items, s_curves


def seconds(work, times=3):
    """Median time of a call, after one that is not counted."""
    work()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def told(work, ours, theirs, goal, reached):
    mark = "reached" if reached else "MISSED"
    print(f"\n{work:<48} adsplit {ours:8.4f} s   peer {theirs:8.4f} s   {goal:<28} {mark}")


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize(
    ("n", "caps", "goal"),
    [(8, True, 1 / 3), (40, False, 3.0), (200, False, 20.0)],
    ids=["8 S-curves", "40 S-curves", "200 S-curves"],
)
def test_against_one_start_of_slsqp(n, caps, goal):
    ratios = []
    for seed in range(3):
        plan = s_curves(n, seed, caps=caps)
        problem = compile_plan(plan)
        assert solve(problem, Options()).gap <= 1e-4
        ours = seconds(lambda p=plan: solve(compile_plan(p), Options()))
        theirs = seconds(lambda p=problem: peers.slsqp(p), times=1 if n > 100 else 3)
        ratios.append((theirs / ours, ours, theirs))
    ratio, ours, theirs = sorted(ratios)[1]
    told(f"{n} S-curves, proven", ours, theirs, f"≥ {goal:.2g} × : {ratio:.2g} ×", ratio >= goal)


@pytest.mark.parametrize(("n", "caps"), [(8, True), (40, False)])
def test_where_the_time_of_few_lines_goes(n, caps, monkeypatch):
    """Not a mark: how often the dual is evaluated, and what one evaluation costs."""
    counts, at = [], SmoothDual.at
    for seed in range(6):
        asked = []
        monkeypatch.setattr(SmoothDual, "at", lambda *a, asked=asked: asked.append(1) or at(*a))
        solve(compile_plan(s_curves(n, seed, caps=caps)))
        counts.append(len(asked))
    monkeypatch.undo()
    plan = s_curves(n, 0, caps=caps)
    problem = compile_plan(plan)
    dual = SmoothDual(problem)
    boxes = Boxes.of(dual.terms, problem.lower[None], problem.upper[None])
    rows = dual.guess(boxes, 1.0)
    state = dual.at(boxes, rows, 1.0)
    spend = solve(problem).spend
    works = {
        "compiling": lambda: compile_plan(plan),
        "tables": lambda: SmoothDual(problem),
        "an evaluation": lambda: dual.at(boxes, rows, 1.0),
        "a step": lambda: dual._step(state),
        "an exact bound": lambda: dual.bound(boxes, rows),
        "sharpening": lambda: sharpened(problem, spend),
    }
    times = ", ".join(f"{name} {seconds(work, 99) * 1e3:.2f} ms" for name, work in works.items())
    print(f"\n{n} S-curves: {statistics.median(counts):.0f} evaluations; {times}")
    assert min(counts) > 0


def test_a_thousand_s_curves_under_the_time_slsqp_needs_for_200():
    problem = compile_plan(s_curves(1000))
    assert solve(problem, Options()).gap <= 1e-4
    ours = seconds(lambda: solve(problem, Options()))
    small = compile_plan(s_curves(200))
    theirs = seconds(lambda: peers.slsqp(small), times=1)
    told("1,000 S-curves, proven; SLSQP on 200", ours, theirs, "under its time", ours < theirs)


def test_a_grid_against_one_linear_programme():
    """The peer is solved once, with as many tangents as prove its own plan to the same gap."""
    plan = concave(12)
    problem = compile_plan(plan)
    for tangents in range(8, 200, 4):
        value, bound = peers.tangent_programme(problem, tangents)
        if bound - value <= 1e-4 * bound:
            break
    budgets, shares = np.linspace(0.5, 1.5, 21) * plan.budget, np.linspace(0.3, 0.9, 13)
    found = []

    def grid():
        found.append(sweep2(plan, "budget", budgets, "split.brand", shares, gap=1e-4))

    ours = seconds(grid, times=1)
    theirs = seconds(lambda: peers.tangent_programme(problem, tangents))
    assert len(found[0]) == 273
    assert set(found[0]["status"]) == {"optimal"}
    ratio = ours / theirs
    told(
        f"273-point grid, 12 lines; LP of {tangents} tangents",
        ours,
        theirs,
        f"≤ 150 × : {ratio:.0f} ×",
        ratio <= 150,
    )


def test_a_thousand_s_curves_against_a_refined_mixed_integer_model():
    """The peer stops after five minutes, proven or not; its gap is told. Processor seconds."""
    problem = compile_plan(s_curves(1000))
    solve(problem, Options())
    start = time.process_time()
    found = solve(problem, Options())
    ours, start = time.process_time() - start, time.process_time()
    peer = refined(problem, gap=1e-4, seconds=300.0)
    theirs = time.process_time() - start
    assert found.gap <= 1e-4
    assert peer.value <= found.bound * (1 + 1e-6)
    told(
        f"1,000 S-curves; MILP {peer.status}, gap {peer.gap:.0e}",
        ours,
        theirs,
        f"≤ 1/5 of its time : 1/{theirs / ours:.0f}",
        ours <= theirs / 5,
    )


@pytest.mark.parametrize("n", [1_000_000, 10_000_000])
def test_line_items_in_evaluations_of_their_curves(n):
    """Time in evaluations of all curves on one core; memory in copies of the problem's arrays."""
    problem = line_items(n)
    spend = np.random.default_rng(0).uniform(0, 80, n)
    once = seconds(lambda: problem.outcomes(spend))
    tracemalloc.start()
    found = Prices().solve(problem, Options(gap=1e-6), None)
    memory = 1 + tracemalloc.get_traced_memory()[1] / input_bytes(problem)
    tracemalloc.stop()
    assert found.status is Status.OPTIMAL
    ours = seconds(lambda: Prices().solve(problem, Options(gap=1e-6), None))
    ratio = ours / once
    told(
        f"{n:,} lines, gap {found.gap:.0e}, {usable_cores()} cores",
        ours,
        once,
        f"≤ 60 evaluations: {ratio:.0f}; ≤ 12 × the arrays: {memory:.1f} ×",
        ratio <= 60 and memory <= 12,
    )


def test_the_shell_against_importing_scipy():
    def run(*words):
        subprocess.run([sys.executable, *words], check=True, capture_output=True)

    code = "import sys; sys.argv[0] = 'adsplit'; import cli; cli.main()"
    ours = seconds(lambda: run("-c", code, "optimize", "b2b"))
    theirs = seconds(lambda: run("-c", "import numpy, scipy.optimize"))
    ratio = ours / theirs
    told(
        "adsplit optimize b2b; import scipy", ours, theirs, f"≤ 2.5 × : {ratio:.1f} ×", ratio <= 2.5
    )


def test_no_peer_finds_more():
    """The only line here that can fail: on no instance may anyone find a better plan."""
    worst = np.inf
    for seed in range(200):
        problem = compile_plan(s_curves(8, seed))
        ours = solve(problem, Options())
        best = max(peers.slsqp_starts(problem, 20, seed), peers.slsqp(problem))
        if seed < 10:
            best = max(best, peers.evolution(problem, seed), peers.simplicial(problem))
        assert best <= ours.bound * (1 + 1e-6)
        assert ours.value >= best * (1 - 1e-4)
        worst = min(worst, ours.value / best)
    print(f"\n200 instances of 8 S-curves: adsplit / best peer at worst {worst:.6f}")
