"""Lays out the columns of a plan over time: cells, then what follows from them, group by group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.errors import Fault, PlanError

from .carryover import Geometric, Goodwill, Lift
from .curves import Curve, Floats
from .flows import STOCK, Flows, Kind, Warm
from .grid import Grid, Row, Sum, Unit
from .periods import ONE

if TYPE_CHECKING:
    from .plan import Line, Plan

__all__ = ["flows_of"]

Index = NDArray[np.intp]
Mask = NDArray[np.bool_]
Matrix = Any  # scipy's sparse arrays have no common type with addition

# What is left of earlier money below this share is nothing.
_FADED = 1e-12
# Periods before the plan that are looked back on at most.
_MEMORY = 5_000


def flows_of(plan: Plan, grid: Grid) -> Flows:
    """The flows of a plan whose lines are stated one by one, on the cells of *grid*."""
    return _Builder(plan, grid).flows()


class _Builder:
    """Lays out the columns of a plan, group by group."""

    def __init__(self, plan: Plan, grid: Grid) -> None:
        self.plan, self.grid = plan, grid
        self.periods = plan.periods or ONE
        self.lines: Sequence[Line] = plan.lines
        self.n_cells = len(self.lines) * self.periods.count
        self.kinds: list[NDArray[np.int8]] = []
        self.of_line: list[Index] = []
        self.of_period: list[Index] = []
        self.curves: list[Curve | None] = []
        self.demand: list[Floats] = []
        self.reach: list[Matrix] = []
        self.start: list[Floats] = []
        self.links: list[Row] = []
        n, counted = len(self.lines), self.periods.counted
        self.term = np.full((n + 1, counted), -1, np.intp)
        self.warmed = np.full((n + 1, counted), -1, np.intp)
        self.season = np.array(
            [
                self.periods.values(line.demand, f"channels.{line.name}.demand")
                for line in self.lines
            ]
        )
        self.per_money = self._per_money()

    def _per_money(self) -> Floats:
        """What a unit of money buys, shape (n_lines, n_periods).

        Raises:
            PlanError: a price is so small or so large that this is no number.
        """
        with np.errstate(over="ignore", under="ignore", divide="ignore"):
            prices = np.array(
                [
                    self.periods.values(line.prices, f"channels.{line.name}.prices") * line.price
                    for line in self.lines
                ]
            )
            bought = 1.0 / prices[:, : self.periods.count]
        odd = np.flatnonzero(~(np.isfinite(bought) & (bought > 0)).all(axis=1))
        if len(odd):
            words = "is so small or so large that nothing can be reckoned with it"
            paths = [f"channels.{self.lines[at].name}.price" for at in odd.tolist()]
            raise PlanError([Fault(path, words, "Give the money per unit") for path in paths])
        return bought

    def flows(self) -> Flows:
        """The whole."""
        plan, n = self.plan, len(self.lines)
        self._cells()
        for index, line in enumerate(self.lines):
            if line.carryover is not None:
                self._exposure(index, line)
        filled = np.zeros(n, bool)
        if plan.goodwill is not None:
            filled = self._goodwill(plan.goodwill)
        linear = sum(len(part) for part in self.kinds) - self.n_cells
        warm = self._warm()
        limited = [] if plan.funnel is None else list(plan.funnel.capacity)
        for _ in limited:
            self._add(Kind.FOLLOWED, -1, np.ones(self.periods.counted), None)
        stages = () if plan.funnel is None else plan.funnel.stages
        goodwill = plan.goodwill
        fed = [line.outcome for line in self.lines]
        fed.append(None if goodwill is None else goodwill.outcome)
        return Flows(
            periods=self.periods,
            funnel=plan.funnel,
            kind=np.concatenate(self.kinds),
            line=np.concatenate(self.of_line),
            period=np.concatenate(self.of_period),
            curves=tuple(self.curves),
            per_money=np.concatenate(
                [self.per_money.ravel(), np.ones(sum(map(len, self.kinds)) - self.n_cells)]
            ),
            demand=np.concatenate(self.demand),
            term=self.term,
            warmed=self.warmed,
            feeds=np.array([-1 if stage is None else stages.index(stage) for stage in fed]),
            value=np.array([*(self._own_value(line) for line in self.lines), self._goodwill_value]),
            filled=filled,
            names=tuple(line.name for line in self.lines),
            reach=sparse.vstack(self.reach, format="csr")
            if self.reach
            else sparse.csr_array((linear, self.n_cells)),
            start=np.concatenate(self.start) if self.start else np.zeros(0),
            warm=warm,
            links=tuple(self.links),
        )

    def _own_value(self, line: Line) -> float:
        """Money per outcome that does not come from the funnel; NaN where it does."""
        if line.value is not None:
            return line.value
        return self.plan.value_of(line) if not self._in_funnel(line.outcome) else np.nan

    def _in_funnel(self, stage: str | None) -> bool:
        funnel = self.plan.funnel
        if funnel is None or stage is None or not funnel.value:
            return False
        return funnel.worth(stage) > 0 or self.plan.value is None

    @property
    def _goodwill_value(self) -> float:
        goodwill = self.plan.goodwill
        if goodwill is None or self._in_funnel(goodwill.outcome):
            return np.nan
        if goodwill.value is not None:
            return goodwill.value
        return np.nan if self.plan.value is None else self.plan.value

    def _add(self, kind: Kind, line: int, demand: Floats, curve: Curve | None) -> Index:
        """Columns for every counted period; where they are."""
        first, n = sum(len(part) for part in self.kinds), len(demand)
        self.kinds.append(np.full(n, kind, np.int8))
        self.of_line.append(np.full(n, line, np.intp))
        self.of_period.append(np.arange(n))
        self.curves += [curve] * n
        self.demand.append(demand)
        return np.arange(first, first + n)

    def _cells(self) -> None:
        n, planned = len(self.lines), self.periods.count
        for index, line in enumerate(self.lines):
            own = line.carryover is None
            place = self._add(
                Kind.CELL, index, self.season[index, :planned], line.curve if own else None
            )
            if own:
                self.term[index, :planned] = place
        assert sum(map(len, self.kinds)) == n * planned

    def _exposure(self, index: int, line: Line) -> None:
        """The exposure of a line with carry-over, from its own cells."""
        carryover = line.carryover
        assert carryover is not None
        counted, planned = self.periods.counted, self.periods.count
        column = self._add(Kind.EXPOSURE, index, self.season[index], line.curve)
        self.term[index] = column
        kernel = carryover.kernel(counted + _memory(carryover))
        before = self._before(line) / line.price
        start = np.array([_carried(kernel, before, s) for s in range(counted)])
        cells = index * planned + np.arange(planned)
        step, past = np.arange(counted)[:, None], np.arange(planned)
        left = np.where(step >= past, kernel[np.maximum(step - past, 0)], 0.0)
        own = sparse.csr_array(left * self.per_money[index])
        place, shape = (own.indices + cells[0], own.indptr), (counted, self.n_cells)
        matrix = sparse.csr_array((own.data, *place), shape=shape)
        self.reach.append(matrix)
        self.start.append(start)
        if isinstance(carryover, Geometric) and carryover.length is None:
            gain = (1.0 - carryover.rate) * self.per_money[index]
            into = [(cells[s : s + 1], gain[s : s + 1]) for s in range(planned)]
            self._recursion(line.name, column, carryover.rate, start[0], into)
            return
        for s in range(counted):
            low, high = matrix.indptr[s], matrix.indptr[s + 1]
            self._link(
                line.name, s, start[s], column[[s]], np.ones(1),
                matrix.indices[low:high].astype(np.intp), -matrix.data[low:high],
            )  # fmt: skip

    def _before(self, line: Line) -> Floats:
        """Spend before the plan, the latest first; a single number held for ever."""
        if line.before is None:
            return np.array([line.current or 0.0])
        if isinstance(line.before, tuple):
            return np.array([*reversed(line.before), 0.0])
        return np.array([line.before])

    def _goodwill(self, goodwill: Goodwill) -> Mask:
        counted, planned = self.periods.counted, self.periods.count
        every = np.ones(counted)
        column = self._add(Kind.GOODWILL, -1, every, goodwill.curve)
        self.term[-1] = column
        chosen = self.grid.select(goodwill.where)
        filled = np.asarray(chosen.reshape(-1, planned)[:, 0])
        feed = np.where(filled, 1.0, 0.0)
        for name, weight in goodwill.feeds.items():
            hit = self.grid.select({"name": (name,)}).reshape(-1, planned)[:, 0]
            feed[hit & filled] = weight
        rate, per_money = goodwill.rate, (self.per_money * feed[:, None])[filled]
        cells = (np.flatnonzero(filled)[:, None] * planned) + np.arange(planned)
        stock = self._stock_today(goodwill, filled, feed)
        step, past = np.arange(counted)[:, None], np.arange(planned)
        fading = np.where(step >= past, (1.0 - rate) * rate ** np.maximum(step - past, 0), 0.0)
        reach = np.zeros((counted, self.n_cells))
        for own, weight in zip(cells, per_money, strict=True):
            reach[:, own] = fading * weight
        reach[abs(reach) < _FADED] = 0.0
        self.reach.append(sparse.csr_array(reach))
        self.start.append(np.asarray(stock * rate ** np.arange(1, counted + 1), float))
        into = [(cells[:, s], (1.0 - rate) * per_money[:, s]) for s in range(planned)]
        self._recursion("goodwill", column, rate, rate * stock, into)
        return filled

    def _warm(self) -> Warm:
        """What meets people who know the brand, of every line that goodwill lifts."""
        lifts = {} if self.plan.goodwill is None else self.plan.goodwill.lifts
        parts = [
            self._warm_of(index, lifts[line.name])
            for index, line in enumerate(self.lines)
            if line.name in lifts
        ]
        if not parts:
            nowhere, nothing = np.zeros(0, np.intp), np.zeros(0)
            return Warm(nowhere, nowhere, nothing, nowhere, nothing)
        return Warm(*(np.concatenate(values) for values in zip(*parts, strict=True)))

    def _warm_of(self, index: int, lift: Lift) -> tuple[Index, Index, Floats, Index, Floats]:
        """The warm exposure of one line, in the order of the fields of :class:`Warm`."""
        line, source = self.lines[index], self.term[index][self.term[index] >= 0]
        n = len(source)
        column = self._add(Kind.WARM, index, lift.by * self.season[index, :n], line.curve)
        self.warmed[index, :n] = column
        per_unit = self.per_money[index] if line.carryover is None else np.ones(n)
        stock, reach = self.term[-1, :n], np.full(n, lift.reach)
        for s in range(n):
            label = f"{line.name} lifted {self.periods.labels[s]}"
            for limit, rate in ((source[s], per_unit[s]), (stock[s], reach[s])):
                spend = Sum(np.array([column[s], limit]), np.array([1.0, -rate]))
                row = Row(STOCK, label, Unit.MONEY, upper=0.0, spend=spend, definition=True)
                self.links.append(row)
        return column, source, per_unit, stock, reach

    def _stock_today(self, goodwill: Goodwill, filled: Mask, feed: Floats) -> float:
        if goodwill.start is not None:
            return goodwill.start
        kernel = Geometric(retention=goodwill.rate).kernel(_MEMORY)
        known = [_carried(kernel, self._before(line), -1) / line.price for line in self.lines]
        return float(feed[filled] @ np.array(known)[filled])

    def _recursion(
        self, name: str, column: Index, rate: float, first: float, into: list[tuple[Index, Floats]]
    ) -> None:
        """The stock of a period from that of the one before and the money of the period."""
        for s in range(len(column)):
            own, weight = into[s] if s < len(into) else (np.zeros(0, np.intp), np.zeros(0))
            held, share = (column[[s - 1]], np.array([-rate])) if s else (own[:0], weight[:0])
            self._link(
                name, s, 0.0 if s else first, column[[s]], np.ones(1),
                np.concatenate([held, own]), np.concatenate([share, -weight]),
            )  # fmt: skip

    def _link(
        self, name: str, step: int, value: float, own: Index, one: Floats, of: Index, weight: Floats
    ) -> None:
        index, data = np.concatenate([own, of]), np.concatenate([one, weight])
        self.links.append(
            Row(
                STOCK,
                f"{name} {self.periods.labels[step]}",
                Unit.MONEY,
                value,
                value,
                Sum(index, data),
                definition=True,
            )
        )


def _memory(carryover: Any) -> int:
    """Periods before the plan that may still matter."""
    if not isinstance(carryover, Geometric) or carryover.length is not None:
        return int(carryover.length)
    rate = max(carryover.rate, 1e-300)
    return min(int(np.ceil(np.log(_FADED) / np.log(rate))) + 1, _MEMORY)


def _carried(kernel: Floats, before: Floats, step: int) -> float:
    """What is left in a period of spend before the plan, the latest first, its last for ever."""
    left = kernel[step + 1 :]
    n = min(len(left), len(before) - 1)
    rest = 1.0 - kernel[: step + 1 + n].sum()  # weights add up to one
    return float(left[:n] @ before[:n] + max(rest, 0.0) * before[-1])
