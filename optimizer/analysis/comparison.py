"""Several answers side by side, and what each plan would be worth in the others' worlds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.allocation import Allocation
from optimizer.errors import AdsplitError, Fault, PlanError
from optimizer.plan.curves import Floats
from optimizer.plan.document import to_document
from optimizer.plan.plan import Plan
from optimizer.shown import Shown
from optimizer.solvers.solution import Status
from optimizer.words import listed
from optimizer.words.voice import Voice

from .batches import Counted, Strips, finished
from .prices import rule_prices
from .variations import Failed, brand_share, profit, revenue

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Comparison", "Steadiest", "compare", "goal_of"]

COLUMNS = (
    "name",
    "status",
    "budget",
    "spent",
    "value",
    "bound",
    "gap",
    "change",
    "revenue",
    "profit",
    "brand_share",
    "largest_move",
    "largest_move_money",
    "reason",
)


RULES = ("rule", "part", "unit", "binding", "price", "cost")


@dataclass(frozen=True)
class Steadiest:
    """The plan that holds up best, whichever of the compared worlds comes true.

    Of the plans that break a rule in the fewest worlds, the one whose greatest regret is least.
    """

    name: str
    regret: float
    """The greatest, over the worlds in which it breaks no rule; in the objective's unit."""
    world: str
    """Where that is; empty where it is the best everywhere."""
    breaks: tuple[str, ...]
    """Worlds in which it breaks a rule, or has other lines or periods."""
    alone: bool
    """Whether every other plan breaks a rule in more worlds."""
    worlds: int
    """How many were compared."""


@dataclass(frozen=True, eq=False)
class Comparison(Shown):
    """Answers side by side.

    ``frame`` has one row per member, in the order given:

    - name, status: of the member; status is optimal, stopped, infeasible, failed, or ``given`` for
      a spend that was only evaluated
    - budget, spent: money; NaN without a budget
    - value, bound, gap: the objective, what no plan can beat, and the distance as a share
    - change: value above the first member's, in the objective's unit
    - revenue, profit: money; brand_share: share of spend
    - largest_move, largest_move_money: the line whose spend differs most from the first member's,
      and by how much money; empty and NaN where nothing moves
    - reason: why there is no plan, else empty

    ``lines`` has one row per member and line: name, line, spend (money), share (of the member's
    spend), outcome (outcomes).

    ``inputs`` has one row per member and input that differs from the first member's: name, path,
    first, this (values as in a scenario file; None where nothing stands).

    ``regret`` is square, its index and columns the names of the members that have a plan: what is
    lost by following the row's plan in the column's world, against the best of the plans compared
    that is allowed there. NaN where the row's plan breaks a rule of that world or has other lines
    or periods. In the objective's unit of the column.

    ``rules`` has one row per proven member and rule: name, then rule, part, unit, binding, price
    and cost of :class:`optimizer.analysis.prices.Prices`. Empty where no prices were asked for.

    ``steadiest`` is the plan that holds up best, of those that count the same as the first; None
    where there are not two of them.
    """

    frame: pd.DataFrame
    lines: pd.DataFrame
    inputs: pd.DataFrame
    regret: pd.DataFrame
    rules: pd.DataFrame
    steadiest: Steadiest | None
    first: Plan
    """The plan of the first member."""

    def sentences(self, lang: str = "en") -> list[str]:
        """Which plan holds up best, in words; nothing where there are not two to choose from."""
        best, voice = self.steadiest, Voice(self.first, lang)
        if best is None:
            return []
        slots = {"name": best.name, "world": best.world, "regret": voice.amount(best.regret)}
        if best.breaks:
            told = [voice.say("steadiest.breaks", worlds=listed(best.breaks, lang), **slots)]
        else:
            told = [voice.say("steadiest.alone" if best.alone else "steadiest.holds", **slots)]
        if len(best.breaks) == best.worlds - 1:
            return told  # nothing but its own world is left
        told.append(voice.say("steadiest.loses" if best.world else "steadiest.best", **slots))
        return told


def compare(
    members: Mapping[str, Allocation | Failed],
    *,
    prices: bool = False,
    jobs: int = 1,
    progress: Counted | None = None,
) -> Comparison:
    """*members* side by side, each against the first.

    Args:
        members: Answers by name.
        prices: Also find the price of every rule of each, and what it costs as a whole.
        jobs: Processes to find prices in.
        progress: Called with (members priced, members in all).

    Raises:
        PlanError: there is nothing to compare, or members count money in different currencies.
    """
    import pandas as pd

    if not members:
        raise PlanError(Fault("", "there is nothing to compare", "Give at least one answer"))
    first = next(iter(members.values()))
    for name, one in members.items():
        if one.plan.currency != first.plan.currency:
            fault = f"counts {one.plan.currency}, and the first {first.plan.currency}"
            raise PlanError(Fault(name, fault, "Compare plans in one currency"))
    solved = {name: one for name, one in members.items() if isinstance(one, Allocation)}
    goal = goal_of(first.plan)
    lines = [
        {
            "name": name,
            "line": str(line),
            "spend": float(spend),
            "share": float(spend) / one.spent if one.spent > 0 else 0.0,
            "outcome": float(outcome),
        }
        for name, one in solved.items()
        for line, spend, outcome in zip(
            one.problem.grid.line_names,
            one.problem.grid.by_line(one.spend),
            one.outcomes,
            strict=True,
        )
    ]
    inputs = [
        {"name": name, "path": path, "first": before, "this": after}
        for name, one in members.items()
        for path, before, after in changed_inputs(first.plan, one.plan)
    ]
    regret = _regret(solved)
    return Comparison(
        frame=pd.DataFrame(
            [_record(name, one, first) for name, one in members.items()], columns=list(COLUMNS)
        ),
        lines=pd.DataFrame(lines, columns=["name", "line", "spend", "share", "outcome"]),
        inputs=pd.DataFrame(inputs, columns=["name", "path", "first", "this"], dtype=object),
        regret=regret,
        rules=_rules(solved if prices else {}, jobs, progress),
        steadiest=_steadiest(
            regret, {name: one for name, one in solved.items() if goal_of(one.plan) == goal}
        ),
        first=first.plan,
    )


def goal_of(plan: Plan) -> tuple[str, str | None]:
    """What a plan counts; values of plans that count the same can be compared."""
    return plan.objective.kind, getattr(plan.objective, "of", None)


def _rules(solved: Mapping[str, Allocation], jobs: int, progress: Counted | None) -> pd.DataFrame:
    """Prices and costs of the rules of every proven member."""
    import pandas as pd

    proven = {name: one for name, one in solved.items() if one.status is Status.OPTIMAL}
    answers = list(proven.values())
    alone = Strips(len(answers), 1, lambda at: answers[at])
    found = finished(_priced, alone, jobs=jobs, progress=progress)
    rows = [{"name": name, **row} for name, own in zip(proven, found, strict=True) for row in own]
    frame = pd.DataFrame(rows, columns=["name", *RULES])
    # A price may be None, which a column of floats would turn into NaN.
    frame["price"] = pd.Series([row["price"] for row in rows], dtype=object)
    return frame


def _priced(answers: Sequence[Allocation]) -> list[dict[str, Any]]:
    """The rules of one answer; none where their prices cannot be found."""
    (answer,) = answers
    try:
        frame = rule_prices(answer, costs=True).frame
    except AdsplitError:
        return []
    return [
        dict(zip(RULES, row, strict=True))
        for row in frame[list(RULES)].itertuples(index=False, name=None)
    ]


def _steadiest(regret: pd.DataFrame, alike: Mapping[str, Allocation]) -> Steadiest | None:
    """The plan of least greatest regret; the first of those that are equal."""
    if len(alike) < 2:
        return None
    own = regret.loc[list(alike), list(alike)]
    broken, worst = own.isna().sum(axis=1), own.max(axis=1)
    fewest = int(broken.min())
    allowed = [name for name in alike if broken[name] == fewest]
    name = min(allowed, key=lambda one: float(worst[one]))
    row: Any = own.loc[name]
    greatest = float(worst[name])
    # Answers are as exact as their gaps: what is less than that is no regret.
    exact = [one.objective * (one.gap or 0.0) for one in alike.values()]
    clear = bool((row.to_numpy(float) > np.abs(exact)).any())
    return Steadiest(
        name=name,
        regret=greatest,
        world=str(row.idxmax()) if clear else "",
        breaks=tuple(str(world) for world in row.index[row.isna()]),
        alone=len(allowed) == 1,
        worlds=len(alike),
    )


def _record(name: str, one: Allocation | Failed, first: Allocation | Failed) -> dict[str, Any]:
    nan = float("nan")
    record: dict[str, Any] = dict.fromkeys(COLUMNS, nan)
    record |= {"name": name, "largest_move": "", "reason": ""}
    record["budget"] = nan if one.plan.budget is None else one.plan.budget
    if isinstance(one, Failed):
        return record | {"status": one.status, "reason": one.reason}
    move, money = ("", nan) if isinstance(first, Failed) else _largest_move(one, first)
    return record | {
        "status": "given" if one.status is None else str(one.status),
        "spent": one.spent,
        "value": one.objective,
        "bound": nan if one.bound is None else one.bound,
        "gap": nan if one.gap is None else one.gap,
        "change": nan if isinstance(first, Failed) else one.objective - first.objective,
        "revenue": revenue(one),
        "profit": profit(one),
        "brand_share": brand_share(one),
        "largest_move": move,
        "largest_move_money": money,
    }


def _largest_move(one: Allocation, first: Allocation) -> tuple[str, float]:
    """The line whose spend differs most; a line that only one of them has differs by all of it."""
    here, there = _by_name(one), _by_name(first)
    moves = {
        name: here.get(name, 0.0) - there.get(name, 0.0) for name in dict.fromkeys([*here, *there])
    }
    name = max(moves, key=lambda line: abs(moves[line]))
    size = max(one.spent, first.spent, 1e-300)
    return (name, moves[name]) if abs(moves[name]) > 1e-9 * size else ("", float("nan"))


def _by_name(one: Allocation) -> dict[str, float]:
    """All spend of each line."""
    grid = one.problem.grid
    return {
        str(line): float(spend)
        for line, spend in zip(grid.line_names, grid.by_line(one.spend), strict=True)
    }


def changed_inputs(first: Plan, this: Plan) -> Iterator[tuple[str, Any, Any]]:
    """Path, value in *first* and value in *this* of every input that differs."""
    before, after = dict(_leaves(to_document(first))), dict(_leaves(to_document(this)))
    for path in dict.fromkeys([*before, *after]):
        old, new = before.get(path), after.get(path)
        if path not in {"name", "version"} and old != new:
            yield path, old, new


def _leaves(document: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(document, Mapping) and document:
        for key, value in document.items():
            # Where a number comes from changes no answer.
            if path or key != "origins":
                yield from _leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, document


def _regret(solved: Mapping[str, Allocation]) -> pd.DataFrame:
    import pandas as pd

    names = list(solved)
    value = np.full((len(names), len(names)), np.nan)
    for row, plan in enumerate(solved.values()):
        for column, world in enumerate(solved.values()):
            if row == column:
                value[row, column] = world.objective
            elif (spend := _in_order(plan, world)) is not None:
                value[row, column] = _worth(world, spend)
    best = np.array([np.nanmax(column) for column in value.T]) if names else np.zeros(0)
    return pd.DataFrame(best - value, index=pd.Index(names), columns=pd.Index(names), dtype=float)


def _in_order(plan: Allocation, world: Allocation) -> Floats | None:
    """The spend of *plan* in the order of *world*'s cells; None where lines or periods differ."""
    own, wanted = plan.problem.grid, world.problem.grid
    place = {str(name): at for at, name in enumerate(own.line_names)}
    order = [str(name) for name in wanted.line_names]
    if set(order) != set(place) or own.periods != wanted.periods:
        return None
    rows = plan.spend.reshape(own.n_lines, own.n_periods)
    return np.asarray(rows[[place[name] for name in order]].ravel(), float)


def _worth(world: Allocation, spend: Floats) -> float:
    columns = world.problem.lift(spend)
    return world.problem.value(columns) if world.problem.feasible(columns, 1e-8) else float("nan")
