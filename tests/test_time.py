"""Plans over time against a simulator of plain loops, hand-computed cases, and the certificate."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from optimizer.allocation import evaluate
from optimizer.certificate import verify
from optimizer.errors import Infeasible, PlanError
from optimizer.plan.carryover import Delayed, Geometric, Goodwill, Lift, Weibull, Weights
from optimizer.plan.constraints import ActiveLines, CostCap, Flights, Pacing, SpendAll, Target
from optimizer.plan.curves import Exponential, Hill, Linear, Log, Power
from optimizer.plan.document import assumptions, from_document, replace_at, to_document
from optimizer.plan.funnel import Funnel, Renewal
from optimizer.plan.objectives import Outcomes, Profit, Revenue
from optimizer.plan.periods import Periods
from optimizer.plan.plan import Line, Plan
from optimizer.solving import optimize

from .simulator import simulate

CARRYOVERS = [
    None,
    Geometric(half_life=2),
    Geometric(retention=0.0),
    Geometric(0.7, length=3),
    Weights((0.0, 3.0, 1.0)),
    Delayed(0.6, 2, 6),
    Weibull(0.7, 2, 5),
    Weibull(2, 3, 8, "density"),
]
CURVES = [Log(900, 20_000), Exponential(4_000, 60_000), Power(8, 0.6), Hill(4_000, 50_000, 0.9)]


@st.composite
def plans(draw, concave=True):
    """Small plans over time with everything that may be in them."""
    every = draw(st.sampled_from(["month", "quarter"]))
    count = draw(st.integers(1, 5))
    periods = Periods(
        start="2027-02" if every == "month" else "2027-Q2",
        count=count,
        every=every,
        horizon=count + draw(st.integers(0, 4)),
        discount=draw(st.sampled_from([0.0, 0.1])),
    )
    stages = ("visit", "lead", "deal")
    with_funnel = draw(st.booleans())
    lines = []
    for index in range(draw(st.integers(1, 4))):
        carryover = draw(st.sampled_from(CARRYOVERS))
        curve = draw(st.sampled_from(CURVES if concave else [*CURVES, Hill(5_000, 60_000, 2.2)]))
        lines.append(
            Line(
                f"c{index // 2}",
                curve,
                role="brand" if index % 2 else "traffic",
                outcome=draw(st.sampled_from(stages[:2])) if with_funnel else None,
                price=draw(st.sampled_from([1.0, 1.4])),
                current=draw(st.sampled_from([None, 30_000.0])),
                before=draw(st.sampled_from([None, 0.0, 25_000.0, (5_000.0, 40_000.0)])),
                carryover=carryover,
                demand=draw(st.sampled_from([None, {"Q2": 1.5, "may": 0.5}, (1.2,) * count])),
                prices=draw(st.sampled_from([None, {"Q3": 1.3}])),
                maximum=draw(st.sampled_from([None, 60_000.0])),
            )
        )
    capacity = draw(st.sampled_from([{}, {"lead": 40.0}, {"lead": 60.0, "deal": {"Q2": 3.0}}]))
    funnel = Funnel(
        stages,
        {"visit": 0.05, "lead": 0.2},
        {"lead": 20.0, "deal": 3_000.0},
        delays=draw(st.sampled_from([{}, {"lead": 2}, {"visit": (0.5, 0.5), "lead": 1}])),
        capacity=capacity,
        renewal=draw(st.sampled_from([None, Renewal(0.8, 3), Renewal(0.3, 1, 12, 0.5)])),
    )
    goodwill = draw(
        st.sampled_from(
            [
                None,
                Goodwill(Log(300, 30_000), half_life=6, outcome="visit" if with_funnel else None),
                Goodwill(
                    Power(5, 0.5),
                    retention=0.9,
                    start=10_000.0,
                    outcome="lead" if with_funnel else None,
                ),
            ]
        )
    )
    if not any(line.role == "brand" for line in lines):
        goodwill = None
    if goodwill is not None:
        names = draw(st.lists(st.sampled_from([line.name for line in lines]), unique=True))
        some = st.sampled_from([Lift(0.3, 1.0), Lift(1.0, 0.2), Lift(0.05, 40.0)])
        goodwill = replace(goodwill, lifts={name: draw(some) for name in names})
    return Plan(
        "time",
        tuple(lines),
        budget=30_000.0 * len(lines) * count,
        value=None if with_funnel else 40.0,
        periods=periods,
        funnel=funnel if with_funnel else None,
        goodwill=goodwill,
        objective=draw(st.sampled_from([Profit(0.7), Revenue(), Outcomes()])),
        constraints=draw(st.sampled_from([(), (SpendAll(),), (Pacing(0.3),)])) if count > 1 else (),
    )


def spend_of(allocation):
    rows = allocation.spend.reshape(allocation.problem.grid.n_lines, -1)
    names = allocation.problem.grid.line_names
    return {str(name): row.tolist() for name, row in zip(names, rows, strict=True)}


@settings(max_examples=60, deadline=None)
@given(plans(), st.integers(0, 2**32 - 1))
def test_any_spend_is_worth_what_plain_loops_say(plan, seed):
    rng = np.random.default_rng(seed)
    n, count = len(plan.lines), plan.periods.count
    there = evaluate(plan, rng.uniform(0, 50_000, (n, count)))
    told = simulate(plan, spend_of(there))
    assert there.objective == pytest.approx(told["objective"], rel=1e-9, abs=1e-6)
    for line, outcome in zip(plan.lines, there.outcomes, strict=True):
        assert outcome == pytest.approx(sum(told["brought"][line.name]), rel=1e-9, abs=1e-9)
    if plan.goodwill is not None:
        assert there.by_period.goodwill.to_numpy() == pytest.approx(told["stock"], rel=1e-9)
    for name, found in told["stages"].items():
        rows = there.by_stage[there.by_stage["stage"] == name]
        assert rows.arrived.to_numpy() == pytest.approx(found["arrived"], rel=1e-9, abs=1e-9)
        assert rows.followed_up.to_numpy() == pytest.approx(found["followed"], rel=1e-9, abs=1e-9)
    if plan.objective.kind != "outcomes":
        revenue = there.by_period.value.sum()
        assert revenue == pytest.approx(told["revenue"], rel=1e-9, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(plans())
def test_every_optimised_plan_is_proven_and_reproduced(plan):
    best = optimize(plan)
    assert best.status == "optimal"
    assert best.gap <= 1e-4
    told = simulate(plan, spend_of(best))
    assert best.objective == pytest.approx(told["objective"], rel=1e-9, abs=1e-6)
    verdict = verify(plan, best.spend, value=best.objective, bound=best.bound, proof=best.proof)
    assert verdict.holds, verdict.faults


@settings(max_examples=15, deadline=None)
@given(plans(concave=False))
def test_s_curves_over_time_are_bounded(plan):
    best = optimize(plan, gap=1e-3, time_limit=5)
    told = simulate(plan, spend_of(best))
    assert best.objective == pytest.approx(told["objective"], rel=1e-9, abs=1e-6)
    verdict = verify(plan, best.spend, value=best.objective, bound=best.bound, proof=best.proof)
    assert verdict.holds, verdict.faults


@settings(max_examples=25, deadline=None)
@given(plans(concave=False))
def test_a_plan_survives_its_document(plan):
    again = from_document(to_document(plan))
    assert again == plan


@settings(max_examples=15, deadline=None)
@given(plans())
def test_neither_order_nor_currency_matters(plan):
    best = optimize(plan)
    turned = optimize(Plan(**{**vars_of(plan), "lines": tuple(reversed(plan.lines))}))
    assert turned.objective == pytest.approx(best.objective, rel=2e-4)


def vars_of(plan):
    import dataclasses

    return {field.name: getattr(plan, field.name) for field in dataclasses.fields(plan)}


# ------------------------------------------------------------------------------------------------
# By hand


def one(curve=None, **line):
    given = {"channel": "tv", "curve": curve or Linear(1.0), "value": 1.0, **line}
    return Line(**given)


def test_carry_over_by_hand():
    """Half stays each period: 80 in the first of three is 40, 20, 10 of exposure."""
    plan = Plan(
        "by hand",
        (one(carryover=Geometric(retention=0.5), before=0.0),),
        budget=1_000.0,
        periods=Periods("2027-01", 3),
    )
    there = evaluate(plan, [[80.0, 0.0, 0.0]])
    assert there.by_cell.outcome.tolist() == [40.0, 20.0, 10.0]
    # A fourth and a fifth month count where the plan says so.
    longer = Plan(**{**vars_of(plan), "periods": Periods("2027-01", 3, horizon=5)})
    assert evaluate(longer, [[80.0, 0.0, 0.0]]).by_period.outcome.tolist() == [40, 20, 10, 5, 2.5]


def test_spend_before_the_plan_carries_in():
    """64 for ever before has an exposure of 64; 32 and 16 are left of it after one and two."""
    plan = Plan(
        "before",
        (one(carryover=Geometric(retention=0.5), before=64.0),),
        budget=10.0,
        periods=Periods("2027-01", 2),
    )
    assert evaluate(plan, [[0.0, 0.0]]).by_cell.outcome.tolist() == [32.0, 16.0]
    listed = Plan(
        **{
            **vars_of(plan),
            "lines": (one(carryover=Geometric(retention=0.5), before=(100.0, 64.0)),),
        }
    )
    # Last month's 64 leaves 64/4, the month before's 100 leaves 100/8.
    assert evaluate(listed, [[0.0, 0.0]]).by_cell.outcome[0] == pytest.approx(16.0 + 12.5)


def test_delayed_by_hand():
    """r = 0.5, peak after one period, three long: 0.5, 1, 0.5 of 2."""
    plan = Plan(
        "delayed",
        (one(carryover=Delayed(0.5, 1, 3), before=0.0),),
        budget=1_000.0,
        periods=Periods("2027-Q1", 4, "quarter"),
    )
    there = evaluate(plan, [[100.0, 0.0, 0.0, 0.0]])
    assert there.by_cell.outcome.tolist() == [25.0, 50.0, 25.0, 0.0]


def lifted(curve, lifts, *, brand=None, count=2, budget=100.0, constraints=(), **goodwill):
    """A brand line that fills goodwill, which lifts a traffic line."""
    given = {"curve": Linear(0.0), "retention": 0.5, "start": 0.0, "value": 1.0, **goodwill}
    return Plan(
        "lifted",
        (
            one(brand or Linear(0.0), role="brand"),
            one(curve, channel="search", role="traffic", carryover=None),
        ),
        budget=budget,
        periods=Periods("2027-01", count),
        goodwill=Goodwill(**given, lifts=lifts),
        objective=Revenue(),
        constraints=constraints,
    )


def test_a_lift_by_hand():
    """80 of brand is a stock of 40, then 20; at a reach of 2 it warms 80, then 40 of the 60."""
    plan = lifted(Linear(1.0), {"search.traffic": Lift(0.25, reach=2.0)})
    there = evaluate(plan, [[80.0, 0.0], [60.0, 60.0]])
    assert there.by_period.outcome.tolist() == pytest.approx([60 + 15, 60 + 10])
    assert there.by_period.lifted.tolist() == pytest.approx([15, 10])
    assert there.lifts == {"search.traffic": pytest.approx(25 / 120)}
    # In January all 60 are warm: one more brings 1.25. In February goodwill is what lacks: one more
    # of January's brand money is a stock larger by a quarter, which warms a half.
    assert there.marginal.tolist() == pytest.approx([0.25 * 0.5, 0.25 * 1.0, 1.25, 1.0])


def test_lifted_carry_over_lasts_as_long_as_it_counts():
    line = one(channel="search", role="traffic", carryover=Geometric(retention=0.5), before=0.0)
    plan = lifted(Linear(1.0), {"search.traffic": Lift(0.5, reach=1.0)})
    plan = replace(
        plan, lines=(plan.lines[0], line), periods=Periods("2027-01", 1, horizon=2), budget=200.0
    )
    there = evaluate(plan, [[40.0], [100.0]])  # 20 and 10 of goodwill; 50 and 25 of exposure
    assert there.by_period.outcome.tolist() == pytest.approx([50 + 10, 25 + 5])


def test_the_best_plan_with_a_lift_is_that_of_brute_force():
    """Two lines, two months, and every split of 24 units of money among the four cells."""
    plan = lifted(Power(3.0, 0.5), {"search.traffic": Lift(0.8, reach=3.0)}, budget=24.0)
    best = optimize(plan, gap=1e-6)
    steps = range(25)
    values = [
        simulate(plan, {"tv.brand": [a, b], "search.traffic": [c, 24 - a - b - c]})["objective"]
        for a, b, c in itertools.product(steps, steps, steps)
        if a + b + c <= 24
    ]
    assert max(values) <= best.bound
    assert best.objective >= max(values)
    assert best.objective == pytest.approx(max(values), rel=1e-2)  # as fine as the steps
    assert best.spend[0] > 1.0  # brand, which brings nothing by itself


@settings(max_examples=15, deadline=None)
@given(plans())
def test_a_lift_never_makes_a_plan_worse(plan):
    assume(plan.goodwill is not None)
    without = optimize(replace(plan, goodwill=replace(plan.goodwill, lifts={})))
    least = without.objective - 1.1e-4 * abs(without.objective) - 1e-6
    assert optimize(plan).objective >= least


def test_a_lift_of_next_to_nothing_is_none():
    plan = lifted(Log(30.0, 20.0), {}, brand=Log(10.0, 20.0))
    small = replace(plan.goodwill, lifts={"search.traffic": Lift(1e-9, reach=1.0)})
    without, with_it = optimize(plan), optimize(replace(plan, goodwill=small))
    assert with_it.objective == pytest.approx(without.objective, rel=1e-7)
    assert with_it.spend == pytest.approx(without.spend, abs=1.0)


@pytest.mark.parametrize("curve", [Hill(60.0, 30.0, 2.5), Exponential(60.0, 30.0)])
def test_a_year_with_lifts_is_proven(curve):
    plan = lifted(
        curve,
        {"search.traffic": Lift(0.4, reach=1.5)},
        brand=Log(10.0, 20.0),
        count=6,
        budget=300.0,
        constraints=(Pacing(0.3), Target(100.0)),
    )
    best = optimize(plan, gap=1e-3)
    assert best.status == "optimal"
    assert best.objective == pytest.approx(simulate(plan, spend_of(best))["objective"], rel=1e-9)
    verdict = verify(plan, best.spend, value=best.objective, bound=best.bound, proof=best.proof)
    assert verdict.holds, verdict.faults


def test_a_lift_is_found_by_its_path():
    plan = lifted(Linear(1.0), {"search.traffic": Lift(0.2, reach=2.0)})
    changed = replace_at(plan, "goodwill.lifts.search.traffic.by", "*1.5")
    assert changed.goodwill.lifts["search.traffic"].by == pytest.approx(0.3)
    inputs = {"goodwill.lifts.search.traffic.by", "goodwill.lifts.search.traffic.reach"}
    assert inputs <= {one.path for one in assumptions(plan)}
    assert replace_at(plan, "goodwill.lifts", None).goodwill.lifts == {}


def test_what_a_lift_cannot_be():
    with pytest.raises(PlanError, match="above 0"):
        Lift(0.0, reach=1.0)
    with pytest.raises(PlanError, match="radio"):
        optimize(lifted(Linear(1.0), {"radio": Lift(0.1, reach=1.0)}))
    capped = (CostCap(5.0, where={"role": "traffic"}, marginal=True),)
    lifts = {"search.traffic": Lift(0.1, reach=1.0)}
    with pytest.raises(PlanError, match="depends on goodwill"):
        optimize(lifted(Linear(1.0), lifts, constraints=capped))


def test_goodwill_by_hand():
    """Stock 100, r = 0.8: 80 after a month of nothing, then 0.8·80 + 0.2·200 = 104."""
    plan = Plan(
        "goodwill",
        (one(Linear(0.0), role="brand"),),
        budget=1_000.0,
        value=1.0,
        periods=Periods("2027-01", 2, horizon=3),
        goodwill=Goodwill(Linear(0.1), retention=0.8, start=100.0),
    )
    there = evaluate(plan, [[0.0, 200.0]])
    assert there.by_period.goodwill.tolist() == pytest.approx([80.0, 104.0, 83.2])
    assert there.by_period.goodwill_outcome.tolist() == pytest.approx([8.0, 10.4, 8.32])


def test_delays_and_renewals_by_hand():
    """Ten leads a month become two deals two months later, each worth 100·(1 + 0.5 + 0.25)."""
    plan = Plan(
        "funnel",
        (one(Linear(1.0), value=None, outcome="lead"),),
        budget=1_000.0,
        periods=Periods("2027-01", 3, horizon=4),
        funnel=Funnel(
            ("lead", "deal"),
            {"lead": 0.2},
            {"deal": 100.0},
            delays={"lead": 2},
            renewal=Renewal(0.5, 2),
        ),
    )
    there = evaluate(plan, [[10.0, 10.0, 10.0]])
    deals = there.by_stage.query("stage == 'deal'").followed_up.tolist()
    assert deals == pytest.approx([0.0, 0.0, 2.0, 2.0])
    assert there.by_period.value.tolist() == pytest.approx([0.0, 0.0, 350.0, 350.0])


def test_leads_beyond_capacity_are_lost_and_capacity_has_a_price():
    plan = Plan(
        "sales",
        (one(Linear(1.0), value=None, outcome="lead"),),
        budget=100.0,
        periods=Periods("2027-01", 2),
        funnel=Funnel(("lead",), {}, {"lead": 5.0}, capacity={"lead": (20.0, 50.0)}),
        objective=Revenue(),
        constraints=(SpendAll(),),
    )
    there = evaluate(plan, [[60.0, 40.0]])
    assert there.by_stage.lost.tolist() == pytest.approx([40.0, 0.0])
    assert there.objective == pytest.approx(5 * (20 + 40))
    best = optimize(plan)
    assert best.objective == pytest.approx(5 * 70)


def test_a_year_without_time_is_the_same_as_one_period():
    """Periods without carry-over or season only divide the year: each gets the same."""
    lines = (
        one(Log(100, 1_000), role="traffic"),
        Line("tv", Log(60, 900), value=1.0, role="brand"),
    )
    year = optimize(
        Plan("y", lines, 12_000.0, periods=Periods("2027-01", 12), objective=Revenue()), gap=1e-6
    )
    month = optimize(Plan("m", lines, 1_000.0, objective=Revenue()), gap=1e-8)
    assert year.objective == pytest.approx(12 * month.objective, rel=1e-5)
    assert year.by_line.spend.to_numpy() == pytest.approx(12 * month.spend, rel=5e-2)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"start": "2027-13", "count": 3}, "no month 13"),
        ({"start": "2027", "count": 3}, "write it like 2027-01"),
        ({"start": "2027-W60", "count": 3, "every": "week"}, "no week 60"),
        ({"start": "2027-01", "count": 12, "horizon": 6}, "ends before the plan"),
    ],
)
def test_faults_of_periods_are_told(given, words):
    with pytest.raises(PlanError, match=words):
        Periods(**given)


def test_calendar_names_and_weeks():
    weeks = Periods("2026-W52", 4, "week")
    assert weeks.planned == ("2026-W52", "2026-W53", "2027-W01", "2027-W02")
    months = Periods("2027-11", 3, horizon=15)
    assert months.labels[0] == "2027-11"
    assert months.labels[-1] == "2029-01"
    values = months.values({"Q4": 2.0, "dec": 3.0, "2028-11": 5.0}, "demand")
    assert values.tolist() == [2, 3, 1, *[1] * 8, 2, 5, 3, 1][:15]


def test_targets_by_a_date_and_stage():
    plan = Plan(
        "target",
        (one(Log(50, 1_000), value=None, outcome="lead"),),
        budget=100_000.0,
        periods=Periods("2027-01", 6),
        funnel=Funnel(("lead", "deal"), {"lead": 0.5}, {"deal": 1.0}, delays={"lead": 1}),
        objective=Revenue(),
        constraints=(Target(at_least=20.0, outcome="deal", by="2027-03", name="spring"),),
    )
    best = optimize(plan)
    deals = best.by_stage.query("stage == 'deal'").followed_up.to_numpy()
    assert deals[:3].sum() >= 20.0 * (1 - 1e-9)


def test_a_line_on_air_stays_there():
    """Alone each quarter would be worth a burst; flights of two make it stay, or stay away."""
    lines = (
        Line(
            "tv",
            Hill(100.0, 50.0, 2.0),
            value=1.0,
            minimum_if_active=20.0,
            demand=(1.0, 0.1, 1.2, 0.1),
        ),
        Line("search", Log(20.0, 40.0), value=1.0),
    )
    plan = Plan(
        "flights",
        lines,
        budget=200.0,
        periods=Periods("2027-Q1", 4, "quarter"),
        objective=Revenue(),
        constraints=(Flights(2, where="tv"),),
    )
    best = optimize(plan, gap=1e-3)
    on = best.spend.reshape(2, 4)[0] > 1e-6
    starts = [s for s in range(4) if on[s] and (s == 0 or not on[s - 1])]
    assert all(on[s : s + 2].all() for s in starts)
    verdict = verify(plan, best.spend, value=best.objective, bound=best.bound, proof=best.proof)
    assert verdict.holds, verdict.faults
    free = optimize(Plan(**{**vars_of(plan), "constraints": ()}), gap=1e-3)
    assert free.objective >= best.objective * (1 - 1e-3)


@pytest.mark.parametrize("marginal", [False, True])
def test_an_outcome_costs_no_more_than_its_cap(marginal):
    lines = (one(Log(50.0, 1_000.0), carryover=Geometric(retention=0.5), before=0.0),)
    plan = Plan(
        "cap",
        lines,
        budget=60_000.0,
        periods=Periods("2027-01", 3),
        objective=Outcomes(),
        constraints=(CostCap(60.0, marginal=marginal),),
    )
    best = optimize(plan)
    if marginal:
        exposure = best.columns[3:]
        slopes = lines[0].curve.slope(exposure)
        assert (1 / slopes <= 60.0 * (1 + 1e-6)).all()
        assert (1 / slopes).max() == pytest.approx(60.0, rel=1e-3)
    else:
        assert best.spent / best.outcomes.sum() == pytest.approx(60.0, rel=1e-3)


# --- Periods that are over --------------------------------------------------------------------


def followed(past: int, spent: tuple[float, ...], **changes: object) -> Plan:
    """One line over four months that may change by a tenth from month to month."""
    months = ("2027-01", "2027-02", "2027-03", "2027-04")
    given = dict(zip(months, spent, strict=False))
    line = Line("tv", Log(10.0, 50.0), value=20.0, locked_in=given, maximum=500.0)
    stated = {
        "budget": 2000.0,
        "periods": Periods("2027-01", 4, past=past),
        "constraints": (Pacing(max_change=0.1, name="steady"),),
        **changes,
    }
    return Plan("Followed", (line,), **stated)


def test_what_is_over_breaks_no_rule_any_more_but_binds_what_follows():
    with pytest.raises(Infeasible):
        optimize(followed(0, (100.0, 200.0)))
    best = optimize(followed(2, (100.0, 200.0)))
    np.testing.assert_allclose(best.spend[:2], [100, 200])
    assert best.spend[2] <= 220 * (1 + 1e-9)  # the change from February on is still held
    claim = {"value": best.objective, "bound": best.bound, "proof": best.proof}
    assert verify(best.plan, best.spend, **claim).holds
    loose = optimize(followed(2, (100.0, 200.0), constraints=()))
    assert loose.objective > best.objective


def test_a_soft_rule_still_costs_what_it_cost():
    soft = (Pacing(max_change=0.1, name="steady", penalty=0.5),)
    best = optimize(followed(4, (100.0, 200.0, 200.0, 200.0), constraints=soft))
    free = optimize(followed(4, (100.0, 200.0, 200.0, 200.0), constraints=()))
    assert free.objective - best.objective == pytest.approx(0.5 * 90)


def test_no_way_out_leads_through_the_past():
    plan = followed(2, (400.0, 400.0), budget=1000.0)
    with pytest.raises(Infeasible) as caught:
        optimize(plan)
    text = str(caught.value)
    assert "up to and with 2027-02 $800 is spent already" in text
    assert "locked" not in text
    assert {way.rule for way in caught.value.conflict.relaxations} <= {"budget", "steady"}


def test_what_was_spent_in_the_past_must_be_stated():
    with pytest.raises(PlanError, match="says nothing of 2027-02, which"):
        followed(2, (100.0,))
    with pytest.raises(PlanError, match="past 5 is more than the plan's 4 periods"):
        followed(5, ())


def test_a_line_that_may_get_nothing_is_never_on():
    """A line is on in two of three months; in the blacked-out one nothing counts."""
    lines = tuple(
        Line(name, Log(10.0, 50.0), value=1.0, minimum_if_active=30.0, maximum=300.0, blackout=out)
        for name, out in (("a", ("2027-02",)), ("b", ()))
    )
    rule = ActiveLines(at_least=2, per="period")
    with pytest.raises(Infeasible):
        optimize(Plan("On", lines, 600.0, periods=Periods("2027-01", 3), constraints=(rule,)))
