"""The answer in other forms: charts by themselves, plans side by side, Markdown, notebooks."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from markdown_it import MarkdownIt

import optimizer as opt
from optimizer.errors import PlanError, UnknownName
from optimizer.plan.document import from_document, replace_at
from optimizer.report.markdown import escaped, summary
from optimizer.report.notebook import LARGE, MOST, html_of, told
from optimizer.report.pictures import KINDS, chart_kinds, kind_of, wanted
from optimizer.report.side_by_side import INPUTS
from tests.analysis.test_commitment import FREE
from tests.fitting.worlds import known_world
from tests.report.reports import (
    analyses,
    answer,
    nasty_plan,
    plan,
    timed_analyses,
    timed_answer,
)

LANGS = ("en", "zh")
HOSTILE = (
    "</script><script>alert(1)</script>",
    "=cmd|'/c calc'!A1",
    "\u202egnp\u2028x\u2029",
    "<img src=x onerror=1>",
    "`rm -rf` *bold* _it_ ~~no~~",
    "[click](https://evil.example) ![x](http://evil.example/p.png)",
    "@everyone #1 www.evil.example javascript:alert(1) a@evil.example",
    "a\nb\r\n# c\n\n- d | e",
    "1. first",
    "very long " * 60,
    "😀 R&D \"A\" 'B' &lt;b&gt; {{ x }}",
)


class Elements(HTMLParser):
    """The elements of a page, and what they would load or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.dangers: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.dangers += [
            f"{tag} {k}" for k, _ in attrs if k.startswith("on") or k in {"src", "href"}
        ]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def hostile_plan(name: str) -> opt.Plan:
    """A plan whose every name is *name*; a line's may have no dots."""
    line = name.replace(".", " ")
    curve = {"kind": "log", "scale": 1_000, "unit": 10_000}
    return from_document({
        "name": name, "currency": "USD", "budget": 300_000, "value": 100,
        "objective": {"kind": "revenue"},
        "channels": {
            f"{line} a": {"curve": curve, "current": 100_000},
            f"{line} b": {"curve": curve | {"scale": 2_000}, "current": 100_000},
        },
        "constraints": {f"{name} cap": {"kind": "spend", "where": f"{line} a",
                                        "at_most": 80_000}},
    })  # fmt: skip


# ------------------------------------------------------------------------------- charts


def test_every_chart_of_the_report_is_a_picture_of_the_same_name():
    for best, found in ((answer(), analyses()), (timed_answer(), timed_analyses())):
        names = list(opt.charts(best, *found))
        page = opt.render(best, *found)
        shown = dict.fromkeys(re.findall(r'data-chart="([\w-]+)"', page))
        assert names == [name for name in shown if name != "explore"]
        assert [name for name in names if kind_of(name) is None] == []


def test_the_kinds_of_a_plan_are_those_that_its_charts_are_of():
    found = opt.charts(answer(), *analyses())
    kinds = [kind.name for kind in chart_kinds(answer().plan, ["cut"])]
    plain = dict.fromkeys(
        kind.name for kind in map(kind_of, found) if kind.needs not in {"sure", "test", "safety"}
    )
    assert list(plain) == kinds
    timed = opt.charts(timed_answer(), *timed_analyses())
    kinds = {kind.name for kind in chart_kinds(timed_answer().plan)}
    assert {kind_of(name).name for name in timed} <= kinds


@pytest.mark.parametrize("lang", LANGS)
def test_every_kind_of_chart_has_a_question(lang):
    assert all(kind.shows(lang) for kind in KINDS)


def test_a_chart_says_its_title_unit_and_legend_by_itself():
    chart = opt.chart(answer(), "dumbbell")
    text = chart.figure.layout.title.text
    assert chart.title in text
    assert "CNY" in text
    assert "○" in text
    assert "■" in text
    assert chart.figure.layout.paper_bgcolor == "#ffffff"
    # The page's own figure is as it was.
    assert chart.chart.figure.layout.title.text is None


def test_plotlys_json_can_be_drawn_again():
    import plotly.io

    for chart in opt.charts(answer(), *analyses()).values():
        again = plotly.io.from_json(chart.json())
        assert again.layout.width == chart.figure.layout.width
        assert len(again.data) == len(chart.figure.data)


def test_a_charts_page_loads_nothing_and_holds_both_languages():
    chart = opt.chart(answer(), "strip", *analyses(), lang="zh")
    page = chart.html()
    found = Elements(page)
    assert found.dangers == []
    assert page.count('data-chart="strip"') == 2
    assert '<html lang="zh-CN"' in page
    assert "showSendToCloud: false" in page
    assert len(page) < 2_500_000


def test_a_kinds_name_stands_for_its_first_chart():
    assert opt.chart(answer(), "curve").name == "curve-1"
    assert opt.chart(answer(), "prices", *analyses()).name.startswith("prices-")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("dumbell", "Did you mean 'dumbbell'?"),
        ("tornado", "Give tornado(plan), too"),
        ("curve-99", "Did you mean"),
    ],
)
def test_a_chart_that_is_not_there_is_told(name, words):
    with pytest.raises(UnknownName, match=re.escape(words)):
        opt.chart(answer(), name)


def test_a_name_that_a_plan_cannot_have_is_refused_before_anything_is_solved():
    with pytest.raises(UnknownName, match="nothing to show"):
        wanted(answer().plan, "phasing")
    with pytest.raises(UnknownName, match="no chart"):
        wanted(answer().plan, "dumbbell-2")
    assert wanted(answer().plan, "curve-2").name == "curve"


def test_a_form_that_there_is_not_is_told(tmp_path):
    with pytest.raises(PlanError, match=r"\.svg"):
        opt.chart(answer(), "strip").write(tmp_path / "strip.gif")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", HOSTILE)
def test_names_stay_text_in_a_charts_page_and_json(name):
    best = opt.optimize(hostile_plan(name))
    for each in ("dumbbell", "curve-1", "marginal"):
        chart = opt.chart(best, each)
        usual = opt.chart(opt.optimize(hostile_plan("usual")), each)
        assert Elements(chart.html()).names == Elements(usual.html()).names
        figure = json.loads(chart.json())
        tags = set(re.findall(r"</?(\w+)", json.dumps(figure)))
        assert tags <= {"b", "br", "span", "extra"}


# ------------------------------------------------------------------------------- side by side


@pytest.fixture(scope="module")
def members() -> dict[str, Any]:
    base = answer()
    cut = opt.optimize(replace_at(base.plan, "budget", 8_000_000))
    leads = opt.optimize(replace_at(base.plan, "objective", {"kind": "outcomes", "of": "lead"}))
    broken = replace_at(base.plan, "constraints", {"floor": {"kind": "spend", "at_least": 20e6}})
    (failed,) = opt.solve_all([broken])
    return {"base": base, "cut": cut, "leads": leads, "never": failed}


@pytest.mark.parametrize("lang", LANGS)
def test_plans_side_by_side_are_one_closed_page(members, lang):
    found = opt.compare(members, prices=True)
    page = opt.render_comparison(members, found, lang)
    assert Elements(page).dangers == ["a href"] * Elements(page).names.count("a")
    assert len(page) < 2_700_000
    for chart in ("plans", "strip", "scenarios", "dumbbell-1", "dumbbell-3"):
        assert page.count(f'data-chart="{chart}"') == 2
    assert page == opt.render_comparison(members, found, lang)


def test_the_first_screen_of_several_plans_says_which_brings_most(members):
    from optimizer.report.side_by_side import Sides

    found = opt.compare(members)
    side = Sides(members, found, "en").page()
    gain = answer().objective - members["cut"].objective
    assert "“base” brings the most" in side.answer.headline
    assert f"CN¥{gain / 1e6:.0f}M more than the next, “cut”" in side.answer.headline
    assert (side.status, side.status_text) == ("broken", "3 of 4 plans have an answer")
    assert [card.title for card in side.answer.cards] == ["base", "cut", "leads"]
    assert any("“never” has no plan" in alert for alert in side.answer.alerts)
    assert any("goal is another: “leads”" in alert for alert in side.answer.alerts)
    # Leads are not put against revenue.
    (table, regret) = side.sections[0].tables
    change = [c.title for c in table.columns].index("Against the first")
    assert [row[change] for row in table.rows][2] == "–"
    assert [row[0] for row in regret.rows] == ["base", "cut"]


def test_prices_of_rules_stand_beside_one_another(members):
    from optimizer.report.side_by_side import Sides

    solved = {"base": members["base"], "cut": members["cut"]}
    sides = Sides(solved, opt.compare(solved, prices=True), "en")
    (section,) = [part for part in sides.page().sections if part.id == "rules"]
    rows = {(row[0], row[1]): row[2:] for row in section.tables[0].rows}
    for name, cell in zip(solved, rows["The budget", "unit of money"], strict=True):
        price = opt.rule_prices(solved[name]).price("budget")
        assert cell == f"CN¥{price:.2f}"


def test_the_csv_of_several_plans_holds_every_line(members):
    from optimizer.report.side_by_side import Sides

    text = Sides(members, opt.compare(members), "en").page().csv
    assert len(text.splitlines()) == 1 + 3 * len(answer().plan.lines)


def test_plans_of_other_lines_and_many_differences_fit_on_a_page():
    other = opt.optimize(replace_at(opt.load("minimal"), "currency", "CNY"))
    page = opt.render_comparison({"base": answer(), "other": other})
    assert "more differences" not in page
    assert INPUTS > 100


def test_no_answer_at_all_is_told(members):
    with pytest.raises(PlanError, match="has no plan"):
        opt.render_comparison({"never": members["never"]})


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_plans_stay_text(name):
    best = opt.optimize(hostile_plan(name))
    usual = opt.optimize(hostile_plan("usual"))
    page = opt.render_comparison({name: best, "b": best})
    plain = opt.render_comparison({"usual": usual, "b": usual})
    assert Elements(page).names == Elements(plain).names


# ------------------------------------------------------------------------------- Markdown


def tokens(text: str) -> list[Any]:
    """What Markdown makes of a text, tables and struck text among it."""
    found = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    return [part for one in found for part in (one, *(one.children or ()))]


@pytest.mark.parametrize("lang", LANGS)
def test_a_summary_says_what_the_report_says(lang):
    best, prices = answer(), analyses()[0]
    words = opt.explain(best, prices, lang)
    text = summary(best, prices, lang)
    for statement in (words.headline, words.proof, *words.moves, *words.rules, *words.alerts):
        assert escaped(statement.text) in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(best.plan.lines) + 1
    assert {line.count(" | ") for line in rows if "---" not in line} == {5}
    assert "adsplit report SCENARIO -o summary.md" in text
    assert best.provenance["input"][:12] in text


def test_a_summary_of_a_plan_without_today_and_with_many_lines_is_short():
    lines = tuple(opt.Line(f"line {i}", opt.Log(100.0 + i, 100.0), maximum=1e4) for i in range(60))
    best = opt.optimize(opt.Plan("Many", lines, budget=1e4, value=1.0, objective=opt.Revenue()))
    text = summary(best)
    assert "… and 20 more lines" in text
    assert text.count("\n| line") + text.count("\n| Line ") <= 41
    assert "| Today |" not in text


@pytest.mark.parametrize("name", HOSTILE)
def test_names_stay_text_in_markdown(name):
    text = summary(opt.optimize(hostile_plan(name)))
    usual = summary(opt.optimize(hostile_plan("usual")))
    kinds = [[one.type for one in tokens(each)] for each in (text, usual)]
    refused = {
        "html_block",
        "html_inline",
        "link_open",
        "image",
        "code_inline",
        "em_open",
        "s_open",
    }
    assert [kind for kind in kinds[0] if kind in refused] == kinds[1].count("code_inline") * [
        "code_inline"
    ]
    cells = [kind.count("td_open") for kind in kinds]
    assert cells[0] == cells[1]
    assert kinds[0].count("heading_open") == kinds[1].count("heading_open")
    # No mention, no bare link, nothing that turns the text.
    assert re.findall(r"[@#]\w", text) == []
    assert re.findall(r"(?i)https?:/|www\.|javascript:\w|[\u202a-\u202e\u2028\u2029]", text) == []


@pytest.mark.parametrize("text", [*HOSTILE, "plain", "a_b", "x*y", "50% + 3 - 2", "+1", "- a"])
def test_an_escaped_text_is_read_as_it_was_typed(text):
    (inline,) = [one for one in MarkdownIt("commonmark").parse(escaped(text)) if one.children]
    shown = "".join(part.content for part in inline.children).replace("\u2060", "")
    wanted_ = re.sub(r"[\u202a-\u202e]", "", text)
    assert shown.split() == re.sub(r"\s", " ", wanted_).split()


def test_a_report_that_ends_in_md_is_the_summary(tmp_path):
    prices = analyses()[0]
    path = opt.write_report(tmp_path / "summary.md", answer(), *analyses(), lang="zh")
    assert path.read_text(encoding="utf-8") == summary(answer(), prices, "zh")


# ------------------------------------------------------------------------------- notebooks


def results() -> dict[str, Any]:
    """One result of every kind."""
    asked = opt.with_spread(opt.load("minimal"), 0.2)
    best = opt.optimize(asked)
    sure = opt.certainty(best, draws=64, redraws=8)
    timed = timed_answer()
    grid = timed.plan.grid
    actual = opt.Actuals(_reported(grid), {})
    (failed,) = opt.solve_all([
        replace_at(asked, "constraints", {"floor": {"kind": "spend", "at_least": "20M"}})
    ])  # fmt: skip
    return {
        "allocation": answer(),
        "explanation": opt.explain(answer()),
        "prices": analyses()[0],
        "sweep": analyses()[1],
        "split": analyses()[2],
        "tornado": analyses()[3],
        "comparison": analyses()[4],
        "horizons": timed_analyses()[1],
        "certainty": sure,
        "information": opt.information(sure),
        "frontier": opt.frontier(asked, weights=[0.0, 1.0]),
        "tracking": opt.track(timed.plan, actual),
        "committed": opt.commit(opt.loads(FREE)),
        "failed": failed,
        "fresh": opt.out_of_sample(
            opt.optimize(replace_at(asked, "risk", {"kind": "cvar"})), draws=64
        ),
        "explorer": opt.explore(best, {}),
        "chart": opt.chart(answer(), "dumbbell"),
        "fit": opt.fit(known_world(0, lines=2).history),
        "upload": opt.upload(timed, {"campaigns": {"*": "{line} & <b>"}}),
    }


def _reported(grid: Any) -> Any:
    import numpy as np

    spend = np.full((grid.n_lines, grid.n_periods), np.nan)
    spend[:, 0] = grid.current.reshape(grid.n_lines, grid.n_periods)[:, 0]
    return spend


@pytest.fixture(scope="module")
def shown() -> dict[str, Any]:
    return results()


def test_every_public_result_shows_itself(shown):
    kinds = {type(one).__name__ for one in shown.values()}
    public = {
        name for name in opt.__all__
        if isinstance(getattr(opt, name), type) and hasattr(getattr(opt, name), "_repr_html_")
    }  # fmt: skip
    assert public <= kinds
    frames = {"Allocation", "Prices", "Sweep", "Horizons", "Tornado", "Comparison", "Certainty",
              "Information", "Frontier", "Tracking", "Committed", "Fit", "Upload"}  # fmt: skip
    assert frames <= public


def test_results_are_shown_by_a_headline_and_a_table(shown):
    for name, result in shown.items():
        page = result._repr_html_()
        found = Elements(page)
        assert found.dangers == [], name
        assert {"script", "link", "img", "iframe"} & set(found.names) == set(), name
        assert ("table" in found.names) == (name not in {"explanation", "failed"}), name
        assert "nan" not in "".join(found.texts).split(), name


@pytest.mark.parametrize("lang", LANGS)
def test_headlines_are_those_of_the_result(shown, lang):
    best = shown["allocation"]
    assert told(best, lang).headline == opt.explain(best, lang=lang).headline.text
    horizons = shown["horizons"]
    assert told(horizons, lang).headline == horizons.sentences(lang)[0]
    for name, result in shown.items():
        if name != "chart":
            assert told(result, lang).headline, name
            for table in told(result, lang).tables:
                assert {len(row) for row in table.rows} == {len(table.columns)}, name


def test_the_language_of_a_notebook_is_that_of_the_environment(shown, monkeypatch):
    monkeypatch.setenv("ADSPLIT_LANG", "zh")
    assert shown["sweep"]._repr_html_() == html_of(shown["sweep"], "zh")
    monkeypatch.setenv("ADSPLIT_LANG", "fr")
    assert shown["sweep"]._repr_html_() == html_of(shown["sweep"], "en")


def test_figures_of_a_table_are_those_of_the_frame(shown):
    sweep = shown["sweep"]
    (table,) = told(sweep, "en").tables
    spent = [column.title for column in table.columns].index("Spent")
    for row, value in zip(table.rows, sweep.frame["spent"], strict=True):
        assert abs(float(row[spent].replace(",", "")) - value) <= 0.5


def test_long_tables_are_cut_and_say_so():
    found = opt.sweep(opt.load("minimal"), "value", [50.0 + i for i in range(MOST + 5)])
    page = html_of(found)
    assert page.count("<tr>") == 1 + MOST
    assert "… and 5 more rows" in page


def test_a_plan_of_very_many_lines_is_shown_by_its_largest():
    lines = tuple(opt.Line(f"l{i}", opt.Log(100.0 + i, 100.0)) for i in range(LARGE + 1))
    many = opt.Plan("Many", lines, budget=1e5, value=1.0, objective=opt.Revenue())
    page = html_of(opt.optimize(many))
    assert page.count("<tr>") == 1 + MOST
    assert f"{LARGE + 1 - MOST} more rows" in page


@pytest.mark.parametrize("name", HOSTILE)
def test_names_stay_text_in_a_notebook(name):
    for make in (
        opt.optimize,
        lambda asked: opt.rule_prices(opt.optimize(asked), costs=True),
        lambda asked: opt.compare({name: opt.optimize(asked)}),
        lambda asked: opt.tornado(asked, top=2),
    ):
        page, usual = html_of(make(hostile_plan(name))), html_of(make(hostile_plan("usual")))
        if make is not opt.optimize:
            assert Elements(page).names == Elements(usual).names
        found = Elements(page)
        assert found.dangers == []
        assert set(found.names) <= set(Elements(usual).names) | {"p", "caption"}


def test_what_is_no_result_is_refused():
    with pytest.raises(TypeError, match="int is no result"):
        html_of(3)


def test_the_nasty_plan_of_the_report_is_told_in_every_form():
    best = opt.optimize(nasty_plan())
    page = html_of(best)
    assert "<script" not in page
    assert "<script" not in summary(best)
    assert "<b>" not in opt.chart(best, "dumbbell").figure.layout.title.text.replace(
        "<b>", "", 1
    ).replace("</b>", "")


def test_a_result_may_still_be_replaced_and_compared():
    swept = analyses()[1]
    assert replace(swept, best=None).best is None
    assert plan() == plan()
