"""Dialling over the wire: both forms, numbers, refusals, one press one call (contract §1, §2)."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest

from tests.support.bus_client import address_of, is_error
from tests.support.running_service import DIAL, SAMPLE, RunningService, changes, finish, nothing, number, press, state

pytestmark = pytest.mark.asyncio(loop_scope="session")

CALLED = {"PhoneNumber": number(0)}
ECHO = {"subtopic": "ManualDialCall", "data": CALLED}

FORMS = {
    "table": (
        {"channel": "LCM", "topic": "Webservice", "subtopic": "ManualDialCall", "source": "widget", "data": CALLED},
        {
            "channel": "LCM", "topic": "Webservice", "subtopic": "ManualDialCall",
            "message": ECHO | {"topic": "Webservice", "channel": "LCM"},
        },
    ),
    "sample": (
        {
            "channel": "Amazon", "topic": "InboundCall", "subtopic": "ManualDialCall",
            "data": {"PhoneNumber": "+12345678900"},
        },
        {
            "channel": "UI", "topic": "InboundCall", "subtopic": "ManualDialCall",
            "message": {
                "subtopic": "ManualDialCall", "topic": "InboundCall", "channel": "Amazon",
                "data": {"PhoneNumber": "+12345678900"},
            },
        },
    ),
    "sample on the engine's own name": (
        {"channel": "simulator", "topic": "InboundCall", "subtopic": "ManualDialCall", "data": CALLED},
        {
            "channel": "UI", "topic": "InboundCall", "subtopic": "ManualDialCall",
            "message": ECHO | {"topic": "InboundCall", "channel": "Simulator"},
        },
    ),
    "spelt otherwise": (
        {"CHANNEL": " lcm ", "topic": "WebService", "subTopic": "MANUALDIALCALL", "Data": {"phonenumber": number(0)}},
        {
            "channel": "LCM", "topic": "Webservice", "subtopic": "ManualDialCall",
            "message": ECHO | {"topic": "Webservice", "channel": "LCM"},
        },
    ),
    "a packet": (
        {
            "channel": "Amazon", "topic": "", "subTopic": "", "ResponseUrl": "https://crm.example",
            "subscriberID": "4711",
            "message": {"channel": "Amazon", "topic": "InboundCall", "subtopic": "ManualDialCall", "data": CALLED},
        },
        {
            "channel": "UI", "topic": "", "subTopic": "", "subscriberID": "4711",
            "message": {
                "channel": "UI", "topic": "InboundCall", "subtopic": "ManualDialCall",
                "message": ECHO | {"topic": "InboundCall", "channel": "Amazon"},
            },
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
async def test_a_request_without_request_id_has_exactly_the_documented_reply(
    service: RunningService, form: str
) -> None:
    request, reply = FORMS[form]
    desk = await service.desk()
    desk.send_text(json.dumps(request))

    def is_the_reply(message: dict[str, Any]) -> bool:
        return "InboundCallStateChange" not in address_of(message) and "SetAgentState" not in address_of(message)

    assert await desk.until("the reply", is_the_reply) == reply


async def test_a_reply_with_a_request_id_tells_of_the_call(service: RunningService) -> None:
    desk = await service.desk()
    desk.send(DIAL, CALLED, 4711)
    reply = await desk.expect(DIAL)
    assert reply["requestId"] == 4711
    dial = reply["message"]["dial"]
    assert set(dial) == {"callId", "state", "replay", "number", "verdict", "allowedActions"}
    assert str(uuid.UUID(dial["callId"])) == dial["callId"]
    assert dial["number"] == {
        "typed": number(0), "e164": number(0), "region": "US", "type": "fixed_line_or_mobile",
    }  # fmt: skip
    assert {"decision", "rules", "overridable", "policy"} <= set(dial["verdict"])


async def test_the_reply_reaches_the_agents_other_applications_and_nobody_else(service: RunningService) -> None:
    softphone, crm, other = await service.desk(), await service.bus(), await service.desk("bob")
    stranger = await service.desk("zoe")
    crm.send(SAMPLE, CALLED)
    for bus in (crm, softphone):
        await bus.expect("UI/InboundCall/ManualDialCall")
    for bus in (other, stranger):
        assert await nothing(bus) == []


@pytest.mark.parametrize("address", [DIAL, SAMPLE, "Amazon/InboundCall/SetMakeCall"])
async def test_dialling_needs_a_login(service: RunningService, address: str) -> None:
    bus = await service.bus()
    bus.send(address, CALLED)
    await bus.error("AGENT_NOT_LOGGED_IN")


async def test_numbers_that_are_none_are_refused_and_ring_nobody(service: RunningService) -> None:
    desk = await service.desk()
    for data in ({}, {"PhoneNumber": None}, {"PhoneNumber": " "}):
        desk.send(DIAL, data)
        await desk.error("PHONE_NUMBER_MISSING")
    for typed in ("hello", "+", "+11234567890", "1" * 200, 7, ["+12025550100"]):
        desk.send(DIAL, {"PhoneNumber": typed})
        assert (await desk.error("PHONE_NUMBER_INVALID"))["data"]["retryable"] is False
    for typed, region in (("911", "US"), ("112", "DE"), ("999", "GB"), ("118118", "GB")):
        desk.send(DIAL, {"PhoneNumber": typed, "Region": region})
        await desk.error("PHONE_NUMBER_INVALID")
    assert all(is_error(message) for message in desk.seen)


async def test_a_dry_run_reads_every_form_of_a_number_and_rings_nobody(service: RunningService) -> None:
    desk = await service.desk()
    for typed, region, e164, extension in (
        ("(202) 555-0100", "US", "+12025550100", None),
        ("020 7946 0000", "GB", "+442079460000", None),
        ("tel:+1-202-555-0100;ext=77", None, "+12025550100", "77"),
        ("+12025550100,77", None, "+12025550100", "77"),
    ):
        dial = await press(desk, typed, DryRun="true", **({"Region": region} if region else {}))
        assert set(dial) == {"state", "number", "purpose", "verdict"}
        assert (dial["state"], dial["number"]["e164"], dial["number"].get("extension")) == ("checked", e164, extension)
    assert await nothing(desk) == []
    assert (await service.get("/v1/calls")).json() == {"calls": []}


# ── one press, one call ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_same_press_is_replayed_with_its_state_during_and_after_the_call(service: RunningService) -> None:
    desk = await service.desk()
    first = await press(desk, request_id="press-1")
    await state(desk, first["callId"], "connected")
    again = await press(desk, request_id="press-1")
    assert (again["callId"], again["replay"], again["state"]) == (first["callId"], True, "connected")
    await finish(desk, first["callId"])
    again = await press(desk, request_id="press-1")
    assert (again["callId"], again["replay"], again["state"]) == (first["callId"], True, "ended")
    assert len((await service.get("/v1/calls")).json()["calls"]) == 1


async def test_the_same_request_id_with_other_data_is_a_conflict(service: RunningService) -> None:
    desk = await service.desk()
    await press(desk, request_id="press-1")
    desk.send(DIAL, CALLED | {"AccountNumber": "7"}, "press-1")
    assert (await desk.error("REQUEST_ID_CONFLICT"))["requestId"] == "press-1"


async def test_a_storm_of_one_press_is_one_call(service: RunningService) -> None:
    buses = [await service.desk(), *[await service.bus() for _ in range(4)]]
    for _ in range(20):
        for bus in buses:
            bus.send(DIAL, CALLED, "press-1")
    replies: list[dict[str, Any]] = []

    def all_are_there(message: dict[str, Any]) -> bool:
        if address_of(message) == DIAL:
            replies.append(message["message"]["dial"])
        return len(replies) == 100

    await buses[0].until("a hundred replies", all_are_there)
    assert len({dial["callId"] for dial in replies}) == 1
    assert [dial["replay"] for dial in replies].count(False) == 1
    assert len((await service.get("/v1/calls")).json()["calls"]) == 1


async def test_two_presses_of_an_agent_at_the_same_moment_are_one_call(service: RunningService) -> None:
    one, two = await service.desk(), await service.bus()
    one.send(DIAL, {"PhoneNumber": number(0)}, "press-1")
    two.send(DIAL, {"PhoneNumber": number(6)}, "press-2")
    answers = await asyncio.gather(
        one.until("an answer", lambda message: message.get("requestId") == "press-1"),
        two.until("an answer", lambda message: message.get("requestId") == "press-2"),
    )
    (refused,) = [answer for answer in answers if is_error(answer)]
    assert refused["data"]["errorType"] == "CALL_IN_PROGRESS"
    assert len((await service.get("/v1/calls")).json()["calls"]) == 1


async def test_a_double_click_without_request_id_is_one_call_and_two_same_replies(service: RunningService) -> None:
    desk = await service.desk()
    for _ in range(2):
        desk.send(SAMPLE, CALLED)
    first, second = [await desk.expect("UI/InboundCall/ManualDialCall") for _ in range(2)]
    assert first == second
    desk.send(SAMPLE, {"PhoneNumber": number(6)})
    await desk.error("CALL_IN_PROGRESS")
    assert len((await service.get("/v1/calls")).json()["calls"]) == 1


async def test_the_same_request_id_of_two_agents_is_two_presses(service: RunningService) -> None:
    ann, bob = await service.desk(), await service.desk("bob")
    first, second = await press(ann, request_id="press-1"), await press(bob, request_id="press-1")
    assert second["replay"] is False
    assert first["callId"] != second["callId"]


# ── the engine says no, or nothing ──────────────────────────────────────────────────────────────────────────────────


async def test_a_call_that_the_engine_refuses_is_told_and_its_replay_has_ended(service: RunningService) -> None:
    desk = await service.desk()
    desk.send(DIAL, {"PhoneNumber": number(11)}, "press-1")
    error = await desk.error("MAKE_CALL_FAILED")
    call_id = error["data"]["details"]["callId"]
    again = await press(desk, number(11), "press-1")
    assert (again["callId"], again["replay"], again["state"]) == (call_id, True, "ended")
    assert [call["dial"]["state"] for call in changes(desk, call_id)] == ["requested", "ended"]


async def test_a_silent_engine_leaves_an_unknown_call_that_can_be_hung_up(service: RunningService) -> None:
    desk = await service.desk()
    desk.send(DIAL, {"PhoneNumber": number(9)}, "press-1")
    error = await desk.error("CALL_OUTCOME_UNKNOWN")
    call_id = error["data"]["details"]["callId"]
    assert (await state(desk, call_id, "unknown"))["allowedActions"] == ["disconnect"]
    assert (await press(desk, number(9), "press-1"))["state"] == "unknown"
    await desk.ask("Amazon/InboundCall/Disconnect", call_id)
    assert (await state(desk, call_id, "ended"))["ending"]["by"] == "agent"
    assert (await press(desk))["replay"] is False
