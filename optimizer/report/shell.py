"""What every page has in common: one file with style, script and data, in both languages."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import metadata, resources
from typing import Any

from optimizer.words import LANGUAGES, say

from .theme import DARK, TURNING

__all__ = ["TAGS", "assets", "file_name", "fill", "page_html", "script_json"]

TAGS = {"en": "en", "zh": "zh-CN"}

# What the script says by itself.
_SPOKEN = ("page.language", "page.language_label", "page.theme_auto", "page.theme_light",
           "page.theme_dark", "page.copy", "page.copied", "page.no_charts")  # fmt: skip


def page_html(
    template: str,
    lang: str,
    titles: Mapping[str, str],
    figures: Mapping[str, Mapping[str, Any]],
    data: Mapping[str, Any],
    *,
    whole: bool = True,
    **slots: Any,
) -> str:
    """A page that loads nothing.

    Args:
        template: The name of its template.
        lang: The language that it opens in.
        titles: Its title by language.
        figures: Plotly's figures by language and chart.
        data: What else its script reads.
        whole: Whether its styles and scripts are in it; else they are those of :func:`assets`, and
            the figures stand with the data.
        slots: What else the template names.

    Raises:
        KeyError: there is no such language.
    """
    words: dict[str, Any] = {
        key.removeprefix("page."): {one: say(key, one) for one in LANGUAGES} for key in _SPOKEN
    }
    words["none"] = {one: say("word.none", one) for one in LANGUAGES}
    words["title"] = {one: title.translate(TURNING) for one, title in titles.items()}
    known = {
        "dark": DARK,
        "words": words,
        "tags": TAGS,
        **data,
    }
    drawn = {one: dict(found) for one, found in figures.items()}
    return fill(
        template,
        lang=lang,
        title=titles[lang],
        tags=TAGS,
        version=metadata.version("adsplit"),
        css=_source("page.css") if whole else "",
        script=_scripts() if whole else "",
        data=script_json(known if whole else {**known, "figures": drawn}),
        figures=_packed(_json(drawn)) if whole else "",
        plotly=_plotly() if whole else "",
        **slots,
    )


def assets() -> dict[str, bytes]:
    """What a page that is not whole leaves out: its style, its script, and Plotly's as gzip."""
    return {
        "page.css": _source("page.css").encode(),
        "page.js": _scripts().encode(),
        "plotly.js": base64.b64decode(_plotly()),
    }


def fill(template: str, **slots: Any) -> str:
    """A template with its slots filled, every text escaped."""
    return str(_environment().get_template(template).render(say=say, **slots))


def file_name(name: str) -> str:
    """A plan's name as the name of a file, without what file systems refuse."""
    return re.sub(r"[^\w\-]+", "-", name).strip("-_")[:60] or "plan"


def _json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _packed(text: str) -> str:
    """A text as the page unpacks it: compressed, in letters; the same for the same text."""
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=9, mtime=0)).decode("ascii")


def script_json(data: Any) -> str:
    """JSON that may stand in a script element, whatever texts it holds."""
    text = _json(data)
    for character, code in (
        ("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"),
        ("\u2028", "\\u2028"), ("\u2029", "\\u2029"),
    ):  # fmt: skip
        text = text.replace(character, code)
    return text


@cache
def _plotly() -> str:
    """Plotly's script, packed."""
    script = resources.files("plotly").joinpath("package_data", "plotly.min.js")
    return _packed(script.read_text(encoding="utf-8"))


def _scripts() -> str:
    return _source("explore.js") + _source("page.js")


def _source(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _settled(value: Any) -> Any:
    """Text for the page: it turns no text around it; names and signed numbers stay in one row."""
    if type(value) is not str:
        return value
    text = value.translate(TURNING).replace(" · ", "\N{NO-BREAK SPACE}· ")
    return text.replace("\N{MINUS SIGN}", "\N{MINUS SIGN}\N{WORD JOINER}")


@cache
def _environment() -> Any:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FunctionLoader(_source),
        finalize=_settled,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
