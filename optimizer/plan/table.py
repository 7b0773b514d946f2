"""Many lines as columns: ten thousand or ten million keywords, ad groups or stores.

A :class:`LineTable` stands where a plan has its lines. It makes a line only when asked for one;
grids and curves take its columns as they are. What is wrong with it is told all at once, by rows.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast, overload

import numpy as np
from numpy.typing import NDArray

from optimizer.errors import Fault, PlanError

from .curves import CURVES, Floats, Points

if TYPE_CHECKING:
    from .plan import Line

__all__ = ["KINDS", "PARAMETERS", "LineTable", "Texts", "as_texts", "rows_fault"]

Texts = NDArray[np.str_]
"""Texts, each as long as it is (NumPy's StringDType), or as wide as the longest (``<U``)."""
Mask = NDArray[np.bool_]
Index = NDArray[np.intp]

KINDS: dict[str, Any] = {
    kind.__dataclass_fields__["kind"].default: kind  # type: ignore[attr-defined]
    for kind in CURVES
    if kind is not Points
}
"""The curves that a table may hold, by the word for them."""

PARAMETERS: tuple[str, ...] = tuple(
    dict.fromkeys(name for kind in KINDS.values() for name in kind.parameters)
)
"""Every parameter that some curve of a table has."""

# Rows of one kind of fault that are named.
_TOLD = 20
_CHUNK = 1 << 16
# Hexadecimal digits of a column's hash: 128 bits, which no two columns share by chance.
_DIGITS = 32
_ROLES = ("", "brand", "traffic")


def as_texts(values: Any) -> Texts:
    """Anything as texts: 16 bytes each, and more only for those that are longer than 15."""
    return cast(Texts, np.asarray(values, dtype=np.dtypes.StringDType()))


def rows_fault(
    column: str, wrong: Mask, problem: str, advice: str, first_row: int = 1
) -> Iterator[Fault]:
    """One fault that names the rows where *wrong* is true, the first twenty of them; or none."""
    rows = np.flatnonzero(wrong)
    if rows.size:
        named = ", ".join(str(row + first_row) for row in rows[:_TOLD])
        more = f" and {rows.size - _TOLD:,} more" if rows.size > _TOLD else ""
        word = "row" if rows.size == 1 else "rows"
        yield Fault(column, f"{problem} ({word} {named}{more})", advice)


@dataclass(frozen=True, eq=False, repr=False)
class LineTable(Sequence["Line"]):
    """The columns of many lines; every array has shape (n_lines,)."""

    channel: Texts
    families: tuple[tuple[Any, Index, tuple[Floats, ...]], ...]
    """(curve class, positions, parameters): each line in exactly one of them."""
    name: Texts
    """``channel`` or ``channel.something``, each once."""
    role: Texts
    """``brand``, ``traffic`` or empty."""
    value: Floats
    """Money per outcome; NaN: the plan's."""
    price: Floats
    minimum: Floats
    maximum: Floats
    """Infinite where only the budget limits."""
    minimum_if_active: Floats
    current: Floats
    """NaN where unknown."""
    observed: Floats
    """NaN where unknown."""
    tags: Mapping[str, Texts] = field(default_factory=dict)
    first_row: int = 1
    """What the first line's row is called where a fault is told."""

    @classmethod
    def known(cls, **columns: Any) -> LineTable:
        """A table whose columns were checked before; nothing is checked again."""
        made = object.__new__(cls)
        for one in dataclasses.fields(cls):
            default: Any = {} if one.name == "tags" else one.default
            object.__setattr__(made, one.name, columns.get(one.name, default))
        return made

    def __post_init__(self) -> None:
        faults = [*self._text_faults(), *self._number_faults(), *self._curve_faults()]
        if faults:
            raise PlanError(faults)

    def _wrong(self, column: str, wrong: Mask, problem: str, advice: str) -> Iterator[Fault]:
        return rows_fault(column, wrong, problem, advice, self.first_row)

    def _text_faults(self) -> Iterator[Fault]:
        if not len(self.channel):
            yield Fault("", "there is no line", "Give at least one row")
            return
        channels, at = np.unique(self.channel, return_inverse=True)
        bad = np.array([not c.strip() or c == "*" or "." in c for c in channels.tolist()], bool)
        yield from self._wrong(
            "channel", bad[at], "is empty, '*' or has a dot", "Give a name without dots"
        )
        yield from self._wrong(
            "role", ~np.isin(self.role, _ROLES), "is not known", "Allowed: brand, traffic, or empty"
        )
        room = np.strings.str_len(self.channel) + 1
        prefixed = np.strings.startswith(self.name, np.strings.add(self.channel, "."))
        dots = np.strings.count(self.name, ".")
        proper = (self.name == self.channel) | (
            prefixed & (dots == 1) & (np.strings.str_len(self.name) > room)
        )
        yield from self._wrong(
            "line", ~proper & ~bad[at], "has a dot or no name", "Give a name without dots"
        )
        order = np.argsort(self.name, kind="stable")
        twice = np.zeros(len(self), bool)
        twice[order[1:]] = self.name[order[1:]] == self.name[order[:-1]]
        yield from self._wrong("line", twice, "is there twice", "Give each a name of its own")

    def _number_faults(self) -> Iterator[Fault]:
        advice = "Give money of zero or more"
        for column in ("minimum", "minimum_if_active"):
            values = getattr(self, column)
            yield from self._wrong(column, ~(values >= 0) | np.isinf(values), "is no money", advice)
        for column in ("value", "current", "observed"):
            values = getattr(self, column)
            yield from self._wrong(
                column, (values < 0) | np.isinf(values), "is no money", f"{advice}, or nothing"
            )
        yield from self._wrong("maximum", ~(self.maximum >= 0), "is no money", advice)
        yield from self._wrong(
            "price",
            ~((self.price > 0) & np.isfinite(self.price)),
            "is not above zero",
            "Give a number above 0",
        )
        yield from self._wrong(
            "minimum",
            self.minimum > self.maximum,
            "is above maximum",
            "Raise the maximum or lower the minimum",
        )

    def _curve_faults(self) -> Iterator[Fault]:
        seen = np.zeros(len(self), int)
        for kind, index, values in self.families:
            np.add.at(seen, index, 1)
            for name, column in zip(kind.parameters, values, strict=True):
                wrong = np.zeros(len(self), bool)
                wrong[index] = ~_allowed(kind, name, column)
                word = kind.__dataclass_fields__["kind"].default
                yield from self._wrong(
                    name,
                    wrong,
                    f"cannot be the {name} of a {word} curve",
                    f"It must be {_limits(kind, name)}",
                )
        yield from self._wrong(
            "curve", seen != 1, "has not one curve", f"Known: {', '.join(KINDS)}"
        )

    def __len__(self) -> int:
        """How many lines there are."""
        return len(self.channel)

    @overload
    def __getitem__(self, index: int) -> Line: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Line, ...]: ...
    def __getitem__(self, index: int | slice) -> Line | tuple[Line, ...]:
        """One line, made now; or some of them."""
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        at = range(len(self))[index]
        from .plan import Line

        def known(values: Floats) -> float | None:
            return float(values[at]) if np.isfinite(values[at]) else None

        role: Any = str(self.role[at]) or None
        return Line(
            channel=str(self.channel[at]),
            curve=self._curve(at),
            role=role,
            value=known(self.value),
            price=float(self.price[at]),
            minimum=float(self.minimum[at]),
            maximum=known(self.maximum),
            minimum_if_active=float(self.minimum_if_active[at]),
            current=known(self.current),
            observed=known(self.observed),
            tags={tag: str(texts[at]) for tag, texts in self.tags.items() if texts[at]},
            name=str(self.name[at]),
        )

    def _curve(self, at: int) -> Any:
        for kind, index, values in self.families:
            place = int(np.searchsorted(index, at))
            if place < len(index) and index[place] == at:
                return kind(*(float(column[place]) for column in values))
        raise IndexError(at)

    @cached_property
    def digests(self) -> dict[str, str]:
        """A hash of each column, by its title: by these two tables are told apart."""
        found: dict[str, Any] = {}

        def at(title: str) -> Any:
            return found.setdefault(title, hashlib.sha256())

        texts = {"line": self.name, "channel": self.channel, "role": self.role}
        for title, column in (*texts.items(), *((tag, self.tags[tag]) for tag in self.tags)):
            for start in range(0, len(column), _CHUNK):
                piece = column[start : start + _CHUNK].tolist()
                at(title).update("".join(f"{len(text)}:{text}" for text in piece).encode())
        for one in dataclasses.fields(self):
            values = getattr(self, one.name)
            if isinstance(values, np.ndarray) and values.dtype.kind == "f":
                at(one.name).update(_bytes(values))
        for kind, index, parameters in sorted(self.families, key=lambda part: part[0].__name__):
            at("curve").update(f"\x1e{kind.__name__}\x1e".encode())
            at("curve").update(np.ascontiguousarray(index, "<i8").tobytes())
            for name, values in zip(kind.parameters, parameters, strict=True):
                at(name).update(f"\x1e{kind.__name__}\x1e".encode())
                at(name).update(_bytes(values))
        return {title: found[title].hexdigest()[:_DIGITS] for title in sorted(found)}

    @cached_property
    def digest(self) -> str:
        """A hash of all columns: equal tables have equal digests on every machine."""
        return hashlib.sha256(json.dumps(self.digests).encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        """Equal by value."""
        return isinstance(other, LineTable) and other.digest == self.digest

    def __hash__(self) -> int:
        """Hash by value."""
        return hash(self.digest)

    def __repr__(self) -> str:
        """How many lines, and a mark by which they are known."""
        return f"<LineTable of {len(self)} lines, {self.digest[:12]}>"


def _bytes(values: Floats) -> bytes:
    """Numbers as bytes; zero and NaN have one form each."""
    plain = np.where(np.isnan(values), np.nan, values) + 0.0
    return plain.astype("<f8").tobytes()


def _rules(kind: Any, name: str) -> list[tuple[str, float]]:
    """The limits that a parameter's type states, as sign and number."""
    found: list[tuple[str, float]] = []
    for item in kind.__pydantic_fields__[name].metadata:
        for sign in ("gt", "ge", "lt", "le"):
            limit = getattr(item, sign, None)
            if limit is not None:
                found.append((sign, float(limit)))
    return found or [("ge", 0.0)]


_SIGNS = {
    "gt": (np.greater, "above"),
    "ge": (np.greater_equal, "at least"),
    "lt": (np.less, "below"),
    "le": (np.less_equal, "at most"),
}


def _allowed(kind: Any, name: str, values: Floats) -> Mask:
    fine = np.isfinite(values)
    for sign, limit in _rules(kind, name):
        fine &= _SIGNS[sign][0](values, limit)
    return fine


def _limits(kind: Any, name: str) -> str:
    return " and ".join(f"{_SIGNS[sign][1]} {limit:g}" for sign, limit in _rules(kind, name))
