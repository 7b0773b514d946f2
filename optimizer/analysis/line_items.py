"""The answer for a table of lines: what every line gets, and sums that a person can read."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.allocation import Allocation
from optimizer.plan.document import outline
from optimizer.plan.table import Texts
from optimizer.solvers.solution import Status
from optimizer.words import say
from optimizer.words.voice import Voice

from .answer import plain, records
from .proofs import as_parts

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "SCHEMA",
    "binding_rules",
    "gap_in_words",
    "group_frame",
    "line_frame",
    "lines_answer",
    "proof_sentence",
    "sums_answer",
]

SCHEMA = "adsplit.lines/1"
"""Name and version of what ``--json`` prints for a table of lines."""

_COLUMNS = [
    "line",
    "channel",
    "role",
    "spend",
    "share",
    "current",
    "outcome",
    "value",
    "return",
    "marginal_return",
    "at",
]


def line_frame(allocation: Allocation) -> pd.DataFrame:
    """One row per line, in the order of the table, its tags at the end."""
    frame = allocation.by_line[_COLUMNS]
    tags = {
        tag: texts.astype(object)
        for tag, texts in allocation.problem.grid.tags.items()
        if tag not in _COLUMNS
    }
    return frame.assign(**tags) if tags else frame


def group_frame(allocation: Allocation) -> pd.DataFrame:
    """Sums per channel and role: lines, lines with money, spend, share, current, outcome, value."""
    import pandas as pd

    grid, spend, total = allocation.problem.grid, allocation.spend, allocation.spent
    keys = {"channel": _codes(grid.channel), "role": _codes(grid.role)}
    columns = {
        "lines": np.ones(len(spend), int),
        "active": (spend > 0).astype(int),
        "spend": spend,
        "share": spend / total if total > 0 else np.zeros_like(spend),
        "current": grid.current,
        "outcome": allocation.outcomes,
        "value": grid.value * allocation.outcomes,
    }
    groups = pd.DataFrame(keys | columns).groupby(list(keys), observed=True)
    return groups.sum(min_count=1).reset_index().astype(dict.fromkeys(keys, object))


def _codes(texts: Texts) -> pd.Categorical:
    """Texts as numbers, which are grouped without a Python object per line."""
    import pandas as pd

    known, at = np.unique(texts, return_inverse=True)
    return pd.Categorical.from_codes(at, categories=pd.Index(known.tolist(), dtype=object))


def binding_rules(allocation: Allocation) -> list[str]:
    """The rules that hold the plan back, as the plan names them."""
    frame: Any = allocation.binding
    return [
        " ".join(filter(None, (row.rule, row.part))) for row in frame[frame["binding"]].itertuples()
    ]


def proof_sentence(allocation: Allocation, lang: str = "en") -> str:
    """How good the plan provably is."""
    voice = Voice(allocation.plan, lang)
    gap = allocation.gap or 0.0
    close = gap_in_words(gap, voice)
    if allocation.status is Status.OPTIMAL:
        value = voice.amount(voice.worth(allocation.objective))
        return say("proof.optimal", lang, value=value, gap=close)
    bound = voice.amount(voice.worth(allocation.bound or math.inf))
    return say("proof.stopped", lang, bound=bound, gap=close)


def gap_in_words(gap: float, voice: Voice) -> str:
    """A gap as per cent, rounded up, small ones with more digits."""
    digits = 3 if gap >= 1e-5 else 7
    unit = 10.0 ** (digits + 2)
    return voice.percent(math.ceil(gap * unit - 1e-9) / unit, digits)


def lines_answer(allocation: Allocation) -> dict[str, Any]:
    """The answer as plain data (``adsplit.lines/1``): sums per group, and what a check needs."""
    active = int(np.count_nonzero(allocation.spend > 0))
    return sums_answer(allocation, group_frame(allocation), allocation.problem.n_columns, active)


def sums_answer(
    allocation: Allocation, groups: pd.DataFrame, lines: int, active: int
) -> dict[str, Any]:
    """The same from sums: *groups* as in :func:`group_frame`, how many lines and with money."""
    plan = allocation.plan
    return {
        "schema": SCHEMA,
        "name": plan.name,
        "status": str(allocation.status),
        "solver": allocation.solver,
        "seconds": plain(round(allocation.seconds, 3)),
        "currency": plan.currency,
        "budget": plain(plan.budget),
        "spent": plain(allocation.spent),
        "objective": {"kind": plan.objective.kind, "value": plain(allocation.objective)},
        "bound": plain(allocation.bound),
        "gap": plain(allocation.gap),
        "lines": lines,
        "active": active,
        "groups": records(groups),
        "binding": binding_rules(allocation),
        "provenance": plain(allocation.provenance),
        "plan": plain(outline(plan)),
        "proof": None if allocation.proof is None else plain(as_parts(allocation.proof)),
    }
