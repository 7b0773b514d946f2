"""What a fit is worth where the truth is known: ranges, curves, and the plan made from it."""

from dataclasses import dataclass, replace

import numpy as np

import optimizer as opt
from optimizer.sources.fitted import write_fit

MOVES = (0.5, 2.0)
"""How far the lines of a plan without a scenario may move from today's spend."""
AT = np.array([0.5, 1.0, 1.5])
"""Multiples of the mean spend at which curves are compared."""


@dataclass(frozen=True)
class Worth:
    """True outcomes of advertising per period, of plans that spend the same."""

    plan: float
    today: float
    best: float
    """Of the plan made with perfect knowledge, each line from half to double."""

    @property
    def gain(self):
        return self.plan / self.today - 1

    @property
    def possible(self):
        return self.best / self.today - 1


def outcomes(world, money):
    """True outcomes of an average period at a steady spend of each line."""
    return sum(world.outcome(line, x).sum() for line, x in enumerate(money))


def plan_of(lines, today):
    """The spend of *lines* with the most outcomes for today's money."""
    plan = opt.Plan("p", tuple(lines), float(today.sum()), value=1.0, objective=opt.Outcomes())
    return opt.optimize(plan).spend


def lines_of(curves, today):
    """Lines that may move from half to double of today's spend."""
    low, high = MOVES
    return [
        opt.Line(f"c{index}", curve, minimum=low * x, maximum=high * x)
        for index, (curve, x) in enumerate(zip(curves, today, strict=True))
    ]


def true_curves(world):
    """The truth as curves of a plan."""
    made = []
    for line, kind in enumerate(world.kinds):
        size, bend = float(world.size[line]), float(world.bend[line])
        if kind == "hill":
            made.append(opt.Hill(size, bend, world.steep))
        else:
            made.append(opt.Logistic(size, bend / np.log(3.0)))
    return made


def scenario_plan(made, folder):
    """What the scenario of a fit says to spend in an average period, with the bounds it states."""
    average = replace(made.history, map=replace(made.history.map, ahead=0))
    path, _ = write_fit(replace(made, history=average), folder / "fit.yaml", force=True)
    lines = {line.name: line for line in opt.load(path).lines}
    today = np.array([line.current for line in made.lines])
    return plan_of([lines[line.name] for line in made.lines], today)


def worth(world, money, today):
    """A plan against today's and the best."""
    best = plan_of(lines_of(true_curves(world), today), today)
    return Worth(outcomes(world, money), outcomes(world, today), outcomes(world, best))


def off(world, line, curve):
    """Mean relative error of a curve (outcomes by money), at multiples of the mean spend."""
    at = AT * world.history.total_spend[line].mean()
    return float(np.abs(curve(at) / world.outcome(line, at) - 1).mean())
