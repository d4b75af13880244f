"""history: calls as they were, for those who may see them (contract §6)."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
from msgspec import UNSET

from manualdial.callers import Caller
from manualdial.calls import CallSignal, Cause, EndedBy, advance
from manualdial.errors import MalformedMessage, NoSuchCall, NotPermitted
from manualdial.ports import StoreUnavailable
from manualdial.requests.history import CallPage, CallRecord, CallsAsked, History
from manualdial.wire.messages.calls import CallEnding
from tests.support.calls import TO_CONNECTED, a_call, a_report
from tests.support.memory_store import MemoryStore
from tests.support.people import A_MORNING, ADA, ANN, BOB, SUE, ZOE, a_caller


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


async def page(store: MemoryStore, caller: Caller, **more: Any) -> CallPage:
    return await History(store=store, default_region="US").calls(caller, CallsAsked(**{"limit": 50} | more))


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


@pytest.mark.parametrize("by", ["cursor", "before"])
async def test_pages_follow_each_other_without_gap_and_without_twice(store: MemoryStore, by: str) -> None:
    first = await page(store, ANN, limit=2)
    assert (ids(first), first.next) == (["ann-2", "ann-1"], "ann-1")
    await store.record_press(a_call(id="ann-3", request_id="r-3", requested_at=A_MORNING + timedelta(minutes=9)))
    second = await page(store, ANN, limit=2, **{by: first.cursor if by == "cursor" else first.next})
    assert ids(second) == ["ann-0"]
    assert (second.cursor, second.next) == (UNSET, UNSET)


async def test_a_place_that_there_is_not_has_nothing_before_it(store: MemoryStore) -> None:
    for before in ("no-such-call", "zoe-0"):
        assert ids(await page(store, ANN, before=before)) == []


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"since": "2026-03-02T15:01:00Z"}, ["ann-2", "ann-1"]),
        ({"since": "2026-03-02T16:01:00+01:00", "until": "2026-03-02T10:02:00-05:00"}, ["ann-1"]),
        ({"number": "+1 (202) 555-0100"}, ["ann-2", "ann-1", "ann-0"]),
        ({"number": " 12025550100"}, ["ann-2", "ann-1", "ann-0"]),  # `?number=+1…`: the plus stands for a blank
        ({"number": "202 555 0100"}, ["ann-2", "ann-1", "ann-0"]),
        ({"number": "+12025550101"}, []),
        ({"state": "requested"}, ["ann-2", "ann-1", "ann-0"]),
        ({"state": "ended"}, []),
        ({"outcome": "conversation"}, []),
        ({"agent": "u-ann", "until": "2026-03-02T15:01:00Z"}, ["ann-0"]),
    ],
    ids=str,
)
async def test_calls_are_asked_for_by_what_they_are(
    store: MemoryStore, asked: dict[str, Any], found: list[str]
) -> None:
    assert ids(await page(store, ANN, **asked)) == found


async def test_a_national_number_is_one_of_the_callers_region_or_of_the_default_one(store: MemoryStore) -> None:
    of_nowhere, of_france = (a_caller(region=region) for region in (None, "FR"))
    assert ids(await page(store, of_nowhere, number="202 555 0100")) == ["ann-2", "ann-1", "ann-0"]
    with pytest.raises(MalformedMessage):
        await page(store, of_france, number="202 555 0100")


FORGED = base64.urlsafe_b64encode(b'["0001-01-01T00:00:00+14:00", "x"]').decode()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("since", value) for value in ("", "yesterday", "2026-03-02T15:00:00", "0001-01-01T00:00:00+14:00")),
        ("until", "2026-03-02T16:00:00 01:00"),
        *(("number", value) for value in ("", "hello", "911", "+1911", "+1202555010", "1" * 128)),
        *(("state", value) for value in ("", "Ended", "busy")),
        *(("outcome", value) for value in ("", "Conversation", "voicemail")),
        *(("cursor", value) for value in ("", "x", "é", "AAAA", "ann-1", FORGED)),
    ],
)
async def test_what_cannot_be_read_is_refused_and_named(store: MemoryStore, key: str, value: str) -> None:
    with pytest.raises(MalformedMessage) as refused:
        await page(store, ANN, **{key: value})
    assert refused.value.details == {"path": key}


async def test_two_places_at_once_are_none(store: MemoryStore) -> None:
    first = await page(store, ANN, limit=1)
    with pytest.raises(MalformedMessage):
        await page(store, ANN, cursor=first.cursor, before=first.next)


async def one(store: MemoryStore, caller: Caller, call_id: str) -> CallRecord:
    return await History(store=store, default_region="US").call(caller, call_id)


async def test_a_call_is_told_with_all_its_states_verdict_and_ending(store: MemoryStore) -> None:
    call = a_call(id="told", request_id="r", campaign_id="7", caller_id="+12025550199", purpose="service")
    await store.record_press(call)
    for signal in (*TO_CONNECTED, CallSignal.ENDED):
        for change in advance(call, a_report(call, signal)):
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
    assert (record.ending, record.outcome) == (CallEnding(by=EndedBy.SYSTEM, cause=Cause.UNKNOWN), "conversation")
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
