"""The map of a history from its YAML file, every fault with its place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from optimizer.errors import Fault, PlanError, ScenarioError, nearest
from optimizer.fitting.mapping import HistoryMap, LiftTest, LongForm, MappedLine
from optimizer.plan.stated import faults_of

from .layers import placed
from .places import SIZE_LIMIT, decoded
from .scenario import read_sound

__all__ = ["load_map", "map_of"]


def load_map(source: str | os.PathLike[str]) -> HistoryMap:
    """The map in a YAML file.

    Raises:
        ScenarioError: with every fault at once, each with its line and column.
    """
    name = str(source)
    try:
        with Path(source).open("rb") as stream:
            text = decoded(stream.read(SIZE_LIMIT + 1), name)
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        advice = "Give a file that exists"
        raise ScenarioError(Fault("", f"cannot be read: {words}", advice, name)) from None
    written = read_sound(name, text)
    try:
        return map_of(written.document)
    except PlanError as error:
        raise ScenarioError(placed(list(error.faults), written.spots)) from None


def map_of(document: Mapping[str, Any]) -> HistoryMap:
    """The map of a plain document: ``{date, outcome, lines: {name: column or mapping}, …}``.

    Raises:
        PlanError: with every fault at once.
    """
    body = dict(document)
    faults: list[Fault] = []
    known = [field.name for field in fields(HistoryMap)]
    for key in [key for key in body if key not in known]:
        faults.append(Fault(str(key), "is not known here", nearest(str(key), known)))
        del body[key]
    is_long = body.get("long") is not None
    body["lines"] = _lines(body.get("lines"), faults, is_long=is_long)
    body["tests"] = _tests(body.get("tests"), faults)
    if body.get("long") is not None:
        body["long"] = _made(LongForm, body["long"], "long", faults)
    plain = {key: value for key, value in body.items() if value is not None}
    made = None
    try:
        made = TypeAdapter(HistoryMap).validate_python(plain)
    except ValidationError as error:
        faults += faults_of(error)
    except PlanError as error:
        # Lines that are faulty were left out, and told as what they are.
        known_lines = body["lines"] or not any(fault.path.startswith("lines.") for fault in faults)
        faults += [fault for fault in error.faults if known_lines or fault.path != "lines"]
    if faults or made is None:
        raise PlanError(list(dict.fromkeys(faults)))
    return made


def _lines(body: object, faults: list[Fault], *, is_long: bool) -> tuple[MappedLine, ...]:
    """The lines of the map; one that is faulty is left out and told.

    In the long form a line that says nothing of its spend has its own name in the table.
    """
    if not isinstance(body, Mapping):
        if body is not None:
            faults.append(Fault("lines", "is not a mapping", "Give name: column"))
        return ()
    found = []
    for name, given in body.items():
        path = f"lines.{name}"
        stated = {"spend": given} if isinstance(given, str | list) else given
        if is_long and isinstance(stated, Mapping | None):
            stated = {"spend": str(name)} | dict(stated or {})
        if str(name).count(".") > 1 or not all(str(name).split(".")):
            advice = "Call it channel, or channel.line"
            faults.append(Fault(path, "is no name of a line", advice))
            continue
        made = _made(MappedLine, stated, path, faults, name=str(name))
        if made is not None:
            found.append(made)
    return tuple(found)


def _tests(body: object, faults: list[Fault]) -> tuple[LiftTest, ...]:
    if body is None:
        return ()
    if not isinstance(body, list):
        faults.append(Fault("tests", "is not a list", "Give - {line: tv, to: 5k, …}"))
        return ()
    made = (_made(LiftTest, one, f"tests.{at}", faults) for at, one in enumerate(body))
    return tuple(one for one in made if one is not None)


def _made(kind: Any, stated: object, path: str, faults: list[Fault], **given: Any) -> Any:
    """A stated type from a mapping; None, and its faults, where that fails."""
    if not isinstance(stated, Mapping):
        faults.append(Fault(path, f"{stated!r:.60} is not a mapping", "Give names and values"))
        return None
    known = [field.name for field in fields(kind) if field.name not in given]
    unknown = [key for key in stated if key not in known]
    faults += [Fault(f"{path}.{key}", "is not known here", nearest(str(key), known))
               for key in unknown]  # fmt: skip
    body = {key: value for key, value in stated.items() if key in known}
    try:
        return TypeAdapter(kind).validate_python(body | given)
    except ValidationError as error:
        faults += [replace(fault).below(path) for fault in faults_of(error)]
    except PlanError as error:
        faults += [fault.below(path) for fault in error.faults]
    return None
