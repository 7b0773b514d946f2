"""A table of lines — CSV, Parquet or a DataFrame — as a plan, a million lines included.

One row per line. Columns: ``channel``, and where they are there ``line``, ``role``, ``curve`` (the
kind), one per parameter of the curves, ``value``, ``price``, ``minimum``, ``maximum``,
``minimum_if_active``, ``current``, ``observed``; every other column is a tag. Columns stay columns:
no object is made for a line.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from optimizer.errors import Fault, PlanError, nearest
from optimizer.plan.curves import Floats
from optimizer.plan.document import from_document
from optimizer.plan.plan import Plan
from optimizer.plan.table import KINDS, PARAMETERS, LineTable, Texts, as_texts, rows_fault

from .tabular import DAMAGED, numbers_in, parquet_frame, said

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "NUMBERS",
    "TABLES",
    "TEXTS",
    "Coded",
    "Columns",
    "load_spend",
    "load_table",
    "question",
    "read_frame",
    "read_lines",
]

TABLES = (".csv", ".parquet")
"""Endings of the files that are read as tables."""

Coded = tuple[NDArray[np.str_], NDArray[np.intp]]
"""Words, and which of them each row has."""

TEXTS = ("line", "channel", "role", "curve")
NUMBERS = {
    "value": np.nan,
    "price": 1.0,
    "minimum": 0.0,
    "maximum": np.inf,
    "minimum_if_active": 0.0,
    "current": np.nan,
    "observed": np.nan,
}
# Rows whose texts are read at a time.
_CHUNK = 1 << 16
# Bytes of a head line that are looked at.
_HEAD = 1 << 20
# Fields of a line that a table would otherwise take for tags.
_NOT_HERE = {
    "locked": "Give the same minimum and maximum",
    "outcome": "A table has no funnel: give value, the money per outcome",
    "tags": "Give each tag a column of its own",
    "name": "Call the column line",
    "kind": "Call the column curve",
}


def load_table(
    source: str | os.PathLike[str] | pd.DataFrame,
    *,
    budget: float | str | None = None,
    split: Any = None,
    business: str = "none",
    objective: Any = "profit",
    constraints: Mapping[str, Any] | None = None,
    currency: str = "USD",
    value: float | str | None = None,
    curve: str | None = None,
    name: str | None = None,
) -> Plan:
    """The plan for a table of lines.

    Args:
        source: A file that ends in .csv or .parquet, or a DataFrame.
        budget: Ceiling on all spend.
        split: Brand:traffic, such as ``6:4``, as in a scenario file.
        business: b2b, b2c or none.
        objective: profit, revenue or outcomes, or a mapping with ``kind``.
        constraints: Further rules by name, each as in a scenario file.
        currency: Three letters.
        value: Money per outcome where a row states none.
        curve: Kind of all curves where there is no column ``curve``.
        name: Title of the plan; by default the name of the file.

    Raises:
        PlanError: with every fault of the table or the rules at once; rows are named, a CSV's
            counted from its head line, which is row 1.
        ModuleNotFoundError: a Parquet file, and pyarrow is not installed.
    """
    is_frame = not isinstance(source, str | os.PathLike)
    title = "Table" if is_frame else Path(str(source)).stem
    document = question(
        name=name or title,
        business=business,
        currency=currency,
        budget=budget,
        value=value,
        split=split,
        objective=objective,
        constraints=constraints,
    )
    return from_document(document, lines=read_lines(source, curve=curve))


def question(
    *,
    name: str,
    budget: float | str | None = None,
    split: Any = None,
    business: str = "none",
    objective: Any = "profit",
    constraints: Mapping[str, Any] | None = None,
    currency: str = "USD",
    value: float | str | None = None,
) -> dict[str, Any]:
    """What is asked of a table as a document without lines; see :func:`load_table`."""
    stated = {
        "name": name,
        "business": business,
        "currency": currency,
        "budget": budget,
        "value": value,
        "split": split,
        "objective": objective,
        "constraints": dict(constraints or {}),
    }
    return {key: item for key, item in stated.items() if item is not None}


def read_lines(
    source: str | os.PathLike[str] | pd.DataFrame, *, curve: str | None = None
) -> LineTable:
    """The lines of a table, without budget and rules.

    Args:
        source: A file that ends in .csv or .parquet, or a DataFrame.
        curve: Kind of all curves where there is no column ``curve``.

    Raises:
        PlanError: with every fault of the table at once.
        ModuleNotFoundError: a Parquet file, and pyarrow is not installed.
    """
    where, first_row = "", 1
    if isinstance(source, str | os.PathLike):
        path, where = Path(source), str(source)
        frame = read_frame(path, where)
        first_row = 2 if path.suffix.lower() == ".csv" else 1
    else:
        frame = source
    try:
        return Columns(frame, curve, first_row).table()
    except PlanError as error:
        raise PlanError([replace(fault, where=where) for fault in error.faults]) from None


def load_spend(source: str | os.PathLike[str], lines: LineTable) -> Floats:
    """The spend of *lines* from a file with the columns line and spend, in the table's order.

    Raises:
        PlanError: the file cannot be read, or is not about these lines.
        ModuleNotFoundError: a Parquet file, and pyarrow is not installed.
    """
    columns = Columns(read_frame(Path(source), str(source)), None, 1)
    missing = [title for title in ("line", "spend") if title not in columns.titles]
    faults = [Fault(title, "is missing", "Give what -o wrote") for title in missing]
    if not faults:
        money, names = columns.numbers("spend", np.nan), columns.texts("line")
        faults += columns.faults
        faults += rows_fault("spend", np.isnan(money), "is missing", "Give money")
        order, wanted = np.argsort(names), np.argsort(lines.name)
        if not np.array_equal(names[order], lines.name[wanted]):
            # A CSV file has an apostrophe before what a spreadsheet would take for a formula.
            names = as_texts([name.removeprefix("'") for name in names.tolist()])
            order = np.argsort(names)
        if not np.array_equal(names[order], lines.name[wanted]):
            faults.append(Fault("line", "these are not the lines of the table", "Give its plan"))
    if faults:
        raise PlanError([replace(fault, where=str(source)) for fault in faults])
    spend = np.empty(len(money))
    spend[wanted] = money[order]
    return spend


def read_frame(path: Path, where: str) -> pd.DataFrame:
    """The table in a file that ends in .csv or .parquet, or in a folder of Parquet files.

    Raises:
        PlanError: it cannot be read; the fault is *where*.
        ModuleNotFoundError: a Parquet file, and pyarrow is not installed.
    """
    import pandas as pd

    try:
        if path.suffix.lower() == ".parquet" or path.is_dir():
            files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
            frames = [parquet_frame(file) for file in files]
            if frames:
                return pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
            raise ValueError("there is no Parquet file in the folder")
        if path.suffix.lower() == ".csv":
            texts = dict.fromkeys(TEXTS, "str")
            kept = {"keep_default_na": False, "na_values": [""], "skip_blank_lines": False}
            _refuse_separator(path, where)
            return pd.read_csv(path, dtype=texts, encoding="utf-8-sig", **kept)  # type: ignore[call-overload, no-any-return]
    except OSError as error:
        words = error.strerror or "it is no table that can be read"
        raise PlanError(
            Fault("", f"cannot be read: {words}", "Give a file that exists", where)
        ) from None
    except DAMAGED as error:
        raise PlanError(Fault("", f"cannot be read: {said(error)}", "", where)) from None
    advice = f"Give a file that ends in {' or '.join(TABLES)}"
    raise PlanError(Fault("", f"{path.suffix or 'no ending'} is no table", advice, where))


def _refuse_separator(path: Path, where: str) -> None:
    """Say so where the cells of a CSV file are not parted by commas.

    Raises:
        PlanError: its head has other separators, and no comma.
        OSError: it cannot be read.
    """
    with path.open("rb") as stream:
        head = stream.readline(_HEAD)
    for sign, word in ((b";", "semicolons"), (b"\t", "tabs"), (b"|", "bars")):
        if sign in head.strip() and b"," not in head:
            advice = "Save it with commas between cells, and points in numbers"
            raise PlanError(Fault("", f"is separated by {word}, not commas", advice, where))


class Columns:
    """The columns of a frame, checked and made ready; gathers what is wrong."""

    def __init__(
        self, frame: pd.DataFrame, kind: str | None, first_row: int, first_name: int | None = None
    ) -> None:
        """*first_row* is what faults call the first row, *first_name* what its line is called."""
        self.kind, self.first_row = kind, first_row
        self.first_name = first_row if first_name is None else first_name
        self.titles = [str(title) for title in frame.columns]
        is_text = all(isinstance(title, str) for title in frame.columns)
        self.frame = frame if is_text else frame.set_axis(self.titles, axis=1)
        self.n = len(frame)
        self.faults: list[Fault] = []

    def table(self) -> LineTable:
        """The table of lines.

        Raises:
            PlanError: with every fault.
        """
        self.faults += self._head_faults()
        if self.faults or not self.n:
            raise PlanError(self.faults or [Fault("", "there is no row", "Give one per line")])
        columns = self._columns()
        try:
            made = LineTable(**columns)
        except PlanError as error:
            # What could not be read stands as nothing, and is told as what it was.
            told = {fault.path for fault in self.faults}
            self.faults += [fault for fault in error.faults if fault.path not in told]
        if self.faults:
            raise PlanError(self.faults)
        return made

    def known(self, *, named: bool) -> LineTable:
        """The table of lines, where it was checked before; its names only if *named*."""
        return LineTable.known(**self._columns(named=named))

    def _columns(self, *, named: bool = True) -> dict[str, Any]:
        channel = self.texts("channel")
        known = {*TEXTS, *NUMBERS, *PARAMETERS}
        numbers = {title: self.numbers(title, default) for title, default in NUMBERS.items()}
        return {
            "channel": channel,
            "role": self.texts("role"),
            "name": self.names(channel) if named else np.zeros(self.n, "<U1"),
            "families": self.families(),
            "tags": {title: self.texts(title) for title in self.titles if title not in known},
            "first_row": self.first_row,
            **numbers,
        }

    def _head_faults(self) -> Iterator[Fault]:
        if len(set(self.titles)) < len(self.titles):
            yield Fault("", "a column is there twice", "Give each a name of its own")
        if "channel" not in self.titles:
            yield Fault("channel", "is missing", "Give a column channel")
        if "curve" not in self.titles and self.kind not in KINDS:
            if self.kind is None:
                advice = f"Give a column curve, or one kind for all: {', '.join(KINDS)}"
                yield Fault("curve", "is missing", advice)
            else:
                yield Fault("curve", f"there is no kind {self.kind!r}", nearest(self.kind, KINDS))
        for title, advice in _NOT_HERE.items():
            if title in self.titles:
                yield Fault(title, "is no column of a table", advice)

    def texts(self, title: str) -> Texts:
        """A column of texts; empty where there is nothing."""
        texts = as_texts(np.zeros(self.n, "<U1"))
        if title not in self.titles:
            return texts
        if self._is_coded(title):
            words, at = self.coded(title)
            return np.asarray(as_texts(words)[at])
        for start in range(0, self.n, _CHUNK):  # Python's own texts of a few rows at a time
            piece = self.frame[title].iloc[start : start + _CHUNK]
            plain = piece.astype(object).where(piece.notna(), "")
            try:
                made = as_texts(plain.to_numpy())
            except UnicodeDecodeError:  # bytes that are no text
                made = as_texts(plain.map(str).to_numpy())
            texts[start : start + _CHUNK] = made
        return texts

    def coded(self, title: str) -> Coded:
        """A column of texts as its words and, for each row, which of them it has."""
        if not self._is_coded(title):
            words, at = np.unique(self.texts(title), return_inverse=True)
            return np.array(words.tolist(), dtype=np.str_), at
        values = self.frame[title].cat
        words = np.array([*(str(word) for word in values.categories), ""], dtype=np.str_)
        at = values.codes.to_numpy().astype(np.intp)
        return words, np.where(at < 0, len(words) - 1, at)

    def _is_coded(self, title: str) -> bool:
        import pandas as pd

        return title in self.titles and isinstance(self.frame[title].dtype, pd.CategoricalDtype)

    def numbers(self, title: str, default: float) -> Floats:
        """A column of numbers; *default* where there is nothing."""
        if title not in self.titles:
            return np.full(self.n, default)
        import pandas as pd

        column = self.frame[title]
        if pd.api.types.is_bool_dtype(column):
            self.faults.append(Fault(title, "is true or false", "Give numbers"))
            return np.full(self.n, default)
        values = numbers_in(column)
        wrong = np.isnan(values) & column.notna().to_numpy()
        if wrong.any():
            found = str(column.iloc[int(np.flatnonzero(wrong)[0])])
            shown = repr(found if len(found) <= 40 else found[:39] + "…")
            self.faults += rows_fault(
                title, wrong, f"{shown} is no number", "Give plain numbers", self.first_row
            )
        return np.where(np.isnan(values), default, values)

    def names(self, channel: Texts) -> Texts:
        """The names of the lines: ``channel.line``, or ``channel.`` and the number of the row."""
        if "line" in self.titles:
            given = self.texts("line")
            whole = (given == channel) | (given == "")
            dotted = np.flatnonzero(np.strings.find(given, ".") >= 0)
            prefix = np.strings.add(channel[dotted], ".")
            whole[dotted] |= np.strings.startswith(given[dotted], prefix)
        else:
            rows = np.arange(self.first_name, self.first_name + self.n)
            given, whole = as_texts(rows), np.zeros(self.n, bool)
        joined = np.strings.add(np.strings.add(channel, "."), given)
        return np.where(whole, given, joined)

    def families(self) -> tuple[tuple[Any, NDArray[np.intp], tuple[Floats, ...]], ...]:
        """The curves by kind; a parameter that its kind does not have is a fault."""
        kinds, at = self.coded("curve")
        kinds = np.strings.lower(np.strings.strip(kinds))
        words, same = np.unique(np.where(kinds == "", self.kind or "", kinds), return_inverse=True)
        at = same[at]
        columns = {
            title: self.numbers(title, np.nan) for title in PARAMETERS if title in self.titles
        }
        idle = {title: ~np.isnan(values) for title, values in columns.items()}
        found = []
        for position, word in enumerate(words.tolist()):
            index = np.flatnonzero(at == position)
            if not index.size:
                continue
            kind = KINDS.get(word)
            if kind is None:
                wrong = at == position
                text = f"there is no kind {word!r}" if word else "is empty"
                advice = nearest(word, KINDS)
                self.faults += rows_fault("curve", wrong, text, advice, self.first_row)
                for given in idle.values():
                    given[index] = False
                continue
            values = []
            for name in kind.parameters:
                default = kind.__dataclass_fields__[name].default
                default = getattr(default, "default", default)
                column = columns.get(name)
                own = np.full(len(index), np.nan) if column is None else column[index]
                if isinstance(default, float):
                    own = np.where(np.isnan(own), default, own)
                values.append(own)
                if name in idle:
                    idle[name][index] = False
            found.append((kind, index, tuple(values)))
        for title, given in idle.items():
            self.faults += rows_fault(
                title,
                given,
                "is given, but the curve there has no such parameter",
                "Leave it empty there",
                self.first_row,
            )
        return tuple(found)
