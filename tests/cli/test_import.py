"""``import``: a map to fill in, a scenario and its draws, faults and refusals."""

from __future__ import annotations

from pathlib import Path

import optimizer as opt
from tests.cli.conftest import Run
from tests.sources import exports


def test_a_map_then_a_scenario(run: Run, tmp_path: Path) -> None:
    model = exports.pymc(tmp_path)
    printed = run("import", model)
    assert printed.exit_code == 0, printed.stderr
    assert "x1: x1" in printed.stdout
    path = tmp_path / "map.yaml"
    path.write_text(printed.stdout.replace("x1: x1", "x1: tv.brand"), "utf-8")
    made = run("import", model, "--map", path, "-o", tmp_path / "plan.yaml")
    assert made.exit_code == 0, made.stderr
    assert made.stdout == ""
    assert f"Wrote {tmp_path / 'plan.draws.csv'}" in made.stderr
    assert "x1: within " in made.stderr
    assert opt.load(tmp_path / "plan.yaml").lines[0].name == "tv.brand"
    assert run("optimize", tmp_path / "plan.yaml", "--gap", "1e-3").exit_code == 0


def test_a_scenario_is_not_overwritten(run: Run, tmp_path: Path) -> None:
    model, output = exports.meridian_grid(tmp_path / "grid.nc"), tmp_path / "plan.yaml"
    (tmp_path / "map.yaml").write_text(run("import", model).stdout, "utf-8")
    output.write_text("mine", "utf-8")
    options = ("import", model, "--map", tmp_path / "map.yaml", "-o", output)
    refused = run(*options)
    assert (refused.exit_code, output.read_text("utf-8")) == (2, "mine")
    assert run(*options, "--force").exit_code == 0
    assert "curve" in output.read_text("utf-8")


def test_faults_end_with_3_and_wrong_use_with_2(run: Run, tmp_path: Path) -> None:
    model = exports.robyn(tmp_path)
    path = tmp_path / "map.yaml"
    path.write_text("channels: {tv_S: tv, more: search}\nplan: {budget: 3}\n", "utf-8")
    output = tmp_path / "plan.yaml"
    told = run("import", model, "--map", path, "-o", output)
    assert told.exit_code == 3
    for words in ("map.yaml:1:", "channels.more", "says nothing of search_S, radio_S"):
        assert words in told.stderr
    assert not output.exists()
    assert run("import", model, "--map", path).exit_code == 2
    assert run("import", model, "--map", path, "-o", tmp_path / "plan.txt").exit_code == 2
    (tmp_path / "model.pkl").write_bytes(b"\x80\x04.")
    assert "is a pickle" in run("import", tmp_path / "model.pkl").stderr
