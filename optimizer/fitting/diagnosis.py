"""What speaks against a fit: spend that follows demand, effects beyond belief, ranges not seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import f as fisher

from optimizer.plan.curves import Floats

from .model import Fitted, Model, Work
from .shapes import exposure

if TYPE_CHECKING:
    from .calibration import Foretold, Remark

__all__ = ["DOUBT", "remarks_on"]

DOUBT = ("fit.leads", "fit.lags", "fit.at_once", "fit.large")
"""Signs that a line's spend follows demand: its curve may be too steep, so it gets no more money
than today."""

_CHANCE = 0.01
"""Below it a test's result is told: one in a hundred by chance."""
_FOLLOWS = 0.6
"""Share of a line's variation that season, trend and controls explain."""
_LARGE = 0.3
"""Elasticity above the mean of published long-run ones, 0.24, by a quarter."""
_LASTING = 0.6
_UNLIKE = 1.5
"""Spreads of its prior that a line's carry-over lies below what is usual."""


def remarks_on(model: Model, best: Fitted, foretold: Foretold) -> tuple[Remark, ...]:
    """Everything a reader must know before the curves are believed."""
    return (*_of_all(model, best, foretold), *_of_lines(model, best))


def _of_all(model: Model, best: Fitted, foretold: Foretold) -> Iterator[Remark]:
    from .calibration import Remark

    if not model.history.controls:
        yield Remark("fit.no_controls")
    if foretold.error > foretold.without_spend:
        yield Remark(
            "fit.foretells_less",
            slots={"error": foretold.error, "plain": foretold.without_spend},
            serious=False,
        )
    if best.noise.lasting > _LASTING:
        yield Remark("fit.lasting", slots={"share": best.noise.lasting})


def _of_lines(model: Model, best: Fitted) -> Iterator[Remark]:
    from .calibration import Remark, limits, today

    history = model.history
    work = Work(model, best.noise)
    for index, line in enumerate(history.lines):
        signs = tuple(_of_line(model, best, work, index))
        doubted = any(sign.key in DOUBT for sign in signs)
        least, plan = limits(model, best, index, doubted=doubted)
        yield from signs
        if doubted and least < plan <= today(history, index):
            yield Remark("fit.capped", line.name, serious=False)
        numbers = model.numbers(best.theta)[index]
        most = float(exposure(history.total_spend[index], numbers.retention).max())
        if plan > most:
            yield Remark("fit.beyond", line.name, {"most": most, "plan": plan}, serious=False)


def _of_line(model: Model, best: Fitted, work: Work, index: int) -> Iterator[Remark]:
    from .calibration import Remark, today

    history, line = model.history, model.lines[index]
    own = best.theta[model.layout[index]]
    numbers = model.numbers(best.theta)[index]
    follows = followed(work, index, own)
    if follows > _FOLLOWS:
        yield Remark("fit.follows", line.name, {"share": follows})
    if chance(work, best, _leads(model, index)) < _CHANCE:
        yield Remark("fit.leads", line.name)
    if chance(work, best, _lags(model, index)) < _CHANCE:
        yield Remark("fit.lags", line.name)
    at = model.layout[index].start + 2
    if (best.theta[at] - model.prior[0][at]) / model.prior[1][at] < -_UNLIKE:
        yield Remark("fit.at_once", line.name, {"share": numbers.retention})
    current = today(history, index)
    ends = numbers.outcome(model.shapes[index], current * np.array([1.0, 1.01]))
    elastic = float(ends[1] - ends[0]) / 0.01 / model.mean_outcome
    if elastic > _LARGE:
        yield Remark("fit.large", line.name, {"elasticity": elastic})


def followed(work: Work, index: int, own: Floats) -> float:
    """Share of what a line's column varies that base, season and controls explain."""
    model = work.model
    column = work.whitened(model.brought(index, own))
    mean = model.brought(index, own).mean(axis=1, keepdims=True)
    about = work.whitened(model.brought(index, own) - mean)
    left = work.left(column)[: len(column)]
    return 1.0 - float(left @ left) / max(float(about @ about), 1e-300)


def _leads(model: Model, index: int) -> Floats:
    """The spend of the next two periods; the last ones as the last that is known."""
    spend = model.history.scaled_spend[index]
    spend = spend / max(float(spend.mean()), 1e-300)
    return np.stack([
        np.concatenate([spend[:, k:], np.repeat(spend[:, -1:], k, 1)], axis=1) for k in (1, 2)
    ])  # fmt: skip


def _lags(model: Model, index: int) -> Floats:
    """The spend of this period and the one before, which carry-over has in one proportion."""
    spend = model.history.scaled_spend[index]
    spend = spend / max(float(spend.mean()), 1e-300)
    return np.stack([spend, np.concatenate([spend[:, :1], spend[:, :-1]], axis=1)])


def chance(work: Work, best: Fitted, columns: Floats) -> float:
    """Probability that *columns* explain so much of what is left where they have no effect.

    A score test: the residuals on the columns, less what the fit's own numbers could take up.
    """
    slopes, residuals = work.jacobian(best.theta), work.residuals(best.theta)
    pad = np.zeros(len(residuals) - len(work.y) - len(work.r))
    more = np.stack(
        [np.concatenate([work.left(work.whitened(c)) / work.sigma, pad]) for c in columns], axis=1
    )
    q, _ = np.linalg.qr(slopes)
    more -= q @ (q.T @ more)
    left = residuals - more @ np.linalg.lstsq(more, residuals, rcond=None)[0]
    spare = len(work.y) - len(work.r) - len(best.theta) - len(columns)
    if spare < 5:
        return 1.0
    ratio = float(residuals @ residuals - left @ left) / len(columns)
    return float(fisher.sf(ratio / (float(left @ left) / spare), len(columns), spare))
