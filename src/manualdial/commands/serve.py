"""`manualdial serve`: the service, until a signal ends it."""

from __future__ import annotations

import errno
import os
from typing import Annotated

import msgspec
import typer

from manualdial.app.service import serving
from manualdial.commands.configuration import ConfigFile, configuration
from manualdial.commands.failure import CommandFailed, single
from manualdial.commands.running import collect_less, collect_nothing, run, stopping, unless
from manualdial.config import Config, LogFormat
from manualdial.ports import Engine
from manualdial.telemetry import log

_EXAMPLE = "Example: manualdial serve --config /etc/manualdial.toml"


def serve(
    config: ConfigFile = None,
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Listen here instead.")] = None,
    port: Annotated[
        int | None, typer.Option(metavar="PORT", min=0, max=65_535, help="Listen on this port instead; 0: a free one.")
    ] = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C. The log goes to standard error.

    The first signal ends what is under way in order and leaves live calls up in the engine; the second ends at once.
    """
    settings = configuration(config)
    wanted = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = msgspec.structs.replace(settings, server=msgspec.structs.replace(settings.server, **wanted))
    log.set_up(console=settings.log.format is LogFormat.CONSOLE, level=settings.log.level)
    run(until_stopped(settings))


async def until_stopped(settings: Config, *, engine: Engine | None = None) -> None:
    """Serve until a signal; `engine` stands for the one of the settings. Raises CommandFailed where it ends before."""
    try:
        with stopping() as stop:
            collect_nothing()
            async with serving(settings, engine=engine) as service:
                collect_less()
                await unless(stop, service.ended())
                if not stop.is_set():
                    raise CommandFailed("The service ended by itself; its log says why.")
    except OSError as error:
        raise CommandFailed(_reason(settings, error)) from None
    except UnicodeError:
        raise CommandFailed(
            f"The service cannot listen on {settings.server.host}: that is no name of a host."
        ) from None


def _reason(settings: Config, error: OSError) -> str:
    server = settings.server
    if error.errno in (errno.EADDRINUSE, errno.EACCES) and error.filename is None:
        return f"Port {server.port} of {server.host} cannot be used: {os.strerror(error.errno)}."
    where = f" ({error.filename})" if error.filename else ""
    return f"The service cannot start: {error.strerror or 'a system call failed'}{where}."


application = single(serve, example=_EXAMPLE)
