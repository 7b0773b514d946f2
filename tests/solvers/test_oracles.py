"""Optima against an independent search, for every kind of rule with concave and S-shaped curves."""

import warnings

import numpy as np
import pytest

from optimizer.certificate import verify
from optimizer.errors import Infeasible
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
from optimizer.plan.curves import Exponential, Hill, Linear, Log, Logistic, Points, Power
from optimizer.plan.objectives import LowestSpend, Outcomes, Profit, Revenue
from optimizer.plan.plan import Line, Plan
from optimizer.solvers.solution import Status
from optimizer.solving import optimize
from tests.solvers.oracle import best_found

RULES = {
    "none": (),
    "split": (Split("6:4"),),
    "band": (Split("6:4", tolerance=0.1),),
    "soft split": (Split("6:4", penalty=0.2),),
    "spend": (Spend(["a0", "a1"], at_most="30%"), Spend("a2", at_least=20.0, name="floor")),
    "share": (Share("brand", at_least=0.3, at_most=0.6),),
    "ratio": (Ratio("a0", "a1", at_least=0.5, at_most=2.0),),
    "weighted": (Weighted({"a0": 2.0, "traffic": 0.5}, at_most=90.0),),
    "active_lines": (ActiveLines(at_most=2),),
    "soft active_lines": (ActiveLines(at_most=1, penalty=4.0),),
    "changes": (Changes(at_most=2, at_least=10.0),),
    "spend_all": (SpendAll(),),
    "target": (Target(60.0),),
    "several": (Split("5:5", tolerance=0.1), ActiveLines(at_most=3), Spend("a3", at_most=70.0)),
}


def random_plan(seed, rules, *, curved, floor=0.0, objective=None):
    rng = np.random.default_rng(seed)

    def curve(i):
        scale, unit = float(rng.uniform(40, 160)), float(rng.uniform(20, 90))
        concave = [Log(scale / 2, unit), Exponential(scale, unit), Hill(scale, unit, 0.8)]
        concave += [Power(scale / 12, 0.6), Linear(0.9)]
        bent = [
            Hill(scale, unit, float(rng.uniform(1.5, 4))),
            Logistic(scale, unit / 4, unit),
            Points((0.0, unit, 1.3 * unit, 3 * unit), (0.0, 0.1 * scale, 0.7 * scale, scale)),
        ]
        kinds = bent if curved and i % 4 != 3 else concave
        return kinds[int(rng.integers(len(kinds)))]

    lines = tuple(
        Line(
            f"a{i}",
            curve(i),
            role="brand" if i % 2 else "traffic",
            value=1.6,
            current=35.0,
            minimum_if_active=floor,
        )
        for i in range(4)
    )
    return Plan("small", lines, 150.0, objective=objective or Profit(), constraints=rules)


def agrees(plan):
    """Proves: no local optimum is above the bound, and none is better than the plan by the gap."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            best = optimize(plan)
        except Infeasible:
            from optimizer.compiling import compile_plan

            assert best_found(compile_plan(plan)) == -np.inf
            return
        found = best_found(best.problem)
    size = max(abs(found), abs(best.objective), 1.0)
    assert best.is_feasible
    assert best.status is Status.OPTIMAL
    assert best.gap <= 1e-4
    assert best.objective == pytest.approx(best.problem.value(best.spend), rel=1e-12)
    verdict = verify(plan, best.spend, value=best.objective, bound=best.bound, proof=best.proof)
    assert verdict.holds, verdict.faults
    assert found <= best.bound + 1e-6 * size
    assert best.objective >= found - 1.1e-4 * size


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
@pytest.mark.parametrize("curved", [False, True], ids=["concave", "s-curves"])
@pytest.mark.parametrize("seed", [1, 2])
def test_no_local_search_beats_the_proven_plan(seed, curved, rules):
    agrees(random_plan(seed, rules, curved=curved))


@pytest.mark.parametrize("curved", [False, True], ids=["concave", "s-curves"])
@pytest.mark.parametrize("seed", [3, 4, 5])
def test_lines_that_are_off_or_above_a_minimum(seed, curved):
    agrees(random_plan(seed, (Split("5:5"),), curved=curved, floor=30.0))


@pytest.mark.parametrize(
    "objective", [Revenue(), Outcomes(), LowestSpend()], ids=lambda objective: objective.kind
)
@pytest.mark.parametrize("curved", [False, True], ids=["concave", "s-curves"])
def test_every_objective(objective, curved):
    agrees(
        random_plan(
            6, (Split("5:5", tolerance=0.05), Target(50.0)), curved=curved, objective=objective
        )
    )


# Rules about time and cost are tried over periods, in tests/test_time.py.
OVER_TIME = {Pacing, Flights, CostCap}


def test_every_kind_of_rule_is_tried():
    tried = {type(rule) for rules in RULES.values() for rule in rules}
    assert tried == set(CONSTRAINTS) - OVER_TIME
