"""Many plans, one map: in turn, or over several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from optimizer.allocation import Allocation, optimize
from optimizer.errors import AdsplitError, Infeasible
from optimizer.plan.curves import Floats
from optimizer.plan.plan import Plan

__all__ = ["Counted", "Failed", "at_least", "brand_share", "profit", "revenue", "solve_all"]

Counted = Callable[[int, int], None]
"""Called with (plans done, plans in all)."""


@dataclass(frozen=True, eq=False)
class Failed:
    """A plan that has no answer, and why."""

    plan: Plan
    error: AdsplitError

    @property
    def status(self) -> str:
        """``infeasible``, or ``failed`` for any other error."""
        return "infeasible" if isinstance(self.error, Infeasible) else "failed"

    @property
    def reason(self) -> str:
        """The error in words."""
        return str(self.error)


def solve_all(
    plans: Sequence[Plan],
    *,
    gap: float = 1e-4,
    time_limit: float | None = None,
    jobs: int = 1,
    progress: Counted | None = None,
) -> list[Allocation | Failed]:
    """The answer to each of *plans*, in their order; one that fails does not stop the others.

    Args:
        plans: The questions.
        gap: Largest relative distance to the bound at which each search may end.
        time_limit: Seconds for each plan.
        jobs: Processes to use; 1: this one alone; -1: one per core.
        progress: Called after each plan with (done, in all).
    """
    done: list[Allocation | Failed] = []
    for answer in _answers(plans, gap, time_limit, jobs):
        done.append(answer)
        if progress is not None:
            progress(len(done), len(plans))
    return done


def _answers(
    plans: Sequence[Plan], gap: float, time_limit: float | None, jobs: int
) -> Iterable[Allocation | Failed]:
    if jobs == 1 or len(plans) < 2:
        return (_answer(plan, gap, time_limit) for plan in plans)
    import joblib

    parallel = joblib.Parallel(n_jobs=jobs, return_as="generator")
    answers: Iterable[Allocation | Failed] = parallel(
        joblib.delayed(_answer)(plan, gap, time_limit) for plan in plans
    )
    return answers


def _answer(plan: Plan, gap: float, time_limit: float | None) -> Allocation | Failed:
    try:
        return optimize(plan, gap=gap, time_limit=time_limit)
    except AdsplitError as error:
        return Failed(plan, error)


def at_least(answer: Allocation, spend: Floats) -> Allocation:
    """*answer*, or the plan *spend* where that keeps the rules and is better within the gap.

    Answers are only as exact as their gaps; with this, answers to neighbouring questions agree.
    """
    if not answer.problem.feasible(spend):
        return answer
    value = answer.problem.value(spend)
    if value <= answer.objective:
        return answer
    return replace(answer, spend=spend.copy(), objective=value)


def revenue(answer: Allocation) -> float:
    """Money that all outcomes bring; NaN where a line has no value per outcome."""
    return float(answer.problem.grid.value @ answer.outcomes)


def profit(answer: Allocation) -> float:
    """Margin · revenue − spend; the margin is the objective's, or 1."""
    margin = getattr(answer.plan.objective, "margin", 1.0)
    return float(margin * revenue(answer) - answer.spent)


def brand_share(answer: Allocation) -> float:
    """Share of all spend that goes to brand lines; NaN without roles or without spend."""
    role = answer.problem.grid.role
    if answer.spent <= 0 or not np.any(role != ""):
        return float("nan")
    return float(answer.spend[role == "brand"].sum() / answer.spent)
