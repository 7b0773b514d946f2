"""Sections into one self-contained HTML file, in both languages."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
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

from . import ahead, answer, assurance, evidence, explorer, groups, over_time, sections
from .appendix import appendix
from .blocks import Page, Section
from .markdown import summary
from .shell import file_name, page_html
from .tables import allocation_csv
from .view import View

__all__ = ["content", "page_of", "render", "sections_of", "write_report"]


def write_report(path: str | os.PathLike[str], allocation: Allocation, *analyses: Any,
                 lang: str = "en") -> Path:  # fmt: skip
    """Write the report of *allocation* to *path*, whole or not at all; see :func:`render`.

    A path that ends in ``.md`` gets the summary in Markdown, see :func:`optimizer.summary`.

    Raises:
        OSError: the file cannot be written.
    """
    file = Path(path)
    if file.suffix.lower() == ".md":
        text = summary(allocation, _sorted(analyses).get("prices"), lang)
    else:
        text = render(allocation, *analyses, lang=lang)
    write_atomically(file, text.encode())
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
    make = groups.grouped_page if groups.is_table(views[0]) else _page
    pages = [make(view, known) for view in views]
    explored: dict[str, Any] = {}
    if "explore" in known:
        texts = {page.lang: page.explored.texts for page in pages if page.explored is not None}
        explored = {"explore": {**explorer.points(views[0], known["explore"]), "texts": texts}}
    name, fingerprint = allocation.plan.name, allocation.provenance["input"]
    return page_of(pages, name, fingerprint, lang, **explored)


def content(
    allocation: Allocation, *analyses: Any, lang: str = "en", languages: Sequence[str] = LANGUAGES
) -> str:
    """The page of :func:`render` without its styles and scripts, for whoever serves those apart.

    Args:
        allocation: The answer.
        analyses: As for :func:`render`, but for ``Explorer``.
        lang: The language that the page opens in.
        languages: Those that it holds.
    """
    known = _sorted(analyses)
    pages = [_page(View(allocation, one), known) for one in languages]
    name, fingerprint = allocation.plan.name, allocation.provenance["input"]
    return page_of(pages, name, fingerprint, lang, whole=False)


def page_of(
    pages: Sequence[Page],
    name: str,
    fingerprint: str,
    lang: str,
    title: str = "page.title",
    *,
    whole: bool = True,
    **data: Any,
) -> str:
    """One HTML page of the same in both languages.

    Args:
        pages: The page in each language.
        name: What it is about.
        fingerprint: Of the input.
        lang: The language that it opens in.
        title: A sentence that takes its name.
        whole: Whether its styles and scripts are in it.
        data: What else its script reads.
    """
    return page_html(
        "page.html.jinja",
        lang,
        {one: say(title, one, name=name) for one in LANGUAGES},
        {page.lang: _figures(page) for page in pages},
        {"csv": {page.lang: page.csv for page in pages}, "file": file_name(name), **data},
        whole=whole,
        pages=pages,
        name=name,
        fingerprint=fingerprint,
    )


def sections_of(view: View, *analyses: Any) -> Sequence[Section]:
    """The sections of the report in one language.

    Raises:
        TypeError: an analysis is of no kind that a report shows.
    """
    return _page(view, _sorted(analyses)).sections


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
