"""Whether a request is ours to answer. Pure: texts in, a refusal or nothing out.

A server on loopback can be reached by every page that is open in the same browser. Three things
keep those out: the name in ``Host`` must be one that no other can be made to lead here (a page of
another site whose name is turned to 127.0.0.1 still sends its own name), what a browser says of the
page that asks must be us, and each request that reads or writes carries a secret that only the
person who started the studio was shown.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

__all__ = ["is_loopback", "is_our_host", "is_our_page", "is_secret"]

_NAMES = ("localhost", "127.0.0.1", "[::1]")


def is_loopback(address: str) -> bool:
    """Whether *address* is reached from this machine alone."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False


def is_our_host(host: str, port: int, *, exposed: bool = False) -> bool:
    """Whether the header ``Host`` names this server: a name of loopback, and the port.

    A studio that was exposed on purpose is called by its number, too: unlike a name, a number
    cannot be made to mean another machine.
    """
    try:
        split = urlsplit(f"//{host}")
        found = split.port or 80
    except ValueError:
        return False
    name = split.netloc.rpartition(":")[0] if split.port else split.netloc
    name = name.lower()
    if found != port or split.path or "@" in name:
        return False
    return name in _NAMES or (exposed and _is_number(name))


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def is_our_page(headers: Mapping[str, str], host: str) -> bool:
    """Whether a browser says that the page which asks is one of ours; programs say nothing."""
    origin, site = headers.get("Origin"), headers.get("Sec-Fetch-Site")
    if origin is not None and origin != f"http://{host}":
        return False
    return site is None or site == "same-origin"


def is_secret(given: str | None, secret: str) -> bool:
    """Whether *given* is the secret; how long that takes does not tell how much of it is right."""
    return given is not None and hmac.compare_digest(given.encode(), secret.encode())
