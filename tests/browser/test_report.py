"""The report in a real browser: silent, closed, accessible, and true in every view."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from optimizer.report import write_report
from optimizer.solving import optimize
from tests.report.reports import analyses, answer, nasty_plan, timed_analyses, timed_answer


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(tmp_path_factory.mktemp("report") / "plan.html", answer(), *analyses())


@pytest.fixture(scope="module")
def timed_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a plan over time."""
    file = tmp_path_factory.mktemp("timed") / "plan.html"
    return write_report(file, timed_answer(), *timed_analyses())


def visit_report(page: Page, file: Path, state: str = "") -> None:
    page.goto(f"{file.as_uri()}#{state}")
    page.wait_for_selector("html[data-ready]")
    page.wait_for_function(
        "document.querySelectorAll('.page:not([hidden]) .plot:empty').length === 0"
    )


def cut_labels(page: Page) -> list[str]:
    """Labels of figures that their figure's edge cuts off."""
    return page.evaluate(
        """[...document.querySelectorAll('.page:not([hidden]) .plot')].flatMap((plot) => {
          const box = plot.getBoundingClientRect();
          return [...plot.querySelectorAll('text')].filter((text) => {
            const own = text.getBoundingClientRect();
            return own.width && (own.left < box.left - 2 || own.right > box.right + 2);
          }).map((text) => plot.dataset.chart + ': ' + text.textContent);
        })"""
    )


def test_draws_every_chart_within_a_few_seconds(page: Page, report: Path):
    visit_report(page, report)
    count = page.evaluate("document.querySelectorAll('.page:not([hidden]) .plot .main-svg').length")
    charts = page.evaluate("document.querySelectorAll('.page:not([hidden]) .plot').length")
    assert charts >= 14
    assert count >= charts
    assert page.evaluate("document.querySelectorAll('.modebar-btn').length") == 0


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("which", ["report", "timed_report"])
def test_is_accessible(
    page: Page, request: pytest.FixtureRequest, lang: str, theme: str, which: str
):
    visit_report(page, request.getfixturevalue(which), f"lang={lang}&theme={theme}")
    for summary in page.locator(".page:not([hidden]) summary").all():
        summary.click()
    found = Axe().run(page).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"][:120]) for v in found] == []


def test_language_switches_without_reload(page: Page, report: Path):
    visit_report(page, report)
    page.evaluate("window.same = true")
    page.click(".page:not([hidden]) [data-do=language]")
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    assert page.evaluate("window.same")
    assert page.is_visible("text=请务必注意")
    assert not page.is_visible("text=What you must not miss")
    assert "预算方案" in page.title()
    ticks = page.evaluate("document.querySelector('#page-zh [data-chart=dumbbell]').textContent")
    assert "万" in ticks
    page.click(".page:not([hidden]) [data-do=language]")
    assert page.evaluate("document.documentElement.lang") == "en"


def test_theme_goes_round_and_recolours_the_figures(page: Page, report: Path):
    visit_report(page, report)
    button = page.locator(".page:not([hidden]) [data-do=theme]")
    colours = []
    for theme in ("light", "dark", "auto"):
        button.click()
        assert page.evaluate("document.documentElement.dataset.theme") == theme
        assert theme in button.inner_text().lower()
        colours.append(
            page.evaluate("document.querySelector('#page-en [data-chart=rule]').data[0].line.color")
        )
    assert colours == ["#0072b2", "#56b4e9", "#0072b2"]


@pytest.mark.parametrize("width", [390, 768, 1280])
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("which", ["report", "timed_report"])
def test_nothing_sticks_out(
    page: Page, request: pytest.FixtureRequest, width: int, lang: str, which: str
):
    page.set_viewport_size({"width": width, "height": 844})
    visit_report(page, request.getfixturevalue(which), f"lang={lang}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert cut_labels(page) == []


def test_shows_the_allocations_figures(page: Page, report: Path):
    visit_report(page, report)
    rows = page.evaluate(
        """[...document.querySelectorAll('#allocation-table-1-en tbody tr')]
           .map((row) => [...row.children].map((cell) => cell.textContent))"""
    )
    frame = answer().by_line.sort_values("spend", ascending=False)
    assert len(rows) == len(frame)
    for row, spend in zip(rows, frame["spend"], strict=True):
        assert abs(float(row[3].replace(",", "")) - spend) <= 1
    marks = page.evaluate(
        """document.querySelector('#page-en [data-chart=dumbbell]').data.at(-1).x"""
    )
    assert marks == pytest.approx(list(frame["spend"]), rel=1e-5)


def test_shows_the_money_of_every_period(page: Page, timed_report: Path):
    visit_report(page, timed_report)
    bars = page.evaluate(
        """document.querySelector('#page-en [data-chart=phasing]').data
           .filter((trace) => trace.type === 'bar').map((trace) => trace.y)"""
    )
    sums = [sum(period) for period in zip(*bars, strict=True)]
    assert sums == pytest.approx(list(timed_answer().by_period["spend"][:6]), rel=1e-5)
    totals = page.evaluate(
        """[...document.querySelectorAll('#phasing-table-1-en tfoot td')]
           .map((cell) => cell.textContent)"""
    )
    shown = [float(text.replace(",", "")) for text in totals[:6]]
    assert shown == pytest.approx(sums, abs=1.5)


@pytest.mark.parametrize("width", [390, 1280])
def test_names_below_a_chart_cover_neither_it_nor_what_follows(
    page: Page, timed_report: Path, width: int
):
    page.set_viewport_size({"width": width, "height": 844})
    visit_report(page, timed_report)
    for name in ("phasing", "breakdown-1", "marginal"):
        legend, ticks, plot = page.evaluate(
            """(name) => {
              const plot = document.querySelector(`#page-en [data-chart=${name}]`);
              const box = (part) => plot.querySelector(part).getBoundingClientRect();
              const ticks = Math.max(...[...plot.querySelectorAll('.xtick, .xtitle')]
                .map((tick) => tick.getBoundingClientRect().bottom));
              return [[box('.legend').top, box('.legend').bottom], ticks,
                      plot.getBoundingClientRect().bottom];
            }""",
            name,
        )
        assert ticks <= legend[0] + 1, name
        assert legend[1] <= plot + 1, name


def test_a_long_plan_scrolls_in_its_own_box_on_a_phone(page: Page, timed_report: Path):
    page.set_viewport_size({"width": 390, "height": 844})
    visit_report(page, timed_report)
    box = "document.querySelector('#phasing-table-1-en').parentElement"
    assert page.evaluate(f"{box}.scrollWidth > {box}.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    first = page.locator("#phasing-table-1-en tbody th").first
    before = first.bounding_box()
    page.evaluate(f"{box}.scrollLeft = 200")
    after = first.bounding_box()
    assert before is not None
    assert after is not None
    assert after["x"] == pytest.approx(before["x"], abs=1)


def test_every_stage_by_period_is_folded_away_until_asked_for(page: Page, timed_report: Path):
    visit_report(page, timed_report)
    table = page.locator("#funnel-table-2-en")
    assert not table.is_visible()
    page.click("#funnel-section-en .folded summary")
    assert table.is_visible()
    assert table.locator("tbody tr").count() == 10


def test_csv_opens_in_excel(page: Page, report: Path):
    visit_report(page, report)
    with page.expect_download() as download:
        page.click(".page:not([hidden]) [data-do=csv]")
    assert download.value.suggested_filename == "Cloud-accounting.csv"
    raw = Path(download.value.path()).read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.count(b"\n") == 1 + len(answer().plan.lines)


def test_names_are_shown_as_they_are(page: Page, tmp_path: Path):
    visit_report(page, write_report(tmp_path / "nasty.html", optimize(nasty_plan())))
    assert page.evaluate("document.querySelectorAll('img').length") == 0
    text = page.inner_text("#allocation-table-1-en").replace("\u00a0", " ")
    assert "</script><b>x · brand" in text
    assert 'R&D "A" · traffic' in text
    labels = page.evaluate("document.querySelector('#page-en [data-chart=change]').textContent")
    assert "</script><b>x" in labels
    assert 'R&D "A"' in labels


def test_prints_in_light_colours(page: Page, report: Path):
    visit_report(page, report, "theme=dark")
    pdf = page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 12
    page.emulate_media(media="print")
    ground = page.evaluate("getComputedStyle(document.querySelector('section')).backgroundColor")
    assert ground == "rgb(255, 255, 255)"


def test_without_scripts_the_answer_and_every_table_can_be_read(browser, report: Path):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.is_visible("#headline-en")
    assert page.locator("#page-en noscript p").is_visible()
    assert page.locator("#page-en table:visible").count() >= 10
    assert not page.is_visible("#page-en [data-do=theme]")
    context.close()


def test_the_plan_on_the_page_is_the_plan(page: Page, report: Path):
    from optimizer.plan.document import from_document

    visit_report(page, report)
    text = page.evaluate("document.querySelector('#page-en .plan code').textContent")
    assert from_document(json.loads(text)) == answer().plan
