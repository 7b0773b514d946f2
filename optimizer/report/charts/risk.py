"""What safety costs."""

from __future__ import annotations

from typing import Any

from optimizer.report.theme import BRAND, axis, figure, plain, rounded
from optimizer.report.view import View

__all__ = ["risk_frontier"]


def risk_frontier(view: View, found: Any) -> Any:
    """Mean of the worst draws against the mean of all, for plans from the boldest to the safest."""
    voice, frame = view.voice, found.frame[found.frame["expected"].notna()]
    tail = voice.percent(1 - found.level, 0)
    worst, expected = view.say("chart.risk.worst", share=tail), view.say("chart.risk.expected")
    told = [
        f"{view.say('chart.risk.weight', weight=voice.percent(row.weight, 0))}<br>"
        f"{plain(expected)}: {voice.amount(voice.worth(row.expected))}<br>"
        f"{plain(worst)}: {voice.amount(voice.worth(row.worst))}"
        for row in frame.itertuples()
    ]
    trace: dict[str, Any] = {
        "type": "scatter", "mode": "lines+markers", "name": plain(voice.noun),
        "cliponaxis": False, "showlegend": False,
        "x": rounded([voice.worth(value) for value in frame["worst"]]),
        "y": rounded([voice.worth(value) for value in frame["expected"]]),
        "line": {"color": BRAND, "width": 2.5}, "marker": {"size": 7, "color": BRAND},
        "hovertemplate": "%{customdata}<extra></extra>", "customdata": told,
    }  # fmt: skip

    def along(values: list[float], title: str, **more: Any) -> dict[str, Any]:
        low, high = min(values), max(values)
        room = 0.07 * (high - low) or max(abs(high), 1.0)
        return axis(low - room, high + room, voice, title=title, count=5, **more)

    return figure(
        [trace],
        height=340,
        xaxis=along(trace["x"], worst, showgrid=False),
        yaxis=along(trace["y"], expected, automargin=True),
    )
