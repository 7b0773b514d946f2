"""S-curves over time: branch and bound on whole trajectories of lines.

A region is bounded by the best mixture of trajectories (:mod:`optimizer.solvers.mixtures`), whose
prices belong to the rules between lines alone: a budget and a split are two of them, however many
periods there are. No more lines are between two trajectories than rules are priced (Shapley and
Folkman). Such a line is given a trajectory in between, on the air for a part of the time; then all
lines keep the periods in which they are on, where curves are concave, and the average of the best
mixture of such trajectories is a plan.

A region is divided by the peak of an undecided line: its stock never is above a level, or is once.
Otherwise by the stock in the period in which its trajectories are farthest apart.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from optimizer.plan.curves import Floats
from optimizer.problem import Need, Problem

from .mixtures import Mixture, Parts, Region, Way
from .search import Search
from .solution import Options, Proof, Solution
from .trajectories import chains_of

__all__ = ["Chained", "suits"]

# Width of the cells of stocks, as a multiple of the gap asked for, and its limits.
_FINENESS, _FINEST, _COARSEST = 8.0, 0.004, 0.02
# A mixture is worked out to this share of the gap asked for.
_MIXED = 0.05
# Shares of ways nearer to 0 than this are none.
_NONE = 1e-6
# Below this share of its own size a part's undecided use is decided.
_DECIDED = 0.02
# A line is divided by its peak where its peaks differ by so much, at about this share of the stock
# that brings most per unit.
_PEAKS, _DIVIDE = 0.7, 0.5
# How far prices of money are tilted over time, and in how many steps they are moved, to find
# trajectories in between.
_TILTS, _STEPS = (0.4, -0.4), 6
# How many choices of ways are compared, and fitted; and what is lost of what is missing then.
_TRIED, _FITTED, _MISSED = 256, 2, 0.1
# Regions after which other ways are tried; and without any plan.
_NODES, _LOST = 1000, 8
# Ways of each part that are handed on.
_KEPT = 12
# From so many columns on, and up to so many rules between lines, it is the quickest way.
_COLUMNS, _RULES = 100, 12


_Group = list[tuple[float, Way]]
"""Shares of the ways of one part."""


@dataclass(frozen=True, eq=False)
class _Node:
    """A region that may still hold a better plan."""

    region: Region
    prices: Floats
    ways: Sequence[Way]
    bound: float
    proof: Proof
    """This region's place in the proof."""


def suits(problem: Problem, needs: frozenset[Need]) -> bool:
    """Whether it is the quickest way: S-curves on chains of stocks, and few rules between lines."""
    if needs - Chained.abilities or not {Need.NONCONCAVE, Need.STOCKS} <= needs:
        return False
    if problem.n_columns < _COLUMNS or problem.switches or problem.curves.points:
        return False
    chains = chains_of(problem)
    rules = len(problem.rows) - sum(len(chain.rows) for chain in chains)
    return bool(chains) and rules <= _RULES and bool(np.all(np.isfinite(problem.upper)))


class Chained:
    """Plans over time whose lines have carry-over that halves at a constant rate."""

    name = "trajectories of lines (numpy, HiGHS through SciPy)"
    abilities = frozenset({Need.LINEAR, Need.CONCAVE, Need.NONCONCAVE, Need.OUTCOMES, Need.STOCKS})

    def solve(self, problem: Problem, options: Options, start: Floats | None) -> Solution:
        """The best plan to the gap asked for; stopped where no region can be divided."""
        return _Search(problem, options, start).run()


class _Search(Search[_Node]):
    """One branch and bound."""

    solver = Chained.name
    stuck = "trajectories give no closer bound"
    enough = 0.98  # a region is dear to divide

    def __init__(self, problem: Problem, options: Options, start: Floats | None) -> None:
        super().__init__(problem, options, start)
        fineness = float(np.clip(_FINENESS * options.gap, _FINEST, _COARSEST))
        self.parts = Parts(problem, fineness)
        self.cells = self.parts.settings()

    @property
    def most(self) -> float:
        """Fewer where no region has shown a plan: other ways will."""
        return _NODES if self.incumbent.spend is not None else _LOST

    def root(self) -> _Node:
        """The region of all bounds, at no prices."""
        prices = np.zeros(int(self.parts.priced.sum()))
        return _Node(self.parts.whole(), prices, (), np.inf, self.proof)

    def finish(self) -> None:
        """Plans are averages of trajectories, as exact as those."""

    def step(self) -> None:
        """Bound the most promising region, try the plans in it, divide what is left open."""
        node = self.pop()
        self.nodes += 1
        mixture = self.parts.mix(
            node.region,
            node.prices,
            node.ways,
            _MIXED * self.options.gap,
            self.good_enough(),
            self.clock,
        )
        children: list[_Node] = []
        bound = -np.inf
        if mixture is None:
            self._note(node, node.prices)
        else:
            if mixture.bound < node.bound:
                self._note(node, mixture.prices)
            bound = min(mixture.bound, node.bound)
            if bound > self.good_enough():
                self._try(node, mixture)
            if bound > self.good_enough():
                children = self._divided(replace(node, bound=bound), mixture)
        if not children:
            self.closed = max(self.closed, bound)
        for child in children:
            self.push(child)

    def _note(self, node: _Node, prices: Floats) -> None:
        """Write a leaf into the proof."""
        rows = np.zeros(len(self.problem.rows))
        rows[self.parts.priced] = prices
        node.proof.clear()
        node.proof.update(prices=rows.tolist(), chains=self.cells)

    # Plans

    def _try(self, node: _Node, mixture: Mixture) -> None:
        """Offer plans near a mixture: of each undecided line one way, those in between included."""
        choices = [self._choices(node, mixture, group) for group in _shared(mixture)]
        several = itertools.islice(itertools.product(*choices), _TRIED)
        for chosen in sorted(several, key=lambda ways: -self._promise(mixture, ways))[:_FITTED]:
            region = self._kept(node.region, chosen)
            enough = _MIXED * self.options.gap
            best = self.parts.mix(region, mixture.prices, chosen, enough, -np.inf, self.clock)
            if best is not None and best.ways:
                self.incumbent.offer(self._average(best))
            if self.clock.is_up:
                break

    def _promise(self, mixture: Mixture, ways: Sequence[Way]) -> float:
        """What ways gain at a mixture's prices, less for what is missing from the rules."""
        parts, prices = self.parts, mixture.prices
        uses = np.sum([way.uses for way in ways], axis=0)
        limit = np.where(prices > 0, parts.upper, parts.lower)
        missed = np.where((prices != 0) & np.isfinite(limit), abs(uses - limit), 0.0)
        gained = sum(way.value for way in ways) - prices @ uses
        return float(gained - _MISSED * abs(prices) @ missed)

    def _average(self, mixture: Mixture) -> Floats:
        """The plan that spends what the trajectories of each line spend on average."""
        spend = np.zeros(self.problem.n_columns)
        for way, share in zip(mixture.ways, mixture.shares, strict=True):
            spend[way.columns] += share * way.amounts
        return np.clip(spend, self.problem.lower, self.problem.upper)

    def _kept(self, region: Region, chosen: Sequence[Way]) -> Region:
        """Where every line is on in just the periods in which its chosen trajectory is."""
        problem = self.problem
        bend = problem.curves.inflection / problem.exposure
        low, high = region.low.copy(), region.high.copy()
        for way in chosen:
            is_on = way.amounts >= bend[way.columns]
            stock = way.columns >= problem.n_cells
            if way.part >= len(self.parts.chains):
                stock |= True
            on, off = way.columns[stock & is_on], way.columns[stock & ~is_on]
            low[on] = np.maximum(low[on], np.minimum(bend[on], high[on]))
            high[off] = np.clip(bend[off], low[off], high[off])
            idle = ~stock & (way.amounts <= 0)
            high[way.columns[idle]] = low[way.columns[idle]]
        return Region(low, high, region.peak_low, region.peak_high)

    def _choices(self, node: _Node, mixture: Mixture, group: _Group) -> list[Way]:
        """What one part may do in a plan: ways of the mixture, or some in between."""
        shares, ways = [share for share, _ in group], [way for _, way in group]
        place = ways[0].part
        if place >= len(self.parts.chains) or not self._is_undecided(group):
            return [ways[int(np.argmax(shares))]]
        wanted = float(np.dot(shares, [self._money(way) for way in ways]))
        priced = self.parts.asked(mixture.prices)[:2]
        found = [self._tilted(place, tilt, wanted, priced, node.region) for tilt in _TILTS]
        found += [self._window(place, end, wanted, priced, node.region) for end in (1, -1)]
        between = [way for way in found if way is not None]
        return between + sorted(ways, key=self._money)[:: max(len(ways) - 1, 1)]

    def _tilted(
        self, place: int, tilt: float, wanted: float, priced: tuple[Floats, Floats], region: Region
    ) -> Way | None:
        """The way nearest to a use of money *wanted* at prices that change over time.

        Where prices do not change a line is worth being on always or never; where they rise, it is
        for as long as they are below a level, which is moved to meet the use.
        """
        (worth, cost), chain = priced, self.parts.chains[place]
        cells = chain.cells[chain.cells >= 0]
        slope = 1.0 + tilt * np.linspace(-0.5, 0.5, len(cells))

        def at(level: float) -> Way | None:
            tried = cost.copy()
            tried[cells] = cost[cells] * slope * level
            return self.parts.reply_of(place, worth, tried, region)[1]

        return self._nearest(at, 2.0, 0.0, wanted)

    def _window(
        self, place: int, end: int, wanted: float, priced: tuple[Floats, Floats], region: Region
    ) -> Way | None:
        """The way nearest to a use of money that is on at first only (*end* 1) or at last (−1)."""
        chain, peak = self.parts.chains[place], region.peak_low.copy()
        cells = chain.cells[chain.cells >= 0]
        course = self.parts.courses[place]
        peak[place] = max(peak[place], min(_DIVIDE * course.average, region.peak_high[place]))

        def at(share: float) -> Way | None:
            closed = len(cells) - max(round(share * len(cells)), 1)
            shut = cells[:closed] if end < 0 else cells[len(cells) - closed :]
            high = region.high.copy()
            high[shut] = region.low[shut]
            inside = Region(region.low, high, peak, region.peak_high)
            return self.parts.reply_of(place, *priced, inside)[1]

        return self._nearest(at, 0.0, 1.0, wanted)

    def _nearest(
        self, at: Callable[[float], Way | None], less: float, more: float, wanted: float
    ) -> Way | None:
        """Of ways that spend more from *less* to *more*, the one nearest to *wanted*."""
        best: Way | None = None
        for _ in range(_STEPS):
            middle = 0.5 * (less + more)
            way = at(middle)
            if way is None:
                break
            money = self._money(way)
            if best is None or abs(money - wanted) < abs(self._money(best) - wanted):
                best = way
            less, more = (middle, more) if money < wanted else (less, middle)
        return best

    def _money(self, way: Way) -> float:
        """What a way spends."""
        return float(way.amounts[way.columns < self.problem.n_cells].sum())

    # Divisions

    def _is_undecided(self, group: _Group) -> bool:
        peaks = [way.peak for _, way in group]
        money = [self._money(way) for _, way in group]
        return min(peaks) < _PEAKS * max(peaks) or np.ptp(money) > _DECIDED * max(money)

    def _divided(self, node: _Node, mixture: Mixture) -> list[_Node]:
        """Regions that together hold every plan of this one; none where no line is undecided."""
        _, cost, _ = self.parts.asked(mixture.prices)
        stakes = []
        for group in _shared(mixture):
            shares = np.array([share for share, _ in group])
            amounts = np.array([way.amounts for _, way in group])
            columns = group[0][1].columns
            apart = shares @ abs(amounts - shares @ amounts)
            stakes.append((float(apart @ abs(cost[columns])), group[0][1].part, group, apart))
        least = _NONE * abs(mixture.bound)
        stakes = sorted((one for one in stakes if one[0] > least), key=lambda one: -one[0])
        # How long a line is on moves the bound little as long as another may be on or off.
        for _, part, group, _ in stakes:
            peaks = np.array([way.peak for _, way in group])
            if part < len(self.parts.chains) and peaks.min() < _PEAKS * peaks.max():
                return self._divided_peak(node, mixture, part, peaks)
        for _, _, group, apart in stakes:
            children = self._divided_column(node, mixture, group, apart)
            if children:
                return children
        return []

    def _divided_peak(self, node: _Node, mixture: Mixture, part: int, peaks: Floats) -> list[_Node]:
        course, region = self.parts.courses[part], node.region
        middle = 0.5 * (peaks.min() + peaks.max())
        wanted = _DIVIDE * course.average
        inside = peaks.min() < wanted < peaks.max()
        at = course.nearest(wanted if inside else float(middle))
        low, high = region.peak_low.copy(), region.peak_high.copy()
        low[part], high[part] = max(low[part], at), min(high[part], at)
        below, above = replace(region, peak_high=high), replace(region, peak_low=low)
        column = int(self.parts.chains[part].stocks[0])
        return self._halves(node, mixture, {"peak": column, "at": at}, below, above)

    def _divided_column(
        self,
        node: _Node,
        mixture: Mixture,
        group: _Group,
        apart: Floats,
    ) -> list[_Node]:
        columns = group[0][1].columns
        own = columns >= self.problem.n_cells if len(columns) > 1 else np.ones(1, bool)
        place = int(np.where(own, apart, -1.0).argmax())
        column = int(columns[place])
        taken = np.array([way.amounts[place] for _, way in group])
        at, size = float(0.5 * (taken.min() + taken.max())), float(taken.max())
        if len(columns) > 1:
            at = self.parts.courses[group[0][1].part].nearest(at)
        if not taken.min() + 1e-9 * size < at < taken.max() - 1e-9 * size:
            return []
        low, high = node.region.low.copy(), node.region.high.copy()
        low[column], high[column] = max(low[column], at), min(high[column], at)
        below, above = replace(node.region, high=high), replace(node.region, low=low)
        return self._halves(node, mixture, {"line": column, "at": at}, below, above)

    def _halves(
        self, node: _Node, mixture: Mixture, division: Proof, below: Region, above: Region
    ) -> list[_Node]:
        known = dict(node.proof)
        node.proof.clear()
        node.proof.update(division, below=dict(known), above=dict(known))
        kept = _promising(mixture)
        return [
            _Node(region, mixture.prices, kept, node.bound, node.proof[side])
            for side, region in (("below", below), ("above", above))
        ]


def _shared(mixture: Mixture) -> list[_Group]:
    """The shares of ways in the mixture, part by part."""
    named = [
        (float(share), way)
        for way, share in zip(mixture.ways, mixture.shares, strict=True)
        if share > _NONE
    ]
    named.sort(key=lambda one: one[1].part)
    return [list(group) for _, group in itertools.groupby(named, key=lambda one: one[1].part)]


def _promising(mixture: Mixture) -> list[Way]:
    """The ways of each part that are worth most at the mixture's prices."""
    ranked = sorted(mixture.ways, key=lambda way: float(mixture.prices @ way.uses) - way.value)
    taken: dict[int, int] = {}
    kept = []
    for way in ranked:
        taken[way.part] = taken.get(way.part, 0) + 1
        if taken[way.part] <= _KEPT:
            kept.append(way)
    return kept
