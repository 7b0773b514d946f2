"""A fit as a commented scenario, with its draws in a file beside it."""

from __future__ import annotations

import io
import math
import os
import textwrap
from pathlib import Path
from typing import Any

from optimizer.errors import Fault, PlanError
from optimizer.fitting.calibration import Fit, FittedLine, path_of
from optimizer.fitting.telling import remark_text
from optimizer.words import percent
from optimizer.writing import write_atomically

from .scenario import dump_document

__all__ = ["need_free", "scenario_text", "write_fit"]

_BEFORE = 13
"""Periods before the plan that the scenario states."""
_TAIL, _LONGEST_TAIL = 0.05, 13
"""What is left of the last spend when outcomes no longer count."""

_AVERAGE = (
    "The plan is for one average period, in which carry-over has settled; ahead: 13 in the map",
    "plans so many periods one by one (S-shaped curves over time take long to prove).",
)


def write_fit(made: Fit, path: str | os.PathLike[str], *, force: bool = False) -> tuple[Path, Path]:
    """Write the scenario of a fit to *path*, and its draws beside it; both paths.

    Raises:
        PlanError: a file is there already, and *force* is not given.
        OSError: a file cannot be written.
    """
    file = Path(path)
    draws = need_free(file, force=force)
    frame = made.draws
    if _count(made) == 0:
        frame = frame[[name for name in frame.columns if ".curve." in name]]
    stream = io.StringIO()
    frame.to_csv(stream, index=False, float_format="%.6g", lineterminator="\n")
    write_atomically(draws, stream.getvalue().encode())
    write_atomically(file, scenario_text(made, draws.name).encode())
    return file, draws


def need_free(path: Path, *, force: bool) -> Path:
    """Where the draws of a scenario at *path* go; neither may be there, unless *force* is given.

    Raises:
        PlanError: a file is there already.
    """
    draws = path.with_suffix(".draws.csv")
    there = [file for file in (path, draws) if file.exists()]
    if there and not force:
        words, advice = "is there already", "Give --force, or another name"
        raise PlanError([Fault("", words, advice, str(file)) for file in there])
    return draws


def scenario_text(made: Fit, draws: str | None = None) -> str:
    """The scenario of a fit as text, with comments; *draws* names the file of its draws."""
    parts = [_head(made), dump_document(_question(made))]
    parts.append("\nchannels:\n")
    channels: dict[str, list[tuple[str, FittedLine]]] = {}
    for line in made.lines:
        channel, _, rest = line.name.partition(".")
        channels.setdefault(channel, []).append((rest, line))
    for channel, lines in channels.items():
        nested = any(rest for rest, _ in lines)
        if nested:
            head = dump_document({channel: {}}).rpartition(":")[0]
            parts.append(f"  {head}:\n")
        for rest, line in lines:
            deep = "    " if nested else "  "
            parts += [f"{deep}# {row}\n" for row in _told(made, line)]
            body = dump_document({rest or channel: _body(made, line)})
            parts += [f"{deep}{row}\n" for row in body.splitlines()]
    if draws is not None:
        parts.append("\n# Draws of the curves' numbers; those of a row belong together.\n")
        parts.append(dump_document({"uncertainty": {"draws_from": draws}}))
    parts.append("\n" + dump_document({"origins": _origins(made)}))
    return "".join(parts)


def _head(made: Fit) -> str:
    history, foretold = made.history, made.foretold
    every, source = history.every, _one_line(history.source) or "a history"
    off, plain = percent(foretold.error), percent(foretold.without_spend)
    rows = [
        f"Fitted from {source}: {history.n} {every}s, {history.labels[0]} to {history.labels[-1]}.",
        "A calibration, not a mix model: the curves hold for what was tried, and as long as the",
        "controls of the map stand for everything else that moved outcomes.",
        f"The last {foretold.periods} {every}s, foretold unseen: off by {off} on average,",
        f"{plain} by season, trend and controls alone.",
        *(remark_text(remark) for remark in made.remarks if not remark.line),
        *(_AVERAGE if _count(made) == 0 else ()),
    ]
    return "".join(f"# {row}\n" for row in rows)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _count(made: Fit) -> int:
    """Periods of the plan."""
    stated = made.history.map.ahead
    if stated is not None:
        return stated
    concave = all(line.numbers.steepness <= 1.0 for line in made.lines if not line.held)
    return 0 if not concave else 13 if made.history.every == "week" else 12


def _question(made: Fit) -> dict[str, Any]:
    stated, history, count = made.history.map, made.history, _count(made)
    # The sum of what is written below, so that today's spend keeps the budget to the last digit.
    current = sum(_short(line.current) for line in made.lines)
    document: dict[str, Any] = {
        "name": stated.name or Path(history.source).stem or "Fitted",
        "currency": stated.currency,
        "value": stated.money,
        "objective": {"kind": "profit"},
        "budget": _plain(f"{current * max(count, 1):.12g}"),
    }
    if count:
        longest = max(line.numbers.retention for line in made.lines)
        tail = min(math.ceil(math.log(_TAIL) / math.log(longest)), _LONGEST_TAIL)
        document["periods"] = {
            "start": history.next_period(),
            "count": count,
            "every": history.every,
            "horizon": count + tail,
        }
    return document


def _body(made: Fit, line: FittedLine) -> dict[str, Any]:
    """One line of the scenario."""
    history = made.history
    index = [one.name for one in history.lines].index(line.name)
    stated = history.lines[index]
    numbers = line.numbers
    shape = made.model.shapes[index]
    curve = shape.curve(numbers.size, numbers.bend, numbers.steepness)
    body: dict[str, Any] = {}
    if stated.believed_role and stated.believed_role != line.name.partition(".")[2]:
        body["role"] = stated.believed_role
    body["curve"] = {"kind": shape.kind} | {name: _short(value) for name, value in curve.items()}
    if _count(made):
        body["carryover"] = {"kind": "geometric", "retention": _short(numbers.retention)}
        body["before"] = [_short(x) for x in history.total_spend[index, -_BEFORE:]]
    body["current"] = _short(line.current)
    body["observed"] = _short(line.observed)
    if line.held:
        return body | {"locked": _short(line.current)}
    low, high = line.limits
    return body | {"minimum": _short(low), "maximum": _short(high)}


def _told(made: Fit, line: FittedLine) -> list[str]:
    """What a reader of the file should know of a line."""
    low, middle, high = line.back
    back = f"{middle:.3g} back per 1 spent (80 %: {low:.3g} to {high:.3g})"
    left = percent(line.numbers.retention, digits=0)
    texts = [f"{back}, next 1: {line.marginal:.3g}; {left} of its effect is left a period on"]
    if line.held:
        texts.append("The history does not say what it brings: held at today's spend")
    texts += [remark_text(remark) for remark in made.remarks if remark.line == line.name]
    return [row for text in texts for row in textwrap.wrap(_one_line(text), 92)]


def _origins(made: Fit) -> dict[str, Any]:
    history = made.history
    source = f"fitted from {_one_line(history.source) or 'a history'}"
    span = f"{history.labels[0]} to {history.labels[-1]}"
    return {
        "value": {"source": "the map of the fit", "grade": "given"},
        **{
            path_of(line.name): {
                "source": "prior: the history does not tell" if line.held else source,
                "grade": line.grade,
                "as_of": span,
            }
            for line in made.lines
        },
    }


def _short(value: float) -> float | int:
    """Six significant digits."""
    return _plain(f"{value:.6g}")


def _plain(text: str) -> float | int:
    """A number, whole where it is."""
    found = float(text)
    return int(found) if found.is_integer() and abs(found) < 1e15 else found
