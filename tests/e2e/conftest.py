"""One service for most of the tests, in which each has people of its own; and one of its own for who needs it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
import uvloop

from manualdial.app.service import Service, serving
from tests.support.running_service import RunningService, a_copy, configuration, settle_in

_worlds = itertools.count(1)


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """uvloop, as in production."""
    return {"uvloop": uvloop.new_event_loop}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database and its people, to be copied."""
    folder = tmp_path_factory.mktemp("template")
    await settle_in(folder)
    return folder


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    """The folder of a service of its own."""
    return a_copy(template, tmp_path)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared(template: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """A service with the defaults."""
    folder = a_copy(template, tmp_path_factory.mktemp("shared"))
    async with serving(configuration(folder)) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def service(shared: Service) -> AsyncIterator[RunningService]:
    """The shared service, with people whom no other test knows."""
    async with AsyncExitStack() as clients:
        yield RunningService(shared, clients, world=f"-{next(_worlds)}")
