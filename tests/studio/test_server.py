"""The studio on the network: it answers its own page, and refuses everybody else."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from optimizer.analysis.answer import figures
from optimizer.solving import optimize
from optimizer.sources.scenario import load, loads, read_scenario
from optimizer.studio.server import LARGEST, PortTakenError, Studio
from tests.studio.studios import SECRET, TEXT, Client, served, write


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with served(write(tmp_path_factory.mktemp("studio"))) as studio:
        yield studio


@pytest.fixture
def client(studio: Studio) -> Client:
    client = Client(studio)
    client.number = time.time_ns() // 1_000_000
    return client


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Studio]]:
    """A studio whose file is written, and the file."""
    file = write(tmp_path_factory.mktemp("shop"))
    with served(file) as studio:
        yield file, studio


@pytest.fixture
def writer(shop: tuple[Path, Studio]) -> tuple[Path, Client]:
    """The file as it was, and somebody who asks."""
    file, studio = shop
    write(file.parent)
    client = Client(studio)
    client.number = time.time_ns() // 1_000_000
    client.ask("/reload")
    return file, client


ASKED = ["/state", "/solve", "/page", "/evidence", "/save", "/reload"]


def test_an_answer_is_that_of_the_solver(client: Client) -> None:
    told = client.ask("/solve", changes={"budget": "1.2M", "split.brand": 0.5})
    plan = loads(TEXT, "shop.yaml", sets={"budget": 1_200_000, "split.brand": 0.5})
    expected = figures(optimize(plan))
    for key in ("status", "spent", "objective", "lines"):
        assert told["figures"][key] == expected[key]


def test_the_bare_page_holds_nothing_of_the_plan_and_needs_no_token(client: Client) -> None:
    for path in ("/", "/studio.js", "/studio.css", "/page.js", "/page.css", "/plotly.js"):
        status, headers, body = client.send(path, method="GET", headers={"X-Adsplit-Token": None})
        assert status == 200
        assert b"Shop" not in body
        assert SECRET.encode() not in body
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_address_carries_the_token_where_no_browser_sends_it_on(studio: Studio) -> None:
    assert studio.address == f"http://127.0.0.1:{studio.port}/#token={SECRET}"


def test_every_answer_forbids_what_the_page_does_not_need(client: Client) -> None:
    for path, method in (("/", "GET"), ("/state", "POST"), ("/nowhere", "GET")):
        headers = client.send(path, method=method)[1]
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
        assert not [name for name in headers if name.lower().startswith("access-control")]
        assert "Server" not in headers


@pytest.mark.parametrize("path", ASKED)
@pytest.mark.parametrize("token", [None, "", "wrong", SECRET[:-1], SECRET + "x", "é"])
def test_without_the_token_nothing_is_told(client: Client, path: str, token: str | None) -> None:
    status, _, body = client.send(path, headers={"X-Adsplit-Token": token})
    assert status == 401
    assert b"Shop" not in body


@pytest.mark.parametrize("path", [*ASKED, "/"])
@pytest.mark.parametrize(
    "host",
    [
        None, "", "evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1",
        "10.0.0.1:{port}",
        "localhost.evil.example:{port}", "127.0.0.1.evil.example:{port}", "x@127.0.0.1:{port}",
        "127.0.0.1:{port}@evil.example", "127.0.0.1:{port}/x", "[::2]:{port}", "0.0.0.0:{port}",
        "localhost:{port}x", "127.0.0.1:99999999",
    ],
)  # fmt: skip
def test_a_name_that_was_turned_to_this_machine_is_refused(
    client: Client, path: str, host: str | None
) -> None:
    named = None if host is None else host.format(port=client.port)
    method = "GET" if path == "/" else "POST"
    status, _, body = client.send(path, method=method, headers={"Host": named})
    assert status in {400, 421}
    assert b"Shop" not in body


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_the_names_of_this_machine_are_answered(client: Client, name: str) -> None:
    assert client.send("/state", headers={"Host": f"{name}:{client.port}"})[0] == 200


@pytest.mark.parametrize("path", ASKED)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Origin": "http://localhost:{port}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://127.0.0.1:{port}", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_other_pages_are_refused(client: Client, path: str, headers: dict[str, str]) -> None:
    named = {name: value.format(port=client.port) for name, value in headers.items()}
    assert client.send(path, headers=named)[0] == 403


def test_our_own_page_is_answered(client: Client) -> None:
    own = {"Origin": f"http://127.0.0.1:{client.port}", "Sec-Fetch-Site": "same-origin"}
    assert client.send("/state", headers=own)[0] == 200


def test_no_other_page_may_ask_beforehand(client: Client) -> None:
    asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    status, headers, _ = client.send("/solve", method="OPTIONS", headers=asked)
    assert status in {204, 405, 200}
    assert not [name for name in headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    "path",
    [
        "/shop.yaml", "/../shop.yaml", "/..%2fshop.yaml", "/%2e%2e/shop.yaml", "/static/../../x",
        "//evil.example/x", "/page.js/../../../../etc/passwd", "/etc/passwd", "/%00", "/\\..\\x",
        "/studio.html", "/__init__.py", "/server.py", "/page.css%00.yaml", "/solve/../shop.yaml",
    ],
)  # fmt: skip
def test_no_path_leads_to_a_file(client: Client, path: str) -> None:
    status, _, body = client.send(path, method="GET")
    assert status in {400, 404}
    assert b"board" not in body
    assert b"root:" not in body


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "TRACE"])
def test_other_methods_are_refused(client: Client, method: str) -> None:
    assert client.send("/solve", method=method)[0] == 405
    if method != "GET":
        assert client.send("/", method=method)[0] == 405


GOOD = {"page": "x", "number": 1, "lang": "en", "changes": {}}


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"1", b"null", b'"x"', b"\xff\xfe", b'{"number": NaN}', b"[" * 50_000,
        *(
            json.dumps({**GOOD, **wrong}).encode()
            for wrong in (
                {"lang": "fr"}, {"lang": 3}, {"lang": ["en"]}, {"lang": None},
                {"number": 0}, {"number": -1}, {"number": "1"}, {"number": True}, {"number": 1.5},
                {"number": 10**30}, {"page": ""}, {"page": "x" * 65}, {"page": 3}, {"page": None},
                {"changes": []}, {"changes": "x"}, {"changes": 3}, {"changes": {"": 1}},
                {"changes": {"x" * 2001: 1}}, {"changes": {"budget": "1" * 2001}},
                {"changes": {f"a{i}": 1 for i in range(201)}},
                {"changes": {"budget": {"x": "y" * 2001}}}, {"changes": {"budget": 10**400}},
            )
        ),
    ],
)  # fmt: skip
def test_a_body_of_another_form_is_refused(client: Client, body: bytes) -> None:
    status, _, answered = client.send("/solve", body)
    assert status == 400
    assert json.loads(answered)["error"]["kind"] == "refused"


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_a_form_of_another_page_cannot_ask(client: Client, kind: str | None) -> None:
    """Forms may be sent across origins without asking; JSON may not."""
    body = json.dumps({**GOOD, "number": client.number}).encode()
    assert client.send("/solve", body, headers={"Content-Type": kind})[0] == 400


def test_a_body_that_is_too_large_is_refused_unread(client: Client) -> None:
    with socket.create_connection(("127.0.0.1", client.port), timeout=30) as link:
        head = f"POST /solve HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\n"
        link.sendall(f"{head}Content-Length: {LARGEST + 1}\r\n\r\n".encode())
        with_room = link.recv(1000)
    assert b" 413 " in with_room.splitlines()[0]


def test_a_body_in_pieces_is_bounded_as_well(client: Client) -> None:
    piece = b"1000\r\n" + b"x" * 4096 + b"\r\n"
    with socket.create_connection(("127.0.0.1", client.port), timeout=30) as link:
        head = f"POST /solve HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\n"
        link.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        found = b""
        with suppress(OSError):  # it closes without reading to the end
            for _ in range(LARGEST // 4096 + 2):
                link.sendall(piece)
            found = link.recv(1000)
    assert not found or b" 413 " in found.splitlines()[0]
    assert client.send("/state")[0] == 200


def test_a_head_that_is_too_large_is_refused(client: Client) -> None:
    with suppress(ConnectionError):  # it need not be read to its end
        assert client.send("/state", headers={"X-Long": "x" * 40_000})[0] in {400, 431}
    assert client.send("/state")[0] == 200


def test_a_client_that_says_nothing_is_left(tmp_path: Path) -> None:
    begun = (b"", b"POST /solve HT", b"POST /solve HTTP/1.1\r\nContent-Length: 9\r\n\r\n{")
    with served(write(tmp_path), patience=1) as studio, ExitStack() as stack:
        links = []
        for said in begun:
            link = socket.create_connection(("127.0.0.1", studio.port), timeout=60)
            links.append(stack.enter_context(link))
            link.sendall(said)
        for link in links:
            with suppress(ConnectionResetError):
                assert link.recv(1000) == b"", "it was closed, and nothing was said"
        assert Client(studio).ask("/state")["name"] == "shop.yaml"


def test_an_older_request_never_answers_after_a_newer_one(client: Client) -> None:
    client.ask("/solve", page="order", number=9_000_000_000_000)
    late = client.ask("/solve", page="order", number=8_999_999_999_999)
    assert late["error"]["kind"] == "outdated"
    assert "error" not in client.ask("/solve", page="another", number=1)


def test_too_many_at_once_are_told_to_come_back(studio: Studio) -> None:
    """While one works and the queue is full, further ones are refused at once."""
    found: list[int] = []
    with studio.turns.turn("holder", 1):

        def ask(i: int) -> None:
            client = Client(studio)
            body = json.dumps({**GOOD, "page": f"many-{i}"}).encode()
            found.append(client.send("/solve", body)[0])

        threads = [threading.Thread(target=ask, args=(i,)) for i in range(7)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 20
        while len(found) < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert found == [503, 503, 503]
        client = Client(studio)
        assert client.send("/", method="GET")[0] == 200, "the page itself is served meanwhile"
    for thread in threads:
        thread.join(60)
    assert sorted(found) == [200, 200, 200, 200, 503, 503, 503]


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"budget": "12m"}, "budget", "ambiguous"),
        ({"split.brand": 1.7}, "split.brand", "not a share"),
        ({"channels.search.brand.curve.scale": -1}, "channels.search.brand.curve.scale", "range"),
        ({"nowhere.at.all": 1}, "nowhere.at.all", "no path"),
        ({"budget": "!!python/object/apply:os.system [x]"}, "budget", "not"),
        (
            {"channels.search.brand.maximum": "{a: !!python/none x}"},
            "channels.search.brand.maximum.a",
            "tag",
        ),
        ({"extends": "/etc/passwd"}, "extends", "not known"),
        ({"what_ifs": 3}, "what_ifs", "not known"),
    ],
)
def test_what_is_wrong_is_told_at_its_input(
    client: Client, changes: dict[str, Any], path: str, words: str
) -> None:
    error = client.ask("/solve", changes=changes)["error"]
    assert error["kind"] == "faults"
    assert path in {fault["path"] for fault in error["faults"]}
    assert words in json.dumps(error)


def test_an_infeasible_plan_is_told_with_the_way_out(client: Client) -> None:
    error = client.ask("/solve", changes={"channels.search.brand.locked": 900_000})["error"]
    assert error["kind"] == "infeasible"
    assert error["ways"]
    assert error["message"]


def test_an_unexpected_fault_tells_its_kind_and_nothing_more(
    studio: Studio, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("/secret/path")

    monkeypatch.setattr(studio.desk, "state", fail)
    status, headers, body = client.send("/state")
    assert (status, json.loads(body)["error"]["message"]) == (500, "RuntimeError")
    assert headers["Cache-Control"] == "no-store"


def test_the_slow_parts_are_made_when_they_are_asked_for(client: Client) -> None:
    quick = client.ask("/page")["html"]
    slow = client.ask("/evidence", parts="prices")["html"]
    assert 'id="prices-section-en"' not in quick
    assert 'id="prices-section-en"' in slow
    assert 'id="prices-section-zh"' in slow
    for html in (quick, slow):
        assert "Plotly" not in html
        assert len(html) < 600_000


def test_the_slow_parts_are_given_up_when_the_page_asks_something_newer(studio: Studio) -> None:
    slow, quick = Client(studio), Client(studio)
    found: list[Any] = []
    thread = threading.Thread(
        target=lambda: found.append(slow.ask("/evidence", page="one", parts="all"))
    )
    thread.start()
    time.sleep(0.1)
    quick.number = 5
    assert "error" not in quick.ask("/solve", page="one", changes={"budget": 1_234_000})
    thread.join(60)
    assert found[0]["error"]["kind"] == "outdated"


def test_a_port_that_is_taken_is_told(studio: Studio) -> None:
    with pytest.raises(PortTakenError):
        Studio(studio.desk, SECRET, port=studio.port)


def test_a_what_if_is_written_and_read_back(writer: tuple[Path, Client]) -> None:
    file, client = writer
    changes = {"budget": 1_100_000, "split.brand": 0.45}
    told = client.ask("/save", name="more brand", changes=changes)
    assert told["file"] == "shop.yaml"
    assert "more brand" in told["what_ifs"]
    best = client.ask("/solve", changes=changes)["figures"]
    again = optimize(load(file, what_ifs=["more brand"]))
    assert figures(again)["lines"] == best["lines"]


@pytest.mark.parametrize(
    "name",
    ["</script><b>x", "../../x", "/etc/passwd", "!!python/object:os.system", "🚀 launch",
     "\u202egnp\u200fx", "<<", "yes", "=cmd|'/c calc'!A1", "a: b # c", "- x", "*ref", "&a",
     "x" * 80, "价格上涨", "'\"", "null", "12", "a.b.c", "what_ifs"],
)  # fmt: skip
def test_hostile_names_are_written_as_they_are_and_harm_nothing(
    writer: tuple[Path, Client], name: str
) -> None:
    file, client = writer
    told = client.ask("/save", name=name, changes={"budget": 1_100_000})
    assert told["name"] == name
    assert read_scenario(file).changes(name)[0].value == 1_100_000
    assert [one.name for one in file.parent.iterdir()] == ["shop.yaml"]
    rest = [line for line in file.read_text("utf-8").splitlines() if line not in TEXT.splitlines()]
    assert len(rest) <= 2, "everything else stands as it stood"


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\nb", "a\x00b", "all", "base", 3, None])
def test_names_that_are_none_are_told(writer: tuple[Path, Client], name: object) -> None:
    file, client = writer
    error = client.ask("/save", name=name, changes={"budget": 1})["error"]
    assert error["faults"][0]["path"] == "name"
    assert file.read_text("utf-8") == TEXT


def test_a_what_if_is_overwritten_only_when_that_was_said(writer: tuple[Path, Client]) -> None:
    file, client = writer
    changes = {"budget": 700_000}
    assert client.ask("/save", name="cut", changes=changes)["error"]["kind"] == "exists"
    assert file.read_text("utf-8") == TEXT
    assert client.ask("/save", name="cut", changes=changes, overwrite=True)["replaced"]
    expected = TEXT.replace('cut: {budget: "*0.8"}', "cut: {budget: 700000}")
    assert file.read_text("utf-8") == expected


def test_a_file_that_changed_meanwhile_is_not_overwritten(writer: tuple[Path, Client]) -> None:
    file, client = writer
    client.ask("/solve")
    theirs = TEXT.replace("1_000_000", "900_000")
    file.write_text(theirs, encoding="utf-8")
    asked = {"name": "mine", "changes": {"split.brand": 0.5}}
    assert client.ask("/save", **asked)["error"]["kind"] == "changed"
    assert file.read_text("utf-8") == theirs
    client.ask("/reload")
    assert client.ask("/solve")["figures"]["budget"] == 900_000
    assert client.ask("/save", **asked)["name"] == "mine"
    assert "900_000" in file.read_text("utf-8")


def test_a_file_that_is_gone_or_locked_is_told(writer: tuple[Path, Client]) -> None:
    file, client = writer
    file.unlink()
    asked = {"name": "mine", "changes": {"split.brand": 0.5}}
    assert client.ask("/save", **asked)["error"]["kind"] == "changed"


def test_what_makes_no_plan_is_not_written(writer: tuple[Path, Client]) -> None:
    file, client = writer
    wrong = client.ask("/save", name="mine", changes={"budget": "12m"})
    assert wrong["error"]["faults"][0]["path"] == "budget"
    assert client.ask("/save", name="mine", changes={})["error"]["kind"] == "faults"
    assert file.read_text("utf-8") == TEXT


def test_a_built_in_is_shown_and_not_written() -> None:
    with served("minimal") as studio:
        client = Client(studio)
        assert client.ask("/state")["can_save"] is False
        error = client.ask("/save", name="mine", changes={"budget": 900_000})["error"]
    assert "adsplit scenarios minimal" in error["faults"][0]["advice"]
