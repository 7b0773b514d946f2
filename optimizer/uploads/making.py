"""From a spend and a map to rows whose money is the plan's, to the last cent.

Money is rounded from the whole to the parts, each time by largest remainder: the sum of all lines
to whole cents, among the lines, each line among its months, each month among the campaigns. So
the rows of a line add up to the line's money, and all rows to the plan's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.errors import Fault, PlanError, nearest
from optimizer.files import is_formula
from optimizer.plan.curves import Floats
from optimizer.plan.plan import Plan

from .dates import Span, overlaps, periods_of, spans_between
from .lines import Named, in_short, keys_of_lines, lines_of
from .mapping import Campaign, UploadMap, minor_digits
from .money import divided, whole
from .templates import NUMBERS, RESERVED, TIME, Template
from .upload import Remark, Upload

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["upload_of"]

Texts = tuple[str, ...]

# What stands for money in a text until all of a row's money is known; no text of a file holds it.
_AMOUNT, _DAILY = "\0amount\0", "\0daily\0"


def upload_of(plan: Plan, spend: Floats, stated: UploadMap, only: Sequence[str] = ()) -> Upload:
    """The upload of a spend, shape (n_lines * n_periods,), as a map has it.

    Args:
        plan: The plan.
        spend: Money per line and period, the periods of a line next to one another.
        stated: The map.
        only: Labels of the units of time that are wanted; all if there is none. The amounts are
            the same as among all.

    Raises:
        PlanError: with everything at once that is wrong with the map for this plan.
    """
    return _Maker(plan, spend, stated, tuple(only)).made()


@dataclass
class _Part:
    """What one campaign gets of one line."""

    line: Named
    campaign: str
    own: Mapping[str, str]
    share: Fraction


class _Maker:
    """Puts a spend into rows; gathers what is wrong."""

    def __init__(self, plan: Plan, spend: Floats, stated: UploadMap, only: Texts) -> None:
        self.plan, self.map, self.only = plan, stated, only
        self.lines = lines_of(plan)
        self.spend = np.maximum(np.asarray(spend, float).reshape(len(self.lines), -1), 0.0)
        self.faults: list[Fault] = []
        self.remarks: list[Remark] = []
        self.unknown: dict[tuple[str, str], list[Named]] = {}
        self.templates: dict[str, Template] = {}
        digits = minor_digits(plan.currency)
        exact = stated.decimals if stated.decimals is not None else digits
        self.decimals = digits if stated.unit == "cents" else exact

    def made(self) -> Upload:
        """The upload.

        Raises:
            PlanError: with every fault at once.
        """
        spans = self._spans()
        units = self._units(spans)
        parts = self._parts()
        heads = {head: Template(text) for head, text in self.map.heads(self._named(units)).items()}
        self._check_names(heads, parts, dated=units != [None])
        wanted = self._wanted(units, heads)
        if self.faults:
            raise PlanError(list(dict.fromkeys(self.faults)))
        return self._rows(heads, parts, spans, units, wanted)

    # --- Time ---

    def _spans(self) -> list[Span] | None:
        """The days of each column of the spend; None where the plan has no dates."""
        periods, stated = self.plan.periods, self.map
        if periods is not None:
            if stated.starts is not None:
                words = f"the plan has periods of its own, from {periods.start} on"
                self.faults.append(Fault("starts", words, "Drop starts and ends"))
            return periods_of(periods)
        if stated.starts is None or stated.ends is None:
            return None
        return [Span("", stated.starts, stated.ends)]

    def _units(self, spans: list[Span] | None) -> list[Span | None]:
        """What rows are for, in order of time; what is over is no part of it."""
        past = 0 if self.plan.periods is None else self.plan.periods.past
        if spans is None:
            if self.map.by not in {None, "total"}:
                words = f"{self.map.by} needs dates, and the plan has no periods"
                self.faults.append(Fault("by", words, "Give starts and ends, such as 2027-01-01"))
            return [None]
        if past == len(spans):
            self.faults.append(Fault("", "all periods of the plan are over; nothing is left"))
            return [None]
        left = spans[past:]
        if self.map.by == "period" and self.plan.periods is not None:
            return list(left)
        start, end = left[0].start, left[-1].end
        if self.map.by in {"total", "period"}:
            return [Span(f"{start}/{end}", start, end)]
        return list(spans_between(start, end, self.map.calendar or "month"))

    def _named(self, units: list[Span | None]) -> str | None:
        return None if units == [None] else self.map.by or "month"

    def _wanted(self, units: list[Span | None], heads: Mapping[str, Template]) -> set[int]:
        """The places of the units that are wanted."""
        labels = ["" if unit is None else unit.label for unit in units]
        for label in self.only:
            if label not in labels:
                advice = nearest(label, labels) if labels != [""] else "The plan has no dates"
                self.faults.append(Fault("", f"there is no {label!r:.40} to upload", advice))
        wanted = {at for at, label in enumerate(labels) if not self.only or label in self.only}
        tells = {name for template in heads.values() for name in template.names}
        if len(wanted) > 1 and not tells & {"period", "start", "end"}:
            words = f"no column says which of the {len(wanted)} {self._named(units)}s a row is for"
            advice = "Add one, such as Month: '{period}', or upload one at a time (--only)"
            self.faults.append(Fault("columns", words, advice))
        return wanted

    # --- Lines ---

    def _parts(self) -> list[list[_Part] | None]:
        """The campaigns of each line; None where it is left out."""
        stated = self.map
        keys = {"campaigns": tuple(stated.campaigns), "leave_out": stated.leave_out}
        found, faults = keys_of_lines(self.lines, keys)
        self.faults += faults
        self.states = [
            "unmapped" if key is None else "left_out" if key[0] == "leave_out" else "mapped"
            for key in found
        ]
        none = [line.name for line, key in zip(self.lines, found, strict=True) if key is None]
        if none and stated.unmapped is None:
            words = f"says nothing of {in_short(none)}"
            advice = (
                f"Give each a campaign ({none[0]}: …), put it under leave_out, or name a campaign "
                "for the rest under unmapped"
            )
            self.faults.append(Fault("campaigns", words, advice))
        parts: list[list[_Part] | None] = []
        for line, key in zip(self.lines, found, strict=True):
            if key is None and stated.unmapped is not None:
                rest = (Campaign(stated.unmapped),)
                parts.append(list(self._of_line(line, rest, "unmapped")))
            elif key is None or key[0] == "leave_out":
                parts.append(None)
            else:
                several = stated.campaigns[key[1]]
                parts.append(list(self._of_line(line, several, f"campaigns.{key[1]}")))
        self.faults += self._unknown_words()
        return parts

    def _of_line(self, line: Named, several: Sequence[Campaign], path: str) -> Iterator[_Part]:
        """What each campaign gets of a line."""
        for one in several:
            template = self._template(one.campaign)
            unknown = [name for name in template.names if name not in line.words]
            for name in unknown:
                self.unknown.setdefault((path, name), []).append(line)
            name = "?" if unknown else template.filled(line.words)
            share = Fraction(1, len(several)) if one.share is None else Fraction(one.share)
            yield _Part(line, name, one.own, share)

    def _template(self, text: str) -> Template:
        """The template of a campaign's name, which many lines share."""
        if text not in self.templates:
            self.templates[text] = Template(text)
        return self.templates[text]

    def _unknown_words(self) -> Iterator[Fault]:
        """Names in braces that the lines of a key do not have."""
        for (path, name), lines in self.unknown.items():
            names = in_short(line.name for line in lines)
            words = f"{{{name}}} in a campaign's name is not known of {names}"
            yield Fault(path, words, nearest(name, lines[0].words))

    def _check_names(
        self, heads: Mapping[str, Template], parts: Sequence[list[_Part] | None], *, dated: bool
    ) -> None:
        """Every name of a column is known of every row."""
        for head, template in heads.items():
            path = f"columns.{head}"
            timed = [name for name in template.names if name in TIME]
            if timed and not dated:
                words = f"{{{timed[0]}}} needs dates, and the plan has no periods"
                advice = "Give starts and ends, such as 2027-01-01"
                self.faults.append(Fault(path, words, advice))
            for name in template.names:
                if name in RESERVED:
                    continue
                missing = [
                    part
                    for some in parts
                    for part in some or ()
                    if name not in part.own and name not in part.line.tags
                ]
                if missing:
                    known = RESERVED.union(*(part.own for part in missing))
                    known = known.union(*(part.line.tags for part in missing))
                    of = in_short(dict.fromkeys(part.campaign for part in missing))
                    words, advice = f"{{{name}}} is not known of {of}", nearest(name, known)
                    self.faults.append(Fault(path, words, advice))

    # --- Money ---

    def _divided(
        self,
        parts: Sequence[list[_Part] | None],
        spans: list[Span] | None,
        units: Sequence[Span | None],
    ) -> dict[int, list[int]]:
        """Whole cents of each line that is uploaded, per unit of time."""
        past = 0 if self.plan.periods is None else self.plan.periods.past
        left = self.spend[:, past:]
        self.planned = left.sum(axis=1)
        taken = [at for at, some in enumerate(parts) if some is not None]
        cents = whole([self._exactly(left[at]) for at in taken], self.decimals)
        if spans is None or units == [None]:
            return {at: [own] for at, own in zip(taken, cents, strict=True)}
        falls = [
            [(unit, Fraction(days, span.days)) for unit, days in overlaps(span, units)]  # type: ignore[arg-type]
            for span in spans[past:]
        ]
        return {
            at: divided(own, _weights(left[at], falls, len(units)))
            for at, own in zip(taken, cents, strict=True)
        }

    @staticmethod
    def _exactly(values: Floats) -> Any:
        """A sum without rounding."""
        return sum(map(Fraction, values.tolist()), Fraction())

    def _rows(
        self,
        heads: Mapping[str, Template],
        parts: Sequence[list[_Part] | None],
        spans: list[Span] | None,
        units: list[Span | None],
        wanted: set[int],
    ) -> Upload:
        cents = self._divided(parts, spans, units)
        sums: dict[tuple[Texts, int], int] = {}
        campaigns: dict[tuple[Texts, int], str] = {}
        for at, own in cents.items():
            some = parts[at] or []
            shares = [part.share for part in some]
            for unit, amount in enumerate(own):
                if unit not in wanted:
                    continue
                for part, money in zip(some, divided(amount, shares), strict=True):
                    key = (self._texts(heads, part, units[unit]), unit)
                    sums[key] = sums.get(key, 0) + money
                    campaigns.setdefault(key, part.campaign)
        self._remark(parts, cents, sums, units, wanted)
        if self.map.zero == "leave_out":
            sums = {key: money for key, money in sums.items() if money}
        cells = [
            self._filled(heads, texts, units[unit], money) for (texts, unit), money in sums.items()
        ]
        self._remark_daily(heads, sums, units)
        self._remark_signs(cells)
        return Upload(
            plan=self.plan,
            map=self.map,
            heads=tuple(heads),
            cells=tuple(cells),
            amounts=np.array([self._money(money) for money in sums.values()], float),
            campaigns=tuple(campaigns[key] for key in sums),
            units=tuple(units[unit] for _, unit in sums),
            decimals=self.decimals,
            lines=self._line_frame(parts, cents),
            remarks=tuple(self.remarks),
        )

    def _texts(self, heads: Mapping[str, Template], part: _Part, unit: Span | None) -> Texts:
        """The texts of a row, which say what it is for; money is left open."""
        words: dict[str, Any] = {**part.line.words, **part.own}
        words |= {"campaign": part.campaign, "currency": self.plan.currency}
        words |= {"plan": self.plan.name, "amount": _AMOUNT, "daily": _DAILY}
        if unit is not None:
            words |= {"period": unit.label, "start": unit.start, "end": unit.end}
            words["days"] = unit.days
        return tuple(template.filled(words) for template in heads.values())

    def _filled(
        self, heads: Mapping[str, Template], texts: Texts, unit: Span | None, money: int
    ) -> tuple[Any, ...]:
        """The cells of a row with its money."""
        days = 1 if unit is None else unit.days
        numbers = {"amount": self._told(money), "daily": self._told(money // days), "days": days}
        cells: list[Any] = []
        for template, text in zip(heads.values(), texts, strict=True):
            if template.only in NUMBERS:
                cells.append(numbers[str(template.only)])
                continue
            told = text.replace(_AMOUNT, str(numbers["amount"]))
            cells.append(told.replace(_DAILY, str(numbers["daily"])))
        return tuple(cells)

    def _told(self, cents: int) -> Decimal | int:
        """Money in the unit that the tool counts in."""
        if self.map.unit == "micros":
            return int(cents * 10 ** (6 - self.decimals))
        if self.map.unit == "cents" or self.decimals == 0:
            return cents
        return Decimal(cents).scaleb(-self.decimals)

    def _money(self, cents: int) -> float:
        return float(cents / 10**self.decimals)

    def _line_frame(
        self, parts: Sequence[list[_Part] | None], cents: Mapping[int, list[int]]
    ) -> pd.DataFrame:
        import pandas as pd

        return pd.DataFrame(
            {
                "line": [line.name for line in self.lines],
                "state": self.states,
                "campaigns": [len({part.campaign for part in some or ()}) for some in parts],
                "planned": self.planned,
                "uploaded": [self._money(sum(cents.get(at, ()))) for at in range(len(parts))],
            }
        )

    # --- Remarks ---

    def _remark(
        self,
        parts: Sequence[list[_Part] | None],
        cents: Mapping[int, list[int]],
        sums: Mapping[Any, int],
        units: Sequence[Span | None],
        wanted: set[int],
    ) -> None:
        """What is not among the rows, and which rows have no money."""
        for state in ("left_out", "unmapped"):
            at = [place for place, own in enumerate(self.states) if own == state]
            if at:
                names = in_short(self.lines[place].name for place in at)
                slots = {"lines": names, "money": float(self.planned[at].sum())}
                self._say(f"upload.{state}", **slots, campaign=self.map.unmapped or "")
        periods = self.plan.periods
        if periods is not None and periods.past:
            taken = [at for at, some in enumerate(parts) if some is not None]
            money = float(self.spend[taken, : periods.past].sum())
            self._say("upload.past", last=periods.planned[periods.past - 1], money=money)
        if len(wanted) < len(units):
            whole_ = self._money(sum(sum(own) for own in cents.values()))
            self._say("upload.only", money=self._money(sum(sums.values())), whole=whole_)
        zeros = sum(not money for money in sums.values())
        if zeros:
            self._say(f"upload.zero_{self.map.zero}", count=zeros)

    def _remark_daily(
        self, heads: Mapping[str, Template], sums: Mapping[Any, int], units: Sequence[Span | None]
    ) -> None:
        """By how much less than the amounts the days come to."""
        if any("daily" in template.names for template in heads.values()):
            spans = [1 if unit is None else unit.days for unit in units]
            rest = sum(cents % spans[unit] for (_, unit), cents in sums.items())
            if rest:
                self._say("upload.daily", money=self._money(rest))

    def _remark_signs(self, cells: Sequence[tuple[Any, ...]]) -> None:
        """Texts that a CSV has with an apostrophe in front."""
        texts = [text for row in cells for text in row if isinstance(text, str)]
        signs = dict.fromkeys(text for text in texts if is_formula(text))
        if signs:
            self._say("upload.signs", texts=in_short(signs))

    def _say(self, key: str, **slots: Any) -> None:
        self.remarks.append(Remark(key, slots))


def _weights(
    spend: Floats, falls: Sequence[Sequence[tuple[int, Fraction]]], count: int
) -> list[Fraction]:
    """Money of each unit of time, by the days that it shares with each period."""
    weights = [Fraction()] * count
    for money, shared in zip(spend.tolist(), falls, strict=True):
        for unit, part in shared:
            weights[unit] += Fraction(money) * part
    return weights
