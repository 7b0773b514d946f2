"""Every result as a fragment of HTML for a notebook: a headline in words, and a table.

The fragment loads nothing and runs nothing; every text in it is escaped.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any

from optimizer.allocation import Allocation
from optimizer.analysis.assurance import assure, source_name
from optimizer.analysis.certainty import Certainty
from optimizer.analysis.commitment import Committed
from optimizer.analysis.committing import advise
from optimizer.analysis.comparison import Comparison
from optimizer.analysis.explanation import Explanation, explain
from optimizer.analysis.explorer import Explorer
from optimizer.analysis.following import tell
from optimizer.analysis.fresh import Fresh
from optimizer.analysis.frontier import Frontier
from optimizer.analysis.horizon import Horizons
from optimizer.analysis.information import Information
from optimizer.analysis.prices import Prices
from optimizer.analysis.sweep import Sweep
from optimizer.analysis.tornado import Tornado
from optimizer.analysis.tracking import Tracking
from optimizer.analysis.variations import Failed
from optimizer.fitting.calibration import Fit
from optimizer.fitting.telling import sentences
from optimizer.fitting.telling import title as fit_title
from optimizer.plan.plan import Plan
from optimizer.uploads import telling
from optimizer.uploads.upload import Upload
from optimizer.words import LANGUAGES, label, number, percent, say
from optimizer.words.voice import Voice

from . import evidence
from .blocks import Column, Table
from .fitting import lines_table
from .shell import TAGS, fill
from .tables import allocation_table
from .view import View

__all__ = ["Told", "frame_html", "html_of", "told"]

MOST = 40
"""Rows of a table that are shown."""

LARGE = 400
"""Lines from which on a plan is shown by its largest ones, without sentences on each."""


@dataclass(frozen=True)
class Told:
    """A result in short."""

    headline: str
    notes: Sequence[str] = ()
    tables: Sequence[Table] = field(default_factory=tuple)


def html_of(result: Any, lang: str | None = None) -> str:
    """*result* as a fragment of HTML.

    Args:
        result: Any result of the library.
        lang: Its language; without one that of ``ADSPLIT_LANG``, else English.

    Raises:
        TypeError: it is no kind of result.
        KeyError: there is no such language.
    """
    if lang is None:
        asked = os.environ.get("ADSPLIT_LANG", "")
        lang = asked if asked in LANGUAGES else "en"
    short = told(result, lang)
    return _html(short.headline, short.notes, short.tables, lang)


def frame_html(headline: str, note: str, table: Table | None, lang: str) -> str:
    """A headline, a note and a table as a fragment of HTML."""
    return _html(headline, [note] if note else [], [] if table is None else [table], lang)


def _html(headline: str, notes: Sequence[str], tables: Sequence[Table], lang: str) -> str:
    return fill("notebook.html.jinja", headline=headline, notes=notes, tables=tables, lang=lang,
                tag=TAGS[lang], most=MOST)  # fmt: skip


# ------------------------------------------------------------------------------- tables of frames


@dataclass(frozen=True)
class Cells:
    """How the columns of a result's table are written."""

    lang: str
    plan: Plan | None = None

    def table(self, frame: Any, *columns: tuple[str, str, str]) -> Table:
        """The *columns* of *frame* that hold anything: name, form, and key of the title."""
        kept = [
            one for one in columns if one[0] in frame.columns and frame[one[0]].notna().any()
        ]  # fmt: skip
        rows = [
            [self.cell(value, form) for value, (_, form, _) in zip(row, kept, strict=True)]
            for row in frame[[name for name, _, _ in kept]].itertuples(index=False, name=None)
        ]
        heads = [
            Column(say(key, self.lang), is_number=form not in {"text", "line", "status"})
            for _, form, key in kept
        ]
        uses_money = any(form == "money" for _, form, _ in kept)
        caption = ""
        if uses_money and self.plan is not None:
            caption = say("notebook.currency", self.lang, currency=self.plan.currency)
        return Table(caption, heads, rows)

    def cell(self, value: Any, form: str) -> str:
        """One value in its form."""
        if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
            return say("word.none", self.lang)
        if form == "text":
            return str(value)
        if form == "line":
            return label(str(value), self.lang)
        if form == "status":
            word = {"optimal", "stopped", "given"}
            return say(f"status.{'short.' if str(value) in word else ''}{value}", self.lang)
        if not math.isfinite(value):
            return "∞" if value > 0 else "−∞"
        if form == "share":
            return percent(float(value), self.lang)
        if form in {"worth", "money", "change"}:
            size = abs(float(value))
            digits = 0 if size >= 100 or size == 0 else 2 if size >= 0.1 else 5
            return number(float(value), self.lang, digits, signed=form == "change")
        return f"{float(value):,.0f}" if abs(value) >= 1000 else f"{float(value):.4g}"


def _worth(voice: Voice, frame: Any, *names: str) -> Any:
    """*frame* with objectives as a reader counts them."""
    if voice.plan.objective.kind != "lowest_spend":
        return frame
    return frame.assign(**{name: -frame[name] for name in names if name in frame.columns})


def _texts(statements: Iterable[Any]) -> list[str]:
    return [one.text for one in statements]


# ------------------------------------------------------------------------------- kind by kind


@singledispatch
def told(result: Any, lang: str) -> Told:
    """*result* in short, in one language.

    Raises:
        TypeError: it is no kind of result.
    """
    raise TypeError(f"{type(result).__name__} is no result that can be shown ({lang})")


@told.register
def _(result: Allocation, lang: str) -> Told:
    view = View(result, lang)
    if len(result.plan.lines) > LARGE:
        frame = result.by_line
        top = frame.sort_values("spend", ascending=False).head(MOST)
        table = Cells(lang, result.plan).table(
            top, ("line", "line", "table.line"), ("spend", "money", "table.recommended"),
            ("share", "share", "table.share"), ("current", "money", "table.today"),
            ("change", "change", "table.change"),
        )  # fmt: skip
        return Told(_whole(view), [say("notebook.more", lang, count=len(frame) - len(top))],
                    [table])  # fmt: skip
    words = explain(result, lang=lang)
    return Told(words.headline.text, [words.proof.text], [allocation_table(view)])


def _whole(view: View) -> str:
    """A plan of very many lines in one sentence."""
    voice, answer = view.voice, view.allocation
    return voice.say("headline.given", spent=voice.cash(answer.spent), noun=voice.noun,
                     value=voice.amount(voice.worth(answer.objective)))  # fmt: skip


@told.register
def _(result: Explanation, lang: str) -> Told:
    del lang  # it has its own
    said = (*result.moves, *result.rules, *result.risk, *result.alerts, result.proof)
    return Told(result.headline.text, _texts(said))


@told.register
def _(result: Fit, lang: str) -> Told:
    return Told(fit_title(result, lang), sentences(result, lang), [lines_table(result, lang)])


@told.register
def _(result: Upload, lang: str) -> Told:
    heads = [Column(head, is_number=False) for head in result.heads]
    rows = [[str(value) for value in row] for row in result.cells]
    return Told(telling.title(result, lang), telling.sentences(result, lang),
                [Table("", heads, rows)])  # fmt: skip


@told.register
def _(result: Prices, lang: str) -> Told:
    frame = result.frame
    count = int(frame["binding"].astype(bool).sum())
    key = "notebook.prices_one" if count == 1 else "notebook.prices"
    section = evidence.prices(View(result.allocation, lang), result)
    notes = [chart.title for chart in section.charts]
    return Told(say(key, lang, binding=count, total=len(frame)), notes, section.tables)


@told.register
def _(result: Sweep, lang: str) -> Told:
    voice, by_share = Voice(result.plan, lang), result.path == "split.brand"
    frame = _worth(voice, result.frame, "value")
    form = {"money": "money", "share": "share"}.get(result.unit, "plain")
    path = voice.say("table.brand_share").lower() if by_share else result.path
    solved, count = frame["value"].dropna(), len(frame)
    if solved.empty:
        headline = say("notebook.sweep_none", lang, count=count, path=path)
    else:
        headline = say(
            "notebook.sweep", lang, count=count, path=path, noun=voice.noun,
            low=voice.amount(solved.min()), high=voice.amount(solved.max()),
        )  # fmt: skip
    title = {"budget": "table.budget", "split.brand": "table.brand_share"}
    columns = [
        ("x", form, title.get(result.path, "table.stated")),
        ("spent", "money", "table.spent"),
    ]
    columns += _brought(result.plan)
    if not by_share:
        columns.append(("brand_share", "share", "table.brand_share"))
    table = Cells(lang, result.plan).table(frame, *columns, ("status", "status", "table.status"))
    return Told(headline, [], [table])


def _brought(plan: Plan) -> list[tuple[str, str, str]]:
    """The columns of what a plan brings; revenue or profit is not shown twice."""
    money = [("revenue", "money", "table.revenue"), ("profit", "money", "table.profit")]
    if plan.objective.kind in {"revenue", "profit"}:
        return money
    return [("value", "worth", "table.best_value"), *money]


@told.register
def _(result: Horizons, lang: str) -> Told:
    table = Cells(lang, result.plan).table(
        result.frame,
        ("label", "text", "table.until"), ("brand_share", "share", "table.free_share"),
        ("value_rule", "worth", "table.value_rule"), ("value_free", "worth", "table.value_free"),
        ("cost", "worth", "table.rule_cost"), ("status", "status", "table.status"),
    )  # fmt: skip
    headline, *notes = result.sentences(lang)
    return Told(headline, notes, [table])


@told.register
def _(result: Tornado, lang: str) -> Told:
    voice = Voice(result.plan, lang)
    sides = ("reoptimised_low", "reoptimised_high", "kept_low", "kept_high")
    frame = _worth(voice, result.frame, *sides)
    table = Cells(lang, result.plan).table(
        frame, ("label", "text", "table.assumption"), ("low", "plain", "table.low"),
        ("value", "plain", "table.stated"), ("high", "plain", "table.high"),
        *((side, "worth", f"table.{side.replace('reoptimised', 'anew')}") for side in sides),
        ("grade", "text", "table.grade"),
    )  # fmt: skip
    if frame.empty or not frame["swing"].iloc[0] > 0:
        return Told(say("notebook.tornado_none", lang), [], [table])
    top = frame.iloc[0]
    ends = [voice.worth(result.base), *(top[side] for side in sides[:2])]
    known = [value for value in ends if math.isfinite(value)]
    headline = say("notebook.tornado", lang, label=top["label"], noun=voice.noun,
                   low=voice.amount(min(known)), high=voice.amount(max(known)))  # fmt: skip
    return Told(headline, [], [table])


@told.register
def _(result: Comparison, lang: str) -> Told:
    frame = result.frame
    solved = frame[frame["value"].notna()]
    least = bool((solved["value"] == -solved["spent"]).all())  # the least spend was sought
    if solved.empty:
        headline = say("notebook.comparison_none", lang, count=len(frame))
    else:
        best = solved["name"].iloc[int(solved["value"].to_numpy().argmax())]
        headline = say("notebook.comparison", lang, count=len(frame), best=best)
    table = Cells(lang).table(
        frame, ("name", "text", "table.scenario"), ("status", "status", "table.status"),
        ("budget", "money", "table.budget"), ("spent", "money", "table.spent"),
        *(() if least else (("value", "worth", "table.best_value"),)),
        ("change", "change", "table.against_first"),
        ("brand_share", "share", "table.brand_share"), ("largest_move", "line", "table.move"),
        ("largest_move_money", "change", "table.change"), ("reason", "text", "table.reason"),
    )  # fmt: skip
    return Told(headline, [], [table])


@told.register
def _(result: Certainty, lang: str) -> Told:
    said = assure(result, None, lang)
    table = Cells(lang, result.plan).table(
        result.lines, ("line", "line", "table.line"), ("spend", "money", "table.recommended"),
        ("best_p5", "money", "table.best_low"), ("best_p95", "money", "table.best_high"),
        ("return_p5", "plain", "table.return_low"), ("return_p50", "plain", "table.return_mid"),
        ("return_p95", "plain", "table.return_high"),
    )  # fmt: skip
    headline, *notes = _texts([*said.result, *said.money])
    return Told(headline, notes, [table])


@told.register
def _(result: Information, lang: str) -> Told:
    voice, sure = Voice(result.certainty.plan, lang), result.certainty
    frame = result.frame.assign(
        name=[source_name(row.name, row.kind, voice) for row in _rows(result.frame)]
    )
    table = Cells(lang, sure.plan).table(
        frame, ("name", "text", "table.uncertain"), ("worth", "worth", "table.worth_test"),
        ("error", "worth", "table.worth_error"), ("share", "share", "table.alone"),
    )  # fmt: skip
    headline, *notes = _texts(assure(sure, result, lang).tests)
    return Told(headline, notes, [table])


@told.register
def _(result: Frontier, lang: str) -> Told:
    voice = Voice(result.plan, lang)
    frame = _worth(voice, result.frame, "expected", "worst")
    solved = frame[frame["expected"].notna()]
    if solved.empty:
        headline = say("notebook.frontier_none", lang)
    else:
        bold, safe = solved.iloc[0], solved.iloc[-1]
        headline = say(
            "notebook.frontier", lang, share=voice.percent(1 - result.level, 0),
            expected=voice.amount(bold["expected"] - safe["expected"]),
            worst=voice.amount(safe["worst"] - bold["worst"]),
        )  # fmt: skip
    table = Cells(lang, result.plan).table(
        frame, ("weight", "share", "table.tail_weight"), ("expected", "worth", "table.expected"),
        ("worst", "worth", "table.worst"), ("spent", "money", "table.spent"),
        ("status", "status", "table.status"),
    )  # fmt: skip
    return Told(headline, [], [table])


@told.register
def _(result: Fresh, lang: str) -> Told:
    frame = result.frame.assign(
        plan=[say(f"notebook.fresh_{word}", lang) for word in result.frame["plan"]],
        draws=[say(f"notebook.fresh_{word}", lang) for word in result.frame["draws"]],
    )
    table = Cells(lang, result.hedged.plan).table(
        frame, ("plan", "text", "table.plan"), ("draws", "text", "table.draws"),
        ("value", "worth", "table.best_value"), ("expected", "worth", "table.expected"),
        ("worst", "worth", "table.worst"), ("chance", "share", "table.chance"),
    )  # fmt: skip
    return Told(result.sentence(lang).text, [], [table])


@told.register
def _(result: Explorer, lang: str) -> Told:
    frame, plan = result.frame, result.best.plan
    headline = say("notebook.explore", lang, count=len(frame), scenarios=len(result.worlds))
    table = Cells(lang, plan).table(
        _worth(Voice(plan, lang), frame, "value"), ("scenario", "text", "table.scenario"),
        ("budget", "money", "table.budget"), ("share", "share", "table.brand_share"),
        ("value", "worth", "table.best_value"), ("spent", "money", "table.spent"),
        ("status", "status", "table.status"), ("reason", "text", "table.reason"),
    )  # fmt: skip
    return Told(headline, [], [table])


@told.register
def _(result: Tracking, lang: str) -> Told:
    said = tell(result, lang)
    table = Cells(lang, result.plan).table(
        result.lines, ("line", "line", "table.line"), ("planned", "money", "table.planned"),
        ("actual", "money", "table.actual"), ("off", "change", "table.off"),
        ("rest_old", "money", "table.rest_old"), ("rest_new", "money", "table.rest_new"),
        ("change", "change", "table.change"),
    )  # fmt: skip
    return Told(said.so_far.text, _texts(said.statements[1:]), [table])


@told.register
def _(result: Committed, lang: str) -> Told:
    headline, *notes = _texts(advise(result, lang).statements)
    table = Cells(lang, result.plan).table(
        result.lines, ("line", "line", "table.line"), ("branch", "text", "table.branch"),
        ("chance", "share", "table.chance"), ("committed", "money", "table.committed"),
        ("spend", "money", "table.spend"),
    )  # fmt: skip
    return Told(headline, notes, [table])


@told.register
def _(result: Failed, lang: str) -> Told:
    return Told(say("notebook.failed", lang, reason=result.reason))


def _rows(frame: Any) -> list[Any]:
    """The rows of a table by their names."""
    return list(frame.itertuples())
