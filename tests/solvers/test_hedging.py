"""Plans under risk: answers known by hand, a linear programme, and what must always hold."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import optimizer as opt
from optimizer.analysis.verification import check_claim, read_claim
from optimizer.certificate import Own, verify
from optimizer.errors import Infeasible, PlanError
from optimizer.plan.uncertainty import Range, Uncertainty
from optimizer.solvers.weightings import Weighting
from optimizer.worlds import Worlds

FACTORS = Range((0.7, 1.4), times=True)
LEVELS = st.sampled_from([0.5, 0.8, 0.9, 0.97])


def one_line(curve, values, budget=1000.0, **given):
    """A line whose value per outcome is one of *values*, each as likely."""
    line = opt.Line("a", curve, value=float(np.mean(values)))
    numbers = {"channels.a.value": Range(draws=tuple(values))}
    uncertainty = Uncertainty(numbers, draws=given.pop("draws", 64))
    return opt.Plan("one", (line,), budget, "none", uncertainty=uncertainty, **given)


def small(seed=0, *, n=6, draws=64, kinds=(opt.Log, opt.Power, opt.Exponential), **given):
    """A few concave lines under a split, their values and one curve's scale uncertain."""
    rng = np.random.default_rng(seed)
    lines = []
    for i in range(n):
        kind = kinds[i % len(kinds)]
        a = float(rng.uniform(40, 160))
        curve = kind(a, 0.5) if kind is opt.Power else kind(10 * a, float(rng.uniform(50, 150)))
        role = "brand" if i % 2 else "traffic"
        lines.append(opt.Line(f"c{i // 2}", curve, role=role, value=1.0, current=50.0))
    numbers = {"channels.*.*.value": Range((0.5, 1.8), times=True)}
    split = opt.Split({"brand": 0.5, "traffic": 0.5}, tolerance=0.1)
    return opt.Plan("small", tuple(lines), 100.0 * n, "none", constraints=(split,),
                    uncertainty=Uncertainty(numbers, draws=draws), **given)  # fmt: skip


def under(plan, risk, **how):
    return opt.optimize(replace(plan, risk=risk), **how)


# ------------------------------------------------------------------------------- weightings


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), LEVELS, st.floats(0.05, 1.0))
def test_the_worst_weights_are_those_of_the_formula_of_rockafellar_and_uryasev(seed, level, part):
    rng = np.random.default_rng(seed)
    values, p = rng.normal(size=40), rng.dirichlet(np.ones(40))
    weighting = Weighting.of(opt.CVaR(level, part), p)
    tail = max(eta - p @ np.maximum(eta - values, 0.0) / (1 - level) for eta in values)
    assert weighting.value(values) == pytest.approx((1 - part) * p @ values + part * tail)
    assert weighting.holds(weighting.worst(values))


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), LEVELS)
def test_weights_are_brought_into_what_is_allowed(seed, level):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(20))
    weighting = Weighting.of(opt.CVaR(level, 0.7), p)
    assert weighting.holds(weighting.nearest(rng.uniform(0, 0.3, 20)))


# ---------------------------------------------------------------------------- known answers


def test_two_values_by_hand():
    """A dollar brings 0.5 or 2, each as likely: profit −x/2 or x."""
    plan = one_line(opt.Linear(1.0), (0.5, 2.0))
    bold, safe = under(plan, opt.Expected()), under(plan, opt.CVaR(0.6))
    assert (bold.spent, bold.objective) == (pytest.approx(1000), pytest.approx(250, rel=1e-5))
    assert safe.spent == pytest.approx(0, abs=1e-2)
    assert safe.objective == pytest.approx(0, abs=1e-2)
    # Regret is x/2 in the bad world and 1000 − x in the good one: equal at x = 2000/3.
    least = under(plan, opt.Regret())
    assert least.spent == pytest.approx(2000 / 3, rel=1e-4)
    assert least.objective == pytest.approx(-1000 / 3, rel=1e-4)


def test_the_mean_of_the_tail_stands_for_a_value_that_alone_is_uncertain():
    """V = v·a·ln(1 + x/u) − x rises with v, so CVaR has the mean of the lowest v: x = v̄·a − u."""
    values = np.arange(1.0, 9.0)
    for level, lowest in ((0.75, 2), (0.5, 4)):
        best = under(one_line(opt.Log(100.0, 50.0), values), opt.CVaR(level))
        assert best.spent == pytest.approx(values[:lowest].mean() * 100 - 50, rel=1e-3)
        assert best.gap <= 1e-5


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["linear", "points"])
def test_against_the_linear_programme_of_rockafellar_and_uryasev(seed, kind):
    rng = np.random.default_rng(seed)
    n, draws, level, budget = 4, 32, 0.8, 300.0
    shapes = []
    for _ in range(n):
        slopes = np.sort(rng.uniform(0.5, 2.5, 3))[::-1]
        x = np.array([0.0, 40.0, 90.0, 200.0])
        y = np.concatenate([[0.0], np.cumsum(slopes * np.diff(x))])
        curve = opt.Points(tuple(x), tuple(y)) if kind == "points" else opt.Linear(slopes[0])
        shapes.append((curve, x, slopes if kind == "points" else slopes[:1]))
    lines = tuple(
        opt.Line(f"c{i}", c, value=1.0, maximum=200.0) for i, (c, *_) in enumerate(shapes)
    )
    numbers = {"channels.*.value": Range((0.4, 2.0), times=True)}
    plan = opt.Plan("lp", lines, budget, "none", uncertainty=Uncertainty(numbers, draws=draws))
    best = under(plan, opt.CVaR(level), gap=1e-6)
    value = np.array([best.hedge.worlds.numbers[f"channels.c{i}.value"] for i in range(n)])
    # Columns: pieces of each line, η, u of every world.
    line = np.concatenate([np.full(len(s), i) for i, (*_, s) in enumerate(shapes)])
    slope = np.concatenate([s for *_, s in shapes])
    room = np.concatenate([np.diff(x) if kind == "points" else [200.0] for _, x, _ in shapes])
    gains = value[line].T * slope - 1.0
    p, m = best.hedge.worlds.weight, len(line)
    rows = np.hstack([-gains, np.ones((draws, 1)), -np.eye(draws)])
    rows = np.vstack([rows, np.concatenate([np.ones(m), np.zeros(1 + draws)])])
    right = np.append(np.zeros(draws), budget)
    cost = np.concatenate([np.zeros(m), [-1.0], p / (1 - level)])
    bounds = [*((0, r) for r in room), (None, None), *[(0, None)] * draws]
    peer = linprog(cost, rows, right, bounds=bounds)
    assert best.objective == pytest.approx(-peer.fun, rel=1e-4)
    assert best.bound >= -peer.fun - 1e-6 * abs(peer.fun)


# ------------------------------------------------------------------------- what must always hold


def test_safety_costs_expected_value_and_never_more_than_it_brings():
    plan = small()
    found = opt.frontier(plan, 0.9, (0.0, 0.3, 0.7, 1.0)).frame
    assert (found["status"] == "optimal").all()
    assert (found["worst"] <= found["expected"]).all()
    assert (np.diff(found["expected"]) <= 1e-4 * found["expected"].iloc[0]).all()
    assert (np.diff(found["worst"]) >= -1e-4 * abs(found["worst"].iloc[0])).all()
    assert found["worst"].iloc[-1] > found["worst"].iloc[0]
    with pytest.raises(PlanError, match="no shares"):
        opt.frontier(plan, 0.9, (2.0,))


def test_a_higher_level_is_never_better():
    values = [under(small(1), opt.CVaR(level)).objective for level in (0.1, 0.5, 0.9, 0.99)]
    assert np.all(np.diff(values) <= 1e-4 * abs(values[0]))


def test_a_surer_goal_never_brings_more():
    plan = small(2)
    free = under(plan, opt.Expected())
    goal = float(np.quantile(free.hedge.values, 0.2))
    found = [under(plan, opt.Chance(goal, sure=sure)) for sure in (0.5, 0.85)]
    assert [one.hedge.chance >= sure - 1e-9 for one, sure in zip(found, (0.5, 0.85), strict=True)]
    assert free.objective * (1 + 1e-4) >= found[0].objective >= found[1].objective * (1 - 1e-4)
    assert found[1].hedge.chance > np.mean(free.hedge.values >= goal)
    assert found[1].objective < free.objective


def test_a_goal_out_of_reach_is_told():
    best = under(small(2), opt.Chance(1e6, sure=0.9))
    assert best.status == "stopped"
    assert best.hedge.chance == 0.0
    assert "no plan was found" in best.reason
    assert any(one.key == "risk.chance_missed" for one in opt.explain(best).risk)


def test_no_number_at_its_worst_is_the_plan_as_stated_and_more_are_worse():
    plan = small(3)
    stated = opt.optimize(replace(plan, uncertainty=None))
    found = [under(plan, opt.WorstCase(count)) for count in (0, 1, 2, 6)]
    values = [one.objective for one in found]
    assert values[0] == pytest.approx(stated.objective, rel=2e-4)
    assert np.all(np.diff(values) < 0)
    assert all(one.status == "optimal" and one.hedge.exact for one in found)
    # All at their worst: every value at half.
    halves = tuple(replace(line, value=0.5 * line.value) for line in plan.lines)
    worst = opt.optimize(replace(plan, lines=halves, uncertainty=None))
    assert values[-1] == pytest.approx(worst.objective, rel=2e-4)


def test_numbers_that_move_the_same_column_are_tried_in_every_choice():
    plan = small(3, n=2)
    numbers = {"channels.*.*.value": FACTORS, "channels.*.*.curve.unit": FACTORS}
    plan = replace(small(3, n=2, kinds=(opt.Log,)), uncertainty=Uncertainty(numbers, draws=16))
    best = under(plan, opt.WorstCase(2))
    assert best.hedge.exact
    ends = Worlds.ends(plan)
    assert len(ends) == 4
    stated, worst = Worlds.stated(plan), np.inf
    for first in ends:
        for second in ends:
            for one in ends[first][first]:
                for other in ends[second][second]:
                    numbers = {k: np.array([v]) for k, v in stated.items()}
                    numbers |= {first: np.array([one]), second: np.array([other])}
                    worst = min(worst, float(Worlds.at(plan, numbers).values(best.spend)[0]))
    assert best.objective == pytest.approx(worst, rel=1e-9)


def test_regret_is_never_below_zero_and_no_plan_has_less():
    plan = small(4, draws=32)
    best = under(plan, opt.Regret())
    assert best.status == "optimal"
    assert np.all(best.hedge.base - best.hedge.values >= -1e-4 * abs(best.hedge.base))
    for other in (under(plan, opt.Expected()), under(plan, opt.CVaR(0.9))):
        given_ = opt.evaluate(best.plan, other.spend)
        assert given_.objective <= best.bound + 1e-6 * abs(best.bound)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), LEVELS, st.floats(0.1, 1.0))
def test_no_plan_is_better_than_the_bound(seed, level, part):
    rng = np.random.default_rng(seed)
    best = under(small(seed % 5, draws=32), opt.CVaR(level, part))
    problem = best.problem
    assert best.gap <= 1e-4
    for _ in range(20):
        brand = rng.uniform(0.45, 0.55)
        spend = rng.dirichlet(np.ones(3), 2) * np.array([[1 - brand], [brand]])
        cells = spend.T.ravel() * problem.grid.budget * rng.uniform(0.2, 1.0)
        if problem.feasible(cells):
            value = opt.evaluate(best.plan, cells).objective
            assert value <= best.bound + 1e-9 * abs(best.bound)


def test_the_same_seed_gives_the_same_plan():
    plan = small(5)
    first, again = (under(plan, opt.CVaR(0.9)) for _ in range(2))
    np.testing.assert_array_equal(first.spend, again.spend)
    other = replace(plan, uncertainty=replace(plan.uncertainty, seed=2))
    assert not np.array_equal(under(other, opt.CVaR(0.9)).spend, first.spend)


def test_soft_rules_and_rules_on_outcomes_are_kept_or_paid():
    plan = small(6)
    soft = opt.Spend({"channel": "c0"}, at_least=400.0, penalty=0.2, name="more on c0")
    target = opt.Target(at_least=1500.0)
    plan = replace(plan, constraints=(*plan.constraints, soft, target))
    best = under(plan, opt.CVaR(0.9))
    assert best.status == "optimal"
    assert best.is_feasible
    missed = 400.0 - best.spend[:2].sum()
    assert missed > 1.0
    without = best.hedge.worlds.values(best.spend)
    np.testing.assert_allclose(best.hedge.values, without - 0.2 * missed, rtol=1e-9)


def test_rules_that_cannot_hold_are_told():
    plan = replace(small(), constraints=(opt.Spend("c0", at_least=10_000.0),))
    with pytest.raises(Infeasible):
        under(plan, opt.CVaR(0.9))


def test_risk_needs_something_uncertain():
    with pytest.raises(PlanError, match="nothing is uncertain"):
        under(replace(small(), uncertainty=None), opt.CVaR(0.9))


def test_s_curves_are_at_least_as_good_as_the_plan_as_stated_and_say_their_gap():
    lines = tuple(
        opt.Line(f"c{i}", opt.Hill(100.0 + 20 * i, 60.0, 2.5), value=2.0, current=30.0)
        for i in range(4)
    )
    numbers = {"channels.*.curve.half": FACTORS, "channels.*.value": FACTORS}
    plan = opt.Plan("s", lines, 220.0, "none", uncertainty=Uncertainty(numbers, draws=64))
    stated = opt.optimize(replace(plan, uncertainty=None))
    best = under(plan, opt.CVaR(0.8))
    assert best.objective >= opt.evaluate(best.plan, stated.spend).objective - 1e-9
    assert best.bound >= best.objective
    assert best.status == ("optimal" if best.gap <= 1e-4 else "stopped")
    rng = np.random.default_rng(0)
    for _ in range(200):
        cells = rng.dirichlet(np.ones(4)) * rng.uniform(0, 220.0)
        assert opt.evaluate(best.plan, cells).objective <= best.bound


def test_a_capacity_is_a_kink_and_still_closed():
    plan = opt.load("b2b")
    numbers = {"channels.*.*.curve.average_return": FACTORS}
    plan = replace(plan, uncertainty=Uncertainty(numbers, draws=16))
    best = under(plan, opt.CVaR(0.8), gap=1e-3)
    assert best.status == "optimal"


# --------------------------------------------------------------------------------- certificate


@pytest.mark.parametrize(
    "risk",
    [opt.Expected(), opt.CVaR(0.8, 0.6), opt.WorstCase(2)],
    ids=["mean", "cvar", "worst_case"],
)
def test_an_answer_is_checked_from_its_file_alone(risk):
    best = under(small(7), risk)
    told = json.dumps(opt.answer(best), allow_nan=False)
    found = check_claim(read_claim(told))
    assert [one.faults for one in found.checks if one.holds is False] == []
    assert found.bound == pytest.approx(best.bound, rel=1e-6)


def test_a_claim_that_is_not_true_is_found():
    best = under(small(7), opt.CVaR(0.8, 0.6))

    def faults(**changed):
        claim = {"value": best.objective, "bound": best.bound, "proof": best.proof} | changed
        return verify(best.plan, best.spend, **claim).faults

    assert faults() == ()
    assert "the value is" in faults(value=1.01 * best.objective)[0]
    assert "gives a bound" in faults(bound=best.objective * (1 - 1e-4))[0]
    plane = best.proof["planes"][0]
    for wrong in (
        {**plane, "weights": [1.0] + [0.0] * (len(plane["weights"]) - 1)},
        {**plane, "weights": plane["weights"][:-1]},
        {**plane, "at": [-1.0, *plane["at"][1:]]},
        {**plane, "share": 0.5},
        "nothing",
    ):
        told = faults(proof={**best.proof, "planes": [wrong]})
        assert told == ("the proof does not prove any bound",)


def not_adding(draws=16):
    """Two numbers move every line, so that no line tells which choice of numbers is worst."""
    plan = small(2, n=4, draws=draws)
    more = Range((0.6, 1.5), times=True, shared=True)
    numbers = {**plan.uncertainty.numbers, "channels.*.*.price": more}
    return replace(plan, uncertainty=replace(plan.uncertainty, numbers=numbers))


@pytest.mark.parametrize("plan", [small(7), not_adding()], ids=["adds", "not"])
@pytest.mark.parametrize("numbers", [0, 1, 3])
def test_a_worst_case_is_proven_and_one_that_is_not_true_is_found(plan, numbers):
    best = under(plan, opt.WorstCase(numbers))
    proof = best.proof

    def faults(**changed):
        claim = {"value": best.objective, "bound": best.bound, "proof": proof} | changed
        return verify(best.plan, best.spend, **claim).faults

    assert best.status == "optimal"
    assert faults() == ()
    size = abs(best.objective)
    assert "the value is" in faults(value=best.objective + 1e-4 * size, bound=best.bound + size)[0]
    assert "gives a bound" in faults(bound=best.objective - 1e-4 * size)[0]
    names = [*Worlds.ends(best.plan)]
    too_many = [[name, 0] for name in names[: numbers + 1]]
    for wrong in ([too_many], [[["nothing", 0]]], [[[names[0], 2]]], [[[names[0], True]]], [], "x"):
        told = faults(proof={**proof, "choices": wrong})
        assert "the proof weighs choices of numbers that the worst case does not have" in told
    if numbers > 1:
        twice = [[[names[0], 0], [names[0], 1]]]
        assert "does not have" in faults(proof={**proof, "choices": twice})[0]
    # Other choices than those that were weighed give another bound, or none.
    kinder = [[[name, 1 - end] for name, end in choice] for choice in proof["choices"]]
    if kinder != proof["choices"]:
        assert faults(proof={**proof, "choices": kinder}) != ()
    given_ = opt.evaluate(best.plan, best.spend)  # by the solver's own search for the worst
    assert given_.objective == pytest.approx(best.objective, rel=1e-9)


def test_the_worst_of_too_many_choices_is_not_sure(monkeypatch):
    monkeypatch.setattr("optimizer.certificate.worst._MANY", 3)
    best = under(not_adding(), opt.WorstCase(2))
    verdict = verify(best.plan, best.spend, value=best.objective, bound=best.bound,
                     proof=best.proof)  # fmt: skip
    assert verdict.untrue == ()
    assert "too many choices" in verdict.unproven[0]


def test_regret_is_proven_and_one_that_is_not_true_is_found():
    best = under(small(7, draws=16), opt.Regret())
    plain_text = json.dumps(opt.answer(best), allow_nan=False)
    found = check_claim(read_claim(plain_text))
    assert [one.faults for one in found.checks if one.holds is False] == []
    assert found.value == pytest.approx(best.objective, rel=1e-4)
    size = abs(best.objective)

    def doctored(**changed):
        told = json.loads(plain_text) | changed
        checks = check_claim(read_claim(json.dumps(told))).checks
        return {one.key for one in checks if one.holds is False}

    less = {"kind": "profit", "value": best.objective + 0.01 * size}
    assert {"value", "bound"} <= doctored(objective=less)
    assert "value" in doctored(objective=less, bound=best.bound + size)
    assert "bound" in doctored(bound=best.objective - 0.01 * size)
    lines = json.loads(plain_text)["lines"]
    moved = [{**lines[0], "spend": 0.9 * lines[0]["spend"]}, *lines[1:]]
    assert "value" in doctored(lines=moved)
    planes = [{**best.proof["planes"][0], "weights": [1.0] + [0.0] * 15, "share": 1.0}]
    assert "bound" in doctored(proof=[{**best.proof, "planes": planes}])


def test_own_plans_that_prove_nothing_leave_regret_open():
    best = under(small(7, draws=16), opt.Regret())
    claim = {"value": best.objective, "bound": best.bound, "proof": best.proof}
    alone = verify(best.plan, best.spend, **claim)
    assert "only with the best plan of every draw" in alone.unproven[0]
    none = [Own(best.spend, None)] * 16
    open_ = verify(best.plan, best.spend, **claim, own=none)
    assert "what 16 of 16 draws could bring at most is not proven" in open_.unproven[0]
    cheating = [Own(2.0 * best.spend, {"prices": [0.0], "planes": []})] * 16
    assert verify(best.plan, best.spend, **claim, own=cheating).unproven == open_.unproven


def test_a_chance_that_is_not_reached_is_found():
    plan = small(7)
    best = under(plan, opt.Expected())
    risk = opt.Chance(float(best.hedge.values.max()) * 2, sure=0.9)
    verdict = verify(replace(plan, risk=risk), best.spend, value=best.objective,
                     bound=best.bound, proof=best.proof)  # fmt: skip
    assert "the goal is reached" in verdict.broken[0]


# ------------------------------------------------------------------------------ what is told


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(
    "risk",
    [
        opt.Expected(),
        opt.CVaR(0.9),
        opt.CVaR(0.9, 0.5),
        opt.Chance(100.0),
        opt.WorstCase(1),
        opt.Regret(),
    ],
    ids=lambda risk: risk.kind,
)
def test_every_attitude_is_told(risk, lang):
    best = under(small(8, draws=16, n=4), risk)
    told = opt.explain(best, opt.rule_prices(best), lang)
    assert told.headline.key == "headline.hedged_today"
    assert told.risk[0].key == "risk.figures"
    assert told.proof.key.startswith("proof.hedged")
    assert set(opt.rule_prices(best).frame["price"]) == {None}


def test_the_answer_says_what_its_value_is():
    best = under(small(8, draws=16), opt.CVaR(0.9))
    risk = opt.answer(best)["risk"]
    assert risk["value"] == risk["worst_tenth"] == pytest.approx(best.objective)
    assert risk["worst_tenth"] < risk["expected"]
    assert (risk["kind"], risk["draws"], risk["exact"]) == ("cvar", 16, True)


def test_sweeps_and_tornados_ask_under_risk():
    plan = replace(small(9, draws=16, n=4), risk=opt.CVaR(0.9))
    swept = opt.sweep(plan, "risk.weight", [0.2, 1.0], gap=1e-5).frame
    assert (swept["status"] == "optimal").all()
    assert swept["value"].iloc[1] < swept["value"].iloc[0]
    assert (opt.tornado(plan, gap=1e-4).frame["swing"] >= 0).all()


def test_lines_that_are_off_or_above_a_floor_get_a_plan_and_a_bound():
    lines = tuple(replace(line, minimum_if_active=120.0) for line in small(10, n=6).lines)
    plan = replace(small(10, n=6), lines=lines)
    best = under(plan, opt.CVaR(0.8))
    assert best.is_feasible
    assert best.bound >= best.objective
    stated = opt.optimize(replace(plan, uncertainty=None))
    assert best.objective >= opt.evaluate(best.plan, stated.spend).objective - 1e-9
    verdict = verify(
        best.plan, best.spend, value=best.objective, bound=best.bound, proof=best.proof
    )
    assert verdict.broken == verdict.untrue == ()
    assert verdict.unproven == ("the proof does not prove any bound",)


def test_steep_s_curves_without_any_tangent_within_reach_are_bounded():
    lines = tuple(opt.Line(f"c{i}", opt.Hill(100.0, 500.0, 3.0), value=1.0) for i in range(3))
    numbers = {"channels.*.curve.half": FACTORS}
    plan = opt.Plan("far", lines, 400.0, "none", uncertainty=Uncertainty(numbers, draws=16),
                    objective=opt.Revenue())  # fmt: skip
    best = under(plan, opt.Expected())
    for i in range(3):
        assert opt.evaluate(best.plan, 400.0 * np.eye(3)[i]).objective <= best.objective * (
            1 + 1e-9
        )
    assert best.bound >= best.objective
