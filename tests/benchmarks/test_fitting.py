"""What curves from history are worth, in worlds whose truth is known: `make bench` prints it.

Nothing here fails for a figure; each is printed for docs/performance.md.
"""

import time

import numpy as np
import pytest

from optimizer.fitting.calibration import fit
from tests.fitting.worlds import known_panel, known_world

from . import truth

SEEDS = 50

WORLDS = {
    "Hill, fitted as Hill": {},
    "Hill, steepness 1 known": {"steepness": "one"},
    "logistic, fitted as logistic": {"kind": "logistic"},
    "logistic, fitted as Hill": {"kind": "logistic", "fitted": "hill"},
    "logistic, fitted as Hill of steepness 1": {
        "kind": "logistic",
        "fitted": "hill",
        "steepness": "one",
    },
    "Hill of steepness 2, S-shaped": {"steep": 2.0},
    "S-shaped, fitted with steepness 1": {"steep": 2.0, "steepness": "one"},
    "Hill, noise of 8 %": {"noise": 0.08},
    "spend follows demand, a control": {"hidden": 0.5},
    "spend follows demand, not told": {"hidden": 0.5, "told": False},
    "spend follows a strong demand, a control": {"hidden": 0.9, "pull": 0.15},
    "spend follows a strong demand, not told": {"hidden": 0.9, "pull": 0.15, "told": False},
    "six places, noise of their own": {"places": 6, "shared": 0.0, "own": 0.05},
    "six places, noise they share": {"places": 6, "shared": 0.05, "own": 0.02},
}


def world_of(seed, name):
    """A world with one place, or with several."""
    return (known_panel if "places" in WORLDS[name] else known_world)(seed, **WORLDS[name])


@pytest.mark.parametrize("name", WORLDS)
def test_known_worlds(name, tmp_path):
    inside, off, left, found, alone, busy = [], [], [], [], [], time.process_time()
    for seed in range(SEEDS):
        world = world_of(seed, name)
        made = fit(world.history)
        for index, (line, brought) in enumerate(zip(made.lines, world.brought(), strict=True)):
            inside.append(line.brought[0] <= brought <= line.brought[2])
            off.append(truth.off(world, index, lambda x, i=index, m=made: m.outcome(i, x)[1]))
            left.append(abs(line.numbers.retention - world.retention[index]))
        today = np.array([line.current for line in made.lines])
        found.append(truth.worth(world, truth.scenario_plan(made, tmp_path), today))
        curves = [line.curve for line in made.lines]
        moved = truth.plan_of(truth.lines_of(curves, today), today)
        alone.append(truth.worth(world, moved, today).gain)
    seconds = (time.process_time() - busy) / SEEDS
    gain = np.array([one.gain for one in found])
    known = np.mean([one.possible for one in found])
    print(
        f"\n| {name} | {np.mean(inside):.0%} | {np.median(off):.0%} | {np.median(left):.2f} | "
        f"{gain.mean():+.1%} | {known:+.1%} | {np.mean(gain < -1e-6):.0%} | {gain.min():+.1%} | "
        f"{np.mean(alone):+.1%} | {np.min(alone):+.1%} | {seconds:.1f} s |"
    )
