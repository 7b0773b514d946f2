"""The tornado: both sides of every assumption, the best plan there and the plan kept."""

from dataclasses import replace

import numpy as np
import pytest

from optimizer.allocation import evaluate
from optimizer.analysis.tornado import tornado
from optimizer.errors import PlanError
from optimizer.plan.constraints import Target
from optimizer.plan.curves import Elasticity, Linear
from optimizer.plan.document import assumptions, replace_at
from optimizer.plan.funnel import Funnel
from optimizer.plan.objectives import Profit
from optimizer.plan.plan import Line, Origin, Plan
from optimizer.solving import optimize

from .plans import concave, s_shaped, with_line


@pytest.mark.parametrize("plan", [concave(), s_shaped()], ids=lambda p: p.name)
def test_the_best_plan_is_never_worse_than_the_plan_kept(plan):
    frame = tornado(plan).frame
    assert len(frame) == len([one for one in assumptions(plan) if one.value != 0])
    for side in ("low", "high"):
        both = frame[frame[f"kept_{side}"].notna()]
        assert len(both) > 0
        assert (both[f"reoptimised_{side}"] >= both[f"kept_{side}"]).all()
    assert frame["swing"].is_monotonic_decreasing


def test_each_side_is_the_plan_solved_in_that_world():
    plan = concave()
    result = tornado(plan, 0.3)
    assert result.base == pytest.approx(optimize(plan).objective, rel=1e-5)
    path = "channels.social.brand.curve.ceiling"
    row = result.frame.set_index("path").loc[path]
    assert (row["low"], row["high"]) == (pytest.approx(630_000), pytest.approx(1_170_000))
    low = replace_at(plan, path, row["low"])
    assert row["reoptimised_low"] == pytest.approx(optimize(low).objective, rel=1e-5)
    kept = evaluate(low, optimize(plan, gap=1e-6).spend).objective
    assert row["kept_low"] == pytest.approx(kept, rel=1e-5)
    assert row["swing"] == pytest.approx(row["reoptimised_high"] - row["reoptimised_low"])
    assert row["label"] == "social.brand ceiling"


def test_a_side_stays_within_what_the_field_allows():
    plan = concave(objective=Profit(margin=0.9))
    plan = with_line(plan, 0, curve=Elasticity(100_000, 3.0, 0.9))
    frame = tornado(plan, 0.5).frame.set_index("path")
    margin = frame.loc["objective.margin"]
    assert (margin["low"], margin["high"]) == (pytest.approx(0.45), 1.0)
    elasticity = frame.loc["channels.search.brand.curve.elasticity"]
    assert elasticity["low"] == pytest.approx(0.45)
    assert 0.9 < elasticity["high"] < 1.0
    assert np.isfinite(elasticity["reoptimised_high"])


def test_a_plan_that_would_break_a_rule_is_not_kept():
    plan = concave(Target(940_000, name="reach", where="search"))
    row = tornado(plan).frame.set_index("path").loc["channels.search.brand.curve.average_return"]
    assert np.isnan(row["kept_low"])
    assert np.isfinite(row["kept_high"])


def test_rates_values_and_origins_are_told():
    lines = (
        Line("search", Linear(0.01), "traffic", "visit", maximum=500_000.0),
        Line("tv", Elasticity(100_000, 0.02, 0.5), "brand", "visit"),
    )
    plan = Plan(
        "funnel",
        lines,
        budget=800_000,
        funnel=Funnel(("visit", "deal"), {"visit": 0.9}, {"deal": 900.0}),
        origins={
            "funnel.rates": Origin("our CRM", "B"),
            "channels.*.*.curve": Origin("a guess", "C"),
        },
    )
    frame = tornado(plan).frame.set_index("path")
    rate = frame.loc["funnel.rates.visit"]
    assert (rate["label"], rate["high"]) == ("visit rate", 1.0)
    assert (rate["grade"], rate["source"]) == ("B", "our CRM")
    assert frame.loc["channels.tv.brand.curve.elasticity", "grade"] == "C"
    assert frame.loc["funnel.value.deal", "label"] == "value of a deal"
    assert frame.loc["funnel.value.deal", "grade"] == ""


def test_only_the_top_rows_and_no_zeros():
    plan = replace(concave(), value=0.0)
    assert "value" not in set(tornado(plan).frame["path"])
    assert len(tornado(concave(), top=3).frame) == 3


@pytest.mark.parametrize("spread", [0.0, 1.0, -0.2])
def test_a_spread_is_a_share(spread):
    with pytest.raises(PlanError, match="spread"):
        tornado(concave(), spread)
