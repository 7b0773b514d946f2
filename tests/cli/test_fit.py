"""`adsplit fit`: a history in, a scenario with draws and a page out."""

import json

import pandas as pd
import pytest

import optimizer as opt
from tests.fitting.worlds import known_world

MAP = """\
date: week
outcome: orders
value: 40
controls: [demand]
lines:
  tv: {spend: tv, role: brand, steepness: one}
  search: {spend: search, role: traffic, steepness: one}
"""


@pytest.fixture
def history(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = known_world(0, lines=2, hidden=0.3).history
    weeks = pd.date_range("2023-01-02", periods=found.n, freq="7D").strftime("%Y-%m-%d")
    columns = {"tv": found.total_spend[0], "search": found.total_spend[1]}
    frame = pd.DataFrame({"week": weeks, "orders": found.total_outcome, **columns})
    frame.assign(demand=found.controls["demand"][0]).to_csv("history.csv", index=False)
    (tmp_path / "map.yaml").write_text(MAP)
    return tmp_path


def test_a_fit_writes_a_scenario_that_can_be_planned(run, history):
    result = run("fit", "history.csv", "--map", "map.yaml", "--plot", "fit.html")
    assert result.exit_code == 0, result.output
    assert "foretold unseen" in result.stdout
    assert "Wrote history-fit.yaml" in result.stderr
    plan = opt.load(history / "history-fit.yaml")
    assert plan.periods.count == 13
    assert plan.lines[0].before is not None
    page = (history / "fit.html").read_text("utf-8")
    assert 'data-chart="curve-1"' in page
    assert "http" not in page.split("<script")[0].replace("http-equiv", "")
    again = run("fit", "history.csv", "--map", "map.yaml")
    assert again.exit_code == 3
    assert "is there already" in again.stderr
    assert run("fit", "history.csv", "--map", "map.yaml", "--force").exit_code == 0


def test_todays_spend_keeps_the_budget_to_the_last_digit(run, history):
    frame = pd.read_csv("history.csv")
    for ahead, scale in ((0, 7e-4 / 3), (13, 1 / 3), (0, 777.7)):
        frame.assign(tv=frame["tv"] * scale, search=frame["search"] * scale).to_csv(
            "scaled.csv", index=False
        )
        (history / "map.yaml").write_text(f"{MAP}ahead: {ahead}\n")
        run("fit", "scaled.csv", "--map", "map.yaml", "--force")
        plan = opt.load(history / "scaled-fit.yaml")
        spent = sum(line.current for line in plan.lines) * max(ahead, 1)
        assert plan.budget == pytest.approx(spent, rel=1e-11)
        told = run("check", "scaled-fit.yaml").stdout
        assert "Today's plan breaks" not in told


def test_the_library_takes_names_of_files_as_texts(history):
    made = opt.fit(opt.load_history("history.csv", "map.yaml"))
    path, draws = opt.write_fit(made, "again.yaml")
    assert (path.name, draws.name) == ("again.yaml", "again.draws.csv")
    assert opt.load("again.yaml").lines


def test_a_currency_that_is_none_is_told_in_words(run, history):
    (history / "map.yaml").write_text(f"{MAP}currency: Euro\n")
    told = run("fit", "history.csv", "--map", "map.yaml").stderr
    assert "'Euro' is no currency" in told
    assert "Give its three letters, such as EUR" in told


def test_json_is_all_of_it_and_the_same_each_time(run_json, history):
    one = run_json("fit", "history.csv", "--map", "map.yaml", "--force")
    two = run_json("fit", "history.csv", "--map", "map.yaml", "--force")
    assert one["schema"] == "adsplit.fit/1"
    assert {"foretold", "remarks", "lines", "draws", "scenario"} <= one.keys()
    one.pop("seconds"), two.pop("seconds")
    assert one == two
    assert json.dumps(one)


def test_chinese_and_csv(run, history):
    result = run("fit", "history.csv", "--map", "map.yaml", "--lang", "zh", "--csv", "--force")
    assert result.stdout.startswith("line,curve,current,return")
    shown = run("fit", "history.csv", "--map", "map.yaml", "--lang", "zh", "--force")
    assert "营销组合模型" in shown.stdout


def test_what_is_wrong_is_told_and_nothing_written(run, history):
    (history / "map.yaml").write_text(MAP.replace("tv,", "telly,"))
    result = run("fit", "history.csv", "--map", "map.yaml")
    assert result.exit_code == 3
    assert "there is no column 'telly'" in result.stderr
    flat = pd.read_csv("history.csv").assign(tv=5)
    flat.to_csv("history.csv", index=False)
    (history / "map.yaml").write_text(MAP)
    result = run("fit", "history.csv", "--map", "map.yaml")
    assert result.exit_code == 3
    assert "its spend never varied" in result.stderr
    assert not list(history.glob("*-fit.*"))
    assert run("fit", "history.csv", "--map", "map.yaml", "--plot", "fit.pdf").exit_code == 2
