"""Every rule: a plan of spends that keeps it, and one that does not."""

from typing import Any

import numpy as np
import pytest

from optimizer.compiling import compile_plan
from optimizer.errors import PlanError
from optimizer.plan.constraints import (
    CONSTRAINTS,
    PRESETS,
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
)
from optimizer.plan.curves import Linear
from optimizer.plan.funnel import Funnel
from optimizer.plan.grid import Grid, Row, Switch, SwitchKind
from optimizer.plan.periods import Periods
from optimizer.plan.plan import Line, Plan

FUNNEL = Funnel(("visit", "lead"), {"visit": 0.1}, {"lead": 50})


def plan_of(*rules: Any, **given: Any) -> Plan:
    """Four lines: search and social, brand and traffic, today 10 each, one outcome per money."""
    lines = tuple(
        Line(
            channel,
            Linear(1.0),
            role,  # type: ignore[arg-type]
            outcome="visit",
            current=10,
            minimum_if_active=1,
            tags={"market": "de" if channel == "search" else "at"},
        )
        for channel in ("search", "social")
        for role in ("brand", "traffic")
    )
    return Plan("x", lines, 100, constraints=rules, funnel=FUNNEL, **given)


def switches_at(spend: np.ndarray, grid: Grid) -> dict[Switch, float]:
    """What the switches must be at this spend."""
    on = {Switch(SwitchKind.ON, line): float(x > 0) for line, x in enumerate(spend)}
    up = {Switch(SwitchKind.UP, i): float(x > grid.current[i]) for i, x in enumerate(spend)}
    down = {Switch(SwitchKind.DOWN, i): float(x < grid.current[i]) for i, x in enumerate(spend)}
    return on | up | down


def broken(plan: Plan, spend: list[float]) -> list[Row]:
    """The rows that this spend does not keep; every line returns one outcome per money."""
    x = np.array(spend, float)
    switches = switches_at(x, plan.grid)
    rows = []
    for row in plan.rows:
        level = row.spend.of(x) + row.outcomes.of(x)
        level += sum(weight * switches[switch] for switch, weight in row.switches)
        if not row.lower - 1e-9 <= level <= row.upper + 1e-9:
            rows.append(row)
    return rows


# Spends are of search.brand, search.traffic, social.brand, social.traffic.
CASES: list[tuple[Any, list[float], list[float]]] = [
    (Split("6:4"), [30, 20, 30, 20], [31, 20, 30, 20]),
    (Split(preset="binet-field-b2b"), [23, 27, 23, 27], [30, 20, 30, 20]),
    (Split("6:4", tolerance=0.1), [25, 25, 25, 25], [24, 26, 25, 25]),
    (Split("6:4", tolerance=0.1), [35, 15, 35, 15], [36, 15, 35, 14]),
    (Split("6:4", per="channel"), [30, 20, 12, 8], [30, 20, 8, 12]),
    (Split("6:4", where="search"), [30, 20, 0, 50], [20, 30, 0, 50]),
    (Split({"de": 0.5, "at": 0.5}, by="market"), [10, 10, 0, 20], [10, 10, 0, 10]),
    (
        Split({"search": 0.7, "social": 0.3}, by="channel", tolerance=0.05),
        [40, 30, 20, 10],
        [40, 40, 10, 10],
    ),
    (Spend("search", at_most=30), [20, 10, 50, 0], [20, 11, 0, 0]),
    (Spend("search", at_least="20%"), [10, 10, 0, 0], [10, 9, 50, 0]),
    (Spend(at_most=20, per="channel"), [10, 10, 20, 0], [10, 11, 0, 0]),
    (Share("search", at_most="50%"), [10, 10, 10, 10], [11, 10, 10, 10]),
    (Share("search.brand", at_least=0.5, of="search"), [10, 10, 90, 0], [9, 10, 0, 0]),
    (Share("brand", at_least=0.5, per="market"), [10, 10, 5, 5], [10, 10, 4, 5]),
    (Ratio("search", "social", at_least=2), [10, 10, 10, 0], [10, 9, 10, 0]),
    (Ratio("search", "social", at_most=2), [10, 10, 10, 0], [10, 11, 10, 0]),
    (Weighted({"search": 2, "social.brand": -1}, at_most=10), [5, 5, 10, 0], [5, 5, 9, 0]),
    (Target(5), [1, 1, 2, 1], [1, 1, 1, 1]),
    (Target(5, "lead", "search"), [25, 25, 0, 0], [25, 24, 50, 0]),
    (ActiveLines(at_most=2), [50, 0, 50, 0], [1, 1, 1, 0]),
    (ActiveLines(at_least=2, where="search"), [1, 1, 0, 0], [1, 0, 1, 1]),
    (ActiveLines(at_most=1, per="channel"), [9, 0, 0, 9], [9, 9, 0, 0]),
    (Changes(at_most=1), [20, 10, 10, 10], [11, 9, 10, 10]),
    (Changes(at_least=5), [10, 10, 15, 5], [10, 10, 14, 10]),
    (Changes(at_least="5%", where="search"), [10, 5, 11, 10], [10, 6, 10, 10]),
    (SpendAll(), [40, 20, 20, 20], [40, 20, 20, 19]),
]


def timed(*rules: Any, **given: Any) -> Plan:
    """Two lines over three months, today 10 each, one visit per money, 100 to spend."""
    lines = tuple(
        Line(channel, Linear(1.0), role, outcome="visit", current=10, minimum_if_active=1)  # type: ignore[arg-type]
        for channel, role in (("tv", "brand"), ("search", "traffic"))
    )
    return Plan(
        "x",
        lines,
        100,
        constraints=rules,
        funnel=FUNNEL,
        periods=Periods("2027-01", 3),
        **given,
    )


# Spends are of tv in three months, then of search.
TIMED: list[tuple[Any, list[float], list[float] | None]] = [
    (Pacing(0.5), [10, 15, 8, 0, 0, 0], [10, 16, 8, 0, 0, 0]),
    (Pacing(0.5, where="tv"), [10, 5, 5, 0, 9, 0], [10, 4, 5, 0, 9, 0]),
    (Pacing(0.2, from_today=True), [12, 12, 12, 8, 8, 8], [13, 13, 13, 8, 8, 8]),
    (Pacing(0.5, per="total"), [10, 0, 15, 0, 15, 0], [10, 0, 15, 0, 16, 0]),
    (Pacing(profile=(2, 1, 1), where="tv"), [20, 10, 10, 5, 0, 0], [20, 11, 10, 5, 0, 0]),
    (Pacing(profile={"feb": 2}, per="total"), [5, 10, 5, 0, 0, 0], [5, 5, 5, 0, 0, 0]),
    (
        Pacing(profile=(1, 1, 1), tolerance=0.1, where="tv"),
        [40, 30, 30, 0, 0, 0],
        [45, 30, 25, 0, 0, 0],
    ),
    (Pacing(at_most_by={"2027-02": 20}), [10, 10, 9, 5, 5, 0], [10, 11, 0, 5, 5, 0]),
    (
        Pacing(at_least_by={"2027-01": "20%"}, per="total"),
        [10, 0, 0, 10, 0, 0],
        [10, 0, 9, 9, 0, 0],
    ),
    (Flights(2), [0, 5, 5, 0, 0, 0], [0, 0, 0, 0, 5, 0]),
    (Flights(3, where="tv"), [0, 0, 5, 5, 0, 5], [0, 5, 0, 5, 5, 5]),
    (CostCap(10, "lead"), [9, 9, 9, 9, 9, 9], None),
    (CostCap(9.9, "lead", where="tv"), [0, 0, 0, 9, 9, 9], [0, 0, 1, 0, 0, 0]),
    (Target(2, "lead", by="2027-02"), [10, 10, 0, 0, 0, 0], [10, 9, 80, 0, 0, 0]),
    (Target(5, where={"period": "2027-03"}), [0, 0, 5, 0, 0, 0], [9, 9, 2, 9, 9, 2]),
    (Target(return_at_least=5), [9, 9, 9, 1, 1, 1], None),
    (Target(return_at_least=5.1, where="tv"), [0, 0, 0, 1, 1, 1], [9, 9, 10, 1, 1, 1]),
    (Spend("tv", at_most=10, per="period"), [10, 10, 10, 9, 9, 9], [10, 11, 0, 0, 0, 0]),
    (Split("6:4", per="period"), [6, 3, 0, 4, 2, 0], [6, 4, 0, 4, 1, 0]),
    (ActiveLines(at_most=1, per="period"), [9, 0, 9, 0, 9, 0], [9, 9, 9, 0, 9, 0]),
    (ActiveLines(at_most=1), [9, 0, 9, 0, 0, 0], [9, 0, 0, 0, 9, 0]),
    (Changes(at_least=10), [20, 10, 10, 10, 10, 10], [15, 10, 10, 10, 10, 10]),
]


@pytest.mark.parametrize(
    ("rule", "kept", "not_kept"), TIMED, ids=lambda case: getattr(case, "kind", "")
)
def test_a_rule_about_time_tells_what_keeps_it(
    rule: Any, kept: list[float], not_kept: list[float] | None
) -> None:
    plan = timed(rule)

    def missed(spend: list[float]) -> set[str]:
        problem = compile_plan(plan)
        x = problem.lift(np.array(spend, float))
        names = [rule for rule, far in zip(problem.rows.rule, problem.violations(x), strict=True)
                 if far > 1e-9]  # fmt: skip
        return set(names) - {"on"}

    assert not missed(kept)
    assert not_kept is None or missed(not_kept) == {rule.name}


@pytest.mark.parametrize(
    ("rule", "kept", "not_kept"), CASES, ids=lambda case: getattr(case, "kind", "")
)
def test_a_rule_tells_what_keeps_it(rule: Any, kept: list[float], not_kept: list[float]) -> None:
    plan = plan_of(rule)
    assert not broken(plan, kept)
    assert {row.rule for row in broken(plan, not_kept)} == {rule.name}


def test_every_rule_is_covered() -> None:
    assert {type(rule) for rule, _, _ in (*CASES, *TIMED)} == set(CONSTRAINTS)


def test_switches_mean_up_or_down_but_never_both() -> None:
    plan = plan_of(Changes(at_least=5))
    both = [row for row in plan.rows if row.definition and not row.spend]
    assert len(both) == 4
    assert all(row.upper == 1 and len(row.switches) == 2 for row in both)


def test_penalties_reach_the_rows_but_not_definitions() -> None:
    plan = plan_of(Changes(at_most=1, penalty=3))
    assert {row.penalty for row in plan.rows if row.definition} == {None}
    assert {row.penalty for row in plan.rows if not row.definition} == {3}


@pytest.mark.parametrize(("business", "brand"), [("b2b", 0.6), ("b2c", 0.4)])
def test_a_business_brings_its_own_split(business: str, brand: float) -> None:
    plan = plan_of(business=business)
    assert plan.rules[0].target == {"brand": brand, "traffic": pytest.approx(1 - brand)}
    assert not broken(plan, [50 * brand, 50 * (1 - brand)] * 2)


def test_no_business_no_split() -> None:
    assert plan_of().rules == ()


def test_a_split_by_role_among_the_rules_takes_the_place_of_the_businesss() -> None:
    own = Split("5:5", name="ours")
    assert plan_of(own, business="b2b").rules == (own,)


def test_a_split_without_shares_takes_the_businesss() -> None:
    plan = plan_of(split=Split(tolerance=0.1), business="b2c")
    assert plan.rules[0].target["brand"] == 0.4
    assert plan.rules[0].name == "split"


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_whole_and_say_whence_they_come(preset: str) -> None:
    entry = PRESETS[preset]
    assert sum(entry.shares.values()) == pytest.approx(1)
    assert entry.source
    assert entry.grade
    assert entry.as_of


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Split({"brand": 0.5}), "add up to 0.5"),
        (lambda: Split("6:4", preset="document-b2b"), "not both"),
        (lambda: Split("6:4", tolerance=2), "not a share"),
        (lambda: Spend("a"), "give at_least, at_most or both"),
        (lambda: Spend("a", at_least=3, at_most=2), "at_least 3 is above at_most 2"),
        (lambda: Spend("a", at_most=1, penalty=0), "above 0"),
        (lambda: Spend("a", at_most=1, penalty=True), "True is not a number"),
        (lambda: Share("a", at_most=60), "write 60% or 0.6"),
        (lambda: Ratio("a", "b", at_least=-1), "at least 0"),
        (lambda: Target(0), "above 0"),
        (lambda: ActiveLines(at_most=1.5), "whole number"),
        (Changes, "give at_least, at_most or both"),
        (lambda: Spend(3, at_most=1), "selects nothing"),
        (lambda: Spend({"channel": {"x": 1}}, at_most=1), "selects nothing"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(make: Any, words: str) -> None:
    with pytest.raises(PlanError, match=words):
        make()


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Spend("serch", at_most=1), "Did you mean 'search'"),
        (Spend({"market": "fr"}, at_most=1), "no market 'fr'"),
        (Spend({"channel": "search", "market": "at"}, at_most=1), "no line is"),
        (Spend(at_most=1, per="country"), "no field 'country'"),
        (Split("6:4", by="market"), "have no share"),
        (Target(1, "deal"), "no stage 'deal'"),
        (Weighted({"radio": 1}, at_most=1), "'radio'"),
    ],
)
def test_a_rule_that_names_what_is_not_there_is_refused(rule: Any, words: str) -> None:
    with pytest.raises(PlanError, match=words):
        plan_of(rule)


def test_counting_lines_needs_a_smallest_spend() -> None:
    line = Line("a", Linear(1.0), value=1)
    with pytest.raises(PlanError, match="minimum_if_active"):
        Plan("x", (line,), 100, constraints=(ActiveLines(at_least=1),))


def test_changes_need_todays_spend() -> None:
    line = Line("a", Linear(1.0), value=1)
    with pytest.raises(PlanError, match="Give current"):
        Plan("x", (line,), 100, constraints=(Changes(at_most=1),))


def test_spending_all_needs_a_budget() -> None:
    line = Line("a", Linear(1.0), value=1, maximum=5)
    with pytest.raises(PlanError, match="no budget to spend"):
        Plan("x", (line,), constraints=(SpendAll(),))
