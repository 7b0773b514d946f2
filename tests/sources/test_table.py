"""A table of lines is the same plan as its lines one by one, and its faults name rows."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optimizer as opt
from optimizer.allocation import evaluate
from optimizer.certificate import verify
from optimizer.compiling import compile_plan
from optimizer.errors import Infeasible, PlanError, UnknownName
from optimizer.measuring import fingerprint
from optimizer.plan.curves import CURVES, Points
from optimizer.plan.document import from_document, outline, to_document
from optimizer.plan.plan import Plan
from optimizer.plan.table import KINDS, LineTable
from optimizer.solving import optimize
from optimizer.sources.table import load_table
from tests.solvers.test_prices import KINDS as MIXED
from tests.solvers.test_prices import many


def frame_of(plan):
    """The table of a plan's lines."""
    rows = []
    for line in plan.lines:
        row = {
            "line": line.name,
            "channel": line.channel,
            "role": line.role,
            "curve": line.curve.kind,
            "maximum": line.maximum,
        }
        row |= {name: getattr(line.curve, name) for name in line.curve.parameters}
        for name in ("value", "price", "minimum", "minimum_if_active", "current", "observed"):
            row[name] = getattr(line, name)
        rows.append(row | line.tags)
    return pd.DataFrame(rows)


def table_plan(plan, **changes):
    """The same plan, its lines as a table."""
    about = {key: item for key, item in outline(plan).items() if key not in {"version", "channels"}}
    return load_table(frame_of(plan), **(about | changes))


RULES = {
    "mixed": {},
    "floor": {"floor": 20.0},
    "nested": {
        "constraints": (
            opt.Share({"market": "at"}, at_least=0.4),
            opt.Spend("c0", at_most="10%"),
        )
    },
}


@pytest.mark.parametrize("case", RULES)
def test_a_table_is_the_same_plan_as_its_lines(case):
    plan = many(350, **RULES[case])
    table = table_plan(plan)
    assert isinstance(table.lines, LineTable)
    assert tuple(table.lines) == plan.lines
    one, other = optimize(plan, gap=1e-6), optimize(table, gap=1e-6)
    assert other.objective == pytest.approx(one.objective, rel=1e-9)
    assert other.bound == pytest.approx(one.bound, rel=1e-9)
    words = ["line", "channel", "role", "minimum", "maximum", "current"]
    pd.testing.assert_frame_equal(other.by_line[words], one.by_line[words])
    verdict = verify(
        table, other.spend, value=other.objective, bound=other.bound, proof=other.proof
    )
    assert verdict.holds, verdict.faults


def test_the_arrays_are_those_of_the_lines():
    plan = many(60, floor=20.0)
    one, other = compile_plan(plan), compile_plan(table_plan(plan))
    exposure = np.linspace(0.0, 80.0, 60)
    for ask in ("outcome", "slope"):
        values = getattr(one.curves, ask)(exposure), getattr(other.curves, ask)(exposure)
        np.testing.assert_allclose(*values, rtol=1e-12)
    for name in ("inflection", "linear", "piecewise"):
        np.testing.assert_allclose(getattr(one.curves, name), getattr(other.curves, name), 1e-12)
    for name in ("weights", "exposure", "lower", "upper", "floor"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert (one.rows.spend != other.rows.spend).nnz == 0


def test_a_small_table_can_be_written_as_a_scenario():
    plan = table_plan(many(20))
    again = from_document(to_document(plan))
    assert set(again.lines) == set(plan.lines)


def test_a_line_is_made_only_when_asked_for():
    table = table_plan(many(30)).lines
    assert table[0].name == "c0.0"
    assert table[-1] == table[29]
    assert [line.name for line in table[3:5]] == ["c3.3", "c4.4"]
    with pytest.raises(IndexError):
        _ = table[30]
    plan = table_plan(many(30))
    assert plan.line("c2.2").channel == "c2"
    with pytest.raises(UnknownName):
        plan.line("c2.3")
    assert "30 lines" in repr(plan)


def test_equal_tables_are_equal_and_have_one_fingerprint():
    plan = many(40)
    one, other = table_plan(plan), table_plan(plan)
    assert one == other
    assert hash(one) == hash(other)
    assert fingerprint(one) == fingerprint(other) == fingerprint(pickle.loads(pickle.dumps(one)))
    wide = one.lines.channel.astype("<U40")
    assert replace(one.lines, channel=wide) == other.lines
    for name in ("minimum", "value", "current", "price"):
        values = getattr(one.lines, name).copy()
        values[3] = 0.25
        changed = replace(one, lines=replace(one.lines, **{name: values}))
        assert fingerprint(changed) != fingerprint(one)
    assert fingerprint(replace(one, budget=7.0)) != fingerprint(one)


def test_what_is_left_out_has_its_default():
    frame = pd.DataFrame({"channel": ["a", "b"], "ceiling": [3.0, 4.0], "half": [1.0, 2.0]})
    plan = load_table(frame, budget="1k", curve="hill", value=2, objective="revenue")
    assert plan.lines[0] == opt.Line("a", opt.Hill(3.0, 1.0), name="a.1")
    assert plan.budget == 1000.0
    assert optimize(plan).spent > 0


def test_evaluate_takes_a_table():
    plan = table_plan(many(12))
    given = evaluate(plan, np.ones(12))
    assert given.spent == 12
    names = {line.name: 1.0 for line in plan.lines}
    assert evaluate(plan, names).objective == given.objective


def test_every_curve_but_points_may_stand_in_a_table():
    assert set(KINDS.values()) == set(CURVES) - {Points}
    assert set(MIXED) == set(KINDS)


def test_a_long_name_costs_its_own_length():
    """One name of a thousand letters among many short ones does not make all of them as wide."""
    n = 20_000
    names = ["x" * 1_000, *(f"kw{i}" for i in range(1, n))]
    frame = pd.DataFrame({"channel": "search", "line": names, "rate": 1.0, "market": "de"})
    lines = load_table(frame, budget=10, curve="linear", value=1).lines
    texts = (lines.name, lines.channel, lines.role, *lines.tags.values())
    assert sum(column.nbytes for column in texts) <= 4 * 16 * n
    assert lines[0].name == "search." + "x" * 1_000
    assert lines[7].name == "search.kw7"


# --- Files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_file_is_the_same_as_its_frame(tmp_path, ending):
    frame = frame_of(many(50))
    path = tmp_path / "lines.csv"
    if ending == "csv":
        frame.to_csv(path, index=False)
    else:
        pytest.importorskip("pyarrow")
        path = tmp_path / "lines.parquet"
        frame.to_parquet(path, index=False)
    plan = load_table(path, budget=1e3, split="6:4", objective="revenue")
    assert plan.name == "lines"
    assert plan.lines == load_table(frame, budget=1e3).lines


def test_parquet_needs_its_part(tmp_path, monkeypatch):
    monkeypatch.setattr("optimizer.files.find_spec", lambda _: None)
    with pytest.raises(ModuleNotFoundError) as error:
        load_table(tmp_path / "x.parquet", budget=1)
    assert error.value.name == "pyarrow"


@pytest.mark.parametrize(
    ("name", "content"),
    [("none.csv", None), ("x.txt", b"a"), ("empty.csv", b""), ("bad.csv", b"\xff\xfe\x00"),
     ("ragged.csv", b"channel,half\na,1\nb,2,3\n"), ("bad.parquet", b"PAR1 nothing")],
)  # fmt: skip
def test_a_file_that_is_no_table_is_told(tmp_path, name, content):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PlanError) as error:
        load_table(path, budget=1, curve="hill")
    assert error.value.faults[0].where == str(path)


# --- Faults ---------------------------------------------------------------------------------------


def faults(frame, **about):
    with pytest.raises(PlanError) as error:
        load_table(frame, **({"budget": 100.0, "value": 1.0} | about))
    return {fault.path: fault for fault in error.value.faults}


def good(n=50):
    return frame_of(many(n)).drop(columns=["line"])


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("maximum", -1.0, "no money"),
        ("minimum", -1.0, "no money"),
        ("minimum", 1e9, "above maximum"),
        ("minimum_if_active", np.inf, "no money"),
        ("price", 0.0, "not above zero"),
        ("value", -2.0, "no money"),
        ("current", -2.0, "no money"),
        ("observed", -2.0, "no money"),
        ("price", "cheap", "'cheap' is no number"),
        ("channel", "a.b", "dot"),
        ("channel", "", "empty"),
        ("channel", None, "empty"),
        ("role", "both", "not known"),
        ("curve", "hil", "no kind 'hil'"),
        ("curve", None, "is empty"),
    ],
)
def test_a_fault_names_its_row(column, value, words):
    frame = good()
    frame[column] = frame[column].astype(object)
    frame.loc[[4, 7], column] = value
    found = faults(frame)[column]
    assert words in found.problem
    assert "rows 5, 8" in found.problem


def test_a_parameter_that_is_missing_wrong_or_idle_is_told():
    frame = pd.DataFrame(
        {
            "channel": list("abcd"),
            "curve": ["hill", "hill", "log", "hill"],
            "ceiling": [np.nan, 5.0, np.nan, 5.0],
            "half": [1.0, 1.0, np.nan, 1.0],
            "steepness": [1.0, 30.0, np.nan, np.nan],
            "scale": [np.nan, np.nan, 3.0, np.nan],
            "unit": [np.nan, 4.0, 3.0, np.nan],
        }
    )
    found = faults(frame)
    assert "ceiling of a hill" in found["ceiling"].problem
    assert "row 1)" in found["ceiling"].problem
    assert "at most 20" in found["steepness"].advice
    assert "no such parameter (row 2)" in found["unit"].problem


def test_all_faults_are_told_at_once_the_first_twenty_rows_of_each():
    frame = good(100)
    frame["price"] = 0.0
    frame["minimum"] = -1.0
    found = faults(frame)
    assert set(found) >= {"price", "minimum"}
    assert "1, 2, 3" in found["price"].problem
    assert "and 80 more" in found["price"].problem


def test_two_lines_of_one_name_are_told():
    frame = frame_of(many(10))
    frame.loc[3, ["line", "channel"]] = frame.loc[2, ["line", "channel"]]
    assert "row 4" in faults(frame)["line"].problem


@pytest.mark.parametrize("column", ["locked", "outcome", "tags", "name", "kind"])
def test_a_field_that_a_table_lacks_is_no_tag(column):
    assert column in faults(good().assign(**{column: 1}))


def test_a_table_without_its_columns_is_told():
    assert set(faults(pd.DataFrame({"half": [1.0]}))) == {"channel", "curve"}
    assert "hill" in faults(good().drop(columns="curve"), curve="hil")["curve"].advice
    assert faults(good().head(0))
    assert faults(good().assign(maximum=np.nan), budget=None)["maximum"]


def test_a_rule_that_names_what_is_not_there_is_told():
    rule = {"dearer": {"kind": "spend", "where": "nowhere", "at_most": 5}}
    assert "constraints.dearer" in next(iter(faults(good(), constraints=rule)))
    assert "budget" in faults(good(), budget="12m")


def test_a_large_conflict_is_told_without_a_search():
    n = 6_000
    frame = pd.DataFrame({"channel": ["a"] * n, "rate": 1.0, "minimum": 1.0})
    with pytest.raises(Infeasible, match="minima add up to 6,000"):
        optimize(load_table(frame, budget=100, curve="linear", value=1, objective="revenue"))


HARM = {
    "a number of hundreds of digits": (
        "9" * 400,
        "is infinite|is out of range|must be|is no number",
    ),
    "a date": (pd.Timestamp("2027-01-01"), "is no number"),
    "a list": ([1, 2], "is no number"),
}


@pytest.mark.parametrize("kind", HARM)
def test_what_is_no_number_is_told(kind, tmp_path):
    value, words = HARM[kind]
    frame = pd.DataFrame({"channel": ["a", "b"], "curve": "linear", "rate": [value, value]})
    with pytest.raises(PlanError, match=words):
        load_table(frame, value=1)


def test_bytes_that_are_no_text_are_shown_as_bytes(tmp_path):
    frame = pd.DataFrame({"channel": [b"\xff"], "curve": "linear", "rate": 2.0})
    frame.to_parquet(tmp_path / "lines.parquet")
    plan = load_table(tmp_path / "lines.parquet", value=1, budget=10)
    assert plan.lines[0].channel == "b'\\xff'"


@pytest.mark.parametrize("title", [None, pd.NA, 2027, ("market", "x"), b"x"])
def test_a_title_that_is_no_text_is_told_as_one(title):
    frame = pd.DataFrame({"channel": ["a"], "curve": "linear", "rate": 2.0})
    frame = pd.concat([frame, pd.Series(["de"])], axis=1).set_axis(
        pd.Index([*frame.columns, title], dtype=object, tupleize_cols=False), axis=1
    )
    plan = load_table(frame, value=1, budget=10)
    assert plan.lines[0].tags == {str(title): "de"}


def test_a_parquet_file_of_billions_of_rows_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("optimizer.sources.tabular._VALUES", 5)
    path = tmp_path / "lines.parquet"
    pd.DataFrame({"channel": ["a"] * 3, "rate": 1.0}).to_parquet(path)
    with pytest.raises(PlanError, match="it has 6 cells, more than 5"):
        load_table(path, curve="linear", value=1)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(max_size=6), min_size=1, max_size=8), st.sampled_from(list(KINDS)))
def test_any_text_is_a_tag_or_a_told_fault(texts, kind):
    frame = pd.DataFrame({"channel": texts, "market": texts[::-1], "line": texts})
    for name in KINDS[kind].parameters:
        frame[name] = 0.5
    try:
        plan = load_table(frame, budget=10, curve=kind, value=1)
    except PlanError:
        return
    assert isinstance(plan, Plan)
    assert all(line.name for line in plan.lines)
