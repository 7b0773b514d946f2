"""History to curves: the fit, its doubt, how well it foretells, and what it cannot say."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from optimizer.errors import CalibrationError, Fault
from optimizer.plan.carryover import Geometric
from optimizer.plan.curves import Exponential, Floats, Hill, Log, Logistic
from optimizer.shown import Shown

from .checks import check
from .history import History
from .model import Fitted, Model, Numbers, until
from .shapes import Shape, exposure

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DRAWS", "Fit", "FittedLine", "Foretold", "Remark", "fit"]

DRAWS = 256
"""Draws of the numbers that go with a fit."""
_LEAST_TOLD = 0.4
"""A line whose size is less than so much narrower than its prior is not identified: its 80 % range
then spans more than a factor of ten."""
_KEPT_BACK = 0.2


@dataclass(frozen=True)
class Remark:
    """Something a reader must know of a fit: a sentence by its key, and what fills it."""

    key: str
    line: str = ""
    slots: dict[str, float] = field(default_factory=dict)
    serious: bool = True
    """Whether it lowers the grade of the curves it is about."""


@dataclass(frozen=True)
class Foretold:
    """How well a model of the earlier periods foretells the later ones, which it never saw."""

    periods: int
    error: float
    """Mean absolute error over the mean outcome."""
    without_spend: float
    """The same of a model that knows base, trend, season and controls alone."""
    explained: float
    """Share of the held-out variance that is explained; below 0: worse than their mean."""
    inside: float
    """Share of periods inside the 80 % range that was foretold."""
    in_sample: float
    """Error over the periods that all were fitted to."""


@dataclass(frozen=True)
class FittedLine:
    """What the history says of one line."""

    name: str
    numbers: Numbers
    curve: Hill | Exponential | Logistic | Log
    carryover: Geometric
    current: float
    """Mean spend per period of the last year."""
    observed: float
    """The largest exposure that was ever seen."""
    brought: tuple[float, float, float]
    """Outcomes of the whole history: tenth, as fitted, ninetieth percentile."""
    back: tuple[float, float, float]
    """Money back per unit of money, likewise."""
    marginal: float
    """Money back for the next unit, at today's spend."""
    elasticity: float
    """1 % more of its money brings this many % more outcomes of all, at today's spend."""
    told: float
    """How much the data say about its size, 0 (nothing) to 1."""
    grade: str
    """B: fitted, and nothing speaks against it · C: with a warning · A: with an experiment ·
    assumption: the data say too little, so that the curve is the prior's."""
    held: bool
    """Whether the scenario keeps today's spend, as the data do not say what another would bring."""
    limits: tuple[float, float]
    """Least and most that the scenario lets a plan spend in a period."""


@dataclass(frozen=True, eq=False)
class Fit(Shown):
    """Curves from history; see :func:`fit`."""

    history: History
    model: Model = field(repr=False)
    best: Fitted = field(repr=False)
    theta: Floats = field(repr=False)
    """Draws of the numbers searched for, shape (n_draws, n_numbers)."""
    foretold: Foretold
    remarks: tuple[Remark, ...]
    seconds: float
    seed: int

    def __str__(self) -> str:
        """What was fitted, the lines as a table, and what a reader must know."""
        from .telling import sentences, title

        columns = ["line", "current", "return", "return_low", "return_high", "marginal_return"]
        table = self.frame[[*columns, "retention", "grade"]]
        shown = table.to_string(index=False, float_format=_short)
        return "\n".join([title(self), "", shown, "", *sentences(self)])

    @cached_property
    def numbers(self) -> list[list[Numbers]]:
        """The numbers of each line in every draw."""
        return [self.model.numbers(theta) for theta in self.theta]

    @cached_property
    def lines(self) -> tuple[FittedLine, ...]:
        """What the history says of each line, in the order of the map."""
        return tuple(_line(self, index) for index in range(len(self.history.lines)))

    @cached_property
    def draws(self) -> pd.DataFrame:
        """The curves' numbers in every draw, a column for each path of the scenario."""
        import pandas as pd

        found: dict[str, list[float]] = {}
        for index, line in enumerate(self.history.lines):
            shape, path = self.model.shapes[index], path_of(line.name)
            for drawn in (numbers[index] for numbers in self.numbers):
                curve = shape.curve(drawn.size, drawn.bend, drawn.steepness)
                if not line.is_steep:
                    curve.pop("steepness", None)
                for name, value in curve.items():
                    found.setdefault(f"{path}.curve.{name}", []).append(value)
                found.setdefault(f"{path}.carryover.retention", []).append(drawn.retention)
        return pd.DataFrame(found)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The lines as a table."""
        import pandas as pd

        rows = []
        for line in self.lines:
            low, middle, high = line.back
            rows.append(
                {
                    "line": line.name,
                    "curve": line.curve.kind,
                    "current": line.current,
                    "return": middle,
                    "return_low": low,
                    "return_high": high,
                    "marginal_return": line.marginal,
                    "elasticity": line.elasticity,
                    "share": line.brought[1] / float(self.history.total_outcome.sum()),
                    "retention": line.numbers.retention,
                    "observed": line.observed,
                    "told": line.told,
                    "grade": line.grade,
                    "held": line.held,
                }
            )
        return pd.DataFrame(rows)

    @cached_property
    def series(self) -> pd.DataFrame:
        """Outcomes of the whole by period: actual, as fitted, and what each line brought."""
        import pandas as pd

        model, history = self.model, self.history
        shares = history.shares[:, None] * model.scale
        columns = {
            "period": list(history.labels),
            "actual": history.total_outcome,
            "fitted": (model.predicted(self.best.theta, self.best.linear) * shares).sum(axis=0),
        }
        for index, line in enumerate(history.lines):
            own = self.best.theta[model.layout[index]]
            columns[f"from {line.name}"] = (model.brought(index, own) * shares).sum(axis=0)
        return pd.DataFrame(columns)

    def outcome(self, line: int, spend: Floats) -> tuple[Floats, Floats, Floats]:
        """Outcomes per period at a steady spend: tenth percentile, as fitted, ninetieth."""
        shape = self.model.shapes[line]
        every = [numbers[line].outcome(shape, spend) for numbers in self.numbers]
        low, high = np.quantile(every, [0.1, 0.9], axis=0)
        return low, self.model.numbers(self.best.theta)[line].outcome(shape, spend), high


def _short(value: float) -> str:
    return f"{value:,.2f}" if abs(value) < 100 else f"{value:,.0f}"


def path_of(name: str) -> str:
    """Where a line stands in a scenario."""
    return f"channels.{name}"


def fit(history: History, *, seed: int = 1, draws: int = DRAWS) -> Fit:
    """Fit the curves and the carry-over of every line of *history*.

    Args:
        history: What was spent and what came of it, with its map.
        seed: The same seed gives the same draws.
        draws: How many draws of the curves' numbers go with the fit.

    Raises:
        CalibrationError: the data cannot tell; with every reason at once.
    """
    from .diagnosis import remarks_on

    begun = time.perf_counter()
    check(history)
    model = Model(history)
    best = model.fit()
    theta = drawn(model, best, seed, draws)
    foretold = foretell(model, best)
    remarks = remarks_on(model, best, foretold)
    seconds = time.perf_counter() - begun
    made = Fit(history, model, best, theta, foretold, remarks, seconds, seed)
    if all(line.held for line in made.lines):
        faults = [
            Fault(
                f"lines.{line.name}",
                "the history does not say what it brings: what is known of it is the prior alone",
                "Vary its spend, give an experiment under tests, or more history",
            )
            for line in made.lines
        ]
        raise CalibrationError(faults)
    return made


def drawn(model: Model, best: Fitted, seed: int, draws: int) -> Floats:
    """Draws by Laplace's approximation: normal in the coordinates of the priors, in the bounds."""
    _, _, least, most = model.prior
    rng = np.random.default_rng(seed)
    half = rng.standard_normal(((draws + 1) // 2, len(best.theta)))
    normal = np.concatenate([half, -half])[:draws]  # opposites: their mean is the fit
    root = np.linalg.cholesky(best.covariance + 1e-12 * np.eye(len(best.theta)))
    return np.asarray(np.clip(best.theta + normal @ root.T, least, most), float)


def foretell(model: Model, best: Fitted) -> Foretold:
    """Fit the earlier periods and foretell the later ones."""
    history = model.history
    back = int(np.clip(round(_KEPT_BACK * history.n), 6, 2 * history.per_year))
    earlier = until(model, history.n - back)
    found = earlier.fit(start=best.theta)
    actual = history.total_outcome[-back:]
    units = history.shares[:, None] * model.scale

    def later(values: Floats) -> Floats:
        return np.asarray((values * units).sum(axis=0)[-back:], float)

    guess = later(earlier.predicted(found.theta, found.linear))
    plain = later(earlier.without(earlier.plain()))
    mean = float(np.abs(actual).mean())
    noise = found.noise
    spread = noise.sigma * noise.shared / np.sqrt(1.0 - noise.lasting**2)
    width = 1.2816 * spread * model.scale / np.sqrt(len(history.shares))
    whole = (best.residual * units).sum(axis=0)
    about = float(((actual - actual.mean()) ** 2).sum())
    return Foretold(
        periods=back,
        error=float(np.abs(actual - guess).mean()) / mean,
        without_spend=float(np.abs(actual - plain).mean()) / mean,
        explained=1.0 - float(((actual - guess) ** 2).sum()) / max(about, 1e-300),
        inside=float((np.abs(actual - guess) <= width).mean()),
        in_sample=float(np.abs(whole).mean() / np.abs(history.total_outcome).mean()),
    )


def _line(made: Fit, index: int) -> FittedLine:
    from .diagnosis import DOUBT

    history, model = made.history, made.model
    line, shape = history.lines[index], model.shapes[index]
    own = made.best.theta[model.layout[index]]
    numbers = model.numbers(made.best.theta)[index]
    weights = history.shares[:, None] * model.scale
    place = model.layout[index]
    brought = float((model.brought(index, own) * weights).sum())
    every = [float((model.brought(index, theta[place]) * weights).sum()) for theta in made.theta]
    low, high = np.quantile(every, [0.1, 0.9])
    money = float(history.total_spend[index].sum())
    worth = history.map.money / money
    current = today(history, index)
    step = 1e-4 * max(current, 1e-6 * money)
    ends = numbers.outcome(shape, np.array([max(current - step, 0.0), current + step]))
    slope = float(ends[1] - ends[0]) / (current + step - max(current - step, 0.0))
    tested = is_tested(model, index)
    held = is_held(model, made.best, index)
    doubted = any(remark.key in DOUBT and remark.line == line.name for remark in made.remarks)
    doubtful = any(remark.serious and remark.line in {"", line.name} for remark in made.remarks)
    exposed = exposure(history.total_spend[index], numbers.retention)
    return FittedLine(
        name=line.name,
        numbers=numbers,
        curve=_curve(shape, numbers),
        carryover=Geometric(numbers.retention),
        current=current,
        observed=float(exposed.max()),
        brought=(float(low), brought, float(high)),
        back=(float(low) * worth, brought * worth, float(high) * worth),
        marginal=slope * history.map.money,
        elasticity=slope * current / model.mean_outcome,
        told=float(made.best.informed[place.start]),
        grade="assumption" if held else "A" if tested else "C" if doubtful else "B",
        held=held,
        limits=limits(model, made.best, index, doubted=doubted),
    )


def _curve(shape: Shape, numbers: Numbers) -> Hill | Exponential | Logistic | Log:
    kinds = {"hill": Hill, "exponential": Exponential, "logistic": Logistic, "log": Log}
    made = kinds[shape.kind](**shape.curve(numbers.size, numbers.bend, numbers.steepness))
    assert isinstance(made, Hill | Exponential | Logistic | Log)
    return made


def is_held(model: Model, best: Fitted, index: int) -> bool:
    """Whether neither the data nor an experiment say what a line brings."""
    told = float(best.informed[model.layout[index].start])
    return told < _LEAST_TOLD and not is_tested(model, index)


def is_tested(model: Model, index: int) -> bool:
    """Whether the map has an experiment on a line."""
    return any(test.line == model.lines[index].name for test in model.history.map.tests)


def limits(model: Model, best: Fitted, index: int, *, doubted: bool) -> tuple[float, float]:
    """Least and most that a plan may spend on a line in a period.

    What moves are allowed is the map's; a line whose spend seems to follow demand (*doubted*) gets
    no more than today's until it is tested, and one that the history does not tell is held there.
    """
    history, current = model.history, today(model.history, index)
    if is_held(model, best, index):
        return current, current
    low, high = history.map.moves
    usual = max(current, float(history.total_spend[index].mean()))
    capped = doubted and not is_tested(model, index)
    return low * current, current if capped else high * usual


def today(history: History, index: int) -> float:
    """Mean spend per period of a line over the last year, or all there is."""
    year = round(history.per_year)
    return float(history.total_spend[index, -year:].mean())
