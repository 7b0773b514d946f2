"""What curves from history are worth, in worlds whose truth is known: `make bench` prints it.

Nothing here fails for a figure; each is printed for docs/performance.md.
"""

import time
from dataclasses import replace

import numpy as np
import pytest

import optimizer as opt
from optimizer.fitting.calibration import fit
from tests.fitting.worlds import known_world

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
    "Hill, noise of 8 %": {"noise": 0.08},
    "spend follows demand, a control": {"hidden": 0.5},
    "spend follows demand, not told": {"hidden": 0.5, "told": False},
}


def worth(world, money):
    """True outcomes of an average period at a steady spend of each line."""
    return sum(world.outcome(line, x).sum() for line, x in enumerate(money))


def plan_of(world, curves, today, *, bounds=True):
    """The most outcomes for today's money, each line from half to double (or free)."""
    lines = tuple(
        opt.Line(
            f"c{index}",
            curve,
            minimum=0.5 * x if bounds else 0.0,
            maximum=2.0 * x if bounds else None,
        )
        for index, (curve, x) in enumerate(zip(curves, today, strict=True))
    )
    plan = opt.Plan("p", lines, float(today.sum()), value=1.0, objective=opt.Outcomes())
    return opt.optimize(plan).spend


def true_curves(world):
    """The truth as curves of a plan."""
    made = []
    for line, kind in enumerate(world.kinds):
        size, bend = float(world.size[line]), float(world.bend[line])
        if kind == "hill":
            made.append(opt.Hill(size, bend, 1.0))
        else:
            made.append(opt.Logistic(size, bend / np.log(3.0)))
    return made


@pytest.mark.parametrize("name", WORLDS)
def test_known_worlds(name):
    inside, off, left, gains, best, busy = [], [], [], [], [], time.process_time()
    for seed in range(SEEDS):
        world = known_world(seed, **WORLDS[name])
        made = fit(world.history)
        spend = world.history.total_spend.mean(axis=1)
        for index, (line, truth) in enumerate(zip(made.lines, world.brought(), strict=True)):
            inside.append(line.brought[0] <= truth <= line.brought[2])
            at = np.array([0.5, 1.0, 1.5]) * spend[index]
            off.append(np.abs(made.outcome(index, at)[1] / world.outcome(index, at) - 1).mean())
            left.append(abs(line.numbers.retention - world.retention[index]))
        today = np.array([line.current for line in made.lines])
        now = worth(world, today)
        gains.append(worth(world, plan_of(world, [line.curve for line in made.lines], today)) / now)
        best.append(worth(world, plan_of(world, true_curves(world), today)) / now)
    seconds = (time.process_time() - busy) / SEEDS
    gain, known = np.mean(gains) - 1, np.mean(best) - 1
    print(
        f"\n| {name} | {np.mean(inside):.0%} | {np.median(off):.0%} | {np.median(left):.2f} | "
        f"{gain:+.1%} | {known:+.1%} | {np.mean(np.array(gains) < 1):.0%} | {seconds:.1f} s |"
    )


def test_world_of_places():
    """Four places, whose own variation tells more than their sum."""
    world = known_world(0, lines=2)
    rng = np.random.default_rng(0)
    shares = np.full(4, 0.25)
    spend = shares[None, :, None] * world.history.spend * rng.lognormal(0, 0.3, (2, 4, 156))
    history = replace(
        world.history,
        outcome=shares[:, None] * world.history.outcome,
        spend=spend,
        controls={name: np.repeat(v, 4, 0) for name, v in world.history.controls.items()},
        places=tuple("abcd"),
        size=shares,
    )
    busy = time.process_time()
    assert len(fit(history).lines) == 2
    print(f"\na panel of 4 places, 156 weeks: {time.process_time() - busy:.2f} s")
