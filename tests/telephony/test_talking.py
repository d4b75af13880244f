"""What agent and customer hear: the agent's end speaks 700 Hz, the customer's 1,000 Hz, the hold music is 440 Hz."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from manualdial.calls import CallSignal
from manualdial.engines.asterisk import AsteriskEngine
from manualdial.ports import EngineRefused
from tests.contract.report_reader import ReportReader
from tests.telephony.lab import audio
from tests.telephony.lab.laboratory import Laboratory, invites, order
from tests.telephony.lab.rtp import SoundEnd
from tests.telephony.lab.sipp import Sipp

AGENT, CUSTOMER = 700, 1_000
RINGING_TONE = (440, 480)
CLEAR = 0.9


@dataclass(frozen=True, kw_only=True)
class Ends:
    """Both ends of the sound, and the parties that they belong to."""

    agent: SoundEnd
    customer: SoundEnd
    phone: Sipp
    carrier: Sipp


@pytest.fixture
async def ends(laboratory: Laboratory) -> AsyncIterator[Ends]:
    """A phone and a carrier with ears."""
    async with SoundEnd(hertz=AGENT) as agent, SoundEnd(hertz=CUSTOMER) as customer:
        ends = Ends(
            agent=agent,
            customer=customer,
            phone=laboratory.phone(media_port=agent.port),
            carrier=laboratory.carrier(media_port=customer.port),
        )
        speaking = [
            asyncio.create_task(speak_when_called(ends.phone, agent)),
            asyncio.create_task(speak_when_called(ends.carrier, customer)),
        ]
        yield ends
        for task in speaking:
            task.cancel()
        await asyncio.wait(speaking)


async def speak_when_called(party: Sipp, sound: SoundEnd) -> None:
    """Do what a telephone does from its first answer on."""
    invite = await party.until_request("INVITE")
    sound.speak_to(invite.media_port)


@pytest.fixture
async def engine(laboratory: Laboratory, ends: Ends) -> AsyncIterator[AsteriskEngine]:
    """An engine that uses them."""
    async with laboratory.engine(ends.phone, ends.carrier) as engine:
        yield engine


async def talking(engine: AsteriskEngine, reader: ReportReader, ends: Ends, number: str = "+12025550100") -> str:
    """A call in which each hears the other."""
    placed = order(number)
    await engine.originate(placed)
    await reader.until(placed.call_id, CallSignal.CONNECTED)
    await both_hear_each_other(ends)
    return placed.call_id


async def both_hear_each_other(ends: Ends) -> None:
    """Return when both hear nothing but each other."""
    await asyncio.gather(ends.agent.until_hears(CUSTOMER), ends.customer.until_hears(AGENT))


async def test_agent_and_customer_hear_each_other(engine: AsteriskEngine, reader: ReportReader, ends: Ends) -> None:
    await talking(engine, reader, ends)


async def test_early_media_is_heard_both_ways_before_the_answer(
    engine: AsteriskEngine, reader: ReportReader, ends: Ends
) -> None:
    placed = order("+12025550107")
    await engine.originate(placed)
    await reader.until(placed.call_id, CallSignal.CONNECTED)

    assert reader.signals(placed.call_id) == [
        CallSignal.AGENT_RINGING,
        CallSignal.AGENT_ANSWERED,
        CallSignal.DIALING,
        CallSignal.PROGRESS,
        CallSignal.RINGING,
        CallSignal.CONNECTED,
    ]
    await ends.carrier.until_status(200)
    at_carrier = {message.status: message.time for message in ends.carrier.messages() if message.status}
    # The carrier's 180 brings no ringing tone of ours over it.
    before_the_answer = (at_carrier[183] + 0.2, at_carrier[200])
    assert audio.strength(ends.agent.sound_between(*before_the_answer), CUSTOMER) > CLEAR
    assert audio.strength(ends.customer.sound_between(*before_the_answer), AGENT) > CLEAR


async def test_the_agent_hears_ringing_where_the_carrier_lets_hear_nothing(
    engine: AsteriskEngine, reader: ReportReader, ends: Ends
) -> None:
    placed = order("+12025550102")
    await engine.originate(placed)
    await reader.until(placed.call_id, CallSignal.RINGING)
    await ends.agent.until_hears(*RINGING_TONE)

    ends.carrier.notify(invites(ends.carrier)[0])

    await reader.until(placed.call_id, CallSignal.CONNECTED)
    await both_hear_each_other(ends)


async def test_a_ringing_tone_of_an_earlier_life_ends_when_the_call_is_taken_over(
    laboratory: Laboratory, ends: Ends
) -> None:
    placed = order("+12025550102")
    async with laboratory.engine(ends.phone, ends.carrier) as engine, ReportReader(engine) as reader:
        await reader.reconnected()
        await engine.originate(placed)
        await reader.until(placed.call_id, CallSignal.RINGING)
        await ends.agent.until_hears(*RINGING_TONE)
    ends.carrier.notify(invites(ends.carrier)[0])
    await ends.carrier.until_request("ACK")

    async with laboratory.engine(ends.phone, ends.carrier) as engine, ReportReader(engine) as reader:
        await reader.reconnected()
        assert await engine.adopt([placed]) == {placed.call_id}
        await reader.until(placed.call_id, CallSignal.CONNECTED)
        await both_hear_each_other(ends)


async def test_on_hold_the_customer_hears_music_and_the_agent_nothing(
    engine: AsteriskEngine, reader: ReportReader, ends: Ends
) -> None:
    call_id = await talking(engine, reader, ends)

    await engine.hold(call_id)
    await reader.until(call_id, CallSignal.HELD)
    await ends.customer.until_hears(audio.MUSIC)
    assert audio.strength(await ends.agent.hear(seconds=0.3), CUSTOMER) < 0.01
    assert audio.strength(await ends.customer.hear(seconds=0.3), AGENT) < 0.01

    await engine.resume(call_id)
    await reader.until(call_id, CallSignal.RESUMED)
    await both_hear_each_other(ends)
    # Hold is ours alone: the carrier is told nothing of it, so no carrier can play a music of its own.
    assert len(invites(ends.carrier)) == 1


async def test_a_customer_on_hold_who_hangs_up_ends_the_call(
    engine: AsteriskEngine, reader: ReportReader, ends: Ends, laboratory: Laboratory
) -> None:
    call_id = await talking(engine, reader, ends)
    await engine.hold(call_id)

    ends.carrier.notify(invites(ends.carrier)[0])

    await reader.until(call_id, CallSignal.ENDED)
    await ends.phone.until_request("BYE")
    await laboratory.until_idle()


async def test_muted_the_agent_is_not_heard(engine: AsteriskEngine, reader: ReportReader, ends: Ends) -> None:
    call_id = await talking(engine, reader, ends)

    await engine.mute(call_id, muted=True)
    await ends.customer.until_silent()
    await ends.agent.until_hears(CUSTOMER)

    await engine.mute(call_id, muted=False)
    await both_hear_each_other(ends)


async def test_digits_reach_the_customer_as_telephone_events(
    engine: AsteriskEngine, reader: ReportReader, ends: Ends
) -> None:
    call_id = await talking(engine, reader, ends)

    await engine.send_dtmf(call_id, "45*#")

    assert await ends.customer.until_digits(4) == "45*#"
    # Asterisk counts in packets of 20 ms, and the last one comes on top.
    assert all(90 <= digit.milliseconds <= 200 for digit in ends.customer.digits)
    assert ends.agent.digits == []


async def test_an_extension_is_dialled_as_digits_after_the_answer(
    engine: AsteriskEngine, reader: ReportReader, ends: Ends
) -> None:
    placed = order("+12025550102;ext=345")
    await engine.originate(placed)
    await reader.until(placed.call_id, CallSignal.RINGING)
    assert ends.customer.digits == []
    answered_at = time.time()
    ends.carrier.notify(invites(ends.carrier)[0])

    assert await ends.customer.until_digits(3) == "345"
    assert ends.customer.digits[0].time > answered_at


async def test_a_control_request_for_a_call_that_is_not_connected_is_refused(
    engine: AsteriskEngine, reader: ReportReader, ends: Ends
) -> None:
    placed = order("+12025550102")
    await engine.originate(placed)
    await reader.until(placed.call_id, CallSignal.RINGING)

    with pytest.raises(EngineRefused):
        await engine.hold(placed.call_id)
    with pytest.raises(EngineRefused):
        await engine.send_dtmf(placed.call_id, "1")
    with pytest.raises(EngineRefused):
        await engine.resume("5f5c7a54-2f0e-4b0c-9d9e-0d7f7d2b7a11")
