"""What earlier money still does: carry-over of single lines, and goodwill, the brand's slow stock.

Exposure in a period is a weighted sum of the spend of that period and those before it,
eₛ = Σₙ kₙ · xₛ₋ₙ, with weights kₙ that add up to one: a line that spends the same in every period
ends up with an exposure equal to its spend, so that its curve keeps its meaning.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import numpy as np
from pydantic import AfterValidator, Field

from .curves import Curve, Floats
from .grid import Where
from .stated import sorted_mapping, stated
from .units import Money, Number, Positive, Proportion

__all__ = [
    "CARRYOVERS",
    "Carryover",
    "Delayed",
    "Geometric",
    "Goodwill",
    "Lift",
    "Weibull",
    "Weights",
]

Length = Annotated[int, Field(ge=1, le=500)]


def _retention(retention: float | None, half_life: float | None) -> float:
    """Share that is left after a period, from either way of stating it."""
    if (retention is None) == (half_life is None):
        raise ValueError("give retention or half_life, one of them")
    if retention is not None:
        if retention >= 1:
            raise ValueError("retention 1 never fades; give less")
        return retention
    assert half_life is not None
    return float(0.5 ** (1.0 / half_life))


@stated
class Geometric:
    """The same share is left from each period to the next: kₙ = (1 − r) · rⁿ.

    With a length it is cut there: kₙ ∝ rⁿ for n < length.
    """

    retention: Proportion | None = None
    """r, the share left after one period; in [0, 1)."""
    half_life: Positive | None = None
    """Periods after which half is left: r = 0.5^(1 / half_life)."""
    length: Length | None = None
    """Periods after which nothing is left, as fitted models cut it; absent: it fades for ever."""
    kind: Literal["geometric"] = "geometric"

    def __post_init__(self) -> None:
        _retention(self.retention, self.half_life)

    @property
    def rate(self) -> float:
        """r, the share left after one period."""
        return _retention(self.retention, self.half_life)

    def kernel(self, n: int) -> Floats:
        """k₀ … kₙ₋₁, shape (n,)."""
        if self.length is not None:
            return _cut(np.asarray(self.rate ** np.arange(self.length), float), n)
        return np.asarray((1.0 - self.rate) * self.rate ** np.arange(n), float)


@stated
class Delayed:
    """The effect grows to a peak and fades: kₙ ∝ r^((n − delay)²) for n < length."""

    retention: Annotated[Proportion, Field(gt=0, lt=1)]
    """r: the nearer to 1, the wider the peak."""
    delay: Annotated[Number, Field(ge=0)]
    """Periods from the spend to its peak."""
    length: Length = 13
    """Periods after which nothing is left."""
    kind: Literal["delayed"] = "delayed"

    def kernel(self, n: int) -> Floats:
        """k₀ … kₙ₋₁, shape (n,)."""
        lags = np.arange(self.length)
        return _cut(np.asarray(self.retention ** ((lags - self.delay) ** 2), float), n)


@stated
class Weibull:
    """A flexible shape, for n < length, as Robyn and PyMC-Marketing have it.

    survival: kₙ ∝ Πⱼ₌₁ⁿ exp(−(j / scale)^shape) · density: kₙ ∝ the Weibull density at n + 1.
    """

    shape: Positive
    """Below 1: fades fast at first; above: later."""
    scale: Positive
    """Periods."""
    length: Length = 13
    """Periods after which nothing is left."""
    form: Literal["survival", "density"] = "survival"
    """``survival`` starts at its peak; ``density`` may peak later."""
    kind: Literal["weibull"] = "weibull"

    def kernel(self, n: int) -> Floats:
        """k₀ … kₙ₋₁, shape (n,)."""
        if self.form == "survival":
            left = np.exp(-((np.arange(self.length) / self.scale) ** self.shape))
            return _cut(np.asarray(np.cumprod(left), float), n)
        place = (np.arange(self.length) + 1.0) / self.scale
        return _cut(np.asarray(place ** (self.shape - 1.0) * np.exp(-(place**self.shape))), n)


def _some(weights: tuple[float, ...]) -> tuple[float, ...]:
    if not 1 <= len(weights) <= 500:
        raise ValueError(f"there are {len(weights)} weights; give 1 to 500")
    if not sum(weights) > 0:
        raise ValueError("all weights are zero; give one above")
    return weights


@stated
class Weights:
    """A shape that is known and that no formula here has: kₙ ∝ weights[n]."""

    weights: Annotated[tuple[Annotated[Number, Field(ge=0)], ...], AfterValidator(_some)]
    """What is left in the period of the spend and in those after it; made to add up to one."""
    kind: Literal["weights"] = "weights"

    @property
    def length(self) -> int:
        """Periods after which nothing is left."""
        return len(self.weights)

    def kernel(self, n: int) -> Floats:
        """k₀ … kₙ₋₁, shape (n,)."""
        return _cut(np.asarray(self.weights, float), n)


def _cut(weights: Floats, n: int) -> Floats:
    """Weights that add up to one, cut or filled with zeros to *n* of them."""
    weights = weights / weights.sum()
    return np.concatenate([weights, np.zeros(max(n - len(weights), 0))])[:n]


Carryover = Annotated[Geometric | Delayed | Weibull | Weights, Field(discriminator="kind")]
"""Any carry-over, told apart by ``kind``."""

CARRYOVERS: tuple[type, ...] = get_args(get_args(Carryover)[0])


def _brand() -> dict[str, tuple[str, ...]]:
    return {"role": ("brand",)}


@stated
class Lift:
    """What goodwill does for the money of a line: people who know the brand answer more often.

    Of a period's exposure eₛ, wₛ = min(eₛ, reach · Gₛ) meets such people, and the line brings
    curve(eₛ) + by · curve(wₛ): its first money finds them first.
    """

    by: Annotated[Proportion, Field(gt=0)]
    """How many more outcomes people who know the brand bring; above 0 %, at most 100 %."""
    reach: Positive
    """Exposure per period, in money, that a unit of goodwill makes meet people who know the
    brand."""


@stated
class Goodwill:
    """A stock that brand money fills and that fades slowly (Nerlove & Arrow, 1962).

    Gₛ = r · Gₛ₋₁ + (1 − r) · Σ feedᵢ · xᵢₛ, and every period it brings curve(Gₛ) outcomes.
    Money spent for ever at the same rate is a stock of the same size.
    """

    curve: Curve
    """Outcomes per period for a stock, in money per period."""
    retention: Proportion | None = None
    """r, the share left after one period; in [0, 1)."""
    half_life: Positive | None = None
    """Periods after which half is left."""
    where: Where = Field(default_factory=_brand)
    """The lines that fill it; all brand lines by default."""
    feeds: Annotated[dict[str, Number], AfterValidator(sorted_mapping)] = Field(
        default_factory=dict
    )
    """How much a unit of a line's money fills it, where not 1."""
    lifts: Annotated[dict[str, Lift], AfterValidator(sorted_mapping)] = Field(default_factory=dict)
    """The lines whose own outcomes it lifts: traffic that works better where the brand is known."""
    start: Money | None = None
    """The stock before the first period; absent: what today's spend has filled it to, or nothing
    where today's spend is not known."""
    outcome: str | None = None
    """The stage of the funnel that its outcomes belong to."""
    value: Money | None = None
    """Money per outcome; absent: the funnel's or the plan's."""

    def __post_init__(self) -> None:
        _retention(self.retention, self.half_life)

    @property
    def rate(self) -> float:
        """r, the share left after one period."""
        return _retention(self.retention, self.half_life)
