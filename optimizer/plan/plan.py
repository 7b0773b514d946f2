"""The question: lines, a budget, and the rules of the business."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field, GetPydanticSchema, WithJsonSchema
from pydantic_core import core_schema

from optimizer.errors import Fault, PlanError, UnknownName, nearest

from .carryover import Carryover, Goodwill
from .commitment import Commitment
from .constraints import PRESETS, Constraint, Split, with_shares
from .curves import Curve
from .flows import CAPACITY, STOCK
from .funnel import Funnel
from .grid import Grid, Row, SwitchKind
from .objectives import Objective, Profit
from .periods import Periods, Series, labelled, period_name
from .risk import Risk
from .stated import CURRENCY, sorted_mapping, stated
from .table import LineTable, rows_fault
from .uncertainty import Uncertainty
from .units import Amount, Money, Percent, Positive, parse_money

__all__ = ["BUSINESSES", "Line", "Origin", "Plan"]

Role = Literal["brand", "traffic"]

BUSINESSES = ("b2b", "b2c", "none")


def _no_dot(name: str) -> str:
    if not name.strip():
        raise ValueError("a name cannot be empty")
    if name == "*":
        raise ValueError("'*' stands for any word in a path; choose another name")
    if "." in name:
        raise ValueError(
            f"{name!r} has a dot; dots part the words of a path, use a space or a dash"
        )
    return name


def _labels(value: Any) -> Any:
    if isinstance(value, Iterable) and not isinstance(value, str | Mapping):
        return tuple(str(period_name(item)) for item in value)
    return value


def _before(value: Any) -> Any:
    if isinstance(value, list | tuple):
        if not value:
            raise ValueError("the list is empty; leave it out, or give 0")
        return tuple(parse_money(item) for item in value)
    return parse_money(value)


Before = Annotated[
    float | tuple[float, ...],
    BeforeValidator(_before),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": ["number", "string"]},
                {"type": "array", "items": {"type": ["number", "string"]}},
            ]
        }
    ),
]


@stated
class Line:
    """One budget line, the unit of decision: money for one channel in one role."""

    channel: Annotated[str, AfterValidator(_no_dot)]
    """Search, ecommerce, social, streaming, or any other."""
    curve: Curve
    """What it returns for its spend."""
    role: Role | None = None
    """``brand`` (slow, lasting) or ``traffic`` (fast, bought)."""
    outcome: str | None = None
    """The stage of the funnel its curve counts; absent without a funnel."""
    value: Money | None = None
    """Money per outcome; absent: the funnel's or the plan's."""
    price: Positive = 1.0
    """Price index of its media: at 1.3 the same money buys 1/1.3 as much."""
    minimum: Amount = 0.0
    """Least spend per period: money, or a share of an average period's budget (``10%``)."""
    maximum: Amount | None = None
    """Most spend per period: money, or a share of an average period's budget; absent: the whole
    budget."""
    minimum_if_active: Amount = 0.0
    """Least spend in a period if it gets any: either nothing, or at least this."""
    locked: Amount | None = None
    """Spend per period that is fixed already, by contract for example."""
    current: Money | None = None
    """Today's spend, per period."""
    observed: Money | None = None
    """The largest spend in a period its curve was ever seen at; beyond it the curve is a guess."""
    carryover: Carryover | None = None
    """What its earlier spend still does; absent: it works in its own period only."""
    before: Before | None = None
    """Spend before the plan, for carry-over and goodwill: one number held for ever, or the last
    periods one by one, the latest last. Absent: today's spend."""
    demand: Series | None = None
    """Season of its outcomes: what a period's are multiplied by, such as ``{Q4: 1.3}``."""
    prices: Series | None = None
    """Season of its media price, on top of ``price``, such as ``{nov: 1.4, dec: 1.5}``."""
    locked_in: Annotated[
        dict[str, Money], BeforeValidator(labelled), AfterValidator(sorted_mapping)
    ] = Field(default_factory=dict)
    """Spend that is fixed in some periods, such as ``{2027-03: 50_000}``."""
    blackout: Annotated[tuple[str, ...], BeforeValidator(_labels)] = ()
    """Periods in which it gets nothing."""
    tags: Annotated[dict[str, str], AfterValidator(sorted_mapping)] = Field(default_factory=dict)
    """Free labels, such as ``{market: de, product: cloud}``."""
    name: str = ""
    """``channel.role`` unless given; it must be the channel or begin with ``channel.``."""

    def __post_init__(self) -> None:
        name = self.name or (f"{self.channel}.{self.role}" if self.role else self.channel)
        if name != self.channel and (
            not name.startswith(f"{self.channel}.") or "." in name[len(self.channel) + 1 :]
        ):
            raise ValueError(f"name {name!r} must be {self.channel!r} or {self.channel}.something")
        object.__setattr__(self, "name", name)
        low, high = self.minimum, self.maximum
        if isinstance(low, float) and isinstance(high, float) and low > high:
            raise ValueError(
                f"minimum {low:g} is above maximum {high:g}; raise the maximum or lower the minimum"
            )
        if self.locked is not None and (low or high is not None or self.minimum_if_active):
            raise ValueError(
                "a locked line has no minimum, maximum or minimum_if_active; drop them"
            )


@stated
class Origin:
    """Where a number comes from, and how far it can be trusted."""

    source: str
    """Publication, contract, system, or who assumed it."""
    grade: Literal["A", "B", "C", "assumption", "given"] = "given"
    """A primary source · B credible secondary · C placeholder · assumption · given by the user."""
    as_of: str = ""
    """Date or year of the figure."""
    note: str = ""
    """What a reader should know of it."""


def _table_or_lines(_source: Any, handler: Any) -> core_schema.CoreSchema:
    """Lines one by one are checked one by one; a table has checked itself."""
    lines = handler.generate_schema(Annotated[tuple[Line, ...], Field(min_length=1)])
    return core_schema.no_info_wrap_validator_function(
        lambda given, check: given if isinstance(given, LineTable) else check(given), lines
    )


@stated
class Plan:
    """What the marketer asks: where the budget should go, under which rules, for which goal."""

    name: str
    """Title of the plan."""
    lines: Annotated[tuple[Line, ...] | LineTable, GetPydanticSchema(_table_or_lines)]
    """The budget lines: one by one, or very many as a table."""
    budget: Money | None = None
    """Ceiling on all spend; the rule spend_all makes it exact."""
    business: Literal["b2b", "b2c", "none"] = "none"
    """b2b: brand 60, traffic 40 · b2c: brand 40, traffic 60 · none: no split rule of its own."""
    split: Split | None = None
    """The brand:traffic rule; absent: the business's own."""
    currency: Annotated[str, Field(pattern=CURRENCY)] = "USD"
    """Three-letter code of all money in the plan."""
    objective: Objective = Field(default_factory=Profit)
    """What is to be made best."""
    value: Money | None = None
    """Money per outcome where a line and the funnel state none."""
    periods: Periods | None = None
    """The steps of time that money is planned in; absent: one period."""
    funnel: Funnel | None = None
    """Stages, what they are worth, and when."""
    goodwill: Goodwill | None = None
    """A slow stock that brand money fills."""
    constraints: tuple[Constraint, ...] = ()
    """Further rules, each with a name of its own."""
    uncertainty: Uncertainty | None = None
    """What may be otherwise than stated."""
    risk: Risk | None = None
    """Attitude to it; absent: the plan is made for the numbers as stated."""
    commitment: Commitment | None = None
    """What is bought before anybody knows; the rest waits until more shows."""
    origins: dict[str, Origin] = Field(default_factory=dict)
    """Where numbers come from: dotted path (``*`` stands for any word) to origin."""
    applied: tuple[str, ...] = ()
    """What was put on top of the file, in order: base files, what-ifs, settings."""

    def __post_init__(self) -> None:
        faults = [*self._name_faults(), *self._line_faults()]
        if not faults:
            faults = self._rule_faults()
        if faults:
            raise PlanError(faults)

    def _name_faults(self) -> list[Fault]:
        faults = []
        for where, names in (
            ("channels", [] if self._table else [line.name for line in self.lines]),
            ("constraints", [rule.name for rule in self.constraints]),
        ):
            faults += [
                Fault(f"{where}.{name}", "is there twice", "Give each a name of its own")
                for name, count in Counter(names).items()
                if count > 1
            ]
        stages = () if self.funnel is None else self.funnel.capacity
        own = {"split", "budget", STOCK, *(f"{CAPACITY} {stage}" for stage in stages)}
        reserved = own & {rule.name for rule in self.constraints}
        if reserved - {"split"} or ("split" in reserved and self.split is not None):
            faults.append(
                Fault("constraints", f"{sorted(reserved)[0]!r} is taken", "Choose another name")
            )
        return faults

    @property
    def _table(self) -> LineTable | None:
        return self.lines if isinstance(self.lines, LineTable) else None

    def _table_faults(self, table: LineTable) -> list[Fault]:
        """What a table cannot know of its plan."""
        faults = []
        if self.funnel is not None:
            faults.append(Fault("funnel", "a table of lines feeds no funnel", "Give value instead"))
        faults += [
            Fault(word, "a table of lines has one period", f"Drop {word}")
            for word in ("periods", "goodwill")
            if getattr(self, word) is not None
        ]
        if self.budget is None:
            faults += rows_fault(
                "maximum",
                np.isinf(table.maximum),
                "nothing limits the spend: there is no budget",
                "Give a budget, or a maximum on every line",
                table.first_row,
            )
        return faults

    def _time_faults(self) -> list[Fault]:
        """What needs periods, and goodwill's own names."""
        faults = []
        if self.periods is None:
            timed = ("carryover", "before", "demand", "prices", "locked_in", "blackout")
            faults += [
                Fault(f"channels.{line.name}.{word}", "there are no periods", "Give periods")
                for line in self.lines
                for word in timed
                if getattr(line, word) not in (None, {}, ())
            ]
            if self.funnel is not None and self.funnel.delays:
                faults.append(Fault("funnel.delays", "there are no periods", "Give periods"))
            if self.goodwill is not None:
                faults.append(Fault("goodwill", "there are no periods to last for", "Give periods"))
        else:
            faults += self._past_faults(self.periods)
        if self.goodwill is None:
            return faults
        names = [line.name for line in self.lines]
        faults += [
            Fault(f"goodwill.lifts.{name}", f"there is no line {name!r}", nearest(name, names))
            for name in self.goodwill.lifts
            if name not in names
        ]
        stages = () if self.funnel is None else self.funnel.stages
        stage = self.goodwill.outcome
        if stage is not None and stage not in stages:
            faults.append(
                Fault("goodwill.outcome", f"there is no stage {stage!r}", nearest(stage, stages))
            )
        elif stage is None and self.funnel is not None and self.goodwill.value is None:
            faults.append(
                Fault("goodwill.outcome", "is missing", f"Say which stage it feeds: {list(stages)}")
            )
        return faults

    def _past_faults(self, periods: Periods) -> list[Fault]:
        """Lines whose spend in a period that is over is not stated."""
        over = set(periods.planned[: periods.past])
        return [
            Fault(
                f"channels.{line.name}.locked_in",
                f"says nothing of {', '.join(sorted(unknown))}, which periods.past says is over",
                "Give what was spent",
            )
            for line in self.lines
            if line.locked is None and (unknown := over - {*line.locked_in, *line.blackout})
        ]

    def _line_faults(self) -> list[Fault]:
        if self._table:
            return self._table_faults(self._table)
        faults = self._time_faults()
        stages = () if self.funnel is None else self.funnel.stages
        for line in self.lines:
            path = f"channels.{line.name}"
            if self.funnel is None and line.outcome is not None:
                faults.append(
                    Fault(
                        f"{path}.outcome",
                        f"{line.outcome!r} is a stage, but there is no funnel",
                        "Give a funnel, or drop outcome",
                    )
                )
            elif self.funnel is not None and line.outcome is None and line.value is None:
                faults.append(
                    Fault(
                        f"{path}.outcome", "is missing", f"Say which stage it feeds: {list(stages)}"
                    )
                )
            elif line.outcome is not None and line.outcome not in stages:
                faults.append(
                    Fault(
                        f"{path}.outcome",
                        f"there is no stage {line.outcome!r}",
                        nearest(line.outcome, stages),
                    )
                )
            if self.budget is None:
                shares = [
                    word
                    for word in ("minimum", "maximum", "minimum_if_active", "locked")
                    if isinstance(getattr(line, word), Percent)
                ]
                faults += [
                    Fault(
                        f"{path}.{word}",
                        "is a share of the budget, but there is no budget",
                        "Give a budget, or money",
                    )
                    for word in shares
                ]
                if line.maximum is None and line.locked is None:
                    faults.append(
                        Fault(
                            path,
                            "nothing limits its spend: there is no budget",
                            "Give a budget, or a maximum on every line",
                        )
                    )
        return faults

    def _rule_faults(self) -> list[Fault]:
        """Every rule is asked for its rows, so that a name it does not know is found here."""
        faults: list[Fault] = []
        try:
            grid = self.grid
        except PlanError as error:
            return list(error.faults)

        def ask(path: str, question: Callable[[], object]) -> None:
            try:
                question()
            except PlanError as error:
                faults.extend(
                    fault if fault.path.startswith(path) else replace(fault, path=path)
                    for fault in error.faults
                )

        ask("objective", lambda: self.objective.weights(grid))
        for rule in self.constraints:
            ask(f"constraints.{rule.name}", lambda rule=rule: self._resolved(rule).rows(grid))  # type: ignore[misc]
        ask("split", lambda: [rule.rows(grid) for rule in self.rules[:1] if rule.name == "split"])
        if self.commitment is not None:
            commitment = self.commitment
            ask("commitment", lambda: commitment.cells(grid))
        if self.objective.kind == "lowest_spend" and not any(
            rule.kind == "target" for rule in self.constraints
        ):
            faults.append(
                Fault(
                    "objective",
                    "lowest_spend has no target to reach",
                    "Add a constraint of kind target, such as {kind: target, outcome: lead, "
                    "at_least: 5000}",
                )
            )
        return faults

    @cached_property
    def grid(self) -> Grid:
        """The cells, line × period, as columns."""
        return Grid.of(self)

    @property
    def rules(self) -> tuple[Constraint, ...]:
        """Every rule in force: the split first, if there is one, then the constraints."""
        own = tuple(self._resolved(rule) for rule in self.constraints)
        if self.split is not None:
            return (self._resolved(replace(self.split, name="split")), *own)
        by_role = any(isinstance(rule, Split) and rule.by == "role" for rule in own)
        if self.business == "none" or by_role:
            return own
        return (Split(preset=f"document-{self.business}"), *own)  # type: ignore[arg-type]

    @property
    def rows(self) -> list[Row]:
        """The linear conditions of every rule in force."""
        return [row for rule in self.rules for row in self.rows_of(rule)]

    def rows_of(self, rule: Constraint) -> tuple[Row, ...]:
        """The linear conditions of one rule on these lines."""
        return tuple(
            row if row.definition else replace(row, penalty=rule.penalty)
            for row in rule.rows(self.grid)
            if row.definition or rule.penalty is not None or self._is_open(row)
        )

    def _is_open(self, row: Row) -> bool:
        """Whether anything that a condition is about is still to come."""
        past, flows = 0 if self.periods is None else self.periods.past, self.grid.flows
        if not past or flows is None:
            return True
        columns = np.concatenate([row.spend.index, row.outcomes.index])
        when = [*flows.period[columns].tolist()]
        for switch, _ in row.switches:
            if switch.kind is not SwitchKind.ON:
                return True  # it is about all periods of its line
            when.append(int(flows.period[switch.line]))
        return not when or max(when) >= past

    def _resolved(self, rule: Constraint) -> Constraint:
        if not isinstance(rule, Split) or rule.shares is not None or rule.preset is not None:
            return rule
        if self.business == "none":
            raise PlanError(
                Fault(
                    "split" if rule.name == "split" else f"constraints.{rule.name}",
                    "states no shares, and business is none",
                    f"Give shares (6:4), a preset ({', '.join(PRESETS)}), or business b2b or b2c",
                )
            )
        return with_shares(rule, self.business)

    def line(self, name: str) -> Line:
        """The line called *name*.

        Raises:
            UnknownName: there is none; suggests the nearest.
        """
        found = np.flatnonzero(self.grid.line_names == name)
        if not found.size:
            raise UnknownName.of("line", name, self.grid.line_names[:10_000].tolist())
        return self.lines[int(found[0])]

    def value_of(self, line: Line) -> float:
        """Money per outcome of *line*; NaN where none is given."""
        if line.value is not None:
            return line.value
        if self.funnel is not None and line.outcome in self.funnel.stages:
            discount = 0.0 if self.periods is None else self.periods.discount
            worth = self.funnel.worth(line.outcome, discount)
            if worth > 0 or self.value is None:
                return worth if self.funnel.value else np.nan
        return np.nan if self.value is None else self.value

    def reach_of(self, line: Line, stage: str) -> float:
        """Units of *stage* per outcome of *line*."""
        if self.funnel is None or line.outcome is None or line.outcome not in self.funnel.stages:
            return 0.0
        return self.funnel.reach(line.outcome, stage)
