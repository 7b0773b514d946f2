"""The map of a history: which column is what. Stated types; a small YAML file holds one."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from optimizer.errors import Fault, PlanError
from optimizer.plan.stated import CURRENCY, stated
from optimizer.plan.units import Money, Number, Positive, Proportion

__all__ = ["CURVE_KINDS", "HistoryMap", "LiftTest", "LongForm", "MappedLine"]

CURVE_KINDS = ("hill", "exponential", "logistic", "log")
"""Curves that are fitted; a line may have any."""

Columns = Annotated[
    tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)
]


def _filled(columns: tuple[str, ...]) -> tuple[str, ...]:
    if not columns:
        raise ValueError("name at least one column")
    return columns


@stated
class LiftTest:
    """An experiment: what a change of a line's spend brought, and how sure that is."""

    to: Money
    """The line's spend per period under test."""
    lift: Number
    """Outcomes more than without the change, over all periods of the test."""
    error: Positive
    """Standard error of the lift, in outcomes."""
    base: Money = 0.0
    """The line's spend per period without the change; it had been held before the test."""
    periods: Annotated[int, Field(ge=1, le=500)] = 1
    """How many periods the spend was changed for, over which outcomes were counted."""
    line: str = ""
    """The line that was tested."""
    when: str = ""
    """Date or period, for the reader."""

    def __post_init__(self) -> None:
        if self.to == self.base:
            raise ValueError("the spend under test is the spend without it; give what was changed")


@stated
class MappedLine:
    """One budget line of the history."""

    name: str
    """``channel``, or ``channel.line``."""
    spend: Annotated[Columns, AfterValidator(_filled)]
    """The column of its money, or several that are added up; in the long form what the column
    ``line`` says, absent: the line's own name."""
    role: Literal["brand", "traffic"] | None = None
    """``brand`` or ``traffic``; absent: the word after the dot, where it is one of them."""
    curve: Literal["hill", "exponential", "logistic", "log"] = "hill"
    """The kind of its curve."""
    steepness: Literal["one", "fitted"] = "fitted"
    """Of a hill: ``fitted``, so that it takes the form of the others, or an S, as the data say;
    ``one``: concave, with one number less."""
    retention: Proportion | None = None
    """What is believed of its carry-over per week or month, the centre of the prior."""

    @property
    def is_steep(self) -> bool:
        """Whether the steepness of its curve is fitted, too."""
        return self.curve == "hill" and self.steepness == "fitted"

    @property
    def believed_role(self) -> str | None:
        """The role, from its name where none is given."""
        last = self.name.rpartition(".")[2]
        return self.role or (last if last in {"brand", "traffic"} else None)


@stated
class LongForm:
    """The columns of a long table: one row per line (and place) and period."""

    line: str
    """The column that names the line."""
    spend: str
    """The column of its money."""


@stated
class HistoryMap:
    """Which column of a history is what."""

    date: str
    """The column of dates: the first day of each week or month, or any one day of it."""
    outcome: str
    """The column of what came of it: revenue, orders, leads …"""
    lines: tuple[MappedLine, ...]
    """The budget lines: name to its column, or to ``{spend: column, role: …}``."""
    outcome_times: str | None = None
    """A column that the outcome is multiplied by, such as revenue per order."""
    long: LongForm | None = None
    """Columns of the long form; absent: every line has columns of its own."""
    controls: Columns = ()
    """Columns of what else moves the outcome: prices, holidays, rivals, demand. Texts become one
    yes-or-no column per word."""
    geo: str | None = None
    """The column of places, for a panel."""
    population: str | None = None
    """The column of the size of a place; absent: its mean outcome."""
    value: Money | None = None
    """Money per outcome; 1 where the outcome is money."""
    currency: Annotated[str, Field(pattern=CURRENCY)] = "USD"
    """Three-letter code of all money."""
    decimal: Literal[".", ","] | None = None
    """What stands before decimals in texts such as 1.234; absent: what other cells show."""
    trend: Literal["curved", "linear", "none"] = "curved"
    """What grows by itself: a cubic, a straight line, or nothing."""
    season: Annotated[int, Field(ge=0, le=10)] | None = None
    """Pairs of yearly waves (Fourier terms); absent: 2 from two years on, else 0."""
    ahead: Annotated[int, Field(ge=0, le=500)] | None = None
    """Periods of the plan that is written; 0: one average period, in which carry-over has settled.
    Absent: 13 weeks or 12 months where all curves are concave, else 0."""
    moves: Annotated[tuple[Number, Number], Field(min_length=2, max_length=2)] = (0.5, 2.0)
    """How far a line may move from today's spend in the scenario: least and most, as factors."""
    tests: tuple[LiftTest, ...] = ()
    """Experiments that sharpen the curves."""
    name: str = ""
    """Title of the scenario; absent: the name of the history."""

    def __post_init__(self) -> None:
        faults = list(_faults(self))
        if faults:
            raise PlanError(faults)

    @property
    def money(self) -> float:
        """Money per outcome, 1 where none is given."""
        return 1.0 if self.value is None else self.value


def _faults(made: HistoryMap) -> Any:
    """What does not hold together."""
    if not made.lines:
        yield Fault("lines", "there is none", "Give name: column")
    names = [line.name for line in made.lines]
    taken: dict[str, str] = {}
    for line in made.lines:
        for column in line.spend:
            if column in taken:
                words = f"{column} is the spend of {taken[column]} already"
                yield Fault(f"lines.{line.name}", words, "Give each column to one line")
            taken[column] = line.name
    for column in made.controls:
        if column in taken and made.long is None:
            words = f"{column} is the spend of {taken[column]}"
            yield Fault("controls", words, "A column is spend or a control")
        if column == made.outcome:
            yield Fault("controls", f"{column} is the outcome", "Take it out")
    for index, test in enumerate(made.tests):
        if test.line not in names:
            known = ", ".join(names)
            path = f"tests.{index}.line"
            yield Fault(path, f"there is no line {test.line!r}", f"Known: {known}")
    low, high = made.moves
    if not 0 <= low <= 1 <= high:
        words = f"{low:g} to {high:g} does not hold today's spend"
        yield Fault("moves", words, "Give factors such as [0.5, 2]")
