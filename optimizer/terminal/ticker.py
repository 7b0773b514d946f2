"""How far the work is: one line on stderr."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable

from optimizer.words import percent

from .phrases import phrase

__all__ = ["Ticker"]


class Ticker:
    """One line on stderr that says how far the work is; only on a terminal and after a second.

    It is called with (done, total), or as a solver's progress with (seconds, best, bound).
    """

    def __init__(
        self,
        lang: str = "en",
        *,
        is_stopped: Callable[[], bool] | None = None,
        patience: float = 1.0,
    ) -> None:
        self.lang = lang
        self.is_stopped = is_stopped or (lambda: False)
        self.started = self.shown = time.monotonic()
        self.patience = patience
        self.written = False
        dumb = os.environ.get("TERM") == "dumb" or bool(os.environ.get("CI"))
        self.active = sys.stderr.isatty() and not dumb

    def solving(self, seconds: float, best: float | None, bound: float) -> None:
        """A solver's own progress."""
        gap = ""
        if best is not None and math.isfinite(bound):
            size = max(abs(best), abs(bound))
            gap = f"  gap {percent((bound - best) / size if size else 0.0, self.lang, 2)}"
        self._show(f"{phrase('solving', self.lang)} {seconds:.0f} s{gap}")

    def counted(self, done: int, total: int) -> None:
        """Plans done of all.

        Raises:
            KeyboardInterrupt: the user has asked to stop, and a solver has kept it to itself.
        """
        if self.is_stopped():
            raise KeyboardInterrupt
        filled = round(24 * done / max(total, 1))
        bar = "█" * filled + "░" * (24 - filled)
        self._show(f"{phrase('solving', self.lang)} {bar} {done}/{total}")

    def _show(self, text: str) -> None:
        now = time.monotonic()
        if not self.active or now - self.started < self.patience or now - self.shown < 0.1:
            return
        self.shown = now
        self.written = True
        sys.stderr.write(f"\r\x1b[2K{text}")
        sys.stderr.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self.written:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()
            self.written = False
