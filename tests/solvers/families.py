"""Seeded families of small plans on which every solver must keep its word.

A case is a plan and what must come of it. Families are named for what makes them hard; nothing is
tuned to a solver, and which solvers take a case is for their abilities to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from optimizer.plan.carryover import Delayed, Geometric, Goodwill, Lift
from optimizer.plan.constraints import (
    ActiveLines,
    Changes,
    CostCap,
    Flights,
    Pacing,
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
from optimizer.plan.periods import Periods
from optimizer.plan.plan import Line, Plan


@dataclass(frozen=True)
class Case:
    """A plan, and whether some plan of money keeps its rules (None: for the solvers to say)."""

    plan: Plan
    feasible: bool | None = True
    guilty: frozenset[str] = frozenset()
    """The rules in conflict where nothing is feasible."""
    short: float = 0.0
    """By how much money they miss each other."""


def concave(rng, money=100.0, outcomes=100.0):
    """Any curve that bends down throughout."""
    a, b, s = (float(rng.uniform(*ends)) for ends in ((0.4, 1.6), (0.2, 1.2), (0.05, 0.95)))
    a, b = a * outcomes, b * money
    kinds = [
        Log(a / 2, b),
        Power(a / 6 / money ** (0.25 + s / 2), 0.25 + s / 2),
        Exponential(a, b),
        Hill(a, b, max(s, 0.3)),
        Logistic(a, b / 4),
        Elasticity(b, a / b, s),
        Points((b / 2, b, 3 * b), (a / 2, 0.8 * a, a)),
        Linear(a / b / 3),
    ]
    return kinds[int(rng.integers(len(kinds)))]


def s_shaped(rng, money=100.0, outcomes=100.0):
    """Any curve that bends up somewhere."""
    a, b = float(rng.uniform(0.4, 1.6)) * outcomes, float(rng.uniform(0.4, 1.2)) * money
    kinds = [
        Hill(a, b, float(rng.uniform(1.2, 8))),
        Logistic(a, b / 5, b),
        Points((b / 2, b, 3 * b), (0.1 * a, 0.8 * a, a)),
    ]
    return kinds[int(rng.integers(len(kinds)))]


def straight(rng, money=100.0, outcomes=100.0):
    """A straight line."""
    return Linear(float(rng.uniform(0.2, 3)) * outcomes / money)


def either(rng, money=100.0, outcomes=100.0):
    """Any curve."""
    return (concave, s_shaped)[int(rng.integers(2))](rng, money, outcomes)


SHAPES = {"straight": straight, "concave": concave, "s-shaped": s_shaped, "any": either}


def lines_of(shape, rng, n=6, **given):
    """*n* lines, brand and traffic by turns, two to a channel."""
    return tuple(
        Line(
            f"c{i // 2}",
            shape(rng),
            role="brand" if i % 2 else "traffic",
            value=1.5,
            current=25.0,
            tags={"market": "de" if i % 3 else "at"},
            **given,
        )
        for i in range(n)
    )


def plan_of(lines, budget=150.0, **given):
    return Plan("case", tuple(lines), budget, **({"objective": Revenue()} | given))


RULES = {
    "none": (),
    "split": (Split("6:4"),),
    "band": (Split("6:4", tolerance=0.1),),
    "soft split": (Split("9:1", penalty=0.1),),
    "spend": (Spend("c0", at_most="20%"), Spend("c1", at_least=30.0, name="least")),
    "soft spend": (Spend("c0", at_least=120.0, penalty=0.4),),
    "share": (Share("c0", at_least=0.2, at_most=0.5), Share("c1", at_least=0.1, name="more")),
    "soft share": (Share("c0", at_least=0.9, penalty=0.3),),
    "ratio": (Ratio("c0", "c1", at_least=0.5, at_most=2.0),),
    "soft ratio": (Ratio("c0", "c1", at_least=4.0, penalty=0.2),),
    "weighted": (Weighted({"c0": 2.0, "brand": 0.5}, at_most=90.0),),
    "soft weighted": (Weighted({"c0": 2.0, "brand": 0.5}, at_most=20.0, penalty=0.05),),
    "target": (Target(60.0),),
    "soft target": (Target(500.0, penalty=0.3),),
    "active_lines": (ActiveLines(at_most=2),),
    "soft active_lines": (ActiveLines(at_most=1, penalty=4.0),),
    "active_lines per": (ActiveLines(at_most=1, per="channel"),),
    "changes": (Changes(at_most=2, at_least=10.0),),
    "soft changes": (Changes(at_most=1, penalty=2.0),),
    "spend_all": (SpendAll(),),
    "soft spend_all": (SpendAll(penalty=0.1),),
    "several": (Split("5:5", tolerance=0.1), Spend("c2", at_most=70.0), SpendAll()),
    "nested": (
        Share({"market": "at"}, at_least=0.4, per="role"),
        Split({"de": 0.5, "at": 0.5}, by="market", tolerance=0.2, per="role", name="markets"),
    ),
    "all at once": (
        Split("5:5", tolerance=0.2),
        ActiveLines(at_most=5),
        Target(30.0),
        Changes(at_least=5.0),
        Share("c0", at_most=0.7),
    ),
}
"""Every kind of rule, hard and soft, with limits that every seed can keep."""


def each_rule(seed: int) -> Iterator[tuple[str, Case]]:
    for shape, curves in list(SHAPES.items())[:3]:
        for name, rules in RULES.items():
            rng = np.random.default_rng([seed, len(name), len(shape)])
            lines = lines_of(curves, rng)
            yield f"{shape}, {name}", Case(plan_of(lines, constraints=rules, objective=Profit(0.9)))


def each_objective(seed: int) -> Iterator[tuple[str, Case]]:
    funnel = Funnel(("visit", "lead", "deal"), {"visit": 0.1, "lead": 0.2}, {"deal": 80.0})
    for shape, curves in SHAPES.items():
        rng = np.random.default_rng([seed, len(shape)])
        fed = tuple(
            replace(line, outcome=("visit", "lead")[i % 2], value=None)
            for i, line in enumerate(lines_of(curves, rng))
        )
        rules = (Split("5:5", tolerance=0.1), Target(1.0, "deal"))
        for objective in (Profit(0.5), Revenue(), Outcomes(), Outcomes("deal"), LowestSpend()):
            case = Case(plan_of(fed, funnel=funnel, objective=objective, constraints=rules))
            yield f"{shape}, {objective.kind}{' of' if getattr(objective, 'of', 0) else ''}", case


def mixed(seed: int) -> Iterator[tuple[str, Case]]:
    """All eight kinds of curve in one plan."""
    curves = (
        Linear(0.7),
        Log(60.0, 40.0),
        Power(8.0, 0.5),
        Exponential(90.0, 50.0),
        Hill(120.0, 60.0, 3.0),
        Logistic(100.0, 10.0, 40.0),
        Elasticity(40.0, 1.5, 0.4),
        Points((20.0, 30.0, 90.0), (4.0, 40.0, 80.0)),
    )
    for order in range(2):
        rng = np.random.default_rng([seed, order])
        lines = tuple(
            Line(
                f"c{i // 2}",
                curves[int(k)],
                role="brand" if i % 2 else "traffic",
                value=float(rng.uniform(0.5, 2)),
                price=float(rng.uniform(0.7, 1.4)),
            )
            for i, k in enumerate(rng.permutation(8))
        )
        yield f"all kinds {order}", Case(plan_of(lines, 220.0, split=Split("6:4")))
        yield (
            f"all kinds, bounds {order}",
            Case(
                plan_of(
                    [replace(x, minimum=float(rng.uniform(0, 20)), maximum=60.0) for x in lines],
                    220.0,
                )
            ),
        )


def near_degenerate(seed: int) -> Iterator[tuple[str, Case]]:
    """Slopes that all but meet, curves that hardly bend, rules that follow from each other."""
    slopes = [1.0 + 1e-9 * i for i in range(6)]
    lines = [Line(f"c{i}", Linear(slope), value=1.0) for i, slope in enumerate(slopes)]
    yield "slopes apart by 1e-9", Case(plan_of([replace(x, maximum=40.0) for x in lines]))
    bent = [Line(f"c{i}", Log(1e7, 1e7 * (1 + 1e-8 * i)), value=1.0) for i in range(6)]
    yield "curves that hardly bend", Case(plan_of(bent))
    steps = [Line(f"c{i}", Hill(100.0, 50.0 + 1e-7 * i, 20.0), value=1.0) for i in range(6)]
    yield "steps at all but one place", Case(plan_of(steps, 160.0))
    barely = [Line(f"c{i}", Hill(100.0, 50.0, 1.0 + 1e-9), value=1.0) for i in range(6)]
    yield "S-curves that hardly are", Case(plan_of(barely))
    points = Points(
        tuple(10.0 * (i + 1) for i in range(8)), tuple(10.0 * (i + 1) for i in range(8))
    )
    dotted = [Line(f"c{i}", points, value=1.0) for i in range(6)]
    yield "points on a straight line", Case(plan_of(dotted))
    wavy = Points((10.0, 20.0, 30.0, 40.0), (10.0, 10.0 + 10 * (1 - 1e-10), 30.0, 35.0))
    yield (
        "points that all but bend",
        Case(plan_of([Line(f"c{i}", wavy, value=1.0) for i in range(6)])),
    )
    same = (
        Split("6:4"),
        Share("brand", at_least=0.6, name="again"),
        Share("traffic", at_most=0.4, name="and again"),
        Spend(at_most=150.0, name="budget again"),
        Ratio("brand", "traffic", at_least=1.5, at_most=1.5, name="once more"),
        SpendAll(),
    )
    for shape, curves in SHAPES.items():
        rng = np.random.default_rng([seed, 5])
        yield (
            f"rules that say the same, {shape}",
            Case(plan_of(lines_of(curves, rng), constraints=same)),
        )
    flat = [Line(f"c{i}", Linear(0.0), value=1.0) for i in range(3)]
    yield "nothing to gain", Case(plan_of(flat))
    half = [replace(flat[0], role="brand"), Line("c", Linear(1.0), role="traffic", value=1.0)]
    yield "nothing to gain on one side", Case(plan_of(half, split=Split("4:6", tolerance=0.1)))
    yield (
        "all at a loss",
        Case(
            plan_of([Line(f"c{i}", Linear(0.1), value=1.0) for i in range(3)], objective=Profit())
        ),
    )
    worthless = [
        replace(line, value=0.0) for line in lines_of(s_shaped, np.random.default_rng([seed, 1]))
    ]
    yield "worth nothing", Case(plan_of(worthless, constraints=(SpendAll(),)))
    break_even = [Line(f"c{i}", Linear(1.0), value=1.0) for i in range(3)]
    yield "neither gain nor loss", Case(plan_of(break_even, objective=Profit()))


def scales(seed: int) -> Iterator[tuple[str, Case]]:
    """Money and outcomes from a millionth to a million million, in one plan and between plans."""
    for shape in ("concave", "s-shaped"):
        for money in (1e-6, 1e6, 1e12):
            for outcomes in (1e-6, 1e12):
                rng = np.random.default_rng([seed, 7])
                lines = [
                    Line(
                        f"c{i}",
                        SHAPES[shape](rng, 100 * money, 100 * outcomes),
                        role="brand" if i % 2 else "traffic",
                        value=1.0,
                    )
                    for i in range(5)
                ]
                plan = plan_of(lines, 150.0 * money, split=Split("6:4"))
                yield f"{shape}, money {money:g}, outcomes {outcomes:g}", Case(plan)
        rng = np.random.default_rng([seed, 8])
        sizes = (1e-6, 1e-3, 1.0, 1e3, 1e6)
        apart = [
            Line(f"c{i}", SHAPES[shape](rng, 100 * size, 100 * size), value=1.0)
            for i, size in enumerate(sizes)
        ]
        yield f"{shape}, a line of a millionth beside one of a million", Case(plan_of(apart, 1.2e8))
        worth = [
            Line(f"c{i}", SHAPES[shape](rng), value=size, role="brand" if i % 2 else "traffic")
            for i, size in enumerate(sizes)
        ]
        yield (
            f"{shape}, outcomes worth a millionth to a million",
            Case(plan_of(worth, 150.0, split=Split("5:5"))),
        )
        rare = [Line(f"c{i}", SHAPES[shape](rng, 100.0, 1e-6 * 10**i), value=1e6) for i in range(5)]
        yield f"{shape}, rare and dear outcomes", Case(plan_of(rare, constraints=(Target(1e-4),)))
    tiny = [
        Line(f"c{i}", Elasticity(100.0, 2.0, e), value=1.0) for i, e in enumerate((1e-3, 0.999))
    ]
    yield "elasticities near nothing and one", Case(plan_of(tiny))
    far = [Line(f"c{i}", Hill(100.0, 1e9, s), value=1.0) for i, s in enumerate((0.5, 2.0, 6.0))]
    yield "far below every half", Case(plan_of(far))
    near = [Line(f"c{i}", Hill(100.0, 1e-3, s), value=1.0) for i, s in enumerate((0.5, 2.0, 6.0))]
    yield "far above every half", Case(plan_of(near))


def zero_width(seed: int) -> Iterator[tuple[str, Case]]:
    """Lines without a choice beside lines that have one."""
    for shape, curves in SHAPES.items():
        rng = np.random.default_rng([seed, 9])
        lines = list(lines_of(curves, rng))
        pinned = [replace(x, minimum=20.0, maximum=20.0) for x in lines[:3]]
        locked = [replace(x, locked=10.0, current=None) for x in lines[3:5]]
        yield f"{shape}, some", Case(plan_of([*pinned, *locked, lines[5]]))
        shut = [Line(f"d{i}", Power(3.0, 0.4), value=1.0, locked=0.0) for i in range(2)]
        yield f"{shape}, beside vertical ones at nothing", Case(plan_of([*lines, *shut]))
        yield f"{shape}, all", Case(plan_of([*pinned, *locked]))
        yield (
            f"{shape}, at nothing",
            Case(plan_of([replace(x, maximum=0.0) for x in lines[:2]] + lines[2:])),
        )
        yield f"{shape}, no money", Case(plan_of(lines, 0.0))
        whole = [replace(x, minimum_if_active=40.0, maximum=40.0) for x in lines]
        yield f"{shape}, all or nothing", Case(plan_of(whole))
        barely = [replace(x, minimum=20.0, maximum=20.0 + 1e-9) for x in lines]
        yield f"{shape}, a hair's breadth", Case(plan_of(barely))


def ties(seed: int) -> Iterator[tuple[str, Case]]:
    """Equal lines: many optima, one value."""
    curves = {
        "linear": Linear(1.0),
        "log": Log(50.0, 30.0),
        "hill": Hill(100.0, 50.0, 3.0),
        "points": Points((20.0, 30.0, 90.0), (4.0, 40.0, 80.0)),
    }
    for name, curve in curves.items():
        lines = [
            Line(f"c{i}", curve, role="brand" if i % 2 else "traffic", value=1.0, maximum=70.0)
            for i in range(8)
        ]
        yield name, Case(plan_of(lines, 240.0, split=Split("5:5")))
        floors = [replace(line, minimum_if_active=30.0) for line in lines]
        yield f"{name}, off or on", Case(plan_of(floors, 240.0))
        yield f"{name}, counted", Case(plan_of(lines, 240.0, constraints=(ActiveLines(at_most=3),)))


def switches(seed: int) -> Iterator[tuple[str, Case]]:
    """Lines that are on or off, counted, or changed."""
    rules = {
        "floors": (),
        "floors and split": (Split("6:4"),),
        "at least": (ActiveLines(at_least=3), Spend("c0", at_most=50.0)),
        "at least and at most": (ActiveLines(at_least=2, at_most=3, per="role"),),
        "none may be on": (ActiveLines(at_most=0),),
        "no change": (Changes(at_most=0),),
        "few changes, spent whole": (Changes(at_most=2), SpendAll()),
        "large changes": (Changes(at_least=30.0),),
        "floors, split and target": (Split("5:5", tolerance=0.1), Target(40.0)),
    }
    for shape, curves in SHAPES.items():
        for name, some in rules.items():
            rng = np.random.default_rng([seed, len(name)])
            lines = lines_of(curves, rng, minimum_if_active=15.0)
            yield f"{shape}, {name}", Case(plan_of(lines, constraints=some))


def just_feasible(seed: int) -> Iterator[tuple[str, Case]]:
    """One plan keeps the rules, and nothing is left to choose."""
    for shape, curves in SHAPES.items():
        rng = np.random.default_rng([seed, 11])
        lines = lines_of(curves, rng)
        even = [replace(line, minimum=25.0) for line in lines]
        yield f"{shape}, minima are the budget", Case(plan_of(even))
        full = [replace(line, maximum=25.0) for line in lines]
        yield f"{shape}, maxima are the budget", Case(plan_of(full, constraints=(SpendAll(),)))
        brand = [replace(x, maximum=30.0) if x.role == "brand" else x for x in lines]
        yield (
            f"{shape}, maxima are the share",
            Case(plan_of(brand, constraints=(SpendAll(),), split=Split("6:4"))),
        )
        thirds = [replace(line, minimum=1e6 / 6) for line in lines]
        yield f"{shape}, minima that no computer holds exactly", Case(plan_of(thirds, 1e6))
        zero = (Spend("c0", at_most=0.0), Spend("c1", at_least=150.0, name="rest"))
        # Only two rules together close the third channel: where its curves are vertical at nothing,
        # no finite prices prove the last digits.
        open_ = True if shape in {"straight", "s-shaped"} else None
        yield f"{shape}, all to one channel", Case(plan_of(lines, constraints=zero), open_)


def a_cent_short(seed: int) -> Iterator[tuple[str, Case]]:
    """No plan keeps the rules, and a cent would do."""
    cent, budget = 0.01, 1e6
    for shape, curves in SHAPES.items():
        rng = np.random.default_rng([seed, 12])
        lines = lines_of(lambda r, draw=curves: draw(r, budget, budget), rng)
        lines = [replace(line, current=None) for line in lines]
        each = (budget + cent) / 6
        least = [replace(line, minimum=each) for line in lines]
        minima = {f"{line.name} minimum" for line in lines}
        yield (
            f"{shape}, minima",
            Case(plan_of(least, budget), False, frozenset({"budget", *minima}), cent),
        )
        most = [replace(line, maximum=(budget - cent) / 6) for line in lines]
        maxima = frozenset({"spend_all", *(f"{line.name} maximum" for line in lines)})
        yield (
            f"{shape}, maxima",
            Case(plan_of(most, budget, constraints=(SpendAll(),)), False, maxima, cent),
        )
        brand = [
            replace(x, maximum=(0.6 * budget - cent) / 3) if x.role == "brand" else x for x in lines
        ]
        names = {f"{line.name} maximum" for line in lines if line.role == "brand"}
        yield (
            f"{shape}, share",
            Case(
                plan_of(brand, budget, constraints=(SpendAll(),), split=Split("6:4")),
                False,
                frozenset({"split", "spend_all", *names}),
                cent,
            ),
        )
        two = (
            Spend("c0", at_least=0.7 * budget, name="one"),
            Spend("c1", at_least=0.3 * budget + cent, name="other"),
        )
        yield (
            f"{shape}, two rules",
            Case(
                plan_of(lines, budget, constraints=two),
                False,
                frozenset({"budget", "one", "other"}),
                cent,
            ),
        )
        on = [replace(line, minimum_if_active=budget / 2 + cent / 2) for line in lines]
        floors = {f"{line.name} minimum if active" for line in lines}
        yield (
            f"{shape}, floors",
            Case(
                plan_of(on, budget, constraints=(ActiveLines(at_least=2),)),
                False,
                frozenset({"budget", "active_lines", *floors}),
                cent,
            ),
        )


def over_time(seed: int) -> Iterator[tuple[str, Case]]:
    """Four quarters with carry-over, goodwill and a funnel, under the rules that speak of time."""
    funnel = Funnel(("lead", "deal"), {"lead": 0.2}, {"deal": 9.0}, {"lead": 1}, {"lead": 60.0})
    rules = {
        "free": (),
        "split": (Split("6:4", per="period"),),
        "pacing": (Pacing(0.3),),
        "flights": (Flights(2, where="c0"),),
        "cost cap": (CostCap(5.0, "lead"),),
        "lifts": (Pacing(0.5), Target(40.0)),
        "all at once": (
            Pacing(0.5),
            Flights(2, where="c1"),
            Target(40.0),
            Split("5:5", tolerance=0.2),
        ),
    }
    for shape in ("concave", "s-shaped"):
        for name, some in rules.items():
            rng = np.random.default_rng([seed, 13, len(name)])
            lifts = (
                {"c0.traffic": Lift(0.4, 1.0), "c1.traffic": Lift(0.2, 3.0)}
                if name == "lifts"
                else {}
            )
            brand = Goodwill(Log(30.0, 60.0), retention=0.7, lifts=lifts, outcome="lead")
            lines = [
                replace(
                    line,
                    outcome="lead",
                    value=None,
                    carryover=(Geometric(0.5), None, Delayed(0.5, 1, 4))[i % 3],
                    demand={"Q2": 1.3},
                    minimum_if_active=10.0 if any(isinstance(x, Flights) for x in some) else 0.0,
                )
                for i, line in enumerate(lines_of(SHAPES[shape], rng, 4))
            ]
            plan = plan_of(
                lines,
                400.0,
                constraints=some,
                funnel=funnel,
                periods=Periods("2027-Q1", 4, "quarter", 6),
                goodwill=brand,
            )
            yield f"{shape}, {name}", Case(plan, None)


def hard(_seed: int) -> Iterator[tuple[str, Case]]:
    """More digits than a computer holds: what is not proven must be said."""
    steep = [
        Line(f"c{i}", Power(50.0, e), role="brand" if i % 2 else "traffic", value=1.0)
        for i, e in enumerate((0.01, 0.05, 0.5, 1.0))
    ]
    yield "vertical at nothing", Case(plan_of(steep), None)
    yield "vertical at nothing, large", Case(plan_of(steep, 1e12), None)
    yield (
        "vertical, but closed",
        Case(plan_of(steep, constraints=(Spend(["c0", "c1"], at_most=0.0),)), None),
    )
    least = plan_of(steep, objective=LowestSpend(), constraints=(Split("5:5"), Target(40.0)))
    yield "a target met by a millionth", Case(least, None)


FAMILIES: dict[str, Callable[[int], Iterator[tuple[str, Case]]]] = {
    "rules": each_rule,
    "objectives": each_objective,
    "mixed": mixed,
    "near-degenerate": near_degenerate,
    "scales": scales,
    "zero width": zero_width,
    "ties": ties,
    "switches": switches,
    "just feasible": just_feasible,
    "a cent short": a_cent_short,
    "over time": over_time,
    "hard": hard,
}


def cases(seed: int = 0) -> dict[str, Case]:
    """Every case by its name; another *seed* gives other curves."""
    return {
        f"{family}: {name}": case for family, make in FAMILIES.items() for name, case in make(seed)
    }
