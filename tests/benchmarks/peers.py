"""What others would do with the same plan: local and global search, and a linear programme.

The strongest that proves anything, a mixed-integer model refined on HiGHS, is
:func:`tests.solvers.milp.refined`: the tests use it as an oracle too.
"""

import contextlib
import time

import numpy as np
import pulp
from scipy import sparse
from scipy.optimize import LinearConstraint, differential_evolution, linprog, minimize, shgo

from optimizer.plan.flows import STOCK


def constraints(problem, unit):
    rows = problem.rows
    size = np.maximum(abs(rows.spend).sum(axis=1), 1e-300)
    return LinearConstraint(
        rows.spend.toarray() / size[:, None], rows.lower / size / unit, rows.upper / size / unit
    )


def slsqp(problem, start=None):
    """One start, equal money by default, with exact gradients, everything scaled to about one."""
    unit = problem.grid.budget
    start = np.full(problem.n_columns, unit / problem.n_columns) if start is None else start
    scale = max(abs(problem.value(start)), 1e-300)
    result = minimize(
        lambda x: -problem.value(np.maximum(x, 0) * unit) / scale,
        start / unit,
        jac=lambda x: (
            -(problem.weights * problem.slopes(np.maximum(x, 1e-12) * unit) - problem.price)
            * unit
            / scale
        ),
        method="SLSQP",
        bounds=list(zip(problem.lower / unit, problem.upper / unit, strict=True)),
        constraints=[constraints(problem, unit)],
        options={"maxiter": 500, "ftol": 1e-9},
    )
    return _kept(problem, result.x * unit)


def slsqp_over_time(problem, seconds=120.0):
    """One start over periods in money alone, with exact gradients through all stocks.

    SLSQP has no clock: after *seconds* the best plan so far counts.
    """
    n, rows, unit = problem.n_cells, problem.rows, problem.grid.budget / problem.n_cells
    start = np.ones(n)
    scale = abs(problem.value(problem.lift(start * unit)))
    own = np.flatnonzero([rule != STOCK for rule in rows.rule])
    matrix = rows.spend[own][:, :n].toarray()
    size = abs(matrix).sum(axis=1)
    best, began = start, time.perf_counter()

    def value(x):
        return -problem.value(problem.lift(np.maximum(x, 0.0) * unit)) / scale

    def slope(x):
        columns = problem.lift(np.maximum(x, 1e-9) * unit)
        return -problem.gains(columns, problem.weights, -problem.price) * unit / scale

    def kept(x):
        nonlocal best
        best = x.copy()
        if time.perf_counter() - began > seconds:
            raise StopIteration

    limits = LinearConstraint(
        matrix / size[:, None], rows.lower[own] / size / unit, rows.upper[own] / size / unit
    )
    bounds = list(zip(problem.lower[:n] / unit, problem.upper[:n] / unit, strict=True))
    with contextlib.suppress(StopIteration):
        found = minimize(
            value,
            start,
            jac=slope,
            method="SLSQP",
            bounds=bounds,
            constraints=[limits],
            callback=kept,
            options={"maxiter": 1000, "ftol": 1e-9},
        )
        best = found.x
    return _kept(problem, problem.lift(np.clip(best, 0.0, None) * unit))


def slsqp_starts(problem, count, seed):
    """The best of many random starts."""
    rng = np.random.default_rng(seed)
    starts = rng.dirichlet(np.full(problem.n_columns, 0.5), count) * problem.grid.budget
    return max(slsqp(problem, start) for start in starts)


def evolution(problem, seed):
    """SciPy's differential evolution with its polish, on the same constraints."""
    unit = problem.grid.budget
    result = differential_evolution(
        lambda x: -problem.value(np.maximum(x, 0) * unit),
        list(zip(problem.lower / unit, np.minimum(problem.upper / unit, 1.0), strict=True)),
        constraints=[constraints(problem, unit)],
        seed=seed,
        maxiter=200,
    )
    return _kept(problem, result.x * unit)


def simplicial(problem):
    """SciPy's SHGO."""
    unit = problem.grid.budget
    result = shgo(
        lambda x: -problem.value(np.maximum(x, 0) * unit),
        list(zip(problem.lower / unit, np.minimum(problem.upper / unit, 1.0), strict=True)),
        constraints=[constraints(problem, unit)],
        n=64,
    )
    return -np.inf if result.x is None else _kept(problem, result.x * unit)


def tangent_programme(problem, tangents):
    """A concave plan as a plain linear programme in PuLP, solved by HiGHS: (value, bound).

    Every outcome lies below so many tangents of its curve, fifty times as close at no spend as at
    the most: of five ways to place them the one that needed fewest. All rules as written; no cut,
    no start, nothing re-used.
    """
    curves, rows, n = problem.curves, problem.rows, problem.n_columns
    model = pulp.LpProblem("plan", pulp.LpMaximize)
    x = [
        pulp.LpVariable(f"x{i}", low, high)
        for i, (low, high) in enumerate(zip(problem.lower, problem.upper, strict=True))
    ]
    t = [pulp.LpVariable(f"t{i}", 0) for i in range(n)]
    worth = pulp.lpSum(w * outcome for w, outcome in zip(problem.weights, t, strict=True))
    model += worth - pulp.lpDot(problem.price.tolist(), x)
    for share in np.linspace(0, 1, tangents):
        place = problem.lower + (problem.upper - problem.lower) * (51**share - 1) / 50
        exposure = problem.exposure * place
        value, slope = curves.outcome(exposure), problem.exposure * curves.slope(exposure)
        for i in range(n):
            model += t[i] <= value[i] + slope[i] * (x[i] - place[i])
    for r, (low, high) in enumerate(zip(rows.lower, rows.upper, strict=True)):
        part = slice(rows.spend.indptr[r], rows.spend.indptr[r + 1])
        terms = zip(rows.spend.indices[part], rows.spend.data[part], strict=True)
        left = pulp.lpSum(weight * x[line] for line, weight in terms)
        if np.isfinite(low):
            model += left >= low
        if np.isfinite(high):
            model += left <= high
    model.solve(pulp.HiGHS(msg=False))
    spend = np.clip([variable.value() for variable in x], problem.lower, problem.upper)
    return problem.value(spend), pulp.value(model.objective)


def _kept(problem, spend):
    """The value where the rules are kept to a millionth, else none."""
    spend = np.clip(spend, problem.lower, problem.upper)
    return problem.value(spend) if problem.feasible(spend, 1e-6) else -np.inf


def giant_programme(worlds, level, gap, seconds):
    """CVaR as one linear programme of Rockafellar and Uryasev, to a gap or until time is up.

    Every world has a column and rows of its own: planes on its value, one a round at the last
    plan. Returns value, bound and rounds.
    """
    problem, p = worlds.problem, worlds.weight
    n, count, unit = problem.n_cells, worlds.n, 1.0
    rows = problem.rows
    kept = [i for i in range(len(rows)) if not rows.definition[i]]
    rules = rows.spend[kept].tocsc()[:, :n].toarray()
    low, high = rows.lower[kept], rows.upper[kept]
    signed = np.vstack([rules[np.isfinite(high)], -rules[np.isfinite(low)]])
    limits = np.concatenate([high[np.isfinite(high)], -low[np.isfinite(low)]])
    size = abs(signed).max(axis=1)
    blocks = [sparse.hstack([sparse.csr_array(signed / size[:, None]),
                             sparse.csr_array((len(size), 1 + count))])]  # fmt: skip
    right = [limits / size / problem.money]
    cost = np.concatenate([np.zeros(n), [-1.0], p / (1 - level)])
    bounds = [(a / problem.money, b / problem.money)
              for a, b in zip(problem.lower[:n], problem.upper[:n], strict=True)]  # fmt: skip
    bounds += [(None, None), *[(0, None)] * count]
    cells, best, bound, start = np.full(n, problem.grid.budget / n), -np.inf, np.inf, time.time()
    for turn in range(1, 1000):
        at = np.maximum(cells, 1e-6 * problem.money)
        values, slopes = worlds.values(at), worlds.gradients(at)
        unit = abs(values).max() if turn == 1 else unit
        planes = [sparse.csr_array(-slopes * problem.money / unit), np.ones((count, 1))]
        blocks.append(sparse.hstack([*planes, -sparse.eye_array(count)]))
        right.append((values - slopes @ at) / unit)
        matrix = sparse.vstack(blocks).tocsr()
        left = max(seconds - (time.time() - start), 1.0)
        found = linprog(cost, matrix, np.concatenate(right), bounds=bounds,
                        options={"time_limit": left})  # fmt: skip
        if found.status != 0:
            break
        cells, bound = found.x[:n] * problem.money, -found.fun * unit
        there = worlds.values(cells)
        eta = np.sort(there)
        short = np.maximum(eta[:, None] - there, 0.0) @ p
        best = max(best, float((eta - short / (1 - level)).max()))
        if bound - best <= gap * abs(bound) or time.time() - start > seconds:
            break
    return best, bound, turn
