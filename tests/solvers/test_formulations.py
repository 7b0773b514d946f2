"""The linear part of each kind of rule, written out as an LP file a reviewer can read.

A change of a formulation shows as a change of a file in tests/golden/lp. After a meant change:
``ADSPLIT_UPDATE=1 python -m pytest tests/solvers/test_formulations.py``.
"""

import os
from pathlib import Path

import pytest

from optimizer.plan.constraints import (
    CONSTRAINTS,
    ActiveLines,
    Changes,
    Ratio,
    Share,
    Spend,
    SpendAll,
    Split,
    Target,
    Weighted,
)
from optimizer.plan.curves import Elasticity
from optimizer.plan.objectives import Profit
from optimizer.plan.plan import Line, Plan
from optimizer.problem import compile_plan
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


@pytest.mark.parametrize("name", RULES)
def test_the_linear_part_of_each_rule(name):
    # PuLP 3 and 4 list the bounds in different orders.
    text = "\n".join(sorted(write_lp(compile_plan(plan_with(RULES[name]))).splitlines())) + "\n"
    path = GOLDEN / f"{name}.lp"
    if os.environ.get("ADSPLIT_UPDATE"):
        path.write_text(text)
    assert text == path.read_text()


def test_every_kind_of_rule_has_a_golden_file():
    assert {type(rule) for rule in RULES.values()} == set(CONSTRAINTS)
    assert {path.stem for path in GOLDEN.glob("*.lp")} == set(RULES)
