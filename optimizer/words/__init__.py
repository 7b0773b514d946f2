"""Sentences, numbers and money as Chinese and English readers write them.

One catalogue per language (``en.json``, ``zh.json``) holds every sentence as a template with named
slots; nothing is put together from pieces, as the order of words differs. Numbers go through Babel.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from babel import Locale

__all__ = [
    "LANGUAGES",
    "catalogue",
    "label",
    "listed",
    "money",
    "number",
    "percent",
    "round_to_total",
    "say",
    "stage",
]

LANGUAGES = ("en", "zh")

MINUS = "\N{MINUS SIGN}"

_LOCALES = {"en": "en_US", "zh": "zh_CN"}
# Where each language begins a new word for large numbers: K, M, B, T and 万, 亿, 万亿.
_MAGNITUDES = {"en": (1.0, 1e3, 1e6, 1e9, 1e12), "zh": (1.0, 1e4, 1e8, 1e12)}
_HUGE = 1e18
"""From here on numbers are told by their power of ten."""


@cache
def catalogue(lang: str) -> dict[str, str]:
    """The whole catalogue of a language: key to template."""
    if lang not in LANGUAGES:
        raise KeyError(f"no language {lang!r}; known: {', '.join(LANGUAGES)}")
    text = resources.files(__name__).joinpath(f"{lang}.json").read_text(encoding="utf-8")
    templates: dict[str, str] = json.loads(text)
    return templates


def say(key: str, lang: str = "en", **slots: object) -> str:
    """The sentence *key* with its slots filled.

    Raises:
        KeyError: there is no such sentence, or a slot is missing.
    """
    return catalogue(lang)[key].format(**slots)


@cache
def _locale(lang: str) -> Locale:
    """Parsed once: by its name Babel looks for it among all it knows, at every number."""
    from babel import Locale

    return Locale.parse(_LOCALES[lang])


def money(
    value: float,
    currency: str,
    lang: str = "en",
    *,
    compact: bool = False,
    signed: bool = False,
    digits: int | None = None,
) -> str:
    """Money with its currency: ``CN¥1,234,600``, compact ``CN¥1.2M`` or ``¥123.5万``.

    Without *digits* compact money has one decimal, other money none from 100 on and two below.
    """
    from babel.numbers import format_compact_currency, format_currency, get_currency_symbol

    if _HUGE <= abs(value) < math.inf:
        symbol = get_currency_symbol(currency, _locale(lang))
        return _sign(value, 0, symbol + _scientific(value), signed=signed)
    if digits is None:
        digits = 0 if value == 0 else 1 if compact else 0 if abs(value) >= 100 else 2
    size = _past_thousand(abs(value), lang, digits)
    if compact and size >= _MAGNITUDES[lang][1]:
        text = format_compact_currency(
            size,
            currency,
            locale=_locale(lang),
            fraction_digits=digits,
        )
    else:
        digits = 0 if compact and abs(value) >= 100 else digits
        text = format_currency(
            abs(value),
            currency,
            "¤#,##0" + ("." + "0" * digits if digits else ""),
            locale=_locale(lang),
            currency_digits=False,
        )
    return _sign(value, digits, text, signed=signed)


def number(
    value: float,
    lang: str = "en",
    digits: int = 0,
    *,
    compact: bool = False,
    signed: bool = False,
) -> str:
    """A plain number with *digits* decimals: ``1,234.5``, compact ``1.2K`` or ``1.2万``."""
    from babel.numbers import format_compact_decimal, format_decimal

    if _HUGE <= abs(value) < math.inf:
        return _sign(value, 0, _scientific(value), signed=signed)
    locale = _locale(lang)
    size = _past_thousand(abs(value), lang, digits)
    if compact and size >= _MAGNITUDES[lang][1]:
        text = format_compact_decimal(size, locale=locale, fraction_digits=digits)
    else:
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        text = format_decimal(abs(value), pattern, locale=locale)
    return _sign(value, digits, text, signed=signed)


def percent(share: float, lang: str = "en", digits: int = 1, *, signed: bool = False) -> str:
    """A share as per cent: 0.123 is ``12.3%``."""
    return number(100 * share, lang, digits, signed=signed) + "%"


def _scientific(value: float) -> str:
    """The size of a number that has no words of its own: ``1.25e30``."""
    return f"{abs(value):.3g}".replace("e+", "e")


def _past_thousand(size: float, lang: str, digits: int) -> float:
    """*size*, or the next magnitude where rounding reaches it: 999,960 is 1M and not 1000K."""
    steps = _MAGNITUDES[lang]
    for here, above in itertools.pairwise(steps):
        if here <= size < above:
            shown = round(size / here, digits if here > 1 else 0)
            return above if shown >= above / here else size
    return size


def _sign(value: float, digits: int, text: str, *, signed: bool) -> str:
    if round(abs(value), digits) == 0 and abs(value) < 1:
        return text
    return f"{MINUS}{text}" if value < 0 else f"+{text}" if signed else text


def listed(items: Sequence[str], lang: str = "en", most: int | None = None) -> str:
    """The items as one phrase: ``A, B and C``; beyond *most* of them ``A, B and 3 more``."""
    if most is not None and len(items) > most + 1:
        items = [*items[:most], say("list.more", lang, count=len(items) - most)]
    if len(items) < 2:
        return "".join(items)
    head = say("list.comma", lang).join(items[:-1])
    return say("list.and", lang, head=head, last=items[-1])


def label(name: str, lang: str = "en") -> str:
    """The name of a line or role for a reader: ``search.brand`` is ``Search · brand``."""
    known = catalogue(lang)
    words = name.split(".")
    first = known.get(f"channel.{words[0]}", known.get(f"role.{words[0]}", words[0]))
    return " · ".join([first, *(known.get(f"role.{word}", word) for word in words[1:])])


def stage(name: str, lang: str = "en") -> str:
    """The name of a stage of the funnel for a reader, in the plural: ``lead`` is ``leads``."""
    return catalogue(lang).get(f"stage.{name}", name)


def round_to_total(values: Sequence[float], total: float, digits: int = 0) -> list[float]:
    """Rounded *values* that add up to the rounded *total* (largest remainder).

    Each differs from its value by less than one unit of the last digit, given that the values add
    up to the total; what is missing goes to those that rounding down hurts most.
    """
    unit = 10.0**-digits
    exact = [value / unit for value in values]
    low = [math.floor(value + 1e-9) for value in exact]
    missing = round(total / unit) - sum(low)
    order = sorted(range(len(low)), key=lambda i: (low[i] - exact[i], i))
    if not order:
        return []
    for step in range(abs(missing)):
        position = order[step % len(order)] if missing > 0 else order[-1 - step % len(order)]
        low[position] += 1 if missing > 0 else -1
    return [round(value * unit, max(digits, 0)) for value in low]
