"""Curves from history beside PyMC-Marketing's, in worlds whose truth is known: `make bench-peers`.

Nothing fails for a figure; what fails is an import that does not bring what the model brings.
"""

from dataclasses import dataclass, field
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


@dataclass
class Tally:
    """What one way of fitting and planning came to, world after world."""

    inside: list = field(default_factory=list)
    """Whether each true effect lies in its 80 % range."""
    off: list = field(default_factory=list)
    gains: list = field(default_factory=list)
    seconds: list = field(default_factory=list)

    def add(self, world, ranges, curves, money, today, busy):
        """A world more: ranges of effects, curves by money, the plan, and what it cost."""
        true = zip(ranges, world.brought(), strict=True)
        self.inside += [low <= brought <= high for (low, high), brought in true]
        self.off += [truth.off(world, index, curve) for index, curve in enumerate(curves)]
        self.gains.append(truth.worth(world, money, today).gain)
        self.seconds.append(busy)

    def row(self, name, who, note=""):
        """A line of the table in docs/performance.md."""
        print(
            f"| {name} | {who} | {sum(self.inside)} of {len(self.inside)} | "
            f"{np.median(self.off):.0%} | {np.mean(self.gains):+.1%} | "
            f"{np.mean(self.seconds):.1f} s | {note} |"
        )


@pytest.mark.parametrize("name", WORLDS)
def test_a_mix_model_by_draws(name, tmp_path):
    import pymc_marketing.mmm

    how, saturation = WORLDS[name]
    ours, theirs, own, known, peers, worst = Tally(), Tally(), Tally(), [], [], 0.0
    for seed in range(SEEDS):
        world = known_world(seed, **how)
        begun = seconds()
        made = fit(world.history)
        today = np.array([line.current for line in made.lines])
        money = truth.scenario_plan(made, tmp_path)
        busy = seconds() - begun
        curves = [lambda x, i=i, m=made: m.outcome(i, x)[1] for i in range(len(made.lines))]
        ours.add(world, [line.brought[::2] for line in made.lines], curves, money, today, busy)
        known.append(truth.worth(world, money, today).possible)

        shape = getattr(pymc_marketing.mmm, saturation)()
        peer = sampled(world.history, shape, tmp_path / f"{seed}.nc")
        peers.append(peer)
        found, offs = imported(peer.file, [line.name for line in made.lines])
        worst = max(worst, *offs)
        curves = [curve.outcome for curve in found]
        money = truth.plan_of(truth.lines_of(found, today), today)
        theirs.add(world, peer.brought, curves, money, today, peer.seconds)
        money, busy = own_plan(peer.model, today, truth.MOVES)
        own.add(world, peer.brought, curves, money, today, busy)
    rhat, split = max(peer.rhat for peer in peers), sum(peer.diverging for peer in peers)
    print()
    ours.row(name, "adsplit")
    theirs.row(name, "PyMC-Marketing, planned by adsplit",
               f"rhat to {rhat:.3f}, {split} divergent, imported to {worst:.0e}")  # fmt: skip
    own.row(name, "PyMC-Marketing, its own plan")
    print(f"| {name} | perfect knowledge | | | {np.mean(known):+.1%} | | |")
    assert worst < 1e-6


@pytest.mark.parametrize(
    ("adstock", "saturation", "first"),
    [
        ("DelayedAdstock", "HillSaturation", True),
        ("WeibullCDFAdstock", "TanhSaturation", False),
        ("BinomialAdstock", "MichaelisMentenSaturation", True),
    ],
)
def test_files_of_other_formulas_bring_what_the_model_brings(adstock, saturation, first, tmp_path):
    """A few draws will do: every draw must come to the same."""
    import pymc_marketing.mmm

    history = known_world(0, n=60).history
    peer = sampled(
        history,
        getattr(pymc_marketing.mmm, saturation)(),
        tmp_path / "few.nc",
        adstock=getattr(pymc_marketing.mmm, adstock)(l_max=4),
        adstock_first=first,
        priors={},
        tune=10,
        draws=10,
    )
    _, offs = imported(peer.file, [line.name for line in history.lines])
    print(f"\n{adstock}, {saturation}: imported to {max(offs):.0e}")
    assert max(offs) < 1e-6
