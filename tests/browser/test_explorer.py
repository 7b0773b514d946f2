"""What-ifs inside the page: every control, and every figure against the solver's own."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from playwright.sync_api import Page

from optimizer.allocation import Allocation
from optimizer.analysis.variations import Failed
from optimizer.report import write_report
from tests.browser.test_report import visit_report
from tests.report.reports import answer, explored


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(tmp_path_factory.mktemp("explore") / "plan.html", answer(), explored())


def table(page: Page, lang: str = "en") -> list[list[str]]:
    return page.evaluate(
        f"""[...document.querySelectorAll('#explore-table-{lang} tbody tr')]
            .map((row) => [...row.cells].filter((c) => !c.hidden).map((c) => c.textContent))"""
    )


def move(page: Page, name: str, to: int, lang: str = "en") -> None:
    page.evaluate(
        f"""(to) => {{
          const input = document.getElementById('explore-{name}-{lang}');
          input.value = to;
          input.dispatchEvent(new Event('input', {{ bubbles: true }}));
        }}""",
        str(to),
    )


def number(text: str) -> float:
    return float(text.replace(",", "").replace("\u2212\u2060", "-").replace("+", ""))


def spends(one: Allocation) -> list[float]:
    """Money by line in the order of the page."""
    order = answer().by_line.sort_values(["spend", "line"], ascending=[False, True]).index
    return one.problem.grid.by_line(one.spend)[order].tolist()


def test_opens_at_the_recommended_plan(page: Page, report: Path):
    visit_report(page, report)
    rows = table(page)
    own = spends(answer())
    assert [number(row[1]) for row in rows] == pytest.approx(own, abs=1)
    assert {row[2] for row in rows} == {"0"}
    assert page.inner_text("#explore-en [data-explore-text=against], "
                           "#explore-section-en [data-explore-text=against]") == "CN¥0"  # fmt: skip


def test_every_point_shows_what_the_solver_found(page: Page, report: Path):
    visit_report(page, report)
    found = explored()
    world = found.worlds[0]
    for b in range(0, len(world.budgets), 3):
        for s in range(0, len(world.shares), 3):
            move(page, "budget", b)
            move(page, "share", s)
            one = world.point(b, s)
            shown = page.inner_text("#explore-section-en .says")
            if isinstance(one, Failed):
                assert "No plan keeps all the rules here" in shown
                assert {row[1] for row in table(page)} == {"–"}
                continue
            money = [number(row[1]) for row in table(page)]
            assert money == pytest.approx(spends(one), abs=1)
            assert sum(money) == pytest.approx(one.spent, abs=1)
            bars = page.evaluate(
                "document.querySelector('#page-en [data-chart=explore]').data[0].x"
            )
            assert bars == pytest.approx(money)
            share = page.inner_text("#explore-share-out-en")
            assert share == f"{100 * world.shares[s]:.1f}%"
            assert f"{share} of it on brand" in shown


def test_a_scenario_takes_the_sliders_with_it(page: Page, report: Path):
    visit_report(page, report)
    names = page.locator("#explore-scenario-en option").all_inner_texts()
    assert names == ["As stated", "cut <b>", "dear clicks", "too much"]
    page.select_option("#explore-scenario-en", "1")
    assert page.inner_text("#explore-budget-out-en") == "CN¥8M"
    page.select_option("#explore-scenario-en", "2")
    assert "search.brand price: – → 1.4" in page.inner_text("#explore-section-en .note")
    assert page.is_visible("#explore-section-en [data-explore-text=kept]")
    page.select_option("#explore-scenario-en", "3")
    said = page.inner_text("#explore-section-en .says")
    assert "cannot all hold" in said
    assert "social floor" in said
    assert page.inner_text("#explore-section-en [data-explore-text=value]") == "–"
    page.click("#explore-section-en [data-do=reset]")
    assert page.input_value("#explore-scenario-en") == "0"
    assert page.inner_text("#explore-budget-out-en") == "CN¥10M"


def test_the_menu_forgets_a_scenario_that_is_left(page: Page, report: Path):
    visit_report(page, report)
    page.select_option("#explore-scenario-en", "1")
    move(page, "budget", 0)
    assert page.input_value("#explore-scenario-en") == "0"


def test_the_keyboard_moves_it_and_the_address_keeps_it(page: Page, report: Path):
    visit_report(page, report)
    page.focus("#explore-budget-en")
    before = page.inner_text("#explore-budget-out-en")
    page.keyboard.press("ArrowLeft")
    after = page.inner_text("#explore-budget-out-en")
    assert after != before
    assert page.get_attribute("#explore-budget-en", "aria-valuetext") == after
    page.click("#explore-section-en [data-do=pin]")
    page.keyboard.press("Tab")
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_selector("html[data-ready]")
    assert page.inner_text("#explore-budget-out-en") == after
    assert page.get_attribute("#explore-section-en [data-do=pin]", "aria-pressed") == "true"
    page.click("#page-en [data-do=language]")
    assert page.input_value("#explore-budget-zh") == page.input_value("#explore-budget-en")


@pytest.mark.parametrize("state", ["at=9.9.9", "at=x&if=77&pin=1.2", "at=0.-1.0&pin=%3Cb%3E"])
def test_an_address_that_leads_nowhere_shows_the_recommended_plan(
    page: Page, report: Path, state: str
):
    visit_report(page, report, state)
    assert {row[2] for row in table(page)} == {"0"}
    assert page.get_attribute("#explore-section-en [data-do=pin]", "aria-pressed") == "false"


def test_two_plans_stand_side_by_side(page: Page, report: Path):
    visit_report(page, report)
    move(page, "budget", 0)
    pinned = [row[1] for row in table(page)]
    page.click("#explore-section-en [data-do=pin]")
    move(page, "budget", 5)
    rows = table(page)
    assert [row[-1] for row in rows] == pinned
    assert [row[1] for row in rows] != pinned
    marks = page.evaluate("document.querySelector('#page-en [data-chart=explore]').data.at(-1).x")
    assert marks == pytest.approx([number(text) for text in pinned])
    page.click("#explore-section-en [data-do=pin]")
    assert len(table(page)[0]) == len(rows[0]) - 1


def test_what_is_shown_can_be_taken_away(page: Page, report: Path):
    visit_report(page, report)
    move(page, "budget", 1)
    with page.expect_download() as download:
        page.click("#explore-section-en [data-do=explored]")
    text = Path(download.value.path()).read_text("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0][:2] == ["Line", "This plan"]
    assert [float(row[1]) for row in rows[1:]] == [number(row[1]) for row in table(page)]


def test_a_move_is_drawn_within_a_tenth_of_a_second(page: Page, report: Path):
    """Told as a share of what the page has anyway: the first drawing of its charts."""
    visit_report(page, report)
    once = page.evaluate(
        """() => {
          const input = document.getElementById('explore-budget-en');
          const began = performance.now();
          for (let k = 0; k < 10; k += 1) {
            input.value = k % 5;
            input.dispatchEvent(new Event('input', { bubbles: true }));
          }
          const moved = (performance.now() - began) / 10;
          const again = performance.now();
          document.querySelector('#page-en [data-do=theme]').click();
          return [moved, performance.now() - again];
        }"""
    )
    # All charts of the page are drawn anew by another theme; one move draws one of them.
    assert once[0] < once[1]


def test_says_the_same_in_chinese(page: Page, report: Path):
    visit_report(page, report, "lang=zh")
    assert [row[1] for row in table(page, "zh")] == [row[1] for row in table(page)]
    assert "其中品牌占" in page.inner_text("#explore-section-zh .says")
    assert page.locator("#explore-section-zh option").nth(0).inner_text() == "与所填一致"
