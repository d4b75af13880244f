"""What every store promises for the time when its database is not there."""

from __future__ import annotations

import asyncio

import pytest

from manualdial.calls import CallSignal
from manualdial.ports import Store, StoreUnavailable
from tests.contract.stores import LIMIT, Lab, a_call, a_user, history, record, stored
from tests.support.calls import TO_CONNECTED, stored_calls

pytestmark = pytest.mark.outage


async def test_in_an_outage_presses_fail_and_changes_wait(lab: Lab, store: Store) -> None:
    call, refused = a_call(), a_call(minute=1)
    await store.record_press(call)
    async with asyncio.timeout(LIMIT), lab.outage():
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                await store.record_press(refused)
        now = record(store, call, *TO_CONNECTED)
        with pytest.raises(StoreUnavailable):
            await store.flush()
        with pytest.raises(StoreUnavailable):
            await store.call("north", call.id)
        now = record(store, now, CallSignal.HELD)
        assert not (await store.health()).ok
    assert await stored(store, call) == now
    assert [line[0] for line in await history(store, call)] == [0, 1, 2, 3, 4, 5, 6]
    assert await store.call("north", refused.id) is None
    assert (await store.health()).ok


async def test_after_an_outage_changes_are_written_without_being_asked_for(lab: Lab, store: Store) -> None:
    call = a_call()
    await store.record_press(call)
    async with lab.outage():
        now = record(store, call, *TO_CONNECTED)
        with pytest.raises(StoreUnavailable):
            await store.flush()
    async with lab.store() as other, asyncio.timeout(LIMIT):
        while await stored(other, call) != now:  # noqa: ASYNC110  # what another store writes gives no sign
            await asyncio.sleep(0.02)


async def test_the_first_press_after_an_outage_is_written(lab: Lab, store: Store) -> None:
    async with lab.outage():
        pass
    await store.record_press(a_call())
    async with lab.outage():
        with pytest.raises(StoreUnavailable):
            await store.record_press(a_call())
    await store.record_press(a_call())
    assert len(await stored_calls(store, "north")) == 2


async def test_leaving_in_an_outage_ends_all_the_same(lab: Lab) -> None:
    async with asyncio.timeout(LIMIT):
        store = await lab.store(flush_timeout=0.2).__aenter__()
        call = a_call()
        await store.record_press(call)
        async with lab.outage():
            record(store, call, *TO_CONNECTED)
            await store.__aexit__(None, None, None)
        for attempt in (store.record_press(a_call()), store.users(), store.add_user(a_user())):
            with pytest.raises(StoreUnavailable):
                await attempt
        assert not (await store.health()).ok
