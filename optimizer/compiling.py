"""Plan → Problem: the canonical form of a plan, and of the plans near it without starting over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.plan.constraints import Constraint, reads_budget
from optimizer.plan.curves import Floats
from optimizer.plan.grid import Grid, Row, Sum, Switch, SwitchKind, Unit, sum_of
from optimizer.plan.plan import Plan
from optimizer.plan.table import LineTable
from optimizer.problem import BUDGET, MANY, CurveTable, Problem, Rows

__all__ = ["Compiled", "compile_lines", "compile_plan"]

Index = NDArray[np.intp]


def compile_plan(plan: Plan) -> Problem:
    """The arrays of *plan*'s question.

    Raises:
        PlanError: a rule names what is not there, or money is asked for without a value.
    """
    return Compiled.of(plan).problem


@dataclass(frozen=True, eq=False)
class Compiled:
    """A plan with its arrays, and which rows came from which rule: where the next plan begins.

    Plans that differ in their budget or their rules only share curves, weights and exposure, and
    the rows of every rule that the change does not touch. It holds each row twice, so it is for
    plans of few lines that are asked many questions.
    """

    plan: Plan
    problem: Problem
    rows: tuple[tuple[Constraint, tuple[Row, ...]], ...]
    """The rules in force, each with its rows."""

    @classmethod
    def of(cls, plan: Plan) -> Compiled:
        """*plan* compiled from nothing.

        Raises:
            PlanError: a rule names what is not there, or money is asked for without a value.
        """
        rows = tuple((rule, plan.rows_of(rule)) for rule in plan.rules)
        return cls(plan, _assembled(compile_lines(plan), rows), rows)

    def at(self, plan: Plan) -> Compiled:
        """*plan* compiled, with all that it shares with this one taken over.

        The arrays equal those of ``compile_plan(plan)``.
        """
        if not self._alike(plan):
            return Compiled.of(plan)
        rows = tuple((rule, self._kept(rule, plan) or plan.rows_of(rule)) for rule in plan.rules)
        old = self.problem
        alone = _alone(plan.grid, old.curves, old.weights, old.price, old.exposure)
        return Compiled(plan, _assembled(alone, rows), rows)

    def touched(self, plan: Plan) -> tuple[Constraint, ...]:
        """The rules of *plan*, one of the same lines, whose rows may differ from those here."""
        return tuple(rule for rule in plan.rules if self._kept(rule, plan) is None)

    def _kept(self, rule: Constraint, plan: Plan) -> tuple[Row, ...] | None:
        """The rows of *rule* where they are the same in *plan* as here."""
        if plan.budget != self.plan.budget and reads_budget(rule):
            return None
        return next((rows for known, rows in self.rows if known == rule), None)

    def _alike(self, plan: Plan) -> bool:
        """Whether *plan* has the same lines and counts the same."""
        old = self.plan
        if isinstance(plan.lines, LineTable) or isinstance(old.lines, LineTable):
            return False
        words = ("objective", "value", "funnel", "periods", "goodwill")
        same = all(getattr(plan, word) == getattr(old, word) for word in words)
        return same and plan.lines == old.lines


def _assembled(alone: Problem, rows: Iterable[tuple[Constraint, tuple[Row, ...]]]) -> Problem:
    """The lines, the budget, the rules and what their switches mean, as one problem."""
    grid, floor = alone.grid, alone.floor
    n, n_cells, flows = grid.n_columns, grid.n_cells, grid.flows
    conditions = [row for _, own in rows for row in own]
    if flows is not None:
        conditions += flows.rows
    if np.isfinite(grid.budget):
        every = sum_of(np.ones(n_cells))
        conditions = [Row(BUDGET, "", Unit.MONEY, upper=grid.budget, spend=every), *conditions]
    used = {switch for row in conditions for switch, _ in row.switches}
    if grid.n_lines < MANY:
        used |= {Switch(SwitchKind.ON, int(line)) for line in np.flatnonzero(floor > 0)}
    switches = tuple(sorted(used))
    conditions += _on_links(grid, switches, floor, alone.upper)
    return replace(alone, rows=_stack(conditions, n, switches), switches=switches)


def compile_lines(plan: Plan) -> Problem:
    """The lines of *plan* alone, without the budget, any rule or switch.

    Raises:
        PlanError: money is asked for without a value.
    """
    grid, lines = plan.grid, plan.lines
    if grid.flows is not None:
        exposure = grid.flows.per_money
    elif isinstance(lines, LineTable):
        exposure = 1.0 / lines.price
    else:
        exposure = 1.0 / np.array([line.price for line in lines])
    weights, gains = plan.objective.weights(grid)
    curves = CurveTable.of_plan(plan)
    return _alone(grid, curves, np.asarray(weights, float), _prices(plan) - gains, exposure)


def _alone(
    grid: Grid, curves: CurveTable, weights: Floats, price: Floats, exposure: Floats
) -> Problem:
    """Lines without the budget, any rule or switch; the stocks that follow are not yet defined."""
    floor = np.where(grid.minimum_if_active > grid.minimum, grid.minimum_if_active, 0.0)
    lower, upper = grid.minimum.copy(), np.maximum(grid.upper, 0.0)
    n, flows = grid.n_columns, grid.flows
    if n > grid.n_cells and flows is not None:
        floor = np.concatenate([floor, np.zeros(n - grid.n_cells)])
        lower, upper = flows.lift(lower, curves), flows.highest(upper, grid.budget, curves)
    return Problem(
        grid=grid,
        curves=curves,
        weights=weights,
        price=price,
        exposure=exposure,
        lower=lower,
        upper=upper,
        rows=_stack([], n, ()),
        switches=(),
        floor=floor,
    )


def _prices(plan: Plan) -> Floats:
    """What a unit of each column costs: spend its own money, in today's worth; stocks nothing."""
    objective, periods = plan.objective, plan.periods
    prices = np.zeros(plan.grid.n_columns)
    worth = np.ones(1)
    if periods is not None and objective.kind == "profit":
        worth = periods.worth[: periods.count]
    n_cells = plan.grid.n_cells
    prices[:n_cells] = objective.price_of_spend * np.tile(worth, n_cells // len(worth))
    return prices


def _on_links(grid: Grid, switches: tuple[Switch, ...], floor: Floats, upper: Floats) -> list[Row]:
    """x ≤ upper·on and x ≥ floor·on for every cell that has such a switch."""
    links = []
    for switch in switches:
        if switch.kind is not SwitchKind.ON:
            continue
        line = switch.line
        spend = Sum(np.array([line]), np.ones(1))
        link = Row("on", grid.label(line), Unit.MONEY, spend=spend, definition=True)
        links.append(replace(link, upper=0.0, switches=((switch, -float(upper[line])),)))
        if floor[line] > 0:
            links.append(replace(link, lower=0.0, switches=((switch, -float(floor[line])),)))
        if upper[line] <= 0:  # nothing else would keep the switch off
            links.append(replace(link, spend=Sum(), upper=0.0, switches=((switch, 1.0),)))
    return links


def _stack(conditions: list[Row], n: int, switches: tuple[Switch, ...]) -> Rows:
    column = {switch: position for position, switch in enumerate(switches)}

    def matrix(parts: list[tuple[Index, Floats]], width: int) -> sparse.csr_array:
        index = np.concatenate([part[0] for part in parts]) if parts else np.zeros(0, np.intp)
        data = np.concatenate([part[1] for part in parts]) if parts else np.zeros(0)
        starts = np.concatenate([[0], np.cumsum([len(part[0]) for part in parts])])
        return sparse.csr_array((data, index, starts.astype(np.intp)), shape=(len(parts), width))

    return Rows(
        rule=tuple(row.rule for row in conditions),
        part=tuple(row.part for row in conditions),
        unit=tuple(row.unit for row in conditions),
        definition=np.array([row.definition for row in conditions], bool),
        lower=np.array([row.lower for row in conditions], float),
        upper=np.array([row.upper for row in conditions], float),
        penalty=np.array(
            [np.nan if row.penalty is None else row.penalty for row in conditions], float
        ),
        spend=matrix([(row.spend.index, row.spend.coefficient) for row in conditions], n),
        outcomes=matrix([(row.outcomes.index, row.outcomes.coefficient) for row in conditions], n),
        switches=matrix(
            [
                (
                    np.array([column[switch] for switch, _ in row.switches], np.intp),
                    np.array([weight for _, weight in row.switches], float),
                )
                for row in conditions
            ],
            len(switches),
        ),
    )
