"""The schema: how it is made, brought up to date, and what its indexes are for."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Executable, func, insert, select, text, update

import manualdial.storage
from manualdial.calls import Call, CallSignal, CallState, Cause, Change, EndedBy, Ending, Report, advance, requested
from manualdial.evidence import Kind, Proof
from manualdial.ports import Person, StoreUnavailable
from manualdial.storage import SqlStore
from manualdial.storage.contact_history import QUESTIONS, HistoryQuestion
from manualdial.storage.links import CALL_LINKS
from manualdial.storage.logins import OPEN_LOGINS
from manualdial.storage.retention import FORGET, REMOVE_FORGOTTEN
from manualdial.storage.rows import CALL_COLUMNS, CHANGE_COLUMNS, call_values, change_values, key
from manualdial.storage.tables import call_changes, calls, metadata, tenants, users
from manualdial.storage.users import user_row
from tests.contract.stores import NOON, a_call, a_login, a_user, history, opened, record_whole_call, stored
from tests.support.calls import TO_CONNECTED, stored_calls


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


async def test_a_database_that_is_up_to_date_opens_without_alembic(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/journal.sqlite3"
    async with opened(url):
        pass
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", OPENING, url)
    assert await process.wait() == 0


OPENING = """
import asyncio, sys
from manualdial.storage import SqlStore

async def main():
    async with SqlStore(sys.argv[1], flush_timeout=1.0) as store:
        assert (await store.health()).ok

asyncio.run(main())
assert "alembic" not in sys.modules
"""


# ── migrations ──────────────────────────────────────────────────────────────────────────────────────────────────────


def alembic_config() -> Config:
    """Where the migrations are."""
    config = Config()
    config.set_main_option("script_location", str(Path(manualdial.storage.__file__).with_name("migrations")))
    return config


def test_migrations_sort_by_their_revisions() -> None:
    newest_first = list(ScriptDirectory.from_config(alembic_config()).walk_revisions())
    names = [Path(each.path).name for each in newest_first]
    assert names == sorted(names, reverse=True)
    assert [name[:4] for name in names] == [each.revision for each in newest_first]


def to_revision(revision: str, connection: Connection) -> None:
    """Take a database back to the schema of that revision, by the way of an empty one."""
    config = alembic_config()
    config.attributes["connection"] = connection
    command.downgrade(config, "base")
    command.upgrade(config, revision)


def without(row: dict[str, Any], *later: str) -> dict[str, Any]:
    """A row as it was before these columns came."""
    return {name: value for name, value in row.items() if name not in later}


LATER = ("account_key", "rang_at", "answered_at", "outcome")
"""What the first schemas did not have of a call."""


def write_calls(connection: Connection, made: Sequence[Call]) -> None:
    """Calls with their first states, as the first schemas had them."""
    rows = [dict(zip(CALL_COLUMNS, call_values(call), strict=True)) for call in made]
    connection.execute(insert(calls), [without(row, *LATER) for row in rows])
    write_changes(connection, map(requested, made))


def write_changes(connection: Connection, changes: Iterable[Change]) -> None:
    """The history of calls."""
    rows = [dict(zip(CHANGE_COLUMNS, change_values(change), strict=True)) for change in changes]
    connection.execute(insert(call_changes), rows)


async def test_a_database_that_revision_0003_made_opens_with_all_that_it_holds(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "journal.sqlite3")) as connection:
        connection.executescript(Path(__file__).with_name("revision_0003.sql").read_text(encoding="utf-8"))
    url = f"sqlite:///{tmp_path}/journal.sqlite3"
    async with SqlStore(url, flush_timeout=1.0) as store:
        assert [user.login_name for user in await store.users()] == ["ada"]
        (call,) = await stored_calls(store, "north", outcome="conversation")
        assert (call, call.state) == (await store.press("ada", "press-1"), CallState.ENDED)
        assert [login.agent_id for login in await store.logins()] == ["ada"]
        person = Person(number="+12025550100", account_number="A")
        (history,) = await store.contact_history("north", [person], attempts_since=NOON - timedelta(days=1))
        assert [record.id for record in history.records] == ["record-1"]
        assert [(attempt.call_id, attempt.rang) for attempt in history.attempts] == [(call.id, True)]
        links = await store.evidence("north")
        assert [link.kind for link in links] == [Kind.ATTEMPT, Kind.OUTCOME]
        assert Proof("north").follow(links) is None
    async with opened(url) as place:
        assert await place.read(differences) == []


async def test_what_the_first_schema_held_is_there_after_the_migrations(url: str) -> None:
    made = [a_call(minute=minute, request_id=f"press-{minute}", purpose="survey") for minute in range(3)]
    user = a_user()

    def write(connection: Connection) -> None:
        to_revision("0001", connection)
        connection.execute(insert(tenants), {"id": user.tenant_id, "name": user.tenant})
        connection.execute(insert(users), without(user_row(user), "caller_ids"))
        write_calls(connection, made)

    async with opened(url) as place:
        await place.write(write)
    async with SqlStore(url, flush_timeout=1.0) as store:
        assert await store.user(user.id) == user
        assert await store.open_calls() == made
        assert await history(store, made[0]) == [(0, "requested", "agent", "connecting")]
        assert await store.logins() == []
        # And all that came with the later ones works on the old rows.
        over = record_whole_call(store, made[0])
        store.record_login(a_login())
        await store.flush()
        assert [login.since for login in await store.logins()] == [NOON]
        assert await store.forget_presses(before=made[2].requested_at, limit=10) == 1
        assert await store.press("ada", "press-0") is None
        assert await stored(store, over) == over
        assert await store.remove_calls(before=made[2].requested_at, limit=10) == 1
        assert await store.open_calls() == made[1:]


SIGNS = {
    "answered": (*TO_CONNECTED, CallSignal.ENDED),
    "rang": (CallSignal.AGENT_ANSWERED, CallSignal.RINGING, CallSignal.ENDED),
    "busy": (CallSignal.AGENT_ANSWERED, CallSignal.DIALING, CallSignal.ENDED),
    "failed": (CallSignal.AGENT_ANSWERED, CallSignal.DIALING, CallSignal.ENDED),
    "agent did not answer": (CallSignal.AGENT_RINGING, CallSignal.ENDED),
    "running": TO_CONNECTED,
}
CAUSES = {"busy": Cause.BUSY, "failed": Cause.FAILED, "agent did not answer": Cause.NO_ANSWER}


def a_history(name: str, call: Call) -> list[Change]:
    """All changes of a call that becomes what its name says."""
    changes: list[Change] = []
    for signal in SIGNS[name]:
        ending = (
            Ending(by=EndedBy.NETWORK, cause=CAUSES.get(name, Cause.NORMAL)) if signal is CallSignal.ENDED else None
        )
        report = Report(call_id=call.id, signal=signal, at=call.at + timedelta(seconds=1), ending=ending)
        for change in advance(call, report):
            changes.append(change)
            call = change.call
    return changes


async def test_earlier_calls_count_as_attempts_after_the_migration(url: str) -> None:
    made = {name: a_call(minute=minute, account_number=name + "\x00") for minute, name in enumerate(SIGNS)}
    histories = {name: a_history(name, call) for name, call in made.items()}

    def write(connection: Connection) -> None:
        to_revision("0002", connection)
        write_calls(connection, list(made.values()))
        for history in histories.values():
            write_changes(connection, history)
            call = history[-1].call
            state = {"state": call.state.value, "step": call.step, "at": call.at}
            ending = None if call.ending is None else msgspec.json.encode(call.ending).decode()
            connection.execute(update(calls).where(calls.c.id == call.id).values(ending=ending, **state))

    async with opened(url) as place:
        await place.write(write)
    async with SqlStore(url, flush_timeout=1.0) as store:
        for name, history in histories.items():
            call = history[-1].call
            found = await stored(store, call)
            assert (found.rang_at, found.answered_at) == (call.rang_at, call.answered_at), name
            assert call.outcome is None or found in await stored_calls(store, "north", outcome=call.outcome)
            # Found by the account alone.
            person = Person(number="+12025550199", account_number=call.account_number)
            (told,) = await store.contact_history("north", [person], attempts_since=NOON - timedelta(days=1))
            assert [attempt.call_id for attempt in told.attempts] == [call.id]
            assert told.attempts[0].rang == (call.rang_at is not None)
        # They have no evidence, and so their ends leave none.
        running = histories["running"][-1].call
        record_whole_call(store, running)
        assert await store.evidence("north") == []


async def test_the_accounts_of_any_number_of_calls_are_known_after_the_migration(url: str) -> None:
    """More than the migration reads at a time."""
    count = 5_003
    call = a_call(account_number="A")

    def write(connection: Connection) -> None:
        to_revision("0002", connection)
        row = without(dict(zip(CALL_COLUMNS, call_values(call), strict=True)), *LATER)
        connection.execute(insert(calls), [{**row, "id": f"call {place}"} for place in range(count)])

    def known(connection: Connection) -> int | None:
        of_account = calls.c.account_key == key("A")
        return connection.execute(select(func.count()).select_from(calls).where(of_account)).scalar()

    async with opened(url) as place:
        await place.write(write)
    async with opened(url) as place:
        assert await place.read(known) == count


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
    connection.execute(statement, {"before": NOON, "limit": 10, "of_tenant": "north"}).close()
    driver.set_trace_callback(None)
    return [line.detail for line in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {executed[0]}")]


async def test_the_links_of_calls_are_found_by_indexes(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path}/journal.sqlite3") as place:
        plan = await place.write(lambda connection: plan_of(connection, CALL_LINKS))
    searches = [line.split(" (")[0] for line in plan if line.startswith(("SEARCH", "SCAN"))]
    assert searches[0] == "SEARCH calls USING INDEX ix_calls_tenant_id_requested_at_id"
    assert set(searches[1:]) == {"SEARCH evidence USING INDEX ix_evidence_call_id"}


async def test_what_is_asked_for_every_press_is_found_by_indexes(tmp_path: Path) -> None:
    questions = [HistoryQuestion("north", Person(number="+12025550100", account_number="A"), NOON)]
    statement, parameters = QUESTIONS["sqlite"].about(questions)
    async with opened(f"sqlite:///{tmp_path}/journal.sqlite3") as place:
        plan = [str(row[-1]) for row in await place.fetch(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    used = {line.split(" INDEX ")[1].split(" (")[0] for line in plan if " INDEX ix_" in line}
    assert used == {
        "ix_number_records_tenant_id_number",
        "ix_number_records_tenant_id_account_key",
        "ix_calls_tenant_id_number_e164",
        "ix_calls_tenant_id_account_key",
    }
    assert [line for line in plan if line.startswith(("SCAN calls", "SCAN record"))] == []
