"""Problem → Solution. ``solve`` picks the first of ``SOLVERS`` that can do what is needed."""

from __future__ import annotations

from optimizer.errors import NoSolver
from optimizer.plan.curves import Floats
from optimizer.problem import Problem

from .branching import Branching
from .linear import Linear
from .solution import Options, Solution, Solver
from .tangents import Tangents

__all__ = ["SOLVERS", "solve"]

SOLVERS: tuple[Solver, ...] = (Linear(), Tangents(), Branching())
"""In order of preference: the simplest that can do it."""


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
    reasons = []
    for solver in SOLVERS:
        lacking = problem.needs - solver.abilities
        if not lacking:
            return solver.solve(problem, options or Options(), start)
        reasons.append(f"{solver.name} cannot do {', '.join(sorted(lacking))}")
    raise NoSolver("; ".join(reasons))
