"""Where the text of a scenario is found: a file, stdin, or a built-in of that name."""

from __future__ import annotations

import importlib.resources
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from optimizer.errors import Fault, PlanError, ScenarioError, UnknownName, nearest

__all__ = ["SIZE_LIMIT", "Place", "builtin_names", "decoded", "place_of", "refuse_outside"]

SIZE_LIMIT = 1_000_000
"""Bytes of one scenario file; more lines than that belong into a table."""


def builtin_names() -> list[str]:
    """Names of the scenarios that come with adsplit."""
    folder = importlib.resources.files("scenarios")
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    )


@dataclass(frozen=True)
class Place:
    """Where a scenario's text is found: how people name it, and whence ``extends`` leads."""

    name: str
    key: str
    """The same for the same file, however it was named."""
    folder: Path | None = None
    """Where its ``extends`` is looked for; None: among the built-ins only."""
    text: str | None = None

    def refuse_outside(self, within: Path | None) -> None:
        """Refuse a file outside the folder *within*, if one is given, wherever links lead.

        Raises:
            ScenarioError: it is outside.
        """
        if within is not None and self.folder is not None and self.text is None:
            try:
                refuse_outside(Path(self.key), within)
            except PlanError as error:
                raise ScenarioError(error.faults) from None

    def read(self) -> str:
        """The text.

        Raises:
            ScenarioError: it cannot be read, is too large or is not UTF-8.
        """
        if self.text is not None:
            return self.text
        try:
            if self.key.startswith("built-in "):
                stem = self.key.removeprefix("built-in ")
                file = importlib.resources.files("scenarios") / f"{stem}.yaml"
                return file.read_text("utf-8")
            if self.key == "-":
                return decoded(sys.stdin.buffer.read(SIZE_LIMIT + 1), self.name)
            with Path(self.key).open("rb") as stream:
                return decoded(stream.read(SIZE_LIMIT + 1), self.name)
        except (OSError, ValueError) as error:
            words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise ScenarioError(Fault("", f"cannot be read: {words}", where=self.name)) from None


def refuse_outside(file: Path, within: Path) -> None:
    """Refuse *file* if it is not below the folder *within*, wherever links lead.

    Raises:
        PlanError: it is outside.
    """
    try:
        inside = file.resolve().is_relative_to(within.resolve())
    except (OSError, ValueError, RuntimeError):
        inside = False
    if not inside:
        advice = "Put it beside the scenario: nothing else is read here"
        raise PlanError(Fault("", f"{file.name!r:.80} is outside the scenario's folder", advice))


def decoded(data: bytes, name: str) -> str:
    """The text of *data*.

    Raises:
        ScenarioError: it is too large or not UTF-8.
    """
    if len(data) > SIZE_LIMIT:
        raise ScenarioError(
            Fault(
                "",
                f"is larger than {SIZE_LIMIT // 1_000_000} MB",
                "A table (CSV, Excel, Parquet) takes a million lines",
                name,
            )
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise ScenarioError(
            Fault("", "is not UTF-8", "Save it as UTF-8", f"{name}:{line}:{column}")
        ) from None


def place_of(
    source: str | Path, folder: Path | None = None, *, builtin_only: bool = False
) -> Place:
    """The place that *source* names: a built-in, ``-`` or a file (seen from *folder*)."""
    text = str(source)
    names = builtin_names()
    if isinstance(source, str) and text in names:
        return Place(text, f"built-in {text}")
    if source == "-":
        return Place("<stdin>", "-", Path())
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text):
        raise ScenarioError(Fault("", f"{text!r} is an address", "Download it, and name the file"))
    if builtin_only:
        raise UnknownName.of("built-in scenario", text, names)
    try:
        path = (folder or Path()) / Path(text)
        found = path.exists()
        real = path.resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise ScenarioError(Fault("", f"{text!r:.80} is no file: {error}")) from None
    if not found:
        raise ScenarioError(
            Fault(
                "",
                f"there is no file {str(path)!r:.200}, and no built-in scenario of that name",
                nearest(text, names),
            )
        )
    if path.is_dir():
        raise ScenarioError(Fault("", f"{str(path)!r} is a folder", "Name a file in it"))
    # ``extends`` is seen from the real file, so that a link to a scenario works from anywhere.
    return Place(str(path), str(real), real.parent)
