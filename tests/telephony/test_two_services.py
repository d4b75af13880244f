"""Two services over one PostgreSQL, pressed for the same agents with the same keys: one call for each key."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from manualdial.app.adapters import store_for
from manualdial.callers import Role, User
from manualdial.config import load
from tests.commands.service import answers
from tests.servers.postgresql import shared_server
from tests.support.bus_client import BusClient, Message
from tests.support.tokens import a_token
from tests.telephony.lab.laboratory import Laboratory, invites
from tests.telephony.lab.ports import free_port
from tests.telephony.lab.sipp import Sipp

pytestmark = pytest.mark.postgresql

DIAL = "LCM/Webservice/ManualDialCall"
SECRET = "0123456789abcdef" * 2
AGENTS = 6
KEYS = 4
LIMIT = 20.0


class Site:
    """One Asterisk and one database, for services that each have an ARI application of their own."""

    def __init__(self, laboratory: Laboratory, folder: Path, *, phone: Sipp, carrier: Sipp) -> None:
        asterisk = laboratory.asterisk
        (folder / "secret").write_text(SECRET, encoding="ascii")
        self._folder = folder
        self._options = {
            "STORAGE_URL": shared_server().new_database(),
            "AUTHENTICATION_SECRET_FILE": str(folder / "secret"),
            "DIALING_PURPOSE": "service",
            "ENGINE_KIND": "asterisk",
            "ENGINE_ASTERISK_URL": asterisk.url,
            "ENGINE_ASTERISK_USER": asterisk.user,
            "ENGINE_ASTERISK_PASSWORD": asterisk.password,
            "ENGINE_ASTERISK_AGENT_ENDPOINT": f"PJSIP/agent/sip:{{extension}}@127.0.0.1:{phone.port}",
            "ENGINE_ASTERISK_TRUNK_ENDPOINT": f"PJSIP/trunk/sip:{{number}}@127.0.0.1:{carrier.port}",
        }
        self.agents = [
            User(
                id=str(uuid.uuid4()),
                tenant_id="one",
                tenant="one",
                login_name=f"agent{number}",
                name=f"Agent {number}",
                password_hash="none",
                roles=frozenset({Role.AGENT}),
                extension=f"{4001 + number}",
            )
            for number in range(AGENTS)
        ]

    def environment(self, **more: object) -> dict[str, str]:
        """The configuration of a service, as environment variables."""
        return {f"MANUALDIAL_{name}": str(value) for name, value in (self._options | more).items()}

    async def add_agents(self) -> None:
        """Let the agents sign in."""
        async with store_for(load(None, self.environment())) as store:
            for agent in self.agents:
                await store.add_user(agent)

    @contextmanager
    def service(self, application: str) -> Iterator[int]:
        """A service in a process of its own; the port that it listens on."""
        port = free_port()
        more = self.environment(SERVER_PORT=port, ENGINE_ASTERISK_APPLICATION=application)
        with (self._folder / f"{application}.log").open("wb") as log:
            process = subprocess.Popen([sys.executable, "-m", "manualdial", "serve"], env=os.environ | more, stderr=log)
            try:
                deadline = time.monotonic() + LIMIT
                while not answers(f"http://127.0.0.1:{port}"):
                    assert process.poll() is None, "the service ended"
                    assert time.monotonic() < deadline, "the service did not come up"
                    time.sleep(0.05)
                yield port
            finally:
                process.terminate()
                process.wait(LIMIT)


@asynccontextmanager
async def desk(port: int, agent: User) -> AsyncIterator[BusClient]:
    """A connection of an agent who is logged in."""
    async with AsyncExitStack() as stack:
        bus = await BusClient.open(port, token=a_token(agent.id, secret=SECRET))
        stack.push_async_callback(bus.close)
        await bus.ask("Amazon/Agent/Login", answer="Amazon/Agent/LoginSuccess")
        yield bus


async def press(bus: BusClient, request_id: str) -> dict[str, Any]:
    """Press once; `dial` of the reply."""
    bus.send(DIAL, {"PhoneNumber": "+12025550100"}, request_id)

    def is_answer(message: Message) -> bool:
        return message.get("requestId") == request_id and "dial" in message.get("message", {})

    reply = await bus.until("the reply", is_answer, LIMIT)
    return dict(reply["message"]["dial"])


async def press_everywhere(agent: User, ports: tuple[int, int]) -> list[str]:
    """Press each of some keys on both services at once; the ids of the calls, one a key."""
    calls = []
    async with AsyncExitStack() as stack:
        desks = [await stack.enter_async_context(desk(port, agent)) for port in ports]
        for key in (str(uuid.uuid4()) for _ in range(KEYS)):
            dials = await asyncio.gather(*(press(bus, key) for bus in desks))
            (call_id,) = {dial["callId"] for dial in dials}
            assert [dial["replay"] for dial in dials].count(False) == 1
            calls.append(call_id)
            winner = desks[[dial["replay"] for dial in dials].index(False)]
            await winner.ask("Amazon/InboundCall/Disconnect")
    return calls


async def test_of_two_services_that_are_pressed_with_the_same_keys_one_rings_for_each_key(
    laboratory: Laboratory, tmp_path: Path, phone: Sipp, carrier: Sipp
) -> None:
    site = Site(laboratory, tmp_path, phone=phone, carrier=carrier)
    await site.add_agents()
    with site.service("north") as north, site.service("south") as south:
        pressed = await asyncio.gather(*(press_everywhere(agent, (north, south)) for agent in site.agents))
    calls = Counter(call_id for of_agent in pressed for call_id in of_agent)
    assert len(calls) == AGENTS * KEYS
    assert Counter(invite.header("X-Call-Id") for invite in invites(phone)) == calls
    assert max(Counter(invite.header("X-Call-Id") for invite in invites(carrier)).values(), default=1) == 1
