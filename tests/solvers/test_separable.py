"""S-curves under rules on spend: the smooth dual, its tree of boxes, and when it hands over."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.certificate import verify
from optimizer.compiling import compile_plan
from optimizer.plan.constraints import Spend, SpendAll
from optimizer.plan.curves import Exponential, Hill, Log, Logistic, Points, Power
from optimizer.plan.objectives import Revenue
from optimizer.plan.plan import Line, Plan
from optimizer.problem import CurveTable
from optimizer.solvers import solve
from optimizer.solvers.branching import Branching
from optimizer.solvers.separable import Separable, suits
from optimizer.solvers.smoothing import Boxes, Replies, SmoothDual, Terms
from optimizer.solvers.solution import Options, Status
from tests.benchmarks.families import s_curves

from .test_prices import CASES, many

SUITED = [case for case in CASES if case not in {"concave", "straight lines"}]
SUITED.remove("off or above a minimum")


@pytest.mark.parametrize("caps", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_boxes_and_linear_programmes_find_the_same(seed, caps):
    """Two ways to bound and two ways to search: neither may deny what the other found."""
    plan = s_curves(8, seed, caps=caps)
    problem = compile_plan(plan)
    quick = Separable().solve(problem, Options(), None)
    slow = Branching().solve(problem, Options(), None)
    assert quick.status is Status.OPTIMAL
    assert slow.value <= quick.bound * (1 + 1e-9)
    assert quick.value <= slow.bound * (1 + 1e-9)
    verdict = verify(plan, quick.spend, value=quick.value, bound=quick.bound, proof=quick.proof)
    assert verdict.holds, verdict.faults


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(SUITED), st.integers(6, 60))
def test_the_bound_of_boxes_is_true(seed, case, n):
    """Also where it gives up: every leaf's prices are checked from outside."""
    plan = many(n, seed, **CASES[case])
    problem = compile_plan(plan)
    if not suits(problem, problem.needs):
        return
    found = Separable().solve(problem, Options(), None)
    if found.spend is None:
        assert found.status is Status.STOPPED
        return
    assert problem.feasible(found.spend)
    assert found.value <= found.bound
    verdict = verify(plan, found.spend, value=found.value, bound=found.bound, proof=found.proof)
    assert verdict.holds, verdict.faults


@pytest.mark.parametrize("case", SUITED)
def test_most_are_proven_without_a_linear_programme(case):
    problems = [compile_plan(many(30, seed, **CASES[case])) for seed in range(4)]
    proven = [Separable().solve(problem, Options(), None).status for problem in problems]
    assert proven.count(Status.OPTIMAL) >= 3


def dual_at(tau, seed=3, n=12):
    problem = compile_plan(s_curves(n, seed, caps=True))
    dual = SmoothDual(problem)
    boxes = Boxes.of(dual.terms, problem.lower[None], problem.upper[None])
    rng = np.random.default_rng(seed)
    rows = rng.uniform(0.0, 1.0, (1, len(problem.rows)))
    return problem, dual, boxes, rows, dual.at(boxes, rows, tau)


@pytest.mark.parametrize("tau", [10.0, 0.5, 0.01])
def test_the_smooth_dual_lies_above_and_near(tau):
    """Each line and each row adds at most τ·ln 2; the table errs by far less than the gap."""
    problem, dual, boxes, rows, state = dual_at(tau)
    exact = dual.bound(boxes, dual.allowed(rows))[0]
    error = 1e-5 * abs(exact)
    assert abs(state.value[0] - exact) <= error
    terms = problem.n_columns + len(problem.rows)
    assert exact - error <= state.smooth[0] <= exact + terms * tau * np.log(2.0) + error


def test_the_smooth_duals_derivatives_are_its_differences():
    tau, step = 0.5, 1e-6
    _, dual, boxes, rows, state = dual_at(tau)
    later = dual.at(boxes, rows, tau + step)
    np.testing.assert_allclose((later.gradient - state.gradient) / step, state.drift, atol=0.05)
    for row in range(rows.shape[1]):
        moved = rows.copy()
        moved[0, row] += step
        other = dual.at(boxes, moved, tau)
        slope = (other.smooth[0] - state.smooth[0]) / step
        bend = (other.gradient[0] - state.gradient[0]) / step
        assert slope == pytest.approx(state.gradient[0, row], rel=1e-3, abs=1e-2)
        np.testing.assert_allclose(bend, state.curvature[0, row], rtol=1e-2, atol=1.0)


@pytest.mark.parametrize(
    "curve",
    [Hill(90.0, 40.0, 2.5), Logistic(80.0, 9.0, 30.0), Exponential(50.0, 60.0), Log(30.0, 20.0)],
)
def test_the_table_knows_the_best_reply(curve):
    plan = Plan("one", (Line("a", curve, value=1.0),), 200.0, objective=Revenue())
    problem = compile_plan(plan)
    size = float(curve.outcome(200.0))
    for place in np.linspace(1.2 * max(curve.inflection, 5.0), 195.0, 25):
        price = float(curve.slope(place))
        table = Replies(Terms.of(problem), problem.lower, problem.upper)
        value, spend, _ = table.at(np.array([[price]]))
        assert value[0, 0] == pytest.approx(
            float(curve.outcome(place)) - price * place, abs=2e-5 * size
        )
        assert spend[0, 0] == pytest.approx(place, rel=1e-2)


def test_a_box_without_a_plan_is_left_to_those_who_can_say_why():
    plan = s_curves(8, 1)
    least = 1.1 * plan.budget
    impossible = Plan(
        "impossible",
        plan.lines,
        plan.budget,
        objective=Revenue(),
        constraints=(
            Spend("c0", at_least=0.6 * least),
            Spend("c1", at_least=0.6 * least, name="x"),
        ),
    )
    problem = compile_plan(impossible)
    quick = Separable().solve(problem, Options(), None)
    assert quick.status is Status.STOPPED
    assert quick.spend is None
    assert solve(problem).status is Status.INFEASIBLE


def test_curves_of_points_and_concave_plans_are_left_to_linear_programmes():
    steps = Points((10.0, 20.0, 60.0), (1.0, 30.0, 40.0))
    for curve in (steps, Log(30.0, 20.0), Power(3.0, 0.5)):
        problem = compile_plan(Plan("p", (Line("a", curve, value=1.0),), 50.0, objective=Revenue()))
        assert not suits(problem, problem.needs)


def test_a_start_is_never_made_worse_and_no_time_still_gives_a_plan():
    problem = compile_plan(s_curves(40, 1))
    best = solve(problem)
    assert best.solver == Separable.name
    again = solve(problem, Options(time_limit=0.0), best.spend)
    assert again.value >= best.value
    assert again.bound >= best.value * (1 - 1e-9)


def test_the_same_answer_every_time():
    problem = compile_plan(s_curves(40, 0))
    one, two = solve(problem), solve(problem)
    np.testing.assert_array_equal(one.spend, two.spend)
    assert (one.bound, one.proof) == (two.bound, two.proof)


def test_an_outcome_per_soft_row_is_paid_or_missed():
    """A soft rule on spend is in the dual as its penalty: the tree of boxes pays the same."""
    rules = (Spend("c0", at_least=60.0, penalty=0.05), SpendAll())
    plan = s_curves(8, 4)
    problem = compile_plan(
        Plan("soft", plan.lines, plan.budget, objective=Revenue(), constraints=rules)
    )
    quick = Separable().solve(problem, Options(), None)
    slow = Branching().solve(problem, Options(), None)
    assert quick.status is Status.OPTIMAL
    assert quick.value == pytest.approx(slow.value, rel=2e-4)


def test_curves_answer_for_many_boxes_as_for_one():
    table = CurveTable.of(
        [Hill(9.0, 4.0, 2.0), Log(3.0, 2.0), Points((2.0, 5.0, 9.0), (1.0, 7.0, 8.0))]
    )
    places = np.random.default_rng(0).uniform(0.1, 9.0, (4, 3))
    for method in (table.outcome, table.slope, table.inverse):
        np.testing.assert_array_equal(method(places), [method(row) for row in places])
    assert table.inverse(np.array([1.0, 1.0, 1.5]))[2] == 5.0
