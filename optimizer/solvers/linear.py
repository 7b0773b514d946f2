"""The linear part of a problem, through PuLP to HiGHS: the only place that imports either.

PuLP states the model (and writes it as an LP file); HiGHS, which PuLP loads with it, then stays
warm while cuts and bounds come and go. Everything is scaled here, so that neither the unit of money
nor that of outcomes matters: spend by the largest amount, outcomes by what each curve can reach,
each row and the objective by their own size. The model is a minimisation of the negative, as the
sign of a maximisation's dual prices differs between versions of PuLP.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.errors import SolverFailed
from optimizer.plan.curves import Floats
from optimizer.problem import Need, Problem

from .settle import settle
from .solution import Clock, Duals, Options, Solution, Status, Warm, relative_gap

__all__ = ["Linear", "LinearPart", "Relaxed", "write_lp"]

Index = NDArray[np.intp]

# HiGHS's tightest useful tolerances: below them its own arithmetic is the limit.
_FEASIBILITY = 1e-9
# How far scales may move before a model is better stated anew.
_NEAR_ONE = 16.0


@dataclass(frozen=True, eq=False)
class Relaxed:
    """The optimum of the linear part, in the problem's own units."""

    status: Status
    spend: Floats
    outcomes: Floats
    switches: Floats
    value: float
    """Upper bound on the objective, given valid cuts."""
    rows: Floats
    """Gain per unit by which each row's limit is moved up."""


@dataclass(frozen=True, eq=False)
class _Scales:
    """How the problem's units are turned into numbers near one."""

    columns: Floats
    outcomes: Floats
    rows: Floats
    objective: float

    @classmethod
    def of(cls, problem: Problem) -> _Scales:
        reach = problem.outcomes(problem.upper)
        outcomes = np.where(reach > 0, reach, 1.0)
        # Spend by a period's budget, as beside bounds far above it a cent would be nothing; stocks,
        # which may be few leads, each by its own size.
        columns = np.where(problem.upper > 0, problem.upper, 1.0)
        columns[: problem.n_cells] = problem.money or 1.0
        spend = abs(problem.rows.spend) @ sparse.diags_array(columns)
        units = abs(problem.rows.outcomes)
        sizes = [spend, units @ sparse.diags_array(outcomes), abs(problem.rows.switches)]
        largest = [
            matrix.max(axis=1).toarray().ravel() if matrix.nnz else np.zeros(len(problem.rows))
            for matrix in sizes
        ]
        rows = np.maximum.reduce(largest) if len(problem.rows) else np.zeros(0)
        objective = max(
            float((abs(problem.weights) * outcomes).max(initial=0.0)),
            float((abs(problem.price) * columns).max(initial=0.0)),
        )
        return cls(columns, outcomes, np.where(rows > 0, rows, 1.0), objective or 1.0)

    def suit(self, other: _Scales) -> bool:
        """Whether numbers that *other* would bring near one stay near one by these."""
        pairs = (
            (self.columns, other.columns),
            (self.outcomes, other.outcomes),
            (self.rows, other.rows),
            (self.objective, other.objective),
        )
        return all(
            bool(np.all((np.divide(a, b) < _NEAR_ONE) & (np.divide(b, a) < _NEAR_ONE)))
            for a, b in pairs
        )


def _at_work(problem: Problem) -> NDArray[np.bool_]:
    """Which terms the objective or a row looks at."""
    seen = (problem.weights != 0) | (abs(problem.rows.outcomes).sum(axis=0) > 0)
    return np.asarray(seen, bool)


def _restatable(old: Problem, new: Problem) -> bool:
    """Whether a model made for one problem has the columns of the other, and all its limits."""
    a, b = old.rows, new.rows
    # What was stated as an equality is one row, which takes limits on both sides.
    equal = a.lower == a.upper if len(a) == len(b) else np.zeros(len(b), bool)
    return (
        old.n_columns == new.n_columns
        and np.array_equal(_at_work(old), _at_work(new))
        and old.switches == new.switches
        and (a.rule, a.part) == (b.rule, b.part)
        and np.array_equal(a.penalty, b.penalty, equal_nan=True)
        and bool(np.all(np.isneginf(b.lower) | np.isfinite(a.lower) | equal))
        and bool(np.all(np.isposinf(b.upper) | np.isfinite(a.upper) | equal))
    )


class LinearPart:
    """A problem without its curves: spend, outcomes and switches under the rows, and cuts on top.

    Outcomes are limited only by the cuts given with :meth:`cut`; without any they are limited by
    what each curve can reach at the line's upper bound.
    """

    def __init__(self, problem: Problem, worth: float | None = None) -> None:
        """*worth* is the size of the objective, where planes alone say what it is."""
        import pulp

        self.problem = self._made_for = problem
        self.scales = scales = _Scales.of(problem)
        if worth is not None:
            self.scales = scales = replace(scales, objective=worth)
        self._above, self._planes = -1, list[int]()
        self.at_work = _at_work(problem)
        self.model = pulp.LpProblem("adsplit", pulp.LpMinimize)
        n, low, high = problem.n_columns, problem.lower, problem.upper
        x = [
            self._variable(f"x{i}", low[i] / scales.columns[i], high[i] / scales.columns[i])
            for i in range(n)
        ]
        reach = problem.outcomes(problem.upper) / scales.outcomes
        t = {int(k): self._variable(f"t{k}", 0.0, reach[k]) for k in np.flatnonzero(self.at_work)}
        s = [self._variable(f"s{j}", 0, 1, "Integer") for j in range(len(problem.switches))]
        violations: list[tuple[Any, float]] = []
        self._row_of: list[int] = []
        # Whether each is the lower limit alone of its row, or the upper one alone.
        self._sides: list[tuple[bool, bool]] = []
        self._state_rows(x, t, s, violations, pulp)
        objective = [-problem.weights[k] * scales.outcomes[k] / scales.objective * t[k] for k in t]
        cost = problem.price * scales.columns / scales.objective
        objective += [float(cost[i]) * x[i] for i in np.flatnonzero(cost)]
        objective += [fine * v for v, fine in violations]
        self.model.setObjective(pulp.lpSum(objective))
        self._keep_all_columns([*x, *t.values(), *s], pulp)
        self._load(pulp)
        names = {name: position for position, name in enumerate(self._columns)}
        self._x = np.array([names[f"x{i}"] for i in range(n)], np.int32)
        self._t = np.full(n, -1, np.int32)
        self._t[list(t)] = [names[f"t{k}"] for k in t]
        self._s = np.array([names[f"s{j}"] for j in range(len(s))], np.int32)
        self._integer = False
        self._n_rows = self._highs.getNumRow()
        self.n_cuts = 0
        if s:
            self._set_integer(integer=False)

    @classmethod
    def of(cls, problem: Problem, warm: Warm | None) -> LinearPart:
        """The linear part of *problem*: the one kept in *warm*, restated, where that can be."""
        if warm is None:
            return cls(problem)
        if warm.part is None or not warm.part.restate(problem):
            warm.part = cls(problem)
        return warm.part

    def restate(self, problem: Problem) -> bool:
        """Make this the linear part of *problem*, cuts dropped; whether that was possible.

        It is where the model has all columns and limits of *problem*; limits may be missing there.
        HiGHS keeps its basis, so that the next optimum is a few steps from the last.
        """
        old, new, scales = self.problem, problem, _Scales.of(problem)
        if not _restatable(self._made_for, new) or not self.scales.suit(scales):
            return False
        self.drop_cuts()
        if self._integer:
            self._set_integer(integer=False)
        self._change_coefficients(old.rows.spend, new.rows.spend, self._x, self.scales.columns)
        outcomes = self.scales.outcomes
        self._change_coefficients(old.rows.outcomes, new.rows.outcomes, self._t, outcomes)
        self._change_coefficients(old.rows.switches, new.rows.switches, self._s, 1.0)
        self._change_objective(old, new)
        for position, row in enumerate(self._row_of):
            if row < 0 or (old.rows.lower[row], old.rows.upper[row]) == (
                new.rows.lower[row],
                new.rows.upper[row],
            ):
                continue
            low = new.rows.lower[row] / self.scales.rows[row]
            high = new.rows.upper[row] / self.scales.rows[row]
            only_low, only_high = self._sides[position]
            self._highs.changeRowBounds(
                position, -np.inf if only_high else low, np.inf if only_low else high
            )
        self.problem = new
        none, all_on = np.zeros(len(new.switches)), np.ones(len(new.switches))
        self.bound(new.lower, new.upper, none, all_on, new.outcomes(new.upper))
        return True

    def _change_coefficients(
        self,
        old: sparse.csr_array,
        new: sparse.csr_array,
        columns: NDArray[np.int32],
        unit: Floats | float,
    ) -> None:
        change, row_of = (new - old).tocoo(), np.array(self._row_of)
        size = unit[change.col] if isinstance(unit, np.ndarray) else unit
        values = np.asarray(new[change.row, change.col]) * size / self.scales.rows[change.row]
        for row, column, value in zip(change.row, change.col, values, strict=True):
            for position in np.flatnonzero(row_of == row):
                self._highs.changeCoeff(int(position), int(columns[column]), float(value))

    def _change_objective(self, old: Problem, new: Problem) -> None:
        scales = self.scales
        for columns, change, value in (
            (self._t, new.weights - old.weights, -new.weights * scales.outcomes),
            (self._x, new.price - old.price, new.price * scales.columns),
        ):
            for place in np.flatnonzero((change != 0) & (columns >= 0)):
                self._highs.changeColCost(
                    int(columns[place]), float(value[place] / scales.objective)
                )

    def _variable(self, name: str, low: float, high: float, category: str = "Continuous") -> Any:
        import pulp

        low_, high_ = float(low), float(high)
        if hasattr(self.model, "add_variable"):  # PuLP 4
            return self.model.add_variable(name, low_, high_, category)
        variable = pulp.LpVariable(name, low_, high_, category)
        self.model.addVariable(variable)
        return variable

    def _state_rows(
        self,
        x: list[Any],
        t: dict[int, Any],
        s: list[Any],
        violations: list[tuple[Any, float]],
        pulp: Any,
    ) -> None:
        problem, scales = self.problem, self.scales
        rows = problem.rows
        for r in range(len(rows)):
            size = scales.rows[r]
            terms = []
            for matrix, variables, unit in (
                (rows.spend, x, scales.columns),
                (rows.outcomes, t, scales.outcomes),
                (rows.switches, s, 1.0),
            ):
                start, end = matrix.indptr[r], matrix.indptr[r + 1]
                for column, weight in zip(
                    matrix.indices[start:end], matrix.data[start:end], strict=True
                ):
                    factor = unit[column] if isinstance(unit, np.ndarray) else unit
                    terms.append(float(weight * factor / size) * variables[int(column)])
            low, high = rows.lower[r] / size, rows.upper[r] / size
            left = pulp.lpSum(terms)
            if rows.soft[r]:
                fine = float(rows.penalty[r] * size / scales.objective)
                for sign, limit in ((1.0, low), (-1.0, high)):
                    if np.isfinite(limit):
                        v = self._variable(f"v{len(violations)}", 0.0, 1e9)
                        violations.append((v, fine))
                        left = left + sign * v
            if low == high:
                self._add(left == low, r)
                continue
            if np.isfinite(low):
                self._add(left >= low, r, (True, False))
            if np.isfinite(high):
                self._add(left <= high, r, (False, True))

    def _add(self, condition: Any, row: int, one_sided: tuple[bool, bool] = (False, False)) -> None:
        self.model += (condition, f"r{len(self._row_of)}")
        self._row_of.append(row)
        self._sides.append(one_sided)

    def _keep_all_columns(self, variables: list[Any], pulp: Any) -> None:
        """PuLP leaves out variables that no row names; a row without a limit names them all."""
        exported = getattr(self.model, "exported_variables", self.model.variables)
        used = {variable.name for variable in exported()}
        lost = [variable for variable in variables if variable.name not in used]
        if lost or not self._row_of:
            self._add(pulp.lpSum(lost or variables) >= -1e20, -1)

    def _load(self, pulp: Any) -> None:
        backend = pulp.HiGHS(msg=False)
        backend.createAndConfigureSolver(self.model)
        backend.buildSolverModel(self.model)
        highs = self.model.solverModel
        for option, value in (
            ("primal_feasibility_tolerance", _FEASIBILITY),
            ("dual_feasibility_tolerance", _FEASIBILITY),
            ("mip_feasibility_tolerance", _FEASIBILITY),
            ("threads", 1),
        ):
            highs.setOptionValue(option, value)
        self._highs = highs
        exported = getattr(self.model, "exported_variables", self.model.variables)
        self._columns = [variable.name for variable in exported()]

    def _set_integer(self, *, integer: bool) -> None:
        import highspy

        kind = highspy.HighsVarType.kInteger if integer else highspy.HighsVarType.kContinuous
        for column in self._s:
            self._highs.changeColIntegrality(int(column), kind)
        self._integer = integer

    def bound(
        self, low: Floats, high: Floats, switch_low: Floats, switch_high: Floats, reach: Floats
    ) -> None:
        """Set the bounds of spend and switches, and what each curve can reach within them."""
        size = self.scales.columns
        self._change(self._x, low / size, high / size)
        work = self._t >= 0
        top = (reach / self.scales.outcomes)[work]
        self._change(self._t[work], np.zeros(len(top)), top)
        self._change(self._s, switch_low, switch_high)

    def _change(self, columns: NDArray[np.int32], low: Floats, high: Floats) -> None:
        if len(columns):
            self._highs.changeColsBounds(len(columns), columns, low, high)

    def cut(self, term: Index, intercept: Floats, slope: Floats, switch: Index) -> None:
        """Add tₖ ≤ intercept·s + slope·eₖ; *switch* is the column of s, or −1 where s is 1."""
        n = len(term)
        if n == 0:
            return
        scales, problem = self.scales, self.problem
        has = switch >= 0
        unit = scales.outcomes[term]
        on_x = -slope * problem.exposure[term] * scales.columns[term] / unit
        # Steep tangents near zero are rescaled, so that no coefficient dwarfs the others.
        size = np.maximum(1.0, abs(on_x))
        counts = np.where(has, 3, 2)
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int32)
        index = np.empty(int(counts.sum()), np.int32)
        data = np.empty(int(counts.sum()))
        index[starts], data[starts] = self._t[term], 1.0 / size
        index[starts + 1], data[starts + 1] = self._x[term], on_x / size
        if has.any():
            index[starts[has] + 2] = self._s[switch[has]]
            data[starts[has] + 2] = -(intercept / unit / size)[has]
        right = np.where(has, 0.0, intercept / unit / size)
        self._highs.addRows(n, np.full(n, -np.inf), right, len(index), starts, index, data)
        self.n_cuts += n

    def plane(self, constant: float, slope: Floats) -> None:
        """Add θ ≤ constant + slope·spend of the cells; θ is what is made best besides."""
        unit = self.scales.objective
        if self._above < 0:
            self._above = self._highs.getNumCol()
            nothing = np.zeros(0)
            self._highs.addCol(-1.0, -np.inf, np.inf, 0, nothing.astype(np.int32), nothing)
        cells = np.flatnonzero(slope)
        index = np.append(self._x[cells], self._above).astype(np.int32)
        data = np.append(-slope[cells] * self.scales.columns[cells] / unit, 1.0)
        self._planes.append(self._highs.getNumRow())
        self._highs.addRow(-np.inf, constant / unit, len(index), index, data)
        self.n_cuts += 1

    def shares(self) -> Floats:
        """How much each plane holds θ at the optimum: at least 0, and 1 together."""
        dual = np.array(self._highs.getSolution().row_dual)
        shares = np.maximum(-dual[self._planes], 0.0)
        return np.asarray(shares / max(float(shares.sum()), 1e-300), float)

    def drop_cuts(self) -> None:
        """Forget every cut."""
        if self.n_cuts:
            index = np.arange(self._n_rows, self._n_rows + self.n_cuts, dtype=np.int32)
            self._highs.deleteRows(len(index), index)
            self.n_cuts, self._planes = 0, []

    def solve(self, *, integer: bool = False, gap: float = 0.0, seconds: float = np.inf) -> Relaxed:
        """The optimum under the present bounds and cuts; *integer* decides the switches too."""
        import highspy

        if integer != self._integer and len(self._s):
            self._set_integer(integer=integer)
        self._highs.setOptionValue("mip_rel_gap", gap)
        self._highs.setOptionValue(
            "time_limit", float(min(seconds, 1e9)) + self._highs.getRunTime()
        )
        words = highspy.HighsModelStatus
        known = {
            words.kOptimal: Status.OPTIMAL,
            words.kInfeasible: Status.INFEASIBLE,
            words.kUnbounded: Status.UNBOUNDED,
            words.kTimeLimit: Status.STOPPED,
        }
        for run in (self._highs.run, self._without_presolve, self._afresh):
            run()
            status = self._highs.getModelStatus()
            if status in known:
                return self._read(known[status], is_mixed=integer and len(self._s) > 0)
        said = self._highs.modelStatusToString(status)
        raise SolverFailed(f"HiGHS ended with {said!r} on {self._highs.getNumRow()} rows")

    def _without_presolve(self) -> None:
        """Run the whole model: presolve may leave open whether it is infeasible or unbounded."""
        self._highs.setOptionValue("presolve", "off")
        self._highs.run()
        self._highs.setOptionValue("presolve", "choose")

    def _afresh(self) -> None:
        """Run without what is left of the last basis, which may be what led astray."""
        self._highs.clearSolver()
        self._highs.run()

    def _read(self, status: Status, *, is_mixed: bool) -> Relaxed:
        problem, scales = self.problem, self.scales
        solution, info = self._highs.getSolution(), self._highs.getInfo()
        column = np.array(solution.col_value)
        empty = not len(column) or (status in {Status.INFEASIBLE, Status.UNBOUNDED})
        if empty:
            column = np.zeros(len(self._columns))
        outcomes = np.zeros(problem.n_columns)
        work = self._t >= 0
        outcomes[work] = column[self._t[work]] * scales.outcomes[work]
        best = info.mip_dual_bound if is_mixed else info.objective_function_value
        rows = np.zeros(len(problem.rows))
        if status is Status.OPTIMAL and not is_mixed:
            dual = np.array(solution.row_dual)[: len(self._row_of)]
            where = np.array(self._row_of, np.intp)
            np.add.at(rows, where[where >= 0], dual[where >= 0])
            rows *= -scales.objective / scales.rows
        return Relaxed(
            status=status,
            spend=column[self._x] * scales.columns,
            outcomes=outcomes,
            switches=column[self._s],
            value=-best * scales.objective if not empty else -np.inf,
            rows=rows,
        )

    def ray(self) -> Floats | None:
        """Prices of the rows that prove that no plan exists, after an infeasible solve."""
        _, found, ray = self._highs.getDualRay()
        if not found:
            self._without_presolve()
            _, found, ray = self._highs.getDualRay()
        if not found:
            return None
        rows, where = np.zeros(len(self.problem.rows)), np.array(self._row_of, np.intp)
        np.add.at(rows, where[where >= 0], np.array(ray)[: len(where)][where >= 0])
        return np.where(self.problem.rows.soft, 0.0, -rows / self.scales.rows)

    def text(self) -> str:
        """The linear part as an LP file, in scaled units."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.lp"
            self.model.writeLP(str(path))
            return path.read_text()


def write_lp(problem: Problem) -> str:
    """The linear part of *problem* as an LP file, for people and for other solvers."""
    return LinearPart(problem).text()


class Linear:
    """Problems whose curves are straight lines, without switches: one call of HiGHS."""

    name = "linear (PuLP, HiGHS)"
    abilities = frozenset({Need.LINEAR, Need.OUTCOMES, Need.STOCKS})

    def solve(self, problem: Problem, options: Options, start: Floats | None) -> Solution:
        """The best plan, to the last digit."""
        clock = Clock(options.time_limit)
        part = LinearPart.of(problem, options.warm)
        term = np.flatnonzero(part.at_work)
        slope = problem.curves.slope(problem.exposure * problem.upper)
        part.cut(term, np.zeros(len(term)), slope[term], np.full(len(term), -1))
        answer = part.solve()
        about = Solution(answer.status, solver=self.name, options=options, nodes=1)
        if answer.status is not Status.OPTIMAL:
            return replace(about, seconds=clock.seconds)
        found = [settle(problem, answer.spend), *([] if start is None else [start])]
        kept = [spend for spend in found if problem.feasible(spend)]
        about = replace(about, status=Status.STOPPED, bound=answer.value, reason=clock.reason)
        if not kept:
            return replace(about, seconds=clock.seconds)
        spend = max(kept, key=problem.value)
        value = problem.value(spend)
        bound = max(answer.value, value)
        about = replace(
            about,
            spend=spend,
            value=value,
            bound=bound,
            proof={"prices": answer.rows.tolist()},
            seconds=clock.seconds,
        )
        if relative_gap(value, bound) > options.gap:
            return about
        duals = Duals.at(problem, spend, answer.rows)
        return replace(about, status=Status.OPTIMAL, duals=duals, reason="proven")
