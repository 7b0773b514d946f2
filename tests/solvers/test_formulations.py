"""The linear part of each kind of rule, written out as an LP file a reviewer can read.

A change of a formulation shows as a change of a file in tests/golden/lp. After a meant change:
``ADSPLIT_UPDATE=1 python -m pytest tests/solvers/test_formulations.py``.
"""

import os
from pathlib import Path

import pytest

from optimizer.compiling import compile_plan
from optimizer.plan.carryover import Delayed, Geometric, Goodwill
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
from optimizer.plan.curves import Elasticity
from optimizer.plan.funnel import Funnel
from optimizer.plan.objectives import Profit
from optimizer.plan.periods import Periods
from optimizer.plan.plan import Line, Plan
from optimizer.solvers.linear import write_lp

GOLDEN = Path(__file__).parents[1] / "golden" / "lp"

RULES = {
    "split": Split("6:4"),
    "split_band": Split("6:4", tolerance=0.05),
    "split_soft": Split("6:4", penalty=0.5),
    "split_per_market": Split("6:4", per="market"),
    "spend": Spend("search", at_least="10%", at_most=40.0),
    "share": Share("search", of="brand", at_most=0.5),
    "ratio": Ratio("search", "tv", at_least=0.5),
    "weighted": Weighted({"search": 2.0, "tv": 0.5}, at_least=10.0),
    "target": Target(50.0),
    "active_lines": ActiveLines(at_most=2),
    "changes": Changes(at_most=1, at_least=5.0),
    "spend_all": SpendAll(),
}

# Rules about time, on two quarters of the same lines.
TIMED = {
    "pacing_change": Pacing(0.25, where="search"),
    "pacing_profile": Pacing(profile=(3, 1), per="total"),
    "pacing_by": Pacing(at_most_by={"2027-Q1": "60%"}, per="total"),
    "flights": Flights(2, where="tv"),
    "cost_cap": CostCap(0.5, where="search"),
    "cost_cap_marginal": CostCap(0.9, marginal=True, where="search.brand"),
    "target_return": Target(return_at_least=1.5),
    "active_lines_ever": ActiveLines(at_most=2),
    "stocks": Target(20.0, by="2027-Q1"),
}


def timed_with(rule):
    """Two quarters: a line with carry-over, goodwill, and a limited number of leads."""
    curve = Elasticity(25.0, 4.0, 0.4)
    lines = (
        Line("search", curve, role="brand", outcome="lead", current=20.0),
        Line("search", curve, role="traffic", outcome="lead", maximum=60.0),
        Line("tv", curve, role="brand", outcome="lead", minimum_if_active=5.0,
             carryover=Geometric(retention=0.5), before=8.0),
        Line("shop", curve, role="traffic", outcome="lead", carryover=Delayed(0.5, 1, 2),
             before=0.0),
    )  # fmt: skip
    return Plan(
        "golden",
        lines,
        100.0,
        objective=Profit(0.8),
        periods=Periods("2027-Q1", 2, "quarter"),
        funnel=Funnel(("lead", "deal"), {"lead": 0.5}, {"deal": 4.0}, capacity={"deal": 60.0}),
        goodwill=Goodwill(Elasticity(30.0, 1.0, 0.3), retention=0.8, start=10.0, outcome="deal"),
        constraints=(rule,),
    )


def plan_with(rule):
    curve = Elasticity(25.0, 4.0, 0.4)
    lines = (
        Line(
            "search", curve, role="brand", name="search.brand", current=20.0, tags={"market": "de"}
        ),
        Line("search", curve, role="traffic", current=30.0, maximum=60.0, tags={"market": "at"}),
        Line("tv", curve, role="brand", current=20.0, minimum=5.0, tags={"market": "at"}),
        Line("shop", curve, role="traffic", current=30.0, tags={"market": "de"}),
    )
    return Plan("golden", lines, 100.0, value=1.0, objective=Profit(0.8), constraints=(rule,))


@pytest.mark.parametrize("name", [*RULES, *TIMED])
def test_the_linear_part_of_each_rule(name):
    plan = plan_with(RULES[name]) if name in RULES else timed_with(TIMED[name])
    # PuLP 3 and 4 list the bounds in different orders.
    text = "\n".join(sorted(write_lp(compile_plan(plan)).splitlines())) + "\n"
    path = GOLDEN / f"{name}.lp"
    if os.environ.get("ADSPLIT_UPDATE"):
        path.write_text(text)
    assert text == path.read_text()


def test_every_kind_of_rule_has_a_golden_file():
    assert {type(rule) for rule in (*RULES.values(), *TIMED.values())} == set(CONSTRAINTS)
    assert {path.stem for path in GOLDEN.glob("*.lp")} == {*RULES, *TIMED}
