"""Money in whole cents: nothing is lost, and nobody is off by a cent or more."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.uploads.money import divided, whole

amounts = st.lists(st.floats(0, 1e9), min_size=1, max_size=12)
weights = st.lists(st.fractions(0, 1000), min_size=1, max_size=12)


@given(amounts, st.integers(0, 6))
def test_rounded_amounts_add_up_to_the_rounded_sum(values: list[float], decimals: int) -> None:
    exact = [Fraction(value) * 10**decimals for value in values]
    found = whole(values, decimals)
    assert sum(found) == round(sum(exact))
    assert all(abs(one - own) < 1 for one, own in zip(found, exact, strict=True))


@given(weights, st.integers(0, 10**12))
def test_parts_add_up_to_the_whole_and_nobody_is_off_by_one(
    parts: list[Fraction], total: int
) -> None:
    if not sum(parts):
        assert divided(0, parts) == [0] * len(parts)
        return
    found = divided(total, parts)
    assert sum(found) == total
    quotas = [total * part / sum(parts) for part in parts]
    assert all(abs(one - quota) < 1 for one, quota in zip(found, quotas, strict=True))


@given(weights, st.integers(0, 10**6))
def test_what_gets_nothing_stays_without(parts: list[Fraction], total: int) -> None:
    if sum(parts):
        found = divided(total, parts)
        assert all(one == 0 for one, part in zip(found, parts, strict=True) if part == 0)


def test_the_largest_remainder_gets_the_cent_and_of_equals_the_first() -> None:
    assert whole([0.333, 0.333, 0.334], 2) == [33, 33, 34]
    assert divided(100, [Fraction(1, 3)] * 3) == [34, 33, 33]
    assert divided(10, [Fraction(11), Fraction(26), Fraction(63)]) == [1, 3, 6]


def test_cents_that_floats_only_come_near_are_kept() -> None:
    values = [0.1, 0.2, 0.29, 1.15, 4.35]  # 0.29 * 100 is 28.999999999999996
    assert whole(values, 2) == [10, 20, 29, 115, 435]


def test_money_without_weights_is_refused() -> None:
    with pytest.raises(ValueError, match="all zero"):
        divided(5, [Fraction(), Fraction()])
