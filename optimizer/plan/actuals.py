"""What happened: money spent and outcomes counted, by line and period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from optimizer.errors import Fault

from .curves import Floats
from .plan import Plan

__all__ = ["OUTCOME", "Actuals"]

OUTCOME = "outcome"
"""Name of the column of outcomes that counts what a line's own curve counts."""


@dataclass(frozen=True, eq=False)
class Actuals:
    """What was spent and what came of it, as far as it was reported.

    Arrays have shape (n_lines, n_periods). NaN stands for what was not reported, which is not the
    same as nothing.
    """

    spend: Floats
    """Money."""
    counts: Mapping[str, Floats] = field(default_factory=dict)
    """Outcomes by the name of their column: ``outcome`` for what a line's curve counts, or a stage
    of the funnel."""
    rows: NDArray[np.intp] | None = None
    """The row of the file that each was in, the first of several; 0 where there was none. None:
    they are of no file."""
    source: str = ""
    """The file."""
    remarks: tuple[Fault, ...] = ()
    """What was found and not used, or used only because it was asked for."""

    @property
    def reported(self) -> int:
        """How many periods there are up to and with the last that has any money reported."""
        there = np.flatnonzero(~np.isnan(self.spend).all(axis=0))
        return int(there[-1]) + 1 if there.size else 0

    def own(self, plan: Plan) -> Floats:
        """Outcomes as the lines' own curves count them: ``outcome``, else the stage each feeds."""
        found = np.array(self.counts.get(OUTCOME, np.full(self.spend.shape, np.nan)))
        for index, line in enumerate(plan.lines):
            stage = self.counts.get(line.outcome or "")
            if stage is not None:
                found[index] = np.where(np.isnan(found[index]), stage[index], found[index])
        return found
