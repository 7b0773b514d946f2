"""S-curves and switches: branch and bound on concave envelopes, to a proven gap.

A box of spends is relaxed by replacing every S-curve with its envelope; the relaxation's value is a
bound for the box. The box is divided at the relaxation's own spend of the curve whose envelope lies
farthest above it, or by a yes-or-no decision that the relaxation left undecided. With m coupling
rules few curves end between their pieces, so trees stay small (Udell & Boyd, 2014).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from optimizer.errors import SolverFailed
from optimizer.plan.curves import Floats
from optimizer.plan.grid import SwitchKind
from optimizer.problem import Need, Problem

from .envelopes import Envelopes
from .linear import LinearPart
from .search import Search
from .solution import Options, Proof, Solution, Status
from .tangents import EXACT, Box, Climb, Cuts, climb, leaf, switch_of, whole_box

__all__ = ["Branching"]

# A switch this close to 0 or 1 is decided.
_DECIDED = 1e-8
# A division leaves at least this share of the interval on either side.
_MARGIN = 1e-3


@dataclass(frozen=True, eq=False)
class _Node:
    """A box that may still hold a better plan."""

    box: Box
    envelopes: Envelopes
    cuts: Cuts
    bound: float
    proof: Proof
    """This box's place in the proof; filled in when it is visited."""


class Branching:
    """Problems of every kind."""

    name = "branch and bound (PuLP, HiGHS)"
    abilities = frozenset(Need) - {Need.BARE_FLOORS}

    def solve(self, problem: Problem, options: Options, start: Floats | None) -> Solution:
        """The best plan to the gap asked for; then polished, as its last digits cost little."""
        return _Search(problem, options, start).run()


class _Search(Search[_Node]):
    """One branch and bound."""

    solver = Branching.name
    stuck = "the arithmetic has no more digits to give"

    def __init__(self, problem: Problem, options: Options, start: Floats | None) -> None:
        super().__init__(problem, options, start)
        self.part = LinearPart.of(problem, options.warm)
        self.switch = switch_of(problem)
        curves = problem.curves
        self.bends = self.part.at_work & (curves.piecewise | (curves.inflection > 0))
        self.is_unbounded = False

    def root(self) -> _Node:
        """The box of all bounds."""
        box = whole_box(self.problem)
        return _Node(box, self._envelopes(box), Cuts(), np.inf, self.proof)

    def _envelopes(self, box: Box) -> Envelopes:
        """A line with an on-switch is off or above its floor, and its envelope knows that."""
        exposure = self.problem.exposure
        floor = np.where(self.switch >= 0, np.minimum(self.problem.floor, box.high), 0.0)
        return Envelopes.of(
            self.problem.curves, exposure * np.maximum(box.low, floor), exposure * box.high
        )

    def step(self) -> None:
        """Climb the most promising box; divide it where that leaves it open."""
        node = self.pop()
        self.nodes += 1
        try:
            self._visit(node)
        except SolverFailed:
            # What is known of the box's parent still holds, and other boxes may go on.
            if node.bound == np.inf:
                raise
            self.closed = max(self.closed, node.bound)

    def _visit(self, node: _Node) -> None:
        result = self._climb(node)
        # A climb that time cut short may prove less than what is known of the box's parent.
        if result.bound <= node.bound:
            _note(node, leaf(self.part, result))
        if result.status is Status.UNBOUNDED:
            self.is_unbounded = True
            return
        if result.relaxed is None:
            return
        if self.nodes == 1 or self.nodes % 16 == 0:
            self._dive(node, result)
        bound = min(result.bound, node.bound)
        children = [] if bound <= self.good_enough() else self._divide(node, result)
        if not children and bound > self.good_enough():
            result = self._climb(replace(node, cuts=result.cuts), exact=True)
            if result.bound < bound:
                bound = result.bound
                _note(node, leaf(self.part, result))
            if result.relaxed is not None and bound > self.good_enough():
                children = self._divide(node, result)
        if not children:
            self.closed = max(self.closed, bound)
        for child in children:
            self.push(replace(child, bound=bound))

    def _climb(self, node: _Node, *, exact: bool = False) -> Climb:
        size = self.incumbent.value if np.isfinite(self.incumbent.value) else 0.0
        size = max(abs(size), 1e-3 * self.part.scales.objective)
        tolerance = EXACT * size if exact else 0.1 * self.options.gap * size
        return climb(
            self.part,
            node.envelopes,
            node.box,
            node.cuts,
            tolerance,
            self.clock,
            self.incumbent,
            self.good_enough(),
        )

    def _divide(self, node: _Node, result: Climb) -> list[_Node]:
        """Two boxes that together hold every plan of this one; none where it is solved."""
        relaxed = result.relaxed
        assert relaxed is not None
        kept = self._useful(result)
        undecided = abs(relaxed.switches - np.round(relaxed.switches))
        if len(undecided) and undecided.max() > _DECIDED:
            return self._divide_switch(node, int(undecided.argmax()), kept)
        exposure = self.problem.exposure * relaxed.spend
        above = relaxed.outcomes - self.problem.curves.outcome(exposure)
        worth = abs(self.problem.weights - self.problem.rows.outcomes.T @ relaxed.rows)
        loss = np.where(self.bends, worth * above, 0.0)
        size = np.maximum(self.part.scales.outcomes, 1e-300)
        if self.problem.rows.outcomes.nnz:  # a missed outcome may cost more than its worth
            loss = np.maximum(loss, np.where(self.bends & (above > 1e-9 * size), 1e-300, 0.0))
        term = int(loss.argmax())
        width = node.box.high[term] - node.box.low[term]
        if loss[term] <= 0 or width <= 1e-9 * max(self.problem.upper[term], 1e-300):
            return []
        return self._divide_spend(node, term, float(relaxed.spend[term]), kept)

    def _useful(self, result: Climb) -> Cuts:
        """The cuts that hold at this spend, or nearly; the children find the others anew."""
        relaxed, cuts = result.relaxed, result.cuts
        assert relaxed is not None
        exposure = self.problem.exposure * relaxed.spend
        on = self.switch[cuts.term]
        share = np.where(on >= 0, relaxed.switches[on] if len(relaxed.switches) else 1.0, 1.0)
        room = cuts.intercept * share + cuts.slope * exposure[cuts.term]
        room = room - relaxed.outcomes[cuts.term]
        return cuts.only(room <= 0.02 * self.part.scales.outcomes[cuts.term])

    def _divide_switch(self, node: _Node, column: int, cuts: Cuts) -> list[_Node]:
        switch, children = self.problem.switches[column], []
        known = dict(node.proof)
        node.proof.clear()
        node.proof["switch"] = column
        for side, decision in (("off", 0.0), ("on", 1.0)):
            node.proof[side] = dict(known)
            low, high = node.box.switch_low.copy(), node.box.switch_high.copy()
            low[column] = high[column] = decision
            box, envelopes = replace(node.box, switch_low=low, switch_high=high), node.envelopes
            if switch.kind is SwitchKind.ON:
                line = switch.line
                x_low, x_high = box.low.copy(), box.high.copy()
                if decision:
                    x_low[line] = max(x_low[line], self.problem.floor[line])
                else:
                    x_high[line] = 0.0
                if x_low[line] > x_high[line]:
                    node.proof[side] = {"ray": [0.0] * len(self.problem.rows)}
                    continue
                box = replace(box, low=x_low, high=x_high)
            part = node.proof[side]
            children.append(_Node(box, envelopes, cuts, node.bound, part))
        return children

    def _divide_spend(self, node: _Node, term: int, spend: float, cuts: Cuts) -> list[_Node]:
        high = node.box.high[term]
        exposure = self.problem.exposure[term]
        bottom = node.envelopes.low[term] / exposure
        # The envelope lies above the curve up to its tangent point only: far beyond it, where a
        # wide interval ends, there is nothing to divide.
        touch = node.envelopes.tangent[term] / exposure
        margin = _MARGIN * ((touch if touch > bottom else high) - bottom)
        place = float(np.clip(spend, bottom + margin, high - margin))
        others = cuts.only(cuts.term != term)
        children, known = [], dict(node.proof)
        node.proof.clear()
        parts = {"below": dict(known), "above": dict(known)}
        node.proof.update({"line": term, "at": place, **parts})
        for side in ("below", "above"):
            x_low, x_high = node.box.low.copy(), node.box.high.copy()
            if side == "below":
                x_high[term] = place
            else:
                x_low[term] = place
            switch_low = node.box.switch_low
            if side == "above" and self.switch[term] >= 0:
                switch_low = switch_low.copy()
                switch_low[self.switch[term]] = 1.0
            start = max(x_low[term], bottom) if side == "below" else place
            envelopes = node.envelopes.narrowed(term, exposure * start, exposure * x_high[term])
            box = Box(x_low, x_high, switch_low, node.box.switch_high)
            cuts, part = _with_first(others, envelopes, term), node.proof[side]
            children.append(_Node(box, envelopes, cuts, node.bound, part))
        return children

    def _dive(self, node: _Node, result: Climb) -> None:
        """A good plan near the relaxation: decide curves and switches, then climb what is left."""
        relaxed = result.relaxed
        assert relaxed is not None
        decided = relaxed
        if (
            len(relaxed.switches)
            and abs(relaxed.switches - np.round(relaxed.switches)).max() > _DECIDED
        ):
            decided = self.part.solve(
                integer=True, gap=1e-3, seconds=min(5.0, self._seconds_left())
            )
            if decided.status is not Status.OPTIMAL:
                return
        for share in (0.5, 0.05, 0.95):
            box = self._decided_box(node, decided.spend, np.round(decided.switches), share)
            self._climb_concave(box, 0.05 * self.options.gap)
            exposure = self.problem.exposure * relaxed.spend
            if not np.any(
                self.bends & (exposure > node.envelopes.low) & (exposure < node.envelopes.tangent)
            ):
                break

    def _seconds_left(self) -> float:
        return max(self.clock.limit - self.clock.seconds, 0.0)

    def _decided_box(self, node: _Node, spend: Floats, switches: Floats, share: float) -> Box:
        """Each S-curve either stays at its lower end or moves where it is concave."""
        problem, exposure = self.problem, self.problem.exposure
        low, high = node.box.low.copy(), node.box.high.copy()
        bottom, touch = node.envelopes.low / exposure, node.envelopes.tangent / exposure
        up = spend >= bottom + share * (touch - bottom)
        bend = problem.curves.inflection / exposure
        rises = self.bends & up
        low = np.where(rises, np.clip(bend, low, high), low)
        stays = self.bends & ~up
        high = np.where(
            stays, np.clip(np.where(low > 0, low, bottom * (self.switch < 0)), low, high), high
        )
        on = np.where(self.switch >= 0, switches[self.switch] if len(switches) else 1.0, 1.0) > 0.5
        low = np.where(on, np.maximum(low, np.where(self.switch >= 0, problem.floor, 0.0)), low)
        high = np.where(on, np.maximum(high, low), 0.0)
        return Box(np.minimum(low, high), high, switches, switches)

    def _climb_concave(self, box: Box, gap: float) -> None:
        if np.any(box.low > box.high):
            return
        exposure = self.problem.exposure
        envelopes = Envelopes.of(self.problem.curves, exposure * box.low, exposure * box.high)
        tolerance = (
            max(gap * abs(self.incumbent.value), 0.0) if np.isfinite(self.incumbent.value) else 0.0
        )
        tolerance = max(tolerance, EXACT * self.part.scales.objective)
        with suppress(SolverFailed):  # nothing is proven here: what was offered stays
            climb(self.part, envelopes, box, Cuts(), tolerance, self.clock, self.incumbent)

    def finish(self) -> None:
        """The last digits: climb the box in which the best plan's curves are concave."""
        best = self.incumbent.spend
        if best is None or self.clock.is_up:
            return
        problem, box = self.problem, whole_box(self.problem)
        bend = problem.curves.inflection / problem.exposure
        concave = ~self.bends | (best >= bend) & ~problem.curves.piecewise
        low = np.where(concave, np.maximum(box.low, np.where(self.bends, bend, 0.0)), best)
        high = np.where(concave, box.high, best)
        on = problem.switched(best)
        has = self.switch >= 0
        active = np.where(has, on[self.switch] if len(on) else 1.0, 1.0) > 0.5
        low = np.where(active, np.maximum(low, np.where(has, problem.floor, 0.0)), 0.0)
        high = np.where(active, high, 0.0)
        self._climb_concave(Box(np.minimum(low, high), high, on, on), 0.0)
        self.incumbent.sharpen()

    def without_plan(self, about: Solution) -> Solution:
        """A box that its relaxation could not rule out may still hold a plan."""
        about = replace(about, proof=None)
        if self.is_unbounded:
            return replace(about, status=Status.UNBOUNDED)
        return about if about.bound > -np.inf else replace(about, status=Status.INFEASIBLE)


def _note(node: _Node, part: Proof) -> None:
    """Write a leaf into the proof; where there is nothing new, what was known of the box stays."""
    if part:
        node.proof.clear()
        node.proof.update(part)


def _with_first(cuts: Cuts, envelopes: Envelopes, term: int) -> Cuts:
    """The cuts of the other terms, and three for the one whose interval is new."""
    index = np.array([term])
    for place in (envelopes.low, envelopes.tangent, envelopes.high):
        value, slope = envelopes.at(place)
        cuts = cuts.plus(index, (value - slope * place)[index], slope[index])
    return cuts
