"""A slow, independent search for good plans: every pattern of switches, many local starts.

It shares nothing with the solvers but the problem: SciPy's SLSQP on the true curves. It proves
nothing, but what it finds no bound may deny and no optimum may be worse than.
"""

import itertools

import numpy as np
from scipy.optimize import LinearConstraint, NonlinearConstraint, minimize

from optimizer.plan.grid import SwitchKind


def best_found(problem, starts=12, seed=0):
    """The best value that feasible local optima reach; minus infinity if none was found."""
    rng, best = np.random.default_rng(seed), -np.inf
    for pattern in itertools.product((0.0, 1.0), repeat=len(problem.switches)):
        low, high = problem.lower.copy(), problem.upper.copy()
        for switch, on in zip(problem.switches, pattern, strict=True):
            if switch.kind is SwitchKind.ON:
                low[switch.line] = max(low[switch.line], problem.floor[switch.line]) * on
                high[switch.line] *= on
        if np.any(low > high) or not _rows_allow(problem, np.array(pattern)):
            continue
        for spend in _starts(problem, low, high, rng, starts):
            found = _local(problem, low, high, np.array(pattern), spend)
            if problem.feasible(found, 1e-8):
                best = max(best, problem.value(found))
    return best


def _rows_allow(problem, switches):
    """Whether conditions on switches alone are kept."""
    rows = problem.rows
    alone = (np.diff(rows.spend.indptr) == 0) & (np.diff(rows.outcomes.indptr) == 0) & ~rows.soft
    left = rows.switches @ switches
    return bool(np.all((left >= rows.lower - 1e-9)[alone] & (left <= rows.upper + 1e-9)[alone]))


def _starts(problem, low, high, rng, count):
    budget = problem.grid.budget
    for _ in range(count):
        weights = rng.dirichlet(np.full(problem.n_columns, 0.5))
        yield np.clip(low + weights * budget * rng.uniform(0.2, 1), low, high)


def _local(problem, low, high, switches, spend):
    rows, unit = problem.rows, max(float(problem.upper.max()), 1e-300)
    fixed = rows.switches @ switches
    hard = ~rows.soft
    size = np.maximum(abs(rows.spend).sum(axis=1) * unit, 1e-12)
    on_outcomes = np.diff(rows.outcomes.indptr) > 0
    conditions = []
    plain = hard & ~on_outcomes & (np.diff(rows.spend.indptr) > 0)
    if plain.any():
        conditions.append(
            LinearConstraint(
                (rows.spend[plain] * unit).toarray() / size[plain, None],
                (rows.lower - fixed)[plain] / size[plain],
                (rows.upper - fixed)[plain] / size[plain],
            )
        )
    curved = hard & on_outcomes
    if curved.any():
        conditions.append(
            NonlinearConstraint(
                lambda x: (rows.outcomes @ problem.outcomes(x * unit))[curved] / rows.lower[curved],
                np.ones(curved.sum()),
                np.full(curved.sum(), np.inf),
            )
        )
    scale = max(abs(problem.value(spend)), 1e-12)
    with np.errstate(all="ignore"):
        result = minimize(
            lambda x: -problem.value(np.clip(x * unit, low, high)) / scale,
            spend / unit,
            method="SLSQP",
            bounds=list(zip(low / unit, high / unit, strict=True)),
            constraints=conditions,
            options={"maxiter": 200, "ftol": 1e-12},
        )
    return np.clip(result.x * unit, low, high)
