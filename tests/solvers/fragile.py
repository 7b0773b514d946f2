"""A partition whose reader dies, once: for tests of what is lost with a worker."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Fragile:
    """Kills the process that asks it, *deaths* times in a row."""

    lines: Any
    folder: Path
    asked: int
    """The time it is asked at which it first kills."""
    deaths: int

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.lines, name)

    def bare(self, fields: Sequence[str]) -> Any:
        count = len(list(self.folder.iterdir())) + 1
        (self.folder / str(count)).write_text(str(os.getpid()))
        if self.asked <= count < self.asked + self.deaths:
            os._exit(9)  # as the system does that is out of memory
        return self.lines.bare(fields)
