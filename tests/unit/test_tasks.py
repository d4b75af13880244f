"""tasks: each has an owner, and none ends unseen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from structlog.testing import capture_logs

from manualdial.tasks import TaskDied, Tasks, repeat
from tests.support.waiting import running, until


async def nothing_comes() -> None:
    await asyncio.Event().wait()


async def fails() -> None:
    raise KeyError("a fault of ours")


async def returns() -> None:
    """Comes to its end, though it should not."""


async def is_cancelled() -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize("work", [fails, returns, is_cancelled])
async def test_a_kept_task_that_ends_is_told_to_the_log_to_its_owner_and_to_who_waits(
    work: Callable[[], Coroutine[Any, Any, None]],
) -> None:
    told: list[str | None] = []
    tasks = Tasks(on_death=lambda: told.append(tasks.dead))
    with capture_logs() as logs:
        tasks.keep(nothing_comes(), name="another")
        tasks.keep(work(), name="reports")
        with pytest.raises(TaskDied, match="reports"):
            await asyncio.wait_for(tasks.death(), 5)
        await tasks.close()
    assert told == ["reports"]
    assert [(line["log_level"], line["task"]) for line in logs] == [("critical", "reports")]


async def test_a_kept_task_that_is_ended_by_its_owner_is_no_death() -> None:
    tasks = Tasks()
    with capture_logs() as logs:
        tasks.keep(nothing_comes(), name="reports")
        await asyncio.sleep(0)
        await tasks.close(limit=60)
    assert (tasks.dead, len(tasks), logs) == (None, 0, [])


async def test_a_started_task_that_fails_is_told_to_the_log_unless_that_was_to_be_expected() -> None:
    with capture_logs() as logs:
        await asyncio.wait([Tasks(expected=(KeyError,)).start(fails())])
        assert logs == []
        await asyncio.wait([Tasks().start(fails())])
    assert [line["log_level"] for line in logs] == ["error"]


async def test_a_close_lets_started_tasks_come_to_their_end_and_cancels_what_is_late() -> None:
    go_on, tasks = asyncio.Event(), Tasks()
    in_time = tasks.start(go_on.wait())
    closing = asyncio.create_task(tasks.close(limit=60))
    await asyncio.sleep(0)
    go_on.set()
    await closing
    assert in_time.result() is True
    late = tasks.start(nothing_comes())
    with capture_logs() as logs:
        await tasks.close(limit=0.01)
    assert late.cancelled()
    assert [line["count"] for line in logs] == [1]


async def test_what_a_task_starts_at_its_end_is_ended_too() -> None:
    tasks = Tasks()

    async def leaves_another() -> None:
        try:
            await nothing_comes()
        finally:
            tasks.start(nothing_comes())

    tasks.start(leaves_another())
    await asyncio.sleep(0)
    await tasks.close()
    assert len(tasks) == 0


async def test_a_round_that_fails_ends_no_round_after_it_and_what_was_expected_has_no_traceback() -> None:
    faults: list[Exception] = [TimeoutError("too late"), KeyError("a fault of ours")]
    done = asyncio.Event()

    async def work() -> None:
        if faults:
            raise faults.pop(0)
        done.set()

    with capture_logs() as logs:
        async with running(repeat(work, every=0.001, failing="it was not done", expected=(TimeoutError,))):
            await asyncio.wait_for(done.wait(), 5)
    assert [(line["log_level"], line.get("reason")) for line in logs] == [("warning", "too late"), ("error", None)]


async def test_a_round_that_is_called_for_comes_at_once_and_once() -> None:
    wake, rounds = asyncio.Event(), 0

    async def work() -> None:
        nonlocal rounds
        rounds += 1

    async with running(repeat(work, every=3600, failing="", wake=wake)):
        wake.set()
        await until(lambda: rounds > 0)
        await asyncio.sleep(0)
    assert rounds == 1
