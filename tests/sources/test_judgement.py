"""Judgement: curves through answers, contradictions, scenarios, and the workbook of questions."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optimizer as opt
from optimizer.errors import PlanError
from optimizer.sources.judgement import Answers, JudgedLine, Returns, judge, judged_scenario
from optimizer.sources.questionnaire import LINES, read_questionnaire, write_questionnaire

PLAN = {"name": "Ours", "budget": 300_000, "value": 40, "objective": "revenue"}


def test_today_half_way_between_none_and_saturation() -> None:
    """δ is 1 then, so that 1.5^γ are the odds at half as much again: 0.125 to 0.075."""
    found = judge(Answers(810_000, 0.4, 0.425, 0.5, 0.3))
    assert isinstance(found.curve, opt.Hill)
    gamma = np.log(0.125 / 0.075) / np.log(1.5)
    assert found.curve.steepness == pytest.approx(gamma)
    assert found.curve.half == pytest.approx(810_000)  # today is half way between none and most
    assert found.base == 0.3
    assert not found.contradictions


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(
    spend=st.floats(1, 1e9),
    none=st.floats(0, 1e6),
    now=st.floats(0.05, 0.9),
    more=st.floats(0.05, 0.9),
    size=st.floats(1, 1e8),
)
def test_the_curve_goes_through_the_answers(
    spend: float, none: float, now: float, more: float, size: float
) -> None:
    half_more = now + (1 - now) * more
    answers = Answers(spend, none + now * size, none + half_more * size, none + size, none)
    found = judge(answers)
    if found.contradictions:
        assert "steepness" in found.contradictions[0].problem
        return
    reached = found.curve.outcome(np.array([0.0, spend, 1.5 * spend, 1e30 * spend]))
    wanted = [0.0, answers.today - none, answers.half_more - none, answers.saturation - none]
    assert reached[:3] == pytest.approx(wanted[:3], rel=1e-6, abs=1e-6 * size)
    assert reached[3] <= wanted[3] * (1 + 1e-9)


@pytest.mark.parametrize(
    ("answers", "path", "kind"),
    [
        (Answers(100, 50, 40, 90), "half_more", "points"),  # flat beyond today
        (Answers(100, 50, 60, 55), "saturation", "points"),  # flat beyond half as much again
        (Answers(100, 50, 60, 60), "saturation", "points"),
        (Answers(100, 50, 50, 60), "half_more", "points"),
        (Answers(100, 50, 60, 90, 70), "today", "linear"),  # money does harm
        (Answers(100, 1, 9_999, 10_000), "half_more", "hill"),  # all at once
        (Returns(100, 2.0, 1.5), "elasticity", "linear"),
    ],
)
def test_contradictions_and_what_they_imply(
    answers: Answers | Returns, path: str, kind: str
) -> None:
    found = judge(answers)
    assert [fault.path for fault in found.contradictions] == [path]
    assert found.curve.kind == kind
    assert found.says
    # What is implied can be: no more money for less, and nothing at none.
    reached = found.curve.outcome(np.array([0.0, 50.0, 100.0, 150.0, 1e6]))
    assert reached[0] == 0
    assert np.all(np.diff(reached) >= 0)


def test_return_and_elasticity() -> None:
    found = judge(Returns(200.0, 0.5, 0.4))
    assert found.curve == opt.Elasticity(200.0, 0.5, 0.4)
    assert "1 % more money brings 0.4 % more" in found.says


def test_a_scenario_of_judgement() -> None:
    lines = [
        JudgedLine("search.traffic", Answers(100_000, 3_000, 3_600, 5_000, 500), maximum=2e5),
        JudgedLine("tv.brand", Returns(100_000, 0.05, 0.4)),
        JudgedLine("radio", Answers(10_000, 50, 40, 90)),
    ]
    text = judged_scenario(PLAN, lines, "The board")
    plan = opt.loads(text)
    assert [line.name for line in plan.lines] == ["search.traffic", "tv.brand", "radio"]
    assert plan.line("search.traffic").maximum == 2e5
    assert plan.origins["channels.tv.brand.curve"].grade == "assumption"
    assert "3,600 at half as much again" in plan.origins["channels.search.traffic.curve"].note
    assert "# " in text
    assert "radio, contradiction: today's spend brings 50" in text
    assert "500 come without it" in text
    assert plan.uncertainty is not None
    assert opt.Worlds.of(plan, 16).weight.shape == (16,)
    assert opt.optimize(plan).status == "optimal"


def test_lines_that_cannot_be() -> None:
    one = JudgedLine("tv", Answers(1, 2, 3, 4))
    with pytest.raises(PlanError, match="there are none"):
        judged_scenario(PLAN, [], "us")
    with pytest.raises(PlanError, match="tv: is there twice"):
        judged_scenario(PLAN, [one, one], "us")


# --- The workbook ---------------------------------------------------------------------------------

ROWS: list[dict[str, Any]] = [
    {"channel": "search", "role": "traffic", "spend": 100_000, "today": 3_000, "none": 500,
     "half_more": 3_600, "saturation": 5_000, "maximum": "20万"},
    {"channel": "tv", "role": "brand", "spend": 100_000, "average_return": 0.05,
     "elasticity": 0.4},
]  # fmt: skip


def filled(path: Path, rows: list[dict[str, Any]], **plan: Any) -> Path:
    """The template as somebody fills it in."""
    write_questionnaire(path)
    book = openpyxl.load_workbook(path)
    for row in book["plan"].iter_rows():
        if row[0].value in plan:
            row[1].value = plan[row[0].value]
    for number, given_ in enumerate(rows, start=3):
        for column, key in enumerate(LINES, start=1):
            book["lines"].cell(number, column).value = given_.get(key)
    book.save(path)
    return path


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_template_asks_and_checks(tmp_path: Path, lang: str) -> None:
    write_questionnaire(tmp_path / "ask.xlsx", lang)
    book = openpyxl.load_workbook(tmp_path / "ask.xlsx")
    assert [cell.value for cell in book["lines"][1]][: len(LINES)] == list(LINES)
    assert str(book["lines"]["L3"].value).startswith("=IF(COUNT(D3,F3,G3)<3")
    with pytest.raises(PlanError, match=r"plan!B3: the budget is missing"):
        read_questionnaire(tmp_path / "ask.xlsx")


def test_a_workbook_comes_back_as_a_scenario(tmp_path: Path) -> None:
    path = filled(tmp_path / "ask.xlsx", ROWS, name="Ours", budget="30万", currency="cny".upper())
    plan, lines = read_questionnaire(path)
    assert (plan["name"], plan["currency"]) == ("Ours", "CNY")
    assert lines == [
        JudgedLine("search.traffic", Answers(100_000, 3_000, 3_600, 5_000, 500), maximum=200_000),
        JudgedLine("tv.brand", Returns(100_000, 0.05, 0.4)),
    ]
    assert opt.loads(judged_scenario(plan, lines, "us")).budget == 300_000


def test_all_faults_of_a_workbook_with_their_cells(tmp_path: Path) -> None:
    rows = [
        {"channel": "search", "role": "sales", "spend": "much", "today": 1, "saturation": 4},
        {"role": "brand", "spend": 3, "average_return": 1, "elasticity": 0.2, "today": 3},
        {"channel": "tv", "spend": 0, "today": 1, "half_more": 2, "saturation": 3},
    ]
    path = filled(tmp_path / "ask.xlsx", rows, budget="")
    with pytest.raises(PlanError) as caught:
        read_questionnaire(path)
    told = [fault.path for fault in caught.value.faults]
    assert told == ["plan!B3"]
    path = filled(tmp_path / "ask.xlsx", rows, budget=5)
    with pytest.raises(PlanError) as caught:
        read_questionnaire(path)
    told = [fault.path for fault in caught.value.faults]
    assert told == ["lines!B3", "lines!C3", "lines!F3", "lines!A4", "lines!F4", "lines!G4",
                    "lines!A4", "lines!C5"]  # fmt: skip


def test_damaged_and_hostile_workbooks(tmp_path: Path) -> None:
    whole = filled(tmp_path / "ask.xlsx", ROWS, budget=5).read_bytes()
    path = tmp_path / "hurt.xlsx"
    chance = random.Random(4)
    for _ in range(40):
        made = bytearray(whole)
        for _ in range(chance.randrange(1, 30)):
            made[chance.randrange(len(made))] = chance.randrange(256)
        path.write_bytes(bytes(made[: chance.choice([len(made), chance.randrange(len(made))])]))
        try:
            told = str(read_questionnaire(path))
        except PlanError as error:
            told = str(error)
        assert told
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 60_000_000)
    path.write_bytes(bomb.getvalue())
    with pytest.raises(PlanError, match="is larger than"):
        read_questionnaire(path)
    with pytest.raises(PlanError, match="No such file"):
        read_questionnaire(tmp_path / "none.xlsx")


def test_a_text_with_a_point_before_three_digits_may_be_two_numbers(tmp_path: Path) -> None:
    path = filled(tmp_path / "ask.xlsx", ROWS, budget="300.000")
    with pytest.raises(PlanError, match=r"write 300_000, or 300\.0000") as caught:
        read_questionnaire(path)
    assert [fault.path for fault in caught.value.faults] == ["plan!B3"]
    assert read_questionnaire(filled(path, ROWS, budget="300_000"))[0]["budget"] == 300_000
