"""What no event told: the engine's calls, and the journal's, against what is alive in Asterisk."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from types import TracebackType

import aiohttp
import pytest

from manualdial.calls import CallSignal, Cause, EndedBy
from manualdial.engines.asterisk import AsteriskEngine
from manualdial.engines.asterisk.ari import EVENT_TYPES
from manualdial.ports import Originate
from tests.contract.report_reader import ReportReader
from tests.support.waiting import until
from tests.telephony.lab.ari_proxy import AriProxy
from tests.telephony.lab.laboratory import Laboratory, invites, order
from tests.telephony.lab.sipp import Sipp

APPLICATION = "manualdial"


class Operator:
    """Somebody else who uses ARI, past the engine. Use it as an asynchronous context manager."""

    def __init__(self, laboratory: Laboratory) -> None:
        asterisk = laboratory.asterisk
        self._url = asterisk.url
        headers = {"Authorization": aiohttp.encode_basic_auth(asterisk.user, asterisk.password)}
        self._session = aiohttp.ClientSession(headers=headers)

    async def __aenter__(self) -> Operator:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def silence(self) -> None:
        """From now on the engine's event socket is open, and answers requests, and brings no event of a call."""
        await self._allow("RESTResponse")

    async def end_silence(self) -> None:
        """Events come again; those in between are lost."""
        await self._allow(*EVENT_TYPES)

    async def create(self, channel_id: str, endpoint: str) -> None:
        """Make a channel that rings nobody. Asterisk says that it has, and only then lets it into the application."""
        await self._do("POST", f"channels/create?app={APPLICATION}&channelId={channel_id}&endpoint={endpoint}")
        async with asyncio.timeout(5):
            while not await self._has_entered(channel_id):  # noqa: ASYNC110  # no event tells a second program
                await asyncio.sleep(0.005)

    async def create_bridge(self, bridge_id: str) -> None:
        """Make a bridge."""
        await self._do("POST", f"bridges/{bridge_id}?type=mixing&name={APPLICATION}")

    async def hang_up(self, channel_id: str) -> None:
        """End a channel."""
        await self._do("DELETE", f"channels/{channel_id}")

    async def _has_entered(self, channel_id: str) -> bool:
        """Also where it has been ended since."""
        async with self._session.get(f"{self._url}/ari/channels/{channel_id}") as answer:
            return answer.status == 404 or (await answer.json())["dialplan"]["app_name"] == "Stasis"

    async def _allow(self, *types: str) -> None:
        allowed = json.dumps({"allowed": [{"type": name} for name in types]})
        await self._do("PUT", f"applications/{APPLICATION}/eventFilter", allowed)

    async def _do(self, method: str, path: str, body: str | None = None) -> None:
        headers = {"Content-Type": "application/json"}
        async with self._session.request(method, f"{self._url}/ari/{path}", data=body, headers=headers) as answer:
            assert answer.ok, await answer.text()


@pytest.fixture
async def operator(laboratory: Laboratory) -> AsyncIterator[Operator]:
    """Somebody who does what the engine does not see."""
    async with Operator(laboratory) as operator:
        yield operator


@pytest.fixture
async def proxy(laboratory: Laboratory) -> AsyncIterator[AriProxy]:
    """Between the engine and Asterisk."""
    async with AriProxy(target_port=laboratory.asterisk.http_port) as proxy:
        yield proxy


async def connected(engine: AsteriskEngine, reader: ReportReader) -> Originate:
    placed = order()
    await engine.originate(placed)
    await reader.until(placed.call_id, CallSignal.CONNECTED)
    return placed


async def test_a_call_that_is_gone_and_that_the_engine_still_tracks_is_found_gone(
    engine: AsteriskEngine, reader: ReportReader, operator: Operator, laboratory: Laboratory, carrier: Sipp
) -> None:
    gone, stays = await connected(engine, reader), await connected(engine, reader)
    await operator.silence()
    for leg in ("agent", "customer"):
        await operator.hang_up(f"{gone.call_id}.{leg}")
        await laboratory.until_gone(f"{gone.call_id}.{leg}")

    assert await engine.adopt([gone, stays]) == {stays.call_id}

    ending = await reader.ending(gone.call_id)
    assert (ending.by, ending.cause) == (EndedBy.SYSTEM, Cause.UNKNOWN)
    assert await engine.adopt([gone, stays]) == {stays.call_id}
    assert reader.signals(stays.call_id)[-1] is CallSignal.CONNECTED
    assert len(invites(carrier)) == 2
    await until(lambda: laboratory.asterisk.bridges() == [stays.call_id])


async def test_half_a_call_of_which_nothing_was_told_is_ended_by_adoption(
    engine: AsteriskEngine, reader: ReportReader, operator: Operator, laboratory: Laboratory, phone: Sipp
) -> None:
    placed = await connected(engine, reader)
    await operator.silence()
    await operator.hang_up(f"{placed.call_id}.customer")
    await laboratory.until_gone(f"{placed.call_id}.customer")

    await engine.adopt([placed])

    await phone.until_request("BYE")
    assert (await reader.ending(placed.call_id)).by is EndedBy.SYSTEM
    await laboratory.until_idle()


async def test_an_answer_of_the_agent_that_nobody_told_brings_the_customer_by_adoption(
    laboratory: Laboratory, operator: Operator, carrier: Sipp
) -> None:
    phone = laboratory.phone("phone_rings")
    async with laboratory.engine(phone, carrier) as engine, ReportReader(engine) as reader:
        await reader.reconnected()
        placed = order()
        await engine.originate(placed)
        await reader.until(placed.call_id, CallSignal.AGENT_RINGING)
        await operator.silence()
        phone.notify(invites(phone)[0])
        await phone.until_request("ACK")
        await operator.end_silence()
        assert carrier.messages() == []

        assert await engine.adopt([placed]) == {placed.call_id}

        await reader.until(placed.call_id, CallSignal.CONNECTED)
        assert await engine.adopt([placed]) == {placed.call_id}
        assert len(invites(phone)) == len(invites(carrier)) == 1


async def test_a_hang_up_whose_end_is_never_told_ends_all_the_same(
    engine: AsteriskEngine, reader: ReportReader, operator: Operator, laboratory: Laboratory
) -> None:
    placed = await connected(engine, reader)
    await operator.silence()

    assert await engine.hang_up(placed.call_id)

    ending = await reader.ending(placed.call_id)
    assert (ending.by, ending.cause) == (EndedBy.AGENT, Cause.NORMAL)
    await laboratory.until_idle()


async def test_orphans_are_taken_away_and_told_after_a_reconnect(
    laboratory: Laboratory, phone: Sipp, carrier: Sipp, proxy: AriProxy, operator: Operator
) -> None:
    async with laboratory.engine(phone, carrier, url=proxy.url) as engine, ReportReader(engine) as reader:
        await reader.reconnected()
        assert await engine.adopt([]) == frozenset()
        ours = await connected(engine, reader)
        bridge_only = order().call_id

        await proxy.cut()
        await until(lambda: not engine.ready)
        async with laboratory.engine(phone, carrier) as another, ReportReader(another) as others:
            await others.reconnected()
            orphan = await connected(another, others)
        await operator.create_bridge(bridge_only)
        proxy.mend()
        await reader.reconnected(times=2)

        assert await engine.adopt([ours]) == {ours.call_id}

        for what in ("agent's leg", "customer's leg", "bridge"):
            await reader.orphan(orphan.call_id, what)
        await reader.orphan(bridge_only, "bridge")
        for leg in ("agent", "customer"):
            await laboratory.until_gone(f"{orphan.call_id}.{leg}")
        await until(lambda: laboratory.asterisk.bridges() == [ours.call_id])
        await engine.adopt([ours])
        assert len(reader.orphans) == 4
        assert CallSignal.ENDED not in reader.signals(ours.call_id)
        assert reader.signals(orphan.call_id) == []


async def test_a_channel_of_ours_that_nobody_here_made_is_hung_up_and_told(
    engine: AsteriskEngine, reader: ReportReader, operator: Operator, laboratory: Laboratory, phone: Sipp
) -> None:
    await engine.adopt([])
    call_id = order().call_id

    await operator.create(f"{call_id}.agent", f"PJSIP/agent/sip:4001@127.0.0.1:{phone.port}")

    await reader.orphan(call_id, "agent's leg")
    await laboratory.until_no_channel()
    assert phone.messages() == []


async def test_an_adopted_leg_that_was_never_dialled_does_not_stay(
    laboratory: Laboratory, phone: Sipp, carrier: Sipp, operator: Operator
) -> None:
    placed = order()
    async with laboratory.engine(phone, carrier) as engine, ReportReader(engine) as reader:
        await reader.reconnected()
        await operator.silence()
        await operator.create(f"{placed.call_id}.agent", f"PJSIP/agent/sip:4001@127.0.0.1:{phone.port}")

    async with (
        laboratory.engine(phone, carrier, agent_timeout=60) as engine,
        ReportReader(engine) as reader,
    ):
        await reader.reconnected()
        assert await engine.adopt([placed]) == {placed.call_id}

        # Well before the minute that a phone may ring.
        ending = await reader.ending(placed.call_id)
        assert (ending.by, ending.cause) == (EndedBy.SYSTEM, Cause.TIMEOUT)
        await laboratory.until_idle()
        assert phone.messages() == []
        assert reader.orphans == []


async def test_an_adopted_customers_leg_that_was_made_and_not_dialled_is_dialled_once(
    laboratory: Laboratory, carrier: Sipp, operator: Operator
) -> None:
    phone = laboratory.phone("phone_rings")
    placed = order()
    async with laboratory.engine(phone, carrier) as engine, ReportReader(engine) as reader:
        await reader.reconnected()
        await engine.originate(placed)
        await reader.until(placed.call_id, CallSignal.AGENT_RINGING)
        await operator.silence()
        phone.notify(invites(phone)[0])
        await phone.until_request("ACK")
        number = placed.number.e164.replace("+", "%2B")
        await operator.create(f"{placed.call_id}.customer", f"PJSIP/trunk/sip:{number}@127.0.0.1:{carrier.port}")

    async with laboratory.engine(phone, carrier) as engine, ReportReader(engine) as reader:
        await reader.reconnected()
        assert await engine.adopt([placed]) == {placed.call_id}

        await reader.until(placed.call_id, CallSignal.CONNECTED)
        await engine.adopt([placed])
        assert len(invites(phone)) == len(invites(carrier)) == 1
