"""The command line's door: which commands there are. The module of a command is imported when the command is called."""

from __future__ import annotations

import io
import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from manualdial import __version__

COMMANDS = {
    "serve": "Serve until SIGTERM or Ctrl-C. The log goes to standard error.",
    "dial": "Have one number dialled, and follow the call to its end.",
    "check": "Ask the service whether a number may be called, and show the verdict with its reasons.",
    "tail": "Follow the bus until Ctrl-C.",
    "doctor": "Look at everything the service needs, and say what to mend. Exit code 1 when something fails.",
    "demo": (
        "Show one press to the end of its call, and what is refused and why, on a service of its own; go on serving."
    ),
    "policy": "The rules that dials are judged by.",
    "registry": "The held copies of national do-not-call registries.",
    "do-not-call": "Who asked not to be called: the company's list and the campaigns'.",
    "consent": "Who agreed to be called.",
    "record": "What is on record about numbers.",
    "evidence": "The evidence of every attempt, and its proof.",
    "user": "Who may sign in.",
    "config": "The settings in force.",
}
"""The help's words on each. Its module in `manualdial.commands` has its name, and the command as `application`."""


class LazyGroup(TyperGroup):
    """All commands by their names; the one that is called is imported then."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for name, about in COMMANDS.items():
            self.add_command(TyperCommand(name, help=about))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that was called, with what it does."""
        name, found, rest = super().resolve_command(ctx, args)
        return name, found and command_of(str(found.name)), rest


def command_of(name: str) -> Any:
    """The command of that name, imported."""
    module = import_module(f"manualdial.commands.{name.replace('-', '_')}")
    return typer.main.get_command(module.application)


application = typer.Typer(
    name="manualdial",
    cls=LazyGroup,
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


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show an arrow gets a question mark
    application()


if __name__ == "__main__":
    main()
