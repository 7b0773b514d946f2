"""Concave values in many worlds at once, by an interior-point method.

    maximise   Σ meanₛ·Vₛ(x) + total·η − Σ capₛ·uₛ − Σ fineᵣ·vᵣ
    subject to Wₛ(x) − baseₛ + uₛ ≥ η,  rows of x (soft ones + vᵣ),  lower ≤ x ≤ upper,  u, v ≥ 0

A condition with a cap c and its multiplier y meet z·y = μ and u·(c − y) = μ, z the slack; what the
worlds add to Newton's system is of the size of x alone, however many worlds there are (Wright,
Primal-Dual Interior-Point Methods, 1997). Nothing here is taken on trust: the multipliers are
weights of the worlds, and bound what any plan is worth, whatever they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

from optimizer.plan.curves import Floats
from optimizer.problem import Problem
from optimizer.worlds import Worlds

from .solution import Clock

__all__ = ["Aim", "climb_worlds"]

_STEPS = 100
# At a kink, such as a full capacity, steps come no nearer: so many without coming nearer by a tenth
# are the last.
_PATIENCE, _NEARER = 10, 0.9
# Share of the way to the next edge that a step may go.
_EDGE = 0.995
# So many worlds stand for all at first, where values are only averaged, and to this closeness.
_FEW, _ROUGH = 64, 1e-4
# A share of a step that is none: an edge bars the way.
_STUCK = 1e-9
# Equations that one core solves at once.
_SMALL = 400
# Columns of which the limits are so near, as a share of all money, stand still.
_STILL = 1e-9
# And limits of a row that are nearer make it an equation.
_EQUAL = 1e-9
# A trace of the identity stands in for the rank that rows with much in common lack.
_TRACE = 1e-11


@dataclass(frozen=True, eq=False)
class Aim:
    """What is made best; arrays of shape (n_worlds,)."""

    worlds: Worlds
    """V."""
    mean: Floats
    tail: Worlds
    """W, mostly V itself."""
    base: Floats
    cap: Floats
    total: float
    """0: η is nothing, and base says how much W must be, or pay cap for what is missing."""

    def first(self, count: int) -> Aim:
        """The same for the first worlds alone; for means without a tail."""
        worlds = self.worlds.only(np.arange(count))
        mean = self.mean[:count] * (self.mean.sum() / max(float(self.mean[:count].sum()), 1e-300))
        nothing = np.zeros(count)
        return Aim(worlds, mean, worlds, nothing, nothing, 0.0)

    @property
    def one(self) -> bool:
        """Whether V and W are the same."""
        return self.worlds is self.tail


def _solved(matrix: Floats, right: Floats) -> Floats:
    """The solution of a few equations by one core: many wait for one another longer than that."""
    if len(right) <= _SMALL:
        return np.asarray(splu(sparse.csc_array(matrix)).solve(right), float)
    return np.asarray(np.linalg.solve(matrix, right), float)


class _Rules:
    """The rows of a problem as concave conditions h(x) ≥ 0 of its cells, and equations."""

    def __init__(self, problem: Problem, unit: float, worth: float) -> None:
        rows, n = problem.rows, problem.n_cells
        self.problem, self.unit = problem, unit
        kept = ~rows.definition & ~(rows.penalty <= 0) & (np.diff(rows.switches.indptr) == 0)
        kept = np.flatnonzero(kept)
        both = np.isfinite(rows.lower) & np.isfinite(rows.upper)
        low, high = np.where(both, rows.lower, 0.0), np.where(both, rows.upper, 1.0)
        wide = ~both | (high - low > _EQUAL * np.maximum(abs(high), abs(low)))
        bent = np.diff(rows.outcomes.indptr) > 0
        bent |= np.diff(rows.spend[:, n:].tocsr().indptr) > 0
        self.equal = kept[~wide[kept] & ~rows.soft[kept] & ~bent[kept]]
        others = np.setdiff1d(kept, self.equal)
        low = others[np.isfinite(rows.lower[others])]
        high = others[np.isfinite(rows.upper[others])]
        self.row = np.concatenate([low, high])
        self.sign = np.concatenate([np.ones(len(low)), -np.ones(len(high))])
        self.limit = np.concatenate([rows.lower[low], -rows.upper[high]])
        self.plain = not bent[self.row].any()
        if not self.plain:
            self.on_terms = rows.outcomes[self.row].toarray()
            self.on_columns = rows.spend[self.row].toarray()
        self.matrix = rows.spend[:, :n].toarray()
        across = abs(self.matrix).max(axis=1, initial=0.0) * unit
        self.size = np.where(across > 0, across, 1.0)
        if bent.any():
            at = problem.lift(np.full(n, unit))
            whole = abs(rows.outcomes) @ problem.outcomes(at) + abs(rows.spend) @ at
            self.size = np.where(bent, np.maximum(whole, 1e-300), self.size)
        fine = np.where(rows.soft, np.nan_to_num(rows.penalty), np.inf)
        self.cap = fine[self.row] * self.size[self.row] / worth

    def at(self, cells: Floats) -> tuple[Floats, Floats]:
        """h and its gradient by cells in *unit*, shapes (n,) and (n, n_cells)."""
        row, sign, size = self.row, self.sign, self.size[self.row]
        if self.plain:
            left, gradient = self.matrix[row] @ cells, self.matrix[row]
        else:
            rows = self.problem.rows
            columns = self.problem.lift(cells)
            outcomes = self.problem.outcomes(columns)
            left = (rows.spend @ columns + rows.outcomes @ outcomes)[row]
            gradient = self.problem.gains(columns, self.on_terms, self.on_columns)
            gradient = np.nan_to_num(gradient, posinf=0.0, neginf=0.0)
        gradient = (sign * self.unit / size)[:, None] * gradient
        return (sign * left - self.limit) / size, gradient

    def equations(self, cells: Floats) -> tuple[Floats, Floats]:
        """Matrix by cells in *unit*, and what is missing."""
        size = self.size[self.equal]
        matrix = self.matrix[self.equal] / size[:, None]
        return matrix * self.unit, self.problem.rows.upper[self.equal] / size - matrix @ cells


@dataclass(eq=False)
class _Block:
    """Conditions h + u ≥ 0 with multipliers y below their caps; shapes (n,)."""

    cap: Floats
    y: Floats
    z: Floats
    u: Floats

    @classmethod
    def begun(cls, h: Floats, cap: Floats, y: Floats, room: float) -> _Block:
        """Slacks and excesses that fit h, off their edges."""
        open_ = np.isfinite(cap)
        u = np.where(open_, np.maximum(-h, 0.0) + room, 0.0)
        return cls(cap, y, np.maximum(h, 0.0) + room, u)

    @property
    def open(self) -> NDArray[np.bool_]:
        """Which have a cap."""
        return np.isfinite(self.cap)

    @property
    def products(self) -> Floats:
        """What is to become μ."""
        spare = (self.cap - self.y)[self.open] * self.u[self.open]
        return np.concatenate([self.y * self.z, spare])

    def pull(self, h: Floats, mu: float) -> tuple[Floats, Floats]:
        """Weight of each condition in Newton's system, and the multiplier it leads to."""
        spare = np.where(self.open, self.cap - self.y, 1.0)
        weight = 1.0 / (self.z / self.y + np.where(self.open, self.u / spare, 0.0))
        off = h - mu / self.y + np.where(self.open, mu / spare, 0.0)
        return weight, self.y - weight * off

    def move(self, aim: Floats, weight: Floats, along: Floats, mu: float) -> _Block:
        """The step of y, z and u where h changes by *along*."""
        dy = aim - weight * along - self.y
        dz = (mu - self.y * self.z - self.z * dy) / self.y
        spare = np.where(self.open, self.cap - self.y, 1.0)
        du = np.where(self.open, (mu - spare * self.u + self.u * dy) / spare, 0.0)
        return _Block(self.cap, dy, dz, du)

    def reach(self, step: _Block) -> float:
        """How much of a step keeps everything above zero."""
        values = [self.y, self.z, (self.cap - self.y)[self.open], self.u[self.open]]
        ways = [step.y, step.z, -step.y[self.open], step.u[self.open]]
        value, way = np.concatenate(values), np.concatenate(ways)
        falls = way < 0
        return float((value[falls] / -way[falls]).min(initial=np.inf))

    def go(self, step: _Block, share: float) -> None:
        """Take a share of a step."""
        self.y, self.z = self.y + share * step.y, self.z + share * step.z
        self.u = self.u + share * step.u


def climb_worlds(
    problem: Problem, aim: Aim, start: Floats, clock: Clock, enough: float = 1e-8
) -> tuple[Floats, Floats]:
    """A spend near the best, strictly within its limits, and the multipliers of the worlds.

    Args:
        problem: Limits and rules; switches are not looked at.
        aim: What is made best.
        start: Spend to begin with, shape (n_cells,).
        clock: When to stop.
        enough: How near to the best, as a share of what is at stake.

    Returns:
        Cells, shape (n_cells,), and the weight of every world in W, shape (n_worlds,).
    """
    averaged = not aim.cap.any() and aim.worlds.n > 2 * _FEW
    path = _Path(problem, aim.first(_FEW) if averaged else aim, start)
    if averaged:
        path.walk(_ROUGH, clock)
        path.aim = aim
    path.walk(enough, clock)
    weights = np.zeros(aim.tail.n)
    weights[path.tail] = path.worlds.y
    return path.cells, weights


@dataclass(frozen=True, eq=False)
class _Here:
    """Conditions and their gradients at a spend, in units of money and worth."""

    values: Floats
    """W − base − η of the worlds in the tail."""
    slopes: Floats
    """Their gradients, shape (n_tail, n_free)."""
    gain: Floats
    """Gradient of the mean, shape (n_free,)."""
    across_h: Floats
    across: Floats
    """The rules and their gradients."""
    equal: Floats
    missing: Floats
    """The equations and what is missing of them."""
    mu: float
    left: float
    """How far from the best, at most and as a share of what is at stake."""


class _Path:
    """The central path of one problem, from a spend on."""

    def __init__(self, problem: Problem, aim: Aim, start: Floats) -> None:
        n = problem.n_cells
        self.aim, self.unit = aim, problem.money or 1.0
        self.bent = aim  # how values bend may be known from fewer worlds
        low, high = problem.lower[:n], problem.upper[:n]
        self.free = high - low > _STILL * self.unit
        room = 1e-3 * np.minimum(np.where(np.isfinite(high), high - low, self.unit), self.unit)
        inside = np.clip(np.nan_to_num(start[:n]), low + room, high - room)
        self.cells = np.where(self.free, inside, np.clip(start[:n], low, high))
        gradients = aim.worlds.gradients(self.cells)
        share = aim.mean + (aim.cap * (aim.total / max(aim.cap.sum(), 1e-300)) if aim.one else 0.0)
        at_stake = share @ abs(np.nan_to_num(gradients, posinf=0.0, neginf=0.0))
        self.worth = float(at_stake @ self.cells) / max(float(share.sum()), 1e-300) or 1.0
        self.rules = _Rules(problem, self.unit, self.worth)
        self.tail = np.flatnonzero(aim.cap > 0)
        self.low, self.high, self.sigma, self.enough = low, high, 0.3, 0.0
        self.left = np.inf
        self.bounded = self.free & np.isfinite(high)
        self._begin()

    def _begin(self) -> None:
        aim = self.aim
        values, cap = self._values(), aim.cap[self.tail]
        self.eta = 0.0
        if aim.total > 0:
            order = np.argsort(values)
            place = np.searchsorted(np.cumsum(cap[order]), aim.total)
            self.eta = float(values[order][min(int(place), len(order) - 1)])
        share = aim.total / max(float(aim.cap.sum()), 1e-300) if aim.total > 0 else 0.1
        room = 0.1 * max(float(np.ptp(values)) if len(values) else 0.0, 0.1)
        self.worlds = _Block.begun(values - self.eta, cap, cap * min(share, 0.5), room)
        typical = float(np.mean(self.worlds.products)) if len(values) else 0.0
        typical = max(typical, 1.0 / max(int(self.free.sum()), 1))
        h, _ = self.rules.at(self.cells)
        room_ = 0.1
        multiplier = np.minimum(typical / (np.maximum(h, 0.0) + room_), 0.5 * self.rules.cap)
        self.rows = _Block.begun(h, self.rules.cap, multiplier, room_)
        self.floor = self._limits(self.cells - self.low, self.free, typical)
        self.roof = self._limits(self.high - self.cells, self.bounded, typical)
        self.prices = np.zeros(len(self.rules.equal))

    def _limits(self, distance: Floats, there: NDArray[np.bool_], typical: float) -> _Block:
        z = np.where(there, distance, self.unit)[there] / self.unit
        return _Block(np.full(len(z), np.inf), typical / z, z, np.zeros(len(z)))

    def _values(self) -> Floats:
        """W − base of the worlds in the tail, in units of worth."""
        if not len(self.tail):
            return np.zeros(0)
        values = self.aim.tail.values(self.cells) - self.aim.base
        return np.asarray(values[self.tail] / self.worth, float)

    @property
    def _blocks(self) -> tuple[_Block, ...]:
        return (self.worlds, self.rows, self.floor, self.roof)

    def walk(self, enough: float, clock: Clock) -> None:
        """Step by step to within a share *enough* of what is at stake."""
        self.enough, nearest, since = enough, np.inf, 0
        for _ in range(_STEPS):
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                if clock.is_up or since > _PATIENCE or not self.step():
                    return
            since = 0 if self.left < _NEARER * nearest else since + 1
            nearest = min(nearest, self.left)

    def step(self) -> bool:
        """One step; whether there is more to gain."""
        here = self._look()
        self.left = here.left
        if here.left <= self.enough:
            return False
        target = self.sigma * here.mu
        conditions = (here.values, here.across_h, self.floor.z, self.roof.z)
        pulls = [b.pull(h, target) for b, h in zip(self._blocks, conditions, strict=True)]
        move = self._newton(here, pulls)
        if move is None:
            return False
        n, has_eta = int(self.free.sum()), int(self.aim.total > 0)
        dx, deta = move[:n], float(move[n]) if has_eta else 0.0
        ways = (here.slopes @ dx - deta, here.across @ dx, dx, -dx[self.bounded[self.free]])
        steps = [
            block.move(multiplier, weight, way, target)
            for block, (weight, multiplier), way in zip(self._blocks, pulls, ways, strict=True)
        ]
        edge = min(b.reach(s) for b, s in zip(self._blocks, steps, strict=True))
        share = min(1.0, _EDGE * edge)
        if not share > _STUCK:
            return False
        for block, step in zip(self._blocks, steps, strict=True):
            block.go(step, share)
        self.cells = self.cells.copy()
        self.cells[self.free] += share * dx * self.unit
        self.floor.z = (self.cells - self.low)[self.free] / self.unit
        self.roof.z = (self.high - self.cells)[self.bounded] / self.unit
        self.eta += share * deta
        self.prices = self.prices + share * move[n + has_eta :]
        self.sigma = 0.1 if share > 0.9 else 0.3 if share > 0.5 else 0.6
        return True

    def _look(self) -> _Here:
        """Everything at the present spend."""
        aim, free, scale = self.aim, self.free, self.unit / self.worth
        values = self._values() - self.eta
        slopes = np.zeros((0, int(free.sum())))
        if len(self.tail):
            slopes = np.nan_to_num(aim.tail.gradients(self.cells)[:, free]) * scale
        if len(self.tail) and aim.one:
            gain = aim.mean @ slopes
        else:
            gain = np.nan_to_num(aim.worlds.gradient(self.cells, aim.mean)[free]) * scale
        slopes = slopes[self.tail]
        h, across = self.rules.at(self.cells)
        equal, missing = self.rules.equations(self.cells)
        across, equal = across[:, free], equal[:, free]
        uphill = gain + slopes.T @ self.worlds.y + across.T @ self.rows.y + equal.T @ self.prices
        uphill = uphill + self._spread(self.floor.y, free) - self._spread(self.roof.y, self.bounded)
        products = np.concatenate([block.products for block in self._blocks])
        left = [
            float(products.sum()),
            float(abs(uphill).max(initial=0.0)),
            float(abs(h + self.rows.u - self.rows.z).max(initial=0.0)),
            float(abs(missing).max(initial=0.0)),
        ]
        mu = float(products.mean()) if len(products) else 0.0
        return _Here(values, slopes, gain, h, across, equal, missing, mu, max(left))

    def _newton(self, here: _Here, pulls: list[tuple[Floats, Floats]]) -> Floats | None:
        """The step of cells, of η where there is one, and of the prices of equations."""
        (ww, wy), (rw, ry), (fw, fy), (cw, cy) = pulls
        n, e, m = int(self.free.sum()), int(self.aim.total > 0), len(here.missing)
        whole = np.zeros((n + e + m, n + e + m))
        system = self._bend() * (self.unit * self.unit / self.worth)
        system += (here.slopes.T * ww) @ here.slopes + (here.across.T * rw) @ here.across
        system[np.diag_indices(n)] += self._spread(fw, self.free) + self._spread(cw, self.bounded)
        whole[:n, :n] = system
        right = np.concatenate([np.zeros(n + e), here.missing])
        right[:n] = here.gain + here.slopes.T @ wy + here.across.T @ ry
        right[:n] += here.equal.T @ self.prices
        right[:n] += self._spread(fy, self.free) - self._spread(cy, self.bounded)
        if e:
            right[n] = self.aim.total - wy.sum()
            whole[n, n] = ww.sum()
            whole[:n, n] = whole[n, :n] = -(here.slopes.T @ ww)
        whole[:n, n + e :], whole[n + e :, :n] = -here.equal.T, here.equal
        size = np.sqrt(np.maximum(abs(np.diag(whole)), 1e-300))
        size[n + e :] = 1.0
        whole /= size[:, None] * size[None, :]
        whole[np.diag_indices(n + e + m)] += _TRACE
        if not np.all(np.isfinite(whole)):
            return None
        try:
            move = _solved(whole, right / size) / size
        except (RuntimeError, np.linalg.LinAlgError):  # singular
            return None
        return np.asarray(move, float) if np.all(np.isfinite(move)) else None

    def _bend(self) -> Floats:
        aim, free, weights = self.bent, self.free, np.zeros(self.bent.tail.n)
        weights[self.tail] = self.worlds.y
        if aim.one:
            whole = aim.worlds.bend(self.cells, aim.mean + weights)
        else:
            whole = aim.worlds.bend(self.cells, aim.mean)
            whole = whole + aim.tail.bend(self.cells, weights)
        return whole[np.ix_(free, free)]

    def _spread(self, values: Floats, there: NDArray[np.bool_]) -> Floats:
        """*values* of some free cells among all free cells."""
        whole = np.zeros(len(there))
        whole[there] = values
        return whole[self.free]
