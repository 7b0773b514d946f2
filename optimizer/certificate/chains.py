"""What no trajectory of a line's stock can be worth more than, at given prices.

A chain is the stock of one line over the periods, e₀, e₁, …, where the row that defines eₜ says
eₜ = r·eₜ₋₁ + k·xₜ + d with the money xₜ of at most one cell. A proof that keeps these rows instead
of pricing them states how the stock is divided into intervals: [first column, first end, ratio,
count] gives 0, first, first·ratio, …, and every stock must be below the last.

With y the cost of a unit of stock, Σ (w·f(e) − h·e − p·x) splits into qₜ(eₜ) = w·f(eₜ) − cₜ·eₜ with
cₜ = hₜ + yₜ − rₜ₊₁·yₜ₊₁, and y·d. Going forwards in time, the best that leads into an interval is
the best of all intervals from which some point of it can be reached, and then the highest point of
q within: never less than what a trajectory through it brings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.plan.curves import Floats
from optimizer.plan.flows import STOCK
from optimizer.plan.grid import SwitchKind
from optimizer.problem import CurveTable, Problem

__all__ = ["ChainBound", "Stated", "read"]

Stated = tuple[int, float, float, int]
"""First column, first end, ratio and number of ends above zero."""

# Ends that differ by this share are one: powers of a ratio are known no better.
_TOUCH = 1e-12
_BISECTIONS = 100
# So many intervals are enough for anything; a proof that wants more is none.
_MOST = 200_000


@dataclass(frozen=True, eq=False)
class _Link:
    """eₜ = rate·(stock before) + gain·(cell) + given; −1 for what is not there."""

    row: int
    stock: int
    before: int
    rate: float
    cell: int
    gain: float
    given: float


class ChainBound:
    """One chain of a problem, and its stock in intervals.

    Raises:
        ValueError: *stated* is no chain, or does not reach as high as the stock may be.
    """

    def __init__(self, problem: Problem, stated: Stated) -> None:
        first, start, ratio, count = stated
        if not (0 < start < np.inf and 1 < ratio < np.inf and 0 < count <= _MOST):
            raise ValueError("no intervals")
        links = _followed(problem, first)
        self.columns = np.array([link.stock for link in links])
        self.rows = np.array([link.row for link in links])
        self.cells = np.array([link.cell for link in links])
        self.rate = np.array([link.rate for link in links])
        self.gain = np.array([link.gain for link in links])
        self.given = np.array([link.given for link in links])
        if np.any(problem.curves.piecewise[self.columns]):
            raise ValueError("not smooth")
        with np.errstate(over="ignore"):
            self.ends = np.concatenate([[0.0], start * np.power(ratio, np.arange(count))])
        if not problem.upper[self.columns].max() <= self.ends[-1] < np.inf:
            raise ValueError("not high enough")
        self.curves: CurveTable = problem.curves.take(self.columns)
        self.unit = problem.exposure[self.columns]
        self.heights = self.curves.outcome(self.ends[:, None] * self.unit).T

    @property
    def used(self) -> NDArray[np.intp]:
        """The columns that the chain decides: its stocks and its money."""
        return np.concatenate([self.columns, self.cells[self.cells >= 0]])

    def highest(
        self,
        worth: Floats,
        cost: Floats,
        low: Floats,
        high: Floats,
        peak: tuple[float, float],
    ) -> float:
        """What no trajectory exceeds, −∞ if there is none.

        Args:
            worth: Gain per outcome of each column of the problem.
            cost: Cost per unit of each.
            low: Lower bound of each.
            high: Upper bound of each.
            peak: The highest of the stocks is between these.
        """
        comes = self.cells >= 0
        unit_cost = np.where(comes, cost[self.cells], 0.0) / self.gain
        slope = cost[self.columns] + unit_cost
        slope[:-1] -= self.rate[1:] * unit_cost[1:]
        tops, size = self._tops(np.maximum(worth[self.columns], 0.0), slope)
        bottom, top = self.ends[:-1], self.ends[1:]
        least = np.where(comes, self.gain * low[self.cells], 0.0) + self.given
        most = np.where(comes, self.gain * high[self.cells], 0.0) + self.given
        if np.any(comes & (low[self.cells] > high[self.cells])):
            return -np.inf
        reached = top > peak[0] * (1.0 + _TOUCH)  # here the stock may have been high enough
        waiting, done = np.zeros(0), np.zeros(0)
        for t, column in enumerate(self.columns):
            if t == 0:
                can = (least[0] < top * (1.0 + _TOUCH)) & (most[0] > bottom * (1.0 - _TOUCH))
                waiting, done = np.where(can, 0.0, -np.inf), np.full(len(top), -np.inf)
            else:
                waiting, done = self._arrived(
                    (waiting, done), self.rate[t], float(least[t]), float(most[t])
                )
            ceiling = min(high[column], peak[1])
            out = (bottom > ceiling * (1.0 + _TOUCH)) | (top < low[column] * (1.0 - _TOUCH))
            here = np.where(out, -np.inf, tops[t])
            done = here + np.where(reached, np.maximum(done, waiting), done)
            waiting = np.where(reached, -np.inf, here + waiting)
        best = float(done.max())
        # Intervals are told apart to a share of their ends only, and so is what they bring.
        return best + float(unit_cost @ self.given) + _TOUCH * size

    def _arrived(
        self, values: tuple[Floats, Floats], rate: float, least: float, most: float
    ) -> tuple[Floats, Floats]:
        """The best value with which each interval can be entered from the period before."""
        bottom, top = self.ends[:-1], self.ends[1:]
        # From i into j: some of rate·[bottomᵢ, topᵢ] + [least, most] lies inside j.
        upto = np.searchsorted((rate * bottom + least) * (1.0 + _TOUCH), top, side="left") - 1
        onward = np.searchsorted((rate * top + most) * (1.0 - _TOUCH), bottom, side="right")
        return _windows(values[0], onward, upto), _windows(values[1], onward, upto)

    def _tops(self, worth: Floats, slope: Floats) -> tuple[Floats, float]:
        """The highest q of each period in each interval, and the size of what q is made of."""
        ends = self.ends
        gained, paid = worth[:, None] * self.heights, slope[:, None] * ends
        at_ends = gained - paid
        best = np.maximum(at_ends[:, :-1], at_ends[:, 1:])
        # Up to its inflection a curve is highest at an end; beyond it at most one place is higher.
        bend = np.minimum(self.curves.inflection / self.unit, ends[-1])
        left, right = bend.copy(), np.full(len(bend), ends[-1])
        for _ in range(_BISECTIONS):
            middle = 0.5 * (left + right)
            with np.errstate(invalid="ignore"):
                steep = worth * self.unit * self.curves.slope(self.unit * middle) > slope
            left, right = np.where(steep, middle, left), np.where(steep, right, middle)
        every = np.arange(len(bend))
        for place in (bend, left, right):
            value = worth * self.curves.outcome(self.unit * place) - slope * place
            sides = np.searchsorted(ends, place), np.searchsorted(ends, place, "right")
            for side in sides:
                cell = np.clip(side - 1, 0, len(ends) - 2)
                best[every, cell] = np.maximum(best[every, cell], value)
        sizes = np.minimum(abs(gained), abs(paid)) + abs(at_ends)
        return best, float(np.nanmax(sizes, axis=1).sum())


def _followed(problem: Problem, first: int) -> list[_Link]:
    """The links of the chain that begins with stock *first*, each found from the rows."""
    taken = {s.line for s in problem.switches if s.kind is SwitchKind.ON}
    starts: dict[int, _Link] = {}
    after: dict[int, _Link] = {}
    for row in np.flatnonzero([rule == STOCK for rule in problem.rows.rule]).tolist():
        link = _link(problem, row, taken)
        if link is None:
            continue
        if link.before < 0:
            starts[link.stock] = link
        else:
            after[link.before] = link
    if first not in starts:
        raise ValueError("no first stock")
    links = [starts[first]]
    while links[-1].stock in after:
        links.append(after[links[-1].stock])
    cells = [link.cell for link in links if link.cell >= 0]
    if len(set(cells)) != len(cells) or len({link.stock for link in links}) != len(links):
        raise ValueError("no chain")
    return links


def _link(problem: Problem, row: int, taken: set[int]) -> _Link | None:
    """What a row says of a stock, if that is all it says."""
    rows, n = problem.rows, problem.n_cells
    own = slice(rows.spend.indptr[row], rows.spend.indptr[row + 1])
    shares = dict(zip(rows.spend.indices[own].tolist(), rows.spend.data[own].tolist(), strict=True))
    if rows.lower[row] != rows.upper[row] or rows.soft[row]:
        return None
    if np.diff(rows.outcomes.indptr)[row] or np.diff(rows.switches.indptr)[row]:
        return None
    stock, before, cell = -1, -1, -1
    for column, share in shares.items():
        if column >= n and share == 1.0 and stock < 0:
            stock = column
        elif column >= n and -1.0 < share < 0.0 and before < 0:
            before = column
        elif column < n and share < 0.0 and cell < 0:
            cell = column
        else:
            return None
    if stock < 0 or problem.lower[stock] < 0:
        return None
    if cell >= 0 and (cell in taken or problem.floor[cell] > 0):
        return None
    rate = -shares[before] if before >= 0 else 0.0
    gain = -shares[cell] if cell >= 0 else 1.0
    return _Link(row, stock, before, rate, cell, gain, float(rows.upper[row]))


def _windows(values: Floats, first: NDArray[np.intp], last: NDArray[np.intp]) -> Floats:
    """The highest of values[first : last + 1] for each pair; −∞ where there is none."""
    result = np.full(len(first), -np.inf)
    some = np.flatnonzero(first <= last)
    if not some.size:
        return result
    first, last = first[some], last[some]
    if not first.any():
        result[some] = np.maximum.accumulate(values)[last]
        return result
    steps: list[Floats] = [values]  # the highest of 1, 2, 4, … values from each place on
    while 1 << len(steps) <= int((last - first).max()) + 1:
        half = 1 << (len(steps) - 1)
        wider = steps[-1].copy()
        wider[:-half] = np.maximum(wider[:-half], steps[-1][half:])
        steps.append(wider)
    level = np.log2(last - first + 1).astype(np.intp)
    table = np.array(steps)
    result[some] = np.maximum(table[level, first], table[level, last + 1 - (1 << level)])
    return result


def read(value: Any) -> Sequence[Stated] | None:
    """What a proof states of chains; None for anything else."""
    if not isinstance(value, list | tuple):
        return None
    found: list[Stated] = []
    for stated in value:
        if not isinstance(stated, list | tuple) or len(stated) != 4:
            return None
        if any(isinstance(x, bool) or not isinstance(x, int | float) for x in stated):
            return None
        first, start, ratio, count = stated
        if not isinstance(first, int) or not isinstance(count, int):
            return None
        try:
            found.append((first, float(start), float(ratio), count))
        except OverflowError:
            return None
    return found
