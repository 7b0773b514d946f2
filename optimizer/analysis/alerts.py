"""What a reader of an answer must not miss."""

from __future__ import annotations

from typing import Any

from optimizer.plan.document import assumptions
from optimizer.solvers.solution import Status
from optimizer.words import listed
from optimizer.words.rules import rule_name

from .telling import SMALL, Statement, Teller

__all__ = ["Alerts"]


class Alerts(Teller):
    """Broken rules, spend beyond what was observed, losses, money left, weak evidence."""

    def alerts(self) -> list[Statement]:
        """Everything to be told, what may be wrong with the answer first."""
        return [
            *self._feasibility(),
            *self._beyond(),
            *self._losses(),
            *self._left(),
            *self._softened(),
            *self._at_maximum(),
            *self._bends(),
            *self._evidence(),
        ]

    def _feasibility(self) -> list[Statement]:
        told = []
        if self.answer.status is Status.STOPPED:
            told.append(self.tell("alert.stopped", gap=self.small(self.answer.gap or 0.0)))
        if self.answer.status is None and not self.answer.is_feasible:
            told.append(self.tell("alert.breaks", rules=self.broken(self.answer)))
        if self.today is None:
            told.append(self.tell("alert.no_today"))
        elif not self.today.is_feasible:
            told.append(self.tell("alert.today_breaks", rules=self.broken(self.today)))
        return told

    def _beyond(self) -> list[Statement]:
        beyond = self.frame["beyond_observed"]
        facts = [
            {
                "line": self.voice.line(row.line),
                "amount": self.voice.cash(row.beyond_observed),
                "observed": self.voice.cash(row.spend - row.beyond_observed),
            }
            for row in self.frame[beyond > SMALL * max(self.answer.spent, 1.0)].itertuples()
        ]
        if len(facts) < 2:
            return [self.tell("alert.beyond", **fact) for fact in facts]
        lines = [self.voice.say("alert.beyond_one", **fact) for fact in facts]
        return [self.tell("alert.beyond_many", lines=listed(lines, self.voice.lang, 6))]

    def _losses(self) -> list[Statement]:
        if self.plan.objective.kind != "profit":
            return []
        frame = self.frame
        loses = (frame["at"] == "minimum") & (frame["worth"] < frame["spend"])
        return [
            self.tell(
                "alert.loss",
                line=self.voice.line(row.line),
                spend=self.voice.cash(row.spend),
                value=self.voice.cash(row.worth),
            )
            for row in frame[loses].itertuples()
        ]

    def _left(self) -> list[Statement]:
        budget = self.plan.budget
        if budget is None or self.least or self.answer.status is None:
            return []
        left = budget - self.answer.spent
        if left <= SMALL * budget:
            return []
        free = self.frame[self.frame["at"].isna()]["marginal"]
        earns = self.plan.objective.price_of_spend
        key = "alert.left" if earns and (free <= earns * 1.001).all() else (
            "alert.left_rules")  # fmt: skip
        return [self.tell(key, left=self.voice.cash(left), one=self.voice.one)]

    def _softened(self) -> list[Statement]:
        rows = self.binding
        soft = self.answer.problem.rows.soft[~self.answer.problem.rows.definition]
        size = 1e-6 * max(self.answer.spent, 1.0)
        return [
            self.tell(
                "alert.soft",
                rule=rule_name(row.rule, self.plan, self.voice.lang, row.part),
                amount=self.voice.cash(row.violation)
                if row.unit == "money"
                else f"{row.violation:,.4g}",
            )
            for row, is_soft in zip(rows.itertuples(), soft, strict=True)
            if is_soft and row.violation > size * (row.unit == "money") + 1e-9
        ]

    def _at_maximum(self) -> list[Statement]:
        locked = [line.locked is not None for line in self.plan.lines]
        rows = self.frame[(self.frame["at"] == "maximum") & ~_series(locked, self.frame)]
        if rows.empty:
            return []
        names = [self.voice.line(name) for name in rows["line"]]
        return [self.tell("alert.maximum", lines=listed(names, self.voice.lang, 5))]

    def _bends(self) -> list[Statement]:
        names = [
            self.voice.line(line.name)
            for index, line in enumerate(self.plan.lines)
            if self.takes_off(index) and self.frame["spend"][index] > 0
        ]
        lines = listed(names, self.voice.lang, 5)
        return [self.tell("alert.s_curve", lines=lines)] if names else []

    def _evidence(self) -> list[Statement]:
        found = assumptions(self.plan)
        weak = [a for a in found if a.origin and a.origin.grade in {"C", "assumption"}]
        none = [a for a in found if a.origin is None]
        told = []
        for key, some in (("alert.grades", weak), ("alert.unsourced", none)):
            if some:
                told.append(self.tell(key, count=str(len(some)), total=str(len(found))))
        return told


def _series(values: list[bool], frame: Any) -> Any:
    import pandas as pd

    return pd.Series(values, index=frame.index, dtype=bool)
