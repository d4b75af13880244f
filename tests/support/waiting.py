"""Waiting for what a test cannot be told of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], bool], limit: float = 5.0) -> None:
    """Wait until the condition holds. Raises TimeoutError after `limit` seconds."""
    async with asyncio.timeout(limit):
        while not condition():  # noqa: ASYNC110 - what is looked at tells nobody of its changes
            await asyncio.sleep(0.005)
