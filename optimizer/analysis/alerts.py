"""What a reader of an answer must not miss."""

from __future__ import annotations

from typing import Any

from optimizer.plan.document import assumptions
from optimizer.plan.flows import CAPACITY
from optimizer.solvers.solution import Status
from optimizer.words import listed, number, stage
from optimizer.words.rules import rule_name

from .standing import limits_in_periods
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
            *self._lost(),
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
        ending = ""
        if self.plan.periods is not None:
            facts, ending = self._beyond_in(beyond > 0), "_in"
        if len(facts) < 2:
            return [self.tell(f"alert.beyond{ending}", **fact) for fact in facts]
        lines = [self.voice.say(f"alert.beyond_one{ending}", **fact) for fact in facts]
        return [self.tell("alert.beyond_many", lines=listed(lines, self.voice.lang, 6))]

    def _beyond_in(self, lines: Any) -> list[dict[str, str]]:
        """How far money goes beyond what was observed in a period, and in how many of them."""
        n = self.answer.problem.grid.n_periods
        facts = []
        for index in lines[lines].index:
            line = self.plan.lines[int(index)]
            assert line.observed is not None
            over = self.answer.spend.reshape(-1, n)[int(index)] - line.observed
            if over.max() <= SMALL * line.observed:
                continue
            facts.append(
                {
                    "line": self.voice.line(line.name),
                    "amount": self.voice.cash(float(over.max())),
                    "observed": self.voice.per_period(self.voice.cash(line.observed)),
                    "some": self.voice.some(int((over > SMALL * line.observed).sum()), n),
                }
            )
        return facts

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

    def _lost(self) -> list[Statement]:
        """Stages that lose units beyond their capacity."""
        stages, told = self.answer.by_stage, []
        for name, rows in stages.groupby("stage", sort=False):
            lost, arrived = float(rows["lost"].sum()), float(rows["arrived"].sum())
            if lost <= SMALL * arrived:
                continue
            told.append(
                self.tell(
                    "alert.lost",
                    stage=stage(str(name), self.voice.lang),
                    lost=number(lost, self.voice.lang),
                    arrived=number(arrived, self.voice.lang),
                    some=self.used_up(f"{CAPACITY} {name}"),
                )
            )
        return told

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
        told = []
        if not rows.empty:
            names = [self.voice.line(name) for name in rows["line"]]
            told.append(self.tell("alert.maximum", lines=listed(names, self.voice.lang, 5)))
        n = self.answer.problem.grid.n_periods
        some = [
            self.voice.say(
                "alert.maximum_one",
                line=self.voice.line(line.name),
                some=self.voice.some(words["maximum"], n),
            )
            for line, words in zip(self.plan.lines, limits_in_periods(self.answer), strict=True)
            if "maximum" in words
        ]
        if some:
            told.append(self.tell("alert.maximum_in", lines=listed(some, self.voice.lang, 5)))
        return told

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
