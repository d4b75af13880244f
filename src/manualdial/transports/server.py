"""The HTTP server: uvicorn inside a loop that is ours, stopped in our order, without signal handlers of its own."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import math
import socket
from collections.abc import Generator, Sequence

import uvicorn
from litestar.types import ASGIApp

from manualdial.tasks import Tasks
from manualdial.transports.bounded_http import BoundedHttp
from manualdial.transports.websocket import BusEndpoint


class Server:
    """HTTP and the bus on one port.

    An async context manager: entering listens and raises OSError where it cannot; leaving stops listening, lets what is
    under way end within `stop_limit` seconds, and closes every connection of the bus with 4503.
    """

    def __init__(
        self,
        *,
        app: ASGIApp,
        endpoint: BusEndpoint,
        under_way: Tasks,
        host: str,
        port: int,
        stop_limit: float,
        head_timeout: float = 10.0,
        keep_alive: float = 30.0,
        trusted_proxies: Sequence[str] = (),
    ) -> None:
        """`port` 0 takes a free one; `head_timeout` is what a client has for the head of a request, and `keep_alive`
        the time between two, in seconds; only `trusted_proxies` are believed who the client is."""
        self._endpoint = endpoint
        self._under_way = under_way
        self._stop_limit = stop_limit
        self._host = host
        self._port = port
        self._serving: asyncio.Task[None] | None = None
        self._uvicorn = _Uvicorn(
            uvicorn.Config(
                app,
                loop="none",
                http=functools.partial(BoundedHttp, head_timeout=head_timeout),  # type: ignore[arg-type]  # makes a protocol
                ws=endpoint.protocol,  # type: ignore[arg-type]  # picows derives from another protocol of asyncio
                lifespan="off",
                interface="asgi3",
                log_config=None,
                log_level="warning",
                access_log=False,
                proxy_headers=bool(trusted_proxies),
                forwarded_allow_ips=list(trusted_proxies),
                server_header=False,
                timeout_keep_alive=math.ceil(keep_alive),
                timeout_graceful_shutdown=math.ceil(stop_limit),
            )
        )

    @property
    def port(self) -> int:
        """The port that is listened on; once started it is the one that was taken for 0."""
        return self._port

    @property
    def url(self) -> str:
        """The address of the server, for people and tests."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    async def __aenter__(self) -> Server:
        listening = _listening(self._host, self._port)
        self._port = int(listening.getsockname()[1])
        self._serving = asyncio.create_task(self._uvicorn.serve(sockets=[listening]))
        started = asyncio.create_task(self._uvicorn.ready.wait())
        await asyncio.wait({started, self._serving}, return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        if self._serving.done():
            listening.close()
            await self._serving
        await self._endpoint.__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._uvicorn.should_exit = True
        if self._serving is not None:
            await self._serving
        await self._under_way.close(limit=self._stop_limit)
        await self._endpoint.__aexit__(*exception)

    async def ended(self) -> None:
        """Wait until the server has stopped, also if nobody told it to."""
        if self._serving is not None:
            await asyncio.shield(self._serving)


class _Uvicorn(uvicorn.Server):
    """Signals belong to the program that holds the server."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def _listening(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError:
        listening.close()
        raise
    listening.setblocking(False)
    return listening
