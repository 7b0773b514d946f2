"""Numbers, money and sentences in both languages."""

import json
import string
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.plan.constraints import Split
from optimizer.plan.curves import Log
from optimizer.plan.plan import Line, Plan
from optimizer.words import (
    LANGUAGES,
    catalogue,
    label,
    listed,
    money,
    number,
    percent,
    round_to_total,
    say,
)
from optimizer.words.rules import lifts_in_words, rule_name
from optimizer.words.voice import Voice


def slots(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_the_catalogues_have_the_same_keys_and_slots():
    english, chinese = catalogue("en"), catalogue("zh")
    assert english.keys() == chinese.keys()
    different = {
        key: (slots(english[key]), slots(chinese[key]))
        for key in english
        if slots(english[key]) != slots(chinese[key])
    }
    # Chinese may leave out a slot that English needs for grammar, but never add one.
    assert {key: pair for key, pair in different.items() if pair[1] - pair[0]} == {}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_key_stands_twice_in_a_catalogue(lang):
    text = resources.files("optimizer.words").joinpath(f"{lang}.json").read_text("utf-8")
    keys: list[str] = []
    json.loads(text, object_pairs_hook=lambda pairs: keys.extend(key for key, _ in pairs))
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_sentence_is_empty(lang):
    assert [key for key, text in catalogue(lang).items() if not text.strip(" ")] == []


def test_an_unknown_sentence_or_language_is_an_error():
    with pytest.raises(KeyError):
        say("no.such.key")
    with pytest.raises(KeyError):
        say("list.and", "fr")


@pytest.mark.parametrize(
    ("value", "english", "chinese"),
    [
        (0, "CN¥0", "¥0"),
        (0.4, "CN¥0.4", "¥0.4"),
        (4_099.37, "CN¥4.1K", "¥4,099"),
        (9_999.7, "CN¥10K", "¥1万"),
        (652_000, "CN¥652K", "¥65.2万"),
        (999_960, "CN¥1M", "¥100万"),
        (12_346_000, "CN¥12.3M", "¥1234.6万"),
        (120_000_000, "CN¥120M", "¥1.2亿"),
        (2.5e9, "CN¥2.5B", "¥25亿"),
        (-950_000, "−CN¥950K", "−¥95万"),
    ],
)
def test_compact_money(value, english, chinese):
    assert money(value, "CNY", "en", compact=True) == english
    assert money(value, "CNY", "zh", compact=True) == chinese


def test_full_and_signed_money():
    assert money(1_234_567.8, "USD") == "$1,234,568"
    assert money(1_234_567.8, "USD", "zh", digits=2, signed=True) == "+US$1,234,567.80"
    assert money(0.8231, "CNY") == "CN¥0.82"
    assert money(-0.001, "CNY", digits=2) == "CN¥0.00"  # never minus nothing


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_numbers_that_have_no_word_are_told_by_their_power_of_ten(lang):
    """Babel's decimals end at 28 digits."""
    for compact in (False, True):
        assert money(1.25e40, "EUR", lang, compact=compact) == "€1.25e40"
        assert number(-1e308, lang, 2, compact=compact) == "−1e308"
    assert percent(1e30, lang, signed=True) == "+1e32%"
    assert money(2e17, "EUR", lang) == "€200,000,000,000,000,000"


def test_numbers_and_shares():
    assert number(1234.5, "en", 1) == "1,234.5"
    assert number(65_200, "zh", 1, compact=True) == "6.5万"
    assert percent(0.1234) == "12.3%"
    assert percent(0.1234, "zh", 0, signed=True) == "+12%"
    assert percent(-0.004, digits=1, signed=True) == "−0.4%"


def test_lists_and_labels():
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(["a", "b", "c"], "zh") == "a、b和c"
    assert label("search.brand") == "Search · brand"
    assert label("search.brand", "zh") == "搜索 · 品牌"
    assert label("R&D {x}.traffic", "zh") == "R&D {x} · 流量"


def test_a_lift_is_told_by_line():
    lifts = {"search.traffic": 0.123, "social.traffic": 0.3}
    assert lifts_in_words(lifts) == (
        "Those who know the brand raise the outcomes of Search · traffic by 12% and "
        "Social · traffic by 30%"
    )
    chinese = lifts_in_words(lifts, "zh")
    assert "12%" in chinese
    assert "30%" in chinese


def test_a_long_list_ends_in_a_count_and_never_in_an_ellipsis():
    assert listed(list("abcde"), most=3) == "a, b, c and 2 more"
    assert listed(list("abcd"), most=3) == "a, b, c and d"
    assert listed(list("abcde"), "zh", 3) == "a、b、c和另外 2 项"


def test_sums_that_differ_read_differently():
    voice = Voice(minimal())
    assert voice.apart(2_401_252, 2_450_000) == ["$2.4M", "$2.45M"]
    assert voice.apart(1e6, 2e6) == ["$1M", "$2M"]
    assert voice.apart(1e6, 1e6) == ["$1M", "$1M"]
    assert voice.lines(1) == "1 line"
    assert voice.lines(2) == "2 lines"


def minimal(*constraints: Split) -> Plan:
    lines = tuple(
        Line(channel, Log(1000.0, 100.0), role, tags={"m": market})
        for channel, market in (("a", "de"), ("b", "fr"))
        for role in ("brand", "traffic")
    )
    return Plan("p", lines, 1e3, value=1.0, currency="USD", constraints=constraints)


def test_split_rules_are_told_apart_by_where_or_name():
    shares = {"brand": 0.4, "traffic": 0.6}
    one = minimal(Split(shares, name="de", where={"m": ("de",)}))
    assert rule_name("de", one) == "the 40% brand rule"
    two = minimal(*(Split(shares, name=m, where={"m": (m,)}) for m in ("de", "fr")))
    assert rule_name("de", two) == "the 40% brand rule of m: de"
    assert rule_name("fr", two, "zh") == "m: fr 的40%品牌规则"
    same = minimal(Split(shares, name="x"), Split(shares, name="y", tolerance=0.1))
    assert rule_name("x", same) == "the 40% brand rule of “x”"
    assert rule_name("y", same) == "the 40% brand rule of “y”"


values = st.lists(st.floats(0, 1e9), min_size=1, max_size=30)


@given(values, st.integers(0, 2))
def test_rounded_parts_add_up_to_the_rounded_total(parts, digits):
    total = sum(parts)
    rounded = round_to_total(parts, total, digits)
    unit = 10.0**-digits
    assert round(sum(rounded) / unit) == round(total / unit)
    assert all(abs(a - b) <= unit * 1.001 for a, b in zip(rounded, parts, strict=True))


def test_rounding_keeps_thirds_whole():
    assert round_to_total([1 / 3] * 3, 1, 2) == [0.34, 0.33, 0.33]
    assert round_to_total([], 0) == []
