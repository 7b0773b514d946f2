"""An answer in sentences: what to do, why, what holds it back, and how sure it is.

Every sentence is made of facts of the :class:`~optimizer.allocation.Allocation`, so it can never
say anything its table does not. "Keep today's plan", "spend less" and "spend nothing" are answers
like any other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from optimizer.allocation import Allocation
from optimizer.plan.flows import CAPACITY
from optimizer.plan.risk import Chance, CVaR, WorstCase
from optimizer.shown import Shown
from optimizer.solvers.solution import Status
from optimizer.words import listed, number
from optimizer.words.rules import rule_name
from optimizer.words.voice import Voice

from .alerts import Alerts
from .telling import SMALL, Statement

__all__ = ["Explanation", "Statement", "explain"]

# Today's plan counts as the best when it is within this share of what no plan can beat.
CLOSE = 0.005
# A price of money below half of its last digit shown.
SMALLEST = 0.005
# Lines named in one sentence.
NAMED = 2
# Spend to look at on a line that nothing limits.
_MUCH = 1e9


@dataclass(frozen=True)
class Explanation(Shown):
    """What an answer says, most important first."""

    headline: Statement
    moves: tuple[Statement, ...]
    """The largest changes against today, or the largest lines, each with its reason."""
    rules: tuple[Statement, ...]
    """What binds, and what it costs."""
    alerts: tuple[Statement, ...]
    """What a reader must not miss."""
    proof: Statement
    risk: tuple[Statement, ...] = ()
    """What the value means under the plan's attitude to risk; nothing without one."""


def explain(allocation: Allocation, prices: Any = None, lang: str = "en") -> Explanation:
    """*allocation* in sentences; with *prices* (from ``rule_prices``) also what each rule costs."""
    teller = _Teller(allocation, prices, Voice(allocation.plan, lang))
    return Explanation(
        headline=teller.headline(),
        moves=tuple(teller.moves()),
        rules=tuple(teller.rules()),
        alerts=tuple(teller.alerts()),
        proof=teller.proof(),
        risk=tuple(teller.risk()),
    )


class _Teller(Alerts):
    """The facts of one answer, and the sentences they call for."""

    # ---------------------------------------------------------------- headline

    def headline(self) -> Statement:
        answer, voice = self.answer, self.voice
        spent = voice.cash(answer.spent)
        if answer.hedge is not None:
            return self._hedged(spent)
        if answer.status is None:
            return self.tell("headline.given", spent=spent, value=self._value(), noun=voice.noun)
        if answer.spent <= 0 and not self.least:
            return self._nothing()
        if self.least:
            return self._least(spent)
        if self.today is None:
            target = self._names(self.frame["spend"])
            key = "headline.new" if voice.counts_money else "headline.new_outcomes"
            return self.tell(key, spent=spent, target=target, value=self._value(), noun=voice.noun)
        gain = answer.objective - self.today.objective
        gained = voice.amount(gain, signed=True, bare=True)
        share = self._share_of(gain, self.today.objective)
        keeps = self.today.is_feasible
        if not keeps and gain < 0:
            return self._cost_of_rules(self.today, gained, share)
        room = self._room(self.today)
        if keeps and room is not None and room <= CLOSE:
            bound = voice.amount(answer.bound or 0.0)
            return self.tell("headline.best", room=self.small(room), bound=bound)
        changes = {"gain": gained, "noun": voice.noun, "percent": share, "spent": spent}
        more = answer.spent - self.today.spent
        if abs(more) > SMALL * max(self.today.spent, 1e-300):
            was, changes["spent"] = voice.apart(self.today.spent, answer.spent)
            if more > 0:
                target = self._names(self.frame["change"])
                return self.tell("headline.more", was=was, target=target, **changes)
            source = self._names(-self.frame["change"])
            return self.tell("headline.less", was=was, source=source, **changes)
        return self._move(changes)

    def _hedged(self, spent: str) -> Statement:
        """What is spent, and what is made best by it."""
        made, sign = self._made(), -1.0 if self.plan.risk and self.plan.risk.kind == "regret" else 1
        value = self.voice.amount(sign * self.value)
        if self.today is None or self.answer.status is None:
            return self.tell("headline.hedged", spent=spent, made=made, value=value)
        was = self.voice.amount(sign * self.voice.worth(self.today.objective))
        return self.tell("headline.hedged_today", spent=spent, made=made, value=value, was=was)

    def _made(self) -> str:
        """What an attitude to risk makes best."""
        risk, voice = self.plan.risk, self.voice
        assert risk is not None
        slots = {"noun": voice.noun}
        key = f"risk.{risk.kind}"
        if isinstance(risk, CVaR):
            slots |= {
                "share": voice.percent(1 - risk.level, 0),
                "part": voice.percent(risk.weight, 0),
            }
            key += "" if risk.weight == 1 else "_mixed"
        if isinstance(risk, Chance):
            slots["sure"] = voice.percent(risk.sure, 0)
            hedge = self.answer.hedge
            if hedge is not None and hedge.chance is not None and hedge.chance < risk.sure - 1e-9:
                key += "_short"
                slots["chance"] = voice.percent(hedge.chance, 1)
        if isinstance(risk, WorstCase):
            count = int(risk.numbers + 1e-9)
            slots["count"] = f"{count}"
            key += "_one" if count == 1 else ""
        return voice.say(key, **slots)

    def risk(self) -> Iterator[Statement]:
        """The plan over all draws, and what is not proven of it."""
        hedge, voice, risk = self.answer.hedge, self.voice, self.plan.risk
        if hedge is None or risk is None:
            return
        told = {
            "expected": hedge.expected,
            "worst": hedge.worst,
            "stated": self.answer.problem.value(self.answer.columns),
        }
        figures = {name: voice.amount(voice.worth(value)) for name, value in told.items()}
        yield self.tell("risk.figures", draws=f"{hedge.draws:,}", noun=voice.noun, **figures)
        if hedge.chance is not None:
            missed = isinstance(risk, Chance) and hedge.chance < risk.sure - 1e-9
            key = "risk.chance_missed" if missed else "risk.chance_reached"
            sure = risk.sure if isinstance(risk, Chance) else 0.0
            yield self.tell(key, chance=voice.percent(hedge.chance, 1), sure=voice.percent(sure, 0))
        if not hedge.exact:
            yield self.tell("risk.searched")
        yield self.tell("risk.as_stated")

    def _nothing(self) -> Statement:
        """Why nothing is spent, as far as that is known."""
        answer, problem = self.answer, self.answer.problem
        if self.plan.budget == 0:
            return self.tell("headline.nothing_budget")
        if (problem.upper <= 0).all():
            return self.tell("headline.nothing_room")
        if answer.status is not Status.OPTIMAL:
            return self.tell("headline.nothing_yet")
        return self.tell("headline.nothing_rules" if self._earns() else "headline.nothing")

    def _earns(self) -> bool:
        """Whether some line, taken for itself, would earn more than it costs."""
        problem = self.answer.problem
        most = np.where(np.isfinite(problem.upper), problem.upper, _MUCH)
        if problem.has_stocks:  # no line stands for itself
            nothing = problem.value(problem.lift(0.0 * most))
            shares = np.geomspace(1e-6, 1.0, 30)
            return any(problem.value(problem.lift(share * most)) > nothing for share in shares)
        return any(
            bool((problem.weights * problem.outcomes(spend) > problem.price * spend).any())
            for spend in (share * most for share in np.geomspace(1e-6, 1.0, 100))
        )

    def _cost_of_rules(self, today: Allocation, gain: str, percent: str) -> Statement:
        change, rules = self.frame["change"], self.broken(today)
        source, target = self._names(-change, 1), self._names(change, 1)
        slots = {"rules": rules, "gain": gain, "percent": percent}
        if not (source and target):
            return self.tell("headline.breaks_plain", value=self._value(), **slots)
        moved = max(float(change.clip(lower=0).sum()), float((-change).clip(lower=0).sum()))
        return self.tell(
            "headline.breaks_cost",
            amount=self.voice.cash(moved),
            source=source,
            target=target,
            noun=self.voice.noun,
            **slots,
        )

    def _move(self, changes: dict[str, str]) -> Statement:
        change = self.frame["change"]
        moved = float(change.clip(lower=0).sum())
        whole = all(
            side.nlargest(NAMED).sum() >= (1 - 0.03) * side.sum()
            for side in (change.clip(lower=0), (-change).clip(lower=0))
        )
        return self.tell(
            "headline.move" if whole else "headline.move_mostly",
            amount=self.voice.cash(moved),
            source=self._names(-change),
            target=self._names(change),
            **changes,
        )

    def _least(self, spent: str) -> Statement:
        if self.today is None:
            return self.tell("headline.least", spent=spent)
        less = self.today.spent - self.answer.spent
        if not self.today.is_feasible:
            rules = self.broken(self.today)
            if less < 0:
                more = self.voice.cash(-less)
                return self.tell("headline.least_more", rules=rules, spent=spent, more=more)
            return self.tell("headline.least", spent=spent)
        room = self._room(self.today)
        if room is not None and room <= CLOSE:
            return self.tell("headline.least_best", room=self.small(room))
        return self.tell("headline.least_less", spent=spent, less=self.voice.cash(less))

    def _room(self, today: Allocation) -> float | None:
        """How far today's plan is from what no plan can beat, as a share of it."""
        bound = self.answer.bound
        if bound is None or not math.isfinite(bound):
            return None
        size = max(abs(bound), abs(today.objective))
        return max(bound - today.objective, 0.0) / size if size > 0 else 0.0

    def _value(self) -> str:
        return self.voice.amount(self.value)

    def _share_of(self, gain: float, base: float) -> str:
        if base <= 0:
            return ""
        return self.voice.say("headline.percent", percent=self._signed(gain / base))

    def _signed(self, share: float) -> str:
        return self.voice.percent(share, 1 if abs(share) >= 0.001 else 2, signed=True)

    def _names(self, sizes: Any, count: int = NAMED) -> str:
        """The lines with the largest positive sizes."""
        largest = sizes[sizes > SMALL * max(self.answer.spent, 1e-300)].nlargest(count)
        names = [self.voice.line(str(self.frame["line"][index])) for index in largest.index]
        return listed(names, self.voice.lang)

    # ---------------------------------------------------------------- moves

    def moves(self, count: int = 3) -> list[Statement]:
        frame, voice = self.frame, self.voice
        if self.today is None:
            rows = frame[frame["spend"] > 0].nlargest(count, "spend")
            return [
                self.tell(
                    "move.new",
                    line=voice.line(row.line),
                    spend=voice.cash(row.spend),
                    reason=self._standing(row),
                )
                for row in rows.itertuples()
            ]
        size = frame["change"].abs()
        floor = SMALL * max(self.answer.spent, self.today.spent)
        moves = []
        for index in size[size > floor].nlargest(count).index:
            row = frame.loc[index]
            percent = ""
            if row.current > 0:
                share = voice.percent(row.change / row.current, 0, signed=True)
                percent = voice.say("headline.percent", percent=share)
            moves.append(
                self.tell(
                    "move.up" if row.change > 0 else "move.down",
                    line=voice.line(row.line),
                    change=voice.cash(row.change, signed=True),
                    spend=voice.cash(row.spend),
                    percent=percent,
                    reason=self._reason(row, int(index)),
                )
            )
        return moves

    def _standing(self, row: Any) -> str:
        """Why a line gets what it gets, where there is no today to compare with."""
        if row.at == "maximum":
            return self.voice.say("reason.maximum")
        if row.at == "minimum":
            return self.voice.say("reason.minimum")
        return self._says_rate("reason.value", next=row.marginal)

    def _reason(self, row: Any, index: int) -> str:
        voice, line = self.voice, self.plan.lines[index]
        up = row.change > 0
        if line.locked is not None:
            return voice.say("reason.locked")
        if self.least:
            return voice.say("reason.least")
        if row["at"] == "off":
            s_curve = self.takes_off(index)
            return voice.say("reason.off_s_curve" if s_curve else "reason.off")
        if row["at"] == "minimum" and not up:
            return voice.say("reason.minimum")
        if row["at"] == "maximum" and up:
            return voice.say("reason.maximum")
        split = self._split_reason(row)
        if split:
            return split
        assert self.today is not None
        was: Any = self.today.by_line.loc[index]
        best = self._best_free(row.role)
        if up and best is not None and row.marginal < 0.98 * best:
            rules = self._asking(index)
            if rules:
                return voice.say("reason.rule", rules=rules)
        if not up and was.current > 0:
            average = self._average(was)
            if 0 < was.marginal < 0.5 * average:
                return self._says_rate("reason.saturated", next=was.marginal, average=average)
        takeoff = line.curve.inflection * line.price * self.answer.problem.grid.n_periods
        if up and self.takes_off(index) and was.current < takeoff <= row.spend:
            own = voice.per_period(voice.cash(line.curve.inflection * line.price))
            return voice.say("reason.s_curve", takeoff=own)
        if up and row.marginal < was.marginal < math.inf:
            return self._says_rate("reason.room", next=was.marginal, common=row.marginal)
        if not up and 0 < was.marginal < row.marginal < math.inf:
            return self._says_rate("reason.dearer", next=was.marginal, common=row.marginal)
        return voice.say("reason.rules")

    def _average(self, row: Any) -> float:
        """What a line's money brings per unit, in units of the objective."""
        own = float(row["return"])
        if math.isfinite(own) and row.value > 0:  # what comes of earlier money is left out
            return float(own * row.worth / row.value)
        return float(row.worth / row.spend)

    def _says_rate(self, key: str, **rates: float) -> str:
        slots = {name: self.voice.rate(rate) for name, rate in rates.items()}
        if not self.voice.counts_money:
            return self.voice.say(f"{key}_cost", noun=self.voice.noun, **slots)
        return self.voice.say(key, one=self.voice.one, earned=self.voice.earned, **slots)

    def _best_free(self, role: str) -> float | None:
        """The highest marginal return among the lines of a role that stand at no bound."""
        frame = self.frame
        free = frame[frame["at"].isna() & (frame["role"] == role)]["marginal"]
        return None if free.empty else float(free.max())

    def _asking(self, index: int) -> str:
        """The binding rules that ask for money on a line, in words; empty without one."""
        problem, kinds = self.answer.problem, {rule.name: rule.kind for rule in self.plan.rules}
        n = problem.grid.n_periods
        own = slice(index * n, (index + 1) * n)
        column = problem.rows.spend[:, own].sum(axis=1)[~problem.rows.definition]
        names = [
            rule_name(row.rule, self.plan, self.voice.lang, row.part)
            for row, weight in zip(self.binding.itertuples(), column, strict=True)
            if row.binding
            and weight > 0
            and math.isfinite(row.lower)
            and kinds.get(row.rule, "split") != "split"
        ]
        return listed(list(dict.fromkeys(names)), self.voice.lang)

    def _split_reason(self, row: Any) -> str:
        """The brand rule as a reason: for the side it pushes the money to or takes it from."""
        rule = next((r for r in self.plan.rules if r.kind == "split" and r.by == "role"), None)
        if rule is None or row.role not in rule.target or rule.where:
            return ""
        binding = self.binding
        if not binding[(binding["rule"] == rule.name) & binding["binding"]].size:
            return ""
        by_role: Any = self.answer.by_role.set_index("role")
        moved = by_role["change"].get(row.role, 0.0)
        if moved * row.change <= 0 or abs(moved) < 0.25 * abs(row.change):
            return ""
        frame = self.frame
        free = frame[frame["at"].isna()].groupby("role")["marginal"].mean()
        others = free.drop(index=row.role, errors="ignore")
        if row.role not in free.index or others.empty:
            return ""
        pushed = free[row.role] < others.max()
        supported = row.role if pushed else str(others.idxmin())
        share = rule.target.get(supported)
        if share is None or pushed != (row.change > 0):
            return ""
        return self.voice.say(
            "reason.split_up" if pushed else "reason.split_down",
            share=self.voice.percent(share, 0),
            role=self.voice.line(supported),
        )

    # ---------------------------------------------------------------- rules

    def rules(self) -> list[Statement]:
        told = self._priced() if self.prices is not None else self._unpriced()
        return told or [self.tell("binds.none")]

    def _priced(self) -> list[Statement]:
        told = []
        frame = self.prices.frame
        for row in frame[frame["binding"].astype(bool)].to_dict("records"):
            rule = rule_name(row["rule"], self.plan, self.voice.lang, _text(row.get("part")))
            price = _known(row.get("price"))
            unit = str(row["unit"])
            # Rounding noise of a solver is no price.
            if price is not None and abs(price) < 1e-9:
                continue
            small = unit == "money" and self.voice.counts_money
            if small and price is not None and price < SMALLEST and self.plan.periods is not None:
                price = None  # it would read as nothing
            if row["rule"] == "budget":
                key = "binds.budget_plain" if price is None else "binds.budget"
            else:
                key = "binds.plain" if price is None else f"binds.{unit}"
            slots = {"rule": rule, "one": self.voice.one, "noun": self.voice.noun}
            if row["rule"].startswith(f"{CAPACITY} "):
                key = "binds.capacity_plain" if price is None else "binds.capacity"
                slots["some"] = self.used_up(row["rule"])
            if price is not None and price > 0 and unit == "money" and not self.voice.counts_money:
                key, slots["cost"] = f"{key}_cost", self.voice.money(1 / price)
            elif price is not None:
                slots["price"] = self._price(price, unit, of_budget=row["rule"] == "budget")
            statement = self.tell(key, **slots)
            step = _known(row.get("step"))
            if price and step is not None and unit != "point" and step > 1.0 and unit != "lines":
                over = self.voice.cash(step) if unit == "money" else number(step, self.voice.lang)
                statement = self.tell("binds.over", sentence=statement.text, over=over)
            cost = _known(row.get("cost"))
            if cost is not None and cost > SMALL * abs(self.answer.objective):
                amount = self.voice.amount(cost)
                key = "binds.cost_least" if self.least else "binds.cost"
                statement = self.tell(key, sentence=statement.text, cost=amount)
            told.append(replace(statement, rule=str(row["rule"])))
        return [*told, *self._not_here()]

    def _not_here(self) -> list[Statement]:
        """Rules that do not bind, and yet keep a better plan away."""
        frame = self.prices.frame
        told = []
        for row in frame[~frame["binding"].astype(bool)].to_dict("records"):
            cost = _known(row.get("cost"))
            if cost is None or cost <= SMALL * abs(self.answer.objective):
                continue
            rule = rule_name(row["rule"], self.plan, self.voice.lang, _text(row.get("part")))
            key = "binds.not_here_least" if self.least else "binds.not_here"
            told.append(self.tell(key, rule=rule, cost=self.voice.amount(cost)))
        return told

    def _price(self, price: float, unit: str, *, of_budget: bool) -> str:
        voice = self.voice
        if unit != "money":
            return voice.amount(price)
        if voice.counts_money:
            return voice.money(price, digits=2)
        text = number(price, voice.lang, 2 if price >= 0.1 else 6)
        return text if of_budget else voice.say("amount.outcomes", number=text, noun=voice.noun)

    def _unpriced(self) -> list[Statement]:
        binding = self.binding
        rows = binding[binding["binding"] & (binding["unit"] != "units")]
        told = {}
        for row in rows.itertuples():
            if row.rule == "budget":
                told[row.rule] = self.tell("binds.budget_plain")
            elif row.rule.startswith(f"{CAPACITY} "):
                rule = rule_name(row.rule, self.plan, self.voice.lang)
                some = self.used_up(row.rule)
                statement = self.tell("binds.capacity_plain", rule=rule, some=some)
                told[rule] = replace(statement, rule=row.rule)
            else:
                rule = rule_name(row.rule, self.plan, self.voice.lang, row.part)
                told[rule] = self.tell("binds.plain", rule=rule)
        return list(told.values())

    # ---------------------------------------------------------------- proof

    def proof(self) -> Statement:
        answer = self.answer
        if answer.status is None or answer.bound is None:
            return self.tell("proof.given")
        gap = self.small(answer.gap or 0.0)
        if answer.hedge is not None:
            proven = answer.status is Status.OPTIMAL
            key = "proof.hedged" if proven else "proof.hedged_stopped"
            return self.tell(key, gap=gap, draws=f"{answer.hedge.draws:,}")
        if answer.status is Status.OPTIMAL:
            key = "proof.least" if self.least else "proof.optimal"
            return self.tell(key, value=self._value(), gap=gap)
        bound = self.voice.amount(self.voice.worth(answer.bound))
        return self.tell(
            "proof.stopped_least" if self.least else "proof.stopped", bound=bound, gap=gap
        )


def _known(value: Any) -> float | None:
    """A number of a table, None where it has none."""
    return None if value is None or not math.isfinite(value) else float(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
