"""Numbers in the cells of a table, as the spreadsheets of a country write them: 1,234.5 or 1.234,5.

Which of the two a file means shows in the cells that can mean one thing only, such as 0,5 or
1.234,50. Where none does, 1.234 may be two numbers, a thousand times apart, and is not guessed.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

__all__ = ["decimal_marks", "number_of"]

_GAPS = re.compile(r"(?<=\d)[\s'’](?=\d{3}(?!\d))")
"""Between thousands, where it is neither comma nor point; no-break spaces are spaces, too."""
_FORM = (
    r"[-+]?(?={mark}?\d)(?:\d+|[1-9]\d{{0,2}}(?:{thousands}\d{{3}})+)?(?:{mark}\d*)?"
    r"(?:[eE][-+]?\d+)?"
)
_FORMS = {
    ".": re.compile(_FORM.format(mark=r"\.", thousands=",")),
    ",": re.compile(_FORM.format(mark=",", thousands=r"\.")),
}


def decimal_marks(value: Any) -> frozenset[str]:
    """The marks of decimals, ``.`` and ``,``, with which a cell is a number: none, one or both.

    Both where it has neither mark, or is a number either way, such as ``1.234``.
    """
    if not isinstance(value, str):
        return frozenset(_FORMS) if number_of(value) is not None else frozenset()
    text = _GAPS.sub("", value.strip())
    return frozenset(mark for mark, form in _FORMS.items() if form.fullmatch(text))


def number_of(value: Any, mark: str = ".") -> float | None:
    """A cell as a number, which may be infinite or NaN where it is no text; None where it is none.

    Args:
        value: The cell.
        mark: What stands before the decimals of a text: ``.`` or ``,``.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, str):
        if mark not in decimal_marks(value):
            return None
        thousands = "," if mark == "." else "."
        value = _GAPS.sub("", value.strip()).replace(thousands, "").replace(mark, ".")
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
