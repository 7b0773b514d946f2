"""What each command shows a person: results as tables and sentences on a :class:`Paper`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from optimizer.plan.flows import CAPACITY
from optimizer.words import label, money, number, percent, round_to_total

from .numbers import NONE, Scale, plain_cell, short, there

if TYPE_CHECKING:
    from optimizer.allocation import Allocation
    from optimizer.analysis.explanation import Explanation, Statement
    from optimizer.analysis.verification import Verification

    from .diagnosis import Diagnosis
    from .paper import Paper
    from .review import Review

__all__ = [
    "allocation",
    "any_frame",
    "charts",
    "diagnosis",
    "review",
    "verification",
]

_WIDE = 110
"""Columns of a terminal that has room for what holds a line in some periods."""

# --- One plan -------------------------------------------------------------------------------------


def allocation(paper: Paper, answer: Allocation, told: Explanation) -> None:
    """The answer to one plan: what to do, the table, and why it is so."""
    paper.print(answer.plan.name, "dim")
    for label_ in answer.plan.applied:
        paper.print(f"+ {label_}", "dim")
    paper.print(told.headline.text, "bold")
    paper.print()
    _lines(paper, answer)
    _statements(paper, "risk", told.risk)
    _statements(paper, "moves", told.moves)
    rules = told.rules
    if answer.plan.periods is not None:
        rules = tuple(rule for rule in rules if not rule.rule.startswith(f"{CAPACITY} "))
        _over_time(paper, answer, [rule for rule in told.rules if rule not in rules])
    _statements(paper, "rules", rules)
    _statements(paper, "alerts", told.alerts, "yellow")
    paper.print()
    paper.print(told.proof.text, "green" if answer.status == "optimal" else "yellow")


def _over_time(paper: Paper, answer: Allocation, capacity: Sequence[Statement]) -> None:
    """When the money goes out and what comes in, the funnel and goodwill."""
    from . import phasing

    phasing.phasing(paper, answer)
    if answer.plan.funnel is not None:
        phasing.funnel(paper, answer, capacity)
    if answer.plan.goodwill is not None:
        phasing.goodwill(paper, answer)


def _statements(paper: Paper, key: str, statements: Sequence[Statement], style: str = "") -> None:
    if statements:
        paper.title(paper.say(key))
        paper.bullets((statement.text for statement in statements), style)


def _lines(paper: Paper, answer: Allocation) -> None:
    frame: Any = answer.by_line
    plan, lang = answer.plan, paper.lang
    known, unknown = bool(frame["current"].notna().all()), bool(frame["current"].isna().all())
    before = float(frame["current"].sum())
    scale = Scale.of([answer.spent, before, plan.budget], plan.currency, lang)
    held = _held_by(paper, answer)
    hundred = 100.0 if answer.spent > 0 else 0.0
    head, marginal, note = _marginal(paper, answer)
    columns: list[tuple[str, Iterable[Any], Any]] = [
        ("line", [label(name, lang) for name in frame["line"]], paper.say("total")),
        (
            "today",
            scale.column(frame["current"]) if known else map(scale.cell, frame["current"]),
            scale.cell(before) if known else NONE,
        ),
        (
            "recommended" if answer.status else "spend",
            scale.column(frame["spend"]),
            scale.cell(answer.spent),
        ),
        (
            "change",
            scale.changes(frame["current"], frame["spend"])
            if known
            else map(scale.change, frame["change"]),
            scale.change(
                (scale.rounded([answer.spent])[0] - scale.rounded([before])[0]) * scale.unit
                if known
                else None
            ),
        ),
        (
            "share",
            [number(v, lang, 1) + "%" for v in round_to_total(frame["share"] * 100, hundred, 1)],
            percent(1.0, lang) if answer.spent > 0 else NONE,
        ),
        ("", marginal, ""),
        ("held_by", held, ""),
    ]
    empty = {"today", "change"} if unknown else set()
    # What holds a line in some periods takes more room than a narrow table has.
    apart = paper.is_terminal and paper.console.width < _WIDE and plan.periods is not None
    if apart or not any(held):
        empty.add("held_by")
    columns = [column for column in columns if column[0] not in empty]
    paper.table(
        [paper.say(key) if key else head for key, _, _ in columns],
        zip(*(cells for _, cells, _ in columns), strict=True),
        words=[i for i, column in enumerate(columns) if column[0] in {"line", "held_by"}],
        wraps=[i for i, column in enumerate(columns) if column[0] == "held_by"],
        footer=[total for _, _, total in columns],
    )
    paper.print()
    for remark in filter(None, (scale.note, note, _roles(paper, answer))):
        paper.print(remark, "dim")
    if apart and any(held):
        paper.title(paper.say("held_by"))
        names = (label(name, lang) for name in frame["line"])
        paper.bullets(f"{name}: {words}" for name, words in zip(names, held, strict=True) if words)


def _marginal(paper: Paper, answer: Allocation) -> tuple[str, list[str], str]:
    """What a little more money on each line brings: heading, cells, and a remark."""
    plan, lang = answer.plan, paper.lang
    values: Any = answer.by_line["marginal_return"]
    in_money = bool(values.notna().any())
    unit = 1.0 if in_money else 1000.0
    one = money(unit, plan.currency, lang, digits=0)
    if in_money:
        cells = [money(v, plan.currency, lang, digits=2) if there(v) else NONE for v in values]
    else:
        slopes = answer.marginal_outcomes * unit
        cells = [short(float(slope), lang) for slope in slopes]
    what = paper.say("revenue" if in_money else "outcomes")
    return paper.say("marginal", one=one), cells, paper.say("marginal_note", one=one, what=what)


def _held_by(paper: Paper, answer: Allocation) -> list[str]:
    """What keeps each line where it is: a limit of its own, or rules that not all lines share."""
    from optimizer.analysis.standing import held_by

    cells = []
    held = held_by(answer, paper.lang)
    for line, at, rules in zip(answer.plan.lines, answer.by_line["at"], held, strict=True):
        own = "locked" if line.locked is not None else at
        words = [paper.say(own)] if isinstance(own, str) else []
        cells.append(", ".join(dict.fromkeys([*words, *rules])))
    return cells


def _roles(paper: Paper, answer: Allocation) -> str:
    """The split of the spend between roles, now and today."""
    frame: Any = answer.by_role
    frame = frame[frame["role"] != ""]
    if len(frame) < 2 or answer.spent <= 0:
        return ""
    names = " : ".join(label(role, paper.lang) for role in frame["role"])
    now = " : ".join(percent(share, paper.lang) for share in frame["share"])
    current = frame["current"]
    if current.notna().all() and current.sum() > 0:
        was = " : ".join(percent(money_ / current.sum(), paper.lang) for money_ in current)
        return paper.say("roles_today", names=names, now=now, was=was)
    return paper.say("roles", names=names, now=now)


# --- Without a plan -------------------------------------------------------------------------------


def review(paper: Paper, found: Review) -> None:
    """What a scenario holds, without solving it."""
    plan, lang = found.plan, paper.lang
    paper.print(plan.name, "bold")
    counts = {
        "lines": len(plan.lines),
        "rules": len(found.rules),
        "what_ifs": len(found.what_ifs),
        "warnings": len(found.warnings),
    }
    told = {
        key: paper.say(f"count.{key}.one" if count == 1 else f"count.{key}", count=count)
        for key, count in counts.items()
    }
    paper.print(paper.say("check_ok", **told), "yellow" if found.warnings else "green")
    paper.print(f"{paper.say('goal')}: {found.goal}")
    paper.print()
    frame: Any = found.lines
    scale = Scale.of([plan.budget, frame["current"].sum()], plan.currency, lang)
    heads = [paper.say(key) for key in ("line", "curve", "today", "minimum", "maximum", "observed")]
    limits = ("current", "minimum", "maximum", "observed")
    paper.table(
        heads,
        [
            [label(row["line"], lang), row["curve"], *(scale.cell(row[key]) for key in limits)]
            for row in frame.to_dict("records")
        ],
        words=(0, 1),
    )
    paper.print()
    every = None if plan.periods is None else plan.periods.every
    unit = scale.note if every is None else paper.say(f"per_{every}", unit=scale.note)
    paper.print(unit, "dim")
    for key, remarks, style in (
        ("rules_in_force", found.rules, ""),
        ("warnings", found.warnings, "yellow"),
        ("notes", found.notes, ""),
    ):
        if remarks:
            paper.title(paper.say(key))
            paper.bullets((remark.says for remark in remarks), style)
    if found.what_ifs:
        paper.title(paper.say("what_ifs"))
        paper.bullets([", ".join(found.what_ifs)])
    if plan.applied:
        paper.title(paper.say("applied"))
        paper.bullets(plan.applied)


def verification(paper: Paper, found: Verification) -> None:
    """What was checked, and whether the result holds."""
    paper.print(found.plan.name, "dim")
    marks = {True: "✓", False: "✗", None: "?"}
    for check in found.checks:
        style = {True: "", False: "red", None: "dim"}[check.holds]
        paper.print(f"{marks[check.holds]} {check.says}", style)
        paper.bullets(check.faults, "red")
    paper.print()
    key = "holds" if found.holds else "does_not_hold"
    paper.print(paper.say(key), "bold green" if found.holds else "bold red")


def diagnosis(paper: Paper, found: Diagnosis) -> None:
    """What was looked at, and what to do."""
    paper.table(
        ["", "", "", ""],
        [["✓" if one.ok else "✗", one.what, one.found, one.advice] for one in found.checks],
        words=(0, 1, 2, 3),
        wraps=(2, 3),
    )


def charts(paper: Paper, kinds: Sequence[Any]) -> None:
    """The charts that a plan has, by name; of some there are several."""
    rows = [[f"{one.name}-…" if one.is_many else one.name, one.shows(paper.lang)] for one in kinds]
    paper.table([paper.say("chart"), paper.say("shows")], rows, words=(0, 1), wraps=(1,))


def any_frame(paper: Paper, frame: Any) -> None:
    """Any table as it is."""
    words = [
        position
        for position, name in enumerate(frame.columns)
        if any(isinstance(value, str) for value in frame[name])
    ]
    rows = [[plain_cell(v) for v in row] for row in frame.itertuples(index=False, name=None)]
    paper.table([str(name) for name in frame.columns], rows, words=words, wraps=words[1:2])
