"""A bound from whole trajectories: what lines would do at prices of money, and their best mixture.

The rules that tie lines together (a budget, a split, a target) are priced; everything that ties the
periods of one line together, its chain of stocks, is kept. Then each line stands alone with its own
dynamic programme (:mod:`optimizer.solvers.trajectories`), and for any prices λ of the rules

    D(λ) = Σ over parts of sup (gain − λ·what the part uses) + λ·limits

is a number that no plan exceeds. The best λ is that of the best *mixture* of the trajectories known
so far, a small linear programme whose solution asks for further ones until none is worth adding
(Dantzig & Wolfe, 1960). The mixture also tells which lines are undecided: on in part, off in part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.plan.curves import Floats
from optimizer.problem import Problem

from .solution import Clock
from .trajectories import Chain, Course, Limits, chains_of

__all__ = ["Mixture", "Parts", "Region", "Way"]

Index = NDArray[np.intp]

# Penalty of a hard rule in the mixture, in units of the objective's size per size of the rule.
_HARD = 100.0
# Rounds in a row without progress after which there will be none.
_STALLED = 4
# Progress below this share is none.
_STEP = 1e-6
# With so many rules prices swing, and are asked for nearer to the best known.
_FEW_RULES, _NEARER = 8, 0.6
_ROUNDS = 80


@dataclass(frozen=True, eq=False)
class Region:
    """Bounds of columns, shape (n_columns,), and of the peak of each chain, shape (n_chains,)."""

    low: Floats
    high: Floats
    peak_low: Floats
    peak_high: Floats

    def limits(self, chain: Chain, place: int) -> Limits:
        """Those of one chain."""
        comes = chain.cells >= 0
        return Limits(
            self.low[chain.stocks],
            self.high[chain.stocks],
            np.where(comes, self.low[chain.cells], 0.0),
            np.where(comes, self.high[chain.cells], 0.0),
            float(self.peak_low[place]),
            float(self.peak_high[place]),
        )


@dataclass(frozen=True, eq=False)
class Way:
    """What one part may do: a trajectory of a chain, or the amount of a single column."""

    part: int
    columns: Index
    amounts: Floats
    value: float
    uses: Floats
    """Its share in each priced rule, shape (n_priced,)."""
    peak: float

    def within(self, region: Region) -> bool:
        """Whether a region allows it, to rounding."""
        room = 1e-9 * (abs(self.amounts) + 1e-9 * abs(self.amounts).max(initial=0.0))
        inside = np.all(self.amounts >= region.low[self.columns] - room) and np.all(
            self.amounts <= region.high[self.columns] + room
        )
        if not inside or self.part >= len(region.peak_low):
            return bool(inside)
        low, high = region.peak_low[self.part], region.peak_high[self.part]
        return bool(low * (1 - 1e-9) <= self.peak <= high * (1 + 1e-9))


@dataclass(frozen=True, eq=False)
class Mixture:
    """The best mixture known of ways, and the bound that its prices prove."""

    bound: float
    prices: Floats
    """Prices of the priced rows that prove the bound, shape (n_priced,)."""
    ways: tuple[Way, ...]
    shares: Floats
    """How much of each way is in the mixture; those of a part add up to one."""


class Parts:
    """A problem as chains, single columns and the rows between them."""

    def __init__(self, problem: Problem, fineness: float) -> None:
        self.problem = problem
        self.chains = chains_of(problem)
        self.courses = [Course(problem, chain, fineness) for chain in self.chains]
        rows = problem.rows
        self.priced = np.ones(len(rows), bool)
        own = np.zeros(problem.n_columns, bool)
        for chain in self.chains:
            self.priced[chain.rows] = False
            own[chain.stocks] = True
            own[chain.cells[chain.cells >= 0]] = True
        self.single = np.flatnonzero(~own)
        self.on_columns = rows.spend[self.priced].tocsc()
        self.on_terms = rows.outcomes[self.priced].tocsc()
        self.lower, self.upper = rows.lower[self.priced], rows.upper[self.priced]
        self.fine = np.where(rows.soft, rows.penalty, np.inf)[self.priced]

    def whole(self) -> Region:
        """Everything the problem allows."""
        n = len(self.chains)
        return Region(self.problem.lower, self.problem.upper, np.zeros(n), np.full(n, np.inf))

    def settings(self) -> list[list[float]]:
        """How the stocks were divided into cells: a chain's first column, and its cells."""
        return [
            [int(chain.stocks[0]), course.first, course.ratio, course.count]
            for chain, course in zip(self.chains, self.courses, strict=True)
        ]

    def asked(self, prices: Floats) -> tuple[Floats, Floats, float]:
        """What outcomes are worth and columns cost at prices of the priced rows, and λ·limits."""
        limit = np.where(prices > 0, self.upper, self.lower)
        prices = np.where(np.isfinite(limit), np.clip(prices, -self.fine, self.fine), 0.0)
        worth = self.problem.weights - self.on_terms.T @ prices
        cost = self.problem.price + self.on_columns.T @ prices
        return worth, cost, float(prices @ np.where(prices != 0, limit, 0.0))

    def reply(self, prices: Floats, region: Region) -> tuple[float, list[Way]]:
        """D(λ) in a region at prices of the priced rows, and what the parts reply."""
        worth, cost, bound = self.asked(prices)
        ways = []
        for place in range(len(self.chains)):
            best, way = self.reply_of(place, worth, cost, region)
            bound += best
            if way is not None:
                ways.append(way)
        alone, others = self._reply_single(worth, cost, region)
        return bound + alone, ways + others

    def reply_of(
        self, place: int, worth: Floats, cost: Floats, region: Region
    ) -> tuple[float, Way | None]:
        """What one chain can gain at most, and the way that comes near."""
        chain = self.chains[place]
        comes = chain.cells >= 0
        paid = np.where(comes, cost[chain.cells], 0.0)
        held = cost[chain.stocks]
        limits = region.limits(chain, place)
        best, found = self.courses[place].best(worth[chain.stocks], held, paid, limits)
        if found is None:
            return best, None
        columns = np.concatenate([chain.stocks, chain.cells[comes]])
        amounts = np.concatenate([found.stock, found.money[comes]])
        return best, self._way(place, columns, amounts, worth[columns])

    def _reply_single(self, worth: Floats, cost: Floats, region: Region) -> tuple[float, list[Way]]:
        index, problem = self.single, self.problem
        if not index.size:
            return 0.0, []
        worth, cost = np.maximum(worth[index], 0.0), cost[index]
        low, high = region.low[index], region.high[index]
        curves, unit = problem.curves.take(index), problem.exposure[index]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            wanted = np.where(cost > 0, cost / (worth * unit), 0.0)
            meets = curves.inverse(np.where(wanted > 0, wanted, 1.0)) / unit
        place = np.where(cost <= 0, high, np.where(worth > 0, meets, 0.0))
        bend = curves.inflection / unit
        ends = [low, high] + [np.clip(x, low, high) for x in (bend, np.maximum(place, bend))]
        gains = np.array([worth * curves.outcome(unit * x) - cost * x for x in ends])
        amounts = np.choose(gains.argmax(axis=0), ends)
        ways = [
            self._way(len(self.chains) + i, index[[i]], amounts[[i]], worth[[i]])
            for i in range(len(index))
        ]
        return float(gains.max(axis=0).sum()), ways

    def _way(self, part: int, columns: Index, amounts: Floats, worth: Floats) -> Way:
        problem = self.problem
        terms = problem.curves.take(columns).outcome(problem.exposure[columns] * amounts)
        terms = np.where(worth > 0, terms, 0.0)
        value = problem.weights[columns] @ terms - problem.price[columns] @ amounts
        uses = self.on_columns[:, columns] @ amounts + self.on_terms[:, columns] @ terms
        peak = 0.0
        if part < len(self.chains):
            peak = float(amounts[: len(self.chains[part].stocks)].max())
        return Way(part, columns, amounts, float(value), np.asarray(uses), peak)

    def mix(
        self,
        region: Region,
        near: Floats,
        known: Sequence[Way],
        gap: float,
        cutoff: float,
        clock: Clock,
    ) -> Mixture | None:
        """The best mixture in a region, with prices sought from *near* on.

        Ends when the bound is within *gap*, a share, of the mixture's own value, is below *cutoff*,
        or gets no lower. None: no way through the periods is in the region.

        Args:
            region: Where to look.
            near: Prices to begin with, shape (n_priced,).
            known: Ways to begin with; those outside the region are left out.
            gap: See above.
            cutoff: See above.
            clock: When to stop.
        """
        ways = [way for way in known if way.within(region)]
        best = Mixture(np.inf, near, (), np.zeros(0))
        ask, value, stalled = near, -np.inf, 0
        for _ in range(_ROUNDS):
            bound, found = self.reply(ask, region)
            if bound == -np.inf:
                return None
            stalled += 1
            if bound < best.bound - _STEP * abs(bound):
                stalled = 0
            if bound < best.bound:
                best = Mixture(bound, ask, best.ways, best.shares)
            ways += found
            mixed = self._master(ways)
            if mixed is None:
                break
            if mixed[0] > value + _STEP * abs(mixed[0]):
                stalled = 0
            value, shares, wanted = mixed
            best = Mixture(best.bound, best.prices, tuple(ways), shares)
            if best.bound - value <= gap * abs(value) or best.bound <= cutoff or clock.is_up:
                break
            if stalled >= _STALLED:
                break
            nearer = _NEARER if len(wanted) > _FEW_RULES and stalled < 2 else 0.0
            ask = nearer * best.prices + (1.0 - nearer) * wanted
        return best

    def _master(self, ways: Sequence[Way]) -> tuple[float, Floats, Floats] | None:
        """The best mixture of some ways: its value, the shares, and the prices of the rules."""
        from scipy.optimize import linprog

        n_parts, n = len(self.chains) + len(self.single), len(ways)
        m = len(self.lower)
        uses = np.array([way.uses for way in ways]).reshape(n, m).T
        limits = np.maximum(
            *(np.where(np.isfinite(x), abs(x), 0) for x in (self.lower, self.upper))
        )
        size = np.maximum(np.maximum(abs(uses).max(axis=1, initial=0.0), limits), 1e-300)
        gains = np.array([way.value for way in ways])
        scale = max(float(abs(gains).max(initial=0.0)), 1e-300)
        fine = np.where(np.isfinite(self.fine), self.fine * size / scale, _HARD)
        equal = self.lower == self.upper
        above = np.isfinite(self.upper) & ~equal
        below = np.isfinite(self.lower) & ~equal
        share = uses / size[:, None]
        eye = np.eye(m)
        # Columns: shares of the ways, what is missing of each rule, what is too much of it.
        cost = np.concatenate([-gains / scale, fine, fine])
        unequal = np.vstack([
            np.hstack([share, 0 * eye, -eye])[above], np.hstack([-share, -eye, 0 * eye])[below]
        ])  # fmt: skip
        limit = np.concatenate([(self.upper / size)[above], (-self.lower / size)[below]])
        parts = np.zeros((n_parts, n + 2 * m))
        parts[[way.part for way in ways], np.arange(n)] = 1.0
        same = np.vstack([np.hstack([share, eye, -eye])[equal], parts])
        right = np.concatenate([(self.upper / size)[equal], np.ones(n_parts)])
        found = linprog(cost, unequal, limit, same, right, method="highs")
        if found.status != 0 or found.x is None or found.fun is None:
            return None
        prices = np.zeros(m)
        prices[above] -= found.ineqlin.marginals[: above.sum()]
        prices[below] += found.ineqlin.marginals[above.sum() :]
        prices[equal] -= found.eqlin.marginals[: equal.sum()]
        return -float(found.fun) * scale, found.x[:n], prices * scale / size
