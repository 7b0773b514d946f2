"""Separable problems of any size: a search on the prices of money, certified.

Where every rule is about sums of spend, lines with the same part in every rule form a *group*, and
all that a group's lines need to know is a price (see :mod:`optimizer.solvers.blocks`). The search:

1. a sample of lines is asked at many prices; what it spends and is worth at each, scaled up, is
   a concave model of every group, and the small problem with a term per group is solved;
2. all lines are asked once at the prices found; the sums they answer correct the model, which is
   solved again. The error shrinks to its square, so two or three rounds suffice;
3. the replies are brought onto the sums that the rules want by moving the lines whose marginal
   returns meet, which costs nothing to first order.

For any prices of the rules, the best replies give a value that no plan beats (weak duality):
D(λ) = Σ sup over each line of (its worth − its price · x) + λ·limits. The best is the bound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from optimizer.plan.curves import Floats
from optimizer.plan.grid import Grid
from optimizer.problem import CurveTable, Problem, Rows

from .blocks import Block, Sums
from .solution import Clock, Options, Solution, Status, relative_gap
from .tangents import Tangents

__all__ = ["Found", "GroupedProblem", "Market", "search"]

# Prices asked: first over many powers of ten, then ever closer around the ones found.
_COARSE, _FINE = 48, 9
# A sample knows a price to about a hundredth; more digits help once all lines have answered.
_WIDTHS, _CLOSER = (0.5, 0.05), (0.003,)
_ROUNDS = 12


@dataclass(frozen=True, eq=False)
class GroupedProblem:
    """What is left of a problem when only sums per group are seen; shapes (n_groups,)."""

    rows: Rows
    """The rules, on the spend of groups."""
    price: Floats
    """Objective lost per unit of money in each group."""
    low: Floats
    high: Floats
    """The least and the most each group may spend."""

    def stated(self, curves: CurveTable) -> Problem:
        """The small problem with one concave term per group, in spend above each group's least."""
        n, rows = len(self.low), self.rows
        text, least = np.full(n, "", dtype=np.str_), rows.spend @ self.low
        room = self.high - self.low
        grid = Grid(
            names=np.array([str(group) for group in range(n)]),
            channel=text,
            role=text,
            tags={},
            stage=text,
            minimum=np.zeros(n),
            maximum=room,
            minimum_if_active=np.zeros(n),
            current=np.full(n, np.nan),
            value=np.ones(n),
            budget=np.inf,
            stages={},
        )
        return Problem(
            grid=grid,
            curves=curves,
            weights=np.ones(n),
            price=self.price,
            exposure=np.ones(n),
            lower=np.zeros(n),
            upper=room,
            rows=replace(rows, lower=rows.lower - least, upper=rows.upper - least),
            switches=(),
            floor=np.zeros(n),
        )


class Market(Protocol):
    """Whoever holds the lines: blocks in this process, or partitions on a cluster."""

    groups: GroupedProblem

    def sample(self) -> tuple[Block, Floats]:
        """Some lines, and how many each of them stands for per group, shape (n_groups,)."""

    def ask(self, price: Floats) -> Sums:
        """What all lines spend and are worth at one price per group."""

    def settled(self, price: Floats, spend: Floats) -> Sums:
        """Bring the replies at *price* onto *spend* per group; what they spend and are worth."""

    def keep(self) -> None:
        """What was settled last is the best so far."""


@dataclass(frozen=True, eq=False)
class Found:
    """Where a search ended; the spend itself stays with the market."""

    rows: Floats
    """Prices of the rules that prove the bound, shape (n_rows,)."""
    value: float
    bound: float
    rounds: int
    status: Status


def search(
    market: Market, gap: float, clock: Clock, told: Callable[[float, float], None] | None = None
) -> Found:
    """Prices at which the replies are best, to *gap*; told of value and bound every round."""
    groups = market.groups
    model = _Model(market)
    best = Found(np.zeros(len(groups.rows)), -np.inf, np.inf, 0, Status.STOPPED)
    last = np.full(len(groups.low), np.nan)
    for round_ in range(1, _ROUNDS + 1):
        answer = model.answer
        if answer.status in {Status.INFEASIBLE, Status.UNBOUNDED} or answer.spend is None:
            return replace(best, status=answer.status)
        rows, wanted = _rows_of(groups, answer), answer.spend
        price = groups.price + groups.rows.spend.T @ rows
        sums = market.ask(price)
        bound = _dual(groups, rows, price, sums)
        wanted = _nearest(groups, wanted, sums.spend)
        # The same prices again have nothing more to say.
        ends, last = round_ == _ROUNDS or clock.is_up or np.array_equal(price, last), price
        # Lines far from what is wanted of them are asked again before any is moved.
        if ends or _moving(price, wanted, sums) <= gap * abs(bound):
            settled = market.settled(price, wanted)
            value = float(settled.worth.sum() - groups.price @ settled.spend)
            value -= _fines(groups, settled.spend)
            if value > best.value:
                best = replace(best, value=value)
                market.keep()
        best = replace(best, rounds=round_)
        if bound < best.bound:
            best = replace(best, rows=rows, bound=bound)
        if told is not None:
            told(best.value, best.bound)
        if relative_gap(best.value, best.bound) <= gap:
            return replace(best, status=Status.OPTIMAL)
        if ends:
            break
        model.correct(price, sums)
    return best


def _rows_of(groups: GroupedProblem, answer: Solution) -> Floats:
    """Prices of the rows: of the model's optimum, or, short of a proof, of its best bound."""
    if answer.duals is not None:
        return answer.duals.rows
    known = (answer.proof or {}).get("prices")
    return np.zeros(len(groups.rows)) if known is None else np.asarray(known, float)


def _nearest(groups: GroupedProblem, wanted: Floats, replied: Floats) -> Floats:
    """What groups should spend: what they replied, moved onto the rules that bind.

    The model's own sums are corners of its straight pieces; where rules leave a choice, the replies
    are closer to the optimum. They count where, once moved, they keep every rule, those that bind
    to the last digits: replies of nothing cannot be moved anywhere.
    """
    rows = groups.rows
    left, size = rows.spend @ wanted, np.maximum(abs(rows.spend) @ wanted, 1e-300)
    target = np.where(abs(left - rows.lower) <= abs(left - rows.upper), rows.lower, rows.upper)
    binds = np.isfinite(target) & (abs(left - target) <= 1e-9 * size)
    moved = replied.copy()
    for _ in range(2):
        matrix = rows.spend[binds].toarray() * moved
        missing = (target - rows.spend @ moved)[binds]
        moved = moved + moved * np.linalg.lstsq(matrix, missing, rcond=1e-12)[0]
    left = rows.spend @ moved
    room = 1e-12 * np.maximum(abs(rows.spend) @ moved, 1e-300)
    kept = np.all((left >= rows.lower - room) & (left <= rows.upper + room) | (rows.penalty > 0))
    met = np.all(abs(left - target)[binds] <= 1e3 * room[binds])
    inside = np.all((moved >= groups.low) & (moved <= groups.high))
    return moved if kept and met and inside else wanted


def _moving(price: Floats, wanted: Floats, sums: Sums) -> float:
    """About what it costs to move the replies onto the sums wanted: the square of the way.

    Marginal returns fall about in proportion to spend, so half of price · way² / spend; a group
    that spends nothing counts as far.
    """
    way = wanted - sums.spend
    spend = np.maximum(np.maximum(sums.spend, 1e-9 * abs(way)), 1e-300)
    return float((abs(price) * way**2 / spend).sum() / 2)


def _dual(groups: GroupedProblem, rows: Floats, price: Floats, sums: Sums) -> float:
    """D(λ): what no plan beats, from the best replies at the prices λ of the rules."""
    limits = groups.rows
    limit = np.where(rows > 0, limits.upper, limits.lower)
    fixed = np.where(rows != 0, rows * np.where(np.isfinite(limit), limit, 0.0), 0.0)
    return float(sums.worth.sum() - price @ sums.spend + fixed.sum())


def _fines(groups: GroupedProblem, spend: Floats) -> float:
    rows = groups.rows
    left = rows.spend @ spend
    missed = np.maximum(np.maximum(rows.lower - left, left - rows.upper), 0.0)
    return float(np.nan_to_num(rows.penalty) @ missed)


class _Model:
    """A concave curve per group, from a sample asked at many prices."""

    def __init__(self, market: Market) -> None:
        self.groups = market.groups
        self.block, self.share = market.sample()
        self.n = len(self.groups.low)
        self.scale = np.ones(self.n)
        self.spend: list[Floats] = []
        self.worth: list[Floats] = []
        self.start = np.where(self.block.optional, 0.0, self.block.low)
        self.start_worth = self.block.gained(self.start)
        self._note(self.start, self.start_worth)
        top, least = self._range()
        for price in np.geomspace(top, least, _COARSE):
            self._ask(np.full(self.n, price))
        self._ask(np.zeros(self.n))
        self.answer = self._solved(_WIDTHS)

    def _range(self) -> tuple[float, float]:
        """The highest and the lowest price worth asking."""
        block = self.block
        start = block.exposure * np.maximum(block.high * 1e-6, block.low)
        steep = block.worth * block.exposure * block.curves.slope(start)
        gained = block.gained(block.high) - block.gained(block.low)
        average = gained / np.maximum(block.high - block.low, 1e-300)
        top = max(
            float(steep[np.isfinite(steep)].max(initial=0.0)), float(average.max(initial=0.0))
        )
        top = max(2.0 * top, 1e-290)
        least = float(average[average > 0].min(initial=top)) * 1e-3
        return top, max(least, 1e-12 * top)

    def _ask(self, price: Floats) -> None:
        self._note(*self.block.reply(price))

    def _note(self, spend: Floats, worth: Floats) -> None:
        sums = self._above(spend, worth)
        self.spend.append(sums.spend)
        self.worth.append(sums.worth)

    def _above(self, spend: Floats, worth: Floats) -> Sums:
        """What a reply adds to the least that must be spent, scaled up to all lines."""
        sums = self.block.sums(spend - self.start, worth - self.start_worth, self.n)
        return Sums(sums.spend * self.share, sums.worth * self.share)

    def _solved(self, widths: Sequence[float]) -> Solution:
        """The small problem's optimum, the model asked ever closer around its prices."""
        answer = self._solve()
        for width in widths:
            if answer.duals is None:
                break
            price = self.groups.price + self.groups.rows.spend.T @ answer.duals.rows
            for step in np.linspace(-width, width, _FINE):
                self._ask(np.maximum(price, 0.0) * np.exp(step))
            answer = self._solve()
        return answer

    def _solve(self) -> Solution:
        spend, worth = np.array(self.spend), np.array(self.worth)
        points = []
        for group in range(self.n):
            x, y = _upper_hull(spend[:, group], worth[:, group])
            above = x > 1e-9 * x[-1]
            x, y = np.append(0.0, x[above]), np.append(0.0, y[above])
            points.append((group, x * self.scale[group], y * self.scale[group]))
        flat = np.zeros(self.n, bool)
        curves = CurveTable(self.n, (), tuple(points), np.zeros(self.n), flat, flat)
        answer = Tangents().solve(self.groups.stated(curves), Options(gap=1e-6), None)
        if answer.spend is None:
            return answer
        return replace(answer, spend=answer.spend + self.groups.low)

    def correct(self, price: Floats, sums: Sums) -> None:
        """Make the model pass through what all lines answered at *price*, and solve it again.

        Spend and worth are scaled alike: then the price at each point stays what it was.
        """
        guess, truth = self._above(*self.block.reply(price)).spend, sums.spend - self.groups.low
        with np.errstate(divide="ignore", invalid="ignore"):
            self.scale = np.where((guess > 0) & (truth > 0), truth / guess, self.scale)
        self.answer = self._solved(_CLOSER)


def _upper_hull(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The concave curve above some points, as its corners; x increases strictly."""
    order = np.lexsort((y, x))
    corners: list[tuple[float, float]] = []
    for place in zip(x[order].tolist(), y[order].tolist(), strict=True):
        if corners and place[0] <= corners[-1][0] * (1 + 1e-12):
            if place[1] > corners[-1][1]:
                corners.pop()
            else:
                continue
        while len(corners) >= 2:
            (ax, ay), (bx, by) = corners[-2], corners[-1]
            if (by - ay) * (place[0] - ax) <= (place[1] - ay) * (bx - ax):
                corners.pop()
            else:
                break
        corners.append(place)
    hull = np.array(corners)
    return hull[:, 0], hull[:, 1]
