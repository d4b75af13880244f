"""An agent's connection as the load holds it: with little work, for it shares the machine with the service."""

from __future__ import annotations

import asyncio
import json
import time
import uuid

import picows

DIAL = b'"subtopic":"ManualDialCall"'
ERROR = b'"subtopic":"ApiError"'
LIMIT = 30.0
SUBSCRIPTIONS = ["LCM/*/*", "Amazon/InboundCall/*"]
"""What a softphone needs: what is read for nothing would be counted as the service's time."""


class Agent(picows.WSListener):
    """Registers, logs in, presses; knows when each answer came."""

    def __init__(self) -> None:
        self._transport: picows.WSTransport | None = None
        self._waiting: dict[str, asyncio.Future[tuple[float, bytes]]] = {}
        self._states: dict[str, asyncio.Event] = {}

    @classmethod
    async def connect(cls, url: str, token: str, *, login: bool = True) -> Agent:
        """Open a connection, register, and log in."""
        _, agent = await picows.ws_connect(cls, url, read_buffer_init_size=4096)
        assert isinstance(agent, cls)
        await agent.ask("Bus/Session/Register", {"token": token, "subscriptions": SUBSCRIPTIONS})
        if login:
            await agent.ask("Amazon/Agent/Login")
        return agent

    async def ask(self, address: str, data: object = None) -> tuple[float, bytes]:
        """Send a request; when its answer came (`perf_counter`), and the answer. Raises where it is an error."""
        key = uuid.uuid4().hex
        channel, topic, subtopic = address.split("/")
        message = {"channel": channel, "topic": topic, "subtopic": subtopic, "requestId": key, "data": data}
        future: asyncio.Future[tuple[float, bytes]] = asyncio.get_running_loop().create_future()
        self._waiting[key] = future
        assert self._transport is not None
        self._transport.send(picows.WSMsgType.TEXT, json.dumps(message).encode())
        async with asyncio.timeout(LIMIT):
            at, answer = await future
        if ERROR in answer:
            raise RuntimeError(answer.decode())
        return at, answer

    async def press(self, number: str, **more: object) -> tuple[float, str]:
        """Press once, with `more` in the data: the seconds from the press to the reply, and the call's id."""
        pressed = time.perf_counter()
        at, answer = await self.ask("LCM/Webservice/ManualDialCall", {"PhoneNumber": number, **more})
        return at - pressed, str(json.loads(answer)["message"]["dial"]["callId"])

    def state_reached(self, state: str) -> asyncio.Event:
        """Is set when the next call of the agent comes into the state."""
        event = self._states[state] = asyncio.Event()
        return event

    def close(self) -> None:
        """Hang up the connection."""
        if self._transport is not None:
            self._transport.disconnect()

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        """The connection is open."""
        self._transport = transport

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """What the service sends."""
        at = time.perf_counter()
        payload = frame.get_payload_as_bytes()
        if b'"InboundCallStateChange"' in payload:
            for state, event in self._states.items():
                if f'"state":"{state}"'.encode() in payload:
                    event.set()
            return
        found = payload.rfind(b'"requestId":"')
        if found >= 0:
            key = payload[found + 13 : payload.index(b'"', found + 13)].decode()
            future = self._waiting.pop(key, None)
            if future is not None and not future.done():
                future.set_result((at, payload))
