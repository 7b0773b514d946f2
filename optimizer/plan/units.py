"""Money and shares as people write them: ``12M``, ``1200万``, ``1.2亿``, ``60%``, ``6:4``.

What could mean two things is refused rather than guessed: ``1,5``, ``1.000.000``, ``12m``, and a
share of ``60``.
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

__all__ = [
    "Amount",
    "Money",
    "Number",
    "Percent",
    "Positive",
    "Proportion",
    "parse_money",
    "parse_ratio",
    "parse_share",
    "parse_typed",
]

_FACTORS = {
    "": 1.0,
    "k": 1e3,
    "K": 1e3,
    "M": 1e6,
    "B": 1e9,
    "bn": 1e9,
    "千": 1e3,
    "万": 1e4,
    "萬": 1e4,
    "百万": 1e6,
    "千万": 1e7,
    "亿": 1e8,
    "億": 1e8,
}
_NUMBER = re.compile(r"([+-]?)(\d+(?:_\d+)*(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*([^\d\s.,+\-_%:]*)$")

_THOUSANDS = re.compile(r"[1-9]\d{0,2}\.\d{3}")


def parse_money(value: object) -> float:
    """Money in the plan's currency, from a number or a text such as ``12M`` or ``1.2亿``.

    Raises:
        ValueError: the text is ambiguous, negative, not finite or not a number.
    """
    amount = _number(value, "money")
    if amount < 0:
        raise ValueError(f"{value!r} is negative; money here is zero or more")
    return amount


def parse_typed(value: object) -> float:
    """Money as somebody typed it: ``300.000`` is refused, since many write a point for thousands.

    Raises:
        ValueError: as :func:`parse_money`, or there are just three digits after a point.
    """
    amount = parse_money(value)
    if isinstance(value, str) and _THOUSANDS.fullmatch(text := value.strip()):
        raise ValueError(
            f"{value!r} is ambiguous (a point may mean thousands or decimals); "
            f"write {text.replace('.', '_')}, or {text}0 for decimals"
        )
    return amount


def parse_share(value: object) -> float:
    """A share in [0, 1], from ``0.6`` or ``60%``.

    Raises:
        ValueError: the value is outside [0, 1] or written as a bare number above 1.
    """
    if isinstance(value, Percent):
        return value.share
    if isinstance(value, str) and value.strip().endswith(("%", "％")):
        share = _number(value.strip()[:-1], "a share") / 100.0
    else:
        share = _number(value, "a share")
        if share > 1:
            meant = f"; write {value}% or {share / 100:g}" if 2 <= share <= 100 else ""
            raise ValueError(f"{value!r} is not a share in [0, 1]{meant}")
    if not 0 <= share <= 1:
        raise ValueError(f"{value!r} is not between 0% and 100%")
    return share


def parse_ratio(text: str) -> tuple[float, ...]:
    """Shares that sum to 1, from parts such as ``6:4`` or ``60:40``.

    Raises:
        ValueError: the text is not of the form ``a:b`` with parts of zero or more.
    """
    parts = [_number(part, "a part of a ratio") for part in re.split("[:：]", text)]
    total = sum(parts)
    if len(parts) < 2 or min(parts) < 0 or total <= 0:
        raise ValueError(f"{text!r} is not a ratio; write it like 6:4")
    return tuple(part / total for part in parts)


_WAYS = {"a share": "95% or 0.95", "a part of a ratio": "6:4", "a number": "3, 0.5 or 12M"}
"""How what is no money is written."""


def _number(value: object, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{value!r} is not {what}")
    if isinstance(value, str):
        value = _number_from_text(value, what)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not a finite number")
    return number


def _number_from_text(text: str, what: str) -> float:
    plain = unicodedata.normalize("NFKC", text).strip()
    if "," in plain or "，" in plain:
        raise ValueError(
            f"{text!r} is ambiguous (a comma may mean thousands or decimals); "
            f"write 1_500 or 1.5 instead"
        )
    match = _NUMBER.match(plain)
    if match is None:
        ways = _WAYS.get(what, "12_000_000, 12M, 1200万 or 1.2亿")
        raise ValueError(f"{text!r} is not {what}; write it like {ways}")
    sign, digits, unit = match.groups()
    if unit == "m":
        raise ValueError(f"{text!r} is ambiguous; write {digits}M for millions")
    if unit not in _FACTORS:
        raise ValueError(
            f"{text!r} has an unknown unit {unit!r}; known are k, M, B, bn, 千, 万, 亿"
        )
    return float(sign + digits.replace("_", "")) * _FACTORS[unit]


class Percent:
    """A bound stated as a share of the budget: ``30%``."""

    __slots__ = ("share",)

    def __init__(self, share: float) -> None:
        self.share = parse_share(share)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        """Validate by :func:`parse_amount`; write as text."""
        return core_schema.is_instance_schema(
            cls, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> Any:
        """A text such as ``30%``."""
        return {"type": "string", "pattern": "%$"}

    def __eq__(self, other: object) -> bool:
        """Equal by value."""
        return isinstance(other, Percent) and other.share == self.share

    def __hash__(self) -> int:
        """Hash by value."""
        return hash(("Percent", self.share))

    def __str__(self) -> str:
        """As people write it: ``30%``."""
        return f"{self.share * 100:.12g}%"

    def __repr__(self) -> str:
        """As the code that makes it."""
        return f"Percent({self.share!r})"


def parse_amount(value: object) -> float | Percent:
    """Money, or a share of the budget when written with a percent sign."""
    if isinstance(value, Percent):
        return value
    if isinstance(value, str) and value.strip().endswith(("%", "％")):
        return Percent(parse_share(value))
    return parse_money(value)


_MONEY_SCHEMA = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}]}

Money = Annotated[float, BeforeValidator(parse_money), WithJsonSchema(_MONEY_SCHEMA)]
"""Money in the plan's currency, zero or more."""

Proportion = Annotated[
    float,
    BeforeValidator(parse_share),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "string"}]}),
]
"""A share in [0, 1]."""

Amount = Annotated[float | Percent, BeforeValidator(parse_amount), WithJsonSchema(_MONEY_SCHEMA)]
"""Money, or a share of the budget (``30%``)."""

Number = Annotated[
    float,
    BeforeValidator(lambda value: _number(value, "a number")),
    WithJsonSchema({"type": ["number", "string"]}),
]
"""A number, with the suffixes of money; never true or false, which Python counts as 1 and 0."""

Positive = Annotated[
    Number,
    Field(gt=0),
    WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}]}),
]
"""A number above zero; suffixes as for money."""
