"""A journal over a SQLite file that counts its commits, and fails as it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, text

from manualdial.calls import Call, CallState, Change, Leg
from manualdial.ports import StoreUnavailable
from manualdial.storage.chains import ChainMoved
from manualdial.storage.database import Database
from manualdial.storage.journal import Journal, WritePacing
from manualdial.storage.sqlite import SqliteDatabase
from manualdial.tasks import Tasks

QUICK = WritePacing(linger=0.02, first_retry=0.01, longest_retry=0.05)
PATIENT = WritePacing(linger=60.0, first_retry=60.0, longest_retry=60.0)

Result = TypeVar("Result")


class WatchedDatabase:
    """A SQLite database that counts its commits, and fails as often as it is told to."""

    def __init__(self, path: Path) -> None:
        self._inner = SqliteDatabase(str(path), answer_timeout=1.0)
        self.commits = 0
        self.attempts = 0
        self.faults = 0
        """How many of the next writes fail."""
        self.lost_answers = 0
        """How many of the next writes are committed, and not answered."""
        self.overtaken = False
        """Whether another process is always quicker to put a link to the chain."""
        self.open_gate = asyncio.Event()
        """Writes wait for it."""
        self.open_gate.set()

    @property
    def dialect(self) -> str:
        return self._inner.dialect

    async def open(self) -> None:
        await self._inner.open()

    async def close(self) -> None:
        await self._inner.close()

    async def write(self, work: Callable[[Connection], Result], *, locks: Iterable[int] = ()) -> Result:
        self.attempts += 1
        await self.open_gate.wait()
        if self.faults:
            self.faults -= 1
            raise StoreUnavailable("as told")
        if self.overtaken:
            raise ChainMoved("as told")
        result = await self._inner.write(work, locks=locks)
        self.commits += 1
        if self.lost_answers:
            self.lost_answers -= 1
            raise StoreUnavailable("the answer was lost")
        return result

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        return await self._inner.read(work)

    async def fetch(self, statement: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        return await self._inner.fetch(statement, parameters)


@asynccontextmanager
async def writing(database: Database, *, pacing: WritePacing = QUICK, room: int = 1000) -> AsyncIterator[Journal]:
    """A journal that writes to a new database."""
    await database.open()
    journal = Journal(database, pacing=pacing, room=room)
    tasks = Tasks()
    journal.start(tasks)
    try:
        yield journal
    finally:
        await journal.close(limit=1.0)
        await tasks.close()
        await database.close()


def held(call: Call, step: int) -> Change:
    """One of many changes of a call."""
    after = msgspec.structs.replace(call, step=step, state=CallState.HELD)
    return Change(call=after, leg=Leg.CUSTOMER, event="hold")


async def steps(database: Database, call: Call) -> list[int]:
    """The history of a call."""
    query = text("SELECT step FROM call_changes WHERE call_id = :id ORDER BY step")
    return await database.read(lambda connection: list(connection.execute(query, {"id": call.id}).scalars()))
