"""What every store promises of presses that are forgotten or taken back, and of calls that are removed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from manualdial.calls import Call, CallSignal
from manualdial.ports import RequestIdTaken, Store
from tests.contract.stores import (
    NOON,
    Lab,
    a_call,
    history,
    record,
    record_whole_call,
    stored,
)
from tests.support.calls import TO_CONNECTED, stored_calls

ALSO_IN_MEMORY = True
AFTER_ALL = NOON + timedelta(days=1)


@pytest.fixture
async def ended(store: Store) -> Sequence[Call]:
    """Five calls that are ended, of two tenants, the oldest first."""
    calls = [
        a_call(minute=minute, request_id=f"press-{minute}", tenant_id="south" if minute % 2 else "north")
        for minute in range(5)
    ]
    for call in reversed(calls):
        await store.record_press(call)
    over = [record_whole_call(store, call) for call in calls]
    await store.flush()
    return over


async def remembered(store: Store, calls: Sequence[Call]) -> list[Call]:
    """Those whose `requestId` names them."""
    return [call for call in calls if await store.press(call.agent_id, call.request_id or "") is not None]


async def all_calls(store: Store) -> list[Call]:
    """Those of both tenants, oldest first."""
    both = [*await stored_calls(store, "north"), *await stored_calls(store, "south")]
    return sorted(both, key=lambda call: call.requested_at)


# ── forgetting ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_presses_are_forgotten_oldest_first(store: Store, ended: Sequence[Call]) -> None:
    assert await store.forget_presses(before=AFTER_ALL, limit=2) == 2
    assert await remembered(store, ended) == ended[2:]
    assert await store.forget_presses(before=AFTER_ALL, limit=2) == 2
    assert await store.forget_presses(before=AFTER_ALL, limit=2) == 1
    assert await store.forget_presses(before=AFTER_ALL, limit=2) == 0
    assert await remembered(store, ended) == []


async def test_presses_are_forgotten_that_were_requested_before_the_moment(store: Store, ended: Sequence[Call]) -> None:
    assert await store.forget_presses(before=ended[3].requested_at, limit=100) == 3
    assert await remembered(store, ended) == ended[3:]


async def test_a_press_of_a_call_that_is_not_ended_is_not_forgotten(store: Store) -> None:
    calls = [a_call(minute=minute, request_id=f"press-{minute}") for minute in range(2)]
    for call in calls:
        await store.record_press(call)
    wrap_up = record(store, calls[1], *TO_CONNECTED, CallSignal.ENDED)
    await store.flush()
    assert await store.forget_presses(before=AFTER_ALL, limit=100) == 0
    assert await remembered(store, [calls[0], wrap_up]) == [calls[0], wrap_up]


async def test_a_forgotten_press_keeps_its_call_and_its_history(store: Store, ended: Sequence[Call]) -> None:
    before = await history(store, ended[0])
    await store.forget_presses(before=AFTER_ALL, limit=100)
    assert await stored(store, ended[0]) == ended[0]
    assert ended[0].request_id == "press-0"
    assert await history(store, ended[0]) == before


async def test_a_press_of_a_forgotten_request_id_is_a_new_one(store: Store, ended: Sequence[Call]) -> None:
    await store.forget_presses(before=AFTER_ALL, limit=1)
    anew = a_call(request_id="press-0", minute=60)
    await store.record_press(anew)
    assert await store.press("ada", "press-0") == anew
    with pytest.raises(RequestIdTaken) as taken:
        await store.record_press(a_call(request_id="press-0"))
    assert taken.value.call == anew
    assert await stored(store, ended[0]) == ended[0]


async def test_what_was_forgotten_stays_so(lab: Lab, store: Store, ended: Sequence[Call]) -> None:
    await store.forget_presses(before=AFTER_ALL, limit=2)
    async with lab.store() as other:
        assert await remembered(other, ended) == ended[2:]


async def test_two_stores_forget_each_press_once(lab: Lab, store: Store, ended: Sequence[Call]) -> None:
    async with lab.store() as other:
        both = (each.forget_presses(before=AFTER_ALL, limit=100) for each in (store, other))
        assert sum(await asyncio.gather(*both)) == len(ended)


# ── removing ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_calls_are_removed_with_their_history_oldest_first(store: Store, ended: Sequence[Call]) -> None:
    assert await store.remove_calls(before=AFTER_ALL, limit=2) == 2
    assert await all_calls(store) == ended[2:]
    assert await store.call(ended[0].tenant_id, ended[0].id) is None
    assert await remembered(store, ended) == ended[2:]
    # Its history too: the same call, written again, begins anew.
    await store.record_press(a_call(id=ended[0].id))
    assert await history(store, a_call(id=ended[0].id)) == [(0, "requested", "agent", "connecting")]


async def test_calls_are_removed_that_were_requested_before_the_moment(store: Store, ended: Sequence[Call]) -> None:
    await store.forget_presses(before=AFTER_ALL, limit=2)
    assert await store.remove_calls(before=ended[3].requested_at, limit=100) == 3
    assert await store.remove_calls(before=ended[3].requested_at, limit=100) == 0
    assert await all_calls(store) == ended[3:]


async def test_the_oldest_calls_are_removed_whether_or_not_they_are_forgotten(store: Store) -> None:
    calls = [a_call(minute=minute, request_id=f"press-{minute}" if minute % 3 else None) for minute in range(9)]
    for call in calls:
        await store.record_press(call)
    over = [record_whole_call(store, call) for call in calls]
    await store.flush()
    await store.forget_presses(before=over[2].requested_at, limit=1)
    for removed in (2, 4, 6, 8):
        assert await store.remove_calls(before=over[8].requested_at, limit=2) == 2
        assert await all_calls(store) == over[removed:]
    assert await store.remove_calls(before=over[8].requested_at, limit=2) == 0


async def test_calls_that_are_not_ended_are_not_removed(store: Store, ended: Sequence[Call]) -> None:
    live, wrap_up = a_call(minute=-10), a_call(minute=-5)
    for call in (live, wrap_up):
        await store.record_press(call)
    wrap_up = record(store, wrap_up, *TO_CONNECTED, CallSignal.ENDED)
    await store.flush()
    assert await store.remove_calls(before=AFTER_ALL, limit=100) == len(ended)
    assert await store.open_calls() == await all_calls(store) == [live, wrap_up]


async def test_changes_of_a_removed_call_do_not_bring_it_back(store: Store, ended: Sequence[Call]) -> None:
    await store.remove_calls(before=AFTER_ALL, limit=1)
    record_whole_call(store, a_call(id=ended[0].id))
    await store.flush()
    assert await all_calls(store) == ended[1:]


# ── taking back ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_press_that_is_taken_back_was_never_made(store: Store) -> None:
    call, other = a_call(request_id="press-1"), a_call(minute=1)
    await store.record_press(call)
    await store.record_press(other)
    await store.retract_press(call)
    assert await stored_calls(store, "north") == await store.open_calls() == [other]
    anew = a_call(request_id="press-1")
    await store.record_press(anew)
    assert await store.press("ada", "press-1") == anew


async def test_a_press_that_is_not_there_can_be_taken_back(store: Store) -> None:
    first = a_call(request_id="press-1")
    await store.record_press(first)
    await store.retract_press(a_call(request_id="press-1"))
    await store.retract_press(a_call())
    assert await stored_calls(store, "north") == [first]


async def test_a_press_that_was_given_up_and_is_taken_back_does_not_come_later(store: Store) -> None:
    calls = [a_call(request_id=f"press-{number}") for number in range(20)]
    for turns, call in enumerate(calls):
        press = asyncio.create_task(store.record_press(call))
        for _ in range(turns):
            await asyncio.sleep(0)
        press.cancel()
        await asyncio.wait([press])
    await asyncio.gather(*map(store.retract_press, calls))
    await store.flush()
    assert await stored_calls(store, "north") == []
