"""What every engine does, asked of the port alone.

The far end answers by number, in each make: see `manualdial.engines.simulator`.
"""

from __future__ import annotations

import asyncio
import uuid

import pytest

from manualdial import numbers
from manualdial.calls import Action, CallSignal, Cause, EndedBy
from manualdial.ports import Engine, EngineRefused, Originate
from tests.contract.report_reader import ReportReader

ANSWERS = "+12025550100"
RINGS = "+12025550102"
LEAVES = "+12025550106"
EARLY_MEDIA = "+12025550107"
NOBODY = "5f5c7a54-2f0e-4b0c-9d9e-0d7f7d2b7a11"


def order(number: str = ANSWERS) -> Originate:
    """An order for a fresh call."""
    return Originate(call_id=str(uuid.uuid4()), extension="4001", number=numbers.parse(number, region="US"))


class JournalBrokeError(RuntimeError):
    """A failure of the journal that no engine knows by name."""


async def place(
    engine: Engine, reader: ReportReader, number: str = ANSWERS, until: CallSignal = CallSignal.CONNECTED
) -> str:
    """A call that has come to this signal."""
    placed = order(number)
    await engine.originate(placed)
    await reader.until(placed.call_id, until)
    return placed.call_id


class EngineContract:
    """Inherited by one class a make. Where that class stands there are fixtures `engine`, running, and `reader`."""

    async def test_the_first_report_says_that_the_far_end_was_reached(
        self, engine: Engine, reader: ReportReader
    ) -> None:
        assert reader.reconnects == 1
        assert engine.ready
        assert (await engine.health()).ok
        assert {Action.DISCONNECT} <= engine.actions <= set(Action) - {Action.CLEAR_CONTACT}

    async def test_a_call_goes_from_the_agents_phone_to_the_customers_answer(
        self, engine: Engine, reader: ReportReader
    ) -> None:
        call_id = await place(engine, reader)

        assert reader.signals(call_id) == [
            CallSignal.AGENT_RINGING,
            CallSignal.AGENT_ANSWERED,
            CallSignal.DIALING,
            CallSignal.RINGING,
            CallSignal.CONNECTED,
        ]

    async def test_early_media_is_reported_before_the_answer(self, engine: Engine, reader: ReportReader) -> None:
        call_id = await place(engine, reader, EARLY_MEDIA)

        signals = reader.signals(call_id)
        assert (
            signals.index(CallSignal.DIALING) < signals.index(CallSignal.PROGRESS) < signals.index(CallSignal.CONNECTED)
        )

    @pytest.mark.parametrize(
        ("number", "by", "cause"),
        [
            pytest.param("+12025550101", EndedBy.CUSTOMER, Cause.BUSY, id="busy"),
            pytest.param(RINGS, EndedBy.CUSTOMER, Cause.NO_ANSWER, id="no-answer"),
            pytest.param("+12025550103", EndedBy.CUSTOMER, Cause.REJECTED, id="rejected"),
            pytest.param("+12025550104", EndedBy.NETWORK, Cause.INVALID_NUMBER, id="unallocated"),
            pytest.param("+12025550105", EndedBy.NETWORK, Cause.CONGESTION, id="congestion"),
            pytest.param(LEAVES, EndedBy.CUSTOMER, Cause.NORMAL, id="customer-hangs-up"),
        ],
    )
    async def test_a_call_ends_once_and_says_by_whom_and_why(
        self, engine: Engine, reader: ReportReader, number: str, by: EndedBy, cause: Cause
    ) -> None:
        placed = order(number)
        await engine.originate(placed)

        ending = await reader.ending(placed.call_id)
        assert (ending.by, ending.cause) == (by, cause)
        assert not await engine.hang_up(placed.call_id)
        assert reader.signals(placed.call_id).count(CallSignal.ENDED) == 1

    async def test_hanging_up_a_talk_is_a_normal_end_by_the_agent(self, engine: Engine, reader: ReportReader) -> None:
        call_id = await place(engine, reader)

        assert await engine.hang_up(call_id)

        ending = await reader.ending(call_id)
        assert (ending.by, ending.cause) == (EndedBy.AGENT, Cause.NORMAL)
        assert not await engine.hang_up(call_id)

    @pytest.mark.parametrize("until", [CallSignal.AGENT_RINGING, CallSignal.AGENT_ANSWERED, CallSignal.RINGING])
    async def test_hanging_up_before_the_answer_cancels(
        self, engine: Engine, reader: ReportReader, until: CallSignal
    ) -> None:
        call_id = await place(engine, reader, RINGS, until)

        assert await engine.hang_up(call_id)

        ending = await reader.ending(call_id)
        assert (ending.by, ending.cause) == (EndedBy.AGENT, Cause.CANCELLED)

    async def test_a_call_that_nobody_placed_cannot_be_hung_up(self, engine: Engine, reader: ReportReader) -> None:
        assert not await engine.hang_up(NOBODY)
        assert reader.signals(NOBODY) == []

    async def test_hold_and_resume_are_reported(self, engine: Engine, reader: ReportReader) -> None:
        call_id = await place(engine, reader)

        await engine.hold(call_id)
        await reader.until(call_id, CallSignal.HELD)
        await engine.resume(call_id)
        await reader.until(call_id, CallSignal.RESUMED)

        assert reader.signals(call_id)[-3:] == [CallSignal.CONNECTED, CallSignal.HELD, CallSignal.RESUMED]

    async def test_digits_and_muting_are_taken_and_reported_to_nobody(
        self, engine: Engine, reader: ReportReader
    ) -> None:
        call_id = await place(engine, reader)
        before = reader.signals(call_id)

        await engine.send_dtmf(call_id, "0123456789*#ABCD")
        await engine.mute(call_id, muted=True)
        await engine.mute(call_id, muted=False)

        assert reader.signals(call_id) == before

    async def test_a_call_that_is_not_there_cannot_be_controlled(self, engine: Engine, reader: ReportReader) -> None:
        for request in (
            engine.hold(NOBODY),
            engine.resume(NOBODY),
            engine.send_dtmf(NOBODY, "1"),
            engine.mute(NOBODY, muted=True),
        ):
            with pytest.raises(EngineRefused):
                await request

    async def test_a_customer_who_has_not_answered_cannot_be_held(self, engine: Engine, reader: ReportReader) -> None:
        call_id = await place(engine, reader, RINGS, CallSignal.RINGING)

        with pytest.raises(EngineRefused):
            await engine.hold(call_id)

    async def test_an_order_that_comes_twice_is_one_call(self, engine: Engine, reader: ReportReader) -> None:
        placed = order()
        await asyncio.gather(engine.originate(placed), engine.originate(placed))
        await reader.until(placed.call_id, CallSignal.CONNECTED)

        await engine.originate(placed)
        await engine.hang_up(placed.call_id)
        await reader.ending(placed.call_id)

        signals = reader.signals(placed.call_id)
        assert len(signals) == len(set(signals)), f"something came twice: {signals}"

    async def test_an_order_that_comes_again_after_the_end_is_refused(
        self, engine: Engine, reader: ReportReader
    ) -> None:
        placed = order(LEAVES)
        await engine.originate(placed)
        await reader.ending(placed.call_id)

        with pytest.raises(EngineRefused):
            await engine.originate(placed)

    @pytest.mark.parametrize("failure", [JournalBrokeError(), TimeoutError(), asyncio.CancelledError()], ids=repr)
    async def test_a_call_that_the_journal_does_not_take_is_undone_and_its_failure_raised_whatever_it_is(
        self, engine: Engine, reader: ReportReader, failure: BaseException
    ) -> None:
        placed = order()

        async def journalled() -> None:
            raise failure

        with pytest.raises(type(failure)) as raised:
            await engine.originate(placed, journalled())

        assert raised.value is failure
        await self._there_is_no_call(engine, reader, placed)

    async def test_an_order_that_is_cancelled_before_it_is_journalled_is_undone(
        self, engine: Engine, reader: ReportReader
    ) -> None:
        placed = order()
        asked = asyncio.Event()

        async def journalled() -> None:
            asked.set()
            await asyncio.Event().wait()

        placing = asyncio.create_task(engine.originate(placed, journalled()))
        await asked.wait()
        placing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await placing

        await self._there_is_no_call(engine, reader, placed)

    async def _there_is_no_call(self, engine: Engine, reader: ReportReader, placed: Originate) -> None:
        """Neither for who asks nor, by the time that another one is answered, for who reads the reports."""
        assert await engine.adopt([placed]) == frozenset()
        assert not await engine.hang_up(placed.call_id)
        await place(engine, reader)
        assert reader.signals(placed.call_id) == []

    async def test_a_live_call_is_adopted_as_it_is_and_an_unknown_one_is_not(
        self, engine: Engine, reader: ReportReader
    ) -> None:
        live, over, unknown = order(), order(), order()
        for placed in (live, over):
            await engine.originate(placed)
            await reader.until(placed.call_id, CallSignal.CONNECTED)
        await engine.hang_up(over.call_id)
        await reader.ending(over.call_id)

        assert await engine.adopt([live, over, unknown]) == {live.call_id}

        assert reader.signals(live.call_id)[-1] is CallSignal.CONNECTED
        assert reader.signals(unknown.call_id) == []

    async def test_comparing_calls_that_are_fine_changes_and_reports_nothing(
        self, engine: Engine, reader: ReportReader
    ) -> None:
        talks, rings = order(), order(RINGS)
        for placed, signal in ((talks, CallSignal.CONNECTED), (rings, CallSignal.RINGING)):
            await engine.originate(placed)
            await reader.until(placed.call_id, signal)
        before = reader.signals(talks.call_id)

        for _ in range(3):
            assert await engine.adopt([talks, rings]) == {talks.call_id, rings.call_id}

        assert reader.signals(talks.call_id) == before
        signals = reader.signals(rings.call_id)
        assert len(signals) == len(set(signals)), f"something came twice: {signals}"
        # What came of it is still reported, once.
        assert (await reader.ending(rings.call_id)).cause is Cause.NO_ANSWER

    async def test_comparing_a_call_that_is_being_placed_disturbs_it_not(
        self, engine: Engine, reader: ReportReader
    ) -> None:
        placed = order()

        await asyncio.gather(engine.originate(placed), *(engine.adopt([placed]) for _ in range(3)))

        assert await engine.adopt([placed]) == {placed.call_id}
        await reader.until(placed.call_id, CallSignal.CONNECTED)
        signals = reader.signals(placed.call_id)
        assert len(signals) == len(set(signals)), f"something came twice: {signals}"

    async def test_asking_for_calls_dials_none(self, engine: Engine, reader: ReportReader) -> None:
        unknown = order()

        assert await engine.adopt([unknown]) == frozenset()
        assert await engine.adopt([unknown]) == frozenset()

        assert not await engine.hang_up(unknown.call_id)
        assert reader.signals(unknown.call_id) == []

    async def test_a_call_that_the_engine_has_is_no_orphan_though_no_order_names_it(
        self, engine: Engine, reader: ReportReader
    ) -> None:
        call_id = await place(engine, reader)

        assert await engine.adopt([]) == frozenset()

        await engine.hold(call_id)
        await reader.until(call_id, CallSignal.HELD)
        assert reader.orphans == []

    async def test_calls_at_once_do_not_mix(self, engine: Engine, reader: ReportReader) -> None:
        busy = [order("+12025550101") for _ in range(5)]
        answered = [order() for _ in range(5)]
        await asyncio.gather(*(engine.originate(placed) for placed in (*busy, *answered)))

        for placed in busy:
            assert (await reader.ending(placed.call_id)).cause is Cause.BUSY
        for placed in answered:
            await reader.until(placed.call_id, CallSignal.CONNECTED)
            assert CallSignal.ENDED not in reader.signals(placed.call_id)
