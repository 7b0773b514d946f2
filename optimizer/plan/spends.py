"""Money per line and period from a table, such as an answer's ``by_line`` or ``by_cell``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from optimizer.errors import Fault, PlanError, nearest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["is_table", "spend_of_table"]

_SHOWN = 5


def is_table(spend: object) -> bool:
    """Whether a spend is a DataFrame, or a Series by line; one without names is an array.

    Pandas is not imported for the question.
    """
    index = getattr(spend, "index", None)
    kind = getattr(getattr(index, "dtype", None), "kind", "i")
    is_named = kind not in "iuf"
    return hasattr(spend, "iloc") and (hasattr(spend, "columns") or is_named)


def spend_of_table(
    table: pd.DataFrame | pd.Series[Any], lines: Sequence[str], periods: Sequence[str]
) -> dict[str, list[float]]:
    """The spend of each line in every period.

    Args:
        table: Columns ``line`` and ``spend``, and ``period`` where the plan has several; or a
            series of money by line.
        lines: Names of the plan's lines.
        periods: Names of its periods; one for a plan without.

    Raises:
        PlanError: with every fault at once: a column, line or period is missing, not known or
            there twice.
    """
    import pandas as pd

    if isinstance(table, pd.Series):
        frame = pd.DataFrame({"line": table.index, "spend": table.to_numpy()})
    else:
        frame = table
    needed = ["line", "spend", *(["period"] if len(periods) > 1 else [])]
    columns = list(map(str, frame.columns))
    missing = [name for name in needed if name not in columns]
    if missing:
        advice = f"Its columns: {', '.join(columns[:12])}"
        if missing == ["period"]:
            advice = "Give a row per line and period, as by_cell of an answer has"
        raise PlanError([Fault("spend", f"has no column {name}", advice) for name in missing])
    twice = [name for name in needed if columns.count(name) > 1]
    if twice:
        words = "Give each a name of its own"
        raise PlanError([Fault("spend", f"has the column {name} twice", words) for name in twice])
    labels = list(map(str, frame["period"])) if "period" in needed else [None] * len(frame)
    rows = list(zip(map(str, frame["line"]), labels, frame["spend"], strict=True))
    faults = [*_unknown(rows, lines, periods), *_not_once(rows, lines, periods)]
    if faults:
        raise PlanError(faults)
    found = {(line, period): money for line, period, money in rows}
    own = periods if "period" in needed else [None]
    return {line: [found[line, period] for period in own] for line in lines}


def _unknown(rows: Any, lines: Sequence[str], periods: Sequence[str]) -> list[Fault]:
    """Lines and periods that the plan does not have."""
    named = dict.fromkeys(line for line, _, _ in rows)
    dated = dict.fromkeys(period for _, period, _ in rows if period is not None)
    return [
        Fault("spend", f"there is no {kind} {name!r}", nearest(name, known))
        for kind, names, known in (("line", named, lines), ("period", dated, periods))
        for name in names
        if name not in set(known)
    ]


def _not_once(rows: Any, lines: Sequence[str], periods: Sequence[str]) -> list[Fault]:
    """Cells without a row, and cells with several."""
    counts: dict[tuple[str, str | None], int] = {}
    for line, period, _ in rows:
        counts[line, period] = counts.get((line, period), 0) + 1
    own = periods if len(periods) > 1 else [None]
    none = [(line, period) for line in lines for period in own if (line, period) not in counts]
    several = [cell for cell, count in counts.items() if count > 1]
    return [
        Fault("spend", f"{words} {_listed(cells)}", advice)
        for cells, words, advice in (
            (none, "has no", "Give money for every line"),
            (several, "has several rows for", "Add them up, or keep one"),
        )
        if cells
    ]


def _listed(cells: Sequence[tuple[str, str | None]]) -> str:
    names = [" ".join(filter(None, cell)) for cell in cells]
    return ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
