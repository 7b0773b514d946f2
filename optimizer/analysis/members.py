"""A member of a batch: the plan that is asked, and what is kept of its answer."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from optimizer import errors
from optimizer.allocation import Allocation, given
from optimizer.compiling import compile_plan
from optimizer.errors import AdsplitError, Conflict, Fault, Infeasible, PlanError, Relaxation
from optimizer.plan.plan import Plan
from optimizer.shown import Shown
from optimizer.solvers.solution import Duals, Options, Status

from .proofs import as_parts, as_tree

__all__ = ["Changed", "Failed", "record_of", "restored"]

_ROUNDED = 1e-6  # of the largest spend may be left below zero by rounding


@dataclass(frozen=True, eq=False)
class Failed(Shown):
    """A plan that has no answer, and why."""

    plan: Plan
    error: AdsplitError

    @property
    def status(self) -> str:
        """``infeasible``, or ``failed`` for any other error."""
        return "infeasible" if isinstance(self.error, Infeasible) else "failed"

    @property
    def reason(self) -> str:
        """The error in words."""
        return str(self.error)


@dataclass(frozen=True, eq=False)
class Changed:
    """A plan that is made of another where it is solved: there may be very many of them."""

    base: Plan
    changes: tuple[Callable[[Plan], Plan], ...]

    @property
    def plan(self) -> Plan:
        """The plan.

        Raises:
            AdsplitError: the changes do not fit it.
        """
        return functools.reduce(lambda plan, change: change(plan), self.changes, self.base)


def record_of(answer: Allocation | Failed) -> dict[str, Any]:
    """An answer as plain data without its plan, to be :func:`restored`."""
    if isinstance(answer, Failed):
        return {"failed": _error_record(answer.error)}
    duals, proof = answer.duals, answer.proof
    return {
        "spend": answer.spend.tolist(),
        "objective": float(answer.objective),
        "status": str(answer.status),
        "bound": None if answer.bound is None else float(answer.bound),
        "duals": None if duals is None else [duals.rows.tolist(), duals.bounds.tolist()],
        "proof": None if proof is None else as_parts(proof),
        "solver": answer.solver,
        "reason": answer.reason,
        "seconds": answer.seconds,
        "relaxed": answer.hedge is not None and answer.hedge.relaxed,
    }


def restored(
    member: Plan | Changed, record: Mapping[str, Any], options: Options
) -> Allocation | Failed:
    """The answer of a record, with every digit of its numbers.

    Raises:
        LookupError, TypeError, ValueError, AttributeError, ArithmeticError, AdsplitError: it is
            none that :func:`record_of` made.
    """
    if "failed" in record:
        base = member if isinstance(member, Plan) else member.base
        return Failed(base, _error(record["failed"]))
    plan = member if isinstance(member, Plan) else member.plan
    spend, duals, proof = np.array(record["spend"], float), record["duals"], record["proof"]
    least = -_ROUNDED * (1.0 + np.abs(spend).max(initial=0.0))
    if not np.all(np.isfinite(spend) & (spend >= least)):
        raise ValueError("money below zero or not finite")
    evaluated = given(plan, compile_plan(plan), spend)
    hedge, tree = evaluated.hedge, None if proof is None else as_tree(proof)
    if hedge is not None:
        planes = tuple(
            (one["share"], np.array(one["weights"]), np.array(one["at"]))
            for one in (tree or {}).get("planes", ())
        )
        hedge = replace(hedge, planes=planes, relaxed=record["relaxed"])
    return replace(
        evaluated,
        objective=record["objective"],
        status=Status(record["status"]),
        bound=record["bound"],
        duals=None if duals is None else Duals(*(np.array(one, float) for one in duals)),
        proof=tree,
        solver=record["solver"],
        reason=record["reason"],
        seconds=record["seconds"],
        options=options,
        hedge=hedge,
    )


def _error_record(error: AdsplitError) -> dict[str, Any]:
    match error:
        case Infeasible():
            return {"kind": "Infeasible", "text": error.message, **asdict(error.conflict)}
        case PlanError():
            return {"kind": type(error).__name__, "faults": [asdict(one) for one in error.faults]}
        case _:
            return {"kind": type(error).__name__, "text": str(error)}


def _error(record: Mapping[str, Any]) -> AdsplitError:
    kind: Any = getattr(errors, record["kind"])
    if not issubclass(kind, AdsplitError):
        raise TypeError(f"{record['kind']} is no error of adsplit")
    if "faults" in record:
        error: AdsplitError = kind([Fault(**one) for one in record["faults"]])
    elif kind is Infeasible:
        ways = tuple(Relaxation(**way) for way in record["relaxations"])
        error = Infeasible(record["text"], Conflict(tuple(record["rules"]), ways))
    else:
        error = kind(record["text"])
    return error
