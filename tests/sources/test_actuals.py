"""Actuals from files: both forms, every way to write a period, and faults that name rows."""

from __future__ import annotations

import io
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import optimizer as opt
from optimizer.errors import PlanError
from optimizer.plan.actuals import Actuals
from optimizer.sources.actuals import load_actuals
from optimizer.sources.tabular import sheets_of

NAN = np.nan


def plan_of(every: Any = "month", start: str = "2027-01", **more: Any) -> opt.Plan:
    """Two lines over three periods, with a funnel of two stages."""
    return opt.Plan(
        "Small",
        (
            opt.Line("search", opt.Log(10.0, 50.0), outcome="visit"),
            opt.Line("tv", opt.Log(20.0, 50.0), outcome="order"),
        ),
        budget=600.0,
        currency="EUR",
        periods=opt.Periods(start, 3, every),
        funnel=opt.Funnel(("visit", "order"), {"visit": 0.1}, {"order": 50.0}),
        **more,
    )


def read(tmp_path: Path, text: str, plan: opt.Plan | None = None, **how: Any) -> Actuals:
    path = tmp_path / "actuals.csv"
    path.write_text(text, encoding="utf-8")
    return load_actuals(path, plan or plan_of(), **how)


def faults(tmp_path: Path, text: str, plan: opt.Plan | None = None, **how: Any) -> list[str]:
    """What is said of a file, without its folder."""
    with pytest.raises(PlanError) as caught:
        read(tmp_path, text, plan, **how)
    return [str(fault).replace(f"{tmp_path}/", "") for fault in caught.value.faults]


LONG = """\
period,line,spend,outcome,order
2027-01,search,100,9,2
2027-02,search,"1,250.50",,3
2027-01,tv,€80,,7
"""


def test_the_long_form_holds_money_and_counts(tmp_path: Path) -> None:
    found = read(tmp_path, LONG)
    np.testing.assert_equal(found.spend, [[100, 1250.5, NAN], [80, NAN, NAN]])
    np.testing.assert_equal(found.counts["outcome"], [[9, NAN, NAN], [NAN] * 3])
    np.testing.assert_equal(found.counts["order"], [[2, 3, NAN], [7, NAN, NAN]])
    np.testing.assert_equal(found.rows, [[2, 3, 0], [4, 0, 0]])
    assert found.reported == 2
    assert found.remarks == ()
    # search feeds visits, so orders are not what its own curve counts; tv feeds orders
    np.testing.assert_equal(found.own(plan_of()), [[9, NAN, NAN], [7, NAN, NAN]])


def test_the_wide_form_holds_money(tmp_path: Path) -> None:
    found = read(tmp_path, "line;2027-01;Feb;2027/2\nsearch;100;x;1.25k\ntv;0;;\n")
    np.testing.assert_equal(found.spend, [[100, 1250, NAN], [0, NAN, NAN]])
    (remark,) = found.remarks
    assert str(remark) == f"{tmp_path}/actuals.csv: columns that are not read: Feb"


def workbook(**parts: str) -> bytes:
    """A workbook, some parts of whose archive are others."""
    made, other = io.BytesIO(), io.BytesIO()
    pd.DataFrame({"period": ["2027-01"], "line": "tv", "spend": 5}).to_excel(made, index=False)
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            stem = Path(name).stem
            new.writestr(name, parts[stem] if stem in parts else old.read(name))
    return other.getvalue()


def test_a_workbook_that_is_damaged_or_a_bomb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "actuals.xlsx"
    path.write_bytes(workbook())
    assert load_actuals(path, plan_of()).spend[1, 0] == 5
    path.write_bytes(workbook(sheet1="<worksheet/>junk"))
    with pytest.raises(PlanError, match="is no Excel workbook that can be read"):
        load_actuals(path, plan_of())
    monkeypatch.setattr(sheets_of, "__kwdefaults__", {"unpacked": 10**7, "most": 4})
    path.write_bytes(workbook(sheet1="0" * 10_000_000))
    assert path.stat().st_size < 100_000
    with pytest.raises(PlanError, match="is larger than 10 MB when it is unpacked"):
        load_actuals(path, plan_of())
    path.write_bytes(workbook())
    with pytest.raises(PlanError, match="has more than 4 cells in the sheet"):
        load_actuals(path, plan_of())


def test_a_sheet_that_says_it_is_huge_is_as_large_as_it_is(tmp_path: Path) -> None:
    cell = '<c r="{0}{1}" t="inlineStr"><is><t>{2}</t></is></c>'
    rows = "".join(
        f'<row r="{n}">'
        + "".join(cell.format("ABC"[k], n, t) for k, t in enumerate(texts))
        + "</row>"
        for n, texts in ((1, ("period", "line", "spend")), (1_048_576, ("2027-01", "tv", "5")))
    )
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    sheet = (
        f'<worksheet xmlns="{space}"><dimension ref="A1:XFD1048576"/>'
        f"<sheetData>{rows}</sheetData></worksheet>"
    )
    path = tmp_path / "actuals.xlsx"
    path.write_bytes(workbook(sheet1=sheet))
    found = load_actuals(path, plan_of())
    assert (found.spend[1, 0], found.rows[1, 0]) == (5, 1_048_576)


def test_the_wide_form_has_no_other_columns(tmp_path: Path) -> None:
    (told,) = faults(tmp_path, "line,spend,2027-01\nsearch,5,100\n")
    assert "spend: is a column, and so are periods" in told


@pytest.mark.parametrize(
    ("every", "start", "words"),
    [
        ("month", "2027-01", ["2027-02", "2027-2", "2027/02", "2027年2月", "2027-02-28"]),
        ("week", "2027-W01", ["2027-W02", "2027-w2", "2027W02", "2027-01-11", "2027-01-17"]),
        ("quarter", "2027-Q1", ["2027-Q2", "2027q2", "2027-04-01", "2027-06-30T23:59"]),
    ],
)
def test_periods_are_read_as_people_write_them(
    tmp_path: Path, every: str, start: str, words: list[str]
) -> None:
    for word in words:
        found = read(tmp_path, f"period,line,spend\n{word},tv,5\n", plan_of(every, start))
        np.testing.assert_equal(found.spend[1], [NAN, 5, NAN], err_msg=word)


def test_every_fault_is_told_at_once_with_its_row(tmp_path: Path) -> None:
    text = """\
period,line,spend,outcome
2027-01,serach,100,
,search,100,
2027-13,search,100,
2028-01,search,100,
2027-01,,100,
2027-01,search,,
2027-02,search,-5,
2027-02,tv,"12,5",many
2027-03,tv,1,2,3

2027-01,tv,1,
2027-01,tv,2,
"""
    told = faults(tmp_path, text)
    rows = [re.match(r"actuals.csv:\d+", text)[0] for text in told]
    assert rows == [f"actuals.csv:{n}" for n in (2, 3, 4, 5, 6, 7, 8, 9, 9, 10, 13)]
    for part, said in zip(
        (
            "there is no line 'serach'. Did you mean 'search'",
            "period: is empty",
            "'2027-13' is no month",
            "2028-01 is not in the plan. The plan goes from 2027-01 to 2027-03",
            "line: is empty",
            "Write 0 where nothing was spent",
            "Net a credit",
            "spend: ",
            "outcome: ",
            "has 5 cells under 4 columns",
            "tv 2027-01 is there 2 times (rows 12, 13). Take out all but one",
        ),
        told,
        strict=True,
    ):
        assert part in said


def test_duplicates_are_added_up_where_that_is_asked(tmp_path: Path) -> None:
    text = "period,line,spend,outcome\n2027-01,tv,1,4\n2027-01,tv,2,\n2027-01,tv,3,5\n"
    found = read(tmp_path, text, sum_duplicates=True)
    assert found.spend[1, 0] == 6
    assert found.counts["outcome"][1, 0] == 9
    (remark,) = found.remarks
    said = f"{tmp_path}/actuals.csv:2: tv 2027-01 is there 3 times (rows 2, 3, 4): added up"
    assert str(remark) == said


def test_unknown_rows_are_left_out_where_that_is_asked(tmp_path: Path) -> None:
    text = "period,line,spend\n2027-01,tv,1\n2026-12,tv,2\n2027-01,radio,3\n"
    found = read(tmp_path, text, skip_unknown=True)
    np.testing.assert_equal(found.spend, [[NAN] * 3, [1, NAN, NAN]])
    assert [str(remark).rpartition("/")[2] for remark in found.remarks] == [
        "actuals.csv:3  period: 2026-12 is not in the plan: left out",
        "actuals.csv:4  line: there is no line 'radio': left out",
    ]
    told = faults(tmp_path, "period,line,spend\n2027-01,radio,3\n", skip_unknown=True)
    assert told == ["actuals.csv: no row has money of this plan. Give what was spent"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("period,line,spend\n", "no row has money of this plan"),
        ("month,line,spend\n2027-01,tv,1\n", "period: is missing among the columns"),
        ("period,line,spent\n2027-01,tv,1\n", "Give a column spend; is it 'spent'?"),
        ("period,line,spend,Spend\n", "is a column twice"),
        ('period,line,spend\n"2027-01,tv,1\n', "actuals.csv"),
    ],
)
def test_a_table_of_another_form_is_refused(tmp_path: Path, text: str, words: str) -> None:
    assert words in "\n".join(faults(tmp_path, text))


def test_text_that_is_not_utf8_is_told_by_its_row(tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    path.write_bytes("period,line,spend\n2027年1月,tv,1\n".encode("gb18030"))
    with pytest.raises(PlanError, match=r"old.csv:2.*is not UTF-8. Save it as CSV UTF-8"):
        load_actuals(path, plan_of())


def test_utf16_with_its_mark_and_tabs_is_read(tmp_path: Path) -> None:
    path = tmp_path / "excel.txt"
    path.write_text("period\tline\tspend\n2027-01\ttv\t€1\n", encoding="utf-16")
    assert load_actuals(path, plan_of()).spend[1, 0] == 1


def test_excel_and_parquet_hold_the_same(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "period": pd.to_datetime(["2027-01-31", "2027-02-28"]),
            "line": ["tv", "search"],
            "spend": [12.5, 3.0],
            "order": [np.nan, 4.0],
        }
    )
    sheet, parquet = tmp_path / "a.xlsx", tmp_path / "a.parquet"
    frame.to_excel(sheet, index=False)
    frame.to_parquet(parquet)
    for path in (sheet, parquet):
        found = load_actuals(path, plan_of())
        np.testing.assert_equal(found.spend, [[NAN, 3, NAN], [12.5, NAN, NAN]])
        np.testing.assert_equal(found.counts["order"], [[NAN, 4, NAN], [NAN] * 3])
        assert found.rows is not None
    with pd.ExcelWriter(sheet) as book:
        frame.to_excel(book, sheet_name="May", index=False)
        frame.to_excel(book, sheet_name="June", index=False)
    with pytest.raises(PlanError, match="has several sheets: May, June"):
        load_actuals(sheet, plan_of())


def test_files_that_cannot_be_read_are_faults(tmp_path: Path) -> None:
    for name, data, words in (
        ("no.csv", None, "cannot be read: No such file"),
        ("bad.xlsx", b"PK nonsense", "is no Excel workbook"),
        ("bad.parquet", b"nonsense", "cannot be read"),
        ("bad.pdf", b"", ".pdf is no table"),
    ):
        path = tmp_path / name
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(PlanError, match=words):
            load_actuals(path, plan_of())


def test_stdin_is_csv(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(b"period,line,spend\n2027-01,tv,7\n")

    monkeypatch.setattr(sys, "stdin", Stdin)
    assert load_actuals("-", plan_of()).spend[1, 0] == 7


def test_a_plan_without_periods_has_nothing_to_follow(tmp_path: Path) -> None:
    assert "nothing to follow" in faults(tmp_path, LONG, opt.load("minimal"))[0]
