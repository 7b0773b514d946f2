"""Splits a marketing budget between channels, brand and traffic - with a proof.

    import optimizer as opt

    plan = opt.load("b2b")  # a built-in, or a path
    best = opt.optimize(plan)
    print(best)
    opt.write_report("b2b.html", best, opt.split_sweep(plan), opt.tornado(plan))

Names are imported when they are first used, so that ``import optimizer`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.metadata import version

    from .allocation import Allocation, evaluate
    from .analysis.answer import answer
    from .analysis.batches import workers_of
    from .analysis.breakdown import breakdown
    from .analysis.certainty import Certainty, certainty, with_spread
    from .analysis.commitment import Committed, commit
    from .analysis.comparison import Comparison, compare
    from .analysis.explanation import Explanation, explain
    from .analysis.explorer import Explorer, explore
    from .analysis.fresh import Fresh, out_of_sample
    from .analysis.frontier import Frontier, frontier
    from .analysis.goal import reaching
    from .analysis.horizon import Horizons, horizon_sweep
    from .analysis.information import Information, information
    from .analysis.overview import overview
    from .analysis.prices import Prices, rule_prices
    from .analysis.sweep import Sweep, budget_sweep, split_sweep, sweep, sweep2
    from .analysis.tornado import Tornado, tornado
    from .analysis.tracking import Tracking, track
    from .analysis.variations import Failed, solve_all
    from .errors import (
        AdsplitError,
        CalibrationError,
        Infeasible,
        NoBrowser,
        NoSolver,
        PlanError,
        ScenarioError,
        SolveError,
        SolverFailed,
        SourceError,
        Unbounded,
        UnknownName,
    )
    from .fitting.calibration import Fit, fit
    from .fitting.history import History
    from .fitting.lifts import sharpen
    from .fitting.mapping import HistoryMap, LiftTest, MappedLine
    from .plan.actuals import Actuals
    from .plan.carryover import Delayed, Geometric, Goodwill, Lift, Weibull, Weights
    from .plan.commitment import Commitment
    from .plan.constraints import (
        ActiveLines,
        Changes,
        CostCap,
        Flights,
        Pacing,
        Ratio,
        Share,
        Spend,
        SpendAll,
        Split,
        Target,
        Weighted,
    )
    from .plan.curves import (
        Elasticity,
        Exponential,
        Hill,
        Linear,
        Log,
        Logistic,
        Points,
        Power,
    )
    from .plan.document import replace_at, to_document
    from .plan.funnel import Funnel, Renewal
    from .plan.objectives import LowestSpend, Outcomes, Profit, Revenue
    from .plan.periods import Periods
    from .plan.plan import Line, Origin, Plan
    from .plan.risk import Chance, CVaR, Expected, Regret, WorstCase
    from .plan.schema import json_schema
    from .plan.uncertainty import Factor, Range, State, Uncertainty
    from .report import (
        render,
        render_comparison,
        summary,
        write_comparison,
        write_report,
    )
    from .report.fitting import write_fit_report
    from .report.pictures import Picture, chart, charts
    from .solvers.attitudes import Hedge
    from .solving import optimize
    from .sources.actuals import load_actuals
    from .sources.fitted import write_fit
    from .sources.history import load_history
    from .sources.judgement import Answers, Judged, Returns, judge
    from .sources.models.importing import Imported, import_model
    from .sources.scenario import check_scenario, dumps, load, loads, write
    from .sources.table import load_table
    from .sources.upload import upload
    from .uploads.mapping import Campaign, UploadMap
    from .uploads.upload import Upload
    from .worlds import Worlds

    __version__ = version("adsplit")

# Where every public name lives, in reading order.
_ROOMS: dict[str, tuple[str, ...]] = {
    "sources.scenario": ("load", "loads", "check_scenario", "dumps", "write"),
    "sources.table": ("load_table",),
    "sources.actuals": ("load_actuals",),
    "sources.judgement": ("judge", "Answers", "Returns", "Judged"),
    "sources.models.importing": ("import_model", "Imported"),
    "sources.history": ("load_history",),
    "sources.fitted": ("write_fit",),
    "sources.upload": ("upload",),
    "uploads.mapping": ("UploadMap", "Campaign"),
    "uploads.upload": ("Upload",),
    "fitting.mapping": ("HistoryMap", "MappedLine", "LiftTest"),
    "fitting.history": ("History",),
    "fitting.calibration": ("fit", "Fit"),
    "fitting.lifts": ("sharpen",),
    "plan.plan": ("Plan", "Line", "Origin"),
    "plan.curves": (
        "Linear",
        "Log",
        "Power",
        "Exponential",
        "Hill",
        "Logistic",
        "Elasticity",
        "Points",
    ),
    "plan.funnel": ("Funnel", "Renewal"),
    "plan.periods": ("Periods",),
    "plan.carryover": ("Geometric", "Delayed", "Weibull", "Weights", "Goodwill", "Lift"),
    "plan.actuals": ("Actuals",),
    "plan.objectives": ("Profit", "Revenue", "Outcomes", "LowestSpend"),
    "plan.constraints": (
        "Split",
        "Spend",
        "Share",
        "Ratio",
        "Weighted",
        "Target",
        "CostCap",
        "Pacing",
        "Flights",
        "ActiveLines",
        "Changes",
        "SpendAll",
    ),
    "plan.uncertainty": ("Uncertainty", "Range", "Factor", "State"),
    "plan.commitment": ("Commitment",),
    "plan.risk": ("Expected", "CVaR", "Chance", "WorstCase", "Regret"),
    "worlds": ("Worlds",),
    "plan.document": ("replace_at", "to_document"),
    "plan.schema": ("json_schema",),
    "solving": ("optimize",),
    "allocation": ("evaluate", "Allocation"),
    "analysis.goal": ("reaching",),
    "analysis.prices": ("rule_prices", "Prices"),
    "analysis.sweep": ("sweep", "budget_sweep", "split_sweep", "sweep2", "Sweep"),
    "analysis.fresh": ("out_of_sample", "Fresh"),
    "analysis.frontier": ("frontier", "Frontier"),
    "solvers.attitudes": ("Hedge",),
    "analysis.commitment": ("commit", "Committed"),
    "analysis.explorer": ("explore", "Explorer"),
    "analysis.horizon": ("horizon_sweep", "Horizons"),
    "analysis.tornado": ("tornado", "Tornado"),
    "analysis.tracking": ("track", "Tracking"),
    "analysis.variations": ("solve_all", "Failed"),
    "analysis.batches": ("workers_of",),
    "analysis.certainty": ("certainty", "Certainty", "with_spread"),
    "analysis.information": ("information", "Information"),
    "analysis.comparison": ("compare", "Comparison"),
    "analysis.explanation": ("explain", "Explanation"),
    "analysis.answer": ("answer",),
    "analysis.breakdown": ("breakdown",),
    "analysis.overview": ("overview",),
    "report": (
        "write_report",
        "render",
        "write_comparison",
        "render_comparison",
        "summary",
    ),
    "report.pictures": ("chart", "charts", "Picture"),
    "report.fitting": ("write_fit_report",),
    "errors": (
        "AdsplitError",
        "PlanError",
        "ScenarioError",
        "UnknownName",
        "SourceError",
        "CalibrationError",
        "SolveError",
        "Infeasible",
        "Unbounded",
        "NoSolver",
        "NoBrowser",
        "SolverFailed",
    ),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "ActiveLines",
    "Actuals",
    "AdsplitError",
    "Allocation",
    "Answers",
    "CVaR",
    "CalibrationError",
    "Campaign",
    "Certainty",
    "Chance",
    "Changes",
    "Commitment",
    "Committed",
    "Comparison",
    "CostCap",
    "Delayed",
    "Elasticity",
    "Expected",
    "Explanation",
    "Explorer",
    "Exponential",
    "Factor",
    "Failed",
    "Fit",
    "Flights",
    "Fresh",
    "Frontier",
    "Funnel",
    "Geometric",
    "Goodwill",
    "Hedge",
    "Hill",
    "History",
    "HistoryMap",
    "Horizons",
    "Imported",
    "Infeasible",
    "Information",
    "Judged",
    "Lift",
    "LiftTest",
    "Line",
    "Linear",
    "Log",
    "Logistic",
    "LowestSpend",
    "MappedLine",
    "NoBrowser",
    "NoSolver",
    "Origin",
    "Outcomes",
    "Pacing",
    "Periods",
    "Picture",
    "Plan",
    "PlanError",
    "Points",
    "Power",
    "Prices",
    "Profit",
    "Range",
    "Ratio",
    "Regret",
    "Renewal",
    "Returns",
    "Revenue",
    "ScenarioError",
    "Share",
    "SolveError",
    "SolverFailed",
    "SourceError",
    "Spend",
    "SpendAll",
    "Split",
    "State",
    "Sweep",
    "Target",
    "Tornado",
    "Tracking",
    "Unbounded",
    "Uncertainty",
    "UnknownName",
    "Upload",
    "UploadMap",
    "Weibull",
    "Weighted",
    "Weights",
    "Worlds",
    "WorstCase",
    "__version__",
    "answer",
    "breakdown",
    "budget_sweep",
    "certainty",
    "chart",
    "charts",
    "check_scenario",
    "commit",
    "compare",
    "dumps",
    "evaluate",
    "explain",
    "explore",
    "fit",
    "frontier",
    "horizon_sweep",
    "import_model",
    "information",
    "json_schema",
    "judge",
    "load",
    "load_actuals",
    "load_history",
    "load_table",
    "loads",
    "optimize",
    "out_of_sample",
    "overview",
    "reaching",
    "render",
    "render_comparison",
    "replace_at",
    "rule_prices",
    "sharpen",
    "solve_all",
    "split_sweep",
    "summary",
    "sweep",
    "sweep2",
    "to_document",
    "tornado",
    "track",
    "upload",
    "with_spread",
    "workers_of",
    "write",
    "write_comparison",
    "write_fit",
    "write_fit_report",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name == "__version__":
        from importlib.metadata import version

        found: Any = version("adsplit")
    elif name in _HOME:
        room = import_module(f"{__name__}.{_HOME[name]}")
        found = getattr(room, name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """Every public name, imported or not."""
    return sorted({*globals(), *__all__})
