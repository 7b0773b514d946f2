"""Curves from history beside PyMC-Marketing's, in worlds whose truth is known: `make bench-peers`.

Nothing fails for a figure; what fails is an import that does not bring what the model brings.
"""

from importlib.util import find_spec

import numpy as np
import pytest

import optimizer as opt
from optimizer.fitting.calibration import fit
from optimizer.sources.models.mapping import ModelMap
from tests.fitting.worlds import known_world

from . import truth
from .pymc_marketing_peer import own_plan, sampled, seconds

pytestmark = [
    pytest.mark.skipif(find_spec("pymc_marketing") is None, reason="make bench-peers installs it"),
    pytest.mark.filterwarnings("ignore"),  # the package's own
]

SEEDS = 1
WORLDS = {
    "logistic": ({"kind": "logistic"}, "LogisticSaturation"),
    "Hill": ({}, "HillSaturation"),
    "Hill of steepness 2": ({"steep": 2.0}, "HillSaturation"),
    "logistic, demand not told": (
        {"kind": "logistic", "hidden": 0.5, "told": False},
        "LogisticSaturation",
    ),
}


def imported(file, names):
    """The lines that `adsplit import` makes of a saved model, and how far it is off."""
    every = {"name": "p", "budget": 1.0, "value": 1, "objective": "outcomes"}
    found = opt.import_model(file, ModelMap({name: name for name in names}, every, steps=1.0))
    lines = {line.name: line for line in found.plan.lines}
    return [lines[name].curve for name in names], [check.off for check in found.model.checks]


def inside(ranges, brought):
    """How many true effects lie in their ranges."""
    return [low <= true <= high for (low, high), true in zip(ranges, brought, strict=True)]


def row(name, who, hits, off, gains, busy, note=""):
    """A line of the table in docs/performance.md."""
    print(
        f"| {name} | {who} | {sum(hits)} of {len(hits)} | {np.median(off):.0%} | "
        f"{np.mean(gains):+.1%} | {np.mean(busy):.1f} s | {note} |"
    )


@pytest.mark.parametrize("name", WORLDS)
def test_a_mix_model_by_draws(name, tmp_path):
    import pymc_marketing.mmm

    how, saturation = WORLDS[name]
    ours, theirs, own, known, agreed = ([], [], [], []), ([], [], [], []), ([], []), [], []
    for seed in range(SEEDS):
        world = known_world(seed, **how)
        names = [line.name for line in world.history.lines]
        begun = seconds()
        made = fit(world.history)
        today = np.array([line.current for line in made.lines])
        plan = truth.scenario_plan(made, tmp_path)
        ours[3].append(seconds() - begun)
        ours[0].extend(inside([line.brought[::2] for line in made.lines], world.brought()))
        ours[1].extend(
            truth.off(world, i, lambda x, i=i, m=made: m.outcome(i, x)[1]) for i in range(3)
        )
        ours[2].append(truth.worth(world, plan, today).gain)
        known.append(truth.worth(world, plan, today).possible)

        shape = getattr(pymc_marketing.mmm, saturation)()
        peer = sampled(world.history, shape, tmp_path / f"{seed}.nc")
        curves, offs = imported(peer.file, names)
        assert max(offs) < 1e-6, offs
        theirs[0].extend(inside(peer.brought, world.brought()))
        theirs[1].extend(truth.off(world, i, curve.outcome) for i, curve in enumerate(curves))
        again = truth.plan_of(truth.lines_of(curves, today), today)
        theirs[2].append(truth.worth(world, again, today).gain)
        theirs[3].append(peer.seconds)
        agreed.append(peer)
        money, busy = own_plan(peer.model, today, truth.MOVES)
        own[0].append(truth.worth(world, money, today).gain)
        own[1].append(busy)
    print()
    row(name, "adsplit", *ours)
    rhat, split = max(one.rhat for one in agreed), sum(one.diverging for one in agreed)
    note = f"rhat to {rhat:.3f}, {split} divergent, imported to {max(offs):.0e}"
    row(name, "PyMC-Marketing, planned by adsplit", *theirs, note)
    row(name, "PyMC-Marketing, its own plan", theirs[0], theirs[1], *own)
    print(f"| {name} | perfect knowledge | | | {np.mean(known):+.1%} | | |")
