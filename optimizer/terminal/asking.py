"""Asking for judgement on a terminal: a plan, its lines, four questions each, or two."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from .commands import note
from .options import currency_code, money_text
from .phrases import phrase

__all__ = ["judged", "judged_workbook", "write_scenario", "write_workbook"]

# What ends an answer that is a multiple of the spend.
_TIMES = ("x", "X", "×")


def write_workbook(path: Path, lang: str, *, force: bool) -> None:
    """Write the questions as a workbook to fill in."""
    from optimizer.sources.questionnaire import write_questionnaire

    if path.suffix.lower() != ".xlsx":
        raise click.BadParameter(f"{path} must end in .xlsx", param_hint="--excel")
    if path.exists() and not force:
        raise click.UsageError(
            f"{path} is there already: name a DIRECTORY to make a scenario of it, or add --force"
        )
    write_questionnaire(path, lang)
    note(phrase("wrote", lang, path=path))
    note(phrase("next_commands", lang))
    note(f"  adsplit init {_typed(path.with_suffix(''))} --excel {_typed(path)}")


def judged_workbook(path: Path, lang: str) -> str:
    """The scenario of a workbook that was filled in; answers that contradict others are told."""
    from optimizer.sources.judgement import judge, judged_scenario
    from optimizer.sources.questionnaire import read_questionnaire

    plan, lines = read_questionnaire(path)
    for item in lines:
        found = judge(item.answers)
        for fault in found.contradictions:
            note(f"{item.line}: {phrase('ask_contradiction', lang)} {fault}")
            note(f"  {phrase('ask_implied', lang)} {found.says}")
    return judged_scenario({"objective": "revenue", **plan}, lines, f"Judgement, {path.name}")


def judged(lang: str) -> str:
    """The scenario of what somebody answers on the terminal."""
    from optimizer.sources.judgement import judged_scenario

    plan, lines = _asked(lang)
    return judged_scenario(plan, lines, "Judgement")


def _typed(path: Path) -> str:
    """A path as it is typed on a command line."""
    return shlex.quote(str(path))


def write_scenario(path: Path, text: str, lang: str) -> None:
    """Write a scenario in a directory that may be new, and say what to do next."""
    from optimizer.writing import write_atomically

    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text.encode())
    note(phrase("wrote", lang, path=path))
    note(phrase("next_commands", lang))
    compared = ("compare",) if "\nwhat_ifs:" in text else ()
    for command in ("check", "optimize", *compared, "report"):
        tail = f" -o {_typed(path.parent / 'plan.html')}" if command == "report" else ""
        note(f"  adsplit {command} {_typed(path)}{tail}")


def _asked(lang: str) -> tuple[dict[str, Any], list[Any]]:
    """A plan without its lines, and the lines with their answers, as somebody types them.

    An answer that contradicts another is told with the curve it would imply, and may be given anew.
    """
    from optimizer.plan.units import parse_money

    def ask(key: str, default: str | None = None, **kwargs: Any) -> str:
        return str(click.prompt(phrase(key, lang), default=default, err=True, **kwargs))

    plan: dict[str, Any] = {"name": ask("ask_title", "My plan")}
    plan["business"] = ask("ask_business", "none", type=click.Choice(["b2b", "b2c", "none"]))
    plan["currency"] = ask("ask_currency", "USD", value_proc=currency_code)
    plan["budget"] = parse_money(ask("ask_budget", value_proc=money_text))
    plan["value"] = parse_money(ask("ask_value", "1", value_proc=money_text))
    plan["objective"] = "revenue"
    note(phrase("ask_one_period", lang))
    lines: list[Any] = []
    while True:
        name = ask("ask_line", "").strip()
        if not name:
            if lines:
                return plan, lines
            note(phrase("ask_one_line", lang))
            continue
        words = name.split(".")
        known = {item.line for item in lines}
        if len(words) > 2 or not all(words) or name in known:
            note(phrase("ask_no_line", lang, name=name))
            continue
        lines.append(_line(name, lang))


def _line(name: str, lang: str) -> Any:
    """A line and its answers, once they are meant as they are."""
    from optimizer.errors import PlanError
    from optimizer.sources.judgement import JudgedLine, judge

    while True:
        try:
            found = judge(answers := _answers(lang))
        except PlanError as error:
            for fault in error.faults:
                note(f"  {fault}")
            continue
        for fault in found.contradictions:
            note(f"  {phrase('ask_contradiction', lang)} {fault}")
        note(f"  {phrase('ask_implied', lang)} {found.says}")
        if not found.contradictions or click.confirm(
            phrase("ask_keep", lang), default=False, err=True
        ):
            return JudgedLine(name, answers)


def _answers(lang: str) -> Any:
    """Four answers; or two, where what today's spend brings is told as a multiple of it.

    Raises:
        PlanError: an answer is out of its range.
    """
    from optimizer.plan.units import parse_money
    from optimizer.sources.judgement import Answers, Returns

    def ask(key: str, default: str | None = None, proc: Callable[[str], str] = money_text) -> str:
        return str(click.prompt(phrase(key, lang), default=default, err=True, value_proc=proc))

    spend, today = parse_money(ask("ask_spend")), ask("ask_today", proc=_outcomes_text)
    if today.endswith(_TIMES):
        elasticity = ask("ask_elasticity")
        return Returns(spend, parse_money(today[:-1]), parse_money(elasticity))
    none, more = parse_money(ask("ask_none", "0")), parse_money(ask("ask_half_more"))
    most = parse_money(ask("ask_saturation"))
    return Answers(spend, parse_money(today), more, most, none)


def _outcomes_text(text: str) -> str:
    """Outcomes, or a multiple of the spend such as ``2.5x``, refused where they cannot be read."""
    text = text.strip()
    money_text(text[:-1] if text.endswith(_TIMES) else text)
    return text
