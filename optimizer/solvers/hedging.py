"""The best plan under an attitude to risk, over all worlds together, and what no plan can beat.

Where values are concave in spend an interior-point method finds the plan and the weights of the
worlds that hold it back; those weights and the plan's rules then prove it (:mod:`.planes`). What is
left open, at kinks such as a full capacity, is closed by more planes in a trust region. With
S-curves or decisions each curve is replaced by the least concave one above it: its optimum is a
bound, and a place from which, among others, the true worth is climbed. That gap is reported.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.plan.curves import Floats
from optimizer.plan.grid import SwitchKind
from optimizer.problem import CurveTable, Problem
from optimizer.worlds import Worlds

from . import solve
from .interior import Aim, climb_worlds
from .planes import Planes, Top
from .settle import settle
from .solution import Clock, Options, Solution, Status, relative_gap
from .weightings import Weighting

__all__ = ["Hedged", "concave_in_all", "fines", "hedge", "risk_worth"]

NAME = "interior point and planes over worlds (numpy, HiGHS)"
# Rounds of planes, and how much nearer than the gap asked for they are to bring the bound.
_ROUNDS, _ENOUGH = 150, 0.5
# The trust region at first, as a share of a period's money, and where it ends.
_FIRST, _LAST = 0.05, 1e-7
# Every so many rounds the bound is asked for.
_BOUND = 5
# How near the interior point comes, as a share of the gap asked for; less leaves money unused.
_NEAR = 0.03
# More cells than these are left to planes alone.
_MANY = 4_000
_BISECTIONS = 60
# The line from nothing touches a curve before so many times where it bends.
_FAR = 1e6


@dataclass(frozen=True, eq=False)
class Hedged:
    """A plan under risk, and its proof."""

    solution: Solution
    """Value and bound are under risk, fines of soft rules taken off."""
    planes: tuple[tuple[float, Floats, Floats], ...] = ()
    """Those that hold the bound: share, weights of the worlds, cells where it touches."""
    relaxed: bool = False
    """Whether planes touch curves above the true ones."""


def risk_worth(problem: Problem, worlds: Worlds, weighting: Weighting, cells: Floats) -> float:
    """What a spend is worth under risk, fines of soft rules taken off."""
    return weighting.value(worlds.values(cells)) - fines(problem, cells)


def fines(problem: Problem, cells: Floats) -> float:
    """What soft rules that a spend breaks cost."""
    rows = problem.rows
    if not rows.soft.any():
        return 0.0
    missed = problem.violations(problem.lift(cells))
    return float(rows.penalty[rows.soft] @ missed[rows.soft])


def concave_in_all(worlds: Worlds) -> bool:
    """Whether what a spend is worth is concave in every world."""
    problem, curves = worlds.problem, worlds.curves
    if not problem.is_concave:
        return False
    least = np.broadcast_to(worlds.exposure * problem.lower, (worlds.n, problem.n_columns))
    moves = problem.upper > problem.lower
    for kind, where, parameters in curves.families:
        bend = np.broadcast_to(kind.bend(*parameters), (worlds.n, len(where)))
        if np.any((bend > least[:, where]) & moves[where] & (bend > 0)):
            return False
    return True


def hedge(
    problem: Problem,
    worlds: Worlds,
    weighting: Weighting,
    options: Options,
    starts: tuple[Floats, ...] = (),
) -> Hedged:
    """The plan of greatest worth under risk.

    Args:
        problem: Limits and rules, with the numbers as stated.
        worlds: What a plan is worth in each.
        weighting: How worlds are weighed.
        options: Gap and time limit.
        starts: Cells of plans to begin with, shape (n_cells,) each; the answer is never worse.

    Raises:
        SolverFailed: HiGHS gave up.
    """
    return _Search(problem, worlds, weighting, options, starts).run()


@dataclass(eq=False)
class _Best:
    """The best plan so far."""

    problem: Problem
    worlds: Worlds
    weighting: Weighting
    cells: Floats | None = None
    value: float = -np.inf

    def offer(self, cells: Floats) -> float:
        """Take a spend if it keeps the rules and is better; its worth, or −∞."""
        columns = settle(self.problem, self.problem.lift(np.asarray(cells, float)))
        if not self.problem.feasible(columns):
            return -np.inf
        settled = columns[: self.problem.n_cells]
        value = risk_worth(self.problem, self.worlds, self.weighting, settled)
        if value > self.value:
            self.cells, self.value = settled, value
        return value


class _Search:
    """One hedge."""

    def __init__(
        self,
        problem: Problem,
        worlds: Worlds,
        weighting: Weighting,
        options: Options,
        starts: tuple[Floats, ...],
    ) -> None:
        self.problem, self.worlds, self.weighting = problem, worlds, weighting
        self.options, self.clock = options, Clock(options.time_limit)
        self.best = _Best(problem, worlds, weighting)
        self.concave = concave_in_all(worlds)
        self.upper = worlds if self.concave else replace(worlds, curves=_above(worlds))
        self.starts = [start for start in starts if np.all(np.isfinite(start))]
        for start in self.starts:
            self.best.offer(start)
        self.bound, self.top = np.inf, Top(Status.STOPPED)

    def run(self) -> Hedged:
        """Climb, bound, and close what is open."""
        problem = self.problem
        start = self._begin()
        here, weights = start, self.weighting.worst(self.upper.values(start))
        if problem.n_cells <= _MANY:
            here, weights = self._climb(problem, self.upper, start)
        worth = abs(self.upper.gradient(np.maximum(here, 1e-9), weights)) @ here
        self.planes = Planes(problem, self.upper, self.weighting, float(worth) or 1.0)
        self.planes.add(weights, here)
        if not self._bounded():
            return self._without_a_plan()
        self.best.offer(here)
        self._report()
        if self.concave:
            self._close(here)
        else:
            self._climb_true(here)
        return self._answer()

    def _begin(self) -> Floats:
        """Cells to begin with; they may break rules."""
        if self.starts:
            return self.starts[0]
        problem, n = self.problem, self.problem.n_cells
        even = np.full(n, problem.money or 1.0)
        return np.asarray(np.clip(even, problem.lower[:n], problem.upper[:n]), float)

    def _climb(self, problem: Problem, worlds: Worlds, start: Floats) -> tuple[Floats, Floats]:
        """The interior point's plan and weights."""
        own = self.weighting
        aim = Aim(worlds, own.mean, worlds, own.base, own.cap, own.total)
        enough = _NEAR * self.options.gap
        cells, tail = climb_worlds(problem, aim, start, self.clock, enough)
        if not np.all(np.isfinite(cells)):
            return start, own.worst(worlds.values(start))
        return cells, own.nearest(tail)

    def _bounded(self) -> bool:
        """Ask for the top under all planes; whether there is one."""
        top = self.planes.top()
        if top.status is not Status.OPTIMAL:
            self.top = top if self.top.spend is None else self.top
            return False
        if top.value < self.bound:
            self.bound, self.top, self.held = top.value, top, len(self.planes.found)
        self.last = top
        return True

    @property
    def _is_close(self) -> bool:
        return relative_gap(self.best.value, self.bound) <= _ENOUGH * self.options.gap

    def _done(self) -> bool:
        """Whether there is nothing left to do, or no time."""
        return self._is_close or self.clock.is_up

    def _close(self, here: Floats) -> None:
        """Planes in a trust region around the best plan, and now and then the bound."""
        problem, n = self.problem, self.problem.n_cells
        room = _FIRST
        if self._done():
            return
        if self.best.cells is None and self.last.spend is not None:
            self.best.offer(self.last.spend[:n])
        for turn in range(_ROUNDS):
            if self._done():
                return
            centre = here if self.best.cells is None else self.best.cells
            low, high = problem.lower.copy(), problem.upper.copy()
            bounding = turn % _BOUND == 0 or self.best.cells is None
            if not bounding:
                low[:n] = np.maximum(low[:n], centre - room * problem.money)
                high[:n] = np.minimum(high[:n], centre + room * problem.money)
            self.planes.bounds(low, np.maximum(low, high))
            if bounding:
                if not self._bounded():
                    return
                top = self.last
            else:
                top = self.planes.top()
            if top.status is not Status.OPTIMAL or top.spend is None:
                room *= 2.0
                continue
            there, before = top.spend[:n], self.best.value
            self.planes.add(self.weighting.worst(self.worlds.values(there)), there)
            value = self.best.offer(there)
            promised = top.value - before
            if not bounding:
                if value >= before + 0.3 * promised:
                    room = min(2.0 * room, 1.0)
                elif value < before + 0.05 * promised:
                    room = max(0.5 * room, _LAST)
            self._report()
        self.planes.bounds(problem.lower, problem.upper)
        self._bounded()

    def _climb_true(self, above: Floats) -> None:
        """From several plans, each with its decisions kept, up the true worth."""
        stated = solve(self.problem, replace(self.options, progress=None, warm=None))
        plans = [*self.starts, above]
        if stated.spend is not None:
            plans.append(stated.spend)
        if self.last.spend is not None:
            plans.append(self.last.spend)
        for plan in plans:
            cells = plan[: self.problem.n_cells]
            self.best.offer(cells)
            if self.clock.is_up:
                return
            kept = _decided(self.problem, cells)
            climbed, _ = self._climb(kept, self.worlds, cells)
            reached = np.where(climbed < 1e-6 * self.problem.money, 0.0, climbed)
            self.best.offer(climbed)
            self.best.offer(reached)
            self._report()

    def _report(self) -> None:
        if self.options.progress is not None:
            value = self.best.value if self.best.cells is not None else None
            self.options.progress(self.clock.seconds, value, self.bound)

    def _without_a_plan(self) -> Hedged:
        """What the problem itself says where no plan keeps its rules, or none is best."""
        found = solve(self.problem, replace(self.options, warm=None))
        if found.status in {Status.INFEASIBLE, Status.UNBOUNDED}:
            return Hedged(found)
        return Hedged(replace(found, spend=None, status=Status.STOPPED, bound=np.inf))

    def _answer(self) -> Hedged:
        best, seconds = self.best, self.clock.seconds
        bound = max(self.bound, best.value)
        about = Solution(
            Status.STOPPED, bound=bound, solver=NAME, seconds=seconds, options=self.options
        )
        if best.cells is None:
            return Hedged(replace(about, reason="no plan found"))
        proven = relative_gap(best.value, bound) <= self.options.gap
        shares = self.top.shares if self.top.shares is not None else np.zeros(0)
        planes = tuple(
            (float(share), plane.weights, plane.at)
            for share, plane in zip(shares, self.planes.found, strict=False)
            if share > 1e-12
        )
        rows = self.top.rows
        reason = "proven" if proven else self._why()
        solution = replace(
            about,
            status=Status.OPTIMAL if proven else Status.STOPPED,
            spend=self.problem.lift(best.cells),
            value=best.value,
            proof=None if rows is None else {"prices": rows.tolist()},
            reason=reason,
            nodes=len(self.planes.found),
        )
        return Hedged(solution, planes, not self.concave)

    def _why(self) -> str:
        if self.clock.is_up:
            return "time limit"
        return self.clock.reason if self.concave else "S-curves or decisions, over many worlds"


def _decided(problem: Problem, cells: Floats) -> Problem:
    """The problem with its yes-or-no decisions as a spend makes them."""
    low, high = problem.lower.copy(), problem.upper.copy()
    n, columns = problem.n_cells, problem.lift(cells)
    off = (problem.floor[:n] > 0) & (cells <= 1e-9 * (problem.money or 1.0)) & (low[:n] <= 0)
    on = (problem.floor[:n] > 0) & ~off
    high[:n] = np.where(off, 0.0, high[:n])
    low[:n] = np.where(on, np.maximum(low[:n], np.minimum(problem.floor[:n], high[:n])), low[:n])
    rows, switched = problem.rows, problem.switched(columns)
    if not problem.switches:
        return replace(problem, lower=low, upper=high)
    there = rows.switches @ switched
    for place, switch in enumerate(problem.switches):
        if switch.kind in {SwitchKind.ON, SwitchKind.USED} and switched[place] == 0:
            own = switch.line
            if switch.kind is SwitchKind.ON:
                high[own] = max(low[own], 0.0)
    rows = replace(
        rows,
        lower=rows.lower - there,
        upper=rows.upper - there,
        definition=rows.definition & (np.diff(rows.switches.indptr) == 0),
        switches=sparse.csr_array(rows.switches.shape),
    )
    return replace(problem, lower=low, upper=high, rows=rows)


@dataclass(frozen=True, eq=False)
class _Above:
    """Curves above all curves of some worlds, concave from nothing on; see :class:`Envelopes`."""

    curves: CurveTable
    touch: Floats
    """Where the line from nothing touches, shape (n_worlds, n)."""
    chord: Floats
    families: tuple[Any, ...] = field(default=())

    def outcome(self, exposure: Floats) -> Floats:
        """The lines, and the curves beyond them."""
        exposure = np.broadcast_to(exposure, self.touch.shape)
        beyond = self.curves.outcome(np.maximum(exposure, self.touch))
        return np.where(exposure <= self.touch, self.chord * exposure, beyond)

    def slope(self, exposure: Floats) -> Floats:
        """The slopes of the same."""
        exposure = np.broadcast_to(exposure, self.touch.shape)
        beyond = self.curves.slope(np.maximum(exposure, self.touch))
        return np.where(exposure <= self.touch, self.chord, beyond)


def _above(worlds: Worlds) -> Any:
    """The least concave curves above those of every world, as far as a spend may go."""
    curves, shape = worlds.curves, (worlds.n, worlds.problem.n_columns)
    high = np.broadcast_to(worlds.exposure * worlds.problem.upper, shape).copy()
    high[:, worlds.problem.n_cells :] = np.inf  # stocks differ between worlds
    bend = np.zeros(shape)
    for kind, where, parameters in curves.families:
        bend[:, where] = np.broadcast_to(kind.bend(*parameters), (worlds.n, len(where)))
    hulls = tuple((k, *_hulled(x, y)) for k, x, y in curves.points)
    curves = replace(curves, points=hulls)
    high = np.minimum(high, _FAR * bend)
    left, right = np.minimum(bend, high), high.copy()
    for _ in range(_BISECTIONS):
        middle = 0.5 * (left + right)
        with np.errstate(invalid="ignore"):  # vertical at nothing
            steep = curves.slope(middle) * middle > curves.outcome(middle)
        left, right = np.where(steep, middle, left), np.where(steep, right, middle)
    touch = np.where(bend > 0, right, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        steepest = np.maximum(curves.outcome(left) / left, curves.outcome(right) / right)
        chord = np.where(touch > 0, np.nan_to_num(steepest), 0.0)
    return _Above(curves, touch, chord)


def _hulled(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The corners of the upper hull of a curve of points."""
    kept: list[int] = []
    for i in range(len(x)):
        while len(kept) >= 2:
            a, b = kept[-2], kept[-1]
            if (y[b] - y[a]) * (x[i] - x[a]) > (y[i] - y[a]) * (x[b] - x[a]):
                break
            kept.pop()
        kept.append(i)
    index: NDArray[np.intp] = np.array(kept, np.intp)
    return x[index], y[index]
