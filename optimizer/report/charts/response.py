"""Why: what each line returns for its spend, and what the next money would."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from optimizer.plan.curves import Floats
from optimizer.report.theme import (
    BAND,
    INK,
    MUTED,
    PAPER,
    TODAY,
    axis,
    colour_of,
    figure,
    plain,
    rounded,
    short,
)
from optimizer.report.view import View

__all__ = ["common_returns", "marginal_returns", "response_curve"]

POINTS = 61
DASHES = ("solid", "6px,3px", "2px,3px", "9px,3px,2px,3px")
SYMBOLS = ("diamond", "circle", "square", "triangle-up", "x", "star")


def _reach(view: View, row: Any) -> float:
    """How far right a line's curve is drawn."""
    line = view.allocation.plan.lines[row.position]
    marks = [row.spend, row.current, _seen(view, row, line.observed or 0.0), row.minimum]
    if math.isfinite(row.maximum) and row.maximum < 4 * max(row.spend, row.current, 1e-300):
        marks.append(row.maximum)
    marks = [mark for mark in marks if math.isfinite(mark)]
    budget = view.allocation.plan.budget or 1.0
    return 1.25 * float(max(*marks, 0.02 * budget))


def _along(view: View, row: Any, spend: Floats, *, slope: bool = False) -> Floats:
    """Outcomes (or their slope) of one line at several spends, times what an outcome is worth."""
    if view.allocation.plan.periods is not None:
        return _along_time(view, row, spend, slope=slope)
    line, problem = view.allocation.plan.lines[row.position], view.allocation.problem
    exposure = spend / line.price
    if slope:
        weight = problem.weights[row.position]
        return np.asarray(weight * line.curve.slope(exposure) / line.price, float)
    worth = problem.grid.value[row.position] if view.counts_value else 1.0
    return np.asarray(worth * line.curve.outcome(exposure), float)


def _along_time(view: View, row: Any, spend: Floats, *, slope: bool) -> Floats:
    """The same over all that counts: what the line adds to the other lines of the plan.

    Its money is spread over the periods as recommended. Carry-over, goodwill, delays and capacity
    are among it, so the slope at the plan is the marginal return that tables state.
    """
    problem, n = view.allocation.problem, view.periods
    cells, profile = slice(row.position * n, (row.position + 1) * n), _profile(view, row.position)
    grid = problem.grid
    terms, others = grid.worths() if view.counts_value else grid.counts(None)
    # As Allocation.marginal has it: the cost of the money is not taken off.
    stocks = np.where(np.arange(problem.n_columns) < problem.n_cells, 0.0, -problem.price)

    def brought(total: float) -> float:
        money = view.allocation.spend.copy()
        money[cells] = total * profile
        columns = problem.lift(money)
        if slope:
            gains = problem.gains(columns, problem.weights, stocks)
            return float(profile @ gains[cells])
        return float(terms @ problem.outcomes(columns) + others @ columns)

    if slope:  # some curves rise without end at nothing
        least = 1e-6 * float(np.max(spend))
        return np.array([brought(max(float(total), least)) for total in spend])
    return np.array([brought(float(total)) for total in spend]) - brought(0.0)


def _profile(view: View, position: int) -> Floats:
    """How a line's money is spread over the periods: as recommended, else as today, else evenly."""
    for spend in (view.allocation.spend, view.allocation.problem.grid.current):
        own = spend.reshape(-1, view.periods)[position]
        if own.sum() > 0:
            return np.asarray(own / own.sum(), float)
    return np.full(view.periods, 1 / view.periods)


def _seen(view: View, row: Any, observed: float) -> float:
    """The spend over all periods up to which no period has more than was ever *observed*."""
    return observed / float(_profile(view, row.position).max())


def response_curve(view: View, row: Any) -> Any:
    """One line's curve: solid where observed, dashed beyond; today, plan and tangent."""
    voice = view.voice
    line = view.allocation.plan.lines[row.position]
    colour, right = colour_of(row.role), _reach(view, row)
    seen = min(right if line.observed is None else _seen(view, row, line.observed), right)
    marks = sorted({*np.linspace(0, right, POINTS), seen, float(row.spend)})
    x = np.array(marks)
    y = _along(view, row, x)
    top = 1.15 * max(float(y.max()), 1e-300)
    inside, outside = x <= seen, x >= seen
    curve = {"type": "scatter", "mode": "lines", "hoverinfo": "skip"}
    traces: list[dict[str, Any]] = [
        {**curve, "x": rounded(x[inside]), "y": rounded(y[inside]),
         "line": {"color": colour, "width": 2.5}},
        {**curve, "x": rounded(x[outside]), "y": rounded(y[outside]),
         "line": {"color": colour, "width": 2.5, "dash": "4px,4px"}},
    ]  # fmt: skip
    low = max(float(row.minimum), 0.0)
    high = min(float(row.maximum), right)
    shapes = [{"type": "rect", "x0": low, "x1": high, "y0": 0, "y1": 0.035, "yref": "paper",
               "fillcolor": BAND, "line": {"width": 0}, "layer": "below"}]  # fmt: skip
    here = float(_along(view, row, np.array([row.spend]))[0])
    slope = float(row.slope)
    if math.isfinite(slope) and row.spend > 0 and slope > 0:
        reach = 0.22 * right
        ends = np.array([max(row.spend - reach, 0.0), min(row.spend + reach, right)])
        heights = here + slope * (ends - row.spend)
        traces.append({**curve, "x": rounded(ends), "y": rounded(heights),
                       "line": {"color": INK, "width": 1.5}})  # fmt: skip
        top = max(top, 1.04 * float(heights.max()))
    points = []
    if math.isfinite(row.current):
        was = float(_along(view, row, np.array([row.current]))[0])
        points.append((view.say("word.today"), row.current, was,
                       {"symbol": "circle", "size": 10, "color": PAPER,
                        "line": {"color": TODAY, "width": 2.5}}))  # fmt: skip
    points.append((view.say("word.recommended"), row.spend, here,
                   {"symbol": "diamond", "size": 12, "color": colour,
                    "line": {"color": PAPER, "width": 1}}))  # fmt: skip
    for name, at, value, marker in points:
        brings = voice.money(value) if view.counts_value else f"{value:,.4g}"
        text = f"{name}: {voice.money(at)}<br>{view.say('word.brings')}: {brings}"
        traces.append({"type": "scatter", "mode": "markers", "x": rounded([at]),
                       "y": rounded([value]), "marker": marker, "cliponaxis": False,
                       "hovertemplate": "%{customdata}<extra></extra>",
                       "customdata": [text]})  # fmt: skip
    return figure(
        traces,
        height=210,
        margin={"l": 8, "r": 14, "t": 6, "b": 30},
        xaxis=axis(-0.03 * right, right, voice, count=3, zeroline=False),
        yaxis=axis(0, top, voice, count=3, automargin=True, zeroline=False),
        shapes=shapes,
    )


def common_returns(view: View) -> list[tuple[str, float]]:
    """The marginal return at which the lines at no bound stand: one for all, or one per role."""
    free = view.frame[view.frame["at"].isna() & np.isfinite(view.frame["marginal"].astype(float))]
    if free.empty:
        return []

    def agree(rows: Any) -> bool:
        low, high = rows["marginal"].min(), rows["marginal"].max()
        return bool(high - low <= 0.01 * abs(high))

    if agree(free):
        return [("", float(free["marginal"].mean()))]
    return [
        (role, float(rows["marginal"].mean()))
        for role in view.roles
        if len(rows := free[free["role"] == role]) and agree(rows)
    ]


def marginal_returns(view: View) -> Any:
    """What the next unit of money brings, for every line; at the optimum the free lines agree."""
    voice = view.voice
    rows = list(view.shown.head(12).itertuples())
    here = [float(row.marginal) for row in rows if math.isfinite(row.marginal)]
    common = common_returns(view)
    top = 2.2 * max([*here, *(value for _, value in common)], default=1.0) or 1.0
    right = max(_reach(view, row) for row in rows)
    channels = list(dict.fromkeys(row.channel for row in rows))
    traces: list[dict[str, Any]] = []
    for row in rows:
        kind = channels.index(row.channel)
        x = np.linspace(0, _reach(view, row), POINTS)
        y = _along(view, row, x, slope=True)
        y = np.where(y <= 1.3 * top, y, np.nan)
        colour = colour_of(row.role)
        name = short(row.label, 26)
        traces.append({
            "type": "scatter", "mode": "lines", "name": name, "showlegend": False,
            "x": rounded(x), "y": rounded(y), "hoverinfo": "skip",
            "line": {"color": colour, "width": 2, "dash": DASHES[kind % len(DASHES)]},
        })  # fmt: skip
        if math.isfinite(row.marginal):
            text = f"{plain(row.label)}<br>{voice.money(row.spend)}: {_rate(view, row.marginal)}"
            traces.append({
                "type": "scatter", "mode": "markers+lines", "name": name,
                "x": rounded([row.spend]), "y": rounded([row.marginal]), "cliponaxis": False,
                "line": {"color": colour, "width": 2, "dash": DASHES[kind % len(DASHES)]},
                "marker": {"symbol": SYMBOLS[kind % len(SYMBOLS)], "size": 11, "color": colour,
                           "line": {"color": PAPER, "width": 1}},
                "hovertemplate": "%{customdata}<extra></extra>", "customdata": [text],
            })  # fmt: skip
    shapes, annotations = [], []
    for role, value in _apart(common, top):
        shapes.append({"type": "line", "x0": 0, "x1": 1, "xref": "paper", "y0": value, "y1": value,
                       "line": {"color": MUTED, "width": 1.5, "dash": "5px,4px"}})  # fmt: skip
        text = _rate(view, value)
        annotations.append({
            "x": 1, "xref": "paper", "xanchor": "right", "y": value, "yanchor": "bottom",
            "showarrow": False, "font": {"size": 12, "color": INK}, "bgcolor": PAPER,
            "opacity": 0.9, "text": f"{view.role_name(role)}: {text}" if role else text,
        })  # fmt: skip
    return figure(
        traces,
        height=400,
        meta={"entries": len(rows)},
        showlegend=True,
        legend={"y": -0.2, "yanchor": "top", "entrywidth": 150},
        margin={"b": 52, "r": 16, "t": 10},
        xaxis=axis(-0.01 * right, right, voice, title=view.currency, count=6, zeroline=False),
        yaxis=axis(0, top, voice, count=5, automargin=True, zeroline=False,
                   write=None if view.voice.counts_money else _small),
        shapes=shapes,
        annotations=annotations,
    )  # fmt: skip


def _rate(view: View, value: float) -> str:
    if view.voice.counts_money:
        return view.voice.money(value, digits=2)
    return view.say("chart.marginal.cost", cost=view.voice.money(1 / value) if value > 0 else "∞")


def _small(value: float) -> str:
    return f"{value:.3g}"


def _apart(levels: Sequence[tuple[str, float]], top: float) -> list[tuple[str, float]]:
    """Levels whose labels do not cover one another; of two that would, the first stays."""
    kept: list[tuple[str, float]] = []
    for role, value in levels:
        if all(abs(value - other) > 0.05 * top for _, other in kept):
            kept.append((role, value))
    return kept
