"""Batches: killed and resumed, on any workers, the answer is the same and nothing is done twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest

import optimizer as opt
from optimizer.allocation import Allocation
from optimizer.analysis import variations
from optimizer.analysis.batches import Kept, Strips, finished, workers_of
from optimizer.analysis.store import Store
from optimizer.analysis.sweep import budget_sweep, split_sweep, sweep2
from optimizer.analysis.variations import Failed, solve_all
from optimizer.certificate import verify
from optimizer.errors import PlanError, SolverFailed
from optimizer.plan.constraints import Target
from optimizer.solvers.solution import Status
from tests.cli.conftest import environment

from .plans import concave, s_shaped, with_line

BUDGETS, SHARES = [2e5 * k for k in range(1, 9)], [0.3, "50%", 0.6]
AXES: tuple[Any, ...] = ("budget", BUDGETS, "split.brand", SHARES)
PLAN = with_line(concave(), 0, minimum=250_000.0)
"""Its smallest budgets have no plan: what is promised to one line does not fit its share."""


@pytest.fixture(scope="module")
def whole() -> pd.DataFrame:
    return sweep2(PLAN, *AXES)


@pytest.fixture
def solved(monkeypatch: pytest.MonkeyPatch) -> list[float | None]:
    """The budgets of the plans that are solved in this process, in their order."""
    asked: list[float | None] = []
    solve = variations.solved

    def counted(plan: Any, *rest: Any) -> Allocation:
        asked.append(plan.budget)
        return solve(plan, *rest)

    monkeypatch.setattr(variations, "solved", counted)
    return asked


class KilledError(Exception):
    """The batch was ended from outside."""


def until(count: int) -> Any:
    def progress(done: int, _: int) -> None:
        if done >= count:
            raise KilledError

    return progress


def test_some_points_of_the_grid_have_no_plan(whole: pd.DataFrame) -> None:
    assert set(whole["status"]) == {"optimal", "infeasible"}
    assert (whole["reason"] != "").sum() == (whole["status"] == "infeasible").sum()


def test_a_grid_goes_on_where_it_was(
    whole: pd.DataFrame, solved: list[float | None], tmp_path: Path
) -> None:
    store = tmp_path / "grid"
    with pytest.raises(KilledError):
        sweep2(PLAN, *AXES, store=store, progress=until(16))
    assert len(solved) == 16
    with store.open("a") as file:
        file.write('00000000 {"strip":2,"members":8,"is"')
    told: list[tuple[int, int]] = []
    again = sweep2(PLAN, *AXES, store=store, progress=lambda *counts: told.append(counts))
    assert len(solved) == len(whole) == 24
    assert told == [(16, 24), (24, 24)]
    pd.testing.assert_frame_equal(again, whole, check_exact=True)
    pd.testing.assert_frame_equal(sweep2(PLAN, *AXES, store=store), whole, check_exact=True)
    assert len(solved) == 24


@pytest.mark.parametrize("plan", [PLAN, s_shaped()], ids=["concave", "s-shaped"])
def test_a_sweep_goes_on_with_whole_answers(
    plan: opt.Plan, solved: list[float | None], tmp_path: Path
) -> None:
    store = tmp_path / "budgets"
    plain = budget_sweep(plan, 12)
    solved.clear()
    with pytest.raises(KilledError):
        budget_sweep(plan, 12, store=store, progress=until(8))
    again = budget_sweep(plan, 12, store=store)
    assert len(solved) == len(again.frame)
    pd.testing.assert_frame_equal(again.frame, plain.frame, check_exact=True)
    for one, other in zip(again.allocations, plain.allocations, strict=True):
        assert (one is None) == (other is None)
        if one is None or other is None:
            continue
        np.testing.assert_array_equal(one.spend, other.spend)
        assert (one.options, one.solver) == (other.options, other.solver)
        assert verify(
            one.plan, one.spend, value=one.objective, bound=one.bound, proof=one.proof
        ).holds


def test_failures_are_kept_with_their_reasons(solved: list[float | None], tmp_path: Path) -> None:
    moon = concave(Target(1e12, name="moon"))
    store = tmp_path / "plans"
    first = solve_all([moon, concave()], store=store)
    solved.clear()
    again = solve_all([moon, concave()], store=store)
    assert not solved
    for one, other in zip(first, again, strict=True):
        assert type(one) is type(other)
    one, other = first[0], again[0]
    assert isinstance(one, Failed)
    assert isinstance(other, Failed)
    assert (other.status, other.reason) == (one.status, one.reason)
    assert other.error.conflict == one.error.conflict  # type: ignore[attr-defined]


def test_a_plan_that_breaks_the_program_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    solve = variations.solved

    def breaks(plan: Any, *rest: Any) -> Allocation:
        if plan.budget == 400_000:
            raise ZeroDivisionError("by nothing")
        return solve(plan, *rest)

    monkeypatch.setattr(variations, "solved", breaks)
    frame = sweep2(concave(), "budget", [2e5, 4e5, 6e5], "split.brand", [0.5])
    assert list(frame["status"]) == ["optimal", "failed", "optimal"]
    assert frame["reason"][1] == "ZeroDivisionError: by nothing"


def test_what_an_interrupt_left_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Solvers return the best plan so far on Ctrl-C; on the way to a store that is no answer."""
    solve, store = variations.solved, tmp_path / "plans"

    def interrupted(plan: Any, *rest: Any) -> Allocation:
        found = solve(plan, *rest)
        return replace(found, status=Status.STOPPED, reason="interrupted")

    monkeypatch.setattr(variations, "solved", interrupted)
    with pytest.raises(KeyboardInterrupt):
        solve_all([PLAN], store=store)
    monkeypatch.undo()
    (found,) = solve_all([PLAN], store=store)
    assert found.status == "optimal"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"plan": replace(PLAN, value=11.0)}, "another plan"),
        ({"axes": ("budget", BUDGETS[:-1], "split.brand", SHARES)}, "another plan"),
        ({"gap": 1e-5}, "gap of 1e-06, not 1e-05"),
        ({"time_limit": 60.0}, "time limit"),
    ],
)
def test_a_store_of_another_question_is_refused(
    changed: dict[str, Any], words: str, tmp_path: Path
) -> None:
    store = tmp_path / "grid"
    sweep2(PLAN, *AXES, store=store)
    before = store.read_bytes()
    plan, axes = changed.pop("plan", PLAN), changed.pop("axes", AXES)
    with pytest.raises(PlanError, match=words):
        sweep2(plan, *axes, store=store, **changed)
    assert store.read_bytes() == before


def test_a_store_of_another_kind_or_release_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    solve_all([PLAN], store=store)
    with pytest.raises(PlanError, match="holds plans, not points"):
        sweep2(PLAN, *AXES, store=store)
    monkeypatch.setattr("optimizer.analysis.store.metadata.version", lambda _: "9.9")
    with pytest.raises(PlanError, match=r"written by adsplit .*, and this is 9\.9"):
        solve_all([PLAN], store=store)


def test_a_file_of_someone_else_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "letter.txt"
    other.write_text("Dear all,\n")
    with pytest.raises(PlanError, match="no file of finished work"):
        solve_all([PLAN], store=other)
    assert other.read_text() == "Dear all,\n"


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (b"[1]", "no file of finished work"),
        (b'{"strip": -1, "members": 1}', ""),
        (b'{"strip": 0}', "a part that was written by something else"),
        (b'{"strip": [0], "members": 1, "is": []}', "a part that was written by something else"),
        (b'{"strip": 0, "members": 1, "is": [{"failed": {"kind": "Path", "text": "x"}}]}',
         "a part that was written by something else"),
    ],
)  # fmt: skip
def test_a_part_of_another_hand_is_refused(tmp_path: Path, record: bytes, words: str) -> None:
    """Its checksum is right, and what it holds is not what is written here."""
    store = tmp_path / "plans.txt"
    solve_all([PLAN], store=store)
    head = store.read_bytes().split(b"\n")[0]
    store.write_bytes(head + b"\n" + f"{zlib.crc32(record):08x} ".encode() + record + b"\n")
    if words:
        with pytest.raises(PlanError, match=words):
            solve_all([PLAN], store=store)
    else:
        assert len(solve_all([PLAN], store=store)) == 1


@pytest.mark.parametrize("wrong", [{"spend": -1e9}, {"spend": np.inf}, {"proof": []}])
def test_numbers_of_another_hand_are_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    store = tmp_path / "plans.txt"
    solve_all([PLAN], store=store)
    head, line = store.read_bytes().splitlines()
    record = json.loads(line.partition(b" ")[2])
    (own,) = record["is"]
    if "spend" in wrong:
        wrong = {"spend": [wrong["spend"]] * len(own["spend"])}
    own.update(wrong)
    text = json.dumps(record).encode()
    store.write_bytes(head + b"\n" + f"{zlib.crc32(text):08x} ".encode() + text + b"\n")
    with pytest.raises(PlanError, match="a part that was written by something else"):
        solve_all([PLAN], store=store)


# --- Workers --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_any_backend_gives_the_same_digits(whole: pd.DataFrame, backend: str) -> None:
    """Ray's backend is a ``multiprocessing`` one to joblib: it tells of results in lists only."""
    told: list[int] = []
    with joblib.parallel_config(backend):
        frame = sweep2(PLAN, *AXES, jobs=2, progress=lambda done, _: told.append(done))
    pd.testing.assert_frame_equal(frame, whole, check_exact=True)
    assert told == [8, 16, 24]


@pytest.mark.slow
def test_a_process_that_dies_takes_only_its_own_strip_with_it(tmp_path: Path) -> None:
    def work(part: range) -> list[int]:
        if part[0] == 9:
            os.kill(os.getpid(), signal.SIGKILL)
        return [2 * k for k in part]

    told: list[int] = []
    strips, all_ = Strips(40, 3, lambda at: range(40)[at]), list(range(40))
    kept = Kept(Store.of(tmp_path / "s", "numbers", {}), lambda found: found, lambda _, is_: is_)
    found = finished(
        work,
        strips,
        jobs=2,
        kept=kept,
        progress=lambda done, _: told.append(done),
        lost=lambda part, error: [str(error)[:11] for _ in part],  # type: ignore[misc]
    )
    rows = [row for rows in found for row in rows]
    assert rows == [2 * k if k not in (9, 10, 11) else "the process" for k in all_]
    assert told[-1] == 40
    again = Store.of(tmp_path / "s", "numbers", {})
    assert sorted(one["strip"] for one in again.records) == [0, 1, 2, *range(4, 14)]
    with pytest.raises(SolverFailed, match="memory may be short"):
        finished(work, strips, jobs=2)


@pytest.fixture(scope="module")
def team() -> Iterator[None]:
    pytest.importorskip("distributed")
    with workers_of("local"):
        yield


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_digits(
    team: None, whole: pd.DataFrame, tmp_path: Path
) -> None:
    store = tmp_path / "grid"
    with pytest.raises(KilledError):
        sweep2(PLAN, *AXES, jobs=-1, store=store, progress=until(8))
    frame = sweep2(PLAN, *AXES, jobs=-1, store=store)
    pd.testing.assert_frame_equal(frame, whole, check_exact=True)
    swept, alone = split_sweep(PLAN, 9, jobs=-1), split_sweep(PLAN, 9)
    pd.testing.assert_frame_equal(swept.frame, alone.frame, check_exact=True)


@pytest.mark.slow
def test_joblibs_own_way_to_dask_gives_the_same_digits(whole: pd.DataFrame) -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0"
        ) as own,
        distributed.Client(own) as client,
        joblib.parallel_config("dask", client=client),
    ):
        frame = sweep2(PLAN, *AXES, jobs=-1)
    pd.testing.assert_frame_equal(frame, whole, check_exact=True)


@pytest.mark.slow
def test_a_task_that_kills_its_workers_takes_nothing_else_with_it(team: None) -> None:
    def work(part: range) -> int:
        if part[0] == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.02)
        return part[0]

    strips = Strips(12, 1, lambda at: range(12)[at])
    found = finished(work, strips, jobs=-1, lost=lambda _, error: str(error))  # type: ignore[arg-type,return-value]
    assert "several workers died" in str(found.pop(3))
    assert found == [0, 1, 2, *range(4, 12)]


@pytest.mark.slow
def test_the_work_is_done_by_the_cluster(team: None) -> None:
    import distributed

    client: Any = distributed.default_client()
    strips = Strips(6, 1, lambda at: range(6)[at])
    found = set(finished(lambda _: os.getpid(), strips, jobs=-1))
    assert found <= set(client.run(os.getpid).values())


@pytest.mark.slow
def test_ray_gives_the_same_digits(whole: pd.DataFrame) -> None:
    ray = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    register_ray()
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        with joblib.parallel_config("ray"):
            frame = sweep2(PLAN, *AXES, jobs=2)
    finally:
        ray.shutdown()
    pd.testing.assert_frame_equal(frame, whole, check_exact=True)


# --- Killed ---------------------------------------------------------------------------------------


def killed(arguments: list[object], store: Path, strips: int) -> None:
    """Run a command until so many strips are in the store, and kill it."""
    with subprocess.Popen(
        [sys.executable, "-m", "cli", *map(str, arguments)],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as program:
        wait_for(store, strips, program)
        program.send_signal(signal.SIGKILL)


def wait_for(store: Path, strips: int, program: subprocess.Popen[Any]) -> None:
    """Until so many strips are in the store."""
    deadline = time.monotonic() + 60
    while not store.exists() or store.read_bytes().count(b"\n") <= strips:
        assert program.poll() is None, "it ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_killed_program_goes_on_and_does_nothing_twice(jobs: int, tmp_path: Path) -> None:
    ranges = ["budget=300k:1.5M:8", "split.brand=20%:80%:10"]
    store, command = tmp_path / "grid", ["sweep", "minimal", *ranges, "--csv", "--jobs", jobs]

    def run(*more: object) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "cli", *map(str, [*command, *more])],
            env=environment(),
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        return done.stdout

    killed([*command, "--resume", store], store, 3)
    before = store.read_bytes()
    text = run("--resume", store)
    after = store.read_bytes()
    found = before[: before.rindex(b"\n") + 1]
    assert after.startswith(found)  # nothing is lost
    strips = [line for line in after.splitlines() if b' {"strip":' in line]
    assert 3 <= found.count(b"\n") - 1 < 10
    assert len(strips) == 10  # and nothing is done twice
    assert text == run()


def test_an_interrupt_says_how_to_go_on(tmp_path: Path) -> None:
    store = tmp_path / "grid"
    command = ["sweep", "minimal", "budget=300k:1.5M:20", "split.brand=20%:80%:20"]
    with subprocess.Popen(
        [sys.executable, "-m", "cli", *command, "--resume", str(store)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as program:
        wait_for(store, 2, program)
        program.send_signal(signal.SIGINT)
        out, told = program.communicate(timeout=60)
    assert program.returncode == 130
    assert not out
    assert f"What is finished is in {store}; the same command goes on from there" in told
