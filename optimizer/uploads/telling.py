"""An upload in words, in both languages, and as plain data."""

from __future__ import annotations

from typing import Any

from optimizer.words import money, number, say

from .upload import Remark, Upload

__all__ = ["sentences", "title", "upload_answer"]

_MONEY = ("money", "whole")


def title(made: Upload, lang: str = "en") -> str:
    """What was made, in one line."""
    spans = [unit for unit in made.units if unit is not None]
    rows = say(
        "upload.row" if len(made.cells) == 1 else "upload.rows",
        lang,
        count=number(len(made.cells), lang),
    )
    key = "upload.title" if spans else "upload.title_whole"
    return say(
        key,
        lang,
        name=made.plan.name,
        money=_cash(made.total, made, lang),
        rows=rows,
        first=min(span.start for span in spans).isoformat() if spans else "",
        last=max(span.end for span in spans).isoformat() if spans else "",
    )


def sentences(made: Upload, lang: str = "en") -> list[str]:
    """Everything that a reader should know before the file goes into the tool."""
    return [_told(remark, made, lang) for remark in made.remarks]


def _told(remark: Remark, made: Upload, lang: str) -> str:
    texts = {
        name: _cash(value, made, lang) if name in _MONEY else str(value)
        for name, value in remark.slots.items()
    }
    one = remark.slots.get("count") == 1
    return say(f"{remark.key}_one" if one else remark.key, lang, **texts)


def _cash(value: float, made: Upload, lang: str) -> str:
    """Money to the last decimal that the file has."""
    return money(value, made.plan.currency, lang, digits=made.decimals)


def upload_answer(made: Upload, lang: str = "en") -> dict[str, Any]:
    """The upload as plain data."""
    return {
        "schema": "adsplit.upload/1",
        "name": made.plan.name,
        "currency": made.plan.currency,
        "total": made.total,
        "columns": list(made.heads),
        "rows": made.frame.to_dict("records"),
        "campaigns": made.by_campaign.to_dict("records"),
        "lines": made.lines.to_dict("records"),
        "says": [title(made, lang), *sentences(made, lang)],
    }
