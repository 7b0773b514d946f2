"""Every exception of adsplit, and the one way a fault is described.

    AdsplitError
    ├── PlanError            the question does not hold together
    │   ├── ScenarioError    a file or an override; carries file and dotted path
    │   └── UnknownName      no such line, role, what-if…; suggests the nearest
    ├── SourceError          history or a fitted model cannot be used
    │   └── CalibrationError the data do not identify the curve asked for
    ├── NoBrowser            a picture cannot be drawn on this machine
    └── SolveError
        ├── Infeasible       carries the rules in conflict and the least relaxation
        ├── Unbounded
        ├── NoSolver         each solver's own reason for declining
        └── SolverFailed     the backend gave up; carries its words

A message says what was wrong, where, what was found and what to do. All faults of one input are
shown together: an error that describes an input carries a tuple of :class:`Fault`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

__all__ = [
    "AdsplitError",
    "CalibrationError",
    "Fault",
    "Infeasible",
    "NoBrowser",
    "NoSolver",
    "PlanError",
    "Relaxation",
    "ScenarioError",
    "SolveError",
    "SolverFailed",
    "SourceError",
    "Unbounded",
    "UnknownName",
    "nearest",
]


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with an input."""

    path: str
    """Dotted path as the user wrote it (``channels.search.brand.curve.half``); empty: the whole."""
    problem: str
    """What is wrong, in words, with what was found."""
    advice: str = ""
    """What is allowed, or what to do."""
    where: str = ""
    """``file:line`` or ``file:line:column`` where the input came from a file."""

    def below(self, prefix: str) -> Fault:
        """The same fault seen from further up: its path with *prefix* in front."""
        joined = ".".join(part for part in (prefix, self.path) if part)
        return replace(self, path=joined)

    def __str__(self) -> str:
        """One line: where, path, problem and advice."""
        head = "  ".join(part for part in (self.where, self.path) if part)
        text = f"{head}: {self.problem}" if head else self.problem
        return f"{text}. {self.advice}" if self.advice else text


def nearest(word: str, known: Iterable[str]) -> str:
    """A sentence that suggests the nearest known word, or lists what is known.

    Empty when nothing is known.
    """
    words = sorted(set(known))
    if not words:
        return ""
    close = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    listed = ", ".join(words[:12]) + (", …" if len(words) > 12 else "")
    return f"Did you mean {close[0]!r}? Known: {listed}" if close else f"Known: {listed}"


class AdsplitError(Exception):
    """The root of everything adsplit raises on purpose."""


class PlanError(AdsplitError):
    """The question does not hold together; ``faults`` says where and why, all at once."""

    def __init__(self, faults: Sequence[Fault] | Fault | str) -> None:
        if isinstance(faults, str):
            faults = Fault("", faults)
        self.faults: tuple[Fault, ...] = (faults,) if isinstance(faults, Fault) else tuple(faults)
        super().__init__(self.faults)

    def __str__(self) -> str:
        """The faults, one line each."""
        if len(self.faults) == 1:
            return str(self.faults[0])
        lines = "\n".join(f"  • {fault}" for fault in self.faults)
        return f"{len(self.faults)} faults:\n{lines}"


class ScenarioError(PlanError):
    """A scenario file, a what-if or an override cannot be used."""


class UnknownName(PlanError):  # noqa: N818 - the design's word: a name, not "…Error"
    """There is no line, role, stage, tag, what-if or path of that name."""

    @classmethod
    def of(cls, kind: str, name: str, known: Iterable[str], path: str = "") -> UnknownName:
        """No *kind* is called *name*; suggests the nearest of *known*."""
        return cls(Fault(path, f"there is no {kind} {name!r}", nearest(name, known)))


class SourceError(AdsplitError):
    """Historical data or a fitted model cannot be used; ``faults`` says why, all at once."""

    def __init__(self, faults: Sequence[Fault] | Fault | str) -> None:
        if isinstance(faults, str):
            faults = Fault("", faults)
        self.faults: tuple[Fault, ...] = (faults,) if isinstance(faults, Fault) else tuple(faults)
        super().__init__(self.faults)

    def __str__(self) -> str:
        """The faults, one line each."""
        return str(PlanError(self.faults))


class CalibrationError(SourceError):
    """The data do not identify the curve asked for."""


class NoBrowser(AdsplitError):  # noqa: N818 - see UnknownName
    """There is no browser to draw a picture with; the message says what to install."""


class SolveError(AdsplitError):
    """A plan that holds together could not be solved."""


@dataclass(frozen=True)
class Relaxation:
    """How far one rule must give way so that a plan becomes feasible."""

    rule: str
    """Name of the rule."""
    amount: float
    """By how much, in *unit*."""
    unit: str
    """``money``, ``outcomes`` or ``lines``."""
    says: str
    """The same in words."""


@dataclass(frozen=True)
class Conflict:
    """Why no plan keeps all the rules."""

    rules: tuple[str, ...]
    """The smallest set found of rules that cannot all hold."""
    relaxations: tuple[Relaxation, ...] = field(default=())
    """One cheapest way out: all of them together make the plan feasible."""


class Infeasible(SolveError):  # noqa: N818 - an outcome users speak of by this word
    """No plan keeps all the rules; says which are in conflict and what would mend it."""

    def __init__(self, message: str, conflict: Conflict | None = None) -> None:
        self.message = message
        self.conflict = conflict or Conflict(())
        super().__init__(message, self.conflict)

    def __str__(self) -> str:
        """The message, without the machinery."""
        return self.message


class Unbounded(SolveError):  # noqa: N818 - see Infeasible
    """The objective can grow without limit: some line has no budget, maximum or ceiling."""


class NoSolver(SolveError):  # noqa: N818 - see Infeasible
    """No solver takes the problem; the message gives each solver's own reason."""


class SolverFailed(SolveError):  # noqa: N818 - see Infeasible
    """The backend gave up; carries its words."""
