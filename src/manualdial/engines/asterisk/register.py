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
        self._ended: OrderedDict[str, None] = OrderedDict()

    def add(self, order: Originate) -> TrackedCall:
        """Begin to track a call."""
        call = TrackedCall.of(order)
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
        if call.agent.dial_sent or call.found:  # what was never dialled may be ordered again
            self._ended[call.id] = None
            if len(self._ended) > _REMEMBERED:
                self._ended.popitem(last=False)
        return True

    def get(self, call_id: str) -> TrackedCall | None:
        """The call, while it has not ended."""
        return self._calls.get(call_id)

    def of_channel(self, channel_id: str) -> tuple[TrackedCall, TrackedLeg] | None:
        """The call and the leg that a channel is."""
        return self._legs.get(channel_id)

    def has_ended(self, call_id: str) -> bool:
        """Whether it was asked for and ended, not long ago: Asterisk would take its id again, we do not."""
        return call_id in self._ended

    def all(self) -> list[TrackedCall]:
        """The calls under way."""
        return list(self._calls.values())
