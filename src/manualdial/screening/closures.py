"""The closures in force, as the database had them a moment ago: the screening of a press asks memory."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from manualdial.law.closure import Closure
from manualdial.ports import Clock, RecordStore, StoreUnavailable
from manualdial.tasks import repeat


class Closures:
    """Asks the database every so often, so that what an operator closes is closed within that time."""

    def __init__(self, *, store: RecordStore, clock: Clock, interval: float, stale_after: float) -> None:
        """`interval` and `stale_after` in seconds: how often is asked, and how old an answer may be."""
        self._store = store
        self._clock = clock
        self._interval = interval
        self._stale_after = stale_after
        self._known: tuple[Closure, ...] = ()
        self._asked_at: float | None = None

    async def run(self) -> None:
        """Ask for as long as the service runs."""
        away = (StoreUnavailable, TimeoutError)
        await repeat(self._renew, every=self._interval, failing="the closures are not known", expected=away)

    async def load(self) -> None:
        """Ask once. Raises StoreUnavailable."""
        asked_at = self._clock.monotonic()
        self._known = tuple(await self._store.closures(ending_after=self._clock.now()))
        self._asked_at = asked_at

    async def _renew(self) -> None:
        async with asyncio.timeout(self._stale_after):
            await self.load()

    def current(self, tenant_id: str) -> Sequence[Closure] | None:
        """Those of a tenant, also those still to come; None where the last answer is too old to be relied on."""
        if self._asked_at is None or self._clock.monotonic() - self._asked_at > self._stale_after:
            return None
        return [closure for closure in self._known if closure.tenant_id in (None, tenant_id)]
