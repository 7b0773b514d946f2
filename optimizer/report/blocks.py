"""What a page is made of: sections of charts, tables and sentences, as plain text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Answer", "Card", "Chart", "Column", "Page", "Section", "Table"]


@dataclass(frozen=True)
class Column:
    """A table's column."""

    title: str
    is_number: bool = True


@dataclass(frozen=True)
class Table:
    """Rows of text; the first cell of a row is its header."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    total: Sequence[str] = ()
    folded: str = ""
    """What opens it; empty: it stands open."""
    is_dense: bool = False
    """Many columns of short numbers: set close, so that twelve months stand side by side."""


@dataclass(frozen=True)
class Chart:
    """A figure, what it shows in words, and its table twin."""

    id: str
    title: str
    """The finding."""
    figure: Any
    subtitle: str = ""
    aid: str = ""
    """How to read it, in one or two sentences."""
    label: str = ""
    """The finding for those who hear the page: with its values."""
    table: Table | None = None
    is_small: bool = False
    """One of many: three to a row where there is room."""
    is_wide: bool = False
    """Takes the whole width."""
    legend: Sequence[tuple[str, str]] = ()
    """Shape and meaning of each mark."""


@dataclass(frozen=True)
class Section:
    """A question and its evidence."""

    id: str
    title: str
    lead: str = ""
    charts: Sequence[Chart] = ()
    tables: Sequence[Table] = ()
    sentences: Sequence[str] = ()


@dataclass(frozen=True)
class Card:
    """One figure of the first screen."""

    title: str
    value: str
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Answer:
    """The first screen."""

    headline: str
    proof: str
    cards: Sequence[Card]
    moves_title: str
    moves: Sequence[str]
    rules: Sequence[str]
    alerts: Sequence[str]


@dataclass(frozen=True)
class Page:
    """The page in one language."""

    lang: str
    status: str
    """``optimal``, ``stopped`` or ``given``."""
    status_text: str
    chips: Sequence[str]
    answer: Answer
    sections: Sequence[Section]
    appendix: Appendix
    csv: str
    footer: str
    explored: Any = None
    """The section with the sliders, where there are points to turn to."""


@dataclass(frozen=True)
class Appendix:
    """What it rests on, and how to repeat it."""

    assumptions: Table
    rules: Sequence[str]
    facts: Sequence[tuple[str, str]]
    command: str
    document: str
    glossary: Sequence[tuple[str, str, str]] = field(default_factory=tuple)
