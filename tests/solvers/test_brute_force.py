"""Small S-curve plans against every point of a grid, for each kind of rule."""

import numpy as np
import pytest

from optimizer.plan.constraints import (
    CONSTRAINTS,
    ActiveLines,
    Changes,
    CostCap,
    Flights,
    Pacing,
    Ratio,
    Share,
    Spend,
    SpendAll,
    Split,
    Target,
    Weighted,
)
from optimizer.plan.curves import Hill, Logistic, Points
from optimizer.plan.grid import SwitchKind
from optimizer.plan.objectives import Profit
from optimizer.plan.plan import Line, Plan
from optimizer.solving import optimize

STEPS = 60
BUDGET = 120.0
RULES = {
    "split": Split("6:4"),
    "band": Split("6:4", tolerance=0.1),
    "soft split": Split("6:4", penalty=0.3),
    "spend": Spend("a", at_most=40.0),
    "share": Share("b", at_least=0.3),
    "ratio": Ratio("a", "c", at_most=0.5),
    "weighted": Weighted({"a": 2.0, "c": 0.5}, at_most=70.0),
    "target": Target(45.0),
    "active_lines": ActiveLines(at_most=1),
    "changes": Changes(at_most=1, at_least=10.0),
    "spend_all": SpendAll(),
}


def plan_with(rule, seed):
    rng = np.random.default_rng(seed)
    lines = (
        Line("a", Hill(float(rng.uniform(60, 120)), 40.0, 3.0), role="brand", current=30.0),
        Line("b", Logistic(float(rng.uniform(60, 120)), 6.0, 35.0), role="traffic", current=40.0),
        Line(
            "c",
            Points((20.0, 30.0, 90.0), (4.0, 40.0, 80.0)),
            role="brand",
            current=30.0,
            minimum_if_active=20.0,
        ),
    )
    return Plan("tiny", lines, BUDGET, value=1.5, objective=Profit(0.9), constraints=(rule,))


def best_on_grid(problem):
    """The best value over all points of a grid that keep the rules, and the grid's coarseness."""
    axis = np.linspace(0, BUDGET, STEPS + 1)
    x = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    outcome = np.stack(
        [problem.curves.outcome(point) for point in np.repeat(axis[:, None], 3, axis=1)]
    )
    t = np.take_along_axis(outcome, np.rint(x / BUDGET * STEPS).astype(int), axis=0)
    today = problem.grid.current
    asked = {SwitchKind.ON: x > 0, SwitchKind.UP: x > today, SwitchKind.DOWN: x < today}
    s = (
        np.stack([asked[switch.kind][:, switch.line] for switch in problem.switches], -1).astype(
            float
        )
        if problem.switches
        else np.zeros((len(x), 0))
    )
    rows = problem.rows
    left = x @ rows.spend.toarray().T + t @ rows.outcomes.toarray().T
    left += s @ rows.switches.toarray().T
    missed = np.maximum(np.maximum(rows.lower - left, left - rows.upper), 0.0)
    hard = np.isnan(rows.penalty)
    kept = np.all(missed[:, hard] <= 1e-9 * BUDGET, axis=1)
    kept &= np.all((x >= problem.lower) & (x <= problem.upper), axis=1)
    kept &= np.all((x == 0) | (x >= problem.floor), axis=1)
    value = t @ problem.weights - x @ problem.price
    value -= missed @ np.nan_to_num(rows.penalty)
    return float(value[kept].max())


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", RULES)
def test_no_point_of_the_grid_is_better(name, seed):
    """Proves optimum and bound together: the grid holds 227,000 plans, none may beat either."""
    best = optimize(plan_with(RULES[name], seed))
    found = best_on_grid(best.problem)
    assert found <= best.bound + 1e-9 * abs(best.bound)
    assert best.objective >= found - 1e-4 * max(abs(found), 1.0)
    # On a fine grid the optimum cannot be far above: it is not claimed either.
    assert best.objective <= found + 8.0


# Rules about time and cost are tried over periods, in tests/test_time.py.
OVER_TIME = {Pacing, Flights, CostCap}


def test_every_kind_of_rule_is_tried():
    assert {type(rule) for rule in RULES.values()} == set(CONSTRAINTS) - OVER_TIME
