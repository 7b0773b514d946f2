"""How sure a plan is, on a terminal: in words first, then in tables."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from optimizer.words import label, number, percent, stage
from optimizer.words.voice import Voice

from .numbers import NONE, Scale, short, there

if TYPE_CHECKING:
    from optimizer.analysis.assurance import Assurance
    from optimizer.analysis.certainty import Certainty
    from optimizer.analysis.fresh import Fresh
    from optimizer.analysis.information import Information
    from optimizer.plan.plan import Plan

    from .paper import Cell, Paper

__all__ = ["page", "uncertain"]

_MOST = 12
"""Rows of the table of tests."""

_SAID = {"lowest_spend": "objective", "revenue": "value", "outcomes": "outcome"}
"""The total that says nothing for an objective, or what another one says."""


def uncertain(plan: Plan, spread: float | None, seed: int | None, draws: int | None = None) -> Plan:
    """*plan* with what the command line says of its uncertainty.

    Raises:
        PlanError: nothing is uncertain, or a spread is given for a plan that states what is.
    """
    from optimizer.analysis.certainty import with_spread
    from optimizer.errors import Fault, PlanError

    if spread is not None and plan.uncertainty is not None:
        words = "the scenario states what is uncertain"
        raise PlanError(Fault("spread", words, "Drop --spread, or set the ranges themselves"))
    if spread is not None:
        plan = with_spread(plan, spread)
    if plan.uncertainty is None:
        advice = (
            "Add uncertainty: {numbers: {channels.*.*.curve.average_return: {between: "
            "[*0.8, *1.2]}}} to the scenario, or give --spread 20%"
        )
        raise PlanError(Fault("uncertainty", "nothing is stated as uncertain", advice))
    given: dict[str, Any] = {"seed": seed, "draws": draws}
    stated = {word: value for word, value in given.items() if value is not None}
    if stated:
        plan = replace(plan, uncertainty=replace(plan.uncertainty, **stated))
    return plan


def page(
    paper: Paper,
    found: Certainty,
    known: Information | None,
    told: Assurance,
    fresh: Fresh | None = None,
) -> None:
    """How sure the plan is, how firmly its money stands, and what to test next."""
    paper.print(found.plan.name, "dim")
    for applied in found.plan.applied:
        paper.print(f"+ {applied}", "dim")
    paper.print(told.result[0].text, "bold")
    clear = found.gain is not None and found.gain.is_clear
    for one in told.result[1:]:
        paper.print(one.text, "green" if clear else "yellow")
    if fresh is not None:
        paper.print(fresh.sentence(paper.lang).text, "yellow" if fresh.gain < 0 else "green")
    paper.title(paper.say("sure_bands"))
    _bands(paper, found)
    paper.title(paper.say("sure_lines"))
    _lines(paper, found)
    paper.bullets(one.text for one in told.money)
    if told.views:
        paper.title(paper.say("sure_views"))
        paper.bullets(one.text for one in told.views)
    if known is not None:
        paper.title(paper.say("sure_tests"))
        paper.bullets(one.text for one in told.tests)
        _tests(paper, known)
    paper.print()
    for one in told.method:
        paper.print(one.text, "dim")


def _bands(paper: Paper, found: Certainty) -> None:
    """Totals, from the worst world in twenty to the best."""
    voice, frame, lang = Voice(found.plan, paper.lang), found.bands, paper.lang
    data: Any = frame
    is_money = (data["what"] == "value") | ((data["what"] == "objective") & voice.counts_money)
    scale = Scale.of(data[is_money][["p5", "p95"]].to_numpy().ravel(), found.plan.currency, lang)
    rows: list[list[Cell]] = []
    for row, money in zip(data.to_dict("records"), is_money, strict=True):
        told = _SAID.get(found.plan.objective.kind)
        if row["what"] == told:
            continue
        keys = ("p5", "p25", "p50", "p75", "p95")
        write = scale.cell if money else (lambda value: short(value, lang))
        name = {
            "objective": voice.noun[:1].upper() + voice.noun[1:],
            "stage": stage(row["name"], lang),
            "outcome": paper.say("outcomes"),
            "value": paper.say("revenue"),
            "return": paper.say("sure_return"),
        }[row["what"]]
        error = "±" + write(row["error"]) if there(row["error"]) else NONE
        rows.append([name, *(write(row[key]) for key in keys), write(row["mean"]), error])
    heads = ["", *(paper.say(f"sure_{key}") for key in ("p5", "p25", "p50", "p75", "p95"))]
    paper.table([*heads, paper.say("sure_mean"), paper.say("sure_error")], rows)
    paper.print()
    paper.print(scale.note, "dim")


def _lines(paper: Paper, found: Certainty) -> None:
    """Recommended spend, where the best one lies, and the return."""
    frame: Any = found.lines
    lang = paper.lang
    scale = Scale.of([*frame["spend"], *frame["best_p95"]], found.plan.currency, lang)

    def given(value: float) -> str:
        return number(value, lang, 2) if there(value) else NONE

    rows = [
        [
            label(row["line"], lang),
            scale.cell(row["spend"]),
            scale.cell(row["best_p5"]),
            scale.cell(row["best_p95"]),
            *(given(row[f"return_{key}"]) for key in ("p5", "p50", "p95")),
        ]
        for row in frame.to_dict("records")
    ]
    heads = ["line", "recommended", "sure_from", "sure_to", "sure_low", "sure_p50", "sure_high"]
    paper.table([paper.say(key) for key in heads], rows)
    paper.print()
    paper.print(scale.note, "dim")


def _tests(paper: Paper, known: Information) -> None:
    """What each test is worth at most, and its share of the doubt."""
    from optimizer.analysis.assurance import source_name

    voice = Voice(known.certainty.plan, paper.lang)
    whole = dict(zip(known.shares["name"], known.shares["whole"], strict=True))
    frame: Any = known.frame
    rows = []
    for row in frame.head(_MOST).to_dict("records"):
        share = whole.get(row["name"])
        rows.append(
            [
                source_name(row["name"], row["kind"], voice),
                voice.amount(row["worth"], bare=True),
                "±" + voice.amount(row["error"], bare=True),
                percent(row["share"], paper.lang, 0),
                NONE if share is None else percent(min(share, 1.0), paper.lang, 0),
            ]
        )
    paper.print()
    heads = ["sure_source", "sure_worth", "sure_error", "sure_part", "sure_doubt"]
    paper.table([paper.say(key) for key in heads], rows)
