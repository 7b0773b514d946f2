"""The frame of a hedge: a plan's rules under planes that no plan's worth under risk is above.

For any weights q ∈ Q and any spend x̂ the worth of a plan x is at most

    Σₛ qₛ·(Vₛ(x̂) − baseₛ) + g·(x − x̂),   g = Σₛ qₛ·∇Vₛ(x̂),

where values are concave in spend (Van Slyke & Wets, 1969: one aggregated cut a round). The highest
point under all planes and within the rules is a linear programme's, and no plan can beat it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.errors import SolverFailed
from optimizer.plan.curves import Floats
from optimizer.plan.flows import CAPACITY, STOCK
from optimizer.problem import Problem, Rows
from optimizer.worlds import Worlds

from .envelopes import Envelopes
from .linear import LinearPart, Relaxed
from .solution import Status
from .tangents import Cuts, first_cuts, switch_of
from .weightings import Weighting

__all__ = ["Plane", "Planes", "Top"]

# A plane touches at no less than this share of a period's money: some curves are vertical at zero.
_OFF_ZERO = 1e-7
_ROUNDS = 30
# An outcome that a rule looks at is no further above its curve than this share of its reach.
_EXACT = 1e-9


@dataclass(frozen=True, eq=False)
class Plane:
    """Weights of the worlds, shape (n_worlds,), and the spend where it touches, (n_cells,)."""

    weights: Floats
    at: Floats


@dataclass(frozen=True, eq=False)
class Top:
    """The highest point under the planes."""

    status: Status
    value: float = np.inf
    spend: Floats | None = None
    """Shape (n_columns,)."""
    rows: Floats | None = None
    """Prices of the problem's rows, shape (n_rows,)."""
    shares: Floats | None = None
    """How much each plane holds the top, shape (n_planes,)."""


class Planes:
    """The rules and the planes so far."""

    def __init__(self, problem: Problem, worlds: Worlds, weighting: Weighting, worth: float):
        self.worlds, self.weighting = worlds, weighting
        kept = _looked_at(problem)
        self._kept, self._n_rows = kept, len(problem.rows)
        price, nothing = np.zeros(problem.n_columns), np.zeros(problem.n_columns)
        rows = _some(problem.rows, kept)
        self.problem = replace(problem, weights=nothing, price=price, rows=rows)
        self._part = LinearPart(self.problem, worth)
        self.found: list[Plane] = []
        self._equations: list[tuple[float, Floats]] = []
        self._tangents = Cuts()
        self.bounds(problem.lower, problem.upper)
        if self._part.at_work.any():
            self._cut(first_cuts(self._envelopes(), self._part.at_work))

    def _envelopes(self) -> Envelopes:
        problem = self.problem
        exposure = problem.exposure
        return Envelopes.of(problem.curves, exposure * problem.lower, exposure * problem.upper)

    def bounds(self, low: Floats, high: Floats) -> None:
        """Look only at spends between these, shape (n_columns,)."""
        n = len(self.problem.switches)
        reach = self.problem.outcomes(self.problem.upper)
        self._part.bound(low, high, np.zeros(n), np.ones(n), reach)

    def add(self, weights: Floats, cells: Floats) -> None:
        """The plane of such *weights* that touches at *cells*."""
        at = np.maximum(cells, _OFF_ZERO * (self.problem.money or 1.0))
        gradient = self.worlds.gradient(at, weights)
        if not np.all(np.isfinite(gradient)):
            raise SolverFailed("a value rises without limit where a plane should touch it")
        worth = float(weights @ (self.worlds.values(at) - self.weighting.base))
        self.found.append(Plane(weights, at))
        self._part.plane(worth - float(gradient @ at), gradient)

    def top(self) -> Top:
        """The highest point, outcomes that rules look at brought down to their curves."""
        answer = self._part.solve()
        for _ in range(_ROUNDS if self._part.at_work.any() else 0):
            if answer.status is not Status.OPTIMAL or not self._lowered(answer):
                break
            answer = self._part.solve()
        if answer.status is not Status.OPTIMAL:
            return Top(answer.status)
        rows = np.zeros(self._n_rows)
        rows[self._kept] = answer.rows
        shares = self._part.shares()
        return Top(answer.status, answer.value, answer.spend, rows, shares)

    def _cut(self, cuts: Cuts) -> None:
        switch = switch_of(self.problem)
        self._part.cut(cuts.term, cuts.intercept, cuts.slope, switch[cuts.term])

    def _lowered(self, answer: Relaxed) -> bool:
        """Whether some outcome lay above its envelope and was given a tangent."""
        problem, envelopes = self.problem, self._envelopes()
        exposure = problem.exposure * answer.spend
        value, slope = envelopes.at(exposure)
        over = answer.outcomes - value > _EXACT * self._part.scales.outcomes
        above = np.flatnonzero(over & self._part.at_work)
        if not above.size:
            return False
        place = np.clip(exposure, envelopes.low, envelopes.high)
        self._cut(Cuts(above, (value - slope * place)[above], slope[above]))
        return True


def _looked_at(problem: Problem) -> NDArray[np.intp]:
    """The rows that decide what spend is allowed: without stocks that no rule looks at."""
    rows, n = problem.rows, problem.n_cells
    stocks = np.array([r == STOCK or r.startswith(f"{CAPACITY} ") for r in rows.rule], bool)
    rules = ~stocks
    if not stocks.any():
        return np.flatnonzero(rules)
    needed = rows.spend[rules][:, n:].nnz > 0 or rows.outcomes[rules].nnz > 0
    return np.arange(len(rows)) if needed else np.flatnonzero(rules)


def _some(rows: Rows, kept: NDArray[np.intp]) -> Rows:
    """Some of the rows."""

    def taken(matrix: sparse.csr_array) -> sparse.csr_array:
        return sparse.csr_array(matrix[kept])

    return Rows(
        rule=tuple(rows.rule[i] for i in kept),
        part=tuple(rows.part[i] for i in kept),
        unit=tuple(rows.unit[i] for i in kept),
        definition=rows.definition[kept],
        lower=rows.lower[kept],
        upper=rows.upper[kept],
        penalty=rows.penalty[kept],
        spend=taken(rows.spend),
        outcomes=taken(rows.outcomes),
        switches=taken(rows.switches),
    )
