"""The answer in money and names: :class:`Allocation`, and the two ways to get one.

``optimize(plan)`` finds the best spend and proves it; ``evaluate(plan, spend)`` says what a given
spend brings, in the same type.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from optimizer.conflict import explain
from optimizer.errors import (
    Conflict,
    Fault,
    Infeasible,
    PlanError,
    SolverFailed,
    Unbounded,
    UnknownName,
)
from optimizer.plan.curves import Floats
from optimizer.plan.document import outline, to_document
from optimizer.plan.plan import Plan
from optimizer.plan.table import LineTable
from optimizer.plan.units import parse_money
from optimizer.problem import BUDGET, NEAR, TOLERANCE, Problem, compile_plan
from optimizer.solvers import beyond, solve
from optimizer.solvers.solution import Duals, Options, Progress, Proof, Status, Warm, relative_gap

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Allocation",
    "evaluate",
    "fingerprint",
    "optimize",
    "solved",
    "today",
    "unexplained",
]

# With more lines a conflict is told, but not traced to the smallest set of rules.
_EXPLAINED = 5_000


@dataclass(frozen=True, eq=False)
class Allocation:
    """A spend per line, what it brings, and how good it provably is."""

    plan: Plan
    problem: Problem
    """The plan as arrays."""
    spend: Floats
    """Money per line and period, shape (n_lines,), in the order of ``plan.lines``."""
    objective: float
    """What the plan asks to be made best, on the true curves, in the plan's currency or outcomes.

    For the objective lowest_spend it is minus the spend."""
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

    @property
    def gap(self) -> float | None:
        """How far it may be from the optimum, as a share of it."""
        return None if self.bound is None else relative_gap(self.objective, self.bound)

    @property
    def spent(self) -> float:
        """All money spent."""
        return float(self.spend.sum())

    @cached_property
    def outcomes(self) -> Floats:
        """Outcomes of each line, shape (n_lines,)."""
        return self.problem.outcomes(self.spend)

    @cached_property
    def today(self) -> Allocation | None:
        """Today's spend, evaluated; None where some line does not state it."""
        return today(self.plan, self.problem)

    @property
    def is_feasible(self) -> bool:
        """Whether it keeps every bound and hard rule."""
        return self.problem.feasible(self.spend)

    @cached_property
    def by_line(self) -> pd.DataFrame:
        """One row per line, in the order of the plan.

        Columns: line, channel, role, spend, share (of all spend), current, change, outcome, value
        (money; NaN without a value per outcome), return (value per unit of money), marginal_return
        (value of the next unit of money), worth and marginal (the same in units of the objective),
        minimum, maximum, at (minimum, maximum, off or None), beyond_observed (money above the
        largest spend ever observed; 0 within it).
        """
        import pandas as pd

        grid, spend = self.problem.grid, self.spend
        slopes = self.problem.slopes(spend)
        value = grid.value * self.outcomes
        lines = self.plan.lines
        if isinstance(lines, LineTable):
            observed = np.nan_to_num(lines.observed, nan=np.inf)
        else:
            observed = np.array([np.inf if n.observed is None else n.observed for n in lines])
        with np.errstate(divide="ignore", invalid="ignore"):
            average = np.where(spend > 0, value / spend, np.nan)
        return pd.DataFrame(
            {
                "line": grid.names.astype(object),
                "channel": grid.channel.astype(object),
                "role": grid.role.astype(object),
                "spend": spend,
                "share": spend / self.spent if self.spent > 0 else np.zeros_like(spend),
                "current": grid.current,
                "change": spend - grid.current,
                "outcome": self.outcomes,
                "value": value,
                "return": average,
                "marginal_return": grid.value * slopes,
                "worth": self.problem.weights * self.outcomes,
                "marginal": self.problem.weights * slopes,
                "minimum": grid.minimum,
                "maximum": grid.upper,
                "at": pd.Series(self._at(), dtype=object),
                "beyond_observed": np.maximum(spend - observed, 0.0),
            }
        )

    def _at(self) -> NDArray[np.object_]:
        """``minimum``, ``maximum`` or ``off`` where a line stands there, else None."""
        room = NEAR * np.maximum(self.problem.upper, TOLERANCE)
        off = self.spend <= room
        least = (abs(self.spend - self.problem.lower) <= room) & (self.problem.lower > 0)
        least |= (abs(self.spend - self.problem.floor) <= room) & (self.problem.floor > 0)
        most = (abs(self.spend - self.problem.upper) <= room) & np.isfinite(
            self.problem.grid.maximum
        )
        words = np.full(len(off), None, dtype=object)
        for word, there in (("minimum", least), ("maximum", most), ("off", off)):
            words[there] = word
        return words

    def by(self, name: str) -> pd.DataFrame:
        """Spend, share, current, change, outcome and value summed per channel, role or tag."""
        keys = self.problem.grid.field(name).astype(object)
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
        left, slack, binds = self.problem.standing(self.spend)
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
                "violation": self.problem.violations(self.spend),
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
        grid, marginal = self.problem.grid, self.problem.weights * self.problem.slopes(self.spend)
        names = [str(name) for name in grid.names]
        width = max(len("total"), *map(len, names))
        share = self.spend / self.spent if self.spent > 0 else self.spend
        text = [f"{'line':<{width}}  {'spend':>15}  {'share':>6}  {'today':>15}  {'marginal':>9}"]
        text += [
            f"{name:<{width}}  {spend:>15,.0f}  {part:>6.1%}  {was:>15}  {gain:>9.4g}"
            for name, spend, part, was, gain in zip(
                names,
                self.spend.tolist(),
                share.tolist(),
                ["–" if np.isnan(was) else f"{was:,.0f}" for was in grid.current],
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
        _, _, binds = self.problem.standing(self.spend)
        for row in np.flatnonzero(binds & ~rows.definition):
            name = " ".join(word for word in (rows.rule[row], rows.part[row]) if word)
            price = "" if self.duals is None else f", {abs(self.duals.rows[row]):.4g} per unit"
            told.append(f"binds: {name}{price and f'{price} of {rows.unit[row]}'}")
        return told


def optimize(
    plan: Plan,
    *,
    gap: float = 1e-4,
    time_limit: float | None = None,
    progress: Progress | None = None,
) -> Allocation:
    """The best spend for *plan*, with a bound that no plan can beat.

    Args:
        plan: The question.
        gap: Largest relative distance to the bound at which the search may end.
        time_limit: Seconds after which the best plan so far is the answer (status ``stopped``).
        progress: Called now and then with seconds, best value so far, and bound.

    Raises:
        PlanError: the question does not hold together.
        Infeasible: no plan keeps all the rules; says which are in conflict.
        Unbounded: the objective can grow without limit.
        SolverFailed: the backend gave up.
    """
    given: object = plan
    if not isinstance(given, Plan):
        advice = "Make one with load, loads or Plan"
        raise PlanError(Fault("plan", f"a {type(given).__name__} is not a plan", advice))
    return solved(plan, compile_plan(plan), Options(gap, time_limit, progress))


def solved(plan: Plan, problem: Problem, options: Options) -> Allocation:
    """The best spend for *plan*, whose arrays are *problem*; see :func:`optimize`.

    What ``options.warm`` holds of a plan like it is used, and renewed.
    """
    if lacking := beyond(problem):
        raise PlanError(
            Fault(
                "constraints",
                f"{', '.join(sorted(lacking))}: too many lines for that ({problem.n_lines:,})",
                "With so many lines use rules on sums of spend: split, spend, share, ratio, "
                "weighted, spend_all",
            )
        )
    warm = options.warm
    solution = solve(problem, options, _start(problem, warm))
    if warm is not None and solution.status is Status.STOPPED:
        warm.part = None  # an interrupt may have come between two changes of the model
    if solution.status is Status.INFEASIBLE:
        if problem.n_lines > _EXPLAINED:
            raise unexplained(plan, float(problem.lower.sum()), problem.n_lines)
        raise explain(plan, problem)
    if solution.status is Status.UNBOUNDED:
        raise Unbounded("the objective can grow without limit; give a budget or maxima")
    if solution.spend is None:
        raise SolverFailed(f"no plan was found before the search stopped: {solution.reason}")
    if warm is not None:
        warm.spend = solution.spend
        warm.prices = None if solution.duals is None else solution.duals.rows
    return Allocation(
        plan=plan,
        problem=problem,
        spend=solution.spend,
        objective=solution.value,
        status=solution.status,
        bound=solution.bound,
        duals=solution.duals,
        proof=solution.proof,
        solver=solution.solver,
        reason=solution.reason,
        seconds=solution.seconds,
        options=replace(options, warm=None),
    )


def _start(problem: Problem, warm: Warm | None) -> Floats | None:
    """The better of today's spend and a neighbour's plan, of those that keep the rules."""
    known = [problem.grid.current]
    if warm is not None and warm.spend is not None:
        known.append(warm.spend)
    kept = [spend for spend in known if not np.isnan(spend).any() and problem.feasible(spend)]
    return max(kept, key=problem.value, default=None)


def unexplained(plan: Plan, least: float, n_lines: int) -> Infeasible:
    """Too many lines, with *least* as all their minima, to look for the rules in conflict."""
    budget = np.inf if plan.budget is None else plan.budget
    if least > budget:
        return Infeasible(
            f"no plan keeps all the rules: the minima add up to {least:,.2f}, "
            f"more than the budget of {budget:,.2f}",
            Conflict((BUDGET,)),
        )
    names = ", ".join(dict.fromkeys([BUDGET, *(rule.name for rule in plan.rules)]))
    return Infeasible(
        f"no plan keeps all the rules: minima, maxima and {names} cannot all hold on these "
        f"{n_lines:,} lines",
        Conflict(()),
    )


def evaluate(plan: Plan, spend: Mapping[str, float] | Floats) -> Allocation:
    """What a given spend brings; it may break rules, ``binding`` and ``is_feasible`` say so.

    Args:
        plan: The question.
        spend: Money per line: a mapping of every line's name, or an array of shape (n_lines,).

    Raises:
        UnknownName: a name is not a line of the plan.
        PlanError: a line is missing, or money is negative or not finite.
    """
    names = plan.grid.names.tolist()
    if isinstance(spend, Mapping):
        for name in spend:
            if name not in names:
                raise UnknownName.of("line", name, names)
        missing = [name for name in names if name not in spend]
        if missing:
            raise PlanError(
                Fault("spend", f"has no {', '.join(missing)}", "Give money for every line")
            )
        spend = np.array([_money(name, spend[name]) for name in names], float)
    money = np.asarray(spend, float)
    if money.shape != (len(names),):
        raise PlanError(Fault("spend", f"has shape {money.shape}", f"Give shape ({len(names)},)"))
    if not np.all(np.isfinite(money)) or np.any(money < 0):
        raise PlanError(Fault("spend", "has money below zero or not finite", "Give zero or more"))
    problem = compile_plan(plan)
    return Allocation(plan, problem, money, problem.value(money), status=None)


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
    return Allocation(plan, problem, spend.copy(), problem.value(spend), status=None)


def fingerprint(plan: Plan) -> str:
    """A hash of the question: equal plans have equal fingerprints on every machine."""
    if isinstance(plan.lines, LineTable):
        document = outline(plan) | {"lines": plan.lines.digest}
    else:
        document = to_document(plan)
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
