"""``adsplit optimize``: the table, its JSON contract, files, the question turned round."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import optimizer as opt
from optimizer.analysis.answer import answer_schema
from optimizer.terminal.asked import Asked
from optimizer.terminal.members import members
from tests.cli.conftest import Run

Json = Callable[..., Any]

BUILT_IN = ["b2b", "b2c", "b2c-cn", "minimal"]


def test_the_schema_of_the_contract_is_itself_valid() -> None:
    Draft202012Validator.check_schema(answer_schema())


@pytest.mark.parametrize("name", BUILT_IN)
def test_json_keeps_the_contract(run_json: Json, name: str) -> None:
    data = run_json("optimize", name)
    Draft202012Validator(answer_schema()).validate(data)
    assert data["status"] == "optimal"
    assert sum(line["spend"] for line in data["lines"]) == pytest.approx(data["spent"], rel=1e-12)
    assert data["objective"]["value"] <= data["bound"] * (1 + 1e-12)
    assert {rule["name"] for rule in data["constraints"]} >= {"budget", "split"}


def test_json_of_a_given_spend_keeps_the_contract_too() -> None:
    plan = opt.load("minimal")
    given = opt.evaluate(plan, {line.name: line.current or 0.0 for line in plan.lines})
    data = json.loads(json.dumps(opt.answer(given, lang="zh"), allow_nan=False))
    Draft202012Validator(answer_schema()).validate(data)
    assert data["status"] is None
    assert data["bound"] is None


def test_json_says_the_same_in_every_language_but_for_its_sentences(run_json: Json) -> None:
    english, chinese = (run_json("optimize", "minimal", "--lang", lang) for lang in ("en", "zh"))
    assert english["summary"] != chinese["summary"]
    for data in (english, chinese):
        for key in ("summary", "seconds"):
            del data[key]
        for entry in (*data["constraints"], *data["warnings"]):
            del entry["says"]
    assert english == chinese


def test_json_is_the_same_on_every_run(run_json: Json) -> None:
    first, second = (run_json("optimize", "b2b") for _ in range(2))
    assert {**first, "seconds": 0} == {**second, "seconds": 0}


def test_a_number_that_does_not_exist_is_null(run_json: Json, tmp_path: Path) -> None:
    path = tmp_path / "leads.yaml"
    path.write_text(
        "budget: 100\nobjective: outcomes\n"
        "channels:\n  a: {curve: {kind: power, scale: 1, exponent: 0.5}, maximum: 100}\n"
        "  b: {curve: {kind: linear, rate: 0}, maximum: 100}\n",
        encoding="utf-8",
    )
    data = run_json("optimize", path)
    assert data["current"] is None
    assert [line["value"] for line in data["lines"]] == [None, None]
    assert [line["current"] for line in data["lines"]] == [None, None]
    assert [line["role"] for line in data["lines"]] == [None, None]


def test_the_table_adds_up(run: Run) -> None:
    text = run("optimize", "b2b").stdout
    rows = [line.split() for line in text.splitlines()]
    start = next(i for i, row in enumerate(rows) if row and set(row[0]) == {"─"})
    total = next(i for i, row in enumerate(rows) if row[:1] == ["Total"])
    spends = [int(row[4].replace(",", "")) for row in rows[start + 1 : total] if row]
    assert len(spends) == 8
    assert sum(spends) == int(rows[total][2].replace(",", ""))
    shares = [float(row[6].rstrip("%")) for row in rows[start + 1 : total] if row]
    assert sum(shares) == pytest.approx(100.0)


def test_the_table_says_what_to_do_why_and_how_sure_it_is(run: Run) -> None:
    text = run("optimize", "b2b").stdout
    for words in ("Held by", "Why", "Rules that bind", "Mind", "Proven:", "brand : traffic"):
        assert words in text


def test_the_table_speaks_chinese(run: Run) -> None:
    text = run("optimize", "b2c-cn", "--lang", "zh").stdout
    for words in ("渠道", "建议", "合计", "金额单位：万 CNY", "已证明"):
        assert words in text


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "渠道"),
        ({"LANG": "C.UTF-8"}, "Line"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "Line"),
        ({"ADSPLIT_LANG": "zh", "LANG": "C"}, "渠道"),
    ],
)
def test_the_language_follows_the_system(run: Run, env: dict[str, str], words: str) -> None:
    assert words in run("optimize", "minimal", env=env).stdout


def test_settings_come_on_top_of_what_ifs_and_are_written_on_the_answer(run_json: Json) -> None:
    arguments = ("--what-if", "cut_20", "--set", "budget=1.5M", "--split", "5:5")
    data = run_json("optimize", "b2b", *arguments)
    assert data["budget"] == 1_500_000
    assert data["provenance"]["applied"] == ["what-if cut_20", "set split=5:5", "set budget=1.5M"]
    brand = sum(line["spend"] for line in data["lines"] if line["role"] == "brand")
    assert brand / data["spent"] == pytest.approx(0.5)


def test_reach_turns_the_question_round(run_json: Json, small: Path) -> None:
    best = run_json("optimize", small)
    outcomes = sum(line["outcome"] for line in best["lines"])
    goal = 0.8 * outcomes
    data = run_json("optimize", small, "--reach", f"{goal}")
    assert data["objective"]["kind"] == "lowest_spend"
    assert data["objective"]["value"] == pytest.approx(data["spent"])
    assert data["bound"] <= data["spent"] * (1 + 1e-9)
    assert data["spent"] < best["spent"]
    reached = sum(line["outcome"] for line in data["lines"])
    assert reached == pytest.approx(goal, rel=1e-6)
    assert data["provenance"]["applied"][-1].startswith("reach ")


def test_reach_keeps_the_budget_as_a_ceiling(run: Run) -> None:
    result = run("optimize", "b2b", "--reach", "lead=500000")
    assert result.exit_code == 4


def test_reach_drops_the_rule_that_the_budget_is_spent_whole(small: Path) -> None:
    plan = opt.load(str(small), sets=["constraints.all={kind: spend_all}"])
    turned = opt.reaching(plan, {"": 50.0})
    assert [rule.kind for rule in turned.constraints] == ["target"]
    assert opt.optimize(turned).spent < 1000


@pytest.mark.parametrize("ending", [".json", ".csv", ".xlsx"])
def test_a_file_is_written_beside_the_table(run: Run, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"plan{ending}"
    result = run("optimize", "minimal", "-o", path)
    assert result.exit_code == 0
    assert "Recommended" in result.stdout
    assert f"Wrote {path}" in result.stderr
    assert path.stat().st_size > 100
    assert list(tmp_path.iterdir()) == [path]  # nothing is left beside it


def test_csv_holds_full_numbers(run: Run) -> None:
    lines = run("optimize", "minimal", "--csv").stdout.splitlines()
    assert lines[0].startswith("line,channel,role,spend,share,")
    assert len(lines) == 4
    assert float(lines[1].split(",")[3]) > 1000


def test_without_prices_no_rule_has_one(run_json: Json) -> None:
    data = run_json("optimize", "minimal", "--no-prices")
    assert {rule["price"] for rule in data["constraints"]} == {None}


def test_a_search_that_runs_out_of_time_returns_its_plan_with_5(
    run_json: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    from optimizer import solving
    from optimizer.solvers.solution import Status

    solve = solving.solve

    def stopped(*args: Any, **kwargs: Any) -> Any:
        from dataclasses import replace

        return replace(solve(*args, **kwargs), status=Status.STOPPED, reason="time limit")

    monkeypatch.setattr(solving, "solve", stopped)
    data = run_json("optimize", "minimal", "--time-limit", "10", code=5)
    assert data["status"] == "stopped"
    assert data["spent"] > 0
    assert any(warning["key"] == "alert.stopped" for warning in data["warnings"])


UNCERTAIN = """
extends: minimal
uncertainty: {numbers: {value: {between: ["*0.8", "*1.3"]}}, draws: 32}
risk: {kind: cvar, level: 80%}
"""


@pytest.mark.parametrize(
    ("short", "stated"),
    [
        ("expected", opt.Expected()),
        ("cvar", opt.CVaR(0.8)),  # the level is the file's
        ("cvar:0.95", opt.CVaR(0.95)),
        ("cvar:95%:50%", opt.CVaR(0.95, 0.5)),
        ("worst-case", opt.WorstCase()),
        ("worst_case:1", opt.WorstCase(1)),
        ("regret", opt.Regret()),
        ("chance:2k@90%", opt.Chance(2000, None, 0.9)),
        ("chance:order=2k@90%", opt.Chance(2000, "order", 0.9)),
        ("none", None),
    ],
)
def test_an_attitude_to_risk_in_short(tmp_path: Path, short: str, stated: object) -> None:
    path = tmp_path / "uncertain.yaml"
    path.write_text(UNCERTAIN)
    assert Asked(str(path), (), (), None, short).plan.risk == stated
    plans = members(Asked(str(path), (), ("more:budget=2M",), None, short), (), ())
    assert [plan.risk for plan in plans.values()] == [stated, stated]


def test_risk_is_an_option_of_every_command(tmp_path: Path, run_json: Json) -> None:
    path = tmp_path / "uncertain.yaml"
    path.write_text(UNCERTAIN)
    best = run_json("optimize", path, "--risk", "expected")
    assert best["provenance"]["applied"][-1] == "set risk={kind: expected}"
    compared = run_json("compare", path, "--set", "more:budget=2M", "--risk", "expected")
    values = {plan["name"]: plan["value"] for plan in compared["plans"]}
    assert values["base"] == pytest.approx(best["objective"]["value"], rel=1e-4)
