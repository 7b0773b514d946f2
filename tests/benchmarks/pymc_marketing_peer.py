"""PyMC-Marketing's own mix model on the histories of known worlds; only `make bench-peers` has it.

Settings are those of the example notebook of its documentation: priors of the effects by share of
spend, eight lags, two yearly waves, a trend and the controls as columns. The package is imported
where it is used, so that the benchmarks are collected without it.
"""

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd

LAGS, WAVES = 8, 2
SAMPLING = {"chains": 2, "tune": 1000, "draws": 500, "target_accept": 0.9}


def seconds():
    """Processor seconds of this process and of the compilers it has run."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


@dataclass(frozen=True)
class Sampled:
    """A fitted model, the file it was saved to, and how well it was sampled."""

    model: object
    file: Path
    seconds: float
    rhat: float
    """The largest of all parameters of the curves; below 1.01 chains agree."""
    diverging: int

    @property
    def brought(self):
        """Outcomes of each channel over the history: tenth and ninetieth percentile."""
        found = self.model.idata
        scale = float(found.constant_data["target_scale"])
        drawn = found.posterior["channel_contribution"].sum("date") * scale
        return drawn.quantile([0.1, 0.9], dim=("chain", "draw")).to_numpy().T


def table_of(history):
    """A history as the package takes it: a row per week, a column per channel and control."""
    lines = [line.name for line in history.lines]
    columns = dict(zip(lines, history.total_spend, strict=True))
    columns |= {name: values[0] for name, values in history.controls.items()}
    days = pd.date_range("2022-01-03", periods=history.n, freq="7D")
    return pd.DataFrame({"date": days, "trend": np.arange(history.n) / history.n, **columns})


def sampled(
    history, saturation, file, *, adstock=None, adstock_first=True, priors=None, **sampling
):
    """The model of a history, fitted and saved by its own means; *priors*: other than advised."""
    import arviz
    from pymc_marketing.mmm import GeometricAdstock
    from pymc_marketing.mmm.multidimensional import MMM

    lines, begun = [line.name for line in history.lines], seconds()
    model = MMM(
        date_column="date",
        target_column="y",
        channel_columns=lines,
        control_columns=["trend", *history.controls],
        adstock=adstock or GeometricAdstock(l_max=LAGS),
        adstock_first=adstock_first,
        saturation=saturation,
        yearly_seasonality=WAVES,
        model_config=advised_priors(history.total_spend.sum(axis=1)) if priors is None else priors,
    )
    outcome = pd.Series(history.total_outcome, name="y")
    how = SAMPLING | sampling
    model.fit(table_of(history), outcome, cores=1, random_seed=1, progressbar=False, **how)
    spent = seconds() - begun
    model.save(str(file))
    names = [n for n in model.idata.posterior if n.startswith(("adstock_", "saturation_"))]
    agreed = arviz.rhat(model.idata, var_names=names)
    return Sampled(
        model,
        file,
        spent,
        max(float(agreed[name].max()) for name in names),
        int(model.idata.sample_stats["diverging"].sum()),
    )


def advised_priors(spend):
    """The priors that the documentation's example advises, for scaled data."""
    from pymc_extras.prior import Prior

    return {
        "intercept": Prior("Normal", mu=0.5, sigma=0.2),
        "saturation_beta": Prior(
            "HalfNormal", sigma=len(spend) * spend / spend.sum(), dims="channel"
        ),
        "gamma_control": Prior("Normal", mu=0, sigma=0.05, dims="control"),
        "gamma_fourier": Prior("Laplace", mu=0, b=0.2, dims="fourier_mode"),
        "likelihood": Prior("Normal", sigma=Prior("HalfNormal", sigma=6), dims="date"),
    }


def own_plan(model, today, moves):
    """Its own optimizer's plan for today's money, lines bounded by *moves*; and its seconds."""
    import xarray
    from pymc_marketing.mmm.multidimensional import MultiDimensionalBudgetOptimizerWrapper

    begun = seconds()
    first = model.idata.constant_data["date"].to_pandas().iloc[-1] + timedelta(days=7)
    last = first + timedelta(weeks=12)
    lines = model.channel_columns
    bounds = xarray.DataArray(
        np.outer(today, moves),
        dims=("channel", "bound"),
        coords={"channel": lines, "bound": ["lower", "upper"]},
    )
    optimizer = MultiDimensionalBudgetOptimizerWrapper(
        model, start_date=str(first.date()), end_date=str(last.date())
    )
    found, _ = optimizer.optimize_budget(budget=float(today.sum()), budget_bounds=bounds)
    return found.sel(channel=lines).to_numpy(), seconds() - begun
