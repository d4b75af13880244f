"""How often something may be tried: a token bucket for each key, in bounded memory."""

from __future__ import annotations

import math
from collections import OrderedDict

from manualdial.ports import Clock

MAX_KEYS = 10_000


class Throttle:
    """Allows `burst` attempts of a key at once, and one more every `interval` seconds.

    Remembers at most MAX_KEYS keys; the one that was not used for the longest time is forgotten first.
    """

    def __init__(self, *, clock: Clock, burst: int, interval: float) -> None:
        self._clock = clock
        self._burst = burst
        self._interval = interval
        self._spent: OrderedDict[str, float] = OrderedDict()
        """For each key the moment at which its bucket is full again."""

    def take(self, key: str) -> float:
        """Take one attempt. Returns 0, or, where there is none left, the seconds until there is one."""
        now = self._clock.monotonic()
        full_at = max(self._spent.get(key, now), now) + self._interval
        wait = full_at - now - self._burst * self._interval
        if wait > 1e-9:  # sums of floats are a little off
            return wait
        self._spent[key] = full_at
        self._spent.move_to_end(key)
        if len(self._spent) > MAX_KEYS:
            self._spent.popitem(last=False)
        return 0.0

    def give_back(self, key: str) -> None:
        """The attempt was a good one and does not count."""
        if key in self._spent:
            self._spent[key] -= self._interval

    @staticmethod
    def whole_seconds(wait: float) -> int:
        """A wait as `Retry-After` tells it: whole seconds, at least one."""
        return max(1, math.ceil(wait))
