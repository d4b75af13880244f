"""What the store contract needs: databases that can be taken away and given back, and calls to store in them."""

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

from manualdial.agents import Role, User
from manualdial.calls import Call, Report, Sign, advance
from manualdial.numbers import PhoneNumber
from manualdial.ports import Store
from manualdial.storage import SqlStore
from tests.servers.postgresql import PostgresqlServer

NOON = datetime(2031, 5, 6, 12, 0, 0, 123456, tzinfo=UTC)


class Lab(Protocol):
    """A place with one database."""

    url: str

    def store(self) -> SqlStore:
        """A store over the database; as many as one likes."""
        ...

    def outage(self) -> AbstractAsyncContextManager[None]:
        """For so long nothing can be written."""
        ...


class SqliteLab:
    """A file. In an outage somebody else holds the right to write."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "journal.sqlite3"
        self.url = f"sqlite:///{self._file}"

    def store(self) -> SqlStore:
        return SqlStore(self.url, flush_timeout=1.0, answer_timeout=0.2, first_retry=0.02, longest_retry=0.1)

    def store_that_waits(self) -> SqlStore:
        return SqlStore(self.url, flush_timeout=10.0)

    @asynccontextmanager
    async def outage(self) -> AsyncIterator[None]:
        with closing(sqlite3.connect(self._file, isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            yield
            connection.execute("ROLLBACK")


class PostgresqlLab:
    """A database of a server. In an outage the server is not there."""

    def __init__(self, server: PostgresqlServer) -> None:
        self._server = server
        self.url = server.new_database()

    def store(self) -> SqlStore:
        return SqlStore(self.url, flush_timeout=1.0, first_retry=0.02, longest_retry=0.1)

    @asynccontextmanager
    async def outage(self) -> AsyncIterator[None]:
        await asyncio.to_thread(self._server.stop)
        try:
            yield
        finally:
            await asyncio.to_thread(self._server.start)


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
    call = Call(
        id=str(uuid.uuid4()),
        tenant_id="north",
        agent_id="ada",
        connector="LCM",
        engine="Simulator",
        extension="101",
        number=PhoneNumber(typed="(202) 555-0123", e164="+12025550123", region="US", type="fixed_line_or_mobile"),
        requested_at=at,
        at=at,
    )
    return msgspec.structs.replace(call, **fields)


def record(store: Store, call: Call, *signs: Sign | Report) -> Call:
    """Record what reports of the engine change, a second apart. Returns the call as it is then."""
    for sign in signs:
        later = call.at + timedelta(seconds=1)
        report = sign if isinstance(sign, Report) else Report(call_id=call.id, sign=sign, at=later)
        for change in advance(call, report):
            store.record_change(change)
            call = change.call
    return call
