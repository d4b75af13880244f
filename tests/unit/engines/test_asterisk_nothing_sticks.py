"""Every way in which a call could stay for ever in the engine for Asterisk, and what ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from manualdial.calls import CallSignal, Cause, EndedBy
from manualdial.ports import EngineRefused, EngineSilent, EngineUnavailable
from tests.support.waiting import until
from tests.unit.engines.small_asterisk import Line, order, running_line

AWAY = EngineUnavailable("Asterisk cannot be reached")
MUTE = EngineSilent("Asterisk did not answer")
NO = EngineRefused("Asterisk answered 500")


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    """A line that is up."""
    async with running_line() as line:
        yield line


async def test_a_leg_that_was_hung_up_and_whose_end_is_never_told_is_asked_for_again(line: Line) -> None:
    placed = await line.connected()
    line.asterisk.tells = False

    assert await line.controller.hang_up(placed.call_id)
    await line.look()
    assert CallSignal.ENDED not in line.signals(placed.call_id)
    await line.look(after=3)

    ending = await line.ending(placed.call_id)
    assert (ending.by, ending.cause) == (EndedBy.AGENT, Cause.NORMAL)
    assert not line.asterisk.channels


async def test_a_leg_that_is_gone_without_an_event_or_an_answer_is_found_gone(line: Line) -> None:
    placed = await line.connected()
    line.asterisk.fails["hang_up"] = MUTE
    with pytest.raises(EngineSilent):
        await line.controller.hang_up(placed.call_id)
    line.asterisk.channels.clear()

    await line.look()

    assert (await line.ending(placed.call_id)).by is EndedBy.AGENT


@pytest.mark.parametrize("failure", [AWAY, MUTE, NO])
async def test_a_hang_up_that_failed_is_tried_at_the_next_look(line: Line, failure: Exception) -> None:
    placed = await line.connected()
    line.asterisk.fails["hang_up"] = failure
    line.asterisk.ends(f"{placed.call_id}.customer")
    await until(lambda: line.asterisk.count("hang_up") == 1)
    assert CallSignal.ENDED not in line.signals(placed.call_id)

    line.asterisk.fails.clear()
    await line.look()

    assert (await line.ending(placed.call_id)).by is EndedBy.CUSTOMER
    assert not line.asterisk.channels


async def test_a_hang_up_of_which_only_half_was_sent_is_still_the_agents(line: Line) -> None:
    placed = await line.connected()
    line.asterisk.tells = False
    line.asterisk.fails[f"{placed.call_id}.agent"] = AWAY
    with pytest.raises(EngineUnavailable):
        await line.controller.hang_up(placed.call_id)

    line.asterisk.fails.clear()
    await line.look()
    await line.look(after=4)

    ending = await line.ending(placed.call_id)
    assert (ending.by, ending.cause) == (EndedBy.AGENT, Cause.NORMAL)


@pytest.mark.parametrize("failure", [AWAY, MUTE, NO])
async def test_a_bridge_that_could_not_be_destroyed_is_destroyed_at_the_next_look(
    line: Line, failure: Exception
) -> None:
    placed = await line.connected()
    line.asterisk.fails["destroy_bridge"] = failure
    line.asterisk.ends(f"{placed.call_id}.customer")
    await line.ending(placed.call_id)
    await until(lambda: line.asterisk.count("destroy_bridge") == 1)
    assert line.asterisk.bridges

    line.asterisk.fails.clear()
    await line.look()

    assert not line.asterisk.bridges
    await line.look()
    assert line.asterisk.count("destroy_bridge") == 2


@pytest.mark.parametrize("failure", [AWAY, MUTE])
async def test_a_ringing_tone_that_could_not_be_stopped_is_stopped_at_the_next_look(
    line: Line, failure: Exception
) -> None:
    placed = await line.ringing()
    line.asterisk.fails["stop_ringback"] = failure
    line.asterisk.comes_to(f"{placed.call_id}.customer", "Up")
    await until(lambda: line.asterisk.count("stop_ringback") == 1)

    line.asterisk.fails.clear()
    await line.look()
    await until(lambda: line.asterisk.count("stop_ringback") == 2)

    await line.look()
    assert line.asterisk.count("stop_ringback") == 2


async def test_a_customer_whose_dial_was_not_sent_keeps_no_agent_waiting(line: Line) -> None:
    placed = order()
    await line.controller.place(placed, None)
    line.asterisk.fails["dial"] = AWAY
    line.asterisk.comes_to(f"{placed.call_id}.agent", "Up")

    ending = await line.ending(placed.call_id)

    assert (ending.by, ending.cause) == (EndedBy.SYSTEM, Cause.FAILED)
    assert not line.asterisk.channels
    assert not line.asterisk.bridges


async def test_a_customer_whose_dial_got_no_answer_has_the_time_to_answer_and_no_more(line: Line) -> None:
    placed = order()
    await line.controller.place(placed, None)
    line.asterisk.fails["dial"] = MUTE
    line.asterisk.comes_to(f"{placed.call_id}.agent", "Up")
    await until(lambda: line.asterisk.count("dial") == 2)
    await line.look(after=45)
    assert CallSignal.ENDED not in line.signals(placed.call_id)

    await line.look(after=6)

    assert (await line.ending(placed.call_id)).cause is Cause.TIMEOUT
    assert line.asterisk.count("dial") == 2


async def test_a_phone_that_asterisk_lets_ring_too_long_is_hung_up(line: Line) -> None:
    placed = order()
    await line.controller.place(placed, None)
    line.asterisk.comes_to(f"{placed.call_id}.agent", "Ringing")

    await line.look(after=26)

    assert (await line.ending(placed.call_id)).cause is Cause.TIMEOUT
    assert not line.asterisk.channels


async def test_a_leg_that_enters_after_asterisk_said_that_there_is_none_is_hung_up(line: Line) -> None:
    placed = await line.ringing()
    customer = f"{placed.call_id}.customer"
    line.asterisk.tells = False
    line.asterisk.fails["hang_up"] = AWAY
    del line.asterisk.channels[customer]
    await line.adopt(placed)
    line.asterisk.fails.clear()
    line.asterisk.tells = True

    line.asterisk.channels[customer] = "Down"
    line.asterisk.tell("StasisStart", customer)

    await line.ending(placed.call_id)
    assert not line.asterisk.channels


async def test_an_agent_whose_answer_was_lost_gets_the_customer_by_adoption(line: Line) -> None:
    placed = order()
    await line.controller.place(placed, None)
    line.asterisk.tells = False
    line.asterisk.channels[f"{placed.call_id}.agent"] = "Up"
    line.asterisk.tells = True
    line.clock.move(1)

    assert await line.adopt(placed) == {placed.call_id}

    await line.until(placed.call_id, CallSignal.DIALING)
    assert line.asterisk.count("dial") == 2


@pytest.mark.parametrize("failure", [TimeoutError(), ZeroDivisionError(), asyncio.CancelledError()], ids=repr)
async def test_a_journal_that_fails_leaves_no_leg_whatever_it_fails_with(line: Line, failure: BaseException) -> None:
    async def journalled() -> None:
        raise failure

    placed = order()
    with pytest.raises(type(failure)):
        await line.controller.place(placed, journalled())
    assert await line.adopt(placed) == frozenset()
    assert not await line.controller.hang_up(placed.call_id)

    await line.quiet()

    assert not line.asterisk.channels
    assert line.asterisk.count("dial") == 0
    assert line.signals(placed.call_id) == []


async def test_an_order_that_is_cancelled_while_it_is_journalled_leaves_no_leg(line: Line) -> None:
    asked = asyncio.Event()

    async def journalled() -> None:
        asked.set()
        await asyncio.Event().wait()

    placed = order()
    placing = asyncio.create_task(line.controller.place(placed, journalled()))
    await asked.wait()
    placing.cancel()
    await asyncio.wait([placing])
    await line.quiet()

    assert not line.asterisk.channels
    assert line.asterisk.count("dial") == 0


async def test_an_order_that_is_cancelled_while_it_is_dialled_is_a_call(line: Line) -> None:
    placed = order()
    placing = asyncio.create_task(line.controller.place(placed, None))
    await until(lambda: line.asterisk.count("dial") == 1)
    placing.cancel()
    await asyncio.wait([placing])
    await line.look()

    assert await line.adopt(placed) == {placed.call_id}
    line.asterisk.comes_to(f"{placed.call_id}.agent", "Up")
    await line.until(placed.call_id, CallSignal.DIALING)


async def test_a_call_that_is_hung_up_while_it_is_journalled_is_not_dialled(line: Line) -> None:
    placed = order()

    async def journalled() -> None:
        assert await line.controller.hang_up(placed.call_id)

    with pytest.raises(EngineRefused):
        await line.controller.place(placed, journalled())

    assert line.asterisk.count("dial") == 0
    assert not line.asterisk.channels


async def test_a_bridge_that_is_made_when_the_call_is_over_does_not_stay(line: Line) -> None:
    placed = order()
    await line.controller.place(placed, None)
    line.asterisk.comes_to(f"{placed.call_id}.agent", "Up")
    line.asterisk.ends(f"{placed.call_id}.agent")

    await line.ending(placed.call_id)

    assert line.asterisk.count("create_bridge") == 1
    assert not line.asterisk.bridges


async def test_an_agent_who_waits_for_a_customer_whom_nobody_brings_gets_one(line: Line) -> None:
    placed = order()
    await line.controller.place(placed, None)
    line.asterisk.fails["create_bridge"] = ZeroDivisionError("a fault of the engine's own")
    line.asterisk.comes_to(f"{placed.call_id}.agent", "Up")
    await line.quiet()

    line.asterisk.fails.clear()
    await line.look()

    await line.until(placed.call_id, CallSignal.DIALING)
    assert line.asterisk.count("dial") == 2


async def test_a_call_whose_dial_was_not_answered_goes_on_when_the_agent_answers_later(line: Line) -> None:
    placed = order()
    line.asterisk.fails["dial"] = EngineSilent("no answer")
    with pytest.raises(EngineSilent):
        await line.controller.place(placed, None)
    line.asterisk.fails.clear()
    line.clock.move(5)
    line.asterisk.comes_to(f"{placed.call_id}.agent", "Ringing")
    line.asterisk.comes_to(f"{placed.call_id}.agent", "Up")
    await line.until(placed.call_id, CallSignal.DIALING)
    line.asterisk.comes_to(f"{placed.call_id}.customer", "Up")

    await line.until(placed.call_id, CallSignal.CONNECTED)
    assert line.asterisk.count("hang_up") == 0
