"""Paths into a plan's document: ``channels.search.brand.curve.half`` and its shorter kin.

A path means the same number in a file, in ``--set``, in a sweep and in a tornado. Three forms go
beyond plain words:

- ``split.brand`` is a brand share, traffic taking the rest;
- ``*`` stands for any word: ``channels.*.brand.price`` is the price of every channel's brand line,
  ``channels.*.*.price`` that of every line that has a channel and a role;
- as a value, the text ``"*1.2"`` multiplies the number that stands there by 1.2.
"""

from __future__ import annotations

import copy
import dataclasses
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from optimizer.errors import Fault, PlanError, UnknownName

from .constraints import PRESETS, PresetName
from .plan import Line
from .units import parse_money, parse_ratio, parse_share

__all__ = [
    "LINE_KEYS",
    "PLAN_KEYS",
    "assign",
    "expand",
    "number_at",
    "set_at",
    "split_form",
    "value_at",
]

Document = dict[str, Any]

# The document's own order, which is the reading order of a scenario file.
PLAN_KEYS = (
    "version",
    "name",
    "business",
    "currency",
    "budget",
    "periods",
    "split",
    "value",
    "objective",
    "funnel",
    "goodwill",
    "channels",
    "constraints",
    "uncertainty",
    "risk",
    "commitment",
    "origins",
)
LINE_KEYS = tuple(
    field.name for field in dataclasses.fields(Line) if field.name not in {"channel", "name"}
)

_RELATIVE = re.compile(r"\s*\*\s*(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*$")
# What stands where nothing is written, for numbers that people scale.
_UNWRITTEN = {"price": 1.0, "margin": 1.0}


def value_at(document: Mapping[str, Any], path: str) -> Any:
    """What stands at *path*.

    Raises:
        UnknownName: nothing does; suggests the nearest word.
    """
    here: Any = document
    words, depth = path.split("."), 0
    while depth < len(words):
        word = words[depth]
        if isinstance(here, list) and word.isdecimal() and int(word) < len(here):
            here, depth = here[int(word)], depth + 1
        elif isinstance(here, Mapping) and (end := _end_of_key(here, words, depth)):
            here, depth = here[".".join(words[depth:end])], end
        else:
            known = list(here) if isinstance(here, Mapping) else []
            raise UnknownName.of(
                "path",
                ".".join(words[: depth + 1]),
                [".".join([*words[:depth], str(key)]) for key in known],
                path,
            )
    return here


def _end_of_key(here: Mapping[str, Any], words: list[str], depth: int) -> int:
    """Where the longest key ends that *words* name from *depth* on; 0 where there is none.

    Names of lines are keys with dots: ``search.brand`` in ``goodwill.lifts.search.brand.by``.
    """
    ends = range(len(words), depth, -1)
    return next((end for end in ends if ".".join(words[depth:end]) in here), 0)


def set_at(document: Mapping[str, Any], path: str, value: Any) -> Document:
    """A copy of *document* with *value* at *path*; see :func:`assign`.

    Raises:
        UnknownName: the path leads nowhere; suggests the nearest word.
        PlanError: the value cannot stand there.
    """
    changed: Document = copy.deepcopy(dict(document))
    assign(changed, path, value)
    return changed


def assign(document: Document, path: str, value: Any) -> list[str]:
    """Put *value* at *path* of *document* itself, and tell the paths that were set.

    The mapping that holds it must be there, but for optional parts of the plan (``objective``,
    ``split``, ``constraints``, a line's ``tags``). None removes what stands there; the text
    ``"*1.2"`` multiplies it. A path with ``*`` sets every place it fits.

    Raises:
        UnknownName: the path leads nowhere; suggests the nearest word.
        PlanError: the value cannot stand there.
    """
    if not path or not all(path.split(".")):
        raise PlanError(Fault(path, f"{path!r} is not a path", "Write words with dots between"))
    paths = expand(document, path)
    for single in paths:
        given = copy.deepcopy(value)
        if isinstance(given, str) and (match := _RELATIVE.match(given)):
            if not single.startswith("split."):
                _make_room(document, single.split(".")[:-1])
            given = _scaled(document, single, float(match.group(1)))
        if single in {"split.brand", "split.traffic"}:
            _assign_split(document, single.removeprefix("split."), given)
        else:
            _assign_one(document, single, given)
    return paths


def _assign_one(document: Document, path: str, value: Any) -> None:
    parents, last = _holder_and_key(document, path)
    _make_room(document, parents)
    _refuse_line_key_on_channel(document, path)
    holder = value_at(document, ".".join(parents)) if parents else document
    if isinstance(holder, list) and last.isdecimal() and int(last) < len(holder):
        holder[int(last)] = value
    elif isinstance(holder, dict):
        if value is None and last in holder:
            del holder[last]
        else:
            holder[last] = value
    else:
        known = "it is a list" if isinstance(holder, list) else "it is a single value"
        raise UnknownName(Fault(path, "leads nowhere", f"Of {'.'.join(parents)}: {known}"))


def _holder_and_key(document: Document, path: str) -> tuple[list[str], str]:
    """The words to what holds the end of *path*, and the key there.

    Names of lines are keys with dots: ``search.brand`` in ``goodwill.feeds.search.brand``.
    """
    words = path.split(".")
    here: Any = document
    for depth, word in enumerate(words[:-1]):
        if not isinstance(here, Mapping):
            break
        if (name := ".".join(words[depth:])) in here:
            return words[:depth], name
        here = here.get(word)
    return words[:-1], words[-1]


def _make_room(document: Document, parents: list[str]) -> None:
    """Write optional parts out in full, so that something can be put into them."""
    if not parents:
        return
    top = parents[0]
    if top == "split":
        document["split"] = split_form(document.get("split"))
    elif top == "objective":
        standing = document.get("objective")
        if standing is None or isinstance(standing, str):
            document["objective"] = {"kind": standing or "profit"}
    elif len(parents) == 1 and top in {"constraints", "origins"}:
        document.setdefault(top, {})
    elif top == "channels" and parents[-1] == "tags" and len(parents) in {3, 4}:
        line = value_at(document, ".".join(parents[:-1]))
        if isinstance(line, dict):
            line.setdefault("tags", {})


def _refuse_line_key_on_channel(document: Document, path: str) -> None:
    """``channels.search.price`` where search holds a brand and a traffic line is not a place."""
    words = path.split(".")
    if len(words) == 3 and words[0] == "channels" and words[2] in LINE_KEYS:
        channel = value_at(document, ".".join(words[:2]))
        if isinstance(channel, Mapping) and channel and not set(channel) & set(LINE_KEYS):
            raise UnknownName(
                Fault(
                    path,
                    f"channel {words[1]!r} has no {words[2]} of its own; it holds the lines "
                    f"{', '.join(map(str, channel))}",
                    f"Write channels.{words[1]}.*.{words[2]} for all of them",
                )
            )


def expand(document: Mapping[str, Any], path: str) -> list[str]:
    """The single paths that *path* stands for: itself, or every place that its ``*`` fits.

    Raises:
        UnknownName: it fits nowhere.
    """
    words = path.split(".")
    if "*" not in words:
        return [path]
    found = list(_expanded(document, words))
    if not found:
        raise UnknownName(
            Fault(
                path,
                "fits nowhere in the plan",
                "channels.*.*.price is the price of every line with a role, "
                "channels.*.price that of every channel that is one line",
            )
        )
    return found


def _expanded(document: Mapping[str, Any], words: list[str]) -> Iterable[str]:
    places: list[tuple[tuple[str, ...], Any]] = [((), document)]
    for depth, word in enumerate(words):
        last = depth == len(words) - 1
        onward: list[tuple[tuple[str, ...], Any]] = []
        for path, here in places:
            if not isinstance(here, Mapping):
                continue
            if word == "*":
                onward += [((*path, str(key)), here[key]) for key in here]
            elif word in here:
                onward.append(((*path, word), here[word]))
            elif last or (word == "tags" and path[:1] == ("channels",)):
                onward.append(((*path, word), None if last else {}))
        places = [(path, here) for path, here in onward if _holds_lines(document, path, words)]
    for path, _ in places:
        yield ".".join(path)


def _holds_lines(document: Mapping[str, Any], path: tuple[str, ...], pattern: list[str]) -> bool:
    """Whether words below ``channels`` mean lines where the pattern does.

    ``channels.*.*.price`` must not reach into the curve of a channel that is one line, nor
    ``channels.*.price`` put a price beside the lines of a channel.
    """
    if len(path) != 3 or path[0] != "channels":
        return True
    channel = document["channels"].get(path[1])
    is_line = isinstance(channel, Mapping) and bool(set(channel) & set(LINE_KEYS))
    if is_line:
        return pattern[2] != "*" and path[2] in LINE_KEYS
    return isinstance(channel, Mapping) and path[2] in channel


def split_form(body: Any) -> Any:
    """A split written short (``6:4``, a preset, ``{brand: 0.6, traffic: 0.4}``) written in full."""
    if body is None:
        return {}
    if isinstance(body, str):
        return {"preset": body} if body in get_args(PresetName) else {"shares": body}
    if isinstance(body, Mapping) and set(body) & {"brand", "traffic"}:
        shares = {key: body[key] for key in body if key in {"brand", "traffic"}}
        rest = {key: value for key, value in body.items() if key not in shares}
        return rest if "shares" in rest else {"shares": shares, **rest}
    return dict(body) if isinstance(body, Mapping) else body


def _assign_split(document: Document, role: str, value: Any) -> None:
    other = "traffic" if role == "brand" else "brand"
    try:
        share = parse_share(value)
    except ValueError as error:
        raise PlanError(Fault(f"split.{role}", str(error))) from None
    rule = split_form(document.get("split"))
    rule = dict(rule) if isinstance(rule, Mapping) else {}
    rule.pop("preset", None)
    document["split"] = rule | {"shares": {role: share, other: 1.0 - share}}


def _scaled(document: Document, path: str, factor: float) -> Any:
    """The number at *path* times *factor*, in the form it has there."""
    standing = _standing(document, path)
    try:
        if isinstance(standing, str) and standing.strip().endswith(("%", "％")):
            return f"{parse_share(standing) * 100 * factor:.12g}%"
        # parse_money knows every way to write a number; a negative one is not scaled as text.
        number = parse_money(standing) if isinstance(standing, str) else standing
    except ValueError as error:
        raise PlanError(Fault(path, f"cannot be multiplied: {error}")) from None
    if isinstance(number, bool) or not isinstance(number, int | float):
        found = "nothing stands there" if standing is None else f"{standing!r} is not a number"
        raise PlanError(
            Fault(path, f"cannot be multiplied by {factor:g}: {found}", "Give a value instead")
        )
    product = float(number) * factor
    if not math.isfinite(product):
        raise PlanError(Fault(path, f"{number:g} times {factor:g} is too large"))
    return product


def number_at(document: Mapping[str, Any], path: str) -> float | None:
    """The number that stands at *path*, or would if it were written; None where there is none.

    Raises:
        UnknownName: the path leads nowhere.
    """
    standing = _standing(dict(document), path)
    if isinstance(standing, str):
        percent = standing.strip().endswith(("%", "％"))
        return parse_share(standing) if percent else parse_money(standing)
    if isinstance(standing, bool) or not isinstance(standing, int | float):
        return None
    return float(standing)


def _standing(document: Document, path: str) -> Any:
    head, _, last = path.rpartition(".")
    if head == "split" and last in {"brand", "traffic"}:
        return _standing_share(document, last)
    try:
        return value_at(document, path)
    except UnknownName:
        if head:
            value_at(document, head)  # a wrong path is told as such
        return _UNWRITTEN.get(last)


def _standing_share(document: Document, role: str) -> Any:
    rule = split_form(document.get("split"))
    rule = rule if isinstance(rule, Mapping) else {}
    shares = rule.get("shares")
    if shares is None:
        preset = PRESETS.get(rule.get("preset") or f"document-{document.get('business')}")
        shares = preset.shares if preset else {}
    if isinstance(shares, str):
        try:
            shares = dict(zip(("brand", "traffic"), parse_ratio(shares), strict=True))
        except ValueError:
            shares = {}
    return shares.get(role) if isinstance(shares, Mapping) else None
