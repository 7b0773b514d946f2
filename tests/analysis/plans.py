"""Plans that the tests of the analysis share."""

from dataclasses import replace

from optimizer.plan.constraints import ActiveLines, Constraint, Spend, Target
from optimizer.plan.curves import Elasticity, Exponential, Hill, Log, Power
from optimizer.plan.plan import Line, Plan

CURVES = (
    Elasticity(100_000, 3.0, 0.3),
    Log(200_000, 40_000),
    Exponential(900_000, 250_000),
    Power(2_000, 0.45),
    Hill(1_500_000, 400_000, 1.0),
    Elasticity(600_000, 4.5, 0.55),
)
CHANNELS = ("search", "social", "streaming")


def concave(*constraints: Constraint, **changes: object) -> Plan:
    """Three channels, each with a brand and a traffic line, under a 60:40 split."""
    lines = tuple(
        Line(
            channel,
            CURVES[2 * i + j],
            role,
            minimum=20_000.0 if i == 1 else 0.0,
            maximum=700_000.0,
            current=100_000.0 * (1 + i + j),
        )
        for i, channel in enumerate(CHANNELS)
        for j, role in enumerate(("brand", "traffic"))
    )
    plan = Plan(
        "concave", lines, budget=1_500_000, business="b2b", value=10.0, constraints=constraints
    )
    return replace(plan, **changes)


def s_shaped(*constraints: Constraint, **changes: object) -> Plan:
    """The same with two S-curves and a smallest spend, and a rule on how many lines are on."""
    plan = concave(
        ActiveLines(at_most=5, name="five"),
        Spend("social", at_most=400_000, name="cap"),
        Target(400_000, name="reach"),
        *constraints,
    )
    lines = list(plan.lines)
    lines[0] = replace(lines[0], curve=Hill(600_000, 250_000, 2.5), minimum_if_active=80_000.0)
    lines[5] = replace(lines[5], curve=Hill(900_000, 300_000, 3.0))
    return replace(plan, lines=tuple(lines), **changes)


def with_line(plan: Plan, position: int, **changes: object) -> Plan:
    """*plan* with other fields on one line."""
    lines = list(plan.lines)
    lines[position] = replace(lines[position], **changes)
    return replace(plan, lines=tuple(lines))
