"""Texts with names in braces that stand for what a row holds: ``{campaign}``, ``{start:%m/%Y}``."""

from __future__ import annotations

import datetime
import string
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .dates import dated

__all__ = ["DATES", "MONEY", "NUMBERS", "RESERVED", "TIME", "Template"]

DATES = ("start", "end")
TIME = (*DATES, "days", "daily", "period")
"""What a row has only if its money is for some days."""
MONEY = ("amount", "daily")
NUMBERS = (*MONEY, "days")
RESERVED = {*TIME, *MONEY, "campaign", "line", "channel", "role", "currency", "plan"}
"""Names that mean the same in every row."""


@dataclass(frozen=True)
class Template:
    """A text with names in braces; ``{{`` and ``}}`` are braces themselves."""

    text: str

    def __post_init__(self) -> None:
        for name, form in self._slots:
            if form and name not in DATES:
                raise ValueError(f"{self.text!r:.60}: only {{start}} and {{end}} have a form")
            if name in DATES and form:
                dated(datetime.date.min, form)

    @cached_property
    def _parts(self) -> list[tuple[str, str | None, str]]:
        """Text before, the name after it, and its form."""
        try:
            parsed = list(string.Formatter().parse(self.text))
        except ValueError as error:
            advice = "write {{ and }} for braces"
            raise ValueError(f"{self.text!r:.60}: {str(error).lower()}; {advice}") from None
        for _, name, _, conversion in parsed:
            if name is not None and (conversion or not _is_plain(name)):
                raise ValueError(f"{self.text!r:.60}: {{{name}}} is no name")
        return [(before, name, form or "") for before, name, form, _ in parsed]

    @property
    def _slots(self) -> list[tuple[str, str]]:
        return [(name, form) for _, name, form in self._parts if name is not None]

    @property
    def names(self) -> tuple[str, ...]:
        """The names in it, each once."""
        return tuple(dict.fromkeys(name for name, _ in self._slots))

    @property
    def only(self) -> str | None:
        """The one name that it is, without any text and form; else None."""
        is_one = len(self._parts) == 1 and self._parts[0][0] == "" and self._parts[0][2] == ""
        return self._parts[0][1] if is_one else None

    def filled(self, values: Mapping[str, Any]) -> str:
        """The text with *values* in the place of names.

        Raises:
            KeyError: a name is not among them.
        """
        return "".join(
            before + ("" if name is None else _written(values[name], form))
            for before, name, form in self._parts
        )


def _is_plain(name: str) -> bool:
    """Whether it is a name and no way into an object."""
    return bool(name.strip()) and not set(name) & set(".[]!{}")


def _written(value: Any, form: str) -> str:
    if isinstance(value, datetime.date):
        return dated(value, form) if form else dated(value)
    return str(value)
