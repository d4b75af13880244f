"""The journal against the engine: at start, after each gap, and for calls that give no sign of life.

A call that the engine has goes on; one that it does not have is ended with what is known. Nothing is dialled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from manualdial.call_progress import CallProgress
from manualdial.calls import Call, Cause, EndedBy, Ending, Report, Sign
from manualdial.deadlines import Deadlines
from manualdial.live_calls import LiveCalls
from manualdial.metrics import Metrics
from manualdial.ports import Clock, Engine, EngineSilent, EngineUnavailable, Originate, Store, Stray
from manualdial.sessions import Sessions
from manualdial.tasks import repeat

log = structlog.get_logger(__name__)

_AT_ONCE = 100
"""After so many calls everybody else has a turn: a press does not wait for the recovery of thousands."""


class Recovery:
    """Brings what is written and what is up together."""

    def __init__(
        self,
        *,
        engine: Engine,
        store: Store,
        live_calls: LiveCalls,
        deadlines: Deadlines,
        progress: CallProgress,
        sessions: Sessions,
        clock: Clock,
        metrics: Metrics,
        interval: float,
    ) -> None:
        """`interval`: how often the deadlines are looked at, in seconds."""
        self._engine = engine
        self._store = store
        self._live_calls = live_calls
        self._deadlines = deadlines
        self._progress = progress
        self._sessions = sessions
        self._clock = clock
        self._metrics = metrics
        self._interval = interval
        self._gap = False
        """Whether there was one that no comparison has followed yet."""
        self._wake = asyncio.Event()

    async def load(self) -> None:
        """At start, before anybody is let in: open calls and logins are there again, until the engine is asked."""
        for number, call in enumerate(await self._store.open_calls()):
            self._progress.take_over(call)
            await _let_others_run(number)
        await self._sessions.load()
        self._progress.end_wrap_ups_of_nobody()
        if len(self._live_calls) or len(self._sessions):
            log.info("taken over from the journal", calls=len(self._live_calls), logins=len(self._sessions))

    def engine_is_back(self) -> None:
        """The engine was out of reach: every live call is to be compared with it."""
        self._gap = True
        self._wake.set()

    def on_stray(self, stray: Stray) -> None:
        """The engine had something of a call that the journal does not have, and takes it away."""
        log.warning("the engine had what the journal has not", call_id=stray.call_id, what=stray.what)
        self._metrics.stray()

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
        overdue = [call for call_id in self._deadlines.overdue() if (call := self._live_calls.get(call_id)) is not None]
        if overdue:
            await self._settle(overdue)

    async def compare(self) -> bool:
        """Ask the engine for every live call; end those that it does not have. False where it could not be asked."""
        return await self._settle([call for call in self._live_calls.all() if call.is_live])

    async def _settle(self, open_calls: Sequence[Call]) -> bool:
        orders = [Originate.of(call) for call in open_calls]
        try:
            found: frozenset[str] | None = await self._engine.adopt(orders)
        except (EngineUnavailable, EngineSilent) as error:
            log.warning("the engine could not be asked for its calls", calls=len(orders), reason=str(error))
            found = None
        gone = 0
        for number, order in enumerate(orders):
            if found is not None and order.call_id not in found:
                gone += self._gone(order.call_id)
            self._deadlines.asked(order.call_id, answered=found is not None)
            await _let_others_run(number)
        if gone:  # one line for all: thousands would take longer than their calls
            log.warning("the engine does not have these calls", calls=gone)
        return found is not None

    def _gone(self, call_id: str) -> bool:
        """End a call that the engine does not have. False where it is over, or may still turn up: it is being made."""
        call = self._live_calls.get(call_id)
        if call is None or not call.is_live or self._deadlines.may_turn_up(call_id):
            return False
        log.info("the engine does not have the call", call_id=call_id, state=call.state)
        ending = Ending(by=EndedBy.SYSTEM, cause=Cause.UNKNOWN)
        report = Report(call_id=call_id, sign=Sign.ENDED, at=self._clock.now(), ending=ending)
        self._progress.on_report(report)
        return True


async def _let_others_run(number: int) -> None:
    if number % _AT_ONCE == _AT_ONCE - 1:
        await asyncio.sleep(0)
