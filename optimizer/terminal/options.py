"""The options that commands share, and where a result goes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .commands import BAD_INPUT, INFEASIBLE, OK, STOPPED, Option, interrupted, note

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
    "chain",
    "changes",
    "check_ending",
    "check_writable",
    "code_of",
    "committing",
    "compare_changes",
    "complete",
    "currency_code",
    "debug",
    "drawing",
    "fmt",
    "following",
    "jobs",
    "lang",
    "mapped",
    "money_text",
    "option",
    "prices",
    "print_text",
    "reach",
    "read_text",
    "resume",
    "scenario_name",
    "share",
    "solving",
    "studying",
    "table",
    "uploading",
]

F = TypeVar("F", bound=Callable[..., Any])


def _set_format(ctx: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """``--json`` and ``--csv`` are short for ``--format``; the choice is noted for errors, too."""
    meta = ctx.find_root().meta
    if parameter.name in {"as_json", "as_csv"}:
        if value:
            meta["format"] = parameter.name.removeprefix("as_")
    elif value:
        meta["format"] = value
    return value


def _set_debug(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        ctx.find_root().meta["debug"] = True


def _default_lang() -> str:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(name):
            return "zh" if os.environ[name].lower().startswith("zh") else "en"
    return "en"


def chain(*decorators: Callable[[Any], Any]) -> Callable[[F], F]:
    """Several decorators as one, the first on the outside."""

    def apply(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


def option(*names: str, section: str, **kwargs: Any) -> Callable[[Any], Any]:
    """An option under a heading of the help."""
    return click.option(*names, cls=Option, section=section, **kwargs)


def share(ctx: click.Context, parameter: click.Parameter, value: str) -> float:
    """A share such as 20% or 0.2, read as in a scenario file."""
    from optimizer.plan.units import parse_share

    try:
        return parse_share(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, parameter) from None


def maybe_share(ctx: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """A share, or nothing where none was given."""
    return None if value is None else share(ctx, parameter, value)


def money_text(text: str) -> str:
    """Money as it was typed, refused at the prompt where it cannot be read."""
    from optimizer.plan.units import parse_money

    try:
        parse_money(text)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    return text


def currency_code(text: str) -> str:
    """A currency's three letters, refused at the prompt where there are others."""
    if not (len(text) == 3 and text.isascii() and text.isalpha()):
        raise click.UsageError(f"{text!r} is not a code of three letters, such as EUR or CNY")
    return text.upper()


def complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[Any]:
    """Built-in names and files, for the shell's completion."""
    from click.shell_completion import CompletionItem

    from optimizer.sources.scenario import builtin_names

    found = [CompletionItem(n) for n in builtin_names() if n.startswith(incomplete)]
    return [*found, CompletionItem(incomplete, type="file")]


debug = option(
    "--debug",
    is_flag=True,
    expose_value=False,
    callback=_set_debug,
    is_eager=True,
    section="Other",
    envvar="ADSPLIT_DEBUG",
    help="Show the traceback of an error.",
)
lang = option(
    "--lang",
    type=click.Choice(["en", "zh"]),
    default=_default_lang,
    section="Output",
    envvar="ADSPLIT_LANG",
    show_envvar=True,
    help="Language; by default that of the system.",
)
fmt = chain(
    option(
        "--format",
        "format",
        type=click.Choice(["table", "json", "csv"]),
        section="Output",
        callback=_set_format,
        help="What stdout gets (default: table).",
    ),
    option(
        "--json",
        "as_json",
        is_flag=True,
        section="Output",
        callback=_set_format,
        help="Short for --format json.",
    ),
    option(
        "--csv",
        "as_csv",
        is_flag=True,
        section="Output",
        callback=_set_format,
        help="Short for --format csv.",
    ),
    option(
        "-o",
        "--output",
        type=click.Path(dir_okay=False, path_type=Path),
        section="Output",
        metavar="FILE",
        help="Also write the result to FILE, by its ending: .json .csv .xlsx .parquet",
    ),
)
scenario_name = click.argument("scenario", shell_complete=complete)
risk = option(
    "--risk",
    metavar="ATTITUDE",
    section="Plan",
    help="What to make best of uncertain numbers: expected, cvar[:95%], worst-case[:3], regret, "
    "chance:5000@90%; none: plan for the numbers as stated.",
)
changes = chain(
    option(
        "--what-if",
        "what_ifs",
        multiple=True,
        metavar="NAME",
        section="Plan",
        help="Apply a what-if of the file; may be repeated.",
    ),
    option(
        "--set",
        "sets",
        multiple=True,
        metavar="PATH=VALUE",
        section="Plan",
        help="Set any value of the file, such as budget=10M; may be repeated.",
    ),
    option(
        "--split", metavar="BRAND:TRAFFIC", section="Plan", help="Brand to traffic, such as 6:4."
    ),
    risk,
)
reach = option(
    "--reach",
    multiple=True,
    metavar="STAGE=N",
    section="Plan",
    help="Seek the least spend that brings N of STAGE; the budget stays a ceiling.",
)
table = option(
    "--table",
    type=click.Choice(["lines", "rules", "phasing", "breakdown", "periods", "totals", "stages"]),
    section="Output",
    help="What CSV and Parquet hold (default: lines); Excel holds every table.",
)
mapped = chain(
    option(
        "--map",
        required=True,
        metavar="MAP.yaml",
        section="History",
        help="Which column is what: date, outcome, lines, controls, tests.",
    ),
    option(
        "--scenario",
        metavar="FILE.yaml",
        section="Output",
        help="The scenario to write, with its draws beside it (default: HISTORY-fit.yaml here).",
    ),
    option("--plot", metavar="FILE.html", section="Output", help="Also write a page with charts."),
    option("--force", is_flag=True, section="Output", help="Overwrite files that are there."),
    option("--seed", type=int, default=1, section="History", help="Of the draws (default: 1)."),
)
uploading = chain(
    option(
        "--map",
        "map_file",
        metavar="MAP.yaml",
        type=click.Path(dir_okay=False, path_type=Path),
        section="Upload",
        help="Which campaigns each line becomes; without it, a map to fill in is printed.",
    ),
    option(
        "--only",
        multiple=True,
        metavar="PERIOD",
        section="Upload",
        help="The rows of one month (or day, week …, as the map has them); may be repeated.",
    ),
)
following = chain(
    option(
        "--actuals",
        required=True,
        metavar="FILE",
        section="Actuals",
        help="Spend and outcomes by line and period: .csv .xlsx .parquet, or - for CSV on stdin.",
    ),
    option(
        "--plan",
        "old",
        metavar="RESULT.json",
        section="Actuals",
        help="The plan that was to be followed, from optimize or track (default: the best plan of "
        "the scenario as it stands).",
    ),
    option(
        "--until",
        metavar="PERIOD",
        section="Actuals",
        help="The last period that is over (default: the last that was reported).",
    ),
    option(
        "--missing",
        type=click.Choice(["refuse", "planned", "zero"]),
        default="refuse",
        show_default=True,
        section="Actuals",
        help="What a line has spent in a period of which it reports nothing.",
    ),
    option(
        "--sum-duplicates",
        is_flag=True,
        section="Actuals",
        help="Add up rows of the same line and period.",
    ),
    option(
        "--skip-unknown",
        is_flag=True,
        section="Actuals",
        help="Leave out rows of other lines and periods; each is told.",
    ),
    option(
        "--scale-outcomes",
        is_flag=True,
        section="Actuals",
        help="Multiply the rest of each curve by its actual over its expected outcomes.",
    ),
    option(
        "--tolerance",
        callback=share,
        metavar="SHARE",
        default="5%",
        show_default=True,
        section="Actuals",
        help="How far off the plan still counts as on it.",
    ),
    option(
        "--table",
        type=click.Choice(["lines", "periods", "totals", "stages", "forecast"]),
        section="Output",
        help="What CSV and Parquet hold (default: lines); Excel holds every table.",
    ),
)


def _doubt(default: str) -> Callable[[F], F]:
    """How many worlds are drawn, and of what; *default* where the scenario does not say."""
    return chain(
        option(
            "--draws",
            type=click.IntRange(2),
            metavar="N",
            section="Draws",
            help=f"Worlds to draw (default: as the scenario says, else {default}).",
        ),
        option("--seed", type=click.IntRange(0), section="Draws", help="Other draws of the same."),
        option(
            "--spread",
            callback=maybe_share,
            metavar="SHARE",
            section="Draws",
            help="For a scenario without uncertainty: let each line's return be off by so much, "
            "either way, in 8 worlds of 10.",
        ),
    )


committing = chain(
    option(
        "--lines",
        multiple=True,
        metavar="NAME",
        section="Commitment",
        help="A line, channel or role bought up front for all periods (repeat for several).",
    ),
    option(
        "--until",
        metavar="PERIOD",
        section="Commitment",
        help="The last period for which every line is bought before anything shows.",
    ),
    option(
        "--branches",
        type=click.IntRange(2, 32),
        metavar="N",
        section="Commitment",
        help="Tell N groups of like draws apart (default: the named states, else 4 groups).",
    ),
    _doubt("1024"),
    option(
        "--table",
        type=click.Choice(["lines", "cells", "branches", "worths", "openings", "draws"]),
        section="Output",
        help="What CSV and Parquet hold (default: lines); Excel holds every table.",
    ),
)
drawing = chain(
    _doubt("until figures are stable"),
    option(
        "--redraws",
        type=click.IntRange(2),
        metavar="N",
        section="Draws",
        help="In how many worlds the best plan is looked for (default: all where that is quick).",
    ),
    option(
        "--tests/--no-tests",
        default=True,
        show_default=True,
        section="Draws",
        help="Say what each test would be worth.",
    ),
    option(
        "--table",
        type=click.Choice(
            ["bands", "lines", "gain", "views", "switching", "tests", "shares", "draws", "fresh"]
        ),
        section="Output",
        help="What CSV and Parquet hold (default: bands); Excel holds every table.",
    ),
)
compare_changes = chain(
    option(
        "--what-if",
        "what_ifs",
        multiple=True,
        metavar="NAME",
        section="Plan",
        help="A what-if of the file, or all (default: all); may be repeated.",
    ),
    option(
        "--set",
        "sets",
        multiple=True,
        metavar="[NAME:]PATH=VALUE",
        section="Plan",
        help="A plan NAME with other values; without NAME: for every plan.",
    ),
    option(
        "--variant",
        "variants",
        multiple=True,
        metavar="NAME:CHANGES",
        section="Plan",
        help='One more plan: what-ifs and settings, such as "cheap: bad_year, budget=*0.8".',
    ),
    option("--split", metavar="BRAND:TRAFFIC", section="Plan", help="For every plan, such as 6:4."),
    risk,
)
prices = option(
    "--prices/--no-prices",
    default=True,
    section="Solver",
    show_default=True,
    help="Find what each rule costs.",
)
gap = option(
    "--gap",
    type=click.FloatRange(0, 1, min_open=True),
    default=1e-4,
    section="Solver",
    show_default=True,
    help="Prove the plan to within this share of the best.",
)
solving = chain(
    gap,
    option(
        "--time-limit",
        type=click.FloatRange(0, min_open=True),
        metavar="SECONDS",
        section="Solver",
        help="Stop each plan's search after this long (exit code 5).",
    ),
)
studying = chain(
    gap,
    option(
        "--time-limit",
        type=click.FloatRange(0, min_open=True),
        metavar="SECONDS",
        default=20,
        show_default=True,
        section="Solver",
        help="Show the best plan found after this long.",
    ),
)
jobs = chain(
    option(
        "--jobs",
        type=int,
        section="Solver",
        metavar="N",
        help="Processes to solve in (default: 1; with --scheduler all its workers); -1: one per "
        "core. The answer is the same for any number.",
    ),
    option(
        "--scheduler",
        metavar="ADDRESS",
        section="Solver",
        help="Solve on a Dask cluster, such as tcp://10.0.0.1:8786; local: one on this machine.",
    ),
)
resume = option(
    "--resume",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    section="Solver",
    help="Keep finished plans in FILE, and go on from there after an interrupt or a kill.",
)


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
