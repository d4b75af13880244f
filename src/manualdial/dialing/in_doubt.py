"""Presses that the journal may hold though it did not say so are taken back, repeated or not (contract §2).

Such a press was refused before the engine was asked, so it is not remembered, and no call stays `requested` for it.
"""

from __future__ import annotations

import asyncio

import structlog

from manualdial.dialing.idempotency import AgentLocks, Idempotency
from manualdial.ports import StoreUnavailable
from manualdial.tasks import repeat

log = structlog.get_logger(__name__)

_FAILURES_OF_A_ROUND = 3
"""One that fails holds up none of the others; where several do, the database is away."""


class InDoubtResolution:
    """Takes them back one after the other, each in its agent's turn: a press that is repeated does so itself."""

    def __init__(
        self, *, idempotency: Idempotency, agent_locks: AgentLocks, interval: float, store_timeout: float
    ) -> None:
        """In seconds: how often it is tried, and how long the journal may take."""
        self._idempotency = idempotency
        self._agent_locks = agent_locks
        self._interval = interval
        self._store_timeout = store_timeout

    async def run(self) -> None:
        """Go on until cancelled."""
        await repeat(self._retract_all, every=self._interval, failing="presses could not be taken back")

    async def _retract_all(self) -> None:
        failures = 0
        for call in self._idempotency.in_doubt():
            try:
                async with self._agent_locks.of(call.agent_id), asyncio.timeout(self._store_timeout):
                    if self._idempotency.is_in_doubt(call):
                        await self._idempotency.take_back(call)
            except (StoreUnavailable, TimeoutError):
                failures += 1
                if failures == _FAILURES_OF_A_ROUND:
                    log.debug("presses wait to be taken back", presses=len(self._idempotency.in_doubt()))
                    return
