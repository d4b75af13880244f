"""The hand-over of a socket: uvicorn reads the upgrade request, picows parses the frames that follow."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any, Protocol

import picows
import structlog
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # exported, but not in the stubs
from uvicorn.server import ServerState

from manualdial.transports.handshake import Handshake, HandshakeRefused
from manualdial.wire.envelope import MAX_MESSAGE_BYTES

log = structlog.get_logger(__name__)

_READ_BUFFER_BYTES = 2048  # the least that picows takes; it grows with what a client sends
_DISCARDED = bytearray(65_536)


class UpgradedConnection(Protocol):
    """The picows listener of an upgraded socket, as this hand-over needs it."""

    @property
    def is_closing(self) -> bool:
        """Whether a close frame is out."""
        ...

    def parsing_ended(self) -> None:
        """A close frame is out: nothing that comes in is parsed any more."""
        ...

    def leave(self) -> None:
        """The server stops."""
        ...


Accept = Callable[[bytes, asyncio.Transport], tuple[Handshake, UpgradedConnection]]


class UpgradedProtocol(WSProtocol):  # type: ignore[misc]  # a class of Cython
    """Takes the socket over from uvicorn: the handshake, then frames for picows."""

    __slots__ = ("_accept", "_connection", "_deaf", "_server_state", "_socket", "_subprotocol")

    def __init__(self, accept: Accept, server_state: ServerState) -> None:
        """`accept` reads an upgrade request and makes the connection for it; it raises HandshakeRefused."""
        self._accept = accept
        self._server_state = server_state
        self._connection: UpgradedConnection | None = None
        self._subprotocol: str | None = None
        self._deaf = False
        super().__init__(
            host_port=None,
            ws_path=None,
            is_client_side=False,
            ws_listener_factory=self._upgraded,
            logger=_PICOWS_LOG,
            disconnect_on_exception=True,
            websocket_handshake_timeout=None,
            enable_auto_ping=False,
            auto_ping_idle_timeout=0,
            auto_ping_reply_timeout=0,
            auto_ping_strategy=picows.WSAutoPingStrategy.PING_WHEN_IDLE,
            enable_auto_pong=False,
            max_frame_size=MAX_MESSAGE_BYTES,
            extra_headers=None,
            read_buffer_init_size=_READ_BUFFER_BYTES,
        )

    def connection_made(self, transport: asyncio.Transport) -> None:
        """uvicorn hands the socket over; it counts the connection until it is lost."""
        self._socket = transport
        self._server_state.connections.add(self)
        super().connection_made(_SocketForPicows(transport))

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed."""
        self._server_state.connections.discard(self)
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """uvicorn stops."""
        if self._connection is not None:
            self._connection.leave()
        else:
            self._socket.close()

    def data_received(self, data: bytes) -> None:
        """Bytes of a socket that is read as uvicorn reads it; the first is the upgrade request, in one piece."""
        if self._connection is None:
            data = self._shake_hands(data)
        rest = memoryview(data)
        while rest:
            room = self.get_buffer(len(rest))
            size = min(len(room), len(rest))
            room[:size] = rest[:size]
            self.buffer_updated(size)
            rest = rest[size:]

    def get_buffer(self, size_hint: int) -> memoryview:
        """Where the next bytes go."""
        return memoryview(_DISCARDED) if self._deaf else super().get_buffer(size_hint)

    def buffer_updated(self, size: int) -> None:
        """Bytes are there. After a fault of the peer they mean nothing, but are read, so that it can read why."""
        if self._deaf:
            return
        super().buffer_updated(size)
        if self._connection is not None and self.transport.is_close_frame_sent:
            self._deaf = not self._connection.is_closing
            self._connection.parsing_ended()

    def _shake_hands(self, request: bytes) -> bytes:
        """The request for picows; nothing where the connection is refused."""
        try:
            handshake, self._connection = self._accept(request, self._socket)
        except HandshakeRefused as refused:
            self._socket.write(refused.response)
            self._socket.close()
            return b""
        self._subprotocol = handshake.subprotocol
        return handshake.request()

    def _upgraded(self, _request: picows.WSUpgradeRequest) -> picows.WSUpgradeResponseWithListener:
        headers = {"Sec-WebSocket-Protocol": self._subprotocol} if self._subprotocol else None
        return picows.WSUpgradeResponseWithListener(
            picows.WSUpgradeResponse.create_101_response(headers), self._connection
        )


class _SocketForPicows:
    """The socket as picows has it.

    After a fault of the peer picows closes 10 ms after its close frame. Closing while the peer still sends resets the
    connection, and the peer may never read the code; so the connection is the one that closes, after its grace.
    """

    __slots__ = ("_socket",)

    def __init__(self, socket: asyncio.Transport) -> None:
        self._socket = socket

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def close(self) -> None:
        """Left to the connection."""


class _PicowsLog:
    """Takes what picows logs.

    A client that breaks the protocol is no error of the server, and picows would make a logger for each connection of
    one that it can have children of.
    """

    def isEnabledFor(self, _level: int) -> bool:
        return False

    def debug(self, *_: object) -> None: ...

    def info(self, *_: object) -> None: ...

    def warning(self, message: str, *values: object) -> None:
        log.debug("picows", reason=message % values)

    def error(self, message: str, *values: object) -> None:
        log.debug("picows", reason=message % values)

    def exception(self, message: str, *values: object) -> None:
        log.error("picows", reason=message % values, exc_info=sys.exception())


_PICOWS_LOG = _PicowsLog()
