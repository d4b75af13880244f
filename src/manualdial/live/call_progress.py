"""The meaning of an engine's reports: transition → store → bus → the agent's state. The way back of a press.

Everything here is synchronous, so the changes of a call are stored and published in the order in which they happen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import structlog

from manualdial import calls
from manualdial.bus.bus import Bus, Published, Scope
from manualdial.calls import Call, CallState, Change, Report
from manualdial.live.live_calls import Engines, LiveCalls
from manualdial.live.sessions import Sessions
from manualdial.ports import Clock, Store
from manualdial.telemetry.metrics import Metrics
from manualdial.wire import views
from manualdial.wire.addresses import STATE_CHANGE
from manualdial.wire.envelope import reply

log = structlog.get_logger(__name__)


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """A change that was stored and published: the call after it, and its event."""

    call: Call
    published: Published


class CallProgress:
    """Applies changes to calls and tells everybody who may know."""

    def __init__(
        self,
        *,
        engines: Engines,
        live_calls: LiveCalls,
        store: Store,
        bus: Bus,
        sessions: Sessions,
        clock: Clock,
        metrics: Metrics,
        wrap_up: float,
    ) -> None:
        """`wrap_up` is the longest work after a call, in seconds; 0 for no limit."""
        self._engines = engines
        self._live_calls = live_calls
        self._store = store
        self._bus = bus
        self._sessions = sessions
        self._clock = clock
        self._metrics = metrics
        self._wrap_up = wrap_up
        self._wrap_up_timers: dict[str, asyncio.TimerHandle] = {}
        self._watches: dict[str, list[_Watch]] = {}

    def on_report(self, report: Report) -> None:
        """Apply what an engine reports. Late and repeated reports are normal and change nothing."""
        call = self._live_calls.get(report.call_id)
        if call is None:
            log.debug("report of a call that is over", call_id=report.call_id, signal=report.signal)
            return
        changes = calls.advance(call, report)
        if not changes:
            log.debug("report changes nothing", call_id=report.call_id, signal=report.signal)
            self._live_calls.watchdog.heard(call)
        for change in changes:
            self.apply(change)
        if changes:
            self._end_wrap_up_of_nobody(changes[-1].call)

    def take_over(self, call: Call) -> None:
        """A call that an earlier life of the service has left open is live again; a wrap-up gets its time anew.

        Nobody knows whether one that was only requested was made: it is unknown.
        """
        age = (self._clock.now() - call.at).total_seconds()
        self._live_calls.put(call)
        self._limit_wrap_up(call)
        self.mark_unknown(call.id)
        self._live_calls.watchdog.loaded(self._live_calls.get(call.id) or call, age=age)

    def begin(self, call: Call) -> Published:
        """A call is in the journal: from now on it is live and the agent is busy. Its first state is stored already.

        It ends the wrap-up of the agent's call before it.
        """
        self._live_calls.put(call)
        self.end_wrap_up(call.agent_id)
        published = self._publish(calls.requested(call))
        self._sessions.follow_calls(call.agent_id)
        return published

    def mark_unknown(self, call_id: str) -> bool:
        """The engine did not say whether it took the call. False where it has told of the call since."""
        call = self._live_calls.get(call_id)
        changes = calls.mark_unknown(call, self._clock.now()) if call is not None else ()
        for change in changes:
            self.apply(change)
        return bool(changes)

    def apply(self, change: Change) -> None:
        """Store and publish one change, and let the agent's state follow."""
        call = change.call
        before = self._live_calls.get(call.id)
        self._live_calls.put(call)
        self._store.record_change(change)
        published = self._publish(change)
        if before is not None and before.state is not call.state:
            self._state_changed(call)
        self._wake(Applied(call=call, published=published))

    def end_wrap_up(self, agent_id: str) -> None:
        """End the agent's wrap-up, if there is one."""
        for call in self._live_calls.all_of_agent(agent_id):
            for change in calls.end_wrap_up(call, self._clock.now()):
                self.apply(change)

    def end_wrap_ups_of_nobody(self) -> None:
        """At start, when calls and logins are there again: end the wrap-ups that nobody would ever end."""
        for call in self._live_calls.all():
            self._end_wrap_up_of_nobody(call)

    def watch(self, call_id: str, until: Callable[[Call], bool]) -> asyncio.Future[Applied]:
        """The first change, from now on, after which `until` holds of the call."""
        future: asyncio.Future[Applied] = asyncio.get_running_loop().create_future()
        self._watches.setdefault(call_id, []).append((until, future))
        future.add_done_callback(lambda _: self._unwatch(call_id, future))
        return future

    def close(self) -> None:
        """Stop all timers."""
        for timer in self._wrap_up_timers.values():
            timer.cancel()
        self._wrap_up_timers.clear()

    def _publish(self, change: Change) -> Published:
        call = change.call
        log.info("call", call_id=call.id, state=call.state, leg=change.leg, agent=call.agent_id)
        address = STATE_CHANGE.address.on(call.connector)
        message = views.state_change(change, self._engines.actions_of(call))
        return self._bus.publish(Scope(call.tenant_id, call.agent_id), reply(address, message))

    def _state_changed(self, call: Call) -> None:
        self._metrics.call_state(call, at=self._clock.monotonic())
        if call.is_live:
            return
        self._limit_wrap_up(call)
        timer = self._wrap_up_timers.pop(call.id, None) if call.is_over else None
        if timer is not None:
            timer.cancel()
        self._sessions.follow_calls(call.agent_id)

    def _end_wrap_up_of_nobody(self, call: Call) -> None:
        """Of an agent who has logged out, or who is in the next call already: a crash can leave two open."""
        newest = self._live_calls.of_agent(call.agent_id)
        if self._sessions.get(call.agent_id) is None or (newest is not None and newest.id != call.id):
            for change in calls.end_wrap_up(call, self._clock.now()):
                self.apply(change)

    def _limit_wrap_up(self, call: Call) -> None:
        if self._wrap_up > 0 and call.state is CallState.WRAP_UP:
            loop = asyncio.get_running_loop()
            self._wrap_up_timers[call.id] = loop.call_later(self._wrap_up, self.end_wrap_up, call.agent_id)

    def _wake(self, applied: Applied) -> None:
        for until, future in list(self._watches.get(applied.call.id, ())):
            if not future.done() and until(applied.call):
                future.set_result(applied)

    def _unwatch(self, call_id: str, future: asyncio.Future[Applied]) -> None:
        left = [watch for watch in self._watches.get(call_id, ()) if watch[1] is not future]
        if left:
            self._watches[call_id] = left
        else:
            self._watches.pop(call_id, None)


_Watch = tuple[Callable[[Call], bool], asyncio.Future[Applied]]
