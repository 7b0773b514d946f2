"""How fast the best plans of many draws are found: `make bench TESTS="-k sure"` prints it.

Nothing here fails for being slow; a line that misses its mark says so.
"""

import time
from dataclasses import replace

import numpy as np
import pytest

import optimizer as opt
from optimizer.analysis.redrawing import redraw
from optimizer.plan.uncertainty import Range, Uncertainty
from optimizer.worlds import Worlds

DRAWS, LINES = 1000, 12


def lines(steepness):
    """Twelve lines under a split, both numbers of every curve uncertain."""
    rng = np.random.default_rng(0)
    factors = Range((0.7, 1.4), times=True)
    plan = opt.Plan(
        "draws",
        tuple(
            opt.Line(
                f"c{i // 2}",
                opt.Hill(float(rng.uniform(1e4, 6e4)), float(rng.uniform(5e4, 3e5)), steepness),
                role="brand" if i % 2 else "traffic",
                value=20.0,
                current=1e5,
                maximum=4e5,
            )
            for i in range(LINES)
        ),
        budget=1.2e6,
        objective=opt.Profit(),
        constraints=(opt.Split({"brand": 0.6, "traffic": 0.4}),),
    )
    numbers = {f"channels.*.*.curve.{word}": factors for word in ("ceiling", "half")}
    return replace(plan, uncertainty=Uncertainty(numbers, draws=DRAWS))


@pytest.mark.parametrize("steepness", [1.0, 2.0], ids=["concave", "S-curves"])
def test_best_plans_of_draws(steepness):
    plan = lines(steepness)
    best = opt.optimize(plan)
    start, busy = time.perf_counter(), time.process_time()
    worlds = Worlds.of(plan)
    made = time.perf_counter() - start
    found = redraw(worlds, best, gap=1e-4)
    taken, busy = time.perf_counter() - start, time.process_time() - busy
    assert found.proven(1e-4).all()
    mark = "reached" if taken <= 5 else "MISSED"
    print(
        f"\nbest plans of {DRAWS:,} draws of {LINES} lines, steepness {steepness:g}: {taken:.2f} s "
        f"({made:.2f} s to make the worlds, {busy:.2f} s of this process), goal 5 s   {mark}"
    )
