"""Spans of days: calendar units part the periods, and no day is lost or counted twice."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.plan.periods import Periods
from optimizer.uploads.dates import Span, dated, overlaps, periods_of, spans_between

days = st.dates(datetime.date(1999, 1, 1), datetime.date(2040, 12, 31))
units = st.sampled_from(["day", "week", "month", "quarter"])
starts = st.sampled_from(
    [("week", "2027-W01"), ("week", "2026-W53"), ("month", "2027-11"), ("quarter", "2027-Q4")]
)


def _each(spans: list[Span]) -> list[datetime.date]:
    one = datetime.timedelta(days=1)
    return [span.start + at * one for span in spans for at in range(span.days)]


@given(days, st.integers(0, 800), units)
def test_units_part_the_days_between(start: datetime.date, more: int, unit: str) -> None:
    end = start + datetime.timedelta(days=more)
    spans = spans_between(start, end, unit)  # type: ignore[arg-type]
    assert _each(spans) == _each([Span("", start, end)])
    assert len({span.label for span in spans}) == len(spans)
    for span in spans:
        for day in _each([span]):
            assert spans_between(day, day, unit)[0].label == span.label  # type: ignore[arg-type]


@given(starts, st.integers(1, 60), units)
def test_months_partition_the_periods(start: tuple[str, str], count: int, unit: str) -> None:
    spans = periods_of(Periods(start[1], count, start[0]))  # type: ignore[arg-type]
    assert _each(spans) == _each([Span("", spans[0].start, spans[-1].end)])
    wide = spans_between(spans[0].start, spans[-1].end, unit)  # type: ignore[arg-type]
    seen = [0] * len(wide)
    for span in spans:
        shared = overlaps(span, wide)
        assert sum(own for _, own in shared) == span.days
        for at, own in shared:
            seen[at] += own
    assert seen == [span.days for span in wide]


def test_periods_have_the_days_of_the_calendar() -> None:
    week = periods_of(Periods("2026-W53", 2, "week"))
    assert [(span.label, span.start.isoformat(), span.end.isoformat()) for span in week] == [
        ("2026-W53", "2026-12-28", "2027-01-03"),
        ("2027-W01", "2027-01-04", "2027-01-10"),
    ]
    month = periods_of(Periods("2028-02", 1))
    assert month[0].days == 29
    quarter = periods_of(Periods("2027-Q4", 1, "quarter"))
    assert (quarter[0].start.month, quarter[0].end.isoformat()) == (10, "2027-12-31")


def test_the_last_day_there_is_ends_a_span() -> None:
    last = datetime.date.max
    for unit in ("day", "week", "month", "quarter"):
        assert spans_between(last, last, unit)[-1].end == last


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("%Y-%m", "2027-03"),
        ("%m/%Y", "03/2027"),
        ("%-d.%-m.%y", "4.3.27"),
        ("%Y%m%d", "20270304"),
        ("%b %Y, %B", "Mar 2027, March"),
        ("%G-W%V", "2027-W09"),
        ("%Y年%-m月", "2027年3月"),
        ("100%%", "100%"),
    ],
)
def test_days_are_written_as_asked(form: str, text: str) -> None:
    assert dated(datetime.date(2027, 3, 4), form) == text


@pytest.mark.parametrize("form", ["%H", "%", "%x", "%-Y"])
def test_other_letters_are_refused(form: str) -> None:
    with pytest.raises(ValueError, match="no part of a date"):
        dated(datetime.date(2027, 3, 4), form)
