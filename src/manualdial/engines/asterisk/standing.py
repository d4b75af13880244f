"""How a call stands by what is alive in Asterisk: for after a gap in the events, and for calls of an earlier life."""

from __future__ import annotations

from typing import Final

import msgspec

from manualdial.calls import Sign
from manualdial.engines.asterisk.ari import Snapshot
from manualdial.engines.asterisk.tracked_call import TrackedCall, TrackedLeg

_UP: Final = "Up"
_RINGING: Final = "Ringing"
_DOWN: Final = "Down"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot says of one call."""

    customer_there: bool
    agent_rang: bool
    """Whether the agent's phone has rung, so its leg was dialled for certain."""
    sign: Sign | None
    """The furthest that the legs prove. None: the agent's leg is there and was perhaps never dialled."""
    held: bool
    customer_dialled: bool
    """Whether the customer's leg may have been dialled. It is in the bridge before that."""
    bridge_there: bool
    """Whether the customer's leg may have been made, and be gone by now: the bridge is made before it."""


def standing(call: TrackedCall, snapshot: Snapshot) -> Standing:
    """Compare a call with a snapshot."""
    agent = _state(call.agent, snapshot)
    customer = _state(call.customer, snapshot)
    bridge = snapshot.bridges.get(call.id)
    joined = bridge.channels if bridge is not None else ()
    customer_dialled = customer not in (None, _DOWN) or call.customer.id in joined
    return Standing(
        customer_there=customer is not None,
        agent_rang=agent not in (None, _DOWN),
        sign=_sign(agent, customer, customer_dialled=customer_dialled),
        held=customer == _UP and call.agent.id in joined and call.customer.id not in joined,
        customer_dialled=customer_dialled,
        bridge_there=bridge is not None,
    )


def _state(leg: TrackedLeg, snapshot: Snapshot) -> str | None:
    channel = snapshot.channels.get(leg.id)
    return channel.state if channel is not None else None


def _sign(agent: str | None, customer: str | None, *, customer_dialled: bool) -> Sign | None:
    if customer == _UP:
        return Sign.CONNECTED
    if customer == _RINGING:
        return Sign.RINGING
    if customer is not None and customer_dialled:
        return Sign.DIALING
    if agent == _UP:
        return Sign.AGENT_ANSWERED
    return Sign.AGENT_RINGING if agent == _RINGING else None
