"""dialing: one press, one call (contract §2)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from manualdial.calls import Cause, EndedBy, Ending, Sign
from manualdial.ports import EngineRefused, EngineSilent, EngineUnavailable
from tests.support.core import DIAL, Core, Desk, error_type, running_core
from tests.support.memory_store import MemoryStore
from tests.support.people import BOB, SUE
from tests.support.recording_connection import Message
from tests.support.waiting import until

SAMPLE = "Amazon/InboundCall/ManualDialCall"


def dial_of(answer: Message) -> dict[str, Any]:
    assert "message" in answer, answer
    return dict(answer["message"]["dial"])


# ── the reply ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_table_form_is_answered_word_for_word(desk: Desk) -> None:
    answer = await desk.ask(DIAL, {"PhoneNumber": "(202) 555-0100"})
    assert answer == {
        "channel": "LCM",
        "topic": "Webservice",
        "subtopic": "ManualDialCall",
        "message": {
            "subtopic": "ManualDialCall",
            "topic": "Webservice",
            "channel": "LCM",
            "data": {"PhoneNumber": "(202) 555-0100"},
        },
    }


@pytest.mark.parametrize("connector", ["Amazon", "Simulator"])
async def test_the_sample_form_is_answered_on_ui_and_names_its_connector(desk: Desk, connector: str) -> None:
    answer = await desk.ask(f"{connector}/InboundCall/ManualDialCall", {"PhoneNumber": "+12025550100"})
    assert answer == {
        "channel": "UI",
        "topic": "InboundCall",
        "subtopic": "ManualDialCall",
        "message": {
            "subtopic": "ManualDialCall",
            "topic": "InboundCall",
            "channel": connector,
            "data": {"PhoneNumber": "+12025550100"},
        },
    }


async def test_with_a_request_id_the_reply_tells_of_the_call(core: Core, desk: Desk) -> None:
    answer = await desk.press("202 555 0100 x77", "press-1")
    assert answer["requestId"] == "press-1"
    dial = dial_of(answer)
    assert dial["callId"] == core.engine.orders[0].call_id
    assert dial["number"] == {
        "typed": "202 555 0100 x77",
        "e164": "+12025550100",
        "region": "US",
        "type": "fixed_line_or_mobile",
        "extension": "77",
    }
    assert (dial["state"], dial["replay"], dial["allowedActions"]) == ("requested", False, ["disconnect"])
    assert dial["verdict"]["decision"] == "allow"


async def test_the_engine_is_given_what_it_must_know(core: Core, desk: Desk) -> None:
    await desk.press("202 555 0100 x77")
    (order,) = core.engine.orders
    assert (order.extension, order.number.e164, order.number.extension) == ("2001", "+12025550100", "77")


async def test_the_call_is_in_the_journal_before_the_engine_is_asked(core: Core, desk: Desk) -> None:
    core.store.go_on.clear()
    press = asyncio.create_task(desk.press())
    await asyncio.sleep(0)
    assert core.engine.orders == []
    core.store.go_on.set()
    call_id = dial_of(await press)["callId"]
    assert (await core.store.call("t-north", call_id)) is not None
    assert [order.call_id for order in core.engine.orders] == [call_id]


async def test_everybody_of_the_agent_sees_the_reply_and_nobody_else_does(core: Core, desk: Desk) -> None:
    crm, other = await core.connection(), await core.desk(BOB)
    await crm.press()
    assert [m["subtopic"] for m in desk.seen].count("ManualDialCall") == 1
    assert other.seen == []


# ── refused before anything rings ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("address", [DIAL, SAMPLE, "Amazon/InboundCall/SetMakeCall"])
async def test_an_agent_who_is_not_logged_in_cannot_dial(core: Core, address: str) -> None:
    answer = await (await core.connection()).ask(address, {"PhoneNumber": "+12025550100"})
    assert error_type(answer) == "AGENT_NOT_LOGGED_IN"
    assert core.engine.orders == []


async def test_a_supervisor_cannot_dial(core: Core) -> None:
    sue = await core.connection(SUE)
    assert error_type(await sue.ask("Amazon/Agent/Login")) == "NOT_PERMITTED"
    assert error_type(await sue.press()) == "AGENT_NOT_LOGGED_IN"


@pytest.mark.parametrize("data", [None, {}, {"PhoneNumber": None}, {"PhoneNumber": ""}, {"PhoneNumber": " \t"}])
async def test_a_press_without_a_number_is_told_so(desk: Desk, data: Any) -> None:
    assert error_type(await desk.ask(DIAL, data)) == "PHONE_NUMBER_MISSING"


@pytest.mark.parametrize("number", [7, True, 1.5, ["+12025550100"], {"e164": "+12025550100"}, "hello", "911"])
async def test_what_is_no_number_is_invalid_whatever_its_type(core: Core, desk: Desk, number: Any) -> None:
    answer = await desk.ask(DIAL, {"PhoneNumber": number})
    assert error_type(answer) == "PHONE_NUMBER_INVALID"
    assert answer["data"]["retryable"] is False
    assert core.engine.orders == []


async def test_a_second_call_is_refused_while_the_first_lives(core: Core, desk: Desk) -> None:
    first = dial_of(await desk.press(request_id="press-1"))["callId"]
    answer = await desk.press("+12025550123", "press-2")
    assert error_type(answer) == "CALL_IN_PROGRESS"
    assert answer["data"]["details"] == {"callId": first}
    assert len(core.engine.orders) == 1


async def test_a_press_that_was_refused_in_a_call_can_be_repeated_after_it(core: Core, desk: Desk) -> None:
    first = await desk.connected_call(core.engine, "press-1")
    assert error_type(await desk.press("+12025550123", "press-2")) == "CALL_IN_PROGRESS"
    await core.engine.end(first)
    assert dial_of(await desk.press("+12025550123", "press-2"))["replay"] is False


async def test_the_agents_own_line_is_never_dialled(core: Core) -> None:
    desk = await core.connection()
    await desk.ask("Amazon/Agent/Login", {"extension": "+12025550111"})
    answer = await desk.press("(202) 555-0111")
    assert error_type(answer) == "CALL_REFUSED"
    verdict = answer["data"]["details"]["verdict"]
    assert (verdict["decision"], verdict["overridable"]) == ("block", False)
    assert [rule["rule"] for rule in verdict["rules"] if rule["decision"] == "block"] == ["own-line"]
    assert "5550111" not in str(verdict)
    assert core.engine.orders == []


async def test_a_caller_id_that_is_not_permitted_is_refused(core: Core, desk: Desk) -> None:
    assert error_type(await desk.press(CallerID="+12025550199")) == "NOT_PERMITTED"
    assert core.engine.orders == []


async def test_a_caller_id_that_is_permitted_reaches_the_engine_and_the_events() -> None:
    async with running_core(caller_ids=frozenset({"+12025550199"})) as core:
        desk = await core.desk()
        await desk.press(CallerID="+12025550199", CampaignID=7)
        assert core.engine.orders[0].caller_id == "+12025550199"
        (event,) = desk.changes()
        assert event["CallVariables"] == {"ANI": "+12025550199", "DNIS": "+12025550100"}
        assert event["ResponseFields"]["Campaign"] == "7"


async def test_an_unknown_purpose_is_refused_with_its_place(desk: Desk) -> None:
    answer = await desk.press(Purpose="fun")
    assert error_type(answer) == "MALFORMED_MESSAGE"
    assert answer["data"]["details"] == {"path": "data.Purpose"}


async def test_a_national_number_is_read_in_the_region_of_press_login_or_service(core: Core) -> None:
    desk = await core.connection()
    await desk.ask("Amazon/Agent/Login", {"region": "gb"})
    assert dial_of(await desk.press("020 7946 0000", DryRun=True))["number"]["e164"] == "+442079460000"
    assert dial_of(await desk.press("06 12 34 56 78", Region=" fr ", DryRun=True))["number"]["e164"] == "+33612345678"
    assert error_type(await desk.press("020 7946 0000", Region="XX")) == "PHONE_NUMBER_INVALID"


# ── screening only ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("flag", [True, "true"])
@pytest.mark.parametrize("request_id", ["press-1", None])
async def test_a_dry_run_rings_nobody_and_is_not_remembered(
    core: Core, desk: Desk, flag: Any, request_id: str | None
) -> None:
    dial = dial_of(await desk.press(request_id=request_id, DryRun=flag))
    assert set(dial) == {"state", "number", "verdict"}
    assert (dial["state"], dial["verdict"]["decision"]) == ("checked", "allow")
    assert core.engine.orders == []
    assert desk.changes() == []
    assert dial_of(await desk.press(request_id="press-1"))["replay"] is False


async def test_a_dry_run_of_a_blocked_number_is_a_reply(core: Core) -> None:
    desk = await core.connection()
    await desk.ask("Amazon/Agent/Login", {"extension": "+12025550100"})
    dial = dial_of(await desk.press("+12025550100", DryRun=True))
    assert (dial["state"], dial["verdict"]["decision"]) == ("checked", "block")


async def test_a_dry_run_is_answered_during_a_call(core: Core, desk: Desk) -> None:
    await desk.connected_call(core.engine)
    assert dial_of(await desk.press(request_id="press-2", DryRun=True))["state"] == "checked"


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
    again = await desk.ask("lcm/WebService/manualDialCall", {"campaignid": "7", "phonenumber": "+12025550100", "x": 1}, "press-1")
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
async def test_the_same_request_id_with_other_data_is_a_conflict(
    core: Core, desk: Desk, other: dict[str, Any]
) -> None:
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


# ── the engine says no, or nothing ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fault", [EngineRefused("PJSIP/secret"), EngineUnavailable("10.0.0.7 refused")])
async def test_a_call_that_the_engine_does_not_take_is_over_at_once(core: Core, desk: Desk, fault: Exception) -> None:
    core.engine.fails["originate"] = fault
    answer = await desk.press()
    assert error_type(answer) == "MAKE_CALL_FAILED"
    assert "secret" not in str(answer)
    assert "10.0.0.7" not in str(answer)
    assert desk.states() == [("agent", "requested"), ("agent", "ended")]
    assert desk.changes()[-1]["dial"]["ending"] == {"by": "system", "cause": "failed"}
    assert desk.agent_states() == ["Busy", "Not Ready"]


async def test_the_replay_of_a_call_that_the_engine_refused_is_a_reply_and_rings_nobody(
    core: Core, desk: Desk
) -> None:
    core.engine.fails["originate"] = EngineRefused("no")
    call_id = (await desk.press())["data"]["details"]["callId"]
    del core.engine.fails["originate"]
    again = dial_of(await desk.press())
    assert (again["callId"], again["replay"], again["state"]) == (call_id, True, "ended")
    assert len(core.engine.orders) == 1


async def test_a_press_that_finds_the_engine_away_fails_at_once_and_is_not_remembered(core: Core, desk: Desk) -> None:
    core.engine.ready = False
    answer = await desk.press()
    assert (error_type(answer), answer["data"]["retryable"]) == ("MAKE_CALL_FAILED", True)
    assert desk.changes() == []
    core.engine.ready = True
    assert dial_of(await desk.press())["replay"] is False


async def test_a_silent_engine_leaves_a_call_whose_outcome_is_unknown(core: Core, desk: Desk) -> None:
    core.engine.fails["originate"] = EngineSilent("no answer")
    answer = await desk.press()
    assert error_type(answer) == "CALL_OUTCOME_UNKNOWN"
    call_id = answer["data"]["details"]["callId"]
    assert desk.states(call_id) == [("agent", "requested"), ("agent", "unknown")]
    again = dial_of(await desk.press())
    assert (again["callId"], again["replay"], again["state"]) == (call_id, True, "unknown")
    assert error_type(await desk.press("+12025550123", "press-2")) == "CALL_IN_PROGRESS"
    assert len(core.engine.orders) == 1


async def test_a_press_while_the_engine_is_silent_waits_for_what_comes_of_the_first(core: Core, desk: Desk) -> None:
    core.engine.waits["originate"] = asyncio.Event()
    core.engine.fails["originate"] = EngineSilent("no answer")
    first, again = asyncio.create_task(desk.press()), asyncio.create_task(desk.press())
    other = asyncio.create_task(desk.press("+12025550123", "press-2"))
    await until(lambda: bool(core.engine.orders))
    core.engine.waits["originate"].set()
    assert error_type(await first) == "CALL_OUTCOME_UNKNOWN"
    assert (dial_of(await again)["replay"], dial_of(await again)["state"]) == (True, "unknown")
    assert error_type(await other) == "CALL_IN_PROGRESS"
    assert len(core.engine.orders) == 1


async def test_what_the_engine_reported_counts_for_more_than_its_lost_answer(core: Core, desk: Desk) -> None:
    core.engine.waits["originate"] = asyncio.Event()
    core.engine.fails["originate"] = EngineSilent("no answer")
    press = asyncio.create_task(desk.press())
    await until(lambda: bool(core.engine.orders))
    await core.engine.report(core.engine.orders[0].call_id, Sign.AGENT_RINGING)
    core.engine.waits["originate"].set()
    assert dial_of(await press)["state"] == "agent_ringing"


async def test_a_call_that_ended_before_the_engine_answered_is_told_as_ended(core: Core, desk: Desk) -> None:
    core.engine.waits["originate"] = asyncio.Event()
    press = asyncio.create_task(desk.press())
    await until(lambda: bool(core.engine.orders))
    ending = Ending(by=EndedBy.AGENT, cause=Cause.REJECTED)
    await core.engine.report(core.engine.orders[0].call_id, Sign.AGENT_RINGING, Sign.ENDED, ending=ending)
    core.engine.waits["originate"].set()
    assert dial_of(await press)["state"] == "ended"


async def test_a_disconnect_while_the_engine_is_silent_ends_the_call(core: Core, desk: Desk) -> None:
    core.engine.waits["originate"] = asyncio.Event()
    core.engine.fails["originate"] = EngineSilent("no answer")
    press = asyncio.create_task(desk.press())
    await until(lambda: bool(core.engine.orders))
    answer = await desk.ask("Amazon/InboundCall/Disconnect", None, "hang-up")
    assert answer["message"]["dial"]["state"] == "ended"
    core.engine.waits["originate"].set()
    dial = dial_of(await press)
    assert dial["state"] == "ended"
    assert desk.states() == [("agent", "requested"), ("agent", "ended")]


async def test_a_press_goes_through_though_whoever_pressed_is_gone(core: Core, desk: Desk) -> None:
    core.engine.waits["originate"] = asyncio.Event()
    press = asyncio.create_task(desk.press())
    await until(lambda: bool(core.engine.orders))
    press.cancel()
    core.engine.waits["originate"].set()
    await core.dialing.close(5)
    await core.engine.connect(core.engine.orders[0].call_id)
    assert desk.states()[-1] == ("customer", "connected")


# ── the journal fails ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_without_a_journal_nothing_rings_and_the_press_may_come_again(core: Core, desk: Desk) -> None:
    core.store.unavailable = True
    answer = await desk.press()
    assert (error_type(answer), answer["data"]["retryable"]) == ("MAKE_CALL_FAILED", True)
    assert "sqlite" not in str(answer)
    assert core.engine.orders == []
    assert desk.changes() == []
    core.store.unavailable = False
    assert dial_of(await desk.press())["replay"] is False


async def test_a_journal_that_takes_too_long_counts_as_away() -> None:
    async with running_core(store_timeout=0.01) as core:
        desk = await core.desk()
        core.store.go_on.clear()
        answer = await desk.press()
        assert (error_type(answer), answer["data"]["retryable"]) == ("MAKE_CALL_FAILED", True)
        assert core.engine.orders == []


async def test_a_press_that_was_written_but_never_asked_for_is_dialled_when_it_comes_again() -> None:
    store = MemoryStore()
    async with running_core(store=store) as core:
        desk = await core.desk()
        store.loses_the_answer = True
        assert error_type(await desk.press()) == "MAKE_CALL_FAILED"
        store.loses_the_answer = False
        dial = dial_of(await desk.press())
        assert dial["replay"] is False
        assert [order.call_id for order in core.engine.orders] == [dial["callId"]]
        again = dial_of(await desk.press())
        assert (again["callId"], again["replay"]) == (dial["callId"], True)
        assert len(core.engine.orders) == 1
