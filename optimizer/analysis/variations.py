"""Many plans, one map: in turn, or over several processes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np

from optimizer.allocation import Allocation, given, solved
from optimizer.errors import AdsplitError, Infeasible
from optimizer.plan.curves import Floats
from optimizer.plan.plan import Plan
from optimizer.problem import Compiled
from optimizer.solvers.solution import Options, Warm

__all__ = [
    "Counted",
    "Failed",
    "at_least",
    "brand_share",
    "each",
    "profit",
    "revenue",
    "solve_all",
]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

Counted = Callable[[int, int], None]
"""Called with (plans done, plans in all)."""

# Strips of neighbours for each process: few begin anew, and none waits long for the last.
_STRIPS = 4


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
    alike: bool = False,
) -> list[Allocation | Failed]:
    """The answer to each of *plans*, in their order; one that fails does not stop the others.

    Args:
        plans: The questions.
        gap: Largest relative distance to the bound at which each search may end.
        time_limit: Seconds for each plan.
        jobs: Processes to use; 1: this one alone; -1: one per core.
        progress: Called after each plan with (done, in all).
        alike: Neighbours in *plans* differ little: each begins from the one before it, and several
            processes take strips of neighbours. The answers are as exact as without.
    """
    done: list[Allocation | Failed] = []
    for answer in _answers(plans, Options(gap, time_limit), jobs, alike=alike):
        done.append(answer)
        if progress is not None:
            progress(len(done), len(plans))
    return done


def _answers(
    plans: Sequence[Plan], options: Options, jobs: int, *, alike: bool
) -> Iterator[Allocation | Failed]:
    if jobs == 1 or len(plans) < 2:
        for strip in [plans] if alike else [[plan] for plan in plans]:
            yield from _strip(strip, options)
        return
    import joblib

    count = _STRIPS * joblib.effective_n_jobs(jobs) if alike else len(plans)
    cuts = np.linspace(0, len(plans), min(count, len(plans)) + 1).astype(int)
    strips = [plans[first:last] for first, last in itertools.pairwise(cuts)]
    for answers in each(partial(_solved, options=options), strips, jobs):
        yield from answers


def each(work: Callable[[_Item], _Result], items: Iterable[_Item], jobs: int) -> Iterator[_Result]:
    """What *work* makes of each item, in order, in *jobs* processes."""
    import joblib

    if jobs == 1:
        yield from map(work, items)
        return
    parallel = joblib.Parallel(n_jobs=jobs, return_as="generator")
    yield from parallel(joblib.delayed(work)(item) for item in items)


def _solved(plans: Sequence[Plan], options: Options) -> list[Allocation | Failed]:
    return list(_strip(plans, options))


def _strip(plans: Sequence[Plan], options: Options) -> Iterator[Allocation | Failed]:
    """The answers to *plans*, each begun from the one before: its arrays, its model, its plan.

    A plan without an answer is passed by, and the next begins where the last answer was.
    """
    compiled: Compiled | None = None
    options = replace(options, warm=Warm())
    for plan in plans:
        try:
            compiled = Compiled.of(plan) if compiled is None else compiled.at(plan)
            yield solved(plan, compiled.problem, options)
        except AdsplitError as error:
            yield Failed(plan, error)


def at_least(answer: Allocation, spend: Floats) -> Allocation:
    """*answer*, or the plan *spend* where that keeps the rules and is better within the gap.

    Answers are only as exact as their gaps; with this, answers to neighbouring questions agree.
    """
    if len(spend) != len(answer.spend):  # of a plan with other periods
        return answer
    columns = answer.problem.lift(spend)
    if not answer.problem.feasible(columns):
        return answer
    kept = given(answer.plan, answer.problem, spend.copy())
    if kept.objective <= answer.objective:
        return answer
    return replace(answer, spend=kept.spend, objective=kept.objective, hedge=kept.hedge)


def revenue(answer: Allocation) -> float:
    """Money that all outcomes bring, in today's worth; NaN where a line has no value per outcome.

    What earlier spend still brings is among it.
    """
    if np.isnan(answer.problem.grid.value).any():
        return float("nan")
    terms, columns = answer.problem.grid.worths()
    return float(terms @ answer.terms + columns @ answer.columns)


def profit(answer: Allocation) -> float:
    """Margin · revenue − spend, in today's worth; the margin is the objective's, or 1."""
    margin = getattr(answer.plan.objective, "margin", 1.0)
    periods, n = answer.plan.periods, answer.problem.grid.n_lines
    worth = np.ones(1) if periods is None else np.tile(periods.worth[: periods.count], n)
    return float(margin * revenue(answer) - (worth * answer.spend).sum())


def brand_share(answer: Allocation) -> float:
    """Share of all spend that goes to brand lines; NaN without roles or without spend."""
    role = answer.problem.grid.role
    if answer.spent <= 0 or not np.any(role != ""):
        return float("nan")
    return float(answer.spend[role == "brand"].sum() / answer.spent)
