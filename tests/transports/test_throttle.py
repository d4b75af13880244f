"""The token bucket."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manualdial.transports import throttle
from manualdial.transports.throttle import Throttle
from tests.support.moved_clock import MovedClock


def test_a_burst_is_taken_and_then_one_more_an_interval() -> None:
    clock = MovedClock()
    bucket = Throttle(clock=clock, burst=3, interval=10)
    assert [bucket.take("a") for _ in range(4)] == pytest.approx([0, 0, 0, 10])
    clock.move(4)
    assert bucket.take("a") == pytest.approx(6)
    clock.move(6)
    assert bucket.take("a") == 0
    assert bucket.take("a") > 0
    assert bucket.take("b") == 0


def test_what_is_given_back_was_never_taken() -> None:
    bucket = Throttle(clock=MovedClock(), burst=1, interval=10)
    for _ in range(5):
        assert bucket.take("a") == 0
        bucket.give_back("a")


def test_it_remembers_a_bounded_number_of_keys_and_the_newest_ones() -> None:
    bucket = Throttle(clock=MovedClock(), burst=1, interval=10)
    for number in range(throttle.MAX_KEYS + 10):
        assert bucket.take(str(number)) == 0
    assert bucket.take(str(throttle.MAX_KEYS + 9)) > 0
    assert bucket.take("0") == 0


@given(st.lists(st.floats(min_value=0, max_value=30), max_size=60))
def test_never_more_than_the_burst_and_the_rate(pauses: list[float]) -> None:
    clock, burst, interval = MovedClock(), 3, 10.0
    bucket = Throttle(clock=clock, burst=burst, interval=interval)
    start, taken = clock.monotonic(), 0
    for pause in pauses:
        clock.move(pause)
        taken += bucket.take("a") == 0
        assert taken <= burst + (clock.monotonic() - start) / interval + 1e-6


@pytest.mark.parametrize(("wait", "told"), [(0.01, 1), (1.0, 1), (1.2, 2)])
def test_a_wait_is_told_in_whole_seconds(wait: float, told: int) -> None:
    assert Throttle.whole_seconds(wait) == told
