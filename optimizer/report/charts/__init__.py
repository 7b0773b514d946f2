"""One pure function per figure: a result in, a Plotly figure out."""

from .allocation import change_bars, role_strip, today_and_recommended
from .ranges import brand_rule, budget_frontier
from .response import marginal_returns, response_curve
from .sensitivity import prices_of_rules, scenarios, tornado

__all__ = [
    "brand_rule",
    "budget_frontier",
    "change_bars",
    "marginal_returns",
    "prices_of_rules",
    "response_curve",
    "role_strip",
    "scenarios",
    "today_and_recommended",
    "tornado",
]
