"""The calls in flight against what is alive in Asterisk: for what no event told, and for calls of an earlier life."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
import structlog

from manualdial.calls import CallSignal, Cause, EndedBy, Ending, Leg
from manualdial.engines.asterisk.ari import PROBLEMS, Ari, Snapshot
from manualdial.engines.asterisk.call_controller import CallController
from manualdial.engines.asterisk.call_steps import CallSteps
from manualdial.engines.asterisk.in_flight import CallsInFlight, Move, Phase, TrackedCall, TrackedLeg, leg_id
from manualdial.engines.asterisk.orphans import Orphans
from manualdial.engines.asterisk.reports import Reports
from manualdial.ports import Clock, Originate

log = structlog.get_logger(__name__)

_UP: Final = "Up"
_RINGING: Final = "Ringing"
_DOWN: Final = "Down"

_Missing = list[tuple[TrackedCall, TrackedLeg]]


class ObservedCall(msgspec.Struct, frozen=True, kw_only=True):
    """How a call stands by what is alive in Asterisk."""

    customer_there: bool
    agent_rang: bool
    """Whether the agent's phone has rung, so its leg was dialled for certain."""
    signal: CallSignal | None
    """The furthest that the legs prove. None: the agent's leg is there and was perhaps never dialled."""
    held: bool
    customer_dialled: bool
    """Whether the customer's leg may have been dialled. It is in the bridge before that."""
    bridge_there: bool
    """Whether the customer's leg may have been made, and be gone by now: the bridge is made before it."""

    @classmethod
    def of(cls, call: TrackedCall, snapshot: Snapshot) -> ObservedCall:
        """The call, as a snapshot has it."""
        agent = _state(call.agent, snapshot)
        customer = _state(call.customer, snapshot)
        bridge = snapshot.bridges.get(call.id)
        joined = bridge.channels if bridge is not None else ()
        customer_dialled = customer not in (None, _DOWN) or call.customer.id in joined
        return cls(
            customer_there=customer is not None,
            agent_rang=agent not in (None, _DOWN),
            signal=_signal(agent, customer, customer_dialled=customer_dialled),
            held=customer == _UP and call.agent.id in joined and call.customer.id not in joined,
            customer_dialled=customer_dialled,
            bridge_there=bridge is not None,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """Leads each call to where Asterisk has it. Nothing that may have been dialled is dialled.

    A call for which a request is in flight, or that has changed since the look was asked for, is looked at later.
    `event_delay` (seconds) is for the event of an end to come, which says how: a look may be quicker than the event.
    `ring_delay` (seconds) is for a leg to begin to ring which was perhaps never dialled.
    """

    ari: Ari
    steps: CallSteps
    controller: CallController
    in_flight: CallsInFlight
    orphans: Orphans
    reports: Reports
    clock: Clock
    event_delay: float
    ring_delay: float

    async def after_gap(self) -> None:
        """Compare every call: events are lost. A leg that is not there has ended. Raises the port's errors."""
        since = self.clock.monotonic()
        snapshot = await self.ari.snapshot()
        for call in self.in_flight.all():
            for leg in (call.agent, call.customer):
                leg.hang_up_at = None
                if leg.id in snapshot.channels:
                    leg.enter(True)
            for leg in self._compare(call, snapshot, since):
                self.controller.leg_gone(call, leg)

    async def of_doubtful(self) -> None:
        """Compare the calls of which nobody knows how they stand."""
        doubtful = [call for call in self.in_flight.all() if call.doubtful]
        try:
            since = self.clock.monotonic()
            snapshot = await self.ari.snapshot()
            await self._conclude(self._compare_all(doubtful, snapshot, since))
        except PROBLEMS as problem:
            log.warning("Asterisk does not show its calls", reason=str(problem))

    async def adopt(self, orders: Collection[Originate]) -> frozenset[str]:
        """Compare these calls, track those of them that were not; the ids of all that are there.

        What Asterisk has of calls that are over, or that nobody knows, is taken away. Raises the port's errors.
        """
        gaps_told = self.orphans.gaps_told
        since = self.clock.monotonic()
        snapshot = await self.ari.snapshot()
        calls = [call for order in orders if (call := self._tracked(order, snapshot)) is not None]
        missing = self._compare_all(calls, snapshot, since)
        self.orphans.compare(snapshot, named={order.call_id for order in orders}, gaps_told=gaps_told)
        await self._conclude(missing)
        await self.reports.read_by_now()  # an end that was reported just now counts before this answer does
        tracked = (self.in_flight.get(order.call_id) for order in orders)
        return frozenset(call.id for call in tracked if call is not None and call.phase is not Phase.UNDONE)

    def _tracked(self, order: Originate, snapshot: Snapshot) -> TrackedCall | None:
        call = self.in_flight.get(order.call_id)
        if call is not None or self.in_flight.is_over(order.call_id):
            return call
        if not any(leg_id(order.call_id, leg) in snapshot.channels for leg in Leg):
            return None
        log.info("a call of an earlier life is taken over", call_id=order.call_id, number=str(order.number))
        return self.in_flight.add(order, Phase.FOUND)

    # ── legs that are not there ──

    def _compare_all(self, calls: Collection[TrackedCall], snapshot: Snapshot, since: float) -> _Missing:
        return [(call, leg) for call in calls for leg in self._compare(call, snapshot, since)]

    async def _conclude(self, missing: _Missing) -> None:
        """Legs that are not there have ended, unless a second look finds them: one look may have come too early."""
        if not missing:
            return
        await asyncio.sleep(self.event_delay)
        missing = [(call, leg) for call, leg in missing if not leg.gone]
        if not missing:
            return
        snapshot = await self.ari.snapshot()
        for call, leg in missing:
            if leg.id in snapshot.channels:
                call.doubtful = True
            elif self.in_flight.get(call.id) is call:
                log.warning("a leg has ended unheard", call_id=call.id, leg=leg.leg.value)
                self.controller.leg_gone(call, leg)

    # ── one call ──

    def _compare(self, call: TrackedCall, snapshot: Snapshot, since: float) -> Sequence[TrackedLeg]:
        """Lead a call to where the snapshot has it. Where legs of it are missing, they are the answer instead."""
        if call.is_at_work or call.changed_at >= since:
            call.doubtful = True
            return ()
        call.doubtful = False
        observed = ObservedCall.of(call, snapshot)
        adopted = call.moves(Move.SEE)
        if adopted:
            self._take_over(call, observed, snapshot)
        for leg in (call.customer, call.agent):
            if leg.id in snapshot.channels:
                self.controller.is_there(leg)
        missing = [leg for leg in call.legs if leg.id not in snapshot.channels]
        if missing:
            return missing
        if call.ending is not None:
            self.controller.end(call, call.ending)
        else:
            self._lead_on(call, observed, adopted=adopted, age=_age(call.agent, snapshot))
        return ()

    def _take_over(self, call: TrackedCall, observed: ObservedCall, snapshot: Snapshot) -> None:
        """Its agent's leg may have been dialled, so it is not dialled again; of the customer's the bridge tells.

        A bridge without the customer's leg is a customer who has gone: never one to be dialled once more.
        """
        call.bridged = True
        # While the customer's phone rings the tone is on, or early media has its place; after that it may be left on.
        call.ringback = observed.signal is CallSignal.RINGING
        call.ringback_on = None if observed.signal is CallSignal.CONNECTED else call.ringback
        call.agent.asked = call.agent.dial_sent = True
        call.agent.deadline = self.steps.deadline(Leg.AGENT)
        now = self.clock.monotonic()
        if not observed.agent_rang:
            call.agent.must_ring_by = now + max(0.0, self.ring_delay - _age(call.agent, snapshot))
        call.customer.asked = observed.customer_there or observed.bridge_there
        call.customer.dial_sent = observed.customer_there and observed.customer_dialled
        call.customer.deadline = self.steps.deadline(Leg.CUSTOMER)
        if observed.signal is CallSignal.DIALING:  # nothing shows that it was dialled, and Asterisk ends only what was
            call.customer.deadline = max(now, call.customer.deadline - _age(call.customer, snapshot))

    def _lead_on(self, call: TrackedCall, observed: ObservedCall, *, adopted: bool, age: float) -> None:
        call.agent.heard_of = call.agent.heard_of or observed.agent_rang
        call.customer.heard_of = call.customer.heard_of or observed.signal in (CallSignal.RINGING, CallSignal.CONNECTED)
        call.agent.up = call.agent.up or observed.signal not in (None, CallSignal.AGENT_RINGING)
        call.customer.up = call.customer.up or observed.signal is CallSignal.CONNECTED
        had_early_media = call.signal is CallSignal.PROGRESS
        if observed.signal is not None and self.controller.comes_to(call, observed.signal):
            if observed.signal is CallSignal.CONNECTED:
                self.controller.connected(call, fresh=not adopted)
            elif observed.signal is CallSignal.RINGING and not (adopted or had_early_media):
                self.controller.set_ringback(call, on=True)
        if call.agent.up and not call.customer.dial_sent:
            # The verdict that allowed the call is about the time in which an agent answers.
            if age > self.steps.deadline(Leg.AGENT) - self.clock.monotonic():
                self.controller.end(call, Ending(by=EndedBy.SYSTEM, cause=Cause.TIMEOUT))
                return
            self.controller.bring_customer(call)
        # Of a call of an earlier life it is not known what was told last.
        moved = call.moves(Move.HOLD if observed.held else Move.RESUME)
        if moved or (adopted and observed.signal is CallSignal.CONNECTED):
            self.controller.report(call, CallSignal.HELD if observed.held else CallSignal.RESUMED)


def _age(leg: TrackedLeg, snapshot: Snapshot) -> float:
    """Seconds since the leg was made, by Asterisk's clock alone; 0 where that is not known.

    A leg that waits has the same time however often the service starts anew.
    """
    channel = snapshot.channels.get(leg.id)
    if channel is None or not channel.creationtime or snapshot.at is None:
        return 0.0
    return max(0.0, (snapshot.at - datetime.fromisoformat(channel.creationtime)).total_seconds())


def _state(leg: TrackedLeg, snapshot: Snapshot) -> str | None:
    channel = snapshot.channels.get(leg.id)
    return channel.state if channel is not None else None


def _signal(agent: str | None, customer: str | None, *, customer_dialled: bool) -> CallSignal | None:
    if customer == _UP:
        return CallSignal.CONNECTED
    if customer == _RINGING:
        return CallSignal.RINGING
    if customer is not None and customer_dialled:
        return CallSignal.DIALING
    if agent == _UP:
        return CallSignal.AGENT_ANSWERED
    return CallSignal.AGENT_RINGING if agent == _RINGING else None
