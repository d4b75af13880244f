"""The journal against the engine: at start, after each reconnect, and for calls whose outcome is unknown.

A call that the engine has goes on; one that it does not have is ended with what is known. Nothing is dialled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import suppress

import structlog

from manualdial.call_progress import CallProgress
from manualdial.calls import Call, CallState, Cause, EndedBy, Ending, Report, Sign
from manualdial.live_calls import LiveCalls
from manualdial.ports import Clock, Engine, EngineSilent, EngineUnavailable, Originate, Store

log = structlog.get_logger(__name__)

_UNSETTLED = (CallState.REQUESTED, CallState.UNKNOWN)


class Recovery:
    """Brings what is written and what is up together."""

    def __init__(
        self,
        *,
        engine: Engine,
        store: Store,
        live_calls: LiveCalls,
        progress: CallProgress,
        clock: Clock,
        unknown_settles_after: float,
        interval: float,
    ) -> None:
        """Times in seconds: how long an unknown call may still turn up in the engine, and how often it is asked."""
        self._engine = engine
        self._store = store
        self._live_calls = live_calls
        self._progress = progress
        self._clock = clock
        self._unknown_settles_after = unknown_settles_after
        self._interval = interval
        self._back = asyncio.Event()

    async def load(self) -> None:
        """At start, before anybody is let in: the journal's open calls are live again until the engine is asked."""
        for call in await self._store.open_calls():
            self._progress.take_over(call)
        if len(self._live_calls):
            log.info("open calls found in the journal", calls=len(self._live_calls))

    def engine_is_back(self) -> None:
        """The engine was out of reach: every live call is to be compared with it."""
        self._back.set()

    async def run(self) -> None:
        """Go on until cancelled: compare after each gap, and ask for the calls whose outcome is unknown.

        A task of its own: reports of the engine are taken in while it is asked, so that an end that it reports
        itself counts before an end that is concluded.
        """
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval):
                    await self._back.wait()
            try:
                await self._once()
            except Exception:  # a fault in one round must not end the rounds that come after it
                log.exception("calls could not be compared with the engine")
                await asyncio.sleep(self._interval)

    async def _once(self) -> None:
        if self._back.is_set():
            await self._compare_after_the_gap()
            return
        unsettled = [call for call in self._live_calls.all() if self._is_unsettled(call)]
        if unsettled:
            await self._settle(unsettled)

    async def _compare_after_the_gap(self) -> None:
        """Once the comparison has failed, for whatever reason, it is still to be made."""
        self._back.clear()
        compared = False
        try:
            compared = await self.compare()
        finally:
            if not compared:
                self._back.set()
        if not compared:
            await asyncio.sleep(self._interval)

    async def compare(self) -> bool:
        """Ask the engine for every live call; end those that it does not have. False where it could not be asked."""
        return await self._settle([call for call in self._live_calls.all() if call.is_live])

    def _is_unsettled(self, call: Call) -> bool:
        """Whether nobody knows if the call was made: the engine did not say, or the service ended while asking."""
        age = (self._clock.now() - call.at).total_seconds()
        return call.state in _UNSETTLED and age >= self._interval

    async def _settle(self, open_calls: Collection[Call]) -> bool:
        try:
            found = await self._engine.adopt([Originate.of(call) for call in open_calls])
        except (EngineUnavailable, EngineSilent) as error:
            log.warning("the engine could not be asked for its calls", calls=len(open_calls), reason=str(error))
            return False
        for call in open_calls:
            if call.id not in found:
                self._gone(call.id)
        return True

    def _gone(self, call_id: str) -> None:
        """The engine does not have the call. One that is being asked for at this moment may still turn up."""
        call = self._live_calls.get(call_id)
        if call is None:
            return
        now = self._clock.now()
        young = (now - call.at).total_seconds() < self._unknown_settles_after
        if young and call.state in _UNSETTLED:
            return
        log.warning("the engine does not have the call", call_id=call_id, state=call.state)
        ending = Ending(by=EndedBy.SYSTEM, cause=Cause.UNKNOWN)
        self._progress.on_report(Report(call_id=call_id, sign=Sign.ENDED, at=now, ending=ending))
