"""The funnel: what one outcome of a line is worth further down.

Stages follow one another (visit → lead → deal); a rate is the share of a stage that goes on to the
next. So one visit is worth rate(visit)·rate(lead) deals, and its value is the sum of the values of
everything it leads to.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from .stated import stated
from .units import Money, Proportion

__all__ = ["Funnel", "Sorted"]


def sorted_mapping(mapping: dict[str, float]) -> dict[str, float]:
    """The mapping with its keys in order, so that equal values print and hash alike."""
    return dict(sorted(mapping.items()))


Sorted = AfterValidator(sorted_mapping)


@stated
class Funnel:
    """Stages, the share that goes on from each, and what a unit of each is worth."""

    stages: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names of the stages, first to last."""
    rates: Annotated[dict[str, Proportion], Sorted] = Field(default_factory=dict)
    """Share of a stage that goes on to the next, for every stage but the last."""
    value: Annotated[dict[str, Money], Sorted] = Field(default_factory=dict)
    """Money that one unit of a stage brings by itself, such as ``{deal: 42_000}``."""

    def __post_init__(self) -> None:
        if len(set(self.stages)) != len(self.stages):
            raise ValueError("stages must have different names")
        missing = [stage for stage in self.stages[:-1] if stage not in self.rates]
        if missing:
            raise ValueError(f"rates are missing for {', '.join(missing)}")
        unknown = sorted({*self.rates, *self.value} - set(self.stages))
        if unknown:
            raise ValueError(f"no such stage: {', '.join(unknown)}; stages are {list(self.stages)}")

    def reach(self, start: str, end: str) -> float:
        """Units of stage *end* that one unit of stage *start* leads to; 0 if it comes before."""
        first, last = self.stages.index(start), self.stages.index(end)
        if last < first:
            return 0.0
        share = 1.0
        for stage in self.stages[first:last]:
            share *= self.rates[stage]
        return share

    def worth(self, start: str) -> float:
        """Money that one unit of stage *start* brings, itself and further down."""
        return sum(self.reach(start, stage) * value for stage, value in self.value.items())
