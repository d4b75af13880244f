"""The whole service: starts in order, stops in reverse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext

import structlog

from manualdial.app.adapters import policies_for, registries_for, store_for, tenants_for
from manualdial.app.cell import Cell
from manualdial.app.cell_settings import cell_settings
from manualdial.app.engine import engine_for
from manualdial.app.server import identity_of, server_of
from manualdial.clock import SystemClock
from manualdial.config import Config, ConfigurationError
from manualdial.live.live_calls import Engines
from manualdial.ports import Clock, Engine, Storage
from manualdial.telemetry.tracing import Span, exporting
from manualdial.transports.server import Server

log = structlog.get_logger(__name__)


class Service:
    """A service that is up: where it listens, and what it stands on."""

    def __init__(self, *, server: Server, cell: Cell, engine: Engine) -> None:
        self._server = server
        self._cell = cell
        self.store = cell.store
        self.engine = engine

    @property
    def url(self) -> str:
        """Where it listens."""
        return self._server.url

    async def ended(self) -> None:
        """Wait until it ends by itself: the server, or what must go on for as long as the service."""
        ends = [asyncio.ensure_future(end) for end in (self._server.ended(), self._cell.tasks.death())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)


@asynccontextmanager
async def serving(
    config: Config, *, clock: Clock | None = None, engine: Engine | None = None, store: Storage | None = None
) -> AsyncIterator[Service]:
    """The whole service, up and listening; on leaving it stops in reverse order and leaves live calls to the engine.

    Raises ConfigurationError, StoreUnavailable where the database is not there, OSError where the port is taken.
    """
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        span = _span(config, stack)
        store = await stack.enter_async_context(store or store_for(config))
        identity = identity_of(config, store=store, clock=clock)
        policies = policies_for(config)
        engine = engine or engine_for(config, clock)
        cell = Cell(
            cell_settings(config),
            store=store,
            engines=Engines(engine),
            registries=registries_for(config),
            policies=policies,
            tenants=tenants_for(config, policies),
            authenticator=identity,
            clock=clock,
            span=span,
        )
        await stack.enter_async_context(cell)
        server = await stack.enter_async_context(server_of(config, cell, identity))
        log.info("serving", url=server.url, engine=engine.name)
        yield Service(server=server, cell=cell, engine=engine)
        log.info("stopping", live_calls=len(cell.live_calls))


def _span(config: Config, stack: AsyncExitStack) -> Span:
    """Spans go where the configuration says, if it says so."""
    if not config.telemetry.otlp_endpoint:
        return nullcontext
    try:
        span, shutdown = exporting(config.telemetry.otlp_endpoint)
    except ImportError:
        raise ConfigurationError("telemetry.otlp_endpoint: install the extra `otlp` for it") from None
    stack.callback(shutdown)
    return span
