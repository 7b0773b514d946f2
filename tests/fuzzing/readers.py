"""Every place where the program reads what others wrote, each with a sound file for it."""

from __future__ import annotations

import json
import pickle
import zlib
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from scipy.io import netcdf_file
from waitress import wasyncore
from werkzeug.test import Client

import optimizer as opt
from optimizer.allocation import Allocation, evaluate
from optimizer.analysis.answer import answer
from optimizer.analysis.variations import Failed, solve_all
from optimizer.analysis.verification import Verification, check_claim, read_claim
from optimizer.fitting.checks import check
from optimizer.fitting.history import History
from optimizer.fitting.mapping import HistoryMap
from optimizer.plan.actuals import Actuals
from optimizer.plan.plan import Plan
from optimizer.plan.table import LineTable
from optimizer.plan.uncertainty import Uncertainty
from optimizer.solving import optimize
from optimizer.sources.actuals import load_actuals
from optimizer.sources.history import load_history
from optimizer.sources.history_map import load_map
from optimizer.sources.judgement import judged_scenario
from optimizer.sources.models.importing import import_model, map_text
from optimizer.sources.models.mapping import ModelMap
from optimizer.sources.parts import find_parts
from optimizer.sources.questionnaire import read_questionnaire
from optimizer.sources.saving import with_what_if
from optimizer.sources.scenario import check_scenario, document_of, read_scenario
from optimizer.sources.table import load_spend, read_lines
from optimizer.studio.desk import Desk
from optimizer.studio.server import Studio
from optimizer.terminal.asked import read_text
from optimizer.terminal.tracking import read_followed
from tests.cli.test_lines import keywords
from tests.fuzzing import harm
from tests.sources import exports
from tests.sources.test_draws import SCENARIO as DRAWN
from tests.sources.test_draws import SEARCH, TV, posterior
from tests.sources.test_history import MAP as HISTORY_MAP
from tests.sources.test_history import table
from tests.sources.test_hostile_models import KINDS, cases
from tests.sources.test_judgement import ROWS, filled
from tests.sources.test_models import MEDIA, ONE_PERIOD, ROBYN, WEEKS
from tests.studio.studios import SECRET
from tests.studio.studios import TEXT as SHOP

__all__ = ["READERS", "Reader"]


@dataclass(frozen=True)
class Reader:
    """One way in."""

    name: str
    make: Callable[[Path], Path]
    """Writes sound files into a folder and gives the one that is to be hurt."""
    read: Callable[[Path], object]
    kind: type | tuple[type, ...]
    """What is read from a file that is sound."""
    hurt: Callable[[Path, bytes, Random], bytes] = harm.hurt
    hdf5: bool = False
    leaves_alone: bool = True
    """Whether the file must be as it was afterwards."""

    @property
    def memory(self) -> int:
        """Bytes that one file may take beyond what the process held before.

        HDF5 allots what a text of a damaged file says it is long, up to 4 GB, before it looks.
        """
        return 6_000_000_000 if self.hdf5 else 1_000_000_000


def _written(name: str, text: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / name
        path.write_text(text, "utf-8")
        return path

    return make


def _saved(frame: pd.DataFrame, name: str, folder: Path) -> Path:
    path = folder / name
    save: Any = {".csv": frame.to_csv, ".xlsx": frame.to_excel, ".parquet": frame.to_parquet}
    save[path.suffix](path, index=False)
    return path


# --- Scenarios ------------------------------------------------------------------------------------


ONE = (Path(__file__).parents[1] / "one_period.yaml").read_text("utf-8")


RICH = """\
name: Rich
budget: 600
currency: EUR
objective: {kind: profit, margin: 40%}
periods: {start: 2027-01, count: 3, every: month, discount: 1%}
funnel: {stages: [visit, order], rates: {visit: 0.1}, value: {order: 50}}
channels:
  search: {curve: {kind: log, scale: 10, unit: 50}, outcome: visit, current: 90, price: 1.2}
  tv:
    brand:
      curve: {kind: hill, ceiling: 40, half: 90, steepness: 2}
      outcome: order
      carryover: {kind: geometric, retention: 0.5}
      maximum: 30%
  radio: {curve: {kind: points, spend: [0, 50, 100], outcomes: [0, 8, 9]}, outcome: order}
constraints:
  floor: {kind: spend, where: search, at_least: 15%}
uncertainty:
  draws: 64
  numbers:
    channels.*.curve.scale: {between: ["*0.7", "*1.4"]}
    channels.search.price: {draws: [1, 1.2, 1.4]}
what_ifs:
  cut: {budget: "*0.8"}
  dear: {channels.search.price: 2}
  both: [cut, dear]
origins:
  budget: {source: the board, grade: A}
"""


def _scenario(path: Path) -> Plan:
    """The plan of a file, with all its faults told, and with each of its what-ifs."""
    check_scenario(path)
    scenario = read_scenario(path, within=path.parent)
    for name in list(scenario.what_ifs)[:3]:
        scenario.plan([name])
    return scenario.plan()


def _extending(folder: Path) -> Path:
    (folder / "base.yaml").write_text(SHOP, "utf-8")
    return _written("top.yaml", "extends: base.yaml\nbudget: 2M\nwhat_ifs: {more: [cut]}\n")(folder)


def _base(folder: Path) -> Path:
    _extending(folder)
    return folder / "base.yaml"


def _json(text: str) -> str:
    return json.dumps(document_of(text), indent=1)


def _settings(path: Path) -> Plan:
    """Each line of a file as ``--set``."""
    scenario = read_scenario(path.parent / "shop.yaml")
    return scenario.plan(sets=path.read_text("utf-8").split("\n"))


def _made_settings(folder: Path) -> Path:
    (folder / "shop.yaml").write_text(SHOP, "utf-8")
    return _written("sets.txt", "budget=10M\nchannels.search.*.price=*1.3")(folder)


def _hurt_lines(_: Path, content: bytes, chance: Random) -> bytes:
    """Texts of settings with other words; what is not UTF-8 never comes from a shell."""
    lines = [harm._with_other_word(line, chance) for line in content.decode().split("\n")]
    return "\n".join(lines).replace("\x00", "").encode("utf-8", "replace")


def _with_saved(path: Path) -> str:
    """A what-if put into the text of a scenario."""
    read_scenario(path)
    text = path.read_bytes().decode("utf-8", "replace")
    return with_what_if(text, "mine", {"budget": "5M", "channels.search.*.price": 2})


# --- Draws ----------------------------------------------------------------------------------------


def _draws() -> pd.DataFrame:
    spread = np.random.default_rng(3).lognormal(0.0, 0.3, (40, 2))
    return pd.DataFrame({SEARCH: 50 * spread[:, 0], TV: 60 * spread[:, 1]})


def _draws_table(ending: str, folder: Path) -> Path:
    (folder / "small.yaml").write_text(
        DRAWN + f"uncertainty: {{draws_from: fit{ending}}}\n", "utf-8"
    )
    return _saved(_draws(), f"fit{ending}", folder)


def _draws_netcdf(folder: Path) -> Path:
    own = "{draws: {file: fit.nc, variable: beta, at: {channel: search}}}"
    text = DRAWN + f"uncertainty: {{numbers: {{{SEARCH}: {own}}}}}\n"
    (folder / "small.yaml").write_text(text, "utf-8")
    posterior(folder / "fit.nc", _draws())
    return folder / "fit.nc"


def _draws_classic(folder: Path) -> Path:
    own = "{draws: {file: fit.nc, variable: beta}}"
    text = DRAWN + f"uncertainty: {{numbers: {{{SEARCH}: {own}}}}}\n"
    (folder / "small.yaml").write_text(text, "utf-8")
    with closing(netcdf_file(folder / "fit.nc", "w")) as file:
        file.createDimension("draw", 40)
        file.createVariable("beta", "d", ("draw",))[:] = _draws()[SEARCH].to_numpy()
    return folder / "fit.nc"


def _beside(path: Path) -> Plan:
    return _scenario(path.parent / "small.yaml")


# --- Tables of lines ------------------------------------------------------------------------------


def _lines(ending: str, folder: Path) -> Path:
    return _saved(keywords(12), f"lines{ending}", folder)


def _parts(path: Path) -> LineTable:
    return next(part.checked(["market"])[0] for part in find_parts(path))


def _spend(folder: Path) -> Path:
    frame = keywords(12)
    frame.to_csv(folder / "lines.parquet.csv", index=False)
    names = read_lines(folder / "lines.parquet.csv").name
    return _saved(pd.DataFrame({"line": names, "spend": 5.0}), "spend.csv", folder)


def _read_spend(path: Path) -> object:
    return load_spend(path, read_lines(path.parent / "lines.parquet.csv"))


# --- Judgement, history, models -------------------------------------------------------------------


def _judged(path: Path) -> Plan:
    plan, lines = read_questionnaire(path)
    return opt.loads(judged_scenario(plan, lines, path.name))


def _history(ending: str, folder: Path) -> Path:
    return _saved(table(40), f"history{ending}", folder)


def _read_history(path: Any, **more: Any) -> History:
    found = load_history(path, HISTORY_MAP | more)
    with suppress(opt.AdsplitError):  # what is read may still be too little to fit
        check(found)
    return found


def _long_history(folder: Path) -> Path:
    frame = table(30)
    both = [frame.assign(geo=geo, people=people) for geo, people in (("a", 1), ("b", 3))]
    long = pd.concat(both).melt(
        ["week", "orders", "geo", "people"], ["tv", "search"], "channel", "money"
    )
    return _saved(long, "long.csv", folder)


LONG: dict[str, Any] = {
    "long": {"line": "channel", "spend": "money"}, "geo": "geo", "population": "people",
}  # fmt: skip

HISTORY = """\
date: week
outcome: orders
value: 40
lines:
  tv.brand: tv
  search: {spend: [search], curve: hill, steepness: one, retention: 20%}
controls: [price]
tests:
  - {line: search, to: 5k, base: 1k, lift: 30, error: 5, periods: 4, when: 2026-03}
"""

MODEL = """\
channels:
  tv_S: tv.brand
  search_S: {line: search.traffic, value: 2, maximum: 20k, tags: {market: de}}
  radio_S: radio
tolerance: 1%
plan:
  {name: Imported, budget: 2M, value: 1, objective: revenue,
   periods: {start: 2027-W01, count: 6, every: week}}
"""


def _model(kind: str, folder: Path) -> Path:
    """The files of a kind in one folder; the other file of a pair is left sound."""
    files, _ = next(case for name, case in zip(KINDS, cases(folder), strict=True) if name == kind)
    return files[0]


def _read_model(kind: str, path: Path) -> str:
    how = {
        "robyn": ModelMap(ROBYN, WEEKS),
        "pymc": ModelMap({"x1": "tv.brand", "x2": "search.traffic"}, WEEKS),
        "posterior": ModelMap(MEDIA, WEEKS, max_lag=4),
        "inputs": ModelMap(MEDIA, WEEKS, max_lag=4),
    }.get(kind, ModelMap(MEDIA, ONE_PERIOD))
    other = {"posterior": ["inputs.csv"], "inputs": ["posterior.nc"]}.get(kind, [])
    files = [path, *(path.parent / name for name in other)]
    with suppress(opt.AdsplitError):  # told below as well
        map_text(files)
    return import_model(files, how).text("draws.csv")


def _legacy(folder: Path) -> Path:
    return exports.pymc(folder, form="legacy")


def _parameters(folder: Path) -> Path:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {"channel": np.repeat(list(MEDIA), 20), "draw": np.tile(range(20), 2), "curve": "hill",
         "ceiling": rng.lognormal(5, 0.2, 40), "half": 200.0, "steepness": 1.5,
         "retention": rng.uniform(0.2, 0.5, 40)}
    )  # fmt: skip
    return _saved(frame, "draws.parquet", folder)


def _points(folder: Path) -> Path:
    frame = pd.DataFrame(
        {"channel": ["tv", "tv", "tv", "search", "search", "search"],
         "spend": [0, 100, 200, 0, 50, 100], "outcome": [0, 9, 12, 0, 5, 6],
         "low": [0, 8, 10, 0, 4, 5], "high": [0, 10, 15, 0, 6, 8]}
    )  # fmt: skip
    return _saved(frame, "points.csv", folder)


def _model_map(folder: Path) -> Path:
    exports.robyn(folder)
    return _written("map.yaml", MODEL)(folder)


def _read_model_map(path: Path) -> str:
    return import_model([path.parent / "RobynModel-3_1_2.json"], path).text("draws.csv")


# --- Answers --------------------------------------------------------------------------------------


@lru_cache
def _followed() -> Plan:
    return opt.loads(RICH)


ACTUALS = """\
period,line,spend,outcome,order
2027-01,search,100,9,2
2027-02,search,"1,250.50",,3
2027-01,tv.brand,€80,,7
"""


def _actuals(ending: str, folder: Path) -> Path:
    if ending == ".csv":
        return _written("actuals.csv", ACTUALS)(folder)
    frame = pd.DataFrame(
        {"line": ["search", "radio"], "2027-01": [100.0, 3.0], "2027-02": [90.0, None]}
    )
    return _saved(frame, f"actuals{ending}", folder)


def _read_actuals(path: Any) -> Actuals:
    for how in ({}, {"sum_duplicates": True, "skip_unknown": True}):
        found = load_actuals(path, _followed(), **how)
        found.own(_followed())
    return found


def _small() -> Plan:
    return opt.loads(
        "name: Small\nbudget: 1_000\nvalue: 10\nobjective: revenue\nchannels:\n"
        "  a: {curve: {kind: log, scale: 50, unit: 100}, current: 300, maximum: 900}\n"
        "  b: {curve: {kind: power, scale: 3, exponent: 0.5}, current: 700}\n"
    )


def _result(folder: Path) -> Path:
    return _written("plan.json", json.dumps(answer(optimize(_small()))))(folder)


def _verified(path: Path) -> Verification:
    text = read_text(str(path))
    found = check_claim(read_claim(text, str(path)))
    read_followed(text, str(path))
    return found


def _store(folder: Path) -> Path:
    path = folder / "batch.txt"
    _resumed(path)
    return path


def _resumed(path: Path) -> list[Allocation | Failed]:
    plans = [replace(_small(), budget=budget) for budget in (500.0, 800.0)]
    return solve_all(plans, store=path)


def _hurt_store(_: Path, content: bytes, chance: Random) -> bytes:
    """Records with other values and the right checksums; or damaged bytes."""
    if chance.randint(0, 2) == 0:
        return harm.damaged(content, chance)
    lines = content.rstrip(b"\n").split(b"\n")
    at = chance.randint(0, len(lines) - 1)
    text = harm.hurt_json(lines[at].partition(b" ")[2], chance).replace(b"\n", b" ")
    lines[at] = f"{zlib.crc32(text):08x} ".encode() + text
    return b"\n".join(lines) + b"\n"


# --- Uploads --------------------------------------------------------------------------------------

UPLOAD = """\
campaigns:
  search: [{campaign: "North {line}", share: 60%, id: 17}, {campaign: South, share: 0.4, id: 18}]
  channel=tv: {campaign: "TV {role}", id: 2027}
  "*": {campaign: Rest, id: x}
columns: {Campaign: "{campaign}", Id: "{id}", Month: "{period}", Days: "{days}", Amount: "{amount}"}
by: month
decimals: 2
unit: currency
zero: leave_out
leave_out: []
bom: true
"""


def _uploaded(path: Path) -> pd.DataFrame:
    """The upload by the map that lies in the folder, written in every form."""
    made = opt.upload(evaluate(_followed(), {line.name: 90.0 for line in _followed().lines}),
                      path.parent / "map.yaml")  # fmt: skip
    with TemporaryDirectory() as folder:
        for ending in (".csv", ".xlsx", ".parquet"):
            made.write(Path(folder) / f"out{ending}")
    return made.frame


def _campaigns(ending: str, folder: Path) -> Path:
    frame = pd.DataFrame(
        {"line": ["search", "search", "*"], "campaign": ["North", "South", "Rest"],
         "share": ["60%", "0.4", None], "id": [17, 18, 19]}
    )  # fmt: skip
    name = f"campaigns{ending}"
    text = f"campaigns_from: {name}\ncolumns: {{Id: '{{id}}', Amount: '{{amount}}'}}\nby: total\n"
    _written("map.yaml", text)(folder)
    return _saved(frame, name, folder)


# --- DataFrames -----------------------------------------------------------------------------------


def _pickled(frame: pd.DataFrame) -> Callable[[Path], Path]:
    """A file of our own, in which a frame keeps whatever it is made of."""

    def make(folder: Path) -> Path:
        path = folder / "frame.pickle"
        path.write_bytes(pickle.dumps(frame))
        return path

    return make


def _held(frame: pd.DataFrame) -> list[str]:
    """Titles, index and cells as texts."""
    columns = (frame.iloc[:, at] for at in range(frame.shape[1]))
    return [repr([*frame.columns]), repr([*frame.index]), *(repr([*one]) for one in columns)]


def _in_memory(read: Callable[[Any], object]) -> Callable[[Path], object]:
    """Reads the frame of such a file, which must be as it was afterwards."""

    def frame_read(path: Path) -> object:
        frame = pickle.loads(path.read_bytes())
        try:
            return read(frame)
        finally:
            same = pickle.loads(path.read_bytes())
            assert _held(frame) == _held(same)

    return frame_read


def _cells_of_spend() -> pd.DataFrame:
    plan = _followed()
    return evaluate(plan, {line.name: 50.0 for line in plan.lines}).by_cell


def _actuals_frame() -> pd.DataFrame:
    return pd.DataFrame(
        {"period": ["2027-01", "2027-02"], "line": "search", "spend": [100.0, 90.5],
         "outcome": [9, 8], "order": [2.0, None]}
    )  # fmt: skip


def _read_draws(frame: pd.DataFrame) -> Plan:
    return replace(opt.loads(DRAWN), uncertainty=Uncertainty.of_table(frame))


# --- Studio ---------------------------------------------------------------------------------------


@lru_cache
def _studio(source: str) -> Studio:
    studio = Studio(Desk(source, 1e-4, 5.0), SECRET)
    wasyncore.close_all(studio._links)  # only what it says is asked for, without a network
    return studio


BODY = {
    "page": "tests", "number": 1, "lang": "en", "name": "mine", "overwrite": True,
    "parts": "prices",
    "changes": {"budget": 500_000, "channels.search.brand.price": "*1.2", "value": None},
}  # fmt: skip


def _bodies(folder: Path) -> Path:
    (folder / "shop.yaml").write_text(SHOP, "utf-8")
    return _written("body.json", json.dumps(BODY))(folder)


def _answered(path: Path) -> int:
    """The worst that a studio says to a body, sent each way; faults of ours are 500."""
    scenario = path.parent / "shop.yaml"
    scenario.write_text(SHOP, "utf-8")
    studio = _studio(str(scenario))
    # As if it had just begun, so that one body means the same each time.
    studio.desk = Desk(str(scenario), 1e-4, 5.0)
    client = Client(studio.respond)
    body = path.read_bytes()
    said = 0
    for way in ("/state", "/solve", "/save"):
        studio.turns._newest.clear()
        answer = client.post(
            way, data=body, content_type="application/json",
            headers={"Host": f"127.0.0.1:{studio.port}", "X-Adsplit-Token": SECRET},
        )  # fmt: skip
        assert answer.status_code < 500, f"{way}: {answer.status_code} {answer.text}"
        said = max(said, answer.status_code)
    return said


HDF5 = ("pymc", "curves", "grid", "posterior")

READERS = (
    Reader("scenario", _written("rich.yaml", RICH), _scenario, Plan),
    Reader("scenario of one period", _written("one.yaml", ONE), _scenario, Plan),
    Reader("scenario in JSON", _written("rich.json", _json(RICH)), _scenario, Plan),
    Reader("extending scenario", _extending, _scenario, Plan),
    Reader("base", _base, lambda path: _scenario(path.parent / "top.yaml"), Plan),
    Reader("settings", _made_settings, _settings, Plan, _hurt_lines),
    Reader("what-if to save", _written("shop.yaml", SHOP), _with_saved, str),
    Reader("draws CSV", partial(_draws_table, ".csv"), _beside, Plan),
    Reader("draws Parquet", partial(_draws_table, ".parquet"), _beside, Plan),
    Reader("draws NetCDF-4", _draws_netcdf, _beside, Plan, hdf5=True),
    Reader("draws classic NetCDF", _draws_classic, _beside, Plan),
    Reader("lines CSV", partial(_lines, ".csv"), read_lines, LineTable),
    Reader("lines Parquet", partial(_lines, ".parquet"), read_lines, LineTable),
    Reader("lines in parts", partial(_lines, ".parquet"), _parts, LineTable),
    Reader("spend of lines", _spend, _read_spend, np.ndarray),
    Reader("questionnaire", lambda at: filled(at / "ask.xlsx", ROWS, budget="30万"), _judged, Plan),
    Reader("history CSV", partial(_history, ".csv"), _read_history, History),
    Reader("history Excel", partial(_history, ".xlsx"), _read_history, History),
    Reader("history Parquet", partial(_history, ".parquet"), _read_history, History),
    Reader("long history", _long_history, partial(_read_history, **LONG), History),
    Reader("history map", _written("map.yaml", HISTORY), load_map, HistoryMap),
    *(
        Reader(f"model {k}", partial(_model, k), partial(_read_model, k), str, hdf5=k in HDF5)
        for k in KINDS
    ),
    Reader("model legacy", _legacy, partial(_read_model, "pymc"), str, hdf5=True),
    Reader("model points", _points, partial(_read_model, "points"), str),
    Reader("model parameters", _parameters, partial(_read_model, "parameters"), str),
    Reader("model map", _model_map, _read_model_map, str),
    Reader("actuals CSV", partial(_actuals, ".csv"), _read_actuals, Actuals),
    Reader("actuals Excel", partial(_actuals, ".xlsx"), _read_actuals, Actuals),
    Reader("actuals Parquet", partial(_actuals, ".parquet"), _read_actuals, Actuals),
    Reader("result", _result, _verified, Verification),
    Reader("finished work", _store, _resumed, list, _hurt_store, leaves_alone=False),
    Reader("upload map", _written("map.yaml", UPLOAD), _uploaded, pd.DataFrame),
    Reader("campaigns CSV", partial(_campaigns, ".csv"), _uploaded, pd.DataFrame),
    Reader("campaigns Excel", partial(_campaigns, ".xlsx"), _uploaded, pd.DataFrame),
    Reader("campaigns Parquet", partial(_campaigns, ".parquet"), _uploaded, pd.DataFrame),
    Reader("frame of lines", _pickled(keywords(12)), _in_memory(read_lines), LineTable),
    Reader("frame of spend", _pickled(_cells_of_spend()),
           _in_memory(partial(evaluate, _followed())), Allocation),
    Reader("frame of actuals", _pickled(_actuals_frame()), _in_memory(_read_actuals), Actuals),
    Reader("frame of history", _pickled(table(40)), _in_memory(_read_history), History),
    Reader("frame of draws", _pickled(_draws()), _in_memory(_read_draws), Plan),
    Reader("studio body", _bodies, _answered, int),
)  # fmt: skip
"""All of them."""
