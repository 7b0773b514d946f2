"""Every chart of the report by itself: as a page, as Plotly's JSON, or as a picture."""

from __future__ import annotations

import copy
import json
import math
import os
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from optimizer.allocation import Allocation
from optimizer.analysis.overview import suited
from optimizer.errors import Fault, NoBrowser, PlanError, UnknownName
from optimizer.plan.constraints import Target
from optimizer.plan.plan import Plan
from optimizer.words import LANGUAGES, say
from optimizer.writing import write_atomically

from .blocks import Chart
from .notebook import frame_html
from .page import sections_of
from .shell import page_html
from .theme import BRAND, DECREASE, INK, MUTED, NEUTRAL, PAPER, TODAY, TRAFFIC, plain, width_of
from .view import View

__all__ = [
    "ENDINGS",
    "IMAGES",
    "KINDS",
    "Kind",
    "Picture",
    "chart",
    "chart_kinds",
    "charts",
    "need_kaleido",
    "wanted",
]

IMAGES = (".png", ".svg", ".pdf")
ENDINGS = (".html", ".json", *IMAGES)
"""What a chart can be written as, by the ending of the file."""

WIDTH, SMALL_WIDTH = 900, 480
"""Pixels across; of one chart among many."""


@dataclass(frozen=True)
class Kind:
    """A chart of the report, or several: ``curve`` stands for ``curve-1``, ``curve-2`` …"""

    name: str
    needs: str = ""
    """The analysis that it shows, as :func:`optimizer.analysis.overview.suited` names it."""
    is_many: bool = False
    better_with: str = ""
    """An analysis that adds to it."""

    def shows(self, lang: str) -> str:
        """The question that it answers."""
        return say(f"picture.{self.name}", lang)


KINDS = (
    Kind("dumbbell"),
    Kind("change"),
    Kind("strip", better_with="rule"),
    Kind("phasing"),
    Kind("curve", is_many=True),
    Kind("marginal"),
    Kind("goodwill"),
    Kind("stage", is_many=True),
    Kind("breakdown", is_many=True),
    Kind("frontier", "frontier"),
    Kind("rule", "rule"),
    Kind("horizon", "horizon"),
    Kind("prices", "prices", is_many=True),
    Kind("gain", "sure"),
    Kind("firm", "sure"),
    Kind("returns", "sure"),
    Kind("test", "test"),
    Kind("safety", "safety"),
    Kind("commitment", "commitment"),
    Kind("tornado", "tornado"),
    Kind("scenarios", "scenarios"),
)
"""In the order of the report."""

# What brings each analysis, for a message.
_BRINGS = {
    "frontier": "budget_sweep(plan)",
    "rule": "split_sweep(plan)",
    "horizon": "horizon_sweep(plan)",
    "prices": "rule_prices(best)",
    "sure": "certainty(best)",
    "test": "information(certainty(best))",
    "safety": "frontier(plan)",
    "commitment": "commit(plan)",
    "tornado": "tornado(plan)",
    "scenarios": "compare({…})",
}


def kind_of(name: str) -> Kind | None:
    """The kind of a chart's name: of ``curve-3`` it is curve."""
    return next((kind for kind in KINDS if re.fullmatch(rf"{kind.name}(-\w+)?", name)), None)


def chart_kinds(plan: Plan, what_ifs: Sequence[str] = ()) -> list[Kind]:
    """The kinds of chart that a plan has a use for, in the order of the report."""
    uses = set(suited(plan, what_ifs))
    stated = all(line.current is not None for line in plan.lines)
    timed = plan.periods is not None
    here: Mapping[str, Callable[[], bool]] = {
        "change": lambda: stated,
        "strip": lambda: any(line.role for line in plan.lines),
        "phasing": lambda: timed,
        "goodwill": lambda: timed and plan.goodwill is not None,
        "stage": lambda: timed and plan.funnel is not None,
        "breakdown": lambda: timed and any(
            isinstance(rule, Target) and rule.at_least is not None for rule in plan.rules),
    }  # fmt: skip
    return [
        kind for kind in KINDS
        if (not kind.needs or kind.needs in uses) and here.get(kind.name, lambda: True)()
    ]  # fmt: skip


def wanted(plan: Plan, name: str, what_ifs: Sequence[str] = ()) -> Kind:
    """The kind of the chart *name* of a plan, before anything is solved.

    Raises:
        UnknownName: a plan like this has no such chart.
    """
    kinds, kind = chart_kinds(plan, what_ifs), kind_of(name)
    if kind is None or (kind.name != name and not kind.is_many):
        raise UnknownName.of("chart", name, [one.name for one in kinds])
    if kind not in kinds:
        shown = ", ".join(one.name for one in kinds)
        raise UnknownName(Fault("", f"this plan has nothing to show in the chart {name!r}",
                                f"Known: {shown}"))  # fmt: skip
    return kind


@dataclass(frozen=True, eq=False)
class Picture:
    """One chart of the report by itself."""

    name: str
    lang: str
    plan_name: str
    fingerprint: str
    by_lang: Mapping[str, Chart]

    @property
    def chart(self) -> Chart:
        """The chart in its language."""
        return self.by_lang[self.lang]

    @property
    def title(self) -> str:
        """The finding."""
        return self.chart.title

    @cached_property
    def figure(self) -> Any:
        """Plotly's figure, with its title, its legend and a background; to be shown anywhere."""
        return dressed(self.chart)

    def html(self) -> str:
        """A page of its own that loads nothing, in both languages."""
        names = {one: f"{chart.title} – {self.plan_name}" for one, chart in self.by_lang.items()}
        return page_html(
            "chart.html.jinja",
            self.lang,
            names,
            {one: {self.name: c.figure.to_plotly_json()} for one, c in self.by_lang.items()},
            {},
            name=self.plan_name,
            fingerprint=self.fingerprint,
            charts=[(one, self.by_lang[one]) for one in LANGUAGES],
        )

    def json(self) -> str:
        """Plotly's JSON: data and layout."""
        data = self.figure.to_plotly_json()
        return json.dumps(data, ensure_ascii=False, allow_nan=False, indent=1) + "\n"

    def image(self, form: str = "png", scale: float = 2.0) -> bytes:
        """A picture as ``png``, ``svg`` or ``pdf``, drawn by a browser on this machine.

        Args:
            form: One of these three.
            scale: Pixels of a PNG per pixel of the layout.

        Raises:
            ModuleNotFoundError: Kaleido is not installed.
            NoBrowser: there is no Chrome or Chromium for it.
        """
        need_kaleido()
        import kaleido
        from kaleido.errors import BrowserFailedError, ChromeNotFoundError

        layout = self.figure.layout
        how = {"format": form, "width": layout.width, "height": layout.height, "scale": scale}
        # No script from elsewhere: figures have no formulas.
        page = kaleido.PageGenerator(mathjax=False)
        try:
            drawn = kaleido.calc_fig_sync(
                self.figure.to_dict(), opts=how, kopts={"page_generator": page}
            )
        except (ChromeNotFoundError, BrowserFailedError) as error:
            raise NoBrowser(
                "a picture is drawn by Chrome or Chromium, and none could be started; install one, "
                "or set BROWSER_PATH to its program, or write .html or .json instead"
            ) from error
        return bytes(drawn)

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write it to *path*, as its ending asks: .html .json .png .svg .pdf.

        Raises:
            PlanError: there is no such form.
            ModuleNotFoundError, NoBrowser: as :meth:`image`.
            OSError: the file cannot be written.
        """
        file = Path(path)
        ending = file.suffix.lower()
        if ending not in ENDINGS:
            raise PlanError(Fault("", f"a chart cannot be written as {file.name!r}",
                                  f"End the name in {', '.join(ENDINGS)}"))  # fmt: skip
        if ending in IMAGES:
            content = self.image(ending[1:])
        else:
            content = (self.html() if ending == ".html" else self.json()).encode()
        write_atomically(file, content)
        return file

    def _repr_html_(self) -> str:
        """For a notebook: the finding, and the figures as a table; ``.figure`` draws itself."""
        return frame_html(self.title, self.chart.subtitle, self.chart.table, self.lang)


def charts(allocation: Allocation, *analyses: Any, lang: str = "en") -> dict[str, Picture]:
    """Every chart of a report by its name, in the order of the report.

    Args:
        allocation: The answer.
        analyses: As for :func:`optimizer.write_report`; each brings its charts.
        lang: The language that they are in.

    Raises:
        TypeError: an analysis is of no kind that a report shows.
        KeyError: there is no such language.
    """
    say("page.title", lang, name="")
    found: dict[str, dict[str, Chart]] = {}
    for one in LANGUAGES:
        for section in sections_of(View(allocation, one), *analyses):
            for each in section.charts:
                found.setdefault(each.id, {})[one] = each
    plan, print_ = allocation.plan, allocation.provenance["input"]
    return {
        name: Picture(name, lang, plan.name, print_, by_lang) for name, by_lang in found.items()
    }


def chart(allocation: Allocation, name: str, *analyses: Any, lang: str = "en") -> Picture:
    """One chart of a report; a kind's name (``curve``) stands for the first of it.

    Raises:
        UnknownName: there is none of that name here; says what is missing where something is.
        TypeError, KeyError: as :func:`charts`.
    """
    found = charts(allocation, *analyses, lang=lang)
    if name in found:
        return found[name]
    kind = kind_of(name)
    first = next((one for one in found if kind is not None and kind_of(one) is kind), None)
    if kind is not None and name == kind.name and first is not None:
        return found[first]
    if kind is not None and first is None and kind.needs:
        advice = f"Give {_BRINGS[kind.needs]}, too; where that finds nothing there is no chart"
        raise UnknownName(Fault("", f"there is no chart {name!r} here", advice))
    raise UnknownName.of("chart", name, found)


def need_kaleido() -> None:
    """Say so early when pictures cannot be drawn.

    Raises:
        ModuleNotFoundError: Kaleido is not installed.
    """
    if find_spec("kaleido") is None:
        raise ModuleNotFoundError("No module named 'kaleido'", name="kaleido")


# ------------------------------------------------------------------------------------ dress

_MARKS = {
    "circle": ("○", TODAY),
    "diamond": ("◆", INK),
    "line": ("━", BRAND),
    "dashed": ("╍", TODAY),
    "limit": ("┄", INK),
    "swatch-brand": ("■", BRAND),
    "swatch-traffic": ("■", TRAFFIC),
    "swatch-lost": ("■", DECREASE),
}
"""The marks of a page's legend as characters."""


def dressed(chart: Chart) -> Any:
    """The figure with what the page says around it: title, unit and legend."""
    import plotly.graph_objects as go

    known = copy.deepcopy(chart.figure.to_plotly_json())
    layout = known["layout"]
    width = SMALL_WIDTH if chart.is_small else WIDTH
    _seat(layout, width)
    rows = [f"<b>{plain(row)}</b>" for row in _rows(chart.title, width - 40, bold=True)]
    high = 23 * len(rows)
    for row in _rows(chart.subtitle, width - 40):
        rows.append(f'<span style="font-size:12px;color:{MUTED}">{plain(row)}</span>')
        high += 20
    if chart.legend:
        rows.append(_legend(chart.legend))
        high += 20
    margin, height = layout["margin"], layout["height"] + high + 18
    margin |= {"t": margin["t"] + high + 18, "l": margin["l"] + 12, "r": margin["r"] + 8}
    layout |= {
        "width": width,
        "height": height,
        "paper_bgcolor": PAPER,
        "title": {
            "text": "<br>".join(rows), "font": {"size": 16, "color": INK},
            "x": 16 / width, "xanchor": "left", "xref": "container",
            # Plotly sets the first of several rows on this line, not below it.
            "y": 1 - 26 / height, "yanchor": "top", "yref": "container", "automargin": False,
        },
    }  # fmt: skip
    layout.pop("meta", None)
    for trace in known["data"]:
        trace.pop("meta", None)
    return go.Figure(known)


def _seat(layout: dict[str, Any], width: int) -> None:
    """Room for a legend below the figure: the rows that it needs at this width, as on the page."""
    entries = (layout.get("meta") or {}).get("entries")
    if not entries:
        return
    rows = math.ceil(entries / max((width - 60) // 185, 1))
    margin = layout["margin"]
    layout["legend"]["y"] = -(margin["b"] + 2) / (layout["height"] - margin["t"] - margin["b"])
    margin["b"] += 12 + 20 * rows
    layout["height"] += 12 + 20 * rows


def _rows(text: str, width: int, *, bold: bool = False) -> list[str]:
    """*text* folded to *width* pixels; Chinese may be folded anywhere."""
    if not text:
        return []
    size = width_of([text]) * (16 / 12 * 1.04 if bold else 1.0)
    lines = math.ceil(size / width)
    return textwrap.wrap(text, math.ceil(len(text) / lines) + (6 if lines > 1 else 0)) or []


def _legend(marks: Sequence[tuple[str, str]]) -> str:
    said = []
    for shape, meaning in marks:
        mark, colour = _MARKS.get(shape, ("■", NEUTRAL))
        said.append(f'<span style="color:{colour}">{mark}</span> {plain(meaning)}')
    return f'<span style="font-size:12px;color:{INK}">{"   ".join(said)}</span>'
