"""Rules that count decisions: lines that are on, lines that change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
from pydantic import Field

from optimizer.errors import Fault, PlanError
from optimizer.plan.grid import Grid, Row, Switch, SwitchKind, Unit, Where, sum_of
from optimizer.plan.stated import stated
from optimizer.plan.units import Amount

from .common import Count, Penalty, Per, either_limit

__all__ = ["ActiveLines", "Changes", "needs_minimum"]


def needs_minimum(rule: str, grid: Grid, scope: Any) -> None:
    """A line without a smallest spend could count as on without money; say so."""
    least = np.maximum(grid.minimum_if_active, grid.minimum)
    lacking = scope & (least <= 0) & (grid.maximum > 0)  # what can get nothing is never on
    if lacking.any():
        names = dict.fromkeys(grid.names[lacking].tolist())
        raise PlanError(
            Fault(
                rule,
                f"counts lines without a smallest spend: {', '.join(list(names)[:5])}",
                "Give those lines minimum_if_active, or a line could count without money",
            )
        )


@stated
class ActiveLines:
    """How many of some lines may get money: at_least ≤ #{i∈S : xᵢ > 0} ≤ at_most."""

    where: Where = Field(default_factory=dict)
    """Which lines; all by default."""
    at_least: Count | None = None
    """Lines; each needs a minimum_if_active, or it would be on without money."""
    at_most: Count | None = None
    """Lines."""
    per: Per = "total"
    """``total``, or a field: then the count holds within each of its values."""
    penalty: Penalty = None
    """Objective lost per line beyond the limit; absent: hard."""
    name: str = "active_lines"
    kind: Literal["active_lines"] = "active_lines"

    def __post_init__(self) -> None:
        either_limit(self)

    def rows(self, grid: Grid) -> list[Row]:
        """One condition on the switches of each group."""
        scope = grid.select(self.where)
        if self.at_least:
            needs_minimum(self.name, grid, scope)
        low = -np.inf if self.at_least is None else float(self.at_least)
        high = np.inf if self.at_most is None else float(self.at_most)
        return [
            Row(
                self.name,
                part,
                Unit.LINES,
                low,
                high,
                switches=tuple((switch, 1.0) for switch in _on(grid, scope & mask)),
            )
            for part, mask in grid.groups(self.per).items()
            if (scope & mask).any()
        ] + _used_links(self.name, grid, scope & (self.per != "period"))


def _on(grid: Grid, cells: Any) -> list[Switch]:
    """Whether each line gets money in the periods meant; in several: in any of them."""
    by_line = cells.reshape(-1, grid.n_periods)
    switches = []
    for line in np.flatnonzero(by_line.any(axis=1)):
        meant = np.flatnonzero(by_line[line])
        if len(meant) == 1:
            switches.append(Switch(SwitchKind.ON, int(line * grid.n_periods + meant[0])))
        else:
            switches.append(Switch(SwitchKind.USED, int(line)))
    return switches


def _used_links(rule: str, grid: Grid, cells: Any) -> list[Row]:
    """A line is used if it is on in any period: onₛ ≤ used ≤ Σ onₛ."""
    n, rows = grid.n_periods, []
    if n == 1:
        return []
    for line in np.flatnonzero(cells.reshape(-1, n).any(axis=1)):
        used = Switch(SwitchKind.USED, int(line))
        on = [Switch(SwitchKind.ON, int(line * n + s)) for s in range(n)]
        link = Row(rule, str(grid.names[line * n]), Unit.LINES, definition=True)
        rows += [replace(link, upper=0.0, switches=((one, 1.0), (used, -1.0))) for one in on]
        every = tuple((one, -1.0) for one in on)
        rows.append(replace(link, upper=0.0, switches=((used, 1.0), *every)))
    return rows


@stated
class Changes:
    """How much of today's plan may change.

    At most ``at_most`` lines differ from today; those that do differ by ``at_least`` or more.
    """

    at_most: Count | None = None
    """Lines that may differ from today."""
    at_least: Amount | None = None
    """The smallest change worth making, in money."""
    where: Where = Field(default_factory=dict)
    """Which lines; all by default."""
    penalty: Penalty = None
    """Objective lost per line changed beyond the limit; absent: hard."""
    name: str = "changes"
    kind: Literal["changes"] = "changes"

    def __post_init__(self) -> None:
        if self.at_least is None and self.at_most is None:
            raise ValueError("give at_least, at_most or both")

    def rows(self, grid: Grid) -> list[Row]:
        """Two switches per line (up, down) that bound its spend around today's, and their count."""
        scope = np.flatnonzero(grid.select(self.where).reshape(-1, grid.n_periods).any(axis=1))
        today, names = grid.by_line(grid.current), grid.line_names
        unknown = scope[np.isnan(today[scope])]
        if unknown.size:
            raise PlanError(
                Fault(
                    self.name,
                    f"today's spend is not known of: {', '.join(names[unknown][:5])}",
                    "Give current on those lines",
                )
            )
        step = 0.0 if self.at_least is None else grid.money(self.at_least)
        rows = [row for line in scope for row in self._links(grid, int(line), step)]
        if self.at_most is not None:
            count = tuple(
                (Switch(kind, int(line)), 1.0)
                for line in scope
                for kind in (SwitchKind.UP, SwitchKind.DOWN)
            )
            rows.append(Row(self.name, "", Unit.LINES, upper=float(self.at_most), switches=count))
        return rows

    def _links(self, grid: Grid, line: int, step: float) -> list[Row]:
        """Up + down ≤ 1, and bounds on a line's spend x, over all periods, around today's.

        today + step·up − room below·down ≤ x ≤ today + room above·up − step·down.
        """
        up, down = Switch(SwitchKind.UP, line), Switch(SwitchKind.DOWN, line)
        own = slice(line * grid.n_periods, (line + 1) * grid.n_periods)
        today, least = float(grid.current[own].sum()), float(grid.minimum[own].sum())
        most = min(float(grid.upper[own].sum()), grid.budget)
        one = np.zeros(grid.n_cells)
        one[own] = 1.0
        label = str(grid.line_names[line])
        link = Row(self.name, label, Unit.MONEY, spend=sum_of(one), definition=True)
        return [
            replace(link, upper=today, switches=((up, -max(most - today, 0.0)), (down, step))),
            replace(link, lower=today, switches=((up, -step), (down, max(today - least, 0.0)))),
            replace(link, spend=sum_of(0 * one), upper=1.0, switches=((up, 1.0), (down, 1.0))),
        ]
