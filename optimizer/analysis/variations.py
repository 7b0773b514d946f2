"""Many plans, one map: in turn, or over several processes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import numpy as np

from optimizer.allocation import Allocation, given
from optimizer.compiling import Compiled
from optimizer.errors import AdsplitError, SolverFailed
from optimizer.measuring import fingerprint
from optimizer.plan.curves import Floats
from optimizer.plan.plan import Plan
from optimizer.solvers.solution import Options, Warm
from optimizer.solving import solved

from .batches import Counted, Kept, Strips, finished, heed
from .members import Changed, Failed, record_of, restored
from .store import Store

__all__ = [
    "Changed",
    "Counted",
    "Failed",
    "at_least",
    "brand_share",
    "profit",
    "revenue",
    "solve_all",
    "tell_all",
]

T = TypeVar("T")

# Neighbours that begin one from the other. A plan of twelve lines is found in three quarters of the
# time when it begins from its neighbour; longer strips would leave processes without work.
_STRIP = 8


def solve_all(
    plans: Sequence[Plan | Changed],
    *,
    gap: float = 1e-4,
    time_limit: float | None = None,
    jobs: int = 1,
    progress: Counted | None = None,
    alike: bool = False,
    store: str | os.PathLike[str] | None = None,
    question: Any = None,
) -> list[Allocation | Failed]:
    """The answer to each of *plans*, in their order; one that fails does not stop the others.

    The answers are the same for any number of processes.

    Args:
        plans: The questions.
        gap: Largest relative distance to the bound at which each search may end.
        time_limit: Seconds for each plan.
        jobs: Processes to use; 1: this one alone; -1: one per core. Within a
            ``joblib.parallel_config`` they are those of its backend, such as Dask or Ray.
        progress: Called with (done, in all) after each plan, or after each strip of neighbours.
        alike: Neighbours in *plans* differ little: eight at a time begin each from the one before
            it. The answers are as exact as without.
        store: A file of finished plans; read where it is there, and added to.
        question: What *plans* follow from, as plain data, where that is less than all of them.

    Raises:
        PlanError: the store is of another question.
    """
    strips = _strips(plans, _STRIP if alike else 1)
    options, kept = Options(gap, time_limit), None
    if store is not None:
        of = _digest(plans) if question is None else question
        kept = Kept(
            Store.of(store, "plans", _question(of, strips, options)),
            lambda found: [record_of(one) for one in found],
            lambda k, records: [
                restored(plan, record, options)
                for plan, record in zip(strips[k], records, strict=True)
            ],
        )
    work = partial(_solved, options=options)
    found = finished(work, strips, jobs=jobs, progress=progress, kept=kept, lost=_lost)
    return [answer for answers in found for answer in answers]


def tell_all(
    plans: Sequence[Plan | Changed],
    tell: Callable[[Allocation | Failed], dict[str, Any]],
    question: Any,
    *,
    gap: float = 1e-4,
    time_limit: float | None = None,
    jobs: int = 1,
    progress: Counted | None = None,
    store: str | os.PathLike[str] | None = None,
) -> list[dict[str, Any]]:
    """What *tell* says of the answer to each of *plans*, which are neighbours of one another.

    For very many plans: an answer is told where it was found and then forgotten.

    Args:
        plans: The questions.
        tell: Plain data from an answer.
        question: What *plans* and *tell* follow from, as plain data; a store keeps it.
        gap: As for :func:`solve_all`, as all below.
        time_limit: Seconds for each plan.
        jobs: Processes to use.
        progress: Called after each strip of neighbours.
        store: A file of what was told.

    Raises:
        PlanError: the store is of another question.
    """
    strips, options = _strips(plans, _STRIP), Options(gap, time_limit)
    kept: Kept[list[dict[str, Any]]] | None = None
    if store is not None:
        written = Store.of(store, "points", _question(question, strips, options))
        kept = Kept(written, lambda found: found, lambda _, records: records)
    work = partial(_told, options=options, tell=tell)
    found = finished(
        work,
        strips,
        jobs=jobs,
        progress=progress,
        kept=kept,
        lost=lambda members, error: [tell(one) for one in _lost(members, error)],
    )
    return [row for rows in found for row in rows]


def _strips(plans: Sequence[T], length: int) -> Strips[Sequence[T]]:
    return Strips(len(plans), length, lambda at: plans[at])


def _question(of: Any, strips: Strips[Any], options: Options) -> dict[str, Any]:
    """All that the strips of a store depend on."""
    how = {"gap": options.gap, "time_limit": options.time_limit, "strip": strips.length}
    text = json.dumps(of, sort_keys=True)
    return {"question": hashlib.sha256(text.encode()).hexdigest(), **how}


def _digest(plans: Sequence[Plan | Changed]) -> str:
    """A hash of plans, in their order."""
    digest = hashlib.sha256()
    for plan in plans:
        digest.update(fingerprint(plan if isinstance(plan, Plan) else plan.plan).encode())
    return digest.hexdigest()


def _told(
    plans: Sequence[Plan | Changed],
    options: Options,
    tell: Callable[[Allocation | Failed], dict[str, Any]],
) -> list[dict[str, Any]]:
    return [tell(answer) for answer in _strip(plans, options)]


def _lost(plans: Sequence[Plan | Changed], error: SolverFailed) -> list[Allocation | Failed]:
    """Rows for plans whose process died."""
    return [Failed(one if isinstance(one, Plan) else one.base, error) for one in plans]


def _solved(plans: Sequence[Plan | Changed], options: Options) -> list[Allocation | Failed]:
    return list(_strip(plans, options))


def _strip(plans: Sequence[Plan | Changed], options: Options) -> Iterator[Allocation | Failed]:
    """The answers to *plans*, each begun from the one before: its arrays, its model, its plan.

    A plan without an answer is passed by, and the next begins where the last answer was.
    """
    compiled: Compiled | None = None
    options = replace(options, warm=Warm())
    for member in plans:
        plan = member if isinstance(member, Plan) else member.base
        try:
            plan = member if isinstance(member, Plan) else member.plan
            compiled = Compiled.of(plan) if compiled is None else compiled.at(plan)
            answer = solved(plan, compiled.problem, options)
            heed(answer.reason)
            yield answer
        except AdsplitError as error:
            heed(str(error))
            yield Failed(plan, error)
        except Exception as error:  # noqa: BLE001 - whatever befalls a plan, others are answered
            options = replace(options, warm=Warm())
            yield Failed(plan, SolverFailed(f"{type(error).__name__}: {error}"))


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
