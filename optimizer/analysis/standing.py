"""What keeps each line where it is: rules that not all lines share, and limits in some periods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.allocation import Allocation
from optimizer.plan.constraints import Changes
from optimizer.plan.curves import Points
from optimizer.problem import NEAR
from optimizer.words import say
from optimizer.words.rules import rule_name

__all__ = ["held_by", "limits_in_periods"]

Mask = NDArray[np.bool_]


def held_by(allocation: Allocation, lang: str = "en") -> tuple[tuple[str, ...], ...]:
    """What keeps each line where it is, in words, apart from the rules that all lines share.

    None where the line stands at a limit of its own in every period, or at a point of its own
    curve; a line left at today's spend by a rule on changes is held by that rule alone. What holds
    a line in some periods only is told with their number.
    """
    grid, plan = allocation.problem.grid, allocation.plan
    n, shape = grid.n_periods, (grid.n_lines, grid.n_periods)
    free = ~_at_limit(allocation).reshape(shape)
    held: list[dict[str, Mask]] = [{} for _ in plan.lines]
    for name, part, cells in _binding(allocation):
        touched = cells.reshape(shape)
        if touched.any(axis=1).all():
            continue
        words = rule_name(name, plan, lang, part)
        for line in np.flatnonzero(touched.any(axis=1)).tolist():
            before = held[line].setdefault(words, np.zeros(n, bool))
            held[line][words] = before | touched[line]
    told: list[tuple[str, ...]] = []
    limits = limits_in_periods(allocation)
    for line, (stated, rules) in enumerate(zip(plan.lines, held, strict=True)):
        if (kept := _left_alone(allocation, line)) is not None:
            told.append((rule_name(kept, plan, lang),))
            continue
        if isinstance(stated.curve, Points) and stated.carryover is None:
            free[line] &= ~_at_point(allocation, line, stated.curve)
        # A rule on a sum over all periods holds in all of them.
        counted = {
            words: n if where.all() and free[line].any() else int((where & free[line]).sum())
            for words, where in rules.items()
        }
        counted |= {say(f"table.at.{word}", lang): count for word, count in limits[line].items()}
        told.append(
            tuple(
                words if count == n else say("held.some", lang, what=words, count=count, total=n)
                for words, count in counted.items()
                if count
            )
        )
    return tuple(told)


def limits_in_periods(allocation: Allocation) -> list[dict[str, int]]:
    """In how many periods each line stands at a limit that it does not stand at in all of them.

    Keys: ``minimum``, ``maximum``, ``locked`` (money fixed for the period), ``blackout``.
    """
    grid, problem = allocation.problem.grid, allocation.problem
    n = grid.n_periods
    fixed = (problem.lower == problem.upper)[: problem.n_cells]
    at: Any = allocation.by_cell["at"].to_numpy(object).copy()
    at[fixed] = np.where(problem.upper[: problem.n_cells][fixed] > 0, "locked", "blackout")
    found = []
    for own in at.reshape(-1, n):
        counts = {word: int((own == word).sum()) for word in _LIMITS}
        found.append({word: count for word, count in counts.items() if 0 < count < n})
    return found


_LIMITS = ("locked", "blackout", "minimum", "maximum")


def _binding(allocation: Allocation) -> Iterator[tuple[str, str, Mask]]:
    """The rules' conditions that bind: name, part, and the cells that each speaks of."""
    problem, binding = allocation.problem, allocation.binding
    rows, flows = problem.rows, problem.grid.flows
    positions = np.flatnonzero(~rows.definition)
    tight = binding["binding"].to_numpy(bool)
    for row, position in zip(binding[tight].itertuples(), positions[tight], strict=True):
        columns = np.concatenate(
            [rows.spend[[position]].indices, rows.outcomes[[position]].indices]
        )
        cells = np.zeros(problem.n_cells, bool)
        cells[columns[columns < problem.n_cells]] = True
        if flows is not None:  # a stock of one line stands for its money of all periods
            lines = flows.line[columns[columns >= problem.n_cells]]
            by_line = cells.reshape(problem.grid.n_lines, -1)
            by_line[lines[lines >= 0]] = True
        yield str(row.rule), str(row.part), cells


def _at_limit(allocation: Allocation) -> Mask:
    """The cells at a limit of their own, shape (n_cells,)."""
    problem, n = allocation.problem, allocation.problem.n_cells
    fixed = problem.lower[:n] == problem.upper[:n]
    return np.asarray(allocation.by_cell["at"].notna().to_numpy(bool) | fixed, bool)


def _left_alone(allocation: Allocation, line: int) -> str | None:
    """The rule on changes that leaves a line at today's money."""
    grid = allocation.problem.grid
    own = slice(line * grid.n_periods, (line + 1) * grid.n_periods)
    if _at_limit(allocation)[own].all():
        return None
    change = float((allocation.spend[own] - grid.current[own]).sum())
    if not abs(change) <= _room(allocation)[own].sum():
        return None
    binding = allocation.binding
    full = set(binding["rule"][binding["binding"].to_numpy(bool)])
    for rule in reversed(allocation.plan.rules):
        # A smallest change keeps a line in its place as the number of changes does.
        if (
            isinstance(rule, Changes)
            and (rule.name in full or rule.at_least is not None)
            and grid.select(rule.where)[own].any()
        ):
            return rule.name
    return None


def _at_point(allocation: Allocation, line: int, curve: Points) -> Mask:
    """In which periods a line stands at a point of its curve, and not at today's spend."""
    grid = allocation.problem.grid
    own = slice(line * grid.n_periods, (line + 1) * grid.n_periods)
    spend, room = allocation.spend[own], _room(allocation)[own]
    per_money = allocation.problem.exposure[own]
    knots = curve.knots[0][:, None] / per_money
    moved = ~(abs(spend - grid.current[own]) <= room)
    return np.asarray((abs(knots - spend) <= room).any(axis=0) & moved, bool)


def _room(allocation: Allocation) -> NDArray[np.float64]:
    """How near money counts as the same, shape (n_cells,)."""
    upper = allocation.problem.upper[: allocation.problem.n_cells]
    most = np.where(np.isfinite(upper), upper, allocation.spent)
    return np.asarray(NEAR * np.maximum(most, 1.0), float)
