"""Maps of uploads from files: every fault with its place, and nothing that is not plain data."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openpyxl  # type: ignore[import-untyped]
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import optimizer as opt
from optimizer.errors import PlanError, ScenarioError
from optimizer.sources.upload import upload_map_text

GOLDEN = Path(__file__).parent / "golden"


@dataclass(frozen=True)
class Spent:
    """A spend without a solution: as much on every line and in every period."""

    plan: opt.Plan

    @property
    def spend(self) -> np.ndarray:
        periods = 1 if self.plan.periods is None else self.plan.periods.count
        return np.full(len(self.plan.lines) * periods, 100.0)


@pytest.fixture(scope="module")
def b2b() -> Spent:
    return Spent(opt.load("b2b"))


@pytest.fixture(scope="module")
def minimal() -> Spent:
    return Spent(opt.load("minimal"))


def written(folder: Path, text: str) -> Path:
    path = folder / "map.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def told(answer: Spent, path: Path) -> str:
    with pytest.raises(ScenarioError) as caught:
        opt.upload(answer, path)
    lines = "".join(f"{fault}\n" for fault in caught.value.faults)
    return lines.replace(f"{path.parent}{os.sep}", "")


def test_every_fault_of_a_map_is_told_at_once_with_its_place(b2b: Spent) -> None:
    found = told(b2b, GOLDEN / "upload_faults.yaml")
    golden = GOLDEN / "upload_faults.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text("utf-8")
    assert all(line.startswith("upload_faults.yaml:") for line in found.splitlines())


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("campaigns: {a: x}\ncolums: {}", "map.yaml:2:1", "Did you mean 'columns'?"),
        ("campaigns: {a: x}\ncampaigns: {}", "map.yaml:2:1", "is there twice"),
        ("campaigns:\n  a: [{campaign: x, share: 60}]", "map.yaml:2:28", "60 is not a share"),
        ("campaigns:\n  a: [{share: 60%}]", "map.yaml:2:7", "is missing"),
        ("campaigns:\n  a: [x, {campaign: y, share: 1}]", "map.yaml:2:3", "x has no share"),
        ("campaigns:\n  a: []", "map.yaml:2:3", "the list is empty"),
        ("campaigns:\n  a: !!python/object:os.system x", "map.yaml:2:6", "is not read here"),
        ("campaigns: [a]", "map.yaml:1:1", "Give a mapping"),
        ("campaigns: {a: x}\ncolumns: {A: true}", "map.yaml:2:14", "True is no text"),
        ("by: year\ncampaigns: {a: x}", "map.yaml:1:5", "Allowed: 'period', 'day'"),
        ("campaigns_from: no.csv", "map.yaml:1:17", "cannot be read"),
        ("campaigns_from: 3", "map.yaml:1:17", "3 is no file"),
    ],
)
def test_a_fault_has_its_place(
    minimal: Spent, tmp_path: Path, text: str, place: str, words: str
) -> None:
    found = told(minimal, written(tmp_path, text))
    assert words in found
    assert f"{place} " in found


def test_a_short_map_and_a_mapping_are_the_same(minimal: Spent, tmp_path: Path) -> None:
    path = written(tmp_path, "campaigns: {'*': All}\n")
    one, other = opt.upload(minimal, path), opt.upload(minimal, {"campaigns": {"*": "All"}})
    pd.testing.assert_frame_equal(one.frame, other.frame)
    stated = opt.UploadMap({"*": (opt.Campaign("All"),)})
    pd.testing.assert_frame_equal(one.frame, opt.upload(minimal, stated).frame)
    with pytest.raises(PlanError, match="campain: is not known here"):
        opt.upload(minimal, {"campain": {}})


TABLE = pd.DataFrame(
    {
        "line": ["search.brand", "search.traffic", "*"],
        "campaign": ["North", "South", "Rest"],
        "share": ["100%", "1", None],
        "id": [17, 18, 19],
    }
)


@pytest.mark.parametrize("ending", ["csv", "xlsx", "parquet"])
def test_campaigns_come_from_a_table(b2b: Spent, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"campaigns.{ending}"
    if ending == "xlsx":
        TABLE.to_excel(file, index=False)
    else:
        getattr(TABLE, f"to_{ending}")(file, index=False)
    text = f"campaigns_from: {file.name}\nby: total\ncolumns: {{Id: '{{id}}', A: '{{amount}}'}}\n"
    found = opt.upload(b2b, written(tmp_path, text))
    assert found.frame.to_numpy().tolist() == [["17", 1200.0], ["18", 1200.0], ["19", 7200.0]]


def test_a_table_is_told_by_its_rows(b2b: Spent, tmp_path: Path) -> None:
    file = tmp_path / "campaigns.csv"
    file.write_text("line,campaign,share\nserch,North,60%\n,South,\nsearch,,\n", "utf-8")
    path = written(tmp_path, "campaigns_from: campaigns.csv\n")
    found = told(b2b, path)
    assert "campaigns.csv:3  campaigns_from: has no line" in found
    assert "campaigns.csv:4  campaigns_from: has no campaign" in found
    file.write_text("line,campaign,share\nserch,North,100%\nsearch,South,70\n", "utf-8")
    assert "campaigns.csv:3  campaigns.search.share: '70' is not a share" in told(b2b, path)
    file.write_text("line,campaign\nserch,North\n*,Rest\n", "utf-8")
    assert "campaigns.csv:2  campaigns.serch: selects no line" in told(b2b, path)
    file.write_text("Line,campaign\nserch,North\n", "utf-8")
    assert "has no column line" in told(b2b, path)
    file.write_text("line,campaign\nsearch,North\n*,Rest\n", "utf-8")
    both = written(tmp_path, "campaigns_from: campaigns.csv\ncampaigns: {search: S}\n")
    assert "map.yaml:2:21  campaigns.search: is in the table of campaigns_from, too" in told(
        b2b, both
    )


def test_a_cell_of_a_table_that_is_a_list_is_a_fault(b2b: Spent, tmp_path: Path) -> None:
    TABLE.assign(campaign=[["A", "B"]] * 3).to_parquet(tmp_path / "campaigns.parquet")
    found = told(b2b, written(tmp_path, "campaigns_from: campaigns.parquet\n"))
    assert "is no text" in found


@pytest.mark.parametrize("name", ["b2b", "b2c", "b2c-cn", "minimal"])
def test_the_map_to_fill_in_is_a_map(name: str, tmp_path: Path) -> None:
    answer = Spent(opt.load(name))
    found = opt.upload(answer, written(tmp_path, upload_map_text(answer.plan)))
    assert found.total == float(answer.spend.sum())
    assert found.lines["state"].tolist() == ["mapped"] * len(answer.plan.lines)


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4, unique=True))
def test_lines_of_any_name_stand_in_the_map_to_fill_in(names: list[str]) -> None:
    names = [name for name in names if name.strip() and "." not in name and name != "*"]
    if not names:
        return
    lines = tuple(opt.Line(name, opt.Linear(1.0)) for name in names)
    plan = opt.Plan("P", lines, budget=1, value=1)
    from optimizer.sources.scenario import read_sound

    assert read_sound("map", upload_map_text(plan)).document["campaigns"].keys() == set(names)


@given(st.text(max_size=200))
def test_any_text_is_a_map_or_a_fault(text: str) -> None:
    from tempfile import TemporaryDirectory

    answer = Spent(opt.load("minimal"))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "map.yaml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        with pytest.raises(PlanError):  # nothing of so few letters maps the lines of a plan
            opt.upload(answer, path)


def test_a_workbook_that_is_none_is_a_fault(minimal: Spent, tmp_path: Path) -> None:
    (tmp_path / "x.xlsx").write_bytes(b"PK\x03\x04 no workbook")
    path = written(tmp_path, "campaigns_from: x.xlsx\n")
    assert "is no Excel workbook" in told(minimal, path)
    book = openpyxl.Workbook()
    book.active.append(["line", "campaign"])
    book.active.append(["*", "=1+1"])
    book.save(tmp_path / "x.xlsx")
    assert "campaigns_from: has no campaign" in told(minimal, path)  # a formula never worked out
