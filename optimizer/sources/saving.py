"""A what-if put into the text of a scenario file, every other character of which stays as it is.

A round trip through a YAML library keeps comments, but folds long texts anew, and puts what is
added last below the comment that heads the next part. So the entry is written by itself and put
into the text; the round trip (:func:`.scenario.edit`) is for files where there is no line for it.
"""

from __future__ import annotations

import io
import textwrap
import unicodedata
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, SequenceNode

from optimizer.errors import Fault, PlanError, ScenarioError

from .scenario import as_written, document_of, edit

__all__ = ["check_name", "with_what_if"]

_LONGEST_NAME = 80
_WIDTH = 100
# Words that commands take for something else: `--what-if all`, and the plan without a what-if.
_TAKEN = ("all", "base")


def check_name(name: object) -> str:
    """The name of a what-if, without spaces around it.

    Raises:
        ScenarioError: it is no name.
    """
    words = ""
    text = unicodedata.normalize("NFC", name).strip() if isinstance(name, str) else ""
    if not text:
        words = "is empty"
    elif len(text) > _LONGEST_NAME:
        words = f"is longer than {_LONGEST_NAME} characters"
    elif any(unicodedata.category(one) in {"Cc", "Cs", "Zl", "Zp"} for one in text):
        words = "holds a line break or a control character"
    elif text in _TAKEN:
        words = f"is a word of the commands: {text}"
    if words:
        raise ScenarioError(Fault("name", words, "Give another name, such as cut_10"))
    return text


def with_what_if(text: str, name: str, changes: Mapping[str, Any]) -> str:
    """The text of a scenario with the what-if *name*, new or in place of the one there is.

    Args:
        text: The scenario file.
        name: A name that :func:`check_name` has seen.
        changes: Path to value, not empty.

    Raises:
        ScenarioError: the text cannot be read, or the what-if would not be read back as it is.
    """
    what_ifs = {name: dict(changes)}
    standing = document_of(text).get("what_ifs")
    wanted = document_of(text) | {"what_ifs": (standing or {}) | what_ifs}
    for made in (_put_in(text, name, changes), _round_trip(text, wanted["what_ifs"])):
        if made is not None and _reads_as(made, wanted):
            return made
    advice = "Write it into the file by hand"
    raise ScenarioError(Fault(f"what_ifs.{name}", "cannot be written into this file", advice))


def _reads_as(text: str, wanted: Mapping[str, Any]) -> bool:
    try:
        return document_of(text) == wanted
    except PlanError:
        return False


def _round_trip(text: str, what_ifs: Mapping[str, Any]) -> str | None:
    """The whole file by the YAML library, for files in JSON's form and the like."""
    try:
        return edit(text, {"what_ifs": dict(what_ifs)})
    except PlanError:
        return None


def _put_in(text: str, name: str, changes: Mapping[str, Any]) -> str | None:
    """The entry on lines of its own; None where the file has no place for it."""
    root = YAML(typ="rt", pure=True).compose(text)
    if not isinstance(root, MappingNode) or root.flow_style:
        return None
    newline = "\r\n" if "\r\n" in text else "\n"
    held = _value_of(root, "what_ifs")
    if held is None:
        body = textwrap.indent(_entry(name, changes, 2), "  ")
        above = text if text.endswith("\n") else text + newline
        return above + newline + _with("what_ifs:\n" + body, newline)
    if not isinstance(held, MappingNode) or held.flow_style or not held.value:
        return None
    indent = held.value[0][0].start_mark.column
    own = next(((key, value) for key, value in held.value if key.value == name), None)
    entry = textwrap.indent(_entry(name, changes, indent), " " * indent)
    if own is not None:
        start, end = own[0].start_mark.index, _end(own[1])
        return text[:start] + _with(entry, newline).strip() + text[end:]
    end = text.find("\n", _end(held.value[-1][1]))
    if end < 0:
        return text + newline + _with(entry, newline)
    return text[: end + 1] + _with(entry, newline) + text[end + 1 :]


def _with(text: str, newline: str) -> str:
    return text.replace("\n", newline)


def _value_of(root: MappingNode, key: str) -> Node | None:
    return next((value for word, value in root.value if word.value == key), None)


def _end(node: Node) -> int:
    """Where a value ends in the text; by itself a block ends only where the next part begins."""
    while isinstance(node, CollectionNode) and not node.flow_style and node.value:
        node = node.value[-1] if isinstance(node, SequenceNode) else node.value[-1][1]
    return int(node.end_mark.index)


def _entry(name: str, changes: Mapping[str, Any], indent: int) -> str:
    """The what-if as text that ends in a line break: on one line where it fits."""
    body = CommentedMap(as_written(dict(changes)))
    body.fa.set_flow_style()
    one_line = _dumped({as_written(name): body})
    if one_line.count("\n") == 1 and len(one_line) + indent <= _WIDTH:
        return one_line
    body.fa.set_block_style()
    return _dumped({as_written(name): body})


def _dumped(value: Any) -> str:
    writer = YAML(typ="rt", pure=True)
    writer.default_flow_style = None
    writer.width = 1_000_000
    writer.allow_unicode = True
    stream = io.StringIO()
    writer.dump(value, stream)
    return stream.getvalue()
