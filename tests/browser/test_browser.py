"""The browser itself: it draws, it is cut off, and it tells what went wrong."""

from pathlib import Path

from playwright.sync_api import Page


def test_draws_a_page_from_a_file(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(
        "<meta charset=utf-8><p id=p></p><script>p.textContent = '预算 ' + 6 * 7</script>",
        encoding="utf-8",
    )
    page.goto(file.as_uri())
    assert page.inner_text("#p") == "预算 42"


def test_refuses_and_records_what_is_outside(page: Page, visit) -> None:
    page.set_content("<img src='https://example.invalid/pixel.png'>")
    page.wait_for_load_state()
    assert visit.refused == ["https://example.invalid/pixel.png"]
    visit.refused.clear()
    visit.errors.clear()


def test_records_errors(page: Page, visit) -> None:
    page.set_content("<script>console.error('odd'); missing()</script>")
    assert visit.errors == ["odd", "missing is not defined"]
    visit.errors.clear()
