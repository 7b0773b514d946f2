"""How sure a plan is and what to test next, in sentences for those who know no statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimizer.words import listed, number, stage
from optimizer.words.voice import Voice

from .certainty import Certainty
from .information import Information, has_worth
from .telling import Statement
from .tornado import label

__all__ = ["Assurance", "assure", "source_name"]

# Money that moves by less than this share of itself over nine worlds of ten stands firmly.
_FIRM = 0.33
# Tests told one by one, and loose lines told.
_TESTS, _LOOSE = 5, 3
# What a test must be worth, as a share of all there is to know, to be told.
_WORTH = 0.02


@dataclass(frozen=True)
class Assurance:
    """The sentences, by what they are about."""

    result: list[Statement]
    """What the plan brings, and against today."""
    money: list[Statement]
    """How firmly each line's money stands."""
    views: list[Statement]
    """When another view is right, and when another line goes ahead."""
    tests: list[Statement]
    """What to find out next."""
    method: list[Statement]
    """What was drawn, and how exactly that tells it."""

    @property
    def statements(self) -> list[Statement]:
        """All of them."""
        return [*self.result, *self.money, *self.views, *self.tests, *self.method]


def source_name(name: str, kind: str, voice: Voice) -> str:
    """What is uncertain, for a reader: a line, a number by its path, or a word for the rest."""
    if kind == "line":
        return voice.line(name)
    if kind in {"states", "lists"}:
        return voice.say(f"source.{kind}")
    if kind == "factor":
        return voice.say("source.factor", name=name)
    if "*" in name:
        return voice.say("source.all", what=name.rsplit(".", 1)[-1].replace("_", " "))
    words = name.split(".")
    if words[:2] == ["funnel", "value"]:
        return voice.say("source.value", stage=stage(words[2], voice.lang))
    if words[:2] == ["funnel", "rates"]:
        return voice.say("source.rate", stage=stage(words[2], voice.lang))
    return label(name)


def assure(found: Certainty, known: Information | None = None, lang: str = "en") -> Assurance:
    """The sentences of how sure a plan is and what to test next."""
    return _Teller(found, known, Voice(found.plan, lang)).told()


class _Teller:
    """The facts in one voice."""

    def __init__(self, found: Certainty, known: Information | None, voice: Voice) -> None:
        self.found, self.known, self.voice = found, known, voice

    def tell(self, key: str, **slots: str) -> Statement:
        text = self.voice.say(key, **slots)
        return Statement(key, slots, text[:1].upper() + text[1:])

    def told(self) -> Assurance:
        return Assurance(
            [*self._objective(), *self._gain()],
            self._money(),
            [*self._views(), *self._switches()],
            self._tests(),
            self._method(),
        )

    def _amounts(self, row: Mapping[str, Any], *names: str) -> list[str]:
        """Quantities of what the objective counts."""
        values = [float(row[name]) for name in names]
        if self.voice.counts_money:
            return self.voice.apart(*values)
        return [self.voice.amount(value, bare=True) for value in values]

    def _objective(self) -> list[Statement]:
        bands: Any = self.found.bands
        row = bands.iloc[0].to_dict()
        if self.found.plan.objective.kind == "lowest_spend":
            rows = bands[bands["what"].isin(["stage", "outcome"])]
            row = rows.iloc[-1].to_dict()
            noun = stage(row["name"], self.voice.lang) if row["name"] else (
                self.voice.say("noun.outcomes"))  # fmt: skip
            low, middle, high = (
                number(row[key], self.voice.lang, 0) for key in ("p5", "p50", "p95")
            )
        else:
            noun = self.voice.noun
            low, middle, high = self._amounts(row, "p5", "p50", "p95")
        in_money = self.voice.counts_money and self.found.plan.objective.kind != "lowest_spend"
        key = "sure.result" if in_money else "sure.units"
        return [self.tell(key, noun=noun, low=low, middle=middle, high=high)]

    def _gain(self) -> list[Statement]:
        gain = self.found.gain
        if gain is None:
            return [self.tell("sure.no_today")]
        if self.found.plan.objective.kind == "lowest_spend":
            return []
        slots = {
            "count": number(100 * gain.chance, self.voice.lang),
            "mean": self.voice.amount(gain.band["mean"], signed=True),
            "low": self.voice.amount(gain.band["p5"], signed=True),
            "high": self.voice.amount(gain.band["p95"], signed=True),
        }
        return [self.tell("sure.gain" if gain.is_clear else "sure.no_gain", **slots)]

    def _money(self) -> list[Statement]:
        frame: Any = self.found.lines
        spent = max(self.found.allocation.spent, 1e-300)
        width = (frame["best_p95"] - frame["best_p5"]).to_numpy(float)
        firm = (width <= _FIRM * frame["spend"].to_numpy(float)) & (frame["spend"] > 0)
        # A plan beside that range is not what most worlds would choose.
        room = 0.02 * frame["spend"]
        firm &= (frame["spend"] >= frame["best_p5"] - room) & (
            frame["spend"] <= frame["best_p95"] + room
        )
        told = []
        if firm.any():
            names = [self.voice.line(name) for name in frame["line"][firm]]
            told.append(self.tell("sure.firm", lines=listed(names, self.voice.lang, 5)))
        loose = [i for i in np.argsort(-width, kind="stable") if width[i] > 0.02 * spent]
        for index in [i for i in loose if not firm.iloc[i]][:_LOOSE]:
            row = frame.iloc[int(index)]
            told.append(
                self.tell(
                    "sure.loose",
                    line=self.voice.line(row["line"]),
                    low=self.voice.cash(row["best_p5"]),
                    high=self.voice.cash(row["best_p95"]),
                    spend=self.voice.cash(row["spend"]),
                )
            )
        return told

    def _views(self) -> list[Statement]:
        frame: Any = self.found.views
        told = []
        size = max(abs(self.found.allocation.objective), 1e-300)
        for row in frame.itertuples():
            if np.isnan(row.regret):
                told.append(self.tell("sure.view_breaks", view=row.view))
            elif row.regret <= 1e-3 * size:
                told.append(self.tell("sure.view_same", view=row.view))
            else:
                regret = self.voice.amount(row.regret)
                told.append(self.tell("sure.view", view=row.view, regret=regret))
        return told

    def _switches(self) -> list[Statement]:
        frame: Any = self.found.switching
        told = []
        for row in frame.itertuples():
            names = {"line": self.voice.line(row.line), "other": self.voice.line(row.other)}
            if np.isnan(row.fall):
                told.append(self.tell("sure.ahead_far", **names))
            else:
                fall = self.voice.percent(row.fall, 0 if row.fall >= 0.02 else 1)
                told.append(self.tell("sure.ahead", **names, fall=fall))
        return told

    def _tests(self) -> list[Statement]:
        known = self.known
        if known is None:
            return []
        if known.total <= 2 * known.error or known.total <= 1e-9 * max(abs(known.mean), 1.0):
            return [self.tell("test.nothing")]
        told = [
            self.tell(
                "test.total",
                total=self.voice.amount(known.total),
                share=self.voice.percent(known.total / max(abs(known.mean), 1e-300)),
            )
        ]
        frame: Any = known.frame
        worth = frame[(frame["worth"] > 2 * frame["error"]) & (frame["share"] > _WORTH)]
        for row in worth.head(_TESTS).itertuples():
            name = source_name(row.name, row.kind, self.voice)
            told.append(self.tell("test.worth", name=name, worth=self.voice.amount(row.worth)))
        if worth.empty:
            told.append(self.tell("test.no_one"))
        shares: Any = known.shares
        if len(shares) and shares["whole"].iloc[0] > 0:
            row = shares.iloc[0]
            told.append(
                self.tell(
                    "test.variance",
                    name=source_name(row["name"], row["kind"], self.voice),
                    share=self.voice.percent(min(float(row["whole"]), 1.0), 0),
                )
            )
        return told

    def _method(self) -> list[Statement]:
        found = self.found
        assert found.plan.uncertainty is not None
        told = [
            self.tell(
                "sure.draws",
                draws=number(found.draws, self.voice.lang),
                seed=str(found.plan.uncertainty.seed),
                few=number(found.few.n, self.voice.lang),
            )
        ]
        if not found.stable:
            told.append(self.tell("sure.unstable"))
        if self.known is not None:
            told.append(self.tell("test.upper"))
        elif not has_worth(found.allocation):
            told.append(self.tell("test.rules"))
        return told
