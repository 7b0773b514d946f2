"""A headless browser for the report's tests, cut off from every network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

from tests.browser.find_browser import FLAGS, NoBrowserError, find_browser

INSIDE = {"file", "data", "blob", "about"}
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test in this folder needs the browser."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.browser)


@dataclass
class Visit:
    """What happened while a page was open."""

    refused: list[str] = field(default_factory=list)
    """Addresses outside the page that it asked for; each was refused."""
    served: set[str] = field(default_factory=set)
    """Hosts and ports of this machine that the test itself serves; all else stays cut off."""
    errors: list[str] = field(default_factory=list)
    """Errors on the console, and exceptions nobody caught."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    try:
        program = find_browser()
    except NoBrowserError as missing:
        pytest.fail(f"{missing}\n`make browser` installs one.", pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def visit() -> Visit:
    """What the test's page asked for and complained about; a test that expects some clears it."""
    return Visit()


@pytest.fixture
def page(browser: Browser, visit: Visit) -> Iterator[Page]:
    """An empty page. At the end it must have asked for nothing and complained of nothing."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, locale="en-GB", service_workers="block"
    )
    context.set_default_timeout(20_000)

    def allow_inside(route: Route) -> None:
        address = urlsplit(route.request.url)
        if address.scheme in INSIDE or address.netloc in visit.served:
            route.continue_()
        else:
            visit.refused.append(route.request.url)
            route.abort()

    context.route("**/*", allow_inside)
    page = context.new_page()
    page.on("console", lambda said: said.type == "error" and visit.errors.append(said.text))
    page.on("pageerror", lambda error: visit.errors.append(str(error)))
    page.on("websocket", lambda socket: visit.refused.append(socket.url))
    yield page
    context.close()
    assert visit.refused == [], "the page asked for something outside itself"
    assert visit.errors == [], "the page complained on the console"
