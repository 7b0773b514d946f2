"""The options that commands share, and where a result goes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .commands import Option

if TYPE_CHECKING:
    pass

__all__ = [
    "chain",
    "changes",
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
    "reach",
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
    from optimizer.plan.units import parse_typed

    try:
        parse_typed(text)
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
