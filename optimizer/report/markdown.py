"""The answer as a page of Markdown, to paste into a mail or a chat."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from optimizer.allocation import Allocation
from optimizer.analysis.explanation import explain
from optimizer.analysis.prices import Prices
from optimizer.words import say

from .appendix import reproduce
from .blocks import Column, Table
from .tables import allocation_table
from .theme import TURNING
from .view import View

__all__ = ["escaped", "summary", "table_lines"]

LINES = 40
"""Lines that a summary shows, the largest first."""

LONGEST = 80
"""Characters of a name; longer ones are cut."""

_HOLD = "\N{WORD JOINER}"
# What Markdown, its tables and its HTML give a meaning to.
_SPECIAL = re.compile(r"([\\`*{}\[\]|~]|(?<!\w)_|_(?!\w))")
# What chats and code hosts turn into a mention, a reference, or a link.
_CALLS = re.compile(r"(?<!\w)([@#])(?=\w)|(?<=\w)(@)(?=\w)")
_LINKS = re.compile(r"(?i)\b(https?|ftp|mailto|javascript|data)(:)|\b(www)(\.)")


def escaped(text: str) -> str:
    """User text for Markdown: it is read as it was typed, and makes nothing happen.

    No emphasis, code, table cell, link, HTML or mention comes of it; it stays on one line.
    """
    text = "".join(
        " " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text.translate(TURNING)
    )
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = _SPECIAL.sub(r"\\\1", text)
    text = _CALLS.sub(lambda found: f"{found.group(0)}{_HOLD}", text)
    text = _LINKS.sub(lambda found: f"{found.group(0)[:-1]}{_HOLD}{found.group(0)[-1]}", text)
    return re.sub(r"^(\s*)([-+=]|\d+[.)])(?=\s|$)", rf"\1{_HOLD}\2", text)


def short_name(text: str) -> str:
    """A name that is not longer than a line."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rstrip()}…"


def table_lines(table: Table, most: int | None = None) -> list[str]:
    """A table as Markdown: numbers to the right, the total in bold."""
    shown = list(table.rows)[:most]
    lines = [
        _row(column.title for column in table.columns),
        _bar(table.columns),
        *(_row(map(short_name, row)) for row in shown),
    ]
    if table.total:
        total = " | ".join(f"**{escaped(cell)}**" if cell else "" for cell in table.total)
        lines.append(f"| {total} |")
    return lines


def _row(cells: Any) -> str:
    return "| " + " | ".join(escaped(cell) for cell in cells) + " |"


def _bar(columns: Sequence[Column]) -> str:
    return "|" + "|".join(" ---: " if column.is_number else " --- " for column in columns) + "|"


def summary(allocation: Allocation, prices: Prices | None = None, lang: str = "en") -> str:
    """*allocation* in short, as Markdown: headline, lines, moves, rules, alerts, how to repeat it.

    Args:
        allocation: The answer.
        prices: What its rules cost, from ``rule_prices``.
        lang: ``en`` or ``zh``.

    Raises:
        KeyError: there is no such language.
    """
    view = View(allocation, lang)
    told = explain(allocation, prices, lang)
    parts = [
        [f"# {escaped(short_name(allocation.plan.name))}"],
        [f"**{escaped(told.headline.text)}**"],
        [escaped(told.proof.text)],
        _lines(view),
        _list(view.say("answer.moves" if view.has_today else "answer.moves_new"), told.moves,
              view.say("answer.no_moves")),
        _list(view.say("answer.rules"), told.rules),
        _list(view.say("answer.alerts"), (*told.risk, *told.alerts)),
        _again(view),
    ]  # fmt: skip
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _lines(view: View) -> list[str]:
    """The lines: today, recommended, change, share, and what holds them."""
    full = allocation_table(view)
    kept = (0, 2, 3, 4, 6) if view.has_today else (0, 2, 3)
    at = (*kept, len(full.columns) - 1)
    own = Table(
        "",
        [full.columns[i] for i in at],
        [[row[i] for i in at] for row in full.rows[:LINES]],
        [full.total[i] for i in at],
    )
    more = len(full.rows) - LINES
    tail = ["", say("summary.more", view.lang, count=more)] if more > 0 else []
    caption = view.say("notebook.currency", currency=view.currency)
    return [f"{caption}{view.say('stop')}", "", *table_lines(own), *tail]


def _list(title: str, statements: Any, none: str = "") -> list[str]:
    said = [escaped(one.text) for one in statements] or [escaped(none)] * bool(none)
    return [f"## {escaped(title)}", "", *(f"- {text}" for text in said)] if said else []


def _again(view: View) -> list[str]:
    """How to get it again; the command holds no text that others typed."""
    provenance = view.allocation.provenance
    line = say("summary.made", view.lang, version=provenance["versions"]["adsplit"],
                    input=provenance["input"][:12])  # fmt: skip
    return [
        f"## {view.say('appendix.reproduce')}",
        "",
        "```",
        reproduce(view, "summary.md", "SCENARIO"),
        "```",
        "",
        line,
    ]
