"""What every store tells of the links that the calls of the journal have (ports.EvidenceStore)."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from manualdial.calls import Call, CallSignal
from manualdial.ports import CallLinks
from tests.contract.chains import an_attempt
from tests.contract.stores import NOON, WholeStore, a_call, record, record_whole_call

ALSO_IN_MEMORY = True


def links_of(call: Call, *, over: bool = False, attempt: bool = True, ending: bool = False) -> CallLinks:
    """What is told of a call."""
    return CallLinks(
        call_id=call.id,
        requested_at=call.requested_at,
        is_over=over,
        has_attempt=attempt,
        has_ending=ending,
        verdict=None if attempt else call.verdict,
    )


async def test_a_call_has_the_links_that_are_written_with_it(store: WholeStore) -> None:
    running, ended, over, unlinked = (a_call(minute=minute) for minute in range(4))
    for call in (running, ended, over):
        await store.record_press(call, evidence=an_attempt(call))
    await store.record_press(unlinked)
    record(store, ended, CallSignal.ENDED)
    record_whole_call(store, over)
    assert await store.call_links("north") == [
        links_of(running),
        links_of(ended, over=True, ending=True),
        links_of(over, over=True, ending=True),
        links_of(unlinked, attempt=False),
    ]


async def test_an_end_without_an_attempt_has_no_link(store: WholeStore) -> None:
    call = a_call(verdict=b"any bytes \x00\xff")
    await store.record_press(call)
    record_whole_call(store, call)
    assert await store.call_links("north") == [links_of(call, over=True, attempt=False)]


async def test_a_press_that_was_taken_back_is_no_call(store: WholeStore) -> None:
    call = a_call()
    await store.record_press(call, evidence=an_attempt(call))
    await store.retract_press(call)
    assert await store.call_links("north") == []


async def test_links_of_another_tenant_do_not_count(store: WholeStore) -> None:
    call = a_call()
    await store.record_press(call, evidence=msgspec.structs.replace(an_attempt(call), tenant_id="south"))
    assert await store.call_links("north") == [links_of(call, attempt=False)]
    assert await store.call_links("south") == []


async def test_calls_are_told_by_the_time_of_the_press_page_by_page(store: WholeStore) -> None:
    together = sorted((a_call(minute=7) for _ in range(4)), key=lambda call: call.id)
    calls = [a_call(minute=1), a_call(minute=3), *together, a_call(minute=9)]
    for call in (*calls[3:], *calls[:3]):
        await store.record_press(call, evidence=an_attempt(call))
    expected = [links_of(call) for call in calls]
    assert await store.call_links("north", limit=4) == expected[:4]
    assert await store.call_links("north", after=(calls[3].requested_at, calls[3].id), limit=2) == expected[4:6]
    assert await store.call_links("north", after=(NOON + timedelta(minutes=3), "")) == expected[1:]
    assert await store.call_links("north", after=(calls[-1].requested_at, calls[-1].id)) == []
