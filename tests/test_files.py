"""Results as files."""

from __future__ import annotations

import csv
import io
import json
import stat
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from optimizer.files import csv_text, json_text, write_result, write_table
from optimizer.writing import write_atomically

HOSTILE = ["=1+1", "+1", "-2", "@SUM(A1)", "\tx", "\rx", "=cmd|' /C calc'!A0"]


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "line": ["搜索", "=HYPERLINK(1)", "plain"],
            "spend": [1e7 / 3, -5.0, np.nan],
            "on": [True, False, True],
            "note": [None, "a,b", 'say "x"'],
        }
    )


def test_csv_keeps_every_digit_and_leaves_out_what_is_not_there(frame: pd.DataFrame) -> None:
    rows = list(csv.DictReader(io.StringIO(csv_text(frame))))
    assert float(rows[0]["spend"]) == 1e7 / 3
    assert float(rows[1]["spend"]) == -5.0  # a number stays a number
    assert rows[2]["spend"] == ""
    assert rows[0]["note"] == ""
    assert rows[1]["note"] == "a,b"
    assert rows[0]["on"] == "true"


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_csv_is_taken_for_a_formula(text: str) -> None:
    frame = pd.DataFrame({text: [text]})
    head, row = list(csv.reader(io.StringIO(csv_text(frame), newline="")))
    harmless = "'" + text.replace("\r", "\n")
    assert head == row == [harmless]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_workbook_is_a_formula(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.xlsx"
    write_result(path, {}, {"sheet": pd.DataFrame({"name": [text], "n": [1.5]})})
    sheet = openpyxl.load_workbook(path)["sheet"]
    assert sheet["A2"].data_type == "s"
    assert sheet["B2"].value == 1.5


def test_a_workbook_has_a_sheet_per_table(tmp_path: Path, frame: pd.DataFrame) -> None:
    path = tmp_path / "x.xlsx"
    write_result(path, {}, {"lines": frame, "a/b:c*" + "x" * 40: frame, "none": frame.head(0)})
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["lines", "a-b-c-" + "x" * 25, "none"]
    assert book["lines"]["A2"].value == "搜索"
    assert book["lines"]["B4"].value is None
    assert book["lines"].freeze_panes == "B2"


@pytest.mark.parametrize(("lang", "mark"), [("zh", True), ("en", False)])
def test_a_chinese_csv_file_tells_excel_its_encoding(
    tmp_path: Path, frame: pd.DataFrame, lang: str, mark: bool
) -> None:
    path = tmp_path / "x.csv"
    write_result(path, {}, {"lines": frame}, lang=lang)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf") is mark
    assert "搜索" in path.read_text(encoding="utf-8-sig")


def test_json_has_no_nan() -> None:
    assert json.loads(json_text({"a": "中", "b": [1.5, None]})) == {"a": "中", "b": [1.5, None]}
    assert "中" in json_text("中")
    with pytest.raises(ValueError, match="JSON"):
        json_text({"a": float("nan")})


@pytest.mark.skipif(sys.platform == "win32", reason="modes and links of Unix")
def test_a_file_keeps_its_mode_and_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("old", encoding="utf-8")
    real.chmod(0o640)
    link.symlink_to(real)
    write_atomically(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    fresh = tmp_path / "fresh"
    write_atomically(fresh, b"x")
    (tmp_path / "usual").write_bytes(b"x")
    assert fresh.stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.skipif(sys.platform == "win32", reason="devices of Unix")
def test_a_device_is_written_to_as_it_is() -> None:
    write_atomically(Path("/dev/null"), b"x")
    assert not Path("/dev/null").is_file()


def test_a_parquet_file_keeps_every_digit_and_one_kind_of_value_per_column(
    tmp_path: Path, frame: pd.DataFrame
) -> None:
    frame["mixed"] = pd.Series([1.5, "text", None], dtype=object)
    frame["counts"] = pd.Series([1, 2.5, None], dtype=object)
    write_result(tmp_path / "x.parquet", {}, {"lines": frame})
    back = pd.read_parquet(tmp_path / "x.parquet")
    assert back["line"].tolist() == frame["line"].tolist()  # no spreadsheet, so no apostrophe
    assert back["spend"].tolist()[:2] == [1e7 / 3, -5.0]
    assert back["spend"].isna().tolist() == [False, False, True]
    assert back["on"].tolist() == [True, False, True]
    assert back["mixed"].tolist()[:2] == ["1.5", "text"]
    assert back["counts"].tolist()[:2] == [1.0, 2.5]
    assert back["note"].isna().tolist() == [True, False, False]


def test_a_file_of_another_ending_is_refused(tmp_path: Path, frame: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="must end in"):
        write_table(tmp_path / "x.txt", frame)
    assert list(tmp_path.iterdir()) == []


def test_money_with_decimals_has_all_of_them(tmp_path: Path) -> None:
    money = pd.DataFrame({"amount": [Decimal("1234.50"), Decimal("0.00")]})
    assert csv_text(money) == "amount\n1234.50\n0.00\n"
    write_table(tmp_path / "x.xlsx", money)
    sheet = openpyxl.load_workbook(tmp_path / "x.xlsx")["x"]
    assert [sheet["A2"].value, sheet["A3"].value] == [1234.5, 0]
    assert sheet["A2"].number_format == "0.00"
