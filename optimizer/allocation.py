"""The answer in money and names: :class:`Allocation`.

``evaluate(plan, spend)`` says what a given spend brings, in the type that ``optimize`` answers in.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from optimizer.compiling import compile_plan
from optimizer.errors import Fault, PlanError, UnknownName
from optimizer.measuring import fingerprint, measured
from optimizer.plan.curves import Floats
from optimizer.plan.plan import Plan
from optimizer.plan.spends import is_table, spend_of_table
from optimizer.plan.table import LineTable
from optimizer.plan.units import parse_money
from optimizer.problem import NEAR, TOLERANCE, Problem
from optimizer.shown import Shown
from optimizer.solvers.attitudes import Hedge
from optimizer.solvers.solution import Duals, Options, Proof, Status, relative_gap

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Allocation", "evaluate", "given", "today"]

# An answer that is exact to its gap leaves so much of a capacity unused that it would fill.
_FULL = 1e-4


@dataclass(frozen=True, eq=False)
class Allocation(Shown):
    """A spend per line, what it brings, and how good it provably is."""

    plan: Plan
    problem: Problem
    """The plan as arrays."""
    spend: Floats
    """Money per line and period, shape (n_cells,): the lines in the order of ``plan.lines``, the
    periods of a line next to one another."""
    objective: float
    """What the plan asks to be made best, on the true curves, in the plan's currency or outcomes.

    For the objective lowest_spend it is minus the spend. Under ``plan.risk`` it is what the plan is
    worth under that attitude, over all draws; all else here is for the numbers as stated."""
    status: Status | None
    """None where a given spend was evaluated and nothing was solved."""
    bound: float | None = None
    """What no plan can beat; None where nothing was solved."""
    duals: Duals | None = None
    """Prices as derivatives; None where S-curves or switches leave them without meaning."""
    proof: Proof | None = None
    """Why nothing is better than the bound; :func:`optimizer.certificate.verify` checks it."""
    solver: str = ""
    reason: str = ""
    seconds: float = 0.0
    options: Options = field(default_factory=Options)
    hedge: Hedge | None = None
    """What it is worth in every world, where ``plan.risk`` asks; else None."""

    @property
    def gap(self) -> float | None:
        """How far it may be from the optimum, as a share of it."""
        return None if self.bound is None else relative_gap(self.objective, self.bound)

    @property
    def spent(self) -> float:
        """All money spent."""
        return float(self.spend.sum())

    @cached_property
    def columns(self) -> Floats:
        """The spend, and the stocks that follow from it, shape (n_columns,)."""
        return self.problem.lift(self.spend)

    @cached_property
    def terms(self) -> Floats:
        """Outcomes of every column's curve, shape (n_columns,)."""
        return self.problem.outcomes(self.columns)

    @cached_property
    def outcomes(self) -> Floats:
        """Outcomes of each line over all that counts, shape (n_lines,)."""
        flows = self.problem.grid.flows
        return self.terms if flows is None else flows.brought(self.terms)[:-1].sum(axis=1)

    @cached_property
    def earnings(self) -> Earnings:
        """Money that each line brings."""
        return Earnings.of(self)

    @cached_property
    def today(self) -> Allocation | None:
        """Today's spend, evaluated; None where some line does not state it."""
        return today(self.plan, self.problem)

    @property
    def is_feasible(self) -> bool:
        """Whether it keeps every bound and hard rule."""
        return self.problem.feasible(self.columns)

    @cached_property
    def by_line(self) -> pd.DataFrame:
        """One row per line, in the order of the plan.

        Columns: line, channel, role, spend, share (of all spend), current, change, outcome, value
        (money, its part of goodwill among it; NaN without a value per outcome), return (value that
        the spend adds per unit of money), marginal_return (value of the next unit of money, spread
        over the periods as the spend is), worth and marginal (the same in units of the objective),
        minimum, maximum, at (minimum, maximum, off or None), beyond_observed (money above the
        largest spend ever observed; 0 within it).
        """
        import pandas as pd

        grid = self.problem.grid
        spend, current = grid.by_line(self.spend), grid.by_line(grid.current)
        earnings, n = self.earnings, grid.n_periods
        with np.errstate(divide="ignore", invalid="ignore"):
            average = np.where(spend > 0, earnings.added / spend, np.nan)
        return pd.DataFrame(
            {
                "line": grid.line_names.astype(object),
                "channel": grid.channel[::n].astype(object),
                "role": grid.role[::n].astype(object),
                "spend": spend,
                "share": spend / self.spent if self.spent > 0 else np.zeros_like(spend),
                "current": current,
                "change": spend - current,
                "outcome": self.outcomes,
                "value": earnings.total,
                "return": average,
                "marginal_return": self._over_periods(earnings.marginal),
                "worth": earnings.worth,
                "marginal": self._over_periods(self.marginal),
                "minimum": grid.by_line(grid.minimum),
                "maximum": np.minimum(grid.by_line(grid.upper), grid.budget),
                "at": pd.Series(self._at_by_line(), dtype=object),
                "beyond_observed": grid.by_line(np.maximum(self.spend - self._observed, 0.0)),
            }
        )

    @property
    def _observed(self) -> Floats:
        lines = self.plan.lines
        if isinstance(lines, LineTable):
            return np.nan_to_num(lines.observed, nan=np.inf)
        observed = [np.inf if n.observed is None else n.observed for n in lines]
        return np.repeat(np.array(observed, float), self.problem.grid.n_periods)

    @cached_property
    def marginal(self) -> Floats:
        """Objective per further unit of money in each cell, its cost not taken off, (n_cells,)."""
        problem = self.problem
        stocks = np.where(np.arange(problem.n_columns) < problem.n_cells, 0.0, -problem.price)
        return problem.gains(self.columns, problem.weights, stocks)

    @cached_property
    def marginal_outcomes(self) -> Floats:
        """Outcomes per further unit of money on each line, spread as its spend is, (n_lines,)."""
        problem = self.problem
        if problem.grid.flows is None:
            return problem.slopes(self.spend)
        return self._over_periods(problem.gains(self.columns, *problem.grid.counts(None)))

    def _over_periods(self, cells: Floats) -> Floats:
        """One number per line from one per cell: spread as the spend is; the best where none is."""
        n = self.problem.grid.n_periods
        if n == 1:
            return cells
        values, spend = cells.reshape(-1, n), self.spend.reshape(-1, n)
        total = spend.sum(axis=1)
        with np.errstate(invalid="ignore"):
            spread = (values * spend).sum(axis=1) / np.where(total > 0, total, 1.0)
        return np.asarray(np.where(total > 0, spread, values.max(axis=1)), float)

    @cached_property
    def by_cell(self) -> pd.DataFrame:
        """One row per line and period, in the order of the plan.

        Columns: period, line, channel, role, spend, current, minimum, maximum, at, outcome, value
        (of the outcomes of the period; the lines' own, without goodwill), marginal_return.
        """
        import pandas as pd

        grid, flows, n = self.problem.grid, self.problem.grid.flows, self.problem.grid.n_periods
        if flows is None:
            outcome, value = self.terms, grid.value * self.terms
        else:
            outcome = flows.brought(self.terms)[:-1, :n].ravel()
            value = flows.earned(self.terms, self.columns)[:-1, :n].ravel()
        return pd.DataFrame(
            {
                "period": np.tile(np.array(grid.periods, dtype=object), grid.n_lines),
                "line": grid.names.astype(object),
                "channel": grid.channel.astype(object),
                "role": grid.role.astype(object),
                "spend": self.spend,
                "current": grid.current,
                "minimum": grid.minimum,
                "maximum": grid.upper,
                "at": pd.Series(self._at(), dtype=object),
                "outcome": outcome,
                "value": value,
                "marginal_return": self.earnings.marginal,
            }
        )

    @cached_property
    def by_period(self) -> pd.DataFrame:
        """One row per period that counts, those after the plan's end among them.

        Columns: period, planned (whether money is spent in it), spend, current, outcome, value (the
        money that comes in the period, in today's worth), goodwill (the stock; NaN without),
        goodwill_outcome, goodwill_value (of the outcomes of the period, whenever it comes), lifted
        (outcomes of other lines that would not come without goodwill).
        """
        import pandas as pd

        grid, flows, n = self.problem.grid, self.problem.grid.flows, self.problem.grid.n_periods
        counted = n if flows is None else flows.periods.counted
        empty = np.zeros(counted - n)

        def whole(cells: Floats) -> Floats:
            return np.concatenate([cells.reshape(-1, n).sum(axis=0), empty])

        if flows is None:
            brought = np.vstack([self.terms, np.zeros(len(self.terms))]).sum(axis=1, keepdims=True)
            earned, stock, lifted = np.zeros((2, 1)), np.full(1, np.nan), np.zeros(1)
            income = np.array([self.earnings.total.sum()])
        else:
            brought, lifted = flows.brought(self.terms), flows.lifted(self.terms).sum(axis=0)
            earned = flows.earned(self.terms, self.columns)
            income = flows.income(self.terms, self.columns)
            there = flows.goodwill
            stock = self.columns[there] if len(there) else np.full(counted, np.nan)
        return pd.DataFrame(
            {
                "period": list(grid.periods if flows is None else flows.periods.labels),
                "planned": np.arange(counted) < n,
                "spend": whole(self.spend),
                "current": whole(grid.current),
                "outcome": brought.sum(axis=0),
                "value": income,
                "goodwill": stock,
                "goodwill_outcome": brought[-1],
                "goodwill_value": earned[-1],
                "lifted": lifted,
            }
        )

    @cached_property
    def lifts(self) -> dict[str, float]:
        """By which share goodwill raises the outcomes of each line that it lifts."""
        flows, goodwill = self.problem.grid.flows, self.plan.goodwill
        if flows is None or goodwill is None:
            return {}
        lifted = flows.lifted(self.terms).sum(axis=1)
        own = flows.brought(self.terms).sum(axis=1) - lifted
        return {
            name: float(lifted[i] / own[i]) if own[i] > 0 else 0.0
            for i, name in enumerate(flows.names)
            if name in goodwill.lifts
        }

    @cached_property
    def by_stage(self) -> pd.DataFrame:
        """One row per stage of the funnel and period that counts; empty without a funnel.

        Columns: stage, period, arrived, followed_up, lost (beyond its capacity), capacity (NaN
        without), full (whether it binds).
        """
        import pandas as pd

        flows, funnel = self.problem.grid.flows, self.plan.funnel
        if funnel is None:
            return pd.DataFrame(columns=["stage", "period", "arrived", "followed_up", "lost"])
        if flows is None:
            stages = self.problem.grid.stages
            arrived = np.array([[stages[name] @ self.terms] for name in funnel.stages])
            followed = arrived
        else:
            arrived, followed = flows.passed(self.terms, self.columns)
        labels = ("",) if flows is None else flows.periods.labels
        capacity = np.full(arrived.shape, np.nan)
        if flows is not None:
            for (stage, _), limited in zip(flows.stages, flows.limited, strict=True):
                capacity[stage] = np.where(np.isfinite(limited.capacity), limited.capacity, np.nan)
        return pd.DataFrame(
            {
                "stage": np.repeat(np.array(funnel.stages, dtype=object), len(labels)),
                "period": list(labels) * len(funnel.stages),
                "arrived": arrived.ravel(),
                "followed_up": followed.ravel(),
                "lost": (arrived - followed).ravel(),
                "capacity": capacity.ravel(),
                "full": (followed >= capacity * (1 - _FULL)).ravel(),
            }
        )

    def _at(self) -> NDArray[np.object_]:
        """``minimum``, ``maximum`` or ``off`` where a cell stands there, else None."""
        problem, n = self.problem, self.problem.n_cells
        lower, upper, floor = problem.lower[:n], problem.upper[:n], problem.floor[:n]
        room = NEAR * np.maximum(upper, TOLERANCE)
        off = self.spend <= room
        least = (abs(self.spend - lower) <= room) & (lower > 0)
        least |= (abs(self.spend - floor) <= room) & (floor > 0)
        most = (abs(self.spend - upper) <= room) & np.isfinite(problem.grid.maximum)
        words = np.full(len(off), None, dtype=object)
        for word, there in (("minimum", least), ("maximum", most), ("off", off)):
            words[there] = word
        return words

    def _at_by_line(self) -> NDArray[np.object_]:
        """Where a line stands if it stands there in every period."""
        words = self._at().reshape(-1, self.problem.grid.n_periods)
        found = words[:, 0].copy()
        found[(words != words[:, :1]).any(axis=1)] = None
        return np.asarray(found, object)

    def by(self, name: str) -> pd.DataFrame:
        """Spend, share, current, change, outcome and value summed per channel, role or tag."""
        grid = self.problem.grid
        keys = grid.field(name)[:: grid.n_periods].astype(object)
        frame = self.by_line.assign(**{name: keys})
        columns = ["spend", "share", "current", "change", "outcome", "value"]
        return frame.groupby(name, sort=False)[columns].sum(min_count=1).reset_index()

    @property
    def by_channel(self) -> pd.DataFrame:
        """Sums per channel."""
        return self.by("channel")

    @property
    def by_role(self) -> pd.DataFrame:
        """Sums per role."""
        return self.by("role")

    @cached_property
    def binding(self) -> pd.DataFrame:
        """The rules, one row per condition: which of them hold the plan back.

        Columns: rule, part, unit, left (the condition's value), lower, upper, slack (distance to
        the nearer limit), binding, violation (0 for a hard rule).
        """
        import pandas as pd

        rows = self.problem.rows
        left, slack, binds = self.problem.standing(self.columns)
        frame = pd.DataFrame(
            {
                "rule": list(rows.rule),
                "part": list(rows.part),
                "unit": [str(unit) for unit in rows.unit],
                "left": left,
                "lower": rows.lower,
                "upper": rows.upper,
                "slack": slack,
                "binding": binds,
                "violation": self.problem.violations(self.columns),
            }
        )
        return frame[~rows.definition].reset_index(drop=True)

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """What the answer depends on: a hash of the input, versions, options; no clock, no path."""
        lines = self.plan.lines
        return {
            "input": fingerprint(self.plan),
            **({"table": lines.digests} if isinstance(lines, LineTable) else {}),
            "applied": list(self.plan.applied),
            "gap": self.options.gap,
            "time_limit": self.options.time_limit,
            "versions": {
                "python": platform.python_version(),
                **{
                    name: metadata.version(name)
                    for name in ("adsplit", "numpy", "scipy", "pulp", "highspy")
                },
            },
        }

    def __str__(self) -> str:
        """A table of the lines, the total, the proof and the rules that bind with their prices."""
        grid, marginal = self.problem.grid, self._over_periods(self.marginal)
        names = [str(name) for name in grid.line_names]
        spends, todays = grid.by_line(self.spend), grid.by_line(grid.current)
        width = max(len("total"), *map(len, names))
        share = spends / self.spent if self.spent > 0 else spends
        text = [f"{'line':<{width}}  {'spend':>15}  {'share':>6}  {'today':>15}  {'marginal':>9}"]
        text += [
            f"{name:<{width}}  {spend:>15,.0f}  {part:>6.1%}  {was:>15}  {gain:>9.4g}"
            for name, spend, part, was, gain in zip(
                names,
                spends.tolist(),
                share.tolist(),
                ["–" if np.isnan(was) else f"{was:,.0f}" for was in todays],
                marginal.tolist(),
                strict=True,
            )
        ]
        value = -self.objective if self.plan.objective.kind == "lowest_spend" else self.objective
        kind = self.plan.objective.kind.replace("_", " ")
        proof = "" if self.gap is None else f"; {self.status}, gap {self.gap:.1e}"
        text.append(f"{'total':<{width}}  {self.spent:>15,.0f}  {1:>6.1%}")
        text.append(f"{self.plan.name}: {kind} {value:,.6g}{proof}")
        return "\n".join([*text, *self._binding_in_words()])

    def _binding_in_words(self) -> list[str]:
        rows, told = self.problem.rows, []
        _, _, binds = self.problem.standing(self.columns)
        for row in np.flatnonzero(binds & ~rows.definition):
            name = " ".join(word for word in (rows.rule[row], rows.part[row]) if word)
            price = "" if self.duals is None else f", {abs(self.duals.rows[row]):.4g} per unit"
            told.append(f"binds: {name}{price and f'{price} of {rows.unit[row]}'}")
        return told


@dataclass(frozen=True, eq=False)
class Earnings:
    """Money that lines bring, in today's worth; NaN where no value is given. Shape (n_lines,)."""

    total: Floats
    """All of it, the part of goodwill that their planned money makes among it."""
    added: Floats
    """What would not come without their planned money."""
    marginal: Floats
    """What the next unit of money in each cell would bring, shape (n_cells,)."""
    worth: Floats
    """All of it in units of the objective: money of margin, or outcomes."""

    @classmethod
    def of(cls, allocation: Allocation) -> Earnings:
        """What the lines of an allocation bring."""
        problem, grid = allocation.problem, allocation.problem.grid
        flows, terms = grid.flows, allocation.terms
        if flows is None:
            value = grid.value * terms
            slopes = grid.value * problem.slopes(allocation.spend)
            return cls(value, value, slopes, problem.weights * terms)
        if np.isnan(grid.value).any():
            nothing = np.full(grid.n_lines, np.nan)
            brought = flows.brought(problem.weights * terms / np.maximum(flows.demand, 1e-300))
            cells = np.full(grid.n_cells, np.nan)
            return cls(nothing, nothing, cells, brought[:-1].sum(axis=1))
        idle = problem.lift(np.zeros(grid.n_cells))
        before = flows.earned(problem.outcomes(idle), idle).sum(axis=1)
        earned = flows.earned(terms, allocation.columns).sum(axis=1)
        goodwill = np.zeros(grid.n_lines)
        if len(flows.goodwill):
            fill = flows.fill(allocation.spend).sum(axis=1)
            gain = earned[-1] - before[-1]
            goodwill = gain * fill / fill.sum() if fill.sum() > 0 else goodwill
        total = earned[:-1] + goodwill
        kind = allocation.plan.objective
        worth = total * getattr(kind, "margin", 1.0)
        if kind.unit != "money" or kind.kind == "lowest_spend":
            worth = flows.brought(problem.weights * terms / np.maximum(flows.demand, 1e-300))
            worth = worth[:-1].sum(axis=1)
        marginal = problem.gains(allocation.columns, *grid.worths())
        return cls(total, total - before[:-1], marginal, worth)


def given(plan: Plan, problem: Problem, spend: Floats) -> Allocation:
    """A spend that was not solved for, shape (n_cells,), of a plan whose arrays are *problem*."""
    if plan.risk is None:
        value = problem.value(problem.lift(spend))
        return Allocation(plan, problem, spend, value, status=None)
    hedge = measured(plan, problem).hedge(spend)
    return Allocation(plan, problem, spend, hedge.value, status=None, hedge=hedge)


def evaluate(
    plan: Plan, spend: Mapping[str, float] | Floats | pd.DataFrame | pd.Series[Any]
) -> Allocation:
    """What a given spend brings; it may break rules, ``binding`` and ``is_feasible`` say so.

    Args:
        plan: The question.
        spend: Money per line and period: a mapping of every line's name to a number (the same in
            every period) or to one per period; an array of shape (n_cells,) or
            (n_lines, n_periods); or a DataFrame with columns line, spend and, where there are
            several, period, such as another answer's ``by_cell``; or a Series of money by line.

    Raises:
        UnknownName: a name is not a line of the plan.
        PlanError: a line is missing, or money is negative or not finite.
    """
    names, grid = plan.grid.line_names.tolist(), plan.grid
    if is_table(spend):
        spend = spend_of_table(spend, names, grid.periods)  # type: ignore[arg-type, assignment]
    if isinstance(spend, Mapping):
        for name in spend:
            if name not in names:
                raise UnknownName.of("line", name, names)
        missing = [name for name in names if name not in spend]
        if missing:
            raise PlanError(
                Fault("spend", f"has no {', '.join(missing)}", "Give money for every line")
            )
        rows = [_monies(name, spend[name], grid.n_periods) for name in names]
        spend = np.array(rows, float).ravel()
    money = np.asarray(spend, float)
    if money.shape == (grid.n_lines, grid.n_periods):
        money = money.ravel()
    if money.shape != (grid.n_cells,):
        raise PlanError(Fault("spend", f"has shape {money.shape}", f"Give shape ({grid.n_cells},)"))
    if not np.all(np.isfinite(money)) or np.any(money < 0):
        raise PlanError(Fault("spend", "has money below zero or not finite", "Give zero or more"))
    problem = compile_plan(plan)
    return given(plan, problem, money)


def _monies(name: str, value: object, n_periods: int) -> list[float]:
    """Money of a line in every period: one number for each of them, or one by one."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return [_money(name, value)] * n_periods
    if len(value) != n_periods:
        problem = f"has {len(value)} numbers for {n_periods} periods"
        raise PlanError(Fault(f"spend.{name}", problem, "Give one per period"))
    return [_money(name, item) for item in value]


def _money(name: str, value: object) -> float:
    try:
        return parse_money(value)
    except ValueError as error:
        raise PlanError(Fault(f"spend.{name}", str(error))) from None


def today(plan: Plan, problem: Problem | None = None) -> Allocation | None:
    """Today's spend, evaluated; None where some line does not state it."""
    problem = problem or compile_plan(plan)
    spend = problem.grid.current
    if np.isnan(spend).any():
        return None
    return given(plan, problem, spend.copy())
