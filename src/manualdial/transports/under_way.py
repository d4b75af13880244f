"""The requests that the transports have started: each is owned here until it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

log = structlog.get_logger(__name__)

Result = TypeVar("Result")


class UnderWay:
    """Owns requests. None is cancelled because its connection is gone: a dial runs to its end.

    An async context manager: leaving waits for what is under way for at most `stop_limit` seconds, then cancels.
    """

    def __init__(self, *, stop_limit: float) -> None:
        self._stop_limit = stop_limit
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    async def __aenter__(self) -> UnderWay:
        return self

    async def __aexit__(self, *exception: object) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._stop_limit)
        late = list(self._tasks)
        for task in late:
            task.cancel()
        if late:
            log.warning("requests were cancelled at the stop", count=len(late))
            await asyncio.wait(late)

    def start(self, request: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        """Start a request. Requests start in the order of the calls of this method."""
        task = asyncio.get_running_loop().create_task(request)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("a request ended with an exception", exc_info=fault)
