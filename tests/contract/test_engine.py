"""The contract of every engine, on the simulator. On Asterisk it runs in tests/telephony."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from manualdial.engines.simulator import SimulatorEngine
from tests.contract.engine_contract import EngineContract
from tests.contract.report_reader import ReportReader


@pytest.fixture
async def engine() -> AsyncIterator[SimulatorEngine]:
    async with SimulatorEngine(speed=5.0, seed=1) as engine:
        yield engine


@pytest.fixture
async def reader(engine: SimulatorEngine) -> AsyncIterator[ReportReader]:
    async with ReportReader(engine) as reader:
        await reader.reconnected()
        yield reader


class TestSimulator(EngineContract):
    """The simulator keeps it."""
