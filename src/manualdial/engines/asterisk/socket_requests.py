"""Requests on the event socket instead of over HTTP: half the work for this process, where Asterisk takes them.

Asterisk answers them one after another, so only requests that it answers at once belong here. Older ones (before 20.14,
21.9 and 22.4) never answer; a question at the start tells.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import Final

import msgspec

from manualdial.engines.asterisk.event_socket import EventSocket
from manualdial.ports import EngineSilent, EngineUnavailable

_QUESTION: Final = "0"


class _Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="RESTRequest"):
    """One request, as Asterisk wants it."""

    request_id: str
    method: str
    uri: str
    """The path after `/ari/`, with the query."""
    content_type: str = ""
    message_body: str = ""


class Response(msgspec.Struct, frozen=True):
    """What Asterisk answered."""

    status: int
    body: bytes


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
