"""recovery: the journal against the engine; nothing is dialled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from manualdial.callers import Caller
from manualdial.calls import Call, CallSignal, CallState, Cause, advance
from manualdial.ports import EngineSilent, EngineUnavailable, Orphan, Reconnected
from tests.support.calls import TO_CONNECTED, a_call, a_report
from tests.support.core import Core, Desk, dial_of, running_core
from tests.support.memory_store import MemoryStore
from tests.support.people import A_MORNING, ANN, BOB, a_session
from tests.support.waiting import running, until


async def a_store_with(*calls: Call, logged_in: bool = True) -> MemoryStore:
    store = MemoryStore()
    for call in calls:
        await store.record_press(call)
    if logged_in:
        store.record_login(a_session())
    return store


def written(call: Call, store: MemoryStore, *signals: CallSignal) -> Call:
    """The call after these reports, all of it in the journal."""
    for signal in signals:
        for change in advance(call, a_report(call, signal)):
            store.record_change(change)
            call = change.call
    return call


@asynccontextmanager
async def after_a_restart(store: MemoryStore, *, up: set[str], **settings: float) -> AsyncIterator[Core]:
    """A core on a journal that another one left, whose engine still has the calls `up`."""
    async with running_core(store=store, **settings) as core:
        core.engine.calls |= up
        await core.load()
        core.engine.put(Reconnected())
        await core.engine.handled()
        yield core


async def test_a_call_that_the_engine_still_has_goes_on() -> None:
    call = a_call()
    store = await a_store_with(call)
    written(call, store, *TO_CONNECTED)
    async with after_a_restart(store, up={call.id}) as core:
        desk = await core.desk()
        (seen,) = (await desk.ask("Amazon/InboundCall/StateSync"))["message"]["calls"]
        assert (seen["dial"]["callId"], seen["dial"]["state"]) == (call.id, "connected")
        assert (await desk.ask("Amazon/InboundCall/Hold", call.id, "hold"))["message"]["success"] is True
        await core.engine.end(call.id)
        assert desk.states(call.id)[-1] == ("agent", "wrap_up")
        assert core.engine.orders == []


@pytest.mark.parametrize(("signals", "state"), [((), "ended"), (TO_CONNECTED[:1], "ended"), (TO_CONNECTED, "wrap_up")])
async def test_a_call_that_the_engine_does_not_have_is_ended(signals: tuple[CallSignal, ...], state: str) -> None:
    call = a_call(at=A_MORNING - timedelta(hours=1))
    store = await a_store_with(call)
    written(call, store, *signals)
    async with after_a_restart(store, up=set()) as core:
        found = await store.call("t-north", call.id)
        assert found is not None
        assert found[0].state == state
        assert found[0].ending is not None
        assert (found[0].ending.by.value, found[0].ending.cause.value) == ("system", "unknown")
        assert core.engine.orders == []


async def test_an_agent_whose_call_ended_in_the_restart_comes_back_to_its_wrap_up_and_ends_it() -> None:
    call = a_call()
    store = await a_store_with(call)
    written(call, store, *TO_CONNECTED)
    async with after_a_restart(store, up=set()) as core:
        desk = await core.desk()
        sync = (await desk.ask("Amazon/Agent/StateSync"))["message"]
        assert sync["agentState"]["name"] == "After Call Work"
        await desk.ask("Amazon/InboundCall/ClearContact", call.id)
        assert len(core.live_calls) == 0
        assert dial_of(await desk.press())["replay"] is False


async def test_a_wrap_up_from_before_the_restart_has_its_time_too() -> None:
    call = a_call()
    store = await a_store_with(call)
    written(call, store, *TO_CONNECTED, CallSignal.ENDED)
    async with after_a_restart(store, up=set(), wrap_up=0.01) as core:
        await until(lambda: len(core.live_calls) == 0)


async def test_the_replay_of_a_press_from_before_the_restart_rings_nobody() -> None:
    async with running_core() as core:
        desk = await core.desk()
        call_id = dial_of(await desk.press())["callId"]
        store = core.store
    async with after_a_restart(store, up={call_id}) as core:
        desk = await core.desk()
        again = dial_of(await desk.press())
        assert (again["callId"], again["replay"]) == (call_id, True)
        assert core.engine.orders == []


async def test_what_ended_is_not_loaded_again() -> None:
    call = a_call(state=CallState.ENDED)
    async with after_a_restart(await a_store_with(call), up=set()) as core:
        assert len(core.live_calls) == 0


@pytest.mark.parametrize("fault", [EngineUnavailable("x"), EngineSilent("x")])
async def test_while_the_engine_cannot_be_asked_no_call_is_ended(fault: Exception) -> None:
    call = a_call(at=A_MORNING - timedelta(hours=1))
    store = await a_store_with(call)
    async with running_core(store=store) as core:
        core.engine.fails["adopt"] = fault
        await core.load()
        core.engine.put(Reconnected())
        await core.engine.handled()
        assert len(core.live_calls) == 1
        del core.engine.fails["adopt"]
        core.engine.put(Reconnected())
        await core.engine.handled()
        assert len(core.live_calls) == 0


async def test_after_a_gap_calls_that_the_engine_lost_are_ended(core: Core, desk: Desk) -> None:
    call_id = await desk.connected_call(core.engine)
    core.engine.put(Reconnected())
    await core.engine.handled()
    assert desk.states(call_id)[-1] == ("customer", "connected")
    core.engine.calls.clear()
    core.engine.put(Reconnected())
    await core.engine.handled()
    assert desk.states(call_id)[-1] == ("agent", "wrap_up")
    assert desk.changes(call_id)[-1]["dial"]["ending"]["by"] == "system"


async def test_a_call_that_is_being_asked_for_survives_a_gap(core: Core, desk: Desk) -> None:
    core.engine.waits["originate"] = asyncio.Event()
    press = asyncio.create_task(desk.press())
    await until(lambda: bool(core.engine.orders))
    core.engine.put(Reconnected())
    await core.engine.handled()
    core.engine.waits["originate"].set()
    assert dial_of(await press)["state"] == "requested"
    assert len(core.live_calls) == 1


@pytest.mark.parametrize("fault", [EngineUnavailable("x"), EngineSilent("x")])
async def test_after_a_gap_the_engine_is_asked_until_it_can_be(core: Core, desk: Desk, fault: Exception) -> None:
    call_id = await desk.connected_call(core.engine)
    core.engine.calls.clear()
    core.engine.fails["adopt"] = fault
    async with running(core.recovery.run()):
        core.recovery.engine_is_back()
        await until(lambda: len(core.engine.asked) >= 2)
        assert desk.states(call_id)[-1] == ("customer", "connected")
        del core.engine.fails["adopt"]
        await until(lambda: desk.states(call_id)[-1] == ("agent", "wrap_up"))


async def test_an_end_that_the_engine_reports_while_it_is_asked_counts_for_more(core: Core, desk: Desk) -> None:
    call_id = await desk.connected_call(core.engine)
    core.engine.waits["adopt"] = asyncio.Event()
    async with running(core.recovery.run()):
        core.recovery.engine_is_back()
        await until(lambda: bool(core.engine.asked))
        await core.engine.end(call_id, cause=Cause.BUSY)
        core.engine.waits["adopt"].set()
        await until(lambda: desk.states(call_id)[-1] == ("agent", "wrap_up"))
    assert desk.changes(call_id)[-1]["dial"]["ending"] == {"by": "customer", "cause": "busy"}


# ── calls whose outcome is unknown ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("trouble", [None, EngineSilent("not now"), KeyError("a fault of ours")])
async def test_calls_are_compared_after_a_gap_until_it_succeeds(trouble: Exception | None) -> None:
    call = a_call(at=A_MORNING - timedelta(hours=1))
    store = await a_store_with(call)
    written(call, store, *TO_CONNECTED)
    async with running_core(store=store) as core:
        await core.load()
        if trouble is not None:
            core.engine.fails["adopt"] = trouble
        async with running(core.recovery.run()):
            core.recovery.engine_is_back()
            await until(lambda: bool(core.engine.asked))
            core.engine.fails.clear()
            await until(lambda: (left := core.live_calls.get(call.id)) is None or not left.is_live)
        assert core.engine.orders == []


async def an_unknown_call(core: Core, desk: Desk) -> str:
    core.engine.fails["originate"] = EngineSilent("x")
    return str((await desk.press())["data"]["details"]["callId"])


async def test_an_unknown_call_that_does_not_turn_up_is_ended_and_not_before_its_time(core: Core, desk: Desk) -> None:
    call_id = await an_unknown_call(core, desk)
    async with running(core.recovery.run()):
        core.clock.move(3)
        await until(lambda: len(core.engine.asked) == 1)
        core.clock.move(11)
        await until(lambda: len(core.engine.asked) == 2)
        assert desk.states(call_id)[-1] == ("agent", "unknown")
        core.clock.move(2)
        await until(lambda: desk.states(call_id)[-1] == ("agent", "ended"))
    assert desk.changes(call_id)[-1]["dial"]["ending"] == {"by": "system", "cause": "unknown"}
    assert len(core.engine.orders) == 1


async def test_an_unknown_call_that_turns_up_goes_back_into_the_row(core: Core, desk: Desk) -> None:
    call_id = await an_unknown_call(core, desk)
    core.engine.calls.add(call_id)
    async with running(core.recovery.run()):
        core.clock.move(30)
        await until(lambda: len(core.engine.asked) == 1)
        core.clock.move(30)
        await until(lambda: len(core.engine.asked) == 2)
    assert desk.states(call_id)[-1] == ("agent", "unknown")
    await core.engine.connect(call_id)
    assert desk.states(call_id)[-1] == ("customer", "connected")
    assert len(core.engine.orders) == 1


async def test_calls_that_are_known_are_not_asked_for(core: Core, desk: Desk) -> None:
    await desk.connected_call(core.engine)
    unknown = await an_unknown_call(core, await core.desk(BOB))
    core.clock.move(59)
    async with running(core.recovery.run()):
        await until(lambda: bool(core.engine.asked))
    assert core.engine.asked == [("adopt", unknown)]


async def test_a_stepped_wall_clock_neither_settles_an_unknown_call_nor_keeps_it(core: Core, desk: Desk) -> None:
    call_id = await an_unknown_call(core, desk)
    async with running(core.recovery.run()):
        core.clock.step(3600)
        core.clock.move(3)
        await until(lambda: len(core.engine.asked) == 1)
        assert desk.states(call_id)[-1] == ("agent", "unknown")
        core.clock.step(-7200)
        core.clock.move(13)
        await until(lambda: desk.states(call_id)[-1] == ("agent", "ended"))


async def test_a_press_that_was_only_written_before_the_restart_is_unknown_until_the_engine_has_said() -> None:
    call = a_call(request_id="press-1")
    store = await a_store_with(call)
    async with running_core(store=store) as core:
        await core.load()
        desk = await core.desk()
        (seen,) = (await desk.ask("Amazon/InboundCall/StateSync"))["message"]["calls"]
        assert seen["dial"]["state"] == "unknown"
        core.engine.calls.add(call.id)
        await core.engine.report(call.id, CallSignal.AGENT_RINGING)
        assert desk.states(call.id)[-1] == ("agent", "agent_ringing")
        assert core.engine.orders == []


# ── logins ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def agent_of(core: Core, caller: Caller = ANN) -> tuple[str, str | None]:
    """Whether the agent is logged in, and in which state, as an application sees it."""
    sync = (await (await core.connection(caller)).ask("Amazon/Agent/StateSync"))["message"]
    return sync["loginState"], sync["agentState"] and sync["agentState"]["name"]


async def test_a_login_and_the_chosen_state_are_there_again_after_a_restart() -> None:
    async with running_core() as before:
        desk = await before.desk()
        await desk.ask("Amazon/Agent/UpdateState", {"label": "Available"})
        was = (await desk.ask("Amazon/Agent/StateSync"))["message"]
        before.leave(desk)
    async with after_a_restart(before.store, up=set()) as core:
        assert (await (await core.connection()).ask("Amazon/Agent/StateSync"))["message"] == was
        assert dial_of(await (await core.connection()).press())["state"] == "requested"


async def test_who_has_logged_out_is_logged_out_after_a_restart() -> None:
    async with running_core() as before:
        await (await before.desk()).ask("Amazon/Agent/Logout")
    async with after_a_restart(before.store, up=set()) as core:
        assert await agent_of(core) == ("LoggedOut", None)


async def test_a_login_that_nobody_comes_back_to_ends_after_the_grace_time() -> None:
    async with running_core() as before:
        await before.desk()
    async with after_a_restart(before.store, up=set(), grace=0.01) as core:
        await until(lambda: len(core.sessions) == 0)
        assert await core.store.logins() == []


async def test_an_agent_in_a_call_is_busy_after_a_restart_muted_as_before_and_then_as_chosen() -> None:
    async with running_core() as before:
        desk = await before.desk()
        await desk.ask("Amazon/Agent/UpdateState", {"label": "Available"})
        call_id = await desk.connected_call(before.engine)
        await desk.ask("Amazon/Agent/Mute")
        was = (await desk.ask("Amazon/Agent/StateSync"))["message"]
    async with after_a_restart(before.store, up={call_id}) as core:
        desk = await core.connection()
        assert (await desk.ask("Amazon/Agent/StateSync"))["message"] == was
        await core.engine.end(call_id)
        await desk.ask("Amazon/InboundCall/ClearContact")
        assert desk.agent_states() == ["After Call Work", "Available"]
        assert (await desk.ask("Amazon/Agent/StateSync"))["message"]["agentInfo"]["muted"] is False


async def test_an_agent_whose_call_is_gone_is_not_left_busy() -> None:
    async with running_core() as before:
        desk = await before.desk()
        await desk.press()
    async with after_a_restart(before.store, up=set(), unknown_settles_after=0) as core:
        assert await agent_of(core) == ("LoggedIn", "Not Ready")


async def test_the_wrap_up_of_an_agent_who_is_not_logged_in_is_ended_at_the_start() -> None:
    call = a_call()
    store = await a_store_with(call, logged_in=False)
    written(call, store, *TO_CONNECTED, CallSignal.ENDED)
    async with after_a_restart(store, up=set()) as core:
        assert len(core.live_calls) == 0


async def test_of_two_calls_that_a_crash_has_left_only_the_newest_has_a_wrap_up() -> None:
    first, second = a_call(), a_call(at=A_MORNING + timedelta(minutes=1), requested_at=A_MORNING + timedelta(minutes=1))
    store = await a_store_with(first, second)
    for call in (first, second):
        written(call, store, *TO_CONNECTED)
    async with after_a_restart(store, up={first.id, second.id}) as core:
        desk = await core.connection()
        seen = (await desk.ask("Amazon/InboundCall/StateSync"))["message"]["calls"]
        assert [call["contactId"] for call in seen] == [first.id, second.id]
        await desk.ask("Amazon/InboundCall/Disconnect", first.id)
        assert desk.states(first.id)[-1] == ("agent", "ended")
        assert await agent_of(core) == ("LoggedIn", "Busy")
        await core.engine.end(second.id)
        assert await agent_of(core) == ("LoggedIn", "After Call Work")


# ── nothing sticks ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_call_of_which_nothing_is_heard_is_asked_for_and_ended_where_it_is_gone(core: Core, desk: Desk) -> None:
    call_id = await desk.connected_call(core.engine)
    async with running(core.recovery.run()):
        core.clock.move(60)
        await until(lambda: core.engine.asked == [("adopt", call_id)])
        assert desk.states(call_id)[-1] == ("customer", "connected")
        core.engine.calls.clear()
        core.clock.move(60)
        await until(lambda: desk.states(call_id)[-1] == ("agent", "wrap_up"))
    assert await agent_of(core) == ("LoggedIn", "After Call Work")


async def test_what_the_engine_had_and_the_journal_had_not_is_counted(core: Core) -> None:
    core.engine.put(Orphan(call_id="c", what="agent"))
    await core.engine.handled()
    assert b"manualdial_strays_total 1.0" in core.metrics.text(live_calls=0, agents=0, readers=0, commits=0)


async def test_a_login_on_a_connector_that_is_there_no_more_goes_on_on_amazon() -> None:
    store = MemoryStore()
    store.record_login(a_session(connector="Asterisk"))
    async with after_a_restart(store, up=set()) as core:
        desk = await core.connection()
        call_id = dial_of(await desk.press())["callId"]
        assert {message["channel"] for message in desk.seen if message["subtopic"] == "InboundCallStateChange"} == {
            "Amazon"
        }
        assert core.engine.orders[0].call_id == call_id
