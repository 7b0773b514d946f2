"""A plan as a plain document — the form a scenario file has — and back; and paths into it.

``to_document`` and ``from_document`` are inverse. Paths are explained in :mod:`.paths`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from optimizer.errors import Fault, PlanError, nearest

from .carryover import CARRYOVERS, Goodwill
from .commitment import Commitment
from .constraints import CONSTRAINTS, Split
from .curves import CURVES, Linear
from .funnel import Funnel
from .objectives import OBJECTIVES
from .paths import LINE_KEYS, PLAN_KEYS, Document, set_at, split_form, value_at
from .periods import Periods
from .plan import Line, Origin, Plan
from .risk import RISKS
from .stated import faults_of, in_short
from .table import LineTable
from .uncertainty import Uncertainty
from .units import Percent

__all__ = [
    "VERSION",
    "Assumption",
    "assumptions",
    "from_document",
    "origin_of",
    "outline",
    "replace_at",
    "set_at",
    "to_document",
    "value_at",
]

VERSION = 1
"""Version of the document form; a file of another version is refused."""


def to_document(plan: Plan) -> Document:
    """*plan* in the form of a scenario file; what has its default is left out."""
    return _written(plan, _channels(plan))


def outline(plan: Plan) -> Document:
    """The document of *plan* without its lines."""
    return _written(plan, {})


def _written(plan: Plan, channels: Document) -> Document:
    document: Document = {"version": VERSION, "name": plan.name, "channels": channels}
    for key in ("business", "currency", "budget", "value"):
        document[key] = getattr(plan, key)
    document["split"] = None if plan.split is None else _plain(plan.split, drop=("name", "kind"))
    document["objective"] = _plain(plan.objective, keep=("kind",))
    for key in ("periods", "funnel", "goodwill"):
        stated = getattr(plan, key)
        document[key] = None if stated is None else _plain(stated)
    document["constraints"] = {
        rule.name: _plain(rule, keep=("kind",), drop=("name",)) for rule in plan.constraints
    }
    for key in ("uncertainty", "risk", "commitment"):
        stated = getattr(plan, key)
        document[key] = None if stated is None else _plain(stated, keep=("kind",))
    document["origins"] = {path: _plain(origin) for path, origin in plan.origins.items()}
    return {key: document[key] for key in PLAN_KEYS if document[key] not in (None, {}, ())}


def _channels(plan: Plan) -> Document:
    channels: Document = {}
    for line in plan.lines:
        body = _plain(line, drop=("channel", "name"))
        if line.name == line.channel:
            channels[line.channel] = body
            continue
        key = line.name[len(line.channel) + 1 :]
        if body.get("role") == key:
            del body["role"]
        channels.setdefault(line.channel, {})[key] = body
    return channels


def _plain(stated: Any, keep: tuple[str, ...] = (), drop: tuple[str, ...] = ()) -> Document:
    """The fields of a stated value that differ from their defaults, as plain data."""
    plain: Document = {}
    for field in dataclasses.fields(stated):
        value = getattr(stated, field.name)
        if field.name in drop:
            continue
        default = field.default
        if default is dataclasses.MISSING and field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        default = getattr(default, "default", default)  # pydantic wraps defaults in FieldInfo
        if value == default and type(value) is type(default) and field.name not in keep:
            continue
        if value is None or (value == {} and field.name not in keep):
            continue
        plain[field.name] = _plain_value(value)
    return {key: plain[key] for key in (*keep, *plain) if key in plain}


def _plain_value(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return _plain(value, keep=("kind",))
    if isinstance(value, Percent):
        return str(value)
    if isinstance(value, tuple | list):
        return [_plain_value(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain_value(item) for key, item in value.items()}
    return value


def from_document(
    document: Mapping[str, Any], applied: tuple[str, ...] = (), lines: LineTable | None = None
) -> Plan:
    """The plan that *document* describes, with *lines* in place of its channels if given.

    Raises:
        PlanError: with every fault of the document at once, each with its dotted path.
    """
    reader = _Reader()
    plan = reader.plan(document, applied, lines)
    if reader.faults or plan is None:
        raise PlanError(reader.faults)
    return plan


class _Reader:
    """Reads a document and gathers what is wrong with it."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.standing_in: dict[str, Line] = {}

    def plan(
        self, document: object, applied: tuple[str, ...], table: LineTable | None
    ) -> Plan | None:
        top = self.mapping(document, "", PLAN_KEYS)
        if top is None:
            return None
        if top.pop("version", VERSION) != VERSION:
            self.fault("version", f"only version {VERSION} is known", f"Write version: {VERSION}")
        given: Document = {
            key: top[key]
            for key in ("name", "business", "currency", "budget", "value")
            if key in top
        }
        if "split" in top:
            given["split"] = self.split(top["split"])
        if "objective" in top:
            given["objective"] = self.union(top["objective"], "objective", OBJECTIVES)
        if "periods" in top:
            given["periods"] = self.one(Periods, top["periods"], "periods")
        if "funnel" in top:
            given["funnel"] = self.one(Funnel, top["funnel"], "funnel")
        if "goodwill" in top:
            given["goodwill"] = self.goodwill(top["goodwill"])
        if top.get("uncertainty") is not None:
            given["uncertainty"] = self.one(Uncertainty, top["uncertainty"], "uncertainty")
        if top.get("risk") is not None:
            given["risk"] = self.union(top["risk"], "risk", RISKS)
        if "commitment" in top:
            given["commitment"] = self.one(Commitment, top["commitment"], "commitment")
        given["lines"] = self.lines(top.get("channels")) if table is None else table
        given["constraints"] = self.named(
            top.get("constraints", {}),
            "constraints",
            lambda name, body, path: self.union(body, path, CONSTRAINTS, {"name": name}),
        )
        origins = self.named(
            top.get("origins", {}),
            "origins",
            lambda name, body, path: (name, self.one(Origin, body, path)),
        )
        given["origins"] = {name: origin for name, origin in origins if origin is not None}
        given["applied"] = applied
        if self.faults:
            if table is None:
                self.partial(given, top)
            return None
        plan: Plan | None = self.build(Plan, given, "")
        return plan

    def partial(self, given: Document, top: Document) -> None:
        """With faults already found, still say what else is wrong.

        First the plain values, then the names that rules and lines use; what is broken has a
        stand-in by then, and nothing is told of a stand-in.
        """
        plain: Document = {
            key: given[key]
            for key in ("business", "currency", "budget", "value", "name")
            if key in given
        }
        line = Line("x", Linear(0.0), maximum=0.0, value=1.0)
        self.build(Plan, {"name": "", "lines": (line,), **plain}, "", known=tuple(plain))
        funnel = given.get("funnel")
        if "channels" not in top or (funnel is None and "funnel" in top):
            return
        told = {fault.path for fault in self.faults}
        whole = [line for line in given["lines"] if line.name not in self.standing_in]
        usable = {
            "name": "",
            "lines": (*whole, *self.standing_in.values()),
            "budget": given.get("budget") if "budget" not in told else 1.0,
            "funnel": funnel,
            "periods": given.get("periods"),
            "value": 1.0,
            "constraints": given["constraints"],
        }
        own = (*(f"channels.{line.name}" for line in whole), "constraints")
        self.build(Plan, usable, "", known=own)

    def goodwill(self, body: object) -> Any:
        if not isinstance(body, Mapping):
            return self.one(Goodwill, body, "goodwill")
        given = dict(body)
        if "curve" in given:
            given["curve"] = self.union(given["curve"], "goodwill.curve", CURVES)
            if given["curve"] is None:
                return None
        return self.one(Goodwill, given, "goodwill")

    def split(self, body: object) -> Any:
        if body is None:
            return None
        return self.one(Split, split_form(body), "split", hidden=("name", "kind"))

    def lines(self, channels: object) -> tuple[Line, ...]:
        if not isinstance(channels, Mapping) or not channels:
            self.fault(
                "channels",
                "is missing" if channels is None else "is not a mapping of channels",
                "Give channels: {search: {brand: {…}, traffic: {…}}}",
            )
            return ()
        lines: list[Line | None] = []
        for channel, body in channels.items():
            path = f"channels.{channel}"
            if not isinstance(body, Mapping) or not body:
                self.fault(
                    path,
                    f"{in_short(body)} is not a line",
                    "Give curve, role, …, or one line per role",
                )
            elif set(body) & set(LINE_KEYS):
                lines.append(self.line(str(channel), str(channel), body, path))
            else:
                lines += [
                    self.line(str(channel), f"{channel}.{key}", item, f"{path}.{key}", str(key))
                    for key, item in body.items()
                ]
        return tuple(line for line in lines if line is not None)

    def line(self, channel: str, name: str, body: object, path: str, key: str = "") -> Line | None:
        given = self.mapping(body, path, LINE_KEYS)
        if given is None:
            return None
        given |= {"channel": channel, "name": name}
        if key in {"brand", "traffic"}:
            given.setdefault("role", key)
        curve = self.union(given["curve"], f"{path}.curve", CURVES) if "curve" in given else None
        if curve is not None:
            given["curve"] = curve
        elif "curve" in given:
            given["curve"] = Linear(0.0)  # stands in, so that the other fields are still checked
        if given.get("carryover") is not None:
            carryover = self.union(given["carryover"], f"{path}.carryover", CARRYOVERS)
            given["carryover"] = carryover
        line: Line | None = self.build(Line, given, path)
        if line is None or curve is None:
            self.stand_in(channel, name, given)
        return line

    def stand_in(self, channel: str, name: str, given: Document) -> None:
        """A line of the same name for one that is broken, so that rules may still name it."""
        role, tags = given.get("role"), given.get("tags")
        stand_in: Document = {"channel": channel, "name": name, "curve": Linear(0.0)}
        stand_in |= {"role": role if role in ("brand", "traffic") else None}
        stand_in |= {"tags": tags if isinstance(tags, dict) else {}, "value": 1.0}
        stand_in |= {"maximum": 1.0, "minimum_if_active": 1.0, "current": 0.0}
        try:
            self.standing_in[name] = TypeAdapter(Line).validate_python(stand_in)
        except (ValidationError, PlanError):
            return

    def named(
        self, body: object, path: str, read: Callable[[str, object, str], Any]
    ) -> tuple[Any, ...]:
        if not isinstance(body, Mapping):
            self.fault(path, f"{in_short(body)} is not a mapping of names", "Give name: {…}")
            return ()
        read_all = [read(str(name), item, f"{path}.{name}") for name, item in body.items()]
        return tuple(item for item in read_all if item is not None)

    def union(
        self, body: object, path: str, kinds: tuple[type, ...], also: Document | None = None
    ) -> Any:
        """A value of a union that is told apart by ``kind``."""
        by_kind = {kind.__dataclass_fields__["kind"].default: kind for kind in kinds}  # type: ignore[attr-defined]
        if isinstance(body, str) and body in by_kind:
            body = {"kind": body}
        if not isinstance(body, Mapping):
            self.fault(
                path,
                f"{in_short(body)} is not a mapping",
                f"Give kind: one of {', '.join(by_kind)}",
            )
            return None
        kind = body.get("kind")
        if not isinstance(kind, str) or kind not in by_kind:
            problem = "kind is missing" if kind is None else f"there is no kind {in_short(kind)}"
            self.fault(
                f"{path}.kind" if kind is not None else path, problem, nearest(str(kind), by_kind)
            )
            return None
        return self.one(by_kind[kind], body, path, hidden=tuple(also or ()), also=also)

    def one(
        self,
        cls: type,
        body: object,
        path: str,
        hidden: tuple[str, ...] = (),
        also: Document | None = None,
    ) -> Any:
        """A stated value from its mapping."""
        fields = [field.name for field in dataclasses.fields(cls) if field.name not in hidden]
        given = self.mapping(body, path, fields)
        return None if given is None else self.build(cls, given | (also or {}), path)

    def mapping(
        self, body: object, path: str, known: tuple[str, ...] | list[str]
    ) -> Document | None:
        """*body* with its unknown keys told and left out."""
        if not isinstance(body, Mapping):
            self.fault(path, f"{in_short(body)} is not a mapping", f"Known: {', '.join(known)}")
            return None
        for key in body:
            if key not in known:
                self.fault(
                    f"{path}.{key}" if path else str(key),
                    "is not known here",
                    nearest(str(key), known),
                )
        return {key: value for key, value in body.items() if key in known}

    def build(
        self, cls: type, given: Document, path: str, known: tuple[str, ...] | None = None
    ) -> Any:
        """A value of *cls*; its faults are kept, those of paths that are *known* if it is given."""
        try:
            return TypeAdapter(cls).validate_python(given)
        except ValidationError as error:
            found = faults_of(error)
        except PlanError as error:
            found = list(error.faults)
        for fault in found:
            full = fault if fault.path.startswith(path + ".") else fault.below(path)
            if cls is Line and fault.path in {"channel", "name"}:
                full = replace(full, path=path)  # in a document they are keys, not fields
            ours = known is None or any(f"{full.path}.".startswith(f"{word}.") for word in known)
            if ours and full not in self.faults:
                self.faults.append(full)
        return None

    def fault(self, path: str, problem: str, advice: str) -> None:
        self.faults.append(Fault(path, problem, advice))


def replace_at(plan: Plan, path: str, value: Any) -> Plan:
    """*plan* with another *value* at *path*, validated anew.

    Raises:
        UnknownName: the path leads nowhere.
        PlanError: the value does not fit.
    """
    return from_document(set_at(to_document(plan), path, value), plan.applied)


@dataclass(frozen=True)
class Assumption:
    """One number that a plan takes for granted."""

    path: str
    value: float
    origin: Origin | None


def assumptions(plan: Plan) -> list[Assumption]:
    """Every numeric assumption: curves, prices, values, rates and the margin, but no decision."""
    document = to_document(plan)
    found: dict[str, float] = {}
    for line in plan.lines:
        path = f"channels.{line.name}"
        body = value_at(document, path)
        for part in ("curve", "carryover"):
            _numbers(body.get(part, {}), f"{path}.{part}", found)
        for key in ("value", "price"):
            if key in body:
                found[f"{path}.{key}"] = float(body[key])
    for part in ("funnel", "goodwill"):
        _numbers(document.get(part, {}), part, found)
    _numbers(document.get("objective", {}), "objective", found)
    if plan.periods is not None and plan.periods.discount:
        found["periods.discount"] = plan.periods.discount
    if plan.value is not None:
        found["value"] = plan.value
    return [Assumption(path, value, origin_of(plan, path)) for path, value in found.items()]


def _numbers(body: Any, path: str, found: dict[str, float]) -> None:
    if isinstance(body, Mapping):
        for key, value in body.items():
            _numbers(value, f"{path}.{key}", found)
    elif isinstance(body, int | float) and not isinstance(body, bool):
        found[path] = float(body)


def origin_of(plan: Plan, path: str) -> Origin | None:
    """Where the number at *path* comes from: the entry of ``origins`` that fits it most closely."""
    words = path.split(".")
    best: tuple[tuple[int, list[bool]], Origin] | None = None
    for pattern, origin in plan.origins.items():
        parts = pattern.split(".")
        if len(parts) <= len(words) and all(
            part in {"*", word} for part, word in zip(parts, words, strict=False)
        ):
            # Longer and with fewer stars fits more closely; of two alike, the one that is exact
            # earlier: channels.tv.*.curve before channels.*.brand.curve.
            exact = [part != "*" for part in parts]
            closeness = (len(parts) + sum(exact), exact)
            if best is None or closeness > best[0]:
                best = (closeness, origin)
    return None if best is None else best[1]
