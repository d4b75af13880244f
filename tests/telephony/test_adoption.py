"""An engine that takes over the calls of an earlier one, as after a crash of the service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from manualdial.calls import CallSignal, Cause, EndedBy
from manualdial.engines.asterisk import AsteriskEngine
from manualdial.ports import Originate
from tests.contract.report_reader import ReportReader
from tests.telephony.lab.laboratory import Laboratory, invites, order
from tests.telephony.lab.sipp import Sipp


@asynccontextmanager
async def life(
    laboratory: Laboratory, phone: Sipp, carrier: Sipp
) -> AsyncIterator[tuple[AsteriskEngine, ReportReader]]:
    """One life of an engine. What it placed goes on after it."""
    async with laboratory.engine(phone, carrier) as engine, ReportReader(engine) as reader:
        await reader.reconnected()
        yield engine, reader


async def place(
    laboratory: Laboratory, phone: Sipp, carrier: Sipp, until: CallSignal, *, hold: bool = False
) -> Originate:
    """A call of an earlier life, left at this signal."""
    placed = order()
    async with life(laboratory, phone, carrier) as (engine, reader):
        await engine.originate(placed)
        await reader.until(placed.call_id, until)
        if hold:
            await engine.hold(placed.call_id)
    return placed


async def test_a_call_in_which_they_talk_goes_on_and_can_be_ended(
    laboratory: Laboratory, phone: Sipp, carrier: Sipp
) -> None:
    placed = await place(laboratory, phone, carrier, CallSignal.CONNECTED)

    async with life(laboratory, phone, carrier) as (engine, reader):
        assert await engine.adopt([placed]) == {placed.call_id}
        await reader.until(placed.call_id, CallSignal.CONNECTED)
        assert await engine.adopt([placed]) == {placed.call_id}

        assert await engine.hang_up(placed.call_id)
        ending = await reader.ending(placed.call_id)
        assert (ending.by, ending.cause) == (EndedBy.AGENT, Cause.NORMAL)
        assert reader.signals(placed.call_id) == [CallSignal.CONNECTED, CallSignal.RESUMED, CallSignal.ENDED]
    await carrier.until_request("BYE")
    assert len(invites(phone)) == len(invites(carrier)) == 1
    await laboratory.until_idle()


async def test_a_customer_on_hold_is_found_on_hold(laboratory: Laboratory, phone: Sipp, carrier: Sipp) -> None:
    placed = await place(laboratory, phone, carrier, CallSignal.CONNECTED, hold=True)

    async with life(laboratory, phone, carrier) as (engine, reader):
        assert await engine.adopt([placed]) == {placed.call_id}
        await reader.until(placed.call_id, CallSignal.HELD)
        await engine.resume(placed.call_id)
        await reader.until(placed.call_id, CallSignal.RESUMED)


async def test_a_phone_that_rings_goes_on_ringing_and_the_answer_brings_the_customer(
    laboratory: Laboratory, carrier: Sipp
) -> None:
    phone = laboratory.phone("phone_rings")
    placed = await place(laboratory, phone, carrier, CallSignal.AGENT_RINGING)

    async with life(laboratory, phone, carrier) as (engine, reader):
        assert await engine.adopt([placed]) == {placed.call_id}
        await reader.until(placed.call_id, CallSignal.AGENT_RINGING)
        assert carrier.messages() == []
        phone.notify(invites(phone)[0])
        await reader.until(placed.call_id, CallSignal.CONNECTED)
    assert len(invites(phone)) == len(invites(carrier)) == 1


async def test_an_agent_who_answered_when_nobody_was_there_gets_the_customer(
    laboratory: Laboratory, carrier: Sipp
) -> None:
    phone = laboratory.phone("phone_rings")
    placed = await place(laboratory, phone, carrier, CallSignal.AGENT_RINGING)
    phone.notify(invites(phone)[0])
    await phone.until_request("ACK")

    async with life(laboratory, phone, carrier) as (engine, reader):
        assert await engine.adopt([placed]) == {placed.call_id}
        await reader.until(placed.call_id, CallSignal.CONNECTED)
    assert len(invites(phone)) == len(invites(carrier)) == 1


async def test_a_call_that_is_over_is_not_adopted(laboratory: Laboratory, phone: Sipp, carrier: Sipp) -> None:
    placed = await place(laboratory, phone, carrier, CallSignal.CONNECTED)
    carrier.notify(invites(carrier)[0])
    phone.notify(invites(phone)[0])
    await laboratory.until_no_channel()

    async with life(laboratory, phone, carrier) as (engine, reader):
        assert await engine.adopt([placed]) == frozenset()
        await laboratory.until_idle()
        assert reader.signals(placed.call_id) == []


async def test_half_a_call_is_ended(laboratory: Laboratory, phone: Sipp, carrier: Sipp) -> None:
    placed = await place(laboratory, phone, carrier, CallSignal.CONNECTED)
    phone.notify(invites(phone)[0])
    await laboratory.until_gone(f"{placed.call_id}.agent")

    async with life(laboratory, phone, carrier) as (engine, reader):
        await engine.adopt([placed])
        ending = await reader.ending(placed.call_id)
        assert (ending.by, ending.cause) == (EndedBy.SYSTEM, Cause.UNKNOWN)
    await carrier.until_request("BYE")


async def test_a_call_that_the_journal_does_not_know_is_hung_up(
    laboratory: Laboratory, phone: Sipp, carrier: Sipp
) -> None:
    await place(laboratory, phone, carrier, CallSignal.CONNECTED)

    async with life(laboratory, phone, carrier) as (engine, _):
        assert await engine.adopt([]) == frozenset()
        await phone.until_request("BYE")
        await carrier.until_request("BYE")
        await laboratory.until_idle()


async def test_calls_of_another_application_are_left_alone(laboratory: Laboratory, phone: Sipp, carrier: Sipp) -> None:
    async with (
        laboratory.engine(phone, carrier, application="another") as other,
        ReportReader(other) as other_reader,
    ):
        await other_reader.reconnected()
        placed = order()
        await other.originate(placed)
        await other_reader.until(placed.call_id, CallSignal.CONNECTED)

        async with life(laboratory, phone, carrier) as (engine, _):
            assert await engine.adopt([]) == frozenset()

        await other.hold(placed.call_id)
        assert CallSignal.ENDED not in other_reader.signals(placed.call_id)


async def test_the_order_of_an_adopted_call_again_rings_nobody(
    laboratory: Laboratory, phone: Sipp, carrier: Sipp
) -> None:
    placed = await place(laboratory, phone, carrier, CallSignal.CONNECTED)

    async with life(laboratory, phone, carrier) as (engine, reader):
        # Also where nobody asked for the adoption: Asterisk has the leg, and says so.
        await engine.originate(placed)
        await reader.until(placed.call_id, CallSignal.CONNECTED)
    assert len(invites(phone)) == len(invites(carrier)) == 1
