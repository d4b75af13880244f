"""What every store promises of attempts: whom they count for, and that no two presses get the last one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from manualdial.calls import Call, CallSignal, Cause, EndedBy, Ending, Report
from manualdial.law.attempts import Attempt
from manualdial.ports import AttemptsChanged, Person, RequestIdTaken
from tests.contract.chains import LONG_AGO, an_attempt, person_of, seen
from tests.contract.stores import NOON, Lab, WholeStore, a_call, record, record_whole_call
from tests.support.calls import TO_CONNECTED, a_number, stored_calls

ALSO_IN_MEMORY = True
HOME, MOBILE = "+12025550100", "+12025550101"


def a_dial(number: str = HOME, account: str | None = None, **fields: Any) -> Call:
    """A call to a number, of an account."""
    return a_call(number=a_number(number), account_number=account, **fields)


async def attempts(store: WholeStore, person: Person, **since: Any) -> Sequence[Attempt]:
    """The attempts to reach a person."""
    (found,) = await store.contact_history("north", [person], attempts_since=since.get("since", LONG_AGO))
    return found.attempts


async def outcomes_of(*presses: tuple[WholeStore, Call, int]) -> list[BaseException | None]:
    """Press all at once, each expecting so many attempts."""
    return await asyncio.gather(
        *(
            store.record_press(call, evidence=an_attempt(call), expects=seen(call, count))
            for store, call, count in presses
        ),
        return_exceptions=True,
    )


# ── whom attempts count for ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("person", "found"),
    [
        (Person(number=HOME), {"home", "home of A", "home of B"}),
        (Person(number=MOBILE), {"mobile", "mobile of A"}),
        (Person(number=HOME, account_number="A"), {"home", "home of A", "home of B", "mobile of A"}),
        (Person(number=HOME, account_number="B"), {"home", "home of A", "home of B"}),
        (Person(number=MOBILE, account_number="C"), {"mobile", "mobile of A"}),
        (Person(number="+12025550102", account_number="A"), {"home of A", "mobile of A"}),
        (Person(number="+12025550102"), set()),
        (Person(number=HOME, account_number="a"), {"home", "home of A", "home of B"}),
    ],
)
async def test_attempts_count_by_the_number_always_and_by_the_account_where_one_is_named(
    store: WholeStore, person: Person, found: set[str]
) -> None:
    dials = {
        "home": a_dial(HOME),
        "home of A": a_dial(HOME, "A"),
        "home of B": a_dial(HOME, "B"),
        "mobile": a_dial(MOBILE),
        "mobile of A": a_dial(MOBILE, "A"),
        "of another tenant": a_dial(HOME, "A", tenant_id="south"),
    }
    for call in dials.values():
        await store.record_press(call)
    names = {call.id: name for name, call in dials.items()}
    assert {names[attempt.call_id] for attempt in await attempts(store, person)} == found
    expecting = a_dial(person.number, person.account_number)
    with pytest.raises(AttemptsChanged):
        await store.record_press(expecting, expects=seen(expecting, len(found) + 1))
    await store.record_press(expecting, expects=seen(expecting, len(found)))


@pytest.mark.parametrize("account", ["a\x00b", "\x1a0000", "\ud800", "x" * 1_024, "\U0010ffff" * 1_024, ""])
async def test_an_account_may_have_any_name(store: WholeStore, account: str) -> None:
    call = a_dial(HOME, account)
    await store.record_press(call, expects=seen(call, 0))
    again = a_dial(MOBILE, account)
    await store.record_press(again, expects=seen(again, 1))
    assert len(await attempts(store, Person(number="+12025550102", account_number=account))) == 2


async def test_attempts_are_told_oldest_first_from_after_the_moment(store: WholeStore) -> None:
    calls = [a_dial(HOME, "A" if minute % 2 else None, minute=minute) for minute in range(6)]
    for call in reversed(calls):
        await store.record_press(call)
    found = await attempts(store, Person(number=MOBILE, account_number="A"))
    assert [attempt.call_id for attempt in found] == [call.id for call in calls[1::2]]
    found = await attempts(store, Person(number=HOME), since=calls[2].requested_at)
    assert [attempt.call_id for attempt in found] == [call.id for call in calls[3:]]
    expecting = a_dial(HOME, minute=10)
    await store.record_press(expecting, expects=seen(expecting, 3, since=calls[2].requested_at))


async def test_an_attempt_tells_what_became_of_it(store: WholeStore) -> None:
    call = a_dial(HOME, campaign_id="spring\x00", purpose="sales")
    await store.record_press(call)
    person = person_of(call)
    asked = Attempt(
        call_id=call.id,
        at=call.requested_at,
        purpose="sales",
        campaign_id="spring\x00",
        is_over=False,
        rang=False,
        answered_at=None,
    )
    assert await attempts(store, person) == (asked,)
    now = record(store, call, *TO_CONNECTED)
    await store.flush()
    (connected,) = await attempts(store, person)
    assert (connected.is_over, connected.rang, connected.answered_at) == (False, True, now.at)
    record(store, now, CallSignal.ENDED)
    await store.flush()
    (over,) = await attempts(store, person)
    assert (over.is_over, over.rang, over.answered_at) == (True, True, now.at)


async def test_a_dial_that_never_rang_is_known_to_be_over_without_wrap_up_having_ended(store: WholeStore) -> None:
    call = a_dial()
    await store.record_press(call)
    up_to_the_dial = record(store, call, CallSignal.AGENT_RINGING, CallSignal.AGENT_ANSWERED, CallSignal.DIALING)
    ending = Ending(by=EndedBy.NETWORK, cause=Cause.CONGESTION)
    record(store, up_to_the_dial, Report(call_id=call.id, signal=CallSignal.ENDED, at=up_to_the_dial.at, ending=ending))
    await store.flush()
    (attempt,) = await attempts(store, person_of(call))
    assert (attempt.is_over, attempt.rang, attempt.counts) == (True, False, False)


# ── the last attempt ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_press_that_comes_alone_is_written_only_where_there_are_as_many_attempts_as_it_expects(
    store: WholeStore,
) -> None:
    for count in range(3):
        call = a_dial(minute=count)
        # Behind a press that was written: the store then knows the end of the chain.
        for other in (count - 1, count + 1):
            with pytest.raises(AttemptsChanged):
                await store.record_press(call, evidence=an_attempt(call), expects=seen(call, other))
            await store.record_press(other_call := a_dial(MOBILE), evidence=an_attempt(other_call))
        await store.record_press(call, evidence=an_attempt(call), expects=seen(call, count))
        assert len(await attempts(store, person_of(call))) == count + 1
    assert len(await store.evidence("north")) == 9


async def test_of_fifty_presses_that_expect_the_same_attempts_one_is_written(store: WholeStore) -> None:
    for count in range(3):
        calls = [a_dial(minute=count) for _ in range(50)]
        outcomes = await outcomes_of(*((store, call, count) for call in calls))
        assert outcomes.count(None) == 1
        assert [type(outcome) for outcome in outcomes].count(AttemptsChanged) == 49
    assert len(await stored_calls(store, "north")) == 3
    assert len(await store.evidence("north")) == 3


async def test_of_two_stores_whose_presses_expect_the_same_attempts_one_writes(lab: Lab, store: WholeStore) -> None:
    async with lab.store() as other:
        for count in range(10):
            presses = [(which, a_dial(minute=count), count) for which in (store, other) * 25]
            outcomes = await outcomes_of(*presses)
            assert outcomes.count(None) == 1
            assert [type(outcome) for outcome in outcomes].count(AttemptsChanged) == 49
    assert len(await stored_calls(store, "north")) == 10


async def test_presses_in_a_row_that_expect_one_another_are_all_written(store: WholeStore) -> None:
    calls = [a_dial(HOME, minute=number) for number in range(20)]
    outcomes = await outcomes_of(*((store, call, count) for count, call in enumerate(calls)))
    assert outcomes == [None] * 20


async def test_a_press_whose_attempts_have_changed_does_not_fail_those_beside_it(store: WholeStore) -> None:
    taken = a_dial(request_id="press-1")
    await store.record_press(taken)
    wrong, right, apart = a_dial(), a_dial(MOBILE), a_dial()
    again = a_dial(request_id="press-1")
    outcomes = await asyncio.gather(
        store.record_press(wrong, expects=seen(wrong, 5)),
        store.record_press(right, expects=seen(right, 0)),
        store.record_press(apart),
        store.record_press(again, expects=seen(again, 7)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [AttemptsChanged, type(None), type(None), RequestIdTaken]
    assert {call.id for call in await stored_calls(store, "north")} == {taken.id, right.id, apart.id}


async def test_a_press_without_expectation_counts_for_the_next(store: WholeStore) -> None:
    first, second = a_dial(), a_dial()
    outcomes = await asyncio.gather(
        store.record_press(first),
        store.record_press(second, expects=seen(second, 0)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), AttemptsChanged]


async def test_whoever_presses_twice_is_told_of_the_first_press_and_not_of_changed_attempts(store: WholeStore) -> None:
    calls = [a_dial(request_id="press-1") for _ in range(10)]
    outcomes = await outcomes_of(*((store, call, 0) for call in calls))
    assert outcomes.count(None) == 1
    told = [outcome.call for outcome in outcomes if isinstance(outcome, RequestIdTaken)]
    assert told == [call for call, outcome in zip(calls, outcomes, strict=True) if outcome is None] * 9


async def test_attempts_by_account_are_counted_whatever_number_is_dialled(lab: Lab, store: WholeStore) -> None:
    async with lab.store() as other:
        presses = [(store, a_dial(HOME, "A"), 0), (other, a_dial(MOBILE, "A"), 0)] * 10
        outcomes = await outcomes_of(*((which, a_dial(call.number.e164, "A"), count) for which, call, count in presses))
        assert outcomes.count(None) == 1


async def test_another_account_with_every_press_gives_no_further_attempt(lab: Lab, store: WholeStore) -> None:
    async with lab.store() as other:
        for count in range(3):
            accounts = [f"{count}-{number}" for number in range(20)]
            presses = [((store, other)[n % 2], a_dial(HOME, account), count) for n, account in enumerate(accounts)]
            outcomes = await outcomes_of(*presses)
            assert outcomes.count(None) == 1
    assert len(await attempts(store, Person(number=HOME, account_number="new"))) == 3


async def test_a_press_that_was_taken_back_is_no_attempt(store: WholeStore) -> None:
    call, next_one = a_dial(), a_dial(minute=1)
    await store.record_press(call, evidence=an_attempt(call), expects=seen(call, 0))
    await store.retract_press(call)
    await store.record_press(next_one, evidence=an_attempt(next_one), expects=seen(next_one, 0))


async def test_ended_calls_are_counted_until_they_are_removed(store: WholeStore) -> None:
    call, next_one = a_dial(), a_dial(minute=1)
    await store.record_press(call, expects=seen(call, 0))
    record_whole_call(store, call)
    await store.flush()
    with pytest.raises(AttemptsChanged):
        await store.record_press(next_one, expects=seen(next_one, 0))
    await store.remove_calls(before=NOON + timedelta(days=1), limit=10)
    await store.record_press(next_one, expects=seen(next_one, 0))
