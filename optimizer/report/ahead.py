"""The sections about deciding before one knows: what safety costs, and what to buy now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from optimizer.analysis.commitment import Committed
from optimizer.analysis.committing import advise, branch_name
from optimizer.analysis.frontier import Frontier
from optimizer.analysis.telling import SMALL

from . import charts
from .blocks import Chart, Column, Section, Table
from .tables import cell
from .view import View

__all__ = ["commitment", "safety"]

# Cases with bars of their own.
_CASES = 4


def safety(view: View, found: Frontier) -> Section:
    """What a plan that is better in bad times costs on average."""
    voice = view.voice
    frame: Any = found.frame[found.frame["expected"].notna()].reset_index(drop=True)
    tail = voice.percent(1 - found.level, 0)
    title = view.say("chart.safety.title_none")
    if len(frame) > 1:
        bold, safe = frame.iloc[0], frame.iloc[-1]
        gain, cost = safe["worst"] - bold["worst"], bold["expected"] - safe["expected"]
        size = SMALL * max(abs(bold["expected"]), abs(bold["worst"]))
        key = "title" if gain > size else "title_same"
        title = view.say(
            f"chart.safety.{key}",
            gain=voice.amount(max(gain, 0.0)),
            cost=voice.amount(max(cost, 0.0)),
            share=tail,
        )
    heads = [view.say("table.weight", share=tail), view.say("chart.risk.expected")]
    heads += [view.say("chart.risk.worst", share=tail), view.say("table.spent")]
    rows = [
        [
            voice.percent(row.weight, 0),
            voice.amount(voice.worth(row.expected), bare=True),
            voice.amount(voice.worth(row.worst), bare=True),
            voice.cash(row.spent),
        ]
        for row in frame.itertuples()
    ]
    chart = Chart(
        "safety",
        title,
        charts.risk_frontier(view, found),
        subtitle=view.say("chart.safety.subtitle", noun=voice.noun),
        aid=view.say("chart.safety.aid", share=tail),
        label=title,
        table=Table("", [Column(heads[0], is_number=False), *map(Column, heads[1:])], rows),
        is_wide=True,
    )
    return Section("safety", view.say("section.safety"), charts=[chart])


def commitment(view: View, found: Committed) -> Section:
    """What to buy now, and what to leave until more shows."""
    told, voice = advise(found, view.lang), view.voice
    names = [branch_name(one.name, voice, grouped=found.by_draws) for one in found.branches]
    order = view.frame["line"].tolist()
    now, waits = found.now.loc[order], found.waits.loc[order]
    rest = [waits[case] for case in waits]
    columns = [Column(view.say("table.line"), is_number=False), Column(view.say("commit.word_now"))]
    columns += [Column(view.say("commit.word_then", case=name)) for name in names]
    rows = [
        [view.line(line), cell(view, now[line]), *(cell(view, own[line]) for own in rest)]
        for line in order
    ]
    total = [view.say("word.total"), cell(view, now.sum())]
    total += [cell(view, own.sum()) for own in rest]
    shown = [(view.say("commit.word_now"), now.tolist())]
    # A line that is bought up front has nothing to wait for.
    open_ = _open(found, order)
    shown += [
        (view.say("commit.word_then", case=name), np.where(open_, own, np.nan).tolist())
        for name, own in zip(names[:_CASES], rest, strict=False)
    ]
    title = told.result[0].text
    chart = Chart(
        "commitment",
        title,
        charts.bought_ahead(view, shown),
        subtitle=view.say("chart.commit.subtitle", currency=view.currency),
        aid=view.say("chart.commit.aid"),
        label=title,
        table=Table("", columns, rows, total),
        is_wide=True,
    )
    said = [*told.worths, *told.openings, *told.method]
    return Section(
        "commitment",
        view.say("section.commitment"),
        charts=[chart],
        sentences=[one.text for one in said],
    )


def _open(found: Committed, order: Sequence[str]) -> Any:
    """Which lines, in this order, have money that is not bought up front."""
    grid = found.branches[0].problem.grid
    open_ = grid.by_line((~found.committed).astype(float)) > 0
    by_name = dict(zip(grid.line_names.tolist(), open_, strict=True))
    return np.array([by_name[name] for name in order])
