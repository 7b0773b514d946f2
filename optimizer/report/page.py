"""Sections into one self-contained HTML file, in both languages."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
from collections.abc import Mapping
from functools import cache
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from optimizer.allocation import Allocation
from optimizer.analysis.certainty import Certainty
from optimizer.analysis.commitment import Committed
from optimizer.analysis.comparison import Comparison
from optimizer.analysis.explorer import Explorer
from optimizer.analysis.frontier import Frontier
from optimizer.analysis.horizon import Horizons
from optimizer.analysis.information import Information
from optimizer.analysis.prices import Prices
from optimizer.analysis.sweep import Sweep
from optimizer.analysis.tornado import Tornado
from optimizer.words import LANGUAGES, say
from optimizer.writing import write_atomically

from . import ahead, answer, assurance, evidence, explorer, over_time, sections
from .appendix import appendix
from .blocks import Page, Section
from .tables import allocation_csv
from .theme import DARK, TURNING
from .view import View

__all__ = ["render", "write_report"]

TAGS = {"en": "en", "zh": "zh-CN"}


def write_report(path: str | os.PathLike[str], allocation: Allocation, *analyses: Any,
                 lang: str = "en") -> Path:  # fmt: skip
    """Write the report of *allocation* to *path*, whole or not at all; see :func:`render`.

    Raises:
        OSError: the file cannot be written.
    """
    file = Path(path)
    write_atomically(file, render(allocation, *analyses, lang=lang).encode())
    return file


def render(allocation: Allocation, *analyses: Any, lang: str = "en") -> str:
    """The report of *allocation* as one HTML page that loads nothing.

    Args:
        allocation: The answer.
        analyses: Any of ``Prices``, ``Sweep`` (of the budget or the brand share), ``Horizons``,
            ``Certainty``, ``Information``, ``Frontier``, ``Committed``, ``Tornado``,
            ``Comparison`` and ``Explorer``; each brings its section, and what is not given is left
            out.
        lang: The language that the page opens in; it holds both.

    Raises:
        TypeError: an analysis is of none of these kinds.
        KeyError: there is no such language.
    """
    known = _sorted(analyses)
    views = [View(allocation, one) for one in LANGUAGES]
    pages = [_page(view, known) for view in views]
    shell = {
        key.removeprefix("page."): {one: say(key, one) for one in LANGUAGES}
        for key in ("page.language", "page.language_label", "page.theme_auto", "page.theme_light",
                    "page.theme_dark", "page.copy", "page.copied", "page.no_charts")
    }  # fmt: skip
    shell["none"] = {one: say("word.none", one) for one in LANGUAGES}
    shell["title"] = {
        one: say("page.title", one, name=allocation.plan.name.translate(TURNING))
        for one in LANGUAGES
    }
    say("page.title", lang, name="")
    data = {
        "csv": {page.lang: page.csv for page in pages},
        "file": _file_name(allocation.plan.name),
        "dark": DARK,
        "words": shell,
        "tags": TAGS,
    }
    if "explore" in known:
        data["explore"] = {
            **explorer.points(views[0], known["explore"]),
            "texts": {page.lang: page.explored.texts for page in pages},
        }
    template = _template()
    return str(
        template.render(
            pages=pages,
            lang=lang,
            tags=TAGS,
            name=allocation.plan.name,
            version=metadata.version("adsplit"),
            fingerprint=allocation.provenance["input"],
            css=_source("page.css"),
            script=_source("explore.js") + _source("page.js"),
            data=_script_json(data),
            figures=_packed(_json({page.lang: _figures(page) for page in pages})),
            plotly=_plotly(),
            say=say,
        )
    )


def _sorted(analyses: tuple[Any, ...]) -> dict[str, Any]:
    """The analyses by the section that each brings; of two for one section the last holds."""
    known: dict[str, Any] = {}
    for one in analyses:
        if isinstance(one, Prices):
            known["prices"] = one
        elif isinstance(one, Horizons):
            known["horizon"] = one
        elif isinstance(one, Tornado):
            known["tornado"] = one
        elif isinstance(one, Certainty):
            known["sure"] = one
        elif isinstance(one, Information):
            known["test"] = one
        elif isinstance(one, Frontier):
            known["safety"] = one
        elif isinstance(one, Committed):
            known["commitment"] = one
        elif isinstance(one, Explorer):
            known["explore"] = one
        elif isinstance(one, Comparison):
            known["scenarios"] = one
        elif isinstance(one, Sweep) and one.path in {"budget", "split.brand"}:
            known["frontier" if one.path == "budget" else "rule"] = one
        elif one is not None and not isinstance(one, Sweep):
            raise TypeError(f"a report has no section for {type(one).__name__}")
    return known


def _page(view: View, known: Mapping[str, Any]) -> Page:
    word, status_text = answer.status(view)
    timed = _over_time(view, known.get("prices"))
    parts = [sections.allocation(view, known.get("rule")), *timed[:1], sections.response(view)]
    parts += timed[1:]
    makers = (
        ("frontier", evidence.frontier),
        ("rule", evidence.brand_rule),
        ("horizon", over_time.horizon),
        ("prices", evidence.prices),
        ("sure", assurance.sure),
        ("test", assurance.test),
        ("safety", ahead.safety),
        ("commitment", ahead.commitment),
        ("tornado", evidence.tornado),
        ("scenarios", evidence.scenarios),
    )
    parts += [make(view, known[key]) for key, make in makers if key in known]
    provenance = view.allocation.provenance
    return Page(
        lang=view.lang,
        status=word,
        status_text=status_text,
        chips=answer.chips(view),
        answer=answer.answer(view, known.get("prices")),
        sections=parts,
        appendix=appendix(view),
        csv=allocation_csv(view),
        explored=explorer.explored(view, known["explore"]) if "explore" in known else None,
        footer=view.say("page.footer", version=provenance["versions"]["adsplit"],
                        input=provenance["input"][:12]),
    )  # fmt: skip


def _over_time(view: View, prices: Any) -> list[Section]:
    """The sections about time, the phasing first; none for a plan of one period."""
    plan = view.allocation.plan
    if plan.periods is None:
        return []
    parts = [over_time.phasing(view)]
    if plan.goodwill is not None:
        parts.append(over_time.goodwill(view))
    if plan.funnel is not None:
        parts.append(over_time.funnel(view, prices))
    if over_time.has_goal(view):
        parts.append(over_time.goal(view))
    return parts


def _figures(page: Page) -> dict[str, Any]:
    every = [chart for part in page.sections for chart in part.charts]
    if page.explored is not None:
        every.append(page.explored.chart)
    return {chart.id: chart.figure.to_plotly_json() for chart in every}


def _json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _packed(text: str) -> str:
    """A text as the page unpacks it: compressed, in letters; the same for the same text."""
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=9, mtime=0)).decode("ascii")


def _script_json(data: Any) -> str:
    """JSON that may stand in a script element, whatever texts it holds."""
    text = _json(data)
    for character, code in (
        ("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"),
        ("\u2028", "\\u2028"), ("\u2029", "\\u2029"),
    ):  # fmt: skip
        text = text.replace(character, code)
    return text


def _file_name(name: str) -> str:
    """A plan's name as the name of a file, without what file systems refuse."""
    return re.sub(r"[^\w\-]+", "-", name).strip("-_")[:60] or "plan"


@cache
def _plotly() -> str:
    """Plotly's script, packed."""
    script = resources.files("plotly").joinpath("package_data", "plotly.min.js")
    return _packed(script.read_text(encoding="utf-8"))


def _source(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _settled(value: Any) -> Any:
    """Text for the page: it turns no text around it; names and signed numbers stay in one row."""
    if type(value) is not str:
        return value
    text = value.translate(TURNING).replace(" · ", "\N{NO-BREAK SPACE}· ")
    return text.replace("\N{MINUS SIGN}", "\N{MINUS SIGN}\N{WORD JOINER}")


@cache
def _template() -> Any:
    import jinja2

    environment = jinja2.Environment(
        finalize=_settled,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.from_string(_source("page.html.jinja"))
