"""What goes wrong is told in words, all at once, on stderr, with a telling exit code."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Program, Run

BAD = """\
name: Bad
budget: 12m
value: 1
channels:
  search: {curve: {kind: hil, ceiling: 3}, curent: 5}
"""


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.yaml"
    path.write_text(BAD, encoding="utf-8")
    return path


def test_all_faults_are_told_at_once_with_their_places(run: Run, bad: Path) -> None:
    for command in ("check", "optimize"):
        result = run(command, bad)
        assert result.exit_code == 3
        assert result.stdout == ""
        for words in (f"{bad}:2:9", f"{bad}:5:", "12M", "hill", "current"):
            assert words in result.stderr
        assert "Traceback" not in result.stderr


def test_faults_are_json_where_json_is_asked_for(run: Run, bad: Path) -> None:
    result = run("optimize", bad, "--json")
    assert result.exit_code == 3
    assert result.stdout == ""
    told = json.loads(result.stderr)
    assert told["schema"] == "adsplit.error/1"
    assert told["exit_code"] == 3
    assert {fault["path"] for fault in told["faults"]} >= {"budget"}
    assert all(set(fault) == {"where", "path", "problem", "advice"} for fault in told["faults"])


def test_an_infeasible_plan_says_why_and_what_would_mend_it(run: Run, impossible: Path) -> None:
    result = run("optimize", impossible)
    assert result.exit_code == 4
    assert result.stdout == ""
    assert "Error:" in result.stderr
    assert "budget" in result.stderr
    told = json.loads(run("optimize", impossible, "--json").stderr)
    assert told["exit_code"] == 4
    assert told["error"] == "Infeasible"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["optimize", "nosuch"], 3, "b2b"),
        (["optimize", "nosuch.yaml"], 3, "nosuch.yaml"),
        (["optimize", "minimal", "--what-if", "cut20"], 3, "Did you mean 'cut_20'?"),
        (["optimize", "minimal", "--set", "budgt=3"], 3, "Did you mean 'budget'?"),
        (["optimize", "minimal", "--set", "budget"], 3, "PATH=VALUE"),
        (["optimize", "minimal", "--set", "budget=1,5"], 3, "ambiguous"),
        (["optimize", "minimal", "--split", "6"], 2, "--split"),
        (["optimize", "minimal", "--risk", "cvr"], 3, "Did you mean 'cvar'?"),
        (["optimize", "minimal", "--risk", "cvar:95"], 3, "write 95% or 0.95"),
        (
            ["optimize", "minimal", "--risk", "cvar:abc"],
            3,
            "'abc' is not a share; write it like 95%",
        ),
        (["optimize", "minimal", "--risk", "worst-case:-1"], 3, "'-1' is not how many numbers"),
        (["optimize", "minimal", "--risk", "cvar:9%:9%:9%"], 3, "Write cvar, cvar:95% or"),
        (["optimize", "minimal", "--risk", "regret:3"], 3, "regret takes no '3'"),
        (["optimize", "minimal", "--risk", "chance"], 3, "needs a goal"),
        (["optimize", "minimal", "--risk", "worst-case:"], 3, "Write worst-case or worst-case:3"),
        (["optimize", "minimal", "--risk", "cvar"], 3, "nothing is uncertain"),
        (["optimize", "minimal", "--reach", "lead=5"], 3, "lead"),
        (["optimize", "minimal", "--reach", "0"], 3, "--reach 0"),
        (["optimize", "b2b", "--reach", "leads=5"], 3, "Did you mean 'lead'?"),
        (["optimize", "minimal", "--gap", "0"], 2, "--gap"),
        (["optimize", "minimal", "--time-limit", "-1"], 2, "--time-limit"),
        (["optimize", "minimal", "--format", "yaml"], 2, "table"),
        (["optimize"], 2, "SCENARIO"),
        (["optimize", "minimal", "-o", "plan.txt"], 2, ".xlsx"),
        (["optimize", "minimal", "-o", "no/such/folder/plan.json"], 2, "folder"),
        (["sensitivity", "minimal", "--spread", "120%"], 2, "120%"),
        (["scenarios", "b2"], 3, "b2b"),
        (["schema", "nonsense"], 2, "scenario"),
        (["init", "x", "--budget", "lots", "--yes"], 3, "lots"),
        (["init", "x", "--currency", "dollars", "--yes"], 2, "three letters"),
    ],
)
def test_exit_codes(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())


def test_what_nobody_expected_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import optimizer.solving

    def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("a wheel came off\nand rolled away")

    monkeypatch.setattr(optimizer.solving, "solve", broken)
    result = run("optimize", "minimal")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[0] == "Error: RuntimeError: a wheel came off"
    assert "--debug" in result.stderr
    shown = run("optimize", "minimal", "--debug")
    assert shown.exit_code == 1
    assert "Traceback" in shown.stderr
    assert "Traceback" in run("--debug", "optimize", "minimal").stderr


def test_excel_files_need_their_part(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    monkeypatch.setattr("optimizer.files.find_spec", lambda _: None)
    result = run("optimize", "minimal", "-o", tmp_path / "plan.xlsx")
    assert result.exit_code == 6
    assert "pip install 'adsplit[excel]'" in result.stderr
    assert result.stdout == ""


def test_a_folder_that_cannot_be_written_is_told_before_any_work(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    monkeypatch.setattr("optimizer.solving.solve", None)
    result = run("optimize", "minimal", "-o", tmp_path / "plan.json")
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


def test_a_path_that_cannot_be_written_is_wrong_usage_whenever_it_shows(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here only when the file is written; the file that was named is told, not a draft of it."""

    def refused(*args: Any, **kwargs: Any) -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path / ".plan.json.x7"))

    monkeypatch.setattr("tempfile.mkstemp", refused)
    result = run("optimize", "minimal", "-o", tmp_path / "plan.json")
    assert result.exit_code == 2
    assert f"{tmp_path / 'plan.json'}: Permission denied" in result.stderr


def test_a_variant_is_told_by_its_own_name(run: Run) -> None:
    result = run("compare", "minimal", "--variant", "x: budgett=3")
    assert result.exit_code == 3
    assert "--variant x: budgett=3  budgett" in result.stderr
    assert "--set" not in result.stderr


def test_two_spellings_of_one_name_are_not_two_plans(run: Run) -> None:
    result = run("compare", "minimal", "--what-if", "cut_20", "--variant", "Cut 20: budget=3M")
    assert result.exit_code == 3
    assert "'Cut 20' is compared already, as 'cut_20'" in result.stderr


def test_a_table_where_a_scenario_belongs_says_what_to_do(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    path.write_text("channel,curve,rate\ntv,linear,2\n", encoding="utf-8")
    result = run("commit", path)
    assert result.exit_code == 3
    assert "is a table of lines, and this command takes a scenario" in result.stderr
    assert "Give it to adsplit check, optimize or report" in result.stderr


def test_a_write_that_fails_leaves_the_old_file(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "plan.json"
    path.write_text("old", encoding="utf-8")

    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("pathlib.Path.replace", full)
    result = run("optimize", "minimal", "-o", path)
    assert result.exit_code == 1
    assert "No space left" in result.stderr
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_not_utf8_is_told(program: Program) -> None:
    import subprocess

    from tests.cli.conftest import environment

    done = subprocess.run(
        [sys.executable, "-m", "cli", "check", "-"],
        env=environment(),
        input="name: 预算".encode("gbk"),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    assert b"UTF-8" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("optimize", "minimal", "--split", "60"), 2, "such as 6:4"),
        (("optimize", "minimal", "--reach", "foo=5"), 3, "Leave the stage out"),
        (("sweep", "minimal", "budgt"), 3, "Did you mean 'budget'?"),
        (("init", "new", "--currency", "euros", "--yes"), 2, "three letters"),
    ],
)
def test_a_mistaken_option_is_told_in_its_own_name(
    run: Run, words: tuple[str, ...], code: int, told: str
) -> None:
    result = run(*words)
    assert result.exit_code == code
    assert told in result.stderr
    assert "--set" not in result.stderr


def test_a_reader_that_leaves_ends_the_program_as_others_end() -> None:
    import subprocess

    from tests.cli.conftest import ROOT, environment

    for _ in range(3):
        code = "import cli; cli.main()"
        with subprocess.Popen(
            [sys.executable, "-c", code, "optimize", "minimal", "--no-prices"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            cwd=ROOT,
        ) as running:
            assert running.stdout is not None
            running.stdout.close()
            assert running.wait(timeout=60) == 141
            assert running.stderr is not None
            assert b"Traceback" not in running.stderr.read()
