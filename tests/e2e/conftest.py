"""A whole service for each test, over a copy of one database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import uvloop

from tests.support.running_service import RunningService, a_copy, running_service, settle_in


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """uvloop, as in production."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database and its people, to be copied."""
    folder = tmp_path_factory.mktemp("template")
    asyncio.run(settle_in(folder))
    (folder / "secret").write_text("0123456789abcdef" * 4)
    return folder


@pytest.fixture(scope="session")
def tokens() -> dict[str, str]:
    """Tokens of the people, each asked for once: signing in is slow on purpose."""
    return {}


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    """The folder of one service."""
    return a_copy(template, tmp_path)


@pytest.fixture
async def service(folder: Path, tokens: dict[str, str]) -> AsyncIterator[RunningService]:
    """A service with the defaults."""
    async with running_service(folder, tokens=tokens) as running:
        yield running
