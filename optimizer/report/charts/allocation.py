"""Where the money goes: today and recommended, line by line and role by role."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from optimizer.report.theme import (
    BAND,
    DECREASE,
    INK,
    MUTED,
    NEUTRAL,
    ON_COLOUR,
    ON_TRAFFIC,
    PAPER,
    TODAY,
    axis,
    category_axis,
    colour_of,
    figure,
    plain,
    rounded,
    width_of,
)
from optimizer.report.view import View

__all__ = ["change_bars", "role_strip", "today_and_recommended"]

ROW = 34
"""Height of a row."""


def aside(y: float, text: str, **more: Any) -> dict[str, Any]:
    """A label in the margin right of a row, where it covers nothing."""
    return {
        "x": 1.0,
        "xref": "paper",
        "xanchor": "left",
        "xshift": 6,
        "y": y,
        "yref": "y",
        "yanchor": "middle",
        "text": text,
        "showarrow": False,
        "align": "left",
        "font": {"size": 12, "color": INK},
        **more,
    }


def today_and_recommended(view: View) -> Any:
    """A row per line: a hollow circle for today, a filled diamond for the plan, brackets."""
    frame, voice = view.shown, view.voice
    rows = list(range(len(frame)))
    spend, current = frame["spend"], frame["current"]
    seen = [float(v) for v in (*spend, *(current if view.has_today else ())) if math.isfinite(v)]
    top = 1.06 * max(seen, default=1.0) or 1.0
    colours = [colour_of(role) for role in frame["role"]]
    traces: list[dict[str, Any]] = []
    limits = [
        (row, value, symbol)
        for row, low, high in zip(rows, frame["minimum"], frame["maximum"], strict=True)
        for value, symbol in ((low, "⟦"), (high, "⟧"))
        if 0 < value <= top
        and not (symbol == "⟧" and value >= (view.allocation.plan.budget or math.inf))
    ]
    if view.has_today:
        for row, was, now, colour in zip(rows, current, spend, colours, strict=True):
            traces.append({
                "type": "scatter", "mode": "lines", "x": rounded([was, now]), "y": [row, row],
                "line": {"color": colour, "width": 4}, "opacity": 0.45, "hoverinfo": "skip",
            })  # fmt: skip
        traces.append({
            "type": "scatter", "mode": "markers", "name": view.say("word.today"),
            "x": rounded(current), "y": rows, "cliponaxis": False,
            "marker": {"symbol": "circle", "size": 11, "color": PAPER,
                       "line": {"color": TODAY, "width": 2.5}},
            "hovertemplate": "%{customdata}<extra></extra>",
            "customdata": [f"{plain(label)}<br>{view.say('word.today')}: {voice.money(value)}"
                           for label, value in zip(frame["label"], current, strict=True)],
        })  # fmt: skip
    traces.append({
        "type": "scatter", "mode": "markers", "name": view.say("word.recommended"),
        "x": rounded(spend), "y": rows, "cliponaxis": False,
        "marker": {"symbol": "diamond", "size": 13, "color": colours,
                   "line": {"color": PAPER, "width": 1}},
        "hovertemplate": "%{customdata}<extra></extra>",
        "customdata": [f"{plain(label)}<br>{view.say('word.recommended')}: {voice.money(value)}"
                       for label, value in zip(frame["label"], spend, strict=True)],
    })  # fmt: skip
    shapes: list[dict[str, Any]] = []
    labels = [voice.cash(value) for value in spend]
    tip = top * 0.012
    for row, value, symbol in limits:
        inward = tip if symbol == "⟦" else -tip
        shapes.append({
            "type": "path", "line": {"color": MUTED, "width": 1.5},
            "path": f"M {value + inward:.6g} {row - 0.34} L {value:.6g} {row - 0.34} "
                    f"L {value:.6g} {row + 0.34} L {value + inward:.6g} {row + 0.34}",
        })  # fmt: skip
    return figure(
        traces,
        height=ROW * len(rows) + 56,
        margin={"r": width_of(labels) + 12},
        xaxis=axis(-0.025 * top, top, voice, title=view.currency),
        yaxis=category_axis(view.names(), showgrid=True),
        annotations=[aside(row, text) for row, text in zip(rows, labels, strict=True)],
        shapes=shapes,
    )


def change_bars(view: View) -> Any:
    """A bar per line from zero: what it gains or loses against today."""
    frame, voice = view.shown, view.voice
    rows = list(range(len(frame)))
    change = [float(v) for v in frame["change"]]
    size = 1.08 * max(map(abs, change), default=0.0) or 1.0
    low = -size if min(change, default=0) < 0 else -0.08 * size
    high = size if max(change, default=0) > 0 else 0.08 * size
    labels, brief = [], []
    for row in frame.itertuples():
        sign = "▲" if row.change > 0 else "▼" if row.change < 0 else "="
        brief.append(f"{sign} {voice.cash(row.change, signed=True)}")
        share = voice.percent(row.change / row.current, 0, signed=True) if row.current > 0 else ""
        labels.append(f"{brief[-1]} ({share})" if share else brief[-1])
    bars = [
        {
            "type": "bar",
            "orientation": "h",
            "x": rounded([change[row] for row in rows if (change[row] < 0) == falls]),
            "y": [row for row in rows if (change[row] < 0) == falls],
            "width": 0.62,
            "marker": {
                "color": DECREASE if falls else NEUTRAL,
                "pattern": {
                    "shape": "/" if falls else "",
                    "fillmode": "overlay",
                    "fgcolor": PAPER,
                    "fgopacity": 0.7,
                    "size": 7,
                },
            },
            "hovertemplate": "%{customdata}<extra></extra>",
            "customdata": [
                f"{plain(frame['label'][row])}<br>{labels[row]}"
                for row in rows
                if (change[row] < 0) == falls
            ],
        }
        for falls in (False, True)
    ]
    return figure(
        bars,
        height=ROW * len(rows) + 56,
        meta={"short": brief, "right": width_of(brief) + 12},
        barmode="overlay",
        margin={"r": width_of(labels) + 12},
        xaxis=axis(low, high, voice, title=view.currency, count=3),
        yaxis=category_axis(view.names()),
        annotations=[aside(row, text) for row, text in zip(rows, labels, strict=True)],
    )


def role_strip(
    view: View, rows: Sequence[tuple[str, Sequence[float]]], *, one_rule: bool = True
) -> Any:
    """One 100 % bar per plan in *rows* (its name, its shares in the order of ``view.roles``).

    The rule is drawn where it is *one_rule* for all of them.
    """
    voice = view.voice
    traces = []
    # Traffic on orange is written dark in both themes.
    for index, role in enumerate(view.roles):
        shares = [row[1][index] for row in rows]
        traces.append({
            "type": "bar", "orientation": "h", "name": view.role_name(role),
            "x": rounded(shares), "y": list(range(len(rows))), "width": 0.66,
            "text": [f" {view.role_name(role)} {voice.percent(share)} " if share > 0.18
                     else voice.percent(share, 0) if share > 0.07 else "" for share in shares],
            "meta": {"short": [voice.percent(s, 0) if s > 0.12 else "" for s in shares]},
            "textposition": "inside", "textangle": 0,
            "insidetextanchor": "end" if role == "traffic" else "start",
            "insidetextfont": {"color": ON_TRAFFIC if role == "traffic" else ON_COLOUR, "size": 13},
            "constraintext": "none",
            "marker": {"color": colour_of(role), "line": {"color": PAPER, "width": 1}},
            "hovertemplate": "%{customdata}<extra></extra>",
            "customdata": [f"{view.role_name(role)}: {voice.percent(share)}" for share in shares],
        })  # fmt: skip
    shapes, annotations = [], []
    rule = view.whole_split
    if one_rule and rule is not None and "brand" in rule.target:
        share, bottom = rule.target["brand"], len(rows) - 0.5
        if rule.tolerance:
            shapes.append({
                "type": "rect", "x0": share - rule.tolerance, "x1": share + rule.tolerance,
                "y0": -0.5, "y1": bottom, "fillcolor": BAND, "opacity": 0.45, "line": {"width": 0},
            })  # fmt: skip
        shapes.append({"type": "line", "x0": share, "x1": share, "y0": -0.55, "y1": bottom,
                       "line": {"color": INK, "width": 2.5, "dash": "4px,3px"}})  # fmt: skip
        annotations.append({
            "x": share, "y": 1, "yref": "paper", "yanchor": "bottom", "showarrow": False,
            "text": view.say("chart.strip.required", share=voice.percent(share, 0)),
            "font": {"size": 12, "color": INK},
        })  # fmt: skip
    return figure(
        traces,
        height=46 * len(rows) + 56,
        barmode="stack",
        margin={"t": 26, "r": 28, "b": 30},
        xaxis=axis(0, 1, voice, write=lambda v: voice.percent(v, 0), showgrid=False),
        yaxis=category_axis([name for name, _ in rows]),
        shapes=shapes,
        annotations=annotations,
    )
