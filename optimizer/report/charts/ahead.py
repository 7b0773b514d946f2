"""What is bought now, and what in each case that may show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from optimizer.report.theme import INK, NEUTRAL, PAPER, TODAY, axis, category_axis, figure, plain
from optimizer.report.theme import rounded as round_all
from optimizer.report.view import MOST, View

__all__ = ["bought_ahead"]

_ROW = 40
# Cases are told apart by shape first and by colour second.
_MARKS = (("circle", NEUTRAL), ("square", "#cc79a7"), ("triangle-up", "#56b4e9"), ("x", INK))


def bought_ahead(view: View, shown: Sequence[tuple[str, Sequence[float]]]) -> Any:
    """A bar per line for what is bought now, and a mark per case for what follows.

    *shown* has a name and the money by line, in the order of the page: now first, then the cases.
    """
    voice, labels = view.voice, list(view.frame["label"])[:MOST]
    rows = list(range(len(labels)))
    top = max((float(np.nanmax(values[:MOST])) for _, values in shown), default=0.0)
    traces: list[dict[str, Any]] = []
    for place, (name, values) in enumerate(shown):
        said = [
            f"{plain(label)}<br>{plain(name)}: {voice.money(value)}"
            for label, value in zip(labels, np.nan_to_num(values), strict=False)
        ]
        common = {"name": plain(name), "x": round_all(values[:MOST]), "y": rows,
                  "customdata": said, "hovertemplate": "%{customdata}<extra></extra>",
                  "showlegend": True}  # fmt: skip
        if place == 0:
            traces.append({**common, "type": "bar", "orientation": "h", "width": 0.5,
                           "marker": {"color": TODAY}, "opacity": 0.75})  # fmt: skip
            continue
        symbol, colour = _MARKS[(place - 1) % len(_MARKS)]
        traces.append({**common, "type": "scatter", "mode": "markers", "cliponaxis": False,
                       "marker": {"symbol": symbol, "size": 11, "color": colour,
                                  "line": {"color": PAPER, "width": 1}}})  # fmt: skip
    return figure(
        traces,
        height=_ROW * len(rows) + 64,
        meta={"entries": len(traces)},
        showlegend=True,
        legend={"y": -0.2, "yanchor": "top", "entrywidth": 150},
        margin={"t": 10, "b": 48, "r": 16},
        xaxis=axis(-0.02 * top, 1.05 * top or 1.0, voice, title=view.currency),
        yaxis=category_axis(view.names(), showgrid=True),
    )
