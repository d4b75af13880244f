"""A small client of the bus for tests: plain sockets, so that a test can also send what no good client would."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
from collections.abc import Callable
from types import TracebackType
from typing import Any

Message = dict[str, Any]

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 0x1, 0x2, 0x0, 0x8, 0x9, 0xA
LIMIT = 5.0
"""Seconds that a test waits for anything."""


class Closed(Exception):
    """The server closed the connection with this code; 1006 is a socket that ended without one."""

    def __init__(self, code: int) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class Refused(Exception):
    """The server did not upgrade the connection."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"refused with {status}: {body!r}")
        self.status = status
        self.body = body


def address_of(message: Message) -> str:
    """`channel/topic/subtopic` of a message."""
    return "/".join(str(message.get(level, "")) for level in ("channel", "topic", "subtopic"))


def is_error(message: Message) -> bool:
    """Whether the message is an ApiError."""
    return message.get("topic") == "Error" and message.get("subtopic") == "ApiError"


def client_frame(payload: bytes, *, opcode: int = TEXT, final: bool = True, masked: bool = True) -> bytes:
    """A frame as a client sends it (RFC 6455 §5.2)."""
    size = len(payload)
    mask_bit = 0x80 if masked else 0
    head = bytes(((0x80 if final else 0) | opcode,))
    if size < 126:
        head += bytes((mask_bit | size,))
    elif size < 1 << 16:
        head += bytes((mask_bit | 126,)) + size.to_bytes(2, "big")
    else:
        head += bytes((mask_bit | 127,)) + size.to_bytes(8, "big")
    if not masked:
        return head + payload
    mask = os.urandom(4)
    key = (mask * (size // 4 + 1))[:size]
    return head + mask + (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


class BusClient:
    """One connection. Messages that were read while looking for another are kept in `seen`, in order."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._fragments = b""
        self._request_ids = itertools.count(1)
        self.subprotocol: str | None = None
        """The subprotocol that the server chose."""
        self.seen: list[Message] = []
        self.registered: Message = {}
        """`message` of Registered."""

    @classmethod
    async def connect(
        cls,
        port: int,
        *,
        host: str = "127.0.0.1",
        path: str = "/v1/bus",
        headers: dict[str, str] | None = None,
    ) -> BusClient:
        """Open a connection without registering. Raises Refused."""
        reader, writer = await asyncio.open_connection(host, port)
        client = cls(reader, writer)
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {host}:{port}",
            "Upgrade: websocket",
            "Connection: keep-alive, Upgrade",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            *(f"{name}: {value}" for name, value in (headers or {}).items()),
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        async with asyncio.timeout(LIMIT):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status = int(head.split()[1])
            if status != 101:
                body = await reader.read()
                await client.close()
                raise Refused(status, body)
        for line in head.split("\r\n"):
            name, _, value = line.partition(":")
            if name.lower() == "sec-websocket-protocol":
                client.subprotocol = value.strip()
        return client

    @classmethod
    async def open(cls, port: int, *, token: str | None, how: str = "message", **data: Any) -> BusClient:
        """Connect and register with `token`, given in the first "message", the "header" or the "subprotocol"."""
        headers = {
            "message": {},
            "header": {"Authorization": f"Bearer {token}"},
            "subprotocol": {"Sec-WebSocket-Protocol": f"manualdial.v1, bearer.{token}"},
        }[how]
        client = await cls.connect(port, headers=headers)
        try:
            await client.register(**({"token": token} if how == "message" else {}), **data)
        except BaseException:
            await client.close()
            raise
        return client

    async def register(self, **data: Any) -> Message:
        """Register; returns `message` of Registered."""
        self.send("Bus/Session/Register", data)
        self.registered = (await self.expect("Bus/Session/Registered"))["message"]
        return self.registered

    # ── sending ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def send(self, address: str, data: Any = None, request_id: str | int | None = None, **more: Any) -> None:
        """Send one message."""
        channel, topic, subtopic = address.split("/")
        message: Message = {"channel": channel, "topic": topic, "subtopic": subtopic, **more}
        if data is not None:
            message["data"] = data
        if request_id is not None:
            message["requestId"] = request_id
        self.send_text(json.dumps(message))

    def send_text(self, text: str) -> None:
        """Send any text as one frame."""
        self.send_frame(text.encode())

    def send_frame(self, payload: bytes, *, opcode: int = TEXT, final: bool = True, masked: bool = True) -> None:
        """Send one frame, good or not."""
        self.send_bytes(client_frame(payload, opcode=opcode, final=final, masked=masked))

    def send_bytes(self, raw: bytes) -> None:
        """Send any bytes."""
        self._writer.write(raw)

    async def flush(self) -> None:
        """Wait until what was sent is with the kernel."""
        await self._writer.drain()

    # ── receiving ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def receive(self, limit: float = LIMIT) -> Message:
        """The next message. Raises Closed, TimeoutError."""
        async with asyncio.timeout(limit):
            while True:
                opcode, final, payload = await self.receive_frame()
                if opcode == CLOSE:
                    self.send_frame(payload[:2], opcode=CLOSE)
                    raise Closed(int.from_bytes(payload[:2], "big") if payload else 1005)
                if opcode == PING:
                    self.send_frame(payload, opcode=PONG)
                elif opcode in (TEXT, CONTINUATION):
                    self._fragments += payload
                    if final:
                        message: Message = json.loads(self._fragments)
                        self._fragments = b""
                        self.seen.append(message)
                        return message

    async def receive_frame(self) -> tuple[int, bool, bytes]:
        """The next frame as it is: opcode, whether it is final, payload. Raises Closed(1006) where the socket ended."""
        try:
            first, second = await self._reader.readexactly(2)
            assert not second & 0x80, "a server does not mask"
            size = second & 0x7F
            if size >= 126:
                size = int.from_bytes(await self._reader.readexactly(2 if size == 126 else 8), "big")
            return first & 0x0F, bool(first & 0x80), await self._reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise Closed(1006) from None

    async def until(self, what: str, found: Callable[[Message], bool], limit: float = LIMIT) -> Message:
        """The next message that `found` takes. Fails with what came instead."""
        start = len(self.seen)
        try:
            async with asyncio.timeout(limit):
                while not found(message := await self.receive(limit + 1)):
                    pass
                return message
        except TimeoutError:
            came = ", ".join(map(address_of, self.seen[start:])) or "nothing"
            raise AssertionError(f"{what} did not come within {limit:g} s; came: {came}") from None

    async def expect(
        self, address: str, found: Callable[[Message], bool] = lambda _: True, limit: float = LIMIT
    ) -> Message:
        """The next message on `address`; an ApiError before it is a failure."""

        def wanted(message: Message) -> bool:
            assert not is_error(message), f"expected {address}, got {json.dumps(message)}"
            return address_of(message) == address and found(message)

        return await self.until(address, wanted, limit)

    async def ask(self, address: str, data: Any = None, answer: str | None = None, limit: float = LIMIT) -> Message:
        """Send a request with a new `requestId`; its answer on `answer` or its own address, or its ApiError."""
        key = f"{id(self)}-{next(self._request_ids)}"
        self.send(address, data, key)
        return await self.until(
            f"the answer to {address}",
            lambda message: (
                message.get("requestId") == key and (is_error(message) or address_of(message) == (answer or address))
            ),
            limit,
        )

    async def error(self, error_type: str, limit: float = LIMIT) -> Message:
        """The next ApiError, which must be of this type."""
        message = await self.until(f"the ApiError {error_type}", is_error, limit)
        assert message["data"]["errorType"] == error_type, json.dumps(message)
        return message

    async def closed_with(self, limit: float = LIMIT) -> int:
        """Read to the end; the code that the server closed with."""
        try:
            async with asyncio.timeout(limit):
                while True:
                    await self.receive(limit + 1)
        except Closed as closed:
            return closed.code

    def stop_reading(self) -> None:
        """Take nothing from the socket any more."""
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]  # of a socket it is a Transport

    def resume_reading(self) -> None:
        """Take what comes again."""
        self._writer.transport.resume_reading()  # type: ignore[attr-defined]  # of a socket it is a Transport

    # ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def close(self) -> None:
        """End the socket. Safe to repeat."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    async def __aenter__(self) -> BusClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
