"""A studio from the command line: where it listens, what is printed, how it ends."""

from __future__ import annotations

import secrets
import sys
import webbrowser
from typing import TYPE_CHECKING

import click

from .commands import note
from .phrases import phrase

if TYPE_CHECKING:
    from optimizer.studio.desk import Desk

__all__ = ["serve"]


def serve(desk: Desk, *, host: str, port: int, expose: bool, opens: bool, lang: str) -> None:
    """Serve *desk* until Ctrl-C.

    Raises:
        click.UsageError: the address cannot be listened at, or leads out of this machine and
            nobody said that it may.
        ModuleNotFoundError: the extra ``studio`` is not installed.
    """
    from optimizer.studio.guard import is_loopback
    from optimizer.studio.server import PortTakenError, Studio

    is_near = is_loopback(host)
    if not is_near and not expose:
        words = f"{host} can be reached from other machines; --expose says that you want that"
        raise click.UsageError(words)
    meta = click.get_current_context().find_root().meta
    try:
        studio = Studio(
            desk,
            secrets.token_urlsafe(32),
            host=host,
            port=port,
            lang=lang,
            exposed=not is_near,
            debug=bool(meta.get("debug")),
        )
    except PortTakenError:
        words = f"port {port} is in use; give another, or none for any that is free"
        raise click.UsageError(words) from None
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or str(error)
        raise click.UsageError(f"cannot listen at {host}: {words}") from None
    if not is_near:
        note(phrase("studio_exposed", lang, host=host))
    note(phrase("studio_at", lang, name=desk.name))
    sys.stdout.write(f"{studio.address}\n")
    sys.stdout.flush()
    note(phrase("studio_end", lang))
    if opens:
        webbrowser.open(studio.address)
    studio.run()
