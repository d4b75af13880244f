"""The whole service: starts in order, stops in reverse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from manualdial.app.adapters import engine_for, registries_for, store_for
from manualdial.app.core import Core
from manualdial.app.status import Status, status_of
from manualdial.app.ways_in import server_of
from manualdial.clock import SystemClock
from manualdial.config import Config, ConfigurationError
from manualdial.ports import Clock, Engine, Storage
from manualdial.tracing import Tracing, exporting
from manualdial.transports.server import Server

log = structlog.get_logger(__name__)


class Service:
    """A service that is up: where it listens, and what it stands on."""

    def __init__(self, *, server: Server, core: Core) -> None:
        self._server = server
        self._core = core
        self.store = core.store
        self.engine = core.engine

    @property
    def url(self) -> str:
        """Where it listens."""
        return self._server.url

    async def ended(self) -> None:
        """Wait until it ends by itself: the server, or what must go on for as long as the service."""
        ends = [asyncio.ensure_future(end) for end in (self._server.ended(), self._core.tasks.death())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)

    async def status(self) -> Status:
        """Each dependency, with ok or why not."""
        return await status_of(self._core.store, self._core.engine, self._core.registries)


@asynccontextmanager
async def serving(
    config: Config, *, clock: Clock | None = None, engine: Engine | None = None, store: Storage | None = None
) -> AsyncIterator[Service]:
    """The whole service, up and listening; on leaving it stops in reverse order and leaves live calls to the engine.

    Raises ConfigurationError, StoreUnavailable where the database is not there, OSError where the port is taken.
    """
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        tracing = _tracing(config, stack)
        store = await stack.enter_async_context(store or store_for(config))
        core = Core(
            config,
            clock=clock,
            store=store,
            engine=engine or engine_for(config, clock),
            registries=registries_for(config),
            tracing=tracing,
        )
        await core.load()
        await stack.enter_async_context(core.engine)
        stack.push_async_callback(core.close)
        core.start()
        stack.push_async_callback(core.dialing.close, config.server.shutdown_timeout)
        server = await stack.enter_async_context(server_of(core))
        log.info("serving", url=server.url, engine=core.engine.name)
        yield Service(server=server, core=core)
        log.info("stopping", live_calls=len(core.live_calls))


def _tracing(config: Config, stack: AsyncExitStack) -> Tracing:
    """Spans go where the configuration says, if it says so."""
    if not config.telemetry.otlp_endpoint:
        return Tracing()
    try:
        tracing, shutdown = exporting(config.telemetry.otlp_endpoint)
    except ImportError:
        raise ConfigurationError("telemetry.otlp_endpoint: install the extra `otlp` for it") from None
    stack.callback(shutdown)
    return tracing
