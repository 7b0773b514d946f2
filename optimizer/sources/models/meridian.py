"""Meridian: exported response curves or grids, or a posterior with the data it was fitted to.

A posterior does not hold the scales of its data, so they are found again: media per head by the
median of what is not zero, the KPI per head by its standard deviation. What a channel adds is
Σ population · σ · β · Hill(adstock(media)), over geos and time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from optimizer.errors import Fault, PlanError, nearest
from optimizer.plan.curves import Floats
from optimizer.sources.netcdf import Contents, Variable, contents_of

from .files import column, need_columns
from .response import Channel, Check, Formula, Model, Table
from .tables import UNCHECKED, points_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CURVES", "GRIDS", "POSTERIORS", "Shape", "read_curves", "read_posterior"]

CURVES, GRIDS, POSTERIORS = "incremental_outcome", "incremental_outcome_grid", "ec_m"
"""The variables by which each kind of file is told."""

_SINGLE = 1e-4  # Meridian computes in single precision
_MULTIPLES = np.linspace(0.0, 3.0, 31)
_MOST_DRAWS = 100  # of points: each draw is all geos and times at every multiple
_COLUMNS = ("geo", "time", "channel", "media", "spend", "kpi", "population", "revenue_per_kpi")


@dataclass(frozen=True)
class Shape:
    """What of a model's specification its posterior does not say."""

    max_lag: int = 8
    decay: str = "geometric"
    hill_before_adstock: bool = False


def read_curves(path: Path, window: float) -> Model:
    """Response curves, or the grid of an optimisation, from netCDF.

    Args:
        path: The file.
        window: Periods that its spends and outcomes are totals of.

    Raises:
        PlanError: with what is missing, and every curve that is none.
        ModuleNotFoundError: h5netcdf is not installed.
    """
    where = str(path)
    try:
        with contents_of(path) as file:
            parts = _grid(file) if GRIDS in file.names() else _curves(file)
    except PlanError as error:
        raise PlanError([_at(fault, where) for fault in error.faults]) from None
    faults: list[Fault] = []
    made = [points_of(name, part, window, where, faults) for name, part in parts.items()]
    if faults:
        raise PlanError(faults)
    channels = tuple(channel for channel in made if channel is not None)
    return Model("Meridian", channels, notes=(UNCHECKED,))


def _at(fault: Fault, where: str) -> Fault:
    return fault if fault.where else Fault(fault.path, fault.problem, fault.advice, where)


def _curves(file: Contents) -> dict[str, dict[str, Floats]]:
    """Points by channel, of the mean and its limits."""
    spend = file.variable("", "spend")
    money = spend.by("channel", "spend_multiplier")
    found = file.variable("", CURVES)
    has_metric = "metric" in found.dimensions
    dims = ("channel", "spend_multiplier", *(("metric",) if has_metric else ()))
    values = found.by(*dims)
    metrics = found.labels["metric"] if has_metric else ["mean"]
    values = values if has_metric else values[:, :, None]
    word = {"mean": "outcome", "ci_lo": "low", "ci_hi": "high"}
    if "mean" not in metrics:
        word["median"] = "outcome"
    wanted = {word[m]: n for n, m in enumerate(metrics) if m in word}
    if "outcome" not in wanted:
        raise PlanError(Fault("metric", "has no mean", f"Found: {', '.join(metrics)}"))
    return {
        name: {"spend": money[c], **{w: values[c, :, n] for w, n in wanted.items()}}
        for c, name in enumerate(spend.labels["channel"])
    }


def _grid(file: Contents) -> dict[str, dict[str, Floats]]:
    """Points by channel; a grid is filled up with empty cells."""
    spend, reached = file.variable("", "spend_grid"), file.variable("", GRIDS)
    index = next((d for d in spend.dimensions if d != "channel"), "grid_spend_index")
    money, outcomes = spend.by(index, "channel"), reached.by(index, "channel")
    parts = {}
    for c, name in enumerate(spend.labels["channel"]):
        there = np.isfinite(money[:, c]) & np.isfinite(outcomes[:, c])
        parts[name] = {"spend": money[there, c], "outcome": outcomes[there, c]}
    return parts


# --- Posteriors -----------------------------------------------------------------------------------


def read_posterior(
    path: Path, rows: pd.DataFrame, columns: Mapping[str, str], shape: Shape, most: int, where: str
) -> Model:
    """The media channels of a posterior.

    Args:
        path: The posterior, netCDF.
        rows: What it was fitted to: ``geo, time, channel, media, spend``, and for each geo and time
            ``kpi`` (empty before the model's first), ``population`` and ``revenue_per_kpi``.
        columns: What these are called, where otherwise.
        shape: What the model was specified as.
        most: How many draws are taken at most, evenly.
        where: What faults call the table.

    Raises:
        PlanError: with what is missing or does not fit together.
        ModuleNotFoundError: h5netcdf is not installed.
    """
    try:
        with contents_of(path) as file:
            # Points take all geos and times at every multiple for each draw; a formula does not.
            geos = len(_beta(file).labels["geo"])
            many = geos > 1 or shape.hill_before_adstock
            drawn = _drawn(file, min(most, _MOST_DRAWS) if many else most)
    except PlanError as error:
        raise PlanError([_at(fault, str(path)) for fault in error.faults]) from None
    data = _data(rows, columns, drawn, where)
    made = [_channel(drawn, data, shape, index) for index in range(len(drawn.channels))]
    notes = ["reach and frequency are left out"] if drawn.reach else []
    return Model(
        "Meridian",
        tuple(channel for channel, _ in made),
        data.every,
        tuple(check for _, check in made),
        tuple(notes),
    )


@dataclass(frozen=True, eq=False)
class _Drawn:
    """A posterior, its draws one after the other."""

    channels: tuple[str, ...]
    geos: tuple[str, ...]
    alpha: Floats
    """Shape (n_draws, n_channels), like the next two."""
    ec: Floats
    slope: Floats
    beta: Floats
    """Shape (n_draws, n_geos, n_channels)."""
    roi: Floats | None
    """The model's own returns, shape (n_draws, n_channels)."""
    reach: bool


def _beta(file: Contents, every: int = 1) -> Variable:
    return file.variable(_group(file), "beta_gm", every)


def _group(file: Contents) -> str:
    return "" if POSTERIORS in file.names() else "posterior"


def _drawn(file: Contents, most: int) -> _Drawn:
    group = _group(file)
    known = file.names(group)
    first = file.variable(group, POSTERIORS)
    count = first.by("chain", "draw", "media_channel").shape
    every = max(1, -(-count[0] * count[1] // max(most, 2)))

    def by_channel(name: str) -> Floats:
        values = file.variable(group, name, every).by("chain", "draw", "media_channel")
        return _finite(name, values.reshape(-1, values.shape[-1]))

    beta = _beta(file, every)
    values = beta.by("chain", "draw", "geo", "media_channel")
    own = _Drawn(
        channels=tuple(first.labels["media_channel"]),
        geos=tuple(beta.labels["geo"]),
        alpha=by_channel("alpha_m"),
        ec=by_channel("ec_m"),
        slope=by_channel("slope_m"),
        beta=_finite("beta_gm", values.reshape(-1, *values.shape[2:])),
        roi=by_channel("roi_m") if "roi_m" in known else None,
        reach="ec_rf" in known,
    )
    good = (own.alpha >= 0).all() and (own.alpha <= 1).all() and (own.ec > 0).all()
    if not good or not ((own.slope > 0) & (own.slope <= 20)).all() or not (own.beta >= 0).all():
        words = "alpha_m, ec_m, slope_m or beta_gm is out of its range"
        raise PlanError(Fault("posterior", words, "Import its response curves"))
    return own


def _finite(name: str, values: Floats) -> Floats:
    if not np.isfinite(values).all():
        raise PlanError(Fault(name, "holds values that are empty or infinite", "Fit it anew"))
    return values


@dataclass(frozen=True, eq=False)
class _Data:
    """What a model was fitted to."""

    media: Floats
    """Scaled as the model has them, shape (n_channels, n_geos, n_media_times)."""
    spend: Floats
    """Shape (n_channels, n_media_times)."""
    worth: Floats
    """Outcome that one of the scaled KPI is, shape (n_geos, n_times)."""
    per_money: Floats
    """Scaled media per money, of a single geo; shape (n_channels,)."""
    every: str | None

    @property
    def times(self) -> int:
        """Periods that the model explains; media may begin before them."""
        return int(self.worth.shape[1])


def _data(rows: pd.DataFrame, columns: Mapping[str, str], drawn: _Drawn, where: str) -> _Data:
    import pandas as pd

    title = {word: columns.get(word, word) for word in _COLUMNS}
    need_columns(rows, [title[w] for w in ("time", "channel", "media", "spend", "kpi")], where)
    faults = [
        Fault(f"columns.{word}", "is not known", nearest(word, _COLUMNS), where)
        for word in columns
        if word not in _COLUMNS
    ]
    frame = pd.DataFrame(
        {
            "time": rows[title["time"]].astype(str),
            "channel": rows[title["channel"]].astype(str),
            "geo": rows[title["geo"]].astype(str) if title["geo"] in rows else drawn.geos[0],
            "media": column(rows, title["media"], where, faults, 0.0),
            "spend": column(rows, title["spend"], where, faults, 0.0),
        }
    )
    shown = rows[rows[title["kpi"]].notna()]
    frame["kpi"] = np.nan
    frame.loc[shown.index, "kpi"] = column(shown, title["kpi"], where, faults)
    for word in ("population", "revenue_per_kpi"):
        there = title[word] in rows
        frame[word] = column(rows, title[word], where, faults, 0.0) if there else 1.0
    for word, known in (("channel", drawn.channels), ("geo", drawn.geos)):
        missing = sorted(set(known) - set(frame[word]))
        if missing:
            words = f"has no rows of {', '.join(missing[:6])}"
            faults.append(Fault(title[word], words, "Give what the model was fitted to", where))
    if faults:
        raise PlanError(faults)
    return _scaled(frame, drawn, where)


def _scaled(frame: pd.DataFrame, drawn: _Drawn, where: str) -> _Data:
    """The data in the model's own scales."""
    times = sorted(set(frame["time"]))
    key = ["channel", "geo", "time"]
    frame = frame[frame["channel"].isin(drawn.channels) & frame["geo"].isin(drawn.geos)]
    sizes = (len(drawn.channels), len(drawn.geos), len(times))
    if frame.duplicated(key).any() or len(frame) != np.prod(sizes):
        words = f"{len(frame):,} rows, and channels × geos × times are {np.prod(sizes):,}"
        raise PlanError(Fault("", words, "Give one row each", where))
    order = {"channel": drawn.channels, "geo": drawn.geos}
    for word, names in order.items():
        frame = frame.assign(**{word: frame[word].map({n: i for i, n in enumerate(names)})})
    frame = frame.sort_values(key)
    cube = {w: frame[w].to_numpy(float).reshape(sizes) for w in ("media", "spend", "kpi",
            "population", "revenue_per_kpi")}  # fmt: skip
    inside = np.isfinite(cube["kpi"][0]).all(axis=0)
    first = int(np.argmax(inside))
    people = cube["population"][0][:, -1]
    if not inside[first:].all() or not inside.any() or not (people > 0).all():
        raise PlanError(Fault("kpi", "has gaps, or a population is zero", "Fill them", where))
    heads = cube["media"] / people[None, :, None]
    seen = np.where(heads > 0, heads, np.nan)
    if np.isnan(seen).all(axis=(1, 2)).any():
        raise PlanError(Fault("media", "a channel has none at all", "Leave it out", where))
    middle = np.nanmedian(seen, axis=(1, 2))
    sigma = float((cube["kpi"][0][:, first:] / people[:, None]).std())
    worth = people[:, None] * sigma * cube["revenue_per_kpi"][0][:, first:]
    media = heads / middle[:, None, None]
    spend = cube["spend"].sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        per_money = media.sum(axis=(1, 2)) / spend.sum(axis=1)
    return _Data(media, spend, worth, per_money, _every(times))


def _every(times: list[str]) -> str | None:
    import pandas as pd

    from .pymc_marketing import EVERY

    days = pd.Series(pd.to_datetime(pd.Series(times), errors="coerce", format="%Y-%m-%d"))
    steps = days.diff().dt.days.dropna()
    return EVERY.get(round(float(steps.median()))) if len(steps) else None


def _channel(drawn: _Drawn, data: _Data, shape: Shape, index: int) -> tuple[Channel, Check]:
    name, length = drawn.channels[index], min(shape.max_lag + 1, data.media.shape[2])
    spend = data.spend[index, -data.times :]
    alpha = drawn.alpha[:, index]
    lags = np.arange(length)
    if shape.decay == "binomial":
        kept = (1.0 - lags / length) ** (1.0 / np.maximum(alpha[:, None], 1e-9) - 1.0)
    else:
        kept = alpha[:, None] ** lags
    kept = kept / kept.sum(axis=1, keepdims=True)
    exact = (
        len(drawn.geos) == 1
        and not shape.hill_before_adstock
        and data.spend[index].sum() > 0
        and np.ptp(data.worth) <= 1e-9 * data.worth.max()
        and np.allclose(data.media[index, 0], data.spend[index] * data.per_money[index], rtol=1e-6)
    )
    totals = np.array(
        [
            _total(drawn, data, shape, index, draw, kept[draw], np.array([1.0]) if exact
                   else _MULTIPLES)
            for draw in range(len(alpha))
        ]
    )  # fmt: skip
    today = totals[:, 0] if exact else totals[:, np.argmin(np.abs(_MULTIPLES - 1.0))]
    check = _check(name, drawn, index, today, float(spend.sum()))
    if not exact:
        made = Table(_MULTIPLES * spend.mean(), totals / data.times)
        note = "points along the model's own flighting; carry-over is inside them"
        return Channel(name, made, spend=spend, notes=(note,)), check
    per_money = data.per_money[index]
    formula = {
        "ceiling": data.worth[0, 0] * drawn.beta[:, 0, index],
        "half": drawn.ec[:, index] / per_money,
        "steepness": drawn.slope[:, index],
    }
    carryover: dict[str, object] = {"kind": "weights", "weights": kept.mean(axis=0).tolist()}
    moving = {}
    if shape.decay == "geometric" and (alpha < 1).all():
        carryover = {"kind": "geometric", "retention": float(np.median(alpha)), "length": length}
        moving = {"retention": alpha} if np.ptp(alpha) > 0 else {}
    return Channel(name, Formula("hill", formula), carryover, moving, spend), check


def _total(
    drawn: _Drawn, data: _Data, shape: Shape, index: int, draw: int, kept: Floats, multiples: Floats
) -> Floats:  # fmt: skip
    """Outcomes over all geos and times at multiples of the media, shape (n,)."""
    slope, half = drawn.slope[draw, index], drawn.ec[draw, index]

    def hill(x: Floats) -> Floats:
        with np.errstate(divide="ignore", over="ignore"):
            return np.asarray(1.0 / (1.0 + (half / x) ** slope))

    def carried(series: Floats) -> Floats:
        made = np.zeros_like(series)
        for lag, weight in enumerate(kept):
            made[..., lag:] += weight * series[..., : series.shape[-1] - lag]
        return made[..., -data.times :]

    media = data.media[index]
    worth = data.worth * drawn.beta[draw, :, index][:, None]
    if shape.hill_before_adstock:
        series = (carried(hill(m * media)) for m in multiples)
    else:
        stock = carried(media)
        series = (hill(m * stock) for m in multiples)
    return np.array([float((worth * one).sum()) for one in series])


def _check(
    name: str, drawn: _Drawn, index: int, totals: Floats, spend: float
) -> Check:  # fmt: skip
    """The return on the spend of the data against the model's own."""
    if drawn.roi is None or spend <= 0:
        return Check(name, None, "the posterior holds no roi_m to compare with")
    own = drawn.roi[:, index]
    off = np.abs(totals / spend - own) / np.maximum(np.abs(own), 1e-300)
    return Check(name, float(off.max()), precision=_SINGLE)
