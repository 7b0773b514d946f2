"""What lies on top of what, and where each value was written.

A plan's document is made of layers, lowest first: the ``extends`` file, the file itself, what-ifs
in the order given, and single settings. Mappings merge key by key; lists and single values replace
what stands below; ``null`` removes it. A mapping that states another ``kind`` than the one below
replaces it whole, since the fields of one kind mean nothing to another.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from optimizer.errors import Fault, PlanError
from optimizer.plan.paths import assign, expand, split_form

__all__ = ["Change", "Document", "Spot", "Written", "placed"]

Document = dict[str, Any]


@dataclass(frozen=True)
class Spot:
    """Where something was written."""

    source: str
    """The file, or what the user typed."""
    path: str
    """Dotted path as it was written there."""
    line: int = 0
    """Line of the key, from 1; 0 where there are no lines."""
    column: int = 0
    """Column of the key, from 1."""
    value: tuple[int, int] | None = None
    """Line and column of a single value; None for a mapping or list."""

    def at(self, *, value: bool) -> str:
        """``file:line:column`` of the value or the key."""
        if not self.line:
            return self.source
        line, column = self.value if value and self.value else (self.line, self.column)
        return f"{self.source}:{line}:{column}"


@dataclass(frozen=True)
class Change:
    """One value to be put at one path, and where that was written."""

    path: str
    value: Any
    spots: Mapping[str, Spot]
    """The spot of the change itself under the empty path, and of what its value holds."""


class Written:
    """A document, and the spot where each of its paths was written."""

    def __init__(self, document: Document, spots: Mapping[str, Spot]) -> None:
        self.document = document
        self.spots = dict(spots)

    def copy(self) -> Written:
        """The same, free to be changed."""
        return Written(copy.deepcopy(self.document), self.spots)

    def lay(self, upper: Written) -> Written:
        """*upper* on top of this one."""
        result = self.copy()
        result._merge(result.document, upper.document, "", upper.spots)
        return result

    def change(self, change: Change) -> None:
        """Make one change of a what-if or a setting.

        Raises:
            PlanError: its path leads nowhere, or the value cannot stand there.
        """
        for path in expand(self.document, change.path):
            own = {_join(path, rest): spot for rest, spot in change.spots.items()}
            if isinstance(change.value, Mapping):
                nested = _nested(path, copy.deepcopy(dict(change.value)))
                if path != "split":
                    self._need_holder(path)
                self._merge(self.document, nested, "", own, relative=True)
            else:
                self._put(path, change.value, own)

    def _need_holder(self, path: str) -> None:
        """A mapping may be new, but what is to hold it must be there, as for a single value."""
        trial: Document = copy.deepcopy(self.document)
        assign(trial, path, {})

    def _put(self, path: str, value: Any, spots: Mapping[str, Spot]) -> None:
        assign(self.document, path, value)
        self._move_spots(path, spots)

    def _merge(
        self,
        below: Document,
        above: Mapping[str, Any],
        path: str,
        spots: Mapping[str, Spot],
        *,
        relative: bool = False,
    ) -> None:
        for key, value in above.items():
            here = _join(path, key)
            if here == "objective" and isinstance(below.get(key), str):
                below[key] = {"kind": below[key]}
            if here == "split" and key in below:
                below[key] = _merged_split(below[key], value)
                self._move_spots(here, spots)
            elif (
                isinstance(value, Mapping)
                and isinstance(standing := below.get(key), dict)
                and not _another_kind(standing, value)
            ):
                self._merge(standing, value, here, spots, relative=relative)
            elif relative and not isinstance(value, Mapping) and "." not in key:
                self._put(here, value, spots)
            elif value is None and key in below:
                del below[key]
                self._move_spots(here, spots)
            else:
                below[key] = copy.deepcopy(value)
                self._move_spots(here, spots)

    def _move_spots(self, path: str, spots: Mapping[str, Spot]) -> None:
        """What stands at *path* now was written at *spots*."""
        inside = path + "."
        for old in [old for old in self.spots if old == path or old.startswith(inside)]:
            del self.spots[old]
        for new, spot in spots.items():
            if new == path or new.startswith(inside):
                self.spots[new] = spot
        if path in {"split.brand", "split.traffic"} and path in spots:
            # Written out in full, the shares stand one word further down.
            self.spots |= {"split": spots[path], "split.shares": spots[path]}


def _nested(path: str, value: Any) -> Document:
    for word in reversed(path.split(".")):
        value = {word: value}
    return value  # type: ignore[no-any-return]


def _another_kind(below: Mapping[str, Any], above: Mapping[str, Any]) -> bool:
    return "kind" in above and above["kind"] != below.get("kind", above["kind"])


def _merged_split(below: Any, above: Any) -> Any:
    """A split says its shares in one way only; a new way replaces the old, a tolerance stays."""
    if above is None:
        return None
    lower, upper = split_form(below), split_form(above)
    if not isinstance(lower, dict) or not isinstance(upper, dict):
        return above
    if {"shares", "preset"} & set(upper):
        lower = {key: item for key, item in lower.items() if key not in {"shares", "preset"}}
    return lower | upper


def _join(path: str, rest: str) -> str:
    return f"{path}.{rest}" if path and rest else path or rest


def placed(faults: Iterable[Fault], spots: Mapping[str, Spot]) -> list[Fault]:
    """*faults* with the place in the user's text, and the path as it was written there."""
    return [fault if fault.where else _placed(fault, spots) for fault in faults]


def _placed(fault: Fault, spots: Mapping[str, Spot]) -> Fault:
    path = fault.path
    while path and path not in spots:
        path = path.rpartition(".")[0]
    spot = spots.get(path)
    if spot is None:
        return fault
    at_value = path == fault.path and fault.problem != "is not known here"
    return replace(fault, path=spot.path + fault.path[len(path) :], where=spot.at(value=at_value))


def spot_of(path: str, spots: Mapping[str, Spot]) -> Spot | None:
    """The spot of *path*, or of what is nearest above it."""
    while path and path not in spots:
        path = path.rpartition(".")[0]
    return spots.get(path)


def changed(written: Written, changes: Iterable[Change]) -> tuple[Written, list[Fault]]:
    """*written* with all *changes* made that can be made, and what is wrong with the others."""
    result, faults = written.copy(), []
    for change in changes:
        try:
            result.change(change)
        except PlanError as error:
            own = change.spots[""]
            faults += [
                replace(
                    fault,
                    path=own.path,
                    problem=fault.problem
                    if change.path.startswith(fault.path)
                    else f"{fault.path}: {fault.problem}",
                    where=own.at(value=fault.path == change.path and "cannot" in fault.problem),
                )
                for fault in error.faults
            ]
    return result, faults
