"""ARI, Asterisk's REST interface: the few requests that the engine makes, and the event socket.

Every failure becomes one of the port's three errors: EngineRefused where Asterisk answered and said no,
EngineUnavailable where nothing was sent, EngineSilent where something was sent and no answer came.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, TypeVar
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
import structlog

from manualdial.ports import EngineRefused, EngineSilent, EngineUnavailable

# Asterisk closes an idle connection after 15 s; a request sent at that moment would get no answer.
_KEEP_IDLE_CONNECTIONS: Final = 10.0
_MAX_EVENT_BYTES: Final = 1 << 20

EVENT_TYPES: Final = (
    "StasisStart",
    "Dial",
    "ChannelStateChange",
    "ChannelHangupRequest",
    "ChannelDestroyed",
    "ApplicationReplaced",
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
    dialplan: Dialplan = Dialplan()


class Bridge(msgspec.Struct, frozen=True):
    """What joins legs."""

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


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What of this application is alive in Asterisk, by id."""

    channels: dict[str, Channel]
    bridges: dict[str, Bridge]


class ChannelExists(Exception):
    """A channel of this id is there already."""


_log = structlog.get_logger()
_T = TypeVar("_T")

_event_decoder = msgspec.json.Decoder(Event)
_channels_decoder = msgspec.json.Decoder(list[Channel])
_bridges_decoder = msgspec.json.Decoder(list[Bridge])
_encoder = msgspec.json.Encoder()


class Ari:
    """A client for one ARI application.

    `url` is where Asterisk's HTTP server is, with or without `/ari`. `request_timeout` (seconds) limits each request, with the wait for a free one of `connections` in it.
    Methods raise EngineRefused, EngineUnavailable and EngineSilent; no error of aiohttp leaves here.
    """

    def __init__(
        self, *, url: str, user: str, password: str, application: str, request_timeout: float, connections: int
    ) -> None:
        self.application = application
        self._url = url.rstrip("/").removesuffix("/ari")
        self._headers = {"Authorization": aiohttp.encode_basic_auth(user, password)}
        self._request_timeout = request_timeout
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make ready; nothing is sent."""
        # Half for getting a connection and half for the answer: the two fail differently.
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
        parameters = {"endpoint": endpoint, "app": self.application, "channelId": channel_id}
        body = _encoder.encode({"variables": dict(variables)})
        status, _ = await self._send("POST", "channels/create", parameters, body)
        if status == 409:
            raise ChannelExists
        _expect_success(status, "create a channel")

    async def dial(self, channel_id: str, *, seconds: int) -> None:
        """Ring the far end of a channel, once: a second dial would ring it again or break the call."""
        await self._do("POST", f"channels/{channel_id}/dial", {"timeout": str(seconds)})

    async def hang_up(self, channel_id: str) -> bool:
        """End a channel. False where there is none."""
        return await self._do_if_there("DELETE", f"channels/{channel_id}")

    async def start_music(self, channel_id: str) -> None:
        """Let the far end hear hold music."""
        await self._do("POST", f"channels/{channel_id}/moh")

    async def stop_music(self, channel_id: str) -> None:
        """End the hold music."""
        await self._do("DELETE", f"channels/{channel_id}/moh")

    async def start_ringback(self, channel_id: str) -> None:
        """Let the far end hear the ringing tone."""
        await self._do("POST", f"channels/{channel_id}/ring")

    async def stop_ringback(self, channel_id: str) -> None:
        """End the ringing tone."""
        await self._do("DELETE", f"channels/{channel_id}/ring")

    async def mute(self, channel_id: str, *, muted: bool) -> None:
        """Drop what comes from the far end, or take it again."""
        await self._do("POST" if muted else "DELETE", f"channels/{channel_id}/mute", {"direction": "in"})

    async def send_dtmf(self, channel_id: str, digits: str, *, milliseconds: int, between: int) -> None:
        """Send digits to the far end. Returns before they are all sent."""
        parameters = {"dtmf": digits, "duration": str(milliseconds), "between": str(between)}
        await self._do("POST", f"channels/{channel_id}/dtmf", parameters)

    # ── bridges ──

    async def create_bridge(self, bridge_id: str) -> None:
        """Make a bridge; none the worse if it is there already."""
        parameters = {"type": "mixing", "name": self.application}
        status, _ = await self._send("POST", f"bridges/{bridge_id}", parameters)
        if status != 409:
            _expect_success(status, "create a bridge")

    async def add_to_bridge(self, bridge_id: str, *channel_ids: str) -> None:
        """Join channels."""
        await self._do("POST", f"bridges/{bridge_id}/addChannel", {"channel": ",".join(channel_ids)})

    async def remove_from_bridge(self, bridge_id: str, channel_id: str) -> None:
        """Part a channel from the others."""
        await self._do("POST", f"bridges/{bridge_id}/removeChannel", {"channel": channel_id})

    async def destroy_bridge(self, bridge_id: str) -> bool:
        """Take a bridge away. False where there is none."""
        return await self._do_if_there("DELETE", f"bridges/{bridge_id}")

    # ── the whole ──

    async def snapshot(self) -> Snapshot:
        """What is alive now. A channel counts from its StasisStart on."""
        # Bridges first: a leg that ends in between is then missing, and not taken for one that was put on hold.
        _, bridges = await self._do("GET", "bridges")
        _, channels = await self._do("GET", "channels")
        return Snapshot(
            bridges={bridge.id: bridge for bridge in _decode(_bridges_decoder, bridges) if self._is_ours(bridge)},
            channels={channel.id: channel for channel in _decode(_channels_decoder, channels) if self._is_in(channel)},
        )

    async def ping(self) -> None:
        """Return if Asterisk is up and has booted."""
        await self._do("GET", "asterisk/ping")

    async def filter_events(self) -> None:
        """Have only EVENT_TYPES sent. Works while the event socket is open."""
        body = _encoder.encode({"allowed": [{"type": name} for name in EVENT_TYPES]})
        status, _ = await self._send("PUT", f"applications/{self.application}/eventFilter", {}, body)
        _expect_success(status, "filter events")

    @asynccontextmanager
    async def events(self, *, heartbeat: float) -> AsyncIterator[AsyncIterator[Event]]:
        """The event socket, open; the iterator ends where the socket does.

        `heartbeat` (seconds) is how often it is tried. Raises EngineUnavailable where it cannot be opened.
        """
        url = self._to("events", {"app": self.application})
        try:
            async with asyncio.timeout(self._request_timeout):
                socket = await self._opened().ws_connect(url, heartbeat=heartbeat, max_msg_size=_MAX_EVENT_BYTES)
        except (aiohttp.ClientError, OSError, TimeoutError) as problem:
            raise EngineUnavailable("the event socket cannot be opened") from problem
        try:
            yield _read_events(socket)
        finally:
            await socket.close()

    # ── how ──

    async def _do(self, method: str, path: str, parameters: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        status, body = await self._send(method, path, parameters or {})
        _expect_success(status, path.rpartition("/")[2])
        return status, body

    async def _do_if_there(self, method: str, path: str) -> bool:
        status, _ = await self._send(method, path, {})
        if status == 404:
            return False
        _expect_success(status, method)
        return True

    async def _send(
        self, method: str, path: str, parameters: Mapping[str, str], body: bytes | None = None
    ) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"} if body else None
        try:
            async with self._opened().request(method, self._to(path, parameters), data=body, headers=headers) as answer:
                return answer.status, await answer.read()
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError) as problem:
            raise EngineUnavailable("Asterisk cannot be reached") from problem
        except (aiohttp.ClientError, OSError, TimeoutError) as problem:
            raise EngineSilent("Asterisk did not answer") from problem

    def _is_ours(self, bridge: Bridge) -> bool:
        return bridge.name == self.application

    def _is_in(self, channel: Channel) -> bool:
        where = channel.dialplan
        return where.app_name == "Stasis" and where.app_data.partition(",")[0] == self.application

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise EngineUnavailable("the engine is closed")
        return self._session

    def _to(self, path: str, parameters: Mapping[str, str]) -> str:
        query = f"?{urlencode(parameters, quote_via=quote, safe='')}" if parameters else ""
        return f"{self._url}/ari/{path}{query}"


async def _read_events(socket: aiohttp.ClientWebSocketResponse) -> AsyncIterator[Event]:
    async for message in socket:
        if message.type is aiohttp.WSMsgType.TEXT:
            try:
                yield _event_decoder.decode(message.data)
            except msgspec.MsgspecError as problem:
                _log.warning("asterisk.event_unreadable", problem=str(problem))


def _expect_success(status: int, what: str) -> None:
    if not 200 <= status < 300:
        raise EngineRefused(f"Asterisk answered {status} to: {what}")


def _decode(decoder: msgspec.json.Decoder[_T], body: bytes | str) -> _T:
    try:
        return decoder.decode(body)
    except msgspec.MsgspecError as problem:
        raise EngineSilent("Asterisk answered what cannot be read") from problem
