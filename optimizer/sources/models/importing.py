"""From the files of a fitted model and a map to a scenario, with its draws in a table beside it."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.errors import Fault, PlanError, SourceError, nearest
from optimizer.plan.curves import Floats
from optimizer.plan.document import from_document, to_document
from optimizer.plan.plan import Plan
from optimizer.plan.units import parse_money
from optimizer.sources.draws import MOST_VALUES
from optimizer.sources.netcdf import contents_of
from optimizer.sources.scenario import dump_document
from optimizer.writing import write_atomically

from . import meridian
from .files import head_of, read_json, read_rows
from .mapping import MapFile, ModelMap, Placed, read_map
from .meridian import Shape
from .pymc_marketing import read_pymc_marketing
from .response import Channel, Formula, Model
from .robyn import read_robyn
from .tables import read_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Imported", "import_model", "map_text", "read_model"]

_TABLES = (".csv", ".parquet")
_OF_THE_MAP = {"source": "the map of the import", "grade": "given"}
_YEAR = 365.2425
_DAYS = {"day": 1.0, "week": 7.0, "month": _YEAR / 12, "quarter": _YEAR / 4}


@dataclass(frozen=True, eq=False)
class Imported:
    """A fitted model as a scenario."""

    model: Model
    plan: Plan
    """The plan, without its draws."""
    draws: Mapping[str, Floats]
    """Draws of its numbers by their path, all of one length; empty for a point estimate."""
    ranges: Mapping[str, Mapping[str, Any]]
    """Numbers of which only limits are known, as ``uncertainty.numbers`` has them."""
    notes: tuple[str, ...]
    """What a reader should know, the checks first."""

    def frame(self) -> pd.DataFrame:
        """The draws as a table with a column per path."""
        import pandas as pd

        return pd.DataFrame(dict(self.draws))

    def text(self, draws_file: str = "") -> str:
        """The scenario as YAML, which names *draws_file* for its draws."""
        document = to_document(self.plan)
        doubt: dict[str, Any] = {"numbers": dict(self.ranges)} if self.ranges else {}
        if self.draws and draws_file:
            doubt["draws_from"] = draws_file
        if doubt:
            origins = document.pop("origins", None)
            document["uncertainty"] = doubt
            document |= {} if origins is None else {"origins": origins}
        head = [f"Imported from {self.model.tool}.", *self.notes]
        comment = "".join(f"# {' '.join(line.split())}\n" for line in head)
        return comment + dump_document(document)

    def write(self, path: str | os.PathLike[str]) -> list[Path]:
        """Write the scenario, and its draws in a table beside it; the files written.

        Raises:
            OSError: the folder cannot be written to.
        """
        target = Path(path)
        written = [target]
        if self.draws:
            beside = target.with_name(f"{target.stem}.draws.csv")
            text = self.frame().to_csv(index=False, lineterminator="\n")
            write_atomically(beside, text.encode())
            written.append(beside)
        write_atomically(target, self.text(written[-1].name).encode())
        return written


def import_model(
    files: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    map: str | os.PathLike[str] | ModelMap,  # noqa: A002 - the word of the command line
) -> Imported:
    """A fitted model as lines of a plan.

    Args:
        files: What was exported, and for Robyn without its data, or a Meridian posterior, the table
            of the data.
        map: Which line each channel becomes, and the rest of the plan: a YAML file, or the map.

    Raises:
        ScenarioError: the map does not hold together, or does not fit the model.
        PlanError: a file cannot be used, with everything that is wrong in it.
        SourceError: the curves do not reproduce the model's own contributions.
        ModuleNotFoundError: a NetCDF or Parquet file, and what reads it is not installed.
    """
    given = [files] if isinstance(files, str | os.PathLike) else list(files)
    held = MapFile(map, {}, "map") if isinstance(map, ModelMap) else read_map(Path(map))
    model = read_model([Path(name) for name in given], held.map)
    _faithful(model, held.map)
    names = ", ".join(Path(name).name for name in given)
    return _Assembly(model, held, names).imported()


def read_model(files: Sequence[Path], how: ModelMap) -> Model:
    """The model in some files, told by what they hold.

    Raises:
        PlanError: no such model is known, or it cannot be read.
        ModuleNotFoundError: a NetCDF or Parquet file, and what reads it is not installed.
    """
    if not 1 <= len(files) <= 2:
        raise PlanError(Fault("", f"{len(files)} files", "Give the model, and perhaps its data"))
    tables = [path for path in files if path.suffix.lower() in _TABLES]
    others = [path for path in files if path not in tables]
    window = how.window or 1.0
    if not others and len(tables) == 1:
        return read_table(read_rows(tables[0]), how.columns, window, str(tables[0]))
    if len(others) != 1:
        advice = "Give a model (JSON or netCDF), and perhaps its data as a table"
        raise PlanError(Fault("", f"{len(others)} models at once", advice, str(files[0])))
    path, beside = others[0], tables[0] if tables else None
    head = head_of(path)
    if head[:4] == b"\x89HDF" or head[:3] == b"CDF":
        return _netcdf(path, beside, how, window)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        rows = None if beside is None else read_rows(beside)
        return read_robyn(read_json(path), rows, str(path))
    advice = "Give Robyn's JSON, a netCDF file, or a table (.csv, .parquet)"
    raise PlanError(Fault("", "is no model that is known", advice, str(path)))


def map_text(files: Sequence[Path]) -> str:
    """A map to fill in, which names every channel of a model.

    Raises:
        PlanError: no such model is known, or it cannot be read.
    """
    model = read_model(files, ModelMap({}))
    every = model.every if model.every in {"week", "month", "quarter"} else None
    start = {"week": "2027-W01", "month": "2027-01", "quarter": "2027-Q1", None: ""}[every]
    count = {"week": 13, "month": 12, "quarter": 4, None: 1}[every]
    today = sum(channel.today or 0.0 for channel in model.channels)
    plan: dict[str, Any] = {"name": f"From {model.tool}", "currency": "USD", "business": "none"}
    plan["budget"] = _no_less(today * count) or 1e6
    plan |= {"periods": {"start": start, "count": count, "every": every}} if every else {}
    plan |= {"value": 1, "objective": "revenue"}
    lines = {channel.name: channel.name.replace(".", "_") for channel in model.channels}
    return (
        f"# What {model.tool} becomes: a line of the plan for each channel, with its role behind a "
        "dot\n# (tv.brand, search.traffic), or with fields: tv: {line: tv.brand, outcome: lead}.\n"
        + dump_document({"channels": lines, "leave_out": []})
        + "# The rest of the scenario, as there. value: money per outcome, 1 where it is revenue.\n"
        + dump_document({"plan": plan})
    )


_SETTINGS = ", or max_lag, decay or hill_before_adstock in the map not those of the model"
"""What a posterior of Meridian does not hold."""


def _no_less(money: float) -> float:
    """Money rounded up to six digits: a budget that today's spend keeps."""
    if money <= 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(money)) - 5)
    return float(f"{math.ceil(money / unit) * unit:.6g}")


def _netcdf(path: Path, beside: Path | None, how: ModelMap, window: float) -> Model:
    """PyMC-Marketing or Meridian, told by the variables of the file."""
    with contents_of(path) as file:
        top, posterior, texts = set(file.names()), set(file.names("posterior")), file.texts
    if top & {meridian.CURVES, meridian.GRIDS}:
        return meridian.read_curves(path, window)
    if meridian.POSTERIORS in top | posterior:
        if beside is None:
            words = "is a Meridian posterior, which does not hold the scales of its data"
            advice = "Give the data as a second file, or import the response curves"
            raise PlanError(Fault("", words, advice, str(path)))
        shape = Shape(how.max_lag, how.decay, how.hill_before_adstock)
        rows = read_rows(beside)
        return meridian.read_posterior(path, rows, how.columns, shape, how.draws, str(beside))
    if posterior and "channel_columns" in texts:
        return read_pymc_marketing(path, how.draws)
    words = "holds no model that is known"
    advice = "Known: PyMC-Marketing's save(), Meridian's response curves, grid or posterior"
    raise PlanError(Fault("", words, advice, str(path)))


def _faithful(model: Model, how: ModelMap) -> None:
    """Refuse curves that are not those of the model."""
    wrong = [
        check
        for check in model.checks
        if check.off is not None and not check.off <= max(how.tolerance, check.precision)
    ]
    if wrong:
        told = ", ".join(f"{check.what} by {check.off:.2g}" for check in wrong)
        raise SourceError(
            "the imported curves do not bring what the model says, relative to its own figures: "
            f"{told}. The file may be of a refreshed model, or its data not those of the fit"
            f"{_SETTINGS if model.tool == 'Meridian' else ''}; "
            "tolerance: in the map accepts a difference"
        )


@dataclass(frozen=True)
class _Assembly:
    """A model and its map on their way to a scenario."""

    model: Model
    file: MapFile
    names: str
    """Of the model's files."""

    def imported(self) -> Imported:
        """The scenario.

        Raises:
            ScenarioError: with everything that does not fit.
        """
        how, channels = self.file.map, {c.name: c for c in self.model.channels}
        faults = self._unmapped(channels)
        steps, told = self._steps(faults)
        if faults:
            raise self.file.placed(PlanError(faults))
        lines: dict[str, dict[str, Any]] = {}
        draws: dict[str, Floats] = {}
        ranges: dict[str, dict[str, Any]] = {}
        notes = [*map(str, self.model.checks), *self.model.notes, *told]
        for name, place in how.channels.items():
            body, moving, limits, remarks = self._line(channels[name], place, steps)
            lines[place.line] = body
            path = f"channels.{place.line}"
            draws |= {f"{path}.{key}": values for key, values in moving.items()}
            ranges |= {f"{path}.{key}": item for key, item in limits.items()}
            notes += [f"{name}: {remark}" for remark in remarks]
        document = {"name": f"From {self.model.tool}", **how.plan, "channels": _nested(lines)}
        document["origins"] = {
            **{key: _OF_THE_MAP for key in ("value", "objective") if key in how.plan},
            **{
                f"channels.{place.line}": self._origin(channels[name])
                for name, place in how.channels.items()
            },
        }
        try:
            plan = from_document(document)
        except PlanError as error:
            raise self.file.placed(error) from None
        left = [name for name in how.leave_out if name in channels]
        notes += [f"left out: {', '.join(left)}"] if left else []
        return Imported(self.model, plan, _thinned(draws), ranges, tuple(notes))

    def _unmapped(self, channels: Mapping[str, Channel]) -> list[Fault]:
        """Channels without a line, and lines without a channel."""
        how = self.file.map
        faults = [
            Fault(f"{key}.{name}", "is no channel of the model", nearest(name, channels))
            for key, names in (("channels", how.channels), ("leave_out", how.leave_out))
            for name in names
            if name not in channels
        ]
        missing = [n for n in channels if n not in how.channels and n not in how.leave_out]
        if missing:
            words = f"says nothing of {', '.join(missing)}"
            advice = f"Give each a line ({missing[0]}: channel.role), or put it under leave_out"
            faults.append(Fault("channels", words, advice))
        single = {p.line for p in how.channels.values() if "." not in p.line}
        for name, place in how.channels.items():
            if "." in place.line and place.line.split(".")[0] in single:
                words = f"{place.line.split('.')[0]} is a line itself"
                faults.append(Fault(f"channels.{name}.line", words, "Give that line a role"))
        return faults

    def _steps(self, faults: list[Fault]) -> tuple[float, list[str]]:
        """The model's periods in one of the plan, and what to say of it."""
        how, periods = self.file.map, self.file.map.plan.get("periods")
        every = how.every or self.model.every
        ours = periods.get("every", "month") if isinstance(periods, dict) else None
        if how.steps is not None:
            return how.steps, []
        if ours in _DAYS and every is not None:
            steps = 1.0 if ours == every else _DAYS[str(ours)] / _DAYS[every]
            return steps, []
        if every is not None:
            words = f"is missing: the model's periods are a {every} each, and the plan has none"
            faults.append(Fault("steps", words, f"Say how many times a {every} the plan lasts"))
        elif self.model.channels and isinstance(periods, dict):
            words = "the curves are taken to be for one period of the plan; every: or steps: in "
            return 1.0, [f"{words}the map says otherwise"]
        return 1.0, []

    def _line(
        self, channel: Channel, place: Placed, steps: float
    ) -> tuple[dict[str, Any], dict[str, Floats], dict[str, Any], list[str]]:
        """A line's document, its draws and limits by path below it, and remarks."""
        today = channel.today
        response = channel.response if steps == 1.0 else channel.response.stretched(steps)
        now = place.current if place.current is not None else (today or 0.0) * steps
        remarks = list(channel.notes)
        body: dict[str, Any] = {"role": place.role} if place.role else {}
        body["curve"] = response.stated(now)
        known = ("outcome", "value", "minimum", "maximum")
        body |= {k: getattr(place, k) for k in known if getattr(place, k) is not None}
        body |= {"tags": dict(place.tags)} if place.tags else {}
        if today is not None or place.current is not None:
            body["current"] = now
        if channel.spend.size and channel.spend.max() > 0:
            body["observed"] = float(channel.spend.max()) * steps
        elif response.kind == "points":
            body["observed"] = float(body["curve"]["spend"][-1])
        moving: dict[str, Floats] = {}
        if isinstance(response, Formula):
            moving = response.uncertain()
        if channel.carryover is not None:
            periods = isinstance(self.file.map.plan.get("periods"), dict)
            if steps == 1.0 and periods:
                body["carryover"] = dict(channel.carryover)
                moving |= {f"carryover.{k}": v for k, v in channel.lags.items()}
            else:
                why = (
                    "the plan's periods are not the model's"
                    if periods
                    else "the plan has no periods"
                )
                remarks.append(f"carry-over is left out, as {why}; the curve is that of even spend")
        limits: dict[str, Any] = {}
        factors = None if isinstance(response, Formula) else response.factors(now)
        if (factors is not None and np.ptp(factors) > 0) or channel.range is not None:
            worth = self._worth(place)
            if worth is None:
                remarks.append("how sure it is, is left out: give the line a value to hold it")
            else:
                body["value"] = worth
                if factors is not None and np.ptp(factors) > 0:
                    moving["value"] = factors * worth
                elif channel.range is not None:
                    limits["value"] = _between(channel.range)
        return body, moving, limits, remarks

    def _worth(self, place: Placed) -> float | None:
        """Money per outcome of the line, if it is stated; a stage of the funnel has its own."""
        if place.outcome is not None:
            return None
        stated = place.value if place.value is not None else self.file.map.plan.get("value")
        try:
            return None if stated is None else parse_money(stated)
        except ValueError:
            return None  # told where the plan is made

    def _origin(self, channel: Channel) -> dict[str, str]:
        """Where a line's curve comes from, and how far it agrees with its model."""
        remarks = [f"Channel {channel.name}."]
        remarks += [
            f"Contributions: {str(check).partition(': ')[2]}."
            for check in self.model.checks
            if check.what == channel.name
        ]
        if channel.response.count > 1:
            remarks.append(f"Made from {channel.response.count:,} draws.")
        source = f"{self.model.tool}: {self.names}"
        return {"source": source, "grade": "B", "note": " ".join(remarks)}


def _between(limits: tuple[float, float, float]) -> dict[str, Any]:
    """Limits as factors; normal where the lower is not above zero."""
    low, high, sure = limits
    body: dict[str, Any] = {"between": [low, high], "sure": sure, "times": True}
    return body if low > 0 else {**body, "form": "normal", "least": 0.0}


def _nested(lines: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Lines by their names as a scenario has them: by channel, then by role."""
    nested: dict[str, Any] = {}
    for line, body in lines.items():
        channel, _, rest = line.partition(".")
        if rest:
            nested.setdefault(channel, {})[rest] = body
        else:
            nested[channel] = body
    return nested


def _thinned(draws: Mapping[str, Floats]) -> dict[str, Floats]:
    """The draws, every so many of them where they are more than a scenario takes.

    Raises:
        PlanError: they are not of one length, so that nobody knows which belong together.
    """
    lengths = {path: len(values) for path, values in draws.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{path} {count:,}" for path, count in lengths.items())
        raise PlanError(Fault("", f"the channels have not as many draws each: {told}"))
    every = -(-sum(lengths.values()) // MOST_VALUES) or 1
    return {path: values[::every] for path, values in draws.items()}
