"""The studio in a real browser: what is on screen is the solver's answer to what was typed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from optimizer.plan.document import to_document
from optimizer.solving import optimize
from optimizer.sources.scenario import dumps, loads, read_scenario
from optimizer.studio.server import Studio
from tests.report.reports import NASTY, nasty_plan
from tests.studio.studios import TEXT, served, write

OPEN = ".page:not([hidden])"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Studio]]:
    file = write(tmp_path_factory.mktemp("studio"))
    with served(file) as studio:
        yield file, studio


@pytest.fixture
def studio(page: Page, visit: Any, shop: tuple[Path, Studio]) -> Studio:
    """The shop's studio, its file as it was, open in the page."""
    file, studio = shop
    write(file.parent)
    studio.desk.reload()
    enter(page, visit, studio)
    return studio


def enter(page: Page, visit: Any, studio: Studio, state: str = "") -> None:
    visit.served.add(f"127.0.0.1:{studio.port}")
    page.goto(f"{studio.address}&{state}" if state else studio.address)
    page.wait_for_selector("html[data-ready]")
    settle(page)


def settle(page: Page, word: str = "ready") -> None:
    """Wait until the page has followed the last change."""
    page.wait_for_selector(f"html[data-studio={word}]")
    if word == "ready":
        expect(page.locator(f"{OPEN} .plot:empty")).to_have_count(0, timeout=20_000)


def row(page: Page, path: str) -> Any:
    return page.locator(f'.row[data-path="{path}"]')


def type_in(page: Page, path: str, text: str) -> None:
    if not row(page, path).count():
        page.fill("#search", path)
    field = row(page, path).locator("input, select").first
    field.fill(text)
    field.press("Enter")


def table_of(page: Page, lang: str = "en") -> dict[str, float]:
    """The recommended spend of every line as the report's table shows it."""
    rows = page.evaluate(
        f"""[...document.querySelectorAll('#allocation-table-1-{lang} tbody tr')]
            .map((row) => [...row.children].map((cell) => cell.textContent))"""
    )
    return {cells[0].replace("\u00a0", " "): float(cells[3].replace(",", "")) for cells in rows}


def expected(**sets: Any) -> list[float]:
    named = {key.replace("__", "."): value for key, value in sets.items()}
    best = optimize(loads(TEXT, "shop.yaml", sets=named))
    return sorted(best.by_line["spend"])


def test_opens_as_the_report_with_every_input(page: Page, studio: Studio) -> None:
    assert sorted(table_of(page).values()) == pytest.approx(expected(), abs=1)
    assert page.url == f"http://127.0.0.1:{studio.port}/", "the token is gone from the address"
    assert page.input_value('.row[data-path="budget"] input') == "1000000"
    assert page.input_value('.row[data-path="split.brand"] input') == "40%"
    assert "Solved and proven" in page.inner_text("#state")


def test_without_the_token_nothing_is_shown(page: Page, visit: Any, shop: Any) -> None:
    visit.served.add(f"127.0.0.1:{shop[1].port}")
    page.goto(f"http://127.0.0.1:{shop[1].port}/")
    expect(page.locator("#loading-text")).to_contain_text("lacks its token")
    assert "401" in visit.errors[0]
    visit.errors.clear()


def test_a_slider_is_followed_by_headline_cards_tables_and_charts(
    page: Page, studio: Studio
) -> None:
    before = page.inner_text("#headline-en")
    slider = row(page, "budget").locator("input[type=range]")
    slider.focus()
    for _ in range(5):
        slider.press("ArrowRight")
    settle(page)
    assert row(page, "budget").locator("input.number").input_value() == "1100000"
    spends = expected(budget=1_100_000)
    assert sorted(table_of(page).values()) == pytest.approx(spends, abs=1)
    marks = page.evaluate("document.querySelector('#page-en [data-chart=dumbbell]').data.at(-1).x")
    assert sorted(marks) == pytest.approx(spends, rel=1e-5)
    assert page.inner_text("#headline-en") != before
    assert "€1.1M" in page.inner_text("#page-en .cards").replace("\u00a0", "")
    assert "against the plan as written" in page.inner_text("#gist")
    assert page.evaluate("document.activeElement.type") == "range", "the slider keeps the focus"


def test_the_last_of_many_quick_changes_is_shown(page: Page, studio: Studio) -> None:
    page.evaluate(
        """async () => {
          const slider = document.querySelector('.row[data-path="budget"] input[type=range]');
          for (let i = 0; i <= 60; i += 1) {
            slider.value = 30 + (i % 31);
            slider.dispatchEvent(new Event("input"));
            await new Promise((resume) => setTimeout(resume, 5));
          }
        }"""
    )
    settle(page)
    asked = float(row(page, "budget").locator("input.number").input_value())
    assert sorted(table_of(page).values()) == pytest.approx(expected(budget=asked), abs=1)


def test_typed_values_mean_what_they_mean_in_a_file(page: Page, studio: Studio) -> None:
    type_in(page, "budget", "1.2M")
    settle(page)
    type_in(page, "split.brand", "55%")
    settle(page)
    spends = expected(budget=1_200_000, split__brand=0.55)
    assert sorted(table_of(page).values()) == pytest.approx(spends, abs=1)
    changes = page.inner_text("#changes")
    assert "1,000,000 1.2M" in changes
    assert "40% 55%" in changes


def test_any_input_can_be_found_and_changed(page: Page, studio: Studio) -> None:
    page.fill("#search", "search traffic maximum")
    assert page.locator(".row").count() == 1
    type_in(page, "channels.search.traffic.maximum", "250000")
    settle(page)
    assert table_of(page)["Search · traffic"] == pytest.approx(250_000, abs=1)
    page.fill("#search", "no such thing")
    assert "No input" in page.inner_text("#groups")


def test_what_has_no_row_is_set_by_its_path(page: Page, studio: Studio) -> None:
    page.click(".another summary")
    page.fill("#path", "channels.*.*.price")
    page.fill("#value", "*1.3")
    page.click(".another button")
    settle(page)
    assert "channels.*.*.price" in page.inner_text("#changes")
    plan = loads(TEXT, "shop.yaml", sets={"channels.*.*.price": "*1.3"})
    spends = sorted(optimize(plan).by_line["spend"])
    assert sorted(table_of(page).values()) == pytest.approx(spends, abs=1)


def test_changes_are_undone_one_by_one_and_all_at_once(page: Page, studio: Studio) -> None:
    for path, text in (("budget", "900000"), ("split.brand", "50%"), ("objective.margin", "60%")):
        type_in(page, path, text)
        settle(page)
    page.click('[aria-label="Undo: Plan · Brand share"]')
    settle(page)
    assert page.locator(".changes li").count() == 2
    assert row(page, "split.brand").locator("input.number").input_value() == "40%"
    spends = expected(budget=900_000, objective__margin=0.6)
    assert sorted(table_of(page).values()) == pytest.approx(spends, abs=1)
    page.click("#reset")
    settle(page)
    assert sorted(table_of(page).values()) == pytest.approx(expected(), abs=1)
    assert "Nothing is changed" in page.inner_text("#changes")


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("budget", "12m", "ambiguous"),
        ("split.brand", "170%", "not a share"),
        ("channels.search.brand.locked", "900000", "No plan keeps all the rules"),
    ],
)
def test_what_is_wrong_stands_beside_its_input_and_the_last_answer_stays(
    page: Page, studio: Studio, path: str, text: str, words: str
) -> None:
    before = table_of(page)
    type_in(page, path, text)
    settle(page, "wrong")
    assert words in row(page, path).locator(".note").inner_text()
    assert row(page, path).locator("input").first.get_attribute("aria-invalid") == "true"
    assert row(page, path).locator("input").first.input_value() == text
    assert words in page.inner_text("#problem")
    assert page.locator(f"{OPEN} .old-notice").is_visible()
    assert table_of(page) == before
    page.click("#reset")
    settle(page)
    assert not page.locator(f"{OPEN} .old-notice").count()
    assert page.inner_text("#problem") == ""


def test_a_what_if_is_saved_and_overwritten_on_purpose(
    page: Page, studio: Studio, shop: tuple[Path, Studio]
) -> None:
    file = shop[0]
    type_in(page, "budget", "1100000")
    settle(page)
    page.fill("#name", "</script> 🚀")
    page.press("#name", "Enter")
    expect(page.locator("#saved")).to_contain_text("Written into shop.yaml")
    assert "adsplit optimize shop.yaml --what-if" in page.inner_text("#saved")
    assert read_scenario(file).plan(["</script> 🚀"]).budget == 1_100_000
    assert page.input_value("#start") == "</script> 🚀"
    page.fill("#name", "cut")
    page.click("#save button")
    expect(page.locator("#saved")).to_contain_text("already")
    assert read_scenario(file).plan(["cut"]).budget == 800_000
    page.click("#saved button")
    expect(page.locator("#saved")).to_contain_text("overwritten")
    assert read_scenario(file).plan(["cut"]).budget == 1_100_000
    assert "# the board's fear" in file.read_text("utf-8")
    page.fill("#name", "all")
    page.click("#save button")
    expect(page.locator("#saved")).to_contain_text("word of the commands")


def test_a_file_that_changed_meanwhile_is_read_again_and_not_overwritten(
    page: Page, studio: Studio, shop: tuple[Path, Studio]
) -> None:
    file = shop[0]
    type_in(page, "split.brand", "50%")
    settle(page)
    file.write_text(TEXT.replace("1_000_000", "900_000"), encoding="utf-8")
    page.fill("#name", "mine")
    page.click("#save button")
    expect(page.locator("#saved")).to_contain_text("Nothing was written")
    page.click("#saved button")
    settle(page)
    expect(row(page, "budget").locator("input.number")).to_have_value("900000", timeout=20_000)
    assert "50%" in page.inner_text("#changes")
    page.fill("#name", "mine")
    page.click("#save button")
    expect(page.locator("#saved")).to_contain_text("Written")
    assert read_scenario(file).plan(["mine"]).budget == 900_000


def test_a_what_if_of_the_file_is_where_to_start(page: Page, studio: Studio) -> None:
    page.select_option("#start", "both")
    settle(page)
    best = optimize(loads(TEXT, "shop.yaml", what_ifs=["both"]))
    assert sorted(table_of(page).values()) == pytest.approx(sorted(best.by_line["spend"]), abs=1)
    assert page.locator(".changes li").count() == 2


def test_slow_parts_are_made_when_asked_and_told_to_be_of_before(
    page: Page, studio: Studio
) -> None:
    assert not page.locator("#prices-section-en").count()
    page.click("[data-evidence=prices]")
    expect(page.locator("#work")).to_contain_text("Done")
    assert page.locator("#prices-section-en").is_visible()
    assert not page.locator(f"{OPEN} .of-before").count()
    type_in(page, "budget", "1100000")
    settle(page)
    assert page.locator("#prices-section-en .of-before").is_visible()
    assert page.locator('#page-en .contents a[href="#prices-section-en"]').count() == 1
    page.click("[data-evidence=prices]")
    expect(page.locator("#work")).to_contain_text("Done")
    assert not page.locator(f"{OPEN} .of-before").count()


def test_both_languages_follow(page: Page, studio: Studio) -> None:
    type_in(page, "budget", "1100000")
    settle(page)
    page.click(f"{OPEN} [data-do=language]")
    settle(page)
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    assert "已求解" in page.inner_text("#state")
    assert page.locator('.row[data-path="budget"] label').inner_text() == "总预算"
    assert sorted(table_of(page, "zh").values()) == pytest.approx(expected(budget=1_100_000), abs=1)
    type_in(page, "budget", "120万")
    settle(page)
    assert sorted(table_of(page, "zh").values()) == pytest.approx(expected(budget=1_200_000), abs=1)


def test_a_reload_keeps_what_was_changed(page: Page, studio: Studio) -> None:
    type_in(page, "budget", "1100000")
    settle(page)
    page.reload()
    page.wait_for_selector("html[data-ready]")
    page.wait_for_selector(".changes li")
    settle(page)
    assert sorted(table_of(page).values()) == pytest.approx(expected(budget=1_100_000), abs=1)


def test_hostile_names_are_shown_as_they_are(page: Page, visit: Any, tmp_path: Path) -> None:
    file = write(tmp_path, dumps(nasty_plan()))
    with served(file) as studio:
        enter(page, visit, studio)
        page.fill("#search", "today")
        shown = page.inner_text("#groups")
        for name in NASTY[:3]:
            assert name in shown
        path = f"channels.{NASTY[0]}.brand.maximum"
        page.fill("#search", "</script> brand maximum")
        field = page.locator(".row input").first
        field.fill("50000")
        field.press("Enter")
        settle(page)
        assert page.locator("#panel img, #panel b b, .page img").count() == 0
        page.fill("#name", "<img src=x onerror=alert(1)>")
        page.click("#save button")
        expect(page.locator("#saved")).to_contain_text("Written")
        plan = read_scenario(file).plan(["<img src=x onerror=alert(1)>"])
    line = next(line for line in plan.lines if line.name == f"{NASTY[0]}.brand")
    assert line.maximum == 50_000
    assert path.removeprefix("channels.").split(".")[0] in to_document(plan)["channels"]


@pytest.fixture
def check(page: Page) -> Callable[[], list[Any]]:
    def run() -> list[Any]:
        found = Axe().run(page).response["violations"]
        return [(one["id"], one["nodes"][0]["html"][:160]) for one in found]

    return run


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_is_accessible(
    page: Page, visit: Any, shop: Any, check: Any, lang: str, theme: str
) -> None:
    file, studio = shop
    write(file.parent)
    studio.desk.reload()
    enter(page, visit, studio, f"lang={lang}&theme={theme}")
    type_in(page, "split.brand", "170%")
    settle(page, "wrong")
    page.fill("#search", "search")
    page.click(".another summary")
    assert check() == []


@pytest.mark.parametrize("width", [390, 768, 1280])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_nothing_sticks_out_or_is_covered(
    page: Page, visit: Any, shop: Any, width: int, lang: str
) -> None:
    file, studio = shop
    write(file.parent)
    studio.desk.reload()
    page.set_viewport_size({"width": width, "height": 844})
    enter(page, visit, studio, f"lang={lang}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if width < 1100:
        assert not page.locator("#inputs").is_visible()
        page.click("#toggle")
    type_in(page, "budget", "1100000")
    settle(page)
    page.fill("#search", "e")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    out = page.evaluate(
        """() => {
          const body = document.querySelector("#inputs");
          const box = body.getBoundingClientRect();
          return [...body.querySelectorAll("label, input, button, select, summary, p, bdi")]
            .filter((one) => {
              const own = one.getBoundingClientRect();
              return own.width && (own.left < box.left - 1 || own.right > box.right + 1);
            }).map((one) => one.outerHTML.slice(0, 90));
        }"""
    )
    assert out == []
    panel, report = page.locator("#panel").bounding_box(), page.locator(OPEN).bounding_box()
    assert panel is not None
    assert report is not None
    if width >= 1100:
        assert report["x"] >= panel["x"] + panel["width"]
    else:
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.click("#toggle")
        foot = page.locator(f"{OPEN} footer").bounding_box()
        bar = page.locator("#panel").bounding_box()
        assert foot is not None
        assert bar is not None
        assert foot["y"] + foot["height"] <= bar["y"] + 1, "the bar covers the end of the page"


def test_the_keyboard_reaches_everything(page: Page, studio: Studio) -> None:
    page.focus("#start")
    seen = set()
    for _ in range(20):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert "search" in seen
    assert page.evaluate("document.activeElement.closest('#panel, .page') !== null")
    slider = row(page, "split.brand").locator("input[type=range]")
    slider.focus()
    slider.press("Home")
    settle(page)
    assert row(page, "split.brand").locator("input.number").input_value() == "0%"
    assert slider.get_attribute("aria-valuetext") == "0%"


def test_other_pages_can_neither_read_nor_write(
    page: Page, visit: Any, studio: Studio, tmp_path: Path
) -> None:
    """A page of another origin in the same browser, whose script knows everything but the token."""
    other = tmp_path / "other.html"
    other.write_text("<p>other</p>", encoding="utf-8")
    page.goto(other.as_uri())
    found = page.evaluate(
        """async (address) => {
          const asked = [];
          for (const how of [
            { method: "POST", body: "{}", headers: { "Content-Type": "application/json" } },
            { method: "POST", body: "{}", mode: "no-cors" },
            { method: "GET" },
          ]) {
            try {
              const reply = await fetch(address + (how.method === "GET" ? "/" : "/state"), how);
              asked.push(reply.type + reply.status);
            } catch { asked.push("refused"); }
          }
          const script = document.createElement("script");
          script.src = address + "/studio.js";
          asked.push(await new Promise((resume) => {
            script.onload = () => resume("loaded");
            script.onerror = () => resume("refused");
            document.head.append(script);
          }));
          return asked;
        }""",
        f"http://127.0.0.1:{studio.port}",
    )
    assert set(found) <= {"refused", "opaque0"}
    assert found[0] == found[2] == found[3] == "refused"
    visit.errors.clear()


def test_the_answer_on_screen_is_the_json_of_the_server(page: Page, studio: Studio) -> None:
    with page.expect_response("**/solve") as heard:
        type_in(page, "budget", "1100000")
    settle(page)
    told = json.loads(heard.value.body())
    spends = sorted(line["spend"] for line in told["figures"]["lines"])
    assert sorted(table_of(page).values()) == pytest.approx(spends, abs=1)
    words = str.maketrans({"\u00a0": " ", "\u2060": None})
    shown_words = page.inner_text("#headline-en").translate(words)
    assert shown_words == told["headline"].translate(words)
