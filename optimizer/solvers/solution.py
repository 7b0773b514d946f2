"""What a solver is asked and what it answers.

A :class:`Solver` declares its ``abilities``; :func:`optimizer.solvers.solve` compares them with
what a problem needs. Its obligations: the spend it returns keeps the bounds and every hard row to
``TOLERANCE``; the value is that of the true curves at that spend; the bound is one that no plan
can beat; without a plan it says so by the status and never invents one; it stops soon after the
clock runs out or the user interrupts, with the best plan found so far.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from optimizer.errors import Fault, PlanError
from optimizer.plan.curves import Floats
from optimizer.problem import Need, Problem

if TYPE_CHECKING:
    from .linear import LinearPart

__all__ = ["Clock", "Duals", "Options", "Progress", "Proof", "Solution", "Solver", "Status", "Warm"]

Proof = dict[str, Any]
"""A tree that proves a bound, as plain data. A leaf holds the ``prices`` of the rows, or a ``ray``
of prices where no plan exists; a division holds ``line``, ``at`` and the parts ``below`` and
``above``, or ``switch`` and the parts ``off`` and ``on``."""


class Status(StrEnum):
    """How a solve ended."""

    OPTIMAL = "optimal"
    """Proven: nothing is better by more than the gap."""
    STOPPED = "stopped"
    """A plan, but stopped by time or by the user before its proof."""
    INFEASIBLE = "infeasible"
    """No plan keeps all the rules."""
    UNBOUNDED = "unbounded"
    """The objective can grow without limit."""


Progress = Callable[[float, float | None, float], None]
"""Called now and then with (seconds, best value so far or None, bound)."""


@dataclass(eq=False)
class Warm:
    """What one solve leaves to the next of a problem like it; for one thread, and not for files.

    A solver takes from it what fits the problem at hand and leaves what it ends with. It changes
    how fast an answer is found and never what may be proven: every bound is worked out anew.
    """

    part: LinearPart | None = None
    """The model in HiGHS, with the basis of its last optimum."""
    spend: Floats | None = None
    """The last best plan, shape (n_columns,)."""
    prices: Floats | None = None
    """Prices of the rows there, shape (n_rows,); None where they do not exist."""


@dataclass(frozen=True)
class Options:
    """How far and how long to search."""

    gap: float = 1e-4
    """Largest relative distance between value and bound at which the search may end."""
    time_limit: float | None = None
    """Seconds; None: until proven."""
    progress: Progress | None = None
    warm: Warm | None = field(default=None, compare=False, repr=False)
    """What solves of problems like this one left; used and renewed."""

    def __post_init__(self) -> None:
        if not 0 < self.gap < 1:
            raise PlanError(Fault("gap", f"{self.gap!r} is no gap", "Give a share such as 1e-4"))
        if self.time_limit is not None and not self.time_limit >= 0:
            raise PlanError(
                Fault("time_limit", f"{self.time_limit!r} is no time", "Give seconds, or None")
            )


class Clock:
    """The time a solve has had, and whether it is up."""

    def __init__(self, limit: float | None) -> None:
        self.started = time.perf_counter()
        self.limit = np.inf if limit is None else limit

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.started

    @property
    def is_up(self) -> bool:
        """Whether the limit has passed."""
        return self.seconds >= self.limit

    @property
    def reason(self) -> str:
        """Why a search ends here without a proof."""
        return "time limit" if self.is_up else "the arithmetic has no more digits to give"


@dataclass(frozen=True, eq=False)
class Duals:
    """Derivatives of the optimum; they exist where the problem is concave and has no switches."""

    rows: Floats
    """Gain per unit by which a row's limit is moved up, shape (n_rows,)."""
    bounds: Floats
    """Gain per unit by which the bound that holds a line is moved up, shape (n_columns,); 0 where
    none does."""

    @classmethod
    def at(cls, problem: Problem, spend: Floats, rows: Floats) -> Duals:
        """The prices at an optimum; 0 for every line that no bound holds."""
        left = left_over(problem, spend, rows)
        held = (spend <= problem.lower) | (spend >= problem.upper)
        return cls(rows, np.where(held & np.isfinite(left), left, 0.0))


def left_over(problem: Problem, spend: Floats, rows: Floats) -> Floats:
    """What a bound is worth, from the prices λ of the rows, shape (n_columns,).

    Where no bound holds a line its marginal return meets the rows' prices; what is left over,
    μ = w·f′(x) − p − Σᵣ λᵣ·(Aᵣ + Bᵣ·f′(x)), is the price of the bound: above 0 at a maximum and
    below it at a minimum.
    """
    worth = problem.weights - problem.rows.outcomes.T @ rows
    with np.errstate(invalid="ignore"):
        gained = np.where(worth == 0, 0.0, worth * problem.slopes(spend))
    return np.asarray(gained - problem.price - problem.rows.spend.T @ rows, float)


@dataclass(frozen=True, eq=False)
class Solution:
    """Numbers and a certificate."""

    status: Status
    spend: Floats | None = None
    """Shape (n_columns,); None without a plan."""
    value: float = float("nan")
    """The objective on the true curves."""
    bound: float = float("inf")
    """No plan is better than this."""
    duals: Duals | None = None
    proof: Proof | None = None
    """Why nothing is better than the bound: what :mod:`optimizer.certificate` checks."""
    solver: str = ""
    reason: str = ""
    """Why it ended, in the solver's words."""
    seconds: float = 0.0
    nodes: int = 0
    """Parts the problem was divided into."""
    options: Options = field(default_factory=Options)

    @property
    def gap(self) -> float:
        """(bound − value) / max(|value|, |bound|); 0 where both are 0."""
        return relative_gap(self.value, self.bound)


def relative_gap(value: float, bound: float) -> float:
    """How far *value* may be from the optimum, as a share of it."""
    size = max(abs(value), abs(bound))
    if bound == float("inf"):
        return bound
    return max(bound - value, 0.0) / size if size > 0 else 0.0


class Solver(Protocol):
    """One way to solve problems; see the obligations above."""

    name: str
    abilities: frozenset[Need]

    def solve(self, problem: Problem, options: Options, start: Floats | None) -> Solution:
        """The best plan within *options*; *start*, a feasible spend, is never made worse."""
