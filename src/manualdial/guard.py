"""The guard time: the same number from the same agent within seconds is a double click, not a second call.

Only for presses without a `requestId` (contract §2).
"""

from __future__ import annotations

from collections import OrderedDict

from manualdial.calls import Call
from manualdial.numbers import PhoneNumber
from manualdial.ports import Clock


class Guard:
    """Remembers calls made without a `requestId` for the guard time, in memory."""

    def __init__(self, *, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._calls: OrderedDict[tuple[str, str], tuple[float, Call]] = OrderedDict()

    def remember(self, call: Call) -> None:
        """A call was made: its number is guarded from now on."""
        self._forget_old()
        self._calls[call.agent_id, call.number.e164] = (self._clock.monotonic(), call)
        self._calls.move_to_end((call.agent_id, call.number.e164))

    def recall(self, agent_id: str, number: PhoneNumber) -> Call | None:
        """The call that was made to this number within the guard time; an extension makes no other number."""
        self._forget_old()
        found = self._calls.get((agent_id, number.e164))
        return None if found is None else found[1]

    def _forget_old(self) -> None:
        limit = self._clock.monotonic() - self._seconds
        while self._calls and next(iter(self._calls.values()))[0] <= limit:
            self._calls.popitem(last=False)
