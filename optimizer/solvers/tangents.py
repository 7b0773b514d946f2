"""Concave curves by cutting planes: the linear part under ever more tangents, to a proven gap.

Each round solves the linear part, whose value no plan can beat, and evaluates its spend on the
true curves, which gives a plan. Where an outcome still lies above its curve a tangent is added
there. The distance between the two shrinks about fourfold a round, to the last digits (Kelley,
1960, one cut per curve and round).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from optimizer.errors import SolverFailed
from optimizer.plan.curves import Floats
from optimizer.plan.grid import SwitchKind
from optimizer.problem import Need, Problem

from .envelopes import Envelopes
from .follow import follow
from .linear import LinearPart, Relaxed
from .settle import settle, sharpened
from .solution import Clock, Duals, Options, Proof, Solution, Status, relative_gap

__all__ = [
    "Box",
    "Climb",
    "Cuts",
    "Incumbent",
    "Tangents",
    "climb",
    "leaf",
    "switch_of",
    "whole_box",
]

# Closer than this share of the objective's size two values are the same number.
EXACT = 1e-11
# What settling the last digits of a spend may change its value by, as a share.
NEAR = 1e-6
_ROUNDS = 300
# So many rounds without progress mean that the arithmetic has no more digits to give.
_STALLED = 3
# Part of the gap asked for that a bound over stocks is brought to.
_ENOUGH = 0.3
# A plan over time is settled once its gap is below so many times that asked for.
_PROMISING = 3.0
# Lines for which a dense system of equations is quick.
_FEW = 2000
# Where a first tangent touches each curve, as shares of its concave part.
_FIRST = (0.0, 0.02, 0.1, 0.3, 0.6, 1.0)
# And where each is touched around the plan of a problem like this one, as shares of that plan.
_AROUND = (0.95, 1.0, 1.05)
# A plan this close to its bound, in units of the objective's scale, is near enough for Newton.
_COARSE = 1e-4
# What a plan that began near another may be from its bound, as a share: about HiGHS's own digits.
_CLOSE = 1e-8


@dataclass(frozen=True, eq=False)
class Box:
    """Bounds of spend, shape (n_columns,), and of switches, shape (n_switches,)."""

    low: Floats
    high: Floats
    switch_low: Floats
    switch_high: Floats


def whole_box(problem: Problem) -> Box:
    """Everything the problem allows."""
    n = len(problem.switches)
    return Box(problem.lower.copy(), problem.upper.copy(), np.zeros(n), np.ones(n))


@dataclass(eq=False)
class Cuts:
    """Lines above curves: outcome of *term* ≤ intercept·(its switch) + slope·exposure."""

    term: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, np.intp))
    intercept: Floats = field(default_factory=lambda: np.zeros(0))
    slope: Floats = field(default_factory=lambda: np.zeros(0))

    def plus(self, term: NDArray[np.intp], intercept: Floats, slope: Floats) -> Cuts:
        """These and more."""
        return Cuts(
            np.concatenate([self.term, term]),
            np.concatenate([self.intercept, intercept]),
            np.concatenate([self.slope, slope]),
        )

    def only(self, kept: NDArray[np.bool_]) -> Cuts:
        """Those that *kept* names."""
        return Cuts(self.term[kept], self.intercept[kept], self.slope[kept])


@dataclass(eq=False)
class Incumbent:
    """The best plan found so far, kept true to the problem's own curves and rules."""

    problem: Problem
    spend: Floats | None = None
    value: float = -np.inf

    def offer(self, spend: Floats) -> bool:
        """Take *spend* if it keeps the rules and is better; says whether it was taken."""
        spend = self.problem.lift(spend)
        if self.problem.value(spend) < self.value - NEAR * abs(self.value):
            return False
        spend = settle(self.problem, spend)
        value = self.problem.value(spend)
        if value > self.value and self.problem.feasible(spend):
            self.spend, self.value = spend, value
            return True
        return False

    def short_of(self, share: float) -> float:
        """A bound at or below this proves the plan to *share*; without a plan none does."""
        return -np.inf if self.spend is None else self.value + share * abs(self.value)

    def sharpen(self) -> None:
        """Bring out the last digits of the plan; its rules and value are checked as ever."""
        if self.spend is None or self.problem.has_stocks:
            return
        if len(self.spend) <= _FEW and not self.on_outcomes:
            self.offer(np.clip(sharpened(self.problem, self.spend), 0.0, None))

    @property
    def on_outcomes(self) -> bool:
        """Whether some rule is about outcomes, whose own curvature a Newton step would need."""
        return self.problem.rows.outcomes.nnz > 0


@dataclass(frozen=True, eq=False)
class Climb:
    """How far one box was climbed."""

    status: Status
    relaxed: Relaxed | None
    cuts: Cuts
    excess: Floats
    """How far each outcome still lies above its envelope, shape (n_columns,)."""

    @property
    def bound(self) -> float:
        """No plan in the box is better."""
        return -np.inf if self.relaxed is None else self.relaxed.value


def switch_of(problem: Problem) -> NDArray[np.intp]:
    """The column of each line's on-switch, −1 where it has none; shape (n_columns,)."""
    column = np.full(problem.n_columns, -1, np.intp)
    for position, switch in enumerate(problem.switches):
        if switch.kind is SwitchKind.ON:
            column[switch.line] = position
    return column


def climb(
    part: LinearPart,
    envelopes: Envelopes,
    box: Box,
    cuts: Cuts,
    tolerance: float,
    clock: Clock,
    incumbent: Incumbent,
    cutoff: float = -np.inf,
    gap: float = 0.0,
) -> Climb:
    """Solve one box with its envelopes to *tolerance*, absolute, in units of the objective.

    Ends early once no plan in the box can be better than *cutoff*, or by more than *gap* than the
    *incumbent*, to whom every spend on the way is offered.
    """
    problem, switch = part.problem, switch_of(part.problem)
    work = part.at_work
    part.drop_cuts()
    part.bound(
        box.low,
        box.high,
        box.switch_low,
        box.switch_high,
        problem.curves.outcome(problem.exposure * box.high),
    )
    if not cuts.term.size:
        cuts = first_cuts(envelopes, work)
    part.cut(cuts.term, cuts.intercept, cuts.slope, switch[cuts.term])
    relaxed, excess, stalled, least = None, np.zeros(problem.n_columns), 0, np.inf
    size = np.maximum(part.scales.outcomes, 1e-300)
    for _ in range(_ROUNDS):
        try:
            answer = part.solve()
        except SolverFailed:
            if relaxed is None:
                raise
            break  # what the rounds before have shown still holds
        if answer.status is not Status.OPTIMAL:
            return Climb(answer.status, None, cuts, excess)
        relaxed = answer
        share = np.where(switch >= 0, answer.switches[switch] if len(answer.switches) else 1.0, 1.0)
        # Where a line is partly on, its curve is asked for the spend of the part that is on.
        exposure = problem.exposure * answer.spend
        asked = np.where(share > 1e-9, exposure / np.maximum(share, 1e-9), envelopes.low)
        value, slope = envelopes.at(asked)
        asked = np.clip(asked, envelopes.low, envelopes.high)
        excess = np.where(work, answer.outcomes - share * value, 0.0)
        # Settling a plan over time takes as long as a round: only one near its bound is worth it.
        near = gap <= 0 or clock.is_up or _promising(problem, answer, gap)
        better = near and incumbent.offer(answer.spend)
        worth = abs(problem.weights - part.problem.rows.outcomes.T @ answer.rows)
        open_value = float(worth @ np.maximum(excess, 0.0))
        missing = np.flatnonzero((excess > 1e-13 * size) & work)
        exact = np.all(excess <= 1e-10 * size) if part.problem.rows.outcomes.nnz else True
        if not missing.size or (open_value <= tolerance and exact) or answer.value <= cutoff:
            break
        if relative_gap(incumbent.value, answer.value) <= gap:
            break
        progress = better or answer.value < least - EXACT * abs(answer.value)
        stalled, least = 0 if progress else stalled + 1, min(least, answer.value)
        if clock.is_up or stalled >= _STALLED:
            if not near:
                incumbent.offer(answer.spend)
            break
        intercept = (value - slope * asked)[missing]
        cuts = cuts.plus(missing, intercept, slope[missing])
        part.cut(missing, intercept, slope[missing], switch[missing])
    return Climb(Status.OPTIMAL, relaxed, cuts, excess)


def _promising(problem: Problem, answer: Relaxed, gap: float) -> bool:
    """Whether a relaxed plan is about as good, on the true curves, as its bound."""
    value = problem.value(problem.lift(answer.spend))
    return relative_gap(value, answer.value) <= _PROMISING * gap


def leaf(part: LinearPart, result: Climb) -> Proof:
    """The part of a proof that one climbed box gives."""
    if result.relaxed is not None:
        return {"prices": result.relaxed.rows.tolist()}
    ray = part.ray() if result.status is Status.INFEASIBLE else None
    return {} if ray is None else {"ray": ray.tolist()}


def first_cuts(envelopes: Envelopes, work: NDArray[np.bool_]) -> Cuts:
    """A handful of tangents per term, from where its concave part begins."""
    cuts, begin = Cuts(), envelopes.tangent
    for share in _FIRST:
        cuts = _touching(cuts, envelopes, work, begin + share * (envelopes.high - begin))
    return _touching(cuts, envelopes, work, envelopes.low)


def _touching(cuts: Cuts, envelopes: Envelopes, work: NDArray[np.bool_], exposure: Floats) -> Cuts:
    """*cuts*, and one more per term that is at work, which touches its envelope at *exposure*."""
    term, place = np.flatnonzero(work), np.clip(exposure, envelopes.low, envelopes.high)
    value, slope = envelopes.at(place)
    return cuts.plus(term, (value - slope * place)[term], slope[term])


def _climb_near(
    part: LinearPart,
    envelopes: Envelopes,
    box: Box,
    options: Options,
    clock: Clock,
    best: Incumbent,
) -> Climb:
    """Climb from the plan of a problem like this one, which ``options.warm`` holds.

    Newton's method leads to where that plan goes, and tangents at the optimum make the bound exact
    at once. Where other rules bind here than there, rounds begin around it and Newton ends them.
    """
    problem, work, warm = part.problem, part.at_work, options.warm
    assert warm is not None
    assert warm.spend is not None
    near, prices = warm.spend, warm.prices
    if prices is not None and len(prices) == len(problem.rows) and not best.on_outcomes:
        best.offer(follow(problem, near, prices))
        near = near if best.spend is None else best.spend
    cuts = first_cuts(envelopes, work)
    for share in _AROUND:
        cuts = _touching(cuts, envelopes, work, share * problem.exposure * near)
    close, scale = min(_CLOSE, 0.5 * options.gap), part.scales.objective
    result = climb(part, envelopes, box, cuts, _COARSE * scale, clock, best, best.short_of(close))
    if result.relaxed is None or result.bound <= best.short_of(close):
        return result
    best.sharpen()
    cuts = result.cuts
    if best.spend is not None:
        cuts = _touching(cuts, envelopes, work, problem.exposure * best.spend)
    result = climb(part, envelopes, box, cuts, EXACT * scale, clock, best, best.short_of(close))
    if result.bound > best.short_of(close):
        best.sharpen()
    return result


class Tangents:
    """Concave problems without switches."""

    name = "tangents (PuLP, HiGHS)"
    abilities = frozenset({Need.LINEAR, Need.CONCAVE, Need.OUTCOMES, Need.STOCKS})

    def solve(self, problem: Problem, options: Options, start: Floats | None) -> Solution:
        """The best plan, usually to ten digits, as the last rounds cost little."""
        clock, incumbent = Clock(options.time_limit), Incumbent(problem)
        if start is not None:
            incumbent.offer(start)
        part, box = LinearPart.of(problem, options.warm), whole_box(problem)
        envelopes = Envelopes.of(
            problem.curves, problem.exposure * box.low, problem.exposure * box.high
        )
        warm = options.warm
        if problem.has_stocks:
            # The last digits cost little where lines stand alone, and much where they share stocks.
            tolerance = EXACT * part.scales.objective
            enough = _ENOUGH * options.gap
            result = climb(part, envelopes, box, Cuts(), tolerance, clock, incumbent, gap=enough)
        elif warm is not None and warm.spend is not None:
            result = _climb_near(part, envelopes, box, options, clock, incumbent)
        else:
            tolerance = EXACT * part.scales.objective
            result = climb(part, envelopes, box, Cuts(), tolerance, clock, incumbent)
            incumbent.sharpen()
        if result.status is not Status.OPTIMAL or result.relaxed is None:
            return Solution(result.status, solver=self.name, seconds=clock.seconds, options=options)
        value, bound = incumbent.value, max(result.bound, incumbent.value)
        proven = relative_gap(value, bound) <= options.gap
        if incumbent.spend is None:
            return Solution(
                Status.STOPPED,
                bound=bound,
                solver=self.name,
                reason=clock.reason,
                seconds=clock.seconds,
                options=options,
            )
        return Solution(
            Status.OPTIMAL if proven else Status.STOPPED,
            incumbent.spend,
            value,
            bound,
            Duals.at(problem, incumbent.spend, result.relaxed.rows) if proven else None,
            leaf(part, result),
            self.name,
            "proven" if proven else clock.reason,
            clock.seconds,
            1,
            options,
        )
