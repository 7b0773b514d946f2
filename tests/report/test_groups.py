"""The page of a table: groups that add up, a few lines, and nothing that grows with the lines."""

import csv
import io
import json
import re
from functools import cache

import numpy as np
import pandas as pd
import pytest

import optimizer as opt
from optimizer.report import render
from optimizer.report.groups import Groups, grouped_page
from optimizer.report.view import View


@cache
def best(n: int = 400, nasty: bool = False):
    rng = np.random.default_rng(3)
    channel = np.array(["search", "social <b>", "=cmd|x" if nasty else "video"])[
        rng.integers(3, size=n)
    ]
    frame = pd.DataFrame(
        {
            "line": [f"</script>{i}" if nasty else f"l{i}" for i in range(n)],
            "channel": channel,
            "role": np.where(rng.random(n) < 0.4, "brand", "traffic"),
            "curve": "log",
            "scale": rng.uniform(50, 400, n),
            "unit": rng.uniform(500, 5000, n),
            "value": rng.uniform(5, 20, n),
            "current": rng.uniform(0, 2000, n),
            "observed": rng.uniform(500, 2000, n),
        }
    )
    plan = opt.load_table(frame, budget=300_000, split="6:4", objective="revenue")
    return opt.optimize(plan, gap=1e-6)


def page(one, lang="en"):
    return grouped_page(View(one, lang), {})


def test_groups_add_up_to_the_plan():
    found = best()
    table = page(found).sections[0].tables[0]
    titles = [column.title for column in table.columns]
    spend, lines = titles.index("Recommended"), titles.index("Lines")

    def numbers(place):
        return [float(row[place].replace(",", "")) for row in table.rows]

    assert sum(numbers(lines)) == 400
    assert sum(numbers(spend)) == pytest.approx(found.spent, abs=1)
    total = float(table.total[spend].replace(",", ""))
    assert total == pytest.approx(found.spent, abs=1)
    own = found.problem.grid
    for row, group in zip(table.rows, Groups(found, "en").frame.itertuples(), strict=True):
        there = (own.channel == group.channel) & (own.role == group.role)
        assert float(row[spend].replace(",", "")) == pytest.approx(found.spend[there].sum(), abs=1)


def test_the_largest_lines_are_the_largest():
    found = best()
    largest, moved = page(found).sections[1].tables
    order = np.argsort(-found.spend)[: len(largest.rows)]
    names = found.problem.grid.names
    assert [row[0] for row in largest.rows] == [str(names[i]) for i in order]
    change = abs(found.spend - found.problem.grid.current)
    assert moved.rows[0][0] == str(names[int(np.argmax(change))])


def test_the_page_does_not_grow_with_the_lines():
    small, large = render(best()), render(best(4_000))
    assert len(large) < 1.02 * len(small)
    assert "adsplit report lines.csv --budget 300000" in large


def test_the_answer_says_what_the_plan_says():
    found = best()
    told = page(found).answer
    assert f"{int((found.spend > 0).sum())} lines" in told.headline
    gain = found.objective - found.today.objective
    assert told.cards[2].value == View(found, "en").voice.amount(gain, signed=True, bare=True)
    beyond = int((found.spend > found.plan.lines.observed).sum())
    assert told.alerts[0].startswith(f"{beyond} lines get more than was ever seen")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_names_cannot_become_markup_or_formulas(lang):
    found = best(nasty=True)
    text = render(found, lang=lang)
    assert "<b>" not in re.sub(r"<script.*?</script>", "", text, flags=re.S)
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.S).group(1))
    rows = list(csv.reader(io.StringIO(data["csv"][lang])))
    assert any(row[0].startswith("'=cmd") for row in rows)


def test_sweeps_of_a_table_have_their_sections():
    found = best()
    swept = opt.budget_sweep(found.plan, 3, gap=1e-4)
    assert 'id="frontier-section-en"' in render(found, swept)
