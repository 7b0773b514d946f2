"""Whether everything adsplit needs is there and works: versions, solver, language, fonts."""

from __future__ import annotations

import locale
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

from optimizer.errors import AdsplitError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Check", "Diagnosis", "diagnose"]

_NEEDED = (
    "numpy",
    "scipy",
    "pandas",
    "pulp",
    "highspy",
    "click",
    "rich",
    "pydantic",
    "ruamel.yaml",
    "plotly",
    "jinja2",
    "babel",
    "joblib",
)
_OPTIONAL = {
    "xlsxwriter": ("excel", "Excel files"),
    "openpyxl": ("excel", "Excel files"),
    "kaleido": ("images", "charts as pictures"),
    "waitress": ("studio", "the studio"),
    "werkzeug": ("studio", "the studio"),
}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    what: str
    found: str
    ok: bool = True
    advice: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """All that was looked at."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether everything that is needed works."""
        return all(check.ok for check in self.checks)

    @property
    def records(self) -> list[dict[str, Any]]:
        """The checks as plain data."""
        return [vars(check) for check in self.checks]

    def tables(self) -> dict[str, pd.DataFrame]:
        """The checks as a table."""
        import pandas as pd

        return {"doctor": pd.DataFrame(self.records)}


def diagnose() -> Diagnosis:
    """Look at everything; a fault in one thing does not hide the others."""
    return Diagnosis(tuple(_checks()))


def _checks() -> Iterator[Check]:
    yield _version("adsplit")
    new_enough = sys.version_info >= (3, 11)
    advice = "" if new_enough else "Python 3.11 or newer is needed"
    yield Check("python", f"{platform.python_version()} ({sys.executable})", new_enough, advice)
    yield Check("system", platform.platform())
    yield _solver()
    for name in _NEEDED:
        yield _version(name)
    for name, (extra, what) in _OPTIONAL.items():
        yield _version(name, extra, what)
    yield _scenarios()
    yield from _terminal()
    yield _fonts()


def _version(name: str, extra: str = "", what: str = "") -> Check:
    try:
        return Check(name, metadata.version(name))
    except metadata.PackageNotFoundError:
        if extra:
            return Check(
                name,
                "not installed (optional)",
                True,
                f"For {what}: pip install 'adsplit[{extra}]'",
            )
        return Check(name, "not installed", False, f"pip install {name}")


def _solver() -> Check:
    """A tiny plan with an S-curve and a switch, which needs every part of the solvers."""
    started = time.perf_counter()
    try:
        from optimizer.plan.curves import Hill, Log
        from optimizer.plan.objectives import Outcomes
        from optimizer.plan.plan import Line, Plan
        from optimizer.solving import optimize

        plan = Plan(
            "doctor",
            (
                Line("search", Log(10.0, 5.0)),
                Line("social", Hill(30.0, 40.0, 2.0), minimum_if_active=20.0),
            ),
            budget=100.0,
            objective=Outcomes(),
        )
        best = optimize(plan)
        ok = best.status == "optimal" and abs(best.spent - 100.0) < 1e-6
        found = f"{best.status} by {best.solver} in {time.perf_counter() - started:.2f} s"
        return Check("solver", found, ok, "" if ok else "Please report this")
    except (AdsplitError, ImportError, OSError, ValueError, RuntimeError) as error:
        return Check("solver", f"{type(error).__name__}: {error}", False, "Reinstall adsplit")


def _scenarios() -> Check:
    from optimizer.sources.scenario import builtin_names

    names = builtin_names()
    advice = "" if names else "Reinstall adsplit"
    return Check("scenarios", ", ".join(names) or "none", bool(names), advice)


def _terminal() -> Iterator[Check]:
    encoding = getattr(sys.stdout, "encoding", None) or "unknown"
    utf8 = encoding.lower().replace("-", "") in {"utf8", "cp65001", "gb18030"}
    advice = "" if utf8 else "Chinese may not be shown; set PYTHONUTF8=1"
    yield Check("encoding", encoding, True, advice)
    language = os.environ.get("LC_ALL") or os.environ.get("LANG") or ""
    yield Check("language", language or locale.getlocale()[0] or "not set")
    size = shutil.get_terminal_size()
    kind = os.environ.get("TERM", "")
    is_terminal = sys.stdout.isatty()
    where = f"{size.columns} columns {kind}".strip() if is_terminal else "not a terminal"
    colour = "off (NO_COLOR)" if os.environ.get("NO_COLOR") else "on" if is_terminal else "off"
    yield Check("terminal", f"{where}, colour {colour}")


def _fonts() -> Check:
    """Reports are shown by a browser with the system's fonts; Chinese ones need a Chinese font."""
    if sys.platform in {"win32", "darwin"}:
        return Check("chinese font", "part of the system")
    program = shutil.which("fc-list")
    if program is None:
        return Check("chinese font", "unknown (no fc-list)")
    try:
        listed = subprocess.run(  # noqa: S603 - a fixed command
            [program, ":lang=zh", "family"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return Check("chinese font", "unknown")
    families = sorted({line.split(",")[0] for line in listed.stdout.splitlines() if line})
    if not families:
        return Check("chinese font", "none", True, "For Chinese reports: install Noto Sans CJK")
    return Check("chinese font", families[0])
