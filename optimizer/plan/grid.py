"""The grid of decisions, and linear conditions on it.

A :class:`Grid` holds a plan's lines as columns — one array per property, never one object per
line — so that a rule is written once for eight lines and for a million. A :class:`Row` is one
linear condition on spend, outcomes and switches; every business rule turns into rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
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
    from .flows import Flows
    from .plan import Line, Plan

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
    PERIODS = "periods"
    UNITS = "units"
    """Units of a weighted sum."""


class SwitchKind(StrEnum):
    """What is decided with yes or no about a line."""

    ON = "on"
    """A cell gets money at all."""
    USED = "used"
    """A line gets money in any period."""
    UP = "up"
    """A line gets more than today, over all periods."""
    DOWN = "down"
    """A line gets less than today, over all periods."""


@dataclass(frozen=True, order=True)
class Switch:
    """A yes-or-no decision."""

    kind: SwitchKind
    line: int
    """The cell for ON, which is the line without periods; the line for all others."""


@dataclass(frozen=True)
class Sum:
    """A weighted sum over some positions of an array: Σⱼ coefficientⱼ · array[indexⱼ]."""

    index: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, np.intp))
    coefficient: Floats = field(default_factory=lambda: np.zeros(0))

    def of(self, array: Floats) -> float:
        """The sum for one array."""
        return float(self.coefficient @ array[self.index])

    def dense(self, n: int) -> Floats:
        """The coefficient at every position of an array, shape (n,)."""
        found = np.zeros(n)
        found[self.index] = self.coefficient
        return found

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
    """Over columns: the cells, then the stocks that follow from them."""
    outcomes: Sum = field(default_factory=Sum)
    """Over terms: one outcome per column."""
    switches: tuple[tuple[Switch, float], ...] = ()
    penalty: float | None = None
    """Objective lost per unit of violation; None: the rule is hard."""
    definition: bool = False
    """It says what a switch means; it is neither priced nor eased."""


@dataclass(frozen=True, eq=False)
class Grid:
    """The cells of a plan, line × period, as columns; every array has shape (n_cells,).

    The periods of a line stand next to one another. Without periods a cell is a line. Money is per
    period.
    """

    names: NDArray[np.str_]
    """The line of each cell, by name."""
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
    """Units of each stage per outcome of each line, sooner or later."""
    periods: tuple[str, ...] = ("",)
    """Names of the periods in which money is spent; one without a name in a plan without."""
    flows: Flows | None = None
    """What follows from spend over time and through a limited funnel; None where outcomes are
    those of the cells and nothing else follows."""

    @classmethod
    def of(cls, plan: Plan) -> Grid:
        """The columns of *plan*'s lines."""
        lines = plan.lines
        budget = np.inf if plan.budget is None else plan.budget
        if isinstance(lines, LineTable):
            return cls._of_table(lines, budget, np.nan if plan.value is None else plan.value)

        funnel, periods = plan.funnel, plan.periods
        labels = ("",) if periods is None else periods.planned
        n = len(labels)

        def money(amount: float | Percent | None, absent: float) -> float:
            """A share is one of an average period's budget."""
            if amount is None:
                return absent
            return amount.share * budget / n if isinstance(amount, Percent) else amount

        def column(values: Iterable[float]) -> Floats:
            return np.repeat(np.fromiter(values, float, len(lines)), n)

        def text(values: Iterable[str]) -> NDArray[np.str_]:
            return np.repeat(np.array(list(values)), n)

        locked = [line.locked is not None for line in lines]
        tag_names = sorted({tag for line in lines for tag in line.tags})
        stages = () if funnel is None else funnel.stages
        grid = cls(
            names=text(line.name for line in lines),
            channel=text(line.channel for line in lines),
            role=text(line.role or "" for line in lines),
            tags={tag: text(line.tags.get(tag, "") for line in lines) for tag in tag_names},
            stage=text(line.outcome or "" for line in lines),
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
            periods=labels,
        )
        for index, line in enumerate(lines):
            grid._fix(index, line)
        from .flows import has_flows
        from .layout import flows_of

        return replace(grid, flows=flows_of(plan, grid)) if has_flows(plan) else grid

    def _fix(self, index: int, line: Line) -> None:
        """Set the cells whose money is fixed, or that stay off."""
        path, first = f"channels.{line.name}", index * self.n_periods
        for word, fixed in (
            ("locked_in", line.locked_in.items()),
            ("blackout", [(label, 0.0) for label in line.blackout]),
        ):
            for label, money in fixed:
                if label not in self.periods:
                    raise PlanError(
                        Fault(
                            f"{path}.{word}.{label}",
                            "is no period of the plan",
                            f"Periods are {self.periods[0]} to {self.periods[-1]}"
                            if self.periods != ("",)
                            else "Give the plan periods",
                        )
                    )
                cell = first + self.periods.index(label)
                self.minimum[cell] = self.maximum[cell] = money
                self.minimum_if_active[cell] = 0.0

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
    def n_cells(self) -> int:
        """How many cells there are."""
        return len(self.names)

    @property
    def n_periods(self) -> int:
        """In how many periods money is spent."""
        return len(self.periods)

    @property
    def n_lines(self) -> int:
        """How many lines there are."""
        return len(self.names) // self.n_periods

    @property
    def n_columns(self) -> int:
        """How many columns a problem has: the cells, and the stocks that follow from them."""
        return self.n_cells if self.flows is None else self.flows.n_columns

    def by_line(self, values: Floats) -> Floats:
        """The sum of a column over the periods of each line, shape (n_lines,)."""
        return np.asarray(values.reshape(-1, self.n_periods).sum(axis=1), float)

    @property
    def line_names(self) -> NDArray[np.str_]:
        """The name of each line, shape (n_lines,)."""
        return self.names[:: self.n_periods]

    @property
    def upper(self) -> Floats:
        """The most a line may get: its maximum, or the whole budget."""
        return np.minimum(self.maximum, self.budget)

    def field(self, name: str) -> NDArray[np.str_]:
        """The column called *name*: line, channel, role, outcome, period or a tag."""
        fixed = {
            "line": self.names,
            "channel": self.channel,
            "role": self.role,
            "outcome": self.stage,
        }
        if name in fixed:
            return fixed[name]
        if name == "period" and self.n_periods > 1:
            return np.tile(np.array(self.periods), self.n_lines)
        if name in self.tags:
            return self.tags[name]
        raise UnknownName.of("field", name, [*fixed, *self.tags, "name", *self._period_field])

    def select(self, where: Mapping[str, tuple[str, ...]]) -> Mask:
        """Which cells *where* means, shape (n_cells,); a name that selects nothing is an error."""
        chosen = np.ones(self.n_cells, bool)
        for name, values in where.items():
            columns = (
                (self.names, self.channel, self.role) if name == "name" else (self.field(name),)
            )
            any_value = np.zeros(self.n_cells, bool)
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
        """The cells in groups: all as one for ``total``, else one group per value of a field."""
        if per == "total":
            return {"": np.ones(self.n_cells, bool)}
        column = self.field(per)
        return {str(value): column == value for value in np.unique(column) if value}

    @property
    def _period_field(self) -> list[str]:
        return ["period"] if self.n_periods > 1 else []

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

    def counted(self, stage: str | None, cells: Mask) -> tuple[Sum, Sum]:
        """How many units of a stage some cells bring: sums over columns and over terms.

        None for the stage counts all outcomes as the curves give them.
        """
        if self.flows is not None:
            return self.flows.counted(stage, cells)
        if stage is None:
            return Sum(), sum_of(cells.astype(float))
        if stage not in self.stages:
            raise UnknownName.of("stage", stage, self.stages)
        return Sum(), sum_of(self.stages[stage] * cells)

    def valued(self, cells: Mask) -> tuple[Sum, Sum]:
        """Money of value that some cells bring: sums over columns and over terms."""
        if self.flows is not None:
            return self.flows.valued(cells)
        return Sum(), sum_of(self.values() * cells)

    def working(self, stage: str | None, cells: Mask) -> Iterator[tuple[int, Any, float, float]]:
        """Column, curve, exposure per unit, and units of a stage per outcome of some lines."""
        if self.flows is None:
            raise PlanError(Fault("", "a table of lines knows no marginal cost", "Cap the average"))
        return self.flows.working(stage, cells)

    def label(self, column: int) -> str:
        """A column in words."""
        return str(self.names[column]) if self.flows is None else self.flows.label(column)

    def worths(self) -> tuple[Floats, Floats]:
        """Money per outcome of each term and per unit of each column; both (n_columns,).

        Raises:
            PlanError: some line has no value.
        """
        values = self.values()
        if self.flows is None:
            return values, np.zeros(self.n_columns)
        return self.flows.worths

    def counts(self, stage: str | None) -> tuple[Floats, Floats]:
        """Units of a stage per outcome of each term and per unit of each column."""
        columns, terms = self.counted(stage, np.ones(self.n_cells, bool))
        return terms.dense(self.n_columns), columns.dense(self.n_columns)
