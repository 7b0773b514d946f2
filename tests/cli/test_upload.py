"""``upload``: a map to fill in, budgets for the tools, faults and wrong use."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pandas as pd
import pytest

from tests.cli.conftest import Run

MAP = """\
campaigns:
  search: [{campaign: Generic, share: 70%, id: 11}, {campaign: Names, share: 30%, id: 12}]
columns: {Campaign ID: "{id}", Campaign: "{campaign}", Budget: "{amount}"}
leave_out: [social]
"""


@pytest.fixture
def result(run: Run, small: Path, tmp_path: Path) -> Path:
    """The saved answer of a plan."""
    assert run("optimize", small, "-o", tmp_path / "plan.json").exit_code == 0
    return tmp_path / "plan.json"


@pytest.fixture
def map_file(tmp_path: Path) -> Path:
    """A map of the plan."""
    path = tmp_path / "map.yaml"
    path.write_text(MAP, encoding="utf-8")
    return path


def test_a_map_then_a_file(run: Run, result: Path, tmp_path: Path) -> None:
    printed = run("upload", result)
    assert printed.exit_code == 0, printed.stderr
    path = tmp_path / "map.yaml"
    path.write_text(printed.stdout, encoding="utf-8")
    made = run("upload", result, "--map", path, "-o", tmp_path / "budgets.csv")
    assert made.exit_code == 0, made.stderr
    assert "EUR" in made.stdout or "€" in made.stdout
    assert f"Wrote {tmp_path / 'budgets.csv'}" in made.stderr
    rows = list(csv.DictReader(io.StringIO((tmp_path / "budgets.csv").read_text("utf-8"))))
    assert [row["Campaign"] for row in rows] == ["search", "social"]
    assert sum(Decimal(row["Amount"]) for row in rows) == 1000


def test_every_form_holds_the_same_rows(
    run: Run, run_json: Callable[..., Any], result: Path, map_file: Path, tmp_path: Path
) -> None:
    options = ("upload", result, "--map", map_file)
    data = run_json(*options)
    rows = [list(row.values()) for row in data["rows"]]
    assert [row[:2] for row in rows] == [["11", "Generic"], ["12", "Names"]]
    assert data["lines"][1]["state"] == "left_out"
    printed = list(csv.reader(io.StringIO(run(*options, "--csv").stdout)))[1:]
    assert [[*row[:2], float(row[2])] for row in printed] == rows
    for ending in ("xlsx", "parquet", "csv", "json"):
        assert run(*options, "-o", tmp_path / f"x.{ending}").exit_code == 0
    sheet = openpyxl.load_workbook(tmp_path / "x.xlsx").active
    assert [list(row) for row in sheet.iter_rows(min_row=2, values_only=True)] == rows
    assert pd.read_parquet(tmp_path / "x.parquet").to_numpy().tolist() == rows


def test_chinese_output_has_a_mark_and_chinese_words(
    run: Run, result: Path, map_file: Path, tmp_path: Path
) -> None:
    made = run("upload", result, "--map", map_file, "-o", tmp_path / "x.csv", "--lang", "zh")
    assert (tmp_path / "x.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert "不上传：social" in made.stdout
    assert "广告系列" in made.stdout


def test_faults_end_with_3_and_nothing_is_written(
    run: Run, result: Path, map_file: Path, tmp_path: Path
) -> None:
    map_file.write_text("campaigns: {serch: S, social: T}\n", encoding="utf-8")
    told = run("upload", result, "--map", map_file, "-o", tmp_path / "x.csv")
    assert told.exit_code == 3
    assert "map.yaml:1:20  campaigns.serch" in told.stderr
    assert "says nothing of search" in told.stderr
    assert not (tmp_path / "x.csv").exists()
    assert run("upload", map_file, "--map", map_file).exit_code == 3


def test_wrong_use_ends_with_2(run: Run, result: Path, map_file: Path, tmp_path: Path) -> None:
    assert run("upload", result, "-o", tmp_path / "x.csv").exit_code == 2
    assert run("upload", result, "--only", "2027-01").exit_code == 2
    assert run("upload", result, "--map", map_file, "-o", tmp_path / "x.txt").exit_code == 2
    assert run("upload", result, "--map", map_file, "--lines", "x.csv").exit_code == 2


def test_a_result_comes_from_stdin_and_one_month_is_chosen(run: Run, tmp_path: Path) -> None:
    saved = run("optimize", "b2b", "--json").stdout
    path = tmp_path / "map.yaml"
    path.write_text("campaigns: {'*': '{channel}'}\n", encoding="utf-8")
    options = ("upload", "-", "--map", path, "--csv")
    every = list(csv.reader(io.StringIO(run(*options, input=saved).stdout)))
    march = list(csv.reader(io.StringIO(run(*options, "--only", "2027-03", input=saved).stdout)))
    assert march == [every[0], *(row for row in every if row[1] == "2027-03")]
    assert sum(Decimal(row[2]) for row in every[1:]) == Decimal("2400000.00")


def test_a_table_of_lines_is_uploaded(run: Run, tmp_path: Path) -> None:
    (tmp_path / "lines.csv").write_text(
        "line,channel,curve,scale,unit,value,maximum,market\n"
        "shoes,search,log,900,4000,12,20000,de\nboots,search,log,400,3000,15,20000,at\n",
        encoding="utf-8",
    )
    table = ("--lines", tmp_path / "lines.csv", "--spend", tmp_path / "plan.csv")
    about = ("optimize", tmp_path / "lines.csv", "--budget", "10k", "--objective", "revenue")
    assert run(*about, "-o", tmp_path / "plan.csv").exit_code == 0
    saved = run(*about, "--json").stdout
    path = tmp_path / "map.yaml"
    path.write_text("campaigns: {'*': '{market} {line}'}\n", encoding="utf-8")
    made = run("upload", "-", "--map", path, *table, "--csv", input=saved)
    assert made.exit_code == 0, made.stderr
    rows = list(csv.reader(io.StringIO(made.stdout)))[1:]
    assert [name for name, _ in rows] == ["de search.shoes", "at search.boots"]
    assert sum(Decimal(money) for _, money in rows) == 10_000
