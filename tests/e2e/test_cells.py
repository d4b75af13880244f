"""Several cells in one process: each is one truth, and begins again over its store."""

from __future__ import annotations

from pathlib import Path

import pytest

from manualdial.app.adapters import store_for
from manualdial.ports import Storage
from tests.support.core import Core, Desk, dial_of
from tests.support.people import ANN, BOB
from tests.support.running_service import configuration
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


def a_store(folder: Path, name: str) -> Storage:
    return store_for(configuration(folder, STORAGE_URL=f"sqlite:///{folder / name}"))


async def in_a_call(core: Core, desk: Desk) -> str:
    """A press that both sides have answered, as far as its engine has told."""
    call_id = str(dial_of(await desk.press())["callId"])
    await core.engine.connect(call_id)
    await until(lambda: desk.states(call_id)[-1:] == [("customer", "connected")])
    return call_id


async def test_two_cells_see_nothing_of_each_other_and_one_begins_again_while_the_other_goes_on(tmp_path: Path) -> None:
    async with a_store(tmp_path, "one") as one, a_store(tmp_path, "two") as two, Core(store=two) as other:
        async with Core(store=one) as first:
            ann, same_agent = await first.desk(ANN), await other.desk(ANN)
            of_first, of_other = await in_a_call(first, ann), await in_a_call(other, same_agent)
            assert of_first != of_other
            assert {call["dial"]["callId"] for call in ann.changes()} == {of_first}
            assert {call["dial"]["callId"] for call in same_agent.changes()} == {of_other}
            assert (len(first.sessions), len(first.live_calls), len(first.engine.orders)) == (1, 1, 1)
            assert first.bus.epoch != other.bus.epoch
            bob = await first.desk(BOB)
            await bob.ask("Amazon/Agent/UpdateState", {"label": "Available"})
            assert other.sessions.get(BOB.user_id) is None

        async with Core(store=one, engine=first.engine) as again:
            assert len(again.sessions) == 2
            ann = await again.connection(ANN)
            (call,) = (await ann.ask("Amazon/InboundCall/StateSync"))["message"]["calls"]
            assert (call["dial"]["callId"], call["dial"]["state"]) == (of_first, "connected")
            assert dial_of(await ann.press())["replay"] is True
            hold = await ann.ask("Amazon/InboundCall/Hold", of_first, "hold")
            assert hold["message"]["dial"]["state"] == "held"
            bob = await again.connection(BOB)
            assert (await bob.ask("Amazon/Agent/StateSync"))["message"]["agentState"]["name"] == "Available"
            assert len(again.engine.orders) == 1

        assert (await same_agent.ask("Amazon/InboundCall/Hold", of_other, "hold"))["message"]["success"] is True


async def test_a_cell_that_has_stopped_has_left_its_live_calls_to_the_engine_and_nothing_runs_for_it(
    tmp_path: Path,
) -> None:
    async with a_store(tmp_path, "one") as store:
        async with Core(store=store) as core:
            call_id = await in_a_call(core, await core.desk(ANN))
        assert (len(core.tasks), core.tasks.dead) == (0, None)
        assert core.engine.calls == {call_id}
        assert ("hang_up", call_id) not in core.engine.asked
