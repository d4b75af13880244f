"""Connections of the storage: none is lost, kept in a transaction, or waited for without an end."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from enum import Enum, auto
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, inspect, make_url
from sqlalchemy.exc import DBAPIError

from manualdial.ports import AttemptsChanged, StoreUnavailable
from manualdial.storage import SqlStore
from manualdial.storage.database import Database, database
from tests.adapters.test_schema import differences, to_revision
from tests.contract.chains import an_attempt, kinds, seen, whole_chain
from tests.contract.stores import LIMIT, a_call, opened
from tests.servers.postgresql import shared_server
from tests.support.calls import stored_calls

INSERTED = "SELECT count(*) FROM numbers"
CONNECTIONS = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND application_name = 'manualdial' AND pid <> pg_backend_pid()"
)


def do(connection: Connection, statement: str) -> None:
    """Execute a statement of the driver's."""
    connection.exec_driver_sql(statement).close()


def ask(connection: Connection, statement: str) -> Any:
    """The value that a statement of the driver's tells."""
    return connection.exec_driver_sql(statement).scalar()


def insert_number(connection: Connection) -> None:
    """Change something."""
    do(connection, "INSERT INTO numbers VALUES (1)")


class Disappointed(Exception):
    """What the work of a transaction may raise."""


def insert_in_vain(connection: Connection) -> None:
    """Change something that shall not be."""
    insert_number(connection)
    raise Disappointed


def insert_past_a_fault(connection: Connection) -> None:
    """Change something, and pass over what the server refuses."""
    insert_number(connection)
    with suppress(DBAPIError):
        do(connection, "SELECT 1 / 0")


@asynccontextmanager
async def with_numbers() -> AsyncIterator[tuple[str, Database]]:
    """A database of PostgreSQL with a table, and its URL."""
    url = shared_server().new_database()
    async with opened(url) as place, asyncio.timeout(LIMIT):
        await place.write(partial(do, statement="CREATE TABLE numbers (number integer)"))
        yield url, place


FAREWELL = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"


class Fault(Enum):
    """What happens to a connection."""

    CUT = auto()
    SILENT = auto()
    """Nothing arrives any more on either side, and nobody is told."""
    FAREWELL = auto()
    """The server says that it goes away, behind its next answer, and has not hung up yet."""


class Wire:
    """What lies between a store and its server. The first connection on which a word goes out breaks there."""

    def __init__(self) -> None:
        self.url = ""
        self.broken = asyncio.Event()
        self._word = b""
        self._fault = Fault.CUT
        self._tasks: set[asyncio.Task[None]] = set()

    def break_at(self, word: bytes, fault: Fault) -> None:
        """With a farewell behind the word, else before it."""
        self._word, self._fault = word, fault

    @asynccontextmanager
    async def to(self, url: str) -> AsyncIterator[Database]:
        """A database of the server, behind the wire."""
        home = str(make_url(url).query["host"])
        with tempfile.TemporaryDirectory(prefix="wire-", dir="/tmp") as here:  # a socket's path must be short
            take = partial(self._take, f"{home}/.s.PGSQL.5432")
            async with await asyncio.start_unix_server(take, f"{here}/.s.PGSQL.5432"):
                place = database(url.replace(home, here), answer_timeout=LIMIT, migration_timeout=LIMIT)
                try:
                    yield place
                finally:
                    await place.close()
                    await asyncio.gather(*self._tasks)

    def _take(self, server: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.create_task(self._carry(server, reader, writer)))

    async def _carry(self, server: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, questions = await asyncio.open_unix_connection(server)
        goes = asyncio.Event()
        answering = asyncio.create_task(_copy(answers, writer, goes))
        with suppress(OSError):
            while data := await reader.read(65536):
                if self._word and self._word in data:
                    self._word = b""
                    self.broken.set()
                    if self._fault is Fault.FAREWELL:
                        goes.set()
                    else:
                        answering.cancel()
                        while self._fault is Fault.SILENT and await reader.read(65536):
                            pass
                        break
                questions.write(data)
        questions.transport.abort()
        writer.transport.abort()
        await asyncio.wait([answering])


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, goes: asyncio.Event) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            if goes.is_set():
                goes.clear()
                data += b"E" + (len(FAREWELL) + 4).to_bytes(4) + FAREWELL
            writer.write(data)
    writer.transport.abort()


# ── lost, silent, left ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.postgresql
@pytest.mark.parametrize("word", [b"BEGIN", b"INSERT"])
async def test_a_connection_lost_before_the_commit_costs_nothing(word: bytes) -> None:
    wire = Wire()
    async with with_numbers() as (url, direct), wire.to(url) as place:
        wire.break_at(word, Fault.CUT)
        await place.write(insert_number, locks=[1, 2])
        assert wire.broken.is_set()
        assert await direct.read(partial(ask, statement=INSERTED)) == 1


@pytest.mark.postgresql
@pytest.mark.parametrize("word", [b"BEGIN", b"INSERT", b"COMMIT\x00"])
async def test_a_server_that_goes_away_between_two_statements_costs_nothing(word: bytes) -> None:
    wire = Wire()
    async with with_numbers() as (url, direct), wire.to(url) as place:
        wire.break_at(word, Fault.FAREWELL)
        for _ in range(2):
            await place.write(insert_number, locks=[1, 2])
        assert wire.broken.is_set()
        assert await direct.read(partial(ask, statement=INSERTED)) == 2


@pytest.mark.postgresql
async def test_a_transaction_that_the_server_rolls_back_is_not_told_as_written() -> None:
    async with with_numbers() as (_, place):
        with pytest.raises(StoreUnavailable):
            await place.write(insert_past_a_fault)
        assert await place.read(partial(ask, statement=INSERTED)) == 0


@pytest.mark.postgresql
async def test_a_server_that_goes_away_before_the_commit_fails_that_transaction_alone() -> None:
    wire = Wire()
    async with with_numbers() as (url, _), wire.to(url) as place:
        wire.break_at(b"BEGIN", Fault.FAREWELL)
        with pytest.raises(StoreUnavailable):
            await place.write(lambda connection: None)
        assert await place.read(partial(ask, statement=INSERTED)) == 0


@pytest.mark.postgresql
async def test_a_server_that_goes_away_between_two_questions_costs_nothing() -> None:
    wire = Wire()
    async with with_numbers() as (url, _), wire.to(url) as place:
        await place.fetch(INSERTED, ())
        wire.break_at(b"other", Fault.FAREWELL)
        await place.fetch("SELECT 1 AS other", ())
        assert wire.broken.is_set()
        assert [list(row) for row in await place.fetch(INSERTED, ())] == [[0]]


@pytest.mark.postgresql
@pytest.mark.parametrize("word", [b"BEGIN", b"INSERT", b"COMMIT\x00"])
async def test_a_caller_that_leaves_a_silent_server_waits_for_nothing_and_leaves_nothing(word: bytes) -> None:
    wire = Wire()
    async with with_numbers() as (url, direct), wire.to(url) as place:
        wire.break_at(word, Fault.SILENT)
        writing = asyncio.create_task(place.write(insert_number, locks=[1, 2]))
        await wire.broken.wait()
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        await direct.write(insert_number, locks=[1, 2])
        assert await place.read(partial(ask, statement=INSERTED)) == 1


@pytest.mark.postgresql
async def test_a_caller_that_leaves_in_the_roll_back_leaves_no_transaction_to_the_next() -> None:
    wire = Wire()
    async with with_numbers() as (url, direct), wire.to(url) as place:
        wire.break_at(b"ROLLBACK", Fault.SILENT)
        writing = asyncio.create_task(place.write(insert_in_vain, locks=[1, 2]))
        await wire.broken.wait()
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        # Nobody else has the locks, and the next one gets a connection that answers.
        await place.write(insert_number, locks=[1, 2])
        assert await direct.read(partial(ask, statement=INSERTED)) == 1


@pytest.mark.postgresql
async def test_a_connection_lost_in_the_roll_back_changes_nothing_of_what_is_told() -> None:
    wire = Wire()
    async with with_numbers() as (url, direct), wire.to(url) as place:
        wire.break_at(b"ROLLBACK", Fault.CUT)
        with pytest.raises(Disappointed):
            await place.write(insert_in_vain, locks=[1, 2])
        await place.write(insert_number, locks=[1, 2])
        assert await direct.read(partial(ask, statement=INSERTED)) == 1


# ── locks ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.postgresql
@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
async def test_who_waited_for_a_lock_sees_what_its_holder_wrote_whatever_the_server_is_set_to(level: str) -> None:
    server = shared_server()
    url = server.new_database()
    async with opened(url):
        server.execute(f"ALTER DATABASE {make_url(url).database} SET default_transaction_isolation = '{level}'")
    first, second = a_call(), a_call()
    async with SqlStore(url, flush_timeout=5.0) as one, SqlStore(url, flush_timeout=5.0) as other:
        outcomes = await asyncio.gather(
            one.record_press(first, expects=seen(first, 0)),
            other.record_press(second, expects=seen(second, 0)),
            return_exceptions=True,
        )
        assert sorted(map(type, outcomes), key=str) == [type(None), AttemptsChanged]


# ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.postgresql
async def test_a_server_that_says_nothing_is_not_waited_for_at_the_end() -> None:
    server = shared_server()
    async with opened(server.new_database()) as place, asyncio.timeout(LIMIT):
        await asyncio.gather(*(place.read(partial(ask, statement="SELECT pg_sleep(0.05)")) for _ in range(3)))
        await place.fetch("SELECT 1", ())
        server.freeze()
        try:
            await place.close()
        finally:
            server.thaw()


@pytest.mark.postgresql
async def test_what_runs_at_the_end_is_waited_for_and_leaves_no_connection() -> None:
    slowly = "SELECT pg_sleep(0.3)"
    async with with_numbers() as (url, direct):
        place = database(url, answer_timeout=LIMIT, migration_timeout=LIMIT)
        running = [
            asyncio.create_task(place.write(partial(do, statement=slowly))),
            asyncio.create_task(place.fetch(slowly, ())),
            asyncio.create_task(place.fetch(slowly, ())),
        ]
        while await direct.read(partial(ask, statement=CONNECTIONS)) < 2:  # noqa: ASYNC110  # the server tells nobody
            await asyncio.sleep(0.01)
        await place.close()
        assert all(task.done() for task in running)
        await asyncio.gather(*running)
        while await direct.read(partial(ask, statement=CONNECTIONS)):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        with pytest.raises(StoreUnavailable):
            await place.fetch(slowly, ())


async def test_a_file_that_is_read_at_the_end_is_closed_when_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "journal.sqlite3"
    place = database(f"sqlite:///{file}", answer_timeout=LIMIT, migration_timeout=LIMIT)
    await place.open()
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def read_long(connection: Connection) -> Any:
        do(connection, "SELECT count(*) FROM calls")
        loop.call_soon_threadsafe(begun.set)
        counting = (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000) SELECT max(i) FROM n"
        )
        return ask(connection, counting)

    reading = asyncio.create_task(place.read(read_long))
    await begun.wait()
    await place.close()
    assert [each for each in open_files() if each.startswith(str(tmp_path))] == []
    assert await reading == 500_000


def open_files() -> list[str]:
    """The files that this process has open."""
    found = []
    for each in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(os.readlink(each))
    return found


# ── transactions of SQLite, and of the schema ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("way", ["ROLLBACK", "ABORT", "FAIL"])
async def test_a_statement_that_fails_in_the_middle_leaves_nothing_and_fails_no_other_press(
    tmp_path: Path, way: str
) -> None:
    file = tmp_path / "journal.sqlite3"
    trigger = (
        "CREATE TRIGGER refusal BEFORE INSERT ON call_changes "
        "WHEN NEW.call_id IN (SELECT id FROM calls WHERE request_id = 'refused') "
        "BEGIN SELECT RAISE(FAIL, 'as told'); END"
    )
    async with SqlStore(f"sqlite:///{file}", flush_timeout=5.0) as store:
        with closing(sqlite3.connect(file)) as other:
            other.execute(trigger.replace("FAIL", way))
        presses = [a_call(request_id=key) for key in ("first", "refused", "last")]
        outcomes = await asyncio.gather(
            *(store.record_press(call, evidence=an_attempt(call)) for call in presses), return_exceptions=True
        )
        assert [type(each) for each in outcomes] == [type(None), StoreUnavailable, type(None)]
        assert await store.press("ada", "refused") is None
        assert len(await stored_calls(store, "north")) == len(kinds(await whole_chain(store))) == 2
        assert (await store.health()).ok


async def test_a_migration_that_fails_in_the_middle_leaves_the_schema_as_it_was(url: str) -> None:
    async with opened(url) as place:
        await place.write(partial(to_revision, "0002"))
        tables = await place.read(lambda connection: inspect(connection).get_table_names())
        await place.write(partial(do, statement="CREATE TABLE policy_versions (version integer)"))
        with pytest.raises(StoreUnavailable):
            await SqlStore(url, flush_timeout=1.0).__aenter__()
        await place.write(partial(do, statement="DROP TABLE policy_versions"))
        assert await place.read(lambda connection: inspect(connection).get_table_names()) == tables
        async with opened(url) as migrated:
            assert await migrated.read(differences) == []
