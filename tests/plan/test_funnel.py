"""What one outcome is worth further down the funnel."""

import numpy as np
import pytest

from optimizer.errors import PlanError
from optimizer.plan.curves import Linear
from optimizer.plan.funnel import Funnel
from optimizer.plan.objectives import LowestSpend, Outcomes, Profit, Revenue
from optimizer.plan.plan import Line, Plan

FUNNEL = Funnel(("visit", "lead", "deal"), {"visit": 0.1, "lead": "20%"}, {"deal": "1k", "lead": 5})


def test_reach_multiplies_the_rates_between() -> None:
    assert FUNNEL.reach("visit", "visit") == 1
    assert FUNNEL.reach("visit", "lead") == 0.1
    assert FUNNEL.reach("visit", "deal") == pytest.approx(0.02)
    assert FUNNEL.reach("deal", "visit") == 0  # nothing flows back


def test_worth_adds_up_what_everything_brings() -> None:
    assert FUNNEL.worth("visit") == pytest.approx(0.1 * 5 + 0.02 * 1000)
    assert FUNNEL.worth("deal") == 1000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((("a", "a"),), "different names"),
        ((("a", "b"),), "rates are missing for a"),
        ((("a",), {"b": 0.5}), "no such stage: b"),
        ((("a",), {}, {"c": 1}), "no such stage: c"),
        (((),), "at least 1"),
        ((("a", "b"), {"a": 50}), "not a share"),
    ],
)
def test_a_funnel_that_cannot_be_is_refused(arguments: tuple[object, ...], words: str) -> None:
    with pytest.raises(PlanError, match=words):
        Funnel(*arguments)  # type: ignore[arg-type]


def test_a_line_is_worth_its_own_value_then_the_funnels_then_the_plans() -> None:
    def line(name: str, **given: object) -> Line:
        return Line(name, Linear(1.0), **given)  # type: ignore[arg-type]

    lines = (line("a", outcome="visit"), line("b", outcome="visit", value=7), line("c", value=3))
    plan = Plan("x", lines, 100, funnel=FUNNEL)
    assert [plan.value_of(each) for each in plan.lines] == pytest.approx([20.5, 7, 3])
    bare = Plan("x", (line("a"), line("b", value=2)), 100, value=9)
    assert [bare.value_of(each) for each in bare.lines] == [9, 2]


def test_objectives_weigh_outcomes_and_money() -> None:
    lines = (Line("a", Linear(1.0), outcome="visit"), Line("b", Linear(1.0), outcome="lead"))
    grid = Plan("x", lines, 100, funnel=FUNNEL).grid
    for objective, per_outcome in (
        (Revenue(), [20.5, 205]),
        (Profit(0.5), [10.25, 102.5]),
        (Outcomes("lead"), [0.1, 1]),
        (Outcomes(), [1, 1]),
        (LowestSpend(), [0, 0]),
    ):
        terms, columns = objective.weights(grid)
        assert np.allclose(terms, per_outcome)
        assert np.allclose(columns, 0)
    assert (Profit().price_of_spend, Revenue().price_of_spend) == (1, 0)
