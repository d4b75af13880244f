"""Brings the schema of a database up to date, by Alembic.

A migration imports nothing of ours, and is not changed once it is released: its file begins with the next number, and
its number is its revision.
"""

from __future__ import annotations

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

_MIGRATIONS = Path(__file__).with_name("migrations")
_ADVISORY_LOCK = 0x6D616E75616C  # "manual": one number for all processes that share a PostgreSQL database

# Alembic keeps the migration that runs in its modules: one at a time in a process.
_one_at_a_time = threading.Lock()


def upgrade(connection: Connection) -> None:
    """Run the migrations that are missing, in the transaction of `connection`. Call it on a thread where it may wait.

    Of several processes one migrates, and the others wait for it: on SQLite by the right to write, which the
    transaction has, on PostgreSQL by an advisory lock.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    with _one_at_a_time:
        command.upgrade(config, "head")
