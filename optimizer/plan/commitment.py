"""Two stages: what is bought before anybody knows, and what waits until more shows.

The cells that are *committed* are the same whatever comes: all money of the lines named, and all
lines' money through a period. What is left may differ by *branch*: by named state of the world, or
by groups of draws that are alike.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field

from optimizer.errors import Fault, PlanError, nearest

from .grid import Grid, Where
from .periods import period_name
from .stated import stated

__all__ = ["Commitment"]


def _named(value: object) -> object:
    return value if value is None else str(period_name(value))


@stated
class Commitment:
    """What is bought up front, and what shows before the rest is bought."""

    lines: Where | None = None
    """Lines bought up front for all periods, such as ``streaming`` or ``{role: brand}``."""
    until: Annotated[str | None, BeforeValidator(_named)] = None
    """The last period for which every line is bought before anything shows."""
    branches: Annotated[int, Field(ge=2, le=32)] | None = None
    """Into how many groups of like draws the worlds are told apart. Absent: by the named states;
    where there are none, 4."""

    def __post_init__(self) -> None:
        if self.lines is None and self.until is None:
            raise ValueError("commits nothing; give lines, or until, a period")

    def cells(self, grid: Grid) -> NDArray[np.bool_]:
        """Which cells are committed, shape (n_cells,).

        Raises:
            PlanError: a line or the period is not there, or nothing is left to adjust.
        """
        chosen = np.zeros(grid.n_cells, bool)
        if self.lines is not None:
            chosen |= grid.select(self.lines)
        if self.until is not None:
            if self.until not in grid.periods:
                known = [name for name in grid.periods if name]
                advice = nearest(self.until, known) if known else "Give the plan periods, or lines"
                raise PlanError(Fault("until", f"{self.until!r} is no period of the plan", advice))
            last = grid.periods.index(self.until)
            chosen |= np.arange(grid.n_cells) % grid.n_periods <= last
        if chosen.all():
            raise PlanError(Fault("", "leaves nothing to adjust", "Commit fewer lines or periods"))
        return chosen
