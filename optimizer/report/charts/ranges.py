"""What the answer becomes when the budget or the brand rule moves."""

from __future__ import annotations

import math
from typing import Any

from optimizer.report.theme import (
    BAND,
    BRAND,
    DECREASE,
    INK,
    MUTED,
    NEUTRAL,
    PAPER,
    TODAY,
    axis,
    figure,
    plain,
    rounded,
)
from optimizer.report.view import View

__all__ = ["brand_rule", "budget_frontier", "row_at"]


def row_at(sweep: Any, x: float | None) -> Any:
    """The solved point at *x*; None where there is none."""
    if x is None:
        return None
    frame = sweep.frame[sweep.frame["value"].notna()]
    span = max(abs(float(sweep.frame["x"].max())), 1e-300)
    near = frame[(frame["x"] - x).abs() <= 1e-6 * span]
    return None if near.empty else near.iloc[0]


def peak(solved: Any) -> Any:
    """The smallest solved budget that brings the highest profit."""
    most = solved["profit"].max()
    return solved[solved["profit"] >= most - 1e-6 * abs(most)].iloc[0]


def _line(view: View, frame: Any, column: str, name: str, colour: str, dash: str) -> dict[str, Any]:
    write = view.voice.money if column != "value" else view.voice.amount
    share = frame["x"].max() <= 1
    where = [view.voice.percent(x) if share else view.voice.money(x) for x in frame["x"]]
    return {
        "type": "scatter", "mode": "lines+markers", "name": plain(name),
        "connectgaps": False, "cliponaxis": False,
        "x": rounded(frame["x"]), "y": rounded(frame[column]),
        "line": {"color": colour, "width": 2.5, "dash": dash},
        "marker": {"size": 5, "color": colour},
        "hovertemplate": "%{customdata}<extra></extra>",
        "customdata": [f"{at}<br>{plain(name)}: {write(y)}" if math.isfinite(y) else ""
                       for at, y in zip(where, frame[column], strict=True)],
    }  # fmt: skip


def _mark(
    x: float, y: float, symbol: str, colour: str, name: str, *, hollow: bool
) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "markers", "name": plain(name), "cliponaxis": False,
        "x": rounded([x]), "y": rounded([y]), "hoverinfo": "name",
        "marker": {"symbol": symbol, "size": 13, "color": PAPER if hollow else colour,
                   "line": {"color": colour if hollow else PAPER, "width": 2.5 if hollow else 1}},
    }  # fmt: skip


def frontier_columns(view: View) -> list[tuple[str, str]]:
    """What the frontier shows: revenue and profit where both are money, else the objective."""
    kind = view.allocation.plan.objective.kind
    if not view.counts_value or kind == "outcomes":
        return [("value", view.voice.noun)]
    if kind == "profit":
        return [
            ("revenue", view.voice.say("noun.revenue")),
            ("profit", view.voice.say("noun.profit")),
        ]
    return [("revenue", view.voice.say("noun.revenue"))]


def budget_frontier(view: View, sweep: Any) -> Any:
    """Total budget against what the best plan brings, with today, the plan and the best budget."""
    voice, frame = view.voice, sweep.frame
    columns = frontier_columns(view)
    styles = ((BRAND, "solid"), (NEUTRAL, "6px,3px"))
    traces = [
        _line(view, frame, column, name, *styles[i]) for i, (column, name) in enumerate(columns)
    ]
    main = columns[-1][0]
    stated = row_at(sweep, sweep.stated)
    solved = frame[frame["value"].notna()]
    today = view.allocation.today
    if today is not None and main in {"revenue", "profit", "value"}:
        brings = {
            "revenue": float(today.by_period["value"].sum()),
            "profit": today.problem.value(today.columns),
            "value": today.objective,
        }[main]
        traces.append(
            _mark(today.spent, brings, "circle", TODAY, view.say("word.today"), hollow=True)
        )
    if not solved.empty and main == "profit":
        best = peak(solved)
        traces.append(_mark(best["x"], best[main], "star", DECREASE,
                            view.say("chart.frontier.peak"), hollow=False))  # fmt: skip
    if stated is not None:
        traces.append(_mark(stated["x"], stated[main], "diamond", styles[len(columns) - 1][0],
                            view.say("word.recommended"), hollow=False))  # fmt: skip
    values = [float(v) for column, _ in columns for v in frame[column] if math.isfinite(v)]
    values += [y for trace in traces for y in trace["y"] if y is not None]
    low, high = min([0.0, *values]), max([0.0, *values]) or 1.0
    return figure(
        traces,
        height=380,
        showlegend=True,
        legend={"y": 1.02},
        margin={"t": 46},
        xaxis=axis(float(frame["x"].min()), float(frame["x"].max()), voice, title=view.currency,
                   count=6, showgrid=False, zeroline=False),
        yaxis=axis(low * 1.05, high * 1.08, voice, count=5, automargin=True),
    )  # fmt: skip


def brand_rule(view: View, sweep: Any) -> Any:
    """Brand share against the objective; the gap between the rule and the free optimum in money."""
    voice = view.voice
    frame = sweep.frame.assign(value=[voice.worth(v) for v in sweep.frame["value"]])
    traces = [_line(view, frame, "value", voice.noun, BRAND, "solid")]
    best, stated = row_at(sweep, sweep.best), row_at(sweep, sweep.stated)
    values = [float(v) for v in frame["value"] if math.isfinite(v)]
    today = view.allocation.today
    shapes: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    low, high = min([0.0, *values]), max([0.0, *values]) or 1.0
    if today is not None and sweep.today is not None:
        worth = voice.worth(today.objective)
        low, high = min(low, worth), max(high, worth)
        traces.append(
            _mark(sweep.today, worth, "circle", TODAY, view.say("word.today"), hollow=True)
        )
    if best is not None:
        traces.append(_mark(best["x"], voice.worth(best["value"]), "star", DECREASE,
                            view.say("word.free"), hollow=False))  # fmt: skip
    if sweep.stated is not None:
        rule = view.split
        if rule is not None and rule.tolerance:
            shapes.append({
                "type": "rect", "x0": sweep.stated - rule.tolerance, "yref": "paper", "y0": 0,
                "x1": sweep.stated + rule.tolerance, "y1": 1, "fillcolor": BAND, "opacity": 0.35,
                "line": {"width": 0}, "layer": "below",
            })  # fmt: skip
        shapes.append({"type": "line", "x0": sweep.stated, "x1": sweep.stated, "y0": 0, "y1": 1,
                       "yref": "paper",
                       "line": {"color": MUTED, "width": 1.5, "dash": "5px,4px"}})  # fmt: skip
        right = sweep.stated > 0.5
        annotations.append({
            "x": sweep.stated, "y": 0.02, "yref": "paper", "yanchor": "bottom", "showarrow": False,
            "xanchor": "right" if right else "left", "xshift": -6 if right else 6,
            "text": view.say("chart.strip.required", share=voice.percent(sweep.stated, 0)),
            "font": {"size": 12, "color": INK},
        })  # fmt: skip
    if stated is not None:
        at, ours = sweep.stated, voice.worth(stated["value"])
        traces.append(_mark(at, ours, "diamond", BRAND, view.say("word.recommended"), hollow=False))
        if best is not None:
            theirs = voice.worth(best["value"])
            if abs(theirs - ours) > 0.002 * max(abs(theirs), abs(ours)):
                shapes.append({"type": "line", "x0": at, "x1": at, "y0": ours, "y1": theirs,
                               "line": {"color": DECREASE, "width": 4}})  # fmt: skip
                shapes.append({"type": "line", "x0": best["x"], "x1": at, "y0": theirs,
                               "y1": theirs, "line": {"color": DECREASE, "width": 1.2,
                                                      "dash": "3px,3px"}})  # fmt: skip
                left = at >= 0.5
                cost = voice.amount(abs(theirs - ours))
                annotations.append({
                    "x": at, "y": theirs, "showarrow": False,
                    "yanchor": "top" if theirs < ours else "bottom",
                    "yshift": -8 if theirs < ours else 5,
                    "xanchor": "right" if left else "left",
                    "text": f"<b>{view.say('chart.rule.cost', cost=cost)}</b>",
                    "font": {"size": 13, "color": INK},
                })  # fmt: skip
    size = high - low
    return figure(
        traces,
        height=400,
        showlegend=True,
        legend={"y": 1.02},
        margin={"t": 46},
        xaxis=axis(0, 1, voice, title=view.say("chart.rule.axis"), showgrid=False,
                   write=lambda v: voice.percent(v, 0), zeroline=False),
        yaxis=axis(low - (0.05 * size if low < 0 else 0), high + 0.14 * size, voice, count=5,
                   automargin=True),
        shapes=shapes,
        annotations=annotations,
    )  # fmt: skip
