"""Draws that stand in files beside a scenario: columns of a table, or variables of NetCDF.

Where a scenario names a file the numbers in it are put into the plan's document, so that a plan —
and the result that holds it — has all its draws and never looks at the file again. A file is seen
from the scenario file that names it, and read once for all plans of a scenario.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.errors import Fault, PlanError, nearest
from optimizer.plan.curves import Floats
from optimizer.plan.paths import expand, number_at

from .layers import Spot, Written, spot_of
from .netcdf import NETCDF, draws_of
from .places import refuse_outside
from .table import TABLES, read_frame
from .tabular import numbers_in

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DrawFiles"]

MOST_VALUES = 200_000
"""Values that one scenario takes from files."""
_BYTES = 200_000_000

_KEYS = ("file", "column", "variable", "at", "group", "every")
_TABLE_KEYS = ("file", "times", "every")
# Columns that say which draw a row is, not what was drawn.
_INDEX = ("", "chain", "draw", "sample")


@dataclass(eq=False)
class DrawFiles:
    """The files of draws that were read."""

    within: Path | None = None
    """A folder; no file outside it is read. None: any file."""
    _frames: dict[Path, pd.DataFrame] = field(default_factory=dict)
    _variables: dict[tuple[object, ...], Floats] = field(default_factory=dict)

    def fill(self, written: Written, folders: Mapping[str, Path]) -> list[Fault]:
        """Put the numbers in files where a document names them; what is wrong with them.

        Args:
            written: The document, which is changed, and where its values were written.
            folders: The folder that files are seen from, by the name of a scenario file.
        """
        body = written.document.get("uncertainty")
        if not isinstance(body, dict):
            return []
        filling = _Filling(self, written.document, body, written.spots, folders)
        filling.table()
        filling.numbers()
        return filling.faults

    def frame(self, path: Path) -> pd.DataFrame:
        """The table in a file.

        Raises:
            PlanError: it cannot be read, or is too large.
            ModuleNotFoundError: a Parquet file, and pyarrow is not installed.
        """
        self._refuse_outside(path)
        if path not in self._frames:
            if path.is_file() and path.stat().st_size > _BYTES:
                words = f"is larger than {_BYTES // 1_000_000} MB"
                raise PlanError(Fault("file", words, "Save fewer draws"))
            self._frames[path] = read_frame(path, "")
        return self._frames[path]

    def column(self, path: Path, name: str) -> Floats:
        """A column of a table as numbers, shape (n_draws,).

        Raises:
            PlanError: there is none of that name, or what it holds is no number.
        """
        import pandas as pd

        frame = self.frame(path)
        titles = [str(title) for title in frame.columns]
        if name not in titles:
            known = [title for title in titles if not _is_index(title)]
            raise PlanError(Fault("column", f"there is no column {name!r}", nearest(name, known)))
        if titles.count(name) > 1:
            raise PlanError(
                Fault("column", f"{name} is there twice", "Give each a name of its own")
            )
        column = frame.iloc[:, titles.index(name)]
        if pd.api.types.is_bool_dtype(column):
            raise PlanError(Fault("column", f"{name} is true or false", "Give numbers"))
        values = numbers_in(column)
        wrong = np.flatnonzero(np.isnan(values) & column.notna().to_numpy())
        if wrong.size:
            row, text = _row(path, int(wrong[0])), str(column.iloc[int(wrong[0])])
            shown = repr(text if len(text) <= 40 else text[:39] + "…")
            more = f", and {wrong.size - 1:,} more such" if wrong.size > 1 else ""
            words = f"{name}, row {row}: {shown} is no number{more}"
            raise PlanError(Fault("column", words, "Give plain numbers"))
        return values

    def variable(self, path: Path, name: str, at: Mapping[str, Any], group: str | None) -> Floats:
        """The draws of a variable; see :func:`.netcdf.draws_of`."""
        self._refuse_outside(path)
        key = (path, name, tuple(sorted((k, str(v)) for k, v in at.items())), group)
        if key not in self._variables:
            self._variables[key] = draws_of(path, name, at, group, MOST_VALUES)
        return self._variables[key]

    def _refuse_outside(self, path: Path) -> None:
        if self.within is not None:
            refuse_outside(path, self.within)


class _Filling:
    """One document that is being filled; gathers what is wrong."""

    def __init__(
        self,
        files: DrawFiles,
        document: dict[str, Any],
        body: dict[str, Any],
        spots: Mapping[str, Spot],
        folders: Mapping[str, Path],
    ) -> None:
        self.files, self.document, self.body = files, document, body
        self.spots, self.folders = spots, folders
        self.faults: list[Fault] = []
        self.taken = 0

    def table(self) -> None:
        """Every column of the one table whose columns are called as paths."""
        own = self.body.pop("draws_from", None)
        if own is None:
            return
        place = "uncertainty.draws_from"
        given, faults = _checked(own, _TABLE_KEYS)
        numbers = self.body.setdefault("numbers", {})
        if not faults and not isinstance(given.get("times", False), bool):
            faults.append(Fault("times", f"{given['times']!r:.40} is not true or false", ""))
        if not faults and Path(given["file"]).suffix.lower() in NETCDF:
            words = "variables of NetCDF are not called as paths"
            advice = "Name them one by one: numbers: {PATH: {draws: {file: …, variable: …}}}"
            faults.append(Fault("file", words, advice))
        if faults or not isinstance(numbers, dict):
            self._tell(faults, own, place)
            return
        path = self._file(given["file"], place)
        for title in self._titles(path, own, place):
            try:
                values = self._values(self.files.column(path, title), given, title, path)
            except PlanError as error:
                self._tell(error.faults, own, place, path)
                continue
            more = {"times": True} if given.get("times") else {}
            numbers[title] = {"draws": values, **more}

    def _titles(self, path: Path, own: object, place: str) -> Iterator[str]:
        """The columns that are numbers of the plan; the others are told."""
        try:
            frame = self.files.frame(path)
        except PlanError as error:
            self._tell(error.faults, own, place, path)
            return
        titles = [title for title in map(str, frame.columns) if not _is_index(title)]
        if not titles:
            fault = Fault("file", "has no column called as a path", "Call columns as numbers: does")
            self._tell([fault], own, place, path)
        for title in dict.fromkeys(titles):
            if title in (self.body.get("numbers") or {}):
                words = f"{title} stands under numbers as well"
                self._tell([Fault("file", words, "Drop one of them")], own, place, path)
            elif not self._is_number(title):
                words = f"the column {title!r} is no number of the plan"
                advice = "Call it by its path, such as channels.search.brand.price"
                self._tell([Fault("file", words, advice)], own, place, path)
            else:
                yield title

    def _is_number(self, title: str) -> bool:
        try:
            places = expand(self.document, title)
            return any(number_at(self.document, place) is not None for place in places)
        except (PlanError, ValueError):
            return False

    def numbers(self) -> None:
        """Every list of draws that is the name of a file."""
        numbers = self.body.get("numbers")
        if not isinstance(numbers, dict):
            return
        missing = []
        for path, item in numbers.items():
            own = item.get("draws") if isinstance(item, dict) else None
            if not isinstance(own, str | dict):
                continue
            place = f"uncertainty.numbers.{path}.draws"
            given, faults = _checked(own, _KEYS)
            file = None if faults else self._file(given["file"], place)
            try:
                if file is None:
                    raise PlanError(faults)
                item["draws"] = self._own(file, given, str(path))
            except PlanError as error:
                self._tell(error.faults, own, place, file)
                missing.append(item)
        # So that the rest is checked as well, and nothing is told of what stands in.
        lengths = [
            len(item["draws"])
            for item in numbers.values()
            if isinstance(item, dict) and isinstance(item.get("draws"), list)
        ]
        for item in missing:
            item["draws"] = [1.0] * (lengths or [1])[0]

    def _own(self, path: Path, given: Mapping[str, Any], name: str) -> list[float]:
        """The draws that the number *name* has in a file."""
        ending = path.suffix.lower()
        if ending in NETCDF:
            what = given.get("variable")
            values = self._variable(path, given)
        elif ending in TABLES:
            only = [key for key in ("variable", "at", "group") if key in given]
            if only:
                raise PlanError([Fault(key, "is for NetCDF", "Give column") for key in only])
            what = str(given.get("column", name))
            try:
                values = self.files.column(path, what)
            except PlanError as error:
                raise PlanError(
                    [_column_named(one, given, self.files.frame(path)) for one in error.faults]
                ) from None
        else:
            known = ", ".join((*TABLES, *NETCDF))
            words = f"{ending or 'no ending'} is no file of draws"
            raise PlanError(Fault("file", words, f"Give one that ends in {known}"))
        return self._values(values, given, str(what), path)

    def _variable(self, path: Path, given: Mapping[str, Any]) -> Floats:
        """The draws of a variable of NetCDF."""
        faults = []
        name, at, group = given.get("variable"), given.get("at", {}), given.get("group")
        if "column" in given:
            faults.append(Fault("column", "is for tables", "Give variable, and at"))
        if not isinstance(name, str):
            faults.append(Fault("variable", "is missing", "Name a variable of the file"))
        if not isinstance(at, dict):
            faults.append(Fault("at", f"{at!r:.40} is not a mapping", "Give {channel: search}"))
        if group is not None and not isinstance(group, str):
            faults.append(Fault("group", f"{group!r:.40} is not a name", "Give posterior"))
        if faults:
            raise PlanError(faults)
        return self.files.variable(path, str(name), at, group)

    def _values(
        self, values: Floats, given: Mapping[str, Any], what: str, path: Path
    ) -> list[float]:
        """Draws that were read, every so many of them, checked."""
        wrong = np.flatnonzero(~np.isfinite(values))
        if wrong.size:
            found = values[wrong[0]]
            is_table = path.suffix.lower() in TABLES
            at = f"row {_row(path, int(wrong[0]))}" if is_table else f"draw {int(wrong[0]) + 1}"
            said = "is empty" if np.isnan(found) else f"is {found:g}"
            more = f", and so are {wrong.size - 1:,} more" if wrong.size > 1 else ""
            advice = "Leave such draws out, of all lists alike"
            raise PlanError(Fault("", f"{what}, {at} {said}{more}", advice))
        values = values[:: given.get("every", 1)]
        if not len(values):
            raise PlanError(Fault("", f"{what} holds no draws", "Save some"))
        self.taken += len(values)
        if self.taken > MOST_VALUES:
            words = f"brings the values from files above {MOST_VALUES:,}"
            raise PlanError(Fault("", words, "Take every tenth draw of each: every: 10"))
        return [float(value) for value in values]

    def _file(self, name: str, place: str) -> Path:
        """A file as seen from where it was named."""
        spot = spot_of(f"{place}.file", self.spots)
        folder = self.folders.get(spot.source, Path()) if spot is not None else Path()
        return folder / name

    def _tell(
        self, faults: tuple[Fault, ...] | list[Fault], own: object, place: str,
        path: Path | None = None,
    ) -> None:  # fmt: skip
        """Faults with their place in the document, and the file they are about."""
        for fault in faults:
            words = fault.problem if path is None else f"{path.name}: {fault.problem}"
            below = fault if isinstance(own, dict) else replace(fault, path="")
            self.faults.append(replace(below.below(place), problem=words, where=""))


def _checked(own: object, known: tuple[str, ...]) -> tuple[dict[str, Any], list[Fault]]:
    """What names draws, written out in full, and what is wrong with how it is written."""
    if isinstance(own, str):
        return {"file": own}, [] if own else [Fault("", "names no file", "Give file: …")]
    if not isinstance(own, dict):
        return {}, [Fault("", f"{own!r:.60} is no file", f"Give {{{', '.join(known)}}}")]
    faults = [
        Fault(str(key), "is not known here", nearest(str(key), known))
        for key in own
        if key not in known
    ]
    if not isinstance(own.get("file"), str) or not own["file"]:
        faults.append(Fault("file", "is missing", "Give the name of a file"))
    every = own.get("every", 1)
    if isinstance(every, bool) or not isinstance(every, int) or every < 1:
        faults.append(Fault("every", f"{every!r:.40} is not a whole number above zero", ""))
    return own, faults


def _column_named(fault: Fault, given: Mapping[str, Any], frame: pd.DataFrame) -> Fault:
    """A fault of a column, which says how another is named where none was."""
    titles = [str(title) for title in frame.columns if not _is_index(str(title))]
    if "column" in given or not fault.problem.startswith("there is no column") or not titles:
        return fault
    advice = f"Name one with column: {titles[0] if len(titles) == 1 else '…'}. {fault.advice}"
    return replace(fault, advice=advice)


def _is_index(title: str) -> bool:
    """Whether a column counts draws, or is a sampler's own (``.chain``, ``lp__``)."""
    own = title.startswith((".", "Unnamed: ")) or title.endswith("__")
    return own or title.strip().lower() in _INDEX


def _row(path: Path, position: int) -> int:
    """The number of a row: a CSV's head line is row 1."""
    return position + (2 if path.suffix.lower() == ".csv" else 1)
