"""What the studio reads, and what it must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimizer.errors import ScenarioError
from optimizer.studio.desk import Desk
from tests.studio.studios import TEXT, write

DRAWS = """
uncertainty:
  numbers:
    value: {draws: NAMED}
"""


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder with a scenario, beside a file that is none of its business."""
    (tmp_path / "secret.csv").write_text("value\n1\n2\n", encoding="utf-8")
    (tmp_path / "secret.yaml").write_text(TEXT, encoding="utf-8")
    folder = tmp_path / "mine"
    folder.mkdir()
    return folder


def faults_of(desk: Desk, changes: dict[str, object] | None = None) -> str:
    with pytest.raises(ScenarioError) as raised:
        desk.plan(changes or {})
    return str(raised.value)


@pytest.mark.parametrize(
    "named", ["../secret.yaml", "{absolute}", "link.yaml", "down/../../secret.yaml"]
)
def test_no_scenario_outside_the_folder_is_extended(outside: Path, named: str) -> None:
    secret = outside.parent / "secret.yaml"
    (outside / "link.yaml").symlink_to(secret)
    (outside / "down").mkdir()
    named = named.format(absolute=secret)
    desk = Desk(str(write(outside, f"extends: {named}\nbudget: 5\n")))
    told = faults_of(desk)
    assert "outside the scenario's folder" in told
    assert str(outside.parent) not in desk.scrubbed(told).replace(str(secret), "")


def test_a_scenario_beside_it_is_extended(outside: Path) -> None:
    write(outside, TEXT, "base.yaml")
    (outside / "link.yaml").symlink_to(outside / "base.yaml")
    for named in ("base.yaml", "link.yaml", "../mine/base.yaml"):
        desk = Desk(str(write(outside, f"extends: {named}\nbudget: 500000\n")))
        assert desk.plan({}).budget == 500_000


@pytest.mark.parametrize("named", ["../secret.csv", "{absolute}", "link.csv"])
@pytest.mark.parametrize("how", ["draws", "draws_from", "changed"])
def test_no_draws_outside_the_folder_are_read(outside: Path, named: str, how: str) -> None:
    secret = outside.parent / "secret.csv"
    (outside / "link.csv").symlink_to(secret)
    named = named.format(absolute=secret)
    if how == "changed":
        desk = Desk(str(write(outside, TEXT + DRAWS.replace("NAMED", "[1, 2]"))))
        told = faults_of(desk, {"uncertainty.numbers.value.draws": {"file": named}})
    elif how == "draws":
        told = faults_of(Desk(str(write(outside, TEXT + DRAWS.replace("NAMED", named)))))
    else:
        text = TEXT + f"\nuncertainty: {{draws_from: {named}}}\n"
        told = faults_of(Desk(str(write(outside, text))))
    assert "outside the scenario's folder" in told


def test_draws_beside_it_are_read(outside: Path) -> None:
    (outside / "own.csv").write_text("value\n50\n70\n", encoding="utf-8")
    desk = Desk(str(write(outside, TEXT + DRAWS.replace("NAMED", "own.csv"))))
    assert desk.plan({}).uncertainty is not None


def test_a_built_in_reads_no_file_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.csv").write_text("value\n50\n70\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    told = faults_of(Desk("minimal"), {"uncertainty": {"draws_from": "own.csv"}})
    assert "outside the scenario's folder" in told


def test_messages_name_no_folder(tmp_path: Path) -> None:
    desk = Desk(str(write(tmp_path)))
    assert desk.name == "shop.yaml"
    assert desk.scrubbed(f"in '{tmp_path}/shop.yaml' and {tmp_path}/x") == "in 'shop.yaml' and x"


def test_what_ifs_are_given_as_their_changes(tmp_path: Path) -> None:
    found = Desk(str(write(tmp_path))).state()["what_ifs"]
    assert found == {
        "cut": {"budget": "*0.8"},
        "dear": {"channels.search.*.price": "*1.3"},
        "both": {"budget": "*0.8", "channels.search.*.price": "*1.3"},
    }


def test_a_path_that_a_combination_changes_twice_holds_what_comes_of_it(tmp_path: Path) -> None:
    text = TEXT.replace("both: [cut, dear]", "both: [cut, cut]")
    found = Desk(str(write(tmp_path, text))).state()["what_ifs"]
    assert found["both"] == {"budget": pytest.approx(640_000)}


def test_an_answer_that_was_found_before_is_not_looked_for_again(tmp_path: Path) -> None:
    desk = Desk(str(write(tmp_path)))
    first = desk.answer({"budget": 900_000}, lambda *_: None)
    assert desk.answer({"budget": 900_000}, lambda *_: None) is first
    for budget in range(800_000, 900_000, 10_000):
        desk.answer({"budget": budget}, lambda *_: None)
    assert desk.answer({"budget": 900_000}, lambda *_: None) is not first
