"""What analyses show a person: plans side by side, prices, and what moves when inputs do."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from optimizer.words import label, money, percent, say
from optimizer.words.rules import rule_name
from optimizer.words.voice import Voice

from .numbers import NONE, Scale, bar, near, plain_cell, short, there

if TYPE_CHECKING:
    from optimizer.allocation import Allocation
    from optimizer.analysis.comparison import Comparison
    from optimizer.analysis.horizon import Horizons
    from optimizer.analysis.prices import Prices
    from optimizer.analysis.sweep import Sweep
    from optimizer.analysis.tornado import Tornado
    from optimizer.plan.plan import Plan

    from .paper import Paper

__all__ = ["comparison", "grid", "horizons", "prices", "sweep", "tornado"]

_CHANGES = 15
"""So many changed inputs of a plan are told: another company's plan differs in hundreds."""


class _Worth:
    """Values of the objective in one table: money in one unit, or outcomes."""

    def __init__(self, paper: Paper, plan: Plan, sizes: Iterable[Any]) -> None:
        self.voice = Voice(plan, paper.lang)
        self.scale = Scale.of(sizes, plan.currency, paper.lang)
        self.lang = paper.lang

    @property
    def head(self) -> str:
        """What the values count."""
        noun = self.voice.noun
        return noun[:1].upper() + noun[1:]

    @property
    def note(self) -> str:
        """The unit of money."""
        return self.scale.note if self.voice.counts_money else ""

    def cell(self, value: Any) -> str:
        """One value, as a reader counts it."""
        if not there(value):
            return NONE
        shown = self.voice.worth(float(value))
        return self.scale.cell(shown) if self.voice.counts_money else short(shown, self.lang)

    def amount(self, value: Any) -> str:
        """A value by itself, with its unit."""
        if not there(value):
            return NONE
        if self.voice.counts_money and abs(value) < 100:
            return self.voice.money(float(value), digits=2)
        return self.voice.amount(float(value))


def comparison(paper: Paper, result: Comparison, plans: Mapping[str, Plan]) -> None:
    """Several plans side by side."""
    from optimizer.analysis.comparison import goal_of

    frame: Any = result.frame
    first = next(iter(plans.values()))
    scale = Scale.of([*frame["spent"], *frame["budget"]], first.currency, paper.lang)
    rows: list[list[Any]] = []
    for row in frame.itertuples():
        plan = plans[row.name]
        worth = _Worth(paper, plan, [*frame["value"]])
        same = goal_of(plan) == goal_of(first)
        change = worth.scale.change(row.change) if worth.voice.counts_money else short(
            row.change, paper.lang)  # fmt: skip
        rows.append(
            [
                str(row.name),
                scale.cell(row.budget),
                scale.cell(row.spent),
                worth.cell(row.value) + ("" if same else f" {worth.voice.noun}"),
                change if same and rows else "",
                percent(row.brand_share, paper.lang) if there(row.brand_share) else NONE,
                _move(row, first, paper.lang),
                "" if row.status == "optimal" else paper.say(str(row.status)),
            ]
        )
    worth = _Worth(paper, first, [*frame["value"]])
    heads = [paper.say(key) for key in ("name", "budget", "spent", "value", "change", "brand")]
    heads[3] = worth.head
    keep = list(range(8 if any(row[7] for row in rows) else 7))
    paper.table(
        [([*heads, paper.say("moved_most"), paper.say("status")])[k] for k in keep],
        [[row[k] for k in keep] for row in rows],
        words=(0, 6, 7),
        wraps=(6,),
    )
    paper.print()
    paper.print(scale.note, "dim")
    for row in frame.itertuples():
        if row.reason:
            paper.print(f"{row.name}: {row.reason}", "yellow")
    _inputs(paper, result)
    _rules(paper, result, plans)
    alike = [name for name, plan in plans.items() if goal_of(plan) == goal_of(first)]
    _regret(paper, result, worth, alike)
    for sentence in result.sentences(paper.lang):
        paper.print(sentence)


def _rules(paper: Paper, result: Comparison, plans: Mapping[str, Plan]) -> None:
    """What easing a rule by one unit gains in each plan, and what dropping it would."""
    frame: Any = result.rules
    names = list(dict.fromkeys(frame["name"]))
    told: dict[tuple[str, str], dict[str, tuple[str, str]]] = {}
    for row in frame[frame["binding"].astype(bool)].itertuples():
        plan = plans[row.name]
        worth = _Worth(paper, plan, [])
        rule = rule_name(str(row.rule), plan, paper.lang, str(row.part or ""))
        cells = (worth.amount(row.price), worth.amount(row.cost))
        told.setdefault((rule, str(row.unit)), {})[row.name] = cells
    if not told:
        return
    paper.title(paper.say("rules_of_each"))
    if paper.is_terminal and 14 * len(names) + 30 > paper.console.width:
        paper.table(
            [paper.say(key) for key in ("name", "rule", "price", "per", "cost")],
            [
                [name, rule, found[name][0], _per(paper, unit, plans[name]), found[name][1]]
                for name in names
                for (rule, unit), found in told.items()
                if name in found
            ],
            words=(0, 1, 3),
            wraps=(1,),
        )
        return
    first = next(iter(plans.values()))
    nothing = (NONE, NONE)
    rows = []
    for (rule, unit), found in told.items():
        each = [found.get(name, nothing) for name in names]
        rows.append([rule, f"+ {_per(paper, unit, first)}", *(price for price, _ in each)])
        rows.append(["", paper.say("dropped"), *(cost for _, cost in each)])
    paper.table([paper.say("rule"), "", *names], rows, words=(0, 1), wraps=(0,))


def _per(paper: Paper, unit: str, plan: Plan) -> str:
    """One unit of a rule."""
    if unit == "money":
        return money(1.0, plan.currency, paper.lang, digits=0)
    return paper.say(f"unit_{unit}")


def _move(row: Any, plan: Plan, lang: str) -> str:
    if not there(row.largest_move_money) or not row.largest_move:
        return ""
    cash = money(row.largest_move_money, plan.currency, lang, compact=True, signed=True)
    return f"{label(str(row.largest_move), lang)} {cash}"


def _inputs(paper: Paper, result: Comparison) -> None:
    frame: Any = result.inputs
    if not len(frame):
        return
    paper.title(paper.say("inputs_title"))
    rows, left = [], []
    for name, own in frame.groupby("name", sort=False):
        for _, path, first, this in own.head(_CHANGES).itertuples(index=False, name=None):
            rows.append([str(name), str(path), plain_cell(first), "→", plain_cell(this)])
        if len(own) > _CHANGES:
            left.append(paper.say("inputs_left", name=name, count=len(own) - _CHANGES))
    paper.table(["", "", "", "", ""], rows, words=(0, 1, 3), wraps=(2, 4))
    for text in left:
        paper.print(text, "dim")


def _regret(paper: Paper, result: Comparison, worth: _Worth, names: Sequence[str]) -> None:
    """What a wrong bet costs, among plans that count the same."""
    regret: Any = result.regret
    alike = [name for name in regret.index if name in names]
    regret = regret.loc[alike, alike]
    if len(regret) < 2:
        return
    paper.title(paper.say("regret_title"))
    room = 14 * len(regret.columns) + 16
    if paper.is_terminal and room > paper.console.width:
        worst = regret.max(axis=1)
        where = regret.fillna(-1.0).idxmax(axis=1)
        broken = regret.isna().sum(axis=1)
        heads = ("name", "worst_regret", "in_world", "breaks_in")
        paper.table(
            [paper.say(key) for key in heads],
            [
                [
                    str(name),
                    worth.cell(worst[name]),
                    str(where[name]) if worst[name] > 0 else "",
                    paper.say("worlds", count=int(broken[name])) if broken[name] else "",
                ]
                for name in regret.index
            ],
            words=(0, 2, 3),
        )
        return
    paper.table(
        ["", *map(str, regret.columns)],
        [
            [str(name), *map(worth.cell, row)]
            for name, row in zip(regret.index, regret.to_numpy(), strict=True)
        ],
    )


def prices(paper: Paper, result: Prices, answer: Allocation) -> None:
    """What every rule that binds costs."""
    plan, lang = answer.plan, paper.lang
    frame: Any = result.frame
    worth = _Worth(paper, plan, [answer.objective])

    def reach(value: Any, unit: str) -> str:
        if value is None or math.isnan(value):
            return NONE
        if math.isinf(value):
            return "∞"
        if unit == "money":
            return money(value, plan.currency, lang, compact=True)
        return short(value, lang)

    rows = [
        [
            rule_name(str(row.rule), plan, lang, str(row.part or "")),
            worth.amount(row.price),
            _per(paper, str(row.unit), plan),
            reach(row.holds_up_to, str(row.unit)),
            worth.amount(row.cost),
        ]
        for row in frame[frame["binding"].astype(bool)].itertuples()
        if row.price is None or row.price > 1e-9 or (there(row.cost) and row.cost > 1e-9)
    ]
    paper.print(paper.say("prices_title"), "bold")
    if not rows:
        paper.print(f"  {say('binds.none', lang)}")
        return
    heads = ("rule", "price", "per", "holds_up_to", "cost")
    paper.table([paper.say(key) for key in heads], rows, words=(0, 2), wraps=(0,))
    paper.print()
    paper.print(paper.say("prices_note"), "dim")


def tornado(paper: Paper, result: Tornado, spread: float, top: int) -> None:
    """What the answer depends on, the largest swing first."""
    frame: Any = result.frame
    shown = frame if top <= 0 else frame.head(top)
    sides = [*frame["reoptimised_low"], *frame["reoptimised_high"], result.base]
    worth = _Worth(paper, result.plan, sides)
    paper.title(paper.say("tornado_title", noun=worth.head, base=worth.amount(result.base),
                          spread=percent(spread, paper.lang, 0)))  # fmt: skip
    longest = max((abs(v) for v in frame["swing"] if there(v)), default=0.0)
    rows = [
        [
            str(row.label or row.path),
            short(row.value, paper.lang),
            worth.cell(row.reoptimised_low),
            worth.cell(row.reoptimised_high),
            worth.scale.cell(row.swing)
            if worth.voice.counts_money
            else short(row.swing, paper.lang),
            bar(row.swing, longest, 10),
            str(row.grade or NONE),
        ]
        for row in shown.itertuples()
    ]
    heads = [paper.say(key) for key in ("assumption", "as_stated", "low", "high", "swing")]
    heads += ["", paper.say("grade")]
    wide = not paper.is_terminal or paper.console.width >= 100
    keep = [position for position in range(7) if wide or position != 5]
    paper.table(
        [heads[k] for k in keep],
        [[row[k] for k in keep] for row in rows],
        words=[i for i, k in enumerate(keep) if k in {0, 5, 6}],
        wraps=[0],
    )
    paper.print()
    if len(shown) < len(frame):
        paper.print(paper.say("more_rows", count=len(frame) - len(shown)), "dim")
    if worth.note:
        paper.print(worth.note, "dim")


def sweep(paper: Paper, result: Sweep) -> None:
    """One input over a range."""
    frame: Any = result.frame
    plan, lang = result.plan, paper.lang
    scale = Scale.of([*frame["spent"]], plan.currency, lang)
    worth = _Worth(paper, plan, [*frame["value"]])
    values = [worth.voice.worth(v) for v in frame["value"] if there(v)]
    low, high = min(values, default=0.0), max(values, default=0.0)
    floor = low - 0.05 * (high - low)
    marked = False
    rows = []
    for row in frame.itertuples():
        marks = "*" * near(row.x, result.stated) + "°" * near(row.x, result.today)
        marked = marked or bool(marks)
        size = worth.voice.worth(row.value) - floor if there(row.value) else None
        rows.append(
            [
                _x(row.x, result.unit, plan, lang) + f"{marks:<2}",
                worth.cell(row.value),
                bar(size, high - floor, 16),
                scale.cell(row.spent),
                short(row.marginal, lang),
                percent(row.brand_share, lang) if there(row.brand_share) else NONE,
                "" if row.status == "optimal" else paper.say(str(row.status)),
            ]
        )
    one = money(1.0, plan.currency, lang, digits=0)
    heads = [
        f"{result.path}  ",
        worth.head,
        "",
        paper.say("spent"),
        paper.say("next_unit", one=one),
        paper.say("brand"),
        paper.say("status"),
    ]
    keep = list(range(7 if any(row[6] for row in rows) else 6))
    paper.table([heads[k] for k in keep], [[row[k] for k in keep] for row in rows], words=(2, 6))
    paper.print()
    if marked:
        paper.print(paper.say("marks"), "dim")
    paper.print(scale.note, "dim")
    if plan.risk is not None:
        paper.print(paper.say("under_risk"), "dim")
    if result.best is not None:
        key = "best_share" if result.unit == "share" else "best_budget"
        paper.print(paper.say(key, best=_x(result.best, result.unit, plan, lang)))
    for reason in dict.fromkeys(frame["reason"]):
        if reason:
            paper.print(str(reason), "yellow")


def horizons(paper: Paper, found: Horizons) -> None:
    """The best split for each horizon, and what the brand rule costs there."""
    frame: Any = found.frame
    worth = _Worth(paper, found.plan, [*frame["value_rule"], *frame["value_free"]])
    rows = [
        [
            f"{row.horizon:.0f}",
            row.label,
            percent(row.brand_share, paper.lang) if there(row.brand_share) else NONE,
            worth.cell(row.value_free),
            worth.cell(row.value_rule),
            worth.cell(row.cost),
            "" if row.status == "optimal" else paper.say(str(row.status)),
        ]
        for row in frame.itertuples()
    ]
    heads = [
        paper.say(f"{found.every}s"),
        paper.say("until"),
        paper.say("best_brand"),
        paper.say("without_rule"),
        paper.say("with_rule", rule=percent(found.rule_share, paper.lang, 0)),
        paper.say("rule_costs"),
        paper.say("status"),
    ]
    keep = list(range(7 if any(row[6] for row in rows) else 6))
    paper.table([heads[k] for k in keep], [[row[k] for k in keep] for row in rows], words=(1, 6))
    paper.print()
    paper.print(" · ".join(filter(None, (worth.head, worth.note))), "dim")
    for sentence in found.sentences(paper.lang):
        paper.print(sentence)
    for reason in dict.fromkeys(frame["reason"]):
        if reason:
            paper.print(reason, "dim")


def grid(paper: Paper, frame: Any, paths: Sequence[str], plan: Plan) -> None:
    """Two inputs over their ranges: the value at every pair."""
    one, two = paths
    worth = _Worth(paper, plan, [*frame["value"]])
    values = dict(zip(zip(frame["x1"], frame["x2"], strict=True), frame["value"], strict=True))
    ones, twos = dict.fromkeys(frame["x1"]), list(dict.fromkeys(frame["x2"]))
    fits = max((paper.console.width - 24) // 12, 2) if paper.is_terminal else len(twos)
    count = len(twos)
    if count > fits:
        twos = [twos[round(k * (count - 1) / (fits - 1))] for k in range(fits)]
    paper.print(paper.say("grid_title", value=worth.head, one=one, two=two), "bold")
    paper.table(
        [f"{one} ↓ {two} →", *(_x(x, _unit(two), plan, paper.lang) for x in twos)],
        [
            [_x(x, _unit(one), plan, paper.lang), *(worth.cell(values.get((x, y))) for y in twos)]
            for x in ones
        ],
    )
    paper.print()
    if worth.note:
        paper.print(worth.note, "dim")
    if count > fits:
        paper.print(paper.say("some_columns", some=fits, count=count), "dim")
    lost: Any = frame[frame["reason"] != ""]
    if len(lost):
        paper.print(paper.say("lost_points", count=len(lost), reason=lost["reason"].iloc[0]), "dim")


def _unit(path: str) -> str:
    """How the values of a path are written."""
    if path.startswith("split."):
        return "share"
    return "money" if path == "budget" else ""


def _x(value: float, unit: str, plan: Plan, lang: str) -> str:
    if unit == "share":
        return percent(value, lang)
    if unit == "money":
        return money(value, plan.currency, lang, compact=True, digits=2)
    return short(value, lang)
