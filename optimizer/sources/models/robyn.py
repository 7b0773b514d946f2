"""Robyn: the JSON that ``robyn_write`` saves, with its data inside or in a table beside it.

A channel's response in a period is coef · x′^α / (x′^α + inflexion^α), x′ its adstocked spend. The
inflexion is not stored, so the spend is needed to find it. Robyn's adstock is not normalised: where
its weights add up to S, the plan's exposure is x′ / S.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.errors import Fault, PlanError, nearest
from optimizer.plan.curves import Floats

from .files import column, need_columns
from .response import Channel, Check, Formula, Model

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_robyn"]

_ADSTOCKS = {
    "geometric": ("thetas",),
    "weibull_cdf": ("shapes", "scales"),
    "weibull_pdf": ("shapes", "scales"),
}
_LONGEST = 500


def read_robyn(document: Mapping[str, Any], rows: pd.DataFrame | None, where: str) -> Model:
    """The paid channels of a model.

    Args:
        document: The JSON.
        rows: The table the model was made from, where it is not in the JSON.
        where: What faults call the file.

    Raises:
        PlanError: with everything that is missing or no number.
    """
    return _Reader(document, where).model(rows)


def _one(value: Any) -> Any:
    """jsonlite writes a single value as a list of one."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


@dataclass
class _Reader:
    document: Mapping[str, Any]
    where: str
    faults: list[Fault] = field(default_factory=list)

    def model(self, rows: pd.DataFrame | None) -> Model:
        inputs = self.part(self.document, "InputCollect")
        exported = self.part(self.document, "ExportedModel")
        adstock = _one(inputs.get("adstock"))
        if not isinstance(adstock, str) or adstock not in _ADSTOCKS:
            words = f"adstock {adstock!r:.40} is not known"
            self.tell("InputCollect.adstock", words, f"Known: {', '.join(_ADSTOCKS)}")
        paid = _texts(inputs.get("paid_media_selected")) or _texts(inputs.get("paid_media_vars"))
        spends = _texts(inputs.get("paid_media_spends"))
        if not paid or len(paid) != len(spends):
            words = f"{len(paid)} paid media and {len(spends)} of their spends"
            self.tell("InputCollect.paid_media_spends", words, "Export the model anew")
        self.stop()
        frame = self.rows(rows, {*paid, *spends})
        window = self.window(inputs, frame)
        summary = self.summary(exported)
        hyper = self.part(exported, "hyper_values", "ExportedModel.")
        version = str(_one(inputs.get("version")) or "")
        whole = _Fit(str(adstock), _least_of_range(version), window)
        channels, checks = [], []
        for name, spend_name in zip(paid, spends, strict=True):
            values = self.hyper(hyper, name, str(adstock))
            row = summary.get(name, {})
            coef = self.number(row.get("coef"), f"ExportedModel.summary.{name}.coef")
            media = column(frame, name, self.where, self.faults, 0.0)
            spend = column(frame, spend_name, self.where, self.faults, 0.0)
            if self.faults:
                continue
            channel, total = whole.channel(name, coef, values, media, spend, row)
            channels.append(channel)
            checks.append(_check(name, total, row))
        self.stop()
        every = {"day": "day", "week": "week", "month": "month"}.get(
            str(_one(inputs.get("intervalType")))
        )
        return Model(
            f"Robyn {version}".strip(), tuple(channels), every, tuple(checks), self.left(inputs)
        )

    def left(self, inputs: Mapping[str, Any]) -> tuple[str, ...]:
        """What its outcomes are, and what of the model is no paid channel."""
        organic = _texts(inputs.get("organic_vars"))
        what, kind = _one(inputs.get("dep_var")), _one(inputs.get("dep_var_type"))
        left = [f"organic media are left out: {', '.join(organic)}"] if organic else []
        return (f"outcomes are {what}, counted as {kind}", *left)

    def part(self, holder: Mapping[str, Any], name: str, prefix: str = "") -> Mapping[str, Any]:
        found = _one(holder.get(name))
        if not isinstance(found, Mapping):
            advice = "Give what robyn_write saved, with select_model"
            self.tell(f"{prefix}{name}", "is missing", advice)
            return {}
        return found

    def tell(self, path: str, words: str, advice: str = "") -> None:
        self.faults.append(Fault(path, words, advice, self.where))

    def stop(self) -> None:
        if self.faults:
            raise PlanError(self.faults)

    def number(self, value: Any, path: str, low: float = -math.inf) -> float:
        value = _one(value)
        good = isinstance(value, int | float) and not isinstance(value, bool)
        if not good or not abs(value) < 1e300 or not value >= low:
            kind = "a number" if math.isinf(low) else f"a number from {low:g} up"
            self.tell(path, f"{value!r:.40} is not {kind}", "Export the model anew")
            return 1.0
        return float(value)

    def hyper(self, values: Mapping[str, Any], name: str, adstock: str) -> tuple[float, ...]:
        """α, γ and the adstock's own parameters."""
        found = []
        for word in ("alphas", "gammas", *_ADSTOCKS[adstock]):
            key = f"{name}_{word}"
            path = f"ExportedModel.hyper_values.{key}"
            if key not in values:
                self.tell(path, "is missing", nearest(key, map(str, values)))
                found.append(0.5)
                continue
            value = self.number(values[key], path, 0.0)
            least, most = (1e-9, 20.0) if word == "alphas" else (0.0, 1e6)
            most = 1.0 if word in {"gammas", "scales"} else 0.999999 if word == "thetas" else most
            if not least <= value <= most:
                self.tell(path, f"{value:g} is out of range", f"It must be up to {most:g}")
            found.append(value)
        return tuple(found)

    def summary(self, exported: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        """The rows of the model's own summary by variable."""
        rows = exported.get("summary")
        if not isinstance(rows, list):
            self.tell("ExportedModel.summary", "is missing", "Export the model anew")
            rows = []
        return {str(_one(r.get("variable"))): r for r in rows if isinstance(r, Mapping)}

    def rows(self, given: pd.DataFrame | None, needed: set[str]) -> pd.DataFrame:
        """The table the model was made from."""
        import pandas as pd

        if given is None:
            extras = self.document.get("Extras")
            raw = extras.get("raw_data") if isinstance(extras, Mapping) else None
            if not raw:
                self.tell("Extras.raw_data", "is missing, and without the spend the curves cannot "
                          "be found", "Give the model's table as a second file, or export with "
                          "add_data = TRUE")  # fmt: skip
                self.stop()
            try:
                given = pd.DataFrame(raw)
            except (ValueError, TypeError, AttributeError, RecursionError):
                self.tell("Extras.raw_data", "is no table", "Give it as a second file")
                self.stop()
        assert given is not None
        try:
            need_columns(given, sorted(needed), self.where)
        except PlanError as error:
            raise PlanError([*self.faults, *error.faults]) from None
        return given

    def window(self, inputs: Mapping[str, Any], frame: pd.DataFrame) -> slice:
        """The rows that the model was fitted on; the adstock begins before."""
        first = self.number(_or(inputs.get("rollingWindowStartWhich"), 1), "InputCollect."
                            "rollingWindowStartWhich", 1.0)  # fmt: skip
        last = self.number(_or(inputs.get("rollingWindowEndWhich"), len(frame)), "InputCollect."
                           "rollingWindowEndWhich", 1.0)  # fmt: skip
        if not first < last <= len(frame):
            words = f"rows {first:.0f} to {last:.0f}, and the table has {len(frame)}"
            self.tell("InputCollect.rollingWindowEndWhich", words, "Give the table it was made of")
            self.stop()
        return slice(int(first) - 1, int(last))


def _or(value: Any, instead: Any) -> Any:
    value = _one(value)
    return instead if value is None or value == [] else value


def _least_of_range(version: str) -> bool:
    """Whether the inflexion is counted from the least exposure, as before Robyn 3.12."""
    found = re.match(r"\D*(\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) < (3, 12)


@dataclass(frozen=True)
class _Fit:
    """What all channels of a model share."""

    adstock: str
    from_least: bool
    window: slice

    def channel(
        self, name: str, coef: float, hyper: tuple[float, ...], media: Floats, spend: Floats,
        row: Mapping[str, Any],
    ) -> tuple[Channel, float]:  # fmt: skip
        """The channel, and its outcomes in the window by Robyn's formula."""
        alpha, gamma, *rest = hyper
        weights = self.weights(tuple(rest), len(media))
        stock = np.convolve(media, weights)[: len(media)][self.window]
        high, low = float(stock.max()), float(stock.min()) if self.from_least else 0.0
        inflexion = (1.0 - gamma) * low + gamma * high
        own = spend[self.window]
        notes = []
        if coef <= 0 or inflexion <= 0 or own.sum() <= 0:
            told = "has no effect in the model" if coef <= 0 else "had no spend in the window"
            flat = Formula("linear", {"rate": np.zeros(1)})
            return Channel(name, flat, spend=own, notes=(told,)), 0.0
        total = float((coef / (1.0 + _power(inflexion, stock, alpha))).sum())
        money = 1.0
        if not np.allclose(media, spend):
            money = float(own.sum() / media[self.window].sum())
            notes.append(f"{money:.4g} of money per unit of exposure, as over the window")
        # A stock held for ever is S times the exposure.
        half = inflexion / self.sum(tuple(rest), weights) * money
        curve = {"ceiling": [coef], "half": [half], "steepness": [alpha]}
        made = Channel(
            name,
            Formula("hill", {key: np.array(value) for key, value in curve.items()}),
            self.carryover(tuple(rest), weights),
            spend=own,
            range=_boot(row),
            notes=tuple(notes),
        )
        return made, total

    def weights(self, rest: tuple[float, ...], n: int) -> Floats:
        """Robyn's weights, the period of the spend first; shape (n,)."""
        if self.adstock == "geometric":
            return np.asarray(rest[0] ** np.arange(n), float)
        length = self.window.stop - self.window.start
        shape = max(rest[0], 1e-9)
        scale = max(float(np.round(1.0 + (length - 1.0) * rest[1])), 1.0)
        place = np.arange(1, length + 1) / scale
        if self.adstock == "weibull_cdf":
            left = np.exp(-(place[: length - 1] ** shape))
            weights = np.cumprod(np.concatenate([[1.0], left]))
        else:
            density = place ** (shape - 1.0) * np.exp(-(place**shape))
            weights = (density - density.min()) / max(float(np.ptp(density)), 1e-300)
        return np.concatenate([weights, np.zeros(max(n - length, 0))])[:n]

    def sum(self, rest: tuple[float, ...], weights: Floats) -> float:
        """What the weights add up to, those beyond the table included."""
        return 1.0 / (1.0 - rest[0]) if self.adstock == "geometric" else float(weights.sum())

    def carryover(self, rest: tuple[float, ...], weights: Floats) -> Mapping[str, Any] | None:
        """The same weights as the plan states them."""
        if self.adstock == "geometric":
            return {"kind": "geometric", "retention": rest[0]} if rest[0] > 0 else None
        if self.adstock == "weibull_cdf" and len(weights) <= _LONGEST:
            length = self.window.stop - self.window.start
            scale = max(float(np.round(1.0 + (length - 1.0) * rest[1])), 1.0)
            shape = max(rest[0], 1e-9)
            return {"kind": "weibull", "shape": shape, "scale": scale, "length": length}
        last = int(np.flatnonzero(weights > 1e-12 * weights.max())[-1]) + 1
        return {"kind": "weights", "weights": weights[: min(last, _LONGEST)].tolist()}


def _power(inflexion: float, stock: Floats, alpha: float) -> Floats:
    """(inflexion / x′)^α, without end where there is no stock."""
    with np.errstate(divide="ignore", over="ignore"):
        return np.asarray((inflexion / stock) ** alpha)


def _check(name: str, total: float, row: Mapping[str, Any]) -> Check:
    """The outcomes over the window against the model's own."""
    own = _one(row.get("decompAgg"))
    if not isinstance(own, int | float) or isinstance(own, bool) or not math.isfinite(own):
        return Check(name, None, "the summary has no decompAgg")
    off = abs(total - own) / max(abs(own), 1e-300) if own or total else 0.0
    return Check(name, off)


def _boot(row: Mapping[str, Any]) -> tuple[float, float, float] | None:
    """The bootstrapped interval of the return, as factors; 95 % is Robyn's own."""
    mean, low, high = (_one(row.get(key)) for key in ("boot_mean", "ci_low", "ci_up"))
    found = [value for value in (mean, low, high) if isinstance(value, int | float)]
    if len(found) < 3 or not 0 < found[1] < found[0] < found[2] < 1e300:
        return None
    return found[1] / found[0], found[2] / found[0], 0.95
