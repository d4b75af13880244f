"""The connection of a client: sign in, register, ask, read (contract §1 and §6)."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from manualdial.client.errors import ConnectionEnded, Refused, SignInRefused, Unanswered, Unreachable
from manualdial.client.messages import STATE_CHANGE, Message, error_of, refusal_line, request
from manualdial.plain_text import printable

_CONNECT_LIMIT = 10.0
_ANSWER_LIMIT = 40.0
"""Longer than a service takes by default before it answers that it could not."""
_CLOSE_LIMIT = 2.0
_PROBE_LIMIT = 2.0
_HEARTBEAT = 20.0
_MOST_UNREAD = 10_000


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """Where to sign in, and as whom."""

    url: str
    user: str
    password: str

    def __repr__(self) -> str:
        return f"SignIn({self.user} on {self.url})"


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """A message, and when it came (seconds of the monotonic clock)."""

    message: Message
    at: float


async def sign_in(login: SignIn) -> str:
    """A token, by password (RFC 6749 §4.3). Raises SignInRefused, Unreachable."""
    form = {"grant_type": "password", "username": login.user, "password": login.password}
    limit = aiohttp.ClientTimeout(total=_ANSWER_LIMIT, sock_connect=_CONNECT_LIMIT)
    try:
        async with (
            aiohttp.ClientSession(timeout=limit) as session,
            session.post(f"{login.url}/v1/token", data=form, allow_redirects=False) as response,
        ):
            body = await response.json(content_type=None) if response.status in (200, 400) else {}
            if response.status == 200 and isinstance(body, dict) and "access_token" in body:
                return str(body["access_token"])
            if response.status == 400 and isinstance(body, dict) and body.get("error") == "invalid_grant":
                raise SignInRefused("The login name or the password is wrong.")
            if response.status == 429:
                wait = printable(response.headers.get("Retry-After", "a few"))
                raise SignInRefused(f"Too many attempts to sign in; try again in {wait} seconds.")
            raise Unreachable(f"Nobody can sign in at {login.url}: it answered {response.status}.")
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise _unreachable(login.url, error) from None


async def is_serving(url: str) -> bool:
    """Whether a manualdial answers at that address."""
    limit = aiohttp.ClientTimeout(total=_PROBE_LIMIT)
    try:
        async with aiohttp.ClientSession(timeout=limit) as session, session.get(f"{url}/status") as response:
            body = await response.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return False
    return isinstance(body, dict) and "dependencies" in body


@asynccontextmanager
async def connected(
    login: SignIn, *, subscriptions: Iterable[str] = ("*/*/*",), scope: str = "agent", stream: bool = False
) -> AsyncIterator[BusClient]:
    """Sign in, connect and register. Raises SignInRefused, Unreachable, ConnectionEnded, Refused."""
    token = await sign_in(login)
    async with aiohttp.ClientSession() as session:
        try:
            socket = await session.ws_connect(
                f"{login.url}/v1/bus",
                headers={"Authorization": f"Bearer {token}"},
                heartbeat=_HEARTBEAT,
                timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_LIMIT),
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(login.url, error) from None
        async with socket:
            client = BusClient(socket)
            await client.register({"subscriptions": list(subscriptions), "scope": scope, "stream": stream})
            yield client


class BusClient:
    """One registered connection. One task uses it; messages that came during a request wait to be read."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._unread: deque[Received] = deque()
        self.registered: Message = {}
        """`message` of Bus/Session/Registered."""

    async def register(self, data: Message) -> None:
        """The first message of the connection."""
        answer = await self.ask("Bus/Session/Register", data)
        self._unread.clear()
        self.registered = answer.message.get("message", {})

    async def send(self, text: str) -> None:
        """Send one message as it stands. Raises ConnectionEnded."""
        try:
            await self._socket.send_str(text)
        except (aiohttp.ClientError, OSError):
            raise self._ended() from None

    async def ask(self, address: str, data: Any = None) -> Received:
        """Send a request and wait for its answer, which is also left to be read. Raises Refused, ConnectionEnded."""
        request_id = str(uuid.uuid4())
        await self.send(request(address, data, request_id=request_id))
        try:
            async with asyncio.timeout(_ANSWER_LIMIT):
                while True:
                    received = await self._receive()
                    if len(self._unread) >= _MOST_UNREAD:
                        raise Unanswered("Too many messages came before the answer of the service.")
                    self._unread.append(received)
                    if _answers(received.message, request_id):
                        return _good(received)
        except TimeoutError:
            raise Unanswered(f"The service did not answer {address} within {_ANSWER_LIMIT:g} seconds.") from None

    async def read(self) -> Received:
        """The next message. Raises ConnectionEnded. Safe to cancel: nothing is lost."""
        return self._unread.popleft() if self._unread else await self._receive()

    def forget(self) -> None:
        """Drop what came and was not read."""
        self._unread.clear()

    async def _receive(self) -> Received:
        while True:
            frame = await self._socket.receive()
            if frame.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED):
                raise self._ended()
            if frame.type is aiohttp.WSMsgType.ERROR:
                raise ConnectionEnded(1006)
            if frame.type is aiohttp.WSMsgType.TEXT:
                at = time.monotonic()
                return Received(message=json.loads(frame.data), at=at)

    def _ended(self) -> ConnectionEnded:
        return ConnectionEnded(self._socket.close_code or 1006)


def _answers(message: Message, request_id: str) -> bool:
    """An event that a request caused may carry its id too; that is not its answer."""
    return message.get("requestId") == request_id and message.get("subtopic") != STATE_CHANGE


def _good(answer: Received) -> Received:
    error = error_of(answer.message)
    if error is not None:
        raise Refused(refusal_line(error))
    return answer


def _unreachable(url: str, error: Exception) -> Unreachable:
    match error:
        case aiohttp.WSServerHandshakeError(status=status):
            reason = f"the bus answered {status}"
        case TimeoutError():
            reason = "no answer in time"
        case aiohttp.ClientConnectorError(os_error=OSError(strerror=str(fault))):
            reason = fault
        case aiohttp.InvalidURL():
            reason = "that is no address"
        case ValueError():
            reason = "what answers there is no manualdial service"
        case _:
            reason = str(error) or type(error).__name__
    return Unreachable(f"The service at {url} cannot be reached: {printable(reason)}.")
