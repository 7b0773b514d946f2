"""What a plan's attitude to risk makes of spends, in worlds that are kept for the next ask."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from dataclasses import replace
from typing import TypeVar

from optimizer.plan.document import outline, to_document
from optimizer.plan.plan import Plan
from optimizer.plan.table import LineTable
from optimizer.problem import Problem
from optimizer.solvers.attitudes import Measure, measure_of
from optimizer.worlds import Worlds

__all__ = ["fingerprint", "measured"]

T = TypeVar("T")

# Worlds and measures of the last plans: today's spend and neighbours are asked in the same worlds.
_KEPT = 4
_worlds: OrderedDict[str, Worlds] = OrderedDict()
_measures: OrderedDict[str, Measure] = OrderedDict()


def measured(plan: Plan, problem: Problem) -> Measure:
    """What a plan's attitude to risk makes of spends; kept for the last few plans.

    Raises:
        PlanError: nothing is uncertain, or what is cannot be.
    """
    key = fingerprint(plan)
    if key not in _measures:
        worlds = replace(_worlds_of(plan), plan=plan, problem=problem)
        _measures[key] = measure_of(plan, worlds)
    return _recent(_measures, key)


def _worlds_of(plan: Plan) -> Worlds:
    """The draws of a plan, which neither its rules nor its attitude to risk decide."""
    if isinstance(plan.lines, LineTable):
        return Worlds.of(plan)
    document = to_document(plan)
    for word in ("risk", "commitment", "constraints", "budget", "applied", "name"):
        document.pop(word, None)
    key = json.dumps(document, sort_keys=True)
    if key not in _worlds:
        _worlds[key] = Worlds.of(plan)
    return _recent(_worlds, key)


def _recent(kept: OrderedDict[str, T], key: str) -> T:
    """What is kept under *key*, now the last to be forgotten."""
    kept.move_to_end(key)
    while len(kept) > _KEPT:
        kept.popitem(last=False)
    return kept[key]


def fingerprint(plan: Plan) -> str:
    """A hash of the question: equal plans have equal fingerprints on every machine."""
    if isinstance(plan.lines, LineTable):
        document = outline(plan) | {"lines": plan.lines.digest}
    else:
        document = to_document(plan)
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
