"""The regression: penalised least squares in the numbers of the curves, all else projected out.

    y = base + trend + season + controls + Σ size·g(exposure / bend) + noise

The curves' numbers — size, bend, carry-over, steepness of each line — are searched for by SciPy's
least squares, in coordinates in which their priors are normal, so that a prior is one more residual
(a penalty). Everything else is linear and is projected out, which leaves few numbers to search for.
Noise that lasts is whitened by its own first-order autocorrelation, and noise that all places of a
panel share, such as weather or a holiday that nobody named, by its own size.

Priors (see docs/guide/history.md, which names the sources):

- the share of all outcomes that a line brings: log-normal around its share of the spend times 0.24,
  the mean long-run advertising elasticity of Sethuraman, Tellis & Briesch (2011); standard
  deviation 1.5 of its logarithm: four in five lie within a factor of seven;
- the bend: log-normal around the typical spend, as Meridian's half-saturation is; 0.8;
- the share left after a week: logit-normal around 0.5 for brand, 0.2 for traffic and 0.35 else, the
  middles of what Robyn's documentation names for television and digital; 1.0 of its log odds;
- steepness, where it is fitted: log-normal around 1, at which Meridian fixes it; 0.5, the spread of
  the range 0.5 to 3 that Robyn searches.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from optimizer.plan.curves import Floats

from .history import History
from .mapping import LiftTest, MappedLine
from .shapes import Shape, exposure, shape_of

__all__ = ["LONG_RUN_ELASTICITY", "Fitted", "Model", "Noise", "Numbers", "Work"]

LONG_RUN_ELASTICITY = 0.24
"""Mean of 402 estimates; Sethuraman, Tellis & Briesch, Journal of Marketing Research 2011."""
SIZE_SPREAD, BEND_SPREAD, RETENTION_SPREAD, STEEPNESS_SPREAD = 1.5, 0.8, 1.0, 0.5
RETENTIONS = {"brand": 0.5, "traffic": 0.2, None: 0.35}
"""The middle of the prior per week, by role."""
BOUNDS = {"size": (1e-6, 2.0), "bend": (0.1, 10.0), "retention": (0.005, 0.95),
          "steepness": (0.5, 3.0)}  # fmt: skip
"""Plausible limits: of all outcomes, of the typical spend, per period, and as it is."""
_FREE, _BENT = 5.0, 0.1
"""Standard deviations of the coefficients of season and controls, and of those that bend a trend,
in mean outcomes: the first hardly holds anything back."""
_MOST_LASTING, _MOST_SHARED = 0.9, 100.0


def logit(share: float) -> float:
    """Log odds."""
    return float(np.log(share / (1.0 - share)))


def expit(odds: Any) -> Any:
    """The share of log odds."""
    return 1.0 / (1.0 + np.exp(-odds))


@dataclass(frozen=True)
class Numbers:
    """What the search found for one line, in its own units."""

    size: float
    """The curve's height, in outcomes per period."""
    bend: float
    """Money per period, see :mod:`.shapes`."""
    retention: float
    steepness: float = 1.0

    def outcome(self, shape: Shape, exposed: Floats) -> Floats:
        """Outcomes per period for exposures."""
        return self.size * shape.outcome(exposed, self.bend, self.steepness)


@dataclass(frozen=True)
class Noise:
    """What moves outcomes beside all that the model knows."""

    sigma: float
    """Standard deviation of what each place has of its own, whitened, in scaled outcomes."""
    lasting: float = 0.0
    """First-order autocorrelation."""
    shared: float = 1.0
    """How many times wider what moves all places alike is; 1: each place moves by itself."""


@dataclass(frozen=True)
class Fitted:
    """The best fit: where it is, how wide it is, and what is left over."""

    theta: Floats
    """The numbers searched for, shape (n_numbers,)."""
    covariance: Floats
    """Of them, by Laplace's approximation at the optimum, shape (n_numbers, n_numbers)."""
    informed: Floats
    """How much narrower than its prior each number is, 0 (not at all) to 1."""
    noise: Noise
    linear: Floats
    """Coefficients of base, trend, season and controls."""
    residual: Floats
    """Outcomes less what the model says, scaled, shape (n_places, n_periods)."""


@dataclass(frozen=True, eq=False)
class Model:
    """The regression of one history; *rows* are the periods it is fitted to."""

    history: History
    rows: slice = field(default_factory=lambda: slice(None))
    extra: Floats | None = None
    """Further columns beside base, season and controls, shape (n_extra, n_places, n_periods)."""
    tests: tuple[LiftTest, ...] | None = None
    """Experiments; absent: those of the map."""

    @property
    def lines(self) -> tuple[MappedLine, ...]:
        """The lines, in the order of the map."""
        return self.history.lines

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """The shape of each line's curve."""
        return tuple(shape_of(line.curve) for line in self.lines)

    @cached_property
    def typical(self) -> Floats:
        """The typical spend of each line, by the money itself: Σx² / Σx, shape (n_lines,)."""
        spend = self.history.total_spend
        return np.asarray((spend**2).sum(axis=1) / np.maximum(spend.sum(axis=1), 1e-300))

    @cached_property
    def layout(self) -> tuple[slice, ...]:
        """Where the numbers of each line stand: size, bend, carry-over and maybe steepness."""
        widths = [4 if line.is_steep else 3 for line in self.lines]
        ends = np.cumsum(widths)
        return tuple(
            slice(int(end - width), int(end)) for width, end in zip(widths, ends, strict=True)
        )

    @cached_property
    def prior(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Middle, spread, least and most of every number searched for."""
        spend = self.history.total_spend.sum(axis=1)
        shares = spend / spend.sum()
        rows: list[tuple[float, float, float, float]] = []
        for line, share in zip(self.lines, shares, strict=True):
            middle = np.log(LONG_RUN_ELASTICITY * share)
            rows.append((middle, SIZE_SPREAD, *np.log(BOUNDS["size"])))
            rows.append((0.0, BEND_SPREAD, *np.log(BOUNDS["bend"])))
            left = logit(self._believed(line))
            low, high = BOUNDS["retention"]
            rows.append((left, RETENTION_SPREAD, logit(low), logit(high)))
            if line.is_steep:
                rows.append((0.0, STEEPNESS_SPREAD, *np.log(BOUNDS["steepness"])))
        middle, spread, least, most = np.array(rows).T
        return np.clip(middle, least + 1e-6, most - 1e-6), spread, least, most

    def _believed(self, line: MappedLine) -> float:
        """The middle of the prior of a line's carry-over, per period."""
        low, high = BOUNDS["retention"]
        left = RETENTIONS[line.believed_role]
        if self.history.every == "month":
            left = left ** (365.25 / 7 / 12)
        left = left if line.retention is None else line.retention
        return float(np.clip(left, 1.2 * low, 0.98 * high))

    # --- Columns ----------------------------------------------------------------------------------

    @cached_property
    def scale(self) -> float:
        """The mean outcome of a period: the unit of everything here."""
        return float(np.abs(self.history.scaled_outcome).mean())

    @cached_property
    def columns(self) -> Floats:
        """Base of each place, trend, season, controls: (n_columns, n_places, n_periods)."""
        history = self.history
        shape = history.outcome.shape
        bases = [np.broadcast_to(row[:, None], shape) for row in np.eye(shape[0])]
        time = np.linspace(-1.0, 1.0, history.n)
        bases += [np.broadcast_to(time**power, shape) for power in range(1, self.powers + 1)]
        for wave in range(1, self.waves + 1):
            angle = 2.0 * np.pi * wave * history.place
            bases += [np.broadcast_to(np.cos(angle), shape), np.broadcast_to(np.sin(angle), shape)]
        for values in history.controls.values():
            spread = float(values.std())
            bases.append((values - values.mean()) / (spread or 1.0))
        if self.extra is not None:
            bases += list(self.extra)
        return np.stack(bases)

    @property
    def powers(self) -> int:
        """Powers of time in the trend."""
        return {"curved": 3, "linear": 1, "none": 0}[self.history.map.trend]

    @property
    def waves(self) -> int:
        """Pairs of yearly waves."""
        stated = self.history.map.season
        if stated is not None:
            return stated
        return 2 if self.history.n >= 2 * self.history.per_year else 0

    # --- One evaluation ---------------------------------------------------------------------------

    def numbers(self, theta: Floats) -> list[Numbers]:
        """The numbers of each line in their own units."""
        found = []
        for index, (place, typical) in enumerate(zip(self.layout, self.typical, strict=True)):
            _, share, mean = self._contribution(index, theta[place])
            own = theta[place]
            steepness = float(np.exp(own[3])) if len(own) > 3 else 1.0
            found.append(
                Numbers(
                    share * self.mean_outcome / max(mean, 1e-12),
                    float(np.exp(own[1])) * float(typical),
                    float(expit(own[2])),
                    steepness,
                )
            )
        return found

    @cached_property
    def mean_outcome(self) -> float:
        """The mean outcome of a period of the whole; what the share of a line is a share of."""
        return float(np.abs(self.history.total_outcome[self.rows]).mean())

    def _contribution(self, index: int, own: Floats) -> tuple[Floats, float, float]:
        """The shape of a line's outcomes in every place and period, its share, and the mean."""
        steepness = float(np.exp(own[3])) if len(own) > 3 else 1.0
        bend = float(np.exp(own[1])) * float(self.typical[index])
        exposed = exposure(self.history.scaled_spend[index], float(expit(own[2])))
        shape = self.shapes[index].outcome(exposed, bend, steepness)
        mean = float(self.history.shares @ shape[:, self.rows].mean(axis=1))
        return shape, float(np.exp(own[0])), mean

    def brought(self, index: int, own: Floats) -> Floats:
        """A line's scaled outcomes in every place and period, in units of :attr:`scale`."""
        shape, share, mean = self._contribution(index, own)
        return shape * (share * self.mean_outcome / max(mean, 1e-12) / self.scale)

    # --- Least squares ----------------------------------------------------------------------------

    def fit(self, start: Floats | None = None) -> Fitted:
        """The best fit.

        The noise is found by turns with the curves; the first start is at the priors'
        middle and at two bends around it.
        """
        middle, _, least, most = self.prior
        starts = [middle]
        if start is None:
            for shift in (-0.7, 0.7):
                moved = middle.copy()
                moved[[place.start + 1 for place in self.layout]] += shift
                starts.append(moved)
        else:
            starts = [np.clip(start, least + 1e-9, most - 1e-9)]
        work = Work(self, Noise(self._plain_noise()))
        found = min((work.search(one) for one in starts), key=lambda one: float(one.cost))
        for _ in range(4):
            work = Work(self, work.noise(found.x))
            found = work.search(found.x)
        return work.told(found)

    def _plain_noise(self) -> float:
        """Noise about base, season and controls alone: where the search begins."""
        work = Work(self, Noise(1.0))
        left = work.left(work.whitened(self.history.scaled_outcome / self.scale))
        return float(np.sqrt(np.mean(left**2))) or 1e-6

    def plain(self) -> Floats:
        """The linear coefficients where nothing is paid for."""
        work = Work(self, Noise(self._plain_noise()))
        return np.asarray(work.coefficients(self.history.scaled_outcome / self.scale))

    def predicted(self, theta: Floats, linear: Floats) -> Floats:
        """Scaled outcomes that the model says, in units of :attr:`scale`."""
        paid = sum(self.brought(index, theta[place]) for index, place in enumerate(self.layout))
        return np.asarray(paid + self.without(linear))

    def without(self, linear: Floats) -> Floats:
        """What base, trend, season and controls bring, in units of :attr:`scale`."""
        return np.asarray(np.tensordot(linear, self.columns, 1))


class Work:
    """One least-squares problem: the noise is given."""

    def __init__(self, model: Model, noise: Noise) -> None:
        self.model, self.given, self.sigma = model, noise, noise.sigma
        columns = np.stack([self.whitened(column) for column in model.columns])
        self.flat = columns.T  # (n_rows, n_columns)
        places = model.history.outcome.shape[0]
        ridge = np.full(len(columns), self.sigma / _FREE)
        ridge[:places] = 1e-9
        ridge[places + 1 : places + model.powers] = self.sigma / _BENT
        self.q, self.r = np.linalg.qr(np.vstack([self.flat, np.diag(ridge)]))
        self.y = self.whitened(model.history.scaled_outcome / model.scale)

    def whitened(self, values: Floats) -> Floats:
        """The periods that are fitted, whitened and weighed by the size of their place; flat."""
        noise, kept = self.given, values[:, self.model.rows]
        first = kept[:, :1] * np.sqrt(1.0 - noise.lasting**2)
        rest = kept[:, 1:] - noise.lasting * kept[:, :-1]
        shares = self.model.history.shares
        own = np.hstack([first, rest]) * np.sqrt(shares * len(shares))[:, None]
        if noise.shared > 1.0:
            alike = np.sqrt(shares)  # of length one: what moves all places by the same share
            own -= (1.0 - 1.0 / noise.shared) * np.outer(alike, alike @ own)
        return np.asarray(own.ravel(), float)

    def left(self, flat: Floats) -> Floats:
        """What base, season and controls cannot explain, the ridge's own rows below."""
        whole = np.concatenate([flat, np.zeros(len(self.r))])
        # Not by BLAS: on a busy machine its threads wait for one another longer than this takes.
        known = np.einsum("ij,i->j", self.q, whole)
        return np.asarray(whole - np.einsum("ij,j->i", self.q, known))

    def coefficients(self, gap: Floats) -> Floats:
        """The linear coefficients that fit *gap* best."""
        whole = np.concatenate([self.whitened(gap), np.zeros(len(self.r))])
        return np.asarray(np.linalg.solve(self.r, self.q.T @ whole))

    def residuals(self, theta: Floats) -> Floats:
        """Residuals in standard deviations: data, priors, experiments."""
        model = self.model
        paid = sum(
            self.whitened(model.brought(index, theta[place]))
            for index, place in enumerate(model.layout)
        )
        middle, spread, _, _ = model.prior
        data = self.left(self.y - paid) / self.sigma
        return np.concatenate([data, (theta - middle) / spread, self.tested(theta)])

    def tested(self, theta: Floats) -> Floats:
        """Residuals of the experiments."""
        from .lifts import lift_of

        tests = self.model.history.map.tests if self.model.tests is None else self.model.tests
        if not tests:
            return np.zeros(0)
        names = [line.name for line in self.model.lines]
        numbers = self.model.numbers(theta)
        found = []
        for test in tests:
            index = names.index(test.line)
            own = numbers[index]
            outcome = partial(own.outcome, self.model.shapes[index])
            lift = lift_of(test, outcome, own.retention)
            found.append((lift - test.lift) / test.error)
        return np.array(found)

    def jacobian(self, theta: Floats) -> Floats:
        """Slopes of :meth:`residuals`, line by line: a line's numbers move its own column only."""
        model, step = self.model, 1e-5
        _, spread, _, _ = model.prior
        data = np.empty((len(self.y) + len(self.r), len(theta)))
        for index, place in enumerate(model.layout):
            for at in range(place.start, place.stop):
                own = theta[place].copy()
                own[at - place.start] += step
                up = model.brought(index, own)
                own[at - place.start] -= 2 * step
                slope = (up - model.brought(index, own)) / (2 * step)
                data[:, at] = -self.left(self.whitened(slope)) / self.sigma
        tests = np.empty((len(self.tested(theta)), len(theta)))
        if len(tests):
            for at in range(len(theta)):
                moved = np.zeros(len(theta))
                moved[at] = step
                tests[:, at] = (self.tested(theta + moved) - self.tested(theta - moved)) / (
                    2 * step
                )
        return np.vstack([data, np.diag(1.0 / spread), tests])

    def search(self, start: Floats) -> Any:
        """SciPy's trust region from *start*, within the bounds."""
        _, _, least, most = self.model.prior
        return least_squares(
            self.residuals,
            np.clip(start, least + 1e-6, most - 1e-6),
            self.jacobian,
            bounds=(least, most),
            x_scale=self.model.prior[1],
            ftol=1e-9,
            xtol=1e-8,
            gtol=1e-8,
            max_nfev=200,
        )

    def residual(self, theta: Floats) -> tuple[Floats, Floats]:
        """What is left of the scaled outcomes in every period, and the linear coefficients."""
        model = self.model
        paid = sum(model.brought(index, theta[place]) for index, place in enumerate(model.layout))
        gap = model.history.scaled_outcome / model.scale - paid
        linear = self.coefficients(gap)
        return gap - np.tensordot(linear, model.columns, 1), linear

    def noise(self, theta: Floats) -> Noise:
        """The noise of the fit, how much of it lasts, and how much of it all places share."""
        model = self.model
        residual = self.residual(theta)[0]
        left = residual[:, model.rows]
        now, then = left[:, 1:].ravel(), left[:, :-1].ravel()
        lasting = float(now @ then) / max(float(then @ then), 1e-300)
        lasting = float(np.clip(lasting, 0.0, _MOST_LASTING))
        flat = Work(model, Noise(1.0, lasting)).whitened(residual)
        places, periods = left.shape
        used = model.columns.shape[0] + self._told(theta)
        if places == 1:
            spare = max(periods - used, 5.0)
            return Noise(max(float(np.sqrt(flat @ flat / spare)), 1e-9), lasting)
        # Trend, season and controls are taken to explain what the places share.
        alike = np.sqrt(model.history.shares) @ flat.reshape(left.shape)
        common = float(alike @ alike) / max(periods - 1 - (used - places), 5.0)
        own = (float(flat @ flat) - float(alike @ alike)) / max((places - 1) * (periods - 1), 5.0)
        common, own = np.sqrt(max(common, 0.0)), np.sqrt(max(own, 0.0))
        sigma = max(own, common / _MOST_SHARED, 1e-9)
        return Noise(sigma, lasting, max(common / sigma, 1.0))

    def _told(self, theta: Floats) -> float:
        """How many numbers of the curves the data set, rather than the priors."""
        slopes = self.jacobian(theta)[: len(self.y) + len(self.r)]
        known = slopes.T @ slopes
        prior = np.diag(1.0 / self.model.prior[1] ** 2)
        return float(np.trace(np.linalg.solve(known + prior, known)))

    def told(self, found: Any) -> Fitted:
        """The result of a search, with its width."""
        slopes = self.jacobian(found.x)
        covariance = np.asarray(np.linalg.inv(slopes.T @ slopes), float)
        spread = self.model.prior[1]
        informed = 1.0 - np.sqrt(np.clip(np.diag(covariance), 0, None)) / spread
        residual, linear = self.residual(found.x)
        return Fitted(
            found.x,
            covariance,
            np.clip(informed, 0.0, 1.0),
            self.given,
            linear,
            residual,
        )


def until(model: Model, period: int) -> Model:
    """The same model, fitted to the first *period* periods only."""
    return replace(model, rows=slice(0, period))
