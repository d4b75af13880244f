"""How a command fails: one sentence on standard error, and an exit code. Never a traceback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from manualdial.client.errors import ClientError
from manualdial.config import ConfigurationError
from manualdial.imports.number_files import FileUnusable, NotAsSaid
from manualdial.ports import StoreUnavailable

FAILED = 1
"""It did not work, or was refused."""
USAGE = 2
"""The command was called wrongly, or the configuration cannot be used."""


class CommandFailed(Exception):
    """The command ends here; the text is one sentence for whoever called it."""


class WronglyCalled(CommandFailed):
    """Something is missing on the command line, or does not fit together."""


class FailingCommand(TyperCommand):
    """A command whose failure becomes a sentence and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run it."""
        with _in_a_sentence():
            return super().invoke(ctx)


class FailingGroup(TyperGroup):
    """A group of commands whose failures become a sentence and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        with _in_a_sentence():
            return super().invoke(ctx)


def group(about: str) -> typer.Typer:
    """A group that commands are added to."""
    return typer.Typer(cls=FailingGroup, no_args_is_help=True, add_completion=False, help=about)


def single(command: Callable[..., None], *, example: str) -> typer.Typer:
    """A command that stands alone."""
    alone = typer.Typer(add_completion=False)
    alone.command(cls=FailingCommand, epilog=example)(command)
    return alone


@contextmanager
def _in_a_sentence() -> Iterator[None]:
    try:
        yield
        return
    except (CommandFailed, ClientError, FileUnusable, NotAsSaid) as failure:
        sentence, code = str(failure), USAGE if isinstance(failure, WronglyCalled | NotAsSaid) else FAILED
    except ConfigurationError as error:
        sentence, code = f"The configuration cannot be used: {error}", USAGE
    except StoreUnavailable as error:
        sentence, code = f"The database is not available: {error}", FAILED
    typer.echo(f"manualdial: {sentence}", err=True)
    raise typer.Exit(code)
