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
from manualdial.ports import Authenticator, Clock, Registries, Storage
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
        """All that goes on for as long as the cell."""
        self.metrics = Metrics()
        self.bus = Bus(clock=clock, observe_delivered=self.metrics.delivered)
        self._hold()
        self._place()
        self._tend()
        self._answer(authenticator)

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
        """Read all that must be known before the first request. Raises StoreUnavailable."""
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
        """The counts and times, for Prometheus."""
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

    def _hold(self) -> None:
        """All that is held of calls and agents."""
        settings, dialing = self._settings, self._settings.dialing
        self.live_calls = LiveCalls(
            watchdog=CallWatchdog(
                clock=self.clock,
                settles_after=dialing.unknown_settles_after,
                first_pause=settings.first_pause,
                silence=dialing.silence,
            )
        )
        self.sessions = Sessions(
            bus=self.bus,
            store=self.store,
            live_calls=self.live_calls,
            clock=self.clock,
            connectors=self._connectors,
            grace=settings.grace,
            store_timeout=settings.store_timeout,
        )
        self.progress = CallProgress(
            engines=self.engines,
            live_calls=self.live_calls,
            store=self.store,
            bus=self.bus,
            sessions=self.sessions,
            clock=self.clock,
            metrics=self.metrics,
            wrap_up=dialing.wrap_up,
        )
        self.sessions.before_end = self.progress.end_wrap_up

    def _place(self) -> None:
        """All that a press goes through."""
        settings, dialing = self._settings, self._settings.dialing
        self.closures = Closures(
            store=self.store, clock=self.clock, interval=settings.closures_interval, stale_after=settings.closures_stale
        )
        self.screener = Screener(
            store=self.store,
            registries=self.registries,
            closures=self.closures,
            policies=self._policies,
            no_place=settings.no_place,
            store_timeout=settings.store_timeout,
        )
        guard = DoubleClickGuard(clock=self.clock, seconds=dialing.guard)
        self.idempotency = Idempotency(store=self.store, live_calls=self.live_calls, guard=guard)
        self._agent_locks = AgentLocks()
        self.dialing = Dialing(
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
                agent_rate=dialing.agent_rate,
                agent_burst=dialing.agent_burst,
                engine_rate=dialing.engine_rate,
                engine_burst=dialing.engine_burst,
            ),
            clock=self.clock,
            metrics=self.metrics,
            span=self.span,
            store_timeout=settings.store_timeout,
            patience=settings.patience,
            lead_seconds=settings.lead_seconds,
        )

    def _tend(self) -> None:
        """All that goes on by itself."""
        settings = self._settings
        self.recoveries = {
            engine.name: Recovery(
                engine=engine,
                live_calls=self.live_calls,
                progress=self.progress,
                clock=self.clock,
                metrics=self.metrics,
                interval=settings.look_interval,
            )
            for engine in self.engines
        }
        self.in_doubt = InDoubtResolution(
            idempotency=self.idempotency,
            agent_locks=self._agent_locks,
            interval=settings.retract_interval,
            store_timeout=settings.store_timeout,
        )
        self.retention = Retention(
            store=self.store,
            chain=self.store,
            clock=self.clock,
            remember_presses=settings.remember_presses,
            keep_calls=settings.keep_calls,
            keep_evidence=settings.keep_evidence,
            interval=settings.prune_interval,
            pause=settings.prune_pause,
        )

    def _answer(self, authenticator: Authenticator) -> None:
        """All that can be asked."""
        settings, dialing = self._settings, self._settings.dialing
        self.dependencies = Dependencies(
            store=self.store,
            engines=self.engines,
            registries=self.registries,
            tasks=self.tasks,
            clock=self.clock,
            max_age=settings.health_age,
        )
        self.history = History(store=self.store, default_region=dialing.default_region)
        self.screening = ScreeningRequests(
            screener=self.screener,
            store=self.store,
            sessions=self.sessions,
            live_calls=self.live_calls,
            tenants=self._tenants,
            clock=self.clock,
            default_region=dialing.default_region,
            limit=settings.request_timeout,
        )
        self.dial_requests = DialRequests(
            dialing=self.dialing,
            store=self.store,
            engines=self.engines,
            sessions=self.sessions,
            tenants=self._tenants,
            clock=self.clock,
            metrics=self.metrics,
        )
        self.control = CallControl(
            engines=self.engines,
            live_calls=self.live_calls,
            progress=self.progress,
            clock=self.clock,
            event_timeout=dialing.event_timeout,
        )
        self.agents = AgentRequests(
            sessions=self.sessions,
            live_calls=self.live_calls,
            engines=self.engines,
            default_region=dialing.default_region,
        )
        self.registration = Registration(
            bus=self.bus, sessions=self.sessions, authenticator=authenticator, snapshots=self.agents.snapshots
        )
        self.routes = routes(
            connectors=self._connectors,
            dialing=self.dial_requests,
            screening=self.screening,
            control=self.control,
            agents=self.agents,
            registration=self.registration,
        )
        self.dispatcher = self._dispatcher(self.routes)

    def _dispatcher(self, routes: Routes) -> Dispatcher:
        return Dispatcher(
            bus=self.bus,
            routes=routes,
            limit=self._settings.request_timeout,
            span=self.span,
            observe=self.metrics.request,
        )
