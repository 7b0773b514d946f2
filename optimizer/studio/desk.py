"""What the studio does with a scenario: answer a changed plan, show it, write a what-if. No web.

Everything comes from the file as it was last read; it is written only where it still is that file.
"""

from __future__ import annotations

import json
import os
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from optimizer.allocation import Allocation
from optimizer.analysis.answer import figures, plain
from optimizer.analysis.overview import overview, suited
from optimizer.analysis.prices import rule_prices
from optimizer.errors import Fault, PlanError, ScenarioError
from optimizer.plan.document import to_document
from optimizer.plan.paths import number_at
from optimizer.plan.plan import Plan
from optimizer.report import content
from optimizer.report.answer import answer
from optimizer.report.view import View
from optimizer.solving import optimize
from optimizer.sources.places import SIZE_LIMIT, place_of
from optimizer.sources.saving import check_name, with_what_if
from optimizer.sources.scenario import Scenario, document_of, read_scenario, value_of
from optimizer.words import LANGUAGES
from optimizer.writing import write_atomically

from .inputs import group_label, inputs

__all__ = ["Changed", "Changes", "Desk", "Exists", "Malformed", "read_changes"]

Changes = Mapping[str, Any]
GoOn = Callable[..., None]
"""Called now and then while work goes on; raises what ends it."""

_MOST_CHANGES = 200
_LONGEST = 2_000
_GREATEST = sys.float_info.max  # a whole number in JSON may have more digits than any number
_KEPT = 6
"""Answers that are kept, so that undoing a change shows at once."""
_NOWHERE = Path(os.devnull)
"""The folder of a scenario that is no file: nothing lies below it."""


class Malformed(Exception):  # noqa: N818 - a request that no page of ours makes
    """What was asked has not the form that it must have."""


class Exists(Exception):  # noqa: N818 - a question back
    """There is a what-if of that name."""


class Changed(Exception):  # noqa: N818 - a question back
    """The file is not what was read: somebody else has written it since."""


def read_changes(given: object) -> dict[str, Any]:
    """Path to value from what a page has sent; texts mean what they mean after ``--set``.

    Raises:
        Malformed: it is no mapping of paths to single values.
        ScenarioError: a text cannot be read.
    """
    if not isinstance(given, dict) or len(given) > _MOST_CHANGES:
        raise Malformed("changes is not a mapping of at most 200 paths")
    found: dict[str, Any] = {}
    for path, value in given.items():
        if not 0 < len(path) <= _LONGEST:
            raise Malformed("a path is empty or too long")
        if isinstance(value, str):
            if len(value) > _LONGEST:
                raise Malformed("a value is too long")
            found[path] = value_of(value.strip(), path, path)
        elif isinstance(value, int | float) and -_GREATEST <= value <= _GREATEST:
            found[path] = value  # true and false are whole numbers, too
        elif value is None or _is_part(value):
            found[path] = value
        else:
            raise Malformed("a value is neither a number nor a text, true, false or null")
    return found


def _is_part(value: object) -> bool:
    """Whether it is a list or mapping that a what-if of the file may hold."""
    if not isinstance(value, list | dict):
        return False
    try:
        return len(json.dumps(value, allow_nan=False)) <= _LONGEST
    except ValueError:
        return False


@dataclass(frozen=True)
class _Read:
    """A scenario, and what its file held; read before it, so that a change between is noticed."""

    scenario: Scenario
    held: bytes


class Desk:
    """A scenario on the desk.

    Args:
        source: The scenario: a file, ``-`` for stdin, or a built-in name.
        gap: As for ``optimize``.
        time_limit: Seconds for each plan that is solved.

    Raises:
        ScenarioError: it cannot be read, or names a file outside its folder.
    """

    def __init__(self, source: str, gap: float = 1e-4, time_limit: float | None = None) -> None:
        self.source = source
        self._how = {"gap": gap, "time_limit": time_limit}
        place = place_of(source)
        self._file = Path(place.key) if place.folder is not None and place.key != "-" else None
        self.folder = _NOWHERE if place.folder is None else place.folder.resolve()
        self._answers: OrderedDict[str, Allocation] = OrderedDict()
        self._read = self._anew()

    @property
    def name(self) -> str:
        """What people call the scenario: the file's name without its folder."""
        return self._read.scenario.source if self._file is None else self._file.name

    @property
    def can_save(self) -> bool:
        """Whether there is a file to write to."""
        return self._file is not None

    def reload(self) -> None:
        """Read the file again.

        Raises:
            ScenarioError: it cannot be read any more; the old one stays on the desk.
        """
        if self._file is not None:
            self._read = self._anew()
            self._answers.clear()

    def _anew(self) -> _Read:
        held = b"" if self._file is None else self._bytes()
        return _Read(read_scenario(self.source, within=self.folder), held)

    def _bytes(self) -> bytes:
        assert self._file is not None
        try:
            with self._file.open("rb") as stream:
                return stream.read(SIZE_LIMIT + 1)
        except OSError:
            raise Changed from None

    def state(self) -> dict[str, Any]:
        """What a page needs once: the scenario's name, and its what-ifs as changes."""
        return {"name": self.name, "can_save": self.can_save, "what_ifs": self._what_ifs()}

    def _what_ifs(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        scenario = self._read.scenario
        for name in scenario.what_ifs:
            try:
                made = scenario.changes(name)
                changes = {change.path: change.value for change in made}
                if len(changes) < len(made):  # a path twice: what comes of both
                    document = to_document(scenario.plan([name]))
                    for change in made:
                        there = number_at(document, change.path)
                        changes[change.path] = change.value if there is None else there
            except (PlanError, ValueError):
                continue  # `adsplit check` tells what is wrong with it
            found[name] = plain(changes)
        return found

    def plan(self, changes: Changes) -> Plan:
        """The plan with *changes* on top.

        Raises:
            PlanError: with every fault at once.
        """
        return self._read.scenario.plan((), dict(changes))

    def answer(self, changes: Changes, go_on: GoOn) -> Allocation:
        """The best plan with *changes*, from memory where it was found before.

        Raises:
            PlanError, SolveError: there is none.
        """
        key = json.dumps(dict(changes), default=str)
        found = self._answers.get(key)
        if found is None:
            plan = self.plan(changes)
            found = optimize(plan, progress=go_on, **self._how)  # type: ignore[arg-type]
            self._answers[key] = found
            while len(self._answers) > _KEPT:
                old = next(one for one in self._answers if one != "{}")
                del self._answers[old]
        else:
            self._answers.move_to_end(key)
        return found

    def told(self, changes: Changes, lang: str, go_on: GoOn) -> dict[str, Any]:
        """The answer in figures and in words, and the inputs that it is the answer to."""
        best = self.answer(changes, go_on)
        view = View(best, lang)
        said, found = answer(view, None), inputs(best.plan)
        return {
            "figures": figures(best),
            "headline": said.headline,
            "cards": [asdict(card) for card in said.cards],
            "against": self._against(best, lang, go_on),
            "inputs": [plain(asdict(one)) for one in found],
            "groups": {
                one.group: {each: group_label(one.group, each) for each in LANGUAGES}
                for one in found
            },
        }

    def _against(self, best: Allocation, lang: str, go_on: GoOn) -> str | None:
        """What it brings more or less than the plan of the file; None where units differ."""
        try:
            saved = self.answer({}, go_on)
        except PlanError:
            return None
        one, other = best.plan, saved.plan
        if (one.objective.kind, one.currency) != (other.objective.kind, other.currency):
            return None
        view = View(best, lang)
        voice = view.voice
        more = voice.worth(best.objective) - voice.worth(saved.objective)
        return view.say("studio.against", amount=voice.amount(more, signed=True))

    def page(self, changes: Changes, languages: list[str], go_on: GoOn) -> str:
        """The report of the plan alone, in these languages."""
        best = self.answer(changes, go_on)
        return content(best, lang=languages[0], languages=languages)

    def evidence(self, changes: Changes, parts: str, lang: str, go_on: GoOn) -> str:
        """The report with the slow parts: ``prices``, or ``all`` as in ``adsplit report``."""
        best = self.answer(changes, go_on)
        if parts == "prices":
            analyses: list[Any] = [rule_prices(best, costs=True)]
        else:
            others = {
                name: self._read.scenario.plan([name]) for name in self._read.scenario.what_ifs
            }
            limit = self._how["time_limit"]
            # Its sliders move every input, so it needs no points that are solved beforehand.
            only = set(suited(best.plan, others)) - {"explore"}
            how: dict[str, Any] = {"time_limit": limit, "progress": go_on}
            analyses = list(overview(best, others, only=only, **how))
        go_on()
        return content(best, *analyses, lang=lang)

    def save(self, name: object, changes: Changes, *, overwrite: bool) -> dict[str, Any]:
        """Write *changes* into the file as the what-if *name*.

        Raises:
            ScenarioError: the name is none, the changes make no plan, there is no file to write.
            Exists: there is one of that name, and *overwrite* was not said.
            Changed: the file is another than was read.
            OSError: the file cannot be written.
        """
        name = check_name(name)
        if self._file is None:
            advice = f"adsplit scenarios {self.name} > mine.yaml makes a file of it"
            raise ScenarioError(Fault("", f"{self.name} is no file that could be written", advice))
        if not changes:
            raise ScenarioError(Fault("", "nothing is changed", "Change an input first"))
        self.plan(changes)
        if self._bytes() != self._read.held:
            raise Changed
        text = self._read.held.decode("utf-8-sig")
        existed = name in (document_of(text).get("what_ifs") or {})
        if (existed or name in self._read.scenario.what_ifs) and not overwrite:
            raise Exists
        mark = self._read.held[:3] if self._read.held.startswith(b"\xef\xbb\xbf") else b""
        write_atomically(self._file, mark + with_what_if(text, name, changes).encode())
        self._read = self._anew()
        what_ifs = self._what_ifs()
        return {"name": name, "file": self.name, "replaced": existed, "what_ifs": what_ifs}

    def scrubbed(self, text: str) -> str:
        """*text* without the folders that it names."""
        folders = {str(self.folder), str(Path(self.source).parent), str(self.folder.absolute())}
        for folder in sorted(folders - {".", os.devnull}, key=len, reverse=True):
            text = text.replace(folder.rstrip(os.sep) + os.sep, "")
        return text
