"""PostgreSQL over asyncpg."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, NullPool
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from manualdial.ports import StoreUnavailable
from manualdial.storage.faults import vendor_faults
from manualdial.storage.schema import upgrade

Result = TypeVar("Result")

_SETTINGS = {
    "application_name": "manualdial",
    # A transaction whose client was cut off holds its rows until the server gives it up.
    "idle_in_transaction_session_timeout": "60s",
}
_FETCHING = {
    **_SETTINGS,
    # A statement is planned once, and always by the way over the indexes: planning it anew for each press took longer
    # than the answer, and what the server knows of a table that was empty a moment ago leads it to read all of it.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}


class PostgresqlDatabase:
    """A database of a PostgreSQL server.

    `answer_timeout` is how long, in seconds, a transaction may take, with the connection that it may have to make;
    `migration_timeout` the same for bringing the schema up to date. A commit is as durable as the server's setting
    `synchronous_commit` says.
    """

    def __init__(self, url: URL, *, answer_timeout: float, migration_timeout: float) -> None:
        self._closed = False
        self._url = _for_asyncpg(url)
        self._answer_timeout = answer_timeout
        self._migration_timeout = migration_timeout
        self._engine = create_async_engine(
            self._url,
            connect_args={"server_settings": _SETTINGS},
            pool_timeout=answer_timeout,
            hide_parameters=True,
        )

        self._fetcher = create_async_engine(
            self._url,
            connect_args={"server_settings": _FETCHING},
            pool_size=1,
            max_overflow=0,
            pool_timeout=answer_timeout,
            hide_parameters=True,
        )

    @property
    def dialect(self) -> str:
        """SQLAlchemy's name for it."""
        return "postgresql"

    async def open(self) -> None:
        """Bring the schema up to date; another process that does so is waited for."""
        # On a thread with a loop of its own, because Alembic keeps its state in the module, and one lock guards it.
        with vendor_faults():
            await asyncio.to_thread(asyncio.run, self._upgrade())

    async def close(self) -> None:
        """Close the connections."""
        self._closed = True
        with vendor_faults():
            await self._engine.dispose()
            await self._fetcher.dispose()

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` in a transaction, and commit it."""
        return await self._run(work)

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` in a transaction."""
        return await self._run(work)

    async def fetch(self, statement: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """The rows of one statement, in one round trip."""
        if self._closed:
            raise StoreUnavailable("the store is closed")
        deadline = asyncio.get_running_loop().time() + self._answer_timeout
        with vendor_faults():
            try:
                return await _fetched(self._fetcher, statement, parameters, deadline=deadline)
            except _LostBeforeCommit:
                return await _fetched(self._fetcher, statement, parameters, deadline=deadline)

    async def _run(self, work: Callable[[Connection], Result]) -> Result:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        deadline = asyncio.get_running_loop().time() + self._answer_timeout
        with vendor_faults():
            try:
                return await _transaction(self._engine, work, deadline=deadline)
            except _LostBeforeCommit:
                # It died while it lay idle, as in a restart of the server. Asking the server before each use, as
                # `pool_pre_ping` does, takes three round trips, and a whole press four.
                return await _transaction(self._engine, work, deadline=deadline)

    async def _upgrade(self) -> None:
        engine = create_async_engine(self._url, poolclass=NullPool, hide_parameters=True)
        await _transaction(engine, upgrade, deadline=asyncio.get_running_loop().time() + self._migration_timeout)


class _LostBeforeCommit(StoreUnavailable):
    """The connection was lost, and nothing was written."""


async def _transaction(engine: AsyncEngine, work: Callable[[Connection], Result], *, deadline: float) -> Result:
    """Run `work` and commit. Raises TimeoutError at the deadline, a time of the loop."""
    connection: AsyncConnection = engine.connect()
    async with asyncio.timeout_at(deadline):
        await connection.start()
    driver: Any = (await connection.get_raw_connection()).driver_connection
    too_late = False

    def give_up() -> None:
        # Not by cancelling: SQLAlchemy would then take two seconds more for a farewell to a server that says nothing.
        nonlocal too_late
        too_late = True
        driver.terminate()

    alarm = asyncio.get_running_loop().call_at(deadline, give_up)
    try:
        result = await _before_commit(connection, work)
        await connection.commit()
        return result
    except asyncio.CancelledError:
        await _abandon(connection, driver)
        raise
    except (DBAPIError, _LostBeforeCommit):
        if too_late:
            raise TimeoutError from None
        raise
    finally:
        await connection.close()
        alarm.cancel()


async def _fetched(
    engine: AsyncEngine, statement: str, parameters: Sequence[Any], *, deadline: float
) -> Sequence[Sequence[Any]]:
    """The rows of a statement. Raises TimeoutError at the deadline, a time of the loop."""
    connection: AsyncConnection = engine.connect()
    async with asyncio.timeout_at(deadline):
        await connection.start()
    driver: Any = (await connection.get_raw_connection()).driver_connection
    try:
        async with asyncio.timeout_at(deadline):
            rows: Sequence[Sequence[Any]] = await driver.fetch(statement, *parameters)
            return rows
    except BaseException as fault:
        lost = driver.is_closed() and not isinstance(fault, TimeoutError | asyncio.CancelledError)
        await _abandon(connection, driver)
        if lost:
            raise _LostBeforeCommit("the connection was lost") from None
        raise
    finally:
        await connection.close()


async def _before_commit(connection: AsyncConnection, work: Callable[[Connection], Result]) -> Result:
    try:
        return await connection.run_sync(work)
    except DBAPIError as fault:
        if fault.connection_invalidated:
            raise _LostBeforeCommit("the connection was lost") from None
        raise


async def _abandon(connection: AsyncConnection, driver: Any) -> None:
    """Drop a connection without a word to the server, which may not answer: a roll-back or a farewell would wait."""
    driver.terminate()
    if not connection.invalidated:  # SQLAlchemy may have done so, and would complain
        await connection.invalidate()


def _for_asyncpg(url: URL) -> URL:
    """The URL with the driver in it, and libpq's name for the wish for TLS in asyncpg's."""
    ssl = url.query.get("sslmode")
    if ssl is not None:
        url = url.difference_update_query(["sslmode"]).update_query_dict({"ssl": ssl})
    return url.set(drivername="postgresql+asyncpg")
