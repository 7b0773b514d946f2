"""Spans of days: the periods of a plan, and the days, weeks, months or quarters they fall into."""

from __future__ import annotations

import calendar
import datetime
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from optimizer.plan.periods import Periods

__all__ = ["Span", "Unit", "dated", "overlaps", "periods_of", "spans_between"]

Unit = Literal["day", "week", "month", "quarter"]

_LETTERS: dict[str, Callable[[datetime.date], str]] = {
    "%Y": lambda day: f"{day.year:04d}",
    "%y": lambda day: f"{day.year % 100:02d}",
    "%m": lambda day: f"{day.month:02d}",
    "%-m": lambda day: str(day.month),
    "%d": lambda day: f"{day.day:02d}",
    "%-d": lambda day: str(day.day),
    "%b": lambda day: calendar.month_abbr[day.month],
    "%B": lambda day: calendar.month_name[day.month],
    "%G": lambda day: f"{day.isocalendar().year:04d}",
    "%V": lambda day: f"{day.isocalendar().week:02d}",
    "%%": lambda _: "%",
}


@dataclass(frozen=True)
class Span:
    """Days that belong together."""

    label: str
    start: datetime.date
    end: datetime.date
    """The last day, which belongs to it."""

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.end - self.start).days + 1


def dated(day: datetime.date, form: str = "%Y-%m-%d") -> str:
    """A day in a form such as ``%d.%m.%Y``; the same on every machine.

    Raises:
        ValueError: the form has a letter that is not known.
    """

    def letter(match: re.Match[str]) -> str:
        if match[0] not in _LETTERS:
            known = " ".join(_LETTERS)
            raise ValueError(f"{match[0]} is no part of a date; known are {known}")
        return _LETTERS[match[0]](day)

    return re.sub(r"%-?.?", letter, form, flags=re.S)


def periods_of(periods: Periods) -> list[Span]:
    """The planned periods, each with its days."""
    found = []
    for label in periods.planned:
        year, rest = int(label[:4]), int(label[5:].lstrip("WQ"))
        if periods.every == "week":
            first = datetime.date.fromisocalendar(year, rest, 1)
            found.append(Span(label, first, datetime.date.fromisocalendar(year, rest, 7)))
            continue
        size = 1 if periods.every == "month" else 3
        last = size * rest
        first = datetime.date(year, last - size + 1, 1)
        end = datetime.date(year, last, calendar.monthrange(year, last)[1])
        found.append(Span(label, first, end))
    return found


def spans_between(start: datetime.date, end: datetime.date, unit: Unit) -> list[Span]:
    """All days from *start* to *end* in calendar units, each day in one; the outer ones cut."""
    return list(_spans(start, end, unit))


def _spans(start: datetime.date, end: datetime.date, unit: Unit) -> Iterator[Span]:
    day = start
    while True:
        label, last = _unit_of(day, unit)
        if last >= end:
            yield Span(label, day, end)
            return
        yield Span(label, day, last)
        day = last + datetime.timedelta(days=1)


def _unit_of(day: datetime.date, unit: Unit) -> tuple[str, datetime.date]:
    """What the unit that *day* lies in is called, and its last day."""
    if unit == "day":
        return day.isoformat(), day
    if unit == "week":
        year, week, weekday = day.isocalendar()
        left = min(7 - weekday, (datetime.date.max - day).days)
        return f"{year}-W{week:02d}", day + datetime.timedelta(days=left)
    last = day.month if unit == "month" else 3 * ((day.month - 1) // 3 + 1)
    label = f"{day.year:04d}-{last:02d}" if unit == "month" else f"{day.year:04d}-Q{last // 3}"
    return label, datetime.date(day.year, last, calendar.monthrange(day.year, last)[1])


def overlaps(span: Span, units: Sequence[Span]) -> list[tuple[int, int]]:
    """Which of *units*, in order of time, a span falls into, each with the days they share."""
    found = []
    for at in range(bisect_left(units, span.start, key=lambda unit: unit.end), len(units)):
        unit = units[at]
        if unit.start > span.end:
            break
        days = (min(span.end, unit.end) - max(span.start, unit.start)).days + 1
        found.append((at, days))
    return found
