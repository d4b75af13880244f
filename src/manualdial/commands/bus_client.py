"""A client of the bus, for the commands: sign in, register, ask, read (contract §1 and §6)."""

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

from manualdial.commands.failure import CommandFailed
from manualdial.commands.signing_in import Login
from manualdial.commands.terminal import printable

Message = dict[str, Any]

STATE_CHANGE = "InboundCallStateChange"

_CONNECT_LIMIT = 10.0
_ANSWER_LIMIT = 40.0
"""Longer than a service takes by default before it answers that it could not."""
_CLOSE_LIMIT = 2.0
_HEARTBEAT = 20.0
_MOST_UNREAD = 10_000
_FAULTS_OF_THE_REQUEST = ("MALFORMED_MESSAGE", "NOT_PERMITTED")

_REASONS = {
    1001: "the service went away",
    1006: "the connection broke",
    1009: "a message was too big",
    4400: "the service could not make sense of what it was sent",
    4401: "the service did not accept the sign-in",
    4403: "the service does not let this user in",
    4501: "the sign-in has expired",
    4503: "the service is shutting down",
    4508: "this reader was too slow",
}


class Unreachable(CommandFailed):
    """There is no service at the address, or something else answers there."""


class SignInRefused(CommandFailed):
    """Name or password are wrong, or too often were."""


class Refused(CommandFailed):
    """A request was answered by an ApiError."""

    def __init__(self, error: Message) -> None:
        super().__init__(refusal_line(error))
        self.error_type = str(error.get("errorType", ""))


class ConnectionEnded(CommandFailed):
    """The connection is closed; `code` is the WebSocket's."""

    def __init__(self, code: int) -> None:
        super().__init__(f"The connection ended: {_REASONS.get(code, f'close code {code}')}.")
        self.code_of_close = code


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """A message, and when it came (seconds of the monotonic clock)."""

    message: Message
    at: float


async def sign_in(login: Login) -> str:
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


@asynccontextmanager
async def connected(
    login: Login,
    *,
    subscriptions: Iterable[str] = ("*/*/*",),
    scope: str = "agent",
    stream: bool = False,
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
                        raise CommandFailed("Too many messages came before the answer of the service.")
                    self._unread.append(received)
                    if _answers(received.message, request_id):
                        return _good(received)
        except TimeoutError:
            raise CommandFailed(f"The service did not answer {address} within {_ANSWER_LIMIT:g} seconds.") from None

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


def request(address: str, data: Any = None, *, request_id: str | None = None) -> str:
    """A request as JSON text; `address` is channel/topic/subtopic."""
    channel, topic, subtopic = address.split("/")
    message: Message = {"channel": channel, "topic": topic, "subtopic": subtopic}
    if data is not None:
        message["data"] = data
    if request_id is not None:
        message["requestId"] = request_id
    return json.dumps(message)


def address_of(message: Message) -> str:
    """channel/topic/subtopic."""
    return "/".join(str(message.get(level) or "") for level in ("channel", "topic", "subtopic"))


def error_of(message: Message) -> Message | None:
    """What an ApiError says; None for every other message."""
    if message.get("topic") == "Error" and message.get("subtopic") == "ApiError":
        data = message.get("data")
        return data if isinstance(data, dict) else {}
    return None


def refusal_line(error: Message) -> str:
    """What an ApiError says, for people; where the request itself is at fault, also what is wrong with it."""
    line = f"{printable(error.get('msg', ''))} ({printable(error.get('errorType', ''))})"
    told = error.get("errorMessage")
    return f"{line} {printable(told)}." if told and error.get("errorType") in _FAULTS_OF_THE_REQUEST else line


def call_of(message: Message) -> Message | None:
    """`dial` of a state event of a call; None for every other message."""
    if message.get("subtopic") != STATE_CHANGE:
        return None
    try:
        dial = message["message"]["call"]["dial"]
    except (KeyError, TypeError):
        return None
    return dial if isinstance(dial, dict) else None


def _answers(message: Message, request_id: str) -> bool:
    """An event that a request caused may carry its id too; that is not its answer."""
    return message.get("requestId") == request_id and message.get("subtopic") != STATE_CHANGE


def _good(answer: Received) -> Received:
    error = error_of(answer.message)
    if error is not None:
        raise Refused(error)
    return answer


def _unreachable(url: str, error: Exception) -> Unreachable:
    match error:
        case aiohttp.WSServerHandshakeError(status=status):
            reason = f"the bus answered {status}"
        case TimeoutError():
            reason = "no answer in time"
        case aiohttp.ClientConnectorError(os_error=OSError(strerror=str(told))):
            reason = told
        case aiohttp.InvalidURL():
            reason = "that is no address"
        case ValueError():
            reason = "what answers there is no manualdial service"
        case _:
            reason = str(error) or type(error).__name__
    return Unreachable(f"The service at {url} cannot be reached: {printable(reason)}.")
