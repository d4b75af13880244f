"""history: calls as they were, for those who may see them (contract §6)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from manualdial.agents import Caller
from manualdial.calls import Sign, advance
from manualdial.errors import NoSuchCall, NotPermitted
from manualdial.history import CallPage, CallRecord, History
from manualdial.ports import StoreUnavailable
from tests.support.calls import TO_CONNECTED, a_call, a_report
from tests.support.memory_store import MemoryStore
from tests.support.people import ADA, ANN, BOB, SUE, ZOE


@pytest.fixture
async def store() -> MemoryStore:
    """Three calls of Ann, a minute apart, one of Bob, and one of Zoe in another tenant."""
    store = MemoryStore()
    first = a_call().requested_at
    for minute in range(3):
        at = first + timedelta(minutes=minute)
        await store.record_press(a_call(id=f"ann-{minute}", request_id=f"r-{minute}", requested_at=at, at=at))
    await store.record_press(a_call(id="bob-0", agent_id="u-bob", requested_at=first + timedelta(seconds=30)))
    await store.record_press(a_call(id="zoe-0", agent_id="u-zoe", tenant_id="t-south"))
    return store


async def page(store: MemoryStore, caller: Caller, **more: str | int | None) -> CallPage:
    wanted = {"limit": 50, "before": None, "agent": None} | more
    return await History(store=store).calls(caller, **wanted)  # type: ignore[arg-type]  # what each is, is above


def ids(records: CallPage) -> list[str]:
    return [record.call_id for record in records.calls]


async def test_an_agent_sees_own_calls_newest_first(store: MemoryStore) -> None:
    assert ids(await page(store, ANN)) == ["ann-2", "ann-1", "ann-0"]
    assert ids(await page(store, BOB)) == ["bob-0"]


@pytest.mark.parametrize("caller", [SUE, ADA])
async def test_who_sees_the_tenant_sees_all_of_it_and_nothing_of_another(store: MemoryStore, caller: Caller) -> None:
    assert ids(await page(store, caller)) == ["ann-2", "ann-1", "bob-0", "ann-0"]
    assert ids(await page(store, caller, agent="u-bob")) == ["bob-0"]
    assert ids(await page(store, caller, agent="u-zoe")) == []
    assert ids(await page(store, ZOE)) == ["zoe-0"]


async def test_an_agent_may_not_ask_for_another_agents_calls(store: MemoryStore) -> None:
    with pytest.raises(NotPermitted):
        await page(store, ANN, agent="u-bob")
    assert ids(await page(store, ANN, agent="u-ann")) == ["ann-2", "ann-1", "ann-0"]


async def test_pages_follow_each_other_without_gap_and_without_twice(store: MemoryStore) -> None:
    first = await page(store, ANN, limit=2)
    assert (ids(first), first.next) == (["ann-2", "ann-1"], "ann-1")
    second = await page(store, ANN, limit=2, before=str(first.next))
    assert ids(second) == ["ann-0"]
    assert not isinstance(second.next, str)


async def test_a_place_that_there_is_not_has_nothing_before_it(store: MemoryStore) -> None:
    for before in ("no-such-call", "zoe-0"):
        assert ids(await page(store, ANN, before=before)) == []


async def one(store: MemoryStore, caller: Caller, call_id: str) -> CallRecord:
    return await History(store=store).call(caller, call_id)


async def test_a_call_is_told_with_all_its_states_verdict_and_ending(store: MemoryStore) -> None:
    call = a_call(id="told", request_id="r", campaign_id="7", caller_id="+12025550199", purpose="service")
    await store.record_press(call)
    for sign in (*TO_CONNECTED, Sign.ENDED):
        for change in advance(call, a_report(call, sign)):
            store.record_change(change)
            call = change.call
    record = await one(store, ANN, "told")
    assert [step.state for step in record.states] == [
        "requested", "agent_ringing", "agent_answered", "dialing", "ringing", "connected", "wrap_up", "wrap_up",
    ]  # fmt: skip
    assert [step.step for step in record.states] == [0, 1, 2, 3, 4, 5, 6, 6]
    assert (record.state, record.request_id, record.campaign_id, record.caller_id) == (
        "wrap_up",
        "r",
        "7",
        "+12025550199",
    )
    assert record.verdict["decision"] == "allow"
    assert not isinstance(record.ending, type(None))
    assert record.requested_at.endswith("Z")


@pytest.mark.parametrize(("caller", "call_id"), [(BOB, "ann-0"), (ANN, "zoe-0"), (SUE, "zoe-0"), (ANN, "nothing")])
async def test_a_call_that_the_caller_may_not_see_looks_like_none(
    store: MemoryStore, caller: Caller, call_id: str
) -> None:
    with pytest.raises(NoSuchCall) as refused:
        await one(store, caller, call_id)
    assert call_id not in refused.value.message


async def test_a_supervisor_sees_the_call_of_an_agent(store: MemoryStore) -> None:
    assert (await one(store, SUE, "ann-0")).agent_id == "u-ann"


async def test_a_database_that_is_away_is_not_an_empty_list(store: MemoryStore) -> None:
    store.unavailable = True
    with pytest.raises(StoreUnavailable):
        await page(store, ANN)
