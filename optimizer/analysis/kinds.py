"""What rules can tell apart among lines in partitions: channel, role and the tags they speak of.

Lines that are alike in these are one *kind*. One look at every partition checks its lines and sums
up their kinds, and the plan with a line per kind is what the rules are compiled for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from optimizer.compiling import compile_lines
from optimizer.errors import Fault, PlanError
from optimizer.plan.curves import Floats, Linear
from optimizer.plan.document import from_document
from optimizer.plan.plan import Plan
from optimizer.plan.table import LineTable
from optimizer.solvers.blocks import per_group
from optimizer.solvers.partitions import Team
from optimizer.solvers.prices import block_of

__all__ = ["Kinds", "Lines", "bare", "plan_of_kinds", "survey", "told_apart"]

Index = NDArray[np.intp]
Coded = Mapping[str, tuple[NDArray[np.str_], Index]]

# Faults that are told; the others are counted.
_TOLD = 20
_BARE = ("name", "currency", "budget", "value", "objective")
_NOT_SUMS = {"target", "active_lines", "changes", "lowest_spend"}
_SUMS = (
    "With so many lines use rules on sums of spend: split, spend, share, ratio, weighted, spend_all"
)


class Lines(Protocol):
    """A partition of lines that can be read whenever it is asked, wherever it is."""

    @property
    def path(self) -> str:
        """The file it is in."""

    @property
    def start(self) -> int:
        """How many lines there are before it."""

    @property
    def n(self) -> int:
        """How many lines it has."""

    @property
    def columns(self) -> tuple[str, ...]:
        """What its columns are called; the same in every partition."""

    def checked(self, fields: Sequence[str]) -> tuple[LineTable, Coded]:
        """All lines, checked, and the columns *fields* as words and positions."""

    def bare(self, fields: Sequence[str]) -> tuple[LineTable, Coded]:
        """The numbers of the lines, not checked again, and the columns *fields*."""

    def named(self, fields: Sequence[str]) -> tuple[LineTable, Coded]:
        """All lines with names and tags, not checked again, and the columns *fields*."""

    def digest(self) -> str:
        """A hash of the bytes of its file."""


@dataclass(frozen=True, eq=False)
class Kinds:
    """What rules can tell apart: each combination of *fields* that is there."""

    fields: tuple[str, ...]
    words: tuple[NDArray[np.str_], ...]
    """The words of each field, in order."""
    code: Index
    """Which combinations there are, as numbers in order."""

    @classmethod
    def of(cls, fields: Sequence[str], found: Iterable[tuple[str, ...]]) -> Kinds:
        """The kinds among *found*."""
        every = sorted(set(found))
        words = tuple(np.unique(np.array(column, np.str_)) for column in zip(*every, strict=True))
        kinds = cls(tuple(fields), words, np.zeros(0, np.intp))
        columns = [np.array(column, np.str_) for column in zip(*every, strict=True)]
        at = [np.searchsorted(own, column) for own, column in zip(words, columns, strict=True)]
        return replace(kinds, code=np.sort(kinds._number(at)))

    def _number(self, at: Sequence[Index]) -> Index:
        number = np.zeros(len(at[0]), np.intp)
        for own, position in zip(self.words, at, strict=True):
            number = number * len(own) + position
        return number

    def __len__(self) -> int:
        """How many there are."""
        return len(self.code)

    def which(self, coded: Coded) -> Index:
        """The kind of each line, shape (n,)."""
        at = []
        for field, own in zip(self.fields, self.words, strict=True):
            words, place = coded[field]
            at.append(np.searchsorted(own, words)[place])
        return np.searchsorted(self.code, self._number(at))

    def column(self, field: str) -> NDArray[np.str_]:
        """The word of each kind, shape (n_kinds,)."""
        number = self.code
        for name, own in zip(self.fields[::-1], self.words[::-1], strict=True):
            number, at = np.divmod(number, len(own))
            if name == field:
                return own[at]
        raise KeyError(field)


@dataclass(frozen=True, eq=False)
class _Seen:
    """What the first look at a partition found, by kind."""

    faults: tuple[Fault, ...]
    kinds: tuple[tuple[str, ...], ...] = ()
    sums: Floats | None = None
    """Lines, least and most spend, shape (3, n_kinds)."""


def bare(question: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked, without any rule: enough to read the lines of a partition."""
    return {key: question[key] for key in _BARE if key in question}


def told_apart(question: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    """The columns that some rule may speak of: every word in the rules that is a column.

    Raises:
        PlanError: a rule speaks of single lines, counts them or is about outcomes.
    """
    rules = dict(question.get("constraints", {}))
    rules["objective"], rules["split"] = question.get("objective"), question.get("split")
    faults, words = [], set()
    for name, rule in rules.items():
        own = set(_words(rule))
        words |= own
        path = name if name in ("objective", "split") else f"constraints.{name}"
        if "line" in own:
            advice = "Over partitions rules see channel, role and tags"
            faults.append(Fault(path, "speaks of single lines", advice))
        faults += [
            Fault(path, f"{kind}: too many lines for that", _SUMS)
            for kind in sorted(own & _NOT_SUMS)
        ]
    if faults:
        raise PlanError(faults)
    return [title for title in sorted(words & set(columns)) if title not in ("channel", "role")]


def _words(stated: Any) -> Iterator[str]:
    """Every key and text of a stated rule."""
    if isinstance(stated, Mapping):
        for key, item in stated.items():
            yield str(key)
            yield from _words(item)
    elif isinstance(stated, list | tuple):
        for item in stated:
            yield from _words(item)
    else:
        yield str(stated)


def survey(
    team: Team, partitions: Sequence[Lines], asked: Mapping[str, Any], fields: Sequence[str]
) -> tuple[Kinds, Floats]:
    """All kinds, and their lines, least and most spend, shape (3, n_kinds).

    Raises:
        PlanError: with the faults of all partitions.
    """
    seen = list(team.each(partial(_look, asked=asked, fields=tuple(fields)), partitions))
    faults = list(dict.fromkeys(fault for one in seen for fault in one.faults))
    if faults:
        more = len(faults) - _TOLD
        rest = [Fault("", f"{more:,} more faults in other rows and files")] if more > 0 else []
        raise PlanError([*faults[:_TOLD], *rest])
    kinds = Kinds.of(fields, (kind for one in seen for kind in one.kinds))
    sums = np.zeros((3, len(kinds)))
    for one in seen:
        columns = [np.array(column, np.str_) for column in zip(*one.kinds, strict=True)]
        every = np.arange(len(one.kinds))
        own = kinds.which({f: (words, every) for f, words in zip(fields, columns, strict=True)})
        sums[:, own] += one.sums
    return kinds, sums


def _look(lines: Lines, *, asked: Mapping[str, Any], fields: tuple[str, ...]) -> _Seen:
    """Check a partition, and sum up its kinds."""
    try:
        table, coded = lines.checked(fields)
        problem = compile_lines(from_document(asked, lines=table))
    except PlanError as error:
        return _Seen(
            tuple(replace(fault, where=fault.where or lines.path) for fault in error.faults)
        )
    number = np.zeros(len(table), np.intp)
    for field in fields:
        words, at = coded[field]
        number = number * len(words) + at
    here, first, which = np.unique(number, return_index=True, return_inverse=True)
    block = block_of(problem, which)
    least = np.where(block.optional, 0.0, block.low)
    found = [coded[field][0][coded[field][1][first]].tolist() for field in fields]
    sums = np.array(
        [per_group(which, values, len(here)) for values in (np.ones(block.n), least, block.high)]
    )
    return _same_words(tuple(zip(*found, strict=True)), sums)


def _same_words(kinds: tuple[tuple[str, ...], ...], sums: Floats) -> _Seen:
    """Kinds with the same words as one: an empty text and nothing are alike."""
    once = {kind: position for position, kind in enumerate(dict.fromkeys(kinds))}
    at = np.array([once[kind] for kind in kinds])
    joined = np.array([per_group(at, values, len(once)) for values in sums])
    return _Seen((), tuple(once), joined)


def plan_of_kinds(question: Mapping[str, Any], kinds: Kinds, sums: Floats) -> Plan:
    """The plan with a line per kind.

    Raises:
        PlanError: the rules do not hold together.
    """
    n = len(kinds)
    one, unknown = np.ones(n), np.full(n, np.nan)
    channel = kinds.column("channel")
    number = np.arange(n).astype(np.str_)
    known = ("channel", "role")
    table = LineTable.known(
        channel=channel,
        families=((Linear, np.arange(n), (one,)),),
        name=np.strings.add(np.strings.add(channel, "."), number),
        role=kinds.column("role"),
        value=one,
        price=one,
        minimum=sums[1],
        maximum=sums[2],
        minimum_if_active=np.zeros(n),
        current=unknown,
        observed=unknown,
        tags={field: kinds.column(field) for field in kinds.fields if field not in known},
    )
    return from_document(question, lines=table)
