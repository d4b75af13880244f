"""Brings the schema of a database up to date, by Alembic.

A migration imports nothing of ours, and is not changed once it is released: its file begins with the next number, and
its number is its revision.
"""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from manualdial.ports import StoreUnavailable

_MIGRATIONS = Path(__file__).with_name("migrations")
_ADVISORY_LOCK = 0x6D616E75616C  # "manual": one number for all processes that share a PostgreSQL database

# Alembic keeps the migration that runs in its modules: one at a time in a process.
_one_at_a_time = threading.Lock()


def upgrade(connection: Connection) -> None:
    """Run the migrations that are missing, in the transaction of `connection`. Call it on a thread where it may wait.

    Of several processes one migrates, and the others wait for it: on SQLite by the right to write, which the
    transaction has, on PostgreSQL by an advisory lock.
    """
    if _revision(connection) == max(path.name for path in (_MIGRATIONS / "versions").glob("*.py"))[:4]:
        return
    # Imported where it is needed, which is once in the life of a version: it takes as long as all that stands above.
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        with _one_at_a_time:
            command.upgrade(config, "head")
    except CommandError as fault:
        raise StoreUnavailable(f"the schema is of another version: {type(fault).__name__}") from None


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision
