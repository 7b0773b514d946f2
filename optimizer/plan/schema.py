"""The JSON Schema of a scenario file, for editors and for programs that write scenarios.

It is built from the stated types, so that a new curve or rule is in it at once; descriptions are
the docstrings of the fields. A file that ``extends`` another one may leave things out, and may
write ``null`` to remove them: then every part is optional.
"""

from __future__ import annotations

import copy
from typing import Any

from pydantic import TypeAdapter

from .paths import LINE_KEYS, PLAN_KEYS
from .plan import Plan

__all__ = ["json_schema"]

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}


def json_schema() -> Schema:
    """The JSON Schema (2020-12) of a scenario file.

    Save it with ``adsplit schema > adsplit.schema.json``; an editor with a YAML language server
    then completes and checks a file that begins with
    ``# yaml-language-server: $schema=adsplit.schema.json``.
    """
    made = TypeAdapter(Plan).json_schema(mode="validation")
    definitions: Schema = made.pop("$defs")
    definitions["Plan"] = made
    _tidy(definitions)
    whole = _file_definitions(definitions)
    parts = {f"{name}Part": _optional(schema) for name, schema in whole.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "adsplit scenario",
        "description": made["description"],
        "type": "object",
        "if": {"required": ["extends"]},
        "then": {"$ref": "#/$defs/FilePart"},
        "else": {"$ref": "#/$defs/File"},
        "$defs": {**whole, **parts},
    }


def _tidy(schema: Any) -> None:
    """Drop titles that repeat the name, and what belongs to OpenAPI only."""
    if isinstance(schema, list):
        for item in schema:
            _tidy(item)
    elif isinstance(schema, dict):
        if isinstance(schema.get("title"), str):
            del schema["title"]
        if isinstance(schema.get("discriminator"), dict):
            del schema["discriminator"]
        for item in schema.values():
            _tidy(item)


def _file_definitions(definitions: Schema) -> Schema:
    """The definitions as they are written in a file rather than in Python."""
    made = copy.deepcopy(definitions)
    plan = made.pop("Plan")
    properties: Schema = plan["properties"]
    objective, rule = properties["objective"], properties["constraints"]["items"]
    fields = made["Line"]["properties"]
    carryover = next(one for one in fields["carryover"]["anyOf"] if "oneOf" in one)
    for union in (objective, rule, fields["curve"], carryover):
        for member in union["oneOf"]:
            _require(made[_name_of(member)], "kind")
    for member in rule["oneOf"]:
        made[_name_of(member)]["properties"].pop("name")  # it is the key
    line = made["Line"]
    line["properties"] = {key: line["properties"][key] for key in LINE_KEYS}
    line["required"] = ["curve"]
    made["Split"] = _without_kind(made["Split"])
    made["SplitRule"] = copy.deepcopy(made["Split"])
    made["SplitRule"]["properties"]["kind"] = {"const": "split", "type": "string"}
    _require(made["SplitRule"], "kind")
    rule["oneOf"][0] = {"$ref": "#/$defs/SplitRule"}
    kinds = [made[_name_of(member)]["properties"]["kind"]["const"] for member in objective["oneOf"]]

    properties |= {
        "version": {"const": 1, "description": "Version of the form of this file."},
        "split": {
            "description": properties["split"]["description"],
            "anyOf": [
                {"type": "string", "description": "Brand:traffic such as 6:4, or a preset."},
                _mapping(
                    {
                        "brand": {"type": ["number", "string"]},
                        "traffic": {"type": ["number", "string"]},
                    }
                ),
                {"$ref": "#/$defs/Split"},
            ],
        },
        "objective": {
            "description": objective["description"],
            "anyOf": [{"enum": kinds}, {"oneOf": objective["oneOf"]}],
        },
        "channels": {
            "description": "Channels: each one line, or one line per role or other word.",
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                # A channel with any key of a line is a line, as the reader has it.
                "if": {"anyOf": [{"required": [key]} for key in LINE_KEYS]},
                "then": {"$ref": "#/$defs/Line"},
                "else": {
                    "type": "object",
                    "minProperties": 1,
                    "additionalProperties": {"$ref": "#/$defs/Line"},
                },
            },
        },
        "constraints": {
            "description": properties["constraints"]["description"],
            "type": "object",
            "additionalProperties": rule,
        },
    }
    own = {
        "extends": {
            "type": "string",
            "description": "The scenario this one stands on: a file beside it, or a built-in name.",
        },
        "what_ifs": {
            "description": "Named changes: path to value, or a list of names for a combination.",
            "type": "object",
            "additionalProperties": {
                "anyOf": [
                    {"type": "array", "items": _TEXT, "minItems": 1},
                    {"type": "object", "minProperties": 1},
                ]
            },
        },
    }
    _with_files(made)
    made["File"] = {
        "type": "object",
        "properties": {**{key: properties[key] for key in PLAN_KEYS}, **own},
        "required": ["channels"],
        "additionalProperties": False,
    }
    return made


def _with_files(made: Schema) -> None:
    """Draws may stand in a file beside the scenario."""
    file, every = {"type": "string"}, {"type": "integer", "minimum": 1}
    draws = made["Range"]["properties"]["draws"]
    one = {"column": _TEXT, "variable": _TEXT, "at": {"type": "object"}, "group": _TEXT}
    draws["anyOf"] += [_TEXT, _mapping({"file": file, **one, "every": every})]
    made["Uncertainty"]["properties"]["draws_from"] = {
        "description": "A table with a row per draw, whose columns are called as paths of numbers.",
        "anyOf": [_TEXT, _mapping({"file": file, "times": {"type": "boolean"}, "every": every})],
    }


def _mapping(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _name_of(reference: Schema) -> str:
    return str(reference["$ref"]).rsplit("/", 1)[1]


def _require(schema: Schema, key: str) -> None:
    schema["required"] = sorted({*schema.get("required", ()), key})


def _without_kind(schema: Schema) -> Schema:
    """The split rule in its own place, where it needs neither kind nor name."""
    properties = {
        key: value for key, value in schema["properties"].items() if key not in {"kind", "name"}
    }
    required = [key for key in schema.get("required", ()) if key in properties]
    return {**schema, "properties": properties, "required": required}


def _optional(schema: Any) -> Any:
    """The same with every part optional and removable, for a file that extends another."""
    if isinstance(schema, list):
        return [_optional(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made: Schema = {}
    for key, value in schema.items():
        if key == "if":
            made[key] = value  # it asks what something is, not whether it is whole
        elif key == "properties":
            made[key] = {name: _or_null(_optional(item)) for name, item in value.items()}
        elif key == "additionalProperties" and isinstance(value, dict):
            made[key] = _or_null(_optional(value))
        elif key == "$ref":
            made[key] = f"{value}Part"
        elif key == "oneOf":
            made["anyOf"] = _optional(value)  # without kind, several may fit
        elif key not in {"required", "minProperties"}:
            made[key] = _optional(value)
    return made


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}
