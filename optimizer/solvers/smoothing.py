"""The price of money for many boxes at once: a smooth dual, minimised by Newton's method.

Where every rule is about sums of spend, prices λ of the rows bound every plan in a box of spends by

    D(λ) = Σₖ φₖ(p + (Aᵀλ)ₖ) + Σᵣ max(λᵣ·lowerᵣ, λᵣ·upperᵣ),   φₖ(c) = sup of wₖ·fₖ − c·x

A line's best reply lies on its concave part, φ°, or at its lower end; so φ is the greater of two
smooth functions of one price, and so is each row's term. Where the two are equal the reply jumps:
D has a kink, at which a plain Newton step goes astray. So each maximum of a and b is softened to
τ·ln(exp(a/τ) + exp(b/τ)), above it by at most τ·ln 2 and as smooth as its parts (Nesterov, *Smooth
minimization of non-smooth functions*, 2005); τ goes down as Newton's steps converge. The share of
exp(a/τ) in that sum says how far a line is between its two replies.

λ has one entry per row, a handful. All boxes of a batch share every array operation, with shapes
(n_boxes, n_lines): a step for sixteen boxes costs little more than for one. Boxes may belong to
different worlds, in which lines bring and cost something else under the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from optimizer.plan.curves import Floats
from optimizer.problem import CurveTable, Problem
from optimizer.worlds import Worlds

__all__ = ["Boxes", "Replies", "SmoothDual", "State", "Terms"]

Mask = NDArray[np.bool_]
Index = NDArray[np.intp]

# Places on each concave part at which the table knows curve and slope exactly.
_PLACES = 48
# The first of them are so far apart, as a share of the line's maximum.
_CLOSEST, _CLOSEST_VERTICAL = 1e-3, 1e-6
# A Newton step is taken if the dual falls by this share of what the step promises.
_ENOUGH = 1e-4
# It is shortened otherwise, by a factor between these, at most so many times.
_SHORTER, _TRIES = (0.01, 0.5), 8
# Newton has converged when a step promises less than this share of τ.
_CONVERGED = 0.3
# Or, where the replies are to be a plan, when rows are kept to this share of all that is spent.
_EXACT = 1e-4
# A row binds that is held this close to a limit, as a share of all that is spent.
_BINDS = 1e-3
# A lead that leaves no doubt.
_SURE = 1e3
# Values this close are the same number.
_ROUNDING = 1e-13
_STEPS = 40
# The least curvature, as a share of what all that is spent may be per price.
_STRAIGHT = 1e-9
# Prices grow by no more than this factor in a step.
_FARTHEST = 3.0
# Prices asked for a first guess, over so many powers of ten.
_GUESSES, _DECADES = 24, 4
# From so many boxes on, those that have converged are left out of further steps.
_MANY = 64


@dataclass(frozen=True, eq=False)
class Terms:
    """What lines bring and cost: shape (n_lines,), or a world (a box) in each row."""

    curves: CurveTable
    weights: Floats
    price: Floats
    exposure: Floats

    @classmethod
    def of(cls, problem: Problem) -> Terms:
        """Those of one problem."""
        return cls(problem.curves, problem.weights, problem.price, problem.exposure)

    @classmethod
    def each(cls, worlds: Worlds) -> Terms:
        """Those of every world, shape (n_worlds, n_lines)."""
        shape = (worlds.n, worlds.problem.n_columns)
        arrays = (worlds.weights, worlds.price, worlds.exposure)
        return cls(worlds.curves, *(np.broadcast_to(values, shape) for values in arrays))

    def only(self, index: Index) -> Terms:
        """Those of some worlds; where all are one problem's, these."""
        if self.weights.ndim == 1:
            return self
        return Terms(
            self.curves.changed(lambda values: values[index]),
            self.weights[index],
            self.price[index],
            self.exposure[index],
        )

    def gained(self, spend: Floats) -> Floats:
        """What each line brings, before what it costs."""
        return np.asarray(self.weights * self.curves.outcome(self.exposure * spend), float)

    @property
    def bend(self) -> Floats:
        """The spend from which each line is concave."""
        return self.curves.inflection / self.exposure


class Replies:
    """The conjugate φ° of every line's concave part, from a table: the reply to a price.

    Between two known places φ° is the cubic with the right values and slopes (−x) at both, so that
    a price needs no iteration. Its error shrinks with the fourth power of their distance; bounds
    that are reported are worked out without it.
    """

    def __init__(self, terms: Terms, lower: Floats, upper: Floats) -> None:
        """The table of lines with spends from *lower* to *upper*, shape (n_lines,)."""
        unit, weights, curves = terms.exposure, terms.weights, terms.curves
        low = np.clip(terms.bend, lower, upper)
        room = upper - low
        with np.errstate(divide="ignore"):
            vertical = ~np.isfinite(curves.slope(unit * low))
        closest = np.where(vertical, _CLOSEST_VERTICAL, _CLOSEST) * upper
        first = np.maximum(low, closest) + 1e-300
        steps = np.linspace(0.0, 1.0, _PLACES).reshape(-1, *[1] * low.ndim)
        place = low + first * np.expm1(steps * np.log1p(room / first))
        place[0] = np.where(vertical, np.minimum(1e-3 * closest, room), low)
        price = weights * unit * curves.slope(unit * place)
        # A vertical curve without room has no price, and needs none.
        price = np.where(np.isfinite(price), price, 0.0)
        value = terms.gained(place) - price * place
        step = np.diff(price, axis=0)
        # A line with nothing between two places has one reply there.
        flat = step >= -1e-12 * price[:-1]
        step = np.where(flat, -1.0, step)
        rise, at, after = np.diff(value, axis=0) / step, -place[:-1], -place[1:]
        # Prices may differ by next to nothing; such a piece is as good as flat.
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            square = (3 * rise - 2 * at - after) / step
            cube = (at + after - 2 * rise) / step**2
        flat |= ~(np.isfinite(square) & np.isfinite(cube))
        square, cube = np.where(flat, 0.0, square), np.where(flat, 0.0, cube)
        pieces = np.stack([price[:-1], value[:-1], at, square, cube])
        self.pieces = np.moveaxis(pieces, 1, -1).reshape(5, -1)
        self.inner = np.moveaxis(price[1:-1], 0, -1).copy()
        self.first = np.arange(low.size).reshape(low.shape) * (_PLACES - 1)
        self.steepest, self.flattest = price[0], price[-1]

    def at(self, price: Floats, world: Index | None = None) -> tuple[Floats, Floats, Floats]:
        """φ°, the spend −φ°′ and its own slope φ°″ at *price*, shapes (n_boxes, n_lines).

        The spend is infinite at prices below those of the table, and 0 above them. *world* is the
        row of the table that each box is in, shape (n_boxes,).
        """
        if world is None:
            steepest, flattest = self.steepest, self.flattest
            piece = (price[..., None] < self.inner).sum(-1) + self.first
        else:
            steepest, flattest = self.steepest[world], self.flattest[world]
            piece = self._halved(price, self.first[world])
        start, value, slope, square, cube = self.pieces[:, piece]
        t = price - start
        spend = -(slope + t * (2.0 * square + 3.0 * t * cube))
        spend = np.where(price >= steepest, 0.0, spend)
        spend = np.where(price <= flattest, np.inf, spend)
        # φ° is convex; a cubic between places that nearly meet may not be.
        bend = np.maximum(2.0 * square + 6.0 * t * cube, 0.0)
        return value + t * (slope + t * (square + t * cube)), spend, bend

    def _halved(self, price: Floats, first: Index) -> Index:
        """The piece of each price; by halves, as to gather all places is slow."""
        starts, piece, last = self.pieces[0], first.copy(), first + (_PLACES - 2)
        step = 1 << (_PLACES - 2).bit_length() - 1
        while step:
            further = np.minimum(piece + step, last)
            piece = np.where(price < starts[further], further, piece)
            step //= 2
        return piece


@dataclass(frozen=True, eq=False)
class Boxes:
    """Bounds of spend, box by box, and what a line gains at the places where its reply may end.

    All shapes are (n_boxes, n_lines).
    """

    low: Floats
    high: Floats
    begin: Floats
    """Where the concave part inside the box begins; its upper end if there is none."""
    bends: Mask
    """Whether the lower end is a reply of its own."""
    at_low: Floats
    at_begin: Floats
    at_high: Floats
    terms: Terms
    """Of all boxes, or box by box."""
    world: Index | None
    """The world that each box is in, shape (n_boxes,); None where there is one."""

    @classmethod
    def of(cls, terms: Terms, low: Floats, high: Floats, world: Index | None = None) -> Boxes:
        """The boxes of spends from *low* to *high*, of lines with *terms*."""
        own = terms if world is None else terms.only(world)
        begin = np.clip(own.bend, low, high)
        begin = np.where(own.curves.linear, high, begin)
        at_low, at_begin, at_high = own.gained(np.stack([low, begin, high]))
        return cls(low, high, begin, begin > low, at_low, at_begin, at_high, own, world)

    def only(self, kept: Index) -> Boxes:
        """Some of the boxes."""
        return Boxes(
            self.low[kept],
            self.high[kept],
            self.begin[kept],
            self.bends[kept],
            self.at_low[kept],
            self.at_begin[kept],
            self.at_high[kept],
            self.terms.only(kept),
            None if self.world is None else self.world[kept],
        )


@dataclass(frozen=True, eq=False)
class State:
    """The smooth dual at some prices, box by box."""

    rows: Floats
    """λ, shape (n_boxes, n_rows)."""
    smooth: Floats
    """Its value, shape (n_boxes,)."""
    value: Floats
    """D itself, up to the error of the table; shape (n_boxes,)."""
    gradient: Floats
    """Shape (n_boxes, n_rows)."""
    curvature: Floats
    """Shape (n_boxes, n_rows, n_rows)."""
    drift: Floats
    """How the gradient changes with τ, shape (n_boxes, n_rows)."""
    share: Floats
    """How far each line is from its lower end to its reply, 0 to 1; shape (n_boxes, n_lines)."""
    reply: Floats
    """Where its concave part has the price for a slope; shape (n_boxes, n_lines)."""

    def where(self, taken: Mask, other: State) -> State:
        """This where *taken*, else the *other*, box by box."""
        if taken.all():
            return self
        pick = {}
        for name, value in vars(self).items():
            mask = taken.reshape(-1, *[1] * (value.ndim - 1))
            pick[name] = np.where(mask, value, getattr(other, name))
        return State(**pick)

    def only(self, kept: Index) -> State:
        """Those of some boxes."""
        return State(**{name: value[kept] for name, value in vars(self).items()})

    def put(self, boxes: Index, other: State) -> State:
        """This with the states of some *boxes* from elsewhere."""
        new = {name: value.copy() for name, value in vars(self).items()}
        for name, value in vars(other).items():
            new[name][boxes] = value
        return State(**new)


class SmoothDual:
    """D and its smooth kin for boxes of one separable problem; largest entry of each row 1.

    With *terms* of many worlds, for boxes of them all.
    """

    def __init__(self, problem: Problem, terms: Terms | None = None) -> None:
        rows = problem.rows
        matrix = rows.spend.toarray()
        self.problem, self.terms = problem, Terms.of(problem) if terms is None else terms
        self.replies = Replies(self.terms, problem.lower, problem.upper)
        self.size = np.maximum(abs(matrix).max(axis=1, initial=0.0), 1e-300)
        self.matrix = matrix / self.size[:, None]
        self.lower, self.upper = rows.lower / self.size, rows.upper / self.size
        up, down = np.maximum(self.matrix, 0.0), np.minimum(self.matrix, 0.0)
        least = up @ problem.lower + down @ problem.upper
        most = up @ problem.upper + down @ problem.lower
        self.turnover = np.maximum(np.minimum(most, self.upper), abs(least)) + 1e-300
        # A limit that no spend reaches is as good as none, and finite.
        self.least = np.where(np.isfinite(self.lower), self.lower, np.minimum(least, self.upper))
        self.most = np.where(np.isfinite(self.upper), self.upper, np.maximum(most, self.least))
        self.soft = np.flatnonzero(rows.soft)
        self.fine = rows.penalty[self.soft] * self.size[self.soft]
        self.beyond = np.maximum(most - self.most, 0.0)[self.soft]
        self.short = np.maximum(self.least - least, 0.0)[self.soft]
        gained = float(problem.weights @ problem.outcomes(problem.lower))
        self.worst = gained - float(problem.price @ problem.upper)
        self.worst -= float(self.fine @ (self.beyond + self.short))
        """No plan is worse: a box with a bound below it holds none."""
        reach = float(self.terms.gained(problem.upper).max(initial=0.0))
        self.typical = reach / max(float(problem.upper.max(initial=0.0)), 1e-300)
        self.typical += float(self.terms.price.max(initial=0.0))
        self.diagonal = np.arange(len(rows))

    def guess(self, boxes: Boxes, tau: float) -> Floats:
        """Prices to begin with, shape (1, n_rows): one of money, if a row is about all of it."""
        nothing = np.zeros((1, len(self.matrix)))
        whole = np.flatnonzero(np.all(self.matrix == 1.0, axis=1) & np.isfinite(self.upper))
        if not whole.size:
            return nothing
        prices = np.zeros((_GUESSES, len(self.matrix)))
        prices[:, whole[0]] = self.replies.steepest.max() * np.logspace(0, -_DECADES, _GUESSES)
        prices = np.concatenate([nothing, prices])
        values = self.at(boxes, prices, tau).smooth
        return prices[[int(values.argmin())]]

    def at(self, boxes: Boxes, rows: Floats, tau: float) -> State:
        """The dual at *rows*, with its first two derivatives."""
        price = boxes.terms.price + rows @ self.matrix
        value, reply, slope = self.replies.at(price, boxes.world)
        early, late = reply <= boxes.begin, reply >= boxes.high
        value = np.where(early, boxes.at_begin - price * boxes.begin, value)
        value = np.where(late, boxes.at_high - price * boxes.high, value)
        reply = np.clip(reply, boxes.begin, boxes.high)
        slope = np.where(early | late, 0.0, slope)
        bottom = boxes.at_low - price * boxes.low
        lead = np.where(boxes.bends, (value - bottom) / tau, _SURE)
        share, way = expit(lead), reply - boxes.low
        smooth = np.where(boxes.bends, bottom + tau * np.logaddexp(0.0, lead), value)
        own, total, left, bend, drift = self._limits(rows, tau)
        undecided = share * (1.0 - share) * way / tau
        weight = share * slope + undecided * way
        curvature = (self.matrix * weight[:, None, :]) @ self.matrix.T
        curvature[:, self.diagonal, self.diagonal] += bend
        return State(
            rows,
            smooth.sum(1) + total,
            np.maximum(value, bottom).sum(1) + own,
            left - (boxes.low + share * way) @ self.matrix.T,
            curvature,
            drift + (undecided * lead) @ self.matrix.T,
            share,
            reply,
        )

    def _limits(self, rows: Floats, tau: float) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """What the rows' limits add to D, to the smooth dual and to its derivatives."""
        room = self.most - self.least
        lead = rows * room / tau
        share = expit(lead)
        own = np.maximum(rows * self.least, rows * self.most).sum(1)
        total = (rows * self.least + tau * np.logaddexp(0.0, lead)).sum(1)
        left, undecided = self.least + share * room, share * (1.0 - share) * room / tau
        bend, drift = undecided * room, -undecided * lead
        for sign, way in ((1.0, self.beyond), (-1.0, self.short)):
            if not self.soft.size:
                break
            # Beyond its penalty a rule is rather broken than paid.
            lead = (sign * rows[:, self.soft] - self.fine) * way / tau
            share = expit(lead)
            own = own + tau * np.maximum(lead, 0.0).sum(1)
            total = total + tau * np.logaddexp(0.0, lead).sum(1)
            undecided = share * (1.0 - share) * way / tau
            left[:, self.soft] += sign * share * way
            bend[:, self.soft] += undecided * way
            drift[:, self.soft] -= sign * undecided * lead
        return own, total, left, bend, drift

    def minimise(
        self,
        boxes: Boxes,
        rows: Floats,
        taus: Sequence[float],
        enough: float | Floats,
        *,
        exact: bool = False,
        steps: int = _STEPS,
    ) -> State:
        """Newton's method from *rows*, box by box, until D is *enough* or its fall is within τ.

        If *exact*, until the replies at the last τ keep the rows so nearly that
        :meth:`onto_rows` can do the rest. At most so many *steps* for each τ.
        """
        state, last = self.at(boxes, rows, taus[0]), taus[0]
        lost = np.zeros(len(rows), bool)
        for tau in taus:
            if tau != last:
                # Near its end the path of optima is straight in τ: where it leads is a good guess.
                ahead = self._towards(state, (tau - last) * state.drift)
                state, last = self.at(boxes, state.rows + ahead, tau), tau
            exactly = exact and tau == taus[-1]
            state, left = self._settled(boxes, state, tau, enough, lost, exact=exactly, steps=steps)
            lost |= left
        return state

    def _settled(
        self,
        boxes: Boxes,
        state: State,
        tau: float,
        enough: float | Floats,
        closed: Mask,
        *,
        exact: bool,
        steps: int,
    ) -> tuple[State, Mask]:
        """Newton's steps at one τ for all but *closed* boxes, and where they did not suffice."""
        stuck, open_ = np.zeros(len(closed), bool), np.zeros(len(closed), bool)
        for left in range(steps, 0, -1):
            step, promise = self._step(state)
            open_ = promise > _CONVERGED * tau
            if exact:
                open_ = np.any(abs(state.gradient) > _EXACT * self.turnover, axis=1)
            open_ &= (state.value > enough) & ~stuck & ~closed
            if not open_.any():
                return state, open_
            if len(open_) >= _MANY and 2 * open_.sum() <= len(open_):
                return self._others_left(boxes, state, tau, enough, open_, exact=exact, steps=left)
            state, moved = self._line_search(boxes, state, step, promise, open_, tau)
            stuck |= open_ & ~moved
        return state, open_

    def _others_left(
        self,
        boxes: Boxes,
        state: State,
        tau: float,
        enough: float | Floats,
        open_: Mask,
        *,
        exact: bool,
        steps: int,
    ) -> tuple[State, Mask]:
        """The same for the *open_* boxes alone."""
        kept = np.flatnonzero(open_)
        enough = np.broadcast_to(enough, len(open_))[kept]
        within, closed = boxes.only(kept), np.zeros(len(kept), bool)
        found, lost = self._settled(
            within, state.only(kept), tau, enough, closed, exact=exact, steps=steps
        )
        left = open_.copy()
        left[kept] = lost
        return state.put(kept, found), left

    def _step(self, state: State) -> tuple[Floats, Floats]:
        """Newton's step, and by how much it promises to lower the dual."""
        step = self._towards(state, state.gradient)
        return step, -(step * state.gradient).sum(1)

    def _towards(self, state: State, gradient: Floats) -> Floats:
        """The change of prices that undoes *gradient*, by the curvature of *state*."""
        system = state.curvature.copy()
        # Where every reply is at an end the dual is straight, and Newton's method has no way to go.
        system[:, self.diagonal, self.diagonal] += _STRAIGHT * self.turnover / self.typical
        scale = 1.0 / np.sqrt(system[:, self.diagonal, self.diagonal])
        system *= scale[:, :, None]  # one after the other, as their product may overflow
        system *= scale[:, None, :]
        system[:, self.diagonal, self.diagonal] += 1e-12
        step = -scale * np.linalg.solve(system, (scale * gradient)[..., None])[..., 0]
        # Without a plan in the box the dual falls for ever, ever more steeply: not all at once.
        largest = abs(step).max(axis=1, initial=0.0)
        most = _FARTHEST * (self.typical + abs(state.rows).max(axis=1, initial=0.0))
        return np.asarray(step * np.minimum(1.0, most / np.maximum(largest, 1e-300))[:, None])

    def _line_search(
        self,
        boxes: Boxes,
        state: State,
        step: Floats,
        promise: Floats,
        open_: Mask,
        tau: float,
    ) -> tuple[State, Mask]:
        """A step that lowers the smooth dual in every open box; where none does, none is made."""
        length = np.where(open_, 1.0, 0.0)
        for _ in range(_TRIES):
            new = self.at(boxes, state.rows + length[:, None] * step, tau)
            room = _ROUNDING * abs(state.smooth)
            good = new.smooth <= state.smooth - _ENOUGH * length * promise + room
            if good.all():
                return new, open_
            # Where the fall has turned into a rise, about as far as it would have been level.
            rise = np.maximum((new.gradient * step).sum(1), 0.0)
            shorter = np.clip(promise / np.maximum(promise + rise, 1e-300), *_SHORTER)
            length = np.where(good, length, shorter * length)
        return new.where(good, state), good

    def onto_rows(self, spend: Floats, rows: Floats, tau: float) -> Floats:
        """*spend*, shape (n_lines,), moved onto the limits of the rows that bind at prices *rows*.

        Lines move by about equal shares of their spend.
        """
        room = self.most - self.least
        beside = expit(-abs(rows) * room / tau) * room <= _BINDS * self.turnover
        binds = (beside | (room <= 0.0)) & ~self.problem.rows.soft
        free = (spend > self.problem.lower) & (spend < self.problem.upper)
        matrix = self.matrix[binds] * (spend * free)
        missing = np.where(rows > 0, self.most, self.least)[binds] - self.matrix[binds] @ spend
        share = np.linalg.lstsq(matrix, missing, rcond=1e-12)[0]
        moved = spend * (1.0 + free * share)
        return np.asarray(np.clip(moved, self.problem.lower, self.problem.upper), float)

    def allowed(self, rows: Floats) -> Floats:
        """Prices that prove something: none on a limit that is not there, none above a penalty."""
        rows = np.where(np.isfinite(np.where(rows > 0, self.upper, self.lower)), rows, 0.0)
        rows[:, self.soft] = np.clip(rows[:, self.soft], -self.fine, self.fine)
        return rows

    def bound(self, boxes: Boxes, rows: Floats) -> Floats:
        """D itself at allowed prices, without the table; shape (n_boxes,)."""
        terms, unit = boxes.terms, boxes.terms.exposure
        price = terms.price + rows @ self.matrix
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            slope = price / (terms.weights * unit)
            paid = np.isfinite(slope) & (slope > 0)
            place = terms.curves.inverse(np.where(paid, slope, 1.0)) / unit
        place = np.where(paid, place, np.where(price <= 0, np.inf, 0.0))
        place = np.clip(place, boxes.begin, boxes.high)
        best = terms.gained(place) - price * place
        best = np.maximum(best, boxes.at_low - price * boxes.low)
        limit = np.where(rows > 0, self.upper, self.lower)
        fixed = np.where(rows != 0, rows * np.where(np.isfinite(limit), limit, 0.0), 0.0)
        return np.asarray(best.sum(1) + fixed.sum(1), float)
