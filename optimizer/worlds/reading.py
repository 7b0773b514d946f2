"""How outcomes are counted in every world, and what a spend brings by stage and by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from optimizer.plan.curves import Floats
from optimizer.problem import Problem

from .maps import Index, shared, summed

__all__ = ["Counts", "Reading", "arrays_of_counts", "counts_of"]


@dataclass(frozen=True, eq=False)
class Counts:
    """How outcomes are counted in every world; arrays of shape (n_worlds or 1, n_columns)."""

    stages: Mapping[str, tuple[Floats, Floats]]
    """Units of each stage per unit of each term and of each column."""
    money: tuple[Floats, Floats] | None
    """Money per unit of each term and of each column; None where a line has no value."""
    season: Floats
    """A line's own outcomes per unit of each term."""
    line: Index
    """The line whose term each column is; −1 for none (goodwill, what sales follow up)."""
    n_lines: int

    def by_line(self, values: Floats) -> Floats:
        """Values of terms, (n_worlds, n_columns), added up by line, (n_worlds, n_lines)."""
        own = np.flatnonzero(self.line >= 0)
        return summed(values[:, own], self.line[own], self.n_lines)


@dataclass(frozen=True, eq=False)
class Reading:
    """What a spend brings in every world."""

    objective: Floats
    """Shape (n_worlds,)."""
    stages: Mapping[str, Floats]
    """Units of each stage that are followed up, each of shape (n_worlds,)."""
    money: Floats | None
    """Value of all outcomes, shape (n_worlds,); None where a line has no value."""
    line_outcomes: Floats
    """Each line's own outcomes, shape (n_worlds, n_lines)."""
    line_money: Floats | None
    """What they are worth; goodwill is no line's. Shape (n_worlds, n_lines)."""


def arrays_of_counts(problem: Problem) -> Iterator[tuple[str, Floats]]:
    """How outcomes are counted and what they are worth, by name and in a fixed order.

    Per stage of the funnel, and in money, how much a unit of each term and of each column is;
    last what a line's own outcomes are per unit of each term.
    """
    grid = problem.grid
    for name in _stages(problem):
        terms, columns = grid.counts(name or None)
        yield f"terms of {name}", terms
        yield f"columns of {name}", columns
    if not np.isnan(grid.value).any():
        terms, columns = grid.worths()
        yield "money of terms", terms
        yield "money of columns", columns
    yield "season", np.ones(problem.n_columns) if grid.flows is None else grid.flows.demand


def _stages(problem: Problem) -> list[str]:
    """The stages of the funnel; one without a name where there is none."""
    flows = problem.grid.flows
    if flows is not None and flows.funnel is not None:
        return list(flows.funnel.stages)
    return list(problem.grid.stages) or [""]


def counts_of(problem: Problem, parts: Mapping[str, Floats]) -> Counts:
    """How outcomes are counted, from the arrays of all worlds."""
    grid = problem.grid
    line = np.arange(problem.n_columns)
    if grid.flows is not None:
        line = np.full(problem.n_columns, -1)
        for source, columns in enumerate(grid.flows.term[:-1]):
            line[columns[columns >= 0]] = source
    money = None
    if "money of terms" in parts:
        money = (shared(parts["money of terms"]), shared(parts["money of columns"]))
    return Counts(
        stages={
            name: (shared(parts[f"terms of {name}"]), shared(parts[f"columns of {name}"]))
            for name in _stages(problem)
        },
        money=money,
        season=shared(parts["season"]),
        line=line,
        n_lines=grid.n_lines,
    )
