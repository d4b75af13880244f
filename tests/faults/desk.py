"""An agent's applications: their connections to the bus and over HTTP, and what they know together."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Final

import aiohttp

from tests.faults.connection import Connection, NoAnswer, error_of
from tests.faults.record import Application, Record
from tests.support.bus_client import Message

CALLS: Final = "Amazon/InboundCall"


class Desk:
    """Use it as an asynchronous context manager."""

    def __init__(self, *, agent_id: str, port: int, token: str, applications: int, record: Record) -> None:
        self._record = record
        self._news = asyncio.Event()
        self._http = AsyncExitStack()
        self._session: aiohttp.ClientSession | None = None
        self._base = f"http://127.0.0.1:{port}"
        self._headers = {"Authorization": f"Bearer {token}"}
        told = [Application(name=f"{agent_id}/{number}") for number in range(applications)]
        record.applications += told
        self.connections: Sequence[Connection] = [
            Connection(port=port, token=token, application=application, news=self._news.set) for application in told
        ]

    async def __aenter__(self) -> Desk:
        for connection in self.connections:
            await self._http.enter_async_context(connection)
        session = aiohttp.ClientSession(self._base, headers=self._headers)
        self._session = await self._http.enter_async_context(session)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def ask(self, address: str, data: object = None, *, limit: float = 3.0) -> Message | None:
        """A request of the first application; its answer, or None where none came."""
        try:
            return await self.connections[0].ask(address, data, request_id=uuid.uuid4().hex, limit=limit)
        except NoAnswer:
            return None

    async def control(self, what: str, call_id: str) -> None:
        """A control request of a call. Whether it worked is told by the call's states."""
        message = await self.ask(f"{CALLS}/{what}", call_id)
        if message is not None and (error := error_of(message)):
            self._record.answers[f"{what}: {error}"] += 1
            await asyncio.sleep(0.1)

    async def post(self, address: str, data: object, request_id: str, *, limit: float) -> Message:
        """A request over HTTP. Raises NoAnswer."""
        assert self._session is not None
        channel, topic, subtopic = address.split("/")
        body = {"channel": channel, "topic": topic, "subtopic": subtopic, "data": data}
        try:
            async with (
                asyncio.timeout(limit),
                self._session.post("/v1/messages", json=body, headers={"Idempotency-Key": request_id}) as answer,
            ):
                message: Message = await answer.json()
                return message
        except (aiohttp.ClientError, OSError) as problem:
            raise NoAnswer("time-out" if isinstance(problem, TimeoutError) else "connection lost") from None

    def state(self, call_id: str) -> str:
        """The furthest state of a call that any application was told; "" where none was."""
        told = [connection.states.get(call_id, "") for connection in self.connections]
        return next((state for state in ("ended", "wrap_up") if state in told), told[0])

    async def look(self, call_id: str) -> str:
        """The state by StateSync, which counts for more than events that were missed; "" where nobody knows."""
        calls = await self.calls()
        if calls is None:
            return ""
        state = calls.get(call_id, "ended")
        for connection in self.connections:
            connection.states[call_id] = state
        return state

    async def calls(self) -> dict[str, str] | None:
        """The agent's calls by StateSync, with their states; None where nobody knows."""
        message = await self.ask(f"{CALLS}/StateSync")
        if message is None or error_of(message):
            return None
        return {call["contactId"]: call["dial"]["state"] for call in message["message"]["calls"]}

    async def wait_for_news(self, until: float) -> None:
        """Return when an application is told something, or at that moment (monotonic seconds)."""
        self._news.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.01, until - time.monotonic())):
                await self._news.wait()
