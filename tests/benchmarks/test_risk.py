"""How fast plans under risk are, in processor seconds: `make bench` prints it."""

import resource
import time
import warnings
from dataclasses import replace

import pytest

import optimizer as opt
from optimizer.worlds import Worlds

from . import peers
from .families import uncertain

LEVEL, GAP = 0.9, 1e-3


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def timed(work):
    start = time.process_time()
    found = work()
    return found, time.process_time() - start


def told(work, ours, goal, reached, rest=""):
    mark = "reached" if reached else "MISSED"
    print(f"\n{work:<48} adsplit {ours:8.4f} s   {goal:<28} {mark}   {rest}")


def test_a_thousand_draws_of_twelve_lines_and_months():
    """The peer is one linear programme with a column and rows for every draw."""
    plan = uncertain(1000)
    best, ours = timed(lambda: opt.optimize(plan, gap=GAP))
    assert best.status == "optimal"
    worlds, drawing = timed(lambda: Worlds.of(plan))
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    (value, bound, rounds), theirs = timed(lambda: peers.giant_programme(worlds, LEVEL, GAP, 60.0))
    assert value <= best.bound * (1 + GAP)
    told(
        "CVaR, 1,000 draws × 12 lines × 12 months",
        ours,
        "gap ≤ 1e-3 in ≤ 10 s",
        ours <= 10 and best.gap <= GAP and gigabytes <= 1.5,
        f"gap {best.gap:.1e}, {drawing:.1f} s of it drawing, {gigabytes:.2f} GB; one LP: "
        f"{theirs:.0f} s, {rounds} rounds, gap {(bound - value) / abs(bound):.1e}",
    )


def test_expected_value_against_the_plan_as_stated():
    """Once the worlds are drawn; drawing them is told above."""
    plan = replace(uncertain(1000), risk=opt.Expected())
    opt.optimize(plan)
    stated = replace(plan, uncertainty=None, risk=None)
    opt.optimize(stated)
    _, theirs = timed(lambda: opt.optimize(replace(stated, budget=1.01 * plan.budget)))
    _, ours = timed(lambda: opt.optimize(replace(plan, budget=1.01 * plan.budget)))
    ratio = ours / theirs
    told("expected value of 1,000 draws", ours, f"≤ 1.5 × : {ratio:.2f} ×", ratio <= 1.5)
