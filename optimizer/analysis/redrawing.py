"""The best plan of every draw: what would be right if the world were known.

Draws are solved in strips of neighbours, in this process or in several. A strip depends on nothing
but its draws and the reference plan, so the answer is the same for any number of processes, and a
strip that a store holds need not be solved again.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from optimizer.allocation import Allocation
from optimizer.errors import SolverFailed
from optimizer.measuring import fingerprint
from optimizer.plan.curves import Floats
from optimizer.solvers import solve
from optimizer.solvers.solution import Options, Warm
from optimizer.solvers.together import Optima, best_of_each, suits
from optimizer.worlds import Worlds

from .batches import Counted, Kept, Strips, finished, heed
from .store import Store

__all__ = ["Optima", "first_of", "how_many", "redraw"]

# Draws of a strip: solved together, or one after the other.
_TOGETHER, _ALONE = 256, 16
# How many draws are solved by default where each is a search of its own, and where it has stocks.
_SEARCHED, _STOCKED = 256, 64


def how_many(worlds: Worlds) -> int:
    """In how many of the worlds the best plan is looked for by default."""
    if suits(worlds):
        return worlds.n
    return min(worlds.n, _STOCKED if worlds.problem.has_stocks else _SEARCHED)


def first_of(worlds: Worlds, count: int) -> Worlds:
    """The first *count* of the worlds; states keep the chances that they have among all."""
    if count >= worlds.n:
        return worlds
    few = worlds.only(np.arange(count))
    weight = few.weight.copy()
    for state in np.unique(few.state):
        there = few.state == state
        weight[there] = worlds.weight[worlds.state == state].sum() / there.sum()
    return replace(few, weight=weight / weight.sum(), counts=None)


def redraw(
    worlds: Worlds,
    reference: Allocation,
    *,
    gap: float = 1e-6,
    time_limit: float | None = None,
    jobs: int = 1,
    progress: Counted | None = None,
    store: str | os.PathLike[str] | None = None,
) -> Optima:
    """The best plan of every world.

    Where a world has none (its rules on outcomes cannot be kept), and where the search ends below
    it, the reference plan stands, whose rules hold for the numbers as stated.

    Args:
        worlds: The draws.
        reference: A plan of the same question; searches begin from it.
        gap: Largest relative distance to the bound at which each search may end.
        time_limit: Seconds for each world that is searched alone.
        jobs: Processes to use where worlds are searched alone; the answer is the same for any.
        progress: Called after each strip with (draws done, draws in all).
        store: A file of finished strips; read where it is there, and added to.

    Raises:
        PlanError: the store is of another question.
    """
    length = _TOGETHER if suits(worlds) else _ALONE
    strips = Strips(worlds.n, length, lambda at: worlds.only(np.arange(worlds.n)[at]))
    kept = None
    if store is not None:
        question = _question(worlds, reference, gap, time_limit)
        kept = Kept(Store.of(store, "draws", question), _record, lambda _, record: _found(record))
    prices = None if reference.duals is None else reference.duals.rows
    task = _Task(reference.spend, prices, Options(gap, time_limit))
    # Strips that are solved together take less time than processes take to begin.
    alone = len(strips) < 2 or suits(worlds)
    parts = finished(task.of, strips, jobs=1 if alone else jobs, progress=progress, kept=kept)
    return Optima(
        np.concatenate([part.spend for part in parts]),
        np.concatenate([part.value for part in parts]),
        np.concatenate([part.bound for part in parts]),
    )


@dataclass(frozen=True, eq=False)
class _Task:
    """What every strip is given."""

    spend: Floats
    prices: Floats | None
    options: Options

    def of(self, worlds: Worlds) -> Optima:
        """The best plan of some worlds."""
        n = worlds.n
        base = worlds.values(self.spend)
        spend, value, bound = np.tile(self.spend, (n, 1)), base.copy(), np.full(n, np.inf)
        if suits(worlds):
            found = best_of_each(worlds, self.spend, self.prices, gap=self.options.gap)
            known = found.proven(self.options.gap)
            spend[known], value[known] = found.spend[known], found.value[known]
            bound[known] = found.bound[known]
        warm = Warm(spend=self.spend, prices=self.prices)
        for number in np.flatnonzero(np.isinf(bound)):
            self._search(worlds, int(number), warm, (spend, value, bound))
        below = value < base
        spend[below], value[below] = self.spend, base[below]
        return Optima(spend, value, np.maximum(bound, value))

    def _search(
        self, worlds: Worlds, number: int, warm: Warm, into: tuple[Floats, Floats, Floats]
    ) -> None:
        """One world by itself."""
        problem = worlds.world(number)
        near = problem.lift(self.spend if warm.spend is None else warm.spend[: problem.n_cells])
        start = near if problem.feasible(near) else None
        warm.spend = near
        try:
            found = solve(problem, replace(self.options, warm=warm), start)
        except SolverFailed:
            return
        heed(found.reason)
        if found.spend is None:
            return
        warm.spend = found.spend
        warm.prices = None if found.duals is None else found.duals.rows
        spend, value, bound = into
        spend[number] = found.spend[: problem.n_cells]
        value[number], bound[number] = found.value, found.bound


def _question(
    worlds: Worlds, reference: Allocation, gap: float, time_limit: float | None
) -> dict[str, Any]:
    """What the strips of a store depend on."""
    assert worlds.plan.uncertainty is not None
    start = zlib.crc32(np.ascontiguousarray(reference.spend).tobytes())
    return {
        "question": fingerprint(worlds.plan),
        "seed": worlds.plan.uncertainty.seed,
        "reference": f"{start:08x}",
        "gap": gap,
        "time_limit": time_limit,
    }


def _record(found: Optima) -> dict[str, Any]:
    return {"spend": found.spend, "value": found.value, "bound": found.bound}


def _found(record: Mapping[str, Any]) -> Optima:
    return Optima(*(np.array(record[name], float) for name in ("spend", "value", "bound")))
