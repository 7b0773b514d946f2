"""Finished work in a file, so that what was ended from outside goes on where it was.

The first line says what was asked, each further line holds one part that is done: JSON, after a
checksum of it. A part is on disk before the next is told of. What is half there after a kill has no
right checksum and is not read.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from optimizer.errors import Fault, PlanError
from optimizer.writing import write_atomically

__all__ = ["Store"]

_SCHEMA = "adsplit.store/1"

# What differs between two questions, in words; whatever is not named here makes another question.
_DIFFERENCES = {
    "adsplit": "was written by adsplit {there}, and this is {here}",
    "holds": "holds {there}, not {here}",
    "gap": "was asked for with a gap of {there}, not {here}",
    "time_limit": "was asked for with a time limit of {there}, not {here}",
}


class Store:
    """The finished parts of one piece of work."""

    def __init__(self, path: Path, records: list[dict[str, Any]]) -> None:
        self.path, self.records = path, records

    @classmethod
    def of(cls, path: str | os.PathLike[str], holds: str, question: Mapping[str, Any]) -> Store:
        """The store at *path*, made anew where there is none.

        Args:
            path: A file; its folder must be there.
            holds: What the parts are, in the plural: ``draws``, ``plans``.
            question: All that the parts depend on, as plain data.

        Raises:
            PlanError: the file is none of adsplit's, or of another question.
        """
        path = Path(path)
        asked = {"schema": _SCHEMA, "holds": holds, "adsplit": metadata.version("adsplit")}
        asked |= json.loads(json.dumps(question))
        if not path.exists() or path.stat().st_size == 0:
            write_atomically(path, _line(asked))
            return cls(path, [])
        records = list(_read(path))
        if not records or records[0].get("schema") != _SCHEMA:
            raise _refused(path, "is no file of finished work")
        if records[0] != asked:
            raise _refused(path, _difference(records[0], asked))
        return cls(path, records[1:])

    def foreign(self) -> PlanError:
        """What to say where a part is none that was written here."""
        return _refused(self.path, "holds a part that was written by something else")

    def add(self, record: Mapping[str, Any]) -> None:
        """One more part, on disk when this returns."""
        with self.path.open("ab") as file:
            # A line that was cut short is ended, and not read.
            file.write((b"" if _ends(self.path) else b"\n") + _line(record))
            file.flush()
            os.fsync(file.fileno())


def _line(record: Mapping[str, Any]) -> bytes:
    """A record with its checksum; numbers keep every digit, NaN and infinity among them."""
    # NumPy's arrays and scalars become plain.
    text = json.dumps(record, separators=(",", ":"), default=lambda one: one.tolist()).encode()
    return f"{zlib.crc32(text):08x} ".encode() + text + b"\n"


def _ends(path: Path) -> bool:
    """Whether the last line is whole."""
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _read(path: Path) -> Iterator[dict[str, Any]]:
    """The records whose checksums are right."""
    with path.open("rb") as file:
        for line in file:
            mark, _, text = line.rstrip(b"\n").partition(b" ")
            if mark != f"{zlib.crc32(text):08x}".encode():
                continue
            try:
                record = json.loads(text)
            except (ValueError, RecursionError):
                record = None
            if not isinstance(record, dict):
                raise _refused(path, "is no file of finished work")
            yield record


def _difference(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """Why a store is not of the question at hand."""
    for key, words in _DIFFERENCES.items():
        if there.get(key) != here.get(key):
            return words.format(there=there.get(key), here=here.get(key))
    return f"holds {here['holds']} of another plan, or of other changes of it"


def _refused(path: Path, problem: str) -> PlanError:
    return PlanError(Fault("resume", problem, "Give another file", where=str(path)))
