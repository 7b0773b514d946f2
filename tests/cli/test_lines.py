"""``adsplit optimize`` for a table of lines."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.cli.conftest import ROOT, Run, environment

Json = Callable[..., Any]

ASKED = ("--budget", "10k", "--split", "6:4", "--objective", "revenue")


def keywords(n: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    kind = rng.choice(["log", "hill", "exponential"], n)

    def only(*kinds: str, low: float, high: float) -> Any:
        return np.where(np.isin(kind, kinds), rng.uniform(low, high, n), np.nan)

    return pd.DataFrame(
        {
            "line": [f"kw{i}" for i in range(n)],
            "channel": rng.choice(["search", "social"], n),
            "role": rng.choice(["brand", "traffic"], n),
            "curve": kind,
            "scale": only("log", low=5, high=50),
            "unit": only("log", "exponential", low=10, high=80),
            "ceiling": only("hill", "exponential", low=20, high=100),
            "half": only("hill", low=10, high=80),
            "steepness": only("hill", low=0.8, high=3),
            "value": rng.uniform(0.5, 3, n),
            "maximum": rng.uniform(50, 300, n),
            "market": rng.choice(["de", "at"], n),
        }
    )


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "lines.csv"
    keywords(400).to_csv(path, index=False)
    return path


def test_a_table_prints_sums_and_a_proof(run: Run, table: Path) -> None:
    result = run("optimize", table, *ASKED)
    assert result.exit_code in {0, 5}
    assert "Proven" in result.stdout or "Not proven" in result.stdout
    assert "kw7" not in result.stdout
    assert len(result.stdout.splitlines()) < 30
    assert "条目" in run("optimize", table, *ASKED, "--lang", "zh").stdout


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_file_holds_every_line(run: Run, tmp_path: Path, table: Path, ending: str) -> None:
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"plan.{ending}"
    result = run("optimize", table, *ASKED, "--gap", "1e-4", "-o", path)
    assert result.exit_code == 0
    frame = pd.read_csv(path) if ending == "csv" else pd.read_parquet(path)
    assert len(frame) == 400
    assert frame["spend"].sum() == pytest.approx(10_000)
    brand = frame.loc[frame["role"] == "brand", "spend"].sum()
    assert brand == pytest.approx(6_000)
    assert frame["line"][7].endswith(".kw7")
    assert set(frame["market"]) == {"de", "at"}


def test_json_has_sums_and_what_a_check_needs(run_json: Json, table: Path) -> None:
    found = run_json("optimize", table, *ASKED, "--gap", "1e-4")
    assert found["schema"] == "adsplit.lines/1"
    assert found["status"] == "optimal"
    assert found["lines"] == sum(group["lines"] for group in found["groups"]) == 400
    assert found["objective"]["value"] <= found["bound"]
    assert found["plan"]["budget"] == 10_000
    assert found["proof"]
    page = (ROOT / "docs" / "reference" / "json.md").read_text(encoding="utf-8")
    (row,) = [line for line in page.splitlines() if line.startswith("| `optimize TABLE` |")]
    assert all(f"`{key}`" in row for key in set(found) - {"schema"})


def test_rules_are_written_as_in_a_scenario(run_json: Json, run: Run, table: Path) -> None:
    rule = "de={kind: share, where: {market: de}, at_least: 80%}"
    found = run_json("optimize", table, *ASKED, "--gap", "1e-4", "--constraint", rule)
    assert "de" in found["binding"]
    bad = run("optimize", table, *ASKED, "--constraint", "de={kind: shar}")
    assert bad.exit_code == 3
    assert "constraints.de" in bad.stderr
    twice = run("optimize", table, *ASKED, "--constraint", rule, "--constraint", rule)
    assert twice.exit_code == 3


def test_faults_of_a_table_name_file_and_row(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    keywords(20).assign(maximum=-1.0, role="both").to_csv(path, index=False)
    result = run("optimize", path, *ASKED)
    assert result.exit_code == 3
    for words in (str(path), "maximum", "role", "rows 2, 3"):
        assert words in result.stderr
    assert result.stdout == ""
    assert run("optimize", tmp_path / "none.csv", *ASKED).exit_code == 3


def test_what_cannot_be_is_infeasible(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    keywords(10_000).assign(minimum=40.0).to_csv(path, index=False)
    result = run("optimize", path, *ASKED)
    assert result.exit_code == 4
    assert "minima add up to 400,000" in result.stderr


def test_a_rule_that_counts_lines_is_declined_for_very_many(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    keywords(10_000).to_csv(path, index=False)
    result = run("optimize", path, *ASKED, "--constraint", "few={kind: active_lines, at_most: 9}")
    assert result.exit_code == 3
    assert "too many lines" in result.stderr


def test_options_of_a_scenario_and_of_a_table_are_kept_apart(run: Run, table: Path) -> None:
    assert run("optimize", "b2b", "--budget", "3M").exit_code == 2
    assert run("optimize", "b2b", "--constraint", "x={kind: spend_all}").exit_code == 2
    for option in (("--what-if", "x"), ("--set", "budget=3"), ("--reach", "lead=3")):
        assert run("optimize", table, *ASKED, *option).exit_code == 2
    assert run("optimize", table, *ASKED, "-o", "plan.xlsx").exit_code == 2


def test_parquet_without_its_library_says_what_to_install(
    run: Run, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("optimizer.files.find_spec", lambda _: None)
    for arguments in ([tmp_path / "x.parquet"], [table, "-o", tmp_path / "plan.parquet"]):
        result = run("optimize", *arguments, *ASKED)
        assert result.exit_code == 6
        assert "pip install 'adsplit[parquet]'" in result.stderr


def test_no_text_of_the_file_is_taken_for_a_formula(run: Run, tmp_path: Path) -> None:
    hostile = ["=1+1", "+1", "-2", "@SUM(A1)", "\tx", "=cmd|' /C calc'!A0", 'a"b', "a,b"]
    frame = keywords(len(hostile)).assign(channel=hostile, market=hostile)
    path, plan = tmp_path / "lines.csv", tmp_path / "plan.csv"
    frame.rename(columns={"market": "=tag"}).to_csv(path, index=False)
    assert run("optimize", path, "--budget", "100", "-o", plan).exit_code == 0
    with plan.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0][-1] == "'=tag"
    texts = [cell for row in rows for cell in (*row[:3], row[-1]) if cell]
    assert not [text for text in texts if text[0] in "=+-@\t\r"]
    assert rows[1][-1] == "'=1+1"
    assert rows[8][-1] == "a,b"


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_plan_of_a_table_is_verified(
    run: Run, run_json: Json, table: Path, tmp_path: Path, ending: str
) -> None:
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    plan, result = tmp_path / f"plan.{ending}", tmp_path / "result.json"
    for path in (plan, result):
        assert run("optimize", table, *ASKED, "--gap", "1e-4", "-o", path).exit_code == 0
    files = ("--lines", table, "--spend", plan)
    found = run_json("verify", result, *files)
    assert found["holds"] is True
    assert found["gap"] <= 1e-4
    assert "split" in run("verify", result, *files).stdout
    # In another order it is the same plan.
    frame = pd.read_csv(plan) if ending == "csv" else pd.read_parquet(plan)
    write = frame.to_csv if ending == "csv" else frame.to_parquet

    def checks(changed: pd.DataFrame) -> set[str]:
        getattr(changed, write.__name__)(plan, index=False)
        data = json.loads(run("verify", result, *files, "--json").stdout)
        return {check["check"] for check in data["checks"] if check["holds"] is False}

    assert checks(frame.sample(frac=1.0, random_state=1)) == set()
    brand = frame.index[frame["role"] == "brand"]
    first, second = frame.loc[brand, "spend"].nlargest(2).index
    moved = frame.copy()
    moved.loc[first, "spend"] -= 20.0
    moved.loc[second, "spend"] += 20.0
    assert checks(moved) >= {"value"}
    assert checks(frame.assign(spend=frame["spend"] * 1.01)) >= {"rules", "value"}
    data = json.loads(result.read_text(encoding="utf-8"))
    checks(frame)
    for key, value in {"bound": data["bound"] * 0.99, "spent": 3.0}.items():
        result.write_text(json.dumps(data | {key: value}), encoding="utf-8")
        assert run("verify", result, *files).exit_code == 3
    dropped = {key: item for key, item in data["plan"].items() if key != "split"}
    result.write_text(json.dumps(data | {"plan": dropped}), encoding="utf-8")
    assert checks(frame) >= {"input"}


def test_a_result_of_a_table_needs_its_table(run: Run, table: Path, tmp_path: Path) -> None:
    plan, result, other = (tmp_path / name for name in ("plan.csv", "result.json", "other.csv"))
    for path in (plan, result):
        run("optimize", table, *ASKED, "-o", path)
    alone = run("verify", result)
    assert alone.exit_code == 3
    assert "--lines" in alone.stderr
    assert run("verify", result, "--lines", table).exit_code == 2
    keywords(399).to_csv(other, index=False)
    assert run("verify", result, "--lines", other, "--spend", plan).exit_code == 3
    keywords(400, seed=1).assign(channel=keywords(400)["channel"]).to_csv(other, index=False)
    found = run("verify", result, "--lines", other, "--spend", plan)
    assert found.exit_code == 3
    assert "fingerprint" in found.stdout
    assert "the column maximum is another than when this was solved" in found.stdout
    assert run("verify", result, "--lines", table, "--spend", table).exit_code == 3


def test_a_table_that_changed_since_is_told_by_its_columns(
    run: Run, table: Path, tmp_path: Path
) -> None:
    """Even where every figure still holds, as with a tag that no rule speaks of."""
    plan, result = tmp_path / "plan.csv", tmp_path / "result.json"
    for path in (plan, result):
        run("optimize", table, *ASKED, "--gap", "1e-4", "-o", path)

    def broken(frame: pd.DataFrame) -> dict[str, list[str]]:
        frame.to_csv(table, index=False)
        found = run("verify", result, "--lines", table, "--spend", plan, "--json")
        checks = json.loads(found.stdout)["checks"]
        return {one["check"]: one["faults"] for one in checks if one["holds"] is False}

    frame = keywords(400)
    assert broken(frame) == {}
    words = "the column {} is another than when this was solved"
    moved = broken(frame.assign(market=frame["market"].iloc[::-1].to_numpy()))
    assert set(moved) == {"input", "table"}
    assert moved["table"] == [words.format("market")]
    assert broken(frame.assign(shop="x"))["table"] == [words.format("shop")]
    assert broken(frame.drop(columns="market"))["table"] == [words.format("market")]
    # Without the hashes the fingerprint of the whole still tells.
    data = json.loads(result.read_text(encoding="utf-8"))
    del data["provenance"]["table"]
    result.write_text(json.dumps(data), encoding="utf-8")
    assert set(broken(frame.drop(columns="market"))) == {"input"}


PEAK = """
import json, resource, sys
from cli import adsplit
code = adsplit.main(sys.argv[1:], standalone_mode=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, file=sys.stderr)
"""


def test_two_hundred_thousand_lines_from_end_to_end(tmp_path: Path) -> None:
    """Proven to a millionth, and in the memory of a few copies of the table."""
    pytest.importorskip("pyarrow")
    source, target = tmp_path / "lines.parquet", tmp_path / "plan.parquet"
    keywords(200_000).to_parquet(source, index=False)
    asked = ["--budget", "6M", "--split", "6:4", "--objective", "revenue", "--json"]
    done = subprocess.run(
        [sys.executable, "-c", PEAK, "optimize", source, *asked, "-o", target],
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=100,
        check=True,
    )
    found = json.loads(done.stdout)
    assert found["status"] == "optimal"
    assert found["gap"] <= 1e-6
    assert found["lines"] == 200_000
    assert found["spent"] == pytest.approx(6e6, rel=1e-12)
    assert float(done.stderr.split()[-1]) < 700  # MB, of which 150 are the libraries
    frame = pd.read_parquet(target, columns=["line", "spend"])
    assert frame["spend"].sum() == pytest.approx(6e6)


def test_a_report_shows_the_groups_of_a_table(run, table, tmp_path):
    page = tmp_path / "plan.html"
    done = run("report", table, "--budget", "50k", "--objective", "revenue", "--quick", "-o", page)
    assert done.exit_code == 0
    text = page.read_text(encoding="utf-8")
    assert 'id="lines-section-en"' in text
    assert "Download CSV" in text
    for wrong, words in (
        (("--what-if", "cut"), "are for a scenario"),
        (("-o", tmp_path / "plan.md"), ".html"),
    ):
        done = run("report", table, "--quick", "-o", page, *wrong)
        assert done.exit_code == 2
        assert words in done.stderr


def test_a_report_of_a_scenario_takes_no_options_of_tables(run, tmp_path):
    done = run("report", "minimal", "--budget", "3M", "-o", tmp_path / "plan.html")
    assert done.exit_code == 2
    assert "--budget is for a table of lines" in done.stderr
