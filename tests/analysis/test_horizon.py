"""From which horizon on the brand rule is the best split, and what it costs before."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import optimizer as opt
from optimizer.analysis.horizon import COLUMNS, default_horizons
from optimizer.plan.carryover import Goodwill
from optimizer.plan.periods import Periods
from optimizer.plan.plan import Line, Plan


def plan(**changes: Any) -> Plan:
    """One brand and one traffic line over four quarters; brand lasts, traffic does not.

    Brand returns by goodwill alone, and both curves are √: without limits that bind, the best split
    of a quarter equalises value′ = ½ · a / √x.
    """
    given: dict[str, Any] = {
        "name": "two lines",
        "budget": 400.0,
        "value": 1.0,
        "periods": Periods(start="2027-Q1", count=4, every="quarter"),
        "objective": opt.Revenue(),
        "lines": (
            Line("tv", opt.Linear(0.0), "brand", before=0.0),
            Line("search", opt.Power(1.0, 0.5), "traffic"),
        ),
        "goodwill": Goodwill(opt.Power(1.0, 0.5), half_life=4.0, start=0.0),
        "split": opt.Split(shares={"brand": 0.6, "traffic": 0.4}),
    }
    return Plan(**(given | changes))


@pytest.fixture(scope="module")
def found() -> opt.Horizons:
    return opt.horizon_sweep(plan(), [4, 8, 12, 20], gap=1e-6)


def test_the_best_share_of_brand_grows_with_the_horizon(found: opt.Horizons) -> None:
    assert tuple(found.frame.columns) == COLUMNS
    assert list(found.frame["horizon"]) == [4, 8, 12, 20]
    assert list(found.frame["label"]) == ["2027-Q4", "2028-Q4", "2029-Q4", "2031-Q4"]
    assert (np.diff(found.frame["brand_share"]) > 0).all()


def test_each_point_is_what_the_plan_itself_says(found: opt.Horizons) -> None:
    for row in found.frame.itertuples():
        asked = plan(periods=replace(plan().periods, horizon=row.horizon))  # type: ignore[type-var]
        ruled, free = opt.optimize(asked), opt.optimize(replace(asked, split=None))
        assert row.value_rule == pytest.approx(ruled.objective, rel=2e-4)
        assert row.value_free == pytest.approx(free.objective, rel=2e-4)
        assert row.cost == row.value_free - row.value_rule >= 0


def test_between_two_horizons_it_crosses_on_a_straight_line(found: opt.Horizons) -> None:
    shares = dict(zip(found.frame["horizon"], found.frame["brand_share"], strict=True))
    assert found.between is not None
    low, high = found.between
    assert shares[low] < 0.6 <= shares[high]
    assert found.crosses == pytest.approx(np.interp(0.6, [shares[low], shares[high]], [low, high]))
    assert f"From about {found.crosses:.0f} quarters on" in found.sentences()[0]
    assert f"{low} quarters and {high} quarters were solved" in found.sentences()[0]
    assert f"约从 {found.crosses:.0f} 个季度" in found.sentences("zh")[0]


def test_it_says_so_where_the_rule_is_never_the_best_split() -> None:
    steep = opt.Split(shares={"brand": 0.95, "traffic": 0.05})
    found = opt.horizon_sweep(plan(split=steep), [4, 8])
    assert found.crosses is None
    assert found.between is None
    assert found.sentences()[0].startswith("Up to 8 quarters the best split gives brand less than")
    assert found.sentences("zh")[0].startswith("直到 8 个季度")


def test_it_says_so_where_the_rule_is_reached_from_the_first() -> None:
    low = opt.Split(shares={"brand": 0.05, "traffic": 0.95})
    found = opt.horizon_sweep(plan(split=low), [4, 8])
    assert found.crosses == 4
    assert found.between is None
    assert found.sentences()[0].startswith("From the shortest horizon asked on, 4 quarters")


def test_other_rules_hold_with_the_split_and_without() -> None:
    cap = opt.Share(where={"name": ("tv",)}, at_most=0.3, name="tv cap")
    low = opt.Split(shares={"brand": 0.2, "traffic": 0.8})
    found = opt.horizon_sweep(plan(split=low, constraints=(cap,)), [20])
    assert found.frame["brand_share"][0] == pytest.approx(0.3, abs=1e-6)


def test_a_horizon_without_a_plan_is_a_row_with_its_reason() -> None:
    cap = opt.Share(where={"name": ("tv",)}, at_most=0.3, name="tv cap")
    found = opt.horizon_sweep(plan(constraints=(cap, opt.SpendAll())), [4, 8])
    assert list(found.frame["status"]) == ["infeasible", "infeasible"]
    assert "tv cap" in found.frame["reason"][0]
    assert found.frame["cost"].isna().all()
    assert found.frame["brand_share"].notna().all()


def test_two_processes_find_the_same(found: opt.Horizons) -> None:
    again = opt.horizon_sweep(plan(), [4, 8, 12, 20], gap=1e-6, jobs=2)
    np.testing.assert_allclose(again.frame["value_free"], found.frame["value_free"], rtol=1e-5)


def test_horizons_reach_from_the_plans_length_to_five_years() -> None:
    assert default_horizons(Periods("2027-01", 12)) == list(range(12, 61, 6))
    assert default_horizons(Periods("2027-Q1", 4, "quarter"))[-1] == 20
    assert default_horizons(Periods("2027-01", 72)) == [72]


@pytest.mark.parametrize(
    ("given", "horizons", "says"),
    [
        (opt.load("minimal"), None, "there are none"),
        (plan(split=None), None, "no brand:traffic rule"),
        (plan(), [3], "ends before the plan"),
        (plan(), [], "no values"),
    ],
)
def test_what_cannot_be_asked_is_told(given: Plan, horizons: list[int] | None, says: str) -> None:
    with pytest.raises(opt.PlanError, match=says):
        opt.horizon_sweep(given, horizons)
