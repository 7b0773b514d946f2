"""The best plan of every world of one problem, many worlds at once.

Concave problems by the prices of their rows alone (:mod:`optimizer.solvers.concave`), those with
S-curves by a tree of boxes in each world (:mod:`optimizer.solvers.forest`). A world in which plan
and bound do not meet is left open for others to solve.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.plan.curves import Floats
from optimizer.problem import Need
from optimizer.worlds import Worlds

from .concave import ConcaveDual
from .forest import Forest
from .smoothing import Terms

__all__ = ["Optima", "best_of_each", "suits"]

# Rows beyond which a dense system per world is no longer quick.
_ROWS = 60


@dataclass(frozen=True, eq=False)
class Optima:
    """The best plan of every world."""

    spend: Floats
    """Shape (n_worlds, n_cells)."""
    value: Floats
    """What it is worth in its world, shape (n_worlds,)."""
    bound: Floats
    """What no plan can beat there; infinite where nothing is proven."""

    def proven(self, gap: float) -> NDArray[np.bool_]:
        """Which plans are within *gap*, as a share, of their bounds."""
        size = np.maximum(abs(self.value), abs(self.bound))
        with np.errstate(invalid="ignore"):
            return np.asarray(np.isfinite(self.bound) & (self.bound - self.value <= gap * size))


def suits(worlds: Worlds) -> bool:
    """Whether worlds can be solved together: formulas, and hard rules on sums of spend."""
    problem = worlds.problem
    return (
        not problem.needs - {Need.LINEAR, Need.CONCAVE, Need.NONCONCAVE}
        and not problem.curves.points
        and not (problem.curves.linear & (problem.upper > problem.lower)).any()
        and not problem.rows.soft.any()
        and len(problem.rows) <= _ROWS
        and bool(np.isfinite(problem.upper).all() and np.all(worlds.weights > 0))
    )


def best_of_each(
    worlds: Worlds, spend: Floats, prices: Floats | None = None, *, gap: float = 1e-6
) -> Optima:
    """The best plan of every world, and bounds.

    Args:
        worlds: Such as :func:`suits` allows.
        spend: A plan that keeps the rules, shape (n_lines,).
        prices: Prices of the problem's rows to begin with, shape (n_rows,).
        gap: Largest relative distance to the bound at which a tree may end.

    Returns:
        Plans keep the rules; where none was found the bound is infinite.
    """
    problem, terms = worlds.problem, Terms.each(worlds)
    if np.any(terms.curves.inflection > 0):
        return Optima(*Forest(problem, terms, spend, gap).grown())
    dual = ConcaveDual(problem, terms, problem.lower, problem.upper)
    first = np.zeros(len(problem.rows)) if prices is None else prices
    size = abs(problem.rows.spend.toarray()).max(axis=1, initial=0.0)
    state = dual.minimise(np.tile(dual.limits.prices(first * size), (worlds.n, 1)))
    value, kept = dual.plans(state)
    return Optima(state.spend, value, np.where(kept, np.maximum(state.value, value), np.inf))
