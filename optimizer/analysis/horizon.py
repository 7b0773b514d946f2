"""Over how long a time does the brand rule pay? The best split for each horizon that counts.

Brand money fills goodwill, which lasts; traffic money works at once. So the best free share of
brand grows with the time over which outcomes count. Each horizon is solved twice: with the
brand:traffic rule, and without it, all other rules in force in both.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.allocation import Allocation
from optimizer.errors import Fault, PlanError
from optimizer.plan.periods import Periods
from optimizer.plan.plan import Plan
from optimizer.shown import Shown
from optimizer.words.voice import Voice

from .sweep import ruled_share, without_splits
from .variations import Counted, Failed, at_least, brand_share, solve_all

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "Horizons", "horizon_sweep"]

COLUMNS = (
    "horizon",
    "label",
    "brand_share",
    "rule_share",
    "value_rule",
    "value_free",
    "cost",
    "status",
    "reason",
)

_PER_YEAR = {"week": 52, "month": 12, "quarter": 4}
# The plan's own length up to this many years is asked, once every quarter of a year at most.
_YEARS = 5
_POINTS = 9
# Brand shares this close are the same one: answers are as exact as their gaps.
_SAME_SHARE = 1e-4


@dataclass(frozen=True, eq=False)
class Horizons(Shown):
    """The best split for each horizon, and what the brand rule costs there.

    ``frame`` has one row per horizon, by increasing length. Its columns:

    - horizon: periods from the start over which outcomes count
    - label: the last of these periods (``2031-12``)
    - brand_share: share of brand at the best free split; NaN without an answer
    - rule_share: share of brand that the rule asks for
    - value_rule, value_free: the objective with the rule, and without it
    - cost: what the rule costs, ``value_free − value_rule``; 0 or more
    - status: optimal, stopped, infeasible or failed, the worse of the two
    - reason: why there is no plan, else empty
    """

    plan: Plan
    rule_share: float
    """Share of brand that the rule asks for."""
    frame: pd.DataFrame
    crosses: float | None = None
    """The first horizon from which on the best free share of brand is at least the rule's, in
    periods; between two solved horizons by a straight line. None: it is not, up to the last."""
    between: tuple[int, int] | None = None
    """The two solved horizons that ``crosses`` lies between; None where it is one of them."""

    @property
    def every(self) -> str:
        """How long a period is: week, month or quarter."""
        assert self.plan.periods is not None
        return self.plan.periods.every

    def sentences(self, lang: str = "en") -> list[str]:
        """What the table says, in words: where the rule becomes best, and its cost before."""
        voice = Voice(self.plan, lang)
        return [self._crossing(voice), *self._costs(voice)]

    def _solved(self) -> pd.DataFrame:
        return self.frame[self.frame["brand_share"].notna()]

    def span(self, voice: Voice, horizon: float) -> str:
        """A length of time in words: ``30 months``."""
        return voice.say(f"horizon.{self.every}", count=f"{horizon:.0f}")

    def _crossing(self, voice: Voice) -> str:
        solved, rule = self._solved(), voice.percent(self.rule_share, 0)
        if solved.empty:
            return voice.say("horizon.nothing")
        first, last = solved.iloc[0], solved.iloc[-1]
        ends = {
            "rule": rule,
            "first": self.span(voice, first["horizon"]),
            "first_share": voice.percent(first["brand_share"], 0),
            "last": self.span(voice, last["horizon"]),
            "last_share": voice.percent(last["brand_share"], 0),
        }
        if self.crosses is None:
            falls = (solved["brand_share"] >= self.rule_share - _SAME_SHARE).any()
            return voice.say("horizon.not_for_good" if falls else "horizon.never", **ends)
        if self.between is None and self.crosses == first["horizon"]:
            return voice.say("horizon.always", **ends)
        at = self.span(voice, self.crosses)
        if self.between is None:
            return voice.say("horizon.crosses", at=at, **ends)
        low, high = (self.span(voice, end) for end in self.between)
        return voice.say("horizon.crosses_between", at=at, low=low, high=high, **ends)

    def _costs(self, voice: Voice) -> list[str]:
        """The cost over the first horizon, where it is least, and over the last."""
        known = self.frame[self.frame["cost"].notna()]
        if known.empty:
            return []
        first, least = known.iloc[0], known.iloc[int(np.argmin(known["cost"]))]
        size = abs(first["value_free"])
        told = [
            voice.say(
                "horizon.cost",
                first=self.span(voice, first["horizon"]),
                cost=voice.amount(first["cost"]),
                share=voice.percent(first["cost"] / size if size else 0.0),
                noun=voice.noun,
            )
        ]
        last = known.iloc[-1]
        for key, row, before in (("least", least, first), ("last", last, least)):
            if row["horizon"] > before["horizon"]:
                at, cost = self.span(voice, row["horizon"]), voice.amount(row["cost"])
                told.append(voice.say(f"horizon.{key}", at=at, cost=cost))
        return told


def horizon_sweep(
    plan: Plan,
    horizons: Sequence[int] | None = None,
    *,
    gap: float = 1e-5,
    time_limit: float | None = None,
    jobs: int = 1,
    progress: Counted | None = None,
    store: str | os.PathLike[str] | None = None,
) -> Horizons:
    """The best split of *plan* for each of *horizons*, with its brand:traffic rule and without.

    Args:
        plan: The question, with periods and a brand:traffic rule.
        horizons: Periods from the start over which outcomes count, each at least the plan's own;
            absent: from the plan's length up to five years.
        gap: Largest relative distance to the bound at which each search may end.
        time_limit: Seconds for each plan.
        jobs: Processes to use.
        progress: Called with (plans done, plans in all).
        store: A file of finished plans; read where it is there, and added to.

    Raises:
        PlanError: the plan has no periods, no single brand:traffic rule, or a horizon is shorter
            than the plan.
    """
    if plan.periods is None:
        raise PlanError(Fault("periods", "there are none, so there is no horizon", "Give periods"))
    rule = ruled_share(plan)
    steps = default_horizons(plan.periods) if horizons is None else sorted(set(horizons))
    if not steps:
        raise PlanError(Fault("periods.horizon", "no values to sweep over", "Give at least one"))
    if steps[0] < plan.periods.count:
        fault = f"{steps[0]} ends before the plan, which has {plan.periods.count} periods"
        raise PlanError(Fault("periods.horizon", fault, "Give at least as many"))
    ruled = [replace(plan, periods=replace(plan.periods, horizon=step)) for step in steps]
    plans = [*ruled, *map(without_splits, reversed(ruled))]  # neighbours side by side
    how: dict[str, Any] = {"gap": gap, "time_limit": time_limit, "jobs": jobs}
    answers = solve_all(plans, **how, progress=progress, alike=True, store=store)
    held, free = answers[: len(steps)], answers[len(steps) :][::-1]
    return _found(plan, rule, steps, held, free)


def default_horizons(periods: Periods) -> list[int]:
    """The plan's own length up to five years, evenly; a plan of five years only its own."""
    first = periods.count
    last = max(first, _YEARS * _PER_YEAR[periods.every])
    return sorted({round(step) for step in np.linspace(first, last, _POINTS)})


def _found(
    plan: Plan,
    rule: float,
    steps: Sequence[int],
    held: Sequence[Allocation | Failed],
    free: Sequence[Allocation | Failed],
) -> Horizons:
    import pandas as pd

    records = [
        {"horizon": step, "rule_share": rule, **_measures(*pair)}
        for step, *pair in zip(steps, held, free, strict=True)
    ]
    frame = pd.DataFrame(records, columns=list(COLUMNS))
    crosses, between = _crossing(steps, [float(share) for share in frame["brand_share"]], rule)
    return Horizons(plan, rule, frame, crosses, between)


def _measures(held: Allocation | Failed, free: Allocation | Failed) -> dict[str, object]:
    periods = held.plan.periods
    assert periods is not None
    nothing = float("nan")
    values = {"brand_share": nothing, "value_rule": nothing, "value_free": nothing, "cost": nothing}
    reasons = [answer.reason for answer in (held, free) if isinstance(answer, Failed)]
    if isinstance(held, Allocation):
        values["value_rule"] = held.objective
        if isinstance(free, Allocation):  # what the rule allows is allowed without it
            free = at_least(free, held.spend)
    if isinstance(free, Allocation):
        values |= {"brand_share": brand_share(free), "value_free": free.objective}
    values["cost"] = values["value_free"] - values["value_rule"]
    statuses = [str(answer.status) for answer in (held, free)]
    order = ("failed", "infeasible", "stopped")
    return {
        "label": periods.labels[-1],
        **values,
        "status": next((word for word in order if word in statuses), "optimal"),
        "reason": "; ".join(dict.fromkeys(reasons)),
    }


def _crossing(
    horizons: Sequence[int], shares: Sequence[float], rule: float
) -> tuple[float | None, tuple[int, int] | None]:
    """The first horizon from which on the share is at least *rule*, and the two it lies between."""
    known = [(h, s) for h, s in zip(horizons, shares, strict=True) if not np.isnan(s)]
    below = [place for place, (_, share) in enumerate(known) if share < rule - _SAME_SHARE]
    if not below:
        return (float(known[0][0]), None) if known else (None, None)
    last = below[-1]
    if last + 1 == len(known):
        return None, None
    (low, under), (high, over) = known[last], known[last + 1]
    if over <= rule:
        return float(high), None
    return low + (high - low) * (rule - under) / (over - under), (int(low), int(high))
