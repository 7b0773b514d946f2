"""The page as text: complete, closed, escaped, repeatable, and adding up."""

import base64
import csv
import gzip
import html
import io
import re
from html.parser import HTMLParser

import pytest

from optimizer.allocation import evaluate
from optimizer.analysis.explanation import explain
from optimizer.report import render, write_report
from optimizer.report.answer import chips
from optimizer.report.blocks import Table
from optimizer.report.charts.sensitivity import _folded
from optimizer.report.tables import allocation_csv, allocation_table
from optimizer.report.view import View
from optimizer.solving import optimize
from tests.report.reports import NASTY, analyses, answer, nasty_plan, plan

OBJECTIVES = {
    "profit": {"objective": {"kind": "profit", "margin": 0.7}},
    "revenue": {},
    "outcomes": {"objective": {"kind": "outcomes", "of": "lead"}},
    "lowest_spend": {
        "objective": {"kind": "lowest_spend"},
        "constraints": {"goal": {"kind": "target", "outcome": "lead", "at_least": 1500}},
    },
}


@pytest.fixture(scope="module")
def page() -> str:
    return render(answer(), *analyses())


class Parts(HTMLParser):
    """What a page would load, and the ids it gives."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append(tag)
        self.ids += [given["id"]] if "id" in given else []
        self.loads += [
            value
            for key, value in attrs
            if key in {"src", "href", "srcset", "data", "poster", "action"}
            and value
            and not value.startswith("#")
        ]


def parts(text: str) -> Parts:
    parser = Parts()
    parser.feed(text)
    return parser


def number(text: str) -> float:
    return float(re.sub(r"[^\d.\-]", "", text.replace("−", "-")) or 0)


def test_loads_nothing(page):
    found = parts(page)
    assert found.loads == []
    assert not {"link", "iframe", "object", "img", "base"} & set(found.tags)
    assert "@import" not in page
    assert "url(" not in page


def test_switches_the_cloud_off(page):
    assert "showSendToCloud: false" in page
    assert 'plotlyServerURL: ""' in page
    assert "displaylogo: false" in page
    assert not re.search(r"showSendToCloud\W+true|displaylogo\W+true|plotlyServerURL\W+http", page)
    assert "default-src 'none'" in page
    assert "connect-src 'none'" in page


def test_is_small_and_the_same_every_time(page):
    assert len(page.encode()) < 2_500_000
    assert render(answer(), *analyses()) == page


def test_every_id_is_there_once(page):
    ids = parts(page).ids
    assert len(ids) == len(set(ids))


def test_holds_both_languages_and_opens_in_the_one_asked_for(page):
    assert '<html lang="en"' in page
    chinese = render(answer(), lang="zh")
    assert '<html lang="zh-CN"' in chinese
    for text in (page, chinese):
        assert "请务必注意" in text
        assert "What you must not miss" in text
    with pytest.raises(KeyError):
        render(answer(), lang="fr")


def test_sections_come_and_go_with_their_analyses(page):
    sections = ("allocation", "response", "frontier", "rule", "prices", "tornado", "scenarios")
    for name in sections:
        assert f'id="{name}-section-en"' in page
    bare = render(answer())
    assert 'id="allocation-section-zh"' in bare
    assert 'id="tornado-section-en"' not in bare
    with pytest.raises(TypeError):
        render(answer(), 3)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_columns_add_up_to_their_totals(lang):
    table = allocation_table(View(answer(), lang))
    for title, digits in (("today", 0), ("recommended", 0), ("change", 0), ("share", 1)):
        column = _column(table, lang, title)
        cells = [number(row[column]) for row in table.rows]
        assert round(sum(cells), digits) == round(number(table.total[column]), digits), title
    recommended = _column(table, lang, "recommended")
    assert number(table.total[recommended]) == round(answer().spent)


def _column(table: Table, lang: str, key: str) -> int:
    from optimizer.words import say

    title = say(f"table.{key}", lang)
    return [column.title for column in table.columns].index(title)


def test_every_spend_in_the_table_is_the_allocations():
    view = View(answer(), "en")
    table = allocation_table(view)
    column = _column(table, "en", "recommended")
    spends = dict(zip(answer().by_line["line"], answer().spend, strict=True))
    shown = dict(zip(view.frame["line"], (number(row[column]) for row in table.rows), strict=True))
    assert shown.keys() == spends.keys()
    assert all(abs(shown[line] - spends[line]) <= 1 for line in spends)


def test_the_headline_agrees_with_the_table(page):
    told = explain(answer())
    shown = html.unescape(page).replace("\u00a0", " ").replace("\u2060", "")
    assert told.headline.text in shown
    table = allocation_table(View(answer(), "en"))
    change = _column(table, "en", "change")
    up = sum(max(number(row[change]), 0) for row in table.rows)
    amount = told.headline.slots["amount"]
    assert amount == f"CN¥{up / 1e6:.1f}M"
    by_name = {row[0]: number(row[change]) for row in table.rows}
    assert all(by_name[name] > 0 for name in told.headline.slots["target"].split(" and "))
    assert all(by_name[name] < 0 for name in told.headline.slots["source"].split(" and "))


@pytest.mark.parametrize("kind", OBJECTIVES)
@pytest.mark.parametrize("today", [True, False])
@pytest.mark.parametrize("rule", [True, False])
def test_every_kind_of_plan_has_a_page(kind, today, rule):
    without = () if rule else ("business",)
    text = render(optimize(plan(without=without, today=today, **OBJECTIVES[kind])))
    visible = re.sub(r"<script.*?</script>|<style.*?</style>", "", text, flags=re.S)
    assert not re.search(r"\bnan\b|\binf\b|\bNone\b", re.sub(r"<code>.*?</code>", "", visible,
                                                            flags=re.S))  # fmt: skip


def test_a_given_spend_has_a_page_too():
    asked = plan()
    given = evaluate(asked, {line.name: line.current for line in asked.lines})
    assert "Breaks a rule" in render(given)


def test_user_text_cannot_become_markup():
    text = render(optimize(nasty_plan()))
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "</script><b>" not in text
    assert "\u2028" not in re.search(r'id="data">(.*?)</script>', text, re.S).group(1)
    assert set(re.findall(r"<(b|i)[ >]", text)) <= {"i"}  # the legends' marks
    packed = re.search(r'id="figures">(.*?)</script>', text, re.S).group(1)
    figures = gzip.decompress(base64.b64decode(packed)).decode()
    assert "<img" not in figures
    assert "\\u202e" not in figures


def test_a_spreadsheet_finds_no_formula():
    rows = list(csv.reader(io.StringIO(allocation_csv(View(optimize(nasty_plan()), "en")))))
    assert len(rows) == 1 + 2 * len(NASTY)
    for row in rows[1:]:
        assert not row[0].startswith(("=", "+", "-", "@", "\t"))
    assert any(row[0].startswith("'=cmd") for row in rows[1:])


def test_csv_holds_the_figures_in_full():
    rows = list(csv.DictReader(io.StringIO(allocation_csv(View(answer(), "en")))))
    assert sum(float(row["Recommended"]) for row in rows) == pytest.approx(answer().spent, rel=1e-9)


def test_many_lines_fit(tmp_path):
    lines = {
        f"channel {i}": {"role": "brand" if i % 2 else "traffic", "current": 1000.0 + i,
                         "curve": {"kind": "log", "scale": 50 + i, "unit": 500}}
        for i in range(60)
    }  # fmt: skip
    asked = plan(without=("funnel", "constraints", "origins"), channels=lines, budget=80_000,
                 value=30)  # fmt: skip
    file = write_report(tmp_path / "many.html", optimize(asked))
    text = file.read_text("utf-8")
    assert len(text.encode()) < 2_500_000
    assert text.count("channel 59") >= 2


def test_rules_on_parts_of_the_plan_are_not_drawn_as_one_of_the_whole():
    rules = {
        name: {"kind": "split", "shares": "4:6", "where": {"channel": channel}, "tolerance": "20%"}
        for name, channel in (("one", "search"), ("two", "social"))
    }
    view = View(optimize(plan(without=("business",), constraints=rules)), "en")
    assert view.split is not None
    assert view.whole_split is None
    said = " ".join(chips(view))
    assert "Search" in said
    assert "Social" in said


def test_a_long_name_of_a_rule_keeps_its_end_in_the_chart():
    folded = [_folded(f"The 40% brand rule of market: {market}") for market in ("de", "fr")]
    assert folded == ["The 40% brand rule of<br>market: de", "The 40% brand rule of<br>market: fr"]
    assert _folded("<b>" * 40).count("<br>") == 1
    assert "<b>" not in _folded("<b>x")


def test_long_names_that_begin_alike_are_told_apart():
    from optimizer.report.theme import shortened

    names = [f"a channel with a rather long name {i}" for i in range(3)]
    cut = shortened([*names, "search"], 20)
    assert len(set(cut)) == 4
    assert cut[3] == "search"
    assert all(len(text) <= 20 for text in cut)
    assert shortened(["<b> & a long name that goes on"], 12) == ["&lt;b&gt; &amp; a long…"]


@pytest.mark.parametrize(("lines", "periods"), [(2, 1), (60, 1), (2, 60)])
def test_few_and_many_lines_and_periods_have_a_page(lines, periods):
    channels = {
        f"a channel with a rather long name {i}": {
            "role": "brand" if i % 2 else "traffic",
            "curve": {"kind": "log", "scale": 500 + 30 * i, "unit": 20_000 + 1_000 * i},
            "current": 20_000,
        }
        for i in range(lines)
    }
    timed = {} if periods == 1 else {"periods": {"start": "2027-01", "count": periods}}
    best = optimize(
        plan(
            without=("constraints", "origins", "funnel"),
            channels=channels,
            value=100,
            budget=30_000 * lines * periods,
            **timed,
        )
    )
    text = render(best)
    assert len(text.encode()) < 2_500_000
    assert text.count('<th scope="row"') > 2 * lines
