"""Problem → Solution. ``solve`` picks the first of ``SOLVERS`` that can do what is needed."""

from __future__ import annotations

from optimizer.errors import NoSolver
from optimizer.plan.curves import Floats
from optimizer.problem import MANY, Need, Problem

from .branching import Branching
from .linear import Linear
from .prices import Prices
from .solution import Options, Solution, Solver, Status
from .tangents import Tangents

__all__ = ["SOLVERS", "beyond", "solve"]

SOLVERS: tuple[Solver, ...] = (Linear(), Tangents(), Branching())
"""In order of preference: the simplest that can do it."""

LARGE: Solver = Prices()
"""For many lines, where it can: quick, and all but always proven."""

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
    options, reasons = options or Options(), []
    if problem.n_columns >= _PRICED and not problem.needs - LARGE.abilities:
        quick = LARGE.solve(problem, options, start)
        enough = problem.n_columns >= MANY and quick.spend is not None
        if quick.status is not Status.STOPPED or enough or problem.bare.any():
            return quick
        start = start if quick.spend is None else quick.spend
    for solver in SOLVERS:
        lacking = problem.needs - solver.abilities
        if not lacking:
            return solver.solve(problem, options, start)
        reasons.append(f"{solver.name} cannot do {', '.join(sorted(lacking))}")
    raise NoSolver("; ".join(reasons))
