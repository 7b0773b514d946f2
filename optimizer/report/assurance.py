"""The sections about doubt: how sure the plan is, and what to test next."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizer.analysis.assurance import assure, source_name
from optimizer.analysis.certainty import Certainty
from optimizer.analysis.information import Information
from optimizer.words import number

from . import charts
from .blocks import Chart, Column, Section, Table
from .over_time import capital
from .view import MOST, View

__all__ = ["sure", "test"]

# Tests that a chart shows.
_TESTS = 10


def sure(view: View, found: Certainty) -> Section:
    """How far the result may be off, against today, and how firmly each line's money stands."""
    told = assure(found, None, view.lang)
    parts = [_gain(view, found), _firm(view, found), _returns(view, found)]
    said = [*told.money, *told.views, *told.method]
    return Section(
        "sure",
        view.say("section.sure"),
        lead=view.sentences(*(f"{one.text}{view.say('stop')}" for one in told.result)),
        charts=[part for part in parts if part is not None],
        sentences=[one.text for one in said],
    )


def _gain(view: View, found: Certainty) -> Chart | None:
    gain = found.gain
    if gain is None or found.today is None or gain.band["p95"] == gain.band["p5"]:
        return None
    bars = charts.gain_bars(found.reading.objective - found.today, found.worlds.weight)
    key = "chart.gain.title_clear" if gain.is_clear else "chart.gain.title_none"
    title = view.say(key, count=number(100 * gain.chance, view.lang))
    rows = [
        [
            view.voice.amount(low, signed=True),
            view.voice.amount(high, signed=True),
            number(share, view.lang, 1),
        ]
        for low, high, share in bars
    ]
    columns = [Column(view.say(f"table.gain_{key}")) for key in ("from", "to", "worlds")]
    return Chart(
        "gain",
        title,
        charts.gains(view, bars),
        is_wide=True,
        subtitle=view.say("chart.gain.subtitle"),
        aid=view.say("chart.gain.aid"),
        label=title,
        table=Table("", columns, rows),
    )


def _ordered(view: View, found: Certainty) -> Any:
    """The lines in the order of the report, with how sure they are."""
    return found.lines.iloc[view.frame["position"].to_numpy()].reset_index(drop=True)


def _firm(view: View, found: Certainty) -> Chart:
    frame, voice = _ordered(view, found), view.voice
    wide: Any = frame["best_p95"] - frame["best_p5"]
    loose = frame.iloc[int(np.argmax(wide))]
    if wide.max() > 1e-3 * max(found.allocation.spent, 1e-300):
        title = view.say(
            "chart.firm.title",
            line=view.line(loose["line"]),
            low=voice.cash(loose["best_p5"]),
            high=voice.cash(loose["best_p95"]),
        )
    else:
        title = view.say("chart.firm.title_firm")
    names = [view.line(name) for name in frame["line"]]
    rows = [
        [name, *(voice.cash(row[key]) for key in ("spend", "best_p5", "best_p95"))]
        for name, row in zip(names, frame.to_dict("records"), strict=True)
    ]
    said = [f"{spend}; {low} – {high}" for _, spend, low, high in rows]
    heads = ("line", "spend", "best_low", "best_high")
    columns = [Column(view.say(f"table.{key}"), is_number=key != "line") for key in heads]
    return Chart(
        "firm",
        title,
        charts.spans(
            view, names[:MOST], frame["spend"][:MOST], frame["best_p5"][:MOST],
            frame["best_p95"][:MOST], said[:MOST],
            (view.say("chart.firm.plan"), view.say("chart.firm.range")),
        ),
        subtitle=view.say("chart.firm.subtitle", currency=view.currency),
        aid=view.say("chart.firm.aid"),
        label=title,
        table=Table("", columns, rows),
    )  # fmt: skip


def _returns(view: View, found: Certainty) -> Chart | None:
    frame = _ordered(view, found)
    frame = frame[frame["return_p50"].notna()].reset_index(drop=True)
    if frame.empty:
        return None

    def write(value: float) -> str:
        return number(value, view.lang, 2)

    first = frame.iloc[0]
    title = view.say(
        "chart.return.title",
        line=view.line(first["line"]),
        low=write(first["return_p5"]),
        high=write(first["return_p95"]),
        one=view.voice.one,
    )
    names = [view.line(name) for name in frame["line"]]
    rows = [
        [name, *(write(row[f"return_{key}"]) for key in ("p5", "p50", "p95"))]
        for name, row in zip(names, frame.to_dict("records"), strict=True)
    ]
    said = [f"{middle}; {low} – {high}" for _, low, middle, high in rows]
    heads = ("line", "return_low", "return_mid", "return_high")
    columns = [Column(view.say(f"table.{key}"), is_number=key != "line") for key in heads]
    return Chart(
        "returns",
        title,
        charts.spans(
            view, names[:MOST], frame["return_p50"][:MOST], frame["return_p5"][:MOST],
            frame["return_p95"][:MOST], said[:MOST],
            (view.say("chart.return.middle"), view.say("chart.return.range")), is_money=False,
        ),
        subtitle=view.say("chart.return.subtitle"),
        aid=view.say("chart.return.aid"),
        label=title,
        table=Table("", columns, rows),
    )  # fmt: skip


def test(view: View, known: Information) -> Section:
    """What it would be worth to find out, a bar per test."""
    voice, frame = view.voice, known.frame
    told = assure(known.certainty, known, view.lang)
    names = [capital(source_name(row.name, row.kind, voice)) for row in _rows(frame)]
    whole = dict(zip(known.shares["name"], known.shares["whole"], strict=True))
    rows = [
        [
            name,
            voice.amount(row.worth, bare=True),
            voice.amount(row.error, bare=True),
            voice.percent(min(whole[row.name], 1.0), 0) if row.name in whole else "–",
        ]
        for name, row in zip(names, _rows(frame), strict=True)
    ]
    heads = ("uncertain", "worth_test", "worth_error", "variance")
    columns = [Column(view.say(f"table.{key}"), is_number=key != "uncertain") for key in heads]
    table = Table("", columns, rows)
    shown = frame[frame["worth"] > 2 * frame["error"]].head(_TESTS)
    title = view.say("chart.test.title_none")
    parts = []
    if len(shown):
        top = shown.iloc[0]
        title = view.say(
            "chart.test.title",
            name=source_name(top["name"], top["kind"], voice),
            worth=voice.amount(top["worth"]),
        )
        parts = [
            Chart(
                "test",
                title,
                charts.tests(view, names[: len(shown)], list(shown["worth"]), list(shown["error"])),
                subtitle=view.say(
                    "chart.test.subtitle",
                    unit=view.currency if voice.counts_money else voice.noun,
                ),
                aid=view.say("chart.test.aid", total=voice.amount(known.total)),
                label=title,
                table=table,
                is_wide=True,
            )
        ]
    said = [one for one in told.tests if one.key != "test.worth"]
    upper = [one for one in told.method if one.key == "test.upper"]
    return Section(
        "test",
        view.say("section.test"),
        charts=parts,
        tables=[] if parts else [table],
        sentences=[one.text for one in [*said, *upper]],
    )


def _rows(frame: Any) -> list[Any]:
    """The rows of a table by their names."""
    return list(frame.itertuples())
