"""Work in strips, over one process or many, Dask or Ray; the only place that knows joblib.

A strip depends on nothing but itself, and strips are cut by the work and never by the number of
workers, so the answer is the same wherever they are done. With a store every finished strip is on
disk before the next is told of.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

from optimizer.errors import AdsplitError, SolverFailed
from optimizer.solvers.cluster import Cluster, cluster

from .store import Store

__all__ = ["Counted", "Kept", "Strips", "finished", "heed", "workers_of"]

_Part = TypeVar("_Part")
_Result = TypeVar("_Result")

# Joblib has a way to Dask, too, but waits for ever where a worker dies or cannot read its task.
_team: ContextVar[Cluster | None] = ContextVar("_team", default=None)

Counted = Callable[[int, int], None]
"""Called with (members done, members in all)."""

# Strips for each worker at a time, where a backend tells of them all together.
_ROUND = 4
# Strips for each worker that are handed out before the first is done.
_AHEAD = 2


@dataclass(frozen=True)
class Strips(Generic[_Part]):
    """Members cut into strips of neighbours: by their number alone, whoever works on them."""

    members: int
    """How many there are."""
    length: int
    """Members of a strip; the last may have fewer."""
    take: Callable[[slice], _Part]
    """Some neighbours; made as they are asked for."""

    def __len__(self) -> int:
        """How many strips there are."""
        return (self.members + self.length - 1) // self.length

    def __getitem__(self, position: int) -> _Part:
        """The strip at a position."""
        first = position * self.length
        return self.take(slice(first, first + self.size(position)))

    def size(self, position: int) -> int:
        """How many members a strip has."""
        return min(self.length, self.members - position * self.length)


@dataclass(frozen=True)
class Kept(Generic[_Result]):
    """A store, and how a result is written there and read back."""

    store: Store
    write: Callable[[_Result], Any]
    """Plain data."""
    read: Callable[[int, Any], _Result]
    """From the strip's position and what was written."""


def finished(
    work: Callable[[_Part], _Result],
    strips: Strips[_Part],
    *,
    jobs: int = 1,
    progress: Counted | None = None,
    kept: Kept[_Result] | None = None,
    lost: Callable[[_Part, SolverFailed], _Result] | None = None,
) -> list[_Result]:
    """What *work* makes of each strip, in their order.

    Args:
        work: A function that can be sent to another process, as the strips can.
        strips: What is to be done.
        jobs: Processes to use; 1: this one alone; -1: one per core, or all that a cluster has.
        progress: Called after each strip, in the order in which they end, with members done and
            members in all.
        kept: Where finished strips are found, and kept.
        lost: What stands for a strip whose process died of it, as when memory is short. It is not
            kept, and so tried again the next time.

    Raises:
        SolverFailed: a process died, and nothing stands for what it was at.
    """
    done = {} if kept is None else _found(kept, strips)
    count = sum(map(strips.size, done))
    if progress is not None and done:
        progress(count, strips.members)
    left = [k for k in range(len(strips)) if k not in done]
    with closing(_each(work, strips, left, jobs)) as results:
        for k, result in results:
            if isinstance(result, _Died):
                if lost is None:
                    raise SolverFailed(result.reason)
                done[k] = lost(strips[k], SolverFailed(result.reason))
            else:
                done[k] = result
                if kept is not None:
                    record = {"strip": k, "members": strips.size(k), "is": kept.write(result)}
                    kept.store.add(record)
            count += strips.size(k)
            if progress is not None:
                progress(count, strips.members)
    return [done[k] for k in range(len(strips))]


def _found(kept: Kept[_Result], strips: Strips[Any]) -> dict[int, _Result]:
    """What a store holds of *strips*, by position.

    Raises:
        PlanError: a part is none that was written here.
    """
    found = {}
    for record in kept.store.records:
        try:
            strip = operator.index(record["strip"])
            if 0 <= strip < len(strips) and record["members"] == strips.size(strip):
                found[strip] = kept.read(strip, record["is"])
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, AdsplitError):
            raise kept.store.foreign() from None
    return found


@dataclass(frozen=True)
class _Numbered(Generic[_Part, _Result]):
    """Work that says of which strip its result is."""

    work: Callable[[_Part], _Result]

    def __call__(self, position: int, part: _Part) -> tuple[int, _Result]:
        return position, self.work(part)


@dataclass(frozen=True)
class _Died:
    """Stands for the result of a strip whose process died."""

    reason: str = "the process that solved it or its neighbours died; memory may be short"


def _each(
    work: Callable[[_Part], _Result], strips: Strips[_Part], left: Sequence[int], jobs: int
) -> Generator[tuple[int, _Result | _Died]]:
    """Positions and results, as they come; processes that die take nothing else with them."""
    if jobs == 1:
        yield from ((k, work(strips[k])) for k in left)
        return
    if (team := _team.get()) is not None:
        with closing(team.as_done(work, (strips[k] for k in left))) as results:
            for place, result in results:
                died = isinstance(result, SolverFailed)
                yield left[place], _Died(str(result)) if died else result
        return
    import joblib

    waiting = list(left)
    while waiting:
        told = set()
        try:
            with closing(_spread(work, strips, waiting, jobs)) as results:
                for k, result in results:
                    told.add(k)
                    yield k, result
        except BrokenProcessPool:
            waiting = [k for k in waiting if k not in told]
            # Nobody knows which it was: those that had begun are tried one at a time.
            begun = _AHEAD * joblib.effective_n_jobs(jobs)
            for k in waiting[:begun]:
                yield k, _alone(work, strips, k, jobs)
            waiting = waiting[begun:]
        else:
            return


def _alone(
    work: Callable[[_Part], _Result], strips: Strips[_Part], position: int, jobs: int
) -> _Result | _Died:
    """The result of one strip in a process of its own."""
    try:
        ((_, result),) = _spread(work, strips, [position], jobs)
    except BrokenProcessPool:
        return _Died()
    return result


def _spread(
    work: Callable[[_Part], _Result], strips: Strips[_Part], left: Sequence[int], jobs: int
) -> Generator[tuple[int, _Result]]:
    """Positions and results, as they come from other processes."""
    import joblib

    task = joblib.delayed(_Numbered(work))
    tasks = (task(k, strips[k]) for k in left)
    # One at a time: what has ended is never kept back for what has not.
    how = {"batch_size": 1, "pre_dispatch": f"{_AHEAD} * n_jobs"}
    try:
        parallel = joblib.Parallel(jobs, return_as="generator_unordered", **how)
    except ValueError:  # a backend that gives lists only, as that of Ray
        parallel = joblib.Parallel(jobs, **how)
        while some := list(islice(tasks, _ROUND * joblib.effective_n_jobs(jobs))):
            yield from parallel(some)
        return
    results = parallel(tasks)
    try:
        for result in results:  # noqa: UP028 - `yield from` would close them within
            yield result
    finally:
        with warnings.catch_warnings():
            # Whoever stops listening has given up the rest.
            warnings.filterwarnings("ignore", ".* tasks which were still being processed")
            results.close()


def heed(reason: str) -> None:
    """End the batch where a search was interrupted and returned the best plan so far.

    That is no answer to keep: the next time it would be taken for all that can be found.

    Args:
        reason: Why the search ended, in the solver's words, or an error that ends with them.
    """
    if reason.endswith("interrupted"):
        raise KeyboardInterrupt


@contextmanager
def workers_of(scheduler: str | None) -> Iterator[None]:
    """Within it, work for several processes goes to the workers of *scheduler*.

    Args:
        scheduler: Address of a Dask scheduler such as ``tcp://10.0.0.1:8786``, or ``local`` for a
            cluster of this machine; None: processes of this machine.

    Raises:
        PlanError: there is no scheduler at the address, or no workers, or not with this adsplit.
        ModuleNotFoundError: Dask is not installed.
    """
    if scheduler is None:
        yield
        return
    with cluster(scheduler) as team:
        before = _team.set(team)
        try:
            yield
        finally:
            _team.reset(before)
