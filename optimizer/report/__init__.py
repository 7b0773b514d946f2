"""How an answer is shown: one HTML file that loads nothing, its charts, and short forms."""

from .markdown import summary
from .page import content, render, write_report
from .shell import assets, script_json
from .side_by_side import render_comparison, write_comparison

__all__ = [
    "assets",
    "content",
    "render",
    "render_comparison",
    "script_json",
    "summary",
    "write_comparison",
    "write_report",
]
