"""A connection that writes down what it is given."""

from __future__ import annotations

import json
from typing import Any

from manualdial.bus.bus import Delivery, Subscriber
from manualdial.callers import Caller
from manualdial.errors import NotAuthenticated

Message = dict[str, Any]


class RecordingConnection:
    """What the dispatcher and the bus see of a client."""

    def __init__(self, *, caller: Caller | None = None, token: str | None = None) -> None:
        self.caller: Caller | None = caller
        self.subscriber: Subscriber | None = None
        self.token = token
        self.received: list[Message] = []
        """What was delivered, in order."""
        self.closed_for: NotAuthenticated | None = None

    def deliver(self, delivery: Delivery) -> None:
        """Write it down."""
        self.received.append(json.loads(delivery.data))

    def admit(self, caller: Caller, subscriber: Subscriber) -> None:
        """Registered."""
        self.caller, self.subscriber = caller, subscriber

    def refuse(self, error: NotAuthenticated) -> None:
        """Closed."""
        self.closed_for = error
