"""``init``, ``check``, ``scenarios``, ``schema`` and ``doctor``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import optimizer as opt
from optimizer.sources.starter import TEMPLATES, Starter
from tests.cli.conftest import Run

Json = Callable[..., Any]


@pytest.mark.parametrize("template", TEMPLATES)
def test_init_writes_a_scenario_that_passes_the_check(
    run: Run, tmp_path: Path, template: str
) -> None:
    folder = tmp_path / "mine"
    result = run("init", folder, "--template", template, "--yes")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    path = folder / "scenario.yaml"
    for command in ("check", "optimize", "compare", "report"):
        assert f"adsplit {command} {path}" in result.stderr
    assert run("check", path).exit_code == 0
    assert path.read_text(encoding="utf-8").startswith("#")  # comments and all


@pytest.mark.parametrize("template", TEMPLATES)
def test_another_budget_scales_every_sum_and_changes_no_share(template: str) -> None:
    before = Starter.of(template).plan
    after = Starter.of(template).with_money("EUR", 3 * before.budget).plan  # type: ignore[operator]
    assert after.currency == "EUR"
    assert after.budget == 3 * before.budget  # type: ignore[operator]
    old, new = opt.optimize(before), opt.optimize(after)
    assert list(new.by_line["share"]) == pytest.approx(list(old.by_line["share"]), abs=5e-3)
    assert new.objective == pytest.approx(3 * old.objective, rel=2e-3)


def test_todays_spends_are_taken_as_given() -> None:
    plan = Starter.of("b2b").with_spends({"search.traffic": "32.5k", "social.brand": 0}).plan
    assert plan.line("social.brand").current == 0
    line = plan.line("search.traffic")
    # What the template says of the line at its own size, it says at this one.
    assert (line.current, line.maximum, line.observed) == (32_500, 50_000, 37_500)
    assert line.curve.spend == 32_500  # type: ignore[union-attr]
    with pytest.raises(opt.UnknownName):
        Starter.of("minimal").with_spends({"serch": 1})
    with pytest.raises(opt.ScenarioError):
        Starter.of("minimal").with_spends({"search.traffic": "much"})


def test_init_never_overwrites(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text("mine", encoding="utf-8")
    result = run("init", tmp_path, "--yes")
    assert result.exit_code == 2
    assert "--force" in result.stderr
    assert path.read_text(encoding="utf-8") == "mine"
    assert run("init", tmp_path, "--yes", "--force").exit_code == 0
    assert path.read_text(encoding="utf-8") != "mine"


def test_init_asks_nothing_where_nobody_can_answer(run: Run, tmp_path: Path) -> None:
    result = run("init", tmp_path / "mine", "--budget", "12M", "--currency", "cny", input="")
    assert result.exit_code == 0
    plan = opt.load(tmp_path / "mine" / "scenario.yaml")
    assert (plan.budget, plan.currency) == (12e6, "CNY")


def test_check_explains_without_solving(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optimizer.solvers.solve", None)
    monkeypatch.setattr("optimizer.solving.solve", None)
    result = run("check", "b2b")
    assert result.exit_code == 0, result.stderr
    for words in ("8 lines", "Greatest profit", "brand 60%", "Warnings", "placeholders", "cut_20"):
        assert words in result.stdout


def test_check_is_strict_when_asked(run: Run, small: Path) -> None:
    assert run("check", "b2b", "--strict").exit_code == 3
    text = small.read_text(encoding="utf-8")
    text += "origins:\n  channels: {source: us, grade: A}\n  value: {source: us, grade: A}\n"
    small.write_text(text, encoding="utf-8")
    result = run("check", small, "--strict")
    assert result.exit_code == 0, result.stdout


def test_check_finds_faults_in_what_ifs(run: Run, small: Path) -> None:
    text = small.read_text(encoding="utf-8") + "  wrong: {budgt: 3}\n"
    small.write_text(text, encoding="utf-8")
    result = run("check", small)
    assert result.exit_code == 3
    assert "wrong" in result.stderr


def test_check_sees_limits_that_do_not_fit_the_budget(run_json: Json, small: Path) -> None:
    maxima = "channels.search.maximum=100"
    data = run_json("check", small, "--set", maxima, "--set", "channels.social.maximum=200")
    assert "cannot_spend" in {warning["key"] for warning in data["warnings"]}
    data = run_json(
        "check",
        small,
        "--set",
        "channels.search.minimum=900",
        "--set",
        "channels.social.minimum=300",
    )
    assert "minima_above" in {warning["key"] for warning in data["warnings"]}


def test_check_as_data(run: Run, run_json: Json) -> None:
    data = run_json("check", "b2b", "--what-if", "cut_20")
    assert data["schema"] == "adsplit.check/1"
    assert data["ok"] is True
    assert data["applied"] == ["what-if cut_20"]
    assert len(data["lines"]) == 8
    assert run("check", "b2b", "--csv").stdout.startswith("line,channel,role,curve")


def test_scenarios_are_listed_and_printed(run: Run, run_json: Json) -> None:
    names = [entry["name"] for entry in run_json("scenarios")["scenarios"]]
    assert {"b2b", "b2c", "b2c-cn", "minimal"} <= set(names)
    assert "Business software" in run("scenarios").stdout
    text = run("scenarios", "b2b").stdout
    assert opt.loads(text) == opt.load("b2b")


def test_a_printed_scenario_can_be_piped_back(run: Run) -> None:
    text = run("scenarios", "minimal").stdout
    result = run("optimize", "-", input=text)
    assert result.exit_code == 0, result.stderr
    assert "Minimal example" in result.stdout


def test_schemas_are_printed(run: Run) -> None:
    for words in ((), ("scenario",), ("result",)):
        schema = json.loads(run("schema", *words).stdout)
        Draft202012Validator.check_schema(schema)
    assert json.loads(run("schema", "result").stdout)["title"] == "adsplit.allocation/1"


def test_doctor_solves_something(run: Run, run_json: Json) -> None:
    data = run_json("doctor")
    assert data["ok"] is True
    found = {check["what"]: check for check in data["checks"]}
    assert found["solver"]["found"].startswith("optimal")
    assert {"python", "numpy", "pulp", "encoding", "chinese font", "scenarios"} <= set(found)
    assert "✓" in run("doctor").stdout


def test_doctor_says_what_is_missing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import metadata

    version = metadata.version

    def without(name: str) -> str:
        if name in {"pulp", "xlsxwriter"}:
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr("optimizer.terminal.diagnosis.metadata.version", without)
    monkeypatch.setattr("optimizer.allocation.fingerprint", lambda _: "")
    result = run("doctor")
    assert result.exit_code == 6
    assert "pip install pulp" in result.stdout
    assert "pip install 'adsplit[excel]'" in result.stdout
