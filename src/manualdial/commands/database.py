"""The database that a command reads: one that is there. A command that only reads makes none."""

from __future__ import annotations

from pathlib import Path

from manualdial.commands.failure import CommandFailed
from manualdial.config import Config
from manualdial.ports import Storage

_SQLITE = "sqlite:///"


def missing_file(url: str) -> Path | None:
    """The SQLite file that is not there yet: looking at it would make it."""
    path = Path(url.removeprefix(_SQLITE))
    return path if url.startswith(_SQLITE) and not path.exists() else None


def existing_store(config: Config) -> Storage:
    """The store that the configuration names. Raises CommandFailed where its SQLite file is not there."""
    from manualdial.app.adapters import store_for

    if (missing := missing_file(config.storage.url)) is not None:
        raise CommandFailed(f"There is no database at {missing}.")
    return store_for(config)
