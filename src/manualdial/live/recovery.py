"""The journal against the engine: at start, after each gap, and for calls that give no sign of life.

A call that the engine has goes on; one that it does not have is ended with what is known. Nothing is dialled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from manualdial.calls import Call, CallSignal, Cause, EndedBy, Ending, Report
from manualdial.live.call_progress import CallProgress
from manualdial.live.live_calls import Engines, LiveCalls, order_of
from manualdial.live.sessions import Sessions
from manualdial.ports import Clock, Engine, EngineSilent, EngineUnavailable, Orphan, Store
from manualdial.tasks import Pace, repeat
from manualdial.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)


async def take_over(
    *, store: Store, engines: Engines, live_calls: LiveCalls, progress: CallProgress, sessions: Sessions, clock: Clock
) -> None:
    """At start, before anybody is let in: open calls and logins are there again, until the engines are asked.

    Whether a call of an engine that is configured no more is up nobody can say, and nobody can end it: it is over here.
    """
    open_calls = await store.open_calls()
    pace = Pace()
    for call in open_calls:
        progress.take_over(call)
        await pace.keep()
    await sessions.load()
    names = {engine.name for engine in engines}
    for call in open_calls:
        if call.is_live and call.engine not in names:
            log.warning("the engine of the call is configured no more", call_id=call.id, engine=call.engine)
            progress.on_report(_lost(call.id, clock))
    progress.end_wrap_ups_of_nobody()
    if len(live_calls) or len(sessions):
        log.info("taken over from the journal", calls=len(live_calls), logins=len(sessions))


class Recovery:
    """Brings what is written and what is up in one engine together."""

    def __init__(
        self,
        *,
        engine: Engine,
        live_calls: LiveCalls,
        progress: CallProgress,
        clock: Clock,
        metrics: Metrics,
        interval: float,
    ) -> None:
        """`interval`: how often the deadlines are looked at, in seconds."""
        self._engine = engine
        self._live_calls = live_calls
        self._watchdog = live_calls.watchdog
        self._progress = progress
        self._clock = clock
        self._metrics = metrics
        self._interval = interval
        self._gap = False
        """Whether there was one that no comparison has followed yet."""
        self._wake = asyncio.Event()

    def engine_is_back(self) -> None:
        """The engine was out of reach: every live call is to be compared with it."""
        self._gap = True
        self._wake.set()

    def on_orphan(self, orphan: Orphan) -> None:
        """The engine had something of a call that the journal does not have, and takes it away."""
        log.warning("the engine had what the journal has not", call_id=orphan.call_id, what=orphan.what)
        self._metrics.orphan()

    async def run(self) -> None:
        """Go on until cancelled: compare after each gap, and ask for the calls that are overdue.

        A task of its own: reports of the engine are taken in while it is asked, so that an end that it reports
        itself counts before an end that is concluded.
        """
        failing = "calls could not be compared with the engine"
        await repeat(self._once, every=self._interval, failing=failing, wake=self._wake)

    async def _once(self) -> None:
        if self._gap:
            self._gap = False  # one that comes meanwhile sets it again
            compared = False
            try:
                compared = await self.compare()
            finally:
                self._gap = self._gap or not compared
            return
        overdue = (self._live_calls.get(call_id) for call_id in self._watchdog.overdue())
        if own := [call for call in overdue if call is not None and call.engine == self._engine.name]:
            await self._settle(own)

    async def compare(self) -> bool:
        """Ask the engine for its live calls; end those that it does not have. False where it could not be asked."""
        own = (call for call in self._live_calls.all() if call.engine == self._engine.name)
        return await self._settle([call for call in own if call.is_live])

    async def _settle(self, open_calls: Sequence[Call]) -> bool:
        orders = [order_of(call) for call in open_calls]
        try:
            found: frozenset[str] | None = await self._engine.adopt(orders)
        except (EngineUnavailable, EngineSilent) as error:
            log.warning("the engine could not be asked for its calls", calls=len(orders), reason=str(error))
            found = None
        gone = 0
        pace = Pace()
        for order in orders:
            if found is not None and order.call_id not in found:
                gone += self._gone(order.call_id)
            self._watchdog.asked(order.call_id, answered=found is not None)
            await pace.keep()
        if gone:  # one line for all: thousands would take longer than their calls
            log.warning("the engine does not have these calls", calls=gone)
        return found is not None

    def _gone(self, call_id: str) -> bool:
        """End a call that the engine does not have. False where it is over, or may still turn up: it is being made."""
        call = self._live_calls.get(call_id)
        if call is None or not call.is_live or self._watchdog.may_turn_up(call_id):
            return False
        log.info("the engine does not have the call", call_id=call_id, state=call.state)
        self._progress.on_report(_lost(call_id, self._clock))
        return True


def _lost(call_id: str, clock: Clock) -> Report:
    ending = Ending(by=EndedBy.SYSTEM, cause=Cause.UNKNOWN)
    return Report(call_id=call_id, signal=CallSignal.ENDED, at=clock.now(), ending=ending)
