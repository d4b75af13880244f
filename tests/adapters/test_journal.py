"""How the journal shares commits, and what it does when the database fails; on a SQLite file."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import NoReturn

import pytest
from sqlalchemy import text

from manualdial.ports import RequestIdTaken, StoreUnavailable
from manualdial.storage.batch import NewPress
from manualdial.storage.database import Database
from manualdial.storage.journal import Journal, WritePacing
from manualdial.tasks import TaskDied, Tasks
from tests.adapters.watched_database import PATIENT, QUICK, WatchedDatabase, held, steps, writing
from tests.contract.stores import LIMIT, a_call, a_login


@pytest.fixture
async def watched(tmp_path: Path) -> WatchedDatabase:
    return WatchedDatabase(tmp_path / "journal.sqlite3")


async def extensions(database: Database) -> dict[str, str]:
    query = text("SELECT agent_id, extension FROM agent_sessions")
    return await database.read(lambda connection: {row.agent_id: row.extension for row in connection.execute(query)})


# ── shared commits ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_presses_that_come_while_a_commit_runs_share_the_next_one(watched: WatchedDatabase) -> None:
    async with writing(watched) as journal:
        await asyncio.gather(*(journal.record_press(NewPress(a_call())) for _ in range(100)))
        assert watched.commits == 1
        watched.open_gate.clear()
        first = asyncio.create_task(journal.record_press(NewPress(a_call())))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        rest = [asyncio.create_task(journal.record_press(NewPress(a_call()))) for _ in range(100)]
        await asyncio.sleep(0)
        watched.open_gate.set()
        await asyncio.gather(first, *rest)
        assert watched.commits == 3


async def test_presses_do_not_wait_for_changes_that_have_time(watched: WatchedDatabase) -> None:
    async with writing(watched, pacing=PATIENT) as journal:
        calls = [a_call() for _ in range(20)]
        for call in calls:
            await journal.record_press(NewPress(call))
            for step in range(1, 7):
                journal.record_change(held(call, step))
        assert watched.commits == 20
        assert await steps(watched, calls[0]) == [0]
        await journal.flush()
        assert watched.commits == 21
        assert await steps(watched, calls[-1]) == [0, 1, 2, 3, 4, 5, 6]


async def test_changes_that_nobody_asks_for_share_a_commit(watched: WatchedDatabase) -> None:
    call = a_call()
    async with writing(watched) as journal:
        await journal.record_press(NewPress(call))
        for step in range(1, 50):
            journal.record_change(held(call, step))
        async with asyncio.timeout(LIMIT):
            while watched.commits < 2:  # noqa: ASYNC110  # the clock alone starts this write
                await asyncio.sleep(0.005)
        assert await steps(watched, call) == list(range(50))


async def test_a_login_goes_with_the_next_press_in_one_commit(watched: WatchedDatabase) -> None:
    async with writing(watched, pacing=PATIENT) as journal:
        for number in range(100):
            journal.record_login("ada", a_login("ada", extension=str(number)))
            journal.record_login("bob", a_login("bob"))
        await journal.record_press(NewPress(a_call()))
        assert watched.commits == 1
        assert await extensions(watched) == {"ada": "99", "bob": "2001"}


async def test_commits_are_counted(watched: WatchedDatabase) -> None:
    call = a_call(request_id="press-1")
    async with writing(watched, pacing=PATIENT) as journal:
        await journal.record_press(NewPress(call))
        journal.record_change(held(call, 1))
        watched.faults = 1
        with pytest.raises(StoreUnavailable):
            await journal.flush()
        await journal.flush()
        with pytest.raises(RequestIdTaken):
            await journal.record_press(NewPress(a_call(request_id="press-1")))
        assert journal.commits == watched.commits == 3


# ── faults ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_changes_keep_their_order_over_failures(watched: WatchedDatabase) -> None:
    call = a_call()
    async with writing(watched, pacing=PATIENT) as journal:
        await journal.record_press(NewPress(call))
        watched.faults = 3
        for step in range(1, 5):
            journal.record_change(held(call, step))
            if watched.faults:
                with pytest.raises(StoreUnavailable):
                    await journal.flush()
        await journal.flush()
        assert await steps(watched, call) == [0, 1, 2, 3, 4]


async def test_a_failed_write_is_tried_again_by_itself(watched: WatchedDatabase) -> None:
    call = a_call()
    async with writing(watched) as journal:
        await journal.record_press(NewPress(call))
        watched.faults = 4
        journal.record_change(held(call, 1))
        async with asyncio.timeout(LIMIT):
            while watched.commits < 2:  # noqa: ASYNC110  # the clock alone starts these writes
                await asyncio.sleep(0.005)
        assert await steps(watched, call) == [0, 1]


async def test_pauses_grow_to_their_limit() -> None:
    pacing = WritePacing(linger=0.0, first_retry=0.1, longest_retry=5.0)
    pauses = [pacing.retry(failures) for failures in (1, 2, 3, 6, 7, 10_000)]
    assert pauses == pytest.approx([0.1, 0.2, 0.4, 3.2, 5.0, 5.0])


async def test_a_press_does_not_wait_for_the_pause_after_a_failure(watched: WatchedDatabase) -> None:
    call = a_call()
    async with writing(watched, pacing=PATIENT) as journal, asyncio.timeout(LIMIT):
        watched.faults = 1
        with pytest.raises(StoreUnavailable):
            await journal.record_press(NewPress(a_call()))
        await journal.record_press(NewPress(call))
        assert await steps(watched, call) == [0]


async def test_where_too_many_changes_wait_the_newest_of_each_call_is_kept(watched: WatchedDatabase) -> None:
    calls = [a_call() for _ in range(3)]
    async with writing(watched, pacing=PATIENT, room=10) as journal:
        for call in calls:
            await journal.record_press(NewPress(call))
        watched.faults = 1
        for step in range(1, 100):
            for call in calls:
                journal.record_change(held(call, step))
        with pytest.raises(StoreUnavailable):
            await journal.flush()
        for call in calls:
            journal.record_change(held(call, 100))
        await journal.flush()
        histories = [await steps(watched, call) for call in calls]
        assert [history[-1] for history in histories] == [100, 100, 100]
        assert sum(map(len, histories)) <= len(calls) + 10 + len(calls)


async def test_what_is_lost_is_told_twice_however_much_it_is(
    watched: WatchedDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    call = a_call()
    async with writing(watched, pacing=PATIENT, room=10) as journal:
        await journal.record_press(NewPress(call))
        for step in range(1, 101):
            journal.record_change(held(call, step))
        await journal.flush()
        written = await steps(watched, call)
    told = [line for line in capsys.readouterr().out.splitlines() if "lost" in line]
    assert len(told) == 2
    assert f"changes={101 - len(written)}" in told[1]


async def test_a_long_queue_is_written_in_parts_and_a_flush_waits_for_all(watched: WatchedDatabase) -> None:
    calls = [a_call() for _ in range(50)]
    async with writing(watched, pacing=PATIENT, room=100_000) as journal, asyncio.timeout(LIMIT):
        await asyncio.gather(*(journal.record_press(NewPress(call)) for call in calls))
        for step in range(1, 201):
            for call in calls:
                journal.record_change(held(call, step))
        flushing = asyncio.create_task(journal.flush())
        press = asyncio.create_task(journal.record_press(NewPress(a_call())))
        await press
        # The press did not wait for the last of them.
        assert not flushing.done()
        await flushing
        assert watched.commits >= 5
        assert [await steps(watched, call) for call in calls] == [list(range(201))] * 50


async def test_a_fault_amid_a_long_queue_fails_the_flush_and_keeps_the_rest(watched: WatchedDatabase) -> None:
    calls = [a_call() for _ in range(50)]
    async with writing(watched, pacing=PATIENT, room=100_000) as journal, asyncio.timeout(LIMIT):
        await asyncio.gather(*(journal.record_press(NewPress(call)) for call in calls))
        for step in range(1, 201):
            for call in calls:
                journal.record_change(held(call, step))
        flushing = asyncio.create_task(journal.flush())
        while watched.commits < 2:  # noqa: ASYNC110  # turns of the loop, not time
            await asyncio.sleep(0)
        watched.faults = 1
        with pytest.raises(StoreUnavailable):
            await flushing
        journal.record_change(held(calls[0], 201))
        await journal.flush()
        assert await steps(watched, calls[0]) == list(range(202))
        assert [await steps(watched, call) for call in calls[1:]] == [list(range(201))] * 49


async def test_logins_are_kept_over_failures_and_the_newest_is_written(watched: WatchedDatabase) -> None:
    async with writing(watched, pacing=PATIENT) as journal:
        for agent_id in ("ada", "bob", "eve"):
            journal.record_login(agent_id, a_login(agent_id))
        watched.open_gate.clear()
        watched.faults = 1
        flushing = asyncio.create_task(journal.flush())
        while not watched.attempts:  # noqa: ASYNC110  # turns of the loop, not time
            await asyncio.sleep(0)
        # These are newer than those that are just failing.
        journal.record_login("bob", a_login("bob", extension="102"))
        journal.record_login("eve", None)
        watched.open_gate.set()
        with pytest.raises(StoreUnavailable):
            await flushing
        assert journal.is_failing
        await journal.flush()
        assert await extensions(watched) == {"ada": "2001", "bob": "102"}


async def test_a_login_is_tried_again_by_itself(watched: WatchedDatabase) -> None:
    async with writing(watched) as journal:
        watched.faults = 4
        journal.record_login("ada", a_login())
        async with asyncio.timeout(LIMIT):
            while not watched.commits:  # noqa: ASYNC110  # the clock alone starts these writes
                await asyncio.sleep(0.005)
        assert await extensions(watched) == {"ada": "2001"}


async def test_a_login_that_the_database_refuses_holds_up_nothing(watched: WatchedDatabase) -> None:
    call = a_call()
    async with writing(watched, pacing=PATIENT) as journal:
        journal.record_login("ada", a_login(chosen_at=datetime(2031, 1, 1)))  # noqa: DTZ001  # that is what is wrong
        journal.record_login("bob", a_login("bob"))
        await journal.record_press(NewPress(call))
        await journal.flush()
        assert await extensions(watched) == {"bob": "2001"}
        assert await steps(watched, call) == [0]
        assert not journal.is_failing


async def test_a_press_that_cannot_be_taken_back_now_is_said_so(watched: WatchedDatabase) -> None:
    call = a_call()
    async with writing(watched, pacing=PATIENT) as journal:
        await journal.record_press(NewPress(call))
        watched.faults = 1
        with pytest.raises(StoreUnavailable):
            await journal.retract_press(call)
        await journal.retract_press(call)
        assert await steps(watched, call) == []


async def test_a_press_whose_caller_left_before_it_was_taken_up_is_not_written(watched: WatchedDatabase) -> None:
    call = a_call()
    async with writing(watched) as journal:
        watched.open_gate.clear()
        first = asyncio.create_task(journal.record_press(NewPress(a_call())))
        left = asyncio.create_task(journal.record_press(NewPress(call)))
        while not watched.attempts:  # noqa: ASYNC110  # turns of the loop, not time
            await asyncio.sleep(0)
        later = asyncio.create_task(journal.record_press(NewPress(a_call())))
        await asyncio.sleep(0)
        later.cancel()
        watched.open_gate.set()
        await asyncio.gather(first, left)
        await journal.flush()
        count = await watched.read(lambda connection: connection.execute(text("SELECT count(*) FROM calls")).scalar())
        assert count == 2


async def test_leaving_answers_whoever_still_waits(watched: WatchedDatabase) -> None:
    await watched.open()
    journal, tasks = Journal(watched, pacing=QUICK, room=10), Tasks()
    journal.start(tasks)
    watched.open_gate.clear()
    waiting = [asyncio.create_task(work) for work in (journal.record_press(NewPress(a_call())), journal.flush())]
    while not watched.attempts:  # noqa: ASYNC110  # turns of the loop, not time
        await asyncio.sleep(0)
    waiting.append(asyncio.create_task(journal.record_press(NewPress(a_call()))))
    waiting.append(asyncio.create_task(journal.retract_press(a_call())))
    waiting.append(asyncio.create_task(journal.flush()))
    await journal.close(limit=0.05)
    await tasks.close()
    await watched.close()
    async with asyncio.timeout(LIMIT):
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [outcome for outcome in outcomes if outcome is not None and not isinstance(outcome, StoreUnavailable)] == []
    assert isinstance(outcomes[0], StoreUnavailable)


async def test_a_full_database_fails_presses_and_keeps_changes(watched: WatchedDatabase) -> None:
    async def limit_pages(pages: int) -> None:
        await watched.write(lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}").close())

    call = a_call()
    async with writing(watched) as journal:
        await journal.record_press(NewPress(call))
        await limit_pages(1)
        # There is some room in its last pages.
        presses = [journal.record_press(NewPress(a_call(purpose="x" * 10_000))) for _ in range(20)]
        outcomes = await asyncio.gather(*presses, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {StoreUnavailable}
        assert journal.is_failing
        journal.record_change(held(call, 1))
        await limit_pages(1_000_000)
        await journal.flush()
        assert not journal.is_failing
        assert await steps(watched, call) == [0, 1]


async def test_lost_changes_are_logged_without_a_number(
    watched: WatchedDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    async with writing(watched) as journal:
        journal.record_change(held(a_call(), 1))
        await journal.flush()
    written = capsys.readouterr().out
    assert "a change is lost" in written
    assert "5550100" not in written


async def test_a_fault_that_nobody_foresaw_ends_the_writer_is_told_and_leaves_nobody_waiting(
    tmp_path: Path,
) -> None:
    class Odd(WatchedDatabase):
        async def write(self, work: object, *, locks: object = ()) -> NoReturn:
            raise KeyError("a fault of ours")

    journal, tasks = Journal(Odd(tmp_path / "journal.sqlite3"), pacing=QUICK, room=10), Tasks()
    journal.start(tasks)
    with pytest.raises(StoreUnavailable):
        await journal.record_press(NewPress(a_call()))
    with pytest.raises(TaskDied, match="the journal's writer"):
        await asyncio.wait_for(tasks.death(), LIMIT)
