"""live_calls: when the engine is asked for a live call."""

from __future__ import annotations

import pytest

from manualdial.calls import Call, CallState
from tests.support.calls import a_call, no_calls
from tests.support.moved_clock import MovedClock


class Book:
    """Deadlines and the clock that they go by."""

    def __init__(self) -> None:
        self.clock = MovedClock()
        self.watchdog = no_calls(self.clock).watchdog

    def seconds_of_asking(self, call: Call, *, until: int, answered: bool = True) -> list[int]:
        """The seconds, from now on, at which the engine is to be asked for the call."""
        asked = []
        for second in range(1, until + 1):
            self.clock.move(1)
            if call.id in self.watchdog.overdue():
                asked.append(second)
                self.watchdog.asked(call.id, answered=answered)
        return asked


@pytest.mark.parametrize("state", [CallState.REQUESTED, CallState.UNKNOWN])
@pytest.mark.parametrize("answered", [True, False])
def test_an_unsettled_call_is_asked_for_at_growing_intervals_and_when_it_settles(
    state: CallState, answered: bool
) -> None:
    book, call = Book(), a_call(state=state)
    book.watchdog.heard(call)
    assert book.seconds_of_asking(call, until=80, answered=answered) == [1, 3, 7, 15, 31, 63]


def test_an_unsettled_call_may_turn_up_until_its_time_is_over() -> None:
    book, call = Book(), a_call(state=CallState.UNKNOWN)
    book.watchdog.heard(call)
    book.clock.move(14)
    assert book.watchdog.may_turn_up(call.id)
    book.clock.move(1)
    assert not book.watchdog.may_turn_up(call.id)


def test_an_outcome_that_becomes_unknown_has_its_time_from_then_on() -> None:
    book, call = Book(), a_call()
    book.watchdog.heard(call)
    book.clock.move(10)
    book.watchdog.heard(a_call(id=call.id, state=CallState.UNKNOWN))
    book.clock.move(10)
    assert book.watchdog.may_turn_up(call.id)


def test_a_repeated_report_does_not_prolong_the_time_of_an_unsettled_call() -> None:
    book, call = Book(), a_call()
    for _ in range(15):
        book.watchdog.heard(call)
        book.clock.move(1)
    assert not book.watchdog.may_turn_up(call.id)


@pytest.mark.parametrize(("age", "left"), [(0, 15), (10, 5), (3600, 0), (-3600, 15)])
def test_a_call_of_an_earlier_life_has_what_is_left_of_its_time(age: float, left: int) -> None:
    book, call = Book(), a_call(state=CallState.UNKNOWN)
    book.watchdog.loaded(call, age=age)
    if left:
        book.clock.move(left - 1)
        assert book.watchdog.may_turn_up(call.id)
        book.clock.move(1)
    assert not book.watchdog.may_turn_up(call.id)


def test_a_stepped_wall_clock_changes_no_deadline() -> None:
    book, call = Book(), a_call(state=CallState.UNKNOWN)
    book.watchdog.heard(call)
    book.clock.step(86_400)
    assert book.watchdog.may_turn_up(call.id)
    assert book.watchdog.overdue() == []


def test_a_call_that_gives_signs_of_life_is_not_asked_for() -> None:
    book, call = Book(), a_call(state=CallState.CONNECTED)
    for _ in range(10):
        book.watchdog.heard(call)
        assert book.seconds_of_asking(call, until=59) == []
    assert not book.watchdog.may_turn_up(call.id)


def test_a_call_that_is_silent_is_asked_for_each_time_that_the_silence_is_too_long() -> None:
    book, call = Book(), a_call(state=CallState.CONNECTED)
    book.watchdog.heard(call)
    assert book.seconds_of_asking(call, until=130) == [60, 120]


def test_where_the_engine_did_not_answer_it_is_asked_again_soon() -> None:
    book, call = Book(), a_call(state=CallState.CONNECTED)
    book.watchdog.heard(call)
    assert book.seconds_of_asking(call, until=72, answered=False) == [60, 65, 70]


def test_one_look_serves_the_calls_whose_time_comes_soon() -> None:
    book = Book()
    silent, soon, later = (a_call(state=CallState.CONNECTED) for _ in range(3))
    for call in (silent, soon, later):
        book.watchdog.heard(call)
        book.clock.move(20)
    assert sorted(book.watchdog.overdue()) == sorted([silent.id, soon.id])


@pytest.mark.parametrize("state", [CallState.WRAP_UP, CallState.ENDED])
@pytest.mark.parametrize("before", [CallState.UNKNOWN, CallState.CONNECTED])
def test_a_call_that_is_not_live_has_no_deadline(before: CallState, state: CallState) -> None:
    book, call = Book(), a_call(state=before)
    book.watchdog.heard(call)
    book.watchdog.heard(a_call(id=call.id, state=state))
    assert book.seconds_of_asking(call, until=130) == []
    book.watchdog.asked(call.id, answered=True)
    assert book.watchdog.overdue() == []
