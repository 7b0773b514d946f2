"""A plan of two stages as one problem: a branch for all that may show, tied by what is committed.

Every branch has columns and rules of its own, as they are in it, and its outcomes count as often as
it is likely. Cells that are bought before anybody knows are equal in all branches (the extensive
form; Birge & Louveaux, Introduction to Stochastic Programming, 2011, ch. 2). So every solver, and
every proof, serves two stages as it serves one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.plan.curves import Floats
from optimizer.plan.grid import Grid, SwitchKind, Unit
from optimizer.problem import CurveTable, Problem, Rows
from optimizer.worlds import Worlds

__all__ = ["COMMITTED", "OTHERWISE", "Beside", "Branch", "Tree"]

OTHERWISE = "otherwise"
"""Name of the branch of no named state."""
COMMITTED = "committed"
"""Name of the condition that a cell has the same money in every branch."""

Index = NDArray[np.intp]
Mask = NDArray[np.bool_]

# Groups where the plan names neither states nor a number.
_GROUPS = 4
# What of the draws' differences is kept when like ones are grouped, and how often that is tried.
_DIRECTIONS, _TRIES = 8, 20
# A number is told of a group where its mean there is so many standard deviations from all draws'.
_TOLD, _MOST_TOLD = 0.4, 3


@dataclass(frozen=True, eq=False)
class Beside(Problem):
    """Problems of the same cells side by side; first all cells, then all stocks."""

    parts: tuple[Problem, ...] = ()
    place: Index = field(default_factory=lambda: np.zeros((0, 0), np.intp))
    """The column here of each part's columns, shape (n_parts, n_columns of a part)."""

    @classmethod
    def of(cls, parts: Sequence[Problem], share: Floats, tied: Mask) -> Beside:
        """*parts* weighed by *share*, their cells *tied* equal in all.

        Args:
            parts: Problems of the same cells and stocks.
            share: What each counts for, shape (n_parts,).
            tied: Which cells are the same in all, shape (n_cells,).
        """
        first = parts[0]
        n, m, count = first.n_cells, first.n_columns - first.n_cells, len(parts)
        branch = np.arange(count)[:, None]
        place = np.hstack([branch * n + np.arange(n), count * n + branch * m + np.arange(m)])

        def over(name: str, *, weigh: bool = False) -> Floats:
            values = np.empty(count * (n + m))
            for part, own, weight in zip(parts, place, share, strict=True):
                values[own] = getattr(part, name) * (weight if weigh else 1.0)
            return values

        return cls(
            grid=_grid(first.grid, count),
            curves=_curves([part.curves for part in parts], place),
            weights=over("weights", weigh=True),
            price=over("price", weigh=True),
            exposure=over("exposure"),
            lower=over("lower"),
            upper=over("upper"),
            rows=_rows(parts, share, place, tied),
            switches=tuple(
                replace(switch, line=switch.line + k * _stride(switch.kind, part.grid))
                for k, part in enumerate(parts)
                for switch in part.switches
            ),
            floor=over("floor"),
            parts=tuple(parts),
            place=place,
        )

    def lift(self, spend: Floats) -> Floats:
        """All columns that follow from the spend of the cells, in every part."""
        columns = np.empty(self.n_columns)
        for part, own in zip(self.parts, self.place, strict=True):
            columns[own] = part.lift(spend[own[: part.n_cells]])
        return columns

    def gains(self, columns: Floats, terms: Floats, others: Floats) -> Floats:
        """What a further unit of money in each cell adds, part by part."""
        return np.concatenate(
            [
                part.gains(columns[own], terms[..., own], others[..., own])
                for part, own in zip(self.parts, self.place, strict=True)
            ],
            axis=-1,
        )


def _stride(kind: SwitchKind, grid: Grid) -> int:
    """How many a switch counts from one part to the next: cells, or lines."""
    return grid.n_cells if kind is SwitchKind.ON else grid.n_lines


def _grid(grid: Grid, count: int) -> Grid:
    """The cells of all parts; what follows from them is the parts' own."""

    def tiled(values: Any) -> Any:
        return np.tile(values, count)

    words = ("names", "channel", "role", "stage", "minimum", "maximum", "minimum_if_active")
    return replace(
        grid,
        **{word: tiled(getattr(grid, word)) for word in (*words, "current", "value")},
        tags={name: tiled(values) for name, values in grid.tags.items()},
        stages={name: tiled(values) for name, values in grid.stages.items()},
        flows=None,
    )


def _curves(tables: Sequence[CurveTable], place: Index) -> CurveTable:
    kinds: dict[Any, list[tuple[Index, tuple[Floats, ...]]]] = {}
    for table, own in zip(tables, place, strict=True):
        for kind, where, parameters in table.families:
            kinds.setdefault(kind, []).append((own[where], parameters))
    families = []
    for kind, found in kinds.items():
        where = np.concatenate([index for index, _ in found])
        order = np.argsort(where)
        each = zip(*(parameters for _, parameters in found), strict=True)
        joined = tuple(np.concatenate(values)[order] for values in each)
        families.append((kind, where[order], joined))

    def over(name: str, kind: type) -> Any:
        values: Any = np.empty(place.size, kind)
        for table, own in zip(tables, place, strict=True):
            values[own] = getattr(table, name)
        return values

    return CurveTable(
        n=place.size,
        families=tuple(families),
        points=tuple(
            (int(own[i]), x, y)
            for table, own in zip(tables, place, strict=True)
            for i, x, y in table.points
        ),
        inflection=over("inflection", float),
        linear=over("linear", bool),
        piecewise=over("piecewise", bool),
    )


def _rows(parts: Sequence[Problem], share: Floats, place: Index, tied: Mask) -> Rows:
    """The rules of all parts, then that what is tied is equal in all."""
    many, cells = len(parts), np.flatnonzero(tied)
    labels = [parts[0].grid.label(int(cell)) for cell in cells]
    n_ties = len(cells) * (many - 1)
    one = np.arange(n_ties)
    here = place[1:, cells].ravel()
    there = np.tile(place[0, cells], many - 1)
    ties = sparse.csr_array(
        (np.repeat([1.0, -1.0], n_ties), (np.tile(one, 2), np.concatenate([here, there]))),
        (n_ties, place.size),
    )
    width = sum(len(part.switches) for part in parts)

    def stacked(name: str, below: sparse.csr_array) -> sparse.csr_array:
        moved = []
        for part, own in zip(parts, place, strict=True):
            matrix = getattr(part.rows, name).tocoo()
            shape = (matrix.shape[0], place.size)
            moved.append(sparse.csr_array((matrix.data, (matrix.row, own[matrix.col])), shape))
        return sparse.csr_array(sparse.vstack([*moved, below], format="csr"))

    switches = sparse.block_diag([part.rows.switches for part in parts], format="csr")
    below = sparse.csr_array((n_ties, width))
    every = [part.rows for part in parts]
    nothing = np.zeros(n_ties)
    return Rows(
        rule=(*(rule for rows in every for rule in rows.rule), *[COMMITTED] * n_ties),
        part=(
            *(part for rows in every for part in rows.part),
            *(label for _ in range(many - 1) for label in labels),
        ),
        unit=(*(unit for rows in every for unit in rows.unit), *[Unit.MONEY] * n_ties),
        definition=np.concatenate([*(rows.definition for rows in every), nothing.astype(bool)]),
        lower=np.concatenate([*(rows.lower for rows in every), nothing]),
        upper=np.concatenate([*(rows.upper for rows in every), nothing]),
        penalty=np.concatenate(
            [
                *(rows.penalty * weight for rows, weight in zip(every, share, strict=True)),
                np.full(n_ties, np.nan),
            ]
        ),
        spend=stacked("spend", ties),
        outcomes=stacked("outcomes", sparse.csr_array(ties.shape)),
        switches=sparse.csr_array(sparse.vstack([sparse.csr_array(switches), below], format="csr")),
    )


@dataclass(frozen=True, eq=False)
class Branch:
    """One of the things that may show."""

    name: str
    """Of a state, or :data:`OTHERWISE`; a letter for a group of draws."""
    chance: float
    worlds: Index
    """The draws in it."""
    problem: Problem
    """With numbers and states as in it, on average over its draws."""
    tells: tuple[tuple[str, float], ...] = ()
    """Numbers and states, by path, that are unlike all draws' in a group, and by how many standard
    deviations."""


@dataclass(frozen=True, eq=False)
class Tree:
    """What may show, and the problem of a plan that waits for it."""

    worlds: Worlds
    branches: tuple[Branch, ...]
    committed: Mask
    """Which cells are bought before anything shows, shape (n_cells,)."""

    @classmethod
    def of(cls, worlds: Worlds, committed: Mask, groups: int | None, spend: Floats) -> Tree:
        """The branches of *worlds*.

        Args:
            worlds: The draws.
            committed: Which cells are bought before anything shows, shape (n_cells,).
            groups: Into how many groups of like draws; None: by their states, where there are.
            spend: A sensible plan, shape (n_cells,): draws are alike that ask for the same change
                of it.
        """
        uncertainty = worlds.plan.uncertainty
        assert uncertainty is not None  # worlds were drawn of it
        if groups is None and uncertainty.states:
            names = dict(enumerate(uncertainty.states)) | {-1: OTHERWISE}
            found = [(name, worlds.state == k) for k, name in names.items()]
            branches = [
                _branch(worlds, name, there, tells=False) for name, there in found if there.any()
            ]
        else:
            member = _alike(worlds, spend, groups or _GROUPS, uncertainty.seed)
            values = worlds.values(spend)
            order = sorted(set(member.tolist()), key=lambda k: -values[member == k].mean())
            branches = [
                _branch(worlds, chr(ord("A") + place), member == k, tells=True)
                for place, k in enumerate(order)
            ]
        return cls(worlds, tuple(branches), committed)

    @property
    def chances(self) -> Floats:
        """Probabilities, shape (n_branches,)."""
        return np.array([branch.chance for branch in self.branches])

    def problem(self, tied: Mask | None = None) -> Beside:
        """All branches as one problem, what is committed (or *tied*) equal in all."""
        parts = [branch.problem for branch in self.branches]
        return Beside.of(parts, self.chances, self.committed if tied is None else tied)

    def values(self, spend: Floats) -> Floats:
        """What a plan is worth in every draw, each with its branch's spend, shape (n_worlds,).

        Args:
            spend: Per branch, shape (n_branches, n_cells).
        """
        values = np.empty(self.worlds.n)
        for branch, own in zip(self.branches, spend, strict=True):
            values[branch.worlds] = self.worlds.only(branch.worlds).values(own)
        return values


def _branch(worlds: Worlds, name: str, there: Mask, *, tells: bool) -> Branch:
    index = np.flatnonzero(there)
    own = worlds.only(index)
    told = _told(worlds, index) if tells else ()
    return Branch(name, float(worlds.weight[index].sum()), index, own.average(own.weight), told)


def _told(worlds: Worlds, index: Index) -> tuple[tuple[str, float], ...]:
    """In what a group is most unlike all draws, the most unlike first."""
    uncertainty = worlds.plan.uncertainty
    assert uncertainty is not None  # worlds were drawn of it
    known = {
        **worlds.numbers,
        **{
            f"uncertainty.states.{name}": (worlds.state == place).astype(float)
            for place, name in enumerate(uncertainty.states)
        },
    }
    found = []
    for path, values in known.items():
        spread = float(values.std())
        if spread > 0:
            found.append((path, float((values[index].mean() - values.mean()) / spread)))
    found.sort(key=lambda one: -abs(one[1]))
    return tuple(one for one in found[:_MOST_TOLD] if abs(one[1]) >= _TOLD)


def _alike(worlds: Worlds, spend: Floats, groups: int, seed: int) -> Index:
    """The group of each draw, shape (n_worlds,): k-means on what more of each cell would bring."""
    from scipy.cluster.vq import kmeans2

    gains = np.nan_to_num(worlds.gradients(spend), posinf=0.0, neginf=0.0)
    money = np.maximum(spend, 0.01 * (worlds.problem.money or 1.0))
    wanted = (gains - gains.mean(axis=0)) * money
    _, size, axes = np.linalg.svd(wanted, full_matrices=False)
    kept = size > 1e-9 * max(float(size[0]), 1e-300)
    points = wanted @ axes[kept][:_DIRECTIONS].T
    if not kept.any():
        return np.zeros(worlds.n, np.intp)
    points /= points.std(axis=0).max()
    unlike = np.unique(points.round(9), axis=0)
    groups = min(groups, len(unlike))
    best, least = np.zeros(worlds.n, np.intp), np.inf
    for attempt in range(_TRIES):
        rng = np.random.default_rng([seed, attempt])
        begin = unlike if groups == len(unlike) else "++"
        with np.errstate(all="ignore"):
            if isinstance(begin, str):
                centres, member = kmeans2(points, groups, minit="++", rng=rng)
            else:
                centres, member = kmeans2(points, begin, minit="matrix")
        apart = float(((points - centres[member]) ** 2).sum())
        if len(set(member.tolist())) == groups and apart < least:
            best, least = member.astype(np.intp), apart
    return best
