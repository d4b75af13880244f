"""What is particular to a database: its files, its schema, its faults."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import traceback
from contextlib import closing
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, text
from sqlalchemy.dialects import sqlite as sqlite_dialect

from manualdial.agents import NOT_READY, AgentState, AgentStateType
from manualdial.evidence import Head
from manualdial.ports import StoreUnavailable
from manualdial.storage import SqlStore
from manualdial.storage.batch import BatchContent, NewPress, write_batch, write_new
from manualdial.storage.rows import CALL_COLUMNS, AnyText, call_values
from manualdial.storage.tables import calls
from tests.contract.chains import an_attempt
from tests.contract.stores import LIMIT, a_call, a_login, a_user, opened
from tests.servers.postgresql import shared_server
from tests.support.calls import stored_calls

# ── personal data ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_no_fault_says_a_number(url: str) -> None:
    row = {**dict(zip(CALL_COLUMNS, call_values(a_call()), strict=True)), "state": None}
    async with opened(url) as place:
        with pytest.raises(StoreUnavailable) as refused:
            await place.write(lambda connection: connection.execute(insert(calls), row).close())
    told = "".join(traceback.format_exception(refused.value))
    assert "IntegrityError" in told
    assert "5550100" not in told
    assert "202" not in told


# ── the databases ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "state" / "journal.sqlite3"
    async with SqlStore(f"sqlite:///{file}", flush_timeout=1.0) as store:
        await store.record_press(a_call())
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        assert {stat.S_IMODE(each.stat().st_mode) for each in file.parent.iterdir()} == {0o600}


async def test_what_was_committed_reaches_the_file_while_the_store_runs(tmp_path: Path) -> None:
    file = tmp_path / "journal.sqlite3"
    async with SqlStore(f"sqlite:///{file}", flush_timeout=1.0) as store, asyncio.timeout(LIMIT):
        for _ in range(2):
            before = file.stat().st_size
            await store.record_press(a_call(purpose="x" * 100_000))
            while file.stat().st_size <= before:  # noqa: ASYNC110  # another thread does it, and tells nobody
                await asyncio.sleep(0.01)


async def test_commits_wait_for_the_disk(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path}/journal.sqlite3") as place:
        settings = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
        for name, wanted in settings.items():
            pragma = f"PRAGMA {name}"
            assert await place.write(lambda c, p=pragma: c.exec_driver_sql(p).scalar()) == wanted  # type: ignore[misc]


async def test_a_new_file_into_which_another_process_writes_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "journal.sqlite3"
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable):
            await SqlStore(f"sqlite:///{file}", flush_timeout=1.0, answer_timeout=0.05).__aenter__()
        asyncio.get_running_loop().call_later(0.1, other.execute, "ROLLBACK")
        async with SqlStore(f"sqlite:///{file}", flush_timeout=1.0) as store:
            await store.record_press(a_call())


@pytest.mark.parametrize(
    "bad", ["", "sqlite://", "sqlite:///:memory:", "mysql://u:secret@h/d", "postgresql://u:secret@h:x"]
)
def test_a_url_that_names_no_database_is_refused_without_its_password(bad: str) -> None:
    with pytest.raises(ValueError, match="database") as refused:
        SqlStore(bad, flush_timeout=1.0)
    assert "secret" not in "".join(traceback.format_exception(refused.value))


async def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    store = SqlStore(f"postgresql://nobody:secret@/journal?host={tmp_path}", flush_timeout=1.0)
    with pytest.raises(StoreUnavailable) as refused:
        await store.__aenter__()
    assert "secret" not in "".join(traceback.format_exception(refused.value))


@given(st.text(st.characters(codec=None, exclude_categories=[])))
def test_any_text_is_escaped_into_text_that_every_database_takes(value: str) -> None:
    column, dialect = AnyText(), sqlite_dialect.dialect()
    stored = column.process_bind_param(value, dialect)
    assert stored is not None
    assert "\x00" not in stored
    stored.encode()
    assert column.process_result_value(stored, dialect) == value


# ── other versions ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("label", ["On Another Planet", "", "Busy", "After Call Work", "not ready"])
async def test_a_state_that_cannot_be_chosen_counts_as_not_ready(url: str, label: str) -> None:
    unknown = AgentState(label, AgentStateType.ROUTABLE)
    async with SqlStore(url, flush_timeout=1.0) as store:
        store.record_login(a_login(chosen=unknown, state=unknown))
        assert await store.logins() == [a_login(chosen=NOT_READY, state=NOT_READY)]


# ── two ways to write ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text_of_all", ["plain", "not\nprintable\xa0", "a\x00b\x1a0000c\ud800d"])
async def test_a_call_is_stored_the_same_whether_or_not_its_press_may_meet_another(url: str, text_of_all: str) -> None:
    at = datetime(2031, 1, 1, 0, 0, 0, 1, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    texts = dict.fromkeys(("connector", "extension", "caller_id", "purpose"), text_of_all)
    rows = []
    async with opened(url) as place:
        for write, known in ((write_new, None), (write_batch, None), (write_new, {"north": Head()})):
            call = a_call(at=at, requested_at=at, **texts)
            press = NewPress(call, evidence=None if known is None else an_attempt(call))
            content = BatchContent(presses=[press])
            await place.write(partial(write, content=content, known=known or {}))
            query = text("SELECT * FROM calls JOIN call_changes ON calls.id = call_id WHERE calls.id = :id")
            row = await place.read(lambda c, q=query, i=call.id: c.execute(q, {"id": i}).one())  # type: ignore[misc]
            rows.append([value for value in row if value != call.id])
    assert rows[0] == rows[1] == rows[2]


async def test_a_press_that_the_database_refuses_does_not_fail_those_beside_it(url: str) -> None:
    good = [a_call(), a_call()]
    bad = a_call(at=datetime(2031, 1, 1))  # noqa: DTZ001  # a time without a zone is what is wrong with it
    async with SqlStore(url, flush_timeout=1.0) as store:
        pressed = [store.record_press(call) for call in (good[0], bad, good[1])]
        outcomes = await asyncio.gather(*pressed, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [type(None), StoreUnavailable, type(None)]
        assert {call.id for call in await stored_calls(store, "north")} == {call.id for call in good}


@pytest.mark.postgresql
async def test_what_a_url_says_of_tls_reaches_the_driver() -> None:
    url = shared_server().new_database()
    async with SqlStore(f"{url}&sslmode=disable", flush_timeout=1.0) as store:
        await store.add_user(a_user())
    with pytest.raises(StoreUnavailable):
        await SqlStore(f"{url}&sslmode=rubbish", flush_timeout=1.0).__aenter__()
