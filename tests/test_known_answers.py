"""Published or derived optima. What a wrong formulation would have given is said with each."""

import numpy as np
import pytest
from scipy.optimize import LinearConstraint, minimize

from optimizer.allocation import evaluate
from optimizer.plan.constraints import Ratio, SpendAll
from optimizer.plan.curves import Elasticity, Exponential, Linear, Logistic, Points
from optimizer.plan.objectives import Outcomes, Profit, Revenue
from optimizer.plan.plan import Line, Plan
from optimizer.solving import optimize

# Meridian, "Getting Started" notebook (google/meridian, Apache-2.0), the curves of its scenario 1:
# spend at multiplier 1, then the outcome at multipliers 0.1, 0.2 … 1.9, 1.99.
MERIDIAN = {
    "Ch0": (
        40_501_712,
        (
            "12631918 22560442 30765462 37739524 43781492 49090612 53807764 58036760 "
            "61856476 65329312 68503408 71418608 74107944 76597800 78911432 81067304 83082624 "
            "84971008 86744856 88251784"
        ),
    ),
    "Ch1": (
        31_320_302,
        (
            "5802840 10268856 13932557 17039810 19732828 22103390 24215066 26114170 "
            "27835560 29406078 30847162 32175728 33405964 34549568 35616000 36613672 37549656 "
            "38429948 39259608 39967172"
        ),
    ),
    "Ch2": (
        12_079_349,
        (
            "2776050 4959036 6785235 8362559 9753375 10997927 12124189 13152614 "
            "14098409 14973644 15787767 16548336 17261650 17932986 18566720 19166540 19735758 "
            "20277096 20792950 21237140"
        ),
    ),
    "Ch3": (
        87_860_352,
        (
            "14396413 25286036 34105788 41503692 47851660 53388680 58279408 62642928 "
            "66568508 70124848 73365888 76335536 79068424 81593968 83936216 86115784 88150096 "
            "90053856 91839968 93355992"
        ),
    ),
    "Ch4": (
        47_730_680,
        (
            "17387872 29932654 39827904 47985040 54897624 60870800 66108084 70752920 "
            "74911584 78663544 82070984 85183856 88040984 90675856 93114384 95379696 97489968 "
            "99462512 101310760 102877792"
        ),
    ),
}
CURRENT = {"Ch0": 40.5e6, "Ch1": 31.3e6, "Ch2": 12.1e6, "Ch3": 87.9e6, "Ch4": 47.7e6}
MULTIPLIERS = (*(k / 10 for k in range(1, 20)), 1.99)


def meridian_plan(low, high):
    lines = []
    for name, (unit, outcomes) in MERIDIAN.items():
        reached = tuple(float(word) for word in outcomes.split())
        curve = Points((0.0, *(unit * m for m in MULTIPLIERS)), (0.0, *reached))
        lines.append(
            Line(
                name,
                curve,
                minimum=low * CURRENT[name],
                maximum=high * CURRENT[name],
                current=CURRENT[name],
                value=1.0,
            )
        )
    return Plan("Meridian, scenario 1", tuple(lines), 219.5e6, objective=Revenue())


def test_meridian_scenario_1():
    """T1. A greedy grid rounds its bounds and stops at 265,202,680 on the same curves."""
    best = optimize(meridian_plan(0.7, 1.3))
    assert best.objective == pytest.approx(265_209_196, rel=1e-4)
    expected = {"Ch0": 52.65e6, "Ch1": 27.5797e6, "Ch2": 15.73e6, "Ch3": 61.53e6, "Ch4": 62.01e6}
    for line, spend in zip(best.plan.lines, best.spend, strict=True):
        assert spend == pytest.approx(expected[line.name], rel=1e-3)
    assert best.spent == pytest.approx(219.5e6, abs=0.005)
    assert best.today.objective == pytest.approx(258_493_024, rel=1e-3)


def test_tiered_returns_of_ten_platforms():
    """T2. UT Austin's marketing exercise (ethandavenport/Optimization-I-Project-2), company 1."""
    tiers = {
        "Print": ((0.0345, 0.7), (0.0305, 2.7), (0.0276, 4.7), (0.0234, 10)),
        "TV": ((0.0608, 4.3), (0.0503, 10)),
        "SEO": ((0.0288, 3.6), (0.0269, 10)),
        "AdWords": ((0.0419, 2), (0.0358, 2.3), (0.029, 10)),
        "Facebook": ((0.0187, 1), (0.015, 1.8), (0.0131, 10)),
        "LinkedIn": ((0.0257, 0.7), (0.0223, 2.7), (0.0204, 4.8), (0.0192, 10)),
        "Instagram": ((0.0574, 2.9), (0.0498, 10)),
        "Snapchat": ((0.0278, 2.2), (0.0243, 2.7), (0.0203, 10)),
        "Twitter": ((0.0407, 2.3), (0.0354, 3.4), (0.0293, 10)),
        "Email": ((0.0493, 5.9), (0.0405, 10)),
    }
    lines = []
    for name, steps in tiers.items():
        spend, outcomes = [0.0], [0.0]
        for rate, limit in steps:
            outcomes.append(outcomes[-1] + rate * (limit - spend[-1]))
            spend.append(float(limit))
        lines.append(Line(name, Points(tuple(spend), tuple(outcomes)), maximum=3.0, value=1.0))
    rules = (
        Ratio(["Print", "TV"], ["Facebook", "Email"], at_most=1.0, name="print and TV"),
        Ratio(
            ["Facebook", "LinkedIn", "Instagram", "Snapchat", "Twitter"],
            ["SEO", "AdWords"],
            at_least=2.0,
            name="social",
        ),
    )
    best = optimize(
        Plan("ten platforms", tuple(lines), 10.0, objective=Revenue(), constraints=rules)
    )
    assert best.objective == pytest.approx(0.543640, abs=5e-7)
    spend = {line.name: x for line, x in zip(best.plan.lines, best.spend, strict=True) if x > 0}
    assert spend == pytest.approx({"TV": 3.0, "AdWords": 1.0, "Instagram": 3.0, "Email": 3.0})


def test_the_known_truth_of_pymc_marketings_roas_data():
    """The exact optimum of the process that made the data set (shared data, mmm_roas_data)."""
    budget = 1.1341559040
    plan = Plan(
        "ROAS",
        (Line("x1", Logistic(200.0, 1.0)), Line("x2", Logistic(150.0, 1 / 2.5))),
        budget,
        objective=Outcomes(),
        constraints=(SpendAll(),),
    )
    best = optimize(plan)
    np.testing.assert_allclose(best.spend, [0.4386145, 0.6955414], atol=1e-4)
    assert best.objective == pytest.approx(148.3339522, rel=1e-6)
    assert best.by_line["marginal"].tolist() == pytest.approx([95.3405] * 2, rel=1e-4)
    was = evaluate(plan, {"x1": 0.8354246, "x2": 0.2987313})
    assert was.objective == pytest.approx(132.5464464, rel=1e-6)
    assert best.objective / was.objective - 1 == pytest.approx(0.1191, abs=5e-5)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_bidding_on_sigmoids(seed):
    """T6. Udell & Boyd's bidding example: n bids, values 4·U(0, 1), inflection at 0.3·value."""
    value = 4 * np.random.default_rng(seed).uniform(size=30)
    rest = 1 / (1 + np.exp(3 * value))
    lines = tuple(
        Line(f"bid {i}", Logistic(float(1 - rest[i]), 0.1, float(0.3 * v)), maximum=10.0)
        for i, v in enumerate(value)
    )
    plan = Plan("bids", lines, float(0.2 * value.sum()), objective=Outcomes())
    best = optimize(plan)
    assert best.gap <= 1e-4
    assert best.objective <= best.bound
    problem = best.problem
    local = minimize(
        lambda x: -problem.value(x),
        np.full(30, plan.budget / 30),
        jac=lambda x: -problem.slopes(x),
        method="SLSQP",
        bounds=[(0, 10)] * 30,
        constraints=[LinearConstraint(np.ones((1, 30)), -np.inf, plan.budget)],
    )
    assert best.objective > -local.fun * 1.001


def test_two_exponentials_by_hand():
    """f′ equal: (a/u)e^(−x/u) = (b/v)e^(−y/v), x + y = B; the optimum in closed form."""
    a, u, b, v, budget = 100.0, 30.0, 80.0, 50.0, 60.0
    x = u * v / (u + v) * (np.log(a * v / (b * u)) + budget / v)
    plan = Plan(
        "two",
        (Line("a", Exponential(a, u)), Line("b", Exponential(b, v))),
        budget,
        objective=Outcomes(),
        constraints=(SpendAll(),),
    )
    np.testing.assert_allclose(optimize(plan).spend, [x, budget - x], rtol=1e-5)


def test_profit_stops_where_the_next_unit_returns_its_cost():
    """Margin · f′(x) = 1: with f from an elasticity, x = √(mVK) − K. Revenue would spend it all."""
    curve = Elasticity(100.0, 5.0, 0.4)
    x = np.sqrt(0.5 * curve.ceiling * curve.half) - curve.half
    plan = Plan("one", (Line("a", curve, value=1.0),), 1000.0, objective=Profit(0.5))
    assert optimize(plan).spend[0] == pytest.approx(x, rel=1e-5)
    revenue = optimize(Plan("one", plan.lines, 1000.0, objective=Revenue()))
    assert revenue.spend[0] == pytest.approx(1000.0)


def test_a_plan_that_is_already_best_is_left_alone():
    lines = (
        Line("a", Linear(2.0), current=60.0, maximum=60.0, value=1.0),
        Line("b", Linear(1.5), current=40.0, value=1.0),
    )
    best = optimize(Plan("today", lines, 100.0, objective=Revenue()))
    assert best.spend.tolist() == [60.0, 40.0]
    assert best.objective == best.today.objective
    assert best.gap <= 1e-12
