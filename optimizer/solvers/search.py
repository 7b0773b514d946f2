"""Best first: the tree that every branch and bound here grows.

Open nodes wait by their bounds, the highest first. What a node is, how it is bounded and how it is
divided is for the searches to say; when to stop, and what is proven then, is the same for all.
"""

from __future__ import annotations

import heapq
import itertools
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import ClassVar, Generic, Protocol, TypeVar

import numpy as np

from optimizer.plan.curves import Floats
from optimizer.problem import Problem

from .solution import Clock, Options, Proof, Solution, Status, relative_gap
from .tangents import Incumbent

__all__ = ["Search"]


class _Bounded(Protocol):
    """A part of the problem that no plan in it beats by more than its bound."""

    @property
    def bound(self) -> float: ...


_Node = TypeVar("_Node", bound=_Bounded)


class Search(ABC, Generic[_Node]):
    """One branch and bound."""

    solver: ClassVar[str]
    """The name under which it answers."""
    stuck: ClassVar[str]
    """Why it ends where neither time is up nor its proof found."""
    enough: ClassVar[float] = 0.5
    """A node whose bound is within this share of the gap asked for is not divided."""
    worst: float = -np.inf
    """A bound at or below this leaves no plan."""

    def __init__(self, problem: Problem, options: Options, start: Floats | None) -> None:
        self.problem, self.options = problem, options
        self.clock, self.incumbent = Clock(options.time_limit), Incumbent(problem)
        if start is not None:
            self.incumbent.offer(start)
        self.order = itertools.count()
        self.open: list[tuple[float, int, _Node]] = []
        self.closed = -np.inf
        """The highest bound of what is neither open nor divided."""
        self.nodes = 0
        self.interrupted = False
        self.proof: Proof = {}

    @abstractmethod
    def root(self) -> _Node:
        """The whole problem; its bound is infinite, its place in the proof ``self.proof``."""

    @abstractmethod
    def step(self) -> None:
        """Take what is most promising off the tree, bound it, push what is left open of it."""

    def finish(self) -> None:
        """What is done with the best plan when the tree is done."""
        self.incumbent.sharpen()

    @property
    def most(self) -> float:
        """So many nodes are visited."""
        return np.inf

    def run(self) -> Solution:
        """Divide until the best open bound is within the gap, time is up, or nothing is open.

        The root is visited however short the time is, as without it nothing is proven.
        """
        # What is being visited is not on the tree when an interrupt comes.
        visited = np.inf
        try:
            self.push(self.root())
            while self.open and not (self.nodes and (self.clock.is_up or self.nodes >= self.most)):
                visited = -self.open[0][0]
                if visited <= self.good_enough():
                    break
                self.step()
                visited = -np.inf
                self._report()
            visited = -np.inf
            self.finish()
        except KeyboardInterrupt:
            if self.incumbent.spend is None:
                raise
            self.interrupted = True
        return self.solution(max([self.closed, visited, *(-item[0] for item in self.open)]))

    def push(self, node: _Node) -> None:
        """Leave a node open."""
        heapq.heappush(self.open, (-node.bound, next(self.order), node))

    def pop(self) -> _Node:
        """The most promising open node, no longer on the tree."""
        return heapq.heappop(self.open)[2]

    def good_enough(self) -> float:
        """A bound at or below this need not be searched."""
        value = self.incumbent.value
        if not np.isfinite(value):
            return self.worst
        return value + self.enough * self.options.gap * abs(value)

    def _report(self) -> None:
        if self.options.progress is not None and self.open:
            value = self.incumbent.value
            self.options.progress(
                self.clock.seconds, value if np.isfinite(value) else None, -self.open[0][0]
            )

    def why(self) -> str:
        """What ended a search without its proof."""
        if self.interrupted:
            return "interrupted"
        return "time limit" if self.clock.is_up else self.stuck

    def without_plan(self, about: Solution) -> Solution:
        """The answer where no plan was found; *about* has the bound and the proof."""
        return replace(about, reason="no plan found")

    def solution(self, bound: float) -> Solution:
        """The answer, from the best plan and a bound that none beats."""
        best = self.incumbent
        about = Solution(
            Status.STOPPED,
            bound=bound,
            proof=self.proof,
            solver=self.solver,
            reason=self.why(),
            seconds=self.clock.seconds,
            nodes=self.nodes,
            options=self.options,
        )
        if best.spend is None:
            return self.without_plan(about)
        bound = max(bound, best.value)
        proven = relative_gap(best.value, bound) <= self.options.gap
        return replace(
            about,
            status=Status.OPTIMAL if proven else Status.STOPPED,
            reason="proven" if proven else about.reason,
            spend=best.spend,
            value=best.value,
            bound=bound,
        )
