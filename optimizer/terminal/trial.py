"""A sheet to try spends on: every line's curve as a formula of the cell beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.files import Entry, Formula
from optimizer.plan.curves import Points

if TYPE_CHECKING:
    import pandas as pd

    from optimizer.allocation import Allocation
    from optimizer.plan.plan import Line

__all__ = ["curve_formula", "with_trial"]

_LONGEST = 8_000  # letters of a formula; Excel takes 8,192

# x is the exposure, the others are parameters of the curve by their names.
_FORMULAS = {
    "linear": "{rate}*{x}",
    "log": "{scale}*LN(1+{x}/{unit})",
    "power": "{scale}*{x}^{exponent}",
    "exponential": "{ceiling}*(1-EXP(-({x})/{unit}))",
    "hill": "IF({x}>0,{ceiling}/(1+({half}/{x})^{steepness}),0)",
    "logistic": "{ceiling}*(TANH(({x}-{midpoint})/(2*{unit}))+TANH({midpoint}/(2*{unit})))"
    "/(1+TANH({midpoint}/(2*{unit})))",
    "elasticity": "{average_return}*{spend}*{x}/({spend}*{elasticity}+{x}*(1-{elasticity}))",
}


def curve_formula(line: Line, cell: str) -> str | None:
    """What a line brings for the money in a cell, as a formula of Excel; None: it is too long."""
    x = cell if line.price == 1.0 else f"({cell}/{_number(line.price)})"
    curve = line.curve
    if isinstance(curve, Points):
        at, reached = curve.knots
        slopes = np.diff(reached) / np.diff(at)
        pieces = zip(slopes.tolist(), at[:-1].tolist(), at[1:].tolist(), strict=True)
        text = "+".join(
            f"{_number(slope)}*MAX(0,MIN({x},{_number(high)})-{_number(low)})"
            for slope, low, high in pieces
        )
    else:
        own = {name: _number(getattr(curve, name)) for name in curve.parameters}
        text = _FORMULAS[curve.kind].format(x=x, **own)
    return f"={text}" if len(text) < _LONGEST else None


def _number(value: float) -> str:
    """A number as Excel reads it, with all its digits."""
    return f"{value:.15g}".replace("e", "E")


def with_trial(
    tables: Mapping[str, pd.DataFrame], allocation: Allocation, output: Path | None
) -> dict[str, pd.DataFrame]:
    """The tables of an answer, with the sheet to try spends on where they become a workbook."""
    if output is None or output.suffix.lower() != ".xlsx":
        return dict(tables)
    return {**tables, "try": _trial(allocation)}


def _trial(allocation: Allocation) -> pd.DataFrame:
    """One row per line: a spend to change, what it brings, and the same as recommended and today.

    Money and outcomes are those of one period in which the line always spent so much: without
    season, goodwill and the limits of the funnel.
    """
    import pandas as pd

    periods = allocation.plan.periods
    count = 1 if periods is None else periods.count
    rows: list[dict[str, Any]] = []
    for line, spend in zip(allocation.plan.lines, allocation.by_line["spend"], strict=True):
        each = float(spend) / count
        row: dict[str, Any] = {"line": line.name, "spend": Entry(each)}
        for title, letter, money in (
            ("outcome", "B", each),
            ("recommended", "", each),
            ("outcome_recommended", "D", each),
            ("current", "", line.current),
            ("outcome_current", "F", line.current),
        ):
            if not letter or money is None:
                row[title] = money if not letter else None
                continue
            reached = float(line.curve.outcome(np.array(money / line.price)))
            text = curve_formula(line, f"{letter}{{row}}")
            row[title] = reached if text is None else Formula(text, reached)
        rows.append(row)
    return pd.DataFrame(rows)
