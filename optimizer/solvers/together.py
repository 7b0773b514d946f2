"""Many worlds of one concave problem at once: each one's own best plan, by the prices of its rows.

Where every rule is about sums of spend, prices λ of the rows bound every plan of a world by

    D(λ) = Σₖ sup {wₖ·fₖ(x) − (pₖ + (Mᵀλ)ₖ)·x : lowerₖ ≤ x ≤ upperₖ} + λ·h,   λ ≥ 0 where M·x ≤ h

which is convex, and smooth where curves are strictly concave: its gradient is h − M·x(λ) with x(λ)
the lines' replies, which the curves' inverses give without a search. Newton's method, projected on
λ ≥ 0 (Bertsekas, *Projected Newton methods for optimization problems with simple constraints*,
1982), takes all worlds along in the same array operations, with shapes (n_worlds, n_lines).

A reply that keeps the rows is a plan, and D bounds it whatever the prices: a world in which the two
do not meet is left open for others to solve.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.plan.curves import Floats
from optimizer.problem import TOLERANCE, Need, Problem
from optimizer.worlds import Worlds

__all__ = ["Optima", "best_of_each", "suits"]

# Rows beyond which a dense system per world is no longer quick.
_ROWS = 60
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
class Optima:
    """The best plan of every world."""

    spend: Floats
    """Shape (n_worlds, n_cells)."""
    value: Floats
    """What it is worth in its world, shape (n_worlds,)."""
    bound: Floats
    """What no plan can beat there; infinite where nothing is proven."""

    def proven(self, gap: float) -> NDArray[np.bool_]:
        """Which plans are within *gap*, as a share, of their bounds."""
        size = np.maximum(abs(self.value), abs(self.bound))
        with np.errstate(invalid="ignore"):
            return np.asarray(np.isfinite(self.bound) & (self.bound - self.value <= gap * size))


def suits(worlds: Worlds) -> bool:
    """Whether worlds can be solved together: concave formulas, and hard rules on sums of spend."""
    problem = worlds.problem
    return (
        not problem.needs - {Need.LINEAR, Need.CONCAVE}
        and not problem.curves.points
        and not (problem.curves.linear & (problem.upper > problem.lower)).any()
        and not problem.rows.soft.any()
        and len(problem.rows) <= _ROWS
        and bool(np.isfinite(problem.upper).all() and np.all(worlds.weights > 0))
        and all(_concave(kind, parameters) for kind, _, parameters in worlds.curves.families)
    )


def _concave(kind: type, parameters: tuple[Floats, ...]) -> bool:
    """Whether a family of curves is concave in every world."""
    return bool(np.all(kind.bend(*parameters) <= 0))  # type: ignore[attr-defined]


@dataclass(frozen=True, eq=False)
class _Limits:
    """The rows as M·x ≤ h with prices from zero, or = h with any; largest entry of each row 1."""

    matrix: Floats
    limit: Floats
    free: NDArray[np.bool_]
    """Whether a row is an equation."""

    @classmethod
    def of(cls, problem: Problem) -> _Limits:
        rows = problem.rows
        matrix = rows.spend.toarray()
        equal = rows.lower == rows.upper
        parts = [
            (matrix[equal], rows.upper[equal]),
            (matrix[~equal], rows.upper[~equal]),
            (-matrix[~equal], -rows.lower[~equal]),
        ]
        whole = np.concatenate([part for part, _ in parts])
        limit = np.concatenate([part for _, part in parts])
        free = np.arange(len(limit)) < equal.sum()
        kept = np.isfinite(limit)
        size = np.maximum(abs(whole).max(axis=1, initial=0.0), _TINY)
        return cls((whole / size[:, None])[kept], (limit / size)[kept], free[kept])

    def prices(self, problem: Problem, rows: Floats) -> Floats:
        """Prices of the problem's rows as prices here, shape (n_limits,)."""
        size = np.maximum(abs(problem.rows.spend.toarray()).max(axis=1, initial=0.0), _TINY)
        equal = problem.rows.lower == problem.rows.upper
        scaled = rows * size
        kept = np.isfinite(
            np.concatenate(
                [
                    problem.rows.upper[equal],
                    problem.rows.upper[~equal],
                    problem.rows.lower[~equal],
                ]
            )
        )
        split = [scaled[equal], np.maximum(scaled[~equal], 0), np.maximum(-scaled[~equal], 0)]
        return np.asarray(np.concatenate(split)[kept], float)

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


class _Dual:
    """D of every world."""

    def __init__(self, worlds: Worlds) -> None:
        self.worlds, problem = worlds, worlds.problem
        shape = (worlds.n, problem.n_columns)
        self.unit = np.broadcast_to(worlds.exposure, shape)
        self.weights, self.price = (
            np.broadcast_to(values, shape) for values in (worlds.weights, worlds.price)
        )
        self.limits, self.low, self.high = _Limits.of(problem), problem.lower, problem.upper
        reach = (self.weights * worlds.curves.outcome(self.unit * self.high)).max()
        self.typical = float(reach) / max(float(self.high.max(initial=0.0)), _TINY)

    def at(self, rows: Floats) -> _State:
        """D, the replies and the gradient at prices *rows*, (n_worlds, n_limits)."""
        curves, unit = self.worlds.curves, self.unit
        price = self.price + rows @ self.limits.matrix
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            slope = np.where(price > 0, price, self.typical) / (self.weights * unit)
            reply = curves.inverse(slope) / unit
        spend = np.clip(np.where(price > 0, reply, self.high), self.low, self.high)
        gained = self.weights * curves.outcome(unit * spend) - price * spend
        value = gained.sum(1) + rows @ self.limits.limit
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
        curves, unit = self.worlds.curves, self.unit
        edge = _EDGE * self.high
        inside = (spend > self.low + edge) & (spend < self.high - edge)
        step = 1e-5 * np.maximum(spend, 1e-9 * self.high) + _TINY
        up = curves.slope(unit * (spend + step))
        down = curves.slope(unit * np.maximum(spend - step, 0.5 * spend))
        with np.errstate(invalid="ignore"):
            bend = self.weights * unit * (up - down) / (2 * step)
        known = inside & np.isfinite(bend) & (bend < 0)
        return np.where(known, -1.0 / np.where(known, bend, -1.0), 0.0)

    def minimise(self, rows: Floats) -> _State:
        """Projected Newton from *rows* until the replies keep the rows, world by world."""
        state = self.at(rows)
        stuck = np.zeros(len(rows), bool)
        for _ in range(_STEPS):
            off = np.where(
                self.limits.free | (state.rows > 0),
                abs(state.gradient),
                np.maximum(-state.gradient, 0.0),
            )
            size = abs(state.spend) @ abs(self.limits.matrix).T
            open_ = np.any(off > 0.1 * _KEPT * np.maximum(size, _TINY), axis=1) & ~stuck
            if not open_.any():
                break
            state, moved = self._search(state, *self.step(state), open_)
            stuck |= open_ & ~moved
        return state

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


def best_of_each(worlds: Worlds, prices: Floats | None = None) -> Optima:
    """The best plan of every world, and bounds.

    Args:
        worlds: Such as :func:`suits` allows.
        prices: Prices of the problem's rows to begin with, shape (n_rows,).

    Returns:
        Plans keep the rules; where none was found the bound is infinite.
    """
    dual = _Dual(worlds)
    first = np.zeros(len(dual.limits.limit))
    if prices is not None:
        first = dual.limits.prices(worlds.problem, prices)
    state = dual.minimise(np.tile(first, (worlds.n, 1)))
    gained = dual.weights * worlds.curves.outcome(dual.unit * state.spend)
    value = (gained - dual.price * state.spend).sum(1)
    kept = np.all(dual.limits.missed(state.spend) <= _KEPT, axis=1)
    return Optima(state.spend, value, np.where(kept, np.maximum(state.value, value), np.inf))
