"""Who may work now: one request at a time, the newest of each page, and no long queue."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Busy", "Outdated", "Turn", "Turns"]

_PAGES = 64
"""Open pages that are remembered; a page that was forgotten begins anew."""


class Outdated(Exception):  # noqa: N818 - what has become of a question, not a fault
    """The page has asked something newer since.

    Not an ``AdsplitError``: those are rows of an analysis, and this one ends the whole analysis.
    """


class Busy(Exception):  # noqa: N818 - see Outdated
    """Too many requests wait already."""


class Turn:
    """A request's right to work, and whether it still has it."""

    def __init__(self, turns: Turns, page: str, number: int) -> None:
        self._turns, self._page, self._number = turns, page, number

    def go_on(self, *_: object) -> None:
        """Called now and then while the work goes on, as progress.

        Raises:
            Outdated: a newer request of the same page has come, or the studio is closing.
        """
        if self._turns.newest(self._page) != self._number:
            raise Outdated


class Turns:
    """Turns of all pages.

    Args:
        waiting: Requests that may wait for their turn; one more is refused.
    """

    def __init__(self, waiting: int) -> None:
        self._waiting = threading.Semaphore(waiting + 1)
        self._work = threading.Lock()
        self._guard = threading.Lock()
        self._newest: OrderedDict[str, int] = OrderedDict()
        self._closed = False

    def newest(self, page: str) -> int:
        """The highest number that a page has asked with; -1 once the studio closes."""
        with self._guard:
            return -1 if self._closed else self._newest.get(page, 0)

    def close(self) -> None:
        """Let the work under way end as outdated."""
        with self._guard:
            self._closed = True

    @contextmanager
    def turn(self, page: str, number: int) -> Iterator[Turn]:
        """Wait for the turn of request *number* of *page*; what it did before is outdated.

        Raises:
            Outdated: the page has asked something newer.
            Busy: too many wait.
        """
        with self._guard:
            if number <= self._newest.get(page, 0):
                raise Outdated
            self._newest[page] = number
            self._newest.move_to_end(page)
            while len(self._newest) > _PAGES:
                self._newest.popitem(last=False)
        if not self._waiting.acquire(blocking=False):
            raise Busy
        try:
            with self._work:
                turn = Turn(self, page, number)
                turn.go_on()
                yield turn
        finally:
            self._waiting.release()
