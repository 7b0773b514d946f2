"""The price of every rule: what the objective gains when the rule gives way by one unit.

Where the plan is concave and has no switches, and a unit is small, the price is a derivative, read
from the duals of a sharp solution: with V the optimum and b the limits of the rule's rows, price =
∂V/∂b in the direction that eases them. Elsewhere the eased plan is solved again: price = (V(b +
step) − V(b)) / step; one percentage point and one line are eased by just that. A rule that does
not bind costs nothing at the margin; an S-curve may still gain from a larger easing, which ``cost``
shows.

Symbols: V optimum of the objective, b limits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.allocation import Allocation
from optimizer.compiling import compile_plan
from optimizer.errors import Fault, PlanError
from optimizer.plan.constraints import Share, Split
from optimizer.plan.grid import Unit
from optimizer.problem import BUDGET, NEAR, Problem
from optimizer.shown import Shown
from optimizer.solvers import solve
from optimizer.solvers.solution import Duals

from .easing import STEP, Easing, Sharp, easings, true_duals

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Prices", "marginal_budget", "rule_prices"]

NEGLIGIBLE = 1e-6
"""A gain that hides in a gap of this share of the objective is none."""
CLEAR = 10.0
"""An easing that gains less than so many times its doubt is tried again, larger."""
HOLDS = 0.1
"""A price holds as long as the average over the whole easing stays within this share of it."""

COLUMNS = ("rule", "part", "unit", "binding", "price", "step", "method", "holds_up_to", "cost")


@dataclass(frozen=True, eq=False)
class Prices(Shown):
    """What every rule of an answer costs at the margin.

    ``frame`` has one row per rule: the budget, the split, the constraints, then ``<line> minimum``,
    ``<line> maximum``, ``<line> locked`` and ``<line> minimum if active``. Its columns:

    - rule, part: name of the rule; its parts that bind, or its only part
    - unit: money, outcomes, lines, units (of a weighted sum) or point (of share)
    - binding: whether the rule holds the plan back
    - price: objective gained per unit of easing, all rows of the rule together; 0.0 where it does
      not bind, None where the proof's gap leaves it open, and under an attitude to risk
    - step: the easing that the price is for: one unit, which is 0.01 of a share and else 1; where a
      unit of money is too small to solve again with, the sum over which the price is an average
    - method: ``derivative`` or ``re-solved``
    - holds_up_to: easing, in the unit, up to which the average price stays within 10 % of the
      price; infinite where no end was found; NaN where not asked or where there is no price
    - cost: objective gained if the rule were dropped altogether; infinite where it would then grow
      without limit; NaN where not asked
    - error: how far the price may be off, for the gaps of what was solved; objective per unit
    """

    allocation: Allocation
    frame: pd.DataFrame

    def price(self, rule: str) -> float | None:
        """The price of one rule; None where it is not known.

        Raises:
            KeyError: there is no such rule.
        """
        found = self.frame.loc[self.frame["rule"] == rule, "price"]
        if found.empty:
            raise KeyError(rule)
        price = found.iloc[0]
        return None if price is None else float(price)


def rule_prices(allocation: Allocation, *, ranges: bool = False, costs: bool = False) -> Prices:
    """The price of every rule of *allocation*'s plan.

    Args:
        allocation: An answer from ``optimize``.
        ranges: Also find up to where each price holds; some ten solutions per binding rule.
        costs: Also find what is gained when each rule is dropped; one solution per rule.

    Raises:
        PlanError: *allocation* is a given spend, which has no prices.
    """
    import pandas as pd

    if allocation.status is None:
        raise PlanError(Fault("", "a spend that was only evaluated has no prices", "Optimize it"))
    if allocation.hedge is not None:
        return _unpriced(allocation)
    base = Sharp(allocation)
    records = [_record(base, rule, ranges=ranges, costs=costs) for rule in easings(base)]
    frame = pd.DataFrame(records, columns=[*COLUMNS, "error"])
    # A price may be None, which a column of floats would turn into NaN.
    frame["price"] = pd.Series([record["price"] for record in records], dtype=object)
    return Prices(allocation, frame)


def _unpriced(allocation: Allocation) -> Prices:
    """The rules without prices: under risk what a rule costs is not what it costs as stated."""
    import pandas as pd

    nothing = float("nan")
    points = {rule.name for rule in allocation.plan.rules if isinstance(rule, Split | Share)}
    rows = []
    for name, own in allocation.binding.groupby("rule", sort=False):
        unit = "point" if name in points else str(own["unit"].iloc[0])
        binds = bool(own["binding"].any())
        parts = own.loc[own["binding"] if binds else own.index, "part"]
        rows.append((name, parts.iloc[0], unit, binds, None, nothing, "", nothing, nothing, 0.0))
    frame = pd.DataFrame(rows, columns=[*COLUMNS, "error"])
    frame["price"] = pd.Series([None] * len(rows), dtype=object)
    return Prices(allocation, frame)


def marginal_budget(allocation: Allocation) -> float:
    """Objective gained by the next unit of budget, with all that is stated as a share of it.

    NaN without a budget, where the gap of the proof leaves it open, and under risk.
    """
    plan = allocation.plan
    if plan.budget is None or allocation.bound is None or allocation.hedge is not None:
        return float("nan")
    if allocation.duals is not None:
        unit = max(plan.budget, 1.0) * 1e-6
        moved = compile_plan(replace(plan, budget=plan.budget + unit))
        return _directional(allocation, moved, allocation.duals) / unit
    step = STEP * plan.budget if plan.budget > 0 else 1.0
    moved = compile_plan(replace(plan, budget=plan.budget + step))
    start = allocation.columns if moved.feasible(allocation.columns) else None
    found = solve(moved, allocation.options, start)
    if found.spend is None:
        return float("nan")
    gain = found.value - allocation.objective
    doubt = max(found.bound - found.value, allocation.bound - allocation.objective, 0.0)
    if abs(gain) > doubt:
        return gain / step
    return 0.0 if doubt <= NEGLIGIBLE * abs(found.value) else float("nan")


def _directional(allocation: Allocation, moved: Problem, duals: Duals) -> float:
    """First-order gain from the limits of the plan to those of *moved*: Σ dual · change."""
    problem = allocation.problem
    spend = allocation.columns
    full = true_duals(problem, spend, duals)
    # What does not bind has no price, whatever a solver's last digits say.
    room = NEAR * np.maximum(np.where(np.isfinite(problem.upper), problem.upper, spend.sum()), 1.0)
    at_bound = (spend <= problem.lower + room) | (spend >= problem.upper - room)
    gain = 0.0
    for held, low, high in (
        (
            np.where(problem.standing(spend)[2], full.rows, 0.0),
            (problem.rows.lower, moved.rows.lower),
            (problem.rows.upper, moved.rows.upper),
        ),
        (
            np.where(at_bound, full.bounds, 0.0),
            (problem.lower, moved.lower),
            (problem.upper, moved.upper),
        ),
    ):
        change = np.zeros(len(held))
        for chosen, (before, after) in ((held > 0, high), (held < 0, low)):
            moves = chosen & np.isfinite(before) & np.isfinite(after)
            change[moves] = after[moves] - before[moves]
        gain += float(np.where(change != 0, held, 0.0) @ change)
    return gain


def _record(base: Sharp, rule: Easing, *, ranges: bool, costs: bool) -> dict[str, Any]:
    price, error, method, step = _price(base, rule)
    holds, cost = float("nan"), float("nan")
    if ranges and rule.binding and price is not None and price > 0:
        holds = _holds_up_to(base, rule, price)
    if costs:
        cost = _cost(base, rule)
        if rule.coarse and price is not None and 0 < cost < price:
            price = cost  # both were solved for; they differ by a solver's last digits
    eased = step * rule.size
    values = (rule.name, rule.part, rule.unit, rule.binding, price, eased, method, holds, cost)
    return dict(zip((*COLUMNS, "error"), (*values, error), strict=True))


def _price(base: Sharp, rule: Easing) -> tuple[float | None, float, str, float]:
    """Price, how far it may be off, how it was found, and the easing it is for, in units."""
    known = base.duals is not None and np.isfinite(rule.derivative)
    if not rule.binding:
        return 0.0, 0.0, "derivative" if known else "re-solved", 1.0
    if known:
        price = min(max(rule.derivative, 0.0), rule.most)
        if price == 0.0 or (base.unique and not rule.coarse):
            return price, 0.0, "derivative", 1.0
        if not rule.coarse:
            # Several sets of duals fit; the smallest easing that shows tells what is really gained.
            step = min(rule.step * 0.1, rule.limit)
            gain, doubt = base.gain(rule.eased(step))
            if gain + doubt >= (1 - 0.01) * price * step:
                return price, doubt / step, "derivative", 1.0
            return gain / step, doubt / step, "re-solved", step
    step, (gain, doubt) = rule.step, base.gain(rule.eased(rule.step))
    least = NEGLIGIBLE * abs(base.value)
    if not rule.coarse and doubt > 0 and gain < CLEAR * doubt and max(gain, doubt) > least:
        step = min(CLEAR * step, rule.limit)
        gain, doubt = base.gain(rule.eased(step))
    if np.isinf(gain) or (doubt > gain and doubt > least):
        return None, doubt / step, "re-solved", step
    if gain <= doubt:
        gain = 0.0
    return min(gain / step, rule.most), doubt / step, "re-solved", step


def _holds_up_to(base: Sharp, rule: Easing, price: float) -> float:
    """The largest easing whose average price stays within a tenth of the price."""

    def holds(units: float) -> bool:
        gain, doubt = base.gain(rule.eased(units))
        return abs(gain / units - price) <= HOLDS * price + doubt / units

    whole = rule.unit == str(Unit.LINES)
    units = rule.step
    if holds(units):
        good = units
        for _ in range(8):
            units = min(2 * good, rule.limit)
            if units <= good or not holds(units):
                break
            good = units
        else:
            return float("inf")
        if units <= good:
            return good
        bad = units
    else:
        bad, good = units, 0.0
        for _ in range(8):
            units = bad / 2
            if whole:
                return 0.0
            if holds(units):
                good = units
                break
            bad = units
    for _ in range(4):
        middle = float(np.floor((good + bad) / 2)) if whole else (good + bad) / 2
        if middle <= good:
            break
        good, bad = (middle, bad) if holds(middle) else (good, middle)
    return good


def _cost(base: Sharp, rule: Easing) -> float:
    if base.concave and not rule.binding:
        return 0.0
    endless = (
        not base.problem.price[: base.problem.n_cells].any()
        and np.isinf(base.problem.grid.maximum).any()
    )
    if rule.name == BUDGET and endless:
        return float("nan")  # money costs nothing then, and no sum would be enough
    gain, doubt = base.great_gain(rule.eased(float("inf")))
    if not np.isfinite(doubt):
        return float("nan")
    return gain if gain > doubt else 0.0
