"""What is done with a result: the tables of the tools that spend it, and its proof."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from optimizer.terminal.asked import Asked, Out, print_text, read_text
from optimizer.terminal.commands import BAD_INPUT, OK, command
from optimizer.terminal.line_items import read_table, verified_table
from optimizer.terminal.options import (
    changes,
    complete,
    debug,
    fmt,
    lang,
    option,
    reach,
    uploading,
)

__all__ = ["upload", "verify"]


@command(
    examples="""
    adsplit optimize b2b -o plan.json && adsplit upload plan.json > map.yaml    a map to fill in
    adsplit upload plan.json --map map.yaml -o budgets.csv
    adsplit upload plan.json --map map.yaml --only 2027-03 -o march.xlsx
    adsplit optimize b2b --json | adsplit upload - --map map.yaml --csv
""",
    epilog="The map says which campaigns each line becomes and what the tool calls its columns; "
    "docs/guide/upload.md shows how.",
)
@click.argument("result", metavar="RESULT.json", type=click.Path(dir_okay=False, allow_dash=True))
@uploading
@verified_table
@fmt
@lang
@debug
def upload(result: str, map_file: Path | None, only: tuple[str, ...], **options: Any) -> int:
    """Write budgets for the tools that spend them."""
    from optimizer.analysis.answer import plain
    from optimizer.sources.upload import upload as made_of
    from optimizer.sources.upload import upload_map_text
    from optimizer.terminal import upload as terminal
    from optimizer.terminal.tracking import read_saved
    from optimizer.uploads.telling import upload_answer

    table, out = read_table(options, None), Out.of(options)
    if map_file is None and (out.output is not None or only):
        raise click.UsageError("-o and --only need --map; without it a map to fill in is printed")
    saved = read_saved(read_text(result), result, *table)
    if map_file is None:
        print_text(upload_map_text(saved.plan))
        return OK
    made = made_of(saved, map_file, only=only)
    out, rows = out.but_tables()
    if rows is not None:
        made.write(rows, out.lang)
    out.emit(
        lambda: plain(upload_answer(made, out.lang)),
        lambda: {"rows": made.typed},
        lambda paper: terminal.page(paper, made),
    )
    if rows is not None:
        out.wrote(rows)
    return OK


@command(
    examples="""
    adsplit optimize b2b -o plan.json
    adsplit verify plan.json                     rules, value and proof, from the file alone
    adsplit verify plan.json --scenario b2b      and whether this was the question
    adsplit optimize b2b --json | adsplit verify -
    adsplit verify result.json --lines lines.csv --spend plan.csv        a table of many lines
""",
    epilog="Exit code 0: the result holds; 3: it does not, or the file is no result.",
)
@click.argument("result", metavar="RESULT.json", type=click.Path(dir_okay=False, allow_dash=True))
@option(
    "--scenario",
    metavar="SCENARIO",
    section="Plan",
    shell_complete=complete,
    help="The question that was meant: a file, - for stdin, or a built-in.",
)
@changes
@reach
@verified_table
@fmt
@lang
@debug
def verify(result: str, reach: tuple[str, ...], scenario: str | None, **options: Any) -> int:
    """Check a result from outside: rules, value and proof."""
    from optimizer.analysis.answer import as_frame
    from optimizer.analysis.verification import check_claim, read_claim
    from optimizer.terminal import pages

    table = read_table(options, scenario)
    out, asked = Out.of(options), Asked.of({"scenario": scenario or "", **options})
    if scenario is None and (asked.what_ifs or asked.settings or reach):
        raise click.UsageError("--what-if, --set, --split and --reach belong to --scenario")
    if scenario == result == "-":
        raise click.UsageError("stdin holds one file: give the result or the scenario by its name")
    claim = read_claim(read_text(result), result, *table)
    plan = None if scenario is None else asked.reaching(reach)
    found = check_claim(claim, plan, named=scenario or "", lang=out.lang)
    out.emit(
        lambda: found.data,
        lambda: {
            "checks": as_frame(
                [
                    found_ | {"faults": "; ".join(found_["faults"])}
                    for found_ in found.data["checks"]
                ]
            )
        },
        lambda paper: pages.verification(paper, found),
    )
    return OK if found.holds else BAD_INPUT
