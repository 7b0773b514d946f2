"""What to buy now and what to leave until more shows, in sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from optimizer.tree import OTHERWISE
from optimizer.words import listed
from optimizer.words.voice import Voice

from .commitment import Committed
from .telling import Statement
from .tornado import label

__all__ = ["Advice", "advise", "branch_name", "branch_told"]

# Differences smaller than this share of the value are not told as such.
_SMALL = 1e-5
# Lines whose early booking is told one by one.
_TOLD = 3


@dataclass(frozen=True)
class Advice:
    """The sentences, by what they are about."""

    result: list[Statement]
    """What is bought now, and what waits."""
    worths: list[Statement]
    """What waiting, planning for every case and foresight are worth."""
    openings: list[Statement]
    """What buying a line up front costs."""
    method: list[Statement]
    """What the cases are, and how exactly they tell it."""

    @property
    def statements(self) -> list[Statement]:
        """All of them."""
        return [*self.result, *self.worths, *self.openings, *self.method]


def advise(found: Committed, lang: str = "en") -> Advice:
    """The sentences of a plan of two stages."""
    return _Teller(found, Voice(found.plan, lang)).told()


def branch_name(name: str, voice: Voice, *, grouped: bool) -> str:
    """A case by its name: a state, none of them, or a group of draws."""
    if grouped:
        return voice.say("commit.group", name=name)
    if name == OTHERWISE:
        return voice.say("commit.otherwise")
    return name.replace("_", " ")


def branch_told(found: Committed, place: int, voice: Voice) -> str:
    """In what a group of draws is unlike the others."""
    parts = [
        voice.say("commit.higher" if by > 0 else "commit.lower", what=label(path))
        for path, by in found.branches[place].tells
    ]
    return listed(parts, voice.lang)


class _Teller:
    """The facts in one voice."""

    def __init__(self, found: Committed, voice: Voice) -> None:
        self.found, self.voice = found, voice
        self.grouped = found.by_draws
        worths = found.worths.set_index("what")
        self.value, self.least = worths["value"].to_dict(), worths["at_least"].to_dict()
        self.takes = found.plan.objective.kind == "lowest_spend"
        self.size = _SMALL * max(abs(found.value), abs(found.adapts.bound), 1e-300)

    def tell(self, key: str, **slots: str) -> Statement:
        text = self.voice.say(f"commit.{key}", **slots)
        return Statement(f"commit.{key}", slots, text[:1].upper() + text[1:])

    def told(self) -> Advice:
        return Advice(self._result(), self._worths(), self._openings(), self._method())

    def _names(self, names: tuple[str, ...]) -> str:
        told = [branch_name(name, self.voice, grouped=self.grouped) for name in names]
        return listed(told, self.voice.lang)

    def _result(self) -> list[Statement]:
        found, voice = self.found, self.voice
        now = float(found.spend[0][found.committed].sum())
        rest = found.spend[:, ~found.committed].sum(axis=1)
        low, high = voice.apart(float(rest.min()), float(rest.max()))
        slots = {"now": voice.cash(now), "low": low, "high": high}
        said = [self.tell("now" if low != high else "now_same", **slots)]
        key = "least" if self.takes else "value"
        value = voice.amount(voice.worth(found.value))
        said.append(self.tell(key, noun=voice.noun, value=value))
        return said

    def _worths(self) -> list[Statement]:
        said = []
        if self.found.fixed is None:
            said.append(self.tell("waiting_must"))
        else:
            said.append(self._worth("waiting"))
        if self.found.stated is None:
            names = self._names(self.found.broken)
            said.append(self.tell("stochastic_broken", branches=names))
        else:
            said.append(self._worth("stochastic"))
        said.append(self._worth("knowing"))
        return said

    def _worth(self, what: str) -> Statement:
        value = self.value[what]
        if not np.isfinite(value) or value <= self.size:
            return self.tell(f"{what}_none")
        key = f"{what}_least" if self.takes else what
        return self.tell(key, worth=self.voice.amount(value))

    def _openings(self) -> list[Statement]:
        frame: Any = self.found.openings
        dear = frame[frame["worth"] > self.size]
        said = [
            self.tell("opening", line=self.voice.line(row.line), worth=self.voice.amount(row.worth))
            for row in dear.head(_TOLD).itertuples()
        ]
        free = [self.voice.line(line) for line in frame.loc[frame["worth"] <= self.size, "line"]]
        if free:
            said.append(self.tell("opening_none", lines=listed(free, self.voice.lang, _TOLD)))
        return said

    def _method(self) -> list[Statement]:
        found, voice = self.found, self.voice
        count = str(len(found.branches))
        key = "groups" if self.grouped else "states_mixed" if found.is_grouped else "states"
        said = [self.tell(key, count=count)]
        if found.aside:
            said.append(self.tell("aside"))
        if found.is_grouped:
            frame = found.over_draws.set_index("plan")["mean"]
            draws = f"{found.tree.worlds.n:,}"
            if "fixed" in frame:
                by = float(frame["adapts"] - frame["fixed"])
                key = "draws" if by > self.size else "draws_none"
                said.append(self.tell(key, draws=draws, by=voice.amount(abs(by))))
        return said
