"""The bus over WebSocket: picows plugged into uvicorn as its `ws` class, on the port of HTTP (contract §6).

uvicorn parses the upgrade request and hands the socket over; from there on picows parses frames and ASGI is out of the
way. A message that goes out is framed once for all its readers, and what one turn of the loop produces for a reader is
written in one piece. Timers are one sweep over all connections, not a timer each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any, cast

import picows
import structlog
from multidict import CIMultiDict
from picows import WSFrame, WSListener, WSMsgType, WSTransport
from uvicorn.config import Config
from uvicorn.server import ServerState

from manualdial.bus.bus import Delivery, Subscriber
from manualdial.callers import Caller
from manualdial.errors import NotAuthenticated, ServiceUnavailable, TokenExpired, TooManyRequests
from manualdial.ports import Clock
from manualdial.requests.dispatcher import Dispatcher
from manualdial.requests.request import Connection
from manualdial.tasks import Tasks
from manualdial.token_bucket import TokenBucket
from manualdial.transports.close_codes import CloseCode
from manualdial.transports.handshake import Handshake, HandshakeRefused, read_handshake
from manualdial.transports.upgrade import UpgradedProtocol
from manualdial.wire.envelope import MAX_MESSAGE_BYTES

log = structlog.get_logger(__name__)

_GOLDEN_RATIO = 0.618
_NO_HEADERS: CIMultiDict[str] = CIMultiDict()

_TEXT, _PONG, _PING_FRAME = 0x81, 0x8A, b"\x89\x00"
"""The first bytes of frames, final and of this kind, and a whole one without a payload (RFC 6455 §5.2)."""

_BURST = 4.0
"""How many seconds' worth of its rate a connection may send at once."""
_LEAST_COST = 1024
"""The least that a message counts as, in bytes: a short one is work too."""


class BusEndpoint:
    """All connections of the bus: who they are, when each is looked at next, what is to be written.

    An async context manager: entering starts the sweep, leaving closes what is still open.
    """

    def __init__(
        self,
        *,
        dispatcher: Dispatcher,
        gone: Callable[[Connection], None],
        under_way: Tasks,
        clock: Clock,
        register_timeout: float,
        ping_interval: float,
        max_reader_lag: int,
        max_requests: int,
        max_connections: int,
        max_incoming_rate: float = 1_048_576.0,
        close_grace: float = 2.0,
        sweep_interval: float = 0.25,
        allowed_origins: Collection[str] = (),
        observe_closed: Callable[[int], None] = lambda _code: None,
    ) -> None:
        """Times in seconds.

        `gone` is told of each connection that reads no more, at least once; `ping_interval` is also how long a peer may
        be silent after a ping; `max_reader_lag` is in bytes that wait for one reader; `max_requests` are those under
        way on one connection; `max_incoming_rate` is in bytes a second that one connection may send for long, a short
        message counting as a kilobyte; `close_grace` is the time between the close frame and the end of the socket;
        `allowed_origins` empty means any; `observe_closed` gets the code with which the server closes.
        """
        self.dispatcher = dispatcher
        self.gone = gone
        self.under_way = under_way
        self.clock = clock
        self.register_timeout = register_timeout
        self.ping_interval = ping_interval
        self.max_reader_lag = max_reader_lag
        self.max_requests = max_requests
        self.max_incoming_rate = max_incoming_rate
        self.close_grace = close_grace
        self.observe_closed = observe_closed
        self._max_connections = max_connections
        self._sweep_interval = sweep_interval
        self._allowed_origins = frozenset(allowed_origins)
        self._connections: set[BusConnection] = set()
        self._to_write: list[BusConnection] = []
        self._timer: asyncio.TimerHandle | None = None
        self._accepted = 0

    def __len__(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    async def __aenter__(self) -> BusEndpoint:
        self._sweep()
        return self

    async def __aexit__(self, *exception: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for connection in list(self._connections):
            connection.abort()

    def protocol(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> asyncio.BaseProtocol:
        """The protocol that uvicorn asks for when a client wants to upgrade, which takes the socket over."""
        return cast("asyncio.BaseProtocol", UpgradedProtocol(self._accept, server_state))

    def _accept(self, request: bytes, socket: asyncio.Transport) -> tuple[Handshake, BusConnection]:
        """Read an upgrade request. Raises HandshakeRefused."""
        handshake = read_handshake(request, allowed_origins=self._allowed_origins)
        if len(self._connections) >= self._max_connections:
            raise HandshakeRefused(503, ServiceUnavailable("the server has as many connections as it holds"))
        return handshake, BusConnection(self, socket, token=handshake.token)

    def opened(self, connection: BusConnection) -> None:
        """A connection is open from now on."""
        self._connections.add(connection)

    def lost(self, connection: BusConnection) -> None:
        """The socket of a connection is closed."""
        self._connections.discard(connection)

    def spread(self) -> float:
        """A part of one, different from connection to connection: what began together is not swept together."""
        self._accepted += 1
        return self._accepted * _GOLDEN_RATIO % 1

    def to_write(self, connection: BusConnection) -> None:
        """The connection has something to write at the end of this turn of the loop."""
        if not self._to_write:
            asyncio.get_running_loop().call_soon(self._write)
        self._to_write.append(connection)

    def _write(self) -> None:
        connections, self._to_write = self._to_write, []
        for connection in connections:
            connection.write()

    def _sweep(self) -> None:
        # Armed first: whatever happens to one connection, the others are swept again.
        self._timer = asyncio.get_running_loop().call_later(self._sweep_interval, self._sweep)
        now = self.clock.monotonic()
        for connection in [connection for connection in self._connections if connection.due <= now]:
            connection.look_after(now)


class BusConnection(WSListener):
    """One connection: what comes in goes to the dispatcher, what is delivered is written at the end of the turn."""

    __slots__ = (
        "_closing",
        "_endpoint",
        "_expires",
        "_frames",
        "_heard",
        "_incoming",
        "_leaving",
        "_socket",
        "_text",
        "_transport",
        "_under_way",
        "caller",
        "due",
        "subscriber",
        "token",
    )

    def __init__(self, endpoint: BusEndpoint, socket: asyncio.Transport, *, token: str | None) -> None:
        self.caller: Caller | None = None
        self.subscriber: Subscriber | None = None
        self.token = token
        self.due = endpoint.clock.monotonic() + endpoint.register_timeout
        """When something has to be done about the connection though nothing comes in."""
        self._endpoint = endpoint
        self._transport: WSTransport
        self._socket = socket
        self._expires = 0.0
        self._frames: list[bytes] | None = None
        self._text: bytearray | None = None
        self._under_way = 0
        rate = endpoint.max_incoming_rate
        self._incoming = TokenBucket(rate=rate, burst=_BURST * rate)
        self._heard = True
        self._closing = False
        self._leaving = False

    # ── what the dispatcher and the bus do with it ──────────────────────────────────────────────────────────────────

    def admit(self, caller: Caller, subscriber: Subscriber) -> None:
        """Registered: from now on there are pings, and the token's end."""
        endpoint = self._endpoint
        now = endpoint.clock.monotonic()
        self.caller, self.subscriber, self.token = caller, subscriber, None
        self._expires = now + (caller.expires_at - endpoint.clock.now()).total_seconds()
        if not self._closing:
            self.due = min(now + endpoint.ping_interval * (1 + endpoint.spread()) / 2, self._expires)

    def refuse(self, error: NotAuthenticated) -> None:
        """Close: nothing but the code goes out."""
        self.close(CloseCode.TOKEN_EXPIRED if isinstance(error, TokenExpired) else CloseCode.NOT_AUTHENTICATED)

    def deliver(self, delivery: Delivery) -> None:
        """Put a message in line. The first connection to get it makes the frame for all."""
        frame = delivery.frame
        if frame is None:
            frame = delivery.frame = text_frame(delivery.data)
        self._send(frame)

    # ── what picows tells ───────────────────────────────────────────────────────────────────────────────────────────

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The handshake is done."""
        self._transport = transport
        # What picows keeps of the handshake is never read again.
        transport.request.headers = transport.response.headers = _NO_HEADERS
        self._endpoint.opened(self)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """A frame came in: whole, unmasked, its header good."""
        self._heard = True
        kind = frame.msg_type
        if kind == WSMsgType.CLOSE:
            self._close_came(frame)
        elif self._closing:
            pass
        elif frame.rsv1 or frame.rsv2 or frame.rsv3:  # they belong to extensions, and none was agreed on
            self.close(CloseCode.PROTOCOL_ERROR)
        elif kind == WSMsgType.PING:
            self._send(_pong_frame(frame.get_payload_as_bytes()))
        elif kind == WSMsgType.BINARY:
            self.close(CloseCode.PROTOCOL_ABUSE)
        elif kind != WSMsgType.PONG:
            self._text_came(frame)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The socket is closed."""
        self._closing = True
        self._frames = self._text = None
        self._endpoint.lost(self)
        self._endpoint.gone(self)

    def pause_writing(self) -> None:
        """Nothing waits here: what lags too far is closed."""

    def resume_writing(self) -> None:
        """See `pause_writing`."""

    def _text_came(self, frame: WSFrame) -> None:
        first = frame.msg_type == WSMsgType.TEXT
        if first is (self._text is not None):  # a new message within a message, or a continuation of nothing
            self.close(CloseCode.PROTOCOL_ERROR)
        elif first and frame.fin:
            self._take(frame.get_payload_as_bytes())
        else:
            text = self._text = bytearray() if self._text is None else self._text
            text += frame.get_payload_as_memoryview()
            if len(text) > MAX_MESSAGE_BYTES:
                self.close(CloseCode.MESSAGE_TOO_BIG)
            elif frame.fin:
                self._text = None
                self._take(bytes(text))

    def _close_came(self, frame: WSFrame) -> None:
        if not self._closing:
            code = frame.get_payload_as_bytes()[:2]
            self._send_close(int.from_bytes(code, "big") if code else CloseCode.NORMAL)
        self._socket.close()

    # ── requests ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _take(self, raw: bytes) -> None:
        endpoint = self._endpoint
        if self._leaving:
            endpoint.dispatcher.refuse(self, raw, ServiceUnavailable("the server is shutting down"))
        elif owed := self._incoming.owe(max(len(raw), _LEAST_COST), endpoint.clock.monotonic()):
            if owed > _BURST:
                self.close(CloseCode.PROTOCOL_ABUSE)  # it was told, and goes on
            else:
                endpoint.dispatcher.refuse(self, raw, TooManyRequests("the connection sends too much"))
        elif self._under_way >= endpoint.max_requests:
            error = TooManyRequests(f"a connection has at most {endpoint.max_requests} requests under way")
            endpoint.dispatcher.refuse(self, raw, error)
        else:
            self._under_way += 1
            endpoint.under_way.start(endpoint.dispatcher.handle(self, raw)).add_done_callback(self._done)

    def _done(self, _request: asyncio.Task[Any]) -> None:
        self._under_way -= 1
        if self._closing:
            self._endpoint.gone(self)  # the request may have been a Register that ended after the connection
        elif self._leaving and not self._under_way:
            self.close(CloseCode.SHUTTING_DOWN)

    # ── writing and closing ─────────────────────────────────────────────────────────────────────────────────────────

    def _send(self, frame: bytes) -> None:
        if self._closing:
            return
        if self._frames is None:
            self._frames = [frame]
            self._endpoint.to_write(self)
        else:
            self._frames.append(frame)

    def write(self) -> None:
        """Write what this turn of the loop has produced.

        What one turn produces is not lag, however much it is; lag is what the socket has not taken by the next one.
        """
        frames, self._frames = self._frames, None
        if frames is None or self._socket.is_closing():
            return
        if self._socket.get_write_buffer_size() > self._endpoint.max_reader_lag:
            self.close(CloseCode.TOO_SLOW)
        else:
            self._socket.write(frames[0] if len(frames) == 1 else b"".join(frames))

    def look_after(self, now: float) -> None:
        """Do what is due: end the grace of a close, refuse who did not register, end an old token, ping."""
        if self._closing:
            self.abort()
        elif self.caller is None:
            self.close(CloseCode.NOT_AUTHENTICATED)
        elif now >= self._expires:
            self.close(CloseCode.TOKEN_EXPIRED)
        elif not self._heard:
            self.close(CloseCode.NO_ANSWER_TO_PING)
        else:
            self._heard = False
            self._send(_PING_FRAME)
            self.due = min(now + self._endpoint.ping_interval, self._expires)

    def leave(self) -> None:
        """The server stops: close once the answers to what is under way are out."""
        self._leaving = True
        if not self._under_way:
            self.close(CloseCode.SHUTTING_DOWN)

    def close(self, code: CloseCode) -> None:
        """Write what waits, then the code; the socket ends when the peer has answered, or after the grace."""
        if self._closing:
            return
        self.write()
        if self._closing:  # too much waited already, and the reader was told so
            return
        self._endpoint.observe_closed(code)
        log.info("connection closed", code=int(code), user=self.caller.user_id if self.caller else None)
        self._send_close(code)

    def _send_close(self, code: int) -> None:
        if not self._socket.is_closing():
            # picows has names for the codes of the standard alone, but takes any.
            self._transport.send_close(cast("picows.WSCloseCode", int(code)))
        self.parsing_ended()

    @property
    def is_closing(self) -> bool:
        """Whether a close frame is out, or the socket is gone."""
        return self._closing

    def parsing_ended(self) -> None:
        """A close frame is out: nothing is read or written any more, and the grace begins."""
        if not self._closing:
            self._closing = True
            self._frames = self._text = None
            self.due = self._endpoint.clock.monotonic() + self._endpoint.close_grace
            self._endpoint.gone(self)

    def abort(self) -> None:
        """End the socket at once; what waits in it is dropped."""
        self._socket.abort()


def text_frame(payload: bytes) -> bytes:
    """One unfragmented text frame, as a server sends it: not masked, length in 7, 16 or 64 bits."""
    size = len(payload)
    if size < 126:
        return bytes((_TEXT, size)) + payload
    if size < 1 << 16:
        return bytes((_TEXT, 126)) + size.to_bytes(2, "big") + payload
    return bytes((_TEXT, 127)) + size.to_bytes(8, "big") + payload


def _pong_frame(payload: bytes) -> bytes:
    """The answer to a ping: at most 125 bytes, which the parser has seen to."""
    return bytes((_PONG, len(payload))) + payload
