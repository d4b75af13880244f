"""Fixtures of the tests that run against a real Asterisk, with SIPp as the agent's phone and as the carrier."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from manualdial.engines.asterisk import AsteriskEngine
from tests.contract.report_reader import ReportReader
from tests.telephony.lab import requirements
from tests.telephony.lab.laboratory import Laboratory
from tests.telephony.lab.sipp import Sipp

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = requirements.missing()
    if reason is not None:
        for item in items:
            if _HERE in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def laboratory(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Laboratory]:
    """An Asterisk of this test's own: no ghost of another test can call here."""
    with Laboratory(directory=tmp_path) as laboratory:
        yield laboratory
        request.node.add_report_section("call", "Asterisk", laboratory.asterisk.log())


@pytest.fixture
def phone(laboratory: Laboratory) -> Sipp:
    """The agent's phone, which is answered."""
    return laboratory.phone()


@pytest.fixture
def carrier(laboratory: Laboratory) -> Sipp:
    """The carrier that answers by number."""
    return laboratory.carrier()


@pytest.fixture
async def engine(laboratory: Laboratory, phone: Sipp, carrier: Sipp) -> AsyncIterator[AsteriskEngine]:
    """An engine that runs."""
    async with laboratory.engine(phone, carrier) as engine:
        yield engine


@pytest.fixture
async def reader(engine: AsteriskEngine) -> AsyncIterator[ReportReader]:
    """What the engine reports; the engine has reached Asterisk."""
    async with ReportReader(engine) as reader:
        await reader.reconnected()
        yield reader
