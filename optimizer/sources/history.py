"""Histories from CSV, Excel or Parquet: wide or long; by day, week or month; with places or not.

Everything that is wrong with a file is told at once, each fault with its row: columns that are not
there, texts where numbers belong, negative money, dates in several forms, rows that are there
twice, gaps, and steps of time that are mixed. Days are summed to weeks.
"""

from __future__ import annotations

import datetime
import itertools
import math
import os
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.errors import Fault, PlanError, nearest
from optimizer.fitting.history import History
from optimizer.fitting.mapping import HistoryMap
from optimizer.plan.curves import Floats

from .actuals import is_empty, named, rows_of
from .history_map import load_map, map_of
from .numerals import decimal_marks, number_of
from .tabular import LARGEST

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["load_history", "read_history"]

_SHOWN = 5
_WORDS = 20
"""Different texts that a control may have."""
_FORMS = (
    ("2027-01-31", re.compile(r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})(?:[T ].*)?")),
    ("2027/01/31", re.compile(r"(?P<y>\d{4})/(?P<m>\d{1,2})/(?P<d>\d{1,2})")),
    ("20270131", re.compile(r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})")),
    ("31.01.2027", re.compile(r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})")),
    ("2027年1月31日", re.compile(r"(?P<y>\d{4})年(?P<m>\d{1,2})月(?:(?P<d>\d{1,2})日)?")),
    ("2027-W01", re.compile(r"(?P<y>\d{4})-?W(?P<w>\d{1,2})")),
    ("2027-01", re.compile(r"(?P<y>\d{4})[-/](?P<m>\d{1,2})")),
    ("01/31/2027", re.compile(r"(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<y>\d{4})")),
)


def load_history(
    source: str | os.PathLike[str] | pd.DataFrame,
    map: str | os.PathLike[str] | Mapping[str, Any] | HistoryMap,  # noqa: A002 - the field's word
) -> History:
    """A history from a file that ends in .csv, .tsv, .txt, .xlsx or .parquet, or ``-`` for stdin.

    Args:
        source: The file, or a DataFrame, of which the first row counts as 1.
        map: Which column is what: a YAML file, a mapping, or a ``HistoryMap``.

    Raises:
        PlanError: with every fault of the map, or of the file, at once.
        ModuleNotFoundError: an Excel or Parquet file, and its library is not installed.
    """
    if isinstance(map, HistoryMap):
        stated = map
    else:
        stated = map_of(map) if isinstance(map, Mapping) else load_map(map)
    where = named(source)
    try:
        return replace(read_history(rows_of(source), stated), source=where)
    except PlanError as error:
        faults = [
            replace(fault, where=f"{where}:{fault.where}" if fault.where else where)
            for fault in error.faults
        ]
        raise PlanError(faults) from None


def read_history(table: Sequence[tuple[int, Sequence[Any]]], stated: HistoryMap) -> History:
    """A history from rows of cells, the head first, each with its number.

    Raises:
        PlanError: with every fault at once; ``where`` of each is the number of its row.
    """
    return _Reader(stated).history(table)


@dataclass
class _Row:
    number: int
    day: datetime.date | None
    geo: str
    cells: Mapping[str, Any]


class _Reader:
    """Puts the cells where they belong; gathers what is wrong."""

    def __init__(self, stated: HistoryMap) -> None:
        self.map = stated
        self.faults: list[Fault] = []
        self.remarks: list[Fault] = []

    def fault(self, path: str, problem: str, advice: str = "", row: int | None = None) -> None:
        """One fault, told by its row."""
        self.faults.append(Fault(path, problem, advice, "" if row is None else str(row)))

    def stop(self) -> None:
        """End here where anything is wrong."""
        if self.faults:
            raise PlanError(self.faults)

    def history(self, table: Sequence[tuple[int, Sequence[Any]]]) -> History:
        """The history.

        Raises:
            PlanError: with every fault.
        """
        if len(table) < 2:
            raise PlanError(Fault("", "holds no rows", "Give a head and a row per period"))
        (_, head), *body = table
        columns = self._columns(head)
        rows = self._rows(columns, body, len(head))
        days = sorted({row.day for row in rows if row.day is not None})
        every = self._step(days)
        geos = sorted({row.geo for row in rows})
        self._duplicates(rows)
        values = self._values(rows)
        self._gaps(rows, days, every, geos)
        self.stop()
        assert every is not None
        arrays = _Arrays(self.map, rows, days, geos, values)
        return self._made(arrays, every)

    # --- Columns and cells ------------------------------------------------------------------------

    def _wanted(self) -> dict[str, str]:
        """The columns that are read, each with the key of the map that names it."""
        stated = self.map
        wanted = {stated.date: "date", stated.outcome: "outcome"}
        for key in ("outcome_times", "geo", "population"):
            if (name := getattr(stated, key)) is not None:
                wanted.setdefault(name, key)
        wanted |= dict.fromkeys(stated.controls, "controls")
        if stated.long is not None:
            return wanted | {stated.long.line: "long.line", stated.long.spend: "long.spend"}
        return wanted | {name: f"lines.{line.name}" for line in stated.lines for name in line.spend}

    def _columns(self, head: Sequence[Any]) -> dict[str, int]:
        """Where each wanted column is."""
        titles = ["" if title is None else str(title).strip() for title in head]
        found = {}
        for name, key in self._wanted().items():
            count = titles.count(name)
            if count == 0:
                known = [title for title in titles if title]
                self.fault(key, f"there is no column {name!r}", nearest(name, known))
            elif count > 1:
                self.fault(key, f"the column {name!r} is there {count} times", "Keep one")
            else:
                found[name] = titles.index(name)
        self.stop()
        unread = [title for title in titles if title and title not in found]
        if unread:
            names = ", ".join(unread[:12]) + (" …" if len(unread) > 12 else "")
            self.remarks.append(Fault("", f"columns that are not read: {names}"))
        return found

    def _rows(
        self, columns: Mapping[str, int], body: Sequence[tuple[int, Sequence[Any]]], width: int
    ) -> list[_Row]:
        texts, rows = [], []
        for number, row in body:
            if len(row) > width and any(not is_empty(value) for value in row[width:]):
                words = f"has {len(row)} cells under {width} columns"
                self.fault("", words, "Quote what holds a separator", number)
                continue
            cells = {name: row[at] if at < len(row) else None for name, at in columns.items()}
            geo = "" if self.map.geo is None else _text(cells[self.map.geo])
            if self.map.geo is not None and not geo:
                self.fault("geo", "is empty", "Name the place", number)
            texts.append(cells[self.map.date])
            rows.append(_Row(number, None, geo, cells))
        for made, day in zip(rows, self._days(texts, rows), strict=True):
            made.day = day
        return rows

    def _days(self, texts: Sequence[Any], rows: Sequence[_Row]) -> list[datetime.date | None]:
        """The days of all rows, which must be written in one form."""
        matches: list[Any] = []
        forms: dict[str, int] = {}
        wrong: list[tuple[int, str]] = []
        for value, row in zip(texts, rows, strict=True):
            form, match = _form(value)
            matches.append(match)
            if form is None:
                words = "is empty" if is_empty(value) else f"{str(value)[:40]!r} is no date"
                wrong.append((row.number, words))
            else:
                forms.setdefault(form, row.number)
        for at, words in wrong[:_SHOWN]:
            self.fault("date", words, "Write it like 2027-01-31 or 2027-01", at)
        if len(wrong) > _SHOWN:
            self.fault("date", f"{len(wrong) - _SHOWN} more rows like these")
        if len(forms) > 1:
            told = ", ".join(f"like {form} in row {row}" for form, row in forms.items())
            self.fault("date", f"dates are in several forms: {told}", "Write all in one form")
            return [None] * len(rows)
        order = _order(matches)
        if order is None:
            words = "dates such as 01/02/2027 may be two days each, and no row tells which"
            self.fault("date", words, "Write them like 2027-01-31")
            return [None] * len(rows)
        days = []
        for match, row in zip(matches, rows, strict=True):
            day = None
            if match is not None:
                try:
                    day = match if isinstance(match, datetime.date) else _day(match, order)
                except ValueError:
                    self.fault("date", f"{match[0]!r} is no date", "", row.number)
            days.append(day)
        return days

    def _values(self, rows: Sequence[_Row]) -> dict[str, list[float]]:
        """The columns of numbers, and controls of text as one per word."""
        stated = self.map
        found: dict[str, list[float]] = {}
        skip = {stated.date, stated.geo, stated.long.line if stated.long else None}
        numbers = {}
        for name, key in self._wanted().items():
            if name in skip:
                continue
            raw = [row.cells[name] for row in rows]
            if key == "controls" and _is_text(raw):
                found |= self._categories(name, raw, rows)
            else:
                numbers[name] = (key, raw)
        mark = stated.decimal or self._mark([raw for _, raw in numbers.values()], rows)
        if mark is None:
            return found
        for name, (key, raw) in numbers.items():
            may_miss = stated.long is not None and key in {"outcome", "controls"}
            found[name] = self._numbers(name, key, raw, rows, mark, may_miss=may_miss)
        return found

    def _mark(self, columns: Sequence[Sequence[Any]], rows: Sequence[_Row]) -> str | None:
        """What stands before decimals, as the file's own cells tell; a fault where they do not."""
        seen: dict[frozenset[str], tuple[str, int]] = {}
        for raw in columns:
            for value, row in zip(raw, rows, strict=True):
                if isinstance(value, str) and ("," in value or "." in value):
                    seen.setdefault(decimal_marks(value), (value.strip(), row.number))
        told = {mark: seen[alone] for mark in ".," if (alone := frozenset(mark)) in seen}
        if len(told) == 2:
            (one, first), (other, second) = told.values()
            ways = f"{one!r} in row {first}, {other!r} in row {second}"
            words = f"numbers are written in two ways: {ways}"
            self.fault("", words, "Write all in one way", second)
            return None
        if told:
            return next(iter(told))
        if either := seen.get(frozenset(".,")):
            text, at = either
            words = f"{text!r} may be two numbers, a thousand times apart, and no row tells which"
            self.fault("", words, "Say decimal: '.' or decimal: ',' in the map", at)
            return None
        return "."

    def _categories(
        self, name: str, raw: Sequence[Any], rows: Sequence[_Row]
    ) -> dict[str, list[float]]:
        """A yes-or-no column for each word of a control but the commonest."""
        words = Counter(_text(value) for value in raw)
        if len(words) > _WORDS:
            problem = f"{name} has {len(words)} different texts"
            row = next(row.number for row, v in zip(rows, raw, strict=True) if not decimal_marks(v))
            self.fault("controls", problem, f"Give numbers, or at most {_WORDS} words", row)
            return {}
        common = words.most_common(1)[0][0]
        return {
            f"{name}={word}": [float(_text(value) == word) for value in raw]
            for word in sorted(words)
            if word != common
        }

    def _numbers(
        self, name: str, key: str, raw: Sequence[Any], rows: Sequence[_Row], mark: str, *,
        may_miss: bool,
    ) -> list[float]:  # fmt: skip
        found, wrong = [], []
        for value, row in zip(raw, rows, strict=True):
            number = number_of(value, mark)
            if is_empty(value):
                if not may_miss:
                    wrong.append((row.number, "is empty"))
                number = math.nan
            elif number is None or not math.isfinite(number):
                wrong.append((row.number, f"{str(value)[:40]!r} is no number"))
            elif abs(number) > LARGEST:
                wrong.append((row.number, f"{number:g} is more than can be reckoned with"))
            elif number < 0 and key != "controls":
                wrong.append((row.number, f"{number:g} is negative"))
            elif number == 0 and key == "population":
                wrong.append((row.number, "is 0"))
            found.append(math.nan if number is None else number)
        for at, words in wrong[:_SHOWN]:
            advice = "Write 0 where there was none" if words == "is empty" else ""
            advice = "Net credits against what they are for" if "negative" in words else advice
            advice = f"Write it like 1234{mark}5" if words.endswith("no number") else advice
            self.fault(key, f"{name} {words}", advice, at)
        if len(wrong) > _SHOWN:
            self.fault(key, f"{name}: {len(wrong) - _SHOWN} more rows like these")
        return found

    # --- Time -------------------------------------------------------------------------------------

    def _step(self, days: Sequence[datetime.date]) -> str | None:
        """``day``, ``week`` or ``month``; a fault where it is none of them or mixed."""
        steps = [(b - a).days for a, b in itertools.pairwise(days)]
        if not steps:
            if not self.faults:
                self.fault("date", "there is one period only", "Give two years of them")
            return None
        common = Counter("month" if 28 <= step <= 31 else str(step) for step in steps)
        word, count = common.most_common(1)[0]
        every = {"1": "day", "7": "week", "month": "month"}.get(word)
        if every is None:
            words = f"most rows are {word} days apart"
            self.fault("date", words, "Give days, weeks or months")
            return None
        odd = [
            (a, b)
            for a, b, step in zip(days, days[1:], steps, strict=False)
            if not _whole(a, b, step, every)
        ]
        if odd or count < 0.5 * len(steps):
            a, b = odd[0] if odd else (days[0], days[1])
            words = f"steps of time are mixed: most are a {every}, but {a} to {b} is none"
            self.fault("date", words, "Give one kind of step")
        return every

    def _gaps(
        self,
        rows: Sequence[_Row],
        days: Sequence[datetime.date],
        every: str | None,
        geos: Sequence[str],
    ) -> None:
        """Periods that are missing, of all or of a place."""
        if every is None or not days:
            return
        missing = [day for a, b in itertools.pairwise(days) for day in _between(a, b, every)]
        if missing:
            shown = ", ".join(map(str, missing[:_SHOWN])) + (" …" if len(missing) > _SHOWN else "")
            words = f"{len(missing)} {every}s are missing: {shown}"
            self.fault("date", words, "Give a row for each; 0 where nothing was spent")
        have = defaultdict(set)
        for row in rows:
            have[row.geo].add(row.day)
        for geo in geos if len(geos) > 1 else ():
            lacking = [day for day in days if day not in have[geo]]
            if lacking:
                words = f"{geo} lacks {len(lacking)} {every}s, {lacking[0]} the first"
                self.fault("geo", words, "Give every place the same periods")

    def _duplicates(self, rows: Sequence[_Row]) -> None:
        seen: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        for row in rows:
            if row.day is not None:
                line = "" if self.map.long is None else _text(row.cells[self.map.long.line])
                seen[row.day, row.geo, line].append(row.number)
        double = [(key, numbers) for key, numbers in seen.items() if len(numbers) > 1]
        for (day, *names), numbers in double[:_SHOWN]:
            name = " ".join([str(day), *filter(None, names)])
            shown = ", ".join(map(str, numbers[:_SHOWN]))
            words = f"{name} is there {len(numbers)} times (rows {shown})"
            advice = (
                "Sum them, or name the column of places: geo" if not self.map.geo else "Sum them"
            )
            self.fault("date", words, advice, numbers[1])
        if len(double) > _SHOWN:
            self.fault("date", f"{len(double) - _SHOWN} more periods are there twice or more")

    # --- Arrays -----------------------------------------------------------------------------------

    def _made(self, arrays: _Arrays, every: str) -> History:
        faults, unknown = arrays.fill()
        self.faults += faults
        self.stop()
        if unknown:
            names = ", ".join(sorted(unknown)[:_SHOWN])
            self.remarks.append(Fault("lines", f"lines that the map does not name: {names}"))
        days, outcome, spend, controls = arrays.result(every)
        if every == "day":
            words = f"days were summed to {len(days)} whole weeks, controls averaged"
            self.remarks.append(Fault("date", words))
            every = "week"
        size = arrays.size(outcome)
        start = days[0]
        return History(
            self.map,
            every,
            tuple(_label(day, every) for day in days),
            np.array([(day - start).days for day in days]) / 365.25 + _phase(start),
            outcome,
            spend,
            {name: values for name, values in controls.items() if float(np.ptp(values)) > 0},
            tuple(arrays.geos),
            size,
            remarks=tuple(self.remarks),
        )


class _Arrays:
    """The cells as arrays of places and days."""

    def __init__(
        self,
        stated: HistoryMap,
        rows: Sequence[_Row],
        days: Sequence[datetime.date],
        geos: Sequence[str],
        values: Mapping[str, Sequence[float]],
    ) -> None:
        self.map, self.rows, self.days, self.geos, self.values = stated, rows, days, geos, values
        self.shape = (len(geos), len(days))

    def fill(self) -> tuple[list[Fault], set[str]]:
        """Put every row where it belongs; what is wrong, and names of lines that are not known."""
        stated = self.map
        at_day = {day: index for index, day in enumerate(self.days)}
        at_geo = {geo: index for index, geo in enumerate(self.geos)}
        row_of: dict[str, int] = {
            name: index for index, line in enumerate(stated.lines) for name in line.spend
        }
        self.spend = np.zeros((len(stated.lines), *self.shape))
        money = {stated.long.spend} if stated.long else set(row_of)
        shared = [name for name in self.values if name not in money]
        self.shared = {name: np.full(self.shape, np.nan) for name in shared}
        faults: list[Fault] = []
        unknown: set[str] = set()
        for index, row in enumerate(self.rows):
            assert row.day is not None
            place = at_geo[row.geo], at_day[row.day]
            for name in shared:
                value, before = self.values[name][index], self.shared[name][place]
                if not np.isnan(before) and not np.isnan(value) and value != before:
                    words = f"{name} is {value:g}, and {before:g} in another row of its period"
                    faults.append(Fault(name, words, "Give one for each period", str(row.number)))
                self.shared[name][place] = before if np.isnan(value) else value
            if stated.long is None:
                for name, line in row_of.items():
                    self.spend[line, *place] += self.values[name][index]
                continue
            line_name = _text(row.cells[stated.long.line])
            if line_name in row_of:
                self.spend[row_of[line_name], *place] += self.values[stated.long.spend][index]
            else:
                unknown.add(line_name)
        for name, values in self.shared.items():
            if np.isnan(values).any():
                geo, day = np.argwhere(np.isnan(values))[0]
                where = " ".join(filter(None, (str(self.days[day]), self.geos[geo])))
                faults.append(Fault(name, f"is nowhere given for {where}", "Give it in one row"))
        return faults[: 2 * _SHOWN], unknown

    def result(self, every: str) -> tuple[list[datetime.date], Floats, Floats, dict[str, Floats]]:
        """Days, outcomes, spend and controls; days as weeks."""
        stated = self.map
        outcome = self.shared[stated.outcome]
        if stated.outcome_times is not None:
            outcome = outcome * self.shared[stated.outcome_times]
        taken = {stated.outcome, stated.outcome_times, stated.population} - set(stated.controls)
        controls = {name: values for name, values in self.shared.items() if name not in taken}
        days = list(self.days)
        if every != "day":
            return days, outcome, self.spend, controls
        first = next(index for index, day in enumerate(days) if day.weekday() == 0)
        weeks = (len(days) - first) // 7
        cut = slice(first, first + 7 * weeks)

        def weekly(values: Floats) -> Floats:
            return np.asarray(values[..., cut].reshape(*values.shape[:-1], weeks, 7).sum(axis=-1))

        averaged = {name: weekly(values) / 7 for name, values in controls.items()}
        return days[cut][::7], weekly(outcome), weekly(self.spend), averaged

    def size(self, outcome: Floats) -> Floats | None:
        """The share of each place in the whole."""
        if len(self.geos) == 1:
            return None
        named = self.map.population
        size = self.shared[named].mean(axis=1) if named else np.abs(outcome).mean(axis=1)
        size = np.maximum(size, 1e-9 * max(float(size.max()), 1e-300))
        return np.asarray(size / size.sum(), float)


# --- Cells ----------------------------------------------------------------------------------------


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _is_text(raw: Sequence[Any]) -> bool:
    """Whether half of what a column holds is no number."""
    filled = [value for value in raw if not is_empty(value)]
    return bool(filled) and 2 * sum(not decimal_marks(value) for value in filled) > len(filled)


def _form(value: Any) -> tuple[str | None, Any]:
    """The form that a date is written in, and its parts."""
    if isinstance(value, datetime.date):  # a datetime is one, too; NaT is not in its own calendar
        day = value.date() if isinstance(value, datetime.datetime) else value
        return ("2027-01-31", day) if day == day else (None, None)  # noqa: PLR0124 - NaT is not
    text = _text(value)
    for form, pattern in _FORMS:
        if match := pattern.fullmatch(text):
            return form, match
    return None, None


def _order(matches: Sequence[Any]) -> str | None:
    """Whether 01/31/2027 has the day or the month first: ``d`` or ``m``; None: no row tells."""
    slashed = [
        match for match in matches if isinstance(match, re.Match) and "a" in match.re.groupindex
    ]
    if not slashed:
        return "m"
    if any(int(match["a"]) > 12 for match in slashed):
        return "d"
    if any(int(match["b"]) > 12 for match in slashed):
        return "m"
    return None


def _day(match: re.Match[str], order: str) -> datetime.date:
    parts = match.groupdict()
    year = int(parts["y"])
    if parts.get("w"):
        return datetime.date.fromisocalendar(year, int(parts["w"]), 1)
    if parts.get("a"):
        first, second = int(parts["a"]), int(parts["b"])
        month, day = (second, first) if order == "d" else (first, second)
        return datetime.date(year, month, day)
    return datetime.date(year, int(parts["m"]), int(parts.get("d") or 1))


def _whole(a: datetime.date, b: datetime.date, step: int, every: str) -> bool:
    """Whether the step is a whole number of periods: then what lies between is a gap."""
    if every == "month":
        return a.day == b.day or min(a.day, b.day) >= 28
    return step % (7 if every == "week" else 1) == 0


def _between(a: datetime.date, b: datetime.date, every: str) -> list[datetime.date]:
    """The periods after *a* and before *b*."""
    if every == "month":
        count = 12 * (b.year - a.year) + b.month - a.month
        months = [a.year * 12 + a.month - 1 + k for k in range(1, count)]
        return [datetime.date(month // 12, month % 12 + 1, 1) for month in months]
    step = 7 if every == "week" else 1
    count = (b - a).days // step
    return [a + datetime.timedelta(days=step * k) for k in range(1, count)]


def _label(day: datetime.date, every: str) -> str:
    if every == "month":
        return f"{day.year}-{day.month:02d}"
    iso = day.isocalendar()
    return f"{iso.year}-W{iso.week:02d}"


def _phase(day: datetime.date) -> float:
    """How much of its year is over."""
    return day.timetuple().tm_yday / 365.25
