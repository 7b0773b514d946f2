"""`adsplit studio`: it says where it listens, ends quietly, and says what stands in its way."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Run, environment
from tests.studio.studios import write


def test_it_prints_its_address_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    file = write(tmp_path)
    program = subprocess.Popen(
        [sys.executable, "-m", "cli", "studio", str(file), "--no-open"],
        env=environment(), cwd=ROOT, encoding="utf-8",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert program.stdout is not None
    try:
        address = program.stdout.readline()
        found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/#token=([\w-]{43})\n", address)
        assert found
        with socket.create_connection(("127.0.0.1", int(found[1])), timeout=20) as link:
            link.sendall(b"GET / HTTP/1.0\r\nHost: 127.0.0.1:%s\r\n\r\n" % found[1].encode())
            assert link.recv(100).startswith(b"HTTP/1.0 200")
        program.send_signal(signal.SIGINT)
        _, told = program.communicate(timeout=20)
    finally:
        program.kill()
    assert program.returncode == 0, told
    assert "Ctrl-C" in told
    assert "Traceback" not in told


def test_a_port_in_use_is_told(run: Run, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run("studio", write(tmp_path), "--no-open", "--port", port)
    assert result.exit_code == 2
    assert f"port {port} is in use" in result.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.com"])
def test_other_machines_are_let_in_only_on_purpose(run: Run, tmp_path: Path, host: str) -> None:
    result = run("studio", write(tmp_path), "--no-open", "--host", host)
    assert result.exit_code == 2
    assert "--expose" in result.stderr


def test_an_address_of_another_machine_is_told(run: Run, tmp_path: Path) -> None:
    result = run("studio", write(tmp_path), "--no-open", "--host", "192.0.2.1", "--expose")
    assert result.exit_code == 2
    assert "cannot listen at 192.0.2.1" in result.stderr


def test_without_the_extra_it_says_how_to_get_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("waitress", "werkzeug"):
        for module in [one for one in sys.modules if one.partition(".")[0] == name]:
            monkeypatch.delitem(sys.modules, module)
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "optimizer.studio.server", raising=False)
    result = run("studio", write(tmp_path), "--no-open")
    assert result.exit_code == 6
    assert "pip install 'adsplit[studio]'" in result.stderr


def test_a_scenario_that_cannot_be_read_is_told_before_anything_is_served(
    run: Run, tmp_path: Path
) -> None:
    result = run("studio", write(tmp_path, "budget: 12m\n"), "--no-open")
    assert result.exit_code == 3
    assert "ambiguous" in result.stderr


def test_a_table_of_lines_is_no_scenario(run: Run, tmp_path: Path) -> None:
    file = write(tmp_path, "line,current\n", "lines.csv")
    result = run("studio", file, "--no-open")
    assert result.exit_code == 2
    assert "optimize" in result.stderr
