"""sessions: logins, the grace time, and the agent's state around a call (contract §4)."""

from __future__ import annotations

import asyncio

import pytest

from manualdial.calls import CallSignal, Cause, EndedBy
from tests.support.core import Core, Desk, error_type, running_core
from tests.support.people import BOB
from tests.support.waiting import until

LOGOUT = "Amazon/Agent/Logout"


async def state_of(desk: Desk) -> str:
    return str((await desk.ask("Amazon/Agent/StateSync"))["message"]["agentState"]["name"])


async def the_grace_time_passes(core: Core) -> None:
    """Wait until a login that was left just now is over: one that was left before would be so too."""
    core.leave(await core.desk(BOB))
    await until(lambda: core.sessions.get(BOB.user_id) is None)


async def choose(desk: Desk, label: str) -> None:
    answer = await desk.ask("Amazon/Agent/UpdateState", {"label": label})
    assert answer["message"]["event"] == label


# ── logins ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_second_login_joins_the_open_one_and_changes_nothing_of_it(core: Core, desk: Desk) -> None:
    await choose(desk, "Available")
    second = await core.connection()
    joined = await second.ask("Simulator/Agent/Login", {"extension": "2999", "region": "GB"})
    assert (joined["channel"], joined["message"]["loginState"]) == ("Simulator", "LoggedIn")
    assert joined["message"]["agentInfo"]["extension"] == "2001"
    assert joined["message"]["agentState"]["name"] == "Available"
    assert len(core.sessions) == 1


async def test_a_login_outlives_a_reconnect(core: Core, desk: Desk) -> None:
    core.leave(desk)
    again = await core.connection()
    assert (await again.ask("Amazon/Agent/StateSync"))["message"]["loginState"] == "LoggedIn"


async def test_a_login_ends_when_no_connection_was_there_for_the_grace_time() -> None:
    async with running_core(grace=0.01) as core:
        boss = await core.connection()
        desk = await core.desk()
        core.leave(desk)
        await the_grace_time_passes(core)
        assert len(core.sessions) == 1, "a connection of the agent is still there"
        core.leave(boss)
        await until(lambda: len(core.sessions) == 0)
        back = await core.connection()
        assert (await back.ask("Amazon/Agent/StateSync"))["message"]["loginState"] == "LoggedOut"


async def test_a_login_over_http_alone_lasts_the_grace_time() -> None:
    async with running_core(grace=0.01) as core:
        await core.over_http().ask("Amazon/Agent/Login")
        assert len(core.sessions) == 1
        await until(lambda: len(core.sessions) == 0)


async def test_a_connection_within_the_grace_time_keeps_the_login() -> None:
    async with running_core(grace=0.05) as core:
        core.leave(await core.desk())
        await core.connection()
        await the_grace_time_passes(core)
        assert len(core.sessions) == 1


async def test_a_connection_that_is_gone_twice_counts_once(core: Core, desk: Desk) -> None:
    second = await core.connection()
    core.leave(second)
    core.leave(second)
    assert (await desk.ask("Amazon/Agent/StateSync"))["message"]["loginState"] == "LoggedIn"


async def test_a_login_does_not_end_while_a_call_is_live_and_ends_after_it() -> None:
    async with running_core(grace=0.01) as core:
        desk = await core.desk()
        call_id = await desk.connected_call(core.engine)
        core.leave(desk)
        await the_grace_time_passes(core)
        assert len(core.sessions) == 1
        await core.engine.end(call_id)
        await until(lambda: len(core.sessions) == 0)
        await until(lambda: len(core.live_calls) == 0)


async def test_a_login_ends_the_grace_time_after_a_call_that_the_agent_did_not_answer() -> None:
    async with running_core(grace=0.01) as core:
        desk = await core.desk()
        await desk.press()
        core.leave(desk)
        await the_grace_time_passes(core)
        assert len(core.sessions) == 1
        await core.engine.end(core.engine.orders[0].call_id, by=EndedBy.AGENT, cause=Cause.NO_ANSWER)
        await until(lambda: len(core.sessions) == 0)


async def test_who_logs_in_during_a_call_of_an_earlier_login_is_busy_with_it(core: Core, desk: Desk) -> None:
    call_id = await desk.connected_call(core.engine)
    core.sessions.end("u-ann")
    await desk.ask("Amazon/Agent/Login")
    assert await state_of(desk) == "Busy"
    await core.engine.end(call_id)
    assert await state_of(desk) == "After Call Work"
    await desk.ask("Amazon/InboundCall/ClearContact")
    assert await state_of(desk) == "Not Ready"


# ── logging out ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_logging_out_in_a_live_call_is_refused(core: Core, desk: Desk) -> None:
    call_id = await desk.connected_call(core.engine)
    answer = await desk.ask(LOGOUT)
    assert (error_type(answer), answer["data"]["details"]) == ("CALL_IN_PROGRESS", {"callId": call_id})
    assert len(core.sessions) == 1


async def test_logging_out_in_wrap_up_ends_the_call_too(core: Core, desk: Desk) -> None:
    call_id = await desk.connected_call(core.engine)
    await core.engine.end(call_id)
    assert (await desk.ask(LOGOUT))["message"]["loginState"] == "LoggedOut"
    assert desk.states(call_id)[-1] == ("agent", "ended")
    assert (len(core.sessions), len(core.live_calls)) == (0, 0)


async def test_after_logging_out_nothing_can_be_dialled(desk: Desk) -> None:
    await desk.ask(LOGOUT)
    assert error_type(await desk.press()) == "AGENT_NOT_LOGGED_IN"
    assert error_type(await desk.ask(LOGOUT)) == "AGENT_NOT_LOGGED_IN"


# ── the state around a call ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("before", ["Available", "Not Ready"])
async def test_a_dial_leaves_the_agent_busy_then_in_after_call_work_then_as_before(
    core: Core, desk: Desk, before: str
) -> None:
    await choose(desk, before)
    desk.forget()
    call_id = await desk.connected_call(core.engine)
    assert await state_of(desk) == "Busy"
    await core.engine.end(call_id)
    assert await state_of(desk) == "After Call Work"
    await desk.ask("Amazon/InboundCall/ClearContact")
    assert await state_of(desk) == before
    assert desk.agent_states() == ["Busy", "After Call Work", before]


async def test_a_call_without_wrap_up_leads_straight_back(core: Core, desk: Desk) -> None:
    await choose(desk, "Available")
    desk.forget()
    await desk.press()
    await core.engine.end(core.engine.orders[0].call_id, by=EndedBy.AGENT, cause=Cause.NO_ANSWER)
    assert desk.agent_states() == ["Busy", "Available"]


async def test_after_a_dial_out_of_wrap_up_the_agent_is_as_before_the_first_of_them(core: Core, desk: Desk) -> None:
    await choose(desk, "Available")
    first = await desk.connected_call(core.engine, "press-1")
    await core.engine.end(first)
    second = await desk.connected_call(core.engine, "press-2")
    assert desk.states(first)[-1] == ("agent", "ended")
    await core.engine.end(second)
    await desk.ask("Amazon/InboundCall/ClearContact", second)
    assert await state_of(desk) == "Available"


async def test_an_agent_who_goes_from_wrap_up_to_the_next_dial_is_never_available_between(
    core: Core, desk: Desk
) -> None:
    await choose(desk, "Available")
    desk.forget()
    await core.engine.end(await desk.connected_call(core.engine, "press-1"))
    await desk.press(request_id="press-2")
    assert desk.agent_states() == ["Busy", "After Call Work", "Busy"]


async def test_a_state_chosen_during_a_call_is_the_one_that_follows_it(core: Core, desk: Desk) -> None:
    call_id = await desk.connected_call(core.engine)
    await choose(desk, "Available")
    assert await state_of(desk) == "Busy"
    await core.engine.end(call_id)
    assert await state_of(desk) == "After Call Work"
    await desk.ask("Amazon/InboundCall/ClearContact")
    assert await state_of(desk) == "Available"


async def test_a_state_chosen_in_wrap_up_does_not_end_it(core: Core, desk: Desk) -> None:
    call_id = await desk.connected_call(core.engine)
    await core.engine.end(call_id)
    await choose(desk, "Offline")
    assert await state_of(desk) == "After Call Work"
    await desk.ask("Amazon/InboundCall/ClearContact")
    assert await state_of(desk) == "Offline"


async def test_an_event_during_a_call_tells_which_state_follows(core: Core, desk: Desk) -> None:
    await desk.connected_call(core.engine)
    answer = await desk.ask("Amazon/Agent/UpdateState", {"label": "Available"})
    assert (answer["message"]["data"]["state"], answer["message"]["data"]["nextState"]) == ("Busy", "Available")


async def test_the_start_of_a_state_stays_where_nothing_changes(core: Core, desk: Desk) -> None:
    since = (await desk.ask("Amazon/Agent/StateSync"))["message"]["agentState"]["startTimestamp"]
    core.clock.move(60)
    await choose(desk, "Not Ready")
    assert (await desk.ask("Amazon/Agent/StateSync"))["message"]["agentState"]["startTimestamp"] == since
    await choose(desk, "Available")
    assert (await desk.ask("Amazon/Agent/StateSync"))["message"]["agentState"]["startTimestamp"] > since


async def test_state_events_of_a_call_go_out_on_the_connector_of_the_login(core: Core, desk: Desk) -> None:
    await desk.ask("Simulator/InboundCall/ManualDialCall", {"PhoneNumber": "+12025550100"})
    channels = {message["channel"] for message in desk.seen if message["subtopic"] == "SetAgentState"}
    assert channels == {"Amazon"}
    assert {m["channel"] for m in desk.seen if m["subtopic"] == "InboundCallStateChange"} == {"Simulator"}


async def test_muting_ends_with_the_call(core: Core, desk: Desk) -> None:
    call_id = await desk.connected_call(core.engine)
    await desk.ask("Amazon/Agent/Mute")
    assert (await desk.ask("Amazon/Agent/StateSync"))["message"]["agentInfo"]["muted"] is True
    await core.engine.report(call_id, CallSignal.HELD, CallSignal.RESUMED)
    assert (await desk.ask("Amazon/Agent/StateSync"))["message"]["agentInfo"]["muted"] is True
    await core.engine.end(call_id)
    assert (await desk.ask("Amazon/Agent/StateSync"))["message"]["agentInfo"]["muted"] is False


async def test_an_event_that_waited_for_the_disk_tells_the_state_as_it_is_then(core: Core, desk: Desk) -> None:
    core.store.flushing.clear()
    chosen = asyncio.create_task(desk.ask("Amazon/Agent/UpdateState", {"label": "Available"}))
    await until(lambda: core.store.flushes_waiting == 1)
    await desk.press()
    core.store.flushing.set()
    answer = await chosen
    assert (answer["message"]["data"]["state"], answer["message"]["data"]["nextState"]) == ("Busy", "Available")
