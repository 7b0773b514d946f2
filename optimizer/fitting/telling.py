"""A fit in words, in both languages, and as plain data."""

from __future__ import annotations

from typing import Any

from optimizer.words import label, number, percent, say

from .calibration import Fit, Remark

__all__ = ["fit_answer", "remark_text", "sentences", "title"]


def title(made: Fit, lang: str = "en") -> str:
    """What was fitted, in one line."""
    history = made.history
    count = len(history.lines)
    return say(
        "fit.title",
        lang,
        name=history.map.name or history.source,
        lines=say("count.line" if count == 1 else "count.lines", lang, count=count),
        periods=history.n,
        every=history.every,
        first=history.labels[0],
        last=history.labels[-1],
    )


def sentences(made: Fit, lang: str = "en") -> list[str]:
    """How well it foretells, what it cannot say, and what speaks against it."""
    foretold = made.foretold
    told = [
        say(
            "fit.foretold",
            lang,
            periods=foretold.periods,
            error=percent(foretold.error, lang),
            plain=percent(foretold.without_spend, lang),
            inside=percent(foretold.inside, lang, 0),
        )
    ]
    told += [say("fit.held", lang, line=label(line.name, lang)) for line in made.lines if line.held]
    told += [remark_text(remark, lang) for remark in made.remarks]
    return [*told, say("fit.calibration", lang)]


def remark_text(remark: Remark, lang: str = "en") -> str:
    """A remark as a sentence."""
    texts = {
        name: percent(value, lang, 0 if name == "share" else 1)
        if name in {"share", "error", "plain"}
        else number(value, lang, 2 if abs(value) < 100 else 0)
        for name, value in remark.slots.items()
    }
    return say(remark.key, lang, line=label(remark.line, lang), **texts)


def fit_answer(made: Fit, lang: str = "en", **files: str) -> dict[str, Any]:
    """The fit as plain data; *files* are what was written."""
    history, foretold = made.history, made.foretold
    return {
        "schema": "adsplit.fit/1",
        "history": history.source,
        "every": history.every,
        "periods": history.n,
        "first": history.labels[0],
        "last": history.labels[-1],
        "places": len(history.places),
        "currency": history.map.currency,
        "lines": [
            {str(key): _plain(value) for key, value in row.items()}
            | {"curve": {name: _plain(value) for name, value in vars(line.curve).items()}}
            for row, line in zip(made.frame.to_dict("records"), made.lines, strict=True)
        ],
        "foretold": {name: _plain(value) for name, value in vars(foretold).items()},
        "remarks": [
            {
                "key": remark.key.removeprefix("fit."),
                "line": remark.line or None,
                "serious": remark.serious,
                "says": remark_text(remark, lang),
            }
            for remark in made.remarks
        ],
        "seed": made.seed,
        "seconds": round(made.seconds, 3),
        **files,
    }


def _plain(value: Any) -> Any:
    item = getattr(value, "item", None)
    return item() if callable(item) else value
