"""The frame of the command line: help with examples, errors in words, telling exit codes.

Built on click. Nothing heavy is imported here, so that ``--help`` answers at once.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

import click

__all__ = [
    "BAD_INPUT",
    "EXIT_CODES",
    "INFEASIBLE",
    "INTERRUPTED",
    "MISSING",
    "OK",
    "STOPPED",
    "Command",
    "Commands",
    "Option",
    "command",
    "interrupted",
    "note",
]

OK, UNEXPECTED, USAGE, BAD_INPUT, INFEASIBLE, STOPPED, MISSING, INTERRUPTED = (
    *range(7),
    130,
)

EXIT_CODES = {
    OK: "solved and proven",
    UNEXPECTED: "unexpected error",
    USAGE: "wrong usage",
    BAD_INPUT: "bad input or data",
    INFEASIBLE: "no plan keeps all the rules",
    STOPPED: "a plan, but stopped before its proof",
    MISSING: "an optional part is not installed",
}

EXTRAS = {
    "xlsxwriter": ("Excel files need", "excel"),
    "openpyxl": ("Excel files need", "excel"),
    "pyarrow": ("Parquet files need", "parquet"),
    "distributed": ("a cluster needs", "dask"),
    "kaleido": ("pictures need", "images"),
    "h5netcdf": ("NetCDF files need", "netcdf"),
    "waitress": ("the studio needs", "studio"),
    "werkzeug": ("the studio needs", "studio"),
}
"""Optional libraries: what needs them, and the extra that installs them."""


_NAMED_IN_VAIN = {
    errno.EACCES, errno.EEXIST, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOENT,
    errno.ENOTDIR, errno.EPERM, errno.EROFS,
}  # fmt: skip
"""What the system says of a path that cannot be used as it is."""


class Option(click.Option):
    """An option that knows under which heading of the help it stands."""

    def __init__(self, *args: Any, section: str = "Options", **kwargs: Any) -> None:
        self.section = section
        super().__init__(*args, **kwargs)


class Command(click.Command):
    """A command with examples, and options under headings."""

    def __init__(self, *args: Any, examples: str = "", **kwargs: Any) -> None:
        self.examples = examples
        super().__init__(*args, **kwargs)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples, then the options by section."""
        _write_examples(formatter, self.examples)
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                section = getattr(parameter, "section", "Other")
                sections.setdefault(section, []).append(record)
        for section in sorted(sections, key=lambda name: name == "Other"):
            with formatter.section(section):
                formatter.write_dl(sections[section])


def command(
    name: str | None = None, *, examples: str, **kwargs: Any
) -> Callable[[Callable[..., Any]], Command]:
    """A command of :class:`Commands`; absent, its *name* is that of its function."""
    return click.command(name, cls=Command, examples=examples, **kwargs)


class Commands(click.Group):
    """The group of all commands: examples first, errors in words, telling exit codes."""

    command_class = Command

    examples = """
    adsplit optimize b2b                         the best plan of a built-in scenario
    adsplit init mine && adsplit check mine/scenario.yaml
    adsplit optimize mine/scenario.yaml --set budget=10M
    adsplit optimize b2b --reach lead=5000       the least spend that gets there
    adsplit compare b2b                          its what-ifs side by side
    adsplit report b2b -o plan.html              everything on one page, to share
    """

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples, then commands, options and exit codes."""
        formatter.write_text(self.help or "")
        _write_examples(formatter, self.examples)
        formatter.write_paragraph()
        self.format_usage(ctx, formatter)
        self.format_options(ctx, formatter)
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), words) for code, words in EXIT_CODES.items()])
        self.format_epilog(ctx, formatter)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """In the order they are written here, which is the order of use."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; every error becomes words and an exit code."""
        _use_utf8()
        try:
            with _watched_interrupts():
                code = super().invoke(ctx)
                sys.stdout.flush()
        except (click.ClickException, click.exceptions.Exit):
            raise
        except (KeyboardInterrupt, EOFError, click.Abort):
            note("\nInterrupted" if sys.stderr.isatty() else "Interrupted")
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            _leave_quietly(ctx)
        except Exception as error:  # noqa: BLE001 - the border of the program
            ctx.exit(_report(error))
        ctx.exit(code if isinstance(code, int) else OK)


def _write_examples(formatter: click.HelpFormatter, examples: str) -> None:
    if examples.strip():
        with formatter.section("Examples"):
            for line in examples.strip().splitlines():
                formatter.write(f"{'':>{formatter.current_indent}}{line.strip()}\n")


def _use_utf8() -> None:
    """Data is UTF-8 wherever it goes; a terminal keeps its own encoding and shows what it can."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError, OSError):
            if stream.isatty():
                stream.reconfigure(errors="replace")  # type: ignore[union-attr]
            else:
                stream.reconfigure(encoding="utf-8")  # type: ignore[union-attr]


interrupted = threading.Event()
"""Set once Ctrl-C was pressed, also where a solver has caught it to return the best plan so far."""


@contextmanager
def _watched_interrupts() -> Iterator[None]:
    """Remember that Ctrl-C was pressed, also where a solver has caught it to return a plan."""
    interrupted.clear()
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> NoReturn:
        interrupted.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _leave_quietly(ctx: click.Context) -> NoReturn:
    """Whoever read our output has gone (``| head -1``): end as other programs do."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    ctx.exit(128 + 13)


def _report(error: Exception) -> int:
    """Tell what went wrong on stderr, in words or as JSON, and say the exit code."""
    context = click.get_current_context()
    settings = context.find_root().meta
    if settings.get("debug"):
        import traceback

        traceback.print_exception(error)
    code, told = _told(error)
    if settings.get("format") == "json" and not sys.stderr.isatty():
        from optimizer.files import json_text

        click.echo(
            json_text({"schema": "adsplit.error/1", "exit_code": code, **told}), err=True, nl=False
        )
        return code
    faults = told.get("faults", [])
    head = _style("Error:", fg="red", bold=True)
    if len(faults) != 1:
        click.echo(f"{head} {told['message']}", err=True)
    for fault in faults:
        place = "  ".join(filter(None, (fault["where"], fault["path"])))
        place = _style(place, bold=True) if place else ""
        if len(faults) == 1:
            click.echo(f"{head} {place or fault['problem']}", err=True)
        elif place:
            click.echo(f"  {place}", err=True)
        if place or len(faults) > 1:
            click.echo(f"    {fault['problem']}", err=True)
        if fault["advice"]:
            known = fault["advice"].startswith(("Did you mean", "Known"))
            click.echo(f"    {'' if known else 'Fix: '}{fault['advice']}", err=True)
    if code == UNEXPECTED and not settings.get("debug"):
        click.echo("  --debug shows where it happened", err=True)
    return code


def _told(error: Exception) -> tuple[int, dict[str, Any]]:
    """The exit code of *error*, and what to say about it."""
    from optimizer import errors

    kind = {"error": type(error).__name__}
    match error:
        case errors.PlanError() | errors.SourceError():
            faults = [
                {"where": f.where, "path": f.path, "problem": f.problem, "advice": f.advice}
                for f in error.faults
            ]
            count = len(faults)
            words = str(error) if count == 1 else f"{count} things cannot be used"
            return BAD_INPUT, {**kind, "message": words, "faults": faults}
        case errors.Infeasible():
            ways: list[dict[str, Any]] = [
                {"rule": way.rule, "amount": way.amount, "unit": way.unit, "says": way.says}
                for way in error.conflict.relaxations
            ]
            rules = list(error.conflict.rules)
            return INFEASIBLE, {
                **kind,
                "message": str(error),
                "rules": rules,
                "relaxations": ways,
            }
        case errors.Unbounded():
            return BAD_INPUT, {**kind, "message": str(error)}
        case errors.NoSolver() | errors.NoBrowser():
            return MISSING, {**kind, "message": str(error)}
        case errors.SolverFailed() if interrupted.is_set():
            return INTERRUPTED, {**kind, "message": "interrupted before a plan was found"}
        case errors.AdsplitError():
            return UNEXPECTED, {**kind, "message": str(error)}
        case ModuleNotFoundError() if error.name in EXTRAS:
            need, extra = EXTRAS[error.name]
            words = f"{need} {error.name}; "
            words += f"install it with: pip install 'adsplit[{extra}]'"
            return MISSING, {**kind, "message": words}
        case OSError() if error.strerror:
            words = ": ".join(filter(None, (str(error.filename or ""), error.strerror)))
            # A file or folder that was named and cannot be used is wrong usage, as when it is
            # noticed before any work; a disk that is full is not.
            named = error.filename is not None and error.errno in _NAMED_IN_VAIN
            return USAGE if named else UNEXPECTED, {**kind, "message": words}
        case _:
            text = str(error).strip().splitlines()
            words = f"{type(error).__name__}: {text[0] if text else 'without a message'}"
            return UNEXPECTED, {**kind, "message": words}


def _style(text: str, **style: Any) -> str:
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return text if plain or not sys.stderr.isatty() else click.style(text, **style)


def note(text: str) -> None:
    """A remark beside the result."""
    click.echo(text, err=True)
