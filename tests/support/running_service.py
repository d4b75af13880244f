"""The whole service, as it is served: a free port, the simulator at high speed, a database in a file, four people."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from manualdial.agents import Role, User
from manualdial.app import Service, serving, store_for
from manualdial.config import Config, load
from manualdial.ports import Engine
from manualdial.transports.identity import hash_password
from tests.support.bus_client import BusClient, Message, address_of, is_error
from tests.support.small_service import HttpAnswer, get, post, sign_in

PASSWORD = "pass word & more"
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


async def settle_in(folder: Path) -> None:
    """Make the database, with its people."""
    password_hash = hash_password(PASSWORD)
    async with store_for(configuration(folder)) as store:
        for name, (tenant, role) in PEOPLE.items():
            await store.add_user(
                User(
                    id=f"u-{name}",
                    tenant_id=f"t-{tenant}",
                    tenant=tenant,
                    login_name=name,
                    name=name.title(),
                    password_hash=password_hash,
                    roles=frozenset({role}),
                    extension="2001",
                    region="US",
                )
            )


class RunningService:
    """A service that is up, and its clients, which are closed with it."""

    def __init__(self, service: Service, clients: AsyncExitStack, tokens: dict[str, str]) -> None:
        self.service = service
        self.port = int(service.url.rsplit(":", 1)[1])
        self._clients = clients
        self._tokens = tokens

    async def token(self, name: str = "ann") -> str:
        """A token of this person; good for every service with the same secret and people."""
        if name not in self._tokens:
            answer = await sign_in(self.port, name, PASSWORD)
            assert answer.status == 200, answer.body
            self._tokens[name] = answer.json()["access_token"]
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
async def running_service(
    folder: Path, *, tokens: dict[str, str], engine: Engine | None = None, **environment: str
) -> AsyncIterator[RunningService]:
    """A service over the database in `folder`. Its clients are closed before it, unless it closes them first."""
    async with serving(configuration(folder, **environment), engine=engine) as service, AsyncExitStack() as clients:
        yield RunningService(service, clients, tokens)


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

