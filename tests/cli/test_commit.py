"""``adsplit commit``: the page, data, files, and what stands in its way."""

import json

import pytest

TEAM = """\
name: Team
budget: 600
value: 1
currency: EUR
objective: revenue
channels:
  tv: {curve: {kind: log, scale: 100, unit: 100}, current: 300}
  search: {curve: {kind: log, scale: 100, unit: 100}, current: 200}
  social: {curve: {kind: log, scale: 60, unit: 80}, current: 100}
uncertainty:
  states:
    slump: {chance: 20%, set: {channels.search.curve.scale: "*0.3"}}
"""


@pytest.fixture
def team(tmp_path):
    file = tmp_path / "team.yaml"
    file.write_text(TEAM)
    return file


def test_the_page_is_in_words(run, team):
    done = run("commit", team, "--lines", "tv")
    assert done.exit_code == 0
    out = done.stdout
    assert "now, whatever comes;" in out
    assert "If slump  If none of these" in out
    assert "Waiting with the rest brings €" in out
    assert "Buying TV up front costs €" in out
    assert "2 cases are told apart: the named states, and none of them" in out
    assert "optimal, gap" in out


def test_money_on_the_page_adds_up(run, team):
    data = json.loads(run("commit", team, "--lines", "tv", "--json").stdout)
    for branch in data["branches"]:
        own = [row for row in data["lines"] if row["branch"] == branch["branch"]]
        assert sum(row["spend"] for row in own) == pytest.approx(branch["spent"])
        assert branch["spent"] <= 600 + 1e-6
        assert branch["value"] <= branch["known"] + 1e-6


def test_json_holds_all_of_it(run, team):
    data = json.loads(run("commit", team, "--lines", "tv", "--json").stdout)
    assert data["schema"] == "adsplit.commitment/1"
    assert data["status"] == "optimal"
    assert [row["branch"] for row in data["branches"]] == ["slump", "otherwise"]
    assert data["branches"][0]["chance"] == pytest.approx(0.2)
    assert set(data["worths"]) == {"waiting", "stochastic", "knowing"}
    assert all(row["at_most"] >= row["at_least"] for row in data["worths"].values())
    assert data["openings"][0]["line"] == "tv"
    assert data["plan"]["uncertainty"]["states"]["slump"]["chance"] == 0.2
    assert len(data["says"]) >= 5


def test_the_scenario_may_state_it_and_the_command_line_may_say_otherwise(run, team):
    team.write_text(f"{TEAM}commitment: {{lines: social}}\n")
    own = json.loads(run("commit", team, "--json").stdout)
    assert {row["line"] for row in own["openings"]} == {"social"}
    other = json.loads(run("commit", team, "--json", "--lines", "tv", "--lines", "social").stdout)
    assert {row["line"] for row in other["openings"]} == {"tv", "social"}
    set_ = json.loads(run("commit", team, "--json", "--set", "commitment.lines=search").stdout)
    assert {row["line"] for row in set_["openings"]} == {"search"}


def test_draws_are_told_apart(run, team):
    text = TEAM.split("uncertainty:", maxsplit=1)[0]
    team.write_text(text)
    done = run("commit", team, "--lines", "tv", "--spread", "30%", "--branches", "3", "--draws", 64)
    assert done.exit_code == 0
    assert "If case A" in done.stdout
    assert "3 cases are told apart: draws of what is uncertain" in done.stdout
    assert "In all 64 draws" in done.stdout
    many = run("commit", team, "--lines", "tv", "--spread", "30%", "--branches", "9", "--draws", 64)
    assert "Least" in many.stdout


def test_the_page_in_chinese(run, team):
    done = run("commit", team, "--lines", "tv", "--lang", "zh")
    assert "无论如何，现在先买" in done.stdout
    assert "若slump" in done.stdout
    assert "所有情形的期望：最优，差距" in done.stdout


def test_tables_are_written(run, team, tmp_path):
    done = run("commit", team, "--lines", "tv", "--table", "cells", "--csv")
    assert done.stdout.splitlines()[0] == "line,period,branch,committed,spend"
    run("commit", team, "--lines", "tv", "-o", tmp_path / "all.xlsx")
    assert (tmp_path / "all.xlsx").stat().st_size > 4000


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ((), "nothing is bought up front"),
        (("--branches", "3"), "nothing is bought up front"),
        (("--lines", "radio"), "there is no line, channel or role 'radio'"),
        (("--until", "2027-01"), "is no period of the plan"),
        (("--lines", "tv", "--lines", "search", "--lines", "social"), "leaves nothing to adjust"),
        (("--lines", "tv", "--spread", "20%"), "the scenario states what is uncertain"),
    ],
)
def test_what_is_missing_is_told(run, team, options, problem):
    done = run("commit", team, *options)
    assert done.exit_code == 3
    assert problem in done.stderr
    assert "Traceback" not in done.stderr


def test_cases_at_odds_have_the_exit_code_of_rules_that_cannot_be_kept(run, team):
    team.write_text(
        TEAM
        + "constraints:\n"
        + "  seen: {kind: target, where: tv, at_least: 230}\n"
        + "  found: {kind: target, where: search, at_least: 40}\n"
    )
    done = run("commit", team, "--lines", "tv")
    assert done.exit_code == 4
    assert "cannot all be kept" in done.stderr or "each have a plan" in done.stderr


def test_one_case_alone_is_no_tree(run, team):
    team.write_text(TEAM.replace("chance: 20%", "chance: 100%"))
    done = run("commit", team, "--lines", "tv")
    assert done.exit_code == 3
    assert "only one case may show" in done.stderr


def test_no_more_groups_than_there_are_worlds_unlike(run, team):
    done = run("commit", team, "--lines", "tv", "--branches", "5")
    assert done.exit_code == 0
    assert "2 cases are told apart" in done.stdout


def test_an_attitude_to_risk_is_said_to_be_left_aside(run, team):
    done = run("commit", team, "--lines", "tv", "--risk", "cvar")
    assert "the attitude to risk is left aside" in done.stdout


def test_the_least_spend_is_saved_and_not_brought(run, team):
    goal = "objective: lowest_spend\n"
    rule = "constraints: {goal: {kind: target, at_least: 150}}\n"
    team.write_text(TEAM.replace("objective: revenue\n", goal) + rule)
    done = run("commit", team, "--lines", "tv")
    assert done.exit_code == 0
    assert "On average over all cases that takes €" in done.stdout
    assert "brings" not in done.stdout.split("What early booking")[0].split("What deciding")[1]
