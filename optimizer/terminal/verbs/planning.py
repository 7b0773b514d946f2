"""The best plan, and how it moves when what is stated moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from optimizer.terminal.asked import Asked, Out, Search, code_of
from optimizer.terminal.commands import OK, STOPPED, command
from optimizer.terminal.line_items import (
    is_table,
    optimize_table,
    refuse_table_options,
    table_options,
)
from optimizer.terminal.options import (
    changes,
    compare_changes,
    complete,
    debug,
    fmt,
    jobs,
    lang,
    option,
    prices,
    reach,
    resume,
    scenario_name,
    share,
    solving,
    table,
)

if TYPE_CHECKING:
    from optimizer.terminal.paper import Paper

__all__ = ["compare", "optimize", "sensitivity", "sweep"]


@command(
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


@command(
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
    from optimizer.terminal import analyses
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
        lambda paper: analyses.comparison(paper, result, plans),
    )
    if page is not None:
        out.wrote(page)
    return code_of(result.frame["status"])


@command(
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
    from optimizer.terminal import analyses
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
            lambda paper: analyses.grid(paper, frame, list(axes), asked.plan),
        )
        return code_of(frame["status"])
    if path == HORIZON:
        steps = [int(value) for value in values] or None
        with search:
            found = opt.horizon_sweep(asked.plan, steps, **how)
        out.emit(
            lambda: horizon_answer(found, out.lang),
            lambda: {"horizons": found.frame},
            lambda paper: analyses.horizons(paper, found),
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
        lambda paper: analyses.sweep(paper, result),
    )
    return code_of(result.frame["status"])


@command(
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
    from optimizer.terminal import analyses

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
            analyses.prices(paper, prices, best)
        if swings is not None:
            analyses.tornado(paper, swings, spread, top)

    out.emit(lambda: sensitivity_answer(best, spread, tables), lambda: tables, show)
    return code_of([best.status])
