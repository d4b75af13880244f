"""retention: what is forgotten, and when."""

from __future__ import annotations

from datetime import timedelta

from manualdial.audit.retention import Retention
from manualdial.calls import CallState
from manualdial.evidence import Draft, Kind, Proof
from tests.support.calls import a_call, stored_calls
from tests.support.memory_store import MemoryStore
from tests.support.moved_clock import MovedClock
from tests.support.people import a_user
from tests.support.waiting import running, until

DAY = 86_400


def a_retention(store: MemoryStore, clock: MovedClock, *, keep_calls: int = 0, keep_evidence: int = 0) -> Retention:
    return Retention(
        store=store,
        chain=store,
        clock=clock,
        remember_presses=timedelta(days=7),
        keep_calls=timedelta(days=keep_calls) if keep_calls else None,
        keep_evidence=timedelta(days=keep_evidence) if keep_evidence else None,
        interval=0.01,
        pause=0,
    )


async def a_store(clock: MovedClock, *, calls: int = 1, state: CallState = CallState.ENDED) -> MemoryStore:
    store = MemoryStore()
    for number in range(calls):
        await store.record_press(a_call(request_id=f"r-{number}", state=state, requested_at=clock.now()))
    return store


async def test_a_request_id_is_forgotten_after_its_days_and_not_before() -> None:
    clock = MovedClock()
    store = await a_store(clock)
    clock.move(7 * DAY)
    await a_retention(store, clock).prune()
    assert await store.press("u-ann", "r-0") is not None
    clock.move(1)
    await a_retention(store, clock).prune()
    assert await store.press("u-ann", "r-0") is None
    assert len(await stored_calls(store, "t-north")) == 1, "the call itself is kept"


async def test_a_call_that_is_not_ended_is_remembered_however_old() -> None:
    clock = MovedClock()
    store = await a_store(clock, state=CallState.CONNECTED)
    clock.move(30 * DAY)
    await a_retention(store, clock, keep_calls=7).prune()
    assert await store.press("u-ann", "r-0") is not None


async def test_ended_calls_are_removed_after_their_days() -> None:
    clock = MovedClock()
    store = await a_store(clock)
    clock.move(10 * DAY + 1)
    await a_retention(store, clock, keep_calls=11).prune()
    assert len(await stored_calls(store, "t-north")) == 1
    await a_retention(store, clock, keep_calls=10).prune()
    assert await stored_calls(store, "t-north") == []


async def test_more_than_fits_into_one_transaction_is_forgotten_too() -> None:
    clock = MovedClock()
    store = await a_store(clock, calls=1_001)
    clock.move(8 * DAY)
    await a_retention(store, clock).prune()
    assert [await store.press("u-ann", f"r-{number}") for number in (0, 500, 1_000)] == [None, None, None]


async def test_a_database_that_is_away_is_pruned_when_it_is_back() -> None:
    clock = MovedClock()
    store = await a_store(clock)
    clock.move(8 * DAY)
    store.unavailable = True
    async with running(a_retention(store, clock).run()):
        await until(lambda: store.refused >= 1)
        store.unavailable = False
        await until(lambda: store.forgotten == 1)


async def test_evidence_is_kept_as_long_as_the_operator_says_and_what_is_left_can_be_proved() -> None:
    clock = MovedClock()
    store = MemoryStore(a_user())
    for number in range(3):
        at = clock.now()
        store.record_evidence(
            Draft(tenant_id="t-north", kind=Kind.REFUSAL, at=at, number="+12025550100", call_id=None, content=b"{}")
        )
        clock.move((number + 1) * DAY)
    await a_retention(store, clock).prune()
    assert len(await store.evidence("t-north")) == 3
    await a_retention(store, clock, keep_evidence=4).prune()
    left = await store.evidence("t-north")
    assert [link.kind for link in left] == [Kind.REFUSAL, Kind.PRUNED]
    proof = Proof("t-north")
    assert (proof.follow(left), proof.end()) == (None, None)
