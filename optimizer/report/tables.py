"""Tables: every chart's twin, and the allocation itself."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from typing import Any

from optimizer.words import number, round_to_total

from .blocks import Column, Table
from .view import View

__all__ = [
    "allocation_csv",
    "allocation_table",
    "change_table",
    "money_digits",
    "response_table",
    "roles_table",
    "safe_text",
]

# Characters that make a spreadsheet take a text for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def money_digits(view: View) -> int:
    """Whole units of money, or cents where the plan is tiny."""
    return 0 if view.allocation.spent >= 1000 else 2


def whole(view: View, values: Sequence[float], total: float) -> list[float]:
    """Money per line, rounded so that it adds up."""
    return round_to_total([float(v) for v in values], total, money_digits(view))


def cell(
    view: View, value: float | None, digits: int | None = None, *, signed: bool = False
) -> str:
    """A number for a table; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return view.say("word.none")
    digits = money_digits(view) if digits is None else digits
    return number(value, view.lang, digits, signed=signed)


def percent(view: View, share: float | None, digits: int = 1, *, signed: bool = False) -> str:
    """A share for a table; a dash where there is none."""
    if share is None or not math.isfinite(share):
        return view.say("word.none")
    return view.voice.percent(share, digits, signed=signed)


def binds(view: View, row: Any) -> str:
    """What holds a line where it is, in words."""
    if view.allocation.plan.lines[row.position].locked is not None:
        return view.say("table.at.locked")
    return view.say(f"table.at.{row.at}") if row.at else ", ".join(view.held[row.position])


def allocation_table(view: View) -> Table:
    """The plan, line by line: what a board signs."""
    frame, allocation = view.frame, view.allocation
    spend = whole(view, frame["spend"], allocation.spent)
    today = allocation.today
    columns = [Column(view.say("table.line"), is_number=False),
               Column(view.say("table.role"), is_number=False)]  # fmt: skip
    if today is not None:
        columns.append(Column(view.say("table.today")))
    columns.append(Column(view.say("table.recommended")))
    current = whole(view, frame["current"], today.spent) if today is not None else []
    if today is not None:
        columns += [Column(view.say("table.change")), Column(view.say("table.change_share"))]
    columns += [Column(view.say(f"table.{key}")) for key in ("share", "minimum", "maximum")]
    if view.counts_value:
        columns += [Column(view.say("table.return")), Column(view.say("table.marginal"))]
    columns.append(Column(view.say("table.binds"), is_number=False))
    shares = round_to_total([100 * float(v) for v in frame["share"]],
                            100.0 if allocation.spent > 0 else 0.0, 1)  # fmt: skip
    rows = []
    budget = allocation.plan.budget or math.inf
    for index, row in enumerate(frame.itertuples()):
        cells = [row.label, view.role_name(row.role)]
        if today is not None:
            change = spend[index] - current[index]
            cells += [
                cell(view, current[index]),
                cell(view, spend[index]),
                _arrow(view, change),
                percent(view, change / current[index] if current[index] else None, signed=True),
            ]
        else:
            cells.append(cell(view, spend[index]))
        cells += [
            f"{number(shares[index], view.lang, 1)}%",
            cell(view, row.minimum) if row.minimum > 0 else view.say("word.none"),
            cell(view, row.maximum) if row.maximum < budget else view.say("word.none"),
        ]
        if view.counts_value:
            cells += [cell(view, row.average, 2),
                      cell(view, row.marginal_return, 2)]  # fmt: skip
        cells.append(binds(view, row))
        rows.append(cells)
    total = [view.say("word.total"), ""]
    spent = sum(spend)
    if today is not None:
        was = sum(current)
        total += [cell(view, was), cell(view, spent), _arrow(view, spent - was),
                  percent(view, (spent - was) / was if was else None, signed=True)]  # fmt: skip
    else:
        total.append(cell(view, spent))
    total += ["100.0%" if spent else "0.0%", "", ""]
    if view.counts_value:
        value = view.revenue
        total += [cell(view, value / allocation.spent if allocation.spent > 0 else None, 2), ""]
    total.append("")
    key = "table.caption" if view.counts_value else "table.caption_plain"
    return Table(view.say(key, currency=view.currency), columns, rows, total)


def _arrow(view: View, change: float) -> str:
    text = cell(view, change, signed=True)
    return f"▲ {text}" if change > 0 else f"▼ {text}" if change < 0 else text


def change_table(view: View) -> Table:
    """The twin of the first two charts."""
    full = allocation_table(view)
    width = 6 if view.has_today else 3
    return Table(full.caption, full.columns[:width], [row[:width] for row in full.rows],
                 full.total[:width])  # fmt: skip


def roles_table(view: View, plans: Sequence[tuple[str, Sequence[float]]]) -> Table:
    """Shares per role and plan; every row adds up to 100 %."""
    columns = [Column(view.say("table.plan"), is_number=False),
               *(Column(view.role_name(role)) for role in view.roles)]  # fmt: skip
    rows = []
    for name, shares in plans:
        parts = round_to_total([100 * share for share in shares], 100.0, 1)
        rows.append([name, *(f"{number(part, view.lang, 1)}%" for part in parts)])
    return Table("", columns, rows)


def response_table(view: View) -> Table:
    """What every line brings today and as recommended."""
    today = view.allocation.today
    has_value = view.counts_value
    what = view.say("table.value" if has_value else "table.outcome")
    columns = [Column(view.say("table.line"), is_number=False)]
    if today is not None:
        columns.append(Column(f"{what}: {view.say('word.today')}"))
    columns += [Column(f"{what}: {view.say('word.recommended')}"),
                Column(view.say("table.marginal"))]  # fmt: skip
    name = "value" if has_value else "outcome"
    now = [float(v) for v in view.frame[name]]
    then = [] if today is None else [float(today.by_line[name][p]) for p in view.frame["position"]]
    digits = 0 if sum(now) >= 1000 else 2
    now = round_to_total(now, sum(now), digits)
    then = round_to_total(then, sum(then), digits)
    rows = []
    for index, row in enumerate(view.frame.itertuples()):
        cells = [row.label]
        if today is not None:
            cells.append(cell(view, then[index], digits))
        cells += [cell(view, now[index], digits), cell(view, row.slope, 2 if has_value else 6)]
        rows.append(cells)
    total = [view.say("word.total")]
    if today is not None:
        total.append(cell(view, sum(then), digits))
    total += [cell(view, sum(now), digits), ""]
    return Table("", columns, rows, total)


def safe_text(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def allocation_csv(view: View) -> str:
    """The plan for a spreadsheet: numbers in full, texts that cannot become formulas."""
    out = io.StringIO()
    write = csv.writer(out)
    keys = ("line", "role", "today", "recommended", "change", "share", "minimum", "maximum",
            "outcome", "value", "return", "marginal", "binds")  # fmt: skip
    write.writerow([view.say(f"table.{key}") for key in keys])
    for row in view.frame.itertuples():
        numbers = (row.current, row.spend, row.change, row.share, row.minimum, row.maximum,
                   row.outcome, row.value, row.average,
                   row.marginal_return)  # fmt: skip
        write.writerow([
            safe_text(row.label), safe_text(view.role_name(row.role)),
            *("" if not math.isfinite(value) else f"{value:.10g}" for value in numbers),
            binds(view, row),
        ])  # fmt: skip
    return out.getvalue()
