"""What every press executes goes straight to SQLite's driver, within the transaction that SQLAlchemy holds.

SQLAlchemy's way there (a context, a cursor and a result for each statement) takes longer than SQLite itself. On
PostgreSQL it is SQLAlchemy that lets a function wait for an asynchronous driver.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

REFUSALS = (IntegrityError, sqlite3.IntegrityError)
"""What is raised where a row meets another one, or is none of its table."""


def execute(connection: Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Execute a statement of the driver's for each of the rows."""
    if (driver := _sqlite(connection)) is None:
        connection.exec_driver_sql(statement, list(rows)).close()
    else:
        driver.executemany(statement, rows).close()


def fetch(connection: Connection, statement: str, parameters: tuple[Any, ...]) -> Sequence[Sequence[Any]]:
    """The rows of a statement of the driver's."""
    if (driver := _sqlite(connection)) is None:
        return connection.exec_driver_sql(statement, parameters).all()
    return driver.execute(statement, parameters).fetchall()


def _sqlite(connection: Connection) -> sqlite3.Connection | None:
    if connection.dialect.name != "sqlite":
        return None
    driver: Any = connection.connection.driver_connection
    return cast("sqlite3.Connection", driver)
