"""Money and shares as people write them; what could mean two things is refused."""

import math

import pytest
from pydantic import TypeAdapter, ValidationError

from optimizer.plan.units import (
    Number,
    Percent,
    Positive,
    parse_amount,
    parse_money,
    parse_ratio,
    parse_share,
)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        (0, 0.0),
        (12, 12.0),
        (0.5, 0.5),
        ("12", 12.0),
        (" 12_000_000 ", 12e6),
        ("12M", 12e6),
        ("1.5 M", 1.5e6),
        ("90k", 90e3),
        ("90K", 90e3),
        ("2B", 2e9),
        ("2bn", 2e9),
        ("1200万", 12e6),
        ("1200萬", 12e6),
        ("1.2亿", 1.2e8),
        ("1.2億", 1.2e8),
        ("3千", 3e3),
        ("3百万", 3e6),
        ("3千万", 3e7),
        ("１２００万", 12e6),
        ("1e6", 1e6),
        ("+5", 5.0),
    ],
)
def test_money_is_read(text: object, amount: float) -> None:
    assert parse_money(text) == pytest.approx(amount)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1,5", "ambiguous"),
        ("1,000,000", "ambiguous"),
        ("1，000", "ambiguous"),
        ("1.000.000", "is not money"),
        ("12m", "write 12M"),
        ("12MM", "unknown unit 'MM'"),
        ("12 USD", "unknown unit 'USD'"),
        ("$12", "is not money"),
        ("", "is not money"),
        ("M", "is not money"),
        ("1__0", "is not money"),
        ("1_", "is not money"),
        (".5", "is not money"),
        ("5%", "is not money"),
        ("2027-01-01", "is not money"),
        ("nan", "is not money"),
        ("inf", "is not money"),
        ("1e999", "finite"),
        (-1, "negative"),
        ("-1k", "negative"),
        (math.nan, "finite"),
        (math.inf, "finite"),
        (10**400, "finite"),
        (True, "True is not money"),
        (None, "None is not money"),
        ([1], "is not money"),
    ],
)
def test_money_is_refused(text: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_money(text)


@pytest.mark.parametrize(
    ("text", "share"), [(0, 0), (1, 1), (0.6, 0.6), ("0.6", 0.6), ("60%", 0.6), ("60 ％", 0.6)]
)
def test_a_share_is_read(text: object, share: float) -> None:
    assert parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", [60, "60", 1.01, -0.1, "101%", "-1%", "6:4", True, None, "x%"])
def test_a_share_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"share|between"):
        parse_share(text)


def test_a_ratio_is_read() -> None:
    assert parse_ratio("6:4") == (0.6, 0.4)
    assert parse_ratio("60：40") == (0.6, 0.4)
    assert parse_ratio("1:1:2") == (0.25, 0.25, 0.5)


@pytest.mark.parametrize("text", ["6", "6:", "0:0", "-1:2", "a:b", "6/4"])
def test_a_ratio_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="ratio"):
        parse_ratio(text)


def test_an_amount_is_money_or_a_share_of_the_budget() -> None:
    assert parse_amount("12k") == 12_000
    assert parse_amount("30%") == Percent(0.3)
    assert parse_amount(Percent(0.3)) == Percent(0.3)
    assert str(Percent(0.3)) == "30%"
    assert repr(Percent(0.3)) == "Percent(0.3)"
    assert len({Percent(0.3), Percent(0.3), Percent(0.4)}) == 2


def test_true_is_no_number() -> None:
    for kind in (Number, Positive):
        with pytest.raises(ValidationError):
            TypeAdapter(kind).validate_python(True)
    with pytest.raises(ValidationError):
        TypeAdapter(Positive).validate_python(0)
