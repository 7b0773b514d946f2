"""How large: ten million lines in one process, a hundred million out of core on a local cluster.

`make bench TESTS="-k scale"` prints them. The data set of the last is written to the system's
temporary folder (about 13 GB with the plan) and deleted again. Nothing here fails for being slow.
"""

import resource
import time
import tracemalloc
from functools import partial

import numpy as np
import pytest

from optimizer.analysis.partitions import optimize_parts
from optimizer.solvers.cluster import LOCAL, cluster
from optimizer.solvers.prices import Prices
from optimizer.solvers.solution import Options, Status
from optimizer.sources.parts import find_parts
from optimizer.sources.table import question

from .data_sets import write_part
from .families import line_items

MB = 1e6


def input_bytes(problem):
    """What the arrays of a problem's lines take."""
    curves, matrix = problem.curves, problem.rows.spend
    arrays = [problem.weights, problem.exposure, problem.lower, problem.upper, problem.floor]
    arrays += [curves.inflection, curves.linear, curves.piecewise]
    arrays += [matrix.data, matrix.indices, matrix.indptr]
    for _, index, parameters in curves.families:
        arrays += [index, *parameters]
    return sum(array.nbytes for array in {id(array): array for array in arrays}.values())


def peak_of(work):
    """The most memory that a call adds, in bytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def worker_memory():
    """The largest memory that this process ever had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def cpu_seconds():
    """Processor time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("n", [1_000_000, 10_000_000])
def test_scale_in_one_process(n):
    problem = line_items(n)
    spend = np.random.default_rng(0).uniform(0, 80, n)
    problem.outcomes(spend)
    start = time.process_time()
    problem.outcomes(spend)
    once = time.process_time() - start
    start = time.process_time()
    found = Prices().solve(problem, Options(gap=1e-6), None)
    taken = time.process_time() - start
    assert found.status is Status.OPTIMAL
    peak = peak_of(lambda: Prices().solve(problem, Options(gap=1e-6), None))
    size = input_bytes(problem)
    print(
        f"\n{n:,} lines in one process, gap {found.gap:.0e}: {taken:.1f} s of processor time, "
        f"{taken / once:.0f} evaluations of all curves; memory {peak / MB:,.0f} MB above the input "
        f"of {size / MB:,.0f} MB, {(peak + size) / size:.1f} × in all"
    )


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
