"""How calls go and end, as the agent's phone and the carrier saw it on the wire."""

from __future__ import annotations

import pytest

from manualdial.calls import CallSignal, Cause, EndedBy
from manualdial.engines.asterisk import AsteriskEngine
from manualdial.ports import EngineRefused
from tests.contract.report_reader import ReportReader
from tests.telephony.lab.laboratory import CALLER_ID, EXTENSION, Laboratory, invites, order
from tests.telephony.lab.sipp import Sipp

WHOLE_WAY = [
    CallSignal.AGENT_RINGING,
    CallSignal.AGENT_ANSWERED,
    CallSignal.DIALING,
    CallSignal.RINGING,
    CallSignal.CONNECTED,
]


async def connected(engine: AsteriskEngine, reader: ReportReader, number: str = "+12025550100") -> str:
    """A call in which agent and customer talk."""
    placed = order(number)
    await engine.originate(placed)
    await reader.until(placed.call_id, CallSignal.CONNECTED)
    return placed.call_id


async def test_the_agent_is_rung_first_and_the_customer_only_after_the_answer(
    engine: AsteriskEngine, reader: ReportReader, phone: Sipp, carrier: Sipp
) -> None:
    call_id = await connected(engine, reader)

    assert reader.signals(call_id) == WHOLE_WAY
    (at_phone,), (at_carrier,) = invites(phone), invites(carrier)
    answered = await phone.until_status(200)
    assert at_phone.uri.startswith(f"sip:{EXTENSION}@")
    assert at_carrier.uri.startswith("sip:+12025550100@")
    assert at_phone.time < answered.time < at_carrier.time
    assert at_phone.header("X-Call-Id") == at_carrier.header("X-Call-Id") == call_id


async def test_the_customer_sees_the_caller_id_and_the_agent_sees_the_customer(
    engine: AsteriskEngine, reader: ReportReader, phone: Sipp, carrier: Sipp
) -> None:
    await connected(engine, reader)

    assert invites(carrier)[0].from_uri.startswith(f"sip:{CALLER_ID}@")
    assert invites(phone)[0].from_uri.startswith("sip:+12025550100@")


async def test_we_hang_up_and_both_parties_get_a_bye(
    engine: AsteriskEngine, reader: ReportReader, phone: Sipp, carrier: Sipp
) -> None:
    call_id = await connected(engine, reader)

    assert await engine.hang_up(call_id)

    ending = await reader.ending(call_id)
    assert (ending.by, ending.cause) == (EndedBy.AGENT, Cause.NORMAL)
    await phone.until_request("BYE")
    await carrier.until_request("BYE")
    assert not await engine.hang_up(call_id)


async def test_the_customer_hangs_up_and_the_agents_phone_gets_a_bye(
    engine: AsteriskEngine, reader: ReportReader, phone: Sipp, carrier: Sipp
) -> None:
    call_id = await connected(engine, reader)

    carrier.notify(invites(carrier)[0])

    ending = await reader.ending(call_id)
    assert (ending.by, ending.cause, ending.q850, ending.sip) == (EndedBy.CUSTOMER, Cause.NORMAL, 16, None)
    await phone.until_request("BYE")


async def test_the_agent_hangs_up_and_the_customer_gets_a_bye(
    engine: AsteriskEngine, reader: ReportReader, phone: Sipp, carrier: Sipp
) -> None:
    call_id = await connected(engine, reader)

    phone.notify(invites(phone)[0])

    ending = await reader.ending(call_id)
    assert (ending.by, ending.cause, ending.q850) == (EndedBy.AGENT, Cause.NORMAL, 16)
    await carrier.until_request("BYE")


@pytest.mark.parametrize(
    ("number", "by", "cause", "q850", "sip"),
    [
        pytest.param("+12025550101", EndedBy.CUSTOMER, Cause.BUSY, 17, 486, id="busy"),
        pytest.param("+12025550103", EndedBy.CUSTOMER, Cause.REJECTED, 21, 603, id="rejected"),
        pytest.param("+12025550104", EndedBy.NETWORK, Cause.INVALID_NUMBER, 1, 404, id="unallocated"),
        pytest.param("+12025550105", EndedBy.NETWORK, Cause.CONGESTION, 34, 503, id="congestion"),
    ],
)
async def test_a_refusal_ends_the_call_with_what_the_carrier_said(
    engine: AsteriskEngine,
    reader: ReportReader,
    phone: Sipp,
    carrier: Sipp,
    number: str,
    by: EndedBy,
    cause: Cause,
    q850: int,
    sip: int,
) -> None:
    placed = order(number)
    await engine.originate(placed)

    ending = await reader.ending(placed.call_id)
    assert (ending.by, ending.cause, ending.q850, ending.sip) == (by, cause, q850, sip)
    await carrier.until_status(sip)
    assert [message.status for message in carrier.messages() if message.status] == [sip]
    await phone.until_request("BYE")


async def test_nobody_answers_and_the_carrier_gets_a_cancel(laboratory: Laboratory, phone: Sipp, carrier: Sipp) -> None:
    async with laboratory.engine(phone, carrier, customer_timeout=1) as engine, ReportReader(engine) as reader:
        await reader.reconnected()
        placed = order("+12025550102")
        await engine.originate(placed)

        ending = await reader.ending(placed.call_id)
        # 480 is what Asterisk shows, and nobody sent it.
        assert (ending.by, ending.cause, ending.sip) == (EndedBy.CUSTOMER, Cause.NO_ANSWER, None)
        await carrier.until_request("CANCEL")
        await phone.until_request("BYE")


async def test_the_agents_phone_is_not_answered_and_the_customer_never_rings(
    laboratory: Laboratory, carrier: Sipp
) -> None:
    silent = laboratory.phone("phone_rings")
    async with laboratory.engine(silent, carrier, agent_timeout=1) as engine, ReportReader(engine) as reader:
        await reader.reconnected()
        placed = order()
        await engine.originate(placed)

        ending = await reader.ending(placed.call_id)
        assert (ending.by, ending.cause, ending.sip) == (EndedBy.AGENT, Cause.NO_ANSWER, None)
        assert reader.signals(placed.call_id) == [CallSignal.AGENT_RINGING, CallSignal.ENDED]
        await silent.until_request("CANCEL")
        assert carrier.messages() == []


@pytest.mark.parametrize(
    ("extension", "cause", "sip"),
    [pytest.param("4486", Cause.BUSY, 486, id="busy"), pytest.param("4603", Cause.REJECTED, 603, id="rejected")],
)
async def test_the_agents_phone_takes_no_call_and_the_customer_never_rings(
    laboratory: Laboratory, carrier: Sipp, extension: str, cause: Cause, sip: int
) -> None:
    refusing = laboratory.phone("phone_rejects")
    async with laboratory.engine(refusing, carrier) as engine, ReportReader(engine) as reader:
        await reader.reconnected()
        placed = order(extension=extension)
        await engine.originate(placed)

        ending = await reader.ending(placed.call_id)
        assert (ending.by, ending.cause, ending.sip) == (EndedBy.AGENT, cause, sip)
        await refusing.until_status(sip)
        assert [message.status for message in refusing.messages() if message.status] == [sip]
        assert carrier.messages() == []


async def test_we_hang_up_while_the_agents_phone_rings(laboratory: Laboratory, carrier: Sipp) -> None:
    silent = laboratory.phone("phone_rings")
    async with laboratory.engine(silent, carrier) as engine, ReportReader(engine) as reader:
        await reader.reconnected()
        placed = order()
        await engine.originate(placed)
        await reader.until(placed.call_id, CallSignal.AGENT_RINGING)

        assert await engine.hang_up(placed.call_id)

        ending = await reader.ending(placed.call_id)
        assert (ending.by, ending.cause) == (EndedBy.AGENT, Cause.CANCELLED)
        await silent.until_request("CANCEL")
        assert carrier.messages() == []


async def test_we_hang_up_while_the_customer_rings(
    engine: AsteriskEngine, reader: ReportReader, phone: Sipp, carrier: Sipp
) -> None:
    placed = order("+12025550102")
    await engine.originate(placed)
    await reader.until(placed.call_id, CallSignal.RINGING)

    assert await engine.hang_up(placed.call_id)

    ending = await reader.ending(placed.call_id)
    assert (ending.by, ending.cause) == (EndedBy.AGENT, Cause.CANCELLED)
    await carrier.until_request("CANCEL")
    await phone.until_request("BYE")


async def test_the_same_call_id_again_rings_nobody_again(
    engine: AsteriskEngine, reader: ReportReader, phone: Sipp, carrier: Sipp
) -> None:
    placed = order()
    await engine.originate(placed)
    await engine.originate(placed)
    await reader.until(placed.call_id, CallSignal.CONNECTED)
    await engine.originate(placed)
    await engine.hang_up(placed.call_id)
    await phone.until_request("BYE")
    await carrier.until_request("BYE")

    assert len(invites(phone)) == len(invites(carrier)) == 1


async def test_an_extension_that_could_change_the_dial_string_is_refused(
    engine: AsteriskEngine, reader: ReportReader, phone: Sipp
) -> None:
    with pytest.raises(EngineRefused):
        await engine.originate(order(extension="4001&PJSIP/4002"))

    assert phone.messages() == []


async def test_asterisk_refuses_an_endpoint_that_it_does_not_know(
    laboratory: Laboratory, phone: Sipp, carrier: Sipp
) -> None:
    async with (
        laboratory.engine(phone, carrier, agent_endpoint="PJSIP/nobody/{extension}") as engine,
        ReportReader(engine) as reader,
    ):
        await reader.reconnected()
        placed = order()
        with pytest.raises(EngineRefused):
            await engine.originate(placed)

        assert reader.signals(placed.call_id) == []


async def test_no_trace_of_a_call_is_left_in_asterisk(
    engine: AsteriskEngine, reader: ReportReader, laboratory: Laboratory
) -> None:
    call_id = await connected(engine, reader)
    assert await engine.hang_up(call_id)
    await reader.ending(call_id)

    await laboratory.until_idle()
