"""Response curves: what outcome a line returns for its exposure.

Each kind is one class with one vectorised formula and its slope. The union :data:`Curve` is the
registry: file tags, JSON Schema, documentation and test parameters read it.

Symbols: x exposure (money, per period), f(x) outcome. Every curve has f(0) = 0 and never falls.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from .stated import stated
from .units import Money, Number, Positive

__all__ = [
    "CURVES",
    "SIZE",
    "Curve",
    "Elasticity",
    "Exponential",
    "Floats",
    "Hill",
    "Linear",
    "Log",
    "Logistic",
    "Points",
    "Power",
    "ResponseCurve",
    "Shape",
]

Floats = NDArray[np.float64]

# Halley's steps triple the digits: after one this short the rest is nothing. Far fewer suffice.
_CLOSE, _HALLEY = 1e-5, 60

SIZE = {
    "linear": "rate",
    "log": "scale",
    "power": "scale",
    "exponential": "ceiling",
    "hill": "ceiling",
    "logistic": "ceiling",
    "elasticity": "average_return",
}
"""The number of each kind of curve that all its outcomes are proportional to."""

Fraction = Annotated[Number, Field(gt=0, lt=1)]


class Shape(StrEnum):
    """How a curve bends, which decides how it is solved and what can be proven."""

    LINEAR = "linear"
    CONCAVE = "concave"
    S_SHAPED = "s-shaped"
    """Convex up to the inflection, concave after it."""
    PIECEWISE = "piecewise"
    """Straight pieces whose slopes rise and fall."""


class ResponseCurve(Protocol):
    """What every curve can say of itself."""

    @property
    def shape(self) -> Shape:
        """How the curve bends."""

    @property
    def inflection(self) -> float:
        """Exposure above which the curve is concave; 0 where it is concave throughout."""

    def outcome(self, exposure: Floats) -> Floats:
        """f(x), element by element, in outcomes."""

    def slope(self, exposure: Floats) -> Floats:
        """f′(x), element by element, in outcomes per money; may be infinite at 0."""


class _Formula:
    """A curve whose outcome is a formula of exposure and a few parameters.

    ``formula``, ``gradient``, ``inverse`` and ``bend`` take arrays that broadcast: exposure or
    slope of any shape, and one array per name in ``parameters``. Thus a million lines of one kind
    are one call. ``inverse`` is the exposure at which the concave part has a given slope above
    zero, or where that part begins if it is nowhere that steep; ``bend`` is where it begins.
    """

    parameters: ClassVar[tuple[str, ...]]
    shape: ClassVar[Shape] = Shape.CONCAVE

    formula: ClassVar[Callable[..., Floats]]
    gradient: ClassVar[Callable[..., Floats]]
    inverse: ClassVar[Callable[..., Floats]]
    bend: ClassVar[Callable[..., Floats]] = staticmethod(
        lambda *values: np.zeros(np.shape(values[0]))
    )

    @property
    def values(self) -> tuple[float, ...]:
        """The parameters, in the order of ``parameters``."""
        return tuple(float(getattr(self, name)) for name in self.parameters)

    @property
    def inflection(self) -> float:
        """Exposure above which the curve is concave."""
        return float(self.bend(*map(np.float64, self.values)))

    def reaches(self, slope: float) -> float:
        """Where the slope falls to *slope* (above zero) for good; 0 if it is nowhere that steep."""
        place = float(self.inverse(np.float64(slope), *map(np.float64, self.values)))
        steep = np.isinf(place) or float(self.slope(np.array(place))) >= slope * (1 - 1e-9)
        return place if steep else 0.0

    def outcome(self, exposure: Floats) -> Floats:
        """f(x), element by element, in outcomes."""
        return self.formula(np.asarray(exposure, float), *map(np.float64, self.values))

    def slope(self, exposure: Floats) -> Floats:
        """f′(x), element by element, in outcomes per money."""
        return self.gradient(np.asarray(exposure, float), *map(np.float64, self.values))


@stated
class Linear(_Formula):
    """Every unit of money returns the same: f(x) = rate · x."""

    rate: Annotated[Number, Field(ge=0)]
    """Outcomes per unit of money."""
    kind: Literal["linear"] = "linear"

    parameters = ("rate",)
    shape = Shape.LINEAR

    @staticmethod
    def formula(x: Floats, rate: Floats) -> Floats:
        """Rate · x."""
        return rate * x

    @staticmethod
    def gradient(x: Floats, rate: Floats) -> Floats:
        """The rate, everywhere."""
        return np.asarray(rate + 0.0 * x, float)

    @staticmethod
    def inverse(slope: Floats, rate: Floats) -> Floats:
        """Without limit where the rate is above the slope, else nothing."""
        return np.where(np.asarray(rate) > slope, np.inf, 0.0)


@stated
class Log(_Formula):
    """Diminishing without a ceiling: f(x) = scale · ln(1 + x / unit)."""

    scale: Positive
    """Outcomes gained each time 1 + x / unit grows by the factor e."""
    unit: Positive
    """Money at which returns begin to diminish."""
    kind: Literal["log"] = "log"

    parameters = ("scale", "unit")

    @staticmethod
    def formula(x: Floats, scale: Floats, unit: Floats) -> Floats:
        """Scale · ln(1 + x / unit)."""
        return scale * np.log1p(x / unit)

    @staticmethod
    def gradient(x: Floats, scale: Floats, unit: Floats) -> Floats:
        """Scale / (unit + x)."""
        return scale / (unit + x)

    @staticmethod
    def inverse(slope: Floats, scale: Floats, unit: Floats) -> Floats:
        """Scale / slope − unit."""
        return np.maximum(scale / slope - unit, 0.0)


@stated
class Power(_Formula):
    """Constant elasticity: f(x) = scale · x^exponent, with infinite slope at zero."""

    scale: Positive
    """Outcomes at one unit of money."""
    exponent: Annotated[Number, Field(gt=0, le=1)]
    """Elasticity: 1 % more money returns about exponent % more."""
    kind: Literal["power"] = "power"

    parameters = ("scale", "exponent")

    @staticmethod
    def formula(x: Floats, scale: Floats, exponent: Floats) -> Floats:
        """Scale · x^exponent."""
        return scale * np.power(np.maximum(x, 0.0), exponent)

    @staticmethod
    def gradient(x: Floats, scale: Floats, exponent: Floats) -> Floats:
        """Scale · exponent · x^(exponent − 1)."""
        with np.errstate(divide="ignore"):
            return scale * exponent * np.power(np.maximum(x, 0.0), exponent - 1.0)

    @staticmethod
    def inverse(slope: Floats, scale: Floats, exponent: Floats) -> Floats:
        """(Scale · exponent / slope)^(1 / (1 − exponent)); a straight line at exponent 1."""
        ratio, rest = scale * exponent / slope, 1.0 - exponent
        with np.errstate(divide="ignore", over="ignore"):
            curved = np.exp(np.log(ratio) / np.where(rest > 0, rest, 1.0))
        return np.where(rest > 0, curved, np.where(ratio > 1, np.inf, 0.0))


@stated
class Exponential(_Formula):
    """Approach to a ceiling: f(x) = ceiling · (1 − e^(−x / unit))."""

    ceiling: Positive
    """Outcomes that no spend exceeds."""
    unit: Positive
    """Money that brings 63 % of the ceiling."""
    kind: Literal["exponential"] = "exponential"

    parameters = ("ceiling", "unit")

    @staticmethod
    def formula(x: Floats, ceiling: Floats, unit: Floats) -> Floats:
        """Ceiling · (1 − e^(−x / unit))."""
        return -ceiling * np.expm1(-x / unit)

    @staticmethod
    def gradient(x: Floats, ceiling: Floats, unit: Floats) -> Floats:
        """(Ceiling / unit) · e^(−x / unit)."""
        return ceiling / unit * np.exp(-x / unit)

    @staticmethod
    def inverse(slope: Floats, ceiling: Floats, unit: Floats) -> Floats:
        """Unit · ln(ceiling / (unit · slope))."""
        return unit * np.log(np.maximum(ceiling / (unit * slope), 1.0))


@stated
class Hill(_Formula):
    """Saturation: f(x) = ceiling · x^steepness / (half^steepness + x^steepness).

    Concave for a steepness of at most 1, S-shaped above.
    """

    ceiling: Positive
    """Outcomes that no spend exceeds."""
    half: Positive
    """Money that brings half the ceiling."""
    steepness: Annotated[Number, Field(gt=0, le=20)] = 1.0
    """Above 1 the first money brings little: an S-curve."""
    kind: Literal["hill"] = "hill"

    parameters = ("ceiling", "half", "steepness")

    @property
    def shape(self) -> Shape:  # type: ignore[override]
        """S-shaped above a steepness of 1."""
        return Shape.S_SHAPED if self.steepness > 1 else Shape.CONCAVE

    @staticmethod
    def formula(x: Floats, ceiling: Floats, half: Floats, steepness: Floats) -> Floats:
        """Ceiling · x^s / (half^s + x^s), without overflow."""
        return ceiling * _sigmoid(_log_odds(x, half, steepness))

    @staticmethod
    def gradient(x: Floats, ceiling: Floats, half: Floats, steepness: Floats) -> Floats:
        """f′(x); at zero: 0 above a steepness of 1, ceiling / half at 1, infinite below."""
        z = _log_odds(x, half, steepness)
        at_zero = np.where(steepness > 1, 0.0, np.where(steepness < 1, np.inf, ceiling / half))
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            # σ(z) / x, where the smallest x would overflow if divided by.
            ratio = np.exp(np.minimum(z, 0.0) - np.log(x)) / (1.0 + np.exp(-np.abs(z)))
            inside = ceiling * steepness * ratio * _sigmoid(-z)
        return np.where(x > 0, inside, at_zero)

    @staticmethod
    def bend(_ceiling: Floats, half: Floats, steepness: Floats) -> Floats:
        """Half · ((s − 1) / (s + 1))^(1/s) above a steepness of 1, else 0."""
        above = np.maximum(np.asarray(steepness) - 1.0, 0.0)
        return half * (above / (steepness + 1.0)) ** (1.0 / np.asarray(steepness))

    @staticmethod
    def inverse(slope: Floats, ceiling: Floats, half: Floats, steepness: Floats) -> Floats:
        """Halley's method on −ln f′ as a function of z = s · ln(x / half), where it is convex.

        With a = 1/s, −ln f′ = 2 ln(1 + e^z) + (a − 1) z − ln(ceiling · s / half). Two steps give
        nearly every line's digits, as the start is close; the few others go on by themselves.
        """
        shape = np.broadcast_shapes(*map(np.shape, (slope, ceiling, half, steepness)))
        a = 1.0 / np.broadcast_to(np.asarray(steepness, float), shape).ravel()
        goal = np.log(ceiling * np.asarray(steepness) / half) - np.log(slope)
        goal = np.broadcast_to(goal, shape).ravel()
        z, goal, least = _hill_start(goal, a)
        z, _ = _halley(z, goal, a, least)
        z, step = _halley(z, goal, a, least)
        open_ = np.flatnonzero(np.abs(step) > _CLOSE)
        for _ in range(_HALLEY):
            if not open_.size:
                break
            z[open_], step = _halley(z[open_], goal[open_], a[open_], least[open_])
            open_ = open_[np.abs(step) > _CLOSE]
        with np.errstate(over="ignore"):
            return np.asarray(half * np.exp(a * z).reshape(shape))


@stated
class Logistic(_Formula):
    """A logistic curve through zero, S-shaped above a midpoint of 0.

    f(x) = ceiling · (σ((x − m) / u) − σ(−m / u)) / (1 − σ(−m / u)), σ(z) = 1 / (1 + e^(−z)).
    With m = 0 it is ceiling · tanh(x / 2u), the saturation of PyMC-Marketing (λ = 1/u).
    """

    ceiling: Positive
    """Outcomes that no spend exceeds."""
    unit: Positive
    """Money over which the curve bends (u)."""
    midpoint: Money = 0.0
    """Money at the inflection (m)."""
    kind: Literal["logistic"] = "logistic"

    parameters = ("ceiling", "unit", "midpoint")

    @property
    def shape(self) -> Shape:  # type: ignore[override]
        """S-shaped above a midpoint of 0."""
        return Shape.S_SHAPED if self.midpoint > 0 else Shape.CONCAVE

    @staticmethod
    def formula(x: Floats, ceiling: Floats, unit: Floats, midpoint: Floats) -> Floats:
        """Written with differences of tanh, which keep their digits near zero."""
        t, t0 = np.tanh((x - midpoint) / (2 * unit)), np.tanh(-midpoint / (2 * unit))
        return np.asarray(ceiling * (t - t0) / (1 - t0))

    @staticmethod
    def gradient(x: Floats, ceiling: Floats, unit: Floats, midpoint: Floats) -> Floats:
        """(Ceiling / u) · σ(z)(1 − σ(z)) / (1 − σ(−m/u))."""
        z = (x - midpoint) / unit
        rest = _sigmoid(midpoint / unit)
        return ceiling / unit * _sigmoid(z) * _sigmoid(-z) / rest

    @staticmethod
    def bend(_ceiling: Floats, _unit: Floats, midpoint: Floats) -> Floats:
        """The midpoint."""
        return np.asarray(midpoint, float)

    @staticmethod
    def inverse(slope: Floats, ceiling: Floats, unit: Floats, midpoint: Floats) -> Floats:
        """m + u · ln(σ / (1 − σ)), with σ(1 − σ) = slope · u · (1 − σ(−m/u)) / ceiling."""
        product = slope * unit * _sigmoid(midpoint / unit) / ceiling
        root = np.sqrt(np.maximum(1.0 - 4.0 * product, 0.0))
        # (1 + root)/(1 − root) loses its digits where root is near 1; this does not.
        odds = (1.0 + root) ** 2 / np.maximum(4.0 * product, 1e-300)
        return np.maximum(midpoint + unit * np.log(np.maximum(odds, 1.0)), 0.0)


@stated
class Elasticity(_Formula):
    """What a manager knows: today's spend, its average return, and the elasticity there.

    A Hill curve of steepness 1, f(x) = V·x / (K + x), with K = x₀e / (1 − e) and
    V = r₀x₀ / (1 − e): it passes through (x₀, r₀x₀) and its slope there is r₀·e.
    """

    spend: Positive
    """Today's spend x₀, per period."""
    average_return: Positive
    """Outcomes per unit of money at that spend, r₀."""
    elasticity: Fraction
    """1 % more money returns about this many % more, e."""
    kind: Literal["elasticity"] = "elasticity"

    parameters = ("spend", "average_return", "elasticity")

    @property
    def half(self) -> float:
        """K: money that brings half the ceiling."""
        return self.spend * self.elasticity / (1 - self.elasticity)

    @property
    def ceiling(self) -> float:
        """V: outcomes that no spend exceeds."""
        return self.average_return * self.spend / (1 - self.elasticity)

    @staticmethod
    def formula(x: Floats, spend: Floats, average_return: Floats, elasticity: Floats) -> Floats:
        """V·x / (K + x)."""
        return average_return * spend * x / (spend * elasticity + x * (1 - elasticity))

    @staticmethod
    def gradient(x: Floats, spend: Floats, average_return: Floats, elasticity: Floats) -> Floats:
        """V·K / (K + x)²."""
        denominator = spend * elasticity + x * (1 - elasticity)
        return average_return * spend**2 * elasticity / denominator**2

    @staticmethod
    def inverse(slope: Floats, spend: Floats, average_return: Floats, elasticity: Floats) -> Floats:
        """√(V·K / slope) − K."""
        root = spend * np.sqrt(average_return * elasticity / slope)
        return np.maximum(root - spend * elasticity, 0.0) / (1.0 - elasticity)


def _knots(values: tuple[float, ...]) -> tuple[float, ...]:
    if len(values) < 2:
        raise ValueError("a curve of points needs at least two of them")
    return values


@stated
class Points:
    """Straight lines between known points; flat after the last, from (0, 0) before the first."""

    spend: Annotated[tuple[Money, ...], AfterValidator(_knots)]
    """Money at each point, increasing."""
    outcomes: tuple[Annotated[Number, Field(ge=0)], ...]
    """Outcomes at each point, never falling."""
    kind: Literal["points"] = "points"

    def __post_init__(self) -> None:
        if len(self.spend) != len(self.outcomes):
            raise ValueError(
                f"{len(self.spend)} spends and {len(self.outcomes)} outcomes; give as many of each"
            )
        if np.any(np.diff(self.spend) <= 0):
            raise ValueError("spend must increase from point to point")
        if np.any(np.diff(self.outcomes) < 0):
            raise ValueError("outcome must not fall from point to point")
        if self.spend[0] == 0 and self.outcomes[0] != 0:
            raise ValueError(
                f"outcome at no spend is {self.outcomes[0]:g}; give what the spend adds, so 0"
            )

    @property
    def knots(self) -> tuple[Floats, Floats]:
        """Spend and outcome of every point, (0, 0) among them."""
        x, y = np.asarray(self.spend, float), np.asarray(self.outcomes, float)
        if x[0] > 0:
            x, y = np.concatenate([[0.0], x]), np.concatenate([[0.0], y])
        return x, y

    @property
    def shape(self) -> Shape:
        """Concave where the slopes never rise, else piecewise."""
        x, y = self.knots
        slopes = np.diff(y) / np.diff(x)
        falling = np.diff(slopes) <= 1e-12 * max(float(slopes.max()), 1e-300)
        return Shape.CONCAVE if bool(np.all(falling)) else Shape.PIECEWISE

    @property
    def inflection(self) -> float:
        """Start of the piece after which slopes no longer rise."""
        x, y = self.knots
        slopes = np.append(np.diff(y) / np.diff(x), 0.0)
        rising = np.flatnonzero(np.diff(slopes) > 1e-12 * max(float(slopes.max()), 1e-300))
        return float(x[rising[-1] + 1]) if rising.size else 0.0

    def reaches(self, slope: float) -> float:
        """End of the last piece that is at least so steep; 0 if none is."""
        x, y = self.knots
        steep = np.flatnonzero(np.diff(y) / np.diff(x) >= slope)
        return float(x[steep[-1] + 1]) if steep.size else 0.0

    def outcome(self, exposure: Floats) -> Floats:
        """f(x), element by element, in outcomes."""
        return np.interp(exposure, *self.knots)

    def slope(self, exposure: Floats) -> Floats:
        """Slope of the piece that begins at x; 0 from the last point on."""
        x, y = self.knots
        slopes = np.append(np.diff(y) / np.diff(x), 0.0)
        piece = np.clip(np.searchsorted(x, exposure, side="right") - 1, 0, len(x) - 1)
        return np.asarray(slopes[piece], float)


Curve = Annotated[
    Linear | Log | Power | Exponential | Hill | Logistic | Elasticity | Points,
    Field(discriminator="kind"),
]
"""Any response curve, told apart by ``kind``."""

CURVES: tuple[type, ...] = get_args(get_args(Curve)[0])
"""The kinds of curve, in the order of the documentation."""


def _log_odds(x: Floats, half: Floats, steepness: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(steepness * (np.log(np.maximum(x, 0.0)) - np.log(half)))


def _sigmoid(z: Floats) -> Floats:
    """1 / (1 + e^(−z)) without overflow."""
    tail = np.exp(-np.abs(z))
    return np.where(np.asarray(z) >= 0, 1.0, tail) / (1.0 + tail)


def _hill_start(goal: Floats, a: Floats) -> tuple[Floats, Floats, Floats]:
    """Log odds near those where H(z) = 2 ln(1 + e^z) + (a − 1) z is *goal*.

    Also the goal, raised to what H is at least, and the least log odds.

    For a < 1 (an S-curve) H is lowest at the inflection, z₀ = ln(p/q) with p = (1 − a)/2 and
    q = (1 + a)/2. At z₀ + u it is higher by 2 ln(p e^(qu) + q e^(−pu)): pq u² (1 + a u/3) where u
    is small, 2 (qu + ln p) where it is large. Else H lies above its tangents at −∞, 0 and ∞.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        p, q = np.maximum(0.5 - 0.5 * a, 0.0), 0.5 + 0.5 * a
        log_p, log_q = np.log(p), np.log(q)
        lowest = -2.0 * (p * log_p + q * log_q)
        rise = np.maximum(goal - lowest, 0.0)
        near = np.sqrt(rise / (p * q))
        near *= 1.0 - a * np.minimum(near, 2.0) / 6.0
        above = np.minimum(near, (0.5 * rise - log_p) / q)
        tangents = np.minimum(goal / (1.0 + a), (goal - 2.0 * np.log(2.0)) / a)
        tangents = np.where(goal < 0, np.minimum(tangents, goal / (a - 1.0)), tangents)
    bends = a < 1
    least = np.where(bends, log_p - log_q, -745.0 / a)
    start = np.maximum(np.where(bends, least + above, tangents), least)
    return start, np.where(bends, lowest + rise, goal), least


def _halley(z: Floats, goal: Floats, a: Floats, least: Floats) -> tuple[Floats, Floats]:
    """One of Halley's steps towards H(z) = *goal*, and how long it was."""
    tail = np.exp(-np.abs(z))
    value = (a + np.copysign(1.0, z)) * z + 2.0 * np.log1p(tail) - goal
    down = a + np.copysign((1.0 - tail) / (1.0 + tail), z)
    bend = 2.0 * tail / (1.0 + tail) ** 2
    step = 2.0 * value * down / np.maximum(2.0 * down**2 - value * bend, 1e-18)
    after = np.maximum(z - step, least)
    return after, after - z
