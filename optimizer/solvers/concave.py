"""Many concave problems at once: the best plan of each, by the prices of its rows.

Where every rule is about sums of spend, prices λ of the rows bound every plan by

    D(λ) = Σₖ sup {wₖ·fₖ(x) − (pₖ + (Mᵀλ)ₖ)·x : lowerₖ ≤ x ≤ upperₖ} + λ·h,   λ ≥ 0 where M·x ≤ h

which is convex, and smooth where curves are strictly concave: its gradient is h − M·x(λ) with x(λ)
the lines' replies, which the curves' inverses give without a search. Newton's method, projected on
λ ≥ 0 (Bertsekas, *Projected Newton methods for optimization problems with simple constraints*,
1982), takes all worlds along in the same array operations, with shapes (n_worlds, n_lines).

Replies that keep the rows are a plan, and D bounds it whatever the prices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.plan.curves import Floats
from optimizer.problem import TOLERANCE, Problem

from .smoothing import Terms

__all__ = ["ConcaveDual"]

Index = NDArray[np.intp]

_STEPS = 60
# A step is taken if the dual falls by this share of what it promises; else halved, so many times.
_ENOUGH, _TRIES = 1e-4, 12
# Rows are kept when missed by no more than this share of what is added up in them.
_KEPT = 0.1 * TOLERANCE
# A price this close to zero, as a share of what money brings, may end there.
_NEAR = 0.1
# A line this close to its bounds, as a share of the upper one, stands there.
_EDGE = 1e-12
# Prices grow by no more than this factor in a step.
_FARTHEST = 4.0
_TINY = 1e-300


@dataclass(frozen=True, eq=False)
class _Limits:
    """The rows as M·x ≤ h with prices from zero, or = h with any; largest entry of each row 1."""

    matrix: Floats
    limit: Floats
    free: NDArray[np.bool_]
    """Whether a row is an equation."""
    row: Index
    """The problem's row that each is about."""
    sign: Floats
    """1 where it is about its upper limit, −1 about its lower one."""

    @classmethod
    def of(cls, problem: Problem) -> _Limits:
        rows = problem.rows
        matrix = rows.spend.toarray()
        equal = np.flatnonzero(rows.lower == rows.upper)
        above = np.flatnonzero((rows.lower != rows.upper) & np.isfinite(rows.upper))
        below = np.flatnonzero((rows.lower != rows.upper) & np.isfinite(rows.lower))
        row = np.concatenate([equal, above, below])
        sign = np.where(np.arange(len(row)) < len(equal) + len(above), 1.0, -1.0)
        limit = np.concatenate([rows.upper[equal], rows.upper[above], -rows.lower[below]])
        size = np.maximum(abs(matrix).max(axis=1, initial=0.0), _TINY)[row]
        scaled = sign[:, None] * matrix[row] / size[:, None]
        return cls(scaled, limit / size, np.arange(len(row)) < len(equal), row, sign)

    def prices(self, rows: Floats) -> Floats:
        """Prices of the problem's rows, each of largest entry 1, as prices here; (…, n_limits)."""
        own = self.sign * rows[..., self.row]
        return np.asarray(np.where(self.free, own, np.maximum(own, 0.0)), float)

    def signed(self, prices: Floats, count: int) -> Floats:
        """The same back again, shape (…, *count*)."""
        into = np.zeros((len(self.row), count))
        into[np.arange(len(self.row)), self.row] = self.sign
        return np.asarray(prices @ into, float)

    def missed(self, spend: Floats) -> Floats:
        """How far each row is missed as a share of its size, shape (n_worlds, n_limits)."""
        over = spend @ self.matrix.T - self.limit
        over = np.where(self.free, abs(over), np.maximum(over, 0.0))
        size = np.maximum(abs(spend) @ abs(self.matrix).T, abs(self.limit))
        return np.asarray(over / np.maximum(size, _TINY), float)


@dataclass(frozen=True, eq=False)
class _State:
    """The dual at some prices, world by world."""

    rows: Floats
    value: Floats
    spend: Floats
    gradient: Floats


class ConcaveDual:
    """D of every world, each with bounds of its own in which its lines are concave.

    The shape of *terms* is (n_worlds, n_lines), that of *low* and *high* (n_lines,) or the same.
    """

    def __init__(self, problem: Problem, terms: Terms, low: Floats, high: Floats) -> None:
        self.terms, self.low, self.high = terms, low, high
        self.limits = _Limits.of(problem)
        reach = float(terms.gained(problem.upper).max())
        self.typical = reach / max(float(problem.upper.max(initial=0.0)), _TINY)

    def at(self, rows: Floats) -> _State:
        """D, the replies and the gradient at prices *rows*, (n_worlds, n_limits)."""
        terms, unit = self.terms, self.terms.exposure
        price = terms.price + rows @ self.limits.matrix
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            slope = np.where(price > 0, price, self.typical) / (terms.weights * unit)
            reply = terms.curves.inverse(slope) / unit
        spend = np.clip(np.where(price > 0, reply, self.high), self.low, self.high)
        value = (terms.gained(spend) - price * spend).sum(1) + rows @ self.limits.limit
        return _State(rows, value, spend, self.limits.limit - spend @ self.limits.matrix.T)

    def step(self, state: _State) -> tuple[Floats, Floats]:
        """Newton's step on the prices that may move, and by how much it promises to lower D."""
        matrix, free = self.limits.matrix, self.limits.free
        ease = self._ease(state.spend)
        system = (matrix * ease[:, None, :]) @ matrix.T
        each = np.arange(len(free))
        turnover = np.maximum(abs(self.limits.limit), state.spend.max(axis=1)[:, None])
        system[:, each, each] += 1e-9 * turnover / self.typical
        # Prices that would end at zero move by themselves, or Newton's way might not lead down.
        alone = state.gradient / system[:, each, each]
        moved = np.where(free, alone, state.rows - np.maximum(state.rows - alone, 0.0))
        near = np.minimum(abs(moved).max(axis=1, initial=0.0), _NEAR * self.typical)
        held = ~free & (state.rows <= near[:, None]) & (state.gradient > 0)
        apart = (held[:, :, None] | held[:, None, :]) & ~np.eye(len(free), dtype=bool)
        system = np.where(apart, 0.0, system)
        step = -np.linalg.solve(system, state.gradient[..., None])[..., 0]
        most = _FARTHEST * (self.typical + abs(state.rows).max(axis=1, initial=0.0))
        largest = abs(step).max(axis=1, initial=0.0)
        step *= np.minimum(1.0, most / np.maximum(largest, _TINY))[:, None]
        promise = -(step * np.where(held, 0.0, state.gradient)).sum(1)
        return np.asarray(step, float), np.asarray(promise, float)

    def _ease(self, spend: Floats) -> Floats:
        """By how much each reply falls per unit of price, shape (n_worlds, n_lines)."""
        curves, unit = self.terms.curves, self.terms.exposure
        edge = _EDGE * self.high
        inside = (spend > self.low + edge) & (spend < self.high - edge)
        step = 1e-5 * np.maximum(spend, 1e-9 * self.high) + _TINY
        up = curves.slope(unit * (spend + step))
        down = curves.slope(unit * np.maximum(spend - step, 0.5 * spend))
        with np.errstate(invalid="ignore"):
            bend = self.terms.weights * unit * (up - down) / (2 * step)
        known = inside & np.isfinite(bend) & (bend < 0)
        return np.where(known, -1.0 / np.where(known, bend, -1.0), 0.0)

    def minimise(self, rows: Floats, enough: float | Floats = -np.inf) -> _State:
        """Projected Newton from *rows* until the replies keep the rows, world by world.

        A world in which D falls to *enough* is left as it is.
        """
        state = self.at(rows)
        enough = np.broadcast_to(enough, len(rows))
        stuck = np.zeros(len(rows), bool)
        for _ in range(_STEPS):
            off = np.where(
                self.limits.free | (state.rows > 0),
                abs(state.gradient),
                np.maximum(-state.gradient, 0.0),
            )
            size = abs(state.spend) @ abs(self.limits.matrix).T
            open_ = np.any(off > 0.1 * _KEPT * np.maximum(size, _TINY), axis=1) & ~stuck
            open_ &= state.value > enough
            if not open_.any():
                break
            state, moved = self._search(state, *self.step(state), open_)
            stuck |= open_ & ~moved
        return state

    def plans(self, state: _State) -> tuple[Floats, NDArray[np.bool_]]:
        """What the replies are worth as plans, and whether they keep the rows; (n_worlds,)."""
        gained = self.terms.gained(state.spend) - self.terms.price * state.spend
        return gained.sum(1), np.all(self.limits.missed(state.spend) <= _KEPT, axis=1)

    def _search(
        self, state: _State, step: Floats, promise: Floats, open_: NDArray[np.bool_]
    ) -> tuple[_State, NDArray[np.bool_]]:
        """A step that lowers D in every open world; where none does, none is made."""
        length = np.where(open_, 1.0, 0.0)
        room = 1e-12 * abs(state.value)
        for _ in range(_TRIES):
            rows = state.rows + length[:, None] * step
            new = self.at(np.where(self.limits.free, rows, np.maximum(rows, 0.0)))
            good = new.value <= state.value - _ENOUGH * length * promise + room
            if good.all():
                break
            length = np.where(good, length, 0.5 * length)
        taken = good[:, None]
        return _State(
            np.where(taken, new.rows, state.rows),
            np.where(good, new.value, state.value),
            np.where(taken, new.spend, state.spend),
            np.where(taken, new.gradient, state.gradient),
        ), good
