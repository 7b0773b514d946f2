"""From a plan and a map to the rows of an upload; the map from its YAML file, faults placed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from optimizer.errors import Fault, PlanError, ScenarioError
from optimizer.plan.curves import Floats
from optimizer.plan.plan import Plan
from optimizer.uploads.lines import lines_of
from optimizer.uploads.making import upload_of
from optimizer.uploads.mapping import UploadMap, unknown_keys
from optimizer.uploads.upload import Upload

from .actuals import is_empty, rows_of
from .layers import Spot, placed
from .reading import plain_scalar
from .scenario import read_written

__all__ = ["Spent", "upload", "upload_map_text"]

_TABLE = "campaigns_from"
_NEEDED = ("line", "campaign")


class Spent(Protocol):
    """A plan with the money of each line and period, such as an allocation."""

    @property
    def plan(self) -> Plan:
        """The plan."""
        ...

    @property
    def spend(self) -> Floats:
        """Money per line and period, the periods of a line next to one another."""
        ...


def upload(
    answer: Spent,
    map: str | os.PathLike[str] | Mapping[str, Any] | UploadMap,  # noqa: A002 - the command's word
    *,
    only: Sequence[str] = (),
) -> Upload:
    """A plan as a budget table for the tool that spends it, the money the plan's to the cent.

    Args:
        answer: What ``optimize`` or ``evaluate`` gave.
        map: Which campaigns each line becomes, and what the tool calls its columns: a YAML file, a
            mapping, or an ``UploadMap``.
        only: Units of time that are wanted, such as ``2027-03``; all if none is given.

    Raises:
        PlanError: with everything at once that is wrong with the map, alone and for this plan.
    """
    if isinstance(map, UploadMap):
        return upload_of(answer.plan, answer.spend, map, only)
    if isinstance(map, Mapping):
        return upload_of(answer.plan, answer.spend, _made(dict(map)), only)
    stated, spots = _read(Path(map))
    try:
        return upload_of(answer.plan, answer.spend, stated, only)
    except PlanError as error:
        # What is asked for beside the map has no place in it.
        faults = [f if not f.path else placed([f], spots)[0] for f in error.faults]
        raise ScenarioError(faults) from None


def _made(body: dict[str, Any]) -> UploadMap:
    """The map of a plain document.

    Raises:
        PlanError: with every fault at once.
    """
    faults = unknown_keys(body, UploadMap)
    for fault in faults:
        del body[fault.path]
    body.setdefault("campaigns", {})
    try:
        made = UploadMap(**{key: value for key, value in body.items() if value is not None})
    except PlanError as error:
        raise PlanError([*faults, *error.faults]) from None
    if faults:
        raise PlanError(faults)
    return made


def _read(path: Path) -> tuple[UploadMap, Mapping[str, Spot]]:
    """The map in a YAML file, and where everything in it stands.

    Raises:
        ScenarioError: with every fault at once, each with its line and column.
    """
    written, faults = read_written(path)
    body, spots = dict(written.document), dict(written.spots)
    table = body.pop(_TABLE, None)
    if table is not None:
        try:
            campaigns, own = _of_table(path.parent, table)
            faults += _twice(body.get("campaigns"), campaigns, spots)
            body["campaigns"] = {**(body.get("campaigns") or {}), **campaigns}
            spots = {**own, **spots}
        except PlanError as error:
            faults += placed([fault.below(_TABLE) for fault in error.faults], spots)
            body.setdefault("campaigns", {"*": "?"})
    try:
        made = _made(body)
    except PlanError as error:
        faults += placed(error.faults, spots)
    if faults:
        raise ScenarioError(faults)
    return made, spots


def _twice(stated: Any, found: Mapping[str, Any], spots: Mapping[str, Spot]) -> list[Fault]:
    both = sorted(set(stated) & set(found)) if isinstance(stated, Mapping) else []
    words = f"is in the table of {_TABLE}, too"
    return placed([Fault(f"campaigns.{key}", words, "Keep one") for key in both], spots)


def _of_table(folder: Path, name: Any) -> tuple[dict[str, list[dict[str, Any]]], dict[str, Spot]]:
    """Campaigns by line from a table with columns line, campaign, share and any others.

    Raises:
        PlanError: with every fault at once, each with its row.
    """
    if not isinstance(name, str):
        raise PlanError(Fault("", f"{name!r:.60} is no file", "Give a CSV, Excel or Parquet file"))
    path = folder / name
    rows = rows_of(path)
    if not rows:
        raise PlanError(Fault("", "is empty", "Give columns line and campaign", str(path)))
    heads = ["" if is_empty(head) else str(head).strip() for head in rows[0][1]]
    faults = [
        Fault("", f"has no column {need}", f"Its columns: {', '.join(heads)}", str(path))
        for need in _NEEDED
        if need not in heads
    ]
    if faults:
        raise PlanError(faults)
    campaigns: dict[str, list[dict[str, Any]]] = {}
    spots: dict[str, Spot] = {}
    for number, cells in rows[1:]:
        pairs = zip(heads, cells, strict=False)
        row = {head: _plain(cell) for head, cell in pairs if head and not is_empty(cell)}
        place = f"{path}:{number}"
        missing = [need for need in _NEEDED if need not in row]
        faults += [Fault("", f"has no {need}", "Fill it in", place) for need in missing]
        if missing:
            continue
        key = str(row.pop("line"))
        several = campaigns.setdefault(key, [])
        spots.setdefault(f"campaigns.{key}", Spot(place, f"campaigns.{key}"))
        spots[f"campaigns.{key}.{len(several)}"] = Spot(place, f"campaigns.{key}")
        several.append(row)
    if faults:
        raise PlanError(faults)
    return campaigns, spots


def _plain(cell: Any) -> Any:
    """A cell as a person sees it: an identity that a table holds as 123.0 is 123."""
    value = cell.item() if isinstance(cell, np.generic) else cell
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value.strip() if isinstance(value, str) else value


def upload_map_text(plan: Plan) -> str:
    """A map to fill in: every line of the plan, as a campaign of its own name."""
    columns = {"Campaign": "{campaign}", "Month": "{period}", "Amount": "{amount}"}
    if plan.periods is None:
        del columns["Month"]
    names = [_key(line.name) for line in lines_of(plan)]
    text = [
        "# Which campaigns each line becomes: a name, or several with their shares, such as",
        "#   [{campaign: North, share: 60%}, {campaign: South, share: 40%}]",
        "campaigns:",
        *(f"  {name}: {name}" for name in names),
        "# What the tool calls its columns",
        "columns:",
        *(f'  {head}: "{words}"' for head, words in columns.items()),
        *(["by: month"] if plan.periods is not None else []),
        "leave_out: []      # lines that are not for this tool",
    ]
    return "\n".join(text) + "\n"


def _key(name: str) -> str:
    """A line's name as YAML has it: in quotes where it would be read as something else."""
    is_plain = re.fullmatch(r"[^\W\d][\w.-]*", name) and plain_scalar(name) == name
    if is_plain:
        return name
    quoted = json.dumps(name, ensure_ascii=False)
    return "".join(sign if sign.isprintable() else f"\\U{ord(sign):08x}" for sign in quoted)
