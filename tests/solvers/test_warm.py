"""A solve that begins from its neighbour's answer: as exact, as proven, in fewer rounds."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from optimizer.compiling import Compiled
from optimizer.plan.constraints import Changes, SpendAll, Target
from optimizer.solvers import solve
from optimizer.solvers.follow import follow
from optimizer.solvers.solution import Options, Status, Warm
from tests.analysis.plans import concave, s_shaped
from tests.strategies import plans


def neighbours(plan, other):
    """The answer to *other* begun from that to *plan*, and alone."""
    compiled, options = Compiled.of(plan), Options(time_limit=20, warm=Warm())
    first = solve(compiled.problem, options)
    options.warm.spend = first.spend
    options.warm.prices = None if first.duals is None else first.duals.rows
    problem = compiled.at(other).problem
    return solve(problem, options), solve(problem, Options(time_limit=20))


@given(plans(), st.floats(0.3, 3.0))
def test_any_plan_is_answered_from_its_neighbour_as_from_nothing(plan, factor):
    assume(plan.budget)
    warm, cold = neighbours(plan, replace(plan, budget=factor * plan.budget))
    assert warm.status is cold.status
    if warm.status is Status.OPTIMAL:
        size = max(abs(warm.value), abs(cold.value))
        assert warm.gap <= 1e-4
        assert warm.value <= cold.bound + 1e-9 * size
        assert cold.value <= warm.bound + 1e-9 * size


@pytest.mark.parametrize(
    "plan",
    [
        concave(SpendAll()),
        concave(Target(400_000, name="reach")),
        s_shaped(),
        s_shaped(Changes(at_most=4, at_least="1%", name="few")),
    ],
    ids=["concave", "a target", "switches", "changes"],
)
@pytest.mark.parametrize("budget", [1.3e6, 1.55e6, 2.5e6])
def test_kinds_of_plan_are_answered_from_their_neighbour(plan, budget):
    warm, cold = neighbours(plan, replace(plan, budget=budget))
    assert warm.status is cold.status is Status.OPTIMAL
    assert warm.value == pytest.approx(cold.value, rel=1.1e-4)


def test_an_optimum_is_followed_while_the_same_rules_hold():
    plan, problem = concave(), Compiled.of(concave())
    first = solve(problem.problem, Options())
    moved = problem.at(replace(plan, budget=1.52e6)).problem
    spend = follow(moved, first.spend, first.duals.rows)
    best = solve(moved, Options())
    assert np.allclose(spend, best.spend, rtol=1e-6)
    assert moved.value(spend) == pytest.approx(best.value, rel=1e-12)
    assert moved.feasible(spend)
    again = follow(problem.problem, first.spend, first.duals.rows)
    assert np.allclose(again, first.spend, rtol=1e-9)


def test_where_other_lines_reach_their_bounds_following_stays_within_them():
    plan, problem = concave(), Compiled.of(concave())
    first = solve(problem.problem, Options())
    moved = problem.at(replace(plan, budget=3.9e6)).problem
    spend = follow(moved, first.spend, first.duals.rows)
    assert (spend >= moved.lower).all()
    assert (spend <= moved.upper).all()
