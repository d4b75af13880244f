"""One service for all tests of the commands: starting one takes longer than any of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.commands.service import RunningService, running_service


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    with running_service(tmp_path_factory.mktemp("service")) as running:
        yield running
