"""Where a plan begins: a scenario from a template, judgement, history or a model; its review."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from optimizer.terminal.asked import Asked, Out, check_writable, print_text
from optimizer.terminal.commands import BAD_INPUT, OK, command, note
from optimizer.terminal.options import (
    changes,
    currency_code,
    debug,
    fmt,
    lang,
    mapped,
    money_text,
    option,
    scenario_name,
)

__all__ = ["check", "fit", "import_", "init"]


@command(
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


@command(
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


@command(
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


@command(
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
