"""Plain tables: points of curves, or parameters of them, one row each; draws by a column ``draw``.

Points: ``channel, spend, outcome``, and ``low, high`` or ``draw`` where it is known how sure they
are. Parameters: ``channel, curve`` (the kind), one column per parameter of the kinds, ``retention``
for geometric carry-over, ``draw``. Response curves as Meridian exports them are such points.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.errors import Fault, PlanError, nearest
from optimizer.plan.curves import CURVES, Floats
from optimizer.sources.tabular import LARGEST

from .files import column, need_columns
from .response import Channel, Formula, Model, Table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SURE", "TITLES", "UNCHECKED", "points_of", "read_table"]

UNCHECKED = "not checked: the file holds curves, and no contributions to compare them with"

SURE = 0.9
"""How sure Meridian's limits of a response curve are, unless the map says otherwise."""

TITLES: dict[str, tuple[str, ...]] = {
    "channel": ("channel",),
    "spend": ("spend",),
    "outcome": ("outcome", "incremental_outcome", "mean", "median"),
    "low": ("low", "ci_lo"),
    "high": ("high", "ci_hi"),
    "draw": ("draw",),
}
"""What the columns are called where the map does not say."""

_PARAMETERS = {c.kind: c.parameters for c in CURVES if c.kind not in {"points", "elasticity"}}  # type: ignore[attr-defined]


def read_table(frame: pd.DataFrame, columns: Mapping[str, str], window: float, where: str) -> Model:
    """The channels of a table.

    Args:
        frame: The table.
        columns: What its columns are called, where not as in :data:`TITLES`.
        window: Periods that spend and outcomes of points are totals of.
        where: What faults call the file.

    Raises:
        PlanError: with every fault of the table at once.
    """
    frame = _with_metrics(frame, where)
    titles = _titles([str(title) for title in frame.columns], columns)
    faults: list[Fault] = []
    unknown = sorted(set(columns) - set(TITLES))
    faults += [Fault(f"columns.{w}", "is not known", nearest(w, TITLES), where) for w in unknown]
    drawn = "draw" in titles
    need_columns(frame, [titles.get("channel", columns.get("channel", "channel"))], where)
    names = frame[titles["channel"]].map(str, na_action="ignore").str.strip()
    nameless = np.flatnonzero((names.isna() | (names == "")).to_numpy())
    if nameless.size:
        words = f"is empty in row {int(nameless[0]) + 2}"  # a CSV's head line is row 1
        raise PlanError(Fault(titles["channel"], words, "Name the channel", where))
    if "curve" in frame.columns:
        made = [
            _parameters(name, part, where, faults)
            for name, part in _sorted(frame, names, titles, faults, where, drawn=drawn)
        ]
        channels = [channel for channel in made if channel is not None]
    else:
        wanted = [titles.get(w, columns.get(w, w)) for w in ("spend", "outcome")]
        need_columns(frame, wanted, where)
        numbers = {
            word: column(frame, titles[word], where, faults, 0.0 if word == "spend" else -np.inf)
            for word in ("spend", "outcome", "low", "high", "draw")
            if word in titles
        }
        channels = []
        for name in dict.fromkeys(names):
            own = (names == name).to_numpy()
            part: dict[str, Floats] = {word: values[own] for word, values in numbers.items()}
            channel = points_of(name, part, window, where, faults)
            channels += [] if channel is None else [channel]
    if faults:
        raise PlanError(faults)
    return Model("a table of curves", tuple(channels), notes=(UNCHECKED,))


def _with_metrics(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """Rows for the mean and its limits, as xarray writes them, side by side."""
    if "metric" not in frame.columns or "incremental_outcome" not in frame.columns:
        return frame
    keys = [t for t in ("channel", "spend", "spend_multiplier") if t in frame.columns]
    faults: list[Fault] = []
    values = column(frame, "incremental_outcome", where, faults)
    if frame.duplicated([*keys, "metric"]).any():
        words = "a channel has a metric twice at the same spend"
        faults.append(Fault("metric", words, "Give each once", where))
    if faults:
        raise PlanError(faults)
    wide = frame.assign(incremental_outcome=values).pivot_table(
        index=keys, columns="metric", values="incremental_outcome", sort=False
    )
    return wide.reset_index().rename_axis(columns=None)


def _titles(known: list[str], columns: Mapping[str, str]) -> dict[str, str]:
    """What each column is for to what it is called."""
    found = {}
    for word, usual in TITLES.items():
        names = (columns[word],) if word in columns else usual
        title = next((name for name in names if name in known), None)
        if title is not None:
            found[word] = title
    return found


def points_of(
    name: str, part: Mapping[str, Floats], window: float, where: str, faults: list[Fault]
) -> Channel | None:
    """A channel from its points; None, and faults, where they are no curve.

    Args:
        name: What it is called.
        part: ``spend``, ``outcome``, and ``low`` and ``high`` or ``draw``, each of shape (n,).
        window: Periods that spend and outcomes are totals of.
        where: What faults call the file.
        faults: What is wrong is added here.
    """
    draw = part.get("draw", np.zeros(len(part["spend"])))
    if not len(draw):
        faults.append(Fault(name, "has no points", "Give two or more, or leave it out", where))
        return None
    rows, base = [], None
    for number in np.unique(draw):
        own = draw == number
        order = np.argsort(part["spend"][own], kind="stable")
        money, reached = part["spend"][own][order], part["outcome"][own][order]
        told = _beyond(part) or _odd(money, reached)
        if base is not None and not np.array_equal(money, base):
            told = "its draws are not at the same spends"
        if told:
            faults.append(Fault(name, told, "Give each spend once, and outcomes that rise", where))
            return None
        base = money
        rows.append(np.maximum.accumulate(reached))
    assert base is not None
    reached = np.array(rows)
    notes = []
    if base[0] == 0:
        if np.any(reached[:, 0] != 0):
            notes.append("what comes at no spend is taken off")
        reached = reached - reached[:, :1]
    else:
        base = np.concatenate([[0.0], base])
        reached = np.concatenate([np.zeros((len(reached), 1)), reached], axis=1)
    made = Table(base / window, reached / window)
    return Channel(name, made, range=_limits(part), notes=tuple(notes))


def _beyond(part: Mapping[str, Floats]) -> str:
    """Whether a number is none that can be reckoned with."""
    for word in ("spend", "outcome"):
        values = part[word]
        wrong = values[~(np.abs(values) < LARGEST)]
        if wrong.size:
            return f"its {word} is {wrong[0]:g}"
    return ""


def _odd(money: Floats, reached: Floats) -> str:
    """What is wrong with points in order of spend."""
    if len(money) < 2 and not (len(money) == 1 and money[0] > 0):
        return "has fewer than two points"
    if len(money) > 2_000:
        return f"has {len(money):,} points, more than 2,000"
    if np.any(np.diff(money) <= 0):
        return f"has the spend {money[np.flatnonzero(np.diff(money) <= 0)[0]]:g} twice"
    step = np.diff(np.concatenate([[min(0.0, float(reached[0]))], reached]))
    if money[0] > 0 and reached[0] < 0:
        return "has an outcome below zero"
    if np.any(step < -1e-6 * max(float(np.abs(reached).max()), 1e-300)):
        place = money[int(np.flatnonzero(step == step.min())[0])]
        return f"its outcome falls at a spend of {place:g}"
    return ""


def _limits(part: Mapping[str, Floats]) -> tuple[float, float, float] | None:
    """How far the outcome may be off, as factors, where the table is surest of its spends.

    Limits of a curve are wider or narrower along it; taken is the median over its points.
    """
    if "low" not in part or "high" not in part or "draw" in part:
        return None
    good = part["outcome"] > 0
    if not good.any():
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        low = float(np.median(part["low"][good] / part["outcome"][good]))
        high = float(np.median(part["high"][good] / part["outcome"][good]))
    return (low, high, SURE) if -np.inf < low < high < np.inf else None


def _sorted(
    frame: pd.DataFrame, names: pd.Series[str], titles: Mapping[str, str], faults: list[Fault],
    where: str, *, drawn: bool,
) -> list[tuple[str, pd.DataFrame]]:  # fmt: skip
    """The rows of each channel in the order of their draws, which all have alike."""
    if not drawn:
        parts = [(name, frame[names == name]) for name in dict.fromkeys(names)]
        faults += [
            Fault(name, f"has {len(part)} rows and no column draw", "Number its draws", where)
            for name, part in parts
            if len(part) > 1
        ]
        return parts
    number = column(frame, titles["draw"], where, faults)
    ordered = frame.assign(**{titles["draw"]: number}).sort_values(titles["draw"], kind="stable")
    names = names.loc[ordered.index]
    parts = [(name, ordered[names == name]) for name in dict.fromkeys(names)]
    first = parts[0][1][titles["draw"]].to_numpy()
    faults += [
        Fault(name, f"its draws are not those of {parts[0][0]}", "Give each draw once", where)
        for name, part in parts
        if not np.array_equal(part[titles["draw"]].to_numpy(), first)
        or len(np.unique(first)) < len(first)
    ]
    return parts


def _parameters(name: str, part: pd.DataFrame, where: str, faults: list[Fault]) -> Channel | None:
    """A channel from the parameters of its curve."""
    kinds = sorted({str(kind) for kind in part["curve"]})
    if len(kinds) > 1 or kinds[0] not in _PARAMETERS:
        words = f"its curve is {' and '.join(kinds):.60}"
        faults.append(Fault(name, words, f"Give one of {', '.join(_PARAMETERS)}", where))
        return None
    before = len(faults)
    values: dict[str, Floats] = {}
    for word in _PARAMETERS[kinds[0]]:
        if word not in part.columns:
            faults.append(Fault(word, f"is missing, and {name} needs it", "Add it", where))
            continue
        values[word] = column(part, word, where, faults, 0.0)
        zero = values[word] <= 0
        most = {"steepness": 20.0, "exponent": 1.0}.get(word, np.inf)
        if (word not in {"rate", "midpoint"} and zero.any()) or np.any(values[word] > most):
            words = f"{name}: is out of range in {int((zero | (values[word] > most)).sum())} rows"
            faults.append(Fault(word, words, "It must be above 0", where))
    carryover: dict[str, Any] | None = None
    lags = {}
    if "retention" in part.columns and part["retention"].notna().any():
        kept = column(part, "retention", where, faults, 0.0)
        if np.any(kept >= 1):
            faults.append(Fault("retention", f"{name}: must be below 1", "", where))
        carryover = {"kind": "geometric", "retention": float(np.median(kept))}
        lags = {"retention": kept} if np.ptp(kept) > 0 else {}
    if len(faults) > before:
        return None
    return Channel(name, Formula(kinds[0], values), carryover, lags)
