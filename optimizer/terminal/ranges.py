"""What people type short: the values of a sweep (``budget=8M:14M:7``), goals, attitudes to risk."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Sequence

from optimizer.errors import Fault, ScenarioError, nearest
from optimizer.plan.units import parse_money, parse_share

__all__ = ["HORIZON", "parse_goals", "parse_ranges", "parse_risk"]

HORIZON = "horizon"
"""Not a path but a question: from which horizon on the brand rule is the best split."""

ALONE = ("budget", "split.brand", HORIZON)
"""Paths that have a range of their own."""

# Inputs that count something.
_WHOLE = (".count", HORIZON)

_RISKS = {
    "expected": "expected",
    "cvar": "cvar, cvar:95% or cvar:95%:50%",
    "worst-case": "worst-case or worst-case:3",
    "regret": "regret",
    "chance": "chance:5000@90% or chance:lead=5000@90%",
    "none": "none",
}
"""Attitudes to risk, and how each is written."""

_EXAMPLE = "Write PATH=LO:HI:N, such as budget=8M:14M:7"


def parse_goals(texts: Iterable[str]) -> dict[str, float]:
    """The outcomes of ``--reach lead=5000`` by stage; without a stage: all outcomes.

    Raises:
        ScenarioError: an amount is not a number above zero.
    """
    goals = {}
    for text in texts:
        stage, sign, amount = text.rpartition("=")
        where, advice = f"--reach {text}", "Write STAGE=N, such as lead=5000"
        try:
            goal = parse_money(amount.strip())
        except ValueError as error:
            raise ScenarioError(Fault("", str(error), advice, where)) from None
        if goal <= 0:
            raise ScenarioError(Fault("", "is nothing to reach", advice, where))
        goals[stage.strip() if sign else ""] = goal
    return goals


def parse_risk(text: str) -> str:
    """What ``--risk cvar:0.95`` sets, as ``--set`` takes it.

    Raises:
        ScenarioError: there is no such attitude, or its numbers are none.
    """
    kind, colon, rest = text.strip().partition(":")
    kind, rest = kind.strip().replace("_", "-"), rest.strip()
    where = f"--risk {text}"
    if kind not in _RISKS:
        raise ScenarioError(
            Fault("", f"there is no attitude {kind!r}", nearest(kind, _RISKS), where)
        )
    if kind == "none" and not rest:
        return "risk=null"
    try:
        given = _risk_numbers(kind, rest, written=bool(colon))
    except ValueError as error:
        raise ScenarioError(Fault("", str(error), f"Write {_RISKS[kind]}", where)) from None
    fields = {"kind": kind.replace("-", "_"), **given}
    return f"risk={{{', '.join(f'{key}: {value}' for key, value in fields.items())}}}"


def _risk_numbers(kind: str, rest: str, *, written: bool) -> dict[str, str]:
    """The numbers of an attitude by field, as they were typed."""
    if kind == "chance":
        goal, at, sure = (part.strip() for part in rest.partition("@"))
        stage, sign, amount = (part.strip() for part in goal.rpartition("="))
        if not goal:
            raise ValueError("a chance needs a goal")
        parse_money(amount)
        if at:
            parse_share(sure)
        found = {"at_least": amount, "of": json.dumps(stage), "sure": sure}
        kept = {"at_least", *(["of"] if sign else []), *(["sure"] if at else [])}
        return {key: value for key, value in found.items() if key in kept}
    if not written:
        return {}
    if kind == "cvar":
        parts = [part.strip() for part in rest.split(":")]
        if len(parts) > 2:
            raise ValueError(f"{rest!r} is more than a level and a weight")
        for part in parts:
            parse_share(part)
        return dict(zip(("level", "weight"), parts, strict=False))
    if kind == "worst-case":
        try:
            parse_money(rest)
        except ValueError:
            words = f"{rest!r} is not how many numbers are at their worst, zero or more"
            raise ValueError(words) from None
        return {"numbers": rest}
    raise ValueError(f"{kind} takes no {rest!r}")


def parse_ranges(texts: Sequence[str]) -> dict[str, Sequence[float | str]]:
    """One or two ranges by path; a single path may have none where it has one of its own.

    Raises:
        ScenarioError: one is not of the form PATH=LO:HI:N, or there are too many.
    """
    if len(texts) > 2:
        advice = "Sweep one or two paths at a time"
        raise ScenarioError(Fault("", f"{len(texts)} paths are too many", advice))
    ranges = dict(_parsed(text) for text in texts)
    if len(texts) == 2:
        if len(ranges) < 2:
            raise ScenarioError(Fault(next(iter(ranges)), "is given twice", "Give two paths"))
        if HORIZON in ranges:
            advice = "Sweep periods.horizon beside another path"
            raise ScenarioError(Fault(HORIZON, "is a question of its own", advice))
        for path, values in ranges.items():
            if not values:
                raise ScenarioError(Fault(path, "needs a range beside another path", _EXAMPLE))
    return ranges


def _meant(path: str) -> str:
    close = difflib.get_close_matches(path, ALONE, n=1, cutoff=0.6)
    return f"Did you mean {close[0]!r}?" if close else ""


def _parsed(text: str) -> tuple[str, Sequence[float | str]]:
    path, sign, given = (part.strip() for part in text.partition("="))
    if not sign:
        if path in ALONE:
            return path, ()
        known = f"{', '.join(ALONE[:-1])} and {ALONE[-1]}"
        raise ScenarioError(
            Fault(
                "",
                f"{text!r} has no range",
                f"{_EXAMPLE}; {known} need none. {_meant(path)}".rstrip(),
                "PATH",
            )
        )
    parts = given.split(":")
    if len(parts) != 3 or not parts[2].strip().isdecimal():
        raise ScenarioError(Fault(path, f"{given!r} is not a range", _EXAMPLE, text))
    count = int(parts[2])
    if not 2 <= count <= 1000:
        raise ScenarioError(Fault(path, f"{count} points", "Take 2 to 1000 of them", text))
    percent = [part.strip().endswith(("%", "％")) for part in parts[:2]]
    relative = [part.strip().startswith("*") for part in parts[:2]]
    if any(percent) != all(percent) or any(relative) != all(relative):
        raise ScenarioError(Fault(path, f"{given!r} mixes ways to write a number", _EXAMPLE, text))
    try:
        low, high = (_value(part) for part in parts[:2])
    except ValueError as error:
        raise ScenarioError(Fault(path, str(error), _EXAMPLE, text)) from None
    steps = [low + (high - low) * step / (count - 1) for step in range(count)]
    if all(relative):
        return path, [f"*{step:.12g}" for step in steps]
    if all(percent):
        return path, [f"{100 * step:.12g}%" for step in steps]
    if path.endswith(_WHOLE):
        return path, list(dict.fromkeys(float(round(step)) for step in steps))
    whole = all(float(step).is_integer() for step in steps)
    return path, [float(round(step)) if whole else step for step in steps]


def _value(text: str) -> float:
    text = text.strip()
    if text.endswith(("%", "％")):
        return parse_share(text)
    return parse_money(text.removeprefix("*"))
