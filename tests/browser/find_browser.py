"""Finds a headless Chromium for the report's tests, or installs one; run it to see which.

In this order: $ADSPLIT_BROWSER, a browser on the PATH, one downloaded by Playwright before. If
there is none, Playwright is asked to download one into the virtual environment; and where that is
refused and we are root on a Debian-like system, the system's packages are.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
)
FLAGS = (
    "--no-sandbox",  # containers run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",  # a report needs no network, and neither does its test
    "--disable-component-update",
    "--disable-sync",
)
DOWNLOADS = Path(sys.prefix) / "browsers"
MISSING = """\
No usable Chromium was found, and none could be installed. Do one of these:
  - install Chromium or Chrome with your system's packages, so that it is on the PATH;
  - set ADSPLIT_BROWSER to the path of a Chromium or Chrome;
  - leave the browser's tests out: pytest -m "not browser"."""


class NoBrowserError(Exception):
    """There is no usable browser; the message says why and what to do."""


def find_browser() -> Path:
    """The browser that this machine has; nothing is installed."""
    chosen = os.environ.get("ADSPLIT_BROWSER")
    if chosen:
        path = shutil.which(chosen)
        if path is None or not works(Path(path)):
            raise NoBrowserError(f"ADSPLIT_BROWSER is {chosen!r}, which does not start headless.")
        return Path(path)
    on_path = (shutil.which(name) for name in NAMES)
    candidates = [Path(path) for path in on_path if path] + downloaded()
    for candidate in candidates:
        if works(candidate):
            return candidate
    raise NoBrowserError(MISSING)


def get_browser() -> Path:
    """The browser that this machine has, or else one installed now."""
    try:
        return find_browser()
    except NoBrowserError:
        if os.environ.get("ADSPLIT_BROWSER"):
            raise
    for install in (download, install_packages):
        install()
        try:
            return find_browser()
        except NoBrowserError:
            continue
    raise NoBrowserError(MISSING)


def works(browser: Path) -> bool:
    """Whether the browser draws an empty page: some are stubs, some lack a library."""
    with tempfile.TemporaryDirectory(prefix="adsplit-browser-", ignore_cleanup_errors=True) as home:
        command = [browser, "--headless", *FLAGS, f"--user-data-dir={home}", "--dump-dom"]
        page = "data:text/html,<p>ready</p>"
        try:
            result = subprocess.run(
                [*command, page], capture_output=True, text=True, timeout=60, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
    return "<p>ready</p>" in result.stdout


def downloaded() -> list[Path]:
    """Browsers that Playwright downloaded before, newest first."""
    programs = {"chrome", "chrome-headless-shell", "headless_shell", "Chromium"}
    found = (path for path in DOWNLOADS.glob("chromium*/**/*") if path.name in programs)
    return sorted((path for path in found if path.is_file()), reverse=True)


def download() -> None:
    """Asks Playwright for a browser; gives up early where the network refuses."""
    say("No browser on this machine; asking Playwright to download one")
    environment = {
        **os.environ,
        "PLAYWRIGHT_BROWSERS_PATH": str(DOWNLOADS),
        "PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT": "10000",
    }
    command = [sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"]
    run(command, seconds=300, environment=environment)


def install_packages() -> None:
    """Asks the system's package manager, where we may."""
    if not (hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get")):
        return
    say("Installing the system's Chromium, and a font for Chinese text")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "-qq"], seconds=300, environment=environment)
    packages = ["chromium", "fonts-noto-cjk"]
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    run(command, seconds=600, environment=environment)


def run(command: list[str], *, seconds: float, environment: dict[str, str]) -> None:
    """Runs an installer; a failure is told in one line, since another way may follow."""
    try:
        result = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=seconds,
            env=environment,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired:
        say(f"  gave up after {seconds:.0f} seconds")
    except OSError as error:
        say(f"  failed: {error}")
    else:
        if result.returncode:
            lines = (result.stderr or result.stdout).strip().splitlines()
            reasons = [line.strip() for line in lines if "error" in line.lower()] or lines[-1:]
            say(f"  failed: {reasons[0] if reasons else f'exit code {result.returncode}'}")


def say(message: str) -> None:
    """Tells a person; stdout is for the answer."""
    print(message, file=sys.stderr, flush=True)


def main() -> int:
    """Prints the path of a usable browser."""
    try:
        print(get_browser())
    except NoBrowserError as missing:
        say(str(missing))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
