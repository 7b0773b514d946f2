"""The last digits of a spend: bounds and sums that hold exactly, not to a solver's tolerance.

A solver keeps a rule to about 1e-9 of its size, which in a budget of millions is cents. Here the
spend is snapped to its bounds, and what is then missing from the conditions that bind is spread over
the lines that are free, so that money adds up to the last digit a computer holds.
"""

from __future__ import annotations

import numpy as np

from optimizer.plan.curves import Floats
from optimizer.problem import Problem

__all__ = ["settle"]

# What a solver leaves of a rule it means to keep exactly.
_NEAR = 1e-7


def settle(problem: Problem, spend: Floats) -> Floats:
    """*spend* with its bounds and binding spend rules met to the last digit."""
    low, high = problem.lower, problem.upper
    room = _NEAR * np.maximum(high, 1e-300)
    spend = np.clip(spend, low, high)
    spend = np.where(spend - low <= room, low, np.where(high - spend <= room, high, spend))
    near_floor = (problem.floor > 0) & (spend > room) & (abs(spend - problem.floor) <= room)
    spend = np.where(near_floor, problem.floor, spend)
    rows = problem.rows
    pure = (np.diff(rows.outcomes.indptr) == 0) & (np.diff(rows.switches.indptr) == 0)
    left = rows.spend @ spend
    scale = np.maximum(abs(rows.spend) @ spend, 1e-300)
    target = np.where(abs(left - rows.lower) <= abs(left - rows.upper), rows.lower, rows.upper)
    binds = np.flatnonzero(pure & np.isfinite(target) & (abs(left - target) <= 10 * _NEAR * scale))
    free = np.flatnonzero((spend > low) & (spend < high) & ~near_floor)
    if not len(binds) or not len(free):
        return spend
    # Weighted by spend, so that a small line is not moved by a large one's rounding.
    weight = spend[free]
    matrix = rows.spend[binds][:, free].toarray() * weight
    for _ in range(2):
        missing = target[binds] - (rows.spend @ spend)[binds]
        step = np.linalg.lstsq(matrix, missing, rcond=None)[0] * weight
        moved = spend.copy()
        moved[free] += step
        spend = np.clip(moved, low, high)
    return spend
