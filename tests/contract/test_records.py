"""What every store promises of records about numbers, closures and policies (ports.RecordStore)."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from manualdial.law.closure import Closure
from manualdial.law.records import (
    AnyContent,
    Business,
    Consent,
    ConsentForm,
    Line,
    LineType,
    Listing,
    ListScope,
    Record,
    Refusal,
    RegistryAnswer,
    Relationship,
    RelationshipType,
    Residence,
)
from manualdial.law.verdict import Purpose
from manualdial.ports import Person, StoreUnavailable
from tests.contract.chains import LONG_AGO
from tests.contract.stores import NOON, Lab, WholeStore, a_call, a_user

ALSO_IN_MEMORY = True
NUMBER = "+12025550100"
LISTED = Listing(reason="asked in a call")
CONTENTS: list[AnyContent] = [
    LISTED,
    Listing(scope=ListScope.CAMPAIGN, campaign_id="spring", reason='a\x00b\x1a "; DROP'),
    Refusal(refused_at=NOON, campaign_id="spring"),
    Consent(form=ConsentForm.WRITTEN, given_at=NOON, proof="form 7", slot_from=NOON, slot_until=NOON),
    Relationship(type=RelationshipType.CONTRACT, on=date(2030, 2, 28), ended_on=date(2031, 1, 1)),
    Residence(jurisdiction="US-FL", zip_code="32501", zone="America/Chicago", stated=True),
    Line(type=LineType.MOBILE, source="carrier"),
    Business(source="register"),
    RegistryAnswer(registry="au", listed=False, answered_at=NOON, valid_until=NOON + timedelta(days=30)),
]


def a_record(**fields: Any) -> Record:
    """A number of the tenant "north" on the company's list."""
    minute = fields.pop("minute", 0)
    record = Record(
        id=str(uuid.uuid4()),
        tenant_id="north",
        number=NUMBER,
        content=LISTED,
        recorded_at=NOON + timedelta(minutes=minute),
        recorded_by="ada",
    )
    return msgspec.structs.replace(record, **fields)


def a_closure(**fields: Any) -> Closure:
    """Louisiana is closed from noon on."""
    closure = Closure(id=str(uuid.uuid4()), tenant_id=None, jurisdiction="US-LA", begins=NOON, ends=None)
    return msgspec.structs.replace(closure, **fields)


async def about(store: WholeStore, number: str, *, tenant_id: str = "north") -> Sequence[Record]:
    """All records about a number."""
    (found,) = await store.records(tenant_id, [Person(number=number)])
    return found


# ── records ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("content", CONTENTS, ids=lambda content: type(content).__name__)
async def test_a_record_comes_back_as_written(store: WholeStore, content: AnyContent) -> None:
    kind = str(content.__struct_config__.tag)
    record = a_record(content=content, until=NOON + timedelta(days=1, microseconds=7), recorded_by="a\x00\x1a\ud800")
    await store.add_records([record])
    assert await about(store, NUMBER) == [record]
    assert await store.records_of_kind("north", kind) == [record]
    (found,) = await store.contact_history("north", [Person(number=NUMBER)], attempts_since=LONG_AGO)
    assert found.records == (record,)


async def test_records_are_told_oldest_first(store: WholeStore) -> None:
    records = [a_record(minute=minute) for minute in range(5)]
    await store.add_records([records[3], records[0]])
    await store.add_records([records[4], records[2], records[1]])
    assert await about(store, NUMBER) == records
    (found,) = await store.contact_history("north", [Person(number=NUMBER)], attempts_since=LONG_AGO)
    assert list(found.records) == records


async def test_a_record_is_of_one_tenant_and_one_number(store: WholeStore) -> None:
    await store.add_records([a_record(tenant_id="south"), a_record(number="+12025550101")])
    assert await about(store, NUMBER) == []
    (found,) = await store.contact_history("north", [Person(number=NUMBER)], attempts_since=LONG_AGO)
    assert found.records == ()


async def test_a_record_whose_id_is_there_is_left_as_it_is(store: WholeStore) -> None:
    record, other = a_record(), a_record(minute=1)
    await store.add_records([record])
    await store.add_records([msgspec.structs.replace(record, recorded_by="eve"), other])
    assert await about(store, NUMBER) == [record, other]


async def test_no_records_are_written_without_a_fault(store: WholeStore) -> None:
    await store.add_records([])
    assert await about(store, NUMBER) == []


async def test_records_of_a_kind_are_told_page_by_page(store: WholeStore) -> None:
    listed = sorted((a_record(number=f"+1202555{number:04d}") for number in range(5)), key=lambda each: each.id)
    await store.add_records([*reversed(listed), a_record(content=Business(source="x")), a_record(tenant_id="south")])
    first = await store.records_of_kind("north", "do-not-call", limit=2)
    assert first == listed[:2]
    assert await store.records_of_kind("north", "do-not-call", after=first[-1].id) == listed[2:]
    assert await store.records_of_kind("north", "do-not-call", after=listed[-1].id) == []


async def test_a_withdrawn_record_stays_readable_and_is_withdrawn_once(store: WholeStore) -> None:
    records = [a_record(minute=minute) for minute in range(3)]
    elsewhere = a_record(tenant_id="south")
    await store.add_records([*records, elsewhere])
    ids = [records[0].id, records[1].id, elsewhere.id, "nobody's"]
    assert await store.withdraw_records("north", ids, by="bob", at=NOON, reason="Sue: moved\x00") == 2
    assert await store.withdraw_records("north", ids, by="eve", at=NOON + timedelta(days=1)) == 0
    withdrawal = {"withdrawn_at": NOON, "withdrawn_by": "bob", "withdrawn_reason": "Sue: moved\x00"}
    ended = [msgspec.structs.replace(each, **withdrawal) for each in records[:2]]
    assert await about(store, NUMBER) == [*ended, records[2]]
    assert await about(store, NUMBER, tenant_id="south") == [elsewhere]
    (found,) = await store.contact_history("north", [Person(number=NUMBER)], attempts_since=LONG_AGO)
    assert list(found.records) == [*ended, records[2]]


async def test_what_was_over_or_withdrawn_before_the_time_that_is_asked_about_is_left_out(store: WholeStore) -> None:
    day = timedelta(days=1)
    lasting, over, withdrawn = a_record(minute=1), a_record(minute=2, until=NOON), a_record(minute=3)
    await store.add_records([lasting, over, withdrawn])
    await store.withdraw_records("north", [withdrawn.id], by="bob", at=NOON)
    for since, found_then in (
        (NOON - day, [lasting.id, over.id, withdrawn.id]),
        (NOON, [lasting.id]),
        (NOON + day, [lasting.id]),
    ):
        (found,) = await store.contact_history("north", [Person(number=NUMBER)], attempts_since=since)
        assert [record.id for record in found.records] == found_then
    assert [len(found) for found in await store.records("north", [Person(number=NUMBER)])] == [3]


async def test_many_records_are_withdrawn_at_once(store: WholeStore) -> None:
    records = [a_record(number=f"+1202{number:07d}") for number in range(2_500)]
    await store.add_records(records)
    assert await store.withdraw_records("north", {each.id for each in records}, by="bob", at=NOON) == 2_500


async def test_a_press_marks_the_records_that_it_relied_on(store: WholeStore) -> None:
    record, other, elsewhere = a_record(), a_record(minute=1), a_record(tenant_id="south")
    await store.add_records([record, other, elsewhere])
    call = a_call(minute=5)
    await store.record_press(call, relied_on=[record.id, elsewhere.id, "nobody's"])
    used = msgspec.structs.replace(record, used_at=call.requested_at)
    assert await about(store, NUMBER) == [used, other]
    assert await about(store, NUMBER, tenant_id="south") == [elsewhere]


async def test_what_is_on_record_is_told_of_each_person_in_their_order(store: WholeStore) -> None:
    people = [Person(number=f"+1202{number:07d}") for number in range(1_000)]
    records = [a_record(number=person.number) for person in people[::10]]
    await store.add_records(records)
    found = await store.contact_history("north", [*people, people[0]], attempts_since=LONG_AGO)
    assert [list(each.records) for each in found[:1_000:10]] == [[record] for record in records]
    assert all(each.records == () for number, each in enumerate(found[:1_000]) if number % 10)
    assert found[1_000] == found[0]
    assert await store.contact_history("north", [], attempts_since=LONG_AGO) == []
    assert await store.records("north", [*people, people[0]]) == [list(each.records) for each in found]
    assert await store.records("north", []) == []


async def test_questions_that_come_together_are_answered_each(store: WholeStore) -> None:
    numbers = [f"+1202{number:07d}" for number in range(300)]
    records = [a_record(number=number, tenant_id=tenant) for number in numbers for tenant in ("north", "south")]
    await store.add_records(records)
    asked = [(record.tenant_id, record) for record in records]
    found = await asyncio.gather(
        *(
            store.contact_history(tenant, [Person(number=each.number)], attempts_since=LONG_AGO)
            for tenant, each in asked
        )
    )
    assert [answer[0].records for answer in found] == [(record,) for record in records]


async def test_a_question_that_is_given_up_holds_up_no_other(store: WholeStore) -> None:
    questions = [
        asyncio.create_task(store.contact_history("north", [Person(number=NUMBER)], attempts_since=LONG_AGO))
        for _ in range(20)
    ]
    await asyncio.sleep(0)
    for question in questions[::2]:
        question.cancel()
    outcomes = await asyncio.gather(*questions, return_exceptions=True)
    assert all(isinstance(each, list) for each in outcomes[1::2])


# ── of an account ───────────────────────────────────────────────────────────────────────────────────────────────────

OTHER = "+12025550101"
OF_THE_PERSON = {"do-not-call", "refusal"}


@pytest.mark.parametrize("content", CONTENTS, ids=lambda content: type(content).__name__)
async def test_only_a_stop_or_a_refusal_counts_for_the_other_numbers_of_its_account(
    store: WholeStore, content: AnyContent
) -> None:
    record = a_record(content=content, account_number="A")
    await store.add_records([record])
    elsewhere = (record,) if str(content.__struct_config__.tag) in OF_THE_PERSON else ()
    for person, records in (
        (Person(number=NUMBER), (record,)),
        (Person(number=NUMBER, account_number="A"), (record,)),
        (Person(number=NUMBER, account_number="B"), (record,)),
        (Person(number=OTHER, account_number="A"), elsewhere),
        (Person(number=OTHER, account_number="a"), ()),
        (Person(number=OTHER), ()),
    ):
        (found,) = await store.contact_history("north", [person], attempts_since=LONG_AGO)
        assert found.records == records, person
        assert await store.records("north", [person]) == [list(records)], person
    (found,) = await store.contact_history("south", [Person(number=OTHER, account_number="A")], attempts_since=LONG_AGO)
    assert found.records == ()
    assert await about(store, NUMBER) == [record]
    assert await about(store, OTHER) == []


async def test_records_of_a_number_and_of_its_account_are_told_together_oldest_first(store: WholeStore) -> None:
    numbers = (NUMBER, OTHER, "+12025550102")
    records = [a_record(number=numbers[minute % 3], account_number="A", minute=minute) for minute in range(9)]
    without = a_record(minute=20)
    await store.add_records([without, *reversed(records)])
    people = [Person(number=number, account_number="A") for number in (*numbers, "+12025550103")]
    found = await store.contact_history("north", people, attempts_since=LONG_AGO)
    assert [list(each.records) for each in found] == [[*records, without], records, records, records]
    assert await store.records("north", people) == [[*records, without], records, records, records]


@pytest.mark.parametrize("account", ["a\x00b", "\x1a0000", "\ud800", "x" * 1_024, "\U0010ffff" * 1_024])
async def test_the_account_of_a_record_may_have_any_name(store: WholeStore, account: str) -> None:
    record = a_record(account_number=account)
    await store.add_records([record])
    assert await about(store, NUMBER) == [record]
    assert await store.records_of_kind("north", "do-not-call") == [record]
    person = Person(number=OTHER, account_number=account)
    (found,) = await store.contact_history("north", [person], attempts_since=LONG_AGO)
    assert found.records == (record,)
    assert await store.records("north", [person]) == [[record]]


# ── closures, policies, users ───────────────────────────────────────────────────────────────────────────────────────


async def test_closures_come_back_until_they_have_ended(store: WholeStore) -> None:
    purposes = frozenset({Purpose.SALES, Purpose.CHARITY})
    over = a_closure(begins=NOON - timedelta(days=2), ends=NOON)
    lasting = a_closure(begins=NOON - timedelta(days=1), tenant_id="north", purposes=purposes, reason="storm")
    to_come = a_closure(begins=NOON + timedelta(days=1), ends=NOON + timedelta(days=2), closed_by="ada")
    for closure in (to_come, over, lasting):
        await store.add_closure(closure)
    assert await store.closures(ending_after=NOON - timedelta(seconds=1)) == [over, lasting, to_come]
    assert await store.closures(ending_after=NOON) == [lasting, to_come]
    assert await store.closures(ending_after=NOON + timedelta(days=2)) == [lasting]


async def test_a_lifted_closure_ends_when_it_was_lifted_or_earlier(store: WholeStore) -> None:
    day = timedelta(days=1)
    lasting, ending, over = a_closure(), a_closure(ends=NOON + 2 * day), a_closure(ends=NOON + day)
    for closure in (lasting, ending, over):
        await store.add_closure(closure)
    assert await store.lift_closure(lasting.id, at=NOON + day, by="ada")
    assert await store.lift_closure(ending.id, at=NOON + day, by="ada")
    assert not await store.lift_closure(lasting.id, at=NOON, by="eve")
    assert not await store.lift_closure(over.id, at=NOON + day, by="ada")
    assert not await store.lift_closure("nobody's", at=NOON, by="ada")
    assert {closure.ends for closure in await store.closures(ending_after=NOON)} == {NOON + day}
    assert await store.closures(ending_after=NOON + day) == []


async def test_the_policies_of_a_version_are_kept_as_they_were_first(store: WholeStore) -> None:
    await store.keep_policies("2031.1", b"\x00\xff" * 100_000, at=NOON)
    await store.keep_policies("2031.1", b"other", at=NOON)
    assert await store.kept_policies("2031.1") == b"\x00\xff" * 100_000
    assert await store.kept_policies("2031.2") is None


async def test_the_caller_ids_of_a_user_are_replaced(store: WholeStore) -> None:
    user = a_user(caller_ids=("+12025550100",))
    await store.add_user(user)
    assert await store.user(user.id) == user
    for given in (("+12025550101", "+12025550102"), (), None):
        await store.set_caller_ids(user.id, given)
        await store.set_caller_ids("nobody", given)
        assert await store.user(user.id) == msgspec.structs.replace(user, caller_ids=given)


async def test_all_tenants_are_told(store: WholeStore) -> None:
    assert await store.tenants() == []
    for name, tenant in (("ada", "north"), ("bob", "south"), ("eve", "north")):
        await store.add_user(a_user(login_name=name, tenant_id=tenant, tenant=tenant.title()))
    assert await store.tenants() == [("north", "North"), ("south", "South")]


# ── outages ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_is_written_is_seen_by_another_store(lab: Lab, store: WholeStore) -> None:
    record, closure = a_record(), a_closure()
    await store.add_records([record])
    await store.add_closure(closure)
    async with lab.store() as other:
        (found,) = await other.contact_history("north", [Person(number=NUMBER)], attempts_since=LONG_AGO)
        assert found.records == (record,)
        assert await other.closures(ending_after=datetime.now(UTC)) == [closure]


@pytest.mark.outage
async def test_in_an_outage_records_cannot_be_written_and_after_it_they_can(lab: Lab, store: WholeStore) -> None:
    async with lab.outage():
        with pytest.raises(StoreUnavailable):
            await store.add_records([a_record()])
        with pytest.raises(StoreUnavailable):
            await store.add_closure(a_closure())
    record = a_record()
    await store.add_records([record])
    (found,) = await store.contact_history("north", [Person(number=NUMBER)], attempts_since=LONG_AGO)
    assert found.records == (record,)
