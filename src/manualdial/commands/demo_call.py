"""The press of the demonstration: sent as the reference documents it, followed over the real bus, and compared."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable

from manualdial.client.bus_client import BusClient, Received
from manualdial.client.messages import Message, call_of, error_of, request

REQUEST = """\
{
    "channel": "Amazon",
    "topic": "InboundCall",
    "subtopic": "ManualDialCall",
    "data": {
        "PhoneNumber": "+12345678900"
    }
}"""
"""The sample request of the Manual Dial Call page, to the letter."""

REPLY: Message = {
    "channel": "UI",
    "topic": "InboundCall",
    "subtopic": "ManualDialCall",
    "message": {
        "subtopic": "ManualDialCall",
        "topic": "InboundCall",
        "channel": "Amazon",
        "data": {"PhoneNumber": "+12345678900"},
    },
}
"""Its sample response."""

STATES = ["requested", "agent_ringing", "agent_answered", "dialing", "ringing", "connected", "wrap_up", "ended"]
"""What a call goes through whose customer answers."""

TALK = 2.0
"""Seconds from the answer to the agent's hanging up."""

_CONNECTOR = "Amazon"

Show = Callable[[Message, float, bool], None]
"""Is shown each message, the seconds since the press, and whether the agent's application sent it."""


class DemoCall:
    """One press and its call, to the end."""

    def __init__(self, client: BusClient, show: Show) -> None:
        self._client = client
        self._show = show
        self._pressed_at = 0.0
        self._hang_up_at: float | None = None
        self._states: list[str] = []
        self.reply: Message | None = None
        self.trouble = ""
        """Why the call did not go as it should; empty where it did."""

    async def run(self) -> None:
        """Press, talk, hang up, end the wrap-up."""
        self._client.forget()
        await self._send(REQUEST)
        while self._state != "ended" and not self.trouble:
            received = await self._next()
            if received is None:
                await self._control("Disconnect")
            else:
                await self._take(received)
        await self._catch_up()
        self.trouble = self.trouble or self._difference()

    @property
    def _state(self) -> str | None:
        return self._states[-1] if self._states else None

    async def _next(self) -> Received | None:
        """The next message; None when it is time to hang up."""
        try:
            async with asyncio.timeout_at(self._hang_up_at):
                return await self._client.read()
        except TimeoutError:
            self._hang_up_at = None
            return None

    async def _take(self, received: Received) -> None:
        message = received.message
        self._show(message, received.at - self._pressed_at, False)
        if (error := error_of(message)) is not None:
            self.trouble = f"the service answered {error.get('errorType')}: {error.get('errorMessage')}"
        elif message.get("subtopic") == "ManualDialCall":
            self.reply = message
        dial = call_of(message)
        if dial is None or dial.get("state") == self._state:
            return
        self._states.append(str(dial.get("state")))
        if self._state == "connected":
            self._hang_up_at = asyncio.get_running_loop().time() + TALK
        if self._state == "wrap_up":
            self._hang_up_at = None
            await self._control("ClearContact")

    async def _catch_up(self) -> None:
        """Show what was published before now: the answer to a question comes after it."""
        answer = await self._client.ask(f"{_CONNECTOR}/Agent/StateSync")
        while (received := await self._client.read()) is not answer:
            await self._take(received)

    async def _control(self, subtopic: str) -> None:
        await self._send(request(f"{_CONNECTOR}/InboundCall/{subtopic}"))

    async def _send(self, text: str) -> None:
        now = time.monotonic()
        self._pressed_at = self._pressed_at or now
        self._show(json.loads(text), now - self._pressed_at, True)
        await self._client.send(text)

    def _difference(self) -> str:
        """What is not as the reference and the contract say."""
        if self.reply != REPLY:
            return "the reply is not the documented one"
        if self._states != STATES:
            return f"the call went through {', '.join(self._states)}"
        return ""
