"""What is lost between the engine and Asterisk, and what becomes of the calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from manualdial.calls import CallSignal, Cause, EndedBy
from manualdial.engines.asterisk import AsteriskEngine
from manualdial.ports import EngineRefused, EngineSilent, EngineUnavailable
from tests.contract.report_reader import ReportReader
from tests.telephony.lab.ari_proxy import AriProxy
from tests.telephony.lab.laboratory import Laboratory, invites, order
from tests.telephony.lab.sipp import Sipp


@pytest.fixture
async def proxy(laboratory: Laboratory) -> AsyncIterator[AriProxy]:
    """Between the engine and Asterisk."""
    async with AriProxy(target_port=laboratory.asterisk.http_port) as proxy:
        yield proxy


@pytest.fixture(params=[True, False], ids=["requests-on-socket", "requests-over-http"])
def on_socket(request: pytest.FixtureRequest) -> bool:
    """Both ways in which a request can travel, for what can be lost on the way."""
    return bool(request.param)


@pytest.fixture
async def engine(
    laboratory: Laboratory, phone: Sipp, carrier: Sipp, proxy: AriProxy, on_socket: bool
) -> AsyncIterator[AsteriskEngine]:
    """An engine that reaches Asterisk through the proxy."""
    async with laboratory.engine(
        phone, carrier, url=proxy.url, request_timeout=1.0, requests_on_socket=on_socket
    ) as engine:
        yield engine


async def connected(engine: AsteriskEngine, reader: ReportReader, number: str = "+12025550100") -> str:
    placed = order(number)
    await engine.originate(placed)
    await reader.until(placed.call_id, CallSignal.CONNECTED)
    return placed.call_id


async def test_asterisk_is_killed_during_a_call(
    engine: AsteriskEngine, reader: ReportReader, laboratory: Laboratory, phone: Sipp, carrier: Sipp
) -> None:
    call_id = await connected(engine, reader)

    laboratory.asterisk.kill()
    await unready(engine)
    with pytest.raises(EngineUnavailable):
        await engine.originate(order())
    assert not (await engine.health()).ok
    assert CallSignal.ENDED not in reader.signals(call_id)

    laboratory.asterisk.start()
    ending = await reader.ending(call_id)
    assert (ending.by, ending.cause) == (EndedBy.SYSTEM, Cause.UNKNOWN)
    await reader.reconnected(times=2)
    # Nobody told the parties, and nobody was called twice.
    assert [message for message in carrier.messages() if message.method == "BYE"] == []
    assert len(invites(phone)) == len(invites(carrier)) == 1

    await connected(engine, reader)
    assert len(invites(phone)) == 2


async def test_asterisk_is_stopped_during_a_call(
    engine: AsteriskEngine, reader: ReportReader, laboratory: Laboratory, carrier: Sipp
) -> None:
    call_id = await connected(engine, reader)

    await asyncio.to_thread(laboratory.asterisk.stop)
    await carrier.until_request("BYE")

    laboratory.asterisk.start()
    assert (await reader.ending(call_id)).by is EndedBy.SYSTEM


async def test_the_event_socket_is_cut_and_the_call_goes_on(
    engine: AsteriskEngine, reader: ReportReader, proxy: AriProxy, phone: Sipp, carrier: Sipp
) -> None:
    call_id = await connected(engine, reader)

    await proxy.cut_events()
    await reader.reconnected(times=2)

    assert CallSignal.ENDED not in reader.signals(call_id)
    await engine.hold(call_id)
    await engine.resume(call_id)
    assert [message for party in (phone, carrier) for message in party.messages() if message.method == "BYE"] == []
    carrier.notify(invites(carrier)[0])
    ending = await reader.ending(call_id)
    assert (ending.by, ending.cause) == (EndedBy.CUSTOMER, Cause.NORMAL)
    assert len(invites(phone)) == len(invites(carrier)) == 1


async def test_a_call_that_ended_during_the_cut_is_found_to_have_ended(
    engine: AsteriskEngine, reader: ReportReader, proxy: AriProxy, phone: Sipp, carrier: Sipp, laboratory: Laboratory
) -> None:
    call_id = await connected(engine, reader)

    await proxy.cut()
    await unready(engine)
    carrier.notify(invites(carrier)[0])
    await laboratory.until_gone(f"{call_id}.customer")
    proxy.mend()

    ending = await reader.ending(call_id)
    assert (ending.by, ending.cause) == (EndedBy.SYSTEM, Cause.UNKNOWN)
    await phone.until_request("BYE")
    await laboratory.until_idle()


async def test_a_customer_who_answered_during_the_cut_is_found_to_be_there(
    engine: AsteriskEngine, reader: ReportReader, proxy: AriProxy, carrier: Sipp
) -> None:
    placed = order("+12025550102")
    await engine.originate(placed)
    await reader.until(placed.call_id, CallSignal.RINGING)

    await proxy.cut()
    await unready(engine)
    carrier.notify(invites(carrier)[0])
    await carrier.until_request("ACK")
    proxy.mend()

    await reader.until(placed.call_id, CallSignal.CONNECTED)
    await engine.send_dtmf(placed.call_id, "1")


async def test_an_agent_who_answered_during_the_cut_gets_the_customer(
    laboratory: Laboratory, proxy: AriProxy, carrier: Sipp
) -> None:
    phone = laboratory.phone("phone_rings")
    async with laboratory.engine(phone, carrier, url=proxy.url) as engine, ReportReader(engine) as reader:
        await reader.reconnected()
        placed = order()
        await engine.originate(placed)
        await reader.until(placed.call_id, CallSignal.AGENT_RINGING)

        await proxy.cut()
        await unready(engine)
        phone.notify(invites(phone)[0])
        await phone.until_request("ACK")
        assert carrier.messages() == []
        proxy.mend()

        await reader.until(placed.call_id, CallSignal.CONNECTED)
        assert len(invites(phone)) == len(invites(carrier)) == 1


async def test_without_the_event_socket_nothing_is_dialled(
    engine: AsteriskEngine, reader: ReportReader, proxy: AriProxy, phone: Sipp
) -> None:
    await proxy.cut()
    await unready(engine)
    proxy.requests.clear()

    with pytest.raises(EngineUnavailable):
        await engine.originate(order())

    assert not [line for line in proxy.requests if b"channels/create" in line]
    assert phone.messages() == []


async def test_asterisk_does_not_answer_the_order_and_the_phone_never_rings(
    engine: AsteriskEngine, reader: ReportReader, proxy: AriProxy, phone: Sipp, laboratory: Laboratory
) -> None:
    proxy.loses_answers_to = b"channels/create"
    placed = order()

    with pytest.raises(EngineSilent):
        await engine.originate(placed)
    with pytest.raises((EngineSilent, EngineRefused)):  # never as if it had been taken
        await engine.originate(placed)

    # The leg was made. It is ended before it is dialled, and the call with it.
    ending = await reader.ending(placed.call_id)
    assert ending.by is EndedBy.SYSTEM
    await laboratory.until_idle()
    assert phone.messages() == []
    assert len([line for line in proxy.requests if b"channels/create" in line]) == 1


async def test_asterisk_does_not_answer_the_dial_and_the_call_is_followed_all_the_same(
    engine: AsteriskEngine, reader: ReportReader, proxy: AriProxy, phone: Sipp, carrier: Sipp
) -> None:
    proxy.loses_answers_to = b".agent/dial"
    placed = order()

    with pytest.raises(EngineSilent):
        await engine.originate(placed)
    await engine.originate(placed)

    await reader.until(placed.call_id, CallSignal.CONNECTED)
    assert await engine.adopt([placed]) == {placed.call_id}
    assert len(invites(phone)) == len(invites(carrier)) == 1
    assert len([line for line in proxy.requests if b".agent/dial" in line]) == 1


async def test_a_hang_up_that_got_no_answer_is_done_all_the_same(
    engine: AsteriskEngine, reader: ReportReader, proxy: AriProxy, phone: Sipp, carrier: Sipp
) -> None:
    call_id = await connected(engine, reader)
    await proxy.cut()
    await unready(engine)

    with pytest.raises((EngineSilent, EngineUnavailable)):
        await engine.hang_up(call_id)
    proxy.mend()

    ending = await reader.ending(call_id)
    assert (ending.by, ending.cause) == (EndedBy.AGENT, Cause.NORMAL)
    await phone.until_request("BYE")
    await carrier.until_request("BYE")


async def test_a_hold_that_got_no_answer_is_told_as_asterisk_has_it(
    engine: AsteriskEngine, reader: ReportReader, proxy: AriProxy
) -> None:
    call_id = await connected(engine, reader)
    proxy.loses_answers_to = b"/moh"
    with pytest.raises(EngineSilent):
        await engine.hold(call_id)

    proxy.mend()

    await reader.until(call_id, CallSignal.HELD)
    await engine.resume(call_id)
    await reader.until(call_id, CallSignal.RESUMED)


async def test_another_program_with_the_same_application_is_left_alone(
    engine: AsteriskEngine, reader: ReportReader, laboratory: Laboratory
) -> None:
    asterisk = laboratory.asterisk
    headers = {"Authorization": aiohttp.encode_basic_auth(asterisk.user, asterisk.password)}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.ws_connect(f"{asterisk.url}/ari/events?app=manualdial") as other,
    ):
        await unready(engine)
        assert "another program" in (await engine.health()).detail
        with pytest.raises(EngineUnavailable):
            await engine.originate(order())
        # Well past the pause after an ordinary loss, the other one still has the application.
        with pytest.raises(TimeoutError):
            await other.receive(timeout=1.0)
        assert reader.reconnects == 1


async def test_an_engine_that_starts_before_asterisk_finds_it_later(
    laboratory: Laboratory, phone: Sipp, carrier: Sipp
) -> None:
    laboratory.asterisk.kill()
    async with laboratory.engine(phone, carrier) as engine, ReportReader(engine) as reader:
        with pytest.raises(EngineUnavailable):
            await engine.originate(order())

        laboratory.asterisk.start()

        await reader.reconnected()
        assert engine.ready
        assert (await engine.health()).ok
        await connected(engine, reader)


async def unready(engine: AsteriskEngine) -> None:
    """Return when the engine has seen that it is cut off."""
    async with asyncio.timeout(10):
        while engine.ready:  # noqa: ASYNC110  # the port has no event for it, and a test may poll
            await asyncio.sleep(0.005)
