"""Small files in the shapes that Robyn, PyMC-Marketing and Meridian write, by plain loops."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import h5netcdf
import h5py
import numpy as np
import pandas as pd

WEEKS = 60
WINDOW = (9, 56)  # rows 9 … 56, counted from 1
ROBYN = {
    "tv_S": {"coef": 90_000.0, "alphas": 1.7, "gammas": 0.55, "thetas": 0.6,
             "shapes": 1.4, "scales": 0.06},
    "search_S": {"coef": 40_000.0, "alphas": 0.8, "gammas": 0.4, "thetas": 0.1,
                 "shapes": 0.7, "scales": 0.03},
    "radio_S": {"coef": 0.0, "alphas": 1.0, "gammas": 0.5, "thetas": 0.3,
                "shapes": 1.0, "scales": 0.05},
}  # fmt: skip


def robyn_spend() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    days = pd.date_range("2025-01-06", periods=WEEKS, freq="7D").strftime("%Y-%m-%d")
    money = {name: np.round(rng.gamma(2.0, 9_000.0, WEEKS)) for name in ROBYN}
    return pd.DataFrame({"DATE": days, "revenue": np.round(rng.normal(4e5, 3e4, WEEKS)), **money})


def robyn_series(name: str, spend: list[float], adstock: str, version: str) -> list[float]:
    """Outcomes in each period of the window, by Robyn's formulas."""
    hyper = ROBYN[name]
    first, last = WINDOW
    length = last - first + 1
    if adstock == "geometric":
        stock, before = [], 0.0
        for money in spend:
            before = money + hyper["thetas"] * before
            stock.append(before)
    else:
        scale = round(1 + (length - 1) * hyper["scales"])
        shape = hyper["shapes"]
        if adstock == "weibull_cdf":
            weights = [1.0]
            for lag in range(1, length):
                weights.append(weights[-1] * math.exp(-((lag / scale) ** shape)))
        else:
            density = [
                (d / scale) ** (shape - 1) * math.exp(-((d / scale) ** shape))
                for d in range(1, length + 1)
            ]
            low, high = min(density), max(density)
            weights = [(d - low) / (high - low) for d in density]
        stock = [
            sum(weights[k] * spend[t - k] for k in range(min(t + 1, length)))
            for t in range(len(spend))
        ]
    seen = stock[first - 1 : last]
    new = not version.startswith("3.11")
    gamma = hyper["gammas"]
    inflexion = gamma * max(seen) if new else (1 - gamma) * min(seen) + gamma * max(seen)
    alpha = hyper["alphas"]
    return [hyper["coef"] * x**alpha / (x**alpha + inflexion**alpha) for x in seen]


def robyn(
    folder: Path, adstock: str = "geometric", version: str = "3.12.0", *, data: bool = True,
    boxed: bool = True, interval: str = "week",
) -> Path:  # fmt: skip
    """What ``robyn_write`` saves; *boxed*: single values as lists of one."""

    def box(value: Any) -> Any:
        return [value] if boxed else value

    frame = robyn_spend()
    rest = ("thetas",) if adstock == "geometric" else ("shapes", "scales")
    hyper = {
        f"{name}_{word}": box(own[word])
        for name, own in ROBYN.items()
        for word in ("alphas", "gammas", *rest)
    }
    summary = [{"variable": "(Intercept)", "coef": 1000.0, "decompAgg": 48_000.0}]
    for name, own in ROBYN.items():
        series = robyn_series(name, frame[name].tolist(), adstock, version)
        summary.append(
            {"variable": name, "coef": own["coef"], "decompAgg": sum(series),
             "boot_mean": 2.0, "ci_low": 1.5, "ci_up": 2.8}
        )  # fmt: skip
    document: dict[str, Any] = {
        "InputCollect": {
            "date_var": box("DATE"),
            "intervalType": box(interval),
            "dep_var": box("revenue"),
            "dep_var_type": box("revenue"),
            "paid_media_spends": list(ROBYN),
            "paid_media_vars": list(ROBYN),
            "paid_media_selected": list(ROBYN),
            "organic_vars": box("newsletter"),
            "rollingWindowStartWhich": box(WINDOW[0]),
            "rollingWindowEndWhich": box(WINDOW[1]),
            "adstock": box(adstock),
            "version": box(f"v{version}"),
        },
        "ExportedModel": {
            "select_model": box("3_1_2"),
            "hyper_values": {**hyper, "lambda": box(0.1), "train_size": box(0.8)},
            "summary": summary,
        },
    }
    if data:
        document["Extras"] = {"raw_data": frame.to_dict("records")}
    path = folder / "RobynModel-3_1_2.json"
    path.write_text(json.dumps(document, indent=2), "utf-8")
    return path


# --- PyMC-Marketing -------------------------------------------------------------------------------

CHAINS, DRAWS, DATES = 2, 12, 40
CHANNELS = ("x1", "x2")

# Ranges that draws of the parameters are taken from, shape by name.
ADSTOCKS: dict[str, dict[str, tuple[float, float]]] = {
    "geometric": {"alpha": (0.3, 0.7)},
    "delayed": {"alpha": (0.3, 0.7), "theta": (1.0, 2.0)},
    "binomial": {"alpha": (0.3, 0.7)},
    "weibull_cdf": {"lam": (1.5, 3.0), "k": (0.8, 1.5)},
    "weibull_pdf": {"lam": (1.5, 3.0), "k": (1.2, 2.0)},
    "no_adstock": {},
}
SATURATIONS: dict[str, dict[str, tuple[float, float]]] = {
    "logistic": {"lam": (1.0, 3.0), "beta": (0.2, 0.5)},
    "inverse_scaled_logistic": {"lam": (0.3, 0.8), "beta": (0.2, 0.5)},
    "tanh": {"b": (0.3, 0.5), "c": (0.5, 1.0)},
    "tanh_baselined": {"x0": (0.4, 0.6), "gain": (0.4, 0.6), "r": (0.4, 0.6), "beta": (0.5, 1.0)},
    "michaelis_menten": {"alpha": (0.3, 0.5), "lam": (0.3, 0.6)},
    "hill": {"slope": (0.8, 2.0), "kappa": (0.3, 0.6), "beta": (0.2, 0.5)},
    "hill_sigmoid": {"sigma": (0.2, 0.5), "beta": (2.0, 4.0), "lam": (0.2, 0.5)},
    "root": {"alpha": (0.3, 0.8), "beta": (0.2, 0.5)},
    "no_saturation": {"beta": (0.2, 0.5)},
}


def lag_weights(name: str, p: dict[str, float], l_max: int) -> list[float]:
    lags = range(l_max)
    if name == "geometric":
        return [p["alpha"] ** k for k in lags]
    if name == "delayed":
        return [p["alpha"] ** ((k - p["theta"]) ** 2) for k in lags]
    if name == "binomial":
        return [(1 - k / (l_max + 1)) ** (1 / p["alpha"] - 1) for k in lags]
    if name == "weibull_cdf":
        weights = [1.0]
        for t in range(1, l_max + 1):
            weights.append(weights[-1] * math.exp(-((t / p["lam"]) ** p["k"])))
        return weights
    if name == "weibull_pdf":
        k, lam = p["k"], p["lam"]
        density = [
            k / lam * (t / lam) ** (k - 1) * math.exp(-((t / lam) ** k))
            for t in range(1, l_max + 1)
        ]
        return [(d - min(density)) / (max(density) - min(density)) for d in density]
    return [1.0]


def saturated(name: str, p: dict[str, float], x: float) -> float:
    match name:
        case "logistic":
            return p["beta"] * (1 - math.exp(-p["lam"] * x)) / (1 + math.exp(-p["lam"] * x))
        case "inverse_scaled_logistic":
            rate = math.log(3) / p["lam"]
            return p["beta"] * (1 - math.exp(-rate * x)) / (1 + math.exp(-rate * x))
        case "tanh":
            return p["b"] * math.tanh(x / (p["b"] * p["c"]))
        case "tanh_baselined":
            inner = math.tanh(x * math.atanh(p["r"]) / p["x0"])
            return p["beta"] * p["gain"] * p["x0"] * inner / p["r"]
        case "michaelis_menten":
            return p["alpha"] * x / (p["lam"] + x)
        case "hill":
            up = x ** p["slope"]
            return p["beta"] * up / (p["kappa"] ** p["slope"] + up)
        case "hill_sigmoid":
            rest = p["sigma"] / (1 + math.exp(p["beta"] * p["lam"]))
            return p["sigma"] / (1 + math.exp(-p["beta"] * (x - p["lam"]))) - rest
        case "root":
            return p["beta"] * x ** p["alpha"]
        case _:
            return p["beta"] * x


def contribution(
    x: list[float], adstock: str, lags: dict[str, float], saturation: str, shape: dict[str, float],
    l_max: int, *, normalize: bool, first: bool,
) -> list[float]:  # fmt: skip
    """A channel's contributions, in scaled units."""
    weights = lag_weights(adstock, lags, l_max)
    whole = sum(weights) if normalize else 1.0

    def carried(series: list[float]) -> list[float]:
        return [
            sum(weights[k] / whole * series[t - k] for k in range(min(len(weights), t + 1)))
            for t in range(len(series))
        ]

    if first:
        return [saturated(saturation, shape, one) for one in carried(x)]
    return carried([saturated(saturation, shape, one) for one in x])


def _put(group: Any, name: str, dims: tuple[str, ...], values: Any) -> None:
    made = group.create_variable(name, dims, float)
    made[...] = np.asarray(values, float)


def _label(group: Any, name: str, labels: tuple[str, ...]) -> None:
    made = group.create_variable(name, (name,), h5py.string_dtype())
    made[...] = np.array(labels, object)


def pymc(
    folder: Path, adstock: str = "geometric", saturation: str = "logistic", *,
    normalize: bool = True, first: bool = True, geos: tuple[str, ...] = (),
    form: str = "new", own: bool = True, off: float = 1.0, l_max: int = 6, latent: bool = False,
) -> Path:  # fmt: skip
    """What ``save`` writes. *form*: new, legacy (no scales stored) or delayed (first names).

    The new form has all that release 0.19.2 writes and the import has no use for, too.
    """
    rng = np.random.default_rng(11)
    sizes = {"chain": CHAINS, "draw": DRAWS, "channel": 2, "date": DATES, "geo": len(geos) or 1}
    cells = ("geo", "channel") if geos else ("channel",)
    media = rng.gamma(2.0, 5_000.0, (DATES, sizes["geo"], 2))
    target = rng.normal(80_000.0, 5_000.0, (DATES, sizes["geo"]))
    scale, size = media.max(axis=0), np.abs(target).max(axis=0)
    shape = (CHAINS, DRAWS, sizes["geo"], 2)
    lags = {n: rng.uniform(*r, shape) for n, r in ADSTOCKS[adstock].items()}
    shapes = {n: rng.uniform(*r, shape) for n, r in SATURATIONS[saturation].items()}
    varying = rng.lognormal(0.0, 0.2, (CHAINS, DRAWS, DATES))
    made = np.zeros((CHAINS, DRAWS, DATES, sizes["geo"], 2))
    for place in np.ndindex(shape):
        series = (media[:, *place[2:]] / scale[place[2:]]).tolist()
        made[place[0], place[1], :, place[2], place[3]] = contribution(
            series, adstock, {n: float(v[place]) for n, v in lags.items()},
            saturation, {n: float(v[place]) for n, v in shapes.items()}, l_max,
            normalize=normalize, first=first,
        )  # fmt: skip
    if latent:
        made *= varying[..., None, None]
    drop = (lambda v: v) if geos else (lambda v: v[..., 0, :])
    names = {"adstock_alpha": "alpha", "saturation_lam": "lam", "saturation_beta": "beta_channel"}
    path = folder / "mmm.nc"
    with h5netcdf.File(path, "w") as file:
        file.attrs.update(_pymc_attrs(form, adstock, saturation, normalize, first, l_max, latent))
        posterior = file.create_group("posterior")
        held = {n: sizes[n] for n in ("chain", "draw", "date", *cells)}
        more = {"control": 2, "fourier_mode": 2} if form == "new" else {}
        posterior.dimensions = held | more
        _label(posterior, "channel", CHANNELS)
        if geos:
            _label(posterior, "geo", geos)
        _put(posterior, "intercept", ("chain", "draw"), rng.normal(0.3, 0.02, shape[:2]))
        for prefix, values in (("adstock", lags), ("saturation", shapes)):
            for name, value in values.items():
                title = f"{prefix}_{name}"
                title = names.get(title, title) if form == "delayed" else title
                _put(posterior, title, ("chain", "draw", *cells), drop(value))
        if latent:
            _put(posterior, "media_temporal_latent_multiplier", ("chain", "draw", "date"), varying)
        if own:
            title = "channel_contribution" + ("s" if form == "delayed" else "")
            _put(posterior, title, ("chain", "draw", "date", *cells), drop(made) * off)
        constant = file.create_group("constant_data")
        constant.dimensions = {n: sizes[n] for n in ("date", *cells)} | more
        _label(constant, "channel", CHANNELS)
        if geos:
            _label(constant, "geo", geos)
        dates = constant.create_variable("date", ("date",), np.int64)
        dates[...] = 7 * np.arange(DATES)
        dates.attrs["units"] = "days since 2024-01-01 00:00:00"
        if form == "new":
            _pymc_rest(file, target)
            _put(constant, "channel_data", ("date", *cells), drop(media))
            _put(constant, "channel_scale", cells, drop(scale))
            _put(constant, "target_scale", cells[:-1], size if geos else size[0])
        else:
            _put(constant, "channel_data", ("date", "channel"), (media / scale)[:, 0])
            fit = file.create_group("fit_data")
            fit.dimensions = {"index": DATES}
            for number, name in enumerate(CHANNELS):
                _put(fit, name, ("index",), media[:, 0, number])
            _put(fit, "y", ("index",), target[:, 0])
    return path


def _pymc_rest(file: Any, target: Any) -> None:
    """Controls, season, outcomes and the sampler's own figures, beside what is read."""
    rng = np.random.default_rng(3)
    posterior, constant = file["posterior"], file["constant_data"]
    controls, waves = ("price", "trend"), ("sin_1", "cos_1")
    _label(posterior, "control", controls)
    _label(posterior, "fourier_mode", waves)
    drawn = ("chain", "draw")
    for name, dims in {
        "intercept_contribution": (),
        "gamma_control": ("control",),
        "gamma_fourier": ("fourier_mode",),
        "y_sigma": (),
        "total_media_contribution_original_scale": (),
        "control_contribution": ("date", "control"),
        "fourier_contribution": ("date", "fourier_mode"),
        "yearly_seasonality_contribution": ("date",),
    }.items():
        sizes = [posterior.dimensions[n].size for n in (*drawn, *dims)]
        _put(posterior, name, (*drawn, *dims), rng.normal(0.1, 0.02, sizes))
    posterior.attrs["pymc_marketing_version"] = "0.19.2"
    _put(constant, "control_data", ("date", "control"), rng.normal(0, 1, (DATES, 2)))
    constant.create_variable("dayofyear", ("date",), np.int32)[...] = 1 + 7 * np.arange(DATES)
    stats = file.create_group("sample_stats")
    stats.dimensions = {"chain": CHAINS, "draw": DRAWS}
    stats.create_variable("diverging", drawn, np.int8)[...] = 0
    observed = file.create_group("observed_data")
    observed.dimensions = {"date": DATES}
    _put(observed, "y", ("date",), target[:, 0])
    fit = file.create_group("fit_data")
    fit.dimensions = {"index": DATES}
    fit.create_variable("date", ("index",), np.int64)[...] = 7 * np.arange(DATES)
    _put(fit, "y", ("index",), target[:, 0])


def _pymc_attrs(
    form: str, adstock: str, saturation: str, normalize: bool, first: bool, l_max: int,
    latent: bool,
) -> dict[str, str]:  # fmt: skip
    attrs = {
        "id": "0123456789abcdef",
        "model_type": {
            "new": "MMMM (Multi-Dimensional Marketing Mix Model)",
            "legacy": "MMM",
            "delayed": "DelayedSaturatedMMM",
        }[form],
        "version": "0.0.2" if form == "new" else "0.0.1",
        "date_column": json.dumps("date_week"),
        "channel_columns": json.dumps(list(CHANNELS)),
        "control_columns": "null",
    }
    if form == "delayed":
        return attrs | {"adstock_max_lag": json.dumps(l_max)}
    return attrs | {
        "adstock_first": json.dumps(first),
        "time_varying_media": json.dumps(latent),
        "adstock": json.dumps({"lookup_name": adstock, "prefix": "adstock", "l_max": l_max,
                               "normalize": normalize, "mode": "After", "priors": {}}),
        "saturation": json.dumps({"lookup_name": saturation, "prefix": "saturation",
                                  "priors": {}}),
        "target_column": "y",
        "cost_per_unit": "null",
        "dims": "[]",
        "sampler_config": "{}",
        "yearly_seasonality": "1",
        "time_varying_intercept": "false",
        "scaling": json.dumps({"target": {"method": "max", "dims": []},
                               "channel": {"method": "max", "dims": []}}),
        "dag": "null", "treatment_nodes": "null", "outcome_node": "null", "mu_effects": "[]",
    }  # fmt: skip


# --- Meridian -------------------------------------------------------------------------------------


def meridian_curves(path: Path, curves: dict[str, tuple[float, list[float]]]) -> Path:
    """``response_curves()``, limits 10 % to either side, as ``to_netcdf`` or ``to_dataframe``."""
    multiples = [0.0, *(k / 10 for k in range(1, 20)), 1.99]
    names = tuple(curves)
    money = np.array([[unit * m for unit, _ in curves.values()] for m in multiples])
    mean = np.array([[0.0, *reached] for _, reached in curves.values()]).T
    metrics = ("mean", "ci_lo", "ci_hi")
    cube = np.stack([mean, 0.9 * mean, 1.1 * mean], axis=-1)
    if path.suffix == ".csv":
        rows = [
            {"channel": n, "metric": m, "spend_multiplier": multiples[k], "spend": money[k, c],
             "incremental_outcome": cube[k, c, i]}
            for k in range(len(multiples)) for c, n in enumerate(names)
            for i, m in enumerate(metrics)
        ]  # fmt: skip
        pd.DataFrame(rows).to_csv(path, index=False)
        return path
    with h5netcdf.File(path, "w") as file:
        file.dimensions = {"spend_multiplier": len(multiples), "channel": len(names), "metric": 3}
        _label(file, "channel", names)
        _label(file, "metric", metrics)
        _put(file, "spend_multiplier", ("spend_multiplier",), multiples)
        _put(file, "spend", ("spend_multiplier", "channel"), money)
        _put(file, "incremental_outcome", ("spend_multiplier", "channel", "metric"), cube)
    return path


def meridian_grid(path: Path) -> Path:
    """``optimization_grid.grid_dataset``: two channels, one of them filled up with empty cells."""
    with h5netcdf.File(path, "w") as file:
        file.dimensions = {"grid_spend_index": 4, "channel": 2}
        _label(file, "channel", ("tv", "search"))
        dims = ("grid_spend_index", "channel")
        nan = float("nan")
        _put(file, "spend_grid", dims, [[0, 100], [200, 200], [400, 300], [nan, 400]])
        _put(file, "incremental_outcome_grid", dims, [[0, 50], [90, 80], [120, 95], [nan, 99]])
    return path


def meridian_posterior(
    folder: Path, geos: tuple[str, ...], *, decay: str = "geometric", hill_first: bool = False,
    max_lag: int = 4, before: int = 3,
) -> tuple[Path, Path]:  # fmt: skip
    """A posterior and the data it was fitted to, with ``roi_m`` by Meridian's own formula."""
    rng = np.random.default_rng(21)
    names, times = ("tv", "search"), 30
    shape = (CHAINS, DRAWS, len(names))
    alpha, ec = rng.uniform(0.2, 0.8, shape), rng.uniform(0.5, 1.5, shape)
    slope, beta = rng.uniform(0.7, 1.8, shape), rng.uniform(0.1, 0.4, (CHAINS, DRAWS, len(geos), 2))
    people = rng.uniform(1e5, 1e6, len(geos))
    media = rng.gamma(2.0, 1.0, (2, len(geos), times + before)) * people[:, None]
    price = np.array([0.02, 0.05])
    spend = media * price[:, None, None]
    kpi = rng.normal(1.0, 0.1, (len(geos), times)) * people[:, None]
    sigma = (kpi / people[:, None]).std()
    roi = np.zeros(shape)
    length = max_lag + 1
    for chain, draw, c in np.ndindex(shape):
        kept = [
            alpha[chain, draw, c] ** k if decay == "geometric"
            else (1 - k / length) ** (1 / alpha[chain, draw, c] - 1)
            for k in range(length)
        ]  # fmt: skip
        kept = [k / sum(kept) for k in kept]
        heads = media[c] / people[:, None]
        heads = heads / np.median(heads[heads > 0])

        def hill(x: float, place: tuple[int, int, int] = (chain, draw, c)) -> float:
            return float(x ** slope[place] / (x ** slope[place] + ec[place] ** slope[place]))

        total = 0.0
        for g in range(len(geos)):
            for t in range(before, times + before):
                past = [float(heads[g, t - k]) if t >= k else 0.0 for k in range(length)]
                if hill_first:
                    one = sum(w * (hill(x) if x else 0.0) for w, x in zip(kept, past, strict=True))
                else:
                    one = hill(sum(w * x for w, x in zip(kept, past, strict=True)))
                total += people[g] * sigma * beta[chain, draw, g, c] * one
        roi[chain, draw, c] = total / spend[c, :, before:].sum()
    path = folder / "posterior.nc"
    with h5netcdf.File(path, "w") as file:
        group = file.create_group("posterior")
        group.dimensions = {"chain": CHAINS, "draw": DRAWS, "geo": len(geos), "media_channel": 2}
        _label(group, "media_channel", names)
        _label(group, "geo", geos)
        dims = ("chain", "draw", "media_channel")
        for name, value in (("alpha_m", alpha), ("ec_m", ec), ("slope_m", slope), ("roi_m", roi)):
            _put(group, name, dims, value)
        _put(group, "beta_gm", ("chain", "draw", "geo", "media_channel"), beta)
    days = pd.date_range("2025-01-06", periods=times + before, freq="7D").strftime("%Y-%m-%d")
    rows = [
        {"geo": geo, "time": days[t], "channel": name, "media": media[c, g, t],
         "spend": spend[c, g, t], "kpi": kpi[g, t - before] if t >= before else None,
         "population": people[g]}
        for g, geo in enumerate(geos) for t in range(times + before) for c, name in enumerate(names)
    ]  # fmt: skip
    table = folder / "inputs.csv"
    pd.DataFrame(rows).to_csv(table, index=False)
    return path, table
