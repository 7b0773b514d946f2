"""Business rules. The union :data:`Constraint` is the registry.

Each rule is one class with its formula and one method, ``rows(grid)``, that turns it into linear
conditions. Every rule has a ``name``, and a ``penalty`` (objective lost per unit of violation) that
makes it soft.

Symbols: x spend per line and period, t outcome, S the cells (line × period) that ``where`` selects.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, get_args

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from optimizer.errors import Fault, PlanError, UnknownName

from .curves import Floats
from .funnel import Sorted
from .grid import Grid, Row, Sum, Switch, SwitchKind, Unit, Where, sum_of
from .periods import Series, labelled
from .stated import stated
from .units import Amount, Money, Number, Percent, Proportion, parse_ratio, parse_share

__all__ = [
    "CONSTRAINTS",
    "PRESETS",
    "ActiveLines",
    "Changes",
    "Constraint",
    "CostCap",
    "Flights",
    "Pacing",
    "Preset",
    "Ratio",
    "Share",
    "Spend",
    "SpendAll",
    "Split",
    "Target",
    "Weighted",
    "reads_budget",
]


@dataclass(frozen=True)
class Preset:
    """A brand:traffic split by name, with where it comes from."""

    shares: dict[str, float]
    source: str
    grade: str
    as_of: str


PRESETS: dict[str, Preset] = {
    "document-b2b": Preset(
        {"brand": 0.6, "traffic": 0.4},
        "adsplit's default for B2B: 6 parts brand, 4 parts traffic, for long-term growth",
        "given",
        "2026-11",
    ),
    "document-b2c": Preset(
        {"brand": 0.4, "traffic": 0.6},
        "adsplit's default for B2C: 4 parts brand, 6 parts traffic, for long-term growth",
        "given",
        "2026-11",
    ),
    "binet-field-b2b": Preset(
        {"brand": 0.46, "traffic": 0.54},
        "Binet & Field for The B2B Institute, 5 Principles of Growth in B2B Marketing (2019)",
        "B",
        "2019",
    ),
    "binet-field-b2c": Preset(
        {"brand": 0.6, "traffic": 0.4},
        "Binet & Field, The Long and the Short of It (IPA, 2013), as quoted by WARC (2020)",
        "B",
        "2020",
    ),
}

PresetName = Literal["document-b2b", "document-b2c", "binet-field-b2b", "binet-field-b2c"]


def _shares(value: Any) -> Any:
    """``6:4`` means brand:traffic; a mapping gives a share per group."""
    if isinstance(value, str):
        parts = parse_ratio(value)
        if len(parts) != 2:
            raise ValueError(f"{value!r} must have two parts, brand:traffic")
        return {"brand": parts[0], "traffic": parts[1]}
    if isinstance(value, dict):
        return {str(key): parse_share(item) for key, item in value.items()}
    return value


def _whole(shares: dict[str, float] | None) -> dict[str, float] | None:
    if shares is not None and abs(sum(shares.values()) - 1) > 1e-9:
        raise ValueError(f"shares add up to {sum(shares.values()):.6g}; they must add up to 1")
    return None if shares is None else dict(sorted(shares.items()))


Shares = Annotated[
    dict[str, float] | None,
    BeforeValidator(_shares),
    AfterValidator(_whole),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "examples": ["6:4"]},
                {"type": "object", "additionalProperties": {"type": ["number", "string"]}},
            ]
        }
    ),
]

Penalty = Annotated[Number, Field(gt=0)] | None
Per = Annotated[str, Field(min_length=1)]


def _no_bool(value: Any) -> Any:
    """Python counts true as 1; a person who writes it means something else."""
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is not a whole number")
    return value


def _either_limit(rule: Any) -> None:
    if rule.at_least is None and rule.at_most is None:
        raise ValueError("give at_least, at_most or both")
    low, high = rule.at_least, rule.at_most
    if isinstance(low, Percent) and isinstance(high, Percent) and low.share > high.share:
        raise ValueError(f"at_least {low} is above at_most {high}")
    if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
        raise ValueError(f"at_least {low:g} is above at_most {high:g}")


@stated
class Split:
    """Fixed shares of the spend for groups of lines: the brand:traffic rule.

    |Σ_{i∈g} xᵢ − share_g · Σ_{i∈S} xᵢ| ≤ tolerance · Σ_{i∈S} xᵢ for every group g.
    """

    shares: Shares = None
    """Share of each group, such as ``{brand: 0.6, traffic: 0.4}`` or ``6:4``."""
    preset: PresetName | None = None
    """Shares by name instead."""
    by: str = "role"
    """The field that tells the groups apart: role, channel or a tag."""
    tolerance: Proportion = 0.0
    """0: exactly; above: a band of so much spend to either side."""
    where: Where = Field(default_factory=dict)
    """The lines whose spend is split; all by default."""
    per: Per = "total"
    """``total``, or a field: then the split holds within each of its values."""
    penalty: Penalty = None
    """Objective lost per unit of money on the wrong side; absent: hard."""
    name: str = "split"
    kind: Literal["split"] = "split"

    def __post_init__(self) -> None:
        if self.shares is not None and self.preset is not None:
            raise ValueError("give shares or a preset, not both")

    @property
    def target(self) -> dict[str, float]:
        """The shares, whether stated or by preset."""
        if self.preset is not None:
            return PRESETS[self.preset].shares
        if self.shares is None:
            raise PlanError(
                Fault(self.name, "has no shares", "Give shares, a preset or a business")
            )
        return self.shares

    def rows(self, grid: Grid) -> list[Row]:
        """One condition per group; with two or exact groups the last follows from the others."""
        scope, column, shares = grid.select(self.where), grid.field(self.by), self.target
        unknown = sorted({str(word) for word in column[scope]} - set(shares))
        if unknown:
            lines = ", ".join(grid.names[scope & np.isin(column, unknown)][:5])
            raise PlanError(
                Fault(
                    self.name,
                    f"these lines have no share: {lines} ({self.by} {unknown[0] or 'not stated'})",
                    f"Give them a {self.by} of {', '.join(shares)}, or a share of their own",
                )
            )
        rows: list[Row] = []
        for part, mask in grid.groups(self.per).items():
            rows += self._rows_within(column, scope & mask, part)
        return rows

    def _rows_within(self, column: Any, scope: Any, part: str) -> list[Row]:
        total = scope.astype(float)
        shares = list(self.target.items())
        if len(shares) == 2 or self.tolerance == 0:
            shares = shares[: max(len(shares) - 1, 1)]
        rows = []
        for group, share in shares:
            inside = (scope & (column == group)).astype(float)
            label = f"{group} in {part}" if part else group
            low, high = share - self.tolerance, share + self.tolerance
            if self.tolerance == 0:
                rows.append(Row(self.name, label, Unit.MONEY, 0, 0, sum_of(inside - share * total)))
                continue
            if low > 0:
                rows.append(
                    Row(self.name, label, Unit.MONEY, lower=0.0, spend=sum_of(inside - low * total))
                )
            if high < 1:
                rows.append(
                    Row(
                        self.name, label, Unit.MONEY, upper=0.0, spend=sum_of(inside - high * total)
                    )
                )
        return rows


@stated
class Spend:
    """Limits on money: at_least ≤ Σ_{i∈S} xᵢ ≤ at_most."""

    where: Where = Field(default_factory=dict)
    """Which lines; all by default."""
    at_least: Amount | None = None
    """Money, or a share of the budget (``20%``)."""
    at_most: Amount | None = None
    """Money, or a share of the budget."""
    per: Per = "total"
    """``total``, or a field: then each of its values is limited."""
    penalty: Penalty = None
    """Objective lost per unit of money beyond the limit; absent: hard."""
    name: str = "spend"
    kind: Literal["spend"] = "spend"

    def __post_init__(self) -> None:
        _either_limit(self)

    def rows(self, grid: Grid) -> list[Row]:
        """One condition per group."""
        scope = grid.select(self.where)
        low = -np.inf if self.at_least is None else grid.money(self.at_least)
        high = np.inf if self.at_most is None else grid.money(self.at_most)
        return [
            Row(self.name, part, Unit.MONEY, low, high, sum_of((scope & mask).astype(float)))
            for part, mask in grid.groups(self.per).items()
            if (scope & mask).any()
        ]


def _relative(
    rule: Any, low: float | None, high: float | None, a: Any, b: Any, part: str
) -> list[Row]:
    """Low · Σ_b x ≤ Σ_a x ≤ high · Σ_b x as rows."""
    rows = []
    if low is not None:
        rows.append(Row(rule.name, part, Unit.MONEY, lower=0.0, spend=sum_of(a - low * b)))
    if high is not None:
        rows.append(Row(rule.name, part, Unit.MONEY, upper=0.0, spend=sum_of(a - high * b)))
    return rows


@stated
class Share:
    """Limits on a share of spend: at_least · Σ_{i∈O} xᵢ ≤ Σ_{i∈S} xᵢ ≤ at_most · Σ_{i∈O} xᵢ."""

    where: Where
    """The lines whose share is limited (S)."""
    at_least: Proportion | None = None
    """Share in [0, 1]."""
    at_most: Proportion | None = None
    """Share in [0, 1]."""
    of: Where = Field(default_factory=dict)
    """Of whose spend (O); all by default."""
    per: Per = "total"
    """``total``, or a field: then the rule holds within each of its values."""
    penalty: Penalty = None
    """Objective lost per unit of money beyond the limit; absent: hard."""
    name: str = "share"
    kind: Literal["share"] = "share"

    def __post_init__(self) -> None:
        _either_limit(self)

    def rows(self, grid: Grid) -> list[Row]:
        """One condition per limit and group."""
        chosen, base = grid.select(self.where).astype(float), grid.select(self.of).astype(float)
        rows: list[Row] = []
        for part, mask in grid.groups(self.per).items():
            rows += _relative(self, self.at_least, self.at_most, chosen * mask, base * mask, part)
        return [row for row in rows if row.spend]


@stated
class Ratio:
    """Spend of some lines over spend of others: at_least ≤ Σ_{i∈S} xᵢ / Σ_{i∈T} xᵢ ≤ at_most."""

    where: Where
    """The lines above the bar (S)."""
    to: Where
    """The lines below the bar (T)."""
    at_least: Annotated[Number, Field(ge=0)] | None = None
    """Money per unit of money."""
    at_most: Annotated[Number, Field(ge=0)] | None = None
    """Money per unit of money."""
    per: Per = "total"
    """``total``, or a field: then the rule holds within each of its values."""
    penalty: Penalty = None
    """Objective lost per unit of money beyond the limit; absent: hard."""
    name: str = "ratio"
    kind: Literal["ratio"] = "ratio"

    def __post_init__(self) -> None:
        _either_limit(self)

    def rows(self, grid: Grid) -> list[Row]:
        """One condition per limit and group."""
        above, below = grid.select(self.where).astype(float), grid.select(self.to).astype(float)
        rows: list[Row] = []
        for part, mask in grid.groups(self.per).items():
            rows += _relative(self, self.at_least, self.at_most, above * mask, below * mask, part)
        return [row for row in rows if row.spend]


@stated
class Weighted:
    """Any linear rule on spend: at_least ≤ Σᵢ weightᵢ · xᵢ ≤ at_most (reach points, CO₂ …)."""

    weights: Annotated[dict[str, Number], Sorted]
    """Weight per unit of money of a line, channel or role; the others weigh nothing."""
    at_least: Number | None = None
    """In units of the weighted sum."""
    at_most: Number | None = None
    """In units of the weighted sum."""
    penalty: Penalty = None
    """Objective lost per unit of the weighted sum beyond the limit; absent: hard."""
    name: str = "weighted"
    kind: Literal["weighted"] = "weighted"

    def __post_init__(self) -> None:
        _either_limit(self)

    def rows(self, grid: Grid) -> list[Row]:
        """One condition."""
        weights: Floats = np.zeros(grid.n_cells)
        for name, weight in self.weights.items():
            weights[grid.select({"name": (name,)})] += weight
        low = -np.inf if self.at_least is None else self.at_least
        high = np.inf if self.at_most is None else self.at_most
        return [Row(self.name, "", Unit.UNITS, low, high, sum_of(weights))]


@stated
class Target:
    """Something to reach: Σ_{i∈S} reachᵢ · tᵢ ≥ at_least, or value ≥ return_at_least · spend."""

    at_least: Annotated[Money, Field(gt=0)] | None = None
    """Outcomes of the stage."""
    outcome: str | None = None
    """The stage of the funnel; absent: all outcomes as the curves give them."""
    where: Where = Field(default_factory=dict)
    """Which lines; all by default. With ``{period: …}`` what comes in those periods."""
    return_at_least: Annotated[Number, Field(gt=0)] | None = None
    """Money of value per unit of money spent, over the lines; instead of outcomes."""
    by: str | None = None
    """The period by whose end it is to be reached; absent: the end of what counts."""
    per: Per = "total"
    """``total``, or a field: then each of its values has the target."""
    penalty: Penalty = None
    """Objective lost per outcome (or unit of money) missed; absent: hard."""
    name: str = "target"
    kind: Literal["target"] = "target"

    def __post_init__(self) -> None:
        if (self.at_least is None) == (self.return_at_least is None):
            raise ValueError("give at_least (outcomes) or return_at_least (money per money)")
        if self.return_at_least is not None and self.outcome is not None:
            raise ValueError("a return counts all value; drop outcome")

    def rows(self, grid: Grid) -> list[Row]:
        """One condition per group."""
        scope = grid.select(self.where) & _until(grid, self.by)
        rows = []
        for part, mask in grid.groups(self.per).items():
            cells = scope & mask
            if not cells.any():
                continue
            if self.at_least is not None:
                columns, terms = grid.counted(self.outcome, cells)
                rows.append(
                    Row(
                        self.name,
                        part,
                        Unit.OUTCOMES,
                        self.at_least,
                        spend=columns,
                        outcomes=terms,
                    )
                )
                continue
            assert self.return_at_least is not None
            columns, terms = grid.valued(cells)
            spend = columns.dense(grid.n_columns)
            spend[: grid.n_cells] -= self.return_at_least * cells
            rows.append(Row(self.name, part, Unit.MONEY, 0.0, spend=sum_of(spend), outcomes=terms))
        return rows


def _until(grid: Grid, by: str | None) -> Any:
    """The cells up to and with a period; all without one."""
    if by is None:
        return np.ones(grid.n_cells, bool)
    if by not in grid.periods:
        raise UnknownName.of("period", by, grid.periods)
    until = np.arange(grid.n_periods) <= grid.periods.index(by)
    return np.tile(until, grid.n_lines)


@stated
class CostCap:
    """What an outcome may cost: Σ_{i∈S} xᵢ ≤ at_most · Σ_{i∈S} reachᵢ · tᵢ.

    Marginal: no line goes beyond the exposure at which its next outcome costs ``at_most``.
    """

    at_most: Annotated[Money, Field(gt=0)]
    """Money per outcome of the stage."""
    outcome: str | None = None
    """The stage of the funnel; absent: all outcomes as the curves give them."""
    marginal: bool = False
    """Whether the last outcome of every line is capped instead of the average of all."""
    where: Where = Field(default_factory=dict)
    """Which lines; all by default."""
    per: Per = "total"
    """``total``, or a field: then each of its values has the cap."""
    penalty: Penalty = None
    """Objective lost per unit of money above the cap; absent: hard."""
    name: str = "cost_cap"
    kind: Literal["cost_cap"] = "cost_cap"

    def rows(self, grid: Grid) -> list[Row]:
        """One condition per group; for a marginal cap, one per line and period."""
        scope = grid.select(self.where)
        if self.marginal:
            return self._ends(grid, scope)
        rows = []
        for part, mask in grid.groups(self.per).items():
            cells = scope & mask
            if not cells.any():
                continue
            columns, terms = grid.counted(self.outcome, cells)
            spend = -self.at_most * columns.dense(grid.n_columns)
            spend[: grid.n_cells] += cells
            outcomes = Sum(terms.index, -self.at_most * terms.coefficient)
            rows.append(
                Row(self.name, part, Unit.MONEY, upper=0.0, spend=sum_of(spend), outcomes=outcomes)
            )
        return rows

    def _ends(self, grid: Grid, scope: Any) -> list[Row]:
        """The exposure at which one more outcome of each line costs the cap."""
        rows = []
        for column, curve, per_money, counts in grid.working(self.outcome, scope):
            rate = counts * per_money * self.at_most
            end = curve.reaches(1.0 / rate) / per_money if rate > 0 else 0.0
            one = Sum(np.array([column]), np.ones(1))
            rows.append(Row(self.name, grid.label(column), Unit.MONEY, upper=float(end), spend=one))
        return rows


@stated
class Pacing:
    """How money moves through time, for the spend X of each group of lines.

    |Xₛ − Xₛ₋₁| ≤ max_change · Xₛ₋₁ · Xₛ = profileₛ · Σ X · limits on X₁ + … + Xₛ.
    """

    max_change: Annotated[Number, Field(ge=0)] | None = None
    """Largest change from one period to the next, as a share of the earlier; ``0.25``."""
    from_today: bool = False
    """Whether the first period is held to today's spend in the same way."""
    profile: Series | None = None
    """How the spend is spread: one number per period, in any unit; their sum is the whole."""
    tolerance: Proportion = 0.0
    """How far a period may be off the profile, as a share of the whole."""
    at_most_by: Annotated[dict[str, Amount], BeforeValidator(labelled)] = Field(
        default_factory=dict
    )
    """Most that may be spent up to and with a period: money, or a share of the budget."""
    at_least_by: Annotated[dict[str, Amount], BeforeValidator(labelled)] = Field(
        default_factory=dict
    )
    """Least that must be spent up to and with a period: money, or a share of the budget."""
    where: Where = Field(default_factory=dict)
    """Which lines; all by default."""
    per: Per = "line"
    """Whose spend is paced: of each ``line``, of each value of a field, or in ``total``."""
    penalty: Penalty = None
    """Objective lost per unit of money beyond a limit; absent: hard."""
    name: str = "pacing"
    kind: Literal["pacing"] = "pacing"

    def __post_init__(self) -> None:
        shapes = (self.max_change, self.profile)
        if shapes == (None, None) and not self.at_most_by and not self.at_least_by:
            raise ValueError("give max_change, profile, at_most_by or at_least_by")
        if self.from_today and self.max_change is None:
            raise ValueError("from_today holds the first period to max_change; give it")

    def rows(self, grid: Grid) -> list[Row]:
        """Conditions per group and period."""
        if grid.n_periods < 2:
            raise PlanError(Fault(self.name, "there are no periods to pace", "Give periods"))
        scope = grid.select(self.where)
        rows: list[Row] = []
        for part, mask in grid.groups(self.per).items():
            cells = (scope & mask).reshape(-1, grid.n_periods)
            if not cells.any():
                continue
            rows += self._changes(grid, cells, part)
            rows += self._profile(grid, cells, part)
            rows += self._cumulative(grid, cells, part)
        return rows

    def _row(self, part: str, label: str, low: float, high: float, weights: Any) -> Row:
        name = " ".join(word for word in (part, label) if word)
        return Row(self.name, name, Unit.MONEY, low, high, sum_of(weights.ravel()))

    def _changes(self, grid: Grid, cells: Any, part: str) -> list[Row]:
        if self.max_change is None:
            return []
        rows = []
        first = 0 if self.from_today else 1
        for s in range(first, grid.n_periods):
            now, was = np.zeros(cells.shape), np.zeros(cells.shape)
            now[:, s] = cells[:, s]
            today = 0.0
            if s:
                was[:, s - 1] = cells[:, s - 1]
            else:
                today = float(grid.current.reshape(cells.shape)[:, 0] @ cells[:, 0])
                if np.isnan(today):
                    raise PlanError(
                        Fault(
                            self.name,
                            "from_today needs today's spend of every line it paces",
                            "Give current on those lines",
                        )
                    )
            high, low = 1.0 + self.max_change, max(1.0 - self.max_change, 0.0)
            label = grid.periods[s]
            rows.append(self._row(part, label, -np.inf, high * today, now - high * was))
            if low > 0:
                rows.append(self._row(part, label, low * today, np.inf, now - low * was))
        return rows

    def _profile(self, grid: Grid, cells: Any, part: str) -> list[Row]:
        if self.profile is None:
            return []
        assert grid.flows is not None
        shares = grid.flows.periods.values(self.profile, f"{self.name}.profile")[: grid.n_periods]
        if not shares.sum() > 0:
            raise PlanError(Fault(self.name, "the profile adds up to nothing", "Give a number"))
        rows, whole = [], cells.astype(float)
        for s, share in enumerate(shares / shares.sum()):
            now = np.zeros(cells.shape)
            now[:, s] = cells[:, s]
            label = grid.periods[s]
            if self.tolerance == 0:
                if s < grid.n_periods - 1:  # the last follows from the others
                    rows.append(self._row(part, label, 0.0, 0.0, now - share * whole))
                continue
            low, high = share - self.tolerance, share + self.tolerance
            rows.append(self._row(part, label, -np.inf, 0.0, now - high * whole))
            if low > 0:
                rows.append(self._row(part, label, 0.0, np.inf, now - low * whole))
        return rows

    def _cumulative(self, grid: Grid, cells: Any, part: str) -> list[Row]:
        rows = []
        limits = [(label, -np.inf, grid.money(most)) for label, most in self.at_most_by.items()]
        limits += [(label, grid.money(least), np.inf) for label, least in self.at_least_by.items()]
        for label, low, high in limits:
            until = _until(grid, label).reshape(cells.shape) & cells
            rows.append(self._row(part, f"by {label}", low, high, until.astype(float)))
        return rows


@stated
class Flights:
    """A line that goes on air stays there: at least ``at_least`` periods at a time.

    onₛ₊ⱼ ≥ onₛ − onₛ₋₁ for j < at_least; a flight at the end of the plan may go on after it.
    """

    at_least: Annotated[int, BeforeValidator(_no_bool), Field(ge=2)]
    """Periods."""
    where: Where = Field(default_factory=dict)
    """Which lines; all by default. Each needs a minimum_if_active."""
    penalty: Penalty = None
    """Objective lost per period missed; absent: hard."""
    name: str = "flights"
    kind: Literal["flights"] = "flights"

    def rows(self, grid: Grid) -> list[Row]:
        """One condition per line, start and period of the flight."""
        if grid.n_periods < 2:
            raise PlanError(Fault(self.name, "there are no periods to fly in", "Give periods"))
        scope = grid.select(self.where)
        needs_minimum(self.name, grid, scope)
        rows, n = [], grid.n_periods
        for line in np.flatnonzero(scope.reshape(-1, n).any(axis=1)):
            on = [Switch(SwitchKind.ON, int(line * n + s)) for s in range(n)]
            # What runs today is in the middle of a flight.
            runs = bool(grid.current[line * n] > 0)
            for s in range(n):
                if s == 0 and runs:
                    continue
                for later in range(s + 1, min(s + self.at_least, n)):
                    parts = [(on[later], 1.0), (on[s], -1.0)]
                    if s:
                        parts.append((on[s - 1], 1.0))
                    label = f"{grid.names[line * n]} {grid.periods[later]}"
                    rows.append(
                        Row(self.name, label, Unit.PERIODS, lower=0.0, switches=tuple(parts))
                    )
        return rows


def needs_minimum(rule: str, grid: Grid, scope: Any) -> None:
    """A line without a smallest spend could count as on without money; say so."""
    least = np.maximum(grid.minimum_if_active, grid.minimum)
    lacking = scope & (least <= 0) & (grid.maximum > 0)  # what can get nothing is never on
    if lacking.any():
        names = dict.fromkeys(grid.names[lacking].tolist())
        raise PlanError(
            Fault(
                rule,
                f"counts lines without a smallest spend: {', '.join(list(names)[:5])}",
                "Give those lines minimum_if_active, or a line could count without money",
            )
        )


Count = Annotated[int, BeforeValidator(_no_bool), Field(ge=0)]


@stated
class ActiveLines:
    """How many of some lines may get money: at_least ≤ #{i∈S : xᵢ > 0} ≤ at_most."""

    where: Where = Field(default_factory=dict)
    """Which lines; all by default."""
    at_least: Count | None = None
    """Lines; each needs a minimum_if_active, or it would be on without money."""
    at_most: Count | None = None
    """Lines."""
    per: Per = "total"
    """``total``, or a field: then the count holds within each of its values."""
    penalty: Penalty = None
    """Objective lost per line beyond the limit; absent: hard."""
    name: str = "active_lines"
    kind: Literal["active_lines"] = "active_lines"

    def __post_init__(self) -> None:
        _either_limit(self)

    def rows(self, grid: Grid) -> list[Row]:
        """One condition on the switches of each group."""
        scope = grid.select(self.where)
        if self.at_least:
            needs_minimum(self.name, grid, scope)
        low = -np.inf if self.at_least is None else float(self.at_least)
        high = np.inf if self.at_most is None else float(self.at_most)
        return [
            Row(
                self.name,
                part,
                Unit.LINES,
                low,
                high,
                switches=tuple((switch, 1.0) for switch in _on(grid, scope & mask)),
            )
            for part, mask in grid.groups(self.per).items()
            if (scope & mask).any()
        ] + _used_links(self.name, grid, scope & (self.per != "period"))


def _on(grid: Grid, cells: Any) -> list[Switch]:
    """Whether each line gets money in the periods meant; in several: in any of them."""
    by_line = cells.reshape(-1, grid.n_periods)
    switches = []
    for line in np.flatnonzero(by_line.any(axis=1)):
        meant = np.flatnonzero(by_line[line])
        if len(meant) == 1:
            switches.append(Switch(SwitchKind.ON, int(line * grid.n_periods + meant[0])))
        else:
            switches.append(Switch(SwitchKind.USED, int(line)))
    return switches


def _used_links(rule: str, grid: Grid, cells: Any) -> list[Row]:
    """A line is used if it is on in any period: onₛ ≤ used ≤ Σ onₛ."""
    n, rows = grid.n_periods, []
    if n == 1:
        return []
    for line in np.flatnonzero(cells.reshape(-1, n).any(axis=1)):
        used = Switch(SwitchKind.USED, int(line))
        on = [Switch(SwitchKind.ON, int(line * n + s)) for s in range(n)]
        link = Row(rule, str(grid.names[line * n]), Unit.LINES, definition=True)
        rows += [replace(link, upper=0.0, switches=((one, 1.0), (used, -1.0))) for one in on]
        every = tuple((one, -1.0) for one in on)
        rows.append(replace(link, upper=0.0, switches=((used, 1.0), *every)))
    return rows


@stated
class Changes:
    """How much of today's plan may change.

    At most ``at_most`` lines differ from today; those that do differ by ``at_least`` or more.
    """

    at_most: Count | None = None
    """Lines that may differ from today."""
    at_least: Amount | None = None
    """The smallest change worth making, in money."""
    where: Where = Field(default_factory=dict)
    """Which lines; all by default."""
    penalty: Penalty = None
    """Objective lost per line changed beyond the limit; absent: hard."""
    name: str = "changes"
    kind: Literal["changes"] = "changes"

    def __post_init__(self) -> None:
        if self.at_least is None and self.at_most is None:
            raise ValueError("give at_least, at_most or both")

    def rows(self, grid: Grid) -> list[Row]:
        """Two switches per line (up, down) that bound its spend around today's, and their count."""
        scope = np.flatnonzero(grid.select(self.where).reshape(-1, grid.n_periods).any(axis=1))
        today, names = grid.by_line(grid.current), grid.line_names
        unknown = scope[np.isnan(today[scope])]
        if unknown.size:
            raise PlanError(
                Fault(
                    self.name,
                    f"today's spend is not known of: {', '.join(names[unknown][:5])}",
                    "Give current on those lines",
                )
            )
        step = 0.0 if self.at_least is None else grid.money(self.at_least)
        rows = [row for line in scope for row in self._links(grid, int(line), step)]
        if self.at_most is not None:
            count = tuple(
                (Switch(kind, int(line)), 1.0)
                for line in scope
                for kind in (SwitchKind.UP, SwitchKind.DOWN)
            )
            rows.append(Row(self.name, "", Unit.LINES, upper=float(self.at_most), switches=count))
        return rows

    def _links(self, grid: Grid, line: int, step: float) -> list[Row]:
        """Up + down ≤ 1, and bounds on a line's spend x, over all periods, around today's.

        today + step·up − room below·down ≤ x ≤ today + room above·up − step·down.
        """
        up, down = Switch(SwitchKind.UP, line), Switch(SwitchKind.DOWN, line)
        own = slice(line * grid.n_periods, (line + 1) * grid.n_periods)
        today, least = float(grid.current[own].sum()), float(grid.minimum[own].sum())
        most = min(float(grid.upper[own].sum()), grid.budget)
        one = np.zeros(grid.n_cells)
        one[own] = 1.0
        label = str(grid.line_names[line])
        link = Row(self.name, label, Unit.MONEY, spend=sum_of(one), definition=True)
        return [
            replace(link, upper=today, switches=((up, -max(most - today, 0.0)), (down, step))),
            replace(link, lower=today, switches=((up, -step), (down, max(today - least, 0.0)))),
            replace(link, spend=sum_of(0 * one), upper=1.0, switches=((up, 1.0), (down, 1.0))),
        ]


@stated
class SpendAll:
    """The budget is spent whole: Σ xᵢ = budget."""

    penalty: Penalty = None
    """Objective lost per unit of money left; absent: hard."""
    name: str = "spend_all"
    kind: Literal["spend_all"] = "spend_all"

    def rows(self, grid: Grid) -> list[Row]:
        """One condition: no less than the budget, which is a ceiling anyway."""
        if not np.isfinite(grid.budget):
            raise PlanError(Fault(self.name, "there is no budget to spend", "Give a budget"))
        return [Row(self.name, "", Unit.MONEY, grid.budget, spend=sum_of(np.ones(grid.n_cells)))]


Constraint = Annotated[
    Split
    | Spend
    | Share
    | Ratio
    | Weighted
    | Pacing
    | Flights
    | Target
    | CostCap
    | ActiveLines
    | Changes
    | SpendAll,
    Field(discriminator="kind"),
]
"""Any rule, told apart by ``kind``."""

CONSTRAINTS: tuple[type, ...] = get_args(get_args(Constraint)[0])


# Their rows hold shares of the spend, weights and outcomes: nothing that is money of the budget.
_APART_FROM_BUDGET = (Split, Share, Ratio, Weighted, Target)


def reads_budget(rule: Constraint) -> bool:
    """Whether the rows of *rule* may change when the budget does.

    A line's bounds may be shares of the budget, so a rule that reads them does, too.
    """
    if isinstance(rule, Spend):
        return isinstance(rule.at_least, Percent) or isinstance(rule.at_most, Percent)
    return not isinstance(rule, _APART_FROM_BUDGET)


def with_shares(rule: Split, business: str) -> Split:
    """*rule* with the shares of the business where it states none.

    Raises:
        UnknownName: there is no such business.
    """
    if rule.shares is not None or rule.preset is not None:
        return rule
    name = f"document-{business}"
    if name not in PRESETS:
        raise UnknownName.of("business with a split of its own", business, ["b2b", "b2c"])
    return replace(rule, preset=name)  # type: ignore[arg-type]
