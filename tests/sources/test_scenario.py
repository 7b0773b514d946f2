"""Scenario files: what is read, what lies on top of what, and how every fault is told."""

import contextlib
import io
import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from optimizer.errors import PlanError, ScenarioError, UnknownName
from optimizer.plan.plan import Plan
from optimizer.plan.units import Percent
from optimizer.sources.scenario import (
    builtin_names,
    check_scenario,
    document_of,
    dumps,
    edit,
    load,
    loads,
    read_scenario,
    what_if_names,
    write,
)
from tests.strategies import plans

GOLDEN = Path(__file__).parent / "golden"

BASE = """\
# A base for others
name: Base
business: b2c
budget: 1M     # money as people write it
value: 4
channels:
  search:
    brand: {curve: {kind: hill, ceiling: 5_200, half: 180_000, steepness: 2}, current: 90k}
    traffic: {curve: {kind: log, scale: 1, unit: 3}, maximum: 30%}
  tv:
    role: brand
    curve: {kind: linear, rate: 3}
constraints:
  cap: {kind: spend, where: search, at_most: 50%}
what_ifs:
  cut_20: {budget: "*0.8"}
  dearer: {"channels.*.brand.price": 1.3}
  nested: {channels: {search: {brand: {curve: {half: 5}, price: "*2"}}}}
  other_curve: {channels.search.brand.curve: {kind: log, scale: 5, unit: 3}}
  no_cap: {constraints.cap: null}
  all: [cut_20, dearer]
  everything: [all, no_cap]
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    path = tmp_path / "base.yaml"
    path.write_text(BASE, encoding="utf-8")
    return path


def faults_of(text: str, **given: object) -> list[str]:
    """Every fault of the text as the user reads it."""
    with pytest.raises(PlanError) as error:
        loads(text, "plan.yaml", **given)  # type: ignore[arg-type]
    return [str(fault) for fault in error.value.faults]


# --- Reading ---


def test_a_file_is_read(base: Path) -> None:
    plan = load(base)
    assert plan.name == "Base"
    assert plan.budget == 1_000_000
    assert plan.line("search.traffic").maximum == Percent(0.3)
    assert plan.line("search.brand").curve.half == 180_000  # type: ignore[union-attr]
    assert plan.applied == ()
    assert load(str(base)) == plan


def test_a_text_and_stdin_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(b"\xef\xbb\xbf" + BASE.encode())

    monkeypatch.setattr(sys, "stdin", Stdin())
    assert load("-") == loads(BASE)
    assert loads("\ufeff" + BASE) == loads(BASE)


def test_json_is_read(tmp_path: Path) -> None:
    document = {
        "name": "JSON 😀",
        "budget": 5e5,
        "value": 2,
        "channels": {"a/b 😀": {"curve": {"kind": "linear", "rate": 1}}},
        "what_ifs": {"x": {"budget": 3}},
    }
    for indent in (None, 2, "\t"):
        path = tmp_path / "plan.json"
        path.write_text(json.dumps(document, indent=indent).replace("/", "\\/"), encoding="utf-8")
        plan = load(path, what_ifs=["x"])
        assert (plan.name, plan.budget, plan.lines[0].name) == ("JSON 😀", 3, "a/b 😀")


def test_half_a_letter_is_no_letter() -> None:
    """JSON writes letters beyond 16 bits as two halves; one alone cannot be written or shown."""
    document = document_of(r"""{"a\ud83d\ude00": "\ud83d\ude00", "b\ud83d": "\ude00"}""")
    assert document == {"a😀": "😀", "b\ufffd": "\ufffd"}
    with pytest.raises(ScenarioError, match="a😀: is there twice"):
        document_of(r"""{"a\ud83d\ude00": 1, "a😀": 2}""")


def test_texts_stay_texts() -> None:
    plan = loads(
        BASE + "split: 6:4\norigins:\n  value: {source: no, as_of: 2027-01-01, note: '010'}\n"
    )
    origin = plan.origins["value"]
    assert (origin.source, origin.as_of, origin.note) == ("no", "2027-01-01", "010")
    assert plan.rules[0].target == {"brand": 0.6, "traffic": 0.4}


def test_a_name_may_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "spring plan.yaml"
    path.write_text(BASE.replace("name: Base\n", ""), encoding="utf-8")
    assert load(path).name == "spring plan"


def test_aliases_of_modest_size_are_copies() -> None:
    text = (
        "budget: 10\nvalue: 1\nchannels:\n"
        "  a: &line {curve: {kind: log, scale: 1, unit: 2}}\n  b: *line\n"
    )
    plan = loads(text, sets=["channels.a.curve.unit=5"])
    assert plan.line("a").curve.unit == 5  # type: ignore[union-attr]
    assert plan.line("b").curve.unit == 2  # type: ignore[union-attr]


# --- Round trips ---


@given(plans())
@settings(max_examples=60)
def test_a_plan_survives_its_text(plan: Plan) -> None:
    assert loads(dumps(plan)) == plan


@pytest.mark.parametrize(
    "name",
    ["010", "yes", "1e5", "~", "null", "12_000", "*1.2", "&a", "a: b", " x ", "é\n中", "#1", ".inf",
     "2027-01-01", "'", '"', "<<", "0x1F", "true", "- a", "😀", "x" * 300, "a  b\n\n c"],
)  # fmt: skip
def test_a_text_survives_whatever_it_looks_like(name: str) -> None:
    plan = replace(loads(BASE), name=name)
    assert loads(dumps(plan)) == plan


def test_written_files_say_what_was_applied(base: Path, tmp_path: Path) -> None:
    plan = load(base, what_ifs=["all"])
    write(plan, tmp_path / "out.yaml")
    text = (tmp_path / "out.yaml").read_text("utf-8")
    assert text.startswith("# Applied: what-if all\n")
    assert load(tmp_path / "out.yaml") == replace(plan, applied=())


@pytest.mark.parametrize("name", builtin_names())
def test_built_ins_survive_their_text(name: str) -> None:
    assert loads(dumps(load(name))) == load(name)


def test_editing_keeps_comments_and_what_is_not_changed() -> None:
    text = edit(
        BASE,
        {
            "budget": 2_000_000,
            "split.brand": 0.3,
            "channels.search.brand.curve.half": 5.5,
            "channels.*.brand.price": 1.2,
            "channels.search.traffic.maximum": None,
        },
    )
    assert "# A base for others" in text
    assert "# money as people write it" in text
    assert "ceiling: 5_200" in text
    assert '  cut_20: {budget: "*0.8"}\n' in text
    plan = loads(text)
    assert plan.budget == 2_000_000
    assert plan.rules[0].target == {"brand": 0.3, "traffic": 0.7}
    assert plan.line("search.brand").price == 1.2
    assert plan.line("search.brand").curve.half == 5.5  # type: ignore[union-attr]
    assert plan.line("search.traffic").maximum is None


def test_editing_nothing_changes_nothing() -> None:
    for text in (BASE, "b: 1\n"):
        assert edit(text, {}).replace(" ", "") == text.replace(" ", "")


def test_editing_a_place_that_is_not_there() -> None:
    with pytest.raises(UnknownName):
        edit(BASE, {"channels.serch.brand.price": 1})
    with pytest.raises(ScenarioError):
        edit("a: [", {"a": 1})


# --- Layers ---


def test_a_file_may_extend_another(base: Path) -> None:
    child = base.with_name("child.yaml")
    child.write_text(
        "extends: base.yaml\nbudget: 2M\nchannels:\n  tv: null\n  search:\n"
        "    brand: {curve: {kind: power, scale: 3, exponent: 0.4}}\n"
        "    traffic: {maximum: 40%, current: 5}\n"
        "what_ifs: {dearer: {value: 1}, both: [dearer, cut_20]}\n",
        encoding="utf-8",
    )
    plan = load(child)
    assert plan.name == "Base"
    assert plan.budget == 2_000_000
    assert [line.name for line in plan.lines] == ["search.brand", "search.traffic"]
    assert plan.line("search.brand").curve.kind == "power"  # another kind replaces the whole curve
    assert plan.line("search.brand").current == 90_000
    assert plan.line("search.traffic").maximum == Percent(0.4)
    assert plan.line("search.traffic").curve.kind == "log"
    assert plan.applied == ("extends base.yaml",)
    grand = base.with_name("grand.yaml")
    grand.write_text("extends: child.yaml\nname: Grand\n", encoding="utf-8")
    plan = load(grand, what_ifs=["both"])
    assert (plan.name, plan.value, plan.budget) == ("Grand", 1, 1_600_000)
    assert plan.applied == ("extends base.yaml", "extends child.yaml", "what-if both")
    assert what_if_names(grand)[-1] == "both"


def test_a_built_in_may_be_extended() -> None:
    plan = loads("extends: minimal\nbudget: 5M\n")
    assert plan.budget == 5_000_000
    assert plan.applied == ("extends minimal",)


def test_a_link_is_followed_to_the_real_file(base: Path, tmp_path: Path) -> None:
    child = base.with_name("child.yaml")
    child.write_text("extends: base.yaml\n", encoding="utf-8")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "link.yaml").symlink_to(child)
    assert load(elsewhere / "link.yaml").name == "Base"


def test_it_does_not_matter_where_one_stands(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child = base.with_name("child.yaml")
    child.write_text("extends: ./base.yaml\n", encoding="utf-8")
    expected = load(child)
    monkeypatch.chdir("/")
    assert load(child) == expected
    monkeypatch.chdir(base.parent)
    assert load("child.yaml") == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("extends: child.yaml\n", "leads back to itself: child.yaml → child.yaml"),
        ("extends: other.yaml\n", "child.yaml → other.yaml → child.yaml"),
        ("extends: missing.yaml\n", "there is no file"),
        ("extends: https://example.org/base.yaml\n", "is an address. Download it"),
        ("extends: .\n", "is a folder"),
        ("extends: [base.yaml]\n", "is not a file or a built-in name"),
        ('extends: "a\\0b"\n', "is no file"),
    ],
)
def test_what_cannot_be_extended(base: Path, text: str, words: str) -> None:
    child = base.with_name("child.yaml")
    child.write_text(text + "name: x\n", encoding="utf-8")
    base.with_name("other.yaml").write_text("extends: child.yaml\n", encoding="utf-8")
    with pytest.raises(ScenarioError) as error:
        load(child)
    assert words in str(error.value)
    assert re.search(r"(child|other)\.yaml:1:(1|10)  extends: ", str(error.value))


def test_faults_of_an_extended_file_point_into_it(base: Path) -> None:
    base.write_text(BASE.replace("value: 4", "value: -4"), encoding="utf-8")
    child = base.with_name("child.yaml")
    child.write_text("extends: base.yaml\nbudget: -2\n", encoding="utf-8")
    with pytest.raises(ScenarioError) as error:
        load(child)
    places = [Path(fault.where).name for fault in error.value.faults]
    assert places == ["base.yaml:5:8", "child.yaml:2:9"]


def test_precedence(base: Path) -> None:
    child = base.with_name("child.yaml")
    child.write_text(
        "extends: base.yaml\nbudget: 2M\nsplit: {tolerance: 0.1}\n"
        "what_ifs: {a: {budget: 3M}, b: {budget: 4M}}\n",
        encoding="utf-8",
    )
    assert load(base).rules[0].target["brand"] == 0.4  # the business's default
    assert load(child).budget == 2e6
    assert load(child, what_ifs=["a", "b"]).budget == 4e6
    assert load(child, what_ifs=["b", "a"]).budget == 3e6
    assert load(child, what_ifs=["b", "a"], sets=["budget=5M"]).budget == 5e6
    plan = load(child, sets=["budget=5M", "budget=*2", "split.brand=0.5"])
    assert plan.budget == 1e7
    assert plan.rules[0].tolerance == 0.1  # type: ignore[union-attr]
    assert plan.applied[1:] == ("set budget=5M", "set budget=*2", "set split.brand=0.5")


def test_what_ifs(base: Path) -> None:
    assert what_if_names(base) == [
        *("cut_20", "dearer", "nested", "other_curve", "no_cap", "all", "everything")
    ]
    assert load(base, what_ifs=["all"]) == replace(
        load(base, what_ifs=["cut_20", "dearer"]), applied=("what-if all",)
    )
    brand = load(base, what_ifs=["nested"]).line("search.brand")
    assert (brand.curve.half, brand.price) == (5, 2)  # type: ignore[union-attr]
    assert brand.curve.ceiling == 5_200  # type: ignore[union-attr]
    assert load(base, what_ifs=["other_curve"]).line("search.brand").curve.kind == "log"
    everything = load(base, what_ifs=["everything"])
    assert (everything.budget, everything.constraints) == (800_000, ())
    assert load(base).constraints


@pytest.mark.parametrize(
    ("below", "above", "shares", "tolerance"),
    [
        ("6:4", "binet-field-b2b", 0.46, 0.0),
        ("{shares: 6:4, tolerance: 0.1}", "{preset: binet-field-b2b}", 0.46, 0.1),
        ("{brand: 0.3, traffic: 0.7}", "{tolerance: 0.1}", 0.3, 0.1),
        ("binet-field-b2b", "{brand: 0.5, traffic: 0.5}", 0.5, 0.0),
        ("binet-field-b2b", "5:5", 0.5, 0.0),
    ],
)
def test_a_split_says_its_shares_in_one_way(
    below: str, above: str, shares: float, tolerance: float
) -> None:
    plan = loads(f"{BASE}  x: {{split: {above}}}\nsplit: {below}\n", what_ifs=["x"])
    rule = plan.rules[0]
    assert rule.target["brand"] == pytest.approx(shares)
    assert rule.tolerance == tolerance  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("name=a: b", "a: b"),
        ("name=12M", "12M"),
        ("name=2027-01-01", "2027-01-01"),
        ('name="12"', "12"),
        ("name=#x", "#x"),
        ("name = spaced ", "spaced"),
        ("name=a=b", "a=b"),
    ],
)
def test_texts_that_are_set(setting: str, value: str) -> None:
    assert loads(BASE, sets=[setting]).name == value


def test_other_values_that_are_set() -> None:
    plan = loads(
        BASE,
        sets=[
            "constraints.new={kind: spend, where: [tv, search.brand], at_most: 2M}",
            "channels.search.*.tags={market: de}",
            "channels.tv.curve.rate=1e1",
            "value=null",
            "objective={kind: outcomes}",
        ],
    )
    assert plan.constraints[1].where == {"name": ("tv", "search.brand")}  # type: ignore[union-attr]
    assert plan.line("search.traffic").tags == {"market": "de"}
    assert plan.line("tv").curve.rate == 10  # type: ignore[union-attr]
    assert plan.value is None
    assert loads(BASE, sets={"budget": 7, "value": 3.0}).budget == 7


def test_setting_numbers_of_numpy() -> None:
    import numpy as np

    assert loads(BASE, sets={"budget": np.float64(7), "channels.tv.curve.rate": np.int64(2)})


# --- Faults ---


def test_many_faults_are_told_at_once_each_with_its_place() -> None:
    path = GOLDEN / "many_faults.yaml"
    found = "\n".join(str(fault) for fault in check_scenario(path)) + "\n"
    found = found.replace(str(path), "many_faults.yaml")
    golden = GOLDEN / "many_faults.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text("utf-8")
    assert found.count("\n") >= 16


@pytest.mark.parametrize(
    ("what_if", "place", "path", "words"),
    [
        ("{budget: -1}", "16:15", "what_ifs.x.budget", "-1 is negative"),
        ("{budgett: 1}", "16:7", "what_ifs.x.budgett", "Did you mean 'budget'?"),
        ("{channels.serch.brand.price: 1}", "16:7", "what_ifs.x.channels.serch.brand.price",
         "Did you mean 'channels.search'?"),
        ("{channels: {search: {brand: {curve: {half: -5}}}}}", "16:49",
         "what_ifs.x.channels.search.brand.curve.half", "must be above 0"),
        ("{channels.tv.role: null}", "16:7", "what_ifs.x.channels.tv.role",
         "with what-if x, split: these lines have no share: tv"),
        ("{name: *2}", "16:13", "what_ifs.x.name", 'Write "*2" in quotes'),
        ('{name: "*2"}', "16:13", "what_ifs.x.name", "cannot be multiplied"),
        ("3", "16:6", "what_ifs.x", "3 is no what-if"),
        ("{}", "16:3", "what_ifs.x", "is no what-if"),
        ("[cut_20, cut_21]", "16:15", "what_ifs.x.1", "Did you mean 'cut_20'?"),
        ("[x]", "16:3", "what_ifs.x", "holds itself: x → x"),
        ("{split.brand: 0.5, split.traffic: 0.6}", "16:3", "what_ifs.x", "other's rest"),
    ],
)  # fmt: skip
def test_a_fault_in_a_what_if_points_at_it(
    tmp_path: Path, what_if: str, place: str, path: str, words: str
) -> None:
    lines = BASE.splitlines()
    text = "\n".join([*lines[:15], f"  x: {what_if}", *lines[15:]]) + "\n"
    file = tmp_path / "plan.yaml"
    file.write_text(text, encoding="utf-8")
    for found in (check_scenario(file), _raised(file)):
        assert [(fault.where, fault.path) for fault in found] == [(f"{file}:{place}", path)]
        assert words in str(found[0])


def _raised(file: Path) -> list[object]:
    with pytest.raises(PlanError) as error:
        load(file, what_ifs=["x"])
    return list(error.value.faults)


def test_what_ifs_are_checked_only_against_what_they_change(base: Path) -> None:
    base.write_text(BASE.replace("value: 4", "value: -4"), encoding="utf-8")
    assert [fault.path for fault in check_scenario(base)] == ["value"]


def test_a_sound_file_has_no_faults(base: Path) -> None:
    assert check_scenario(base) == []
    assert [fault.problem for fault in check_scenario(base.with_name("no.yaml"))]


def test_an_unknown_what_if_suggests_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"no what-if 'cut_2'.* mean 'cut_20'"):
        loads(BASE, what_ifs=["cut_2"])


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("budget=-1", "--set budget=-1  budget: -1 is negative"),
        ("budgt=1", "--set budgt=1  budgt: is not known here. Did you mean 'budget'?"),
        ("budget", "'budget' sets nothing. Write PATH=VALUE"),
        ("=3", "sets nothing"),
        ("budget=", "sets nothing"),
        ("budget=[1", "is not YAML"),
        ("budget={a: 1, a: 2}", "is there twice"),
        ("budget=.inf", "not a finite number"),
        ("budget=1,5", "ambiguous"),
        ("channels.search.price=2", "Write channels.search.*.price"),
        ("a..b=1", "is not a path"),
        ("split.brand=60", "write 60% or 0.6"),
    ],
)
def test_a_fault_in_a_setting_names_it(setting: str, words: str) -> None:
    found = faults_of(BASE, sets=[setting])
    assert len(found) == 1
    assert words in found[0]


def test_a_name_that_is_no_file_suggests_the_nearest_built_in() -> None:
    with pytest.raises(ScenarioError, match=r"no built-in scenario of that name.* mean 'minimal'"):
        load("minimall")
    with pytest.raises(ScenarioError, match="there is no file"):
        load(Path("b2b"))  # a Path is always a file


# --- Hostile texts ---

DEEP = "a: " + "[" * 50_000
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "plan.yaml:1:1: is empty"),
        ("# only a comment\n", "is empty"),
        ("{}", "is empty"),
        ("null", "is empty"),
        ("- a\n- b\n", "plan.yaml:1:1: is a list, not a mapping"),
        ("just words", "is 'just words', not a mapping"),
        ("a: 1\n---\nb: 2\n", "plan.yaml:2:1: holds a second document"),
        ("a: [1, 2", "plan.yaml:1:9: is not YAML"),
        ("a: b: c", "A colon inside a text needs quotes"),
        ("a:\n\tb: 1", "plan.yaml:2:1: is not YAML"),
        ("a: @x", "Put the text in quotes"),
        ('a: "x', "is not YAML"),
        ("a: 1\n b: 2", "is not YAML"),
        ("%YAML 9.9\n---\na: 1", "YAML"),
        ("a: 'x\0y'", "plan.yaml:1:6: holds the unprintable character U+0000"),
        ("a: \x1b[31m", "U+001B"),
        (DEEP, "nested deeper than 32 levels"),
        (BOMB, "above 200000 values"),
        ("a: &a [*a]", "the alias *a holds itself"),
        ("name: *missing\nbudget: 1", "there is no anchor &missing"),
        ("a: !!python/object/apply:os.system ['ls']", "the tag !!python/object/apply:os.system"),
        ("name: !custom x", "the tag !custom is not read here"),
        ("a: !!set {x, y}", "the tag !!set"),
        ("a: !!binary aGk=", "the tag !!binary"),
        ("budget: !!int x", "'x' is not !!int"),
        ("a: 1\na: 2", "plan.yaml:2:1  a: is there twice, first on line 1"),
        ("a: {b: {c: 1, c: 2}}", "plan.yaml:1:15  a.b.c: is there twice"),
        ("budget: .nan", "plan.yaml:1:9  budget: .nan is not a finite number"),
        ("budget: -.inf", "not a finite number"),
        ("budget: 1e999", "not a finite number"),
        ("budget: " + "9" * 5000, "not a finite number"),
        ("budget: 2027-01-01", "'2027-01-01' is not money"),
        ("budget: true", "True is not money"),
        ("budget: [1]", "[1] is not money"),
        ("budget: {a: 1}", "is not money"),
        ("? [a, b]\n: 1", "a key is a list, a mapping or an alias"),
        ("? {a: 1}\n: 1", "a key is a list"),
        ("~: 1", "has a key without a name"),
        (": 1", "has a key without a name"),
        ("'': 1", "has a key without a name"),
        ("a: &a {x: 1}\nb:\n  <<: *a", "plan.yaml:3:3  b: merge keys (<<) are not read"),
        ("x" * 1_000_001, "is larger than 1 MB"),
        ("channels: {a: {b: {c: {d: 1}}}}", "channels.a.b.c: is not known here"),
        ("what_ifs: [a]", "what_ifs: ['a'] is not a mapping"),
        ("extends: {a: 1}", "is not a file or a built-in name"),
    ],
    ids=lambda text: text[:24],
)
def test_a_hostile_text_is_a_fault_and_no_crash(text: str, words: str) -> None:
    assert any(words in fault for fault in faults_of(text)), faults_of(text)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"name: caf\xe9\n", "1:10: is not UTF-8"),
        ("name: x\n".encode("utf-16"), "is not UTF-8"),
        (bytes(range(256)), "is not UTF-8"),
        (b"name: \0", "1:7: holds the unprintable character U+0000"),
        (b"a" * 2_000_000, "is larger than 1 MB"),
        (b"", "is empty"),
    ],
)
def test_hostile_bytes(tmp_path: Path, data: bytes, words: str) -> None:
    file = tmp_path / "plan.yaml"
    file.write_bytes(data)
    with pytest.raises(ScenarioError) as error:
        load(file)
    assert words in str(error.value)


def test_what_is_no_readable_file(tmp_path: Path) -> None:
    for source in (tmp_path, str(tmp_path), "a\0b", "https://example.org/x.yaml", "x" * 5000):
        with pytest.raises(ScenarioError):
            load(source)


@given(plans(max_channels=1))
@settings(max_examples=40)
def test_a_text_cut_off_anywhere_never_crashes(plan: Plan) -> None:
    text = dumps(plan)
    for end in range(0, len(text), max(len(text) // 8, 1)):
        with contextlib.suppress(PlanError):  # anything else would be a crash
            loads(text[:end])


@pytest.mark.parametrize("where", ["channels.tv.curve", "objective", "constraints.cap"])
def test_a_kind_that_is_no_text(where: str) -> None:
    with pytest.raises(ScenarioError, match="there is no kind"):
        loads(BASE, sets={f"{where}": {"kind": ["log"]}})


def test_what_was_read_says_where_things_stand(base: Path) -> None:
    scenario = read_scenario(base)
    spot = scenario.positions["channels.search.brand.curve.half"]
    assert spot.at(value=True) == f"{base}:8:55"
    assert "what_ifs" not in scenario.document
    assert scenario.plan() == load(base)
