"""The database of the service under test, and what can be done to it."""

from __future__ import annotations

import asyncio
import ctypes
import os
import sqlite3
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Protocol

import asyncpg

from tests.servers.postgresql import PostgresqlServer, new_server

_HOLD = 0.25
_BREATH = 0.02
_BLOCK = 65_536


class Database(Protocol):
    """A database that its owner can make fail. A context manager: entering makes it."""

    url: str

    async def locked(self, seconds: float) -> None:
        """Nobody else can write for so long."""
        ...

    async def slow(self, seconds: float) -> None:
        """For so long, every write has to wait a quarter of a second."""
        ...


class SqliteFile:
    """SQLite in a folder; in a file system of its own, where this process may mount one, so that it can be full."""

    def __init__(self, folder: Path, *, megabytes: int) -> None:
        self.is_mounted = False
        self._folder = folder / "database"
        self._file = self._folder / "manualdial.sqlite3"
        self._megabytes = megabytes
        self.url = f"sqlite:///{self._file}"

    def __enter__(self) -> SqliteFile:
        self._folder.mkdir()
        library = ctypes.CDLL(None, use_errno=True)
        options = f"size={self._megabytes}m,mode=0700".encode()
        self.is_mounted = library.mount(b"none", bytes(self._folder), b"tmpfs", 0, options) == 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.is_mounted:
            ctypes.CDLL(None).umount2(bytes(self._folder), 2)

    async def locked(self, seconds: float) -> None:
        """Nobody else can write for so long."""
        await asyncio.to_thread(self._hold, seconds)

    async def slow(self, seconds: float) -> None:
        """For so long, every write has to wait a quarter of a second."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await self.locked(_HOLD)
            await asyncio.sleep(_BREATH)

    async def gone(self, seconds: float) -> None:
        """The file is moved away, and back after so long."""
        away = self._file.with_suffix(".away")
        self._file.rename(away)
        try:
            await asyncio.sleep(seconds)
        finally:
            away.rename(self._file)

    async def full(self, seconds: float) -> None:
        """Not one byte more can be written, for so long."""
        ballast = self._folder / "ballast"
        try:
            await asyncio.to_thread(_fill, ballast)
            await asyncio.sleep(seconds)
        finally:
            ballast.unlink()

    def _hold(self, seconds: float) -> None:
        with ExitStack() as stack:
            connection = sqlite3.connect(self._file, timeout=5.0, isolation_level=None)
            stack.callback(connection.close)
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return  # the service writes all the time: that is a fault of its own kind
            time.sleep(seconds)
            connection.execute("ROLLBACK")


class PostgresqlDatabase:
    """PostgreSQL, a server of its own."""

    def __init__(self) -> None:
        self._server: PostgresqlServer | None = None
        self.url = ""

    def __enter__(self) -> PostgresqlDatabase:
        self._server = new_server(durable=True)
        self.url = self._server.new_database()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.stop()

    async def locked(self, seconds: float) -> None:
        """Nobody else can write for so long."""
        connection = await asyncpg.connect(self.url)
        try:
            async with connection.transaction():
                await connection.execute("LOCK TABLE calls, call_changes IN ACCESS EXCLUSIVE MODE")
                await asyncio.sleep(seconds)
        finally:
            await connection.close()

    async def slow(self, seconds: float) -> None:
        """For so long, every write has to wait a quarter of a second."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await self.locked(_HOLD)
            await asyncio.sleep(_BREATH)

    async def gone(self, seconds: float) -> None:
        """The server crashes, and is started again after so long."""
        assert self._server is not None
        await asyncio.to_thread(self._server.stop)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(self._server.start)

    async def hung(self, seconds: float) -> None:
        """The server keeps its connections and answers nothing, for so long."""
        assert self._server is not None
        self._server.freeze()
        try:
            await asyncio.sleep(seconds)
        finally:
            self._server.thaw()


def _fill(file: Path) -> None:
    """Take every byte that is left in its file system."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        for size in (1 << 24, _BLOCK, 4096, 1):
            while _writes(descriptor, bytes(size)):
                pass
    finally:
        os.close(descriptor)


def _writes(descriptor: int, block: bytes) -> bool:
    try:
        return os.write(descriptor, block) == len(block)
    except OSError:
        return False
