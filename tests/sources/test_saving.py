"""A what-if in a file: read back as it is, and everything else of the file as it was."""

from __future__ import annotations

import difflib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.errors import ScenarioError
from optimizer.sources.saving import check_name, with_what_if
from optimizer.sources.scenario import document_of
from optimizer.sources.starter import builtin_text
from tests.studio.studios import TEXT


def lines_changed(old: str, new: str) -> list[str]:
    marks = difflib.ndiff(old.splitlines(keepends=True), new.splitlines(keepends=True))
    return [line for line in marks if line[0] in "+-"]


@pytest.mark.parametrize("name", ["b2b", "b2c", "b2c-cn", "minimal"])
def test_a_line_is_added_below_the_other_what_ifs(name: str) -> None:
    text = builtin_text(name)
    made = with_what_if(text, "mine", {"budget": 5_000_000})
    changed = lines_changed(text, made)
    assert [line for line in changed if line.strip() not in {"+", "+ what_ifs:"}] == [
        "+   mine: {budget: 5000000}\n"
    ]


def test_the_comment_that_heads_the_next_part_stays_there() -> None:
    made = with_what_if(TEXT, "mine", {"budget": 1})
    assert "  both: [cut, dear]\n  mine: {budget: 1}\n\n# Where it is from.\norigins:" in made


def test_many_changes_stand_below_one_another() -> None:
    changes = {f"channels.search.{role}.{key}": 100_000 + i
               for i, (role, key) in enumerate((r, k) for r in ("brand", "traffic")
                                               for k in ("minimum", "maximum"))}  # fmt: skip
    made = with_what_if(TEXT, "mine", changes)
    assert "  mine:\n    channels.search.brand.minimum: 100000\n" in made
    assert document_of(made)["what_ifs"]["mine"] == changes


FORMS = [
    ("a: 1\n", "a: 1\n\nwhat_ifs:\n  x: {b: 1}\n"),
    ("a: 1", "a: 1\n\nwhat_ifs:\n  x: {b: 1}\n"),
    ("a: 1\r\n", "a: 1\r\n\r\nwhat_ifs:\r\n  x: {b: 1}\r\n"),
    (
        "what_ifs:\n    y: {b: 2}   # y\n# end",
        "what_ifs:\n    y: {b: 2}   # y\n    x: {b: 1}\n# end",
    ),
    ("what_ifs:\n  y:\n    b: 2", "what_ifs:\n  y:\n    b: 2\n  x: {b: 1}\n"),
    (
        "what_ifs:\n  y:\n  - z\n  z: {b: 2}\nc: 3\n",
        "what_ifs:\n  y:\n  - z\n  z: {b: 2}\n  x: {b: 1}\nc: 3\n",
    ),
    (
        "what_ifs:\n  z: {b: 2}\n  y:\n  - z\n\nc: 3\n",
        "what_ifs:\n  z: {b: 2}\n  y:\n  - z\n  x: {b: 1}\n\nc: 3\n",
    ),
    ("what_ifs:\n  x:\n    b: 2\n    c: 3   # c\nd: 4\n", "what_ifs:\n  x: {b: 1}   # c\nd: 4\n"),
]


@pytest.mark.parametrize(("text", "expected"), FORMS)
def test_forms_of_files(text: str, expected: str) -> None:
    assert with_what_if(text, "x", {"b": 1}) == expected


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "what_ifs": {"y": {"b": 2}}}',
        "a: 1\nwhat_ifs: {y: {b: 2}}\n",
        "what_ifs:\na: 1\n",
        "what_ifs: {}\na: 1\n",
        "a: &x {b: 2}\nwhat_ifs:\n  y: *x\nc: 3\n",
    ],
)
def test_files_without_a_line_to_put_it_on_are_written_by_the_library(text: str) -> None:
    made = document_of(with_what_if(text, "x", {"b": 1}))
    before = document_of(text)
    assert made == before | {"what_ifs": (before.get("what_ifs") or {}) | {"x": {"b": 1}}}


def test_a_date_that_the_library_cannot_read_is_told() -> None:
    text = "a: {day: 0000-00-00}\nwhat_ifs: {y: {a: 1}}\n"
    with pytest.raises(ScenarioError, match="cannot be written into this file"):
        with_what_if(text, "x", {"b": 1})


def _is_name(text: str) -> bool:
    try:
        check_name(text)
    except ScenarioError:
        return False
    return True


names = st.text(min_size=1, max_size=20).filter(_is_name)
values = st.one_of(
    st.integers(-(10**9), 10**9), st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.booleans(), st.none(), st.sampled_from(["*0.8", "6:4", "yes", "12M", "# x", "a: b", ""]),
)  # fmt: skip


@settings(max_examples=30)
@given(
    names, st.dictionaries(st.sampled_from(["budget", "a.*.b", "x y", "价"]), values, min_size=1)
)
def test_any_name_and_any_value_is_read_back(name: str, changes: dict[str, Any]) -> None:
    name = check_name(name)
    try:
        made = with_what_if(TEXT, name, changes)
    except ScenarioError:
        return  # told, and nothing written: a character that no scenario file may hold
    expected = document_of(TEXT)["what_ifs"] | {name: changes}
    assert document_of(made)["what_ifs"] == expected
    assert made.startswith(TEXT[: TEXT.index("what_ifs:")])
    assert made.endswith(TEXT[TEXT.index("\n# Where it is from.") :])
