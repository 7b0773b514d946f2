"""The command line: read arguments, call one function, print. No mathematics.

Heavy libraries are imported inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from optimizer.terminal.commands import BAD_INPUT, MISSING, OK, STOPPED, Commands, note
from optimizer.terminal.line_items import (
    is_table,
    optimize_table,
    read_table,
    refuse_table_options,
    report_table,
    table_options,
    table_question,
    verified_table,
)
from optimizer.terminal.options import (
    Asked,
    Out,
    Search,
    changes,
    check_ending,
    check_writable,
    code_of,
    committing,
    compare_changes,
    complete,
    currency_code,
    debug,
    drawing,
    fmt,
    following,
    jobs,
    lang,
    mapped,
    money_text,
    option,
    prices,
    print_text,
    reach,
    read_text,
    resume,
    scenario_name,
    share,
    solving,
    studying,
    table,
    uploading,
)

if TYPE_CHECKING:
    from optimizer.terminal.paper import Paper

__all__ = ["adsplit", "main"]


def _show_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"adsplit {version('adsplit')}")
        ctx.exit()


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="SCENARIO is a file, - for stdin, or a built-in name (adsplit scenarios lists them). "
    'Shell completion: eval "$(_ADSPLIT_COMPLETE=bash_source adsplit)" (or zsh, fish).',
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the version.",
)
@debug
def adsplit() -> None:
    """Splits a marketing budget between channels, brand and traffic - with a proof."""


@adsplit.command(
    examples="""
    adsplit init mine                            asks a few questions
    adsplit init mine --template b2c --currency EUR --budget 5M --yes
    adsplit init mine --ask                      lines of your own, four questions each
    adsplit init --excel judgement.xlsx          the same questions as a workbook to fill in
    adsplit init mine --excel judgement.xlsx     a scenario of what was filled in
"""
)
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path), required=False)
@option(
    "--template",
    type=click.Choice(["b2b", "b2c", "b2c-cn", "minimal"]),
    section="Scenario",
    help="What to start from (default: b2b).",
)
@option("--currency", section="Scenario", metavar="CODE", help="Three letters, such as EUR.")
@option(
    "--budget",
    section="Scenario",
    metavar="MONEY",
    help="Such as 12M or 1200万; spends and curves are scaled with it.",
)
@option("--ask", is_flag=True, section="Scenario", help="Ask what each line brings, from nothing.")
@option(
    "--excel",
    type=click.Path(dir_okay=False, path_type=Path),
    section="Scenario",
    metavar="FILE.xlsx",
    help="These questions as a workbook: without DIRECTORY written, with it read.",
)
@option("--yes", is_flag=True, section="Scenario", help="Ask nothing, take the defaults.")
@option("--force", is_flag=True, section="Scenario", help="Overwrite an existing scenario.")
@lang
@debug
def init(
    directory: Path | None,
    template: str | None,
    currency: str | None,
    budget: str | None,
    ask: bool,
    excel: Path | None,
    yes: bool,
    force: bool,
    lang: str,
) -> None:
    """Start a scenario of your own from a commented template."""
    from optimizer.sources.starter import Starter
    from optimizer.terminal import asking

    if excel is not None or ask:
        given = (template, currency, budget)
        if any(word is not None for word in given) or yes or (excel is not None and ask):
            raise click.UsageError("--ask and --excel ask for everything themselves")
    if directory is None:
        if excel is None:
            raise click.UsageError("Missing argument 'DIRECTORY'")
        asking.write_workbook(excel, lang, force=force)
        return
    path = directory / "scenario.yaml"
    if path.exists() and not force:
        raise click.UsageError(f"{path} is there already; --force overwrites it")
    if excel is not None or ask:
        text = asking.judged_workbook(excel, lang) if excel is not None else asking.judged(lang)
        asking.write_scenario(path, text, lang)
        return
    from optimizer.terminal.phrases import phrase

    asks = not yes and all(stream and stream.isatty() for stream in (sys.stdin, sys.stderr))

    def prompt(text: str, default: str, **kwargs: Any) -> str:
        return str(click.prompt(text, default=default, err=True, **kwargs)) if asks else default

    if template is None:
        kinds = click.Choice(["b2b", "b2c", "b2c-cn", "minimal"])
        template = prompt(phrase("ask_template", lang), "b2b", type=kinds)
    starter = Starter.of(template)
    if currency is not None:
        currency = currency_code(currency)
    else:
        currency = prompt(phrase("ask_currency", lang), starter.currency, value_proc=currency_code)
    if budget is None:
        budget = prompt(phrase("ask_budget", lang), f"{starter.budget:.0f}", value_proc=money_text)
    starter = starter.with_money(currency.upper(), budget)
    if asks:
        periods, unit = starter.plan.periods, starter.currency
        unit = unit if periods is None else phrase(f"per_{periods.every}", lang, unit=unit)
        note(phrase("ask_spends", lang, currency=unit))
        spends = {
            line: prompt(f"  {line}", f"{now:.0f}", value_proc=money_text)
            for line, now in starter.spends.items()
        }
        starter = starter.with_spends(spends)
    asking.write_scenario(path, starter.text, lang)


@adsplit.command(
    "import",
    examples="""
    adsplit import RobynModel-3_1_2.json > map.yaml          a map to fill in: channels to lines
    adsplit import RobynModel-3_1_2.json --map map.yaml -o plan.yaml
    adsplit import mmm.nc --map map.yaml -o plan.yaml        PyMC-Marketing, draws and all
    adsplit import posterior.nc inputs.csv --map map.yaml -o plan.yaml   Meridian
    adsplit import curves.csv --map map.yaml -o plan.yaml    channel, spend, outcome
""",
    epilog="No model is run, and no pickle opened; docs/guide/models.md says what each file holds.",
)
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE …",
    type=click.Path(dir_okay=False, path_type=Path),
)
@option(
    "--map",
    "map_file",
    metavar="MAP.yaml",
    type=click.Path(dir_okay=False, path_type=Path),
    section="Plan",
    help="Which line each channel becomes; without it, a map to fill in is printed.",
)
@option(
    "-o",
    "--output",
    metavar="FILE.yaml",
    type=click.Path(dir_okay=False, path_type=Path),
    section="Output",
    help="The scenario to write; its draws go to a table beside it.",
)
@option("--force", is_flag=True, section="Output", help="Overwrite an existing scenario.")
@lang
@debug
def import_(
    files: tuple[Path, ...], map_file: Path | None, output: Path | None, force: bool, lang: str
) -> None:
    """Make a scenario of a model that another tool fitted."""
    from optimizer.sources.models.importing import import_model, map_text
    from optimizer.terminal.phrases import phrase

    if (map_file is None) != (output is None):
        raise click.UsageError("--map and -o belong together; without both a map is printed")
    if map_file is None or output is None:
        print_text(map_text(files))
        return
    if output.suffix.lower() not in {".yaml", ".yml"}:
        raise click.BadParameter(f"{output} must end in .yaml", param_hint="-o")
    if output.exists() and not force:
        raise click.UsageError(f"{output} is there already; --force overwrites it")
    check_writable(output)
    found = import_model(files, map_file)
    for path in found.write(output):
        note(phrase("wrote", lang, path=path))
    for remark in found.notes:
        note(f"  {remark}")


@adsplit.command(
    examples="""
    adsplit check mine/scenario.yaml
    adsplit check mine/scenario.yaml --strict    warnings count as errors
"""
)
@scenario_name
@changes
@option("--strict", is_flag=True, section="Plan", help="Exit with 3 if there are warnings.")
@fmt
@lang
@debug
def check(strict: bool, **options: Any) -> int:
    """Check a scenario and explain it, without solving."""
    from optimizer.errors import ScenarioError
    from optimizer.terminal import pages
    from optimizer.terminal.review import review

    out, asked = Out.of(options), Asked.of(options)
    faults = asked.read.check()
    if faults and not (asked.what_ifs or asked.settings):
        raise ScenarioError(faults)
    found = review(asked.plan, list(asked.read.what_ifs), out.lang)
    out.emit(found.data, lambda: {"lines": found.lines}, lambda paper: pages.review(paper, found))
    return BAD_INPUT if strict and found.warnings else OK


@adsplit.command(
    examples="""
    adsplit optimize b2b
    adsplit optimize b2b --what-if cut_20 --set funnel.value.deal=25000
    adsplit optimize b2b --reach lead=5000       the least spend that gets there
    adsplit optimize b2b --json | jq .lines
    adsplit optimize b2b -o plan.xlsx
    adsplit optimize b2b --table breakdown --csv                         who delivers what by when
    adsplit optimize lines.csv --budget 12M --split 6:4 -o plan.csv      a table of many lines
"""
)
@scenario_name
@changes
@reach
@prices
@solving
@table_options
@table
@fmt
@lang
@debug
def optimize(reach: tuple[str, ...], prices: bool, table: str | None, **options: Any) -> int:
    """Find the best plan, and prove it."""
    if is_table(options["scenario"]):
        if table is not None:
            raise click.UsageError("--table is for a scenario; of a table of lines CSV holds all")
        return optimize_table(options, reach)
    import optimizer as opt
    from optimizer.analysis.breakdown import tables_of
    from optimizer.terminal import pages
    from optimizer.terminal.trial import with_trial

    refuse_table_options(options)
    out, asked, search = Out.of(options), Asked.of(options), Search.of(options)
    plan = asked.reaching(reach)
    with search:
        best = opt.optimize(plan, **search.one)
        proven = best.status == "optimal"
        priced = opt.rule_prices(best, costs=True) if prices and proven else None
    told = opt.explain(best, priced, out.lang)
    out.emit(
        lambda: opt.answer(best, priced, out.lang),
        lambda: with_trial(tables_of(best, priced), best, out.output),
        lambda paper: pages.allocation(paper, best, told),
        table,
    )
    return OK if proven else STOPPED


@adsplit.command(
    examples="""
    adsplit compare b2b                          all what-ifs of the file
    adsplit compare b2b --what-if cut_20 --what-if bad_year
    adsplit compare b2b --variant "cheap clicks: channels.search.*.price=*0.7, budget=*0.8"
    adsplit compare b2b --set cheap:funnel.value.deal=20000 --set even:split=5:5
    adsplit compare mine.yaml last_year.yaml     other scenarios beside it
    adsplit compare b2b -o plans.html            all of them on one page, to share
"""
)
@scenario_name
@click.argument("others", nargs=-1, metavar="[OTHER …]", shell_complete=complete)
@compare_changes
@prices
@solving
@jobs
@resume
@fmt
@lang
@debug
def compare(
    others: tuple[str, ...], variants: tuple[str, ...], prices: bool, **options: Any
) -> int:
    """Put what-ifs side by side, with the cost of a wrong bet."""
    import optimizer as opt
    from optimizer.analysis.answer import comparison_answer
    from optimizer.files import ENDINGS
    from optimizer.terminal import pages
    from optimizer.terminal.members import members

    out, page = Out.of(options, (*ENDINGS, ".html")).apart(".html")
    asked, search = Asked.of(options), Search.of(options)
    plans = members(asked, variants, others)
    with search:
        answers = dict(zip(plans, opt.solve_all(list(plans.values()), **search.kept), strict=True))
        counted = search.ticker.counted
        result = opt.compare(answers, prices=prices, jobs=search.jobs, progress=counted)
        if page is not None:
            opt.write_comparison(page, answers, result, out.lang)
    tables = {
        "plans": result.frame,
        "lines": result.lines,
        "inputs": result.inputs,
        "regret": result.regret.rename_axis("plan").reset_index(),
        "rules": result.rules,
    }
    out.emit(
        lambda: comparison_answer(result, out.lang),
        lambda: tables,
        lambda paper: pages.comparison(paper, result, plans),
    )
    if page is not None:
        out.wrote(page)
    return code_of(result.frame["status"])


@adsplit.command(
    examples="""
    adsplit sweep b2b budget                     half to one and a half times the budget
    adsplit sweep b2b split.brand                every brand share from 0 % to 100 %
    adsplit sweep b2b horizon                    from when on the brand rule is the best split
    adsplit sweep b2b budget=1M:4M:13
    adsplit sweep b2b periods.horizon=12:60:9    months over which outcomes count
    adsplit sweep b2b budget=1M:4M:7 split.brand=40%:80%:5 --csv
"""
)
@scenario_name
@click.argument("paths", nargs=-1, required=True, metavar="PATH[=LO:HI:N] …")
@changes
@solving
@jobs
@resume
@fmt
@lang
@debug
def sweep(paths: tuple[str, ...], **options: Any) -> int:
    """Move one or two inputs over a range."""
    import optimizer as opt
    from optimizer.analysis.answer import grid_answer, horizon_answer, sweep_answer
    from optimizer.terminal import pages
    from optimizer.terminal.ranges import HORIZON, parse_ranges

    axes = parse_ranges(paths)
    out, asked, search = Out.of(options), Asked.of(options), Search.of(options)
    how = search.kept
    path, values = next(iter(axes.items()))
    if len(axes) == 2:
        with search:
            other = list(axes)[1]
            frame = opt.sweep2(asked.plan, path, values, other, axes[other], **how)
        out.emit(
            lambda: grid_answer(asked.plan, list(axes), frame),
            lambda: {"sweep": frame},
            lambda paper: pages.grid(paper, frame, list(axes), asked.plan),
        )
        return code_of(frame["status"])
    if path == HORIZON:
        steps = [int(value) for value in values] or None
        with search:
            found = opt.horizon_sweep(asked.plan, steps, **how)
        out.emit(
            lambda: horizon_answer(found, out.lang),
            lambda: {"horizons": found.frame},
            lambda paper: pages.horizons(paper, found),
        )
        return code_of(found.frame["status"])
    with search:
        if values:
            result = opt.sweep(asked.plan, path, values, **how)
        elif path == "budget":
            result = opt.budget_sweep(asked.plan, **how)
        else:
            result = opt.split_sweep(asked.plan, **how)
    out.emit(
        lambda: sweep_answer(result),
        lambda: {"sweep": result.frame},
        lambda paper: pages.sweep(paper, result),
    )
    return code_of(result.frame["status"])


@adsplit.command(
    examples="""
    adsplit sensitivity b2b
    adsplit sensitivity b2b --spread 30% --top 0
    adsplit sensitivity b2b --only prices --csv
"""
)
@scenario_name
@changes
@option(
    "--spread",
    callback=share,
    metavar="SHARE",
    default="20%",
    show_default=True,
    section="Plan",
    help="How far each assumption is moved to either side.",
)
@option(
    "--top",
    type=click.IntRange(0),
    default=12,
    show_default=True,
    section="Output",
    help="Assumptions to show; 0: all.",
)
@option(
    "--only",
    type=click.Choice(["prices", "tornado"]),
    section="Output",
    help="One of the two tables; needed for CSV.",
)
@solving
@jobs
@fmt
@lang
@debug
def sensitivity(spread: float, top: int, only: str | None, **options: Any) -> int:
    """Say what the answer depends on: rules, then assumptions."""
    import optimizer as opt
    from optimizer.analysis.answer import sensitivity_answer
    from optimizer.terminal import pages

    out, asked, search = Out.of(options), Asked.of(options), Search.of(options)
    if out.wants_csv and only is None:
        raise click.UsageError(
            "CSV and Parquet hold one table: add --only prices or --only tornado"
        )
    with search:
        best = opt.optimize(asked.plan, **search.one)
        prices = opt.rule_prices(best, ranges=True, costs=True) if only != "tornado" else None
        swings = opt.tornado(asked.plan, spread, **search.many) if only != "prices" else None
    tables = {
        name: result.frame
        for name, result in (("prices", prices), ("tornado", swings))
        if result is not None
    }

    def show(paper: Paper) -> None:
        if prices is not None:
            pages.prices(paper, prices, best)
        if swings is not None:
            pages.tornado(paper, swings, spread, top)

    out.emit(lambda: sensitivity_answer(best, spread, tables), lambda: tables, show)
    return code_of([best.status])


@adsplit.command(
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


@adsplit.command(
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


@adsplit.command(
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


@adsplit.command(
    examples="""
    adsplit track b2b --actuals actuals.csv      what is ahead and behind, and what to do next
    adsplit track b2b --actuals actuals.csv --plan plan.json --scale-outcomes
    adsplit track b2b --actuals actuals.xlsx --until 2027-03 -o april.json
    adsplit track b2b --actuals actuals.csv --table periods --csv        the new plan by period
""",
    epilog="Actuals have columns period, line, spend, and outcome or stages of the funnel; or line "
    "and one column per period. What -o FILE.json writes is the --plan of the next time.",
)
@scenario_name
@following
@changes
@solving
@fmt
@lang
@debug
def track(actuals: str, old: str | None, table: str | None, **options: Any) -> int:
    """Put actuals against the plan, and plan the rest anew."""
    import optimizer as opt
    from optimizer.analysis.answer import track_answer
    from optimizer.terminal import tracking

    if [options["scenario"], actuals, old].count("-") > 1:
        raise click.UsageError("stdin holds one file: give the others by their names")
    rows = {name: options.pop(name) for name in ("sum_duplicates", "skip_unknown")}
    names = ("until", "missing", "scale_outcomes", "tolerance")
    how = {name: options.pop(name) for name in names}
    out, asked, search = Out.of(options), Asked.of(options), Search.of(options)
    followed = None if old is None else tracking.read_followed(read_text(old), old)
    reported = opt.load_actuals(actuals, asked.plan, **rows)
    with search:
        found = opt.track(asked.plan, reported, followed, **how, **search.one)
    out.emit(
        lambda: track_answer(found, out.lang),
        found.tables,
        lambda paper: tracking.page(paper, found),
        table,
    )
    if found.conflict is not None:
        raise found.conflict
    return code_of([found.old.status, found.best and found.best.status])


@adsplit.command(
    examples="""
    adsplit sure b2b                             how sure the plan is, and what to test next
    adsplit sure b2b --draws 4096 --seed 7
    adsplit sure mine.yaml --spread 20%          a scenario that states no uncertainty
    adsplit sure b2b --redraws 512 --jobs -1 --resume draws.txt
    adsplit sure b2b --table tests --csv         what each test is worth
""",
    epilog="The scenario's uncertainty says what may be otherwise; docs/guide/sure.md shows how.",
)
@scenario_name
@changes
@drawing
@solving
@jobs
@resume
@fmt
@lang
@debug
def sure(table: str | None, tests: bool, **options: Any) -> int:
    """Say how sure the plan is, and what to test next."""
    import optimizer as opt
    from optimizer.analysis.answer import sure_answer
    from optimizer.analysis.assurance import assure
    from optimizer.analysis.information import has_worth
    from optimizer.terminal import assurance

    spread, seed = options.pop("spread"), options.pop("seed")
    how = {name: options.pop(name) for name in ("draws", "redraws")}
    out, asked, search = Out.of(options), Asked.of(options), Search.of(options)
    plan = assurance.uncertain(asked.plan, spread, seed)
    with search:
        best = opt.optimize(plan, **search.one)
        views = asked.others
        found = opt.certainty(best, views, **how, **search.kept)
        tests = tests and has_worth(best)
        known = opt.information(found, progress=search.ticker.counted) if tests else None
        # Rows of a list cannot be drawn anew.
        lists = plan.uncertainty is not None and plan.uncertainty.rows is not None
        fresh = None if plan.risk is None or lists else opt.out_of_sample(best)
    told = assure(found, known, out.lang)
    out.emit(
        lambda: sure_answer(found, known, out.lang, fresh),
        lambda: {
            **found.tables(),
            **({} if known is None else known.tables()),
            **({} if fresh is None else {"fresh": fresh.frame}),
        },
        lambda paper: assurance.page(paper, found, known, told, fresh),
        table,
    )
    return code_of([best.status])


@adsplit.command(
    examples="""
    adsplit commit b2b --lines streaming         streaming is booked up front, the rest adapts
    adsplit commit b2b --until 2027-03           the first quarter is bought before anything shows
    adsplit commit b2b --lines streaming --branches 6
    adsplit commit mine.yaml --spread 20% --lines tv
    adsplit commit b2b --lines streaming --table cells --csv    money by period and case
""",
    epilog="What is bought up front may stand in the scenario, too; see docs/guide/commit.md.",
)
@scenario_name
@changes
@committing
@solving
@fmt
@lang
@debug
def commit(table: str | None, **options: Any) -> int:
    """Say what to buy now, and what to leave until more shows."""
    import optimizer as opt
    from optimizer.analysis.answer import commit_answer
    from optimizer.analysis.committing import advise
    from optimizer.terminal import assurance, commitment

    how = {name: options.pop(name) for name in ("lines", "until", "branches")}
    doubt = {name: options.pop(name) for name in ("spread", "seed", "draws")}
    out, asked, search = Out.of(options), Asked.of(options), Search.of(options)
    plan = assurance.uncertain(asked.plan, **doubt)
    wanted = commitment.asked(plan, **how)
    with search:
        # What plans differ by is small beside what they bring.
        gap, limit = 0.01 * search.gap, search.time_limit
        progress = search.ticker.counted
        found = opt.commit(plan, wanted, gap=gap, time_limit=limit, progress=progress)
    told = advise(found, out.lang)
    out.emit(
        lambda: commit_answer(found, out.lang),
        found.tables,
        lambda paper: commitment.page(paper, found, told),
        table,
    )
    return code_of([found.adapts.status])


@adsplit.command(
    examples="""
    adsplit fit history.csv --map map.yaml                      curves, and a scenario beside
    adsplit fit history.xlsx --map map.yaml --scenario mine.yaml --plot fit.html
    adsplit fit history.csv --map map.yaml --json --force
""",
    epilog="The map says which column is what; docs/guide/history.md shows how.",
)
@click.argument("history", metavar="HISTORY")
@mapped
@fmt
@lang
@debug
def fit(history: str, **options: Any) -> int:
    """Fit curves and carry-over to past spend and outcomes."""
    from optimizer.terminal import fitting

    with fitting.one_thread():
        import optimizer as opt
        from optimizer.fitting.telling import fit_answer
        from optimizer.sources.fitted import need_free, write_fit

        map_, seed, force = (options.pop(name) for name in ("map", "seed", "force"))
        target, plot = fitting.targets(history, options.pop("scenario"), options.pop("plot"))
        out = Out.of(options)
        need_free(target, force=force)
        made = opt.fit(opt.load_history(history, map_), seed=seed)
    files = write_fit(made, target, force=force)
    written = dict(zip(("scenario", "draws"), map(str, files), strict=True))
    if plot is not None:
        written["plot"] = str(opt.write_fit_report(plot, made, out.lang))
    out.emit(
        lambda: fit_answer(made, out.lang, **written),
        lambda: {"lines": made.frame, "series": made.series, "draws": made.draws},
        lambda paper: fitting.page(paper, made),
    )
    for path in written.values():
        out.wrote(Path(path))
    return OK


@adsplit.command(
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


@adsplit.command(
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


@adsplit.command(
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


@adsplit.command(
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


@adsplit.command(
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


def main() -> None:
    """The console command."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # for developers; python -W shows them
    adsplit.main(prog_name="adsplit")


if __name__ == "__main__":
    main()
