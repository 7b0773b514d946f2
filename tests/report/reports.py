"""Plans and answers that the report's tests share."""

from __future__ import annotations

from functools import cache
from typing import Any

from optimizer.allocation import Allocation, optimize
from optimizer.analysis.comparison import compare
from optimizer.analysis.prices import rule_prices
from optimizer.analysis.sweep import budget_sweep, split_sweep
from optimizer.analysis.tornado import tornado
from optimizer.plan.document import from_document, replace_at
from optimizer.plan.plan import Plan

DOCUMENT: dict[str, Any] = {
    "name": "Cloud accounting",
    "business": "b2b",
    "currency": "CNY",
    "budget": 10_000_000,
    "objective": {"kind": "revenue"},
    "funnel": {
        "stages": ["visit", "lead", "deal"],
        "rates": {"visit": 0.03, "lead": 0.18},
        "value": {"deal": 42_000},
    },
    "channels": {
        "search": {
            "brand": {"curve": {"kind": "hill", "ceiling": 26_000, "half": 900_000},
                      "outcome": "visit", "current": 1_080_000},
            "traffic": {"curve": {"kind": "log", "scale": 9_000, "unit": 400_000},
                        "outcome": "visit", "current": 3_720_000, "maximum": 3_000_000,
                        "observed": 3_900_000},
        },
        "social": {
            "brand": {"curve": {"kind": "hill", "ceiling": 38_000, "half": 2_200_000},
                      "outcome": "visit", "current": 1_500_000, "observed": 2_000_000},
            "traffic": {"curve": {"kind": "exponential", "ceiling": 14_000, "unit": 900_000},
                        "outcome": "visit", "current": 1_200_000},
        },
        "streaming": {
            "brand": {"curve": {"kind": "hill", "ceiling": 40_000, "half": 3_000_000},
                      "outcome": "visit", "current": 1_900_000, "maximum": 4_000_000},
            "traffic": {"curve": {"kind": "hill", "ceiling": 5_000, "half": 700_000},
                        "outcome": "visit", "current": 600_000, "minimum": 200_000},
        },
    },
    "constraints": {"social floor": {"kind": "spend", "where": "social", "at_least": "15%"}},
    "origins": {
        "channels.*.*.curve": {"source": "Our guess", "grade": "assumption", "as_of": "2026-11"},
        "funnel.value": {"source": "Finance", "grade": "A", "as_of": "2026"},
    },
}  # fmt: skip

# Names that break pages, figures and spreadsheets that trust them.
NASTY = (
    "</script><b>x",
    'R&D "A"',
    "=cmd|'/c calc'!A1",
    "\u202egnp\u2028x",
    "<img src=x onerror=1>",
)


def plan(without: tuple[str, ...] = (), today: bool = True, **changes: Any) -> Plan:
    document = {k: v for k, v in {**DOCUMENT, **changes}.items() if k not in without}
    if not today:
        document["channels"] = {
            channel: {
                role: {key: value for key, value in line.items() if key != "current"}
                for role, line in lines.items()
            }
            for channel, lines in document["channels"].items()
        }
    return from_document(document)


def nasty_plan() -> Plan:
    channels = {
        name: {
            role: {"curve": {"kind": "log", "scale": 1_000 + 100 * i, "unit": 10_000},
                   "current": 100_000}
            for role in ("brand", "traffic")
        }
        for i, name in enumerate(NASTY)
    }  # fmt: skip
    return from_document({
        "name": '</title><script>alert(1)</script> "R&D" \u202e', "business": "b2b",
        "currency": "USD", "budget": 1_000_000, "value": 100, "objective": {"kind": "revenue"},
        "channels": channels,
        "constraints": {"<i>cap</i>": {"kind": "spend", "where": NASTY[0], "at_most": 150_000}},
        "origins": {"value": {"source": "<script>alert(2)</script>", "note": "</script>"}},
    })  # fmt: skip


@cache
def answer() -> Allocation:
    return optimize(plan())


@cache
def analyses() -> tuple[Any, ...]:
    allocation = answer()
    asked = allocation.plan
    cut = optimize(replace_at(asked, "budget", 8_000_000))
    return (
        rule_prices(allocation, ranges=True, costs=True),
        budget_sweep(asked, n=5),
        split_sweep(asked, n=5),
        tornado(asked, top=8),
        compare({"Base": allocation, "Cut <b>": cut}),
    )
