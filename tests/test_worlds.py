"""Worlds: every draw's arrays are those of the plan with the draw's numbers put in."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import optimizer as opt
from optimizer.compiling import compile_plan
from optimizer.errors import PlanError
from optimizer.plan.document import from_document, replace_at, to_document
from optimizer.plan.uncertainty import Factor, Range, State, Uncertainty
from optimizer.worlds import Worlds, drawing

FACTORS = Range((0.7, 1.4), times=True)
B2B = {
    "channels.*.*.curve.average_return": FACTORS,
    "channels.*.*.price": Range((0.9, 1.2), times=True, shared=True),
    "funnel.rates.mql": Range((0.08, 0.13), form="normal"),
    "goodwill.half_life": Range((3.0, 9.0)),
}
SLUMP = State(0.25, {"funnel.value.deal": "*0.7", "channels.*.*.price": "*1.1"})


def uncertain(plan, numbers, **given):
    return replace(plan, uncertainty=Uncertainty(numbers, **given))


def one_by_one(plan, worlds, spend):
    """What a spend is worth in every world, each compiled from a plan of its own."""
    states = [*plan.uncertainty.states.values()]
    values = []
    for s in range(worlds.n):
        own = replace(plan, uncertainty=None)
        for path, drawn in worlds.numbers.items():
            own = replace_at(own, path, float(drawn[s]))
        if worlds.state[s] >= 0:
            for path, value in states[worlds.state[s]].set.items():
                own = replace_at(own, path, value)
        problem = compile_plan(own)
        columns = problem.lift(spend)
        values.append(problem.weights @ problem.outcomes(columns) - problem.price @ columns)
    return np.array(values)


@pytest.mark.parametrize("name", ["b2b", "b2c"])
def test_worlds_are_worth_what_their_plans_are(name):
    plan = opt.load(name)
    numbers = {"channels.*.*.curve.average_return": FACTORS}
    if name == "b2b":
        numbers = B2B
    plan = uncertain(plan, numbers, states={"slump": SLUMP} if name == "b2b" else {}, draws=16)
    worlds = Worlds.of(plan)
    grid = worlds.problem.grid
    for spend in (grid.current, 1.7 * grid.current[::-1]):
        np.testing.assert_allclose(worlds.values(spend), one_by_one(plan, worlds, spend), rtol=1e-9)


def test_a_bent_number_needs_few_plans(monkeypatch):
    """Powers of what a half-life leaves are told by places on them, not draw by draw."""
    plan = uncertain(opt.load("b2b"), B2B, states={"slump": SLUMP}, draws=200)
    compiled = []
    monkeypatch.setattr(
        drawing, "compile_plan", lambda plan: compiled.append(1) or compile_plan(plan)
    )
    worlds = Worlds.of(plan)
    assert len(compiled) < 100
    few = worlds.only(np.arange(0, 200, 23))
    spend = 1.3 * worlds.problem.grid.current
    np.testing.assert_allclose(few.values(spend), one_by_one(plan, few, spend), rtol=1e-9)


def warmed():
    """Goodwill lifts two lines, one by more than it can reach."""
    document = to_document(opt.load("b2b"))
    document["goodwill"]["lifts"] = {
        "search.traffic": {"by": 0.5, "reach": 3.0},
        "social.traffic": {"by": 0.8, "reach": 0.02},
    }
    document["funnel"]["capacity"] = {}
    return uncertain(from_document(document), B2B, draws=16)


def test_what_goodwill_lifts_is_worth_what_plans_say():
    plan = warmed()
    worlds = Worlds.of(plan)
    spend = worlds.problem.grid.current
    np.testing.assert_allclose(worlds.values(spend), one_by_one(plan, worlds, spend), rtol=1e-9)
    share, way = np.full(16, 1 / 16), np.random.default_rng(0).normal(size=len(spend)) * spend
    h = 1e-5
    rise = share @ (worlds.values(spend + h * way) - worlds.values(spend - h * way)) / (2 * h)
    assert worlds.gradient(spend, share) @ way == pytest.approx(rise, rel=1e-4, abs=1.0)
    bend = (worlds.gradient(spend - h * way, share) - worlds.gradient(spend + h * way, share)) @ way
    assert way @ worlds.bend(spend, share) @ way == pytest.approx(bend / (2 * h), rel=0.05)


@pytest.fixture(scope="module")
def eight():
    return Worlds.of(uncertain(opt.load("b2b"), B2B, draws=8))


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_gradient_is_that_of_the_values(eight, seed):
    rng, worlds = np.random.default_rng(seed), eight
    spend = worlds.problem.grid.current * rng.uniform(0.5, 1.5, worlds.problem.n_cells)
    share = rng.dirichlet(np.ones(8))
    way = rng.normal(size=len(spend)) * spend
    h = 1e-5
    rise = share @ (worlds.values(spend + h * way) - worlds.values(spend - h * way)) / (2 * h)
    assert worlds.gradient(spend, share) @ way == pytest.approx(rise, rel=1e-4, abs=1.0)


def test_some_worlds_are_those_worlds():
    worlds = Worlds.of(uncertain(opt.load("b2b"), B2B, states={"slump": SLUMP}, draws=16))
    spend, index = worlds.problem.grid.current, np.array([3, 3, 9])
    few = worlds.only(index)
    np.testing.assert_allclose(few.values(spend), worlds.values(spend)[index], rtol=1e-12)
    assert few.weight.sum() == pytest.approx(1.0)


def test_a_plan_with_uncertainty_survives_its_document():
    plan = uncertain(opt.load("b2b"), B2B, states={"slump": SLUMP}, seed=4)
    plan = replace(plan, risk=opt.CVaR(0.8, 0.5))
    assert from_document(to_document(plan)) == plan


def test_stars_say_factors():
    assert Range(["*0.8", "*1.2"]) == Range((0.8, 1.2), times=True)
    with pytest.raises(PlanError, match="do not mix"):
        Range(["*0.8", 1.2])


@pytest.mark.parametrize("form", ["lognormal", "normal", "uniform", "triangular"])
@pytest.mark.parametrize("sure", [0.5, 0.8, 0.95])
def test_as_many_draws_lie_between_the_limits_as_was_said(form, sure):
    drawn = Range((120.0, 260.0), sure, form).at((np.arange(20_000) + 0.5) / 20_000)
    assert np.mean(drawn < 120) == pytest.approx((1 - sure) / 2, abs=1e-4)
    assert np.mean(drawn > 260) == pytest.approx((1 - sure) / 2, abs=1e-4)


def test_numbers_that_stand_together_correlate():
    numbers = {f"channels.{i}.value": FACTORS for i in range(4)}
    together = {"media": Factor(("channels.0", "channels.1.value"), 0.6)}
    drawn = Uncertainty(numbers, together, draws=4096).drawn({path: path for path in numbers})
    scores = [stats.norm.ppf(stats.rankdata(v) / (len(v) + 1)) for v in drawn.values.values()]
    found = np.corrcoef(scores)
    assert found[0, 1] == pytest.approx(0.6, abs=0.03)
    assert abs(found[2:, :2]).max() < 0.05


def test_states_weigh_what_their_chances_are():
    states = {"slump": State(0.2), "boom": State(0.05)}
    drawn = Uncertainty(states=states, draws=100).drawn({})
    for state, chance in ((0, 0.2), (1, 0.05), (-1, 0.75)):
        assert drawn.weight[drawn.state == state].sum() == pytest.approx(chance)


def test_lists_of_draws_belong_together():
    lists = {"a": Range(draws=(1.0, 2.0, 3.0)), "b": Range(draws=(10.0, 20.0, 30.0))}
    drawn = Uncertainty(lists, draws=64).drawn({"a": "a", "b": "b"})
    np.testing.assert_array_equal(10 * drawn.values["a"], drawn.values["b"])
    assert set(drawn.values["a"]) == {1.0, 2.0, 3.0}


def test_the_seed_decides():
    plan = uncertain(opt.load("b2b"), B2B, draws=8)
    again, other = Worlds.of(plan), Worlds.of(uncertain(opt.load("b2b"), B2B, draws=8, seed=2))
    spend = again.problem.grid.current
    np.testing.assert_array_equal(Worlds.of(plan).values(spend), again.values(spend))
    assert not np.array_equal(other.values(spend), again.values(spend))


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"budget": Range((1e6, 2e6))}, "for the plan to decide"),
        ({"channels.search.brand.maximum": Range((1e4, 2e4))}, "for the plan to decide"),
        ({"channels.search.brand.curve.hight": Range((1.0, 2.0))}, "is no number"),
        ({"channels.*.*.price": Range((1.0, 2.0))}, "Write factors"),
        ({"funnel.rates.mql": Range((0.5, 2.0))}, "in a draw"),
        ({}, "nothing is uncertain"),
    ],
)
def test_faults_are_told(numbers, words):
    with pytest.raises(PlanError, match=words):
        Worlds.of(uncertain(opt.load("b2b"), numbers))
