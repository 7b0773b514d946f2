"""Every input of a plan can be edited, and by the path under which it is found."""

from __future__ import annotations

from contextlib import suppress

import pytest

from optimizer.errors import PlanError
from optimizer.plan.document import from_document, replace_at, to_document
from optimizer.sources.scenario import builtin_names, load, loads
from optimizer.studio.inputs import group_label, inputs
from tests.report.reports import NASTY, TIMED, nasty_plan
from tests.studio.studios import TEXT


def paths_of_numbers(body: object, path: str) -> list[str]:
    if isinstance(body, dict):
        return [p for key, item in body.items() for p in paths_of_numbers(item, f"{path}.{key}")]
    return [path[1:]] if isinstance(body, int | float) and not isinstance(body, bool) else []


@pytest.mark.parametrize("name", builtin_names())
def test_every_number_of_a_plan_is_an_input(name: str) -> None:
    plan = load(name)
    document = {key: value for key, value in to_document(plan).items() if key != "version"}
    found = {one.path for one in inputs(plan)}
    missing = [
        path
        for path in paths_of_numbers(document, "")
        if path not in found and "*" not in path and not path.startswith("split.")
    ]
    assert missing == []


@pytest.mark.parametrize("name", builtin_names())
def test_what_an_input_says_may_stand_there(name: str) -> None:
    """Each value, put back at its path, gives the same plan."""
    plan = load(name)
    for one in inputs(plan):
        if one.kind in {"number", "whole", "share", "percent", "flag"} and one.value is not None:
            if one.path.startswith("split.") or one.path.startswith("uncertainty."):
                continue
            assert replace_at(plan, one.path, one.value) == plan, one.path


def test_the_budget_and_the_split_come_first() -> None:
    found = inputs(loads(TEXT))
    first = ["budget", "split.brand", "split.tolerance", "objective"]
    assert [one.path for one in found[:4]] == first
    assert [one.value for one in found[:4]] == [1_000_000, pytest.approx(0.4), 0.0, "profit"]


def test_what_is_not_written_can_be_set() -> None:
    found = {one.path: one for one in inputs(loads(TEXT))}
    maximum = found["channels.search.brand.maximum"]
    assert maximum.value is None
    assert maximum.is_optional
    assert maximum.limits == (0.0, 300_000.0, 2_000.0)
    assert found["channels.search.brand.price"].value == 1.0
    assert found["constraints.floor.at_least"].kind == "percent"
    assert found["constraints.floor.at_least"].value == "15%"
    assert found["objective.margin"].kind == "share"


def test_a_slider_holds_the_stated_value_in_its_range() -> None:
    for name in builtin_names():
        for one in inputs(load(name)):
            if one.limits is not None and isinstance(one.value, int | float):
                least, most, step = one.limits
                assert least <= one.value <= most, one.path
                assert 0 < step <= most - least, one.path


def test_names_are_in_both_languages_and_those_of_users_stay() -> None:
    found = {one.path: one for one in inputs(loads(TEXT))}
    maximum = found["channels.search.traffic.maximum"]
    assert maximum.labels == {"en": "Traffic · maximum", "zh": "流量 · 上限"}
    assert found["constraints.floor.at_least"].labels["en"] == "floor · at least"
    assert group_label("channels.search", "zh") == "搜索"
    assert group_label("funnel", "en") == "Funnel"


def test_hostile_names_are_names() -> None:
    groups = {one.group for one in inputs(nasty_plan())}
    assert groups >= {f"channels.{name}" for name in NASTY}


def test_a_plan_over_time_has_its_periods() -> None:
    found = {one.path: one for one in inputs(from_document(TIMED))}
    assert found["periods.count"].kind == "whole"
    assert found["funnel.rates.visit"].kind == "share"
    assert found["channels.video.brand.carryover.half_life"].value == 1
    assert found["periods.every"].choices == ("week", "month", "quarter")


def test_what_a_slider_offers_is_taken_or_told() -> None:
    taken = 0
    for one in inputs(loads(TEXT)):
        for value in (one.limits or ())[:2]:
            asked: object = f"{value:g}%" if one.kind == "percent" else value
            with suppress(PlanError):
                loads(TEXT, sets={one.path: asked})
                taken += 1
    assert taken > 50
