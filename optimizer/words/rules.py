"""The rules of a plan as sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optimizer.plan.flows import CAPACITY
from optimizer.plan.plan import Plan
from optimizer.plan.units import Percent

from . import label, listed, money, number, percent, say, stage

__all__ = ["capacity_in_words", "lifts_in_words", "line_rules", "rule_in_words", "rule_name"]

Where = Mapping[str, tuple[str, ...]]


def rule_in_words(rule: Any, plan: Plan, lang: str = "en") -> str:
    """One constraint of *plan* as a sentence."""
    write = {
        "split": _split,
        "spend": _spend,
        "share": _share,
        "ratio": _ratio,
        "weighted": _weighted,
        "pacing": _pacing,
        "flights": _flights,
        "target": _target,
        "cost_cap": _cost_cap,
        "active_lines": _active,
        "changes": _changes,
        "spend_all": lambda *_: say("rule.spend_all", lang),
    }[rule.kind]
    sentence = write(rule, plan, lang)
    per = getattr(rule, "per", "total")
    if per != "total" and not (rule.kind == "pacing" and per == "line"):
        sentence = say("rule.per", lang, sentence=sentence, per=per)
    if rule.penalty is not None:
        sentence = say(
            "rule.soft", lang, sentence=sentence, penalty=number(rule.penalty, lang, _digits(rule))
        )
    return sentence


def line_rules(plan: Plan, lang: str = "en") -> list[str]:
    """The limits on single lines, one sentence each."""
    sentences = []
    for line in plan.lines:
        slots = {"line": label(line.name, lang)}
        for key, limit in (
            ("rule.line_locked", line.locked),
            ("rule.line_minimum", line.minimum or None),
            ("rule.line_active", line.minimum_if_active or None),
            ("rule.line_maximum", line.maximum),
        ):
            if limit is not None:
                cash = _limit(limit, plan, lang)
                sentences.append(say(key, lang, low=cash, high=cash, **slots))
        for period, amount in line.locked_in.items():
            low = _amount(amount, plan, lang)
            sentences.append(say("rule.line_locked_in", lang, low=low, period=period, **slots))
        if line.blackout:
            periods = listed(list(line.blackout), lang)
            sentences.append(say("rule.line_blackout", lang, periods=periods, **slots))
    return [*sentences, *_capacities(plan, lang)]


def _capacities(plan: Plan, lang: str) -> list[str]:
    """What each stage of the funnel can follow up, one sentence each."""
    limited = () if plan.funnel is None else plan.funnel.capacity
    return [capacity_in_words(plan, name, lang) for name in limited]


def capacity_in_words(plan: Plan, name: str, lang: str = "en") -> str:
    """What one stage of the funnel can follow up, as a sentence."""
    assert plan.funnel is not None
    limit = plan.funnel.capacity[name]
    if isinstance(limit, int | float):
        few = [float(limit)]
    else:
        few = sorted(set(limit.values() if isinstance(limit, dict) else limit))
    high = listed([number(units, lang) for units in few], lang)
    return say("rule.capacity", lang, stage=stage(name, lang), high=high)


def lifts_in_words(lifts: Mapping[str, float], lang: str = "en") -> str:
    """By which share the brand raises the outcomes of some lines, as a sentence."""
    lines = [
        say("goodwill.lift_of", lang, line=label(name, lang), share=percent(share, lang, 0))
        for name, share in lifts.items()
    ]
    return say("goodwill.lifts", lang, lines=listed(lines, lang))


def rule_name(name: str, plan: Plan, lang: str = "en", part: str = "") -> str:
    """What a rule is called in a sentence: the brand rule by its shares, others by their name.

    *name* is as in the prices of rules: ``budget``, ``split``, a constraint, ``<line> minimum``.
    A part that is one of many periods is left out.
    """
    if plan.periods is not None and any(label_ in part for label_ in plan.periods.planned):
        part = ""
    if name == "budget":
        return say("rule.budget_name", lang)
    for ending in ("minimum if active", "minimum", "maximum", "locked"):
        line = name.removesuffix(f" {ending}")
        if line != name:
            key = "active" if ending == "minimum if active" else ending
            return say(f"rule.{key}_of" if key != "active" else "rule.active_of_name", lang,
                       line=label(line, lang))  # fmt: skip
    if name.startswith(f"{CAPACITY} "):
        return say("rule.capacity_of", lang, stage=stage(name.removeprefix(f"{CAPACITY} "), lang))
    for rule in plan.rules:
        if rule.name != name:
            continue
        if rule.kind == "spend_all":
            return say("rule.spend_all_name", lang)
        if rule.kind == "split":
            role, share = next(iter(rule.target.items()))
            text = say("rule.role_rule", lang, share=_share_text(share, lang),
                       role=label(role, lang))  # fmt: skip
            text = _apart(text, rule, plan, lang)
            own = [word for word in part.split(" in ") if word not in rule.target and word]
            return f"{text} ({own[-1]})" if own else text
    return say("rule.named_part" if part else "rule.named", lang, name=name, part=part)


def _apart(text: str, rule: Any, plan: Plan, lang: str) -> str:
    """*text* for a split rule, told apart from the plan's other split rules."""
    others = [one for one in plan.rules if one.kind == "split" and one.name != rule.name]
    if not others:
        return text
    if rule.where and all(one.where != rule.where for one in others):
        where = ", ".join(
            f"{field}: {listed([label(word, lang) for word in words], lang)}"
            for field, words in rule.where.items()
        )
        return say("rule.role_rule_of", lang, rule=text, where=where)
    alike = [one for one in others if one.where == rule.where]
    if not alike and rule.name == "split":
        return text  # the one rule of the whole plan
    return say("rule.role_rule_named", lang, rule=text, name=rule.name)


def _digits(rule: Any) -> int:
    return 0 if rule.penalty >= 100 else 2


def _share_text(share: float, lang: str) -> str:
    return percent(share, lang, 0 if abs(share * 100 - round(share * 100)) < 1e-6 else 1)


def _amount(amount: float | Percent, plan: Plan, lang: str) -> str:
    if isinstance(amount, Percent):
        cash = money((plan.budget or 0.0) * amount.share, plan.currency, lang, compact=True)
        return f"{_share_text(amount.share, lang)} ({cash})"
    return money(amount, plan.currency, lang, compact=True)


def _limit(amount: float | Percent, plan: Plan, lang: str) -> str:
    """The limit of a line, which is one per period; a share is one of an average period's money."""
    if plan.periods is None:
        return _amount(amount, plan, lang)
    text = ""
    if isinstance(amount, Percent):
        text = f"{_share_text(amount.share, lang)} "
        amount = (plan.budget or 0.0) * amount.share / plan.periods.count
    text += money(amount, plan.currency, lang, compact=True)
    return say(f"per.{plan.periods.every}", lang, amount=text)


def _where(where: Where, lang: str) -> str:
    if not where:
        return say("rule.everything", lang)
    fixed = {"name", "line", "role", "channel"}
    parts = [
        listed([label(value, lang) for value in values], lang)
        if field in fixed
        else f"{field} {listed(list(values), lang)}"
        for field, values in where.items()
    ]
    return ", ".join(parts)


def _limits(what: str, low: str | None, high: str | None, lang: str) -> str:
    if low is not None and high is not None:
        if low == high:
            return say("rule.exactly", lang, what=what, low=low)
        return say("rule.between", lang, what=what, low=low, high=high)
    if low is not None:
        return say("rule.at_least", lang, what=what, low=low)
    return say("rule.at_most", lang, what=what, high=high)


def _maybe(value: Any, text: Any) -> str | None:
    return None if value is None else str(text(value))


def _split(rule: Any, _plan: Plan, lang: str) -> str:
    shares = listed(
        [
            say("rule.split_part", lang, role=label(role, lang), share=_share_text(share, lang))
            for role, share in rule.target.items()
        ],
        lang,
    )
    key = "rule.split_tolerance" if rule.tolerance else "rule.split"
    sentence = say(key, lang, shares=shares, tolerance=_share_text(rule.tolerance, lang))
    if rule.where:
        sentence = say("rule.scope", lang, sentence=sentence, where=_where(rule.where, lang))
    return sentence


def _spend(rule: Any, plan: Plan, lang: str) -> str:
    def text(amount: float | Percent) -> str:
        return _amount(amount, plan, lang)

    what = say("rule.spend_of", lang, where=_where(rule.where, lang))
    return _limits(what, _maybe(rule.at_least, text), _maybe(rule.at_most, text), lang)


def _share(rule: Any, _plan: Plan, lang: str) -> str:
    def text(share: float) -> str:
        return _share_text(share, lang)

    what = say(
        "rule.share_of", lang, where=_where(rule.where, lang), of=_where(rule.of or {}, lang)
    )
    return _limits(what, _maybe(rule.at_least, text), _maybe(rule.at_most, text), lang)


def _ratio(rule: Any, plan: Plan, lang: str) -> str:
    def text(ratio: float) -> str:
        return number(ratio, lang, 2)

    what = say(
        "rule.ratio_of",
        lang,
        where=_where(rule.where, lang),
        to=_where(rule.to, lang),
        one=money(1, plan.currency, lang, digits=0),
    )
    return _limits(what, _maybe(rule.at_least, text), _maybe(rule.at_most, text), lang)


def _weighted(rule: Any, _plan: Plan, lang: str) -> str:
    def text(value: float) -> str:
        return number(value, lang, 0 if abs(value) >= 100 else 2)

    weights = listed([f"{label(name, lang)} × {w:g}" for name, w in rule.weights.items()], lang)
    what = say("rule.weighted_of", lang, weights=weights)
    return _limits(what, _maybe(rule.at_least, text), _maybe(rule.at_most, text), lang)


def _noun(rule: Any, lang: str) -> str:
    return stage(rule.outcome, lang) if rule.outcome else say("noun.outcomes", lang)


def _target(rule: Any, plan: Plan, lang: str) -> str:
    where = _where(rule.where, lang)
    if rule.at_least is None:
        one = money(1, plan.currency, lang, digits=0)
        low = money(rule.return_at_least, plan.currency, lang, digits=2)
        sentence = say("rule.return_target", lang, where=where, low=low, one=one)
    else:
        low = number(rule.at_least, lang)
        sentence = say("rule.target", lang, where=where, noun=_noun(rule, lang), low=low)
    if rule.by is not None:
        sentence = say("rule.target_by", lang, sentence=sentence, by=rule.by)
    return sentence


def _cost_cap(rule: Any, plan: Plan, lang: str) -> str:
    high = money(rule.at_most, plan.currency, lang, digits=0 if rule.at_most >= 100 else 2)
    key = "rule.marginal_cap" if rule.marginal else "rule.cost_cap"
    return say(key, lang, where=_where(rule.where, lang), noun=_noun(rule, lang), high=high)


def _pacing(rule: Any, plan: Plan, lang: str) -> str:
    where, parts = _where(rule.where, lang), []
    if rule.max_change is not None:
        key = "rule.pacing_today" if rule.from_today else "rule.pacing_change"
        parts.append(say(key, lang, where=where, share=_share_text(rule.max_change, lang)))
    if rule.profile is not None:
        key = "rule.pacing_profile_tolerance" if rule.tolerance else "rule.pacing_profile"
        parts.append(say(key, lang, where=where, share=_share_text(rule.tolerance, lang)))
    for key, limits in (("most", rule.at_most_by), ("least", rule.at_least_by)):
        for by, amount in limits.items():
            cash = _amount(amount, plan, lang)
            parts.append(say(f"rule.pacing_{key}_by", lang, where=where, money=cash, by=by))
    return "; ".join(parts)


def _flights(rule: Any, _plan: Plan, lang: str) -> str:
    count = number(rule.at_least, lang)
    return say("rule.flights", lang, where=_where(rule.where, lang), count=count)


def _active(rule: Any, _plan: Plan, lang: str) -> str:
    def text(count: int) -> str:
        return number(count, lang)

    what = say("rule.active_of", lang, where=_where(rule.where, lang))
    return _limits(what, _maybe(rule.at_least, text), _maybe(rule.at_most, text), lang)


def _changes(rule: Any, plan: Plan, lang: str) -> str:
    slots = {
        "high": None if rule.at_most is None else number(rule.at_most, lang),
        "low": None if rule.at_least is None else _amount(rule.at_least, plan, lang),
    }
    key = "both" if None not in slots.values() else "most" if slots["high"] else "least"
    return say(f"rule.changes_{key}", lang, **slots)
