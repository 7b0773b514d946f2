"""What rules share: their common fields, and what is checked of all of them."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, Field

from optimizer.errors import UnknownName
from optimizer.plan.grid import Grid
from optimizer.plan.units import Number, Percent

__all__ = ["Count", "Penalty", "Per", "cells_until", "either_limit", "no_bool"]

Penalty = Annotated[Number, Field(gt=0)] | None
Per = Annotated[str, Field(min_length=1)]


def no_bool(value: Any) -> Any:
    """Python counts true as 1; a person who writes it means something else."""
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is not a whole number")
    return value


Count = Annotated[int, BeforeValidator(no_bool), Field(ge=0)]


def either_limit(rule: Any) -> None:
    """A rule with two limits states one of them at least, and the lower one first."""
    if rule.at_least is None and rule.at_most is None:
        raise ValueError("give at_least, at_most or both")
    low, high = rule.at_least, rule.at_most
    if isinstance(low, Percent) and isinstance(high, Percent) and low.share > high.share:
        raise ValueError(f"at_least {low} is above at_most {high}")
    if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
        raise ValueError(f"at_least {low:g} is above at_most {high:g}")


def cells_until(grid: Grid, by: str | None) -> Any:
    """The cells up to and with a period; all without one."""
    if by is None:
        return np.ones(grid.n_cells, bool)
    if by not in grid.periods:
        raise UnknownName.of("period", by, grid.periods)
    until = np.arange(grid.n_periods) <= grid.periods.index(by)
    return np.tile(until, grid.n_lines)
