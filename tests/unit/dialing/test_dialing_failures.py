"""dialing: what the engine and the journal do to a press (contract §2)."""

from __future__ import annotations

import asyncio

import pytest

from manualdial.calls import CallSignal, Cause, EndedBy, Ending
from manualdial.ports import EngineRefused, EngineSilent, EngineUnavailable
from tests.support.calls import a_call, stored_calls
from tests.support.core import Core, Desk, dial_of, error_type, running_core
from tests.support.memory_store import MemoryStore
from tests.support.waiting import until

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


async def test_the_replay_of_a_call_that_the_engine_refused_is_a_reply_and_rings_nobody(core: Core, desk: Desk) -> None:
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
    await core.engine.report(core.engine.orders[0].call_id, CallSignal.AGENT_RINGING)
    core.engine.waits["originate"].set()
    assert dial_of(await press)["state"] == "agent_ringing"


async def test_a_call_that_ended_before_the_engine_answered_is_told_as_ended(core: Core, desk: Desk) -> None:
    core.engine.waits["originate"] = asyncio.Event()
    press = asyncio.create_task(desk.press())
    await until(lambda: bool(core.engine.orders))
    ending = Ending(by=EndedBy.AGENT, cause=Cause.REJECTED)
    await core.engine.report(core.engine.orders[0].call_id, CallSignal.AGENT_RINGING, CallSignal.ENDED, ending=ending)
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


async def test_a_press_that_was_written_but_never_asked_for_is_no_replay_while_it_cannot_be_dialled() -> None:
    store = MemoryStore()
    async with running_core(store=store) as core:
        desk = await core.desk()
        store.loses_the_answer = True
        await desk.press()
        store.loses_the_answer = False
        core.engine.ready = False
        assert error_type(await desk.press()) == "MAKE_CALL_FAILED"
        core.engine.ready = True
        assert dial_of(await desk.press())["replay"] is False
        assert len(core.engine.orders) == 1


# ── the engine and the journal at the same time ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fault", [EngineRefused("x"), EngineUnavailable("x")])
async def test_an_engine_that_says_no_before_the_journal_has_answered_was_asked_all_the_same(
    core: Core, desk: Desk, fault: Exception
) -> None:
    core.engine.fails["make_ready"] = fault
    core.store.go_on.clear()
    press = asyncio.create_task(desk.press())
    await until(lambda: core.store.waiting == 1)
    core.store.go_on.set()
    assert error_type(await press) == "MAKE_CALL_FAILED"
    assert desk.states() == [("agent", "requested"), ("agent", "ended")]
    del core.engine.fails["make_ready"]
    again = dial_of(await desk.press())
    assert (again["replay"], again["state"]) == (True, "ended")
    assert core.engine.orders == []


async def test_where_engine_and_journal_both_say_no_there_was_no_press(core: Core, desk: Desk) -> None:
    core.engine.fails["make_ready"] = EngineRefused("x")
    core.store.unavailable = True
    answer = await desk.press()
    assert (error_type(answer), answer["data"]["retryable"]) == ("MAKE_CALL_FAILED", True)
    assert desk.changes() == []
    core.store.unavailable = False
    del core.engine.fails["make_ready"]
    assert dial_of(await desk.press())["replay"] is False


async def test_an_engine_that_makes_ready_for_a_replay_rings_nobody(core: Core, desk: Desk) -> None:
    await desk.press()
    await core.engine.end(core.engine.orders[0].call_id, by=EndedBy.AGENT, cause=Cause.NO_ANSWER)
    assert dial_of(await desk.press())["replay"] is True
    assert len(core.engine.orders) == 1


# ── what happens while a press waits ────────────────────────────────────────────────────────────────────────────────


async def test_a_logout_while_a_press_is_being_written_is_refused(core: Core, desk: Desk) -> None:
    core.store.go_on.clear()
    press = asyncio.create_task(desk.press())
    await until(lambda: core.store.waiting == 1)
    assert error_type(await (await core.connection()).ask("Amazon/Agent/Logout")) == "CALL_IN_PROGRESS"
    core.store.go_on.set()
    assert dial_of(await press)["state"] == "requested"
    assert desk.agent_states() == ["Busy"]


async def test_a_press_whose_turn_comes_too_late_rings_nobody(core: Core, desk: Desk) -> None:
    core.store.go_on.clear()
    first = asyncio.create_task(desk.press("+12025550100", "press-1"))
    await until(lambda: core.store.waiting == 1)
    late = asyncio.create_task(desk.press("+12025550123", "press-2"))
    await asyncio.sleep(0)
    core.store.unavailable = True
    core.clock.move(61)
    core.store.go_on.set()
    assert error_type(await first) == "MAKE_CALL_FAILED"
    core.store.unavailable = False
    assert error_type(await late) == "SERVICE_UNAVAILABLE"
    assert core.engine.orders == []


async def test_who_is_told_that_the_engine_refused_finds_the_press_ended_after_a_crash_too(
    core: Core, desk: Desk
) -> None:
    core.engine.fails["originate"] = EngineRefused("x")
    assert error_type(await desk.press()) == "MAKE_CALL_FAILED"
    found = await core.store.press("u-ann", "press-1")
    assert found is not None
    assert found.state == "ended"


async def test_where_engine_and_journal_were_both_silent_the_press_that_comes_again_rings_under_an_id_of_its_own(
    core: Core, desk: Desk
) -> None:
    core.engine.fails["make_ready"] = EngineSilent("x")
    core.store.loses_the_answer = True
    assert error_type(await desk.press()) == "MAKE_CALL_FAILED"
    (in_doubt,) = core.idempotency.in_doubt()
    core.store.loses_the_answer = False
    del core.engine.fails["make_ready"]
    dial = dial_of(await desk.press())
    assert (dial["replay"], dial["state"]) == (False, "requested")
    assert dial["callId"] != in_doubt.id
    assert [order.call_id for order in core.engine.orders] == [dial["callId"]]
    assert [call.id for call in await stored_calls(core.store, "t-north")] == [dial["callId"]]


async def test_a_press_that_is_not_remembered_may_come_again_with_other_data(core: Core, desk: Desk) -> None:
    core.store.loses_the_answer = True
    assert error_type(await desk.press()) == "MAKE_CALL_FAILED"
    core.store.loses_the_answer = False
    assert dial_of(await desk.press("+12025550123"))["replay"] is False


async def test_where_too_many_presses_are_in_doubt_the_next_one_is_refused_and_may_come_again(
    core: Core, desk: Desk
) -> None:
    for _ in range(10_000):
        core.idempotency.journal_was_silent(a_call())
    answer = await desk.press()
    assert (error_type(answer), answer["data"]["retryable"]) == ("MAKE_CALL_FAILED", True)
    assert core.engine.orders == []
    assert await stored_calls(core.store, "t-north") == []
