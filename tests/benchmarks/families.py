"""Seeded plans to measure on; the same for adsplit and for every peer."""

import numpy as np
from scipy import sparse

from optimizer.plan.carryover import Geometric
from optimizer.plan.constraints import Pacing, Spend, Split
from optimizer.plan.curves import Elasticity, Exponential, Hill, Log, Power
from optimizer.plan.grid import Grid, Unit
from optimizer.plan.objectives import Revenue
from optimizer.plan.periods import Periods
from optimizer.plan.plan import Line, Plan
from optimizer.plan.risk import CVaR
from optimizer.plan.uncertainty import Range, Uncertainty
from optimizer.problem import CurveTable, Problem, Rows


def s_curves(n, seed=0, *, caps=False):
    """Hill curves of steepness 1.5 to 3.5 under a split, money for 20 to 40 % of their halves."""
    rng = np.random.default_rng([n, seed])
    lines = tuple(
        Line(
            f"c{i // 2}",
            Hill(
                float(rng.uniform(50, 150)),
                float(rng.uniform(50, 150)),
                float(rng.uniform(1.5, 3.5)),
            ),
            role="brand" if i % 2 else "traffic",
            value=1.0,
        )
        for i in range(n)
    )
    budget = float(rng.uniform(0.2, 0.4)) * sum(line.curve.half for line in lines)
    rules = (
        tuple(Spend(f"c{c}", at_most="60%", name=f"cap {c}") for c in range(n // 2)) if caps else ()
    )
    return Plan("s-curves", lines, budget, "b2c", objective=Revenue(), constraints=rules)


def concave(n, seed=0):
    """Concave curves of three kinds under a split, and a cap on every channel."""
    rng = np.random.default_rng([n, seed])
    kinds = (Log, Exponential, lambda most, half: Hill(most, half, 1.0))
    lines = tuple(
        Line(
            f"c{i // 2}",
            kinds[i % 3](float(rng.uniform(50, 150)), float(rng.uniform(50, 150))),
            role="brand" if i % 2 else "traffic",
            value=1.0,
        )
        for i in range(n)
    )
    caps = tuple(Spend(f"c{c}", at_most=f"{300 / n:.3g}%", name=f"cap {c}") for c in range(n // 2))
    return Plan("concave", lines, 35.0 * n, "b2b", objective=Revenue(), constraints=caps)


def uncertain(draws, n=12, months=12, seed=0):
    """Concave lines over months under a split and pacing; values and curves by draws."""
    rng = np.random.default_rng([n, months, seed])
    kinds = (
        lambda unit: Hill(float(rng.uniform(500, 4000)), unit, float(rng.uniform(0.6, 1))),
        lambda unit: Log(float(rng.uniform(200, 1000)), unit),
        lambda unit: Power(float(rng.uniform(0.5, 4)), float(rng.uniform(0.4, 0.7))),
    )
    lines = tuple(
        Line(
            f"c{i // 2}",
            kinds[i % 3](float(rng.uniform(2e4, 2e5))),
            role="brand" if i % 2 else "traffic",
            current=5e4,
            value=float(rng.uniform(50, 150)),
            carryover=Geometric(0.5 if i % 2 else 0.2),
        )
        for i in range(n)
    )
    numbers = {
        "channels.*.*.value": Range((0.6, 1.6), times=True),
        "channels.*.*.curve.half": Range((0.7, 1.5), times=True),
    }
    split = Split({"brand": 0.5, "traffic": 0.5}, tolerance=0.05)
    return Plan(
        "uncertain",
        lines,
        5e4 * n * months,
        "none",
        periods=Periods(start="2027-01", count=months),
        constraints=(split, Pacing(max_change=0.25)),
        uncertainty=Uncertainty(numbers, draws=draws),
        risk=CVaR(0.9),
    )


def line_items(n, seed=0):
    """A problem of *n* lines with four kinds of curve, a budget and a split, made as arrays."""
    rng = np.random.default_rng([n, seed])
    kind, families, bend = rng.integers(4, size=n), [], np.zeros(n)
    for code, curve in enumerate((Log, Exponential, Hill, Elasticity)):
        index = np.flatnonzero(kind == code)
        m = len(index)
        values = {
            Log: (rng.uniform(20, 80, m), rng.uniform(20, 100, m)),
            Exponential: (rng.uniform(50, 150, m), rng.uniform(30, 100, m)),
            Hill: (rng.uniform(50, 150, m), rng.uniform(50, 150, m), rng.uniform(0.7, 3.5, m)),
            Elasticity: (rng.uniform(20, 90, m), rng.uniform(0.8, 3, m), rng.uniform(0.3, 0.7, m)),
        }[curve]
        families.append((curve, index, values))
        bend[index] = curve.bend(*values)
    no, one, text = np.zeros(n, bool), np.ones(n), np.full(n, "", dtype=np.str_)
    curves = CurveTable(n, tuple(families), (), bend, no, no)
    high, budget = np.full(n, 500.0), 25.0 * n
    matrix = sparse.csr_array(np.vstack([one, (rng.integers(2, size=n) == 0) - 0.4]))
    rows = Rows(
        rule=("budget", "split"),
        part=("", ""),
        unit=(Unit.MONEY, Unit.MONEY),
        definition=np.zeros(2, bool),
        lower=np.array([-np.inf, 0.0]),
        upper=np.array([budget, 0.0]),
        penalty=np.full(2, np.nan),
        spend=matrix,
        outcomes=sparse.csr_array((2, n)),
        switches=sparse.csr_array((2, 0)),
    )
    grid = Grid(
        names=text,
        channel=text,
        role=text,
        tags={},
        stage=text,
        minimum=np.zeros(n),
        maximum=high,
        minimum_if_active=np.zeros(n),
        current=np.full(n, np.nan),
        value=one,
        budget=budget,
        stages={},
    )
    return Problem(grid, curves, one, np.zeros(n), one, np.zeros(n), high, rows, (), np.zeros(n))


def input_bytes(problem):
    """Memory of the arrays that state a problem of line items, each counted once."""
    curves, spend = problem.curves, problem.rows.spend
    arrays = [problem.weights, problem.exposure, problem.lower, problem.upper, problem.floor]
    arrays += [curves.inflection, curves.linear, curves.piecewise]
    arrays += [spend.data, spend.indices, spend.indptr]
    for _, positions, parameters in curves.families:
        arrays += [positions, *parameters]
    return sum({id(array): array.nbytes for array in arrays}.values())


def over_time(n_lines, n_periods, seed=0, *, every="week", s_shaped=False):
    """Lines with carry-over and a split over periods; Hill curves, concave or S-shaped."""
    rng = np.random.default_rng(seed)
    steep = (1.5, 3.5) if s_shaped else (0.7, 1.0)
    lines = tuple(
        Line(
            f"c{number // 2}",
            Hill(*(float(rng.uniform(*ends)) for ends in ((50, 150), (50, 150), steep))),
            role="brand" if number % 2 else "traffic",
            value=1.0,
            before=0.0,
            carryover=Geometric(retention=float(rng.uniform(0.2, 0.7))),
        )
        for number in range(n_lines)
    )
    budget = float(rng.uniform(0.2, 0.4)) * sum(line.curve.half for line in lines) * n_periods
    first = "2027-W01" if every == "week" else "2027-01"
    periods = Periods(first, n_periods, every)
    return Plan("over time", lines, budget, "b2c", objective=Revenue(), periods=periods)
