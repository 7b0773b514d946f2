"""A plan and its document form: inverse of one another, and every fault told with its path."""

import pickle
from dataclasses import replace

import pytest
from hypothesis import given, settings

from optimizer import loads
from optimizer.errors import PlanError, UnknownName
from optimizer.plan.constraints import CONSTRAINTS
from optimizer.plan.curves import CURVES
from optimizer.plan.document import (
    assumptions,
    from_document,
    origin_of,
    replace_at,
    set_at,
    to_document,
    value_at,
)
from optimizer.plan.paths import assign, expand, split_form
from optimizer.plan.plan import Plan
from tests.strategies import plans


@given(plans())
@settings(max_examples=150)
def test_a_plan_survives_its_document(plan: Plan) -> None:
    document = to_document(plan)
    again = from_document(document)
    assert again == plan
    assert hash(again) == hash(plan)
    assert to_document(again) == document


@given(plans())
@settings(max_examples=20)
def test_a_plan_can_be_pickled_and_replaced(plan: Plan) -> None:
    assert pickle.loads(pickle.dumps(plan)) == plan
    assert replace(plan, name="Another").name == "Another"


@given(plans(feasible=True))
@settings(max_examples=50)
def test_plans_that_are_to_be_feasible_are_so_at_no_spend(plan: Plan) -> None:
    for row in plan.rows:
        if row.penalty is None and not row.definition and not row.switches:
            assert row.lower <= 0 <= row.upper


def test_strategies_reach_every_curve_and_rule() -> None:
    curves: set[str] = set()
    rules: set[str] = set()

    @given(plans())
    @settings(max_examples=300, database=None)
    def collect(plan: Plan) -> None:
        curves.update(line.curve.kind for line in plan.lines)
        rules.update(rule.kind for rule in plan.constraints)

    collect()
    assert curves == {kind.kind for kind in CURVES}
    # Rules about time have plans of their own, in tests/test_time.py.
    assert rules == {kind.kind for kind in CONSTRAINTS} - {"pacing", "flights", "cost_cap"}


DOCUMENT = {
    "name": "Example",
    "business": "b2c",
    "budget": "1M",
    "value": 5,
    "channels": {
        "search": {
            "brand": {"curve": {"kind": "log", "scale": 10, "unit": 20}, "maximum": "30%"},
            "traffic": {"curve": {"kind": "linear", "rate": 2}},
        },
        "tv": {"role": "brand", "curve": {"kind": "hill", "ceiling": 5, "half": 3}},
    },
}


def faults(**changes: object) -> dict[str, str]:
    """Path to problem for the example with some top-level keys changed."""
    document = {key: value for key, value in (DOCUMENT | changes).items() if value is not None}
    with pytest.raises(PlanError) as error:
        from_document(document)
    return {fault.path: f"{fault.problem}. {fault.advice}" for fault in error.value.faults}


def line(**fields: object) -> dict[str, object]:
    return {"search": {"brand": {"curve": {"kind": "linear", "rate": 1}} | fields}}


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"budget": -1}, "budget", "negative"),
        ({"budget": True}, "budget", "True is not money"),
        ({"budget": 10**400}, "budget", "not a finite number"),
        ({"currency": "dollars"}, "currency", "is no currency"),
        ({"business": "b2x"}, "business", "'b2x' is not known. Allowed: 'b2b', 'b2c' or 'none'"),
        ({"bugdet": 3}, "bugdet", "Did you mean 'budget'?"),
        ({"version": 2}, "version", "only version 1"),
        ({"channels": None}, "channels", "is missing"),
        ({"channels": []}, "channels", "is not a mapping"),
        ({"channels": {"a": None}}, "channels.a", "nothing is not a line"),
        ({"channels": {"a": {"b": 3}}}, "channels.a.b", "3 is not a mapping"),
        ({"channels": line(rol="brand")}, "channels.search.brand.rol", "Did you mean 'role'?"),
        ({"channels": line(minimum=5, maximum=3)}, "channels.search.brand", "minimum 5 is above"),
        ({"channels": line(locked=5, maximum=3)}, "channels.search.brand", "a locked line has no"),
        ({"channels": line(curve={"kind": "loog"})}, "channels.search.brand.curve.kind", "'log'?"),
        ({"channels": line(curve={"scale": 1})}, "channels.search.brand.curve", "kind is missing"),
        ({"channels": line(curve=3)}, "channels.search.brand.curve", "3 is not a mapping"),
        (
            {"channels": line(curve={"kind": "linear", "rate": True})},
            "channels.search.brand.curve.rate",
            "True is not a number",
        ),
        (
            {"channels": line(curve={"kind": "points", "spend": [0, 2, 1], "outcomes": [0, 1, 2]})},
            "channels.search.brand.curve",
            "spend must increase",
        ),
        (
            {"channels": line(curve={"kind": "points", "spend": [1], "outcomes": [1]})},
            "channels.search.brand.curve.spend",
            "at least two",
        ),
        ({"channels": line(tags={"market": 49})}, "channels.search.brand.tags.market", "a text"),
        ({"channels": {"a.b": {"curve": {"kind": "linear", "rate": 1}}}}, "channels.a.b", "a dot"),
        ({"channels": {"*": {"curve": {"kind": "linear", "rate": 1}}}}, "channels.*", "any word"),
        ({"channels": line(outcome="lead")}, "channels.search.brand.outcome", "there is no funnel"),
        ({"split": "6:5:4"}, "split.shares", "two parts"),
        ({"split": {"brand": 0.6, "traffic": 0.6}}, "split.shares", "add up to 1.2"),
        ({"split": {"preset": "x"}}, "split.preset", "is not known"),
        ({"split": {"shares": "6:4", "preset": "document-b2b"}}, "split", "not both"),
        ({"business": "none", "split": {"tolerance": 0.1}}, "split", "states no shares"),
        ({"objective": {"kind": "profit", "margin": 0}}, "objective.margin", "above 0"),
        ({"objective": "win"}, "objective", "is not a mapping"),
        ({"objective": {"kind": "lowest_spend"}}, "objective", "no target"),
        ({"objective": {"kind": "outcomes", "of": "lead"}}, "objective", "no stage 'lead'"),
        ({"value": None}, "objective", "no value: search.brand"),
        ({"funnel": {"stages": ["a", "b"]}}, "funnel", "rates are missing for a"),
        ({"constraints": {"x": {"kind": "spend"}}}, "constraints.x", "give at_least, at_most"),
        ({"constraints": {"x": "never"}}, "constraints.x", "'never' is not a mapping"),
        (
            {"constraints": {"x": {"kind": "spend", "at_least": "50%", "at_most": "40%"}}},
            "constraints.x",
            "at_least 50% is above at_most 40%",
        ),
        (
            {"constraints": {"x": {"kind": "share", "where": "serch", "at_most": 0.5}}},
            "constraints.x",
            "no line, channel or role 'serch'. Did you mean 'search'?",
        ),
        (
            {"constraints": {"x": {"kind": "spend", "where": {"channel": 3}, "at_most": 1}}},
            "constraints.x.where",
            "selects nothing",
        ),
        (
            {"constraints": {"x": {"kind": "spend", "per": "market", "at_most": 1}}},
            "constraints.x",
            "no field 'market'",
        ),
        (
            {"constraints": {"x": {"kind": "active_lines", "at_most": True}}},
            "constraints.x.at_most",
            "not a whole number",
        ),
        ({"constraints": {"budget": {"kind": "spend_all"}}}, "constraints", "'budget' is taken"),
        ({"budget": None}, "channels.tv", "nothing limits its spend"),
        ({"origins": {"value": {"grade": "A"}}}, "origins.value.source", "is missing"),
        ({"origins": {"value": {"source": "x", "grade": "U"}}}, "origins.value.grade", "'U'"),
    ],
)
def test_a_fault_is_told_with_its_path(changes: dict[str, object], path: str, words: str) -> None:
    found = faults(**changes)
    assert path in found
    assert words in found[path]


def test_names_are_checked_although_other_things_are_wrong() -> None:
    found = faults(
        budget=-1,
        channels=DOCUMENT["channels"] | {"radio": {"curve": {"kind": "linear"}}},
        constraints={
            "a": {"kind": "spend", "where": "radio", "at_most": 1},  # broken, but there
            "b": {"kind": "spend", "where": "serch", "at_most": 1},
            "c": {"kind": "spend", "where": "tv", "at_most": "x"},
        },
    )
    assert set(found) == {
        "budget",
        "channels.radio.curve.rate",
        "constraints.b",
        "constraints.c.at_most",
    }


def test_paths_read_and_set() -> None:
    changed = set_at(DOCUMENT, "channels.search.brand.curve.unit", 30)
    assert value_at(changed, "channels.search.brand.curve.unit") == 30
    assert value_at(DOCUMENT, "channels.search.brand.curve.unit") == 20  # a copy was changed


def test_a_key_may_be_the_name_of_a_line() -> None:
    document = DOCUMENT | {"goodwill": {"feeds": {"search.brand": 0.8}}}
    path = "goodwill.feeds.search.brand"
    changed = set_at(document, path, "*1.5")
    assert value_at(changed, path) == pytest.approx(1.2)
    assert changed["goodwill"]["feeds"].keys() == {"search.brand"}
    with pytest.raises(UnknownName):
        set_at(document, "goodwill.feeds.social.brand", 1)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("channels.serch.brand.price", "Did you mean 'channels.search'?"),
        ("channels.search.brand.curve.unit.x", "leads nowhere"),
        ("channels.search.price", "channels.search.*.price"),
        ("channels.*.online.price", "fits nowhere"),
        ("constraints.x.at_most", "no path 'constraints'"),
        ("", "is not a path"),
        ("a..b", "is not a path"),
    ],
)
def test_a_path_that_leads_nowhere_says_so(path: str, words: str) -> None:
    with pytest.raises(PlanError) as error:
        set_at(DOCUMENT, path, 1)
    assert words in str(error.value)


def test_a_star_stands_for_any_word() -> None:
    assert expand(DOCUMENT, "channels.*.*.price") == [
        "channels.search.brand.price",
        "channels.search.traffic.price",
    ]
    assert expand(DOCUMENT, "channels.*.price") == ["channels.tv.price"]
    assert expand(DOCUMENT, "channels.*.brand.price") == ["channels.search.brand.price"]
    assert expand(DOCUMENT, "channels.*.*.tags.market") == [
        "channels.search.brand.tags.market",
        "channels.search.traffic.tags.market",
    ]


@pytest.mark.parametrize(
    ("path", "value", "stands"),
    [
        ("budget", "*1.2", 1_200_000.0),
        ("value", "* 0.5", 2.5),
        ("channels.search.brand.maximum", "*0.5", "15%"),
        ("channels.search.brand.price", "*1.3", 1.3),
        ("objective.margin", "*0.5", 0.5),
        ("split.tolerance", 0.1, 0.1),
        ("channels.tv.tags.market", "de", "de"),
        ("constraints.new", {"kind": "spend_all"}, {"kind": "spend_all"}),
    ],
)
def test_values_relative_and_in_places_not_yet_written(
    path: str, value: object, stands: object
) -> None:
    changed = set_at(DOCUMENT, path, value)
    assert value_at(changed, path) == stands
    from_document(changed)


@pytest.mark.parametrize("path", ["name", "channels.tv.maximum", "channels.tv", "business"])
def test_what_is_no_number_cannot_be_multiplied(path: str) -> None:
    with pytest.raises(PlanError, match="cannot be multiplied"):
        set_at(DOCUMENT, path, "*2")


def test_none_removes() -> None:
    changed = dict(DOCUMENT)
    assert assign(changed, "budget", None) == ["budget"]
    assert "budget" not in changed


@pytest.mark.parametrize("split", [None, "5:5", "binet-field-b2b", {"brand": 0.5, "traffic": 0.5}])
def test_one_share_leaves_the_rest_to_the_other(split: object) -> None:
    plan = from_document(set_at(DOCUMENT | {"split": split}, "split.brand", "30%"))
    assert plan.rules[0].target == {"brand": 0.3, "traffic": 0.7}


def test_a_relative_share_starts_from_the_rule_in_force() -> None:
    plan = from_document(set_at(DOCUMENT, "split.brand", "*1.5"))
    assert plan.rules[0].target == pytest.approx({"brand": 0.6, "traffic": 0.4})


@pytest.mark.parametrize("value", [1.5, -0.1, "x", True, None])
def test_a_wrong_share_is_told(value: object) -> None:
    with pytest.raises(PlanError) as error:
        set_at(DOCUMENT, "split.brand", value)
    assert error.value.faults[0].path == "split.brand"


def test_a_split_in_full_form() -> None:
    assert split_form("6:4") == {"shares": "6:4"}
    assert split_form("document-b2b") == {"preset": "document-b2b"}
    assert split_form({"brand": 0.6, "traffic": 0.4, "tolerance": 0.1}) == {
        "shares": {"brand": 0.6, "traffic": 0.4},
        "tolerance": 0.1,
    }


def test_replace_at_validates_anew_and_keeps_what_was_applied() -> None:
    plan = replace(from_document(DOCUMENT), applied=("what-if x",))
    assert replace_at(plan, "budget", 7).applied == ("what-if x",)
    with pytest.raises(PlanError):
        replace_at(plan, "budget", -7)
    with pytest.raises(UnknownName):
        replace_at(plan, "channels.x.price", 7)


def test_assumptions_are_the_numbers_taken_for_granted() -> None:
    plan = from_document(
        DOCUMENT
        | {
            "origins": {
                "channels.*.*.curve": {"source": "a"},
                "channels.search.brand": {"source": "b"},
            }
        }
    )
    found = {item.path: item for item in assumptions(plan)}
    assert set(found) == {
        "value",
        "channels.search.brand.curve.scale",
        "channels.search.brand.curve.unit",
        "channels.search.traffic.curve.rate",
        "channels.tv.curve.ceiling",
        "channels.tv.curve.half",
    }
    assert found["channels.search.traffic.curve.rate"].origin is not None
    assert found["channels.tv.curve.half"].origin is None
    for path, item in found.items():
        changed = replace_at(plan, path, item.value * 1.1)
        assert value_at(to_document(changed), path) == pytest.approx(item.value * 1.1)


def test_the_closest_origin_counts() -> None:
    origins = {"channels.*.*.curve": {"source": "a"}, "channels.search.*.curve": {"source": "b"}}
    plan = from_document(DOCUMENT | {"origins": origins})
    origin = origin_of(plan, "channels.search.brand.curve.unit")
    assert origin is not None
    assert origin.source == "b"


def test_of_origins_alike_the_one_exact_earlier_counts() -> None:
    origins = {
        "channels.*.brand.curve": {"source": "a"},
        "channels.search.*.curve": {"source": "b"},
    }
    for order in (origins, dict(reversed(origins.items()))):
        origin = origin_of(
            from_document(DOCUMENT | {"origins": order}), "channels.search.brand.curve"
        )
        assert origin is not None
        assert origin.source == "b"


@pytest.mark.parametrize(
    "line",
    [
        "price: 5e-324",
        "price: 1e308, prices: {2027-02: 100}",
        "price: 1e-300, prices: {2027-02: 1e-300}",
    ],
)
def test_a_price_with_which_nothing_can_be_reckoned_is_a_fault(line: str) -> None:
    text = f"""
name: Small
budget: 100
value: 1
objective: revenue
periods: {{start: 2027-01, count: 3, every: month}}
channels:
  tv: {{curve: {{kind: log, scale: 10, unit: 50}}, carryover: {{kind: geometric, retention: 0.5}},
       {line}}}
"""
    with pytest.raises(PlanError) as caught:
        loads(text)
    (fault,) = caught.value.faults
    assert fault.path == "channels.tv.price"
    assert "so small or so large" in fault.problem
