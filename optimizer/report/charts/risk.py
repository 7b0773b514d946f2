"""What safety costs."""

from __future__ import annotations

from typing import Any

from optimizer.report.theme import BRAND, INK, PAPER, axis, figure, plain, rounded
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

    every = [trace]
    if found.stated is not None:
        expected_, worst_ = found.stated
        told_ = (
            f"{view.say('chart.risk.stated')}<br>"
            f"{plain(expected)}: {voice.amount(voice.worth(expected_))}<br>"
            f"{plain(worst)}: {voice.amount(voice.worth(worst_))}"
        )
        every.append({
            "type": "scatter", "mode": "markers+text", "name": view.say("chart.risk.stated"),
            "x": rounded([voice.worth(worst_)]), "y": rounded([voice.worth(expected_)]),
            "text": [view.say("chart.risk.stated")], "textposition": "bottom right",
            "textfont": {"size": 12, "color": INK}, "cliponaxis": False, "showlegend": False,
            "marker": {"symbol": "diamond", "size": 12, "color": INK,
                       "line": {"color": PAPER, "width": 1}},
            "hovertemplate": "%{customdata}<extra></extra>", "customdata": [told_],
        })  # fmt: skip

    def along(values: list[float], title: str, **more: Any) -> dict[str, Any]:
        low, high = min(values), max(values)
        room = 0.07 * (high - low) or max(abs(high), 1.0)
        return axis(low - room, high + room, voice, title=title, count=5, **more)

    return figure(
        every,
        height=340,
        xaxis=along([x for one in every for x in one["x"]], worst, showgrid=False),
        yaxis=along([y for one in every for y in one["y"]], expected, automargin=True),
    )
