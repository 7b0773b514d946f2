"""Rules on sums of spend: who gets which share, and how much at least or at most."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from optimizer.errors import Fault, PlanError, UnknownName
from optimizer.plan.curves import Floats
from optimizer.plan.funnel import Sorted
from optimizer.plan.grid import Grid, Row, Unit, Where, sum_of
from optimizer.plan.stated import stated
from optimizer.plan.units import Amount, Number, Proportion, parse_ratio, parse_share

from .common import Penalty, Per, either_limit

__all__ = [
    "PRESETS",
    "Preset",
    "PresetName",
    "Ratio",
    "Share",
    "Spend",
    "SpendAll",
    "Split",
    "Weighted",
    "with_shares",
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
        either_limit(self)

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
        either_limit(self)

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
        either_limit(self)

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
        either_limit(self)

    def rows(self, grid: Grid) -> list[Row]:
        """One condition."""
        weights: Floats = np.zeros(grid.n_cells)
        for name, weight in self.weights.items():
            weights[grid.select({"name": (name,)})] += weight
        low = -np.inf if self.at_least is None else self.at_least
        high = np.inf if self.at_most is None else self.at_most
        return [Row(self.name, "", Unit.UNITS, low, high, sum_of(weights))]


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
