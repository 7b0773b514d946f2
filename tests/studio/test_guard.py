"""Who is let in, and who is not."""

from __future__ import annotations

import pytest

from optimizer.studio.guard import is_loopback, is_our_host, is_our_page, is_secret


@pytest.mark.parametrize("host", ["192.0.2.7:80", "192.0.2.7", "[2001:db8::1]:80", "localhost:80"])
def test_a_studio_that_was_exposed_is_called_by_its_number(host: str) -> None:
    assert is_our_host(host, 80, exposed=True)
    assert is_our_host(host, 80) is host.startswith("localhost")


@pytest.mark.parametrize("host", ["evil.example:80", "evil.example", "192.0.2.7:81", "x", ":80"])
def test_no_name_leads_to_it_even_then(host: str) -> None:
    assert not is_our_host(host, 80, exposed=True)


@pytest.mark.parametrize(
    ("address", "near"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True),
     ("0.0.0.0", False), ("::", False), ("192.168.0.1", False), ("localhost.evil.example", False)],
)  # fmt: skip
def test_what_can_be_reached_from_this_machine_alone(address: str, near: bool) -> None:
    assert is_loopback(address) is near


def test_programs_say_nothing_of_pages() -> None:
    assert is_our_page({}, "127.0.0.1:80")
    assert is_our_page({"Origin": "http://127.0.0.1:80"}, "127.0.0.1:80")
    assert not is_our_page({"Origin": ""}, "127.0.0.1:80")
    assert not is_our_page({"Sec-Fetch-Site": ""}, "127.0.0.1:80")


def test_a_secret_is_all_of_it() -> None:
    assert is_secret("abc", "abc")
    assert not any(is_secret(given, "abc") for given in (None, "", "ab", "abcd", "ABC"))
