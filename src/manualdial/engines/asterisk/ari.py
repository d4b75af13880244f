"""ARI, Asterisk's REST interface: the few requests that the engine makes, and the event socket.

Every failure becomes one of the port's three errors: EngineRefused where Asterisk answered and said no,
EngineUnavailable where nothing was sent, EngineSilent where something was sent and no answer came.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
import structlog

from manualdial.engines.asterisk.event_socket import EventSocket, Response, SocketRequests
from manualdial.ports import EngineRefused, EngineSilent, EngineUnavailable

# Asterisk closes an idle connection after 15 s; a request sent at that moment would get no answer.
_KEEP_IDLE_CONNECTIONS: Final = 10.0

DIGIT_MILLISECONDS: Final = 200
"""For a digit of DTMF and the silence after it, half each."""

EVENT_TYPES: Final = (
    "StasisStart",
    "Dial",
    "ChannelStateChange",
    "ChannelHangupRequest",
    "ChannelDestroyed",
    "ApplicationReplaced",
    "RESTResponse",
)
"""All that the engine reads. Asterisk sends nothing else, which is half of what it would send."""


class Dialplan(msgspec.Struct, frozen=True):
    """Where a channel is."""

    app_name: str = ""
    app_data: str = ""


class Channel(msgspec.Struct, frozen=True):
    """One leg, as Asterisk shows it."""

    id: str
    state: str = ""
    """Down, Ringing, Up and others."""
    creationtime: str = ""
    """When it was made, by Asterisk's clock: ISO 8601 with a zone."""
    dialplan: Dialplan = Dialplan()


class Bridge(msgspec.Struct, frozen=True):
    """A bridge, which joins legs."""

    id: str
    name: str = ""
    channels: tuple[str, ...] = ()


class Event(msgspec.Struct, frozen=True):
    """One event; which fields it has depends on its type."""

    type: str
    channel: Channel | None = None
    peer: Channel | None = None
    """Of a Dial: the channel that is dialled."""
    dialstatus: str = ""
    cause: int | None = None
    """Q.850."""
    tech_cause: int | None = None
    """The SIP status, often one that Asterisk made up."""
    soft: bool = False
    """Our side ended it: a request of ours, a time-out, a shutdown."""
    request_id: str = ""
    """Of an answer to a request on the socket; so are the next two."""
    status_code: int = 0
    message_body: str = ""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """All of this application that is alive in Asterisk, by id."""

    channels: dict[str, Channel]
    bridges: dict[str, Bridge]
    at: datetime | None = None
    """When it was taken, by Asterisk's clock, to the second; None where Asterisk did not say."""


class ChannelExists(Exception):
    """A channel of this id is there already."""


PROBLEMS: Final = (EngineRefused, EngineUnavailable, EngineSilent)
"""All that the port lets a request to Asterisk end in."""

log = structlog.get_logger(__name__)
_T = TypeVar("_T")

_event_decoder = msgspec.json.Decoder(Event)
_channels_decoder = msgspec.json.Decoder(list[Channel])
_bridges_decoder = msgspec.json.Decoder(list[Bridge])
_encoder = msgspec.json.Encoder()


class Ari:
    """A client for one ARI application.

    `url` is where Asterisk's HTTP server is, with or without `/ari`. `request_timeout` (seconds) limits each request,
    with the wait for a free one of `connections` in it. `requests_on_socket` has the requests that every call makes go
    over the event socket, where Asterisk takes them.
    Methods raise EngineRefused, EngineUnavailable and EngineSilent; no error of aiohttp leaves here.
    """

    def __init__(
        self,
        *,
        url: str,
        user: str,
        password: str,
        application: str,
        request_timeout: float,
        connections: int,
        requests_on_socket: bool,
    ) -> None:
        self.application = application
        self._url = url.rstrip("/").removesuffix("/ari")
        self._headers = {"Authorization": aiohttp.encode_basic_auth(user, password)}
        self._request_timeout = request_timeout
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None
        self._requests_on_socket = requests_on_socket
        # Half for getting a connection and half for the answer: the two fail differently.
        self._on_socket = SocketRequests(request_timeout=request_timeout / 2)

    async def open(self) -> None:
        """Make ready; nothing is sent."""
        half = self._request_timeout / 2
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=_KEEP_IDLE_CONNECTIONS),
            timeout=aiohttp.ClientTimeout(total=None, connect=half, sock_read=half),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    # ── channels ──

    async def create_channel(self, channel_id: str, endpoint: str, variables: Mapping[str, str]) -> None:
        """Make a channel that rings nobody yet; StasisStart tells when it can be dialled. Raises ChannelExists too."""
        order = {"endpoint": endpoint, "app": self.application, "channelId": channel_id, "variables": variables}
        response = await self._send_at_once("POST", "channels/create", body=_encoder.encode(order))
        if response.status == 409:
            raise ChannelExists
        _expect_success(response, "create a channel")

    async def dial(self, channel_id: str, *, seconds: int) -> None:
        """Ring the far end of a channel, once: a second dial would ring it again or break the call."""
        response = await self._send_at_once("POST", f"channels/{channel_id}/dial", {"timeout": str(seconds)})
        _expect_success(response, "dial")

    async def hang_up(self, channel_id: str) -> bool:
        """End a channel. False where there is none."""
        return _was_there(await self._send_at_once("DELETE", f"channels/{channel_id}"))

    async def play_music(self, channel_id: str, *, on: bool) -> None:
        """Let the far end hear hold music, or no more."""
        await self._do("POST" if on else "DELETE", f"channels/{channel_id}/moh")

    async def play_ringback(self, channel_id: str, *, on: bool) -> None:
        """Let the far end hear the ringing tone, or no more."""
        await self._do("POST" if on else "DELETE", f"channels/{channel_id}/ring")

    async def mute(self, channel_id: str, *, muted: bool) -> None:
        """Drop what comes from the far end, or take it again."""
        await self._do("POST" if muted else "DELETE", f"channels/{channel_id}/mute", {"direction": "in"})

    async def send_dtmf(self, channel_id: str, digits: str) -> None:
        """Send digits to the far end, each in DIGIT_MILLISECONDS. Returns before they are all sent."""
        half = str(DIGIT_MILLISECONDS // 2)
        parameters = {"dtmf": digits, "duration": half, "between": half}
        await self._do("POST", f"channels/{channel_id}/dtmf", parameters)

    # ── bridges ──

    async def create_bridge(self, bridge_id: str) -> None:
        """Make a bridge; none the worse if it is there already."""
        parameters = {"type": "mixing", "name": self.application}
        response = await self._send("POST", f"bridges/{bridge_id}", parameters)
        if response.status != 409:
            _expect_success(response, "create a bridge")

    async def add_to_bridge(self, bridge_id: str, *channel_ids: str) -> None:
        """Join channels."""
        await self._do("POST", f"bridges/{bridge_id}/addChannel", {"channel": ",".join(channel_ids)})

    async def remove_from_bridge(self, bridge_id: str, channel_id: str) -> None:
        """Part a channel from the others."""
        await self._do("POST", f"bridges/{bridge_id}/removeChannel", {"channel": channel_id})

    async def destroy_bridge(self, bridge_id: str) -> bool:
        """Take a bridge away. False where there is none."""
        return _was_there(await self._send("DELETE", f"bridges/{bridge_id}"))

    # ── the whole ──

    async def snapshot(self) -> Snapshot:
        """All that is alive now. A channel counts from its StasisStart on."""
        # Bridges first: a leg that ends in between is then missing, and not taken for one that was put on hold.
        bridges = await self._do("GET", "bridges")
        channels = await self._do("GET", "channels")
        ours = (bridge for bridge in _decode(_bridges_decoder, bridges.body) if bridge.name == self.application)
        entered = (channel for channel in _decode(_channels_decoder, channels.body) if self._is_in(channel))
        return Snapshot(
            bridges={bridge.id: bridge for bridge in ours},
            channels={channel.id: channel for channel in entered},
            at=channels.date,
        )

    async def ping(self) -> None:
        """Return if Asterisk is up and has booted."""
        await self._do("GET", "asterisk/ping")

    async def filter_events(self) -> None:
        """Have only EVENT_TYPES sent. Works while the event socket is open."""
        body = _encoder.encode({"allowed": [{"type": name} for name in EVENT_TYPES]})
        response = await self._send("PUT", f"applications/{self.application}/eventFilter", body=body)
        _expect_success(response, "filter events")

    @asynccontextmanager
    async def events(self, *, heartbeat: float) -> AsyncIterator[AsyncIterator[Event]]:
        """The event socket, open; the iterator ends where the socket does.

        `heartbeat` (seconds) is how often it is tried. Raises EngineUnavailable where it cannot be opened.
        """
        url = self._to("events", {"app": self.application}).replace("http", "ws", 1)
        socket = await EventSocket.connect(
            url, headers=self._headers, answer_timeout=self._request_timeout, heartbeat=heartbeat
        )
        try:
            if self._requests_on_socket:
                self._on_socket.attach(socket)
            yield self._read_events(socket)
        finally:
            self._on_socket.detach()
            await socket.close()

    # ── how ──

    async def _do(self, method: str, path: str, parameters: Mapping[str, str] | None = None) -> Response:
        response = await self._send(method, path, parameters)
        _expect_success(response, path.rpartition("/")[2])
        return response

    async def _send_at_once(
        self, method: str, path: str, parameters: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Response:
        """For requests that every call makes and that Asterisk answers at once."""
        if self._on_socket.work:
            return await self._on_socket.send(method, path + _query(parameters), body)
        return await self._send(method, path, parameters, body)

    async def _send(
        self, method: str, path: str, parameters: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Response:
        headers = {"Content-Type": "application/json"} if body else None
        try:
            async with self._opened().request(method, self._to(path, parameters), data=body, headers=headers) as answer:
                date = _date(answer.headers.get("Date", ""))
                return Response(status=answer.status, body=await answer.read(), date=date)
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError) as problem:
            raise EngineUnavailable("Asterisk cannot be reached") from problem
        except (aiohttp.ClientError, OSError, TimeoutError) as problem:
            raise EngineSilent("Asterisk did not answer") from problem

    async def _read_events(self, socket: EventSocket) -> AsyncIterator[Event]:
        async for message in socket.messages():
            try:
                event = _event_decoder.decode(message)
            except msgspec.MsgspecError as problem:
                log.warning("an event of Asterisk cannot be read", reason=str(problem))
                continue
            if event.type == "RESTResponse":
                self._on_socket.answer(
                    event.request_id, Response(status=event.status_code, body=event.message_body.encode())
                )
            else:
                yield event

    def _is_in(self, channel: Channel) -> bool:
        where = channel.dialplan
        return where.app_name == "Stasis" and where.app_data.partition(",")[0] == self.application

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise EngineUnavailable("the engine is closed")
        return self._session

    def _to(self, path: str, parameters: Mapping[str, str] | None) -> str:
        return f"{self._url}/ari/{path}{_query(parameters)}"


def _date(header: str) -> datetime | None:
    """The moment of the header Date (RFC 9110 §6.6.1)."""
    try:
        return parsedate_to_datetime(header)
    except ValueError:
        return None


def _query(parameters: Mapping[str, str] | None) -> str:
    return f"?{urlencode(parameters, quote_via=quote, safe='')}" if parameters else ""


def _was_there(response: Response) -> bool:
    if response.status == 404:
        return False
    _expect_success(response, "take away")
    return True


def _expect_success(response: Response, what: str) -> None:
    if not 200 <= response.status < 300:
        raise EngineRefused(f"Asterisk answered {response.status} to: {what}")


def _decode(decoder: msgspec.json.Decoder[_T], body: bytes | str) -> _T:
    try:
        return decoder.decode(body)
    except msgspec.MsgspecError as problem:
        raise EngineSilent("Asterisk answered what cannot be read") from problem
