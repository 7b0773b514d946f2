"""Which key of a map a line of the plan is under."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from optimizer.errors import Fault, nearest
from optimizer.plan.plan import Plan
from optimizer.plan.table import LineTable

__all__ = ["Named", "keys_of_lines", "lines_of"]

_SHOWN = 8
REST = "*"


@dataclass(frozen=True)
class Named:
    """A line by what can be said of it."""

    name: str
    channel: str
    role: str
    tags: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def words(self) -> dict[str, str]:
        """Everything that keys and texts may name."""
        return {
            **self.tags,
            "line": self.name,
            "channel": self.channel,
            "role": self.role,
        }


def lines_of(plan: Plan) -> list[Named]:
    """The lines of a plan, a table's included."""
    lines = plan.lines
    if isinstance(lines, LineTable):
        names = zip(lines.name.tolist(), lines.channel.tolist(), lines.role.tolist(), strict=True)
        tags = {tag: values.tolist() for tag, values in lines.tags.items()}
        return [
            Named(*words, {tag: values[at] for tag, values in tags.items() if values[at]})
            for at, words in enumerate(names)
        ]
    return [Named(line.name, line.channel, line.role or "", dict(line.tags)) for line in lines]


def keys_of_lines(
    lines: Sequence[Named], keys: Mapping[str, Sequence[str]]
) -> tuple[list[tuple[str, str] | None], list[Fault]]:
    """The key of each line as (field of the map, key), None where there is none; and faults.

    Args:
        lines: The lines of the plan.
        keys: Keys by the field of the map that they stand in.
    """
    faults: list[Fault] = []
    names = {line.name: at for at, line in enumerate(lines)}
    own: dict[int, tuple[str, str]] = {}
    wide: list[list[tuple[str, str]]] = [[] for _ in lines]
    rest: tuple[str, str] | None = None
    for where, key in ((where, key) for where, some in keys.items() for key in some):
        path = f"{where}.{key}"
        if key in names:
            own[names[key]] = (where, key)
        elif key == REST:
            rest = (where, key)
        else:
            hit = list(_selected(lines, key))
            if not hit:
                faults.append(Fault(path, "selects no line of the plan", _advice(key, lines)))
            for at in hit:
                wide[at].append((where, key))
    faults += _ambiguous(lines, own, wide)
    found = [own.get(at) or (wide[at][0] if wide[at] else rest) for at in range(len(lines))]
    return found, faults


def _selected(lines: Sequence[Named], key: str) -> Iterator[int]:
    """The places of the lines that a key other than a line's name selects."""
    if "=" in key:
        terms = [
            (name.strip(), _pattern(value.strip()))
            for name, _, value in (term.partition("=") for term in key.split(","))
        ]
        for at, line in enumerate(lines):
            if all(value.fullmatch(line.words.get(name, "")) for name, value in terms):
                yield at
        return
    pattern = _pattern(key)
    for at, line in enumerate(lines):
        is_word = key in {line.channel, line.role}
        if is_word or ("*" in key and pattern.fullmatch(line.name)):
            yield at


def _pattern(text: str) -> re.Pattern[str]:
    """A text in which ``*`` stands for any letters."""
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.S)


def _advice(key: str, lines: Sequence[Named]) -> str:
    """What there is instead."""
    if "=" not in key:
        words = {word for line in lines for word in (line.name, line.channel, line.role) if word}
        return nearest(key, words)
    names = {name.strip() for name in (term.partition("=")[0] for term in key.split(","))}
    known = {name for line in lines for name in line.words}
    for name in sorted(names - known):
        return nearest(name, known)
    name = sorted(names)[0]
    values = {line.words.get(name, "") for line in lines} - {""}
    return f"{name} is {', '.join(sorted(values)[:_SHOWN])}" if values else ""


def _ambiguous(
    lines: Sequence[Named],
    own: Mapping[int, tuple[str, str]],
    wide: Sequence[Sequence[tuple[str, str]]],
) -> Iterator[Fault]:
    """Lines that two keys select, told once for each pair of keys."""
    pairs: dict[tuple[tuple[str, str], tuple[str, str]], list[str]] = {}
    for at, line in enumerate(lines):
        if at not in own and len(wide[at]) > 1:
            pairs.setdefault((wide[at][0], wide[at][1]), []).append(line.name)
    for (first, second), names in pairs.items():
        words = f"selects {in_short(names)}, which {first[1]} selects, too"
        advice = f"Name the line itself ({names[0]}), or make one of the two narrower"
        yield Fault(".".join(second), words, advice)


def in_short(names: Iterable[str]) -> str:
    """The first of many names, and how many more there are."""
    listed = list(names)
    more = len(listed) - _SHOWN
    return ", ".join(listed[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
