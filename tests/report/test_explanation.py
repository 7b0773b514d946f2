"""The answer in sentences: they agree with the table, and say the unwelcome too."""

import dataclasses

import pytest

from optimizer.allocation import evaluate, optimize
from optimizer.analysis.explanation import explain
from optimizer.analysis.prices import rule_prices
from optimizer.plan.plan import Plan
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
