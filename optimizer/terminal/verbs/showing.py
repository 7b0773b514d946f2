"""Plans to look at: a page, a chart, the page live."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from optimizer.terminal.asked import Asked, Out, Search, check_ending, check_writable, code_of
from optimizer.terminal.commands import OK, command
from optimizer.terminal.line_items import (
    is_table,
    refuse_table_options,
    report_table,
    table_question,
)
from optimizer.terminal.options import (
    changes,
    debug,
    jobs,
    lang,
    option,
    reach,
    scenario_name,
    solving,
    studying,
)

__all__ = ["chart", "report", "studio"]


@command(
    examples="""
    adsplit report b2b -o plan.html
    adsplit report b2b -o plan.html --lang zh --quick
    adsplit report lines.csv --budget 12M --split 6:4 -o plan.html       a table, by its groups
    adsplit report b2b -o summary.md             a summary in Markdown, for a mail or a chat
"""
)
@scenario_name
@changes
@option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE.html|.md",
    section="Output",
    help="The page to write; .md: a summary in Markdown.",
)
@option("--quick", is_flag=True, section="Output", help="The plan only: no sweeps, no tornado.")
@solving
@table_question
@jobs
@lang
@debug
def report(output: Path, quick: bool, **options: Any) -> int:
    """Write everything to one HTML page, to read and to share."""
    import optimizer as opt

    table = is_table(options["scenario"])
    quick = quick or output.suffix.lower() == ".md"  # a summary shows no sweeps
    check_ending(output, (".html", ".htm") if table else (".html", ".htm", ".md"))
    check_writable(output)
    if table:
        return report_table(options, output, quick=quick)
    scheduler = options.pop("scheduler")  # of the sweeps, here
    refuse_table_options(options)
    options["scheduler"] = scheduler
    out = Out("table", None, options.pop("lang"))
    asked, search = Asked.of(options), Search.of(options)
    others = {} if quick else asked.others
    with search:
        best = opt.optimize(asked.plan, **search.one)
        analyses = (
            [opt.rule_prices(best, costs=True)]
            if quick
            else opt.overview(best, others, **search.many)
        )
        opt.write_report(output, best, *analyses, lang=out.lang)
    out.wrote(output)
    return code_of([best.status])


@command(
    examples="""
    adsplit chart b2b --list                     the charts of this plan, by name
    adsplit chart b2b dumbbell -o moves.html     a page of its own, without a network
    adsplit chart b2b frontier -o frontier.json  Plotly's JSON
    adsplit chart b2b tornado -o tornado.png     a picture: needs adsplit[images] and Chrome
"""
)
@scenario_name
@click.argument("name", required=False, metavar="[NAME]")
@option("--list", "lists", is_flag=True, section="Output", help="List the charts of this plan.")
@changes
@reach
@option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    section="Output",
    help="The file to write, by its ending: .html .json .png .svg .pdf",
)
@solving
@jobs
@lang
@debug
def chart(
    name: str | None, lists: bool, output: Path | None, reach: tuple[str, ...], **options: Any
) -> int:
    """Write one chart of the report by itself."""
    import optimizer as opt
    from optimizer.report import pictures
    from optimizer.terminal.pages import charts

    out, asked = Out("table", None, options.pop("lang")), Asked.of(options)
    plan, what_ifs = asked.reaching(reach), list(asked.read.what_ifs)
    if lists:
        charts(out.paper(), pictures.chart_kinds(plan, what_ifs))
        return OK
    if name is None or output is None:
        raise click.UsageError("give the NAME of a chart and -o FILE; --list says which there are")
    check_ending(output, pictures.ENDINGS)
    check_writable(output)
    if output.suffix.lower() in pictures.IMAGES:
        pictures.need_kaleido()
    kind, search = pictures.wanted(plan, name, what_ifs), Search.of(options)
    only = {kind.needs, kind.better_with}
    with search:
        best = opt.optimize(plan, **search.one)
        others = asked.others if "scenarios" in only else {}
        analyses = opt.overview(best, others, only=only, **search.many)
    opt.chart(best, name, *analyses, lang=out.lang).write(output)
    out.wrote(output)
    return code_of([best.status])


@command(
    examples="""
    adsplit studio mine/scenario.yaml            in your browser, on this machine only
    adsplit studio b2b --lang zh
    adsplit studio mine/scenario.yaml --port 8765 --no-open
""",
    epilog="The address that is printed holds a token; whoever has it can read and write the "
    "scenario while the studio runs. Ctrl-C ends it.",
)
@scenario_name
@option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    section="Server",
    help="Where to listen (default: any port that is free).",
)
@option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    section="Server",
    metavar="ADDRESS",
    help="Where to listen; another than this machine needs --expose.",
)
@option(
    "--expose",
    is_flag=True,
    section="Server",
    help="Let other machines in: the plan travels unencrypted to whoever has the token.",
)
@option(
    "--open/--no-open",
    "opens",
    default=True,
    show_default=True,
    section="Server",
    help="Open the page in a browser.",
)
@studying
@lang
@debug
def studio(scenario: str, **options: Any) -> int:
    """Open the report in a browser, and change any input."""
    from optimizer.studio.desk import Desk
    from optimizer.terminal.serving import serve

    if is_table(scenario):
        raise click.UsageError("the studio takes a scenario; of a table of lines use optimize")
    desk = Desk(scenario, options.pop("gap"), options.pop("time_limit"))
    desk.plan({})
    serve(desk, **options)
    return OK
