"""All that a run needs: Asterisk, a carrier, a phone, a proxy before Asterisk, a database, the service, agents."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Final

from manualdial.app.adapters import store_for
from manualdial.callers import Role, User
from manualdial.config import load
from tests.faults import journal
from tests.faults.agent import Agent
from tests.faults.count import Evidence
from tests.faults.database import PostgresqlDatabase, SqliteFile
from tests.faults.invites import InviteLog
from tests.faults.outages import Outages
from tests.faults.record import Record
from tests.faults.service_process import ServiceProcess
from tests.support.tokens import a_token
from tests.support.waiting import until
from tests.telephony.lab.ari_proxy import AriProxy
from tests.telephony.lab.laboratory import Laboratory
from tests.telephony.lab.ports import free_port
from tests.telephony.lab.sipp import Sipp

AGENTS: Final = 16
_SECRET = "0123456789abcdef" * 2
_TENANT = "00000000-0000-4000-8000-000000000001"
_EXTENSIONS = 4001
_FINISH_LIMIT = 120.0
_IDLE_LIMIT = 20.0
_READ_EVERY = 2.0
_DAY = timedelta(days=1)

SETTINGS: Final = {
    "SERVER_REQUEST_TIMEOUT": 12,
    "SERVER_SHUTDOWN_TIMEOUT": 2,
    "STORAGE_TIMEOUT": 1,
    "DIALING_PURPOSE": "service",
    "DIALING_UNKNOWN_SETTLES_AFTER": 3,
    "DIALING_EVENT_TIMEOUT": 2,
    "AGENTS_GRACE": 30,
    "ENGINE_KIND": "asterisk",
    "ENGINE_ASTERISK_REQUEST_TIMEOUT": 1,
    "ENGINE_ASTERISK_AGENT_TIMEOUT": 3,
    "ENGINE_ASTERISK_CUSTOMER_TIMEOUT": 4,
}
"""Short times, so that what follows from a fault follows at once."""


class World:
    """Use it as an asynchronous context manager: agents press from then on, until `finish`."""

    def __init__(self, *, folder: Path, database: SqliteFile | PostgresqlDatabase, random: Random) -> None:
        self.folder = folder
        self.database = database
        self.random = random
        self.record = Record()
        self.laboratory = Laboratory(directory=folder)
        self.asterisk = self.laboratory.asterisk
        self.proxy = AriProxy(target_port=self.asterisk.http_port)
        self.proxy.keeps_requests = False
        self.asterisk_dying_from_to: list[tuple[float, float]] = []
        self.clock_set_back_at: list[float] = []
        self.agents: Sequence[Agent] = ()
        self.outages = Outages()
        self._stack = AsyncExitStack()
        self._work: list[asyncio.Task[None]] = []
        self._invites: dict[str, InviteLog] = {}
        self._sip_logs: list[Path] = []
        self._port = free_port()
        self._service: ServiceProcess | None = None
        self._users = [_user(number) for number in range(AGENTS)]
        self._supervisor = _user(AGENTS, role=Role.SUPERVISOR)

    @property
    def service(self) -> ServiceProcess:
        """The service under test."""
        assert self._service is not None
        return self._service

    async def __aenter__(self) -> World:
        async with AsyncExitStack() as stack:
            await asyncio.to_thread(stack.enter_context, self.laboratory)
            phone, carrier = self.laboratory.phone("phone_by_number"), self.laboratory.carrier()
            self._sip_logs = [phone.log, carrier.log]
            self._invites = {"agent": InviteLog(phone.log), "customer": InviteLog(carrier.log)}
            await stack.enter_async_context(self.proxy)
            environment = self._environment(phone, carrier)
            async with store_for(load(None, environment)) as store:
                for user in (*self._users, self._supervisor):
                    await store.add_user(user)
            self._service = ServiceProcess(environment=environment, folder=self.folder)
            await stack.enter_async_context(self._service)
            self.outages = Outages(died_at=self._service.ended_at)
            self.agents = [self._agent(number, user) for number, user in enumerate(self._users)]
            self._work = [asyncio.create_task(agent.run(self.outages)) for agent in self.agents]
            self._work.append(asyncio.create_task(self._keep_reading()))
            stack.push_async_callback(self._stop_work)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @contextmanager
    def database_away(self) -> Iterator[None]:
        """For the length of the block nothing can be written, or hardly anything."""
        start = time.time()
        try:
            yield
        finally:
            self.outages.database_away.append((start, time.time()))

    @contextmanager
    def asterisk_dying(self) -> Iterator[None]:
        """For the length of the block Asterisk is being killed or stopped."""
        start = time.time()
        try:
            yield
        finally:
            self.asterisk_dying_from_to.append((start, time.time()))

    def note(self, line: str) -> None:
        """Write into the log of the rounds, with the time that the other logs have."""
        with (self.folder / "rounds.log").open("a", encoding="utf-8") as log:
            log.write(f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {line}\n")

    async def until_presses(self, count: int, limit: float) -> None:
        """Return when so many presses more were begun, or the time is over."""
        before = len(self.record.presses)
        with suppress(TimeoutError):
            await until(lambda: len(self.record.presses) >= before + count, limit)

    async def finish(self) -> Evidence:
        """Let the agents bring everything to its end, wait until Asterisk is idle, and collect the evidence."""
        for agent in self.agents:
            agent.stop()
        await asyncio.wait(self._work[:-1], timeout=_FINISH_LIMIT)
        for agent, task in zip(self.agents, self._work[:-1], strict=True):
            if not task.done():
                self.record.incident("stuck", agent.id, detail="does not come to an end")
            elif error := task.exception():
                raise error
        left = await self._left_in_asterisk()
        calls = await journal.calls(port=self._port, token=_token(self._supervisor))
        links, broken = await journal.links(
            {"MANUALDIAL_STORAGE_URL": self.database.url}, tenant_id=self._supervisor.tenant_id
        )
        for log in self._invites.values():
            log.catch_up()
        return Evidence(
            record=self.record,
            calls=calls,
            customer=self._invites["customer"].of_call,
            agent=self._invites["agent"].of_call,
            nameless=self._invites["customer"].nameless | self._invites["agent"].nameless,
            left=left,
            logs=[self.service.log, *self._sip_logs],
            asterisk_dying=self.asterisk_dying_from_to,
            clock_set_back_at=self.clock_set_back_at,
            outages=self.outages,
            service_ended_by_itself=self.service.ended_by_itself,
            links=links,
            broken=broken,
        )

    def _agent(self, number: int, user: User) -> Agent:
        return Agent(
            number=self.random.randrange(1 << 32),
            agent_id=user.id,
            port=self._port,
            token=_token(user),
            applications=2 if number % 3 == 0 else 1,
            over_http=number % 4 == 1,
            record=self.record,
        )

    def _environment(self, phone: Sipp, carrier: Sipp) -> dict[str, str]:
        secret = self.folder / "secret"
        secret.write_text(_SECRET, encoding="ascii")
        settings: dict[str, Any] = SETTINGS | {
            "SERVER_PORT": self._port,
            "STORAGE_URL": self.database.url,
            "AUTHENTICATION_SECRET_FILE": secret,
            "ENGINE_ASTERISK_URL": self.proxy.url,
            "ENGINE_ASTERISK_USER": self.asterisk.user,
            "ENGINE_ASTERISK_PASSWORD": self.asterisk.password,
            "ENGINE_ASTERISK_AGENT_ENDPOINT": f"PJSIP/agent/sip:{{extension}}@127.0.0.1:{phone.port}",
            "ENGINE_ASTERISK_TRUNK_ENDPOINT": f"PJSIP/trunk/sip:{{number}}@127.0.0.1:{carrier.port}",
        }
        return {f"MANUALDIAL_{name}": str(value) for name, value in settings.items()}

    async def _keep_reading(self) -> None:
        while True:
            await asyncio.sleep(_READ_EVERY)
            for log in self._invites.values():
                await asyncio.to_thread(log.catch_up)

    async def _left_in_asterisk(self) -> list[str]:
        left: list[str] = []
        limit = time.monotonic() + _IDLE_LIMIT
        while True:
            left = [*await asyncio.to_thread(self.asterisk.channels), *await asyncio.to_thread(self.asterisk.bridges)]
            if not left or time.monotonic() > limit:
                return left
            await asyncio.sleep(0.2)

    async def _stop_work(self) -> None:
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)


def _user(number: int, role: Role = Role.AGENT) -> User:
    return User(
        id=str(uuid.UUID(int=number + 1, version=4)),
        tenant_id=_TENANT,
        tenant="faults",
        login_name=f"agent{number}",
        name=f"Agent {number}",
        password_hash="none",
        roles=frozenset({role}),
        extension=f"{_EXTENSIONS + number}",
    )


def _token(user: User) -> str:
    """Good for a day before and after, as the clock is stepped."""
    return a_token(user.id, secret=_SECRET, good_for=_DAY, since=_DAY)
