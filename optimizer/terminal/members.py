"""The plans of a comparison: what-ifs of the file, variants typed by hand, and other scenarios."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from optimizer.errors import Fault, PlanError, ScenarioError, nearest
from optimizer.plan.plan import Plan
from optimizer.sources.scenario import Scenario, read_scenario

from .asked import Asked

__all__ = ["members"]

BASE = "base"
"""The name of the plan that the others are compared with."""

_SETTING = re.compile(r"[^\s=]+\s*=")


def members(asked: Asked, variants: Sequence[str], others: Sequence[str]) -> dict[str, Plan]:
    """The plan as it is, then what-ifs, named settings, variants and other scenarios, by name.

    Args:
        asked: The scenario; its what-ifs and settings are those of ``compare``.
        variants: ``NAME: CHANGE, CHANGE``, where a change is a what-if or ``PATH=VALUE``.
        others: Names of further scenarios, which get the settings for every plan.

    Raises:
        ScenarioError: a variant cannot be read, or a name is given twice.
    """
    read, common = asked.read, asked.shorthands
    named: dict[str, list[str]] = {}
    for text in asked.sets:
        name, colon, path = text.partition("=")[0].partition(":")
        if colon:
            named.setdefault(name.strip(), []).append(path + text[len(name + colon + path) :])
        else:
            common.append(text)
    every = [] if "all" in read.what_ifs else list(read.what_ifs)
    chosen = asked.what_ifs or (() if named or variants or others else ("all",))
    if chosen == ("all",) and not read.what_ifs:
        advice = "Give --set NAME:PATH=VALUE, --variant or another scenario, or write what_ifs"
        raise ScenarioError(Fault("what_ifs", "there is none to compare with", advice))
    plans = {BASE: read.plan((), common)}
    for choice in chosen:
        for name in every if choice == "all" and every else [choice]:
            plans[name] = read.plan([name], common)
    plans |= {name: read.plan((), [*common, *own]) for name, own in named.items()}
    for text in variants:
        name, what_ifs, sets = _variant(text, read)
        where = f"--variant {text}"
        try:
            plan = read.plan(what_ifs, [*common, *sets])
        except PlanError as error:
            own = {f"--set {one}" for one in sets}
            raise ScenarioError(
                [replace(one, where=where) if one.where in own else one for one in error.faults]
            ) from None
        _add(plans, name, plan, where)
    for other in others:
        name = Path(other).stem if "/" in other or "." in other else other
        _add(plans, name, read_scenario(other).plan((), common), other)
    return plans


def _add(plans: dict[str, Plan], name: str, plan: Plan, where: str) -> None:
    known = next((one for one in plans if _spelled(one) == _spelled(name)), None)
    if known is not None:
        also = "" if known == name else f", as {known!r}"
        words = f"{name!r} is compared already{also}"
        raise ScenarioError(Fault("", words, "Give another name", where))
    plans[name] = plan


def _spelled(name: str) -> str:
    """A name as pages show it, where ``cut_20`` and ``Cut 20`` are one."""
    return " ".join(name.replace("_", " ").split()).casefold()


def _pieces(text: str) -> list[str]:
    """*text* cut at its commas, but not within brackets and quotes."""
    pieces, depth, quote = [""], 0, ""
    for letter in text:
        if letter == "," and depth == 0 and not quote:
            pieces.append("")
            continue
        pieces[-1] += letter
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        else:
            depth += (letter in "[{(") - (letter in ")}]")
    return pieces


def _variant(text: str, read: Scenario) -> tuple[str, list[str], list[str]]:
    """Name, what-ifs and settings of a variant; a comma within a value does not end it."""
    name, colon, rest = text.partition(":")
    where, advice = f"--variant {text}", 'Write NAME: CHANGE, CHANGE, such as "low: budget=*0.8"'
    if not colon or not name.strip() or "=" in name or not rest.strip():
        raise ScenarioError(Fault("", "is no variant", advice, where))
    changes: list[str] = []
    for piece in _pieces(rest):
        begins = piece.strip() in read.what_ifs or _SETTING.match(piece.strip())
        if begins or not changes:
            changes.append(piece.strip())
        else:
            changes[-1] += f",{piece.rstrip()}"
    what_ifs = [change for change in changes if not _SETTING.match(change)]
    for change in what_ifs:
        if change not in read.what_ifs:
            known = nearest(change, read.what_ifs)
            problem = f"{change!r} is no what-if, and sets nothing"
            raise ScenarioError(Fault("", problem, known or advice, where))
    return name.strip(), what_ifs, [change for change in changes if _SETTING.match(change)]
