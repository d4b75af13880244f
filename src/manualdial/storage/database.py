"""The database as the store needs it: it runs a function over a connection, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, make_url
from sqlalchemy.exc import ArgumentError

from manualdial.storage.postgresql import PostgresqlDatabase
from manualdial.storage.sqlite import SqliteDatabase

Result = TypeVar("Result")


class Database(Protocol):
    """A database. Its methods raise StoreUnavailable, and besides only what `work` itself raises.

    Where `work` raises, nothing is written. Where the commit was sent and not answered (the connection was lost in that
    moment, or the caller was cancelled) what was written may be there all the same.
    """

    @property
    def dialect(self) -> str:
        """SQLAlchemy's name for its kind: `sqlite` or `postgresql`."""
        ...

    async def open(self) -> None:
        """Bring the schema up to date."""
        ...

    async def close(self) -> None:
        """Wait for what runs, and close the connections."""
        ...

    async def write(self, work: Callable[[Connection], Result], *, locks: Iterable[int] = ()) -> Result:
        """Run `work` in a transaction, and commit it.

        From its beginning to its end it has the `locks`: of two transactions with one of them in common, one runs
        after the other. On SQLite that is so of any two.
        """
        ...

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work`, which changes nothing, in a transaction."""
        ...

    async def fetch(self, statement: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """The rows of one statement of the driver's, which changes nothing, and sees what is committed.

        For what is on the way of every press: SQLAlchemy and a transaction of its own took most of the time. One after
        the other.
        """
        ...


def database(url: str, *, answer_timeout: float, migration_timeout: float) -> Database:
    """The database of a URL: `sqlite:///PATH`, `postgresql://USER:PASSWORD@HOST/NAME`. Raises ValueError."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError("the database URL cannot be read") from None
    match parsed.get_backend_name():
        case "sqlite":
            return SqliteDatabase(parsed.database or "", answer_timeout=answer_timeout)
        case "postgresql" | "postgres":
            return PostgresqlDatabase(parsed, answer_timeout=answer_timeout, migration_timeout=migration_timeout)
        case _:
            raise ValueError("the database URL begins with sqlite:// or postgresql://")
