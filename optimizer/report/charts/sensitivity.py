"""What rules cost, what the answer hangs on, and scenarios beside one another."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any

from optimizer.report.charts.allocation import aside
from optimizer.report.theme import (
    BRAND,
    DECREASE,
    INK,
    MUTED,
    NEUTRAL,
    PAPER,
    TODAY,
    TRAFFIC,
    axis,
    category_axis,
    figure,
    plain,
    rounded,
    short,
    width_of,
)
from optimizer.report.view import View

__all__ = ["prices_of_rules", "scenarios", "tornado"]


def prices_of_rules(view: View, rules: Sequence[tuple[str, float, str]]) -> Any:
    """A bar per rule in *rules* (its name, its price, the price in words); all of one unit."""
    rows = list(range(len(rules)))
    values = [price for _, price, _ in rules]
    low, high = min(0.0, *values, 0.0), max(*values, 0.0) or 1.0
    bars = {
        "type": "bar", "orientation": "h", "y": rows, "x": rounded(values), "width": 0.55,
        "marker": {"color": BRAND},
        "hovertemplate": "%{customdata}<extra></extra>",
        "customdata": [f"{plain(name)}<br>{text}" for name, _, text in rules],
    }  # fmt: skip
    write = None if max(high, -low) >= 20 else (lambda v: f"{v:.3g}")
    return figure(
        [bars],
        height=38 * len(rows) + 58,
        margin={"r": width_of([text for _, _, text in rules]) + 12},
        xaxis=axis(low, high * 1.05, view.voice, count=3, write=write,
                   title=view.currency if view.voice.counts_money else plain(view.voice.noun)),
        yaxis=category_axis([_folded(name) for name, _, _ in rules]),
        annotations=[aside(row, text) for row, (_, _, text) in zip(rows, rules, strict=True)],
    )  # fmt: skip


def _folded(name: str) -> str:
    """A rule's name on up to two lines, as its end is what tells it from its like."""
    return "<br>".join(
        short(part, 26) for part in textwrap.wrap(name, 26, max_lines=2, placeholder="…")
    )


def tornado(view: View, result: Any, labels: Sequence[str]) -> Any:
    """Two bars per assumption and side: the plan found anew (wide), the plan kept (narrow)."""
    frame, voice = result.frame, view.voice
    rows = list(range(len(frame)))
    base = result.base
    looks = (
        ("reoptimised_low", 0.62, DECREASE, "", 0.95, "chart.tornado.low"),
        ("reoptimised_high", 0.62, NEUTRAL, "", 0.95, "chart.tornado.high"),
        ("kept_low", 0.14, INK, "", 1.0, "chart.tornado.kept"),
        ("kept_high", 0.14, INK, "", 1.0, ""),
    )
    traces, seen = [], [0.0]
    for column, width, colour, pattern, opacity, key in looks:
        delta = [float(value) - base for value in frame[column]]
        seen += [value for value in delta if math.isfinite(value)]
        name = view.say(key) if key else ""
        traces.append({
            "type": "bar", "orientation": "h", "y": rows, "x": rounded(delta), "width": width,
            "name": name, "showlegend": bool(key), "opacity": opacity,
            "marker": {"color": colour, "pattern": {
                "shape": "/" if column == "reoptimised_low" else pattern, "fillmode": "overlay",
                "fgcolor": PAPER, "fgopacity": 0.7, "size": 7}},
            "hovertemplate": "%{customdata}<extra></extra>",
            "customdata": [f"{plain(label)}<br>{name or view.say('chart.tornado.kept')}: "
                           f"{voice.amount(value, signed=True)}" if math.isfinite(value) else ""
                           for label, value in zip(labels, delta, strict=True)],
        })  # fmt: skip
    low, high = min(seen), max(seen)
    size = (high - low) or 1.0
    return figure(
        traces,
        height=36 * len(rows) + 120,
        barmode="overlay",
        showlegend=True,
        legend={"y": 1.01},
        margin={"t": 64, "r": 24},
        xaxis=axis(low - 0.04 * size, high + 0.04 * size, voice, count=3,
                   title=view.currency if voice.counts_money else plain(voice.noun)),
        yaxis=category_axis([_two_rows(label) for label in labels]),
    )  # fmt: skip


def _two_rows(label: str) -> str:
    """The name of an assumption: its line above, what it is of it below."""
    return "<br>".join(short(part, 24) for part in label.split(": ", 1))


def scenarios(view: View, names: Sequence[str], spends: Sequence[Sequence[float]]) -> Any:
    """A row per line, a mark per scenario: how far their spends lie apart."""
    rows = list(range(len(view.shown)))
    symbols = ("diamond", "circle-open", "square", "triangle-up-open", "x", "star-open")
    colours = (BRAND, TODAY, NEUTRAL, DECREASE, TRAFFIC, MUTED)
    traces = []
    for index, (name, spend) in enumerate(zip(names, spends, strict=True)):
        traces.append({
            "type": "scatter", "mode": "markers", "name": short(name, 24), "y": rows,
            "x": rounded(spend), "cliponaxis": False,
            "marker": {"symbol": symbols[index % 6], "size": 11, "color": colours[index % 6],
                       "line": {"width": 2 if "open" in symbols[index % 6] else 0,
                                "color": colours[index % 6]}},
            "hovertemplate": "%{customdata}<extra></extra>",
            "customdata": [f"{plain(name)}<br>{plain(label)}: {view.voice.money(value)}"
                           if math.isfinite(value) else ""
                           for label, value in zip(view.shown["label"], spend, strict=True)],
        })  # fmt: skip
    top = max((v for spend in spends for v in spend if math.isfinite(v)), default=1.0) or 1.0
    return figure(
        traces,
        height=36 * len(rows) + 80 + 24 * math.ceil(len(names) / 2),
        showlegend=True,
        legend={"y": 1.0, "entrywidth": 140},
        margin={"t": 20 + 24 * math.ceil(len(names) / 2)},
        xaxis=axis(-0.02 * top, 1.06 * top, view.voice, title=view.currency, count=5),
        yaxis=category_axis(view.names(), showgrid=True),
    )  # fmt: skip
