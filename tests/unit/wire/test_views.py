"""views: calls and agents as the wire tells them (contract §3, §4)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from manualdial.agents import AFTER_CALL_WORK, AGENT_STATES, AVAILABLE, BUSY, NOT_READY, AgentState
from manualdial.calls import (
    Action,
    Call,
    CallSignal,
    CallState,
    Cause,
    EndedBy,
    Ending,
    Leg,
    advance,
    newest,
    requested,
)
from manualdial.wire import views
from tests.support.calls import TO_CONNECTED, a_call, a_number, a_report, after
from tests.support.people import a_session

BUTTONS = {
    "answer", "reject", "disconnect", "hold", "resume", "clearContact", "consult", "numberpad", "swap", "transfer",
    "conference",
}  # fmt: skip

ALL = frozenset(Action)


def wire(message: Any) -> Any:
    """A message as a client reads it."""
    return json.loads(msgspec.json.encode(message))


def enabled(call: Call) -> set[str]:
    items = wire(views.state_change(newest(call), ALL))["call"]["ButtonStates"]["items"]
    return {name for name, state in items.items() if state == "Enable"}


def test_a_state_event_has_every_key_of_the_contract() -> None:
    call = a_call(request_id="r-1", campaign_id="7", caller_id="+12025550199")
    event = wire(views.state_change(requested(call), ALL))
    assert event["source"] == "event"
    leg = f"{call.id}.agent"
    now = "2026-03-02T15:00:00.000Z"
    told = event["call"]
    assert set(told.pop("ButtonStates")["items"]) == BUTTONS
    assert told == {
        "id": leg,
        "event": "connecting",
        "CallType": "agent",
        "ActionsAllowed": None,
        "ResponseType": 0,
        "ResponseText": "Success",
        "ResponseActual": {
            "connectionId": leg, "contactId": call.id, "phoneNumber": "2001", "status": "connecting",
            "statusTimestamp": now, "type": "agent", "previousStatus": None,
        },
        "CallVariables": {"ANI": "+12025550199", "DNIS": "+12025550100"},
        "ExtendedCallVariables": None,
        "ResponseFields": {
            "Participants": [],
            "MediaProperties": {"callType": "agent", "queueName": None, "queueTimestamp": None},
            "fromAddress": "+12025550199", "CallState": "connecting", "Type": "agent", "CurrentStateTime": now,
            "Campaign": "7", "DN": "+12025550100", "OutboundType": "manualdial",
        },
        "dial": {
            "callId": call.id,
            "agentId": call.agent_id,
            "requestId": "r-1",
            "number": {
                "typed": "+12025550100", "e164": "+12025550100", "region": "US", "type": "fixed_line_or_mobile",
            },
            "state": "requested", "leg": "agent", "allowedActions": ["disconnect"], "at": now,
        },
    }  # fmt: skip


def test_events_of_the_customers_leg_are_outbound_and_name_the_customer() -> None:
    told = wire(views.state_change(newest(after(a_call(), *TO_CONNECTED)), ALL))["call"]
    assert (told["CallType"], told["dial"]["leg"]) == ("outbound", "customer")
    assert told["id"] == told["ResponseActual"]["connectionId"] != told["ResponseActual"]["contactId"]
    assert told["ResponseActual"]["phoneNumber"] == "+12025550100"
    assert "requestId" not in told["dial"]


def test_an_event_at_the_end_tells_the_ending_and_only_what_is_known_of_it() -> None:
    call = after(a_call(), *TO_CONNECTED)
    for ending, told in (
        (Ending(by=EndedBy.NETWORK, cause=Cause.CONGESTION, q850=34, sip=503), {"q850": 34, "sip": 503}),
        (Ending(by=EndedBy.NETWORK, cause=Cause.CONGESTION), {}),
    ):
        for change in advance(call, a_report(call, CallSignal.ENDED, ending)):
            dial = wire(views.state_change(change, ALL))["call"]["dial"]
            assert dial["ending"] == {"by": "network", "cause": "congestion"} | told


@pytest.mark.parametrize(
    ("state", "buttons"),
    [
        (CallState.REQUESTED, {"disconnect"}),
        (CallState.RINGING, {"disconnect"}),
        (CallState.CONNECTED, {"disconnect", "hold", "numberpad"}),
        (CallState.HELD, {"disconnect", "resume"}),
        (CallState.WRAP_UP, {"clearContact"}),
        (CallState.ENDED, set()),
        (CallState.UNKNOWN, {"disconnect"}),
    ],
)
def test_buttons_say_what_the_allowed_actions_say(state: CallState, buttons: set[str]) -> None:
    call = a_call(state=state)
    assert enabled(call) == buttons
    told = wire(views.state_change(newest(call), ALL))["call"]["ButtonStates"]
    assert told["count"] == len(told["items"]) == 11


@pytest.mark.parametrize("state", list(CallState))
def test_state_sync_tells_of_every_call_that_is_not_ended(state: CallState) -> None:
    calls = wire(views.call_sync([a_call(state=state)], lambda _call: ALL))["calls"]
    assert [call["dial"]["state"] for call in calls] == ([] if state is CallState.ENDED else [state.value])


def test_the_leg_of_a_state_is_the_one_that_it_is_about() -> None:
    assert {state: views.current_leg(a_call(state=state)) for state in CallState} == {
        CallState.REQUESTED: Leg.AGENT,
        CallState.AGENT_RINGING: Leg.AGENT,
        CallState.AGENT_ANSWERED: Leg.AGENT,
        CallState.DIALING: Leg.CUSTOMER,
        CallState.PROGRESS: Leg.CUSTOMER,
        CallState.RINGING: Leg.CUSTOMER,
        CallState.CONNECTED: Leg.CUSTOMER,
        CallState.HELD: Leg.CUSTOMER,
        CallState.WRAP_UP: Leg.AGENT,
        CallState.ENDED: Leg.AGENT,
        CallState.UNKNOWN: Leg.AGENT,
    }


def test_a_number_tells_its_extension_only_where_it_has_one() -> None:
    assert wire(views.number(a_number("+12025550100 x77")))["extension"] == "77"
    assert "extension" not in wire(views.number(a_number()))


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5, minutes=30))])
def test_a_moment_is_told_in_utc_with_milliseconds(zone: timezone) -> None:
    moment = datetime(2026, 3, 2, 15, 0, 0, 123456, tzinfo=UTC).astimezone(zone)
    assert views.timestamp(moment) == "2026-03-02T15:00:00.123Z"


@pytest.mark.parametrize(
    ("state", "buttons"),
    [
        (NOT_READY, {"NotReady", "Ready", "make_call"}),
        (AVAILABLE, {"NotReady", "make_call"}),
        (AFTER_CALL_WORK, {"NotReady", "Ready", "make_call"}),
        (BUSY, {"Ready", "mute"}),
    ],
)
def test_the_agents_buttons_follow_the_state(state: AgentState, buttons: set[str]) -> None:
    items = wire(views.agent_rules(a_session(state=state)))["ButtonStates"]["items"]
    assert {name for name, shown in items.items() if shown == "Enable"} == buttons


@pytest.mark.parametrize("state", AGENT_STATES)
def test_the_state_of_an_agent_is_told_by_name_and_type(state: AgentState) -> None:
    told = wire(views.agent_sync(a_session(state=state)))["agentState"]
    assert told == {
        "agentStateARN": None, "type": state.type.value, "name": state.label,
        "startTimestamp": "2026-03-02T15:00:00.000Z",
    }  # fmt: skip
