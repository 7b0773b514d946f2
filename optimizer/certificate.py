"""Checks an answer from outside: are the rules kept, is the value true, does the bound hold?

It shares no code with the solvers and trusts nothing they say. The bound is proven by weak duality.
For any prices λ of the rows, no plan in a box can be better than

    D(λ) = Σₖ sup over the box of [(wₖ − (Bᵀλ)ₖ)·fₖ(eₖ) − (p + (Aᵀλ)ₖ)·xₖ − (Cᵀλ)ₖ·sₖ] + λ·limits

because each row's slack times its price is never negative. Each term is a function of one line's
spend, whose highest point is found here directly. A branch and bound divides the spends into boxes;
its proof is the tree of divisions with prices at every leaf, and the bound is the worst leaf's. A
leaf without any plan is proven by a ray of prices for which D, with nothing to gain, is negative.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimizer.plan.curves import Floats
from optimizer.plan.grid import SwitchKind
from optimizer.plan.plan import Plan
from optimizer.problem import Problem, compile_plan

__all__ = ["Verdict", "verify"]

# Numbers that differ by less than this share of their size are the same to a reader and to us.
_SAME = 1e-6
_BISECTIONS = 100


@dataclass(frozen=True)
class Verdict:
    """What the check found."""

    value: float
    """The objective at the spend, worked out anew."""
    bound: float
    """What the proof really proves; infinite without a proof."""
    faults: tuple[str, ...]
    """What does not hold, in words; empty: the answer is true."""

    @property
    def holds(self) -> bool:
        """Whether everything the answer claims is true."""
        return not self.faults


def verify(
    plan: Plan,
    spend: Sequence[float] | Floats,
    *,
    value: float,
    bound: float | None,
    proof: Mapping[str, Any] | None,
) -> Verdict:
    """Check a spend, its claimed value and its claimed bound against *plan*.

    Args:
        plan: The question.
        spend: Money per line, shape (n_lines,).
        value: The objective that is claimed.
        bound: What no plan can beat, as claimed; None: nothing is claimed.
        proof: The tree of divisions and prices (see :class:`optimizer.solvers.solution.Solution`).
    """
    problem, money = compile_plan(plan), np.asarray(spend, float)
    faults = [*_shape_faults(problem, money)]
    if faults:
        return Verdict(float("nan"), float("inf"), tuple(faults))
    faults += _rule_faults(plan, problem, money)
    true_value = _value(problem, money)
    size = max(abs(true_value), abs(value), 1e-300)
    if abs(true_value - value) > _SAME * size:
        faults.append(f"the value is {true_value:,.10g}, not {value:,.10g}")
    proven = float("inf")
    if bound is not None:
        if proof is None:
            faults.append("the bound comes without a proof")
        else:
            box = _Box(problem)
            proven = _proven(problem, proof, box)
            if proven > bound + _SAME * max(abs(bound), abs(true_value)):
                faults.append(f"the proof gives a bound of {proven:,.10g}, not {bound:,.10g}")
        if value > bound + _SAME * max(abs(bound), abs(value)):
            faults.append(f"the value {value:,.10g} is above its own bound {bound:,.10g}")
    return Verdict(true_value, proven, tuple(faults))


def _shape_faults(problem: Problem, spend: Floats) -> list[str]:
    if spend.shape != (problem.n_lines,):
        return [f"there are {spend.size} spends for {problem.n_lines} lines"]
    if not np.all(np.isfinite(spend)):
        return ["a spend is not a finite number"]
    return []


def _switches(problem: Problem, spend: Floats) -> Floats:
    """The switches that a spend implies."""
    today = np.nan_to_num(problem.grid.current)
    room = _SAME * np.maximum(np.maximum(today, spend), 1e-12 * problem.upper.max(initial=0.0))
    answers = {
        SwitchKind.ON: spend > room * 1e-3,
        SwitchKind.UP: spend > today + room,
        SwitchKind.DOWN: spend < today - room,
    }
    return np.array([float(answers[s.kind][s.line]) for s in problem.switches])


def _outcomes(problem: Problem, spend: Floats) -> Floats:
    return problem.curves.outcome(problem.exposure * np.maximum(spend, 0.0))


def _missed(problem: Problem, spend: Floats) -> tuple[Floats, Floats]:
    """How far each row is missed, and the size against which that is judged."""
    rows, outcomes, switches = problem.rows, _outcomes(problem, spend), _switches(problem, spend)
    left = rows.spend @ spend + rows.outcomes @ outcomes + rows.switches @ switches
    size = abs(rows.spend) @ abs(spend) + abs(rows.outcomes) @ outcomes
    size = size + abs(rows.switches) @ switches
    for limit in (rows.lower, rows.upper):
        size = np.maximum(size, np.where(np.isfinite(limit), abs(limit), 0.0))
    return np.maximum(np.maximum(rows.lower - left, left - rows.upper), 0.0), size


def _value(problem: Problem, spend: Floats) -> float:
    missed, _ = _missed(problem, spend)
    fines = np.nan_to_num(problem.rows.penalty) @ missed
    gained = problem.weights @ _outcomes(problem, spend)
    return float(gained - problem.price * spend.sum() - fines)


def _rule_faults(plan: Plan, problem: Problem, spend: Floats) -> list[str]:
    faults = []
    room = _SAME * np.maximum(problem.upper, 1e-300)
    for line, name in enumerate(problem.grid.names):
        if spend[line] < problem.lower[line] - room[line]:
            faults.append(f"{name} gets {spend[line]:,.2f}, less than {problem.lower[line]:,.2f}")
        if spend[line] > problem.upper[line] + room[line]:
            faults.append(f"{name} gets {spend[line]:,.2f}, more than {problem.upper[line]:,.2f}")
        if room[line] < spend[line] < problem.floor[line] - room[line]:
            faults.append(f"{name} gets {spend[line]:,.2f}, neither nothing nor its minimum")
    missed, size = _missed(problem, spend)
    hard = np.isnan(problem.rows.penalty)
    for row in np.flatnonzero(hard & (missed > _SAME * np.maximum(size, 1e-300))):
        rule = " ".join(word for word in (problem.rows.rule[row], problem.rows.part[row]) if word)
        faults.append(f"the rule {rule} is missed by {missed[row]:,.6g} {problem.rows.unit[row]}")
    if plan.budget is not None and spend.sum() > plan.budget * (1 + _SAME):
        faults.append(f"{spend.sum():,.2f} is spent of a budget of {plan.budget:,.2f}")
    return faults


class _Box:
    """Bounds of spend and switches that a leaf of the proof speaks of."""

    def __init__(self, problem: Problem) -> None:
        self.low, self.high = problem.lower.copy(), problem.upper.copy()
        self.off, self.on = np.zeros(len(problem.switches)), np.ones(len(problem.switches))

    def copy(self) -> _Box:
        other = object.__new__(_Box)
        other.low, other.high = self.low.copy(), self.high.copy()
        other.off, other.on = self.off.copy(), self.on.copy()
        return other


def _proven(problem: Problem, proof: Mapping[str, Any], box: _Box) -> float:
    """The bound that a tree of divisions proves: the worst of its leaves."""
    worst, open_ = -np.inf, [(proof, box)]
    while open_:
        node, box = open_.pop()
        if "line" in node:
            line, at = int(node["line"]), float(node["at"])
            below, above = box.copy(), box.copy()
            below.high[line], above.low[line] = min(at, box.high[line]), max(at, box.low[line])
            open_ += [(node["below"], below), (node["above"], above)]
        elif "switch" in node:
            column = int(node["switch"])
            off, on = box.copy(), box.copy()
            off.on[column], on.off[column] = 0.0, 1.0
            open_ += [(node["off"], off), (node["on"], on)]
        else:
            worst = max(worst, _leaf(problem, node, box))
            if worst == np.inf:
                break
    return worst


def _leaf(problem: Problem, node: Mapping[str, Any], box: _Box) -> float:
    if "ray" in node:
        ray = np.asarray(node["ray"], float)
        if ray.shape != problem.rows.lower.shape or np.any(ray[problem.rows.soft] != 0):
            return np.inf
        nothing = _dual(problem, ray, box, gain=0.0)
        return -np.inf if nothing < 0 else np.inf
    prices = np.asarray(node.get("prices", ()), float)
    if prices.shape != problem.rows.lower.shape or not np.all(np.isfinite(prices)):
        return np.inf
    return _dual(problem, prices, box, gain=1.0)


def _dual(problem: Problem, prices: Floats, box: _Box, gain: float) -> float:
    """D(λ) over a box; *gain* 0 leaves the objective out."""
    rows = problem.rows
    limit = np.where(prices > 0, rows.upper, rows.lower)
    prices = np.where(np.isfinite(limit), prices, 0.0)
    soft = rows.soft
    if soft.any():  # beyond its penalty a soft rule is rather broken than paid
        fine = np.where(soft, np.nan_to_num(rows.penalty), np.inf)
        prices = np.clip(prices, -fine, fine)
    constant = float(prices @ np.where(prices != 0, limit, 0.0))
    worth = gain * problem.weights - rows.outcomes.T @ prices
    cost = gain * problem.price + rows.spend.T @ prices
    toll = rows.switches.T @ prices
    total, joined = constant, np.zeros(len(toll), bool)
    low, can_be_off = box.low.copy(), np.zeros(problem.n_lines, bool)
    must_be_off, on_toll = np.zeros(problem.n_lines, bool), np.zeros(problem.n_lines)
    for column, switch in enumerate(problem.switches):
        if switch.kind is SwitchKind.ON:
            joined[column], line = True, switch.line
            low[line] = max(low[line], problem.floor[line])
            can_be_off[line] = box.off[column] == 0 and box.low[line] <= 0
            must_be_off[line] = box.on[column] == 0
            on_toll[line] = toll[column]
    best = _highest(problem, worth, cost, low, box.high) - on_toll
    best = np.where(low > box.high, -np.inf, best)
    best = np.where(must_be_off, -np.inf, best)
    best = np.where(can_be_off, np.maximum(best, 0.0), best)
    others = np.maximum(-toll * box.off, -toll * box.on)[~joined]
    return float(total + best.sum() + others.sum())


def _highest(problem: Problem, worth: Floats, cost: Floats, low: Floats, high: Floats) -> Floats:
    """Highest point of max(worth, 0)·f(e) − cost·x on [low, high], line by line."""
    worth, high = np.maximum(worth, 0.0), np.maximum(low, high)
    unit = problem.exposure

    def at(spend: Floats) -> Floats:
        return np.asarray(worth * problem.curves.outcome(unit * spend) - cost * spend, float)

    best = np.maximum(at(low), at(high))
    # Above its inflection a curve is concave: one place where its slope meets the cost.
    left = np.clip(problem.curves.inflection / unit, low, high)
    right = high.copy()
    best = np.maximum(best, at(left))
    for _ in range(_BISECTIONS):
        middle = 0.5 * (left + right)
        with np.errstate(invalid="ignore"):
            rising = worth * unit * problem.curves.slope(unit * middle) > cost
        left, right = np.where(rising, middle, left), np.where(rising, right, middle)
    best = np.maximum(best, np.maximum(at(left), at(right)))
    for line, knots, heights in problem.curves.points:  # straight pieces are highest at an end
        places = np.clip(knots / unit[line], low[line], high[line])
        values = worth[line] * np.interp(unit[line] * places, knots, heights)
        values = values - cost[line] * places
        best[line] = max(best[line], float(values.max()))
    return best
