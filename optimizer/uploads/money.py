"""Money in whole units of its last decimal, divided so that nothing is lost: largest remainder."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

__all__ = ["divided", "whole"]


def whole(amounts: Sequence[float | Fraction], decimals: int) -> list[int]:
    """Amounts as whole numbers of 10^-decimals that add up to their rounded sum.

    Each is the next whole number below or above its own amount.
    """
    exact = [Fraction(amount) * 10**decimals for amount in amounts]
    return _topped_up(exact, round(sum(exact, Fraction())))


def divided(total: int, weights: Sequence[Fraction]) -> list[int]:
    """A whole number in parts as *weights* have it, which are zero or more and add up to *total*.

    Each part is the next whole number below or above its own; of equal remainders the first counts.
    """
    scale = sum(weights, Fraction())
    if not scale:
        if total:
            raise ValueError("money cannot be divided by weights that are all zero")
        return [0] * len(weights)
    if len(weights) == 1:
        return [total]
    return _topped_up([weight * total / scale for weight in weights], total)


def _topped_up(exact: Sequence[Fraction], total: int) -> list[int]:
    """Every amount rounded down, and what is left of *total* to the largest remainders.

    Only amounts with a remainder get more: *total* is their sum, rounded to a whole number.
    """
    parts = [amount.__floor__() for amount in exact]
    left = [float(part - amount) for part, amount in zip(parts, exact, strict=True)]
    order = sorted(range(len(exact)), key=left.__getitem__)
    for at in order[: total - sum(parts)]:
        parts[at] += 1
    return parts
