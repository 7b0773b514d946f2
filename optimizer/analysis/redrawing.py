"""The best plan of every draw: what would be right if the world were known.

Draws are solved in strips of neighbours, in this process or in several. A strip depends on nothing
but its draws and the reference plan, so the answer is the same for any number of processes. With a
store every finished strip is on disk before the next is told of: a search that was killed goes on
where it was.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.allocation import Allocation, fingerprint
from optimizer.errors import Fault, PlanError, SolverFailed
from optimizer.plan.curves import Floats
from optimizer.solvers import solve
from optimizer.solvers.solution import Options, Warm
from optimizer.solvers.together import Optima, best_of_each, suits
from optimizer.worlds import Worlds

from .variations import Counted, each

__all__ = ["Optima", "first_of", "how_many", "redraw"]

# Draws of a strip: solved together, or one after the other.
_TOGETHER, _ALONE = 256, 16
# How many draws are solved by default where each is a search of its own, and where it has stocks.
_SEARCHED, _STOCKED = 256, 64
_SCHEMA = "adsplit.draws/1"


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
    size = _TOGETHER if suits(worlds) else _ALONE
    strips = [np.arange(k, min(k + size, worlds.n)) for k in range(0, worlds.n, size)]
    kept = None if store is None else _Store.of(Path(store), _key(worlds, reference, gap))
    done = {} if kept is None else kept.found(strips)
    left = [k for k in range(len(strips)) if k not in done]
    prices = None if reference.duals is None else reference.duals.rows
    task = _Task(reference.spend, prices, Options(gap, time_limit))
    solved = sum(len(found.value) for found in done.values())
    for k, found in zip(left, _found(worlds, task, [strips[k] for k in left], jobs), strict=True):
        done[k] = found
        if kept is not None:
            kept.add(int(strips[k][0]), found)
        solved += len(strips[k])
        if progress is not None:
            progress(solved, worlds.n)
    parts = [done[k] for k in range(len(strips))]
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
        if found.spend is None:
            return
        warm.spend = found.spend
        warm.prices = None if found.duals is None else found.duals.rows
        spend, value, bound = into
        spend[number] = found.spend[: problem.n_cells]
        value[number], bound[number] = found.value, found.bound


def _found(
    worlds: Worlds, task: _Task, strips: Sequence[NDArray[np.intp]], jobs: int
) -> Iterator[Optima]:
    """The answer to each strip, in order."""
    # Strips that are solved together take less time than processes take to begin.
    alone = len(strips) < 2 or suits(worlds)
    yield from each(task.of, (worlds.only(strip) for strip in strips), 1 if alone else jobs)


def _key(worlds: Worlds, reference: Allocation, gap: float) -> dict[str, Any]:
    """What the strips of a store depend on."""
    assert worlds.plan.uncertainty is not None
    start = zlib.crc32(np.ascontiguousarray(reference.spend).tobytes())
    return {
        "schema": _SCHEMA,
        "adsplit": metadata.version("adsplit"),
        "input": fingerprint(worlds.plan),
        "seed": worlds.plan.uncertainty.seed,
        "reference": f"{start:08x}",
        "gap": gap,
    }


class _Store:
    """Finished strips in a file: a line each, with a checksum before it."""

    def __init__(self, path: Path, lines: list[Any]) -> None:
        self.path, self.lines = path, lines

    @classmethod
    def of(cls, path: Path, key: dict[str, Any]) -> _Store:
        """The store at *path*, made anew where there is none."""
        if not path.exists() or path.stat().st_size == 0:
            store = cls(path, [])
            store._write(key, "w")
            return store
        lines = list(_read(path))
        if not lines or lines[0] != key:
            words = "holds draws of another plan, or by another version or gap"
            raise PlanError(Fault("resume", words, "Give another file", where=str(path)))
        return cls(path, lines[1:])

    def found(self, strips: Sequence[NDArray[np.intp]]) -> dict[int, Optima]:
        """Which of *strips* are there, by their place."""
        known = {(line["first"], len(line["value"])): line for line in self.lines}
        places = {(int(strip[0]), len(strip)): k for k, strip in enumerate(strips)}
        return {
            places[key]: Optima(
                np.array(line["spend"], float),
                np.array(line["value"], float),
                np.array([np.inf if b is None else b for b in line["bound"]], float),
            )
            for key, line in known.items()
            if key in places
        }

    def add(self, first: int, found: Optima) -> None:
        """One more strip, on disk when this returns."""
        bound = [None if np.isinf(b) else float(b) for b in found.bound]
        record = {"first": first, "spend": found.spend.tolist(), "value": found.value.tolist()}
        self._write(record | {"bound": bound}, "a")

    def _write(self, record: dict[str, Any], mode: str) -> None:
        text = json.dumps(record, separators=(",", ":"))
        with self.path.open(mode, encoding="ascii", newline="\n") as file:
            # A line that was cut short is ended, and not read.
            broken = mode == "a" and not _ends(self.path)
            file.write(("\n" if broken else "") + f"{zlib.crc32(text.encode()):08x} {text}\n")
            file.flush()
            os.fsync(file.fileno())


def _ends(path: Path) -> bool:
    """Whether the last line is whole."""
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _read(path: Path) -> Iterator[Any]:
    """The records whose checksums are right."""
    for line in path.read_bytes().split(b"\n"):
        mark, _, text = line.partition(b" ")
        if mark == f"{zlib.crc32(text):08x}".encode():
            yield json.loads(text)
