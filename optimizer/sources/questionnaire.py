"""The questions of :mod:`.judgement` as an Excel workbook: a template, and what was filled in."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optimizer.errors import Fault, PlanError, nearest
from optimizer.plan.units import parse_typed
from optimizer.writing import write_atomically

from .judgement import Answers, JudgedLine, Returns

__all__ = ["read_questionnaire", "write_questionnaire"]

PLAN: dict[str, tuple[str, str, Any]] = {
    "name": ("Title of the plan", "计划名称", "My plan"),
    "currency": ("Currency, three letters", "货币（三个字母）", "USD"),
    "budget": ("Budget of a month, a quarter or a year", "一个月、一季或一年的预算", ""),
    "value": ("Money per outcome", "每个成果的价值", 1),
    "business": ("b2b (brand 60), b2c (brand 40) or none", "b2b、b2c 或 none", "none"),
}  # fmt: skip
"""Field of the plan: its words in English and Chinese, and what stands there."""

LINES: dict[str, tuple[str, str]] = {
    "channel": ("Channel", "渠道"),
    "role": ("brand or traffic", "brand（品牌）或 traffic（流量）"),
    "spend": ("Spend today", "当前投入"),
    "today": ("Outcomes at that spend", "当前投入下的成果"),
    "none": ("… with no spend at all", "……完全不投入时"),
    "half_more": ("… with half as much again", "……投入增加一半时"),
    "saturation": ("… however much is spent", "……无论投入多少"),
    "average_return": ("Or: outcomes per unit of money", "或者：每单位投入的成果"),
    "elasticity": ("and: 1 % more money brings … % more", "以及：投入多 1%，成果多百分之几"),
    "minimum": ("Least spend", "最低投入"),
    "maximum": ("Most spend", "最高投入"),
}
"""Column of the lines: its words in English and Chinese."""

_FOUR, _TWO = ("today", "none", "half_more", "saturation"), ("average_return", "elasticity")
_BYTES, _UNPACKED, _ROWS = 5_000_000, 50_000_000, 2_000


def write_questionnaire(path: str | os.PathLike[str], lang: str = "en") -> None:
    """Write a workbook to fill in; below the titles of its columns stand the questions.

    Raises:
        OSError: the folder cannot be written to.
        ModuleNotFoundError: xlsxwriter is not installed.
    """
    import xlsxwriter

    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"in_memory": True})
    head = book.add_format({"bold": True, "bg_color": "#E8EEF4", "border": 1})
    words = book.add_format({"italic": True, "text_wrap": True, "valign": "top"})
    asked = book.add_format({"bg_color": "#FFF9E5", "border": 1})
    which = 1 if lang == "zh" else 0
    plan = book.add_worksheet("plan")
    plan.set_column(0, 0, 14)
    plan.set_column(1, 1, 24)
    plan.set_column(2, 2, 60)
    for row, (key, texts) in enumerate(PLAN.items()):
        plan.write(row, 0, key, head)
        plan.write(row, 1, texts[2], asked)
        plan.write(row, 2, texts[which], words)
    lines = book.add_worksheet("lines")
    lines.set_column(0, len(LINES), 16)
    lines.set_row(1, 48)
    lines.freeze_panes(2, 2)
    for column, (key, both) in enumerate(LINES.items()):
        lines.write(0, column, key, head)
        lines.write(1, column, both[which], words)
        for row in range(2, 22):
            lines.write_blank(row, column, None, asked)
    _checks(lines, book, which)
    book.close()
    write_atomically(Path(path), stream.getvalue())


def _checks(lines: Any, book: Any, which: int) -> None:
    """A column that says at once where answers contradict each other."""
    told = ("more money brings less", "多投入反而少成果")[which]
    column = len(LINES)
    lines.write(1, column, ("Check", "检查")[which], book.add_format({"italic": True}))
    lines.data_validation(2, 1, 21, 1, {"validate": "list", "source": ["brand", "traffic"]})
    for row in range(3, 23):
        lines.write_formula(
            row - 1, column,
            f'=IF(COUNT(D{row},F{row},G{row})<3,"",'
            f'IF(OR(N(E{row})>=D{row},D{row}>F{row},F{row}>G{row}),"{told}","ok"))',
            None, "",
        )  # fmt: skip


def read_questionnaire(
    path: str | os.PathLike[str],
) -> tuple[dict[str, Any], list[JudgedLine]]:
    """The plan without its lines, and the lines with their answers.

    Raises:
        PlanError: with every fault at once, each with its sheet and cell.
        ModuleNotFoundError: openpyxl is not installed.
    """
    sheets = _sheets(Path(path))
    missing = [name for name in ("plan", "lines") if name not in sheets]
    where = str(path)
    if missing:
        advice = f"Begin with adsplit init --excel. Found: {', '.join(sheets)[:80]}"
        raise PlanError([Fault(name, "there is no such sheet", advice, where) for name in missing])
    reader = _Reader(where)
    plan = reader.plan(sheets["plan"])
    lines = list(reader.lines(sheets["lines"]))
    if not lines and not reader.faults:
        reader.tell("lines!A3", "no line is filled in", "Give a channel and its answers")
    if reader.faults:
        raise PlanError(reader.faults)
    return plan, lines


def _sheets(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of a workbook's sheets, formulas as their last values; bounded."""
    import openpyxl  # type: ignore[import-untyped]

    where = str(path)
    try:
        size = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(item.file_size for item in archive.infolist())
        if size > _BYTES or unpacked > _UNPACKED:
            words = f"is larger than {_BYTES // 1_000_000} MB, or {_UNPACKED // 1_000_000} unpacked"
            raise PlanError(Fault("", words, "Fill in what adsplit init --excel wrote", where))
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        found = {}
        for sheet in book.worksheets:
            limits = {"max_row": _ROWS, "max_col": len(LINES) + 2, "values_only": True}
            found[str(sheet.title)] = list(sheet.iter_rows(**limits))
        book.close()
    except OSError as error:
        words = error.strerror or "it is no workbook"
        fault = Fault("", f"cannot be read: {words}", "Give a file that exists", where)
        raise PlanError(fault) from None
    except PlanError:
        raise
    except Exception:  # noqa: BLE001 - what openpyxl says of damaged files is of many kinds
        words = "is no Excel workbook that can be read"
        raise PlanError(Fault("", words, "Save it anew", where)) from None
    return found


@dataclass
class _Reader:
    """Reads rows and gathers what is wrong, by cell."""

    where: str
    faults: list[Fault] = field(default_factory=list)

    def tell(self, cell: str, problem: str, advice: str = "") -> None:
        self.faults.append(Fault(cell, problem, advice, self.where))

    def plan(self, rows: list[tuple[Any, ...]]) -> dict[str, Any]:
        """The fields of the plan."""
        found: dict[str, Any] = {}
        for number, row in enumerate(rows, start=1):
            key, value = (*row, None, None)[:2]
            if _empty(key):
                continue
            if key not in PLAN:
                self.tell(f"plan!A{number}", f"{key!r:.40} is not known", nearest(str(key), PLAN))
            elif not _empty(value) and key in {"budget", "value"}:
                found[key] = self.number(f"plan!B{number}", value)
            elif not _empty(value):
                found[str(key)] = str(value) if key in {"name", "currency"} else value
        if "budget" not in found:
            self.tell("plan!B3", "the budget is missing", "Give what a period may cost")
        return found

    def lines(self, rows: list[tuple[Any, ...]]) -> Iterator[JudgedLine]:
        """The lines that are filled in; the second row holds the questions."""
        titles = [str(title) for title in (rows[0] if rows else ()) if not _empty(title)]
        for key in ("channel", "spend"):
            if key not in titles:
                self.tell("lines!1", f"there is no column {key}", nearest(key, titles))
        if self.faults:
            return
        for number, row in enumerate(rows[2:], start=3):
            cells = {
                title: (f"lines!{_letter(place)}{number}", value)
                for place, (title, value) in enumerate(zip(titles, row, strict=False))
                if title in LINES and not _empty(value)
            }
            if cells:
                made = self.line(cells, number)
                if made is not None:
                    yield made

    def line(self, cells: Mapping[str, tuple[str, Any]], number: int) -> JudgedLine | None:
        """One line; None, and faults, where it is not whole."""
        before = len(self.faults)
        channel, role = (str(cells.get(key, ("", ""))[1]).strip() for key in ("channel", "role"))
        if not channel or "." in channel:
            self.tell(f"lines!A{number}", "gives no channel", "Give a name without a dot")
        if role and role not in {"brand", "traffic"}:
            self.tell(cells["role"][0], f"{role!r:.40} is no role", "Give brand or traffic")
        money = {key: self.number(*cell) for key, cell in cells.items()
                 if key not in {"channel", "role"}}  # fmt: skip
        four, two = [k for k in _FOUR if k in money], [k for k in _TWO if k in money]
        wanted = _TWO if two and not four else ("today", "half_more", "saturation")
        for key in ("spend", *wanted):
            if key not in money:
                place = f"lines!{_letter(list(LINES).index(key))}{number}"
                self.tell(place, f"{key} is missing", "Give a number")
        if two and four:
            self.tell(f"lines!A{number}", "answers both ways", "Answer the four questions, or two")
        if len(self.faults) > before:
            return None
        limits = {key: money[key] for key in ("minimum", "maximum") if key in money}
        kind = Returns if wanted is _TWO else Answers
        given = {key: money[key] for key in ("spend", *_FOUR, *_TWO) if key in money}
        try:
            answers = kind(**given)
            return JudgedLine(f"{channel}.{role}" if role else channel, answers, **limits)
        except PlanError as error:
            for fault in error.faults:
                place = cells.get(fault.path, (f"lines!A{number}", None))[0]
                self.tell(place, f"{fault.path} {fault.problem}", fault.advice)
            return None

    def number(self, cell: str, value: Any) -> float:
        """A cell as a number; 1, and a fault, where it is none."""
        try:
            return parse_typed(value)
        except ValueError as error:
            self.tell(cell, str(error), "Give a number")
            return 1.0


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _letter(place: int) -> str:
    """The letter of a column; all of them are among the first 26."""
    return chr(ord("A") + min(place, 25))
