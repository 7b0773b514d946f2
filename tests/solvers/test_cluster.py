"""Dask: the same answer as one process, and a lost worker loses nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from optimizer.analysis.partitions import PartedAnswer, optimize_parts
from optimizer.errors import PlanError, SolverFailed
from optimizer.solvers.cluster import LOCAL, Cluster, _check_workers, cluster
from optimizer.sources.parts import LinePart, find_parts
from optimizer.sources.table import question
from tests.cli.test_lines import keywords
from tests.solvers.fragile import Fragile

pytest.importorskip("distributed")
pytest.importorskip("pyarrow")

ASKED = question(name="lines", budget=60_000, split="6:4", objective="revenue")


@pytest.fixture(scope="module")
def team() -> Iterator[Cluster]:
    with cluster(LOCAL, workers=2) as found:
        yield found


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[LinePart]:
    folder = tmp_path_factory.mktemp("lines")
    frame = keywords(3_000)
    for number, index in enumerate(np.array_split(np.arange(3_000), 4)):
        frame.iloc[index].to_parquet(folder / f"{number}.parquet")
    return find_parts(folder)


def same(one: PartedAnswer, other: PartedAnswer) -> None:
    assert one.sums.objective == pytest.approx(other.sums.objective, rel=1e-13)
    assert one.sums.bound == pytest.approx(other.sums.bound, rel=1e-13)
    assert one.sums.spent == pytest.approx(60_000, rel=1e-14)
    pd.testing.assert_frame_equal(one.groups, other.groups, rtol=1e-13)
    assert one.input == other.input


def pids(team: Cluster) -> set[int]:
    return set(team.client.run(os.getpid).values())


def test_the_answer_is_that_of_one_process(
    team: Cluster, lines: list[LinePart], tmp_path: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    alone = optimize_parts(lines, ASKED, gap=1e-4, folder=here)
    same(optimize_parts(lines, ASKED, gap=1e-4, folder=there, team=team), alone)
    assert [p.name for p in sorted(here.iterdir())] == [p.name for p in sorted(there.iterdir())]
    pd.testing.assert_frame_equal(pd.read_parquet(here), pd.read_parquet(there), rtol=1e-12)


def test_a_lost_worker_loses_nothing(team: Cluster, lines: list[LinePart], tmp_path: Path) -> None:
    alone = optimize_parts(lines, ASKED, gap=1e-4)
    before = pids(team)
    fragile: list[Any] = [*lines[:2], Fragile(lines[2], tmp_path, asked=3, deaths=1), lines[3]]
    same(optimize_parts(fragile, ASKED, gap=1e-4, team=team), alone)
    killed = int((tmp_path / "3").read_text())
    assert killed in before - pids(team)
    assert (tmp_path / "4").exists()


def test_workers_that_all_die_are_told(
    lines: list[LinePart], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dask

    monkeypatch.setattr("optimizer.solvers.cluster._ALONE", 1)
    deadly: list[Any] = [Fragile(lines[0], tmp_path, asked=1, deaths=100), *lines[1:]]
    told = "workers died one after the other|lost all its workers"
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        cluster(LOCAL, workers=1) as mortal,
        pytest.raises(SolverFailed, match=told),
    ):
        optimize_parts(deadly, ASKED, team=mortal)


def test_faults_of_all_partitions_come_back(team: Cluster, tmp_path: Path) -> None:
    keywords(5).assign(maximum=-1.0).to_parquet(tmp_path / "0.parquet")
    keywords(5).assign(role="both").to_parquet(tmp_path / "1.parquet")
    with pytest.raises(PlanError) as caught:
        optimize_parts(find_parts(tmp_path), ASKED, team=team)
    told = {(Path(fault.where).name, fault.path) for fault in caught.value.faults}
    assert told >= {("0.parquet", "maximum"), ("1.parquet", "role")}


def test_a_scheduler_that_is_not_there_is_told(
    team: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("optimizer.solvers.cluster._PATIENCE", 1)
    for address in ("tcp://127.0.0.1:9", "no://where"):
        with pytest.raises(PlanError, match="cannot be reached"), cluster(address):
            pass
    with cluster(team.address) as same_one:
        assert pids(same_one) == pids(team)


def test_workers_with_another_adsplit_are_told(team: Cluster) -> None:
    with pytest.raises(PlanError, match="not 9"):
        _check_workers(team.client, team.address, "9")


def test_a_scheduler_without_workers_is_told() -> None:
    import distributed

    with (
        distributed.LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0") as empty,
        pytest.raises(PlanError, match="has no workers"),
        cluster(empty.scheduler_address),
    ):
        pass
