"""One pure function per figure: a result in, a Plotly figure out."""

from .ahead import bought_ahead
from .allocation import change_bars, role_strip, today_and_recommended
from .assurance import gain_bars, gains, spans, tests
from .explorer import explored_bars
from .over_time import delivery, goodwill, horizon, money_by_period, stage_by_period
from .ranges import brand_rule, budget_frontier
from .response import marginal_returns, response_curve
from .risk import risk_frontier
from .sensitivity import prices_of_rules, scenarios, tornado
from .side import plans_side_by_side

__all__ = [
    "bought_ahead",
    "brand_rule",
    "budget_frontier",
    "change_bars",
    "delivery",
    "explored_bars",
    "gain_bars",
    "gains",
    "goodwill",
    "horizon",
    "marginal_returns",
    "money_by_period",
    "plans_side_by_side",
    "prices_of_rules",
    "response_curve",
    "risk_frontier",
    "role_strip",
    "scenarios",
    "spans",
    "stage_by_period",
    "tests",
    "today_and_recommended",
    "tornado",
]
