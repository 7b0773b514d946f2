"""What charts and tables have in common: one answer in one language, its lines in one order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from optimizer.allocation import Allocation
from optimizer.analysis.standing import held_by
from optimizer.words.voice import Voice

from .theme import shortened

__all__ = ["View"]

MOST = 24
"""Lines that a chart shows; tables show all of them."""


@dataclass(frozen=True)
class View:
    """One answer in one language."""

    allocation: Allocation
    lang: str

    @cached_property
    def voice(self) -> Voice:
        """The language, the currency, and what the objective counts."""
        return Voice(self.allocation.plan, self.lang)

    @cached_property
    def frame(self) -> Any:
        """The lines, those with the largest recommended spend first, equal ones by name.

        Columns as ``Allocation.by_line``, with ``return`` called average, and: position in the
        plan, label for a reader, and slope: money (or outcomes) that the next unit of money brings.
        """
        frame: Any = self.allocation.by_line
        frame = frame.rename(columns={"return": "average"}).assign(
            position=np.arange(len(frame)),
            label=[*map(self.line, frame["line"])],
            slope=self._slopes(),
        )
        return frame.sort_values(["spend", "line"], ascending=[False, True], ignore_index=True)

    def _slopes(self) -> Any:
        """Money (or outcomes) that the next unit of money on each line brings."""
        allocation = self.allocation
        if self.counts_value:
            return allocation.by_line["marginal_return"]
        if allocation.problem.grid.flows is None:
            return allocation.problem.slopes(allocation.spend)
        return allocation.by_line["marginal"]

    @cached_property
    def revenue(self) -> float:
        """Money that all lines bring together."""
        return float(self.allocation.by_period["value"].sum())

    @cached_property
    def periods(self) -> int:
        """In how many periods money is spent."""
        return self.allocation.problem.grid.n_periods

    @cached_property
    def period_labels(self) -> list[str]:
        """Every period that counts, those after the plan's end among them: ``2027-01``."""
        return [str(label) for label in self.allocation.by_period["period"]]

    def period(self, position: int) -> str:
        """A period in a sentence or a heading, where no line may end within it."""
        return self.period_labels[position].replace("-", "-\N{WORD JOINER}")

    def period_name(self, position: int) -> tuple[str, str]:
        """A period for an axis, and its year: a month by its name, others as they are."""
        year, _, rest = self.period_labels[position].partition("-")
        if rest.isdigit():
            from babel.dates import get_month_names

            locale = {"en": "en", "zh": "zh_CN"}[self.lang]
            rest = get_month_names("abbreviated", locale=locale)[int(rest)]
        return rest, year

    @cached_property
    def shown(self) -> Any:
        """The lines that a chart has room for."""
        return self.frame.head(MOST)

    @cached_property
    def held(self) -> tuple[tuple[str, ...], ...]:
        """The rules that hold each line, in the order of the plan."""
        return held_by(self.allocation, self.lang)

    @property
    def has_today(self) -> bool:
        """Whether today's spend is known."""
        return self.allocation.today is not None

    @property
    def currency(self) -> str:
        """Three-letter code."""
        return self.allocation.plan.currency

    def say(self, key: str, **slots: object) -> str:
        """A sentence, its first letter large."""
        text = self.voice.say(key, **slots)
        return text[:1].upper() + text[1:]

    def sentences(self, *said: str) -> str:
        """Sentences one after the other; Chinese ones without a space between."""
        return ("" if self.lang == "zh" else " ").join(said)

    def line(self, name: str) -> str:
        """A line's name for a reader."""
        return self.voice.line(str(name))

    def lines(self, count: int) -> str:
        """A number of what the charts have a row for: ``3 lines``."""
        return self.voice.lines(count)

    def names(self, width: int = 22) -> list[str]:
        """Short names of the lines that a chart shows, safe for a figure."""
        return shortened(self.shown["label"].tolist(), width)

    @cached_property
    def counts_value(self) -> bool:
        """Whether every line's outcomes have a value in money."""
        return bool(np.isfinite(self.allocation.problem.grid.value).all())

    @property
    def split(self) -> Any:
        """The brand:traffic rule in force; None without one."""
        rules = self.allocation.plan.rules
        return next((r for r in rules if r.kind == "split" and r.by == "role"), None)

    @property
    def whole_split(self) -> Any:
        """The brand:traffic rule if it is one on the spend of the whole plan; None otherwise."""
        rule = self.split
        return rule if rule is not None and not rule.where and rule.per == "total" else None

    @property
    def roles(self) -> list[str]:
        """The roles that lines have, brand first; an empty text for lines without one."""
        present = {str(role) for role in self.allocation.problem.grid.role}
        return [role for role in ("brand", "traffic", "") if role in present]

    def role_name(self, role: str) -> str:
        """A role for a reader."""
        return self.say(f"role.{role or 'none'}")

    def share_of_role(self, role: str, spend: Any) -> float:
        """The share of a spend per line that goes to a role."""
        total = float(np.sum(spend))
        at = self.allocation.problem.grid.role == role
        return float(np.sum(np.asarray(spend)[at])) / total if total > 0 else 0.0
