"""SQLite in a file: threads that write, that read, that answer every press, and that tidy up behind the writer.

A transaction is one function on one thread, so that it costs one hand-over between threads. A driver that hands over
each statement (aiosqlite) was measured at 2.2 times the time of a press and 4 times that of a read.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from manualdial.ports import StoreUnavailable
from manualdial.storage.faults import VENDOR_FAULTS, in_port_words
from manualdial.storage.schema import upgrade

READERS = 2
CHECKPOINT_PAUSE = 0.1
"""Seconds. Longer ones make checkpoints longer, and commits that meet them slower."""
LOG_LIMIT = 4000
"""Pages (of 4 KiB) in the log after which the writer itself makes a checkpoint: the thread cannot keep up."""

Result = TypeVar("Result")
Job = tuple[Callable[[], Any], "asyncio.Future[Any]", asyncio.AbstractEventLoop]


class SqliteDatabase:
    """A database in a file, which is made with mode 0600, in a directory of mode 0700, where it is missing.

    `answer_timeout` is how long, in seconds, to wait for another process that is writing.
    A commit is on the disk (WAL, synchronous=FULL).
    """

    def __init__(self, path: str, *, answer_timeout: float) -> None:
        if path in ("", ":memory:"):
            raise ValueError("the SQLite database needs a file: sqlite:///PATH")
        self._path = Path(path)
        self._held: Connection | None = None
        self._writer = _engine(self._path, answer_timeout, connections=1, begin="BEGIN IMMEDIATE", read_only=False)
        self._reader = _engine(self._path, answer_timeout, connections=READERS, begin="BEGIN", read_only=True)
        self._writing = OneThread(name="sqlite-write")
        self._fetching = OneThread(name="sqlite-fetch")
        self._fetcher: sqlite3.Connection | None = None
        self._answer_timeout = answer_timeout
        self._checkpoints = Checkpoints(pause=CHECKPOINT_PAUSE)
        self._closed = False
        self._file = (0, 0)
        self._reading = ThreadPoolExecutor(max_workers=READERS, thread_name_prefix="sqlite-read")

    @property
    def dialect(self) -> str:
        """SQLAlchemy's name for it."""
        return "sqlite"

    async def open(self) -> None:
        """Make the file and bring its schema up to date; another process that does so is waited for."""
        await self._run(self._writing, self._make_file)
        await self.write(upgrade)
        await self._run(self._writing, self._start_checkpoints)

    async def close(self) -> None:
        """Wait for what runs, and close the connections. The database cannot be used again."""
        self._closed = True
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._reading, self._checkpoints.stop)
        # A connection that is in use would not be closed with the others.
        await self._writing.run(self._reading.shutdown)
        await self._writing.run(self._dispose)
        await self._fetching.run(self._give_up_fetcher)
        self._fetching.stop()
        self._writing.stop()

    async def write(self, work: Callable[[Connection], Result], *, locks: Iterable[int] = ()) -> Result:
        """Run `work` in a transaction that has the right to write from its beginning, and commit it."""
        return await self._run(self._writing, partial(self._write, work))

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` over what is committed; it waits for no writer."""
        self._require_open()

        def transaction() -> Result:
            with self._reader.begin() as connection:
                return work(connection)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._reading, transaction)
        except VENDOR_FAULTS as fault:
            raise in_port_words(fault) from None

    async def fetch(self, statement: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """The rows of one statement; it waits for no writer."""
        return await self._run(self._fetching, partial(self._fetch, statement, parameters))

    async def _run(self, thread: OneThread, work: Callable[[], Result]) -> Result:
        self._require_open()
        try:
            return await thread.run(work)
        except VENDOR_FAULTS as fault:
            raise in_port_words(fault) from None

    def _fetch(self, statement: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        if self._fetcher is None:
            self._fetcher = sqlite3.connect(self._path, timeout=self._answer_timeout)
            _set_up(self._fetcher, self._answer_timeout)
            self._fetcher.execute("PRAGMA query_only = ON")
        try:
            return self._fetcher.execute(statement, parameters).fetchall()
        except BaseException:
            self._give_up_fetcher()
            raise

    def _give_up_fetcher(self) -> None:
        if self._fetcher is not None:
            fetcher, self._fetcher = self._fetcher, None
            fetcher.close()

    def _require_open(self) -> None:
        if self._closed:
            raise StoreUnavailable("the store is closed")

    def _write(self, work: Callable[[Connection], Result]) -> Result:
        # The connection is kept from one transaction to the next: taking it out of the pool costs as much as a row.
        if self._held is None:
            self._held = self._writer.connect()
        try:
            with self._held.begin():
                self._require_own_file()
                result = work(self._held)
            self._checkpoints.committed()
            return result
        except BaseException:
            self._give_up_held()
            raise

    def _require_own_file(self) -> None:
        # SQLite would go on writing into a file that has no name any more.
        if _identity(self._path) != self._file:
            raise StoreUnavailable("the file of the database was taken away")

    def _give_up_held(self) -> None:
        if self._held is not None:
            held, self._held = self._held, None
            held.close()

    def _start_checkpoints(self) -> None:
        connection = sqlite3.connect(self._path, check_same_thread=False)
        _set_up(connection, self._answer_timeout)
        self._checkpoints.start(connection)

    def _dispose(self) -> None:
        self._reader.dispose()
        self._give_up_held()
        self._writer.dispose()

    def _make_file(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        self._file = _identity(self._path)


def _identity(path: Path) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino


def _engine(path: Path, answer_timeout: float, *, connections: int, begin: str, read_only: bool) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": answer_timeout},
        pool_size=connections,
        max_overflow=0,
        pool_timeout=answer_timeout,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        _set_up(connection, answer_timeout)
        if read_only:
            connection.execute("PRAGMA query_only = ON")

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        # Straight at the driver: it has no parameters and no result, and it is a part of every transaction.
        driver: Any = connection.connection.driver_connection
        driver.execute(begin)

    return engine


def _set_up(connection: sqlite3.Connection, answer_timeout: float) -> None:
    # The driver's own BEGIN comes too late: only before the first change, and never before a change of the schema.
    connection.isolation_level = None
    _use_log(connection, answer_timeout)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    # A checkpoint of its own makes a commit wait for the disk twice more. At 200 presses/s on a busy machine, 99 of
    # 100 took 13 ms where the writer made one every 200 pages, and 6 ms where another thread does (medians of five).
    connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_LIMIT}")


def _use_log(connection: sqlite3.Connection, answer_timeout: float) -> None:
    # In a new file SQLite does not wait for another process that is writing, whatever its time-out is.
    deadline = time.monotonic() + answer_timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
            return
        except sqlite3.OperationalError as fault:
            if fault.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
        time.sleep(0.01)


# ── threads ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class OneThread:
    """A thread that does one thing after the other, from the first job to `stop`. The process may end before it.

    A pool of threads was measured at twice the time for a hand-over: its futures have locks, and it counts idle ones.
    """

    def __init__(self, *, name: str) -> None:
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._stopped = False

    async def run(self, work: Callable[[], Result]) -> Result:
        """Run `work` on the thread, after all that was handed in before, and raise what it raises.

        Work whose caller is cancelled before its turn is left out. RuntimeError after `stop`.
        """
        if self._stopped:
            raise RuntimeError("the thread was stopped")
        if self._thread.ident is None:
            self._thread.start()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()
        self._jobs.put((work, done, loop))
        return await done

    def stop(self) -> None:
        """End the thread after what was handed in."""
        self._stopped = True
        self._jobs.put(None)

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            work, done, loop = job
            if done.cancelled():
                continue
            result: Any = None
            fault: BaseException | None = None
            try:
                result = work()
            except BaseException as raised:  # noqa: BLE001  # handed to the caller, whatever it is
                fault = raised
            with suppress(RuntimeError):  # the loop was closed meanwhile, and nobody waits
                loop.call_soon_threadsafe(_settle, done, result, fault)
            del job, work, done, loop, result, fault  # nothing of the caller's is kept while the thread waits


def _settle(done: asyncio.Future[Any], result: Any, fault: BaseException | None) -> None:
    if done.done():
        return
    if fault is None:
        done.set_result(result)
    else:
        done.set_exception(fault)


class Checkpoints:
    """A thread that copies what SQLite's log holds into the database, so that no commit has to wait for it.

    It runs from `start` to `stop`, with a connection of its own, and keeps nobody from writing. A checkpoint is made
    `pause` seconds after the first commit since the one before, so that a page that many commits change is copied once.
    One that fails is made after the next commit.
    """

    def __init__(self, *, pause: float) -> None:
        self._pause = pause
        self._thread: threading.Thread | None = None
        self._committed = threading.Event()
        self._stopped = threading.Event()

    def start(self, connection: sqlite3.Connection) -> None:
        """Start it; the connection is closed at the end."""
        self._thread = threading.Thread(target=self._serve, args=(connection,), name="sqlite-checkpoint", daemon=True)
        self._thread.start()

    def committed(self) -> None:
        """There is something to copy. Does not wait; call it from any thread."""
        self._committed.set()

    def stop(self) -> None:
        """Wait for the checkpoint that runs, and end."""
        self._stopped.set()
        self._committed.set()
        if self._thread is not None:
            self._thread.join()

    def _serve(self, connection: sqlite3.Connection) -> None:
        while True:
            self._committed.wait()
            self._committed.clear()
            # Asked after the clearing: `stop` sets both, in this order, so that neither is missed.
            if self._stopped.wait(self._pause):
                break
            with suppress(sqlite3.Error):  # the next commit meets the same fault, and tells of it
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").close()
        connection.close()
