"""The report of a table of very many lines: groups of lines, and the largest lines among them.

No chart, table or text here is per line but those of the few largest, so that the page of a million
lines is as large as that of a thousand.
"""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from optimizer.analysis.line_items import group_frame, proof_sentence
from optimizer.plan.document import outline
from optimizer.plan.table import LineTable
from optimizer.words import number
from optimizer.words.rules import rule_in_words, rule_name

from . import answer, evidence, sections
from .appendix import facts, glossary
from .blocks import Answer, Appendix, Card, Column, Page, Section, Table
from .tables import cell, percent, safe_text, whole
from .view import View

__all__ = ["Groups", "grouped_page", "is_table"]

# The largest lines, and the largest moves, that are told one by one.
_LARGEST, _MOVES = 15, 3


def is_table(view: View) -> bool:
    """Whether the lines of a plan are a table."""
    return isinstance(view.allocation.plan.lines, LineTable)


@dataclass(frozen=True)
class Groups(View):
    """The answer for a table with its lines summed up by channel and role."""

    @cached_property
    def frame(self) -> Any:
        """The groups, those with the most money first.

        Columns as of :class:`View`, as far as charts of spend need them, and lines, active.
        """
        frame: Any = group_frame(self.allocation)
        names = [
            f"{row.channel}.{row.role}" if row.role else str(row.channel)
            for row in frame.itertuples()
        ]
        frame = frame.assign(
            line=names,
            label=[*map(self.line, names)],
            role=frame["role"].astype(str),
            change=frame["spend"] - frame["current"],
            minimum=np.nan,
            maximum=np.nan,
            position=np.arange(len(frame)),
        )
        return frame.sort_values(["spend", "line"], ascending=[False, True], ignore_index=True)

    @cached_property
    def roles(self) -> list[str]:
        """The roles that lines have, brand first."""
        present = set(self.frame["role"])
        return [role for role in ("brand", "traffic", "") if role in present]

    def lines(self, count: int) -> str:
        """A number of groups: ``1 group``, ``3 groups``."""
        return self.voice.say("count.group" if count == 1 else "count.groups", count=count)

    @cached_property
    def revenue(self) -> float:
        """Money that all lines bring together."""
        return float(self.frame["value"].sum())


def grouped_page(view: View, known: Mapping[str, Any]) -> Page:
    """The page of a table in one language."""
    groups = Groups(view.allocation, view.lang)
    word, status_text = answer.status(groups)
    table = _table(groups)
    where = Section(
        "allocation",
        groups.say("section.allocation"),
        groups.say("groups.lead"),
        sections.spends(groups, table, known.get("rule")),
        [table],
    )
    parts = [where, _largest(groups)]
    if "frontier" in known:
        parts.append(evidence.frontier(groups, known["frontier"]))
    if "rule" in known:
        parts.append(evidence.brand_rule(groups, known["rule"]))
    provenance = view.allocation.provenance
    return Page(
        lang=view.lang,
        status=word,
        status_text=status_text,
        chips=_chips(groups),
        answer=_answer(groups),
        sections=parts,
        appendix=_appendix(groups),
        csv=_csv(table),
        footer=view.say("page.footer", version=provenance["versions"]["adsplit"],
                        input=provenance["input"][:12]),
    )  # fmt: skip


def _counts(view: Groups) -> tuple[int, int]:
    """How many lines there are, and how many get money."""
    return int(view.frame["lines"].sum()), int(view.frame["active"].sum())


def _chips(view: Groups) -> list[str]:
    plan = view.allocation.plan
    rules = [rule_in_words(rule, plan, view.lang) for rule in plan.rules]
    said = [view.say("groups.chip", lines=number(_counts(view)[0], view.lang, 0))]
    said += [text[:1].upper() + text[1:] for text in rules]
    said.append(view.say("chip.goal", goal=view.voice.goal))
    said.append(view.say("chip.currency", currency=plan.currency))
    return said


def _answer(view: Groups) -> Answer:
    """The first screen."""
    allocation, voice, today = view.allocation, view.voice, view.allocation.today
    lines, active = _counts(view)
    value = voice.amount(voice.worth(allocation.objective))
    slots = {"spent": voice.cash(allocation.spent), "lines": number(active, view.lang, 0),
             "value": value, "noun": voice.noun}  # fmt: skip
    headline = view.say("groups.headline", **slots)
    cards = [Card(view.say("card.budget"), voice.cash(allocation.spent), _budget_notes(view))]
    title = view.say("card.value", noun=voice.noun)
    cards.append(Card(title, voice.amount(voice.worth(allocation.objective), bare=True)))
    if today is not None:
        gain = voice.worth(allocation.objective) - voice.worth(today.objective)
        then = view.say("card.value_today", today=voice.amount(voice.worth(today.objective)))
        shown = voice.amount(gain, signed=True, bare=True)
        cards.append(Card(view.say("card.change"), shown, [then]))
        headline = view.say("groups.headline_gain", **slots, gain=voice.amount(gain, signed=True))
    of_all = view.say("groups.of_all", lines=number(lines, view.lang, 0))
    cards.append(Card(view.say("groups.with_money"), number(active, view.lang, 0), [of_all]))
    return Answer(
        headline=headline,
        proof=proof_sentence(allocation, view.lang),
        cards=cards,
        moves_title=view.say("answer.moves" if view.has_today else "answer.moves_new"),
        moves=_moves(view),
        rules=_binding(view) or [view.say("word.none")],
        alerts=_alerts(view),
    )


def _budget_notes(view: Groups) -> list[str]:
    plan, today, notes = view.allocation.plan, view.allocation.today, []
    if today is not None:
        notes.append(view.say("card.budget_today", today=view.voice.cash(today.spent)))
    if plan.budget is not None:
        notes.append(view.say("card.budget_limit", budget=view.voice.cash(plan.budget)))
    return notes


def _moves(view: Groups) -> list[str]:
    """The groups whose money moves most, or that get most."""
    frame = view.frame
    if not view.has_today:
        top = frame.head(_MOVES)
        return [
            view.say("groups.gets", name=row.label, spend=view.voice.cash(row.spend),
                     share=view.voice.percent(row.share))
            for row in top.itertuples()
        ]  # fmt: skip
    order = frame["change"].abs().sort_values(ascending=False).index[:_MOVES]
    return [
        view.say("groups.moves", name=row.label, then=view.voice.cash(row.current),
                 now=view.voice.cash(row.spend), by=view.voice.cash(row.change, signed=True))
        for row in frame.loc[order].itertuples()
    ]  # fmt: skip


def _binding(view: Groups) -> list[str]:
    """The rules that hold the plan back."""
    allocation = view.allocation
    frame: Any = allocation.binding
    names = [
        rule_name(row.rule, allocation.plan, view.lang, row.part)
        for row in frame[frame["binding"].to_numpy()].itertuples()
    ]
    return [name[:1].upper() + name[1:] for name in dict.fromkeys(names)]


def _alerts(view: Groups) -> list[str]:
    """Lines beyond what was ever seen, in number and money."""
    lines = view.allocation.plan.lines
    assert isinstance(lines, LineTable)  # the page is for tables
    observed = np.nan_to_num(lines.observed, nan=np.inf)
    beyond = np.maximum(view.allocation.spend - observed, 0.0)
    count = int(np.count_nonzero(beyond > 0))
    if not count:
        return []
    cash = view.voice.cash(float(beyond.sum()))
    return [view.say("groups.beyond", lines=number(count, view.lang, 0), money=cash)]


def _table(view: Groups) -> Table:
    """The groups: lines, money today and as recommended, and what they bring."""
    frame, say = view.frame, view.say
    today = view.allocation.today
    spend = whole(view, frame["spend"], view.allocation.spent)
    heads = [say("groups.group"), say("groups.lines"), say("groups.with_money")]
    if today is not None:
        heads.append(say("table.today"))
    heads += [say("table.recommended"), say("table.share"), say("table.outcome")]
    heads += [say("table.value"), say("table.return")] if view.counts_value else []
    rows = []
    for index, row in enumerate(frame.itertuples()):
        cells = [row.label, number(row.lines, view.lang, 0), number(row.active, view.lang, 0)]
        if today is not None:
            cells.append(cell(view, row.current))
        cells += [cell(view, spend[index]), percent(view, row.share), cell(view, row.outcome)]
        if view.counts_value:
            rate = row.value / row.spend if row.spend > 0 else float("nan")
            cells += [cell(view, row.value), cell(view, rate, 2)]
        rows.append(cells)
    lines, active = _counts(view)
    total = [say("word.total"), number(lines, view.lang, 0), number(active, view.lang, 0)]
    if today is not None:
        total.append(cell(view, today.spent))
    total += [cell(view, view.allocation.spent), percent(view, 1.0), ""]
    if view.counts_value:
        spent = view.allocation.spent
        rate = view.revenue / spent if spent > 0 else float("nan")
        total += [cell(view, view.revenue), cell(view, rate, 2)]
    columns = [Column(head, is_number=place > 0) for place, head in enumerate(heads)]
    key = "table.caption" if view.counts_value else "table.caption_plain"
    return Table(view.say(key, currency=view.currency), columns, rows, total)


def _largest(view: Groups) -> Section:
    """The few lines that get the most money, and those that change most."""
    allocation = view.allocation
    tables = [_lines(view, allocation.spend, "groups.largest")]
    if view.has_today:
        change = allocation.spend - allocation.problem.grid.current
        tables.append(_lines(view, abs(change), "groups.changes"))
    return Section(
        "lines", view.say("section.largest"), view.say("groups.largest_lead"), tables=tables
    )


def _lines(view: Groups, size: Any, caption: str) -> Table:
    """The lines of the greatest *size*, one by one."""
    allocation, grid = view.allocation, view.allocation.problem.grid
    most = min(_LARGEST, len(size))
    order = np.argpartition(-size, most - 1)[:most]
    order = order[np.lexsort((grid.names[order], -size[order]))]
    heads = [view.say("table.line"), view.say("groups.group")]
    heads += [view.say("table.today")] if view.has_today else []
    heads += [view.say("table.recommended"), view.say("table.marginal")]
    slope = allocation.problem.slopes(allocation.spend)
    rows = []
    for i in order:
        group = f"{grid.channel[i]}.{grid.role[i]}" if grid.role[i] else str(grid.channel[i])
        cells = [str(grid.names[i]), view.line(group)]
        cells += [cell(view, grid.current[i])] if view.has_today else []
        worth = slope[i] * grid.value[i] if view.counts_value else slope[i]
        rows.append([*cells, cell(view, allocation.spend[i]), cell(view, worth, 2)])
    columns = [Column(head, is_number=place > 1) for place, head in enumerate(heads)]
    return Table(view.say(caption), columns, rows)


def _appendix(view: Groups) -> Appendix:
    """The columns of the table by their hashes, the rules, the solver and the command."""
    allocation = view.allocation
    plan = allocation.plan
    digests = allocation.provenance["table"]
    columns = [Column(view.say("groups.column"), is_number=False),
               Column(view.say("groups.hash"), is_number=False)]  # fmt: skip
    rows = [[name, digest[:16]] for name, digest in digests.items()]
    rules = [rule_in_words(rule, plan, view.lang) for rule in plan.rules]
    if plan.budget is not None:
        rules.insert(0, view.say("rule.budget", budget=view.voice.money(plan.budget)))
    words = ["adsplit", "report", "lines.csv"]
    words += [] if plan.budget is None else ["--budget", f"{plan.budget:.12g}"]
    words += ["--objective", plan.objective.kind, "-o", "report.html", "--lang", view.lang]
    return Appendix(
        assumptions=Table(view.say("groups.columns"), columns, rows),
        rules=[text[:1].upper() + text[1:] for text in rules],
        facts=facts(view),
        command=shlex.join(words),
        document=json.dumps(outline(plan), ensure_ascii=False, indent=2),
        glossary=glossary(),
    )


def _csv(table: Table) -> str:
    """The groups for a spreadsheet."""
    out = io.StringIO()
    write = csv.writer(out)
    write.writerow([column.title for column in table.columns])
    for row in table.rows:
        write.writerow([safe_text(row[0]), *(text.replace(",", "") for text in row[1:])])
    return out.getvalue()
