"""Actuals: what was spent and what came of it, from CSV, Excel, Parquet or stdin.

Long: one row per line and period, with columns ``period``, ``line`` and ``spend``, and where they
are known ``outcome`` (what the line's own curve counts) or stages of the funnel. Wide: a column
``line`` and one column per period, which holds money. Every fault is told with its row, all at
once; what is not used is told as well.
"""

from __future__ import annotations

import codecs
import csv
import datetime
import difflib
import io
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.errors import Fault, PlanError, nearest
from optimizer.plan.actuals import OUTCOME, Actuals
from optimizer.plan.plan import Plan
from optimizer.plan.units import parse_money

from .tabular import parquet_frame, said, sheets_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ENDINGS", "is_empty", "load_actuals", "named", "read_actuals", "rows_of"]

ENDINGS = (".csv", ".tsv", ".txt", ".xlsx", ".parquet")
"""Endings of the files that are read."""

SIZE_LIMIT = 100_000_000
"""Bytes of one file."""

_MONTHS = r"(\d{4})[-/.年](\d{1,2})月?"
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+\.\d+|\d{1,3}(?:,\d{3}){2,}")
_SHOWN = 5


@dataclass(frozen=True)
class Cell:
    """One cell of a table, with the row it stands in as its file counts them."""

    row: int
    value: Any


def load_actuals(
    source: str | os.PathLike[str] | pd.DataFrame,
    plan: Plan,
    *,
    sum_duplicates: bool = False,
    skip_unknown: bool = False,
) -> Actuals:
    """The actuals of *plan* from a file, from stdin (CSV) for ``-``, or from a DataFrame.

    Args:
        source: A file that ends in .csv, .tsv, .txt, .xlsx or .parquet; ``-``; or a DataFrame, of
            which the first row counts as 1.
        plan: A plan with periods.
        sum_duplicates: Add up rows of the same line and period, instead of refusing them.
        skip_unknown: Leave out rows of lines and periods that the plan does not have; each is told
            in ``remarks``.

    Raises:
        PlanError: with every fault of the file at once, each with its row.
        ModuleNotFoundError: an Excel or Parquet file, and its library is not installed.
    """
    where = named(source)
    try:
        table = rows_of(source)
        found = read_actuals(table, plan, sum_duplicates=sum_duplicates, skip_unknown=skip_unknown)
    except PlanError as error:
        raise PlanError(_placed(error.faults, where)) from None
    return replace(found, source=where, remarks=tuple(_placed(found.remarks, where)))


def _placed(faults: Sequence[Fault], file: str) -> list[Fault]:
    """The faults of rows as those of a file."""
    places = [f"{file}:{fault.where}" if fault.where else file for fault in faults]
    return [replace(fault, where=place) for fault, place in zip(faults, places, strict=True)]


def read_actuals(
    table: Sequence[tuple[int, Sequence[Any]]],
    plan: Plan,
    *,
    sum_duplicates: bool = False,
    skip_unknown: bool = False,
) -> Actuals:
    """The actuals of *plan* from rows of cells, the head first, each with its number.

    Raises:
        PlanError: with every fault at once; ``where`` of each is the number of its row.
    """
    if plan.periods is None:
        advice = "Give periods, such as periods: {start: 2027-01, count: 12}"
        raise PlanError(
            Fault("periods", "the plan has none, so there is nothing to follow", advice)
        )
    reader = _Reader(plan, sum_duplicates=sum_duplicates, skip_unknown=skip_unknown)
    return reader.actuals(table)


# --- Files ----------------------------------------------------------------------------------------


def named(source: str | os.PathLike[str] | pd.DataFrame) -> str:
    """What a source of rows is called where it is told of."""
    if not isinstance(source, str | os.PathLike):
        return "<DataFrame>"
    return "<stdin>" if str(source) == "-" else str(source)


def rows_of(source: str | os.PathLike[str] | pd.DataFrame) -> list[tuple[int, Sequence[Any]]]:
    """The rows of a file that hold anything, each with its number as the file counts them.

    Those of a DataFrame are counted from 1 on; its index is not read.

    Raises:
        PlanError: it cannot be read.
        ModuleNotFoundError: an Excel or Parquet file, and its library is not installed.
    """
    if not isinstance(source, str | os.PathLike):
        return _rows_of_frame(source)
    ending = ".csv" if str(source) == "-" else Path(source).suffix.lower()
    if ending not in ENDINGS:
        advice = f"Give a file that ends in {', '.join(ENDINGS)}"
        raise PlanError(Fault("", f"{ending or 'no ending'} is no table", advice))
    try:
        if ending == ".parquet":
            return _rows_of_frame(parquet_frame(Path(source)))
        if str(source) == "-":
            data = sys.stdin.buffer.read(SIZE_LIMIT + 1)
        else:
            with Path(source).open("rb") as stream:
                data = stream.read(SIZE_LIMIT + 1)
    except OSError as error:
        words = error.strerror or "it is no table that can be read"
        raise PlanError(Fault("", f"cannot be read: {words}", "Give a file that exists")) from None
    except ValueError as error:
        raise PlanError(Fault("", f"cannot be read: {said(error)}")) from None
    if len(data) > SIZE_LIMIT:
        raise PlanError(Fault("", f"is larger than {SIZE_LIMIT // 1_000_000} MB", "Sum it first"))
    found = _sheet(data) if ending == ".xlsx" else _separated(_text(data))
    return [(number, row) for number, row in found if any(not is_empty(value) for value in row)]


def _rows_of_frame(frame: pd.DataFrame) -> list[tuple[int, Sequence[Any]]]:
    return list(enumerate([tuple(frame.columns), *frame.itertuples(index=False, name=None)]))


def _text(data: bytes) -> str:
    """The text of a file: UTF-8, or UTF-16 with a byte order mark, as Excel may save it."""
    marks = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    encoding = "utf-16" if data.startswith(marks) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        advice = "Save it as CSV UTF-8"
        raise PlanError(Fault("", "is not UTF-8", advice, str(row))) from None


def _separated(text: str) -> Iterator[tuple[int, Sequence[str]]]:
    """Rows parted by comma, semicolon or tab, whichever the head has most of."""
    head = text.lstrip().partition("\n")[0]
    separator = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        last = 0
        for row in reader:
            yield last + 1, row  # a quoted cell may hold line ends
            last = reader.line_num
    except csv.Error as error:
        raise PlanError(Fault("", f"cannot be read: {error}", "", str(reader.line_num))) from None


def _sheet(data: bytes) -> Iterator[tuple[int, Sequence[Any]]]:
    """The rows of a workbook's only sheet, formulas as their last values."""
    sheets = sheets_of(data)
    if len(sheets) > 1:
        words, advice = (
            f"has several sheets: {', '.join(sheets)}",
            "Save the one that counts by itself",
        )
        raise PlanError(Fault("", words, advice))
    yield from next(iter(sheets.values()), ())


def is_empty(value: Any) -> bool:
    """Whether a cell holds nothing."""
    return (
        value is None
        or (isinstance(value, str) and not value.strip())
        or (isinstance(value, float) and np.isnan(value))
    )


# --- Rows -----------------------------------------------------------------------------------------


class _Reader:
    """Puts the rows of a table where they belong; gathers what is wrong."""

    def __init__(self, plan: Plan, *, sum_duplicates: bool, skip_unknown: bool) -> None:
        assert plan.periods is not None
        self.plan, self.periods = plan, plan.periods
        self.lines = {line.name: index for index, line in enumerate(plan.lines)}
        self.labels = {label: index for index, label in enumerate(self.periods.planned)}
        self.sums, self.skips = sum_duplicates, skip_unknown
        self.faults: list[Fault] = []
        self.remarks: list[Fault] = []
        self.stages = () if plan.funnel is None else plan.funnel.stages

    def actuals(self, table: Sequence[tuple[int, Sequence[Any]]]) -> Actuals:
        """The actuals.

        Raises:
            PlanError: with every fault.
        """
        if not table:
            raise PlanError(Fault("", "is empty", "Give columns period, line and spend"))
        head, *body = table
        columns = self._head(head[1])
        counts = [title for title in columns if title not in {"period", "line", "spend"}]
        shape = (len(self.lines), len(self.labels))
        found = {title: np.full(shape, np.nan) for title in ("spend", *counts)}
        places: dict[tuple[int, int], list[int]] = {}
        for number, row in self._long(columns, head, body):
            self._take(number, row, found, places, counts)
        self._duplicates(places)
        if not self.faults and not places:
            self.faults.append(Fault("", "no row has money of this plan", "Give what was spent"))
        if self.faults:
            raise PlanError(self.faults)
        rows = np.zeros(shape, np.intp)
        for place, numbers in places.items():
            rows[place] = numbers[0]
        return Actuals(found.pop("spend"), found, rows, remarks=tuple(self.remarks))

    def _head(self, titles: Sequence[Any]) -> dict[str, int]:
        """Where the columns are that are read; in the wide form ``spend`` is not among them."""
        known = {title.casefold(): title for title in self.stages}
        known |= {word: word for word in ("period", "line", "spend", OUTCOME)}
        columns: dict[str, int] = {}
        ignored = []
        self.wide: dict[int, str] = {}
        for position, title in enumerate(titles):
            text = "" if title is None else str(title).strip()
            word, label = known.get(text.casefold()), self._label(title)
            if word in columns or (label is not None and label in self.wide.values()):
                self.faults.append(Fault(text, "is a column twice", "Keep one of them"))
            elif word is not None:
                columns[word] = position
            elif label is not None:
                self.wide[position] = label
            elif text:
                ignored.append(text)
        needed = ("line",) if self.wide else ("period", "line", "spend")
        for word in needed:
            if word not in columns:
                advice = f"Give a column {word}"
                if near := difflib.get_close_matches(word, ignored, n=1):
                    advice += f"; is it {near[0]!r}?"
                self.faults.append(Fault(word, "is missing among the columns", advice))
        if self.wide:
            advice = "Give a row per line and period, or money alone in a column per period"
            self.faults += [
                Fault(word, "is a column, and so are periods", advice)
                for word in columns
                if word != "line"
            ]
        if self.faults:
            raise PlanError(self.faults)
        if ignored:
            names = ", ".join(ignored)
            self.remarks.append(Fault("", f"columns that are not read: {names}"))
        return columns

    def _long(
        self, columns: Mapping[str, int], head: tuple[int, Sequence[Any]], body: Iterable[Any]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """The rows as mappings, those of the wide form parted by period."""
        width = len(head[1])
        for number, row in body:
            if len(row) > width and any(not is_empty(value) for value in row[width:]):
                words = f"has {len(row)} cells under {width} columns"
                advice = 'Quote what holds a separator, such as "1,234.50"'
                self.faults.append(Fault("", words, advice, str(number)))
                continue
            cells = {
                title: row[position] if position < len(row) else None
                for title, position in columns.items()
            }
            if not self.wide:
                yield number, cells
            for position, label in self.wide.items():
                value = row[position] if position < len(row) else None
                if not is_empty(value):
                    yield number, cells | {"period": label, "spend": value}

    def _take(
        self,
        number: int,
        row: Mapping[str, Any],
        found: Mapping[str, Any],
        places: dict[tuple[int, int], list[int]],
        counts: Sequence[str],
    ) -> None:
        """Put one row where it belongs."""
        line, period = self._line(number, row["line"]), self._period(number, row["period"])
        values = {title: self._amount(number, title, row[title]) for title in ("spend", *counts)}
        if row["spend"] is None or is_empty(row["spend"]):
            advice = "Write 0 where nothing was spent, or take the row out"
            self.faults.append(Fault("spend", "is empty", advice, str(number)))
        if line is None or period is None:
            return
        places.setdefault((line, period), []).append(number)
        for title, value in values.items():
            if value is not None:
                before = found[title][line, period]
                found[title][line, period] = value + (0.0 if np.isnan(before) else before)

    def _line(self, number: int, value: Any) -> int | None:
        name = "" if is_empty(value) else str(value).strip()
        if name in self.lines:
            return self.lines[name]
        if not name:
            self.faults.append(Fault("line", "is empty", "Name a line of the plan", str(number)))
        else:
            self._unknown("line", f"there is no line {name!r}", nearest(name, self.lines), number)
        return None

    def _period(self, number: int, value: Any) -> int | None:
        if is_empty(value):
            advice = f"Write a period such as {self.periods.start}"
            self.faults.append(Fault("period", "is empty", advice, str(number)))
            return None
        label = self._label(value)
        first, last = self.periods.planned[0], self.periods.planned[-1]
        if label is None:
            words = f"{str(value)[:40]!r} is no {self.periods.every}"
            advice = f"Write it like {self.periods.start}, or a date like 2027-01-31"
            self.faults.append(Fault("period", words, advice, str(number)))
        elif label not in self.labels:
            words = f"{label} is not in the plan"
            self._unknown("period", words, f"The plan goes from {first} to {last}", number)
        return self.labels.get(label or "")

    def _unknown(self, path: str, words: str, advice: str, number: int) -> None:
        """A row that belongs to nothing in the plan: a fault, or left out where that was asked."""
        if self.skips:
            self.remarks.append(Fault(path, f"{words}: left out", "", str(number)))
        else:
            self.faults.append(Fault(path, words, advice, str(number)))

    def _label(self, value: Any) -> str | None:
        """The label of the period that a cell names; None where it names none."""
        every = self.periods.every
        if isinstance(value, datetime.date):  # a datetime is one, too
            return _period_of(value, every)
        text = str(value).strip()
        if not re.match(r"\d{4}-\d{2}-\d{2}([T ]|$)", text):
            return _written(text, every)
        try:
            return _period_of(datetime.date.fromisoformat(text[:10]), every)
        except ValueError:
            return None

    def _amount(self, number: int, title: str, value: Any) -> float | None:
        """Money, or a count; None where there is nothing or it cannot be read."""
        if is_empty(value):
            return None
        if isinstance(value, np.generic):
            value = value.item()
        try:
            return parse_money(self._bare(value) if isinstance(value, str) else value)
        except ValueError as error:
            words = str(error).partition(";")[0]
            words = words.replace("money here is", "it must be")
            advice = "Write it like 12500, 12.5k or 1.25万"
            if "negative" in words:
                advice = "Net a credit against the spend of its line and period"
            self.faults.append(Fault(title, words, advice, str(number)))
            return None

    def _bare(self, text: str) -> str:
        """Money without its currency and without commas that can only part thousands."""
        from babel.numbers import get_currency_symbol

        text, code = text.strip(), self.plan.currency
        symbols = {code, *(get_currency_symbol(code, locale) for locale in ("en_US", "zh_CN"))}
        symbols |= {"¥", "￥"} if code in {"CNY", "JPY"} else set()
        for symbol in sorted(symbols, key=len, reverse=True):
            if text.startswith(symbol) or text.endswith(symbol):
                text = text.removeprefix(symbol).removesuffix(symbol).strip()
                break
        return text.replace(",", "") if _THOUSANDS.fullmatch(text) else text

    def _duplicates(self, places: Mapping[tuple[int, int], list[int]]) -> None:
        names, labels = list(self.lines), list(self.labels)
        for (line, period), rows in places.items():
            if len(rows) == 1:
                continue
            shown = ", ".join(map(str, rows[:_SHOWN])) + (" …" if len(rows) > _SHOWN else "")
            words = f"{names[line]} {labels[period]} is there {len(rows)} times (rows {shown})"
            if self.sums:
                self.remarks.append(Fault("", f"{words}: added up", "", str(rows[0])))
            else:
                advice = "Take out all but one, or add them up with --sum-duplicates"
                self.faults.append(Fault("", words, advice, str(rows[1])))


def _period_of(day: datetime.date, every: str) -> str:
    """The label of the week, month or quarter that a day belongs to."""
    if every == "week":
        iso = day.isocalendar()
        return f"{iso.year}-W{iso.week:02d}"
    if every == "month":
        return f"{day.year}-{day.month:02d}"
    return f"{day.year}-Q{(day.month + 2) // 3}"


def _written(text: str, every: str) -> str | None:
    """The label of a period as people write it: ``2027-3``, ``2027/03``, ``2027年3月``."""
    form, wide = {
        "week": (r"(\d{4})[- ]?[Ww](\d{1,2})", "W{:02d}"),
        "month": (_MONTHS, "{:02d}"),
        "quarter": (r"(\d{4})[- ]?[Qq]([1-4])", "Q{}"),
    }[every]
    match = re.fullmatch(form, text)
    if match is None:
        return None
    number = int(match[2])
    if not 1 <= number <= {"week": 53, "month": 12, "quarter": 4}[every]:
        return None
    return f"{match[1]}-{wide.format(number)}"
