"""Several engines in one cell: each has its own calls, and what one cannot do or lacks is no affair of another."""

from __future__ import annotations

import pytest

from manualdial.calls import Action, CallSignal
from manualdial.live.live_calls import Engines
from manualdial.ports import EngineUnavailable, Reconnected
from tests.support.calls import a_call
from tests.support.core import Core, Desk, dial_of, error_type, running_core
from tests.support.moved_clock import MovedClock
from tests.support.people import ANN, BOB
from tests.support.recording_engine import RecordingEngine
from tests.support.waiting import running, until


async def desks(core: Core) -> tuple[Desk, Desk]:
    """Ann on the connector that stands for the first engine, Bob on the other engine's own."""
    bob = await core.connection(BOB)
    assert (await bob.ask("Other/Agent/Login"))["subtopic"] == "LoginSuccess"
    return await core.desk(ANN), bob


async def test_a_call_is_placed_and_controlled_on_the_engine_of_its_connector() -> None:
    async with running_core(others=["Other"]) as core:
        (other,) = core.others
        ann, bob = await desks(core)
        of_ann = await ann.connected_call(core.engine)
        of_bob = str(dial_of(await bob.press())["callId"])
        await other.connect(of_bob)
        assert [order.call_id for order in core.engine.orders] == [of_ann]
        assert [order.call_id for order in other.orders] == [of_bob]
        for engine, desk, channel in ((core.engine, ann, "Amazon"), (other, bob, "Other")):
            call_id = engine.orders[0].call_id
            await desk.ask(f"{channel}/Agent/Mute")
            for control, data in (("Hold", call_id), ("Resume", call_id), ("SendDTMF", {"digits": "1"})):
                reply = await desk.ask(f"{channel}/InboundCall/{control}", data, control)
                assert reply["subtopic"] == control, reply
            await desk.ask(f"{channel}/InboundCall/Disconnect", call_id, "end")
            assert [asked[:2] for asked in engine.asked] == [
                (what, call_id) for what in ("mute", "hold", "resume", "send_dtmf", "hang_up")
            ]


async def test_an_engine_that_is_away_takes_no_press_and_keeps_none_from_the_others() -> None:
    async with running_core(others=["Other"]) as core:
        core.others[0].ready = False
        ann, bob = await desks(core)
        assert error_type(await bob.press()) == "MAKE_CALL_FAILED"
        assert dial_of(await ann.press())["replay"] is False
        health = await core.dependencies.health()
        assert {name: each.ok for name, each in health.items() if name.startswith("engine")} == {
            "engine Simulator": True,
            "engine Other": False,
        }


async def test_an_engine_is_asked_for_its_own_calls_alone() -> None:
    async with running_core(others=["Other"]) as core:
        (other,) = core.others
        ann, bob = await desks(core)
        of_ann = await ann.connected_call(core.engine)
        of_bob = str(dial_of(await bob.press())["callId"])
        other.calls.clear()
        core.clock.move(60)
        other.put(Reconnected())
        await other.handled()
        assert other.asked == [("adopt", of_bob)]
        assert (core.engine.asked, ann.states(of_ann)[-1]) == ([], ("customer", "connected"))
        assert bob.states(of_bob)[-1] == ("agent", "ended")
        async with running(core.recovery.run()):
            await until(lambda: core.engine.asked == [("adopt", of_ann)])


@pytest.mark.parametrize(
    ("signals", "state"), [((), "ended"), ((CallSignal.AGENT_RINGING, CallSignal.AGENT_ANSWERED), "wrap_up")]
)
async def test_a_call_of_an_engine_that_is_configured_no_more_is_over_at_the_start_and_no_other_is_asked_for_it(
    signals: tuple[CallSignal, ...], state: str
) -> None:
    async with running_core(others=["Other"]) as before:
        _, bob = await desks(before)
        call_id = str(dial_of(await bob.press())["callId"])
        await before.others[0].report(call_id, *signals)
    async with running_core(store=before.store) as core:
        await core.load()
        core.engine.put(Reconnected())
        await core.engine.handled()
        assert core.engine.asked == [("adopt",)]
        found = await core.store.call("t-north", call_id)
        assert found is not None
        assert (found[0].state, found[0].ending and found[0].ending.by) == (state, "system")
        desk = await core.connection(BOB)
        assert (await desk.ask("Amazon/Agent/StateSync"))["message"]["loginState"] == "LoggedIn"
        assert dial_of(await desk.press(request_id="press-2"))["replay"] is False


async def test_what_its_engine_cannot_do_with_a_call_is_neither_offered_nor_tried() -> None:
    async with running_core() as core:
        core.engine.actions = frozenset({Action.DISCONNECT})
        desk = await core.desk()
        call_id = await desk.connected_call(core.engine)
        told = desk.changes(call_id)[-1]
        assert told["dial"]["allowedActions"] == ["disconnect"]
        assert [name for name, shown in told["ButtonStates"]["items"].items() if shown == "Enable"] == ["disconnect"]
        (synced,) = (await desk.ask("Amazon/InboundCall/StateSync"))["message"]["calls"]
        assert synced["dial"]["allowedActions"] == ["disconnect"]
        assert dial_of(await desk.press())["allowedActions"] == ["disconnect"]
        refused = await desk.ask("Amazon/InboundCall/Hold", call_id, "hold")
        assert refused["data"]["details"]["allowedActions"] == ["disconnect"]
        assert error_type(await desk.ask("Amazon/Agent/Mute")) == "UPDATE_AGENT_STATE_FAILED"
        assert core.engine.asked == []
        await desk.ask("Amazon/InboundCall/Disconnect", call_id, "end")
        assert desk.changes(call_id)[-1]["dial"]["allowedActions"] == ["clear_contact"], "the wrap-up needs no engine"


async def test_each_engine_has_a_rate_of_its_own() -> None:
    async with running_core(others=["Other"], engine_rate=0.01, engine_burst=1) as core:
        ann, bob = await desks(core)
        assert dial_of(await ann.press())["replay"] is False
        assert dial_of(await bob.press())["replay"] is False


def test_engines_have_names_of_their_own() -> None:
    one, another = RecordingEngine(clock=MovedClock()), RecordingEngine(clock=MovedClock())
    with pytest.raises(ValueError, match="names"):
        Engines(one, another)
    with pytest.raises(EngineUnavailable):
        Engines(one).of_call(a_call(engine="Other"))
