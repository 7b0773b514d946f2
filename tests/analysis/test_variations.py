"""Many plans in one map: order is kept, one failure stops nothing, processes change nothing."""

from dataclasses import replace

import pytest

from optimizer.allocation import Allocation
from optimizer.analysis.variations import Failed, solve_all
from optimizer.plan.constraints import Target

from .plans import concave

PLANS = [
    concave(),
    concave(Target(1e12, name="moon")),
    concave(budget=1_000_000),
]


def test_a_member_that_fails_does_not_stop_the_others():
    first, failed, last = solve_all(PLANS)
    assert isinstance(first, Allocation)
    assert isinstance(last, Allocation)
    assert isinstance(failed, Failed)
    assert failed.status == "infeasible"
    assert "moon" in failed.reason
    assert (first.plan, last.plan) == (PLANS[0], PLANS[2])


def test_progress_is_told_after_each():
    told = []
    solve_all(PLANS, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.slow
def test_processes_give_the_same_answers():
    told = []
    alone = solve_all(PLANS)
    together = solve_all(PLANS, jobs=2, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (3, 3)
    for one, other in zip(alone, together, strict=True):
        assert type(one) is type(other)
        if isinstance(one, Allocation):
            assert list(one.spend) == list(other.spend)


def test_nothing_to_do_is_no_error():
    assert solve_all([]) == []
    assert solve_all([], jobs=2) == []


def test_a_plan_is_left_as_it_was():
    plan = concave()
    solve_all([plan])
    assert plan == replace(plan)
