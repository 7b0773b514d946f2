"""Charts by themselves and plans side by side in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

import optimizer as opt
from optimizer.plan.document import replace_at
from tests.browser.test_report import cut_labels, visit_report
from tests.report.reports import NASTY, analyses, answer, nasty_plan


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three plans side by side."""
    asked = answer().plan
    members = {
        "base": answer(),
        "cut": opt.optimize(replace_at(asked, "budget", 8_000_000)),
        "leads": opt.optimize(replace_at(asked, "objective", {"kind": "outcomes", "of": "lead"})),
    }
    file = tmp_path_factory.mktemp("plans") / "plans.html"
    return opt.write_comparison(file, members, opt.compare(members, prices=True))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One chart by itself."""
    return opt.chart(answer(), "marginal", *analyses()).write(
        tmp_path_factory.mktemp("chart") / "marginal.html"
    )


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("which", ["plans", "alone"])
def test_is_accessible(
    page: Page, request: pytest.FixtureRequest, lang: str, theme: str, which: str
) -> None:
    visit_report(page, request.getfixturevalue(which), f"lang={lang}&theme={theme}")
    for summary in page.locator(".page:not([hidden]) summary").all():
        summary.click()
    found = Axe().run(page).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"][:120]) for v in found] == []


@pytest.mark.parametrize("width", [390, 768, 1280])
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("which", ["plans", "alone"])
def test_nothing_sticks_out(
    page: Page, request: pytest.FixtureRequest, width: int, lang: str, which: str
) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    visit_report(page, request.getfixturevalue(which), f"lang={lang}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert cut_labels(page) == []


def test_the_theme_and_the_language_of_a_chart_are_switched(page: Page, alone: Path) -> None:
    visit_report(page, alone)
    assert page.title().endswith("– Cloud accounting")
    page.click(".page:not([hidden]) [data-do=language]")
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    page.click(".page:not([hidden]) [data-do=theme]")
    page.click(".page:not([hidden]) [data-do=theme]")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_hostile_names_run_nothing(page: Page, tmp_path: Path) -> None:
    best = opt.optimize(nasty_plan())
    chart = opt.chart(best, "dumbbell").write(tmp_path / "chart.html")
    plans = opt.write_comparison(tmp_path / "plans.html", dict.fromkeys(NASTY, best))
    for file in (chart, plans):
        visit_report(page, file)
        assert page.evaluate("document.querySelectorAll('main img, main script').length") == 0
        assert NASTY[0] in page.evaluate("document.body.innerText")
