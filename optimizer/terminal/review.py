"""A scenario explained without solving it: its lines, its rules, and what a reader should doubt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.compiling import compile_plan
from optimizer.plan.curves import Floats, Shape
from optimizer.plan.document import assumptions
from optimizer.plan.grid import Grid
from optimizer.plan.plan import Plan
from optimizer.words import label, listed, say
from optimizer.words.rules import rule_in_words, rule_name
from optimizer.words.voice import Voice

from .phrases import phrase

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Remark", "Review", "review"]

_NAMED = 5


@dataclass(frozen=True)
class Remark:
    """One thing to know of a scenario."""

    key: str
    says: str


@dataclass(frozen=True)
class Review:
    """What ``adsplit check`` found in a scenario that holds together."""

    plan: Plan
    what_ifs: tuple[str, ...]
    goal: str
    rules: tuple[Remark, ...]
    """Every rule in force; the key is its name."""
    warnings: tuple[Remark, ...]
    """What makes the answer doubtful."""
    notes: tuple[Remark, ...]
    """What is worth knowing."""

    @property
    def lines(self) -> pd.DataFrame:
        """One row per line: name, channel, role, curve, limits, today's spend."""
        import pandas as pd

        return pd.DataFrame(self._lines())

    def _lines(self) -> list[dict[str, Any]]:
        grid = self.plan.grid
        minimum, maximum = _each(grid, grid.minimum, np.min), _each(grid, grid.upper, np.max)
        return [
            {
                "line": line.name,
                "channel": line.channel,
                "role": line.role,
                "curve": line.curve.kind,
                "minimum": float(minimum[i]),
                "maximum": float(maximum[i]) if np.isfinite(maximum[i]) else None,
                "current": line.current,
                "observed": line.observed,
            }
            for i, line in enumerate(self.plan.lines)
        ]

    def data(self) -> dict[str, Any]:
        """As plain data (``adsplit.check/1``)."""
        plan = self.plan
        return {
            "schema": "adsplit.check/1",
            "ok": True,
            "name": plan.name,
            "business": plan.business,
            "currency": plan.currency,
            "budget": plan.budget,
            "objective": plan.objective.kind,
            "lines": self._lines(),
            "rules": [{"name": rule.key, "says": rule.says} for rule in self.rules],
            "what_ifs": list(self.what_ifs),
            "applied": list(plan.applied),
            "warnings": [vars(remark) for remark in self.warnings],
            "notes": [vars(remark) for remark in self.notes],
        }


def review(plan: Plan, what_ifs: list[str], lang: str = "en") -> Review:
    """Look *plan* over.

    Raises:
        PlanError: the objective counts money, and a line has no value.
    """
    voice = Voice(plan, lang)
    problem = compile_plan(plan)
    rules = [Remark(rule.name, rule_in_words(rule, plan, lang)) for rule in plan.rules]
    if plan.budget is not None:
        rules.insert(0, Remark("budget", say("rule.budget", lang, budget=voice.cash(plan.budget))))
    notes: list[Remark] = []

    def note(key: str, **slots: str) -> None:
        notes.append(Remark(key, say(key, lang, **slots)))

    today = problem.grid.current
    if np.isnan(today).any():
        note("alert.no_today")
    elif not problem.feasible(columns := problem.lift(today)):
        missed = problem.violations(columns) > 1e-6 * max(float(today.sum()), 1.0)
        names = dict.fromkeys(
            rule_name(problem.rows.rule[row], plan, lang, problem.rows.part[row])
            for row in np.flatnonzero(missed & ~problem.rows.soft & ~problem.rows.definition)
        )
        if names:
            note("alert.today_breaks", rules=listed(list(names), lang))
    bent = [label(line.name, lang) for line in plan.lines if line.curve.shape is Shape.S_SHAPED]
    if bent:
        note("alert.s_curve", lines=_some(bent, lang))
    return Review(
        plan=plan,
        what_ifs=tuple(what_ifs),
        goal=voice.goal,
        rules=tuple(rules),
        warnings=tuple(_warnings(plan, voice)),
        notes=tuple(notes),
    )


def _warnings(plan: Plan, voice: Voice) -> list[Remark]:
    lang, grid = voice.lang, plan.grid
    found: list[Remark] = []
    stated = assumptions(plan)
    weak = [one for one in stated if one.origin and one.origin.grade in {"C", "assumption"}]
    unsourced = [one for one in stated if one.origin is None]
    for key, some in (("alert.grades", weak), ("alert.unsourced", unsourced)):
        if some:
            slots = {"count": str(len(some)), "total": str(len(stated))}
            found.append(Remark(key, say(key, lang, **slots)))
    beyond = [
        label(line.name, lang)
        for line, most in zip(plan.lines, _each(grid, grid.upper, np.max), strict=True)
        if line.observed is not None and most > line.observed
    ]
    if beyond:
        found.append(
            Remark("beyond_observed", phrase("beyond_observed", lang, lines=_some(beyond, lang)))
        )
    most, least = float(grid.upper.sum()), float(grid.minimum.sum())
    if plan.budget is not None and most < plan.budget * (1 - 1e-9):
        left = voice.cash(plan.budget - most)
        found.append(Remark("cannot_spend", phrase("cannot_spend", lang, left=left)))
    if plan.budget is not None and least > plan.budget * (1 + 1e-9):
        slots = {"least": voice.cash(least), "budget": voice.cash(plan.budget)}
        found.append(Remark("minima_above", phrase("minima_above", lang, **slots)))
    return found


def _each(grid: Grid, cells: Floats, of: Callable[..., Floats]) -> Floats:
    """One limit per line, the least or the most over its periods, shape (n_lines,)."""
    return of(cells.reshape(grid.n_lines, grid.n_periods), axis=1)


def _some(names: list[str], lang: str) -> str:
    return listed(names, lang, _NAMED)
