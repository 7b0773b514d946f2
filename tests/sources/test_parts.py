"""A Parquet data set in parts: each is read as the table it is a part of, and told by file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from optimizer.errors import PlanError
from optimizer.sources import parts
from optimizer.sources.parts import file_digests, find_parts
from optimizer.sources.table import read_lines
from tests.cli.test_lines import keywords

pytest.importorskip("pyarrow")


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "_ROWS", 40)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "lines"
    path.mkdir()
    frame = keywords(150)
    for number, index in enumerate(np.array_split(np.arange(150), 2)):
        frame.iloc[index].to_parquet(path / f"{number}.parquet", row_group_size=20)
    (path / "_SUCCESS").write_text("")
    return path


def told(source: Path) -> list[str]:
    with pytest.raises(PlanError) as caught:
        find_parts(source)
    return [str(fault) for fault in caught.value.faults]


def test_parts_are_row_groups_in_the_order_of_files(folder: Path) -> None:
    found = find_parts(folder)
    assert [(Path(part.path).name, part.row_groups) for part in found] == [
        ("0.parquet", (0, 1)),
        ("0.parquet", (2, 3)),
        ("1.parquet", (0, 1)),
        ("1.parquet", (2, 3)),
    ]
    assert [(part.start, part.first_row, part.n) for part in found] == [
        (0, 1, 40),
        (40, 41, 35),
        (75, 1, 40),
        (115, 41, 35),
    ]


@pytest.mark.parametrize("named", [True, False], ids=["named", "numbered"])
def test_the_parts_together_are_the_table(folder: Path, named: bool) -> None:
    if not named:
        for path in folder.glob("*.parquet"):
            pd.read_parquet(path).drop(columns="line").to_parquet(path)
    whole = read_lines(folder)
    start = 0
    for part in find_parts(folder):
        for table, coded in (part.checked(["market"]), part.named(["market"])):
            here = slice(start, start + part.n)
            assert table.name.tolist() == whole.name[here].tolist()
            assert table.tags["market"].tolist() == whole.tags["market"][here].tolist()
            words, at = coded["market"]
            assert words[at].tolist() == whole.tags["market"][here].tolist()
            assert np.array_equal(table.maximum, whole.maximum[here])
        bare, coded = part.bare(["role"])
        assert coded["role"][0][coded["role"][1]].tolist() == whole.role[here].tolist()
        assert np.array_equal(bare.value, whole.value[here])
        for at in (0, part.n - 1):
            assert bare._curve(at) == whole._curve(start + at)
        start += part.n
    assert start == len(whole)


def test_what_is_wrong_with_the_files_is_told_at_once(folder: Path, tmp_path: Path) -> None:
    frame = keywords(5)
    frame.drop(columns="role").to_parquet(folder / "2.parquet")
    frame.assign(maximum="much", extra=1).to_parquet(folder / "3.parquet")
    (folder / "4.parquet").write_bytes(b"PAR1 no file")
    faults = told(folder)
    assert len(faults) == 3
    assert "2.parquet: has no column role (compared with 0.parquet)" in faults[0]
    assert "has a column extra more; has texts in maximum, not numbers" in faults[1]
    assert "4.parquet: cannot be read" in faults[2]
    assert "cannot be read" in told(tmp_path / "none.parquet")[0]


def test_a_folder_without_lines_is_no_data_set(tmp_path: Path) -> None:
    assert "there is no Parquet file in the folder" in told(tmp_path)[0]
    keywords(5).iloc[:0].to_parquet(tmp_path / "empty.parquet")
    assert "there is no row" in told(tmp_path)[0]
    (tmp_path / "market=de").mkdir()
    keywords(5).to_parquet(tmp_path / "market=de" / "0.parquet")
    assert "in a folder of the folder" in told(tmp_path)[0]


def test_faults_of_rows_name_file_and_row(folder: Path) -> None:
    frame = pd.read_parquet(folder / "1.parquet")
    frame.loc[frame.index[[44, 50]], "maximum"] = -1.0
    frame.to_parquet(folder / "1.parquet", row_group_size=20)
    with pytest.raises(PlanError) as caught:
        find_parts(folder)[3].checked([])
    (fault,) = [fault for fault in caught.value.faults if fault.path == "maximum"]
    assert fault.where.endswith("1.parquet")
    assert "(rows 45, 51)" in fault.problem


def test_a_file_that_changes_or_goes_is_told(folder: Path) -> None:
    part = find_parts(folder)[0]
    keywords(150).to_parquet(part.path, row_group_size=5)
    with pytest.raises(PlanError, match="was changed while it was read"):
        part.bare([])
    Path(part.path).unlink()
    with pytest.raises(PlanError, match="Every worker needs to see the file"):
        part.bare([])


def test_the_digest_is_of_what_the_files_hold(folder: Path) -> None:
    before = file_digests(folder)
    assert len(before) == 2
    (folder / "0.parquet").rename(folder / "00.parquet")
    assert file_digests(folder) == before
    keywords(3).to_parquet(folder / "1.parquet")
    assert file_digests(folder)[1] != before[1]
