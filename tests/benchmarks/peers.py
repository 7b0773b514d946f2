"""What others would do with the same plan: local search from one start or many, global search."""

import numpy as np
from scipy.optimize import LinearConstraint, differential_evolution, minimize, shgo


def constraints(problem, unit):
    rows = problem.rows
    size = np.maximum(abs(rows.spend).sum(axis=1), 1e-300)
    return LinearConstraint(
        rows.spend.toarray() / size[:, None], rows.lower / size / unit, rows.upper / size / unit
    )


def slsqp(problem, start=None):
    """One start, equal money by default, with exact gradients, everything scaled to about one."""
    unit = problem.grid.budget
    start = np.full(problem.n_lines, unit / problem.n_lines) if start is None else start
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


def slsqp_starts(problem, count, seed):
    """The best of many random starts."""
    rng = np.random.default_rng(seed)
    starts = rng.dirichlet(np.full(problem.n_lines, 0.5), count) * problem.grid.budget
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


def _kept(problem, spend):
    """The value where the rules are kept to a millionth, else none."""
    spend = np.clip(spend, problem.lower, problem.upper)
    return problem.value(spend) if problem.feasible(spend, 1e-6) else -np.inf
