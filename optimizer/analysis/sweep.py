"""One or two inputs over a range: what the best plan is worth at each point.

A point that has no plan is a row with its reason. Points agree with one another: where the plan of
one point is allowed at another and better there, within the gap of the proof, it is taken.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.allocation import Allocation, today
from optimizer.errors import AdsplitError, Fault, PlanError
from optimizer.measuring import fingerprint
from optimizer.plan.constraints import Split
from optimizer.plan.curves import Floats
from optimizer.plan.document import replace_at, to_document, value_at
from optimizer.plan.plan import Plan
from optimizer.plan.units import parse_money, parse_share
from optimizer.shown import Shown

from .members import Changed, Failed
from .prices import marginal_budget
from .variations import (
    Counted,
    at_least,
    brand_share,
    profit,
    revenue,
    solve_all,
    tell_all,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Sweep",
    "budget_sweep",
    "ruled_share",
    "split_sweep",
    "sweep",
    "sweep2",
    "with_share",
    "without_splits",
]

MEASURES = (
    "status",
    "value",
    "spent",
    "bound",
    "gap",
    "revenue",
    "profit",
    "brand_share",
    "marginal",
    "reason",
)

# Brand shares this close are the same one.
_SAME_SHARE = 1e-6


@dataclass(frozen=True)
class _How:
    """How the points of a sweep are solved; see :func:`sweep`."""

    gap: float
    time_limit: float | None
    jobs: int
    progress: Counted | None
    store: str | os.PathLike[str] | None


@dataclass(frozen=True)
class Point:
    """A value of an input."""

    x: float
    """Where it stands on the axis."""
    put: partial[Plan]
    """How it is put into a plan: a function of this file or of plans, which any process knows."""

    @property
    def asked(self) -> list[Any]:
        """The same as plain data."""
        return [self.x, self.put.func.__name__, self.put.keywords]


_SPLIT = {"split.brand": "brand", "split.traffic": "traffic"}
_MONEY = re.compile(r"budget$|\.(minimum|maximum|minimum_if_active|locked|at_least|at_most|value)$")
_SHARE = re.compile(r"^split\.(brand|traffic)$|\.rates\.|\.(margin|tolerance|elasticity)$")


@dataclass(frozen=True, eq=False)
class Sweep(Shown):
    """The best plan at each value of one input.

    ``frame`` has one row per point, by increasing x. Its columns:

    - x: the input's value, in ``unit``
    - status: optimal, stopped, infeasible or failed
    - value: the objective; NaN without a plan
    - spent: money
    - bound, gap: what no plan can beat there, and the distance to it as a share
    - revenue, profit: money; NaN where lines have no value per outcome
    - brand_share: share of the spend; NaN without roles
    - marginal: objective gained by the next unit of budget; NaN without a budget or where the gap
      of the proof leaves it open
    - reason: why there is no plan, else empty
    """

    plan: Plan
    path: str
    """What is swept: a path into the plan's document."""
    unit: str
    """``money``, ``share`` or empty."""
    frame: pd.DataFrame
    allocations: tuple[Allocation | None, ...]
    """The answer at each point; None where there is none."""
    today: float | None = None
    """Where today's spend stands on x."""
    stated: float | None = None
    """Where the plan as stated stands on x."""
    best: float | None = None
    """The x that is best of all, where the sweep can tell: the brand share that the model would
    choose freely; the budget above which more money adds nothing."""


def sweep(
    plan: Plan,
    path: str,
    values: Sequence[float | str],
    *,
    gap: float = 1e-6,
    time_limit: float | None = None,
    jobs: int = 1,
    progress: Counted | None = None,
    store: str | os.PathLike[str] | None = None,
) -> Sweep:
    """The best plan for each of *values* at *path*.

    Args:
        plan: The question.
        path: A path into the plan's document: ``budget``, ``split.brand``, any number.
        values: Values to put there; texts as in a file, ``"*1.2"`` among them.
        gap: Largest relative distance to the bound at which each search may end.
        time_limit: Seconds for each point.
        jobs: Processes to use; the answer is the same for any number.
        progress: Called with (points done, points in all).
        store: A file of finished points; read where it is there, and added to.

    Raises:
        UnknownName: the path leads nowhere.
        PlanError: no value fits, or there is none.
    """
    points = [_point(plan, path, value) for value in values]
    how = _How(gap, time_limit, jobs, progress, store)
    return _swept(plan, path, points, how)


def budget_sweep(
    plan: Plan,
    n: int = 21,
    low: float = 0.5,
    high: float = 1.5,
    *,
    gap: float = 1e-6,
    time_limit: float | None = None,
    jobs: int = 1,
    progress: Counted | None = None,
    store: str | os.PathLike[str] | None = None,
) -> Sweep:
    """The best plan for *n* budgets from *low* to *high* times the stated one.

    Today's total and the stated budget are points, too. Limits that are shares of the budget move
    with it. Without a stated budget today's total takes its place.

    Raises:
        PlanError: there is neither a budget nor today's spend.
    """
    spent, stated = _spent_today(plan), plan.budget
    middle = spent if stated is None else stated
    if not middle:
        raise PlanError(Fault("budget", "there is none to sweep around", "Give a budget"))
    values = _points(np.linspace(low * middle, high * middle, n), stated, spent)
    points = [_point(plan, "budget", value) for value in values]
    how = _How(gap, time_limit, jobs, progress, store)
    swept = _swept(plan, "budget", points, how)
    return replace(swept, today=spent, stated=stated, best=_enough(swept))


def split_sweep(
    plan: Plan,
    n: int = 21,
    *,
    gap: float = 1e-6,
    time_limit: float | None = None,
    jobs: int = 1,
    progress: Counted | None = None,
    store: str | os.PathLike[str] | None = None,
) -> Sweep:
    """The best plan for *n* brand shares from 0 to 100 %, each held exactly.

    The stated share, today's and the one that the model would choose freely are points, too. Where
    several constraints split brand and traffic, each within its own lines, all are held at the same
    share; what differs between them (the stated share, today's, the free one) is then no point.

    Raises:
        PlanError: some line has no role.
    """
    rules = _splits(plan) or [Split(shares={"brand": 0.5, "traffic": 0.5})]
    free = solve_all([without_splits(plan)], gap=gap, time_limit=time_limit)[0]
    stated, now = _stated(plan, "split.brand"), _brand_share(plan, rules, plan.grid.current)
    best = None if isinstance(free, Failed) else _brand_share(plan, rules, free.spend)
    values = _points(np.linspace(0.0, 1.0, n), stated, now, best)
    points = [Point(value, partial(with_share, share=value)) for value in values]
    kept = () if isinstance(free, Failed) else (free.spend,)
    how = _How(gap, time_limit, jobs, progress, store)
    swept = _swept(plan, "split.brand", points, how, also=kept)
    return replace(swept, today=now, stated=stated, best=best)


def sweep2(
    plan: Plan,
    path1: str,
    values1: Sequence[float | str],
    path2: str,
    values2: Sequence[float | str],
    *,
    gap: float = 1e-6,
    time_limit: float | None = None,
    jobs: int = 1,
    progress: Counted | None = None,
    store: str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """The best plan for every pair of values of two inputs, one row per pair.

    Columns: x1, x2 (the values at *path1* and *path2*), then those of :class:`Sweep`'s frame. A
    pair without a plan is a row with its reason. Arguments are those of :func:`sweep`.

    Raises:
        UnknownName: a path leads nowhere.
        PlanError: no value fits, or there is none; the store is of another question.
    """
    import pandas as pd

    first = [_point(plan, path1, value) for value in values1]
    second = [_point(plan, path2, value) for value in values2]
    pairs = [(one, two) for one in first for two in second]
    if not pairs:
        path = path2 if first else path1
        raise PlanError(Fault(path, "no values to sweep over", "Give at least one"))
    order = _serpentine(len(first), len(second))
    plans = [Changed(plan, (pairs[at][0].put, pairs[at][1].put)) for at in order]
    _check_one(plans)
    points = [[one.asked for one in axis] for axis in (first, second)]
    asked = {"grid": [path1, path2], "input": fingerprint(plan), "points": points}
    how = _How(gap, time_limit, jobs, progress, store)
    measured = dict(zip(order, tell_all(plans, _measures, asked, **vars(how)), strict=True))
    records = [{"x1": one.x, "x2": two.x, **measured[k]} for k, (one, two) in enumerate(pairs)]
    return pd.DataFrame(records, columns=["x1", "x2", *MEASURES])


def _serpentine(rows: int, columns: int) -> list[int]:
    """The places of a grid, row by row, to and fro: each is a neighbour of the one before."""
    places = np.arange(rows * columns).reshape(rows, columns)
    places[1::2] = places[1::2, ::-1]
    return [int(place) for place in places.ravel()]


def _swept(
    plan: Plan,
    path: str,
    points: Sequence[Point],
    how: _How,
    also: Sequence[Floats] = (),
) -> Sweep:
    import pandas as pd

    if not points:
        raise PlanError(Fault(path, "no values to sweep over", "Give at least one"))
    points = sorted(points, key=lambda point: point.x)
    plans = [Changed(plan, (point.put,)) for point in points]
    _check_one(plans)
    asked = {"sweep": path, "input": fingerprint(plan), "points": [one.asked for one in points]}
    found = solve_all(plans, alike=True, question=asked, **vars(how))
    answers = _agreeing(found, also)
    records = [
        {"x": point.x, **_measures(answer)} for point, answer in zip(points, answers, strict=True)
    ]
    unit = "money" if _MONEY.search(path) else "share" if _SHARE.search(path) else ""
    return Sweep(
        plan=plan,
        path=path,
        unit=unit,
        frame=pd.DataFrame(records, columns=["x", *MEASURES]),
        allocations=tuple(None if isinstance(one, Failed) else one for one in answers),
        stated=_stated(plan, path),
    )


def _check_one(plans: Sequence[Changed]) -> None:
    """That some point can be stated at all; those that cannot are rows with their reasons.

    Raises:
        PlanError: none can; it is that of the first.
    """
    first: AdsplitError | None = None
    for changed in plans:
        try:
            _ = changed.plan
        except AdsplitError as error:
            first = first or error
        else:
            return
    if first is not None:
        raise first


def _agreeing(
    answers: Sequence[Allocation | Failed], also: Sequence[Floats]
) -> list[Allocation | Failed]:
    """Answers of which none is worse than a neighbour's plan, or one of *also*, would be."""
    agreed = list(answers)
    order = [*range(len(agreed)), *reversed(range(len(agreed)))]
    before: Allocation | None = None
    for position in order:
        answer = agreed[position]
        if isinstance(answer, Failed):
            continue
        for spend in (*also, *(() if before is None else (before.spend,))):
            answer = at_least(answer, spend)
        agreed[position] = before = answer
    return agreed


def _measures(answer: Allocation | Failed) -> dict[str, Any]:
    if isinstance(answer, Failed):
        nothing = dict.fromkeys(MEASURES, float("nan"))
        return nothing | {"status": answer.status, "reason": answer.reason}
    return {
        "status": str(answer.status),
        "value": answer.objective,
        "spent": answer.spent,
        "bound": float("nan") if answer.bound is None else answer.bound,
        "gap": float("nan") if answer.gap is None else answer.gap,
        "revenue": revenue(answer),
        "profit": profit(answer),
        "brand_share": brand_share(answer),
        "marginal": marginal_budget(answer),
        "reason": "",
    }


def _points(evenly: Floats, *others: float | None) -> list[float]:
    """All values in order; one that differs by rounding only is the given one."""
    given = [value for value in others if value is not None]
    span = float(np.ptp(evenly)) or 1.0
    kept = [x for x in map(float, evenly) if all(abs(x - value) > 1e-9 * span for value in given)]
    own: list[float] = []
    for value in given:
        if all(abs(value - other) > 1e-9 * span for other in own):
            own.append(value)
    return sorted([*kept, *own])


def _spent_today(plan: Plan) -> float | None:
    now = today(plan)
    return None if now is None else now.spent


def _enough(swept: Sweep) -> float | None:
    """The budget above which the best plan leaves money unspent."""
    frame = swept.frame
    solved = frame[frame["value"].notna()]
    if solved.empty:
        return None
    last = solved.iloc[-1]
    return float(last["spent"]) if last["spent"] < (1 - 1e-6) * last["x"] else None


def _point(plan: Plan, path: str, value: float | str) -> Point:
    """*value* of the input at *path*; the budget and the split leave the lines as they are."""
    number = _number(plan, path, value)
    relative = isinstance(value, str) and value.strip().startswith("*")
    if path in _SPLIT and relative and len(_splits(plan)) > 1 and _stated(plan, path) is None:
        names = ", ".join(rule.name for rule in _splits(plan))
        fault = f"these splits have different shares, so {value} of them is not one: {names}"
        raise PlanError(Fault(path, fault, "Give a share for all of them, such as 40%"))
    if path in _SPLIT and not (relative and _stated(plan, path) is None):
        return Point(number, partial(_with_shares, role=_SPLIT[path], share=number))
    if path == "budget" and not isinstance(value, str):
        return Point(number, partial(_with_budget, budget=number))
    return Point(number, partial(replace_at, path=path, value=value))


def _number(plan: Plan, path: str, value: float | str) -> float:
    """Where *value* stands on the axis; the factor for a relative one."""
    if not isinstance(value, str):
        return float(value)
    text = value.strip()
    if text.startswith("*"):
        standing = _stated(plan, path)
        return float(text[1:]) * (1.0 if standing is None else standing)
    try:
        return parse_share(text) if text.endswith(("%", "％")) else parse_money(text)
    except ValueError as error:
        raise PlanError(Fault(path, str(error))) from None


def _stated(plan: Plan, path: str) -> float | None:
    if path in _SPLIT:
        shares = {rule.target.get(_SPLIT[path]) for rule in _splits(plan)}
        return shares.pop() if len(shares) == 1 else None
    try:
        standing = value_at(to_document(plan), path)
    except AdsplitError:
        return 1.0 if path.endswith(".price") and "*" not in path else None
    is_number = isinstance(standing, int | float) and not isinstance(standing, bool)
    return float(standing) if is_number else None


def _by_role(rule: object) -> bool:
    return isinstance(rule, Split) and rule.by == "role"


def _splits(plan: Plan) -> list[Split]:
    """The brand:traffic rules that ``split.brand`` means.

    The plan's own, or its business's; where it has none, every one among its constraints.
    """
    found = [rule for rule in plan.rules if isinstance(rule, Split) and _by_role(rule)]
    return found[:1] if _by_role(plan.split) else found


def _brand_share(plan: Plan, rules: Sequence[Split], spend: Floats) -> float | None:
    """The brand share of *spend* within the lines of *rules*; None where these differ."""
    grid, shares = plan.grid, []
    for rule in rules:
        scope = grid.select(rule.where)
        total = spend[scope].sum()
        if np.isnan(total) or total <= 0:
            return None
        shares.append(float(spend[scope & (grid.role == "brand")].sum() / total))
    return shares[0] if np.ptp(shares) <= _SAME_SHARE else None


def ruled_share(plan: Plan) -> float:
    """The share of brand that the plan's brand:traffic rule asks for.

    Raises:
        PlanError: it has none, or several that differ.
    """
    share = _stated(plan, "split.brand")
    if share is None:
        fault = "has no brand:traffic rule" if not _splits(plan) else "has splits that differ"
        raise PlanError(Fault("split", f"the plan {fault}", "State one, such as split: 6:4"))
    return share


def without_splits(plan: Plan) -> Plan:
    """*plan* without its brand:traffic rules.

    What other rules took from its business is written into these.
    """
    rules = plan.rules[len(plan.rules) - len(plan.constraints) :]
    if _by_role(plan.split):
        return replace(plan, split=None, business="none", constraints=rules)
    others = tuple(rule for rule in rules if not _by_role(rule))
    return replace(plan, business="none", constraints=others)


def _with_budget(plan: Plan, budget: float) -> Plan:
    return replace(plan, budget=budget)


def _with_shares(plan: Plan, role: str, share: float) -> Plan:
    """*plan* with this share for *role* in every rule that ``split.brand`` means."""
    shares = {role: share, "traffic" if role == "brand" else "brand": 1.0 - share}
    if _by_role(plan.split) or not any(map(_by_role, plan.constraints)):
        return replace(plan, split=replace(plan.split or Split(), shares=shares, preset=None))
    rules = tuple(
        replace(rule, shares=shares, preset=None)
        if isinstance(rule, Split) and _by_role(rule)
        else rule
        for rule in plan.constraints
    )
    return replace(plan, constraints=rules)


def with_share(plan: Plan, share: float) -> Plan:
    """*plan* with exactly this brand share."""
    shares = {"brand": share, "traffic": 1.0 - share}
    exact = [
        replace(rule, shares=shares, preset=None, tolerance=0.0, penalty=None)
        for rule in _splits(plan) or [Split(shares=shares)]
    ]
    free = without_splits(plan)
    if len(exact) > 1:
        return replace(free, constraints=(*free.constraints, *exact))
    if free.split is not None:
        held = replace(exact[0], name="brand share")
        return replace(free, constraints=(*free.constraints, held))
    return replace(free, split=replace(exact[0], name="split"))
