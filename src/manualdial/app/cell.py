"""A cell: everything between the database, the engine and the sockets, introduced to each other."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Self

from manualdial.app.cell_settings import CellSettings
from manualdial.app.health import Dependencies
from manualdial.audit.retention import Retention
from manualdial.bus.bus import Bus
from manualdial.dialing.dial_rate import DialRate
from manualdial.dialing.dialing import Dialing
from manualdial.dialing.double_click_guard import DoubleClickGuard
from manualdial.dialing.idempotency import AgentLocks, Idempotency
from manualdial.dialing.in_doubt import InDoubtResolution
from manualdial.law.policies import Policies
from manualdial.law.preload import preload
from manualdial.live.call_progress import CallProgress
from manualdial.live.engine_reports import read_reports
from manualdial.live.live_calls import CallWatchdog, Engines, LiveCalls
from manualdial.live.recovery import Recovery, take_over
from manualdial.live.sessions import Sessions
from manualdial.ports import Authenticator, Clock, Engine, Registries, Storage
from manualdial.requests.agents import AgentRequests
from manualdial.requests.call_control import CallControl
from manualdial.requests.dial import DialRequests
from manualdial.requests.dispatcher import Dispatcher, Routes
from manualdial.requests.history import History
from manualdial.requests.registration import Registration
from manualdial.requests.routes import routes
from manualdial.requests.screening import ScreeningRequests
from manualdial.screening.screener import Closures, Screener
from manualdial.screening.tenants import Tenants
from manualdial.tasks import Tasks
from manualdial.telemetry.metrics import Metrics
from manualdial.telemetry.tracing import Span
from manualdial.wire.addresses import AMAZON


class Cell:
    """One truth: the logins, the live calls, the bus and its numbers, the locks, limits and deadlines over one store.

    It reaches nothing but what it is handed, so that a process can hold several that see nothing of each other.
    An async context manager of one life: entering takes over what an earlier one has left in the store and starts;
    leaving ends the presses that are under way, all tasks and timers, and leaves live calls to the engine. The store
    is open before and closed after. StoreUnavailable where that does not give what must be known at the start.
    """

    def __init__(
        self,
        settings: CellSettings,
        *,
        store: Storage,
        engines: Engines,
        registries: Registries,
        policies: Policies,
        tenants: Tenants,
        authenticator: Authenticator,
        clock: Clock,
        span: Span,
    ) -> None:
        self.store, self.engines, self.registries = store, engines, registries
        self.clock, self.span = clock, span
        self._settings, self._policies, self._tenants = settings, policies, tenants
        self._connectors = (AMAZON, *(engine.name for engine in engines))
        self._stack = AsyncExitStack()
        self.tasks = Tasks()
        """What goes on for as long as the cell."""
        self.metrics = Metrics()
        self.bus = Bus(clock=clock, observe_delivered=self.metrics.delivered)
        self._agent_locks = AgentLocks()
        # What it holds of calls and agents
        self.live_calls = self._live_calls()
        self.sessions = self._sessions()
        self.progress = self._progress()
        self.sessions.before_end = self.progress.end_wrap_up
        # What becomes of a press
        self.closures = self._closures()
        self.screener = self._screener()
        self.idempotency = self._idempotency()
        self.dialing = self._dialing()
        # What it does by itself
        self.recoveries = {engine.name: self._recovery(engine) for engine in engines}
        self.in_doubt = self._in_doubt()
        self.retention = self._retention()
        # What it can be asked
        self.dependencies = self._dependencies()
        self.history = History(store=store, default_region=settings.default_region)
        self.screening = self._screening_requests()
        self.dial_requests = self._dial_requests()
        self.control = self._call_control()
        self.agents = self._agent_requests()
        self.registration = Registration(
            bus=self.bus, sessions=self.sessions, authenticator=authenticator, snapshots=self.agents.snapshots
        )
        self.routes = self._routes()
        self.dispatcher = self._dispatcher()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.callback(self.stop_timers)
            await self.load()
            for engine in self.engines:
                await stack.enter_async_context(engine)
            stack.push_async_callback(self.tasks.close)
            self._start()
            stack.push_async_callback(self.dialing.close, self._settings.stop_limit)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._stack.aclose()

    async def load(self) -> None:
        """What must be known before the first request: open calls and logins, closures. Raises StoreUnavailable."""
        await take_over(
            store=self.store,
            engines=self.engines,
            live_calls=self.live_calls,
            progress=self.progress,
            sessions=self.sessions,
            clock=self.clock,
        )
        await self.closures.load()
        await self.store.keep_policies(self._policies.version.version, self._policies.data(), at=self.clock.now())
        await asyncio.to_thread(preload, self._policies)

    def figures(self) -> bytes:
        """What is counted and measured, for Prometheus."""
        return self.metrics.text(
            live_calls=len(self.live_calls),
            agents=len(self.sessions),
            readers=self.bus.readers,
            commits=self.store.commits,
        )

    def stop_timers(self) -> None:
        """End what waits for a moment: grace times and wrap-ups."""
        self.sessions.close()
        self.progress.close()

    def _start(self) -> None:
        for engine in self.engines:
            recovery = self.recoveries[engine.name]
            reports = read_reports(engine, progress=self.progress, recovery=recovery)
            self.tasks.keep(reports, name=f"reports of {engine.name}")
            self.tasks.keep(recovery.run(), name=f"recovery of {engine.name}")
        self.tasks.keep(self.in_doubt.run(), name="in-doubt resolution")
        self.tasks.keep(self.retention.run(), name="retention")
        self.tasks.keep(self.closures.run(), name="closures")
        self.tasks.keep(self.store.death(), name="store")

    def _live_calls(self) -> LiveCalls:
        watchdog = CallWatchdog(
            clock=self.clock,
            settles_after=self._settings.unknown_settles_after,
            first_pause=self._settings.first_pause,
            silence=self._settings.silence,
        )
        return LiveCalls(watchdog=watchdog)

    def _sessions(self) -> Sessions:
        return Sessions(
            bus=self.bus,
            store=self.store,
            live_calls=self.live_calls,
            clock=self.clock,
            connectors=self._connectors,
            grace=self._settings.grace,
            store_timeout=self._settings.store_timeout,
        )

    def _progress(self) -> CallProgress:
        return CallProgress(
            engines=self.engines,
            live_calls=self.live_calls,
            store=self.store,
            bus=self.bus,
            sessions=self.sessions,
            clock=self.clock,
            metrics=self.metrics,
            wrap_up=self._settings.wrap_up,
        )

    def _closures(self) -> Closures:
        return Closures(
            store=self.store,
            clock=self.clock,
            interval=self._settings.closures_interval,
            stale_after=self._settings.closures_stale,
        )

    def _screener(self) -> Screener:
        return Screener(
            store=self.store,
            registries=self.registries,
            closures=self.closures,
            policies=self._policies,
            no_place=self._settings.no_place,
            store_timeout=self._settings.store_timeout,
        )

    def _idempotency(self) -> Idempotency:
        guard = DoubleClickGuard(clock=self.clock, seconds=self._settings.guard)
        return Idempotency(store=self.store, live_calls=self.live_calls, guard=guard)

    def _dialing(self) -> Dialing:
        return Dialing(
            engines=self.engines,
            store=self.store,
            chain=self.store,
            screener=self.screener,
            sessions=self.sessions,
            live_calls=self.live_calls,
            progress=self.progress,
            idempotency=self.idempotency,
            agent_locks=self._agent_locks,
            rate=DialRate(
                clock=self.clock,
                agent_rate=self._settings.agent_rate,
                agent_burst=self._settings.agent_burst,
                engine_rate=self._settings.engine_rate,
                engine_burst=self._settings.engine_burst,
            ),
            clock=self.clock,
            metrics=self.metrics,
            span=self.span,
            store_timeout=self._settings.store_timeout,
            patience=self._settings.patience,
            lead_seconds=self._settings.lead_seconds,
        )

    def _recovery(self, engine: Engine) -> Recovery:
        return Recovery(
            engine=engine,
            live_calls=self.live_calls,
            progress=self.progress,
            clock=self.clock,
            metrics=self.metrics,
            interval=self._settings.look_interval,
        )

    def _in_doubt(self) -> InDoubtResolution:
        return InDoubtResolution(
            idempotency=self.idempotency,
            agent_locks=self._agent_locks,
            interval=self._settings.retract_interval,
            store_timeout=self._settings.store_timeout,
        )

    def _retention(self) -> Retention:
        return Retention(
            store=self.store,
            chain=self.store,
            clock=self.clock,
            remember_presses=self._settings.remember_presses,
            keep_calls=self._settings.keep_calls,
            keep_evidence=self._settings.keep_evidence,
            interval=self._settings.prune_interval,
            pause=self._settings.prune_pause,
        )

    def _dependencies(self) -> Dependencies:
        return Dependencies(
            store=self.store,
            engines=self.engines,
            registries=self.registries,
            tasks=self.tasks,
            clock=self.clock,
            max_age=self._settings.health_age,
        )

    def _dial_requests(self) -> DialRequests:
        return DialRequests(
            dialing=self.dialing,
            store=self.store,
            engines=self.engines,
            sessions=self.sessions,
            tenants=self._tenants,
            clock=self.clock,
            metrics=self.metrics,
        )

    def _screening_requests(self) -> ScreeningRequests:
        return ScreeningRequests(
            screener=self.screener,
            store=self.store,
            sessions=self.sessions,
            live_calls=self.live_calls,
            tenants=self._tenants,
            clock=self.clock,
            default_region=self._settings.default_region,
            limit=self._settings.request_timeout,
        )

    def _call_control(self) -> CallControl:
        return CallControl(
            engines=self.engines,
            live_calls=self.live_calls,
            progress=self.progress,
            clock=self.clock,
            event_timeout=self._settings.event_timeout,
        )

    def _agent_requests(self) -> AgentRequests:
        return AgentRequests(
            sessions=self.sessions,
            live_calls=self.live_calls,
            engines=self.engines,
            default_region=self._settings.default_region,
        )

    def _routes(self) -> Routes:
        return routes(
            connectors=self._connectors,
            dialing=self.dial_requests,
            screening=self.screening,
            control=self.control,
            agents=self.agents,
            registration=self.registration,
        )

    def _dispatcher(self) -> Dispatcher:
        return Dispatcher(
            bus=self.bus,
            routes=self.routes,
            limit=self._settings.request_timeout,
            span=self.span,
            observe=self.metrics.request,
        )
