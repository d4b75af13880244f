"""What every store promises of the chain of evidence (ports.EvidenceStore, and of presses in ports.Store)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from manualdial.calls import CallSignal, CallState, Cause, Change, EndedBy, Ending, Leg, Report
from manualdial.evidence import Head, Kind, Proof
from manualdial.ports import AttemptsChanged, RequestIdTaken, StoreUnavailable
from tests.contract.chains import a_refusal, all_links, an_attempt, content_of, kinds, seen, whole_chain
from tests.contract.stores import NOON, Lab, WholeStore, a_call, record, record_whole_call
from tests.support.calls import TO_CONNECTED, a_number

ALSO_IN_MEMORY = True
NOW = datetime.now(UTC)


# ── links ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_press_and_its_evidence_are_written_together(store: WholeStore) -> None:
    call = a_call(minute=5)
    draft = an_attempt(call)
    await store.record_press(call, evidence=draft)
    (link,) = await whole_chain(store)
    assert (link.tenant_id, link.seq, link.kind, link.number) == ("north", 1, Kind.ATTEMPT, call.number.e164)
    assert (link.at, link.call_id, link.body) == (call.requested_at, call.id, draft.body(1))


async def test_a_press_that_is_not_written_leaves_no_evidence(store: WholeStore) -> None:
    call = a_call(request_id="press-1")
    await store.record_press(call, evidence=an_attempt(call))
    again, other = a_call(request_id="press-1"), a_call()
    with pytest.raises(RequestIdTaken):
        await store.record_press(again, evidence=an_attempt(again))
    with pytest.raises(RequestIdTaken):
        await store.record_press(call, evidence=an_attempt(call))
    with pytest.raises(AttemptsChanged):
        await store.record_press(other, evidence=an_attempt(other), expects=seen(other, 7))
    assert kinds(await whole_chain(store)) == [Kind.ATTEMPT]


async def test_each_tenant_has_a_chain_of_its_own(store: WholeStore) -> None:
    calls = [a_call(tenant_id=tenant, minute=minute) for minute in range(5) for tenant in ("north", "south")]
    await asyncio.gather(*(store.record_press(call, evidence=an_attempt(call)) for call in calls))
    for tenant in ("north", "south"):
        links = await whole_chain(store, tenant)
        assert {link.call_id for link in links} == {call.id for call in calls if call.tenant_id == tenant}
    assert await store.evidence("east") == []


async def test_the_end_of_a_chain_is_its_newest_link_also_after_the_oldest_are_removed(store: WholeStore) -> None:
    assert await store.evidence_head("north") == Head()
    for minute in range(3):
        store.record_evidence(a_refusal(f"+1202555010{minute}"))
        store.record_evidence(a_refusal(tenant_id="south"))
    links = await store.evidence("north")
    assert await store.evidence_head("north") == (3, links[-1].seal)
    assert await store.prune_evidence("north", before=NOW + timedelta(days=36_500), limit=3) == 3
    (pruned,) = await store.evidence("north")
    assert await store.evidence_head("north") == (4, pruned.seal)


async def test_refusals_are_written_in_their_order(store: WholeStore) -> None:
    numbers = [f"+1202{number:07d}" for number in range(50)]
    for number in numbers:
        store.record_evidence(a_refusal(number))
    links = await whole_chain(store)
    assert [link.number for link in links] == numbers
    assert {link.kind for link in links} == {Kind.REFUSAL}


async def test_links_are_told_page_by_page_to_their_own_tenant(store: WholeStore) -> None:
    call = a_call()
    await store.record_press(call, evidence=an_attempt(call))
    store.record_evidence(a_refusal("+12025550101"))
    store.record_evidence(a_refusal(tenant_id="south"))
    record_whole_call(store, call)
    assert [link.seq for link in await store.evidence("north", after=1, limit=1)] == [2]
    assert kinds(await store.evidence("south")) == [Kind.REFUSAL]


async def test_any_text_stands_in_a_link(store: WholeStore) -> None:
    text = "a\x00b\x1a0000c\U0010ffff\u202e'\"; DROP TABLE evidence; --"
    draft = msgspec.structs.replace(a_refusal(), content=msgspec.json.encode({"reason": text}), call_id=text)
    store.record_evidence(draft)
    (link,) = await whole_chain(store)
    assert content_of(link) == {"reason": text}
    assert link.call_id == text


# ── outcomes ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_end_of_an_attempt_is_written_once_with_the_times_of_its_legs(store: WholeStore) -> None:
    call = a_call()
    await store.record_press(call, evidence=an_attempt(call))
    over = record_whole_call(store, call)
    links = await whole_chain(store)
    assert kinds(links) == [Kind.ATTEMPT, Kind.OUTCOME]
    content: Any = content_of(links[1])
    assert links[1].at == over.at - timedelta(seconds=1)
    assert content["by"] == "system"
    assert content["talkSeconds"] == 1.0
    states = [(leg["leg"], leg["state"]) for leg in content["legs"]]
    assert states == [
        ("agent", "requested"),
        ("agent", "agent_ringing"),
        ("agent", "agent_answered"),
        ("customer", "dialing"),
        ("customer", "ringing"),
        ("customer", "connected"),
        ("customer", "wrap_up"),
        ("agent", "wrap_up"),
    ]
    assert datetime.fromisoformat(content["answeredAt"]) == call.at + timedelta(seconds=5)
    for _ in range(2):
        store.record_change(Change(call=over, leg=Leg.AGENT, event="Dropped"))
        await store.flush()
    assert kinds(await whole_chain(store)) == [Kind.ATTEMPT, Kind.OUTCOME]


async def test_a_call_that_ends_before_anything_rang_has_its_outcome(store: WholeStore) -> None:
    call = a_call()
    await store.record_press(call, evidence=an_attempt(call))
    ending = Ending(by=EndedBy.AGENT, cause=Cause.NO_ANSWER)
    record(store, call, Report(call_id=call.id, signal=CallSignal.ENDED, at=call.at, ending=ending))
    links = await whole_chain(store)
    assert kinds(links) == [Kind.ATTEMPT, Kind.OUTCOME]
    assert content_of(links[1])["cause"] == "no_answer"


async def test_a_call_without_evidence_has_no_outcome(store: WholeStore) -> None:
    call = a_call()
    await store.record_press(call)
    record_whole_call(store, call)
    assert await whole_chain(store) == []


async def test_a_call_whose_legs_are_up_has_no_outcome(store: WholeStore) -> None:
    call = a_call()
    await store.record_press(call, evidence=an_attempt(call))
    record(store, call, *TO_CONNECTED)
    assert kinds(await whole_chain(store)) == [Kind.ATTEMPT]


async def test_an_outcome_does_not_wait_for_the_end_of_the_wrap_up_and_is_the_same_after_it(store: WholeStore) -> None:
    early, late = a_call(minute=1), a_call(minute=1)
    for call in (early, late):
        await store.record_press(call, evidence=an_attempt(call))
    record(store, early, *TO_CONNECTED, CallSignal.ENDED)
    assert kinds(await whole_chain(store), early) == [Kind.ATTEMPT, Kind.OUTCOME]
    for call in (early, late):
        record_whole_call(store, call)
    links = await whole_chain(store)
    assert kinds(links) == [Kind.ATTEMPT, Kind.ATTEMPT, Kind.OUTCOME, Kind.OUTCOME]
    assert content_of(links[2]) == content_of(links[3])
    assert links[2].at == links[3].at


async def test_where_the_wrap_up_was_not_written_the_end_brings_the_outcome(store: WholeStore) -> None:
    call = a_call()
    await store.record_press(call, evidence=an_attempt(call))
    over = msgspec.structs.replace(call, state=CallState.ENDED, step=9, at=call.at + timedelta(seconds=9))
    store.record_change(Change(call=over, leg=Leg.AGENT, event="Dropped"))
    links = await whole_chain(store)
    assert kinds(links) == [Kind.ATTEMPT, Kind.OUTCOME]
    assert links[1].at == over.at


async def test_many_calls_that_end_at_once_have_one_outcome_each(store: WholeStore) -> None:
    calls = [a_call(minute=minute, number=a_number(f"+1202555{minute:04d}")) for minute in range(100)]
    await asyncio.gather(*(store.record_press(call, evidence=an_attempt(call)) for call in calls))
    for call in calls:
        record_whole_call(store, call)
    links = await whole_chain(store)
    assert len(links) == 200
    for call in calls:
        assert kinds(links, call) == [Kind.ATTEMPT, Kind.OUTCOME]


# ── retractions ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_press_that_is_taken_back_keeps_its_evidence_and_one_retraction(store: WholeStore) -> None:
    call = a_call(request_id="press-1")
    await store.record_press(call, evidence=an_attempt(call))
    await store.retract_press(call)
    await store.retract_press(call)
    links = await whole_chain(store)
    assert kinds(links, call) == [Kind.ATTEMPT, Kind.RETRACTION]
    anew = a_call(request_id="press-1")
    await store.record_press(anew, evidence=an_attempt(anew))
    assert kinds(await whole_chain(store)) == [Kind.ATTEMPT, Kind.RETRACTION, Kind.ATTEMPT]


async def test_a_press_that_was_not_written_or_has_no_evidence_is_taken_back_without_a_link(store: WholeStore) -> None:
    call = a_call()
    await store.record_press(call)
    await store.retract_press(call)
    await store.retract_press(a_call())
    assert await whole_chain(store) == []


# ── pruning ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def a_long_chain(store: WholeStore, length: int = 10) -> None:
    for minute in range(length):
        store.record_evidence(a_refusal(f"+1202555{minute:04d}", at=NOON + timedelta(minutes=minute)))
    await store.flush()


async def test_the_oldest_links_are_pruned_and_the_rest_is_provable(store: WholeStore) -> None:
    await a_long_chain(store)
    before = await all_links(store)
    assert await store.prune_evidence("north", before=NOON + timedelta(minutes=4), limit=100) == 4
    links = await whole_chain(store)
    assert [link.seq for link in links] == [5, 6, 7, 8, 9, 10, 11]
    assert links[:-1] == before[4:]
    assert links[-1].kind is Kind.PRUNED
    assert content_of(links[-1]) == {"through": 4, "seal": before[3].seal.hex(), "count": 4}
    assert links[-1].at - NOW < timedelta(hours=1)
    # Who kept the newest seal before still finds it.
    proof = Proof("north", expects=(10, before[-1].seal))
    assert (proof.follow(links) or proof.end()) is None


async def test_links_are_pruned_in_parts(store: WholeStore) -> None:
    await a_long_chain(store)
    for left in (7, 4):
        assert await store.prune_evidence("north", before=NOON + timedelta(minutes=9), limit=3) == 3
        links = await whole_chain(store)
        assert kinds(links).count(Kind.REFUSAL) == left
    store.record_evidence(a_refusal())
    assert kinds(await whole_chain(store)).count(Kind.REFUSAL) == 5


async def test_nothing_old_is_pruned_behind_something_young(store: WholeStore) -> None:
    for at in (NOON, NOON + timedelta(days=2), NOON + timedelta(minutes=1)):
        store.record_evidence(a_refusal(at=at))
    await store.flush()
    assert await store.prune_evidence("north", before=NOON + timedelta(days=1), limit=100) == 1
    assert await store.prune_evidence("north", before=NOON + timedelta(days=1), limit=100) == 0
    assert [link.seq for link in await whole_chain(store)] == [2, 3, 4]


async def test_a_chain_that_is_pruned_to_its_end_goes_on_from_there(lab: Lab, store: WholeStore) -> None:
    await a_long_chain(store)
    for_ever = NOON + timedelta(days=36_500)
    assert await store.prune_evidence("north", before=for_ever, limit=100) == 10
    # What pruning itself has left is not worth pruning.
    assert await store.prune_evidence("north", before=for_ever, limit=100) == 0
    call = a_call()
    await store.record_press(call, evidence=an_attempt(call))
    links = await whole_chain(store)
    assert [(link.seq, link.kind) for link in links] == [(11, Kind.PRUNED), (12, Kind.ATTEMPT)]
    assert await store.prune_evidence("south", before=for_ever, limit=100) == 0


async def test_a_chain_that_another_store_has_pruned_to_its_end_does_not_fork(lab: Lab, store: WholeStore) -> None:
    for_ever = NOON + timedelta(days=36_500)
    await a_long_chain(store)
    async with lab.store() as other:
        for _ in range(3):
            # This store has seen the end of the chain; then all that it knows of is taken away.
            store.record_evidence(a_refusal())
            await store.flush()
            other.record_evidence(a_refusal("+12025550101"))
            await other.flush()
            assert await other.prune_evidence("north", before=for_ever, limit=100) > 0
            other.record_evidence(a_refusal("+12025550102"))
            await other.flush()
            assert await other.prune_evidence("north", before=for_ever, limit=100) > 0
        store.record_evidence(a_refusal("+12025550103"))
        links = await whole_chain(store)
    assert kinds(links) == [Kind.PRUNED, Kind.REFUSAL]
    assert [link.seq for link in links] == list(range(links[0].seq, links[0].seq + 2))


# ── outages, and other stores ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.outage
async def test_evidence_waits_for_the_end_of_an_outage(lab: Lab, store: WholeStore) -> None:
    call = a_call()
    await store.record_press(call, evidence=an_attempt(call))
    async with lab.outage():
        for number in range(10):
            store.record_evidence(a_refusal(f"+1202555{number:04d}"))
            with pytest.raises(StoreUnavailable):
                await store.flush()
        record_whole_call(store, call)
        with pytest.raises(StoreUnavailable):
            await store.evidence("north")
        with pytest.raises(StoreUnavailable):
            await store.prune_evidence("north", before=NOON, limit=10)
    links = await whole_chain(store)
    assert [link.number for link in links if link.kind is Kind.REFUSAL] == [f"+1202555{n:04d}" for n in range(10)]
    assert kinds(links, call) == [Kind.ATTEMPT, Kind.OUTCOME]


async def test_a_chain_goes_on_in_the_next_life(lab: Lab) -> None:
    calls = [a_call(minute=minute) for minute in range(3)]
    for call in calls:
        async with lab.store() as store:
            await store.record_press(call, evidence=an_attempt(call))
    async with lab.store() as store:
        for call in calls:
            record_whole_call(store, call)
        assert kinds(await whole_chain(store)) == [Kind.ATTEMPT] * 3 + [Kind.OUTCOME] * 3


async def test_of_two_stores_that_write_to_one_chain_both_find_its_end(lab: Lab, store: WholeStore) -> None:
    calls = [a_call(minute=minute, number=a_number(f"+1202555{minute:04d}")) for minute in range(60)]
    async with lab.store() as other:
        stores = (store, other)
        for start in range(0, 60, 6):
            some = list(enumerate(calls[start : start + 6]))
            await asyncio.gather(
                *(stores[place % 2].record_press(call, evidence=an_attempt(call)) for place, call in some)
            )
            for place, call in some:
                stores[place // 2 % 2].record_evidence(a_refusal(call.number.e164))
                # Each end is told by both.
                record_whole_call(store, call)
                record_whole_call(other, call)
        await asyncio.gather(store.flush(), other.flush())
        links = await whole_chain(store)
    assert len(links) == 180
    for call in calls:
        assert kinds(links, call) == [Kind.ATTEMPT, Kind.OUTCOME]
        assert len([link for link in links if link.number == call.number.e164]) == 3


async def test_pruning_while_presses_are_written_breaks_nothing(lab: Lab, store: WholeStore) -> None:
    calls = [a_call(minute=minute) for minute in range(40)]

    async def press(call: Any) -> None:
        await store.record_press(call, evidence=an_attempt(call))

    async def prune(who: WholeStore) -> None:
        for minute in range(10):
            await who.prune_evidence("north", before=NOON + timedelta(minutes=2 * minute), limit=2)

    async with lab.store() as other:
        await asyncio.gather(*map(press, calls[:10]))
        await asyncio.gather(*map(press, calls[10:]), prune(store), prune(other))
        links = await whole_chain(store)
    assert {call.id for call in calls[20:]} <= {link.call_id for link in links}
