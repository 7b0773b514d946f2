"""A goal taken apart: who must deliver what by when, and the money that each needs for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from optimizer.allocation import Allocation
from optimizer.plan.constraints import Target
from optimizer.plan.curves import Floats

if TYPE_CHECKING:
    import pandas as pd

    from .prices import Prices

__all__ = ["Goal", "breakdown", "goals", "phasing", "tables_of"]

GOODWILL = "goodwill"
"""What stands for a line where goodwill delivers."""


@dataclass(frozen=True, eq=False)
class Goal:
    """Something to reach, or without a target what the plan itself brings."""

    name: str
    """The rule's name; empty where no rule asks for it."""
    stage: str
    """The stage of the funnel; empty: all outcomes as the curves give them."""
    amount: float
    """Units in all."""
    counts: NDArray[np.bool_]
    """Which source counts in which period, shape (n_lines + 1, counted); goodwill's last."""


def goals(allocation: Allocation) -> list[Goal]:
    """The targets of a plan on outcomes, each value of their ``per`` for itself.

    Without any: what the plan brings of the stage that its objective counts, else of the last.
    """
    plan, grid = allocation.plan, allocation.problem.grid
    found = []
    for rule in plan.rules:
        if not isinstance(rule, Target) or rule.at_least is None:
            continue
        scope = grid.select(rule.where)
        for part, mask in grid.groups(rule.per).items():
            cells = (scope & mask).reshape(grid.n_lines, grid.n_periods)
            if not cells.any():
                continue
            if rule.by is not None:
                cells &= np.arange(grid.n_periods) <= grid.periods.index(rule.by)
            name = f"{rule.name} {part}".strip()
            counts = _counting(allocation, cells)
            found.append(Goal(name, rule.outcome or "", rule.at_least, counts))
    if found:
        return found
    stage = getattr(plan.objective, "of", None) or ("" if not grid.stages else [*grid.stages][-1])
    every = _counting(allocation, np.ones((grid.n_lines, grid.n_periods), bool))
    whole = float(_units(allocation)[stage][every].sum())
    return [Goal("", stage, whole, every)]


def _counting(allocation: Allocation, cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which source counts in which period, as targets have it: shape (n_lines + 1, counted)."""
    flows, after, goodwill = allocation.problem.grid.flows, 0, False
    sources, when = np.asarray(cells.any(axis=1)), np.asarray(cells.any(axis=0))
    if flows is not None:
        after = flows.periods.counted - len(when)
        goodwill = bool(flows.filled.any() and sources[flows.filled].all())
    when = np.concatenate([when, np.full(after, when.all())])
    return np.asarray(np.append(sources, goodwill)[:, None] & when, bool)


def _units(allocation: Allocation) -> dict[str, Floats]:
    """Units by source and period that each stage delivers, under ``""`` all outcomes.

    Shapes (n_lines + 1, counted); goodwill's are the last row. What is beyond a capacity is not
    delivered.
    """
    grid = allocation.problem.grid
    flows, stages = grid.flows, list(grid.stages)
    if flows is None:
        plain = np.append(allocation.terms, 0.0)[:, None]
        reach = [np.append(grid.stages[name], 0.0)[:, None] for name in stages]
        parts = [share * plain for share in reach]
    else:
        plain = flows.brought(allocation.terms)
        parts = [*flows.delivered(allocation.terms, allocation.columns)] if stages else []
    return {"": plain, **dict(zip(stages, parts, strict=True))}


def breakdown(allocation: Allocation) -> pd.DataFrame:
    """One row per period and line: the money it needs, and what it delivers of every stage.

    Outcomes stand in the period in which they come, whenever the money for them was spent; the rows
    of periods after the plan's end spend nothing, and goodwill is a row of its own, called
    ``goodwill``. Where a stage cannot follow up all, every line loses the same share.

    Columns: period, channel, line, role, spend, outcome (as the curve gives it), one per stage
    (units followed up); then per goal the target, its share, what is delivered up to and with the
    period by all (cumulative), and that as a share of the target (reached). With several goals
    their names stand before these words.
    """
    import pandas as pd

    grid, units = allocation.problem.grid, _units(allocation)
    flows, n, planned = grid.flows, grid.n_lines, grid.n_periods
    counted = units[""].shape[1]
    labels = grid.periods if flows is None else flows.periods.labels
    spend = np.zeros((n + 1, counted))
    spend[:n, :planned] = allocation.spend.reshape(n, planned)
    names = [*grid.line_names.tolist(), GOODWILL]
    kept = np.ones((counted, n + 1), bool)
    kept[:, n] = flows is not None and len(flows.goodwill) > 0

    def rows(by_source: Floats) -> Any:
        return by_source.T[kept]

    def told(of_line: list[str]) -> Any:
        return np.tile(np.array(of_line, object), (counted, 1))[kept]

    columns = {
        "period": np.repeat(np.array(labels, object)[:, None], n + 1, axis=1)[kept],
        "channel": told([*grid.channel[::planned].tolist(), ""]),
        "line": told(names),
        "role": told([*grid.role[::planned].tolist(), ""]),
        "spend": rows(spend),
        "outcome": rows(units[""]),
        **{stage: rows(units[stage]) for stage in grid.stages},
    }
    asked = goals(allocation)
    for goal in asked:
        own = np.where(goal.counts, units[goal.stage], 0.0)
        whole = np.cumsum(own.sum(axis=0))
        before = f"{goal.name or goal.stage} " if len(asked) > 1 else ""
        columns[f"{before}target"] = goal.amount
        amount = goal.amount or 1.0
        columns[f"{before}share"] = rows(own / amount)
        columns[f"{before}cumulative"] = rows(np.tile(whole, (n + 1, 1)))
        columns[f"{before}reached"] = rows(np.tile(whole / amount, (n + 1, 1)))
    return pd.DataFrame(columns)


def phasing(allocation: Allocation) -> pd.DataFrame:
    """One row per line, one column per period with its money; then the total."""
    import pandas as pd

    grid = allocation.problem.grid
    wide = allocation.spend.reshape(grid.n_lines, grid.n_periods)
    frame = pd.DataFrame(wide, columns=list(grid.periods))
    frame.insert(0, "line", grid.line_names.astype(object))
    frame.insert(1, "channel", grid.channel[:: grid.n_periods].astype(object))
    frame.insert(2, "role", grid.role[:: grid.n_periods].astype(object))
    frame["total"] = wide.sum(axis=1)
    return frame


def tables_of(allocation: Allocation, prices: Prices | None = None) -> dict[str, pd.DataFrame]:
    """Every table of an answer by name; those over time only where the plan has periods."""
    tables = {"lines": allocation.by_line}
    if prices is not None:
        tables["rules"] = prices.frame
    if allocation.plan.periods is None:
        return tables
    tables |= {
        "phasing": phasing(allocation),
        "breakdown": breakdown(allocation),
        "periods": allocation.by_cell,
        "totals": allocation.by_period,
    }
    return tables | ({} if allocation.plan.funnel is None else {"stages": allocation.by_stage})
