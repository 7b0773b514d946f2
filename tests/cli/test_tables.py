"""The same result as CSV, Excel and Parquet, opened again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.cli.conftest import Run


@pytest.mark.parametrize(
    "command",
    [
        ("optimize", "b2b", "--table", "phasing", "--no-prices", "--gap", "1e-2"),
        ("optimize", "minimal", "--table", "rules"),
        ("compare", "minimal"),
        ("sweep", "minimal", "budget=800k:1M:2"),
        ("sensitivity", "minimal", "--only", "prices"),
        ("scenarios",),
    ],
    ids=" ".join,
)
def test_a_result_is_the_same_as_csv_parquet_and_excel(
    run: Run, tmp_path: Path, command: tuple[str, ...]
) -> None:
    for ending in ("csv", "parquet", "xlsx"):
        done = run(*command, "-o", tmp_path / f"x.{ending}")
        assert done.exit_code == 0, done.stderr
    plain = pd.read_csv(tmp_path / "x.csv", keep_default_na=False, na_values=[""])
    found = pd.read_parquet(tmp_path / "x.parquet")
    assert list(found.columns) == list(plain.columns)
    assert len(found) == len(plain) > 0
    sheets = pd.read_excel(tmp_path / "x.xlsx", sheet_name=None, keep_default_na=False)
    assert any(list(sheet.columns) == list(plain.columns) for sheet in sheets.values())
    for name in plain.columns:
        if pd.api.types.is_numeric_dtype(plain[name]) and plain[name].notna().any():
            own = pd.to_numeric(found[name])
            np.testing.assert_array_equal(own.to_numpy(float), plain[name].to_numpy(float))


def test_chinese_parquet_needs_no_mark(run: Run, tmp_path: Path) -> None:
    for ending in ("csv", "parquet"):
        assert (
            run("optimize", "b2c-cn", "--lang", "zh", "-o", tmp_path / f"x.{ending}").exit_code == 0
        )
    assert (tmp_path / "x.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert pd.read_csv(tmp_path / "x.csv").columns[0] == "line"
    assert pd.read_parquet(tmp_path / "x.parquet").columns[0] == "line"
