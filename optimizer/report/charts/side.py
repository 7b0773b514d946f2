"""Plans beside one another: what they bring, and what they spend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from optimizer.report.charts.allocation import aside
from optimizer.report.theme import (
    BRAND,
    PAPER,
    TODAY,
    axis,
    category_axis,
    figure,
    plain,
    rounded,
    short,
    width_of,
)
from optimizer.report.view import View

__all__ = ["plans_side_by_side"]


def plans_side_by_side(
    view: View, plans: Sequence[tuple[str, float, float]], heads: tuple[str, str]
) -> Any:
    """Two bars per plan in *plans* (its name, what it brings, what it spends; money).

    Args:
        view: Language and currency.
        plans: The plans; a value that is not known is NaN.
        heads: What the two bars are called.
    """
    rows = list(range(len(plans)))
    looks = ((1, -0.19, BRAND, ""), (2, 0.19, TODAY, "/"))
    traces, notes, texts = [], [], [""]
    for (column, shift, colour, shape), head in zip(looks, heads, strict=True):
        values = [float(plan[column]) for plan in plans]
        said = [view.voice.cash(value) if math.isfinite(value) else "" for value in values]
        texts += said
        traces.append({
            "type": "bar", "orientation": "h", "y": [row + shift for row in rows],
            "x": rounded(values), "width": 0.34, "name": plain(head),
            "marker": {"color": colour, "pattern": {"shape": shape, "fillmode": "overlay",
                       "fgcolor": PAPER, "fgopacity": 0.7, "size": 7}},
            "hovertemplate": "%{customdata}<extra></extra>",
            "customdata": [f"{plain(plan[0])}<br>{plain(head)}: {text}"
                           for plan, text in zip(plans, said, strict=True)],
        })  # fmt: skip
        notes += [aside(row + shift, text) for row, text in zip(rows, said, strict=True) if text]
    known = [float(v) for plan in plans for v in plan[1:] if math.isfinite(v)] or [1.0]
    low, high = min(0.0, *known), max(0.0, *known) or 1.0
    return figure(
        traces,
        height=58 * len(rows) + 84,
        barmode="overlay",
        showlegend=True,
        legend={"y": 1.0, "traceorder": "normal"},
        margin={"t": 28, "r": width_of(texts) + 12},
        xaxis=axis(low * 1.03, high * 1.03, view.voice, title=view.currency, count=3),
        yaxis=category_axis([short(name, 24) for name, _, _ in plans]),
        annotations=notes,
    )
