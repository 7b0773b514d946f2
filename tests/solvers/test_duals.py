"""Prices against finite differences of optima solved anew."""

import numpy as np
import pytest

from optimizer.plan.constraints import Ratio, Share, Spend, Split, Target
from optimizer.plan.curves import Elasticity, Exponential, Log
from optimizer.plan.objectives import LowestSpend, Profit, Revenue
from optimizer.plan.plan import Line, Plan
from optimizer.solvers import solve
from optimizer.solvers.solution import Options
from optimizer.solving import optimize

LINES = (
    Line("search", Log(300.0, 40.0), role="brand", value=1.0, maximum=30.0),
    Line("social", Exponential(500.0, 90.0), role="traffic", value=1.0),
    Line("tv", Elasticity(80.0, 3.0, 0.5), role="brand", value=1.0),
    Line("shop", Elasticity(60.0, 5.0, 0.3), role="traffic", value=1.0, minimum=50.0),
    Line("mail", Log(90.0, 20.0), role="traffic", value=1.0),
)
PLANS = {
    "budget": Plan("p", LINES, 250.0, objective=Revenue()),
    "split": Plan("p", LINES, 250.0, split=Split("7:3"), objective=Profit(0.9)),
    "several": Plan(
        "p",
        LINES,
        250.0,
        split=Split("6:4", tolerance=0.03),
        objective=Revenue(),
        constraints=(
            Spend("tv", at_most=60.0),
            Share("mail", at_least=0.1),
            Ratio("social", "shop", at_most=0.5),
        ),
    ),
    "soft": Plan("p", LINES, 250.0, split=Split("7:3", penalty=0.4), objective=Revenue()),
    "target": Plan(
        "p", LINES, 250.0, split=Split("5:5"), objective=LowestSpend(), constraints=(Target(600.0),)
    ),
}


@pytest.mark.parametrize("name", PLANS)
def test_each_rows_price_is_the_slope_of_the_optimum(name):
    """A sign or a scale gone wrong, as PuLP's versions differ in, would show here."""
    best = optimize(PLANS[name], gap=1e-7)
    problem, options = best.problem, Options(gap=1e-7)
    for row in range(len(problem.rows)):
        rule, part = problem.rows.rule[row], problem.rows.part[row]
        step = 1e-3 * max(best.spent, 1.0)
        up = solve(problem.loosened(rule, step, part), options).value - best.objective
        down = best.objective - solve(problem.loosened(rule, -step, part), options).value
        same = [
            abs(best.duals.rows[r])
            for r in range(len(problem.rows))
            if (problem.rows.rule[r], problem.rows.part[r]) == (rule, part)
        ]
        slack = 1e-3 * abs(up - down) / step + 2e-5
        if problem.rows.lower[row] == problem.rows.upper[row]:
            assert up / step == pytest.approx(sum(same), rel=2e-2, abs=1e-4)
        else:
            assert up / step - slack <= sum(same) <= down / step + slack


@pytest.mark.parametrize("name", ["budget", "split", "several"])
def test_the_price_of_a_bound_that_holds_a_line(name):
    best = optimize(PLANS[name], gap=1e-7)
    problem = best.problem
    held = np.flatnonzero(best.duals.bounds)
    assert {0, 3} & set(held)
    for line in held:
        if (
            problem.upper[line] == problem.grid.budget
            or problem.lower[line] == best.spend[line] == 0
        ):
            continue
        step = 0.05
        low, high = problem.lower[line], problem.upper[line]
        if best.spend[line] == high:
            gain = solve(problem.bounded(int(line), low, high + step)).value - best.objective
        else:
            gain = best.objective - solve(problem.bounded(int(line), low - step, high)).value
        assert gain / step == pytest.approx(best.duals.bounds[line], rel=5e-2)
