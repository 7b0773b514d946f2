"""A plan's question in every world that may be: the arrays of a problem, draw by draw.

All worlds have the same columns and rules; what a curve returns, what an outcome is worth, what
media cost and how stocks follow from money may differ. :mod:`~optimizer.worlds.drawing` makes the
arrays, :class:`Worlds` says what a spend is worth in them, and :mod:`~optimizer.worlds.reading`
what it brings by stage and by line.
"""

from .reading import Counts, Reading
from .worlds import Worlds

__all__ = ["Counts", "Reading", "Worlds"]
