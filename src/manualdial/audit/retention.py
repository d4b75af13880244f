"""Retention: `requestId`s are kept for days, ended calls and evidence as long as the operator says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import structlog

from manualdial.ports import Clock, EvidenceStore, Store, StoreUnavailable
from manualdial.tasks import repeat

log = structlog.get_logger(__name__)

_PRESSES_AT_ONCE = 150
_CALLS_AT_ONCE = 50
_LINKS_AT_ONCE = 500
"""Of one transaction: measured at 2 to 7 ms on SQLite with 8 lines of history a call, which a press waits for it."""


class _Prune(Protocol):
    def __call__(self, *, before: datetime, limit: int) -> Awaitable[int]: ...


class Retention:
    """Forgets what is past its time, in the background, a little at a time."""

    def __init__(
        self,
        *,
        store: Store,
        chain: EvidenceStore,
        clock: Clock,
        remember_presses: timedelta,
        keep_calls: timedelta | None,
        keep_evidence: timedelta | None,
        interval: float,
        pause: float,
    ) -> None:
        """`keep_calls`, `keep_evidence`: None for ever.

        In seconds: `interval` from one round to the next, `pause` between transactions.
        """
        self._store = store
        self._chain = chain
        self._clock = clock
        self._remember_presses = remember_presses
        self._keep_calls = keep_calls
        self._keep_evidence = keep_evidence
        self._interval = interval
        self._pause = pause

    async def run(self) -> None:
        """Go on until cancelled."""
        await repeat(self.prune, every=self._interval, failing="nothing was pruned", expected=(StoreUnavailable,))

    async def prune(self) -> None:
        """Forget and remove all that is past its time now. Raises StoreUnavailable."""
        presses = await self._all(self._store.forget_presses, self._remember_presses, _PRESSES_AT_ONCE)
        calls = 0
        if self._keep_calls is not None:
            calls = await self._all(self._store.remove_calls, self._keep_calls, _CALLS_AT_ONCE)
        links = 0
        if self._keep_evidence is not None:
            for tenant_id, _ in await self._chain.tenants():
                prune = partial(self._chain.prune_evidence, tenant_id)
                links += await self._all(prune, self._keep_evidence, _LINKS_AT_ONCE)
        if presses or calls or links:
            log.info("pruned", presses=presses, calls=calls, links_of_evidence=links)

    async def _all(self, prune: _Prune, kept: timedelta, at_once: int) -> int:
        before = self._clock.now() - kept
        total = 0
        while (pruned := await prune(before=before, limit=at_once)) > 0:
            total += pruned
            await asyncio.sleep(self._pause)
        return total
