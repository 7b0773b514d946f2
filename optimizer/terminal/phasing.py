"""An answer over time on a terminal: when the money goes out, the funnel, goodwill."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.words import label, money, number, say, stage
from optimizer.words.rules import lifts_in_words

from .numbers import NONE, Scale, there

if TYPE_CHECKING:
    from optimizer.allocation import Allocation
    from optimizer.analysis.explanation import Statement
    from optimizer.plan.periods import Periods

    from .paper import Paper

__all__ = ["funnel", "goodwill", "phasing", "spans"]

_MOST = 16
"""Rows of a table over time; more periods are told by month, quarter or year."""
_LEVELS = "▁▂▃▄▅▆▇█"


def spans(periods: Periods) -> tuple[str, ...]:
    """The span of time that each planned period is told in: itself, or its month, quarter, year."""
    tellings = [periods.planned, *(periods.calendar(unit) for unit in ("month", "quarter"))]
    for labels in tellings:
        if len(set(labels[: periods.count])) <= _MOST:
            return tuple(labels[: periods.count])
    return periods.calendar("year")[: periods.count]


def phasing(paper: Paper, answer: Allocation) -> None:
    """Money and what comes in by period, then each line's money as a row of bars."""
    plan = answer.plan
    assert plan.periods is not None
    labels = spans(plan.periods)
    order = list(dict.fromkeys(labels))
    n, planned = len(order), plan.periods.count
    place = np.array([order.index(one) for one in labels])

    def summed(values: Any) -> list[float]:
        return [float(sum_) for sum_ in np.bincount(place, np.asarray(values, float), n)]

    frame: Any = answer.by_period
    inside, after = frame[:planned], frame[planned:]
    wide = answer.spend.reshape(answer.problem.grid.n_lines, planned)
    roles = [role for role in ("brand", "traffic") if (answer.by_line["role"] == role).any()]
    spends = {role: wide[(answer.by_line["role"] == role).to_numpy()].sum(axis=0) for role in roles}
    brings: Any = answer.by_period["value"]
    in_money = bool(brings.notna().all())
    came = frame["value" if in_money else "outcome"].to_numpy()
    scale = Scale.of([answer.spent, came.sum() if in_money else 0.0], plan.currency, paper.lang)

    def outcome(value: float) -> str:
        return scale.cell(value) if in_money else number(value, paper.lang)

    columns: list[tuple[str, list[str], str]] = [
        ("spend", scale.column(summed(inside["spend"])), scale.cell(answer.spent))
    ]
    if len(roles) > 1:
        columns += [
            (label(role, paper.lang), scale.column(summed(money_)), scale.cell(money_.sum()))
            for role, money_ in spends.items()
        ]
    head = paper.say("value_comes" if in_money else "outcome")
    columns.append((head, [outcome(v) for v in summed(came[:planned])], outcome(came.sum())))
    rows = [[one, *(cells[at] for _, cells, _ in columns)] for at, one in enumerate(order)]
    if len(after):
        later = paper.say("after", last=after["period"].iloc[-1])
        rows.append([later, *([""] * (len(columns) - 1)), outcome(came[planned:].sum())])
    paper.title(paper.say("phasing"))
    heads = [paper.say("period"), paper.say("spend"), *(name for name, _, _ in columns[1:])]
    footer = [paper.say("total"), *(total for _, _, total in columns)]
    paper.table(heads, rows, footer=footer)
    _bars(paper, answer, scale, [summed(own) for own in wide], order)
    paper.print()
    paper.print(scale.note, "dim")


def _bars(
    paper: Paper, answer: Allocation, scale: Scale, wide: list[list[float]], order: list[str]
) -> None:
    """A row per line: its money over the spans as bars, then its least and most."""
    paper.print()
    rows = [
        [label(name, paper.lang), _spark(own), scale.cell(min(own)), scale.cell(max(own))]
        for name, own in zip(answer.by_line["line"], wide, strict=True)
    ]
    heads = [paper.say("line"), f"{order[0]} … {order[-1]}"]
    paper.table([*heads, paper.say("least"), paper.say("most")], rows, words=(0, 1))


def _spark(values: Sequence[float]) -> str:
    """A bar per value, the largest the highest; a space for nothing."""
    top = max(values)
    if top <= 0:
        return ""
    return "".join(
        " " if value <= 1e-6 * top else _LEVELS[round((len(_LEVELS) - 1) * value / top)]
        for value in values
    )


def funnel(paper: Paper, answer: Allocation, rules: Sequence[Statement]) -> None:
    """What arrives at each stage over all that counts, and what is lost there."""
    stages: Any = answer.by_stage
    paper.title(paper.say("funnel"))
    limited = bool(stages["capacity"].notna().any())
    rows = []
    for name, own in stages.groupby("stage", sort=False):
        known = own[own["capacity"].notna()]
        used = say("some.of", paper.lang, count=int(known["full"].sum()), total=len(known))
        parts = [own[key].sum() for key in ("arrived", "followed_up", "lost")]
        cells = [_units(part, paper.lang) for part in parts]
        name_ = stage(str(name), paper.lang)
        row = [name_[:1].upper() + name_[1:], cells[0]]
        if limited:
            row += [cells[1], cells[2] if len(known) else "", used if len(known) else ""]
        rows.append(row)
    heads = ["stage", "arrived", "followed_up", "lost", "used_up"]
    paper.table([paper.say(key) for key in heads[: 5 if limited else 2]], rows)
    paper.bullets(rule.text for rule in rules)


def _units(value: float, lang: str) -> str:
    if not there(value):
        return NONE
    return number(value, lang, 0 if abs(value) >= 100 or value == 0 else 1)


def goodwill(paper: Paper, answer: Allocation) -> None:
    """The stock at both ends of the plan, what it brings, and what it lifts."""
    plan, lang = answer.plan, paper.lang
    frame: Any = answer.by_period
    assert plan.periods is not None
    first, last = frame["goodwill"].iloc[0], frame["goodwill"].iloc[plan.periods.count - 1]

    def cash(value: float) -> str:
        return money(value, plan.currency, lang, compact=True)

    goal = plan.goodwill
    assert goal is not None
    noun = stage(goal.outcome, lang) if goal.outcome else say("noun.outcomes", lang)
    brings = number(frame["goodwill_outcome"].sum(), lang)
    worth = float(frame["goodwill_value"].sum())
    key = "goodwill.told" if there(worth) and worth > 0 else "goodwill.told_plain"
    paper.title(paper.say("goodwill"))
    sentence = say(
        key, lang, first=cash(first), last=cash(last), start=frame["period"].iloc[0],
        end=plan.periods.planned[-1], brings=brings, noun=noun, worth=cash(worth) if worth > 0
        else "",
    )  # fmt: skip
    said = [sentence]
    if answer.lifts:
        said.append(lifts_in_words(answer.lifts, lang))
    paper.bullets(said)
