"""The map of an import: what a model does not say of its channels, and the plan around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from optimizer.errors import Fault, PlanError, ScenarioError, nearest
from optimizer.plan.stated import sorted_mapping, stated
from optimizer.plan.units import Amount, Money, Positive, Proportion
from optimizer.sources.layers import Spot, placed
from optimizer.sources.scenario import read_written

__all__ = ["MapFile", "ModelMap", "Placed", "read_map"]

_OWN = ("channels", "uncertainty", "origins", "extends", "what_ifs")


def _channel_and_name(line: str) -> str:
    words = line.split(".")
    if not 1 <= len(words) <= 2 or not all(word.strip() for word in words):
        raise ValueError(f"{line!r:.60} is no line; write channel or channel.role")
    return line


def _written_short(value: Any) -> Any:
    """``tv_S: streaming.brand`` is short for ``tv_S: {line: streaming.brand}``."""
    return {"line": value} if isinstance(value, str) else value


@stated
class Placed:
    """The line of the plan that a channel of the model becomes."""

    line: Annotated[str, AfterValidator(_channel_and_name)]
    """``channel.role``, such as ``search.traffic``, or ``channel``."""
    role: Literal["brand", "traffic"] | None = None
    """Where the line's name does not say."""
    outcome: str | None = None
    """The stage of the funnel that its outcomes are."""
    value: Money | None = None
    """Money per outcome; 1 where the model's outcome is revenue."""
    current: Money | None = None
    """Today's spend per period; absent: the mean of the model's data."""
    minimum: Amount = 0.0
    """Least spend per period."""
    maximum: Amount | None = None
    """Most spend per period."""
    tags: Annotated[dict[str, str], AfterValidator(sorted_mapping)] = Field(default_factory=dict)
    """Free labels, such as ``{market: de}``."""


@stated
class ModelMap:
    """What a model becomes."""

    channels: dict[str, Annotated[Placed, BeforeValidator(_written_short)]]
    """The model's channel to the line of the plan: ``tv_S: streaming.brand``, or a mapping."""
    plan: dict[str, Any] = Field(default_factory=dict)
    """The rest of the scenario, as there: name, budget, currency, business, periods, funnel …"""
    leave_out: tuple[str, ...] = ()
    """Channels of the model that are not wanted."""
    every: Literal["day", "week", "month", "quarter"] | None = None
    """How long the model's periods are, where its file does not say."""
    steps: Positive | None = None
    """The model's periods in one of the plan; absent: by the calendar, or 1."""
    window: Positive | None = None
    """Periods that the spends and outcomes of exported curves are totals of; absent: 1."""
    draws: Annotated[int, Field(ge=1, le=10_000)] = 400
    """Draws of a posterior that are kept, evenly."""
    tolerance: Annotated[Proportion, Field(lt=1)] = 0.0
    """How far the imported contributions may be from the model's own, beyond rounding."""
    columns: Annotated[dict[str, str], AfterValidator(sorted_mapping)] = Field(default_factory=dict)
    """What the columns of a table are called: ``{spend: cost, outcome: sales}``."""
    max_lag: Annotated[int, Field(ge=0, le=400)] = 8
    """Meridian's ``max_lag``, which its posterior does not hold."""
    decay: Literal["geometric", "binomial"] = "geometric"
    """Meridian's ``adstock_decay_spec``."""
    hill_before_adstock: bool = False
    """Meridian's setting of that name."""

    def __post_init__(self) -> None:
        lines: dict[str, str] = {}
        for name, placed_ in self.channels.items():
            if placed_.line in lines:
                both = f"{lines[placed_.line]} and {name}"
                raise ValueError(f"{both} both become {placed_.line}; give each a line of its own")
            lines[placed_.line] = name
        wrong = [key for key in self.plan if key in _OWN]
        if wrong:
            raise ValueError(f"plan.{wrong[0]} comes from the model; drop it")
        twice = sorted(set(self.leave_out) & set(self.channels))
        if twice:
            raise ValueError(f"{twice[0]} is under channels and under leave_out; keep one")


@dataclass(frozen=True)
class MapFile:
    """A map as it was read, and where everything in it stands."""

    map: ModelMap
    spots: Mapping[str, Spot]
    source: str

    def placed(self, error: PlanError) -> ScenarioError:
        """An error about the scenario, told by the places in the map that it comes from."""
        lines = {f"channels.{p.line}": f"channels.{name}" for name, p in self.map.channels.items()}
        faults = [self._moved(fault, lines) for fault in error.faults]
        return ScenarioError(placed(faults, self.spots))

    def _moved(self, fault: Fault, lines: Mapping[str, str]) -> Fault:
        for line, own in lines.items():
            if fault.path == line or fault.path.startswith(f"{line}."):
                return replace(fault, path=own + fault.path[len(line) :])
        if fault.path.split(".")[0] in {"channels", ""}:
            return fault
        return fault.below("plan")


def read_map(path: Path) -> MapFile:
    """The map in a YAML file.

    Raises:
        ScenarioError: with every fault at once, each with its line and column.
    """
    written, faults = read_written(path)
    known = [field.name for field in fields(ModelMap)]
    body = {key: value for key, value in written.document.items() if key in known}
    faults += placed(
        [
            Fault(key, "is not known here", nearest(key, known))
            for key in written.document
            if key not in known
        ],
        written.spots,
    )
    made = None
    try:
        made = ModelMap(**body)
    except PlanError as error:
        faults += placed(error.faults, written.spots)
    if faults or made is None:
        raise ScenarioError(faults)
    return MapFile(made, written.spots, str(path))
