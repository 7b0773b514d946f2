"""The kinds of curve that are fitted, each as a shape times a size, and carry-over.

A line's outcomes are size · g(e / x̄), where e is its exposure, x̄ its typical spend and g a shape of
the plan's own kinds. The ``bend`` of every shape is told in one unit: the spend at which a hill of
steepness 1 is at half its ceiling, so that one prior serves them all. For an exponential and a
logistic that is half the ceiling, too; for a log the spend at which the elasticity is one half.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.signal import lfilter

from optimizer.plan.curves import Exponential, Floats, Hill, Log, Logistic

__all__ = ["Shape", "exposure", "shape_of"]

_START = 4
"""Periods whose mean stands for what was spent before the history."""


@dataclass(frozen=True)
class Shape:
    """One kind of curve as a shape times a size."""

    kind: str
    width: str
    """The parameter that the bend sets: money."""
    height: str
    """The parameter that the size sets: outcomes."""
    factor: float
    """``width`` over the bend."""

    def curve(self, size: float, bend: float, steepness: float) -> dict[str, float]:
        """The curve's parameters by name."""
        found = {self.height: size, self.width: bend * self.factor}
        return found | ({"steepness": steepness} if self.kind == "hill" else {})

    def outcome(self, x: Floats, bend: float, steepness: float) -> Floats:
        """g at spend *x*, element by element, for a size of one."""
        formula: Any = _FORMULAS[self.kind]
        if self.kind == "hill":
            return np.asarray(formula(x, 1.0, bend, steepness), float)
        if self.kind == "logistic":
            return np.asarray(formula(x, 1.0, bend * self.factor, np.zeros(1)), float)
        return np.asarray(formula(x, 1.0, bend * self.factor), float)


_FORMULAS: dict[str, Any] = {kind.kind: kind.formula for kind in (Hill, Exponential, Logistic, Log)}

_SHAPES = (
    Shape("hill", "half", "ceiling", 1.0),
    Shape("exponential", "unit", "ceiling", 1.0 / math.log(2.0)),
    Shape("logistic", "unit", "ceiling", 1.0 / math.log(3.0)),
    Shape("log", "unit", "scale", 1.0 / 3.9215536345675),  # solves u / ((1 + u) ln(1 + u)) = 1/2
)


def shape_of(kind: str) -> Shape:
    """The shape of a kind of curve."""
    return next(shape for shape in _SHAPES if shape.kind == kind)


def exposure(spend: Floats, retention: float) -> Floats:
    """What is at work of *spend* in each period: geometric carry-over, weights that sum to one.

    Args:
        spend: Money, shape (…, n_periods). What was spent before is taken for the mean of the
            first four periods.
        retention: The share left after a period.
    """
    before = spend[..., :_START].mean(axis=-1, keepdims=True)
    found, _ = lfilter([1.0 - retention], [1.0, -retention], spend, zi=retention * before)
    return np.asarray(found, float)
