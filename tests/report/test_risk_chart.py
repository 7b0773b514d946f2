"""The chart of what safety costs states the frontier's figures."""

from dataclasses import replace

import pytest

import optimizer as opt
from optimizer.plan.uncertainty import Range, Uncertainty
from optimizer.report.charts import risk_frontier
from optimizer.report.view import View


@pytest.fixture(scope="module")
def found():
    numbers = {"channels.*.*.curve.average_return": Range((0.7, 1.4), times=True)}
    plan = replace(opt.load("minimal"), uncertainty=Uncertainty(numbers, draws=64))
    return opt.frontier(plan, weights=(0, 0.5, 1))


@pytest.mark.parametrize(("lang", "words"), [("en", "worst 10%"), ("zh", "最差 10%")])
def test_the_frontier_is_drawn_from_the_bold_to_the_safe(found, lang, words):
    drawn = risk_frontier(View(found.allocations[-1], lang), found).to_plotly_json()
    line, stated = drawn["data"]
    assert stated["x"][0] <= max(line["x"]) * (1 + 1e-6)
    assert line["x"] == pytest.approx(list(found.frame["worst"]), rel=1e-5)
    assert line["y"] == pytest.approx(list(found.frame["expected"]), rel=1e-5)
    assert words in drawn["layout"]["xaxis"]["title"]["text"]
    assert len(line["customdata"]) == 3


def test_a_page_says_what_its_value_is(found):
    page = opt.render(found.allocations[-1])
    assert "Profit, under risk" in page
    assert "Over 64 draws of what is uncertain" in page
