"""What a result needs to show itself in a notebook."""

from __future__ import annotations

from importlib import import_module

__all__ = ["Shown"]


class Shown:
    """A result that a notebook shows as a headline and a table.

    How it looks is made in ``optimizer.report.notebook``, which knows every kind of result. It is
    found by its name when it is needed, so that no result depends on how it is shown.
    """

    def _repr_html_(self) -> str:
        """A fragment of HTML that loads nothing."""
        html: str = import_module("optimizer.report.notebook").html_of(self)
        return html
