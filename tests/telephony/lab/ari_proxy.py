"""A TCP proxy in front of ARI that can lose what a network loses."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType

from tests.telephony.lab.ports import free_port

_CHUNK = 65_536
_HTTP = "over HTTP"
"""Stands for the id of a request where it has none."""


class Moment(Enum):
    """When a trap closes."""

    ASKED = "asked"
    """Before the request reaches Asterisk; it never does."""
    ANSWERED = "answered"
    """After Asterisk has done what it was asked, when it answers; nobody gets the answer."""


@dataclass(kw_only=True)
class Trap:
    """What happens once, at one request. `about` is searched in its method, path and, of a new channel, its id."""

    about: re.Pattern[str]
    moment: Moment
    act: Callable[[], None] = lambda: None
    sprung: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it has happened."""

    def spring(self) -> None:
        """It happens; once."""
        if not self.sprung.is_set():
            self.sprung.set()
            self.act()


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
        self.keeps_requests = True
        """False: `requests` stays empty, for a proxy that runs for long."""
        self.trap: Trap | None = None
        """The next request to be trapped."""
        self.answers_late_by = 0.0
        """Answers to requests on the event socket come this many seconds late; events come in time."""
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], bytes] = {}
        """Each with the first line of its newest request."""
        self._caught: dict[tuple[asyncio.Task[None], str], Trap] = {}
        """Requests whose answers are trapped; over HTTP all that still comes on the connection."""
        self._flows = asyncio.Event()
        self._flows.set()

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
        self.trap = None
        self.answers_late_by = 0.0
        self._flows.set()

    def hold_back(self) -> None:
        """Nothing comes from Asterisk until `mend`; then it all comes, in order."""
        self._flows.clear()

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
            for caught in [caught for caught in self._caught if caught[0] is task]:
                del self._caught[caught]
            for end in ends:
                end.transport.abort()

    async def _pass_both(
        self,
        task: asyncio.Task[None],
        up: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        down: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        asked = asyncio.Event()
        ways = [
            asyncio.create_task(self._pass_requests(task, asked, *up)),
            asyncio.create_task(self._pass_answers(task, asked, *down)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pass_requests(
        self, task: asyncio.Task[None], asked: asyncio.Event, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while data := await reader.read(_CHUNK):
                line = data.split(b"\r\n", 1)[0]
                self._note(line)
                self._connections[task] = line
                asked.set()
                if self._is_trapped(task, _HTTP, line.decode("latin-1")):
                    continue
                writer.write(data)
                await writer.drain()
                if b"/ari/events" in line:
                    break
            while True:
                frame = await _read_frame(reader)
                self._note(frame.payload)
                if self.trap is None or not self._is_trapped(task, *_asked(frame.payload)):
                    writer.write(frame.raw)
                    await writer.drain()

    async def _pass_answers(
        self, task: asyncio.Task[None], asked: asyncio.Event, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await asked.wait()
            if b"/ari/events" in self._connections[task]:
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(head)
                if b" 101 " in head:
                    await self._pass_frames(task, reader, writer)
            while data := await reader.read(_CHUNK):
                await self._flows.wait()
                if not self._loses(self._connections[task]) and not self._is_caught(task):
                    writer.write(data)
                    await writer.drain()

    async def _pass_frames(
        self, task: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            frame = await _read_frame(reader)
            await self._flows.wait()
            if b"RESTResponse" not in frame.payload:
                writer.write(frame.raw)
            elif not self._loses(frame.payload) and not self._is_caught(task, frame.payload):
                self._write_late(writer, frame.raw)
            await writer.drain()

    def _note(self, request: bytes) -> None:
        if self.keeps_requests:
            self.requests.append(request)

    def _is_trapped(self, task: asyncio.Task[None], request_id: str, about: str) -> bool:
        """Whether the request is not to reach Asterisk."""
        trap = self.trap
        if trap is None or not trap.about.search(about):
            return False
        self.trap = None
        if trap.moment is Moment.ANSWERED:
            self._caught[task, request_id] = trap
            return False
        trap.spring()
        return True

    def _is_caught(self, task: asyncio.Task[None], answer: bytes = b"") -> bool:
        """Whether nobody is to get the answer: to this message on the event socket, or of this connection."""
        if not self._caught:
            return False
        trap = self._caught.get((task, _request_id(answer) if answer else _HTTP))
        if trap is not None:
            trap.spring()
        return trap is not None

    def _write_late(self, writer: asyncio.StreamWriter, raw: bytes) -> None:
        def write() -> None:
            if not writer.transport.is_closing():
                writer.write(raw)

        if self.answers_late_by:
            asyncio.get_running_loop().call_later(self.answers_late_by, write)
        else:
            write()

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


def _asked(payload: bytes) -> tuple[str, str]:
    """The id of a request on the event socket, and what it is about; nothing for a frame that is none."""
    if not payload.startswith(b"{"):
        return "", ""
    request = json.loads(payload)
    body = json.loads(request.get("message_body") or "{}")
    return _request_id(payload), f"{request['method']} {request['uri']} {body.get('channelId', '')}"


def _request_id(payload: bytes) -> str:
    return str(json.loads(payload).get("request_id", ""))
