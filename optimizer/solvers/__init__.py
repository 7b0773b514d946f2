"""Problem → Solution. ``solve`` tries what is quick, then the first of ``SOLVERS`` that can."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from optimizer.errors import NoSolver
from optimizer.plan.curves import Floats
from optimizer.problem import MANY, Need, Problem

from .branching import Branching
from .chained import Chained
from .chained import suits as suits_chains
from .linear import Linear
from .prices import Prices
from .separable import Separable, suits
from .solution import Clock, Options, Solution, Solver, Status, relative_gap
from .tangents import Tangents

__all__ = ["SOLVERS", "beyond", "solve"]

SOLVERS: tuple[Solver, ...] = (Linear(), Tangents(), Branching())
"""In order of preference: the simplest that can do it."""

LARGE: Solver = Prices()
"""For many lines, where it can: quick, and all but always proven."""

SMALL: Solver = Separable()
"""For S-curves under rules on sums of spend: quick, and all but always proven."""

TIMED: Solver = Chained()
"""For S-curves over time with few rules between lines: a bound from whole trajectories."""

# From so many lines on, a group's price says more than a tree of boxes.
_PRICED = 300


def beyond(problem: Problem) -> frozenset[Need]:
    """What a problem of very many lines needs and nothing here can do at that size."""
    return problem.needs - LARGE.abilities if problem.n_columns >= MANY else frozenset()


def solve(
    problem: Problem, options: Options | None = None, start: Floats | None = None
) -> Solution:
    """The best plan for *problem*, and a bound that no plan can beat.

    Args:
        problem: The question as arrays.
        options: Gap, time limit, progress.
        start: A feasible spend; the answer is never worse.

    Raises:
        NoSolver: no solver can do what the problem needs.
        SolverFailed: the backend gave up.
    """
    options = options or Options()
    clock, found = Clock(options.time_limit), None
    for solver in _in_turn(problem):
        answer = solver.solve(problem, _left(options, clock), start)
        last = clock.is_up or answer.reason == "interrupted" or problem.n_columns >= MANY
        enough = (last and answer.spend is not None) or problem.bare.any()
        if found is not None:
            answer = _with_bound(answer, found, options)
        if found is None or answer.status is not Status.STOPPED or not answer.gap > found.gap:
            found = answer
        if answer.status is not Status.STOPPED or enough:
            break
        start = start if answer.spend is None else answer.spend
    assert found is not None
    return replace(found, options=options, seconds=clock.seconds)


def _in_turn(problem: Problem) -> Iterator[Solver]:
    """Quick ones, then the first of :data:`SOLVERS` that is able, last the prices of groups.

    The last may prove what HiGHS cannot: gains so small that its tolerances hide them.
    """
    needs, reasons, priced = problem.needs, [], False
    for solver in _quick(problem, needs):
        priced |= solver is LARGE
        yield solver
    for solver in SOLVERS:
        lacking = needs - solver.abilities
        if not lacking:
            yield solver
            break
        reasons.append(f"{solver.name} cannot do {', '.join(sorted(lacking))}")
    else:
        raise NoSolver("; ".join(reasons))
    if not priced and not needs - LARGE.abilities:
        yield LARGE


def _quick(problem: Problem, needs: frozenset[Need]) -> Iterator[Solver]:
    """Solvers that prove most problems of their kind, and leave the others to :data:`SOLVERS`."""
    if problem.n_columns < MANY and suits(problem, needs):
        yield SMALL
    if problem.has_stocks and suits_chains(problem, needs):
        yield TIMED
    if problem.n_columns >= _PRICED and not needs - LARGE.abilities:
        yield LARGE


def _with_bound(answer: Solution, earlier: Solution, options: Options) -> Solution:
    """*answer* with the bound of an *earlier* one, where that is lower and has its proof."""
    if answer.spend is None or not earlier.proof or not earlier.bound < answer.bound:
        return answer
    bound = max(earlier.bound, answer.value)
    proven = relative_gap(answer.value, bound) <= options.gap
    return replace(
        answer,
        bound=bound,
        proof=earlier.proof,
        status=Status.OPTIMAL if proven else answer.status,
        reason="proven" if proven else answer.reason,
    )


def _left(options: Options, clock: Clock) -> Options:
    """The same with the time that is left."""
    if options.time_limit is None:
        return options
    return replace(options, time_limit=max(options.time_limit - clock.seconds, 0.0))
