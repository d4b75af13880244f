"""What every store promises of agents' logins."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from manualdial.agents import AVAILABLE, BUSY
from manualdial.calls import CallSignal
from manualdial.ports import Store
from tests.contract.stores import NOON, Lab, a_call, a_login, record, record_whole_call
from tests.support.calls import TO_CONNECTED

ALSO_IN_MEMORY = True
LATER = NOON + timedelta(hours=1)


async def test_a_login_comes_back_as_recorded(store: Store) -> None:
    session = a_login(
        connector="Asterisk",
        extension="",
        region="GB",
        chosen=AVAILABLE,
        chosen_at=LATER,
        state=AVAILABLE,
        since=LATER,
        muted=True,
    )
    store.record_login(session)
    assert await store.logins() == [session]


async def test_the_newest_login_of_each_agent_counts(store: Store) -> None:
    for extension in ("101", "102", "103"):
        for agent_id in ("bob", "ada"):
            store.record_login(a_login(agent_id, extension=extension))
        if extension == "102":
            await store.flush()
    assert await store.logins() == [a_login("ada", extension="103"), a_login("bob", extension="103")]


async def test_a_logout_ends_the_login_of_its_agent_alone(store: Store) -> None:
    for agent_id in ("ada", "bob", "eve"):
        store.record_login(a_login(agent_id))
    store.record_logout("eve")
    await store.flush()
    store.record_logout("ada")
    store.record_logout("nobody")
    assert await store.logins() == [a_login("bob")]


async def test_an_agent_who_logs_in_again_is_logged_in(store: Store) -> None:
    store.record_login(a_login())
    await store.flush()
    store.record_logout("ada")
    store.record_login(a_login(connector="Asterisk"))
    assert await store.logins() == [a_login(connector="Asterisk")]


async def test_logins_outlive_the_store(lab: Lab) -> None:
    async with lab.store() as store:
        store.record_login(a_login("ada"))
        store.record_login(a_login("bob"))
    async with lab.store() as store:
        store.record_logout("bob")
    async with lab.store() as store:
        assert await store.logins() == [a_login("ada")]


async def test_a_login_is_stored_no_later_than_the_next_press(lab: Lab) -> None:
    async with lab.store(flush_timeout=0) as store:
        store.record_login(a_login())
        await store.record_press(a_call())
    async with lab.store() as store:
        assert await store.logins() == [a_login()]


async def test_a_login_comes_back_in_the_state_that_was_chosen(store: Store) -> None:
    busy = a_login(chosen=AVAILABLE, chosen_at=NOON, state=BUSY, since=LATER)
    store.record_login(busy)
    assert await store.logins() == [msgspec.structs.replace(busy, state=AVAILABLE, since=NOON)]


async def test_an_agent_is_in_the_chosen_state_since_the_newest_call_ended(store: Store) -> None:
    earlier, newest = a_call(minute=2), a_call(minute=5)
    for call in (newest, earlier, a_call(agent_id="bob", minute=9)):
        await store.record_press(call)
    record_whole_call(store, msgspec.structs.replace(earlier, at=LATER))
    ended = record_whole_call(store, newest)
    store.record_login(a_login())
    assert await store.logins() == [a_login(since=ended.at)]


async def test_an_agent_is_in_the_chosen_state_since_it_was_chosen_where_that_is_later(store: Store) -> None:
    call = a_call(minute=2)
    await store.record_press(call)
    record_whole_call(store, call)
    store.record_login(a_login(chosen_at=LATER, since=LATER))
    assert await store.logins() == [a_login(chosen_at=LATER, since=LATER)]


async def test_a_call_that_is_not_ended_says_nothing_of_the_chosen_state(store: Store) -> None:
    ended, wrap_up = a_call(minute=2), a_call(minute=5)
    for call in (ended, wrap_up):
        await store.record_press(call)
    record_whole_call(store, ended)
    record(store, wrap_up, *TO_CONNECTED, CallSignal.ENDED)
    store.record_login(a_login())
    assert await store.logins() == [a_login()]
