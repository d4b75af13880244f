"""call_progress: what the reports of an engine mean (contract §3)."""

from __future__ import annotations

from manualdial.calls import CallSignal, CallState
from tests.support.calls import TO_CONNECTED, a_call
from tests.support.core import Core, Desk, running_core
from tests.support.people import BOB
from tests.support.waiting import until


async def test_every_change_is_stored_and_told_in_the_same_order(core: Core, desk: Desk) -> None:
    call_id = await desk.connected_call(core.engine)
    await core.engine.end(call_id)
    await desk.ask("Amazon/InboundCall/ClearContact")
    found = await core.store.call("t-north", call_id)
    assert found is not None
    assert [(line.leg, line.state) for line in found[1]] == desk.states(call_id)
    assert [line.event for line in found[1]] == [call["event"] for call in desk.changes(call_id)]
    assert found[0].state is CallState.ENDED


async def test_reports_twice_and_out_of_order_are_told_once_and_in_order(core: Core, desk: Desk) -> None:
    call_id = (await desk.press())["message"]["dial"]["callId"]
    shuffled = (
        CallSignal.RINGING,
        CallSignal.AGENT_RINGING,
        CallSignal.CONNECTED,
        CallSignal.DIALING,
        *reversed(TO_CONNECTED),
    )
    await core.engine.report(call_id, *shuffled, *shuffled)
    assert [state for _, state in desk.states(call_id)] == [
        "requested", "agent_ringing", "agent_answered", "dialing", "ringing", "connected",
    ]  # fmt: skip


async def test_reports_of_a_call_that_nobody_knows_change_nothing(core: Core, desk: Desk) -> None:
    await core.engine.report("no-such-call", *TO_CONNECTED, CallSignal.ENDED)
    assert desk.seen == []
    assert len(core.live_calls) == 0


async def test_a_report_after_the_end_changes_nothing(core: Core, desk: Desk) -> None:
    call_id = await desk.connected_call(core.engine)
    await core.engine.end(call_id)
    desk.forget()
    await core.engine.report(call_id, *TO_CONNECTED, CallSignal.ENDED)
    assert desk.seen == []


async def test_changes_are_told_though_the_database_is_away(core: Core, desk: Desk) -> None:
    call_id = (await desk.press())["message"]["dial"]["callId"]
    core.store.unavailable = True
    await core.engine.connect(call_id)
    assert desk.states(call_id)[-1] == ("customer", "connected")
    core.store.unavailable = False
    found = await core.store.call("t-north", call_id)
    assert found is not None
    assert found[0].state is CallState.CONNECTED


async def test_the_wrap_up_time_ends_the_wrap_up() -> None:
    async with running_core(wrap_up=0.01) as core:
        desk = await core.desk()
        call_id = await desk.connected_call(core.engine)
        await core.engine.end(call_id)
        assert desk.states(call_id)[-1] == ("agent", "wrap_up")
        await until(lambda: desk.states(call_id)[-1] == ("agent", "ended"))
        assert desk.agent_states() == ["Busy", "After Call Work", "Not Ready"]


async def test_the_wrap_up_time_of_one_call_does_not_end_that_of_the_next() -> None:
    async with running_core(wrap_up=0.05) as core:
        desk = await core.desk()
        first = await desk.connected_call(core.engine, "press-1")
        await core.engine.end(first)
        second = await desk.connected_call(core.engine, "press-2")
        assert desk.states(first)[-1] == ("agent", "ended")
        other = await core.desk(BOB)
        later = await other.connected_call(core.engine)
        await core.engine.end(later)
        await until(lambda: other.states(later)[-1] == ("agent", "ended"))  # its time began after that of the first
        assert desk.states(second)[-1] == ("customer", "connected")
        await core.engine.end(second)
        assert desk.states(second)[-1] == ("agent", "wrap_up")


async def test_without_a_wrap_up_time_the_wrap_up_stays(core: Core, desk: Desk) -> None:
    call_id = await desk.connected_call(core.engine)
    await core.engine.end(call_id)
    core.clock.move(100_000)
    assert desk.states(call_id)[-1] == ("agent", "wrap_up")


async def test_a_watch_sees_the_first_change_that_it_waits_for(core: Core) -> None:
    call = a_call()
    core.progress.begin(call)
    watch = core.progress.watch(call.id, lambda now: now.state is CallState.CONNECTED)
    other = core.progress.watch(call.id, lambda now: now.is_over)
    await core.engine.connect(call.id)
    assert watch.result().call.state is CallState.CONNECTED
    assert not other.done()
    other.cancel()


async def test_a_watch_that_was_given_up_disturbs_nobody(core: Core) -> None:
    call = a_call()
    core.progress.begin(call)
    core.progress.watch(call.id, lambda _: True).cancel()
    await core.engine.connect(call.id)
    current = core.live_calls.get(call.id)
    assert current is not None
    assert current.state is CallState.CONNECTED


async def test_a_call_goes_on_without_a_login_and_its_wrap_up_is_over_at_once(core: Core, desk: Desk) -> None:
    call_id = await desk.connected_call(core.engine)
    core.sessions.end("u-ann")
    await core.engine.report(call_id, CallSignal.HELD, CallSignal.RESUMED)
    await core.engine.end(call_id)
    assert desk.states(call_id)[-3:] == [("customer", "wrap_up"), ("agent", "wrap_up"), ("agent", "ended")]
    assert len(core.live_calls) == 0
