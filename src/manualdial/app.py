"""The composition root: the only module that knows every class. Starts in order, stops in reverse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import structlog

from manualdial import views
from manualdial.agent_requests import AgentRequests
from manualdial.agents import Caller
from manualdial.bus import Bus
from manualdial.call_control import CallControl
from manualdial.call_progress import CallProgress
from manualdial.clock import SystemClock
from manualdial.config import Config, ConfigurationError, EngineKind, longest_press
from manualdial.deadlines import Deadlines
from manualdial.dialing import Dialing
from manualdial.dispatcher import Dispatcher
from manualdial.earlier_presses import EarlierPresses
from manualdial.engines.asterisk import AsteriskEngine
from manualdial.engines.simulator import SimulatorEngine
from manualdial.envelope import Address, Outgoing, reply
from manualdial.guard import Guard
from manualdial.history import History
from manualdial.live_calls import LiveCalls
from manualdial.metrics import Metrics
from manualdial.ports import Clock, Engine, Health, Reconnected, Store, Stray
from manualdial.presses import PressSettings
from manualdial.recovery import Recovery
from manualdial.registration import Registration
from manualdial.retention import Retention
from manualdial.retraction import Retraction
from manualdial.routes import AMAZON, routes
from manualdial.sessions import Sessions
from manualdial.storage.store import SqlStore
from manualdial.tracing import Tracing, exporting
from manualdial.transports.http import http_app
from manualdial.transports.identity import Identity
from manualdial.transports.server import Server
from manualdial.transports.token_secret import token_secret
from manualdial.transports.under_way import UnderWay
from manualdial.transports.websocket import BusEndpoint
from manualdial.turns import Turns

log = structlog.get_logger(__name__)

_LOOK_INTERVAL = 0.5
_FIRST_PAUSE = 1.0
_RETRACT_INTERVAL = 2.0
_PRUNE_INTERVAL = 900.0
_PRUNE_PAUSE = 0.05
_STATUS_AGE = 1.0
_REPORTS_AT_ONCE = 100
"""After so many reports everybody else has a turn: after a gap an engine may report thousands."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the service works, and each thing that it needs."""

    ok: bool
    dependencies: dict[str, Health]


class Service:
    """A service that is up: where it listens, and what it stands on."""

    def __init__(self, *, server: Server, store: Store, engine: Engine) -> None:
        self._server = server
        self.store = store
        self.engine = engine

    @property
    def url(self) -> str:
        """Where it listens."""
        return self._server.url

    async def ended(self) -> None:
        """Wait until it ends by itself."""
        await self._server.ended()

    async def status(self) -> Status:
        """Each dependency, with ok or why not."""
        return await _status(self.store, self.engine)


def store_for(config: Config) -> Store:
    """The store that the configuration names. Raises ConfigurationError for an address that is none."""
    try:
        return SqlStore(
            config.storage.url,
            flush_timeout=config.server.shutdown_timeout,
            answer_timeout=config.storage.timeout,
        )
    except ValueError:
        raise ConfigurationError("storage.url: sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE") from None


def engine_for(config: Config, clock: Clock) -> Engine:
    """The engine that the configuration names."""
    if config.engine.kind is EngineKind.SIMULATOR:
        simulator = config.engine.simulator
        return SimulatorEngine(speed=simulator.speed, seed=simulator.seed)
    asterisk = config.engine.asterisk
    return AsteriskEngine(
        url=asterisk.url,
        user=asterisk.user,
        password=asterisk.password,
        application=asterisk.application,
        agent_endpoint=asterisk.agent_endpoint,
        trunk_endpoint=asterisk.trunk_endpoint,
        caller_id=asterisk.caller_id or None,
        agent_timeout=asterisk.agent_timeout,
        customer_timeout=asterisk.customer_timeout,
        extension_pause=asterisk.extension_pause,
        request_timeout=asterisk.request_timeout,
        clock=clock,
    )


@asynccontextmanager
async def serving(
    config: Config, *, clock: Clock | None = None, engine: Engine | None = None, store: Store | None = None
) -> AsyncIterator[Service]:
    """The whole service, up and listening; on leaving it stops in reverse order and leaves live calls to the engine.

    Raises ConfigurationError, StoreUnavailable where the database is not there, OSError where the port is taken.
    """
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        tracing = _tracing(config, stack)
        store = await stack.enter_async_context(store or store_for(config))
        core = _Core(config, clock=clock, store=store, engine=engine or engine_for(config, clock), tracing=tracing)
        await core.recovery.load()
        await stack.enter_async_context(core.engine)
        stack.callback(core.close)
        await stack.enter_async_context(_owned(*core.background()))
        stack.push_async_callback(core.dialing.close, config.server.shutdown_timeout)
        server = await stack.enter_async_context(core.server())
        log.info("serving", url=server.url, engine=core.engine.name)
        yield Service(server=server, store=store, engine=core.engine)
        log.info("stopping", live_calls=len(core.live_calls))


class _Core:
    """Everything between the database and the sockets, introduced to each other."""

    def __init__(self, config: Config, *, clock: Clock, store: Store, engine: Engine, tracing: Tracing) -> None:
        self._config = config
        self._tracing = tracing
        self._clock = clock
        self._store = store
        self._asking = asyncio.Lock()
        self._asked: tuple[float, Status] | None = None
        self.engine = engine
        self.metrics = Metrics()
        self.live_calls = LiveCalls()
        self.bus = Bus(clock=clock, observe_delivered=self.metrics.delivered)
        self.sessions = Sessions(
            bus=self.bus,
            store=store,
            live_calls=self.live_calls,
            clock=clock,
            connectors=(AMAZON, engine.name),
            grace=config.agents.grace,
            store_timeout=config.storage.timeout,
        )
        deadlines = Deadlines(
            clock=clock,
            settles_after=config.dialing.unknown_settles_after,
            first_pause=_FIRST_PAUSE,
            silence=config.dialing.silence,
        )
        self.progress = CallProgress(
            live_calls=self.live_calls,
            deadlines=deadlines,
            store=store,
            bus=self.bus,
            sessions=self.sessions,
            clock=clock,
            metrics=self.metrics,
            wrap_up=config.dialing.wrap_up,
        )
        self.sessions.before_end = self.progress.end_wrap_up
        turns = Turns()
        earlier = EarlierPresses(
            store=store, live_calls=self.live_calls, guard=Guard(clock=clock, seconds=config.dialing.guard)
        )
        self.dialing = Dialing(
            engine=engine,
            store=store,
            sessions=self.sessions,
            live_calls=self.live_calls,
            progress=self.progress,
            earlier=earlier,
            turns=turns,
            clock=clock,
            metrics=self.metrics,
            tracing=tracing,
            settings=PressSettings(purpose=config.dialing.purpose, caller_ids=frozenset(config.dialing.caller_ids)),
            store_timeout=config.storage.timeout,
            patience=config.server.request_timeout - longest_press(config),
        )
        self.control = CallControl(
            engine=engine,
            live_calls=self.live_calls,
            progress=self.progress,
            clock=clock,
            event_timeout=config.dialing.event_timeout,
        )
        self.recovery = Recovery(
            engine=engine,
            store=store,
            live_calls=self.live_calls,
            deadlines=deadlines,
            progress=self.progress,
            sessions=self.sessions,
            clock=clock,
            metrics=self.metrics,
            interval=_LOOK_INTERVAL,
        )
        self.retraction = Retraction(
            earlier=earlier,
            turns=turns,
            interval=_RETRACT_INTERVAL,
            store_timeout=config.storage.timeout,
        )
        keep_calls = config.storage.keep_calls
        self.retention = Retention(
            store=store,
            clock=clock,
            remember_presses=timedelta(days=config.storage.remember_presses),
            keep_calls=timedelta(days=keep_calls) if keep_calls else None,
            interval=_PRUNE_INTERVAL,
            pause=_PRUNE_PAUSE,
        )

    def server(self) -> Server:
        """The ways in: not listening yet."""
        config = self._config
        identity = Identity(
            store=self._store,
            clock=self._clock,
            secret=_token_secret(config),
            token_lifetime=config.authentication.token_lifetime,
            attempts=config.authentication.attempts,
            attempt_interval=config.authentication.attempt_interval,
            address_attempts=config.authentication.address_attempts,
            address_attempt_interval=config.authentication.address_attempt_interval,
        )
        registration = Registration(
            bus=self.bus, sessions=self.sessions, authenticator=identity, snapshots=self._snapshots
        )
        table = routes(
            connectors=(AMAZON, self.engine.name),
            dialing=self.dialing,
            control=self.control,
            agents=AgentRequests(
                sessions=self.sessions,
                live_calls=self.live_calls,
                engine=self.engine,
                default_region=config.dialing.default_region,
            ),
            registration=registration,
        )
        dispatcher = Dispatcher(
            bus=self.bus,
            routes=table.by_key,
            published_only=table.published_only,
            channels=table.channels,
            limit=config.server.request_timeout,
            tracing=self._tracing,
            observe=self.metrics.request,
        )
        under_way = UnderWay(stop_limit=config.server.shutdown_timeout)
        endpoint = BusEndpoint(
            dispatcher=dispatcher,
            gone=registration.gone,
            under_way=under_way,
            clock=self._clock,
            register_timeout=config.server.register_timeout,
            ping_interval=config.server.ping_interval,
            max_reader_lag=config.server.max_reader_lag,
            max_requests=config.server.max_requests,
            max_connections=config.server.max_connections,
            max_incoming_rate=config.server.max_incoming_rate,
            allowed_origins=config.server.allowed_origins,
            observe_closed=self.metrics.closed,
        )
        http = http_app(
            dispatcher=dispatcher,
            identity=identity,
            records=History(store=self._store),
            under_way=under_way,
            status=self.dependencies,
            metrics=lambda: self.metrics.text(
                live_calls=len(self.live_calls),
                agents=len(self.sessions),
                readers=self.bus.readers,
                commits=self._store.commits,
            ),
            metrics_open=config.server.open_metrics,
            body_timeout=config.server.register_timeout,
            allowed_origins=config.server.allowed_origins,
        )
        return Server(
            app=http,
            endpoint=endpoint,
            under_way=under_way,
            host=config.server.host,
            port=config.server.port,
            stop_limit=config.server.shutdown_timeout,
            trusted_proxies=config.server.trusted_proxies,
        )

    async def dependencies(self) -> dict[str, Health]:
        """Each thing that the service needs, with ok or why not; asked once a second at most, whoever asks."""
        async with self._asking:
            if self._asked is None or self._clock.monotonic() - self._asked[0] >= _STATUS_AGE:
                status = await _status(self._store, self.engine)
                self._asked = (self._clock.monotonic(), status)
            return self._asked[1].dependencies

    def background(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """What goes on for as long as the service runs."""
        return self.read_reports(), self.recovery.run(), self.retraction.run(), self.retention.run()

    async def read_reports(self) -> None:
        """The engine's reports, one after the other. One that cannot be handled stops none of the others."""
        handled = 0
        async for report in self.engine.reports():
            try:
                match report:
                    case Reconnected():
                        self.recovery.engine_is_back()
                    case Stray():
                        self.recovery.on_stray(report)
                    case _:
                        self.progress.on_report(report)
            except Exception:  # a delivery loop: one report's failure is its own
                log.exception("a report of the engine could not be handled")
            handled += 1
            if handled % _REPORTS_AT_ONCE == 0:  # those that wait already come without a pause
                await asyncio.sleep(0)

    def close(self) -> None:
        """Stop all timers."""
        self.sessions.close()
        self.progress.close()

    def _snapshots(self, caller: Caller) -> tuple[Outgoing, Outgoing]:
        session = self.sessions.get(caller.user_id)
        connector = session.connector if session else AMAZON
        agent = views.agent_sync(session) if session else views.not_logged_in()
        return (
            reply(Address(connector, "Agent", "StateSync"), agent),
            reply(Address(connector, "InboundCall", "StateSync"), self.control.snapshot(caller.user_id)),
        )


async def _status(store: Store, engine: Engine) -> Status:
    database, telephony = await asyncio.gather(store.health(), engine.health())
    dependencies = {"database": database, "engine": telephony}
    return Status(ok=all(health.ok for health in dependencies.values()), dependencies=dependencies)


@asynccontextmanager
async def _owned(*coroutines: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Tasks that run for as long as the service, and are over when it is."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _token_secret(config: Config) -> bytes:
    try:
        return token_secret(Path(config.authentication.secret_file))
    except ValueError as fault:
        raise ConfigurationError(f"authentication.secret_file: {fault}") from None


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
