"""The contract of every engine, on a real Asterisk."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from manualdial.engines.asterisk import AsteriskEngine
from tests.contract.engine_contract import EngineContract, JournalBrokeError, order
from tests.contract.report_reader import ReportReader
from tests.telephony.lab.laboratory import Laboratory
from tests.telephony.lab.sipp import Sipp


@pytest.fixture
async def engine(laboratory: Laboratory, phone: Sipp, carrier: Sipp) -> AsyncIterator[AsteriskEngine]:
    """An engine that does not wait long for a customer who does not answer."""
    async with laboratory.engine(phone, carrier, customer_timeout=2) as engine:
        yield engine


class TestAsterisk(EngineContract):
    """Asterisk keeps it."""

    async def test_of_a_call_that_the_journal_does_not_take_nothing_is_left_there(
        self, engine: AsteriskEngine, reader: ReportReader, laboratory: Laboratory, phone: Sipp
    ) -> None:
        placed = order()

        async def journalled() -> None:
            assert laboratory.asterisk.channels() == [f"{placed.call_id}.agent"]
            raise JournalBrokeError

        with pytest.raises(JournalBrokeError):
            await engine.originate(placed, journalled())

        await laboratory.until_idle()
        assert phone.messages() == []
