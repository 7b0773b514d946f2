"""The two ways to an allocation: what they refuse, and what an allocation says of itself."""

import numpy as np
import pytest

import optimizer as opt
from optimizer.plan.curves import Elasticity

LINES = (
    opt.Line("search", Elasticity(60.0, 4.0, 0.4), role="traffic", value=1.0, current=60.0),
    opt.Line("tv", Elasticity(40.0, 3.0, 0.6), role="brand", value=1.0, current=40.0),
)
PLAN = opt.Plan("two", LINES, 100.0, "b2b", objective=opt.Revenue())


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"gap": -1.0}, "gap"), ({"gap": float("nan")}, "gap"), ({"time_limit": -1.0}, "time_limit")],
)
def test_a_limit_that_means_nothing_is_refused(changes, word):
    with pytest.raises(opt.PlanError, match=word):
        opt.optimize(PLAN, **changes)


def test_what_is_no_plan_is_refused():
    with pytest.raises(opt.PlanError, match="str is not a plan"):
        opt.optimize("b2b")


@pytest.mark.parametrize("money", [True, None, "lots", float("nan"), -1.0])
def test_what_is_no_money_is_refused(money):
    with pytest.raises(opt.PlanError, match="spend"):
        opt.evaluate(PLAN, {"search.traffic": money, "tv.brand": 1.0})


def test_names_that_are_missing_or_unknown():
    with pytest.raises(opt.UnknownName, match=r"tv\.brand"):
        opt.evaluate(PLAN, {"search.traffic": 1.0, "tv.brnd": 1.0})
    with pytest.raises(opt.PlanError, match=r"has no tv\.brand"):
        opt.evaluate(PLAN, {"search.traffic": 1.0})
    with pytest.raises(opt.PlanError, match="shape"):
        opt.evaluate(PLAN, np.ones(3))


def test_an_allocation_prints_its_table_its_proof_and_its_rules():
    text = str(opt.optimize(PLAN))
    assert "search.traffic" in text
    assert "gap" in text
    assert "binds: split brand" in text
    assert "total" in text


def test_frames_add_up():
    best = opt.optimize(PLAN)
    assert best.by_line["spend"].sum() == pytest.approx(best.spent)
    assert best.by_channel["spend"].sum() == pytest.approx(best.spent)
    assert best.by_role.set_index("role")["share"]["brand"] == pytest.approx(0.6)
    assert best.today is not None
    assert not best.today.is_feasible
    assert best.binding.set_index("rule")["binding"]["split"]


def test_an_evaluated_spend_claims_no_proof():
    given = opt.evaluate(PLAN, {"search.traffic": 60.0, "tv.brand": 40.0})
    assert given.status is None
    assert given.bound is None
    assert given.gap is None
    assert not given.is_feasible
