"""Lines by the partition: the search of :mod:`optimizer.solvers.groups` beyond one memory.

A partition is read, asked and forgotten; only sums per group leave it. What was settled is told by
a few numbers per group (:class:`Settled`), from which any partition works out its own spend again,
so nothing is lost with whoever held it. The partitions are worked through one after the other, or
by a cluster (:mod:`optimizer.solvers.cluster`); the answer is the same.

Replies at a price are brought onto the sums wanted in two steps. Where much is missing, lines that
are all but indifferent change sides, those with the least loss per unit of money first: a histogram
of the losses says up to which loss they do. What is then missing is spread over the free lines in
proportion to their spend, and the last digits are given to one line of each group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from optimizer.plan.curves import Floats
from optimizer.problem import CurveTable

from .blocks import Block, Sums, divide, per_group
from .groups import GroupedProblem
from .prices import sampling

__all__ = ["OneByOne", "Partition", "Partitioned", "Settled", "Team", "joined"]

Index = NDArray[np.intp]
Mask = NDArray[np.bool_]

# Free lines move by this share at no loss that counts; beyond it others had better jump.
_EASY = 1e-4
# Free lines move by no more than this share at once.
_MOST = 0.5
# A line that takes the last digits moves by no more than this share of its spend, or all digits
# were not the last.
_LAST = 1e-3
# Money that is nothing, as a share of what a group spends.
_NOTHING = 1e-15
_MOVES = 4
# Upper ends of the losses told apart, as shares of the price; the last takes all others.
_LOSSES = np.concatenate([[1e-13], np.geomspace(1e-12, 10.0, 1022), [np.inf]])


class Partition(Protocol):
    """Some lines that can be read whenever they are asked."""

    @property
    def start(self) -> int:
        """How many lines there are before it."""

    @property
    def n(self) -> int:
        """How many lines it has."""

    def block(self) -> Block:
        """Its lines; each time the same."""


class Team(Protocol):
    """Whoever works through the partitions."""

    def each(self, work: Callable[[Any], Any], partitions: Sequence[Any]) -> Iterator[Any]:
        """What *work* says of every partition, in their order."""


class OneByOne:
    """The partitions one after the other in this process."""

    def each(self, work: Callable[[Any], Any], partitions: Sequence[Any]) -> Iterator[Any]:
        """What *work* says of every partition, in their order."""
        return map(work, partitions)


@dataclass(frozen=True, eq=False)
class Settled:
    """How the replies at a price are moved; arrays have shape (n_groups,)."""

    price: Floats
    way: Floats
    """Lines that jump take more (1) or give some (-1); 0: none jumps."""
    edge: Index
    """Class of losses (see ``_LOSSES``) at which lines begin to stay; all below it jump."""
    turn: Index
    """Partition in which the lines at the edge begin to stay; in all before it they jump."""
    left: Floats
    """Money that the lines at the edge still place in that partition."""
    moves: tuple[Floats, ...] = ()
    """Shares by which the free lines move, one after the other."""
    last_at: Index | None = None
    """Line that takes the last digits, by its number in the whole; -1: none."""
    last: Floats | None = None
    """What that line takes."""

    @classmethod
    def still(cls, price: Floats) -> Settled:
        """The replies themselves."""
        no, first = np.zeros(len(price)), np.zeros(len(price), np.intp)
        return cls(price, no, first, first, no)

    def spend(self, block: Block, start: int, number: int) -> Floats:
        """The spend of each line of a partition that begins at line *start*, shape (n,)."""
        left, found = self.left.copy(), np.empty(block.n)
        done = 0
        for piece in divide(block):
            spend = self._moved(piece, self._jumped(piece, number, left))
            found[done : done + piece.n] = spend
            done += piece.n
        if self.last_at is not None and self.last is not None:
            here = np.flatnonzero((self.last_at >= start) & (self.last_at < start + block.n))
            found[self.last_at[here] - start] += self.last[here]
        return found

    def _jumped(self, piece: Block, number: int, left: Floats) -> Floats:
        spend, _ = piece.reply(self.price)
        lines = np.flatnonzero(self.way[piece.group] != 0)
        if not lines.size:
            return spend
        part = piece.take(lines)
        change, class_ = _jumps(part, spend[lines], self.price, self.way)
        edge, turn = self.edge[part.group], self.turn[part.group]
        jumps = (class_ < edge) | ((class_ == edge) & (number < turn))
        jumps &= change != 0
        at_edge = (class_ == edge) & (number == turn) & (change != 0)
        for group in np.unique(part.group[at_edge]):
            here = np.flatnonzero(at_edge & (part.group == group))
            sizes = abs(change[here])
            fit = np.cumsum(sizes) <= left[group]
            jumps[here[fit]] = True
            left[group] -= float(sizes[fit].sum())
            if fit.all():
                continue
            # The next line goes part of the way, where its curve lets it; then nobody does.
            line = here[int(np.argmin(fit))]
            step = float(np.sign(change[line]) * left[group])
            least, straight = float(part.concave[line]), bool(part.curves.linear[line])
            if straight or spend[lines[line]] + step >= least:
                spend[lines[line]] += step
            left[group] = 0.0
        spend[lines[jumps]] += change[jumps]
        return spend

    def _moved(self, piece: Block, spend: Floats) -> Floats:
        least = piece.concave
        for move in self.moves:
            own = move[piece.group]
            free = (spend > least) & ((spend < piece.high) | (own < 0))
            spend = np.where(free, np.clip(spend * (1 + own), least, piece.high), spend)
        return spend


@dataclass(frozen=True, eq=False)
class _Told:
    """What a partition says of its groups; shapes (n_groups,)."""

    sums: Sums
    can_take: Floats
    """Spend of the lines that may take more."""
    can_give: Floats
    """Spend of the lines that may give some."""

    def __add__(self, other: _Told) -> _Told:
        return _Told(
            self.sums + other.sums, self.can_take + other.can_take, self.can_give + other.can_give
        )


@dataclass(frozen=True, eq=False)
class _Last:
    """A line of some groups with room to either side: it can take the last digits."""

    group: Index
    room: Floats
    at: Index
    """Number in the whole."""
    spend: Floats
    lines: Block


def _told(piece: Block, spend: Floats, worth: Floats, n_groups: int) -> _Told:
    above = spend > piece.concave
    take = np.where(above & (spend < piece.high), spend, 0.0)
    give = np.where(above, spend, 0.0)
    return _Told(
        piece.sums(spend, worth, n_groups),
        per_group(piece.group, take, n_groups),
        per_group(piece.group, give, n_groups),
    )


def _jumps(part: Block, have: Floats, price: Floats, way: Floats) -> tuple[Floats, Index]:
    """By how much each line's spend changes if it changes sides, and the class of its loss."""
    own, up = price[part.group], way[part.group] > 0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        straight = part.curves.linear & (part.worth > 0)
        place = np.where(straight, np.inf, part.place(own))
        more = np.clip(np.maximum(place, have), part.low, part.high)
        less = np.minimum(np.where(part.optional, 0.0, part.low), have)
        change = np.where(up, more, less) - have
        gain = part.gained(have) - part.gained(have + change) + own * change
        loss = gain / abs(change) / np.maximum(abs(own), 1e-300)
    class_ = np.searchsorted(_LOSSES, np.where(change != 0, loss, np.inf))
    return change, np.minimum(class_, len(_LOSSES) - 1)


def _ask(partition: Partition, price: Floats) -> _Told:
    told = None
    for piece in divide(partition.block()):
        spend, worth = piece.reply(price)
        one = _told(piece, spend, worth, len(price))
        told = one if told is None else told + one
    assert told is not None
    return told


def _losses(partition: Partition, price: Floats, way: Floats) -> Floats:
    """Money that jumps by group and class of loss, shape (n_jumping, n_classes)."""
    n, groups = len(_LOSSES), np.flatnonzero(way)
    row = np.zeros(len(way), np.intp)
    row[groups] = np.arange(len(groups))
    money = np.zeros(len(groups) * n)
    for piece in divide(partition.block()):
        lines = np.flatnonzero(way[piece.group] != 0)
        spend, _ = piece.reply(price)
        part = piece.take(lines)
        change, class_ = _jumps(part, spend[lines], price, way)
        money += np.bincount(row[part.group] * n + class_, abs(change), len(money))
    return money.reshape(len(groups), n)


def _settle(numbered: tuple[int, Partition], how: Settled) -> tuple[_Told, _Last]:
    """What a partition spends once moved, and the lines that could take the last digits."""
    number, partition = numbered
    block, n_groups = partition.block(), len(how.price)
    spend, told, done = how.spend(block, partition.start, number), None, 0
    for piece in divide(block):
        own = spend[done : done + piece.n]
        one = _told(piece, own, piece.gained(own), n_groups)
        told = one if told is None else told + one
        done += piece.n
    assert told is not None
    room = np.maximum(np.minimum(spend - block.concave, block.high - spend), 0.0)
    best = np.zeros(n_groups)
    np.maximum.at(best, block.group, room)
    lines = np.flatnonzero((room > 0) & (room == best[block.group]))
    group, first = np.unique(block.group[lines], return_index=True)
    lines = lines[first]
    return told, _Last(group, room[lines], partition.start + lines, spend[lines], block.take(lines))


def _drawn(partition: Partition, *, drawn: Index, rate: Floats) -> Block:
    """The lines of a partition that are in the sample: the same however lines are divided."""
    block, start = partition.block(), partition.start
    own = drawn[(drawn >= start) & (drawn < start + block.n)] - start
    chosen = np.zeros(block.n, bool)
    chosen[own[rate[block.group[own]] == 0]] = True
    if np.any(rate):
        chance = np.random.default_rng(1)
        chance.bit_generator.advance(start)  # type: ignore[attr-defined]
        chosen |= chance.random(block.n) < rate[block.group]
    return block.take(np.flatnonzero(chosen))


class Partitioned:
    """All lines in partitions, each read when it is asked; a :class:`Market`."""

    def __init__(
        self,
        groups: GroupedProblem,
        partitions: Sequence[Partition],
        count: NDArray[np.intp],
        team: Team | None = None,
    ) -> None:
        """The lines of *partitions*, *count* of them in each group."""
        self.groups, self.partitions, self.count = groups, partitions, count
        self.n_groups = len(groups.low)
        self.team = team or OneByOne()
        self.asked: tuple[Floats, _Told] | None = None
        self.now = self.best = Settled.still(np.zeros(self.n_groups))
        self.now_spent = self.spent = 0.0

    def sample(self) -> tuple[Block, Floats]:
        """Lines drawn by a fixed seed, some of every group."""
        drawn, rate = sampling(self.count)
        work = partial(_drawn, drawn=drawn, rate=rate)
        block = joined(list(self.team.each(work, self.partitions)))
        taken = np.bincount(block.group, minlength=self.n_groups)
        return block, self.count / np.maximum(taken, 1)

    def ask(self, price: Floats) -> Sums:
        """Every partition's best replies, as sums."""
        told = _total(self.team.each(partial(_ask, price=price), self.partitions))
        self.asked = price, told
        return told.sums

    def settled(self, price: Floats, spend: Floats) -> Sums:
        """Move lines that could as well jump, then lines that are free, onto the sums wanted."""
        if self.asked is None or self.asked[0] is not price:
            self.ask(price)
        assert self.asked is not None
        told, last, how = self.asked[1], None, Settled.still(price)
        jumping = self._jumping(spend, told)
        if np.any(jumping):
            how = self._jump(price, spend, told, jumping)
            told, last = self._settle(how)
        for _ in range(_MOVES):
            missing = _missing(spend, told)
            if not np.any(missing) or (last is not None and _is_last(missing, last)):
                break
            held = np.where(missing > 0, told.can_take, told.can_give)
            move = np.clip(missing / np.where(held > 0, held, np.inf), -_MOST, _MOST)
            if not np.any(move):
                break
            how = replace(how, moves=(*how.moves, move))
            told, last = self._settle(how)
        if last is None:
            told, last = self._settle(how)
        self.now, sums = _finished(how, told.sums, _missing(spend, told), last)
        self.now_spent = float(sums.spend.sum())
        return sums

    def keep(self) -> None:
        """What was settled last is the best so far."""
        self.best, self.spent = self.now, self.now_spent

    def _settle(self, how: Settled) -> tuple[_Told, _Last]:
        told, last = None, None
        numbered = list(enumerate(self.partitions))
        for one, line in self.team.each(partial(_settle, how=how), numbered):
            told = one if told is None else told + one
            last = line if last is None else _roomier(last, line)
        assert told is not None
        assert last is not None
        return told, last

    def _jumping(self, wanted: Floats, told: _Told) -> Floats:
        """Which groups miss more than their free lines move with ease: 1 up, -1 down."""
        missing = _missing(wanted, told)
        held = np.where(missing > 0, told.can_take, told.can_give)
        return np.where(abs(missing) > _EASY * held, np.sign(missing), 0.0)

    def _jump(self, price: Floats, wanted: Floats, told: _Told, way: Floats) -> Settled:
        """Up to which loss lines change sides, so that what is wanted is met but for a line.

        A line jumps only if that costs less than moving all free lines would, which is about the
        share by which they would have to move, of the price.
        """
        ways = partial(_losses, price=price, way=way)
        by_class = list(self.team.each(ways, self.partitions))
        rows = np.flatnonzero(way)
        missing = abs(_missing(wanted, told))[rows]
        held = np.where(way > 0, told.can_take, told.can_give)[rows]
        money = np.sum(by_class, axis=0)
        # As many classes as cost less than moving; more where the free lines cannot take it all.
        ends = np.cumsum(money, axis=1)
        share = missing / np.where(held > 0, held, 1.0)
        willing = np.searchsorted(_LOSSES, np.where(held > 0, share, np.inf), side="left")
        too_far = np.maximum(missing - _MOST * held, 0.0)
        forced = (ends < too_far[:, None]).sum(axis=1)
        edge = np.minimum((ends < missing[:, None]).sum(axis=1), np.maximum(willing, forced))
        edge = np.minimum(edge, len(_LOSSES) - 1)
        before = np.where(edge > 0, ends[np.arange(len(rows)), np.maximum(edge - 1, 0)], 0.0)
        left = missing - before
        way, edges = way.copy(), np.zeros(len(way), np.intp)
        turns, lefts = np.full(len(way), len(self.partitions), np.intp), np.zeros(len(way))
        for i, group in enumerate(rows):
            here = np.cumsum([one[i, edge[i]] for one in by_class])
            turn = int(np.searchsorted(here, left[i], side="right"))
            edges[group], turns[group] = edge[i], turn
            lefts[group] = left[i] - (here[turn - 1] if turn > 0 else 0.0)
        return Settled(price, way, edges, turns, lefts)


def _missing(wanted: Floats, told: _Told) -> Floats:
    """Money still to be placed (or taken back) per group; 0 where it is nothing."""
    missing = wanted - told.sums.spend
    size = np.maximum(wanted, told.sums.spend)
    return np.where(abs(missing) > _NOTHING * size, missing, 0.0)


def _is_last(missing: Floats, last: _Last) -> bool:
    """Whether one line of each group can take what is missing without being moved far."""
    can = np.zeros(len(missing))
    can[last.group] = np.minimum(last.room, _LAST * last.spend)
    return bool(np.all(abs(missing) <= can))


def _finished(how: Settled, sums: Sums, missing: Floats, last: _Last) -> tuple[Settled, Sums]:
    """The last digits given to one line of each group, as far as it has room."""
    takes = np.clip(missing[last.group], -last.room, last.room)
    after = last.spend + takes
    at, given = np.full(len(missing), -1), np.zeros(len(missing))
    at[last.group], given[last.group] = last.at, takes
    spend, worth = sums.spend.copy(), sums.worth.copy()
    spend[last.group] += takes
    worth[last.group] += last.lines.gained(after) - last.lines.gained(last.spend)
    return replace(how, last_at=at, last=given), Sums(spend, worth)


def _roomier(one: _Last, other: _Last) -> _Last:
    """Of two lines of a group the one with more room; the first where both have as much."""
    group = np.concatenate([one.group, other.group])
    room = np.concatenate([one.room, other.room])
    order = np.lexsort((-room, group))
    _, first = np.unique(group[order], return_index=True)
    kept = order[first]
    return _Last(
        group[kept],
        room[kept],
        np.concatenate([one.at, other.at])[kept],
        np.concatenate([one.spend, other.spend])[kept],
        joined([one.lines, other.lines]).take(kept),
    )


def _total(told: Iterable[_Told]) -> _Told:
    first, *others = told
    for one in others:
        first = first + one
    return first


def joined(blocks: Sequence[Block]) -> Block:
    """Several blocks as one, in their order."""
    starts = np.cumsum([0, *(block.n for block in blocks)])
    parts: dict[Any, list[tuple[Index, tuple[Floats, ...]]]] = {}
    points = []
    for start, block in zip(starts, blocks, strict=False):
        for kind, positions, values in block.curves.families:
            parts.setdefault(kind, []).append((positions + start, values))
        points += [(int(at + start), x, y) for at, x, y in block.curves.points]
    families = tuple(
        (
            kind,
            np.concatenate([positions for positions, _ in own]),
            tuple(np.concatenate(column) for column in zip(*(v for _, v in own), strict=True)),
        )
        for kind, own in parts.items()
    )

    def column(name: str, of: Callable[[Block], Any] = lambda block: block) -> Any:
        return np.concatenate([getattr(of(block), name) for block in blocks])

    curves = CurveTable(
        n=int(starts[-1]),
        families=families,
        points=tuple(points),
        **{
            name: column(name, lambda block: block.curves)
            for name in ("inflection", "linear", "piecewise")
        },
    )
    names = ("worth", "exposure", "low", "high", "optional", "group")
    return Block(curves, **{name: column(name) for name in names})
