"""What happens period by period: money out and in, the brand stock, the funnel, the goal."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

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
    colour_of,
    figure,
    plain,
    rounded,
    short,
)
from optimizer.report.view import View
from optimizer.words import number

__all__ = [
    "delivery",
    "goodwill",
    "horizon",
    "money_by_period",
    "stage_by_period",
    "units",
]

PATTERNS = ("", "/", ".", "\\", "x", "-", "|", "+")
STEPS = {"week": (1, 2, 4, 13, 26, 52), "month": (1, 2, 3, 6, 12, 24), "quarter": (1, 2, 4, 8, 20)}
"""Every how many periods one is named, so that names fall on the same ones of each year."""
NAMED = 8
"""Names that a phone has room for."""
DOTTED = 36
"""Periods of a line up to which each has a mark of its own."""
UPPER, LOWER = (0.5, 1.0), (0.0, 0.37)
"""The shares of a figure's height that its two panels take."""


def units(value: float, lang: str) -> str:
    """Units of a stage: whole ones where there are many."""
    return number(value, lang, 0 if abs(value) >= 100 or value == 0 else 1)


def _periods(view: View, count: int, **more: Any) -> dict[str, Any]:
    """An axis of the first *count* periods, as many of them named as a phone has room for."""
    periods = view.allocation.plan.periods
    steps = STEPS["month" if periods is None else periods.every]
    step = next((s for s in steps if count / s <= NAMED), math.ceil(count / NAMED))
    at = list(range(0, count, step))
    names = [view.period_name(i) for i in at]
    years = [year for _, year in names]
    shown = [
        name if here and years[here - 1] == year else f"{name}<br>{year}"
        for here, (name, year) in enumerate(names)
    ]
    return {
        "range": [-0.6, count - 0.4],
        "tickmode": "array",
        "tickvals": at,
        "ticktext": shown,
        "tickangle": 0,
        "tickfont": {"size": 11, "color": MUTED},
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
        **more,
    }


def _over(text: str, top: float) -> dict[str, Any]:
    """What a panel shows, written over its left corner."""
    return {
        "text": text, "x": 0, "xref": "paper", "xanchor": "left", "y": top, "yref": "paper",
        "yanchor": "bottom", "showarrow": False, "font": {"size": 12, "color": MUTED},
    }  # fmt: skip


def _end(view: View, count: int) -> list[dict[str, Any]]:
    """A line after the last period in which money is spent, where more periods count."""
    if count <= view.periods:
        return []
    x = view.periods - 0.5
    return [{"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper",
             "line": {"color": MUTED, "width": 1.5, "dash": "2px,3px"}}]  # fmt: skip


def _said(view: View, name: str, texts: Sequence[str]) -> dict[str, Any]:
    """What a reader sees over a mark: the period, whose it is, how much."""
    labels = view.period_labels
    return {
        "hovertemplate": "%{customdata}<extra></extra>",
        "customdata": [f"{labels[i]}<br>{plain(name)}: {text}" for i, text in enumerate(texts)],
    }


def _line(
    view: View, name: str, values: Any, write: Callable[[float], str], *, is_today: bool = False,
    **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """A value per period: blue and solid as recommended, grey and dashed today."""
    colour = TODAY if is_today else BRAND
    shown = rounded(values)
    return {
        "type": "scatter", "mode": "lines+markers" if len(shown) <= DOTTED else "lines",
        "name": plain(name), "cliponaxis": False,
        "x": list(range(len(shown))), "y": shown, "connectgaps": False,
        "line": {"color": colour, "width": 2.5, "dash": "5px,4px" if is_today else "solid"},
        "marker": {"size": 5, "color": PAPER if is_today else colour,
                   "line": {"color": colour, "width": 1.5}},
        **_said(view, name, [write(float(v)) for v in values]), **more,
    }  # fmt: skip


def _bars(
    view: View, name: str, values: Any, write: Callable[[float], str], colour: str, shape: str = "",
    **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """A bar per period, to be stacked."""
    shown = rounded(values)
    return {
        "type": "bar", "name": plain(name), "x": list(range(len(shown))), "y": shown, "width": 0.8,
        "marker": {"color": colour, "line": {"color": PAPER, "width": 0.5},
                   "pattern": {"shape": shape, "fillmode": "overlay", "fgcolor": PAPER,
                               "fgopacity": 0.75, "size": 6}},
        **_said(view, name, [write(float(v)) for v in values]), **more,
    }  # fmt: skip


def _panels(
    view: View, traces: Sequence[Any], count: int, heads: Sequence[str], tops: Sequence[float],
    *, entries: int = 0, **more: Any,
) -> Any:  # fmt: skip
    """Two panels over the same periods, one above the other, and *entries* names below."""
    annotations = [_over(heads[0], UPPER[1]), _over(heads[1], LOWER[1])]
    axes = {
        "xaxis": _periods(view, count, anchor="y2"),
        "yaxis": axis(0, 1.06 * tops[0] or 1.0, view.voice, automargin=True, domain=UPPER),
        "yaxis2": axis(0, 1.08 * tops[1] or 1.0, view.voice, count=3, automargin=True,
                       domain=LOWER, anchor="x"),
    }  # fmt: skip
    layout = {**axes, "shapes": _end(view, count), **more}
    return figure(
        traces,
        height=400,
        meta={"entries": entries},
        barmode="stack",
        showlegend=entries > 0,
        legend={"y": -0.16, "yanchor": "top", "entrywidth": 150},
        margin={"t": 26, "b": 44, "r": 16},
        annotations=annotations,
        **layout,
    )


def money_by_period(view: View, parts: Sequence[tuple[str, str, str, Any]], income: Any,
                    today: Any, noun: str) -> Any:  # fmt: skip
    """Money that goes out, stacked, and below it what comes in.

    Args:
        view: The answer.
        parts: Name, role, channel and money per planned period of each part of the spend.
        income: What comes in per counted period.
        today: The same for today's spend; None where it is not known.
        noun: What comes in.
    """
    voice = view.voice
    channels = list(dict.fromkeys(channel for _, _, channel, _ in parts))
    traces = [
        _bars(view, name, money, voice.money, colour_of(role),
              PATTERNS[channels.index(channel) % len(PATTERNS)])
        for name, role, channel, money in parts
    ]  # fmt: skip
    write = voice.money if view.counts_value else (lambda v: units(v, view.lang))
    second: dict[str, Any] = {"yaxis": "y2", "xaxis": "x"}
    if today is not None:
        traces.append(_line(view, f"{noun}: {voice.say('word.today')}", today, write,
                            is_today=True, **second))  # fmt: skip
    traces.append(_line(view, f"{noun}: {voice.say('word.recommended')}", income, write, **second))
    traces[-1]["line"]["color"] = traces[-1]["marker"]["color"] = INK
    traces[-1]["marker"]["line"]["color"] = INK
    tops = (
        max((sum(float(m[i]) for *_, m in parts) for i in range(view.periods)), default=1.0),
        max(map(float, [*income, *([] if today is None else today)]), default=1.0),
    )
    out = f"{view.say('table.spend')}, {view.currency}"
    unit = f"{noun}, {view.currency}" if view.counts_value else noun
    heads = (out, plain(unit))
    return _panels(view, traces, len(income), heads, tops, entries=len(traces))


def goodwill(view: View, frame: Any, today: Any, noun: str) -> Any:
    """The stock above, and below it what it returns in each period.

    Args:
        view: The answer.
        frame: ``by_period`` of the answer.
        today: The same for today's spend; None where it is not known.
        noun: What its outcomes are.
    """

    def write(value: float) -> str:
        return units(value, view.lang)

    traces, tops = [], []
    parts = (("goodwill", view.voice.money), ("goodwill_outcome", write))
    for place, (key, how) in enumerate(parts):
        more: dict[str, Any] = {
            "yaxis": "y2" if place else "y",
            "xaxis": "x",
            "showlegend": place == 0,
        }
        if today is not None:
            name = view.say("word.today")
            traces.append(_line(view, name, today[key], how, is_today=True, **more))
        traces.append(_line(view, view.say("word.recommended"), frame[key], how, **more))
        tops.append(max(float(one[key].max()) for one in (frame, today) if one is not None))
    heads = (f"{view.say('chart.goodwill.stock')}, {view.currency}", short(noun, 40))
    return _panels(view, traces, len(frame), heads, tops)


def stage_by_period(view: View, own: Any) -> Any:
    """Units that arrive at a stage: followed up, and lost above its capacity (a dashed line)."""

    def write(value: float) -> str:
        return units(value, view.lang)

    traces = [_bars(view, view.say("funnel.followed_up"), own["followed_up"], write, BRAND)]
    limit = own["capacity"].to_numpy(float)
    top = float(own["arrived"].max())
    if np.isfinite(limit).any():
        traces.append(_bars(view, view.say("funnel.lost"), own["lost"], write, DECREASE, "/"))
        traces.append({
            "type": "scatter", "mode": "lines", "name": view.say("funnel.capacity"),
            "x": list(range(len(limit))), "y": rounded(limit), "cliponaxis": False,
            "line": {"color": INK, "width": 2, "dash": "5px,3px", "shape": "hvh"},
            **_said(view, view.say("funnel.capacity"), [write(float(v)) if np.isfinite(v) else ""
                                                        for v in limit]),
        })  # fmt: skip
        top = max(top, float(np.nanmax(limit)))
    return figure(
        traces,
        height=210,
        barmode="stack",
        margin={"l": 8, "r": 14, "t": 6, "b": 40},
        xaxis=_periods(view, len(own)),
        yaxis=axis(0, 1.06 * top or 1.0, view.voice, count=3, automargin=True),
        shapes=_end(view, len(own)),
    )


def horizon(view: View, found: Any) -> Any:
    """The best brand share for each horizon and the rule's, and below it what the rule costs."""
    voice = view.voice
    frame = found.frame[found.frame["brand_share"].notna()]
    x = rounded(frame["horizon"])
    spans = [f"{found.span(voice, one)} ({label})"
             for one, label in zip(frame["horizon"], frame["label"], strict=True)]  # fmt: skip

    def said(name: str, texts: Sequence[str]) -> dict[str, Any]:
        return {"hovertemplate": "%{customdata}<extra></extra>",
                "customdata": [f"{at}<br>{plain(name)}: {text}"
                               for at, text in zip(spans, texts, strict=True)]}  # fmt: skip

    free, cost = view.say("chart.horizon.free"), view.say("chart.horizon.cost")
    rule = view.say("chart.horizon.rule", share=voice.percent(found.rule_share, 0))
    traces: list[dict[str, Any]] = [
        {"type": "scatter", "mode": "lines+markers", "name": free, "cliponaxis": False,
         "x": x, "y": rounded(frame["brand_share"]), "line": {"color": BRAND, "width": 2.5},
         "marker": {"size": 7, "color": BRAND},
         **said(free, [voice.percent(v) for v in frame["brand_share"]])},
        {"type": "bar", "name": cost, "x": x, "y": rounded(frame["cost"]), "yaxis": "y2",
         "marker": {"color": DECREASE, "pattern": {"shape": "/", "fillmode": "overlay",
                    "fgcolor": PAPER, "fgopacity": 0.7, "size": 7}},
         **said(cost, [voice.amount(v) for v in frame["cost"]])},
    ]  # fmt: skip
    if found.crosses is not None:
        traces.append({
            "type": "scatter", "mode": "markers", "name": rule, "cliponaxis": False,
            "x": rounded([found.crosses]), "y": rounded([found.rule_share]),
            "marker": {"symbol": "diamond", "size": 13, "color": INK,
                       "line": {"color": PAPER, "width": 1}},
            "hovertemplate": "%{customdata}<extra></extra>",
            "customdata": [f"{found.span(voice, found.crosses)}<br>{plain(rule)}"],
        })  # fmt: skip
    low, high = float(frame["horizon"].min()), float(frame["horizon"].max())
    room = 0.07 * (high - low) or 1.0
    top = max(found.rule_share, float(frame["brand_share"].max()))
    most = max(float(frame["cost"].max()), 0.0)
    shapes = [{"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": found.rule_share,
               "y1": found.rule_share,
               "line": {"color": INK, "width": 2, "dash": "4px,3px"}}]  # fmt: skip
    required = {
        "x": 1, "xref": "paper", "xanchor": "right", "y": found.rule_share, "yanchor": "bottom",
        "showarrow": False, "text": plain(rule), "font": {"size": 12, "color": INK},
    }  # fmt: skip
    noun = f"{cost}, {view.currency}" if voice.counts_money else f"{cost}, {voice.noun}"
    return figure(
        traces,
        height=420,
        margin={"t": 26, "b": 50, "r": 20},
        bargap=0.45,
        xaxis=axis(low - room, high + room, voice, anchor="y2", showgrid=False, zeroline=False,
                   title=view.say(f"chart.horizon.{found.every}"), tickvals=x,
                   ticktext=[str(int(one)) for one in frame["horizon"]]),
        yaxis=axis(0, min(1.2 * top, 1.05), voice, automargin=True, domain=UPPER,
                   write=lambda v: voice.percent(v, 0)),
        yaxis2=axis(0, 1.1 * most or 1.0, voice, count=3, automargin=True, domain=LOWER,
                    anchor="x"),
        shapes=shapes,
        annotations=[_over(free, UPPER[1]), _over(plain(noun), LOWER[1]), required],
    )  # fmt: skip


def delivery(view: View, parts: Sequence[tuple[str, str, Any]], cumulative: Any,
             amount: float, noun: str) -> Any:  # fmt: skip
    """What is delivered per period, stacked, and below it the sum so far against the target.

    Args:
        view: The answer.
        parts: Name, role (or goodwill) and units per counted period.
        cumulative: Units up to and with each period.
        amount: The target.
        noun: What is counted.
    """

    def write(value: float) -> str:
        return units(value, view.lang)

    looks = {"goodwill": (NEUTRAL, "."), "brand": (BRAND, ""), "traffic": (TRAFFIC, "")}
    traces = [_bars(view, name, own, write, *looks.get(kind, (NEUTRAL, "")))
              for name, kind, own in parts]  # fmt: skip
    so_far = view.say("chart.breakdown.so_far")
    traces.append(_line(view, so_far, cumulative, write, yaxis="y2", xaxis="x", showlegend=False))
    count = len(cumulative)
    target = view.say("chart.breakdown.target", amount=write(amount))
    shapes = [*_end(view, count),
              {"type": "line", "x0": -0.6, "x1": count - 0.4, "yref": "y2", "y0": amount,
               "y1": amount, "line": {"color": INK, "width": 2, "dash": "4px,3px"}}]  # fmt: skip
    tops = (max(sum(float(own[i]) for *_, own in parts) for i in range(count)),
            1.12 * max(amount, float(max(cumulative))))  # fmt: skip
    heads = (short(noun, 40), plain(so_far))
    shown = _panels(view, traces, count, heads, tops, entries=len(parts), shapes=shapes)
    shown.add_annotation(
        x=-0.5, xanchor="left", y=amount, yref="y2", yanchor="bottom", showarrow=False,
        text=plain(target), font={"size": 12, "color": INK},
    )  # fmt: skip
    return shown
