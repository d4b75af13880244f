"""One connection without a socket: what it writes, and when; frames against what the standard says."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict
from picows import WSUpgradeRequest, WSUpgradeResponse

from manualdial.bus.bus import Delivery
from manualdial.errors import ManualDialError, NotAuthenticated, TokenExpired
from manualdial.requests.dispatcher import Dispatcher
from manualdial.tasks import Tasks
from manualdial.transports.handshake import HandshakeRefused, bearer_token, read_handshake
from manualdial.transports.websocket import BusConnection, BusEndpoint, text_frame
from tests.support.moved_clock import MovedClock


class Socket:
    """Keeps each piece that is written."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.waiting = 0
        self.closed = False

    def write(self, piece: bytes) -> None:
        self.pieces.append(piece)

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True


class Transport:
    """As much of picows as a connection uses for writing; a close frame is kept as its code."""

    def __init__(self, socket: Socket) -> None:
        self.underlying_transport = socket
        self.request = WSUpgradeRequest()
        self.response = WSUpgradeResponse()
        self.request.headers = self.response.headers = CIMultiDict()
        self._socket = socket

    def send_close(self, code: int) -> None:
        self._socket.pieces.append(b"close %d" % code)


class NoDispatcher:
    """Nothing comes in here."""


def opened(*, max_reader_lag: int = 1000) -> tuple[BusConnection, Socket]:
    """A connection whose handshake is done."""
    endpoint = BusEndpoint(
        dispatcher=cast("Dispatcher", NoDispatcher()),
        gone=lambda _connection: None,
        under_way=Tasks(),
        clock=MovedClock(),
        register_timeout=10,
        ping_interval=20,
        max_reader_lag=max_reader_lag,
        max_requests=1,
        max_connections=10,
    )
    socket = Socket()
    connection = BusConnection(endpoint, cast("asyncio.Transport", socket), token=None)
    connection.on_ws_connected(cast("Any", Transport(socket)))
    return connection, socket


async def test_what_one_turn_of_the_loop_delivers_is_one_write() -> None:
    connection, socket = opened()
    deliveries = [Delivery(b"%d" % number) for number in range(5)]
    for delivery in deliveries:
        connection.deliver(delivery)
    assert socket.pieces == []
    await asyncio.sleep(0)
    assert socket.pieces == [b"".join(text_frame(delivery.data) for delivery in deliveries)]
    connection.deliver(Delivery(b"later"))
    await asyncio.sleep(0)
    assert socket.pieces[1:] == [text_frame(b"later")]


async def test_a_frame_is_made_once_for_all_readers() -> None:
    delivery = Delivery(b"for all")
    for _ in range(3):
        connection, socket = opened()
        connection.deliver(delivery)
        frame = delivery.frame
        await asyncio.sleep(0)
        assert socket.pieces[0] is frame


async def test_a_reader_that_lags_gets_its_code_and_nothing_more() -> None:
    connection, socket = opened(max_reader_lag=1000)
    socket.waiting = 1000
    connection.deliver(Delivery(b"just in time"))
    await asyncio.sleep(0)
    socket.waiting = 1001
    for text in (b"too late", b"much too late"):
        connection.deliver(Delivery(text))
        await asyncio.sleep(0)
    assert socket.pieces == [text_frame(b"just in time"), b"close 4508"]


@pytest.mark.parametrize(("error", "code"), [(NotAuthenticated("no"), 4401), (TokenExpired("old"), 4501)])
async def test_what_was_delivered_before_a_refusal_goes_out_before_the_code(error: ManualDialError, code: int) -> None:
    connection, socket = opened()
    connection.deliver(Delivery(b"an answer"))
    connection.refuse(cast("NotAuthenticated", error))
    connection.deliver(Delivery(b"not any more"))
    await asyncio.sleep(0)
    assert socket.pieces == [text_frame(b"an answer"), b"close %d" % code]


async def test_nothing_is_written_to_a_socket_that_closes() -> None:
    connection, socket = opened()
    connection.deliver(Delivery(b"too late"))
    socket.closed = True
    await asyncio.sleep(0)
    assert socket.pieces == []


@given(st.integers(min_value=0, max_value=70_000))
def test_a_text_frame_is_as_the_standard_says(size: int) -> None:
    payload = b"a" * size
    frame = text_frame(payload)
    assert frame[0] == 0x81
    length = frame[1]
    assert not length & 0x80
    if length == 126:
        length, rest = int.from_bytes(frame[2:4], "big"), frame[4:]
        assert length >= 126
    elif length == 127:
        length, rest = int.from_bytes(frame[2:10], "big"), frame[10:]
        assert length >= 1 << 16
    else:
        rest = frame[2:]
    assert (length, rest) == (size, payload)


@given(st.binary(max_size=300))
def test_any_bytes_as_an_upgrade_are_read_or_refused(junk: bytes) -> None:
    for request in (junk, b"GET /v1/bus HTTP/1.1\r\n" + junk + b"\r\n\r\n"):
        with contextlib.suppress(HandshakeRefused):
            read_handshake(request, allowed_origins=())


@given(st.text(max_size=50))
def test_any_header_gives_a_bearer_token_or_none(header: str) -> None:
    token = bearer_token(header)
    assert token is None or token in header


@pytest.mark.parametrize(
    ("header", "token"),
    [("Bearer abc", "abc"), ("bearer  abc ", "abc"), ("Basic abc", None), ("Bearer ", None), ("", None), (None, None)],
)
def test_a_bearer_token_is_what_follows_the_word(header: str | None, token: str | None) -> None:
    assert bearer_token(header) == token
