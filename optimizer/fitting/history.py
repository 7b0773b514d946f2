"""A history as arrays: what was spent and what came of it, by line, place and period."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from optimizer.errors import Fault
from optimizer.plan.curves import Floats

from .mapping import HistoryMap, MappedLine

__all__ = ["History"]


@dataclass(frozen=True, eq=False)
class History:
    """A checked history. Places are those of a panel (``geo``); without one there is a single one.

    Every place is taken for a small copy of the whole: its spend and outcomes over its share.
    """

    map: HistoryMap
    every: str
    """``week`` or ``month``."""
    labels: tuple[str, ...] = field(repr=False)
    """The periods, ``2027-W01`` or ``2027-01``."""
    place: Floats = field(repr=False)
    """The time of each period in years since the first, shape (n_periods,)."""
    outcome: Floats = field(repr=False)
    """What came of it, shape (n_places, n_periods)."""
    spend: Floats = field(repr=False)
    """Money, shape (n_lines, n_places, n_periods)."""
    controls: dict[str, Floats] = field(repr=False)
    """What else moved the outcome: name to values, each of shape (n_places, n_periods)."""
    places: tuple[str, ...] = ("",)
    size: Floats | None = field(default=None, repr=False)
    """The share of each place in the whole, shape (n_places,); absent: one place."""
    source: str = ""
    """The file, as people name it."""
    remarks: tuple[Fault, ...] = ()
    """What is worth knowing and no fault: columns that are not read, days that were summed."""

    @property
    def lines(self) -> tuple[MappedLine, ...]:
        """The lines, in the order of the map."""
        return self.map.lines

    @property
    def shares(self) -> Floats:
        """The share of each place in the whole, shape (n_places,)."""
        return np.ones(1) if self.size is None else self.size

    @property
    def n(self) -> int:
        """Number of periods."""
        return len(self.labels)

    @cached_property
    def total_spend(self) -> Floats:
        """Money of the whole, shape (n_lines, n_periods)."""
        return np.asarray(self.spend.sum(axis=1), float)

    @cached_property
    def total_outcome(self) -> Floats:
        """Outcomes of the whole, shape (n_periods,)."""
        return np.asarray(self.outcome.sum(axis=0), float)

    @cached_property
    def scaled_spend(self) -> Floats:
        """Spend of each place over its share: the whole's, as this place has it."""
        return self.spend / self.shares[None, :, None]

    @cached_property
    def scaled_outcome(self) -> Floats:
        """Outcomes of each place over its share."""
        return self.outcome / self.shares[:, None]

    def next_period(self) -> str:
        """The label of the first period after the history."""
        last = self.labels[-1]
        if self.every == "month":
            months = int(last[:4]) * 12 + int(last[5:])
            return f"{months // 12}-{months % 12 + 1:02d}"
        monday = datetime.date.fromisocalendar(int(last[:4]), int(last[6:]), 1)
        iso = (monday + datetime.timedelta(days=7)).isocalendar()
        return f"{iso.year}-W{iso.week:02d}"

    @property
    def per_year(self) -> float:
        """Periods in a year."""
        return 365.25 / 7 if self.every == "week" else 12.0
