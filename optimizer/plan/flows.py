"""What follows from spend over time: carry-over, goodwill, and the way through the funnel.

Columns of a problem are first the *cells* (line × period, money), then the *stocks* that follow
from them: the exposure of a line with carry-over, goodwill, what of a line's exposure meets people
who know the brand, and the units of a stage with limited capacity that are followed up. Every
column may have a curve, whose outcome is the column's *term*:

    exposure    eᵢₛ = Σₙ kₙ · xᵢ,ₛ₋ₙ / priceᵢ,ₛ₋ₙ + what earlier spend still does
    goodwill    Gₛ = r · Gₛ₋₁ + (1 − r) · Σᵢ feedᵢ · xᵢₛ / priceᵢₛ
    warm        wᵢₛ = min(eᵢₛ, reachᵢ · Gₛ)
    followed up hₛ = min(capacityₛ, Σ demand · terms of the stage + rate · what the stage before
                     followed up, delayed)

The first two are linear in spend. The others may be stated as ≤, as no more is gained by meeting
fewer such people or following up less. Counts of a stage in a period are linear in terms and
columns, so targets, caps and values at any stage are rows and weights on them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.errors import Fault, PlanError, UnknownName

from .curves import Curve, Floats
from .funnel import Funnel
from .grid import Row, Sum, Unit, sum_of
from .periods import ONE, Periods

if TYPE_CHECKING:
    from .plan import Plan

__all__ = ["CAPACITY", "STOCK", "Flows", "Kind", "has_flows"]

STOCK = "stock"
"""Name of the conditions that say what a stock is."""
CAPACITY = "capacity"
"""First word of the rule that a stage follows up no more than it can; the stage is the second."""

Index = NDArray[np.intp]
Mask = NDArray[np.bool_]
Matrix = Any  # scipy's sparse arrays have no common type with addition

# Exposure and what goodwill can warm are even within this share of their size.
_EVEN = 1e-9


class Kind(IntEnum):
    """What a column of a problem is."""

    CELL = 0
    EXPOSURE = 1
    GOODWILL = 2
    WARM = 3
    FOLLOWED = 4


class Outcomes(Protocol):
    """Whoever knows the curves of all columns."""

    def outcome(self, exposure: Floats) -> Floats:
        """f(e), shape (n_columns,)."""


@dataclass(frozen=True, eq=False)
class Stage:
    """A stage with limited capacity: h = min(capacity, terms·t + columns·h), per period."""

    column: Index
    """Its columns, shape (counted,)."""
    terms: Matrix
    """Arrivals per term, shape (counted, n_columns)."""
    columns: Matrix
    """Arrivals per column, shape (counted, n_columns)."""
    capacity: Floats


@dataclass(frozen=True, eq=False)
class Warm:
    """What of lines' exposures meets people who know the brand: w = min(exposure, reach · G)."""

    column: Index
    """Its columns, shape (n_warm,)."""
    source: Index
    """The column that holds each exposure, a cell or a stock, shape (n_warm,)."""
    per_unit: Floats
    """Exposure per unit of that column, shape (n_warm,)."""
    goodwill: Index
    """Goodwill of the same period, shape (n_warm,)."""
    reach: Floats
    """Exposure per unit of goodwill, shape (n_warm,)."""

    def limits(self, columns: Floats) -> tuple[Floats, Floats]:
        """All that each line shows, and all that goodwill can warm, both (n_warm,)."""
        return self.per_unit * columns[self.source], self.reach * columns[self.goodwill]


def has_flows(plan: Plan) -> bool:
    """Whether a plan needs more columns or terms than its lines."""
    from .constraints import CostCap

    marginal = any(isinstance(rule, CostCap) and rule.marginal for rule in plan.constraints)
    if plan.periods is not None or plan.goodwill is not None or marginal:
        return True
    return plan.funnel is not None and bool(plan.funnel.capacity)


@dataclass(frozen=True, eq=False)
class Flows:
    """Columns, what defines the stocks among them, and how outcomes are counted."""

    periods: Periods
    funnel: Funnel | None
    kind: NDArray[np.int8]
    """What each column is, shape (n_columns,)."""
    line: Index
    """The line of each column; −1 for goodwill and stages."""
    period: Index
    """The period of each column."""
    curves: tuple[Curve | None, ...]
    """The curve of each column; None where it has none."""
    per_money: Floats
    """Exposure per unit of each column: one over the media price for cells, else 1."""
    demand: Floats
    """Outcomes counted per outcome of each term: the season."""
    term: Index
    """The column whose term is a line's outcome in a period, shape (n_lines + 1, counted); the last
    row is goodwill's. −1 where there is none."""
    warmed: Index
    """The column whose term is what goodwill adds to a line's outcome in a period, and −1 where it
    adds nothing; like ``term``."""
    feeds: Index
    """Which stage each source feeds, shape (n_lines + 1,); −1 without a funnel."""
    value: Floats
    """Money per outcome that a source states itself, shape (n_lines + 1,); NaN: the funnel's."""
    filled: Mask
    """The lines that fill goodwill, shape (n_lines,)."""
    names: tuple[str, ...]
    """The lines by name."""
    reach: Matrix
    """Linear stocks per unit of money in each cell, shape (n_linear, n_cells)."""
    start: Floats
    """What the linear stocks hold of money spent before the plan, shape (n_linear,)."""
    warm: Warm
    """What meets people who know the brand."""
    links: tuple[Row, ...]
    """The conditions that define all stocks but stages, in the order of their columns."""

    @property
    def n_lines(self) -> int:
        """How many lines there are."""
        return len(self.filled)

    @property
    def n_cells(self) -> int:
        """How many cells there are."""
        return self.n_lines * self.periods.count

    @property
    def n_columns(self) -> int:
        """How many columns there are."""
        return len(self.kind)

    # ------------------------------------------------------------------------------------------
    # Counting outcomes

    def direct(self, stage: int | None, sources: Mask) -> Matrix:
        """Outcomes that *sources* bring to a stage by themselves, shape (counted, n_columns).

        *sources* has shape (n_lines + 1,), the last goodwill; None for the stage counts all.
        """
        chosen = sources if stage is None else sources & (self.feeds == stage)
        columns, periods = [], []
        for term in (self.term, self.warmed):
            source, period = np.nonzero(chosen[:, None] & (term >= 0))
            columns.append(term[source, period])
            periods.append(period)
        column, period = np.concatenate(columns), np.concatenate(periods)
        shape = (self.periods.counted, self.n_columns)
        return sparse.csr_array((self.demand[column], (period, column)), shape)

    def arrivals(self, stage: int, sources: Mask) -> tuple[Matrix, Matrix]:
        """Units of a stage per term and per column, by period, both (counted, n_columns)."""
        terms = self.direct(stage, sources)
        columns = sparse.csr_array(terms.shape)
        if stage == 0:
            return terms, columns
        assert self.funnel is not None
        name = self.funnel.stages[stage - 1]
        before = self.followed(stage - 1, sources)
        onward = self.funnel.rates[name] * self._delay(name)
        return terms + onward @ before[0], columns + onward @ before[1]

    def followed(self, stage: int, sources: Mask) -> tuple[Matrix, Matrix]:
        """Units of a stage that are followed up: all that arrive, but for its capacity."""
        found = next((s for s in self.stages if s[0] == stage), None)
        if found is None:
            return self.arrivals(stage, sources)
        if not sources[(self.feeds >= 0) & (self.term.max(axis=1) >= 0)].all():
            assert self.funnel is not None
            name = self.funnel.stages[stage]
            raise PlanError(
                Fault(
                    "",
                    f"what passes the capacity of {name} cannot be told apart by line",
                    f"Drop where, count a stage before {name}, or drop its capacity",
                )
            )
        terms = sparse.csr_array((self.periods.counted, self.n_columns))
        period = np.arange(self.periods.counted)
        ones = np.ones(self.periods.counted)
        return terms, sparse.csr_array((ones, (period, found[1])), terms.shape)

    def _delay(self, stage: str) -> Matrix:
        """Shares that go on from one period to another, shape (counted, counted)."""
        assert self.funnel is not None
        shares, n = self.funnel.waiting(stage), self.periods.counted
        lags = [lag for lag in range(min(len(shares), n)) if shares[lag]]
        if not lags:
            return sparse.csr_array((n, n))
        return sparse.diags_array(
            [shares[lag] * np.ones(n - lag) for lag in lags],
            offsets=[-lag for lag in lags],
            shape=(n, n),
        ).tocsr()

    @cached_property
    def stages(self) -> tuple[tuple[int, Index], ...]:
        """Stages with a capacity, and their columns."""
        where = np.flatnonzero(self.kind == Kind.FOLLOWED)
        if self.funnel is None or not where.size:
            return ()
        limited = [s for s, name in enumerate(self.funnel.stages) if name in self.funnel.capacity]
        return tuple(zip(limited, where.reshape(len(limited), -1), strict=True))

    @cached_property
    def limited(self) -> tuple[Stage, ...]:
        """The stages with a capacity, first to last."""
        every = np.ones(self.n_lines + 1, bool)
        found = []
        for stage, column in self.stages:
            assert self.funnel is not None
            name = self.funnel.stages[stage]
            capacity = self.periods.values(
                self.funnel.capacity[name], f"funnel.capacity.{name}", np.inf
            )
            found.append(Stage(column, *self.arrivals(stage, every), capacity))
        return tuple(found)

    def counted(self, stage: str | None, cells: Mask) -> tuple[Sum, Sum]:
        """How many units of a stage some cells bring: sums over columns and over terms.

        Outcomes count in the periods that *cells* names; those after the plan's end if it names
        every period.
        """
        sources, when = self._meant(cells)
        if stage is None:
            terms: Matrix = self.direct(None, sources)
            columns: Matrix = sparse.csr_array(terms.shape)
        else:
            terms, columns = self.followed(self.stage(stage), sources)
        return sum_of(columns.T @ when), sum_of(terms.T @ when)

    def _meant(self, cells: Mask) -> tuple[Mask, Floats]:
        """The sources of outcomes that some cells mean, and which periods count (1 or 0)."""
        by_line = cells.reshape(self.n_lines, self.periods.count)
        sources = np.append(by_line.any(axis=1), False)
        sources[-1] = bool(self.filled.any()) and bool(sources[:-1][self.filled].all())
        when = np.zeros(self.periods.counted)
        when[: self.periods.count] = by_line.any(axis=0)
        when[self.periods.count :] = when[: self.periods.count].all()
        return sources, when

    def working(self, stage: str | None, cells: Mask) -> Iterator[tuple[int, Any, float, float]]:
        """Column, curve, exposure per unit, and units of a stage per outcome of some lines."""
        columns, terms = self.counted(stage, cells)
        if columns:
            raise PlanError(
                Fault(
                    "",
                    "what the next outcome costs beyond a stage with a capacity depends on all",
                    "Cap a stage before it, or the average cost",
                )
            )
        counts = terms.dense(self.n_columns)
        if counts[self.warm.column].any():
            raise PlanError(
                Fault(
                    "",
                    "what the next outcome of a line costs that goodwill lifts depends on goodwill",
                    "Cap lines without a lift, or the average cost",
                )
            )
        for column in np.flatnonzero(counts):
            yield int(column), self.curves[column], float(self.per_money[column]), counts[column]

    def label(self, column: int) -> str:
        """A column in words: its line and period."""
        name = "goodwill" if self.line[column] < 0 else self.names[self.line[column]]
        label = self.periods.labels[self.period[column]] if self.periods is not ONE else ""
        return f"{name} {label}".strip()

    def stage(self, name: str) -> int:
        """The place of a stage; an error where there is none of that name."""
        known = () if self.funnel is None else self.funnel.stages
        if name not in known:
            raise UnknownName.of("stage", name, known)
        return known.index(name)

    # ------------------------------------------------------------------------------------------
    # Money

    @cached_property
    def worths(self) -> tuple[Floats, Floats]:
        """Money, in today's worth, per outcome of each term and per unit of each column."""
        return self._money(np.ones(self.n_lines + 1, bool), self.periods.worth)

    def valued(self, cells: Mask) -> tuple[Sum, Sum]:
        """Money, in today's worth, that some cells bring: sums over columns and over terms."""
        sources, when = self._meant(cells)
        terms, columns = self._money(sources, when * self.periods.worth)
        return sum_of(columns), sum_of(terms)

    def _money(self, sources: Mask, worth: Floats) -> tuple[Floats, Floats]:
        terms, columns = np.zeros(self.n_columns), np.zeros(self.n_columns)
        own = ~np.isnan(self.value)
        for source in np.flatnonzero(own & sources):
            for term in (self.term[source], self.warmed[source]):
                there = term >= 0
                column = term[there]
                terms[column] += self.value[source] * worth[there] * self.demand[column]
        if self.funnel is None or not self.funnel.value:
            return terms, columns
        if own.any() and self.stages:
            raise PlanError(
                Fault(
                    "funnel.capacity",
                    "some lines have a value of their own, so that what a lost unit is worth is "
                    "not known",
                    "Drop value on the lines, or the capacity",
                )
            )
        for name, value in self.funnel.values(self.periods.discount).items():
            on_terms, on_columns = self.followed(self.stage(name), self._mixed(sources & ~own))
            terms += value * (on_terms.T @ worth)
            columns += value * (on_columns.T @ worth)
        return terms, columns

    # ------------------------------------------------------------------------------------------
    # What follows from spend

    def lift(self, cells: Floats, curves: Outcomes) -> Floats:
        """All columns that follow from the spend of cells, shape (n_columns,)."""
        columns = np.zeros(self.n_columns)
        n, linear = self.n_cells, self.n_cells + self.reach.shape[0]
        columns[:n] = cells
        columns[n:linear] = self.reach @ cells + self.start
        columns[self.warm.column] = np.minimum(*self.warm.limits(columns))
        if self.limited:
            terms = curves.outcome(self.per_money * columns)
            for stage in self.limited:
                came = stage.terms @ terms + stage.columns @ columns
                columns[stage.column] = np.minimum(came, stage.capacity)
        return columns

    def highest(self, upper: Floats, budget: float, curves: Outcomes) -> Floats:
        """What no column can exceed: cells their maxima, stocks what all money in one cell fills.

        Shape (n_columns,), from maxima of cells, shape (n_cells,).
        """
        columns = self.lift(upper, curves)
        n, linear = self.n_cells, self.n_cells + self.reach.shape[0]
        if linear > n and np.isfinite(budget):
            most = np.asarray(self.reach.max(axis=1).toarray(), float).ravel() * budget
            columns[n:linear] = np.minimum(columns[n:linear], most + self.start)
        columns[self.warm.column] = np.minimum(*self.warm.limits(columns))
        terms = curves.outcome(self.per_money * columns)
        for stage in self.limited:  # a capacity is a rule, which has a price, and no bound
            columns[stage.column] = stage.terms @ terms + stage.columns @ columns
        return columns

    def gradient(self, terms: Floats, columns: Floats, at: Floats, slope: Floats) -> Floats:
        """What a unit of money in each cell adds, all that follows from it included.

        Args:
            terms: Gain per outcome of each term, shape (…, n_columns).
            columns: Gain per unit of each column, like *terms*.
            at: The columns as they are.
            slope: Outcomes per unit of each column.

        Returns:
            Shape (…, n_cells).
        """
        terms, columns = terms.astype(float), columns.astype(float)
        for stage in reversed(self.limited):
            # At its capacity a stage takes no more.
            open_ = at[stage.column] < stage.capacity
            passed = np.where(open_, columns[..., stage.column], 0.0)
            terms += passed @ stage.terms
            columns += passed @ stage.columns
        with np.errstate(invalid="ignore"):
            columns += np.where(terms == 0, 0.0, terms * slope)
        self._pass_on_warmth(columns, at)
        n, linear = self.n_cells, self.n_cells + self.reach.shape[0]
        return np.asarray(columns[..., :n] + columns[..., n:linear] @ self.reach, float)

    def _pass_on_warmth(self, columns: Floats, at: Floats) -> None:
        """Give what warm exposure gains to whichever it lacks; where both end, neither alone."""
        warm = self.warm
        shown, known = warm.limits(at)
        gain, room = columns[..., warm.column], _EVEN * np.maximum(shown, known)
        for lacks, column, per_unit in (
            (shown < known - room, warm.source, warm.per_unit),
            (known < shown - room, warm.goodwill, warm.reach),
        ):
            into: Any = (..., column[lacks])
            np.add.at(columns, into, gain[..., lacks] * per_unit[lacks])

    # ------------------------------------------------------------------------------------------
    # Telling what each line brings

    def brought(self, terms: Floats) -> Floats:
        """Outcomes of each source by period, shape (n_lines + 1, counted), goodwill's last."""
        there = self.term >= 0
        return np.where(there, (self.demand * terms)[self.term], 0.0) + self.lifted(terms)

    def lifted(self, terms: Floats) -> Floats:
        """Those among them that a source brings only as goodwill lifts it, like :meth:`brought`."""
        return np.where(self.warmed >= 0, (self.demand * terms)[self.warmed], 0.0)

    def passed(self, terms: Floats, columns: Floats) -> tuple[Floats, Floats]:
        """Units of each stage that arrive and that are followed up, both (n_stages, counted)."""
        if self.funnel is None:
            return np.zeros((0, self.periods.counted)), np.zeros((0, self.periods.counted))
        every = np.ones(self.n_lines + 1, bool)
        arrived: list[Floats] = []
        followed: list[Floats] = []
        for stage in range(len(self.funnel.stages)):
            for matrices, found in (
                (self.arrivals(stage, every), arrived),
                (self.followed(stage, every), followed),
            ):
                found.append(matrices[0] @ terms + matrices[1] @ columns)
        return np.array(arrived), np.array(followed)

    def delivered(self, terms: Floats, columns: Floats) -> Floats:
        """Units of each stage that each source brings and that are followed up.

        Shape (n_stages, n_lines + 1, counted), goodwill's last among the sources. Where a stage
        loses what is beyond its capacity, every source loses the same share; summed over sources
        it is what :meth:`passed` has as followed up.
        """
        assert self.funnel is not None
        brought, result = self.brought(terms), []
        before = np.zeros(brought.shape)
        arrived, followed = self.passed(terms, columns)
        for stage in range(len(self.funnel.stages)):
            came = np.where((self.feeds == stage)[:, None], brought, 0.0)
            if stage:
                earlier = self.funnel.stages[stage - 1]
                came += self.funnel.rates[earlier] * (self._delay(earlier) @ before.T).T
            lost = arrived[stage] > followed[stage]
            before = came * np.where(
                lost, followed[stage] / np.where(lost, arrived[stage], 1.0), 1.0
            )
            result.append(before)
        return np.array(result)

    def earned(self, terms: Floats, columns: Floats) -> Floats:
        """Money, in today's worth, that each source brings by the period of its outcomes.

        Shape (n_lines + 1, counted). Where a stage loses what is beyond its capacity, every source
        loses the same share.
        """
        worth, brought = self.periods.worth, self.brought(terms)
        own = ~np.isnan(self.value)
        money = np.where(own[:, None], np.nan_to_num(self.value)[:, None] * worth, 0.0)
        if self.funnel is not None:
            per_unit = self._worth_of_arrivals(*self.passed(terms, columns))
            fed = ~own & (self.feeds >= 0)
            money[fed] = per_unit[self.feeds[fed]]
        return np.asarray(brought * money, float)

    def income(self, terms: Floats, columns: Floats) -> Floats:
        """Money, in today's worth, by the period in which it comes, shape (counted,)."""
        own, worth = ~np.isnan(self.value), self.periods.worth
        stated = np.nan_to_num(self.value)[:, None] * self.brought(terms)
        money = np.where(own[:, None], stated, 0.0).sum(axis=0)
        if self.funnel is not None:
            for name, value in self.funnel.values(self.periods.discount).items():
                on_terms, on_columns = self.followed(self.stage(name), self._mixed(~own))
                money += value * (on_terms @ terms + on_columns @ columns)
        return np.asarray(money * worth, float)

    def _mixed(self, sources: Mask) -> Mask:
        """Those sources, and such as bring nothing, which may as well be asked."""
        return np.asarray(sources | (self.term.max(axis=1) < 0), bool)

    def _worth_of_arrivals(self, arrived: Floats, followed: Floats) -> Floats:
        """Money per unit that arrives at each stage in each period, (n_stages, counted)."""
        assert self.funnel is not None
        stages, worth = self.funnel.stages, self.periods.worth
        values = self.funnel.values(self.periods.discount)
        result = np.zeros(arrived.shape)
        for stage in range(len(stages) - 1, -1, -1):
            name = stages[stage]
            onward: Any = 0.0
            if stage + 1 < len(stages):
                onward = self.funnel.rates[name] * (self._delay(name).T @ result[stage + 1])
            lost = arrived[stage] > followed[stage]
            kept = np.where(lost, followed[stage] / np.where(lost, arrived[stage], 1.0), 1.0)
            result[stage] = kept * (values.get(name, 0.0) * worth + onward)
        return result

    @property
    def goodwill(self) -> Index:
        """The columns of goodwill, shape (counted,); empty without."""
        return np.flatnonzero(self.kind == Kind.GOODWILL)

    def fill(self, cells: Floats) -> Floats:
        """How much of goodwill each line's planned money makes up, (n_lines, counted)."""
        where = self.goodwill - self.n_cells
        by_cell = self.reach[where].toarray() * cells
        return np.asarray(by_cell.reshape(len(where), self.n_lines, -1).sum(axis=2).T, float)

    @property
    def rows(self) -> list[Row]:
        """What defines the stocks, and the capacities as rules."""
        rows = list(self.links)
        for (stage, _), limited in zip(self.stages, self.limited, strict=True):
            assert self.funnel is not None
            name = self.funnel.stages[stage]
            for period, column in enumerate(limited.column):
                label = "" if self.periods is ONE else self.periods.labels[period]
                unit = np.zeros(self.n_columns)
                unit[column] = 1.0
                came = limited.columns[[period]].toarray()[0]
                rows.append(
                    Row(
                        STOCK,
                        f"{name} {label}".strip(),
                        Unit.OUTCOMES,
                        upper=0.0,
                        spend=sum_of(unit - came),
                        outcomes=sum_of(-limited.terms[[period]].toarray()[0]),
                        definition=True,
                    )
                )
                if np.isfinite(limited.capacity[period]):
                    rows.append(
                        Row(
                            f"{CAPACITY} {name}",
                            label,
                            Unit.OUTCOMES,
                            upper=float(limited.capacity[period]),
                            spend=sum_of(unit),
                        )
                    )
        return rows
