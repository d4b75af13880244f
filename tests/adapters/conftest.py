"""The databases that the storage is tested over."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.servers.postgresql import shared_server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind that the service runs on."""
    return f"sqlite:///{tmp_path}/journal.sqlite3" if request.param == "sqlite" else shared_server().new_database()
