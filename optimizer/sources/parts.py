"""A Parquet data set of lines in parts, each read when it is asked: what no memory holds at once.

A data set is a file, or a folder of files that lie side by side. A part is some row groups of one
file; it can be read again and again, anywhere the files are seen, so nothing is lost with whoever
read it. The columns are those of a table (see :mod:`optimizer.sources.table`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizer.errors import Fault, PlanError
from optimizer.files import need_parquet
from optimizer.plan.table import PARAMETERS, LineTable

from .table import NUMBERS, TEXTS, Coded, Columns
from .tabular import DAMAGED, said

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LinePart", "file_digests", "find_parts"]

# Row groups of a file are read together up to so many lines.
_ROWS = 1 << 19
# Files with one kind of fault that are named.
_TOLD = 20
_INDEX = "__index_level_"


@dataclass(frozen=True)
class LinePart:
    """Some row groups of a Parquet file of lines."""

    path: str
    row_groups: tuple[int, ...]
    first_row: int
    """Number of its first row in the file, from 1."""
    start: int
    """How many lines there are before it in the data set."""
    n: int
    """How many lines it has."""
    columns: tuple[str, ...]
    texts: tuple[str, ...]
    """Which of its columns hold texts that repeat."""
    curve: str | None = None
    """Kind of all curves where no column says."""

    def checked(self, fields: Sequence[str]) -> tuple[LineTable, dict[str, Coded]]:
        """All its lines, and the columns *fields* as words and positions.

        Raises:
            PlanError: with every fault of its rows.
        """
        try:
            columns = self._columns(self.columns)
            return columns.table(), {field: columns.coded(field) for field in fields}
        except PlanError as error:
            raise PlanError([replace(fault, where=self.path) for fault in error.faults]) from None

    def bare(self, fields: Sequence[str]) -> tuple[LineTable, dict[str, Coded]]:
        """The numbers of its lines, which were checked before; of its texts only *fields*."""
        wanted = {*fields, "curve", *NUMBERS, *PARAMETERS}
        columns = self._columns([title for title in self.columns if title in wanted])
        coded = {field: columns.coded(field) for field in fields}
        columns.titles = [title for title in columns.titles if title not in fields]
        return columns.known(named=False), coded

    def named(self, fields: Sequence[str]) -> tuple[LineTable, dict[str, Coded]]:
        """All its lines with names and tags, which were checked before."""
        columns = self._columns(self.columns)
        return columns.known(named=True), {field: columns.coded(field) for field in fields}

    def digest(self) -> str:
        """A hash of the bytes of its file."""
        return _digest(self.path)

    def _columns(self, wanted: Sequence[str]) -> Columns:
        frame = _read(self, wanted)
        return Columns(frame, self.curve, self.first_row, first_name=self.start + 1)


def find_parts(source: str | os.PathLike[str], *, curve: str | None = None) -> list[LinePart]:
    """The parts of a Parquet data set, in the order of its files' names and rows.

    Args:
        source: A file that ends in .parquet, or a folder of such files.
        curve: Kind of all curves where there is no column ``curve``.

    Raises:
        PlanError: with every file that cannot be read or has other columns than the first.
        ModuleNotFoundError: pyarrow is not installed.
    """
    need_parquet()
    import pyarrow.parquet as pq

    found: list[LinePart] = []
    faults: list[Fault] = []
    first: tuple[str, dict[str, str]] | None = None
    for path in _files(Path(source)):
        try:
            with pq.ParquetFile(path) as file:
                kinds = _kinds(file.schema_arrow)
                rows = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
        except DAMAGED as error:
            faults.append(Fault("", f"cannot be read: {said(error)}", "", str(path)))
            continue
        if first is None:
            first = str(path), kinds
        faults += _differences(str(path), kinds, *first)
        start = found[-1].start + found[-1].n if found else 0
        found += _parts_of(str(path.absolute()), rows, kinds, start, curve)
    if faults:
        more = len(faults) - _TOLD
        faults = faults[:_TOLD] + ([Fault("", f"{more:,} more files likewise")] if more > 0 else [])
        raise PlanError(faults)
    if not found:
        raise PlanError(Fault("", "there is no row", "Give one per line", str(source)))
    return found


def file_digests(source: str | os.PathLike[str]) -> tuple[str, ...]:
    """The hashes of the files of a data set, in the order of its parts."""
    files = dict.fromkeys(part.path for part in find_parts(source))
    return tuple(_digest(path) for path in files)


def _digest(path: str) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(source: Path) -> list[Path]:
    """The files of a data set, by name."""
    if not source.is_dir():
        return [source]
    advice = "Give a folder with .parquet files side by side"
    seen = [path for path in sorted(source.iterdir()) if not path.name.startswith((".", "_"))]
    files = [path for path in seen if path.suffix.lower() == ".parquet" and path.is_file()]
    others = [path for path in seen if path not in files]
    nested = [path for path in others if path.is_dir() and any(path.rglob("*.parquet"))]
    if nested:  # to leave lines out without a word would be worse
        raise PlanError(
            Fault("", "there are Parquet files in a folder of the folder", advice, str(nested[0]))
        )
    if not files:
        raise PlanError(Fault("", "there is no Parquet file in the folder", advice, str(source)))
    return files


def _kinds(schema: Any) -> dict[str, str]:
    """What each column of a file holds, in few words."""
    import pyarrow.types as pt

    def kind(of: Any) -> str:
        if pt.is_dictionary(of):
            return kind(of.value_type)
        if pt.is_null(of):
            return "nothing"
        if pt.is_string(of) or pt.is_large_string(of) or pt.is_string_view(of):
            return "texts"
        return "numbers" if pt.is_integer(of) or pt.is_floating(of) else str(of)

    return {field.name: kind(field.type) for field in schema if not field.name.startswith(_INDEX)}


def _differences(
    path: str, kinds: dict[str, str], first: str, wanted: dict[str, str]
) -> Iterator[Fault]:
    """Columns of a file that are not as in the first."""
    advice = "Give all files the same columns"
    missing, extra = sorted(wanted.keys() - kinds.keys()), sorted(kinds.keys() - wanted.keys())
    told = [f"has no column {title}" for title in missing]
    told += [f"has a column {title} more" for title in extra]
    told += [
        f"has {kinds[title]} in {title}, not {wanted[title]}"
        for title in sorted(wanted.keys() & kinds.keys())
        if kinds[title] != wanted[title] and "nothing" not in (kinds[title], wanted[title])
    ]
    if told:
        words = f"{'; '.join(told)} (compared with {Path(first).name})"
        yield Fault("", words, advice, path)


def _parts_of(
    path: str, rows: Sequence[int], kinds: dict[str, str], start: int, curve: str | None
) -> Iterator[LinePart]:
    """The row groups of a file, small ones together."""
    repeated = ("channel", "role", "curve")
    texts = tuple(
        title
        for title, kind in kinds.items()
        if kind == "texts" and (title in repeated or title not in TEXTS)
    )
    held: list[int] = []
    first = n = 0
    for group, size in enumerate(rows):
        if n and n + size > _ROWS:
            yield LinePart(
                path, tuple(held), first + 1, start + first, n, tuple(kinds), texts, curve
            )
            held, first, n = [], first + n, 0
        held.append(group)
        n += size
    if n:
        yield LinePart(path, tuple(held), first + 1, start + first, n, tuple(kinds), texts, curve)


def _read(part: LinePart, columns: Sequence[str]) -> pd.DataFrame:
    """Some columns of a part; texts that repeat as categories."""
    import pyarrow.parquet as pq

    texts = [title for title in part.texts if title in columns]
    try:
        with pq.ParquetFile(part.path, read_dictionary=texts) as file:
            table = file.read_row_groups(part.row_groups, columns=list(columns), use_threads=False)
        frame = table.unify_dictionaries().to_pandas(ignore_metadata=True)
    except DAMAGED as error:
        advice = "Every worker needs to see the file, under this name"
        raise PlanError(Fault("", f"cannot be read: {said(error)}", advice, part.path)) from None
    if table.num_rows != part.n:
        raise PlanError(Fault("", "was changed while it was read", "", part.path))
    return frame  # type: ignore[no-any-return]
