"""How sure a plan is: bands, gains, draws that are solved anew, and their store."""

import json
from dataclasses import replace

import numpy as np
import pytest

import optimizer as opt
from optimizer.allocation import evaluate
from optimizer.analysis.bands import band, quantiles
from optimizer.analysis.certainty import certainty, with_spread
from optimizer.analysis.redrawing import first_of, redraw
from optimizer.compiling import compile_plan
from optimizer.errors import PlanError
from optimizer.plan.document import from_document, replace_at, to_document
from optimizer.plan.uncertainty import Range, State, Uncertainty
from optimizer.solvers import solve
from optimizer.solvers.solution import Options
from optimizer.solvers.together import best_of_each, suits
from optimizer.worlds import Worlds

FACTORS = Range((0.7, 1.4), times=True)
SLUMP = State(0.2, {"channels.*.*.value": "*0.7"})


def small(n=4, steepness=1.0, **given):
    """Concave lines under a split, their ceilings and halves uncertain."""
    rng = np.random.default_rng(n)
    lines = tuple(
        opt.Line(
            f"c{i}",
            opt.Hill(float(rng.uniform(1e4, 6e4)), float(rng.uniform(5e4, 3e5)), steepness),
            role="brand" if i % 2 else "traffic",
            value=20.0,
            current=1e5,
            maximum=4e5,
        )
        for i in range(n)
    )
    numbers = {"channels.*.*.curve.ceiling": FACTORS, "channels.*.*.curve.half": FACTORS}
    plan = opt.Plan(
        "small",
        lines,
        budget=1e5 * n,
        objective=opt.Profit(),
        constraints=(opt.Split({"brand": 0.6, "traffic": 0.4}, tolerance=0.1),),
    )
    return replace(plan, uncertainty=Uncertainty(numbers, **given))


def in_world(plan, worlds, s):
    """The plan of one world, made from its document."""
    own, states = replace(plan, uncertainty=None), [*plan.uncertainty.states.values()]
    for path, drawn in worlds.numbers.items():
        own = replace_at(own, path, float(drawn[s]))
    if worlds.state[s] >= 0:
        for path, value in states[worlds.state[s]].set.items():
            own = replace_at(own, path, value)
    return from_document(to_document(own))


@pytest.mark.parametrize("name", ["b2b", "b2c"])
def test_worlds_are_read_as_their_plans_are(name):
    plan = opt.load(name)
    numbers = {"channels.*.*.curve.average_return": FACTORS}
    states = {}
    if name == "b2b":
        numbers |= {"funnel.rates.mql": Range((0.08, 0.13)), "funnel.capacity.mql": FACTORS}
        states = {"slump": State(0.25, {"funnel.value.deal": "*0.7"})}
    plan = replace(plan, uncertainty=Uncertainty(numbers, states=states, draws=8))
    worlds = Worlds.of(plan, counted=True)
    spend = 1.3 * worlds.problem.grid.current
    found = worlds.read(spend)
    for s in range(8):
        own = evaluate(in_world(plan, worlds, s), spend)
        assert found.objective[s] == pytest.approx(own.objective, rel=1e-9)
        assert found.money[s] == pytest.approx(own.by_period["value"].sum(), rel=1e-9)
        np.testing.assert_allclose(found.line_outcomes[s], own.outcomes, rtol=1e-9)
        stages = own.by_stage.groupby("stage", sort=False)["followed_up"].sum()
        for stage, units in stages.items():
            assert found.stages[stage][s] == pytest.approx(units, rel=1e-9)
        flows = own.problem.grid.flows
        earned = flows.earned(own.terms, own.columns).sum(axis=1)[:-1]
        np.testing.assert_allclose(found.line_money[s], earned, rtol=1e-9)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("steepness", "gap"), [(1.0, 1e-9), (2.0, 1e-6), (4.0, 1e-6)])
def test_worlds_solved_together_are_solved(steepness, gap, seed):
    plan = small(6, steepness, states={"slump": SLUMP}, draws=64, seed=seed)
    worlds = Worlds.of(plan)
    assert suits(worlds)
    found = best_of_each(worlds, opt.optimize(plan).spend, gap=gap)
    proven = np.flatnonzero(found.proven(gap))
    assert len(proven) >= 48
    for s in proven[::8]:
        problem = compile_plan(in_world(plan, worlds, s))
        assert problem.feasible(found.spend[s])
        assert problem.value(found.spend[s]) == pytest.approx(found.value[s], rel=1e-9)
        answer = solve(problem, Options(1e-8))
        assert found.value[s] == pytest.approx(answer.value, rel=max(gap, 1e-7))
        assert answer.value <= found.bound[s] * (1 + 1e-9)


@pytest.mark.parametrize("searched_alone", [False, True])
def test_any_number_of_processes_finds_the_same(searched_alone):
    plan = small(4, 2.0, draws=48)
    if searched_alone:
        stairs = opt.Points((0.0, 1e5, 2e5, 4e5), (0.0, 1e4, 3e4, 4e4))
        plan = replace(
            plan, lines=(*plan.lines, opt.Line("stairs", stairs, role="brand", value=20.0))
        )
    best = opt.optimize(plan)
    worlds = Worlds.of(plan)
    assert suits(worlds) != searched_alone
    one, two = (redraw(worlds, best, jobs=jobs) for jobs in (1, 2))
    np.testing.assert_array_equal(one.spend, two.spend)
    np.testing.assert_array_equal(one.value, two.value)
    assert one.proven(1e-6).all()


class KilledError(Exception):
    """The search was ended from outside."""


@pytest.mark.parametrize("alone", [True, False])
def test_a_killed_search_goes_on_where_it_was(tmp_path, monkeypatch, alone):
    from optimizer.analysis import redrawing

    if alone:
        monkeypatch.setattr(redrawing, "suits", lambda _: False)
    monkeypatch.setattr(redrawing, "_TOGETHER", 16)
    plan = small(4, 2.0, draws=64)
    best, worlds, store = opt.optimize(plan), Worlds.of(plan), tmp_path / "draws"
    whole = redraw(worlds, best)

    def stop(done, _):
        if done >= 32:
            raise KilledError

    with pytest.raises(KilledError):
        redraw(worlds, best, store=store, progress=stop)
    # The machine may die while a line is written: what is half there is not read.
    with store.open("a") as file:
        file.write('00000000 {"first":32,"spend"')
    solved = []
    name, steps = ("solve", 32) if alone else ("best_of_each", 2)
    search = getattr(redrawing, name)
    monkeypatch.setattr(
        redrawing, name, lambda *a, **named: solved.append(1) or search(*a, **named)
    )
    again = redraw(worlds, best, store=store)
    assert len(solved) == steps
    np.testing.assert_array_equal(again.spend, whole.spend)
    np.testing.assert_array_equal(again.bound, whole.bound)
    solved.clear()
    np.testing.assert_array_equal(redraw(worlds, best, store=store).value, whole.value)
    assert not solved


def test_a_store_of_another_question_is_refused(tmp_path):
    plan, store = small(4, draws=16), tmp_path / "draws"
    best = opt.optimize(plan)
    redraw(Worlds.of(plan), best, store=store)
    other = small(4, draws=16, seed=2)
    with pytest.raises(PlanError, match="another plan"):
        redraw(Worlds.of(other), best, store=store)


def test_two_worlds_by_hand():
    # Profit of a straight line is (value · rate − 1) · budget: 3 in one world, −1 in the other.
    line = opt.Line("a", opt.Linear(1.0), value=2.0, current=50.0, minimum=100.0)
    plan = opt.Plan("two", (line,), budget=100.0, objective=opt.Profit())
    plan = replace(
        plan, uncertainty=Uncertainty({"channels.a.value": Range(draws=(4.0, 0.5))}, draws=256)
    )
    found = certainty(opt.optimize(plan), switching=False)
    first = found.bands.iloc[0]
    assert first["what"] == "objective"
    assert first["mean"] == pytest.approx((300 - 50) / 2, abs=1e-6)
    assert (first["p5"], first["p95"]) == pytest.approx((-50, 300))
    # Today's 50 gain half of that in either world: better in every second one.
    assert found.gain.chance == pytest.approx(0.5)
    assert found.gain.band["mean"] == pytest.approx((300 - 50) / 4, abs=1e-6)
    assert not found.gain.is_clear


def test_bands_hold_as_many_worlds_drawn_anew_as_they_say():
    plan = small(4)
    best = opt.optimize(plan)
    found = certainty(best, switching=False)
    assert found.automatic
    assert found.stable
    anew = Worlds.of(replace(plan, uncertainty=replace(plan.uncertainty, seed=77)), 4096)
    row = found.bands.iloc[0]
    values = anew.values(best.spend)
    assert np.mean((values >= row["p5"]) & (values <= row["p95"])) == pytest.approx(0.9, abs=0.02)
    assert np.mean((values >= row["p25"]) & (values <= row["p75"])) == pytest.approx(0.5, abs=0.03)
    assert values.mean() == pytest.approx(row["mean"], abs=6 * row["error"])
    gain = values - anew.values(best.today.spend)
    assert np.mean(gain > 0) == pytest.approx(found.gain.chance, abs=0.03)


def test_the_optimum_of_no_world_is_below_the_plan():
    found = certainty(opt.optimize(small(4, draws=128)), switching=False)
    assert np.all(found.optima.value >= found.few.values(found.allocation.spend))
    assert found.solved == 128
    assert found.lines["best_p5"].le(found.lines["best_p95"]).all()
    assert found.lines["best_mean"].sum() == pytest.approx(found.plan.budget, rel=1e-6)


def test_a_switching_point_switches():
    plan = small(4, draws=64)
    found = certainty(opt.optimize(plan))
    known = found.switching.dropna()
    assert len(known)
    for row in known.itertuples():
        assert row.spend_line <= row.spend_other
        stays = plan
        path = f"channels.{row.line}.curve.ceiling"
        stays = replace_at(replace(plan, uncertainty=None), path, f"*{1 - row.fall + 0.02:.6f}")
        spend = opt.optimize(stays).by_line.set_index("line")["spend"]
        assert spend[row.line] > spend[row.other]


def test_a_rival_view_costs_what_its_own_best_plan_has_more():
    plan = small(4, states={"slump": SLUMP}, draws=64)
    best = opt.optimize(plan)
    rival = replace_at(plan, "channels.c0.traffic.curve.ceiling", "*0.5")
    dearer = replace(plan, budget=9e5)
    found = certainty(best, {"rival": rival, "dearer": dearer}, switching=False).views
    assert found["view"].tolist() == ["slump", "rival"]  # with more money it is another question
    own = opt.optimize(replace(rival, uncertainty=None))
    kept = own.problem.value(best.spend)
    row = found.iloc[1]
    assert row["regret"] == pytest.approx(own.objective - kept, rel=1e-3)
    assert row["regret"] > 0


def test_a_spread_is_stated_for_every_line():
    plan = with_spread(opt.load("b2b"), 0.2)
    assert len(plan.uncertainty.numbers) == len(plan.lines)
    worlds = Worlds.of(plan, 1024)
    drawn = worlds.numbers["channels.search.traffic.curve.average_return"] / 0.1845
    inside = (drawn > 1 / 1.2) & (drawn < 1.2)
    assert inside.mean() == pytest.approx(0.8, abs=0.01)
    with pytest.raises(PlanError, match="no spread"):
        with_spread(plan, 0)


def test_states_keep_their_chances_in_the_first_worlds():
    worlds = Worlds.of(small(4, states={"slump": SLUMP}, draws=100))
    few = first_of(worlds, 16)
    assert few.weight[few.state == 0].sum() == pytest.approx(0.2)
    assert few.weight.sum() == pytest.approx(1.0)


def test_quantiles_weigh():
    values, weight = np.array([3.0, 1.0, 2.0]), np.array([0.2, 0.6, 0.2])
    assert quantiles(values, weight, (0.3, 0.7)) == pytest.approx([1.0, 2.0])
    assert np.isnan(band(np.full(16, np.nan), np.ones(16))["mean"])


def test_the_store_is_text_with_checksums(tmp_path):
    plan, store = small(4, draws=16), tmp_path / "draws"
    redraw(Worlds.of(plan), opt.optimize(plan), store=store)
    head, *lines = store.read_text().splitlines()
    assert json.loads(head.split(" ", 1)[1])["schema"] == "adsplit.store/1"
    assert len(lines) == 1


def test_every_row_of_a_list_is_a_world():
    """A fitted model's rows come once each, so that means over draws are means over rows."""
    import optimizer as opt
    from optimizer.worlds import Worlds

    rng = np.random.default_rng(5)
    rows = rng.uniform(0.5, 2.0, 75)
    plan = opt.loads(
        "name: Rows\nbudget: 100\nvalue: 1\nobjective: revenue\nchannels:\n"
        "  tv: {curve: {kind: linear, rate: 1}}\n"
        "  web: {curve: {kind: log, scale: 50, unit: 20}}\n"
    )
    doubt = opt.Uncertainty.of_table({"channels.tv.curve.rate": rows})
    worlds = Worlds.of(replace(plan, uncertainty=doubt))
    assert worlds.n == 75
    np.testing.assert_allclose(np.sort(worlds.numbers["channels.tv.curve.rate"]), np.sort(rows))
    values = worlds.values(np.array([60.0, 40.0]))
    by_hand = rows.mean() * 60 + 50 * np.log1p(2)
    assert float(worlds.weight @ values) == pytest.approx(by_hand)
