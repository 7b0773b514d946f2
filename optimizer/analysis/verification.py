"""Is an answer true? The check of a result from its file alone.

The plan is rebuilt from the result, and :mod:`optimizer.certificate`, which shares no code with the
solvers, works out anew whether the spend keeps every limit and rule, what it is worth, and what the
proof proves. The figures that follow from these are compared with those that are written. Not
checked are sentences, warnings and the prices of rules.

A file cannot tell that its question is the one that was meant: for that it is compared with the
scenario. A table is compared, column by column, with the hashes of the one that was solved.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from optimizer.allocation import Allocation, given
from optimizer.certificate import Own, Verdict, verify
from optimizer.compiling import compile_plan
from optimizer.errors import Fault, PlanError, SolverFailed
from optimizer.measuring import fingerprint
from optimizer.plan.curves import Floats
from optimizer.plan.document import from_document, to_document
from optimizer.plan.plan import Plan
from optimizer.plan.risk import Regret
from optimizer.plan.stated import faults_of, in_short
from optimizer.plan.table import LineTable
from optimizer.problem import BUDGET
from optimizer.solvers.hedging import concave_in_all, hedge
from optimizer.solvers.solution import Options, Proof, Status, relative_gap
from optimizer.solvers.weightings import Weighting
from optimizer.words import say
from optimizer.words.voice import Voice
from optimizer.worlds import Worlds

from . import line_items
from .answer import SCHEMA, figures, plain
from .partitions import parts_fingerprint
from .proofs import as_tree

__all__ = ["Check", "Claim", "Verification", "check_claim", "read_claim"]

# Figures that differ by less than this share were rounded differently.
_SAME = 1e-6
# How near the best plan of a draw is proven, as a share of it.
_OWN = 1e-6
_TOLD = 5


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)


class _Line(_Part):
    line: str
    spend: float


class _Objective(_Part):
    value: float


class _Cell(_Part):
    line: str
    period: str
    spend: float


class _Provenance(_Part):
    input: str
    applied: list[str]
    gap: float
    table: dict[str, str] | None = None
    partitions: int | None = None


class _Common(_Part):
    status: Literal["optimal", "stopped"] | None
    objective: _Objective
    bound: float | None
    provenance: _Provenance
    plan: dict[str, Any]
    proof: list[dict[str, Any]] | None


class _Result(_Common):
    """The keys of an answer that are read; others may be there."""

    contract: Literal["adsplit.allocation/1"] = Field(alias="schema")
    lines: list[_Line]
    periods: list[_Cell] = Field(default_factory=list)


class _TableResult(_Common):
    """The keys of an answer for a table of lines."""

    contract: Literal["adsplit.lines/1"] = Field(alias="schema")


@dataclass(frozen=True, eq=False)
class Claim:
    """What a result says: this spend, worth this much, and nothing better than that."""

    plan: Plan
    spend: Floats
    """Shape (n_cells,), in the order of the plan."""
    value: float
    """The objective, as solvers count it: minus the spend for lowest_spend."""
    bound: float | None
    status: Status | None
    proof: Proof | None
    gap: float
    """The gap that was asked for."""
    fingerprint: str
    """Of the question, as the file states it."""
    table: Mapping[str, str] | None
    """Hashes of the columns of the table that was solved, where the file has them."""
    files: tuple[str, ...] | None
    """Hashes of the files of lines, where the plan was made by partitions."""
    written: Mapping[str, Any]
    """The file as it is."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    key: Literal["rules", "value", "bound", "figures", "input", "table", "scenario"]
    holds: bool | None
    """None: there was nothing to check, or nothing to check it with."""
    says: str
    """In words."""
    faults: tuple[str, ...] = ()
    """What does not hold, in words."""


@dataclass(frozen=True)
class Verification:
    """What the check of a result found."""

    plan: Plan
    verdict: Verdict
    value: float
    """Worked out anew, as a reader counts it; NaN without a spend to work it out from."""
    bound: float | None
    """What is really proven, as a reader counts it; None: nothing."""
    gap: float | None
    checks: tuple[Check, ...]
    input: str
    """The fingerprint of the question, worked out anew."""

    @property
    def holds(self) -> bool:
        """Whether all that could be checked is true."""
        return all(check.holds is not False for check in self.checks)

    @property
    def data(self) -> dict[str, Any]:
        """As plain data (``adsplit.verdict/1``)."""
        return {
            "schema": "adsplit.verdict/1",
            "holds": self.holds,
            "feasible": not self.verdict.broken,
            "value": plain(self.value),
            "bound": plain(self.bound),
            "gap": plain(self.gap),
            "proven": self.bound is not None,
            "input": self.input,
            "checks": [
                {
                    "check": check.key,
                    "holds": check.holds,
                    "says": check.says,
                    "faults": list(check.faults),
                }
                for check in self.checks
            ],
        }


def read_claim(
    text: str,
    where: str = "",
    lines: LineTable | None = None,
    spend: Floats | None = None,
    files: tuple[str, ...] = (),
) -> Claim:
    """The claim of a result, from the text of its JSON file.

    Args:
        text: The file.
        where: Its name.
        lines: The table that was asked about, where the result is that of a table.
        spend: Money per line of the table.
        files: Hashes of the table's files, where it is a Parquet data set.

    Raises:
        PlanError: the file is no result, or one whose plan does not hold together.
    """
    try:
        return _read(text, lines, spend, files)
    except PlanError as error:
        raise PlanError([replace(fault, where=where) for fault in error.faults]) from None


def _read(
    text: str, lines: LineTable | None, spend: Floats | None, files: tuple[str, ...]
) -> Claim:
    try:
        written = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise PlanError(Fault("", f"is not JSON: {error}", "Give a result of --json")) from None
    kind = written.get("schema") if isinstance(written, dict) else None
    if kind not in (SCHEMA, line_items.SCHEMA):
        advice = f"Give what adsplit optimize --json printed ({SCHEMA})"
        raise PlanError(Fault("schema", "this is not the result of a plan", advice))
    if (kind == line_items.SCHEMA) != (lines is not None and spend is not None):
        words = "is that of a table of lines" if lines is None else "is not that of a table"
        advice = "Give --lines and --spend for a table of lines, and only for one"
        raise PlanError(Fault("schema", words, advice))
    for key in ("plan", "proof"):
        if key not in written:
            advice = "Make the result anew: this version writes what the check needs"
            raise PlanError(Fault(key, "is missing", advice))
    try:
        result: _Result | _TableResult = (
            _Result.model_validate(written)
            if lines is None
            else _TableResult.model_validate(written)
        )
    except ValidationError as error:
        raise PlanError(faults_of(error)) from None
    try:
        plan = from_document(result.plan, tuple(result.provenance.applied), lines)
    except PlanError as error:
        raise PlanError([fault.below("plan") for fault in error.faults]) from None
    sign = -1.0 if plan.objective.kind == "lowest_spend" else 1.0
    return Claim(
        plan=plan,
        spend=_spends(plan, result) if isinstance(result, _Result) else np.asarray(spend),
        value=sign * result.objective.value,
        bound=None if result.bound is None else sign * result.bound,
        status=None if result.status is None else Status(result.status),
        proof=None if result.proof is None else as_tree(result.proof or [{}]),
        gap=result.provenance.gap,
        fingerprint=result.provenance.input,
        table=result.provenance.table,
        files=files if result.provenance.partitions else None,
        written=written,
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):  # programs differ in which of the two they read
        raise ValueError("a key is there twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _spends(plan: Plan, result: _Result) -> Floats:
    if plan.periods is not None:
        return _spends_over_time(plan, result)
    given = {line.line: line.spend for line in result.lines}
    names = [line.name for line in plan.lines]
    faults = [
        Fault(f"lines.{name}", "is no line of the plan", "Take it out")
        for name in given
        if name not in set(names)
    ]
    faults += [
        Fault(f"lines.{name}", "is missing", "Give every line of the plan")
        for name in names
        if name not in given
    ]
    if len(given) < len(result.lines):
        faults.append(Fault("lines", "has a line twice", "Give every line once"))
    if faults:
        raise PlanError(faults)
    return np.array([given[name] for name in names], float)


def _spends_over_time(plan: Plan, result: _Result) -> Floats:
    """Money by line and period; what is missing, twice or too much is told."""
    cells = {(cell.line, cell.period): cell.spend for cell in result.periods}
    labels = plan.grid.periods
    meant = [(line.name, label) for line in plan.lines for label in labels]
    faults = [
        Fault("periods", f"{line} {period} is no line and period of the plan", "Take it out")
        for line, period in sorted(set(cells) - set(meant))
    ]
    faults += [
        Fault("periods", f"{line} {period} is missing", "Give every line in every period")
        for line, period in meant
        if (line, period) not in cells
    ]
    if len(cells) < len(result.periods):
        faults.append(Fault("periods", "has a line and period twice", "Give each once"))
    if faults:
        raise PlanError(faults)
    return np.array([cells[cell] for cell in meant], float)


def check_claim(
    claim: Claim, scenario: Plan | None = None, *, named: str = "", lang: str = "en"
) -> Verification:
    """Check a claim from outside.

    Args:
        claim: What a result says.
        scenario: The question that was meant; None: it is not compared.
        named: What the scenario is called.
        lang: Language of the sentences.
    """
    plan, voice = claim.plan, Voice(claim.plan, lang)
    proof = claim.proof if claim.files is None else _on_all_rows(plan, claim.proof)
    own = _own_best(plan, claim.spend)
    verdict = verify(plan, claim.spend, value=claim.value, bound=claim.bound, proof=proof, own=own)
    bound = None if math.isinf(verdict.bound) and verdict.bound > 0 else verdict.bound
    if bound is not None:
        bound = max(bound, verdict.value)
    gap = None if bound is None else relative_gap(verdict.value, bound)
    value = voice.worth(verdict.value)
    checks = (
        Check(
            "rules",
            not verdict.broken,
            say("check.rules", lang, count=len(plan.lines), spent=voice.cash(claim.spend.sum())),
            verdict.broken,
        ),
        Check(
            "value",
            not verdict.untrue,
            say("check.value", lang, value=voice.amount(value)),
            verdict.untrue,
        ),
        _bound(claim, verdict, bound, gap, voice),
        _figures(claim, lang),
        _input(claim, lang),
        *_table(claim, lang),
        _scenario(claim, scenario, named, lang),
    )
    worth = None if bound is None else voice.worth(bound)
    return Verification(plan, verdict, value, worth, gap, checks, _true_input(claim))


def _own_best(plan: Plan, spend: Floats) -> list[Own] | None:
    """For regret the best plan of every draw, searched anew, with what proves it.

    None where curves bend upwards: no plane is above them all.
    """
    if not isinstance(plan.risk, Regret) or len(spend) != compile_plan(plan).n_cells:
        return None
    worlds, problem = Worlds.of(plan), compile_plan(plan)
    if not concave_in_all(worlds):
        return None
    one, nothing = np.ones(1), np.zeros(1)
    found = []
    for s in range(worlds.n):
        own = worlds.only(np.array([s]))
        alone = Weighting(one, nothing, 0.0, nothing)
        try:
            answer = hedge(problem, own, alone, Options(_OWN), (spend,))
        except SolverFailed:  # what this draw could bring stays open, and is told as such
            found.append(Own(spend, None))
            continue
        cells, proof = answer.solution.spend, answer.solution.proof
        planes = [
            {"share": share, "weights": weights, "at": at} for share, weights, at in answer.planes
        ]
        best = spend if cells is None else cells[: problem.n_cells]
        found.append(Own(best, None if proof is None else {**proof, "planes": planes}))
    return found


def _on_all_rows(plan: Plan, proof: Proof | None) -> Proof | None:
    """A proof over partitions knows the rules only: what says that a line is on has no price."""
    prices = None if proof is None else proof.get("prices")
    if not isinstance(prices, list):
        return proof
    missing = len(compile_plan(plan).rows) - len(prices)
    return {**proof, "prices": [*prices, *[0.0] * missing]} if proof else proof


def _bound(
    claim: Claim, verdict: Verdict, bound: float | None, gap: float | None, voice: Voice
) -> Check:
    faults = list(verdict.unproven)
    if claim.status is Status.OPTIMAL:
        if claim.bound is None:
            faults.append("it is said to be optimal, but no bound is claimed")
        elif relative_gap(claim.value, claim.bound) > claim.gap * (1 + _SAME):
            stated = relative_gap(claim.value, claim.bound)
            faults.append(f"it is said to be optimal within {claim.gap:g}, but is {stated:.2g} off")
    if claim.bound is None:
        return Check(
            "bound", None if not faults else False, voice.say("check.no_bound"), tuple(faults)
        )
    key = "check.least" if claim.plan.objective.kind == "lowest_spend" else "check.bound"
    shown = voice.amount(voice.worth(claim.bound if bound is None else bound))
    close = "–" if gap is None else line_items.gap_in_words(gap, voice)
    parts = len(claim.written["proof"] or ())
    says = voice.say(key, bound=shown, gap=close, parts=parts)
    return Check("bound", not faults, says, tuple(faults))


def _figures(claim: Claim, lang: str) -> Check:
    """The other figures, worked out anew."""
    problem = compile_plan(claim.plan)
    allocation = Allocation(
        plan=claim.plan,
        problem=problem,
        spend=claim.spend,
        objective=claim.value,
        status=claim.status,
        bound=claim.bound,
        options=Options(claim.gap),
        hedge=None if claim.plan.risk is None else given(claim.plan, problem, claim.spend).hedge,
    )
    with np.errstate(all="ignore"):
        if isinstance(claim.plan.lines, LineTable):
            true = line_items.lines_answer(allocation)
        else:
            true = figures(allocation)
            lines = claim.written["lines"]
            order = {line["line"]: position for position, line in enumerate(lines)}
            true["lines"] = sorted(
                true["lines"], key=lambda line: order.get(line["line"], len(order))
            )
    for key in ("solver", "seconds", "provenance", "plan", "proof"):  # nobody can tell
        true.pop(key, None)
    faults = list(_differences(true, claim.written, ""))
    if len(faults) > _TOLD:
        faults = [*faults[:_TOLD], f"{len(faults) - _TOLD:,} more figures likewise"]
    return Check("figures", not faults, say("check.figures", lang), tuple(faults))


def _differences(true: Any, written: Any, path: str) -> Iterator[str]:
    """Where what is written differs from what is true; keys that are only written do not count."""
    if isinstance(true, dict):
        for key, item in true.items():
            found = written.get(key) if isinstance(written, dict) else None
            yield from _differences(item, found, f"{path}.{key}" if path else key)
    elif isinstance(true, list) and isinstance(written, list) and len(true) == len(written):
        for position, (item, found) in enumerate(zip(true, written, strict=True)):
            place = item.get("line", position) if isinstance(item, dict) else position
            yield from _differences(item, found, f"{path}.{place}")
    elif not _alike(true, written):
        yield f"{path} is {_short(true)}, not {_short(written)}"


def _alike(true: Any, written: Any) -> bool:
    numbers = [v for v in (true, written) if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) == 2:
        if isinstance(written, int) and abs(written) > sys.float_info.max:
            return False  # JSON writes whole numbers beyond all others
        return math.isclose(true, written, rel_tol=_SAME, abs_tol=1e-9)
    return type(true) is type(written) and bool(true == written)


def _short(value: object) -> str:
    return f"{value:,.10g}" if isinstance(value, float) else in_short(value)


def _true_input(claim: Claim) -> str:
    """The fingerprint of the question; a plan by partitions goes by its files."""
    if claim.files is None:
        return fingerprint(claim.plan)
    return parts_fingerprint(claim.plan, claim.files)


def _input(claim: Claim, lang: str) -> Check:
    if _true_input(claim) == claim.fingerprint:
        return Check("input", holds=True, says=say("check.input", lang))
    fault = "the plan in the file is not the one that its fingerprint (provenance.input) is of"
    return Check("input", holds=False, says=say("check.input", lang), faults=(fault,))


def _table(claim: Claim, lang: str) -> Iterator[Check]:
    """Whether the table is the one that was solved, column by column."""
    lines = claim.plan.lines
    if not isinstance(lines, LineTable):
        return
    says = say("check.table", lang)
    if claim.table is None:
        yield Check("table", None, says)
        return
    here, there = lines.digests, dict(claim.table)
    columns = [title for title in here | there if here.get(title) != there.get(title)]
    faults = [f"the column {title} is another than when this was solved" for title in columns]
    if len(faults) > _TOLD:
        faults = [*faults[:_TOLD], f"{len(faults) - _TOLD} more columns likewise"]
    yield Check("table", not faults, says, tuple(faults))


def _scenario(claim: Claim, scenario: Plan | None, named: str, lang: str) -> Check:
    if isinstance(claim.plan.lines, LineTable):
        rules = ", ".join(dict.fromkeys([BUDGET, *(rule.name for rule in claim.plan.rules)]))
        return Check("scenario", None, say("check.stated_rules", lang, rules=rules))
    if scenario is None:
        return Check("scenario", None, say("check.no_scenario", lang))
    says = say("check.scenario", lang, scenario=named)
    if fingerprint(scenario) == fingerprint(claim.plan):
        return Check("scenario", holds=True, says=says)
    true, written = plain(to_document(scenario)), plain(to_document(claim.plan))
    faults = [f"in the scenario {text}" for text in _differences(true, written, "")]
    extra = [f"only in the result: {text}" for text in _only(true, written, "")]
    faults = [*extra, *faults] or ["its lines or rules stand in another order"]
    return Check("scenario", holds=False, says=says, faults=tuple(faults[:_TOLD]))


def _only(true: Any, written: Any, path: str) -> Iterator[str]:
    """What only *written* has."""
    if isinstance(true, dict) and isinstance(written, dict):
        for key, item in written.items():
            place = f"{path}.{key}" if path else key
            if key not in true:
                yield f"{place} {_short(item)}"
            else:
                yield from _only(true[key], item, place)
