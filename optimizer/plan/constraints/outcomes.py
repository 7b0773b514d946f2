"""Rules on what money brings: targets, and what an outcome may cost."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from optimizer.plan.grid import Grid, Row, Sum, Unit, Where, sum_of
from optimizer.plan.stated import stated
from optimizer.plan.units import Money, Number

from .common import Penalty, Per, cells_until

__all__ = ["CostCap", "Target"]


@stated
class Target:
    """Something to reach: Σ_{i∈S} reachᵢ · tᵢ ≥ at_least, or value ≥ return_at_least · spend."""

    at_least: Annotated[Money, Field(gt=0)] | None = None
    """Outcomes of the stage."""
    outcome: str | None = None
    """The stage of the funnel; absent: all outcomes as the curves give them."""
    where: Where = Field(default_factory=dict)
    """Which lines; all by default. With ``{period: …}`` what comes in those periods."""
    return_at_least: Annotated[Number, Field(gt=0)] | None = None
    """Money of value per unit of money spent, over the lines; instead of outcomes."""
    by: str | None = None
    """The period by whose end it is to be reached; absent: the end of what counts."""
    per: Per = "total"
    """``total``, or a field: then each of its values has the target."""
    penalty: Penalty = None
    """Objective lost per outcome (or unit of money) missed; absent: hard."""
    name: str = "target"
    kind: Literal["target"] = "target"

    def __post_init__(self) -> None:
        if (self.at_least is None) == (self.return_at_least is None):
            raise ValueError("give at_least (outcomes) or return_at_least (money per money)")
        if self.return_at_least is not None and self.outcome is not None:
            raise ValueError("a return counts all value; drop outcome")

    def rows(self, grid: Grid) -> list[Row]:
        """One condition per group."""
        scope = grid.select(self.where) & cells_until(grid, self.by)
        rows = []
        for part, mask in grid.groups(self.per).items():
            cells = scope & mask
            if not cells.any():
                continue
            if self.at_least is not None:
                columns, terms = grid.counted(self.outcome, cells)
                rows.append(
                    Row(
                        self.name,
                        part,
                        Unit.OUTCOMES,
                        self.at_least,
                        spend=columns,
                        outcomes=terms,
                    )
                )
                continue
            assert self.return_at_least is not None
            columns, terms = grid.valued(cells)
            spend = columns.dense(grid.n_columns)
            spend[: grid.n_cells] -= self.return_at_least * cells
            rows.append(Row(self.name, part, Unit.MONEY, 0.0, spend=sum_of(spend), outcomes=terms))
        return rows


@stated
class CostCap:
    """What an outcome may cost: Σ_{i∈S} xᵢ ≤ at_most · Σ_{i∈S} reachᵢ · tᵢ.

    Marginal: no line goes beyond the exposure at which its next outcome costs ``at_most``.
    """

    at_most: Annotated[Money, Field(gt=0)]
    """Money per outcome of the stage."""
    outcome: str | None = None
    """The stage of the funnel; absent: all outcomes as the curves give them."""
    marginal: bool = False
    """Whether the last outcome of every line is capped instead of the average of all."""
    where: Where = Field(default_factory=dict)
    """Which lines; all by default."""
    per: Per = "total"
    """``total``, or a field: then each of its values has the cap."""
    penalty: Penalty = None
    """Objective lost per unit of money above the cap; absent: hard."""
    name: str = "cost_cap"
    kind: Literal["cost_cap"] = "cost_cap"

    def rows(self, grid: Grid) -> list[Row]:
        """One condition per group; for a marginal cap, one per line and period."""
        scope = grid.select(self.where)
        if self.marginal:
            return self._ends(grid, scope)
        rows = []
        for part, mask in grid.groups(self.per).items():
            cells = scope & mask
            if not cells.any():
                continue
            columns, terms = grid.counted(self.outcome, cells)
            spend = -self.at_most * columns.dense(grid.n_columns)
            spend[: grid.n_cells] += cells
            outcomes = Sum(terms.index, -self.at_most * terms.coefficient)
            rows.append(
                Row(self.name, part, Unit.MONEY, upper=0.0, spend=sum_of(spend), outcomes=outcomes)
            )
        return rows

    def _ends(self, grid: Grid, scope: Any) -> list[Row]:
        """The exposure at which one more outcome of each line costs the cap."""
        rows = []
        for column, curve, per_money, counts in grid.working(self.outcome, scope):
            rate = counts * per_money * self.at_most
            end = curve.reaches(1.0 / rate) / per_money if rate > 0 else 0.0
            one = Sum(np.array([column]), np.ones(1))
            rows.append(Row(self.name, grid.label(column), Unit.MONEY, upper=float(end), spend=one))
        return rows
