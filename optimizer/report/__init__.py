"""How an answer is shown: one HTML file that loads nothing."""

from .page import render, write_report

__all__ = ["render", "write_report"]
