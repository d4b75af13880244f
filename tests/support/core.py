"""A cell as the service has it, between fakes instead of adapters."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from datetime import timedelta
from functools import cache
from typing import Any

import msgspec

from manualdial.app.cell import Cell
from manualdial.app.cell_settings import CellSettings
from manualdial.callers import Caller
from manualdial.config import DialingSection
from manualdial.law import Purpose
from manualdial.law.facts import STRICTEST, ScreeningSettings
from manualdial.law.policies import Policies, load
from manualdial.live.live_calls import Engines
from manualdial.live.recovery import Recovery
from manualdial.ports import Orphan, Reconnected, Storage
from manualdial.requests.dispatcher import Dispatcher, Routes
from manualdial.screening.tenants import Tenants, TenantSettings
from tests.support.declared import Declared
from tests.support.held_registries import HeldRegistries
from tests.support.memory_store import MemoryStore
from tests.support.moved_clock import MovedClock
from tests.support.people import ANN, TokensByName
from tests.support.recording_connection import Message, RecordingConnection
from tests.support.recording_engine import RecordingEngine

CHANGE = "InboundCallStateChange"
DIAL = "LCM/Webservice/ManualDialCall"
SAMPLE = "Amazon/InboundCall/ManualDialCall"

SETTINGS = CellSettings(
    dialing=DialingSection(agent_burst=2, engine_burst=3),
    no_place=STRICTEST,
    grace=60.0,
    lead_seconds=0,
    store_timeout=5.0,
    request_timeout=5.0,
    patience=60.0,
    stop_limit=5.0,
    remember_presses=timedelta(days=7),
    keep_calls=None,
    keep_evidence=None,
    look_interval=0.01,
    first_pause=2.0,
    retract_interval=0.01,
    closures_interval=0.01,
    closures_stale=math.inf,
)
"""A cell that is quick in what it does by itself and whose waits a test does not live to see."""

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


def _settings(other: Mapping[str, Any]) -> CellSettings:
    """SETTINGS, but for these."""
    of_dialing = {name: value for name, value in other.items() if name in DialingSection.__struct_fields__}
    dialing = msgspec.structs.replace(SETTINGS.dialing, **of_dialing)
    rest = {name: value for name, value in other.items() if name not in of_dialing}
    return msgspec.structs.replace(SETTINGS, dialing=dialing, **rest)


class Core(Cell):
    """A cell on one engine, a store, registries and a clock that a test decides over."""

    clock: MovedClock
    store: MemoryStore  # unless a test has handed in another
    registries: HeldRegistries

    def __init__(
        self,
        *,
        caller_ids: frozenset[str] = frozenset(),
        screening: ScreeningSettings = NOTHING_HELD,
        store: Storage | None = None,
        engine: RecordingEngine | None = None,
        others: Sequence[str] = (),
        **settings: Any,
    ) -> None:
        """`store` and `engine` may be those of a cell before this one; `others`: names of engines beside the first.

        `settings` are those of SETTINGS that are to be others.
        """
        clock = MovedClock()
        self.engine = engine or RecordingEngine(clock=clock)
        self.others = [RecordingEngine(clock=clock, name=name) for name in others]
        super().__init__(
            _settings(settings),
            store=store or MemoryStore(),
            engines=Engines(self.engine, *self.others),
            registries=HeldRegistries(),
            policies=shipped_policies(),
            tenants=Tenants(TenantSettings(purpose=Purpose.SERVICE, caller_ids=caller_ids, screening=screening)),
            authenticator=TokensByName(),
            clock=clock,
            span=nullcontext,
        )

    def _dispatcher(self, routes: Routes) -> Dispatcher:
        self.declared = Declared(routes)
        return super()._dispatcher(self.declared.routes)

    @property
    def recovery(self) -> Recovery:
        """Of the first engine."""
        return self.recoveries[self.engine.name]

    async def read_reports(self, engine: RecordingEngine) -> None:
        """As in a cell, but that calls are compared here and now, so that a test knows when it was done."""
        recovery = self.recoveries[engine.name]
        async for report in engine.reports():
            if isinstance(report, Reconnected):
                await recovery.compare()
            elif isinstance(report, Orphan):
                recovery.on_orphan(report)
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
    for engine in (core.engine, *core.others):
        core.tasks.keep(core.read_reports(engine), name="reports")
    try:
        yield core
        core.declared.check()
    finally:
        await core.tasks.close()
        await core.dialing.close(5)
        core.stop_timers()


def error_type(answer: Message) -> str:
    """The type of an ApiError; what it is instead where it is none."""
    return str(answer["data"]["errorType"]) if answer["subtopic"] == "ApiError" else f"no error: {answer}"


def dial_of(answer: Message) -> dict[str, Any]:
    """What a reply tells of its call."""
    assert "message" in answer, answer
    return dict(answer["message"]["dial"])
