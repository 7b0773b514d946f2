"""The plan that the sliders show: a bar per line, beside today and the recommended plan."""

from __future__ import annotations

from typing import Any

from optimizer.report.theme import (
    INK,
    MUTED,
    PAPER,
    TODAY,
    axis,
    category_axis,
    colour_of,
    figure,
    plain,
    rounded,
)
from optimizer.report.view import View

__all__ = ["explored_bars"]

_ROW = 34


def explored_bars(view: View, most: float) -> Any:
    """Bars for the plan shown (first: the recommended), marks for today's and the recommended.

    The script moves the bars (the first trace) and what is pinned (the last). *most* is the most
    money that a line gets at any point, so that the axis stands still.
    """
    frame, voice = view.shown, view.voice
    rows = list(range(len(frame)))
    spend = rounded(frame["spend"])

    def marks(name: str, x: Any, symbol: str, **style: Any) -> dict[str, Any]:
        return {
            "type": "scatter", "mode": "markers", "name": name, "x": x, "y": rows,
            "cliponaxis": False, "marker": {"symbol": symbol, "size": 11, **style},
            "hovertemplate": "%{customdata}<extra></extra>",
            "customdata": [f"{plain(label)}<br>{name}: {voice.money(value)}"
                           for label, value in zip(frame["label"], x, strict=True)
                           if value is not None],
        }  # fmt: skip

    traces: list[dict[str, Any]] = [
        {
            "type": "bar", "orientation": "h", "x": spend, "y": rows, "width": 0.5,
            "name": view.say("explore.chosen"), "opacity": 0.85,
            "marker": {"color": [colour_of(role) for role in frame["role"]]},
            "hovertemplate": "%{customdata}<extra></extra>",
            "customdata": [f"{plain(label)}<br>{view.say('explore.chosen')}: {voice.money(value)}"
                           for label, value in zip(frame["label"], frame["spend"], strict=True)],
        }
    ]  # fmt: skip
    if view.has_today:
        today = rounded(frame["current"])
        line = {"color": TODAY, "width": 2.5}
        traces.append(marks(view.say("word.today"), today, "circle", color=PAPER, line=line))
    recommended = view.say("word.recommended")
    traces.append(
        marks(recommended, spend, "diamond", color=INK, line={"color": PAPER, "width": 1})
    )
    pinned: dict[str, Any] = {
        "type": "scatter", "mode": "markers", "x": [], "y": rows, "cliponaxis": False,
        "name": view.say("explore.pinned"), "hoverinfo": "skip",
        "marker": {"symbol": "square-open", "size": 12, "color": INK, "line": {"width": 2}},
    }  # fmt: skip
    traces.append(pinned)
    return figure(
        traces,
        height=_ROW * len(rows) + 60,
        xaxis=axis(0, 1.04 * most or 1.0, voice, title=view.currency, count=3),
        yaxis=category_axis(view.names(18), showgrid=True),
        legend={"font": {"color": MUTED}},
    )
