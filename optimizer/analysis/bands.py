"""What a number may be over all worlds, and how exactly the draws tell it.

Errors are standard errors over blocks of the sequence of draws: each block is an even sample by
itself, and all of them together are evener still, so the errors are on the safe side.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from optimizer.plan.curves import Floats

__all__ = ["BAND", "band", "blocks", "error_of", "mean", "quantiles"]

BAND = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Shares of all worlds below the five numbers of a band."""

_BLOCKS = 8

Measure = Callable[[Floats, Floats], Floats]
"""Of values and their weights."""


def mean(values: Floats, weight: Floats) -> Floats:
    """The expected value."""
    return np.asarray(weight @ values / weight.sum(), float)


def quantiles(values: Floats, weight: Floats, shares: tuple[float, ...] = BAND) -> Floats:
    """The numbers below which such shares of all worlds lie, shape (n_shares,).

    Worlds without the number (NaN) are left out.
    """
    known = ~np.isnan(values)
    if not known.any():
        return np.full(len(shares), np.nan)
    order = np.argsort(values[known], kind="stable")
    weight = weight[known][order]
    place = (np.cumsum(weight) - 0.5 * weight) / weight.sum()
    return np.asarray(np.interp(shares, place, values[known][order]), float)


def blocks(count: int) -> list[NDArray[np.intp]]:
    """The draws in blocks, in their order."""
    return [part for part in np.array_split(np.arange(count), _BLOCKS) if len(part)]


def error_of(measure: Measure, values: Floats, weight: Floats) -> Floats:
    """The standard error of a measure over all draws, in its own shape."""
    parts = blocks(len(values))
    found = np.array([measure(values[part], weight[part]) for part in parts])
    return np.asarray(found.std(axis=0, ddof=1) / np.sqrt(len(parts)), float)


def band(values: Floats, weight: Floats) -> dict[str, float]:
    """p5, p25, p50, p75, p95, mean, the error of the mean and the largest of the other five."""
    found = quantiles(values, weight)
    if np.isnan(values).any():
        middle = error = spread = np.nan
    else:
        middle = float(mean(values, weight))
        error = float(error_of(mean, values, weight))
        spread = float(error_of(quantiles, values, weight).max())
    names = [f"p{round(100 * share)}" for share in BAND]
    return dict(zip(names, map(float, found), strict=True)) | {
        "mean": middle,
        "error": error,
        "band_error": spread,
    }
