"""From the optimum of one problem to that of its neighbour: Newton's method on what held there.

Where the rules that bind and the lines at their bounds stay the same, the optimum moves smoothly
with the limits, and a few steps lead to it (Fiacco, Introduction to Sensitivity and Stability
Analysis, 1983). Where they change the steps end elsewhere; nothing here is taken on trust.
"""

from __future__ import annotations

import numpy as np

from optimizer.plan.curves import Floats
from optimizer.problem import Problem

__all__ = ["follow"]

_STEPS = 12
# A price that moves the objective by less than this share of it holds nothing.
_HELD = 1e-9
# Steps this small, as a share of the spend, have arrived.
_ARRIVED = 1e-12
# A line is at most so far emptied or filled in one step, as a share of itself.
_REACH = 0.7
_TINY = 1e-300


def follow(problem: Problem, spend: Floats, prices: Floats) -> Floats:
    """Where the optimum *spend* of a problem like *problem* goes, shape (n_columns,).

    Args:
        problem: Concave, its rules on spend.
        spend: The neighbour's optimum.
        prices: The prices of its rows there, shape (n_rows,): those with a price bind.
    """
    rows, low, high = problem.rows, problem.lower, problem.upper
    spend = np.clip(spend, low, high)
    limit = np.where(prices > 0, rows.upper, rows.lower)
    limit = np.where(np.isfinite(limit), limit, np.where(prices > 0, rows.lower, rows.upper))
    worth = abs(prices) * (abs(rows.spend) @ spend)
    held = np.flatnonzero((worth > _HELD * worth.max(initial=0.0)) & np.isfinite(limit))
    matrix, limit, price = rows.spend[held].toarray(), limit[held], prices[held]
    for _ in range(_STEPS):
        step = np.where(spend > 0, 1e-5 * spend, 1e-8 * high)
        up, down = problem.slopes(spend + step), problem.slopes(abs(spend - step))
        with np.errstate(invalid="ignore"):  # a line of no width may stand where it is vertical
            bend = problem.weights * (up - down) / np.maximum(2 * step, _TINY)
        gain = problem.weights * np.nan_to_num(problem.slopes(spend), posinf=0.0) - problem.price
        left = gain - matrix.T @ price
        free = (bend < 0) & ((spend > low) | (left > 0)) & ((spend < high) | (left < 0))
        across, ease = matrix[:, free], -1.0 / bend[free]
        missing = limit - matrix @ spend
        # The rows' prices first: (A E Aᵀ) λ = A E g − missing; then dx = E (g − Aᵀ λ).
        system, right = (across * ease) @ across.T, (across * ease) @ gain[free] - missing
        price = np.linalg.lstsq(system, right, rcond=1e-13)[0]
        change = ease * (gain[free] - across.T @ price)
        have = spend[free]
        reach = _REACH * np.maximum(have, 1e-3 * high[free])
        moved = np.clip(have + np.clip(change, -reach, reach), low[free], high[free])
        far = np.any(abs(moved - have) > _ARRIVED * np.maximum(have, _TINY))
        spend[free] = moved
        if not far:
            break
    return spend
