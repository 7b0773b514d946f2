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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from optimizer.allocation import Allocation
from optimizer.compiling import compile_lines, compile_plan
from optimizer.errors import SolverFailed, Unbounded
from optimizer.plan.curves import Floats
from optimizer.plan.document import from_document, outline
from optimizer.plan.plan import Plan
from optimizer.problem import Problem
from optimizer.solvers.blocks import Block, per_group
from optimizer.solvers.groups import Found, search
from optimizer.solvers.partitions import OneByOne, Partitioned, Settled, Team
from optimizer.solvers.prices import block_of, grouped
from optimizer.solvers.solution import Clock, Options, Progress, Status, relative_gap
from optimizer.solving import unexplained
from optimizer.writing import new_folder, write_atomically

from .answer import plain
from .kinds import Kinds, Lines, bare, plan_of_kinds, survey, told_apart
from .line_items import line_frame, sums_answer

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PartedAnswer", "optimize_parts", "parts_answer", "parts_fingerprint"]

Index = NDArray[np.intp]

SOLVER = "dual prices (partitions)"


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
class _Asked:
    """A partition as the search asks it."""

    lines: Lines
    bare: Mapping[str, Any]
    kinds: Kinds
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
    fields = ("channel", "role", *told_apart(question, partitions[0].columns))
    kinds, sums = survey(crew, partitions, bare(question), fields)
    plan = plan_of_kinds(question, kinds, sums)
    problem = compile_plan(plan)
    local = grouped(problem)
    group = local.whole.group
    asked = [_Asked(lines, bare(question), kinds, group) for lines in partitions]
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
    value = float(tally.worth.sum()) - float(problem.price[0]) * float(tally.spend.sum())
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


def _group_frame(kinds: Kinds, tally: _Tally) -> pd.DataFrame:
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
