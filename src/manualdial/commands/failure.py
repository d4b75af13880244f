"""How a command fails: one sentence on standard error, and an exit code. Never a traceback."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from manualdial.config import ConfigurationError
from manualdial.ports import StoreUnavailable

FAILED = 1
"""It did not work, or was refused."""
USAGE = 2
"""The command was called wrongly, or the configuration cannot be used."""


class CommandFailed(Exception):
    """The command ends here; the text is one sentence for whoever called it."""

    code = FAILED


class WronglyCalled(CommandFailed):
    """Something is missing on the command line, or does not fit together."""

    code = USAGE


class CommandGroup(TyperGroup):
    """A group of commands whose failures become a sentence and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except CommandFailed as failure:
            sentence, code = str(failure), failure.code
        except ConfigurationError as error:
            sentence, code = f"The configuration cannot be used: {error}", USAGE
        except StoreUnavailable as error:
            sentence, code = f"The database is not available: {error}", FAILED
        typer.echo(f"manualdial: {sentence}", err=True)
        raise typer.Exit(code)
