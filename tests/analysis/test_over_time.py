"""Sweeps, comparisons and tornados of plans with periods, carry-over, goodwill and capacity."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import optimizer as opt
from optimizer.analysis.variations import at_least, profit, revenue


def plan(**changes: object) -> opt.Plan:
    """Two lines over four months: carry-over, goodwill, delays and a capacity that binds."""
    given = {
        "name": "four months",
        "budget": 4_000.0,
        "periods": opt.Periods("2027-01", 4, horizon=6, discount=0.1),
        "funnel": opt.Funnel(
            ("lead", "deal"), {"lead": 0.1}, {"deal": 400.0}, {"lead": 1}, {"lead": 60.0}
        ),
        "objective": opt.Profit(0.8),
        "lines": (
            opt.Line(
                "tv", opt.Power(1.5, 0.5), "brand", "lead", current=400.0,
                carryover=opt.Geometric(half_life=1.0),
            ),
            opt.Line("search", opt.Power(1.6, 0.5), "traffic", "lead", current=500.0),
        ),
        "goodwill": opt.Goodwill(opt.Power(0.5, 0.5), half_life=3.0, outcome="lead"),
    }  # fmt: skip
    return opt.Plan(**(given | changes))  # type: ignore[arg-type]


def test_profit_is_the_objective() -> None:
    best = opt.optimize(plan())
    assert profit(best) == pytest.approx(best.objective)
    assert revenue(best) == pytest.approx(best.by_period["value"].sum())


def test_points_of_a_sweep_are_what_their_plans_say() -> None:
    swept = opt.sweep(plan(), "budget", [2_000.0, 3_000.0, 4_000.0])
    for row in swept.frame.itertuples():
        alone = opt.optimize(plan(budget=row.x), gap=1e-6)
        assert row.value == pytest.approx(alone.objective, rel=1e-5)


def test_the_split_is_swept_over_all_periods() -> None:
    swept = opt.split_sweep(plan(), 5)
    assert swept.frame["value"].max() == pytest.approx(opt.optimize(plan()).objective, rel=1e-5)
    assert list(swept.frame["brand_share"]) == pytest.approx(list(swept.frame["x"]), abs=1e-6)
    assert swept.today == pytest.approx(4 / 9)


def test_the_number_of_periods_may_be_swept() -> None:
    swept = opt.sweep(plan(), "periods.count", [2, 3, 4])
    assert (swept.frame["status"] == "optimal").all()


def test_members_with_the_same_periods_are_followed_in_each_others_worlds() -> None:
    worlds = {"base": plan(budget=900.0), "dear": plan(budget=600.0), "short": short()}
    result = opt.compare({name: opt.optimize(one, gap=1e-6) for name, one in worlds.items()})
    assert set(result.lines["line"]) == {"tv.brand", "search.traffic"}
    spent = result.lines.groupby("name")["spend"].sum()
    assert list(spent[result.frame["name"]]) == pytest.approx(list(result.frame["spent"]))
    # The smaller plan is allowed with the larger budget, and not the other way round.
    lost = result.frame["value"][0] - result.frame["value"][1]
    assert result.regret.loc["dear", "base"] == pytest.approx(lost, rel=1e-6)
    assert np.isnan(result.regret.loc["base", "dear"])
    assert np.isnan(result.regret.loc["short", "base"])


def short() -> opt.Plan:
    """The same over three months."""
    return plan(periods=opt.Periods("2027-01", 3, horizon=6))


def test_a_tornado_moves_what_time_takes_for_granted() -> None:
    swings = opt.tornado(plan(), 0.2).frame.set_index("path")
    assert {
        "periods.discount", "goodwill.half_life", "goodwill.curve.exponent", "funnel.capacity.lead",
        "channels.tv.brand.carryover.half_life",
    } <= set(swings.index)  # fmt: skip
    assert (swings["swing"] >= 0).all()
    row = swings.loc["funnel.capacity.lead"]
    more = replace(plan(), funnel=replace(plan().funnel, capacity={"lead": 72.0}))  # type: ignore[type-var]
    assert row["reoptimised_high"] == pytest.approx(opt.optimize(more).objective, rel=1e-4)
    assert row["label"] == "capacity for lead"


def test_another_plan_is_taken_where_it_is_better() -> None:
    best = opt.optimize(plan(), gap=1e-6)
    poor = opt.evaluate(plan(), np.zeros(8))
    assert at_least(poor, best.spend).objective == pytest.approx(best.objective)
    assert at_least(best, poor.spend) is best


def test_a_capacity_that_is_filled_within_the_gap_counts_as_full() -> None:
    stages = opt.optimize(plan()).by_stage
    full = stages[stages["stage"] == "lead"]
    assert full["full"].any()
    assert (full["followed_up"][full["full"]] > 59.99).all()
