"""A problem in every world: what a spend is worth there, and how that changes with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.plan.curves import Floats
from optimizer.plan.flows import Warm
from optimizer.plan.plan import Plan
from optimizer.problem import CurveTable, Problem

from .maps import Index, Map, summed
from .reading import Counts, Reading

if TYPE_CHECKING:
    from .drawing import Builder

__all__ = ["Worlds"]

# Curvature is taken between two slopes this share of the exposure apart from where it is asked.
_STEP = 1e-4


@dataclass(frozen=True, eq=False)
class Warmth:
    """What meets people who know the brand, w = min(exposure, reach · goodwill), in every world."""

    of: Warm
    """The columns that it is about, each shape (n_warm,)."""
    per_unit: Floats
    """Exposure per unit of the column that holds it, (n_worlds or 1, n_warm)."""
    reach: Floats
    """Exposure per unit of goodwill, likewise."""

    def only(self, index: Index) -> Warmth:
        """That of some worlds."""
        per_unit, reach = (v if len(v) == 1 else v[index] for v in (self.per_unit, self.reach))
        return Warmth(self.of, per_unit, reach)

    @property
    def is_alike(self) -> bool:
        """Whether it follows in the same way in all worlds."""
        return len(self.per_unit) == len(self.reach) == 1

    def fill(self, columns: Floats) -> None:
        """Put it into *columns*, (n_worlds, n_columns), that have all it follows from."""
        columns[:, self.of.column] = np.minimum(*self._limits(columns))

    def pass_on(self, gain: Floats, columns: Floats, power: int = 1) -> Floats:
        """*gain* per unit of each column, with that of warm columns at what they follow from.

        Where exposure and goodwill end together either would do, and exposure is said to lack.
        Derivatives of a second order go with the square of what a unit adds: *power* 2.
        """
        shown, known = self._limits(columns)
        lacks, own = shown <= known, gain[:, self.of.column]
        n = gain.shape[1]
        on_source = summed(np.where(lacks, own * self.per_unit**power, 0.0), self.of.source, n)
        on_goodwill = summed(np.where(lacks, 0.0, own * self.reach**power), self.of.goodwill, n)
        return np.asarray(gain + on_source + on_goodwill, float)

    def _limits(self, columns: Floats) -> tuple[Floats, Floats]:
        shown = self.per_unit * columns[:, self.of.source]
        return shown, self.reach * columns[:, self.of.goodwill]


@dataclass(frozen=True, eq=False)
class Worlds:
    """A problem in every world; arrays have a world in each row."""

    plan: Plan
    problem: Problem
    """With the numbers as stated."""
    numbers: Mapping[str, Floats]
    """Every uncertain number by its path, shape (n_worlds,)."""
    state: NDArray[np.intp]
    """Which of the named states each world is in, −1 for none."""
    weight: Floats
    """Probabilities, shape (n_worlds,)."""
    curves: CurveTable
    """With parameters of shape (n_worlds, n)."""
    weights: Floats
    price: Floats
    exposure: Floats
    reach: Map | None
    start: Floats
    warm: Warmth | None
    stages: tuple[tuple[Index, Map, Map, Floats], ...]
    """Columns, arrivals per term and per column, and capacity of stages with a limit."""
    counts: Counts | None = None
    """How outcomes are counted, where that was asked for."""

    @classmethod
    def of(
        cls,
        plan: Plan,
        count: int | None = None,
        *,
        counted: bool = False,
        points: Floats | None = None,
    ) -> Worlds:
        """The worlds of a plan with ``uncertainty``.

        Args:
            plan: The question.
            count: How many draws instead of those the plan asks for.
            counted: Whether stages and lines are to be counted by :meth:`read`.
            points: Points of the draws, as :meth:`Uncertainty.points` makes them.

        Raises:
            PlanError: nothing is uncertain, or what is cannot be.
        """
        return _builder(plan, counted=counted).worlds(count, points)

    @staticmethod
    def paths(plan: Plan) -> dict[str, str]:
        """Every number of a plan that is uncertain, to the path it was written as.

        Raises:
            PlanError: nothing is uncertain, or what is cannot be.
        """
        return _builder(plan).paths

    @classmethod
    def at(cls, plan: Plan, numbers: Mapping[str, Floats]) -> Worlds:
        """The worlds in which uncertain numbers are as given, each as likely.

        Args:
            plan: The question.
            numbers: Values in the numbers' own units by single path, shape (n_worlds,); a number
                that is left out is as stated.

        Raises:
            PlanError: as for :meth:`of`.
        """
        return _builder(plan).at(numbers)

    @classmethod
    def ends(cls, plan: Plan) -> Mapping[str, Mapping[str, tuple[float, float]]]:
        """Stated limits by number, and for each single path that it moves, in its own unit."""
        return _builder(plan).ends()

    @classmethod
    def stated(cls, plan: Plan) -> Mapping[str, float]:
        """Every single number as the plan states it, by its path."""
        return _builder(plan).stated()

    @property
    def n(self) -> int:
        """How many worlds there are."""
        return len(self.weight)

    @property
    def shares_stocks(self) -> bool:
        """Whether stocks are the same in every world: then worlds differ in their terms alone."""
        alike = (self.reach is None or self.reach.alike) and len(self.start) == 1
        return alike and (self.warm is None or self.warm.is_alike) and not self.stages

    def only(self, index: Index) -> Worlds:
        """Some of the worlds, their weights made to add up to one."""

        def taken(values: Floats) -> Floats:
            return values[index] if len(values) == self.n else values

        maps = [m for m in (self.reach, *(m for s in self.stages for m in s[1:3])) if m is not None]
        picked = {id(m): m if m.alike else Map(m.matrix, m.data[index]) for m in maps}
        weight = self.weight[index]
        return replace(
            self,
            numbers={path: values[index] for path, values in self.numbers.items()},
            state=self.state[index],
            weight=weight / weight.sum(),
            curves=self.curves.changed(lambda values: values[index]),
            weights=taken(self.weights),
            price=taken(self.price),
            exposure=taken(self.exposure),
            reach=None if self.reach is None else picked[id(self.reach)],
            start=taken(self.start),
            warm=None if self.warm is None else self.warm.only(index),
            stages=tuple(
                (column, picked[id(a)], picked[id(b)], taken(capacity))
                for column, a, b, capacity in self.stages
            ),
            counts=None,
        )

    def average(self, share: Floats) -> Problem:
        """One problem between worlds: their arrays (or numbers) averaged with weights *share*.

        Where worlds differ by factors of what lines bring this has their expected value; where
        curves bend otherwise it is near it.
        """
        share = share / share.sum()
        if not self.shares_stocks:
            state = int(np.bincount(self.state + 1, share).argmax()) - 1
            means = {path: float(share @ values) for path, values in self.numbers.items()}
            return self._builder.compiled(means, state)

        def mean(values: Floats) -> Floats:
            return np.asarray(values[0] if len(values) == 1 else share @ values, float)

        return self._with(self.curves.changed(lambda values: share @ values), mean)

    def world(self, number: int) -> Problem:
        """The problem of one world. Its rules hold, as a rule on outcomes does, in that world."""
        if not self.shares_stocks:
            numbers = {path: values[number] for path, values in self.numbers.items()}
            return self._builder.compiled(numbers, int(self.state[number]))
        curves = self.curves.changed(lambda values: values[number])
        return self._with(curves, lambda values: values[number if len(values) > 1 else 0])

    def _with(self, curves: CurveTable, one: Callable[[Floats], Floats]) -> Problem:
        """The problem with other curves, and one row of every array that worlds differ in."""
        return replace(
            self.problem,
            curves=curves,
            weights=one(self.weights),
            price=one(self.price),
            exposure=one(self.exposure),
        )

    @cached_property
    def _builder(self) -> Builder:
        return _builder(self.plan)

    def read(self, cells: Floats) -> Reading:
        """What a spend brings in every world, by stage and by line.

        Where a stage loses what is beyond its capacity every source loses the same share.
        """
        counts = self.counts
        assert counts is not None  # these worlds were made with counted=True
        columns = self.columns(cells)
        terms = self._terms(columns)
        objective = (self.weights * terms).sum(1) - (self.price * columns).sum(1)
        money = by_line = None
        if counts.money is not None:
            worth = self._worth_of_terms(columns, terms, *counts.money)
            money = (worth * terms).sum(1)
            by_line = counts.by_line(worth * terms)
        return Reading(
            objective=objective,
            stages={
                name: (on_terms * terms).sum(1) + (on_columns * columns).sum(1)
                for name, (on_terms, on_columns) in counts.stages.items()
            },
            money=money,
            line_outcomes=counts.by_line(counts.season * terms),
            line_money=by_line,
        )

    def _worth_of_terms(
        self, columns: Floats, terms: Floats, on_terms: Floats, on_columns: Floats
    ) -> Floats:
        """Money per unit of each term, what it is worth further on among it."""
        on_terms = np.broadcast_to(on_terms, columns.shape).copy()
        on_columns = np.broadcast_to(on_columns, columns.shape).copy()
        for where, from_terms, others, _ in reversed(self.stages):
            came = from_terms(terms) + others(columns)
            kept = columns[:, where] / np.where(came > 0, came, 1.0)
            passed = kept * on_columns[:, where]
            on_terms += from_terms.back(passed)
            on_columns[:, where] = 0.0
            on_columns += others.back(passed)
        return on_terms

    def columns(self, cells: Floats) -> Floats:
        """All columns that follow from the spend of cells, shape (n_worlds, n_columns)."""
        columns = self._columns(np.asarray(cells, float))
        return np.array(np.broadcast_to(columns, (self.n, columns.shape[1])))

    def _columns(self, cells: Floats) -> Floats:
        """The same; one row where all worlds have the same columns."""
        alike = self.shares_stocks and cells.ndim == 1
        n = self.problem.n_cells
        columns = np.zeros((1 if alike else self.n, self.problem.n_columns))
        columns[:, :n] = cells[..., :n]
        if self.reach is not None:
            linear = n + self.start.shape[-1]
            columns[:, n:linear] = self.reach(cells[..., :n]) + self.start
        if self.warm is not None:
            self.warm.fill(columns)
        if self.stages:
            terms = self._terms(columns)
            for where, on_terms, on_columns, capacity in self.stages:
                came = on_terms(terms) + on_columns(columns)
                columns[:, where] = np.minimum(came, capacity)
        return columns

    def _terms(self, columns: Floats) -> Floats:
        """The outcomes of all columns, shape (n_worlds, n_columns)."""
        return self.curves.outcome(self.exposure * columns)

    def values(self, cells: Floats) -> Floats:
        """What a spend is worth in every world, fines of soft rules not taken off, (n_worlds,)."""
        columns = self._columns(np.asarray(cells, float))
        gained = (self.weights * self._terms(columns)).sum(1)
        return np.asarray(gained - (self.price * columns).sum(1), float)

    def gradient(self, cells: Floats, share: Floats) -> Floats:
        """Σₛ shareₛ·∇Vₛ in the spend of cells, shape (n_cells,)."""
        on_columns = self._on_all(cells)
        if self.reach is not None and not self.reach.alike:
            return np.asarray(share @ self._back(on_columns), float)
        # What stocks pass on to cells is the same in all worlds, so that their mean will do.
        mean = np.asarray(share @ on_columns, float)
        return np.asarray(self._back(mean[None])[0], float)

    def gradients(self, cells: Floats) -> Floats:
        """∇Vₛ in the spend of cells, shape (n_worlds, n_cells)."""
        return self._back(self._on_all(cells))

    def _on_all(self, cells: Floats) -> Floats:
        """What a unit of each cell and linear stock adds, all else that follows among it."""
        columns = self._columns(np.asarray(cells, float))
        on_terms, on_columns = self._on(columns)
        with np.errstate(invalid="ignore"):
            slope = self.exposure * self.curves.slope(self.exposure * columns)
            on_columns = on_columns + np.where(on_terms == 0, 0.0, on_terms * slope)
        return on_columns if self.warm is None else self.warm.pass_on(on_columns, columns)

    def _back(self, on_columns: Floats) -> Floats:
        """What a unit of each cell adds, with what its stocks do."""
        n = self.problem.n_cells
        if self.reach is None:
            return on_columns[:, :n]
        linear = n + self.start.shape[-1]
        return np.asarray(on_columns[:, :n] + self.reach.back(on_columns[:, n:linear]), float)

    def _on(self, columns: Floats) -> tuple[Floats, Floats]:
        """What an outcome of each term, and a unit of each column, is worth; (n_worlds or 1, n)."""
        if not self.stages:
            return self.weights, -self.price
        shape = (self.n, columns.shape[1])
        on_terms = np.array(np.broadcast_to(self.weights, shape))
        on_columns = -np.broadcast_to(self.price, shape)
        for where, terms, others, capacity in reversed(self.stages):
            open_ = columns[:, where] < capacity
            passed = np.where(open_, on_columns[:, where], 0.0)
            on_terms += terms.back(passed)
            on_columns = on_columns + others.back(passed)
        return on_terms, on_columns

    def bend(self, cells: Floats, share: Floats) -> Floats:
        """−Σₛ shareₛ·∇²Vₛ in the spend of cells, shape (n_cells, n_cells).

        Upward bends are left out; where stocks differ between worlds they follow as on average.
        """
        columns = self._columns(np.asarray(cells, float))
        on_terms, _ = self._on(columns)
        exposure = self.exposure * columns
        step = _STEP * exposure + 1e-300
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            fall = self.curves.slope(exposure - step) - self.curves.slope(exposure + step)
            each = np.nan_to_num(on_terms * self.exposure**2 * fall / (2.0 * step))
        if self.warm is not None:
            each = self.warm.pass_on(each, columns, power=2)
        bends = share @ each
        bends, n = np.maximum(np.nan_to_num(bends, posinf=0.0), 0.0), self.problem.n_cells
        if self.reach is None:
            return np.diag(bends[:n])
        data = self.reach.data if self.reach.alike else self.weight @ self.reach.data
        pattern = self.reach.matrix
        reach = sparse.csr_array((data, pattern.indices, pattern.indptr), pattern.shape)
        on_stocks = bends[n : n + reach.shape[0], None] * reach.toarray()
        return np.asarray(reach.T @ on_stocks + np.diag(bends[:n]), float)


def _builder(plan: Plan, *, counted: bool = False) -> Builder:
    """Who draws the worlds of a plan; it makes worlds itself, so it is known here by name only."""
    from .drawing import Builder

    return Builder(plan, counted=counted)
