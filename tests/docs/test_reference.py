"""The reference pages follow from the code, and the pages written by hand name all there is."""

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import optimizer as opt
from cli import adsplit
from optimizer.analysis.answer import answer_schema
from optimizer.plan.constraints import CONSTRAINTS
from optimizer.plan.curves import CURVES
from optimizer.plan.objectives import OBJECTIVES

DOCS = Path(__file__).parents[2] / "docs"


def _generate():
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["docs_generate"] = module
    spec.loader.exec_module(module)
    return module


GENERATE = _generate()


@pytest.mark.parametrize("path", list(GENERATE.PAGES), ids=lambda path: path.name)
def test_generated_pages_are_up_to_date(path):
    again = "run: .venv/bin/python docs/generate.py"
    assert path.read_text(encoding="utf-8") == GENERATE.PAGES[path](), again


@pytest.mark.parametrize("error", GENERATE.exceptions(), ids=lambda error: error.__name__)
def test_every_error_is_in_the_tree_and_in_the_table(error):
    text = (DOCS / "reference" / "errors.md").read_text(encoding="utf-8")
    tree = re.search(r"```text\n(.*?)```", text, re.S).group(1)
    assert re.search(rf"\b{error.__name__}\b", tree)
    assert f"| `{error.__name__}` | `{error.__bases__[0].__name__}` |" in text


MATHEMATICS = (DOCS / "mathematics.md").read_text(encoding="utf-8")


def _section(title):
    match = re.search(rf"^## {title}.*?(?=^## |\Z)", MATHEMATICS, re.M | re.S)
    assert match, title
    return match.group(0)


@pytest.mark.parametrize("curve", CURVES, ids=GENERATE.kind_of)
def test_every_curve_has_a_row_on_the_maths_page(curve):
    (row,) = re.findall(rf"^\| `{GENERATE.kind_of(curve)}` \|(.*)\|$", _section("2"), re.M)
    cells = [cell.strip() for cell in row.split("|")]
    assert len(cells) == 4
    assert all(cells), "formula, slope, shape and inflection"


@pytest.mark.parametrize("rule", CONSTRAINTS, ids=GENERATE.kind_of)
def test_every_constraint_has_its_rows_on_the_maths_page(rule):
    assert re.search(rf"^\| `{GENERATE.kind_of(rule)}` \|", _section("4"), re.M)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=GENERATE.kind_of)
def test_every_objective_is_on_the_maths_page(objective):
    assert re.search(rf"^\| `{GENERATE.kind_of(objective)}` \|", _section("3"), re.M)


def test_formulas_are_numbered_without_gaps():
    numbers = [int(number) for number in re.findall(r"^.*\s\((\d+)\)$", MATHEMATICS, re.M)]
    assert numbers == list(range(1, len(numbers) + 1))
    cited = {int(number) for number in re.findall(r"(?<=[ (])\((\d+)\)(?!$)", MATHEMATICS)}
    assert cited <= set(numbers)


def _keys(schema, path=""):
    """Every key of a JSON Schema, as ``a.b`` and ``a[].b``."""
    for part in [schema, *schema.get("anyOf", ())]:
        for key, item in part.get("properties", {}).items():
            here = f"{path}.{key}" if path else key
            yield here
            yield from _keys(item, here)
        if "items" in part:
            yield from _keys(part["items"], f"{path}[]")


def test_every_key_of_an_answer_is_on_the_json_page():
    text = (DOCS / "reference" / "json.md").read_text(encoding="utf-8")
    section = re.search(r"^## The answer.*?(?=^## |\Z)", text, re.M | re.S).group(0)
    assert set(_keys(answer_schema())) == set(re.findall(r"^\| `([^`]+)` \|", section, re.M))


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("check", ["minimal"]),
        ("compare", ["minimal", "--what-if", "cut_20"]),
        ("sweep", ["minimal", "budget=1M:1.2M:2"]),
        ("sensitivity", ["minimal"]),
        ("scenarios", []),
        ("scenarios NAME", ["minimal"]),
        ("doctor", []),
    ],
)
def test_keys_of_other_results_are_on_the_json_page(command, arguments):
    text = (DOCS / "reference" / "json.md").read_text(encoding="utf-8")
    done = CliRunner().invoke(adsplit, [command.split()[0], *arguments, "--json"])
    found = json.loads(done.stdout)
    (row,) = re.findall(rf"^\| `{command}` \|(.*)$", text, re.M)
    assert f"`{found.pop('schema')}`" in row
    keys = re.findall(r"`(\w+)`", row.split("|")[1])
    assert set(found) <= set(keys)
    assert set(keys) - {"unit", "today", "stated", "best"} <= set(found)


def test_the_library_page_lists_the_public_names():
    text = (DOCS / "guide" / "library.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?) \|", text.split("## Public names")[1], re.M)
    listed = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(listed) == sorted(opt.__all__)
