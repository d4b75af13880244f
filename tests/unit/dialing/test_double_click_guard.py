"""double_click_guard: a double click is no second call (contract §2)."""

from __future__ import annotations

from manualdial.dialing.double_click_guard import DoubleClickGuard
from tests.support.calls import a_call, a_number
from tests.support.moved_clock import MovedClock


def test_a_call_is_recalled_within_the_guard_time_and_not_after_it() -> None:
    clock, call = MovedClock(), a_call()
    guard = DoubleClickGuard(clock=clock, seconds=3)
    guard.remember(call)
    clock.move(2.9)
    assert guard.recall("u-ann", a_number("(202) 555-0100")) == call
    clock.move(0.2)
    assert guard.recall("u-ann", a_number()) is None


def test_another_number_or_another_agent_is_not_guarded() -> None:
    guard = DoubleClickGuard(clock=MovedClock(), seconds=3)
    guard.remember(a_call())
    assert guard.recall("u-ann", a_number("+12025550123")) is None
    assert guard.recall("u-bob", a_number()) is None


def test_an_extension_makes_no_other_number() -> None:
    guard, call = DoubleClickGuard(clock=MovedClock(), seconds=3), a_call()
    guard.remember(call)
    assert guard.recall("u-ann", a_number("+12025550100 x77")) == call


def test_a_newer_call_to_the_number_starts_the_time_again() -> None:
    clock = MovedClock()
    guard = DoubleClickGuard(clock=clock, seconds=3)
    guard.remember(a_call())
    clock.move(2)
    newer = a_call()
    guard.remember(newer)
    clock.move(2)
    assert guard.recall("u-ann", a_number()) == newer


def test_old_calls_are_forgotten_though_younger_ones_are_there() -> None:
    clock = MovedClock()
    guard = DoubleClickGuard(clock=clock, seconds=3)
    guard.remember(a_call())
    clock.move(2)
    guard.remember(a_call(agent_id="u-bob"))
    clock.move(1)
    assert guard.recall("u-ann", a_number()) is None
    assert guard.recall("u-bob", a_number()) is not None


def test_a_guard_time_of_nothing_guards_nothing() -> None:
    guard = DoubleClickGuard(clock=MovedClock(), seconds=0)
    guard.remember(a_call())
    assert guard.recall("u-ann", a_number()) is None
