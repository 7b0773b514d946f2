"""Fitted models as scenarios: the model's own contributions, carry-over, draws, maps."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5netcdf
import h5py
import numpy as np
import pandas as pd
import pytest

import optimizer as opt
from optimizer.errors import PlanError, ScenarioError, SourceError
from optimizer.plan.carryover import CARRYOVERS
from optimizer.plan.document import to_document
from optimizer.sources.models.importing import Imported, import_model, map_text, read_model
from optimizer.sources.models.mapping import ModelMap, Placed
from tests.sources import exports
from tests.test_known_answers import CURRENT, MERIDIAN

WEEKS: dict[str, Any] = {
    "name": "Imported",
    "budget": 2_000_000,
    "value": 1,
    "objective": "revenue",
    "periods": {"start": "2027-W01", "count": 6, "every": "week"},
}
ONE_PERIOD = {key: value for key, value in WEEKS.items() if key != "periods"}
ROBYN = {"tv_S": "tv.brand", "search_S": "search.traffic", "radio_S": "radio"}
PYMC = {"x1": "tv.brand", "x2": "search.traffic"}
MEDIA = {"tv": "tv.brand", "search": "search.traffic"}


def offs(found: Imported) -> list[float | None]:
    return [check.off for check in found.model.checks]


def kernel(found: Imported, line: str) -> np.ndarray:
    carryover = found.plan.line(line).carryover
    assert isinstance(carryover, CARRYOVERS)
    return carryover.kernel(600)


# --- Robyn ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["3.12.0", "3.11.1"])
@pytest.mark.parametrize("adstock", ["geometric", "weibull_cdf", "weibull_pdf"])
def test_robyn_brings_what_robyn_says(tmp_path: Path, adstock: str, version: str) -> None:
    found = import_model(exports.robyn(tmp_path, adstock, version), ModelMap(ROBYN, WEEKS))
    assert offs(found) == pytest.approx([0.0, 0.0, 0.0], abs=1e-12)
    # The plan's own curve and carry-over, over the whole past, bring the same in every period.
    spend = exports.robyn_spend()
    for name, line in list(ROBYN.items())[:2]:
        series = exports.robyn_series(name, spend[name].tolist(), adstock, version)
        exposure = np.convolve(spend[name], kernel(found, line))[: exports.WEEKS]
        first, last = exports.WINDOW
        ours = found.plan.line(line).curve.outcome(exposure[first - 1 : last])
        assert ours == pytest.approx(series, rel=1e-9)


def test_robyn_data_beside_it_and_plain_scalars(tmp_path: Path) -> None:
    path = exports.robyn(tmp_path, data=False, boxed=False)
    with pytest.raises(PlanError, match=r"raw_data: is missing.*second file"):
        import_model(path, ModelMap(ROBYN, WEEKS))
    exports.robyn_spend().to_csv(tmp_path / "spend.csv", index=False)
    found = import_model([path, tmp_path / "spend.csv"], ModelMap(ROBYN, WEEKS))
    assert offs(found) == pytest.approx([0.0, 0.0, 0.0], abs=1e-12)


def test_robyn_today_and_what_has_no_effect(tmp_path: Path) -> None:
    found = import_model(exports.robyn(tmp_path), ModelMap(ROBYN, WEEKS))
    window = exports.robyn_spend().iloc[exports.WINDOW[0] - 1 : exports.WINDOW[1]]
    tv = found.plan.line("tv.brand")
    assert tv.current == pytest.approx(window["tv_S"].mean())
    assert tv.observed == window["tv_S"].max()
    assert tv.role == "brand"
    assert found.plan.line("radio").curve == opt.Linear(0.0)
    assert "radio_S: has no effect in the model" in found.notes
    assert "organic media are left out: newsletter" in found.notes
    assert "outcomes are revenue, counted as revenue" in found.notes
    assert found.ranges["channels.tv.brand.value"] == {
        "between": [0.75, 1.4], "sure": 0.95, "times": True,
    }  # fmt: skip
    assert found.plan.origins["channels.tv.brand"].source.startswith("Robyn v3.12.0: Robyn")


def test_exposures_are_turned_into_money(tmp_path: Path) -> None:
    """A channel modelled on impressions: the same plan, where a thousand of them cost 5."""
    plain = import_model(exports.robyn(tmp_path), ModelMap(ROBYN, WEEKS))
    path = exports.robyn(tmp_path)
    document = json.loads(path.read_text("utf-8"))
    inputs = document["InputCollect"]
    inputs["paid_media_selected"] = ["tv_I", "search_S", "radio_S"]
    for row in document["Extras"]["raw_data"]:
        row["tv_I"] = row["tv_S"] * 200
    hyper = document["ExportedModel"]["hyper_values"]
    for key in [key for key in hyper if key.startswith("tv_S")]:
        hyper[key.replace("tv_S", "tv_I")] = hyper.pop(key)
    document["ExportedModel"]["summary"][1]["variable"] = "tv_I"
    path.write_text(json.dumps(document), "utf-8")
    channels = {"tv_I": "tv.brand", "search_S": "search.traffic", "radio_S": "radio"}
    found = import_model(path, ModelMap(channels, WEEKS))
    ours, theirs = (to_document(each.plan)["channels"]["tv"]["brand"] for each in (found, plain))
    assert ours["curve"] == pytest.approx(theirs["curve"])
    assert any("0.005 of money per unit of exposure" in note for note in found.notes)


def test_a_refreshed_model_is_refused_and_may_be_accepted(tmp_path: Path) -> None:
    path = exports.robyn(tmp_path)
    path.write_text(path.read_text("utf-8").replace('"coef": 90000.0', '"coef": 99000.0'), "utf-8")
    with pytest.raises(SourceError, match=r"tv_S by 0\.1\."):
        import_model(path, ModelMap(ROBYN, WEEKS))
    found = import_model(path, ModelMap(ROBYN, WEEKS, tolerance=0.2))
    assert offs(found)[0] == pytest.approx(0.1)


# --- PyMC-Marketing -------------------------------------------------------------------------------


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("adstock", list(exports.ADSTOCKS))
def test_adstocks_of_pymc(tmp_path: Path, adstock: str, first: bool, normalize: bool) -> None:
    path = exports.pymc(tmp_path, adstock, normalize=normalize, first=first)
    assert offs(import_model(path, ModelMap(PYMC, WEEKS))) == pytest.approx([0, 0], abs=1e-9)


@pytest.mark.parametrize("saturation", list(exports.SATURATIONS))
def test_saturations_of_pymc(tmp_path: Path, saturation: str) -> None:
    found = import_model(exports.pymc(tmp_path, saturation=saturation), ModelMap(PYMC, WEEKS))
    assert offs(found) == pytest.approx([0, 0], abs=1e-9)


@pytest.mark.parametrize("form", ["legacy", "delayed"])
def test_older_models_of_pymc(tmp_path: Path, form: str) -> None:
    found = import_model(exports.pymc(tmp_path, form=form), ModelMap(PYMC, WEEKS))
    assert offs(found) == pytest.approx([0, 0], abs=1e-9)
    new = import_model(exports.pymc(tmp_path), ModelMap(PYMC, WEEKS))
    assert found.plan.lines == new.plan.lines


@pytest.mark.parametrize(
    ("adstock", "names"),
    [
        ("geometric", {"alpha": "retention"}),
        ("delayed", {"alpha": "retention", "theta": "delay"}),
        ("weibull_cdf", {"k": "shape", "lam": "scale"}),
    ],
)
def test_every_draw_of_carryover_is_the_models(
    tmp_path: Path, adstock: str, names: dict[str, str]
) -> None:
    found = import_model(exports.pymc(tmp_path, adstock), ModelMap(PYMC, WEEKS))
    stated = found.plan.line("tv.brand").carryover
    assert stated is not None
    for draw in range(3):
        drawn = {
            theirs: float(found.draws[f"channels.tv.brand.carryover.{ours}"][draw])
            for theirs, ours in names.items()
        }
        weights = np.array(exports.lag_weights(adstock, drawn, 6))
        one = replace(stated, **{ours: drawn[theirs] for theirs, ours in names.items()})
        assert one.kernel(10)[: len(weights)] == pytest.approx(weights / weights.sum())
        assert one.kernel(10).sum() == pytest.approx(1.0)


@pytest.mark.parametrize("adstock", ["binomial", "weibull_pdf"])
def test_other_carryover_is_the_mean_of_the_draws(tmp_path: Path, adstock: str) -> None:
    found = import_model(exports.pymc(tmp_path, adstock), ModelMap(PYMC, WEEKS))
    assert isinstance(found.plan.line("tv.brand").carryover, opt.Weights)
    assert "x1: carry-over is the mean of the draws" in found.notes


def test_draws_beside_the_scenario(tmp_path: Path) -> None:
    found = import_model(exports.pymc(tmp_path), ModelMap(PYMC, WEEKS))
    scenario, beside = found.write(tmp_path / "plan.yaml")
    assert beside.name == "plan.draws.csv"
    assert len(pd.read_csv(beside)) == exports.CHAINS * exports.DRAWS
    plan = opt.load(scenario)
    assert plan.uncertainty is not None
    drawn = {path: item.draws for path, item in plan.uncertainty.numbers.items()}
    assert drawn == {path: tuple(values) for path, values in found.draws.items()}
    assert "channels.tv.brand.carryover.retention" in drawn
    assert opt.Worlds.of(plan, 64).weight.shape == (64,)


def test_the_curve_meets_the_mean_of_the_draws_today(tmp_path: Path) -> None:
    found = import_model(exports.pymc(tmp_path, saturation="hill"), ModelMap(PYMC, WEEKS))
    line = found.plan.line("tv.brand")
    mean = found.model.channels[0].response.outcome(np.array([line.current])).mean()
    assert line.curve.outcome(np.array(line.current)) == pytest.approx(mean)


def test_markets_and_a_latent_series(tmp_path: Path) -> None:
    cells = {f"{c}/{g}": Placed(f"{c}.{g}", tags={"market": g}) for c in PYMC for g in ("de", "at")}
    found = import_model(exports.pymc(tmp_path, geos=("de", "at")), ModelMap(cells, WEEKS))
    assert offs(found) == pytest.approx([0] * 4, abs=1e-9)
    assert found.plan.line("x1.at").tags == {"market": "at"}
    varying = import_model(exports.pymc(tmp_path, latent=True), ModelMap(PYMC, WEEKS))
    assert offs(varying) == pytest.approx([0, 0], abs=1e-9)
    assert "x1: the effect of media varies over time; its mean is taken" in varying.notes


def test_a_plan_without_periods_has_no_carryover(tmp_path: Path) -> None:
    found = import_model(exports.pymc(tmp_path), ModelMap(PYMC, ONE_PERIOD, steps=1))
    assert found.model.tool == "PyMC-Marketing MMMM 0.0.2"
    assert found.plan.line("tv.brand").carryover is None
    assert any("carry-over is left out, as the plan has no periods" in n for n in found.notes)


def test_what_is_not_in_the_file_is_not_checked(tmp_path: Path) -> None:
    found = import_model(exports.pymc(tmp_path, own=False), ModelMap(PYMC, WEEKS))
    assert offs(found) == [None, None]
    assert found.notes[0].startswith("x1: not checked, the file holds no channel_contribution")
    with pytest.raises(SourceError, match=r"x1 by 0\.091, x2 by 0\.091"):
        import_model(exports.pymc(tmp_path, off=1.1), ModelMap(PYMC, WEEKS))


def test_formulas_that_are_not_known(tmp_path: Path) -> None:
    path = exports.pymc(tmp_path)
    with h5netcdf.File(path, "a") as file:
        file.attrs["saturation"] = '{"lookup_name": "gompertz"}'
    with pytest.raises(PlanError, match="saturation: 'gompertz' is not known"):
        import_model(path, ModelMap(PYMC, WEEKS))


# --- Meridian -------------------------------------------------------------------------------------

T1 = {name: (float(unit), [float(w) for w in text.split()]) for name, (unit, text) in
      MERIDIAN.items()}  # fmt: skip


@pytest.mark.parametrize("ending", ["nc", "csv"])
def test_meridian_scenario_1(tmp_path: Path, ending: str) -> None:
    """T1 again, with its curves from the file that Meridian exports."""
    path = exports.meridian_curves(tmp_path / f"curves.{ending}", T1)
    channels = {
        name: Placed(name.lower(), minimum=0.7 * now, maximum=1.3 * now, current=now)
        for name, now in CURRENT.items()
    }
    plan = {"name": "T1", "budget": 219.5e6, "value": 1, "objective": "revenue"}
    found = import_model(path, ModelMap(channels, plan))
    best = opt.optimize(found.plan)
    assert best.objective == pytest.approx(265_209_196, rel=1e-4)
    assert best.today is not None
    assert best.today.objective == pytest.approx(258_493_024, rel=1e-3)
    limits = found.ranges["channels.ch0.value"]
    assert limits["between"] == pytest.approx([0.9, 1.1])
    assert limits["sure"] == 0.9
    assert any(note.startswith("not checked") for note in found.notes)


def test_a_grid_of_meridian_over_a_window(tmp_path: Path) -> None:
    path = exports.meridian_grid(tmp_path / "grid.nc")
    found = import_model(path, ModelMap(MEDIA, ONE_PERIOD, window=10))
    assert found.plan.line("tv.brand").curve == opt.Points((0, 20, 40), (0, 9, 12))


@pytest.mark.parametrize(
    ("geos", "options"),
    [
        (("national",), {}),
        (("a", "b", "c"), {}),
        (("a", "b"), {"decay": "binomial", "hill_first": True}),
    ],
)
def test_a_posterior_of_meridian(
    tmp_path: Path, geos: tuple[str, ...], options: dict[str, Any]
) -> None:
    files = exports.meridian_posterior(tmp_path, geos, **options)
    how = {"decay": options.get("decay", "geometric")}
    how["hill_before_adstock"] = options.get("hill_first", False)
    found = import_model(files, ModelMap(MEDIA, WEEKS, max_lag=4, **how))
    assert offs(found) == pytest.approx([0, 0], abs=1e-9)
    line = found.plan.line("tv.brand")
    assert line.curve.kind == ("hill" if len(geos) == 1 else "points")
    assert (line.carryover is not None) == (len(geos) == 1)
    opt.load(found.write(tmp_path / "plan.yaml")[0])
    wrong = ModelMap(MEDIA, WEEKS, max_lag=2, **how)
    with pytest.raises(SourceError, match=r"tv by .* or max_lag, decay or hill_before_adstock"):
        import_model(files, wrong)


def test_a_posterior_alone_says_what_is_missing(tmp_path: Path) -> None:
    path, _ = exports.meridian_posterior(tmp_path, ("national",))
    with pytest.raises(PlanError, match="does not hold the scales of its data"):
        import_model(path, ModelMap(MEDIA, WEEKS))


# --- Tables ---------------------------------------------------------------------------------------


def test_points_with_draws(tmp_path: Path) -> None:
    rows = [
        (draw, name, spend, size * spend**0.5)
        for draw, size in ((1, 1.0), (2, 3.0))
        for name in MEDIA
        for spend in (100, 400, 900)
    ]
    frame = pd.DataFrame(rows, columns=["draw", "channel", "cost", "sales"])
    frame.to_csv(tmp_path / "curves.csv", index=False)
    columns = {"spend": "cost", "outcome": "sales"}
    found = import_model(tmp_path / "curves.csv", ModelMap(MEDIA, ONE_PERIOD, columns=columns))
    assert found.plan.line("tv.brand").curve == opt.Points((0, 100, 400, 900), (0, 20, 40, 60))
    assert found.draws["channels.tv.brand.value"] == pytest.approx([0.5, 1.5])


def test_parameters_with_draws(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {"channel": np.repeat(list(MEDIA), 30), "draw": np.tile(range(30), 2), "curve": "hill",
         "ceiling": rng.lognormal(5, 0.2, 60), "half": 200.0, "steepness": 1.5,
         "retention": rng.uniform(0.2, 0.5, 60)}
    )  # fmt: skip
    frame.sample(frac=1, random_state=2).to_parquet(tmp_path / "draws.parquet")
    found = import_model(tmp_path / "draws.parquet", ModelMap(MEDIA, WEEKS))
    assert set(found.draws) == {
        f"channels.{line}.{key}" for line in MEDIA.values()
        for key in ("curve.ceiling", "carryover.retention")
    }  # fmt: skip
    own = frame[frame["channel"] == "tv"]["ceiling"]
    assert found.draws["channels.tv.brand.curve.ceiling"] == pytest.approx(own.to_numpy())


def test_faults_of_a_table_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "curves.csv").write_text(
        "channel,spend,outcome\ntv,1,=1+1\ntv,-5,3\nsearch,1,5\nsearch,1,6\nradio,1,9\nradio,2,4\n"
    )
    with pytest.raises(PlanError) as caught:
        read_model([tmp_path / "curves.csv"], ModelMap({}))
    told = "\n".join(map(str, caught.value.faults))
    assert "row 2: '=1+1' is no number" in told
    assert "row 3: '-5' is no number from 0 up" in told
    assert "search: has the spend 1 twice" in told
    assert "radio: its outcome falls at a spend of 2" in told


def test_tables_with_gaps_where_names_belong(tmp_path: Path) -> None:
    path = tmp_path / "curves.csv"
    path.write_text("channel,spend,outcome\ntv,0,0\n,1,5\ntv,2,6\n")
    with pytest.raises(PlanError, match=r"channel: is empty in row 3. Name the channel"):
        read_model([path], ModelMap({}))
    path.write_text("channel,spend,outcome\ntv,0,0\ntv,1e300,5\n")
    with pytest.raises(PlanError, match=r"row 3: '1e\+300' is no number"):
        read_model([path], ModelMap({}))
    pd.DataFrame({"channel": ["tv"], "curve": [None], "rate": 1.0}).to_csv(path, index=False)
    with pytest.raises(PlanError, match="tv: its curve is nan"):
        read_model([path], ModelMap({}))


def test_a_grid_without_a_point(tmp_path: Path) -> None:
    path = exports.meridian_grid(tmp_path / "grid.nc")
    with h5netcdf.File(path, "a") as file:
        file.variables["spend_grid"][:, 0] = np.nan
    with pytest.raises(PlanError, match="tv: has no points"):
        read_model([path], ModelMap({}))
    with h5netcdf.File(path, "a") as file:
        file.variables["spend_grid"][0, 0] = 1e308
    with pytest.raises(PlanError, match=r"spend_grid: holds 1e\+308"):
        read_model([path], ModelMap({}))


def test_a_variable_without_its_dimension(tmp_path: Path) -> None:
    path = exports.meridian_grid(tmp_path / "grid.nc")
    with h5py.File(path, "a") as file:
        del file["channel"]
    with pytest.raises(PlanError, match="cannot be read"):
        read_model([path], ModelMap({}))


# --- Time -----------------------------------------------------------------------------------------


def test_other_periods_than_the_models(tmp_path: Path) -> None:
    """A month is 4.35 weeks of even spend; what is left behind is said."""
    months = {**WEEKS, "periods": {"start": "2027-01", "count": 3}}
    path = exports.robyn(tmp_path)
    weekly = import_model(path, ModelMap(ROBYN, WEEKS)).plan.line("tv.brand")
    found = import_model(path, ModelMap(ROBYN, months))
    monthly = found.plan.line("tv.brand")
    steps = 365.2425 / 12 / 7
    assert monthly.current == pytest.approx(weekly.current * steps)
    assert monthly.carryover is None
    for money in (10_000.0, 60_000.0):
        ours = monthly.curve.outcome(np.array(money * steps))
        assert ours == pytest.approx(weekly.curve.outcome(np.array(money)) * steps)
    assert any("tv_S: carry-over is left out" in note for note in found.notes)
    with pytest.raises(ScenarioError, match="steps: is missing"):
        import_model(path, ModelMap(ROBYN, ONE_PERIOD))
    year = import_model(path, ModelMap(ROBYN, ONE_PERIOD, steps=52)).plan.line("tv.brand")
    assert year.current == pytest.approx(weekly.current * 52)


@pytest.mark.parametrize("saturation", list(exports.SATURATIONS))
def test_every_kind_stretches(tmp_path: Path, saturation: str) -> None:
    response = read_model([exports.pymc(tmp_path, saturation=saturation)], ModelMap({})).channels[0]
    money = np.array([1_000.0, 20_000.0])
    longer = response.response.stretched(4.0).outcome(4.0 * money)
    assert longer == pytest.approx(4.0 * response.response.outcome(money))


# --- Maps -----------------------------------------------------------------------------------------


def test_all_faults_of_a_map_with_their_places(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(
        "channels:\n  tv_S: tv.brand.more\n  search_S: {line: search, rol: brand}\n"
        "tolerence: 1%\nwindow: -3\nplan: {budget: 5}\n"
    )
    with pytest.raises(ScenarioError) as caught:
        import_model(exports.robyn(tmp_path), path)
    told = [f"{fault.where.partition('map.yaml')[2]} {fault.path}" for fault in caught.value.faults]
    assert told == [":4:1 tolerence", ":2:3 channels.tv_S.line", ":3:28 channels.search_S.rol",
                    ":5:9 window"]  # fmt: skip


def test_channels_and_lines_that_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(
        "channels:\n  tv: tv.brand\n  search_S: search.traffic\nleave_out: [podcast]\n"
        "plan: {budget: 5, periods: {start: 2027-W01, count: 2, every: week}}\n"
    )
    with pytest.raises(ScenarioError) as caught:
        import_model(exports.robyn(tmp_path), path)
    told = "\n".join(map(str, caught.value.faults))
    assert "map.yaml:2:7  channels.tv: is no channel of the model" in told
    assert "leave_out.podcast: is no channel of the model" in told
    assert "says nothing of tv_S, radio_S" in told


def test_faults_of_the_plan_are_told_where_the_map_says_it(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(
        "channels:\n  tv_S: {line: tv.brand, minimum: 9, maximum: 3}\n  search_S: search.traffic\n"
        "leave_out: [radio_S]\nplan:\n  budget: a lot\n"
        "  periods: {start: 2027-W01, count: 2, every: week}\n"
    )
    with pytest.raises(ScenarioError) as caught:
        import_model(exports.robyn(tmp_path), path)
    told = "\n".join(map(str, caught.value.faults))
    assert "map.yaml:6:11  plan.budget" in told
    assert "map.yaml:2:3  channels.tv_S: minimum 9 is above maximum 3" in told


def test_two_channels_of_one_line() -> None:
    with pytest.raises(PlanError, match=r"a and b both become tv\.brand"):
        ModelMap({"a": "tv.brand", "b": "tv.brand"})
    with pytest.raises(PlanError, match="uncertainty comes from the model"):
        ModelMap({}, {"uncertainty": {}})


def test_fields_of_a_line_are_kept(tmp_path: Path) -> None:
    place = Placed("radio", value=0, maximum=0, current=7, tags={"market": "de"})
    found = import_model(exports.robyn(tmp_path), ModelMap({**ROBYN, "radio_S": place}, WEEKS))
    line = found.plan.line("radio")
    assert (line.value, line.maximum, line.current, line.tags) == (0, 0, 7, {"market": "de"})
    social = Placed("tv.de", role="brand", minimum="5%")
    found = import_model(exports.robyn(tmp_path), ModelMap({**ROBYN, "tv_S": social}, WEEKS))
    assert (found.plan.line("tv.de").role, str(found.plan.line("tv.de").minimum)) == ("brand", "5%")


def test_a_line_and_its_parts(tmp_path: Path) -> None:
    channels = {**ROBYN, "tv_S": "search"}
    with pytest.raises(ScenarioError, match="search is a line itself"):
        import_model(exports.robyn(tmp_path), ModelMap(channels, WEEKS))


def test_the_map_to_fill_in_fits(tmp_path: Path) -> None:
    for path in (exports.robyn(tmp_path), exports.pymc(tmp_path),
                 exports.meridian_grid(tmp_path / "grid.nc")):  # fmt: skip
        map_path = tmp_path / "map.yaml"
        map_path.write_text(map_text([path]), "utf-8")
        found = import_model(path, map_path)
        assert len(found.plan.lines) == len(found.model.channels)
        if found.plan.lines[0].current is not None:
            today = sum(line.current or 0.0 for line in found.plan.lines) * (
                found.plan.periods.count if found.plan.periods else 1
            )
            assert today <= found.plan.budget <= today * 1.00001
        assert opt.optimize(found.plan).status == "optimal"
