"""The settings and the database that a command works with."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from manualdial import config as configurations
from manualdial.app.adapters import store_for
from manualdial.commands.failure import CommandFailed, WronglyCalled
from manualdial.config import Config
from manualdial.plain_text import printable
from manualdial.ports import Storage

_SQLITE = "sqlite:///"
DEFAULT_FILE = Path("manualdial.toml")

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        envvar="MANUALDIAL_CONFIG",
        help="The configuration file; without one, manualdial.toml of this folder if it is there.",
    ),
]

Result = TypeVar("Result")


def file_in_force(chosen: Path | None) -> Path | None:
    """The file that was named, or the one of this folder, or none: then the defaults are in force."""
    if chosen is not None:
        return chosen
    return DEFAULT_FILE if DEFAULT_FILE.exists() else None


def configuration(chosen: Path | None) -> Config:
    """The configuration from the file in force and the environment. Raises ConfigurationError."""
    return configurations.load(file_in_force(chosen), os.environ)


def missing_file(url: str) -> Path | None:
    """The SQLite file that is not there yet: looking at it would make it."""
    path = Path(url.removeprefix(_SQLITE))
    return path if url.startswith(_SQLITE) and not path.exists() else None


def with_store(config: Config, work: Callable[[Storage], Awaitable[Result]], *, make: bool = False) -> Result:
    """Do the work with the store that the configuration names.

    Raises CommandFailed where its SQLite file is not there, unless it is to be made.
    """
    if not make and (missing := missing_file(config.storage.url)) is not None:
        raise CommandFailed(f"There is no database at {missing}.")

    async def opened() -> Result:
        async with store_for(config) as store:
            return await work(store)

    return asyncio.run(opened())


def for_tenant(config: Config, tenant: str | None, work: Callable[[Storage, str], Awaitable[Result]]) -> Result:
    """Do the work with the store and the id of the tenant that is meant."""

    async def of_tenant(store: Storage) -> Result:
        tenant_id, _ = await tenant_of(store, tenant)
        return await work(store, tenant_id)

    return with_store(config, of_tenant)


async def tenant_of(store: Storage, name: str | None) -> tuple[str, str]:
    """Id and name of the tenant that is meant. Raises WronglyCalled where that is not clear, or there is none."""
    known = await store.tenants()
    if name is None:
        if len(known) == 1:
            return known[0]
        if not known:
            raise CommandFailed("There is no tenant yet; `manualdial user add` makes one.")
        names = ", ".join(sorted(printable(each) for _, each in known))
        raise WronglyCalled(f"say which tenant with --tenant: {names}.")
    for tenant_id, each in known:
        if each.casefold() == name.strip().casefold():
            return tenant_id, each
    raise CommandFailed(f"There is no tenant {printable(name)}.")
