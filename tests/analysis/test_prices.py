"""A price is what easing a rule really gains: derivatives agree with plans solved again."""

from dataclasses import replace

import numpy as np
import pytest

from optimizer.allocation import evaluate
from optimizer.analysis.prices import marginal_budget, rule_prices
from optimizer.errors import PlanError
from optimizer.plan.constraints import Ratio, Share, Spend, SpendAll, Split, Target, Weighted
from optimizer.plan.curves import Exponential, Hill, Linear, Log, Points
from optimizer.plan.objectives import Profit, Revenue
from optimizer.plan.plan import Line, Plan
from optimizer.solving import optimize

from .plans import concave, s_shaped, with_line

STEP = 500.0


def best(plan):
    return optimize(plan, gap=1e-9).objective


def price(plan, rule, **options):
    return rule_prices(optimize(plan), **options).price(rule)


def test_the_budget_s_price_is_what_a_larger_budget_gains():
    plan = concave()
    gain = (best(replace(plan, budget=plan.budget + STEP)) - best(plan)) / STEP
    assert price(plan, "budget") == pytest.approx(gain, rel=0.01)


RULES = {
    "cap": (
        Spend("search", at_most=100_000, name="cap"),
        Spend("search", at_most=100_000 + STEP, name="cap"),
        STEP,
    ),
    "least": (
        Spend("social", at_least=600_000, name="least"),
        Spend("social", at_least=600_000 - STEP, name="least"),
        STEP,
    ),
    "weight": (
        Weighted({"streaming": 0.5}, at_most=250_000, name="weight"),
        Weighted({"streaming": 0.5}, at_most=250_000 + STEP, name="weight"),
        STEP,
    ),
    "ecology": (
        Share("search", at_most=0.06, name="ecology"),
        Share("search", at_most=0.07, name="ecology"),
        1.0,
    ),
    "half": (
        Share("streaming.traffic", of={"channel": "streaming"}, at_least=0.9, name="half"),
        Share("streaming.traffic", of={"channel": "streaming"}, at_least=0.89, name="half"),
        1.0,
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_the_price_of_a_rule_agrees_with_the_plan_solved_again(name):
    rule, eased, units = RULES[name]
    other = Spend("streaming.brand", at_most=450_000, name="other")
    gain = (best(concave(eased, other)) - best(concave(rule, other))) / units
    assert gain > 0
    assert price(concave(rule, other), name) == pytest.approx(gain, rel=0.03)


def test_several_rules_at_once_each_have_their_own_price():
    plan = concave(*(RULES[name][0] for name in ("cap", "weight")))
    prices = rule_prices(optimize(plan))
    for name in ("cap", "weight"):
        others = [rule for rule in plan.constraints if rule.name != name]
        gain = (best(replace(plan, constraints=(*others, RULES[name][1]))) - best(plan)) / STEP
        assert prices.price(name) == pytest.approx(gain, rel=0.03)
    methods = prices.frame.set_index("rule")["method"]
    assert set(methods.drop("split")) == {"derivative"}


def test_a_point_of_the_split_costs_what_a_better_split_gains():
    plan = concave()
    moved = [
        best(replace(plan, split=Split(shares={"brand": share, "traffic": 1 - share})))
        for share in (0.59, 0.61)
    ]
    gain = max(moved) - best(plan)
    frame = rule_prices(optimize(plan)).frame.set_index("rule")
    assert frame.loc["split", "price"] == pytest.approx(gain, rel=1e-3)
    assert (frame.loc["split", "unit"], frame.loc["split", "step"]) == ("point", 0.01)


@pytest.mark.parametrize(
    ("word", "stated", "eased"),
    [
        ("maximum", {"maximum": 300_000.0}, {"maximum": 300_000.0 + STEP}),
        ("minimum", {"minimum": 500_000.0}, {"minimum": 500_000.0 - STEP}),
        (
            "locked",
            {"locked": 500_000.0, "maximum": None},
            {"minimum": 500_000.0 - STEP, "maximum": 500_000.0 + STEP},
        ),
    ],
)
def test_the_limit_of_a_line_has_a_price(word, stated, eased):
    plan = concave()
    held, free = with_line(plan, 4, **stated), with_line(plan, 4, **eased)
    gain = (best(free) - best(held)) / STEP
    assert gain > 0
    assert price(held, f"streaming.brand {word}") == pytest.approx(gain, rel=0.03)


def test_a_target_is_priced_per_outcome():
    def plan(reach):
        return concave(Target(reach, name="reach", where="search"))

    gain = (best(plan(895_000)) - best(plan(900_000))) / 5_000
    frame = rule_prices(optimize(plan(900_000))).frame.set_index("rule")
    assert gain > 0
    assert frame.loc["reach", "price"] == pytest.approx(gain, rel=0.05)
    assert frame.loc["reach", "unit"] == "outcomes"


def test_prices_are_never_negative_and_zero_where_nothing_binds():
    plan = concave(
        Spend("search", at_most=1_400_000, name="loose"), Ratio("search", "social", at_least=0.01)
    )
    frame = rule_prices(optimize(plan)).frame
    assert (frame["price"].astype(float) >= 0).all()
    assert (frame.loc[~frame["binding"], "price"] == 0.0).all()
    assert not frame.set_index("rule").loc["loose", "binding"]


@pytest.mark.parametrize("penalty", [0.5, 5.0, 500.0])
def test_a_soft_rule_never_costs_more_than_its_penalty(penalty):
    plan = concave(Spend("search", at_most=100_000, name="cap", penalty=penalty))
    hard = price(concave(Spend("search", at_most=100_000, name="cap")), "cap")
    assert price(plan, "cap") == pytest.approx(min(penalty, hard), rel=1e-4)


def test_dropping_a_rule_gains_its_cost():
    plan = concave(RULES["cap"][0])
    frame = rule_prices(optimize(plan), costs=True).frame.set_index("rule")
    assert frame.loc["cap", "cost"] == pytest.approx(best(concave()) - best(plan), rel=1e-5)
    free = replace(plan, business="none")
    assert frame.loc["split", "cost"] == pytest.approx(best(free) - best(plan), rel=1e-5)


def test_a_price_holds_up_to_where_the_average_gain_is_a_tenth_off():
    plan = concave()
    frame = rule_prices(optimize(plan), ranges=True).frame.set_index("rule")
    reach = frame.loc["budget", "holds_up_to"]
    average = (best(replace(plan, budget=plan.budget + reach)) - best(plan)) / reach
    assert 0.88 < average / frame.loc["budget", "price"] < 0.93


def test_a_rule_repeated_by_another_gains_nothing_alone():
    # The duals could put the price on either cap, but easing one alone changes nothing.
    twins = concave(RULES["cap"][0], Spend("search", at_most=100_000, name="twin"))
    prices = rule_prices(optimize(twins))
    assert prices.price("cap") == pytest.approx(0.0, abs=1e-3)
    assert prices.price("twin") == pytest.approx(0.0, abs=1e-3)


def test_spending_all_and_the_ceiling_are_priced_apart():
    # Money beyond 900,000 loses: only the rule to spend it all costs something.
    lines = (Line("tv", Points((0, 900_000), (0, 1_800_000))), Line("radio", Linear(0.5)))
    plan = Plan("forced", lines, budget=1_000_000, value=1.0, constraints=(SpendAll(),))
    prices = rule_prices(optimize(plan))
    assert prices.price("spend_all") == pytest.approx(0.5, rel=1e-3)
    assert prices.price("budget") == pytest.approx(0.0, abs=1e-6)


def test_s_curves_and_switches_are_solved_again_and_never_a_silent_zero():
    plan = s_shaped()
    answer = optimize(plan)
    assert answer.duals is None
    frame = rule_prices(answer).frame.set_index("rule")
    assert set(frame["method"]) == {"re-solved"}
    step = 0.01 * plan.budget
    gain = (
        optimize(replace(plan, budget=plan.budget + step), gap=1e-7).objective
        - optimize(plan, gap=1e-7).objective
    ) / step
    assert frame.loc["budget", "price"] == pytest.approx(gain, rel=1e-3)
    assert frame.loc["five", "unit"] == "lines"
    known = frame.loc[frame["binding"], "price"].dropna().astype(float)
    assert (known >= 0).all()


def test_a_point_is_never_worth_more_than_the_whole_rule():
    """The derivative of a tight share promises more than a point keeps: 0.4 of one is all."""
    free = optimize(concave(), gap=1e-9)
    share = float(free.spend[0] + free.spend[1]) / free.spent
    plan = concave(Share("search", at_most=share - 0.004, name="tight"))
    frame = rule_prices(optimize(plan), costs=True).frame.set_index("rule")
    assert 0 < frame.loc["tight", "price"] <= frame.loc["tight", "cost"]
    assert frame.loc["tight", "price"] == pytest.approx(best(concave()) - best(plan), rel=1e-3)


def test_a_point_of_a_share_is_a_point_of_its_document_with_s_curves():
    def plan(share):
        return s_shaped(Share("streaming", at_most=share, name="stream"))

    gain = optimize(plan(0.41), gap=1e-7).objective - optimize(plan(0.40), gap=1e-7).objective
    assert gain > 0
    found = rule_prices(optimize(plan(0.40))).frame.set_index("rule").loc["stream"]
    assert found["price"] == pytest.approx(gain, abs=2 * found["error"] + 1e-3 * gain)


def test_a_sum_that_is_solved_again_is_small_against_its_own_rule():
    plan = with_line(s_shaped(), 1, locked=50_000.0, minimum=0.0, maximum=None)
    wider = with_line(s_shaped(), 1, minimum=49_500.0, maximum=50_500.0)
    gain = optimize(wider, gap=1e-7).objective - optimize(plan, gap=1e-7).objective
    found = rule_prices(optimize(plan)).frame.set_index("rule").loc["search.traffic locked"]
    assert found["step"] == pytest.approx(500.0)
    assert found["price"] * 500.0 == pytest.approx(gain, rel=1e-2)


def test_a_budget_that_does_not_bind_is_worth_exactly_nothing():
    plan = concave(objective=Profit(0.05))
    answer = optimize(plan)
    assert answer.spent < 0.99 * plan.budget
    assert marginal_budget(answer) == 0.0


def test_a_given_spend_has_no_prices():
    plan = concave()
    with pytest.raises(PlanError, match="no prices"):
        rule_prices(evaluate(plan, plan.grid.current))


def test_the_next_unit_of_budget_moves_what_is_stated_as_a_share_of_it():
    plan = with_line(concave(), 2, minimum="40%")
    step = 1_000.0
    gain = (best(replace(plan, budget=plan.budget + step)) - best(plan)) / step
    assert marginal_budget(optimize(plan)) == pytest.approx(gain, rel=0.01)
    assert price(plan, "budget") > gain  # the rule alone, while the minimum stays


def test_prices_do_not_depend_on_the_unit_of_money():
    plan = concave(RULES["cap"][0])
    lines = tuple(
        replace(
            line,
            price=line.price * 1e-3,
            minimum=line.minimum * 1e-3,
            maximum=line.maximum * 1e-3,
            current=line.current * 1e-3,
        )
        for line in plan.lines
    )  # a thousandth of the money at a thousandth of the media price
    small = replace(
        plan,
        lines=lines,
        budget=plan.budget * 1e-3,
        value=plan.value * 1e-3,
        constraints=(Spend("search", at_most=100, name="cap"),),
    )
    for rule in ("budget", "cap", "split"):
        scale = 1.0 if rule != "split" else 1e3
        assert price(small, rule) * scale == pytest.approx(price(plan, rule), rel=1e-5)
    assert np.isfinite(best(small))


def test_a_budget_is_priced_where_nothing_else_limits_a_line():
    """Dropping it leaves lines without any limit, which once ended in infinite coefficients."""
    lines = (Line("search", Hill(50.0, 100.0)), Line("social", Exponential(30.0, 500.0)))
    plan = Plan("open", lines, 100.0, value=100.0, objective=Profit(0.5))
    best = optimize(plan)
    frame = rule_prices(best, ranges=True, costs=True).frame.set_index("rule")
    assert frame.loc["budget", "price"] > 0
    free = optimize(replace(plan, budget=2000.0))
    assert free.spent < 1999
    assert frame.loc["budget", "cost"] == pytest.approx(free.objective - best.objective, rel=1e-4)


def test_without_a_price_of_money_no_sum_would_be_enough():
    lines = (Line("search", Log(50.0, 100.0)), Line("social", Exponential(30.0, 500.0)))
    best = optimize(Plan("open", lines, 1000.0, value=10.0, objective=Revenue()))
    frame = rule_prices(best, costs=True).frame.set_index("rule")
    assert frame.loc["budget", "price"] > 0
    assert np.isnan(frame.loc["budget", "cost"])
