"""What safety costs: expected value against the mean of the worst worlds, plan by plan.

Each point is the best plan under a weighing of the two (:class:`optimizer.plan.risk.CVaR` by its
``weight``), so that no plan is better in both (Markowitz's frontier, with CVaR for the variance:
Rockafellar & Uryasev, 2000).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from optimizer.allocation import Allocation
from optimizer.errors import Fault, PlanError
from optimizer.plan.plan import Plan
from optimizer.plan.risk import CVaR, Expected
from optimizer.shown import Shown
from optimizer.solvers.weightings import Weighting
from optimizer.solving import optimize

from .variations import Counted, solve_all

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Frontier", "frontier"]

WEIGHTS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, eq=False)
class Frontier(Shown):
    """The best plans from the greatest expected value to the safest.

    ``frame`` has one row per weight, rising. Its columns:

    - weight: of the mean of the worst worlds; the rest is on the mean of all
    - status: optimal, stopped, infeasible or failed
    - expected: mean of the objective over the draws; NaN without a plan
    - worst: its mean over the worst draws, a share 1 − level of them
    - spent: money
    - gap: how far the weighed value may be from the best, as a share
    """

    plan: Plan
    level: float
    frame: pd.DataFrame
    allocations: tuple[Allocation | None, ...]
    """The answer at each weight; None where there is none."""
    stated: tuple[float, float] | None = None
    """Mean of all draws and of the worst, of the best plan for the numbers as stated."""


def frontier(
    plan: Plan,
    level: float = 0.9,
    weights: Sequence[float] = WEIGHTS,
    *,
    gap: float = 1e-4,
    time_limit: float | None = None,
    jobs: int = 1,
    progress: Counted | None = None,
) -> Frontier:
    """The frontier of expected value against CVaR; a ``risk`` that the plan has does not matter.

    Args:
        plan: A question with ``uncertainty``.
        level: The worst worlds are the share one minus this.
        weights: Of the mean of the worst worlds, from 0 (expected value alone) to 1.
        gap: Largest relative distance to the bound at which each search may end.
        time_limit: Seconds for each point.
        jobs: Processes to use; 1: this one alone; -1: one per core.
        progress: Called with plans done, and plans in all.

    Raises:
        PlanError: a weight is not from 0 to 1, or the level is no share.
    """
    import pandas as pd

    if not weights or not all(0 <= weight <= 1 for weight in weights):
        raise PlanError(Fault("weights", f"{list(weights)!r} are no shares", "Give some, 0 to 1"))
    tail = CVaR(level)
    plans = [
        replace(plan, risk=replace(tail, weight=weight) if weight > 0 else Expected())
        for weight in sorted(weights)
    ]
    found = solve_all(plans, gap=gap, time_limit=time_limit, jobs=jobs, progress=progress)
    nothing = float("nan")
    rows: list[tuple[object, ...]] = []
    for weight, one in zip(sorted(weights), found, strict=True):
        if not isinstance(one, Allocation) or one.hedge is None:
            rows.append((weight, str(one.status), nothing, nothing, nothing, nothing))
            continue
        hedge = one.hedge
        worst = Weighting.of(tail, hedge.worlds.weight).value(hedge.values)
        rows.append((weight, str(one.status), hedge.expected, worst, one.spent, one.gap))
    kept = tuple(one if isinstance(one, Allocation) else None for one in found)
    frame = pd.DataFrame(rows, columns=["weight", "status", "expected", "worst", "spent", "gap"])
    return Frontier(plan, level, frame, kept, _as_stated(plan, tail, kept, gap, time_limit))


def _as_stated(
    plan: Plan,
    tail: CVaR,
    found: Sequence[Allocation | None],
    gap: float,
    time_limit: float | None,
) -> tuple[float, float] | None:
    """Where the plan for the numbers as stated is among the others."""
    hedge = next((one.hedge for one in found if one is not None and one.hedge is not None), None)
    if hedge is None:
        return None
    best = optimize(replace(plan, risk=None), gap=gap, time_limit=time_limit)
    values = hedge.worlds.values(best.spend)
    weighting = Weighting.of(tail, hedge.worlds.weight)
    return float(hedge.worlds.weight @ values), weighting.value(values)
