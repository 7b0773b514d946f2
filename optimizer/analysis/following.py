"""How a plan was followed, in sentences: what is ahead and behind, and what changes in the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimizer.plan.actuals import OUTCOME
from optimizer.words import listed, number, stage
from optimizer.words.rules import rule_name
from optimizer.words.voice import Voice

from .explanation import explain
from .telling import SMALL, Statement
from .tracking import Tracking, broken_rules

__all__ = ["Following", "tell"]

# Lines named in one list.
_NAMED = 5
# Cells named in one sentence.
_CELLS = 4
# A change is spread evenly where no period has this many times its share of it.
_EVEN = 1.5


@dataclass(frozen=True)
class Following:
    """What a tracking says, most important first."""

    so_far: Statement
    compared: Statement
    """With which plan, and from when on something is ahead or behind."""
    money: tuple[Statement, ...]
    """Lines that have spent more or less than planned, the furthest off first."""
    outcomes: tuple[Statement, ...]
    """Each kind of outcome against the plan, then lines that differ from their curves."""
    forecast: tuple[Statement, ...]
    """To the end: with the old plan for the rest, and planned anew."""
    changes: tuple[Statement, ...]
    """What is to be done differently in what is left."""
    alerts: tuple[Statement, ...]
    proof: Statement | None
    """How sure it is; None where there is no plan for the rest."""

    @property
    def statements(self) -> list[Statement]:
        """Every sentence in the order of reading."""
        parts = (self.money, self.outcomes, self.forecast, self.changes, self.alerts)
        proof = () if self.proof is None else (self.proof,)
        return [self.so_far, self.compared, *(one for part in parts for one in part), *proof]


def tell(tracking: Tracking, lang: str = "en") -> Following:
    """*tracking* in sentences."""
    teller = _Teller(tracking, Voice(tracking.plan, lang))
    best = tracking.best
    return Following(
        so_far=teller.so_far(),
        compared=teller.compared(),
        money=tuple(teller.money()),
        outcomes=tuple(teller.outcomes()),
        forecast=tuple(teller.forecast()),
        changes=tuple(teller.changes()),
        alerts=tuple(teller.alerts()),
        proof=None if best is None else explain(best, None, lang).proof,
    )


class _Teller:
    """The facts of one tracking, and the sentences they call for."""

    def __init__(self, tracking: Tracking, voice: Voice) -> None:
        self.found, self.voice = tracking, voice
        self.lines: Any = tracking.lines

    def tell(self, key: str, **slots: str) -> Statement:
        text = self.voice.say(key, **slots)
        return Statement(key, slots, text[:1].upper() + text[1:])

    @property
    def tolerance(self) -> str:
        return self.voice.percent(self.found.tolerance, 0 if self.found.tolerance >= 0.01 else 1)

    def share(self, off: float, base: float) -> str:
        share = abs(off / base)
        return self.voice.percent(share, 0 if share >= 0.0995 else 1)

    def units(self, value: float) -> str:
        size = abs(value)
        return number(value, self.voice.lang, 0 if size >= 100 or value == 0 else 1)

    def noun(self, line: int) -> str:
        """What a line's own curve counts."""
        return self.stage(self.found.plan.lines[line].outcome or OUTCOME)

    def stage(self, name: str) -> str:
        return self.voice.say("noun.outcomes") if name == OUTCOME else stage(name, self.voice.lang)

    # ---------------------------------------------------------------- so far

    def so_far(self) -> Statement:
        found, voice = self.found, self.voice
        planned, actual = float(self.lines["planned"].sum()), float(self.lines["actual"].sum())
        off = actual - planned
        within = abs(off) <= found.tolerance * planned
        key = "on_plan" if within or planned <= 0 else "ahead" if off > 0 else "behind"
        slots = {"spent": voice.cash(actual), "planned": voice.cash(planned)}
        if key != "on_plan":
            slots |= {"amount": voice.cash(abs(off)), "share": self.share(off, planned)}
        some = voice.some(found.passed, found.periods.count)
        return self.tell(f"track.so_far.{key}", some=some, until=found.until, **slots)

    def compared(self) -> Statement:
        key = "track.with.given" if self.found.given else "track.with.found"
        return self.tell(key, tolerance=self.tolerance)

    def money(self) -> list[Statement]:
        voice, frame = self.voice, self.lines
        rows = frame[frame["state"].isin(["ahead", "behind"])]
        told = []
        for row in rows.loc[rows["off"].abs().sort_values(ascending=False).index].itertuples():
            slots = {"line": voice.line(str(row.line)), "actual": voice.cash(row.actual)}
            if row.planned <= 0:
                told.append(self.tell("track.money.unplanned", **slots))
                continue
            amount, share = voice.cash(abs(row.off)), self.share(row.off, row.planned)
            told.append(self.tell(f"track.money.{row.state}", amount=amount, share=share, **slots))
        if not told:
            return [self.tell("track.money.on_plan", tolerance=self.tolerance)]
        return self.first(told)

    def first(self, told: Sequence[Statement]) -> list[Statement]:
        """The first sentences, and how many there are beyond them."""
        if len(told) <= _NAMED + 1:
            return [*told]
        return [*told[:_NAMED], self.tell("track.more", count=str(len(told) - _NAMED))]

    def outcomes(self) -> list[Statement]:
        kinds: Any = self.found.stages
        told = []
        for row in kinds.itertuples():
            if row.planned == row.expected == row.actual == 0:
                continue  # none was to come yet
            slots = {
                "noun": self.stage(str(row.stage)),
                "actual": self.units(row.actual),
                "planned": self.units(row.planned),
                "expected": self.units(row.expected),
            }
            if row.state != "on_plan" and row.planned > 0:
                slots["share"] = self.share(row.actual - row.planned, row.planned)
                told.append(self.tell(f"track.stage.{row.state}", **slots))
            else:
                told.append(self.tell("track.stage.on_plan", **slots))
        return told + self.first([self.curve(index) for index in self.off_curve()])

    def off_curve(self) -> list[int]:
        """Lines whose outcomes are not what their curves say, the furthest off first."""
        frame = self.lines
        rows = frame[
            frame["curve_state"].isin(["ahead", "behind"]) & (frame["outcome_expected"] > 0)
        ]
        off = (rows["outcome_actual"] / rows["outcome_expected"] - 1).abs()
        return [int(index) for index in off.sort_values(ascending=False).index]

    def curve(self, index: int) -> Statement:
        row = self.lines.loc[index]
        expected, actual = row["outcome_expected"], row["outcome_actual"]
        return self.tell(
            f"track.curve.{row['curve_state']}",
            line=self.voice.line(row["line"]),
            actual=self.units(actual),
            expected=self.units(expected),
            share=self.share(actual - expected, expected),
            noun=self.noun(index),
        )

    # ---------------------------------------------------------------- to the end

    def forecast(self) -> list[Statement]:
        found, voice = self.found, self.voice
        old, kept, best = (
            None if one is None else voice.worth(one.objective)
            for one in (found.old, found.kept, found.best)
        )
        assert old is not None
        assert kept is not None
        known = [value for value in (old, kept, best) if value is not None]
        shown = voice.apart(*known) if voice.counts_money else [*map(voice.amount, known)]
        spent = voice.apart(*(one.spent for one in (found.kept, found.best) if one is not None))
        ending = "" if voice.counts_money else "_outcomes"
        told = [
            self.tell(
                f"track.kept{ending}",
                spent=spent[0],
                value=shown[1],
                planned=shown[0],
                noun=voice.noun,
            )
        ]
        if broken := broken_rules(found.kept.problem, found.kept.columns):
            told.append(self.tell("track.kept_breaks", rules=self.rules(broken)))
        if not found.rest:
            told.append(self.tell("track.over"))
        elif found.best is None or best is None:
            told.append(self.tell("track.conflict"))
        elif found.stands:
            gap = voice.percent(found.best.options.gap, 2)
            told.append(self.tell("track.stands", gap=gap))
        else:
            slots = {
                "spent": spent[1],
                "value": shown[2],
                "gain": voice.amount(best - kept, signed=True),
                "noun": voice.noun,
            }
            told.append(self.tell(f"track.best{ending}", **slots))
        key = "nothing_reported" if np.isnan(found.units).all() else "counts_as_reported"
        return [*told, self.tell(f"track.{key}", until=found.until)]

    def rules(self, names: Iterable[str]) -> str:
        lang = self.voice.lang
        told = [rule_name(name, self.found.plan, lang) for name in names]
        return listed(list(dict.fromkeys(told)), lang, _CELLS)

    # ---------------------------------------------------------------- what changes

    def changes(self) -> list[Statement]:
        found = self.found
        if found.best is None or found.stands or not found.rest:
            return []
        frame = self.lines
        floor = SMALL * max(float(frame["rest_old"].sum()), float(frame["rest_new"].sum()))
        size = frame["change"].abs()
        large = size[size > floor].sort_values(ascending=False).index
        shown = large if len(large) <= _NAMED + 1 else large[:_NAMED]
        told = [self.change(int(index)) for index in shown]
        others = frame.drop(index=shown)
        others = others[others["change"].abs() > 0.5]
        if len(others):
            amount = self.voice.cash(float(others["change"].sum()), signed=True)
            key = "track.change.rest_one" if len(others) == 1 else "track.change.rest"
            told.append(self.tell(key, count=str(len(others)), amount=amount))
        return told

    def change(self, index: int) -> Statement:
        """How the rest of one line changes, and in which period most."""
        found, voice, row = self.found, self.voice, self.lines.loc[index]
        assert found.new is not None
        steps = (found.new - found.planned)[index, found.passed :]
        most = int(np.argmax(np.sign(row["change"]) * steps))
        slots = {"line": voice.line(row["line"]), "spend": voice.cash(row["rest_new"])}
        if row["rest_new"] <= SMALL * row["rest_old"]:
            return self.tell("track.change.off", was=voice.cash(row["rest_old"]), **slots)
        slots |= {"period": found.rest[most], "most": voice.cash(steps[most], signed=True)}
        if row["rest_old"] <= SMALL * row["rest_new"]:
            return self.tell("track.change.new", **slots)
        share = voice.percent(row["change"] / row["rest_old"], 0, signed=True)
        slots["change"] = voice.cash(row["change"], signed=True)
        slots["percent"] = voice.say("headline.percent", percent=share)
        if len(found.rest) == 1:
            return self.tell("track.change.only", **slots)
        mean = row["change"] / len(found.rest)
        if abs(steps[most]) <= _EVEN * abs(mean):
            each = voice.per_period(voice.cash(mean, signed=True))
            return self.tell("track.change.even", each=each, **slots)
        return self.tell("track.change", **slots)

    # ---------------------------------------------------------------- what to mind

    def alerts(self) -> list[Statement]:
        found = self.found
        told = []
        if found.given and not found.same_question:
            told.append(self.tell("track.alert.other_question"))
        if found.past_broken:
            told.append(self.tell("track.alert.past_broken", rules=self.past_broken()))
        if found.past_beyond:
            cells = self.cells(found.past_beyond)
            told.append(self.tell("track.alert.past_beyond", cells=cells))
        if found.taken.any() and found.missing != "refuse":
            names, labels = found.plan.grid.line_names, found.periods.planned
            taken = [(str(names[i]), labels[s]) for i, s in np.argwhere(found.taken)]
            told.append(self.tell(f"track.alert.{found.missing}", cells=self.cells(taken)))
        return [*told, *self.curves()]

    def past_broken(self) -> str:
        """The rules that were broken for good, each with the periods in which it was."""
        lang, labels = self.voice.lang, self.found.periods.planned
        told: dict[str, None] = {}
        for name, parts in self.found.past_broken.items():
            rule = rule_name(name, self.found.plan, lang)
            when = [label for label in labels if any(label in part.split() for part in parts)]
            periods = listed(when, lang, _CELLS)
            told[self.voice.say("track.cell", line=rule, periods=periods) if when else rule] = None
        return listed([*told], lang, _CELLS)

    def curves(self) -> list[Statement]:
        """What outcomes off their curves mean for the forecast."""
        found, voice, off = self.found, self.voice, self.off_curve()
        if not off or not found.rest:
            return []
        names = [voice.line(str(self.lines["line"][index])) for index in off]
        if not found.scaled:
            lines = listed(names, voice.lang, _CELLS)
            return [self.tell("track.alert.curves", tolerance=self.tolerance, lines=lines)]
        factors = [
            voice.say("track.factor", line=name, factor=number(found.factors[key], voice.lang, 2))
            for name, key in ((voice.line(key), key) for key in self.lines["line"])
            if key in found.factors and round(found.factors[key], 2) != 1
        ]
        return [
            self.tell("track.alert.scaled", next=found.rest[0], factors=listed(factors, voice.lang))
        ]

    def cells(self, cells: Iterable[tuple[str, str]]) -> str:
        """Lines, each with its periods."""
        by_line: dict[str, list[str]] = {}
        for line, period in cells:
            by_line.setdefault(line, []).append(period)
        lang = self.voice.lang
        told = [
            self.voice.say(
                "track.cell", line=self.voice.line(line), periods=listed(periods, lang, _CELLS)
            )
            for line, periods in by_line.items()
        ]
        return listed(told, lang)
