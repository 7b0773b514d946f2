"""``init --ask`` and ``init --excel``: questions on a terminal and in a workbook."""

from __future__ import annotations

import shlex
from pathlib import Path

import openpyxl  # type: ignore[import-untyped]

import optimizer as opt
from tests.cli.conftest import Run


def test_questions_on_a_terminal(run: Run, tmp_path: Path) -> None:
    answers = ["Ours", "b2b", "eur", "300k", "40",
               "search.traffic", "100k", "3000", "500", "2600", "5000",  # less for more money
               "n", "100k", "3000", "500", "3600", "5000",
               "search.traffic", "a.b.c",  # there already, and no line
               "tv.brand", "100k", "2000", "", "2500", "4000", ""]  # fmt: skip
    result = run("init", tmp_path / "mine", "--ask", input="\n".join(answers) + "\n")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    assert "today's spend brings 3,000 and half as much again brings 2,600" in result.stderr
    assert result.stderr.count("is there already, or is no line") == 2
    plan = opt.load(tmp_path / "mine" / "scenario.yaml")
    assert [line.name for line in plan.lines] == ["search.traffic", "tv.brand"]
    assert (plan.currency, plan.budget, plan.business) == ("EUR", 300_000, "b2b")
    assert plan.line("search.traffic").curve.kind == "hill"


def test_a_point_before_three_digits_is_asked_again(run: Run, tmp_path: Path) -> None:
    answers = ["Ours", "none", "EUR", "300.000", "300_000", "1.125", "1.1250",
               "tv", "100k", "2x", "0.4", ""]  # fmt: skip
    result = run("init", tmp_path / "mine", "--ask", input="\n".join(answers) + "\n")
    assert result.exit_code == 0, result.stderr
    assert "write 300_000, or 300.0000 for decimals" in result.stderr
    plan = opt.load(tmp_path / "mine" / "scenario.yaml")
    assert (plan.budget, plan.value) == (300_000, 1.125)


def test_a_contradiction_may_be_kept(run: Run, tmp_path: Path) -> None:
    answers = ["Ours", "none", "EUR", "100", "1", "", "tv", "10", "5", "0", "4", "9", "y", ""]
    result = run("init", tmp_path / "mine", "--ask", input="\n".join(answers) + "\n")
    assert result.exit_code == 0, result.stderr
    assert "At least one line is needed" in result.stderr
    assert opt.load(tmp_path / "mine" / "scenario.yaml").lines[0].curve.kind == "points"


def test_return_and_elasticity_do_as_well(run: Run, tmp_path: Path) -> None:
    answers = ["Ours", "none", "EUR", "100", "1",
               "tv", "10", "two x", "2.5x", "-0.4", "0.4",  # no number; no elasticity
               "radio", "10", "2.5 ×", "1.2", "y", ""]  # fmt: skip
    result = run("init", tmp_path / "mine", "--ask", input="\n".join(answers) + "\n")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.count("Outcomes at that spend") == 3
    assert "returns rise with spend" in result.stderr
    tv, radio = opt.load(tmp_path / "mine" / "scenario.yaml").lines
    assert tv.curve == opt.Elasticity(10.0, 2.5, 0.4)
    assert radio.curve == opt.Linear(2.5)


def test_questions_in_a_workbook(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "ask.xlsx"
    assert run("init", "--excel", path).exit_code == 0
    assert run("init", "--excel", path).exit_code == 2  # it may be filled in by now
    book = openpyxl.load_workbook(path)
    book["plan"]["B3"] = 5_000
    for row, last in ((3, 90), (4, 5)):
        line = ["tv" if row == 3 else "radio", "brand", 1_000, 50, 0, 60, last]
        for column, value in enumerate(line, start=1):
            book["lines"].cell(row, column).value = value
    book.save(path)
    result = run("init", tmp_path / "mine", "--excel", path)
    assert result.exit_code == 0, result.stderr
    assert "radio.brand: These answers contradict each other:" in result.stderr
    scenario = tmp_path / "mine" / "scenario.yaml"
    assert run("check", scenario).exit_code == 0
    assert run("init", tmp_path / "mine", "--excel", path).exit_code == 2


def test_what_does_not_go_together(run: Run, tmp_path: Path) -> None:
    assert run("init").exit_code == 2
    assert run("init", tmp_path, "--ask", "--yes").exit_code == 2
    assert run("init", tmp_path, "--ask", "--excel", tmp_path / "a.xlsx").exit_code == 2
    assert run("init", "--excel", tmp_path / "a.csv").exit_code == 2
    assert run("init", tmp_path, "--excel", tmp_path / "none.xlsx").exit_code == 3


def test_the_commands_told_next_can_be_typed(run: Run, tmp_path: Path) -> None:
    answers = ["Ours", "none", "EUR", "100", "1", "tv", "10", "2x", "0.4", ""]
    folder = tmp_path / "my plan"
    result = run("init", folder, "--ask", input="\n".join(answers) + "\n")
    told = [line.strip() for line in result.stderr.splitlines() if line.startswith("  adsplit ")]
    commands = [shlex.split(line)[1:] for line in told]
    assert [words[0] for words in commands] == ["check", "optimize", "report"]  # no what-ifs yet
    for words in commands[:2]:
        assert run(*words).exit_code == 0
    nothing = run("compare", folder / "scenario.yaml")
    assert nothing.exit_code == 3
    assert "there is none to compare with" in nothing.stderr
    assert run("compare", folder / "scenario.yaml", "--set", "half:budget=50").exit_code == 0
