"""idempotency: which earlier press a press repeats (contract §2)."""

from __future__ import annotations

from typing import Any

import pytest

from manualdial.calls import Call, CallState
from manualdial.dialing.double_click_guard import DoubleClickGuard
from manualdial.dialing.idempotency import Idempotency
from manualdial.dialing.press import Press
from manualdial.errors import RequestIdConflict
from manualdial.ports import StoreUnavailable
from tests.support.calls import a_call, a_press, no_calls
from tests.support.memory_store import MemoryStore
from tests.support.moved_clock import MovedClock


class Book:
    """Earlier presses with all that they look at."""

    def __init__(self) -> None:
        self.store, self.live_calls, self.clock = MemoryStore(), no_calls(), MovedClock()
        self.idempotency = Idempotency(
            store=self.store, live_calls=self.live_calls, guard=DoubleClickGuard(clock=self.clock, seconds=3)
        )


def of(press: Press, **fields: Any) -> Call:
    return a_call(request_id=press.request_id, digest=press.digest, **fields)


def test_a_live_call_is_recalled_by_its_request_id_without_the_journal() -> None:
    book, press = Book(), a_press()
    book.store.unavailable = True
    call = of(press)
    book.live_calls.put(call)
    assert book.idempotency.recall(press) == call
    assert book.idempotency.recall(a_press(request_id="another")) is None
    assert book.idempotency.recall(a_press(request_id=None)) is None


def test_without_a_request_id_the_guard_time_recalls() -> None:
    book, press = Book(), a_press(request_id=None)
    call = of(press)
    book.idempotency.was_called(call)
    assert book.idempotency.recall(press) == call
    assert book.idempotency.recall(a_press()) is None
    book.clock.move(3)
    assert book.idempotency.recall(press) is None


def test_a_call_with_a_request_id_starts_no_guard_time() -> None:
    book = Book()
    book.idempotency.was_called(of(a_press()))
    assert book.idempotency.recall(a_press(request_id=None)) is None


async def test_what_memory_does_not_have_the_journal_has() -> None:
    book, press = Book(), a_press()
    assert await book.idempotency.find(press) is None
    call = of(press, state=CallState.ENDED)
    await book.store.record_press(call)
    assert await book.idempotency.find(press) == call
    assert await book.idempotency.find(a_press(request_id=None)) is None


async def test_a_journal_that_is_away_is_not_an_empty_one() -> None:
    book = Book()
    book.store.unavailable = True
    with pytest.raises(StoreUnavailable):
        await book.idempotency.find(a_press())


def test_the_same_press_is_told_as_it_is_now() -> None:
    book, press = Book(), a_press()
    before = of(press)
    now = of(press, id=before.id, state=CallState.CONNECTED)
    book.live_calls.put(now)
    assert book.idempotency.same(press, before) == now


def test_other_data_under_the_same_request_id_are_a_conflict_and_without_one_are_none() -> None:
    book = Book()
    with pytest.raises(RequestIdConflict):
        book.idempotency.same(a_press(), of(a_press("(202) 555-0100")))
    other = of(a_press("(202) 555-0100", request_id=None))
    assert book.idempotency.same(a_press(request_id=None), other) == other


async def test_a_press_whose_journal_was_silent_is_in_doubt_until_it_is_taken_back() -> None:
    book, call = Book(), a_call(request_id="r")
    assert not book.idempotency.is_in_doubt(call)
    await book.store.record_press(call)
    book.idempotency.journal_was_silent(call)
    assert book.idempotency.is_in_doubt(call)
    assert book.idempotency.in_doubt() == (call,)
    await book.idempotency.take_back(call)
    assert not book.idempotency.is_in_doubt(call)
    assert await book.store.press("u-ann", "r") is None


def test_no_press_in_doubt_is_forgotten_however_many_there_are() -> None:
    book = Book()
    calls = [a_call() for _ in range(10_000)]
    for call in calls:
        assert not book.idempotency.is_full
        book.idempotency.journal_was_silent(call)
    assert book.idempotency.is_full
    book.idempotency.journal_was_silent(a_call())
    assert book.idempotency.is_in_doubt(calls[0])
