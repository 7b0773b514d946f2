"""Commit now, adjust later: the best plan of two stages, and what waiting and foresight are worth.

Four plans are put beside each other (Birge & Louveaux, Introduction to Stochastic Programming,
2011, ch. 4), each in all branches of the tree and all with proven bounds:

    known    every branch's own best plan: what knowing in time would bring
    adapts   what is committed is the same in all branches, the rest waits
    stated   what is committed is taken from the plan for the numbers as stated, the rest waits
    fixed    one plan for all branches: nothing waits

None is worth more than the one before it that may do all it may: known ≥ adapts ≥ stated, fixed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optimizer.compiling import compile_plan
from optimizer.conflict import explain
from optimizer.errors import Fault, Infeasible, PlanError, SolverFailed, Unbounded
from optimizer.plan.commitment import Commitment
from optimizer.plan.curves import Floats
from optimizer.plan.plan import Plan
from optimizer.plan.risk import CVaR
from optimizer.problem import Problem
from optimizer.shown import Shown
from optimizer.solvers import solve
from optimizer.solvers.attitudes import WORST
from optimizer.solvers.solution import Options, Solution, Status
from optimizer.solvers.weightings import Weighting
from optimizer.tree import Beside, Branch, Tree
from optimizer.worlds import Worlds

from .bands import mean
from .variations import Counted

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Committed", "commit"]

Mask = NDArray[np.bool_]

# Lines whose commitment is priced one by one.
_PRICED = 12


@dataclass(frozen=True, eq=False)
class Committed(Shown):
    """A plan of two stages: what to buy now, and what to buy when more shows."""

    plan: Plan
    tree: Tree
    problem: Beside
    """All branches as one problem."""
    adapts: Solution
    """The plan: value, bound and proof over all branches."""
    known: tuple[Solution, ...]
    """Every branch's own best plan."""
    fixed: Solution | None
    """The best single plan for all branches; None where none keeps the rules in all."""
    stated: Floats | None
    """Spend per branch, (n_branches, n_cells), where the plan for the numbers as stated decides
    what is committed; None where that breaks rules in a branch."""
    broken: tuple[str, ...]
    """The branches in which it does."""
    opened: dict[str, Solution]
    """The plan with one more line left open, by that line."""
    aside: bool = False
    """Whether the plan had an attitude to risk, which was left aside."""

    @property
    def branches(self) -> tuple[Branch, ...]:
        """What may show."""
        return self.tree.branches

    @cached_property
    def spend(self) -> Floats:
        """Money per branch and cell, shape (n_branches, n_cells)."""
        spend = _by_branch(self.problem, self.adapts).copy()
        # A solver ties branches to rounding; what is bought once is one sum.
        spend[:, self.committed] = spend[0, self.committed]
        return spend

    @property
    def committed(self) -> Mask:
        """Which cells are bought before anything shows, shape (n_cells,)."""
        return self.tree.committed

    @property
    def value(self) -> float:
        """Expected value of the objective."""
        return self.adapts.value

    @property
    def gap(self) -> float:
        """How far it may be from the best, as a share of it."""
        return self.adapts.gap

    @property
    def stated_value(self) -> float | None:
        """Expected value where the plan for the numbers as stated decides what is committed."""
        return None if self.stated is None else self._worth(self.stated)

    def _worth(self, spend: Floats) -> float:
        columns = self.problem.lift(spend.ravel())
        return self.problem.value(columns)

    @cached_property
    def worths(self) -> pd.DataFrame:
        """What waiting, planning for all branches, and foresight are worth.

        One row each, in units of the objective: what (``waiting``: above one plan for all branches;
        ``stochastic``: above committing as the numbers as stated would have it, the VSS;
        ``knowing``: what knowing the branch before committing would add, the EVPI), value, and
        the limits of it that the bounds leave: at_least, at_most. NaN where there is no such plan.
        """
        import pandas as pd

        own, bound = self.adapts.value, self.adapts.bound
        chances = self.tree.chances
        known = float(chances @ [one.value for one in self.known])
        above = float(chances @ [one.bound for one in self.known])
        nothing = float("nan")
        fixed = nothing if self.fixed is None else self.fixed.value
        most = nothing if self.fixed is None else self.fixed.bound
        stated = nothing if self.stated_value is None else self.stated_value
        rows = [
            ("waiting", own - fixed, max(own - most, 0.0), bound - fixed),
            ("stochastic", own - stated, own - stated, bound - stated),
            ("knowing", known - own, max(known - bound, 0.0), above - own),
        ]
        return pd.DataFrame(rows, columns=["what", "value", "at_least", "at_most"])

    @cached_property
    def lines(self) -> pd.DataFrame:
        """One row per line and branch.

        Columns: line, branch (of no named state: ``otherwise``), chance, committed (money that is
        the same in all branches), spend (all money in the branch), outcome (in the branch).
        """
        import pandas as pd

        grid = self.branches[0].problem.grid
        rows: list[tuple[object, ...]] = []
        for branch, own in zip(self.branches, self.spend, strict=True):
            problem = branch.problem
            flows, terms = problem.grid.flows, problem.outcomes(problem.lift(own))
            brought = terms if flows is None else flows.brought(terms)[:-1].sum(axis=1)
            first = grid.by_line(np.where(self.committed, own, 0.0))
            rows += zip(
                map(str, grid.line_names),
                [branch.name] * grid.n_lines,
                [round(branch.chance, 12)] * grid.n_lines,
                first.tolist(),
                grid.by_line(own).tolist(),
                brought.tolist(),
                strict=True,
            )
        columns = ["line", "branch", "chance", "committed", "spend", "outcome"]
        return pd.DataFrame(rows, columns=columns)

    @cached_property
    def now(self) -> pd.Series[float]:
        """Money of each line that is bought before anything shows, by line."""
        import pandas as pd

        grid = self.branches[0].problem.grid
        money = grid.by_line(np.where(self.committed, self.spend[0], 0.0))
        return pd.Series(money, index=grid.line_names.astype(object))

    @cached_property
    def waits(self) -> pd.DataFrame:
        """Money of each line that is bought once it shows: a row per line, a column per branch."""
        import pandas as pd

        by_line = self.branches[0].problem.grid.by_line
        money = {
            branch.name: by_line(np.where(self.committed, 0.0, own))
            for branch, own in zip(self.branches, self.spend, strict=True)
        }
        return pd.DataFrame(money, index=self.now.index)

    @cached_property
    def cells(self) -> pd.DataFrame:
        """One row per line, period and branch: line, period, branch, committed (yes or no), spend.

        Cells that are committed have one row, with ``all`` for the branch.
        """
        import pandas as pd

        grid = self.branches[0].problem.grid
        period = np.tile(np.array(grid.periods, dtype=object), grid.n_lines)
        rows: list[tuple[object, ...]] = []
        for cell, name in enumerate(grid.names):
            if self.committed[cell]:
                rows.append((str(name), period[cell], "all", True, float(self.spend[0, cell])))
                continue
            rows += [
                (str(name), period[cell], branch.name, False, float(own[cell]))
                for branch, own in zip(self.branches, self.spend, strict=True)
            ]
        return pd.DataFrame(rows, columns=["line", "period", "branch", "committed", "spend"])

    @cached_property
    def outlook(self) -> pd.DataFrame:
        """One row per branch.

        Columns: branch, chance, value (of the plan there), known (of the best plan for it alone),
        spent, tells (numbers a group of draws is told by).
        """
        import pandas as pd

        rows = [
            (
                branch.name,
                round(branch.chance, 12),
                branch.problem.value(branch.problem.lift(own)),
                best.value,
                float(own.sum()),
                ", ".join(f"{path} {'+' if by > 0 else '−'}" for path, by in branch.tells),
            )
            for branch, own, best in zip(self.branches, self.spend, self.known, strict=True)
        ]
        columns = ["branch", "chance", "value", "known", "spent", "tells"]
        return pd.DataFrame(rows, columns=columns)

    @cached_property
    def openings(self) -> pd.DataFrame:
        """One row per line bought up front: line, worth (what leaving it open would add), at_most.

        A discount for booking early that is below ``worth`` is not enough.
        """
        import pandas as pd

        rows = [
            (line, max(one.value - self.value, 0.0), one.bound - self.value)
            for line, one in self.opened.items()
        ]
        frame = pd.DataFrame(rows, columns=["line", "worth", "at_most"])
        return frame.sort_values("worth", ascending=False, ignore_index=True)

    @cached_property
    def over_draws(self) -> pd.DataFrame:
        """The plans in every draw, not only on average over those of a branch.

        One row per plan (``adapts``, ``fixed``, ``stated``) that there is: plan, mean, worst (mean
        of the worst tenth of the draws). In units of the objective, fines of soft rules not taken
        off.
        """
        import pandas as pd

        plans = {"adapts": self.spend}
        if self.fixed is not None:
            plans["fixed"] = _by_branch(self.problem, self.fixed)
        if self.stated is not None:
            plans["stated"] = self.stated
        weight, rows = self.tree.worlds.weight, []
        tail = Weighting.of(CVaR(1 - WORST), weight)
        for name, spend in plans.items():
            values = self.tree.values(spend)
            rows.append((name, float(mean(values, weight)), tail.value(values)))
        return pd.DataFrame(rows, columns=["plan", "mean", "worst"])

    @property
    def is_grouped(self) -> bool:
        """Whether a branch stands for draws that differ."""
        return bool(self.tree.worlds.numbers)

    @property
    def by_draws(self) -> bool:
        """Whether the branches are groups of draws, and no states."""
        assert self.plan.commitment is not None
        assert self.plan.uncertainty is not None
        return self.plan.commitment.branches is not None or not self.plan.uncertainty.states

    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table by name."""
        return {
            "lines": self.lines,
            "cells": self.cells,
            "branches": self.outlook,
            "worths": self.worths,
            "openings": self.openings,
            "draws": self.over_draws,
        }


def commit(
    plan: Plan,
    commitment: Commitment | None = None,
    *,
    gap: float = 1e-6,
    time_limit: float | None = None,
    progress: Counted | None = None,
) -> Committed:
    """The best plan of two stages: what to buy now, and what in each branch once it shows.

    The plan is of the greatest expected value; a ``risk`` that the plan has does not matter. Rules
    hold in every branch, with the numbers as they are there. Branches that stand for groups of
    draws have their average numbers.

    Args:
        plan: A question with ``uncertainty``.
        commitment: What is bought up front, instead of the plan's own.
        gap: Largest relative distance to the bound at which each search may end.
        time_limit: Seconds for each search.
        progress: Called after each search with (done, in all).

    Raises:
        PlanError: nothing is uncertain, or nothing is committed.
        Infeasible: no plan keeps all the rules in a branch, or no commitment in all of them.
        Unbounded: the objective can grow without limit.
        SolverFailed: the backend gave up.
    """
    commitment = commitment or plan.commitment
    if commitment is None:
        advice = "Give commitment: {lines: [...]} or {until: a period}"
        raise PlanError(Fault("commitment", "nothing is bought up front", advice))
    aside = plan.risk is not None
    plan = replace(plan, risk=None, commitment=commitment)
    worlds = Worlds.of(plan)
    problem = worlds.problem
    committed = commitment.cells(problem.grid)
    found = _Work(plan, worlds, committed, Options(gap, time_limit), progress).done(commitment)
    return replace(found, aside=aside)


class _Work:
    """The searches, one after the other; each begins where those before it ended."""

    def __init__(
        self,
        plan: Plan,
        worlds: Worlds,
        committed: Mask,
        options: Options,
        progress: Counted | None,
    ) -> None:
        self.plan, self.worlds, self.committed = plan, worlds, committed
        self.options, self.progress = options, progress

    def done(self, commitment: Commitment) -> Committed:
        """All of it."""
        stated = solve(compile_plan(self.plan), self.options)
        if stated.spend is None:
            raise self._without(stated, self.worlds.problem, "")
        n = self.worlds.problem.n_cells
        cells = stated.spend[:n]
        tree = Tree.of(self.worlds, self.committed, commitment.branches, cells)
        if len(tree.branches) < 2:
            advice = "Give states with chances below 100%, or ranges"
            raise PlanError(Fault("uncertainty", "only one case may show", advice))
        lines = self._lines()
        count = 2 * len(tree.branches) + 3 + len(lines)
        self._told = self._counter(count)
        known = [self._own(branch) for branch in tree.branches]
        adapted, broken = self._after(tree, cells)
        whole = tree.problem()
        every = tree.problem(np.ones(n, bool))
        fixed = self._search(every, np.tile(cells, len(tree.branches)))
        starts = [] if adapted is None else [adapted.ravel()]
        if fixed is not None:
            starts.append(_cells(whole, fixed))
        best = self._search(whole, *starts)
        if best is None:
            raise self._torn(tree)
        opened = {}
        for line in lines:
            tied = self.committed & (self.worlds.problem.grid.names != line)
            found = self._search(tree.problem(tied), _cells(whole, best))
            assert found is not None  # what keeps the rules when it is tied keeps them when not
            opened[line] = found
        for _ in range(count):
            next(self._told, None)
        return Committed(
            plan=self.plan,
            tree=tree,
            problem=whole,
            adapts=best,
            known=tuple(
                self._better(branch.problem, one, own)
                for branch, one, own in zip(
                    tree.branches, known, _by_branch(whole, best), strict=True
                )
            ),
            fixed=fixed,
            stated=adapted,
            broken=broken,
            opened=opened,
        )

    def _counter(self, count: int) -> Iterator[None]:
        for done in range(1, count + 1):
            if self.progress is not None:
                self.progress(done, count)
            yield

    def _lines(self) -> list[str]:
        """The lines whose commitment is priced: all of their money is bought up front."""
        grid = self.worlds.problem.grid
        whole = grid.by_line(self.committed.astype(float)) == grid.n_periods
        lines = [str(name) for name in grid.line_names[whole]]
        return lines if len(lines) <= _PRICED else []

    def _search(self, problem: Beside, *starts: Floats) -> Solution | None:
        """The best plan, begun from the best of *starts*; None where none keeps the rules.

        Raises:
            Unbounded: the objective can grow without limit.
            SolverFailed: no plan was found in time.
        """
        lifted = [problem.lift(start) for start in starts]
        kept = [columns for columns in lifted if problem.feasible(columns)]
        start = max(kept, key=problem.value, default=None)
        found = solve(problem, self.options, start)
        next(self._told, None)
        if found.spend is None:
            if found.status is Status.INFEASIBLE:
                return None
            raise self._without(found, problem, "")
        return found if start is None else self._better(problem, found, start)

    def _better(self, problem: Problem, found: Solution, start: Floats) -> Solution:
        """*found*, or *start* where that is better within the gap."""
        columns = problem.lift(start[: problem.n_cells])
        if not problem.feasible(columns) or problem.value(columns) <= found.value:
            return found
        value = problem.value(columns)
        return replace(found, spend=columns, value=value, bound=max(found.bound, value))

    def _own(self, branch: Branch) -> Solution:
        """The best plan for one branch alone."""
        found = solve(branch.problem, self.options)
        next(self._told, None)
        if found.spend is None:
            raise self._without(found, branch.problem, branch.name)
        return found

    def _after(self, tree: Tree, cells: Floats) -> tuple[Floats | None, tuple[str, ...]]:
        """Spend per branch when *cells* decide what is committed, and where that cannot be."""
        spends, broken = [], []
        for branch in tree.branches:
            n = branch.problem.n_cells
            low, high = branch.problem.lower.copy(), branch.problem.upper.copy()
            low[:n] = np.where(self.committed, cells, low[:n])
            high[:n] = np.where(self.committed, cells, high[:n])
            found = solve(replace(branch.problem, lower=low, upper=high), self.options)
            next(self._told, None)
            if found.spend is None:
                broken.append(branch.name)
            else:
                spends.append(found.spend[:n])
        return (None if broken else np.array(spends)), tuple(broken)

    def _without(self, found: Solution, problem: Problem, where: str) -> Exception:
        """Why there is no plan."""
        if found.status is Status.UNBOUNDED:
            return Unbounded("the objective can grow without limit; give a budget or maxima")
        if found.status is not Status.INFEASIBLE:
            return SolverFailed(f"no plan was found before the search stopped: {found.reason}")
        told = explain(self.plan, problem)
        return Infeasible(f"{where}: {told}", told.conflict) if where else told

    def _torn(self, tree: Tree) -> Infeasible:
        """Every branch has a plan, but no commitment fits all: the fewest that are at odds."""
        kept = [*tree.branches]
        for branch in tree.branches:
            fewer = [one for one in kept if one is not branch]
            if len(fewer) > 1 and self._at_odds(fewer):
                kept = fewer
        names = " and ".join(repr(one.name) for one in kept)
        return Infeasible(
            f"no commitment keeps all the rules whatever shows: {names} each have a plan, but what "
            "is committed cannot suit them together. Commit fewer lines or periods, or ease a rule"
        )

    def _at_odds(self, branches: Sequence[Branch]) -> bool:
        parts = [branch.problem for branch in branches]
        share = np.array([branch.chance for branch in branches])
        found = solve(Beside.of(parts, share, self.committed), self.options)
        return found.status is Status.INFEASIBLE


def _cells(problem: Beside, found: Solution) -> Floats:
    """All cells of all branches."""
    assert found.spend is not None
    return found.spend[: problem.n_cells]


def _by_branch(problem: Beside, found: Solution) -> Floats:
    """Money per branch and cell."""
    return _cells(problem, found).reshape(len(problem.parts), -1)
