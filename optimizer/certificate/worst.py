"""The worlds of a worst case, put together anew: at most so many numbers at an end of their range.

Which choice of numbers hurts a spend most is found by looking at all of them, or, where no two
numbers move the same column and so what they do adds up, by looking at each alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product
from math import comb

import numpy as np

from optimizer.plan.curves import Floats
from optimizer.plan.plan import Plan
from optimizer.plan.risk import WorstCase
from optimizer.worlds import Worlds

__all__ = ["Choice", "Ends"]

Choice = tuple[tuple[str, int], ...]
"""Names of numbers, each with 0 for its lower end or 1 for its upper one."""

# Choices that are looked at one by one.
_MANY = 20_000


class Ends:
    """The numbers of a plan under a worst case, and their ends."""

    def __init__(self, plan: Plan) -> None:
        assert isinstance(plan.risk, WorstCase)
        self.plan, self.ends = plan, Worlds.ends(plan)
        self.most = min(int(plan.risk.numbers + 1e-9), len(self.ends))

    def read(self, stated: object) -> list[Choice] | None:
        """The choices that a proof names; None where one of them is not allowed."""
        if not isinstance(stated, list | tuple) or not stated:
            return None
        found: list[Choice] = []
        for choice in stated:
            if not isinstance(choice, list | tuple) or len(choice) > self.most:
                return None
            pairs: list[tuple[str, int]] = []
            for pair in choice:
                if not isinstance(pair, list | tuple) or len(pair) != 2:
                    return None
                name, end = pair
                if not isinstance(name, str) or name not in self.ends:
                    return None
                if isinstance(end, bool) or end not in (0, 1):
                    return None
                pairs.append((name, int(end)))
            if len({name for name, _ in pairs}) < len(pairs):
                return None
            found.append(tuple(pairs))
        return found

    def worlds(self, choices: Sequence[Choice]) -> Worlds:
        """One world for every choice; the other numbers are as stated."""
        stated, numbers = Worlds.stated(self.plan), dict[str, Floats]()
        for name, paths in self.ends.items():
            for path, (low, high) in paths.items():
                values = np.full(len(choices), stated[path])
                for place, choice in enumerate(choices):
                    for own, end in choice:
                        if own == name:
                            values[place] = high if end else low
                numbers[path] = values
        return Worlds.at(self.plan, numbers)

    def worst(self, spend: Floats) -> tuple[float, bool]:
        """What a spend is worth at worst, fines not taken off, and whether that is sure."""
        singles: list[Choice] = [((name, end),) for name in self.ends for end in (0, 1)]
        alone = self.worlds([(), *singles])
        values = alone.values(spend)
        if self.most == 0:
            return float(values[0]), True
        if _adds_up(alone):
            loss = np.maximum((values[0] - values[1:]).reshape(-1, 2).max(axis=1), 0.0)
            return float(values[0] - np.sort(loss)[::-1][: self.most].sum()), True
        n = len(self.ends)
        if sum(comb(n, k) * 2**k for k in range(self.most + 1)) > _MANY:
            return float(values.min()), False
        every: list[Choice] = [
            tuple(zip(names, ends, strict=True))
            for k in range(self.most + 1)
            for names in combinations(self.ends, k)
            for ends in product((0, 1), repeat=k)
        ]
        return float(self.worlds(every).values(spend).min()), True


def _adds_up(alone: Worlds) -> bool:
    """Whether no two numbers move the same column: first none, then each at its two ends."""
    if not alone.shares_stocks:
        return False
    moved = np.zeros((alone.n, alone.problem.n_columns), bool)
    for _, where, parameters in alone.curves.families:
        for values in parameters:
            moved[:, where] |= values != values[0]
    for values in (alone.weights, alone.price, alone.exposure):
        moved |= values != values[0]
    return bool((moved[1::2] | moved[2::2]).sum(axis=0).max(initial=0) <= 1)
