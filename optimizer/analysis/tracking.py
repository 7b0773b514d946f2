"""Following a plan: what was spent and what came of it, and the best plan for what is left.

Periods up to and with the last that was reported are over: their money is a fact, and so are the
outcomes that were counted in them. What is left is planned anew under the same rules, with what the
money already spent still does. Keeping the old plan for the rest is evaluated beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from optimizer.allocation import Allocation, evaluate
from optimizer.compiling import compile_plan
from optimizer.errors import Fault, Infeasible, PlanError
from optimizer.measuring import fingerprint
from optimizer.plan.actuals import OUTCOME, Actuals
from optimizer.plan.curves import Floats
from optimizer.plan.grid import Unit
from optimizer.plan.periods import Periods
from optimizer.plan.plan import Line, Plan
from optimizer.problem import Problem
from optimizer.shown import Shown
from optimizer.solvers.solution import Progress, relative_gap
from optimizer.solving import optimize

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MISSING", "TOLERANCE", "Missing", "Tracking", "broken_rules", "standing", "track"]

Mask = NDArray[np.bool_]
Missing = Literal["refuse", "planned", "zero"]

MISSING: tuple[Missing, ...] = ("refuse", "planned", "zero")
TOLERANCE = 0.05
"""Share of the plan by which spend and outcomes may be off it and still count as on it."""

# Reports that differ from the model by less than this share are the same number.
_SAME = 1e-9
# A rule is broken when it is missed by more than this share of its size, as in the certificate.
_BROKEN = 1e-6
_NAMED = 6


@dataclass(frozen=True, eq=False)
class Tracking(Shown):
    """How a plan was followed so far, and the best plan for what is left.

    Arrays by line and period have shape (n_lines, n_periods).
    """

    plan: Plan
    """The scenario, as it stands."""
    old: Allocation
    """The plan that was to be followed."""
    given: bool
    """Whether that was given, and not found as the best plan of the scenario."""
    passed: int
    """How many periods are over."""
    spend: Floats
    """Actual money of what is over, then the old plan's."""
    taken: Mask
    """Where no money was reported in a period that is over."""
    missing: Missing
    """What was taken there."""
    planned_units: Floats
    """Outcomes of each line by period as the old plan has them."""
    expected_units: Floats
    """Outcomes of each line by period as the curves have them for the money that was spent."""
    units: Floats
    """Outcomes that were reported; NaN where there are none."""
    counts: dict[str, tuple[Floats, Floats, Floats]]
    """Per stage of the funnel that was reported: planned, expected and actual units; NaN where
    nothing was reported."""
    factors: dict[str, float]
    """Actual over expected outcomes so far, per line with both."""
    scaled: bool
    """Whether the rest of each line's curve is multiplied by its factor."""
    kept: Allocation
    """Actual money so far, then the old plan."""
    best: Allocation | None
    """Actual money so far, then the best plan; None where no plan keeps the rules."""
    conflict: Infeasible | None
    """Why there is none."""
    stands: bool
    """Whether the old plan for the rest is the best within the gap."""
    tolerance: float
    remarks: tuple[Fault, ...]
    """What was found in the actuals and not used, or used only because it was asked for."""

    @property
    def periods(self) -> Periods:
        """The periods of the plan."""
        assert self.plan.periods is not None
        return self.plan.periods

    @property
    def until(self) -> str:
        """The last period that is over."""
        return self.periods.planned[self.passed - 1]

    @property
    def rest(self) -> tuple[str, ...]:
        """The periods that are left."""
        return self.periods.planned[self.passed :]

    @property
    def same_question(self) -> bool:
        """Whether the old plan answers the scenario as it stands, but for what is over by now."""
        old, lines = self.old.plan, {line.name: line for line in self.plan.lines}
        if old.periods is not None and old.periods.past > self.periods.past:
            facts = ("locked_in", "blackout", "demand")  # an earlier tracking found them
            changed = tuple(
                replace(line, **{fact: getattr(lines[line.name], fact) for fact in facts})
                for line in old.lines
            )
            periods = replace(old.periods, past=self.periods.past)
            old = replace(old, lines=changed, periods=periods)
        return fingerprint(old) == fingerprint(self.plan)

    @property
    def planned(self) -> Floats:
        """Money by line and period as the old plan has it."""
        return _of_lines(self.old, self.plan)

    @property
    def new(self) -> Floats | None:
        """Money by line and period: actual, then the best plan for the rest."""
        return None if self.best is None else self.best.spend.reshape(self.spend.shape)

    @cached_property
    def lines(self) -> pd.DataFrame:
        """One row per line.

        Columns: line, channel, role; so far planned, actual, off (actual less planned), state
        (ahead, behind, on_plan); outcome_planned, outcome_expected (by the curve for what was
        spent), outcome_actual, outcome_state (against the plan), curve_state (against expected),
        all over the periods in which the line's outcomes were reported (reported), NaN without;
        for the rest rest_old, rest_new, change, and next_old, next_new in the next period.
        """
        import pandas as pd

        over, n = slice(0, self.passed), self.passed
        grid = self.plan.grid
        seen = ~np.isnan(self.units[:, over])
        new = np.full(self.spend.shape, np.nan) if self.new is None else self.new
        planned, actual = self.planned[:, over].sum(axis=1), self.spend[:, over].sum(axis=1)
        counted = [_seen_sum(u[:, over], seen) for u in (self.planned_units, self.expected_units)]
        actual_units = _seen_sum(np.nan_to_num(self.units[:, over]), seen)
        old_rest, new_rest = self.planned[:, n:].sum(axis=1), new[:, n:].sum(axis=1)
        nothing = np.full(len(planned), np.nan)
        return pd.DataFrame(
            {
                "line": grid.line_names.astype(object),
                "channel": grid.channel[:: grid.n_periods].astype(object),
                "role": grid.role[:: grid.n_periods].astype(object),
                "planned": planned,
                "actual": actual,
                "off": actual - planned,
                "state": _standings(planned, actual, self.tolerance),
                "reported": seen.sum(axis=1),
                "outcome_planned": counted[0],
                "outcome_expected": counted[1],
                "outcome_actual": actual_units,
                "outcome_state": _standings(counted[0], actual_units, self.tolerance),
                "curve_state": _standings(counted[1], actual_units, self.tolerance),
                "rest_old": old_rest,
                "rest_new": new_rest,
                "change": new_rest - old_rest,
                "next_old": self.planned[:, n] if self.rest else nothing,
                "next_new": new[:, n] if self.rest else nothing,
            }
        )

    @cached_property
    def cells(self) -> pd.DataFrame:
        """One row per line and period.

        Columns: period, line, over (whether the period is), reported (whether its money was),
        planned, actual (NaN in what is left), off, state, outcome_planned, outcome_expected,
        outcome_actual, outcome_state, new (the best plan; in what is over the actual money), change
        (new less planned; NaN in what is over).
        """
        import pandas as pd

        shape, labels = self.spend.shape, np.array(self.periods.planned, object)
        over = np.broadcast_to(np.arange(shape[1]) < self.passed, shape)
        new = np.full(shape, np.nan) if self.new is None else self.new
        actual = np.where(over, self.spend, np.nan)
        expected = np.where(over, self.expected_units, np.nan)
        columns = {
            "period": np.broadcast_to(labels, shape),
            "line": np.repeat(self.plan.grid.line_names.astype(object)[:, None], shape[1], axis=1),
            "over": over,
            "reported": over & ~self.taken,
            "planned": self.planned,
            "actual": actual,
            "off": actual - self.planned,
            "state": _standings(self.planned, actual, self.tolerance),
            "outcome_planned": self.planned_units,
            "outcome_expected": expected,
            "outcome_actual": self.units,
            "outcome_state": _standings(self.planned_units, self.units, self.tolerance),
            "new": new,
            "change": np.where(over, np.nan, new - self.planned),
        }
        return pd.DataFrame({name: values.ravel() for name, values in columns.items()})

    @cached_property
    def totals(self) -> pd.DataFrame:
        """One row per period: period, over, planned, actual, off, state, new, change."""
        import pandas as pd

        over = np.arange(self.spend.shape[1]) < self.passed
        planned = self.planned.sum(axis=0)
        actual = np.where(over, self.spend.sum(axis=0), np.nan)
        new = np.full(len(over), np.nan) if self.new is None else self.new.sum(axis=0)
        return pd.DataFrame(
            {
                "period": list(self.periods.planned),
                "over": over,
                "planned": planned,
                "actual": actual,
                "off": actual - planned,
                "state": _standings(planned, actual, self.tolerance),
                "new": new,
                "change": np.where(over, np.nan, new - planned),
            }
        )

    @cached_property
    def stages(self) -> pd.DataFrame:
        """One row per kind of outcome, over all lines and periods in which it was reported.

        Columns: stage (``outcome`` without a funnel), planned, expected, actual, state (against
        the plan), curve_state (against what was expected).
        """
        import pandas as pd

        rows = [
            (name, *(float(np.nansum(part[:, : self.passed])) for part in parts))
            for name, parts in self.counts.items()
        ]
        frame = pd.DataFrame(rows, columns=["stage", "planned", "expected", "actual"])
        for state, against in (("state", "planned"), ("curve_state", "expected")):
            found = _standings(
                frame[against].to_numpy(float), frame["actual"].to_numpy(float), self.tolerance
            )
            frame[state] = pd.Series(found, dtype=object)
        return frame

    @cached_property
    def forecast(self) -> pd.DataFrame:
        """To the end: the plan as it was (plan), kept for the rest (kept), and re-planned (best).

        Columns: plan, spent, value (the objective as a reader counts it), feasible (to a millionth
        of each rule's size), broken (the rules that it breaks), and the units that are followed up
        per stage, or outcomes.
        """
        import pandas as pd

        rows = []
        for name, one in (("plan", self.old), ("kept", self.kept), ("best", self.best)):
            if one is None:
                continue
            sign = -1.0 if one.plan.objective.kind == "lowest_spend" else 1.0
            broken = broken_rules(one.problem, one.columns)
            row: dict[str, Any] = {
                "plan": name,
                "spent": one.spent,
                "value": sign * one.objective,
                "feasible": not broken,
                "broken": ", ".join(broken),
            }
            if one.plan.funnel is None:
                rows.append(row | {"outcome": float(one.by_period["outcome"].sum())})
                continue
            by_stage = one.by_stage.groupby("stage", sort=False)["followed_up"].sum()
            rows.append(row | {str(stage): float(units) for stage, units in by_stage.items()})
        return pd.DataFrame(rows)

    @cached_property
    def past_broken(self) -> dict[str, list[str]]:
        """Rules that the past broke for good, each with the parts of it that are broken."""
        over = self.kept.plan
        assert over.periods is not None
        whole = replace(over, periods=replace(over.periods, past=0))
        columns = self.kept.columns if self.best is None else self.best.columns
        broken = broken_rules(compile_plan(whole), columns)
        still = broken_rules(self.kept.problem, columns)
        return {name: parts for name, parts in broken.items() if name not in still} | {
            name: [part for part in parts if part not in still[name]]
            for name, parts in broken.items()
            if name in still and set(parts) - set(still[name])
        }

    @cached_property
    def past_beyond(self) -> list[tuple[str, str]]:
        """Lines and periods that got less or more than the line's own limits allow."""
        grid, shape = self.plan.grid, self.spend.shape
        low, high = grid.minimum.reshape(shape), grid.upper.reshape(shape)
        room = _BROKEN * np.maximum(np.minimum(high, self.spend), 1e-9)
        out = (self.spend < low - room) | (self.spend > high + room)
        out[:, self.passed :] = False
        names, labels = grid.line_names, self.periods.planned
        return [(str(names[line]), labels[period]) for line, period in np.argwhere(out)]

    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table by name."""
        return {
            "lines": self.lines,
            "periods": self.cells,
            "totals": self.totals,
            "stages": self.stages,
            "forecast": self.forecast,
        }


def track(
    plan: Plan,
    actuals: Actuals,
    old: Allocation | None = None,
    *,
    until: str | None = None,
    missing: Missing = "refuse",
    scale_outcomes: bool = False,
    tolerance: float = TOLERANCE,
    gap: float = 1e-4,
    time_limit: float | None = None,
    progress: Progress | None = None,
) -> Tracking:
    """How *plan* was followed, and the best plan for what is left.

    Args:
        plan: The scenario as it stands, with periods.
        actuals: What was spent and what came of it.
        old: The plan that was to be followed; absent: the best plan of the scenario.
        until: The last period that is over; absent: the last that was reported.
        missing: What a line has spent that says nothing in a period that is over: ``refuse`` is a
            fault, ``planned`` what was planned, ``zero`` nothing.
        scale_outcomes: Multiply the rest of each line's curve by its actual over its expected
            outcomes so far.
        tolerance: Share of the plan within which spend and outcomes count as on it.
        gap: Largest relative distance to the bound at which the search may end.
        time_limit: Seconds for each search.
        progress: Called now and then with seconds, best value so far, and bound.

    Raises:
        PlanError: there are no periods; the old plan has other lines or periods; a line says
            nothing of a period that is over, and *missing* is ``refuse``.
        Infeasible: the scenario itself has no plan. Where only the rest has none, the answer says
            so in ``conflict``.
    """
    periods = _periods_of(plan)
    passed = _passed(periods, actuals, until)
    given = old is not None
    if old is not None:
        _same_cells(plan, old)
    search: dict[str, Any] = {"time_limit": time_limit, "progress": progress}
    # Half the gap each: a plan that was followed exactly then stands within the gap.
    old = old or optimize(plan, gap=gap / 2, **search)
    reported = actuals.spend.copy()
    reported[:, passed:] = np.nan
    taken = np.isnan(reported)
    taken[:, passed:] = False
    if missing == "refuse" and taken.any():
        raise PlanError(_gaps(plan, actuals, taken[:, :passed]))
    planned = _of_lines(old, plan)
    spend = np.where(np.isnan(reported), planned, reported)
    if missing == "zero":
        spend[taken] = 0.0
    found = _Found(plan, actuals, passed, spend)
    rest = found.rest(scale=scale_outcomes)
    kept = evaluate(rest, spend)
    best, conflict, stands = _best(rest, kept, gap, search)
    old_units = _brought(old, plan)
    return Tracking(
        plan=plan,
        old=old,
        given=given,
        passed=passed,
        spend=spend,
        taken=taken,
        missing=missing,
        planned_units=old_units[:, : periods.count],
        expected_units=found.expected,
        units=found.units,
        counts=found.counts(old, old_units),
        factors=found.factors,
        scaled=scale_outcomes,
        kept=kept,
        best=best,
        conflict=conflict,
        stands=stands,
        tolerance=tolerance,
        remarks=(*actuals.remarks, *_unused(plan, actuals, passed), *found.remarks()),
    )


def _best(
    rest: Plan, kept: Allocation, gap: float, search: dict[str, Any]
) -> tuple[Allocation | None, Infeasible | None, bool]:
    """The best plan for the rest, or why there is none; and whether the old one stands."""
    try:
        best = optimize(rest, gap=gap / 2, **search)
    except Infeasible as error:
        return None, error, False
    best = replace(best, options=replace(best.options, gap=gap))
    # Money is reported to the cent, so rules are kept as the independent check has them.
    if broken_rules(kept.problem, kept.columns) or best.bound is None:
        return best, None, False
    # A change that is worth less than the gap is none.
    stands = relative_gap(kept.objective, best.bound) <= gap or kept.objective >= best.objective
    if stands:
        best = replace(best, spend=kept.spend.copy(), objective=kept.objective)
    return best, None, stands


class _Found:
    """What the actuals say of a plan whose first periods are over."""

    def __init__(self, plan: Plan, actuals: Actuals, passed: int, spend: Floats) -> None:
        self.plan, self.actuals, self.passed, self.spend = plan, actuals, passed, spend
        self.periods = _periods_of(plan)
        self.followed = evaluate(self._over({}), spend)
        self.all_expected = _brought(self.followed, plan)
        self.expected = self.all_expected[:, : self.periods.count]
        self.units = actuals.own(plan)
        self.units[:, passed:] = np.nan

    @cached_property
    def factors(self) -> dict[str, float]:
        """Actual over expected outcomes so far, per line with both."""
        seen = ~np.isnan(self.units)
        actual = np.where(seen, self.units, 0.0).sum(axis=1)
        expected = np.where(seen, self.expected, 0.0).sum(axis=1)
        return {
            line.name: float(actual[i] / expected[i])
            for i, line in enumerate(self.plan.lines)
            if expected[i] > 0
        }

    def rest(self, *, scale: bool) -> Plan:
        """The question for the rest: what is over is fixed, money and outcomes alike."""
        demands: dict[str, dict[str, float]] = {}
        for i, line in enumerate(self.plan.lines):
            season = self.periods.values(line.demand, f"channels.{line.name}.demand")
            moved = season.copy()
            if scale:
                moved[self.passed :] *= self.factors.get(line.name, 1.0)
            for s in range(self.passed):
                actual, expected = self.units[i, s], self.expected[i, s]
                if expected > 0 and abs(actual - expected) > _SAME * expected:
                    moved[s] *= actual / expected
            if np.any(abs(moved - season) > _SAME * season):
                demands[line.name] = dict(zip(self.periods.labels, moved.tolist(), strict=True))
        return self._over(demands)

    def _over(self, demands: dict[str, dict[str, float]]) -> Plan:
        labels = self.periods.planned[: self.passed]
        lines = []
        for line, money in zip(self.plan.lines, self.spend, strict=True):
            fixed = dict(zip(labels, money[: self.passed].tolist(), strict=True))
            changes: dict[str, Any] = {
                "locked_in": {**line.locked_in, **fixed},
                "blackout": tuple(label for label in line.blackout if label not in fixed),
            }
            if line.name in demands:
                changes["demand"] = demands[line.name]
            lines.append(_with(line, changes))
        periods = replace(self.periods, past=self.passed)
        return replace(self.plan, lines=tuple(lines), periods=periods)

    def counts(
        self, old: Allocation, old_units: Floats
    ) -> dict[str, tuple[Floats, Floats, Floats]]:
        """Planned, expected and actual units by stage; NaN where nothing was reported."""
        found = {}
        stages = self.plan.grid.stages
        fed = np.array([line.outcome or OUTCOME for line in self.plan.lines])
        n = self.periods.count
        delivered = [_delivered(one, self.plan) for one in (old, self.followed)]
        for place, stage in enumerate(stages or [OUTCOME]):
            own = (fed == stage)[:, None]
            actual = np.where(own, self.units, np.nan)
            parts = [old_units[:, :n], self.expected]
            reported = self.actuals.counts.get(stage)
            if stage != OUTCOME and reported is not None:
                # Units that come from lines further up, of what was reported of them.
                actual = np.where(own, actual, reported)
                parts = [
                    np.where(own, direct, units[place, :, :n])
                    for direct, units in zip(parts, delivered, strict=True)
                ]
            actual[:, self.passed :] = np.nan
            if not np.isnan(actual).all():
                nothing = np.isnan(actual)
                planned, expected = (np.where(nothing, np.nan, part) for part in parts)
                found[stage] = (planned, expected, actual)
        return found

    def remarks(self) -> list[Fault]:
        """Outcomes that came where the curves expect none, so that no forecast holds them."""
        lost = (self.units > 0) & (self.expected <= 0)
        names, labels = self.plan.grid.line_names, self.periods.planned
        return [
            Fault(
                "outcome",
                f"{names[line]} {labels[period]} reports {self.units[line, period]:g} where its "
                "curve expects none: not in the forecast",
                where=_place(self.actuals, line, period),
            )
            for line, period in np.argwhere(lost)
        ]


def _with(line: Line, changes: dict[str, Any]) -> Line:
    return replace(line, **changes)


# --- Reading the input ----------------------------------------------------------------------------


def _periods_of(plan: Plan) -> Periods:
    if plan.periods is None:
        advice = "Give periods, such as periods: {start: 2027-01, count: 12}"
        raise PlanError(
            Fault("periods", "the plan has none, so there is nothing to follow", advice)
        )
    return plan.periods


def _passed(periods: Periods, actuals: Actuals, until: str | None) -> int:
    """How many periods are over."""
    passed = actuals.reported if until is None else periods.index(until) + 1
    if not passed:
        raise PlanError(Fault("", "nothing was reported", "Give what was spent", actuals.source))
    return passed


def _same_cells(plan: Plan, old: Allocation) -> None:
    """Refuse an old plan of other lines or periods."""
    grid, other = plan.grid, old.problem.grid
    faults = []
    for what, here, there in (
        ("line", grid.line_names.tolist(), other.line_names.tolist()),
        ("period", list(grid.periods), list(other.periods)),
    ):
        for one, where in ((set(there) - set(here), "scenario"), (set(here) - set(there), "plan")):
            if one:
                names = ", ".join(sorted(map(str, one))[:_NAMED])
                words = (
                    f"the {where} {'to follow ' if where == 'plan' else ''}has no {what} {names}"
                )
                advice = "Give the plan of this scenario, or leave it out"
                faults.append(Fault("plan", words, advice))
    if faults:
        raise PlanError(faults)


def _gaps(plan: Plan, actuals: Actuals, taken: Mask) -> list[Fault]:
    """Lines and periods of which nothing is said, a period at a time."""
    names, labels = plan.grid.line_names, _periods_of(plan).planned
    advice = (
        "Add rows, with 0 where nothing was spent; or end before with --until; or say what to "
        "take: --missing zero, --missing planned"
    )
    faults = []
    for period in np.flatnonzero(taken.any(axis=0)):
        whole = bool(taken[:, period].all())
        lines = [str(name) for name in names[taken[:, period]]]
        some = ", ".join(lines[:_NAMED]) + (" …" if len(lines) > _NAMED else "")
        words = "nothing was reported" if whole else f"nothing was reported of {some}"
        later = np.flatnonzero(~taken[:, period + 1 :].all(axis=0))
        if whole and later.size:
            after = int(period) + 1 + int(later[0])
            line = int(np.flatnonzero(~taken[:, after])[0])
            place = _place(actuals, line, after)
            words += f", though {labels[after]} was" + (f" ({place})" if place else "")
        faults.append(Fault(labels[period], words, advice, actuals.source))
    return faults


def _place(actuals: Actuals, line: int, period: int) -> str:
    """The row of a report, as ``file:row``."""
    row = 0 if actuals.rows is None else int(actuals.rows[line, period])
    return f"{actuals.source}:{row}" if row else actuals.source


def _unused(plan: Plan, actuals: Actuals, passed: int) -> list[Fault]:
    """What was reported of periods after the last that counts as over."""
    labels = _periods_of(plan).planned
    late = ~np.isnan(actuals.spend)
    late[:, :passed] = False
    return [
        Fault(
            "period",
            f"{labels[period]} is after {labels[passed - 1]}: {int(late[:, period].sum())} "
            "reported and not used",
            where=_place(actuals, int(np.flatnonzero(late[:, period])[0]), int(period)),
        )
        for period in np.flatnonzero(late.any(axis=0))
    ]


# --- Arrays by line and period --------------------------------------------------------------------


def _order(answer: Allocation, plan: Plan) -> NDArray[np.intp]:
    """Where each line of *plan* stands in *answer*."""
    place = {name: i for i, name in enumerate(answer.problem.grid.line_names.tolist())}
    return np.array([place[name] for name in plan.grid.line_names.tolist()], np.intp)


def _of_lines(answer: Allocation, plan: Plan) -> Floats:
    """Money by line and period in the order of *plan*."""
    grid = answer.problem.grid
    return answer.spend.reshape(grid.n_lines, grid.n_periods)[_order(answer, plan)]


def _brought(answer: Allocation, plan: Plan) -> Floats:
    """Outcomes of each line by period that counts, in the order of *plan*."""
    flows = answer.problem.grid.flows
    assert flows is not None
    return flows.brought(answer.terms)[_order(answer, plan)]


def _delivered(answer: Allocation, plan: Plan) -> Floats:
    """Units per stage, line and period that counts, in the order of *plan*."""
    flows = answer.problem.grid.flows
    assert flows is not None
    if flows.funnel is None:
        return np.zeros((0, len(plan.lines), flows.periods.counted))
    return flows.delivered(answer.terms, answer.columns)[:, _order(answer, plan)]


def _seen_sum(units: Floats, seen: Mask) -> Floats:
    """Sums over the periods that were seen; NaN where none was."""
    total = np.where(seen, units, 0.0).sum(axis=1)
    return np.asarray(np.where(seen.any(axis=1), total, np.nan), float)


def standing(planned: float, actual: float, tolerance: float) -> str | None:
    """``ahead``, ``behind`` or ``on_plan``; None where there is nothing to compare."""
    if np.isnan(planned) or np.isnan(actual):
        return None
    off = actual - planned
    if abs(off) <= tolerance * abs(planned) + 1e-9:
        return "on_plan"
    return "ahead" if off > 0 else "behind"


def _standings(planned: Floats, actual: Floats, tolerance: float) -> NDArray[np.object_]:
    pairs = zip(planned.ravel(), actual.ravel(), strict=True)
    found = np.array([standing(*pair, tolerance) for pair in pairs], object)
    return found.reshape(planned.shape)


def broken_rules(problem: Problem, columns: Floats) -> dict[str, list[str]]:
    """The hard rules that *columns* break, each with the parts that are broken."""
    rows = problem.rows
    size = rows.scale(columns, problem.outcomes(columns), problem.switched(columns))
    in_money = np.array([unit is Unit.MONEY for unit in rows.unit], bool)
    # A limit may hang on a period with next to no money.
    least = np.where(in_money, 0.1 * problem.money, 1e-300)
    missed = problem.violations(columns) > _BROKEN * np.maximum(size, least)
    found: dict[str, list[str]] = {}
    for row in np.flatnonzero(missed & ~rows.soft & ~rows.definition):
        found.setdefault(rows.rule[row], []).append(rows.part[row])
    n = problem.n_cells
    cells, floor = columns[:n], problem.floor[:n]
    room = _BROKEN * np.maximum(cells, 1e-9)
    low, high = cells < problem.lower[:n] - room, cells > problem.upper[:n] + room
    for word, there in (
        ("minimum", low),
        ("maximum", high),
        ("minimum if active", (cells > room) & (cells < floor - room) & ~low),
    ):
        for cell in np.flatnonzero(there):
            name = f"{problem.grid.names[cell]} {word}"
            found.setdefault(name, []).append(problem.grid.label(int(cell)))
    return found
