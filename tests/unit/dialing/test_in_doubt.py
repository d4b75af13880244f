"""in_doubt: presses that the journal may hold though it did not say so."""

from __future__ import annotations

import asyncio

from tests.support.calls import stored_calls
from tests.support.core import Core, Desk, dial_of, error_type
from tests.support.waiting import running, until


async def press_whose_answer_is_lost(core: Core, desk: Desk) -> None:
    core.store.loses_the_answer = True
    assert error_type(await desk.press()) == "MAKE_CALL_FAILED"
    core.store.loses_the_answer = False
    assert len(await stored_calls(core.store, "t-north")) == 1


async def test_one_that_nobody_repeats_is_taken_back_and_is_a_new_press_when_it_comes(core: Core, desk: Desk) -> None:
    await press_whose_answer_is_lost(core, desk)
    async with running(core.in_doubt.run()):
        await until(lambda: not core.idempotency.in_doubt())
    assert await stored_calls(core.store, "t-north") == []
    assert dial_of(await desk.press())["replay"] is False
    assert len(core.engine.orders) == 1


async def test_one_that_is_repeated_makes_its_call_which_is_not_taken_back(core: Core, desk: Desk) -> None:
    await press_whose_answer_is_lost(core, desk)
    core.engine.waits["originate"] = asyncio.Event()
    again = asyncio.create_task(desk.press())
    await until(lambda: bool(core.engine.orders))
    async with running(core.in_doubt.run()):
        core.engine.waits["originate"].set()
        call_id = dial_of(await again)["callId"]
    assert [call.id for call in await stored_calls(core.store, "t-north")] == [call_id]


async def test_while_the_journal_is_away_nothing_is_taken_back_and_later_it_is(core: Core, desk: Desk) -> None:
    await press_whose_answer_is_lost(core, desk)
    core.store.unavailable = True
    async with running(core.in_doubt.run()):
        await until(lambda: core.store.refused >= 2)
        assert len(core.idempotency.in_doubt()) == 1
        core.store.unavailable = False
        await until(lambda: not core.idempotency.in_doubt())
