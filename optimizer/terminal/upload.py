"""An upload on a terminal: money per campaign, and what to know before the file is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimizer.words import number

if TYPE_CHECKING:
    from optimizer.uploads.upload import Upload

    from .paper import Paper

__all__ = ["page"]

_MOST = 40
"""Campaigns of a table; of more, the largest are shown."""


def page(paper: Paper, made: Upload) -> None:
    """The campaigns with their money, then every remark."""
    from optimizer.uploads.telling import sentences, title

    lang = paper.lang
    paper.print(title(made, lang), "bold")
    paper.print()
    frame = made.by_campaign
    shown = frame if len(frame) <= _MOST else frame.nlargest(_MOST, "amount")
    rows = [
        [str(campaign), number(count, lang), number(amount, lang, made.decimals)]
        for campaign, count, amount in shown.itertuples(index=False, name=None)
    ]
    if len(shown) < len(frame):
        rest = frame.drop(shown.index)
        others = paper.say("upload_others", count=len(rest))
        count, amount = int(rest["rows"].sum()), float(rest["amount"].sum())
        rows.append([others, number(count, lang), number(amount, lang, made.decimals)])
    heads = [paper.say(key) for key in ("upload_campaign", "upload_rows", "upload_amount")]
    footer = [
        paper.say("total"),
        number(len(made.cells), lang),
        number(made.total, lang, made.decimals),
    ]
    paper.table(heads, rows, footer=footer, words=(0,))
    paper.print()
    paper.bullets(sentences(made, lang))
