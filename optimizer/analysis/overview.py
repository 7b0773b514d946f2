"""Everything that is worth knowing of one plan, as the report shows it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from optimizer.allocation import Allocation
from optimizer.errors import PlanError
from optimizer.plan.plan import Plan

from .certainty import Certainty, certainty
from .commitment import Committed, commit
from .comparison import Comparison, compare
from .explorer import Explorer, explore
from .frontier import Frontier, frontier
from .horizon import Horizons, horizon_sweep
from .information import Information, has_worth, information
from .prices import Prices, rule_prices
from .sweep import Sweep, budget_sweep, ruled_share, split_sweep
from .tornado import Tornado, tornado
from .variations import Counted, solve_all

__all__ = ["overview", "suited"]

Analysis = (
    Prices
    | Sweep
    | Horizons
    | Certainty
    | Information
    | Frontier
    | Committed
    | Tornado
    | Comparison
    | Explorer
)

# Worlds of a plan with stocks in which a report looks for the best plan.
_REDRAWS = 32
# The chart of what safety costs: its draws, weights of the worst tenth, and how exact it is.
_DRAWS, _WEIGHTS, _GAP = 128, (0.0, 0.2, 0.5, 1.0), 1e-3


def suited(plan: Plan, what_ifs: Collection[str] = ()) -> list[str]:
    """Which analyses a plan has a use for, in the order of the report.

    Of prices, frontier (the budget), rule (the split), horizon, sure, test, safety, commitment,
    tornado, scenarios, explore.
    """
    brings = plan.uncertainty is not None
    uses = {
        "prices": True,
        "frontier": bool(plan.budget) or all(line.current is not None for line in plan.lines),
        "rule": {line.role for line in plan.lines} >= {"brand", "traffic"},
        "horizon": plan.periods is not None and _has_rule(plan),
        "sure": brings,
        "test": brings,
        "safety": brings,
        "commitment": brings and plan.commitment is not None,
        "tornado": True,
        "scenarios": bool(what_ifs),
        "explore": True,
    }
    return [name for name, has_use in uses.items() if has_use]


def overview(
    best: Allocation,
    what_ifs: Mapping[str, Plan] | None = None,
    *,
    only: Collection[str] | None = None,
    time_limit: float | None = None,
    jobs: int = 1,
    progress: Counted | None = None,
) -> list[Analysis]:
    """Prices of the rules, sweeps, how sure the plan is, tornado, what-ifs, and points to turn to.

    What a plan has no use for is left out: without a budget and today's spend there is no budget
    sweep, without brand and traffic lines no sweep of their split, without periods or a rule for
    that split no sweep of the horizon. A plan with periods is some twelve times as large: its
    sweeps have half the points, and how far prices hold is not looked for.

    Args:
        best: The answer to the plan.
        what_ifs: Other plans to compare it with, by name.
        only: Names as in :func:`suited`, to leave the others out.
        time_limit: Seconds for each plan that is solved.
        jobs: Processes to use.
        progress: Called after each plan with (done, in all), anew for each analysis.
    """
    plan = best.plan
    how: dict[str, Any] = {"time_limit": time_limit, "jobs": jobs, "progress": progress}
    one_period = plan.periods is None
    points = 21 if one_period else 11
    wanted = suited(plan, list(what_ifs or ()))
    if only is not None:
        wanted = [name for name in wanted if name in only]
    found: list[Analysis] = []
    if "prices" in wanted:
        found.append(rule_prices(best, ranges=one_period, costs=True))
    if "frontier" in wanted:
        found.append(budget_sweep(plan, points, **how))
    if "rule" in wanted:
        found.append(split_sweep(plan, points, **how))
    if "horizon" in wanted:
        found.append(horizon_sweep(plan, gap=best.options.gap, **how))
    if "sure" in wanted or "test" in wanted:
        # Each stock makes a world a search of its own; a report does with fewer.
        redraws = _REDRAWS if best.problem.has_stocks else None
        sure = certainty(best, what_ifs, redraws=redraws, gap=best.options.gap, **how)
        found.append(sure)
        if "test" in wanted and has_worth(best):
            found.append(information(sure, progress=progress))
    if "safety" in wanted:
        found.append(frontier(_fewer_draws(plan), weights=_WEIGHTS, gap=_GAP, **how))
    if "commitment" in wanted:
        found.append(commit(plan, time_limit=time_limit, progress=progress))
    if "tornado" in wanted:
        found.append(tornado(plan, gap=min(best.options.gap, 1e-5), **how))
    others = dict(what_ifs or {}) if {"scenarios", "explore"} & set(wanted) else {}
    answers = solve_all(list(others.values()), gap=best.options.gap, **how)
    answered = dict(zip(others, answers, strict=True))
    if answered and "scenarios" in wanted:
        found.append(compare({"base": best, **answered}))
    if "explore" in wanted:
        found.append(explore(best, answered, gap=best.options.gap, **how))
    return found


def _fewer_draws(plan: Plan) -> Plan:
    """*plan* with as many draws as a chart shows the difference of."""
    uncertainty = plan.uncertainty
    assert uncertainty is not None  # the caller has asked
    draws = min(uncertainty.draws or _DRAWS, _DRAWS)
    return replace(plan, uncertainty=replace(uncertainty, draws=draws))


def _has_rule(plan: Plan) -> bool:
    """Whether one share of brand is asked for."""
    try:
        ruled_share(plan)
    except PlanError:
        return False
    return True
