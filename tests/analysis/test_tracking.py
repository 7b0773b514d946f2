"""Following a plan: hand-computed cases, and what holds for every plan that is followed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import optimizer as opt
from optimizer.analysis.answer import track_answer
from optimizer.analysis.following import tell
from optimizer.analysis.tracking import standing
from optimizer.certificate import verify
from optimizer.errors import Fault, PlanError
from optimizer.plan.actuals import Actuals
from tests.test_time import plans

NAN = np.nan
LOG = opt.Log(100.0, 100.0)


def small(count: int = 3, budget: float = 600.0, carry: Any = None, **more: Any) -> opt.Plan:
    """Two lines with the same curve; *a* may carry over, from nothing before the plan."""
    return opt.Plan(
        "Small",
        (
            opt.Line("a", LOG, carryover=carry, before=None if carry is None else 0.0),
            opt.Line("b", LOG),
        ),
        budget=budget,
        value=1.0,
        objective=opt.Revenue(),
        periods=opt.Periods("2027-01", count),
        **more,
    )


def of(*rows: tuple[float, ...], **counts: list[tuple[float, ...]]) -> Actuals:
    """Actuals of the first periods, and nothing of the others."""
    arrays = {name: np.array(own, float) for name, own in counts.items()}
    return Actuals(np.array(rows, float), arrays)


def grid(found: opt.Tracking) -> Any:
    assert found.new is not None
    return found.new


# --- By hand --------------------------------------------------------------------------------------


def test_what_was_not_spent_is_spread_over_what_is_left() -> None:
    """600 over two equal lines and three months is 100 everywhere; 260 gone leaves 85 each."""
    found = opt.track(small(), of((160, NAN, NAN), (100, NAN, NAN)))
    np.testing.assert_allclose(found.planned, 100.0, rtol=1e-3)
    assert found.passed == 1
    np.testing.assert_allclose(grid(found)[:, 0], [160, 100], rtol=1e-12)
    np.testing.assert_allclose(grid(found)[:, 1:], 85.0, rtol=1e-3)
    lines = found.lines
    np.testing.assert_allclose(lines["off"], [60, 0], atol=0.1)
    assert list(lines["state"]) == ["ahead", "on_plan"]
    np.testing.assert_allclose(lines["change"], [-30, -30], atol=0.2)
    assert not found.kept.is_feasible  # the old rest would spend 660
    assert found.forecast.set_index("plan").loc["kept", "broken"] == "budget"
    assert found.best is not None
    value = 100 * (np.log1p(1.6) + np.log1p(1.0) + 4 * np.log1p(0.85))
    assert found.best.objective == pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize(
    ("a", "b", "left"),
    [((200, 100), (0, 0), 150.0), ((0, 100), (200, 0), 175.0)],
)
def test_what_money_already_spent_still_does_is_counted(
    a: tuple[float, float], b: tuple[float, float], left: float
) -> None:
    """Both times 500 are left for March, but less of what *a* got in January still works.

    Half of the exposure is left a month later: e₂ = x₂/2 + x₁/4 is 100 and 50. In March *b* gets
    x_b = 100 + x_a + e₂, as 1/2 / (1 + e₃/100) = 1 / (1 + x_b/100); so x_a = (500 − 100 − e₂)/2.
    """
    plan = small(budget=800.0, carry=opt.Geometric(retention=0.5))
    found = opt.track(plan, of((*a, NAN), (*b, NAN)), gap=1e-6)
    assert grid(found)[0, 2] == pytest.approx(left, abs=0.5)
    assert grid(found)[:, 2].sum() == pytest.approx(500.0)


def test_outcomes_count_as_reported_and_the_rest_as_the_curve_says() -> None:
    """Line a brought half of what its curve says in January: 34.66 instead of 69.31."""
    counted = [(50 * np.log(2), NAN, NAN), (NAN, NAN, NAN)]
    money = ((100, NAN, NAN), (100, NAN, NAN))
    found = opt.track(small(), of(*money, outcome=counted))
    assert found.factors == {"a": pytest.approx(0.5)}
    assert found.best is not None
    assert found.best.objective == pytest.approx(100 * 5.5 * np.log(2), rel=1e-4)
    np.testing.assert_allclose(grid(found)[:, 1:], 100.0, rtol=2e-2)
    row = found.lines.iloc[0]
    assert row["outcome_expected"] == pytest.approx(100 * np.log(2))
    assert (row["outcome_state"], row["curve_state"]) == ("behind", "behind")
    assert np.isnan(found.lines.iloc[1]["outcome_actual"])
    told = [alert.key for alert in tell(found).alerts]
    assert told == ["track.alert.curves"]

    scaled = opt.track(small(), of(*money, outcome=counted), scale_outcomes=True, gap=1e-6)
    # 50 / (100 + x) = 100 / (100 + y) with 2x + 2y = 400: x = 100/3, y = 500/3
    np.testing.assert_allclose(grid(scaled)[0, 1:], 100 / 3, rtol=2e-2)
    np.testing.assert_allclose(grid(scaled)[1, 1:], 500 / 3, rtol=2e-2)
    (alert,) = tell(scaled).alerts
    assert alert.text.endswith("a × 0.50")


def test_stages_of_the_funnel_are_compared_with_what_each_line_brings_there() -> None:
    plan = opt.Plan(
        "Funnel",
        (opt.Line("a", LOG, outcome="visit"), opt.Line("b", LOG, outcome="order")),
        budget=600.0,
        objective=opt.Revenue(),
        funnel=opt.Funnel(("visit", "order"), {"visit": 0.1}, {"order": 10.0}),
        periods=opt.Periods("2027-01", 3),
    )
    money = ((100, NAN, NAN), (100, NAN, NAN))
    orders = [(5, NAN, NAN), (60, NAN, NAN)]
    visits = [(70, NAN, NAN), (NAN, NAN, NAN)]
    found = opt.track(plan, of(*money, order=orders, visit=visits))
    frame = found.stages.set_index("stage")
    assert frame.loc["visit", "expected"] == pytest.approx(100 * np.log(2))
    assert frame.loc["visit", "actual"] == 70
    assert frame.loc["order", "expected"] == pytest.approx(110 * np.log(2))
    assert frame.loc["order", "actual"] == 65
    # The curve of a counts visits, so its orders are not held against it.
    assert found.factors["a"] == pytest.approx(70 / (100 * np.log(2)))
    assert found.factors["b"] == pytest.approx(60 / (100 * np.log(2)))


def test_a_rule_holds_from_what_was_spent_on_and_forgives_the_past() -> None:
    steady = opt.Pacing(max_change=0.1, name="steady")
    plan = small(count=4, budget=900.0, constraints=(steady,))
    found = opt.track(plan, of((100, 150, NAN, NAN), (100, 100, NAN, NAN)))
    assert found.past_broken == {"steady": ["a 2027-02"]}
    assert grid(found)[0, 2] >= 135 * (1 - 1e-9)
    (alert,) = tell(found).alerts
    assert alert.text.startswith("What was spent broke “steady” in 2027-02 already")
    assert found.kept.is_feasible is False
    assert found.forecast.set_index("plan").loc["kept", "broken"] == "steady"


def test_limits_that_the_past_passed_are_told() -> None:
    plan = small(budget=600.0)
    lines = (
        opt.Line("a", LOG, maximum=120.0, blackout=("2027-02",)),
        opt.Line("b", LOG, locked_in={"2027-03": 50.0}),
    )
    plan = replace(plan, lines=lines)
    found = opt.track(plan, of((130, 20, NAN), (100, 100, NAN)))
    assert found.past_beyond == [("a", "2027-01"), ("a", "2027-02")]
    np.testing.assert_allclose(grid(found)[0, :2], [130, 20])
    assert grid(found)[1, 2] == pytest.approx(50.0)


def test_a_rest_without_a_plan_is_diagnosed_and_what_is_over_still_told() -> None:
    found = opt.track(small(constraints=(opt.Spend("b", at_least=300.0),)),
                      of((500, 20, NAN), (50, 0, NAN)))  # fmt: skip
    assert found.best is None
    assert found.conflict is not None
    assert "spent already" in str(found.conflict)
    assert found.lines["rest_new"].isna().all()
    assert tell(found).proof is None
    data = track_answer(found)
    assert data["plan"] is None
    assert data["conflict"] == str(found.conflict)


def test_a_plan_that_is_over_is_told_and_not_planned() -> None:
    found = opt.track(small(), of((100, 100, 100), (100, 100, 90)))
    assert found.rest == ()
    assert "track.over" in [one.key for one in tell(found).forecast]
    assert tell(found).changes == ()
    assert found.lines["next_new"].isna().all()


# --- What is missing, late or of another plan -----------------------------------------------------


def test_a_line_that_says_nothing_of_a_period_is_a_fault() -> None:
    with pytest.raises(PlanError) as caught:
        opt.track(small(), of((100, 100, NAN), (100, NAN, NAN)))
    (fault,) = caught.value.faults
    assert fault.path == "2027-02"
    assert fault.problem == "nothing was reported of b"
    assert "--until" in fault.advice


def test_what_is_missing_is_taken_as_it_was_said() -> None:
    actuals = of((100, 150, NAN), (100, NAN, NAN))
    planned = opt.track(small(), actuals, missing="planned")
    assert grid(planned)[1, 1] == pytest.approx(planned.planned[1, 1])
    zero = opt.track(small(), actuals, missing="zero")
    assert grid(zero)[1, 1] == 0
    assert not zero.cells.set_index(["line", "period"]).loc[("b", "2027-02"), "reported"]
    for found, key in ((planned, "planned"), (zero, "zero")):
        (alert,) = (one for one in tell(found).alerts if one.key == f"track.alert.{key}")
        assert "b in 2027-02" in alert.text
    early = opt.track(small(), actuals, until="2027-01")
    assert early.passed == 1
    (remark,) = early.remarks
    assert remark.problem == "2027-02 is after 2027-01: 1 reported and not used"


def test_a_period_after_a_gap_is_told_with_its_row() -> None:
    spend = np.array([[100, NAN, 100], [100, NAN, 100]])
    late = Actuals(spend, rows=np.array([[2, 0, 4], [3, 0, 5]]), source="a.csv")
    with pytest.raises(PlanError) as caught:
        opt.track(small(), late)
    (fault,) = caught.value.faults
    assert fault.problem == "nothing was reported, though 2027-03 was (a.csv:4)"
    assert fault.where == "a.csv"


def test_outcomes_where_none_are_expected_are_told() -> None:
    found = opt.track(
        small(), of((0, NAN, NAN), (100, NAN, NAN), outcome=[(3, NAN, NAN), (NAN,) * 3])
    )
    assert [remark.problem for remark in found.remarks] == [
        "a 2027-01 reports 3 where its curve expects none: not in the forecast"
    ]


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (small(count=4), "the scenario has no period 2027-04"),
        (small(count=2), "the plan to follow has no period 2027-03"),
        (replace(small(), lines=(opt.Line("c", LOG), opt.Line("b", LOG))),
         "the scenario has no line c"),
    ],
)  # fmt: skip
def test_a_plan_of_other_lines_or_periods_is_refused(plan: opt.Plan, words: str) -> None:
    with pytest.raises(PlanError, match=words):
        opt.track(small(), of((1, NAN, NAN), (1, NAN, NAN)), opt.optimize(plan))


def test_nothing_to_follow_is_a_fault() -> None:
    for plan, actuals, words in (
        (opt.load("minimal"), of((1,)), "nothing to follow"),
        (small(), of((NAN,) * 3, (NAN,) * 3), "nothing was reported"),
    ):
        with pytest.raises(PlanError, match=words):
            opt.track(plan, actuals)
    with pytest.raises(PlanError, match="2028-01"):
        opt.track(small(), of((1, NAN, NAN), (1, NAN, NAN)), until="2028-01")


def test_the_order_of_lines_in_the_old_plan_does_not_matter() -> None:
    plan = small(carry=opt.Geometric(half_life=1))
    turned = replace(plan, lines=plan.lines[::-1])
    actuals = of((120, NAN, NAN), (80, NAN, NAN), outcome=[(30, NAN, NAN), (50, NAN, NAN)])
    one, other = (opt.track(plan, actuals, opt.optimize(p, gap=1e-6)) for p in (plan, turned))
    np.testing.assert_allclose(one.planned, other.planned, rtol=1e-2)
    np.testing.assert_allclose(one.planned_units, other.planned_units, rtol=1e-2)
    assert one.lines["state"].tolist() == other.lines["state"].tolist()


def test_another_question_is_told_and_an_earlier_tracking_is_none() -> None:
    actuals = of((120, NAN, NAN), (80, NAN, NAN), outcome=[(30, NAN, NAN), (50, NAN, NAN)])
    other = opt.track(small(), actuals, opt.optimize(small(budget=500.0)))
    assert not other.same_question
    assert "track.alert.other_question" in [alert.key for alert in tell(other).alerts]
    first = opt.track(small(), actuals)
    again = opt.track(small(), actuals, first.best)
    assert again.same_question
    assert again.stands
    assert again.lines["off"].abs().max() == 0


# --- What holds for every plan --------------------------------------------------------------------


def reported(answer: opt.Allocation, passed: int, factor: Any = 1.0) -> Actuals:
    """The first periods of an answer as actuals, money and outcomes."""
    cells = answer.problem.grid
    spend = answer.spend.reshape(cells.n_lines, cells.n_periods) * factor
    assert cells.flows is not None
    units = cells.flows.brought(answer.terms)[:-1, : cells.n_periods].copy()
    spend[:, passed:] = units[:, passed:] = NAN
    return Actuals(spend, {"outcome": units})


@settings(max_examples=25)
@given(plans(), st.integers(1, 5))
def test_a_plan_that_was_followed_stands(plan: opt.Plan, passed: int) -> None:
    best = opt.optimize(plan, gap=5e-5)
    passed = min(passed, best.problem.grid.n_periods)
    found = opt.track(plan, reported(best, passed), best)
    assert found.stands
    np.testing.assert_allclose(grid(found).ravel(), best.spend, rtol=1e-12)
    assert found.best is not None
    assert found.best.objective == pytest.approx(best.objective, rel=1e-9)
    assert set(found.lines["state"]) == {"on_plan"}
    assert not found.past_broken
    assert [one.key for one in tell(found).alerts] == []
    assert tell(found).changes == ()


@settings(max_examples=25)
@given(plans(), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_the_new_plan_keeps_the_past_and_is_never_worse(
    plan: opt.Plan, passed: int, seed: int
) -> None:
    best = opt.optimize(plan, gap=5e-5)
    shape = (best.problem.grid.n_lines, best.problem.grid.n_periods)
    passed = min(passed, shape[1])
    actuals = reported(best, passed, np.random.default_rng(seed).uniform(0.5, 1.1, shape))
    found = opt.track(plan, actuals, best)
    assume(found.best is not None)
    assert found.best is not None
    np.testing.assert_allclose(grid(found)[:, :passed], actuals.spend[:, :passed], rtol=1e-9)
    if found.kept.is_feasible:
        assert found.best.objective >= found.kept.objective - 1e-9 * abs(found.kept.objective)
    claim = {
        "value": found.best.objective,
        "bound": found.best.bound,
        "proof": found.best.proof,
    }
    assert verify(found.best.plan, found.best.spend, **claim).holds


def test_the_state_of_a_number() -> None:
    assert standing(100.0, 105.0, 0.05) == "on_plan"
    assert standing(100.0, 105.1, 0.05) == "ahead"
    assert standing(100.0, 94.0, 0.05) == "behind"
    assert standing(0.0, 1.0, 0.05) == "ahead"
    assert standing(0.0, 0.0, 0.05) == "on_plan"
    assert standing(NAN, 1.0, 0.05) is None


def test_sentences_are_there_in_both_languages() -> None:
    actuals = of((160, NAN, NAN), (100, NAN, NAN), outcome=[(50, NAN, NAN), (69.3, NAN, NAN)])
    found = opt.track(small(), actuals)
    english, chinese = (tell(found, lang).statements for lang in ("en", "zh"))
    assert [one.key for one in english] == [one.key for one in chinese]
    for one in chinese:
        assert not set(one.text) & set("{}")
    assert english[0].text == (
        "Over: 1 of 3 months, up to and with 2027-01. $260 was spent, $60.0 (30%) more than the "
        "$200 planned"
    )
    assert chinese[0].text.startswith("已过去：3 个月中的 1 个月")
    assert isinstance(found.remarks, tuple)
    assert all(isinstance(remark, Fault) for remark in found.remarks)
