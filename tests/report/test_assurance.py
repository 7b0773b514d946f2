"""The sections of doubt: what stands in them, in both languages, and where they are left out."""

import numpy as np
import pytest

import optimizer as opt
from optimizer.report.charts import gain_bars
from tests.analysis.test_certainty import SLUMP, small


@pytest.fixture(scope="module")
def analyses():
    best = opt.optimize(small(4, states={"slump": SLUMP}, draws=128))
    found = opt.certainty(best)
    return best, found, opt.information(found)


def test_both_sections_stand_in_both_languages(analyses):
    best, found, known = analyses
    page = opt.render(best, found, known)
    for lang in ("en", "zh"):
        for section in ("sure", "test"):
            assert f'id="{section}-section-{lang}"' in page
    assert "In 9 of 10 worlds profit is between" in page
    assert "10 种可能情况中有 9 种" in page
    assert "If slump turns out to be true" in page
    assert "128 worlds were drawn (seed 1)" in page


def test_without_uncertainty_there_is_neither():
    best = opt.optimize(opt.load("minimal"))
    page = opt.render(best, *opt.overview(best))
    assert 'id="sure-section-en"' not in page
    assert 'id="test-section-en"' not in page


def test_the_overview_of_an_uncertain_plan_has_both(analyses):
    best, *_ = analyses
    kinds = {type(one) for one in opt.overview(best)}
    assert {opt.Certainty, opt.Information} <= kinds


def test_bars_of_gains_hold_every_world():
    rng = np.random.default_rng(0)
    gain, weight = rng.normal(3.0, 10.0, 1000), np.full(1000, 1e-3)
    bars = gain_bars(gain, weight)
    assert sum(share for *_, share in bars) == pytest.approx(100.0)
    losses = sum(share for _, high, share in bars if high <= 1e-9)
    assert losses == pytest.approx(100 * np.mean(gain < 0))
    assert gain_bars(np.zeros(4), np.full(4, 0.25)) == [(0.0, 0.0, 100.0)]
