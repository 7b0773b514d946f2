"""What a command was asked: which plan, how far to search, and where the answer goes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .commands import BAD_INPUT, INFEASIBLE, OK, STOPPED, interrupted, note

if TYPE_CHECKING:
    import pandas as pd

    from optimizer.plan.plan import Plan
    from optimizer.sources.scenario import Scenario

    from .paper import Paper
    from .ticker import Ticker

__all__ = [
    "Asked",
    "Out",
    "Search",
    "check_ending",
    "check_writable",
    "code_of",
    "print_text",
    "read_text",
]

# Endings of tables of lines, which some commands take in place of a scenario.
_TABLES = (".csv", ".parquet")


@dataclass(frozen=True)
class Out:
    """Where the result goes, and how."""

    format: str
    output: Path | None
    lang: str

    @classmethod
    def of(cls, options: dict[str, Any], endings: Sequence[str] | None = None) -> Out:
        """From a command's options, which are checked before any work is done."""
        meta = click.get_current_context().find_root().meta
        for name in ("format", "as_json", "as_csv"):
            options.pop(name)
        out = cls(meta.get("format", "table"), options.pop("output"), options.pop("lang"))
        if out.output is not None:
            from optimizer.files import ENDINGS, need_for

            check_ending(out.output, endings or ENDINGS)
            check_writable(out.output)
            need_for(out.output)
        return out

    def apart(self, ending: str) -> tuple[Out, Path | None]:
        """A file that ends in *ending*, which is no form of the result, apart from the rest."""
        if self.output is None or self.output.suffix.lower() != ending:
            return self, None
        return replace(self, output=None), self.output

    def but_tables(self) -> tuple[Out, Path | None]:
        """A file that holds a table, which the command writes itself, apart from the rest."""
        if self.output is None or self.output.suffix.lower() == ".json":
            return self, None
        return replace(self, output=None), self.output

    @property
    def wants_csv(self) -> bool:
        """Whether a single table is asked for."""
        one = {".csv", ".parquet"}
        of_file = self.output is not None and self.output.suffix.lower() in one
        return self.format == "csv" or of_file

    def emit(
        self,
        data: Callable[[], Any],
        tables: Callable[[], Mapping[str, pd.DataFrame]],
        show: Callable[[Paper], None],
        table: str | None = None,
    ) -> None:
        """Print the result as it was asked for, and write the file; CSV holds *table*."""
        from optimizer.files import csv_text, json_text, write_result

        found = tables() if self.wants_csv or self.output is not None else {}
        if table is not None and found:
            if table not in found:
                raise click.UsageError(f"this plan has no table {table}; it has {', '.join(found)}")
            found = {table: found[table]} | dict(found) if self.wants_csv else found
        if self.format == "json":
            print_text(json_text(data()))
        elif self.format == "csv":
            print_text(csv_text(next(iter(found.values()))))
        else:
            show(self.paper())
        if self.output is not None:
            write_result(self.output, data(), found, lang=self.lang)
            self.wrote(self.output)

    def paper(self) -> Paper:
        """The terminal, or the pipe, to write on."""
        from .paper import Paper

        return Paper(sys.stdout, self.lang)

    def wrote(self, path: Path) -> None:
        """Say that a file was written."""
        from .phrases import phrase

        note(phrase("wrote", self.lang, path=path))


def print_text(text: str) -> None:
    """The result on stdout, as it is."""
    sys.stdout.write(text)
    sys.stdout.flush()


def read_text(name: str) -> str:
    """The text of a file, or of stdin for ``-``.

    Raises:
        PlanError: it cannot be read.
    """
    from optimizer.errors import Fault, PlanError

    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PlanError(Fault("", "is not a text in UTF-8", where=name)) from None
    except OSError as error:
        words = f"cannot be read: {error.strerror}"
        raise PlanError(Fault("", words, "Give a file that exists", where=name)) from None


def _split_setting(split: str | None) -> list[str]:
    """What ``--split`` sets; it takes parts or a preset, and says so in its own name."""
    if not split:
        return []
    from optimizer.plan.constraints import PRESETS
    from optimizer.plan.units import parse_ratio

    if split not in PRESETS:
        try:
            parse_ratio(split)
        except ValueError:
            presets = ", ".join(PRESETS)
            words = f"{split!r} is no split: write brand:traffic, such as 6:4, or one of {presets}"
            raise click.BadParameter(words, param_hint="--split") from None
    return [f"split={split}"]


def _risk_setting(risk: str | None) -> list[str]:
    """What ``--risk`` sets."""
    if risk is None:
        return []
    from .ranges import parse_risk

    return [parse_risk(risk)]


@dataclass(frozen=True)
class Asked:
    """Which plan is meant: a scenario, and what is put on top of it."""

    scenario: str
    what_ifs: tuple[str, ...]
    sets: tuple[str, ...]
    split: str | None
    risk: str | None = None

    @classmethod
    def of(cls, options: dict[str, Any]) -> Asked:
        """From a command's options."""
        names = ("scenario", "what_ifs", "sets", "split", "risk")
        return cls(*(options.pop(name) for name in names))

    @cached_property
    def read(self) -> Scenario:
        """The scenario as it was read."""
        from optimizer.sources.scenario import read_scenario

        if self.scenario.lower().endswith(_TABLES) and Path(self.scenario).is_file():
            from optimizer.errors import Fault, ScenarioError

            advice = (
                "Give it to adsplit check, optimize or report; for this, state its lines in a "
                "scenario file (adsplit init begins one)"
            )
            words = "is a table of lines, and this command takes a scenario"
            raise ScenarioError(Fault("", words, advice, self.scenario))
        if self.scenario == "-" and sys.stdin is None:
            raise click.UsageError("There is no stdin to read a scenario from")
        if self.scenario == "-" and sys.stdin.isatty():
            note("Reading a scenario from the keyboard; end with Ctrl-D")
        return read_scenario(self.scenario)

    @property
    def settings(self) -> list[str]:
        """``--split``, ``--risk`` and ``--set``, in the order in which they count."""
        return [*self.shorthands, *self.sets]

    @property
    def shorthands(self) -> list[str]:
        """What ``--split`` and ``--risk`` set."""
        return [*_split_setting(self.split), *_risk_setting(self.risk)]

    @cached_property
    def plan(self) -> Plan:
        """The plan."""
        return self.read.plan(self.what_ifs, self.settings)

    def reaching(self, texts: Sequence[str]) -> Plan:
        """The plan, turned round where there are goals to reach (``--reach``)."""
        from optimizer.analysis.goal import reaching

        from .ranges import parse_goals

        goals = parse_goals(texts)
        return reaching(self.plan, goals) if goals else self.plan

    @property
    def others(self) -> dict[str, Plan]:
        """The plan with each further what-if of the scenario."""
        names = [name for name in self.read.what_ifs if name not in self.what_ifs]
        return {name: self.read.plan([*self.what_ifs, name], self.settings) for name in names}


@dataclass(frozen=True)
class Search:
    """How far and how long to search, and who is told of it."""

    gap: float
    time_limit: float | None
    jobs: int
    ticker: Ticker
    scheduler: str | None = None
    store: Path | None = None
    within: ExitStack = field(default_factory=ExitStack)
    """What lasts as long as the work."""

    @classmethod
    def of(cls, options: dict[str, Any]) -> Search:
        """From a command's options."""
        from .ticker import Ticker

        lang = click.get_current_context().params.get("lang", "en")
        scheduler, store = options.pop("scheduler", None), options.pop("resume", None)
        if store is not None:
            check_writable(store, "--resume")
        jobs = options.pop("jobs", None)
        if jobs == 0:
            raise click.BadParameter("give at least one process", param_hint="--jobs")
        if jobs is None:
            jobs = 1 if scheduler is None else -1
        ticker = Ticker(lang, is_stopped=interrupted.is_set)
        how = (options.pop("gap"), options.pop("time_limit"), jobs)
        return cls(*how, ticker, scheduler, store)

    @property
    def one(self) -> dict[str, Any]:
        """For one plan."""
        return {"gap": self.gap, "time_limit": self.time_limit, "progress": self.ticker.solving}

    @property
    def many(self) -> dict[str, Any]:
        """For many plans."""
        return {"time_limit": self.time_limit, "jobs": self.jobs, "progress": self.ticker.counted}

    @property
    def kept(self) -> dict[str, Any]:
        """For many plans that a file may keep."""
        return {**self.many, "gap": self.gap, "store": self.store}

    def __enter__(self) -> Search:
        """While the work goes on."""
        if self.scheduler is not None:
            from optimizer.analysis.batches import workers_of

            self.within.enter_context(workers_of(self.scheduler))
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Take the progress away; say how to go on after an interrupt."""
        self.ticker.clear()
        if self.store is not None and kind is not None and issubclass(kind, KeyboardInterrupt):
            from .phrases import phrase

            note(phrase("resume", self.ticker.lang, path=self.store))
        self.within.close()


def check_ending(path: Path, known: Sequence[str]) -> None:
    """Say before any work is done that a file's ending asks for what cannot be written."""
    if path.suffix.lower() not in known:
        raise click.BadParameter(f"{path} must end in {', '.join(known)}", param_hint="-o")


def check_writable(path: Path, option: str = "-o") -> None:
    """Say before any work is done that a file cannot be written."""
    folder = path.absolute().parent
    if not folder.is_dir():
        raise click.BadParameter(f"there is no folder {folder}", param_hint=option)
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise click.BadParameter(f"{path} cannot be written", param_hint=option)


def code_of(statuses: Iterable[object]) -> int:
    """The exit code for several plans; those that have none are part of the answer."""
    words = {str(status) for status in statuses}
    if not words & {"optimal", "stopped"}:
        return INFEASIBLE if "infeasible" in words else BAD_INPUT
    return STOPPED if "stopped" in words else OK
