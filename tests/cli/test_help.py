"""Help, version and completion: quick, complete, and made of examples that work."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from cli import adsplit
from optimizer.terminal.commands import Command
from tests.cli.conftest import Program, Run

GOLDEN = Path(__file__).parent / "help.txt"

HEAVY = [
    "numpy",
    "scipy",
    "pandas",
    "pulp",
    "highspy",
    "plotly",
    "pydantic",
    "ruamel",
    "rich",
    "babel",
    "jinja2",
]


def test_the_help_is_as_it_was_agreed(run: Run) -> None:
    result = run("--help", terminal_width=80)
    assert result.exit_code == 0
    text = GOLDEN.read_text(encoding="utf-8")
    assert result.stdout == text, "meant? then write the new text to tests/cli/help.txt"


def test_the_help_begins_with_examples_and_ends_with_exit_codes(run: Run) -> None:
    text = run("--help").stdout
    assert text.index("Examples:") < text.index("Commands:") < text.index("Exit codes:")


def test_no_command_line_is_the_help(run: Run) -> None:
    result = run()
    assert result.exit_code == 2
    assert "Examples:" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("name", list(adsplit.commands))
def test_every_command_has_help_with_examples_and_short_lines(run: Run, name: str) -> None:
    result = run(name, "-h")
    assert result.exit_code == 0
    assert "Examples:" in result.stdout
    assert "--debug" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100
    # One line in the list of commands, not cut.
    assert adsplit.commands[name].get_short_help_str(62) == adsplit.commands[name].help
    assert f"{name} " in run("--help").stdout


def _examples() -> list[str]:
    texts = [adsplit.examples]
    texts += [
        command.examples for command in adsplit.commands.values() if isinstance(command, Command)
    ]
    lines = [line.strip() for text in texts for line in text.splitlines() if line.strip()]
    return sorted({re.split(r" {2,}", line)[0] for line in lines})


@pytest.mark.parametrize("example", _examples())
def test_every_option_of_an_example_exists(example: str) -> None:
    for part in re.split(r" && | \| ", example):
        words = shlex.split(part.split(" > ")[0])
        if words[0] != "adsplit":
            continue
        command = adsplit.commands[words[1]]
        # Parsing alone: arguments, options and their types.
        command.make_context(words[1], words[2:], parent=adsplit.make_context("adsplit", words[1:]))


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["optimize", "--help"]])
def test_help_and_version_import_nothing_heavy(program: Program, arguments: list[str]) -> None:
    code = (
        "import sys\nfrom cli import adsplit\n"
        f"adsplit.main({arguments!r}, standalone_mode=False)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    import subprocess

    from tests.cli.conftest import environment

    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    assert done.stderr.splitlines()[-1] == "[]"


def test_version_is_one_line(run: Run) -> None:
    from importlib.metadata import version

    result = run("--version")
    assert result.stdout == f"adsplit {version('adsplit')}\n"
    assert result.exit_code == 0


def test_a_typo_is_answered_with_the_nearest_word(run: Run) -> None:
    command = run("optimise", "b2b")
    assert command.exit_code == 2
    assert "Did you mean 'optimize'" in command.stderr
    option = run("optimize", "b2b", "--time-limt", "3")
    assert option.exit_code == 2
    assert "--time-limit" in option.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed(program: Program, shell: str) -> None:
    done = program(env={"_ADSPLIT_COMPLETE": f"{shell}_source"})
    assert "_ADSPLIT_COMPLETE" in done.stdout


def test_completion_knows_the_built_in_scenarios(program: Program) -> None:
    done = program(
        env={
            "_ADSPLIT_COMPLETE": "bash_complete",
            "COMP_WORDS": "adsplit optimize b2",
            "COMP_CWORD": "2",
        }
    )
    assert "plain,b2b" in done.stdout
