"""The command line: the group of all commands.

Heavy libraries are imported inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import sys
import warnings

import click

from optimizer.terminal.commands import Commands
from optimizer.terminal.options import debug
from optimizer.terminal.verbs.ahead import commit, sure, track
from optimizer.terminal.verbs.aids import doctor, scenarios, schema
from optimizer.terminal.verbs.beginning import check, fit, import_, init
from optimizer.terminal.verbs.planning import compare, optimize, sensitivity, sweep
from optimizer.terminal.verbs.results import upload, verify
from optimizer.terminal.verbs.showing import chart, report, studio

__all__ = ["adsplit", "main"]


def _show_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"adsplit {version('adsplit')}")
        ctx.exit()


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="SCENARIO is a file, - for stdin, or a built-in name (adsplit scenarios lists them). "
    'Shell completion: eval "$(_ADSPLIT_COMPLETE=bash_source adsplit)" (or zsh, fish).',
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the version.",
)
@debug
def adsplit() -> None:
    """Splits a marketing budget between channels, brand and traffic - with a proof."""


for one in (
    *(init, import_, check),
    *(optimize, compare, sweep, sensitivity),
    *(report, chart, studio),
    *(track, sure, commit),
    *(fit, upload, verify),
    *(scenarios, schema, doctor),
):
    adsplit.add_command(one)


def main() -> None:
    """The console command."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # for developers; python -W shows them
    adsplit.main(prog_name="adsplit")


if __name__ == "__main__":
    main()
