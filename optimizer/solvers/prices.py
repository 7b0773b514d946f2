"""Line items by the price of money: the search of :mod:`optimizer.solvers.groups` in one process.

The lines are grouped by their part in the rules, asked block by block, and their replies brought
onto the sums that the rules want.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.plan.curves import Floats
from optimizer.problem import Need, Problem, Rows

from .blocks import Block, Sums, divide, per_group, total
from .groups import GroupedProblem, search
from .settle import settle
from .solution import Clock, Duals, Options, Solution, Status, relative_gap

__all__ = ["Local", "Prices", "grouped"]

Index = NDArray[np.intp]

# Lines asked for the model; below twice as many all are.
_SAMPLE = 6_000
_FEWEST = 40
# Lines that usually show every group.
_FIRST = 20_000
# Free lines move by this share at no loss that counts; beyond it others had better jump.
_EASY = 1e-4
# Money that is nothing, as a share of what a group spends.
_NOTHING = 1e-14


class Local:
    """All lines in this process, block by block."""

    def __init__(self, groups: GroupedProblem, whole: Block) -> None:
        self.groups, self.whole = groups, whole
        self.n_groups = len(groups.low)
        self.blocks = list(divide(whole))
        self.spend = self.best = np.zeros(whole.n)

    def sample(self) -> tuple[Block, Floats]:
        """Lines drawn by a fixed seed, some of every group."""
        whole, n = self.whole, self.n_groups
        count = np.bincount(whole.group, minlength=n)
        if whole.n <= 2 * _SAMPLE:
            return whole, np.ones(n)
        wanted = np.maximum(_SAMPLE * count / whole.n, np.minimum(count, _FEWEST))
        # Twice a few, so that drawing by chance leaves no group without a line.
        rate = np.where(count <= 2 * _FEWEST, 1.0, wanted / np.maximum(count, 1))
        drawn = np.random.default_rng(0).random(whole.n) < rate[whole.group]
        index = np.flatnonzero(drawn)
        block = whole.take(index)
        taken = np.bincount(block.group, minlength=n)
        return block, count / np.maximum(taken, 1)

    def ask(self, price: Floats) -> Sums:
        """Every block's best replies; kept, so that they can be settled."""
        parts, start = [], 0
        self.spend = np.empty(self.whole.n)
        for block in self.blocks:
            spend, worth = block.reply(price)
            self.spend[start : start + block.n] = spend
            parts.append(block.sums(spend, worth, self.n_groups))
            start += block.n
        return total(parts)

    def settled(self, price: Floats, spend: Floats) -> Sums:
        """Move lines that are free, then lines that could as well jump, onto the sums wanted."""
        room = _Room(self, price)
        room.jump(spend, reluctant=True)
        room.absorb(spend)
        if np.any(room.missing(spend)):
            room.jump(spend, reluctant=False)
            room.absorb(spend)
        self.spend = room.spend
        worth, start = np.zeros(self.n_groups), 0
        for block in self.blocks:
            part = self.spend[start : start + block.n]
            worth += block.sums(part, block.gained(part), self.n_groups).worth
            start += block.n
        return Sums(per_group(self.whole.group, self.spend, self.n_groups), worth)

    def keep(self) -> None:
        """What was settled last is the best so far."""
        self.best = self.spend


class _Room:
    """Where the replies at a price can still move at next to no loss."""

    def __init__(self, market: Local, price: Floats) -> None:
        whole = market.whole
        self.market, self.price, self.spend = market, price, market.spend.copy()
        self.group, self.low, self.high = whole.group, whole.low, whole.high
        self.bend = whole.curves.inflection / whole.exposure
        # A line that bends stays where it is concave.
        self.least = np.where(self.bend > self.low, self.bend, self.low)

    def missing(self, wanted: Floats) -> Floats:
        """Money still to be placed (or taken back) per group; 0 where it is nothing."""
        have = per_group(self.group, self.spend, len(wanted))
        missing = wanted - have
        return np.where(abs(missing) > _NOTHING * np.maximum(wanted, have), missing, 0.0)

    def absorb(self, wanted: Floats) -> None:
        """Spread what is missing over the lines strictly between their ends, by their spend."""
        for _ in range(4):
            missing = self.missing(wanted)
            if not np.any(missing):
                return
            # A line at its maximum takes no more; one on its concave part may always give.
            free = (self.spend > self.least) & (
                (self.spend < self.high) | (missing[self.group] < 0)
            )
            weight = np.where(free, self.spend, 0.0)
            held = per_group(self.group, weight, len(wanted))
            factor = np.where(held > 0, missing / np.where(held > 0, held, 1.0), 0.0)
            moved = self.spend + weight * np.clip(factor, -0.5, 0.5)[self.group]
            self.spend = np.where(free, np.clip(moved, self.least, self.high), self.spend)

    def jump(self, wanted: Floats, *, reluctant: bool) -> None:
        """Let lines that are all but indifferent change sides, those with the least loss first.

        A reluctant line jumps only if that costs less than moving all free lines would: about the
        share by which they would have to move, of the price.
        """
        block, price = self.market.whole, self.price
        free = np.where((self.spend > self.least) & (self.spend < self.high), self.spend, 0.0)
        helds, missings = per_group(self.group, free, len(wanted)), self.missing(wanted)
        for group in np.flatnonzero(abs(missings) > (_EASY * helds if reluctant else 0.0)):
            lines, held = np.flatnonzero(self.group == group), float(helds[group])
            part, own = block.take(lines), float(price[group])
            have, missing = self.spend[lines], float(missings[group])
            other = self._other_side(part, have, own, up=missing > 0)
            gain = part.gained(have) - own * have - (part.gained(other) - own * other)
            change = other - have
            able = change * np.sign(missing) > 0
            with np.errstate(divide="ignore", invalid="ignore"):
                loss = np.where(able, gain / abs(change), np.inf)
            most = abs(own * missing) / held if reluctant and held > 0 else np.inf
            order = np.argsort(loss, kind="stable")[: int((loss <= most).sum())]
            for line in order:
                if abs(missing) <= _NOTHING * max(float(wanted[group]), 1e-300):
                    break
                step = change[line]
                if abs(step) > abs(missing):
                    straight = part.curves.linear[line] or part.low[line] == part.high[line]
                    partial = have[line] + missing
                    if not straight and partial < self.least[lines[line]]:
                        continue  # part of a jump lands where the curve is convex
                    step = missing
                self.spend[lines[line]] += step
                missing -= step

    def _other_side(self, part: Block, have: Floats, price: float, *, up: bool) -> Floats:
        """Where each line would go if it changed sides."""
        if not up:
            return np.where(part.optional, 0.0, part.low)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            slope = price / (part.worth * part.exposure)
            usable = np.isfinite(slope) & (slope > 0)
            place = part.curves.inverse(np.where(usable, slope, 1.0)) / part.exposure
        place = np.where(
            part.curves.linear & (part.worth > 0), np.inf, np.where(usable, place, have)
        )
        return np.clip(np.maximum(place, have), part.low, part.high)


class Prices:
    """Separable problems: every rule is about sums of spend."""

    name = "dual prices (numpy)"
    abilities = frozenset({Need.LINEAR, Need.CONCAVE, Need.NONCONCAVE, Need.FLOORS})

    def solve(self, problem: Problem, options: Options, start: Floats | None) -> Solution:
        """The best plan, certified by the prices; usually far closer than the gap asked for."""
        clock = Clock(options.time_limit)
        market = grouped(problem)

        def told(value: float, bound: float) -> None:
            if options.progress is not None:
                options.progress(clock.seconds, value, bound)

        found = search(market, options.gap, clock, told)
        about = Solution(found.status, solver=self.name, seconds=clock.seconds, options=options)
        if found.status in {Status.INFEASIBLE, Status.UNBOUNDED}:
            return about
        reason = clock.reason if clock.is_up else "the prices give no closer bound"
        spend = market.best
        if not problem.feasible(spend):
            spend = settle(problem, spend)
        value = problem.value(spend)
        if not problem.feasible(spend) or (start is not None and problem.value(start) > value):
            if start is None:
                return replace(about, status=Status.STOPPED, bound=found.bound, reason=reason)
            spend, value = start, problem.value(start)
        bound = max(found.bound, value)
        rows = np.zeros(len(problem.rows))
        rows[~problem.rows.definition] = found.rows
        proven = relative_gap(value, bound) <= options.gap
        return replace(
            about,
            status=Status.OPTIMAL if proven else Status.STOPPED,
            spend=spend,
            value=value,
            bound=bound,
            duals=Duals.at(problem, spend, rows) if proven and problem.is_concave else None,
            proof={"prices": rows.tolist()},
            reason="proven" if proven else reason,
            seconds=clock.seconds,
            nodes=found.rounds,
        )


def _alike(marks: Floats) -> tuple[Index, Index]:
    """Where each value first stands, and which value each place has."""
    known, first = np.unique(marks[:_FIRST], return_index=True)
    place = np.minimum(np.searchsorted(known, marks), len(known) - 1)
    if np.all(known[place] == marks):  # no sort of all lines where a few show every kind
        return first, place
    _, first, place = np.unique(marks, return_index=True, return_inverse=True)
    return first, place


def grouped(problem: Problem) -> Local:
    """The lines of a separable problem, those with the same part in every rule as one group."""
    rules = np.flatnonzero(~problem.rows.definition)
    matrix = problem.rows.spend[rules].tocsc()
    # Equal columns have equal products with a random vector, and others all but surely not.
    mark = np.random.default_rng(0).random(len(rules))
    first, group = _alike(np.asarray(matrix.T @ mark) + problem.price)
    n = len(first)
    optional = (problem.floor > 0) & (problem.lower <= 0)
    low = np.where(optional, np.minimum(problem.floor, problem.upper), problem.lower)
    may = ~optional | (problem.floor <= problem.upper)
    whole = Block(
        problem.curves,
        problem.weights,
        problem.exposure,
        np.where(may, low, 0.0),
        np.where(may, problem.upper, 0.0),
        optional,
        group,
    )
    rows = problem.rows
    return Local(
        GroupedProblem(
            rows=Rows(
                rule=tuple(rows.rule[row] for row in rules),
                part=tuple(rows.part[row] for row in rules),
                unit=tuple(rows.unit[row] for row in rules),
                definition=rows.definition[rules],
                lower=rows.lower[rules],
                upper=rows.upper[rules],
                penalty=rows.penalty[rules],
                spend=matrix[:, first].tocsr(),
                outcomes=sparse.csr_array((len(rules), n)),
                switches=sparse.csr_array((len(rules), 0)),
            ),
            price=problem.price[first],
            low=per_group(group, np.where(optional, 0.0, problem.lower), n),
            high=per_group(group, whole.high, n),
        ),
        whole,
    )
