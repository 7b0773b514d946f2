"""Plan → Allocation: the best spend, proven, or why there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optimizer.allocation import Allocation
from optimizer.compiling import compile_plan
from optimizer.conflict import explain
from optimizer.errors import Conflict, Fault, Infeasible, PlanError, SolverFailed, Unbounded
from optimizer.measuring import measured
from optimizer.plan.curves import Floats
from optimizer.plan.plan import Plan
from optimizer.problem import BUDGET, Problem
from optimizer.solvers import beyond, solve
from optimizer.solvers.solution import Options, Progress, Status, Warm

__all__ = ["optimize", "solved", "unexplained"]

# With more lines a conflict is told, but not traced to the smallest set of rules.
_EXPLAINED = 5_000


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
    if plan.risk is not None:
        return _hedged(plan, problem, options)
    if lacking := beyond(problem):
        raise PlanError(
            Fault(
                "constraints",
                f"{', '.join(sorted(lacking))}: too many lines for that ({problem.grid.n_lines:,})",
                "With so many lines use rules on sums of spend: split, spend, share, ratio, "
                "weighted, spend_all",
            )
        )
    warm = options.warm
    solution = solve(problem, options, _start(problem, warm))
    if warm is not None and solution.status is Status.STOPPED:
        warm.part = None  # an interrupt may have come between two changes of the model
    if solution.status is Status.INFEASIBLE:
        if problem.n_cells > _EXPLAINED:
            raise unexplained(plan, float(problem.lower.sum()), problem.grid.n_lines)
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
        spend=solution.spend[: problem.n_cells],
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


def _hedged(plan: Plan, problem: Problem, options: Options) -> Allocation:
    """The best spend under the plan's attitude to risk."""
    measure, warm = measured(plan, problem), options.warm
    start = _start(problem, warm)
    starts = () if start is None else (start[: problem.n_cells],)
    found = measure.best(replace(options, warm=None), starts)
    solution = found.solution
    if solution.status is Status.INFEASIBLE:
        raise explain(plan, problem)
    if solution.status is Status.UNBOUNDED:
        raise Unbounded("the objective can grow without limit; give a budget or maxima")
    if solution.spend is None:
        raise SolverFailed(f"no plan was found before the search stopped: {solution.reason}")
    if warm is not None:
        warm.spend, warm.prices = solution.spend, None
    spend = solution.spend[: problem.n_cells]
    proof = solution.proof
    if proof is not None:
        planes = [
            {"share": share, "weights": weights.tolist(), "at": at.tolist()}
            for share, weights, at in found.planes
        ]
        proof = {**proof, "planes": planes}
    return Allocation(
        plan=plan,
        problem=problem,
        spend=spend,
        objective=solution.value,
        status=solution.status,
        bound=solution.bound,
        proof=proof,
        solver=solution.solver,
        reason=solution.reason,
        seconds=solution.seconds,
        options=replace(options, warm=None),
        hedge=replace(measure.hedge(spend), planes=found.planes, relaxed=found.relaxed),
    )


def _start(problem: Problem, warm: Warm | None) -> Floats | None:
    """The better of today's spend and a neighbour's plan, of those that keep the rules."""
    known = [problem.grid.current]
    if warm is not None and warm.spend is not None:
        known.append(warm.spend[: problem.n_cells])
    fitting = [one for one in known if len(one) == problem.n_cells and not np.isnan(one).any()]
    whole = [problem.lift(spend) for spend in fitting]
    kept = [spend for spend in whole if problem.feasible(spend)]
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
