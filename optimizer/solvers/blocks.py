"""Lines in blocks, and their best reply to a price: what a separable plan of any size is made of.

Where rules speak of sums only, a line needs to know one number: what a unit of money costs in its
group. Given that price it is alone with its curve, and its best reply is a formula. A block holds
some lines as arrays; a process, a core or a machine of a cluster answers for its blocks, and only
sums per group leave it. Memory stays that of the block at work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from optimizer.plan.curves import Floats
from optimizer.problem import CurveTable

__all__ = ["BLOCK", "Block", "Sums", "divide", "per_group", "total"]

Index = NDArray[np.intp]

BLOCK = 1 << 16
"""Lines per block: what a processor's cache holds of the arrays at work."""

# A price below this share of the largest is nothing: every line takes all it may.
_FREE = 1e-300


@dataclass(frozen=True, eq=False)
class Sums:
    """What the lines of each group spend and are worth together; shapes (n_groups,)."""

    spend: Floats
    worth: Floats

    def __add__(self, other: Sums) -> Sums:
        """The sums of both."""
        return Sums(self.spend + other.spend, self.worth + other.worth)


@dataclass(frozen=True, eq=False)
class Block:
    """Some lines; arrays have shape (n,).

    A line may spend anything from *low* to *high*, or nothing where it is *optional*.
    """

    curves: CurveTable
    worth: Floats
    """Objective per outcome."""
    exposure: Floats
    low: Floats
    high: Floats
    optional: NDArray[np.bool_]
    group: Index

    @property
    def n(self) -> int:
        """How many lines there are."""
        return len(self.low)

    def gained(self, spend: Floats) -> Floats:
        """Worth of each line's outcomes."""
        return np.asarray(self.worth * self.curves.outcome(self.exposure * spend), float)

    def reply(self, price: Floats) -> tuple[Floats, Floats]:
        """The best spend of each line at its group's *price*, and its worth.

        The best of: the least it may spend, nothing if that is allowed, and the place on its
        concave part where its marginal return meets the price. Ties go to spending less.
        """
        own = price[self.group]
        spend = np.clip(self.place(own), self.low, self.high)
        worth = self.gained(spend)
        if self.torn.size:
            self._compare(own, spend, worth)
        return spend, worth

    def place(self, own: Floats) -> Floats:
        """Where the marginal return of each line meets its *own* price, shape (n,).

        Without limit where money is free; nothing where no price is low enough.
        """
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            slope = own / (self.worth * self.exposure)
            paid = (slope > _FREE) & (slope < np.inf)
            if paid.all():
                return np.asarray(self.curves.inverse(slope) / self.exposure, float)
            place = self.curves.inverse(np.where(paid, slope, 1.0)) / self.exposure
        return np.where(paid, place, np.where((self.worth > 0) & (own <= 0), np.inf, 0.0))

    @cached_property
    def torn(self) -> Index:
        """Lines whose reply may jump, as their curve bends or they may stay off."""
        return np.flatnonzero((self.curves.inflection > self.exposure * self.low) | self.optional)

    @property
    def either(self) -> Index:
        """Lines that have two sides where they are as well off: torn ones, and straight lines."""
        return np.union1d(self.torn, np.flatnonzero(self.curves.linear))

    @property
    def concave(self) -> Floats:
        """The least spend from which on each line's curve is concave, shape (n,)."""
        return np.maximum(self.curves.inflection / self.exposure, self.low)

    @cached_property
    def _lowest(self) -> tuple[Floats, Floats]:
        """The least that torn lines spend if they are on, and its worth."""
        low = self.low[self.torn]
        if not low.any():  # every curve begins at nothing
            return low, low
        part = self.curves.take(self.torn)
        return low, self.worth[self.torn] * part.outcome(self.exposure[self.torn] * low)

    def _compare(self, own: Floats, spend: Floats, worth: Floats) -> None:
        """Where a line is torn, try its lower ends too; in place."""
        torn, (low, at_low) = self.torn, self._lowest
        price, best, gain = own[torn], spend[torn], worth[torn]
        lower = at_low - price * low >= gain - price * best
        best, gain = np.where(lower, low, best), np.where(lower, at_low, gain)
        off = self.optional[torn] & (gain - price * best <= 0)
        spend[torn], worth[torn] = np.where(off, 0.0, best), np.where(off, 0.0, gain)

    def sums(self, spend: Floats, worth: Floats, n_groups: int) -> Sums:
        """Spend and worth per group."""
        return Sums(per_group(self.group, spend, n_groups), per_group(self.group, worth, n_groups))

    def take(self, index: Index) -> Block:
        """Some of its lines."""
        return self._with(self.curves.take(index), index)

    def between(self, start: int, stop: int) -> Block:
        """Its lines from *start* to *stop*, as views."""
        return self._with(self.curves.between(start, stop), slice(start, stop))

    def _with(self, curves: CurveTable, index: Index | slice) -> Block:
        return Block(
            curves,
            self.worth[index],
            self.exposure[index],
            self.low[index],
            self.high[index],
            self.optional[index],
            self.group[index],
        )


def divide(whole: Block, size: int = BLOCK) -> Iterator[Block]:
    """A block in pieces of at most *size* lines, in order."""
    for start in range(0, whole.n, size):
        yield whole.between(start, min(start + size, whole.n))


def per_group(group: Index, values: Floats, n_groups: int) -> Floats:
    """The sum of *values* in each group, shape (n_groups,)."""
    return np.asarray(np.bincount(group, values, n_groups), float)


def total(parts: Iterable[Sums]) -> Sums:
    """All sums together."""
    first, *others = parts
    for part in others:
        first = first + part
    return first
