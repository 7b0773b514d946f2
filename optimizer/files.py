"""Results as files: JSON, CSV, Excel and Parquet, each written whole or not at all.

Tables may hold names that other people typed. A text that a spreadsheet would take for a formula
gets an apostrophe in front, in CSV; in Excel files texts are stored as texts.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .writing import write_atomically

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "ENDINGS",
    "TABLES",
    "Formula",
    "csv_text",
    "is_formula",
    "json_text",
    "large_csv",
    "need_excel",
    "need_for",
    "need_parquet",
    "parquet_bytes",
    "write_result",
    "write_table",
]

TABLES = (".csv", ".xlsx", ".parquet")
"""Files that hold tables."""
ENDINGS = (".json", *TABLES)
"""What ``-o`` can write, by the ending of the file."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER_FORMATS = {"money": "#,##0", "share": "0.0%", "ratio": "#,##0.00##"} | {
    f"exact{digits}": "0." + "0" * digits for digits in range(1, 7)
}


@dataclass(frozen=True)
class Formula:
    """A cell that a workbook works out; elsewhere it is its value."""

    text: str
    """Begins with =; ``{row}`` stands for the number of its own row."""
    value: float


@dataclass(frozen=True)
class Entry:
    """A number that a reader of a workbook is meant to change; elsewhere it is its value."""

    value: float


def json_text(data: object) -> str:
    """*data* as JSON text with a line end; a number that is not finite is an error, not ``NaN``."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, indent=2) + "\n"


def csv_text(frame: pd.DataFrame) -> str:
    """*frame* as CSV: full precision, empty where there is nothing, formulas made harmless."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([_cell(name) for name in frame.columns])
    writer.writerows([[_cell(value) for value in row] for row in _rows(frame)])
    return stream.getvalue()


def large_csv(frame: pd.DataFrame) -> str:
    """The same as :func:`csv_text` for very many rows, column by column."""
    import numpy as np

    plain = frame.copy(deep=False)
    for position, name in enumerate(frame.columns):
        column = frame.iloc[:, position]
        if column.dtype.kind not in "fiub":
            words, at = np.unique(column.fillna("").astype(str).to_numpy(str), return_inverse=True)
            plain[name] = np.array([_cell(word) for word in words.tolist()], object)[at]
        elif column.dtype.kind == "f":
            plain[name] = column.where(np.isfinite(column))
    plain.columns = [_cell(name) for name in frame.columns]
    return plain.to_csv(index=False, lineterminator="\n")


def parquet_bytes(frame: pd.DataFrame) -> bytes:
    """*frame* as a Parquet file; a column of several kinds of values holds their texts.

    Raises:
        ModuleNotFoundError: pyarrow is not installed.
    """
    need_parquet()
    stream = io.BytesIO()
    plain = frame.copy(deep=False)
    plain.columns = [str(name) for name in frame.columns]
    for name in plain.columns:
        if plain[name].dtype == object:
            plain[name] = _one_kind([_scalar(value) for value in plain[name]], plain.index)
    plain.to_parquet(stream, index=False)
    return stream.getvalue()


def _one_kind(values: list[Any], index: Any) -> Any:
    """A column of one kind of values; None for what does not exist."""
    import pandas as pd

    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float}:
        return pd.Series(values, index, dtype=float)
    if kinds != {bool}:
        values = [None if value is None else str(value) for value in values]
    return pd.Series(values, index, dtype=object)


def write_result(
    path: Path, data: object, tables: Mapping[str, pd.DataFrame], *, lang: str = "en"
) -> None:
    """Write a result to *path* in the form its ending asks for.

    JSON holds *data*; CSV and Parquet hold the first of *tables*; Excel holds every table on a
    sheet.

    Raises:
        ModuleNotFoundError: the library for Excel or Parquet is not installed.
        OSError: the file cannot be written.
    """
    ending = path.suffix.lower()
    if ending == ".json":
        write_atomically(path, json_text(data).encode())
    elif ending == ".xlsx":
        write_atomically(path, _workbook(tables))
    else:
        # A byte order mark tells Excel in China that the file is UTF-8.
        write_table(path, next(iter(tables.values())), bom=lang == "zh")


def write_table(path: Path, frame: pd.DataFrame, *, bom: bool = False) -> None:
    """Write one table to a file that ends in .csv, .xlsx or .parquet.

    Raises:
        ValueError: it ends in something else.
        ModuleNotFoundError: the library for Excel or Parquet is not installed.
        OSError: the file cannot be written.
    """
    ending = path.suffix.lower()
    if ending == ".csv":
        content = csv_text(frame).encode("utf-8-sig" if bom else "utf-8")
    elif ending == ".xlsx":
        content = _workbook({path.stem: frame})
    elif ending == ".parquet":
        content = parquet_bytes(frame)
    else:
        raise ValueError(f"{path} must end in {', '.join(TABLES)}")
    write_atomically(path, content)


def need_for(path: Path) -> None:
    """Say so early when a file cannot be written for want of a library.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    ending = path.suffix.lower()
    if ending == ".xlsx":
        need_excel()
    elif ending == ".parquet":
        need_parquet()


def need_excel() -> None:
    """Say so early when Excel files cannot be written.

    Raises:
        ModuleNotFoundError: XlsxWriter is not installed.
    """
    if find_spec("xlsxwriter") is None:
        raise ModuleNotFoundError("No module named 'xlsxwriter'", name="xlsxwriter")


def need_parquet() -> None:
    """Say so early when Parquet files cannot be read or written.

    Raises:
        ModuleNotFoundError: pyarrow is not installed.
    """
    if find_spec("pyarrow") is None:
        raise ModuleNotFoundError("No module named 'pyarrow'", name="pyarrow")


def is_formula(text: str) -> bool:
    """Whether a spreadsheet that opens a CSV would take a text for a formula."""
    return text.startswith(_FORMULA)


def _workbook(tables: Mapping[str, pd.DataFrame]) -> bytes:
    need_excel()
    import xlsxwriter

    stream = io.BytesIO()
    plain = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(stream, plain) as book:
        head = book.add_format({"bold": True, "bottom": 1})
        formats = {
            kind: book.add_format({"num_format": text}) for kind, text in _NUMBER_FORMATS.items()
        }
        entry = {"num_format": "#,##0.00##", "bg_color": "#FFF2CC", "border": 1}
        formats["entry"] = book.add_format(entry)
        for name, frame in tables.items():
            sheet = book.add_worksheet(_sheet_name(name))
            sheet.freeze_panes(1, 1)
            rows = list(_rows(frame))
            for column, title in enumerate(map(str, frame.columns)):
                values = [row[column] for row in rows]
                sheet.write_string(0, column, title, head)
                for row, value in enumerate(values, start=1):
                    _write_cell(sheet, row, column, value, formats[_kind(title, values)])
                sheet.set_column(column, column, _width([title, *values]))
            if rows:
                sheet.autofilter(0, 0, len(rows), len(frame.columns) - 1)
    return stream.getvalue()


def _write_cell(sheet: Any, row: int, column: int, value: Any, number_format: Any) -> None:
    if isinstance(value, Formula):
        text = value.text.replace("{row}", str(row + 1))
        sheet.write_formula(row, column, text, number_format, value.value)
        return
    value = _scalar(value)
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, int | float | Decimal):
        sheet.write_number(row, column, value, number_format)
    else:
        sheet.write_string(row, column, str(value))


def _kind(title: str, values: list[Any]) -> str:
    if any(isinstance(value, Entry) for value in values):
        return "entry"
    exact = [value for value in values if isinstance(value, Decimal)]
    if exact:
        digits = -int(exact[0].as_tuple().exponent)
        return f"exact{min(max(digits, 1), 6)}"
    if title in {"brand_share", "gap"} or title.rsplit(" ", maxsplit=1)[-1] in {"share", "reached"}:
        return "share"
    sizes = [abs(v) for v in map(_scalar, values) if isinstance(v, int | float)]
    return "money" if max(sizes, default=0.0) >= 1000 else "ratio"


def _width(values: list[Any]) -> float:
    texts = [
        f"{value:,.0f}" if isinstance(value, int | float) else str("" if value is None else value)
        for value in map(_scalar, values)
    ]
    longest = max(sum(2 if ord(sign) > 0x2E80 else 1 for sign in text) for text in texts)
    return float(min(max(longest + 2, 9), 60))


def _sheet_name(name: str) -> str:
    return "".join("-" if sign in "[]:*?/\\" else sign for sign in name)[:31] or "result"


def _rows(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    return list(frame.itertuples(index=False, name=None))


def _scalar(value: Any) -> Any:
    """*value* as a plain Python one; None for what does not exist."""
    if isinstance(value, Formula | Entry):
        value = value.value
    item = getattr(value, "item", None)
    if callable(item):
        value = item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _cell(value: Any) -> Any:
    value = _scalar(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal) or value is None:
        return value
    text = str(value)
    if is_formula(text):
        text = f"'{text}"
    # The writer quotes a line feed, but not on every Python a lone carriage return.
    return text.replace("\r\n", "\n").replace("\r", "\n")
