"""The schema: how it is made, brought up to date, and what its indexes are for."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Executable, insert, text

import manualdial.storage
from manualdial.ports import StoreUnavailable
from manualdial.storage import SqlStore
from manualdial.storage.batch import Content, write_batch
from manualdial.storage.logins import OPEN_LOGINS
from manualdial.storage.retention import FORGET, REMOVE_FORGOTTEN
from manualdial.storage.rows import user_row
from manualdial.storage.tables import metadata, tenants, users
from tests.contract.stores import NOON, a_call, a_login, a_user, history, opened, record_whole_call, stored


def differences(connection: Connection) -> list[Any]:
    """Between the database and the tables as they are declared."""
    return list(compare_metadata(MigrationContext.configure(connection), metadata))


async def test_the_migrations_make_the_tables_as_they_are_declared(url: str) -> None:
    async with opened(url) as place:
        assert await place.read(differences) == []


async def test_a_database_of_a_newer_version_is_refused(url: str) -> None:
    newer = text("UPDATE alembic_version SET version_num = 'later'")
    async with opened(url) as place:
        await place.write(lambda connection: connection.execute(newer).close())
    with pytest.raises(StoreUnavailable):
        await SqlStore(url, flush_timeout=1.0).__aenter__()


# ── migrations ──────────────────────────────────────────────────────────────────────────────────────────────────────


def to_revision(revision: str, connection: Connection) -> None:
    """Take a database back to the schema of that revision, by the way of an empty one."""
    config = Config()
    config.set_main_option("script_location", str(Path(manualdial.storage.__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    command.downgrade(config, "base")
    command.upgrade(config, revision)


async def test_what_the_first_schema_held_is_there_after_the_migrations(url: str) -> None:
    calls = [a_call(minute=minute, request_id=f"press-{minute}", purpose="survey") for minute in range(3)]
    user = a_user()

    def write(connection: Connection) -> None:
        to_revision("0001", connection)
        connection.execute(insert(tenants), {"id": user.tenant_id, "name": user.tenant})
        connection.execute(insert(users), user_row(user))
        write_batch(connection, Content(presses=calls))

    async with opened(url) as place:
        await place.write(write)
    async with SqlStore(url, flush_timeout=1.0) as store:
        assert await store.user(user.id) == user
        assert await store.open_calls() == calls
        assert await history(store, calls[0]) == [(0, "requested", "agent", "connecting")]
        assert await store.logins() == []
        # And all that came with the later ones works on the old rows.
        over = record_whole_call(store, calls[0])
        store.record_login(a_login())
        await store.flush()
        assert [login.since for login in await store.logins()] == [NOON]
        assert await store.forget_presses(before=calls[2].requested_at, limit=10) == 1
        assert await store.press("ada", "press-0") is None
        assert await stored(store, over) == over
        assert await store.remove_calls(before=calls[2].requested_at, limit=10) == 1
        assert await store.open_calls() == calls[1:]


async def test_the_migrations_can_be_taken_back(url: str) -> None:
    async with opened(url) as place:
        await place.write(partial(to_revision, "base"))
        await place.write(partial(to_revision, "head"))
        assert await place.read(differences) == []


# ── indexes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (FORGET, "ix_calls_remembered"),
        (REMOVE_FORGOTTEN, "ix_calls_forgotten"),
        (OPEN_LOGINS, "ix_calls_agent_id_requested_at_id"),
    ],
)
async def test_the_oldest_and_the_newest_calls_are_found_by_an_index(
    tmp_path: Path, statement: Executable, index: str
) -> None:
    async with opened(f"sqlite:///{tmp_path}/journal.sqlite3") as place:
        plan = await place.write(lambda connection: plan_of(connection, statement))
    assert any(line.startswith(f"SEARCH calls USING INDEX {index} (") for line in plan), plan
    assert not any(line.startswith("SCAN calls") for line in plan), plan


def plan_of(connection: Connection, statement: Executable) -> list[str]:
    """What SQLite tells of how it has executed the statement."""
    executed: list[str] = []
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.set_trace_callback(executed.append)
    connection.execute(statement, {"before": NOON, "limit": 10}).close()
    driver.set_trace_callback(None)
    return [line.detail for line in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {executed[0]}")]
