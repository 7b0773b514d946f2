"""``adsplit optimize`` for a folder of Parquet files, partition by partition."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.cli.conftest import Run
from tests.cli.test_lines import ASKED, Json, keywords

pytest.importorskip("pyarrow")


def write(folder: Path, frame: pd.DataFrame, files: int = 3) -> Path:
    folder.mkdir()
    for number, index in enumerate(np.array_split(np.arange(len(frame)), files)):
        frame.iloc[index].to_parquet(folder / f"{number}.parquet", index=False)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "lines", keywords(400))


def test_the_answer_is_that_of_one_table(run_json: Json, folder: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole.parquet"
    keywords(400).to_parquet(whole, index=False)
    rule = ("--constraint", "de={kind: share, where: {market: de}, at_least: 60%}")
    one = run_json("optimize", whole, *ASKED, *rule, "--gap", "1e-3")
    parts = run_json("optimize", folder, *ASKED, *rule, "--gap", "1e-3")
    assert parts.keys() == one.keys()
    for key in ("schema", "status", "lines", "currency", "budget", "binding", "plan"):
        if key != "plan":
            assert parts[key] == one[key]
    assert parts["provenance"]["partitions"] == 3
    assert parts["spent"] == pytest.approx(10_000, rel=1e-14)
    assert parts["objective"]["value"] == pytest.approx(one["objective"]["value"], rel=1e-3)
    assert parts["bound"] == pytest.approx(one["bound"], rel=1e-5)
    for mine, theirs in zip(parts["groups"], one["groups"], strict=True):
        assert {k: mine[k] for k in ("channel", "role", "lines")} == {
            k: theirs[k] for k in ("channel", "role", "lines")
        }


def test_the_plan_is_a_folder_with_every_line(run: Run, folder: Path, tmp_path: Path) -> None:
    plan, table = tmp_path / "plan", tmp_path / "plan.parquet"
    result = run("optimize", folder, *ASKED, "--gap", "1e-3", "-o", f"{plan}/")
    assert result.exit_code == 0, result.output
    assert f"Wrote {plan}" in result.stderr
    assert "Proven" in result.stdout
    whole = tmp_path / "whole.parquet"
    keywords(400).to_parquet(whole, index=False)
    assert run("optimize", whole, *ASKED, "--gap", "1e-3", "-o", table).exit_code == 0
    frame, one = pd.read_parquet(plan), pd.read_parquet(table)
    assert len(list(plan.iterdir())) == 3
    assert list(frame.columns) == list(one.columns)
    assert frame["line"].tolist() == one["line"].tolist()
    assert frame["spend"].sum() == pytest.approx(10_000, rel=1e-14)
    assert frame["share"].sum() == pytest.approx(1)
    brand = frame.loc[frame["role"] == "brand", "spend"].sum()
    assert brand == pytest.approx(6_000, rel=1e-14)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_the_plan_of_a_folder_is_verified(
    run: Run, run_json: Json, folder: Path, tmp_path: Path
) -> None:
    plan, result = tmp_path / "plan", tmp_path / "result.json"
    for path in (plan, result):
        assert run("optimize", folder, *ASKED, "--gap", "1e-3", "-o", path).exit_code == 0
    files = ("--lines", folder, "--spend", plan)
    found = run_json("verify", result, *files)
    assert found["holds"] is True
    path = plan / "part-000001.parquet"
    frame = pd.read_parquet(path)
    frame.assign(spend=frame["spend"] * 1.01).to_parquet(path, index=False)
    data = json.loads(run("verify", result, *files, "--json").stdout)
    broken = {check["check"] for check in data["checks"] if check["holds"] is False}
    assert broken >= {"rules", "value"}
    frame.to_parquet(path, index=False)
    keywords(400).iloc[:134].to_parquet(folder / "0.parquet", index=False, compression=None)
    data = json.loads(run("verify", result, *files, "--json").stdout)
    broken = {check["check"] for check in data["checks"] if check["holds"] is False}
    assert broken == {"input"}


def test_lines_that_are_off_or_above_a_minimum_are_verified(
    run: Run, run_json: Json, tmp_path: Path
) -> None:
    folder = write(tmp_path / "lines", keywords(400).assign(minimum_if_active=20.0))
    plan, result = tmp_path / "plan", tmp_path / "result.json"
    for path in (plan, result):
        assert run("optimize", folder, *ASKED, "--gap", "1e-2", "-o", path).exit_code == 0
    spend = pd.read_parquet(plan)["spend"]
    assert ((spend == 0) | (spend >= 20 - 1e-9)).all()
    assert run_json("verify", result, "--lines", folder, "--spend", plan)["holds"] is True


def test_faults_of_all_files_are_told_with_file_and_row(run: Run, tmp_path: Path) -> None:
    frame = keywords(60)
    frame.loc[25, "maximum"] = -1.0
    frame.loc[50, "role"] = "both"
    folder = write(tmp_path / "lines", frame)
    result = run("optimize", folder, *ASKED, "-o", tmp_path / "plan")
    assert result.exit_code == 3
    for words in ("1.parquet", "(row 6)", "2.parquet", "(row 11)"):
        assert words in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lines"]


def test_rules_that_partitions_cannot_keep_are_declined(run: Run, folder: Path) -> None:
    for rule, words in {
        "few={kind: active_lines, at_most: 9}": "active_lines: too many lines",
        "goal={kind: target, at_least: 9}": "target: too many lines",
        "one={kind: spend, where: {line: social.kw0}, at_most: 9}": "speaks of single lines",
        "two={kind: spend, where: nobody, at_most: 9}": "there is no line, channel or role",
    }.items():
        result = run("optimize", folder, *ASKED, "--constraint", rule)
        assert result.exit_code == 3
        assert words in result.stderr


def test_what_cannot_be_is_infeasible(run: Run, tmp_path: Path) -> None:
    folder = write(tmp_path / "lines", keywords(400).assign(minimum=40.0))
    result = run("optimize", folder, *ASKED)
    assert result.exit_code == 4
    assert "minima add up to 16,000" in result.stderr
    rule = "de={kind: spend, where: {market: de}, at_least: 9k}"
    more = "at={kind: spend, where: {market: at}, at_least: 9k}"
    folder = write(tmp_path / "more", keywords(400))
    result = run("optimize", folder, *ASKED, "--constraint", rule, "--constraint", more)
    assert result.exit_code == 4
    assert "budget, split, de, at cannot all hold on these 400 lines" in result.stderr


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("plan.parquet", "over partitions give a folder"),
        ("there", "is a directory"),
        ("none/plan", "there is no folder"),
    ],
)
def test_where_a_plan_cannot_go_is_told_first(
    run: Run, folder: Path, tmp_path: Path, output: str, words: str
) -> None:
    (tmp_path / "there").mkdir()
    result = run("optimize", folder, *ASKED, "-o", tmp_path / output)
    assert result.exit_code == 2
    assert words in result.stderr.replace("\n", " ")


def test_a_folder_without_files_is_told(run: Run, tmp_path: Path) -> None:
    result = run("optimize", tmp_path, *ASKED)
    assert result.exit_code == 3
    assert "there is no Parquet file in the folder" in result.stderr


def test_a_scheduler_is_for_partitions(run: Run, folder: Path, tmp_path: Path) -> None:
    assert run("optimize", "b2b", "--scheduler", "local").exit_code == 2
    path = tmp_path / "lines.csv"
    keywords(20).to_csv(path, index=False)
    result = run("optimize", path, *ASKED, "--scheduler", "local")
    assert result.exit_code == 2
    assert "CSV is read as one" in result.stderr


def test_without_dask_says_what_to_install(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("optimizer.solvers.cluster.find_spec", lambda _: None)
    result = run("optimize", folder, *ASKED, "--scheduler", "local")
    assert result.exit_code == 6
    assert "pip install 'adsplit[dask]'" in result.stderr


def test_many_lines_get_a_cluster_of_their_own(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from contextlib import contextmanager

    from optimizer.solvers.partitions import OneByOne

    asked: list[Any] = []

    @contextmanager
    def stand_in(address: str) -> Any:
        asked.append(address)
        yield OneByOne()

    monkeypatch.setattr("optimizer.solvers.cluster.cluster", stand_in)
    monkeypatch.setattr("optimizer.solvers.cluster.has_dask", lambda: True)
    monkeypatch.setattr("optimizer.terminal.line_items.os.cpu_count", lambda: 4)
    run("optimize", folder, *ASKED)
    assert asked == []
    monkeypatch.setattr("optimizer.terminal.line_items._MANY", 400)
    result = run("optimize", folder, *ASKED)
    assert asked == ["local"]
    assert "4 processes" in result.stderr
