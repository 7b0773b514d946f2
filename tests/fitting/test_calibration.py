"""Known truths come back; what the data do not say is refused or told."""

from dataclasses import replace

import numpy as np
import pytest

import optimizer as opt
from optimizer.errors import CalibrationError
from optimizer.fitting.calibration import fit
from optimizer.fitting.diagnosis import DOUBT
from optimizer.fitting.mapping import LiftTest
from optimizer.fitting.shapes import exposure

from .worlds import known_panel, known_world


@pytest.fixture(scope="module")
def fits():
    """A few worlds and their fits."""
    worlds = [known_world(seed) for seed in range(6)]
    return [(world, fit(world.history)) for world in worlds]


def keys(made):
    return {remark.key for remark in made.remarks}


def changed(world, **stated):
    """The same history with another map."""
    return replace(world.history, map=replace(world.history.map, **stated))


def test_true_effects_lie_in_the_ranges_about_as_often_as_they_say(fits):
    inside = [
        line.brought[0] <= truth <= line.brought[2]
        for world, made in fits
        for line, truth in zip(made.lines, world.brought(), strict=True)
    ]
    # 18 ranges of 80 %: fewer than 11 would come once in 60 times.
    assert sum(inside) >= 11


def test_curves_and_carryover_are_near_the_truth(fits):
    off, left = [], []
    for world, made in fits:
        for index, line in enumerate(made.lines):
            spend = np.array([0.5, 1.0, 1.5]) * world.history.total_spend[index].mean()
            middle = made.outcome(index, spend)[1]
            off += list(np.abs(middle / world.outcome(index, spend) - 1))
            left.append(abs(line.numbers.retention - world.retention[index]))
    assert np.median(off) < 0.35
    assert np.median(left) < 0.1


def test_held_out_periods_are_foretold_better_than_without_spend(fits):
    better = [made.foretold.error < made.foretold.without_spend for _, made in fits]
    assert sum(better) >= 4


@pytest.mark.parametrize("kind", ["exponential", "logistic", "log"])
def test_other_kinds_of_curve(kind):
    world = known_world(3, kind=kind, lines=2)
    made = fit(world.history)
    assert {line.curve.kind for line in made.lines} == {kind}
    ratio = np.array([line.brought[1] for line in made.lines]) / world.brought()
    assert np.all((ratio > 0.5) & (ratio < 2.0))


def test_the_same_seed_gives_the_same_draws_and_another_others():
    history = known_world(0, lines=2).history
    one, two, other = fit(history), fit(history), fit(history, seed=2)
    assert one.draws.equals(two.draws)
    assert not one.draws.equals(other.draws)
    assert one.frame[["curve", "marginal_return"]].equals(other.frame[["curve", "marginal_return"]])


def test_the_unit_of_money_and_outcomes_does_not_matter():
    history = known_world(1, lines=2).history
    plain = fit(history)
    scaled = fit(replace(history, outcome=history.outcome * 1e6, spend=history.spend * 1e3))
    for a, b in zip(plain.lines, scaled.lines, strict=True):
        assert b.back[1] == pytest.approx(a.back[1] * 1e3, rel=0.01)
        assert b.numbers.retention == pytest.approx(a.numbers.retention, abs=0.01)


def test_a_hidden_cause_is_told_and_as_a_control_it_is_not():
    """Strong: the first line's spend doubles and halves with a demand that moves outcomes."""
    hidden = known_world(5, hidden=0.9, told=False, lines=2)
    # Demand weighs more here than in the other worlds.
    rng = np.random.default_rng(5)
    rng.uniform(20, 100, 2)
    demand = rng.standard_normal(hidden.history.n)
    history = replace(hidden.history, outcome=hidden.history.outcome + 120 * demand)
    blind = fit(history)
    assert {"fit.no_controls", "fit.at_once"} <= keys(blind)
    assert blind.lines[0].grade == "C"
    # It gets no more than today's, which is said, and nothing is said of spend never seen.
    assert blind.lines[0].limits == (0.5 * blind.lines[0].current, blind.lines[0].current)
    assert "fit.capped" in {r.key for r in blind.remarks if r.line == blind.lines[0].name}
    # An experiment lifts that.
    name = blind.lines[0].name
    test = LiftTest(2 * blind.lines[0].current, 100.0, 10.0, blind.lines[0].current, 4, name)
    tested = fit(replace(history, map=replace(history.map, tests=(test,))))
    assert tested.lines[0].limits[1] >= 2 * tested.lines[0].current
    told = {r.key for r in tested.remarks if r.line == name}
    assert told & set(DOUBT)
    assert "fit.capped" not in told
    seen = fit(
        replace(
            history,
            controls={"demand": demand[None]},
            map=replace(history.map, controls=("demand",)),
        )
    )
    assert not keys(seen) & {"fit.no_controls", "fit.at_once", "fit.lags"}
    truth = hidden.brought()[0]
    assert abs(seen.lines[0].brought[1] / truth - 1) < abs(blind.lines[0].brought[1] / truth - 1)


def test_a_line_that_the_data_do_not_tell_is_held():
    world = known_world(2, lines=2)
    rng = np.random.default_rng(0)
    tiny = 1e-4 * rng.uniform(1, 2, world.history.n)
    spend = np.concatenate([world.history.spend[:1], tiny[None, None]])
    history = replace(world.history, spend=spend)
    made = fit(history)
    assert [line.held for line in made.lines] == [False, True]
    assert made.lines[1].grade == "assumption"


def test_plans_beyond_what_was_seen_are_told():
    made = fit(changed(known_world(0), moves=(0.5, 5.0)))
    free = [line for line in made.lines if line.limits[1] > line.current]
    told = {r.line: r.slots["plan"] for r in made.remarks if r.key == "fit.beyond"}
    assert told == {line.name: line.limits[1] for line in free}
    assert free
    usual = fit(changed(known_world(0), moves=(0.5, 1.1)))
    assert "fit.beyond" not in keys(usual)


def test_where_nothing_is_told_the_fit_is_refused():
    world = known_world(2, lines=2)
    rng = np.random.default_rng(0)
    noise = 1000 * (1 + 0.5 * rng.standard_normal(world.history.n))
    spend = 1e-6 * world.history.spend
    with pytest.raises(CalibrationError, match="does not say what it brings"):
        fit(replace(world.history, outcome=noise[None], spend=spend))


def test_what_cannot_be_fitted_is_told_at_once():
    world = known_world(0, lines=3)
    spend = world.history.spend.copy()
    spend[1] = 5.0
    spend[2] = 0.0
    with pytest.raises(CalibrationError) as caught:
        fit(replace(world.history, spend=spend))
    told = str(caught.value)
    assert "never varied" in told
    assert "no money was ever spent" in told


def test_lines_that_move_as_one_are_refused():
    world = known_world(0, lines=3)
    spend = world.history.spend.copy()
    spend[1] = 2 * spend[0]
    with pytest.raises(CalibrationError, match="moves as one with that of search"):
        fit(replace(world.history, spend=spend))
    spend[1] = world.history.spend[1]
    spend[2] = spend[0] + spend[1]
    with pytest.raises(CalibrationError, match="sum of others"):
        fit(replace(world.history, spend=spend))


def test_a_short_history_is_refused():
    with pytest.raises(CalibrationError, match="too few"):
        fit(known_world(0, n=30).history)


def test_a_lift_test_sharpens_its_line():
    world = known_world(7, noise=0.08, lines=2)
    plain = fit(world.history)
    base = float(world.history.total_spend[0].mean())
    left = float(world.retention[0])
    steps = 1 - left ** np.arange(1, 9)
    lift = (world.outcome(0, base + base * steps) - world.outcome(0, base)).sum()
    test = LiftTest(2 * base, float(lift), 0.05 * float(lift), base, 8, world.history.lines[0].name)
    made = fit(changed(world, tests=(test,)))
    truth = world.outcome(0, np.array([2 * base]))[0] - world.outcome(0, np.array([base]))[0]

    def rise(found):
        return found.outcome(0, np.array([base, 2 * base]))[1] @ [-1, 1]

    assert abs(rise(made) / truth - 1) < 0.15
    assert abs(rise(made) - truth) <= abs(rise(plain) - truth)
    assert made.lines[0].grade == "A"


def test_a_judged_curve_moves_towards_a_test():
    judged = opt.Hill(1000.0, 100.0, 1.0)
    truth = opt.Hill(600.0, 100.0, 1.0)
    lift = float(truth.outcome(np.array([200.0]))[0] - truth.outcome(np.array([100.0]))[0])
    test = opt.LiftTest(200.0, lift, 0.05 * lift, 100.0)
    found = opt.sharpen(judged, [test])
    assert found.before[0] > lift * 1.5
    assert found.after[0] == pytest.approx(lift, rel=0.05)
    low, high = np.quantile(found.draws["ceiling"], [0.1, 0.9])
    assert low < found.curve.ceiling < high < 1000 * np.exp(0.5 * 1.2816)
    with pytest.raises(CalibrationError, match="no test"):
        opt.sharpen(judged, [])


def test_carryover_keeps_a_steady_spend():
    assert exposure(np.full(20, 7.0), 0.6) == pytest.approx(np.full(20, 7.0))
    pulse = exposure(np.array([0.0, 0, 0, 0, 10, 0, 0]), 0.5)
    assert pulse[4:].tolist() == pytest.approx([5.0, 2.5, 1.25])


def test_places_give_the_curve_of_the_whole():
    """Two places, one three times the other, are one place four times as large."""
    world = known_world(4, lines=2)
    history = world.history
    shares = np.array([0.25, 0.75])
    split = replace(
        history,
        outcome=shares[:, None] * history.outcome,
        spend=shares[None, :, None] * history.spend,
        controls={name: np.repeat(v, 2, 0) for name, v in history.controls.items()},
        places=("small", "large"),
        size=shares,
    )
    whole, parts = fit(history), fit(split)
    for a, b in zip(whole.lines, parts.lines, strict=True):
        assert b.current == pytest.approx(a.current)
        assert b.back[1] == pytest.approx(a.back[1], rel=0.15)


def test_what_moves_all_places_alike_is_told_from_what_moves_each():
    worlds = [known_panel(seed, lines=2) for seed in range(5)]
    fits = [fit(world.history) for world in worlds]
    for made in fits:
        noise = made.best.noise
        # Weighed by size, noise of 5 % in all of six places is that of one 2.45 times as wide.
        assert noise.sigma * made.model.scale == pytest.approx(20.0, rel=0.2)
        assert noise.shared == pytest.approx(0.05 / 0.02 * np.sqrt(6), rel=0.3)
        # Outcomes foretold unseen: four in five of 31 would leave fewer than half once in 10,000.
        assert made.foretold.inside > 0.5
    inside = [
        line.brought[0] <= truth <= line.brought[2]
        for world, made in zip(worlds, fits, strict=True)
        for line, truth in zip(made.lines, world.brought(), strict=True)
    ]
    assert sum(inside) >= 5  # of ten ranges of 80 %: fewer would come once in 150 times
    width = [line.brought[2] / line.brought[0] for made in fits for line in made.lines]
    assert np.median(width) < 2.0


def test_places_that_move_by_themselves_share_nothing():
    history = known_panel(3, lines=2, shared=0.0).history
    assert fit(history).best.noise.shared < 1.5


def test_a_fit_prints_as_a_table_and_sentences(fits):
    _, made = fits[0]
    shown = str(made).splitlines()
    assert "3 lines from 156 weeks" in shown[0]
    assert shown[2].split()[:3] == ["line", "current", "return"]
    rows = {line.split()[0]: float(line.split()[2]) for line in shown[3:6]}
    assert rows == {line.name: pytest.approx(line.back[1], abs=0.01) for line in made.lines}
    assert shown[-1].startswith("A calibration, not a mix model")
