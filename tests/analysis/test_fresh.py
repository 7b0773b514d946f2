"""A hedged plan in worlds that it has not seen."""

from dataclasses import replace

import numpy as np
import pytest

import optimizer as opt
from optimizer.errors import PlanError
from optimizer.worlds import Worlds
from tests.solvers.test_hedging import small


def test_a_hedge_is_judged_by_worlds_it_has_not_seen() -> None:
    best = opt.optimize(replace(small(7, draws=32), risk=opt.CVaR(0.8)))
    found = opt.out_of_sample(best, draws=512)
    rows = found.frame.set_index(["plan", "draws"])
    assert rows.loc[("hedged", "own"), "value"] == pytest.approx(best.objective)
    assert rows.loc[("hedged", "own"), "value"] >= rows.loc[("stated", "own"), "value"]
    own = best.plan.uncertainty
    assert own is not None
    fresh = Worlds.of(replace(best.plan, uncertainty=replace(own, seed=own.seed + 1, draws=512)))
    for name, spend in (("hedged", best.spend), ("stated", found.stated.spend)):
        values = fresh.values(spend)
        assert rows.loc[(name, "anew"), "expected"] == pytest.approx(values.mean())
        assert rows.loc[(name, "anew"), "worst"] == pytest.approx(
            np.sort(values)[:51].sum() / 51.2 + np.sort(values)[51] * 0.2 / 51.2
        )
    assert (
        found.gain == rows.loc[("hedged", "anew"), "value"] - rows.loc[("stated", "anew"), "value"]
    )


def test_a_hedge_made_for_two_worlds_may_lose_and_that_is_told() -> None:
    gains = [
        opt.out_of_sample(
            opt.optimize(replace(small(seed, draws=2), risk=opt.CVaR(0.9, 0.1))), draws=256
        ).gain
        for seed in range(4)
    ]
    assert min(gains) < 0


def test_what_is_not_hedged_or_not_fresh_is_refused() -> None:
    with pytest.raises(PlanError, match="no attitude to risk"):
        opt.out_of_sample(opt.optimize(small(7, draws=16)))
    best = opt.optimize(replace(small(7, draws=16), risk=opt.Expected()))
    with pytest.raises(PlanError, match="the plan's own"):
        opt.out_of_sample(best, seed=1)
