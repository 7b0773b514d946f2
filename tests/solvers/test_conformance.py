"""Every solver keeps its word on every case it takes: what it finds is feasible and proven, what it
rules out does not exist, and where two take the same case neither denies the other.

Which solver takes which case is read off its ``abilities`` and the problem's ``needs``.
"""

import itertools
import os

import pytest

from optimizer.certificate import verify
from optimizer.plan.constraints import CONSTRAINTS
from optimizer.plan.curves import CURVES
from optimizer.problem import Need, compile_plan
from optimizer.solvers import LARGE, SOLVERS, solve
from optimizer.solvers.solution import Options, Status
from tests.solvers.families import cases

# Another seed looks for new faults; the suite stays with one.
CASES = cases(int(os.environ.get("CONFORMANCE_SEED", "0")))
OPTIONS = Options(gap=1e-4, time_limit=10.0)
EVERY = (*SOLVERS, LARGE)
# Two proven bounds are computed along different ways: their last digits differ.
SAME = 1e-9


def asked(problem, options):
    """The answer of each solver able to, by its name; first that of the one chosen among them."""
    chosen = solve(problem, options)
    found = {chosen.solver: chosen}
    for solver in EVERY:
        if problem.needs <= solver.abilities and solver.name not in found:
            found[solver.name] = solver.solve(problem, options, None)
    return found


def conforms(plan, solution):
    """The obligations of :mod:`optimizer.solvers.solution`, checked from outside."""
    problem = compile_plan(plan)
    if solution.status in {Status.INFEASIBLE, Status.UNBOUNDED}:
        assert solution.spend is None
        return
    if solution.status is Status.STOPPED:
        assert solution.reason
    if solution.spend is None:
        assert solution.status is Status.STOPPED
        return
    assert problem.feasible(solution.spend)
    assert solution.value == problem.value(solution.spend)
    assert solution.value <= solution.bound
    assert (solution.status is Status.OPTIMAL) == (solution.gap <= OPTIONS.gap)
    verdict = verify(
        plan,
        solution.spend,
        value=solution.value,
        bound=solution.bound,
        proof=solution.proof,
    )
    assert verdict.holds, verdict.faults


def agree(one, other):
    """No plan that one found is denied by the other: neither its existence nor its value."""
    if one.spend is None:
        return
    assert other.status is not Status.INFEASIBLE
    assert one.value <= other.bound + SAME * max(abs(one.value), abs(other.bound))


def answers(plan, options=OPTIONS):
    """Every answer to a plan, each checked by itself and against all others; the choice first."""
    found = asked(compile_plan(plan), options)
    for name, solution in found.items():
        try:
            conforms(plan, solution)
        except AssertionError as error:
            error.add_note(f"by {name}: {solution.status}, {solution.reason}")
            raise
    for (name, one), (rival, other) in itertools.permutations(found.items(), 2):
        try:
            agree(one, other)
        except AssertionError as error:
            error.add_note(f"{name} finds {one.value}, {rival} proves {other.bound}")
            raise
    return list(found.values())


@pytest.mark.parametrize("name", CASES)
def test_every_solver_keeps_its_word(name):
    case = CASES[name]
    best = answers(case.plan)[0]
    if case.feasible is not None:
        assert best.status is (Status.OPTIMAL if case.feasible else Status.INFEASIBLE)


def test_the_cases_ask_for_everything():
    plans = [case.plan for case in CASES.values()]
    assert {type(line.curve) for plan in plans for line in plan.lines} == set(CURVES)
    assert {type(rule) for plan in plans for rule in plan.rules} == set(CONSTRAINTS)
    needs = [compile_plan(plan).needs for plan in plans]
    assert frozenset.union(*needs) == frozenset(Need)
    for solver in EVERY:
        assert sum(need <= solver.abilities for need in needs) > 20, solver.name
