"""Draw every chart of the report, and the picture of the report in the readme.

    python docs/gallery.py          draw them, and write the page docs/gallery.md (`make gallery`)
    python docs/gallery.py --check  say whether the page names every chart; exit 1 if it does not

The pictures are what the browser of the tests shows, so their fonts are those of this machine;
what is checked is that every chart has its place and its picture.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from optimizer.report.pictures import KINDS, Kind  # noqa: E402

DOCS = ROOT / "docs"
PICTURES = DOCS / "images" / "gallery"
PAGE = DOCS / "gallery.md"
REPORT = DOCS / "images" / "report.png"
SCENARIO = "b2c"
WIDTH = 840
"""Pixels across."""

HEAD = """\
<!-- Made by docs/gallery.py; do not edit. -->
# Gallery

Every chart of the report by its name, here of the built-in scenario `b2c`. In the report each has a
table beside it; [by itself](guide/share.md#one-chart) it is written as a page, as Plotly's JSON, or
as a picture. `make gallery` draws them anew in the browser that the tests use.
"""


# What the scenario lacks for a chart, as a command says it.
MORE = {
    "breakdown": " --reach order=40000",
    "commitment": " --set 'commitment={lines: streaming}'",
}


def command(kind: Kind) -> str:
    """What writes the chart by itself."""
    return f"adsplit chart {SCENARIO} {kind.name}{MORE.get(kind.name, '')} -o {kind.name}.html"


def page() -> str:
    """The page as it should stand."""
    parts = [HEAD]
    for kind in KINDS:
        question = kind.shows("en")
        many = f" There are several: `{kind.name}-…`." if kind.is_many else ""
        parts.append(
            f"\n## {kind.name}\n\n{question}.{many}\n\n"
            f"![{question}](images/gallery/{kind.name}.png)\n\n`{command(kind)}`\n"
        )
    return "".join(parts)


def charts(folder: Path) -> Iterator[tuple[str, Path]]:
    """A page for the first chart of every kind, in *folder*; the report of it all beside them."""
    import optimizer as opt
    from optimizer.sources.scenario import read_scenario

    read = read_scenario(SCENARIO)
    plan = read.plan()
    best = opt.optimize(plan)
    analyses = opt.overview(best, {name: read.plan([name]) for name in read.what_ifs}, jobs=2)
    opt.write_report(folder / "report.html", best, *analyses)
    goal = opt.optimize(opt.reaching(plan, {"order": 40_000}))
    booked = opt.commit(read.plan((), ["commitment={lines: streaming}"]))
    others: dict[str, tuple[Any, ...]] = {"breakdown": (goal,), "commitment": (best, booked)}
    for kind in KINDS:
        answer, *known = others.get(kind.name, (best, *analyses))
        chart = opt.chart(answer, kind.name, *known)
        yield kind.name, chart.write(folder / f"{kind.name}.html")


def draw() -> None:
    """Draw all pictures, and remove those of charts that are no more."""
    from playwright.sync_api import sync_playwright

    from tests.browser.find_browser import FLAGS, get_browser

    PICTURES.mkdir(parents=True, exist_ok=True)
    for old in PICTURES.glob("*.png"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        made = list(charts(Path(folder)))
        browser = playwright.chromium.launch(executable_path=get_browser(), args=list(FLAGS))
        for name, file in made:
            tab = opened(browser, file, WIDTH, 900)
            tab.add_style_tag(
                content="details, .aid { display: none; } section { border: 0; border-radius: 0; }"
            )
            tab.locator(".page:not([hidden]) section").screenshot(path=PICTURES / f"{name}.png")
            tab.close()
            print(PICTURES / f"{name}.png")
        tab = opened(browser, Path(folder) / "report.html", 1280, 1500)
        tab.screenshot(path=REPORT)
        print(REPORT)
        browser.close()


def opened(browser: Any, file: Path, width: int, height: int) -> Any:
    """A page, once its charts are drawn."""
    tab = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
    tab.goto(file.as_uri())
    tab.wait_for_selector("html[data-ready]")
    tab.wait_for_function(
        "document.querySelectorAll('.page:not([hidden]) .plot:empty').length === 0"
    )
    return tab


def main() -> int:
    """Write the page and the pictures, or check the page."""
    if "--check" in sys.argv[1:]:
        if PAGE.read_text(encoding="utf-8") != page():
            print(f"{PAGE} is out of date; run: make gallery", file=sys.stderr)
            return 1
        return 0
    draw()
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
