"""The command line as a program among programs: pipes, colours, signals, terminals."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Program, environment

ESCAPE = "\x1b["
unix = pytest.mark.skipif(sys.platform == "win32", reason="pipes and signals of Unix")


def test_stdout_holds_json_alone(program: Program) -> None:
    done = program("optimize", "minimal", "--json")
    assert done.returncode == 0
    json.loads(done.stdout)
    assert done.stderr == ""


def test_a_scenario_comes_from_stdin(program: Program) -> None:
    text = program("scenarios", "minimal").stdout
    done = program("check", "-", "--json", input=text)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["name"] == "Minimal example"


def test_a_pipe_gets_no_colour_and_no_width(program: Program) -> None:
    done = program("optimize", "b2b", env={"COLUMNS": "40"})
    assert ESCAPE not in done.stdout
    assert not re.search(r"\w…", done.stdout.split("Mind")[0])  # nothing is cut short
    assert max(map(len, done.stdout.splitlines())) > 90
    assert not any(line != line.rstrip() for line in done.stdout.splitlines())


def test_colour_can_be_forced_and_forbidden(program: Program) -> None:
    assert ESCAPE in program("optimize", "minimal", env={"FORCE_COLOR": "1"}).stdout
    both = {"FORCE_COLOR": "1", "NO_COLOR": "1"}
    assert f"{ESCAPE}3" not in program("optimize", "minimal", env=both).stdout


def test_chinese_goes_through_a_pipe_of_any_locale(program: Program) -> None:
    env = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = program("optimize", "b2c-cn", "--lang", "zh", env=env)
    assert done.returncode == 0, done.stderr
    assert "渠道" in done.stdout


@unix
@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("schema > /dev/full", 1, "No space left on device"),
        ("check - <&-", 2, "no stdin"),
        ("check - < /dev/null", 3, "is empty"),
    ],
)
def test_streams_that_are_full_closed_or_empty(command: str, code: int, words: str) -> None:
    if "/dev/full" in command and not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m cli {command}"],
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@unix
def test_a_reader_that_leaves_is_no_error(program: Program) -> None:
    command = f"{sys.executable} -m cli schema | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command],
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines()[0] == "{"
    assert done.stdout.splitlines()[1] in {"0", "141"}  # it may have been done before
    assert done.stderr == ""


@unix
def test_a_closed_pipe_ends_quietly(program: Program) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "cli", "scenarios", "b2b"],
        stdout=writer,
        env=environment(),
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writer)
    assert done.returncode == 141
    assert done.stderr == b""


def _interrupt(code: str, *arguments: str, ready: Path) -> subprocess.CompletedProcess[str]:
    """Run *code*, press Ctrl-C once it says it is ready, and wait for its end."""
    running = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    deadline = time.monotonic() + 30
    while not ready.exists() and time.monotonic() < deadline and running.poll() is None:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    return subprocess.CompletedProcess(running.args, running.returncode, out, err)


@unix
def test_ctrl_c_returns_the_best_plan_so_far(tmp_path: Path) -> None:
    # The search is asked for a proof that it cannot give, and goes on until it is stopped.
    ready, scenario = tmp_path / "ready", Path(__file__).parents[1] / "one_period.yaml"
    code = f"""
import pathlib, sys, time
from cli import main
import optimizer.terminal.ticker as ticker
def solving(self, seconds, best, bound):
    if best is not None:
        pathlib.Path({str(ready)!r}).touch()
        time.sleep(20)
ticker.Ticker.solving = solving
sys.argv = ["adsplit", "optimize", {str(scenario)!r}, "--json", "--gap", "1e-15"]
main()
"""
    done = _interrupt(code, ready=ready)
    if done.returncode == 0:
        pytest.skip("solved before it could be interrupted")
    assert done.returncode == 5, done.stderr
    data = json.loads(done.stdout)
    assert data["status"] == "stopped"
    assert data["spent"] > 0
    assert data["bound"] >= data["objective"]["value"]
    assert "Traceback" not in done.stderr


@unix
@pytest.mark.parametrize("command", ["optimize", "sweep"])
def test_ctrl_c_without_a_plan_ends_with_130(tmp_path: Path, command: str) -> None:
    ready = tmp_path / "ready"
    code = f"""
import pathlib, sys, time
import optimizer.solving as solving
def solve(*args, **kwargs):
    pathlib.Path({str(ready)!r}).touch()
    time.sleep(20)
solving.solve = solve
from cli import main
sys.argv = ["adsplit", "{command}", "minimal", *(["budget"] if "{command}" == "sweep" else [])]
main()
"""
    done = _interrupt(code, ready=ready)
    assert done.returncode == 130, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


@unix
@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root may write")
def test_a_read_only_folder(program: Program, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    done = program("optimize", "minimal", "-o", tmp_path / "plan.json")
    tmp_path.chmod(0o700)
    assert done.returncode == 2
    assert "cannot be written" in done.stderr


def _on_terminal(*arguments: str, columns: int, **env: str) -> tuple[str, str]:
    """What a terminal of so many columns shows, and stderr (a pipe)."""
    import fcntl
    import pty
    import struct
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    terminal = {"TERM": "xterm-256color", **env}
    running = subprocess.Popen(
        [sys.executable, "-m", "cli", *arguments],
        stdin=follower,
        stdout=follower,
        stderr=subprocess.PIPE,
        env=environment(**terminal),
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    _, errors = running.communicate(timeout=60)
    os.close(leader)
    return shown.decode().replace("\r\n", "\n"), errors.decode()


@unix
@pytest.mark.parametrize(("scenario", "lang"), [("b2b", "en"), ("b2c-cn", "zh")])
def test_a_table_fits_a_terminal_of_80_columns(scenario: str, lang: str) -> None:
    from rich.cells import cell_len

    shown, _ = _on_terminal("optimize", scenario, "--lang", lang, columns=80, NO_COLOR="1")
    plain = re.sub(r"\x1b\[[\d;]*m", "", shown)
    assert not re.search(r"\x1b\[[\d;]*3\dm", shown)  # bold and dim, but no colour
    assert ESCAPE not in plain
    widths = [cell_len(line) for line in plain.splitlines()]
    assert max(widths) <= 80
    rows = plain.splitlines()
    head = next(row for row in rows if "Line " in row or "渠道 " in row)
    rule = rows[rows.index(head) + 1]
    assert set(rule) == {"─"}
    assert "…" not in head


@unix
def test_a_dumb_terminal_gets_no_escapes() -> None:
    shown, _ = _on_terminal("optimize", "minimal", columns=80, TERM="dumb")
    assert ESCAPE not in shown


def test_the_bar_tells_how_long_the_rest_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a file already held at the start says nothing of the pace."""
    from optimizer.terminal import ticker

    now, shown = [0.0], []
    monkeypatch.setattr(ticker.time, "monotonic", lambda: now[0])
    bars = {lang: ticker.Ticker(lang, patience=0.0) for lang in ("en", "zh")}
    for bar in bars.values():
        monkeypatch.setattr(bar, "_show", shown.append)

    def told(seconds: float, done: int, lang: str = "en") -> str:
        now[0] = seconds
        bars[lang].counted(done, 1_000)
        return shown[-1].rpartition("/1000")[2].strip()

    assert told(0, 500) == ""
    assert told(10, 505) == "about 17 min left"
    assert told(100, 900) == "about 25 s left"
    assert told(101, 1_000) == ""
    assert told(200, 10) == ""  # another batch
    assert told(300, 11) == "about 28 h left"
    told(0, 0, "zh")
    assert told(1, 10, "zh") == "约剩 99 秒"
