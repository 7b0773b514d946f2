"""The check of an answer from outside: what is true passes, what was changed does not."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import optimizer as opt
from optimizer.analysis.answer import answer
from optimizer.analysis.proofs import as_parts, as_tree
from optimizer.analysis.verification import check_claim, read_claim
from optimizer.certificate import verify
from optimizer.errors import PlanError, SolveError
from optimizer.measuring import fingerprint
from optimizer.plan.document import from_document
from optimizer.sources.scenario import builtin_names, read_scenario
from tests.strategies import plans


def checked(result, scenario=None):
    return check_claim(read_claim(json.dumps(result)), scenario)


def broken(result, scenario=None):
    """Which checks of a result fail."""
    return {check.key for check in checked(result, scenario).checks if check.holds is False}


def two_curves(*rules):
    """Two S-curves that cannot both take off: the proof divides."""
    return opt.Plan(
        "two",
        (
            opt.Line("a", opt.Hill(100.0, 50.0, 4.0), value=1.0),
            opt.Line("b", opt.Hill(100.0, 55.0, 4.0), value=1.0),
        ),
        budget=80.0,
        objective=opt.Revenue(),
        constraints=rules,
    )


def one_period():
    """Eight lines of one period, an S-curve among them."""
    return opt.load(Path(__file__).parent / "one_period.yaml")


@pytest.fixture(scope="module")
def solved():
    """Results to tamper with: a proof of prices, one of divisions, one of switches."""
    plans_ = {
        "one period": one_period(),
        "least": opt.reaching(one_period(), {"lead": 3000.0}),
        "tree": two_curves(opt.ActiveLines(at_most=2)),
    }
    return {name: answer(opt.optimize(plan, gap=1e-6)) for name, plan in plans_.items()}


@pytest.fixture(params=["one period", "least", "tree"])
def result(solved, request):
    return copy.deepcopy(solved[request.param])


def test_a_true_result_holds(result):
    found = checked(result)
    assert found.holds, [check.faults for check in found.checks]
    assert found.bound is not None
    assert found.gap <= 2e-6


@pytest.mark.parametrize("name", builtin_names())
def test_true_results_of_the_built_ins_and_their_what_ifs_hold(name):
    scenario = read_scenario(name)
    for what_if in [(), *((word,) for word in scenario.what_ifs)]:
        plan = scenario.plan(what_if)
        try:
            best = opt.optimize(plan)
        except SolveError:
            continue
        found = checked(answer(best), plan)
        assert found.holds, (what_if, [check.faults for check in found.checks])
        assert all(check.holds for check in found.checks)


def test_a_result_stopped_by_time_holds():
    rng = np.random.default_rng(0)
    lines = tuple(
        opt.Line(
            f"c{i}",
            opt.Hill(float(rng.uniform(50, 150)), float(rng.uniform(20, 200)), 4.0),
            value=1.0,
        )
        for i in range(60)
    )
    rule = opt.Spend(["c1", "c2", "c3"], at_most=31.0)
    plan = opt.Plan("slow", lines, budget=1000.0, objective=opt.Revenue(), constraints=(rule,))
    best = opt.optimize(plan, gap=1e-15, time_limit=0.3)
    assert best.status == "stopped"
    found = checked(answer(best), plan)
    assert found.holds, [check.faults for check in found.checks]
    assert found.gap > 1e-15


@settings(max_examples=25, deadline=None)
@given(plans(feasible=True))
def test_what_is_optimised_is_verified(plan):
    best = opt.optimize(plan, time_limit=0.5)
    verdict = verify(plan, best.spend, value=best.objective, bound=best.bound, proof=best.proof)
    assert verdict.holds, verdict.faults
    assert checked(answer(best), plan).holds


@settings(max_examples=25, deadline=None)
@given(plans(feasible=True), st.floats(1e-3, 1.0))
def test_a_bound_below_the_optimum_is_never_proven(plan, share):
    """No claim of a bound that the plan itself beats holds."""
    best = opt.optimize(plan, time_limit=0.5)
    assume(abs(best.objective) > 1e-3 * (best.spent + 1.0))
    lower = best.objective - share * abs(best.objective)
    for proof in (best.proof, {"ray": np.ones(len(best.problem.rows)).tolist()}):
        verdict = verify(plan, best.spend, value=best.objective, bound=lower, proof=proof)
        assert verdict.unproven


# --- What an attacker would change ----------------------------------------------------------------


def _line(result, index):
    return result["lines"][index]


def _largest(result):
    return max(result["lines"], key=lambda line: line["spend"])


def _other_role(result):
    """The largest line of each role (or the two largest): moving money there breaks a split."""
    first = _largest(result)
    rest = [line for line in result["lines"] if line is not first]
    other = [line for line in rest if line["role"] != first["role"]] or rest
    return first, max(other, key=lambda line: line["spend"])


def test_spend_moved_between_lines_is_caught(result):
    first, second = _other_role(result)
    step = 0.05 * first["spend"]
    first["spend"] -= step
    second["spend"] += step
    assert broken(result) & {"rules", "value"}


def test_spend_moved_with_every_figure_put_right_is_caught(solved):
    """The doctor evaluates the moved spend honestly, but keeps the claim that it is the best."""
    result = copy.deepcopy(solved["one period"])
    plan = one_period()
    spend = np.array([line["spend"] for line in result["lines"]])
    first, second = [i for i, line in enumerate(result["lines"]) if line["role"] == "brand"][:2]
    step = 0.5 * min(spend[first], spend[second])
    spend[first] += step
    spend[second] -= step
    moved = opt.evaluate(plan, spend)
    honest = answer(moved)
    result |= {key: honest[key] for key in ("lines", "objective", "spent")}
    assert broken(result) & {"bound", "figures"}


def test_spend_raised_is_caught(result):
    _largest(result)["spend"] *= 1.01
    assert broken(result)


def test_a_bound_lowered_is_caught(result):
    gap = 0.01 * abs(result["bound"])
    least = result["objective"]["kind"] == "lowest_spend"
    result["bound"] += gap if least else -gap
    assert "bound" in broken(result)


def test_a_value_raised_is_caught(result):
    result["objective"]["value"] *= 1.001
    assert "value" in broken(result)


def test_value_and_bound_raised_together_are_caught(result):
    result["objective"]["value"] *= 1.001
    result["bound"] *= 1.001
    assert "value" in broken(result)


@pytest.mark.parametrize("key", ["spent", "gap", "budget", "currency", "name"])
def test_another_figure_is_caught(solved, key):
    result = copy.deepcopy(solved["one period"])
    value = result[key]
    result[key] = "EUR" if isinstance(value, str) else value * 0.5 - 1.0
    assert "figures" in broken(result)


@pytest.mark.parametrize("key", ["share", "outcome", "value", "return", "marginal_return"])
def test_a_figure_of_a_line_is_caught(result, key):
    line = _largest(result)
    line[key] = 1.1 * (line[key] or 1.0)
    assert "figures" in broken(result)


def test_a_rule_dropped_that_the_spend_breaks_is_seen_by_the_fingerprint(solved):
    result = copy.deepcopy(solved["tree"])
    del result["plan"]["constraints"]
    assert "input" in broken(result)


def _without_split(plan):
    """A result for the plan without its split rule, true in itself, its fingerprint put right."""
    from dataclasses import replace

    return answer(opt.optimize(replace(plan, business="none", split=None)))


def test_a_rule_dropped_with_all_else_put_right_is_seen_against_the_scenario():
    plan = one_period()
    forged = _without_split(plan)
    assert broken(forged) == set()  # the file alone is consistent
    assert broken(forged, plan) == {"scenario"}
    (check,) = [check for check in checked(forged, plan).checks if check.key == "scenario"]
    assert any("business" in fault for fault in check.faults)


@pytest.mark.parametrize("path", ["budget", "channels", "objective"])
def test_another_question_is_caught(solved, path):
    result = copy.deepcopy(solved["one period"])
    plan = result["plan"]
    if path == "budget":
        plan["budget"] *= 1.1
    elif path == "channels":
        plan["channels"]["search"]["traffic"]["maximum"] = 1e9
    else:
        plan["objective"] = {"kind": "revenue"}
    assert "input" in broken(result)
    result["provenance"]["input"] = fingerprint(from_document(plan))
    assert broken(result, one_period()) >= {"scenario"}


def _leaves(result):
    return [part for part in result["proof"] if "prices" in part or "ray" in part]


def test_prices_altered_are_caught(result):
    changed = 0
    for scale in (0.0, 3.0, -1.0):
        forged = copy.deepcopy(result)
        for leaf in _leaves(forged):
            for key in ("prices", "ray"):
                if key in leaf:
                    leaf[key] = [scale * price for price in leaf[key]]
        changed += "bound" in broken(forged)
    assert changed == 3


def test_a_proof_left_out_is_caught(result):
    result["proof"] = None
    assert broken(result) == {"bound"}


def test_a_proof_and_bound_left_out_are_no_optimum(result):
    result["proof"] = result["bound"] = None
    assert "bound" in broken(result)


def test_a_division_altered_or_a_part_pruned_is_caught(solved):
    result = copy.deepcopy(solved["tree"])
    tree = as_tree(result["proof"])
    inner = [part for part in result["proof"] if "line" in part or "switch" in part]
    assert inner, "this proof divides"
    root = result["proof"][0]
    # Only one side of the first division is kept as if it were all.
    for branch in {"below", "above", "off", "on"} & set(root):
        forged = copy.deepcopy(result)
        forged["proof"] = as_parts(as_tree(copy.deepcopy(forged["proof"]))[branch])
        assert as_parts(tree) == result["proof"]
        if "bound" in broken(forged):
            break
    else:
        pytest.fail("no half of the proof may stand for the whole")


def test_a_division_moved_is_caught():
    """A leaf that holds for a small box only does not hold for a larger one."""
    best = opt.optimize(two_curves(), gap=1e-6)
    assert "line" in best.proof
    result = answer(best)
    assert broken(result) == set()
    moved = 0
    for at in (0.0, 80.0):
        forged = copy.deepcopy(result)
        for part in forged["proof"]:
            if "at" in part:
                part["at"] = at
        moved += "bound" in broken(forged)
    assert moved


NOT_A_PROOF = [
    {},
    {"prices": []},
    {"prices": ["1", "2"]},
    {"prices": [math.nan, math.nan]},
    {"prices": [math.inf, 0.0]},
    {"prices": [True, True]},
    {"prices": [10**400, 0]},
    {"ray": [0.0, 0.0]},
    {"ray": [1e-300, 0.0]},
    {"ray": [-1e308, -1e308]},
    {"line": 0, "at": math.nan, "below": {"prices": [0.0, 0.0]}, "above": {"prices": [0.0, 0.0]}},
    {"line": 0, "at": 1.0, "below": {"prices": [1.0, 0.0]}},
    {"line": -1, "at": 1.0, "below": {"prices": [1.0, 0.0]}, "above": {"prices": [1.0, 0.0]}},
    {"line": "0", "at": 1.0},
    {"line": True, "at": 1.0},
    {"switch": 0, "off": {}, "on": {}},
    {"line": 0, "at": 1.0, "below": [], "above": 3},
]


@pytest.mark.parametrize("proof", NOT_A_PROOF, ids=str)
def test_what_is_no_proof_proves_nothing(proof):
    plan = opt.Plan(
        "two",
        (opt.Line("a", opt.Log(50.0, 10.0), value=1.0), opt.Line("b", opt.Log(40.0, 10.0))),
        budget=100.0,
        value=1.0,
        constraints=(opt.Spend("a", at_most=60.0),),
        objective=opt.Revenue(),
    )
    best = opt.optimize(plan)
    claim = {"value": best.objective, "bound": best.bound}
    assert verify(plan, best.spend, proof=best.proof, **claim).holds
    verdict = verify(plan, best.spend, proof=proof, **claim)
    assert verdict.unproven
    assert verdict.bound == math.inf


def test_a_ray_does_not_rule_out_a_box_by_rounding():
    """Where minima add up to the budget exactly, nothing is left but rounding."""
    parts = [0.1, 0.2, 0.3, 0.7]
    lines = tuple(
        opt.Line(f"c{i}", opt.Log(5.0, 1.0), value=1.0, minimum=part, maximum=part)
        for i, part in enumerate(parts)
    )
    plan = opt.Plan("tight", lines, budget=math.fsum(parts), objective=opt.Revenue())
    for size in (1.0, 1e-9, 0.1, 1e9):
        verdict = verify(plan, parts, value=0.0, bound=0.0, proof={"ray": [size]})
        assert verdict.bound == math.inf


# --- What is no result ----------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(
    st.recursive(
        st.fixed_dictionaries({"prices": st.lists(st.floats(0, 9), max_size=2)}),
        lambda part: st.fixed_dictionaries(
            {"line": st.integers(0, 3), "at": st.floats(0, 9), "below": part, "above": part}
        ),
        max_leaves=20,
    )
)
def test_a_proof_as_parts_and_back_is_the_same(tree):
    assert as_tree(json.loads(json.dumps(as_parts(tree)))) == tree


def test_a_proof_may_be_deeper_than_python_recurses():
    tree = {"prices": [1.0]}
    for _ in range(5000):
        tree = {"line": 0, "at": 1.0, "below": {"prices": [0.0]}, "above": tree}
    parts = json.loads(json.dumps(as_parts(tree)))
    assert as_parts(as_tree(parts)) == parts


@pytest.mark.parametrize(
    "parts",
    [
        [{"line": 0, "at": 1.0, "below": 0, "above": 0}],
        [{"line": 0, "at": 1.0, "below": 1, "above": 1}, {"prices": []}],
        [{"line": 0, "at": 1.0, "below": 1, "above": 7}, {"prices": []}],
        [{"line": 0, "at": 1.0, "below": "1", "above": 2}, {"prices": []}, {"prices": []}],
        [{"prices": []}, {"prices": []}],
    ],
)
def test_parts_that_are_no_tree_are_refused(parts):
    with pytest.raises(PlanError):
        as_tree(parts)


def _set(path, value):
    def change(result):
        *way, last = path
        for key in way:
            result = result[key]
        result[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_set(["schema"], "adsplit.sweep/1"), "schema"),
        (lambda result: result.pop("plan"), "plan"),
        (lambda result: result.pop("proof"), "proof"),
        (lambda result: result.pop("bound"), "bound"),
        (lambda result: result["lines"].pop(0), "lines.search.brand"),
        (lambda result: result["lines"].append(dict(result["lines"][0])), "lines"),
        (_set(["lines", 0, "line"], "nowhere"), "lines.nowhere"),
        (_set(["lines", 0, "spend"], "100"), "lines.0.spend"),
        (_set(["lines", 0, "spend"], True), "lines.0.spend"),
        (_set(["lines", 0, "spend"], None), "lines.0.spend"),
        (_set(["objective", "value"], None), "objective.value"),
        (_set(["status"], "perfect"), "status"),
        (_set(["plan", "budgett"], 3), "plan.budgett"),
        (_set(["plan", "channels"], {}), "plan.channels"),
        (_set(["proof"], {"prices": []}), "proof"),
        (_set(["provenance", "input"], 3), "provenance.input"),
    ],
)
def test_what_is_no_result_is_told_with_its_place(solved, change, words):
    result = copy.deepcopy(solved["one period"])
    change(result)
    with pytest.raises(PlanError) as error:
        read_claim(json.dumps(result), where="x.json")
    assert words in {fault.path for fault in error.value.faults}
    assert {fault.where for fault in error.value.faults} == {"x.json"}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", "[" * 100_000, '{"schema": NaN}', '{"a": 1, "a": 2}', "9" * 9999]
)
def test_a_text_that_is_no_result_is_refused(text):
    with pytest.raises(PlanError):
        read_claim(text)
