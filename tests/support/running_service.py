"""The whole service, as it is served: a free port, the simulator at high speed, a database in a file, and people."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from manualdial.app.adapters import store_for
from manualdial.app.service import Service, serving
from manualdial.callers import Role, User
from manualdial.clock import SystemClock
from manualdial.config import Config, load
from manualdial.identity.tokens import Identity, hash_password
from manualdial.ports import LoginNameTaken
from tests.support.bus_client import BusClient, Message, address_of, is_error
from tests.support.small_service import CHEAP, HttpAnswer, MemoryUsers, get, post

PASSWORD = "pass word & more"
SECRET = b"0123456789abcdef" * 4
PEOPLE = {
    "ann": ("one", Role.AGENT),
    "bob": ("one", Role.AGENT),
    "sue": ("one", Role.SUPERVISOR),
    "ian": ("one", Role.INTEGRATION),
    "ada": ("one", Role.ADMIN),
    "zoe": ("two", Role.AGENT),
}

CHANGE = "Amazon/InboundCall/InboundCallStateChange"
DIAL = "LCM/Webservice/ManualDialCall"
SAMPLE = "Amazon/InboundCall/ManualDialCall"


def configuration(folder: Path, **environment: str) -> Config:
    """A configuration of a service that lives in `folder`; names as in the environment, without the prefix."""
    chosen = {
        "SERVER_PORT": "0",
        "SERVER_SHUTDOWN_TIMEOUT": "2",
        "STORAGE_URL": f"sqlite:///{folder / 'manualdial.sqlite3'}",
        "ENGINE_SIMULATOR_SPEED": "20",
        "DIALING_PURPOSE": "service",
        "AUTHENTICATION_SECRET_FILE": str(folder / "secret"),
        "AUTHENTICATION_ATTEMPTS": "1000",
    } | environment
    return load(None, {f"MANUALDIAL_{name}": text for name, text in chosen.items()})


def person(name: str, *, world: str = "", password_hash: str) -> User:
    """Somebody of PEOPLE, in this world."""
    tenant, role = PEOPLE[name]
    return User(
        id=f"u-{name}{world}",
        tenant_id=f"t-{tenant}{world}",
        tenant=f"{tenant}{world}",
        login_name=f"{name}{world}",
        name=name.title(),
        password_hash=password_hash,
        roles=frozenset({role}),
        extension="2001",
        region="US",
    )


async def settle_in(folder: Path) -> None:
    """Make the database and the secret of a service, with everybody of PEOPLE."""
    (folder / "secret").write_bytes(SECRET)
    password_hash = hash_password(PASSWORD)
    async with store_for(configuration(folder)) as store:
        for name in PEOPLE:
            await store.add_user(person(name, password_hash=password_hash))


class RunningService:
    """A service that is up, and clients of it that are closed with it.

    With a `world`, people are of that world alone: their names, ids and tenants end in it, so that many tests can use
    one service and see nothing of each other.
    """

    def __init__(self, service: Service, clients: AsyncExitStack, *, world: str = "") -> None:
        self.service = service
        self.port = int(service.url.rsplit(":", 1)[1])
        self._clients = clients
        self._world = world
        self._tokens: dict[str, str] = {}

    def id_of(self, name: str) -> str:
        """The id of this person."""
        return f"u-{name}{self._world}"

    async def token(self, name: str = "ann") -> str:
        """A token of this person, who is added to the database if that is the first that is heard of them."""
        if name not in self._tokens:
            user = person(name, world=self._world, password_hash=CHEAP.hash(PASSWORD))
            with suppress(LoginNameTaken):
                await self.service.store.add_user(user)
            # Made as the service makes it, from the same secret: signing in to it is slow on purpose.
            identity = Identity(
                store=MemoryUsers(user), clock=SystemClock(), secret=SECRET, token_lifetime=3600, hasher=CHEAP
            )
            grant = await identity.sign_in(user.login_name, PASSWORD, address="127.0.0.1")
            self._tokens[name] = grant.access_token
        return self._tokens[name]

    async def connect(self, **headers: str) -> BusClient:
        """A connection that is not registered."""
        client = await BusClient.connect(self.port, headers=headers)
        return await self._clients.enter_async_context(client)

    async def bus(self, name: str = "ann", **data: Any) -> BusClient:
        """A registered connection of this person that has seen nothing yet."""
        client = await BusClient.open(self.port, token=await self.token(name), **data)
        client.seen.clear()
        return await self._clients.enter_async_context(client)

    async def desk(self, name: str = "ann", **data: Any) -> BusClient:
        """A registered connection of an agent who is logged in and has seen nothing yet."""
        client = await self.bus(name, **data)
        login = await client.ask("Amazon/Agent/Login", answer="Amazon/Agent/LoginSuccess")
        assert not is_error(login), login
        client.seen.clear()
        return client

    async def post(self, message: Any, name: str = "ann", **headers: str) -> HttpAnswer:
        """POST /v1/messages."""
        return await post(self.port, await self.token(name), message, **headers)

    async def get(self, path: str, name: str | None = "ann") -> HttpAnswer:
        """A GET with a token, or without one."""
        return await get(self.port, path, None if name is None else await self.token(name))


@asynccontextmanager
async def running_service(folder: Path, **environment: str) -> AsyncIterator[RunningService]:
    """A service of its own over the database in `folder`."""
    async with serving(configuration(folder, **environment)) as service, AsyncExitStack() as clients:
        yield RunningService(service, clients)


def a_copy(template: Path, folder: Path) -> Path:
    """A folder of a service of its own, with the people of the template."""
    shutil.copytree(template, folder, dirs_exist_ok=True)
    return folder


def number(which: int) -> str:
    """The number that the simulator answers in this way."""
    return f"+120255501{which:02d}"


async def press(client: BusClient, typed: str = number(0), request_id: str | None = None, **data: Any) -> Message:
    """Dial by the table form; what the reply tells of the call."""
    request_id = request_id or uuid.uuid4().hex
    client.send(DIAL, {"PhoneNumber": typed, **data}, request_id)
    reply = await client.expect(DIAL, lambda message: message.get("requestId") == request_id)
    return dict(reply["message"]["dial"])


def changes(client: BusClient, call_id: str) -> list[Message]:
    """The `call` of every state event of a call that the client has seen."""
    calls = [message["message"]["call"] for message in client.seen if message.get("subtopic") == CHANGE.split("/")[2]]
    return [call for call in calls if call["dial"]["callId"] == call_id]


async def state(client: BusClient, call_id: str, wanted: str) -> Message:
    """Wait until a call is, or was, in a state; `dial` of the first event that told so."""

    def told() -> Message | None:
        dials = (call["dial"] for call in changes(client, call_id))
        return next((dial for dial in dials if dial["state"] == wanted), None)

    if (dial := told()) is None:
        await client.until(f"{wanted} of the call", lambda _: told() is not None)
        dial = told()
    assert dial is not None
    return dial


async def finish(client: BusClient, call_id: str) -> None:
    """Hang up and end the wrap-up."""
    await client.ask("Amazon/InboundCall/Disconnect", call_id)
    await client.ask("Amazon/InboundCall/ClearContact", call_id)


async def nothing(client: BusClient, *, but: str = "Amazon/App/StateSync") -> list[Message]:
    """What has come by the time that a later question is answered, without its answer."""
    start = len(client.seen)
    await client.ask(but)
    return [message for message in client.seen[start:] if address_of(message) != but]
