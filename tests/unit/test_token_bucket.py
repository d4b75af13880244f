"""token_bucket: never more than the burst and the rate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manualdial.token_bucket import TokenBucket, TokenBuckets


def test_a_burst_is_taken_and_then_one_more_an_interval() -> None:
    buckets = TokenBuckets(rate=0.1, burst=3, most=10)
    assert [buckets.take("a", 100) for _ in range(4)] == pytest.approx([0, 0, 0, 10])
    assert buckets.take("a", 104) == pytest.approx(6)
    assert buckets.take("a", 110) == 0
    assert buckets.take("a", 110) > 0
    assert buckets.take("b", 110) == 0


def test_what_is_given_back_was_never_taken() -> None:
    buckets = TokenBuckets(rate=0.1, burst=1, most=10)
    for _ in range(5):
        assert buckets.take("a", 0) == 0
        buckets.give_back("a")
    buckets.give_back("nobody")


def test_a_pause_makes_no_more_than_a_burst_and_neither_does_what_is_given_back() -> None:
    bucket = TokenBucket(rate=100, burst=2)
    assert bucket.take(0) == 0
    bucket.give_back()
    bucket.give_back()
    assert [bucket.take(3600) for _ in range(3)] == pytest.approx([0, 0, 0.01])


def test_a_bounded_number_of_keys_is_remembered_and_those_that_were_used_last() -> None:
    buckets = TokenBuckets(rate=0.1, burst=1, most=2)
    refused = [key for key in ("a", "b", "a", "c", "a", "b") if buckets.take(key, 0)]
    assert refused == ["a", "a"]


def test_what_is_owed_must_have_come_before_the_next_is_there() -> None:
    bucket = TokenBucket(rate=10, burst=40)
    assert bucket.owe(40, 0) == 0
    assert bucket.owe(25, 0) == pytest.approx(2.5)
    assert bucket.owe(5, 2) == pytest.approx(1)
    assert bucket.take(3) == pytest.approx(0.1)
    assert bucket.owe(40, 3600) == 0


@given(st.lists(st.floats(min_value=0, max_value=30), max_size=60))
def test_never_more_than_the_burst_and_the_rate(pauses: list[float]) -> None:
    bucket, now, taken = TokenBucket(rate=0.1, burst=3), 0.0, 0
    for pause in pauses:
        now += pause
        taken += bucket.take(now) == 0
        assert taken <= 3 + now / 10 + 1e-6
