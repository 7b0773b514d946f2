"""Checks an answer from outside: are the rules kept, is the value true, does the bound hold?

It shares no code with the solvers and trusts nothing they say. The bound is proven by weak duality.
For any prices λ of the rows, no plan in a box can be better than

    D(λ) = Σₖ sup over the box of [(wₖ − (Bᵀλ)ₖ)·fₖ(eₖ) − (p + (Aᵀλ)ₖ)·xₖ − (Cᵀλ)ₖ·sₖ] + λ·limits

because each row's slack times its price is never negative. Each term is a function of one line's
spend, whose highest point is found here directly. A branch and bound divides the spends into boxes;
its proof is the tree of divisions with prices at every leaf, and the bound is the worst leaf's. A
leaf without any plan is proven by a ray of prices for which D, with nothing to gain, is negative.

Over time a leaf may keep the rows that define a line's chain of stocks instead of pricing them; the
highest point is then that of whole trajectories (:mod:`optimizer.certificate.chains`), and a
division may be by the peak of a chain.

Under an attitude to risk the worlds are drawn anew from the plan's seed. There planes take the
place of the curves: each touches a weighting of the worlds that the attitude allows. For a worst
case the proof names the choices of numbers that are weighed, any of which bounds it. For regret it
takes each world's own best plan, with a proof of its own: what such plans are worth bounds regret
from below, what they are proven to be worth at most bounds it from above.

A proof may come from anywhere: whatever in it is not a division or a price proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from optimizer.compiling import compile_plan
from optimizer.plan.curves import Floats
from optimizer.plan.flows import CAPACITY, STOCK
from optimizer.plan.grid import SwitchKind, Unit
from optimizer.plan.objectives import Outcomes
from optimizer.plan.plan import Plan
from optimizer.plan.risk import Chance, CVaR, Regret, WorstCase
from optimizer.problem import Problem
from optimizer.worlds import Worlds

from .chains import ChainBound, Stated, read
from .worst import Ends

__all__ = ["Own", "Verdict", "bound_of", "verify"]

# Numbers that differ by less than this share of their size are the same to a reader and to us.
_SAME = 1e-6
# Sums of terms that cancel are known to this share of the terms; a ray must do better by far.
_ROUNDING, _CLEAR = 1e-15, 1e-12
# A value below this share of all that the lines could bring at most is nothing.
_NOTHING = 1e-10
# Weights of worlds are known to this.
_TINY = 1e-9
# What a world's own best plan is worth is known to this share of it, and so is regret.
_OWN = 2e-5
_BISECTIONS = 100
# Faults of one kind that are told one by one.
_TOLD = 20


@dataclass(frozen=True, eq=False)
class Own:
    """The best plan of one world, and why it is."""

    spend: Floats
    """Shape (n_cells,)."""
    proof: Mapping[str, Any] | None
    """Planes and prices, as for the plan as a whole, with this world alone."""


@dataclass(frozen=True)
class Verdict:
    """What the check found."""

    value: float
    """The objective at the spend, worked out anew."""
    bound: float
    """What the proof really proves; infinite without a proof."""
    broken: tuple[str, ...] = ()
    """Limits and rules that the spend does not keep, in words."""
    untrue: tuple[str, ...] = ()
    """What is wrong with the value that was claimed."""
    unproven: tuple[str, ...] = ()
    """What is wrong with the bound that was claimed."""

    @property
    def faults(self) -> tuple[str, ...]:
        """What does not hold, in words; empty: the answer is true."""
        return (*self.broken, *self.untrue, *self.unproven)

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
    own: Sequence[Own] | None = None,
) -> Verdict:
    """Check a spend, its claimed value and its claimed bound against *plan*.

    Args:
        plan: The question.
        spend: Money per line and period, shape (n_cells,).
        value: The objective that is claimed.
        bound: What no plan can beat, as claimed; None: nothing is claimed.
        proof: The tree of divisions and prices (see :class:`optimizer.solvers.solution.Solution`).
        own: For regret, the best plan of every world, from wherever.
    """
    problem, money = compile_plan(plan), np.asarray(spend, float)
    faults = _shape_faults(problem, money)
    if faults:
        return Verdict(float("nan"), float("inf"), tuple(faults))
    money = _followed(problem, money)
    broken, untrue, unproven = _rule_faults(plan, problem, money), list[str](), list[str]()
    seen = _seen(plan, problem, money, proof, own)
    broken, unproven = [*broken, *seen.broken], [*unproven, *seen.unproven]
    least = _NOTHING * (_turnover(problem, money) + _turnover(problem, problem.upper)) + seen.room
    near = _SAME * max(abs(seen.value), abs(value)) + least
    if not seen.least - near <= value <= seen.value + near:
        untrue.append(f"the value is {seen.value:,.10g}, not {value:,.10g}")
    proven = float("inf")
    if bound is not None:
        if proof is None:
            unproven.append("the bound comes without a proof")
        else:
            if seen.worlds is None:
                proven = _proven(problem, proof, _Box(problem))
            else:
                proven = _proven_over(seen.worlds, problem, proof, seen.base)
            if proven == float("inf"):
                unproven.append("the proof does not prove any bound")
            elif not proven <= bound + _SAME * max(abs(bound), abs(seen.value)) + least:
                unproven.append(f"the proof gives a bound of {proven:,.10g}, not {bound:,.10g}")
        if not value <= bound + _SAME * max(abs(bound), abs(value)) + least:
            unproven.append(f"the value {value:,.10g} is above its own bound {bound:,.10g}")
    return Verdict(seen.value, proven, tuple(broken), tuple(untrue), tuple(unproven))


@dataclass(frozen=True, eq=False)
class _Seen:
    """What a spend is worth, and the worlds that a proof weighs."""

    value: float
    """At most."""
    least: float
    """At least; the same but for regret."""
    worlds: Worlds | None = None
    base: Floats | None = None
    """What is taken off each world's value, shape (n_worlds,); None: nothing."""
    room: float = 0.0
    """How far off a claim may be, in the unit of the value."""
    broken: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()


def _seen(
    plan: Plan,
    problem: Problem,
    money: Floats,
    proof: Mapping[str, Any] | None,
    own: Sequence[Own] | None,
) -> _Seen:
    """What *money* is worth under the plan's attitude to risk, or as stated."""
    if plan.risk is None:
        value = _value(problem, money)
        return _Seen(value, value)
    cells = money[: problem.n_cells]
    if isinstance(plan.risk, WorstCase):
        return _at_worst(Ends(plan), problem, money, proof)
    worlds = Worlds.of(plan)
    if isinstance(plan.risk, Regret):
        return _regretted(worlds, problem, money, own)
    value = _under_risk(worlds, cells) - _fines(problem, money)
    if not isinstance(plan.risk, Chance):
        return _Seen(value, value, worlds)
    missed = _chance_faults(plan, plan.risk, worlds, cells)
    return _Seen(value, value, worlds, broken=tuple(missed))


def _at_worst(
    ends: Ends, problem: Problem, money: Floats, proof: Mapping[str, Any] | None
) -> _Seen:
    """The worst choice of numbers, and the choices that a proof names."""
    value, sure = ends.worst(money[: problem.n_cells])
    value -= _fines(problem, money)
    choices = None if proof is None else ends.read(proof.get("choices"))
    worlds = ends.worlds(choices if choices is not None else [()])
    unproven: list[str] = []
    if not sure:
        unproven.append("there are too many choices of numbers to look for the worst of all")
    if proof is not None and choices is None:
        unproven.append("the proof weighs choices of numbers that the worst case does not have")
    return _Seen(value, value if sure else -np.inf, worlds, unproven=tuple(unproven))


def _regretted(worlds: Worlds, problem: Problem, money: Floats, own: Sequence[Own] | None) -> _Seen:
    """The greatest regret, between what each world's own best plan is and could be worth."""
    got = worlds.values(money[: problem.n_cells]) - _fines(problem, money)
    if own is None or len(own) != worlds.n:
        words = "regret is checked only with the best plan of every draw"
        return _Seen(0.0, -np.inf, worlds, got, unproven=(words,))
    best, most = got.copy(), np.full(worlds.n, np.inf)
    for s, one in enumerate(own):
        world = worlds.only(np.array([s]))
        if one.spend.shape == (problem.n_cells,) and np.all(np.isfinite(one.spend)):
            columns = _followed(problem, one.spend)
            if not _rule_faults(worlds.plan, problem, columns):
                worth = float(world.values(one.spend)[0]) - _fines(problem, columns)
                best[s] = max(best[s], worth)
        if one.proof is not None:
            most[s] = _proven_over(world, problem, one.proof, None)
    most = np.maximum(most, best)
    open_ = int(np.count_nonzero(np.isinf(most)))
    words = f"what {open_:,} of {worlds.n:,} draws could bring at most is not proven"
    room = _OWN * float(abs(best).max(initial=0.0))
    return _Seen(
        value=-float((best - got).max()),
        least=-float((most - got).max()),
        worlds=worlds,
        base=best,
        room=room,
        unproven=(words,) if open_ else (),
    )


def bound_of(problem: Problem, proof: Mapping[str, Any] | None) -> float:
    """What no plan for *problem* can beat by a proof; infinite where it proves nothing."""
    return float("inf") if proof is None else _proven(problem, proof, _Box(problem))


def _under_risk(worlds: Worlds, spend: Floats) -> float:
    """Expected value, or its mean with CVaR as the most of η − E[(η − V)⁺]/(1 − level)."""
    values, p, risk = worlds.values(spend), worlds.weight, worlds.plan.risk
    expected = float(p @ values)
    if not isinstance(risk, CVaR):
        return expected
    short = np.maximum(values[:, None] - values, 0.0)
    tail = float((values - (short @ p) / (1.0 - risk.level)).max())
    return (1.0 - risk.weight) * expected + risk.weight * tail


def _chance_faults(plan: Plan, risk: Chance, worlds: Worlds, spend: Floats) -> list[str]:
    """Whether the goal is reached as surely as is asked."""
    goal = worlds
    if risk.of is not None:
        goal = Worlds.of(replace(plan, objective=Outcomes(risk.of)))
    reached = goal.values(spend) >= risk.at_least * (1 - _SAME)
    chance = float(worlds.weight @ reached)
    if chance >= risk.sure - _SAME:
        return []
    return [f"the goal is reached with a probability of {chance:.4g}, not {risk.sure:.4g}"]


def _concave(worlds: Worlds) -> bool:
    """Whether no curve bends upwards, in any world, where its column may be."""
    problem = worlds.problem
    if not problem.is_concave:
        return False
    least = np.broadcast_to(worlds.exposure * problem.lower, (worlds.n, problem.n_columns))
    moves = problem.upper > problem.lower
    return not any(
        np.any((np.broadcast_to(kind.bend(*values), (worlds.n, len(where))) > 0)
               & (kind.bend(*values) > least[:, where]) & moves[where])
        for kind, where, values in worlds.curves.families
    )  # fmt: skip


def _proven_over(
    worlds: Worlds, problem: Problem, proof: Mapping[str, Any], base: Floats | None
) -> float:
    """The bound that planes above what plans are worth, and prices of the rules, prove.

    A plane touches Σ q·V at a spend, and is above it as V is concave; q must be weights that the
    attitude allows, the shares of the planes add up to one, and under their sum, which is straight,
    prices prove as ever.
    """
    planes = proof.get("planes")
    if not isinstance(planes, list) or not planes or not _concave(worlds):
        return np.inf
    constant, slope, whole = 0.0, np.zeros(problem.n_cells), 0.0
    for plane in planes:
        parts = [plane.get(k) for k in ("weights", "at")] if isinstance(plane, Mapping) else []
        share = _number(plane.get("share")) if parts else None
        weights, at = (_numbers(part) for part in parts) if parts else (None, None)
        if share is None or weights is None or at is None or share < 0:
            return np.inf
        if at.shape != slope.shape or np.any(at < 0) or not _allowed(worlds, weights):
            return np.inf
        gradient = worlds.gradient(at, weights)
        worth = worlds.values(at) - (0.0 if base is None else base)
        constant += share * float(weights @ worth - gradient @ at)
        slope, whole = slope + share * gradient, whole + share
    if abs(whole - 1.0) > _SAME or not np.all(np.isfinite(slope)):
        return np.inf
    price = np.zeros(problem.n_columns)
    price[: problem.n_cells] = -slope
    straight = replace(problem, weights=np.zeros(problem.n_columns), price=price)
    return constant + _leaf(straight, {"prices": proof.get("prices")}, _Box(straight), {})


def _allowed(worlds: Worlds, weights: Floats) -> bool:
    """Whether an attitude may weigh the worlds so."""
    risk, p = worlds.plan.risk, worlds.weight
    if weights.shape != p.shape or abs(weights.sum() - 1.0) > _TINY:
        return False
    if isinstance(risk, WorstCase | Regret):
        return bool(np.all(weights >= -_TINY))
    part = risk.weight if isinstance(risk, CVaR) else 0.0
    most = (1.0 - part) * p
    if isinstance(risk, CVaR):
        most = most + part * p / (1.0 - risk.level)
    return bool(np.all(weights >= (1.0 - part) * p - _TINY) and np.all(weights <= most + _TINY))


def _shape_faults(problem: Problem, spend: Floats) -> list[str]:
    if spend.shape != (problem.n_cells,):
        what = "lines" if problem.grid.n_periods == 1 else "lines and periods"
        return [f"there are {spend.size} spends for {problem.n_cells} {what}"]
    if not np.all(np.isfinite(spend)):
        return ["a spend is not a finite number"]
    return []


def _switches(problem: Problem, spend: Floats) -> Floats:
    """The switches that a spend implies."""
    if not problem.switches:
        return np.zeros(0)
    n, periods = problem.n_cells, problem.grid.n_periods
    cells = spend[:n]
    on = cells > 1e-3 * _SAME * np.maximum(cells, 1e-12 * problem.upper[:n].max(initial=0.0))
    total = cells.reshape(-1, periods).sum(axis=1)
    today = np.nan_to_num(problem.grid.current).reshape(-1, periods).sum(axis=1)
    room = _SAME * np.maximum(np.maximum(today, total), 1e-12 * problem.upper[:n].max(initial=0.0))
    answers = {
        SwitchKind.ON: on,
        SwitchKind.USED: on.reshape(-1, periods).any(axis=1),
        SwitchKind.UP: total > today + room,
        SwitchKind.DOWN: total < today - room,
    }
    return np.array([float(answers[s.kind][s.line]) for s in problem.switches])


def _followed(problem: Problem, spend: Floats) -> Floats:
    """All columns that follow from the spend of cells, one definition after the other."""
    columns = np.zeros(problem.n_columns)
    columns[: problem.n_cells] = spend
    if not problem.has_stocks:
        return columns
    rows = problem.rows
    own = np.array([rule == STOCK for rule in rows.rule])
    capacity = np.full(problem.n_columns, np.inf)
    for limit in np.flatnonzero([rule.startswith(f"{CAPACITY} ") for rule in rows.rule]):
        (limited,) = rows.spend[[limit]].indices
        capacity[limited] = rows.upper[limit]
    spends, outcomes = rows.spend.tocsr(), rows.outcomes.tocsr()
    terms: Floats | None = None
    known_already = np.arange(problem.n_columns) < problem.n_cells
    for row in np.flatnonzero(own).tolist():
        first, last = spends.indptr[row], spends.indptr[row + 1]
        column = int(spends.indices[first:last].max())  # what it follows from stands before it
        others = spends.indices[first:last] != column
        known = spends.data[first:last][others] @ columns[spends.indices[first:last][others]]
        first, last = outcomes.indptr[row], outcomes.indptr[row + 1]
        if first < last:
            if terms is None:  # stages come last, and have no curves
                terms = _outcomes(problem, columns)
            known += outcomes.data[first:last] @ terms[outcomes.indices[first:last]]
        most = rows.upper[row] - known
        if rows.lower[row] != rows.upper[row]:
            most = min(most, columns[column] if known_already[column] else capacity[column])
        columns[column], known_already[column] = most, True
    return columns


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
    gained = problem.weights @ _outcomes(problem, spend)
    return float(gained - problem.price @ spend) - _fines(problem, spend)


def _fines(problem: Problem, spend: Floats) -> float:
    missed, _ = _missed(problem, spend)
    return float(np.nan_to_num(problem.rows.penalty) @ missed)


def _turnover(problem: Problem, spend: Floats) -> float:
    """All that the value is the difference of."""
    missed, _ = _missed(problem, spend)
    fines = np.nan_to_num(problem.rows.penalty) @ missed
    gained = abs(problem.weights) @ abs(_outcomes(problem, spend))
    return float(gained + abs(problem.price) @ abs(spend) + fines)


def _rule_faults(plan: Plan, problem: Problem, spend: Floats) -> list[str]:
    faults: list[str] = []
    room = _SAME * np.maximum(problem.upper, 1e-300)
    names, low, high = problem.grid, problem.lower, problem.upper
    between = (room < spend) & (spend < problem.floor - room)
    for lines, limits, words in (
        (np.flatnonzero(spend < low - room), low, "less than"),
        (np.flatnonzero(spend > high + room), high, "more than"),
        (np.flatnonzero(between), problem.floor, "neither nothing nor"),
    ):
        faults += [
            f"{names.label(int(i))} gets {spend[i]:,.2f}, {words} {limits[i]:,.2f}"
            for i in lines[:_TOLD]
        ]
        if len(lines) > _TOLD:
            faults.append(f"{len(lines) - _TOLD:,} more lines likewise")
    missed, size = _missed(problem, spend)
    hard = np.isnan(problem.rows.penalty)
    least = np.full(len(size), 1e-300)
    if problem.grid.n_periods > 1:  # a limit may hang on a period with next to no money
        money = np.array([unit is Unit.MONEY for unit in problem.rows.unit], bool)
        least[money] = 0.1 * problem.money
    for row in np.flatnonzero(hard & (missed > _SAME * np.maximum(size, least))):
        rule = " ".join(word for word in (problem.rows.rule[row], problem.rows.part[row]) if word)
        faults.append(f"the rule {rule} is missed by {missed[row]:,.6g} {problem.rows.unit[row]}")
    total = spend[: problem.n_cells].sum()
    if plan.budget is not None and total > plan.budget * (1 + _SAME):
        faults.append(f"{total:,.2f} is spent of a budget of {plan.budget:,.2f}")
    return faults


class _Box:
    """Bounds of spend, switches and the peaks of chains that a leaf of the proof speaks of."""

    def __init__(self, problem: Problem) -> None:
        self.low, self.high = problem.lower.copy(), problem.upper.copy()
        self.off, self.on = np.zeros(len(problem.switches)), np.ones(len(problem.switches))
        self.peaks: dict[int, tuple[float, float]] = {}

    def copy(self) -> _Box:
        other = object.__new__(_Box)
        other.low, other.high = self.low.copy(), self.high.copy()
        other.off, other.on = self.off.copy(), self.on.copy()
        other.peaks = dict(self.peaks)
        return other


def _proven(problem: Problem, proof: Mapping[str, Any], box: _Box) -> float:
    """The bound that a tree of divisions proves: the worst of its leaves."""
    worst, open_ = -np.inf, [(proof, box)]
    known: dict[Stated, ChainBound] = {}
    while open_:
        node, box = open_.pop()
        if "line" in node:
            line, at = _index(node["line"], problem.n_columns), _number(node.get("at"))
            if line is None or at is None:
                return np.inf
            below, above = box.copy(), box.copy()
            below.high[line], above.low[line] = min(at, box.high[line]), max(at, box.low[line])
            parts = ((node.get("below"), below), (node.get("above"), above))
        elif "peak" in node:
            line, at = _index(node["peak"], problem.n_columns), _number(node.get("at"))
            if line is None or at is None:
                return np.inf
            least, most = box.peaks.get(line, (0.0, np.inf))
            below, above = box.copy(), box.copy()
            below.peaks[line], above.peaks[line] = (least, min(at, most)), (max(at, least), most)
            parts = ((node.get("below"), below), (node.get("above"), above))
        elif "switch" in node:
            column = _index(node["switch"], len(problem.switches))
            if column is None:
                return np.inf
            off, on = box.copy(), box.copy()
            off.on[column], on.off[column] = 0.0, 1.0
            parts = ((node.get("off"), off), (node.get("on"), on))
        else:
            value = _leaf(problem, node, box, known)
            if not value < np.inf:  # NaN proves nothing
                return np.inf
            worst = max(worst, value)
            continue
        for part, inner in parts:
            if not isinstance(part, Mapping):
                return np.inf
            open_.append((part, inner))
    return worst


def _index(value: object, size: int) -> int | None:
    """A position in an array of *size*; None for anything else."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return int(value) if whole and 0 <= int(value) < size else None  # type: ignore[call-overload]


def _number(value: object) -> float | None:
    """A finite number; None for anything else."""
    found = _numbers([value])
    return None if found is None else float(found[0])


def _numbers(values: object) -> Floats | None:
    """Finite numbers, shape (n,); None for anything else."""
    if not isinstance(values, list | tuple | np.ndarray):
        return None
    if any(isinstance(value, bool | str | bytes) or value is None for value in values):
        return None
    try:
        found = np.asarray(values, float)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if found.ndim == 1 and np.all(np.isfinite(found)) else None


def _leaf(
    problem: Problem, node: Mapping[str, Any], box: _Box, known: dict[Stated, ChainBound]
) -> float:
    prices = _numbers(node.get("ray", node.get("prices")))
    if prices is None or prices.shape != problem.rows.lower.shape:
        return np.inf
    chains = _chains(problem, node.get("chains", []), known)
    if chains is None:
        return np.inf
    with np.errstate(over="ignore", invalid="ignore"):
        if "ray" not in node:
            value, size = _dual(problem, prices, box, chains, gain=1.0)
            return value + _ROUNDING * size
        if np.any(prices[problem.rows.soft] != 0):
            return np.inf
        nothing, size = _dual(problem, prices, box, chains, gain=0.0)
    return -np.inf if nothing < -_CLEAR * size else np.inf


def _chains(
    problem: Problem, stated: object, known: dict[Stated, ChainBound]
) -> list[ChainBound] | None:
    """The chains whose rows a leaf keeps; None where it states none that share nothing."""
    found, wanted = [], read(stated)
    if wanted is None:
        return None
    for one in wanted:
        if one not in known:
            try:
                known[one] = ChainBound(problem, one)
            except ValueError:
                return None
        found.append(known[one])
    used = np.concatenate([chain.used for chain in found]) if found else np.zeros(0)
    return found if len(np.unique(used)) == len(used) else None


def _dual(
    problem: Problem, prices: Floats, box: _Box, chains: Sequence[ChainBound], gain: float
) -> tuple[float, float]:
    """D(λ) over a box, and the size of what it sums; *gain* 0 leaves the objective out."""
    prices = prices.copy()
    for chain in chains:
        prices[chain.rows] = 0.0  # these rows are kept
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
    joined = np.zeros(len(toll), bool)
    low, can_be_off = box.low.copy(), np.zeros(problem.n_columns, bool)
    must_be_off, on_toll = np.zeros(problem.n_columns, bool), np.zeros(problem.n_columns)
    for column, switch in enumerate(problem.switches):
        if switch.kind is SwitchKind.ON:
            joined[column], line = True, switch.line
            low[line] = max(low[line], problem.floor[line])
            can_be_off[line] = box.off[column] == 0 and box.low[line] <= 0
            must_be_off[line] = box.on[column] == 0
            on_toll[line] = toll[column]
    bare = problem.bare
    low = np.where(bare, np.maximum(low, problem.floor), low)
    can_be_off |= bare & (box.low <= 0)
    best = _highest(problem, worth, cost, low, box.high) - on_toll
    best = np.where(low > box.high, -np.inf, best)
    best = np.where(must_be_off, -np.inf, best)
    best = np.where(can_be_off, np.maximum(best, 0.0), best)
    courses = np.zeros(len(chains))
    for place, chain in enumerate(chains):
        peak = box.peaks.get(int(chain.columns[0]), (0.0, np.inf))
        courses[place] = chain.highest(worth, cost, box.low, box.high, peak)
        best[chain.used] = 0.0
    others = np.maximum(-toll * box.off, -toll * box.on)[~joined]
    best = np.concatenate([best, courses])
    terms = np.concatenate([best, others, prices * np.where(prices != 0, limit, 0.0)])
    size = float(abs(terms[np.isfinite(terms)]).sum())
    return float(constant + best.sum() + others.sum()), size


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
