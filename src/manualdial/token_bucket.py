"""How often something may be done: token buckets."""

from __future__ import annotations

from cachetools import LRUCache

_NEGLIGIBLE = 1e-9
"""Seconds. Sums of floats are a little off."""


class TokenBucket:
    """Holds up to `burst` tokens, and gets `rate` of them a second. Moments are seconds of one monotonic clock."""

    __slots__ = ("_burst", "_full_at", "_rate")

    def __init__(self, *, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._full_at = 0.0

    def take(self, at: float) -> float:
        """Take a token. Returns 0, or, where there is none, the seconds until there is one."""
        full_at = max(self._full_at, at) + 1.0 / self._rate
        wait = self._until_paid(full_at, at)
        if not wait:
            self._full_at = full_at
        return wait

    def owe(self, tokens: float, at: float) -> float:
        """Take that many tokens, there or not. Returns the seconds until what was not there has come."""
        self._full_at = max(self._full_at, at) + tokens / self._rate
        return self._until_paid(self._full_at, at)

    def give_back(self) -> None:
        """Put back a token that was taken for nothing."""
        self._full_at -= 1.0 / self._rate

    def _until_paid(self, full_at: float, at: float) -> float:
        wait = full_at - at - self._burst / self._rate
        return wait if wait > _NEGLIGIBLE else 0.0


class TokenBuckets:
    """A bucket for each key. Of more than `most` keys the one that was not used for the longest time is forgotten."""

    def __init__(self, *, rate: float, burst: float, most: int) -> None:
        self._rate = rate
        self._burst = burst
        self._of_key: LRUCache[str, TokenBucket] = LRUCache(most)

    def take(self, key: str, at: float) -> float:
        """Take a token of the key. Returns 0, or, where there is none, the seconds until there is one."""
        bucket = self._of_key.get(key)
        if bucket is None:
            bucket = self._of_key[key] = TokenBucket(rate=self._rate, burst=self._burst)
        return bucket.take(at)

    def give_back(self, key: str) -> None:
        """Put back a token of the key that was taken for nothing."""
        if (bucket := self._of_key.get(key)) is not None:
            bucket.give_back()
