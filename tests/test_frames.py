"""DataFrames in and out: plans, spends, actuals and histories are read; every result has tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import optimizer as opt
from optimizer.errors import PlanError
from tests.sources.exports import pymc

LINES = pd.DataFrame(
    {
        "line": ["shoes", "films"],
        "channel": ["search", "tv"],
        "curve": ["log", "hill"],
        "scale": [900.0, None],
        "unit": [4000.0, None],
        "ceiling": [None, 2600.0],
        "half": [None, 15_000.0],
        "value": [12.0, 14.0],
        "maximum": [20_000.0, 40_000.0],
    }
)


@pytest.fixture(scope="module")
def best() -> opt.Allocation:
    return opt.optimize(opt.load("b2b"), gap=1e-3)


# --- In -------------------------------------------------------------------------------------------


def test_a_plan_comes_from_a_frame_and_its_answer_goes_back_into_one() -> None:
    plan = opt.load_table(LINES, budget=30_000, objective="revenue")
    answer = opt.optimize(plan)
    joined = LINES.assign(name=LINES["channel"] + "." + LINES["line"]).merge(
        answer.by_line, left_on="name", right_on="line"
    )
    assert len(joined) == 2
    assert joined["spend"].sum() == pytest.approx(30_000)


def test_a_spend_comes_from_frames_in_any_order(best: opt.Allocation) -> None:
    cells = best.by_cell.sample(frac=1, random_state=1)
    again = opt.evaluate(best.plan, cells)
    np.testing.assert_array_equal(again.spend, best.spend)
    assert again.objective == pytest.approx(best.objective)
    one = opt.evaluate(opt.load("minimal"), opt.optimize(opt.load("minimal")).by_line)
    by_line = one.by_line.set_index("line")["spend"].iloc[::-1]
    np.testing.assert_array_equal(opt.evaluate(one.plan, by_line).spend, one.spend)
    numbers = pd.Series(one.spend)  # without names: in the order of the plan, as an array
    np.testing.assert_array_equal(opt.evaluate(one.plan, numbers).spend, one.spend)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda frame: frame.drop(columns="period"), "Give a row per line and period"),
        (lambda frame: frame.drop(columns="line"), "has no column line"),
        (lambda frame: frame.iloc[1:], "has no search.brand 2027-01"),
        (lambda frame: pd.concat([frame, frame.iloc[:1]]), "several rows for search.brand 2027-01"),
        (lambda frame: frame.replace("search.brand", "serch.brand"), "Did you mean 'search.brand'"),
        (lambda frame: frame.replace("2027-01", "2037-01"), "no period '2037-01'"),
        (lambda frame: frame.assign(spend=-1.0), "is negative"),
        (lambda frame: pd.concat([frame, frame["line"]], axis=1), "has the column line twice"),
        (lambda frame: pd.concat([frame, frame["spend"]], axis=1), "has the column spend twice"),
        (lambda frame: frame.assign(line=np.nan), "no line 'nan'"),
        (lambda frame: frame.assign(line=pd.Series([b"\xff"] * len(frame), dtype=object)), "xff"),
    ],
)
def test_a_frame_that_is_no_spend_is_refused(best: opt.Allocation, change: Any, words: str) -> None:
    with pytest.raises(PlanError) as caught:
        opt.evaluate(best.plan, change(best.by_cell))
    assert words in str(caught.value)


def test_actuals_come_from_a_frame(best: opt.Allocation, tmp_path: Path) -> None:
    frame = best.by_cell[best.by_cell["period"] == "2027-01"][["period", "line", "spend"]]
    found = opt.load_actuals(frame, best.plan)
    frame.to_csv(tmp_path / "x.csv", index=False)
    filed = opt.load_actuals(tmp_path / "x.csv", best.plan)
    np.testing.assert_array_equal(found.spend, filed.spend)
    with pytest.raises(PlanError, match="<DataFrame>:1  line: there is no line"):
        opt.load_actuals(frame.replace("search.brand", "serch.brand"), best.plan)


def test_a_history_comes_from_a_frame(tmp_path: Path) -> None:
    weeks = pd.date_range("2024-01-01", periods=60, freq="W-MON")
    spend = np.random.default_rng(3).lognormal(8, 0.5, 60)
    frame = pd.DataFrame({"week": weeks, "orders": 100 + np.sqrt(spend), "search": spend})
    stated = {"date": "week", "outcome": "orders", "lines": {"search": "search"}}
    found = opt.load_history(frame, stated)
    frame.to_csv(tmp_path / "x.csv", index=False)
    filed = opt.load_history(tmp_path / "x.csv", stated)
    assert found.labels == filed.labels
    np.testing.assert_allclose(found.spend, filed.spend)


# --- Out ------------------------------------------------------------------------------------------


def frames_of(result: Any) -> dict[str, pd.DataFrame]:
    """Every table that a result has, by name."""
    names = [name for name in dir(type(result)) if not name.startswith("_")]
    names += list(getattr(result, "__dataclass_fields__", ()))
    found = {}
    for name in sorted(set(names)):
        value = getattr(result, name, None)
        value = value() if callable(value) and name in {"frame", "tables"} else value
        if isinstance(value, pd.DataFrame):
            found[name] = value
        elif isinstance(value, dict) and value:
            parts = {f"{name}.{key}": part for key, part in value.items()}
            found |= {key: part for key, part in parts.items() if isinstance(part, pd.DataFrame)}
    return found


def test_every_result_is_tables(best: opt.Allocation, tmp_path: Path) -> None:
    plan = opt.load("minimal")
    small = opt.optimize(plan)
    doubtful = opt.optimize(opt.with_spread(plan, 0.2))
    certain = opt.certainty(doubtful, draws=16)
    actuals = best.by_cell[best.by_cell["period"] == "2027-01"][["period", "line", "spend"]]
    results = [
        small,
        opt.sweep(plan, "budget", [8e5, 9e5]),
        opt.compare({"a": small, "b": opt.optimize(plan)}),
        opt.rule_prices(small),
        opt.tornado(plan),
        opt.explore(small),
        certain,
        opt.information(certain),
        opt.track(best.plan, opt.load_actuals(actuals, best.plan), gap=1e-3),
        opt.commit(doubtful.plan, opt.Commitment(lines=doubtful.plan.lines[0].name)),
        opt.import_model(pymc(tmp_path), _map(tmp_path)),
        opt.upload(small, {"campaigns": {"*": "All"}}),
    ]
    for result in results:
        found = frames_of(result)
        assert found, type(result).__name__
        assert any(len(frame) for frame in found.values()), type(result).__name__
    assert isinstance(opt.breakdown(best), pd.DataFrame)
    assert isinstance(opt.sweep2(plan, "budget", [8e5], "value", [1.0]), pd.DataFrame)


def _map(folder: Path) -> Path:
    path = folder / "map.yaml"
    path.write_text(
        "channels: {x1: tv.brand, x2: search}\nplan: {budget: 3, value: 1}\nsteps: 1\n", "utf-8"
    )
    return path
