"""The sections about deciding before one knows: they say what the results say."""

from functools import cache

import pytest

from optimizer.analysis.commitment import commit
from optimizer.analysis.frontier import frontier
from optimizer.plan.commitment import Commitment
from optimizer.report import ahead, render
from optimizer.report.view import View
from tests.report.reports import answer, plan

UNCERTAIN = {
    "numbers": {"channels.*.*.curve.ceiling": {"between": ["*0.6", "*1.5"]}},
    "states": {"slump <i>": {"chance": 0.3, "set": {"channels.social.*.curve.ceiling": "*0.5"}}},
    "draws": 64,
}


@cache
def committed():
    return commit(plan(uncertainty=UNCERTAIN), Commitment(lines="streaming"))


@cache
def safe():
    return frontier(plan(uncertainty=UNCERTAIN), weights=(0, 0.5, 1), gap=1e-3)


def test_what_is_bought_now_adds_up():
    section = ahead.commitment(View(answer(), "en"), committed())
    table = section.charts[0].table
    totals = [float(text.replace(",", "")) for text in table.total[1:]]
    found = committed()
    now = found.spend[0][found.committed].sum()
    assert totals[0] == pytest.approx(now, abs=1)
    for total, own in zip(totals[1:], found.spend, strict=True):
        assert total == pytest.approx(own.sum() - now, abs=1)
    assert [column.title for column in table.columns[1:]] == [
        "Now",
        "If slump <i>",
        "If none of these",
    ]


def test_lines_that_are_bought_up_front_have_no_marks_of_cases():
    chart = ahead.commitment(View(answer(), "en"), committed()).charts[0]
    bars, *marks = chart.figure.data
    early = [place for place, label in enumerate(chart.table.rows) if "Streaming" in label[0]]
    assert all(bars.x[place] > 0 for place in early)
    assert all(mark.x[place] is None for mark in marks for place in early)


def test_the_price_of_safety_is_that_of_the_ends():
    section = ahead.safety(View(answer(), "en"), safe())
    frame = safe().frame
    voice = View(answer(), "en").voice
    gain = frame["worst"].iloc[-1] - frame["worst"].iloc[0]
    assert voice.amount(gain) in section.charts[0].title
    assert len(section.charts[0].table.rows) == 3
    expected, worst = safe().stated
    # No plan beats the boldest on average, nor the safest in the worst draws.
    assert expected <= frame["expected"].iloc[0] * (1 + 1e-3)
    assert worst <= frame["worst"].iloc[-1] * (1 + 1e-3)
    assert section.charts[0].figure.data[-1].x[0] == pytest.approx(worst, rel=1e-5)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_both_stand_on_the_page(lang):
    text = render(answer(), safe(), committed(), lang=lang)
    assert f'id="safety-section-{lang}"' in text
    assert f'id="commitment-section-{lang}"' in text
    assert "slump <i>" not in text
    assert "slump &lt;i&gt;" in text
