"""What the engine knows of one call and its legs."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import Final

from manualdial.calls import Ending, Leg, Sign
from manualdial.engines.asterisk.causes import LegEnd
from manualdial.ports import Originate

_LEG_ID: Final = re.compile(
    r"(?P<call>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(?P<leg>agent|customer)", re.IGNORECASE
)
_CALL_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

_ROW: Final = (
    Sign.AGENT_RINGING,
    Sign.AGENT_ANSWERED,
    Sign.DIALING,
    Sign.PROGRESS,
    Sign.RINGING,
    Sign.CONNECTED,
)


def leg_id(call_id: str, leg: Leg) -> str:
    """The id of a leg's channel."""
    return f"{call_id}.{leg.value}"


def call_of(channel_id: str) -> str | None:
    """The call that a channel is a leg of; None for a channel that is none of ours."""
    match = _LEG_ID.fullmatch(channel_id)
    return match["call"] if match else None


def leg_of(channel_id: str) -> Leg:
    """Which leg a channel of ours is."""
    return Leg(channel_id.rpartition(".")[2].lower())


def is_call_id(text: str) -> bool:
    """Whether a bridge of that id may be ours."""
    return _CALL_ID.fullmatch(text) is not None


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
    """One call under way: its order, its legs, and how far it has come."""

    order: Originate
    agent: TrackedLeg
    customer: TrackedLeg
    placing: bool = False
    """`originate` is at work on it, and answers for it."""
    silent: bool = False
    """`originate` had no answer: what is not dialled yet never will be."""
    sign: Sign | None = None
    """The furthest that was reported."""
    held: bool = False
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
    found: bool = False
    """Its legs were made by somebody else: an earlier life of this service."""
    unreported: bool = False
    """The caller of `originate` was told that it failed: its end is no news."""
    ending: Ending | None = None
    """How the call ends, from the moment that this is decided; it is over when its legs are gone."""
    control: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One control request at a time."""
    bringing_customer: bool = False
    """A task is at work to bring the customer in."""

    @classmethod
    def of(cls, order: Originate) -> TrackedCall:
        """A call of which nothing is known but its order."""
        return cls(
            order=order,
            agent=TrackedLeg(id=leg_id(order.call_id, Leg.AGENT), leg=Leg.AGENT),
            customer=TrackedLeg(id=leg_id(order.call_id, Leg.CUSTOMER), leg=Leg.CUSTOMER),
        )

    @property
    def id(self) -> str:
        """The call's id, and its bridge's."""
        return self.order.call_id

    @property
    def is_at_work(self) -> bool:
        """Whether a request for it is under way: a look at Asterisk tells nothing reliable of it."""
        return self.placing or self.bringing_customer or self.control.locked()

    @property
    def lacks_customer(self) -> bool:
        """Whether the agent waits for a customer whom nobody is bringing."""
        ready = self.agent.up and self.ending is None and not self.placing
        return ready and not self.customer.dial_sent and not self.bringing_customer

    @property
    def ringback_is_wrong(self) -> bool:
        """Whether the agent hears a ringing tone that is not wanted, or lacks one, and nobody is at it."""
        return self.ringback is not self.ringback_on and self.ending is None and not self.ringback_lock.locked()

    @property
    def is_given_up(self) -> bool:
        """Whether `originate` has ended without an answer before anything was dialled: then nothing ever is."""
        return self.silent and not self.placing and not self.agent.dial_sent

    @property
    def is_connected(self) -> bool:
        """Whether agent and customer are both there, also while the customer is held."""
        return self.sign is Sign.CONNECTED

    @property
    def legs(self) -> tuple[TrackedLeg, ...]:
        """The legs that are there, or may be."""
        return tuple(leg for leg in (self.agent, self.customer) if leg.asked and not leg.gone)

    def comes_to(self, sign: Sign) -> bool:
        """Note how far the call has come. False where it was there already, or further."""
        if self.sign is not None and _ROW.index(sign) <= _ROW.index(self.sign):
            return False
        self.sign = sign
        return True

    def end_of(self, leg: TrackedLeg, *, q850: int | None, sip: int | None) -> LegEnd:
        """What is known of a leg's end, with what Asterisk told at last."""
        return LegEnd(
            leg=leg.leg,
            answered=leg.up,
            connected=self.is_connected,
            heard_of=leg.heard_of,
            soft=bool(leg.soft),
            q850=q850,
            sip=sip,
        )
