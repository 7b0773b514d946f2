"""The files of fitted models as plain data: bounded, and never run.

Pickles and archives are refused by their first bytes, whatever they are called.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.errors import Fault, PlanError, nearest
from optimizer.plan.curves import Floats
from optimizer.sources.table import read_frame
from optimizer.sources.tabular import LARGEST, numbers_in

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["column", "head_of", "need_columns", "read_json", "read_rows"]

_BYTES = 100_000_000
_ROWS = 5_000_000
_PICKLES = (".pkl", ".pickle", ".joblib", ".cloudpickle", ".dill")
_TOGETHER = "Save it as netCDF or JSON, or export its response curves as CSV"


def head_of(path: Path) -> bytes:
    """The first bytes of a file, once it is known to be none that must not be opened.

    Raises:
        PlanError: it cannot be read, is too large, or is a pickle, an archive or protobuf.
    """
    where = str(path)
    try:
        with path.open("rb") as stream:
            head = stream.read(16)
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or "it is no file"
        fault = Fault("", f"cannot be read: {words}", "Give a file that exists", where)
        raise PlanError(fault) from None
    ending = path.suffix.lower()
    pickled = head[:1] == b"\x80" and head[1:2] in {b"\2", b"\3", b"\4", b"\5"}
    if pickled or ending in _PICKLES:
        words = "is a pickle, which could run anything on this machine, so it is not opened"
        raise PlanError(Fault("", words, _TOGETHER, where))
    if ending in {".binpb", ".txtpb", ".textproto", ".pb"}:
        advice = "Save Analyzer.response_curves() as CSV or netCDF, or the posterior as netCDF"
        raise PlanError(Fault("", "is a Meridian protobuf, which is not read", advice, where))
    if head[:2] in {b"PK", b"\x1f\x8b"} or head[:3] == b"BZh":
        words = "is an archive, a workbook or an R object"
        raise PlanError(Fault("", words, "Unpack it, or save it as JSON or CSV", where))
    if size > _BYTES and head[:4] != b"\x89HDF":
        words = f"is larger than {_BYTES // 1_000_000} MB"
        raise PlanError(Fault("", words, "Save fewer draws or rows", where))
    return head


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        PlanError: it is none, or is nested too deeply.
    """
    where = str(path)
    try:
        found = json.loads(path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise PlanError(Fault("", "is not UTF-8", "Save it as UTF-8", where)) from None
    except json.JSONDecodeError as error:
        place = f"{where}:{error.lineno}:{error.colno}"
        raise PlanError(Fault("", f"is not JSON: {error.msg}", "Export it anew", place)) from None
    except (RecursionError, ValueError) as error:
        words = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise PlanError(Fault("", f"cannot be read: {words}", "Export it anew", where)) from None
    if not isinstance(found, dict):
        raise PlanError(Fault("", "is no JSON object", "Export the model with its tool", where))
    return found


def read_rows(path: Path) -> pd.DataFrame:
    """The table in a CSV or Parquet file; see :func:`head_of` and :func:`.read_frame`.

    Raises:
        PlanError: it cannot be read, has no rows or too many, or two columns of one name.
        ModuleNotFoundError: a Parquet file, and pyarrow is not installed.
    """
    head_of(path)
    frame = read_frame(path, str(path))
    frame.columns = [str(title).strip() for title in frame.columns]
    twice = sorted(set(frame.columns[frame.columns.duplicated()]))
    import pandas as pd

    words = "has no rows" if not len(frame) else ""
    if path.suffix.lower() == ".parquet":
        frame = frame.reset_index(drop=True)
    elif not isinstance(frame.index, pd.RangeIndex):
        words = "has rows with more cells than its head"
    words = f"{twice[0]} is there twice" if twice else words
    words = f"has more than {_ROWS:,} rows" if len(frame) > _ROWS else words
    if words:
        raise PlanError(Fault("", words, "Save it anew", str(path)))
    return frame


def need_columns(frame: pd.DataFrame, titles: Iterable[str], where: str) -> None:
    """Refuse a table that lacks some columns.

    Raises:
        PlanError: with every column that is missing.
    """
    known = [str(title) for title in frame.columns]
    missing = [title for title in titles if title not in known]
    if missing:
        raise PlanError(
            [Fault(t, "there is no such column", nearest(t, known), where) for t in missing]
        )


def column(
    frame: pd.DataFrame, title: str, where: str, faults: list[Fault], least: float = -np.inf
) -> Floats:
    """A column as numbers, shape (n,); what is none becomes a fault and 0."""
    own = frame[title]
    values = numbers_in(own) if own.dtype.kind != "b" else np.full(len(own), np.nan)
    wrong = np.flatnonzero(~((np.abs(values) <= LARGEST) & (values >= least)))
    if wrong.size:
        text = repr(str(own.iloc[int(wrong[0])]))
        shown = text if len(text) <= 40 else f"{text[:39]}…"
        more = f", and {wrong.size - 1:,} more such" if wrong.size > 1 else ""
        kind = "no number" if np.isinf(least) else f"no number from {least:g} up"
        row = int(own.index[int(wrong[0])]) + 2  # a CSV's head line is row 1
        words = f"row {row}: {shown} is {kind}{more}"
        faults.append(Fault(title, words, "Give plain numbers", where))
        values[wrong] = max(least, 0.0)
    values[np.abs(values) < 1 / LARGEST] = 0.0
    return values
