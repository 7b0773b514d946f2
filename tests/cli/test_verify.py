"""``adsplit verify``: an answer is checked from its file, and against its scenario."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import ROOT, Run

Json = Callable[..., Any]


@pytest.fixture
def result(run: Run, small: Path, tmp_path: Path) -> Path:
    path = tmp_path / "plan.json"
    assert run("optimize", small, "-o", path).exit_code == 0
    return path


def doctored(path: Path, **changes: Any) -> Path:
    data = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(data | changes), encoding="utf-8")
    return path


def test_a_true_result_holds(run: Run, result: Path, small: Path) -> None:
    alone = run("verify", result)
    assert alone.exit_code == 0
    assert "The result holds" in alone.stdout
    assert "--scenario" in alone.stdout
    assert run("verify", result, "--scenario", small).exit_code == 0
    assert "结果成立" in run("verify", result, "--lang", "zh").stdout


def test_a_doctored_result_does_not(run: Run, result: Path) -> None:
    found = run("verify", doctored(result, bound=1.0))
    assert found.exit_code == 3
    assert "does not hold" in found.stdout
    assert "The proof gives" in found.stdout or "the proof gives" in found.stdout


def test_numbers_beyond_all_others_do_not_hold(run: Run, result: Path) -> None:
    """JSON may hold whole numbers that no float holds, and bounds that have no word."""
    found = run("verify", doctored(result, spent=10**400))
    assert found.exit_code == 3
    assert "spent is" in found.stdout
    data = json.loads(result.read_text(encoding="utf-8"))
    huge = data["objective"] | {"value": 1e40}
    assert run("verify", doctored(result, bound=1e40, objective=huge)).exit_code == 3


def test_json_is_one_object(run_json: Json, result: Path) -> None:
    found = run_json("verify", result)
    assert found["schema"] == "adsplit.verdict/1"
    assert found["holds"] is found["feasible"] is found["proven"] is True
    assert found["value"] <= found["bound"]
    page = (ROOT / "docs" / "reference" / "json.md").read_text(encoding="utf-8")
    (row,) = [line for line in page.splitlines() if line.startswith("| `verify` |")]
    assert all(f"`{key}`" in row for key in set(found) - {"schema"})
    checks = {check["check"]: check["holds"] for check in found["checks"]}
    assert checks.pop("scenario") is None
    assert set(checks.values()) == {True}
    doctored(result, spent=3.0)
    assert run_json("verify", result, code=3)["holds"] is False


def test_a_result_comes_from_stdin(run: Run, result: Path) -> None:
    assert run("verify", "-", input=result.read_text(encoding="utf-8")).exit_code == 0


def test_the_scenario_takes_the_same_changes(run: Run, small: Path, tmp_path: Path) -> None:
    path = tmp_path / "less.json"
    assert run("optimize", small, "--what-if", "less", "-o", path).exit_code == 0
    assert run("verify", path, "--scenario", small, "--what-if", "less").exit_code == 0
    other = run("verify", path, "--scenario", small)
    assert other.exit_code == 3
    assert "budget" in other.stdout


def test_a_question_turned_round_is_verified(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "reach.json"
    goal = ("--reach", "lead=3000")
    assert run("optimize", "b2b", *goal, "-o", path).exit_code == 0
    assert run("verify", path, "--scenario", "b2b", *goal).exit_code == 0
    assert run("verify", path, "--scenario", "b2b").exit_code == 3


def test_what_is_no_result_is_bad_input(run: Run, small: Path, tmp_path: Path) -> None:
    for path in (small, tmp_path / "none.json"):
        found = run("verify", path)
        assert found.exit_code == 3
        assert str(path) in found.stderr
        assert found.stdout == ""


def test_changes_without_a_scenario_are_wrong_usage(run: Run, result: Path) -> None:
    assert run("verify", result, "--what-if", "less").exit_code == 2
    assert run("verify", "-", "--scenario", "-", input="").exit_code == 2
