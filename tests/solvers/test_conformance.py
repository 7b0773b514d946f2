"""Every solver keeps its word on every case it takes: what it finds is feasible and proven, what it
rules out does not exist, and where two take the same case neither denies the other.

Which solver takes which case is read off its ``abilities`` and the problem's ``needs``.
"""

import itertools
import os
from dataclasses import replace

import pytest
from hypothesis import given, settings

from optimizer.certificate import verify
from optimizer.compiling import compile_plan
from optimizer.errors import Infeasible
from optimizer.plan.constraints import CONSTRAINTS
from optimizer.plan.curves import CURVES
from optimizer.problem import Need
from optimizer.solvers import LARGE, SOLVERS, solve
from optimizer.solvers.solution import Options, Status
from optimizer.solving import optimize
from tests.solvers.families import cases
from tests.solvers.milp import refined
from tests.strategies import plans

# Another seed looks for new faults; the suite stays with one.
CASES = cases(int(os.environ.get("CONFORMANCE_SEED", "0")))
OPTIONS = Options(gap=1e-4, time_limit=60.0)
# What one solver is chosen for, others need not prove.
OTHERS = 5.0
# Plans over time need not be proven here, only true.
BRIEF = Options(gap=1e-3, time_limit=2.0)
EVERY = (*SOLVERS, LARGE)
# Two proven bounds are computed along different ways: their last digits differ.
SAME = 1e-9
# What the oracle's backend leaves of a rule.
KEPT = 1e-6


def asked(problem, options, start=None):
    """The answer of each solver able to, by its name; first that of the one chosen among them."""
    chosen = solve(problem, options, start)
    found = {chosen.solver: chosen}
    options = replace(options, time_limit=min(options.time_limit, OTHERS))
    for solver in EVERY:
        if problem.needs <= solver.abilities and solver.name not in found:
            found[solver.name] = solver.solve(problem, options, start)
    return found


def conforms(plan, solution):
    """The obligations of :mod:`optimizer.solvers.solution`, checked from outside."""
    problem = compile_plan(plan)
    if solution.status in {Status.INFEASIBLE, Status.UNBOUNDED}:
        assert solution.spend is None
        return
    if solution.status is Status.STOPPED:
        limit = solution.options.time_limit
        assert solution.reason
        assert (solution.reason == "time limit") <= (solution.seconds >= limit)
    if solution.spend is None:
        assert solution.status is Status.STOPPED
        return
    assert problem.feasible(solution.spend)
    assert solution.value == problem.value(solution.spend)
    assert solution.value <= solution.bound
    assert (solution.status is Status.OPTIMAL) == (solution.gap <= solution.options.gap)
    verdict = verify(
        plan,
        solution.spend[: problem.n_cells],
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


def answers(plan, options=OPTIONS, start=None):
    """Every answer to a plan, each checked by itself and against all others; the choice first."""
    found = asked(compile_plan(plan), options, start)
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
    best = answers(case.plan, OPTIONS if case.plan.periods is None else BRIEF)[0]
    if case.feasible is not None:
        assert best.status is (Status.OPTIMAL if case.feasible else Status.INFEASIBLE)


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("rules: s-")])
def test_out_of_time_at_once_a_start_is_kept_and_nothing_is_invented(name):
    plan, hurry = CASES[name].plan, Options(gap=1e-4, time_limit=0.0)
    for solution in answers(plan, hurry):
        assert solution.status is not Status.INFEASIBLE
    problem = compile_plan(plan)
    start = problem.grid.current
    if problem.feasible(start):
        for solution in answers(plan, hurry, start):
            assert solution.value >= problem.value(start)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.guilty])
def test_who_is_a_cent_short_is_told_whom_to_ask(name):
    case = CASES[name]
    with pytest.raises(Infeasible) as caught:
        optimize(case.plan)
    conflict = caught.value.conflict
    assert set(conflict.rules) == case.guilty
    assert conflict.relaxations
    assert {step.unit for step in conflict.relaxations} == {"money"}
    # Where a share gives way, a cent less of it frees its part of the whole.
    missing = sum(step.amount for step in conflict.relaxations)
    assert missing == pytest.approx(case.short, rel=0.41)


ORACLE = ("rules: s-shaped", "mixed", "scales", "ties")


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith(ORACLE)])
def test_a_mixed_integer_model_denies_nothing(name):
    """Proves: the optimum lies between our value and bound, as it does between the oracle's."""
    problem = compile_plan(CASES[name].plan)
    ours, theirs = solve(problem, OPTIONS), refined(problem, seconds=2.0)
    room = KEPT * max(abs(ours.value), abs(ours.bound))
    assert theirs.status != "infeasible"
    assert theirs.value <= ours.bound + room
    assert ours.value <= theirs.bound + room


@settings(max_examples=30)
@given(plans())
def test_every_solver_keeps_its_word_on_any_plan(plan):
    answers(plan, Options(gap=1e-4, time_limit=0.5))


def test_the_cases_ask_for_everything():
    plans = [case.plan for case in CASES.values()]
    assert {type(line.curve) for plan in plans for line in plan.lines} == set(CURVES)
    assert {type(rule) for plan in plans for rule in plan.rules} == set(CONSTRAINTS)
    needs = [compile_plan(plan).needs for plan in plans]
    # Only MANY lines have bare floors: test_prices makes fewer count as many.
    assert frozenset.union(*needs) == frozenset(Need) - {Need.BARE_FLOORS}
    for solver in EVERY:
        assert sum(need <= solver.abilities for need in needs) > 20, solver.name
