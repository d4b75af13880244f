"""Everything between the database and the sockets, introduced to each other."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from manualdial import views
from manualdial.agents import Caller
from manualdial.app.adapters import policies_for, tenants_for
from manualdial.app.status import Status, status_of
from manualdial.bus import Bus
from manualdial.call_control import CallControl
from manualdial.call_progress import CallProgress
from manualdial.closures import Closures
from manualdial.config import Config, longest_agent_leg, longest_press
from manualdial.deadlines import Deadlines
from manualdial.dial_rate import DialRate
from manualdial.dialing import Dialing
from manualdial.earlier_presses import EarlierPresses
from manualdial.envelope import Address, Outgoing, reply
from manualdial.guard import Guard
from manualdial.live_calls import LiveCalls
from manualdial.metrics import Metrics
from manualdial.ports import Clock, Engine, Health, Reconnected, Storage, Stray
from manualdial.recovery import Recovery
from manualdial.registries.held_copies import Registries
from manualdial.retention import Retention
from manualdial.retraction import Retraction
from manualdial.routes import AMAZON
from manualdial.screener import Screener
from manualdial.screening.warming import warm_up
from manualdial.screening_requests import ScreeningRequests
from manualdial.sessions import Sessions
from manualdial.tasks import Tasks
from manualdial.tracing import Tracing
from manualdial.turns import Turns

log = structlog.get_logger(__name__)

_LOOK_INTERVAL = 0.5
_FIRST_PAUSE = 1.0
_RETRACT_INTERVAL = 2.0
_PRUNE_INTERVAL = 900.0
_PRUNE_PAUSE = 0.05
_STATUS_AGE = 1.0
_CLOSURES_INTERVAL = 0.5
_CLOSURES_STALE = 10.0
_REPORTS_AT_ONCE = 100
"""After so many reports everybody else has a turn: after a gap an engine may report thousands."""


class Core:
    """Everything between the database and the sockets, introduced to each other."""

    def __init__(
        self, config: Config, *, clock: Clock, store: Storage, engine: Engine, registries: Registries, tracing: Tracing
    ) -> None:
        """Raises ConfigurationError."""
        self.config = config
        self.tracing = tracing
        self.clock = clock
        self.store = store
        self.registries = registries
        self.tasks = Tasks()
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
        self.closures = Closures(store=store, clock=clock, interval=_CLOSURES_INTERVAL, stale_after=_CLOSURES_STALE)
        self.policies = policies_for(config)
        tenants = tenants_for(config, self.policies)
        screener = Screener(
            store=store,
            registries=registries,
            closures=self.closures,
            policies=self.policies,
            no_place=config.screening.no_place,
            store_timeout=config.storage.timeout,
        )
        self.screening = ScreeningRequests(
            screener=screener,
            store=store,
            sessions=self.sessions,
            live_calls=self.live_calls,
            tenants=tenants,
            clock=clock,
            default_region=config.dialing.default_region,
            limit=config.server.request_timeout,
        )
        self.dialing = Dialing(
            engine=engine,
            store=store,
            chain=store,
            screener=screener,
            sessions=self.sessions,
            live_calls=self.live_calls,
            progress=self.progress,
            earlier=earlier,
            turns=turns,
            rate=DialRate(
                clock=clock,
                agent_rate=config.dialing.agent_rate,
                agent_burst=config.dialing.agent_burst,
                engine_rate=config.dialing.engine_rate,
                engine_burst=config.dialing.engine_burst,
            ),
            clock=clock,
            metrics=self.metrics,
            tracing=tracing,
            tenants=tenants,
            store_timeout=config.storage.timeout,
            patience=config.server.request_timeout - longest_press(config),
            lead_seconds=longest_agent_leg(config),
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
        keep_calls, keep_evidence = config.storage.keep_calls, config.screening.keep_evidence
        self.retention = Retention(
            store=store,
            chain=store,
            clock=clock,
            remember_presses=timedelta(days=config.storage.remember_presses),
            keep_calls=timedelta(days=keep_calls) if keep_calls else None,
            keep_evidence=timedelta(days=keep_evidence) if keep_evidence else None,
            interval=_PRUNE_INTERVAL,
            pause=_PRUNE_PAUSE,
        )

    async def dependencies(self) -> dict[str, Health]:
        """Each thing that the service needs, with ok or why not; asked once a second at most, whoever asks."""
        async with self._asking:
            if self._asked is None or self.clock.monotonic() - self._asked[0] >= _STATUS_AGE:
                status = await status_of(self.store, self.engine, self.registries)
                self._asked = (self.clock.monotonic(), status)
            dependencies = self._asked[1].dependencies
        if self.tasks.dead is None:
            return dependencies
        return dependencies | {
            "service": Health(ok=False, detail=f"{self.tasks.dead}: ended by a fault; the log says why")
        }

    async def load(self) -> None:
        """What must be known before the first request: open calls and logins, closures. Raises StoreUnavailable."""
        await self.recovery.load()
        await self.closures.load()
        await self.store.keep_policies(self.policies.version.version, self.policies.data(), at=self.clock.now())
        await asyncio.to_thread(warm_up, self.policies)

    def start(self) -> None:
        """Start what goes on for as long as the service runs."""
        self.tasks.keep(self.read_reports(), name=f"reports of {self.engine.name}")
        self.tasks.keep(self.recovery.run(), name="recovery")
        self.tasks.keep(self.retraction.run(), name="retraction")
        self.tasks.keep(self.retention.run(), name="retention")
        self.tasks.keep(self.closures.run(), name="closures")
        self.tasks.keep(self.store.death(), name="store")

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

    async def close(self) -> None:
        """End all tasks and timers."""
        await self.tasks.close()
        self.sessions.close()
        self.progress.close()

    def snapshots(self, caller: Caller) -> tuple[Outgoing, Outgoing]:
        session = self.sessions.get(caller.user_id)
        connector = session.connector if session else AMAZON
        agent = views.agent_sync(session) if session else views.not_logged_in()
        return (
            reply(Address(connector, "Agent", "StateSync"), agent),
            reply(Address(connector, "InboundCall", "StateSync"), self.control.snapshot(caller.user_id)),
        )
