"""The smallest concave curve above each curve on an interval: what makes an S-curve tractable.

On [l, u] the envelope of an S-curve is a straight line from (l, f(l)) to the tangent point w, where
f′(w)·(w − l) = f(w) − f(l), and f itself from there (Udell & Boyd, Maximizing a Sum of Sigmoids,
2014). For straight pieces it is the upper hull of their ends. A concave curve is its own envelope.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.plan.curves import Floats
from optimizer.problem import CurveTable

__all__ = ["Envelopes"]

_BISECTIONS = 55
# A curve that is vertical at zero gets its tangent this share of the interval to the right.
_OFF_ZERO = 1e-9


@dataclass(frozen=True, eq=False)
class Envelopes:
    """The envelopes of all terms on their intervals; arrays have shape (n,)."""

    curves: CurveTable
    low: Floats
    high: Floats
    tangent: Floats
    """w: where the line from the lower end touches the curve."""
    start: Floats
    """f(l)."""
    chord: Floats
    """Slope of the line from l to w."""
    hulls: dict[int, tuple[Floats, Floats]]
    """Corners of the hull of each curve of straight pieces."""

    @classmethod
    def of(cls, curves: CurveTable, low: Floats, high: Floats) -> Envelopes:
        """The envelopes on [low, high]."""
        tangent = _tangent(curves, low, high)
        start = curves.outcome(low)
        width = tangent - low
        with np.errstate(divide="ignore", invalid="ignore"):
            chord = np.where(width > 0, (curves.outcome(tangent) - start) / width, 0.0)
        hulls = {
            k: _hull(x, y, low[k], high[k]) for k, x, y in curves.points if curves.piecewise[k]
        }
        return cls(curves, low, high, tangent, start, chord, hulls)

    def narrowed(self, term: int, low: float, high: float) -> Envelopes:
        """The same with another interval for one term."""
        index = np.array([term])
        one = Envelopes.of(self.curves.take(index), np.array([low]), np.array([high]))

        def put(array: Floats, value: Floats) -> Floats:
            array = array.copy()
            array[term] = value[0]
            return array

        hulls = self.hulls if not one.hulls else {**self.hulls, term: one.hulls[0]}
        return Envelopes(
            self.curves,
            put(self.low, one.low),
            put(self.high, one.high),
            put(self.tangent, one.tangent),
            put(self.start, one.start),
            put(self.chord, one.chord),
            hulls,
        )

    def at(self, exposure: Floats) -> tuple[Floats, Floats]:
        """Value of each envelope at *exposure* and the slope of a line that stays above it."""
        place = np.clip(exposure, self.low, self.high)
        # Where the line reaches the upper end, the curve's own slope there would cut it off.
        on_line = (place < self.tangent) | (self.tangent >= self.high)
        touch = np.where(on_line, self.tangent, place)
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = self.curves.slope(touch)
            vertical = ~np.isfinite(slope)
            if vertical.any():
                touch = np.where(vertical, self.low + _OFF_ZERO * (self.high - self.low), touch)
                slope = np.where(vertical, self.curves.slope(touch), slope)
                slope = np.where(np.isfinite(slope), slope, 0.0)
        value = self.curves.outcome(touch) + slope * (place - touch)
        value = np.where(on_line, self.start + self.chord * (place - self.low), value)
        slope = np.where(on_line, self.chord, slope)
        for k, (x, y) in self.hulls.items():
            piece = int(
                np.clip(np.searchsorted(x, place[k], side="right") - 1, 0, max(len(x) - 2, 0))
            )
            rise = (y[piece + 1] - y[piece]) / (x[piece + 1] - x[piece]) if len(x) > 1 else 0.0
            value[k], slope[k] = y[piece] + rise * (place[k] - x[piece]), rise
        return value, slope


def _tangent(curves: CurveTable, low: Floats, high: Floats) -> Floats:
    """w by bisection between the inflection and the upper end, for all terms at once."""
    bends = (curves.inflection > low) & ~curves.piecewise
    tangent = np.where(bends, high, low)
    search = np.flatnonzero(bends & (curves.inflection < high))
    if not search.size:
        return tangent
    part, bottom = curves.take(search), low[search]
    start = part.outcome(bottom)
    left, right = np.maximum(part.inflection, bottom), high[search].copy()

    def above(w: Floats) -> np.ndarray:
        """Whether the tangent at w still passes under the lower end's line."""
        return np.asarray(part.slope(w) * (w - bottom) > part.outcome(w) - start)

    beyond = above(right)
    for _ in range(_BISECTIONS):
        middle = 0.5 * (left + right)
        higher = above(middle)
        left, right = np.where(higher, middle, left), np.where(higher, right, middle)
    tangent[search] = np.where(beyond, high[search], 0.5 * (left + right))
    return tangent


def _hull(x: Floats, y: Floats, low: float, high: float) -> tuple[Floats, Floats]:
    """Upper hull of a curve of straight pieces between *low* and *high*."""
    inside = (x > low) & (x < high)
    xs = np.concatenate([[low], x[inside], [high]]) if high > low else np.array([low])
    ys = np.interp(xs, x, y)
    corners: list[int] = []
    for i in range(len(xs)):
        while len(corners) >= 2:
            a, b = corners[-2], corners[-1]
            if (ys[b] - ys[a]) * (xs[i] - xs[a]) <= (ys[i] - ys[a]) * (xs[b] - xs[a]):
                corners.pop()
            else:
                break
        corners.append(i)
    return xs[corners], ys[corners]
