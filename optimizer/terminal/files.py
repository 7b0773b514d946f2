"""Results as files: JSON, CSV and Excel, each written whole or not at all.

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
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizer.writing import write_atomically

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "ENDINGS",
    "Formula",
    "csv_text",
    "json_text",
    "large_csv",
    "need_excel",
    "write_atomically",
    "write_result",
]

ENDINGS = (".json", ".csv", ".xlsx")
"""What ``-o`` can write, by the ending of the file."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Formula:
    """A cell that a workbook works out; elsewhere it is its value."""

    text: str
    """Begins with =; ``{row}`` stands for the number of its own row."""
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


def write_result(
    path: Path, data: object, tables: Mapping[str, pd.DataFrame], *, lang: str = "en"
) -> None:
    """Write a result to *path* in the form its ending asks for.

    JSON holds *data*; CSV holds the first of *tables*; Excel holds every table on a sheet.

    Raises:
        ModuleNotFoundError: Excel is asked for and XlsxWriter is not installed.
        OSError: the file cannot be written.
    """
    ending = path.suffix.lower()
    if ending == ".json":
        content = json_text(data).encode()
    elif ending == ".xlsx":
        content = _workbook(tables)
    else:
        # A byte order mark tells Excel in China that the file is UTF-8.
        encoding = "utf-8-sig" if lang == "zh" else "utf-8"
        content = csv_text(next(iter(tables.values()))).encode(encoding)
    write_atomically(path, content)


def need_excel() -> None:
    """Say so early when Excel files cannot be written.

    Raises:
        ModuleNotFoundError: XlsxWriter is not installed.
    """
    if find_spec("xlsxwriter") is None:
        raise ModuleNotFoundError("No module named 'xlsxwriter'", name="xlsxwriter")


def _workbook(tables: Mapping[str, pd.DataFrame]) -> bytes:
    need_excel()
    import xlsxwriter

    stream = io.BytesIO()
    plain = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(stream, plain) as book:
        head = book.add_format({"bold": True, "bottom": 1})
        formats = {
            kind: book.add_format({"num_format": text})
            for kind, text in {
                "money": "#,##0",
                "share": "0.0%",
                "ratio": "#,##0.00##",
            }.items()
        }
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
    elif isinstance(value, int | float):
        sheet.write_number(row, column, value, number_format)
    else:
        sheet.write_string(row, column, str(value))


def _kind(title: str, values: list[Any]) -> str:
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
    if isinstance(value, Formula):
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
    if isinstance(value, int | float) or value is None:
        return value
    text = str(value)
    if text.startswith(_FORMULA):
        text = f"'{text}"
    # The writer quotes a line feed, but not on every Python a lone carriage return.
    return text.replace("\r\n", "\n").replace("\r", "\n")
