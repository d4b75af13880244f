"""The whole service on a real Asterisk: a press over the bus, and what the phone and the carrier saw of it."""

from __future__ import annotations

import asyncio
import urllib.parse
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from manualdial.app.adapters import store_for
from manualdial.app.service import Service, serving
from manualdial.callers import Role, User
from manualdial.config import Config, load
from tests.support.bus_client import BusClient, Message
from tests.support.tokens import a_token
from tests.telephony.lab.laboratory import EXTENSION, Laboratory, invites
from tests.telephony.lab.sipp import Sipp

DIAL = "LCM/Webservice/ManualDialCall"
CHANGE = "Amazon/InboundCall/InboundCallStateChange"
SECRET = "0123456789abcdef" * 2
ANSWERS = "+12025550100"
LIMIT = 15.0


class Desk:
    """An agent who is logged in, and what the service says about the agent's calls."""

    def __init__(self, bus: BusClient) -> None:
        self.bus = bus

    async def press(self, number: str = ANSWERS, request_id: str | None = None) -> Message:
        """Press, and give back `dial` of the reply."""
        self.bus.send(DIAL, {"PhoneNumber": number}, request_id or uuid.uuid4().hex)
        reply = await self.bus.expect(DIAL, limit=LIMIT)
        return dict(reply["message"]["dial"])

    async def state(self, state: str, call_id: str) -> Message:
        """`dial` of the event that brings the call into the state, whether it came already or is still to come."""

        def told(message: Message) -> bool:
            if message.get("subtopic") != "InboundCallStateChange":
                return False
            dial = message["message"]["call"]["dial"]
            return bool(dial["callId"] == call_id and dial["state"] == state)

        found = next((message for message in self.bus.seen if told(message)), None)
        found = found or await self.bus.until(f"the state {state}", told, LIMIT)
        return dict(found["message"]["call"]["dial"])

    def states(self, call_id: str) -> list[str]:
        """All states that were told of a call."""
        dials = [m["message"]["call"]["dial"] for m in self.bus.seen if m.get("subtopic") == "InboundCallStateChange"]
        return [dial["state"] for dial in dials if dial["callId"] == call_id]


class World:
    """A service on the laboratory's Asterisk that can be stopped and started again."""

    def __init__(self, laboratory: Laboratory, folder: Path, phone: Sipp, carrier: Sipp) -> None:
        self.laboratory = laboratory
        self.phone = phone
        self.carrier = carrier
        self._folder = folder
        self._user = User(
            id=str(uuid.uuid4()),
            tenant_id="one",
            tenant="one",
            login_name="ann",
            name="Ann",
            password_hash="none",
            roles=frozenset({Role.AGENT}),
            extension=EXTENSION,
        )

    def config(self) -> Config:
        """The service's settings."""
        asterisk = self.laboratory.asterisk
        secret = self._folder / "secret"
        secret.write_text(SECRET, encoding="ascii")
        options: dict[str, Any] = {
            "SERVER_PORT": 0,
            "STORAGE_URL": f"sqlite:///{self._folder / 'manualdial.sqlite3'}",
            "AUTHENTICATION_SECRET_FILE": secret,
            "DIALING_PURPOSE": "service",
            "ENGINE_KIND": "asterisk",
            "ENGINE_ASTERISK_URL": asterisk.url,
            "ENGINE_ASTERISK_USER": asterisk.user,
            "ENGINE_ASTERISK_PASSWORD": asterisk.password,
            "ENGINE_ASTERISK_AGENT_ENDPOINT": f"PJSIP/agent/sip:{{extension}}@127.0.0.1:{self.phone.port}",
            "ENGINE_ASTERISK_TRUNK_ENDPOINT": f"PJSIP/trunk/sip:{{number}}@127.0.0.1:{self.carrier.port}",
            "ENGINE_ASTERISK_AGENT_TIMEOUT": 2,
            "ENGINE_ASTERISK_EXTENSION_PAUSE": 0.1,
        }
        return load(None, {f"MANUALDIAL_{name}": str(value) for name, value in options.items()})

    async def add_user(self) -> None:
        """Let the agent sign in."""
        async with store_for(self.config()) as store:
            await store.add_user(self._user)

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[Desk]:
        """The service, and the agent logged in."""
        async with AsyncExitStack() as stack:
            service = await stack.enter_async_context(serving(self.config()))
            await _ready(service)
            port = urllib.parse.urlsplit(service.url).port or 0
            bus = await BusClient.open(port, token=a_token(self._user.id, secret=SECRET))
            stack.push_async_callback(bus.close)
            await bus.ask("Amazon/Agent/Login", answer="Amazon/Agent/LoginSuccess")
            yield Desk(bus)


async def _ready(service: Service) -> None:
    async with asyncio.timeout(LIMIT):
        while not service.engine.ready:  # noqa: ASYNC110  # the engine can only be asked
            await asyncio.sleep(0.01)


@pytest.fixture
async def world(laboratory: Laboratory, tmp_path: Path) -> World:
    world = World(laboratory, tmp_path, laboratory.phone("phone_by_number"), laboratory.carrier())
    await world.add_user()
    return world


async def test_a_press_is_one_invite_at_the_phone_and_one_at_the_carrier(world: World) -> None:
    async with world.desk() as desk:
        dial = await desk.press()
        await desk.state("connected", dial["callId"])
        await desk.bus.ask("Amazon/InboundCall/Disconnect")
        await desk.state("wrap_up", dial["callId"])

    for party in (world.phone, world.carrier):
        assert [invite.header("X-Call-Id") for invite in invites(party)] == [dial["callId"]]


async def test_a_hundred_presses_of_one_request_id_are_one_invite(world: World) -> None:
    async with world.desk() as desk:
        key = uuid.uuid4().hex
        for _ in range(100):
            desk.bus.send(DIAL, {"PhoneNumber": ANSWERS}, key)
        dials = [(await desk.bus.expect(DIAL, limit=LIMIT))["message"]["dial"] for _ in range(100)]
        await desk.state("connected", dials[0]["callId"])

        assert {dial["callId"] for dial in dials} == {dials[0]["callId"]}
        assert [dial["replay"] for dial in dials].count(False) == 1
        assert len(invites(world.phone)) == len(invites(world.carrier)) == 1


async def test_the_carrier_sees_nothing_where_the_agents_phone_is_silent(world: World) -> None:
    async with world.desk() as desk:
        dial = await desk.press("+12025550108")
        ended = await desk.state("ended", dial["callId"])

        assert (ended["ending"]["by"], ended["ending"]["cause"]) == ("agent", "no_answer")
        assert "dialing" not in desk.states(dial["callId"])
        assert len(invites(world.phone)) == 1
        assert invites(world.carrier) == []


async def test_a_number_of_an_emergency_reaches_neither_phone_nor_carrier(world: World) -> None:
    async with world.desk() as desk:
        desk.bus.send(DIAL, {"PhoneNumber": "911"})
        await desk.bus.error("PHONE_NUMBER_INVALID")

        assert invites(world.phone) == invites(world.carrier) == []


async def test_asterisk_that_is_killed_in_a_call_ends_the_call_once_it_is_back(world: World) -> None:
    async with world.desk() as desk:
        dial = await desk.press()
        await desk.state("connected", dial["callId"])

        world.laboratory.asterisk.kill()
        world.laboratory.asterisk.restart()

        over = await desk.state("wrap_up", dial["callId"])
        assert over["ending"]["by"] == "system"
        assert len(invites(world.phone)) == len(invites(world.carrier)) == 1


async def test_a_press_without_asterisk_is_refused_at_once_and_may_come_again(world: World) -> None:
    async with world.desk() as desk:
        world.laboratory.asterisk.kill()
        key = uuid.uuid4().hex
        error = await desk.bus.ask(DIAL, {"PhoneNumber": ANSWERS})
        while error["data"]["errorType"] != "MAKE_CALL_FAILED":  # the loss of the socket may not be known yet
            error = await desk.bus.ask(DIAL, {"PhoneNumber": ANSWERS})
        assert error["data"]["retryable"] is True

        world.laboratory.asterisk.restart()
        dial = await _pressed_until_taken(desk, key)
        await desk.state("connected", dial["callId"])
        assert len(invites(world.phone)) == 1


async def _pressed_until_taken(desk: Desk, key: str) -> Message:
    """Press under one `requestId` until the engine is back, as a client may that was told `retryable`."""
    async with asyncio.timeout(LIMIT):
        while True:
            desk.bus.send(DIAL, {"PhoneNumber": ANSWERS}, key)
            answer = await desk.bus.until("an answer", lambda message: message.get("requestId") == key, LIMIT)
            if answer["subtopic"] != "ApiError":
                return dict(answer["message"]["dial"])


async def test_a_call_goes_on_over_a_restart_of_the_service_and_can_still_be_hung_up(world: World) -> None:
    async with world.desk() as desk:
        dial = await desk.press()
        await desk.state("connected", dial["callId"])

    async with world.desk() as desk:
        sync = (await desk.bus.ask("Amazon/InboundCall/StateSync"))["message"]
        assert [call["dial"]["state"] for call in sync["calls"]] == ["connected"]
        answer = await desk.bus.ask("Amazon/InboundCall/Disconnect", dial["callId"])
        assert answer["message"]["success"] is True
        await desk.state("wrap_up", dial["callId"])
        await world.laboratory.until_no_channel()

    assert len(invites(world.phone)) == len(invites(world.carrier)) == 1


async def test_a_call_that_ended_while_the_service_was_away_is_ended_by_the_system(world: World) -> None:
    async with world.desk() as desk:
        dial = await desk.press()
        await desk.state("connected", dial["callId"])

    world.carrier.notify(invites(world.carrier)[0])
    await world.laboratory.until_gone(f"{dial['callId']}.customer")

    async with world.desk() as desk:
        over = await _synchronised(desk, "wrap_up")
        assert over["ending"]["by"] == "system"
        await world.laboratory.until_no_channel()

    assert len(invites(world.phone)) == len(invites(world.carrier)) == 1


async def _synchronised(desk: Desk, state: str) -> Message:
    """`dial` of the agent's call once StateSync shows it in the state: the engine is asked after the start."""
    async with asyncio.timeout(LIMIT):
        while True:
            sync = (await desk.bus.ask("Amazon/InboundCall/StateSync"))["message"]
            (dial,) = [call["dial"] for call in sync["calls"]]
            if dial["state"] == state:
                return dict(dial)
