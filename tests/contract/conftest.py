"""The databases that the store contract is tested over."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.stores import LIMIT, Lab, MemoryLab, PostgresqlLab, SqliteLab, WholeStore, opened
from tests.servers.postgresql import shared_server


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test over each database that the service runs on; a module may ask for the store in memory too."""
    if "lab" in metafunc.fixturenames:
        kinds = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
        also = ["memory"] if getattr(metafunc.module, "ALSO_IN_MEMORY", False) else []
        metafunc.parametrize("lab", [*kinds, *also], indirect=True)


@pytest.fixture(scope="session")
def up_to_date(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the tables and nothing in them: to migrate an empty one takes longer than most tests."""
    file = tmp_path_factory.mktemp("up-to-date") / "journal.sqlite3"

    async def make() -> None:
        async with opened(f"sqlite:///{file}"):
            pass

    asyncio.run(make())
    return file


@pytest.fixture
def lab(request: pytest.FixtureRequest, tmp_path: Path, up_to_date: Path) -> Lab:
    """A place with one database, which is empty where the test makes its stores by itself."""
    match request.param:
        case "sqlite":
            if "store" in request.fixturenames:
                shutil.copy(up_to_date, tmp_path / "journal.sqlite3")
            in_outages = request.node.get_closest_marker("outage") is not None
            return SqliteLab(tmp_path, answer_timeout=0.05 if in_outages else LIMIT)
        case "postgresql":
            return PostgresqlLab(shared_server())
        case _:
            return MemoryLab()


@pytest.fixture
async def store(lab: Lab) -> AsyncIterator[WholeStore]:
    """A store over the database of the lab."""
    async with lab.store() as store:
        yield store
