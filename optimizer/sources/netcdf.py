"""Draws from NetCDF files as fitted models are saved: variables over chain, draw and, say, channel.

NetCDF-4 (which is HDF5, with groups such as ``/posterior``) needs h5netcdf; classic files are read
without it. Numbers and labels are read and nothing else.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from optimizer.errors import Fault, PlanError, nearest
from optimizer.plan.curves import Floats

from .tabular import DAMAGED, LARGEST, said

__all__ = ["NETCDF", "Contents", "Variable", "contents_of", "draws_of"]

NETCDF = (".nc", ".nc4", ".netcdf")
"""Endings of the files that are read as NetCDF."""

_SAMPLES = ("chain", "draw", "sample")
_GROUP = "posterior"
_HDF5, _CLASSIC = b"\x89HDF\r\n\x1a\n", (b"CDF\x01", b"CDF\x02")
_HEAP = b"GCOL\x01\0\0\0"
_BYTES = 200_000_000  # a classic file is read whole
_DAYS = {
    "days": 1.0,
    "hours": 1 / 24,
    "minutes": 1 / 1440,
    "seconds": 1 / 86_400,
    "milliseconds": 1 / 86_400_000,
    "microseconds": 1 / 86_400_000_000,
    "nanoseconds": 1 / 86_400_000_000_000,
}
_VALUES = 40_000_000  # of one variable, in memory
_LABELS = 1_000_000  # along one dimension
_LENGTH = 4  # bytes that HDF5 has for the length of a text, and for its number in a heap


def draws_of(
    path: Path, variable: str, at: Mapping[str, Any], group: str | None, most: int
) -> Floats:
    """The draws of a variable, chain after chain, shape (n_draws,).

    Args:
        path: The file.
        variable: Its name.
        at: The label (without labels: the position) to take of every dimension but chain and draw.
        group: Where the variable is; None: at the top, or in ``posterior``.
        most: How many draws are read at most.

    Raises:
        PlanError: there is no such thing in the file; the fault's path is the key that is wrong.
        ModuleNotFoundError: a NetCDF-4 file, and h5netcdf is not installed.
    """
    with _opened(path) as top:
        return _drawn(_holder(top, variable, group), variable, at, most)


@dataclass(frozen=True, eq=False)
class Variable:
    """Numbers by named dimensions."""

    dimensions: tuple[str, ...]
    values: Floats
    labels: dict[str, list[str]]
    """What stands along each dimension; positions from 0 where nothing is written."""

    def by(self, *names: str) -> Floats:
        """The values with these dimensions in this order, which must be all it has.

        Raises:
            PlanError: it has others.
        """
        if set(names) != set(self.dimensions):
            words = f"is by {', '.join(self.dimensions) or 'nothing'}, not by {', '.join(names)}"
            raise PlanError(Fault("", words))
        return np.transpose(self.values, [self.dimensions.index(name) for name in names])


class Contents:
    """An open NetCDF file: its texts, and what variables it holds in which group."""

    def __init__(self, top: Any) -> None:
        self._top = top

    @property
    def texts(self) -> dict[str, str]:
        """The attributes of the whole file that are texts or single numbers."""
        found = getattr(self._top, "attrs", None)
        found = vars(self._top).get("_attributes", {}) if found is None else found
        plain = {}
        for name in list(found):
            value = found[name]
            value = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
            plain[str(name)] = str(value)
        return plain

    def names(self, group: str = "") -> dict[str, tuple[str, ...]]:
        """The variables of a group, each with its dimensions; nothing where there is no group."""
        holder = self._group(group)
        if holder is None:
            return {}
        return {str(name): tuple(item.dimensions) for name, item in holder.variables.items()}

    def variable(self, group: str, name: str, every: int = 1) -> Variable:
        """A variable, of its draws every so many.

        Raises:
            PlanError: there is none, it holds no numbers, or too many.
        """
        holder = self._group(group)
        if holder is None or name not in holder.variables:
            known = self.names(group)
            raise PlanError(Fault(name, f"is missing in {group or 'the file'}",
                                  nearest(name, known)))  # fmt: skip
        found = holder.variables[name]
        dimensions = tuple(map(str, found.dimensions))
        if np.dtype(getattr(found, "dtype", None) or found.data.dtype).kind not in "iuf":
            raise PlanError(Fault(name, "holds no numbers"))
        shape = tuple(found.shape)
        steps = tuple(every if name == "draw" else 1 for name in dimensions)
        count = math.prod(-(-size // step) for size, step in zip(shape, steps, strict=True))
        if count > _VALUES:
            raise PlanError(Fault(name, f"has {count:,} values, more than {_VALUES:,}",
                                  "Save fewer draws"))  # fmt: skip
        if words := _chunk_words(found):
            raise PlanError(Fault(name, words, "Save it in smaller ones"))
        place = tuple(slice(None, None, step) for step in steps)
        values = np.array(found[place] if dimensions else found[()], float)
        large = np.isfinite(values) & (np.abs(values) > LARGEST)
        if large.any():
            words = f"holds {values[large][0]:g}, with which nothing can be reckoned"
            raise PlanError(Fault(name, words, "Look for a value that stands for a gap"))
        values[np.abs(values) < 1 / LARGEST] = 0.0
        labels = {
            own: _labels(holder, own, size)[:: every if own == "draw" else 1]
            for own, size in zip(dimensions, shape, strict=True)
        }
        return Variable(dimensions, values, labels)

    def days_apart(self, group: str, name: str) -> float | None:
        """Days from one place along a dimension of dates to the next; None where none are told."""
        holder = self._group(group)
        known = {} if holder is None else holder.variables
        if name not in known or len(known[name].shape) != 1:
            return None
        own = known[name]
        if not 2 <= own.shape[0] <= _LABELS:
            return None
        told = getattr(own, "attrs", None) or vars(own)
        unit = told.get("units", "")
        unit = unit.decode("utf-8", "replace") if isinstance(unit, bytes) else str(unit)
        days = _DAYS.get(unit.partition(" since ")[0].strip())
        if days is None or np.dtype(own.dtype).kind not in "iuf" or _chunk_words(own):
            return None
        return float(np.median(np.diff(np.asarray(own[:], float)))) * days

    def _group(self, name: str) -> Any:
        if not name:
            return self._top
        return getattr(self._top, "groups", {}).get(name)


@contextmanager
def contents_of(path: Path) -> Iterator[Contents]:
    """A NetCDF file while it is open.

    Raises:
        PlanError: it cannot be read.
        ModuleNotFoundError: a NetCDF-4 file, and h5netcdf is not installed.
    """
    with _opened(path) as top:
        yield Contents(top)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with path.open("rb") as stream:
            magic = stream.read(8)
        if magic == _HDF5:
            if find_spec("h5netcdf") is None:
                raise ModuleNotFoundError("No module named 'h5netcdf'", name="h5netcdf")
            import h5netcdf
            import h5py

            _refuse_endless_heaps(path)
            # Of files that are damaged h5netcdf is not made whole, and stumbles when it goes.
            reader = type("Reader", (h5netcdf.File,), {"_writable": False})
            how = {"decode_vlen_strings": True, "phony_dims": "access"}
            with h5py.File(path, "r") as raw, reader(raw, "r", **how) as file:
                yield file
        elif magic[:4] in _CLASSIC:
            from scipy.io import netcdf_file

            if path.stat().st_size > _BYTES:
                raise PlanError(Fault("file", f"is larger than {_BYTES // 1_000_000} MB",
                                      "Save the variables that are needed"))  # fmt: skip
            with netcdf_file(path, "r", mmap=False) as file:
                yield file
        else:
            raise PlanError(Fault("file", "is no NetCDF file", "Save the model's draws as NetCDF"))
    except OSError as error:
        words = error.strerror or str(error).partition("(")[0].strip() or "it is damaged"
        raise PlanError(
            Fault("file", f"cannot be read: {words}", "Give a file that exists")
        ) from None
    except DAMAGED as error:
        # Also of parts that are asked for later: what is damaged shows only where it is read.
        raise PlanError(Fault("file", f"cannot be read: {said(error)}", "Save it anew")) from None


def _refuse_endless_heaps(path: Path) -> None:
    """Refuse heaps of texts in which HDF5 would walk in a ring, and not be stopped by anything.

    A heap is ``GCOL``, version 1, its size, and parts, each a head (number, 2 bytes; uses, 2; 4 of
    nothing; size) and its bytes, up to a multiple of 8; the size of part 0, which is free, counts
    its head. HDF5 goes on by what a part says without a look at whether that is on.

    Raises:
        PlanError: a part is of no size, or ends behind its heap.
    """
    with (
        path.open("rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        width = data[14:15] if data[8:9] < b"\2" else data[10:11]  # of sizes in this file
        start = data.find(_HEAP)
        while start >= 0:
            if not _ends(data, start, int.from_bytes(width, "little")):
                words = "cannot be read: a heap of its texts is damaged"
                raise PlanError(Fault("file", words, "Save it anew"))
            start = data.find(_HEAP, start + 1)


def _ends(data: mmap.mmap, start: int, width: int) -> bool:
    """Whether every part of the heap that begins at *start* leads on, to its end at last."""
    head = _up_to_eight(8 + width)
    size = int.from_bytes(data[start + 8 : start + 8 + width], "little")
    at, end = start + head, min(start + size, len(data))
    while at + head <= end:
        number = int.from_bytes(data[at : at + 2], "little")
        own = int.from_bytes(data[at + 8 : at + 8 + width], "little")
        step = head + _up_to_eight(own) if number else own
        if not 0 < step <= end - at:
            return False
        at += step
    return True


def _up_to_eight(size: int) -> int:
    """The next multiple of 8."""
    return -(-size // 8) * 8


def _holder(top: Any, variable: str, group: str | None) -> Any:
    """The group that holds a variable."""
    groups = getattr(top, "groups", {})
    if group is None:
        if variable in top.variables or _GROUP not in groups:
            return top
        return groups[_GROUP]
    here = top
    for word in group.strip("/").split("/"):
        known = getattr(here, "groups", {})
        if word not in known:
            advice = nearest(word, known) or "The file has no groups"
            raise PlanError(Fault("group", f"there is no group {group!r}", advice))
        here = known[word]
    return here


def _drawn(holder: Any, variable: str, at: Mapping[str, Any], most: int) -> Floats:
    known = holder.variables
    if variable not in known:
        others = [name for name, item in known.items() if set(item.dimensions) & set(_SAMPLES)]
        groups = getattr(holder, "groups", {})
        advice = nearest(variable, others or known) or f"Give group: {', '.join(groups)}"
        raise PlanError(Fault("variable", f"there is no variable {variable!r}", advice))
    found = known[variable]
    dimensions, shape = tuple(found.dimensions), tuple(found.shape)
    faults: list[Fault] = []
    place: dict[str, int] = {}
    for name in at:
        if name not in dimensions:
            words = f"{variable} has no dimension {name!r}"
            faults.append(Fault(f"at.{name}", words, nearest(name, dimensions)))
    for name, size in zip(dimensions, shape, strict=True):
        if name in at:
            place[name] = _position(holder, name, size, at[name], faults)
        elif name not in _SAMPLES:
            words = f"{variable} is also by {name}, and one is to be taken"
            labels = ", ".join(_labels(holder, name, size, 12)[:12])
            faults.append(Fault("at", words, f"Give at: {{{name}: …}}. Known: {labels}"))
    if np.dtype(getattr(found, "dtype", None) or found.data.dtype).kind not in "iuf":
        faults.append(Fault("variable", f"{variable} holds no numbers", "Name another"))
    told = set(getattr(found, "attrs", None) or vars(found))
    if told & {"scale_factor", "add_offset"}:
        words = f"{variable} is packed into whole numbers"
        faults.append(Fault("variable", words, "Save it as it is"))
    count = math.prod(s for name, s in zip(dimensions, shape, strict=True) if name not in place)
    if count > most:
        words = f"{variable} has {count:,} draws, more than {most:,}"
        faults.append(Fault("variable", words, "Save fewer"))
    if words := _chunk_words(found):
        faults.append(Fault("variable", f"{variable} {words}", "Save it in smaller ones"))
    if faults:
        raise PlanError(faults)
    values = np.asarray(found[tuple(place.get(name, slice(None)) for name in dimensions)], float)
    left = [name for name in dimensions if name not in place]
    order = sorted(range(len(left)), key=lambda axis: _SAMPLES.index(left[axis]))
    return np.ravel(np.transpose(values, order))


def _position(holder: Any, name: str, size: int, wanted: Any, faults: list[Fault]) -> int:
    """Where the label that is wanted stands; a fault, and 0, where it does not."""
    labels = _labels(holder, name, size)
    if str(wanted) in labels:
        return labels.index(str(wanted))
    advice = nearest(str(wanted), labels[:1000])
    faults.append(Fault(f"at.{name}", f"there is no {name} {wanted!r}", advice))
    return 0


def _width(variable: Any) -> int:
    """Bytes of one value."""
    return int(np.dtype(getattr(variable, "dtype", None) or variable.data.dtype).itemsize)


def _chunk_words(variable: Any) -> str:
    """What is wrong with a variable in chunks larger than all that is read of one; else nothing.

    HDF5 makes a chunk whole, however few of its values are read.
    """
    size = math.prod(getattr(variable, "chunks", None) or ()) * _width(variable)
    if size <= 8 * _VALUES:
        return ""
    return f"is saved in chunks of {size:,} bytes, more than {8 * _VALUES:,}"


def _refuse_large(variable: Any, name: str) -> None:
    """Refuse labels that say they are many or long: HDF5 makes up what was never written.

    Raises:
        PlanError: they are.
    """
    sizes = [math.prod(variable.shape), math.prod(getattr(variable, "chunks", None) or ())]
    texts = 0
    held = getattr(variable, "_h5ds", None)
    if held is not None and variable.dtype.kind == "O":
        texts = sum(_lengths(held, Path(held.file.filename)))
    if max(max(sizes) * _width(variable), texts) > _BYTES:
        words = f"the labels {name} take more than {_BYTES // 1_000_000} MB"
        raise PlanError(Fault("file", words, "Save it anew"))


def _lengths(held: Any, path: Path) -> list[int]:
    """How long each text of a variable of texts says it is, in bytes, as far as that is in sight.

    Where a text is, the file has its length, the address of a heap and a number in it, and HDF5
    allots that length before it looks into the heap. Not in sight are texts in filtered chunks.

    Args:
        held: A dataset of h5py with texts of any length.
        path: Its file.
    """
    one = _LENGTH + held.file.id.get_create_plist().get_sizes()[0] + _LENGTH
    own = held.id
    if held.chunks is None:
        blocks = [(own.get_offset(), own.get_storage_size())]
    elif own.get_create_plist().get_nfilters() == 0:
        infos = (own.get_chunk_info(at) for at in range(own.get_num_chunks()))
        blocks = [(info.byte_offset, info.size) for info in infos]
    else:
        blocks = []
    found: list[int] = []
    with path.open("rb") as stream:
        for start, size in blocks:
            if start is not None:
                stream.seek(start)
                data = stream.read(min(size, _LABELS * one))
                found += [
                    int.from_bytes(data[at : at + _LENGTH], "little")
                    for at in range(0, len(data) - one + 1, one)
                ]
    return found


def _labels(holder: Any, name: str, size: int, most: int = _LABELS) -> list[str]:
    """The first labels along a dimension, at most *most*; positions from 0 where it has none."""
    known = holder.variables.get(name)
    if known is None or tuple(known.shape)[:1] != (size,):
        return [str(position) for position in range(min(size, most))]
    _refuse_large(known, name)
    labels = np.asarray(known[:most])
    if labels.dtype.kind == "S" and labels.ndim == 2:  # texts letter by letter
        labels = np.array([b"".join(row) for row in labels])
    texts = [
        label.decode("utf-8", "replace") if isinstance(label, bytes) else str(label)
        for label in labels.tolist()
    ]
    return [text.rstrip("\0 ") for text in texts]
