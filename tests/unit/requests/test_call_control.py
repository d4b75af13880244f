"""call_control: what an agent can do with a call (contract §3)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from manualdial.calls import CallSignal
from manualdial.ports import EngineRefused, EngineSilent, EngineUnavailable
from tests.support.calls import TO_CONNECTED
from tests.support.core import CHANGE, Core, Desk, error_type, running_core
from tests.support.people import BOB
from tests.support.waiting import until

HOLD, RESUME, DTMF, DISCONNECT, CLEAR = (
    f"Amazon/InboundCall/{name}" for name in ("Hold", "Resume", "SendDTMF", "Disconnect", "ClearContact")
)


@pytest.fixture
async def call_id(core: Core, desk: Desk) -> str:
    """A call of Ann in which both are talking; its events are forgotten."""
    call_id = await desk.connected_call(core.engine)
    desk.forget()
    return call_id


# ── how a control request is answered ───────────────────────────────────────────────────────────────────────────────


async def test_without_a_request_id_the_answer_is_the_event_that_it_causes_once(desk: Desk, call_id: str) -> None:
    answer = await desk.ask(HOLD, call_id)
    assert (answer["subtopic"], answer["message"]["call"]["dial"]["state"]) == (CHANGE, "held")
    assert "requestId" not in answer
    assert desk.seen == [answer]


async def test_with_a_request_id_there_is_the_event_and_a_reply(desk: Desk, call_id: str) -> None:
    answer = await desk.ask(HOLD, call_id, "hold-1")
    assert (answer["subtopic"], answer["requestId"], answer["message"]["success"]) == ("Hold", "hold-1", True)
    dial = answer["message"]["dial"]
    assert (dial["callId"], dial["state"], dial["allowedActions"]) == (call_id, "held", ["disconnect", "resume"])
    assert [message["subtopic"] for message in desk.seen] == [CHANGE, "Hold"]


async def test_the_event_reaches_a_requester_who_does_not_subscribe_to_it(core: Core, desk: Desk, call_id: str) -> None:
    picky = await core.connection(subscriptions=["UI/*/*"])
    answer = await picky.ask(HOLD)
    assert picky.seen == [answer]


async def test_an_answer_over_http_is_the_event_too(core: Core, call_id: str) -> None:
    answer = await core.over_http().ask(HOLD)
    assert answer["message"]["call"]["dial"]["state"] == "held"


# ── each of them ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("data", [None, {}, "", {"callId": None}, {"callID": ""}])
async def test_without_an_id_the_agents_only_call_is_meant(core: Core, desk: Desk, call_id: str, data: Any) -> None:
    await desk.ask(HOLD, data)
    assert core.engine.asked == [("hold", call_id)]


@pytest.mark.parametrize("form", ["{}", "{}.agent", "{}.customer"])
async def test_a_call_is_named_by_its_id_or_by_that_of_a_leg_in_any_case(
    core: Core, desk: Desk, call_id: str, form: str
) -> None:
    await desk.ask(HOLD, form.format(call_id).upper())
    await desk.ask(RESUME, {"callId": form.format(call_id)})
    assert core.engine.asked == [("hold", call_id), ("resume", call_id)]


async def test_hold_and_resume_go_there_and_back(desk: Desk, call_id: str) -> None:
    await desk.ask(HOLD)
    await desk.ask(RESUME)
    assert desk.states() == [("customer", "held"), ("customer", "connected")]
    assert [call["event"] for call in desk.changes()] == ["hold", "connected"]


@pytest.mark.parametrize(
    ("data", "digits"), [("12#", "12#"), ("abcd", "ABCD"), (12, "12"), ({"digits": "*0"}, "*0"), ("1" * 64, "1" * 64)]
)
@pytest.mark.parametrize("request_id", [None, "dtmf-1"])
async def test_dtmf_reaches_the_engine_and_always_gets_its_reply(
    core: Core, desk: Desk, call_id: str, data: Any, digits: str, request_id: str | None
) -> None:
    answer = await desk.ask(DTMF, data, request_id)
    assert (answer["subtopic"], answer["message"]["success"]) == ("SendDTMF", True)
    assert core.engine.asked == [("send_dtmf", call_id, digits)]
    assert desk.changes() == []


@pytest.mark.parametrize("data", [None, "", " ", "12q", "1 2", "-1", -1, "1" * 65, "+1", "１", {"digits": ""}])
async def test_what_is_no_dtmf_is_refused_and_not_sent(core: Core, desk: Desk, call_id: str, data: Any) -> None:
    answer = await desk.ask(DTMF, data)
    assert (error_type(answer), answer["data"]["retryable"]) == ("SEND_DTMF_FAILED", False)
    assert core.engine.asked == []


async def test_a_disconnect_ends_the_call_by_the_agent(desk: Desk, call_id: str) -> None:
    answer = await desk.ask(DISCONNECT, call_id, "bye")
    assert (answer["message"]["dial"]["state"], answer["message"]["dial"]["ending"]["by"]) == ("wrap_up", "agent")
    assert desk.states() == [("customer", "wrap_up"), ("agent", "wrap_up")]


@pytest.mark.parametrize("reached", range(len(TO_CONNECTED)))
async def test_a_call_can_be_disconnected_at_any_time(core: Core, desk: Desk, reached: int) -> None:
    call_id = (await desk.press())["message"]["dial"]["callId"]
    await core.engine.report(call_id, *TO_CONNECTED[:reached])
    answer = await desk.ask(DISCONNECT, None, "bye")
    assert answer["message"]["dial"]["state"] == ("ended" if reached < 2 else "wrap_up")


async def test_clear_contact_ends_the_wrap_up(core: Core, desk: Desk, call_id: str) -> None:
    await core.engine.end(call_id)
    answer = await desk.ask(CLEAR, call_id, "done")
    assert (answer["message"]["dial"]["state"], answer["message"]["dial"]["allowedActions"]) == ("ended", [])
    assert answer["message"]["dial"]["ending"] == {"by": "customer", "cause": "normal"}
    assert error_type(await desk.ask(CLEAR, call_id)) == "NO_SUCH_CALL"


async def test_a_call_whose_outcome_is_unknown_can_be_disconnected(core: Core, desk: Desk) -> None:
    core.engine.fails["originate"] = EngineSilent("x")
    call_id = (await desk.press())["data"]["details"]["callId"]
    answer = await desk.ask(DISCONNECT, call_id, "bye")
    dial = answer["message"]["dial"]
    assert (dial["state"], dial["ending"]) == ("ended", {"by": "agent", "cause": "cancelled"})
    assert core.engine.asked == [("hang_up", call_id)]


# ── what is not allowed ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_action_that_the_state_does_not_allow_is_told_with_those_that_it_does(
    desk: Desk, call_id: str
) -> None:
    for address in (RESUME, CLEAR):
        answer = await desk.ask(address)
        assert error_type(answer) == "ACTION_NOT_ALLOWED"
        details = answer["data"]["details"]
        assert (details["state"], details["allowedActions"]) == ("connected", ["disconnect", "hold", "send_dtmf"])
    await desk.ask(HOLD)
    for address, data in ((HOLD, None), (DTMF, "1"), (CLEAR, None)):
        details = (await desk.ask(address, data))["data"]["details"]
        assert (details["state"], details["allowedActions"]) == ("held", ["disconnect", "resume"])
    assert desk.states() == [("customer", "held")]


@pytest.mark.parametrize(("address", "data"), [(HOLD, None), (RESUME, None), (DTMF, "1"), (DISCONNECT, None)])
async def test_after_the_call_only_the_wrap_up_can_be_ended(
    core: Core, desk: Desk, call_id: str, address: str, data: Any
) -> None:
    await core.engine.end(call_id)
    details = (await desk.ask(address, data))["data"]["details"]
    assert (details["state"], details["allowedActions"]) == ("wrap_up", ["clear_contact"])


@pytest.mark.parametrize("address", [HOLD, RESUME, DISCONNECT, CLEAR])
async def test_without_a_call_there_is_none(desk: Desk, address: str) -> None:
    for data in (None, "no-such-call", 7):
        assert error_type(await desk.ask(address, data)) == "NO_SUCH_CALL"


async def test_the_call_of_another_agent_looks_like_none(core: Core, desk: Desk, call_id: str) -> None:
    other = await core.desk(BOB)
    for address in (HOLD, DISCONNECT, CLEAR):
        assert error_type(await other.ask(address, call_id)) == "NO_SUCH_CALL"
    assert core.engine.asked == []
    assert (await other.ask("Amazon/InboundCall/StateSync"))["message"]["calls"] == []


# ── the engine says no, or nothing ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fault", [EngineRefused("10.0.0.7"), EngineUnavailable("10.0.0.7"), EngineSilent("10.0.0.7")])
@pytest.mark.parametrize(
    ("method", "address", "data", "error"),
    [
        ("hold", HOLD, None, "HOLD_CALL_FAILED"),
        ("send_dtmf", DTMF, "1", "SEND_DTMF_FAILED"),
        ("hang_up", DISCONNECT, None, "DISCONNECT_CALL_FAILED"),
    ],
)
async def test_what_the_engine_does_not_do_has_an_error_of_its_own(
    core: Core, desk: Desk, call_id: str, fault: Exception, method: str, address: str, data: Any, error: str
) -> None:
    core.engine.fails[method] = fault
    answer = await desk.ask(address, data, "r-1")
    assert (error_type(answer), answer["requestId"], answer["data"]["retryable"]) == (error, "r-1", True)
    assert "10.0.0.7" not in str(answer)
    assert desk.changes() == []


async def test_a_resume_that_the_engine_refuses_is_told(core: Core, desk: Desk, call_id: str) -> None:
    await desk.ask(HOLD)
    core.engine.fails["resume"] = EngineRefused("x")
    assert error_type(await desk.ask(RESUME)) == "RESUME_CALL_FAILED"


async def test_an_engine_that_says_yes_and_does_nothing_is_not_waited_for_for_ever() -> None:
    async with running_core(event_timeout=0.01) as core:
        desk = await core.desk()
        await desk.connected_call(core.engine)
        core.engine.reports_what_it_did = False
        answer = await desk.ask(HOLD, None, "hold-1")
        assert (error_type(answer), answer["data"]["retryable"]) == ("HOLD_CALL_FAILED", True)


# ── at the same time ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_call_that_ends_while_the_hold_is_under_way_fails_the_hold(
    core: Core, desk: Desk, call_id: str
) -> None:
    core.engine.reports_what_it_did = False
    hold = asyncio.create_task(desk.ask(HOLD, None, "hold-1"))
    await until(lambda: bool(core.engine.asked))
    await core.engine.end(call_id)
    answer = await hold
    assert (error_type(answer), answer["data"]["retryable"]) == ("HOLD_CALL_FAILED", False)
    assert desk.states() == [("customer", "wrap_up"), ("agent", "wrap_up")]


async def test_two_holds_at_once_are_one_hold_and_each_is_answered(core: Core, desk: Desk, call_id: str) -> None:
    core.engine.waits["hold"] = asyncio.Event()
    holds = [asyncio.create_task(desk.ask(HOLD, None, name)) for name in ("hold-1", "hold-2")]
    await until(lambda: len(core.engine.asked) == 2)
    core.engine.waits["hold"].set()
    assert [(await hold)["message"]["success"] for hold in holds] == [True, True]
    assert desk.states() == [("customer", "held")]


async def test_a_disconnect_of_a_call_that_ends_at_that_moment_is_answered(
    core: Core, desk: Desk, call_id: str
) -> None:
    core.engine.waits["hang_up"] = asyncio.Event()
    bye = asyncio.create_task(desk.ask(DISCONNECT, None, "bye"))
    await until(lambda: bool(core.engine.asked))
    await core.engine.end(call_id)
    core.engine.waits["hang_up"].set()
    dial = (await bye)["message"]["dial"]
    assert (dial["state"], dial["ending"]["by"]) == ("wrap_up", "customer")
    assert desk.states() == [("customer", "wrap_up"), ("agent", "wrap_up")]


# ── StateSync ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_state_sync_without_a_call_is_empty(desk: Desk) -> None:
    answer = await desk.ask("Amazon/InboundCall/StateSync")
    assert answer["message"] == {"attributes": [], "queueName": None, "queueTimestamp": None, "calls": []}


async def test_state_sync_tells_of_the_call_until_it_is_ended(core: Core, desk: Desk, call_id: str) -> None:
    async def states() -> list[str]:
        calls = (await desk.ask("Simulator/InboundCall/StateSync"))["message"]["calls"]
        assert all(call["contactId"] == call["dial"]["callId"] == call_id for call in calls)
        return [call["dial"]["state"] for call in calls]

    assert await states() == ["connected"]
    await core.engine.report(call_id, CallSignal.HELD)
    assert await states() == ["held"]
    await core.engine.end(call_id)
    assert await states() == ["wrap_up"]
    await desk.ask(CLEAR)
    assert await states() == []
