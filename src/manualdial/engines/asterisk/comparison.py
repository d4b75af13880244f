"""The calls under way against what is alive in Asterisk: for what no event told."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

import structlog

from manualdial.calls import Cause, EndedBy, Ending, Leg, Sign
from manualdial.engines.asterisk.ari import PROBLEMS, Ari, Snapshot
from manualdial.engines.asterisk.call_steps import CallSteps
from manualdial.engines.asterisk.calls_under_way import CallsUnderWay
from manualdial.engines.asterisk.leftovers import Leftovers
from manualdial.engines.asterisk.register import CallRegister
from manualdial.engines.asterisk.standing import Standing, standing
from manualdial.engines.asterisk.tracked_call import TrackedCall, TrackedLeg, leg_id
from manualdial.ports import Clock, Originate

_log = structlog.get_logger()

_EVENTS_UNDER_WAY: Final = 0.5
"""Seconds for the event of an end to come, which says how; a look may be quicker than the event."""
_BEGINS_TO_RING: Final = 5.0
"""Seconds that a leg has to begin to ring which was perhaps never dialled: a phone rings within one or two."""

_Missing = list[tuple[TrackedCall, TrackedLeg]]


class Comparison:
    """Leads each call to where Asterisk has it. Nothing that may have been dialled is dialled.

    A call for which a request is under way, or that has changed since the look was asked for, is looked at later.
    """

    def __init__(
        self,
        *,
        ari: Ari,
        steps: CallSteps,
        calls: CallsUnderWay,
        register: CallRegister,
        leftovers: Leftovers,
        clock: Clock,
    ) -> None:
        self._ari = ari
        self._steps = steps
        self._calls = calls
        self._register = register
        self._leftovers = leftovers
        self._clock = clock

    async def after_gap(self) -> None:
        """Compare every call: events are lost. A leg that is not there has ended. Raises the port's errors."""
        since = self._clock.monotonic()
        snapshot = await self._ari.snapshot()
        for call in self._register.all():
            for leg in (call.agent, call.customer):
                leg.hang_up_at = None
                if leg.id in snapshot.channels:
                    leg.enter(True)
            for leg in self._compare(call, snapshot, since):
                self._calls.leg_gone(call, leg)

    async def of_doubtful(self) -> None:
        """Compare the calls of which nobody knows how they stand."""
        doubtful = [call for call in self._register.all() if call.doubtful]
        try:
            since = self._clock.monotonic()
            snapshot = await self._ari.snapshot()
            await self._conclude(self._compare_all(doubtful, snapshot, since))
        except PROBLEMS as problem:
            _log.warning("asterisk.no_look", problem=str(problem))

    async def adopt(self, orders: Collection[Originate]) -> frozenset[str]:
        """Compare these calls, track those of them that were not; the ids of all that are there.

        What Asterisk has of calls that are over, or that nobody knows, is taken away. Raises the port's errors.
        """
        gaps_told = self._leftovers.gaps_told
        since = self._clock.monotonic()
        snapshot = await self._ari.snapshot()
        calls = [call for order in orders if (call := self._tracked(order, snapshot)) is not None]
        missing = self._compare_all(calls, snapshot, since)
        self._leftovers.compare(snapshot, named={order.call_id for order in orders}, gaps_told=gaps_told)
        await self._conclude(missing)
        await self._calls.reports_read()  # an end that was reported just now counts before this answer does
        tracked = (self._register.get(order.call_id) for order in orders)
        return frozenset(call.id for call in tracked if call is not None and not call.unreported)

    def _tracked(self, order: Originate, snapshot: Snapshot) -> TrackedCall | None:
        call = self._register.get(order.call_id)
        if call is not None or self._register.is_over(order.call_id):
            return call
        if not any(leg_id(order.call_id, leg) in snapshot.channels for leg in Leg):
            return None
        _log.info("asterisk.call_adopted", call_id=order.call_id, number=str(order.number))
        call = self._register.add(order)
        call.found = True
        return call

    # ── legs that are not there ──

    def _compare_all(self, calls: Collection[TrackedCall], snapshot: Snapshot, since: float) -> _Missing:
        return [(call, leg) for call in calls for leg in self._compare(call, snapshot, since)]

    async def _conclude(self, missing: _Missing) -> None:
        """Legs that are not there have ended, unless a second look finds them: one look may have come too early."""
        if not missing:
            return
        await asyncio.sleep(_EVENTS_UNDER_WAY)
        missing = [(call, leg) for call, leg in missing if not leg.gone]
        if not missing:
            return
        snapshot = await self._ari.snapshot()
        for call, leg in missing:
            if leg.id in snapshot.channels:
                call.doubtful = True
            elif self._register.get(call.id) is call:
                _log.warning("asterisk.leg_gone_unheard", call_id=call.id, leg=leg.leg.value)
                self._calls.leg_gone(call, leg)

    # ── one call ──

    def _compare(self, call: TrackedCall, snapshot: Snapshot, since: float) -> Sequence[TrackedLeg]:
        """Lead a call to where the snapshot has it. Where legs of it are missing, they are the answer instead."""
        if call.is_at_work or call.changed_at >= since:
            call.doubtful = True
            return ()
        call.doubtful = False
        stands = standing(call, snapshot)
        adopted, call.found = call.found, False
        if adopted:
            self._take_over(call, stands, snapshot)
        for leg in (call.customer, call.agent):
            if leg.id in snapshot.channels:
                self._calls.is_there(leg)
        missing = [leg for leg in call.legs if leg.id not in snapshot.channels]
        if missing:
            return missing
        if call.ending is not None:
            self._calls.end(call, call.ending)
        else:
            self._lead_on(call, stands, adopted=adopted, age=_age(call.agent, snapshot))
        return ()

    def _take_over(self, call: TrackedCall, stands: Standing, snapshot: Snapshot) -> None:
        """Its agent's leg may have been dialled, so it is not dialled again; of the customer's the bridge tells.

        A bridge without the customer's leg is a customer who has gone: never one to be dialled once more.
        """
        call.bridged = True
        # While the customer's phone rings the tone is on, or early media has its place; after that it may be left on.
        call.ringback = stands.sign is Sign.RINGING
        call.ringback_on = None if stands.sign is Sign.CONNECTED else call.ringback
        call.agent.asked = call.agent.dial_sent = True
        call.agent.deadline = self._steps.deadline(Leg.AGENT)
        now = self._clock.monotonic()
        if not stands.agent_rang:
            call.agent.must_ring_by = now + max(0.0, _BEGINS_TO_RING - _age(call.agent, snapshot))
        call.customer.asked = stands.customer_there or stands.bridge_there
        call.customer.dial_sent = stands.customer_there and stands.customer_dialled
        call.customer.deadline = self._steps.deadline(Leg.CUSTOMER)
        if stands.sign is Sign.DIALING:  # nothing shows that it was dialled, and Asterisk ends only what was
            call.customer.deadline = max(now, call.customer.deadline - _age(call.customer, snapshot))

    def _lead_on(self, call: TrackedCall, stands: Standing, *, adopted: bool, age: float) -> None:
        call.agent.heard_of = call.agent.heard_of or stands.agent_rang
        call.customer.heard_of = call.customer.heard_of or stands.sign in (Sign.RINGING, Sign.CONNECTED)
        call.agent.up = call.agent.up or stands.sign not in (None, Sign.AGENT_RINGING)
        call.customer.up = call.customer.up or stands.sign is Sign.CONNECTED
        had_early_media = call.sign is Sign.PROGRESS
        if stands.sign is not None and self._calls.comes_to(call, stands.sign):
            if stands.sign is Sign.CONNECTED:
                self._calls.connected(call, fresh=not adopted)
            elif stands.sign is Sign.RINGING and not (adopted or had_early_media):
                self._calls.set_ringback(call, on=True)
        if call.agent.up and not call.customer.dial_sent:
            # The verdict that allowed the call is about the time in which an agent answers.
            if age > self._steps.deadline(Leg.AGENT) - self._clock.monotonic():
                self._calls.end(call, Ending(by=EndedBy.SYSTEM, cause=Cause.TIMEOUT))
                return
            self._calls.bring_customer(call)
        # Of a call of an earlier life it is not known what was told last.
        if stands.held is not call.held or (adopted and stands.sign is Sign.CONNECTED):
            call.held = stands.held
            self._calls.report(call, Sign.HELD if call.held else Sign.RESUMED)


def _age(leg: TrackedLeg, snapshot: Snapshot) -> float:
    """Seconds since the leg was made, by Asterisk's clock alone; 0 where that is not known.

    A leg that waits has the same time however often the service starts anew.
    """
    channel = snapshot.channels.get(leg.id)
    if channel is None or not channel.creationtime or snapshot.at is None:
        return 0.0
    return max(0.0, (snapshot.at - datetime.fromisoformat(channel.creationtime)).total_seconds())
