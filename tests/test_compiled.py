"""A compiled plan moved to another budget or split equals that plan compiled from nothing."""

from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from optimizer.compiling import Compiled, compile_plan
from optimizer.plan.constraints import (
    CONSTRAINTS,
    ActiveLines,
    Changes,
    CostCap,
    Flights,
    Pacing,
    Ratio,
    Share,
    Spend,
    SpendAll,
    Split,
    Target,
    Weighted,
    reads_budget,
)
from optimizer.plan.curves import Hill, Log
from optimizer.plan.objectives import Profit, Revenue
from optimizer.plan.periods import Periods
from optimizer.plan.plan import Line, Plan
from optimizer.plan.units import Percent
from optimizer.solvers.linear import LinearPart
from optimizer.solvers.solution import Status

from .strategies import plans

BOUNDS: list[dict[str, Any]] = [
    {"maximum": Percent(0.7)},
    {"minimum": 5.0, "maximum": 400.0},
    {"minimum": "4%", "maximum": "60%"},
    {"minimum_if_active": "8%"},
    {"locked": "10%"},
    {},
]


def plan_of(*rules: Any, **given: Any) -> Plan:
    """Three channels, brand and traffic each; bounds in money, in shares of the budget, or none."""
    lines = tuple(
        Line(
            channel,
            Hill(90.0 + 10 * i, 120.0, 1.5 + j) if i == 2 else Log(60.0 + 20 * i, 50.0 + 10 * j),
            role,
            current=40.0 + 5 * i,
            tags={"market": ("de", "us")[i % 2]},
            **BOUNDS[2 * i + j],
        )
        for i, channel in enumerate(("search", "social", "tv"))
        for j, role in enumerate(("brand", "traffic"))
    )
    stated = {"business": "b2b", "value": 1.0, "objective": Revenue(), "constraints": rules}
    return Plan("p", lines, 400.0, **(stated | given))


RULES = [
    Split("5:5", where={"market": ("de",)}, name="de"),
    Split("5:5", tolerance=0.1, per="market", name="each"),
    Split("5:5", penalty=0.2, name="soft"),
    Split({"search": 0.3, "social": 0.3, "tv": 0.4}, by="channel", tolerance=0.2, name="mix"),
    Spend("search", at_most=150.0, name="money"),
    Spend("search", at_least="5%", at_most="45%", name="share of the budget"),
    Spend(at_most="40%", per="channel", penalty=0.3, name="per channel"),
    Share("tv", at_most=0.5, at_least=0.1, name="share"),
    Ratio("search", "social", at_most=3.0, name="ratio"),
    Weighted({"brand": 1.0, "tv": 2.0}, at_most=500.0, name="weighted"),
    Target(40.0, name="target"),
    ActiveLines(at_most=5, name="active"),
    Changes(at_most=4, at_least="2%", name="changes"),
    SpendAll(penalty=0.01, name="all"),
    CostCap(8.0, name="cost"),
]
TIMED = [
    Pacing(max_change=0.5, per="channel", name="steady"),
    Pacing(at_most_by={"2027-02": "60%"}, per="total", name="by"),
    Flights(2, where="social.traffic", name="flights"),
]


def over_time(rule: Any, **given: Any) -> Plan:
    """A plan with *rule*: over four months where it is one about time."""
    if rule in TIMED:
        given |= {"periods": Periods("2027-01", 4)}
    return plan_of(rule, **given)


def assert_same(one: Any, other: Any, where: str = "problem") -> None:
    """Every array, to the last bit, and everything else."""
    assert type(one) is type(other), where
    if isinstance(one, sparse.csr_array):
        assert one.shape == other.shape, where
        for part in ("data", "indices", "indptr"):
            np.testing.assert_array_equal(getattr(one, part), getattr(other, part), where)
    elif isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, other, where)
    elif is_dataclass(one) and not isinstance(one, type):
        for field in fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name), field.name)
    elif isinstance(one, tuple):
        assert len(one) == len(other), where
        for a, b in zip(one, other, strict=True):
            assert_same(a, b, where)
    elif isinstance(one, dict):
        assert_same(tuple(one.items()), tuple(other.items()), where)
    else:
        assert one == other, where


def moved(plan: Plan) -> list[Plan]:
    """Another budget, another share, shares at their ends, and back."""
    ways = [replace(plan, budget=budget) for budget in (250.0, 900.0)]
    ways += [replace(plan, split=Split({"brand": b, "traffic": 1 - b})) for b in (0.35, 0.0, 1.0)]
    return [*ways, replace(ways[2], budget=300.0), plan]


def test_every_kind_of_rule_is_here():
    assert {type(rule) for rule in RULES + TIMED} == set(CONSTRAINTS)


@pytest.mark.parametrize("rule", RULES + TIMED, ids=lambda rule: rule.name)
def test_a_moved_problem_equals_a_fresh_one(rule):
    compiled = Compiled.of(over_time(rule))
    for plan in moved(over_time(rule)):
        compiled = compiled.at(plan)
        assert_same(compiled.problem, compile_plan(plan))
        assert compiled.plan is plan


@pytest.mark.parametrize("rule", RULES + TIMED, ids=lambda rule: rule.name)
def test_the_budget_touches_what_reads_it_and_the_split_only_itself(rule):
    plan = over_time(rule, business="none")
    compiled = Compiled.of(plan)
    touched = compiled.touched(replace(plan, budget=333.0))
    assert touched == ((rule,) if reads_budget(rule) else ())
    old, new = plan.rows_of(rule), replace(plan, budget=333.0).rows_of(rule)
    if not touched:
        for before, after in zip(old, new, strict=True):
            assert_same(before, after)
    own = Split({"brand": 0.5, "traffic": 0.5})
    assert compiled.touched(replace(plan, split=own)) == (own,)
    assert compiled.touched(plan) == ()


def test_what_does_not_move_is_taken_over():
    plan = plan_of(*RULES[4:6])
    compiled = Compiled.of(plan)
    other = compiled.at(replace(plan, budget=200.0)).problem
    for part in ("curves", "weights", "exposure"):
        assert getattr(other, part) is getattr(compiled.problem, part)


@pytest.mark.parametrize(
    "change",
    [{"value": 2.0}, {"objective": Revenue(), "value": 3.0}, {"lines": plan_of().lines[:4]}],
    ids=["value", "objective and value", "lines"],
)
def test_another_question_is_compiled_anew(change):
    plan = plan_of(business="none")
    other = replace(plan, **change)
    assert_same(Compiled.of(plan).at(other).problem, compile_plan(other))


@given(plans(), st.floats(0.1, 10.0))
def test_any_plan_moved_to_another_budget_equals_a_fresh_one(plan, factor):
    if plan.budget is None:
        return
    other = replace(plan, budget=factor * plan.budget)
    assert_same(Compiled.of(plan).at(other).problem, compile_plan(other))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_restated_model_has_the_optimum_of_a_fresh_one(rule):
    compiled = Compiled.of(plan_of(rule))
    part, restated = LinearPart(compiled.problem), 0
    for plan in moved(plan_of(rule)):
        compiled = compiled.at(plan)
        fresh = LinearPart(compiled.problem)
        if not part.restate(compiled.problem):
            part = fresh
            continue
        restated += 1
        ours, theirs = part.solve(), fresh.solve()
        assert ours.status is theirs.status
        if theirs.status is Status.OPTIMAL:
            assert ours.value == pytest.approx(theirs.value, rel=1e-8)
            assert (ours.spend <= compiled.problem.upper * (1 + 1e-8)).all()
    assert restated >= 3


@pytest.mark.parametrize(
    "change",
    [
        {"value": 2.0},
        {"objective": Profit(0.7)},
        {"lines": tuple(replace(line, curve=Log(75.0, 60.0)) for line in plan_of().lines)},
        {"lines": tuple(replace(line, price=1.2) for line in plan_of().lines)},
    ],
    ids=["worth", "objective", "curves", "prices"],
)
def test_a_model_is_restated_for_other_curves_and_worths(change):
    plan = plan_of(Target(40.0), Share("tv", at_most=0.5, name="share"))
    problem = compile_plan(replace(plan, **change))
    part, fresh = LinearPart(compile_plan(plan)), LinearPart(problem)
    part.solve()
    assert part.restate(problem)
    ours, theirs = part.solve(), fresh.solve()
    assert ours.status is theirs.status is Status.OPTIMAL
    assert ours.value == pytest.approx(theirs.value, rel=1e-8)


def test_a_rule_can_be_let_go_in_a_model_and_come_back():
    problem = compile_plan(plan_of(Spend("search", at_most=50.0, name="low")))
    own = np.array([rule == "low" for rule in problem.rows.rule])
    free = replace(
        problem, rows=replace(problem.rows, upper=np.where(own, np.inf, problem.rows.upper))
    )
    part = LinearPart(problem)
    held = part.solve().value
    assert part.restate(free)
    assert part.solve().value == pytest.approx(LinearPart(free).solve().value, rel=1e-8)
    assert part.restate(problem)
    assert part.solve().value == pytest.approx(held, rel=1e-8)


def test_a_model_of_other_rules_or_scales_is_not_restated():
    plan = plan_of()
    compiled = Compiled.of(plan)
    part = LinearPart(compiled.problem)
    assert part.restate(compiled.at(replace(plan, budget=500.0)).problem)
    assert not part.restate(compiled.at(plan_of(SpendAll())).problem)
    assert not part.restate(compiled.at(replace(plan, budget=4e6)).problem)
