"""Random valid plans for property tests: every curve, every rule, every objective.

``plans()`` gives plans that hold together. Whether one is feasible is for a solver to say, unless
``feasible=True``: then rules are soft or lax, so that spending nothing, or the minima, keeps them.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from optimizer.plan.constraints import (
    PRESETS,
    ActiveLines,
    Changes,
    Ratio,
    Share,
    Spend,
    SpendAll,
    Split,
    Target,
    Weighted,
)
from optimizer.plan.curves import (
    Elasticity,
    Exponential,
    Hill,
    Linear,
    Log,
    Logistic,
    Points,
    Power,
)
from optimizer.plan.funnel import Funnel
from optimizer.plan.objectives import LowestSpend, Outcomes, Profit, Revenue
from optimizer.plan.plan import Line, Origin, Plan
from optimizer.plan.units import Percent

CHANNELS = ("search", "ecommerce", "social", "streaming", "搜索", "tv & radio")
STAGES = ("visit", "lead", "deal")

shares = st.integers(1, 99).map(lambda percent: percent / 100)
"""Shares inside (0, 1)."""

money = st.floats(1.0, 1e6).map(lambda amount: float(f"{amount:.6g}"))
"""Money of one line: from 1 to a million."""

names = st.text("abcdefghij-_ 搜索é", min_size=1, max_size=12).filter(lambda text: text.strip())


def rates(low: float, high: float) -> st.SearchStrategy[float]:
    """Numbers between the limits with few digits, so that failing examples can be read.

    What is smaller than a thousandth is the lower limit: nobody states a rate of 1e-300.
    """

    def short(rate: float) -> float:
        return min(max(float(f"{rate:.4g}"), low), high) if rate >= 1e-3 else low

    return st.floats(low, high).map(short)


def _points(steps: list[tuple[float, float]]) -> Points:
    spend, outcomes = [0.0], [0.0]
    for width, height in steps:
        spend.append(spend[-1] + width)
        outcomes.append(outcomes[-1] + height)
    return Points(tuple(spend), tuple(outcomes))


CURVE_STRATEGIES: dict[type, st.SearchStrategy[Any]] = {
    Linear: st.builds(Linear, rates(0.0, 10.0)),
    Log: st.builds(Log, rates(0.1, 1e4), money),
    Power: st.builds(Power, rates(0.01, 100.0), rates(0.05, 1.0)),
    Exponential: st.builds(Exponential, rates(1.0, 1e5), money),
    Hill: st.builds(Hill, rates(1.0, 1e5), money, rates(0.3, 6.0)),
    Logistic: st.builds(
        Logistic, rates(1.0, 1e5), money, st.one_of(st.just(0.0), rates(0.0, 1e5))
    ).filter(lambda curve: curve.midpoint < 20 * curve.unit),
    Elasticity: st.builds(Elasticity, money, rates(0.001, 20.0), shares),
    Points: st.lists(st.tuples(rates(1.0, 1e5), rates(0.0, 1e4)), min_size=1, max_size=5).map(
        _points
    ),
}
"""One strategy per kind of curve; a test fails when a kind is missing."""

curves = st.one_of(*CURVE_STRATEGIES.values())
"""Any curve."""

concave_curves = curves.filter(lambda curve: curve.inflection == 0)
"""Curves that bend down throughout."""


@st.composite
def funnels(draw: st.DrawFn) -> Funnel:
    """A funnel of one to three stages, the last one of worth."""
    stages = STAGES[-draw(st.integers(1, 3)) :]
    return Funnel(
        stages,
        {stage: draw(shares) for stage in stages[:-1]},
        {stages[-1]: draw(rates(1.0, 1e4))},
    )


@st.composite
def lines(
    draw: st.DrawFn,
    channel: str,
    key: str,
    funnel: Funnel | None = None,
    budget: float = 1e6,
    curve: st.SearchStrategy[Any] = curves,
    feasible: bool = False,
) -> Line:
    """One line of a channel; *key* is its role, another word, or empty for the whole channel."""
    role = key if key in {"brand", "traffic"} else draw(st.sampled_from(("brand", "traffic")))
    given: dict[str, Any] = {}
    form = draw(st.sampled_from(("free", "bounded", "percent", "active", "locked")))
    small = budget / 100
    if form == "bounded":
        given["minimum"] = draw(st.sampled_from((0.0, small / 2)))
        given["maximum"] = draw(rates(small, budget))
    elif form == "percent":
        given["maximum"] = Percent(draw(shares))
    elif form == "active":
        given["minimum_if_active"] = draw(rates(0.0, 5 * small))
    elif form == "locked":
        given["locked"] = 0.0 if feasible else draw(rates(0.0, small))
    if form == "bounded" and feasible:
        given["minimum"] = 0.0
    if draw(st.booleans()):
        given["price"] = draw(rates(0.5, 2.0))
    if draw(st.booleans()):
        given["observed"] = draw(money)
    if draw(st.booleans()):
        given["tags"] = {"market": draw(st.sampled_from(("de", "at", "中国", "no")))}
    if funnel is None:
        if draw(st.booleans()):
            given["value"] = draw(rates(0.1, 1e3))
    else:
        given["outcome"] = draw(st.sampled_from(funnel.stages))
    return Line(
        channel,
        draw(curve),
        role=role,
        name=f"{channel}.{key}" if key else channel,
        current=draw(rates(0.0, 2 * small)),
        **given,
    )


def _rules(draw: st.DrawFn, chosen: list[Line], plan: dict[str, Any], *, lax: bool) -> list[Any]:
    """Some further rules on the lines, each with a name of its own."""
    some = [line.name for line in chosen[: max(len(chosen) // 2, 1)]]
    soft = {"penalty": draw(rates(0.01, 10.0))} if lax or draw(st.booleans()) else {}
    budget, funnel = plan["budget"], plan["funnel"]
    stage = None if funnel is None else funnel.stages[-1]
    offers = {
        Split: lambda name: Split({"brand": 0.5, "traffic": 0.5}, tolerance=0.2, name=name, **soft),
        Spend: lambda name: Spend(some, at_most=draw(rates(budget / 10, budget)), name=name),
        Share: lambda name: Share(some, at_most=draw(shares), name=name, **soft),
        Ratio: lambda name: Ratio(
            some, chosen[-1].name, at_most=draw(rates(0.1, 5.0)), name=name, **soft
        ),
        Weighted: lambda name: Weighted(
            {some[0]: draw(rates(0.1, 3.0))}, at_most=draw(rates(1.0, budget)), name=name
        ),
        Target: lambda name: Target(draw(rates(0.1, 1e3)), stage, name=name, **soft),
        ActiveLines: lambda name: ActiveLines(
            at_most=draw(st.integers(max(len(chosen) - 1, 1), len(chosen))), name=name
        ),
        Changes: lambda name: Changes(at_most=draw(st.integers(1, 8)), name=name, **soft),
        SpendAll: lambda name: SpendAll(name=name, **soft),
    }
    kinds = draw(st.lists(st.sampled_from(tuple(offers)), unique=True, max_size=3))
    return [offers[kind](f"rule {index}" if index else "first") for index, kind in enumerate(kinds)]


@st.composite
def plans(
    draw: st.DrawFn,
    *,
    curve: st.SearchStrategy[Any] = curves,
    rules: bool = True,
    feasible: bool = False,
    max_channels: int = 3,
) -> Plan:
    """A plan that holds together: up to six lines, any curves, objective and rules.

    Args:
        draw: Given by Hypothesis.
        curve: What the curves of the lines are drawn from.
        rules: Whether there may be rules beside the budget and the bounds.
        feasible: Whether spending nothing must keep every hard rule.
        max_channels: How many channels at most, of two lines each at most.
    """
    budget = draw(rates(1e3, 1e6))
    funnel = draw(st.none() | funnels())
    chosen: list[Line] = []
    count = draw(st.integers(1, max_channels))
    for channel in draw(st.permutations(CHANNELS))[:count]:
        for key in draw(
            st.sampled_from((("",), ("brand", "traffic"), ("traffic",), ("always on",)))
        ):
            chosen += [draw(lines(channel, key, funnel, budget, curve, feasible))]
    plan: dict[str, Any] = {"budget": budget, "funnel": funnel}
    constraints = _rules(draw, chosen, plan, lax=feasible) if rules else []
    if feasible:
        constraints = [rule for rule in constraints if not isinstance(rule, Changes | SpendAll)]
    objectives: list[Any] = [Profit(draw(shares)), Revenue(), Outcomes()]
    if funnel is not None:
        objectives.append(Outcomes(funnel.stages[-1]))
    if any(isinstance(rule, Target) for rule in constraints):
        objectives.append(LowestSpend())
    splits = [None, Split(preset=draw(st.sampled_from(tuple(PRESETS)))), Split(tolerance=0.1)]
    business = draw(st.sampled_from(("b2b", "b2c", "none")))
    split = draw(st.sampled_from(splits if business != "none" else splits[:2])) if rules else None
    return Plan(
        name=draw(names),
        lines=tuple(chosen),
        budget=budget,
        business=business if rules else "none",
        split=split,
        currency=draw(st.sampled_from(("USD", "CNY", "EUR"))),
        objective=draw(st.sampled_from(objectives)),
        value=draw(rates(0.1, 1e3)),
        funnel=funnel,
        constraints=tuple(constraints),
        origins=draw(
            st.dictionaries(
                st.sampled_from(("value", "channels.*.*.curve", "funnel")),
                st.builds(Origin, names, st.sampled_from(("A", "B", "assumption"))),
                max_size=2,
            )
        ),
    )
