"""Why a plan is infeasible: the rules named are in conflict, and following the advice mends it."""

from dataclasses import replace

import numpy as np
import pytest

from optimizer import conflict
from optimizer.errors import Infeasible
from optimizer.plan.constraints import (
    ActiveLines,
    Changes,
    Ratio,
    Share,
    Spend,
    SpendAll,
    Target,
    Weighted,
)
from optimizer.plan.curves import Elasticity, Hill, Log
from optimizer.plan.plan import Line, Plan
from optimizer.solving import optimize


def plan(*constraints, n=4, **changes):
    """Channels with a brand and a traffic line each, a budget of 10M, and no split."""
    lines = tuple(
        Line(f"ch{i}", Log(100_000.0, 200_000.0), role, current=500_000.0)
        for i in range(n)
        for role in ("brand", "traffic")
    )
    made = Plan("test", lines, budget=10_000_000, value=10.0, constraints=constraints)
    return replace(made, **changes)


def each(made, role=None, **changes):
    lines = tuple(
        replace(line, **changes) if role in {None, line.role} else line for line in made.lines
    )
    return replace(made, lines=lines)


def why(made):
    with pytest.raises(Infeasible) as caught:
        optimize(made)
    return caught.value


def test_minima_beyond_the_budget():
    made = each(plan(budget=5_000_000), minimum=1_000_000.0)
    error = why(made)
    assert "at most $5M" in str(error)
    assert "add up to $8M" in str(error)
    assert "raise the budget by $3M, to $8M" in str(error)
    assert "lower the minima of" in str(error)
    assert "budget" in error.conflict.rules
    assert sum(step.amount for step in error.conflict.relaxations) == pytest.approx(3e6)
    optimize(replace(made, budget=8_000_000))


def test_a_split_that_the_maxima_do_not_allow():
    made = each(plan(SpendAll(), business="b2b"), role="brand", maximum=1_300_000.0)
    error = why(made)
    text = str(error)
    assert "of $10M that is $6M to brand" in text
    assert "add up to $5.2M" in text
    assert "lower the share of brand to 52%" in text
    assert "by $800K in all" in text
    assert set(error.conflict.rules) == {
        "split",
        "spend_all",
        *(f"ch{i}.brand maximum" for i in range(4)),
    }
    optimize(each(made, role="brand", maximum=1_500_000.0))


def test_a_target_out_of_reach_tells_the_most_that_can_be_reached():
    made = plan(Target(3_000_000, name="leads"))
    most = optimize(plan(objective={"kind": "outcomes"}), gap=1e-9).objective
    error = why(made)
    assert f"{int(most):,}" in str(error)
    assert error.conflict.rules == ("budget", "leads")
    (step,) = error.conflict.relaxations
    assert (step.rule, step.unit) == ("leads", "outcomes")
    assert step.amount == pytest.approx(3_000_000 - most, rel=1e-5)
    optimize(plan(Target(int(most), name="leads")))


def test_a_minimum_above_the_budget_and_a_locked_line():
    error = why(each(plan(n=1), role="brand", minimum=12_000_000.0))
    assert set(error.conflict.rules) == {"budget", "ch0.brand minimum"}
    locked = each(plan(n=1), role="brand", locked=9_000_000.0, current=None)
    error = why(replace(locked, business="b2b"))
    assert set(error.conflict.rules) == {"budget", "split", "ch0.brand locked"}
    assert "change the locked spend of ch0.brand to $6M" in str(error)
    assert "raise the budget by $5M, to $15M" in str(error)


def test_shares_that_add_up_to_more_than_one():
    error = why(
        plan(
            Share("ch0", at_least=0.6, name="first"),
            Share("ch1", at_least=0.7, name="second"),
            Share("ch2", at_most=0.1, name="innocent"),
            Spend(at_least=1_000_000, name="some"),
        )
    )
    assert set(error.conflict.rules) == {"first", "second", "some"}
    assert "lower the share of ch0 to 30%" in str(error)
    assert "lower the share of ch1 to 40%" in str(error)


CASES = {
    "ratio": (
        Ratio("ch0", "ch1", at_least=3, name="ratio"),
        Spend("ch1", at_least=4_000_000, name="floor"),
    ),
    "weighted": (
        Weighted({"ch0": 2.0}, at_most=100.0, name="weight"),
        Spend("ch0", at_least=4_000_000, name="floor"),
    ),
    "spend": (
        Spend("ch0", at_most="10%", name="cap"),
        Spend("ch0.brand", at_least=4_000_000, name="floor"),
    ),
    "lines": (
        ActiveLines(at_most=1, name="one"),
        Spend("ch0", at_least=100.0, name="a"),
        Spend("ch1", at_least=100.0, name="b"),
    ),
    "changes": (Changes(at_most=0, name="same"), SpendAll()),
}


@pytest.mark.parametrize("name", CASES)
def test_the_rules_named_are_in_conflict_and_none_can_be_left_out(name):
    made = plan(*CASES[name])
    error = why(made)
    named = set(error.conflict.rules)
    stated = {rule.name for rule in made.constraints}
    only = replace(
        made,
        constraints=tuple(rule for rule in made.constraints if rule.name in named),
    )
    why(only)
    for dropped in named & stated:
        kept = tuple(rule for rule in only.constraints if rule.name != dropped)
        optimize(replace(only, constraints=kept))
    assert error.conflict.relaxations
    for step in error.conflict.relaxations:
        assert step.amount > 0
        assert step.says in str(error)


def test_a_target_that_no_money_reaches_is_alone():
    error = why(plan(Target(1e9, name="moon")))
    assert error.conflict.rules == ("moon",)
    assert "even with" in str(error)


def test_two_conflicts_are_mended_together():
    made = each(plan(Target(1e12, name="moon"), budget=5_000_000), minimum=1_000_000.0)
    error = why(made)
    assert "further conflicts" in str(error)
    rules = ", ".join(step.rule for step in error.conflict.relaxations)
    assert "moon" in rules
    assert "minimum" in rules or "budget" in rules


def test_soft_rules_are_never_blamed():
    error = why(
        each(
            plan(Spend("ch0", at_most=1.0, penalty=1.0, name="soft"), budget=5_000_000),
            minimum=1_000_000.0,
        )
    )
    assert "soft" not in error.conflict.rules


def test_smallest_spends_of_lines_that_must_be_on():
    made = each(plan(budget=2_500_000), minimum_if_active=1_000_000.0)
    made = replace(made, constraints=(ActiveLines(at_least=3, name="three"),))
    error = why(made)
    assert {"budget", "three"} <= set(error.conflict.rules)
    assert any("minimum if active" in rule for rule in error.conflict.rules)
    assert "raise the budget by $500K, to $3M" in str(error)


def test_s_curves_are_explained_too():
    made = plan(Target(4_000, name="leads"))
    lines = tuple(replace(line, curve=Hill(500, 2_000_000, 3.0)) for line in made.lines)
    error = why(replace(made, lines=lines))
    assert "leads" in error.conflict.rules
    assert "no plan reaches more" in str(error)


def test_an_explanation_asks_the_solver_a_few_times(monkeypatch):
    made = each(
        plan(
            SpendAll(),
            Target(100, name="some"),
            Share("ch5", at_most=0.3, name="share"),
            n=6,
            business="b2b",
        ),
        role="brand",
        maximum=900_000.0,
        minimum=10_000.0,
    )
    lines = tuple(replace(line, curve=Elasticity(400_000, 2.0, 0.4)) for line in made.lines)
    made = replace(made, lines=lines)
    solve, asked = conflict.solve, []
    monkeypatch.setattr(conflict, "solve", lambda *given: asked.append(1) or solve(*given))
    assert why(made).conflict.rules
    assert len(asked) < 40


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e4])
def test_the_explanation_does_not_depend_on_the_unit_of_money(unit):
    made = each(plan(budget=5_000_000 * unit), minimum=1_000_000.0 * unit)
    error = why(made)
    total = sum(step.amount for step in error.conflict.relaxations)
    assert total == pytest.approx(3e6 * unit)
    assert np.isfinite(total)
    assert len(error.conflict.rules) == 9
