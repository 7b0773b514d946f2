"""Every input of a plan that can be edited, found in its document by the schema of scenario files.

A new field of a stated type is an input at once; what has no word of its own in the catalogues is
called by its key.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from optimizer.plan.document import to_document
from optimizer.plan.paths import LINE_KEYS, number_at
from optimizer.plan.plan import Plan
from optimizer.plan.schema import json_schema
from optimizer.words import LANGUAGES, catalogue, label, stage

__all__ = ["Input", "group_label", "inputs"]

Document = Mapping[str, Any]

# What a file says of itself, and where numbers come from: nothing that an answer depends on.
# The split is told by its shares in force, see :func:`_split`.
_LEFT_OUT = frozenset({"version", "name", "origins", "extends", "what_ifs", "kind", "split"})
# A line's role follows from its key where it is not written.
_DERIVED = frozenset({"role"})
_LIMITS = frozenset({"minimum", "maximum", "minimum_if_active", "locked", "current", "observed"})
_MONEY = _LIMITS | {"budget", "value", "half", "unit", "midpoint", "spend"}
_ROOMS = frozenset(
    {"periods", "funnel", "goodwill", "constraints", "uncertainty", "risk", "commitment"}
)
_HEAD = ("budget", "split.brand", "split.tolerance", "objective")
_STEPS = 100


@dataclass(frozen=True)
class Input:
    """One input: where it stands, what it takes, and how it is shown."""

    path: str
    group: str
    """What it belongs to: ``plan``, ``channels.search``, ``funnel`` …"""
    kind: str
    """``number``, ``whole``, ``share`` (0.6 for 60 %), ``percent`` (a text such as ``15%``),
    ``choice``, ``flag`` or ``text``."""
    value: Any
    """What stands there; None where nothing does."""
    labels: Mapping[str, str]
    """Its name by language, without that of its group."""
    help: str = ""
    """What it means, in English as in the schema."""
    choices: tuple[str, ...] = ()
    limits: tuple[float, float, float] | None = None
    """Least, most and step of a slider; None where there is no range to offer."""
    is_money: bool = False
    is_optional: bool = False
    """Whether it may be left out."""


def inputs(plan: Plan) -> list[Input]:
    """The inputs of *plan*: the budget and the split first, then as in a scenario file."""
    document = to_document(plan)
    found = _walk(_schema()["File"], document, (), document)
    by_path = {one.path: one for one in [*_split(document), _objective(plan), *found]}
    first = [by_path[path] for path in _HEAD if path in by_path]
    return [*first, *(one for path, one in by_path.items() if path not in _HEAD)]


@cache
def _schema() -> dict[str, Any]:
    definitions: dict[str, Any] = json_schema()["$defs"]
    return definitions


# The words of a path, and of each whether it is a key of the schema; others are names of a user's.
_Trail = tuple[tuple[str, bool], ...]


def _walk(schema: Any, body: Any, trail: _Trail, document: Document) -> Iterator[Input]:
    """The inputs at and below *trail*, whose value is *body* and whose form is *schema*."""
    schema = _fitting(schema, body)
    if not isinstance(body, Mapping):
        yield from _leaf(schema, body, trail, document)
        return
    own = schema.get("properties", {})
    for key in [*(key for key in own if key in body), *(key for key in body if key not in own)]:
        if key not in own or key not in _LEFT_OUT:
            if "*" in key:
                continue  # such a name stands for several in a path, so no path leads there
            below = own.get(key, schema.get("additionalProperties"))
            below = below if isinstance(below, dict) else {}
            yield from _walk(below, body[key], (*trail, (key, key in own)), document)
    for key in own:
        if key not in body and key not in _LEFT_OUT | _DERIVED and _is_plain(own[key]):
            yield from _leaf(own[key], None, (*trail, (key, True)), document)


def _fitting(schema: Any, body: Any) -> dict[str, Any]:
    """The schema that holds for *body*, references followed and alternatives chosen."""
    if "$ref" in schema:
        return _fitting(_schema()[schema["$ref"].rsplit("/", 1)[1]] | _words(schema), body)
    if "if" in schema:
        is_line = isinstance(body, Mapping) and bool(set(body) & set(LINE_KEYS))
        return _fitting(schema["then" if is_line else "else"], body)
    options = schema.get("oneOf") or schema.get("anyOf")
    if options and isinstance(body, Mapping):
        for option in options:
            made = _fitting(option, body)
            kind = made.get("properties", {}).get("kind", {}).get("const")
            if made.get("type") == "object" and kind in {None, body.get("kind")}:
                return made
    return dict(schema)


def _words(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {key: schema[key] for key in ("description",) if key in schema}


def _options(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [dict(one) for one in schema.get("anyOf") or schema.get("oneOf") or [schema]]


def _is_plain(schema: Mapping[str, Any]) -> bool:
    """Whether one number, word or truth value may stand there."""
    options = _options(schema)
    kinds = {kind for one in options for kind in _types(one)}
    return bool(kinds) and not kinds & {"object", "array"} and not any(
        "$ref" in one or "oneOf" in one for one in options
    )  # fmt: skip


def _leaf(schema: Mapping[str, Any], value: Any, trail: _Trail, document: Document
          ) -> Iterator[Input]:  # fmt: skip
    if "const" in schema:
        return
    options = _options(schema)
    choices = next((one["enum"] for one in options if "enum" in one), ())
    default = schema.get("default")
    if value is None and default is not None and not isinstance(default, dict | list):
        value = default
    if isinstance(value, list | tuple):
        value = "[" + ", ".join(map(str, value)) + "]"
    path, kind = ".".join(word for word, _ in trail), _kind(options, value, choices)
    yield Input(
        path,
        _group(trail),
        kind,
        value,
        {lang: _label(trail, lang) for lang in LANGUAGES},
        " ".join(str(schema.get("description", "")).replace("``", "").split()),
        tuple(map(str, choices)),
        _limits(kind, options, value, path, document),
        kind == "number" and trail[-1][0] in _MONEY,
        any(one.get("type") == "null" for one in options),
    )


def _kind(options: list[Mapping[str, Any]], value: Any, choices: Any) -> str:
    if choices:
        return "choice"
    if isinstance(value, str):
        return "percent" if value.endswith("%") else "text"
    types = {kind for one in options for kind in _types(one)}
    if isinstance(value, bool) or types == {"boolean"}:
        return "flag"
    if types & {"integer"} and not types & {"number"}:
        return "whole"
    if any(one.get("maximum") == 1 and "number" in _types(one) for one in options):
        return "share"
    if types & {"number"} or isinstance(value, int | float):
        return "number"
    return "text"


def _types(schema: Mapping[str, Any]) -> list[str]:
    own = schema.get("type", [])
    return [own] if isinstance(own, str) else list(own)


def _limits(
    kind: str, options: list[Mapping[str, Any]], value: Any, path: str, document: Document
) -> tuple[float, float, float] | None:
    """A range around the stated value that a slider can offer."""
    if kind == "share":
        most = min(1.0, 2.0 * float(value)) if value and value < 0.4 else 1.0
        return 0.0, most, _nice(most / _STEPS)
    if kind == "percent":
        return 0.0, 100.0, 1.0
    if kind not in {"number", "whole"}:
        return None
    if not value:
        room = _room(path, document)
        return None if room is None else (0.0, room, _nice(room / _STEPS))
    least, most = sorted((0.0, 2.0 * float(value)))
    if any("exclusiveMinimum" in one for one in options):
        least = 0.1 * float(value)
    if kind == "whole":
        lowest = max((one.get("minimum", 0) for one in options), default=0)
        highest = min((one["maximum"] for one in options if "maximum" in one), default=math.inf)
        return float(lowest), min(most, highest), max(1.0, _nice(most / _STEPS))
    return least, most, _nice((most - least) / _STEPS)


def _room(path: str, document: Document) -> float | None:
    """How far a limit of a line that stands at nothing may be moved; None for anything else."""
    line, _, key = path.rpartition(".")
    if not path.startswith("channels.") or key not in _LIMITS:
        return None
    for other, times in (("maximum", 1.0), ("current", 2.0)):
        try:
            there = number_at(document, f"{line}.{other}")
        except (ValueError, LookupError):
            there = None
        if there:
            return times * there
    return None


def _nice(step: float) -> float:
    """The round number next below *step*: 1, 2 or 5 and zeros."""
    if step <= 0 or not math.isfinite(step):
        return 1.0
    unit = 10.0 ** math.floor(math.log10(step))
    return float(max((one for one in (1, 2, 5) if one * unit <= step), default=1) * unit)


def _split(document: Document) -> Iterator[Input]:
    """The brand share in force and its tolerance, however the split was written."""
    share = number_at(document, "split.brand")
    if share is None:
        return
    split = document.get("split")
    tolerance = split.get("tolerance", 0.0) if isinstance(split, Mapping) else 0.0
    if isinstance(tolerance, str):
        tolerance = float(tolerance.rstrip("%")) / 100.0
    wide = "0: exactly; above: a band of so much spend to either side."
    for path, value, most, words in (
        ("split.brand", share, 1.0, "Share of brand; traffic takes the rest."),
        ("split.tolerance", tolerance, 0.5, wide),
    ):
        labels = {lang: catalogue(lang)[f"field.{path}"] for lang in LANGUAGES}
        yield Input(path, "plan", "share", value, labels, words, (), (0.0, most, 0.01))


def _objective(plan: Plan) -> Input:
    """What is to be made best: the kind, and what the kind takes has inputs of its own."""
    kinds = tuple(_fitting(_schema()["File"]["properties"]["objective"], "")["anyOf"][0]["enum"])
    labels = {lang: _label((("objective", True),), lang) for lang in LANGUAGES}
    words = "What is to be made best."
    return Input("objective", "plan", "choice", plan.objective.kind, labels, words, kinds)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _group(trail: _Trail) -> str:
    top = trail[0][0]
    if top == "channels":
        return f"channels.{trail[1][0]}"
    return top if top in _ROOMS else "plan"


def _label(trail: _Trail, lang: str) -> str:
    """An input's name within its group."""
    own = {"channels": 2, "plan": 0}.get(_group(trail).partition(".")[0], 1)
    known = catalogue(lang)
    said = [
        known.get(f"field.{word}", word.replace("_", " "))
        if is_key
        else known.get(f"role.{word}", stage(word, lang))
        for word, is_key in trail[own:]
    ]
    text = " · ".join(said)
    return text[:1].upper() + text[1:] if trail[own][1] or trail[0][0] == "channels" else text


def group_label(group: str, lang: str) -> str:
    """The name of a group for a reader."""
    if group.startswith("channels."):
        return label(group.removeprefix("channels."), lang)
    return catalogue(lang)[f"field.group.{group}"]
