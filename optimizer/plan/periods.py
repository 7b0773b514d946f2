"""Time: the periods of a plan, and numbers that change from one to the next."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field, WithJsonSchema

from optimizer.errors import Fault, PlanError, UnknownName

from .curves import Floats
from .stated import stated
from .units import Number, Proportion, parse_money

__all__ = ["ONE", "NumberOrSeries", "Periods", "Series", "labelled", "period_name"]

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_PER_YEAR = {"week": 365.25 / 7, "month": 12.0, "quarter": 4.0}
_FORMS = {
    "week": (r"(\d{4})-W(\d{2})", "2027-W01"),
    "month": (r"(\d{4})-(\d{2})", "2027-01"),
    "quarter": (r"(\d{4})-Q([1-4])", "2027-Q1"),
}
_LONGEST = 2_000


def period_name(value: Any) -> Any:
    """YAML reads 2027-01-04 as a date; a person means the text."""
    if isinstance(value, datetime.date):
        return value.isoformat()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def labelled(value: Any) -> Any:
    """A mapping of periods, whose names YAML may have read as dates or numbers."""
    if isinstance(value, Mapping):
        return {str(period_name(key)).strip(): item for key, item in value.items()}
    return value


def _series(value: Any) -> Any:
    """A list stays one; a mapping gets text keys and plain numbers."""
    if isinstance(value, Mapping):
        return {str(period_name(key)).strip(): parse_money(item) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return tuple(parse_money(item) for item in value)
    raise ValueError(f"{value!r} is neither a list nor a mapping of periods to numbers")


Series = Annotated[
    tuple[float, ...] | dict[str, float],
    BeforeValidator(_series),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "items": {"type": ["number", "string"]}},
                {"type": "object", "additionalProperties": {"type": ["number", "string"]}},
            ]
        }
    ),
]
"""Numbers over time: one per period of the plan, or a mapping of some periods to numbers.

A key is a period (``2027-03``), a calendar month (``nov``) or a quarter (``Q4``) of every year.
"""


@stated
class Periods:
    """The steps of time that money is planned in."""

    start: Annotated[str, BeforeValidator(period_name)]
    """The first: ``2027-01`` (month), ``2027-W01`` (ISO week) or ``2027-Q1`` (quarter)."""
    count: Annotated[int, Field(ge=1, le=_LONGEST)]
    """How many periods money is planned for."""
    every: Literal["week", "month", "quarter"] = "month"
    """How long each is."""
    horizon: Annotated[int, Field(ge=1, le=_LONGEST)] | None = None
    """Periods from the start over which outcomes count; absent: the plan's own, and what comes
    after its end counts for nothing."""
    discount: Proportion = 0.0
    """Yearly rate at which later money is worth less: 1 / (1 + rate)^years."""
    past: Annotated[int, Field(ge=0, le=_LONGEST)] = 0
    """How many periods from the start are over. Their spend is a fact, in ``locked_in``; what a
    hard rule asks of them alone is no longer asked."""

    def __post_init__(self) -> None:
        self._first()
        if self.past > self.count:
            raise ValueError(f"past {self.past} is more than the plan's {self.count} periods")
        if self.horizon is not None and self.horizon < self.count:
            raise ValueError(
                f"horizon {self.horizon} ends before the plan, which has {self.count} periods; "
                "give at least as many"
            )

    def _first(self) -> tuple[int, int]:
        """Year and number within it of the first period."""
        pattern, example = _FORMS[self.every]
        match = re.fullmatch(pattern, self.start)
        if match is None:
            raise ValueError(f"start {self.start!r} is not a {self.every}; write it like {example}")
        year, number = int(match[1]), int(match[2])
        if self.every == "week":
            try:
                datetime.date.fromisocalendar(year, number, 1)
            except ValueError:
                raise ValueError(f"{year} has no week {number}") from None
        elif self.every == "month" and not 1 <= number <= 12:
            raise ValueError(f"start {self.start!r}: there is no month {number}")
        return year, number

    @property
    def counted(self) -> int:
        """Periods over which outcomes count."""
        return self.count if self.horizon is None else self.horizon

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Names of the periods over which outcomes count; the first ``count`` are planned."""
        return tuple(self._label(s) for s in range(self.counted))

    @property
    def planned(self) -> tuple[str, ...]:
        """Names of the periods in which money is spent."""
        return self.labels[: self.count]

    def _label(self, step: int) -> str:
        year, number = self._first()
        if self.every == "week":
            day = datetime.date.fromisocalendar(year, number, 1) + datetime.timedelta(weeks=step)
            iso = day.isocalendar()
            return f"{iso.year}-W{iso.week:02d}"
        size = 12 if self.every == "month" else 4
        years, rest = divmod(number - 1 + step, size)
        return f"{year + years}-{'Q' if size == 4 else ''}{rest + 1:0{1 if size == 4 else 2}d}"

    def _months(self, step: int) -> set[int]:
        """Calendar months (1 to 12) that a period belongs to; a week to that of its Thursday."""
        year, number = self._first()
        if self.every == "week":
            day = datetime.date.fromisocalendar(year, number, 4) + datetime.timedelta(weeks=step)
            return {day.month}
        if self.every == "month":
            return {(number - 1 + step) % 12 + 1}
        first = 3 * ((number - 1 + step) % 4)
        return {first + 1, first + 2, first + 3}

    def names(self, step: int) -> set[str]:
        """What a person may call a period: its label, its month, its quarter; in lower case."""
        months = self._months(step)
        quarter = {f"q{(month - 1) // 3 + 1}" for month in months}
        month = {_MONTHS[m - 1] for m in months} if self.every != "quarter" else set()
        return {self._label(step).lower()} | quarter | month

    def calendar(self, unit: Literal["month", "quarter", "year"]) -> tuple[str, ...]:
        """The month, quarter or year that each counted period belongs to, such as ``2027-Q1``.

        A week belongs to the month of its Thursday, as its ISO year does.
        """
        return tuple(self._within(step, unit) for step in range(self.counted))

    def _within(self, step: int, unit: str) -> str:
        year = self._label(step)[:4]
        if unit == "year":
            return year
        month = min(self._months(step))
        return f"{year}-{month:02d}" if unit == "month" else f"{year}-Q{(month - 1) // 3 + 1}"

    @property
    def worth(self) -> Floats:
        """What a unit of money in each counted period is worth today, shape (counted,)."""
        years = np.arange(self.counted) / _PER_YEAR[self.every]
        return np.asarray((1.0 + self.discount) ** -years, float)

    def index(self, label: str) -> int:
        """The place of a planned period.

        Raises:
            UnknownName: there is none of that name.
        """
        if label not in self.planned:
            raise UnknownName.of("period", label, self.planned)
        return self.planned.index(label)

    def values(
        self,
        series: float | tuple[float, ...] | dict[str, float] | None,
        path: str,
        absent: float = 1.0,
    ) -> Floats:
        """A series as one number per counted period, shape (counted,); *absent* where it is silent.

        After the plan's end a list repeats what it said a year before.
        """
        if isinstance(series, int | float):
            return np.full(self.counted, float(series))
        values = np.full(self.counted, absent)
        if series is None:
            return values
        if isinstance(series, dict):
            return self._mapped(series, values, path)
        if len(series) != self.count:
            raise PlanError(
                Fault(
                    path,
                    f"has {len(series)} numbers for {self.count} periods",
                    "Give one per period, or a mapping of some periods",
                )
            )
        values[: self.count] = series
        year = round(_PER_YEAR[self.every])
        for step in range(self.count, self.counted):
            values[step] = values[step - year] if step >= year else absent
        return values

    def _mapped(self, series: dict[str, float], values: Floats, path: str) -> Floats:
        names = [self.names(step) for step in range(self.counted)]
        # The more exact name holds: a period before its month, a month before its quarter.
        for key in sorted(series, key=lambda key: (len(key) > 3) * 2 + (len(key) == 3)):
            hit = [step for step, known in enumerate(names) if key.lower() in known]
            if not hit and not (key.lower() in _MONTHS or re.fullmatch("[qQ][1-4]", key)):
                raise PlanError(
                    Fault(
                        f"{path}.{key}",
                        "is no period of the plan",
                        f"Periods are {self.labels[0]} to {self.labels[-1]}; "
                        "jan to dec and Q1 to Q4 mean every year's",
                    )
                )
            values[hit] = series[key]
        return values


ONE = Periods(start="2000-01", count=1)
"""A plan without periods has one."""


def series_of(value: float | tuple[float, ...] | dict[str, float]) -> Any:
    """A number as it is; anything else as a series."""
    return value if isinstance(value, int | float) else _series(value)


def _number_or_series(value: Any) -> Any:
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        return parse_money(value)
    return _series(value)


NumberOrSeries = Annotated[
    Number | tuple[float, ...] | dict[str, float],
    BeforeValidator(_number_or_series),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": ["number", "string"]},
                {"type": "array", "items": {"type": ["number", "string"]}},
                {"type": "object", "additionalProperties": {"type": ["number", "string"]}},
            ]
        }
    ),
]
"""One number for every period, or a series."""
