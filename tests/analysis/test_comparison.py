"""Comparing answers: side by side, what was changed, and what the wrong plan would cost."""

from dataclasses import replace

import numpy as np
import pytest

from optimizer.allocation import evaluate
from optimizer.analysis.comparison import compare
from optimizer.analysis.prices import rule_prices
from optimizer.analysis.variations import solve_all
from optimizer.errors import PlanError
from optimizer.plan.constraints import Spend, Target
from optimizer.plan.document import replace_at
from optimizer.plan.objectives import Outcomes
from optimizer.solving import optimize

from .plans import concave, with_line

BASE = concave()
PLANS = {
    "base": BASE,
    "dear": replace_at(BASE, "channels.streaming.*.price", 1.5),
    "cut": replace(BASE, budget=1_000_000.0, name="another name"),
    "moon": concave(Target(1e12, name="moon")),
}


@pytest.fixture(scope="module")
def result():
    return compare(dict(zip(PLANS, solve_all(list(PLANS.values()), gap=1e-8), strict=True)))


def test_one_row_per_member_against_the_first(result):
    frame = result.frame.set_index("name")
    assert list(frame.index) == list(PLANS)
    assert frame.loc["base", "change"] == 0.0
    assert frame.loc["base", "largest_move"] == ""
    assert frame.loc["cut", "change"] == pytest.approx(
        frame.loc["cut", "value"] - frame.loc["base", "value"]
    )
    assert frame.loc["cut", "budget"] == 1_000_000
    assert frame.loc["cut", "largest_move"] in {line.name for line in BASE.lines}
    assert frame.loc["cut", "largest_move_money"] < 0
    assert frame.loc["dear", "brand_share"] == pytest.approx(0.6)
    assert frame.loc["dear", "profit"] == pytest.approx(frame.loc["dear", "value"])


def test_a_member_without_a_plan_keeps_its_reason(result):
    moon = result.frame.set_index("name").loc["moon"]
    assert moon["status"] == "infeasible"
    assert "moon" in moon["reason"]
    assert np.isnan(moon["value"])
    assert "moon" not in set(result.lines["name"])
    assert "moon" not in result.regret.index


def test_lines_add_up(result):
    spent = result.lines.groupby("name")["spend"].sum()
    assert spent["cut"] == pytest.approx(1_000_000)
    assert result.lines.groupby("name")["share"].sum().to_list() == pytest.approx([1.0] * 3)


def test_only_what_was_changed_is_told(result):
    told = {
        (row.name, row.path): (row.first, row.this) for row in result.inputs.itertuples(index=False)
    }
    assert told["cut", "budget"] == (1_500_000.0, 1_000_000.0)
    assert told["dear", "channels.streaming.brand.price"] == (None, 1.5)
    assert told["moon", "constraints.moon.at_least"] == (None, 1e12)
    assert {path for name, path in told if name == "cut"} == {"budget"}


def test_regret_is_what_following_the_wrong_plan_loses(result):
    regret = result.regret
    assert list(regret.index) == list(regret.columns) == ["base", "dear", "cut"]
    assert np.diag(regret) == pytest.approx(0.0, abs=1e-3)
    assert (regret.to_numpy()[~np.isnan(regret.to_numpy())] >= 0).all()
    assert np.isnan(regret.loc["base", "cut"])  # it spends more than there is
    world = optimize(PLANS["dear"], gap=1e-8)
    kept = evaluate(PLANS["dear"], optimize(BASE, gap=1e-8).spend)
    assert regret.loc["base", "dear"] == pytest.approx(world.objective - kept.objective, rel=1e-3)


def test_plans_with_other_lines_have_no_regret_but_are_compared():
    fewer = replace(BASE, lines=BASE.lines[1:])
    result = compare({"all": optimize(BASE), "fewer": optimize(fewer)})
    assert np.isnan(result.regret.loc["all", "fewer"])
    assert result.frame["largest_move"][1]


def test_the_order_of_lines_does_not_matter():
    turned = replace(BASE, lines=BASE.lines[::-1])
    result = compare({"one": optimize(BASE, gap=1e-8), "other": optimize(turned, gap=1e-8)})
    assert result.regret.to_numpy() == pytest.approx(0.0, abs=10.0)
    assert result.inputs.empty


def test_today_can_be_compared():
    plan = with_line(BASE, 0, current=50_000.0)
    result = compare({"best": optimize(plan), "today": evaluate(plan, plan.grid.current)})
    assert list(result.frame["status"]) == ["optimal", "given"]
    assert np.isnan(result.frame["bound"][1])
    assert result.frame["change"][1] < 0


def test_a_rule_that_the_others_break_leaves_no_regret():
    held = concave(Spend("search", at_most=60_000, name="cap"))
    result = compare({"free": optimize(BASE), "held": optimize(held)})
    assert np.isnan(result.regret.loc["free", "held"])
    assert result.regret.loc["held", "free"] > 0


# --- Which plan holds up best --------------------------------------------------------------------


def test_the_plan_of_least_greatest_regret_holds_up_best(result):
    """Only the plan with the smaller budget is allowed in every world."""
    best, regret = result.steadiest, result.regret
    assert best.name == "cut"
    assert best.breaks == ()
    assert best.alone
    assert best.regret == regret.loc["cut"].max()
    assert best.world == regret.loc["cut"].idxmax()
    first, second = result.sentences()
    assert first.startswith("“cut” holds up best: it alone keeps the rules")
    assert f"“{best.world}”" in second
    assert "最经得起变化" in result.sentences("zh")[0]


def test_among_plans_that_are_all_allowed_the_greatest_regret_decides():
    names = ["base", "dear", "dearer"]
    factors = [1.0, 3.0, 9.0]
    plans = [replace_at(BASE, "channels.streaming.*.price", factor) for factor in factors]
    result = compare(dict(zip(names, solve_all(plans, gap=1e-8), strict=True)))
    worst = result.regret.max(axis=1)
    assert result.steadiest.name == worst.idxmin() == "dear"
    assert not result.steadiest.alone
    assert result.steadiest.breaks == ()


def test_where_every_plan_breaks_a_rule_somewhere_this_is_told():
    low, high = (Spend("search", at_most=60_000, name="low"), Spend("search", at_least=90_000))
    plans = {"low": concave(low), "high": concave(high), "free": BASE}
    result = compare({name: optimize(plan) for name, plan in plans.items()})
    best = result.steadiest
    assert best.breaks == tuple(result.regret.columns[result.regret.loc[best.name].isna()])
    assert len(best.breaks) == 1
    assert "no plan keeps the rules in every one" in result.sentences()[0]


def test_a_plan_that_is_never_behind_has_no_regret():
    result = compare({"one": optimize(BASE), "same": optimize(replace(BASE, name="same"))})
    assert (result.steadiest.name, result.steadiest.world) == ("one", "")
    assert result.sentences()[-1].endswith("none of these plans is better")


def test_plans_that_count_other_things_are_not_chosen_from():
    result = compare(
        {"money": optimize(BASE), "count": optimize(replace(BASE, objective=Outcomes()))}
    )
    assert result.steadiest is None
    assert result.sentences() == []


def test_one_currency_only():
    with pytest.raises(PlanError, match="counts EUR, and the first USD"):
        compare({"a": optimize(BASE), "b": optimize(replace(BASE, currency="EUR"))})


# --- Rules ----------------------------------------------------------------------------------------


def test_rules_have_the_prices_that_each_plan_has_alone(result):
    assert result.rules.empty
    answers = dict(zip(PLANS, solve_all(list(PLANS.values()), gap=1e-8), strict=True))
    rules = compare(answers, prices=True).rules
    assert list(dict.fromkeys(rules["name"])) == ["base", "dear", "cut"]
    for name in ("base", "cut"):
        alone = rule_prices(answers[name], costs=True).frame
        own = rules[rules["name"] == name].reset_index(drop=True)
        for column in ("rule", "unit", "binding", "price", "cost"):
            assert list(own[column]) == list(alone[column])
    budget = rules[rules["rule"] == "budget"].set_index("name")["price"]
    assert budget["cut"] > budget["base"] > 0


def test_there_must_be_something_to_compare():
    with pytest.raises(PlanError, match="nothing"):
        compare({})
