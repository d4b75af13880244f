"""The event socket: a WebSocket to Asterisk, by picows, which takes a fraction of aiohttp's work for each frame.

Requests on it instead of over HTTP are half the work for this process, where Asterisk takes them. It answers them one
after another, so only those that it answers at once belong here. Older ones (before 20.14, 21.9 and 22.4) never
answer; a question at the start tells.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final

import msgspec
import picows
from picows import WSFrame, WSListener, WSMsgType, WSTransport

from manualdial.ports import EngineSilent, EngineUnavailable

_MAX_MESSAGE_BYTES: Final = 1 << 20
_MOST_WAITING: Final = 1000
_QUESTION: Final = "0"
"""The id of the request that tells whether Asterisk takes requests."""


class EventSocket(WSListener):
    """One socket. Messages wait here for their one reader; while many wait, no more are read from the network."""

    def __init__(self, *, answer_timeout: float) -> None:
        self._answer_timeout = answer_timeout
        self._transport: WSTransport | None = None
        self._messages: deque[bytearray] = deque()
        self._message = bytearray()
        self._news = asyncio.Event()

    @classmethod
    async def connect(
        cls, url: str, *, headers: Mapping[str, str], answer_timeout: float, heartbeat: float
    ) -> EventSocket:
        """Open a socket; `url` begins with ws or wss. Raises EngineUnavailable.

        Times in seconds: `answer_timeout` limits the opening and the closing, `heartbeat` is how often a silent socket
        is tried.
        """
        socket = cls(answer_timeout=answer_timeout)
        try:
            async with asyncio.timeout(answer_timeout):
                await picows.ws_connect(
                    lambda _request, _response: socket,
                    url,
                    extra_headers=headers,
                    websocket_handshake_timeout=answer_timeout,
                    max_redirects=0,
                    max_frame_size=_MAX_MESSAGE_BYTES,
                    enable_auto_ping=True,
                    auto_ping_idle_timeout=heartbeat,
                    auto_ping_reply_timeout=heartbeat / 2,
                )
        except (picows.WSError, OSError, TimeoutError, ValueError) as problem:
            raise EngineUnavailable("the event socket cannot be opened") from problem
        if socket._transport is None:  # picows says nothing where the far end hangs up instead of an answer
            raise EngineUnavailable("the event socket was closed before it was open")
        return socket

    async def close(self) -> None:
        """Close it, and wait until Asterisk has: it would take a socket opened meanwhile for another program's."""
        if self._transport is None:
            return
        self._transport.underlying_transport.resume_reading()
        self._transport.send_close(picows.WSCloseCode.OK)
        try:
            # An error is what ended it before this; picows has told the log.
            with suppress(TimeoutError, picows.WSError):
                async with asyncio.timeout(self._answer_timeout):
                    await self._transport.wait_disconnected()
        finally:
            self._transport.disconnect(graceful=False)

    def send(self, message: bytes) -> None:
        """Send a message. Raises EngineUnavailable where the socket is closing."""
        if self._transport is None or self._transport.is_disconnected or self._transport.is_close_frame_sent:
            raise EngineUnavailable("the event socket is closing")
        self._transport.send(WSMsgType.TEXT, message)

    async def messages(self) -> AsyncIterator[bytearray]:
        """The messages that come in, in order, until the socket ends."""
        while self._transport is not None:
            while self._messages:
                yield self._messages.popleft()
            if self._transport.is_disconnected:
                return
            self._transport.underlying_transport.resume_reading()
            self._news.clear()
            await self._news.wait()

    # ── what picows tells ──

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The handshake is done."""
        self._transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """A frame came in. Pings and pongs are the business of picows."""
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(picows.WSCloseCode.OK)
            transport.disconnect()
        elif frame.msg_type in (WSMsgType.TEXT, WSMsgType.CONTINUATION):
            self._message += frame.get_payload_as_memoryview()
            if frame.fin:
                self._message_is_whole(transport)
            elif len(self._message) > _MAX_MESSAGE_BYTES:
                transport.disconnect(graceful=False)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The socket is closed."""
        self._news.set()

    def _message_is_whole(self, transport: WSTransport) -> None:
        self._messages.append(self._message)
        self._message = bytearray()
        self._news.set()
        if len(self._messages) >= _MOST_WAITING:
            transport.underlying_transport.pause_reading()


class _Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="RESTRequest"):
    """One request, as Asterisk wants it."""

    request_id: str
    method: str
    uri: str
    """The path after `/ari/`, with the query."""
    content_type: str = ""
    message_body: str = ""


class Response(msgspec.Struct, frozen=True):
    """An answer of Asterisk."""

    status: int
    body: bytes
    date: datetime | None = None
    """When it was given, by Asterisk's clock, to the second; only over HTTP."""


class SocketRequests:
    """The requests on one event socket after another. `request_timeout` (seconds) limits each."""

    def __init__(self, *, request_timeout: float) -> None:
        self._request_timeout = request_timeout
        self._socket: EventSocket | None = None
        self._works = False
        self._ids = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[Response | None]] = {}
        self._encoder = msgspec.json.Encoder()

    @property
    def work(self) -> bool:
        """Whether Asterisk answered one on the socket that is open now."""
        return self._works

    def attach(self, socket: EventSocket) -> None:
        """Use this socket, and ask whether Asterisk takes requests on it."""
        self._socket = socket
        self._write(_Request(request_id=_QUESTION, method="GET", uri="asterisk/ping"))

    def detach(self) -> None:
        """The socket is lost, and with it every answer that has not come."""
        self._works = False
        self._socket = None
        for waiting in self._waiting.values():
            _give_up(waiting)

    def answer(self, request_id: str, response: Response) -> None:
        """Take in an answer."""
        if request_id == _QUESTION:
            self._works = True
        waiting = self._waiting.get(request_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(response)

    async def send(self, method: str, uri: str, body: bytes | None) -> Response:
        """Ask, and wait for the answer. Raises EngineUnavailable and EngineSilent."""
        request = _Request(
            request_id=str(next(self._ids)),
            method=method,
            uri=uri,
            content_type="application/json" if body else "",
            message_body=(body or b"").decode(),
        )
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[Response | None] = loop.create_future()
        self._waiting[request.request_id] = waiting
        limit = loop.call_later(self._request_timeout, _give_up, waiting)
        try:
            self._write(request)
            response = await waiting
        finally:
            limit.cancel()
            del self._waiting[request.request_id]
        if response is None:
            raise EngineSilent("Asterisk did not answer")
        return response

    def _write(self, request: _Request) -> None:
        if self._socket is None:
            raise EngineUnavailable("the event socket is not open")
        self._socket.send(self._encoder.encode(request))


def _give_up(waiting: asyncio.Future[Response | None]) -> None:
    """No answer will come: the socket is lost, or it took too long."""
    if not waiting.done():
        waiting.set_result(None)
