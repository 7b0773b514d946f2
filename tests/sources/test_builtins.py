"""The scenarios that come with adsplit: they hold, and each number says where it comes from."""

import importlib.resources
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from optimizer.plan.document import assumptions, origin_of
from optimizer.plan.plan import Plan
from optimizer.plan.schema import json_schema
from optimizer.sources.scenario import builtin_names, check_scenario, load, what_if_names

pytestmark = pytest.mark.parametrize("name", builtin_names())


def document_of(name: str) -> Any:
    text = (importlib.resources.files("scenarios") / f"{name}.yaml").read_text("utf-8")
    return YAML(typ="safe", pure=True).load(text)


def over_time(plan: Plan) -> list[str]:
    """Where a plan states numbers that change over time: seasons, and delays by shares."""
    seasons = [
        f"channels.{line.name}.{word}"
        for line in plan.lines
        for word in ("demand", "prices")
        if getattr(line, word) is not None
    ]
    delays = [] if plan.funnel is None else [f"funnel.delays.{name}" for name in plan.funnel.delays]
    return [*seasons, *delays]


def of_doubt(plan: Plan) -> list[str]:
    """Where a plan states how far numbers may be off, together and in shocks."""
    if plan.uncertainty is None:
        return []
    own = plan.uncertainty
    shocks = [(f"states.{name}", state) for name, state in own.states.items()]
    found = [
        *(f"numbers.{path}" for path in own.numbers),
        *(f"together.{name}.correlation" for name in own.together),
        *(f"{name}.chance" for name, _ in shocks),
        *(f"{name}.set.{path}" for name, state in shocks for path in state.set),
    ]
    return [f"uncertainty.{path}" for path in found]


def test_it_holds_and_so_do_its_what_ifs(name: str) -> None:
    assert check_scenario(name) == []
    for what_if in what_if_names(name):
        assert load(name, what_ifs=[what_if]).applied == (f"what-if {what_if}",)
    assert {"cut_20", "dearer_clicks", "no_rule"} <= set(what_if_names(name))


def test_every_assumption_has_an_origin(name: str) -> None:
    plan = load(name)
    assert [item.path for item in assumptions(plan) if item.origin is None] == []
    others = [*over_time(plan), *of_doubt(plan)]
    assert [path for path in others if origin_of(plan, path) is None] == []
    for pattern, origin in plan.origins.items():
        assert origin.source, pattern
        assert origin.as_of, pattern


def test_every_origin_is_the_closest_one_of_some_number(name: str) -> None:
    plan = load(name)
    used = {id(item.origin) for item in assumptions(plan)}
    used |= {id(origin_of(plan, path)) for path in (*over_time(plan), *of_doubt(plan))}
    assert [pattern for pattern, origin in plan.origins.items() if id(origin) not in used] == []


def test_todays_spend_is_where_the_curves_were_measured(name: str) -> None:
    plan = load(name)
    months = 1 if plan.periods is None else plan.periods.count
    assert plan.budget == pytest.approx(months * sum(line.current or 0.0 for line in plan.lines))
    assert plan.budget >= months * sum(line.current or 0.0 for line in plan.lines) * (1 - 1e-12)
    for line in plan.lines:
        if line.curve.kind == "elasticity":
            assert line.curve.spend == line.current
        today = line.current or 0.0
        assert today <= plan.grid.money(line.maximum if line.maximum is not None else plan.budget)
        assert line.observed is None or today <= line.observed


def test_seasons_average_to_one(name: str) -> None:
    plan = load(name)
    for line in plan.lines:
        for word in ("demand", "prices"):
            series = getattr(line, word)
            if series is None:
                continue
            assert plan.periods is not None
            year = plan.periods.values(series, word)[: plan.periods.count]
            assert year.mean() == pytest.approx(1.0, abs=0.01)


def test_goodwill_is_measured_at_todays_brand_spend(name: str) -> None:
    plan = load(name)
    if plan.goodwill is None:
        return
    brand = {line.name: line.current or 0.0 for line in plan.lines if line.role == "brand"}
    assert plan.goodwill.curve.spend == pytest.approx(sum(brand.values()))  # type: ignore[union-attr]
    stock = sum(plan.goodwill.feeds[line] * spend for line, spend in brand.items())
    assert stock == pytest.approx(sum(brand.values()), rel=0.01)


def test_it_fits_the_schema(name: str) -> None:
    jsonschema.Draft202012Validator(json_schema()).validate(document_of(name))
    assert {line.role for line in load(name).lines} == {"brand", "traffic"}
