"""Files of models that are cut short, damaged or made to harm end in words, and nothing else."""

from __future__ import annotations

import json
import pickle
import random
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5netcdf
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimizer.errors import AdsplitError, PlanError, ScenarioError
from optimizer.sources.models.importing import import_model
from optimizer.sources.models.mapping import ModelMap
from tests.sources import exports
from tests.sources.test_models import MEDIA, ONE_PERIOD, PYMC, ROBYN, WEEKS

T1 = {"tv": (100.0, [float(k) for k in range(20)]), "search": (50.0, [1.0 + k for k in range(20)])}
FEW = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def read(*files: Path, how: ModelMap | None = None) -> None:
    import_model(files, how or ModelMap(ROBYN, WEEKS))


def refused(words: str, *files: Path, how: ModelMap | None = None) -> None:
    with pytest.raises(PlanError, match=words):
        read(*files, how=how)


# --- What must not be opened ----------------------------------------------------------------------


class Harm:
    """Would write a file if it were unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["model.pkl", "model.nc", "model.json", "model.csv"])
def test_pickles_are_not_opened(tmp_path: Path, name: str) -> None:
    harm = tmp_path / "harm"
    (tmp_path / name).write_bytes(pickle.dumps(Harm(harm)))
    refused("is a pickle", tmp_path / name)
    assert not harm.exists()


def test_archives_are_not_opened(tmp_path: Path) -> None:
    """A hundred megabytes of zeros in a hundred kilobytes."""
    bomb = tmp_path / "model.json"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.json", b"0" * 100_000_000)
    refused("is an archive", bomb)
    (tmp_path / "curves.csv").write_bytes(b"\x1f\x8b\x08" + bytes(20))
    refused("is an archive", tmp_path / "curves.csv")


@pytest.mark.parametrize("name", ["model.binpb", "model.txtpb"])
def test_protobufs_say_what_to_export(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x0a\x03abc")
    refused(r"protobuf.*response_curves\(\)", tmp_path / name)


def test_files_that_are_none(tmp_path: Path) -> None:
    refused("cannot be read: No such file", tmp_path / "none.json")
    refused("cannot be read: Is a directory", tmp_path)
    (tmp_path / "empty.nc").touch()
    refused("is no model that is known", tmp_path / "empty.nc")
    path = exports.robyn(tmp_path)
    refused("2 models at once", path, path)
    refused("3 files", path, path, path)


# --- Size and depth -------------------------------------------------------------------------------


def test_deep_json(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text('{"a":' * 200_000 + "1" + "}" * 200_000)
    refused("nested too deeply", path)
    path.write_text('{"InputCollect": ' + "9" * 10_000 + "}")
    refused("cannot be read", path)
    path.write_text(json.dumps({"InputCollect": {"adstock": [[[["geometric"]]]]}}))
    refused("ExportedModel: is missing", path)


def test_names_that_are_none(tmp_path: Path) -> None:
    path = exports.robyn(tmp_path)
    path.write_text(path.read_text("utf-8").replace('"geometric"', "[]"), "utf-8")
    refused("adstock .* is not known", path)
    path = exports.pymc(tmp_path)
    with h5netcdf.File(path, "a") as file:
        file.attrs["adstock"] = '{"lookup_name": ["geometric"], "l_max": 6}'
    refused("adstock: .* is not known", path, how=ModelMap(PYMC, WEEKS))


def test_response_curves_with_a_text_or_a_row_twice(tmp_path: Path) -> None:
    path = exports.meridian_curves(tmp_path / "curves.csv", T1)
    whole = path.read_text("utf-8")
    rows = whole.splitlines()
    path.write_text(whole + rows[-1] + "\n", "utf-8")
    refused("metric: a channel has a metric twice", path, how=ModelMap(MEDIA, ONE_PERIOD))
    path.write_text("\n".join([*rows, rows[-1].rpartition(",")[0] + ",=SUM(A1)"]), "utf-8")
    refused(r"'=SUM\(A1\)' is no number", path, how=ModelMap(MEDIA, ONE_PERIOD))


def test_a_netcdf_file_that_says_it_is_huge(tmp_path: Path) -> None:
    """Ten billion values in a few kilobytes: HDF5 makes up what was never written."""
    path = exports.pymc(tmp_path, own=False)
    with h5netcdf.File(path, "a") as file:
        group = file.groups["posterior"]
        group.dimensions["huge"] = 10_000_000
        dims = ("chain", "draw", "huge")
        group.create_variable("channel_contribution", dims, float, chunks=(1, 1, 1000))
    refused("more than 40,000,000", path, how=ModelMap(PYMC, WEEKS))


@pytest.mark.parametrize("part", [bytes(16), b"\1\0" + bytes(6) + b"\xf0" + b"\xff" * 7])
def test_a_heap_of_texts_that_leads_in_a_ring(tmp_path: Path, part: bytes) -> None:
    """HDF5 goes on by what each part says is its size: nothing, or so much that it wraps around."""
    path = exports.meridian_curves(tmp_path / "curves.nc", T1)
    content = bytearray(path.read_bytes())
    start = content.index(b"GCOL") + 16
    content[start : start + 16] = part
    path.write_bytes(content)
    refused("a heap of its texts is damaged", path, how=ModelMap(MEDIA, ONE_PERIOD))


def test_chunks_that_say_they_are_huge(tmp_path: Path) -> None:
    """HDF5 makes a chunk whole, however few of its values there are."""
    path = exports.pymc(tmp_path, own=False)
    with h5netcdf.File(path, "a") as file:
        group = file.groups["posterior"]
        group.dimensions["more"] = None
        dims = ("chain", "draw", "more")
        group.create_variable("channel_contribution", dims, float, chunks=(1, 1, 10**8))
        group.resize_dimension("more", 3)
    refused("is saved in chunks of 800,000,000 bytes", path, how=ModelMap(PYMC, WEEKS))


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    with path.open("wb") as stream:
        stream.write(b"{")
        stream.truncate(200_000_000)  # of nothing: it takes no room on the disk
    refused("is larger than 100 MB", path)


# --- Values ---------------------------------------------------------------------------------------


def test_hostile_maps(tmp_path: Path) -> None:
    path, model = tmp_path / "map.yaml", exports.robyn(tmp_path)
    for text, words in (
        ("channels: !!python/object/apply:os.system ['true']", "tag"),
        ("channels: {a: &x [*x]}", "itself|alias"),
        ("[" * 100, "YAML|nested|mapping"),
        ("channels: {tv_S: ../../etc}", r"is no line"),
        ("plan: {extends: /etc/passwd}\nchannels: {}", "plan.extends comes from the model"),
        ("channels: {tv_S: tv}\nplan: {channels: {}}", "plan.channels comes from the model"),
    ):
        path.write_text(text)
        with pytest.raises(ScenarioError, match=words):
            import_model(model, path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_draws_that_are_no_curve(tmp_path: Path, value: float) -> None:
    path = exports.pymc(tmp_path, own=False)
    with h5netcdf.File(path, "a") as file:
        file.groups["posterior"].variables["saturation_beta"][0, 3, 1] = value
    refused("empty or infinite|ceiling is out of range in 1 of 24 draws", path,
            how=ModelMap(PYMC, WEEKS))  # fmt: skip


# --- Damage ---------------------------------------------------------------------------------------


def cases(folder: Path) -> Iterator[tuple[list[Path], ModelMap]]:
    """A file of every kind that is read, with a map for it; the first is the one to damage."""
    yield [exports.robyn(folder)], ModelMap(ROBYN, WEEKS)
    yield [exports.pymc(folder)], ModelMap(PYMC, WEEKS)
    yield [exports.meridian_curves(folder / "curves.nc", T1)], ModelMap(MEDIA, ONE_PERIOD)
    yield [exports.meridian_grid(folder / "grid.nc")], ModelMap(MEDIA, ONE_PERIOD)
    yield [exports.meridian_curves(folder / "curves.csv", T1)], ModelMap(MEDIA, ONE_PERIOD)
    posterior, table = exports.meridian_posterior(folder, ("national",))
    how = ModelMap(MEDIA, WEEKS, max_lag=4)
    yield [posterior, table], how
    yield [table, posterior], how


KINDS = ("robyn", "pymc", "curves", "grid", "table", "posterior", "inputs")


class Whole(dict[str, tuple[list[Path], ModelMap]]):
    """Files by their kind."""

    def __repr__(self) -> str:
        return "the files as they should be"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return Whole(zip(KINDS, cases(tmp_path_factory.mktemp("models")), strict=True))


def damaged(content: bytes, seed: int) -> bytes:
    """Cut short, with bytes changed, left out or put in."""
    chance = random.Random(seed)
    made = bytearray(content)
    match chance.randrange(4):
        case 0:
            return bytes(made[: chance.randrange(len(made))])
        case 1:
            for _ in range(chance.randrange(1, 9)):
                made[chance.randrange(len(made))] = chance.randrange(256)
        case 2:
            first = chance.randrange(len(made))
            del made[first : first + chance.randrange(1, 200)]
        case _:
            first = chance.randrange(len(made))
            made[first:first] = chance.randbytes(chance.randrange(1, 40))
    return bytes(made)


@pytest.mark.parametrize("kind", KINDS)
@FEW
@given(seed=st.integers(0, 10**9))
def test_damaged_files_end_in_words(whole: Whole, tmp_path: Path, kind: str, seed: int) -> None:
    files, how = whole[kind]
    hurt = tmp_path / files[0].name
    hurt.write_bytes(damaged(files[0].read_bytes(), seed))
    try:
        import_model([hurt, *files[1:]], how).text("draws.csv")
    except AdsplitError as error:  # any other fails the test
        told = str(error)
    else:
        told = "it can still be read"
    assert told


ODD = st.recursive(
    st.sampled_from([None, True, "", "x", "=1+1", 0, -1, 10**30, 1e308, float("nan"), [], {}]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner,
                                                                 max_size=2),
    max_leaves=3,
)  # fmt: skip


@FEW
@given(data=st.data())
def test_odd_values_in_json_end_in_words(whole: Whole, tmp_path: Path, data: st.DataObject) -> None:
    """Any value of Robyn's file in place of any other."""
    files, how = whole["robyn"]
    document = json.loads(files[0].read_text("utf-8"))
    holder: Any = document
    for _ in range(data.draw(st.integers(1, 5))):
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            break
        key = data.draw(st.sampled_from(keys))
        if not isinstance(holder[key], dict | list) or not data.draw(st.booleans()):
            holder[key] = data.draw(ODD)
            break
        holder = holder[key]
    path = tmp_path / "odd.json"
    path.write_text(json.dumps(document), "utf-8")
    try:
        import_model(path, how)
    except AdsplitError as error:
        told = str(error)
    else:
        told = "it can still be read"
    assert told
