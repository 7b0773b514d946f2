"""The last digits of a spend: bounds and sums that hold exactly, not to a solver's tolerance.

A solver keeps a rule to about 1e-9 of its size, which in a budget of millions is cents. Here the
spend is snapped to its bounds, and what is then missing from the conditions that bind is spread
over the lines that are free, so that money adds up to the last digit a computer holds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

from optimizer.plan.curves import Floats
from optimizer.problem import Problem

__all__ = ["settle", "sharpened"]

# What a solver leaves of a rule it means to keep exactly.
_NEAR = 1e-7
# What cutting planes leave of an outcome that is to be reached.
_NEAR_OUTCOME = 1e-5
# What is missing from a soft rule beyond a solver's tolerance is missing on purpose.
_NEAR_SOFT = 2e-9
_STEPS = 5
# What a solver leaves of money in a period, as a share of an average period's.
_NOTHING = 1e-9
# So many conditions are solved by least squares; more by the quicker normal equations.
_FEW_ROWS = 60
# Once lines move by a smaller share than this, the next step would move them by rounding.
_SHARP = 1e-7


def settle(problem: Problem, spend: Floats) -> Floats:
    """*spend* with its bounds and binding spend rules met to the last digit; stocks follow."""
    n = problem.n_cells
    low, high, floor = problem.lower[:n], problem.upper[:n], problem.floor[:n]
    # With periods, what a line spends in one may be tiny beside the whole, and another's limit.
    room = (
        _NEAR * np.maximum(high, 1e-300)
        if problem.grid.n_periods == 1
        else _NOTHING * problem.money
    )
    cells = np.clip(spend[:n], low, high)
    cells = np.where(cells - low <= room, low, np.where(high - cells <= room, high, cells))
    near_floor = (floor > 0) & (cells > room) & (abs(cells - floor) <= room)
    cells = np.where(near_floor, floor, cells)
    free = np.flatnonzero((cells > low) & (cells < high) & ~near_floor)
    if not len(free):
        return problem.lift(cells)
    for _ in range(_STEPS):
        moved = _corrected(problem, cells, free)
        if moved is None:
            break
        cells = np.clip(moved, low, high)
    return problem.lift(cells)


def _corrected(problem: Problem, cells: Floats, free: NDArray[np.intp]) -> Floats | None:
    """One Newton step on the conditions that bind, or None where they hold already."""
    spend = problem.lift(cells)
    rows, outcomes = problem.rows, problem.outcomes(spend)
    # What is lifted keeps the definitions of stocks by itself.
    defined = rows.definition if problem.has_stocks else np.zeros(len(rows), bool)
    on_outcomes = np.diff(rows.outcomes.indptr) > 0
    on_spend, on_outcome, _ = rows.absolute
    left, scale = rows.spend @ spend, on_spend @ spend
    if rows.outcomes.nnz:
        left, scale = left + rows.outcomes @ outcomes, scale + on_outcome @ outcomes
    scale = np.maximum(scale, 1e-300)
    target = np.where(abs(left - rows.lower) <= abs(left - rows.upper), rows.lower, rows.upper)
    missing = target - left
    near = np.where(on_outcomes, _NEAR_OUTCOME, 10 * _NEAR)
    near = np.where(rows.soft, _NEAR_SOFT, near) * scale
    binds = (np.diff(rows.switches.indptr) == 0) & np.isfinite(target) & (abs(missing) <= near)
    binds &= ~defined
    if not np.any(abs(missing[binds]) > 1e-15 * scale[binds]):
        return None
    matrix = _slopes(problem, spend, np.flatnonzero(binds))[:, free]
    # Weighted by spend, so that a small line is not moved by a large one's rounding; each condition
    # by its own size, so that money and outcomes count alike.
    weight, size = cells[free], scale[binds]
    step = _shortest(
        sparse.diags_array(1.0 / size) @ matrix @ sparse.diags_array(weight), missing[binds] / size
    )
    moved = cells.copy()
    moved[free] += step * weight
    return moved


def _shortest(matrix: sparse.csr_array, right: Floats) -> Floats:
    """The shortest step that brings *matrix* · step to *right*, or as near as may be."""
    if matrix.shape[0] <= _FEW_ROWS:
        return np.asarray(np.linalg.lstsq(matrix.toarray(), right, rcond=1e-12)[0], float)
    # Normal equations lose half the digits, which the next Newton step brings back; a trace of the
    # identity stands in for the rank that conditions with much in common lack.
    square = matrix @ matrix.T
    trace = 1e-12 * float(square.diagonal().sum())
    square = (square + sparse.diags_array(np.full(len(right), max(trace, 1e-300)))).tocsc()
    return np.asarray(matrix.T @ splu(square).solve(right), float)


def _slopes(problem: Problem, spend: Floats, which: NDArray[np.intp]) -> sparse.csr_array:
    """What a unit of money in each cell adds to some rows, shape (n_which, n_cells)."""
    rows, n = problem.rows, problem.n_cells
    plain = rows.spend[which].tocsr()
    on_stocks = np.diff(plain[:, n:].tocsr().indptr) > 0
    follow = np.flatnonzero(on_stocks | (np.diff(rows.outcomes[which].indptr) > 0))
    direct = plain[:, :n].tocsr()
    if not follow.size:
        return sparse.csr_array(direct)
    result = direct.tolil()
    gains = problem.gains(spend, rows.outcomes[which[follow]].toarray(), plain[follow].toarray())
    result[follow] = np.nan_to_num(gains, posinf=0.0, neginf=0.0)
    return sparse.csr_array(result.tocsr())


def sharpened(problem: Problem, spend: Floats) -> Floats:
    """*spend* after Newton steps on the lines that are free, along the rules that bind.

    Near an optimum the value is flat: it is known to ten digits when the spend is to five. Here the
    marginal returns of the free lines are made to meet, which is what a reader checks.
    """
    rows = problem.rows
    for _ in range(_STEPS):
        free = np.flatnonzero(
            (spend > problem.lower) & (spend < problem.upper) & (spend > problem.floor)
        )
        step = np.where(spend > 0, 1e-5 * spend, 1.0)
        bend = problem.slopes(spend + step) - problem.slopes(abs(spend - step))
        bend = problem.weights * bend / np.maximum(2 * step, 1e-300)
        free = free[bend[free] < 0]
        if not len(free):
            return spend
        left = rows.spend @ spend
        room = _NEAR * np.maximum(rows.absolute[0] @ spend, 1e-300)
        binds = (abs(left - rows.lower) <= room) | (abs(left - rows.upper) <= room)
        binds &= (np.diff(rows.switches.indptr) == 0) & (np.diff(rows.outcomes.indptr) == 0)
        # Steps are measured in shares of each line's spend, so that every number is near one. Lines
        # alone have a diagonal system; the few rows that bind are solved for first.
        size = spend[free]
        across = rows.spend[binds].toarray()[:, free] * size / room[binds, None] * _NEAR
        gain = (problem.weights * problem.slopes(spend) - problem.price)[free] * size
        ease = 1.0 / np.maximum(abs(bend[free]) * size**2, 1e-300)
        prices = np.linalg.lstsq((across * ease) @ across.T, across @ (ease * gain), rcond=1e-14)[0]
        change = ease * (gain - across.T @ prices)
        if not np.all(abs(change) < 0.1):
            return spend
        spend = spend.copy()
        spend[free] += change * size
        if np.all(abs(change) < _SHARP):
            break
    return spend
