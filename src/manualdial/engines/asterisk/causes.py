"""How a leg ended → how the call ended.

Asterisk gives a Q.850 cause, a SIP status that it often made up itself, and whether our own side asked for the end
(`soft`). Only `soft` tells a time-out of ours from a 480 that somebody sent.
"""

from __future__ import annotations

from typing import Final

import msgspec

from manualdial.calls import Cause, EndedBy, Ending, Leg

_NORMAL_CLEARING: Final = 16
_NO_USER_RESPONDING: Final = 18
_NO_ANSWER: Final = 19
_AFTER_A_TALK: Final = (None, _NORMAL_CLEARING, 31)  # 31: normal, unspecified

# What a carrier tells of the customer: SIP 486 and 600, 480, 408, 603 and 403, 404 and 604, 410, 484, 503, 500.
_CUSTOMER: Final[dict[int, tuple[EndedBy, Cause]]] = {
    1: (EndedBy.NETWORK, Cause.INVALID_NUMBER),  # unallocated number
    17: (EndedBy.CUSTOMER, Cause.BUSY),
    18: (EndedBy.NETWORK, Cause.NO_ANSWER),  # no user responding
    19: (EndedBy.CUSTOMER, Cause.NO_ANSWER),
    20: (EndedBy.NETWORK, Cause.NO_ANSWER),  # subscriber absent
    21: (EndedBy.CUSTOMER, Cause.REJECTED),
    22: (EndedBy.NETWORK, Cause.INVALID_NUMBER),  # number changed
    28: (EndedBy.NETWORK, Cause.INVALID_NUMBER),  # number incomplete
    34: (EndedBy.NETWORK, Cause.CONGESTION),  # no circuit available
    38: (EndedBy.NETWORK, Cause.CONGESTION),  # network out of order
    41: (EndedBy.NETWORK, Cause.CONGESTION),  # temporary failure
    42: (EndedBy.NETWORK, Cause.CONGESTION),  # switching equipment congestion
    44: (EndedBy.NETWORK, Cause.CONGESTION),  # requested channel not available
}
_AGENT: Final[dict[int, Cause]] = {
    17: Cause.BUSY,
    18: Cause.NO_ANSWER,
    19: Cause.NO_ANSWER,
    20: Cause.NO_ANSWER,
    21: Cause.REJECTED,
}


class LegEnd(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a leg, as Asterisk tells it."""

    leg: Leg
    answered: bool
    """Whether the leg was up."""
    connected: bool
    """Whether agent and customer were talking."""
    heard_of: bool
    """Whether its far end ever gave a sign of life."""
    soft: bool
    q850: int | None
    sip: int | None


def ending_of(end: LegEnd) -> Ending:
    """How a call ended whose first leg to go is this one, with nobody having asked us for it."""
    if end.soft:
        return _ended_here(end)
    if end.answered:
        return _hung_up(end)
    if end.leg is Leg.AGENT:
        by, cause = _agent_did_not_take_it(end)
    else:
        by, cause = _customer_did_not_take_it(end)
    return Ending(by=by, cause=cause, q850=end.q850, sip=_status_that_was_sent(end))


def _ended_here(end: LegEnd) -> Ending:
    """Our dial time-out, or Asterisk itself: a shutdown, no sound for too long, an operator."""
    if end.answered or end.q850 not in (None, _NO_ANSWER):
        return Ending(by=EndedBy.SYSTEM, cause=Cause.FAILED, q850=end.q850)
    by = EndedBy.AGENT if end.leg is Leg.AGENT else EndedBy.CUSTOMER
    return Ending(by=by, cause=Cause.NO_ANSWER, q850=end.q850)


def _hung_up(end: LegEnd) -> Ending:
    """A BYE. Its SIP status, where Asterisk gives one, is made from the cause: nobody sent it."""
    if end.leg is Leg.AGENT:
        cause = Cause.NORMAL if end.connected else Cause.CANCELLED
        return Ending(by=EndedBy.AGENT, cause=cause, q850=end.q850)
    if end.q850 in _AFTER_A_TALK:
        return Ending(by=EndedBy.CUSTOMER, cause=Cause.NORMAL, q850=end.q850)
    return Ending(by=EndedBy.NETWORK, cause=Cause.FAILED, q850=end.q850)


def _agent_did_not_take_it(end: LegEnd) -> tuple[EndedBy, Cause]:
    cause = _AGENT.get(end.q850 or 0)
    return (EndedBy.AGENT, cause) if cause else (EndedBy.SYSTEM, Cause.FAILED)


def _customer_did_not_take_it(end: LegEnd) -> tuple[EndedBy, Cause]:
    if end.sip == 403:  # the carrier's refusal; it has the same Q.850 cause as the customer's 603
        return EndedBy.NETWORK, Cause.REJECTED
    return _CUSTOMER.get(end.q850 or 0, (EndedBy.NETWORK, Cause.FAILED))


def _status_that_was_sent(end: LegEnd) -> int | None:
    """408 is also what Asterisk writes where no reply came at all."""
    if end.q850 == _NO_USER_RESPONDING and not end.heard_of:
        return None
    return end.sip
