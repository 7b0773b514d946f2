"""Why no plan keeps all the rules, and the least change that mends it."""

from __future__ import annotations

from optimizer.errors import Infeasible
from optimizer.plan.plan import Plan
from optimizer.problem import Problem

__all__ = ["explain"]


def explain(plan: Plan, problem: Problem) -> Infeasible:
    """The error to raise for an infeasible *problem*."""
    return Infeasible(f"no plan keeps all the rules of {plan.name!r}")
