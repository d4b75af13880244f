"""dialing: one press, one call, whatever engine and journal do (contract §2)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from manualdial.calls import Cause, EndedBy
from manualdial.ports import EngineRefused
from tests.support.core import CHANGE, DIAL, SAMPLE, Core, Desk, dial_of, error_type
from tests.support.people import BOB
from tests.support.waiting import until

# ── one press, one call ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_same_press_again_is_a_replay_with_the_state_as_it_is_now(core: Core, desk: Desk) -> None:
    first = dial_of(await desk.press())
    await core.engine.connect(first["callId"])
    again = dial_of(await desk.press())
    assert (again["callId"], again["replay"], again["state"]) == (first["callId"], True, "connected")
    assert again["allowedActions"] == ["disconnect", "hold", "send_dtmf"]
    assert len(core.engine.orders) == 1


async def test_a_replay_right_after_the_end_says_ended(core: Core, desk: Desk) -> None:
    call_id = await desk.connected_call(core.engine)
    await core.engine.end(call_id)
    await desk.ask("Amazon/InboundCall/ClearContact")
    again = dial_of(await desk.press())
    assert (again["callId"], again["replay"], again["state"]) == (call_id, True, "ended")
    assert again["allowedActions"] == []


async def test_a_number_and_its_text_are_the_same_request_id(desk: Desk) -> None:
    first = dial_of(await desk.ask(DIAL, {"PhoneNumber": "+12025550100"}, 4711))
    again = await desk.ask(DIAL, {"PhoneNumber": "+12025550100"}, "4711")
    assert (dial_of(again)["callId"], again["requestId"]) == (first["callId"], "4711")


async def test_keys_in_another_case_and_unknown_keys_are_the_same_data(desk: Desk) -> None:
    first = dial_of(await desk.ask(DIAL, {"PhoneNumber": "+12025550100", "CampaignID": "7"}, "press-1"))
    again = await desk.ask(
        "lcm/WebService/manualDialCall", {"campaignid": "7", "phonenumber": "+12025550100", "x": 1}, "press-1"
    )
    assert dial_of(again)["callId"] == first["callId"]


async def test_the_same_press_in_the_other_form_is_a_replay_in_that_form(desk: Desk) -> None:
    first = dial_of(await desk.press())
    again = await desk.ask(SAMPLE, {"PhoneNumber": "+12025550100"}, "press-1")
    assert (again["channel"], again["message"]["channel"]) == ("UI", "Amazon")
    assert dial_of(again)["callId"] == first["callId"]


@pytest.mark.parametrize(
    "other",
    [
        {"PhoneNumber": "+12025550123"},
        {"PhoneNumber": "202 555 0100"},
        {"PhoneNumber": "+12025550100", "AccountNumber": "7"},
        {"PhoneNumber": "+12025550100", "Purpose": "survey"},
        {"PhoneNumber": "+12025550100", "Overrides": [{"rule": "a", "reason": "b"}]},
    ],
)
async def test_the_same_request_id_with_other_data_is_a_conflict(core: Core, desk: Desk, other: dict[str, Any]) -> None:
    await desk.press()
    answer = await desk.ask(DIAL, other, "press-1")
    assert (error_type(answer), answer["requestId"]) == ("REQUEST_ID_CONFLICT", "press-1")
    assert len(core.engine.orders) == 1


async def test_the_same_request_id_of_another_agent_is_another_press(core: Core, desk: Desk) -> None:
    other = await core.desk(BOB)
    first, second = dial_of(await desk.press()), dial_of(await other.press())
    assert second["replay"] is False
    assert first["callId"] != second["callId"]


async def test_a_hundred_presses_at_once_with_one_request_id_are_one_call(core: Core, desk: Desk) -> None:
    desks = [desk, *[await core.desk() for _ in range(4)]]
    dials = [dial_of(answer) for answer in await asyncio.gather(*(one.press() for one in desks * 20))]
    assert len({dial["callId"] for dial in dials}) == 1
    assert [dial["replay"] for dial in dials].count(False) == 1
    assert len(core.engine.orders) == 1


async def test_of_two_presses_of_an_agent_at_once_one_is_made(core: Core, desk: Desk) -> None:
    answers = await asyncio.gather(desk.press("+12025550100", "press-1"), desk.press("+12025550123", "press-2"))
    (refused,) = [answer for answer in answers if answer["subtopic"] == "ApiError"]
    assert error_type(refused) == "CALL_IN_PROGRESS"
    assert len(core.engine.orders) == 1


async def test_agents_do_not_wait_for_each_other(core: Core, desk: Desk) -> None:
    core.engine.waits["originate"] = asyncio.Event()
    first = asyncio.create_task(desk.press())
    await until(lambda: len(core.engine.orders) == 1)
    other = asyncio.create_task((await core.desk(BOB)).press("+12025550123"))
    await until(lambda: len(core.engine.orders) == 2)
    core.engine.waits["originate"].set()
    assert dial_of(await first)["callId"] != dial_of(await other)["callId"]


# ── without a requestId: the guard time ─────────────────────────────────────────────────────────────────────────────


async def test_a_double_click_without_a_request_id_gets_the_documented_reply_again(core: Core, desk: Desk) -> None:
    first = await desk.ask(DIAL, {"PhoneNumber": "+12025550100"})
    again = await desk.ask(DIAL, {"PhoneNumber": "+12025550100"})
    assert first == again
    assert "dial" not in again["message"]
    assert len(core.engine.orders) == 1


async def test_a_double_click_is_answered_in_the_form_of_its_request_with_the_number_as_it_was_sent(
    core: Core, desk: Desk
) -> None:
    await desk.ask(DIAL, {"PhoneNumber": "+12025550100"})
    again = await desk.ask(SAMPLE, {"PhoneNumber": "(202) 555-0100 x7"})
    assert (again["channel"], again["message"]["data"]) == ("UI", {"PhoneNumber": "(202) 555-0100 x7"})
    assert len(core.engine.orders) == 1


async def test_two_clicks_at_the_same_moment_are_one_call(core: Core, desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.ask(SAMPLE, {"PhoneNumber": "+12025550100"}) for _ in range(5)))
    assert all(answer == answers[0] for answer in answers)
    assert len(core.engine.orders) == 1


async def test_after_the_guard_time_the_same_number_is_a_second_call(core: Core, desk: Desk) -> None:
    await desk.ask(DIAL, {"PhoneNumber": "+12025550100"})
    core.clock.move(2.9)
    assert (await desk.ask(DIAL, {"PhoneNumber": "+12025550100"}))["subtopic"] == "ManualDialCall"
    core.clock.move(0.2)
    assert error_type(await desk.ask(DIAL, {"PhoneNumber": "+12025550100"})) == "CALL_IN_PROGRESS"


async def test_another_number_within_the_guard_time_is_a_second_call(desk: Desk) -> None:
    await desk.ask(DIAL, {"PhoneNumber": "+12025550100"})
    assert error_type(await desk.ask(DIAL, {"PhoneNumber": "+12025550123"})) == "CALL_IN_PROGRESS"


async def test_a_press_with_a_request_id_neither_starts_nor_meets_the_guard_time(core: Core, desk: Desk) -> None:
    await desk.press(request_id="press-1")
    assert error_type(await desk.ask(DIAL, {"PhoneNumber": "+12025550100"})) == "CALL_IN_PROGRESS"
    await core.engine.end(core.engine.orders[0].call_id, by=EndedBy.AGENT, cause=Cause.NO_ANSWER)
    await desk.ask(DIAL, {"PhoneNumber": "+12025550100"})
    assert error_type(await desk.press(request_id="press-2")) == "CALL_IN_PROGRESS"
    assert len(core.engine.orders) == 2


async def test_agents_do_not_guard_each_others_numbers(core: Core, desk: Desk) -> None:
    other = await core.desk(BOB)
    for one in (desk, other):
        await one.ask(DIAL, {"PhoneNumber": "+12025550100"})
    assert len(core.engine.orders) == 2


async def test_a_call_that_failed_is_not_guarded(core: Core, desk: Desk) -> None:
    core.engine.fails["originate"] = EngineRefused("no")
    assert error_type(await desk.ask(DIAL, {"PhoneNumber": "+12025550100"})) == "MAKE_CALL_FAILED"
    del core.engine.fails["originate"]
    await desk.ask(DIAL, {"PhoneNumber": "+12025550100"})
    assert len(core.engine.orders) == 2


# ── SetMakeCall ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("data", ["+12025550100", {"PhoneNumber": "+12025550100", "CampaignID": 7}])
async def test_set_make_call_takes_the_number_alone_or_an_object_and_is_answered_by_its_event(
    core: Core, desk: Desk, data: Any
) -> None:
    answer = await desk.ask("Amazon/InboundCall/SetMakeCall", data)
    assert (answer["channel"], answer["subtopic"]) == ("Amazon", CHANGE)
    assert answer["message"]["call"]["dial"]["callId"] == core.engine.orders[0].call_id
    assert [message["subtopic"] for message in desk.seen].count(CHANGE) == 1


async def test_set_make_call_brings_its_event_to_a_requester_who_does_not_subscribe_to_it(core: Core) -> None:
    await core.desk()
    picky = await core.connection(subscriptions=["UI/*/*"])
    await picky.ask("Amazon/InboundCall/SetMakeCall", "+12025550100")
    assert picky.states() == [("agent", "requested")]


async def test_set_make_call_with_a_request_id_is_a_press_like_any_other(core: Core, desk: Desk) -> None:
    answer = await desk.ask("Amazon/InboundCall/SetMakeCall", "+12025550100", "press-1")
    assert (answer["subtopic"], answer["requestId"], answer["message"]["success"]) == ("SetMakeCall", "press-1", True)
    assert dial_of(answer)["replay"] is False
    again = dial_of(await desk.ask("Amazon/InboundCall/SetMakeCall", {"PhoneNumber": "+12025550100"}, "press-1"))
    assert (again["callId"], again["replay"]) == (dial_of(answer)["callId"], True)
    assert dial_of(await desk.press(request_id="press-1"))["replay"] is True
    assert (
        error_type(await desk.ask("Amazon/InboundCall/SetMakeCall", "+12025550123", "press-1")) == "REQUEST_ID_CONFLICT"
    )
    assert len(core.engine.orders) == 1


async def test_set_make_call_again_within_the_guard_time_is_answered_and_rings_nobody(core: Core, desk: Desk) -> None:
    await desk.ask("Amazon/InboundCall/SetMakeCall", "+12025550100")
    call_id = core.engine.orders[0].call_id
    await core.engine.connect(call_id)
    again = await desk.ask("Amazon/InboundCall/SetMakeCall", "+12025550100")
    call = again["message"]["call"]
    assert (again["subtopic"], call["dial"]["callId"], call["dial"]["state"]) == (CHANGE, call_id, "connected")
    assert call["event"] == "connected"
    assert len(core.engine.orders) == 1


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (None, "PHONE_NUMBER_MISSING"),
        ("", "PHONE_NUMBER_MISSING"),
        ("911", "PHONE_NUMBER_INVALID"),
        (2025550100, "PHONE_NUMBER_INVALID"),
        (True, "MALFORMED_MESSAGE"),
        ([], "MALFORMED_MESSAGE"),
    ],
)
async def test_set_make_call_fails_as_a_press_does(desk: Desk, data: Any, error: str) -> None:
    assert error_type(await desk.ask("Amazon/InboundCall/SetMakeCall", data)) == error


async def test_set_make_call_as_a_dry_run_is_a_reply(core: Core, desk: Desk) -> None:
    answer = await desk.ask("Amazon/InboundCall/SetMakeCall", {"PhoneNumber": "+12025550100", "DryRun": True})
    assert (answer["subtopic"], dial_of(answer)["state"]) == ("SetMakeCall", "checked")
    assert core.engine.orders == []
