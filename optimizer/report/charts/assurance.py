"""How sure the plan is: gains over many worlds, ranges of spend and return, worth of tests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from optimizer.report.charts.allocation import aside
from optimizer.report.theme import (
    BAND,
    BRAND,
    DECREASE,
    INK,
    NEUTRAL,
    PAPER,
    axis,
    category_axis,
    figure,
    plain,
    rounded,
    short,
    width_of,
)
from optimizer.report.view import View
from optimizer.words import number

__all__ = ["gain_bars", "gains", "spans", "tests"]

_BARS = 24
"""Ranges of gain at most."""
_TAIL = 0.005
"""Share of all worlds beyond each end of the figure, put into its last bar."""


def gain_bars(gain: Any, weight: Any) -> list[tuple[float, float, float]]:
    """Ranges of the gain and how many of 100 worlds bring each; zero is between two ranges."""
    order = np.argsort(gain)
    place = np.cumsum(weight[order])
    low = min(float(gain[order][np.searchsorted(place, _TAIL)]), 0.0)
    high = max(float(gain[order][min(np.searchsorted(place, 1 - _TAIL), len(gain) - 1)]), 0.0)
    span = high - low
    if not span > 0:
        return [(low, high, 100.0)]
    power = 10.0 ** math.floor(math.log10(span / _BARS))
    step = next(power * k for k in (1, 2, 5, 10, 20) if span / (power * k) <= _BARS)
    first, last = math.floor(low / step), math.ceil(high / step)
    edges = step * np.arange(first, last + 1)
    inside = np.clip(gain, edges[0], np.nextafter(edges[-1], -np.inf))
    shares = np.histogram(inside, edges, weights=weight)[0]
    return [
        (float(a), float(b), 100 * float(share))
        for a, b, share in zip(edges[:-1], edges[1:], shares, strict=True)
    ]


def gains(view: View, bars: Sequence[tuple[float, float, float]]) -> Any:
    """A bar per range of gain; those with a loss hatched and in another colour."""
    voice = view.voice
    wide = bars[0][1] - bars[0][0]
    losses = [high <= 0 for _, high, _ in bars]
    said = [
        f"{voice.amount(low, signed=True)} … {voice.amount(high, signed=True)}<br>"
        f"{number(share, view.lang, 1)} {plain(view.say('chart.gain.worlds'))}"
        for low, high, share in bars
    ]
    trace = {
        "type": "bar", "x": rounded([(low + high) / 2 for low, high, _ in bars]),
        "y": rounded([share for _, _, share in bars]), "width": 0.96 * wide,
        "marker": {"color": [DECREASE if loss else NEUTRAL for loss in losses],
                   "pattern": {"shape": ["/" if loss else "" for loss in losses],
                               "fillmode": "overlay", "fgcolor": PAPER, "fgopacity": 0.7,
                               "size": 7}},
        "hovertemplate": "%{customdata}<extra></extra>", "customdata": said,
    }  # fmt: skip
    low, high = bars[0][0], bars[-1][1]
    top = max(share for *_, share in bars)
    zero = {"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper",
            "line": {"color": INK, "width": 1.5}}  # fmt: skip
    unit = view.currency if voice.counts_money else plain(voice.noun)
    return figure(
        [trace],
        height=280,
        bargap=0,
        shapes=[zero],
        xaxis=axis(low - 0.02 * (high - low), high + 0.02 * (high - low), voice, title=unit),
        yaxis=axis(0.0, 1.08 * top, voice, count=3, write=lambda v: number(v, view.lang, 0),
                   automargin=True),
    )  # fmt: skip


def spans(
    view: View,
    names: Sequence[str],
    marks: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    said: Sequence[str],
    words: tuple[str, str],
    *,
    is_money: bool = True,
) -> Any:
    """A bar from *low* to *high* and a mark on each row; *words* name the mark and the bar."""
    rows = list(range(len(names)))
    about = {"hovertemplate": "%{customdata}<extra></extra>",
             "customdata": [f"{plain(name)}<br>{text}" for name, text in
                            zip(names, said, strict=True)]}  # fmt: skip
    bars = {
        "type": "bar", "orientation": "h", "y": rows, "base": rounded(low), "width": 0.42,
        "x": rounded([b - a for a, b in zip(low, high, strict=True)]), "name": plain(words[1]),
        "marker": {"color": BAND, "line": {"color": BRAND, "width": 1}}, **about,
    }  # fmt: skip
    points = {
        "type": "scatter", "mode": "markers", "y": rows, "x": rounded(marks), "cliponaxis": False,
        "name": plain(words[0]),
        "marker": {"symbol": "diamond", "size": 11, "color": BRAND,
                   "line": {"color": PAPER, "width": 1}}, **about,
    }  # fmt: skip
    top = max((v for v in [*high, *marks] if math.isfinite(v)), default=1.0) or 1.0
    return figure(
        [bars, points],
        height=34 * len(rows) + 96,
        showlegend=True,
        legend={"y": 1.01},
        margin={"t": 44},
        xaxis=axis(-0.02 * top, 1.05 * top, view.voice, count=4,
                   title=view.currency if is_money else "",
                   write=None if is_money else lambda v: number(v, view.lang, 1)),
        yaxis=category_axis([short(name) for name in names], showgrid=True),
    )  # fmt: skip


def tests(view: View, names: Sequence[str], worth: Sequence[float], error: Sequence[float]) -> Any:
    """A bar per test: the most it may cost, with the error of that."""
    voice = view.voice
    texts = [voice.amount(value) for value in worth]
    rows = list(range(len(names)))
    trace = {
        "type": "bar", "orientation": "h", "y": rows, "x": rounded(worth), "width": 0.55,
        "marker": {"color": NEUTRAL},
        "error_x": {"type": "data", "array": rounded([2 * e for e in error]), "color": INK,
                    "thickness": 1, "width": 3},
        "hovertemplate": "%{customdata}<extra></extra>",
        "customdata": [f"{plain(name)}<br>{text}" for name, text in
                       zip(names, texts, strict=True)],
    }  # fmt: skip
    top = max((w + 2 * e for w, e in zip(worth, error, strict=True)), default=0.0) or 1.0
    return figure(
        [trace],
        height=36 * len(rows) + 60,
        margin={"r": width_of(texts) + 14},
        xaxis=axis(0.0, 1.05 * top, voice, count=3,
                   title=view.currency if voice.counts_money else plain(voice.noun)),
        yaxis=category_axis([short(name, 30) for name in names]),
        annotations=[aside(row, text) for row, text in zip(rows, texts, strict=True)],
    )  # fmt: skip
