"""From YAML's events to plain data: strict, bounded, and with every value's place in the text.

Only the safe types of YAML 1.2 are read, so that ``yes``, ``6:4`` and dates are texts. The YAML
library itself stays in :mod:`.scenario`, which hands over the events.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any

from optimizer.errors import Fault, ScenarioError, nearest

from .layers import Document, Spot

__all__ = ["Reader", "plain_scalar", "refuse_unprintable"]

DEPTH_LIMIT = 32
"""Levels of nesting."""
VALUE_LIMIT = 200_000
"""Values in one file, those that aliases repeat counted each time."""

_NUMBER = re.compile(
    r"(?P<int>[-+]?(?:0|[1-9]\d*(?:_\d+)*))$"
    r"|(?P<float>[-+]?(?:\.\d+|(?:0|[1-9]\d*(?:_\d+)*)(?:\.(?:\d+(?:_\d+)*)?)?)(?:[eE][-+]?\d+)?)$"
    r"|(?P<other>[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
)
_WORDS: dict[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_TAG = "tag:yaml.org,2002:"
_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


def plain_scalar(text: str) -> object:
    """What a scalar without quotes means in YAML 1.2: dates, ``yes`` and ``6:4`` are texts."""
    if text in _WORDS:
        return _WORDS[text]
    match = _NUMBER.match(text)
    if match is None:
        return text
    if match["int"] and len(text) <= 18:
        return int(text)
    if match["other"]:
        return float(text.replace(".", "", 1))
    return float(text)


class Reader:
    """Builds plain data and the spots of all values from YAML's events."""

    def __init__(self, source: str, events: Iterator[Any]) -> None:
        self.source = source
        self.faults: list[Fault] = []
        self.spots: dict[str, Spot] = {"": Spot(source, "", 1, 1)}
        self._anchors: dict[str, tuple[Any, int] | None] = {}
        self._values = 0
        self._events = events

    def document(self) -> Document:
        """The one document of the text.

        Raises:
            ScenarioError: there is none, or it cannot be read on.
        """
        document: Any = None
        seen = 0
        for event in self._events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                seen += 1
                if seen > 1:
                    raise self._fatal(
                        event.start_mark, "", "holds a second document", "Write one file for each"
                    )
                first = next(self._events)
                document = self._node(first, "", 0)[0]
                if document is not None and not isinstance(document, dict):
                    found = "a list" if isinstance(document, list) else f"{document!r:.60}"
                    raise self._fatal(
                        first.start_mark,
                        "",
                        f"is {found}, not a mapping",
                        "Write name: …, budget: …",
                    )
        if not document:
            raise ScenarioError(
                Fault("", "is empty", "Begin with `adsplit init`", f"{self.source}:1:1")
            )
        return document  # type: ignore[no-any-return]

    def _node(self, event: Any, path: str, depth: int) -> tuple[Any, int]:
        """The value that begins with *event*, and how many values it holds."""
        kind = type(event).__name__
        self._count(1, event.start_mark, path)
        if depth > DEPTH_LIMIT:
            raise self._fatal(
                event.start_mark, path[:60], f"is nested deeper than {DEPTH_LIMIT} levels", ""
            )
        if kind == "AliasEvent":
            return self._alias(event, path)
        anchor = event.anchor
        if anchor is not None:
            self._anchors[anchor] = None  # not finished: an alias inside would refer to itself
        if kind == "ScalarEvent":
            made: tuple[Any, int] = (self._scalar(event, path), 1)
        elif kind == "MappingStartEvent":
            self._tag(event, path, "map")
            made = self._mapping(path, depth)
        else:
            self._tag(event, path, "seq")
            made = self._sequence(path, depth)
        if anchor is not None:
            self._anchors[anchor] = made
        return made

    def _mapping(self, path: str, depth: int) -> tuple[Document, int]:
        mapping: Document = {}
        size = 1
        while type(event := next(self._events)).__name__ != "MappingEndEvent":
            mark = event.start_mark
            key = self._key(event, path, depth)
            here = f"{path}.{key}" if path else str(key)
            following = next(self._events)
            if key is None:
                # Read on, so that later faults are told too, but leave no trace.
                size += self._node(following, here, depth + 1)[1]
                continue
            if key in mapping:
                before = self.spots[here]
                self._fault(mark, here, f"is there twice, first on line {before.line}", "Keep one")
                size += self._node(following, here + " (again)", depth + 1)[1]
                continue
            single = type(following).__name__ == "ScalarEvent"
            value_mark = following.start_mark
            self.spots[here] = Spot(
                self.source,
                here,
                mark.line + 1,
                mark.column + 1,
                (value_mark.line + 1, value_mark.column + 1) if single else None,
            )
            mapping[key], held = self._node(following, here, depth + 1)
            size += held
        return mapping, size

    def _key(self, event: Any, path: str, depth: int) -> str | None:
        """The text of a key; None, and a fault, where it is no single text."""
        if type(event).__name__ != "ScalarEvent":
            self._fault(event.start_mark, path, "a key is a list, a mapping or an alias", "")
            self._node(event, path, depth + 1)
            return None
        text = _joined_surrogates(str(event.value))
        plain = event.implicit[0]
        if plain and text == "<<":
            self._fault(
                event.start_mark, path, "merge keys (<<) are not read", "Use extends, or repeat"
            )
            return None
        if text == "" or (plain and plain_scalar(text) is None):
            self._fault(event.start_mark, path, "has a key without a name", "Write name: value")
            return None
        return text

    def _sequence(self, path: str, depth: int) -> tuple[list[Any], int]:
        items: list[Any] = []
        size = 1
        while type(event := next(self._events)).__name__ != "SequenceEndEvent":
            here = f"{path}.{len(items)}"
            mark = event.start_mark
            spot = (mark.line + 1, mark.column + 1)
            self.spots[here] = Spot(self.source, here, *spot, spot)
            item, held = self._node(event, here, depth + 1)
            items.append(item)
            size += held
        return items, size

    def _scalar(self, event: Any, path: str) -> object:
        text = str(event.value)
        tag = self._tag(event, path, "str", "int", "float", "bool", "null")
        if tag == "str" or (tag is None and (not event.implicit[0])):
            return _joined_surrogates(text)
        value = plain_scalar(text)
        if isinstance(value, float) and not -sys.float_info.max <= value <= sys.float_info.max:
            self._fault(event.start_mark, path, f"{text:.40} is not a finite number", "")
            return 0
        kinds = {"int": int, "float": (int, float), "bool": bool, "null": type(None)}
        if tag is not None and not isinstance(value, kinds[tag]):  # type: ignore[arg-type]
            self._fault(event.start_mark, path, f"{text!r:.40} is not !!{tag}", "Drop the tag")
        return value

    def _tag(self, event: Any, path: str, *allowed: str) -> str | None:
        tag = None if event.ctag is None else str(event.ctag)
        if tag is None:
            return None
        if tag == "!":
            return "str" if "str" in allowed else None
        name = tag.removeprefix(_TAG)
        if tag.startswith(_TAG) and name in allowed:
            return name
        shown = tag.replace(_TAG, "!!")
        self._fault(
            event.start_mark, path, f"the tag {shown:.40} is not read here", "Write plain values"
        )
        return "str" if "str" in allowed else None

    def _alias(self, event: Any, path: str) -> tuple[Any, int]:
        name = event.anchor
        if name not in self._anchors:
            advice = f'Write "*{name}" in quotes to multiply what stands there'
            advice = advice if name[:1].isdigit() else nearest(str(name), map(str, self._anchors))
            self._fault(event.start_mark, path, f"there is no anchor &{name}", advice)
            return None, 1
        made = self._anchors[name]
        if made is None:
            raise self._fatal(event.start_mark, path, f"the alias *{name} holds itself", "")
        value, size = made
        self._count(size, event.start_mark, path)
        return _copied(value), size

    def _count(self, values: int, mark: Any, path: str) -> None:
        self._values += values
        if self._values > VALUE_LIMIT:
            raise self._fatal(
                mark,
                path[:60],
                f"brings the file above {VALUE_LIMIT} values",
                "A table takes a million lines",
            )

    def _fault(self, mark: Any, path: str, problem: str, advice: str) -> None:
        where = f"{self.source}:{mark.line + 1}:{mark.column + 1}"
        self.faults.append(Fault(path, problem, advice, where))

    def _fatal(self, mark: Any, path: str, problem: str, advice: str) -> ScenarioError:
        where = f"{self.source}:{mark.line + 1}:{mark.column + 1}" if mark else self.source
        return ScenarioError(Fault(path, problem, advice, where))


def refuse_unprintable(source: str, text: str) -> None:
    """Control characters, NUL among them, show that the file is no text.

    Raises:
        ScenarioError: there is one; says where.
    """
    match = _UNPRINTABLE.search(text)
    if match is None:
        return
    line = text.count("\n", 0, match.start()) + 1
    column = match.start() - text.rfind("\n", 0, match.start())
    raise ScenarioError(
        Fault(
            "",
            f"holds the unprintable character U+{ord(match[0]):04X}",
            "Save the file as text in UTF-8",
            f"{source}:{line}:{column}",
        )
    )


def _copied(value: Any) -> Any:
    """A copy in which nothing is shared, so that changing one place changes no other."""
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _joined_surrogates(text: str) -> str:
    r"""JSON writes 😀 as ``\ud83d\ude00``, which YAML reads as two halves."""
    if not any("\ud800" <= letter <= "\udfff" for letter in text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
