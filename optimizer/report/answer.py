"""The first screen: what to do, what it brings, how sure, and what a reader must not miss."""

from __future__ import annotations

import re
from typing import Any

from optimizer.analysis.explanation import explain
from optimizer.plan.document import assumptions
from optimizer.solvers.solution import Status
from optimizer.words import listed
from optimizer.words.rules import rule_in_words

from .blocks import Answer, Card
from .view import View

__all__ = ["answer", "chips", "status"]

# A next unit of money that gains or loses less than this share of itself is "at the limit".
EVEN = 0.02


def status(view: View) -> tuple[str, str]:
    """The status for the page's colours, and in words."""
    allocation = view.allocation
    if allocation.status is None:
        if not allocation.is_feasible:
            return "broken", view.say("status.broken")
        return "given", view.say("status.given")
    gap = allocation.gap or 0.0
    digits = next((d for d in (1, 2, 3) if gap * 100 >= 10.0**-d), 3)
    text = view.voice.percent(max(gap, 1e-5), digits)
    word = "optimal" if allocation.status is Status.OPTIMAL else "stopped"
    return word, view.say(f"status.{word}", gap=text)


def chips(view: View) -> list[str]:
    """Short facts of the plan."""
    plan, voice = view.allocation.plan, view.voice
    said = []
    if plan.business != "none":
        said.append(view.say(f"chip.{plan.business}"))
    for rule in plan.rules:
        if rule.kind == "split" and rule.by == "role":
            text = rule_in_words(rule, plan, view.lang)
            said.append(text[:1].upper() + text[1:])
    said.append(view.say("chip.goal", goal=voice.goal))
    said.append(view.say("chip.currency", currency=plan.currency))
    dates = [origin.as_of for origin in plan.origins.values() if origin.as_of]
    if dates:
        said.append(view.say("chip.as_of", date=max(dates)))
    found = assumptions(plan)
    weak = [a for a in found if a.origin is None or a.origin.grade in {"C", "assumption"}]
    key = "chip.weak" if weak else "chip.sound"
    said.append(view.say(key, count=len(weak), total=len(found)))
    if plan.applied:
        said.append(view.say("chip.applied", names=listed(list(plan.applied), view.lang)))
    return said


def answer(view: View, prices: Any) -> Answer:
    """Headline, cards, moves, rules and alerts."""
    told = explain(view.allocation, prices, view.lang)
    moves = [move.text for move in told.moves] or [view.say("answer.no_moves")]
    return Answer(
        # A line never ends between a sign and its sum.
        headline=re.sub(r"\+(?=[^\w\s])", "+\u2060", told.headline.text),
        proof=told.proof.text if told.risk else view.say("proof.assumes", proof=told.proof.text),
        cards=_cards(view, prices),
        moves_title=view.say("answer.moves" if view.has_today else "answer.moves_new"),
        moves=moves,
        rules=[rule.text for rule in told.rules],
        alerts=[one.text for one in (*told.risk, *told.alerts)],
    )


def _cards(view: View, prices: Any) -> list[Card]:
    allocation, voice = view.allocation, view.voice
    today, plan = allocation.today, allocation.plan
    notes = []
    sums = [allocation.spent, *([] if today is None else [today.spent])]
    sums += [] if plan.budget is None else [plan.budget]
    spent, *others = voice.apart(*sums)
    if today is not None:
        notes.append(view.say("card.budget_today", today=others[0]))
    if plan.budget is not None:
        notes.append(view.say("card.budget_limit", budget=others[-1]))
    cards = [Card(view.say("card.budget"), spent, notes)]
    if plan.objective.kind != "lowest_spend":
        value, was = voice.amount(allocation.objective, bare=True), []
        if today is not None:
            then = voice.amount(today.objective)
            if voice.counts_money:
                value, then = voice.apart(allocation.objective, today.objective)
            was = [view.say("card.value_today", today=then)]
        key = "card.value" if allocation.hedge is None else "card.value_hedged"
        title = view.say(key, noun=voice.noun)
        cards.append(Card(title, value, was))
    elif view.counts_value:
        revenue = view.revenue
        title = view.say("card.value", noun=voice.say("noun.revenue"))
        cards.append(Card(title, voice.cash(revenue)))
    cards += [_change(view), _next(view, prices)]
    return cards


def _change(view: View) -> Card:
    allocation, voice, today = view.allocation, view.voice, view.allocation.today
    title = view.say("card.change")
    if today is None:
        return Card(title, view.say("word.none"), [view.say("card.change_unknown")])
    gain = voice.worth(allocation.objective) - voice.worth(today.objective)
    base = voice.worth(today.objective)
    notes = []
    if base > 0:
        notes.append(voice.percent(gain / base, 1, signed=True))
    if today.is_feasible:
        notes.append(view.say("card.change_same"))
    else:
        told = explain(allocation, lang=view.lang)
        broken = [a.slots["rules"] for a in told.alerts if a.key == "alert.today_breaks"]
        notes += [view.say("card.change_rules", rules=rules) for rules in broken]
    return Card(title, voice.amount(gain, signed=True, bare=True), notes)


def _next(view: View, prices: Any) -> Card:
    """What the next unit of money brings, and whether that is worth it."""
    voice, kind = view.voice, view.allocation.plan.objective.kind
    if kind == "lowest_spend":
        price = _price(prices, "outcomes")
        title = view.say("card.next_target")
        return Card(title, view.say("word.none") if price is None else voice.money(price), [])
    price = _next_price(view, prices)
    title = view.say("card.next", one=voice.one)
    if price is None:
        return Card(title, view.say("word.none"), [view.say("card.next_unknown")])
    if kind == "profit":
        word = "worth" if price > EVEN else "over" if price < -EVEN else "limit"
        notes = [view.say("card.next_profit"), view.say(f"card.next_{word}")]
        return Card(title, voice.money(price, digits=2, signed=True), notes)
    if price <= 0:
        return Card(title, voice.money(0) if kind == "revenue" else "0",
                    [view.say("card.next_idle")])  # fmt: skip
    if kind == "outcomes":
        title = view.say("card.next_outcome", noun=voice.noun)
        return Card(title, voice.money(1 / price), [view.say("card.next_outcome_note")])
    note = (
        view.say("card.next_revenue_pays", margin=voice.percent(1 / price, 0))
        if price > 1
        else view.say("card.next_revenue_loses")
    )
    return Card(title, voice.money(price, digits=2, signed=True), [note])


def _next_price(view: View, prices: Any) -> float | None:
    """Objective gained by the next unit of budget; 0 where some of the budget is left."""
    allocation = view.allocation
    plan = allocation.plan
    if plan.budget is None:
        return None
    whole = any(rule.kind == "spend_all" for rule in plan.rules)
    if allocation.spent < plan.budget * (1 - 1e-6) and not whole:
        return 0.0
    if prices is not None:
        frame = prices.frame
        known = {
            row["rule"]: row["price"]
            for row in frame.to_dict("records")
            if row["price"] is not None and row["price"] == row["price"]
        }
        if "budget" not in known:
            return None
        all_of_it = sum(known.get(r.name, 0.0) for r in plan.rules if r.kind == "spend_all")
        return float(known["budget"] - all_of_it)
    if allocation.duals is None:
        return None
    names = {"budget", *(rule.name for rule in plan.rules if rule.kind == "spend_all")}
    rows = allocation.problem.rows.rule
    return float(sum(price for name, price in zip(rows, allocation.duals.rows, strict=True)
                     if name in names))  # fmt: skip


def _price(prices: Any, unit: str) -> float | None:
    if prices is None:
        return None
    frame = prices.frame
    rows = frame[(frame["unit"] == unit) & frame["binding"].astype(bool)]
    known = [float(p) for p in rows["price"] if p is not None and p > 0]
    return known[0] if len(known) == 1 else None
