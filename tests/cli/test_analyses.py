"""``compare``, ``sweep``, ``sensitivity`` and ``report``."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run

Json = Callable[..., Any]


def test_compare_takes_every_what_if_by_default(run_json: Json) -> None:
    data = run_json("compare", "minimal")
    assert data["schema"] == "adsplit.comparison/1"
    names = [plan["name"] for plan in data["plans"]]
    assert names == ["base", "cut_20", "dearer_clicks", "bad_year", "no_rule"]
    assert data["plans"][0]["change"] in (0, None)
    assert {entry["name"] for entry in data["inputs"]} == set(names[1:])


def test_compare_takes_those_that_are_named(run_json: Json) -> None:
    data = run_json(
        "compare",
        "minimal",
        "--what-if",
        "cut_20",
        "--set",
        "even:split=5:5",
        "--set",
        "even:budget=500k",
        "--set",
        "value=50",
    )
    assert [plan["name"] for plan in data["plans"]] == ["base", "cut_20", "even"]
    assert data["plans"][2]["budget"] == 500_000
    assert data["plans"][2]["brand_share"] == pytest.approx(0.5)


def test_compare_goes_on_where_one_plan_is_infeasible(run: Run, small: Path) -> None:
    rule = "none:constraints.must={kind: spend, at_least: 900, where: social}"
    result = run("compare", small, "--set", rule)
    assert result.exit_code == 0, result.stderr
    assert "infeasible" in result.stdout


def test_compare_shows_regret_and_what_was_changed(run: Run) -> None:
    text = run("compare", "minimal").stdout
    for words in ("Regret", "What was changed", "cut_20", "800,000"):
        assert words in text


def test_compare_shows_plans_that_count_different_things(run: Run) -> None:
    text = run("compare", "b2b", "--what-if", "most_leads", "--what-if", "cut_20").stdout
    assert "leads" in text
    assert "profit" in text


def test_compare_takes_variants_from_the_command_line(run_json: Json) -> None:
    data = run_json(
        "compare",
        "minimal",
        "--what-if",
        "cut_20",
        "--variant",
        "cheap clicks: channels.search.*.price=*0.7, budget=*0.5",
        "--variant",
        "both: bad_year, constraints.must={kind: spend, at_least: 9e4, where: social}, split=5:5",
    )
    plans = {plan["name"]: plan for plan in data["plans"]}
    assert list(plans) == ["base", "cut_20", "cheap clicks", "both"]
    assert plans["cheap clicks"]["budget"] == pytest.approx(plans["base"]["budget"] / 2)
    assert plans["both"]["brand_share"] == pytest.approx(0.5)
    changed = {(one["name"], one["path"]) for one in data["inputs"]}
    own = {path for name, path in changed if name == "cheap clicks"}
    assert {"channels.search.traffic.price", "budget"} <= own
    assert ("both", "constraints.must.at_least") in changed
    assert {row["name"] for row in data["rules"]} == set(plans)
    assert data["steadiest"]["name"] in plans
    assert data["steadiest"]["name"] in data["says"][0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("budget=1M", "is no variant"),
        ("low:", "is no variant"),
        ("low: cut_02", "Did you mean 'cut_20'?"),
        ("low: cut_20, budgte=1M", "Did you mean 'budget'?"),
        ("cut_20: budget=1M", "'cut_20' is compared already"),
    ],
)
def test_a_variant_that_cannot_be_read_is_told(run: Run, text: str, words: str) -> None:
    result = run("compare", "minimal", "--what-if", "cut_20", "--variant", text)
    assert result.exit_code == 3
    assert words in result.stderr


def test_compare_takes_other_scenarios(run_json: Json, small: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(small.read_text().replace("scale: 50", "scale: 40"))
    data = run_json("compare", small, other, "--set", "budget=900", "--no-prices")
    assert [plan["name"] for plan in data["plans"]] == ["base", "other"]
    assert [plan["budget"] for plan in data["plans"]] == [900, 900]
    assert ("other", "channels.search.curve.scale", 50, 40) in {
        (one["name"], one["path"], one["first"], one["this"]) for one in data["inputs"]
    }
    assert data["rules"] == []


def test_compare_of_two_companies_tells_the_first_differences(run: Run, run_json: Json) -> None:
    shown = run("compare", "b2b", "minimal", "--no-prices").stdout
    whole = run_json("compare", "b2b", "minimal", "--no-prices")["inputs"]
    assert sum(line.startswith("minimal  ") and "→" in line for line in shown.splitlines()) == 15
    assert f"minimal: {len(whole) - 15} more inputs differ" in shown


def test_compare_says_what_rules_cost_and_which_plan_holds_up_best(run: Run) -> None:
    text = run("compare", "minimal").stdout
    assert "What the rules cost" in text
    assert "holds up best" in text
    chinese = run("compare", "minimal", "--lang", "zh").stdout
    assert "规则的代价" in chinese
    assert "最经得起变化" in chinese


def test_compare_goes_on_from_a_file(run_json: Json, run: Run, tmp_path: Path) -> None:
    store = tmp_path / "plans"
    first = run_json("compare", "minimal", "--resume", store)
    size = store.stat().st_size
    assert run_json("compare", "minimal", "--resume", store) == first
    assert store.stat().st_size == size
    other = run("compare", "minimal", "--resume", store, "--what-if", "cut_20")
    assert other.exit_code == 3
    assert "holds plans of another plan" in other.stderr
    assert run("sweep", "minimal", "budget", "--resume", tmp_path / "no" / "f").exit_code == 2


def test_sweep_of_the_budget(run_json: Json) -> None:
    data = run_json("sweep", "minimal", "budget=200k:1M:5")
    assert data["unit"] == "money"
    assert [point["x"] for point in data["points"]] == [2e5, 4e5, 6e5, 8e5, 1e6]
    values = [point["value"] for point in data["points"]]
    assert values == sorted(values)


@pytest.mark.parametrize("path", ["budget", "split.brand"])
def test_some_paths_need_no_range(run_json: Json, path: str) -> None:
    data = run_json("sweep", "minimal", path)
    assert len(data["points"]) >= 21
    assert data["stated"] is not None
    assert data["today"] is not None


def test_the_horizon_of_the_rule_as_table_data_and_file(
    run: Run, run_json: Json, tmp_path: Path
) -> None:
    data = run_json("sweep", "b2c", "horizon=12:24:2")
    assert data["schema"] == "adsplit.horizon/1"
    assert [row["horizon"] for row in data["horizons"]] == [12, 24]
    assert data["between"] == [12, 24]
    assert 12 < data["crosses"] < 24
    text = run("sweep", "b2c", "horizon=12:24:2").stdout
    assert "From about" in text
    assert "Brand 40%" in text
    assert "约从" in run("sweep", "b2c", "horizon=12:24:2", "--lang", "zh").stdout
    rows = list(csv.DictReader(io.StringIO(run("sweep", "b2c", "horizon=12:24:2", "--csv").stdout)))
    assert [row["label"] for row in rows] == ["2027-12", "2028-12"]
    path = tmp_path / "horizon.csv"
    assert run("sweep", "b2c", "horizon=12:24:2", "-o", path).exit_code == 0
    assert path.read_text("utf-8").startswith("horizon,label,brand_share")


def test_the_horizon_needs_periods(run: Run) -> None:
    result = run("sweep", "minimal", "horizon")
    assert result.exit_code == 3
    assert "Give periods" in result.stderr
    assert run("sweep", "b2b", "horizon=12:24:2", "budget=1M:2M:2").exit_code == 3


def test_sweep_of_periods_takes_whole_numbers(run_json: Json) -> None:
    data = run_json("sweep", "b2b", "periods.horizon=12:17:3")
    assert [point["x"] for point in data["points"]] == [12, 14, 17]
    values = [point["value"] for point in data["points"]]
    assert values == sorted(values)


def test_sweep_of_shares_reads_per_cent(run_json: Json) -> None:
    data = run_json("sweep", "minimal", "split.brand=20%:60%:3")
    assert [round(point["x"], 9) for point in data["points"]] == [0.2, 0.4, 0.6]


def test_sweep_of_a_factor(run_json: Json) -> None:
    data = run_json("sweep", "minimal", "channels.search.traffic.price=*0.5:*1.5:3")
    assert [point["x"] for point in data["points"]] == [0.5, 1.0, 1.5]


def test_sweep_of_two_inputs(run: Run, run_json: Json) -> None:
    arguments = ("sweep", "minimal", "budget=500k:1M:2", "split.brand=30%:50%:3")
    assert len(run_json(*arguments)["points"]) == 6
    rows = list(csv.DictReader(io.StringIO(run(*arguments, "--csv").stdout)))
    assert [row["x1"] for row in rows] == ["500000.0"] * 3 + ["1000000.0"] * 3
    assert "split.brand →" in run(*arguments).stdout


def test_sweep_marks_what_is_stated_and_what_is_today(run: Run) -> None:
    text = run("sweep", "b2b", "budget=2M:2.4M:2").stdout
    assert "$2.4M" in text
    assert "* stated" in run("sweep", "minimal", "budget").stdout


@pytest.mark.parametrize(
    "text",
    [
        "foo",
        "budget=1:2",
        "budget=1:2:x",
        "budget=1:2:1",
        "budget=1%:2:3",
        "budget=a:b:3",
        "budget=1:2:99999",
    ],
)
def test_a_range_that_cannot_be_read_says_how_to_write_one(run: Run, text: str) -> None:
    result = run("sweep", "minimal", text)
    assert result.exit_code == 3
    assert "budget=8M:14M:7" in result.stderr or "2 to 1000" in result.stderr


def test_three_paths_are_too_many(run: Run) -> None:
    one = "budget=1M:2M:2"
    assert run("sweep", "minimal", one, one, one).exit_code == 3
    assert run("sweep", "minimal", one, one).exit_code == 3
    assert run("sweep", "minimal", "budget", "split.brand").exit_code == 3


def test_sensitivity_prices_rules_and_ranks_assumptions(run_json: Json) -> None:
    data = run_json("sensitivity", "minimal")
    assert {entry["rule"] for entry in data["prices"]} >= {"budget", "split"}
    swings = [entry["swing"] for entry in data["tornado"]]
    assert swings == sorted(swings, reverse=True)


def test_sensitivity_shows_the_largest(run: Run) -> None:
    text = run("sensitivity", "minimal", "--top", "3", "--spread", "10%").stdout
    assert "more; --top 0 shows all" in text
    assert "10%" in text
    assert "What the rules cost" in text


def test_sensitivity_needs_to_know_which_table_is_meant(run: Run, tmp_path: Path) -> None:
    assert run("sensitivity", "minimal", "--csv").exit_code == 2
    assert run("sensitivity", "minimal", "-o", tmp_path / "x.csv").exit_code == 2
    text = run("sensitivity", "minimal", "--csv", "--only", "prices").stdout
    assert text.startswith("rule,part,unit,binding,price")


def test_a_workbook_holds_every_table(run: Run, tmp_path: Path) -> None:
    import openpyxl

    path = tmp_path / "all.xlsx"
    assert run("compare", "minimal", "-o", path).exit_code == 0
    names = ["plans", "lines", "inputs", "regret", "rules"]
    assert openpyxl.load_workbook(path).sheetnames == names


def test_report_writes_one_page(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "plan.html"
    result = run("report", "minimal", "-o", path, "--quick", "--lang", "zh")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    page = path.read_text(encoding="utf-8")
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert 'lang="zh' in page
    assert str(path) in result.stderr


def test_report_wants_a_page(run: Run, tmp_path: Path) -> None:
    assert run("report", "minimal").exit_code == 2
    assert run("report", "minimal", "-o", tmp_path / "x.pdf").exit_code == 2
