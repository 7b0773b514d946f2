"""Charts, summaries and plans side by side from the command line."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from optimizer.report import pictures
from tests.browser.find_browser import find_browser

from .conftest import Run


@pytest.mark.parametrize("ending", ["html", "json"])
def test_a_chart_is_written_as_its_file_asks(run: Run, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"chart.{ending}"
    result = run("chart", "minimal", "dumbbell", "-o", file)
    assert result.exit_code == 0, result.output
    text = file.read_text(encoding="utf-8")
    if ending == "json":
        assert {"data", "layout"} <= set(json.loads(text))
    else:
        assert text.lstrip().startswith("<!DOCTYPE html>")
    assert f"Wrote {file}" in result.stderr


def test_a_chart_brings_the_analysis_that_it_shows(run: Run, tmp_path: Path) -> None:
    for name in ("frontier", "scenarios", "prices"):
        result = run("chart", "minimal", name, "-o", tmp_path / f"{name}.json")
        assert result.exit_code == 0, result.output


def test_the_charts_of_a_plan_are_listed(run: Run) -> None:
    text = run("chart", "minimal", "--list").stdout
    assert [line.split()[0] for line in text.splitlines()[2:]][:3] == [
        "dumbbell",
        "change",
        "strip",
    ]
    assert "phasing" not in text
    assert "渠道" in run("chart", "minimal", "--list", "--lang", "zh").stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["dumbbel", "-o", "x.html"], 3, "Did you mean 'dumbbell'"),
        (["phasing", "-o", "x.html"], 3, "nothing to show"),
        (["dumbbell", "-o", "x.gif"], 2, "must end in .html, .json, .png, .svg, .pdf"),
        (["dumbbell"], 2, "--list says which"),
        ([], 2, "--list says which"),
        (["dumbbell", "-o", "nowhere/x.html"], 2, "no folder"),
    ],
)
def test_what_cannot_be_written_is_told_before_any_work(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("optimizer.optimize", None)
    result = run("chart", "minimal", *words)
    assert result.exit_code == code, result.output
    assert said in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_picture_without_kaleido_says_what_to_install(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "find_spec", lambda name: None if name == "kaleido" else name)
    result = run("chart", "minimal", "dumbbell", "-o", tmp_path / "x.png")
    assert result.exit_code == 6
    assert "pip install 'adsplit[images]'" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(find_spec("kaleido") is None, reason="Kaleido is not installed")
def test_a_picture_without_a_browser_says_what_to_install(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "no-such-browser"))
    result = run("chart", "minimal", "dumbbell", "-o", tmp_path / "x.png")
    assert result.exit_code == 6
    assert "Chrome" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.browser
@pytest.mark.skipif(find_spec("kaleido") is None, reason="Kaleido is not installed")
@pytest.mark.parametrize(
    ("ending", "start"), [("png", b"\x89PNG"), ("svg", b"<svg"), ("pdf", b"%PDF")]
)
def test_a_chart_is_drawn_as_a_picture(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, start: bytes
) -> None:
    file = tmp_path / f"chart.{ending}"
    monkeypatch.setenv("BROWSER_PATH", str(find_browser()))
    done = run("chart", "minimal", "dumbbell", "-o", file)
    assert done.exit_code == 0, done.output
    content = file.read_bytes()
    assert content.startswith(start)
    if ending == "svg":
        assert b"Social" in content


def test_a_summary_is_quick_and_in_both_languages(run: Run, tmp_path: Path) -> None:
    for lang, head in (("en", "## Reproduce it"), ("zh", "## 复现")):
        file = tmp_path / f"{lang}.md"
        result = run("report", "minimal", "-o", file, "--lang", lang)
        assert result.exit_code == 0, result.output
        assert head in file.read_text(encoding="utf-8")


def test_plans_side_by_side_are_one_page(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "plans.html"
    result = run("compare", "minimal", "--set", "even:split=5:5", "-o", file)
    assert result.exit_code == 0, result.output
    text = file.read_text(encoding="utf-8")
    assert "Plans side by side: Minimal example" in text
    assert "The plan “even”" in text
    # The table is told all the same.
    assert "even" in result.stdout
    assert "<h3>What holds the plan back</h3>" in text
    run("compare", "minimal", "--set", "even:split=5:5", "--no-prices", "-o", file)
    assert "<h3>What holds the plan back</h3>" not in file.read_text(encoding="utf-8")
