"""A line's best trajectory: what its stock should be in every period, at given prices.

A geometric carry-over is a chain of stocks, each what is left of the one before and what new money
adds: eₜ = r·eₜ₋₁ + kₜ·xₜ + dₜ. At prices of money a chain stands alone, and since x follows from
two stocks in a row, its gain splits by period: with yₜ the price of a unit of stock bought in t,

    Σₜ worthₜ·f(eₜ) − heldₜ·eₜ − yₜ·(eₜ − r·eₜ₋₁ − dₜ) = Σₜ qₜ(eₜ) + Σₜ yₜ·dₜ,
    qₜ(e) = worthₜ·f(e) − (heldₜ + yₜ − r·yₜ₊₁)·e

All that ties periods together is that eₜ lies within what the period's limits on money leave:
r·eₜ₋₁ + [low, high]. Dynamic programming over cells of the stock, backwards in time, gives a number
that no trajectory exceeds: in a cell q counts with its highest point, and from a cell every cell
can be reached that any of its points reaches. The cells' ends grow by a ratio of which a power is
1/r, so that fading leads from one end to another and loses nothing to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.plan.curves import Floats
from optimizer.plan.flows import STOCK
from optimizer.plan.grid import SwitchKind
from optimizer.problem import Problem

__all__ = ["Chain", "Course", "Limits", "Trajectory", "chains_of"]

Index = NDArray[np.intp]

# The least end of a cell above zero, as a share of the scale of the curve.
_LEAST = 1e-4
# Ends of cells that differ by less than this share are one.
_SAME = 1e-12
# A curve that is nearly straight at most has its scale here, as a share of the largest stock.
_SCALE = 1e-2


@dataclass(frozen=True, eq=False)
class Chain:
    """The stock of one line over the periods; arrays have shape (n_periods,)."""

    stocks: Index
    """The columns of the stock, first period first."""
    cells: Index
    """The columns of the money that feeds it; −1 where none does."""
    rows: Index
    """The rows that define it."""
    rate: float
    """r, the share left after a period."""
    gain: Floats
    """k, stock per unit of money; 1 where no money comes."""
    given: Floats
    """d, what comes by itself: left of money spent before the plan."""


@dataclass(frozen=True, eq=False)
class Trajectory:
    """One way through the periods, on the true curves."""

    stock: Floats
    """shape (n_periods,)"""
    money: Floats
    """shape (n_periods,); 0 where no money comes."""


def chains_of(problem: Problem) -> list[Chain]:
    """The chains of stocks whose curves are smooth and whose money is free of switches."""
    rows = problem.rows
    defines = np.array([rule == STOCK for rule in rows.rule], bool) & (rows.lower == rows.upper)
    defines &= np.diff(rows.outcomes.indptr) == 0
    free = (problem.floor == 0) & (problem.weights == 0)
    free[[switch.line for switch in problem.switches if switch.kind is SwitchKind.ON]] = False
    links: dict[int, tuple[int, int, float, int, float]] = {}
    for row in np.flatnonzero(defines).tolist():
        link = _link(problem, row, free)
        if link is not None:
            links[link[0]] = (row, *link[1:])
    return _joined(problem, links)


def _link(problem: Problem, row: int, free: Floats) -> tuple[int, int, float, int, float] | None:
    """(stock, stock before or −1, rate, cell or −1, gain) that a row defines, if it is a link."""
    matrix, n = problem.rows.spend, problem.n_cells
    part = slice(matrix.indptr[row], matrix.indptr[row + 1])
    entries = zip(matrix.indices[part], matrix.data[part], strict=True)
    held = {int(i): float(v) for i, v in entries if v != 0}
    own = [i for i, v in held.items() if i >= n and v == 1.0]
    before = [i for i, v in held.items() if i >= n and -1.0 < v < 0.0]
    cell = [i for i, v in held.items() if i < n and v < 0.0 and free[i]]
    if len(own) != 1 or len(before) > 1 or len(cell) > 1:
        return None
    if len(held) != 1 + len(before) + len(cell):
        return None
    rate = -held[before[0]] if before else 0.0
    gain = -held[cell[0]] if cell else 1.0
    return own[0], before[0] if before else -1, rate, cell[0] if cell else -1, gain


def _joined(problem: Problem, links: dict[int, tuple[int, int, float, int, float]]) -> list[Chain]:
    """Links in a row; those that share money with another, or end without limit, are left out."""
    after = {link[1]: stock for stock, link in links.items() if link[1] >= 0}
    taken: set[int] = set()
    found = []
    for first in sorted(stock for stock, link in links.items() if link[1] not in links):
        if links[first][1] >= 0:
            continue
        stocks, place = [first], first
        while place in after:
            place = after[place]
            stocks.append(place)
        own = [links[stock] for stock in stocks]
        cells = {link[3] for link in own} - {-1}
        rates = {link[2] for link in own[1:]}
        index = np.array(stocks)
        smooth = not np.any(problem.curves.piecewise[index])
        finite = bool(np.all(np.isfinite(problem.upper[index])))
        if len(rates) > 1 or taken & cells or not smooth or not finite:
            continue
        taken |= cells
        found.append(
            Chain(
                stocks=index,
                cells=np.array([link[3] for link in own]),
                rows=np.array([link[0] for link in own]),
                rate=rates.pop() if rates else 0.0,
                gain=np.array([link[4] for link in own]),
                given=problem.rows.upper[[link[0] for link in own]],
            )
        )
    return found


@dataclass(frozen=True, eq=False)
class Limits:
    """What a chain may do: bounds of stocks and money, and of the highest of its stocks."""

    low: Floats
    high: Floats
    money_low: Floats
    money_high: Floats
    peak_low: float
    peak_high: float


class Course:
    """The dynamic programme of one chain; *fineness* is the width of its cells as a share."""

    def __init__(self, problem: Problem, chain: Chain, fineness: float) -> None:
        self.chain = chain
        curves = problem.curves.take(chain.stocks)
        top = float(problem.upper[chain.stocks].max())
        bend = float(curves.inflection.max())
        scale = bend if 0 < bend < top else _SCALE * top
        self.first = _LEAST * scale
        rate = chain.rate
        steps = max(round(np.log(1.0 / rate) / fineness), 1) if rate > 0 else 1
        self.ratio = float(rate ** (-1.0 / steps)) if rate > 0 else 1.0 + fineness
        self.count = int(np.ceil(np.log(max(top / self.first, 2.0)) / np.log(self.ratio))) + 1
        self.ends = np.concatenate([[0.0], self.first * self.ratio ** np.arange(self.count)])
        one = all(np.ptp(values) == 0 for _, _, parts in curves.families for values in parts)
        if one and len(curves.families) == 1 and not curves.points:
            curves = curves.take(np.array([0]))
        self.unit = problem.exposure[chain.stocks[: curves.n]]
        self.curves = curves
        self.bend = curves.inflection / self.unit
        self.heights = curves.outcome(self.ends[:, None] * self.unit).T
        self._reaches: dict[bytes, list[_Reach]] = {}

    @property
    def average(self) -> float:
        """The stock that brings most per unit of it."""
        middle = len(self.heights) // 2
        return float(self.ends[1 + np.argmax(self.heights[middle, 1:] / self.ends[1:])])

    def nearest(self, stock: float) -> float:
        """The end of a cell nearest to *stock*."""
        return float(self.ends[np.argmin(abs(self.ends - stock))])

    def best(
        self, worth: Floats, held: Floats, paid: Floats, limits: Limits
    ) -> tuple[float, Trajectory | None]:
        """What no trajectory exceeds, and one that comes near; −∞ and None if there is none.

        Args:
            worth: Gain per outcome, shape (n_periods,); below zero: outcomes are not counted.
            held: Cost per unit of stock, shape (n_periods,).
            paid: Cost per unit of money, shape (n_periods,); 0 where none comes.
            limits: What the chain may do.
        """
        chain, n = self.chain, len(self.chain.stocks)
        bought = paid / chain.gain
        cost = held + bought
        cost[:-1] -= chain.rate * bought[1:]
        worth = np.maximum(worth, 0.0)
        tops, places = self._tops(worth, cost)
        ends = self.ends
        above = ends[1:] > limits.peak_low * (1 + _SAME)
        reaches = self._reach(limits)
        later = np.zeros(len(ends) - 1)
        must = limits.peak_low > 0
        waiting = np.full(len(later), -np.inf) if must else later
        values: list[tuple[Floats, Floats]] = []
        for t in range(n - 1, -1, -1):
            shut = (ends[:-1] > min(limits.high[t], limits.peak_high) * (1 + _SAME)) | (
                ends[1:] < limits.low[t] * (1 - _SAME)
            )
            top = np.where(shut, -np.inf, tops[t])
            on = top + later
            off = np.where(above, on, top + waiting) if must else on
            values.append((off, on))
            if t:
                later = reaches[t].highest(on)
                waiting = reaches[t].highest(off) if must else later
        values.reverse()
        first = reaches[0]
        bound = float(values[0][0][first.low[0] : first.high[0] + 1].max())
        if bound == -np.inf:
            return bound, None
        bound += float(bought @ chain.given)
        return bound, self._trace(values, reaches, above, worth, cost, places, limits)

    def _tops(self, worth: Floats, cost: Floats) -> tuple[Floats, Floats]:
        """The highest point of q in every cell, shape (n_periods, n_cells).

        And where q is highest on the concave part of its curve, shape (n_periods,).
        """
        pairs, back = np.stack([worth, cost]), np.arange(len(worth))
        if len(self.unit) == 1:
            pairs, back = np.unique(pairs, axis=1, return_inverse=True)
        w, c = pairs
        of_curve = slice(None) if len(self.unit) > 1 else np.zeros(len(w), np.intp)
        unit, bend, ends = self.unit[of_curve], self.bend[of_curve], self.ends
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            wanted = np.where(c > 0, c / (w * unit), 0.0)
            meets = self._at(np.where(wanted > 0, wanted, 1.0), self.curves.inverse) / unit
        place = np.where(c <= 0, ends[-1], np.where(w > 0, meets, 0.0))
        place = np.clip(np.maximum(place, bend), 0.0, ends[-1])
        value = w[:, None] * self.heights[of_curve] - c[:, None] * ends
        best = np.maximum(value[:, :-1], value[:, 1:])
        every = np.arange(len(w))
        for inner in (place, np.minimum(bend, ends[-1])):
            cell = np.clip(np.searchsorted(ends, inner, side="right") - 1, 0, len(ends) - 2)
            height = w * self._at(unit * inner, self.curves.outcome) - c * inner
            best[every, cell] = np.maximum(best[every, cell], height)
        back = np.ravel(back)
        return best[back], place[back]

    def _at(self, values: Floats, read: Callable[[Floats], Floats]) -> Floats:
        """A curve's formula at one value for each pair of prices, shape (n_pairs,)."""
        return read(values[:, None])[:, 0] if len(self.unit) == 1 else read(values)

    def _reach(self, limits: Limits) -> list[_Reach]:
        key = limits.money_low.tobytes() + limits.money_high.tobytes()
        if key not in self._reaches:
            if len(self._reaches) > 8:
                self._reaches.clear()
            chain, ends = self.chain, self.ends
            comes = chain.cells >= 0
            least = np.where(comes, chain.gain * limits.money_low, 0.0) + chain.given
            most = np.where(comes, chain.gain * limits.money_high, 0.0) + chain.given
            found, known = [], {}
            for t in range(len(comes)):
                rate = chain.rate if t else 0.0
                pair = (rate, float(least[t]), float(most[t]))
                if pair not in known:
                    known[pair] = _Reach.of(ends, *pair)
                found.append(known[pair])
            self._reaches[key] = found
        return self._reaches[key]

    def _trace(
        self,
        values: Sequence[tuple[Floats, Floats]],
        reaches: Sequence[_Reach],
        above: NDArray[np.bool_],
        worth: Floats,
        cost: Floats,
        places: Floats,
        limits: Limits,
    ) -> Trajectory:
        """The trajectory that the cells name, made true: stocks within what money allows."""
        chain, ends = self.chain, self.ends
        stock, money = np.zeros(len(cost)), np.zeros(len(cost))
        cell, before, on = 0, 0.0, False
        for t in range(len(cost)):
            first, last = reaches[t].low[cell], reaches[t].high[cell] + 1
            cell = int(first + np.argmax(values[t][on][first:last]))
            on = on or bool(above[cell])
            left = (chain.rate * before if t else 0.0) + chain.given[t]
            place, (bottom, top) = places[t], ends[cell : cell + 2]
            if not bottom <= place <= top:
                heights = self.heights[t if len(self.unit) > 1 else 0]
                gained = worth[t] * (heights[cell + 1] - heights[cell])
                place = top if gained > cost[t] * (top - bottom) else bottom
            place = float(np.clip(place, limits.low[t], min(limits.high[t], limits.peak_high)))
            if chain.cells[t] >= 0:
                least, most = limits.money_low[t], limits.money_high[t]
                money[t] = np.clip((place - left) / chain.gain[t], least, most)
                left += chain.gain[t] * money[t]
            stock[t] = before = left
        return Trajectory(stock, money)


@dataclass(frozen=True, eq=False)
class _Reach:
    """Which cells can be reached from each cell: those from *low* to *high*."""

    low: Index
    high: Index
    is_open: bool
    """Whether all cells above the lowest can be reached."""

    @classmethod
    def of(cls, ends: Floats, rate: float, least: float, most: float) -> _Reach:
        last = len(ends) - 2
        lowest = (rate * ends[:-1] + least) * (1 + _SAME)
        highest = (rate * ends[1:] + most) * (1 - _SAME)
        low = np.clip(np.searchsorted(ends, lowest, side="right") - 1, 0, last)
        high = np.clip(np.searchsorted(ends, highest, side="left") - 1, low, last)
        return cls(low, high, bool(np.all(high == last)))

    def highest(self, values: Floats) -> Floats:
        """The highest value that can be reached from each cell."""
        if self.is_open:
            return np.maximum.accumulate(values[::-1])[::-1][self.low]
        # Windows of any width from tables of those of 1, 2, 4, 8, … cells.
        width = self.high - self.low + 1
        power = np.frexp(width)[1] - 1
        result, table = np.full(len(values), -np.inf), values
        for level in range(int(power.max()) + 1):
            if level:
                table = table.copy()
                half = 1 << (level - 1)
                table[:-half] = np.maximum(table[:-half], table[half:])
            here = power == level
            size = 1 << level
            result[here] = np.maximum(table[self.low[here]], table[self.high[here] - size + 1])
        return result
