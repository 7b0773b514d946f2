"""Numbers for tables: one unit of money per table, shares, short numbers, bars."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from optimizer.words import number, round_to_total

from .phrases import phrase

__all__ = ["NONE", "Scale", "bar", "near", "plain_cell", "short", "there"]

NONE = "–"
"""What stands where there is no number."""


@dataclass(frozen=True)
class Scale:
    """One unit of money for a whole table, so that its numbers can be compared at a glance."""

    unit: float
    digits: int
    note: str
    lang: str

    @classmethod
    def of(cls, sizes: Iterable[Any], currency: str, lang: str) -> Scale:
        """The unit that suits the largest of *sizes*."""
        largest = max((abs(float(size)) for size in sizes if there(size)), default=0.0)
        if lang == "zh" and largest >= 1e5:
            digits = 1 if largest >= 1e7 else 2
            return cls(1e4, digits, phrase("in_wan", lang, currency=currency), lang)
        if lang != "zh" and largest >= 1e7:
            return cls(1e3, 0, phrase("in_thousands", lang, currency=currency), lang)
        digits = 0 if largest >= 100 else 2
        return cls(1.0, digits, phrase("in_units", lang, currency=currency), lang)

    def cell(self, value: Any) -> str:
        """One amount."""
        return number(float(value) / self.unit, self.lang, self.digits) if there(value) else NONE

    def column(self, values: Iterable[Any]) -> list[str]:
        """Amounts that add up to their rounded total."""
        return [number(value, self.lang, self.digits) for value in self.rounded(values)]

    def rounded(self, values: Iterable[Any]) -> list[float]:
        """The amounts of :meth:`column`, in the unit of the table."""
        scaled = [float(value) / self.unit for value in values]
        return round_to_total(scaled, sum(scaled), self.digits)

    def changes(self, before: Iterable[Any], after: Iterable[Any]) -> list[Text]:
        """The differences of two columns as a reader sees them: row by row they add up."""
        pairs = zip(self.rounded(before), self.rounded(after), strict=True)
        return [self.change((then - now) * self.unit) for now, then in pairs]

    def change(self, value: Any) -> Text:
        """An amount with its sign."""
        if not there(value):
            return Text(NONE)
        size = float(value) / self.unit
        if round(abs(size), self.digits) == 0:
            return Text(number(0.0, self.lang, self.digits))
        text = number(size, self.lang, self.digits, signed=True)
        return Text(text, style="green" if size > 0 else "red")


def there(value: Any) -> bool:
    """Whether *value* is a number that can be shown."""
    return value is not None and math.isfinite(value)


def near(value: float, other: float | None) -> bool:
    """Whether two numbers are the same but for their last digits."""
    return other is not None and math.isclose(value, other, rel_tol=1e-9, abs_tol=1e-12)


def short(value: Any, lang: str) -> str:
    """A number of any size in about three digits."""
    if not there(value):
        return NONE
    size = abs(value)
    if size >= 1e15:
        return f"{value:.3g}"
    digits = 0 if size >= 100 or value == 0 else max(0, 2 - math.floor(math.log10(size)))
    text = number(float(value), lang, min(digits, 8))
    return text.rstrip("0").rstrip(".") if "." in text else text


def plain_cell(value: Any) -> str:
    """Anything at all, in short."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return NONE
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.6g}"
    return str(value)


def bar(size: Any, largest: float, width: int) -> str:
    """A bar as long as *size* is of *largest*."""
    if not there(size) or not largest > 0:
        return ""
    return "█" * max(round(width * float(size) / largest), 0) or "▏"
