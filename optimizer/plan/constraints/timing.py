"""Rules on how money moves through time."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field

from optimizer.errors import Fault, PlanError
from optimizer.plan.grid import Grid, Row, Switch, SwitchKind, Unit, Where, sum_of
from optimizer.plan.periods import Series, labelled
from optimizer.plan.stated import stated
from optimizer.plan.units import Amount, Number, Proportion

from .common import Penalty, Per, cells_until, no_bool
from .decisions import needs_minimum

__all__ = ["Flights", "Pacing"]


@stated
class Pacing:
    """How money moves through time, for the spend X of each group of lines.

    |Xₛ − Xₛ₋₁| ≤ max_change · Xₛ₋₁ · Xₛ = profileₛ · Σ X · limits on X₁ + … + Xₛ.
    """

    max_change: Annotated[Number, Field(ge=0)] | None = None
    """Largest change from one period to the next, as a share of the earlier; ``0.25``."""
    from_today: bool = False
    """Whether the first period is held to today's spend in the same way."""
    profile: Series | None = None
    """How the spend is spread: one number per period, in any unit; their sum is the whole."""
    tolerance: Proportion = 0.0
    """How far a period may be off the profile, as a share of the whole."""
    at_most_by: Annotated[dict[str, Amount], BeforeValidator(labelled)] = Field(
        default_factory=dict
    )
    """Most that may be spent up to and with a period: money, or a share of the budget."""
    at_least_by: Annotated[dict[str, Amount], BeforeValidator(labelled)] = Field(
        default_factory=dict
    )
    """Least that must be spent up to and with a period: money, or a share of the budget."""
    where: Where = Field(default_factory=dict)
    """Which lines; all by default."""
    per: Per = "line"
    """Whose spend is paced: of each ``line``, of each value of a field, or in ``total``."""
    penalty: Penalty = None
    """Objective lost per unit of money beyond a limit; absent: hard."""
    name: str = "pacing"
    kind: Literal["pacing"] = "pacing"

    def __post_init__(self) -> None:
        shapes = (self.max_change, self.profile)
        if shapes == (None, None) and not self.at_most_by and not self.at_least_by:
            raise ValueError("give max_change, profile, at_most_by or at_least_by")
        if self.from_today and self.max_change is None:
            raise ValueError("from_today holds the first period to max_change; give it")

    def rows(self, grid: Grid) -> list[Row]:
        """Conditions per group and period."""
        if grid.n_periods < 2:
            raise PlanError(Fault(self.name, "there are no periods to pace", "Give periods"))
        scope = grid.select(self.where)
        rows: list[Row] = []
        for part, mask in grid.groups(self.per).items():
            cells = (scope & mask).reshape(-1, grid.n_periods)
            if not cells.any():
                continue
            rows += self._changes(grid, cells, part)
            rows += self._profile(grid, cells, part)
            rows += self._cumulative(grid, cells, part)
        return rows

    def _row(self, part: str, label: str, low: float, high: float, weights: Any) -> Row:
        name = " ".join(word for word in (part, label) if word)
        return Row(self.name, name, Unit.MONEY, low, high, sum_of(weights.ravel()))

    def _changes(self, grid: Grid, cells: Any, part: str) -> list[Row]:
        if self.max_change is None:
            return []
        rows = []
        first = 0 if self.from_today else 1
        for s in range(first, grid.n_periods):
            now, was = np.zeros(cells.shape), np.zeros(cells.shape)
            now[:, s] = cells[:, s]
            today = 0.0
            if s:
                was[:, s - 1] = cells[:, s - 1]
            else:
                today = float(grid.current.reshape(cells.shape)[:, 0] @ cells[:, 0])
                if np.isnan(today):
                    raise PlanError(
                        Fault(
                            self.name,
                            "from_today needs today's spend of every line it paces",
                            "Give current on those lines",
                        )
                    )
            high, low = 1.0 + self.max_change, max(1.0 - self.max_change, 0.0)
            label = grid.periods[s]
            rows.append(self._row(part, label, -np.inf, high * today, now - high * was))
            if low > 0:
                rows.append(self._row(part, label, low * today, np.inf, now - low * was))
        return rows

    def _profile(self, grid: Grid, cells: Any, part: str) -> list[Row]:
        if self.profile is None:
            return []
        assert grid.flows is not None
        shares = grid.flows.periods.values(self.profile, f"{self.name}.profile")[: grid.n_periods]
        if not shares.sum() > 0:
            raise PlanError(Fault(self.name, "the profile adds up to nothing", "Give a number"))
        rows, whole = [], cells.astype(float)
        for s, share in enumerate(shares / shares.sum()):
            now = np.zeros(cells.shape)
            now[:, s] = cells[:, s]
            label = grid.periods[s]
            if self.tolerance == 0:
                if s < grid.n_periods - 1:  # the last follows from the others
                    rows.append(self._row(part, label, 0.0, 0.0, now - share * whole))
                continue
            low, high = share - self.tolerance, share + self.tolerance
            rows.append(self._row(part, label, -np.inf, 0.0, now - high * whole))
            if low > 0:
                rows.append(self._row(part, label, 0.0, np.inf, now - low * whole))
        return rows

    def _cumulative(self, grid: Grid, cells: Any, part: str) -> list[Row]:
        rows = []
        limits = [(label, -np.inf, grid.money(most)) for label, most in self.at_most_by.items()]
        limits += [(label, grid.money(least), np.inf) for label, least in self.at_least_by.items()]
        for label, low, high in limits:
            until = cells_until(grid, label).reshape(cells.shape) & cells
            rows.append(self._row(part, f"by {label}", low, high, until.astype(float)))
        return rows


@stated
class Flights:
    """A line that goes on air stays there: at least ``at_least`` periods at a time.

    onₛ₊ⱼ ≥ onₛ − onₛ₋₁ for j < at_least; a flight at the end of the plan may go on after it.
    """

    at_least: Annotated[int, BeforeValidator(no_bool), Field(ge=2)]
    """Periods."""
    where: Where = Field(default_factory=dict)
    """Which lines; all by default. Each needs a minimum_if_active."""
    penalty: Penalty = None
    """Objective lost per period missed; absent: hard."""
    name: str = "flights"
    kind: Literal["flights"] = "flights"

    def rows(self, grid: Grid) -> list[Row]:
        """One condition per line, start and period of the flight."""
        if grid.n_periods < 2:
            raise PlanError(Fault(self.name, "there are no periods to fly in", "Give periods"))
        scope = grid.select(self.where)
        needs_minimum(self.name, grid, scope)
        rows, n = [], grid.n_periods
        for line in np.flatnonzero(scope.reshape(-1, n).any(axis=1)):
            on = [Switch(SwitchKind.ON, int(line * n + s)) for s in range(n)]
            # What runs today is in the middle of a flight.
            runs = bool(grid.current[line * n] > 0)
            for s in range(n):
                if s == 0 and runs:
                    continue
                for later in range(s + 1, min(s + self.at_least, n)):
                    parts = [(on[later], 1.0), (on[s], -1.0)]
                    if s:
                        parts.append((on[s - 1], 1.0))
                    label = f"{grid.names[line * n]} {grid.periods[later]}"
                    rows.append(
                        Row(self.name, label, Unit.PERIODS, lower=0.0, switches=tuple(parts))
                    )
        return rows
