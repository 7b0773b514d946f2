"""Partitions worked through by the workers of a Dask cluster; the only place that knows Dask.

A task is a partition's description and a few numbers per group, its result sums per group, so next
to nothing travels and any worker can do any task again: one that is lost loses nothing. Nothing is
left on the workers between passes, neither lines nor replies; what a partition holds is read anew.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from importlib.util import find_spec
from itertools import islice
from typing import Any

from optimizer.errors import Fault, PlanError, SolverFailed

__all__ = ["LOCAL", "Cluster", "cluster", "has_dask"]

LOCAL = "local"
"""Address of a cluster that is started for the purpose: a worker for each core of this machine."""

# Seconds until a scheduler that does not answer counts as unreachable.
_PATIENCE = 10
# Seconds without any worker until none is expected any more; a cluster may just be growing.
_ALONE = 60
# Tasks for each core that are sent before the first is done.
_AHEAD = 2

_DEATHS = (
    "several workers died one after the other of the same task; it may need more than their memory"
)
_GONE = "the scheduler of the cluster is gone"


def has_dask() -> bool:
    """Whether Dask and its workers are installed."""
    return find_spec("distributed") is not None


@contextmanager
def cluster(address: str, workers: int | None = None) -> Iterator[Cluster]:
    """The cluster at *address*, or one of *workers* of this machine for :data:`LOCAL`.

    Raises:
        PlanError: there is no scheduler at the address, or no workers, or not with this adsplit.
        ModuleNotFoundError: Dask is not installed.
    """
    if not has_dask():
        raise ModuleNotFoundError("No module named 'distributed'", name="distributed")
    import distributed

    # Dask states types for some of its functions only.
    client_of: Any = distributed.Client
    workers_of: Any = distributed.LocalCluster

    if address == LOCAL:
        # What its own workers have to say concerns nobody: the answer tells what went wrong.
        quiet = logging.CRITICAL
        count = workers or os.cpu_count() or 1
        with (
            workers_of(
                n_workers=count,
                threads_per_worker=1,
                dashboard_address="127.0.0.1:0",
                silence_logs=quiet,
            ) as own,
            client_of(own) as client,
        ):
            yield Cluster(client)
        return
    try:
        client = client_of(address, timeout=_PATIENCE)
    except (OSError, ValueError) as error:
        words = str(error).strip().splitlines()[0] if str(error).strip() else "no answer"
        raise PlanError(
            Fault(
                "scheduler",
                f"{address} cannot be reached: {words}",
                f"Start one with `dask scheduler`, or use {LOCAL}",
            )
        ) from None
    with client:
        if not client.scheduler_info(n_workers=-1)["workers"]:
            advice = f"Start some with `dask worker {address}`"
            raise PlanError(Fault("scheduler", f"{address} has no workers", advice))
        _check_workers(client, address, metadata.version("adsplit"))
        yield Cluster(client)


def _check_workers(client: Any, address: str, own: str) -> None:
    """A worker that cannot read a task would die of it without a word, and so would the next."""
    try:
        found = set(client.run(metadata.version, "adsplit").values())
    except metadata.PackageNotFoundError:
        found = {"none"}
    if found != {own}:
        words = f"the workers of {address} have adsplit {', '.join(sorted(found))}, not {own}"
        raise PlanError(Fault("scheduler", words, "Install the same there"))


class Cluster:
    """The workers of a Dask cluster, as a team."""

    def __init__(self, client: Any) -> None:
        """*client* is a ``distributed.Client``."""
        self.client = client

    @property
    def address(self) -> str:
        """Where its scheduler is."""
        return str(self.client.scheduler.address)

    def each(self, work: Callable[[Any], Any], partitions: Sequence[Any]) -> Iterator[Any]:
        """What *work* says of every partition, in their order.

        Raises:
            SolverFailed: workers die of a partition, or the scheduler is gone.
        """
        from distributed import CancelledError, KilledWorker

        waiting = deque(self.client.map(work, partitions, pure=False))
        try:
            while waiting:
                told = self._result(waiting[0])
                waiting.popleft()  # what was told needs not be kept
                yield told
        except KilledWorker:
            raise SolverFailed(f"{_DEATHS}: write smaller row groups, or give them more") from None
        except CancelledError:
            raise SolverFailed(_GONE) from None
        finally:
            if waiting and self.client.status == "running":
                self.client.cancel(list(waiting))

    def as_done(
        self, work: Callable[[Any], Any], tasks: Iterable[Any]
    ) -> Generator[tuple[int, Any]]:
        """Positions of tasks and what *work* says of them, as they end.

        Few are sent ahead, so very many may be made as they are needed.
        A task of which several workers died has that as its result: a :class:`SolverFailed`.

        Raises:
            SolverFailed: the scheduler is gone, or all workers are.
        """
        from distributed import CancelledError, KilledWorker

        ahead = _AHEAD * max(sum(self.client.ncores().values()), 1)
        waiting, running = enumerate(tasks), dict[Any, int]()
        try:
            while True:
                for position, task in islice(waiting, ahead - len(running)):
                    running[self.client.submit(work, task, pure=False)] = position
                if not running:
                    return
                for future in self._done_of(list(running)):
                    position = running.pop(future)
                    try:
                        yield position, future.result()
                    except KilledWorker:
                        yield position, SolverFailed(_DEATHS)
        except CancelledError:
            raise SolverFailed(_GONE) from None
        finally:
            if running and self.client.status == "running":
                self.client.cancel(list(running))

    def _done_of(self, running: list[Any]) -> list[Any]:
        """Those that have ended, as soon as there are some."""
        import distributed

        wait: Any = distributed.wait  # without stated types
        alone_since = None
        while True:
            try:
                return list(wait(running, timeout=5, return_when="FIRST_COMPLETED").done)
            except TimeoutError:
                alone_since = self._alone(alone_since)

    def _result(self, future: Any) -> Any:
        """What a task says, however long it takes, as long as there are workers."""
        alone_since = None
        while True:
            try:
                return future.result(timeout=5)
            except TimeoutError:
                if future.done():
                    raise  # the task's own
            alone_since = self._alone(alone_since)

    def _alone(self, since: float | None) -> float | None:
        """Since when there are no workers; None while there are.

        Raises:
            SolverFailed: it has been for too long.
        """
        if self.client.scheduler_info(n_workers=-1)["workers"]:
            return None
        if since is None:
            return time.monotonic()
        if time.monotonic() - since > _ALONE:
            raise SolverFailed("the cluster has lost all its workers, and none came back")
        return since
