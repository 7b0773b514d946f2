"""Many worlds of one problem with S-curves at once: a tree of boxes in each, grown side by side.

The search is that of :mod:`optimizer.solvers.separable`: a box is bounded by the smooth dual, and
divided at the few lines that are between two replies there. But the boxes of all worlds are bounded
in the same array operations, and a plan is found without a search: in a box in which every line
keeps to one side of its curve, at its lower end or on its concave part, what is left is concave,
and :mod:`optimizer.solvers.concave` solves it for all worlds at once.

Each world has its own best plan, its own bound and its own end; what the others do changes neither.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optimizer.plan.curves import Floats
from optimizer.problem import Problem

from .concave import ConcaveDual
from .smoothing import Boxes, SmoothDual, State, Terms

__all__ = ["Forest"]

Index = NDArray[np.intp]
Mask = NDArray[np.bool_]

# Boxes of one world bounded in a round, lines of a box divided at once, and rounds in all.
_WIDE, _AT_ONCE, _ROUNDS = 16, 3, 12
# How much softer than exact, as shares of what a line brings: first, and in parts of boxes.
_ROOT, _LATER = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3), (1e-2, 3e-3, 1e-3)
# Then finer by this factor, until it is this share of the gap asked for, or lost in rounding.
_FINER, _FINEST, _LOST = 0.3, 0.01, 1e-14
# A line with a share between these is between two replies; where prices are exact, between those.
_UNCLEAR, _EXACTLY = 0.01, 1e-7
# An interval below this share of the line's maximum is not divided, nor cut nearer to its ends.
_NARROW, _MARGIN = 1e-9, 0.05
# Steps in which it shows which sides of the curves may hold a plan.
_DIVE = 6
# A box whose bound is within this share of the gap asked for is not divided.
_STOP = 0.5


@dataclass(frozen=True, eq=False)
class _Nodes:
    """Boxes of any worlds; arrays have a box in each row."""

    world: Index
    low: Floats
    high: Floats
    rows: Floats
    """Prices to begin with, in the dual's units."""
    bound: Floats

    def only(self, kept: Index | Mask) -> _Nodes:
        """Some of them."""
        return _Nodes(*(values[kept] for values in vars(self).values()))

    def and_(self, others: _Nodes) -> _Nodes:
        """These and others."""
        pairs = zip(vars(self).values(), vars(others).values(), strict=True)
        return _Nodes(*(np.concatenate(pair) for pair in pairs))


class Forest:
    """A tree in each world, values in units of what a line brings there."""

    def __init__(self, problem: Problem, terms: Terms, spend: Floats, gap: float) -> None:
        """*terms* of shape (n_worlds, n_lines); *spend* is a plan that keeps the rules."""
        self.problem, self.gap = problem, gap
        reach = terms.gained(problem.upper)
        self.unit = np.maximum(np.median(reach, axis=1), 1e-3 * reach.max(axis=1))
        unit = self.unit[:, None]
        self.terms = replace(terms, weights=terms.weights / unit, price=terms.price / unit)
        self.dual = SmoothDual(problem, self.terms)
        self.spend = np.tile(spend, (len(unit), 1))
        self.value = (self.terms.gained(self.spend) - self.terms.price * self.spend).sum(1)
        self.closed = np.full(len(unit), -np.inf)
        """The highest bound of what is neither open nor divided, world by world."""

    def grown(self) -> tuple[Floats, Floats, Floats]:
        """Divide until no world has an open box whose bound is beyond its gap.

        Returns:
            The best plans, shape (n_worlds, n_lines), what they are worth, and the bounds.
        """
        nodes = self._roots()
        for number in range(_ROUNDS):
            self._close(nodes, nodes.bound <= self.enough[nodes.world])
            nodes = nodes.only(nodes.bound > self.enough[nodes.world])
            if not nodes.world.size:
                break
            first = self._most_promising(nodes)
            nodes = self._visit(nodes.only(first), first=not number).and_(nodes.only(~first))
        self._close(nodes, np.ones(len(nodes.world), bool))
        bound = np.maximum(self.closed, self.value)
        return self.spend, self.value * self.unit, bound * self.unit

    @property
    def enough(self) -> Floats:
        """A bound at or below this need not be searched, shape (n_worlds,)."""
        return np.asarray(self.value + _STOP * self.gap * abs(self.value), float)

    def _roots(self) -> _Nodes:
        """All spends of every world; the prices that suit the first are near those of the rest."""
        n, lower, upper = len(self.unit), self.problem.lower, self.problem.upper
        world = np.zeros(1, np.intp)
        boxes = Boxes.of(self.terms, lower[None], upper[None], world)
        rows = self.dual.guess(boxes, _ROOT[0])
        rows = self.dual.minimise(boxes, rows, _ROOT, -np.inf).rows
        shape = (n, len(lower))
        return _Nodes(
            np.arange(n),
            np.broadcast_to(lower, shape),
            np.broadcast_to(upper, shape),
            np.broadcast_to(rows, (n, rows.shape[1])),
            np.full(n, np.inf),
        )

    def _close(self, nodes: _Nodes, these: Mask) -> None:
        np.maximum.at(self.closed, nodes.world[these], nodes.bound[these])

    def _most_promising(self, nodes: _Nodes) -> Mask:
        """The open boxes of each world with the highest bounds."""
        order = np.lexsort((-nodes.bound, nodes.world))
        world = nodes.world[order]
        rank = np.arange(len(order)) - np.searchsorted(world, world)
        first = np.zeros(len(order), bool)
        first[order[rank < _WIDE]] = True
        return first

    def _visit(self, nodes: _Nodes, *, first: bool) -> _Nodes:
        """Bound boxes together, find plans in them, and divide what is left open."""
        boxes = Boxes.of(self.terms, nodes.low, nodes.high, nodes.world)
        taus = _ROOT if first else _LATER
        state = self.dual.minimise(boxes, nodes.rows, taus, self.enough[nodes.world])
        bound = self._bound(boxes, state)
        # What seems clear is so where its plan meets the bound; else prices are to be exact.
        between = self._between(boxes, state, _UNCLEAR)
        clear = self._clear(boxes, between, bound)
        bound[clear] = np.minimum(bound[clear], self._planned_bound(boxes, state, clear))
        clear = self._clear(boxes, between, bound)
        if clear.size:
            within, enough = boxes.only(clear), self.enough[nodes.world[clear]]
            fine = self.dual.minimise(within, state.rows[clear], self._finer(taus[-1]), enough)
            state = state.put(clear, fine)
            between[clear] = self._between(within, fine, _EXACTLY)
            bound[clear] = np.minimum(bound[clear], self._bound(within, fine))
            bound[clear] = np.minimum(bound[clear], self._planned_bound(boxes, state, clear))
        nodes = replace(nodes, rows=state.rows, bound=np.minimum(bound, nodes.bound))
        open_ = nodes.bound > self.enough[nodes.world]
        divided = open_ & between.any(axis=1)
        self._close(nodes, ~divided)
        kept = np.flatnonzero(divided)
        if not kept.size:
            return nodes.only(kept)
        return self._divided(nodes.only(kept), boxes.only(kept), state.only(kept), between[kept])

    def _bound(self, boxes: Boxes, state: State) -> Floats:
        return self.dual.bound(boxes, self.dual.allowed(state.rows.copy()))

    def _clear(self, boxes: Boxes, between: Mask, bound: Floats) -> Index:
        """The open boxes in which no line is between two replies."""
        assert boxes.world is not None
        return np.flatnonzero((bound > self.enough[boxes.world]) & ~between.any(axis=1))

    def _finer(self, tau: float) -> list[float]:
        finest = max(_FINEST * self.gap * float(abs(self.value).min()), _LOST)
        steps = max(int(np.ceil(np.log(tau / finest) / np.log(1.0 / _FINER))), 1)
        return np.geomspace(tau, finest, steps + 1)[1:].tolist() if finest < tau else [tau]

    def _planned_bound(self, boxes: Boxes, state: State, clear: Index) -> Floats:
        """Offer the plans of some boxes; what their prices prove of the boxes."""
        if not clear.size:
            return np.zeros(0)
        within = boxes.only(clear)
        rows = self._planned(self._sides(within, state.only(clear)))
        return self.dual.bound(within, self.dual.allowed(rows))

    def _between(self, boxes: Boxes, state: State, least: float) -> Mask:
        """Which lines have a share of *least* or more of each of two replies, as of boxes."""
        unclear = (state.share > least) & (state.share < 1.0 - least)
        wide = state.reply - boxes.low > _NARROW * self.problem.upper
        return unclear & wide & boxes.bends

    def _sides(self, boxes: Boxes, state: State) -> _Nodes:
        """Each line at its lower end, or on the concave part of its curve."""
        assert boxes.world is not None
        up = ~boxes.bends | (state.share >= 0.5)
        high = np.where(up, boxes.high, boxes.low)
        low = np.where(up, np.minimum(boxes.begin, high), boxes.low)
        return _Nodes(boxes.world, low, high, state.rows, state.value)

    def _planned(self, sides: _Nodes) -> Floats:
        """Offer the best plan of each of the boxes *sides*, whose lines are concave there.

        Returns:
            The prices at which it is, in the smooth dual's units, shape (n_boxes, n_rows).
        """
        terms = self.terms.only(sides.world)
        dual = ConcaveDual(self.problem, terms, sides.low, sides.high)
        state = dual.minimise(dual.limits.prices(sides.rows), self.value[sides.world])
        value, kept = dual.plans(state)
        order = np.argsort(value, kind="stable")  # the last one that is offered stands
        order = order[(kept & (value > self.value[sides.world]))[order]]
        world = sides.world[order]
        self.value[world], self.spend[world] = value[order], state.spend[order]
        return dual.limits.signed(state.rows, sides.rows.shape[1])

    def _divided(self, nodes: _Nodes, boxes: Boxes, state: State, between: Mask) -> _Nodes:
        """Boxes that together hold every plan of *nodes*, cut at their most undecided lines."""
        share, way = state.share, state.reply - boxes.low
        price = abs(boxes.terms.price + state.rows @ self.dual.matrix)
        stake = np.where(between, share * (1.0 - share) * way * price, 0.0)
        margin = _MARGIN * (boxes.high - boxes.low)
        inside = np.clip(boxes.low + share * way, boxes.low + margin, boxes.high - margin)
        at = np.where(boxes.begin < boxes.high, boxes.begin, inside)
        which = np.arange(len(nodes.world))
        low, high = boxes.low[which], boxes.high[which]
        for lines in np.argsort(-stake, axis=1)[:, :_AT_ONCE].T:
            line = lines[which]
            cut = np.flatnonzero(stake[which, line] > 0)
            place = at[which[cut], line[cut]]
            above, below = low[cut].copy(), high.copy()
            above[np.arange(len(cut)), line[cut]] = place
            below[cut, line[cut]] = place
            low, high = np.concatenate([low, above]), np.concatenate([below, high[cut]])
            which = np.concatenate([which, which[cut]])
        parts = replace(nodes.only(which), low=low, high=high)
        return self._dived(parts, boxes.only(which), state.only(which))

    def _dived(self, parts: _Nodes, boxes: Boxes, state: State) -> _Nodes:
        """Offer the plan that promises most in each world, of the *parts* of *boxes*.

        In a part every line keeps to its side of the curve: the prices then are where the search
        of the part itself begins.
        """
        up = (parts.low > boxes.low) | (state.share >= 0.5) & (parts.high >= boxes.high)
        high = np.where(up, parts.high, parts.low)
        low = np.where(up, np.minimum(np.maximum(boxes.begin, parts.low), high), parts.low)
        sides = Boxes.of(self.terms, low, high, parts.world)
        enough = self.enough[parts.world]
        taus = (_LATER[-1], self.gap)
        found = self.dual.minimise(sides, parts.rows, taus, enough, exact=True, steps=_DIVE)
        # Where no plan is, prices are far out.
        near = abs(found.gradient).max(axis=1, initial=0.0) <= 1e-3 * self.dual.turnover.max()
        known = np.flatnonzero(near & (found.value > enough))
        order = known[np.lexsort((-found.value[known], parts.world[known]))]
        _, first = np.unique(parts.world[order], return_index=True)
        best = order[first]
        if best.size:
            self._planned(
                _Nodes(parts.world[best], low[best], high[best], found.rows[best], enough)
            )
        rows = parts.rows.copy()
        rows[known] = found.rows[known]
        return replace(parts, rows=rows)
