"""Following a plan on a terminal: the plan that was saved, and the page that tells how it goes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from optimizer.plan.actuals import OUTCOME
from optimizer.words import label, number, percent, say, stage
from optimizer.words.voice import Voice

from .numbers import NONE, Scale, short, there

if TYPE_CHECKING:
    from optimizer.allocation import Allocation
    from optimizer.analysis.telling import Statement
    from optimizer.analysis.tracking import Tracking
    from optimizer.analysis.verification import Claim

    from .paper import Cell, Paper

__all__ = ["page", "read_followed", "read_saved"]

_MOST = 16
"""Periods of a table."""


def read_followed(text: str, where: str) -> Allocation:
    """The plan that was to be followed: a saved answer, or the new plan of a saved tracking.

    Raises:
        PlanError: the text is neither.
    """
    from dataclasses import replace

    from optimizer.allocation import evaluate

    claim = read_saved(text, where)
    return replace(evaluate(claim.plan, claim.spend), status=claim.status, bound=claim.bound)


def read_saved(text: str, where: str, *table: Any) -> Claim:
    """The plan and its money in a saved answer, or in a saved tracking.

    Args:
        text: The file.
        where: Its name.
        table: What :func:`read_claim` needs where the answer is that of a table of lines.

    Raises:
        PlanError: the text is neither.
    """
    from optimizer.analysis.verification import read_claim

    try:
        saved = json.loads(text)
    except ValueError:
        saved = None  # what is wrong is told below
    if isinstance(saved, dict) and saved.get("schema") == "adsplit.track/1":
        text = json.dumps(saved.get("plan"))
    return read_claim(text, where, *table)


def page(paper: Paper, found: Tracking) -> None:
    """What is ahead and behind, what it comes to, and what changes in what is left."""
    from optimizer.analysis.following import tell

    told = tell(found, paper.lang)
    frame: Any = found.lines
    sizes = [frame["planned"].sum(), frame["rest_old"].sum(), found.old.spent, found.kept.spent]
    scale = Scale.of(sizes, found.plan.currency, paper.lang)
    paper.print(found.plan.name, "dim")
    for label_ in found.plan.applied:
        paper.print(f"+ {label_}", "dim")
    paper.print(told.so_far.text, "bold")
    paper.print(told.compared.text, "dim")
    paper.title(paper.say("track_money"))
    _money(paper, found, scale)
    if len(found.stages):
        paper.title(paper.say("track_outcomes"))
        _outcomes(paper, found)
        # The table has the lines; what they come to is told.
        _bullets(paper, [one for one in told.outcomes if one.key.startswith("track.stage")])
    paper.title(paper.say("track_end"))
    _forecast(paper, found)
    _bullets(paper, told.forecast)
    if found.rest and found.best is not None:
        key = "track_last" if len(found.rest) == 1 else "track_rest"
        paper.title(paper.say(key, first=found.rest[0], last=found.rest[-1]))
        _rest(paper, found, scale)
        _bullets(paper, told.changes)
    if told.alerts:
        paper.title(paper.say("alerts"))
        _bullets(paper, told.alerts, "yellow")
    if found.remarks:
        paper.title(paper.say("track_remarks"))
        paper.bullets(map(str, found.remarks), "yellow")
    if told.proof is not None and found.best is not None:
        paper.print()
        paper.print(told.proof.text, "green" if found.best.status == "optimal" else "yellow")


def _bullets(paper: Paper, statements: Sequence[Statement], style: str = "") -> None:
    paper.bullets((statement.text for statement in statements), style)


def _share(off: float, base: float, state: Any, lang: str) -> Text:
    """How far something is off, as a share; coloured where it is outside the tolerance."""
    if not (there(off) and there(base)) or base <= 0:
        return Text(NONE)
    style = {"ahead": "green", "behind": "red"}.get(str(state), "")
    return Text(percent(off / base, lang, signed=True), style=style)


def _state(paper: Paper, state: Any) -> str:
    """Ahead or behind in a word; nothing where it is on plan."""
    return paper.say(state) if state in {"ahead", "behind"} else ""


def _money(paper: Paper, found: Tracking, scale: Scale) -> None:
    """Planned and actual money by line, then by period that is over."""
    from optimizer.analysis.tracking import standing

    lang = paper.lang
    frame: Any = found.lines
    heads = [paper.say(key) for key in ("line", "planned", "actual", "off_plan")] + ["%", ""]
    planned, actual = frame["planned"].sum(), frame["actual"].sum()
    total: list[Cell] = [
        paper.say("total"),
        scale.cell(planned),
        scale.cell(actual),
        scale.change(actual - planned),
        _share(actual - planned, planned, None, lang),
        _state(paper, standing(planned, actual, found.tolerance)),
    ]

    def rows(names: Iterable[str], table: Any) -> list[list[Cell]]:
        columns = (
            names,
            scale.column(table["planned"]),
            scale.column(table["actual"]),
            scale.changes(table["planned"], table["actual"]),
            map(_share, table["off"], table["planned"], table["state"], [lang] * len(table)),
            (_state(paper, state) for state in table["state"]),
        )
        return [list(row) for row in zip(*columns, strict=True)]

    names = [label(name, lang) for name in frame["line"]]
    paper.table(heads, rows(names, frame), footer=total, words=(0, 5))
    if 1 < found.passed <= _MOST:
        over: Any = found.totals[: found.passed]
        paper.print()
        paper.table([paper.say("period"), *heads[1:]], rows(over["period"], over), words=(0, 5))
    paper.print()
    paper.print(scale.note, "dim")


def _outcomes(paper: Paper, found: Tracking) -> None:
    """Outcomes by line that were reported: planned, by the curve for what was spent, actual."""
    frame: Any = found.lines
    heads = ("line", "planned", "by_curve", "actual", "against_plan", "against_curve")
    rows: list[list[Cell]] = []
    lang = paper.lang
    for row in frame[frame["reported"] > 0].itertuples():
        actual = row.outcome_actual
        planned, expected = row.outcome_planned, row.outcome_expected
        rows.append(
            [
                label(str(row.line), lang),
                *(_units(units, lang) for units in (planned, expected, actual)),
                _share(actual - planned, planned, row.outcome_state, lang),
                _share(actual - expected, expected, row.curve_state, lang),
                _state(paper, row.outcome_state),
            ]
        )
    if rows:
        paper.table([*(paper.say(key) for key in heads), ""], rows, words=(0, len(heads)))


def _units(value: float, lang: str) -> str:
    """A number of outcomes; millions in short, as six columns have to fit."""
    if abs(value) >= 1e6:
        return number(value, lang, 2, compact=True)
    return number(value, lang, 0 if abs(value) >= 100 or value == 0 else 1)


def _forecast(paper: Paper, found: Tracking) -> None:
    """The plan as it was, kept for the rest, and planned anew."""
    voice, frame, lang = Voice(found.plan, paper.lang), found.forecast, paper.lang
    data: Any = frame
    sizes = [*data["spent"], *(data["value"] if voice.counts_money else [])]
    scale = Scale.of(sizes, found.plan.currency, lang)
    stages = [name for name in data.columns[5:] if name != OUTCOME] or [OUTCOME]
    noun = voice.noun[:1].upper() + voice.noun[1:]
    units = [say("noun.outcomes", lang) if n == OUTCOME else stage(n, lang) for n in stages[-2:]]
    heads = ["", paper.say("spent"), noun, *(u[:1].upper() + u[1:] for u in units)]
    rows = [
        [
            paper.say(row["plan"]),
            scale.cell(row["spent"]),
            scale.cell(row["value"]) if voice.counts_money else short(row["value"], lang),
            *(_units(row[name], lang) for name in stages[-2:]),
            paper.say("rules_kept" if row["feasible"] else "rules_broken"),
        ]
        for row in data.to_dict("records")
    ]
    paper.table([*heads, paper.say("rules_in_force")], rows, words=(0, len(heads)))
    paper.print()
    paper.print(scale.note, "dim")


def _rest(paper: Paper, found: Tracking, scale: Scale) -> None:
    """Money of what is left by line: old and new, in all and in the next period."""
    frame: Any = found.lines
    pairs = [("rest_old", "rest_new")]
    heads = [paper.say(key) for key in ("line", "old_plan", "new_plan", "change")]
    if len(found.rest) > 1:
        pairs.append(("next_old", "next_new"))
        heads += [paper.say(key, period=found.rest[0]) for key in ("next_old", "next_new")]
    columns: list[Sequence[Cell]] = [[label(name, paper.lang) for name in frame["line"]]]
    footer: list[Cell] = [paper.say("total")]
    for old, new in pairs:
        columns += [scale.column(frame[old]), scale.column(frame[new])]
        footer += [scale.cell(frame[old].sum()), scale.cell(frame[new].sum())]
        if old == "rest_old":
            columns.append(scale.changes(frame[old], frame[new]))
            footer.append(scale.change(frame[new].sum() - frame[old].sum()))
    paper.table(heads, [list(row) for row in zip(*columns, strict=True)], footer=footer)
    paper.print()
    paper.print(scale.note, "dim")
