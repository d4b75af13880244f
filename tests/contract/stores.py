"""What the store contract needs: databases that can be taken away and given back, and what to store in them."""

from __future__ import annotations

import asyncio
import sqlite3
import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import msgspec

from manualdial.agents import AgentSession
from manualdial.callers import Role, User
from manualdial.calls import Call, CallSignal, Report, advance, end_wrap_up
from manualdial.ports import EvidenceStore, RecordStore, RequestIdTaken, Store
from manualdial.storage import SqlStore
from manualdial.storage.database import Database, database
from tests.servers.postgresql import PostgresqlServer
from tests.support import calls
from tests.support.calls import TO_CONNECTED
from tests.support.memory_store import MemoryStore

LIMIT = 60.0
"""Seconds: far more than any wait in the tests takes."""
NOON = datetime(2031, 5, 6, 12, 0, 0, 123456, tzinfo=UTC)


class WholeStore(Store, RecordStore, EvidenceStore, Protocol):
    """A store of everything."""

    async def __aenter__(self) -> WholeStore: ...


class Lab(Protocol):
    """A place with one database."""

    url: str

    def store(self, *, flush_timeout: float = 1.0, linger: float = 0.03) -> WholeStore:
        """A store over the database; as many as one likes. One that has no time to flush ends as in a crash."""
        ...

    def outage(self) -> AbstractAsyncContextManager[None]:
        """For so long nothing can be written."""
        ...

    async def quiet(self) -> None:
        """Wait until nothing is under way that a store that was left has begun."""
        ...


class SqliteLab:
    """A file. In an outage somebody else holds the right to write, for which a store waits `answer_timeout` seconds."""

    def __init__(self, directory: Path, *, answer_timeout: float = LIMIT) -> None:
        self._answer_timeout = answer_timeout
        self._file = directory / "journal.sqlite3"
        self.url = f"sqlite:///{self._file}"

    def store(self, *, flush_timeout: float = 1.0, linger: float = 0.03) -> SqlStore:
        return SqlStore(
            self.url,
            flush_timeout=flush_timeout,
            linger=linger,
            answer_timeout=self._answer_timeout,
            first_retry=0.02,
            longest_retry=0.1,
        )

    @asynccontextmanager
    async def outage(self) -> AsyncIterator[None]:
        with closing(sqlite3.connect(self._file, isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            yield
            connection.execute("ROLLBACK")

    async def quiet(self) -> None:
        """A store waits for its threads when it is left."""


class PostgresqlLab:
    """A database of a server. In an outage the server is not there."""

    def __init__(self, server: PostgresqlServer) -> None:
        self._server = server
        self.url = server.new_database()

    def store(self, *, flush_timeout: float = 1.0, linger: float = 0.03) -> SqlStore:
        return SqlStore(self.url, flush_timeout=flush_timeout, linger=linger, first_retry=0.02, longest_retry=0.1)

    @asynccontextmanager
    async def outage(self) -> AsyncIterator[None]:
        await asyncio.to_thread(self._server.stop)
        try:
            yield
        finally:
            await asyncio.to_thread(self._server.start)

    async def quiet(self) -> None:
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        place = database(self.url, answer_timeout=5.0, migration_timeout=5.0)
        try:
            async with asyncio.timeout(LIMIT):
                # The server tells nobody when a connection has ended.
                while await place.read(lambda c: c.exec_driver_sql(others).scalar()):  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
        finally:
            await place.close()


class MemoryLab:
    """The store that other tests use in a database's place: it must keep to the same contract."""

    url = ""

    def __init__(self) -> None:
        self._store = MemoryStore()

    def store(self, *, flush_timeout: float = 1.0, linger: float = 0.03) -> MemoryStore:
        return self._store

    @asynccontextmanager
    async def outage(self) -> AsyncIterator[None]:
        self._store.unavailable = True
        yield
        self._store.unavailable = False

    async def quiet(self) -> None:
        """It does everything at once."""


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """A database below the store."""
    place = database(url, answer_timeout=5.0, migration_timeout=30.0)
    await place.open()
    try:
        yield place
    finally:
        await place.close()


def a_user(**fields: Any) -> User:
    """An agent of the tenant "north"."""
    user = User(
        id=str(uuid.uuid4()),
        tenant_id="north",
        tenant="North",
        login_name="ada",
        name="Ada Lovelace",
        password_hash="$argon2id$v=19$hash",
        roles=frozenset({Role.AGENT}),
    )
    return msgspec.structs.replace(user, **fields)


def a_call(**fields: Any) -> Call:
    """A new call of agent "ada" of the tenant "north"; `minute` sets when it was asked for."""
    at = NOON + timedelta(minutes=fields.pop("minute", 0))
    return calls.a_call(**{"tenant_id": "north", "agent_id": "ada", "requested_at": at, "at": at, **fields})


def a_login(agent_id: str = "ada", **fields: Any) -> AgentSession:
    """The login of an agent of the tenant "north", who has just logged in."""
    session = AgentSession(
        agent_id=agent_id,
        tenant_id="north",
        login_name=f"{agent_id}@north",
        name=agent_id.title(),
        connector="Amazon",
        extension="2001",
        region="US",
        chosen_at=NOON,
        since=NOON,
    )
    return msgspec.structs.replace(session, **fields)


def record(store: Store, call: Call, *signals: CallSignal | Report) -> Call:
    """Record what reports of the engine change, a second apart. Returns the call as it is then."""
    for signal in signals:
        later = call.at + timedelta(seconds=1)
        report = signal if isinstance(signal, Report) else Report(call_id=call.id, signal=signal, at=later)
        for change in advance(call, report):
            store.record_change(change)
            call = change.call
    return call


def record_whole_call(store: Store, call: Call) -> Call:
    """Record all that happens to a call, to the end of its wrap-up. Returns the call as it is then."""
    call = record(store, call, *TO_CONNECTED, CallSignal.ENDED)
    for change in end_wrap_up(call, call.at + timedelta(seconds=1)):
        store.record_change(change)
        call = change.call
    return call


async def stored(store: Store, call: Call) -> Call:
    """The call as the store has it."""
    found = await store.call(call.tenant_id, call.id)
    assert found is not None
    return found[0]


async def history(store: Store, call: Call) -> list[tuple[int, str, str, str]]:
    """The history of a call as the store has it, without the times."""
    found = await store.call(call.tenant_id, call.id)
    assert found is not None
    return [(line.step, line.state, line.leg, line.event) for line in found[1]]


async def winners(*presses: tuple[Store, Call]) -> tuple[list[Call], list[Call]]:
    """Press all at once. Returns the calls that were written, and those that the others were told of."""
    outcomes = await asyncio.gather(*(store.record_press(call) for store, call in presses), return_exceptions=True)
    written = [call for (_, call), outcome in zip(presses, outcomes, strict=True) if outcome is None]
    told = [outcome.call for outcome in outcomes if isinstance(outcome, RequestIdTaken)]
    assert len(written) + len(told) == len(presses), outcomes
    return written, told
