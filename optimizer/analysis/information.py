"""What to find out next: what it would be worth to know an uncertain number before money is spent.

Knowing everything is worth E[max V] − max E[V]: the best plan of every world, against the one plan
that is best for all of them. Knowing one line's numbers is worth E[max E[V | numbers]] − max E[V].
The inner expectations are regressions of the values of some plans on the numbers over the same
draws (Strong, Oakley & Brennan, *Estimating multiparameter partial expected value of perfect
information*, 2014). Which plan a regression would choose is decided on one half of the draws and
counted on the other: what is reported is what a real way of using the knowledge would bring, so it
is no more than knowing is worth, but for its error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.cluster.vq import kmeans2

from optimizer.allocation import Allocation
from optimizer.errors import Fault, PlanError, SolverFailed
from optimizer.plan.curves import Floats
from optimizer.plan.uncertainty import LISTS, STATES, Uncertainty
from optimizer.shown import Shown
from optimizer.solvers import solve
from optimizer.solvers.solution import Options
from optimizer.solvers.together import best_of_each, suits
from optimizer.worlds import Worlds

from .bands import blocks, error_of, mean
from .certainty import Certainty
from .variations import Counted

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Information", "has_worth", "information"]

# Plans that answer to one number are made for so many classes of its values, and to several for so
# many clusters; fewer where each is a search with stocks.
_CLASSES, _CLUSTERS, _FEW = 7, 10, 5
# Numbers of a group up to which a regression has their products as well.
_PRODUCTS = 4
# Draws of the shares of variance, without and with stocks, and plans that stand for the best one.
_DRAWS, _STOCKED, _PANEL = 512, 256, 12
# Part of the result below which knowing everything is worth nothing but rounding.
_NOTHING = 1e-9

Index = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Information(Shown):
    """What knowing would be worth, in units of the objective."""

    certainty: Certainty
    total: float
    """Expected value of perfect information: the mean over the worlds of the best plan's value,
    less that of the one plan with the greatest mean that was found."""
    error: float
    """Its standard error."""
    open: float
    """By how much more it may be, as searches ended within their gaps."""
    mean: float
    """The greatest mean that one plan was found to have; what all gains are counted from."""
    shortfall: float
    """By how much the plan under study has less than that."""
    frame: pd.DataFrame
    """One row per line, other number, or set of states, the most worth first.

    Columns: name, kind (line, number, states), paths (how many numbers), worth (the expected value
    of knowing them; not below 0), error, share (of the total, at most 1)."""
    shares: pd.DataFrame
    """One row per source of uncertainty: Sobol's shares of the variance of the best plan's value.

    Columns: name, kind (line, number, factor, lists, states), first (the share that it alone
    explains), first_error, whole (with all that it does together with others), whole_error."""
    variance: float
    """Of the best plan's value over the worlds."""
    panel: int
    """How many plans stand for the best one in the shares; 0 where each world was solved."""

    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table by name."""
        return {"tests": self.frame, "shares": self.shares}


def has_worth(plan: Allocation) -> bool:
    """Whether what knowing is worth can be told: no rule is about outcomes.

    Such a rule is kept in one world and broken in another by the same spend, so that what is best
    on average is not to be had by comparing values.
    """
    rows = plan.problem.rows
    return rows.outcomes[~rows.definition].nnz == 0


def information(found: Certainty, *, progress: Counted | None = None) -> Information:
    """What it would be worth to know what is uncertain in *found*.

    Args:
        found: How sure the plan is, over the draws to go by.
        progress: Called after each number or line with (done, in all).

    Raises:
        PlanError: a rule is about outcomes, which one world keeps and another breaks.
    """
    if not has_worth(found.allocation):
        words = "a rule is about outcomes, so what knowing is worth cannot be told"
        raise PlanError(Fault("constraints", words, "Drop the rule, or make a what-if of it"))
    plan = found.allocation.plan
    assert plan.uncertainty is not None  # worlds were drawn of it
    paths = Worlds.paths(plan)
    groups = _groups(found, plan.uncertainty, paths)
    candidates = _Candidates(found)
    gains: dict[str, tuple[float, float]] = {}
    for done, group in enumerate(groups, 1):
        gains[group.name] = candidates.worth_of(group)
        if progress is not None:
            progress(done, len(groups))
    few, optima = found.few, found.optima
    base = few.values(candidates.base)
    regret = np.maximum(optima.value - base, 0.0)
    total = float(mean(regret, few.weight))
    shares, variance, panel = _shares(found, candidates, plan.uncertainty, paths)
    proven = np.isfinite(optima.bound)
    left = np.where(proven, optima.bound - optima.value, 0.0)
    means = found.worlds.weight @ found.worlds.values(candidates.base)
    return Information(
        certainty=found,
        total=total,
        error=float(error_of(mean, regret, few.weight)),
        open=float(mean(left, few.weight)),
        mean=float(means),
        shortfall=float(means - found.worlds.weight @ found.reading.objective),
        frame=_frame(groups, gains, total if total > _NOTHING * abs(float(means)) else 0.0),
        shares=shares,
        variance=variance,
        panel=panel,
    )


@dataclass(frozen=True)
class _Group:
    """Numbers that would be found out together."""

    name: str
    kind: str
    paths: tuple[str, ...]


def _groups(found: Certainty, uncertainty: Uncertainty, paths: Mapping[str, str]) -> list[_Group]:
    """Lines, other numbers, and the states."""
    lines = {str(name) for name in found.allocation.problem.grid.line_names}
    members: dict[tuple[str, str], list[str]] = {}
    for path, own in paths.items():
        members.setdefault(_home(path, own, uncertainty, lines), []).append(path)
    groups = [_Group(name, kind, tuple(own)) for (name, kind), own in members.items()]
    if uncertainty.states:
        groups.append(_Group(STATES, "states", ()))
    return groups


def _home(path: str, own: str, uncertainty: Uncertainty, lines: set[str]) -> tuple[str, str]:
    """The line, or the number by itself, that a path belongs to; one that moves many is one."""
    if not uncertainty.numbers[own].shared:
        words = path.split(".")
        for name in (".".join(words[1:3]), ".".join(words[1:2])):
            if words[0] == "channels" and name in lines:
                return name, "line"
        return path, "number"
    return own, "number"


class _Candidates:
    """Plans that knowledge may choose from, and what they are worth."""

    def __init__(self, found: Certainty) -> None:
        self.found, self.worlds = found, found.worlds
        self.options = Options(min(found.allocation.options.gap, 1e-4))
        stocked = self.worlds.problem.has_stocks
        self.count = (_FEW, _FEW) if stocked else (_CLASSES, _CLUSTERS)
        plans = [found.allocation.spend]
        whole = self._plan(self.worlds.weight)
        if whole is not None:
            plans.append(whole)
        if found.allocation.problem.is_concave:  # then a mixture of plans keeps the rules
            plans.append(found.few.weight @ found.optima.spend)
        means = [float(self.worlds.weight @ self.worlds.values(plan)) for plan in plans]
        self.base = plans[int(np.argmax(means))]
        """The plan with the greatest mean of all that serve every world."""
        self.base_values = self.worlds.values(self.base)
        self.plans: list[Floats] = [self.base]
        """Every plan that was made."""

    def _plan(self, share: Floats) -> Floats | None:
        """The best plan for the average of some worlds; None where there is none."""
        problem = self.worlds.average(share)
        start = problem.lift(self.found.allocation.spend)
        try:
            answer = solve(problem, self.options, start if problem.feasible(start) else None)
        except SolverFailed:
            return None
        return None if answer.spend is None else answer.spend[: problem.n_cells]

    def worth_of(self, group: _Group) -> tuple[float, float]:
        """What knowing a group's numbers is worth, and the error of that."""
        worlds = self.worlds
        scores = self._scores(group)
        classes = worlds.state + 1 if group.kind == "states" else _classes(scores, *self.count)
        plans = [self._plan(worlds.weight * (classes == k)) for k in np.unique(classes)]
        known = [plan for plan in plans if plan is not None]
        self.plans += known
        gains = np.array([worlds.values(plan) - self.base_values for plan in known]).T
        if not gains.size:
            return 0.0, 0.0
        chosen = _chosen(_basis(scores), gains, worlds.weight)
        got = np.where(chosen >= 0, gains[np.arange(len(gains)), chosen], 0.0)
        return float(mean(got, worlds.weight)), float(error_of(mean, got, worlds.weight))

    def _scores(self, group: _Group) -> Floats:
        """The numbers as normal scores, (n_worlds, n_numbers); states as yes or no."""
        if group.kind == "states":
            present = np.unique(self.worlds.state)[1:]
            return np.asarray(self.worlds.state[:, None] == present, float)
        columns = []
        for path in group.paths:
            rank = stats.rankdata(self.worlds.numbers[path]) / (self.worlds.n + 1)
            columns.append(stats.norm.ppf(rank))
        return np.array(columns).T


def _classes(scores: Floats, shares: int, clusters: int) -> Index:
    """Worlds of like numbers, shape (n_worlds,): equal *shares* of one number, or *clusters*."""
    if scores.shape[1] == 1:
        order = np.argsort(np.argsort(scores[:, 0], kind="stable"), kind="stable")
        return np.asarray(order * shares // len(scores), np.intp)
    _, labels = kmeans2(scores, clusters, minit="++", rng=np.random.default_rng(0))
    return np.asarray(labels, np.intp)


def _basis(scores: Floats) -> Floats:
    """What values are regressed on, shape (n_worlds, n_terms)."""
    n, width = scores.shape
    parts = [np.ones((n, 1)), scores]
    if set(np.unique(scores)) <= {0.0, 1.0}:
        return np.hstack(parts)
    parts.append(scores**2)
    if width == 1:
        parts.append(scores**3)
    elif width <= _PRODUCTS:
        parts += [scores[:, [i]] * scores[:, [j]] for i in range(width) for j in range(i)]
    return np.hstack(parts)


def _chosen(basis: Floats, gains: Floats, weight: Floats) -> Index:
    """The plan that a regression on the other half of the draws takes in each; −1 for the base."""
    chosen = np.full(len(gains), -1)
    # Each half of the sequence is even by itself; every second draw of it would be lopsided.
    half = np.arange(len(gains)) < len(gains) // 2
    root = np.sqrt(weight)[:, None]
    for fitted, asked in ((half, ~half), (~half, half)):
        left, right = (root * basis)[fitted], (root * gains)[fitted]
        expected = basis[asked] @ np.linalg.lstsq(left, right, rcond=1e-10)[0]
        best = expected.argmax(axis=1)
        found = expected[np.arange(len(best)), best]
        chosen[asked] = np.where(found > 0, best, -1)
    return chosen


def _frame(
    groups: Sequence[_Group], gains: Mapping[str, tuple[float, float]], total: float
) -> pd.DataFrame:
    import pandas as pd

    rows = [
        {
            "name": group.name,
            "kind": group.kind,
            "paths": len(group.paths),
            "worth": max(gains[group.name][0], 0.0),
            "error": gains[group.name][1],
            "share": min(max(gains[group.name][0], 0.0) / total, 1.0) if total > 0 else 0.0,
        }
        for group in groups
    ]
    frame = pd.DataFrame(rows, columns=["name", "kind", "paths", "worth", "error", "share"])
    return frame.sort_values("worth", ascending=False, kind="stable", ignore_index=True)


# --------------------------------------------------------------------------- shares of the variance


def _shares(
    found: Certainty,
    candidates: _Candidates,
    uncertainty: Uncertainty,
    paths: Mapping[str, str],
) -> tuple[pd.DataFrame, float, int]:
    """Sobol's shares of the variance of the best plan's value, by source.

    Two independent sets of draws, A and B, and for each source A with that source's column from B
    (Saltelli et al., *Variance based sensitivity analysis of model output*, 2010, for first order;
    Jansen, 1999, for the whole).
    """
    import pandas as pd

    n = _STOCKED if found.few.problem.has_stocks else _DRAWS
    groups = _sources(found, uncertainty, paths)
    a, b = uncertainty.two_sets(paths, n)
    mixed = [a, b]
    for columns in groups.values():
        one = a.copy()
        one[:, columns] = b[:, columns]
        mixed.append(one)
    worlds = Worlds.of(found.plan, points=np.concatenate(mixed))
    best, panel = _best_values(worlds, candidates)
    values = best.reshape(len(mixed), n)
    variance = float(np.var(values[:2]))
    rows = [
        {"name": name, "kind": kind, **_share(values[0], values[1], values[k + 2], variance)}
        for k, (name, kind) in enumerate(groups)
    ]
    columns_ = ["name", "kind", "first", "first_error", "whole", "whole_error"]
    frame = pd.DataFrame(rows, columns=columns_)
    frame = frame.sort_values("whole", ascending=False, kind="stable", ignore_index=True)
    return frame, variance, panel


def _share(a: Floats, b: Floats, mixed: Floats, variance: float) -> dict[str, float]:
    """First-order and whole share of a source, with their errors."""
    size = variance if variance > 0 else 1.0
    centre = np.concatenate([a, b]).mean()
    found = {}
    for name, each in (
        ("first", (b - centre) * (mixed - a) / size),
        ("whole", 0.5 * (a - mixed) ** 2 / size),
    ):
        parts = np.array([each[part].mean() for part in blocks(len(each))])
        found[name] = float(np.clip(each.mean(), 0.0, None))
        found[f"{name}_error"] = float(parts.std(ddof=1) / np.sqrt(len(parts)))
    return found


def _sources(
    found: Certainty, uncertainty: Uncertainty, paths: Mapping[str, str]
) -> dict[tuple[str, str], list[int]]:
    """Columns of points by what they move: a line, a number, a factor, all lists, the states."""
    lines = {str(name) for name in found.allocation.problem.grid.line_names}
    home = {
        uncertainty.source(path, own): _home(path, own, uncertainty, lines)
        for path, own in paths.items()
    }
    groups: dict[tuple[str, str], list[int]] = {}
    for column, name in enumerate(uncertainty.sources(paths)):
        if name == STATES:
            key = (STATES, "states")
            if not uncertainty.states:
                continue
        elif name == LISTS:
            key = (LISTS, "lists")
            if all(item.draws is None for item in uncertainty.numbers.values()):
                continue
        else:
            key = home.get(name, (name, "factor"))
        groups.setdefault(key, []).append(column)
    return groups


def _best_values(worlds: Worlds, candidates: _Candidates) -> tuple[Floats, int]:
    """The best plan's value in every world, and how many plans it was taken from (0: all)."""
    panel = _panel(candidates)
    best = np.max([worlds.values(plan) for plan in panel], axis=0)
    if not suits(worlds):
        return best, len(panel)
    answer = best_of_each(worlds, candidates.base)
    known = answer.proven(1e-6)
    return np.where(known, np.maximum(answer.value, best), best), 0


def _panel(candidates: _Candidates) -> list[Floats]:
    """The base, and the plans that are best in the most worlds."""
    worlds = candidates.worlds
    values = np.array([worlds.values(plan) for plan in candidates.plans])
    often = np.bincount(values.argmax(axis=0), worlds.weight, minlength=len(values))
    chosen = [k for k in np.argsort(-often, kind="stable")[:_PANEL] if k != 0 and often[k] > 0]
    return [candidates.base, *(candidates.plans[k] for k in chosen)]
