"""One plan's way of speaking: its language, its currency, and what its objective counts."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.plan.plan import Plan

from . import label, money, number, percent, say, stage

__all__ = ["Voice"]


@dataclass(frozen=True)
class Voice:
    """Writes a plan's numbers and sentences in one language."""

    plan: Plan
    lang: str = "en"

    def say(self, key: str, **slots: object) -> str:
        """The sentence *key*."""
        return say(key, self.lang, **slots)

    def cash(self, value: float, *, signed: bool = False) -> str:
        """Money in short: ``¥1.2M``."""
        return money(value, self.plan.currency, self.lang, compact=True, signed=signed)

    def apart(self, *values: float) -> list[str]:
        """Money in short, with as many digits as it takes to tell the values apart.

        Values that differ by less than one in ten thousand may read the same.
        """
        size = max(map(abs, values), default=0.0)
        far = {round(value / size, 4) for value in values} if size else {0.0}
        texts = [self.cash(value) for value in values]
        for digits in (2, 3, 4):
            if len(set(texts)) >= len(far):
                break
            texts = [
                money(value, self.plan.currency, self.lang, compact=True, digits=digits)
                for value in values
            ]
        return texts

    def lines(self, count: int) -> str:
        """A number of lines: ``1 line``, ``3 lines``."""
        return self.say("count.line" if count == 1 else "count.lines", count=count)

    def money(self, value: float, *, digits: int | None = None, signed: bool = False) -> str:
        """Money in full."""
        return money(value, self.plan.currency, self.lang, digits=digits, signed=signed)

    def percent(self, share: float, digits: int = 1, *, signed: bool = False) -> str:
        """A share as per cent."""
        return percent(share, self.lang, digits, signed=signed)

    def per_period(self, text: str) -> str:
        """An amount that is one per period: ``$10K a month``; as it is without periods."""
        periods = self.plan.periods
        return text if periods is None else self.say(f"per.{periods.every}", amount=text)

    def some(self, count: int, total: int) -> str:
        """A number of periods: ``3 of 12 months``, ``all 12 months``."""
        periods = self.plan.periods
        every = "month" if periods is None else periods.every
        word = "all" if count == total else "some"
        return self.say(f"{word}.{every}", count=count, total=total)

    def line(self, name: str) -> str:
        """The name of a line or role."""
        return label(name, self.lang)

    @property
    def one(self) -> str:
        """One unit of money."""
        return money(1, self.plan.currency, self.lang, digits=0)

    @property
    def counts_money(self) -> bool:
        """Whether the objective is in money."""
        return self.plan.objective.unit == "money"

    @property
    def noun(self) -> str:
        """What the objective counts: profit, revenue, leads …"""
        objective = self.plan.objective
        if objective.kind == "outcomes" and objective.of:
            return stage(objective.of, self.lang)
        return self.say(f"noun.{objective.kind}")

    @property
    def earned(self) -> str:
        """What the objective's weights count before spend is taken off: margin for profit."""
        kind = self.plan.objective.kind
        return self.say("noun.margin") if kind == "profit" else self.noun

    @property
    def goal(self) -> str:
        """The objective in words."""
        return self.say(f"goal.{self.plan.objective.kind}", noun=self.noun)

    def worth(self, objective: float) -> float:
        """The objective as a reader counts it: for lowest_spend the spend and not minus it."""
        return -objective if self.plan.objective.kind == "lowest_spend" else objective

    def amount(self, value: float, *, signed: bool = False, bare: bool = False) -> str:
        """A quantity of what the objective counts: ``¥1.2M``, ``5,210 leads`` (bare: ``5,210``)."""
        if self.counts_money:
            return self.cash(value, signed=signed)
        size = abs(value)
        digits = 0 if size >= 100 or value == 0 else 1 if size >= 10 else 2
        text = number(value, self.lang, digits, signed=signed)
        return text if bare else self.say("amount.outcomes", number=text, noun=self.noun)

    def rate(self, value: float) -> str:
        """What the next unit of money brings: money, or for outcomes what the next one costs."""
        if self.counts_money:
            return self.money(value, digits=2)
        return self.money(1 / value) if value > 0 else "∞"
