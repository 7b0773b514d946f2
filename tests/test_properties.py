"""What must hold for every plan: order, units and looser rules."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.allocation import evaluate
from optimizer.plan.constraints import Share, Spend, SpendAll, Split
from optimizer.plan.curves import Elasticity, Exponential, Hill, Log
from optimizer.plan.objectives import Profit, Revenue
from optimizer.plan.plan import Line, Plan
from optimizer.solving import optimize
from tests.strategies import plans

amount = st.floats(10, 1000)
curve = st.one_of(
    st.builds(Hill, amount, amount, st.floats(0.5, 4)),
    st.builds(Log, amount, amount),
    st.builds(Exponential, amount, amount),
    st.builds(Elasticity, amount, st.floats(0.5, 8), st.floats(0.1, 0.9)),
)


@st.composite
def small_plans(draw):
    n = draw(st.integers(2, 5))
    lines = tuple(
        Line(
            f"c{i}",
            draw(curve),
            role="brand" if i % 2 else "traffic",
            value=1.0,
            current=draw(st.floats(0, 300)),
            minimum_if_active=draw(st.sampled_from([0.0, 0.0, 50.0])),
        )
        for i in range(n)
    )
    objective = draw(st.sampled_from([Profit(), Revenue()]))
    share = draw(st.sampled_from([0.3, 0.5, 0.6]))
    tolerance = draw(st.sampled_from([0.0, 0.1]))
    split = Split({"brand": share, "traffic": 1 - share}, tolerance=tolerance)
    return Plan("any", lines, draw(st.floats(100, 1500)), split=split, objective=objective)


def scaled(plan, money=1.0, outcomes=1.0):
    """The same plan in another unit of money and of outcomes."""

    def bent(curve):
        kind = type(curve)
        factor = {
            "ceiling": outcomes,
            "scale": outcomes,
            "half": money,
            "unit": money,
            "spend": money,
            "average_return": outcomes / money,
        }
        names = [name for name in kind.parameters if name in factor]
        return replace(curve, **{name: getattr(curve, name) * factor[name] for name in names})

    lines = tuple(
        replace(
            line,
            curve=bent(line.curve),
            value=line.value * money / outcomes,
            current=line.current * money,
            minimum_if_active=line.minimum_if_active * money,
        )
        for line in plan.lines
    )
    return replace(plan, lines=lines, budget=plan.budget * money)


def close(one, other, size):
    """Values within what two proven gaps allow."""
    return abs(one - other) <= 2.1e-4 * max(abs(one), abs(other)) + 1e-9 * size


@settings(max_examples=30)
@given(small_plans(), st.sampled_from([1e-6, 1e-3, 1e6, 1e9]))
def test_the_unit_of_money_does_not_matter(plan, unit):
    one, other = optimize(plan), optimize(scaled(plan, money=unit))
    assert close(one.objective, other.objective / unit, plan.budget)


@settings(max_examples=30)
@given(small_plans(), st.sampled_from([1e-6, 1e-3, 1e6, 1e9]))
def test_the_scale_of_outcomes_does_not_matter(plan, unit):
    one, other = optimize(plan), optimize(scaled(plan, outcomes=unit))
    assert close(one.objective, other.objective, plan.budget)


@settings(max_examples=30)
@given(small_plans(), st.randoms(use_true_random=False))
def test_the_order_of_lines_does_not_matter(plan, random):
    lines = list(plan.lines)
    random.shuffle(lines)
    one, other = optimize(plan), optimize(replace(plan, lines=tuple(lines)))
    assert close(one.objective, other.objective, plan.budget)


@settings(max_examples=40)
@given(small_plans(), st.floats(0.01, 0.5), st.floats(10, 200))
def test_a_looser_rule_never_hurts(plan, share, extra):
    rules = (Share("brand", at_most=0.55), Spend("c0", at_most=80.0))
    tight = replace(plan, split=Split("5:5", tolerance=0.05), constraints=rules)
    best = optimize(tight)
    for looser in (
        replace(tight, budget=tight.budget + extra),
        replace(tight, split=Split("5:5", tolerance=0.05 + share / 2)),
        replace(tight, constraints=rules[:1]),
        replace(tight, constraints=(rules[0], Spend("c0", at_most=80.0 + extra))),
    ):
        assert optimize(looser).objective >= best.objective - 1.1e-4 * abs(best.objective) - 1e-7


@settings(max_examples=40)
@given(small_plans())
def test_a_plan_is_never_worse_than_today_and_keeps_its_rules(plan):
    best = optimize(plan)
    assert best.is_feasible
    assert best.objective <= best.bound
    assert best.gap <= 1e-4
    if best.today.is_feasible:
        assert best.objective >= best.today.objective
    again = evaluate(plan, best.spend)
    assert again.objective == best.objective


@settings(max_examples=30)
@given(small_plans())
def test_money_adds_up_to_the_cent(plan):
    exact = replace(plan, constraints=(SpendAll(),), budget=round(plan.budget, 2) * 1000)
    exact = replace(exact, split=Split("6:4"))
    best = optimize(exact)
    assert best.spent == pytest.approx(exact.budget, abs=0.005)
    brand = best.spend[best.problem.grid.role == "brand"].sum()
    assert brand == pytest.approx(0.6 * exact.budget, abs=0.005)
    assert np.all(best.spend >= 0)


@settings(max_examples=15)
@given(plans(feasible=True), st.randoms(use_true_random=False))
def test_the_order_of_any_lines_does_not_matter(plan, random):
    lines = list(plan.lines)
    random.shuffle(lines)
    one, other = (optimize(p, time_limit=0.5) for p in (plan, replace(plan, lines=tuple(lines))))
    assert one.objective <= other.bound + 1e-9 * (abs(other.bound) + plan.budget)
    assert other.objective <= one.bound + 1e-9 * (abs(one.bound) + plan.budget)


@settings(max_examples=15)
@given(plans(feasible=True), st.floats(0.0, 10.0))
def test_more_money_and_fewer_rules_never_hurt(plan, more):
    best = optimize(plan, time_limit=0.5)
    freer = [replace(plan, budget=plan.budget * (1 + more))]
    if plan.objective.kind != "lowest_spend":
        freer += [
            replace(plan, constraints=tuple(rule for rule in plan.constraints if rule is not gone))
            for gone in plan.constraints
            # Without a split of its own a plan has that of its business.
            if not isinstance(gone, Split) or plan.business == "none"
        ]
    for looser in freer:
        room = 1e-9 * (abs(best.objective) + looser.budget)
        assert optimize(looser, time_limit=0.5).bound >= best.objective - room
