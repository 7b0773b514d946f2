"""The published schema takes what the reader takes, and refuses wrong keys."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from optimizer.plan.constraints import CONSTRAINTS
from optimizer.plan.curves import CURVES
from optimizer.plan.document import to_document
from optimizer.plan.objectives import OBJECTIVES
from optimizer.plan.plan import Plan
from optimizer.plan.schema import json_schema
from tests.strategies import plans

SCHEMA = json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

EXAMPLE: dict[str, Any] = {
    "name": "x",
    "budget": "1M",
    "value": 4,
    "channels": {
        "search": {"brand": {"curve": {"kind": "log", "scale": 1, "unit": 3}}},
        "tv": {"role": "brand", "curve": {"kind": "linear", "rate": 3}},
    },
    "constraints": {"cap": {"kind": "spend", "where": "search", "at_most": "50%"}},
    "what_ifs": {"a": {"budget": "*0.8"}, "b": ["a"]},
    "origins": {"value": {"source": "x", "grade": "B"}},
}


def test_it_is_a_schema_and_plain_json() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA
    VALIDATOR.validate(EXAMPLE)


@given(plans())
@settings(max_examples=60)
def test_every_plan_fits(plan: Plan) -> None:
    VALIDATOR.validate(to_document(plan))


@pytest.mark.parametrize(
    "change",
    [
        {"bugdet": 3},
        {"budget": -1},
        {"budget": [1]},
        {"version": 2},
        {"business": "b2x"},
        {"currency": "dollars"},
        {"channels": {}},
        {"channels": {"tv": {"rol": "brand", "curve": {"kind": "linear", "rate": 3}}}},
        {"channels": {"tv": {"brand": {"role": "brand"}}}},
        {"channels": {"tv": {"curve": {"kind": "linear"}}}},
        {"channels": {"tv": {"curve": {"kind": "linear", "rate": 3, "scale": 2}}}},
        {"channels": {"tv": {"curve": {"kind": "liner", "rate": 3}}}},
        {"channels": {"tv": {"curve": {"rate": 3}}}},
        {"constraints": {"x": {"kind": "spend", "name": "y", "at_most": 1}}},
        {"constraints": {"x": {"kind": "spent"}}},
        {"split": {"brand": 0.6, "trafic": 0.4}},
        {"split": 6},
        {"objective": "win"},
        {"objective": {"kind": "profit", "marge": 1}},
        {"funnel": {"rates": {}}},
        {"what_ifs": {"x": 3}},
        {"what_ifs": {"x": []}},
        {"origins": {"value": {"source": "x", "grade": "U"}}},
        {"extends": 3},
    ],
    ids=str,
)
def test_what_is_wrong_is_refused(change: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(EXAMPLE | change)


@pytest.mark.parametrize(
    "change",
    [
        {"split": "6:4"},
        {"split": {"brand": 0.6, "traffic": "40%"}},
        {"split": {"shares": "6:4", "tolerance": 0.1, "where": ["search"]}},
        {"split": {"preset": "binet-field-b2b"}},
        {"objective": "revenue"},
        {"objective": {"kind": "profit", "margin": "70%"}},
        {"funnel": {"stages": ["a", "b"], "rates": {"a": "3%"}, "value": {"b": "1k"}}},
    ],
    ids=str,
)
def test_other_ways_to_write_fit(change: dict[str, Any]) -> None:
    VALIDATOR.validate(EXAMPLE | change)


def test_a_file_that_extends_may_leave_things_out_but_not_misspell() -> None:
    VALIDATOR.validate(
        {
            "extends": "base.yaml",
            "budget": None,
            "channels": {"tv": None, "search": {"brand": {"curve": {"half": 3}, "maximum": None}}},
            "constraints": {"cap": None, "other": {"at_most": 3}},
        }
    )
    assert not VALIDATOR.is_valid({"extends": "x", "channels": {"tv": {"brand": {"rol": 1}}}})
    assert not VALIDATOR.is_valid({"extends": "x", "bugdet": 1})


def test_every_kind_is_there_with_its_words() -> None:
    definitions = SCHEMA["$defs"]
    for kind in (*CURVES, *CONSTRAINTS, *OBJECTIVES):
        assert definitions[kind.__name__]["description"]
    for definition in ("Line", "Hill", "Spend", "Split", "Origin", "Funnel"):
        for name, schema in definitions[definition]["properties"].items():
            assert schema.get("description") or name == "kind", (definition, name)
