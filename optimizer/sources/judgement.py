"""Curves from judgement: Little's decision calculus (ADBUDG), and return with elasticity.

A manager says what a line brings at today's spend, with none, with half as much again, and however
much is spent. With m the result at none and M that at saturation, the curve through the answers is
m + (M − m) · x^γ / (δ + x^γ), x being multiples of today's spend: a Hill curve. (John D. C. Little,
"Models and Managers: The Concept of a Decision Calculus", Management Science 16, 1970.)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from optimizer.errors import Fault, PlanError
from optimizer.plan.curves import Curve, Elasticity, Hill, Linear, Points
from optimizer.plan.document import from_document, to_document
from optimizer.plan.stated import stated
from optimizer.plan.units import Amount, Money, Positive

from .scenario import dump_document

__all__ = ["Answers", "Judged", "JudgedLine", "Returns", "judge", "judged_scenario"]

_STEEPEST = 20.0
_DOUBT = ["*0.7", "*1.4"]
"""What is taken for granted of a judged size: with 80 % it is between these multiples."""


@stated
class Answers:
    """What a line brings per period, at four spends."""

    spend: Positive
    """Today's spend."""
    today: Money
    """Outcomes at today's spend."""
    half_more: Money
    """Outcomes at one and a half times today's spend."""
    saturation: Money
    """Outcomes however much is spent."""
    none: Money = 0.0
    """Outcomes with no spend at all."""


@stated
class Returns:
    """What a line brings per period, by its return and how that moves."""

    spend: Positive
    """Today's spend."""
    average_return: Positive
    """Outcomes per unit of money at that spend."""
    elasticity: Annotated[float, Field(gt=0, lt=10)]
    """1 % more money brings about this many % more."""


@dataclass(frozen=True)
class Judged:
    """The curve that answers imply."""

    curve: Curve
    """What the spend adds: nothing at no spend."""
    base: float
    """Outcomes that come with no spend at all; they are no part of the curve."""
    contradictions: tuple[Fault, ...]
    """Answers that do not fit together; the curve is then the nearest that can be."""
    says: str
    """The curve in words."""


def judge(answers: Answers | Returns) -> Judged:
    """The curve through some answers, and what of them contradicts itself."""
    return _of_returns(answers) if isinstance(answers, Returns) else _of_answers(answers)


def _of_answers(answers: Answers) -> Judged:
    """Where results fall as spend rises, later answers are raised to those before them."""
    faults = _falling(answers)
    now = answers.today - answers.none
    more = max(answers.half_more - answers.none, now)
    most = max(answers.saturation - answers.none, more)
    spend = answers.spend
    curve: Curve
    if now <= 0:
        curve = Linear(0.0)
    elif more <= now:
        curve = Points((0.0, spend), (0.0, now))
    elif most <= more:
        curve = Points((0.0, spend, 1.5 * spend), (0.0, now, more))
    else:
        odds = now / (most - now)
        gamma = math.log(more / (most - more) / odds) / math.log(1.5)
        if gamma > _STEEPEST:
            words = f"imply a curve of steepness {gamma:.0f}: nothing, and then all at once"
            faults.append(Fault("half_more", words, "Half as much again brings less, or saturation "
                                "is higher"))  # fmt: skip
            gamma = _STEEPEST
        if gamma < 1e-3:
            curve = Points((0.0, spend, 1.5 * spend), (0.0, now, more))
        else:
            # Kept finite for answers that are all but flat.
            half = spend * math.exp(min(-math.log(odds) / gamma, 200.0))
            curve = Hill(most, half, gamma)
    return Judged(curve, answers.none, tuple(faults), _words(curve, spend))


def _falling(answers: Answers) -> list[Fault]:
    """Answers in which more money brings less."""
    pairs = (
        ("none", "no money", "today", "today's"),
        ("today", "today's spend", "half_more", "half as much again"),
        ("half_more", "half as much again", "saturation", "any spend at all"),
    )
    faults = []
    for less, few, more, many in pairs:
        low, high = getattr(answers, less), getattr(answers, more)
        if high < low or (more == "today" and high == low):
            words = f"{few} brings {low:,.6g} and {many} brings {high:,.6g}"
            faults.append(Fault(more, words, "More money cannot bring less"))
    if not faults and answers.saturation == answers.half_more > answers.today:
        words = "no spend brings more than half as much again does"
        faults.append(Fault("saturation", words, "Is there nothing to gain beyond?"))
    if not faults and answers.half_more == answers.today < answers.saturation:
        words = "half as much again brings nothing, and yet saturation is higher"
        faults.append(Fault("half_more", words, "Give what half as much again would add"))
    return faults


def _of_returns(answers: Returns) -> Judged:
    spend, gain = answers.spend, answers.average_return
    if answers.elasticity >= 1:
        words = f"an elasticity of {answers.elasticity:g} means that returns rise with spend"
        fault = Fault("elasticity", words, "Below 1, or answer the four questions for an S-curve")
        line = Linear(gain)
        return Judged(line, 0.0, (fault,), _words(line, spend))
    curve = Elasticity(spend, gain, answers.elasticity)
    return Judged(curve, 0.0, (), _words(curve, spend))


def _words(curve: Curve, spend: float) -> str:
    """What a curve says, in the terms of the questions."""
    place = np.array([spend, 1.5 * spend, 2 * spend])
    now, more, double = (float(value) for value in curve.outcome(place))
    if now <= 0:
        return "the money brings nothing"
    local = float(curve.slope(place[:1])[0]) * spend / now
    told = f"today {now:,.6g}, half as much again {more:,.6g}, twice as much {double:,.6g}"
    told += f"; 1 % more money brings {local:.2g} % more"
    if isinstance(curve, Hill) and curve.steepness > 1:
        told += f"; an S-curve, steepest at {curve.inflection:,.6g}"
    return told


# --- Scenarios ------------------------------------------------------------------------------------


@stated
class JudgedLine:
    """A line and what was answered about it."""

    line: str
    """``channel.role``, such as ``search.traffic``, or ``channel``."""
    answers: Answers | Returns
    """What it brings."""
    minimum: Amount = 0.0
    """Least spend per period."""
    maximum: Amount | None = None
    """Most spend per period."""


def judged_scenario(plan: Mapping[str, Any], lines: Sequence[JudgedLine], source: str) -> str:
    """The text of a scenario of judged lines, with the answers beside the curves.

    Args:
        plan: The rest of the scenario: name, budget, currency, value and so on.
        lines: The lines.
        source: Who answered, for the origins.

    Raises:
        PlanError: with everything that does not hold together.
    """
    _need_lines(lines)
    channels: dict[str, Any] = {}
    origins: dict[str, Any] = {}
    if "value" in plan:
        origins["value"] = {"source": source, "grade": "given"}
    doubt, told = {}, []
    for item in lines:
        found = judge(item.answers)
        channel, _, rest = item.line.partition(".")
        body: dict[str, Any] = {"curve": _document(found.curve), "current": item.answers.spend}
        body |= {"minimum": item.minimum} if item.minimum else {}
        body |= {"maximum": item.maximum} if item.maximum is not None else {}
        if rest:
            channels.setdefault(channel, {})[rest] = body
        else:
            channels[channel] = body
        told.append(f"{item.line}: {found.says}")
        told += [f"{item.line}, contradiction: {fault.problem}" for fault in found.contradictions]
        if found.base:
            told.append(f"{item.line}: {found.base:,.6g} come without it, and are not counted here")
        path = f"channels.{item.line}.curve"
        note = _said(item.answers)
        origins[path] = {"source": source, "grade": "assumption", "note": note}
        size = {"hill": "ceiling", "elasticity": "average_return", "linear": "rate"}
        if found.curve.kind in size and found.curve != Linear(0.0):
            doubt[f"{path}.{size[found.curve.kind]}"] = {"between": _DOUBT}
    document = {**plan, "channels": channels, "origins": origins}
    document |= {"uncertainty": {"numbers": doubt}} if doubt else {}
    made = to_document(from_document(document))
    if doubt:
        made["uncertainty"] = {"numbers": doubt}  # with its factors as people write them
    head = [
        "Curves from judgement. What the answers imply, per period:",
        *(f"  {' '.join(line.split())}" for line in told),
        "How sure they are is a guess as well: see uncertainty at the end.",
    ]
    return "".join(f"# {line}\n" for line in head) + dump_document(made)


def _document(curve: Curve) -> dict[str, Any]:
    """A curve as a scenario has it."""
    if isinstance(curve, Points):
        return {
            "kind": "points",
            "spend": list(curve.spend),
            "outcomes": list(curve.outcomes),
        }
    return {"kind": curve.kind} | {name: getattr(curve, name) for name in curve.parameters}


def _said(answers: Answers | Returns) -> str:
    """The answers in one sentence."""
    if isinstance(answers, Returns):
        return (
            f"Answered: {answers.average_return:,.6g} per unit of money at {answers.spend:,.6g}, "
            f"elasticity {answers.elasticity:g}."
        )
    return (
        f"Answered: {answers.today:,.6g} at {answers.spend:,.6g}, {answers.none:,.6g} at none, "
        f"{answers.half_more:,.6g} at half as much again, {answers.saturation:,.6g} at saturation."
    )


def _need_lines(lines: Sequence[JudgedLine]) -> None:
    """Refuse no lines at all, and lines that are there twice.

    Raises:
        PlanError: there are none, or one is there twice.
    """
    names = [item.line for item in lines]
    twice = sorted({name for name in names if names.count(name) > 1})
    if not names:
        raise PlanError(Fault("lines", "there are none", "Answer for at least one"))
    if twice:
        raise PlanError([Fault(name, "is there twice", "Keep one") for name in twice])
