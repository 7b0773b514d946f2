"""Business rules. The union :data:`Constraint` is the registry.

Each rule is one class with its formula and one method, ``rows(grid)``, that turns it into linear
conditions. Every rule has a ``name``, and a ``penalty`` (objective lost per unit of violation) that
makes it soft.

Symbols: x spend per line and period, t outcome, S the cells (line × period) that ``where`` selects.
"""

from __future__ import annotations

from typing import Annotated, get_args

from pydantic import Field

from optimizer.plan.units import Percent

from .decisions import ActiveLines, Changes
from .outcomes import CostCap, Target
from .sums import (
    PRESETS,
    Preset,
    PresetName,
    Ratio,
    Share,
    Spend,
    SpendAll,
    Split,
    Weighted,
    with_shares,
)
from .timing import Flights, Pacing

__all__ = [
    "CONSTRAINTS",
    "PRESETS",
    "ActiveLines",
    "Changes",
    "Constraint",
    "CostCap",
    "Flights",
    "Pacing",
    "Preset",
    "PresetName",
    "Ratio",
    "Share",
    "Spend",
    "SpendAll",
    "Split",
    "Target",
    "Weighted",
    "reads_budget",
    "with_shares",
]

Constraint = Annotated[
    Split
    | Spend
    | Share
    | Ratio
    | Weighted
    | Pacing
    | Flights
    | Target
    | CostCap
    | ActiveLines
    | Changes
    | SpendAll,
    Field(discriminator="kind"),
]
"""Any rule, told apart by ``kind``."""

CONSTRAINTS: tuple[type, ...] = get_args(get_args(Constraint)[0])


# Their rows hold shares of the spend, weights and outcomes: nothing that is money of the budget.
_APART_FROM_BUDGET = (Split, Share, Ratio, Weighted, Target)


def reads_budget(rule: Constraint) -> bool:
    """Whether the rows of *rule* may change when the budget does.

    A line's bounds may be shares of the budget, so a rule that reads them does, too.
    """
    if isinstance(rule, Spend):
        return isinstance(rule.at_least, Percent) or isinstance(rule.at_most, Percent)
    return not isinstance(rule, _APART_FROM_BUDGET)
