"""Faults of the disk and of the database, real ones: no press without a row, no change lost, and health tells."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from io import FileIO
from pathlib import Path

import pytest
from sqlalchemy import Connection, make_url

from manualdial.calls import Call, CallSignal
from manualdial.evidence import Kind
from manualdial.ports import Person, StoreUnavailable
from manualdial.storage import SqlStore
from manualdial.storage.batch import BatchContent, NewPress, write_new
from manualdial.storage.database import Database, database
from tests.contract.chains import LONG_AGO, a_refusal, an_attempt, kinds, seen, whole_chain
from tests.contract.stores import LIMIT, a_call, a_login, history, opened, record, stored
from tests.servers.postgresql import PostgresqlServer, new_server, shared_server
from tests.support.calls import TO_CONNECTED, stored_calls

BIG = "x" * 200_000
"""More than fits into the room that pages and files have left."""


async def survives(fault: AbstractContextManager[None], store: SqlStore) -> None:
    """While the fault lasts presses fail and the rest waits; after it all that waited is written, in order."""
    call, refused = a_call(purpose=BIG), a_call(request_id="refused", purpose=BIG)
    async with asyncio.timeout(LIMIT):
        await store.record_press(call, evidence=an_attempt(call))
        store.record_login(a_login())
        await store.flush()
        with fault:
            for _ in range(2):
                with pytest.raises(StoreUnavailable):
                    await store.record_press(refused, evidence=an_attempt(refused))
            now = record(store, call, *TO_CONNECTED)
            store.record_evidence(a_refusal())
            with pytest.raises(StoreUnavailable):
                await store.flush()
            assert not (await store.health()).ok
            now = record(store, now, CallSignal.HELD)
            store.record_logout("ada")
        assert await stored(store, call) == now
        assert [line[0] for line in await history(store, call)] == [0, 1, 2, 3, 4, 5, 6]
        assert await store.logins() == []
        assert await store.press("ada", "refused") is None
        await store.record_press(refused, evidence=an_attempt(refused))
        assert kinds(await whole_chain(store)) == [Kind.ATTEMPT, Kind.REFUSAL, Kind.ATTEMPT]
        assert (await store.health()).ok


# ── SQLite: the disk ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of its own, with room for little; only the superuser may have one."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="disk-") as place:  # where the user of a server may look
        os.chmod(place, 0o755)  # noqa: S103  # it must look, and there is nothing to hide
        mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", place]
        mounted = subprocess.run(mount, capture_output=True, check=False)
        if mounted.returncode:
            pytest.skip(f"no disk can be mounted here: {mounted.stderr.decode().strip()}")
        try:
            yield Path(place)
        finally:
            subprocess.run(["umount", place], check=True)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Something else takes all the room."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        while _has_written(file):
            pass
    try:
        yield
    finally:
        filler.unlink()


def _has_written(file: FileIO) -> bool:
    try:
        return file.write(b"x" * 4096) > 0
    except OSError:
        return False


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """The limit that an operator may set for a process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def taken_away(file: Path) -> Iterator[None]:
    """The file has another name for a while."""
    file.rename(file.with_suffix(".elsewhere"))
    yield
    file.with_suffix(".elsewhere").rename(file)


@contextmanager
def replaced(file: Path) -> Iterator[None]:
    """Another file is in its place for a while, as after a restored backup."""
    with taken_away(file):
        file.write_bytes(b"")
        yield
        file.unlink()


@contextmanager
def locked_by_another_process(file: Path) -> Iterator[None]:
    """It holds the right to write until it is killed."""
    program = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute('BEGIN IMMEDIATE')\n"
        "print('locked', flush=True)\n"
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        try:
            yield
        finally:
            process.send_signal(signal.SIGKILL)


def sqlite_store(file: Path) -> SqlStore:
    """A store that is quick to give up."""
    return SqlStore(
        f"sqlite:///{file}", flush_timeout=5.0, answer_timeout=0.2, first_retry=0.02, longest_retry=0.1
    )  # fmt: skip


async def test_a_full_disk_fails_presses_and_keeps_the_rest(small_disk: Path) -> None:
    async with sqlite_store(small_disk / "journal.sqlite3") as store:
        await survives(full(small_disk), store)


async def test_a_limit_for_files_fails_presses_and_keeps_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "journal.sqlite3"
    async with sqlite_store(file) as store:
        # The limit is less than the journal has already, so that no page can be added.
        await store.record_press(a_call(purpose=BIG))
        await survives(no_file_longer_than(100_000), store)


@pytest.mark.parametrize("fault", [taken_away, replaced, locked_by_another_process])
async def test_a_file_that_cannot_be_had_fails_presses_and_keeps_the_rest(
    tmp_path: Path, fault: Callable[[Path], AbstractContextManager[None]]
) -> None:
    file = tmp_path / "journal.sqlite3"
    async with sqlite_store(file) as store:
        await survives(fault(file), store)


async def test_a_disk_that_may_only_be_read_is_reported_at_once(small_disk: Path) -> None:
    file = small_disk / "journal.sqlite3"
    async with sqlite_store(file):
        pass
    await asyncio.to_thread(subprocess.check_call, ["mount", "-o", "remount,ro", str(small_disk)])
    with pytest.raises(StoreUnavailable):
        await sqlite_store(file).__aenter__()


@pytest.mark.parametrize("broken", ["", "this is no database, whatever its name says" * 100])
async def test_a_path_that_cannot_be_a_database_is_reported_at_once(tmp_path: Path, broken: str) -> None:
    file = tmp_path / "journal.sqlite3"
    if broken:
        file.write_text(broken)
    else:
        file.mkdir()
    with pytest.raises(StoreUnavailable):
        await SqlStore(f"sqlite:///{file}", flush_timeout=1.0).__aenter__()


# ── PostgreSQL ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.postgresql
async def test_a_server_that_does_not_answer_fails_presses_within_the_time_limit() -> None:
    server = shared_server()
    call = a_call()
    async with SqlStore(server.new_database(), flush_timeout=5.0, answer_timeout=0.5, first_retry=0.05) as store:
        await store.record_press(call)
        server.freeze()
        try:
            async with asyncio.timeout(LIMIT):
                for _ in range(2):
                    with pytest.raises(StoreUnavailable):
                        await store.record_press(a_call())
                    with pytest.raises(StoreUnavailable):
                        await store.contact_history("north", [Person(number="+12025550100")], attempts_since=LONG_AGO)
                now = record(store, call, CallSignal.AGENT_RINGING)
                assert not (await store.health()).ok
        finally:
            server.thaw()
        async with asyncio.timeout(LIMIT):
            while (found := await _when_it_can(store, call)) is None:  # noqa: ASYNC110  # a thaw gives no sign
                await asyncio.sleep(0.02)
        assert found == now
        (history,) = await store.contact_history("north", [Person(number="+12025550100")], attempts_since=LONG_AGO)
        assert [attempt.call_id for attempt in history.attempts] == [call.id]


async def _when_it_can(store: SqlStore, call: Call) -> Call | None:
    try:
        found = await store.call(call.tenant_id, call.id)
    except StoreUnavailable:
        return None
    return found and found[0]


@pytest.mark.postgresql
async def test_connections_that_the_server_has_cut_while_they_lay_idle_cost_no_press() -> None:
    server = shared_server()
    async with SqlStore(server.new_database(), flush_timeout=5.0) as store:
        ask = partial(store.contact_history, "north", [Person(number="+12025550100")], attempts_since=LONG_AGO)
        await asyncio.gather(store.record_press(a_call()), ask(), *(stored_calls(store, "north") for _ in range(4)))
        # The loop stands still meanwhile: nothing has told the driver of it.
        server.cut_connections()
        assert [len(found.attempts) for found in await ask()] == [1]
        await store.record_press(a_call())
        assert len(await stored_calls(store, "north")) == 2


@pytest.mark.postgresql
async def test_a_transaction_that_takes_too_long_is_given_up() -> None:
    place = database(shared_server().new_database(), answer_timeout=0.3, migration_timeout=30.0)
    await place.open()
    try:
        async with asyncio.timeout(LIMIT):
            with pytest.raises(StoreUnavailable):
                await place.write(lambda connection: connection.exec_driver_sql("SELECT pg_sleep(600)").close())
            assert await place.read(lambda connection: connection.exec_driver_sql("SELECT 1").scalar()) == 1
    finally:
        await place.close()


async def sleeping_in(place: Database) -> None:
    """Wait until a transaction sleeps in the server."""
    query = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep(%' AND state = 'active'"
    )
    while not await place.read(lambda connection: connection.exec_driver_sql(query).scalar()):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


@pytest.mark.postgresql
async def test_a_press_that_is_about_to_be_committed_is_waited_for_and_taken_back() -> None:
    call, url = a_call(request_id="press-1"), shared_server().new_database()

    def write_slowly(connection: Connection) -> None:
        write_new(connection, BatchContent(presses=[NewPress(call, evidence=an_attempt(call))]))
        connection.exec_driver_sql("SELECT pg_sleep(0.5)").close()

    async with SqlStore(url, flush_timeout=5.0) as store, opened(url) as place, asyncio.timeout(LIMIT):
        writing = asyncio.create_task(place.write(write_slowly))
        await sleeping_in(place)
        await store.retract_press(call)
        await writing
        assert await store.press("ada", "press-1") is None
        assert kinds(await whole_chain(store)) == [Kind.ATTEMPT, Kind.RETRACTION]


@pytest.mark.postgresql
async def test_a_transaction_whose_caller_leaves_is_given_up() -> None:
    async with opened(shared_server().new_database()) as place, asyncio.timeout(LIMIT):
        running = asyncio.create_task(
            place.write(lambda connection: connection.exec_driver_sql("SELECT pg_sleep(600)").close())
        )
        await sleeping_in(place)
        running.cancel()
        # A fault in its place would let the journal's writer go on as if nobody had ended it.
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await place.read(lambda connection: connection.exec_driver_sql("SELECT 1").scalar()) == 1


@pytest.mark.postgresql
async def test_a_connection_lost_in_the_commit_fails_the_press() -> None:
    async with opened(url := shared_server().new_database()) as place:
        for statement in (
            "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS "
            "'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'",
            "CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON calls DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW WHEN (NEW.request_id = 'cut') EXECUTE FUNCTION cut()",
        ):
            await place.write(lambda c, s=statement: c.exec_driver_sql(s).close())  # type: ignore[misc]
    async with SqlStore(url, flush_timeout=5.0) as store, asyncio.timeout(LIMIT):
        first, cut, second = (a_call(request_id=key) for key in ("press-1", "cut", "press-2"))
        await store.record_press(first, evidence=an_attempt(first), expects=seen(first, 0))
        with pytest.raises(StoreUnavailable):
            await store.record_press(cut, evidence=an_attempt(cut), expects=seen(cut, 1))
        await store.record_press(second, evidence=an_attempt(second), expects=seen(second, 1))
        assert await store.press("ada", "cut") is None
        assert kinds(await whole_chain(store)) == [Kind.ATTEMPT, Kind.ATTEMPT]


@contextmanager
def read_only(server: PostgresqlServer, url: str) -> Iterator[None]:
    """As after a failover to a server that only follows another."""
    name = make_url(url).database

    def say(state: str) -> None:
        server.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = {state}")
        server.cut_connections()

    say("on")
    try:
        yield
    finally:
        say("off")


@pytest.mark.postgresql
async def test_a_server_that_may_only_be_read_fails_presses_and_keeps_the_rest() -> None:
    server = shared_server()
    url = server.new_database()
    async with SqlStore(url, flush_timeout=5.0, first_retry=0.02, longest_retry=0.1) as store:
        await survives(read_only(server, url), store)


@pytest.mark.postgresql
async def test_a_full_tablespace_fails_presses_until_there_is_room(small_disk: Path) -> None:
    server = new_server(durable=False)
    try:
        async with SqlStore(server.new_database(on=small_disk), flush_timeout=5.0) as store:
            with full(small_disk):
                outcomes = [await _outcome(store.record_press(a_call(purpose=noise()))) for _ in range(50)]
                assert type(outcomes[-1]) is StoreUnavailable
                assert not (await store.health()).ok
                written = outcomes.count(None)
            await store.record_press(a_call(purpose=noise()))
            assert len(await stored_calls(store, "north", limit=100)) == written + 1
            assert (await store.health()).ok
    finally:
        server.stop()


def noise() -> str:
    """A long text that cannot be compressed."""
    return os.urandom(20_000).hex()


async def _outcome(press: Awaitable[None]) -> Exception | None:
    try:
        await press
    except StoreUnavailable as fault:
        return fault
    return None
