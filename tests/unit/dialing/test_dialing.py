"""dialing: the reply, what is refused, screening only (contract §2)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.calls import a_press
from tests.support.core import DIAL, SAMPLE, Core, Desk, dial_of, error_type, running_core
from tests.support.people import BOB, SUE
from tests.support.waiting import until

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


async def test_a_press_that_came_in_no_message_is_dialled_like_any_other(core: Core, desk: Desk) -> None:
    press = a_press(session=core.sessions.require("u-ann"), at=core.clock.monotonic())
    outcome, again = await core.dialing.press(press), await core.dialing.press(press)
    assert (outcome.replay, again.replay) == (False, True)
    assert [order.call_id for order in core.engine.orders] == [outcome.call.id] == [again.call.id]
    assert desk.states() == [("agent", "requested")]


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
    await until(lambda: core.store.waiting == 1)
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
    assert set(dial) == {"state", "number", "purpose", "verdict"}
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
