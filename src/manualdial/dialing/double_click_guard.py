"""The guard time: the same number from the same agent within seconds is a double click, not a second call.

Only for presses without a `requestId` (contract §2).
"""

from __future__ import annotations

from cachetools import TTLCache

from manualdial.calls import Call
from manualdial.numbers import PhoneNumber
from manualdial.ports import Clock

_MAX_CALLS = 100_000
"""How many calls are remembered at most, however many are made within the guard time."""


class DoubleClickGuard:
    """Remembers calls made without a `requestId` for the guard time, in memory."""

    def __init__(self, *, clock: Clock, seconds: float) -> None:
        self._calls: TTLCache[tuple[str, str], Call] = TTLCache(_MAX_CALLS, seconds, timer=clock.monotonic)

    def remember(self, call: Call) -> None:
        """A call was made: its number is guarded from now on."""
        self._calls[call.agent_id, call.number.e164] = call

    def recall(self, agent_id: str, number: PhoneNumber) -> Call | None:
        """The call that was made to this number within the guard time; an extension makes no other number."""
        return self._calls.get((agent_id, number.e164))
