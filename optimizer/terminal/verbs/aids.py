"""What helps to use the program: built-ins, the schema, the state of the installation."""

from __future__ import annotations

from typing import Any

import click

from optimizer.terminal.asked import Out, print_text
from optimizer.terminal.commands import MISSING, OK, command
from optimizer.terminal.options import complete, debug, fmt, lang

__all__ = ["doctor", "scenarios", "schema"]


@command(
    examples="""
    adsplit scenarios                            their names
    adsplit scenarios b2b > mine.yaml            one of them, as a file
"""
)
@click.argument("name", required=False, shell_complete=complete)
@fmt
@lang
@debug
def scenarios(name: str | None, **options: Any) -> int:
    """List the built-in scenarios, or print one."""
    from optimizer.analysis.answer import as_frame
    from optimizer.sources.starter import builtin_summaries, builtin_text
    from optimizer.terminal import pages

    out = Out.of(options)
    if name is not None:
        text = builtin_text(name)
        if out.format == "json":
            from optimizer.files import json_text

            text = json_text({"schema": "adsplit.scenario/1", "name": name, "text": text})
        print_text(text)
        return OK
    rows = builtin_summaries()
    out.emit(
        lambda: {"schema": "adsplit.scenarios/1", "scenarios": rows},
        lambda: {"scenarios": as_frame(rows)},
        lambda paper: pages.any_frame(paper, as_frame(rows)),
    )
    return OK


@command(
    examples="""
    adsplit schema > adsplit.schema.json         for editors, and programs that write scenarios
    adsplit schema result                        what --json of optimize returns
"""
)
@click.argument("what", type=click.Choice(["scenario", "result"]), default="scenario")
@debug
def schema(what: str) -> None:
    """Print the JSON Schema of scenario files, or of results."""
    from optimizer.files import json_text

    if what == "result":
        from optimizer.analysis.answer import answer_schema

        print_text(json_text(answer_schema()))
    else:
        from optimizer.plan.schema import json_schema

        print_text(json_text(json_schema()))


@command(
    examples="""
    adsplit doctor
    adsplit doctor --json                        for a bug report
"""
)
@fmt
@lang
@debug
def doctor(**options: Any) -> int:
    """Say whether everything adsplit needs is there and works."""
    from optimizer.terminal import pages
    from optimizer.terminal.diagnosis import diagnose

    out = Out.of(options)
    found = diagnose()
    out.emit(
        lambda: {"schema": "adsplit.doctor/1", "ok": found.ok, "checks": found.records},
        found.tables,
        lambda paper: pages.diagnosis(paper, found),
    )
    return OK if found.ok else MISSING
