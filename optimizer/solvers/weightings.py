"""Attitudes to risk as weightings of worlds.

A plan's worth under risk is the worst of some weightings of what it is worth in the worlds,

    ρ(V) = min over q ∈ Q of Σₛ qₛ·(Vₛ − baseₛ),   Q = {mean + t : 0 ≤ t ≤ cap, Σ t = total}.

Expected value has the probabilities for *mean* and nothing else; CVaR at a level a a *total* of one
under a *cap* of p/(1 − a) (Rockafellar & Uryasev, 2000); least regret and the worst case a total of
one under no cap. Every q ∈ Q bounds what any plan is worth: ρ(V) ≤ Σ q·(V − base).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.plan.curves import Floats
from optimizer.plan.risk import Chance, CVaR, Expected, Risk

__all__ = ["Weighting"]


@dataclass(frozen=True, eq=False)
class Weighting:
    """The set Q, and what is taken off each world's value; arrays of shape (n_worlds,)."""

    mean: Floats
    """What each world weighs in any case."""
    cap: Floats
    """What it may weigh at most beyond that."""
    total: float
    """What all weigh together beyond that."""
    base: Floats

    @classmethod
    def of(cls, risk: Risk, probability: Floats, base: Floats | None = None) -> Weighting:
        """The weightings of an attitude for worlds of such *probability*.

        A chance is about another number than the value; its value is the expected one.
        """
        base = np.zeros(len(probability)) if base is None else base
        if isinstance(risk, Expected | Chance):
            return cls(probability, np.zeros(len(probability)), 0.0, base)
        if isinstance(risk, CVaR):
            cap = risk.weight * probability / (1.0 - risk.level)
            return cls((1.0 - risk.weight) * probability, cap, risk.weight, base)
        # A cap of two is none, and leaves room where there is but one world.
        return cls(np.zeros(len(probability)), np.full(len(probability), 2.0), 1.0, base)

    def worst(self, values: Floats) -> Floats:
        """The weights q ∈ Q that make least of *values*: the worst worlds filled to their caps."""
        order = np.argsort(values - self.base, kind="stable")
        filled = np.minimum(np.cumsum(self.cap[order]), self.total)
        weights = self.mean.copy()
        weights[order] += np.diff(filled, prepend=0.0)
        return weights

    def value(self, values: Floats) -> float:
        """ρ: what such values are worth under risk."""
        return float(self.worst(values) @ (values - self.base))

    def nearest(self, tail: Floats) -> Floats:
        """Weights in Q near mean + *tail*, a tail that all but keeps the caps and the total."""
        tail = np.clip(tail, 0.0, self.cap)
        for _ in range(50):
            missing = self.total - tail.sum()
            room = self.cap - tail if missing > 0 else tail
            if abs(missing) <= 1e-15 * self.total or not room.sum() > 0:
                break
            # First where something is, so that worlds of no weight stay so where they can.
            known = np.minimum(room, tail)
            share = known if known.sum() > abs(missing) else room
            tail = np.clip(tail + missing * share / share.sum(), 0.0, self.cap)
        return self.mean + tail

    def holds(self, weights: Floats, room: float = 1e-9) -> bool:
        """Whether *weights* are in Q, to a share *room* of one."""
        tail = weights - self.mean
        kept = np.all((tail >= -room) & (tail <= self.cap + room))
        return bool(kept and abs(tail.sum() - self.total) <= room)
