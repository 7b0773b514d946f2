"""What to buy now and what to leave until more shows, on a terminal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from optimizer.analysis.committing import branch_name, branch_told
from optimizer.errors import Fault, PlanError
from optimizer.plan.commitment import Commitment
from optimizer.words import label, percent
from optimizer.words.voice import Voice

from .numbers import Scale

if TYPE_CHECKING:
    from optimizer.analysis.commitment import Committed
    from optimizer.analysis.committing import Advice
    from optimizer.plan.plan import Plan

    from .paper import Cell, Paper

__all__ = ["asked", "page"]

_MOST = 6
"""Cases with a column of their own; of more the table tells the least and the most."""


def asked(
    plan: Plan, lines: tuple[str, ...], until: str | None, branches: int | None
) -> Commitment | None:
    """What the command line says is bought up front, over what the scenario says; None: neither.

    Raises:
        PlanError: only a number of cases is given, and nothing to commit.
    """
    own = plan.commitment
    if lines or until is not None:
        named: Any = lines or None
        own = Commitment(named, until, None if own is None else own.branches)
    if branches is None:
        return own
    if own is None:
        words = "says how many cases to tell apart, but nothing is bought up front"
        raise PlanError(Fault("branches", words, "Give --lines or --until as well"))
    return replace(own, branches=branches)


def page(paper: Paper, found: Committed, told: Advice) -> None:
    """What is bought now, what in each case, and what each way of deciding is worth."""
    paper.print(found.plan.name, "dim")
    for applied in found.plan.applied:
        paper.print(f"+ {applied}", "dim")
    paper.print(told.result[0].text, "bold")
    for one in told.result[1:]:
        paper.print(one.text)
    paper.title(paper.say("commit_lines"))
    _lines(paper, found)
    paper.title(paper.say("commit_cases"))
    _cases(paper, found)
    paper.title(paper.say("commit_worths"))
    paper.bullets(one.text for one in told.worths)
    if told.openings:
        paper.title(paper.say("commit_openings"))
        paper.bullets(one.text for one in told.openings)
    paper.print()
    for one in told.method:
        paper.print(one.text, "dim")
    gap = f"{found.gap:.1e}"
    paper.print(
        paper.say("commit_proof", status=paper.say(str(found.adapts.status)), gap=gap), "dim"
    )


def _lines(paper: Paper, found: Committed) -> None:
    """Money of each line: what is bought now, then what waits, by case."""
    voice, now = Voice(found.plan, paper.lang), found.now
    rest: Any = found.waits
    names, order = list(rest), list(now.index)
    scale = Scale.of([*rest.max(), *now], found.plan.currency, paper.lang)
    if len(names) > _MOST:
        rest = rest.assign(**{"": rest.min(axis=1), " ": rest.max(axis=1)})[["", " "]]
        heads = [paper.say("least"), paper.say("most")]
    else:
        cases = [branch_name(name, voice, grouped=found.by_draws) for name in names]
        heads = [paper.say("commit_then", case=case) for case in cases]
    columns = [scale.column(now), *(scale.column(rest[name]) for name in rest)]
    totals = [scale.cell(now.sum()), *(scale.cell(rest[name].sum()) for name in rest)]
    if len(names) > _MOST:
        totals[1:] = ["", ""]
    rows: list[list[Cell]] = [
        [label(line, paper.lang), *cells] for line, *cells in zip(order, *columns, strict=True)
    ]
    paper.table(
        [paper.say("line"), paper.say("commit_now"), *heads],
        rows,
        footer=[paper.say("total"), *totals],
    )
    paper.print()
    paper.print(scale.note, "dim")


def _cases(paper: Paper, found: Committed) -> None:
    """Every case: how likely, what the plan and the best plan for it bring, and what marks it."""
    voice = Voice(found.plan, paper.lang)
    rows: list[list[Cell]] = []
    frame: Any = found.outlook
    for place, row in enumerate(frame.itertuples()):
        name = branch_name(str(row.branch), voice, grouped=found.by_draws)
        rows.append(
            [
                name[:1].upper() + name[1:],
                percent(row.chance, paper.lang, 0),
                voice.cash(row.spent),
                voice.amount(voice.worth(row.value), bare=True),
                voice.amount(voice.worth(row.known), bare=True),
                branch_told(found, place, voice),
            ]
        )
    heads = ["commit_case", "commit_chance", "spend", "", "commit_known", "commit_marks"]
    texts = [paper.say(key) if key else voice.noun[:1].upper() + voice.noun[1:] for key in heads]
    kept = [0, 1, 2, 3, 4, 5]
    if found.plan.objective.kind == "lowest_spend":
        kept.remove(3)  # what is made best is the spend itself
    if not any(row[5] for row in rows):
        kept.remove(5)
    words = [place for place, column in enumerate(kept) if column in {0, 5}]
    wraps = [place for place, column in enumerate(kept) if column == 5]
    paper.table(
        [texts[i] for i in kept],
        [[row[i] for i in kept] for row in rows],
        words=words,
        wraps=wraps,
    )
