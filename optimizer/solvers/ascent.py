"""Local ascent: from a plan to a better one nearby, by linear programmes that trust a little room.

Every curve is replaced by its tangent at the present plan, the linear part is solved within a
trust region around it, and the step is taken if the true curves agree. It proves nothing; it finds
good plans early where S-curves are coupled by stocks, so that branch and bound need only prove.
"""

from __future__ import annotations

import numpy as np

from optimizer.plan.curves import Floats

from .linear import LinearPart
from .solution import Clock, Status
from .tangents import Box, Incumbent

__all__ = ["ascend"]

_STEPS = 40
# Room around the plan, as a share of what the largest cell spends: at first, and where it ends.
_FIRST, _LAST = 0.5, 1e-3
# A step that gains less than this share is none.
_GAIN = 1e-6


def ascend(part: LinearPart, box: Box, start: Floats, clock: Clock, incumbent: Incumbent) -> Floats:
    """The best plan reached from *start* within *box*; every step is offered to the *incumbent*.

    Args:
        part: The linear part; its bounds and cuts are changed.
        box: Bounds of all columns; switches are decided by it.
        start: A feasible plan, shape (n_columns,).
        clock: When to stop.
        incumbent: Keeps the best plan.
    """
    problem, n = part.problem, part.problem.n_cells
    here = problem.lift(np.clip(start, box.low, box.high))
    value = problem.value(here)
    size = max(float(here[:n].max(initial=0.0)), 1e-6 * problem.money)
    room = _FIRST
    reach = problem.curves.outcome(problem.exposure * box.high)
    work = np.flatnonzero(part.at_work)
    for _ in range(_STEPS):
        if clock.is_up or room < _LAST:
            break
        low, high = box.low.copy(), box.high.copy()
        low[:n] = np.maximum(low[:n], here[:n] - room * size)
        high[:n] = np.minimum(high[:n], here[:n] + room * size)
        part.drop_cuts()
        part.bound(low, np.maximum(low, high), box.switch_low, box.switch_high, reach)
        slope = _secant(part, here, room * size)
        intercept = problem.outcomes(here) - slope * problem.exposure * here
        part.cut(work, intercept[work], slope[work], np.full(len(work), -1))
        answer = part.solve(seconds=max(clock.limit - clock.seconds, 0.0))
        if answer.status is not Status.OPTIMAL:
            break
        there = problem.lift(np.clip(answer.spend, problem.lower, problem.upper))
        reached = problem.value(there)
        if reached > value + _GAIN * abs(value):
            here, value = there, reached
            incumbent.offer(here)
            room = min(1.5 * room, 1.0)
        else:
            room *= 0.35
    return here


def _secant(part: LinearPart, here: Floats, room: float) -> Floats:
    """Slopes at the plan; where a curve is flat at its start, what a step of *room* would gain."""
    problem = part.problem
    exposure = problem.exposure * here
    slope = problem.curves.slope(exposure)
    step = problem.exposure * room
    ahead = (problem.curves.outcome(exposure + step) - problem.curves.outcome(exposure)) / step
    return np.where(np.isfinite(slope), np.maximum(slope, 0.0), ahead)
