"""Histories and their maps: every form that is read, and every fault with its place."""

import datetime
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import optimizer as opt
from optimizer.errors import PlanError, ScenarioError
from optimizer.fitting.calibration import fit
from optimizer.sources.fitted import scenario_text
from optimizer.sources.history import load_history
from optimizer.sources.history_map import load_map, map_of
from tests.fitting.worlds import known_world

MAP = {"date": "week", "outcome": "orders", "lines": {"tv.brand": "tv", "search": "search"}}


def table(n=60, step=7, start="2024-01-01"):
    rng = np.random.default_rng(0)
    day = datetime.date.fromisoformat(start)
    return pd.DataFrame(
        {
            "week": [str(day + datetime.timedelta(days=step * k)) for k in range(n)],
            "orders": rng.uniform(90, 110, n).round(3),
            "tv": rng.uniform(0, 10, n).round(3),
            "search": rng.uniform(0, 10, n).round(3),
        }
    )


def saved(tmp_path, frame, name="history.csv"):
    path = tmp_path / name
    {".csv": frame.to_csv, ".xlsx": frame.to_excel, ".parquet": frame.to_parquet}[path.suffix](
        path, index=False
    )
    return path


def faults_of(tmp_path, frame, stated=None):
    with pytest.raises(PlanError) as caught:
        load_history(saved(tmp_path, frame), MAP | (stated or {}))
    return str(caught.value)


@pytest.mark.parametrize("name", ["history.csv", "history.xlsx", "history.parquet"])
def test_the_same_history_from_every_kind_of_file(tmp_path, name):
    frame = table()
    found = load_history(saved(tmp_path, frame, name), MAP)
    assert (found.every, found.n, found.labels[0]) == ("week", 60, "2024-W01")
    assert found.total_spend == pytest.approx(frame[["tv", "search"]].to_numpy().T)
    assert found.next_period() == "2025-W09"


def test_the_long_form_is_the_wide_one(tmp_path):
    frame = table()
    long = frame.melt(["week", "orders"], ["tv", "search"], "channel", "money")
    stated = MAP | {"long": {"line": "channel", "spend": "money"}}
    found = load_history(saved(tmp_path, long), stated)
    wide = load_history(saved(tmp_path, frame, "wide.csv"), MAP)
    own = {"tv": {"role": "brand"}, "search": None}
    named = load_history(saved(tmp_path, long), stated | {"lines": own})
    assert np.array_equal(named.spend, wide.spend)
    assert np.array_equal(found.spend, wide.spend)
    assert np.array_equal(found.outcome, wide.outcome)
    long.loc[3, "orders"] += 1
    with pytest.raises(PlanError, match="in another row of its period"):
        load_history(saved(tmp_path, long), stated)


def test_numbers_beyond_reckoning_are_told(tmp_path):
    frame = table()
    frame.loc[3, "tv"] = 1e308
    assert "tv 1e+308 is more than can be reckoned with" in faults_of(tmp_path, frame)


def written(frame, form, separator=";"):
    """A table as CSV, its money in texts of a form."""
    texts = frame.copy()
    for name in ("orders", "tv", "search"):
        texts[name] = [form(value) for value in frame[name]]
    return texts.to_csv(index=False, sep=separator)


def german(value, digits=2):
    return f"{value:,.{digits}f}".translate(str.maketrans(",.", ".,"))


@pytest.mark.parametrize(
    "form",
    [
        german,
        lambda value: f"{value:.2f}".replace(".", ","),
        lambda value: f"{value:,.2f}",
        lambda value: f"{value:,.2f}".replace(",", "\u202f").replace(".", ","),
        lambda value: f"{value:,.2f}".replace(",", "'"),
    ],
    ids=["1.234,56", "1234,56", "1,234.56", "1 234,56", "1'234.56"],
)
def test_numbers_are_read_as_their_country_writes_them(tmp_path, form):
    frame = table().round(2)
    path = tmp_path / "history.csv"
    path.write_text(written(frame, form), "utf-8")
    found = load_history(path, MAP)
    assert np.array_equal(found.total_spend, frame[["tv", "search"]].to_numpy().T)
    assert np.array_equal(found.total_outcome, frame["orders"].to_numpy())


def test_a_number_that_may_be_two_is_refused_until_the_map_says(tmp_path):
    frame = table()
    for name in ("orders", "tv", "search"):
        frame[name] = np.linspace(1_000, 400_000, 60).round() + frame[name].round()
    path = tmp_path / "history.csv"
    path.write_text(written(frame, lambda value: german(value, 0)), "utf-8")
    with pytest.raises(PlanError, match="may be two numbers") as caught:
        load_history(path, MAP)
    (fault,) = caught.value.faults
    assert "decimal: ','" in fault.advice
    found = load_history(path, MAP | {"decimal": ","})
    assert np.array_equal(found.total_spend, frame[["tv", "search"]].to_numpy().T)


def test_numbers_written_in_two_ways_are_told(tmp_path):
    frame = table().astype(object)
    frame.loc[3, "tv"], frame.loc[4, "tv"] = "1.234,5", "1,234.5"
    told = faults_of(tmp_path, frame)
    assert "numbers are written in two ways" in told
    assert "'1.234,5' in row 5" in told


def test_many_dates_that_are_none_are_told_by_a_few(tmp_path):
    frame = table()
    frame["week"] = "Nov 2024"
    told = faults_of(tmp_path, frame)
    assert told.count("is no date") == 5
    assert "55 more rows like these" in told


def test_days_become_weeks_and_months_stay(tmp_path):
    days = table(100, 1, "2024-01-03")
    found = load_history(saved(tmp_path, days), MAP)
    assert (found.every, found.n, found.labels[0]) == ("week", 13, "2024-W02")
    assert found.total_outcome[0] == pytest.approx(days["orders"][5:12].sum())
    assert any("summed to 13 whole weeks" in remark.problem for remark in found.remarks)
    months = table(30)
    months["week"] = [f"{2022 + k // 12}-{k % 12 + 1:02d}" for k in range(30)]
    found = load_history(saved(tmp_path, months), MAP)
    assert (found.every, found.labels[-1], found.next_period()) == ("month", "2024-06", "2024-07")


def test_places_are_parted_and_weighed(tmp_path):
    a, b = table(), table()
    both = pd.concat([a.assign(geo="a", people=1), b.assign(geo="b", people=3)])
    found = load_history(saved(tmp_path, both), MAP | {"geo": "geo", "population": "people"})
    assert found.outcome.shape == (2, 60)
    assert found.shares.tolist() == [0.25, 0.75]
    told = faults_of(tmp_path, both.iloc[:-2], {"geo": "geo"})
    assert "b lacks 2 weeks" in told
    assert "is there 2 times" in faults_of(tmp_path, both)


def test_words_of_a_control_become_columns(tmp_path):
    frame = table().assign(event=["sale" if k % 9 == 0 else "none" for k in range(60)])
    found = load_history(saved(tmp_path, frame), MAP | {"controls": ["event"]})
    assert list(found.controls) == ["event=sale"]
    assert found.controls["event=sale"].sum() == 7


def test_all_faults_of_a_file_are_told_with_their_rows(tmp_path):
    frame = table().astype(object)
    frame.loc[3, "tv"] = -5
    frame.loc[4, "search"] = "a lot"
    frame.loc[5, "orders"] = None
    frame.loc[6, "week"] = "soon"
    frame = frame.drop(index=20)
    told = faults_of(tmp_path, pd.concat([frame, frame.iloc[30:31]]))
    for words in (
        "history.csv:5  lines.tv.brand: tv -5 is negative",
        "history.csv:6  lines.search: search 'a lot' is no number",
        "history.csv:7  outcome: orders is empty",
        "history.csv:8  date: 'soon' is no date",
        "is there 2 times",
        "2 weeks are missing: 2024-02-12",
    ):
        assert words in told


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({10: "03/11/2024"}, "dates are in several forms"),
        ({0: "2023-12-29"}, "steps of time are mixed"),
    ],
)
def test_dates_that_do_not_fit_together(tmp_path, change, words):
    frame = table()
    for row, text in change.items():
        frame.loc[row, "week"] = text
    assert words in faults_of(tmp_path, frame)


def test_slashed_dates_need_a_day_above_twelve(tmp_path):
    frame = table()
    days = [datetime.date.fromisoformat(text) for text in frame["week"]]
    frame["week"] = [f"{day.day}/{day.month}/{day.year}" for day in days]
    assert load_history(saved(tmp_path, frame), MAP).labels[0] == "2024-W01"
    frame = frame[:2].assign(week=["01/02/2024", "08/02/2024"])
    assert "may be two days each" in faults_of(tmp_path, frame)


def test_a_column_that_is_not_there_suggests_the_nearest(tmp_path):
    told = faults_of(tmp_path, table().rename(columns={"tv": "TV_spend"}), {"outcome": "order"})
    assert "Did you mean 'orders'" in told
    assert "lines.tv.brand: there is no column 'tv'" in told


@pytest.mark.parametrize(
    "text",
    ["", "week\n", "\x00\x01", "week,orders,tv,search\n=cmd|' /C calc'!A0,1,2,3\n", "a,b\n" * 3],
)
def test_hostile_files_end_in_faults(tmp_path, text):
    path = tmp_path / "history.csv"
    path.write_text(text)
    with pytest.raises(PlanError):
        load_history(path, MAP)


def test_a_workbook_that_is_none_and_a_file_that_is_not_there(tmp_path):
    path = tmp_path / "history.xlsx"
    path.write_bytes(b"PK\x03\x04 no workbook")
    for source in (path, tmp_path / "none.csv", tmp_path / "history.pickle"):
        with pytest.raises(PlanError):
            load_history(source, MAP)


MAP_TEXT = """\
date: week
outcome: orders
lines:
  tv.brand: {spend: tv, curve: hil}
  search: {spend: [], rôle: traffic}
controls: [tv]
sesson: 2
tests:
  - {line: radio, to: 5, lift: 2, error: 0}
moves: [2, 3]
"""


def test_all_faults_of_a_map_are_told_with_their_places(tmp_path):
    path = tmp_path / "map.yaml"
    path.write_text(MAP_TEXT)
    with pytest.raises(ScenarioError) as caught:
        load_map(path)
    told = str(caught.value)
    for words in (
        "map.yaml:4:32  lines.tv.brand.curve",
        "lines.search.spend: name at least one column",
        "lines.search.rôle: is not known here",
        "map.yaml:7:1  sesson: is not known here. Did you mean 'season'",
        "map.yaml:9:42  tests.0.error: 0 is out of range",
        "moves",
    ):
        assert words in told, told


@pytest.mark.parametrize("text", ["", "- 1", "!!python/object:os.system x", "date: {a: [", "*a"])
def test_hostile_maps_end_in_faults(tmp_path, text):
    path = tmp_path / "map.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError):
        load_map(path)


def test_what_a_map_may_not_say():
    with pytest.raises(PlanError, match="tv is the spend of tv"):
        map_of(MAP | {"lines": {"tv.brand": "tv", "radio": "tv"}})
    with pytest.raises(PlanError, match="orders is the outcome"):
        map_of(MAP | {"controls": ["orders"]})
    with pytest.raises(PlanError, match="there is no line 'radio'"):
        map_of(MAP | {"tests": [{"line": "radio", "to": 5, "lift": 2, "error": 1}]})


def test_a_line_whose_spend_may_follow_demand_gets_no_more_than_today(tmp_path):
    world = known_world(5, hidden=0.9, lines=2)
    demand = world.history.controls["demand"]
    blind = replace(
        world.history,
        outcome=world.history.outcome + 120 * demand,
        controls={},
        map=replace(world.history.map, controls=(), ahead=0),
    )
    lines = opt.load(opt.write_fit(fit(blind), tmp_path / "blind.yaml")[0]).lines
    assert lines[0].maximum == pytest.approx(lines[0].current)
    assert lines[1].maximum > lines[1].current


@pytest.mark.parametrize(("ahead", "timed"), [(0, False), (6, True)])
def test_the_scenario_of_a_fit_is_a_plan_with_draws(tmp_path, ahead, timed):
    world = known_world(0, lines=3, steepness="one")
    stated = world.history.map
    labels = tuple(f"2024-W{k % 52 + 1:02d}" for k in range(world.history.n))
    history = replace(world.history, labels=labels, map=replace(stated, ahead=ahead))
    made = fit(history)
    scenario, draws = opt.write_fit(made, tmp_path / "mine.yaml")
    assert draws.name == "mine.draws.csv"
    plan = opt.load(scenario)
    assert [line.name for line in plan.lines] == [line.name for line in made.lines]
    assert (plan.periods is not None) == timed
    assert len(plan.uncertainty.numbers) == 6 + 3 * timed
    assert plan.lines[0].curve.half == pytest.approx(made.lines[0].curve.half, rel=1e-5)
    assert plan.origins["channels.tv.brand"].grade == made.lines[0].grade
    assert opt.optimize(plan).gap <= 1e-3
    with pytest.raises(PlanError, match="is there already"):
        opt.write_fit(made, scenario)
    assert "A calibration, not a mix model" in scenario_text(made)


def test_a_history_is_shown_without_its_thousands_of_numbers(tmp_path):
    shown = repr(load_history(saved(tmp_path, table()), MAP))
    assert "every='week'" in shown
    assert len(shown) < 2_000
