"""Tables as pandas, pyarrow and openpyxl read them: bounded, and what they say of damaged files."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.errors import Fault, PlanError
from optimizer.files import need_parquet
from optimizer.plan.curves import Floats

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DAMAGED", "LARGEST", "numbers_in", "parquet_frame", "said", "sheets_of"]

DAMAGED: tuple[type[Exception], ...] = (
    OSError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RuntimeError,
    MemoryError, EOFError,
)  # fmt: skip
"""What libraries raise on files that are damaged or made to harm."""

LARGEST = 1e100
"""Of numbers in a fitted model, so that what is made of a few of them is still a number; what is
smaller than one part in so many is 0."""

_VALUES = 200_000_000
"""Cells of one Parquet file: a few kilobytes may stand for billions of them."""
_UNPACKED = 500_000_000
"""Bytes of a workbook's parts together."""
_CELLS = 20_000_000
"""Cells of one sheet that hold anything."""


def said(error: Exception) -> str:
    """What a library says of a file, in one line."""
    words = str(getattr(error, "strerror", None) or error).strip()
    return words.splitlines()[0] if words else "it is damaged"


def parquet_frame(path: Path) -> pd.DataFrame:
    """The table in a Parquet file.

    Raises:
        ValueError: it is damaged, or unpacks to more than memory should hold.
        OSError: it cannot be read.
        ModuleNotFoundError: pyarrow is not installed.
    """
    need_parquet()
    import pandas as pd
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            cells = file.metadata.num_rows * max(file.metadata.num_columns, 1)
        if cells > _VALUES:
            raise ValueError(f"it has {cells:,} cells, more than {_VALUES:,}")
        return pd.read_parquet(path)
    except OSError:
        raise
    except DAMAGED as error:
        raise ValueError(said(error)) from None


def numbers_in(column: pd.Series[Any]) -> Floats:
    """A column as numbers, shape (n,); NaN for what is none, dates and spans of time among it."""
    import pandas as pd

    if column.dtype.kind in "mM":
        return np.full(len(column), np.nan)
    try:
        read = pd.to_numeric(column, errors="coerce")
    except (OverflowError, TypeError, ValueError):  # a whole number of hundreds of digits, a list
        read = pd.to_numeric(column.map(str), errors="coerce")
    return np.array(read.to_numpy(dtype=float, na_value=np.nan), float)


def sheets_of(
    data: bytes, *, unpacked: int = _UNPACKED, most: int = _CELLS
) -> dict[str, list[tuple[int, tuple[Any, ...]]]]:
    """The sheets of a workbook by title: rows that hold anything, each with its number.

    Formulas are what they came to when the workbook was last saved.

    Args:
        data: The file.
        unpacked: Bytes of all parts of its archive at most.
        most: Cells of one sheet at most.

    Raises:
        PlanError: it is no workbook, or too large.
        ModuleNotFoundError: openpyxl is not installed.
    """
    import openpyxl  # type: ignore[import-untyped]

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(item.file_size for item in archive.infolist())
        if size > unpacked:
            words = f"is larger than {unpacked // 1_000_000} MB when it is unpacked"
            raise PlanError(Fault("", words, "Save only the cells that count"))
        book = openpyxl.load_workbook(
            io.BytesIO(data), read_only=True, data_only=True, keep_links=False
        )
        found = {str(sheet.title): list(_rows(sheet, most)) for sheet in book.worksheets}
        book.close()
    except PlanError:
        raise
    except Exception:  # noqa: BLE001 - what zipfile, XML and openpyxl say is of many kinds
        words = "is no Excel workbook that can be read"
        raise PlanError(Fault("", words, "Save it anew")) from None
    return found


def _rows(sheet: Any, most: int) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """The rows of a sheet, without the cells that only its stated size has."""
    sheet.reset_dimensions()
    held = 0
    for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        if any(value is not None for value in row):
            held += len(row)
            if held > most:
                words = f"has more than {most:,} cells in the sheet {sheet.title}"
                raise PlanError(Fault("", words, "Save it as CSV or Parquet"))
            yield number, row
