"""Colours, ticks and the common layout of every figure.

Figures are drawn in the colours of the light theme; the page replaces each of them by its partner
in ``DARK`` when the reader's theme is dark. All are from the Okabe-Ito palette or greys, and none
carries a meaning alone.
"""

from __future__ import annotations

import itertools
import math
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

from optimizer.words import number
from optimizer.words.voice import Voice

__all__ = [
    "BAND",
    "BRAND",
    "DARK",
    "DECREASE",
    "FONT",
    "GRID",
    "INK",
    "MUTED",
    "NEUTRAL",
    "ON_COLOUR",
    "PAPER",
    "TODAY",
    "TRAFFIC",
    "TURNING",
    "axis",
    "category_axis",
    "colour_of",
    "figure",
    "plain",
    "rounded",
    "short",
    "shortened",
    "ticks",
    "width_of",
]

INK = "#1b2530"
MUTED = "#55606d"
GRID = "#e1e6ec"
PAPER = "#ffffff"
BAND = "#c9d5e2"
BRAND = "#0072b2"
TRAFFIC = "#e69f00"
DECREASE = "#d55e00"
NEUTRAL = "#009e73"
TODAY = "#77828f"
ON_COLOUR = "#fffffe"
"""Text on a bar of brand blue."""
ON_TRAFFIC = "#111111"
"""Text on a bar of traffic orange, in both themes."""

DARK = {
    INK: "#e8edf3",
    MUTED: "#aab4c0",
    GRID: "#303a46",
    PAPER: "#171d25",
    BAND: "#3b4a5b",
    BRAND: "#56b4e9",
    DECREASE: "#f0864a",
    NEUTRAL: "#35c79c",
    TODAY: "#9aa5b3",
    ON_COLOUR: "#0b1118",
}

FONT = (
    'system-ui, -apple-system, "Segoe UI", Roboto, "PingFang SC", "Hiragino Sans GB", '
    '"Microsoft YaHei", "Noto Sans CJK SC", "Source Han Sans SC", sans-serif'
)

# Characters that turn the direction of the text around them.
TURNING = dict.fromkeys(
    [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C], None
)


def colour_of(role: str) -> str:
    """Blue for brand, orange for traffic, green for neither."""
    return {"brand": BRAND, "traffic": TRAFFIC}.get(role, NEUTRAL)


def plain(text: str) -> str:
    """User text for a figure, where ``<b>`` and ``&lt;`` would otherwise be read as markup."""
    text = "".join(c for c in text.translate(TURNING) if unicodedata.category(c) != "Cc")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def short(text: str, width: int = 22) -> str:
    """User text cut to some columns (a Chinese character takes two), then made plain."""
    total, kept = 0, ""
    for character in text.translate(TURNING):
        total += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if total > width:
            return plain(kept.rstrip() + "…")
        kept += character
    return plain(kept)


def shortened(texts: Sequence[str], width: int = 22) -> list[str]:
    """User texts cut to some columns; those that would read the same keep their ends instead."""
    cut = [short(text, width) for text in texts]
    return [
        one if cut.count(one) == 1 or len(text) <= width else _middle_out(text, width)
        for one, text in zip(cut, texts, strict=True)
    ]


def _middle_out(text: str, width: int) -> str:
    """The beginning and the end of a text, as much of each."""
    half = (width - 1) // 2
    if any(unicodedata.east_asian_width(character) in "WF" for character in text):
        half //= 2
    return plain(f"{text[:half].rstrip()}…{text[-half:].lstrip()}")


def rounded(values: Sequence[float] | Any, digits: int = 6) -> list[float | None]:
    """Numbers to some significant digits, what is not finite as None: small and repeatable."""
    return [
        float(f"{float(value):.{digits}g}") if math.isfinite(float(value)) else None
        for value in values
    ]


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """About *count* round numbers from *low* to *high*."""
    span = high - low
    if not span > 0 or not math.isfinite(span):
        return [low]
    power = 10.0 ** math.floor(math.log10(span / max(count, 1)))
    best: list[float] = []
    for factor in (1, 2, 2.5, 5, 10, 20):
        step = power * factor
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        values = [round(i * step, 12) for i in range(first, last + 1)]
        if not best or abs(len(values) - count) < abs(len(best) - count):
            best = values
    return best


def _decimals(values: Sequence[float], scale: float) -> int:
    steps = [abs(b - a) / scale for a, b in itertools.pairwise(values)]
    step = min(steps, default=1.0)
    return next((d for d in range(6) if abs(step * 10**d - round(step * 10**d)) < 1e-6), 6)


def compact_ticks(values: Sequence[float], lang: str) -> list[str]:
    """Tick labels without a unit: ``2.5M``, ``250万``."""
    size = max((abs(value) for value in values), default=0.0)
    scale = next(s for s in ((1e8, 1e4, 1) if lang == "zh" else (1e9, 1e6, 1e3, 1)) if size >= s
                 or s == 1)  # fmt: skip
    if scale == 1:
        digits = _decimals(values, 1)
        return [number(value, lang, digits) for value in values]
    digits, word = min(_decimals(values, scale), 3), 1e4 if lang == "zh" else 1e3
    return [
        number(value, lang, digits if abs(value) >= word else 0, compact=True) for value in values
    ]


def axis(
    low: float,
    high: float,
    voice: Voice,
    *,
    title: str = "",
    write: Callable[[float], str] | None = None,
    count: int = 4,
    **more: Any,
) -> dict[str, Any]:
    """An axis whose labels are written by us, so that 万 and 亿 are right."""
    values = ticks(low, high, count)
    labels = [write(v) for v in values] if write else compact_ticks(values, voice.lang)
    return {
        "range": [low, high],
        "tickmode": "array",
        "tickvals": values,
        "ticktext": labels,
        "tickangle": 0,
        "title": {"text": title, "standoff": 8, "font": {"size": 12, "color": MUTED}},
        "gridcolor": GRID,
        "zerolinecolor": MUTED,
        "zeroline": low < 0 < high,
        "linecolor": GRID,
        "tickfont": {"size": 12, "color": MUTED},
        "fixedrange": True,
        **more,
    }


def category_axis(labels: Sequence[str], **more: Any) -> dict[str, Any]:
    """Rows 0, 1, 2 … from the top, each with its label; equal labels stay apart."""
    return {
        "range": [len(labels) - 0.4, -0.6],
        "tickmode": "array",
        "tickvals": list(range(len(labels))),
        "ticktext": list(labels),
        "tickfont": {"size": 12, "color": INK},
        "gridcolor": GRID,
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
        "automargin": True,
        "ticklabelstandoff": 8,
        **more,
    }


def width_of(texts: Sequence[str]) -> int:
    """About how many pixels the widest text takes at the usual size."""
    widths = [
        sum(13.0 if unicodedata.east_asian_width(c) in "WFA" else 7.4 for c in text)
        for text in texts
    ]
    return math.ceil(max(widths, default=0.0))


def figure(traces: Sequence[Any], *, height: int, **layout: Any) -> Any:
    """A figure with the common look: no template, no background, our font, nothing to drag."""
    import plotly.graph_objects as go

    common: dict[str, Any] = {
        "template": {},
        "height": height,
        "margin": {"l": 8, "r": 28, "t": 8, "b": 44},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 12, "color": INK},
        "showlegend": False,
        "dragmode": False,
        "hovermode": "closest",
        "hoverlabel": {
            "bgcolor": PAPER,
            "bordercolor": MUTED,
            "font": {"color": INK, "size": 12},
            "align": "left",
        },
        "legend": {
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1.0,
            "yanchor": "bottom",
            "font": {"size": 12, "color": INK},
            "itemclick": False,
            "itemdoubleclick": False,
        },
    }
    for key, value in layout.items():
        both = isinstance(value, dict) and isinstance(common.get(key), dict)
        common[key] = {**common[key], **value} if both else value
    return go.Figure(data=list(traces), layout=common)
