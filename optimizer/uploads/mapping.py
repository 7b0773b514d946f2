"""The map of an upload: which campaigns a line becomes, and what the tool calls its columns."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from optimizer.errors import Fault, PlanError, nearest
from optimizer.plan.periods import period_name
from optimizer.plan.stated import sorted_mapping, stated
from optimizer.plan.units import Proportion

from .dates import Unit
from .templates import MONEY, RESERVED, Template

__all__ = ["Campaign", "UploadMap", "minor_digits"]

_SURE = 1e-9  # shares that add up to 1 but for this do
_MICROS = 6


def _template(text: Any) -> Any:
    """A text whose names in braces are sound; numbers are the texts that people see."""
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise ValueError(f"{text!r:.60} is no text; put it in quotes")
    return Template(str(text)).text


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty; give the campaign's name")
    return text


def _columns(value: Any) -> Any:
    """A column that is left empty may be written without a value."""
    if not isinstance(value, Mapping):
        return value
    return {str(name): "" if text is None else text for name, text in value.items()}


def _day(value: Any) -> Any:
    """A day such as 2027-01-31."""
    text = period_name(value)
    try:
        return datetime.date.fromisoformat(text)
    except (TypeError, ValueError):
        raise ValueError(f"{text!r:.40} is no day; write it like 2027-01-31") from None


Text = Annotated[str, BeforeValidator(_template)]
Day = Annotated[datetime.date, BeforeValidator(_day)]


@stated
class Campaign:
    """A campaign that a line becomes, or one of several."""

    campaign: Annotated[Text, AfterValidator(_filled)]
    """Its name; names in braces stand for the line's: ``{channel}``, ``{role}``, its tags."""
    share: Proportion | None = None
    """Its part of the line's money; absent: all campaigns of the line get the same."""
    own: Annotated[dict[str, Text], AfterValidator(sorted_mapping)] = Field(default_factory=dict)
    """What else its columns say, such as ``{id: 123}``; in a file beside the others."""


_GIVEN = tuple(field.name for field in fields(Campaign) if field.name != "own")


def _campaign(value: Any) -> Any:
    """``North`` is short for ``{campaign: North}``; what is no field of ours is its own."""
    if isinstance(value, Campaign):
        return value
    if not isinstance(value, Mapping):
        return {"campaign": value}
    body = {str(key): item for key, item in value.items() if item is not None}
    own = {key: item for key, item in body.items() if key not in {*_GIVEN, "own"}}
    return {**{key: body[key] for key in _GIVEN if key in body}, "own": {**own, **_own(body)}}


def _own(body: Mapping[str, Any]) -> dict[str, Any]:
    own = body.get("own", {})
    return dict(own) if isinstance(own, Mapping) else {"own": own}


def _several(value: Any) -> Any:
    """One campaign, or a list of them."""
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _some(several: tuple[Campaign, ...]) -> tuple[Campaign, ...]:
    if not several:
        raise ValueError("the list is empty; give a campaign, or put the line under leave_out")
    return several


Several = Annotated[
    tuple[Annotated[Campaign, BeforeValidator(_campaign)], ...],
    BeforeValidator(_several),
    AfterValidator(_some),
]


@stated
class UploadMap:
    """What an upload is made of."""

    campaigns: dict[str, Several]
    """Lines to campaigns. A key is a line, a channel or role, a pattern of lines (``search.*``), or
    tags (``market=de, role=brand``); a line's own name goes before the others, and ``*`` is for
    all that is left."""
    columns: Annotated[dict[str, Text], BeforeValidator(_columns)] | None = None
    """The columns from left to right: head to text, in which names in braces stand for
    ``campaign``, its own words, ``line``, ``channel``, ``role``, tags, ``period``, ``start``,
    ``end``, ``days``, ``amount``, ``daily``, ``currency`` and ``plan``. Absent: campaign, month
    and amount."""
    by: Literal["period", "day", "week", "month", "quarter", "total"] | None = None
    """What a row's money is for: a ``period`` of the plan, calendar units into which it is put by
    days, or the ``total``. Absent: ``month``, or ``total`` where the plan has no dates."""
    starts: Day | None = None
    """First day of a plan without periods."""
    ends: Day | None = None
    """Its last day."""
    decimals: Annotated[int, Field(ge=0, le=_MICROS)] | None = None
    """Decimals of the money; absent: those of the currency."""
    unit: Literal["currency", "cents", "micros"] = "currency"
    """What amounts are counted in: the currency, its smallest coin, or millionths."""
    zero: Literal["keep", "leave_out"] = "keep"
    """Rows without money: kept, so that the tool is told, or left out."""
    unmapped: Annotated[Text, AfterValidator(_filled)] | None = None
    """Campaign for the money of lines that no key names; absent: such lines are an error."""
    leave_out: tuple[str, ...] = ()
    """Lines that are not for this tool, by keys as above."""
    bom: bool | None = None
    """Begin a CSV with a byte order mark, which tells Excel that it is UTF-8; absent: only for
    Chinese output."""

    def __post_init__(self) -> None:
        faults = list(_faults(self))
        if faults:
            raise PlanError(faults)

    def heads(self, by: str | None) -> dict[str, str]:
        """The columns, for rows that are for a unit of time; None: for none that has a name."""
        if self.columns is not None:
            return dict(self.columns)
        when = {} if by is None else {by.capitalize(): "{period}"}
        return {"Campaign": "{campaign}", **when, "Amount": "{amount}"}

    @property
    def calendar(self) -> Unit | None:
        """The calendar unit of a row, if it is for one."""
        by = self.by
        return None if by is None or by in {"period", "total"} else by  # type: ignore[return-value]


def minor_digits(currency: str) -> int:
    """Decimals that a currency has: 2 for EUR, 0 for JPY."""
    from babel.numbers import get_currency_precision

    return get_currency_precision(currency)


def _faults(made: UploadMap) -> Iterator[Fault]:
    """What does not hold together."""
    for key, several in made.campaigns.items():
        yield from _share_faults(f"campaigns.{key}", several)
        for name in sorted({name for one in several for name in one.own} & RESERVED):
            words, advice = "is a word of every row already", "Choose another word"
            yield Fault(f"campaigns.{key}.{name}", words, advice)
    if not made.campaigns and made.unmapped is None:
        yield Fault("campaigns", "there is none", "Give line: campaign")
    for key in made.leave_out:
        if key in made.campaigns:
            yield Fault(f"campaigns.{key}", "is under leave_out, too", "Keep one")
    if (made.starts is None) != (made.ends is None):
        given = "starts" if made.ends is None else "ends"
        yield Fault(given, "is there alone", "Give starts and ends, or neither")
    if made.starts is not None and made.ends is not None and made.ends < made.starts:
        yield Fault("ends", f"{made.ends} is before starts {made.starts}", "Exchange them")
    texts = ("{amount}",) if made.columns is None else made.columns.values()
    if not {name for text in texts for name in Template(text).names} & set(MONEY):
        yield Fault("columns", "no column holds money", "Add one, such as Budget: '{amount}'")
    if made.unit == "cents" and made.decimals is not None:
        yield Fault("decimals", "cents have none", "Drop it")


def _share_faults(path: str, several: tuple[Campaign, ...]) -> Iterator[Fault]:
    given = [one.share for one in several if one.share is not None]
    if given and len(given) < len(several):
        missing = next(one.campaign for one in several if one.share is None)
        yield Fault(path, f"{missing} has no share, but others have", "Give all of them, or none")
    elif given and abs(sum(given) - 1) > _SURE:
        yield Fault(path, f"the shares add up to {sum(given):.6%}", "Make it 100%")


def unknown_keys(body: Mapping[str, Any], kind: type) -> list[Fault]:
    """Keys of a document that are no fields of a stated type."""
    known = [field.name for field in fields(kind)]
    return [
        Fault(key, "is not known here", nearest(key, known)) for key in body if key not in known
    ]
