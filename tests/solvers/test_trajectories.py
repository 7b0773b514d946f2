"""S-curves over weeks: bounds from whole trajectories, plans from mixtures, and their proof."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.certificate import verify
from optimizer.certificate.chains import ChainBound
from optimizer.compiling import compile_plan
from optimizer.plan.carryover import Geometric, Goodwill, Weibull
from optimizer.plan.constraints import Flights, Pacing, SpendAll, Target
from optimizer.plan.curves import Exponential, Hill, Log, Logistic, Power
from optimizer.plan.objectives import Profit, Revenue
from optimizer.plan.periods import Periods
from optimizer.plan.plan import Line, Plan
from optimizer.solvers import branching, chained, solve
from optimizer.solvers.branching import Branching
from optimizer.solvers.chained import Chained, suits
from optimizer.solvers.mixtures import Parts
from optimizer.solvers.solution import Clock, Options, Status
from optimizer.solvers.trajectories import Course, Limits, chains_of
from optimizer.solving import optimize

CURVES = (
    Hill(100, 80, 2.5),
    Hill(120, 60, 3.5),
    Logistic(90, 12, 60),
    Log(40, 50),
    Power(6, 0.5),
    Exponential(80, 60),
)


def weeks(n_lines, n_periods, seed, *, split="b2c", curves=None, **fields):
    """Lines with carry-over and S-curves, and money for some of them some of the time."""
    rng = np.random.default_rng(seed)
    lines = []
    for number in range(n_lines):
        size, half, steep = (float(rng.uniform(*ends)) for ends in ((50, 150),) * 2 + ((1.5, 3.5),))
        curve = Hill(size, half, steep) if curves is None else curves[number % len(curves)]
        lines.append(
            Line(
                f"c{number // 2}",
                curve,
                role="brand" if number % 2 else "traffic",
                value=1.0,
                before=fields.get("before", 0.0),
                carryover=Geometric(retention=float(rng.uniform(0.2, 0.7))),
                demand=tuple(rng.uniform(0.7, 1.3, n_periods)) if fields.get("seasons") else None,
                maximum=fields.get("maximum"),
                minimum_if_active=fields.get("minimum_if_active", 0.0),
            )
        )
    budget = float(rng.uniform(0.2, 0.4)) * 90.0 * n_lines * n_periods
    return Plan(
        "weeks",
        tuple(lines),
        fields.get("budget", budget),
        split,
        objective=fields.get("objective", Revenue()),
        periods=Periods("2027-W01", n_periods, "week", horizon=fields.get("horizon", n_periods)),
        constraints=fields.get("constraints", ()),
        goodwill=fields.get("goodwill"),
    )


def random_course(seed, curve, *, bounded):
    """A chain of one line, what its outcomes are worth, what it costs, and its limits."""
    rng = np.random.default_rng(seed)
    plan = weeks(
        1, 6, seed, split="none", curves=[curve], seasons=bool(seed % 2), before=40.0, horizon=8
    )
    problem = compile_plan(plan)
    (chain,) = chains_of(problem)
    n = problem.n_columns
    worth, cost = rng.uniform(0.2, 2.0, n), rng.uniform(0.0, 0.8, n)
    low, high = problem.lower.copy(), problem.upper.copy()
    peak = (0.0, np.inf)
    if bounded:
        comes = chain.cells[chain.cells >= 0]
        high[comes] = rng.uniform(20, 200, len(comes))
        low[comes] = rng.uniform(0, 1, len(comes)) * 0.3 * high[comes]
        middle = float(rng.uniform(20, 120))
        peak = (middle, np.inf) if seed % 3 else (0.0, middle)
    return problem, chain, worth, cost, low, high, peak


def trajectories(problem, chain, low, high, rng, count=4000):
    """Random ways through the periods: money, and the stock it leads to, by plain loops."""
    money = np.zeros((count, len(chain.cells)))
    stock, before = np.zeros_like(money), np.zeros(count)
    for t, cell in enumerate(chain.cells):
        if cell >= 0:
            top = min(high[cell], 400.0)
            share = rng.choice([0.0, 1.0, 0.5], count) * rng.choice([1.0, 0.5, 0.1], count)
            money[:, t] = low[cell] + share * rng.uniform(0, 1, count) * (top - low[cell])
        rate = chain.rate if t else 0.0
        before = rate * before + chain.gain[t] * money[:, t] + chain.given[t]
        stock[:, t] = before
    return money, stock


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(CURVES), st.booleans(), st.sampled_from([0.2, 0.03]))
def test_no_trajectory_is_worth_more_than_its_bound(seed, curve, bounded, fineness):
    """Solver and certificate, each with its own programme, against plain loops."""
    problem, chain, worth, cost, low, high, peak = random_course(seed, curve, bounded=bounded)
    course, comes = Course(problem, chain, fineness), chain.cells >= 0
    paid = np.where(comes, cost[chain.cells], 0.0)
    limits = Limits(
        low[chain.stocks],
        high[chain.stocks],
        np.where(comes, low[chain.cells], 0.0),
        np.where(comes, high[chain.cells], 0.0),
        *peak,
    )
    bound, found = course.best(worth[chain.stocks], cost[chain.stocks], paid, limits)
    stated = (int(chain.stocks[0]), course.first, course.ratio, course.count)
    checked = ChainBound(problem, stated).highest(worth, cost, low, high, peak)

    def values(money, stock):
        unit = problem.exposure[chain.stocks]
        terms = problem.curves.take(chain.stocks).outcome(unit * stock)
        return terms @ worth[chain.stocks] - stock @ cost[chain.stocks] - money @ paid

    money, stock = trajectories(problem, chain, low, high, np.random.default_rng(seed))
    kept = np.all(stock <= high[chain.stocks], axis=1)
    kept &= (stock.max(axis=1) >= peak[0]) & (stock.max(axis=1) <= peak[1])
    reached = values(money[kept], stock[kept]).max(initial=-np.inf)
    if found is None:
        assert bound == checked == -np.inf
        assert not kept.any()
        return
    size = float(found.stock @ abs(cost[chain.stocks]) + found.money @ paid + abs(bound))
    assert reached <= bound + 1e-9 * size
    assert checked == pytest.approx(bound, rel=1e-8, abs=1e-8 * size)
    if not bounded:
        own = float(values(found.money[None], found.stock[None])[0])
        assert bound - 3.0 * fineness * size <= own <= bound + 1e-9 * size


@settings(max_examples=8, deadline=None)
@given(
    st.integers(0, 10_000),
    st.sampled_from(["b2c", "none"]),
    st.sampled_from([{}, {"seasons": True}, {"horizon": 12, "before": 30.0}, {"maximum": 150.0}]),
    st.sampled_from([Revenue(), Profit(0.5)]),
    st.sampled_from([(), (SpendAll(),), (Target(at_least=300.0),)]),
)
def test_neither_denies_what_the_other_found(seed, split, fields, objective, rules):
    """Trajectories against boxes of cells; and every leaf is checked from outside."""
    plan = weeks(3, 9, seed, split=split, objective=objective, constraints=rules, **fields)
    problem = compile_plan(plan)
    ours = Chained().solve(problem, Options(gap=5e-3, time_limit=2), None)
    other = Branching().solve(problem, Options(gap=5e-3, time_limit=2), None)
    if ours.spend is None:
        assert ours.status is Status.STOPPED
        return
    room = 1e-9 * abs(ours.bound) + 1e-9
    assert problem.feasible(ours.spend)
    assert ours.value <= other.bound + room
    if other.spend is not None:
        assert other.value <= ours.bound + room
    cells = ours.spend[: problem.n_cells]
    verdict = verify(plan, cells, value=ours.value, bound=ours.bound, proof=ours.proof)
    assert verdict.holds, verdict.faults
    # Cut short by time, a search may claim a little less than what its proof gives.
    assert verdict.bound == pytest.approx(ours.bound, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_weeks_of_s_curves_are_proven(seed):
    plan = weeks(8, 26, seed)
    best = optimize(plan, gap=1e-2, time_limit=30)
    assert best.status == "optimal"
    assert best.solver == Chained.name
    proof = json.loads(json.dumps(best.proof))
    verdict = verify(plan, best.spend, value=best.objective, bound=best.bound, proof=proof)
    assert verdict.holds, verdict.faults


def test_a_mixture_is_near_its_bound():
    """Few lines are between two trajectories, whatever the number of periods."""
    problem = compile_plan(weeks(8, 26, 5))
    parts = Parts(problem, 0.01)
    none = np.zeros(int(parts.priced.sum()))
    clock = Clock(None)
    mixture = parts.mix(parts.whole(), none, (), 1e-6, -np.inf, clock)
    value = mixture.shares @ [way.value for way in mixture.ways]
    assert value <= mixture.bound <= value * (1 + 1e-3)
    undecided = {
        way.part
        for way, share in zip(mixture.ways, mixture.shares, strict=True)
        if 0.02 < share < 0.98
    }
    assert len(undecided) <= len(none) + 1


@pytest.fixture(scope="module")
def proven():
    plan = weeks(3, 12, 1)
    problem = compile_plan(plan)
    found = Chained().solve(problem, Options(gap=3e-3, time_limit=10), None)
    return plan, problem, found


def leaves(proof):
    if "chains" in proof:
        yield proof
    for side in ("below", "above"):
        if side in proof:
            yield from leaves(proof[side])


@pytest.mark.parametrize(
    "chains",
    [
        "all",
        [["0", 1.0, 1.1, 10]],
        [[-1, 1.0, 1.1, 200]],
        [[0, 1.0, 1.1, 200]],
        [[10**9, 1.0, 1.1, 200]],
        [[1, 2, 3]],
        [[1, 1.0, 1.0, 50]],
        [[1, 1.0, float("nan"), 50]],
        [[1, 1.0, 2.0, 10**12]],
        {"a": 1},
    ],
    ids=str,
)
def test_chains_that_are_none_prove_nothing(proven, chains):
    plan, problem, found = proven
    proof = json.loads(json.dumps(found.proof))
    for leaf in leaves(proof):
        first = leaf["chains"][0]
        leaf["chains"] = [first, first] if chains == "all" else chains
    cells = found.spend[: problem.n_cells]
    verdict = verify(plan, cells, value=found.value, bound=found.bound, proof=proof)
    assert verdict.unproven


def test_too_few_intervals_are_refused(proven):
    plan, problem, found = proven
    proof = json.loads(json.dumps(found.proof))
    for leaf in leaves(proof):
        for stated in leaf["chains"]:
            stated[3] -= 3
    cells = found.spend[: problem.n_cells]
    assert not verify(plan, cells, value=found.value, bound=found.bound, proof=proof).holds


def test_a_bound_below_the_optimum_is_never_proven(proven):
    plan, problem, found = proven
    cells = found.spend[: problem.n_cells]
    low = found.value * (1 - 1e-4)
    verdict = verify(plan, cells, value=low, bound=low, proof=found.proof)
    assert verdict.bound >= found.value * (1 - 1e-9)
    assert not verdict.holds


@pytest.mark.parametrize(
    "fields",
    [
        {"constraints": (Pacing(0.3),)},
        {"constraints": (Flights(2),), "minimum_if_active": 20.0},
        {"goodwill": Goodwill(Log(300, 3000), half_life=6)},
    ],
    ids=["pacing", "flights", "goodwill"],
)
def test_what_is_more_than_chains_is_answered_as_before(fields):
    plan = weeks(2, 26, 3, **fields)
    problem = compile_plan(plan)
    assert not suits(problem, problem.needs)
    best = optimize(plan, gap=5e-2, time_limit=5)
    verdict = verify(plan, best.spend, value=best.objective, bound=best.bound, proof=best.proof)
    assert verdict.holds, verdict.faults


@pytest.mark.parametrize("most", [5, 20, 60])
def test_boxes_that_time_cuts_short_keep_the_proof_of_their_parents(most, monkeypatch):
    climb = branching.climb

    def hurried(part, envelopes, box, cuts, tolerance, clock, *rest):
        return climb(part, envelopes, box, cuts, tolerance, Clock(0.0), *rest)

    monkeypatch.setattr(branching, "climb", hurried)
    monkeypatch.setattr(branching._Search, "most", most)
    plan = weeks(2, 10, 3, constraints=(Flights(2),), minimum_if_active=20.0)
    problem = compile_plan(plan)
    found = Branching().solve(problem, Options(gap=1e-6), None)
    cells = found.spend[: problem.n_cells]
    verdict = verify(plan, cells, value=found.value, bound=found.bound, proof=found.proof)
    assert verdict.holds, verdict.faults


def test_another_shape_of_carry_over_is_answered_as_before():
    plan = weeks(2, 26, 3)
    lines = tuple(replace(line, carryover=Weibull(1.2, 2.0, 6)) for line in plan.lines)
    problem = compile_plan(replace(plan, lines=lines))
    assert not suits(problem, problem.needs)
    assert solve(problem, Options(gap=5e-2, time_limit=3)).spend is not None


def test_where_trajectories_end_boxes_go_on_and_the_lower_bound_is_kept(monkeypatch):
    plan = weeks(4, 26, 2)
    problem = compile_plan(plan)
    monkeypatch.setattr(chained, "_NODES", 1)
    first = Chained().solve(problem, Options(gap=1e-6), None)
    assert first.status is Status.STOPPED
    best = solve(problem, Options(gap=1e-6, time_limit=4))
    assert best.value >= first.value * (1 - 1e-12)
    assert best.bound <= first.bound * (1 + 1e-12)
    cells = best.spend[: problem.n_cells]
    verdict = verify(plan, cells, value=best.value, bound=best.bound, proof=best.proof)
    assert verdict.holds, verdict.faults


def test_a_rule_that_nothing_keeps_is_left_to_the_others():
    problem = compile_plan(weeks(4, 26, 2, constraints=(Target(at_least=1e7),)))
    assert suits(problem, problem.needs)
    assert Chained().solve(problem, Options(), None).status is Status.STOPPED
    assert solve(problem, Options()).status is Status.INFEASIBLE
