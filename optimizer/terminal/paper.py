"""A stream for a person to read: paragraphs, bullets and tables.

On a terminal it is as wide as the window; in a pipe everything has its natural width, so that
nothing is cut. Colour follows NO_COLOR, FORCE_COLOR and TERM, and never carries meaning alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import IO

from rich import box
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from .phrases import phrase

__all__ = ["Cell", "Paper"]

Cell = str | Text

_PIPE_WIDTH = 10_000


class _Console(Console):
    """A console that leaves a broken pipe to the program's own border."""

    def on_broken_pipe(self) -> None:
        """Whoever read the output has gone."""
        raise BrokenPipeError


class Paper:
    """A stream to write on in one language."""

    def __init__(self, stream: IO[str] | None = None, lang: str = "en") -> None:
        self.lang = lang
        file = stream or sys.stdout
        self.is_terminal = file.isatty()
        self.console = _Console(
            file=file,
            width=None if self.is_terminal else _PIPE_WIDTH,
            highlight=False,
            markup=False,
            emoji=False,
        )

    def say(self, key: str, **slots: object) -> str:
        """A phrase in the language of the paper."""
        return phrase(key, self.lang, **slots)

    def print(self, text: str = "", style: str = "") -> None:
        """One paragraph."""
        self.console.print(Text(text, style=style), soft_wrap=not self.is_terminal)

    def title(self, text: str) -> None:
        """A heading over what follows."""
        self.print()
        self.print(text, "bold")

    def bullets(self, texts: Iterable[str], style: str = "") -> None:
        """One paragraph each, with a hanging indent."""
        for text in texts:
            if not self.is_terminal:
                self.print(f"  • {text}", style)
                continue
            grid = Table.grid(padding=(0, 1, 0, 0))
            grid.add_row("  •", Text(text, style=style))
            self.console.print(grid)

    def table(
        self,
        heads: Sequence[str],
        rows: Iterable[Sequence[Cell]],
        *,
        words: Sequence[int] = (0,),
        wraps: Sequence[int] = (),
        footer: Sequence[Cell] | None = None,
    ) -> None:
        """A table. Columns of *words* stand left, those of numbers right.

        Those of *wraps* take more lines where there is no room; the others are never broken.
        """
        columns = [
            Column(
                head,
                footer="" if footer is None else footer[position],
                justify="left" if position in words else "right",
                no_wrap=position not in wraps,
                overflow="fold",
                header_style="dim",
                footer_style="bold",
            )
            for position, head in enumerate(heads)
        ]
        table = Table(
            *columns,
            box=box.ASCII2 if self.console.options.ascii_only else box.SIMPLE_HEAD,
            show_edge=False,
            pad_edge=False,
            padding=(0, 0, 0, 1),
            show_header=any(heads),
            show_footer=footer is not None,
            border_style="dim",
        )
        for row in rows:
            table.add_row(*row)
        with self.console.capture() as capture:
            self.console.print(table)
        for line in capture.get().splitlines():
            self.console.file.write(f"{line.rstrip()}\n")
