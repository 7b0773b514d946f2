"""``adsplit optimize`` for a table of lines, a million of them included."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from optimizer.writing import write_atomically

from .asked import Out, Search
from .commands import OK, STOPPED, note
from .options import chain, option

if TYPE_CHECKING:
    from optimizer.allocation import Allocation
    from optimizer.plan.curves import Floats
    from optimizer.plan.table import LineTable
    from optimizer.solvers.partitions import Team

    from .paper import Paper

__all__ = [
    "is_table",
    "optimize_table",
    "read_table",
    "refuse_table_options",
    "report_table",
    "table_options",
    "table_question",
    "verified_table",
]

_ENDINGS = (".parquet", ".csv", ".json")
# What a table is proven to, unless --gap asks for something else.
_GAP = 1e-6
# Points of a sweep on a page, and what they are proven to.
_POINTS, _ROUGH = 7, 1e-4

table_question = chain(
    option("--budget", metavar="MONEY", section="Table", help="Ceiling on all spend: 12M, 1200万."),
    option(
        "--objective",
        type=click.Choice(["profit", "revenue", "outcomes"]),
        section="Table",
        help="What is made best (default: profit).",
    ),
    option(
        "--constraint",
        "constraints",
        multiple=True,
        metavar="'NAME={…}'",
        section="Table",
        help="A rule as in a scenario: 'de={kind: share, where: {market: de}, at_least: 20%}'.",
    ),
    option("--curve", metavar="KIND", section="Table", help="Kind of curve where no column says."),
    option("--value", metavar="MONEY", section="Table", help="Money per outcome where none is."),
    option("--currency", metavar="CODE", section="Table", help="Three letters (default: USD)."),
)
table_options = chain(
    table_question,
    option(
        "--scheduler",
        metavar="ADDRESS",
        section="Table",
        help="Work through partitions on a Dask cluster; local: one of all cores here.",
    ),
)
verified_table = chain(
    option("--lines", metavar="FILE", section="Table", help="The table that was optimized."),
    option("--spend", metavar="FILE", section="Table", help="The plan that -o wrote for it."),
    option("--curve", metavar="KIND", section="Table", help="Kind of curve where no column says."),
)
_NAMES = ("budget", "objective", "constraints", "curve", "value", "currency")
# From so many lines on a cluster of this machine's cores is started unasked.
_MANY = 5_000_000


def is_table(name: str) -> bool:
    """Whether an argument is a table of lines, or a folder of them, and no scenario."""
    return name.lower().endswith((".csv", ".parquet")) or Path(name).is_dir()


def refuse_table_options(options: dict[str, Any]) -> None:
    """Take the options of a table away; a scenario has these in its file."""
    for name in (*_NAMES, "scheduler"):
        if name in options and options.pop(name):
            raise click.UsageError(
                f"--{name.removesuffix('s')} is for a table of lines; a scenario has it in its "
                "file, where --set changes it"
            )


def read_table(
    options: dict[str, Any], scenario: str | None
) -> tuple[LineTable | None, Floats | None, tuple[str, ...]]:
    """The table and the spend that a result is about, where it is about a table.

    With the hashes of the files of a Parquet data set.
    """
    from optimizer.sources.parts import file_digests
    from optimizer.sources.table import load_spend, read_lines

    source, spend, curve = (options.pop(name) for name in ("lines", "spend", "curve"))
    if source is None and spend is None and curve is None:
        return None, None, ()
    if source is None or spend is None or scenario is not None:
        raise click.UsageError("a table needs --lines and --spend, and has no --scenario")
    lines = read_lines(source, curve=curve)
    is_set = not source.lower().endswith(".csv")
    return lines, load_spend(spend, lines), file_digests(source) if is_set else ()


def optimize_table(options: dict[str, Any], reach: tuple[str, ...]) -> int:
    """Read the table, find the best plan, print sums and write all lines."""
    from optimizer.analysis import line_items
    from optimizer.files import need_for
    from optimizer.solving import optimize
    from optimizer.sources.table import load_table

    source, about = _question(options, reach)
    scheduler, output = options.pop("scheduler"), options["output"]
    if source.is_dir() or scheduler or (output is not None and not output.suffix):
        if source.suffix.lower() == ".csv":
            raise click.UsageError("partitions are those of Parquet files; CSV is read as one")
        return _optimize_partitions(options, source, about, scheduler)
    out, search = Out.of(options, _ENDINGS), Search.of(options)
    target = out.output
    if target is not None:
        need_for(target)
    with search:
        best = optimize(load_table(source, **about), **search.one)
    Out(out.format, None, out.lang).emit(
        lambda: line_items.lines_answer(best),
        lambda: {"groups": line_items.group_frame(best)},
        lambda paper: _show(paper, best, line_items.group_frame(best)),
    )
    if target is not None:
        write_atomically(target, _content(best, target.suffix.lower(), out.lang))
        out.wrote(target)
    return OK if best.status == "optimal" else STOPPED


def _question(options: dict[str, Any], reach: tuple[str, ...]) -> tuple[Path, dict[str, Any]]:
    """The table, and what the command line asks about it."""
    from optimizer.sources.scenario import settings

    source = Path(options.pop("scenario"))
    of_scenarios = [options.pop(name) for name in ("what_ifs", "sets", "risk")]
    if any(of_scenarios) or reach:
        words = "--what-if, --set, --risk and --reach are for a scenario, not for a table"
        raise click.UsageError(words)
    about = {name: options.pop(name) for name in _NAMES} | {"split": options.pop("split")}
    about["constraints"] = settings(about["constraints"])
    source_of_gap = click.get_current_context().get_parameter_source("gap")
    if source_of_gap is ParameterSource.DEFAULT:
        options["gap"] = _GAP
    return source, {name: value for name, value in about.items() if value}


def report_table(options: dict[str, Any], output: Path, *, quick: bool) -> int:
    """Find the best plan of a table and write the page of its groups."""
    import numpy as np

    from optimizer.analysis.sweep import budget_sweep, split_sweep
    from optimizer.report import write_report
    from optimizer.solving import optimize
    from optimizer.sources.table import load_table

    source, about = _question(options, ())
    if source.is_dir() or options["scheduler"]:
        raise click.UsageError("a report is made of one table; optimize works through partitions")
    out, search = Out("table", None, options.pop("lang")), Search.of(options)
    analyses: list[Any] = []
    with search:
        best = optimize(load_table(source, **about), **search.one)
        how = {**search.many, "jobs": 1, "gap": max(search.gap, _ROUGH)}
        if not quick and best.plan.budget:
            analyses.append(budget_sweep(best.plan, _POINTS, **how))
        roles = {str(role) for role in np.unique(best.problem.grid.role)}
        if not quick and roles >= {"brand", "traffic"}:
            analyses.append(split_sweep(best.plan, _POINTS, **how))
        write_report(output, best, *analyses, lang=out.lang)
    out.wrote(output)
    return OK if best.status == "optimal" else STOPPED


def _optimize_partitions(
    options: dict[str, Any], source: Path, about: dict[str, Any], scheduler: str | None
) -> int:
    """Work through the partitions of a data set, print sums and write all lines to a folder."""
    from optimizer.analysis.partitions import optimize_parts, parts_answer
    from optimizer.sources.parts import find_parts
    from optimizer.sources.table import question

    _check_folder(options["output"])
    out, search = Out.of(options, ("", ".json")), Search.of(options)
    folder = out.output if out.output is not None and not out.output.suffix else None
    curve = about.pop("curve", None)
    asked = question(name=source.stem, **about)
    with search, ExitStack() as stack:
        partitions = find_parts(source, curve=curve)
        found = optimize_parts(
            partitions,
            asked,
            team=_team(stack, scheduler, partitions[-1].start + partitions[-1].n, out.lang),
            counted=search.ticker.counted,
            folder=folder,
            **search.one,
        )
    Out(out.format, None if folder else out.output, out.lang).emit(
        lambda: parts_answer(found),
        lambda: {"groups": found.groups},
        lambda paper: _show(paper, found.sums, found.groups),
    )
    if folder is not None:
        out.wrote(folder)
    return OK if found.sums.status == "optimal" else STOPPED


def _check_folder(output: Path | None) -> None:
    """Say before any work is done that a plan cannot be written by partitions."""
    if output is None or output.suffix.lower() == ".json":
        return
    if output.suffix:
        words = f"{output} is one file: over partitions give a folder, or .json for the sums"
        raise click.BadParameter(words, param_hint="-o")
    if output.exists():
        raise click.BadParameter(f"{output} is there already", param_hint="-o")


def _team(stack: ExitStack, scheduler: str | None, lines: int, lang: str) -> Team | None:
    """Who works through the partitions; None: this process, one after the other."""
    from optimizer.solvers.cluster import LOCAL, cluster, has_dask

    from .phrases import phrase

    if scheduler is None:
        cores = os.cpu_count() or 1
        if lines < _MANY or cores == 1 or not has_dask():
            return None
        note(phrase("own_cluster", lang, cores=cores))
    return stack.enter_context(cluster(scheduler or LOCAL))


def _content(best: Allocation, ending: str, lang: str) -> bytes:
    """The file of all lines; for JSON the sums."""
    import io

    from optimizer.analysis import line_items
    from optimizer.files import json_text, large_csv

    if ending == ".json":
        return json_text(line_items.lines_answer(best)).encode()
    frame = line_items.line_frame(best)
    if ending == ".csv":
        return large_csv(frame).encode("utf-8-sig" if lang == "zh" else "utf-8")
    stream = io.BytesIO()
    frame.to_parquet(stream, index=False)
    return stream.getvalue()


def _show(paper: Paper, best: Allocation, frame: Any) -> None:
    """Sums per channel and role, the rules that bind, and the proof."""
    from optimizer.analysis import line_items
    from optimizer.words import label, number, percent

    from .numbers import NONE, Scale, short

    plan, lang = best.plan, paper.lang
    known = bool(frame["current"].notna().all())
    scale = Scale.of([best.spent, plan.budget, frame["value"].sum()], plan.currency, lang)
    paper.print(plan.name, "dim")
    heads = ["channel", "role", "lines", "with_money", "today", "spend", "share", "outcome"]
    rows = [
        [
            label(str(row.channel), lang),
            label(str(row.role), lang) if row.role else NONE,
            number(row.lines, lang, 0),
            number(row.active, lang, 0),
            scale.cell(row.current),
            scale.cell(row.spend),
            percent(row.share, lang, 1),
            short(row.outcome, lang),
            scale.cell(row.value),
        ]
        for row in frame.itertuples()
    ]
    keep = [i for i in range(9) if known or i != 4]
    titles = [*(paper.say(head) for head in heads), paper.say("brings")]
    total = [paper.say("total"), "", number(frame["lines"].sum(), lang, 0)]
    total += [number(frame["active"].sum(), lang, 0)]
    total += [scale.cell(frame["current"].sum()), scale.cell(best.spent)]
    total += [percent(1.0, lang, 0) if best.spent > 0 else NONE, ""]
    total += [scale.cell(frame["value"].sum()) if frame["value"].notna().all() else NONE]
    paper.table(
        [titles[i] for i in keep],
        [[row[i] for i in keep] for row in rows],
        words=(0, 1),
        footer=[total[i] for i in keep],
    )
    paper.print()
    paper.print(scale.note, "dim")
    rules = line_items.binding_rules(best)
    if rules:
        paper.title(paper.say("rules"))
        paper.bullets(rules)
    paper.print()
    style = "green" if best.status == "optimal" else "yellow"
    paper.print(line_items.proof_sentence(best, lang), style)
