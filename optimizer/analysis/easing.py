"""What can give way: every rule of a plan, and the plan with that rule eased.

A :class:`Sharp` solution is what eased plans are compared with; :func:`easings` lists the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.allocation import Allocation
from optimizer.compiling import compile_plan
from optimizer.plan.constraints import Changes, Constraint, Pacing, Share, Spend, SpendAll, Split
from optimizer.plan.curves import Floats
from optimizer.plan.flows import CAPACITY
from optimizer.plan.grid import Unit
from optimizer.plan.plan import Line, Plan
from optimizer.plan.units import Percent
from optimizer.problem import BUDGET, NEAR, Problem
from optimizer.solvers import solve
from optimizer.solvers.solution import Duals, Options, Solution, Status, Warm, left_over

__all__ = ["STEP", "Easing", "Sharp", "easings", "in_money", "true_duals"]

Mask = NDArray[np.bool_]

SHARP = 1e-8
"""Gap to which concave plans are solved, so that their differences mean something."""
CLOSE = 1e-7
"""The same for plans with S-curves or switches, whose proof takes longer."""
ROUGH = 1e-5
"""A first try where a gain may be far greater than that."""
PLAIN = 50.0
"""A gain of so many times its doubt is told as it is: two digits of it hold."""
# What a price may cost in time; beyond it the doubt is told with it.
_SECONDS = 10.0
# Spend that no plan means: where nothing else limits a line, so many times the budget does.
_ENDLESS = 20.0
STEP = 0.01
"""A price that is solved for again is for an easing by this share of the rule's own limit."""
# Parts of a rule that are told one by one.
_NAMED = 8
POINT = 0.01
"""One percentage point."""


class Sharp:
    """A sharp solution of the plan, which easings are compared with."""

    def __init__(self, allocation: Allocation) -> None:
        self.plan = in_money(allocation.plan)
        self.problem = compile_plan(self.plan)
        self.concave = self.problem.is_concave
        limit = allocation.options.time_limit or _SECONDS
        # Easings differ little from the plan: all are stated in one model.
        self.options = Options(SHARP if self.concave else CLOSE, limit, warm=Warm())
        given = Solution(
            Status.OPTIMAL, allocation.columns, allocation.objective, _bound(allocation)
        )
        found = solve(self.problem, self.options, allocation.columns)
        if found.spend is None or found.value < given.value - 1e-9 * abs(given.value):
            found = given
        self.solution = found
        self.spend: Floats = allocation.columns if found.spend is None else found.spend
        """All columns: the cells, then the stocks that follow from them."""
        self.value, self.bound = found.value, found.bound
        # Where the sharp search stalls before its proof, the answer's own duals are the best known.
        duals = found.duals or allocation.duals
        self.duals = None if duals is None else true_duals(self.problem, self.spend, duals)
        self.money = self._money()

    @cached_property
    def unique(self) -> bool:
        """Whether the duals are the only ones: gradients of all that binds are independent.

        Otherwise, and at the corners of curves of points, a dual may promise more than an easing
        keeps.
        """
        problem = self.problem
        if problem.curves.points or problem.has_stocks:
            return False
        slopes = problem.slopes(self.spend)
        slopes = np.where(np.isfinite(slopes), slopes, 0.0)
        gradient = problem.rows.spend + problem.rows.outcomes @ sparse.diags_array(slopes)
        active = np.flatnonzero(self.tight & ~problem.rows.definition)
        # A line at a bound takes its column out; what is left of the rows decides.
        free = np.flatnonzero(~(self.at_lower | self.at_upper))
        left = sparse.csr_array(gradient)[active].tocsc()[:, free].toarray()
        size = np.asarray(abs(gradient)[active].max(axis=1).todense()).reshape(-1, 1)
        left = left / np.maximum(size, 1e-300)
        return len(active) == 0 or bool(
            left.size and np.linalg.matrix_rank(left, tol=1e-9) == len(active)
        )

    @cached_property
    def room(self) -> Floats:
        """How near to a bound counts as at it, shape (n_columns,)."""
        size = np.where(np.isfinite(self.problem.upper), self.problem.upper, self.money)
        return NEAR * np.maximum(size, 1e-300)

    @cached_property
    def at_lower(self) -> Mask:
        """Which columns stand at their least, shape (n_columns,)."""
        return self.spend <= self.problem.lower + self.room

    @cached_property
    def at_upper(self) -> Mask:
        """Which columns stand at their most, shape (n_columns,)."""
        return self.spend >= self.problem.upper - self.room

    @cached_property
    def tight(self) -> Mask:
        """Which rows stand at a limit or beyond it, shape (n_rows,)."""
        return self.problem.standing(self.spend)[2]

    @cached_property
    def switched(self) -> Floats:
        """The switches as the spend sets them."""
        return self.problem.switched(self.spend)

    def _money(self) -> float:
        """The size of the plan in money."""
        if self.plan.budget:
            return self.plan.budget
        return float(self.spend[: self.problem.n_cells].sum()) or 1.0

    def gain(self, eased: Problem) -> tuple[float, float]:
        """What *eased* gains over the plan, and how far that may be off."""
        return self._gain(eased, self.options)

    def great_gain(self, eased: Problem) -> tuple[float, float]:
        """The same where most gains are great: what shows at a glance is not proven to the end."""
        if not self.concave:
            gain, doubt = self._gain(eased, replace(self.options, gap=ROUGH))
            if gain > PLAIN * doubt:
                return gain, doubt
        return self.gain(eased)

    def _gain(self, eased: Problem, options: Options) -> tuple[float, float]:
        found = solve(eased, options, self.spend)
        if found.status is Status.UNBOUNDED:
            return float("inf"), 0.0
        if found.spend is None:
            return 0.0, float("inf")
        doubt = max(found.bound - found.value, self.bound - self.value, 0.0)
        return max(found.value - self.value, 0.0), doubt


def _bound(allocation: Allocation) -> float:
    return float("inf") if allocation.bound is None else allocation.bound


@dataclass(frozen=True, eq=False)
class Easing:
    """One rule as something that can give way."""

    name: str
    part: str
    unit: str
    size: float
    """Size of the unit."""
    binding: bool
    derivative: float
    """Gain per unit from the duals; NaN without."""
    most: float
    """Price that its penalty allows; infinite where it is hard."""
    step: float
    """Easing to solve again with, in units."""
    coarse: bool
    """Whether one unit is so much of the rule that a derivative would not tell what it is worth."""
    limit: float
    """Largest easing that means anything, in units."""
    eased: Callable[[float], Problem]
    """The problem with the rule eased by so many units; infinite: without the rule."""


def easings(base: Sharp) -> Iterator[Easing]:
    """Every rule of the plan: the budget, the rules in their order, the limits of the lines."""
    names = dict.fromkeys(base.problem.rows.rule)
    stated = {rule.name: rule for rule in base.plan.rules}
    priced = {
        name
        for name, definition in zip(
            base.problem.rows.rule, base.problem.rows.definition, strict=True
        )
        if not definition
    }
    for name in names:
        if name not in priced:
            continue
        yield _budget(base) if name == BUDGET else _constraint(base, name, stated.get(name))
    for position, line in enumerate(base.plan.lines):
        yield from _limits(base, position, line)


def _budget(base: Sharp) -> Easing:
    """The ceiling on all spend; lines without a maximum of their own end at it, too."""
    problem, budget = base.problem, base.problem.grid.budget
    row = problem.rows.rule.index(BUDGET)
    n = problem.n_cells
    whole = np.zeros(problem.n_columns, bool)
    whole[:n] = (problem.grid.maximum > problem.upper[:n]) & base.at_upper[:n]
    derivative = float("nan")
    if base.duals is not None:
        derivative = float(base.duals.rows[row] + base.duals.bounds[whole].sum())

    def eased(units: float) -> Problem:
        if np.isfinite(units):
            return compile_plan(replace(base.plan, budget=budget + units))
        free = _without(problem, np.arange(len(problem.rows)) == row)
        own = problem.grid.maximum
        endless = _ENDLESS * max(base.money, budget)
        most = np.where(np.isfinite(own), own, endless)
        flows = problem.grid.flows
        if problem.has_stocks and flows is not None:
            most = flows.highest(most, np.inf, problem.curves)
        return replace(free, upper=np.maximum(most, problem.lower))

    return Easing(
        name=BUDGET,
        part="",
        unit=str(Unit.MONEY),
        size=1.0,
        binding=bool(base.tight[row]),
        derivative=derivative,
        most=float("inf"),
        step=STEP * base.money,
        coarse=False,
        limit=float("inf"),
        eased=eased,
    )


def _constraint(base: Sharp, name: str, stated: Constraint | None) -> Easing:
    """Every condition of one rule, each eased by a unit of its own."""
    rows = base.problem.rows
    own = np.array([rule == name for rule in rows.rule], bool)
    mine = np.flatnonzero(own & ~rows.definition)
    steps = np.ones(len(mine))
    unit, size = str(rows.unit[mine[0]]), 1.0
    if isinstance(stated, Split | Share):
        unit, size = "point", POINT
        spends = np.array([_spend_shared(base, stated, rows.part[row]) for row in mine])
        steps = size * spends
    tight = base.tight[mine]
    derivative = float("nan")
    if base.duals is not None:
        derivative = float(_eased_gain(base, mine) @ steps)
    fines = np.where(np.isnan(rows.penalty[mine]), np.inf, rows.penalty[mine])
    parts = dict.fromkeys(rows.part[row] for row in mine)
    binding = dict.fromkeys(rows.part[row] for row, held in zip(mine, tight, strict=True) if held)
    limits = np.where(np.isfinite(rows.lower[mine]), rows.lower[mine], rows.upper[mine])
    scale = rows.scale(base.spend, base.problem.outcomes(base.spend), base.switched)[mine]
    largest = float(np.max(np.abs(limits))) or float(np.max(scale)) or base.money
    # A point or a line is much; so is one unit of a limit of a few.
    coarse = unit in {"point", "lines"} or (unit != "money" and STEP * largest < 1.0)

    def eased(units: float) -> Problem:
        if stated is None:
            return compile_plan(_with_capacity(base.plan, name, units))
        if np.isinf(units):
            return _without(base.problem, own)
        if isinstance(stated, Split | Share):
            return compile_plan(_with_rule(base.plan, _wider(stated, units * size)))
        room = np.zeros(len(rows))
        room[mine] = units * steps
        loose = replace(rows, lower=rows.lower - room, upper=rows.upper + room)
        return replace(base.problem, rows=loose)

    return Easing(
        name=name,
        part=_parts(list(parts if len(parts) == 1 else binding)),
        unit=unit,
        size=size,
        binding=bool(tight.any()),
        derivative=derivative,
        most=float(np.sum(fines[steps > 0] * steps[steps > 0])),
        step=1.0 if coarse else STEP * largest,
        coarse=coarse,
        limit=100.0 if unit == "point" else float("inf"),
        eased=eased,
    )


def _parts(parts: list[str]) -> str:
    """Parts of a rule by name; of many, the first and how many more."""
    if len(parts) <= _NAMED:
        return ", ".join(parts)
    return f"{', '.join(parts[: _NAMED - 1])} + {len(parts) - _NAMED + 1}"


def _with_capacity(plan: Plan, name: str, more: float) -> Plan:
    """*plan* with so much more capacity in every period of a stage; infinite: without a limit."""
    funnel = plan.funnel
    assert funnel is not None
    stage = name.removeprefix(f"{CAPACITY} ")
    limits = dict(funnel.capacity)
    own = limits.pop(stage)
    if np.isfinite(more):
        if isinstance(own, int | float):
            limits[stage] = own + more
        elif isinstance(own, dict):
            limits[stage] = {period: units + more for period, units in own.items()}
        else:
            limits[stage] = tuple(units + more for units in own)
    return replace(plan, funnel=replace(funnel, capacity=limits))


def _wider(rule: Split | Share, room: float) -> Split | Share:
    """*rule* with its shares eased by *room*, as if its document said so."""
    if isinstance(rule, Split):
        return replace(rule, tolerance=min(rule.tolerance + room, 1.0))
    low, high = rule.at_least, rule.at_most
    return replace(
        rule,
        at_least=None if low is None else max(low - room, 0.0),
        at_most=None if high is None else min(high + room, 1.0),
    )


def _with_rule(plan: Plan, rule: Split | Share) -> Plan:
    """*plan* with *rule* in the place of the one of its name."""
    if any(one.name == rule.name for one in plan.constraints):
        rules = tuple(rule if one.name == rule.name else one for one in plan.constraints)
        return replace(plan, constraints=rules)
    assert isinstance(rule, Split)
    return replace(plan, split=rule)


def _eased_gain(base: Sharp, mine: Any) -> Floats:
    """Gain per unit by which each row is eased: an equality gives way in its better direction."""
    assert base.duals is not None
    rows, duals = base.problem.rows, base.duals.rows[mine]
    has_low, has_high = np.isfinite(rows.lower[mine]), np.isfinite(rows.upper[mine])
    return np.where(has_high, np.maximum(duals, 0.0), 0.0) + np.where(
        has_low, np.maximum(-duals, 0.0), 0.0
    )


def _spend_shared(base: Sharp, stated: Split | Share, part: str) -> float:
    """The spend that a share is of, within one part of the rule."""
    grid = base.problem.grid
    scope = grid.select(stated.where if isinstance(stated, Split) else stated.of)
    for group, mask in grid.groups(stated.per).items():
        if group and (part == group or part.endswith(f" in {group}")):
            scope = scope & mask
            break
    return float(base.spend[: grid.n_cells][scope].sum())


def _limits(base: Sharp, position: int, line: Line) -> Iterator[Easing]:
    """The limits on one line's own spend."""
    problem, grid = base.problem, base.problem.grid
    cells = np.arange(position * grid.n_periods, (position + 1) * grid.n_periods)
    if line.locked is None:  # cells that are fixed for a period alone are not the line's limits
        cells = cells[problem.lower[cells] < problem.upper[cells]]
    if not len(cells):
        return
    held = 0.0 if base.duals is None else float(base.duals.bounds[cells].sum())
    low, high = float(problem.lower[cells[0]]), float(grid.maximum[cells[0]])
    floor, spends = float(problem.floor[cells[0]]), base.spend[cells]
    if floor > 0:
        spends = np.where(spends > base.room[cells], spends, np.inf)
    # Without a budget something must limit a line: a thousand times what is spent now.
    without = None if np.isfinite(grid.budget) else 1e3 * max(high, base.money)

    def easing(
        word: str,
        slack: float,
        derivative: float,
        change: Callable[[float], Line],
        amount: float,
        limit: float = float("inf"),
    ) -> Easing:
        def eased(units: float) -> Problem:
            lines = list(base.plan.lines)
            lines[position] = change(units)
            return compile_plan(replace(base.plan, lines=tuple(lines)))

        return Easing(
            name=f"{line.name} {word}",
            part="",
            unit=str(Unit.MONEY),
            size=1.0,
            binding=bool(slack <= base.room[cells[0]]),
            derivative=max(derivative, 0.0) if base.duals is not None else float("nan"),
            most=float("inf"),
            step=min(STEP * (amount or base.money), limit),
            coarse=False,
            limit=limit,
            eased=eased,
        )

    if line.locked is not None:
        yield easing(
            "locked",
            0.0,
            abs(held),
            lambda units: replace(
                line,
                locked=None,
                minimum=max(low - units, 0.0),
                maximum=without if np.isinf(units) else low + units,
            ),
            amount=low,
        )
        return
    if low > 0:
        yield easing(
            "minimum",
            float(spends.min()) - low,
            -held,
            lambda units: replace(line, minimum=max(low - units, 0.0)),
            amount=low,
            limit=low,
        )
    if np.isfinite(high) and high < grid.budget:
        yield easing(
            "maximum",
            high - float(base.spend[cells].max()),
            held,
            lambda units: replace(line, maximum=without if np.isinf(units) else high + units),
            amount=high,
        )
    if floor > 0:
        yield easing(
            "minimum if active",
            float(spends.min()) - floor,
            float("nan"),
            lambda units: replace(line, minimum_if_active=max(floor - units, 0.0)),
            amount=floor,
            limit=floor,
        )


def _without(problem: Problem, dropped: Any) -> Problem:
    rows = replace(
        problem.rows,
        lower=np.where(dropped, -np.inf, problem.rows.lower),
        upper=np.where(dropped, np.inf, problem.rows.upper),
    )
    return replace(problem, rows=rows)


def true_duals(problem: Problem, spend: Floats, duals: Duals) -> Duals:
    """*duals* with what is left over on every line, so that those near a bound have a price too."""
    return Duals(duals.rows, left_over(problem, spend, duals.rows))


def in_money(plan: Plan) -> Plan:
    """*plan* with shares of the budget written as money, so that easing one rule moves no other."""
    budget = plan.budget
    if budget is None:
        return plan

    def money(amount: Any) -> Any:
        return amount.share * budget if isinstance(amount, Percent) else amount

    def changed(stated: Any, names: tuple[str, ...], parts: int = 1) -> Any:
        new = {
            name: money(getattr(stated, name)) / parts
            for name in names
            if isinstance(getattr(stated, name), Percent)
        }
        return replace(stated, **new) if new else stated

    words = ("minimum", "maximum", "minimum_if_active", "locked")
    periods = 1 if plan.periods is None else plan.periods.count
    rules: list[Constraint] = []
    for rule in plan.constraints:
        if isinstance(rule, SpendAll):
            rules.append(Spend(at_least=budget, penalty=rule.penalty, name=rule.name))
        elif isinstance(rule, Spend | Changes):
            rules.append(changed(rule, ("at_least", "at_most")))
        elif isinstance(rule, Pacing):
            least = {label: money(amount) for label, amount in rule.at_least_by.items()}
            most = {label: money(amount) for label, amount in rule.at_most_by.items()}
            rules.append(replace(rule, at_least_by=least, at_most_by=most))
        else:
            rules.append(rule)
    return replace(
        plan,
        lines=tuple(changed(line, words, periods) for line in plan.lines),
        constraints=tuple(rules),
    )
