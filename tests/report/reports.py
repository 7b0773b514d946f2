"""Plans and answers that the report's tests share."""

from __future__ import annotations

from functools import cache
from typing import Any

from optimizer.allocation import Allocation
from optimizer.analysis.certainty import certainty
from optimizer.analysis.comparison import compare
from optimizer.analysis.explorer import Explorer, explore
from optimizer.analysis.horizon import horizon_sweep
from optimizer.analysis.information import information
from optimizer.analysis.prices import rule_prices
from optimizer.analysis.sweep import budget_sweep, split_sweep
from optimizer.analysis.tornado import tornado
from optimizer.analysis.variations import Failed
from optimizer.errors import Infeasible
from optimizer.plan.document import from_document, replace_at
from optimizer.plan.plan import Plan
from optimizer.solving import optimize

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


TIMED: dict[str, Any] = {
    "name": "Cloud <b>accounting</b>",
    "business": "b2b",
    "currency": "CNY",
    "budget": 2_400_000,
    "objective": {"kind": "profit", "margin": 0.7},
    "periods": {"start": "2027-10", "count": 6, "horizon": 10, "discount": 0.05},
    "funnel": {
        "stages": ["visit", "lead", "deal"],
        "rates": {"visit": 0.1, "lead": 0.2},
        "delays": {"lead": 1},
        "capacity": {"lead": 180},
        "value": {"deal": 40_000},
    },
    "goodwill": {"half_life": 4, "outcome": "lead",
                 "curve": {"kind": "log", "scale": 60, "unit": 60_000}},
    "channels": {
        "search & <i>find</i>": {
            "brand": {"curve": {"kind": "log", "scale": 400, "unit": 40_000}, "outcome": "visit",
                      "current": 60_000, "blackout": ["2028-01"], "observed": 80_000},
            "traffic": {"curve": {"kind": "log", "scale": 1_500, "unit": 90_000},
                        "outcome": "visit", "current": 200_000,
                        "locked_in": {"2027-10": 150_000}},
        },
        "video": {
            "brand": {"curve": {"kind": "log", "scale": 500, "unit": 80_000}, "outcome": "visit",
                      "current": 90_000, "maximum": 250_000,
                      "carryover": {"kind": "geometric", "half_life": 1}},
            "traffic": {"curve": {"kind": "log", "scale": 90, "unit": 90_000}, "outcome": "lead",
                        "current": 40_000},
        },
    },
    "constraints": {
        "pipe": {"kind": "target", "outcome": "deal", "at_least": 150},
        "steady": {"kind": "pacing", "max_change": 0.5, "per": "channel"},
    },
}  # fmt: skip
"""Six months with all that a plan over time may have."""


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
        *doubts(),
        explored(),
    )


@cache
def doubts() -> tuple[Any, ...]:
    """How sure the plan is, and what to test."""
    uncertainty = {
        "numbers": {
            "channels.*.*.curve.ceiling": {"between": ["*0.7", "*1.4"]},
            "funnel.rates.lead": {"between": [0.15, 0.22]},
        },
        "states": {"slump <i>": {"chance": 0.2, "set": {"funnel.value.deal": "*0.6"}}},
        "draws": 64,
    }
    sure = certainty(optimize(plan(uncertainty=uncertainty)))
    return sure, information(sure)


@cache
def explored() -> Explorer:
    """Points to turn to: a cut, a dearer market, and one that cannot keep its floor."""
    own = plan()
    return explore(
        answer(),
        {
            "cut <b>": optimize(replace_at(own, "budget", 8_000_000)),
            "dear_clicks": optimize(replace_at(own, "channels.search.*.price", 1.4)),
            "too_much": _without_answer(
                replace_at(own, "constraints.social floor.at_least", 9_900_000)
            ),
        },
    )


def _without_answer(asked: Plan) -> Allocation | Failed:
    try:
        return optimize(asked)
    except Infeasible as error:
        return Failed(asked, error)


@cache
def timed_answer() -> Allocation:
    """The answer to ``TIMED``."""
    return optimize(from_document(TIMED))


@cache
def timed_analyses() -> tuple[Any, ...]:
    """What the report of ``TIMED`` shows beside the plan."""
    return (
        rule_prices(timed_answer(), costs=True),
        horizon_sweep(timed_answer().plan, [6, 12, 24]),
    )
