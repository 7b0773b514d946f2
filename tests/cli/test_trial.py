"""The sheet to try spends on: its formulas bring what the curves bring."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl  # type: ignore[import-untyped]
import pytest

import optimizer as opt
from optimizer.plan.curves import CURVES
from optimizer.terminal.trial import curve_formula
from tests.cli.conftest import Run

EXAMPLES: list[Any] = [
    opt.Linear(0.3),
    opt.Log(50.0, 1e-7),
    opt.Power(3.0, 0.5),
    opt.Exponential(500.0, 2e20),
    opt.Hill(800.0, 300.0, 2.5),
    opt.Logistic(900.0, 120.0, 350.0),
    opt.Logistic(900.0, 120.0),
    opt.Elasticity(200.0, 0.7, 0.35),
    opt.Points((100, 200, 900), (0, 80, 110)),
]


def worked_out(formula: str, cells: dict[str, float]) -> float:
    """A formula as Excel would work it out."""
    names = {"LN": math.log, "EXP": math.exp, "TANH": math.tanh, "MAX": max, "MIN": min}
    text = re.sub(r"IF\(([^,]+),(.*),0\)$", r"(\2) if \1 else 0", formula.removeprefix("="))
    return float(eval(text.replace("^", "**"), {"__builtins__": {}}, {**names, **cells}))


@pytest.mark.parametrize("curve", EXAMPLES, ids=lambda curve: curve.kind)
@pytest.mark.parametrize("price", [1.0, 1.3])
def test_formulas_are_the_curves(curve: Any, price: float) -> None:
    line = opt.Line("tv", curve, price=price)
    formula = curve_formula(line, "B2")
    assert formula is not None
    for spend in (0.0, 1.0, 150.0, 420.0, 5_000.0):
        expected = float(curve.outcome(np.array(spend / price)))
        assert worked_out(formula, {"B2": spend}) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_every_kind_of_curve_has_a_formula() -> None:
    assert {type(curve) for curve in EXAMPLES} == set(CURVES)


def test_a_curve_that_is_too_long_is_left_out() -> None:
    many = np.arange(1.0, 400.0)
    line = opt.Line("tv", opt.Points(tuple(many), tuple(np.sqrt(many))))
    assert curve_formula(line, "B2") is None


def test_the_workbook_works_out_what_is_recommended(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "plan.xlsx"
    assert run("optimize", "minimal", "-o", path).exit_code == 0
    formulas, values = (
        openpyxl.load_workbook(path, data_only=only)["try"] for only in (False, True)
    )
    titles = [cell.value for cell in formulas[1]]
    assert titles == ["line", "spend", "outcome", "recommended", "outcome_recommended", "current",
                      "outcome_current"]  # fmt: skip
    best = opt.optimize(opt.load("minimal"))
    assert [row[0].value for row in values.iter_rows(min_row=2)] == list(best.by_line["line"])
    for number, outcome in enumerate(best.by_line["outcome"], start=2):
        cells = {f"{letter}{number}": values[f"{letter}{number}"].value for letter in "BDF"}
        for letter in "CEG":
            found = worked_out(str(formulas[f"{letter}{number}"].value), cells)
            assert found == pytest.approx(values[f"{letter}{number}"].value)
        assert values[f"C{number}"].value == pytest.approx(outcome)


def test_the_cells_to_change_are_seen_and_the_head_stays_in_sight(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "plan.xlsx"
    assert run("optimize", "b2b", "-o", path).exit_code == 0
    sheet = openpyxl.load_workbook(path)["try"]
    assert sheet.freeze_panes == "B2"
    assert sheet["A1"].font.bold
    for row in sheet.iter_rows(min_row=2):
        line, spend, outcome, *rest = row
        assert spend.fill.fgColor.rgb == "FFFFF2CC"
        assert all(cell.fill.fgColor.rgb != "FFFFF2CC" for cell in (line, outcome, *rest))
        assert outcome.data_type == "f"
        assert {cell.number_format for cell in (spend, outcome)} <= {"#,##0", "#,##0.00##"}
    longest = max(len(str(row[0].value)) for row in sheet.iter_rows())
    assert sheet.column_dimensions["A"].width >= longest
    assert sheet.auto_filter.ref == f"A1:G{sheet.max_row}"


def test_another_spend_in_the_cell_brings_what_the_curve_brings(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "plan.xlsx"
    assert run("optimize", "b2b", "-o", path).exit_code == 0
    sheet = openpyxl.load_workbook(path)["try"]
    for number, line in enumerate(opt.load("b2b").lines, start=2):
        for spend in (0.0, 1234.5, 90_000.0):
            found = worked_out(str(sheet[f"C{number}"].value), {f"B{number}": spend})
            expected = float(line.curve.outcome(np.array(spend / line.price)))
            assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)
