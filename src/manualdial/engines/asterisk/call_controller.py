"""The engine's hand on its calls in Asterisk: what events mean for them, and what is to be done next."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final

import msgspec
import structlog

from manualdial.calls import CallSignal, Cause, EndedBy, Ending, Leg, Report
from manualdial.engines.asterisk.ari import PROBLEMS, Ari, ChannelExists, Event
from manualdial.engines.asterisk.call_steps import CallSteps
from manualdial.engines.asterisk.causes import ending_of
from manualdial.engines.asterisk.in_flight import CallsInFlight, Move, Phase, TrackedCall, TrackedLeg, leg_id
from manualdial.engines.asterisk.orphans import Orphans
from manualdial.engines.asterisk.reports import Reports
from manualdial.ports import Clock, EngineRefused, EngineSilent, EngineUnavailable, Originate
from manualdial.tasks import Tasks

log = structlog.get_logger(__name__)

_FAILED: Final = Ending(by=EndedBy.SYSTEM, cause=Cause.FAILED)
_LOST: Final = Ending(by=EndedBy.SYSTEM, cause=Cause.UNKNOWN)
_TOO_LATE: Final = Ending(by=EndedBy.SYSTEM, cause=Cause.TIMEOUT)


@dataclass(frozen=True, kw_only=True, eq=False)
class CallController:
    """Leads every call from its order to its end.

    `hang_up_every` is the time (seconds) from a request for a leg's end to the next one, where it does not end.
    """

    ari: Ari
    steps: CallSteps
    in_flight: CallsInFlight
    orphans: Orphans
    clock: Clock
    reports: Reports
    tasks: Tasks
    hang_up_every: float

    # ── what we want of calls ──

    async def place(self, order: Originate, journalled: Awaitable[object] | None) -> None:
        """Ring the agent's phone. Raises the port's errors, and what `journalled` raises.

        Whatever it raises, also where it is cancelled: what was not dialled by then is never dialled.
        """
        call = self.in_flight.add(order, Phase.PLACING)
        try:
            await self.steps.ring_agent(call, journalled)
            call.moves(Move.PLACE)
        except ChannelExists:
            log.warning("the agent's leg is there already", call_id=call.id)
            call.agent.asked = call.doubtful = True
            call.moves(Move.FIND)
        except BaseException as problem:
            if call.agent.dial_sent and not isinstance(problem, (EngineRefused, EngineUnavailable)):
                call.moves(Move.PLACE)  # it may be ringing
            elif isinstance(problem, EngineSilent):
                call.moves(Move.GIVE_UP)
            else:
                call.moves(Move.UNDO)
                self.end(call, _FAILED)
            raise
        finally:
            self.touch(call)

    def end(self, call: TrackedCall, ending: Ending) -> None:
        """Hang up every leg. The first ending of a call stays its ending."""
        call.ending = call.ending or ending
        if not call.legs:
            self._finish(call)
        for leg in call.legs:
            if leg.hang_up_at is None:
                leg.hang_up_at = self.clock.monotonic()
                self.tasks.start(self._hang_up(call, leg))

    async def hang_up(self, call_id: str) -> bool:
        """End every leg on the agent's wish. False where Asterisk has no such call.

        Raises the port's errors where that did not reach Asterisk; for a call that is tracked it is tried again.
        """
        call = self.in_flight.get(call_id)
        if call is None:
            return not self.in_flight.has_ended(call_id) and await self._hang_up_untracked(call_id)
        if call.phase is Phase.UNDONE:
            return False
        cause = Cause.NORMAL if call.is_connected else Cause.CANCELLED
        before = call.ending
        call.ending = before or Ending(by=EndedBy.AGENT, cause=cause)
        was_sent = False
        for leg in reversed(call.legs):
            leg.hang_up_at = self.clock.monotonic()
            try:
                if not await self.ari.hang_up(leg.id):
                    self.leg_gone(call, leg)
            except PROBLEMS as problem:
                leg.hang_up_at = None
                call.doubtful = True
                if isinstance(problem, EngineUnavailable) and not was_sent:
                    call.ending = before  # nothing was sent: whatever ends the call now was not this
                raise
            was_sent = True
        if not call.legs:
            self._finish(call)
        return True

    async def _hang_up_untracked(self, call_id: str) -> bool:
        """A call of an earlier life that was not adopted."""
        found = [await self.ari.hang_up(leg_id(call_id, leg)) for leg in Leg]
        if any(found):
            self.in_flight.note_over(call_id, dialled=True)
            self.orphans.take_bridge_away(call_id)
            ending = Ending(by=EndedBy.AGENT, cause=Cause.CANCELLED)
            self.reports.put(Report(call_id=call_id, signal=CallSignal.ENDED, at=self.clock.now(), ending=ending))
        return any(found)

    def report(self, call: TrackedCall, signal: CallSignal, ending: Ending | None = None) -> None:
        """Tell of a call."""
        self.reports.put(Report(call_id=call.id, signal=signal, at=self.clock.now(), ending=ending))

    def touch(self, call: TrackedCall) -> None:
        """Note that something was done: what was seen of the call before that is out of date."""
        call.changed_at = self.clock.monotonic()

    # ── what Asterisk tells ──

    def on_event(self, event: Event) -> None:
        """Take in one event."""
        channel = event.channel or event.peer
        if channel is None:
            return
        known = self.in_flight.of_channel(channel.id)
        if known is None:
            if event.type == "StasisStart":
                self.orphans.entered(channel.id)
            return
        call, leg = known
        match event.type:
            case "StasisStart":
                self._entered(call, leg)
            case "Dial":
                self._on_leg_state(call, leg, event.dialstatus)
            case "ChannelStateChange":
                self._on_leg_state(call, leg, channel.state.upper())
            case "ChannelHangupRequest":
                leg.soft = event.soft if leg.soft is None else leg.soft
            case "ChannelDestroyed":
                self.leg_gone(call, leg, event)

    def _entered(self, call: TrackedCall, leg: TrackedLeg) -> None:
        self.is_there(leg)
        if call.ending is not None or call.phase is Phase.GIVEN_UP:
            self.end(call, _FAILED)
        else:
            leg.enter(True)

    def _on_leg_state(self, call: TrackedCall, leg: TrackedLeg, state: str) -> None:
        if state in ("RINGING", "PROGRESS"):
            self._reached(call, leg, CallSignal(state.lower()))
        elif state in ("ANSWER", "UP"):
            self._answered(call, leg)

    def _reached(self, call: TrackedCall, leg: TrackedLeg, signal: CallSignal) -> None:
        leg.heard_of = True
        has_early_media = call.signal is CallSignal.PROGRESS
        if leg.leg is Leg.AGENT:
            self.comes_to(call, CallSignal.AGENT_RINGING)
        elif signal is CallSignal.PROGRESS:
            self.comes_to(call, signal)
            self.set_ringback(call, on=False)
        elif self.comes_to(call, signal) and not has_early_media:
            self.set_ringback(call, on=True)

    def _answered(self, call: TrackedCall, leg: TrackedLeg) -> None:
        if leg.up:
            return
        leg.heard_of = leg.up = True
        if leg.leg is Leg.AGENT:
            if self.comes_to(call, CallSignal.AGENT_ANSWERED):
                self.bring_customer(call)
        elif self.comes_to(call, CallSignal.CONNECTED):
            self.connected(call, fresh=True)

    def connected(self, call: TrackedCall, *, fresh: bool) -> None:
        """They talk. `fresh`: nobody else was there before us, so nobody has dialled the extension yet."""
        self.set_ringback(call, on=False)
        if fresh and call.order.number.extension:
            self.tasks.start(self._send_extension(call))

    def comes_to(self, call: TrackedCall, signal: CallSignal) -> bool:
        """Tell how far the call has come. False where it was there already, or is ending."""
        if call.ending is not None or not call.comes_to(signal):
            return False
        self.report(call, signal)
        return True

    def set_ringback(self, call: TrackedCall, *, on: bool) -> None:
        """Let the agent hear the ringing tone, or no more."""
        if call.ringback is not on:
            call.ringback = on
            self.tasks.start(self._play_ringback(call))

    def is_there(self, leg: TrackedLeg) -> None:
        """Note that Asterisk has the leg, also where it had said before that it has not: it was still making it."""
        if leg.gone:
            leg.gone = False
            leg.hang_up_at = None
        leg.asked = True

    def leg_gone(self, call: TrackedCall, leg: TrackedLeg, event: Event | None = None) -> None:
        """Take in that a leg has ended; `event` says how, where one came. The other leg is hung up."""
        if leg.gone:
            return
        leg.gone = True
        self.touch(call)
        leg.enter(False)
        if event is not None:
            if call.ending is None:
                call.ending = ending_of(call.end_of(leg, q850=event.cause, sip=event.tech_cause))
            elif call.ending.q850 is None and call.ending.by is EndedBy.AGENT:
                call.ending = msgspec.structs.replace(call.ending, q850=event.cause)
        self.end(call, _LOST)

    def _finish(self, call: TrackedCall) -> None:
        if not self.in_flight.remove(call):
            return
        if call.bridged:
            self.orphans.take_bridge_away(call.id)
        if call.phase is not Phase.UNDONE:
            self.report(call, CallSignal.ENDED, call.ending)

    # ── what is to be done next ──

    def see_to_what_is_late(self) -> bool:
        """End what is overdue, try again what failed. True where a look at Asterisk is needed."""
        now = self.clock.monotonic()
        doubtful = False
        for call in self.in_flight.all():
            late = any(leg.is_late(now) for leg in call.legs)
            if call.ending is not None or late or call.phase is Phase.GIVEN_UP:
                self._ask_again_for_the_end(call, now)
                self.end(call, _TOO_LATE if late else _FAILED)
            elif call.ringback_is_wrong:
                self.tasks.start(self._play_ringback(call))
            call.doubtful = call.doubtful or call.lacks_customer
            doubtful = doubtful or call.doubtful
        return doubtful

    def _ask_again_for_the_end(self, call: TrackedCall, now: float) -> None:
        for leg in call.legs:
            if leg.hang_up_at is not None and leg.hang_up_at + self.hang_up_every < now:
                log.warning("a leg does not end", call_id=call.id, leg=leg.leg.value)
                leg.hang_up_at = None
                call.doubtful = True  # it may be gone, and both the event and the answer be lost

    def bring_customer(self, call: TrackedCall) -> None:
        """Begin to make, join and dial what of the customer's leg is not made, joined and dialled yet."""
        if call.moves(Move.BRING):
            self.tasks.start(self._ring_customer(call))

    async def _ring_customer(self, call: TrackedCall) -> None:
        try:
            if await self.steps.join_customer(call):
                self.comes_to(call, CallSignal.DIALING)
                await self.steps.dial(call.customer)
        except ChannelExists:
            call.customer.asked = call.doubtful = True
            call.moves(Move.FIND)
        except (EngineRefused, EngineUnavailable) as problem:
            log.warning("the customer cannot be dialled", call_id=call.id, reason=str(problem))
            self.end(call, _FAILED)
        except EngineSilent as problem:
            log.warning("whether the customer is dialled is not known", call_id=call.id, reason=str(problem))
            if not call.customer.dial_sent:
                self.end(call, _FAILED)
        finally:
            call.moves(Move.BROUGHT)
            self.touch(call)
            if self.in_flight.get(call.id) is not call:
                self.orphans.take_bridge_away(call.id)  # the call was over before the bridge was there

    async def _hang_up(self, call: TrackedCall, leg: TrackedLeg) -> None:
        try:
            if not await self.ari.hang_up(leg.id):
                self.leg_gone(call, leg)
        except PROBLEMS as problem:
            leg.hang_up_at = None
            call.doubtful = True
            log.warning("a leg could not be hung up yet", call_id=call.id, leg=leg.leg.value, reason=str(problem))

    async def _play_ringback(self, call: TrackedCall) -> None:
        """Let the agent hear what is wanted by now. One request at a time: two could overtake each other."""
        async with call.ringback_lock:
            wanted = call.ringback
            if wanted is call.ringback_on or call.ending is not None:
                return
            call.ringback_on = None
            try:
                await self.ari.play_ringback(call.agent.id, on=wanted)
            except (EngineUnavailable, EngineSilent) as problem:
                log.info("whether the agent hears the ringing tone is not known", call_id=call.id, reason=str(problem))
                return
            except EngineRefused as problem:
                log.info("Asterisk refuses a change of the ringing tone", call_id=call.id, reason=str(problem))
            call.ringback_on = wanted

    async def _send_extension(self, call: TrackedCall) -> None:
        try:
            await self.steps.send_extension(call)
        except PROBLEMS as problem:
            log.info("the extension could not be sent", call_id=call.id, reason=str(problem))
