"""The studio on the network: requests in, answers out. The only module that knows HTTP.

Waitress reads and bounds requests before they get here (heads, bodies, silent clients); Werkzeug
finds the way; what is answered comes from :mod:`.desk`.
"""

from __future__ import annotations

import errno
import json
import logging
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

from waitress import server, wasyncore
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from optimizer.errors import AdsplitError, Infeasible, PlanError
from optimizer.report import assets, script_json
from optimizer.words import LANGUAGES, catalogue

from .desk import Changed, Desk, Exists, Malformed, read_changes
from .guard import is_our_host, is_our_page, is_secret
from .turns import Busy, Outdated, Turns

__all__ = ["PortTakenError", "Studio"]

LARGEST = 256 * 1024
"""Bytes of a request's body."""
PATIENCE = 20
"""Seconds after which a client that says nothing is left."""
_WAITING = 4
_THREADS = 8
_CONNECTIONS = 64
_SECRET = "X-Adsplit-Token"  # noqa: S105 - the name of a header

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",  # no script stands in the page itself
        "style-src 'self' 'unsafe-inline'",  # Plotly styles its figures by attributes
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_TYPES = {"css": "text/css", "js": "text/javascript"}


class PortTakenError(Exception):
    """Another program listens at the port."""


class Studio:
    """A desk that pages in a browser can reach.

    Args:
        desk: What answers.
        secret: What every request but those for the bare page must carry.
        host: The address to listen at.
        port: The port; 0: any that is free.
        lang: The language that the page opens in.
        patience: Seconds after which a client that says nothing is left.
        debug: Whether unexpected errors are printed with where they happened.

    Raises:
        PortTakenError: the port is in use.
        OSError: the address cannot be listened at.
    """

    def __init__(
        self,
        desk: Desk,
        secret: str,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        lang: str = "en",
        exposed: bool = False,
        patience: int = PATIENCE,
        debug: bool = False,
    ) -> None:
        self.desk, self.turns = desk, Turns(_WAITING)
        self._secret, self._lang, self._debug, self._exposed = secret, lang, debug, exposed
        logging.getLogger("waitress").setLevel(logging.CRITICAL)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            listening = socket.create_server((host, port), family=family)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortTakenError(port) from None
            raise
        self._links: dict[int, Any] = {}
        self._server: Any = server.create_server(
            self.respond,
            map=self._links,
            sockets=[listening],
            threads=_THREADS,
            connection_limit=_CONNECTIONS,
            channel_timeout=patience,
            cleanup_interval=max(patience // 2, 1),
            asyncore_loop_timeout=1,
            max_request_header_size=16 * 1024,
            max_request_body_size=LARGEST,
            clear_untrusted_proxy_headers=True,
            expose_tracebacks=False,
            ident=None,
        )
        self.host = host
        self.port = int(listening.getsockname()[1])
        pages = {"/": self._shell}
        files = {f"/{name}": self._file(name) for name in _files()}
        asked: dict[str, Callable[..., Any]] = {
            "/state": self._state,
            "/solve": self._solve,
            "/page": self._page,
            "/evidence": self._evidence,
            "/save": self._save,
            "/reload": self._reload,
        }
        self._open = {**pages, **files}
        self._asked = asked
        self._ways = Map(
            [Rule(path, endpoint=path, methods=["GET"]) for path in self._open]
            + [Rule(path, endpoint=path, methods=["POST"]) for path in asked],
            strict_slashes=False,
            merge_slashes=False,
        )

    @property
    def address(self) -> str:
        """The address for a browser; what stands behind # is never sent on."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        if name in {"0.0.0.0", "[::]"}:  # noqa: S104 - any address is also this one
            name = "127.0.0.1"
        return f"http://{name}:{self.port}/#token={self._secret}"

    def run(self) -> None:
        """Answer until Ctrl-C or :meth:`close`."""
        try:
            self._server.run()
        finally:
            self.turns.close()
            wasyncore.close_all(self._links)

    def close(self) -> None:
        """Stop answering, from another thread; what is being solved is given up."""
        self.turns.close()
        self._server.trigger.pull_trigger(self._server.close)

    def respond(self, environ: dict[str, Any], start_response: Any) -> Any:
        """One request; the WSGI application."""
        request = Request(environ)
        try:
            response = self._answered(request)
        except HTTPException as error:
            response = _refusal(error.code or 500, error.name)
            if error.code == 405:
                response.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", ())))
        except Exception as error:  # noqa: BLE001 - the border of the program
            if self._debug:
                traceback.print_exception(error, file=sys.stderr)
            response = _refusal(500, type(error).__name__)
        for name, value in _HEADERS.items():
            response.headers[name] = value
        return response(environ, start_response)

    def _answered(self, request: Request) -> Response:
        host = request.headers.get("Host", "")
        if not is_our_host(host, self.port, exposed=self._exposed):
            return _refusal(421, "not a name of this server")
        path = str(self._ways.bind_to_environ(request.environ).match()[0])
        if path in self._open:
            return self._open[path](request)
        if not is_our_page(dict(request.headers), host):
            return _refusal(403, "asked by another page")
        if not is_secret(request.headers.get(_SECRET), self._secret):
            return _refusal(401, "the token is missing or wrong")
        try:
            return _json(self._asked[path](_body(request)))
        except Malformed as error:
            return _refusal(400, str(error))
        except Busy:
            response = _refusal(503, "busy", kind="busy")
            response.headers["Retry-After"] = "1"
            return response
        except (Outdated, Exists, Changed) as error:
            # An answer like any other, and no error of HTTP, of which browsers complain.
            return _json({"error": {"kind": type(error).__name__.lower()}})
        except AdsplitError as error:
            return _json({"error": self._told(error)})
        except OSError as error:
            return _refusal(500, error.strerror or type(error).__name__, kind="file")

    # --- What is answered -------------------------------------------------------------------------

    def _shell(self, _: Request) -> Response:
        text = _source("studio.html")
        words = {
            lang: {
                key.removeprefix("studio."): said
                for key, said in catalogue(lang).items()
                if key.startswith("studio.")
            }
            for lang in LANGUAGES
        }
        for name, value in {
            "{{words}}": script_json({"words": words, "lang": self._lang}),
            "{{lang}}": {"en": "en", "zh": "zh-CN"}[self._lang],
            "{{loading}}": words[self._lang]["loading"],
            "{{noscript}}": words[self._lang]["noscript"],
        }.items():
            text = text.replace(name, value)
        return Response(text, mimetype="text/html")

    def _file(self, name: str) -> Callable[[Request], Response]:
        def send(_: Request) -> Response:
            kind = _TYPES[name.rsplit(".", 1)[1]]
            response = Response(_files()[name], mimetype=kind)
            if name == "plotly.js":
                response.headers["Content-Encoding"] = "gzip"
            return response

        return send

    def _state(self, _: Mapping[str, Any]) -> Any:
        return self.desk.state()

    def _solve(self, body: Mapping[str, Any]) -> Any:
        lang, changes = _lang(body), read_changes(body.get("changes"))
        with self._turn(body) as turn:
            return self.desk.told(changes, lang, turn.go_on)

    def _page(self, body: Mapping[str, Any]) -> Any:
        lang, changes = _lang(body), read_changes(body.get("changes"))
        languages = [lang] if body.get("alone") is True else [lang, *_others(lang)]
        with self._turn(body) as turn:
            return {"html": self.desk.page(changes, languages, turn.go_on)}

    def _evidence(self, body: Mapping[str, Any]) -> Any:
        lang, changes, parts = _lang(body), read_changes(body.get("changes")), body.get("parts")
        if parts not in {"prices", "all"}:
            raise Malformed("parts is neither prices nor all")
        with self._turn(body) as turn:
            return {"html": self.desk.evidence(changes, str(parts), lang, turn.go_on)}

    def _save(self, body: Mapping[str, Any]) -> Any:
        changes, overwrite = read_changes(body.get("changes")), body.get("overwrite", False)
        if not isinstance(overwrite, bool):
            raise Malformed("overwrite is neither true nor false")
        with self._turn(body):
            return self.desk.save(body.get("name"), changes, overwrite=overwrite)

    def _reload(self, body: Mapping[str, Any]) -> Any:
        with self._turn(body):
            self.desk.reload()
            return self.desk.state()

    def _turn(self, body: Mapping[str, Any]) -> Any:
        page, number = body.get("page"), body.get("number")
        if not isinstance(page, str) or not 0 < len(page) <= 64:
            raise Malformed("page is no name of a page")
        if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < 2**53:
            raise Malformed("number is no whole number above zero")
        return self.turns.turn(page, number)

    def _told(self, error: AdsplitError) -> dict[str, Any]:
        """What went wrong, without the folders of this machine."""
        clean = self.desk.scrubbed
        if isinstance(error, PlanError):
            faults = [
                {
                    "path": fault.path,
                    "problem": clean(fault.problem),
                    "advice": clean(fault.advice),
                }
                for fault in error.faults
            ]
            return {"kind": "faults", "faults": faults}
        if isinstance(error, Infeasible):
            ways = [way.says for way in error.conflict.relaxations]
            rules = list(error.conflict.rules)
            message = clean(str(error))
            return {"kind": "infeasible", "message": message, "rules": rules, "ways": ways}
        return {"kind": "failed", "message": clean(str(error))}


def _lang(body: Mapping[str, Any]) -> str:
    lang = body.get("lang")
    if not isinstance(lang, str) or lang not in LANGUAGES:
        raise Malformed(f"lang is none of {', '.join(LANGUAGES)}")
    return lang


def _others(lang: str) -> list[str]:
    return [one for one in LANGUAGES if one != lang]


def _body(request: Request) -> Mapping[str, Any]:
    """The request's body as a JSON object.

    Raises:
        Malformed: it is none.
    """
    if request.mimetype != "application/json":
        raise Malformed("the body is not application/json")
    try:
        body = json.loads(request.get_data(), parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Malformed("the body is not JSON") from None
    if not isinstance(body, dict):
        raise Malformed("the body is not an object")
    return body


def _no_number(word: str) -> float:
    raise ValueError(word)


def _json(data: Any, status: int = 200) -> Response:
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(text, status, mimetype="application/json")


def _refusal(status: int, message: str, kind: str = "refused") -> Response:
    return _json({"error": {"kind": kind, "message": message}}, status)


def _source(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _files() -> dict[str, bytes]:
    """The files that a page loads, by name."""
    own = {name: _source(name).encode() for name in ("studio.css", "studio.js")}
    return {**assets(), **own}
