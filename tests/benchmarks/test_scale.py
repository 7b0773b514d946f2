"""How large: a hundred million lines out of core on a local cluster.

`make bench TESTS="-k scale"` prints it. The data set is written to the system's temporary folder
(9 GB with the plan) and deleted again. Nothing here fails for being slow.
"""

import resource
import time
from functools import partial

import pytest

from optimizer.analysis.partitions import optimize_parts
from optimizer.solvers.cluster import LOCAL, cluster
from optimizer.solvers.solution import Status
from optimizer.sources.parts import find_parts
from optimizer.sources.table import question

from .data_sets import write_part

MB = 1e6


def worker_memory():
    """The largest memory that this process ever had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def cpu_seconds():
    """Processor time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize(("n", "size", "workers"), [(100_000_000, 500_000, 2)])
def test_scale_out_of_core(n, size, workers, tmp_path):
    lines, plan = tmp_path / "lines", tmp_path / "plan"
    lines.mkdir()
    with cluster(LOCAL, workers) as team:
        list(team.each(partial(write_part, lines, n=size), range(n // size)))
    with cluster(LOCAL, workers) as team:
        before = sum(team.client.run(cpu_seconds).values()) + cpu_seconds()
        start = time.perf_counter()
        found = optimize_parts(
            find_parts(lines),
            question(name="lines", budget=25.0 * n, split="6:4", objective="revenue"),
            team=Told(team),
            folder=plan,
        )
        taken = time.perf_counter() - start
        used = sum(team.client.run(cpu_seconds).values()) + cpu_seconds() - before
        peaks = [peak / MB for peak in team.client.run(worker_memory).values()]
    disk = [sum(f.stat().st_size for f in folder.iterdir()) / MB for folder in (lines, plan)]
    assert found.sums.status is Status.OPTIMAL
    print(
        f"\n{n:,} lines on {workers} workers, gap {found.sums.gap:.0e}: {taken:.0f} s, "
        f"{used:.0f} s of processor time, {n / used:,.0f} lines per core and second; peak memory "
        f"of the workers {', '.join(f'{peak:,.0f}' for peak in peaks)} MB, of this process "
        f"{worker_memory() / MB:,.0f} MB; {disk[0]:,.0f} MB read, {disk[1]:,.0f} MB written"
    )


class Told:
    """A team that prints what each pass took."""

    def __init__(self, team):
        self.team = team

    def each(self, work, partitions):
        start = time.perf_counter()
        yield from self.team.each(work, partitions)
        name = getattr(work, "func", work).__name__
        print(f"  {name.strip('_'):<10} {time.perf_counter() - start:7.1f} s", flush=True)
