"""Sweeps: points agree with one another, with single answers, and say why one is missing."""

from dataclasses import replace

import numpy as np
import pytest

from optimizer.analysis.sweep import budget_sweep, split_sweep, sweep, sweep2
from optimizer.analysis.variations import Failed, solve_all
from optimizer.certificate import verify
from optimizer.errors import Infeasible, PlanError, UnknownName
from optimizer.plan.constraints import SpendAll, Split, Target
from optimizer.plan.document import replace_at
from optimizer.plan.objectives import Outcomes
from optimizer.solvers.linear import LinearPart
from optimizer.solving import optimize

from .plans import concave, s_shaped, with_line


@pytest.mark.parametrize("plan", [concave(), s_shaped(business="none")], ids=lambda p: p.name)
def test_a_larger_budget_is_never_worth_less(plan):
    swept = budget_sweep(replace(plan, objective=Outcomes()), 9, 0.4, 3.0)
    solved = swept.frame[swept.frame["status"] == "optimal"]
    assert len(solved) >= 8
    assert (np.diff(solved["value"]) >= 0).all()
    assert (solved["value"] <= solved["bound"] * (1 + 1e-12)).all()


def test_today_and_the_stated_budget_are_points():
    plan = concave(budget=1_234_567.0)
    swept = budget_sweep(plan, 5)
    assert (swept.path, swept.unit) == ("budget", "money")
    assert swept.stated == 1_234_567.0
    assert swept.today == plan.grid.current.sum()
    assert {swept.stated, swept.today} <= set(swept.frame["x"])
    assert swept.frame["x"].is_monotonic_increasing
    assert len(swept.allocations) == len(swept.frame) == 6  # the middle one is the stated budget
    stated = swept.frame.set_index("x").loc[swept.stated]
    assert stated["value"] == pytest.approx(optimize(plan).objective, rel=1e-5)
    assert stated["spent"] == pytest.approx(swept.stated)


def test_the_marginal_value_is_the_slope_between_neighbours():
    frame = budget_sweep(concave(), 41).frame
    slopes = np.diff(frame["value"]) / np.diff(frame["x"])
    assert (slopes <= frame["marginal"][:-1] * 1.001).all()
    assert (slopes >= frame["marginal"][1:] * 0.999).all()


def test_money_beyond_what_helps_is_left():
    swept = budget_sweep(concave(budget=20_000_000.0), 4, 0.01, 1.0)
    assert swept.best is not None
    assert swept.best == pytest.approx(swept.frame["spent"].iloc[-1])
    assert swept.best < 20_000_000


def test_a_budget_below_what_is_promised_is_a_row_with_its_reason():
    swept = budget_sweep(with_line(concave(), 0, minimum=900_000.0, maximum=None), 5, 0.2, 2.0)
    first = swept.frame.iloc[0]
    assert first["status"] == "infeasible"
    assert "search.brand" in first["reason"]
    assert np.isnan(first["value"])
    assert swept.allocations[0] is None
    assert swept.frame["status"].iloc[-1] == "optimal"
    assert swept.frame["reason"].iloc[-1] == ""


def test_a_sweep_of_budgets_needs_something_to_go_around():
    plan = with_line(concave(budget=None), 0, current=None)
    with pytest.raises(PlanError, match="budget"):
        budget_sweep(plan)


@pytest.mark.parametrize("plan", [concave(), s_shaped()], ids=lambda p: p.name)
def test_the_brand_share_is_held_at_each_point_and_best_where_the_model_is_free(plan):
    swept = split_sweep(plan, 6)
    frame = swept.frame
    assert (swept.path, swept.unit, swept.stated) == ("split.brand", "share", 0.6)
    assert {swept.stated, swept.today, swept.best} <= set(frame["x"])
    solved = frame[frame["status"] == "optimal"]
    assert np.allclose(solved["x"], solved["brand_share"], atol=1e-9)
    free = optimize(replace(plan, business="none"), gap=1e-6)
    at_best = frame.set_index("x").loc[swept.best]
    assert at_best["value"] == pytest.approx(free.objective, rel=1e-5)
    assert solved["value"].max() == at_best["value"]


@pytest.mark.parametrize(
    "plan",
    [
        concave(split=Split(shares={"brand": 0.55, "traffic": 0.45}, tolerance=0.1)),
        concave(Split(shares={"brand": 0.55, "traffic": 0.45}, penalty=0.01, name="ours")),
    ],
    ids=["a band", "a soft constraint of another name"],
)
def test_a_lax_split_is_held_exactly_when_swept(plan):
    swept = split_sweep(plan, 3)
    assert swept.stated == 0.55
    solved = swept.frame[swept.frame["status"] == "optimal"]
    assert len(solved) >= 4  # without 0 and 100 %, where the minima do not fit
    assert np.allclose(solved["x"], solved["brand_share"], atol=1e-9)


def test_a_sweep_of_any_path():
    plan = concave()
    swept = sweep(plan, "channels.search.brand.price", [1.0, "*1.5", 2.0])
    assert list(swept.frame["x"]) == [1.0, 1.5, 2.0]
    assert (np.diff(swept.frame["value"]) < 0).all()
    assert swept.stated == 1.0
    by_text = sweep(plan, "budget", ["1.2M", "*2"])
    assert list(by_text.frame["x"]) == [1.2e6, 3e6]
    assert by_text.unit == "money"


def test_a_value_that_does_not_fit_is_a_row_and_a_wrong_path_is_an_error():
    swept = sweep(concave(), "channels.search.brand.curve.elasticity", [0.3, 1.5])
    assert list(swept.frame["status"]) == ["optimal", "failed"]
    assert swept.frame["reason"][1]
    with pytest.raises(UnknownName):
        sweep(concave(), "channels.serch.brand.price", [1.0])
    with pytest.raises(PlanError, match="no values"):
        sweep(concave(), "budget", [])


def test_two_inputs_at_once():
    frame = sweep2(
        concave(SpendAll()), "budget", [1e6, 9e6], "channels.search.brand.price", [1.0, 1.2]
    )
    assert list(zip(frame["x1"], frame["x2"], strict=True)) == [
        (1e6, 1.0),
        (1e6, 1.2),
        (9e6, 1.0),
        (9e6, 1.2),
    ]
    assert list(frame["status"]) == ["optimal", "optimal", "infeasible", "infeasible"]
    assert frame["value"][0] > frame["value"][1]


def test_a_target_out_of_reach_is_told_at_each_point():
    swept = budget_sweep(concave(Target(3_000_000, name="reach")), 5, 0.1, 2.0)
    missing = swept.frame[swept.frame["status"] == "infeasible"]
    assert 0 < len(missing) < len(swept.frame)
    assert missing["reason"].str.contains("reach").all()


BUDGETS, SHARES = [0.6e6, 1.5e6, 2.4e6, 9e6], [0.3, "50%", 0.6, 1.0]


@pytest.mark.parametrize("plan", [concave(), s_shaped()], ids=lambda p: p.name)
def test_a_grid_has_the_answers_of_its_points_alone(plan):
    """Some points have no plan: the minima, the cap or the target do not fit."""
    plan = replace(plan, constraints=(*plan.constraints, SpendAll()))
    frame = sweep2(plan, "budget", BUDGETS, "split.brand", SHARES, gap=1e-4)
    assert list(frame["x1"]) == [budget for budget in BUDGETS for _ in SHARES]
    assert list(frame["x2"]) == [0.3, 0.5, 0.6, 1.0] * len(BUDGETS)
    assert set(frame["status"]) == {"optimal", "infeasible"}
    for _, point in frame.iterrows():
        asked = replace_at(plan, "split.brand", point["x2"])
        alone = solve_all([replace(asked, budget=point["x1"])], gap=1e-6)[0]
        if isinstance(alone, Failed):
            assert (point["status"], point["reason"]) == (alone.status, alone.reason)
            continue
        assert point["status"] == "optimal"
        assert point["gap"] <= 1e-4
        assert point["value"] == pytest.approx(alone.objective, rel=1.1e-4)
        assert point["bound"] >= alone.objective * (1 - 1e-9)
        assert point["brand_share"] == pytest.approx(point["x2"], abs=1e-9)


def test_the_order_of_a_chain_changes_no_answer():
    plans = [concave(budget=budget) for budget in np.linspace(4e5, 2e6, 7)]
    forth, back = solve_all(plans, alike=True), solve_all(plans[::-1], alike=True)[::-1]
    for one, other, plan in zip(forth, back, plans, strict=True):
        alone = optimize(plan)
        assert one.plan is plan
        assert one.objective == pytest.approx(other.objective, rel=1e-9)
        assert one.objective == pytest.approx(alone.objective, rel=1e-9)
        assert np.allclose(one.duals.rows, alone.duals.rows, rtol=1e-3)
        assert one.options == alone.options
        assert verify(plan, one.spend, value=one.objective, bound=one.bound, proof=one.proof).holds


def test_a_chain_is_one_model_and_few_rounds_whatever_fails_on_the_way(monkeypatch):
    counts = {"models": 0, "rounds": 0}
    build, solve = LinearPart.__init__, LinearPart.solve

    def counted(name, work):
        def call(self, *args, **how):
            counts[name] += 1
            return work(self, *args, **how)

        return call

    monkeypatch.setattr(LinearPart, "__init__", counted("models", build))
    monkeypatch.setattr(LinearPart, "solve", counted("rounds", solve))
    plan = with_line(concave(), 0, minimum=500_000.0)
    budgets = [1e6, 1.2e6, 0.7e6, 1.4e6, 1.6e6]  # the brand share of the third is less than that
    plans = [replace(plan, budget=budget) for budget in budgets]
    monkeypatch.setattr("optimizer.solving.explain", lambda *_: Infeasible("no"))
    chained = solve_all(plans, alike=True)
    together = dict(counts)
    counts.update(models=0, rounds=0)
    alone = solve_all(plans)
    assert [isinstance(one, Failed) for one in chained] == [False, False, True, False, False]
    assert [isinstance(one, Failed) for one in alone] == [False, False, True, False, False]
    assert together["models"] == 1
    assert counts["models"] == len(plans)
    assert together["rounds"] < 0.75 * counts["rounds"]


@pytest.mark.slow
def test_processes_take_strips_of_a_grid():
    told = []
    axes = ("budget", BUDGETS, "split.brand", SHARES)
    alone = sweep2(concave(), *axes)
    both = sweep2(concave(), *axes, jobs=2, progress=lambda done, all_: told.append((done, all_)))
    assert told[-1] == (16, 16)
    assert list(both["status"]) == list(alone["status"])
    assert np.allclose(both["value"], alone["value"], rtol=1e-9, equal_nan=True)


@pytest.mark.parametrize("path", ["budget", "split.brand", "split.traffic"])
@pytest.mark.parametrize(
    "plan",
    [
        concave(),
        concave(split=Split(preset="binet-field-b2b", tolerance=0.1)),
        concave(split=Split("5:5", penalty=0.1, where={"name": ("social", "search")})),
    ],
    ids=["the business's split", "a preset with a band", "a soft one of some lines"],
)
def test_moving_an_input_is_writing_it_into_the_plan(plan, path):
    value = 1_200_000.0 if path == "budget" else 0.45
    swept = sweep(plan, path, [value])
    assert swept.allocations[0].plan == replace_at(plan, path, value)


SEVERAL = (
    Split("6:4", where={"name": ("search",)}, name="in search"),
    Split("5:5", where={"name": ("social",)}, name="in social"),
)


def test_every_split_among_the_constraints_is_held():
    plan = concave(*SEVERAL, business="none")
    swept = split_sweep(plan, 5)
    assert (swept.stated, swept.best) == (None, None)  # they differ
    solved = [one for one in swept.allocations if one is not None]
    assert len(solved) >= 3
    for x, answer in zip(swept.frame["x"], swept.allocations, strict=True):
        for brand in (0, 2) if answer is not None else ():
            both = answer.spend[brand : brand + 2].sum()
            assert answer.spend[brand] == pytest.approx(x * both, abs=1e-6)
    banded = (replace(SEVERAL[0], tolerance=0.1), SEVERAL[1])
    lax = sweep(replace(plan, constraints=banded), "split.brand", [0.4])
    assert [rule.target["brand"] for rule in lax.allocations[0].plan.rules] == [0.4, 0.4]
    assert lax.allocations[0].plan.rules[0].tolerance == 0.1
    with pytest.raises(PlanError, match="in search, in social"):
        sweep(plan, "split.brand", ["*1.1"])


def test_equal_splits_have_one_stated_share():
    both = tuple(replace(rule, shares="55:45") for rule in SEVERAL)
    assert split_sweep(concave(*both, business="none"), 3).stated == 0.55


def test_other_rules_stay_while_the_split_is_swept():
    """The plan's own split is meant; one among the constraints is a rule like any other."""
    plan = concave(SEVERAL[0], SpendAll(), split=Split("5:5"))
    answer = split_sweep(plan, 3).allocations[1]
    assert {rule.name for rule in answer.plan.rules} == {"split", "in search", "spend_all"}
    assert answer.spend[0] == pytest.approx(0.6 * answer.spend[:2].sum())
