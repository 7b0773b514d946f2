"""What each command shows a person: results as tables and sentences on a :class:`Paper`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from optimizer.plan.flows import CAPACITY
from optimizer.words import label, money, number, percent, round_to_total, say
from optimizer.words.rules import rule_name
from optimizer.words.voice import Voice

from .numbers import NONE, Scale, bar, near, plain_cell, short, there

if TYPE_CHECKING:
    from optimizer.allocation import Allocation
    from optimizer.analysis.comparison import Comparison
    from optimizer.analysis.explanation import Explanation, Statement
    from optimizer.analysis.horizon import Horizons
    from optimizer.analysis.prices import Prices
    from optimizer.analysis.sweep import Sweep
    from optimizer.analysis.tornado import Tornado
    from optimizer.analysis.verification import Verification
    from optimizer.plan.plan import Plan

    from .diagnosis import Diagnosis
    from .paper import Paper
    from .review import Review

__all__ = [
    "allocation",
    "any_frame",
    "charts",
    "comparison",
    "diagnosis",
    "grid",
    "horizons",
    "prices",
    "review",
    "sweep",
    "tornado",
    "verification",
]

_WIDE = 110
"""Columns of a terminal that has room for what holds a line in some periods."""

# --- One plan -------------------------------------------------------------------------------------


def allocation(paper: Paper, answer: Allocation, told: Explanation) -> None:
    """The answer to one plan: what to do, the table, and why it is so."""
    paper.print(answer.plan.name, "dim")
    for label_ in answer.plan.applied:
        paper.print(f"+ {label_}", "dim")
    paper.print(told.headline.text, "bold")
    paper.print()
    _lines(paper, answer)
    _statements(paper, "risk", told.risk)
    _statements(paper, "moves", told.moves)
    rules = told.rules
    if answer.plan.periods is not None:
        rules = tuple(rule for rule in rules if not rule.rule.startswith(f"{CAPACITY} "))
        _over_time(paper, answer, [rule for rule in told.rules if rule not in rules])
    _statements(paper, "rules", rules)
    _statements(paper, "alerts", told.alerts, "yellow")
    paper.print()
    paper.print(told.proof.text, "green" if answer.status == "optimal" else "yellow")


def _over_time(paper: Paper, answer: Allocation, capacity: Sequence[Statement]) -> None:
    """When the money goes out and what comes in, the funnel and goodwill."""
    from . import phasing

    phasing.phasing(paper, answer)
    if answer.plan.funnel is not None:
        phasing.funnel(paper, answer, capacity)
    if answer.plan.goodwill is not None:
        phasing.goodwill(paper, answer)


def _statements(paper: Paper, key: str, statements: Sequence[Statement], style: str = "") -> None:
    if statements:
        paper.title(paper.say(key))
        paper.bullets((statement.text for statement in statements), style)


def _lines(paper: Paper, answer: Allocation) -> None:
    frame: Any = answer.by_line
    plan, lang = answer.plan, paper.lang
    known, unknown = bool(frame["current"].notna().all()), bool(frame["current"].isna().all())
    before = float(frame["current"].sum())
    scale = Scale.of([answer.spent, before, plan.budget], plan.currency, lang)
    held = _held_by(paper, answer)
    hundred = 100.0 if answer.spent > 0 else 0.0
    head, marginal, note = _marginal(paper, answer)
    columns: list[tuple[str, Iterable[Any], Any]] = [
        ("line", [label(name, lang) for name in frame["line"]], paper.say("total")),
        (
            "today",
            scale.column(frame["current"]) if known else map(scale.cell, frame["current"]),
            scale.cell(before) if known else NONE,
        ),
        (
            "recommended" if answer.status else "spend",
            scale.column(frame["spend"]),
            scale.cell(answer.spent),
        ),
        (
            "change",
            scale.changes(frame["current"], frame["spend"])
            if known
            else map(scale.change, frame["change"]),
            scale.change(
                (scale.rounded([answer.spent])[0] - scale.rounded([before])[0]) * scale.unit
                if known
                else None
            ),
        ),
        (
            "share",
            [number(v, lang, 1) + "%" for v in round_to_total(frame["share"] * 100, hundred, 1)],
            percent(1.0, lang) if answer.spent > 0 else NONE,
        ),
        ("", marginal, ""),
        ("held_by", held, ""),
    ]
    empty = {"today", "change"} if unknown else set()
    # What holds a line in some periods takes more room than a narrow table has.
    apart = paper.is_terminal and paper.console.width < _WIDE and plan.periods is not None
    if apart or not any(held):
        empty.add("held_by")
    columns = [column for column in columns if column[0] not in empty]
    paper.table(
        [paper.say(key) if key else head for key, _, _ in columns],
        zip(*(cells for _, cells, _ in columns), strict=True),
        words=[i for i, column in enumerate(columns) if column[0] in {"line", "held_by"}],
        wraps=[i for i, column in enumerate(columns) if column[0] == "held_by"],
        footer=[total for _, _, total in columns],
    )
    paper.print()
    for remark in filter(None, (scale.note, note, _roles(paper, answer))):
        paper.print(remark, "dim")
    if apart and any(held):
        paper.title(paper.say("held_by"))
        names = (label(name, lang) for name in frame["line"])
        paper.bullets(f"{name}: {words}" for name, words in zip(names, held, strict=True) if words)


def _marginal(paper: Paper, answer: Allocation) -> tuple[str, list[str], str]:
    """What a little more money on each line brings: heading, cells, and a remark."""
    plan, lang = answer.plan, paper.lang
    values: Any = answer.by_line["marginal_return"]
    in_money = bool(values.notna().any())
    unit = 1.0 if in_money else 1000.0
    one = money(unit, plan.currency, lang, digits=0)
    if in_money:
        cells = [money(v, plan.currency, lang, digits=2) if there(v) else NONE for v in values]
    else:
        slopes = answer.marginal_outcomes * unit
        cells = [short(float(slope), lang) for slope in slopes]
    what = paper.say("revenue" if in_money else "outcomes")
    return paper.say("marginal", one=one), cells, paper.say("marginal_note", one=one, what=what)


def _held_by(paper: Paper, answer: Allocation) -> list[str]:
    """What keeps each line where it is: a limit of its own, or rules that not all lines share."""
    from optimizer.analysis.standing import held_by

    cells = []
    held = held_by(answer, paper.lang)
    for line, at, rules in zip(answer.plan.lines, answer.by_line["at"], held, strict=True):
        own = "locked" if line.locked is not None else at
        words = [paper.say(own)] if isinstance(own, str) else []
        cells.append(", ".join(dict.fromkeys([*words, *rules])))
    return cells


def _roles(paper: Paper, answer: Allocation) -> str:
    """The split of the spend between roles, now and today."""
    frame: Any = answer.by_role
    frame = frame[frame["role"] != ""]
    if len(frame) < 2 or answer.spent <= 0:
        return ""
    names = " : ".join(label(role, paper.lang) for role in frame["role"])
    now = " : ".join(percent(share, paper.lang) for share in frame["share"])
    current = frame["current"]
    if current.notna().all() and current.sum() > 0:
        was = " : ".join(percent(money_ / current.sum(), paper.lang) for money_ in current)
        return paper.say("roles_today", names=names, now=now, was=was)
    return paper.say("roles", names=names, now=now)


# --- Analyses -------------------------------------------------------------------------------------


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
    rows = []
    for name, path, first, this in frame.itertuples(index=False, name=None):
        rows.append([str(name), str(path), plain_cell(first), "→", plain_cell(this)])
    paper.table(["", "", "", "", ""], rows, words=(0, 1, 3), wraps=(2, 4))


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


# --- Without a plan -------------------------------------------------------------------------------


def review(paper: Paper, found: Review) -> None:
    """What a scenario holds, without solving it."""
    plan, lang = found.plan, paper.lang
    paper.print(plan.name, "bold")
    key = "check_ok_one" if len(found.warnings) == 1 else "check_ok"
    counts = {"lines": len(plan.lines), "rules": len(found.rules), "what_ifs": len(found.what_ifs)}
    paper.print(
        paper.say(key, warnings=len(found.warnings), **counts),
        "yellow" if found.warnings else "green",
    )
    paper.print(f"{paper.say('goal')}: {found.goal}")
    paper.print()
    frame: Any = found.lines
    scale = Scale.of([plan.budget, frame["current"].sum()], plan.currency, lang)
    heads = [paper.say(key) for key in ("line", "curve", "today", "minimum", "maximum", "observed")]
    limits = ("current", "minimum", "maximum", "observed")
    paper.table(
        heads,
        [
            [label(row["line"], lang), row["curve"], *(scale.cell(row[key]) for key in limits)]
            for row in frame.to_dict("records")
        ],
        words=(0, 1),
    )
    paper.print()
    every = None if plan.periods is None else plan.periods.every
    unit = scale.note if every is None else paper.say(f"per_{every}", unit=scale.note)
    paper.print(unit, "dim")
    for key, remarks, style in (
        ("rules_in_force", found.rules, ""),
        ("warnings", found.warnings, "yellow"),
        ("notes", found.notes, ""),
    ):
        if remarks:
            paper.title(paper.say(key))
            paper.bullets((remark.says for remark in remarks), style)
    if found.what_ifs:
        paper.title(paper.say("what_ifs"))
        paper.bullets([", ".join(found.what_ifs)])
    if plan.applied:
        paper.title(paper.say("applied"))
        paper.bullets(plan.applied)


def verification(paper: Paper, found: Verification) -> None:
    """What was checked, and whether the result holds."""
    paper.print(found.plan.name, "dim")
    marks = {True: "✓", False: "✗", None: "?"}
    for check in found.checks:
        style = {True: "", False: "red", None: "dim"}[check.holds]
        paper.print(f"{marks[check.holds]} {check.says}", style)
        paper.bullets(check.faults, "red")
    paper.print()
    key = "holds" if found.holds else "does_not_hold"
    paper.print(paper.say(key), "bold green" if found.holds else "bold red")


def diagnosis(paper: Paper, found: Diagnosis) -> None:
    """What was looked at, and what to do."""
    paper.table(
        ["", "", "", ""],
        [["✓" if one.ok else "✗", one.what, one.found, one.advice] for one in found.checks],
        words=(0, 1, 2, 3),
        wraps=(2, 3),
    )


def charts(paper: Paper, kinds: Sequence[Any]) -> None:
    """The charts that a plan has, by name; of some there are several."""
    rows = [[f"{one.name}-…" if one.is_many else one.name, one.shows(paper.lang)] for one in kinds]
    paper.table([paper.say("chart"), paper.say("shows")], rows, words=(0, 1), wraps=(1,))


def any_frame(paper: Paper, frame: Any) -> None:
    """Any table as it is."""
    words = [
        position
        for position, name in enumerate(frame.columns)
        if any(isinstance(value, str) for value in frame[name])
    ]
    rows = [[plain_cell(v) for v in row] for row in frame.itertuples(index=False, name=None)]
    paper.table([str(name) for name in frame.columns], rows, words=words, wraps=words[1:2])
