"""The best plan for lines in partitions: beyond one memory, on one machine or a cluster.

Rules see a line only by its channel, role and tags, so lines that are alike in these are one
*kind*. The partitions are read once to check them and to sum up their kinds; the rules are compiled
for the kinds, the prices searched over the partitions (:mod:`optimizer.solvers.partitions`), and in
a last pass every partition works out its spend, which is added up and, where asked for, written.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from optimizer.allocation import Allocation, unexplained
from optimizer.errors import Fault, PlanError, SolverFailed, Unbounded
from optimizer.plan.curves import Floats, Linear
from optimizer.plan.document import from_document, outline
from optimizer.plan.plan import Plan
from optimizer.plan.table import LineTable
from optimizer.problem import Problem, compile_lines, compile_plan
from optimizer.solvers.blocks import Block, per_group
from optimizer.solvers.groups import Found, search
from optimizer.solvers.partitions import OneByOne, Partitioned, Settled, Team
from optimizer.solvers.prices import block_of, grouped
from optimizer.solvers.solution import Clock, Options, Progress, Status, relative_gap
from optimizer.writing import new_folder, write_atomically

from .answer import plain
from .line_items import line_frame, sums_answer

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Lines", "PartedAnswer", "optimize_parts", "parts_answer", "parts_fingerprint"]

Index = NDArray[np.intp]
Coded = Mapping[str, tuple[NDArray[np.str_], Index]]

SOLVER = "dual prices (partitions)"

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
class PartedAnswer:
    """The best plan for lines in partitions, as sums."""

    sums: Allocation
    """The plan with a line per kind; what a line of it brings is not told by its curve."""
    groups: pd.DataFrame
    """Sums per channel and role, as :func:`optimizer.analysis.line_items.group_frame` has them."""
    lines: int
    active: int
    """Lines with money."""
    partitions: int
    input: str
    """A hash of the question and of every file's bytes."""


@dataclass(frozen=True, eq=False)
class _Kinds:
    """What rules can tell apart: each combination of *fields* that is there."""

    fields: tuple[str, ...]
    words: tuple[NDArray[np.str_], ...]
    """The words of each field, in order."""
    code: Index
    """Which combinations there are, as numbers in order."""

    @classmethod
    def of(cls, fields: Sequence[str], found: Iterable[tuple[str, ...]]) -> _Kinds:
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


@dataclass(frozen=True, eq=False)
class _Asked:
    """A partition as the search asks it."""

    lines: Lines
    bare: Mapping[str, Any]
    kinds: _Kinds
    group: Index
    """The group of each kind."""

    @property
    def start(self) -> int:
        return self.lines.start

    @property
    def n(self) -> int:
        return self.lines.n

    def block(self) -> Block:
        """Its lines."""
        table, coded = self.lines.bare(self.kinds.fields)
        problem = compile_lines(from_document(self.bare, lines=table))
        return block_of(problem, self.group[self.kinds.which(coded)])


def optimize_parts(
    partitions: Sequence[Lines],
    question: Mapping[str, Any],
    *,
    gap: float = 1e-6,
    time_limit: float | None = None,
    progress: Progress | None = None,
    counted: Callable[[int, int], None] | None = None,
    team: Team | None = None,
    folder: Path | None = None,
) -> PartedAnswer:
    """The best plan for lines in partitions, with a bound that no plan can beat.

    Args:
        partitions: The lines, as :func:`optimizer.sources.parts.find_parts` finds them.
        question: What is asked, as a scenario without channels; see
            :func:`optimizer.sources.table.question`.
        gap: Largest relative distance to the bound at which the search may end.
        time_limit: Seconds after which the best plan so far is the answer.
        progress: Called every round with seconds, best value so far, and bound.
        counted: Called with partitions done and their number, in each pass anew.
        team: Who works through the partitions; by default this process, one after the other.
        folder: Where the plan is written, a Parquet file per partition; it must not be there yet.

    Raises:
        PlanError: with the faults of all partitions, or of the rules.
        Infeasible: no plan keeps all the rules.
        Unbounded: the objective can grow without limit.
        SolverFailed: no plan was found that keeps all the rules.
        OSError: the plan cannot be written.
    """
    if folder is not None and folder.exists():
        raise FileExistsError(errno.EEXIST, "is there already", str(folder))
    options, clock = Options(gap, time_limit, progress), Clock(time_limit)
    crew = _Crew(team or OneByOne(), counted)
    bare = {key: question[key] for key in _BARE if key in question}
    fields = ("channel", "role", *_told_apart(question, partitions[0].columns))
    kinds, sums = _survey(crew, partitions, bare, fields)
    plan = _plan_of_kinds(question, kinds, sums)
    problem = compile_plan(plan)
    local = grouped(problem)
    group = local.whole.group
    asked = [_Asked(lines, bare, kinds, group) for lines in partitions]
    count = per_group(group, sums[0], len(local.groups.low)).astype(np.intp)
    market = Partitioned(local.groups, asked, count, crew)
    found = _search(market, plan, problem, options, clock)
    tally = _finish(crew, asked, market, problem, folder)
    return PartedAnswer(
        sums=_allocation(found, tally, plan, problem, options, clock.seconds),
        groups=_group_frame(kinds, tally),
        lines=int(tally.lines.sum()),
        active=int(tally.active.sum()),
        partitions=len(partitions),
        input=parts_fingerprint(plan, _digests(crew, partitions)),
    )


def _search(
    market: Partitioned, plan: Plan, problem: Problem, options: Options, clock: Clock
) -> Found:
    """The prices that prove the plan; its spend is told by the market.

    Raises:
        Infeasible: no plan keeps all the rules.
        Unbounded: the objective can grow without limit.
        SolverFailed: no plan was found.
    """

    def told(value: float, bound: float) -> None:
        if options.progress is not None:
            options.progress(clock.seconds, value, bound)

    least, lines = float(problem.lower.sum()), int(market.count.sum())
    if least > problem.grid.budget:
        raise unexplained(plan, least, lines)
    found = search(market, options.gap, clock, told)
    if found.status is Status.INFEASIBLE:
        raise unexplained(plan, least, lines)
    if found.status is Status.UNBOUNDED:
        raise Unbounded("the objective can grow without limit; give a budget or maxima")
    if not np.isfinite(found.value):
        raise SolverFailed("no plan was found before the search stopped")
    return found


def _allocation(
    found: Found,
    tally: _Tally,
    plan: Plan,
    problem: Problem,
    options: Options,
    seconds: float,
) -> Allocation:
    """The plan by kinds, with the value that the partitions add up to."""
    value = float(tally.worth.sum()) - problem.price * float(tally.spend.sum())
    value -= float(np.nan_to_num(problem.rows.penalty) @ problem.violations(tally.spend))
    bound = max(found.bound, value)
    proven = relative_gap(value, bound) <= options.gap
    return Allocation(
        plan=plan,
        problem=problem,
        spend=tally.spend,
        objective=value,
        status=Status.OPTIMAL if proven else Status.STOPPED,
        bound=bound,
        proof={"prices": found.rows.tolist()},
        solver=SOLVER,
        reason="proven" if proven else "the prices give no closer bound",
        seconds=seconds,
        options=options,
    )


def parts_answer(found: PartedAnswer) -> dict[str, Any]:
    """The answer as plain data (``adsplit.lines/1``): sums per group, and what a check needs."""
    answer = sums_answer(found.sums, found.groups, found.lines, found.active)
    provenance = found.sums.provenance | {"input": found.input, "partitions": found.partitions}
    provenance.pop("table", None)  # its columns are those of the kinds
    return answer | {"provenance": plain(provenance)}


class _Crew:
    """A team, and who is told how far it is."""

    def __init__(self, team: Team, counted: Callable[[int, int], None] | None) -> None:
        self.team, self.counted = team, counted

    def each(self, work: Callable[[Any], Any], partitions: Sequence[Any]) -> Iterator[Any]:
        """What *work* says of every partition, in their order."""
        for done, one in enumerate(self.team.each(work, partitions), 1):
            if self.counted is not None:
                self.counted(done, len(partitions))
            yield one


def _told_apart(question: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
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


def _survey(
    crew: _Crew, partitions: Sequence[Lines], bare: Mapping[str, Any], fields: Sequence[str]
) -> tuple[_Kinds, Floats]:
    """All kinds, and their lines, least and most spend, shape (3, n_kinds).

    Raises:
        PlanError: with the faults of all partitions.
    """
    seen = list(crew.each(partial(_look, bare=bare, fields=tuple(fields)), partitions))
    faults = list(dict.fromkeys(fault for one in seen for fault in one.faults))
    if faults:
        more = len(faults) - _TOLD
        rest = [Fault("", f"{more:,} more faults in other rows and files")] if more > 0 else []
        raise PlanError([*faults[:_TOLD], *rest])
    kinds = _Kinds.of(fields, (kind for one in seen for kind in one.kinds))
    sums = np.zeros((3, len(kinds)))
    for one in seen:
        columns = [np.array(column, np.str_) for column in zip(*one.kinds, strict=True)]
        every = np.arange(len(one.kinds))
        own = kinds.which({f: (words, every) for f, words in zip(fields, columns, strict=True)})
        sums[:, own] += one.sums
    return kinds, sums


def _look(lines: Lines, *, bare: Mapping[str, Any], fields: tuple[str, ...]) -> _Seen:
    """Check a partition, and sum up its kinds."""
    try:
        table, coded = lines.checked(fields)
        problem = compile_lines(from_document(bare, lines=table))
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


def _plan_of_kinds(question: Mapping[str, Any], kinds: _Kinds, sums: Floats) -> Plan:
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


@dataclass(frozen=True, eq=False)
class _Tally:
    """What the lines of each kind add up to, shapes (n_kinds,); NaN where nothing is known."""

    lines: Floats
    active: Floats
    spend: Floats
    worth: Floats
    current: Floats
    outcome: Floats
    value: Floats

    def __add__(self, other: _Tally) -> _Tally:
        pairs = ((own, getattr(other, name)) for name, own in vars(self).items())
        # What is unknown here may be known there.
        return _Tally(
            *(np.where(np.isnan(a), b, np.where(np.isnan(b), a, a + b)) for a, b in pairs)
        )


def _finish(
    crew: _Crew,
    asked: Sequence[_Asked],
    market: Partitioned,
    problem: Problem,
    folder: Path | None,
) -> _Tally:
    """Work out every partition's spend, add it up and write it.

    Raises:
        SolverFailed: the plan does not keep the rules.
        OSError: it cannot be written.
    """
    numbered = list(enumerate(asked))

    def tallied(place: Path | None) -> _Tally:
        work = partial(_work_out, how=market.best, folder=place, spent=market.spent)
        tallies: list[_Tally] = list(crew.each(work, numbered))
        whole = reduce(_Tally.__add__, tallies)
        if not problem.feasible(whole.spend):
            raise SolverFailed("no plan was found that keeps all the rules to the last digit")
        return whole

    if folder is None:
        return tallied(None)
    with new_folder(folder) as place:
        found = tallied(place)
        wanted = {_file_of(number) for number, _ in numbered}
        for path in place.iterdir():
            if path.name not in wanted:  # left by a worker that was lost while it wrote
                path.unlink()
        if len(list(place.iterdir())) < len(wanted):
            raise SolverFailed(f"the workers do not write to the folder that is {folder} here")
    return found


def _work_out(
    numbered: tuple[int, _Asked], *, how: Settled, folder: Path | None, spent: float
) -> _Tally:
    """The sums of a partition's plan; its lines written to *folder*, if there is one."""
    number, asked = numbered
    read = asked.lines.bare if folder is None else asked.lines.named
    table, coded = read(asked.kinds.fields)
    plan = from_document(asked.bare, lines=table)
    problem, kind = compile_lines(plan), asked.kinds.which(coded)
    spend = how.spend(block_of(problem, asked.group[kind]), asked.start, number)
    if folder is not None:
        frame = line_frame(Allocation(plan, problem, spend, float("nan"), status=None))
        frame["share"] = spend / spent if spent > 0 else 0.0
        write_atomically(folder / _file_of(number), _parquet(frame))
    outcome, n = problem.outcomes(spend), len(asked.kinds)

    def known(values: Floats) -> Floats:
        here = ~np.isnan(values)
        sums = per_group(kind, np.where(here, values, 0.0), n)
        return np.where(per_group(kind, here.astype(float), n) > 0, sums, np.nan)

    return _Tally(
        lines=per_group(kind, np.ones(len(spend)), n),
        active=per_group(kind, (spend > 0).astype(float), n),
        spend=per_group(kind, spend, n),
        worth=per_group(kind, problem.weights * outcome, n),
        current=known(problem.grid.current),
        outcome=per_group(kind, outcome, n),
        value=known(problem.grid.value * outcome),
    )


def _parquet(frame: pd.DataFrame) -> bytes:
    """A file's bytes; a column has the same type whether a partition fills it or not."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = [pa.float64() if own.dtype.kind == "f" else pa.string() for _, own in frame.items()]
    schema = pa.schema(list(zip(frame.columns, kinds, strict=True)))
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(frame, schema, preserve_index=False), stream)
    return stream.getvalue()


def _file_of(number: int) -> str:
    return f"part-{number:06d}.parquet"


def _group_frame(kinds: _Kinds, tally: _Tally) -> pd.DataFrame:
    """Sums per channel and role."""
    import pandas as pd

    frame = pd.DataFrame(
        {
            "channel": kinds.column("channel").astype(object),
            "role": kinds.column("role").astype(object),
            "lines": tally.lines.astype(np.int64),
            "active": tally.active.astype(np.int64),
            "spend": tally.spend,
            "share": tally.spend / tally.spend.sum() if tally.spend.sum() > 0 else tally.spend,
            "current": tally.current,
            "outcome": tally.outcome,
            "value": tally.value,
        }
    )
    return frame.groupby(["channel", "role"]).sum(min_count=1).reset_index()


def parts_fingerprint(plan: Plan, digests: Sequence[str]) -> str:
    """A hash of the question and the bytes of all files, whatever they are called."""
    document = outline(plan) | {"files": list(digests)}
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _digests(crew: _Crew, partitions: Sequence[Lines]) -> list[str]:
    """The hash of every file, each worked out once."""
    files = {lines.path: lines for lines in reversed(partitions)}
    return list(crew.each(_digest, list(files.values())[::-1]))


def _digest(lines: Lines) -> str:
    return lines.digest()
