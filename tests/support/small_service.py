"""The real transports, dispatcher and bus on a free port, with a few addresses of the tests behind them."""

from __future__ import annotations

import asyncio
import json
import urllib.parse
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import argon2

from manualdial import errors
from manualdial.bus.bus import Bus, Scope
from manualdial.callers import Caller, Role, User
from manualdial.errors import ManualDialError, NoSuchCall, PhoneNumberMissing
from manualdial.identity.tokens import Identity
from manualdial.live.sessions import Sessions
from manualdial.ports import Health, StoreUnavailable
from manualdial.requests.dispatcher import Dispatcher, Method, Route, Routes
from manualdial.requests.history import CallPage, CallRecord, CallsAsked
from manualdial.requests.registration import Registration
from manualdial.requests.request import DirectReply, Reply, Request
from manualdial.tasks import Tasks
from manualdial.transports.http import http_app
from manualdial.transports.server import Server
from manualdial.transports.websocket import BusEndpoint
from manualdial.wire.envelope import Address, Outgoing, reply
from manualdial.wire.messages.bus import Register, Subscriptions
from manualdial.wire.messages.dial import DialChecked, Number, PolicyNameMessage, RuleResult, VerdictMessage
from manualdial.wire.messages.incoming import Incoming
from tests.support.calls import no_calls
from tests.support.memory_store import MemoryStore
from tests.support.moved_clock import MovedClock

CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Hashes that take no time: what they are worth is not what these tests are about."""

SECRET = b"a secret of the tests, thirty-two bytes or more"


def person(login_name: str, *roles: Role, tenant: str = "north", password: str = "pw") -> User:
    """A user whose id is `u-` and the login name."""
    return User(
        id=f"u-{login_name}",
        tenant_id=f"t-{tenant}",
        tenant=tenant,
        login_name=login_name,
        name=login_name.title(),
        password_hash=CHEAP.hash(password),
        roles=frozenset(roles or (Role.AGENT,)),
        extension="2001",
        region="US",
    )


class MemoryUsers:
    """Users in a dictionary; `unavailable` makes every question fail as a database does."""

    def __init__(self, *users: User) -> None:
        self.by_id = {user.id: user for user in users}
        self.unavailable = False

    async def user(self, user_id: str) -> User | None:
        self._answer()
        return self.by_id.get(user_id)

    async def user_by_login(self, login_name: str) -> User | None:
        self._answer()
        folded = login_name.casefold()
        return next((user for user in self.by_id.values() if user.login_name.casefold() == folded), None)

    async def set_password(self, user_id: str, password_hash: str) -> None:
        self._answer()
        user = self.by_id[user_id]
        self.by_id[user_id] = User(**{name: getattr(user, name) for name in user.__struct_fields__} | {
            "password_hash": password_hash
        })  # fmt: skip

    def _answer(self) -> None:
        if self.unavailable:
            raise StoreUnavailable


class NoRecords:
    """Nobody ever called."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, CallsAsked]] = []

    async def calls(self, caller: Caller, asked: CallsAsked) -> CallPage:
        self.asked.append((caller.user_id, asked))
        return CallPage(calls=[])

    async def call(self, caller: Caller, call_id: str) -> CallRecord:
        raise NoSuchCall("no call has this id")


class EveryNumberAllowed:
    """Judges without looking: an entry with a PhoneNumber is allowed, any other is refused."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[Any]]] = []
        """Who asked, and for what."""
        self.go_on = asyncio.Event()
        """What an answer waits for."""
        self.go_on.set()

    async def check_all(self, caller: Caller, checks: Sequence[Any]) -> Sequence[DialChecked | ManualDialError]:
        self.asked.append((caller.user_id, list(checks)))
        await self.go_on.wait()
        return [_judged(check) for check in checks]


def _judged(check: Any) -> DialChecked | ManualDialError:
    if not isinstance(check, dict) or "PhoneNumber" not in check:
        return PhoneNumberMissing("no number")
    typed = check["PhoneNumber"]
    rules = [
        RuleResult(rule=f"rule-that-says-{decision}", decision=decision, reason="because", evidence={})
        for decision in ("allow", "warn")
    ]
    verdict = VerdictMessage(
        decision="warn", rules=rules, overridable=True, policy=PolicyNameMessage(name="of the tests", version="1")
    )
    number = Number(typed=typed, e164=typed, region="US", type="mobile")
    return DialChecked(state="checked", number=number, verdict=verdict)


class Instruction(Incoming, frozen=True, kw_only=True):
    """`data` of the addresses of the tests."""

    text: str | None = None
    count: int | None = None
    error: str | None = None
    retry_after: int | None = None


class SmallService:
    """What a test sees of it, and moves in it."""

    def __init__(self) -> None:
        self.clock = MovedClock()
        self.users = MemoryUsers(
            person("ann"),
            person("bob"),
            person("sue", Role.SUPERVISOR),
            person("zoe", tenant="south"),
        )
        self.bus = Bus(clock=self.clock)
        self.records = NoRecords()
        self.screening = EveryNumberAllowed()
        self.health: dict[str, Health] = {"database": Health(ok=True), "engine": Health(ok=True)}
        self.go_on = asyncio.Event()
        """What `LCM/Test/Wait` waits for."""
        self.started: list[str | None] = []
        """The texts of the requests that were begun, in order."""
        self.finished: list[str | None] = []
        self.closed_with: list[int] = []
        """The codes that connections were closed with by the server."""
        self.endpoint: BusEndpoint
        self.server: Server
        self.identity: Identity

    @property
    def port(self) -> int:
        return self.server.port

    async def token(self, login_name: str = "ann") -> str:
        return (await self.identity.sign_in(login_name, "pw", address="127.0.0.1")).access_token

    async def wait(self, request: Request, data: Instruction) -> DirectReply:
        """LCM/Test/Wait: answers when the test says so."""
        self.started.append(data.text)
        await self.go_on.wait()
        self.finished.append(data.text)
        return DirectReply(address=request.address, message={"text": data.text})

    async def echo(self, request: Request, data: Instruction) -> Reply:
        """LCM/Test/Echo: answers on the bus."""
        self.started.append(data.text)
        return Reply(address=request.address, message={"text": data.text})

    async def burst(self, request: Request, data: Instruction) -> DirectReply:
        """LCM/Test/Burst: publishes `count` messages of `text` in one turn of the loop."""
        self.publish(
            *[data.text or ""] * (data.count or 1), scope=Scope(request.caller.tenant_id, request.caller.user_id)
        )
        return DirectReply(address=request.address, message={})

    async def fail(self, _request: Request, data: Instruction) -> DirectReply:
        """LCM/Test/Fail: an error by the name of its class."""
        kind: type[ManualDialError] = getattr(errors, data.error or "InternalError")
        raise kind("as told", details={"retryAfter": data.retry_after} if data.retry_after else None)

    def publish(self, *texts: str, scope: Scope | None = None) -> None:
        """Publish events of the server, all in one turn of the loop."""
        for text in texts:
            self.bus.publish(scope or Scope("t-north", "u-ann"), event(text))


def event(text: str) -> Outgoing:
    """An event on LCM/Test/Happened."""
    return reply(Address("LCM", "Test", "Happened"), {"text": text})


@asynccontextmanager
async def small_service(
    *,
    max_reader_lag: int = 1 << 20,
    max_requests: int = 8,
    max_connections: int = 100,
    max_incoming_rate: float = 1e9,
    allowed_origins: tuple[str, ...] = (),
    metrics_open: bool = True,
    request_limit: float = 5.0,
    body_timeout: float = 5.0,
    stop_limit: float = 5.0,
    close_grace: float = 60.0,
    attempts: int = 100,
) -> AsyncIterator[SmallService]:
    """A service that is up; nothing is timed but by its clock."""
    service = SmallService()
    service.identity = Identity(
        store=service.users, clock=service.clock, secret=SECRET, token_lifetime=3600, attempts=attempts, hasher=CHEAP
    )
    sessions = Sessions(
        bus=service.bus,
        store=MemoryStore(),
        live_calls=no_calls(),
        clock=service.clock,
        connectors=("Amazon",),
        grace=60,
        store_timeout=5,
    )
    registration = Registration(
        bus=service.bus,
        sessions=sessions,
        authenticator=service.identity,
        snapshots=lambda _caller: (event("agent"), event("calls")),
    )
    lines = [
        Route(address=Address("LCM", "Test", name), data=Instruction, method=method)
        for name, method in _methods(service).items()
    ]
    lines += [
        Route(
            address=Address("Bus", "Session", "Register"),
            data=Register,
            method=registration.register,
            before_register=True,
        ),
        Route(address=Address("Bus", "Session", "Subscribe"), data=Subscriptions, method=registration.subscribe),
    ]
    dispatcher = Dispatcher(
        bus=service.bus,
        routes=Routes(
            lines=tuple(lines),
            by_key={line.address.key: line for line in lines},
            published_only=frozenset({Address("LCM", "Test", "Happened").key}),
            channels={"lcm": "LCM", "bus": "Bus"},
            connectors=(),
        ),
        limit=request_limit,
        span=nullcontext,
    )
    under_way = Tasks()
    service.endpoint = BusEndpoint(
        dispatcher=dispatcher,
        gone=registration.gone,
        under_way=under_way,
        clock=service.clock,
        register_timeout=10,
        ping_interval=20,
        max_reader_lag=max_reader_lag,
        max_requests=max_requests,
        max_connections=max_connections,
        max_incoming_rate=max_incoming_rate,
        close_grace=close_grace,
        sweep_interval=0.01,
        allowed_origins=allowed_origins,
        observe_closed=service.closed_with.append,
    )
    app = http_app(
        dispatcher=dispatcher,
        identity=service.identity,
        records=service.records,
        screening=service.screening,
        under_way=under_way,
        status=lambda: _answered(service.health),
        metrics=lambda: b"# TYPE manualdial_tests counter\n",
        metrics_open=metrics_open,
        body_timeout=body_timeout,
        allowed_origins=allowed_origins,
    )
    service.server = Server(
        app=app, endpoint=service.endpoint, under_way=under_way, host="127.0.0.1", port=0, stop_limit=stop_limit
    )
    try:
        async with service.server:
            yield service
    finally:
        sessions.close()


def _methods(service: SmallService) -> dict[str, Method]:
    return {"Wait": service.wait, "Echo": service.echo, "Burst": service.burst, "Fail": service.fail}


async def _answered(health: dict[str, Health]) -> dict[str, Health]:
    return health


class HttpAnswer:
    """Status, headers (lower case) and body of an HTTP response."""

    def __init__(self, raw: bytes) -> None:
        head, _, self.body = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error_type(self) -> str:
        """Of an ApiError."""
        return str(self.json()["data"]["errorType"])


async def http(
    port: int, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> HttpAnswer:
    """One request on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sent = {"Host": "127.0.0.1", "Connection": "close", "Content-Length": str(len(body)), **(headers or {})}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
    writer.write("\r\n".join(lines).encode() + body)
    try:
        async with asyncio.timeout(10):
            return HttpAnswer(await reader.read())
    finally:
        writer.close()


async def sign_in(port: int, name: str, password: str, **more: str) -> HttpAnswer:
    """POST /v1/token."""
    form = {"grant_type": "password", "username": name, "password": password, **more}
    return await http(
        port, "POST", "/v1/token", urllib.parse.urlencode(form).encode(),
        {"Content-Type": "application/x-www-form-urlencoded"},
    )  # fmt: skip


async def post(port: int, token: str | None, message: Any, **headers: str) -> HttpAnswer:
    """POST /v1/messages; a message that is bytes goes as it is."""
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    sent = {"Content-Type": "application/json", **headers}
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    return await http(port, "POST", "/v1/messages", body, sent)


async def get(port: int, path: str, token: str | None = None, **headers: str) -> HttpAnswer:
    """A GET."""
    return await http(port, "GET", path, headers=headers | ({"Authorization": f"Bearer {token}"} if token else {}))
