"""Which calls are under way, found by call or by channel, and which ended not long ago."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from manualdial.engines.asterisk.tracked_call import TrackedCall, TrackedLeg
from manualdial.ports import Originate

_REMEMBERED: Final = 4096


class CallRegister:
    """Every call from its order to its end."""

    def __init__(self) -> None:
        self._calls: dict[str, TrackedCall] = {}
        self._legs: dict[str, tuple[TrackedCall, TrackedLeg]] = {}
        self._over: OrderedDict[str, bool] = OrderedDict()
        """Calls that are tracked no more, and whether each was dialled."""

    def add(self, order: Originate) -> TrackedCall:
        """Begin to track a call."""
        call = TrackedCall.of(order)
        self._over.pop(call.id, None)
        self._calls[call.id] = call
        for leg in (call.agent, call.customer):
            self._legs[leg.id] = (call, leg)
        return call

    def remove(self, call: TrackedCall) -> bool:
        """End to track a call. False where that was done before."""
        if self._calls.pop(call.id, None) is None:
            return False
        for leg in (call.agent, call.customer):
            leg.enter(False)
            self._legs.pop(leg.id, None)
        # What was never dialled may be ordered again.
        self.note_over(call.id, dialled=call.agent.dial_sent or call.found)
        return True

    def note_over(self, call_id: str, *, dialled: bool) -> None:
        """Remember for a while that a call is over."""
        self._over[call_id] = dialled
        if len(self._over) > _REMEMBERED:
            self._over.popitem(last=False)

    def get(self, call_id: str) -> TrackedCall | None:
        """The call, while it has not ended."""
        return self._calls.get(call_id)

    def of_channel(self, channel_id: str) -> tuple[TrackedCall, TrackedLeg] | None:
        """The call and the leg that a channel is."""
        return self._legs.get(channel_id)

    def has_ended(self, call_id: str) -> bool:
        """Whether it was dialled and ended, not long ago: Asterisk would take its id again, we do not."""
        return self._over.get(call_id, False)

    def is_over(self, call_id: str) -> bool:
        """Whether it was tracked, not long ago: what Asterisk still has of it has no use."""
        return call_id in self._over

    def all(self) -> list[TrackedCall]:
        """The calls under way."""
        return list(self._calls.values())
