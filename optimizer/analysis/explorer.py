"""What-ifs that a reader can turn to: the best plan for every budget, brand share and scenario.

Every point is solved; nothing between two points is guessed. A what-if that changes no more than
the budget or the brand:traffic rule is a place among the points of the plan itself; any other has
points of its own, its *world*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.allocation import Allocation, given
from optimizer.errors import AdsplitError, PlanError
from optimizer.plan.curves import Floats
from optimizer.plan.document import to_document
from optimizer.plan.plan import Plan
from optimizer.shown import Shown

from .sweep import ruled_share, with_share
from .variations import Counted, Failed, at_least, brand_share, solve_all

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Explorer", "Place", "World", "explore"]

# Budgets as shares of the stated one, and brand shares: of a plan of one period and of its worlds;
# then of a plan over time, which is some twelve times as large, and of its worlds.
_FINE = (np.linspace(0.5, 1.5, 11), np.linspace(0.2, 0.8, 7))
_FINE_WORLD = (np.linspace(0.6, 1.4, 9), np.linspace(0.3, 0.7, 5))
_COARSE = (np.linspace(0.6, 1.4, 9), np.linspace(0.3, 0.7, 5))
_COARSE_WORLD = (np.linspace(0.8, 1.2, 3), np.linspace(0.4, 0.6, 3))
# Values nearer than this share of one another are one stop.
_SAME = 1e-6
# Further worlds make the page heavy.
_WORLDS = 8


@dataclass(frozen=True)
class Place:
    """One stop of both sliders, in the world of that number."""

    name: str
    """Of the what-if; empty for the recommended plan."""
    world: int
    budget: int
    share: int


@dataclass(frozen=True, eq=False)
class World:
    """All points of one scenario."""

    name: str
    """Of the what-if; empty for the plan as stated."""
    plan: Plan
    budgets: tuple[float, ...]
    """Rising."""
    shares: tuple[float, ...]
    """Brand shares, rising; empty where the split is not for the sliders to choose."""
    answers: tuple[tuple[Allocation | Failed, ...], ...]
    """By budget, then share."""
    kept: float
    """What the recommended plan is worth in this world, whether it keeps its rules or not; NaN
    where its lines or periods are others."""
    today: float
    """What today's spend is worth in this world; NaN where it is not known."""

    def point(self, budget: int, share: int) -> Allocation | Failed:
        """The answer at one stop of both sliders."""
        return self.answers[budget][share]


@dataclass(frozen=True, eq=False)
class Explorer(Shown):
    """Solved points to turn to."""

    best: Allocation
    """The recommended plan, which stands among the points of the first world."""
    worlds: tuple[World, ...]
    """The plan as stated first."""
    places: tuple[Place, ...]
    """The recommended plan first, then the what-ifs."""
    left_out: tuple[str, ...] = ()
    """What-ifs that there was no room for, or that have other lines or periods."""

    @property
    def frame(self) -> pd.DataFrame:
        """One row per point.

        Columns: scenario, budget, share (NaN without), status, value, spent, reason, then money by
        line.
        """
        import pandas as pd

        lines = [str(name) for name in self.best.problem.grid.line_names]
        rows: list[dict[str, Any]] = []
        for world in self.worlds:
            for b, budget in enumerate(world.budgets):
                for s, share in enumerate(world.shares or (float("nan"),)):
                    one = world.point(b, s)
                    row: dict[str, Any] = {"scenario": world.name, "budget": budget}
                    row |= {"share": share, "status": str(one.status)}
                    if isinstance(one, Failed):
                        nothing = dict.fromkeys(["value", "spent", *lines], float("nan"))
                        rows.append(row | nothing | {"reason": one.reason})
                        continue
                    row |= {"value": one.objective, "spent": one.spent, "reason": ""}
                    spends = one.problem.grid.by_line(one.spend).tolist()
                    rows.append(row | dict(zip(lines, spends, strict=True)))
        columns = ["scenario", "budget", "share", "status", "value", "spent", "reason", *lines]
        return pd.DataFrame(rows, columns=columns)


def explore(
    best: Allocation,
    what_ifs: Mapping[str, Allocation | Failed] | None = None,
    *,
    gap: float = 1e-4,
    time_limit: float | None = None,
    jobs: int = 1,
    progress: Counted | None = None,
) -> Explorer:
    """The best plan at every stop of a budget and a brand share, in every scenario.

    Among the stops are the stated budget, what is spent today and what the plan spends; the rule's
    brand share, today's and the plan's own.

    Args:
        best: The answer to the plan.
        what_ifs: Answers to other plans by name; those of other lines or periods are left out.
        gap: Largest relative distance to the bound at which each search may end.
        time_limit: Seconds for each point.
        jobs: Processes to use.
        progress: Called after each point with (done, in all).
    """
    plan = best.plan
    kind = _question(plan)
    marks: dict[str, Allocation | Failed] = {}
    others: dict[str, Allocation | Failed] = {}
    left_out = []
    for name, other in (what_ifs or {}).items():
        is_mark = _question(other.plan) == kind
        if not _alike(plan, other.plan) or (len(others) >= _WORLDS and not is_mark):
            left_out.append(name)
        else:
            (marks if is_mark else others)[name] = other
    small = plan.periods is None
    axes = [_Axes(plan, best, [best, *marks.values()], *(_FINE if small else _COARSE))]
    axes += [
        _Axes(other.plan, best, [best, other], *(_FINE_WORLD if small else _COARSE_WORLD))
        for other in others.values()
    ]
    stops = [own.plans() for own in axes]
    sound = [one for every in stops for one in every if isinstance(one, Plan)]
    how: dict[str, Any] = {"time_limit": time_limit, "jobs": jobs, "progress": progress}
    found = iter(solve_all(sound, gap=gap, alike=True, **how))
    worlds = []
    for number, (name, own, every) in enumerate(zip(["", *others], axes, stops, strict=True)):
        answers = [next(found) if isinstance(one, Plan) else one for one in every]
        known = [best, *marks.values()] if number == 0 else [others[name]]
        worlds.append(own.world(name, answers, known))
    places = [Place("", 0, *axes[0].stop(best))]
    for name in what_ifs or {}:
        if name in marks:
            places.append(Place(name, 0, *axes[0].stop(marks[name])))
        elif name in others:
            number = [*others].index(name) + 1
            places.append(Place(name, number, *axes[number].stop(others[name])))
    return Explorer(best, tuple(worlds), tuple(places), tuple(left_out))


def _alike(plan: Plan, other: Plan) -> bool:
    """Whether two plans have the same lines and periods."""
    here, there = plan.grid, other.grid
    return here.periods == there.periods and np.array_equal(here.names, there.names)


def _question(plan: Plan) -> dict[str, Any]:
    """A plan without its budget and its brand:traffic rule."""
    try:
        plan = with_share(plan, 0.5)
    except AdsplitError:
        plan = replace(plan, split=None, business="none")
    document = to_document(plan)
    return {
        key: value
        for key, value in document.items()
        if key not in {"budget", "name", "applied", "origins", "business", "uncertainty", "risk"}
    }


class _Axes:
    """The stops of both sliders for one plan."""

    def __init__(
        self,
        plan: Plan,
        best: Allocation,
        near: Sequence[Allocation | Failed],
        budgets: Floats,
        shares: Floats,
    ) -> None:
        self.plan, self.best = plan, best
        whole = plan.budget or best.spent
        today = best.today
        money = [one.plan.budget for one in near if one.plan.budget]
        money += [best.spent] + ([] if today is None or today.spent <= 0 else [today.spent])
        self.budgets = _stops(budgets * whole, money, whole)
        self.shares: tuple[float, ...] = ()
        if {"brand", "traffic"} <= {line.role for line in plan.lines}:
            own = [share for one in near if (share := _ruled(one.plan)) is not None]
            own += [brand_share(one) for one in (*near, today) if isinstance(one, Allocation)]
            self.shares = _stops(shares, [share for share in own if np.isfinite(share)], 1.0)

    def plans(self) -> list[Plan | Failed]:
        """A plan for every stop, shares within budgets."""
        found: list[Plan | Failed] = []
        for budget in self.budgets:
            for share in self.shares or (None,):
                try:
                    plan = replace(self.plan, budget=budget)
                    found.append(plan if share is None else with_share(plan, share))
                except AdsplitError as error:
                    found.append(Failed(self.plan, error))
        return found

    def stop(self, one: Allocation | Failed) -> tuple[int, int]:
        """Where an answer stands: at its budget, and at its own brand share."""
        budget = one.plan.budget or self.best.spent
        share = brand_share(one) if isinstance(one, Allocation) else _ruled(one.plan)
        return _nearest(self.budgets, budget), _nearest(self.shares, share)

    def world(
        self,
        name: str,
        answers: list[Allocation | Failed],
        known: Sequence[Allocation | Failed],
    ) -> World:
        """The points put in order; where a *known* answer stands its plan is no better."""
        best = self.best
        width = max(len(self.shares), 1)
        rows = [answers[k : k + width] for k in range(0, len(answers), width)]
        for one in known:
            b, s = self.stop(one)
            there = rows[b][s]
            if one is best:
                rows[b][s] = best
            elif isinstance(one, Allocation) and isinstance(there, Allocation):
                rows[b][s] = at_least(there, one.spend)
        rows = _agreed(rows, best)
        first = next((one for row in rows for one in row if isinstance(one, Allocation)), None)
        kept = today = float("nan")
        if first is not None:
            kept = given(first.plan, first.problem, best.spend).objective
            if best.today is not None:
                today = given(first.plan, first.problem, best.today.spend).objective
        return World(
            name=name,
            plan=self.plan,
            budgets=self.budgets,
            shares=self.shares,
            answers=tuple(map(tuple, rows)),
            kept=kept,
            today=today,
        )


def _agreed(
    rows: list[list[Allocation | Failed]], best: Allocation
) -> list[list[Allocation | Failed]]:
    """No point is worse than the plan of a smaller budget with the same share would be."""
    agreed = [list(row) for row in rows]
    for s in range(len(rows[0])):
        before: Allocation | None = None
        for row in agreed:
            one = row[s]
            if isinstance(one, Failed):
                continue
            row[s] = before = one if before is None or one is best else at_least(one, before.spend)
    return agreed


def _ruled(plan: Plan) -> float | None:
    """The brand share that a plan's rule asks for; None without one."""
    try:
        return ruled_share(plan)
    except PlanError:
        return None


def _stops(evenly: Floats, exact: Sequence[float], size: float) -> tuple[float, ...]:
    """All values in order; of those that are one, an exact one."""
    kept: list[float] = []
    for value in (*exact, *map(float, evenly)):
        near = _SAME if value in exact else 0.02
        if all(abs(value - other) > near * size for other in kept):
            kept.append(value)
    return tuple(sorted(kept))


def _nearest(stops: Sequence[float], value: float | None) -> int:
    if not stops or value is None or not np.isfinite(value):
        return 0
    return int(np.argmin([abs(stop - value) for stop in stops]))
