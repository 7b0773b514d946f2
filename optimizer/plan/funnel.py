"""The funnel: what one outcome of a line is worth further down, when, and how much sales can take.

Stages follow one another (visit → lead → deal); a rate is the share of a stage that goes on to the
next, a delay the time that takes. So one visit is worth rate(visit)·rate(lead) deals, and its value
is the sum of the values of everything it leads to. What is beyond a stage's capacity is lost.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from .curves import Floats
from .periods import NumberOrSeries
from .stated import sorted_mapping, stated
from .units import Money, Positive, Proportion, parse_share

__all__ = ["Funnel", "Renewal", "Sorted"]


Sorted = AfterValidator(sorted_mapping)


def _delay(value: Any) -> Any:
    """Whole periods, or the shares that go on after none, one, two … periods."""
    if isinstance(value, list | tuple):
        shares = tuple(parse_share(item) for item in value)
        if abs(sum(shares) - 1.0) > 1e-9:
            raise ValueError(f"the shares add up to {sum(shares):.6g}; they must add up to 1")
        return shares
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 500:
        raise ValueError(f"{value!r} is no delay; give whole periods, or a list of shares")
    return value


Delay = Annotated[
    int | tuple[float, ...],
    BeforeValidator(_delay),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "array", "items": {"type": ["number", "string"]}},
            ]
        }
    ),
]


@stated
class Renewal:
    """Customers who buy again: contracts renewed, repeat orders, after-sales service."""

    rate: Proportion
    """Share that buys again each time."""
    years: Annotated[Positive, Field(le=100)]
    """Years after the first purchase that count."""
    per_year: Annotated[Positive, Field(le=366)] = 1.0
    """Chances to buy again in a year."""
    value: Proportion = 1.0
    """Worth of a further purchase as a share of the first."""

    def lifetime(self, discount: float) -> float:
        """Worth of a customer as a multiple of the first purchase.

        1 + Σₙ value · rateⁿ · (1 + discount)^(−n / per_year) over the further purchases n.
        """
        n = np.arange(1, int(np.floor(self.years * self.per_year + 1e-9)) + 1)
        kept = self.rate**n * (1.0 + discount) ** (-n / self.per_year)
        return float(1.0 + self.value * kept.sum())


@stated
class Funnel:
    """Stages, the share that goes on from each, and what a unit of each is worth."""

    stages: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names of the stages, first to last."""
    rates: Annotated[dict[str, Proportion], Sorted] = Field(default_factory=dict)
    """Share of a stage that goes on to the next, for every stage but the last."""
    value: Annotated[dict[str, Money], Sorted] = Field(default_factory=dict)
    """Money that one unit of a stage brings by itself, such as ``{deal: 42_000}``."""
    delays: Annotated[dict[str, Delay], Sorted] = Field(default_factory=dict)
    """Periods until a unit of a stage goes on to the next: a whole number, or the shares that do
    so after none, one, two … periods, such as ``[50%, 30%, 20%]``."""
    capacity: Annotated[dict[str, NumberOrSeries], Sorted] = Field(default_factory=dict)
    """Units of a stage that can be followed up in a period; what is beyond is lost."""
    renewal: Renewal | None = None
    """Purchases after the first; they raise the worth of the last stage that has a value."""

    def __post_init__(self) -> None:
        if len(set(self.stages)) != len(self.stages):
            raise ValueError("stages must have different names")
        missing = [stage for stage in self.stages[:-1] if stage not in self.rates]
        if missing:
            raise ValueError(f"rates are missing for {', '.join(missing)}")
        named = {*self.rates, *self.value, *self.delays, *self.capacity}
        if unknown := sorted(named - set(self.stages)):
            raise ValueError(f"no such stage: {', '.join(unknown)}; stages are {list(self.stages)}")
        if self.stages[-1] in self.delays:
            raise ValueError(f"nothing follows {self.stages[-1]}, so it has no delay")
        if self.renewal is not None and not self.value:
            raise ValueError("a renewal multiplies the value of a stage; give value")

    def reach(self, start: str, end: str) -> float:
        """Units of stage *end* that one unit of stage *start* leads to; 0 if it comes before."""
        first, last = self.stages.index(start), self.stages.index(end)
        if last < first:
            return 0.0
        share = 1.0
        for stage in self.stages[first:last]:
            share *= self.rates[stage]
        return share

    def values(self, discount: float = 0.0) -> dict[str, float]:
        """Money per unit of each stage by itself, further purchases in the last of them."""
        values = dict(self.value)
        if self.renewal is not None:
            last = max(values, key=self.stages.index)
            values[last] *= self.renewal.lifetime(discount)
        return values

    def worth(self, start: str, discount: float = 0.0) -> float:
        """Money that one unit of stage *start* brings, itself and further down."""
        values = self.values(discount)
        return sum(self.reach(start, stage) * value for stage, value in values.items())

    def waiting(self, stage: str) -> Floats:
        """Shares of a stage that go on after none, one, two … periods; they add up to one."""
        delay = self.delays.get(stage, 0)
        if isinstance(delay, tuple):
            return np.array(delay)
        return np.append(np.zeros(delay), 1.0)
