"""What time brings: periods that are over, worlds that may come, money bought before they do."""

from __future__ import annotations

from typing import Any

import click

from optimizer.terminal.asked import Asked, Out, Search, code_of, read_text
from optimizer.terminal.commands import command
from optimizer.terminal.options import (
    changes,
    committing,
    debug,
    drawing,
    fmt,
    following,
    jobs,
    lang,
    resume,
    scenario_name,
    solving,
)

__all__ = ["commit", "sure", "track"]


@command(
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


@command(
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


@command(
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
