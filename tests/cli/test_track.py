"""``track``: actuals against a plan, on the terminal, as data and as files."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import optimizer as opt
from tests.cli.conftest import ROOT, Program, Run

Json = Callable[..., Any]

TEAM = """\
name: Team
budget: 600
value: 1
currency: EUR
objective: revenue
periods: {start: 2027-01, count: 3}
channels:
  search: {curve: {kind: log, scale: 100, unit: 100}}
  social: {curve: {kind: log, scale: 100, unit: 100}}
"""

ACTUALS = """\
period,line,spend,outcome
2027-01,search,160,80
2027-01,social,100,69.3
"""

GOLDEN = Path(__file__).with_name("track.txt")


@pytest.fixture
def team(tmp_path: Path) -> Path:
    path = tmp_path / "team.yaml"
    path.write_text(TEAM, encoding="utf-8")
    return path


@pytest.fixture
def actuals(tmp_path: Path) -> Path:
    path = tmp_path / "actuals.csv"
    path.write_text(ACTUALS, encoding="utf-8")
    return path


@cache
def months(spent: float = 1.0, came: float = 1.0) -> str:
    """Three months of the built-in b2b plan as a CSV, every figure off by a factor."""
    best = opt.optimize(opt.load("b2b"))
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(["period", "line", "spend", "outcome"])
    for row in best.by_cell.itertuples():
        if str(row.period) <= "2027-03":
            writer.writerow([row.period, row.line, row.spend * spent, row.outcome * came])
    return stream.getvalue()


def test_the_page_is_as_it_was_agreed(run: Run, team: Path, actuals: Path) -> None:
    result = run("track", team, "--actuals", actuals)
    assert result.exit_code == 0, result.stderr
    text, _, proof = result.stdout.partition("Proven: ")
    assert text == GOLDEN.read_text("utf-8"), (
        "meant? then write the new text to tests/cli/track.txt"
    )
    assert proof.startswith("no plan that keeps these rules can beat €395")


def test_tables_fit_eighty_columns(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "b2b.csv"
    path.write_text(months(0.9, 0.8), encoding="utf-8")
    for lang in ("en", "zh"):
        text = run("track", "b2b", "--actuals", path, "--lang", lang).stdout
        rules = [line for line in text.splitlines() if line.startswith("──")]
        assert len(rules) >= 5
        assert max(map(len, rules)) <= 80


def test_millions_of_outcomes_fit_eighty_columns(run: Run, tmp_path: Path) -> None:
    best = opt.optimize(opt.load("b2c"))
    path = tmp_path / "b2c.csv"
    frame = best.by_cell[best.by_cell["period"] == "2027-01"]
    frame = frame[["period", "line", "spend", "outcome"]].assign(active_user=0)
    frame.to_csv(path, index=False)
    text = run("track", "b2c", "--actuals", path).stdout
    assert max(len(line) for line in text.splitlines() if line.startswith("──")) <= 80
    assert "M" in text[text.index("Outcomes so far") : text.index("To the end")]
    assert "0 active users" not in text


def test_a_plan_that_was_followed_stands(run: Run, run_json: Json, tmp_path: Path) -> None:
    path, saved = tmp_path / "b2b.csv", tmp_path / "plan.json"
    path.write_text(months(), encoding="utf-8")
    assert run("optimize", "b2b", "-o", saved).exit_code == 0
    data = run_json("track", "b2b", "--actuals", path, "--plan", saved)
    assert data["stands"] is True
    assert data["given"] is True
    assert data["warnings"] == []
    assert {line["state"] for line in data["lines"]} == {"on_plan"}
    assert all(abs(line["change"]) < 1e-6 for line in data["lines"])
    claimed = json.loads(saved.read_text("utf-8"))
    assert data["plan"]["objective"]["value"] == pytest.approx(claimed["objective"]["value"])


def test_a_plan_that_was_followed_to_the_cent_stands(
    run: Run, run_json: Json, tmp_path: Path
) -> None:
    path, saved = tmp_path / "cents.csv", tmp_path / "plan.json"
    assert run("optimize", "b2b", "--no-prices", "-o", saved).exit_code == 0
    cells = json.loads(saved.read_text("utf-8"))["periods"]
    rows = [f"{c['period']},{c['line']},{c['spend']:.2f}" for c in cells if c["period"] < "2027-04"]
    path.write_text("\n".join(["period,line,spend", *rows]), encoding="utf-8")
    data = run_json("track", "b2b", "--actuals", path, "--plan", saved)
    assert data["stands"] is True
    assert all(line["change"] == 0 for line in data["lines"])
    result = tmp_path / "new.json"
    result.write_text(json.dumps(data["plan"]), encoding="utf-8")
    assert run("verify", result).exit_code == 0


def test_what_was_written_is_the_plan_of_the_next_time_and_holds(
    run: Run, run_json: Json, tmp_path: Path, team: Path, actuals: Path
) -> None:
    saved, result = tmp_path / "february.json", tmp_path / "plan.json"
    assert run("track", team, "--actuals", actuals, "-o", saved).exit_code == 0
    result.write_text(json.dumps(json.loads(saved.read_text("utf-8"))["plan"]), encoding="utf-8")
    verified = run("verify", result)
    assert verified.exit_code == 0, verified.stdout
    rows = ACTUALS + "2027-02,search,85,\n2027-02,social,60,\n"
    data = run_json("track", team, "--actuals", "-", "--plan", saved, input=rows)
    assert data["until"] == "2027-02"
    states = {line["line"]: line["state"] for line in data["lines"]}
    assert states == {"search": "on_plan", "social": "behind"}
    assert data["lines"][0]["rest_new"] == pytest.approx(97.5, rel=1e-2)


def test_json_says_what_the_page_says(run_json: Json, team: Path, actuals: Path) -> None:
    data = run_json("track", team, "--actuals", actuals)
    assert data["schema"] == "adsplit.track/1"
    assert data["says"][0] == data["summary"] == GOLDEN.read_text("utf-8").splitlines()[1]
    assert [row["plan"] for row in data["forecast"]] == ["plan", "kept", "best"]
    assert data["plan"]["schema"] == "adsplit.allocation/1"
    cells = {(row["line"], row["period"]): row for row in data["periods"]}
    assert cells["search", "2027-01"]["actual"] == 160
    assert cells["search", "2027-02"]["actual"] is None
    assert [warning["key"] for warning in data["warnings"]] == ["track.alert.curves"]


def test_every_key_is_on_the_json_page(run_json: Json, team: Path, actuals: Path) -> None:
    data = run_json("track", team, "--actuals", actuals)
    page = (ROOT / "docs" / "reference" / "json.md").read_text(encoding="utf-8")
    (row,) = [line for line in page.splitlines() if line.startswith("| `track` |")]
    assert set(re.findall(r"`(\w+)`", row)) - {"track"} == set(data) - {"schema"}
    section = page.partition("## Tracking")[2].partition("\n## ")[0]
    told = set(re.findall(r"`(?:\w+\[\])?\.?(\w+)`", section))
    keys = {key for name in ("lines", "periods", "totals", "stages", "forecast", "broken")
            for row in data[name] for key in row}  # fmt: skip
    assert keys - told <= {"line", "channel", "role", "period"}


def test_csv_and_excel_hold_the_tables(run: Run, team: Path, actuals: Path, tmp_path: Path) -> None:
    for table, first in (
        (None, "line,channel,role,planned,actual,off,state"),
        ("periods", "period,line,over,reported,planned"),
        ("totals", "period,over,planned,actual"),
        ("stages", "stage,planned,expected,actual"),
        ("forecast", "plan,spent,value,feasible,broken"),
    ):
        chosen = [] if table is None else ["--table", table]
        assert run("track", team, "--actuals", actuals, "--csv", *chosen).stdout.startswith(first)
    import openpyxl

    book = tmp_path / "track.xlsx"
    assert run("track", team, "--actuals", actuals, "-o", book).exit_code == 0
    names = openpyxl.load_workbook(book).sheetnames
    assert names == ["lines", "periods", "totals", "stages", "forecast"]


def test_chinese(run: Run, team: Path, actuals: Path) -> None:
    text = run("track", team, "--actuals", actuals, "--lang", "zh", "--scale-outcomes").stdout
    for words in (
        "迄今投入",
        "已过去：3 个月中的 1 个月",
        "沿用原方案",
        "自 2027-02 起，各曲线乘以",
    ):
        assert words in text
    assert "{" not in text


def test_outcomes_may_be_carried_on(run_json: Json, team: Path, actuals: Path) -> None:
    data = run_json("track", team, "--actuals", actuals, "--scale-outcomes")
    assert data["scaled"] is True
    factors = {line["line"]: line["factor"] for line in data["lines"]}
    assert factors["search"] == pytest.approx(0.8372, abs=1e-4)
    rest = {line["line"]: line["rest_new"] for line in data["lines"]}
    assert rest["search"] < rest["social"]
    assert [warning["key"] for warning in data["warnings"]] == ["track.alert.scaled"]


def test_faults_of_the_actuals_name_file_and_row(run: Run, team: Path, tmp_path: Path) -> None:
    path = tmp_path / "doctored.csv"
    path.write_text(ACTUALS + "2027-01,serach,1,\n2027-01,social,1,\n", encoding="utf-8")
    result = run("track", team, "--actuals", path)
    assert result.exit_code == 3
    assert f"{path}:4" in result.stderr
    assert "Did you mean 'search'" in result.stderr
    assert "rows 3, 5" in result.stderr
    again = run("track", team, "--actuals", path, "--skip-unknown", "--sum-duplicates")
    assert again.exit_code == 0
    assert "In the actuals" in again.stdout
    assert f"{path}:4  line: there is no line 'serach': left out" in again.stdout
    assert "added up" in again.stdout


def test_what_is_missing_is_refused_or_taken_as_was_asked(
    run: Run, run_json: Json, team: Path, tmp_path: Path
) -> None:
    path = tmp_path / "partial.csv"
    path.write_text(ACTUALS + "2027-02,search,90,\n", encoding="utf-8")
    refused = run("track", team, "--actuals", path)
    assert refused.exit_code == 3
    assert "nothing was reported of social" in refused.stderr
    data = run_json("track", team, "--actuals", path, "--missing", "zero")
    assert "Social in 2027-02" in data["warnings"][0]["says"]
    data = run_json("track", team, "--actuals", path, "--until", "2027-01")
    assert data["over"] == 1
    assert data["remarks"][0]["where"] == f"{path}:4"


def test_a_rest_without_a_plan_is_told_and_ends_with_4(run: Run, team: Path, actuals: Path) -> None:
    rule = "constraints.must={kind: spend, at_least: 450, where: social}"
    result = run("track", team, "--actuals", actuals, "--set", rule)
    assert result.exit_code == 4
    assert "Money so far" in result.stdout
    assert "No plan for the rest keeps all the rules" in result.stdout
    assert "up to and with 2027-01 €260 is spent already" in result.stderr


def test_a_plan_of_another_scenario_is_refused(
    run: Run, team: Path, actuals: Path, tmp_path: Path
) -> None:
    saved = tmp_path / "plan.json"
    assert run("optimize", "b2b", "--no-prices", "-o", saved).exit_code == 0
    result = run("track", team, "--actuals", actuals, "--plan", saved)
    assert result.exit_code == 3
    assert "the scenario has no line" in result.stderr
    assert run("track", team, "--actuals", actuals, "--plan", actuals).exit_code == 3


def test_wrong_usage(run: Run, team: Path, actuals: Path) -> None:
    assert run("track", team).exit_code == 2
    assert run("track", "-", "--actuals", "-").exit_code == 2
    assert run("track", "minimal", "--actuals", actuals).exit_code == 3
    assert run("track", team, "--actuals", actuals, "--until", "May").exit_code == 3


def test_the_program_reads_actuals_from_a_pipe(program: Program, team: Path) -> None:
    done = program("track", team, "--actuals", "-", input=ACTUALS)
    assert done.returncode == 0, done.stderr
    assert "What is left: 2027-02 to 2027-03" in done.stdout
