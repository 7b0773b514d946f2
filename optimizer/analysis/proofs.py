"""The proof of a bound as a flat list of parts, as deep a tree as it may be.

The first part is the whole question. Where a part is divided, ``below`` and ``above`` (or ``off``
and ``on``) are the positions of the two it is divided into, which come later in the list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from optimizer.errors import Fault, PlanError

__all__ = ["as_parts", "as_tree"]

_BRANCHES = ("below", "above", "off", "on")


def as_parts(proof: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A tree of divisions as a list of its parts."""
    nodes, parts = [proof], []
    for node in nodes:  # grows while it is read
        part = dict(node)
        for branch in _BRANCHES:
            if branch in part:
                nodes.append(part[branch])
                part[branch] = len(nodes) - 1
        parts.append(part)
    return parts


def as_tree(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The tree of divisions from its parts.

    Raises:
        PlanError: they are not one tree.
    """
    tree = [dict(part) for part in parts]
    if not tree:
        raise PlanError(Fault("proof", "has no part", "Make the result anew"))
    used = {0}
    for position, part in enumerate(tree):
        for branch in _BRANCHES:
            if branch not in part:
                continue
            child = part[branch]
            known = isinstance(child, int) and not isinstance(child, bool)
            if not known or not position < child < len(tree) or child in used:
                raise PlanError(
                    Fault(
                        f"proof.{position}.{branch}",
                        f"{child!r} is no part of its own further down",
                        "Each part but the first must belong to one division before it",
                    )
                )
            used.add(child)
            part[branch] = tree[child]
    if len(used) != len(tree):
        lost = next(position for position in range(len(tree)) if position not in used)
        raise PlanError(Fault(f"proof.{lost}", "belongs to no division", "Leave it out"))
    return tree[0]
