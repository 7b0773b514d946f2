"""What the answer rests on, and how to get it again."""

from __future__ import annotations

import json
import shlex

from optimizer.plan.document import assumptions, to_document
from optimizer.plan.plan import Origin
from optimizer.words import catalogue, listed
from optimizer.words.rules import line_rules, rule_in_words

from .answer import status
from .blocks import Appendix, Column, Table
from .evidence import _figure, _path
from .theme import TURNING
from .view import View

__all__ = ["appendix", "facts", "glossary", "reproduce"]


def appendix(view: View) -> Appendix:
    """Assumptions, rules, solver, plan, command and glossary."""
    return Appendix(
        assumptions=_assumptions(view),
        rules=_rules(view),
        facts=facts(view),
        command=reproduce(view),
        document=_document(view),
        glossary=glossary(),
    )


def _assumptions(view: View) -> Table:
    """The figures by where they come from: one row per origin."""
    columns = [
        Column(view.say("table.figures"), is_number=False),
        Column(view.say("table.grade"), is_number=False),
        Column(view.say("table.source"), is_number=False),
        Column(view.say("table.as_of"), is_number=False),
    ]
    groups: dict[Origin | None, list[str]] = {}
    for one in assumptions(view.allocation.plan):
        text = f"{_path(view, one.path, one.path)} {_figure(one.value)}"
        groups.setdefault(one.origin, []).append(text)
    rows = []
    for origin, figures in groups.items():
        source = "" if origin is None else origin.source
        if origin is not None and origin.note:
            source = f"{source} – {origin.note}"
        rows.append(
            [
                "; ".join(figures),
                view.say(f"grade.{'none' if origin is None else origin.grade}"),
                source,
                "" if origin is None else origin.as_of,
            ]
        )
    return Table(view.say("appendix.assumptions_lead"), columns, rows)


def _rules(view: View) -> list[str]:
    plan = view.allocation.plan
    said = []
    if plan.budget is not None:
        said.append(view.say("rule.budget", budget=view.voice.money(plan.budget)))
    said += [rule_in_words(rule, plan, view.lang) for rule in plan.rules]
    return [text[:1].upper() + text[1:] for text in [*said, *line_rules(plan, view.lang)]]


def facts(view: View) -> list[tuple[str, str]]:
    """Status, solver, bound, versions and the hash of the question."""
    allocation, voice = view.allocation, view.voice
    provenance = allocation.provenance
    facts = [("status", status(view)[1])]
    if allocation.solver:
        facts.append(("solver_name", allocation.solver))
    if allocation.bound is not None:
        facts.append(("bound", voice.amount(voice.worth(allocation.bound))))
    if allocation.gap is not None:
        facts.append(("gap", f"{allocation.gap:.1e}"))
        facts.append(("gap_asked", f"{allocation.options.gap:.1e}"))
    versions = [f"{name} {version}" for name, version in provenance["versions"].items()]
    facts.append(("versions", listed(versions, view.lang)))
    facts.append(("fingerprint", provenance["input"]))
    if allocation.plan.applied:
        facts.append(("applied", listed(list(allocation.plan.applied), view.lang)))
    return [(view.say(f"appendix.{key}"), value) for key, value in facts]


def reproduce(view: View, output: str = "report.html", scenario: str = "plan.yaml") -> str:
    """The command that writes the same again; *scenario* is what it calls the scenario."""
    gap = view.allocation.options.gap
    words = ["adsplit", "report", scenario, "-o", output, "--lang", view.lang]
    if gap != 1e-4:
        words += ["--gap", f"{gap:g}"]
    return shlex.join(words)


def _document(view: View) -> str:
    """The plan as JSON; characters that would turn the text around are written as escapes."""
    text = json.dumps(to_document(view.allocation.plan), ensure_ascii=False, indent=2)
    for code in TURNING:
        text = text.replace(chr(code), f"\\u{code:04x}")
    return text


def glossary() -> list[tuple[str, str, str]]:
    """English term, Chinese term, and the meaning in both."""
    english, chinese = catalogue("en"), catalogue("zh")
    entries = []
    for key in english:
        if key.startswith("glossary."):
            term, meaning = english[key].split(" = ", 1)
            other, sense = chinese[key].split(" = ", 1)
            entries.append((term, other, f"{meaning} · {sense}"))
    return entries
