"""The databases that the journal is measured on, and what one synchronous commit costs each of them at the least."""

from __future__ import annotations

import asyncio
import functools
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

import asyncpg

from bench.table import Row
from tests.servers.postgresql import NoPostgresql, PostgresqlServer, new_server

BARE_COMMITS = 1000
_TABLE = "CREATE TABLE bare (id INTEGER PRIMARY KEY, line TEXT NOT NULL)"


class Database(Protocol):
    """A kind of database, ready for services and for the bare commits beside them."""

    name: str

    def new(self) -> str:
        """An empty database. Returns its URL, as the service takes it."""
        ...

    def bare_commits(self, *, pause: float = 0.0) -> list[float]:
        """Insert one small row and commit, one after the other, as the service's commits are. Seconds of each.

        `pause`: seconds between two.
        """
        ...

    def number(self, url: str, question: str) -> int:
        """The number that a SELECT brings, as it is committed now."""
        ...


class Sqlite:
    """Files in one folder."""

    name = "SQLite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def new(self) -> str:
        """An empty file."""
        return f"sqlite:///{self._folder / uuid.uuid4().hex}.sqlite3"

    def bare_commits(self, *, pause: float = 0.0) -> list[float]:
        """Through the driver alone, with the settings that the service has."""
        file = self.new().removeprefix("sqlite:///")
        times = []
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            for setting in ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 200"):
                connection.execute(f"PRAGMA {setting}")
            connection.execute(_TABLE)
            for number in range(BARE_COMMITS):
                began = time.perf_counter()
                connection.execute("INSERT INTO bare VALUES (?, ?)", (number, "a small line"))
                times.append(time.perf_counter() - began)
                time.sleep(pause)
        return times

    def number(self, url: str, question: str) -> int:
        """Beside whoever writes: readers of a WAL wait for nobody."""
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            return int(connection.execute(question).fetchone()[0])


class Postgresql:
    """Databases of one server, which waits for the disk at each commit."""

    name = "PostgreSQL"

    def __init__(self, server: PostgresqlServer) -> None:
        self._server = server

    def new(self) -> str:
        """A database of its own."""
        return self._server.new_database()

    def bare_commits(self, *, pause: float = 0.0) -> list[float]:
        """Through the driver alone."""
        return asyncio.run(self._bare_commits(pause))

    async def _bare_commits(self, pause: float) -> list[float]:
        connection = await asyncpg.connect(self.new())
        times = []
        try:
            await connection.execute(_TABLE)
            for number in range(BARE_COMMITS):
                began = time.perf_counter()
                await connection.execute("INSERT INTO bare VALUES ($1, $2)", number, "a small line")
                times.append(time.perf_counter() - began)
                await asyncio.sleep(pause)
        finally:
            await connection.close()
        return times

    def number(self, url: str, question: str) -> int:
        """Over a connection of its own."""
        return asyncio.run(self._number(url, question))

    async def _number(self, url: str, question: str) -> int:
        connection = await asyncpg.connect(url)
        try:
            return int(await connection.fetchval(question))
        finally:
            await connection.close()


@contextmanager
def sqlite() -> Iterator[Database]:
    """SQLite on the disk of the machine's temporary files."""
    with tempfile.TemporaryDirectory(prefix="manualdial-bench-") as folder:
        yield Sqlite(Path(folder))


def postgresql() -> Database | str:
    """A PostgreSQL server, the same one each time until the process ends; or why there is none."""
    server = _server()
    return server if isinstance(server, str) else Postgresql(server)


@contextmanager
def databases() -> Iterator[tuple[list[Database], str]]:
    """All that can be had here, and why one cannot be had."""
    with sqlite() as files:
        found = postgresql()
        if isinstance(found, str):
            yield [files], found
        else:
            yield [files, found], ""


def on_all(measured: Callable[[Database], list[Row]], *, what: str) -> list[Row]:
    """The rows of each database that can be had; one row says so where PostgreSQL cannot."""
    rows: list[Row] = []
    with databases() as (found, missing):
        for database in found:
            rows += measured(database)
    if missing:
        rows.append(Row(what=f"{what}, simulator, PostgreSQL", measured=f"not measured: {missing}"))
    return rows


@functools.cache
def _server() -> PostgresqlServer | str:
    try:
        return new_server(durable=True)
    except NoPostgresql as reason:
        return str(reason)
