"""An answer as plain data: the contract that programs rely on (``adsplit.allocation/1``).

Plain numbers, texts, lists and mappings only. What does not exist is None; a number is always
finite. ``answer.schema.json`` beside this file is the contract in JSON Schema.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any

from optimizer.allocation import Allocation
from optimizer.plan.constraints import Share, Split
from optimizer.plan.document import to_document
from optimizer.plan.flows import CAPACITY
from optimizer.plan.plan import Plan
from optimizer.problem import BUDGET
from optimizer.words import label, money, say
from optimizer.words.rules import capacity_in_words, rule_in_words
from optimizer.words.voice import Voice

from .explanation import explain
from .following import tell
from .proofs import as_parts

if TYPE_CHECKING:
    import pandas as pd

    from .certainty import Certainty
    from .commitment import Committed
    from .comparison import Comparison
    from .fresh import Fresh
    from .horizon import Horizons
    from .information import Information
    from .prices import Prices
    from .sweep import Sweep
    from .tracking import Tracking

__all__ = [
    "SCHEMA",
    "answer",
    "answer_schema",
    "as_frame",
    "commit_answer",
    "comparison_answer",
    "figures",
    "grid_answer",
    "horizon_answer",
    "plain",
    "records",
    "sensitivity_answer",
    "sure_answer",
    "sweep_answer",
    "track_answer",
]

SCHEMA = "adsplit.allocation/1"
"""Name and version of the contract; keys are only ever added to a version."""


def answer(
    allocation: Allocation, prices: Prices | None = None, lang: str = "en"
) -> dict[str, Any]:
    """*allocation* as plain data, ready for ``json.dumps(…, allow_nan=False)``.

    Args:
        allocation: The answer.
        prices: What its rules cost, from ``rule_prices``; without them every price is None.
        lang: Language of the sentences (``says`` and warnings); keys are never translated.
    """
    told = explain(allocation, prices, lang)
    return {
        "schema": SCHEMA,
        **figures(allocation),
        "constraints": list(_constraints(allocation, prices, lang)),
        "warnings": [{"key": alert.key, "says": alert.text} for alert in told.alerts],
        "summary": told.headline.text,
        "provenance": plain(allocation.provenance),
        "plan": plain(to_document(allocation.plan)),
        "proof": None if allocation.proof is None else plain(as_parts(allocation.proof)),
    }


def figures(allocation: Allocation) -> dict[str, Any]:
    """The part of an answer that follows from the plan, the spend and the bound."""
    plan, today = allocation.plan, allocation.today
    return {
        "name": plan.name,
        "status": None if allocation.status is None else str(allocation.status),
        "solver": allocation.solver or None,
        "seconds": plain(round(allocation.seconds, 3)),
        "currency": plan.currency,
        "budget": plain(plan.budget),
        "spent": plain(allocation.spent),
        "objective": {
            "kind": plan.objective.kind,
            "value": plain(_worth(allocation, allocation.objective)),
        },
        "bound": plain(_worth(allocation, allocation.bound)),
        "gap": plain(allocation.gap),
        **_under_risk(allocation),
        "current": None
        if today is None
        else {
            "value": plain(_worth(today, today.objective)),
            "spent": plain(today.spent),
            "feasible": today.is_feasible,
        },
        "lines": list(_lines(allocation)),
        **_over_time(allocation),
    }


def _under_risk(allocation: Allocation) -> dict[str, Any]:
    """What the value means where the plan has an attitude to risk; nothing without one."""
    hedge, risk = allocation.hedge, allocation.plan.risk
    if hedge is None or risk is None:
        return {}
    figures = {
        "kind": risk.kind,
        "value": _worth(allocation, hedge.value),
        "expected": _worth(allocation, hedge.expected),
        "worst_tenth": _worth(allocation, hedge.worst),
        "stated": _worth(allocation, allocation.problem.value(allocation.columns)),
        "chance": hedge.chance,
        "regret": -hedge.value if risk.kind == "regret" else None,
        "exact": hedge.exact,
        "draws": hedge.draws,
    }
    return {"risk": plain(figures)}


def _over_time(allocation: Allocation) -> dict[str, Any]:
    """Money by line and period; with periods also totals per period and the stages."""
    if allocation.plan.periods is None:
        return {"periods": []}
    cells = allocation.by_cell[["period", "line", "spend", "outcome", "marginal_return", "at"]]
    return {
        "periods": records(cells),
        "totals": records(allocation.by_period),
        "stages": records(allocation.by_stage),
    }


def comparison_answer(result: Comparison, lang: str = "en") -> dict[str, Any]:
    """A comparison as plain data (``adsplit.comparison/1``)."""
    best = result.steadiest
    return {
        "schema": "adsplit.comparison/1",
        "currency": result.first.currency,
        "plans": records(result.frame),
        "lines": records(result.lines),
        "inputs": records(result.inputs),
        "regret": records(result.regret.rename_axis("plan").reset_index()),
        "rules": records(result.rules),
        "steadiest": None
        if best is None
        else plain(
            {
                "name": best.name,
                "regret": best.regret,
                "world": best.world or None,
                "breaks": best.breaks,
            }
        ),
        "says": result.sentences(lang),
    }


def sweep_answer(result: Sweep) -> dict[str, Any]:
    """A sweep as plain data (``adsplit.sweep/1``)."""
    return {
        "schema": "adsplit.sweep/1",
        "paths": [result.path],
        "unit": result.unit or None,
        "currency": result.plan.currency,
        "today": plain(result.today),
        "stated": plain(result.stated),
        "best": plain(result.best),
        "points": records(result.frame),
    }


def horizon_answer(found: Horizons, lang: str = "en") -> dict[str, Any]:
    """The best split by horizon as plain data (``adsplit.horizon/1``)."""
    return {
        "schema": "adsplit.horizon/1",
        "currency": found.plan.currency,
        "every": found.every,
        "rule_share": found.rule_share,
        "crosses": plain(found.crosses),
        "between": plain(found.between),
        "says": found.sentences(lang),
        "horizons": records(found.frame),
    }


def track_answer(found: Tracking, lang: str = "en") -> dict[str, Any]:
    """How a plan was followed as plain data (``adsplit.track/1``)."""
    told = tell(found, lang)
    return {
        "schema": "adsplit.track/1",
        "name": found.plan.name,
        "currency": found.plan.currency,
        "until": found.until,
        "over": found.passed,
        "tolerance": found.tolerance,
        "given": found.given,
        "stands": found.stands,
        "scaled": found.scaled,
        "lines": [
            record | {"role": record["role"] or None, "factor": found.factors.get(record["line"])}
            for record in records(found.lines)
        ],
        "periods": records(found.cells),
        "totals": records(found.totals),
        "stages": records(found.stages),
        "forecast": records(found.forecast),
        "broken": [
            {"rule": rule, "parts": list(filter(None, parts))}
            for rule, parts in found.past_broken.items()
        ],
        "summary": told.so_far.text,
        "says": [one.text for one in told.statements],
        "warnings": [{"key": one.key, "says": one.text} for one in told.alerts],
        "remarks": [
            {"where": remark.where, "path": remark.path, "problem": remark.problem}
            for remark in found.remarks
        ],
        "conflict": None if found.conflict is None else str(found.conflict),
        "plan": None if found.best is None else answer(found.best, None, lang),
    }


def sure_answer(
    found: Certainty, known: Information | None, lang: str = "en", fresh: Fresh | None = None
) -> dict[str, Any]:
    """How sure a plan is, and what to test next, as plain data (``adsplit.sure/1``)."""
    from .assurance import assure
    from .certainty import gain_record

    told, plan = assure(found, known, lang), found.plan
    assert plan.uncertainty is not None  # worlds were drawn of it
    return {
        "schema": "adsplit.sure/1",
        "name": plan.name,
        "currency": plan.currency,
        "input": found.allocation.provenance["input"],
        "draws": found.draws,
        "automatic": found.automatic,
        "stable": found.stable,
        "seed": plan.uncertainty.seed,
        "redraws": found.few.n,
        "proven": found.solved,
        "bands": records(found.bands),
        "gain": None if found.gain is None else plain(gain_record(found.gain)),
        "optimum": plain(found.optimum),
        "lines": records(found.lines),
        "views": records(found.views),
        "switching": records(found.switching),
        "information": None
        if known is None
        else {
            "total": known.total,
            "error": known.error,
            "open": known.open,
            "mean": known.mean,
            "shortfall": known.shortfall,
            "tests": records(known.frame),
            "variance": known.variance,
            "panel": known.panel,
            "shares": records(known.shares),
        },
        "fresh": None if fresh is None else records(fresh.frame),
        "says": [
            *(one.text for one in told.statements),
            *(() if fresh is None else (fresh.sentence(lang).text,)),
        ],
    }


def commit_answer(found: Committed, lang: str = "en") -> dict[str, Any]:
    """What to buy now and what to leave as plain data (``adsplit.commitment/1``)."""
    from .committing import advise

    plan, told = found.plan, advise(found, lang)
    assert plan.uncertainty is not None  # worlds were drawn of it
    return {
        "schema": "adsplit.commitment/1",
        "name": plan.name,
        "currency": plan.currency,
        "status": str(found.adapts.status),
        "value": plain(found.value),
        "bound": plain(found.adapts.bound),
        "gap": plain(found.gap),
        "draws": found.tree.worlds.n,
        "seed": plan.uncertainty.seed,
        "branches": [
            record
            | {"tells": [{"path": path, "deviations": plain(by)} for path, by in branch.tells]}
            for record, branch in zip(records(found.outlook), found.branches, strict=True)
        ],
        "lines": records(found.lines),
        "cells": records(found.cells),
        "worths": {row["what"]: row for row in records(found.worths)},
        "broken": list(found.broken),
        "openings": records(found.openings),
        "over_draws": records(found.over_draws),
        "says": [one.text for one in told.statements],
        "plan": plain(to_document(plan)),
    }


def grid_answer(plan: Plan, paths: Sequence[str], frame: pd.DataFrame) -> dict[str, Any]:
    """A sweep of two inputs as plain data (``adsplit.sweep/1``)."""
    return {
        "schema": "adsplit.sweep/1",
        "paths": list(paths),
        "currency": plan.currency,
        "points": records(frame),
    }


def sensitivity_answer(
    allocation: Allocation, spread: float, tables: Mapping[str, pd.DataFrame]
) -> dict[str, Any]:
    """What an answer depends on as plain data (``adsplit.sensitivity/1``)."""
    return {
        "schema": "adsplit.sensitivity/1",
        "currency": allocation.plan.currency,
        "value": plain(_worth(allocation, allocation.objective)),
        "spread": spread,
        **{name: records(frame) for name, frame in tables.items()},
    }


def answer_schema() -> dict[str, Any]:
    """The contract as JSON Schema."""
    text = resources.files(__package__).joinpath("answer.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def plain(value: Any) -> Any:
    """*value* as plain Python data; None for a number that is not finite."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return str(value)  # an enum's word
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    convert = getattr(value, "tolist", None)  # NumPy's scalars and arrays
    return plain(convert()) if callable(convert) else str(value)


def records(frame: Any) -> list[dict[str, Any]]:
    """The rows of a table as plain mappings."""
    names = [str(name) for name in frame.columns]
    return [
        {name: plain(value) for name, value in zip(names, row, strict=True)}
        for row in frame.itertuples(index=False, name=None)
    ]


def as_frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Plain mappings as a table."""
    import pandas as pd

    return pd.DataFrame(list(rows))


def _worth(allocation: Allocation, value: float | None) -> float | None:
    """The objective as a reader counts it: the spend itself where the least spend is sought."""
    least = allocation.plan.objective.kind == "lowest_spend"
    return -value if least and value is not None else value


def _lines(allocation: Allocation) -> Iterator[dict[str, Any]]:
    columns = [
        "line",
        "channel",
        "role",
        "spend",
        "share",
        "outcome",
        "value",
        "return",
        "marginal_return",
        "current",
        "at",
    ]
    for record in records(allocation.by_line[columns]):
        yield record | {"role": record["role"] or None}


def _constraints(
    allocation: Allocation, prices: Prices | None, lang: str
) -> Iterator[dict[str, Any]]:
    """Every rule in force with its price, then the limits of single lines."""
    plan = allocation.plan
    stated = {rule.name: rule for rule in plan.rules}
    for row in _priced(allocation) if prices is None else records(prices.frame):
        name = row["rule"]
        says = (
            rule_in_words(stated[name], plan, lang)
            if name in stated
            else _limit_in_words(name, allocation, lang)
        )
        priced = {key: row[key] for key in ("binding", "price", "unit")}
        yield {"name": name, **priced, "says": says}


def _limit_in_words(name: str, allocation: Allocation, lang: str) -> str:
    """The budget, or the limit of one line as ``rule_prices`` names it, as a sentence."""
    plan, grid = allocation.plan, allocation.problem.grid
    if name == BUDGET:
        cash = money(plan.budget or 0.0, plan.currency, lang, compact=True)
        return say("rule.budget", lang, budget=cash)
    if name.startswith(f"{CAPACITY} "):
        return capacity_in_words(plan, name.removeprefix(f"{CAPACITY} "), lang)
    line, word = next(
        (name[: -len(word) - 1], word)
        for word in ("minimum if active", "minimum", "maximum", "locked")
        if name.endswith(f" {word}")
    )
    at = list(grid.names).index(line)  # the first period stands for all
    key, limit = {
        "maximum": ("rule.line_maximum", grid.maximum[at]),
        "minimum": ("rule.line_minimum", grid.minimum[at]),
        "locked": ("rule.line_locked", grid.minimum[at]),
        "minimum if active": ("rule.line_active", grid.minimum_if_active[at]),
    }[word]
    cash = money(float(limit), plan.currency, lang, compact=True)
    cash = Voice(plan, lang).per_period(cash)
    return say(key, lang, line=label(line, lang), low=cash, high=cash)


def _priced(allocation: Allocation) -> Iterator[dict[str, Any]]:
    """The rules as ``rule_prices`` names them, without prices."""
    plan = allocation.plan
    points = {rule.name for rule in plan.rules if isinstance(rule, Split | Share)}
    for name, rows in allocation.binding.groupby("rule", sort=False):
        unit = "point" if name in points else str(rows["unit"].iloc[0])
        yield {"rule": name, "unit": unit, "binding": bool(rows["binding"].any()), "price": None}
