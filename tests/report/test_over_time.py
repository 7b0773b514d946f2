"""The sections about time: their charts and tables state the allocation's figures."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import optimizer as opt
from optimizer.analysis.breakdown import breakdown
from optimizer.analysis.overview import overview
from optimizer.plan.document import from_document
from optimizer.report import evidence, over_time, render, sections
from optimizer.report.blocks import Chart, Section, Table
from optimizer.report.charts.response import response_curve
from optimizer.report.view import View
from tests.report.reports import TIMED, answer, timed_analyses, timed_answer

TIMED_SECTIONS = ("phasing", "goodwill", "funnel", "goal", "horizon")


@pytest.fixture(params=["en", "zh"])
def view(request: pytest.FixtureRequest) -> View:
    return View(timed_answer(), request.param)


def figure(section: Section, name: str) -> Any:
    """A chart's figure as plain data."""
    return next(one for one in section.charts if one.id == name).figure.to_plotly_json()


def chart(section: Section, name: str) -> Chart:
    return next(one for one in section.charts if one.id == name)


def number(text: str) -> float:
    return float(re.sub(r"[^\d.\-]", "", text.replace("−", "-")) or 0)


def column(table: Table, at: int) -> list[float]:
    return [number(row[at]) for row in table.rows]


# ------------------------------------------------------------------------------------ phasing


def test_the_bars_add_up_to_the_money_of_each_period(view: View):
    made = figure(over_time.phasing(view), "phasing")
    bars = [trace["y"] for trace in made["data"] if trace["type"] == "bar"]
    frame = timed_answer().by_period
    assert np.sum(bars, axis=0) == pytest.approx(frame["spend"][:6].to_numpy(), rel=1e-5)
    lines = {t["line"].get("dash"): t["y"] for t in made["data"] if t["type"] == "scatter"}
    assert lines["solid"] == pytest.approx(list(frame["value"]), rel=1e-5, abs=1e-3)
    today = timed_answer().today
    assert today is not None
    assert lines["5px,4px"] == pytest.approx(list(today.by_period["value"]), rel=1e-5, abs=1e-3)


def test_the_table_holds_every_cell_and_its_columns_add_up(view: View):
    table = over_time.phasing(view).tables[0]
    wide = timed_answer().spend.reshape(-1, 6)
    for row, line in zip(table.rows, view.frame.itertuples(), strict=True):
        assert row[0] == line.label
        assert [number(cell) for cell in row[1:7]] == pytest.approx(wide[line.position], abs=1)
    for at in range(1, 8):
        assert sum(column(table, at)) == number(table.total[at])


def test_cells_that_something_holds_are_marked_and_only_those(view: View):
    table = over_time.phasing(view).tables[0]
    labels = [text.replace("\N{WORD JOINER}", "") for text in (c.title for c in table.columns)]
    cells = {
        (row[0], labels[at]): row[at].split()[0]
        for row in table.rows
        for at in range(1, 7)
        if " " in row[at]
    }
    find = view.line("search & <i>find</i>.brand"), view.line("search & <i>find</i>.traffic")
    video = view.line("video.brand")
    assert cells == {
        (find[0], "2028-01"): "×",
        (find[1], "2027-10"): "=",
        (video, "2028-03"): "⟧",
    }
    assert all(mark in table.caption for mark in "×=⟧")
    assert "⟦" not in table.caption


def test_many_lines_are_stacked_by_role():
    lines = {
        f"channel {i}": {
            role: {"curve": {"kind": "log", "scale": 50 + i, "unit": 5_000}, "current": 1_000}
            for role in ("brand", "traffic")
        }
        for i in range(8)
    }
    asked = {"name": "many", "currency": "USD", "budget": 90_000, "value": 30,
             "objective": {"kind": "revenue"}, "channels": lines,
             "periods": {"start": "2027-W01", "count": 4, "every": "week"}}  # fmt: skip
    found = opt.optimize(from_document(asked))
    made = figure(over_time.phasing(View(found, "en")), "phasing")
    bars = [trace for trace in made["data"] if trace["type"] == "bar"]
    assert [bar["name"] for bar in bars] == ["Brand", "Traffic"]
    assert np.sum([bar["y"] for bar in bars]) == pytest.approx(found.spent, rel=1e-5)
    assert made["layout"]["xaxis"]["ticktext"] == ["W01<br>2027", "W02", "W03", "W04"]


# ----------------------------------------------------------------------------------- goodwill


def test_the_stock_is_drawn_as_it_is_and_fades_after_the_plan(view: View):
    made = figure(over_time.goodwill(view), "goodwill")
    solid = [t for t in made["data"] if t["line"]["dash"] == "solid"]
    frame = timed_answer().by_period
    assert solid[0]["y"] == pytest.approx(list(frame["goodwill"]), rel=1e-5)
    assert solid[1]["y"] == pytest.approx(list(frame["goodwill_outcome"]), rel=1e-5)
    assert (np.diff(solid[0]["y"][5:]) < 0).all()
    end = made["layout"]["shapes"][0]
    assert end["x0"] == end["x1"] == 5.5


def test_what_goodwill_returns_is_told_in_the_plans_own_words():
    for lang, words in (("en", "leads"), ("zh", "线索")):
        assert words in over_time.goodwill(View(timed_answer(), lang)).lead


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_goodwill_lifts_is_told_and_named(lang: str):
    lifts = {"video.traffic": {"by": "20%", "reach": 10}}
    goodwill = {**TIMED["goodwill"], "lifts": lifts}
    asked = from_document({**TIMED, "goodwill": goodwill})
    lifted = View(opt.evaluate(asked, timed_answer().spend), lang)
    assert "20%" in over_time.goodwill(lifted).lead
    assert "20%" not in over_time.goodwill(View(timed_answer(), lang)).lead
    name = evidence._path(lifted, "goodwill.lifts.video.traffic.by", "")
    assert lifted.line("video.traffic") in name
    assert "lifts" not in name


# ------------------------------------------------------------------------------------- funnel


def test_each_stage_shows_what_is_followed_up_and_lost(view: View):
    made = over_time.funnel(view, timed_analyses()[0])
    stages = timed_answer().by_stage
    assert [one.id for one in made.charts] == ["stage-1", "stage-2", "stage-3"]
    for one, name in zip(made.charts, ("visit", "lead", "deal"), strict=True):
        own = stages[stages["stage"] == name]
        data = figure(made, one.id)["data"]
        assert data[0]["y"] == pytest.approx(list(own["followed_up"]), rel=1e-5, abs=1e-9)
        if name != "lead":
            assert len(data) == 1
            continue
        assert data[1]["y"] == pytest.approx(list(own["lost"]), rel=1e-5, abs=1e-9)
        assert data[2]["y"] == [180.0] * 10
    arrived = stages.groupby("stage", sort=False)["arrived"].sum()
    assert column(made.tables[0], 1) == pytest.approx(list(arrived), abs=0.5)
    assert len(made.tables[1].rows) == 10


def test_the_worth_of_capacity_stands_in_the_lead():
    price = timed_analyses()[0].price("capacity lead")
    view = View(timed_answer(), "en")
    assert view.voice.cash(price) in over_time.funnel(view, timed_analyses()[0]).lead
    assert view.voice.cash(price) not in over_time.funnel(view).lead


# --------------------------------------------------------------------------------------- goal


def test_a_target_is_taken_apart_without_a_rest(view: View):
    made = over_time.goal(view)
    frame = breakdown(timed_answer())
    deals = frame.groupby("period", sort=False)["deal"].sum().to_numpy()
    data = figure(made, "breakdown-1")["data"]
    bars = [trace["y"] for trace in data if trace["type"] == "bar"]
    assert np.sum(bars, axis=0) == pytest.approx(deals, rel=1e-5, abs=1e-9)
    assert data[-1]["y"] == pytest.approx(list(np.cumsum(deals)), rel=1e-5, abs=1e-9)
    table = made.tables[0]
    assert sum(column(table, 2)) == pytest.approx(deals.sum(), abs=0.5)
    assert number(table.total[1]) == pytest.approx(timed_answer().spent, abs=2)
    reached = int(np.argmax(np.cumsum(deals) >= 150))
    assert view.period(reached) in chart(made, "breakdown-1").title


# ------------------------------------------------------------------------------------ horizon


def test_the_horizon_chart_states_the_sweep(view: View):
    found = timed_analyses()[1]
    made = over_time.horizon(view, found)
    data = figure(made, "horizon")["data"]
    assert data[0]["y"] == pytest.approx(list(found.frame["brand_share"]), rel=1e-5)
    assert data[1]["y"] == pytest.approx(list(found.frame["cost"]), rel=1e-5)
    assert data[2]["x"] == pytest.approx([found.crosses], rel=1e-5)
    assert data[2]["y"] == [0.6]
    assert chart(made, "horizon").title in found.sentences(view.lang)[0]


def test_the_overview_of_a_plan_over_time_finds_the_horizon():
    asked = from_document(
        {key: value for key, value in TIMED.items() if key not in {"constraints", "funnel"}}
        | {"value": 10_000, "business": "none", "split": "5:5", "periods": {"start": "2027-Q1",
           "every": "quarter", "count": 1, "horizon": 2},
           "channels": {"video": {role: {"curve": {"kind": "log", "scale": 100, "unit": 9_000}}
                                  for role in ("brand", "traffic")}},
           "goodwill": {"half_life": 4, "curve": {"kind": "log", "scale": 60, "unit": 60_000}}}
    )  # fmt: skip
    kinds = {type(one).__name__ for one in overview(opt.optimize(asked))}
    assert {"Prices", "Horizons", "Tornado"} <= kinds
    free = opt.optimize(from_document(dict(_document(asked), split=None)))
    assert "Horizons" not in {type(one).__name__ for one in overview(free)}


def _document(plan: opt.Plan) -> dict[str, Any]:
    from optimizer.plan.document import to_document

    return to_document(plan)


# ----------------------------------------------------------------------------------- response


def test_curves_over_time_run_through_the_plan_with_its_return():
    """The straight line that touches a curve has the marginal return that the table states."""
    view = View(timed_answer(), "en")
    for row in view.frame.itertuples():
        data = response_curve(view, row).to_plotly_json()["data"]
        x = np.array([*data[0]["x"], *data[1]["x"]])
        y = np.array([*data[0]["y"], *data[1]["y"]])
        at = int(np.argmin(abs(x - row.spend)))
        assert x[at] == pytest.approx(row.spend, rel=1e-5)
        assert data[-1]["y"][0] == pytest.approx(y[at], rel=1e-4)
        left = (y[at] - y[at - 1]) / (x[at] - x[at - 1])
        right = (y[at + 1] - y[at]) / (x[at + 1] - x[at])
        assert min(left, right) * 0.98 <= row.marginal_return <= max(left, right) * 1.02


def test_the_response_section_says_over_how_many_periods():
    assert "all 6 months" in sections.response(View(timed_answer(), "en")).lead
    assert "month" not in sections.response(View(answer(), "en")).lead


# --------------------------------------------------------------------------------------- page


def test_sections_about_time_are_there_with_periods_and_absent_without():
    page = render(timed_answer(), *timed_analyses())
    bare = render(answer())
    for name in TIMED_SECTIONS:
        assert f'id="{name}-section-en"' in page
        assert f'id="{name}-section-zh"' in page
        assert f'id="{name}-section-en"' not in bare


def test_names_over_time_cannot_become_markup():
    page = render(timed_answer(), *timed_analyses())
    assert "<i>find" not in page
    assert "<b>accounting" not in page
    assert "search &amp; &lt;i&gt;find&lt;/i&gt;" in page


def test_the_page_has_no_missing_numbers():
    page = render(timed_answer(), *timed_analyses())
    visible = re.sub(
        r"<script.*?</script>|<style.*?</style>|<code>.*?</code>", "", page, flags=re.S
    )
    assert not re.search(r"\bnan\b|\binf\b|\bNone\b", visible)


@pytest.mark.parametrize("without", ["funnel", "goodwill", "constraints"])
def test_a_plan_over_time_needs_neither_funnel_nor_goodwill_nor_target(without: str):
    document = {key: value for key, value in TIMED.items() if key != without}
    if without == "funnel":
        channels = {
            name: {
                role: {key: value for key, value in line.items() if key != "outcome"}
                for role, line in lines.items()
            }
            for name, lines in TIMED["channels"].items()
        }
        stock = {key: value for key, value in TIMED["goodwill"].items() if key != "outcome"}
        document |= {"value": 500, "channels": channels, "constraints": {}, "goodwill": stock}
    page = render(opt.optimize(from_document(document)))
    gone = {"funnel": {"funnel", "goal"}, "goodwill": {"goodwill"}, "constraints": {"goal"}}[
        without
    ]
    for name in ("phasing", "goodwill", "funnel", "goal"):
        assert (f'id="{name}-section-en"' in page) == (name not in gone)


def test_outcomes_without_a_value_are_counted_over_time():
    document = TIMED | {
        "objective": {"kind": "outcomes", "of": "lead"},
        "funnel": {key: value for key, value in TIMED["funnel"].items() if key != "value"},
    }
    found = opt.optimize(from_document(document))
    view = View(found, "en")
    made = figure(over_time.phasing(view), "phasing")
    solid = next(t for t in made["data"] if t["type"] == "scatter" and t["line"]["dash"] == "solid")
    assert solid["y"] == pytest.approx(list(found.by_period["outcome"]), rel=1e-5)
    assert 'id="goodwill-section-en"' in render(found)


@pytest.mark.parametrize(
    ("value", "title"), [(300, "The same goes out in every period"), (0.001, "No money goes out")]
)
def test_plans_that_spend_evenly_or_nothing_say_so(value: float, title: str):
    line = {"curve": {"kind": "exponential", "ceiling": 900, "unit": 1_000}, "current": 1_000}
    asked = {"name": "even", "currency": "EUR", "budget": 6_000, "value": value,
             "objective": {"kind": "profit"}, "channels": {"radio": line},
             "periods": {"start": "2027-Q1", "count": 4, "every": "quarter"}}  # fmt: skip
    found = opt.optimize(from_document(asked), gap=1e-9)
    made = over_time.phasing(View(found, "en"))
    assert made.charts[0].title.startswith(title)
    assert "dotted line" not in made.charts[0].aid
    assert "dotted line" in over_time.phasing(View(timed_answer(), "en")).charts[0].aid
    assert "nan" not in render(found).split("<script")[0]
