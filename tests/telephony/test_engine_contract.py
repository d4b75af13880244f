"""The contract of every engine, on a real Asterisk."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from manualdial.engines.asterisk import AsteriskEngine
from tests.contract.engine_contract import EngineContract
from tests.telephony.lab.laboratory import Laboratory
from tests.telephony.lab.sipp import Sipp


@pytest.fixture
async def engine(laboratory: Laboratory, phone: Sipp, carrier: Sipp) -> AsyncIterator[AsteriskEngine]:
    """An engine that does not wait long for a customer who does not answer."""
    async with laboratory.engine(phone, carrier, customer_timeout=2) as engine:
        yield engine


class TestAsterisk(EngineContract):
    """Asterisk keeps it."""
