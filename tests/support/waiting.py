"""Waiting for what a test cannot be told of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress


async def until(condition: Callable[[], bool], limit: float = 5.0) -> None:
    """Wait until the condition holds. Raises TimeoutError after `limit` seconds."""
    async with asyncio.timeout(limit):
        while not condition():  # noqa: ASYNC110 - what is looked at tells nobody of its changes
            await asyncio.sleep(0.005)


@asynccontextmanager
async def running(loop: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """What goes on for ever goes on for the length of the block."""
    task = asyncio.create_task(loop)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
