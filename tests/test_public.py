"""``import optimizer``: every public name is there, has its words, and costs nothing until used."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import optimizer

SOURCE = Path(optimizer.__file__).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in optimizer.__all__ if name != "__version__"])
def test_every_public_name_is_there_and_documented(name: str) -> None:
    found = getattr(optimizer, name)
    assert inspect.getdoc(found)
    assert name in dir(optimizer)


def test_the_version_is_that_of_the_distribution() -> None:
    from importlib.metadata import version

    assert optimizer.__version__ == version("adsplit")


def test_the_names_that_types_see_are_those_that_run() -> None:
    """The imports under TYPE_CHECKING, the rooms and ``__all__`` say the same."""
    seen = {
        (alias.name, node.module)
        for node in ast.walk(ast.parse(SOURCE))
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
    }
    rooms = {(name, room) for name, room in optimizer._HOME.items()}
    assert seen == rooms
    assert sorted(optimizer.__all__) == sorted(["__version__", *optimizer._HOME])
    assert len(set(optimizer.__all__)) == len(optimizer.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'optimise'"):
        _ = optimizer.optimise  # type: ignore[attr-defined]


def test_the_import_is_light() -> None:
    code = (
        "import sys, optimizer; "
        "print([m for m in ('numpy', 'pandas', 'scipy', 'pydantic', 'pulp') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_example_of_the_docstring_works(tmp_path: Path) -> None:
    plan = optimizer.load("minimal")
    best = optimizer.optimize(plan)
    assert "Minimal example" in str(best)
    page = optimizer.write_report(
        tmp_path / "x.html", best, optimizer.split_sweep(plan, n=3), optimizer.tornado(plan)
    )
    assert page.exists()
