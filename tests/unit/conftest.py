"""The core for the tests of its services."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.core import Core, Desk, running_core

# Quick to run on each change. Nothing here is measured: a busy machine is no failure.
settings.register_profile("unit", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")


def pytest_collection_finish() -> None:
    """Leave what is loaded by now out of each collection of garbage: to go through it takes a seventh of the time."""
    gc.collect()
    gc.freeze()


@pytest.fixture
async def core() -> AsyncIterator[Core]:
    """A core with the defaults."""
    async with running_core() as running:
        yield running


@pytest.fixture
async def desk(core: Core) -> Desk:
    """A connection of Ann, who is logged in."""
    return await core.desk()
