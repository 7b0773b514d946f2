"""An upload: a plan as rows for the tool that spends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizer.files import write_table
from optimizer.plan.curves import Floats
from optimizer.plan.plan import Plan
from optimizer.shown import Shown

from .dates import Span
from .mapping import UploadMap

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Remark", "Upload"]


@dataclass(frozen=True)
class Remark:
    """Something that a reader should know, as a key of a sentence and what it says."""

    key: str
    slots: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Upload(Shown):
    """A plan as rows for the tool that spends it."""

    plan: Plan
    map: UploadMap
    heads: tuple[str, ...]
    cells: tuple[tuple[Any, ...], ...]
    """The rows: texts, whole numbers, and money as decimals."""
    amounts: Floats
    """Money of each row in the plan's currency, shape (n_rows,)."""
    campaigns: tuple[str, ...]
    """The campaign of each row."""
    units: tuple[Span | None, ...]
    """What each row's money is for; None where the plan has no dates."""
    decimals: int
    """Decimals that the money is rounded to."""
    lines: pd.DataFrame
    """Per line: line, state (mapped, unmapped, left_out), campaigns (how many), planned (what is
    still to be spent), uploaded (the sum of its parts)."""
    remarks: tuple[Remark, ...] = field(default=())

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The rows under the heads of the map: texts, and money as plain numbers."""
        import pandas as pd

        columns: dict[str, pd.Series[Any]] = {}
        for at, name in enumerate(self.heads):
            values = [row[at] for row in self.cells]
            is_money = any(isinstance(value, Decimal) for value in values)
            columns[name] = pd.Series([float(value) for value in values] if is_money else values)
        return pd.DataFrame(columns)

    @property
    def typed(self) -> pd.DataFrame:
        """The rows as they are written: money as decimals with all their digits."""
        import pandas as pd

        return pd.DataFrame(
            {
                name: pd.Series([row[at] for row in self.cells], dtype=object)
                for at, name in enumerate(self.heads)
            }
        )

    @cached_property
    def by_campaign(self) -> pd.DataFrame:
        """Money per campaign: campaign, rows, amount."""
        import pandas as pd

        frame = pd.DataFrame({"campaign": list(self.campaigns), "amount": self.amounts})
        found = frame.groupby("campaign", sort=False)["amount"].agg(["size", "sum"]).reset_index()
        return found.set_axis(["campaign", "rows", "amount"], axis=1)

    @property
    def total(self) -> float:
        """Money of all rows in the plan's currency."""
        return round(float(self.amounts.sum()), self.decimals)

    def write(self, path: str | Path, lang: str = "en") -> None:
        """Write the rows to a file that ends in .csv, .xlsx or .parquet, whole or not at all.

        A text that a spreadsheet would take for a formula gets an apostrophe in front in CSV.

        Raises:
            ValueError: it ends in something else.
            OSError: it cannot be written.
            ModuleNotFoundError: the library for Excel or Parquet is not installed.
        """
        mark = lang == "zh" if self.map.bom is None else self.map.bom
        is_parquet = Path(path).suffix.lower() == ".parquet"
        write_table(Path(path), self.frame if is_parquet else self.typed, bom=mark)
