"""The calls that the engine has in Asterisk: what events mean for them, and what is to be done next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Coroutine
from typing import Final

import msgspec
import structlog

from manualdial.calls import Cause, EndedBy, Ending, Leg, Report, Sign
from manualdial.engines.asterisk.ari import Ari, Channel, ChannelExists, Event, Snapshot
from manualdial.engines.asterisk.call_steps import CallSteps
from manualdial.engines.asterisk.causes import ending_of
from manualdial.engines.asterisk.register import CallRegister
from manualdial.engines.asterisk.reports import Reports
from manualdial.engines.asterisk.standing import Standing, standing
from manualdial.engines.asterisk.tracked_call import TrackedCall, TrackedLeg, call_of, is_call_id, leg_id
from manualdial.ports import (
    Clock,
    EngineRefused,
    EngineSilent,
    EngineUnavailable,
    Originate,
    RequestIdTaken,
    StoreUnavailable,
)

_log = structlog.get_logger()

_FAILED: Final = Ending(by=EndedBy.SYSTEM, cause=Cause.FAILED)
_LOST: Final = Ending(by=EndedBy.SYSTEM, cause=Cause.UNKNOWN)
_TOO_LATE: Final = Ending(by=EndedBy.SYSTEM, cause=Cause.TIMEOUT)
PROBLEMS: Final = (EngineRefused, EngineUnavailable, EngineSilent)
"""All that the port lets a request to Asterisk end in."""


class CallsUnderWay:
    """Every call from its order to its end."""

    def __init__(self, *, ari: Ari, steps: CallSteps, clock: Clock, reports: Reports) -> None:
        self._ari = ari
        self._steps = steps
        self._clock = clock
        self._reports = reports
        self._register = CallRegister()
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """End what is being done; calls stay up in Asterisk."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def get(self, call_id: str) -> TrackedCall | None:
        """The call, while it has not ended."""
        return self._register.get(call_id)

    def has_ended(self, call_id: str) -> bool:
        """Whether it was here and ended."""
        return self._register.has_ended(call_id)

    # ── what we want of calls ──

    async def place(self, order: Originate, journalled: Awaitable[object] | None) -> None:
        """Ring the agent's phone. Raises the port's errors; what was not dialled by then is never dialled."""
        call = self._register.add(order)
        call.placing = True
        call.silent = True  # until it is known better, also where nobody waits for this any more
        try:
            await self._steps.ring_agent(call, journalled)
            call.silent = False
        except ChannelExists:
            _log.warning("asterisk.call_found", call_id=call.id)
            call.silent = False
            call.agent.asked = call.found = call.doubtful = True
            self._start(self.settle_doubtful())
        except (EngineRefused, EngineUnavailable, RequestIdTaken, StoreUnavailable):
            call.unreported = True
            self.end(call, _FAILED)
            raise
        finally:
            call.placing = False
            self.touch(call)

    def end(self, call: TrackedCall, ending: Ending) -> None:
        """Hang up every leg. The first ending of a call stays its ending."""
        call.ending = call.ending or ending
        if not call.legs:
            self._finish(call)
        for leg in call.legs:
            if not leg.hang_up_sent:
                leg.hang_up_sent = True
                self._start(self._hang_up(call, leg))

    async def hang_up(self, call_id: str) -> bool:
        """End every leg on the agent's wish. False where Asterisk has no such call.

        Raises the port's errors where that did not reach Asterisk; for a call that is tracked it is tried again.
        """
        call = self._register.get(call_id)
        if call is None:
            return not self.has_ended(call_id) and await self._hang_up_untracked(call_id)
        cause = Cause.NORMAL if call.is_connected else Cause.CANCELLED
        before = call.ending
        call.ending = before or Ending(by=EndedBy.AGENT, cause=cause)
        for leg in reversed(call.legs):
            leg.hang_up_sent = True
            try:
                if not await self._ari.hang_up(leg.id):
                    self._leg_gone(call, leg)
            except PROBLEMS as problem:
                leg.hang_up_sent = False
                if isinstance(problem, EngineUnavailable):
                    call.ending = before  # nothing was sent: whatever ends the call now was not this
                raise
        if not call.legs:
            self._finish(call)
        return True

    async def _hang_up_untracked(self, call_id: str) -> bool:
        """A call of an earlier life that was not adopted."""
        found = [await self._ari.hang_up(leg_id(call_id, leg)) for leg in Leg]
        if any(found):
            ending = Ending(by=EndedBy.AGENT, cause=Cause.CANCELLED)
            self._reports.put(Report(call_id=call_id, sign=Sign.ENDED, at=self._clock.now(), ending=ending))
        return any(found)

    def report(self, call: TrackedCall, sign: Sign, ending: Ending | None = None) -> None:
        """Tell of a call."""
        self._reports.put(Report(call_id=call.id, sign=sign, at=self._clock.now(), ending=ending))

    def touch(self, call: TrackedCall) -> None:
        """Note that something was done: what was seen of the call before that is out of date."""
        call.changed_at = self._clock.monotonic()

    # ── what Asterisk tells ──

    def on_event(self, event: Event) -> None:
        """Take in one event."""
        channel = event.channel or event.peer
        if channel is None:
            return
        known = self._register.of_channel(channel.id)
        if known is None:
            if event.type == "StasisStart":
                # Made by somebody who gave up before dialling it; so it rings nobody, and may not stay.
                self._remove_stray(channel.id)
            return
        call, leg = known
        match event.type:
            case "StasisStart":
                self._entered(call, leg)
            case "Dial":
                self._dial_told(call, leg, event.dialstatus)
            case "ChannelStateChange":
                self._state_told(call, leg, channel)
            case "ChannelHangupRequest":
                leg.soft = event.soft if leg.soft is None else leg.soft
            case "ChannelDestroyed":
                self._leg_gone(call, leg, event)

    def _entered(self, call: TrackedCall, leg: TrackedLeg) -> None:
        if call.ending is not None or (call.silent and not call.placing):
            self.end(call, _FAILED)
        else:
            leg.enter(True)

    def _dial_told(self, call: TrackedCall, leg: TrackedLeg, status: str) -> None:
        if status == "RINGING":
            self._rings(call, leg)
        elif status == "PROGRESS":
            self._progresses(call, leg)
        elif status == "ANSWER":
            self._answered(call, leg)

    def _state_told(self, call: TrackedCall, leg: TrackedLeg, channel: Channel) -> None:
        if channel.state == "Ringing":
            self._rings(call, leg)
        elif channel.state == "Up":
            self._answered(call, leg)

    def _rings(self, call: TrackedCall, leg: TrackedLeg) -> None:
        leg.heard_of = True
        if leg.leg is Leg.AGENT:
            self._comes_to(call, Sign.AGENT_RINGING)
            return
        has_early_media = call.sign is Sign.PROGRESS
        if self._comes_to(call, Sign.RINGING) and not has_early_media:
            self._set_ringback(call, on=True)

    def _progresses(self, call: TrackedCall, leg: TrackedLeg) -> None:
        leg.heard_of = True
        if leg.leg is Leg.AGENT:
            self._comes_to(call, Sign.AGENT_RINGING)
            return
        self._comes_to(call, Sign.PROGRESS)
        self._set_ringback(call, on=False)

    def _answered(self, call: TrackedCall, leg: TrackedLeg) -> None:
        if leg.up:
            return
        leg.heard_of = leg.up = True
        if leg.leg is Leg.AGENT:
            if self._comes_to(call, Sign.AGENT_ANSWERED):
                self._bring_customer(call)
            return
        if self._comes_to(call, Sign.CONNECTED):
            self._connected(call, fresh=True)

    def _connected(self, call: TrackedCall, *, fresh: bool) -> None:
        """`fresh`: we were there, so nobody has dialled the extension yet."""
        self._set_ringback(call, on=False)
        if fresh and call.order.number.extension:
            self._start(self._quietly(call.id, self._steps.send_extension(call)))

    def _comes_to(self, call: TrackedCall, sign: Sign) -> bool:
        if call.ending is not None or not call.comes_to(sign):
            return False
        self.report(call, sign)
        return True

    def _set_ringback(self, call: TrackedCall, *, on: bool) -> None:
        if call.ringback is not on:
            call.ringback = on
            self._start(self._play_ringback(call))

    def _leg_gone(self, call: TrackedCall, leg: TrackedLeg, event: Event | None = None) -> None:
        if leg.gone:
            return
        leg.gone = True
        leg.enter(False)
        if event is not None:
            told = ending_of(call.end_of(leg, q850=event.cause, sip=event.tech_cause))
            if call.ending is None:
                call.ending = told
            elif call.ending.q850 is None and call.ending.by is EndedBy.AGENT:
                call.ending = msgspec.structs.replace(call.ending, q850=event.cause)
        self.end(call, _LOST)

    def _finish(self, call: TrackedCall) -> None:
        if not self._register.remove(call):
            return
        if call.bridged:
            self._start(self._quietly(call.id, self._ari.destroy_bridge(call.id)))
        if not call.unreported:
            self.report(call, Sign.ENDED, call.ending)

    # ── what a look at Asterisk tells ──

    async def settle(self) -> None:
        """Bring every call to where Asterisk has it: events may be lost. Raises the port's errors."""
        since = self._clock.monotonic()
        snapshot = await self._ari.snapshot()
        for call in self._register.all():
            for leg in (call.agent, call.customer):
                leg.hang_up_sent = False
                if leg.id in snapshot.channels:
                    leg.enter(True)
            self._catch_up(call, snapshot, since)

    async def settle_doubtful(self) -> None:
        """Bring the calls of which nobody knows how they stand to where Asterisk has them."""
        since = self._clock.monotonic()
        try:
            snapshot = await self._ari.snapshot()
        except PROBLEMS as problem:
            _log.warning("asterisk.no_look", problem=str(problem))
            return
        for call in self._register.all():
            if call.doubtful:
                self._catch_up(call, snapshot, since)

    async def adopt(self, orders: Collection[Originate], *, strays: bool) -> frozenset[str]:
        """Track those of the calls that are there; the ids of all that are. Raises the port's errors.

        `strays`: end legs and take away bridges that look like ours and belong to no call that is known.
        """
        since = self._clock.monotonic()
        snapshot = await self._ari.snapshot()
        for order in orders:
            call = self._register.get(order.call_id)
            if call is None and not self.has_ended(order.call_id):
                legs = (leg_id(order.call_id, Leg.AGENT), leg_id(order.call_id, Leg.CUSTOMER))
                if any(leg in snapshot.channels for leg in legs):
                    _log.info("asterisk.call_adopted", call_id=order.call_id, number=str(order.number))
                    call = self._register.add(order)
                    call.found = True
                    self._catch_up(call, snapshot, since)
            elif call is not None and call.silent:
                self._catch_up(call, snapshot, since)
        if strays:
            self._remove_strays(snapshot)
        return frozenset(order.call_id for order in orders if self._register.get(order.call_id))

    def see_to_what_is_late(self) -> bool:
        """End what is overdue. True where a look at Asterisk is needed."""
        now = self._clock.monotonic()
        for call in self._register.all():
            late = any(leg.deadline is not None and leg.deadline < now and not leg.up for leg in call.legs)
            never_dialled = call.silent and not call.placing and not call.agent.dial_sent
            if call.ending is not None or late or never_dialled:
                self.end(call, _TOO_LATE if late else _FAILED)
        return any(call.doubtful for call in self._register.all())

    def _catch_up(self, call: TrackedCall, snapshot: Snapshot, since: float) -> None:
        at_work = call.placing or call.bringing_customer or call.control.locked()
        if at_work or call.changed_at >= since:
            call.doubtful = True  # the snapshot may be older than what was done; another look, later
            return
        stands = standing(call, snapshot)
        call.doubtful = False
        adopted, call.found = call.found, False
        if adopted:
            self._take_over(call, stands)
        for leg, there in ((call.customer, stands.customer_there), (call.agent, stands.agent_there)):
            if leg.asked and not there:
                self._leg_gone(call, leg)
        if call.ending is not None:
            self.end(call, call.ending)
            return
        call.agent.up = stands.sign not in (None, Sign.AGENT_RINGING)
        call.customer.up = stands.sign is Sign.CONNECTED
        if stands.sign is not None and self._comes_to(call, stands.sign) and call.customer.up:
            self._connected(call, fresh=not adopted)
        if call.agent.up and not call.customer.dial_sent:
            self._bring_customer(call)
        if stands.held != call.held:
            call.held = stands.held
            self.report(call, Sign.HELD if call.held else Sign.RESUMED)

    def _take_over(self, call: TrackedCall, stands: Standing) -> None:
        """Its agent's leg may have been dialled, so it is not dialled again; of the customer's the bridge tells.

        A bridge without the customer's leg is a customer who has gone: never one to be dialled once more.
        """
        call.bridged = True
        call.ringback = call.ringback_on = stands.sign is Sign.RINGING
        call.agent.asked = call.agent.dial_sent = True
        call.agent.deadline = self._steps.deadline(Leg.AGENT)
        call.customer.asked = stands.customer_there or stands.bridge_there
        call.customer.dial_sent = stands.customer_there and stands.customer_dialled
        call.customer.deadline = self._steps.deadline(Leg.CUSTOMER)

    # ── what comes of it ──

    def _bring_customer(self, call: TrackedCall) -> None:
        if not call.bringing_customer:
            call.bringing_customer = True
            self._start(self._ring_customer(call))

    async def _ring_customer(self, call: TrackedCall) -> None:
        try:
            if await self._steps.join_customer(call):
                self._comes_to(call, Sign.DIALING)
                await self._steps.ring_customer(call)
            else:
                await self._ari.destroy_bridge(call.id)
        except ChannelExists:
            call.customer.asked = call.found = call.doubtful = True
        except EngineRefused as problem:
            _log.warning("asterisk.customer_refused", call_id=call.id, problem=str(problem))
            self.end(call, _FAILED)
        except (EngineUnavailable, EngineSilent) as problem:
            _log.warning("asterisk.customer_in_doubt", call_id=call.id, problem=str(problem))
            if not call.customer.dial_sent:
                self.end(call, _FAILED)
        finally:
            call.bringing_customer = False
            self.touch(call)

    async def _hang_up(self, call: TrackedCall, leg: TrackedLeg) -> None:
        try:
            if not await self._ari.hang_up(leg.id):
                self._leg_gone(call, leg)
        except PROBLEMS as problem:
            leg.hang_up_sent = False
            _log.warning("asterisk.hang_up_failed", call_id=call.id, leg=leg.leg.value, problem=str(problem))

    async def _play_ringback(self, call: TrackedCall) -> None:
        """Let the agent hear what is wanted by now. One request at a time: two could overtake each other."""
        async with call.ringback_lock:
            if call.ringback == call.ringback_on or call.ending is not None:
                return
            call.ringback_on = call.ringback
            request = self._ari.start_ringback if call.ringback else self._ari.stop_ringback
            await self._quietly(call.id, request(call.agent.id))

    def _remove_strays(self, snapshot: Snapshot) -> None:
        for channel_id in snapshot.channels:
            if self._register.of_channel(channel_id) is None:
                self._remove_stray(channel_id)
        for bridge_id in snapshot.bridges:
            if is_call_id(bridge_id) and self._register.get(bridge_id) is None:
                self._start(self._quietly(bridge_id, self._ari.destroy_bridge(bridge_id)))

    def _remove_stray(self, channel_id: str) -> None:
        call_id = call_of(channel_id)
        if call_id is not None:
            _log.warning("asterisk.stray_leg", call_id=call_id, leg=channel_id.rpartition(".")[2])
            self._start(self._quietly(call_id, self._ari.hang_up(channel_id)))

    async def _quietly(self, call_id: str, request: Coroutine[object, object, object]) -> None:
        """For what a call does not hang on."""
        try:
            await request
        except PROBLEMS as problem:
            _log.info("asterisk.request_failed", call_id=call_id, problem=str(problem))

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
