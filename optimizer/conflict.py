"""Why no plan keeps all the rules, and the least change that mends it.

The limits of single lines become rules like any other; then

- the smallest set of rules in conflict is found by dividing the rules (Junker, *QuickXplain*,
  2004), each test a search for any plan at all;
- what would mend it is found with the elastic problem: minimise Σᵣ vᵣ / sizeᵣ, where vᵣ is how far
  rule r gives way, first with one rule of the set allowed to, then with all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.errors import AdsplitError, Conflict, Infeasible, Relaxation
from optimizer.plan.constraints import (
    ActiveLines,
    Changes,
    Constraint,
    CostCap,
    Flights,
    Pacing,
    Ratio,
    Share,
    Spend,
    SpendAll,
    Split,
    Target,
)
from optimizer.plan.curves import Floats
from optimizer.plan.flows import CAPACITY
from optimizer.plan.grid import Unit
from optimizer.plan.plan import Plan
from optimizer.problem import BUDGET, Problem, Rows
from optimizer.solvers import solve
from optimizer.solvers.solution import Options, Status
from optimizer.words import listed, money, number, percent

__all__ = ["explain"]

Index = NDArray[np.intp]

_GAP = 1e-6
# A rule gives way if it does so by more than this share of its own size.
_GIVES = 5e-9
# Among equal ways out the earlier kind is told: money is the simplest to add.
_KINDS = ("budget", "rule", "maximum", "minimum", "locked", "floor")
_LIMITS = {
    "maximum": ("maximum", "maxima", "raise"),
    "minimum": ("minimum", "minima", "lower"),
    "locked": ("locked spend", "locked spends", "change"),
    "floor": ("minimum_if_active", "values of minimum_if_active", "lower"),
}
_WORDS = {"floor": "minimum if active"}


def explain(plan: Plan, problem: Problem) -> Infeasible:
    """The error to raise for an infeasible *problem*: the rules in conflict, and what mends it."""
    head = f"No plan keeps all the rules of {plan.name!r}"
    try:
        search = _Search(plan, problem)
        guilty = search.guilty()
        together = search.relaxed(search.rules)
        singles = [
            fix for group in search.groups(guilty) if (fix := search.relaxed(group)) is not None
        ]
    except AdsplitError:  # the explanation must not hide what it explains
        return Infeasible(f"{head}.")
    says = [f"  • {fact}" for fact in search.facts(guilty)]
    if says:
        more = "" if singles else ", and there are further conflicts"
        head += f". {'This cannot' if len(says) == 1 else 'These cannot all'} be kept{more}:"
    text = [head if says else f"{head}.", *says]
    if singles:
        many = len(singles) > 1
        # A way out keeps every other rule too, so it may have to go further than the conflict asks.
        text.append(f"Mend it{' by one of these' if many else ''}, every other rule kept:")
        text += [f"  • {'; '.join(step.says for step in fix)}" for fix in singles]
    elif together:
        text.append("Mend it by all of these together:")
        text += [f"  • {step.says}" for step in together]
    names = tuple(dict.fromkeys(rule.name for rule in guilty))
    return Infeasible("\n".join(text), Conflict(names, tuple(together or ())))


@dataclass(frozen=True, eq=False)
class _Rule:
    """Something that is asked of a plan and can be given up."""

    name: str
    kind: str
    """One of ``_KINDS``."""
    rows: Index
    """Its conditions, among those of the free problem."""
    stated: Constraint | None = None
    line: int = -1


class _Search:
    """The problem with every limit as a rule, and rules that can be left out or give way."""

    def __init__(self, plan: Plan, problem: Problem) -> None:
        self.plan, self.grid = plan, problem.grid
        self.most = self._ample(problem)
        self.size = problem.grid.budget
        if not 0 < self.size < np.inf:
            self.size = self.most / 10
        periods = plan.periods
        over = 0 if periods is None else periods.past
        self.past = np.arange(self.grid.n_cells) % self.grid.n_periods < over
        """Cells whose money is spent: nothing can be given up there."""
        self.own = len(problem.rows)
        self.free = self._freed(problem)
        self.rules = self._rules()
        at_rules = np.concatenate([rule.rows for rule in self.rules])
        definition = np.flatnonzero(self.free.rows.definition)
        self.always = np.setdiff1d(definition, at_rules)

    def _ample(self, problem: Problem) -> float:
        """More money for one line than any rule could ask for."""
        rows = problem.rows
        limits = np.concatenate([rows.lower, rows.upper])[np.tile(_in_money(rows), 2)]
        sizes = [abs(limits[np.isfinite(limits)]).max(initial=0.0)]
        sizes += [problem.lower.sum(), problem.floor.sum()]
        maxima = problem.grid.maximum
        sizes += [maxima[np.isfinite(maxima)].sum(), np.nan_to_num(problem.grid.current).sum()]
        return 10.0 * (max(map(float, sizes)) or 1.0)

    def _freed(self, problem: Problem) -> Problem:
        """*problem* with the limits of the lines written as conditions."""
        n, grid = problem.n_columns, problem.grid
        locked = np.repeat([line.locked is not None for line in self.plan.lines], grid.n_periods)
        # A cell that is fixed for its period alone is locked as well.
        locked |= (grid.minimum == grid.maximum) & (grid.n_periods > 1)
        lower, open_ = problem.lower[: grid.n_cells], ~self.past
        low = np.flatnonzero((lower > 0) & ~locked & open_)
        high = np.flatnonzero(np.isfinite(grid.maximum) & ~locked & open_)
        held = np.flatnonzero(locked & open_)
        line = np.concatenate([low, high, held])
        kinds = ["minimum"] * len(low) + ["maximum"] * len(high) + ["locked"] * len(held)
        is_low = np.array([kind != "maximum" for kind in kinds], bool)
        is_high = np.array([kind != "minimum" for kind in kinds], bool)
        none = sparse.csr_array((len(line), n))
        one = sparse.csr_array(
            (np.ones(len(line)), (np.arange(len(line)), line)), shape=(len(line), n)
        )
        limits = Rows(
            rule=tuple(kinds),
            part=tuple(grid.label(int(i)) for i in line),
            unit=(Unit.MONEY,) * len(line),
            definition=np.zeros(len(line), bool),
            lower=np.where(is_low, problem.lower[line], -np.inf),
            upper=np.where(is_high, grid.maximum[line], np.inf),
            penalty=np.full(len(line), np.nan),
            spend=one,
            outcomes=none,
            switches=sparse.csr_array((len(line), len(problem.switches))),
        )
        return replace(
            problem,
            weights=np.zeros(n),
            price=np.zeros(n),
            lower=np.concatenate([np.where(self.past, lower, 0.0), np.zeros(n - grid.n_cells)]),
            upper=self._everything(problem),
            rows=_joined(self._loose_links(problem), limits),
        )

    def _everything(self, problem: Problem) -> Floats:
        """The most of every column where a line may get any money in what is still to come."""
        flows = problem.grid.flows
        most = np.where(self.past, problem.upper[: problem.n_cells], self.most)
        if not problem.has_stocks or flows is None:
            return most
        return flows.highest(most, np.inf, problem.curves)

    def _loose_links(self, problem: Problem) -> Rows:
        """The rows of *problem*, where a switch that is on lets a line have any money."""
        rows = problem.rows
        links = {
            row
            for row, rule in enumerate(rows.rule)
            if rule == "on" and rows.definition[row] and np.isfinite(rows.upper[row])
        }
        if not links:
            return rows
        switches = rows.switches.tocoo()
        data = np.where(np.isin(switches.row, list(links)), -self.most, switches.data)
        changed = sparse.csr_array((data, (switches.row, switches.col)), shape=switches.shape)
        return replace(rows, switches=changed)

    def _rules(self) -> list[_Rule]:
        rows, own = self.free.rows, self.own
        rules: list[_Rule] = []
        stated = {rule.name: rule for rule in self.plan.rules}
        hard = np.isnan(rows.penalty) | rows.definition
        for name in dict.fromkeys(rows.rule[:own]):
            at = np.array([i for i in range(own) if rows.rule[i] == name and hard[i]], np.intp)
            known = name in {BUDGET, *stated} or name.startswith(f"{CAPACITY} ")
            if known and at.size:
                kind = "budget" if name == BUDGET else "rule"
                rules.append(_Rule(name, kind, at, stated.get(name)))
        position = {self.grid.label(i): i for i in range(self.grid.n_cells)}
        for i in range(len(rows)):
            line = rows.part[i]
            kind = rows.rule[i] if i >= own else "floor"
            is_floor = rows.rule[i] == "on" and rows.definition[i] and np.isfinite(rows.lower[i])
            if i >= own or is_floor:
                word = _WORDS.get(kind, kind)
                rules.append(_Rule(f"{line} {word}", kind, np.array([i]), line=position[line]))
        return rules

    # ------------------------------------------------------------------ which rules

    def guilty(self) -> list[_Rule]:
        """Rules of which none can be left out; all minima and locked spends count as one."""
        # The plainest reason first: what lines must get is more than there is.
        must = [rule for rule in self.rules if rule.kind in {"budget", "minimum", "locked"}]
        if len(must) > 1 and self._clash(must):
            return must
        if not self._clash(self.rules):
            return []
        # Rules that come first are given up last: limits of lines come in only where they must.
        found = self._divide([], [], self.rules)
        return sorted(found, key=self.rules.index)

    def _divide(self, kept: list[_Rule], added: Sequence[_Rule], open_: list[_Rule]) -> list[_Rule]:
        if added and self._clash(kept):
            return []
        if len(open_) == 1:
            return open_
        half = len(open_) // 2
        first, second = open_[:half], open_[half:]
        right = self._divide([*kept, *first], first, second)
        left = self._divide([*kept, *right], right, first)
        return [*left, *right]

    def _clash(self, rules: Sequence[_Rule]) -> bool:
        """Whether no plan keeps all of *rules*."""
        kept = np.sort(np.concatenate([self.always, *(rule.rows for rule in rules)]))
        problem = replace(self.free, rows=_taken(self.free.rows, kept), floor=self._floors(rules))
        return solve(problem, Options(_GAP)).status is Status.INFEASIBLE

    def _floors(self, rules: Iterable[_Rule]) -> Floats:
        """The least spend of lines that are on, where a rule among *rules* says so."""
        lines = [rule.line for rule in rules if rule.kind == "floor"]
        floor = np.zeros_like(self.free.floor)
        floor[lines] = self.free.floor[lines]
        return floor

    def groups(self, rules: Iterable[_Rule]) -> list[list[_Rule]]:
        """Rules that would give way together: limits of lines of one kind are one group."""
        found: dict[str, list[_Rule]] = {}
        for rule in rules:
            found.setdefault(rule.kind if rule.line >= 0 else rule.name, []).append(rule)
        return list(found.values())

    # ------------------------------------------------------------------ what mends it

    def relaxed(self, rules: Sequence[_Rule]) -> list[Relaxation] | None:
        """The least by which *rules* must give way while all others hold; None: that is no help."""
        rows = self.free.rows
        kept = np.sort(np.concatenate([self.always, *(rule.rows for rule in self.rules)]))
        weight = np.full(len(rows), np.nan)
        for rule in rules:
            # What a switch means only gives way where nothing else is asked to.
            mine = rule.rows[~rows.definition[rule.rows] | (len(rules) < len(self.rules))]
            weight[mine] = (1.0 + 0.01 * _KINDS.index(rule.kind)) / self._sizes[mine]
        loose = replace(rows, penalty=weight)
        floor = self._floors(rule for rule in self.rules if np.all(np.isnan(weight[rule.rows])))
        found = solve(replace(self.free, rows=_taken(loose, kept), floor=floor), Options(_GAP))
        if found.spend is None:
            return None
        missed = replace(self.free, rows=loose).violations(found.spend)
        missed = np.where(missed > _GIVES * self._sizes, missed, 0.0)
        steps = []
        for group in self.groups(rules):
            rows_of = np.concatenate([rule.rows for rule in group])
            if missed[rows_of].any():
                steps.append(self._step(group, missed, found.spend))
        return steps or None

    @cached_property
    def _sizes(self) -> Floats:
        """One unit of giving way, so that money, outcomes and lines compare; shape (n_rows,)."""
        rows = self.free.rows
        limit = np.where(np.isfinite(rows.lower), abs(rows.lower), abs(rows.upper))
        lines = float(self.grid.n_lines)
        units = np.array([str(unit) for unit in rows.unit])
        weighted = np.asarray(abs(rows.spend).sum(axis=1)).ravel() * self.size
        sizes = np.where(limit > 0, limit, np.where(weighted > 0, weighted, 1.0))
        sizes = np.where(units == Unit.LINES, lines, sizes)
        return np.where(units == Unit.MONEY, self.size, sizes)

    def _step(self, group: list[_Rule], missed: Floats, spend: Floats) -> Relaxation:
        """One rule, or the limits of some lines, giving way."""
        giving = [rule for rule in group if missed[rule.rows].any()]
        rows = np.concatenate([rule.rows for rule in giving])
        amount, unit = float(missed[rows].sum()), str(self.free.rows.unit[rows[0]])
        first = giving[0]
        if first.kind == "budget":
            by = _up(amount)
            says = f"raise the budget by {self._money(by)}, to {self._money(self.grid.budget + by)}"
            return Relaxation(first.name, amount, unit, says)
        if first.line < 0:
            return Relaxation(first.name, amount, unit, self._give_way(first, missed, spend))
        word, words, verb = _LIMITS[first.kind]
        if len(group) == 1:
            row = int(rows[0])
            up = verb == "raise" or (verb == "change" and spend[first.line] > self._limit(row))
            to = self._limit(row) + _up(amount) * (1 if up else -1)
            says = f"{verb} the {word} of {self._name(first)} to {self._money(max(to, 0.0))}"
            return Relaxation(first.name, amount, unit, says)
        names = listed([self._name(rule) for rule in group])
        says = f"{verb} the {words} of {names} by {self._money(_up(amount))} in all"
        return Relaxation(", ".join(rule.name for rule in giving), amount, unit, says)

    def _give_way(self, rule: _Rule, missed: Floats, spend: Floats) -> str:
        """What giving way means for a stated rule."""
        stated = rule.stated
        rows = [int(row) for row in rule.rows if missed[row] > 0]
        row = rows[0]
        left = float((self.free.rows.spend[[row]] @ spend)[0])
        down = left < self.free.rows.lower[row]
        amount = float(missed[row])
        part = self.free.rows.part[row]
        if isinstance(stated, SpendAll):
            return f"leave {self._money(_up(amount))} of the budget unspent ({rule.name})"
        if isinstance(stated, Split | Share):
            share = self._share(stated, part, spend)
            group = part if isinstance(stated, Split) else _where(stated.where)
            edge = np.floor(share * 1000 + 1e-6) if down else np.ceil(share * 1000 - 1e-6)
            verb = "lower" if down else "raise"
            return f"{verb} the share of {group} to {_percent(edge / 1000)} ({rule.name})"
        if isinstance(stated, Spend) and len(rows) == 1:
            verb, may = ("lower", "must get") if down else ("raise", "may get")
            by = _up(amount) * (-1 if down else 1)
            to = self._money(max(self._limit(row) + by, 0.0))
            return f"{verb} what {part or _where(stated.where)} {may} to {to} ({rule.name})"
        if isinstance(stated, Target):
            most = self._limit(row) - amount
            return (
                f"lower {rule.name} to {_floor(most)} {stated.outcome or 'outcomes'}: "
                f"with the other rules no plan reaches more"
            )
        if isinstance(stated, Ratio) and len(rows) == 1:
            above, below = self.grid.select(stated.where), self.grid.select(stated.to)
            part_of = self.grid.groups(stated.per).get(part, np.ones(self.grid.n_cells, bool))
            cells = spend[: self.grid.n_cells]
            bar = float(cells[below & part_of].sum())
            ratio = float(cells[above & part_of].sum()) / bar if bar > 0 else 0.0
            verb = "lower" if down else "raise"
            edge = np.floor(ratio * 1000 + 1e-6) if down else np.ceil(ratio * 1000 - 1e-6)
            return f"{verb} {rule.name} to {edge / 1000:g}"
        if isinstance(stated, ActiveLines | Changes):
            lines = f"{amount:.0f} {'line' if round(amount) == 1 else 'lines'}"
            return f"let {rule.name} give way by {lines}"
        total = float(missed[rule.rows].sum())
        unit = str(self.free.rows.unit[row])
        size = self._money(_up(total)) if unit == "money" else f"{_up(total):,.6g} {unit}"
        return f"let {rule.name} give way by {size}"

    def _share(self, stated: Split | Share, part: str, spend: Floats) -> float:
        """The share that *spend* gives to what the rule is about."""
        grid = self.grid
        if isinstance(stated, Split):
            scope = grid.select(stated.where)
            group = part.split(" in ", maxsplit=1)[0]
            chosen = scope & (grid.field(stated.by) == group)
        else:
            scope, chosen = grid.select(stated.of), grid.select(stated.where)
        for value, mask in grid.groups(stated.per).items():
            if value and (part == value or part.endswith(f" in {value}")):
                scope, chosen = scope & mask, chosen & mask
        cells = spend[: grid.n_cells]
        total = float(cells[scope].sum())
        return float(cells[chosen].sum()) / total if total > 0 else 0.0

    # ------------------------------------------------------------------ in words

    def facts(self, guilty: Sequence[_Rule]) -> list[str]:
        """What each rule of the conflict asks for."""
        whole = any(isinstance(rule.stated, SpendAll) for rule in guilty)
        facts = []
        for group in self.groups(guilty):
            first = group[0]
            if first.kind == "budget":
                facts.append(f"budget: at most {self._money(self.grid.budget)} is spent")
            elif first.line < 0:
                fact = f"{first.name}: {self._asks(first, whole=whole)}"
                if len(guilty) == 1 and isinstance(first.stated, Target):
                    fact += f", even with {self._money(self.most)} for each line"
                facts.append(fact)
            else:
                facts.append(self._limits(group))
        if facts and self.past.any():
            assert self.plan.periods is not None
            until = self.plan.periods.planned[self.plan.periods.past - 1]
            spent = self._money(float(self.grid.minimum[self.past].sum()))
            facts.append(f"up to and with {until} {spent} is spent already")
        return facts

    def _limits(self, group: list[_Rule]) -> str:
        word, words, _ = _LIMITS[group[0].kind]
        limits = [self._limit(int(rule.rows[0])) for rule in group]
        names = listed([self._name(rule) for rule in group])
        if len(group) == 1:
            return f"the {word} of {names} is {self._money(limits[0])}"
        return f"the {words} of {names} add up to {self._money(sum(limits))}"

    def _asks(self, rule: _Rule, *, whole: bool) -> str:
        stated, cash = rule.stated, self._money
        if isinstance(stated, Split):
            shares = [f"{_percent(share)} to {name}" for name, share in stated.target.items()]
            text = f"{listed(shares)} of the spend{self._per(stated)}"
            if stated.tolerance > 0:
                text += f", within {_percent(stated.tolerance)} of it"
            if whole and not stated.where and stated.per == "total":
                name, share = next(iter(stated.target.items()))
                text += f"; of {cash(self.grid.budget)} that is {cash(share * self.grid.budget)}"
                text += f" to {name}"
            return text
        if isinstance(stated, Spend):
            low = None if stated.at_least is None else cash(self.grid.money(stated.at_least))
            high = None if stated.at_most is None else cash(self.grid.money(stated.at_most))
            return f"{_between(low, high)} to {_where(stated.where)}{self._per(stated)}"
        if isinstance(stated, Share):
            low = None if stated.at_least is None else _percent(stated.at_least)
            high = None if stated.at_most is None else _percent(stated.at_most)
            of = f"the spend of {_where(stated.of)}" if stated.of else "the spend"
            text = f"{_between(low, high)} of {of} to {_where(stated.where)}{self._per(stated)}"
            if whole and not stated.of and stated.per == "total" and stated.at_least is not None:
                text += f"; of {cash(self.grid.budget)} that is at least "
                text += cash(stated.at_least * self.grid.budget)
            return text
        if isinstance(stated, Ratio):
            low = None if stated.at_least is None else f"{stated.at_least:g}"
            high = None if stated.at_most is None else f"{stated.at_most:g}"
            times = f"{_between(low, high)} times the spend of {_where(stated.to)}"
            return f"{times} to {_where(stated.where)}{self._per(stated)}"
        if isinstance(stated, Target):
            scope = f" from {_where(stated.where)}" if stated.where else ""
            scope += f" by {stated.by}" if stated.by else ""
            if stated.at_least is None:
                return f"a return of at least {stated.return_at_least:g}{scope}"
            return f"at least {_count(stated.at_least)} {stated.outcome or 'outcomes'}{scope}"
        if isinstance(stated, CostCap):
            what = "the last" if stated.marginal else "on average each"
            of = f" from {_where(stated.where)}" if stated.where else ""
            most = cash(stated.at_most)
            return f"{what} {stated.outcome or 'outcome'}{of} costs at most {most}"
        if isinstance(stated, Pacing):
            return self._pace(stated)
        if isinstance(stated, Flights):
            return f"{_where(stated.where)} on air for {stated.at_least} periods at a time"
        if rule.name.startswith(f"{CAPACITY} "):
            stage, limit = rule.name.removeprefix(f"{CAPACITY} "), self._limit(int(rule.rows[0]))
            return f"at most {_count(limit)} {stage} followed up in a period"
        if isinstance(stated, SpendAll):
            return f"all of the budget of {cash(self.grid.budget)} is spent"
        if isinstance(stated, ActiveLines):
            low = None if stated.at_least is None else str(stated.at_least)
            high = None if stated.at_most is None else str(stated.at_most)
            return f"{_between(low, high)} lines of {_where(stated.where)} get money"
        if isinstance(stated, Changes):
            asks = []
            if stated.at_most is not None:
                lines = "line differs" if stated.at_most == 1 else "lines differ"
                asks.append(f"at most {stated.at_most} {lines} from today")
            if stated.at_least is not None:
                asks.append(f"no change below {cash(self.grid.money(stated.at_least))}")
            return listed(asks)
        low_row, high_row = self.free.rows.lower[rule.rows[0]], self.free.rows.upper[rule.rows[0]]
        low = f"{low_row:,.6g}" if np.isfinite(low_row) else None
        high = f"{high_row:,.6g}" if np.isfinite(high_row) else None
        return f"the weighted sum of the spend is {_between(low, high)}"

    def _pace(self, stated: Pacing) -> str:
        """What a pacing rule asks."""
        asks = []
        if stated.max_change is not None:
            asks.append(f"no change above {_percent(stated.max_change)} between periods")
        if stated.profile is not None:
            asks.append("spread as its profile says")
        for word, limits in (("at most", stated.at_most_by), ("at least", stated.at_least_by)):
            for label, amount in limits.items():
                asks.append(f"{word} {self._money(self.grid.money(amount))} by {label}")
        return f"{_where(stated.where)}: {listed(asks)}"

    def _per(self, stated: Any) -> str:
        return "" if stated.per == "total" else f" within each {stated.per}"

    def _name(self, rule: _Rule) -> str:
        return self.grid.label(rule.line)

    def _limit(self, row: int) -> float:
        """The limit that a row of one side states; that of a line's smallest spend if it is on."""
        rows = self.free.rows
        if rows.rule[row] == "on":
            labels = [self.grid.label(cell) for cell in range(self.grid.n_cells)]
            return float(self.free.floor[labels.index(rows.part[row])])
        low, high = float(rows.lower[row]), float(rows.upper[row])
        return low if np.isfinite(low) else high

    def _money(self, amount: float) -> str:
        """Money in short where three digits after the point say all of it, else to the cent."""
        size = abs(amount)
        unit = next((unit for unit in (1e9, 1e6, 1e3) if size >= unit), 1.0)
        short, cent = amount / unit, max(0.004 / unit, 1e-12 * size / unit)
        exact = [d for d in range(4 if unit > 1 else 3) if abs(round(short, d) - short) <= cent]
        if exact:
            return money(amount, self.plan.currency, compact=True, digits=exact[0])
        digits = 0 if abs(round(amount) - amount) <= 0.004 else 2
        return money(amount, self.plan.currency, digits=digits)


def _in_money(rows: Rows) -> NDArray[np.bool_]:
    return np.array([unit is Unit.MONEY for unit in rows.unit], bool)


def _taken(rows: Rows, index: Index) -> Rows:
    """Some of the rows, in the order of *index*."""
    return Rows(
        rule=tuple(rows.rule[i] for i in index),
        part=tuple(rows.part[i] for i in index),
        unit=tuple(rows.unit[i] for i in index),
        definition=rows.definition[index],
        lower=rows.lower[index],
        upper=rows.upper[index],
        penalty=rows.penalty[index],
        spend=rows.spend[index],
        outcomes=rows.outcomes[index],
        switches=rows.switches[index],
    )


def _joined(rows: Rows, more: Rows) -> Rows:
    return Rows(
        rule=rows.rule + more.rule,
        part=rows.part + more.part,
        unit=rows.unit + more.unit,
        definition=np.concatenate([rows.definition, more.definition]),
        lower=np.concatenate([rows.lower, more.lower]),
        upper=np.concatenate([rows.upper, more.upper]),
        penalty=np.concatenate([rows.penalty, more.penalty]),
        spend=sparse.csr_array(sparse.vstack([rows.spend, more.spend])),
        outcomes=sparse.csr_array(sparse.vstack([rows.outcomes, more.outcomes])),
        switches=sparse.csr_array(sparse.vstack([rows.switches, more.switches])),
    )


def _up(amount: float) -> float:
    """*amount* rounded up to four digits, so that following the advice is enough."""
    if amount <= 0:
        return 0.0
    unit = 10.0 ** (np.floor(np.log10(amount)) - 3)
    return float(np.ceil(amount / unit - 1e-3) * unit)


def _floor(amount: float) -> str:
    """A count that can be reached: rounded down to five digits."""
    if amount <= 0:
        return "0"
    unit = 10.0 ** min(np.floor(np.log10(amount)) - 4, 0.0) if amount < 1e4 else 1.0
    return _count(float(np.floor(amount / unit) * unit))


def _count(amount: float) -> str:
    digits = 0 if amount == round(amount) else 2
    return number(amount, digits=digits)


def _percent(share: float) -> str:
    digits = next((d for d in range(3) if abs(round(100 * share, d) - 100 * share) < 1e-9), 2)
    return percent(share, digits=digits)


def _between(low: str | None, high: str | None) -> str:
    if low is not None and low == high:
        return f"exactly {low}"
    limits = [f"{word} {text}" for word, text in (("at least", low), ("at most", high)) if text]
    return listed(limits)


def _where(where: dict[str, tuple[str, ...]]) -> str:
    if not where:
        return "all lines"
    return " and ".join(
        listed(list(values)) if name == "name" else f"{name} {listed(list(values))}"
        for name, values in where.items()
    )
