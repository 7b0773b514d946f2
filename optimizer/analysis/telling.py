"""The facts of one answer, and how a sentence is made of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from optimizer.allocation import Allocation
from optimizer.plan.curves import Shape
from optimizer.plan.flows import CAPACITY
from optimizer.words import listed
from optimizer.words.rules import rule_name
from optimizer.words.voice import Voice

__all__ = ["SMALL", "Statement", "Teller"]

# A gain or a change of spend smaller than this share is not worth telling as one.
SMALL = 0.001


@dataclass(frozen=True)
class Statement:
    """One sentence."""

    key: str
    """Which sentence of the catalogue it is."""
    slots: Mapping[str, str] = field(default_factory=dict)
    """What was put into it."""
    text: str = ""
    """The sentence itself."""
    rule: str = ""
    """The rule it speaks of, where it speaks of one that binds."""

    def __str__(self) -> str:
        """The sentence."""
        return self.text


class Teller:
    """The facts of one answer in one voice; what each kind of sentence needs."""

    def __init__(self, allocation: Allocation, prices: Any, voice: Voice) -> None:
        self.answer, self.prices, self.voice = allocation, prices, voice
        self.plan, self.today = allocation.plan, allocation.today
        self.frame: Any = allocation.by_line
        self.binding: Any = allocation.binding
        self.value = voice.worth(allocation.objective)
        self.least = self.plan.objective.kind == "lowest_spend"

    def tell(self, statement: str, **slots: str) -> Statement:
        """One sentence of the catalogue."""
        text = self.voice.say(statement, **slots)
        return Statement(statement, slots, text[:1].upper() + text[1:])

    def small(self, share: float) -> str:
        """A small share, rounded up: a gap is never told smaller than it is."""
        if share < 1e-5:
            return self.voice.say("proof.tiny")
        if not math.isfinite(share):
            return "∞"
        digits = next(d for d in (1, 2, 3) if share * 100 >= 10.0**-d)
        return self.voice.percent(math.ceil(share * 100 * 10**digits - 1e-9) / 10**digits / 100,
                                  digits)  # fmt: skip

    def broken(self, allocation: Allocation) -> str:
        """The hard rules and limits that a spend breaks, in words."""
        plan, problem = allocation.plan, allocation.problem
        rules: Any = allocation.binding
        soft = problem.rows.soft[~problem.rows.definition]
        size = 1e-9 * max(allocation.spent, 1.0)
        names = [
            rule_name(row.rule, plan, self.voice.lang)
            for row, is_soft in zip(rules.itertuples(), soft, strict=True)
            if not is_soft and row.violation > size
        ]
        n, spend = problem.n_cells, allocation.spend
        lower, upper, floor = problem.lower[:n], problem.upper[:n], problem.floor[:n]
        low, high = spend < lower - size, spend > upper + size
        for mask, word in ((low, "minimum"), (high, "maximum")):
            names += [
                rule_name(f"{line} {'locked' if locked else word}", plan, self.voice.lang)
                for line, locked in zip(
                    problem.grid.names[mask],
                    (lower[mask] == upper[mask]),
                    strict=True,
                )
            ]
        small = (spend > size) & (spend < floor - size) & ~low
        names += [
            rule_name(f"{line} minimum if active", plan, self.voice.lang)
            for line in problem.grid.names[small]
        ]
        unique = list(dict.fromkeys(names))
        return listed(unique, self.voice.lang, 3) or self.voice.say("word.none")

    def used_up(self, rule: str) -> str:
        """In how many of the periods that count the capacity of a stage is used up."""
        stages: Any = self.answer.by_stage
        own = stages[stages["stage"] == rule.removeprefix(f"{CAPACITY} ")]
        limited = own[own["capacity"].notna()]
        return self.voice.some(int(limited["full"].sum()), len(limited))

    def takes_off(self, index: int) -> bool:
        """Whether a line brings little at first and takes off later."""
        line = self.plan.lines[index]
        bends = line.curve.shape in {Shape.S_SHAPED, Shape.PIECEWISE}
        return bool(bends and line.curve.inflection > 0)
