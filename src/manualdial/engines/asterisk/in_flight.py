"""The calls in flight: what the engine knows of each and of its legs, and which calls ended not long ago."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from cachetools import FIFOCache

from manualdial.calls import CallSignal, Ending, Leg
from manualdial.engines.asterisk.causes import LegEnd
from manualdial.ports import Originate

_CALL_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_REMEMBERED: Final = 4096
"""How many calls that are over are known by their id."""

_ROW: Final = (
    CallSignal.AGENT_RINGING,
    CallSignal.AGENT_ANSWERED,
    CallSignal.DIALING,
    CallSignal.PROGRESS,
    CallSignal.RINGING,
    CallSignal.CONNECTED,
)


def leg_id(call_id: str, leg: Leg) -> str:
    """The id of a leg's channel."""
    return f"{call_id}.{leg.value}"


def call_of(channel_id: str) -> str | None:
    """The call that a channel is a leg of; None for a channel that is none of ours."""
    call_id, _, leg = channel_id.rpartition(".")
    return call_id if leg.lower() in tuple(Leg) and is_call_id(call_id) else None


def leg_of(channel_id: str) -> Leg:
    """Which leg a channel of ours is."""
    return Leg(channel_id.rpartition(".")[2].lower())


def is_call_id(text: str) -> bool:
    """Whether a bridge of that id may be ours."""
    return _CALL_ID.fullmatch(text) is not None


class Phase(StrEnum):
    """Who leads a call on."""

    PLACING = "placing"
    """`originate`, which makes and dials the agent's leg."""
    FOLLOWED = "followed"
    """The events of its legs."""
    BRINGING = "bringing"
    """A task, which makes, joins and dials the customer's leg."""
    HELD = "held"
    """The agent: the customer is with the music until a resume."""
    FOUND = "found"
    """A look at Asterisk: its legs were made by somebody else, an earlier life of this service."""
    GIVEN_UP = "given_up"
    """Nobody: `originate` had no answer before anything was dialled, so nothing ever is, and what is there is ended."""
    UNDONE = "undone"
    """Nobody: `originate` has failed and said so. What it made is ended, and that is no news."""


class Move(StrEnum):
    """A step of a call from one phase into another."""

    PLACE = "place"  # the agent's leg is dialled, or may be
    UNDO = "undo"
    GIVE_UP = "give_up"
    FIND = "find"  # a leg was there already
    SEE = "see"  # a look has told how it stands
    BRING = "bring"
    BROUGHT = "brought"  # the customer's leg is dialled, or could not be
    HOLD = "hold"
    RESUME = "resume"


PHASES: Final[dict[Phase, dict[Move, Phase]]] = {
    Phase.PLACING: {
        Move.PLACE: Phase.FOLLOWED,
        Move.UNDO: Phase.UNDONE,
        Move.GIVE_UP: Phase.GIVEN_UP,
        Move.FIND: Phase.FOUND,
        Move.BRING: Phase.BRINGING,  # the agent's answer may come before the answer to the dial
    },
    Phase.FOLLOWED: {Move.BRING: Phase.BRINGING, Move.HOLD: Phase.HELD},
    Phase.BRINGING: {Move.BROUGHT: Phase.FOLLOWED, Move.FIND: Phase.FOUND, Move.HOLD: Phase.HELD},
    Phase.HELD: {Move.RESUME: Phase.FOLLOWED},
    Phase.FOUND: {Move.SEE: Phase.FOLLOWED},
    Phase.GIVEN_UP: {},
    Phase.UNDONE: {},
}
"""Which move leads where. All others come too late, or too early, and change nothing."""


@dataclass(slots=True)
class TrackedLeg:
    """One leg."""

    id: str
    leg: Leg
    asked: bool = False
    """Its channel was asked for, or found."""
    entered: asyncio.Future[bool] | None = None
    """Resolved when the channel can be dialled (True), or is gone before (False). None: nobody waits for that."""
    dial_sent: bool = False
    """Set before the dial is sent, and never taken back: whatever becomes of it, there is no second one."""
    heard_of: bool = False
    up: bool = False
    soft: bool | None = None
    """Whether our side asked for its end; known from the first word about that."""
    hang_up_at: float | None = None
    """When its end was asked for last (monotonic seconds). None: it was not, or that failed."""
    gone: bool = False
    must_ring_by: float | None = None
    """When its far end must have given a sign of life, or it is hung up (monotonic seconds)."""
    deadline: float | None = None
    """When it must be up, or be hung up (monotonic seconds); Asterisk's own time-out comes before."""

    def is_late(self, now: float) -> bool:
        """Whether it should have answered by now, or rung."""
        if self.up:
            return False
        if self.must_ring_by is not None and self.must_ring_by < now and not self.heard_of:
            return True
        return self.deadline is not None and self.deadline < now

    def enter(self, entered: bool) -> None:
        """Tell who waits for the channel."""
        if self.entered is not None and not self.entered.done():
            self.entered.set_result(entered)


@dataclass(slots=True)
class TrackedCall:
    """One call in flight: its order, its legs, and how far it has come."""

    order: Originate
    agent: TrackedLeg
    customer: TrackedLeg
    phase: Phase
    signal: CallSignal | None = None
    """The furthest that was reported."""
    ringback: bool = False
    """The agent is to hear the ringing tone."""
    ringback_on: bool | None = False
    """Whether the agent does hear it. None: nobody knows."""
    ringback_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    changed_at: float = float("-inf")
    """When something was last done with it (monotonic seconds)."""
    bridged: bool = False
    """Its bridge was asked for."""
    doubtful: bool = False
    """Only a look at Asterisk tells how it stands: a request had no answer, or was refused as done already."""
    ending: Ending | None = None
    """How the call ends, from the moment that this is decided; it is over when its legs are gone.

    It goes beside the phase: a hang-up of which nothing was sent is taken back.
    """
    control: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One control request at a time."""

    @classmethod
    def of(cls, order: Originate, phase: Phase) -> TrackedCall:
        """A call of which nothing is known but its order."""
        return cls(
            order=order,
            phase=phase,
            agent=TrackedLeg(id=leg_id(order.call_id, Leg.AGENT), leg=Leg.AGENT),
            customer=TrackedLeg(id=leg_id(order.call_id, Leg.CUSTOMER), leg=Leg.CUSTOMER),
        )

    @property
    def id(self) -> str:
        """The call's id, and its bridge's."""
        return self.order.call_id

    @property
    def is_at_work(self) -> bool:
        """Whether a request for it is in flight: a look at Asterisk tells nothing reliable of it."""
        return self.phase in (Phase.PLACING, Phase.BRINGING) or self.control.locked()

    @property
    def lacks_customer(self) -> bool:
        """Whether the agent waits for a customer whom nobody is bringing."""
        is_free = self.phase is Phase.FOLLOWED and self.ending is None
        return is_free and self.agent.up and not self.customer.dial_sent

    @property
    def ringback_is_wrong(self) -> bool:
        """Whether the agent hears a ringing tone that is not wanted, or lacks one, and nobody is at it."""
        return self.ringback is not self.ringback_on and self.ending is None and not self.ringback_lock.locked()

    @property
    def is_connected(self) -> bool:
        """Whether agent and customer are both there, also while the customer is held."""
        return self.signal is CallSignal.CONNECTED

    @property
    def legs(self) -> tuple[TrackedLeg, ...]:
        """The legs that are there, or may be."""
        return tuple(leg for leg in (self.agent, self.customer) if leg.asked and not leg.gone)

    def moves(self, move: Move) -> bool:
        """Come into the phase that a move leads to. False where it leads nowhere from here."""
        phase = PHASES[self.phase].get(move)
        if phase is None:
            return False
        self.phase = phase
        return True

    def comes_to(self, signal: CallSignal) -> bool:
        """Note how far the call has come. False where it was there already, or further."""
        if self.signal is not None and _ROW.index(signal) <= _ROW.index(self.signal):
            return False
        self.signal = signal
        return True

    def end_of(self, leg: TrackedLeg, *, q850: int | None, sip: int | None) -> LegEnd:
        """The end of a leg, by what is known and what Asterisk told at last."""
        return LegEnd(
            leg=leg.leg,
            answered=leg.up,
            connected=self.is_connected,
            heard_of=leg.heard_of,
            soft=bool(leg.soft),
            q850=q850,
            sip=sip,
        )


class CallsInFlight:
    """Every call from its order to its end, found by call or by channel."""

    def __init__(self) -> None:
        self._calls: dict[str, TrackedCall] = {}
        self._legs: dict[str, tuple[TrackedCall, TrackedLeg]] = {}
        self._over: FIFOCache[str, bool] = FIFOCache(_REMEMBERED)
        """Calls that are tracked no more, and whether each was dialled."""

    def add(self, order: Originate, phase: Phase) -> TrackedCall:
        """Begin to track a call."""
        call = TrackedCall.of(order, phase)
        self._over.pop(call.id, None)
        self._calls[call.id] = call
        for leg in (call.agent, call.customer):
            self._legs[leg.id] = (call, leg)
        return call

    def remove(self, call: TrackedCall) -> bool:
        """End to track a call. False where that was done before."""
        if self._calls.pop(call.id, None) is None:
            return False
        for leg in (call.agent, call.customer):
            leg.enter(False)
            self._legs.pop(leg.id, None)
        # What was never dialled may be ordered again.
        self.note_over(call.id, dialled=call.agent.dial_sent or call.phase is Phase.FOUND)
        return True

    def note_over(self, call_id: str, *, dialled: bool) -> None:
        """Remember for a while that a call is over."""
        self._over[call_id] = dialled

    def get(self, call_id: str) -> TrackedCall | None:
        """The call, while it has not ended."""
        return self._calls.get(call_id)

    def of_channel(self, channel_id: str) -> tuple[TrackedCall, TrackedLeg] | None:
        """The call and the leg that a channel is."""
        return self._legs.get(channel_id)

    def has_ended(self, call_id: str) -> bool:
        """Whether it was dialled and ended, not long ago: Asterisk would take its id again, we do not."""
        return self._over.get(call_id, False)

    def is_over(self, call_id: str) -> bool:
        """Whether it was tracked, not long ago: what Asterisk still has of it has no use."""
        return call_id in self._over

    def all(self) -> list[TrackedCall]:
        """The calls that have not ended."""
        return list(self._calls.values())
