"""``adsplit sure``: the page, data, files, and what stands in its way."""

import json

import pytest

TEAM = """\
name: Team
budget: 600
value: 1
currency: EUR
objective: revenue
channels:
  search: {curve: {kind: log, scale: 100, unit: 100}, current: 500}
  social: {curve: {kind: log, scale: 100, unit: 100}, current: 100}
uncertainty:
  draws: 256
  numbers:
    channels.*.curve.scale: {between: ["*0.7", "*1.4"]}
  states:
    slump: {chance: 20%, set: {value: "*0.5"}}
what_ifs:
  rival: {channels.search.curve.scale: 30}
"""


@pytest.fixture
def team(tmp_path):
    file = tmp_path / "team.yaml"
    file.write_text(TEAM)
    return file


def test_the_page_is_in_words(run, team):
    done = run("sure", team)
    assert done.exit_code == 0
    assert "In 9 of 10 worlds revenue is between" in done.stdout
    assert "No clear gain over today's spend: the plan is better in" in done.stdout
    assert "If rival turns out to be true, the plan brings" in done.stdout
    assert "A test of Search is worth up to" in done.stdout
    assert "256 worlds were drawn (seed 1)" in done.stdout


def test_the_page_in_chinese(run, team):
    done = run("sure", team, "--lang", "zh")
    assert "10 种可能情况中有 9 种" in done.stdout
    assert "接下来该测试什么" in done.stdout


def test_one_number_at_its_worst_is_told_as_one(run, team):
    told = run("optimize", team, "--risk", "worst-case:1").stdout
    assert "with the worst number at its limit" in told
    assert "with the worst 2 numbers at their limits" in (
        run("optimize", team, "--risk", "worst-case:2").stdout
    )


def test_json_holds_all_of_it(run, team):
    data = json.loads(run("sure", team, "--json", "--draws", "64", "--seed", "5").stdout)
    assert data["schema"] == "adsplit.sure/1"
    assert (data["draws"], data["seed"], data["redraws"]) == (64, 5, 64)
    assert data["bands"][0]["p5"] < data["bands"][0]["p95"]
    assert 0 <= data["gain"]["chance"] <= 1
    assert data["information"]["total"] >= 0
    assert {row["name"] for row in data["information"]["tests"]} == {"search", "social", "states"}
    assert [row["view"] for row in data["views"]] == ["slump", "rival"]


def test_tables_are_written(run, team, tmp_path):
    done = run("sure", team, "--no-tests", "--table", "draws", "--csv")
    assert done.stdout.splitlines()[0] == "draw,weight,value,bound,kept,search,social"
    assert len(done.stdout.splitlines()) == 257
    run("sure", team, "--table", "tests", "-o", tmp_path / "tests.csv")
    assert (tmp_path / "tests.csv").read_text("utf-8-sig").startswith("name,kind,paths,worth")


def test_finished_draws_are_kept(run, team, tmp_path):
    store = tmp_path / "draws.txt"
    first = run("sure", team, "--resume", store, "--json").stdout
    size = store.stat().st_size
    assert run("sure", team, "--resume", store, "--json").stdout == first
    assert store.stat().st_size == size
    other = run("sure", team, "--resume", store, "--seed", "3")
    assert other.exit_code == 3
    assert "holds draws of another plan" in other.stderr


def test_a_scenario_that_is_sure_of_itself_is_told_what_to_do(run, team):
    team.write_text(TEAM.split("uncertainty:", maxsplit=1)[0])
    done = run("sure", team)
    assert done.exit_code == 3
    assert "nothing is stated as uncertain" in done.stderr
    assert "--spread 20%" in done.stderr
    done = run("sure", team, "--spread", "20%", "--draws", "64")
    assert done.exit_code == 0
    assert "64 worlds were drawn" in done.stdout


def test_a_spread_does_not_replace_what_is_stated(run, team):
    done = run("sure", team, "--spread", "20%")
    assert done.exit_code == 3
    assert "Drop --spread" in done.stderr


def test_a_hedge_is_judged_in_worlds_that_it_has_not_seen(run, team):
    done = run("sure", team, "--risk", "cvar:90%", "--no-tests")
    assert done.exit_code == 0
    assert "In 4,096 worlds drawn anew the hedged plan" in done.stdout
    data = json.loads(run("sure", team, "--risk", "cvar:90%", "--no-tests", "--json").stdout)
    assert [(row["plan"], row["draws"]) for row in data["fresh"]] == [
        ("hedged", "own"),
        ("hedged", "anew"),
        ("stated", "own"),
        ("stated", "anew"),
    ]
    assert json.loads(run("sure", team, "--no-tests", "--json").stdout)["fresh"] is None
