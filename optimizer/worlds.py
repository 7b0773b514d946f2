"""A plan's question in every world that may be: the arrays of a problem, draw by draw.

All worlds have the same columns and rules; what a curve returns, what an outcome is worth, what
media cost and how stocks follow from money may differ. Compiling a plan a thousand times is slow,
and seldom needed: numbers mostly enter the arrays as factors or summands. So each is asked alone at
three places, the arrays of a draw are put together from that, and some draws are compiled in full
to see that this is right; where it is not, all are.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.errors import Fault, PlanError
from optimizer.plan.curves import Floats
from optimizer.plan.document import from_document, to_document
from optimizer.plan.paths import assign, expand, number_at
from optimizer.plan.plan import Plan
from optimizer.plan.table import LineTable
from optimizer.plan.uncertainty import Drawn
from optimizer.problem import CurveTable, Problem, compile_plan

__all__ = ["Counts", "Reading", "Worlds"]

Index = NDArray[np.intp]

# What of a line may be uncertain; what else it has are decisions and rules.
_OF_LINES = {"curve", "price", "value", "demand", "prices", "carryover", "before"}
_OF_PLANS = {"value", "funnel", "goodwill", "objective"}
# Arrays put together are right where draws compiled in full differ by no more than this share.
_SAME = 1e-9
_TRIED = 5
# Curvature is taken between two slopes this share of the exposure apart from where it is asked.
_STEP = 1e-4


@dataclass(frozen=True, eq=False)
class _Parts:
    """The arrays of one compiled plan that may differ between worlds, in one vector.

    ``shape`` says what must be the same for vectors to be alike.
    """

    vector: Floats
    shape: tuple[Any, ...]

    @classmethod
    def of(cls, problem: Problem, *, counted: bool = False) -> _Parts:
        arrays = [*_arrays(problem), *(_counts(problem) if counted else ())]
        vector = np.concatenate([np.ravel(values) for _, values in arrays])
        return cls(vector, tuple((name, np.size(values)) for name, values in arrays))


def _arrays(problem: Problem) -> Iterator[tuple[str, Floats]]:
    """What may differ between worlds, by name and in a fixed order."""
    for number, (kind, _, parameters) in enumerate(problem.curves.families):
        for place, values in enumerate(parameters):
            yield f"curves {number} {kind.__name__} {place}", values
    for place, x, y in problem.curves.points:
        yield f"points {place} x", x
        yield f"points {place} y", y
    yield "weights", problem.weights
    yield "price", problem.price
    yield "exposure", problem.exposure
    flows = problem.grid.flows
    if flows is None:
        return
    reach = flows.reach.toarray()
    yield "reach", reach[reach != 0]
    yield "start", flows.start
    for number, stage in enumerate(flows.limited):
        yield f"terms {number}", stage.terms.tocsr().data
        yield f"columns {number}", stage.columns.tocsr().data
        yield f"capacity {number}", np.where(np.isfinite(stage.capacity), stage.capacity, 1e300)


def _counts(problem: Problem) -> Iterator[tuple[str, Floats]]:
    """How outcomes are counted and what they are worth, by name and in a fixed order.

    Per stage of the funnel, and in money, how much a unit of each term and of each column is;
    last what a line's own outcomes are per unit of each term.
    """
    grid = problem.grid
    for name in _stages(problem):
        terms, columns = grid.counts(name or None)
        yield f"terms of {name}", terms
        yield f"columns of {name}", columns
    if not np.isnan(grid.value).any():
        terms, columns = grid.worths()
        yield "money of terms", terms
        yield "money of columns", columns
    yield "season", np.ones(problem.n_columns) if grid.flows is None else grid.flows.demand


def _stages(problem: Problem) -> list[str]:
    """The stages of the funnel; one without a name where there is none."""
    flows = problem.grid.flows
    if flows is not None and flows.funnel is not None:
        return list(flows.funnel.stages)
    return list(problem.grid.stages) or [""]


@dataclass(frozen=True, eq=False)
class Counts:
    """How outcomes are counted in every world; arrays of shape (n_worlds or 1, n_columns)."""

    stages: Mapping[str, tuple[Floats, Floats]]
    """Units of each stage per unit of each term and of each column."""
    money: tuple[Floats, Floats] | None
    """Money per unit of each term and of each column; None where a line has no value."""
    season: Floats
    """A line's own outcomes per unit of each term."""
    line: Index
    """The line whose term each column is; −1 for none (goodwill, what sales follow up)."""
    n_lines: int

    def by_line(self, values: Floats) -> Floats:
        """Values of terms, (n_worlds, n_columns), added up by line, (n_worlds, n_lines)."""
        own = np.flatnonzero(self.line >= 0)
        return _summed(values[:, own], self.line[own], self.n_lines)


@dataclass(frozen=True, eq=False)
class Reading:
    """What a spend brings in every world."""

    objective: Floats
    """Shape (n_worlds,)."""
    stages: Mapping[str, Floats]
    """Units of each stage that are followed up, each of shape (n_worlds,)."""
    money: Floats | None
    """Value of all outcomes, shape (n_worlds,); None where a line has no value."""
    line_outcomes: Floats
    """Each line's own outcomes, shape (n_worlds, n_lines)."""
    line_money: Floats | None
    """What they are worth; goodwill is no line's. Shape (n_worlds, n_lines)."""


class _Map:
    """A linear map with one pattern and, maybe, other weights in every world."""

    def __init__(self, pattern: Any, data: Floats) -> None:
        """*data* has shape (nnz,) or (n_worlds, nnz)."""
        self.matrix = sparse.csr_array(pattern)
        self.data = data
        self.alike = data.ndim == 1
        self.row = np.repeat(np.arange(self.matrix.shape[0]), np.diff(self.matrix.indptr))

    def __call__(self, x: Floats) -> Floats:
        """The map of rows of *x*, (n_in,) or (n_worlds, n_in), in every world."""
        if self.alike:
            return np.asarray((self.matrix @ x.T).T, float)
        return _summed(self.data * x[..., self.matrix.indices], self.row, self.matrix.shape[0])

    def back(self, y: Floats) -> Floats:
        """The transposed map of rows of *y*, (n_worlds, n_out)."""
        if self.alike:
            return np.asarray((self.matrix.T @ y.T).T, float)
        into = np.asarray(self.matrix.indices, np.intp)
        return _summed(self.data * y[:, self.row], into, self.matrix.shape[1])


def _summed(parts: Floats, into: Index, n: int) -> Floats:
    """Columns of *parts* added up by the number each goes *into*, shape (n_worlds, n)."""
    adder = sparse.csr_array((np.ones(len(into)), (np.arange(len(into)), into)), (len(into), n))
    return np.asarray(parts @ adder, float)


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
    reach: _Map | None
    start: Floats
    stages: tuple[tuple[Index, _Map, _Map, Floats], ...]
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
        return _Builder(plan, counted=counted).worlds(count, points)

    @staticmethod
    def paths(plan: Plan) -> dict[str, str]:
        """Every number of a plan that is uncertain, to the path it was written as.

        Raises:
            PlanError: nothing is uncertain, or what is cannot be.
        """
        return _Builder(plan).paths

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
        return _Builder(plan).at(numbers)

    @classmethod
    def ends(cls, plan: Plan) -> Mapping[str, Mapping[str, tuple[float, float]]]:
        """Stated limits by number, and for each single path that it moves, in its own unit."""
        return _Builder(plan).ends()

    @classmethod
    def stated(cls, plan: Plan) -> Mapping[str, float]:
        """Every single number as the plan states it, by its path."""
        return _Builder(plan).stated()

    @property
    def n(self) -> int:
        """How many worlds there are."""
        return len(self.weight)

    @property
    def shares_stocks(self) -> bool:
        """Whether stocks are the same in every world: then worlds differ in their terms alone."""
        return (self.reach is None or self.reach.alike) and not self.stages

    def only(self, index: Index) -> Worlds:
        """Some of the worlds, their weights made to add up to one."""

        def taken(values: Floats) -> Floats:
            return values[index] if len(values) == self.n else values

        maps = [m for m in (self.reach, *(m for s in self.stages for m in s[1:3])) if m is not None]
        picked = {id(m): m if m.alike else _Map(m.matrix, m.data[index]) for m in maps}
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
    def _builder(self) -> _Builder:
        return _Builder(self.plan)

    def read(self, cells: Floats) -> Reading:
        """What a spend brings in every world, by stage and by line.

        Where a stage loses what is beyond its capacity every source loses the same share.
        """
        counts = self.counts
        assert counts is not None  # these worlds were made with counted=True
        columns, terms = self._filled(np.asarray(cells, float))
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
        return self._filled(np.asarray(cells, float))[0]

    def _filled(self, cells: Floats) -> tuple[Floats, Floats]:
        """Columns and their terms in every world."""
        n = self.problem.n_cells
        columns = np.zeros((self.n, self.problem.n_columns))
        columns[:, :n] = cells[..., :n]
        if self.reach is not None:
            linear = n + self.start.shape[-1]
            columns[:, n:linear] = self.reach(cells[..., :n]) + self.start
        terms = self.curves.outcome(self.exposure * columns)
        for where, on_terms, on_columns, capacity in self.stages:
            came = on_terms(terms) + on_columns(columns)
            columns[:, where] = np.minimum(came, capacity)
        return columns, terms

    def values(self, cells: Floats) -> Floats:
        """What a spend is worth in every world, fines of soft rules not taken off, (n_worlds,)."""
        columns, terms = self._filled(np.asarray(cells, float))
        return np.asarray((self.weights * terms).sum(1) - (self.price * columns).sum(1), float)

    def gradient(self, cells: Floats, share: Floats) -> Floats:
        """Σₛ shareₛ·∇Vₛ in the spend of cells, shape (n_cells,)."""
        return np.asarray(share @ self.gradients(cells), float)

    def gradients(self, cells: Floats) -> Floats:
        """∇Vₛ in the spend of cells, shape (n_worlds, n_cells)."""
        columns, _ = self._filled(np.asarray(cells, float))
        on_terms, on_columns = self._on(columns)
        with np.errstate(invalid="ignore"):
            slope = self.exposure * self.curves.slope(self.exposure * columns)
            on_columns = on_columns + np.where(on_terms == 0, 0.0, on_terms * slope)
        n = self.problem.n_cells
        if self.reach is None:
            return on_columns[:, :n]
        linear = n + self.start.shape[-1]
        return np.asarray(on_columns[:, :n] + self.reach.back(on_columns[:, n:linear]), float)

    def _on(self, columns: Floats) -> tuple[Floats, Floats]:
        """What an outcome of each term, and a unit of each column, is worth; (n_worlds, n)."""
        on_terms = np.broadcast_to(self.weights, columns.shape).copy()
        on_columns = -np.broadcast_to(self.price, columns.shape)
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
        columns, _ = self._filled(np.asarray(cells, float))
        on_terms, _ = self._on(columns)
        exposure = self.exposure * columns
        step = _STEP * exposure + 1e-300
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            fall = self.curves.slope(exposure - step) - self.curves.slope(exposure + step)
            bends = share @ np.nan_to_num(on_terms * self.exposure**2 * fall / (2.0 * step))
        bends, n = np.maximum(np.nan_to_num(bends, posinf=0.0), 0.0), self.problem.n_cells
        if self.reach is None:
            return np.diag(bends[:n])
        data = self.reach.data if self.reach.alike else self.weight @ self.reach.data
        pattern = self.reach.matrix
        reach = sparse.csr_array((data, pattern.indices, pattern.indptr), pattern.shape)
        on_stocks = sparse.diags_array(bends[n : n + reach.shape[0]])
        return np.asarray((reach.T @ on_stocks @ reach).toarray() + np.diag(bends[:n]), float)


class _Builder:
    """Draws, and puts the arrays of the draws together."""

    def __init__(self, plan: Plan, *, counted: bool = False) -> None:
        self.counted = counted
        if plan.uncertainty is None or not (plan.uncertainty.numbers or plan.uncertainty.states):
            advice = "Give uncertainty: {numbers: {value: {between: [*0.8, *1.2]}}}"
            raise PlanError(Fault("uncertainty", "nothing is uncertain", advice))
        if isinstance(plan.lines, LineTable):
            raise PlanError(Fault("uncertainty", "a table of lines is taken as stated", "Drop it"))
        self.plan, self.uncertainty = plan, plan.uncertainty
        # Rules that hang on what is uncertain are kept for the numbers as stated.
        self.document = to_document(replace(plan, uncertainty=None, risk=None, commitment=None))
        self.paths = self._paths()

    def _paths(self) -> dict[str, str]:
        """Every single path to the one it was written as."""
        faults: list[Fault] = []
        found: dict[str, str] = {}
        for own, item in self.uncertainty.numbers.items():
            for path in self._places(own, f"uncertainty.numbers.{own}", faults):
                if path in found:
                    faults.append(
                        Fault(f"uncertainty.numbers.{own}", f"{path} is there twice", "Drop one")
                    )
                elif not item.times and "*" in own and item.draws is None:
                    words = "several places cannot share limits in money or outcomes"
                    advice = "Write factors: between: [*0.8, *1.2]"
                    faults.append(Fault(f"uncertainty.numbers.{own}", words, advice))
                    break
                else:
                    found[path] = own
        for name, state in self.uncertainty.states.items():
            for own in state.set:
                self._places(own, f"uncertainty.states.{name}.set.{own}", faults)
        if faults:
            raise PlanError(faults)
        return found

    def _places(self, own: str, where: str, faults: list[Fault]) -> list[str]:
        try:
            places = expand(self.document, own)
        except PlanError as error:
            faults += [replace(fault, path=where) for fault in error.faults]
            return []
        if "*" in own:
            places = [path for path in places if number_at(self.document, path) is not None]
        if not places or any(number_at(self.document, path) is None for path in places):
            faults.append(Fault(where, "is no number", "Name one that the plan states"))
            return []
        for path in places:
            words = path.split(".")
            top = words[0]
            allowed = top in _OF_PLANS or (top == "channels" and bool(set(words[2:4]) & _OF_LINES))
            if not allowed:
                advice = "Uncertain may be curves, prices, values, demand, carry-over, the funnel"
                advice += ", goodwill and the margin; make a what-if of anything else"
                faults.append(Fault(where, "is for the plan to decide, or a rule", advice))
                return []
        return places

    def worlds(self, count: int | None, points: Floats | None = None) -> Worlds:
        """All of it."""
        drawn = self.uncertainty.drawn(self.paths, count, points)
        values = {path: self._absolute(path, drawn.values[path]) for path in self.paths}
        return self._made(values, drawn)

    def at(self, numbers: Mapping[str, Floats]) -> Worlds:
        """Worlds with such numbers, in no named state."""
        count = len(next(iter(numbers.values())))
        stated = self.stated()
        values = {
            path: np.asarray(numbers.get(path, np.full(count, stated[path])), float)
            for path in self.paths
        }
        drawn = Drawn(values, np.full(count, -1, np.intp), np.full(count, 1.0 / count))
        return self._made(values, drawn)

    def stated(self) -> dict[str, float]:
        """The numbers as the plan has them."""
        known = {path: number_at(self.document, path) for path in self.paths}
        return {path: value for path, value in known.items() if value is not None}

    def ends(self) -> dict[str, dict[str, tuple[float, float]]]:
        """The limits of every number: as stated for it, or its least and greatest draw."""
        found: dict[str, dict[str, tuple[float, float]]] = {}
        for path, own in self.paths.items():
            item = self.uncertainty.numbers[own]
            low, high = item.between or (min(item.draws or ()), max(item.draws or ()))
            low = low if item.least is None else max(low, item.least)
            high = high if item.most is None else min(high, item.most)
            low, high = self._absolute(path, np.array([low, high])).tolist()
            found.setdefault(own if item.shared else path, {})[path] = (low, high)
        return found

    def _made(self, values: Mapping[str, Floats], drawn: Drawn) -> Worlds:
        """Worlds with such numbers and states."""
        problem = self.compiled({}, -1)
        base = _Parts.of(problem, counted=self.counted)
        vectors = self._put_together(base, values, drawn.state)
        if vectors is None:
            vectors = np.array(
                [
                    self._vector(base, {p: v[s] for p, v in values.items()}, int(drawn.state[s]))
                    for s in range(len(drawn.weight))
                ]
            )
        return _assembled(self.plan, problem, values, drawn, vectors, counted=self.counted)

    def _absolute(self, path: str, values: Floats) -> Floats:
        """Draws in the unit of the number itself."""
        if not self.uncertainty.numbers[self.paths[path]].times:
            return values
        standing = number_at(self.document, path)
        assert standing is not None  # _places has asked
        return values * standing

    def _set(self, numbers: Mapping[str, Any], state: int) -> dict[str, Any]:
        document = copy.deepcopy(self.document)
        for path, value in numbers.items():
            assign(document, path, float(value))
        if state >= 0:
            for path, value in [*self.uncertainty.states.values()][state].set.items():
                assign(document, path, value)
        return document

    def compiled(self, numbers: Mapping[str, Any], state: int) -> Problem:
        """One world, compiled.

        Raises:
            PlanError: a draw is no number that may stand there.
        """
        try:
            return compile_plan(from_document(self._set(numbers, state)))
        except PlanError as error:
            told = ", ".join(f"{path} = {value:.6g}" for path, value in numbers.items())
            advice = "Narrow the range, or give it least and most"
            raise PlanError(
                [replace(f, problem=f"{f.problem} (in a draw: {told})", advice=advice)
                 for f in error.faults]
            ) from None  # fmt: skip

    def _vector(self, base: _Parts, numbers: Mapping[str, Any], state: int) -> Floats:
        parts = _Parts.of(self.compiled(numbers, state), counted=self.counted)
        if parts.shape != base.shape:
            words = "changes which periods are tied together, not only how strongly"
            raise PlanError(Fault("uncertainty", words, "Make a what-if of it"))
        return parts.vector

    def _put_together(
        self, base: _Parts, values: Mapping[str, Floats], state: NDArray[np.intp]
    ) -> Floats | None:
        """The arrays of every draw from what each number alone does to them, or None.

        Where several numbers move one entry their factors multiply, or their differences add up;
        whichever is right for the draws that are tried in full.
        """
        n = len(state)
        product = np.tile(base.vector, (n, 1))
        total = product.copy()
        for path, drawn in values.items():
            found = self._response(base, path, drawn)
            if found is None:
                return None
            where, moved = found
            total[:, where] += moved - base.vector[where]
            product[:, where] *= _ratio(moved, base.vector[where])
        for number in range(len(self.uncertainty.states)):
            there = state == number
            if there.any():
                changed = self._vector(base, {}, number)
                total[there] += changed - base.vector
                product[there] *= _ratio(changed, base.vector)
        tried = np.unique(np.linspace(0, n - 1, _TRIED).astype(int))
        true = np.array(
            [self._vector(base, {p: v[s] for p, v in values.items()}, int(state[s])) for s in tried]
        )
        multiplies = np.isclose(product[tried], true, rtol=_SAME, atol=0.0).all(axis=0)
        adds = np.isclose(total[tried], true, rtol=_SAME, atol=0.0).all(axis=0)
        if not np.all(multiplies | adds):
            return None
        return np.where(multiplies, product, total)

    def _response(self, base: _Parts, path: str, drawn: Floats) -> tuple[Index, Floats] | None:
        """Which entries a number moves, and what they are at its draws, (n_draws, n_entries).

        None where an entry is neither straight in the number nor in one over it.
        """
        low, high = float(drawn.min()), float(drawn.max())
        middle = (low + high) / 2
        a, b, c = (self._vector(base, {path: place}, -1) for place in (low, middle, high))
        moved = np.flatnonzero((a != base.vector) | (c != base.vector) | (b != a))
        a, b, c = a[moved], b[moved], c[moved]
        straight = abs((a + c) / 2 - b) <= _SAME * abs(b)
        by_inverse = np.zeros(len(moved), bool)
        if low > 0:
            weight = (1 / middle - 1 / high) / max(1 / low - 1 / high, 1e-300)
            by_inverse = abs(c + weight * (a - c) - b) <= _SAME * abs(b)
        if not np.all(straight | by_inverse):
            return None
        share = ((drawn - low) / max(high - low, 1e-300))[:, None]
        if low <= 0:
            return moved, a + share * (c - a)
        inverse = ((1 / drawn - 1 / high) / max(1 / low - 1 / high, 1e-300))[:, None]
        return moved, np.where(straight, a + share * (c - a), c + inverse * (a - c))


def _ratio(vector: Floats, base: Floats) -> Floats:
    """vector / base; 1 where both are nothing, and no number where only one of them is."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(vector == base, 1.0, vector / base), float)


def _assembled(
    plan: Plan,
    problem: Problem,
    values: Mapping[str, Floats],
    drawn: Drawn,
    vectors: Floats,
    *,
    counted: bool = False,
) -> Worlds:
    """Vectors taken apart again."""
    parts: dict[str, Floats] = {}
    first = 0
    for name, own in [*_arrays(problem), *(_counts(problem) if counted else ())]:
        last = first + np.size(own)
        parts[name] = vectors[:, first:last]
        first = last
    named = iter([parts[name] for name in parts if name.startswith("curves ")])
    curves = problem.curves.changed(lambda _: next(named))
    flows, reach, start = problem.grid.flows, None, np.zeros((1, 0))
    stages: list[tuple[Index, _Map, _Map, Floats]] = []
    if flows is not None:
        reach, start = _map(flows.reach, parts["reach"]), parts["start"]
        for number, stage in enumerate(flows.limited):
            capacity = parts[f"capacity {number}"]
            stages.append(
                (
                    stage.column,
                    _map(stage.terms, parts[f"terms {number}"]),
                    _map(stage.columns, parts[f"columns {number}"]),
                    np.where(capacity < 1e299, capacity, np.inf),
                )
            )
    for place, *_ in problem.curves.points:
        for axis in "xy":
            if np.ptp(parts[f"points {place} {axis}"], axis=0).any():
                raise PlanError(
                    Fault("uncertainty", "a curve of points is taken as stated", "Scale value")
                )
    return Worlds(
        plan=plan,
        problem=problem,
        numbers=values,
        state=drawn.state,
        weight=drawn.weight,
        curves=curves,
        weights=_shared(parts["weights"]),
        price=_shared(parts["price"]),
        exposure=_shared(parts["exposure"]),
        reach=reach,
        start=_shared(start),
        stages=tuple(stages),
        counts=_counted(problem, parts) if counted else None,
    )


def _counted(problem: Problem, parts: Mapping[str, Floats]) -> Counts:
    """How outcomes are counted, from the arrays of all worlds."""
    grid = problem.grid
    line = np.arange(problem.n_columns)
    if grid.flows is not None:
        line = np.full(problem.n_columns, -1)
        for source, columns in enumerate(grid.flows.term[:-1]):
            line[columns[columns >= 0]] = source
    money = None
    if "money of terms" in parts:
        money = (_shared(parts["money of terms"]), _shared(parts["money of columns"]))
    return Counts(
        stages={
            name: (_shared(parts[f"terms of {name}"]), _shared(parts[f"columns of {name}"]))
            for name in _stages(problem)
        },
        money=money,
        season=_shared(parts["season"]),
        line=line,
        n_lines=grid.n_lines,
    )


def _shared(rows: Floats) -> Floats:
    """One row where all are the same."""
    return rows[:1] if len(rows) > 1 and not np.ptp(rows, axis=0).any() else rows


def _map(pattern: Any, data: Floats) -> _Map:
    matrix = sparse.csr_array(pattern)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return _Map(matrix, data[0] if not np.ptp(data, axis=0).any() else data)
