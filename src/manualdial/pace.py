"""Pace: long work on the event loop, done in stretches."""

from __future__ import annotations

import asyncio

_AT_A_STRETCH = 0.002
"""Seconds. A press that comes meanwhile waits that long, and not for the whole of the work."""


class Pace:
    """Lets others have their turns in one piece of work."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()

    async def keep(self) -> None:
        """Give others a turn where a stretch has been worked without one. To be called often."""
        if self._loop.time() - self._since >= _AT_A_STRETCH:
            await asyncio.sleep(0)
            self._since = self._loop.time()
