"""Experiments: what a change of spend brought, as it sharpens a curve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from optimizer.errors import CalibrationError, Fault
from optimizer.plan.carryover import Geometric
from optimizer.plan.curves import Curve, Floats

from .mapping import LiftTest

__all__ = ["Sharpened", "lift_of", "sharpen"]


def lift_of(test: LiftTest, outcome: Callable[[Any], Any], retention: float) -> float:
    """Outcomes more than without the change, over the periods of the test.

    The spend had been held at ``base``, so the exposure k periods into the test is
    base + (to − base) · (1 − r^(k+1)).
    """
    steps = np.arange(1, test.periods + 1)
    exposed = test.base + (test.to - test.base) * (1.0 - retention**steps)
    without = outcome(np.array([test.base]))[0]
    return float((outcome(exposed) - without).sum())


@dataclass(frozen=True, eq=False)
class Sharpened:
    """A curve that experiments have sharpened."""

    curve: Curve
    """The likeliest curve, of the kind it was."""
    draws: dict[str, Floats]
    """Its numbers by name as they may be, each of shape (n_draws,)."""
    before: tuple[float, ...]
    """The lift that the judged curve said, for each test."""
    after: tuple[float, ...]
    """The lift that the sharpened curve says."""


def sharpen(
    curve: Curve,
    tests: Sequence[LiftTest],
    *,
    spread: float = 0.5,
    carryover: Geometric | None = None,
    draws: int = 256,
    seed: int = 1,
) -> Sharpened:
    """A judged curve, moved towards what experiments showed.

    Each positive number of the curve is log-normal around what is stated; a test is a further
    residual: the lift that the curve says less the lift that was seen, over its error.

    Args:
        curve: Any kind but points.
        tests: The experiments.
        spread: Standard deviation of the logarithm of each number: 0.5 means that four judgements
            in five are right within a factor of 1.9.
        carryover: What earlier spend still does; absent: nothing.
        draws: How many draws of the numbers are made, by Laplace's approximation.
        seed: The same seed gives the same draws.

    Raises:
        CalibrationError: there is no test, or the curve has no numbers to move.
    """
    names = [
        field.name
        for field in fields(curve)
        if isinstance(value := getattr(curve, field.name), float) and value > 0
    ]
    if not tests or not names:
        words = "there is no test" if not tests else f"{curve.kind} has no numbers to move"
        raise CalibrationError(Fault("tests", words, "Give lift tests and a curve with a formula"))
    stated = np.log([getattr(curve, name) for name in names])
    left = 0.0 if carryover is None else carryover.rate

    def moved(shift: Floats) -> Curve:
        values = np.exp(stated + spread * shift)
        if "steepness" in names:
            values[names.index("steepness")] = min(values[names.index("steepness")], 20.0)
        for bounded in {"elasticity", "exponent"} & set(names):
            values[names.index(bounded)] = min(values[names.index(bounded)], 0.99)
        stated_as: dict[str, Any] = dict(zip(names, map(float, values), strict=True))
        return replace(curve, **stated_as)

    def lifts(shift: Floats) -> Floats:
        made: Any = moved(shift)
        return np.array([lift_of(test, made.outcome, left) for test in tests])

    seen = np.array([test.lift for test in tests])
    error = np.array([test.error for test in tests])

    def residuals(shift: Floats) -> Floats:
        return np.concatenate([(lifts(shift) - seen) / error, shift])

    start = np.zeros(len(names))
    found = least_squares(residuals, start, bounds=(-6.0, 6.0))
    slopes = np.asarray(found.jac, float)
    covariance = np.linalg.inv(slopes.T @ slopes)
    rng = np.random.default_rng(seed)
    root = np.linalg.cholesky(covariance)
    shifts = found.x + rng.standard_normal((draws, len(names))) @ root.T
    every = [moved(np.clip(shift, -6.0, 6.0)) for shift in shifts]
    return Sharpened(
        moved(found.x),
        {name: np.array([getattr(one, name) for one in every]) for name in names},
        tuple(lifts(start).tolist()),
        tuple(lifts(found.x).tolist()),
    )
