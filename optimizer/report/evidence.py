"""The sections about what the answer depends on; each needs its analysis."""

from __future__ import annotations

import math
from typing import Any

from optimizer.analysis.explanation import SMALLEST
from optimizer.analysis.telling import SMALL
from optimizer.plan.flows import CAPACITY
from optimizer.words import listed
from optimizer.words.rules import capacity_in_words, rule_in_words, rule_name

from . import charts
from .blocks import Chart, Column, Section, Table
from .charts.ranges import frontier_columns, peak, row_at
from .tables import cell, percent
from .view import View

__all__ = ["brand_rule", "frontier", "price_in_words", "prices", "scenarios", "tornado"]


def frontier(view: View, sweep: Any) -> Section:
    """How much to spend at all."""
    voice, solved = view.voice, sweep.frame[sweep.frame["value"].notna()]
    columns = frontier_columns(view)
    main, noun = columns[-1]
    if solved.empty:
        title = view.say("section.frontier")
    elif main == "profit":
        top = voice.cash(peak(solved)["x"])
        if sweep.best is not None:
            title = view.say("chart.frontier.title_enough", enough=voice.cash(sweep.best))
        elif peak(solved)["x"] >= solved["x"].max():
            title = view.say("chart.frontier.title_edge", edge=top)
        elif peak(solved)["x"] <= solved["x"].min():
            title = view.say("chart.frontier.title_low", edge=top)
        else:
            title = view.say("chart.frontier.title_profit", peak=top)
    else:
        first, last = solved.iloc[0], solved.iloc[-1]
        gain = last[main] - first[main]
        title = view.say(
            "chart.frontier.title_gain",
            low=voice.cash(first["x"]),
            high=voice.cash(last["x"]),
            gain=voice.amount(gain, bare=True) if main == "value" else voice.cash(gain),
            noun=noun,
        )
    return Section(
        "frontier",
        view.say("section.frontier"),
        charts=[
            Chart(
                "frontier",
                title,
                charts.budget_frontier(view, sweep),
                subtitle=view.say("chart.frontier.subtitle", currency=view.currency),
                aid=view.say(
                    "chart.frontier.aid" if main == "profit" else "chart.frontier.aid_plain"
                ),
                label=title,
                table=_sweep_table(view, sweep, view.say("table.budget")),
                is_wide=True,
            )
        ],
    )


def _sweep_table(view: View, sweep: Any, first: str) -> Table:
    is_share = sweep.unit == "share"
    kind = view.allocation.plan.objective.kind
    columns = [Column(first), Column(view.say("table.spent"))]
    keys = [k for k in ("revenue", "profit") if view.counts_value and kind != "outcomes"]
    columns += [Column(view.say(f"table.{key}")) for key in keys]
    if kind in {"outcomes", "lowest_spend"}:
        keys.append("value")
        columns.append(
            Column(view.say(f"noun.{kind}") if kind == "lowest_spend" else view.voice.noun)
        )
    columns.append(Column(view.say("table.status"), is_number=False))
    rows = []
    for row in sweep.frame.to_dict("records"):
        head = percent(view, row["x"]) if is_share else cell(view, row["x"])
        cells = [head, cell(view, row["spent"])]
        cells += [cell(view, view.voice.worth(row[k]) if k == "value" else row[k]) for k in keys]
        cells.append(row["reason"] or _status(view, row["status"]))
        rows.append(cells)
    return Table("", columns, rows)


def _status(view: View, word: str) -> str:
    key = {"optimal": "short.optimal", "stopped": "short.stopped", "given": "short.given"}
    return view.say(f"status.{key.get(word, word)}")


def brand_rule(view: View, sweep: Any) -> Section:
    """What the brand rule costs against the share that the model would choose."""
    voice = view.voice
    stated, best = row_at(sweep, sweep.stated), row_at(sweep, sweep.best)
    if stated is not None and best is not None:
        cost = best["value"] - stated["value"]
        share = voice.percent(sweep.stated, 0)
        size = max(abs(best["value"]), abs(stated["value"]))
        small = cost <= 2e-4 * size
        key = "chart.rule.title_nothing" if small else "chart.rule.title"
        title = view.say(key, share=share, cost=voice.amount(cost))
        if sum(rule.kind == "split" for rule in view.allocation.plan.rules) > 1 and not small:
            name = rule_name(view.split.name, view.allocation.plan, view.lang)
            title = view.say("chart.rule.title_of", rule=name, cost=voice.amount(cost))
    elif best is not None:
        title = view.say("chart.rule.title_free", best=voice.percent(sweep.best))
    else:
        title = view.say("chart.rule.title_plain")
    return Section(
        "rule",
        view.say("section.rule" if view.split is not None else "section.rule_free"),
        charts=[
            Chart(
                "rule",
                title,
                charts.brand_rule(view, sweep),
                subtitle=view.say("chart.rule.subtitle", noun=voice.noun),
                aid=view.say("chart.rule.aid" if view.split is not None else "chart.rule.aid_free"),
                label=title,
                table=_sweep_table(view, sweep, view.say("table.brand_share")),
                is_wide=True,
            )
        ],
    )


def prices(view: View, result: Any) -> Section:
    """What easing each rule a little is worth: one chart per unit, as units cannot be compared."""
    plan = view.allocation.plan
    sentences = {rule.name: rule_in_words(rule, plan, view.lang) for rule in plan.rules}
    sentences = {name: text[:1].upper() + text[1:] for name, text in sentences.items()}
    records = result.frame.to_dict("records")
    shown, rows = [], []
    floor = 1e-9
    for row in records:
        part = row["part"] if isinstance(row["part"], str) else ""
        row["says"] = rule_name(row["rule"], plan, view.lang, part)
        row["says"] = row["says"][:1].upper() + row["says"][1:]
        price = row["price"]
        row["sentence"] = sentences.get(row["rule"], "")
        if row["rule"].startswith(f"{CAPACITY} "):
            stage_ = row["rule"].removeprefix(f"{CAPACITY} ")
            row["unit"], row["sentence"] = CAPACITY, capacity_in_words(plan, stage_, view.lang)
        row["known"] = price is not None and math.isfinite(price)
        row["text"] = (
            price_in_words(view, price, row["unit"]) if row["known"] else view.say("word.none")
        )
        cost = row["cost"] if row["cost"] is not None else math.nan
        if row["binding"] or row["rule"] == "budget" or row["rule"] in sentences or cost > floor:
            rows.append(_price_row(view, row))
    for unit in ("money", "point", "outcomes", CAPACITY, "lines", "units", "periods"):
        some = [r for r in records if r["unit"] == unit and r["known"] and abs(r["price"]) > floor]
        some.sort(key=lambda r: -abs(r["price"]))
        if not some:
            continue
        title = view.say(
            "chart.prices.title_inverse"
            if unit == "money" and not view.voice.counts_money
            else "chart.prices.title"
            if len(some) == 1
            else "chart.prices.title_most",
            cost=view.voice.money(1 / abs(some[0]["price"])),
            noun=view.voice.noun,
            rule=some[0]["says"],
            unit=view.voice.say(f"table.unit.{unit}"),
            price=some[0]["text"],
        )
        shown.append(
            Chart(
                f"prices-{unit}",
                title,
                charts.prices_of_rules(
                    view, [(r["says"], r["price"], r["text"]) for r in some[:12]]
                ),
                subtitle=view.say(f"chart.prices.{unit}"),
                aid=view.say("chart.prices.aid"),
                label=title + ". " + "; ".join(f"{r['says']}: {r['text']}" for r in some[:12]),
            )
        )
    extra = [key for key in ("holds_up_to", "cost") if result.frame[key].notna().any()]
    columns = [Column(view.say("table.rule"), is_number=False),
               Column(view.say("table.in_words"), is_number=False),
               Column(view.say("table.binding"), is_number=False),
               Column(view.say("table.price")),
               Column(view.say("table.per"), is_number=False),
               Column(view.say("table.method"), is_number=False)]  # fmt: skip
    columns += [Column(view.say(f"table.{'holds' if k == 'holds_up_to' else k}")) for k in extra]
    lead = "" if shown else view.say("chart.prices.title_none")
    cut = 6 + len(extra)
    kept = [[*row[:6], *(row[6:] if len(extra) == 2 else row[6:7] if "holds_up_to" in extra else
             row[7:])][:cut] for row in rows]  # fmt: skip
    # Where costs are not known, only a concave plan says that a rule that is idle costs nothing.
    concave = view.allocation.problem.is_concave
    listed_too = {row[0] for row in rows}
    idle = sum(
        row["says"] not in listed_too
        and (row["cost"] == 0 or (concave and math.isnan(row["cost"])))
        for row in records
    )
    caption = ""
    if idle:
        caption = view.say(f"chart.prices.idle{'_one' if idle == 1 else ''}", count=idle)
    lead = " ".join([*([lead + view.say("stop")] if lead else []), *_not_here(view, records)])
    table = Table(caption, columns, kept)
    return Section("prices", view.say("section.prices"), lead, shown, [table])


def _not_here(view: View, records: list[dict[str, Any]]) -> list[str]:
    """The rules that do not bind, and yet keep a better plan away."""
    key = "least" if view.allocation.plan.objective.kind == "lowest_spend" else ""
    floor = SMALL * abs(view.allocation.objective)
    return [
        view.say(f"binds.not_here{key and f'_{key}'}", rule=row["says"],
                 cost=view.voice.amount(row["cost"])) + view.say("stop")
        for row in records
        if not row["binding"] and row["cost"] is not None and floor < row["cost"] < math.inf
    ]  # fmt: skip


def price_in_words(view: View, price: float, unit: str) -> str:
    """A rule's price for a reader; where outcomes are counted, what one more of them costs."""
    if unit == "money" and not view.voice.counts_money:
        if price <= 0:
            return "0"
        return view.say("chart.prices.inverse", cost=view.voice.money(1 / price))
    if unit == "money":
        return view.voice.money(price, digits=2 if price >= SMALLEST else 4)
    return view.voice.amount(price)


def _price_row(view: View, row: dict[str, Any]) -> list[str]:
    holds, cost = row["holds_up_to"], row["cost"]
    none = view.say("word.none")
    if holds is None or math.isnan(holds):
        range_ = none
    elif math.isinf(holds):
        range_ = "∞"
    elif row["unit"] == "money":
        range_ = view.voice.cash(holds)
    else:
        range_ = f"{holds:.3g}"
    lost = none if cost is None or math.isnan(cost) else "∞" if math.isinf(cost) else (
        view.voice.amount(cost))  # fmt: skip
    return [
        row["says"],
        row["sentence"],
        view.say("word.yes" if row["binding"] else "word.no"),
        row["text"],
        view.voice.say(f"table.unit.{row['unit']}"),
        view.voice.say(f"table.method.{row['method']}"),
        range_,
        lost,
    ]


def _path(view: View, path: str, label: str) -> str:
    """An assumption's name for a reader: the line's name and the rest of the path."""
    words = path.split(".")
    for line in view.allocation.plan.lines:
        inner = line.name.split(".")
        if words[0] == "channels" and words[1 : 1 + len(inner)] == inner:
            rest = [word for word in words[1 + len(inner) :] if word != "curve"]
            return f"{view.line(line.name)}: {' '.join(_word(view, w) for w in rest)}"
    if words[0] == "funnel" and len(words) == 3:
        return f"{_word(view, words[1])}: {_word(view, words[2])}"
    if words[0] == "goodwill":
        stock = view.say("section.goodwill")
        if words[1] == "feeds":
            feeds = view.voice.say("input.feeds", line=view.line(".".join(words[2:])))
            return f"{stock}: {feeds}"
        if words[1] == "lifts":
            name = view.line(".".join(words[2:-1]))
            return f"{stock}: {view.voice.say(f'input.lift_{words[-1]}', line=name)}"
        return f"{stock}: {_word(view, words[-1])}"
    return _word(view, words[-1]) if words[-1] else label


def _word(view: View, word: str) -> str:
    from optimizer.words import catalogue

    known = catalogue(view.lang)
    return known.get(f"input.{word}", known.get(f"stage.{word}", word.replace("_", " ")))


def tornado(view: View, result: Any) -> Section:
    """What becomes of the result when an assumption is wrong."""
    frame, voice = result.frame, view.voice
    frame = frame[frame["swing"] > 1e-9 * max(abs(result.base), 1e-300)]
    top = frame.head(12).reset_index(drop=True)
    labels = [_path(view, row["path"], row["label"]) for row in result.frame.to_dict("records")]
    columns = [Column(view.say("table.assumption"), is_number=False)]
    heads = ("low", "stated", "high", "anew_low", "anew_high", "kept_low", "kept_high")
    columns += [Column(view.say(f"table.{key}")) for key in heads]
    columns.append(Column(view.say("table.grade"), is_number=False))
    rows = []
    for label, row in zip(labels, result.frame.to_dict("records"), strict=True):
        sides = ("reoptimised_low", "reoptimised_high", "kept_low", "kept_high")
        delta = [row[side] - result.base for side in sides]
        rows.append(
            [
                label,
                *(_figure(row[key]) for key in ("low", "value", "high")),
                *(voice.amount(d, signed=True, bare=True) if math.isfinite(d)
                  else view.say("table.impossible") for d in delta),
                view.say(f"grade.{row['grade'] or 'none'}"),
            ]
        )  # fmt: skip
    if top.empty:
        return Section("tornado", view.say("section.tornado"), view.say("chart.tornado.title_none"),
                       tables=[Table("", columns, rows)])  # fmt: skip
    title = view.voice.say("chart.tornado.title", label=labels[0])
    shown = type(result)(**{**vars(result), "frame": top})
    return Section(
        "tornado",
        view.say("section.tornado"),
        charts=[
            Chart(
                "tornado",
                title,
                charts.tornado(view, shown, labels[: len(top)]),
                subtitle=view.say("chart.tornado.subtitle", noun=voice.noun),
                aid=view.say("chart.tornado.aid"),
                label=title,
                table=Table("", columns, rows),
                is_wide=True,
            )
        ],
    )


def _figure(value: float) -> str:
    if not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _alike(comparison: Any) -> tuple[Any, Any]:
    """The plans, and their regret; what has another goal than the first is not put beside it."""
    inputs, goal = comparison.inputs, ("objective", "objective.kind", "objective.of", "currency")
    others = set(inputs["name"][inputs["path"].isin(goal)])
    frame, regret = comparison.frame, comparison.regret
    frame = frame.assign(change=frame["change"].mask(frame["name"].isin(others)))
    kept = [name for name in regret.index if name not in others]
    return frame, regret.loc[kept, kept]


def scenarios(view: View, comparison: Any) -> Section:
    """Several what-ifs beside one another."""
    lines, voice = comparison.lines, view.voice
    frame, regret = _alike(comparison)
    names = list(frame["name"])
    solved = [name for name in names if (lines["name"] == name).any()]
    wide = lines.pivot_table(index="line", columns="name", values="spend", sort=False)
    spends = [
        [float(wide[name].get(line, math.nan)) for line in view.shown["line"]] for name in solved
    ]
    shown = []
    spend_columns = [Column(view.say("table.line"), is_number=False), *map(Column, solved)]
    spend_rows = [
        [view.line(line), *(cell(view, float(wide[name].get(line, math.nan))) for name in solved)]
        for line in wide.index
    ]
    if solved:
        shown.append(
            Chart(
                "scenarios",
                view.say("chart.scenarios.title"),
                charts.scenarios(view, solved[:6], spends[:6]),
                subtitle=view.say("chart.scenarios.subtitle", currency=view.currency),
                aid=view.say("chart.scenarios.aid"),
                label=f"{view.say('chart.scenarios.title')}: {listed(solved, view.lang)}",
                table=Table("", spend_columns, spend_rows),
                is_wide=True,
            )
        )
    columns = [Column(view.say("table.scenario"), is_number=False),
               Column(view.say("table.status"), is_number=False)]  # fmt: skip
    keys = ["budget", "spent", "value", "change", "revenue", "profit", "brand_share"]
    keys = [k for k in keys if frame[k].notna().any()]
    if "value" in keys and view.allocation.plan.objective.kind in {"profit", "revenue"}:
        keys.remove("value")
    titles = {"value": voice.noun, "change": view.say("table.against_first")}
    columns += [Column(titles.get(k) or view.say(f"table.{k}")) for k in keys]
    columns.append(Column(view.say("table.move"), is_number=False))
    rows = []
    for row in frame.to_dict("records"):
        cells = [row["name"], row["reason"] or _status(view, row["status"])]
        for key in keys:
            if key == "brand_share":
                cells.append(percent(view, row[key]))
            elif key in {"value", "change"} and not voice.counts_money:
                cells.append(cell(view, row[key], 1, signed=key == "change"))
            else:
                cells.append(cell(view, row[key], 0, signed=key == "change"))
        move = ""
        if row["largest_move"]:
            money = voice.cash(row["largest_move_money"], signed=True)
            move = f"{view.line(row['largest_move'])} {money}"
        cells.append(move)
        rows.append(cells)
    tables = [Table(view.say("table.caption_plain", currency=view.currency), columns, rows)]
    if len(regret) > 1:
        head = [
            Column(view.say("table.regret_corner"), is_number=False),
            *map(Column, regret.columns),
        ]
        body = [
            [name, *(cell(view, value, 0) if math.isfinite(value) else view.say("table.impossible")
                     for value in regret.loc[name])]
            for name in regret.index
        ]  # fmt: skip
        tables.append(Table(view.say("table.regret"), head, body))
    return Section("scenarios", view.say("section.scenarios"), charts=shown, tables=tables)
