"""A scenario with all that a file may have, and a studio that serves it."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optimizer.studio.desk import Desk
from optimizer.studio.server import Studio

SECRET = "the-token-of-the-tests"

TEXT = """\
# A shop, and what its owner knows.
name: Shop   # for the board
business: b2c
currency: EUR
budget: 1_000_000      # as last year
value: 60
objective: {kind: profit, margin: 50%}

channels:
  search:
    brand: {curve: {kind: log, scale: 9_000, unit: 90_000}, current: 150_000}
    traffic: {curve: {kind: log, scale: 30_000, unit: 120_000}, current: 350_000, maximum: 600_000}
  social:
    brand: {curve: {kind: log, scale: 14_000, unit: 200_000}, current: 250_000}
    traffic: {curve: {kind: log, scale: 12_000, unit: 150_000}, current: 250_000}

constraints:
  floor: {kind: spend, where: social, at_least: 15%}

what_ifs:
  cut: {budget: "*0.8"}          # the board's fear
  dear: {"channels.search.*.price": "*1.3"}
  both: [cut, dear]

# Where it is from.
origins:
  value: {source: "a long text that a YAML library would fold if it wrote the whole file anew, since
    it goes on and on"}
"""


def write(folder: Path, text: str = TEXT, name: str = "shop.yaml") -> Path:
    """A scenario file in *folder*."""
    file = folder / name
    file.write_text(text, encoding="utf-8", newline="")
    return file


@contextmanager
def served(source: str | Path, **how: Any) -> Iterator[Studio]:
    """A studio that answers at a free port of this machine while the context lasts."""
    studio = Studio(Desk(str(source), 1e-4, 20.0), SECRET, **how)
    thread = threading.Thread(target=studio.run, daemon=True)
    thread.start()
    try:
        yield studio
    finally:
        studio.close()
        thread.join(10)


class Client:
    """Asks a studio as a program would; what a header or body is, each test may say otherwise."""

    def __init__(self, studio: Studio) -> None:
        self.port = studio.port
        self.number = 0

    def send(
        self,
        path: str,
        body: bytes = b"{}",
        method: str = "POST",
        headers: Mapping[str, str | None] | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of one request; a header of None is left out."""
        wanted: dict[str, str | None] = {
            "Host": f"127.0.0.1:{self.port}",
            "Content-Type": "application/json",
            "X-Adsplit-Token": SECRET,
            **(headers or {}),
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in wanted.items():
                if value is not None:
                    connection.putheader(name, value)
            if method == "POST":
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body if method == "POST" else None)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def ask(self, path: str, page: str = "tests", **more: Any) -> Any:
        """What a page of ours would be answered."""
        self.number += 1
        body = {"page": page, "number": self.number, "lang": "en", "changes": {}, **more}
        status, _, answered = self.send(path, json.dumps(body).encode())
        assert status == 200, answered
        return json.loads(answered)
