"""A TCP proxy in front of ARI that can lose what a network loses."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

from tests.telephony.lab.ports import free_port

_CHUNK = 65_536


class AriProxy:
    """Passes bytes to and from Asterisk's HTTP port, until told otherwise.

    Use it as an asynchronous context manager.
    """

    def __init__(self, *, target_port: int) -> None:
        self.port = free_port()
        self.takes_connections = True
        """False: a new connection is closed at once."""
        self.loses_answers_to = b""
        """Requests with this in their path reach Asterisk, and what it answers reaches nobody."""
        self.requests: list[bytes] = []
        """The first line of each request over HTTP, and each message on the event socket, in order."""
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], bytes] = {}
        """Each with the first line of its newest request."""

    @property
    def url(self) -> str:
        """Where a client finds it, without `/ari`."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> AriProxy:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        await self._cancel(list(self._connections))

    async def cut(self) -> None:
        """Lose every connection, and take no new one until `mend`."""
        self.takes_connections = False
        await self._cancel(list(self._connections))

    async def cut_events(self) -> None:
        """Lose the event socket only; a new one is taken at once."""
        await self._cancel([task for task, line in self._connections.items() if b"/ari/events" in line])

    def mend(self) -> None:
        """Work again."""
        self.takes_connections = True
        self.loses_answers_to = b""

    async def _cancel(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = b""
        ends = [writer]
        try:
            if self.takes_connections:
                there, onward = await asyncio.open_connection("127.0.0.1", self._target_port)
                ends.append(onward)
                await self._pass_both(task, (reader, onward), (there, writer))
        except OSError:
            pass  # one side is gone; the other is closed below
        except asyncio.CancelledError:
            pass  # a cut; asyncio's server would report it as a failure of this task
        finally:
            self._connections.pop(task, None)
            for end in ends:
                end.transport.abort()

    async def _pass_both(
        self,
        task: asyncio.Task[None],
        up: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        down: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        ways = [
            asyncio.create_task(self._pass_requests(task, *up)),
            asyncio.create_task(self._pass_answers(task, *down)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pass_requests(
        self, task: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while data := await reader.read(_CHUNK):
                line = data.split(b"\r\n", 1)[0]
                self.requests.append(line)
                self._connections[task] = line
                writer.write(data)
                await writer.drain()
                if b"/ari/events" in line:
                    break
            while True:
                frame = await _read_frame(reader)
                self.requests.append(frame.payload)
                writer.write(frame.raw)
                await writer.drain()

    async def _pass_answers(
        self, task: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while data := await reader.read(_CHUNK):
                if not self._loses(self._connections[task]):
                    writer.write(data)
                    await writer.drain()
                if b"/ari/events" in self._connections[task]:
                    break
            while True:
                frame = await _read_frame(reader)
                if b"RESTResponse" not in frame.payload or not self._loses(frame.payload):
                    writer.write(frame.raw)
                    await writer.drain()

    def _loses(self, about: bytes) -> bool:
        return bool(self.loses_answers_to) and self.loses_answers_to in about


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """One WebSocket frame (RFC 6455 §5.2)."""

    raw: bytes
    payload: bytes


async def _read_frame(reader: asyncio.StreamReader) -> _Frame:
    head = await reader.readexactly(2)
    size = head[1] & 0x7F
    longer = await reader.readexactly({126: 2, 127: 8}.get(size, 0))
    if longer:
        size = int.from_bytes(longer, "big")
    mask = await reader.readexactly(4) if head[1] & 0x80 else b""
    body = await reader.readexactly(size)
    payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(body)) if mask else body
    return _Frame(raw=head + longer + mask + body, payload=payload)
