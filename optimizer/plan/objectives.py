"""What is to be made best. The union :data:`Objective` is the registry.

Every objective is Σₖ wₖ·tₖ + Σⱼ gⱼ·xⱼ − p·Σ spend: a weight per outcome of each term, a gain per
unit of each stock, a price per unit of money.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, get_args

import numpy as np
from pydantic import Field

from .stated import stated
from .units import Proportion

if TYPE_CHECKING:
    from .curves import Floats
    from .grid import Grid

__all__ = ["OBJECTIVES", "LowestSpend", "Objective", "Outcomes", "Profit", "Revenue"]


@stated
class Profit:
    """Greatest margin · revenue − spend."""

    margin: Annotated[Proportion, Field(gt=0)] = 1.0
    """Share of revenue that is left after the cost of what is sold."""
    kind: Literal["profit"] = "profit"

    unit = "money"
    price_of_spend = 1.0

    def weights(self, grid: Grid) -> tuple[Floats, Floats]:
        """Money of margin per outcome of each term and per unit of each column."""
        terms, columns = grid.worths()
        return self.margin * terms, self.margin * columns


@stated
class Revenue:
    """Greatest revenue within the budget."""

    kind: Literal["revenue"] = "revenue"

    unit = "money"
    price_of_spend = 0.0

    def weights(self, grid: Grid) -> tuple[Floats, Floats]:
        """Money of revenue per outcome of each term and per unit of each column."""
        return grid.worths()


@stated
class Outcomes:
    """Most outcomes of a stage of the funnel within the budget."""

    of: str | None = None
    """The stage; without it all outcomes as the curves give them."""
    kind: Literal["outcomes"] = "outcomes"

    unit = "outcomes"
    price_of_spend = 0.0

    def weights(self, grid: Grid) -> tuple[Floats, Floats]:
        """Units of the stage per outcome of each term and per unit of each column."""
        return grid.counts(self.of)


@stated
class LowestSpend:
    """Least spend that keeps the rules, a target among them."""

    kind: Literal["lowest_spend"] = "lowest_spend"

    unit = "money"
    price_of_spend = 1.0

    def weights(self, grid: Grid) -> tuple[Floats, Floats]:
        """Outcomes count only through the target."""
        return np.zeros(grid.n_columns), np.zeros(grid.n_columns)


Objective = Annotated[Profit | Revenue | Outcomes | LowestSpend, Field(discriminator="kind")]
"""Any objective, told apart by ``kind``."""

OBJECTIVES: tuple[type, ...] = get_args(get_args(Objective)[0])
