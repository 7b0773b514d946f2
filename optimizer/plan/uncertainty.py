"""What is not known for sure: numbers that may be otherwise, together or apart, and shocks.

A *draw* gives every uncertain number a value. Numbers are independent unless they stand together:
then a shared factor moves them, and the normal scores of any two correlate by ``correlation``.
Draws are quasi-random (scrambled Sobol points), so that few of them are even, and seeded, so that
everybody gets the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import ArgsKwargs
from scipy.special import ndtr, ndtri

from optimizer.errors import Fault, PlanError

from .curves import Floats
from .stated import stated
from .units import Number, Proportion, parse_money, parse_share

__all__ = ["LISTS", "STATES", "Drawn", "Factor", "Range", "State", "Uncertainty"]

STATES, LISTS = "states", "lists of draws"
"""Names of what moves the states, and what moves all lists of draws together."""

_FACTOR = re.compile(r"\s*[*×]\s*(\d.*)$")
_DRAWS = 1024
# So near to sure or impossible a quantile is not asked for.
_EDGE = 1e-12


def _number(value: Any) -> Any:
    """A number as people write it; shares and factors too."""
    if isinstance(value, str):
        text = _FACTOR.sub(r"\1", value)
        return parse_share(text) if text.strip().endswith(("%", "％")) else parse_money(text)
    return value


def _pair(value: Any) -> Any:
    return tuple(_number(item) for item in value) if isinstance(value, list | tuple) else value


def _list(value: Any) -> Any:
    """A list of numbers, also from an array or a column of a table; most are numbers already."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(value, list | tuple):
        if isinstance(value, str | Mapping):
            raise ValueError("a file is read together with the scenario that names it: load() does")
        return value
    for item in value:
        if isinstance(item, bool):
            raise ValueError(f"{item!r} is not a number")
    return tuple(_number(item) if isinstance(item, str) else item for item in value)


Limits = Annotated[
    tuple[Number, Number],
    BeforeValidator(_pair),
    WithJsonSchema({"type": "array", "items": {"type": ["number", "string"]}, "maxItems": 2}),
]
Draws = Annotated[
    tuple[float, ...],
    BeforeValidator(_list),
    WithJsonSchema({"type": "array", "items": {"type": ["number", "string"]}}),
]


@stated
class Range:
    """How far one number may be from what is stated."""

    between: Limits | None = None
    """The number lies between these, with the probability ``sure``; as much chance is left below
    as above. Written ``[*0.8, *1.3]`` they are factors of what is stated."""
    sure: Annotated[Proportion, Field(gt=0, le=1)] = 0.8
    """Probability of lying between the limits; 1 for uniform and triangular ones that end there."""
    form: Literal["lognormal", "normal", "uniform", "triangular"] = "lognormal"
    """How it is spread; lognormal suits what is multiplied and never below zero."""
    likely: Number | None = None
    """The likeliest value of a triangular spread; absent: the middle."""
    draws: Draws | None = None
    """Values as they were drawn elsewhere, a fitted model's posterior for example, each as likely.
    The n-th of every list belong together. In a scenario also the name of a file, whose column is
    called as the path; ``{file: fit.csv, column: name}``; or of NetCDF ``{file: fit.nc, variable:
    name, at: {channel: search}}``; ``every: 10`` takes every tenth."""
    times: bool = False
    """Whether limits and draws are factors of what is stated."""
    shared: bool = False
    """Whether a path with ``*`` moves all its places as one; otherwise each by itself."""
    least: Number | None = None
    """It is never below."""
    most: Number | None = None
    """It is never above."""

    @model_validator(mode="before")
    @classmethod
    def _with_factors(cls, given: Any) -> Any:
        """``[*0.8, *1.3]`` says by its stars that these are factors."""
        named = given
        if isinstance(given, ArgsKwargs):
            named = dict(given.kwargs or {})
            if given.args:
                named["between"] = given.args[0]
        if not isinstance(named, Mapping):
            return given
        lists = [named.get(key) for key in ("between", "draws")]
        written = [item for each in lists if isinstance(each, list | tuple) for item in each]
        starred = [isinstance(item, str) and bool(_FACTOR.match(item)) for item in written]
        if any(starred) and not all(starred):
            raise ValueError("factors such as *0.8 and numbers do not mix; write all one way")
        if not any(starred):
            return given
        if not isinstance(given, ArgsKwargs):
            return {**named, "times": True}
        rest = {key: value for key, value in named.items() if key != "between" or not given.args}
        return ArgsKwargs(given.args, {**rest, "times": True})

    def __post_init__(self) -> None:
        if (self.between is None) == (self.draws is None):
            raise ValueError("give either between, two limits, or draws, a list")
        if self.draws is not None and not self.draws:
            raise ValueError("draws is empty; give some values")
        if self.between is not None:
            low, high = self.between
            if low >= high:
                raise ValueError(f"between must rise, and {low:g} is not below {high:g}")
            if self.form == "lognormal" and low <= 0:
                raise ValueError(f"{low:g} is not above zero; choose form: normal or uniform")
        if self.least is not None and self.most is not None and self.least >= self.most:
            raise ValueError("least must be below most")
        if self.likely is not None and self.form != "triangular":
            raise ValueError("likely is for form: triangular")

    def at(self, share: Floats) -> Floats:
        """The values below which such shares of all lie, element by element."""
        if self.draws is not None:
            place = np.minimum((share * len(self.draws)).astype(int), len(self.draws) - 1)
            return np.asarray(np.clip(np.array(self.draws)[place], self._least, self._most), float)
        spread = self._spread()
        low, high = spread.cdf(self._least), spread.cdf(self._most)
        return np.asarray(spread.ppf(np.clip(low + share * (high - low), _EDGE, 1 - _EDGE)))

    @property
    def _least(self) -> float:
        return -np.inf if self.least is None else self.least

    @property
    def _most(self) -> float:
        return np.inf if self.most is None else self.most

    def _spread(self) -> Any:
        """The distribution with the quantiles asked for."""
        from scipy import stats  # half as long to load as all the rest of a plan

        assert self.between is not None
        low, high = self.between
        tail = (1.0 - self.sure) / 2.0
        if self.form in {"normal", "lognormal"}:
            score = float(ndtri(max(1.0 - tail, 0.5 + _EDGE))) if tail else 3.0
            if self.form == "normal":
                return stats.norm((low + high) / 2, (high - low) / (2 * score))
            a, b = np.log(low), np.log(high)
            return stats.lognorm((b - a) / (2 * score), scale=np.exp((a + b) / 2))
        if self.form == "uniform":
            over = (high - low) * tail / max(self.sure, _EDGE)
            return stats.uniform(low - over, high - low + 2 * over)
        return _triangle(low, high, tail, self.likely)


def _triangle(low: float, high: float, tail: float, likely: float | None) -> Any:
    """The triangle that leaves a share *tail* below *low* and as much above *high*."""
    from scipy.stats import triang

    top = (low + high) / 2 if likely is None else likely
    if not low <= top <= high:
        raise PlanError(Fault("likely", f"{top:g} is not between the limits"))
    left, right = low, high
    for _ in range(200):
        # P(below low) = (low − left)² / ((right − left)(top − left)), and so above.
        wide = right - left
        left = low - np.sqrt(tail * wide * max(top - left, 1e-300))
        right = high + np.sqrt(tail * wide * max(right - top, 1e-300))
    return triang((top - left) / (right - left), left, right - left)


@stated
class Factor:
    """Numbers that move together."""

    of: tuple[str, ...]
    """Paths, as under ``numbers``; a name before a dot stands for all paths that begin with it."""
    correlation: Annotated[Number, Field(ge=0, lt=1)] = 0.5
    """Of the normal scores of any two of them."""


@stated
class State:
    """A shock by name, such as a recession: numbers that all change with it."""

    chance: Proportion
    """Probability; what the states leave of one is the plan as stated."""
    set: dict[str, Any] = Field(default_factory=dict)
    """Path to value, as in a what-if: ``{value: "*0.8"}``."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """Draws of everything that is uncertain."""

    values: Mapping[str, Floats]
    """Single path to its values, shape (draws,); factors where its range is in factors."""
    state: NDArray[np.intp]
    """Which state each draw is in, −1 for none, shape (draws,)."""
    weight: Floats
    """Probabilities, shape (draws,)."""


@stated
class Uncertainty:
    """What may be otherwise, and how."""

    numbers: dict[str, Range] = Field(default_factory=dict)
    """Path of a number (``*`` stands for any word) to its range."""
    together: dict[str, Factor] = Field(default_factory=dict)
    """Numbers that move together, by a name for what moves them."""
    states: dict[str, State] = Field(default_factory=dict)
    """Shocks that change many numbers at once."""
    draws: Annotated[int, Field(ge=2, le=1_000_000)] | None = None
    """How many worlds are drawn; a power of two is most even. Absent: 1,024, and for ``sure``
    doubled until what is reported is stable."""
    seed: Annotated[int, Field(ge=0)] = 1
    """The same seed gives the same draws everywhere."""

    @classmethod
    def of_table(cls, table: Any, *, times: bool = False, **others: Any) -> Uncertainty:
        """Draws of a fitted model, from a table with a column per number and a row per draw.

        Args:
            table: A DataFrame, or a mapping, of path to values.
            times: Whether they are factors of what is stated.
            others: Further fields, such as ``draws`` and ``seed``.

        Raises:
            PlanError: with every column that is no list of numbers.
        """
        numbers, faults = {}, list[Fault]()
        for path, values in table.items():
            try:
                numbers[str(path)] = Range(draws=values, times=times)
            except PlanError as error:
                faults += [fault.below(f"numbers.{path}") for fault in error.faults]
        if faults:
            raise PlanError(faults)
        return cls(numbers, **others)

    def __post_init__(self) -> None:
        whole = sum(state.chance for state in self.states.values())
        if whole > 1 + 1e-9:
            raise ValueError(f"the chances of the states add up to {whole:.0%}, more than 100%")
        lengths = {p: len(r.draws) for p, r in self.numbers.items() if r.draws is not None}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{path} {count:,}" for path, count in lengths.items())
            raise ValueError(
                f"lists of draws are not of one length, and the n-th belong together: {told}"
            )
        for name, factor in self.together.items():
            for path in factor.of:
                if not any(_meant(path, known) for known in self.numbers):
                    raise ValueError(f"together.{name}: {path!r} is not among the numbers")

    def sources(self, paths: Mapping[str, str]) -> tuple[str, ...]:
        """What moves by itself, by name: states, lists of draws, factors, then single numbers.

        Args:
            paths: Single path to the path under ``numbers`` that it was expanded from.
        """
        factors = {self._factor(path, own) for path, own in paths.items()} - {None}
        single = set(self._single(paths).values())
        return (STATES, LISTS, *sorted(str(name) for name in factors), *sorted(single))

    def source(self, path: str, own: str) -> str:
        """The source that moves a single path, written as *own*, by itself."""
        if self.numbers[own].draws is not None:
            return LISTS
        return own if self.numbers[own].shared else path

    def _single(self, paths: Mapping[str, str]) -> dict[str, str]:
        """Every path that no list gives to the source that moves it."""
        return {
            path: self.source(path, own)
            for path, own in paths.items()
            if self.numbers[own].draws is None
        }

    @property
    def rows(self) -> int | None:
        """How many rows the lists of draws have, where nothing else is uncertain; else None.

        Then every row is a world, and no draw tells more than the rows do.
        """
        lengths = {len(item.draws) for item in self.numbers.values() if item.draws is not None}
        free = self.states or any(item.draws is None for item in self.numbers.values())
        return max(lengths) if lengths and not free and max(lengths) > 1 else None

    def points(self, paths: Mapping[str, str], count: int | None = None) -> Floats:
        """Even points in the unit cube, one column per source; shape (draws, n_sources)."""
        count = count or self.draws or self.rows or _DRAWS
        return _sobol(len(self.sources(paths)), count, self.seed)

    def two_sets(self, paths: Mapping[str, str], count: int) -> tuple[Floats, Floats]:
        """Two independent sets of such points, even together as well."""
        width = len(self.sources(paths))
        points = _sobol(2 * width, count, self.seed)
        return points[:, :width], points[:, width:]

    def drawn(
        self, paths: Mapping[str, str], count: int | None = None, points: Floats | None = None
    ) -> Drawn:
        """The draws.

        Args:
            paths: Single path to the path under ``numbers`` that it was expanded from.
            count: How many instead of :attr:`draws`.
            points: Points as :meth:`points` makes them, to be taken instead.
        """
        points = self.points(paths, count) if points is None else points
        single, names = self._single(paths), self.sources(paths)[2:]
        score = dict(zip(names, ndtri(points[:, 2:]).T, strict=True))
        # Rows of lists by rank, so that all of them come as often, or nearly so.
        rank = np.argsort(np.argsort(points[:, 1], kind="stable"), kind="stable")
        rows = (rank + 0.5) / len(points)
        values = {}
        for path, own in paths.items():
            share = rows
            if path in single:
                free, factor = score[single[path]], self._factor(path, own)
                if factor is not None:
                    rho = self.together[factor].correlation
                    free = np.sqrt(rho) * score[factor] + np.sqrt(1.0 - rho) * free
                share = ndtr(free)
            values[path] = self.numbers[own].at(share)
        return Drawn(values, *self._shocks(points[:, 0]))

    def _shocks(self, place: Floats) -> tuple[NDArray[np.intp], Floats]:
        """Which state each draw is in, and its weight, both of shape (draws,).

        Weights make up for what rounding leaves: the draws of a state weigh as much as its chance.
        """
        chances = np.array([state.chance for state in self.states.values()])
        every = np.append(chances, max(1.0 - chances.sum(), 0.0))
        state = np.searchsorted(np.cumsum(chances), place, side="right")
        share = np.bincount(state, minlength=len(every)) / len(place)
        weight = (every / np.where(share > 0, share, 1.0))[state] / len(place)
        return np.where(state < len(chances), state, -1), weight / weight.sum()

    def _factor(self, path: str, own: str) -> str | None:
        """The name of what moves a path that was written as *own*."""
        for name, factor in self.together.items():
            if any(_meant(one, path) or _meant(one, own) for one in factor.of):
                return name
        return None


def _meant(own: str, path: str) -> bool:
    return path == own or path.startswith(f"{own}.")


def _sobol(width: int, count: int, seed: int) -> Floats:
    """Even points in the open unit cube, shape (count, width)."""
    from scipy.stats import qmc

    sequence = qmc.Sobol(width, rng=np.random.default_rng([seed, width]))
    power = int(np.ceil(np.log2(max(count, 2))))
    points = np.clip(sequence.random_base2(power)[:count], _EDGE, 1 - _EDGE)
    return np.asarray(points, float)
