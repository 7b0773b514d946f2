"""Scenario files: YAML (or JSON) to plans and back.

A scenario is read strictly — the safe types of YAML 1.2, no key twice, no custom tags — and every
fault is told at once, with the line and column where it stands. Precedence, lowest first: business
default · ``extends`` file · this file · what-ifs in the order given · single settings.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from optimizer.errors import Fault, PlanError, ScenarioError, UnknownName, nearest
from optimizer.plan.document import from_document, to_document
from optimizer.plan.paths import PLAN_KEYS, set_at
from optimizer.plan.plan import Plan
from optimizer.writing import write_atomically

from .draws import DrawFiles
from .layers import Change, Document, Spot, Written, changed, placed, spot_of
from .places import SIZE_LIMIT, Place, builtin_names, decoded, place_of
from .reading import Reader, plain_scalar, refuse_unprintable

__all__ = [
    "Scenario",
    "as_written",
    "builtin_names",
    "check_scenario",
    "document_of",
    "dump_document",
    "dumps",
    "edit",
    "load",
    "loads",
    "read_scenario",
    "read_sound",
    "read_written",
    "settings",
    "value_of",
    "what_if_names",
    "write",
]

_FILE_KEYS = (*PLAN_KEYS, "extends", "what_ifs")


def _written(source: str, text: str) -> tuple[Written, list[Fault]]:
    """The document of *text* and its spots, with what is wrong with the text itself."""
    refuse_unprintable(source, text)
    if text.lstrip()[:1] == "{":
        text = text.replace("\t", " ")  # JSON may be indented by tabs
    reader = Reader(source, _events(source, text))
    try:
        document = reader.document()
    except ScenarioError as error:
        raise ScenarioError([*reader.faults, *error.faults]) from None
    return Written(document, reader.spots), reader.faults


def read_written(path: str | Path) -> tuple[Written, list[Fault]]:
    """Any YAML file as strictly as a scenario: its document, and what is wrong with its text.

    Raises:
        ScenarioError: it cannot be read at all.
    """
    place = place_of(Path(path))
    return _written(place.name, place.read())


def _events(source: str, text: str) -> Iterator[Any]:
    """YAML's events of *text*; its errors as ours."""
    try:
        yield from YAML(typ="safe", pure=True).parse(io.StringIO(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{source}:{mark.line + 1}:{mark.column + 1}" if mark else source
        words = " ".join(filter(None, (error.context, error.problem)))
        raise ScenarioError(
            Fault("", f"is not YAML: {words}", _yaml_advice(words), where)
        ) from None
    except (YAMLError, ValueError, IndexError, AttributeError) as error:
        # The parser gives up on some hostile texts with errors that are not its own.
        words = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ScenarioError(Fault("", f"is not YAML: {words}", where=source)) from None


def _yaml_advice(words: str) -> str:
    if "'\\t'" in words:
        return "Indent with spaces, not tabs"
    if "mapping values" in words:
        return "A colon inside a text needs quotes around the text"
    if "cannot start" in words:
        return "Put the text in quotes"
    return ""


def read_sound(source: str, text: str) -> Written:
    """The document of any small YAML text, and where each of its paths was written.

    Raises:
        ScenarioError: with every fault of the text at once.
    """
    written, faults = _written(source, text)
    if faults:
        raise ScenarioError(faults)
    return written


# --- Scenarios ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scenario:
    """A scenario file as it was read: its document, what stands where, and its what-ifs."""

    source: str
    """The file as people name it."""
    document: Mapping[str, Any]
    """The plan's document, ``extends`` applied."""
    positions: Mapping[str, Spot]
    """Where each path of the document was written."""
    what_ifs: Mapping[str, tuple[Change, ...] | tuple[str, ...]]
    """Named changes, or names of what-ifs that make up a combination."""
    applied: tuple[str, ...] = ()
    """What the file stands on: ``extends base.yaml``."""
    faults: tuple[Fault, ...] = field(default=())
    """What is wrong with the text itself, before any plan is made of it."""
    folders: Mapping[str, Path] = field(default_factory=dict)
    """Where the files that a scenario file names are looked for, by its :attr:`source`."""
    draws: DrawFiles = field(default_factory=DrawFiles, repr=False, compare=False)
    """The files of draws that were read."""

    def plan(
        self,
        what_ifs: Sequence[str] = (),
        sets: Sequence[str] | Mapping[str, object] = (),
    ) -> Plan:
        """The plan, with what-ifs and then single settings on top, each in the order given.

        Raises:
            UnknownName: there is no such what-if; suggests the nearest.
            ScenarioError: with every fault at once.
        """
        if isinstance(what_ifs, str):
            what_ifs = (what_ifs,)
        steps = [(f"what-if {name}", self.changes(name)) for name in what_ifs]
        settings = list(_settings(sets))
        steps += [
            (f"set {change.spots[''].source.removeprefix('--set ')}", [change])
            for change in settings
        ]
        plan, faults = self._attempt(
            [change for _, changes in steps for change in changes],
            (*self.applied, *(label for label, _ in steps)),
        )
        if plan is None:
            if steps and not self.faults and self._attempt([])[0] is not None:
                faults = self._blame(steps, faults)
            raise ScenarioError(faults)
        return plan

    def changes(self, what_if: str) -> list[Change]:
        """Every change that the what-if of that name makes, combinations resolved.

        Raises:
            UnknownName: there is none; suggests the nearest.
        """
        return self._changes(what_if, ())

    def _changes(self, name: str, above: tuple[str, ...]) -> list[Change]:
        if name not in self.what_ifs and above:
            raise ScenarioError(self.faults)  # told, with its place, when the file was read
        if name not in self.what_ifs:
            raise UnknownName.of("what-if", name, self.what_ifs)
        if name in above:
            chain = " → ".join((*above, name))
            fault = Fault(f"what_ifs.{name}", f"holds itself: {chain}")
            raise ScenarioError(placed([fault], self.positions))
        found: list[Change] = []
        for part in self.what_ifs[name]:
            if isinstance(part, Change):
                found.append(part)
            else:
                found += self._changes(part, (*above, name))
        return found

    def _attempt(
        self, changes: Sequence[Change], applied: tuple[str, ...] = ()
    ) -> tuple[Plan | None, list[Fault]]:
        """The plan with *changes*, or every fault on the way to it."""
        written = Written(dict(self.document), self.positions)
        written, faults = changed(written, changes)
        faults = [*self.faults, *faults]
        document = written.document
        for key in [key for key in document if key not in PLAN_KEYS]:
            fault = Fault(key, "is not known here", nearest(key, _FILE_KEYS))
            faults += placed([fault], written.spots)
            del document[key]
        faults += placed(self.draws.fill(written, self.folders), written.spots)
        document.setdefault("name", Path(self.source).stem or "scenario")
        plan = None
        try:
            plan = from_document(document, applied)
        except PlanError as error:
            faults += placed(error.faults, written.spots)
        faults = _in_order(faults)
        return (None if faults else plan), faults

    def _blame(
        self, steps: Sequence[tuple[str, Sequence[Change]]], faults: list[Fault]
    ) -> list[Fault]:
        """Faults of a plan that was whole before: told at the change that broke it."""
        changes: list[Change] = []
        for label, added in steps:
            changes += added
            plan, here = self._attempt(changes)
            if plan is None:
                return _told_of(label, added, here)
        return faults

    def check(self) -> list[Fault]:
        """Every fault of the scenario, those of every what-if included; empty when all is well."""
        plan, faults = self._attempt([])
        known = {(fault.path, fault.problem) for fault in faults}
        for name in self.what_ifs:
            try:
                changes = self.changes(name)
            except PlanError as error:
                faults += placed(error.faults, self.positions)
                continue
            if self.what_ifs[name] and isinstance(self.what_ifs[name][0], str) and plan is None:
                continue  # its parts have been told
            found = self._attempt(changes)[1]
            new = [fault for fault in found if (fault.path, fault.problem) not in known]
            faults += (
                _told_of(f"what-if {name}", changes, new)
                if plan is not None
                else [fault for fault in new if fault.path.startswith("what_ifs.")]
            )
        return _in_order(faults)


def _told_of(label: str, changes: Sequence[Change], faults: Sequence[Fault]) -> list[Fault]:
    """*faults* that *changes* caused, each told at one of them."""
    own = {spot for change in changes for spot in change.spots.values()}
    paths = tuple(spot.path for spot in own)
    if not changes:
        return list(faults)
    first = changes[-1].spots[""]
    return [
        fault
        if fault.where and fault.path.startswith(paths) and _stands_at(fault, own)
        else replace(
            fault,
            path=first.path,
            problem=f"with {label}, {fault.path or 'the plan'}: {fault.problem}",
            where=first.at(value=False),
        )
        for fault in faults
    ]


def _stands_at(fault: Fault, spots: set[Spot]) -> bool:
    return any(fault.where in {spot.at(value=True), spot.at(value=False)} for spot in spots)


def _in_order(faults: Sequence[Fault]) -> list[Fault]:
    """Each fault once, in the order of the text."""

    def place(fault: Fault) -> tuple[str, int, int]:
        parts = fault.where.rsplit(":", 2)
        if len(parts) == 3 and parts[1].isdecimal() and parts[2].isdecimal():
            return parts[0], int(parts[1]), int(parts[2])
        return fault.where, 0, 0

    return sorted(dict.fromkeys(faults), key=place)


def _settings(sets: Sequence[str] | Mapping[str, object]) -> Iterator[Change]:
    """The changes that ``--set PATH=VALUE`` asks for."""
    if isinstance(sets, Mapping):
        for path, value in sets.items():
            label = f"{path}={value}"
            yield Change(path, _plain_value(value), {"": Spot(f"--set {label}", path)})
        return
    for text in (sets,) if isinstance(sets, str) else sets:
        path, sign, value = text.partition("=")
        path, value = path.strip(), value.strip()
        source = f"--set {text}"
        if not sign or not path or not value:
            advice = "Write PATH=VALUE, such as budget=10M; null removes what stands there"
            raise ScenarioError(Fault("", f"{text!r} sets nothing", advice, source))
        yield Change(path, value_of(value, path, source), {"": Spot(source, path)})


def value_of(text: str, path: str, source: str) -> Any:
    """What *text* means as the value of a setting: a number, a word, or a mapping or list.

    Args:
        text: As it was typed, without spaces around it.
        path: The path that it is for, for messages.
        source: What the user typed, for messages.

    Raises:
        ScenarioError: it cannot be read.
    """
    if text[:1] in {"[", "{", '"', "'"}:
        written, faults = _written(source, f"value: {text}")
        if faults:
            below = [replace(one, path=one.path.removeprefix("value").strip(".")) for one in faults]
            raise ScenarioError([replace(one.below(path), where=source) for one in below])
        return written.document["value"]
    parsed = plain_scalar(text)
    if isinstance(parsed, float) and not -1e308 < parsed < 1e308:
        raise ScenarioError(Fault(path, f"{text} is not a finite number", where=source))
    return parsed


def settings(texts: Sequence[str]) -> dict[str, Any]:
    """``NAME=VALUE`` texts as a mapping; a value may be a mapping or list as in a file.

    Raises:
        ScenarioError: a text cannot be read, or a name is there twice.
    """
    found: dict[str, Any] = {}
    for change in _settings(texts):
        if change.path in found:
            advice = "Give each a name of its own"
            raise ScenarioError(Fault(change.path, "is there twice", advice))
        found[change.path] = change.value
    return found


def _plain_value(value: object) -> object:
    """A number of NumPy as a plain one."""
    item = getattr(value, "item", None)
    return item() if callable(item) else value


def read_scenario(source: str | Path, *, within: Path | None = None) -> Scenario:
    """The scenario in a file, from stdin (``-``), or of a built-in name.

    Args:
        source: Where it is.
        within: A folder; no file outside it is read, wherever links lead. None: any file.

    Raises:
        ScenarioError: nothing can be read there. Faults of what was read are kept, and told when a
            plan is asked for.
    """
    read = _scenario(place_of(source), (), within)
    return replace(read, draws=DrawFiles(within))


def _scenario(place: Place, below: tuple[str, ...], within: Path | None = None) -> Scenario:
    place.refuse_outside(within)
    written, faults = _written(place.name, place.read())
    what_ifs = written.document.pop("what_ifs", None)
    base = written.document.pop("extends", None)
    named, found = _what_ifs(what_ifs, written.spots)
    faults += found
    applied: tuple[str, ...] = ()
    folders = {} if place.folder is None else {place.name: place.folder}
    if base is not None:
        try:
            lower = _base(base, place, below, within)
        except PlanError as error:
            faults += placed(
                [
                    replace(fault, path="extends") if not fault.where else fault
                    for fault in error.faults
                ],
                written.spots,
            )
        else:
            written = Written(dict(lower.document), lower.positions).lay(written)
            named = {**lower.what_ifs, **named}
            faults = [*lower.faults, *faults]
            applied = (*lower.applied, f"extends {base}")
            folders = {**lower.folders, **folders}
    for name, parts in named.items():
        for index, part in enumerate(parts):
            if isinstance(part, str) and part not in named:
                fault = UnknownName.of("what-if", part, named, f"what_ifs.{name}.{index}").faults[0]
                faults += placed([fault], written.spots)
    told = tuple(faults)
    return Scenario(place.name, written.document, written.spots, named, applied, told, folders)


def _base(base: object, place: Place, below: tuple[str, ...], within: Path | None) -> Scenario:
    """The scenario that ``extends`` names."""
    if not isinstance(base, str):
        raise ScenarioError(Fault("extends", f"{base!r:.60} is not a file or a built-in name"))
    lower = place_of(base, place.folder, builtin_only=place.folder is None)
    chain = (*below, place.key)
    if lower.key in chain:
        names = " → ".join(Path(key).name for key in (*chain, lower.key))
        raise ScenarioError(Fault("extends", f"leads back to itself: {names}", "Drop one of them"))
    return _scenario(lower, chain, within)


def _what_ifs(
    body: object, spots: Mapping[str, Spot]
) -> tuple[dict[str, tuple[Change, ...] | tuple[str, ...]], list[Fault]]:
    """The named changes of a file, and what is wrong with how they are written."""
    named: dict[str, tuple[Change, ...] | tuple[str, ...]] = {}
    faults: list[Fault] = []
    if body is None:
        return named, faults
    if not isinstance(body, dict):
        faults.append(
            Fault("what_ifs", f"{body!r:.60} is not a mapping", "Give name: {path: value}")
        )
        return named, placed(faults, spots)
    for name, entry in body.items():
        path = f"what_ifs.{name}"
        if isinstance(entry, list) and all(isinstance(part, str) for part in entry) and entry:
            named[name] = tuple(entry)
        elif isinstance(entry, dict) and entry:
            if {"split.brand", "split.traffic"} <= set(entry):
                faults.append(
                    Fault(path, "gives split.brand and split.traffic", "One takes the other's rest")
                )
            named[name] = tuple(
                Change(key, value, _below(f"{path}.{key}", spots)) for key, value in entry.items()
            )
        else:
            named[name] = ()
            faults.append(
                Fault(
                    path,
                    f"{entry!r:.60} is no what-if",
                    "Give {path: value, …}, or a list of names of what-ifs",
                )
            )
    return named, placed(faults, spots)


def _below(path: str, spots: Mapping[str, Spot]) -> dict[str, Spot]:
    """The spots at and below *path*, seen from there."""
    found = {
        name[len(path) + 1 :]: spot
        for name, spot in spots.items()
        if name == path or name.startswith(path + ".")
    }
    return found if "" in found else {"": spot_of(path, spots) or Spot("", path), **found}


# --- What users call ------------------------------------------------------------------------------


def load(
    source: str | Path,
    *,
    what_ifs: Sequence[str] = (),
    sets: Sequence[str] | Mapping[str, object] = (),
) -> Plan:
    """The plan of a scenario: a file, ``-`` for stdin, or the name of a built-in.

    Args:
        source: The scenario. A bare name such as ``"b2b"`` is a built-in; a ``Path``, or a text
            with a folder or an ending, is a file.
        what_ifs: Names of what-ifs to apply, in this order.
        sets: Single settings on top: ``["budget=10M"]`` or ``{"budget": 10_000_000}``.

    Raises:
        UnknownName: there is no such what-if; suggests the nearest.
        ScenarioError: with every fault at once, each with its line and column.
    """
    return read_scenario(source).plan(what_ifs, sets)


def loads(
    text: str,
    name: str = "<text>",
    *,
    what_ifs: Sequence[str] = (),
    sets: Sequence[str] | Mapping[str, object] = (),
) -> Plan:
    """The plan of a scenario that is given as text; *name* stands for the file in messages.

    Raises:
        UnknownName: there is no such what-if; suggests the nearest.
        ScenarioError: with every fault at once, each with its line and column.
    """
    return _scenario(_text_place(text, name), ()).plan(what_ifs, sets)


def _text_place(text: str, name: str) -> Place:
    data = text.encode("utf-8", "surrogatepass")
    if len(data) > SIZE_LIMIT:
        decoded(data, name)
    return Place(name, name, Path(), text.removeprefix("\ufeff"))


def check_scenario(source: str | Path) -> list[Fault]:
    """Every fault of a scenario, those of all its what-ifs included; empty when all is well."""
    try:
        return read_scenario(source).check()
    except PlanError as error:
        return list(error.faults)


def what_if_names(source: str | Path) -> list[str]:
    """Names of the what-ifs of a scenario, in the order of the file.

    Raises:
        ScenarioError: the file cannot be read.
    """
    return list(read_scenario(source).what_ifs)


# --- Writing --------------------------------------------------------------------------------------


@functools.cache
def _writer() -> YAML:
    writer = YAML(typ="rt", pure=True)
    writer.default_flow_style = None  # innermost mappings on one line
    writer.width = 100
    writer.allow_unicode = True
    writer.preserve_quotes = True
    return writer


def dumps(plan: Plan) -> str:
    """*plan* as the text of a scenario file; reading it gives the same plan."""
    lines = [f"# Applied: {label}\n" for label in map(_one_line, plan.applied)]
    return "".join(lines) + dump_document(to_document(plan))


def dump_document(document: Mapping[str, Any]) -> str:
    """The text of a scenario file from its document."""
    stream = io.StringIO()
    _writer().dump(as_written(dict(document)), stream)
    return stream.getvalue()


def write(plan: Plan, path: str | Path) -> None:
    """Write *plan* to a scenario file at *path*."""
    write_atomically(Path(path), dumps(plan).encode())


def _one_line(text: str) -> str:
    return " ".join(text.split())


def document_of(text: str) -> Document:
    """The document of a scenario's text as it is written there, its what-ifs among the rest.

    Raises:
        ScenarioError: the text cannot be read.
    """
    written, faults = _written("<text>", text)
    if faults:
        raise ScenarioError(faults)
    return written.document


def as_written(value: Any) -> Any:
    """*value* for the YAML library: texts that would be read as something else in quotes."""
    if isinstance(value, dict):
        return {as_written(str(key)): as_written(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_written(item) for item in value]
    if isinstance(value, str) and (not isinstance(plain_scalar(value), str) or value == "<<"):
        return DoubleQuotedScalarString(value)
    return value


def edit(text: str, changes: Mapping[str, object]) -> str:
    """The text of a scenario with other values at some paths, comments and order kept.

    Paths are those of the file's own document; ``extends`` is not followed.

    Raises:
        ScenarioError: the text cannot be read, or not by the library that writes it.
        UnknownName: a path leads nowhere.
    """
    wanted = document_of(text)
    writer = YAML(typ="rt", pure=True)
    writer.preserve_quotes = True
    writer.width = 10_000
    try:
        document = writer.load(text.removeprefix("\ufeff"))
    except (YAMLError, ValueError, OverflowError) as error:
        # It reads more than we do: what looks like a date is one, or none.
        words = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ScenarioError(Fault("", f"cannot be edited: {words}")) from None
    for path, value in changes.items():
        wanted = set_at(wanted, path, _plain_value(value))
    _copy_differences(document, wanted)
    stream = io.StringIO()
    writer.dump(document, stream)
    return stream.getvalue()


def _copy_differences(target: Any, wanted: Document) -> None:
    """Change only what differs, so that everything else keeps its comments and its form."""
    by_text = {str(key): key for key in target}
    for text, key in by_text.items():
        if text not in wanted:
            del target[key]
    for text, value in wanted.items():
        key = by_text.get(text, as_written(text))
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            _copy_differences(target[key], value)
        elif key not in target or target[key] != value:
            target[key] = as_written(value)
