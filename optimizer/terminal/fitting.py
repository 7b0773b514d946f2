"""A fit on a terminal: the curves, how well they foretell, and what speaks against them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from optimizer.words import label, number, percent, say

from .asked import check_writable
from .numbers import Scale

if TYPE_CHECKING:
    from optimizer.fitting.calibration import Fit

    from .paper import Cell, Paper

__all__ = ["one_thread", "page", "targets"]


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for the linear algebra that is loaded within, unless the user has said otherwise.

    A fit is thousands of small products; threads would wait for one another longer than these take.
    """
    name = "OPENBLAS_NUM_THREADS"
    given = name in os.environ
    os.environ.setdefault(name, "1")
    try:
        yield
    finally:
        if not given:
            del os.environ[name]


def targets(history: str, scenario: str | None, plot: str | None) -> tuple[Path, Path | None]:
    """Where the scenario and the page go, by their endings."""
    stem = "history" if history == "-" else Path(history).stem
    target = Path(scenario or f"{stem}-fit.yaml")
    for path, endings, hint in (
        (target, (".yaml", ".yml"), "--scenario"),
        (None if plot is None else Path(plot), (".html", ".htm"), "--plot"),
    ):
        if path is None:
            continue
        if path.suffix.lower() not in endings:
            raise click.BadParameter(f"{path} must end in {endings[0]}", param_hint=hint)
        check_writable(path)
    return target, None if plot is None else Path(plot)


def page(paper: Paper, made: Fit) -> None:
    """The lines, what was foretold, and every remark."""
    from optimizer.fitting.telling import sentences, title

    lang = paper.lang
    paper.print(title(made, lang))
    scale = Scale.of([line.current for line in made.lines], made.history.map.currency, lang)
    keys = ("line", "today", "return", "fit_low", "fit_high", "fit_next", "fit_left", "fit_grade")
    rows: list[list[Cell]] = []
    for line, current in zip(
        made.lines, scale.column([line.current for line in made.lines]), strict=True
    ):
        low, middle, high = line.back
        figures = [_figure(value, lang) for value in (middle, low, high, line.marginal)]
        left = percent(line.numbers.retention, lang, 0)
        grade: Any = say(f"grade.{line.grade}", lang) if line.held else line.grade
        rows.append([label(line.name, lang), current, *figures, left, grade])
    paper.print()
    paper.table([paper.say(key) for key in keys], rows, words=(0, 7))
    paper.print()
    paper.print(scale.note, "dim")
    paper.print()
    paper.bullets(sentences(made, lang))


def _figure(value: float, lang: str) -> str:
    return number(value, lang, 2 if abs(value) < 100 else 0)
