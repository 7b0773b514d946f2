"""Draws that stand in files beside a scenario."""

import json
import resource
import time
from dataclasses import replace
from pathlib import Path

import h5netcdf
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.io import netcdf_file

import optimizer as opt
from optimizer.analysis.verification import check_claim, read_claim
from optimizer.errors import PlanError
from optimizer.plan.uncertainty import LISTS, Range, Uncertainty
from optimizer.sources.draws import MOST_VALUES
from optimizer.sources.scenario import read_scenario

SCENARIO = """
name: small
budget: 100
business: none
channels:
  search: {curve: {kind: log, scale: 50, unit: 20}, value: 1}
  tv: {curve: {kind: log, scale: 60, unit: 40}, value: 1}
"""
SEARCH, TV = "channels.search.curve.scale", "channels.tv.curve.scale"


@pytest.fixture
def draws() -> pd.DataFrame:
    spread = np.random.default_rng(3).lognormal(0.0, 0.3, (40, 2))
    return pd.DataFrame({SEARCH: 50 * spread[:, 0], TV: 60 * spread[:, 1]})


def scenario(folder: Path, uncertainty: str, more: str = "") -> Path:
    path = folder / "small.yaml"
    path.write_text(SCENARIO + f"uncertainty: {uncertainty}\n{more}", "utf-8")
    return path


def posterior(path: Path, draws: pd.DataFrame, group: str = "posterior") -> None:
    """Saved as ArviZ does: chain, draw, channel."""
    with h5netcdf.File(path, "w") as file:
        own = file.create_group(group)
        own.dimensions = {"chain": 4, "draw": len(draws) // 4, "channel": 2}
        values = draws.to_numpy().reshape(4, -1, 2)
        own.create_variable("beta", ("chain", "draw", "channel"), float)[...] = values
        labels = own.create_variable("channel", ("channel",), h5py.string_dtype())
        labels[...] = np.array(["search", "tv"], object)
        own.create_variable("label", ("draw",), h5py.string_dtype())


def lists(plan: opt.Plan) -> dict[str, tuple[float, ...] | None]:
    assert plan.uncertainty is not None
    return {path: item.draws for path, item in plan.uncertainty.numbers.items()}


def faults(path: Path) -> list[str]:
    return [f"{fault.where.removeprefix(str(path))} {fault.path}: {fault.problem}. {fault.advice}"
            for fault in opt.check_scenario(path)]  # fmt: skip


def expected(draws: pd.DataFrame) -> dict[str, tuple[float, ...]]:
    return {title: tuple(draws[title].tolist()) for title in draws}


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_with_a_column_per_path(tmp_path: Path, draws: pd.DataFrame, ending: str) -> None:
    counted = draws.assign(chain=1, draw=range(40))
    if ending == "csv":
        counted.to_csv(tmp_path / "fit.csv")  # with an index that has no name
    else:
        counted.to_parquet(tmp_path / "fit.parquet")
    path = scenario(tmp_path, f"{{draws_from: fit.{ending}}}")
    assert lists(opt.load(path)) == expected(draws)


def test_columns_by_name_and_every_so_many(tmp_path: Path, draws: pd.DataFrame) -> None:
    draws.rename(columns={TV: "tv"}).to_csv(tmp_path / "fit.csv", index=False)
    path = scenario(
        tmp_path,
        f"""
  numbers:
    {SEARCH}: {{draws: {{file: fit.csv, every: 10}}, least: 1}}
    {TV}: {{draws: {{file: fit.csv, column: tv, every: 10}}}}""",
    )
    assert lists(opt.load(path)) == expected(draws.iloc[::10])


@pytest.mark.parametrize("form", ["group", "top", "classic"])
def test_variables_of_netcdf(tmp_path: Path, draws: pd.DataFrame, form: str) -> None:
    if form == "classic":
        with netcdf_file(tmp_path / "fit.nc", "w") as file:
            for name, size in (("draw", 10), ("chain", 4), ("channel", 2), ("letters", 6)):
                file.createDimension(name, size)
            beta = file.createVariable("beta", "d", ("channel", "draw", "chain"))
            beta[:] = draws.to_numpy().reshape(4, 10, 2).transpose(2, 1, 0)
            labels = file.createVariable("channel", "c", ("channel", "letters"))
            labels[:] = [list("search"), list("tv    ")]
    else:
        posterior(tmp_path / "fit.nc", draws, "posterior" if form == "group" else "fit")
    group = ", group: /fit" if form == "top" else ""
    path = scenario(
        tmp_path,
        f"""
  numbers:
    {SEARCH}: {{draws: {{file: fit.nc, variable: beta, at: {{channel: search}}{group}}}}}
    {TV}: {{draws: {{file: fit.nc, variable: beta, at: {{channel: tv}}{group}}}}}""",
    )
    assert lists(opt.load(path)) == expected(draws)


def test_rows_stay_together(tmp_path: Path, draws: pd.DataFrame) -> None:
    draws.to_csv(tmp_path / "fit.csv", index=False)
    plan = opt.load(scenario(tmp_path, "{draws_from: fit.csv}"))
    assert plan.uncertainty is not None
    drawn = plan.uncertainty.drawn({SEARCH: SEARCH, TV: TV}, 64)
    rows = set(zip(*(drawn.values[path] for path in (SEARCH, TV)), strict=True))  # noqa: PD011
    assert rows <= set(draws.itertuples(index=False, name=None))
    assert len(rows) == 40
    assert plan.uncertainty.sources({SEARCH: SEARCH, TV: TV})[1] == LISTS


def test_a_file_is_seen_from_the_scenario_that_names_it(
    tmp_path: Path, draws: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, own, here = (tmp_path / name for name in ("base", "own", "here"))
    for folder, times in ((base, 1.0), (own, 2.0), (here, 3.0)):
        folder.mkdir()
        (times * draws).to_csv(folder / "fit.csv", index=False)
    scenario(base, "{draws_from: fit.csv}")
    upper = own / "upper.yaml"
    upper.write_text(
        "extends: ../base/small.yaml\nwhat_ifs: {new: {uncertainty.draws_from: fit.csv}}\n"
    )
    monkeypatch.chdir(here)
    assert lists(opt.load(upper)) == expected(draws)
    assert lists(opt.load(upper, what_ifs=["new"])) == expected(2 * draws)
    assert lists(opt.load(upper, sets=["uncertainty.draws_from=fit.csv"])) == expected(3 * draws)


def test_a_result_holds_its_draws(tmp_path: Path, draws: pd.DataFrame) -> None:
    """Neither a changed file nor a lost one makes an answer untrue."""
    file = tmp_path / "fit.csv"
    draws.to_csv(file, index=False)
    read = read_scenario(scenario(tmp_path, "{draws_from: fit.csv, draws: 64}", "risk: cvar"))
    plan = read.plan()
    text = json.dumps(opt.answer(opt.optimize(plan)))
    (2 * draws).to_csv(file, index=False)
    assert read.plan() == plan  # read once for all plans of a scenario
    found = check_claim(read_claim(text))
    assert found.holds, found.checks
    other = check_claim(read_claim(text), opt.load(tmp_path / "small.yaml"), named="small")
    assert [check.key for check in other.checks if check.holds is False] == ["scenario"]
    file.unlink()
    assert check_claim(read_claim(text)).holds
    assert lists(opt.loads(opt.dumps(plan))) == expected(draws)


def test_arrays_and_tables_of_python(draws: pd.DataFrame) -> None:
    made = Uncertainty.of_table(draws, draws=64)
    assert {p: r.draws for p, r in made.numbers.items()} == expected(draws)
    assert made.draws == 64
    assert Range(draws=draws[TV]) == Range(draws=draws[TV].to_numpy()) == made.numbers[TV]
    plan = replace(opt.loads(SCENARIO), uncertainty=made, risk=opt.CVaR(0.8))
    assert opt.optimize(plan).hedge is not None
    with pytest.raises(PlanError) as caught:
        Uncertainty.of_table({SEARCH: [1.0, float("nan")], TV: ["x"]})
    assert [fault.path for fault in caught.value.faults] == [
        f"numbers.{SEARCH}.draws.1", f"numbers.{TV}.draws"]  # fmt: skip
    with pytest.raises(PlanError, match="read together with the scenario"):
        Range(draws="fit.csv")  # type: ignore[arg-type]


def test_all_faults_of_tables_at_once(tmp_path: Path, draws: pd.DataFrame) -> None:
    bad = draws.astype(object).assign(text="a", empty=np.nan, yes=True)
    bad.loc[7, SEARCH] = "n/a"
    bad.to_csv(tmp_path / "fit.csv", index=False)
    path = scenario(
        tmp_path,
        """
  numbers:
    channels.search.curve.scale: {draws: fit.csv}
    channels.search.curve.unit: {draws: {file: fit.csv, column: empty}}
    channels.tv.curve.scale: {draws: {file: fit.csv, colum: x}}
    channels.tv.curve.unit: {draws: {file: lost.csv}}
    channels.search.value: {draws: {file: fit.csv, column: valu, every: 0}}
    channels.tv.value: {draws: {file: fit.csv, column: yes}}
    budget: {draws: fit.json}
    value: {between: [3, 1]}""",
    )
    found = "\n".join(faults(path))
    for words in (
        ":10:42 uncertainty.numbers.channels.search.curve.scale.draws: fit.csv: ",
        "channels.search.curve.scale, row 9: 'n/a' is no number. Give plain numbers",
        "fit.csv: empty, row 2 is empty, and so are 39 more. Leave such draws out",
        "draws.colum: is not known here. Did you mean 'column'?",
        "unit.draws: lost.csv: cannot be read: No such file or directory. Give a file",
        "value.draws.every: 0 is not a whole number above zero",
        "value.draws.column: fit.csv: yes is true or false",
        "budget.draws: fit.json: .json is no file of draws. Give one that ends in .csv",
        "between must rise",
    ):
        assert words in found, found
    assert len(faults(path)) == 8, found


def test_another_separator_is_told_once(tmp_path: Path, draws: pd.DataFrame) -> None:
    draws.to_csv(tmp_path / "fit.csv", index=False, sep=";", decimal=",")
    (told,) = faults(scenario(tmp_path, "{draws_from: fit.csv}"))
    assert "fit.csv: is separated by semicolons, not commas. Save it with commas" in told


def test_a_column_of_another_name_can_be_named(tmp_path: Path, draws: pd.DataFrame) -> None:
    draws.rename(columns={TV: "tv"})[["tv"]].to_csv(tmp_path / "fit.csv", index=False)
    (told,) = faults(scenario(tmp_path, f"{{numbers: {{{TV}: {{draws: fit.csv}}}}}}"))
    assert f"there is no column '{TV}'. Name one with column: tv. Known: tv" in told


def test_labels_that_say_they_are_huge(
    tmp_path: Path, draws: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("optimizer.sources.netcdf._BYTES", 10)
    posterior(tmp_path / "fit.nc", draws)
    own = "{draws: {file: fit.nc, variable: beta, at: {channel: search}}}"
    (told,) = faults(scenario(tmp_path, f"{{numbers: {{{SEARCH}: {own}}}}}"))
    assert "fit.nc: the labels channel take more than" in told


def huge(path: Path, kind: str) -> None:
    """A file of a few kilobytes that says its labels, or a chunk of its values, take gigabytes."""
    with h5netcdf.File(path, "w") as file:
        size = None if kind == "chunk" else 20
        file.dimensions = {"chain": 1, "draw": size, "channel": 2, "letters": 10**10}
        chunks = (1, 10**8, 2) if kind == "chunk" else None
        file.create_variable("beta", ("chain", "draw", "channel"), float, chunks=chunks)
        if kind == "chunk":
            file.resize_dimension("draw", 20)
        if kind == "letters":
            file.create_variable("channel", ("channel", "letters"), "S1")
        elif kind == "wide":
            file.create_variable("channel", ("channel",), "S1000000000")
        else:
            chunks = (2,) if kind == "text in chunks" else None
            labels = file.create_variable(
                "channel", ("channel",), h5py.string_dtype(), chunks=chunks
            )
            labels[...] = np.array(["search", "tv"], object)
    if kind.startswith("text"):
        with h5py.File(path) as file:
            own = file["channel"].id
            start = own.get_chunk_info(0).byte_offset if "chunks" in kind else own.get_offset()
        content = bytearray(path.read_bytes())
        content[start : start + 4] = (2**32 - 1).to_bytes(4, "little")
        path.write_bytes(content)


@pytest.mark.parametrize("kind", ["letters", "wide", "text", "text in chunks", "chunk"])
def test_what_says_it_is_huge_is_not_read(tmp_path: Path, kind: str) -> None:
    """HDF5 would allot all of it, some of it twice, before it looks."""
    huge(tmp_path / "fit.nc", kind)
    own = "{draws: {file: fit.nc, variable: beta, at: {channel: search}}}"
    path = scenario(tmp_path, f"{{numbers: {{{SEARCH}: {own}}}}}")
    held, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    (told,) = faults(path)
    words = {"chunk": "beta is saved in chunks of 1,600,000,000 bytes"}
    assert words.get(kind, "the labels channel take more than 200 MB") in told
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held < 100_000
    assert time.process_time() - start < 3


def test_faults_of_a_whole_table(tmp_path: Path, draws: pd.DataFrame) -> None:
    draws.assign(x=1.0, **{f"{TV}s": 1.0}).to_csv(tmp_path / "fit.csv", index=False)
    inline = f"numbers: {{{TV}: {{draws: [1, 2]}}}}"
    path = scenario(tmp_path, f"{{draws_from: {{file: fit.csv}}, {inline}}}")
    found = "\n".join(faults(path))
    assert f"{TV} stands under numbers as well" in found
    assert "the column 'x' is no number of the plan" in found
    assert f"the column '{TV}s' is no number of the plan" in found
    assert "are not of one length" in found
    draws.iloc[:0].to_csv(tmp_path / "fit.csv", index=False)
    path = scenario(tmp_path, "{draws_from: fit.csv}")
    assert "holds no draws" in faults(path)[0]
    path = scenario(tmp_path, "{draws_from: [fit.csv]}")
    assert "is no file" in faults(path)[0]
    path = scenario(tmp_path, "{draws_from: fit.nc}")
    assert "are not called as paths" in faults(path)[0]


def test_all_faults_of_netcdf_at_once(tmp_path: Path, draws: pd.DataFrame) -> None:
    posterior(tmp_path / "fit.nc", draws)
    (tmp_path / "text.nc").write_text("channel,beta")
    whole = (tmp_path / "fit.nc").read_bytes()
    (tmp_path / "cut.nc").write_bytes(whole[: len(whole) // 2])
    cases = {
        "{file: fit.nc, variable: bet}": "no variable 'bet'. Did you mean 'beta'",
        "{file: fit.nc, variable: beta}": "beta is also by channel, and one is to be taken. "
        "Give at: {channel: …}. Known: search, tv",
        "{file: fit.nc, variable: beta, at: {channel: serch}}": "no channel 'serch'. Did you mean",
        "{file: fit.nc, variable: beta, at: {geo: x, channel: tv}}": "beta has no dimension 'geo'",
        "{file: fit.nc, variable: beta, group: prior}": "no group 'prior'",
        "{file: fit.nc, variable: label}": "label holds no numbers",
        "{file: fit.nc, column: beta}": "is for tables",
        "{file: text.nc, variable: beta}": "text.nc: is no NetCDF file",
        "{file: cut.nc, variable: beta}": "cut.nc: cannot be read",
        "fit.nc": "is missing",
    }
    for draws_of, words in cases.items():
        path = scenario(tmp_path, f"{{numbers: {{{TV}: {{draws: {draws_of}}}}}}}")
        found = faults(path)
        assert any(words in fault for fault in found), (draws_of, found)
        assert all(fault.startswith(":8:") for fault in found), found


def test_too_many_draws_are_refused(tmp_path: Path) -> None:
    many = np.ones((MOST_VALUES // 2 + 1, 2))
    pd.DataFrame(many, columns=[SEARCH, TV]).to_csv(tmp_path / "fit.csv", index=False)
    path = scenario(tmp_path, "{draws_from: fit.csv}")
    assert "above 200,000. Take every tenth draw" in faults(path)[0]
    path = scenario(tmp_path, "{draws_from: {file: fit.csv, every: 1000}}")
    assert faults(path) == []
