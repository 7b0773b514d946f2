"""The sections about the plan itself: where the money goes, and why."""

from __future__ import annotations

import math
from typing import Any

from optimizer.words import listed

from . import charts
from .blocks import Chart, Section, Table
from .charts.response import common_returns
from .tables import allocation_table, change_table, response_table, roles_table
from .view import View

__all__ = ["allocation", "dumbbell", "response", "spends"]

CURVES = 12
"""Small charts of single curves."""


def allocation(view: View, split_sweep: Any = None) -> Section:
    """Where the money goes, what changes, and how brand and traffic share it."""
    return Section(
        "allocation",
        view.say("section.allocation"),
        charts=spends(view, change_table(view), split_sweep),
        tables=[allocation_table(view)],
    )


def spends(view: View, twin: Table, split_sweep: Any = None) -> list[Chart]:
    """The charts of where the money goes; *twin* holds the figures of the first two."""
    shown = [dumbbell(view, twin)]
    if view.has_today and any(abs(v) > 0 for v in view.frame["change"]):
        shown.append(_changes(view, twin))
    if view.roles != [""]:
        shown.append(_strip(view, split_sweep))
    return shown


def dumbbell(view: View, twin: Table | None = None) -> Chart:
    """Today and recommended, line by line; *twin* holds the same figures."""
    frame = view.frame
    legend = [("diamond", view.say("word.recommended"))]
    if view.has_today:
        legend.insert(0, ("circle", view.say("word.today")))
    if view.roles != [""]:
        legend += _swatches(view)
    if not view.has_today:
        top = frame.iloc[0]
        share = view.voice.percent(top["share"])
        title = view.say("chart.dumbbell.title_new", up=top["label"], share=share)
    else:
        floor = 0.001 * max(view.allocation.spent, 1e-300)
        up, down = frame["change"].idxmax(), frame["change"].idxmin()
        grows, falls = frame["change"][up] > floor, frame["change"][down] < -floor
        word = "moves" if grows and falls else "up" if grows else "down" if falls else "same"
        slots = {"up": frame["label"][up], "down": frame["label"][down]}
        title = view.say(f"chart.dumbbell.title_{word}", **slots)
    values = "; ".join(
        f"{row.label}: {view.voice.money(row.spend)}" for row in view.shown.itertuples()
    )
    return Chart(
        "dumbbell",
        title,
        charts.today_and_recommended(view),
        subtitle=_of_all(view, view.say("chart.dumbbell.subtitle", currency=view.currency)),
        aid=view.say("chart.dumbbell.aid"),
        label=f"{title}. {values}",
        table=change_table(view) if twin is None else twin,
        is_wide=not view.has_today,
        legend=legend,
    )


def _of_all(view: View, text: str) -> str:
    """A subtitle, and over how many periods its money is."""
    if view.allocation.plan.periods is None:
        return text
    return view.say("chart.over", text=text, some=view.voice.some(view.periods, view.periods))


def _swatches(view: View) -> list[tuple[str, str]]:
    return [(f"swatch-{role or 'none'}", view.role_name(role)) for role in view.roles]


def _changes(view: View, twin: Table) -> Chart:
    change = view.frame["change"]
    size = 0.5
    moved = max(float(change.clip(lower=0).sum()), float((-change).clip(lower=0).sum()))
    up, down = int((change > size).sum()), int((change < -size).sum())
    word = "" if up and down else "_up" if up else "_down"
    title = view.say(
        f"chart.change.title{word}",
        moved=view.voice.cash(moved),
        up=view.lines(up),
        down=view.lines(down),
    )
    return Chart(
        "change",
        title,
        charts.change_bars(view),
        subtitle=_of_all(view, view.say("chart.change.subtitle", currency=view.currency)),
        aid=view.say("chart.change.aid"),
        label=title,
        table=twin,
    )


def _strip(view: View, sweep: Any) -> Chart:
    rows = []
    if view.allocation.today is not None and view.allocation.today.spent > 0:
        rows.append((view.say("word.today"), view.allocation.today.spend))
    rows.append((view.say("word.recommended"), view.allocation.spend))
    free = None
    if sweep is not None and sweep.best is not None and view.split is not None:
        near = (sweep.frame["x"] - sweep.best).abs()
        found = sweep.allocations[int(near.to_numpy().argmin())]
        if found is not None and near.min() < 1e-9:
            free = found.spend
            rows.append((view.say("chart.strip.free"), free))
    plans = [
        (name, [view.share_of_role(role, spend) for role in view.roles]) for name, spend in rows
    ]
    share = view.voice.percent(view.share_of_role("brand", view.allocation.spend))
    rule = view.whole_split
    if free is not None:
        other = view.voice.percent(view.share_of_role("brand", free))
        title = view.say("chart.strip.title_free", share=share, free=other)
    elif rule is not None and "brand" in rule.target:
        asked = view.voice.percent(rule.target["brand"], 0)
        title = view.say("chart.strip.title_rule", share=share, rule=asked)
    else:
        title = view.say("chart.strip.title_plain", share=share)
    return Chart(
        "strip",
        title,
        charts.role_strip(view, plans),
        subtitle=view.say("chart.strip.subtitle"),
        aid=view.say("chart.strip.aid") if rule is not None else "",
        label=title,
        table=roles_table(view, plans),
        is_wide=True,
        legend=_swatches(view),
    )


def response(view: View) -> Section:
    """What each line returns, and why the mix is balanced."""
    unit = view.currency if view.counts_value else view.voice.say("noun.outcomes")
    small = [_curve(view, i, row) for i, row in enumerate(view.frame.head(CURVES).itertuples())]
    if view.allocation.plan.periods is None:
        lead = view.say("chart.response.lead", unit=unit)
    else:
        some = view.voice.some(view.periods, view.periods)
        lead = view.say("chart.response.lead_periods", unit=unit, some=some)
    if len(view.frame) > CURVES:
        some = view.say("chart.response.some", shown=CURVES, total=len(view.frame))
        lead = f"{lead} {some}"
    shown = [*small]
    if (view.frame["marginal"].abs() > 0).any():
        shown.append(_marginal(view))
    return Section("response", view.say("section.response"), lead, shown, [response_table(view)])


def _next(view: View, row: Any) -> str:
    voice = view.voice
    if row.spend <= 0:
        return view.say("chart.response.nothing")
    if view.counts_value:
        next_ = voice.money(row.slope, digits=2)
        text = view.say("chart.response.next", one=voice.one, next=next_)
    else:
        cost = voice.money(1 / row.slope) if row.slope > 0 else "∞"
        text = view.say("chart.response.next_cost", cost=cost)
    if row.at in {"maximum", "minimum"}:
        text += f" · {voice.say(f'chart.response.at_{row.at}')}"
    return text


def _curve(view: View, index: int, row: Any) -> Chart:
    subtitle = _next(view, row)
    return Chart(
        f"curve-{index + 1}",
        row.label,
        charts.response_curve(view, row),
        subtitle=subtitle,
        label=f"{row.label}: {view.voice.money(row.spend)}. {subtitle}",
        is_small=True,
    )


def _marginal(view: View) -> Chart:
    voice, levels = view.voice, common_returns(view)
    if not voice.counts_money:
        title = view.say("chart.marginal.title_cost", noun=voice.noun)
    elif not levels:
        title = view.say("chart.marginal.title_none", one=voice.one, earned=voice.earned)
    elif len(levels) == 1 and not levels[0][0]:
        next_ = voice.money(levels[0][1], digits=2)
        title = view.say("chart.marginal.title_one", one=voice.one, next=next_, earned=voice.earned)
    else:
        said = [
            view.voice.say(
                "chart.marginal.level", role=voice.line(role), next=voice.money(value, digits=2)
            )
            for role, value in levels
            if math.isfinite(value)
        ]
        title = view.say(
            "chart.marginal.title_roles",
            one=voice.one,
            levels=listed(said, view.lang),
            earned=voice.earned,
        )
    unit = view.currency if voice.counts_money else voice.noun
    return Chart(
        "marginal",
        title,
        charts.marginal_returns(view),
        subtitle=view.say("chart.marginal.subtitle", unit=f"{voice.earned}, {unit}"
                          if voice.counts_money else unit),
        aid=view.say("chart.marginal.aid"),
        label=title,
        table=response_table(view),
        is_wide=True,
    )  # fmt: skip
