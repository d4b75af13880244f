"""How a leg ended → how the call ended. The rows are what Asterisk 22 was seen to tell."""

from __future__ import annotations

import pytest

from manualdial.calls import Cause, EndedBy, Ending, Leg
from manualdial.engines.asterisk.causes import LegEnd, ending_of


def end(leg: Leg, q850: int | None, sip: int | None = None, **facts: bool) -> LegEnd:
    """The end of a leg that was ringing, unless the facts say something else."""
    known = {"answered": False, "connected": False, "heard_of": True, "soft": False} | facts
    return LegEnd(leg=leg, q850=q850, sip=sip, **known)


@pytest.mark.parametrize(
    ("q850", "sip", "by", "cause"),
    [
        (17, 486, EndedBy.CUSTOMER, Cause.BUSY),
        (17, 600, EndedBy.CUSTOMER, Cause.BUSY),
        (21, 603, EndedBy.CUSTOMER, Cause.REJECTED),
        (21, 403, EndedBy.NETWORK, Cause.REJECTED),
        (1, 404, EndedBy.NETWORK, Cause.INVALID_NUMBER),
        (22, 410, EndedBy.NETWORK, Cause.INVALID_NUMBER),
        (28, 484, EndedBy.NETWORK, Cause.INVALID_NUMBER),
        (19, 480, EndedBy.CUSTOMER, Cause.NO_ANSWER),
        (18, 408, EndedBy.NETWORK, Cause.NO_ANSWER),
        (34, 503, EndedBy.NETWORK, Cause.CONGESTION),
        (38, 500, EndedBy.NETWORK, Cause.CONGESTION),
        (58, 488, EndedBy.NETWORK, Cause.FAILED),
        (127, 487, EndedBy.NETWORK, Cause.FAILED),
    ],
)
def test_what_a_carrier_says_of_a_customer_who_did_not_answer(q850: int, sip: int, by: EndedBy, cause: Cause) -> None:
    assert ending_of(end(Leg.CUSTOMER, q850, sip)) == Ending(by=by, cause=cause, q850=q850, sip=sip)


def test_a_480_of_our_own_time_out_is_told_from_one_that_was_sent() -> None:
    sent = ending_of(end(Leg.CUSTOMER, 19, 480))
    ours = ending_of(end(Leg.CUSTOMER, 19, 480, soft=True))

    assert (sent.cause, sent.sip) == (Cause.NO_ANSWER, 480)
    assert (ours.cause, ours.sip) == (Cause.NO_ANSWER, None)


def test_a_408_is_not_shown_where_nothing_was_ever_heard() -> None:
    assert ending_of(end(Leg.CUSTOMER, 18, 408, heard_of=False)).sip is None


@pytest.mark.parametrize(
    ("q850", "sip", "cause"),
    [(17, 486, Cause.BUSY), (21, 603, Cause.REJECTED), (19, 480, Cause.NO_ANSWER), (18, 408, Cause.NO_ANSWER)],
)
def test_an_agent_who_does_not_take_the_call_ends_it(q850: int, sip: int, cause: Cause) -> None:
    assert ending_of(end(Leg.AGENT, q850, sip)) == Ending(by=EndedBy.AGENT, cause=cause, q850=q850, sip=sip)


def test_a_phone_that_cannot_be_reached_is_a_failure_of_ours_not_the_agents() -> None:
    ending = ending_of(end(Leg.AGENT, 1, 404))

    assert (ending.by, ending.cause) == (EndedBy.SYSTEM, Cause.FAILED)


def test_our_time_out_for_the_agents_phone_is_the_agents_silence() -> None:
    ending = ending_of(end(Leg.AGENT, 19, 480, soft=True))

    assert ending == Ending(by=EndedBy.AGENT, cause=Cause.NO_ANSWER, q850=19)


@pytest.mark.parametrize(("connected", "cause"), [(True, Cause.NORMAL), (False, Cause.CANCELLED)])
def test_an_agent_who_hangs_up_ends_a_talk_or_cancels(connected: bool, cause: Cause) -> None:
    ending = ending_of(end(Leg.AGENT, 16, answered=True, connected=connected))

    assert ending == Ending(by=EndedBy.AGENT, cause=cause, q850=16)


@pytest.mark.parametrize("q850", [16, 31, None])
def test_a_customer_who_hangs_up_ends_the_talk_and_a_made_up_status_is_not_shown(q850: int | None) -> None:
    ending = ending_of(end(Leg.CUSTOMER, q850, 480, answered=True, connected=True))

    assert ending == Ending(by=EndedBy.CUSTOMER, cause=Cause.NORMAL, q850=q850)


def test_a_talk_that_the_network_breaks_off_has_failed() -> None:
    ending = ending_of(end(Leg.CUSTOMER, 41, 500, answered=True, connected=True))

    assert ending == Ending(by=EndedBy.NETWORK, cause=Cause.FAILED, q850=41)


@pytest.mark.parametrize("leg", list(Leg))
def test_what_asterisk_itself_breaks_off_has_failed(leg: Leg) -> None:
    ending = ending_of(end(leg, 44, answered=True, connected=True, soft=True))

    assert ending == Ending(by=EndedBy.SYSTEM, cause=Cause.FAILED, q850=44)
