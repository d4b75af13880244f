"""The databases that the store contract is tested over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from manualdial.storage import SqlStore
from tests.contract.stores import Lab, PostgresqlLab, SqliteLab
from tests.servers.postgresql import shared_server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Lab:
    """A place with one database, each of those that the service runs on."""
    return SqliteLab(tmp_path) if request.param == "sqlite" else PostgresqlLab(shared_server())


@pytest.fixture
async def store(lab: Lab) -> AsyncIterator[SqlStore]:
    """A store over the database of the lab."""
    async with lab.store() as store:
        yield store
