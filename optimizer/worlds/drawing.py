"""The arrays of every draw, without compiling a plan for each.

Compiling a plan a thousand times is slow, and seldom needed: numbers mostly enter the arrays as
factors or summands. So each is asked alone at a few places: two and the stated one show what is
straight in the number or in one over it, and Chebyshev's places what is bent, as goodwill is in its
half-life. The arrays of a draw are put together from that, and some draws are compiled in full to
see that this is right; where it is not, all are.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.compiling import compile_plan
from optimizer.errors import Fault, PlanError
from optimizer.plan.curves import Floats
from optimizer.plan.document import from_document, to_document
from optimizer.plan.paths import assign, expand, number_at
from optimizer.plan.plan import Plan
from optimizer.plan.table import LineTable
from optimizer.plan.uncertainty import Drawn
from optimizer.problem import Problem

from .maps import Index, Map, shared
from .reading import arrays_of_counts, counts_of
from .worlds import Warmth, Worlds

__all__ = ["Builder"]

# What of a line may be uncertain; what else it has are decisions and rules.
_OF_LINES = {"curve", "price", "value", "demand", "prices", "carryover", "before"}
_OF_PLANS = {"value", "funnel", "goodwill", "objective"}
# Arrays put together are right where draws compiled in full differ by no more than this share.
_SAME = 1e-9
_TRIED = 5
# So many ways to put numbers together are tried, by how many of them are factors.
_CHOICES, _MANY = 40, 4
# Pieces between the places at which a number's bent entries are asked for: first, and doubled.
_PLACES = (4, 8, 16, 32)
# There is no need of more where half of them leave this share of an entry.
_HALFWAY = 1e-5


@dataclass(frozen=True, eq=False)
class _Parts:
    """The arrays of one compiled plan that may differ between worlds, in one vector.

    ``shape`` says what must be the same for vectors to be alike.
    """

    vector: Floats
    shape: tuple[Any, ...]

    @classmethod
    def of(cls, problem: Problem, *, counted: bool = False) -> _Parts:
        arrays = [*_arrays(problem), *(arrays_of_counts(problem) if counted else ())]
        vector = np.concatenate([np.ravel(values) for _, values in arrays])
        return cls(vector, tuple((name, np.size(values)) for name, values in arrays))


def _arrays(problem: Problem) -> Iterator[tuple[str, Floats]]:
    """What may differ between worlds, by name and in a fixed order."""
    for number, (kind, _, parameters) in enumerate(problem.curves.families):
        for place, values in enumerate(parameters):
            yield f"curves {number} {kind.__name__} {place}", values
    for place, x, y in problem.curves.points:
        yield f"points {place} x", x
        yield f"points {place} y", y
    yield "weights", problem.weights
    yield "price", problem.price
    yield "exposure", problem.exposure
    flows = problem.grid.flows
    if flows is None:
        return
    reach = flows.reach.toarray()
    yield "reach", reach[reach != 0]
    yield "start", flows.start
    yield "warm per unit", flows.warm.per_unit
    yield "warm reach", flows.warm.reach
    for number, stage in enumerate(flows.limited):
        yield f"terms {number}", stage.terms.tocsr().data
        yield f"columns {number}", stage.columns.tocsr().data
        yield f"capacity {number}", np.where(np.isfinite(stage.capacity), stage.capacity, 1e300)


class Builder:
    """Draws, and puts the arrays of the draws together."""

    def __init__(self, plan: Plan, *, counted: bool = False) -> None:
        self.counted = counted
        if plan.uncertainty is None or not (plan.uncertainty.numbers or plan.uncertainty.states):
            advice = "Give uncertainty: {numbers: {value: {between: [*0.8, *1.2]}}}"
            raise PlanError(Fault("uncertainty", "nothing is uncertain", advice))
        if isinstance(plan.lines, LineTable):
            raise PlanError(Fault("uncertainty", "a table of lines is taken as stated", "Drop it"))
        self.plan, self.uncertainty = plan, plan.uncertainty
        # Rules that hang on what is uncertain are kept for the numbers as stated.
        self.document = to_document(replace(plan, uncertainty=None, risk=None, commitment=None))
        self.paths = self._paths()

    def _paths(self) -> dict[str, str]:
        """Every single path to the one it was written as."""
        faults: list[Fault] = []
        found: dict[str, str] = {}
        for own, item in self.uncertainty.numbers.items():
            for path in self._places(own, f"uncertainty.numbers.{own}", faults):
                if path in found:
                    faults.append(
                        Fault(f"uncertainty.numbers.{own}", f"{path} is there twice", "Drop one")
                    )
                elif not item.times and "*" in own and item.draws is None:
                    words = "several places cannot share limits in money or outcomes"
                    advice = "Write factors: between: [*0.8, *1.2]"
                    faults.append(Fault(f"uncertainty.numbers.{own}", words, advice))
                    break
                else:
                    found[path] = own
        for name, state in self.uncertainty.states.items():
            for own in state.set:
                self._places(own, f"uncertainty.states.{name}.set.{own}", faults)
        if faults:
            raise PlanError(faults)
        return found

    def _places(self, own: str, where: str, faults: list[Fault]) -> list[str]:
        try:
            places = expand(self.document, own)
        except PlanError as error:
            faults += [replace(fault, path=where) for fault in error.faults]
            return []
        if "*" in own:
            places = [path for path in places if number_at(self.document, path) is not None]
        if not places or any(number_at(self.document, path) is None for path in places):
            faults.append(Fault(where, "is no number", "Name one that the plan states"))
            return []
        for path in places:
            words = path.split(".")
            top = words[0]
            allowed = top in _OF_PLANS or (top == "channels" and bool(set(words[2:4]) & _OF_LINES))
            if not allowed:
                advice = "Uncertain may be curves, prices, values, demand, carry-over, the funnel"
                advice += ", goodwill and the margin; make a what-if of anything else"
                faults.append(Fault(where, "is for the plan to decide, or a rule", advice))
                return []
        return places

    def worlds(self, count: int | None, points: Floats | None = None) -> Worlds:
        """All of it."""
        drawn = self.uncertainty.drawn(self.paths, count, points)
        values = {path: self._absolute(path, drawn.values[path]) for path in self.paths}
        return self._made(values, drawn)

    def at(self, numbers: Mapping[str, Floats]) -> Worlds:
        """Worlds with such numbers, in no named state."""
        count = len(next(iter(numbers.values())))
        stated = self.stated()
        values = {
            path: np.asarray(numbers.get(path, np.full(count, stated[path])), float)
            for path in self.paths
        }
        drawn = Drawn(values, np.full(count, -1, np.intp), np.full(count, 1.0 / count))
        return self._made(values, drawn)

    def stated(self) -> dict[str, float]:
        """The numbers as the plan has them."""
        known = {path: number_at(self.document, path) for path in self.paths}
        return {path: value for path, value in known.items() if value is not None}

    def ends(self) -> dict[str, dict[str, tuple[float, float]]]:
        """The limits of every number: as stated for it, or its least and greatest draw."""
        found: dict[str, dict[str, tuple[float, float]]] = {}
        for path, own in self.paths.items():
            item = self.uncertainty.numbers[own]
            low, high = item.between or (min(item.draws or ()), max(item.draws or ()))
            low = low if item.least is None else max(low, item.least)
            high = high if item.most is None else min(high, item.most)
            low, high = self._absolute(path, np.array([low, high])).tolist()
            found.setdefault(own if item.shared else path, {})[path] = (low, high)
        return found

    def _made(self, values: Mapping[str, Floats], drawn: Drawn) -> Worlds:
        """Worlds with such numbers and states."""
        problem = self.compiled({}, -1)
        base = _Parts.of(problem, counted=self.counted)
        vectors = self._put_together(base, values, drawn.state)
        if vectors is None:
            vectors = np.array(
                [
                    self._vector(base, {p: v[s] for p, v in values.items()}, int(drawn.state[s]))
                    for s in range(len(drawn.weight))
                ]
            )
        return _assembled(self.plan, problem, values, drawn, vectors, counted=self.counted)

    def _absolute(self, path: str, values: Floats) -> Floats:
        """Draws in the unit of the number itself."""
        if not self.uncertainty.numbers[self.paths[path]].times:
            return values
        standing = number_at(self.document, path)
        assert standing is not None  # _places has asked
        return values * standing

    def _set(self, numbers: Mapping[str, Any], state: int) -> dict[str, Any]:
        document = copy.deepcopy(self.document)
        for path, value in numbers.items():
            assign(document, path, float(value))
        if state >= 0:
            for path, value in [*self.uncertainty.states.values()][state].set.items():
                assign(document, path, value)
        return document

    def compiled(self, numbers: Mapping[str, Any], state: int) -> Problem:
        """One world, compiled.

        Raises:
            PlanError: a draw is no number that may stand there.
        """
        try:
            return compile_plan(from_document(self._set(numbers, state)))
        except PlanError as error:
            told = ", ".join(f"{path} = {value:.6g}" for path, value in numbers.items())
            advice = "Narrow the range, or give it least and most"
            raise PlanError(
                [replace(f, problem=f"{f.problem} (in a draw: {told})", advice=advice)
                 for f in error.faults]
            ) from None  # fmt: skip

    def _vector(self, base: _Parts, numbers: Mapping[str, Any], state: int) -> Floats:
        parts = _Parts.of(self.compiled(numbers, state), counted=self.counted)
        if parts.shape != base.shape:
            words = "changes which periods are tied together, not only how strongly"
            raise PlanError(Fault("uncertainty", words, "Make a what-if of it"))
        return parts.vector

    def _put_together(
        self, base: _Parts, values: Mapping[str, Floats], state: NDArray[np.intp]
    ) -> Floats | None:
        """The arrays of every draw from what each number alone does to them, or None.

        Where several numbers move one entry the differences of some add up and the factors of
        others multiply; whichever is right for the draws that are tried in full.
        """
        moves = []
        for path, drawn in values.items():
            found = self._response(base, path, drawn)
            if found is None:
                return None
            moves.append(_Move(self.paths[path], *found))
        moves += self._moves_of_states(base, state)
        n = len(state)
        tried = np.unique(np.linspace(0, n - 1, _TRIED).astype(int))
        true = np.array(
            [self._vector(base, {p: v[s] for p, v in values.items()}, int(state[s])) for s in tried]
        )
        # Small beside what the entry is in other draws is as good as nothing.
        near = _SAME * (abs(true) + abs(true).max(axis=0))
        left, vectors = np.arange(len(base.vector)), np.empty((n, len(base.vector)))
        for factors in _choices([move.owner for move in moves]):
            guess = _combined(base.vector, moves, factors, left, tried)
            right = np.all(abs(guess - true[:, left]) <= near[:, left], axis=0)
            known = left[right]
            vectors[:, known] = _combined(base.vector, moves, factors, known, np.arange(n))
            left = left[~right]
            if not left.size:
                return vectors
        return None

    def _moves_of_states(self, base: _Parts, state: NDArray[np.intp]) -> Iterator[_Move]:
        """What each named state that some draw is in does to the arrays."""
        for number, name in enumerate(self.uncertainty.states):
            there = state == number
            if there.any():
                changed = self._vector(base, {}, number)
                where = np.flatnonzero(changed != base.vector)
                moved = np.where(there[:, None], changed[where], base.vector[where])
                yield _Move(f"state {name}", where, moved)

    def _response(self, base: _Parts, path: str, drawn: Floats) -> tuple[Index, Floats] | None:
        """Which entries a number moves, and what they are at its draws, (n_draws, n_entries).

        None where an entry follows it in no way that few places tell.
        """
        low, high = float(drawn.min()), float(drawn.max())
        stated = number_at(self.document, path)
        assert stated is not None  # _places has asked
        between = low + 0.02 * (high - low) < stated < high - 0.02 * (high - low)
        place = float(stated) if between else (low + high) / 2
        a, c = (self._vector(base, {path: end}, -1) for end in (low, high))
        b = base.vector if between else self._vector(base, {path: place}, -1)
        moved = np.flatnonzero((a != base.vector) | (c != base.vector) | (b != a))
        a, b, c = a[moved], b[moved], c[moved]
        share = ((drawn - low) / max(high - low, 1e-300))[:, None]
        at = a + share * (c - a)
        bent = abs(a + (place - low) / max(high - low, 1e-300) * (c - a) - b) > _SAME * abs(b)
        if low > 0 and bent.any():
            weight = (1 / place - 1 / high) / max(1 / low - 1 / high, 1e-300)
            by_inverse = bent & (abs(c + weight * (a - c) - b) <= _SAME * abs(b))
            inverse = ((1 / drawn - 1 / high) / max(1 / low - 1 / high, 1e-300))[:, None]
            at = np.where(by_inverse, c + inverse * (a - c), at)
            bent &= ~by_inverse
        if bent.any():
            curve = self._bent(base, path, drawn, moved[bent])
            if curve is None:
                return None
            at[:, bent] = curve
        return moved, at

    def _bent(self, base: _Parts, path: str, drawn: Floats, where: Index) -> Floats | None:
        """Entries at the draws of a number by polynomials, (n_draws, n_entries).

        In the number's logarithm where it is above zero: powers of it, and what halves in its time,
        are then smooth everywhere. Places are doubled until those that are new lie near the
        polynomial through the old ones, as with all of them the error is about its square; None
        where they never do.
        """
        if len(drawn) <= _PLACES[-1]:  # compiling each is as quick
            return None
        low, high = float(drawn.min()), float(drawn.max())
        into, back = (np.log, np.exp) if low > 0 else (np.asarray, np.asarray)
        middle, half = (into(high) + into(low)) / 2, (into(high) - into(low)) / 2

        def asked(places: Floats) -> Floats:
            numbers = np.clip(back(middle + half * places), low, high)
            rows = [self._vector(base, {path: float(number)}, -1)[where] for number in numbers]
            return np.array(rows)

        places = np.cos(np.pi * np.arange(_PLACES[0] + 1) / _PLACES[0])
        values = asked(places)
        for count in _PLACES[1:]:
            new = np.cos(np.pi * np.arange(1, count, 2) / count)
            true = asked(new)
            error = abs(_polynomial(places, values, new) - true)
            places, values = np.append(places, new), np.concatenate([values, true])
            if np.all(error <= _HALFWAY * abs(values).max(axis=0)):
                return _polynomial(places, values, (into(drawn) - middle) / half)
        return None


@dataclass(frozen=True, eq=False)
class _Move:
    """What one number alone does to the arrays of every draw."""

    owner: str
    """The number as it is stated, which may stand for several."""
    where: Index
    """The entries that it moves."""
    values: Floats
    """What they are then, shape (n_draws, n_entries)."""


def _choices(owners: Sequence[str]) -> Iterator[frozenset[str]]:
    """Whose factors may multiply while the others' differences add up: all, none, or some."""
    names = sorted(set(owners))
    yield frozenset(names)
    sizes = range(min(len(names), _MANY))
    some = itertools.chain.from_iterable(itertools.combinations(names, size) for size in sizes)
    yield from map(frozenset, itertools.islice(some, _CHOICES))


def _combined(
    base: Floats, moves: Sequence[_Move], factors: frozenset[str], entries: Index, draws: Index
) -> Floats:
    """Some *entries* of some *draws*, where the numbers in *factors* multiply the sum of others."""
    place = np.full(len(base), -1)
    place[entries] = np.arange(len(entries))
    total = np.tile(base[entries], (len(draws), 1))
    factor = np.ones_like(total)
    for move in moves:
        into = place[move.where]
        inside = into >= 0
        moved, own = move.values[np.ix_(draws, inside)], base[move.where[inside]]
        if move.owner in factors:
            factor[:, into[inside]] *= _ratio(moved, own)
        else:
            total[:, into[inside]] += moved - own
    with np.errstate(invalid="ignore"):  # what is nothing as stated has no factor
        return np.asarray(total * factor, float)


def _polynomial(places: Floats, values: Floats, at: Floats) -> Floats:
    """The polynomial through *values* at Chebyshev's *places* of [−1, 1], in any order.

    By the second barycentric formula (Berrut and Trefethen, *Barycentric Lagrange interpolation*,
    2004); its weights alternate from place to place and are half at the ends.

    Returns:
        Shape (n_at, n_entries), of values of shape (n_places, n_entries).
    """
    rank = np.argsort(np.argsort(places))
    weight = (-1.0) ** rank * np.where((rank == 0) | (rank == len(places) - 1), 0.5, 1.0)
    apart = at[:, None] - places
    hit = apart == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        share = weight / apart
        share /= share.sum(axis=1, keepdims=True)
    return np.asarray(np.where(hit.any(axis=1)[:, None], hit, share) @ values, float)


def _ratio(vector: Floats, base: Floats) -> Floats:
    """vector / base; 1 where both are nothing, and no number where only one of them is."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(vector == base, 1.0, vector / base), float)


def _assembled(
    plan: Plan,
    problem: Problem,
    values: Mapping[str, Floats],
    drawn: Drawn,
    vectors: Floats,
    *,
    counted: bool = False,
) -> Worlds:
    """Vectors taken apart again."""
    parts: dict[str, Floats] = {}
    first = 0
    for name, own in [*_arrays(problem), *(arrays_of_counts(problem) if counted else ())]:
        last = first + np.size(own)
        parts[name] = vectors[:, first:last]
        first = last
    named = iter([parts[name] for name in parts if name.startswith("curves ")])
    curves = problem.curves.changed(lambda _: next(named))
    flows, reach, start, warm = problem.grid.flows, None, np.zeros((1, 0)), None
    stages: list[tuple[Index, Map, Map, Floats]] = []
    if flows is not None:
        reach, start = Map.of(flows.reach, parts["reach"]), parts["start"]
        if flows.warm.column.size:
            warm = Warmth(flows.warm, shared(parts["warm per unit"]), shared(parts["warm reach"]))
        for number, stage in enumerate(flows.limited):
            capacity = parts[f"capacity {number}"]
            stages.append(
                (
                    stage.column,
                    Map.of(stage.terms, parts[f"terms {number}"]),
                    Map.of(stage.columns, parts[f"columns {number}"]),
                    np.where(capacity < 1e299, capacity, np.inf),
                )
            )
    for place, *_ in problem.curves.points:
        for axis in "xy":
            if np.ptp(parts[f"points {place} {axis}"], axis=0).any():
                raise PlanError(
                    Fault("uncertainty", "a curve of points is taken as stated", "Scale value")
                )
    return Worlds(
        plan=plan,
        problem=problem,
        numbers=values,
        state=drawn.state,
        weight=drawn.weight,
        curves=curves,
        weights=shared(parts["weights"]),
        price=shared(parts["price"]),
        exposure=shared(parts["exposure"]),
        reach=reach,
        start=shared(start),
        warm=warm,
        stages=tuple(stages),
        counts=counts_of(problem, parts) if counted else None,
    )
