"""The waist: a plan's question as arrays, in one canonical form.

    maximise   Σₖ wₖ·tₖ − Σₖ pₖ·xₖ − Σᵣ penaltyᵣ·vᵣ
    subject to tₖ ≤ fₖ(exposureₖ·xₖ),  lower ≤ x ≤ upper,
               rowᵣ: lowerᵣ − vᵣ ≤ A·x + B·t + C·s ≤ upperᵣ + vᵣ,  s yes or no

x columns, t outcomes (one term per column), s switches, v violation of soft rows. The first columns
are cells: the spend of a line in a period. After them stand stocks that follow from spend — what is
left of earlier money, goodwill, what sales follow up — each defined by a row, so that a curve on a
stock is a curve on a column (:mod:`optimizer.plan.flows`). Above the waist people speak of channels
and money; below it there are only these arrays. Every solver takes this form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.plan.curves import Floats, Linear, Points, Shape
from optimizer.plan.grid import Grid, Switch, SwitchKind, Unit
from optimizer.plan.plan import Line, Plan
from optimizer.plan.table import LineTable

__all__ = [
    "BUDGET",
    "MANY",
    "CurveTable",
    "Need",
    "Problem",
    "Rows",
]

BUDGET = "budget"
"""Name of the rule that spend stays within the budget."""

Index = NDArray[np.intp]

# A condition counts as kept when it is missed by no more than this share of its own size.
TOLERANCE = 1e-9

# A line stands at a bound, and a rule binds, within this share of its size: looser than keeping it,
# as a solver may stop a hair's breadth inside.
NEAR = 1e-7

MANY = 10_000
"""From so many lines on no tree of boxes proves anything, and floors stand without switches."""

# Lines whose limits are checked at a time.
_CHUNK = 1 << 16


# The curve of a column that only others follow from.
_NOTHING = Linear(0.0)


class Need(StrEnum):
    """What a solver must be able to do for a problem."""

    LINEAR = "linear"
    CONCAVE = "concave curves"
    NONCONCAVE = "S-curves"
    FLOORS = "lines that are off or above a minimum"
    BARE_FLOORS = "very many lines that are off or above a minimum"
    SWITCHES = "counted decisions"
    OUTCOMES = "rules on outcomes"
    PIECES = "straight pieces whose slopes rise"
    STOCKS = "stocks that follow from spend"


def _span(index: Index) -> Index | slice:
    """The same places as a slice where they follow one another: views are quicker than copies."""
    if index.size and index[-1] - index[0] + 1 == len(index):
        return slice(int(index[0]), int(index[-1]) + 1)
    return index


@dataclass(frozen=True, eq=False)
class CurveTable:
    """The curves of all terms, as arrays per family — never one object per term.

    ``families`` holds (curve class, positions, parameters); ``points`` holds (position, spend,
    outcome) of each curve of points. Results have shape (n,), or (…, n) where several exposures or
    slopes per term are given.
    """

    n: int
    families: tuple[tuple[Any, Index, tuple[Floats, ...]], ...]
    points: tuple[tuple[int, Floats, Floats], ...]
    inflection: Floats
    """Exposure from which each curve is concave."""
    linear: NDArray[np.bool_]
    """Which curves are straight lines."""
    piecewise: NDArray[np.bool_]
    """Which are made of straight pieces whose slopes rise somewhere."""

    @classmethod
    def of(cls, curves: Sequence[Any]) -> CurveTable:
        """The table of *curves*, in their order."""
        kinds: dict[type, list[int]] = {}
        for position, curve in enumerate(curves):
            kinds.setdefault(type(curve), []).append(position)
        families = tuple(
            (
                kind,
                np.array(index),
                tuple(np.array(p) for p in zip(*(curves[i].values for i in index), strict=True)),
            )
            for kind, index in kinds.items()
            if kind is not Points
        )
        shapes = [curve.shape for curve in curves]
        return cls(
            n=len(curves),
            families=families,
            points=tuple((i, *curves[i].knots) for i in kinds.get(Points, [])),
            inflection=np.array([curve.inflection for curve in curves], float),
            linear=np.array([shape is Shape.LINEAR for shape in shapes], bool),
            piecewise=np.array([shape is Shape.PIECEWISE for shape in shapes], bool),
        )

    @classmethod
    def of_lines(cls, lines: Sequence[Line]) -> CurveTable:
        """The curves of lines; those of a table as they are."""
        if not isinstance(lines, LineTable):
            return cls.of([line.curve for line in lines])
        inflection, linear = np.zeros(len(lines)), np.zeros(len(lines), bool)
        for kind, index, values in lines.families:
            inflection[index] = kind.bend(*values)
            linear[index] = kind is Linear
        flat = np.zeros(len(lines), bool)
        return cls(len(lines), lines.families, (), inflection, linear, flat)

    @classmethod
    def of_plan(cls, plan: Plan) -> CurveTable:
        """The curves of a plan's columns; a column without one brings nothing."""
        flows = plan.grid.flows
        if flows is None:
            return cls.of_lines(plan.lines)
        return cls.of([curve or _NOTHING for curve in flows.curves])

    def outcome(self, exposure: Floats) -> Floats:
        """f(e), shape (n,)."""
        result = self._empty(exposure)
        for kind, index, parameters in self.families:
            own = _span(index)
            result[..., own] = kind.formula(exposure[..., own], *parameters)
        for position, x, y in self.points:
            result[..., position] = np.interp(exposure[..., position], x, y)
        return result

    def slope(self, exposure: Floats) -> Floats:
        """f′(e), shape (n,); infinite where a curve is vertical at zero."""
        result = self._empty(exposure)
        for kind, index, parameters in self.families:
            own = _span(index)
            result[..., own] = kind.gradient(exposure[..., own], *parameters)
        for position, x, y in self.points:
            slopes = np.append(np.diff(y) / np.diff(x), 0.0)
            piece = np.searchsorted(x, exposure[..., position], side="right") - 1
            result[..., position] = slopes[piece]
        return result

    def inverse(self, slope: Floats) -> Floats:
        """Where the concave part of each curve has a slope above zero, shape (n,).

        Where it begins, if it is nowhere that steep; infinite for a steeper straight line.
        """
        result = self._empty(slope)
        for kind, index, parameters in self.families:
            own = _span(index)
            result[..., own] = kind.inverse(slope[..., own], *parameters)
        for position, x, y in self.points:
            # The steepest slope from each piece on: it falls where slopes themselves may rise.
            later = np.maximum.accumulate((np.diff(y) / np.diff(x))[::-1])[::-1]
            result[..., position] = x[np.searchsorted(-later, -slope[..., position])]
        return result

    def _empty(self, like: Floats) -> Floats:
        """Room for one value per term of *like*, and of each row of parameters where there are."""
        shape = np.shape(like)
        return np.empty(
            shape
            if self.inflection.ndim == 1
            else np.broadcast_shapes(shape, self.inflection.shape)
        )

    def changed(self, change: Callable[[Floats], Floats]) -> CurveTable:
        """The same with every parameter changed; with rows of them the inflection has rows too."""
        families = tuple(
            (kind, where, tuple(change(values) for values in parameters))
            for kind, where, parameters in self.families
        )
        rows = np.broadcast_shapes(*(np.shape(p[0])[:-1] for _, _, p in families))
        inflection = np.zeros((*rows, self.n))
        for position, *_ in self.points:  # alike in all rows
            inflection[..., position] = self.inflection.reshape(-1, self.n)[:1, position]
        for kind, where, parameters in families:
            inflection[..., where] = kind.bend(*parameters)
        return replace(self, families=families, inflection=inflection)

    def between(self, start: int, stop: int) -> CurveTable:
        """The table of the terms from *start* to *stop*, without copying parameters."""
        families = []
        for kind, positions, parameters in self.families:
            first, last = np.searchsorted(positions, (start, stop))
            if last > first:
                kept = tuple(values[first:last] for values in parameters)
                families.append((kind, positions[first:last] - start, kept))
        return CurveTable(
            n=stop - start,
            families=tuple(families),
            points=tuple((i - start, x, y) for i, x, y in self.points if start <= i < stop),
            inflection=self.inflection[start:stop],
            linear=self.linear[start:stop],
            piecewise=self.piecewise[start:stop],
        )

    def take(self, index: Index) -> CurveTable:
        """The table of the terms at *index*, in that order."""
        families, order = [], np.argsort(index, kind="stable")
        ranked = index[order]
        for kind, positions, parameters in self.families:
            place = np.searchsorted(positions, ranked)
            found = np.flatnonzero(place < len(positions))
            found = found[positions[place[found]] == ranked[found]]
            if found.size:
                found = found[np.argsort(order[found])]
                kept = tuple(values[place[found]] for values in parameters)
                families.append((kind, order[found], kept))
        known = {position: (x, y) for position, x, y in self.points}
        among = enumerate(index.tolist()) if known else ()
        return CurveTable(
            n=len(index),
            families=tuple(families),
            points=tuple((at, *known[i]) for at, i in among if i in known),
            inflection=self.inflection[index],
            linear=self.linear[index],
            piecewise=self.piecewise[index],
        )


@dataclass(frozen=True, eq=False)
class Rows:
    """The linear conditions; shapes (n_rows,) and (n_rows, n_columns) for the matrices."""

    rule: tuple[str, ...]
    part: tuple[str, ...]
    unit: tuple[Unit, ...]
    definition: NDArray[np.bool_]
    lower: Floats
    upper: Floats
    penalty: Floats
    """Objective per unit of violation; NaN where the row is hard."""
    spend: sparse.csr_array
    outcomes: sparse.csr_array
    switches: sparse.csr_array

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.rule)

    @property
    def soft(self) -> NDArray[np.bool_]:
        """Which rows may be violated at a price."""
        return ~np.isnan(self.penalty)

    def left(self, spend: Floats, outcomes: Floats, switches: Floats) -> Floats:
        """A·x + B·t + C·s, shape (n_rows,)."""
        total = self.spend @ spend
        if self.outcomes.nnz:
            total = total + self.outcomes @ outcomes
        if self.switches.nnz:
            total = total + self.switches @ switches
        return np.asarray(total, float)

    @property
    def absolute(self) -> tuple[sparse.csr_array, sparse.csr_array, sparse.csr_array]:
        """Sizes of all coefficients: on spend, outcomes and switches."""
        return _sizes(self.spend), _sizes(self.outcomes), _sizes(self.switches)

    def missed(self, spend: Floats, outcomes: Floats, switches: Floats) -> Floats:
        """How far each row is missed, in its own unit, shape (n_rows,); 0 where it is kept."""
        left = self.left(spend, outcomes, switches)
        return np.maximum(np.maximum(self.lower - left, left - self.upper), 0.0)

    def scale(self, spend: Floats, outcomes: Floats, switches: Floats) -> Floats:
        """Size of what is added up in each row, against which a violation is judged."""
        on_spend, on_outcomes, on_switches = self.absolute
        size = on_spend @ abs(spend)
        if on_outcomes.nnz:
            size = size + on_outcomes @ abs(outcomes)
        if on_switches.nnz:
            size = size + on_switches @ abs(switches)
        bounds = np.maximum(
            np.where(np.isfinite(self.lower), abs(self.lower), 0.0),
            np.where(np.isfinite(self.upper), abs(self.upper), 0.0),
        )
        return np.asarray(np.maximum(size, bounds), float)


def _sizes(matrix: sparse.csr_array) -> sparse.csr_array:
    """|matrix|, which shares its pattern."""
    return sparse.csr_array((abs(matrix.data), matrix.indices, matrix.indptr), matrix.shape)


@dataclass(frozen=True, eq=False)
class Problem:
    """The canonical form. Arrays have shape (n_columns,) unless said otherwise."""

    grid: Grid
    curves: CurveTable
    weights: Floats
    """Objective per outcome, w."""
    price: Floats
    """Objective lost per unit of each column, p; below zero for a stock that is worth something."""
    exposure: Floats
    """Exposure per unit of each column: one over the media price for a cell."""
    lower: Floats
    upper: Floats
    rows: Rows
    switches: tuple[Switch, ...]
    """The yes-or-no decisions, in the order of the columns of ``rows.switches``."""
    floor: Floats
    """Least spend of a cell that is on; 0 where its switch alone decides nothing.

    From ``MANY`` lines on no switch is made for it: the floor itself says that the line spends
    nothing, or at least so much."""

    @property
    def n_columns(self) -> int:
        """How many columns there are: cells, then stocks."""
        return len(self.lower)

    @property
    def n_cells(self) -> int:
        """How many of the columns are spend."""
        return self.grid.n_cells

    @property
    def has_stocks(self) -> bool:
        """Whether some columns follow from others."""
        return self.n_columns > self.n_cells

    @property
    def money(self) -> float:
        """The size of money in a period, against which rounding is judged."""
        grid = self.grid
        upper = float(self.upper[: self.n_cells].max(initial=0.0))
        whole = grid.budget / grid.n_periods
        return min(upper, whole) if np.isfinite(upper) else whole

    def lift(self, spend: Floats) -> Floats:
        """All columns that follow from the spend of the cells; *spend* may hold any number more."""
        flows = self.grid.flows
        if not self.has_stocks or flows is None:
            return spend
        return flows.lift(spend[: self.n_cells], self.curves)

    def gains(self, columns: Floats, terms: Floats, others: Floats) -> Floats:
        """What a further unit of money in each cell adds, stocks included, shape (…, n_cells).

        Args:
            columns: All columns as they are.
            terms: Gain per outcome of each term, shape (…, n_columns).
            others: Gain per unit of each column by itself, like *terms*.
        """
        slope = self.slopes(columns)
        flows = self.grid.flows
        if self.has_stocks and flows is not None:
            return flows.gradient(terms, others, columns, slope)
        with np.errstate(invalid="ignore"):
            return np.asarray(np.where(terms == 0, 0.0, terms * slope) + others, float)

    @property
    def needs(self) -> frozenset[Need]:
        """What a solver must be able to do."""
        needs = {Need.LINEAR}
        curved = ~self.curves.linear
        at_work = self.weights != 0
        if self.rows.outcomes.nnz:
            at_work |= self.rows.absolute[1].sum(axis=0) > 0
        if np.any(curved & at_work):
            needs.add(Need.CONCAVE)
        # A curve that may only move where it is concave is concave.
        bends = self.curves.piecewise | (self.curves.inflection > self.exposure * self.lower)
        if np.any(bends & at_work & (self.upper > self.lower) & (self.curves.inflection > 0)):
            needs.add(Need.NONCONCAVE)
            if np.any(self.curves.piecewise & at_work):
                needs.add(Need.PIECES)
        if self.rows.outcomes.nnz:
            needs.add(Need.OUTCOMES)
        if np.any(self.floor > 0):
            needs.add(Need.FLOORS)
        if self.has_stocks:
            needs.add(Need.STOCKS)
        if np.any(self.bare):
            needs.add(Need.BARE_FLOORS)
        counted = bool(self.switches) and self.rows.switches[~self.rows.definition].nnz > 0
        if counted or any(switch.kind is not SwitchKind.ON for switch in self.switches):
            needs.add(Need.SWITCHES)
        return frozenset(needs)

    @property
    def bare(self) -> NDArray[np.bool_]:
        """Cells with a floor that no switch stands for, shape (n_columns,)."""
        bare = self.floor > 0
        bare[[switch.line for switch in self.switches if switch.kind is SwitchKind.ON]] = False
        return bare

    @property
    def is_concave(self) -> bool:
        """Whether prices as derivatives exist: no S-curve is at work and nothing is yes or no."""
        return not self.needs & {Need.NONCONCAVE, Need.FLOORS, Need.SWITCHES}

    def outcomes(self, spend: Floats) -> Floats:
        """f(exposure · x), shape (n_columns,)."""
        return self.curves.outcome(self.exposure * spend)

    def slopes(self, spend: Floats) -> Floats:
        """Outcomes per further unit of each column, shape (n_columns,)."""
        return self.exposure * self.curves.slope(self.exposure * spend)

    def switched(self, spend: Floats) -> Floats:
        """The switches that fit a spend, shape (n_switches,)."""
        if not self.switches:
            return np.zeros(0)
        n, grid = self.n_cells, self.grid
        cells, upper = spend[:n], self.upper[:n]
        is_on = cells > TOLERANCE * np.maximum(np.where(np.isfinite(upper), upper, 0.0), 1e-300)
        total, today = grid.by_line(cells), grid.by_line(grid.current)
        scale = np.maximum(np.nan_to_num(today), np.maximum(total, 0.0))
        more = total - today > TOLERANCE * scale
        less = today - total > TOLERANCE * scale
        used = grid.by_line(is_on.astype(float)) > 0
        answer = {
            SwitchKind.ON: is_on,
            SwitchKind.USED: used,
            SwitchKind.UP: more,
            SwitchKind.DOWN: less,
        }
        return np.array([float(answer[switch.kind][switch.line]) for switch in self.switches])

    def violations(self, spend: Floats) -> Floats:
        """How far each row is missed, in its own unit, shape (n_rows,); 0 where it is kept."""
        return self.rows.missed(spend, self._seen(spend), self.switched(spend))

    def _seen(self, spend: Floats) -> Floats:
        """The outcomes as rows see them, shape (n_columns,); zeros where no row looks at them."""
        return self.outcomes(spend) if self.rows.outcomes.nnz else np.zeros(self.n_columns)

    def value(self, spend: Floats) -> float:
        """The objective at *spend* on the true curves, penalties of soft rows taken off."""
        soft = self.rows.soft
        fines = self.rows.penalty[soft] @ self.violations(spend)[soft] if soft.any() else 0.0
        return float(self.weights @ self.outcomes(spend) - self.price @ spend - fines)

    def feasible(self, spend: Floats, tolerance: float = TOLERANCE) -> bool:
        """Whether *spend* keeps the bounds and every hard row, to a share of their size."""
        if not self._within(spend, tolerance):
            return False
        switched, outcomes = self.switched(spend), self._seen(spend)
        scale = self.rows.scale(spend, outcomes, switched)
        least = np.full(len(self.rows), 1e-300)
        if self.grid.n_periods > 1:  # a limit may hang on a period with next to no money
            is_money = np.array([unit is Unit.MONEY for unit in self.rows.unit], bool)
            least = np.where(is_money, 10.0 * self.money, least)
        missed = self.rows.missed(spend, outcomes, switched)
        return not np.any((missed > tolerance * np.maximum(scale, least)) & ~self.rows.soft)

    def _within(self, spend: Floats, tolerance: float) -> bool:
        """Whether *spend* keeps every line's own limits; some lines at a time, to spare memory."""
        for start in range(0, self.n_columns, _CHUNK):
            part = slice(start, start + _CHUNK)
            own, low, high, floor = (
                values[part] for values in (spend, self.lower, self.upper, self.floor)
            )
            room = tolerance * np.maximum(abs(own), np.where(np.isfinite(high), high, 0.0))
            wrong = (own < low - room) | (own > high + room) | (own > room) & (own < floor - room)
            if wrong.any():
                return False
        return True

    def standing(self, spend: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Where each row stands, shapes (n_rows,).

        Its left side, its slack (distance to the nearer limit), and whether it binds.
        """
        rows, switched, outcomes = self.rows, self.switched(spend), self._seen(spend)
        left = rows.left(spend, outcomes, switched)
        slack = np.minimum(left - rows.lower, rows.upper - left)
        size = np.maximum(rows.scale(spend, outcomes, switched), 1e-300)
        return left, slack, slack <= NEAR * size

    def loosened(self, rule: str, step: float, part: str | None = None) -> Problem:
        """The same problem with every row of *rule* eased by *step* in the row's own unit."""
        eased = np.array(
            [
                name == rule and (part is None or part == own)
                for name, own in zip(self.rows.rule, self.rows.part, strict=True)
            ],
            bool,
        )
        eased &= ~self.rows.definition
        rows = replace(
            self.rows, lower=self.rows.lower - step * eased, upper=self.rows.upper + step * eased
        )
        return replace(self, rows=rows)

    def bounded(self, line: int, lower: float, upper: float) -> Problem:
        """The same problem with other bounds on one line."""
        low, high = self.lower.copy(), self.upper.copy()
        low[line], high[line] = lower, upper
        return replace(self, lower=low, upper=high)
