"""A mixed-integer model of the same problem, refined until HiGHS itself proves it: an oracle.

The convex part of a curve is cut into pieces, each under its chord; its concave part is one piece
under tangents. One yes-or-no variable per piece says where the spend is (multiple choice), and
spend and outcome are divided over the pieces (Croxton, Gendron & Magnanti, 2003: as tight as
piecewise linear models get). Chords and tangents lie above the curve, so the model's bound is one
for the plan. At its answer chords are halved and tangents added, until value and bound meet.

It shares nothing with the solvers but the problem: SciPy's own HiGHS, and the true curves.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

# Where tangents first touch a concave part, as shares of its width.
FIRST = tuple((np.linspace(0, 1, 17) ** 2).tolist())
# SciPy's word for it, and what HiGHS's own tolerance leaves of a rule.
_INFEASIBLE, _KEPT = 2, 1e-6


@dataclass
class Refined:
    """Where a refinement ended."""

    status: str
    """proven, infeasible, time limit, or stalled where no cut is left that a solver could tell."""
    value: float = -np.inf
    bound: float = np.inf
    rounds: int = 0
    seconds: float = 0.0

    @property
    def gap(self) -> float:
        return (self.bound - self.value) / max(abs(self.value), abs(self.bound), 1e-300)


class _Curve:
    """One curve on its line's interval, as far as it is known: all in scaled units."""

    def __init__(self, problem, k, money, reach):
        self.high, self.money, self.reach = float(problem.upper[k]), money, reach
        self.exposure, self.curve = problem.exposure[k], problem.curves.take(np.array([k]))
        bend = min(float(problem.curves.inflection[k]) / self.exposure, self.high)
        knots = [float(x) / self.exposure for _, xs, _ in self.curve.points for x in xs]
        self.is_exact = bool(knots)
        self.corners = sorted({0.0, *(x for x in knots if 0 < x < bend), bend})
        self.touches = [bend + share * (self.high - bend) for share in FIRST]
        self.touches += [x for x in knots if bend <= x < self.high]

    def at(self, spend):
        """Outcome and slope."""
        exposure = np.array([self.exposure * spend])
        slope = self.curve.slope(exposure)[0] * self.exposure
        return self.curve.outcome(exposure)[0] / self.reach, slope * self.money / self.reach

    def pieces(self):
        """(from, to, lines above) of each piece; a line is (intercept, slope)."""
        unit = self.money
        for a, b in itertools.pairwise(self.corners):
            (fa, _), (fb, _) = self.at(a), self.at(b)
            slope = (fb - fa) / (b - a) * unit
            yield a / unit, b / unit, [(fa - slope * a / unit, slope)]
        if self.corners[-1] < self.high or len(self.corners) == 1:
            known = [(x, *self.at(x)) for x in self.touches]
            lines = [(f - s * x / unit, s) for x, f, s in known if np.isfinite(s)]
            yield self.corners[-1] / unit, self.high / unit, [*lines, (self.at(self.high)[0], 0.0)]

    def refine(self, spend):
        """Cut what lies above the curve at *spend*: by a corner where convex, else a tangent.

        Says whether there was anything to cut.
        """
        room = 1e-9 * max(self.high, 1e-300)
        if spend < self.corners[-1] - room:
            if self.is_exact or min(abs(spend - x) for x in self.corners) <= room:
                return False
            self.corners = sorted([*self.corners, spend])
            return True
        touch = max(spend, room)
        if min(abs(touch - x) for x in self.touches) <= 0.1 * room:
            return False
        self.touches.append(touch)
        return True


class _Model:
    """One problem as a mixed-integer programme.

    Columns: spend, outcome and choice of every piece, the switches, the violations of soft rows.
    """

    def __init__(self, problem):
        self.problem = problem
        self.money = float(problem.upper.max(initial=0.0)) or 1.0
        reach = problem.outcomes(problem.upper)
        self.outcomes = np.where(reach > 0, reach, 1.0)
        worth = float((abs(problem.weights) * self.outcomes).max(initial=0.0))
        self.unit = max(worth, problem.price.max(initial=0.0) * self.money) or 1.0
        self.soft = np.flatnonzero(problem.rows.soft)
        self.curves = [
            _Curve(problem, k, self.money, self.outcomes[k]) for k in range(problem.n_columns)
        ]

    def solve(self, gap, seconds):
        """One call of HiGHS: its status, the spend found (or None), the model's bound."""
        pieces = [(k, *piece) for k, curve in enumerate(self.curves) for piece in curve.pieces()]
        p, m, problem = len(pieces), len(self.problem.switches), self.problem
        line = np.array([piece[0] for piece in pieces])
        gather = sparse.csr_array((np.ones(p), (line, np.arange(p))), shape=(problem.n_columns, p))
        stated, size = self._stated(gather)
        cost = [
            problem.price[line] * self.money / self.unit,
            -(problem.weights * self.outcomes)[line] / self.unit,
            np.zeros(p + m),
            problem.rows.penalty[self.soft] * size[self.soft] / self.unit,
        ]
        whole = np.repeat([0, 1, 0], [2 * p, p + m, len(self.soft)])
        answer = milp(
            np.concatenate(cost),
            integrality=whole,
            bounds=Bounds(0, np.where(whole, 1.0, np.inf)),
            constraints=[*self._links(pieces, gather), *stated],
            options={"mip_rel_gap": gap, "time_limit": max(seconds, 0.01)},
        )
        bound = np.inf if answer.mip_dual_bound is None else -answer.mip_dual_bound * self.unit
        spend = None if answer.x is None else gather @ answer.x[:p] * self.money
        return answer.status, spend, bound

    def _links(self, pieces, gather):
        """Each line is in one piece, its spend within its ends, its outcome under its lines."""
        problem, p = self.problem, len(pieces)
        low, high = (np.array([piece[end] for piece in pieces]) for end in (1, 2))
        above = np.array([(j, c, slope) for j, piece in enumerate(pieces) for c, slope in piece[3]])
        steep = np.maximum(1.0, abs(above[:, 2]))
        take = sparse.csr_array(
            (1 / steep, (np.arange(len(above)), above[:, 0].astype(int))), shape=(len(above), p)
        )
        scaled = (sparse.diags_array(-above[:, column]) @ take for column in (2, 1))
        on_spend, on_choice = scaled
        eye, no = sparse.eye_array(p), sparse.csr_array((p, p))
        wide, money = sparse.csr_array((problem.n_columns, p)), self.money
        return [
            self._rows([eye, no, -sparse.diags_array(low)], 0, np.inf),
            self._rows([eye, no, -sparse.diags_array(high)], -np.inf, 0),
            self._rows([on_spend, take, on_choice], -np.inf, 0),
            self._rows([wide, wide, gather], 1, 1),
            self._rows([gather, wide, wide], problem.lower / money, problem.upper / money),
        ]

    def _rows(self, blocks, lower, upper):
        """Conditions on pieces alone."""
        rest = len(self.problem.switches) + len(self.soft)
        matrix = sparse.hstack([*blocks, sparse.csr_array((blocks[0].shape[0], rest))])
        return LinearConstraint(sparse.csr_array(matrix), lower, upper)

    def _stated(self, gather):
        """The problem's own rows, each at its own size."""
        rows, n = self.problem.rows, len(self.problem.rows)
        spend = rows.spend @ gather * self.money
        gained = rows.outcomes @ sparse.diags_array(self.outcomes) @ gather
        size = np.ones(n)
        for matrix in (spend, gained, rows.switches):
            if matrix.nnz:
                size = np.maximum(size, abs(matrix).max(axis=1).toarray().ravel())
        if not n:
            return [], size
        scale, soft = sparse.diags_array(1 / size), np.arange(len(self.soft))
        missed = sparse.csr_array((np.ones(len(soft)), (self.soft, soft)), shape=(n, len(soft)))
        known = [scale @ spend, scale @ gained, 0 * spend, scale @ rows.switches]
        return [
            LinearConstraint(sparse.csr_array(sparse.hstack([*known, way * missed])), low, high)
            for way, low, high in (
                (1.0, rows.lower / size, np.inf),
                (-1.0, -np.inf, rows.upper / size),
            )
        ], size


def refined(problem, gap=1e-4, seconds=300.0):
    """The problem's value and bound, to *gap* or until the time is up."""
    start, model = time.perf_counter(), _Model(problem)
    found = Refined("time limit")
    while found.seconds < seconds:
        status, spend, bound = model.solve(gap / 4, seconds - found.seconds)
        found.rounds, found.seconds = found.rounds + 1, time.perf_counter() - start
        if status == _INFEASIBLE:
            return replace(found, status="infeasible", bound=-np.inf)
        found.bound = min(found.bound, bound)
        if spend is None:
            continue
        spend = np.clip(spend, problem.lower, problem.upper)
        if problem.feasible(spend, _KEPT):
            found.value = max(found.value, problem.value(spend))
        if found.gap <= gap:
            return replace(found, status="proven")
        cut = [curve.refine(x) for curve, x in zip(model.curves, spend.tolist(), strict=True)]
        if not any(cut):
            return replace(found, status="stalled")
    return found
