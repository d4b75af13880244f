"""The engine's calls against what is alive in Asterisk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from manualdial.calls import CallSignal, Cause, EndedBy
from manualdial.engines.asterisk.in_flight import Move
from manualdial.ports import EngineSilent, Orphan
from tests.support.waiting import until
from tests.unit.engines.small_asterisk import Line, order, running_line


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    """A line that is up."""
    async with running_line() as line:
        yield line


async def test_a_call_that_is_gone_unheard_is_found_gone(line: Line) -> None:
    placed = await line.connected()
    line.asterisk.channels.clear()

    assert await line.adopt(placed) == frozenset()

    ending = await line.ending(placed.call_id)
    assert (ending.by, ending.cause) == (EndedBy.SYSTEM, Cause.UNKNOWN)


async def test_the_event_of_an_end_that_is_under_way_says_how_it_ended(line: Line) -> None:
    placed = await line.connected()
    customer = f"{placed.call_id}.customer"
    del line.asterisk.channels[customer]
    loop = asyncio.get_running_loop()
    line.asterisk.during_snapshot = lambda: loop.call_later(0.01, line.asterisk.ends, customer)
    await line.adopt(placed)

    ending = await line.ending(placed.call_id)
    assert (ending.by, ending.cause) == (EndedBy.CUSTOMER, Cause.NORMAL)


async def test_a_leg_that_only_the_first_look_missed_is_no_end(line: Line) -> None:
    placed = await line.connected()
    customer = f"{placed.call_id}.customer"
    del line.asterisk.channels[customer]

    def comes_back() -> None:
        line.asterisk.channels[customer] = "Up"

    line.asterisk.during_snapshot = comes_back
    line.clock.move(1)
    assert await line.adopt(placed) == {placed.call_id}
    await line.look()

    assert CallSignal.ENDED not in line.signals(placed.call_id)
    assert line.asterisk.count("hang_up") == 0


async def test_comparing_calls_that_are_fine_does_nothing_to_them(line: Line) -> None:
    calls = [await line.connected(), await line.ringing()]
    before = [*line.told]
    line.asterisk.asked.clear()

    for _ in range(3):
        line.clock.move(60)
        assert await line.adopt(*calls) == {placed.call_id for placed in calls}

    assert line.told == before
    assert {request for request, _ in line.asterisk.asked} == {"snapshot"}


async def test_what_happens_while_the_snapshot_is_under_way_is_not_undone_by_it(line: Line) -> None:
    placed = await line.ringing()
    customer = f"{placed.call_id}.customer"
    line.asterisk.during_snapshot = lambda: line.asterisk.comes_to(customer, "Up")

    assert await line.adopt(placed) == {placed.call_id}
    line.asterisk.during_snapshot = lambda: None
    await line.until(placed.call_id, CallSignal.CONNECTED)
    await line.look(after=60)

    assert line.signals(placed.call_id)[-1] is CallSignal.CONNECTED


async def test_a_leg_that_ends_while_the_snapshot_is_under_way_is_not_taken_for_alive(line: Line) -> None:
    placed = await line.connected()
    line.asterisk.during_snapshot = lambda: line.asterisk.ends(f"{placed.call_id}.customer")

    await line.adopt(placed)

    assert (await line.ending(placed.call_id)).by is EndedBy.CUSTOMER
    assert line.asterisk.count("hang_up") == 1


async def test_a_hold_is_not_undone_by_a_look_from_before_it(line: Line) -> None:
    placed = await line.connected()
    call = line.in_flight.get(placed.call_id)
    assert call is not None
    async with call.control:
        assert call.moves(Move.HOLD)
        assert await line.adopt(placed) == {placed.call_id}
    line.asterisk.during_snapshot = lambda: line.controller.touch(call)
    assert await line.adopt(placed) == {placed.call_id}

    assert CallSignal.RESUMED not in line.signals(placed.call_id)


async def test_a_call_that_is_being_placed_counts_as_there(line: Line) -> None:
    placed = order()

    async def journalled() -> None:
        line.clock.move(1)
        assert await line.adopt(placed) == {placed.call_id}

    await line.controller.place(placed, journalled())

    assert line.signals(placed.call_id) == []
    assert line.asterisk.count("hang_up") == 0
    assert line.asterisk.count("dial") == 1


async def test_an_adopted_leg_that_does_not_begin_to_ring_is_hung_up_soon(line: Line) -> None:
    never, rings = order(), order()
    for placed in (never, rings):
        line.asterisk.channels[f"{placed.call_id}.agent"] = "Down"
    assert await line.adopt(never, rings) == {never.call_id, rings.call_id}
    line.clock.move(1)
    line.asterisk.comes_to(f"{rings.call_id}.agent", "Ringing")

    await line.look(after=5)

    await line.until(never.call_id, CallSignal.ENDED)
    await line.look(after=10)
    assert line.signals(rings.call_id) == [CallSignal.AGENT_RINGING]
    assert [*line.asterisk.channels] == [f"{rings.call_id}.agent"]
    assert line.asterisk.count("dial") == 0


@pytest.mark.parametrize(("age", "left"), [(0, 50), (46, 4), (3600, 0), (-3600, 50)])
async def test_a_customers_leg_that_was_perhaps_never_dialled_has_its_time_once_however_often_it_is_adopted(
    line: Line, age: float, left: float
) -> None:
    placed = order()
    agent, customer = f"{placed.call_id}.agent", f"{placed.call_id}.customer"
    line.asterisk.channels.update({agent: "Up", customer: "Down"})
    line.asterisk.made_at[customer] = line.asterisk.time - timedelta(seconds=age)
    line.asterisk.bridges[placed.call_id] = {agent, customer}
    assert await line.adopt(placed) == {placed.call_id}
    if left:
        await line.look(after=left - 1.5)
        assert line.signals(placed.call_id) == [CallSignal.DIALING]
    await line.look(after=2)

    assert (await line.ending(placed.call_id)).cause is Cause.TIMEOUT
    assert line.asterisk.count("dial") == 0


async def test_an_agents_leg_that_was_perhaps_never_dialled_has_its_time_once_too(line: Line) -> None:
    placed = order()
    agent = f"{placed.call_id}.agent"
    line.asterisk.channels[agent] = "Down"
    line.asterisk.made_at[agent] = line.asterisk.time - timedelta(seconds=3600)
    assert await line.adopt(placed) == {placed.call_id}
    await line.look(after=1.5)

    assert (await line.ending(placed.call_id)).by is EndedBy.SYSTEM


async def test_a_customer_is_not_dialled_on_a_verdict_of_long_ago(line: Line) -> None:
    lately, long_ago = order(), order()
    for placed, age in ((lately, 10), (long_ago, 3600)):
        agent = f"{placed.call_id}.agent"
        line.asterisk.channels[agent] = "Up"
        line.asterisk.made_at[agent] = line.asterisk.time - timedelta(seconds=age)
    await line.adopt(lately, long_ago)

    ending = await line.ending(long_ago.call_id)
    assert (ending.by, ending.cause) == (EndedBy.SYSTEM, Cause.TIMEOUT)
    await until(lambda: f"{lately.call_id}.customer" in line.asterisk.channels)
    assert f"{long_ago.call_id}.customer" not in line.asterisk.channels


@pytest.mark.parametrize("held", [True, False])
async def test_of_an_adopted_call_it_is_told_whether_the_customer_is_held(line: Line, held: bool) -> None:
    placed = order()
    agent, customer = f"{placed.call_id}.agent", f"{placed.call_id}.customer"
    line.asterisk.channels.update({agent: "Up", customer: "Up"})
    line.asterisk.bridges[placed.call_id] = {agent} if held else {agent, customer}
    assert await line.adopt(placed) == {placed.call_id}
    assert line.signals(placed.call_id) == [CallSignal.CONNECTED, CallSignal.HELD if held else CallSignal.RESUMED]


async def test_an_adopted_customer_who_talks_is_rid_of_a_ringing_tone_that_may_be_on(line: Line) -> None:
    placed = order()
    legs = {f"{placed.call_id}.agent": "Up", f"{placed.call_id}.customer": "Up"}
    line.asterisk.channels.update(legs)
    line.asterisk.bridges[placed.call_id] = set(legs)

    assert await line.adopt(placed) == {placed.call_id}
    await line.until(placed.call_id, CallSignal.CONNECTED)
    await line.look()

    await until(lambda: line.asterisk.count("stop_ringback") == 1)
    assert line.asterisk.count("dial") == 0


# ── orphans ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def make_orphan(line: Line) -> tuple[str, list[Orphan]]:
    """A whole call that no journal knows."""
    call_id = order().call_id
    legs = [f"{call_id}.agent", f"{call_id}.customer"]
    line.asterisk.channels.update(dict.fromkeys(legs, "Up"))
    line.asterisk.bridges[call_id] = set(legs)
    return call_id, [Orphan(call_id=call_id, what=what) for what in ("agent's leg", "customer's leg", "bridge")]


async def test_orphans_are_taken_away_and_told_once_after_each_gap(line: Line) -> None:
    for _ in range(2):
        make_orphan(line)
        line.told.clear()
        line.reconnect()

        assert await line.adopt() == frozenset()
        await until(lambda: not line.asterisk.channels and not line.asterisk.bridges)
        await line.adopt()

        await until(lambda: len(line.told_orphans()) >= 3)
        assert [orphan.what for orphan in line.told_orphans()] == ["agent's leg", "customer's leg", "bridge"]


async def test_without_a_gap_that_was_told_nothing_is_taken_for_an_orphan(line: Line) -> None:
    make_orphan(line)
    line.orphans.gap()  # the reader of the reports does not know of it yet

    await line.adopt()
    assert len(line.asterisk.channels) == 2

    line.orphans.gap_told()
    await line.adopt()
    await until(lambda: not line.asterisk.channels)


async def test_orphans_are_still_to_be_found_where_the_look_failed(line: Line) -> None:
    make_orphan(line)
    line.reconnect()
    line.asterisk.fails["snapshot"] = EngineSilent("Asterisk did not answer")
    with pytest.raises(EngineSilent):
        await line.adopt()

    line.asterisk.fails.clear()
    await line.adopt()

    await until(lambda: not line.asterisk.channels)


async def test_an_orphan_that_could_not_be_hung_up_is_hung_up_later_and_told_once(line: Line) -> None:
    _, expected = make_orphan(line)
    line.reconnect()
    line.asterisk.fails["hang_up"] = EngineSilent("Asterisk did not answer")
    await line.adopt()
    await until(lambda: line.asterisk.count("hang_up") == 2)
    assert len(line.asterisk.channels) == 2

    line.asterisk.fails.clear()
    await line.look()

    assert not line.asterisk.channels
    assert line.told_orphans() == expected


async def test_calls_that_are_known_are_no_orphans(line: Line) -> None:
    tracked, named = await line.connected(), order()
    line.asterisk.channels[f"{named.call_id}.agent"] = "Ringing"
    line.reconnect()

    assert await line.adopt(named) == {named.call_id}

    assert line.told_orphans() == []
    assert line.asterisk.count("hang_up") == 0
    assert CallSignal.ENDED not in line.signals(tracked.call_id)


async def test_what_is_left_of_a_call_that_is_over_is_taken_away_in_silence(line: Line) -> None:
    placed = await line.connected()
    line.asterisk.ends(f"{placed.call_id}.customer")
    await line.ending(placed.call_id)
    await until(lambda: not line.asterisk.bridges)
    line.asterisk.channels[f"{placed.call_id}.agent"] = "Up"
    line.asterisk.bridges[placed.call_id] = set()

    assert await line.adopt() == frozenset()

    assert not line.asterisk.channels
    assert not line.asterisk.bridges
    assert line.told_orphans() == []


async def test_the_bridge_of_a_call_that_is_named_and_has_no_leg_is_no_orphan(line: Line) -> None:
    placed = order()
    line.asterisk.bridges[placed.call_id] = set()
    line.reconnect()

    assert await line.adopt(placed) == frozenset()

    assert not line.asterisk.bridges
    assert line.told_orphans() == []


async def test_a_bridge_that_comes_while_it_is_taken_away_is_taken_away_again(line: Line) -> None:
    call_id = order().call_id
    line.orphans.take_bridge_away(call_id)
    await asyncio.sleep(0)  # asked, and not answered yet
    assert line.asterisk.count("destroy_bridge") == 1
    line.orphans.take_bridge_away(call_id)
    await line.quiet()
    line.asterisk.bridges[call_id] = set()

    await line.look()

    assert not line.asterisk.bridges


async def test_a_channel_that_is_made_while_the_snapshot_is_under_way_is_no_orphan(line: Line) -> None:
    placed = order()

    async def journalled() -> None:
        line.clock.move(1)
        line.reconnect()
        await line.adopt()

    await line.controller.place(placed, journalled())

    assert line.told_orphans() == []
    assert line.asterisk.count("hang_up") == 0


async def test_a_channel_of_ours_that_enters_and_that_nobody_knows_is_an_orphan(line: Line) -> None:
    call_id = order().call_id
    line.asterisk.channels[f"{call_id}.agent"] = "Down"

    line.asterisk.tell("StasisStart", f"{call_id}.agent")

    await until(lambda: not line.asterisk.channels)
    await until(lambda: line.told_orphans() == [Orphan(call_id=call_id, what="agent's leg")])


async def test_a_channel_that_enters_before_the_journal_was_asked_waits_for_it(line: Line) -> None:
    known, unknown = order(), order()
    line.reconnect()
    for placed in (known, unknown):
        line.asterisk.channels[f"{placed.call_id}.agent"] = "Down"
        line.asterisk.tell("StasisStart", f"{placed.call_id}.agent")
    assert line.asterisk.count("hang_up") == 0

    assert await line.adopt(known) == {known.call_id}

    await until(lambda: [*line.asterisk.channels] == [f"{known.call_id}.agent"])
    await until(lambda: line.told_orphans() == [Orphan(call_id=unknown.call_id, what="agent's leg")])


async def test_a_channel_that_enters_while_the_first_look_is_under_way_is_not_forgotten(line: Line) -> None:
    call_id = order().call_id
    agent = f"{call_id}.agent"

    def enters() -> None:
        line.asterisk.channels[agent] = "Down"
        line.asterisk.tell("StasisStart", agent)

    line.reconnect()
    line.asterisk.during_snapshot = enters
    await line.adopt()

    assert not line.asterisk.channels
    assert line.told_orphans() == [Orphan(call_id=call_id, what="agent's leg")]
