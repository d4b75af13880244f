"""PostgreSQL over asyncpg."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, NullPool, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from manualdial.ports import StoreUnavailable
from manualdial.storage.faults import ASYNCPG_FAULTS, VENDOR_FAULTS, in_port_words
from manualdial.storage.schema import upgrade

Result = TypeVar("Result")

_KEPT = 5
"""So many connections are kept when they are not needed."""
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"
"""The level whatever the server's setting is: elsewhere a transaction sees what was there before it had its locks."""
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
        self._engine = _engine(self._url, _SETTINGS, pool_size=_KEPT, pool_timeout=answer_timeout)
        self._fetcher = _engine(self._url, _FETCHING, poolclass=NullPool)
        self._fetching: tuple[AsyncConnection, Any] | None = None
        """The connection that answers every press, and its driver: taking them out of a pool took as long."""
        self._one_fetch = asyncio.Lock()
        self._users = 0
        self._unused = asyncio.Event()
        self._unused.set()

    @property
    def dialect(self) -> str:
        """SQLAlchemy's name for it."""
        return "postgresql"

    async def open(self) -> None:
        """Bring the schema up to date; another process that does so is waited for."""
        # On a thread with a loop of its own, because Alembic keeps its state in the module, and one lock guards it.
        with self._in_use():
            await asyncio.to_thread(asyncio.run, self._upgrade())

    async def close(self) -> None:
        """Wait for what runs, and close the connections."""
        self._closed = True
        await self._unused.wait()  # each user has a time limit
        try:
            await self._give_up_fetching()
            await self._engine.dispose()
        except VENDOR_FAULTS as fault:
            raise in_port_words(fault) from None

    async def write(self, work: Callable[[Connection], Result], *, locks: Iterable[int] = ()) -> Result:
        """Run `work` in a transaction that has these locks, and commit it."""
        return await self._run(work, begin=_begin(locks))

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` in a transaction."""
        return await self._run(work)

    async def fetch(self, statement: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """The rows of one statement, in one round trip."""
        with self._in_use():
            async with asyncio.timeout(self._answer_timeout), self._one_fetch:
                try:
                    return await self._fetched(statement, parameters)
                except _LostBeforeCommit:
                    return await self._fetched(statement, parameters)

    async def _fetched(self, statement: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        if self._fetching is None:
            connection = await self._fetcher.connect()
            self._fetching = connection, await _driver_of(connection)
        _, driver = self._fetching
        try:
            rows: Sequence[Sequence[Any]] = await driver.fetch(statement, *parameters)
            return rows
        except BaseException as fault:
            lost = driver.is_closed() and not isinstance(fault, asyncio.CancelledError)
            await self._give_up_fetching()
            if lost:
                raise _LostBeforeCommit("the connection was lost") from None
            raise

    async def _give_up_fetching(self) -> None:
        if self._fetching is not None:
            (connection, driver), self._fetching = self._fetching, None
            await _abandon(connection, driver)
            await connection.close()

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        """Raises StoreUnavailable once `close` has begun; that waits until nobody is in here."""
        if self._closed:
            raise StoreUnavailable("the store is closed")
        self._users += 1
        self._unused.clear()
        try:
            yield
        except VENDOR_FAULTS as fault:
            raise in_port_words(fault) from None
        finally:
            self._users -= 1
            if not self._users:
                self._unused.set()

    async def _run(self, work: Callable[[Connection], Result], *, begin: str = _BEGIN) -> Result:
        deadline = asyncio.get_running_loop().time() + self._answer_timeout
        with self._in_use():
            # Some may have died while they lay idle, as in a restart of the server. Asking the server before each use,
            # as `pool_pre_ping` does, takes a round trip, and a whole press three.
            for _ in range(_KEPT):
                with suppress(_LostBeforeCommit):
                    return await _transaction(self._engine, work, begin=begin, deadline=deadline)
            return await _transaction(self._engine, work, begin=begin, deadline=deadline)

    async def _upgrade(self) -> None:
        engine = _engine(self._url, {}, poolclass=NullPool)
        deadline = asyncio.get_running_loop().time() + self._migration_timeout
        await _transaction(engine, upgrade, begin=_BEGIN, deadline=deadline)


class _LostBeforeCommit(StoreUnavailable):
    """The connection was lost, and nothing was written."""


async def _transaction(
    engine: AsyncEngine, work: Callable[[Connection], Result], *, begin: str, deadline: float
) -> Result:
    """Run `work` and commit. Raises TimeoutError at the deadline, a time of the loop."""
    connection: AsyncConnection = engine.connect()
    async with asyncio.timeout_at(deadline):
        await connection.start()
    driver = await _driver_of(connection)
    too_late = False

    def give_up() -> None:
        # Not by cancelling: that is what a caller does who leaves.
        nonlocal too_late
        too_late = True
        driver.terminate()

    alarm = asyncio.get_running_loop().call_at(deadline, give_up)
    try:
        result = await _before_commit(connection, driver, work, begin)
        await _commit(driver)
        return result
    except asyncio.CancelledError:
        await _abandon(connection, driver)
        raise
    except BaseException:
        await _roll_back(connection, driver)
        if too_late:
            raise TimeoutError from None
        raise
    finally:
        await connection.close()
        alarm.cancel()


async def _before_commit(
    connection: AsyncConnection, driver: Any, work: Callable[[Connection], Result], begin: str
) -> Result:
    """Raises _LostBeforeCommit where the connection went away meanwhile."""
    try:
        await driver.execute(begin)
        return await connection.run_sync(work)
    except (DBAPIError, *ASYNCPG_FAULTS):
        if driver.is_closed():
            raise _LostBeforeCommit("the connection was lost") from None
        raise


async def _commit(driver: Any) -> None:
    # The server answers a COMMIT of what has failed by rolling it back.
    if await driver.execute("COMMIT") != "COMMIT":
        raise StoreUnavailable("the transaction was rolled back")


async def _roll_back(connection: AsyncConnection, driver: Any) -> None:
    """Leave the connection as it may go back to the pool; one that cannot is dropped."""
    try:
        if not driver.is_closed() and driver.is_in_transaction():
            await driver.execute("ROLLBACK")
    except asyncio.CancelledError:
        await _abandon(connection, driver)
        raise
    except ASYNCPG_FAULTS:
        driver.terminate()
    if driver.is_closed():
        await _abandon(connection, driver)


async def _driver_of(connection: AsyncConnection) -> Any:
    return (await connection.get_raw_connection()).driver_connection


async def _abandon(connection: AsyncConnection, driver: Any) -> None:
    """Drop a connection without waiting for the server, which may not answer a roll-back."""
    driver.terminate()
    if not connection.invalidated:  # SQLAlchemy may have done so, and would complain
        await connection.invalidate()


def _begin(locks: Iterable[int]) -> str:
    """The beginning of a transaction that takes these locks, sorted, so that two of them wait in one direction only.

    In a statement of its own: what the transaction reads then, it reads after it has them.
    """
    keys = ", ".join(map(str, sorted(set(locks))))
    if not keys:
        return _BEGIN
    return f"{_BEGIN}; SELECT pg_advisory_xact_lock(key) FROM unnest(ARRAY[{keys}]::bigint[]) AS key"  # noqa: S608  # integers


def _engine(url: URL, settings: Mapping[str, str], **pool: Any) -> AsyncEngine:
    """Connections on which SQLAlchemy begins and ends no transactions: it would take a round trip more for each."""
    engine = create_async_engine(
        url,
        connect_args={"server_settings": dict(settings)},
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,
        **pool,
    )

    @event.listens_for(engine.sync_engine, "close")
    def hang_up(connection: DBAPIConnection, *_: object) -> None:
        # After its farewell the driver waits for the server to hang up, without a limit.
        connection.driver_connection.terminate()

    return engine


def _for_asyncpg(url: URL) -> URL:
    """The URL with the driver in it, and libpq's name for the wish for TLS in asyncpg's."""
    ssl = url.query.get("sslmode")
    if ssl is not None:
        url = url.difference_update_query(["sslmode"]).update_query_dict({"ssl": ssl})
    return url.set(drivername="postgresql+asyncpg")
