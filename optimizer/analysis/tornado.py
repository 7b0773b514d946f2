"""Every assumption low and high, one at a time: how much the answer hangs on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.allocation import Allocation
from optimizer.errors import Fault, PlanError
from optimizer.plan.document import Assumption, assumptions, replace_at
from optimizer.plan.plan import Plan
from optimizer.shown import Shown
from optimizer.solving import optimize

from .variations import Counted, Failed, at_least, solve_all

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Tornado", "tornado"]

COLUMNS = (
    "path",
    "label",
    "value",
    "low",
    "high",
    "reoptimised_low",
    "reoptimised_high",
    "kept_low",
    "kept_high",
    "swing",
    "grade",
    "source",
)


@dataclass(frozen=True, eq=False)
class Tornado(Shown):
    """What becomes of the objective when one assumption is wrong.

    ``frame`` has one row per numeric assumption that is not zero, the largest swing first. Columns:

    - path, label: where the number stands, and its name in short
    - value, low, high: the number as stated and changed; a side that the field does not allow is
      the nearest that it does
    - reoptimised_low, reoptimised_high: objective of the best plan in the changed world; NaN where
      it has none
    - kept_low, kept_high: objective if the recommended plan is kept; NaN where it breaks a rule
      there
    - swing: distance between the best plans' objectives, the base among them
    - grade, source: of the number's origin, or empty
    """

    plan: Plan
    base: float
    """The objective as the plan stands."""
    frame: pd.DataFrame


def tornado(
    plan: Plan,
    spread: float = 0.2,
    *,
    top: int | None = None,
    gap: float = 1e-6,
    time_limit: float | None = None,
    jobs: int = 1,
    progress: Counted | None = None,
) -> Tornado:
    """Each numeric assumption of *plan* changed by ± *spread*, one at a time.

    Args:
        plan: The question.
        spread: Relative change, such as 0.2 for 20 %.
        top: How many rows to keep; all by default.
        gap: Largest relative distance to the bound at which each search may end.
        time_limit: Seconds for each plan.
        jobs: Processes to use.
        progress: Called with (plans done, plans in all).

    Raises:
        PlanError: *spread* is not between 0 and 1.
        SolveError: the plan itself has no answer.
    """
    import pandas as pd

    if not 0 < spread < 1:
        raise PlanError(Fault("spread", f"{spread!r} is out of range", "Give a share in (0, 1)"))
    base = optimize(plan, gap=gap, time_limit=time_limit)
    stated = [one for one in assumptions(plan) if one.value != 0]
    sides = [_nearest(plan, one, factor) for one in stated for factor in (1 - spread, 1 + spread)]
    answers = solve_all(
        [changed for _, changed in sides],
        gap=gap,
        time_limit=time_limit,
        jobs=jobs,
        progress=progress,
        alike=True,
    )
    results = [_result(base, answer) for answer in answers]
    records = [
        _record(base, one, (sides[2 * i][0], sides[2 * i + 1][0]), results[2 * i : 2 * i + 2])
        for i, one in enumerate(stated)
    ]
    frame = pd.DataFrame(records, columns=list(COLUMNS))
    frame = frame.sort_values("swing", ascending=False, kind="stable", ignore_index=True)
    return Tornado(plan, base.objective, frame if top is None else frame.head(top))


def _nearest(plan: Plan, one: Assumption, factor: float) -> tuple[float, Plan]:
    """The value nearest to factor · value that the plan allows, and the plan with it."""
    wanted = one.value * factor
    if (changed := _tried(plan, one.path, wanted)) is not None:
        return wanted, changed
    good, bad = one.value, wanted
    for _ in range(40):
        middle = (good + bad) / 2
        good, bad = (good, middle) if _tried(plan, one.path, middle) is None else (middle, bad)
    edge = round(good, 9)
    if (changed := _tried(plan, one.path, edge)) is not None and edge != one.value:
        return edge, changed
    # The field is open at its edge, where its curve would degenerate: stay a tenth away.
    inside = one.value + 0.9 * (good - one.value)
    changed = _tried(plan, one.path, inside)
    return (one.value, plan) if changed is None else (inside, changed)


def _tried(plan: Plan, path: str, value: float) -> Plan | None:
    try:
        return replace_at(plan, path, value)
    except PlanError:
        return None


def _result(base: Allocation, answer: Allocation | Failed) -> tuple[float, float]:
    """The objective of the best plan and of the kept plan in the world of *answer*."""
    if isinstance(answer, Failed):
        return float("nan"), float("nan")
    # A kept plan stands at its rules' limits, to the last digits that the solver left.
    columns = answer.problem.lift(base.spend)
    if not answer.problem.feasible(columns, 1e-8):
        return answer.objective, float("nan")
    best = at_least(answer, base.spend)
    kept = answer.problem.value(columns)
    return max(best.objective, kept), kept


def _record(
    base: Allocation,
    one: Assumption,
    side: tuple[float, float],
    results: list[tuple[float, float]],
) -> dict[str, Any]:
    (best_low, kept_low), (best_high, kept_high) = results
    known = [value for value in (best_low, best_high, base.objective) if not np.isnan(value)]
    values = (
        one.path,
        label(one.path),
        one.value,
        *side,
        best_low,
        best_high,
        kept_low,
        kept_high,
        max(known) - min(known),
        "" if one.origin is None else str(one.origin.grade),
        "" if one.origin is None else one.origin.source,
    )
    return dict(zip(COLUMNS, values, strict=True))


def label(path: str) -> str:
    """A path in short: ``channels.search.brand.curve.half`` is ``search.brand half``."""
    words = path.split(".")
    if words[0] == "channels":
        inner = [word for word in words[1:-1] if word not in {"curve", "carryover"}]
        return f"{'.'.join(inner)} {words[-1].replace('_', ' ')}"
    if words[:2] == ["funnel", "rates"]:
        return f"{words[2]} rate"
    if words[:2] == ["funnel", "value"]:
        return f"value of a {words[2]}"
    if words[:2] == ["funnel", "capacity"]:
        return f"capacity for {words[2]}"
    if words[0] in {"goodwill", "funnel"} and len(words) > 2:
        inner = [word for word in words[:-1] if word not in {"curve", "funnel"}]
        return f"{' '.join(inner)} {words[-1].replace('_', ' ')}"
    if words[0] == "goodwill":
        return f"goodwill {words[-1].replace('_', ' ')}"
    return words[-1].replace("_", " ")
