"""What happens when the search is cut short, or there is nothing to find."""

import os
import signal
import threading

import numpy as np
import pytest
from highspy import HighsModelStatus

from optimizer.certificate import verify
from optimizer.compiling import compile_plan
from optimizer.errors import Infeasible, NoSolver, SolverFailed
from optimizer.plan.constraints import ActiveLines, SpendAll, Split
from optimizer.plan.curves import Hill, Linear
from optimizer.plan.objectives import Revenue
from optimizer.plan.plan import Line, Plan
from optimizer.problem import Need
from optimizer.solvers import SOLVERS, solve
from optimizer.solvers.branching import Branching
from optimizer.solvers.linear import LinearPart
from optimizer.solvers.solution import Options, Status
from optimizer.solving import optimize


def hard_plan(n=40, seed=7):
    """S-curves under a cardinality rule: far from proven within a tenth of a second."""
    rng = np.random.default_rng(seed)
    lines = tuple(
        Line(
            f"c{i}",
            Hill(
                float(rng.uniform(50, 150)), float(rng.uniform(50, 150)), float(rng.uniform(2, 6))
            ),
            role="brand" if i % 2 else "traffic",
            value=1.0,
            current=10.0,
        )
        for i in range(n)
    )
    rules = (Split("5:5"), ActiveLines(at_most=n // 3))
    return Plan("hard", lines, 12.0 * n, objective=Revenue(), constraints=rules)


def test_a_search_out_of_time_still_gives_a_plan_and_an_honest_gap():
    best = optimize(hard_plan(), gap=1e-9, time_limit=0.15)
    full = optimize(hard_plan(), gap=1e-3)
    assert best.status is Status.STOPPED
    assert best.gap > 1e-9
    assert best.is_feasible
    assert best.bound >= full.objective
    assert best.objective >= best.today.objective


def test_an_interrupt_gives_the_best_plan_so_far():
    plan, main = hard_plan(60), threading.main_thread()
    timer = threading.Timer(0.6, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    try:
        best = optimize(plan, gap=1e-12)
    finally:
        timer.cancel()
    assert main is threading.current_thread()
    assert best.status is Status.STOPPED
    assert best.reason == "interrupted"
    assert best.is_feasible


def test_progress_is_told_as_the_bound_falls():
    told = []
    optimize(hard_plan(), gap=1e-4, time_limit=1, progress=lambda *facts: told.append(facts))
    bounds = [bound for _, _, bound in told]
    assert len(bounds) > 2
    assert bounds == sorted(bounds, reverse=True)


def test_no_money_and_no_choice():
    line = Line("a", Hill(10.0, 5.0, 2.0), value=1.0)
    assert optimize(Plan("no money", (line,), 0.0)).spend.tolist() == [0.0]
    locked = Line("a", Hill(10.0, 5.0, 2.0), value=1.0, locked=4.0)
    assert optimize(Plan("no choice", (locked,), 10.0)).spend.tolist() == [4.0]


def test_more_minimum_than_budget_is_infeasible():
    lines = tuple(Line(f"a{i}", Linear(1.0), minimum=60.0, value=1.0) for i in range(2))
    with pytest.raises(Infeasible):
        optimize(Plan("too much", lines, 100.0))


def test_more_budget_than_the_maxima_can_take_is_infeasible():
    lines = tuple(Line(f"a{i}", Linear(1.0), maximum=40.0, value=1.0) for i in range(2))
    with pytest.raises(Infeasible):
        optimize(Plan("too little room", lines, 100.0, constraints=(SpendAll(),)))


def test_each_solver_says_what_it_lacks(monkeypatch):
    problem = compile_plan(hard_plan(4))
    assert problem.needs >= {Need.NONCONCAVE, Need.SWITCHES}
    monkeypatch.setattr("optimizer.solvers.SOLVERS", SOLVERS[:2])
    with pytest.raises(NoSolver, match=r"linear.*cannot do.*tangents.*cannot do"):
        solve(problem, Options())


def test_a_search_that_finds_no_plan_says_so_and_invents_none(monkeypatch):
    monkeypatch.setattr("optimizer.solvers.tangents.Incumbent.offer", lambda *_: False)
    plan = hard_plan()
    lines = tuple(Line(x.channel, x.curve, role=x.role, value=1.0) for x in plan.lines)
    rules = (*plan.constraints, SpendAll())
    with pytest.raises(SolverFailed, match="no plan was found"):
        optimize(Plan("hurry", lines, plan.budget, constraints=rules), time_limit=0.0)


@pytest.mark.parametrize("fails", [2, 3, 7, 20, 41])
def test_a_box_that_the_backend_cannot_solve_stays_in_the_bound(fails, monkeypatch):
    whole, calls = LinearPart.solve, []

    def sometimes(part, **options):
        calls.append(1)
        if len(calls) >= fails and len(calls) % 5 == fails % 5:
            raise SolverFailed("HiGHS ended with 'Solve error'")
        return whole(part, **options)

    plan = hard_plan(12)
    best = optimize(plan, gap=1e-6)
    monkeypatch.setattr(LinearPart, "solve", sometimes)
    problem = compile_plan(plan)
    found = Branching().solve(problem, Options(gap=1e-6), problem.lift(np.full(12, 4.0)))
    assert found.bound >= best.objective
    assert found.status is Status.STOPPED or found.value >= (1 - 1e-6) * best.objective
    verdict = verify(plan, found.spend, value=found.value, bound=found.bound, proof=found.proof)
    assert verdict.holds, verdict.faults


def test_the_backend_is_asked_again_where_it_loses_its_way(monkeypatch):
    class Lost:
        """HiGHS, which now and then ends without having found anything."""

        def __init__(self, highs):
            self.highs, self.runs = highs, 0

        def __getattr__(self, name):
            return getattr(self.highs, name)

        def run(self):
            self.runs += 1
            return self.highs.run()

        def getModelStatus(self):  # noqa: N802 - HiGHS's name
            lost = self.runs % 7 in {4, 5}
            return HighsModelStatus.kSolveError if lost else self.highs.getModelStatus()

    load = LinearPart._load

    def loaded(part, pulp):
        load(part, pulp)
        part._highs = Lost(part._highs)

    best = optimize(hard_plan(12), gap=1e-6)
    monkeypatch.setattr(LinearPart, "_load", loaded)
    again = optimize(hard_plan(12), gap=1e-6)
    assert again.status is Status.OPTIMAL
    assert again.objective == pytest.approx(best.objective, rel=2e-6)
