"""What every importer returns: a channel's curve in the plan's own terms, once per draw.

Money and outcomes are per period of the model. A curve of the plan is a formula with a few
parameters; here each is an array over draws, so that a posterior stays what it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from optimizer.plan.curves import CURVES, SIZE, Floats

__all__ = ["Channel", "Check", "Formula", "Model", "Response", "Table"]

_KINDS: dict[str, Any] = {curve.kind: curve for curve in CURVES}  # type: ignore[attr-defined]

# What of a curve is money, and what outcomes: both grow with the length of a period.
_GROWING = {
    "linear": (),
    "log": ("scale", "unit"),
    "exponential": ("ceiling", "unit"),
    "hill": ("ceiling", "half"),
    "logistic": ("ceiling", "unit", "midpoint"),
}


@dataclass(frozen=True, eq=False)
class Formula:
    """A curve of the plan's own kinds, its parameters drawn."""

    kind: str
    draws: Mapping[str, Floats]
    """Each parameter, shape (n_draws,); one draw where the model gives a point estimate."""

    @property
    def count(self) -> int:
        """How many draws there are."""
        return len(next(iter(self.draws.values())))

    def outcome(self, money: Floats) -> Floats:
        """Outcomes per period, shape (n_draws, n): *money* (n,), or (n_draws, n) by draw."""
        curve = _KINDS[self.kind]
        values = [self.draws[name][:, None] for name in curve.parameters]
        return np.asarray(curve.formula(np.atleast_2d(money), *values), float)

    def stretched(self, steps: float) -> Formula:
        """The same for periods that are *steps* times as long, with even spend within them."""
        if self.kind == "power":
            longer = {"scale": self.draws["scale"] * steps ** (1.0 - self.draws["exponent"])}
        else:
            longer = {name: self.draws[name] * steps for name in _GROWING[self.kind]}
        return replace(self, draws={**self.draws, **longer})

    def stated(self, today: float) -> dict[str, Any]:
        """One curve for all draws, as a document: medians, and the mean outcome at *today*."""
        middle = {name: np.atleast_1d(np.median(values)) for name, values in self.draws.items()}
        if self.count > 1 and today > 0:
            size = SIZE[self.kind]
            place = np.array([today])
            own = float(Formula(self.kind, middle).outcome(place)[0, 0])
            if own > 0:
                middle[size] = middle[size] * (float(self.outcome(place).mean()) / own)
        return {"kind": self.kind, **{name: float(values[0]) for name, values in middle.items()}}

    def uncertain(self) -> dict[str, Floats]:
        """Draws of what differs from draw to draw, by path below the line."""
        moving = {name: values for name, values in self.draws.items() if np.ptp(values) > 0}
        return {f"curve.{name}": values for name, values in moving.items()}


@dataclass(frozen=True, eq=False)
class Table:
    """A curve of points, its outcomes drawn."""

    money: Floats
    """Shape (n,), increasing from 0."""
    outcomes: Floats
    """Shape (n_draws, n), never falling."""

    kind = "points"

    @property
    def count(self) -> int:
        """How many draws there are."""
        return len(self.outcomes)

    def outcome(self, money: Floats) -> Floats:
        """Outcomes per period at *money* (n,), shape (n_draws, n)."""
        return np.array([np.interp(np.ravel(money), self.money, row) for row in self.outcomes])

    def stretched(self, steps: float) -> Table:
        """The same for periods that are *steps* times as long, with even spend within them."""
        return Table(self.money * steps, self.outcomes * steps)

    def stated(self, today: float) -> dict[str, Any]:
        """The mean curve as a document."""
        del today
        mean = self.outcomes.mean(axis=0)
        return {"kind": "points", "spend": self.money.tolist(), "outcomes": mean.tolist()}

    def factors(self, today: float) -> Floats:
        """How far each draw is from the mean at *today*, as a factor; shape (n_draws,)."""
        own = self.outcome(np.array([today if today > 0 else self.money[-1] / 2]))[:, 0]
        return own / own.mean() if own.mean() > 0 else np.ones(self.count)


Response = Formula | Table


@dataclass(frozen=True, eq=False)
class Channel:
    """One channel of a fitted model."""

    name: str
    """As the model calls it."""
    response: Response
    """Outcomes for the money of a period that was always spent so."""
    carryover: Mapping[str, Any] | None = None
    """Its carry-over as a document; None: the curve holds the whole effect of a period's money."""
    lags: Mapping[str, Floats] = field(default_factory=dict)
    """Draws of parameters of the carry-over, each of shape (n_draws,)."""
    spend: Floats = field(default_factory=lambda: np.zeros(0))
    """Money per period as the model saw it, shape (n_periods,); empty where it is not known."""
    range: tuple[float, float, float] | None = None
    """Factors on its outcomes, and how sure: low, high, probability of lying between."""
    notes: tuple[str, ...] = ()
    """What a reader should know of it."""

    @property
    def today(self) -> float | None:
        """Mean money per period, where it is known."""
        return float(self.spend.mean()) if self.spend.size else None


@dataclass(frozen=True)
class Check:
    """The model's own figures against those of the imported curves."""

    what: str
    """What was compared."""
    off: float | None
    """Largest difference, relative to the model's own figure; None: the file allows no check."""
    why: str = ""
    """Why it could not be checked."""
    precision: float = 1e-6
    """How far off it may be by rounding alone."""

    def __str__(self) -> str:
        """In words."""
        if self.off is None:
            return f"{self.what}: not checked, {self.why}"
        return f"{self.what}: within {self.off:.1e} of the model's own"


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted model as it was read."""

    tool: str
    """Robyn 3.12.0, and so on."""
    channels: tuple[Channel, ...]
    every: str | None = None
    """How long its periods are: day, week, month or quarter; None: unknown."""
    checks: tuple[Check, ...] = ()
    notes: tuple[str, ...] = ()
    """What was left out, and other things to know of the whole."""
