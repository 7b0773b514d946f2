"""Several plans on one page: what each brings and costs, and what differs between them."""

from __future__ import annotations

import csv
import io
import math
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from optimizer.allocation import Allocation
from optimizer.analysis.comparison import Comparison, compare
from optimizer.analysis.explanation import explain
from optimizer.analysis.telling import SMALL
from optimizer.analysis.variations import Failed
from optimizer.errors import Fault, PlanError
from optimizer.plan.flows import CAPACITY
from optimizer.solvers.solution import Status
from optimizer.words import LANGUAGES, listed
from optimizer.words.rules import rule_name
from optimizer.words.voice import Voice
from optimizer.writing import write_atomically

from . import charts, evidence
from .appendix import appendix
from .blocks import Answer, Card, Chart, Column, Page, Section, Table
from .page import page_of
from .sections import dumbbell
from .tables import allocation_table, roles_table, safe_text
from .theme import short
from .view import View

__all__ = ["render_comparison", "write_comparison"]

CARDS = 8
"""Plans that get a card, and charts of their own; tables show all."""

INPUTS = 200
"""Differences of inputs that are listed."""


def write_comparison(
    path: str | os.PathLike[str],
    members: Mapping[str, Allocation | Failed],
    comparison: Comparison | None = None,
    lang: str = "en",
) -> Path:
    """Write *members* side by side to *path*, whole or not at all; see :func:`render_comparison`.

    Raises:
        PlanError: no plan has an answer.
        OSError: the file cannot be written.
    """
    file = Path(path)
    page = render_comparison(members, comparison, lang)
    write_atomically(file, page.encode())
    return file


def render_comparison(
    members: Mapping[str, Allocation | Failed],
    comparison: Comparison | None = None,
    lang: str = "en",
) -> str:
    """*members* side by side as one HTML page that loads nothing, in both languages.

    Args:
        members: Answers by name, each put against the first.
        comparison: What ``compare`` says of them, where that is known already; with its prices the
            page says what the rules cost.
        lang: The language that the page opens in.

    Raises:
        PlanError: no plan has an answer.
        KeyError: there is no such language.
    """
    found = compare(members) if comparison is None else comparison
    sides = [Sides(dict(members), found, one) for one in LANGUAGES]
    first = sides[0].first.plan
    return page_of([side.page() for side in sides], first.name,
                   sides[0].first.provenance["input"], lang, "side.title")  # fmt: skip


@dataclass(frozen=True)
class Sides:
    """Several plans in one language."""

    members: dict[str, Allocation | Failed]
    comparison: Comparison
    lang: str

    @cached_property
    def solved(self) -> dict[str, Allocation]:
        """Those that have an answer."""
        return {n: one for n, one in self.members.items() if isinstance(one, Allocation)}

    @cached_property
    def first(self) -> Allocation:
        """The first that has an answer."""
        if not self.solved:
            reasons = [
                Fault(name, f"has no plan: {one.reason}")
                for name, one in self.members.items() if isinstance(one, Failed)
            ]  # fmt: skip
            raise PlanError(reasons)
        return next(iter(self.solved.values()))

    @cached_property
    def view(self) -> View:
        """What charts and tables have in common: the first plan's currency and lines."""
        return View(self.first, self.lang)

    @cached_property
    def views(self) -> dict[str, View]:
        """Each plan that has an answer."""
        return {name: View(one, self.lang) for name, one in self.solved.items()}

    @property
    def first_name(self) -> str:
        """The name of the plan that all are put against."""
        return next(iter(self.members))

    @cached_property
    def alike(self) -> dict[str, Allocation]:
        """Those that count the same as the first, in the same currency."""
        goal = _goal(self.first)
        return {name: one for name, one in self.solved.items() if _goal(one) == goal}

    @cached_property
    def scenarios(self) -> Section:
        """The plans as the report of one plan shows its what-ifs."""
        return evidence.scenarios(self.view, self.comparison)

    def say(self, key: str, **slots: object) -> str:
        """A sentence, its first letter large."""
        return self.view.say(key, **slots)

    # -------------------------------------------------------------------------------- the page

    def page(self) -> Page:
        """The page in this language."""
        view, provenance = self.view, self.first.provenance
        word, text = self._status()
        parts = [self._brings(), self._lines(), self._rules(), self._inputs()]
        parts += [self._plan(i, n, v) for i, (n, v) in enumerate(self.views.items()) if i < CARDS]
        command = ["adsplit", "compare", "plan.yaml", "-o", "plans.html", "--lang", self.lang]
        return Page(
            lang=self.lang,
            status=word,
            status_text=text,
            chips=self._chips(),
            answer=self._answer(),
            sections=[part for part in parts if part is not None],
            appendix=replace(appendix(view), command=shlex.join(command)),
            csv=self._csv(),
            footer=view.say("page.footer", version=provenance["versions"]["adsplit"],
                            input=provenance["input"][:12]),
        )  # fmt: skip

    def _status(self) -> tuple[str, str]:
        states = {one.status for one in self.solved.values()}
        count = len(self.members)
        if len(self.solved) < count:
            return "broken", self.say("side.status_some", solved=len(self.solved), count=count)
        if states == {Status.OPTIMAL}:
            return "optimal", self.say("side.status_all", count=count)
        return "stopped", self.say("side.status_open")

    def _chips(self) -> list[str]:
        voice = self.view.voice
        said = [self.say("side.chip", count=len(self.members))]
        if len(self.alike) == len(self.solved):
            said.append(self.say("chip.goal", goal=voice.goal))
        said.append(self.say("chip.currency", currency=self.view.currency))
        return said

    def _answer(self) -> Answer:
        proven = all(one.status is Status.OPTIMAL for one in self.solved.values())
        gap = max((one.gap or 0.0) for one in self.solved.values())
        share = self.view.voice.percent(max(gap, 1e-5), 3)
        proof = self.say("side.proof", gap=share) if proven else self.say("side.proof_open")
        steadiest = [f"{one}{self.say('stop')}" for one in self.comparison.sentences(self.lang)]
        failed = [
            self.say("side.failed", name=name, reason=one.reason.rstrip("."))
            for name, one in self.members.items() if isinstance(one, Failed)
        ]  # fmt: skip
        return Answer(
            headline=self._headline(),
            proof=self.view.sentences(*steadiest, proof),
            cards=[self._card(n, v) for n, v in list(self.views.items())[:CARDS]],
            moves_title=self.say("side.moves"),
            moves=self._moves() or [self.say("answer.no_moves")],
            rules=self._holding(),
            alerts=[*failed, *self._alerts()],
        )

    def _headline(self) -> str:
        """Which plan brings the most, of those that count the same as the first."""
        if len(self.solved) == 1:
            (name,) = self.solved
            return self.say("side.headline_one", best=name, value=self._value(self.first))
        if len(self.alike) == 1:
            return self.say("side.headline_mixed", count=len(self.members))
        order = sorted(self.alike, key=lambda name: -self.alike[name].objective)
        best, last = self.alike[order[0]], self.alike[order[-1]]
        value, size = self._value(best), max(abs(best.objective), abs(last.objective))
        if best.objective - last.objective <= SMALL * size:
            return self.say("side.headline_even", count=len(order), value=value)
        if best.plan.objective.kind == "lowest_spend":
            return self.say("side.headline_least", best=order[0], value=value)
        base = next(iter(self.alike))
        other = order[1] if order[0] == base else base
        key = "side.headline_first" if order[0] == base else "side.headline_best"
        gain = self.view.voice.amount(best.objective - self.alike[other].objective)
        return self.say(key, best=order[0], first=base, other=other, value=value, gain=gain)

    def _value(self, one: Allocation) -> str:
        """What a plan brings, with its noun: ``$5.5M profit``."""
        voice = Voice(one.plan, self.lang)
        amount = voice.amount(voice.worth(one.objective))
        if not voice.counts_money:
            return amount
        return voice.say("amount.outcomes", number=amount, noun=voice.noun)

    def _card(self, name: str, view: View) -> Card:
        one, voice = view.allocation, view.voice
        spend = voice.cash(one.spent)
        notes = []
        if view.roles != [""]:
            share = voice.percent(view.share_of_role("brand", one.spend))
            notes.append(view.say("side.spend", spend=spend, share=share))
        else:
            notes.append(view.say("side.spend_plain", spend=spend))
        base = self.members[self.first_name]
        if name != self.first_name and name in self.alike and isinstance(base, Allocation):
            change = voice.worth(one.objective) - voice.worth(base.objective)
            notes.append(view.say("side.against", change=voice.amount(change, signed=True),
                                  first=self.first_name))  # fmt: skip
        return Card(name, self._value(one), notes)

    def _moves(self) -> list[str]:
        said = []
        for row in self.comparison.frame.head(CARDS + 1).to_dict("records"):
            name = row["name"]
            if name not in self.solved or name == self.first_name:
                continue
            if not row["largest_move"]:
                said.append(self.say("side.no_move", name=name, first=self.first_name))
                continue
            money = self.views[name].voice.cash(row["largest_move_money"], signed=True)
            said.append(self.say("side.move", name=name, line=self.view.line(row["largest_move"]),
                                 money=money, first=self.first_name))  # fmt: skip
        return said

    def _names(self, names: Sequence[str]) -> str:
        """Some of the plans, by their names."""
        if len(names) == len(self.solved):
            return self.view.voice.say("side.all")
        quoted = [self.view.voice.say("side.names", name=name) for name in names]
        return listed(quoted, self.lang, most=4)

    def _holding(self) -> list[str]:
        """What holds the plans back most, each rule once, the dearest first."""
        top: dict[tuple[str, str], list[tuple[str, Any]]] = {}
        for name, table in self._priced().items():
            row = max(table.values(), key=lambda row: (_size(row["cost"]), _size(row["price"])))
            top.setdefault((self._says(name, row), row["unit"]), []).append((name, row))
        said = []
        for (rule, unit), found in sorted(top.items(), key=lambda item: -len(item[1])):
            order = sorted(found, key=lambda one: _size(one[1]["price"]))
            prices = [self._price(*order[0]), self._price(*order[-1])]
            key = "side.rule" if prices[0] == prices[1] else "side.rule_from"
            names = self._names([name for name, _ in found])
            said.append(
                self.say(
                    key,
                    rule=rule,
                    unit=self.view.voice.say(f"table.unit.{unit}"),
                    names=names,
                    price=prices[0],
                    low=prices[0],
                    high=prices[1],
                )
            )
        return said

    def _alerts(self) -> list[str]:
        """What a reader must not miss, each kind of warning once; the plans' sections say all."""
        kinds: dict[str, list[tuple[str, str]]] = {}
        for name in list(self.solved)[:CARDS]:
            for alert in self._told(name):
                kinds.setdefault(alert.key, []).append((name, alert.text))
        said = []
        for found in kinds.values():
            names = self._names(list(dict.fromkeys(name for name, _ in found)))
            same = len({text for _, text in found}) == 1
            key = "side.alert_in" if same else "side.alert_such"
            said.append(self.say(key, names=names, name=found[0][0], says=found[0][1]))
        others = [name for name in self.solved if name not in self.alike]
        if others:
            said.append(self.say("side.others", names=self._names(others)))
        return said

    def _told(self, name: str) -> list[Any]:
        """The warnings of one plan."""
        told = explain(self.solved[name], None, self.lang)
        return [*told.risk, *told.alerts]

    # -------------------------------------------------------------------------------- sections

    def _brings(self) -> Section:
        """What each plan brings and costs; what a wrong bet loses."""
        shown = [chart for chart in (self._bars(), self._strip()) if chart is not None]
        tables, said = self.scenarios.tables, self.comparison.sentences(self.lang)
        return Section("side", self.say("section.side"), "", shown, tables, said)

    def _bars(self) -> Chart | None:
        frame, voice = self.comparison.frame, self.view.voice
        rows = frame[frame["name"].isin(list(self.solved))].head(3 * CARDS)
        column, noun = "value", voice.noun
        kind = self.first.plan.objective.kind
        if kind not in {"profit", "revenue"} or len(self.alike) < len(self.solved):
            column, noun = "revenue", voice.say("noun.revenue")
        if rows[column].isna().any():
            return None
        plans = list(zip(rows["name"], rows[column], rows["spent"], strict=True))
        title = self._headline()
        heads = (noun[:1].upper() + noun[1:], self.say("table.spend"))
        values = "; ".join(
            f"{name}: {voice.cash(value)}, {voice.cash(spent)}" for name, value, spent in plans
        )
        return Chart(
            "plans",
            title,
            charts.plans_side_by_side(self.view, plans, heads),
            subtitle=self.say("chart.side.subtitle", noun=noun, currency=self.view.currency),
            aid=self.say("chart.side.aid"),
            label=f"{title}. {values}",
            is_wide=True,
        )

    def _strip(self) -> Chart | None:
        view = self.view
        if view.roles == [""]:
            return None
        plans = [
            (name, [one.share_of_role(role, one.allocation.spend) for role in view.roles])
            for name, one in self.views.items() if one.allocation.spent > 0
        ][: 3 * CARDS]  # fmt: skip
        shares = [
            one[view.roles.index("brand")] if "brand" in view.roles else 0 for _, one in plans
        ]
        low, high = (view.voice.percent(f(shares, default=0.0)) for f in (min, max))
        key = "chart.side_strip.title" + ("_same" if low == high else "")
        rules = {one.whole_split for one in self.views.values()}
        title = self.say(key, low=low, high=high)
        return Chart(
            "strip",
            title,
            charts.role_strip(view, [(short(name, 24), own) for name, own in plans],
                              one_rule=len(rules) == 1),
            subtitle=self.say("chart.strip.subtitle"),
            label=title,
            table=roles_table(view, plans),
            is_wide=True,
            legend=[(f"swatch-{role or 'none'}", view.role_name(role)) for role in view.roles],
        )  # fmt: skip

    def _lines(self) -> Section:
        charts_ = self.scenarios.charts
        return Section("scenarios", self.say("section.side_lines"), charts=charts_)

    def _priced(self) -> dict[str, dict[tuple[str, str], Any]]:
        """Per plan the rules that hold it back, by their names for a reader and their units."""
        found: dict[str, dict[tuple[str, str], Any]] = {}
        for row in self.comparison.rules.to_dict("records"):
            if row["name"] not in self.solved or not row["binding"] or not _size(row["price"]) > 0:
                continue
            row["part"] = row["part"] if isinstance(row["part"], str) else ""
            if row["rule"].startswith(f"{CAPACITY} "):
                row["unit"] = CAPACITY
            key = (self._says(row["name"], row), str(row["unit"]))
            found.setdefault(row["name"], {})[key] = row
        return found

    def _says(self, name: str, row: Any) -> str:
        text = rule_name(row["rule"], self.solved[name].plan, self.lang, row["part"])
        return text[:1].upper() + text[1:]

    def _rules(self) -> Section | None:
        """A row per rule that holds any plan back, a column per plan."""
        known = set(self.comparison.rules["name"])
        if not known:
            return None
        priced, names = self._priced(), [name for name in self.solved if name in known]
        every = dict.fromkeys(key for name in names for key in priced.get(name, {}))
        title = self.say("section.side_rules")
        if not every:
            return Section("rules", title, self.say("side.rules_none"))
        rows = []
        for key in every:
            held = [(name, priced.get(name, {}).get(key)) for name in names]
            says, unit = key[0], self.view.voice.say(f"table.unit.{key[1]}")
            dropped = self.view.voice.say("side.dropped")
            rows.append([says, unit, *(self._price(*one) for one in held)])
            rows.append([says, dropped, *(self._cost(*one) for one in held)])
        columns = [Column(self.say("table.rule"), is_number=False),
                   Column(self.say("table.per"), is_number=False), *map(Column, names)]  # fmt: skip
        lead = self.say("side.rules_lead")
        return Section("rules", title, lead, tables=[Table("", columns, rows)])

    def _price(self, name: str, row: Any) -> str:
        if row is None:
            return self.say("word.none")
        return evidence.price_in_words(self.views[name], row["price"], row["unit"])

    def _cost(self, name: str, row: Any) -> str:
        cost = None if row is None else row["cost"]
        if cost is None or math.isnan(cost):
            return self.say("word.none")
        return "∞" if math.isinf(cost) else self.views[name].voice.amount(cost)

    def _inputs(self) -> Section:
        """What differs in the inputs: a row per plan and input."""
        frame = self.comparison.inputs
        title = self.say("section.side_inputs")
        if frame.empty:
            return Section("inputs", title, self.say("side.inputs_none"))
        keys = ("scenario", "path")
        columns = [Column(self.say(f"table.{key}"), is_number=False) for key in keys]
        columns += [Column(self.first_name), Column(self.say("table.plan"))]
        rows = [
            [row["name"], row["path"], self._input(row["first"]), self._input(row["this"])]
            for row in frame.head(INPUTS).to_dict("records")
        ]
        more = len(frame) - len(rows)
        said = [self.say("side.inputs_more", count=more)] if more > 0 else []
        lead = self.say("side.inputs_lead", first=self.first_name)
        return Section("inputs", title, lead, tables=[Table("", columns, rows)], sentences=said)

    def _input(self, value: Any) -> str:
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return self.say("word.none")
        if isinstance(value, float):
            return f"{value:,.10g}" if abs(value) >= 1000 else f"{value:.10g}"
        return str(value)

    def _plan(self, index: int, name: str, view: View) -> Section:
        """One plan: where its money goes, against today."""
        own = replace(dumbbell(view), id=f"dumbbell-{index + 1}", is_wide=True, table=None)
        title = self.say("section.side_plan", name=name)
        lead = explain(view.allocation, None, self.lang).headline.text
        said = [alert.text for alert in self._told(name)]
        table = allocation_table(view)
        return Section(f"plan-{index + 1}", title, lead, [own], [table], said)

    def _csv(self) -> str:
        """Every line of every plan, for a spreadsheet."""
        out = io.StringIO()
        write = csv.writer(out)
        heads = ("scenario", "line", "spend", "share", "outcome")
        write.writerow([self.say(f"table.{key}") for key in heads])
        for row in self.comparison.lines.to_dict("records"):
            names = (row["name"], self.view.line(row["line"]))
            figures = (row["spend"], row["share"], row["outcome"])
            write.writerow([*map(safe_text, names), *(f"{value:.10g}" for value in figures)])
        return out.getvalue()


def _goal(one: Allocation) -> tuple[str, str | None, str]:
    """What a plan counts, and in which currency."""
    plan = one.plan
    return plan.objective.kind, getattr(plan.objective, "of", None), plan.currency


def _size(value: Any) -> float:
    """A price or cost for an order; 0 where it is not known."""
    return 0.0 if value is None or math.isnan(value) else abs(float(value))
