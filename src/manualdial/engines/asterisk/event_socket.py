"""The event socket: a WebSocket to Asterisk, by picows, which takes a fraction of aiohttp's work for each frame."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Final

import picows
from picows import WSFrame, WSListener, WSMsgType, WSTransport

from manualdial.ports import EngineUnavailable

_MAX_MESSAGE_BYTES: Final = 1 << 20
_MOST_WAITING: Final = 1000


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
        """What comes in, in order, until the socket ends."""
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
