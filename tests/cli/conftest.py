"""Ways to run the command line: in this process, and as a program of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli import adsplit

ROOT = Path(__file__).parents[2]

Run = Callable[..., Result]
Program = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in this process, in English."""
    for name in ("ADSPLIT_LANG", "ADSPLIT_DEBUG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)

    def run(*args: object, **kwargs: Any) -> Result:
        return CliRunner().invoke(
            adsplit, [str(arg) for arg in args], prog_name="adsplit", **kwargs
        )

    return run


@pytest.fixture
def run_json(run: Run) -> Callable[..., Any]:
    """Run a command with ``--json`` and read what it prints, which must be all there is."""

    def run_json(*args: object, code: int = 0, **kwargs: Any) -> Any:
        result = run(*args, "--json", **kwargs)
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    return run_json


def environment(**extra: str) -> dict[str, str]:
    """A clean environment for a program."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR") if key in os.environ}
    return {**kept, "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT), **extra}


@pytest.fixture
def program() -> Program:
    """Run the command line as a program of its own."""

    def program(
        *args: object, env: dict[str, str] | None = None, **kwargs: Any
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cli", *map(str, args)],
            env=environment(**(env or {})),
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
            **kwargs,
        )

    return program


SMALL = """\
name: Small
budget: 1_000
value: 10
currency: EUR
objective: revenue
channels:
  search: {curve: {kind: log, scale: 50, unit: 100}, current: 300, maximum: 900}
  social: {curve: {kind: power, scale: 3, exponent: 0.5}, current: 700, maximum: 800}
what_ifs:
  less: {budget: 500}
  none: {channels.search.maximum: 0, channels.social.maximum: 0}
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A scenario file of two lines that solves in no time."""
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path


IMPOSSIBLE = """\
name: Impossible
budget: 100
value: 1
channels:
  a: {curve: {kind: linear, rate: 2}, minimum: 60}
  b: {curve: {kind: linear, rate: 2}, minimum: 60}
"""


@pytest.fixture
def impossible(tmp_path: Path) -> Path:
    """A scenario file whose rules cannot all be kept."""
    path = tmp_path / "impossible.yaml"
    path.write_text(IMPOSSIBLE, encoding="utf-8")
    return path
