"""Sweeps: points agree with one another, with single answers, and say why one is missing."""

from dataclasses import replace

import numpy as np
import pytest

from optimizer.allocation import optimize
from optimizer.analysis.sweep import budget_sweep, split_sweep, sweep, sweep2
from optimizer.errors import PlanError, UnknownName
from optimizer.plan.constraints import SpendAll, Split, Target
from optimizer.plan.objectives import Outcomes

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
