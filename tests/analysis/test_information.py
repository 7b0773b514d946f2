"""What knowing is worth: cases by hand and in closed form, and the order of things."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import optimizer as opt
from optimizer.analysis.certainty import certainty
from optimizer.analysis.information import information
from optimizer.errors import PlanError
from optimizer.plan.uncertainty import Factor, Range, State, Uncertainty

from .test_certainty import small


def rivals(numbers, minimum=0.0, **given):
    """100 of money for two straight lines; what a unit of their outcomes is worth is uncertain."""
    lines = tuple(
        opt.Line(name, opt.Linear(1.0), value=1.0, current=50.0, minimum=minimum) for name in "ab"
    )
    plan = opt.Plan("rivals", lines, budget=100.0, objective=opt.Revenue())
    return replace(plan, uncertainty=Uncertainty(numbers, **given))


def known(plan, **how):
    found = certainty(opt.optimize(plan), switching=False, **how)
    return information(found)


def test_two_points_by_hand():
    # Line a brings 2 or 0.5, as likely; line b brings 1. All on a brings 125 on average, and
    # knowing which it is (200 + 100) / 2 = 150: knowing is worth 25.
    plan = rivals({"channels.a.value": Range(draws=(2.0, 0.5))}, draws=256)
    found = known(plan)
    assert found.mean == pytest.approx(125.0)
    assert found.total == pytest.approx(25.0)
    assert found.frame["worth"].tolist() == pytest.approx([25.0])
    # The plan for the numbers as stated is as good for either line; what it lacks is no knowledge.
    assert found.shortfall >= 0


def test_two_states_by_hand():
    # In a quarter of the worlds b brings 5: all on b brings 200 on average; knowing, 0.25·500 +
    # 0.75·100 = 200 as well. Nothing is worth finding out.
    same = rivals({}, states={"boom": State(0.25, {"channels.b.value": 5.0})}, draws=256)
    assert known(same).total == pytest.approx(0.0, abs=1e-6)
    # With a at 2 for sure: max E is 200, E max is 0.25·500 + 0.75·200 = 275.
    plan = rivals({}, states={"boom": State(0.25, {"channels.b.value": 5.0})}, draws=256)
    lines = (replace(plan.lines[0], value=2.0), plan.lines[1])
    found = known(replace(plan, lines=lines))
    assert found.total == pytest.approx(75.0)
    assert found.frame["kind"].tolist() == ["states"]
    assert found.frame["worth"][0] == pytest.approx(75.0)


def test_normal_rivals_in_closed_form():
    # Two lines that bring N(1, s²) each: E max − max E = s/√π per unit of money; of one alone,
    # s/√(2π).
    s = 0.2
    width = s * stats.norm.ppf(0.9)
    numbers = {
        f"channels.{name}.value": Range((1 - width, 1 + width), form="normal") for name in "ab"
    }
    found = known(rivals(numbers, draws=4096))
    assert found.total == pytest.approx(100 * s / np.sqrt(np.pi), abs=4 * found.error + 0.05)
    for row in found.frame.itertuples():
        assert row.worth == pytest.approx(100 * s / np.sqrt(2 * np.pi), rel=0.03)
        assert row.worth <= found.total


@pytest.mark.parametrize("states", [{}, {"slump": State(0.2, {"channels.*.*.value": "*0.5"})}])
def test_parts_are_worth_no_more_than_the_whole(states):
    found = known(small(6, states=states, draws=1024))
    frame = found.frame
    assert found.total >= 0
    assert found.open >= 0
    assert (frame["worth"] >= 0).all()
    assert (frame["worth"] <= found.total + 2 * found.error).all()
    assert frame["worth"].is_monotonic_decreasing
    assert (frame["worth"] > 3 * frame["error"]).sum() >= 2


def test_knowledge_that_changes_nothing_is_worth_nothing():
    # The value of everything moves the result, and no money.
    plan = small(4)
    plan = replace(
        plan,
        objective=opt.Revenue(),
        uncertainty=Uncertainty({"channels.*.*.price": Range(draws=(1.0,))}, draws=64),
    )
    assert known(plan).total == pytest.approx(0.0, abs=1e-3)
    values = {"channels.*.*.value": Range((0.5, 2.0), times=True, shared=True)}
    found = known(replace(plan, uncertainty=Uncertainty(values, draws=256)))
    assert found.total <= 1e-6 * found.mean
    assert found.shares["whole"][0] == pytest.approx(1.0, abs=0.1)


def test_rounding_is_no_share_of_what_knowing_is_worth():
    # The split leaves no choice: what knowing seems to be worth is rounding, and no part of it is
    # several times the whole.
    line = opt.Line(
        "a", role="traffic", curve=opt.Elasticity(1e5, 2.5, 0.4), value=40.0, current=1e5
    )
    flat = opt.Line(
        "b", role="brand", curve=opt.Points((0.0, 1e5), (0.0, 2e3)), value=40.0, current=1e5
    )
    plan = opt.Plan("one", (line, flat), budget=3e5, objective=opt.Revenue(), business="b2b")
    numbers = {"channels.a.traffic.curve.average_return": Range(between=("*0.7", "*1.4"))}
    found = known(replace(plan, uncertainty=Uncertainty(numbers)))
    assert found.total <= 1e-9 * found.mean
    assert found.frame["share"].tolist() == [0.0]


def test_shares_of_a_sum_add_up_to_one():
    # With both lines fixed at 50 the value is a sum: first-order and whole shares are the same.
    numbers = {
        "channels.a.value": Range((0.8, 1.2), form="normal"),
        "channels.b.value": Range((0.6, 1.4), form="normal"),
    }
    plan = rivals(numbers, minimum=50.0, draws=256)
    shares = known(plan).shares.set_index("name")
    np.testing.assert_allclose(shares["first"], shares["whole"], atol=0.05)
    assert shares["first"].sum() == pytest.approx(1.0, abs=0.05)
    # Variances stand as 0.2² to 0.4².
    assert shares["whole"]["b"] == pytest.approx(0.8, abs=0.05)


def test_what_moves_lines_together_is_a_source_of_its_own():
    plan = small(4)
    numbers = plan.uncertainty.numbers
    together = {"media": Factor(("channels.*.*.curve.ceiling",), 0.6)}
    found = known(replace(plan, uncertainty=Uncertainty(numbers, together, draws=256)))
    kinds = found.shares.set_index("name")["kind"]
    assert kinds["media"] == "factor"
    assert found.shares["name"][0] == "media"
    assert "media" not in set(found.frame["name"])


def test_the_seed_and_not_the_machine_decides():
    plan = small(4, draws=256)
    one, two = known(plan, jobs=1), known(plan, jobs=2)
    assert one.frame.equals(two.frame)
    assert one.shares.equals(two.shares)
    other = known(replace(plan, uncertainty=replace(plan.uncertainty, seed=9)))
    assert other.total != one.total
    assert other.total == pytest.approx(one.total, abs=5 * (one.error + other.error))


def test_nothing_is_told_of_plans_with_rules_on_outcomes():
    plan = rivals({"channels.a.value": Range(draws=(2.0, 0.5))}, draws=64)
    plan = replace(plan, constraints=(opt.Target(at_least=50.0),))
    with pytest.raises(PlanError, match="about outcomes"):
        known(plan)
