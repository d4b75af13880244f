"""The whole core, introduced to each other as the composition root does it, between fakes instead of adapters."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from manualdial.agent_requests import AgentRequests
from manualdial.agents import Caller
from manualdial.bus import Bus
from manualdial.call_control import CallControl
from manualdial.call_progress import CallProgress
from manualdial.closures import Closures
from manualdial.deadlines import Deadlines
from manualdial.dial_rate import DialRate
from manualdial.dial_requests import DialRequests
from manualdial.dialing import Dialing
from manualdial.dispatcher import Dispatcher
from manualdial.earlier_presses import EarlierPresses
from manualdial.envelope import Address, reply
from manualdial.guard import Guard
from manualdial.live_calls import LiveCalls
from manualdial.metrics import Metrics
from manualdial.ports import Reconnected, Stray
from manualdial.recovery import Recovery
from manualdial.registration import Registration
from manualdial.retraction import Retraction
from manualdial.routes import AMAZON, routes
from manualdial.screener import Screener
from manualdial.screening import Purpose
from manualdial.screening.facts import ScreeningSettings
from manualdial.screening.location import STRICTEST
from manualdial.screening.policies import Policies, load
from manualdial.screening_requests import ScreeningRequests
from manualdial.sessions import Sessions
from manualdial.tenants import Tenants, TenantSettings
from manualdial.tracing import Tracing
from manualdial.turns import Turns
from tests.support.held_registries import HeldRegistries
from tests.support.memory_store import MemoryStore
from tests.support.moved_clock import MovedClock
from tests.support.people import ANN, TokensByName
from tests.support.recording_connection import Message, RecordingConnection
from tests.support.recording_engine import RecordingEngine

CHANGE = "InboundCallStateChange"
DIAL = "LCM/Webservice/ManualDialCall"
SAMPLE = "Amazon/InboundCall/ManualDialCall"

NOTHING_HELD = ScreeningSettings(registries=frozenset())
"""A tenant that needs no registries."""


@cache
def shipped_policies() -> Policies:
    """The policies of the package, read once for all tests."""
    return load()


class Desk:
    """One connection of a user, and what it asks and sees."""

    def __init__(self, dispatcher: Dispatcher, connection: RecordingConnection) -> None:
        self._dispatcher = dispatcher
        self.connection = connection

    @property
    def seen(self) -> list[Message]:
        """Every message that the connection got, in order."""
        return self.connection.received

    def forget(self) -> None:
        """Start with nothing seen."""
        self.connection.received.clear()

    async def send(self, raw: bytes | str | Mapping[str, Any]) -> Message | None:
        """Send one message of any form; its answer."""
        if isinstance(raw, Mapping):
            raw = json.dumps(raw)
        async with asyncio.timeout(5):
            answer = await self._dispatcher.handle(self.connection, raw.encode() if isinstance(raw, str) else raw)
        return None if answer.payload is None else json.loads(answer.payload)

    async def ask(self, address: str, data: Any = None, request_id: str | int | None = None) -> Message:
        """Send a request; its answer."""
        message: Message = dict(zip(("channel", "topic", "subtopic"), address.split("/"), strict=True))
        if data is not None:
            message["data"] = data
        if request_id is not None:
            message["requestId"] = request_id
        answer = await self.send(message)
        assert answer is not None, f"{address} has no answer"
        return answer

    async def ask_nothing(self, message: Message) -> None:
        """Send a message that has no answer."""
        answer = await self.send(message)
        assert answer is None, answer

    async def press(self, number: str = "+12025550100", request_id: str | None = "press-1", **data: Any) -> Message:
        """Dial a number by the table form; the answer."""
        return await self.ask(DIAL, {"PhoneNumber": number, **data}, request_id)

    async def connected_call(self, engine: RecordingEngine, request_id: str = "press-1") -> str:
        """Dial, and let both sides answer; the id of the call."""
        call_id = str((await self.press(request_id=request_id))["message"]["dial"]["callId"])
        await engine.connect(call_id)
        return call_id

    def changes(self, call_id: str | None = None) -> list[Message]:
        """The `call` of every state event, of one call if given."""
        calls = [message["message"]["call"] for message in self.seen if message["subtopic"] == CHANGE]
        return [call for call in calls if call_id in (None, call["dial"]["callId"])]

    def states(self, call_id: str | None = None) -> list[tuple[str, str]]:
        """The leg and the state of every state event."""
        return [(call["dial"]["leg"], call["dial"]["state"]) for call in self.changes(call_id)]

    def agent_states(self) -> list[str]:
        """The state that each SetAgentState event tells of."""
        return [message["message"]["event"] for message in self.seen if message["subtopic"] == "SetAgentState"]


class Core:
    """Everything between the engine, the store and the connections."""

    def __init__(
        self,
        *,
        grace: float = 60.0,
        guard: float = 3.0,
        wrap_up: float = 0.0,
        event_timeout: float = 5.0,
        store_timeout: float = 5.0,
        limit: float = 5.0,
        unknown_settles_after: float = 15.0,
        silence: float = 60.0,
        caller_ids: frozenset[str] = frozenset(),
        screening: ScreeningSettings = NOTHING_HELD,
        agent_rate: float = 0.0,
        engine_rate: float = 0.0,
        lead_seconds: int = 0,
        store: MemoryStore | None = None,
    ) -> None:
        """Times in seconds, as the options of the configuration."""
        self.clock = MovedClock()
        self.engine = RecordingEngine(clock=self.clock)
        self.store = store or MemoryStore()
        self.metrics = Metrics()
        self.live_calls = LiveCalls()
        self.bus = Bus(clock=self.clock, observe_delivered=self.metrics.delivered)
        self.sessions = Sessions(
            bus=self.bus,
            store=self.store,
            live_calls=self.live_calls,
            clock=self.clock,
            connectors=(AMAZON, self.engine.name),
            grace=grace,
            store_timeout=store_timeout,
        )
        self.deadlines = Deadlines(
            clock=self.clock, settles_after=unknown_settles_after, first_pause=2.0, silence=silence
        )
        self.progress = CallProgress(
            live_calls=self.live_calls,
            deadlines=self.deadlines,
            store=self.store,
            bus=self.bus,
            sessions=self.sessions,
            clock=self.clock,
            metrics=self.metrics,
            wrap_up=wrap_up,
        )
        self.sessions.before_end = self.progress.end_wrap_up
        turns = Turns()
        self.earlier = EarlierPresses(
            store=self.store, live_calls=self.live_calls, guard=Guard(clock=self.clock, seconds=guard)
        )
        self.registries = HeldRegistries()
        self.closures = Closures(store=self.store, clock=self.clock, interval=0.01, stale_after=math.inf)
        self.screener = Screener(
            store=self.store,
            registries=self.registries,
            closures=self.closures,
            policies=shipped_policies(),
            no_place=STRICTEST,
            store_timeout=store_timeout,
        )
        tenants = Tenants(TenantSettings(purpose=Purpose.SERVICE, caller_ids=caller_ids, screening=screening))
        self.screening = ScreeningRequests(
            screener=self.screener,
            store=self.store,
            sessions=self.sessions,
            live_calls=self.live_calls,
            tenants=tenants,
            clock=self.clock,
            default_region="US",
            limit=30.0,
        )
        self.dialing = Dialing(
            engine=self.engine,
            store=self.store,
            chain=self.store,
            screener=self.screener,
            sessions=self.sessions,
            live_calls=self.live_calls,
            progress=self.progress,
            earlier=self.earlier,
            turns=turns,
            rate=DialRate(
                clock=self.clock, agent_rate=agent_rate, agent_burst=2, engine_rate=engine_rate, engine_burst=3
            ),
            clock=self.clock,
            metrics=self.metrics,
            tracing=Tracing(),
            store_timeout=store_timeout,
            patience=60.0,
            lead_seconds=lead_seconds,
        )
        self.dial_requests = DialRequests(
            dialing=self.dialing,
            store=self.store,
            sessions=self.sessions,
            tenants=tenants,
            clock=self.clock,
            metrics=self.metrics,
        )
        self.control = CallControl(
            engine=self.engine,
            live_calls=self.live_calls,
            progress=self.progress,
            clock=self.clock,
            event_timeout=event_timeout,
        )
        self.recovery = Recovery(
            engine=self.engine,
            store=self.store,
            live_calls=self.live_calls,
            deadlines=self.deadlines,
            progress=self.progress,
            sessions=self.sessions,
            clock=self.clock,
            metrics=self.metrics,
            interval=0.01,
        )
        self.retraction = Retraction(earlier=self.earlier, turns=turns, interval=0.01, store_timeout=store_timeout)
        self.registration = Registration(
            bus=self.bus,
            sessions=self.sessions,
            authenticator=TokensByName(),
            snapshots=lambda caller: (
                reply(Address(AMAZON, "Agent", "StateSync"), None),
                reply(Address(AMAZON, "InboundCall", "StateSync"), self.control.snapshot(caller.user_id)),
            ),
        )
        self.agents = AgentRequests(
            sessions=self.sessions, live_calls=self.live_calls, engine=self.engine, default_region="US"
        )
        self.dispatcher = self._dispatcher(limit)

    def _dispatcher(self, limit: float) -> Dispatcher:
        table = routes(
            connectors=(self.engine.name,),
            dialing=self.dial_requests,
            screening=self.screening,
            control=self.control,
            agents=self.agents,
            registration=self.registration,
        )
        return Dispatcher(
            bus=self.bus,
            routes=table.by_key,
            published_only=table.published_only,
            channels=table.channels,
            limit=limit,
            tracing=Tracing(),
            observe=self.metrics.request,
        )

    async def read_reports(self) -> None:
        """As the composition root, but that calls are compared here and now, so that a test knows when it was done."""
        async for report in self.engine.reports():
            if isinstance(report, Reconnected):
                await self.recovery.compare()
            elif isinstance(report, Stray):
                self.recovery.on_stray(report)
            else:
                self.progress.on_report(report)

    def client(self, *, token: str | None = None) -> Desk:
        """A connection that is not registered yet."""
        return Desk(self.dispatcher, RecordingConnection(token=token))

    def over_http(self, caller: Caller = ANN) -> Desk:
        """One that is known by its token and reads nothing of the bus."""
        return Desk(self.dispatcher, RecordingConnection(caller=caller))

    async def connection(self, caller: Caller = ANN, **data: Any) -> Desk:
        """A registered connection that has seen nothing yet."""
        desk = self.client()
        registered = await desk.ask("Bus/Session/Register", {"token": caller.login_name, **data})
        assert registered["subtopic"] == "Registered", registered
        desk.forget()
        return desk

    async def desk(self, caller: Caller = ANN, **data: Any) -> Desk:
        """A registered connection of an agent who is logged in on Amazon, and that has seen nothing yet."""
        desk = await self.connection(caller, **data)
        login = await desk.ask("Amazon/Agent/Login")
        assert login["subtopic"] == "LoginSuccess", login
        desk.forget()
        return desk

    def leave(self, desk: Desk) -> None:
        """The connection is gone."""
        self.registration.gone(desk.connection)


@asynccontextmanager
async def running_core(**settings: Any) -> AsyncIterator[Core]:
    """A core that reads the reports of its engine; all that it started is over at the end."""
    core = Core(**settings)
    await core.closures.load()
    reader = asyncio.create_task(core.read_reports())
    try:
        yield core
    finally:
        reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reader
        await core.dialing.close(5)
        core.progress.close()
        core.sessions.close()


def error_type(answer: Message) -> str:
    """The type of an ApiError; what it is instead where it is none."""
    return str(answer["data"]["errorType"]) if answer["subtopic"] == "ApiError" else f"no error: {answer}"


def dial_of(answer: Message) -> dict[str, Any]:
    """What a reply tells of its call."""
    assert "message" in answer, answer
    return dict(answer["message"]["dial"])
