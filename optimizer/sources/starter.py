"""A scenario of one's own from one that comes with adsplit: its text, with other money in it.

Comments, order and what-ifs of the template stay. With another budget every sum of money moves in
proportion, spends and curves alike, so that returns and advice stay the same until real figures
replace them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from optimizer.errors import Fault, ScenarioError, UnknownName
from optimizer.plan.plan import Plan
from optimizer.plan.units import Percent, parse_money

from .places import builtin_names, place_of
from .scenario import edit, loads, read_scenario

__all__ = ["TEMPLATES", "Starter", "builtin_summaries", "builtin_text"]

TEMPLATES = ("b2b", "b2c", "b2c-cn", "minimal")
"""Built-in scenarios that are made to be started from."""

# Which fields of a line and of each curve or rule are sums of money, or outcomes that grow with it.
_LINE = ("current", "observed", "minimum", "maximum", "minimum_if_active", "locked")
_CURVES = {
    "elasticity": ("spend",),
    "log": ("scale", "unit"),
    "exponential": ("ceiling", "unit"),
    "hill": ("ceiling", "half"),
    "logistic": ("ceiling", "unit", "midpoint"),
    "points": ("spend", "outcomes"),
}
_RULES = {
    "spend": ("at_least", "at_most"),
    "target": ("at_least",),
    "pacing": ("at_most_by", "at_least_by"),
}


def builtin_text(name: str) -> str:
    """The file of a built-in scenario, comments and all.

    Raises:
        UnknownName: there is none of that name; suggests the nearest.
    """
    names = builtin_names()
    if name not in names:
        raise UnknownName.of("built-in scenario", name, names)
    return place_of(name).read()


def builtin_summaries() -> list[dict[str, Any]]:
    """One row per built-in scenario: name, title, business, currency, budget, lines, what-ifs."""
    rows = []
    for name in builtin_names():
        read = read_scenario(name)
        plan = read.plan()
        rows.append(
            {
                "name": name,
                "title": plan.name,
                "business": plan.business,
                "currency": plan.currency,
                "budget": plan.budget,
                "lines": len(plan.lines),
                "what_ifs": len(read.what_ifs),
            }
        )
    return rows


@dataclass(frozen=True)
class Starter:
    """A scenario in the making."""

    text: str
    name: str

    @classmethod
    def of(cls, template: str) -> Starter:
        """Start from a built-in scenario.

        Raises:
            UnknownName: there is no such template.
        """
        return cls(builtin_text(template), template)

    @cached_property
    def plan(self) -> Plan:
        """What the text says now."""
        return loads(self.text, self.name)

    @property
    def currency(self) -> str:
        """Three-letter code of all money."""
        return self.plan.currency

    @property
    def budget(self) -> float:
        """The ceiling on all spend."""
        return self.plan.budget or 0.0

    @property
    def spends(self) -> dict[str, float]:
        """Today's spend by line, where it is stated."""
        return {line.name: line.current for line in self.plan.lines if line.current is not None}

    def with_money(self, currency: str, budget: float | str) -> Starter:
        """The same in another currency and with another budget, all sums in proportion.

        Raises:
            ScenarioError: the budget is not money above zero, or the currency is not a code.
        """
        try:
            wanted = parse_money(budget)
        except ValueError as error:
            raise ScenarioError(Fault("budget", str(error), where="--budget")) from None
        if wanted <= 0:
            advice = "Give the money there is to spend"
            raise ScenarioError(Fault("budget", "is zero", advice, "--budget"))
        changes: dict[str, object] = {}
        if currency != self.currency:
            changes["currency"] = currency
        if not math.isclose(wanted, self.budget):
            changes["budget"] = _tidy(wanted)
            factor = wanted / self.budget
            changes |= {path: _scaled(value, factor) for path, value in _sums(self.plan)}
        return self._changed(changes)

    def with_spends(self, spends: Mapping[str, float | str]) -> Starter:
        """The same with today's spend of some lines as given; a line's other sums go with it.

        Raises:
            UnknownName: there is no such line.
            ScenarioError: an amount is not money.
        """
        changes: dict[str, object] = {}
        for name, amount in spends.items():
            path = f"channels.{self.plan.line(name).name}.current"
            try:
                value = parse_money(amount)
            except ValueError as error:
                raise ScenarioError(Fault(path, str(error))) from None
            now = self.spends.get(name)
            if value == now:
                continue
            if value and now:
                changes |= {
                    at: _scaled(sum_, value / now)
                    for at, sum_ in _sums(self.plan)
                    if at.startswith(f"channels.{name}.")
                }
            changes[path] = _tidy(value)
        return self._changed(changes)

    def _changed(self, changes: Mapping[str, object]) -> Starter:
        made = replace(self, text=edit(self.text, changes) if changes else self.text)
        made.plan  # noqa: B018 - it must be whole
        return made


def _sums(plan: Plan) -> Iterator[tuple[str, Any]]:
    """Every sum of money that the plan states, and where."""
    for line in plan.lines:
        path = f"channels.{line.name}"
        for key in _LINE:
            value = getattr(line, key)
            if isinstance(value, float) and value:
                yield f"{path}.{key}", value
        for key in _CURVES.get(line.curve.kind, ()):
            if hasattr(line.curve, key):
                yield f"{path}.curve.{key}", getattr(line.curve, key)
        if line.before is not None:
            yield f"{path}.before", line.before
        yield from _by_period(line.locked_in, f"{path}.locked_in")
    for rule in plan.constraints:
        for key in _RULES.get(rule.kind, ()):
            value = getattr(rule, key)
            if isinstance(value, Mapping):
                yield from _by_period(value, f"constraints.{rule.name}.{key}")
            elif isinstance(value, float):
                yield f"constraints.{rule.name}.{key}", value
    yield from _slow_sums(plan)


def _slow_sums(plan: Plan) -> Iterator[tuple[str, Any]]:
    """What stands in goodwill, and how much a stage of the funnel can take."""
    goodwill = plan.goodwill
    if goodwill is not None:
        for key in _CURVES.get(goodwill.curve.kind, ()):
            if hasattr(goodwill.curve, key):
                yield f"goodwill.curve.{key}", getattr(goodwill.curve, key)
        if goodwill.start:
            yield "goodwill.start", goodwill.start
    for stage, capacity in ({} if plan.funnel is None else plan.funnel.capacity).items():
        if isinstance(capacity, Mapping):
            yield from _by_period(capacity, f"funnel.capacity.{stage}")
        else:
            yield f"funnel.capacity.{stage}", capacity


def _by_period(sums: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    """The sums of some periods; shares of the budget move with it by themselves."""
    for period, value in sums.items():
        if not isinstance(value, Percent):
            yield f"{path}.{period}", value


def _scaled(value: Any, factor: float) -> Any:
    if isinstance(value, list | tuple):
        return [_scaled(item, factor) for item in value]
    return _tidy(float(f"{value * factor:.4g}"))


def _tidy(value: float) -> float | int:
    """A whole number without a decimal point."""
    return int(value) if float(value).is_integer() else float(value)
