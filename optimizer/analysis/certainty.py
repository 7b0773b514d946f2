"""How sure a plan is: bands, the chance of a gain, what it hangs on and what a rival view costs.

Every world is a draw of all that is uncertain (:mod:`optimizer.worlds`). The plan and today's spend
are put into the same worlds, so that what both share cancels out of their difference. In each world
the best plan is looked for as well: how far it moves says how firmly each line's money stands.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.allocation import Allocation
from optimizer.errors import AdsplitError, Fault, PlanError
from optimizer.plan.curves import SIZE, Floats
from optimizer.plan.document import replace_at
from optimizer.plan.plan import Line, Plan
from optimizer.plan.uncertainty import Range, Uncertainty
from optimizer.shown import Shown
from optimizer.solving import optimize
from optimizer.worlds import Reading, Worlds

from .bands import band, error_of, mean, quantiles
from .redrawing import Optima, first_of, how_many, redraw
from .variations import Counted

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CLEAR", "Certainty", "Gain", "certainty", "with_spread"]

CLEAR = 0.9
"""A gain over today's spend is clear if the plan is better in so many of all worlds."""

# Draws to begin with where none are stated, and where doubling ends.
_FIRST, _MOST = 1024, 8192
# The reported figures are stable once their errors are this share of the band's width (5 to 95 %),
# and chances are known this well.
_STABLE, _STABLE_CHANCE = 0.02, 0.02
# Lines whose place in the order of spends is tried, and how far their return may fall.
_RIVALS, _DEEPEST, _HALVINGS = 4, 0.5, 6

# What two plans must share for one to be a view of the other's world.
_QUESTION = ("objective", "budget", "rules")


@dataclass(frozen=True)
class Gain:
    """What the plan brings beyond today's spend, in the same worlds."""

    chance: float
    """Probability that it is better."""
    chance_error: float
    band: Mapping[str, float]
    """p5 to p95, mean and their errors, in units of the objective."""

    @property
    def is_clear(self) -> bool:
        """Whether it is beyond what chance and the draws' own error explain."""
        sure = self.chance - self.chance_error >= CLEAR
        return sure and self.band["mean"] > 2 * self.band["error"]


@dataclass(frozen=True, eq=False)
class Certainty(Shown):
    """How sure a plan is."""

    allocation: Allocation
    """The plan under study."""
    worlds: Worlds
    automatic: bool
    """Whether the number of draws was chosen here."""
    stable: bool
    """Whether the errors of what is reported are small beside it."""
    reading: Reading
    """What the plan brings in every world."""
    today: Floats | None
    """What today's spend is worth in every world; None where it is not known."""
    few: Worlds
    """The worlds in which the best plan was looked for: the first of all."""
    optima: Optima
    """The best plan in each of them."""
    views: pd.DataFrame
    """One row per rival view.

    Columns: view, kind (state or what_if), best (the objective of its own best plan), kept (that of
    the plan under study there; NaN where it breaks a rule), regret (best less kept).
    """
    switching: pd.DataFrame
    """One row per line tried: line, other (the next line by spend), fall (the smallest share by
    which its return may fall before the best plan gives it less than the other; NaN: not up to
    one half), spend_line, spend_other (at that fall)."""

    @property
    def plan(self) -> Plan:
        """The question."""
        return self.allocation.plan

    @property
    def draws(self) -> int:
        """How many worlds were drawn."""
        return self.worlds.n

    @cached_property
    def bands(self) -> pd.DataFrame:
        """One row per total: the objective, units of each stage, value and return.

        Columns: what (objective, stage, outcome, value, return), name (of the stage), p5, p25, p50,
        p75, p95, mean, error (of the mean), band_error (the largest of the other five), stated
        (with the numbers as stated).
        """
        import pandas as pd

        reading, weight = self.reading, self.worlds.weight
        parts: list[tuple[str, str, Floats, float]] = [
            ("objective", "", reading.objective, self.allocation.objective)
        ]
        stated = self._stated
        for name, units in reading.stages.items():
            kind = "stage" if name else "outcome"
            parts.append((kind, name, units, stated.get(name, np.nan)))
        if reading.money is not None:
            money, spent = float(self.allocation.by_period["value"].sum()), self.allocation.spent
            parts.append(("value", "", reading.money, money))
            if spent > 0:
                parts.append(("return", "", reading.money / spent, money / spent))
        return pd.DataFrame(
            [
                {"what": what, "name": name, **band(values, weight), "stated": stated_}
                for what, name, values, stated_ in parts
            ]
        )

    @property
    def _stated(self) -> dict[str, float]:
        """Units of each stage with the numbers as stated."""
        if self.plan.funnel is None:
            return {"": float(self.allocation.by_period["outcome"].sum())}
        units = self.allocation.by_stage.groupby("stage", sort=False)["followed_up"].sum()
        return {str(name): float(value) for name, value in units.items()}

    @cached_property
    def lines(self) -> pd.DataFrame:
        """One row per line, in the order of the plan.

        Columns: line, channel, role, spend; best_p5 to best_p95 and best_mean, what the best plans
        of the worlds give it; outcome_, value_ and return_ p5 to p95, mean and error (value and
        return NaN without values; a line's value is without goodwill's).
        """
        import pandas as pd

        grid = self.allocation.problem.grid
        spend = grid.by_line(self.allocation.spend)
        best = np.array([grid.by_line(own) for own in self.optima.spend])
        rows = []
        for index, name in enumerate(grid.line_names):
            money = (
                np.full(self.draws, np.nan)
                if self.reading.line_money is None
                else self.reading.line_money[:, index]
            )
            given = money / spend[index] if spend[index] > 0 else np.full(self.draws, np.nan)
            found = {
                "best": band(best[:, index], self.few.weight),
                "outcome": band(self.reading.line_outcomes[:, index], self.worlds.weight),
                "value": band(money, self.worlds.weight),
                "return": band(given, self.worlds.weight),
            }
            first = index * grid.n_periods
            rows.append(
                {
                    "line": str(name),
                    "channel": str(grid.channel[first]),
                    "role": str(grid.role[first]),
                    "spend": float(spend[index]),
                }
                | {
                    f"{kind}_{key}": value
                    for kind, own in found.items()
                    for key, value in own.items()
                    if key != "band_error"
                }
            )
        return pd.DataFrame(rows)

    @cached_property
    def optimum(self) -> dict[str, float]:
        """The band of what the best plan of each world is worth there."""
        return band(self.optima.value, self.few.weight)

    @cached_property
    def gain(self) -> Gain | None:
        """What the plan brings beyond today's spend; None where that is not known."""
        if self.today is None:
            return None
        return _gain(self.reading.objective - self.today, self.worlds.weight)

    @property
    def redrawn(self) -> pd.DataFrame:
        """One row per world in which the best plan was looked for.

        Columns: draw, weight, value (of its best plan), bound (NaN where nothing is proven), kept
        (value of the plan under study there), and what the best plan gives each line, by name.
        """
        import pandas as pd

        grid, found = self.allocation.problem.grid, self.optima
        frame = pd.DataFrame(
            {
                "draw": np.arange(self.few.n),
                "weight": self.few.weight,
                "value": found.value,
                "bound": np.where(np.isfinite(found.bound), found.bound, np.nan),
                "kept": self.reading.objective[: self.few.n],
            }
        )
        best = [grid.by_line(own) for own in found.spend]
        return frame.join(pd.DataFrame(best, columns=[str(name) for name in grid.line_names]))

    @property
    def solved(self) -> int:
        """In how many worlds the best plan was proven."""
        return int(np.isfinite(self.optima.bound).sum())

    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table by name."""
        import pandas as pd

        gain = pd.DataFrame([]) if self.gain is None else pd.DataFrame([gain_record(self.gain)])
        return {
            "bands": self.bands,
            "lines": self.lines,
            "gain": gain,
            "views": self.views,
            "switching": self.switching,
            "draws": self.redrawn,
        }


def gain_record(gain: Gain) -> dict[str, float | bool]:
    """A gain as one row."""
    return {
        "chance": gain.chance,
        "chance_error": gain.chance_error,
        "is_clear": gain.is_clear,
        **gain.band,
    }


def _gain(difference: Floats, weight: Floats) -> Gain:
    better = (difference > 0).astype(float)
    return Gain(
        float(mean(better, weight)), float(error_of(mean, better, weight)), band(difference, weight)
    )


def with_spread(plan: Plan, spread: float) -> Plan:
    """*plan* with what every line brings uncertain by a factor, where the plan says nothing.

    In eight worlds of ten a line brings between 1/(1 + spread) and 1 + spread times what its curve
    says (lognormal), each line by itself.

    Raises:
        PlanError: *spread* is not above zero, or a curve has no number to scale.
    """
    if not spread > 0:
        raise PlanError(Fault("spread", f"{spread!r} is no spread", "Give a share such as 20%"))
    numbers = {}
    for line in plan.lines:
        word = SIZE.get(line.curve.kind)
        if word is not None:
            factors = (1 / (1 + spread), 1 + spread)
            numbers[f"channels.{line.name}.curve.{word}"] = Range(factors, times=True)
    if not numbers:
        raise PlanError(Fault("spread", "no line has a curve that is a formula", "State ranges"))
    return replace(plan, uncertainty=Uncertainty(numbers))


def certainty(
    best: Allocation,
    views: Mapping[str, Plan] | None = None,
    *,
    draws: int | None = None,
    redraws: int | None = None,
    switching: bool = True,
    gap: float = 1e-4,
    time_limit: float | None = None,
    jobs: int = 1,
    progress: Counted | None = None,
    store: str | os.PathLike[str] | None = None,
) -> Certainty:
    """How sure *best* is, over the worlds of its plan's ``uncertainty``.

    Args:
        best: The plan under study.
        views: Rival views by name, the what-ifs of a scenario for example; the plan's own states
            are views as well.
        draws: How many worlds; absent: as the plan states, else doubled until figures are stable.
        redraws: In how many of them the best plan is looked for; absent: in all where that is
            quick, in 256 where each is a search, and in 64 with stocks.
        switching: Whether switching points are looked for, by a few solves per line.
        gap: Largest relative distance to the bound at which each search may end.
        time_limit: Seconds for each search.
        jobs: Processes to use; the answer is the same for any number.
        progress: Called with (draws solved, draws in all).
        store: A file of finished draws, so that a search that was killed can go on.

    Raises:
        PlanError: nothing is uncertain, or what is cannot be.
    """
    plan = best.plan
    worlds, automatic, stable = _worlds(best, draws)
    few = first_of(worlds, how_many(worlds) if redraws is None else redraws)
    found = redraw(
        few,
        best,
        gap=gap if few.problem.has_stocks else min(gap, 1e-6),
        time_limit=time_limit,
        jobs=jobs,
        progress=progress,
        store=store,
    )
    plain = replace(plan, uncertainty=None, risk=None)
    solve = partial(optimize, gap=gap, time_limit=time_limit)
    return Certainty(
        allocation=best,
        worlds=worlds,
        automatic=automatic,
        stable=stable,
        reading=worlds.read(best.spend),
        today=None if best.today is None else worlds.values(best.today.spend),
        few=few,
        optima=found,
        views=_views(best, views or {}, solve),
        switching=_switching(best, plain, solve if switching else None),
    )


def _worlds(best: Allocation, draws: int | None) -> tuple[Worlds, bool, bool]:
    """The worlds, whether their number was chosen here, and whether figures are stable."""
    plan = best.plan
    own = plan.uncertainty
    stated = None if own is None else own.draws or own.rows
    if draws is not None or stated is not None:
        worlds = Worlds.of(plan, draws, counted=True)
        return worlds, False, _is_stable(worlds, best)
    count = _FIRST
    while True:
        worlds = Worlds.of(plan, count, counted=True)
        stable = _is_stable(worlds, best)
        if stable or count >= _MOST:
            return worlds, True, stable
        count *= 2


def _is_stable(worlds: Worlds, best: Allocation) -> bool:
    """Whether the errors of the objective's band, of the gain's and of its chance are small."""
    values = worlds.values(best.spend)
    series = [values]
    if best.today is not None:
        series.append(values - worlds.values(best.today.spend))
        better = (series[1] > 0).astype(float)
        if error_of(mean, better, worlds.weight) > _STABLE_CHANCE:
            return False
    for one in series:
        found = quantiles(one, worlds.weight)
        if error_of(quantiles, one, worlds.weight).max() > _STABLE * (found[-1] - found[0]):
            return False
    return True


# ------------------------------------------------------------------------------------ rival views


def _views(
    best: Allocation, what_ifs: Mapping[str, Plan], solve: Callable[[Plan], Allocation]
) -> pd.DataFrame:
    """What the plan loses where another view is right, against that view's own best plan."""
    import pandas as pd

    plan = replace(best.plan, uncertainty=None, risk=None)
    rows = []
    stated = best.plan.uncertainty
    for name, state in {} if stated is None else stated.states.items():
        changed = plan
        for path, value in state.set.items():
            changed = replace_at(changed, path, value)
        rows.append(_view(name, "state", changed, best, solve))
    for name, other in what_ifs.items():
        changed = replace(other, uncertainty=None, risk=None)
        rows.append(_view(name, "what_if", changed, best, solve))
    columns = ["view", "kind", "best", "kept", "regret"]
    return pd.DataFrame([row for row in rows if row is not None], columns=columns)


def _view(
    name: str,
    kind: str,
    plan: Plan,
    best: Allocation,
    solve: Callable[[Plan], Allocation],
) -> tuple[str, str, float, float, float] | None:
    """One view; None where its plan answers another question, or has no answer."""
    same = all(getattr(plan, word) == getattr(best.plan, word) for word in _QUESTION)
    if not same or plan.grid.n_cells != len(best.spend):
        return None
    try:
        own = solve(plan)
    except AdsplitError:
        return None
    columns = own.problem.lift(best.spend)
    if not own.problem.feasible(columns, 1e-8):
        return name, kind, own.objective, np.nan, np.nan
    kept = own.problem.value(columns)
    most = max(own.objective, kept)
    return name, kind, most, kept, most - kept


# -------------------------------------------------------------------------------- switching points


def _switching(
    best: Allocation, plain: Plan, solve: Callable[[Plan], Allocation] | None
) -> pd.DataFrame:
    """By how much the return of the largest lines may fall until the next line gets more."""
    import pandas as pd

    rows = list(_falls(best, plain, solve)) if solve is not None else []
    columns = ["line", "other", "fall", "spend_line", "spend_other"]
    return pd.DataFrame(rows, columns=columns)


def _falls(
    best: Allocation, plain: Plan, solve: Callable[[Plan], Allocation]
) -> Iterator[tuple[str, str, float, float, float]]:
    """The switching point of each pair of neighbours in the order of spends."""
    grid = best.problem.grid
    spend = grid.by_line(best.spend)
    order = np.argsort(-spend, kind="stable")[:_RIVALS]
    for first, second in itertools.pairwise(order):
        line = plain.lines[int(first)]
        if line.curve.kind not in SIZE or spend[second] <= 0:
            continue
        fall, there = _fall(plain, int(first), int(second), solve)
        names = str(grid.line_names[first]), str(grid.line_names[second])
        given = (np.nan, np.nan) if there is None else (there[first], there[second])
        yield (*names, fall, float(given[0]), float(given[1]))


def _fall(
    plain: Plan, first: int, second: int, solve: Callable[[Plan], Allocation]
) -> tuple[float, Sequence[float] | None]:
    """The smallest fall of one line's return that puts another before it, by halving."""

    def spends(fall: float) -> Floats | None:
        try:
            found = solve(_scaled(plain, first, 1.0 - fall))
        except AdsplitError:
            return None
        return found.problem.grid.by_line(found.spend)

    low, high = 0.0, _DEEPEST
    there = spends(high)
    if there is None or there[first] >= there[second]:
        return np.nan, None
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        found = spends(middle)
        if found is None or found[first] >= found[second]:
            low = middle
        else:
            high, there = middle, found
    return high, there.tolist()


def _scaled(plan: Plan, index: int, factor: float) -> Plan:
    """*plan* with what one line brings multiplied."""
    line: Line = plan.lines[index]
    word, curve = SIZE[line.curve.kind], line.curve
    changed: Any = replace(curve, **{word: getattr(curve, word) * factor})
    lines = list(plan.lines)
    lines[index] = replace(line, curve=changed)
    return replace(plan, lines=tuple(lines))
