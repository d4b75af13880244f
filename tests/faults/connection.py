"""An application's connection to the bus, opened again whenever it is lost, which writes down what it is told."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

from tests.faults.record import Application, Told
from tests.support.bus_client import BusClient, Closed, Message, Refused, address_of, is_error

_PAUSE = (0.02, 0.2)
_SILENCE = 60.0
"""Seconds after which a connection on which nothing comes, not even a ping, is taken for lost."""
_FORBIDDEN = range(4400, 4500)
"""Close codes that mean: do not come back unchanged."""


class NoAnswer(Exception):
    """The connection was lost, or the answer took too long; the text says which."""


class Connection:
    """One application on the bus, with `stream: true`.

    `news` is called after each event. Use it as an asynchronous context manager; entering does not wait until the
    connection is there.
    """

    def __init__(self, *, port: int, token: str, application: Application, news: Callable[[], None]) -> None:
        self.states: dict[str, str] = {}
        """The newest state of each call, by events alone."""
        self._port = port
        self._token = token
        self._application = application
        self._news = news
        self._bus: BusClient | None = None
        self._open = asyncio.Event()
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        self._keeping: asyncio.Task[None] | None = None
        self._epoch = ""
        self._seq = -1
        self._stretch = 0

    async def __aenter__(self) -> Connection:
        self._keeping = asyncio.create_task(self._keep_open())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])

    async def ask(
        self, address: str, data: object = None, *, request_id: str, limit: float, cut: bool = False
    ) -> Message:
        """Send a request; its reply or ApiError. Raises NoAnswer.

        `cut`: the socket is lost as soon as the request is sent.
        """
        try:
            async with asyncio.timeout(limit):
                await self._open.wait()
                assert self._bus is not None
                answer = self._waiting.get(request_id)
                if answer is None:
                    answer = self._waiting[request_id] = asyncio.get_running_loop().create_future()
                self._bus.send(address, data, request_id)
                if cut:
                    await self._bus.flush()
                    await self._bus.close()
                return await asyncio.shield(answer)
        except TimeoutError:
            raise NoAnswer("time-out") from None
        except ConnectionError:
            raise NoAnswer("connection lost") from None
        finally:
            self._waiting.pop(request_id, None)

    # ── the socket ──

    async def _keep_open(self) -> None:
        while True:
            with suppress(OSError, Refused, Closed, TimeoutError, AssertionError):  # BusClient asserts what it expects
                await self._live()
            await asyncio.sleep(random.uniform(*_PAUSE))

    async def _live(self) -> None:
        resume = {"epoch": self._epoch, "seq": self._seq} if self._epoch else None
        bus = await BusClient.open(self._port, token=self._token, stream=True, resume=resume)
        try:
            self._registered(bus.registered)
            bus.seen.clear()
            self._bus = bus
            self._open.set()
            while True:
                message = await bus.receive(_SILENCE)
                bus.seen.clear()
                self._take(message)
        except Closed as closed:
            if closed.code in _FORBIDDEN:
                self._application.breaks.append(f"closed with {closed.code}")
            raise
        finally:
            self._open.clear()
            self._bus = None
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(NoAnswer("connection lost"))
                    answer.exception()  # whoever asked may have given up already
            self._waiting.clear()
            await bus.close()
            self._news()

    def _registered(self, registered: Message) -> None:
        epoch, seq = registered["epoch"], registered["seq"]
        if self._epoch == epoch and self._seq > seq:
            self._application.breaks.append(f"the stream went back from {self._seq} to {seq} within {epoch}")
        if not self._epoch:
            self._epoch, self._seq = epoch, seq

    # ── what comes ──

    def _take(self, message: Message) -> None:
        if address_of(message) == "Bus/Session/Reset":
            self._stretch += 1
            self._epoch, self._seq = message["message"]["epoch"], message["message"]["seq"]
            self.states.clear()  # what was told before may not have been written when the service died
        if "meta" in message:
            self._count(message["meta"])
        answer = self._waiting.get(str(message.get("requestId")))
        if message.get("subtopic") == "InboundCallStateChange":
            self._write_down(message)
        elif answer is not None and not answer.done():
            answer.set_result(message)
        self._news()

    def _count(self, meta: Message) -> None:
        expected = (self._epoch, self._seq + 1)
        if (meta["epoch"], meta["seq"]) != expected:
            came = f"{meta['epoch']}:{meta['seq']}"
            self._application.breaks.append(f"expected {expected[0]}:{expected[1]}, {came} came")
            self._stretch += 1
        self._epoch, self._seq = meta["epoch"], meta["seq"]

    def _write_down(self, message: Message) -> None:
        dial = message["message"]["call"]["dial"]
        call_id, state = dial["callId"], dial["state"]
        self.states[call_id] = state
        self._application.told.append(
            Told(
                call_id=call_id, state=state, leg=dial["leg"], stretch=self._stretch, epoch=self._epoch, at=time.time()
            )
        )


def error_of(message: Message) -> str:
    """The errorType of an ApiError; "" for any other message."""
    return str(message["data"]["errorType"]) if is_error(message) else ""


def call_in(message: Message) -> str:
    """The call that a press's answer names; "" where it names none."""
    if is_error(message):
        return str(message["data"].get("details", {}).get("callId", ""))
    return str(message["message"]["dial"]["callId"])
