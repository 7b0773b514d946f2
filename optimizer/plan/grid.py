"""The grid of decisions, and linear conditions on it.

A :class:`Grid` holds a plan's lines as columns — one array per property, never one object per
line — so that a rule is written once for eight lines and for a million. A :class:`Row` is one
linear condition on spend, outcomes and switches; every business rule turns into rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, WithJsonSchema

from optimizer.errors import Fault, PlanError, UnknownName

from .curves import Floats
from .table import LineTable
from .units import Percent

if TYPE_CHECKING:
    from .plan import Plan

__all__ = ["Grid", "Row", "Sum", "Switch", "SwitchKind", "Unit", "Where", "sum_of"]

Mask = NDArray[np.bool_]


def parse_where(value: Any) -> Any:
    """A selection of lines: a short name, a list of them, or a mapping of field to values."""
    if value is None:
        return {}
    if isinstance(value, str):
        return {"name": (value,)}
    if isinstance(value, Mapping):
        return {str(key): _values(key, item) for key, item in sorted(value.items())}
    if isinstance(value, Iterable):
        return {"name": tuple(value)}
    raise ValueError(f"{value!r} selects nothing; give a name, a list, or field: value")


def _values(key: object, item: object) -> tuple[object, ...]:
    if isinstance(item, str):
        return (item,)
    if isinstance(item, list | tuple):
        return tuple(item)
    raise ValueError(f"{key} {item!r} selects nothing; give a text or a list of texts")


Where = Annotated[
    dict[str, tuple[str, ...]],
    BeforeValidator(parse_where),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}},
                {
                    "type": "object",
                    "additionalProperties": {
                        "anyOf": [
                            {"type": "string"},
                            {"type": "array", "items": {"type": "string"}},
                        ]
                    },
                },
            ]
        }
    ),
]
"""Which lines: empty for all; ``search``, ``search.brand`` or ``{role: brand, market: [de, at]}``.

The field ``name`` takes short names: of a line, a channel or a role.
"""


class Unit(StrEnum):
    """What a row is measured in."""

    MONEY = "money"
    OUTCOMES = "outcomes"
    LINES = "lines"
    UNITS = "units"
    """Units of a weighted sum."""


class SwitchKind(StrEnum):
    """What is decided with yes or no about a line."""

    ON = "on"
    """It gets money at all."""
    UP = "up"
    """It gets more than today."""
    DOWN = "down"
    """It gets less than today."""


@dataclass(frozen=True, order=True)
class Switch:
    """A yes-or-no decision about one line."""

    kind: SwitchKind
    line: int


@dataclass(frozen=True)
class Sum:
    """A weighted sum over some positions of an array: Σⱼ coefficientⱼ · array[indexⱼ]."""

    index: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, np.intp))
    coefficient: Floats = field(default_factory=lambda: np.zeros(0))

    def of(self, array: Floats) -> float:
        """The sum for one array."""
        return float(self.coefficient @ array[self.index])

    def __bool__(self) -> bool:
        """Whether there is anything in the sum."""
        return self.index.size > 0


def sum_of(weights: Floats) -> Sum:
    """The sum with the given weight at every position, zeros left out."""
    index = np.flatnonzero(weights)
    return Sum(index, np.asarray(weights, float)[index])


@dataclass(frozen=True)
class Row:
    """lower ≤ spend + outcomes + switches ≤ upper, one linear condition of a rule."""

    rule: str
    """Name of the rule it belongs to."""
    part: str
    """Which part of the rule, such as ``brand`` or ``market=de``; may be empty."""
    unit: Unit
    """What both sides are measured in."""
    lower: float = -np.inf
    upper: float = np.inf
    spend: Sum = field(default_factory=Sum)
    """Over lines."""
    outcomes: Sum = field(default_factory=Sum)
    """Over lines: one outcome per line."""
    switches: tuple[tuple[Switch, float], ...] = ()
    penalty: float | None = None
    """Objective lost per unit of violation; None: the rule is hard."""
    definition: bool = False
    """It says what a switch means; it is neither priced nor eased."""


@dataclass(frozen=True, eq=False)
class Grid:
    """The lines of a plan as columns; every array has shape (n_lines,). Money is per period."""

    names: NDArray[np.str_]
    channel: NDArray[np.str_]
    role: NDArray[np.str_]
    """``brand``, ``traffic`` or empty."""
    tags: Mapping[str, NDArray[np.str_]]
    """One array per tag; empty text where a line lacks it."""
    stage: NDArray[np.str_]
    """The stage of the funnel each line feeds; empty without one."""
    minimum: Floats
    maximum: Floats
    """Infinite where only the budget limits."""
    minimum_if_active: Floats
    current: Floats
    """Today's spend; NaN where unknown."""
    value: Floats
    """Money per outcome of each line; NaN where none is given."""
    budget: float
    """Ceiling on all spend; infinite without one."""
    stages: Mapping[str, Floats]
    """Units of each stage per outcome of each line."""

    @classmethod
    def of(cls, plan: Plan) -> Grid:
        """The columns of *plan*'s lines."""
        lines = plan.lines
        budget = np.inf if plan.budget is None else plan.budget
        if isinstance(lines, LineTable):
            return cls._of_table(lines, budget, np.nan if plan.value is None else plan.value)

        def money(amount: float | Percent | None, absent: float) -> float:
            if amount is None:
                return absent
            return amount.share * budget if isinstance(amount, Percent) else amount

        def column(values: Iterable[float]) -> Floats:
            return np.fromiter(values, float, len(lines))

        locked = [line.locked is not None for line in lines]
        tag_names = sorted({tag for line in lines for tag in line.tags})
        funnel = plan.funnel
        stages = () if funnel is None else funnel.stages
        return cls(
            names=np.array([line.name for line in lines]),
            channel=np.array([line.channel for line in lines]),
            role=np.array([line.role or "" for line in lines]),
            tags={tag: np.array([line.tags.get(tag, "") for line in lines]) for tag in tag_names},
            stage=np.array([line.outcome or "" for line in lines]),
            minimum=column(
                money(line.locked if lock else line.minimum, 0.0)
                for line, lock in zip(lines, locked, strict=True)
            ),
            maximum=column(
                money(line.locked if lock else line.maximum, np.inf)
                for line, lock in zip(lines, locked, strict=True)
            ),
            minimum_if_active=column(money(line.minimum_if_active, 0.0) for line in lines),
            current=column(np.nan if line.current is None else line.current for line in lines),
            value=column(plan.value_of(line) for line in lines),
            budget=budget,
            stages={
                stage: column(plan.reach_of(line, stage) for line in lines) for stage in stages
            },
        )

    @classmethod
    def _of_table(cls, table: LineTable, budget: float, value: float) -> Grid:
        """The columns of a table, as they are."""
        known = ~np.isnan(table.value)
        return cls(
            names=table.name,
            channel=table.channel,
            role=table.role,
            tags=table.tags,
            stage=np.broadcast_to(np.array(""), len(table)),
            minimum=table.minimum,
            maximum=table.maximum,
            minimum_if_active=table.minimum_if_active,
            current=table.current,
            value=table.value if known.all() else np.where(known, table.value, value),
            budget=budget,
            stages={},
        )

    @property
    def n_lines(self) -> int:
        """How many lines there are."""
        return len(self.names)

    @property
    def upper(self) -> Floats:
        """The most a line may get: its maximum, or the whole budget."""
        return np.minimum(self.maximum, self.budget)

    def field(self, name: str) -> NDArray[np.str_]:
        """The column called *name*: line, channel, role, outcome or a tag."""
        fixed = {
            "line": self.names,
            "channel": self.channel,
            "role": self.role,
            "outcome": self.stage,
        }
        if name in fixed:
            return fixed[name]
        if name in self.tags:
            return self.tags[name]
        raise UnknownName.of("field", name, [*fixed, *self.tags, "name"])

    def select(self, where: Mapping[str, tuple[str, ...]]) -> Mask:
        """Which lines *where* means, shape (n_lines,); a name that selects nothing is an error."""
        chosen = np.ones(self.n_lines, bool)
        for name, values in where.items():
            columns = (
                (self.names, self.channel, self.role) if name == "name" else (self.field(name),)
            )
            any_value = np.zeros(self.n_lines, bool)
            for value in values:
                hit = np.logical_or.reduce([column == value for column in columns])
                if not hit.any():
                    known = {str(word) for column in columns for word in column if word}
                    kind = "line, channel or role" if name == "name" else name
                    raise UnknownName.of(kind, value, known)
                any_value |= hit
            chosen &= any_value
        if not chosen.any():
            raise PlanError(Fault("", f"no line is {dict(where)}", "Select lines that exist"))
        return chosen

    def groups(self, per: str) -> dict[str, Mask]:
        """The lines in groups: all as one for ``total``, else one group per value of a field."""
        if per == "total":
            return {"": np.ones(self.n_lines, bool)}
        column = self.field(per)
        return {str(value): column == value for value in np.unique(column) if value}

    def money(self, amount: float | Percent) -> float:
        """Money for an amount that may be a share of the budget."""
        return amount.share * self.budget if isinstance(amount, Percent) else float(amount)

    def values(self) -> Floats:
        """Money per outcome of each line; an error where some line has none."""
        missing = np.flatnonzero(np.isnan(self.value))
        if missing.size:
            names = ", ".join(self.names[missing[:5]]) + (" …" if missing.size > 5 else "")
            raise PlanError(
                Fault(
                    "value",
                    f"the objective counts money, but these lines have no value: {names}",
                    "Give value (money per outcome) on the plan or the lines, or funnel values",
                )
            )
        return self.value

    def reach(self, stage: str | None) -> Floats:
        """Units of *stage* per outcome of each line; ones for None (outcomes as they are)."""
        if stage is None:
            return np.ones(self.n_lines)
        if stage not in self.stages:
            raise UnknownName.of("stage", stage, self.stages)
        return self.stages[stage]
