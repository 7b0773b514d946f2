"""What-ifs inside the page: what its sliders can show, in one language, and the points themselves.

Texts are made here, as everywhere on the page; the script picks a point and puts its texts and its
money where they belong. It computes nothing but differences of two rows of the table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimizer.allocation import Allocation
from optimizer.analysis.comparison import changed_inputs
from optimizer.analysis.explorer import Explorer, World
from optimizer.analysis.tornado import label
from optimizer.analysis.variations import Failed, brand_share
from optimizer.errors import Infeasible
from optimizer.words import listed, round_to_total
from optimizer.words.rules import rule_name
from optimizer.words.voice import Voice

from . import charts
from .blocks import Chart, Column, Table
from .tables import money_digits, safe_text
from .theme import plain
from .view import View

__all__ = ["Explored", "explored", "points"]

# Changes of a what-if, and rules at odds, that are told.
_CHANGES, _RULES = 3, 4


@dataclass(frozen=True)
class Explored:
    """The section with the sliders, in one language."""

    title: str
    lead: str
    chart: Chart
    scenarios: Sequence[str]
    """Names in the menu; the first is the recommended plan."""
    has_shares: bool
    words: dict[str, str]
    heads: Sequence[str]
    """Of the table that follows the sliders: line, this plan, its change against the recommended,
    that, today (where known), and what was pinned."""
    names: Sequence[str]
    """The lines."""
    grid: Table
    """All points of the plan as stated: what they bring."""
    texts: dict[str, Any]
    """What the script needs in this language."""


def explored(view: View, found: Explorer) -> Explored:
    """The section in the view's language."""
    say = view.say
    names = [_scenario(view, place.name) for place in found.places]
    words = {
        key: say(f"explore.{key}")
        for key in (
            "scenario", "budget", "share", "reset", "pin", "unpin", "csv", "link", "copied",
            "pinned", "spent", "against", "against_today", "kept", "chosen", "change", "points",
        )
    }  # fmt: skip
    heads = [say("table.line"), words["chosen"], words["change"], say("table.recommended")]
    if view.has_today:
        heads.append(say("table.today"))
    heads.append(words["pinned"])
    title = say("explore.chart", currency=view.currency)
    return Explored(
        title=say("section.explore"),
        lead=say("explore.lead"),
        chart=Chart(
            "explore",
            title,
            charts.explored_bars(view, _most(view, found)),
            label=title,
            is_wide=False,
            legend=_legend(view),
        ),
        scenarios=names,
        has_shares=bool(found.worlds[0].shares),
        words=words,
        heads=heads,
        names=[row.label for row in view.frame.itertuples()],
        grid=_grid(view, found.worlds[0]),
        texts={
            "worlds": [_texts(view, found, world) for world in found.worlds],
            "csv": [safe_text(row.label) for row in view.frame.itertuples()],
            "heads": heads,
            "hover": [
                f"{plain(row.label)}<br>{words['chosen']}: " for row in view.shown.itertuples()
            ],
            "pin": words["pin"],
            "unpin": words["unpin"],
            "copied": words["copied"],
            "pinned": say("explore.pin_told", scenario="{scenario}", says="{says}"),
        },
    )


def points(view: View, found: Explorer) -> dict[str, Any]:
    """Money of every point by line, in the order of the page; the same in every language."""
    order = view.frame["position"].to_numpy()
    digits = money_digits(view)
    today = None if view.allocation.today is None else view.allocation.today

    def money(one: Allocation) -> list[float]:
        own = one.problem.grid.by_line(one.spend)[order]
        return _plain(round_to_total(own.tolist(), one.spent, digits), digits)

    worlds = []
    for world in found.worlds:
        every = [one for row in world.answers for one in row]
        worlds.append(
            {
                "budgets": list(world.budgets),
                "shares": list(world.shares) or [0],
                "points": [None if isinstance(one, Failed) else money(one) for one in every],
            }
        )
    return {
        "worlds": worlds,
        "places": [[place.world, place.budget, place.share] for place in found.places],
        "today": None if today is None else money(today),
        "recommended": money(view.allocation),
        "digits": digits,
        "shown": len(view.shown),
    }


def _plain(values: Sequence[float], digits: int) -> list[float]:
    """Rounded money as short JSON numbers."""
    return [int(value) if digits == 0 else round(value, digits) for value in values]


def _legend(view: View) -> list[tuple[str, str]]:
    """What each mark means."""
    marks = [("diamond", view.say("word.recommended"))]
    if view.has_today:
        marks.insert(0, ("circle", view.say("word.today")))
    roles = [(f"swatch-{role or 'none'}", view.role_name(role)) for role in view.roles]
    return [*marks, *(roles if view.roles != [""] else []), ("square", view.say("explore.pinned"))]


def _scenario(view: View, name: str) -> str:
    """A what-if for a reader."""
    return name.replace("_", " ") if name else view.say("explore.recommended")


def _most(view: View, found: Explorer) -> float:
    """The most money that a line of the chart gets at any point."""
    order = view.shown["position"].to_numpy()
    seen = [float(view.shown["spend"].max())]
    if view.has_today:
        seen.append(float(np.nan_to_num(view.shown["current"]).max()))
    seen += [
        float(one.problem.grid.by_line(one.spend)[order].max())
        for world in found.worlds
        for row in world.answers
        for one in row
        if isinstance(one, Allocation)
    ]
    return max(seen)


def _texts(view: View, found: Explorer, world: World) -> dict[str, Any]:
    """Labels of the stops, and what is said at every point."""
    voice = Voice(world.plan, view.lang)
    said = [
        _failed(view, one) if isinstance(one, Failed) else _told(view, voice, found, world, one)
        for row in world.answers
        for one in row
    ]
    return {
        "budgets": view.voice.apart(*world.budgets),
        "shares": [voice.percent(share) for share in world.shares] or [""],
        "note": _changes(view, found, world),
        "noun": voice.noun[:1].upper() + voice.noun[1:],
        "points": said,
    }


def _told(
    view: View, voice: Voice, found: Explorer, world: World, one: Allocation
) -> dict[str, str]:
    """One point in words: its value, its spend, and against the recommended plan and today's."""

    def against(other: float) -> str:
        if not math.isfinite(other):
            return view.say("word.none")
        change = voice.worth(one.objective) - voice.worth(other)
        small = 1e-4 * max(abs(one.objective), abs(other))
        return voice.amount(0.0 if abs(change) <= small else change, signed=True, bare=True)

    share = brand_share(one)
    value = voice.amount(voice.worth(one.objective), bare=True)
    spent = voice.cash(one.spent)
    part = voice.percent(share) if math.isfinite(share) else ""
    key = "explore.says" if part else "explore.says_plain"
    says = view.say(key, spent=spent, share=part, value=value, noun=voice.noun)
    if one is not found.best and one.gap is not None and str(one.status) != "optimal":
        says = view.sentences(says, view.say("explore.open", gap=voice.percent(one.gap, 2)))
    told = {"value": value, "spent": spent, "says": says}
    told["share"] = view.say("explore.part", share=part) if part else ""
    told["against"] = against(found.best.objective if world.name == "" else world.kept)
    told["today"] = against(world.today)
    return told


def _failed(view: View, one: Failed) -> dict[str, str]:
    """Why a point has no plan."""
    if isinstance(one.error, Infeasible) and one.error.conflict.rules:
        names = [rule_name(rule, one.plan, view.lang) for rule in one.error.conflict.rules]
        rules = listed(list(dict.fromkeys(names)), view.lang, _RULES)
        return {"reason": view.say("explore.infeasible", rules=rules)}
    return {"reason": view.say("explore.failed", reason=one.reason.partition("\n")[0])}


def _changes(view: View, found: Explorer, world: World) -> str:
    """What a world changes, beside what the sliders set."""
    if world.name == "":
        return ""
    left_out = ("budget", "split", "business", "origins")
    told = [
        f"{label(path)}: {_short(view, old)} → {_short(view, new)}"
        for path, old, new in changed_inputs(found.best.plan, world.plan)
        if not path.startswith(left_out)
    ]
    more = len(told) - _CHANGES
    told = told[:_CHANGES] + ([view.say("explore.more", count=more)] if more > 0 else [])
    return " · ".join(told)


def _short(view: View, value: object) -> str:
    """An input for a reader."""
    if value is None:
        return view.say("word.none")
    if isinstance(value, float | int) and not isinstance(value, bool):
        return f"{value:,.6g}"
    text = str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _grid(view: View, world: World) -> Table:
    """What every point brings: a row per budget, a column per brand share."""
    voice = view.voice
    shares = [voice.percent(share) for share in world.shares] or [voice.noun]
    head = Column(view.say("explore.budget"), is_number=False)
    rows = []
    for name, row in zip(voice.apart(*world.budgets), world.answers, strict=True):
        cells = [
            view.say("word.none")
            if isinstance(one, Failed)
            else voice.amount(voice.worth(one.objective), bare=True)
            for one in row
        ]
        rows.append([name, *cells])
    caption = view.say("explore.grid", noun=voice.noun)
    return Table(caption, [head, *map(Column, shares)], rows, folded=view.say("explore.points"))
