"""Points to turn to: the exact ones are among them, and none contradicts another."""

import numpy as np
import pytest

from optimizer.allocation import Allocation
from optimizer.analysis.explorer import explore
from optimizer.analysis.variations import Failed, brand_share
from optimizer.solving import optimize
from tests.report.reports import answer, explored, plan, timed_answer


def test_the_stated_plan_stands_among_the_points_as_it_is():
    found = explored()
    start = found.places[0]
    assert found.worlds[0].point(start.budget, start.share) is answer()
    assert found.worlds[0].budgets[start.budget] == answer().plan.budget
    # The rule asks for 60 % of brand.
    assert 0.6 in found.worlds[0].shares
    today = answer().today
    assert today.spent in found.worlds[0].budgets
    assert min(abs(np.array(found.worlds[0].shares) - brand_share(today))) < 1e-9


def test_every_point_keeps_its_budget_and_its_share():
    found = explored()
    for world in found.worlds:
        for budget, row in zip(world.budgets, world.answers, strict=True):
            for share, one in zip(world.shares, row, strict=True):
                if isinstance(one, Failed):
                    continue
                assert one.spent <= budget * (1 + 1e-9)
                assert brand_share(one) == pytest.approx(share, abs=1e-6)
                assert one.is_feasible


def test_more_money_is_never_worth_less():
    for world in explored().worlds:
        for column in zip(*world.answers, strict=True):
            values = [one.objective for one in column if isinstance(one, Allocation)]
            assert np.all(np.diff(values) >= -1e-9 * np.abs(values[:-1]))


def test_what_ifs_of_budget_and_split_are_places_and_others_have_worlds():
    found = explored()
    assert [world.name for world in found.worlds] == ["", "dear_clicks", "too_much"]
    places = {place.name: place for place in found.places}
    cut = places["cut <b>"]
    assert cut.world == 0
    assert found.worlds[0].budgets[cut.budget] == 8_000_000
    own = optimize(plan(budget=8_000_000))
    there = found.worlds[0].point(cut.budget, cut.share)
    assert there.objective == pytest.approx(own.objective, rel=1e-4)
    assert places["dear_clicks"].world == 1


def test_a_world_says_what_keeping_the_recommended_plan_is_worth():
    dear = explored().worlds[1]
    one = next(one for row in dear.answers for one in row if isinstance(one, Allocation))
    columns = one.problem.lift(answer().spend)
    assert dear.kept == pytest.approx(one.problem.value(columns))
    assert dear.kept < answer().objective


def test_points_without_a_plan_are_rows_with_a_reason():
    frame = explored().frame
    failed = frame[frame["scenario"] == "too_much"]
    assert (failed["status"] == "infeasible").any()
    assert failed.loc[failed["status"] == "infeasible", "reason"].str.contains("social floor").all()
    assert len(frame) == sum(len(world.budgets) * len(world.shares) for world in explored().worlds)


def test_plans_over_time_have_fewer_points():
    found = explore(timed_answer())
    assert len(found.frame) < 100
    start = found.places[0]
    assert found.worlds[0].point(start.budget, start.share) is timed_answer()


def test_what_ifs_of_other_periods_are_left_out():
    found = explore(answer(), {"months": timed_answer()})
    assert found.left_out == ("months",)
    assert [place.name for place in found.places] == [""]


def test_without_roles_there_is_only_the_budget_to_move():
    channels = {"a": {"curve": {"kind": "log", "scale": 100, "unit": 100}},
                "b": {"curve": {"kind": "log", "scale": 50, "unit": 100}}}  # fmt: skip
    best = optimize(
        plan(without=("constraints", "origins", "funnel", "business"), channels=channels, value=1,
             budget=1000)
    )  # fmt: skip
    found = explore(best)
    assert found.worlds[0].shares == ()
    assert found.frame["share"].isna().all()
    assert len(found.frame) == len(found.worlds[0].budgets)
