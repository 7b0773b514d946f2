"""Line items by the price of money, against the tree of boxes and the check from outside."""

import gc
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.certificate import verify
from optimizer.compiling import compile_plan
from optimizer.errors import NoSolver
from optimizer.plan.constraints import Ratio, Share, Spend, SpendAll, Split, Target
from optimizer.plan.curves import Elasticity, Exponential, Hill, Linear, Log, Logistic, Power
from optimizer.plan.objectives import Profit, Revenue
from optimizer.plan.plan import Line, Plan
from optimizer.solvers import solve
from optimizer.solvers.prices import Local, Prices
from optimizer.solvers.solution import Options, Status
from optimizer.sources.table import load_table

KINDS = ("log", "exponential", "elasticity", "power", "hill", "logistic", "linear")


def curve_of(kind, rng):
    a, b, s = float(rng.uniform(20, 150)), float(rng.uniform(20, 120)), float(rng.uniform(0, 1))
    return {
        "log": Log(a / 2, b),
        "exponential": Exponential(a, b),
        "elasticity": Elasticity(b, 0.5 + 2 * s, 0.2 + 0.6 * s),
        "power": Power(a / 12, 0.4 + 0.4 * s),
        "hill": Hill(a, b, 0.6 + 3.4 * s),
        "logistic": Logistic(a, b / 4, b * s),
        "linear": Linear(0.2 + s),
    }[kind]


def many(n, seed=0, kinds=KINDS, floor=0.0, **changes):
    rng = np.random.default_rng(seed)
    lines = []
    for i in range(n):
        curve = curve_of(kinds[int(rng.integers(len(kinds)))], rng)
        limit = float(rng.uniform(50, 300))
        lines.append(
            Line(
                f"c{i % 5}",
                curve,
                role="brand" if i % 2 else "traffic",
                name=f"c{i % 5}.{i}",
                value=1.0,
                maximum=limit,
                minimum=float(rng.choice([0.0, 5.0])) if not floor else 0.0,
                minimum_if_active=floor,
                tags={"market": "de" if i % 3 else "at"},
            )
        )
    about = {"budget": 25.0 * n, "objective": Revenue(), "split": Split("6:4")} | changes
    return Plan("many", tuple(lines), **about)


CASES = {
    "mixed": {},
    "concave": {"kinds": KINDS[:4]},
    "s-curves": {"kinds": ("hill", "logistic")},
    "straight lines": {"kinds": ("linear",)},
    "off or above a minimum": {"floor": 20.0},
    "profit": {"objective": Profit(0.8)},
    "spent whole": {"constraints": (SpendAll(),), "objective": Profit(0.8)},
    "soft split": {"split": Split("8:2", penalty=0.05)},
    "band": {"split": Split("7:3", tolerance=0.05)},
    "nested": {
        "constraints": (
            Share({"market": "at"}, at_least=0.4),
            Spend("c0", at_most="10%", at_least="5%"),
            Spend({"channel": "c1", "role": "brand"}, at_least="4%", name="floor"),
            Ratio("c2", "c3", at_most=0.8),
        )
    },
}


@pytest.mark.parametrize("case", CASES)
def test_prices_find_what_a_tree_of_boxes_finds(case):
    """With few lines a jump may not fit: the bound is true all the same, the tree takes over."""
    plan = many(400, **CASES[case])
    problem = compile_plan(plan)
    quick = Prices().solve(problem, Options(gap=1e-4), None)
    both = solve(problem, Options(gap=3e-4, time_limit=20))
    assert problem.feasible(quick.spend)
    assert quick.gap <= 2e-3
    assert quick.bound >= both.value * (1 - 1e-9)
    assert both.value >= quick.value * (1 - 3e-4)
    verdict = verify(plan, quick.spend, value=quick.value, bound=quick.bound, proof=quick.proof)
    assert verdict.holds, verdict.faults


@pytest.mark.parametrize("case", CASES)
def test_with_many_lines_prices_prove_all_but_the_last_digits(case):
    problem = compile_plan(many(10_000, **CASES[case]))
    found = Prices().solve(problem, Options(gap=1e-6), None)
    assert problem.feasible(found.spend)
    assert found.gap <= 3e-5
    assert found.spend.sum() <= problem.grid.budget * (1 + 1e-12)


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.sampled_from(list(CASES)), st.sampled_from([50, 333]))
def test_the_bound_of_prices_is_true(seed, case, n):
    plan = many(n, seed, **CASES[case])
    problem = compile_plan(plan)
    found = Prices().solve(problem, Options(), None)
    if found.spend is None:
        assert found.status is not Status.OPTIMAL
        return
    assert found.value <= found.bound
    assert problem.feasible(found.spend)
    verdict = verify(plan, found.spend, value=found.value, bound=found.bound, proof=found.proof)
    assert verdict.holds, verdict.faults


def test_a_sample_stands_for_all(monkeypatch):
    """With a sample far smaller than the lines the rounds correct what it got wrong."""
    monkeypatch.setattr("optimizer.solvers.prices._SAMPLE", 100)
    problem = compile_plan(many(2_000, kinds=KINDS[:5]))
    found = Prices().solve(problem, Options(gap=1e-5), None)
    assert found.status is Status.OPTIMAL
    assert found.nodes > 1


def test_what_cannot_be_is_infeasible():
    plan = many(400, constraints=(Spend("brand", at_most="10%"), SpendAll()))
    assert Prices().solve(compile_plan(plan), Options(), None).status is Status.INFEASIBLE


def test_from_many_lines_on_floors_stand_without_switches(monkeypatch):
    plan = many(400, floor=20.0)
    switched = compile_plan(plan)
    one = Prices().solve(switched, Options(gap=1e-4), None)
    monkeypatch.setattr("optimizer.compiling.MANY", 100)
    bare = compile_plan(plan)
    assert len(switched.switches) == bare.bare.sum() == 400
    assert not bare.switches
    assert not switched.bare.any()
    assert set(bare.rows.rule) == {"budget", "split"}
    other = Prices().solve(bare, Options(gap=1e-4), None)
    np.testing.assert_array_equal(other.spend, one.spend)
    assert other.bound == one.bound
    claim = {"value": other.value, "bound": other.bound, "proof": other.proof}
    assert verify(plan, other.spend, **claim).holds
    assert verify(plan, other.spend, **claim | {"bound": other.bound * 0.99}).unproven
    between = other.spend.copy()
    between[np.flatnonzero(between >= 20)[0]] = 10.0
    assert "neither nothing nor" in verify(plan, between, **claim).broken[0]
    with pytest.raises(NoSolver, match="very many"):
        solve(compile_plan(replace(plan, constraints=(Target(at_least=1.0),))))


def test_no_object_is_made_for_a_floor_of_very_many_lines():
    n = 20_000
    frame = pd.DataFrame({"channel": "c", "rate": 1.0, "minimum_if_active": np.full(n, 5.0)})
    plan = load_table(frame, budget=1e4, curve="linear", value=2)
    before = len(gc.get_objects())
    problem = compile_plan(plan)
    assert len(gc.get_objects()) - before < n / 10
    assert problem.bare.all()
    assert solve(problem).gap <= 1e-4


@pytest.mark.parametrize("case", CASES)
def test_the_size_of_blocks_does_not_matter(case, monkeypatch):
    """One block on one core, or dozens on all of them."""
    problem = compile_plan(many(3_000, **CASES[case]))
    whole = Prices().solve(problem, Options(gap=1e-4), None)
    monkeypatch.setattr(Local.__init__, "__defaults__", (100,))
    parts = Prices().solve(problem, Options(gap=1e-4), None)
    np.testing.assert_allclose(parts.spend, whole.spend, rtol=1e-6, atol=1e-6)
    assert parts.bound == pytest.approx(whole.bound, rel=1e-12)
    assert parts.value == pytest.approx(whole.value, rel=1e-9)
