"""The sections about time: when the money goes out, the brand stock, the funnel, the goal."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from optimizer.analysis.breakdown import GOODWILL, Goal, breakdown, goals
from optimizer.analysis.explanation import explain
from optimizer.plan.constraints import Target
from optimizer.plan.flows import CAPACITY
from optimizer.words import listed, stage
from optimizer.words.rules import lifts_in_words

from . import charts
from .blocks import Chart, Column, Section, Table
from .charts.over_time import units
from .tables import cell, percent, whole
from .view import View

__all__ = ["funnel", "goal", "goodwill", "has_goal", "horizon", "phasing"]

PARTS = 12
"""Parts of a stacked bar; of more lines the bars show roles or channels."""

MARKS = {"locked": "=", "blackout": "×", "maximum": "⟧", "minimum": "⟦"}
"""What stands before the money of a cell that something holds."""


def capital(text: str) -> str:
    """The same with a large first letter."""
    return text[:1].upper() + text[1:]


def _with_later(view: View, always: str, later: str) -> str:
    """A sentence, and another where periods after the plan's end count."""
    if len(view.period_labels) == view.periods:
        return view.say(always)
    return view.sentences(view.say(always), view.say(later))


# ------------------------------------------------------------------------------------ phasing


def phasing(view: View) -> Section:
    """When the money goes out, and when what it brings comes in."""
    allocation, voice = view.allocation, view.voice
    frame: Any = allocation.by_period
    column = "value" if view.counts_value else "outcome"
    noun = capital(voice.say("noun.revenue" if view.counts_value else "noun.outcomes"))
    today = None if allocation.today is None else allocation.today.by_period[column]
    title = _when(view)
    later = float(frame[column].iloc[view.periods :].sum())
    total = float(frame[column].sum())
    aid = _with_later(view, "chart.phasing.aid", "chart.phasing.after")
    if later > 0 and total > 0:
        share = view.say("chart.phasing.later", share=voice.percent(later / total),
                         end=view.period(view.periods - 1))  # fmt: skip
        aid = view.sentences(share, aid)
    chart = Chart(
        "phasing",
        title,
        charts.money_by_period(view, _parts(view), frame[column], today, noun),
        subtitle=view.say("chart.phasing.subtitle"),
        aid=aid,
        label=title,
        table=_totals(view, column, noun),
        is_wide=True,
    )
    return Section(
        "phasing", view.say("section.phasing"), charts=[chart], tables=[_cells_table(view)]
    )


def _when(view: View) -> str:
    """In which period most money goes out, and in which least."""
    voice, spend = view.voice, view.allocation.by_period["spend"].to_numpy(float)[: view.periods]
    most, least = int(spend.argmax()), int(spend.argmin())
    high, low = voice.cash(spend[most]), voice.cash(spend[least])
    if high == low:
        key = (
            "chart.phasing.title_same" if view.allocation.spent > 0 else "chart.phasing.title_none"
        )
        return view.say(key, high=high)
    return view.say(
        "chart.phasing.title",
        most=view.period(most), high=high, least=view.period(least), low=low,
    )  # fmt: skip


def _wide(view: View) -> Any:
    """Money per line and period, in the order of the plan."""
    return view.allocation.spend.reshape(-1, view.periods)


def _parts(view: View) -> list[tuple[str, str, str, Any]]:
    """Name, role, channel and money per period of what a bar is made of, brand first."""
    money, frame = _wide(view), view.frame
    order = sorted(range(len(frame)), key=lambda i: view.roles.index(frame["role"][i]))
    if len(frame) <= PARTS:
        rows = frame.iloc[order].itertuples()
        return [(row.label, row.role, row.channel, money[row.position])
                for row in rows if row.spend > 0]  # fmt: skip
    lines = view.allocation.by_line
    if len(view.roles) > 1:
        return [
            (view.role_name(role), role, "", money[(lines["role"] == role).to_numpy()].sum(axis=0))
            for role in view.roles
        ]
    return [(view.say("word.total"), view.roles[0], "", money.sum(axis=0))]


def _totals(view: View, column: str, noun: str) -> Table:
    """Money and what comes in, period by period."""
    frame: Any = view.allocation.by_period
    today = view.allocation.today
    has_roles = {"brand", "traffic"} <= set(view.roles)
    columns = [Column(view.say("table.period"), is_number=False), Column(view.say("table.spend"))]
    money, roles = _wide(view), view.allocation.by_line["role"].to_numpy()
    spends = {role: money[roles == role].sum(axis=0) for role in view.roles}
    columns += [Column(view.role_name(role)) for role in spends if has_roles]
    columns.append(Column(noun))
    if today is not None:
        columns.append(Column(f"{noun}: {view.say('word.today')}"))
    outs = [whole(view, frame["spend"], view.allocation.spent)]
    outs += [whole(view, own, float(own.sum())) for own in spends.values() if has_roles]
    ins = [frame[column], *([] if today is None else [today.by_period[column]])]
    ins = [whole(view, own, float(own.sum())) for own in ins]
    rows = []
    for i, label in enumerate(view.period_labels):
        there = i < view.periods
        rows.append([label, *(cell(view, own[i]) if there else "" for own in outs),
                     *(cell(view, own[i]) for own in ins)])  # fmt: skip
    total = [view.say("word.total"), *(cell(view, sum(own)) for own in (*outs, *ins))]
    caption = view.say("table.caption_plain", currency=view.currency)
    return Table(caption if view.counts_value else "", columns, rows, total)


def _cells_table(view: View) -> Table:
    """The plan, line by line and period by period, with marks of what holds a cell."""
    allocation = view.allocation
    money = _wide(view)
    totals = money.sum(axis=0)
    rounded = [whole(view, money[:, i], float(totals[i])) for i in range(view.periods)]
    marks = _marks(view)
    sums = whole(view, view.frame["spend"], allocation.spent)
    rows, used = [], set()
    for row, whole_year in zip(view.frame.itertuples(), sums, strict=True):
        cells = []
        for i in range(view.periods):
            mark = marks[row.position][i]
            used.add(mark)
            text = cell(view, rounded[i][row.position])
            cells.append(f"{MARKS[mark]} {text}" if mark else text)
        rows.append([row.label, *cells, cell(view, whole_year)])
    total = [view.say("word.total"),
             *(cell(view, sum(own)) for own in rounded), cell(view, sum(sums))]  # fmt: skip
    columns = [Column(view.say("table.line"), is_number=False),
               *(Column(view.period(i)) for i in range(view.periods)),
               Column(view.say("word.total"))]  # fmt: skip
    caption = [view.say("table.caption_periods", currency=view.currency)]
    said = [f"{sign} {view.voice.say(f'mark.{mark}')}" for mark, sign in MARKS.items()
            if mark in used]  # fmt: skip
    if said:
        caption.append(view.say("table.marks", marks=listed(said, view.lang)))
    return Table(view.sentences(*caption), columns, rows, total, is_dense=True)


def _marks(view: View) -> list[list[str]]:
    """What holds each cell, per line and period: a word of ``MARKS``, or empty."""
    cells: Any = view.allocation.by_cell
    words = []
    for low, high, at in zip(cells["minimum"], cells["maximum"], cells["at"], strict=True):
        if high <= 0:
            words.append("blackout")
        elif low == high:
            words.append("locked")
        else:
            words.append(at if at in MARKS else "")
    return np.array(words, object).reshape(-1, view.periods).tolist()


# ----------------------------------------------------------------------------------- goodwill


def goodwill(view: View) -> Section:
    """What the brand lines leave behind, how it fades, and what it returns."""
    allocation, voice = view.allocation, view.voice
    plan, frame = allocation.plan, allocation.by_period
    assert plan.goodwill is not None
    today = None if allocation.today is None else allocation.today.by_period
    of = plan.goodwill.outcome
    counted = stage(of, view.lang) if of else voice.say("noun.outcomes")
    stock, end = frame["goodwill"], view.periods - 1
    slots = {
        "first": voice.cash(stock.iloc[0]), "start": view.period(0),
        "end": voice.cash(stock.iloc[end]), "when": view.period(end),
        "last": voice.cash(stock.iloc[-1]), "until": view.period(len(stock) - 1),
    }  # fmt: skip
    grows = "grows" if stock.iloc[end] > stock.iloc[0] else "shrinks"
    fades = "_fades" if len(stock) > view.periods else ""
    title = view.say(f"chart.goodwill.title_{grows}{fades}", **slots)
    chart = Chart(
        "goodwill",
        title,
        charts.goodwill(view, frame, today, capital(counted)),
        subtitle=view.say("chart.goodwill.subtitle"),
        aid=_with_later(view, "chart.goodwill.aid", "chart.goodwill.after"),
        label=title,
        table=_stock_table(view, frame, today, counted),
        is_wide=True,
        legend=_ways(view),
    )
    return Section("goodwill", view.say("section.goodwill"), _returns(view, counted), [chart])


def _ways(view: View) -> list[tuple[str, str]]:
    """The looks of the lines of the plan and of today's spend."""
    ways = [("line", view.say("word.recommended"))]
    return [*ways, ("dashed", view.say("word.today"))] if view.has_today else ways


def _returns(view: View, counted: str) -> str:
    """What the stock brings in all, what today's spend would leave, and what it lifts."""
    voice, frame = view.voice, view.allocation.by_period
    brings = units(float(frame["goodwill_outcome"].sum()), view.lang)
    worth = float(frame["goodwill_value"].sum())
    key = "goodwill.lead" if view.counts_value and worth > 0 else "goodwill.lead_plain"
    said = [view.say(key, brings=brings, noun=counted, worth=voice.cash(worth))]
    if view.allocation.today is not None:
        before: Any = view.allocation.today.by_period
        end = view.periods - 1
        said.append(view.say(
            "goodwill.lead_today", when=view.period(end),
            plan=voice.cash(frame["goodwill"].iloc[end]),
            today=voice.cash(before["goodwill"].iloc[end]),
        ))  # fmt: skip
    if view.allocation.lifts:
        lifts = lifts_in_words(view.allocation.lifts, view.lang)
        said.append(view.say("goodwill.lead_lifts", lifts=lifts))
    return view.sentences(*said)


def _stock_table(view: View, frame: Any, today: Any, counted: str) -> Table:
    """Stock, outcomes and what these are worth, period by period."""
    pairs = [("recommended", frame), *([] if today is None else [("today", today)])]
    columns = [Column(view.say("table.period"), is_number=False)]
    columns += [Column(f"{view.say('chart.goodwill.stock')}: {view.say(f'word.{word}')}")
                for word, _ in pairs]  # fmt: skip
    columns += [Column(f"{capital(counted)}: {view.say(f'word.{word}')}") for word, _ in pairs]
    if view.counts_value:
        noun = view.say("chart.goodwill.worth")
        columns += [Column(f"{noun}: {view.say(f'word.{word}')}") for word, _ in pairs]
    rows = []
    for i, label in enumerate(view.period_labels):
        cells = [label, *(cell(view, one["goodwill"].iloc[i]) for _, one in pairs)]
        cells += [units(float(one["goodwill_outcome"].iloc[i]), view.lang) for _, one in pairs]
        if view.counts_value:
            cells += [cell(view, one["goodwill_value"].iloc[i]) for _, one in pairs]
        rows.append(cells)
    return Table("", columns, rows)


# ------------------------------------------------------------------------------------- funnel


def funnel(view: View, prices: Any = None) -> Section:
    """What arrives at each stage, is followed up and lost there, and what capacity is worth."""
    stages: Any = view.allocation.by_stage
    shown, rows, detail = [], [], []
    limited = bool(stages["capacity"].notna().any())
    for index, (name, own) in enumerate(stages.groupby("stage", sort=False)):
        noun = capital(stage(str(name), view.lang))
        known = own[own["capacity"].notna()]
        sums = [float(own[key].sum()) for key in ("arrived", "followed_up", "lost")]
        said = [units(part, view.lang) for part in sums]
        if len(known):
            used = view.voice.some(int(known["full"].sum()), len(known))
            text = view.say("chart.stage.limited", arrived=said[0], lost=said[2], used=used)
        else:
            text = view.say("chart.stage.all", arrived=said[0])
        shown.append(
            Chart(
                f"stage-{index + 1}", noun, charts.stage_by_period(view, own), subtitle=text,
                label=f"{noun}: {text}", is_small=True,
                legend=_stage_legend(view) if len(known) else (),
            )
        )  # fmt: skip
        row = [noun, said[0]]
        if limited:
            full = f"{int(known['full'].sum())} / {len(known)}"
            row += [said[1], *([said[2], full] if len(known) else ["", ""])]
        rows.append(row)
        detail.append((noun, own, len(known) > 0))
    heads = ("stage", "arrived", "followed_up", "lost", "used_up")[: 5 if limited else 2]
    columns = [Column(view.say(f"funnel.{key}"), is_number=i > 0) for i, key in enumerate(heads)]
    lead = [_with_later(view, "funnel.lead", "funnel.after"), *_worth_of_capacity(view, prices)]
    return Section(
        "funnel",
        view.say("section.funnel"),
        view.sentences(*(text if text.endswith(view.say("stop")) else text + view.say("stop")
                         for text in lead)),
        shown,
        [Table("", columns, rows), _stages_table(view, detail)],
    )  # fmt: skip


def _stage_legend(view: View) -> list[tuple[str, str]]:
    keys = (("swatch-brand", "followed_up"), ("swatch-lost", "lost"), ("limit", "capacity"))
    return [(shape, view.say(f"funnel.{key}")) for shape, key in keys]


def _worth_of_capacity(view: View, prices: Any) -> list[str]:
    """What one more unit of each capacity that is used up is worth."""
    told = explain(view.allocation, prices, view.lang)
    return [rule.text for rule in told.rules if rule.rule.startswith(f"{CAPACITY} ")]


def _stages_table(view: View, detail: list[tuple[str, Any, bool]]) -> Table:
    """Every stage and period."""
    columns = [Column(view.say("table.period"), is_number=False)]
    parts = []
    for noun, own, is_limited in detail:
        keys = ("arrived", "followed_up", "lost", "capacity") if is_limited else ("arrived",)
        for key in keys:
            columns.append(Column(f"{noun}: {view.voice.say(f'funnel.{key}')}"))
            parts.append(own[key].to_numpy(float))
    none = view.say("word.none")
    rows = [
        [label, *(units(float(p[i]), view.lang) if math.isfinite(p[i]) else none for p in parts)]
        for i, label in enumerate(view.period_labels)
    ]
    return Table("", columns, rows, folded=view.say("funnel.table"))


# --------------------------------------------------------------------------------------- goal


def has_goal(view: View) -> bool:
    """Whether a rule asks for a number of outcomes."""
    rules = view.allocation.plan.rules
    return any(isinstance(rule, Target) and rule.at_least is not None for rule in rules)


def goal(view: View) -> Section:
    """Each target taken apart: who must deliver what by when, and the money it takes."""
    frame: Any = breakdown(view.allocation)
    asked = goals(view.allocation)
    shown, tables = [], []
    for index, one in enumerate(asked):
        parts = _delivered(view, frame, one)
        noun = capital(stage(one.stage, view.lang) if one.stage else view.say("noun.outcomes"))
        cumulative = np.cumsum(sum(own for *_, own in parts))
        reached = int(np.argmax(cumulative >= one.amount * (1 - 1e-9)))
        title = view.say(
            "chart.breakdown.title", amount=units(one.amount, view.lang),
            noun=stage(one.stage, view.lang) if one.stage else view.voice.say("noun.outcomes"),
            when=view.period(reached),
        )  # fmt: skip
        shown.append(
            Chart(
                f"breakdown-{index + 1}", title,
                charts.delivery(view, _grouped(view, parts), cumulative, one.amount, noun),
                subtitle=view.say("chart.breakdown.subtitle", noun=noun),
                aid=view.say("chart.breakdown.aid"), label=title, is_wide=True,
            )
        )  # fmt: skip
        tables.append(_goal_table(view, one, parts, cumulative, noun))
    return Section("goal", view.say("section.goal"), charts=shown, tables=tables)


def _delivered(view: View, frame: Any, one: Goal) -> list[tuple[str, str, Any]]:
    """Line, role and units per period of all that counts towards a goal, in the page's order."""
    column = one.stage or "outcome"
    wide = frame.pivot_table(index="line", columns="period", values=column, sort=False)
    wide = wide.reindex(columns=view.period_labels)
    parts = []
    for row in view.frame.itertuples():
        own = np.where(one.counts[row.position], wide.loc[row.line].to_numpy(float), 0.0)
        parts.append((row.line, row.role, own))
    if GOODWILL in wide.index:
        own = np.where(one.counts[-1], wide.loc[GOODWILL].to_numpy(float), 0.0)
        parts.append((GOODWILL, GOODWILL, own))
    return [part for part in parts if part[2].any()]


def _grouped(view: View, parts: list[tuple[str, str, Any]]) -> list[tuple[str, str, Any]]:
    """The same by role, goodwill by itself."""
    kinds = [*view.roles, GOODWILL]
    sums = [(kind, [own for _, role, own in parts if role == kind]) for kind in kinds]
    return [(view.say("section.goodwill") if kind == GOODWILL else view.role_name(kind), kind,
             sum(own)) for kind, own in sums if own]  # fmt: skip


def _goal_table(
    view: View, one: Goal, parts: list[tuple[str, str, Any]], cumulative: Any, noun: str
) -> Table:
    """Who delivers how much in which period, and the money that each needs for it."""
    spends = view.allocation.by_line.set_index("line")["spend"]
    columns = [Column(view.say("table.line"), is_number=False), Column(view.say("table.spend")),
               Column(noun), Column(view.say("table.share_of_target")),
               *(Column(view.period(i)) for i in range(len(view.period_labels)))]  # fmt: skip
    rows, amount = [], one.amount or 1.0
    for line, _, own in parts:
        is_stock = line == GOODWILL
        name = view.say("section.goodwill") if is_stock else view.line(line)
        money = "" if is_stock else cell(view, float(spends[line]))
        rows.append([name, money, units(float(own.sum()), view.lang),
                     percent(view, float(own.sum()) / amount),
                     *(units(float(v), view.lang) for v in own)])  # fmt: skip
    total = [view.say("word.total"),
             cell(view, sum(float(spends[line]) for line, *_ in parts if line != GOODWILL)),
             units(float(cumulative[-1]), view.lang),
             percent(view, float(cumulative[-1]) / amount),
             *(percent(view, float(v) / amount, 0) for v in cumulative)]  # fmt: skip
    key = "table.goal" if one.name else "table.goal_plain"
    caption = view.say(key, goal=one.name, amount=units(one.amount, view.lang), noun=noun,
                       currency=view.currency)  # fmt: skip
    return Table(caption, columns, rows, total, is_dense=True)


# ------------------------------------------------------------------------------------ horizon


def horizon(view: View, found: Any) -> Section:
    """From which horizon on the brand rule is the best split, and what it costs before."""
    voice, frame = view.voice, found.frame
    said = found.sentences(view.lang)
    columns = [Column(view.say(f"chart.horizon.{found.every}")),
               Column(view.say("table.until"), is_number=False),
               Column(view.say("chart.horizon.free")),
               Column(view.say("table.without_rule", noun=capital(voice.noun))),
               Column(view.say("table.with_rule", share=voice.percent(found.rule_share, 0))),
               Column(view.say("chart.horizon.cost"))]  # fmt: skip
    rows = [
        [str(int(row["horizon"])), row["label"], percent(view, row["brand_share"]),
         *(cell(view, voice.worth(row[key]), 0) for key in ("value_free", "value_rule")),
         row["reason"] or cell(view, row["cost"], 0)]
        for row in frame.to_dict("records")
    ]  # fmt: skip
    table = Table("", columns, rows)
    title = said[0].rstrip(view.say("stop"))
    if not frame["brand_share"].notna().any():
        return Section("horizon", view.say("section.horizon"), said[0], tables=[table])
    chart = Chart(
        "horizon", title, charts.horizon(view, found),
        subtitle=view.say("chart.horizon.subtitle"),
        aid=view.sentences(*said[1:], view.say("chart.horizon.aid")),
        label=title, table=table, is_wide=True,
    )  # fmt: skip
    return Section("horizon", view.say("section.horizon"), charts=[chart])
