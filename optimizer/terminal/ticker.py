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
        # When the pace is counted from: the time, and plans done and in all by then.
        self.first: tuple[float, int, int] | None = None
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
        words = (phrase("solving", self.lang), bar, f"{done}/{total}", self._left(done, total))
        self._show(" ".join(filter(None, words)))

    def _left(self, done: int, total: int) -> str:
        """How long the rest takes at the pace so far, what was there at the start not counted."""
        now = time.monotonic()
        if self.first is None or self.first[1] > done or self.first[2] != total:
            self.first = (now, done, total)
        since, before, _ = self.first
        if done in (total, before) or now - since < self.patience:
            return ""
        seconds = (now - since) / (done - before) * (total - done)
        for key, unit in (("left_hours", 3600), ("left_minutes", 60), ("left_seconds", 1)):
            if seconds >= 2 * unit or unit == 1:
                return phrase(key, self.lang, count=max(math.ceil(seconds / unit), 1))
        raise AssertionError  # the last unit takes every time

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
