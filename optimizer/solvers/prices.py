"""Line items by the price of money: the search of :mod:`optimizer.solvers.groups` in one process.

The lines are grouped by their part in the rules, asked block by block, and their replies brought
onto the sums that the rules want.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.plan.curves import Floats
from optimizer.problem import Need, Problem, Rows

from .blocks import BLOCK, Block, Sums, divide, per_group, total
from .groups import GroupedProblem, search
from .settle import settle
from .solution import Clock, Duals, Options, Solution, Status, relative_gap

__all__ = ["Local", "Prices", "block_of", "grouped", "sampling", "usable_cores"]

Index = NDArray[np.intp]
Answer = TypeVar("Answer")

# Lines asked for the model; below twice as many all are.
_SAMPLE = 6_000
_FEWEST = 40
# Lines that usually show every group.
_FIRST = 20_000
# Free lines move by this share at no loss that counts; beyond it others had better jump.
_EASY = 1e-4
# Money that is nothing, as a share of what a group spends.
_NOTHING = 1e-14


def sampling(count: Index) -> tuple[Index, Floats]:
    """The sample of lines in groups of *count*: some by number, and how likely others are.

    The numbers are drawn from all lines, and count where a line's group is not rare. The lines of a
    rare group are each in the sample with its rate; 0 where a group is not rare, shape (n_groups,).
    """
    n = int(count.sum())
    if n <= 2 * _SAMPLE:
        return np.zeros(0, np.intp), np.ones(len(count))
    # Twice a few, so that drawing by chance leaves no group without a line.
    rate = np.where(count <= 2 * _FEWEST, 1.0, _FEWEST / np.maximum(count, 1))
    rare = _SAMPLE * count < _FEWEST * n
    return np.random.default_rng(0).integers(n, size=_SAMPLE), np.where(rare, rate, 0.0)


class Local:
    """All lines in this process, block by block, on as many cores as it may use."""

    def __init__(self, groups: GroupedProblem, whole: Block, size: int = BLOCK) -> None:
        self.groups, self.whole, self.size = groups, whole, size
        self.n_groups = len(groups.low)
        self.blocks = list(divide(whole, size))
        self.spend = self.best = np.zeros(whole.n)

    def each(self, work: Callable[[Block, Floats], Answer]) -> list[Answer]:
        """What *work* says of every block and its lines' spend, a view; in order.

        Arrays of this size are worked on outside of Python's lock, so threads are enough.
        """
        cuts = np.cumsum([block.n for block in self.blocks])[:-1]
        views = np.split(self.spend, cuts)
        if len(self.blocks) == 1:
            return [work(self.blocks[0], views[0])]
        with ThreadPoolExecutor(usable_cores()) as pool:
            return list(pool.map(work, self.blocks, views))

    def sample(self) -> tuple[Block, Floats]:
        """Lines drawn by a fixed seed, some of every group."""
        whole, n = self.whole, self.n_groups
        if whole.n <= 2 * _SAMPLE:
            return whole, np.ones(n)
        count = np.bincount(whole.group, minlength=n)
        drawn, rate = sampling(count)
        drawn = drawn[rate[whole.group[drawn]] == 0]
        if rate.any():
            rare = np.flatnonzero(rate[whole.group] > 0)
            chance = np.random.default_rng(1).random(len(rare))
            drawn = np.concatenate([drawn, rare[chance < rate[whole.group[rare]]]])
        block = whole.take(np.unique(drawn))
        taken = np.bincount(block.group, minlength=n)
        return block, count / np.maximum(taken, 1)

    def ask(self, price: Floats) -> Sums:
        """Every block's best replies; kept, so that they can be settled."""
        self.spend = np.empty(self.whole.n)

        def reply(block: Block, spend: Floats) -> Sums:
            spend[:], worth = block.reply(price)
            return block.sums(spend, worth, self.n_groups)

        return total(self.each(reply))

    def settled(self, price: Floats, spend: Floats) -> Sums:
        """Move lines that are free, then lines that could as well jump, onto the sums wanted."""
        room = _Room(self, price)
        room.jump(spend, reluctant=True)
        room.absorb(spend)
        if np.any(room.missing(spend)):
            room.jump(spend, reluctant=False)
            room.absorb(spend)
        return total(
            self.each(lambda block, own: block.sums(own, block.gained(own), self.n_groups))
        )

    def keep(self) -> None:
        """What was settled last is the best so far."""
        self.best = self.spend


def usable_cores() -> int:
    """Cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


@dataclass(frozen=True, eq=False)
class _Jumps:
    """Lines that could change sides; arrays of shape (n,)."""

    line: Index
    """Its place in the block, or among all lines."""
    group: Index
    have: Floats
    change: Floats
    least: Floats
    """From where on a line's curve is concave."""
    loss: Floats
    """Per unit of money moved."""

    def only(self, kept: Index | NDArray[np.bool_] | slice) -> _Jumps:
        """Some of them."""
        return _Jumps(*(getattr(self, field.name)[kept] for field in fields(self)))


def _free(block: Block, spend: Floats, *, missing: Floats) -> Floats:
    """The spend of lines that can move towards what their group is *missing*; 0 for others."""
    # A line at its maximum takes no more; one on its concave part may always give.
    able = (spend < block.high) | (missing[block.group] < 0)
    return np.where((spend > block.concave) & able, spend, 0.0)


def _move(block: Block, spend: Floats, *, missing: Floats, factor: Floats) -> None:
    """Change the spend of free lines by their group's *factor*, in place."""
    weight = _free(block, spend, missing=missing)
    moved = np.clip(spend + weight * factor[block.group], block.concave, block.high)
    np.copyto(spend, moved, where=weight > 0)


class _Room:
    """Where the replies at a price can still move at next to no loss; moves the market's spend."""

    def __init__(self, market: Local, price: Floats) -> None:
        self.market, self.price, self.n_groups = market, price, market.n_groups

    def missing(self, wanted: Floats) -> Floats:
        """Money still to be placed (or taken back) per group; 0 where it is nothing."""
        have = self._summed(lambda _, spend: spend)
        missing = wanted - have
        return np.where(abs(missing) > _NOTHING * np.maximum(wanted, have), missing, 0.0)

    def _summed(self, values: Callable[[Block, Floats], Floats]) -> Floats:
        """The sum per group of what *values* says of a block and its spend."""

        def summed(block: Block, spend: Floats) -> Floats:
            return per_group(block.group, values(block, spend), self.n_groups)

        return np.asarray(np.sum(self.market.each(summed), axis=0))

    def absorb(self, wanted: Floats) -> None:
        """Spread what is missing over the lines strictly between their ends, by their spend."""
        for _ in range(4):
            missing = self.missing(wanted)
            if not np.any(missing):
                return
            held = self._summed(partial(_free, missing=missing))
            factor = np.where(held > 0, missing / np.where(held > 0, held, 1.0), 0.0)
            self.market.each(partial(_move, missing=missing, factor=np.clip(factor, -0.5, 0.5)))

    def jump(self, wanted: Floats, *, reluctant: bool) -> None:
        """Let lines that are all but indifferent change sides, those with the least loss first.

        A reluctant line jumps only if that costs less than moving all free lines would: about the
        share by which they would have to move, of the price. Without it every line is asked.
        """
        missing = self.missing(wanted)
        held = self._summed(partial(_free, missing=np.ones(self.n_groups)))
        asked = abs(missing) > (_EASY * held if reluctant else 0.0)
        if not asked.any():
            return
        with np.errstate(divide="ignore", invalid="ignore"):
            most = np.where(held > 0, abs(self.price * missing) / held, np.inf)
        limits = np.where(asked, most if reluctant else np.inf, -np.inf)
        able = partial(self._able, missing=missing, most=limits, reluctant=reluctant)
        found = _joined(self.market.each(able), self.market.size)
        found = found.only(np.lexsort((found.loss, found.group)))
        for group in np.flatnonzero(asked):
            own = slice(*np.searchsorted(found.group, (group, group + 1)))
            nothing = _NOTHING * max(float(wanted[group]), 1e-300)
            self._change_sides(found.only(own), float(missing[group]), nothing)

    def _able(
        self, block: Block, spend: Floats, missing: Floats, most: Floats, *, reluctant: bool
    ) -> _Jumps:
        """The lines of a block that could jump towards what is missing at a loss up to *most*."""
        lines = block.either if reluctant else np.arange(block.n)
        lines = lines[most[block.group[lines]] >= 0]
        part, have = block.take(lines), spend[lines]
        own, sign = self.price[part.group], np.sign(missing[part.group])
        other = np.where(
            sign > 0, self._up(part, have, own), np.where(part.optional, 0.0, part.low)
        )
        gain = part.gained(have) - own * have - (part.gained(other) - own * other)
        change = other - have
        with np.errstate(divide="ignore", invalid="ignore"):
            loss = np.where(change * sign > 0, gain / abs(change), np.inf)
        jumps = _Jumps(lines, part.group, have, change, part.concave, loss)
        return jumps.only((loss <= most[part.group]) & (loss < np.inf))

    def _change_sides(self, jumps: _Jumps, missing: float, nothing: float) -> None:
        """Let lines of one group jump, in order, until no more than *nothing* is missing."""
        while abs(missing) > nothing:
            # Part of a jump must not land where the curve is convex.
            whole = abs(jumps.change) <= abs(missing)
            fitting = np.flatnonzero(whole | (jumps.have + missing >= jumps.least))
            run = np.cumsum(abs(jumps.change[fitting]))
            count = int(np.searchsorted(run, abs(missing), side="right"))
            moved = fitting[: max(count, 1)]
            if not moved.size:
                return
            step = jumps.change[moved] if count else np.array([missing])
            self.market.spend[jumps.line[moved]] += step
            missing -= float(step.sum())
            jumps = jumps.only(np.delete(np.arange(len(jumps.line)), moved))

    def _up(self, part: Block, have: Floats, own: Floats) -> Floats:
        """Where each line would go if it changed to the upper side."""
        place = part.place(own)
        place = np.where(part.curves.linear & (part.worth > 0), np.inf, place)
        return np.clip(np.maximum(place, have), part.low, part.high)


def _joined(parts: list[_Jumps], size: int) -> _Jumps:
    """The jumps of all blocks, each of *size* lines."""
    whole = [replace(part, line=part.line + i * size) for i, part in enumerate(parts)]
    columns = ([getattr(part, field.name) for part in whole] for field in fields(_Jumps))
    return _Jumps(*map(np.concatenate, columns))


class Prices:
    """Separable problems: every rule is about sums of spend."""

    name = "dual prices (numpy)"
    abilities = frozenset(
        {Need.LINEAR, Need.CONCAVE, Need.NONCONCAVE, Need.FLOORS, Need.BARE_FLOORS}
    )

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
        kept = problem.feasible(spend)
        if not kept:
            spend = settle(problem, spend)
            kept = problem.feasible(spend)
        value = problem.value(spend)
        if not kept or (start is not None and problem.value(start) > value):
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


def block_of(problem: Problem, group: Index) -> Block:
    """The lines of a problem as one block, each in its *group*."""
    optional = (problem.floor > 0) & (problem.lower <= 0)
    low, high = problem.lower, problem.upper
    if optional.any():
        may = ~optional | (problem.floor <= high)  # else it is off for good
        low = np.where(optional & may, problem.floor, np.where(may, low, 0.0))
        high = np.where(may, high, 0.0)
    return Block(problem.curves, problem.weights, problem.exposure, low, high, optional, group)


def grouped(problem: Problem) -> Local:
    """The lines of a separable problem, those with the same part in every rule as one group."""
    rows = problem.rows
    rules = np.flatnonzero(~rows.definition)
    # Equal columns have equal products with a random vector, and others all but surely not.
    mark = np.random.default_rng(0).random(len(rows))
    first, group = _alike(
        np.asarray(rows.spend.T @ np.where(rows.definition, 0.0, mark)) + problem.price
    )
    n, matrix = len(first), rows.spend if len(rules) == len(rows) else rows.spend[rules]
    whole = block_of(problem, group)
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
            low=per_group(group, np.where(whole.optional, 0.0, problem.lower), n),
            high=per_group(group, whole.high, n),
        ),
        whole,
    )
