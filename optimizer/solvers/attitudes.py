"""What each attitude to risk makes of a plan: its figures for a spend, and its best spend.

All are hedges over worlds (:mod:`.hedging`); they differ in which worlds there are and how they are
weighed. The worst case makes its worlds as it needs them, the least regret first finds what each
world's own best plan brings, and a chance is held by the worlds that are to reach the goal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations, product
from math import comb

import numpy as np

from optimizer.plan.curves import Floats
from optimizer.plan.objectives import Outcomes
from optimizer.plan.plan import Plan
from optimizer.plan.risk import Chance, CVaR, Regret, WorstCase
from optimizer.problem import Problem
from optimizer.worlds import Worlds

from .hedging import Hedged, concave_in_all, fines, hedge
from .interior import Aim, climb_worlds
from .settle import settle
from .solution import Clock, Options, Status, relative_gap
from .weightings import Weighting

__all__ = ["Hedge", "Measure", "measure_of"]

Choice = tuple[tuple[str, int], ...]
"""Numbers at an end: name and 0 for the lower limit, 1 for the upper."""

WORST = 0.1
"""Share of the worst worlds that readers are told of."""
# Choices of numbers up to which all are tried.
_ALL = 2_000
_ROUNDS = 12
# How near a world's own best plan is found, as a share of it.
_OWN = 1e-5
# What a world short of the goal costs, against all that is at stake; and room above the goal.
_DEAR, _ABOVE = 1e3, 1e-7
_TINY = 1e-9


@dataclass(frozen=True, eq=False)
class Hedge:
    """What a spend is worth in every world; arrays have shape (n_worlds,)."""

    worlds: Worlds
    """The draws; for the worst case the choices of numbers at their ends that were looked at."""
    values: Floats
    """What the plan is worth in each, fines of soft rules taken off."""
    weights: Floats
    """How the attitude weighs the worlds for this spend."""
    base: Floats
    """What is taken off each value: for regret, the world's own best plan."""
    value: float
    """Under risk."""
    expected: float
    """Mean over the draws."""
    worst: float
    """Mean of the worst tenth of the draws."""
    draws: int
    """How many draws the means are over."""
    chance: float | None = None
    """Of reaching the goal, where there is one."""
    exact: bool = True
    """Whether nothing in the value was searched for without proof."""
    planes: tuple[tuple[float, Floats, Floats], ...] = ()
    """What holds the bound: share, weights of worlds, and cells where each plane touches."""
    relaxed: bool = False
    """Whether these planes touch curves above the true ones, as with S-curves."""


def measure_of(plan: Plan, worlds: Worlds) -> Measure:
    """The measure of a plan with ``risk``, whose draws are *worlds*."""
    kinds: Mapping[type, type[Measure]] = {
        Chance: _Chance,
        WorstCase: _WorstCase,
        Regret: _Regret,
    }
    return kinds.get(type(plan.risk), Measure)(plan, worlds)


class Measure:
    """Expected value and CVaR: the draws, weighed."""

    def __init__(self, plan: Plan, worlds: Worlds) -> None:
        assert plan.risk is not None
        self.plan, self.worlds, self.risk = plan, worlds, plan.risk
        self.problem: Problem = worlds.problem

    @cached_property
    def weighting(self) -> Weighting:
        """How the draws are weighed."""
        return Weighting.of(self.risk, self.worlds.weight)

    def hedge(self, cells: Floats) -> Hedge:
        """What a spend is worth in every world."""
        lost = fines(self.problem, cells)
        values = self.worlds.values(cells)
        own = self.weighting
        p, tenth = self.worlds.weight, Weighting.of(CVaR(1 - WORST), self.worlds.weight)
        return Hedge(
            worlds=self.worlds,
            values=values - lost,
            weights=own.worst(values),
            base=own.base,
            value=own.value(values) - lost,
            expected=float(p @ values) - lost,
            worst=tenth.value(values) - lost,
            draws=self.worlds.n,
        )

    def best(self, options: Options, starts: tuple[Floats, ...]) -> Hedged:
        """The spend of greatest worth, and its bound."""
        return hedge(self.problem, self.worlds, self.weighting, options, starts)


class _Regret(Measure):
    """The least of the greatest regret."""

    @cached_property
    def weighting(self) -> Weighting:
        return Weighting.of(self.risk, self.worlds.weight, self._own_best())

    def _own_best(self) -> Floats:
        """What each world's own best plan brings, shape (n_worlds,)."""
        worlds, problem, clock = self.worlds, self.problem, Clock(None)
        mean = Weighting(worlds.weight, np.zeros(worlds.n), 0.0, np.zeros(worlds.n))
        every = hedge(problem, worlds, mean, Options(_OWN)).solution.spend
        if every is None:
            return np.zeros(worlds.n)
        start, smooth = every[: problem.n_cells], concave_in_all(worlds) and not worlds.stages
        one, nothing = np.ones(1), np.zeros(1)
        found = worlds.values(start) - fines(problem, start)
        for s in range(worlds.n):
            own = worlds.only(np.array([s]))
            if smooth:
                aim = Aim(own, one, own, nothing, nothing, 0.0)
                cells, _ = climb_worlds(problem, aim, start, clock, 0.1 * _OWN)
                columns = settle(problem, problem.lift(cells))
                if not problem.feasible(columns):
                    continue
                best = float(own.values(columns)[0]) - fines(problem, columns)
            else:
                answer = hedge(problem, own, Weighting(one, nothing, 0.0, nothing), Options(1e-4))
                best = answer.solution.value
            found[s] = max(found[s], best)
        return found


class _Chance(Measure):
    """The greatest expected value among plans that reach a goal with some probability."""

    @cached_property
    def goal(self) -> Worlds:
        """What counts for the goal, in every draw."""
        risk = self.risk
        assert isinstance(risk, Chance)
        if risk.of is None:
            return self.worlds
        counted = Worlds.of(replace(self.plan, objective=Outcomes(risk.of)), self.worlds.n)
        return replace(counted, problem=self.problem)

    def hedge(self, cells: Floats) -> Hedge:
        return replace(super().hedge(cells), chance=self.chance(cells))

    def chance(self, cells: Floats) -> float:
        """The probability of reaching the goal."""
        assert isinstance(self.risk, Chance)
        reached = self.goal.values(cells) >= self.risk.at_least * (1 - _TINY)
        return float(self.worlds.weight @ reached)

    def best(self, options: Options, starts: tuple[Floats, ...]) -> Hedged:
        """Without the goal first; then with the worlds held that can best reach it.

        That bound is what no plan beats even without the goal. The mean of the worst worlds above
        the goal is enough, as CVaR is below the quantile; holding only as many worlds as must
        reach it loses less, and the choice of worlds is renewed while that helps.
        """
        risk = self.risk
        assert isinstance(risk, Chance)
        free = super().best(options, starts)
        if free.solution.spend is None or self._sure(free.solution.spend):
            return free
        free_cells = free.solution.spend[: self.problem.n_cells]
        tail = Weighting.of(CVaR(risk.sure), self.worlds.weight)
        safest = hedge(self.problem, self.goal, tail, replace(options, gap=1e-3), (free_cells,))
        found: list[Floats] = []
        plans = [*starts, free_cells]
        if safest.solution.spend is not None:
            plans.append(safest.solution.spend[: self.problem.n_cells])
        for plan in plans:
            self._held(plan, free_cells, found)
        values = [float(self.worlds.weight @ self.worlds.values(x)) - fines(self.problem, x)
                  for x in found]  # fmt: skip
        bound = free.solution.bound
        if not found:
            reason = "no plan was found that reaches the goal so surely"
            near = max(plans, key=self.chance)
            value = super().hedge(near).value
            missed = replace(free.solution, status=Status.STOPPED, reason=reason, proof=None)
            return Hedged(replace(missed, spend=self.problem.lift(near), value=value))
        best = int(np.argmax(values))
        proven = relative_gap(values[best], bound) <= options.gap
        reason = "proven" if proven else "the bound leaves the goal out"
        solution = replace(
            free.solution,
            spend=self.problem.lift(found[best]),
            value=values[best],
            status=Status.OPTIMAL if proven else Status.STOPPED,
            reason=reason,
        )
        return Hedged(solution, free.planes, free.relaxed)

    def _sure(self, cells: Floats) -> bool:
        assert isinstance(self.risk, Chance)
        return self.chance(cells) >= self.risk.sure - _TINY

    def _held(self, plan: Floats, start: Floats, found: list[Floats]) -> None:
        """Plans in which the worlds that best reach the goal in *plan* do reach it."""
        risk, problem, p = self.risk, self.problem, self.worlds.weight
        assert isinstance(risk, Chance)
        last, reached = -np.inf, self.chance(plan)
        if self._sure(plan) and problem.feasible(problem.lift(plan)):
            found.append(plan)
        for _ in range(_ROUNDS):
            order = np.argsort(-self.goal.values(plan), kind="stable")
            enough = int(np.searchsorted(np.cumsum(p[order]), risk.sure - _TINY)) + 1
            held = np.zeros(len(p))
            stake = abs(float(p @ self.worlds.values(start))) + 1.0
            held[order[:enough]] = _DEAR * stake / risk.at_least / max(enough, 1)
            base = np.full(len(p), risk.at_least * (1 + _ABOVE))
            aim = Aim(self.worlds, p, self.goal, base, held, 0.0)
            cells, _ = climb_worlds(problem, aim, plan, Clock(None), 1e-7)
            columns = settle(problem, problem.lift(cells))
            if not problem.feasible(columns):
                return
            plan = columns[: problem.n_cells]
            value = float(p @ self.worlds.values(plan)) - fines(problem, plan)
            if not self._sure(plan):
                before, reached = reached, self.chance(plan)
                if reached <= before + _TINY:
                    return
                continue
            found.append(plan)
            if value <= last + 1e-6 * abs(last):
                return
            last = value


class _WorstCase(Measure):
    """At most so many numbers at their worst, the others as stated."""

    def __init__(self, plan: Plan, worlds: Worlds) -> None:
        super().__init__(plan, worlds)
        self.ends = Worlds.ends(plan)
        names = [*self.ends]
        assert isinstance(self.risk, WorstCase)
        self.most = min(int(self.risk.numbers + _TINY), len(names))
        self.singles: list[Choice] = [((name, end),) for name in names for end in (0, 1)]

    @cached_property
    def alone(self) -> Worlds:
        """The numbers as stated, then each number alone at each of its ends."""
        return self._worlds([(), *self.singles])

    @cached_property
    def adds(self) -> bool:
        """Whether what numbers do adds up, as no two of them move the same column."""
        worlds = self.alone
        if not worlds.shares_stocks:
            return False
        moved = np.zeros((worlds.n, self.problem.n_columns), bool)
        for _, where, parameters in worlds.curves.families:
            for values in parameters:
                moved[:, where] |= values != values[:1]
        for values in (worlds.weights, worlds.price, worlds.exposure):
            moved |= values != values[:1]
        each = moved[1::2] | moved[2::2]
        return bool(np.all(each.sum(axis=0) <= 1))

    @cached_property
    def every(self) -> list[Choice] | None:
        """All choices, if they are few."""
        names = [*self.ends]
        if comb(len(names), self.most) * 2**self.most > _ALL:
            return None
        return [
            tuple(zip(chosen, ends, strict=True))
            for chosen in combinations(names, self.most)
            for ends in product((0, 1), repeat=self.most)
        ]

    @cached_property
    def all_choices(self) -> list[Choice]:
        """All choices; fewer numbers at an end are among them at no loss."""
        assert self.every is not None
        fewer = [choice for choice in self.singles if self.most >= 1]
        return list(dict.fromkeys([(), *fewer, *self.every]))

    @cached_property
    def all_worlds(self) -> Worlds:
        """The same as worlds."""
        return self._worlds(self.all_choices)

    @property
    def exact(self) -> bool:
        """Whether the worst choice is known for sure."""
        return self.most == 0 or self.adds or self.every is not None

    def _worlds(self, choices: list[Choice]) -> Worlds:
        """The worlds of some choices."""
        numbers: dict[str, Floats] = {}
        stated = Worlds.stated(self.plan)
        for name, paths in self.ends.items():
            end = np.array([dict(choice).get(name, -1) for choice in choices])
            for path, limits in paths.items():
                values = np.array([*limits, stated[path]])
                numbers[path] = values[end]
        return replace(Worlds.at(self.plan, numbers), problem=self.problem)

    def worst_choice(self, cells: Floats) -> Choice:
        """The numbers that hurt a spend most: each alone, where that adds up."""
        values = self.alone.values(cells)
        loss = (values[0] - values[1:]).reshape(-1, 2)
        end = loss.argmax(axis=1)
        most = loss.max(axis=1)
        names = [*self.ends]
        hurt = [j for j in np.argsort(-most, kind="stable")[: self.most] if most[j] > 0]
        return tuple(sorted((names[j], int(end[j])) for j in hurt))

    def _worst_worlds(self, cells: Floats) -> Worlds:
        """Worlds among which is the worst for a spend, as far as is known."""
        if self.most == 0:
            return self.alone.only(np.array([0]))
        if not self.adds and self.every is not None:
            return self.all_worlds
        return self._worlds([(), self.worst_choice(cells)])

    def hedge(self, cells: Floats) -> Hedge:
        over_draws = Measure(replace(self.plan, risk=CVaR(1 - WORST)), self.worlds).hedge(cells)
        worlds = self._worst_worlds(cells)
        lost = fines(self.problem, cells)
        values = worlds.values(cells) - lost
        weights = np.zeros(worlds.n)
        weights[int(values.argmin())] = 1.0
        return replace(
            over_draws,
            worlds=worlds,
            values=values,
            weights=weights,
            base=np.zeros(worlds.n),
            value=float(values.min()),
            exact=self.exact,
        )

    def best(self, options: Options, starts: tuple[Floats, ...]) -> Hedged:
        """Over worlds that are added while the worst for the plan found is not among them.

        With fewer worlds no plan's worst case is worse, so each round's bound holds.
        """
        if self.most > 0 and not self.adds and self.every is not None:
            worlds = self.all_worlds
            own = Weighting.of(self.risk, worlds.weight)
            return _named(hedge(self.problem, worlds, own, options, starts), self.all_choices)
        choices: list[Choice] = [()]
        bound, best, kept = np.inf, None, -np.inf
        tight, looked_at = None, choices
        for _ in range(_ROUNDS + len(self.ends)):
            worlds = self._worlds(choices) if self.most else self._worst_worlds(np.zeros(0))
            own = Weighting.of(self.risk, worlds.weight)
            found = hedge(self.problem, worlds, own, options, starts)
            if found.solution.spend is None:
                return found
            cells = found.solution.spend[: self.problem.n_cells]
            if found.solution.bound < bound or tight is None:
                bound, tight, looked_at = found.solution.bound, found, [*choices]
            value = self.hedge(cells).value
            if value > kept:
                kept, best = value, found
            choice = self.worst_choice(cells)
            if choice in choices or relative_gap(kept, bound) <= 0.5 * options.gap:
                break
            choices.append(choice)
            starts = (cells,)
        assert best is not None
        assert tight is not None
        proven = self.exact and relative_gap(kept, bound) <= options.gap
        reason = "proven" if proven else "the worst choice of numbers was searched for"
        solution = replace(
            best.solution,
            value=kept,
            bound=max(bound, kept),
            status=Status.OPTIMAL if proven else Status.STOPPED,
            reason=reason if self.exact is False or proven else best.solution.reason,
            proof=tight.solution.proof,
        )
        return _named(Hedged(solution, tight.planes, best.relaxed), looked_at)


def _named(found: Hedged, choices: list[Choice]) -> Hedged:
    """A hedge over choices of numbers whose proof names those that its planes weigh."""
    if found.solution.proof is None or not found.planes:
        return found
    weights = np.array([weights for _, weights, _ in found.planes])
    used = np.flatnonzero(weights.max(axis=0) > _TINY)
    planes = tuple((share, own[used] / own[used].sum(), at) for share, own, at in found.planes)
    named = [[[name, end] for name, end in choices[place]] for place in used]
    proof = {**found.solution.proof, "choices": named}
    return Hedged(replace(found.solution, proof=proof), planes, found.relaxed)
