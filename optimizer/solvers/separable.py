"""S-curves under rules on sums of spend: branch and bound on prices, without a linear programme.

A box of spends is bounded by the smooth dual of :mod:`optimizer.solvers.smoothing`, whatever the
number of its lines a search in as many dimensions as there are rows. At its optimum all but a few
lines reply clearly (no more lines than rows are between two replies: Shapley and Folkman; Udell &
Boyd, 2014). Those few are divided at once, each where its curve bends, and the parts of all open
boxes are bounded together, as one array operation costs the same for one box and for sixteen.

Boxes in which no line is between two replies have a concave optimum, which is a plan.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optimizer.plan.curves import Floats
from optimizer.problem import Need, Problem

from .search import Search
from .smoothing import Boxes, SmoothDual, State
from .solution import Options, Proof, Solution

__all__ = ["Separable", "suits"]

Mask = NDArray[np.bool_]

# Boxes bounded together, and lines of a box divided at once.
_TOGETHER, _AT_ONCE = 16, 3
# How much softer than exact, as shares of what a line brings: first, and in parts of boxes.
_ROOT, _LATER = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3), (1e-2, 3e-3, 1e-3)
# Then finer by this factor, until it is this share of the gap asked for.
_FINER, _FINEST = 0.3, 0.01
# Softness below this share of what a line brings is lost in rounding.
_LOST = 1e-16
# A line with a share between these is between two replies.
_UNCLEAR = 0.01
# An interval below this share of the line's maximum is not divided, nor cut nearer to its ends.
_NARROW, _MARGIN = 1e-9, 0.05
# Steps in which a plan is found near a box's prices, or given up.
_DIVE = 6
# Rows beyond which a linear programme is quicker than a dense system.
_ROWS = 200
# Boxes after which other ways are quicker.
_BOXES = 600


@dataclass(frozen=True, eq=False)
class _Node:
    """A box that may still hold a better plan."""

    low: Floats
    high: Floats
    rows: Floats
    """Prices of the rows, in the dual's units, to begin with."""
    bound: float
    proof: Proof
    """This box's place in the proof."""


def suits(problem: Problem, needs: frozenset[Need]) -> bool:
    """Whether it is the quickest way: S-curves, formulas all, and few rows for the size."""
    return (
        not needs - Separable.abilities
        and Need.NONCONCAVE in needs
        and not problem.curves.points
        and len(problem.rows) <= _ROWS
        and bool(np.all(problem.weights >= 0) and np.all(problem.lower <= problem.upper))
    )


class Separable:
    """Problems whose rules are about sums of spend, with curves that are formulas."""

    name = "dual prices of boxes (numpy)"
    abilities = frozenset({Need.LINEAR, Need.CONCAVE, Need.NONCONCAVE})

    def solve(self, problem: Problem, options: Options, start: Floats | None) -> Solution:
        """The best plan to the gap asked for; stopped where other ways are quicker."""
        return _Search(problem, options, start).run()


class _Search(Search[_Node]):
    """One branch and bound."""

    solver = Separable.name
    stuck = "the prices give no closer bound"

    def __init__(self, problem: Problem, options: Options, start: Floats | None) -> None:
        super().__init__(problem, options, start)
        self.dual = SmoothDual(problem)
        reach = problem.weights * problem.outcomes(problem.upper)
        self.unit = max(float(np.median(reach)), 1e-3 * float(reach.max())) or 1.0
        worst = self.dual.worst
        self.worst = worst - 1e-6 * abs(worst) - 1e-9 * float(reach.sum())

    @property
    def most(self) -> float:
        """Then other ways are quicker."""
        return _BOXES

    def root(self) -> _Node:
        """The box of all bounds, and prices to begin with."""
        problem = self.problem
        boxes = Boxes.of(self.dual.terms, problem.lower[None], problem.upper[None])
        rows = self.dual.guess(boxes, self.unit * _ROOT[0])
        return _Node(problem.lower, problem.upper, rows[0], np.inf, self.proof)

    def _next(self) -> list[_Node]:
        """The most promising open boxes."""
        enough, nodes = self.good_enough(), list[_Node]()
        while self.open and len(nodes) < _TOGETHER and -self.open[0][0] > enough:
            nodes.append(self.pop())
        return nodes

    def step(self) -> None:
        """Bound some boxes together, try the plans in them, divide what is left open."""
        nodes = self._next()
        self.nodes += len(nodes)
        boxes = Boxes.of(
            self.dual.terms,
            np.array([node.low for node in nodes]),
            np.array([node.high for node in nodes]),
        )
        state, tau = self._priced(boxes, np.array([node.rows for node in nodes]))
        between = self._between(boxes, state)
        rows = self.dual.allowed(state.rows)
        bounds = self.dual.bound(boxes, rows)
        for k in np.argsort(-bounds):
            if bounds[k] > self.good_enough():
                self.incumbent.offer(self._plan(boxes, state, between, k, tau))
        prices, children = (rows / self.dual.size).tolist(), list[_Node]()
        for k, known in enumerate(nodes):
            if bounds[k] < known.bound:
                known.proof.clear()
                known.proof["prices"] = prices[k]
            node = replace(known, rows=state.rows[k], bound=min(float(bounds[k]), known.bound))
            parts: list[_Node] = []
            if node.bound > self.good_enough():
                parts = self._divided(node, boxes, state, between, k)
            if not parts:
                self.closed = max(self.closed, node.bound)
            elif not children:
                parts = self._dived(parts, boxes, state, k)
            children += parts
        for child in children:
            self.push(child)

    def _dived(self, parts: list[_Node], boxes: Boxes, state: State, k: int) -> list[_Node]:
        """Plans in the *parts* of box *k* in which every line stays on its side of its curve.

        Their prices are where the parts themselves begin.
        """
        low, high = np.array([p.low for p in parts]), np.array([p.high for p in parts])
        up = (low > boxes.low[k]) | (state.share[k] >= 0.5) & (high >= boxes.high[k])
        high = np.where(up, high, low)
        low = np.where(up, np.minimum(np.maximum(boxes.begin[k], low), high), low)
        sides = Boxes.of(self.dual.terms, low, high)
        enough = self.good_enough()
        taus = [self.unit * _LATER[-1], self._finest(state.value[k])]
        found = self.dual.minimise(
            sides, np.array([p.rows for p in parts]), taus, enough, exact=True, steps=_DIVE
        )
        clear = np.zeros(sides.low.shape, bool)
        for row in np.argsort(-found.value):
            if found.value[row] > self.good_enough():
                self.incumbent.offer(self._plan(sides, found, clear, int(row), taus[-1]))
        # Where no plan is, prices are far out.
        known = abs(found.gradient).max(axis=1, initial=0.0) <= 1e-6 * self.dual.turnover.max()
        known &= found.value > enough
        return [
            replace(part, rows=found.rows[row]) if known[row] else part
            for row, part in enumerate(parts)
        ]

    def _finest(self, value: float) -> float:
        return max(_FINEST * self.options.gap * abs(float(value)), _LOST * self.unit)

    def _priced(self, boxes: Boxes, rows: Floats) -> tuple[State, float]:
        """Prices near each box's best: close enough to see which lines are between two replies.

        Where none is, to the last digits, as its replies are a plan.
        """
        enough = self.good_enough()
        taus = [self.unit * share for share in (_ROOT if self.nodes == 1 else _LATER)]
        state = self.dual.minimise(boxes, rows, taus, enough, exact=False)
        open_ = state.value > enough
        clear = np.flatnonzero(open_ & ~self._between(boxes, state).any(axis=1))
        if clear.size:
            finest = self._finest(abs(state.value[clear]).min())
            tau, finer = taus[-1], []
            while tau > finest:
                tau = max(tau * _FINER, finest)
                finer.append(tau)
            fine = self.dual.minimise(
                boxes.only(clear), state.rows[clear], finer or [tau], enough, exact=True
            )
            return state.put(clear, fine), finest
        return state, taus[-1]

    def _between(self, boxes: Boxes, state: State) -> Mask:
        """Which lines are between two replies, shape (n_boxes, n_lines)."""
        unclear = (state.share > _UNCLEAR) & (state.share < 1.0 - _UNCLEAR)
        wide = state.reply - boxes.low > _NARROW * self.problem.upper
        return unclear & wide & boxes.bends & ~self.problem.curves.linear

    def _plan(self, boxes: Boxes, state: State, between: Mask, k: int, tau: float) -> Floats:
        """The replies in box *k*; lines between two of them, and straight ones, in the middle."""
        mixed = between[k] | self.problem.curves.linear
        share = np.where(mixed, state.share[k], np.round(state.share[k]))
        spend = boxes.low[k] + share * (state.reply[k] - boxes.low[k])
        return self.dual.onto_rows(spend, state.rows[k], tau)

    def _divided(
        self, node: _Node, boxes: Boxes, state: State, between: Mask, k: int
    ) -> list[_Node]:
        """Boxes that together hold every plan of this one, cut at its most undecided lines."""
        share, way = state.share[k], state.reply[k] - boxes.low[k]
        price = abs(self.problem.price + state.rows[k] @ self.dual.matrix)
        stake = np.where(between[k], share * (1.0 - share) * way * price, 0.0)
        lines = [int(line) for line in np.argsort(-stake)[:_AT_ONCE] if stake[line] > 0]
        parts = [node] if lines else []
        for line in lines:
            low, high, bend = boxes.low[k, line], boxes.high[k, line], boxes.begin[k, line]
            margin = _MARGIN * (high - low)
            inside = np.clip(low + share[line] * way[line], low + margin, high - margin)
            at = float(bend if bend < high else inside)
            parts = [half for part in parts for half in _halves(part, line, at)]
        return parts

    def without_plan(self, about: Solution) -> Solution:
        """Others look for a plan from here, and prove what they prove."""
        return replace(super().without_plan(about), proof=None)


def _halves(node: _Node, line: int, at: float) -> tuple[_Node, _Node]:
    """The box below and the box above a spend of one line, each with its place in the proof."""
    known = dict(node.proof)
    node.proof.clear()
    node.proof.update(line=line, at=at, below=dict(known), above=dict(known))
    low, high = node.low.copy(), node.high.copy()
    low[line] = high[line] = at
    below = replace(node, high=high, proof=node.proof["below"])
    return below, replace(node, low=low, proof=node.proof["above"])
