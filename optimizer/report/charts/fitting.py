"""How a fit runs along its history, and its curves with their ranges."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizer.fitting.calibration import Fit
from optimizer.report.theme import (
    BAND,
    BRAND,
    GRID,
    INK,
    MUTED,
    NEUTRAL,
    TODAY,
    compact_ticks,
    figure,
    plain,
    rounded,
    ticks,
)
from optimizer.words import say

__all__ = ["fitted_curve", "fitted_series"]

_POINTS = 41


def fitted_series(made: Fit, lang: str) -> Any:
    """Actual and fitted outcomes of every period."""
    frame: Any = made.series
    at = list(range(len(frame)))
    labels = list(frame["period"])
    actual, fitted = frame["actual"].to_numpy(), frame["fitted"].to_numpy()
    traces = [
        {
            "type": "scatter", "mode": "lines", "name": say(f"fit.page.{name}", lang), "x": at,
            "y": rounded(values), "customdata": labels,
            "line": {"color": colour, "width": width},
            "hovertemplate": "%{customdata}: %{y:,.6~g}<extra>%{fullData.name}</extra>",
        }
        for name, values, colour, width in (
            ("actual", actual, TODAY, 1.5), ("fitted", fitted, BRAND, 2),
        )
    ]  # fmt: skip
    every = max(len(at) // 6, 1)
    low, high = min(actual.min(), fitted.min()), max(actual.max(), fitted.max())
    room = 0.05 * (high - low)
    return figure(
        traces,
        height=320,
        showlegend=True,
        margin={"t": 32},
        xaxis={
            "tickmode": "array", "tickvals": at[::every], "ticktext": labels[::every],
            "fixedrange": True, "showgrid": False, "tickfont": {"size": 12, "color": MUTED},
        },
        yaxis=_axis(min(float(low) - room, 0.0), float(high) + room, lang, ""),
    )  # fmt: skip


def fitted_curve(made: Fit, index: int, lang: str) -> Any:
    """Outcomes per period against a steady spend, with the 80 % range; today and what was seen."""
    line = made.lines[index]
    most = max(1.2 * line.observed, 2.0 * line.current)
    spend = np.linspace(0.0, most, _POINTS)
    low, middle, high = made.outcome(index, spend)
    x = rounded(spend)
    current = float(np.interp(line.current, spend, middle))
    traces: list[dict[str, Any]] = [
        {"type": "scatter", "mode": "lines", "x": x, "y": rounded(high), "line": {"width": 0},
         "hoverinfo": "skip"},
        {"type": "scatter", "mode": "lines", "x": x, "y": rounded(low), "line": {"width": 0},
         "fill": "tonexty", "fillcolor": BAND, "opacity": 0.5, "hoverinfo": "skip",
         "name": say("fit.page.band", lang)},
        {"type": "scatter", "mode": "lines", "x": x, "y": rounded(middle),
         "line": {"color": BRAND, "width": 2.5}, "name": plain(line.name),
         "hovertemplate": "%{x:,.6~g}: %{y:,.6~g}<extra></extra>"},
        {"type": "scatter", "mode": "markers", "x": [line.current], "y": [current],
         "marker": {"symbol": "diamond", "size": 11, "color": INK},
         "name": say("fit.page.today", lang),
         "hovertemplate": f"{say('fit.page.today', lang)}: %{{x:,.6~g}}<extra></extra>"},
        {"type": "scatter", "mode": "lines", "x": [line.observed] * 2,
         "y": [0.0, float(high.max())],
         "line": {"color": NEUTRAL, "width": 1.5, "dash": "dot"},
         "name": say("fit.page.seen", lang), "hoverinfo": "name"},
    ]  # fmt: skip
    return figure(
        traces,
        height=260,
        xaxis=_axis(0.0, float(most), lang, say("fit.page.spend", lang)),
        yaxis=_axis(0.0, 1.05 * float(high.max()) or 1.0, lang, ""),
    )


def _axis(low: float, high: float, lang: str, title: str) -> dict[str, Any]:
    values = ticks(low, high, 4)
    return {
        "range": [low, high], "tickmode": "array", "tickvals": values,
        "ticktext": compact_ticks(values, lang), "gridcolor": GRID, "fixedrange": True,
        "tickfont": {"size": 12, "color": MUTED}, "automargin": True, "zeroline": False,
        "title": {"text": title, "standoff": 8, "font": {"size": 12, "color": MUTED}},
    }  # fmt: skip
