"""Attitudes to risk: what of all worlds is to be made best. The union :data:`Risk` is the registry.

Each is the worst of some weightings of the worlds: a plan's worth is min over q ∈ Q of
Σ qₛ·(Vₛ − baseₛ), Vₛ what it is worth in world s. Expected value has one weighting, the
probabilities; CVaR those that give no world more than p/(1 − level); the worst case all of them.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from .stated import stated
from .units import Number, Proportion

__all__ = ["RISKS", "CVaR", "Chance", "Expected", "Regret", "Risk", "WorstCase"]


@stated
class Expected:
    """Greatest expected value."""

    kind: Literal["expected"] = "expected"


@stated
class CVaR:
    """Greatest mean of the worst worlds, weighed against the mean of all."""

    level: Annotated[Proportion, Field(gt=0, lt=1)] = 0.9
    """The worst worlds are the share one minus this: at 90 % the worst tenth."""
    weight: Annotated[Proportion, Field(gt=0)] = 1.0
    """Of the mean of the worst worlds; the rest is on the mean of all."""
    kind: Literal["cvar"] = "cvar"


@stated
class Chance:
    """Greatest expected value among plans that reach a goal with some probability."""

    at_least: Annotated[Number, Field(gt=0)]
    """The goal, in units of ``of``."""
    of: str | None = None
    """The stage of the funnel; absent: what the objective makes best."""
    sure: Annotated[Proportion, Field(gt=0, lt=1)] = 0.9
    """The probability."""
    kind: Literal["chance"] = "chance"


@stated
class WorstCase:
    """Greatest value when at most so many numbers are at their worst (Bertsimas & Sim 2004)."""

    numbers: Annotated[Number, Field(ge=0)] = 3.0
    """How many of the uncertain numbers are at their worst at once; the others are as stated."""
    kind: Literal["worst_case"] = "worst_case"


@stated
class Regret:
    """Least of the greatest regret: what knowing the world in time would have brought."""

    kind: Literal["regret"] = "regret"


Risk = Annotated[Expected | CVaR | Chance | WorstCase | Regret, Field(discriminator="kind")]
"""Any attitude to risk, told apart by ``kind``."""

RISKS: tuple[type, ...] = get_args(get_args(Risk)[0])
