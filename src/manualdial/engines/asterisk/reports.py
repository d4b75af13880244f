"""The reports of the engine on their way to their one reader."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from manualdial.calls import Report
from manualdial.ports import Orphan, Reconnected


class Reports:
    """A queue with a limit that is kept by who reads Asterisk's events: it waits for `room` before the next event.

    Putting never waits, so that the reader of the queue may itself ask the engine for something that reports. What is
    put beside events is bounded by the calls in flight.
    """

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._waiting: deque[Report | Reconnected | Orphan] = deque()
        self._something = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._closed = False

    def put(self, report: Report | Reconnected | Orphan) -> None:
        """Add one."""
        self._waiting.append(report)
        self._something.set()
        if len(self._waiting) >= self._limit:
            self._room.clear()

    async def room(self) -> None:
        """Wait until there is room."""
        await self._room.wait()

    async def read_by_now(self) -> None:
        """Return when what was put before has been read, or nobody seems to read."""
        for _ in range(self._limit):
            if not self._waiting:
                return
            await asyncio.sleep(0)

    def close(self) -> None:
        """End `read` after what is in the queue."""
        self._closed = True
        self._something.set()

    async def read(self) -> AsyncIterator[Report | Reconnected | Orphan]:
        """Everything, in order, until `close`."""
        while True:
            while self._waiting:
                report = self._waiting.popleft()
                if len(self._waiting) < self._limit:
                    self._room.set()
                yield report
            if self._closed:
                return
            self._something.clear()
            await self._something.wait()
