"""The command line's door: which commands there are."""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

from manualdial import __version__
from manualdial.commands import (
    check,
    config,
    consent,
    demo,
    dial,
    do_not_call,
    doctor,
    evidence,
    policy,
    record,
    registry,
    serve,
    tail,
    user,
)
from manualdial.commands.failure import CommandGroup

application = typer.Typer(
    name="manualdial",
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 it worked, 1 it failed or was refused, 2 wrongly called or configured.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"manualdial {__version__}")
        raise typer.Exit


@application.callback()
def _manualdial(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Have a number dialled for the agent who is logged in, asked by one message on a bus."""


application.command(epilog=serve.EXAMPLE)(serve.serve)
application.command(epilog=dial.EXAMPLE)(dial.dial)
application.command(epilog=check.EXAMPLE)(check.check)
application.command(epilog=tail.EXAMPLE)(tail.tail)
application.add_typer(policy.policy, name="policy")
application.add_typer(registry.registry, name="registry")
application.add_typer(do_not_call.do_not_call, name="do-not-call")
application.add_typer(consent.consent, name="consent")
application.add_typer(record.record, name="record")
application.add_typer(evidence.evidence, name="evidence")
application.add_typer(user.user, name="user")
application.add_typer(config.config, name="config")
application.command(epilog=doctor.EXAMPLE)(doctor.doctor)
application.command(epilog=demo.EXAMPLE)(demo.demo)


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show an arrow gets a question mark
    application()


if __name__ == "__main__":
    main()
