"""The answer in sentences: they agree with the table, and say the unwelcome too."""

import dataclasses

import pytest

from optimizer.allocation import evaluate
from optimizer.analysis.explanation import explain
from optimizer.analysis.prices import rule_prices
from optimizer.analysis.standing import held_by
from optimizer.plan.curves import Hill, Points
from optimizer.plan.document import from_document
from optimizer.plan.plan import Plan
from optimizer.solvers.solution import Status
from optimizer.solving import optimize
from optimizer.words import catalogue
from tests.report.reports import answer, plan


def with_today(asked: Plan, spend: dict[str, float]) -> Plan:
    lines = [dataclasses.replace(line, current=spend[line.name]) for line in asked.lines]
    return dataclasses.replace(asked, lines=tuple(lines))


def best_today() -> Plan:
    asked = plan()
    best = optimize(asked, gap=1e-8)
    names = [line.name for line in asked.lines]
    return with_today(asked, dict(zip(names, best.spend.tolist(), strict=True)))


def keys(statements) -> list[str]:
    return [statement.key for statement in statements]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_move_names_the_lines_that_gain_and_lose(lang):
    told = explain(answer(), lang=lang)
    assert told.headline.key in {"headline.move", "headline.move_mostly"}
    frame = answer().by_line.set_index("line")["change"]
    assert len(told.moves) == 3
    assert frame.abs().nlargest(3).index[0] == "search.traffic"
    assert told.moves[0].slots["change"].startswith("−")
    assert told.proof.key == "proof.optimal"


def test_both_languages_say_the_same():
    english, chinese = explain(answer()), explain(answer(), lang="zh")
    for part in ("moves", "rules", "alerts"):
        assert keys(getattr(english, part)) == keys(getattr(chinese, part))
    assert english.headline.key == chinese.headline.key


def test_todays_plan_can_be_the_best():
    told = explain(optimize(best_today()))
    assert told.headline.key == "headline.best"
    assert "0.0" in told.headline.slots["room"]
    assert told.moves == ()


def test_spending_less_can_be_the_answer():
    asked = plan(objective={"kind": "profit", "margin": 0.4}, without=("business",))
    best = optimize(asked)
    told = explain(best)
    assert best.spent < best.today.spent
    assert told.headline.key == "headline.less"
    assert "alert.left" in keys(told.alerts)


def test_spending_nothing_can_be_the_answer():
    asked = plan(
        objective={"kind": "profit", "margin": 0.01},
        without=("business", "constraints"),
        channels={"search": {"brand": {"curve": {"kind": "log", "scale": 1, "unit": 1e6},
                                       "outcome": "visit", "current": 1e6}}},
    )  # fmt: skip
    assert explain(optimize(asked)).headline.key == "headline.nothing"


def test_a_rule_that_today_breaks_and_that_costs_is_said_to():
    spend = {line.name: 0.0 for line in plan().lines}
    free = optimize(plan(without=("business",)))
    spend.update(zip(spend, free.spend.tolist(), strict=True))
    told = explain(optimize(with_today(plan(), spend)))
    assert told.headline.key in {"headline.breaks_cost", "headline.breaks_plain"}
    assert told.headline.slots["gain"].startswith("−")
    assert "alert.today_breaks" in keys(told.alerts)


def test_without_today_the_largest_lines_are_told():
    told = explain(optimize(plan(today=False)))
    assert told.headline.key == "headline.new"
    assert keys(told.moves) == ["move.new"] * 3
    assert "alert.no_today" in keys(told.alerts)


def test_least_spend():
    asked = plan(
        objective={"kind": "lowest_spend"},
        constraints={"goal": {"kind": "target", "outcome": "lead", "at_least": 1500}},
    )
    told = explain(optimize(asked))
    assert told.headline.key.startswith("headline.least")
    assert told.proof.key == "proof.least"


def test_prices_stand_beside_the_rules_that_bind():
    prices = rule_prices(answer())
    told = explain(answer(), prices)
    assert "binds.budget" in keys(told.rules)
    price = prices.price("budget")
    found = next(rule for rule in told.rules if rule.key == "binds.budget")
    assert found.slots["price"] == f"CN¥{price:.2f}"
    assert keys(explain(answer()).rules)[0] == "binds.budget_plain"


def test_weak_evidence_and_unobserved_spend_are_alerts():
    alerts = keys(explain(answer()).alerts)
    assert "alert.grades" in alerts
    assert "alert.unsourced" in alerts
    assert any(key.startswith("alert.beyond") for key in alerts)


def test_a_given_spend_is_told_without_advice():
    given = evaluate(plan(), {line.name: 1e5 for line in plan().lines})
    told = explain(given)
    assert told.headline.key == "headline.given"
    assert told.proof.key == "proof.given"


def test_every_statement_is_a_sentence_of_the_catalogue():
    told = explain(answer(), rule_prices(answer()))
    for statement in (told.headline, told.proof, *told.moves, *told.rules, *told.alerts):
        assert statement.key in catalogue("en")
        assert statement.text == str(statement)
        assert "{" not in statement.text


def test_a_cap_on_other_lines_is_no_reason_for_a_gain():
    cap = {"kind": "share", "where": "streaming", "at_most": "20%"}
    best = optimize(plan(constraints={"cap": cap}))
    reasons = " ".join(move.text for move in explain(best).moves)
    assert "asked for by “cap”" not in reasons


def test_a_floor_is_the_reason_for_a_gain_that_it_asks_for():
    floor = {"kind": "spend", "where": "social.traffic", "at_least": 3_000_000}
    told = explain(optimize(plan(constraints={"floor": floor}, without=("business",))))
    assert "asked for by “floor”" in " ".join(move.text for move in told.moves)


def test_spending_nothing_has_its_true_reason():
    nothing = optimize(plan(budget=0, without=("business", "constraints"), channels=small()))
    assert explain(nothing).headline.key == "headline.nothing_budget"
    loses = {"kind": "profit", "margin": 0.01}
    best = optimize(plan(objective=loses, without=("business", "constraints"), channels=small(1)))
    assert explain(best).headline.key == "headline.nothing"
    stopped = dataclasses.replace(best, status=Status.STOPPED)
    assert explain(stopped).headline.key == "headline.nothing_yet"
    cap = {"kind": "spend", "where": {"channel": "search"}, "at_most": 0}
    held = plan(without=("business",), constraints={"cap": cap}, channels=small())
    assert explain(optimize(held)).headline.key == "headline.nothing_rules"


def small(scale: float = 9_000) -> dict:
    curve = {"kind": "log", "scale": scale, "unit": 1e6}
    return {"search": {"brand": {"curve": curve, "outcome": "visit", "current": 1e6}}}


def test_a_rule_that_keeps_a_better_plan_away_is_not_called_idle():
    """A cap on an S-curve below its take-off: nothing is spent there, so nothing binds."""
    asked = plan(without=("business", "constraints"))
    lines = [dataclasses.replace(line, minimum=0.0) for line in asked.lines]
    lines[0] = dataclasses.replace(lines[0], curve=Hill(90_000, 2_000_000, 5.0))
    cap = plan(constraints={"cap": {"kind": "weighted", "weights": {"search.brand": 1.0},
                                    "at_most": 300_000}}).constraints  # fmt: skip
    best = optimize(dataclasses.replace(asked, lines=tuple(lines), constraints=cap), gap=1e-6)
    prices = rule_prices(best, costs=True)
    row = prices.frame.set_index("rule").loc["cap"]
    assert not row["binding"]
    assert row["cost"] > 0
    told = explain(best, prices).rules
    assert [rule.slots["rule"] for rule in told if rule.key == "binds.not_here"] == ["“cap”"]


def test_a_line_left_as_it_is_is_held_by_the_rule_on_changes():
    calm = {"kind": "changes", "at_most": 2}
    cap = {"kind": "share", "where": {"role": "traffic"}, "at_most": "40%"}
    asked = plan(without=("business",), constraints={"calm": calm, "cap": cap})
    lines = [dataclasses.replace(line, maximum=None, minimum=0.0) for line in asked.lines]
    best = optimize(dataclasses.replace(asked, lines=tuple(lines)), gap=1e-6)
    still = abs(best.spend - best.problem.grid.current) < 1.0
    assert still.sum() >= 4
    held = held_by(best)
    assert {names for names, same in zip(held, still, strict=True) if same} == {("“calm”",)}


def test_a_line_at_a_point_of_its_curve_is_held_by_its_curve():
    asked = plan()
    lines = list(asked.lines)
    lines[1] = dataclasses.replace(
        lines[1], curve=Points((0, 2_000_000, 4_000_000), (0, 20_000, 20_100))
    )
    cap = {"kind": "spend", "where": {"channel": ["search", "social"]}, "at_most": 5_000_000}
    rules = plan(constraints={"cap": cap}).constraints
    best = optimize(dataclasses.replace(asked, lines=tuple(lines), constraints=rules))
    assert best.spend[1] == pytest.approx(2_000_000)
    held = held_by(best)
    assert held[1] == ()
    assert held[3] == ("“cap”",)


def test_a_long_list_of_broken_rules_has_no_ellipsis():
    rules = {
        f"r{i}": {"kind": "spend", "where": {"line": line.name}, "at_most": 900_000}
        for i, line in enumerate(plan().lines)
    }
    rules["all"] = {"kind": "spend", "at_most": 5_000_000}
    told = explain(optimize(plan(constraints=rules, without=("business",))))
    assert "…" not in " ".join(s.text for s in (told.headline, *told.alerts))
    assert any(" more" in alert.text for alert in told.alerts if alert.key == "alert.today_breaks")


@pytest.mark.parametrize(
    ("bounds", "reason"),
    [
        ({"minimum": 40.0}, "it is at its minimum; the money earns more elsewhere"),
        ({"maximum": 70.0}, "the best use of money up to its maximum"),
        ({}, "the money earns more elsewhere"),
    ],
)
def test_a_move_to_a_limit_says_that_it_is_one(bounds, reason):
    poor, rich = ("a", "b")
    best = {"curve": {"kind": "linear", "rate": 3.0}}
    worst = {"curve": {"kind": "linear", "rate": 1.0}}
    for body in (best, worst):
        body["current"] = 50.0
    (best if "maximum" in bounds else worst).update(bounds)
    asked = from_document(
        {"name": "Two", "budget": 100.0, "value": 1, "objective": {"kind": "revenue"},
         "channels": {poor: worst, rich: best}}
    )  # fmt: skip
    told = explain(optimize(asked))
    name = "B" if "maximum" in bounds else "A"
    (move,) = [one for one in told.moves if one.slots["line"].upper() == name]
    assert move.slots["reason"] == reason
