"""What all stated types share: how they are made, and how a fault in one is told.

A *stated* type is one that a person writes: a frozen pydantic dataclass — positional, validated at
birth and on :func:`dataclasses.replace`, unknown keys refused, equal by value, hashable, picklable.
Its field docstrings are the descriptions of the JSON Schema and of the reference page.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform

from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from optimizer.errors import Fault, PlanError

__all__ = ["CURRENCY", "faults_of", "in_short", "sorted_mapping", "stated"]

CURRENCY = r"^[A-Z]{3}$"
"""A pattern: the three letters of a currency."""

T = TypeVar("T")

_CONFIG = ConfigDict(
    extra="forbid",
    allow_inf_nan=False,
    use_attribute_docstrings=True,
    populate_by_name=True,
)


@dataclass_transform(frozen_default=True, field_specifiers=(Field,))
def stated(cls: type[T]) -> type[T]:
    """Make *cls* a stated type; what is wrong with its fields is raised as a PlanError."""
    made: Any = dataclass(frozen=True, config=_CONFIG)(cls)
    raw_init: Callable[..., None] = made.__init__

    @functools.wraps(raw_init)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        try:
            raw_init(self, *args, **kwargs)
        except ValidationError as error:
            raise PlanError([_by_name(fault, names) for fault in faults_of(error)]) from None

    names = [field.name for field in dataclasses.fields(made)]
    made.__init__ = __init__
    # Fields may be mappings (tags, weights), which have no hash of their own; validators keep
    # their keys sorted, so that equal values print alike.
    made.__hash__ = lambda self: hash(repr(self))
    return made  # type: ignore[no-any-return]


def sorted_mapping(mapping: dict[str, Any]) -> dict[str, Any]:
    """The mapping with its keys in order, so that equal values print and hash alike."""
    return dict(sorted(mapping.items()))


def _by_name(fault: Fault, names: list[str]) -> Fault:
    """The fault of an argument given by position, told by the name of its field."""
    first, dot, rest = fault.path.partition(".")
    if not first.isdecimal() or int(first) >= len(names):
        return fault
    return dataclasses.replace(fault, path=names[int(first)] + dot + rest)


def faults_of(error: ValidationError) -> list[Fault]:
    """Translate pydantic's words into ours, one fault each."""
    faults: list[Fault] = []
    for item in error.errors(include_url=False):
        path = ".".join(str(part) for part in item["loc"])
        faults.append(Fault(path, *_words(item)))
    return list(dict.fromkeys(faults))


_ALLOWED: dict[str, str] = {
    "float_type": "a number",
    "float_parsing": "a number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "string_type": "a text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "finite_number": "a finite number",
    "tuple_type": "a list",
    "dict_type": "a mapping of names to values",
    "dataclass_type": "a mapping of names to values",
}


def _words(item: Any) -> tuple[str, str]:
    kind, found = item["type"], item.get("input")
    context = item.get("ctx", {})
    if kind in {"missing", "missing_argument"}:
        return "is missing", "Give it"
    if kind in {"unexpected_keyword_argument", "unexpected_positional_argument"}:
        return "is not known here", "Remove it or correct its name"
    if kind == "value_error":
        return str(context.get("error", item["msg"])), ""
    if kind in {"literal_error", "union_tag_invalid", "enum"}:
        allowed = context.get("expected") or context.get("expected_tags") or ""
        return f"{in_short(found)} is not known", f"Allowed: {allowed}"
    if kind in {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}:
        sign = {
            "greater_than": "above",
            "greater_than_equal": "at least",
            "less_than": "below",
            "less_than_equal": "at most",
        }[kind]
        limit = next(iter(context.values()))
        return f"{in_short(found)} is out of range", f"It must be {sign} {limit:g}"
    if kind in _ALLOWED:
        return f"{in_short(found)} cannot be read", f"Give {_ALLOWED[kind]}"
    if kind == "string_pattern_mismatch" and context.get("pattern") == CURRENCY:
        return f"{in_short(found)} is no currency", "Give its three letters, such as EUR"
    return str(item["msg"]), f"Found {in_short(found)}"


def in_short(value: object) -> str:
    """A value that was found, cut for a message."""
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
