"""Public packages on the same plans: S-curves of the kind Hill, with rules on sums of spend.

They are no part of adsplit's environment: ``make bench-peers`` installs them into one of their own.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import nlopt
import numpy as np
import pyscipopt

from optimizer.plan.curves import Hill


@dataclass
class Answer:
    """What a peer gives: the value of a plan that keeps the rules, and what it proves."""

    value: float
    bound: float
    seconds: float
    """Of the processor, so that other work on the machine does not count."""


def _answer(problem, spend, bound, start):
    seconds = time.process_time() - start
    spend = np.clip(spend, problem.lower, problem.upper)
    value = problem.value(spend) if problem.feasible(spend, 1e-6) else -np.inf
    return Answer(value, bound, seconds)


def _rows(problem, unit):
    """The rules as (weights, lower, upper) on spend in *unit*."""
    rows = problem.rows
    for weights, low, high in zip(rows.spend.toarray(), rows.lower, rows.upper, strict=True):
        yield weights, low / unit, high / unit


def robyn(problem, seconds):
    """Robyn's allocator: nlopt's augmented Lagrangian around SLSQP, with its tolerances.

    Its start is the lower bounds; here they are nothing, where S-curves have no slope, so it
    starts from equal money. Everything is scaled to about one, which Robyn does not do.
    """
    n, unit, start = problem.n_columns, problem.grid.budget, time.process_time()
    even = np.full(n, unit / n)
    scale = problem.value(even)

    def gained(x, gradient):
        spend = np.maximum(x, 0.0) * unit
        if gradient.size:
            gradient[:] = problem.weights * problem.slopes(np.maximum(spend, 1e-12 * unit))
            gradient *= unit / scale
        return problem.value(spend) / scale

    def line(weights, limit, sign):
        def missed(x, gradient):
            if gradient.size:
                gradient[:] = sign * weights
            return float(sign * (weights @ x - limit))

        return missed

    outer, inner = nlopt.opt(nlopt.LD_AUGLAG, n), nlopt.opt(nlopt.LD_SLSQP, n)
    for optimizer in (outer, inner):
        optimizer.set_xtol_rel(1e-10)
        optimizer.set_maxeval(100_000)
        optimizer.set_maxtime(seconds)
    outer.set_local_optimizer(inner)
    outer.set_lower_bounds(problem.lower / unit)
    outer.set_upper_bounds(problem.upper / unit)
    outer.set_max_objective(gained)
    for weights, low, high in _rows(problem, unit):
        if low == high:
            outer.add_equality_constraint(line(weights, low, 1.0), 1e-8)
        elif np.isfinite(high):
            outer.add_inequality_constraint(line(weights, high, 1.0), 1e-8)
        elif np.isfinite(low):
            outer.add_inequality_constraint(line(weights, low, -1.0), 1e-8)
    try:
        spend = outer.optimize(even / unit) * unit
    except (RuntimeError, nlopt.RoundoffLimited):
        spend = np.full(n, np.nan)
    return _answer(problem, spend, np.inf, start)


def scip(problem, gap, seconds):
    """SCIP's spatial branch and bound, to *gap*: outcome ≤ ceiling − ceiling / (1 + (x/half)^s)."""
    n, start = problem.n_columns, time.process_time()
    unit = problem.grid.budget / n
    ((kind, index, (ceiling, half, steepness)),) = problem.curves.families
    assert kind is Hill
    assert np.array_equal(index, np.arange(n))
    model = pyscipopt.Model()
    model.hideOutput()
    model.setParam("limits/gap", gap)
    model.setParam("limits/time", seconds)
    scale = float(ceiling.mean())
    x = [
        model.addVar(lb=low, ub=high)
        for low, high in zip(problem.lower / unit, problem.upper / unit, strict=True)
    ]
    t = [model.addVar(lb=0.0, ub=float(c) / scale) for c in ceiling]
    for k in range(n):
        size, ratio = float(ceiling[k]) / scale, unit / float(half[k])
        model.addCons(t[k] <= size - size * (1 + (ratio * x[k]) ** float(steepness[k])) ** -1)
    for weights, low, high in _rows(problem, unit):
        left = pyscipopt.quicksum(float(weights[k]) * x[k] for k in np.flatnonzero(weights))
        if np.isfinite(low):
            model.addCons(left >= float(low))
        if np.isfinite(high):
            model.addCons(left <= float(high))
    worth = problem.weights * scale
    model.setObjective(
        pyscipopt.quicksum(float(worth[k]) * t[k] for k in range(n)), sense="maximize"
    )
    model.optimize()
    spend = np.full(n, np.nan)
    if model.getNSols():
        spend = np.array([model.getVal(variable) for variable in x]) * unit
    return _answer(problem, spend, float(model.getDualbound()), start)
