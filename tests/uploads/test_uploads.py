"""Uploads: the plan's money to the last cent, under the tool's own heads."""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl  # type: ignore[import-untyped]
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import optimizer as opt
from optimizer.errors import PlanError
from optimizer.uploads.making import upload_of
from optimizer.uploads.mapping import Campaign, UploadMap
from optimizer.uploads.telling import sentences, title, upload_answer
from optimizer.uploads.upload import Upload

CURVE = opt.Linear(1.0)


def plan_of(
    names: tuple[str, ...] = ("search.brand", "search.traffic", "tv"),
    periods: opt.Periods | None = None,
    currency: str = "EUR",
) -> opt.Plan:
    """A plan of some lines; their money is given beside it."""
    lines = []
    for name in names:
        channel, _, role = name.partition(".")
        tags = {"market": "de" if channel == "search" else "at"}
        lines.append(opt.Line(channel, CURVE, role=role or None, tags=tags))
    return opt.Plan(
        "P", tuple(lines), budget=1e9, value=1, periods=periods, currency=currency,
        objective=opt.Revenue(),
    )  # fmt: skip


PLAN = plan_of()
SPEND = np.array([100.0, 200.0, 50.5])


def made(campaigns: Any, plan: opt.Plan = PLAN, spend: Any = SPEND, **fields: Any) -> Upload:
    only = fields.pop("only", ())
    return upload_of(plan, np.asarray(spend), UploadMap(campaigns, **fields), only)


def faults_of(*args: Any, **fields: Any) -> list[str]:
    with pytest.raises(PlanError) as caught:
        made(*args, **fields)
    return [str(fault) for fault in caught.value.faults]


# --- The money ------------------------------------------------------------------------------------


@st.composite
def cases(draw: st.DrawFn) -> tuple[opt.Plan, np.ndarray, UploadMap]:
    every, start = draw(
        st.sampled_from([("week", "2026-W50"), ("month", "2027-02"), ("quarter", "2027-Q3")])
    )
    count = draw(st.integers(1, 14))
    periods = opt.Periods(start, count, every)  # type: ignore[arg-type]
    plan = plan_of(periods=periods, currency=draw(st.sampled_from(["EUR", "JPY", "KWD"])))
    money = st.one_of(st.just(0.0), st.floats(0, 1e7), st.integers(0, 10**6).map(float))
    n = 3 * count
    spend = np.array(draw(st.lists(money, min_size=n, max_size=n)))
    campaigns = {}
    for name in ("search.brand", "search.traffic", "tv"):
        parts = draw(st.lists(st.integers(0, 100), min_size=1, max_size=4).filter(any))
        shares = [part / sum(parts) for part in parts]
        shared = draw(st.booleans())
        campaigns[name] = tuple(
            Campaign(f"C{at % 3}", share if shared else None) for at, share in enumerate(shares)
        )
    stated = UploadMap(
        campaigns,
        columns={"Line": "{line}", "Campaign": "{campaign}", "When": "{period}", "€": "{amount}"},
        by=draw(st.sampled_from(["period", "day", "week", "month", "quarter", "total"])),
        decimals=draw(st.sampled_from([None, 0, 1, 2, 4])),
    )
    return plan, spend, stated


@given(cases())
def test_money_per_line_and_in_all_is_the_plans_to_the_last_cent(
    case: tuple[opt.Plan, np.ndarray, UploadMap],
) -> None:
    plan, spend, stated = case
    found = upload_of(plan, spend, stated)
    unit = Decimal(1).scaleb(-found.decimals)
    rows = [(row[0], Decimal(str(row[3]))) for row in found.cells]
    assert all(money >= 0 and money % unit == 0 for _, money in rows)
    exact = sum(map(Decimal, spend.tolist()))
    total = sum((money for _, money in rows), Decimal())
    assert abs(total - exact) <= unit / 2
    assert total == exact.quantize(unit, ROUND_HALF_EVEN) or abs(total - exact) == unit / 2
    for name, own in zip(
        ("search.brand", "search.traffic", "tv"), spend.reshape(3, -1), strict=True
    ):
        line = sum((money for line, money in rows if line == name), Decimal())
        assert abs(line - sum(map(Decimal, own.tolist()))) < unit
    assert found.lines["uploaded"].tolist() == pytest.approx(
        [float(sum(m for line, m in rows if line == name)) for name in found.lines["line"]]
    )


@given(cases())
def test_whole_cents_are_kept_and_every_month_has_its_days_worth(
    case: tuple[opt.Plan, np.ndarray, UploadMap],
) -> None:
    plan, spend, stated = case
    cents = np.round(spend, 0)
    found = upload_of(plan, cents, stated)
    unit = 10.0**-found.decimals
    by_line = found.frame.groupby("Line", sort=False)["€"].sum()
    lines = cents.reshape(3, -1).sum(axis=1)
    for name, own in zip(("search.brand", "search.traffic", "tv"), lines, strict=True):
        assert by_line[name] == pytest.approx(own, abs=1e-6)
    if stated.by == "period":  # a line's money in a period is the plan's to the cent
        when = found.frame.groupby(["Line", "When"])["€"].sum()
        for line, own in zip(
            ("search.brand", "search.traffic", "tv"), cents.reshape(3, -1), strict=True
        ):
            for label, money in zip(plan.periods.planned, own, strict=True):  # type: ignore[union-attr]
                assert abs(when[line, label] - money) < unit + 1e-6


def test_weeks_go_into_months_by_their_days() -> None:
    plan = plan_of(("tv",), opt.Periods("2027-W04", 2, "week"))  # 25 to 31 January, then February
    found = made({"tv": "TV"}, plan, [700.0, 70.0])
    assert found.frame.to_numpy().tolist() == [["TV", "2027-01", 700.0], ["TV", "2027-02", 70.0]]
    plan = plan_of(
        ("tv",), opt.Periods("2026-W53", 1, "week")
    )  # 4 days of the old year, 3 of the new
    found = made({"tv": "TV"}, plan, [700.0])
    assert found.frame["Amount"].tolist() == [400.0, 300.0]
    assert found.frame["Month"].tolist() == ["2026-12", "2027-01"]


def test_quarters_go_into_months_and_months_into_days() -> None:
    plan = plan_of(("tv",), opt.Periods("2027-Q1", 1, "quarter"))
    assert made({"tv": "TV"}, plan, [90.0]).frame["Amount"].tolist() == [31.0, 28.0, 31.0]
    plan = plan_of(("tv",), opt.Periods("2027-02", 1))
    days = made({"tv": "TV"}, plan, [100.0], by="day").frame
    assert days["Day"].tolist()[0::27] == ["2027-02-01", "2027-02-28"]
    assert sorted(set(days["Amount"])) == [3.57, 3.58]
    assert sum(map(Fraction, days["Amount"].map(str))) == 100


def test_daily_budgets_never_come_to_more_than_the_amount() -> None:
    plan = plan_of(("tv",), opt.Periods("2027-01", 2))
    found = made(
        {"tv": "TV"}, plan, [100.0, 56.0],
        columns={"Campaign": "{campaign}", "Of": "{start}", "Days": "{days}", "Day": "{daily}"},
    )  # fmt: skip
    assert found.frame.to_numpy().tolist() == [
        ["TV", "2027-01-01", 31, 3.22],
        ["TV", "2027-02-01", 28, 2.0],
    ]
    told = " ".join(sentences(found))
    assert "come to €0.18 less" in told  # 100 - 31 * 3.22
    assert found.total == 156.0


@pytest.mark.parametrize(
    ("currency", "unit", "expected"),
    [
        ("EUR", "currency", 12.35),
        ("EUR", "cents", 1235),
        ("EUR", "micros", 12_350_000),
        ("JPY", "currency", 12),
        ("JPY", "cents", 12),
        ("JPY", "micros", 12_000_000),
        ("KWD", "cents", 12_346),
    ],
)
def test_amounts_are_counted_as_the_tool_does(currency: str, unit: str, expected: float) -> None:
    found = made({"tv": "TV"}, plan_of(("tv",), currency=currency), [12.3456], unit=unit)
    assert found.frame["Amount"].tolist() == [expected]
    assert isinstance(found.frame["Amount"].tolist()[0], type(expected))


def test_rows_with_the_same_texts_are_one_with_all_the_money() -> None:
    found = made({"search.*": "Search", "tv": "TV"})
    assert found.frame.to_numpy().tolist() == [["Search", 300.0], ["TV", 50.5]]
    apart = made(
        {"search.*": "Search", "tv": "TV"},
        columns={"Campaign": "{campaign}", "Role": "{role}", "Amount": "{amount}"},
    )
    assert apart.frame["Role"].tolist() == ["brand", "traffic", ""]


# --- Lines and campaigns --------------------------------------------------------------------------


def test_a_lines_own_name_goes_before_others_and_a_star_takes_the_rest() -> None:
    found = made({"*": "Rest", "search": "Search", "search.brand": "Brand"})
    assert found.frame["Campaign"].tolist() == ["Brand", "Search", "Rest"]


def test_tags_roles_and_patterns_select() -> None:
    assert made({"market=de": "DE", "market=a*": "AT"}).frame["Campaign"].tolist() == ["DE", "AT"]
    found = made({"market=de, role=brand": "A", "traffic": "B", "t*": "C"})
    assert found.frame["Campaign"].tolist() == ["A", "B", "C"]


def test_names_are_made_of_what_is_known_of_a_line() -> None:
    found = made({"*": "{market} | {channel} | {role}"})
    assert found.frame["Campaign"].tolist() == [
        "de | search | brand", "de | search | traffic", "at | tv | "
    ]  # fmt: skip


def test_columns_hold_constants_dates_and_words_of_the_campaign() -> None:
    plan = plan_of(("tv",), opt.Periods("2027-01", 1))
    own = Campaign("TV {market}", own={"id": "0012345678901234567890"})
    columns = {
        "Type": "Campaign", "Id": "{id}", "Name": "{campaign}", "Month": "{start:%m/%Y}",
        "To": "{end:%d.%m.%Y}", "Text": "{currency} {amount} of {plan} {{}}", "Empty": "",
        "Budget": "{amount}",
    }  # fmt: skip
    found = made({"tv": (own,)}, plan, [1234.5], columns=columns)
    assert found.frame.to_dict("records") == [
        {
            "Type": "Campaign", "Id": "0012345678901234567890", "Name": "TV at",
            "Month": "01/2027", "To": "31.01.2027", "Text": "EUR 1234.50 of P {}", "Empty": "",
            "Budget": 1234.5,
        }
    ]  # fmt: skip


def test_lines_that_are_not_for_the_tool_are_left_out_and_told() -> None:
    found = made({"search": "S"}, leave_out=("tv",))
    assert found.total == 300.0
    assert found.lines["state"].tolist() == ["mapped", "mapped", "left_out"]
    assert "Left out: tv (€50.50)" in sentences(found)


def test_lines_that_no_key_names_are_an_error_or_a_row() -> None:
    (fault,) = faults_of({"search.*": "S"})
    assert fault.startswith("campaigns: says nothing of tv. Give each a campaign (tv: …), put it")
    found = made({"search.*": "S"}, unmapped="Not in the tool")
    assert found.frame["Campaign"].tolist() == ["S", "Not in the tool"]
    assert "Not in the tool holds the money of lines" in sentences(found)[0]


def test_a_line_under_two_keys_is_an_error() -> None:
    (fault,) = faults_of({"search.*": "S", "brand": "B", "tv": "TV"})
    assert fault.startswith("campaigns.brand: selects search.brand, which search.* selects, too")


def test_rows_without_money_are_kept_or_left_out_and_told() -> None:
    kept = made({"search": "S", "tv": "TV"}, spend=[1.0, 2.0, 0.0])
    assert kept.frame["Amount"].tolist() == [3.0, 0.0]
    assert "1 row has no money" in sentences(kept)[0]
    left = made({"search": "S", "tv": "TV"}, spend=[1.0, 2.0, 0.0], zero="leave_out")
    assert left.frame["Amount"].tolist() == [3.0]
    assert "keeps the budget it has" in sentences(left)[0]


def test_periods_that_are_over_are_not_uploaded() -> None:
    plan = plan_of(("tv",), opt.Periods("2027-01", 3))
    line = replace(plan.lines[0], locked_in={"2027-01": 10, "2027-02": 20, "2027-03": 30})
    plan = replace(plan, lines=(line,), periods=opt.Periods("2027-01", 3, past=1))
    found = made({"tv": "TV"}, plan, [10.0, 20.0, 30.0])
    assert found.frame["Month"].tolist() == ["2027-02", "2027-03"]
    assert found.total == 50.0
    assert "Over already, up to 2027-01, and not in the file: €10.00" in sentences(found)
    over = replace(plan, periods=opt.Periods("2027-01", 3, past=3))
    assert "all periods of the plan are over" in faults_of({"tv": "TV"}, over, [1.0, 2.0, 3.0])[0]


def test_one_month_has_the_amounts_that_it_has_among_all() -> None:
    plan = plan_of(("tv",), opt.Periods("2027-01", 3))
    every = made({"tv": ("A", "B")}, plan, [0.01, 0.02, 0.03]).frame
    one = made({"tv": ("A", "B")}, plan, [0.01, 0.02, 0.03], only=("2027-03",))
    same = every[every["Month"] == "2027-03"].reset_index(drop=True)
    pd.testing.assert_frame_equal(one.frame, same)
    assert "A part of the whole: €0.03 of €0.06" in sentences(one)
    assert "Known: 2027-01, 2027-02, 2027-03" in faults_of(
        {"tv": "TV"}, plan, [1.0, 1.0, 1.0], only=("2028-03",)
    )[0]  # fmt: skip


def test_a_plan_without_periods_takes_its_days_from_the_map() -> None:
    found = made({"*": "All"}, starts="2027-01-16", ends="2027-02-15")
    assert found.frame["Amount"].tolist() == [180.9, 169.6]  # 16 and 15 days of 350.5
    assert found.frame["Month"].tolist() == ["2027-01", "2027-02"]
    whole = made({"*": "All"}, starts="2027-01-16", ends="2027-02-15", by="total")
    assert whole.frame["Total"].tolist() == ["2027-01-16/2027-02-15"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"campaigns": {"a": (Campaign("x", 0.5), Campaign("y", 0.4))}}, "add up to 90.0"),
        ({"campaigns": {"a": (Campaign("x", 0.5), Campaign("y"))}}, "y has no share"),
        ({"campaigns": {}}, "there is none"),
        ({"campaigns": {"a": ""}}, "is empty; give the campaign's name"),
        ({"campaigns": {"a": "{x"}}, "write {{ and }} for braces"),
        ({"campaigns": {"a": "{x.y}"}}, "{x.y} is no name"),
        ({"campaigns": {"a": "{x[0]}"}}, "{x[0]} is no name"),
        ({"campaigns": {"a": "{x!r}"}}, "is no name"),
        ({"campaigns": {"a": "{}"}}, "{} is no name"),
        ({"campaigns": {"a": "x"}, "columns": {"A": "{amount:.2f}"}}, "only {start} and {end}"),
        ({"campaigns": {"a": "x"}, "columns": {"A": "{amount}{start:%q}"}}, "%q is no part"),
        ({"campaigns": {"a": "x"}, "columns": {"A": "b"}}, "no column holds money"),
        ({"campaigns": {"a": "x"}, "starts": "2027-01-01"}, "is there alone"),
        (
            {"campaigns": {"a": "x"}, "starts": "2027-02-01", "ends": "2027-01-01"},
            "2027-01-01 is before starts 2027-02-01",
        ),
        ({"campaigns": {"a": "x"}, "starts": "1.1.2027", "ends": "x"}, "write it like 2027-01-31"),
        ({"campaigns": {"a": "x"}, "decimals": 7}, "at most 6"),
        ({"campaigns": {"a": "x"}, "decimals": 2, "unit": "cents"}, "cents have none"),
        ({"campaigns": {"a": "x"}, "leave_out": ("a",)}, "is under leave_out, too"),
        ({"campaigns": {"a": Campaign("x", own={"amount": "1"})}}, "word of every row already"),
    ],
)
def test_a_map_that_does_not_hold_together_is_refused(fields: Any, words: str) -> None:
    with pytest.raises(PlanError) as caught:
        UploadMap(**fields)
    assert words in str(caught.value)


def test_rows_that_do_not_say_their_month_are_refused() -> None:
    plan = plan_of(("tv",), opt.Periods("2027-01", 2))
    columns = {"Campaign": "{campaign}", "Budget": "{daily}"}
    (fault,) = faults_of({"tv": "TV"}, plan, [1.0, 2.0], columns=columns)
    assert fault.startswith("columns: no column says which of the 2 months a row is for")
    found = made({"tv": "TV"}, plan, [31.0, 28.0], columns=columns, only=("2027-02",))
    assert found.frame["Budget"].tolist() == [1.0]


def test_dates_of_the_map_are_for_plans_without_periods() -> None:
    plan = plan_of(("tv",), opt.Periods("2027-01", 1))
    (fault,) = faults_of({"tv": "TV"}, plan, [1.0], starts="2027-01-01", ends="2027-02-01")
    assert fault.startswith("starts: the plan has periods of its own, from 2027-01 on")


def test_a_table_of_lines_is_uploaded_by_its_tags() -> None:
    frame = pd.DataFrame(
        {
            "line": ["shoes", "boots"], "channel": ["search", "search"], "curve": "linear",
            "rate": 1.0, "value": 2.0, "maximum": 10.0, "market": ["de", "at"],
        }
    )  # fmt: skip
    plan = opt.load_table(frame, budget=20)
    found = made({"*": "{market}: {line}"}, plan, [7.0, 3.0])
    assert found.frame.to_numpy().tolist() == [["de: search.shoes", 7.0], ["at: search.boots", 3.0]]


# --- Files ----------------------------------------------------------------------------------------

NAMES = {"search": "=HYPERLINK(1)", "tv": '搜索, "x"'}


def test_a_csv_has_all_decimals_and_no_formula(tmp_path: Path) -> None:
    found = made(NAMES, spend=[100.0, 200.0, 50.0])
    found.write(tmp_path / "x.csv")
    text = (tmp_path / "x.csv").read_bytes().decode()
    assert text == 'Campaign,Amount\n\'=HYPERLINK(1),300.00\n"搜索, ""x""",50.00\n'
    assert any("apostrophe" in one and "=HYPERLINK(1)" in one for one in sentences(found))


@pytest.mark.parametrize(
    ("bom", "lang", "expected"),
    [(None, "en", False), (None, "zh", True), (True, "en", True), (False, "zh", False)],
)
def test_a_csv_begins_with_a_mark_where_that_is_asked_for(
    tmp_path: Path, bom: bool | None, lang: str, expected: bool
) -> None:
    made(NAMES, bom=bom).write(tmp_path / "x.csv", lang)
    assert (tmp_path / "x.csv").read_bytes().startswith(b"\xef\xbb\xbf") is expected


def test_a_workbook_has_numbers_with_decimals_and_texts(tmp_path: Path) -> None:
    made(NAMES, spend=[100.0, 200.0, 50.0]).write(tmp_path / "x.xlsx")
    book = openpyxl.load_workbook(tmp_path / "x.xlsx")
    assert book.sheetnames == ["x"]
    sheet = book["x"]
    assert (sheet["A2"].value, sheet["A2"].data_type) == ("=HYPERLINK(1)", "s")
    assert (sheet["B2"].value, sheet["B2"].number_format) == (300, "0.00")


def test_a_parquet_file_is_the_frame(tmp_path: Path) -> None:
    found = made(NAMES)
    found.write(tmp_path / "x.parquet")
    back = pd.read_parquet(tmp_path / "x.parquet")
    assert back.to_dict("records") == found.frame.to_dict("records")


def test_other_files_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must end in"):
        made(NAMES).write(tmp_path / "x.txt")
    assert list(tmp_path.iterdir()) == []


def test_it_is_told_in_both_languages_and_as_data() -> None:
    found = made({"search": "S"}, leave_out=("tv",))
    assert title(found) == "P: €300.00 in 1 row"
    assert "不上传" in sentences(found, "zh")[0]
    data = upload_answer(found)
    assert data["schema"] == "adsplit.upload/1"
    assert data["rows"] == [{"Campaign": "S", "Amount": 300.0}]
    assert data["campaigns"] == [{"campaign": "S", "rows": 1, "amount": 300.0}]
