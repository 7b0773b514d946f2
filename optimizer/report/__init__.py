"""How an answer is shown: one HTML file that loads nothing, its charts, and short forms."""

from .markdown import summary
from .page import render, write_report
from .side_by_side import render_comparison, write_comparison

__all__ = ["render", "render_comparison", "summary", "write_comparison", "write_report"]
