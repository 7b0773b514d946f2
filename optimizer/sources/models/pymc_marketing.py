"""PyMC-Marketing: the netCDF file that ``save`` writes, of today's models and of older ones.

A channel's contribution is target_scale · saturation(adstock(media / channel_scale)), or with the
two the other way round. Both scales stand in the file, or, in older files, are the largest values
of the data the model was fitted to.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from optimizer.errors import Fault, PlanError
from optimizer.plan.curves import Floats
from optimizer.sources.netcdf import Contents, Variable, contents_of

from .response import Channel, Check, Formula, Model

__all__ = ["EVERY", "read_pymc_marketing"]

EVERY = {1: "day", 7: "week", 28: "month", 29: "month", 30: "month", 31: "month"}
"""How long a period is, by the days from one to the next."""

Draws = Mapping[str, Floats]
_OLD_NAMES = {"adstock_alpha": "alpha", "saturation_lam": "lam", "saturation_beta": "beta_channel"}
_MOST_LAGS = 500


# --- Formulas -------------------------------------------------------------------------------------


def _logistic(p: Draws, size: Floats, unit: Floats) -> tuple[str, Draws]:
    return "logistic", {"ceiling": size * p["beta"], "unit": unit / p["lam"]}


def _inverse_scaled(p: Draws, size: Floats, unit: Floats) -> tuple[str, Draws]:
    return "logistic", {"ceiling": size * p["beta"], "unit": unit * p["lam"] / math.log(3.0)}


def _tanh(p: Draws, size: Floats, unit: Floats) -> tuple[str, Draws]:
    return "logistic", {"ceiling": size * p["b"], "unit": unit * p["b"] * p["c"] / 2.0}


def _tanh_baselined(p: Draws, size: Floats, unit: Floats) -> tuple[str, Draws]:
    ceiling = size * p["beta"] * p["gain"] * p["x0"] / p["r"]
    return "logistic", {"ceiling": ceiling, "unit": unit * p["x0"] / (2.0 * np.arctanh(p["r"]))}


def _michaelis_menten(p: Draws, size: Floats, unit: Floats) -> tuple[str, Draws]:
    steep = np.ones(len(size))
    return "hill", {"ceiling": size * p["alpha"], "half": unit * p["lam"], "steepness": steep}


def _hill(p: Draws, size: Floats, unit: Floats) -> tuple[str, Draws]:
    return "hill", {
        "ceiling": size * p["beta"],
        "half": unit * p["kappa"],
        "steepness": p["slope"],
    }


def _hill_sigmoid(p: Draws, size: Floats, unit: Floats) -> tuple[str, Draws]:
    ceiling = size * p["sigma"] / (1.0 + np.exp(-p["beta"] * p["lam"]))
    return "logistic", {"ceiling": ceiling, "unit": unit / p["beta"], "midpoint": unit * p["lam"]}


def _root(p: Draws, size: Floats, unit: Floats) -> tuple[str, Draws]:
    return "power", {"scale": size * p["beta"] / unit ** p["alpha"], "exponent": p["alpha"]}


def _none(p: Draws, size: Floats, unit: Floats) -> tuple[str, Draws]:
    return "linear", {"rate": size * p["beta"] / unit}


_SATURATIONS: dict[str, tuple[tuple[str, ...], Callable[..., tuple[str, Draws]]]] = {
    "logistic": (("lam", "beta"), _logistic),
    "inverse_scaled_logistic": (("lam", "beta"), _inverse_scaled),
    "tanh": (("b", "c"), _tanh),
    "tanh_baselined": (("x0", "gain", "r", "beta"), _tanh_baselined),
    "michaelis_menten": (("alpha", "lam"), _michaelis_menten),
    "hill": (("slope", "kappa", "beta"), _hill),
    "hill_sigmoid": (("sigma", "beta", "lam"), _hill_sigmoid),
    "root": (("alpha", "beta"), _root),
    "no_saturation": (("beta",), _none),
}
"""Name: parameters, and the plan's curve for them, for a size in outcomes and a unit of money."""

_ADSTOCKS: dict[str, tuple[str, ...]] = {
    "geometric": ("alpha",),
    "delayed": ("alpha", "theta"),
    "binomial": ("alpha",),
    "weibull_cdf": ("lam", "k"),
    "weibull_pdf": ("lam", "k"),
    "no_adstock": (),
}


def _weights(name: str, p: Draws, length: int, count: int) -> Floats:
    """What is left of media in their own period and after it, shape (n_draws, n_lags)."""
    lags = np.arange(length, dtype=float)
    if name == "geometric":
        return np.asarray(p["alpha"][:, None] ** lags)
    if name == "delayed":
        return np.asarray(p["alpha"][:, None] ** ((lags - p["theta"][:, None]) ** 2))
    if name == "binomial":
        return np.asarray((1.0 - lags / (length + 1.0)) ** (1.0 / p["alpha"][:, None] - 1.0))
    if name == "weibull_cdf":
        place = np.arange(1.0, length + 1.0) / p["lam"][:, None]
        left = np.exp(-(place ** p["k"][:, None]))
        return np.cumprod(np.concatenate([np.ones((count, 1)), left], axis=1), axis=1)
    if name == "weibull_pdf":
        place, shape = np.arange(1.0, length + 1.0) / p["lam"][:, None], p["k"][:, None]
        density = place ** (shape - 1.0) * np.exp(-(place**shape))
        low, high = density.min(axis=1, keepdims=True), density.max(axis=1, keepdims=True)
        return np.asarray((density - low) / np.where(high > low, high - low, 1.0))
    return np.ones((count, 1))


def _carryover(
    name: str, p: Draws, length: int, weights: Floats
) -> tuple[dict[str, Any] | None, dict[str, Floats]]:
    """The same weights as the plan states them, and the draws of what they hang on."""
    if weights.shape[1] == 1:
        return None, {}
    if name in {"geometric", "delayed", "weibull_cdf"}:
        kind, lags, end = {
            "geometric": ("geometric", {"retention": "alpha"}, length),
            "delayed": ("delayed", {"retention": "alpha", "delay": "theta"}, length),
            "weibull_cdf": ("weibull", {"shape": "k", "scale": "lam"}, length + 1),
        }[name]
        drawn = {own: p[theirs] for own, theirs in lags.items()}
        middle = {own: float(np.median(values)) for own, values in drawn.items()}
        moving = {own: values for own, values in drawn.items() if np.ptp(values) > 0}
        return {"kind": kind, **middle, "length": end}, moving
    return {"kind": "weights", "weights": weights.mean(axis=0).tolist()}, {}


# --- Files ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Saved:
    """What of a file is needed; cells are channels, or channels in each market."""

    texts: Mapping[str, str]
    names: tuple[str, ...]
    """Of the cells."""
    adstock: tuple[str, int, bool]
    """Name, lags, and whether its weights are made to add up to one."""
    lags: Mapping[str, Floats]
    """Parameters of the adstock, shape (n_draws, n_cells)."""
    saturation: str
    shape: Mapping[str, Floats]
    """Parameters of the saturation, shape (n_draws, n_cells)."""
    media: Floats
    """Shape (n_periods, n_cells)."""
    money: Floats
    """Shape (n_periods, n_cells)."""
    unit: Floats
    """Media that count as one, shape (n_cells,)."""
    size: Floats
    """Outcomes that count as one, shape (n_cells,)."""
    varying: Floats | None
    """What media did more or less of over time, shape (n_draws, n_periods)."""
    own: Floats | None
    """The model's own contributions in outcomes, summed over time, shape (n_draws, n_cells)."""
    days: float | None

    @property
    def adstock_first(self) -> bool:
        """Whether carry-over comes before saturation."""
        return bool(_decoded(self.texts.get("adstock_first"), other=True))


def read_pymc_marketing(path: Path, most: int) -> Model:
    """The channels of a saved model.

    Args:
        path: The file.
        most: How many draws are taken at most, evenly.

    Raises:
        PlanError: it is no such file, or of a kind whose formulas are not known.
        ModuleNotFoundError: h5netcdf is not installed.
    """
    try:
        with contents_of(path) as file:
            saved = _File(file, most).saved()
    except PlanError as error:
        raise PlanError([_at(fault, str(path)) for fault in error.faults]) from None
    with np.errstate(all="ignore"):
        made = [_cell(saved, index) for index in range(len(saved.names))]
    faults = [fault for channel, _ in made for fault in _wrong(channel)]
    if faults:
        raise PlanError([_at(fault, str(path)) for fault in faults])
    kind = saved.texts.get("model_type", "").partition(" (")[0]  # "MMMM (Multi-Dimensional …)"
    version = " ".join(filter(None, (kind, saved.texts.get("version"))))
    every = None if saved.days is None else EVERY.get(round(saved.days))
    return Model(
        f"PyMC-Marketing {version}".strip(),
        tuple(channel for channel, _ in made),
        every,
        tuple(check for _, check in made),
    )


def _at(fault: Fault, where: str) -> Fault:
    return fault if fault.where else Fault(fault.path, fault.problem, fault.advice, where)


def _decoded(text: str | None, other: Any = None) -> Any:
    """What an attribute says; JSON, or the text itself."""
    if text is None:
        return other
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


class _File:
    """Reads a file, group by group."""

    def __init__(self, file: Contents, most: int) -> None:
        self.file, self.texts = file, file.texts
        self.posterior = file.names("posterior")
        sized = next((n for n in self.posterior if "chain" in self.posterior[n]), None)
        if sized is None:
            raise PlanError(Fault("posterior", "is missing", "Save the model after it was fitted"))
        data = "channel_data" in file.names("constant_data")
        self.new = data and "channel_scale" in file.names("constant_data")
        self.every = 1
        shape = file.variable("posterior", self._smallest()).values.shape
        self.every = max(1, -(-math.prod(shape) // max(most, 2)))

    def _smallest(self) -> str:
        """A variable by chain and draw alone, or one by channel."""
        found = {name: dims for name, dims in self.posterior.items() if "draw" in dims}
        if not found:
            raise PlanError(Fault("posterior", "has no draws", "Save the model after its fit"))
        return min(found, key=lambda name: (len(found[name]), name))

    def saved(self) -> _Saved:
        """All of it."""
        channels = _decoded(self.texts.get("channel_columns"))
        if not isinstance(channels, list) or not channels:
            raise PlanError(Fault("channel_columns", "is missing", "Save the model with save()"))
        channels = [str(name) for name in channels]
        if self.new:
            media, dims, labels = self._data()
            unit = self._by_cell("constant_data", "channel_scale", (), dims, labels)[0]
            size = self._by_cell("constant_data", "target_scale", (), dims, labels)[0]
        else:
            media, labels, dims = self._fitted(channels), {"channel": channels}, ("channel",)
            unit = np.abs(media).max(axis=0)
            target = self._target()
            size = np.full(len(channels), np.abs(target).max())
        if list(labels["channel"]) != channels:
            raise PlanError(Fault("channel_columns", "are not the channels of the data"))
        adstock, lag_prefix = self._kind("adstock", _ADSTOCKS, "geometric")
        saturation, prefix = self._kind("saturation", _SATURATIONS, "logistic")
        lags = self._lags()
        draw = ("chain", "draw")
        read = {
            "lags": {
                name: self._by_cell("posterior", self._name(lag_prefix, name), draw, dims, labels)
                for name in _ADSTOCKS[adstock]
            },
            "shape": {
                name: self._by_cell("posterior", self._name(prefix, name), draw, dims, labels)
                for name in _SATURATIONS[saturation][0]
            },
        }
        names = _cell_names(dims, labels)
        varying = self._varying()
        days = self.file.days_apart("constant_data", "date")
        return _Saved(
            texts=self.texts,
            names=names,
            adstock=(adstock, *lags),
            lags=read["lags"],
            saturation=saturation,
            shape=read["shape"],
            media=media,
            money=self._money(media, dims, labels),
            unit=unit,
            size=size,
            varying=varying,
            own=self._own(dims, labels, size, len(media)),
            days=days if days is not None else self.file.days_apart("posterior", "date"),
        )

    def _kind(self, what: str, known: Mapping[str, Any], old: str) -> tuple[str, str]:
        """The name of an adstock or saturation, and what its parameters begin with."""
        told = _decoded(self.texts.get(what), other=old)
        prefix = what
        if isinstance(told, dict):
            prefix = str(told.get("prefix") or what)
            mode = str(told.get("mode", "After"))
            if what == "adstock" and mode.rpartition(".")[2].capitalize() != "After":
                words = f"works in mode {mode:.20}, and only After is known"
                raise PlanError(Fault("adstock", words, "Import its response curves"))
            told = told.get("lookup_name") or _by_class(str(told.get("__type__", "")), what, known)
        if not isinstance(told, str) or told not in known:
            words = f"{told!r:.40} is not known"
            raise PlanError(Fault(what, words, f"Known: {', '.join(known)}"))
        return str(told), prefix

    def _lags(self) -> tuple[int, bool]:
        told = _decoded(self.texts.get("adstock"))
        told = told if isinstance(told, dict) else {}
        length = told.get("l_max", _decoded(self.texts.get("adstock_max_lag")))
        if not isinstance(length, int) or not 1 <= length < _MOST_LAGS:
            raise PlanError(Fault("adstock.l_max", f"{length!r:.40} is no number of periods"))
        return length, bool(told.get("normalize", True))

    def _name(self, prefix: str, parameter: str) -> str:
        name = f"{prefix}_{parameter}"
        old = _OLD_NAMES.get(name, name)
        return old if name not in self.posterior and old in self.posterior else name

    def _by_cell(
        self, group: str, name: str, lead: tuple[str, ...], dims: tuple[str, ...],
        labels: Mapping[str, list[str]],
    ) -> Floats:  # fmt: skip
        """A variable by draw (or as *lead* says) and cell, shape (n, n_cells)."""
        found = self.file.variable(group, name, self.every)
        return _cells(found, name, lead, dims, labels)

    def _data(self) -> tuple[Floats, tuple[str, ...], dict[str, list[str]]]:
        """Media by period and cell, the dimensions of the cells, and what they are called."""
        found = self.file.variable("constant_data", "channel_data")
        dims = (*(d for d in found.dimensions if d not in {"date", "channel"}), "channel")
        if "date" not in found.dimensions or "channel" not in found.dimensions:
            raise PlanError(Fault("channel_data", "is not by date and channel"))
        return _cells(found, "channel_data", ("date",), dims, found.labels), dims, found.labels

    def _fitted(self, channels: list[str]) -> Floats:
        """Media as the table had them that an older model was fitted to."""
        if not self.file.names("fit_data"):
            words = "is missing, and without it an older model's scales are not known"
            raise PlanError(Fault("fit_data", words, "Save the model with save()"))
        found = [self.file.variable("fit_data", name).values for name in channels]
        if len({values.shape for values in found}) > 1 or found[0].ndim != 1:
            raise PlanError(Fault("fit_data", "its columns are of several lengths"))
        return np.stack(found, axis=1)

    def _target(self) -> Floats:
        name = _decoded(self.texts.get("target_column"))
        known = self.file.names("fit_data")
        name = name if isinstance(name, str) and name in known else "y"
        return self.file.variable("fit_data", name).values

    def _money(
        self, media: Floats, dims: tuple[str, ...], labels: Mapping[str, list[str]]
    ) -> Floats:
        if "channel_spend" in self.file.names("constant_data"):
            return self._by_cell("constant_data", "channel_spend", ("date",), dims, labels)
        if _decoded(self.texts.get("cost_per_unit")):
            words = "the media are no money, and channel_spend, what was paid, is not in the file"
            raise PlanError(Fault("cost_per_unit", words, "Save it with a newer PyMC-Marketing"))
        return media

    def _varying(self) -> Floats | None:
        """The latent series that media are multiplied by; None without one."""
        if _decoded(self.texts.get("time_varying_media")) in (None, False):
            return None
        names = [n for n in self.posterior if "media_temporal" in n and n.endswith("multiplier")]
        if not names:
            words = "is on, and the series is not in the file"
            raise PlanError(Fault("time_varying_media", words, "Import its response curves"))
        found = self.file.variable("posterior", names[0], self.every)
        return found.by("chain", "draw", "date").reshape(-1, found.values.shape[-1])

    def _own(
        self, dims: tuple[str, ...], labels: Mapping[str, list[str]], size: Floats, periods: int
    ) -> Floats | None:
        """The model's own contributions, summed over time."""
        for name in ("channel_contribution", "channel_contributions"):
            if name not in self.posterior:
                continue
            found = self.file.variable("posterior", name, self.every)
            if "date" not in found.dimensions:
                return None
            axis = found.dimensions.index("date")
            if found.values.shape[axis] != periods:
                return None
            rest = tuple(d for d in found.dimensions if d != "date")
            summed = Variable(rest, found.values.sum(axis=axis), found.labels)
            return _cells(summed, name, ("chain", "draw"), dims, labels) * size
        return None


def _by_class(word: str, what: str, known: Mapping[str, Any]) -> str:
    """``…GeometricAdstock`` is geometric."""
    own = word.rpartition(".")[2].removesuffix(what.capitalize()).lower()
    return next((name for name in known if name.replace("_", "") == own), word)


def _cells(
    found: Variable, name: str, lead: tuple[str, ...], dims: tuple[str, ...],
    labels: Mapping[str, list[str]],
) -> Floats:  # fmt: skip
    """A variable with *lead* as its rows and one column per cell, repeated where it has fewer."""
    odd = set(found.dimensions) - {*lead, *dims}
    if odd or set(lead) - set(found.dimensions):
        words = f"is by {', '.join(found.dimensions) or 'nothing'}"
        raise PlanError(Fault(name, words, f"Known: {', '.join((*lead, *dims))}"))
    for own in set(found.dimensions) & set(dims):
        if len(found.labels.get(own, ())) != len(labels[own]):
            raise PlanError(Fault(name, f"has another number along {own} than the data"))
    order = [d for d in (*lead, *dims) if d in found.dimensions]
    values = np.transpose(found.values, [found.dimensions.index(d) for d in order])
    shape = dict(zip(order, values.shape, strict=True))
    full = [shape.get(d, 1) for d in (*lead, *dims)]
    wide = [*(shape[d] for d in lead), *(len(labels[d]) for d in dims)]
    rows = math.prod(shape[d] for d in lead)
    made = np.broadcast_to(values.reshape(full), wide).reshape(rows, -1)
    if not np.isfinite(made).all():
        raise PlanError(Fault(name, "holds values that are empty or infinite", "Fit it anew"))
    return np.asarray(made, float)


def _cell_names(dims: tuple[str, ...], labels: Mapping[str, list[str]]) -> tuple[str, ...]:
    """The channel, and after a slash the market where there are several."""
    names = [""]
    for own in dims[:-1]:
        names = [f"{name}/{label}" for name in names for label in labels[own]]
    return tuple(f"{label}{name}" for name in names for label in labels["channel"])


# --- Channels -------------------------------------------------------------------------------------


def _cell(saved: _Saved, index: int) -> tuple[Channel, Check]:
    """A channel, and its contributions against the model's own."""
    name, length, normal = saved.adstock
    lags = {key: values[:, index] for key, values in saved.lags.items()}
    shape = {key: values[:, index] for key, values in saved.shape.items()}
    count = len(next(iter(shape.values())))
    weights = _weights(name, lags, length, count)
    whole = weights.sum(axis=1)
    weights = weights / whole[:, None]
    whole = np.ones(count) if normal else whole
    money, media = saved.money[:, index], saved.media[:, index]
    cost = float(money.sum() / media.sum()) if media.sum() > 0 else 1.0
    unit, size = np.full(count, saved.unit[index] * cost), np.full(count, saved.size[index])
    notes = []
    if saved.varying is not None:
        size = size * saved.varying.mean(axis=1)
        notes.append("the effect of media varies over time; its mean is taken")
    if not np.allclose(money, media):
        notes.append(f"{cost:.4g} of money per unit of media, as over the data")
    carryover, moving = None, dict[str, Floats]()
    if saved.adstock_first:
        carryover, moving = _carryover(name, lags, length, weights)
        unit = unit / whole
        if carryover is not None and carryover["kind"] == "weights":
            notes.append("carry-over is the mean of the draws")
    else:
        size = size * whole
        notes.append("a period's money is credited with all it does later")
    kind, made = _SATURATIONS[saved.saturation][1](shape, size, unit)
    formula = Formula(kind, {key: np.asarray(v, float) for key, v in made.items()} | _rest(kind,
                      made, count))  # fmt: skip
    channel = Channel(saved.names[index], formula, carryover, moving, money, notes=tuple(notes))
    return channel, _check(saved, index, formula, weights, media * cost)


def _rest(kind: str, made: Draws, count: int) -> dict[str, Floats]:
    """A logistic curve without a midpoint has it at 0."""
    return {"midpoint": np.zeros(count)} if kind == "logistic" and "midpoint" not in made else {}


def _check(saved: _Saved, index: int, formula: Formula, weights: Floats, money: Floats) -> Check:
    """Contributions summed over the data, draw by draw, against those in the file."""
    name = saved.names[index]
    if saved.own is None:
        return Check(name, None, "the file holds no channel_contribution over its dates")
    lagged = np.zeros((weights.shape[1], len(money)))
    for lag in range(min(weights.shape[1], len(money))):
        lagged[lag, lag:] = money[: len(money) - lag]
    if saved.adstock_first:
        series = formula.outcome(weights @ lagged)
    else:
        # Each period's outcomes, spread over those after it; what falls behind the last is lost.
        kept = np.cumsum(weights, axis=1)
        ahead = np.minimum(np.arange(len(money))[::-1], weights.shape[1] - 1)
        series = formula.outcome(money) * kept[:, ahead]
    if saved.varying is not None:
        series = series / saved.varying.mean(axis=1, keepdims=True) * saved.varying
    ours, own = series.sum(axis=1), saved.own[:, index]
    off = np.abs(ours - own) / np.maximum(np.abs(own), 1e-9 * np.abs(own).max() + 1e-300)
    return Check(name, float(off.max()))


def _wrong(channel: Channel) -> list[Fault]:
    """Parameters that no curve of the plan can have."""
    assert isinstance(channel.response, Formula)
    faults = []
    for name, values in channel.response.draws.items():
        least = 0.0 if name in {"midpoint", "rate"} else 1e-300
        bad = ~(np.isfinite(values) & (values >= least))
        if name in {"steepness", "exponent"}:
            bad |= values > (20.0 if name == "steepness" else 1.0)
        if bad.any():
            words = f"{name} is out of range in {int(bad.sum()):,} of {len(values):,} draws"
            advice = "Curves here never fall; import the model's response curves instead"
            faults.append(Fault(channel.name, words, advice))
    return faults
