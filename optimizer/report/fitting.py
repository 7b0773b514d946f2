"""The page of a fit: how it runs along the history, its curves, and what speaks against it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from optimizer.fitting.calibration import Fit
from optimizer.fitting.telling import sentences, title
from optimizer.words import LANGUAGES, label, number, percent, say
from optimizer.writing import write_atomically

from .blocks import Chart, Column, Section, Table
from .charts.fitting import fitted_curve, fitted_series
from .shell import file_name, page_html

__all__ = ["lines_table", "render_fit", "write_fit_report"]


def write_fit_report(path: str | os.PathLike[str], made: Fit, lang: str = "en") -> Path:
    """Write the page of a fit to *path*, whole or not at all; it loads nothing.

    Raises:
        OSError: the file cannot be written.
    """
    file = Path(path)
    write_atomically(file, render_fit(made, lang).encode())
    return file


def render_fit(made: Fit, lang: str = "en") -> str:
    """The page of a fit as HTML, in both languages; it opens in *lang*."""
    name = made.history.map.name or Path(made.history.source).stem
    sections = {one: _sections(made, one) for one in LANGUAGES}
    pages = [
        {"lang": one, "title": title(made, one), "sections": sections[one]} for one in LANGUAGES
    ]
    figures = {
        one: {chart.id: chart.figure.to_plotly_json() for part in parts for chart in part.charts}
        for one, parts in sections.items()
    }
    csv = made.series.to_csv(index=False, float_format="%.6g")
    titles = {one: say("fit.page.title", one, name=name) for one in LANGUAGES}
    data = {"csv": dict.fromkeys(LANGUAGES, csv), "file": file_name(name)}
    return page_html("fit.html.jinja", lang, titles, figures, data, pages=pages, name=name)


def _sections(made: Fit, lang: str) -> list[Section]:
    foretold = made.foretold
    error = percent(foretold.error, lang, 1)
    finding = say("fit.page.finding", lang, n=foretold.periods, error=error)
    drawn = fitted_series(made, lang)
    series = Chart("series", finding, drawn, is_wide=True, label=finding)
    curves = []
    for index, line in enumerate(made.lines):
        low, back, high = (_figure(value, lang) for value in line.back)
        told = say("fit.page.curve", lang, line=label(line.name, lang), back=back, low=low,
                   high=high)  # fmt: skip
        drawn, legend = fitted_curve(made, index, lang), _legend(lang) if index == 0 else ()
        curves.append(Chart(f"curve-{index}", told, drawn, label=told, legend=legend))
    return [
        Section(
            "fit", say("fit.page.series", lang), charts=[series], sentences=sentences(made, lang)
        ),
        Section(
            "curves", say("fit.page.curves", lang), charts=curves, tables=[lines_table(made, lang)]
        ),
    ]


def _legend(lang: str) -> list[tuple[str, str]]:
    """What stands in the chart of every line."""
    shapes = (("diamond", "today"), ("dotted", "seen"), ("swatch-band", "band"))
    return [(shape, say(f"fit.page.{name}", lang)) for shape, name in shapes]


def lines_table(made: Fit, lang: str) -> Table:
    """What the history says of each line."""
    from optimizer.words import money

    rows = []
    for line in made.lines:
        grade: Any = say(f"grade.{line.grade}", lang) if line.held else line.grade
        cash = money(line.current, made.history.map.currency, lang, compact=True)
        back = [_figure(value, lang) for value in (line.back[1], line.back[0], line.back[2])]
        rows.append(
            [label(line.name, lang), cash, *back, _figure(line.marginal, lang),
             percent(line.numbers.retention, lang, 0), grade]
        )  # fmt: skip
    heads = ("line", "today", "back", "low", "high", "next", "left", "grade")
    columns = [
        Column(say(f"fit.head.{head}", lang), head not in {"line", "grade"}) for head in heads
    ]
    return Table(say("fit.page.lines", lang), columns, rows)


def _figure(value: float, lang: str) -> str:
    return number(value, lang, 2 if abs(value) < 100 else 0)
